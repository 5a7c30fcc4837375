"""Compare a port's trace with a golden one: `python -m tf1gan.compare GOLDEN MINE`.

The golden trace is a path, or a tutorial's name for the one inside the package. What
is said: where the port first differs, in the order in which things cause one another,
and, where the numbers show it, why. The exit status is 0 when the two agree, 1 when
they differ and 2 when they cannot be compared. NumPy only.
"""

import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import InputError, causes, descriptions, flags, trace
from tf1gan.causes import optimizers
from tf1gan.trace import Trace

# Limits of a difference, as a share of the array's largest magnitude (of `grad` and of
# the moments: the largest in the update, for a bias in front of a batch normalization
# has a gradient of nothing but rounding). Of `after` it is a share of the learning
# rate, and comes to a few of float32's last bits and to what a gradient within its
# limit may do to the optimizer's step, update after update; a moving average has its
# own. The columns: the first step; the steps behind it, of dense networks; those of
# convolutional ones, where rounding decides the sign of a LeakyReLU's input sooner.
# experiments/ports has the noise that was measured beside each limit: between threads,
# Intel's build of TensorFlow 1.15, and the ports.
LIMITS = {
    'init': (0, 0, 0),          # what was loaded is what was stored
    'feed': (0, 0, 0),
    'mask': (0, 0, 0),
    'fake': (1e-5, 1e-4, 5e-2),
    'logit': (1e-5, 1e-4, 5e-3),
    'loss': (1e-5, 1e-5, 1e-3),
    'grad': (1e-5, 1e-3, 5e-2),
    'adam_m': (1e-5, 1e-3, 3e-2),
    'adam_v': (5e-5, 1e-3, 1e-2),
    'after': (2e-5, 1e-3, 7e-1),
    'average': (3e-6, 1e-5, 1e-4)}
LAST_BITS = 5e-7    # of a weight's magnitude
MOST_ROWS = 12      # of the table


class Difference(NamedTuple):
    """An array that differs, and where it does most."""

    key: str
    why: str            # values, not finite, missing, extra, shape, type
    where: Optional[List[int]] = None   # index of the largest difference
    golden: Any = None                  # its value there, or the shape or type
    mine: Any = None
    difference: Optional[float] = None
    limit: Optional[float] = None


class Report(NamedTuple):
    """What a comparison found; `status` is the exit status."""

    status: int
    tutorial: str
    n_arrays: int                       # that were compared
    differences: List[Difference]       # in causal order
    cause: Optional[causes.Cause]       # of the first, if the numbers show it
    end: Optional[str]                  # where golden is no longer finite


def compare(golden: Trace, mine: Trace) -> Report:
    """Compare two traces.

    Raises: InputError when they are not of the same training run.
    """
    for part in 'tutorial', 'config', 'seed':
        parts = [trace.meta[part] for trace in (golden, mine)]
        if part == 'config':        # a rate that is off is for the arrays to show
            parts = [{name: value for name, value in each.items()
                      if not name.startswith('learning_rate')} for each in parts]
        if parts[0] != parts[1]:
            raise InputError(
                f'{mine.source}: expected a trace with the {part} of {golden.source}, '
                f'{_short(parts[0])}, found {_short(parts[1])}; replay '
                f'{golden.source}, or compare with another one')
    limits = Limits(golden)
    found, n, end = [], 0, None
    for key in causal_order(golden, mine):
        if key in golden.arrays and np.isnan(golden.arrays[key]).any() and (
                key in mine.arrays and np.array_equal(
                    np.isnan(golden.arrays[key]), np.isnan(mine.arrays[key]))):
            end = key       # from NaN on both sides nothing can be learned
            break
        n += 1
        difference = differ(key, golden.arrays.get(key), mine.arrays.get(key), limits)
        if difference:
            found.append(difference)
    if not found and n < len(golden.part('init')) + len(golden.part(
            golden.updates[0] if golden.updates else 'init')):
        raise InputError(f'{golden.source}: expected a golden trace that is finite for '
                         f'an update at least, found NaN in {end}; record another one')
    cause = causes.explain(golden, mine, found[0].key, limits.of) if found else None
    return Report(int(bool(found)), golden.meta['tutorial'], n, found, cause, end)


def causal_order(golden: Trace, mine: Trace) -> List[str]:
    """Return all keys, each behind what it is computed from."""
    kinds = {kind: place for place, kind in enumerate(trace.KINDS)}
    known = {key: place for place, key in enumerate(golden.arrays)}
    updates = {update: place for place, update in enumerate(golden.updates)}

    def place(key):
        if key.startswith('init/'):
            return -1, 0, known.get(key, len(known)), key
        update, kind = '/'.join(key.split('/')[:2]), key.split('/')[2]
        return (updates.get(update, len(updates)), kinds[kind],
                known.get(key, len(known)), key)

    return sorted({**golden.arrays, **mine.arrays}, key=place)


class Limits:
    """The largest difference that an array may have, element by element."""

    def __init__(self, golden: Trace):
        self.golden = golden
        self.convolutional = descriptions.has(
            descriptions.of(golden.meta, golden.source), 'conv')
        self.moved: Dict[str, np.ndarray] = {}      # what earlier updates may have done
        self.known: Dict[str, Any] = {}

    def of(self, key: str) -> Any:
        """Return the limit of an array of golden's: a number, or one an element."""
        if key not in self.known:
            self.known[key] = self._of(key)
        return self.known[key]

    def share(self, key: str, kind: str) -> float:
        """Return the share of the magnitude that a kind's limit is."""
        if key.startswith(('init/', 'step_000/')):
            return LIMITS[kind][0]
        return LIMITS[kind][2 if self.convolutional else 1]

    def _of(self, key: str) -> Any:
        array = self.golden.arrays[key]
        if key.startswith('init/'):
            return 0.0
        step, update, kind = key.split('/')[:3]
        limit = self.share(key, kind)
        if kind in ('grad', 'adam_m', 'adam_v'):
            return limit * max(_largest(each) for each in self.golden.part(
                f'{step}/{update}/{kind}').values())
        if kind != 'after':
            return limit * _largest(array)
        name = key.split('/')[3]
        if f'{step}/{update}/grad/{name}' in self.golden.arrays:
            rounding = LAST_BITS * np.abs(array) + limit * self.golden.meta[
                'optimizers'][update]['learning_rate']
        else:
            scale = _largest(array)
            if name.endswith('_mean'):      # its rounding is that of what it averages
                scale += np.sqrt(_largest(self.golden.arrays[
                    key[:-len('mean')] + 'variance']))
            rounding = self.share(key, 'average') * scale
        self.moved[name] = rounding + self._step_of(f'{step}/{update}', name)
        return self.moved[name]

    def _step_of(self, place: str, name: str) -> Any:
        """Return what limits so far and a gradient within its limit may move."""
        before = self.moved.get(name, 0.0)
        gradient = self.golden.arrays.get(f'{place}/grad/{name}')
        if gradient is None:        # a moving average
            return before
        numbers = self.golden.meta['optimizers'][place.split('/')[1]]
        wrong = self.of(f'{place}/grad/{name}')
        if numbers['kind'] == 'SGD':
            return before + numbers['learning_rate'] * wrong
        m, v = (self.golden.arrays[f'{place}/{moment}/{name}'].astype(float)
                for moment in ('adam_m', 'adam_v'))
        t = optimizers.updates_so_far(self.golden, place)
        usual = optimizers.adam(m, v, t, numbers)
        wrong_m = self.of(f'{place}/adam_m/{name}')
        most = np.zeros(m.shape)
        for sign in -1, 1:
            other = m + sign * wrong_m
            # m's error comes with one of v, for both are of the same gradients.
            scale = np.abs(np.divide(other, m, out=np.ones_like(m), where=m != 0))
            moved = optimizers.adam(other, v * scale ** 2, t, numbers)
            most = np.maximum(most, np.abs(moved - usual))
        return before + np.minimum(most, 2 * numbers['learning_rate'])


def differ(key: str, golden: Optional[np.ndarray], mine: Optional[np.ndarray],
           limits: Limits) -> Optional[Difference]:
    """Return how an array differs, or None where it does not."""
    if mine is None:
        return Difference(key, 'missing', golden=list(golden.shape))
    if golden is None:
        return Difference(key, 'extra', mine=list(mine.shape))
    if golden.shape != mine.shape:
        return Difference(key, 'shape', golden=list(golden.shape),
                          mine=list(mine.shape))
    if golden.dtype != mine.dtype:
        return Difference(key, 'type', golden=str(golden.dtype), mine=str(mine.dtype))
    limit = np.broadcast_to(limits.of(key), golden.shape)
    with np.errstate(invalid='ignore'):
        apart = np.abs(mine.astype(float) - golden.astype(float))
        good = (mine == golden) | (apart <= limit)      # NaN is neither
    if good.all():
        return None
    with np.errstate(invalid='ignore', divide='ignore'):
        excess = np.where(good, -1, np.where(np.isfinite(apart), apart / limit, np.inf))
    excess = np.where(np.isnan(excess), np.inf, excess)
    where = np.unravel_index(np.argmax(excess), golden.shape)
    finite = np.isfinite(golden).all() and np.isfinite(mine).all()
    return Difference(key, 'values' if finite else 'not finite',
                      [int(place) for place in where], float(golden[where]),
                      float(mine[where]), float(apart[where]), float(limit[where]))


def _largest(array: np.ndarray) -> float:
    finite = np.abs(array[np.isfinite(array)]).astype(float)
    return float(finite.max()) if finite.size else 0.0


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 200 else text[:200] + '...'


# --- Telling --------------------------------------------------------------------------

def text(report: Report) -> Iterator[str]:
    """Yield the lines of a report."""
    if report.end:
        yield f'From {report.end} on golden holds NaN, and so does yours: not compared.'
    if not report.differences:
        yield f'{report.tutorial}: agrees in all {report.n_arrays} arrays.'
        return
    first = report.differences[0]
    yield (f'{report.tutorial}: differs, first in {first.key} '
           f'({len(report.differences)} of {report.n_arrays} arrays differ).')
    yield ''
    rows = [('array', 'where', 'golden', 'yours', 'difference', 'limit')]
    rows += [_row(each) for each in report.differences[:MOST_ROWS]]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        yield '  ' + '  '.join(cell.ljust(width)
                               for cell, width in zip(row, widths)).rstrip()
    if len(report.differences) > MOST_ROWS:
        yield f'  ... and {len(report.differences) - MOST_ROWS} more'
    yield ''
    if report.cause:
        yield f'Likely cause: {report.cause.sentence}'
        yield f'Shown by: {report.cause.evidence}'
        yield f'Change: {report.cause.change}'
    else:
        yield ('No known cause explains the numbers. Look at how your port computes '
               f'{first.key}; all that it is computed from agrees.')


def _row(each: Difference) -> Tuple[str, ...]:
    if each.why in ('values', 'not finite'):
        return (each.key, str(each.where), f'{each.golden:.9g}', f'{each.mine:.9g}',
                f'{each.difference:.2g}', f'{each.limit:.2g}')
    golden, mine = ('-' if side is None else str(side)
                    for side in (each.golden, each.mine))
    return each.key, each.why, golden, mine, '', ''


def as_json(report: Report) -> Dict[str, Any]:
    """Return a report as JSON, for machines: numbers that are not finite as strings."""
    def plain(value):
        if isinstance(value, float) and not np.isfinite(value):
            return str(value)
        return value

    return {'status': report.status, 'tutorial': report.tutorial,
            'verdict': 'differs' if report.status else 'agrees',
            'arrays_compared': report.n_arrays, 'golden_is_nan_from': report.end,
            'first': report.differences[0].key if report.differences else None,
            'cause': report.cause._asdict() if report.cause else None,
            'differences': [{name: plain(value) for name, value in
                             each._asdict().items()} for each in report.differences]}


def main() -> int:
    """Compare what the command line names; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.compare', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('golden', metavar='GOLDEN', help='a trace, or a tutorial\'s '
                        'name for the golden one inside the package')
    parser.add_argument('mine', metavar='MINE', help='the trace of a port')
    parser.add_argument('--json', action='store_true', help='print JSON, for machines')
    try:
        options = parser.parse_args()
        report = compare(trace.load(options.golden), trace.load(options.mine))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        if options.json:
            print(json.dumps(as_json(report), indent=2, allow_nan=False))
        else:
            print('\n'.join(text(report)))
    except BrokenPipeError:
        sys.stderr.close()
    return report.status


if __name__ == '__main__':
    sys.exit(main())
