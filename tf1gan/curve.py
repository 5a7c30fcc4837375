"""Say whether a loss curve is normal: `python -m tf1gan.curve vanilla mine.csv`.

mine.csv is a log of any framework: a column of steps or of epochs, and columns of
losses. Their names are found, or given (--step, --columns). The curve is drawn over
those of the tutorial's seeds, and one sentence says whether it leaves their band, from
where, and what that looks like.

A run is cut into 25 windows, and a loss averaged in each. Its distance from the others
in a window is that from their mean, in their standard deviations. How odd a run is, its
greatest distance and the mean square of all say. A curve leaves the band when it is
odder than each of the n seeds is among the others: a right run does so once in n + 1
times. (Conformal prediction: Vovk, Gammerman and Shafer, Algorithmic Learning in a
Random World, 2005.)

The exit status is 0 inside the band, 1 outside, 2 where nothing can be told.
NumPy only; the figure takes matplotlib.
"""

import argparse
import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import TUTORIALS, InputError, flags, run_folder

FILE = Path(__file__).with_suffix('.json')
N_WINDOWS = 25
POOLED = 5              # windows: each, two before it and two after it
LEAST_SEEDS = 10        # with fewer, more than one right run in eleven is outside
LAST_WORD = {'collapse': 'rung 4', 'minimax': 'non-saturating'}     # of its groups
MOST_BYTES = 2 ** 26
LEAST = 1e-3            # of a mean: what a deviation counts at least
# Other ways to write the same loss: the factor that makes ours of yours, in words.
FORMS = {1: '', 2: 'half of the loss', 0.5: 'twice the loss',
         float(np.log(2)): 'the loss in bits', float(np.log(10)): 'the loss in log10'}
# By names that usual logs have, in lower case and without signs.
STEP_NAMES = 'step', 'steps', 'globalstep', 'iteration', 'iter', 'iterations', 'batch'
EPOCH_NAMES = 'epoch', 'epochs'


class Band(NamedTuple):
    """The curves of a tutorial's seeds: of each loss [seeds, windows].

    `within` is the standard deviation of single rows in a window, `rows` their number.
    """

    name: str
    group: str
    steps: int
    epoch: int          # steps of one
    batch: int
    raised: bool        # whether the losses are raised, not lowered
    curves: Dict[str, np.ndarray]
    within: Dict[str, np.ndarray]
    rows: int

    def __str__(self) -> str:
        """Say whose band it is."""
        group = f', {self.group}' if self.group else ''
        return f'{self.name}{group}'

    @property
    def n(self) -> int:
        """Return how many seeds it is of."""
        return len(next(iter(self.curves.values())))


class Log(NamedTuple):
    """A log: the steps done at each row, and its losses."""

    steps: np.ndarray               # [rows]
    losses: Dict[str, np.ndarray]   # each [rows]
    notes: List[str]


class Verdict(NamedTuple):
    """What is said of a curve."""

    inside: bool
    sentence: str
    notes: List[str]
    windows: Dict[str, np.ndarray]  # of each loss; nan where it has no row
    outside: Dict[str, np.ndarray]  # of each loss, whether it is out there


def load(name: str, group: Optional[str] = None) -> Band:
    """Return the band of a tutorial's group, or of the one that is its last word.

    Raises: InputError when there is none, or it has too few seeds.
    """
    groups = json.loads(FILE.read_text()).get(name, {})
    group = LAST_WORD.get(name, '') if group is None else group
    if not groups:
        raise InputError(f'expected the curves of the seeds of {name}, found none; '
                         'train some (experiments/sweep)')
    if group not in groups:
        raise InputError(f'--group: expected one of {", ".join(map(repr, groups))} of '
                         f'{name}, found {group!r}; name one of them')
    found = groups[group]
    numbers = [found.pop(key) for key in ('steps', 'epoch', 'batch', 'raised')]
    band = Band(name, group, *numbers, **{key: {
        loss: np.array(values) for loss, values in found[key].items()}
        for key in ('curves', 'within')}, rows=found['rows'])
    if band.n < LEAST_SEEDS:
        raise InputError(f'expected the curves of {LEAST_SEEDS} seeds at least, found '
                         f'those of {band.n} of {band}; train more '
                         '(experiments/sweep)')
    return band


# --- Reading a log --------------------------------------------------------------------

def plain(name: str) -> str:
    """Return a column's name in lower case, letters only."""
    return re.sub('[^a-z]', '', name.lower())


def names_of(loss: str) -> List[str]:
    """Return what a loss of ours may be called: loss_D, d_loss, D/loss, errD, ..."""
    word = plain(loss.replace('loss_', ''))         # d, g, dreal, dfake
    long = {'d': 'discriminator', 'g': 'generator'}[word[0]] + word[1:]
    gan = ['ganloss', 'adversarialloss'] if word == 'g' else []
    return [*(form.format(each) for each in (word, long)
              for form in ('loss{}', '{}loss', 'err{}', 'train{}loss')), *gan]


def read(path: Path, band: Band, step: Optional[str] = None,
         columns: Optional[Dict[str, str]] = None) -> Log:
    """Read a CSV log: steps from `step`, losses from `columns`, or by their names.

    Raises: InputError when it is no table, or the columns cannot be told.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f'{path}: expected a log of {MOST_BYTES >> 20} MiB at '
                             'most, found a larger one; keep every tenth row')
        text = path.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: expected a CSV file, found: {error}; name another')
    first = text.partition('\n')[0]
    delimiter = max(',;\t', key=first.count)
    head, *rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter)
                   if row] or [[]]
    table = {name: n for n, name in enumerate(head)}
    found = f'{path}: expected {{}}, found the columns {", ".join(head)[:200]}; {{}}'

    def column(name):
        try:
            return np.array([float(row[table[name]] or 'nan') for row in rows])
        except (ValueError, IndexError):
            raise InputError(f'{path}: expected numbers in the column {name}, found '
                             'others; write them as 0.5')

    chosen = dict(columns or {})
    for loss in band.curves if not chosen else ():
        for name in head:
            if plain(name) in names_of(loss):
                chosen.setdefault(loss, name)
    odd = sorted(set(chosen) - set(band.curves)) + sorted(
        set(chosen.values()) - set(table))
    if odd or not chosen:
        raise InputError(found.format(
            f'the losses {", ".join(band.curves)}', 'name them: --columns '
            + ' '.join(f'{loss}=NAME' for loss in band.curves)))
    if len(rows) < 2:
        raise InputError(f'{path}: expected two rows at least, found {len(rows)}; log '
                         'more often')
    by_name = step or next((name for known in (STEP_NAMES, EPOCH_NAMES) for name in head
                            if plain(name) in known), None)
    if by_name not in table:
        raise InputError(found.format('a column of steps or of epochs',
                                      'name it: --step NAME'))
    losses = {loss: column(name) for loss, name in chosen.items()}
    return _log(column(by_name), by_name, losses, band)


def _log(counts: np.ndarray, name: str, losses: Dict[str, np.ndarray],
         band: Band) -> Log:
    """Return a log whose counts of steps or epochs are steps done."""
    notes = []
    if not (np.isfinite(counts).all() and (np.diff(counts) >= 0).all()):
        raise InputError(f'expected {name} to grow from row to row, found others; sort '
                         'the rows')
    in_epochs = plain(name) in EPOCH_NAMES
    most = counts[-1] + (counts[0] == 0)
    if not in_epochs and most * band.epoch == band.steps:
        in_epochs = True
        notes.append(f'{name} ends at {counts[-1]:g}: it is read as epochs of '
                     f'{band.epoch:,} steps')
    if in_epochs:       # the rows of an epoch lie evenly in it
        _, place, n = np.unique(counts, return_inverse=True, return_counts=True)
        before = np.concatenate([[0], np.cumsum(n)])[place]
        part = (np.arange(len(counts)) - before + 1) / n[place]
        counts = (counts - counts[0] + part) * band.epoch
    else:
        counts = counts + (counts[0] == 0)
    if counts[-1] > band.steps:
        notes.append(f'rows after {band.steps:,} steps, where the seeds end, are not '
                     'judged')
    return Log(counts, losses, notes)


def window_of(steps: np.ndarray, whole: int) -> np.ndarray:
    """Return in which window of a run of `whole` steps each number of steps done is."""
    return np.ceil(steps / whole * N_WINDOWS - 1e-9).astype(int) - 1


def windows(log: Log, band: Band) -> Tuple[Dict[str, np.ndarray], np.ndarray]:
    """Return the mean of each loss in each window, and how many rows a window has."""
    place = window_of(log.steps, band.steps)
    inside = (place >= 0) & (place < N_WINDOWS)
    rows = np.bincount(place[inside], minlength=N_WINDOWS)
    with np.errstate(invalid='ignore', divide='ignore'):
        return {loss: np.bincount(place[inside], values[inside], N_WINDOWS) / rows
                for loss, values in log.losses.items()}, rows


# --- Judging --------------------------------------------------------------------------

def distances(one: np.ndarray, others: np.ndarray, more=0.) -> np.ndarray:
    """Return how far a curve is from others [n, windows], in their deviations.

    A variance is that of a window and of its neighbours: of few seeds one window's is
    small by chance now and then, and then a right run is far from them there.
    """
    mean, variance = others.mean(0), others.var(0, ddof=1)
    there, pooled = np.isfinite(variance), np.ones(POOLED)
    variance = np.convolve(np.where(there, variance, 0), pooled, 'same') / np.maximum(
        np.convolve(there, pooled, 'same'), 1)
    deviation = np.sqrt(variance * (1 + 1 / len(others)) + more)
    return np.abs(one - mean) / np.maximum(deviation, LEAST * np.abs(mean) + 1e-12)


def apart(mine: Dict[str, np.ndarray], rows: np.ndarray, band: Band
          ) -> Dict[str, np.ndarray]:
    """Return how far each seed is from the others and a curve, and it from the seeds.

    Of each loss [seeds + 1, windows], the curve last; nan where it has no row.
    """
    seen, found = rows > 0, {}
    less = np.maximum(1 / np.maximum(rows, 1) - 1 / band.rows, 0)   # than a seed's rows
    for loss, curve in mine.items():
        theirs = band.curves[loss]
        all_of = np.concatenate([theirs, curve[None]])
        found[loss] = np.where(seen, [
            *(distances(theirs[n], np.delete(all_of, n, 0)) for n in range(band.n)),
            distances(curve, theirs, band.within[loss] ** 2 * less)], np.nan)
    return found


def scores(far: Dict[str, np.ndarray]) -> np.ndarray:
    """Return how odd each run is, from what `apart` returns; the curve's is the last.

    The greatest distance tells a run that is off for a short time, the mean square one
    that is off for long: each is divided by its median over the runs, and the larger
    one counts.
    """
    found = np.concatenate(list(far.values()), 1)
    found = found[:, np.isfinite(found).all(0)]
    each = np.array([found.max(1), np.sqrt((found ** 2).mean(1))])
    return (each / np.median(each, 1)[:, None]).max(0)


def stretches(far: Dict[str, np.ndarray], mine: Dict[str, np.ndarray], band: Band
              ) -> Dict[str, np.ndarray]:
    """Return in which windows of each loss a curve that is outside is off.

    Where it is farther than any seed ever is, or leaves the range of the seeds three
    times in a row; if that is nowhere, wherever it leaves their range.
    """
    most = max(np.nanmax(each[:-1]) for each in far.values())
    with np.errstate(invalid='ignore'):     # where there is no row
        beyond = {loss: (curve < band.curves[loss].min(0))
                  | (curve > band.curves[loss].max(0)) for loss, curve in mine.items()}
    off = {}
    for loss, each in beyond.items():
        three = np.convolve(each, np.ones(3), 'same') == 3      # the middle ones
        off[loss] = (np.convolve(three, np.ones(3), 'same') > 0) | (
            np.nan_to_num(far[loss][-1]) > most)
    return off if any(each.any() for each in off.values()) else beyond


def form(curve: np.ndarray, rows: np.ndarray, loss: str, band: Band
         ) -> Tuple[float, str]:
    """Return the factor that makes our loss of yours, and what yours is, in words.

    Another factor than a sign only where the loss without it fits badly, and with it
    well. A loss that never has the sign of ours has the other one, if it fits or not.
    """
    signs = np.sign(band.curves[loss])
    other = (signs == signs[0, 0]).all() and (
        np.sign(curve[rows > 0]) == -signs[0, 0]).all()

    def misfit(factor):
        return np.median(distances(curve * factor, band.curves[loss])[rows > 0])

    factors = {sign * factor: (f'{words or "the loss"}, with the other sign'
                               if sign < 0 else words)
               for sign in (1, -1) for factor, words in {
                   1 / band.batch: 'the sum over a batch', **FORMS}.items()}
    plain, best = -1 if other else 1, min(factors, key=misfit)
    if misfit(plain) > 4 and misfit(best) < 2:
        return best, factors[best]
    return plain, factors[plain]


def judge(log: Log, band: Band) -> Verdict:
    """Say whether a log is inside a band, from where it is not, and what that is like.

    Raises: InputError when no row is inside the seeds' steps.
    """
    mine, rows = windows(log, band)
    if not rows.any():
        raise InputError(f'expected rows in the first {band.steps:,} steps, found '
                         'none; name the column of steps with --step')
    notes, rate = list(log.notes), 1 / (band.n + 1)
    bad = {loss: log.steps[~np.isfinite(values)][0] for loss, values
           in log.losses.items() if not np.isfinite(values).all()}
    for loss in mine:
        whole = np.isfinite(mine[loss])
        factor, words = form(np.where(whole, mine[loss], 0), whole * rows, loss, band)
        mine[loss] = mine[loss] * factor
        if words:
            notes.append(f'your {loss} is read as {words} (ours is {factor:.4g} times '
                         'yours)')
    if bad:
        loss = min(bad, key=bad.get)
        nothing = {each: ~np.isfinite(curve) & (rows > 0)
                   for each, curve in mine.items()}
        return Verdict(False, f'outside: {loss} is not finite from step '
                       f'{bad[loss]:,.0f} on', notes, mine, nothing)
    far = apart(mine, rows, band)
    *theirs, score = scores(far)
    chance = f'a right run is outside once in {band.n + 1} times'
    if log.steps[-1] < 0.99 * band.steps:
        notes.append(f'the log ends after {log.steps[-1]:,.0f} of {band.steps:,} steps')
    if score <= max(theirs):
        nowhere = {loss: np.zeros(N_WINDOWS, bool) for loss in mine}
        return Verdict(True, f'inside the band of {band}, {band.n} seeds, as far as it '
                       f'goes ({chance}, p <= {rate:.3f})', notes, mine, nowhere)
    out = stretches(far, mine, band)
    window = min(int(np.argmax(each)) for each in out.values() if each.any())
    losses = ' and '.join(loss for loss, each in out.items() if each[window])
    return Verdict(False, f'outside the band of {band}, {band.n} seeds, from step '
                   f'{window * band.steps // N_WINDOWS:,} on, where {losses} left it '
                   f'({chance}): {looks(mine, out, rows, band)}', notes, mine, out)


def looks(mine: Dict[str, np.ndarray], out: Dict[str, np.ndarray], rows: np.ndarray,
          band: Band) -> str:
    """Return what a curve outside looks like, in words that claim no cause."""
    seen = rows > 0
    misfit = {}
    for pace in 2, 5, 10, 0.5, 0.2, 0.1:
        at = np.minimum((np.arange(N_WINDOWS) + 0.5) * pace, N_WINDOWS) - 0.5
        misfit[pace] = max(distances(curve, np.array([
            np.interp(at, np.arange(N_WINDOWS), seed)
            for seed in band.curves[loss]]))[seen].mean()
            for loss, curve in mine.items())
    best = min(misfit, key=misfit.get)
    if misfit[best] < 1.5:
        return (f'it looks like the same curve {best:g} times as fast (another '
                'learning rate, or steps counted otherwise)')
    ratio = {loss: curve[seen] / band.curves[loss].mean(0)[seen]
             for loss, curve in mine.items()}
    for loss, each in ratio.items():
        if each.std() < 0.05 * abs(each.mean()) and abs(each.mean() - 1) > 0.2:
            return (f'it looks like another scale: {loss} is {each.mean():.3g} times '
                    'ours')
    sides = {'D': 0., 'G': 0.}
    for loss, curve in mine.items():
        above = np.sign(curve - band.curves[loss].mean(0))[out[loss]].sum()
        sides[loss.split('_')[1]] += above * (-1 if band.raised else 1)
    d, g = np.sign(sides['D']), np.sign(sides['G'])     # 1: a loss is worse
    return {(-1, 1): 'it looks like D winning: D does better, G worse',
            (1, -1): 'it looks like G winning: G does better, D worse',
            (-1, 0): 'D does better than with the seeds',
            (1, 0): 'D does worse than with the seeds',
            (0, 1): 'G does worse than with the seeds',
            (0, -1): 'G does better than with the seeds',
            (1, 1): 'it looks like a loss that moves the wrong way (a flipped sign, or '
                    'no training): both do worse',
            (-1, -1): 'both losses are better than with the seeds (another loss, or '
                      'other data)'}.get((d, g), 'its losses scatter more than theirs')


# --- Telling --------------------------------------------------------------------------

def pair(text: str) -> Tuple[str, str]:
    """Return LOSS and NAME of LOSS=NAME."""
    loss, sign, name = text.partition('=')
    if not (loss and sign and name):
        raise argparse.ArgumentTypeError(f'expected LOSS=NAME, found {text!r}')
    return loss, name


def main() -> int:
    """Judge what the command line names; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.curve', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('tutorial', choices=TUTORIALS, metavar='TUTORIAL',
                        help='whose seeds: ' + ', '.join(TUTORIALS))
    parser.add_argument('log', metavar='CSV', type=flags.path, help='a log of losses')
    parser.add_argument('--group', help="of the tutorial's runs: 'rung 1' of collapse, "
                        'saturating of minimax (default: the last word of the source)')
    parser.add_argument('--step', metavar='NAME', help='the column of steps, or of '
                        'epochs if its name says so (default: found by its name)')
    parser.add_argument('--columns', nargs='+', type=pair, metavar='LOSS=NAME',
                        help='the columns of the losses, as loss_D=errD (default: '
                        'found by their names)')
    parser.add_argument('--out', metavar='PNG', type=flags.path, help='where the '
                        'figure goes (default: beside the log, with _curve.png for '
                        '.csv)')
    parser.add_argument('--json', action='store_true', help='print JSON, for machines')
    try:
        options = parser.parse_args()
        path = Path(options.log)
        band = load(options.tutorial, options.group)
        found = judge(read(path, band, options.step, dict(options.columns or [])), band)
        out = Path(options.out or path.with_name(f'{path.stem}_curve.png'))
        from tf1gan import pictures
        run_folder.write(out, pictures.bands(
            found.windows, found.outside, band.curves, band.steps))
        if options.json:
            flags.show(json.dumps({
                'inside': found.inside, 'sentence': found.sentence,
                'notes': found.notes, 'figure': str(out), 'outside': {
                    loss: np.flatnonzero(each).tolist()
                    for loss, each in found.outside.items()}}, indent=2))
        else:
            flags.show('\n'.join([found.sentence, *found.notes, f'figure: {out}']))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return int(not found.inside)


if __name__ == '__main__':
    sys.exit(main())
