"""Compare a port's trace with a golden one: `python -m tf1gan.compare GOLDEN MINE`.

The golden trace is a path, or a tutorial's name for the one inside the package. Every
array that a port recorded is judged from the port's own inputs of it (`tf1gan.judge`);
what is loaded and fed must be that of the golden trace, exactly. The report says every
mistake that the numbers show, in causal order, and every place that does not follow and
that no known mistake explains. The exit status is 0 when all that is recorded agrees, 1
when something differs and 2 when nothing can be compared. NumPy only.
"""

import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import InputError, descriptions, flags, interpreter, trace
from tf1gan.judge import Node, inputs, words
from tf1gan.judge.search import Search
from tf1gan.trace import Trace

MOST_ROWS = 12      # of the table


class Difference(NamedTuple):
    """An array that differs, and where it does most."""

    key: str
    why: str            # values, not finite, shape, type, extra
    where: Optional[List[int]] = None   # index of the largest difference
    golden: Any = None                  # what should be there, or the shape or type
    mine: Any = None
    difference: Optional[float] = None
    limit: Optional[float] = None


class Report(NamedTuple):
    """What a comparison found; `status` is the exit status."""

    status: int
    tutorial: str
    n_arrays: int                       # that were compared
    differences: List[Difference]       # in causal order
    cause: Optional[words.Cause]        # of the first, if the numbers show it
    end: Optional[str]                  # from where on your arrays hold NaN
    findings: List[words.Told] = []     # all mistakes, and what none explains
    notes: List[str] = []               # what is no difference
    missing: List[str] = []             # arrays that are not recorded


def compare(golden: Trace, mine: Trace) -> Report:
    """Compare two traces.

    Raises: InputError when they are not of the same training run.
    """
    for part in 'tutorial', 'config', 'seed':
        parts = [trace.meta[part] for trace in (golden, mine)]
        if part == 'config':        # a rate that is off is for the arrays to show
            parts = [{name: value for name, value in each.items()
                      if not isinstance(value, float)} for each in map(
                          descriptions.numbers_of, (golden.meta, mine.meta))]
        if parts[0] != parts[1]:
            raise InputError(
                f'{mine.source}: expected a trace with the {part} of {golden.source}, '
                f'{_short(parts[0])}, found {_short(parts[1])}; replay '
                f'{golden.source}, or compare with another one')
    first = golden.part(golden.updates[0]) if golden.updates else {}
    if not first or any(np.isnan(array).any() for array in
                        [*golden.part('init').values(), *first.values()]):
        raise InputError(f'{golden.source}: expected a golden trace that is finite for '
                         'an update at least, found NaN in it; record another one')
    _check_whole(golden)
    mine, notes = as_floats(golden, mine)
    differences, told = _inputs(golden, mine, notes)
    search = Search(golden, mine)
    search.explain()
    missing = [key for key in golden.arrays if key not in mine.arrays]
    notes += _unjudged(golden, mine, search.judged)
    end = next((f'{place}/{node.key}' for place, node in search.nodes
                if np.isnan(node.found).any() and np.isnan(node.expected).any()), None)
    differences += [_difference(place, node) for place, node in search.nodes
                    if node.share > 1]
    told += words.told(search)
    order = {key: n for n, key in enumerate(causal_order(golden, mine))}
    differences.sort(key=lambda each: order[each.key])
    told.sort(key=lambda each: order[each.key])
    given = [key for key in golden.arrays if _is_input(key) and key in mine.arrays]
    n = len(search.judged) + len(given)
    return Report(int(bool(differences)), golden.meta['tutorial'], n, differences,
                  told[0].cause if told else None, end, told, notes, missing)


def _check_whole(golden: Trace) -> None:
    """Raise InputError where a golden trace lacks arrays that its description makes.
    """
    try:
        description = descriptions.of(golden.meta, golden.source)
        for place, update, start in interpreter.starts(golden, description):
            with np.errstate(all='ignore'):
                made = interpreter.predict(description, update, start)
            for key, array in made.items():
                if golden.arrays[f'{place}/{key}'].shape != array.shape:
                    raise ValueError(f'{place}/{key} of another shape')
        return
    except KeyError as error:
        found = f'none of {error}'
    except Exception as error:      # a hostile file can fail in any way
        found = ' '.join(str(error).split())[:200]
    raise InputError(f'{golden.source}: expected a golden trace with all that its '
                     f'description makes, found: {found}; record another one')


def causal_order(golden: Trace, mine: Trace) -> List[str]:
    """Return all keys, each after what it is computed from."""
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


def as_floats(golden: Trace, mine: Trace) -> Tuple[Trace, List[str]]:
    """Return a port's trace in the golden trace's types, and what there is to say."""
    arrays, others = {}, set()
    for key, array in mine.arrays.items():
        like = golden.arrays.get(key, np.zeros(1, np.float32))
        if array.dtype != like.dtype:
            others.add(str(array.dtype))
            with np.errstate(over='ignore'):
                array = array.astype(like.dtype)
        arrays[key] = array
    notes = [f'arrays of {", ".join(sorted(others))} were taken as float32'] * bool(
        others)
    return mine._replace(arrays=arrays), notes


def _is_input(key: str) -> bool:
    return key.startswith('init/') or key.split('/')[2] in ('feed', 'mask')


def _inputs(golden: Trace, mine: Trace, notes: List[str]
            ) -> Tuple[List[Difference], List[words.Told]]:
    """Return what is loaded and fed and differs, and every array of another shape."""
    differences, told = [], []
    for key in causal_order(golden, mine):
        theirs, ours = golden.arrays.get(key), mine.arrays.get(key)
        if theirs is None or ours is None or theirs.shape == ours.shape and (
                not _is_input(key) or np.array_equal(theirs, ours)):
            continue
        guess = inputs.explain(golden, mine, key)
        if guess and guess.name == 'image rounding':
            note = f'{guess.sentence}: no difference ({guess.change})'
            notes += [note] * (note not in notes)
            continue
        if theirs.shape != ours.shape:
            differences.append(Difference(key, 'shape', golden=list(theirs.shape),
                                          mine=list(ours.shape)))
        else:
            differences.append(_difference('', Node(
                '', ours.astype(float), theirs.astype(float), np.zeros(ours.shape),
                np.zeros(ours.shape, bool)))._replace(key=key))
        words.add_input(told, key, guess)
    return differences, told


def _unjudged(golden: Trace, mine: Trace, known: Any) -> List[str]:
    """Return notes on arrays that nothing was compared with."""
    late = sorted({key.split('/')[0] for key in mine.arrays if key.startswith('step_')
                   and '/'.join(key.split('/')[:2]) not in golden.updates})
    more = [key for key in mine.arrays if key not in golden.arrays and key not in known
            and key.split('/')[0] not in late and not key.startswith('init/')]
    notes = []
    if late:
        notes.append(f'{", ".join(late)}: beyond the golden trace, not compared')
    if more:
        notes.append(f'{len(more)} arrays that the tutorial does not have were not '
                     f'judged: {", ".join(more[:3])}{", ..." if len(more) > 3 else ""}')
    return notes


def _difference(place: str, node: Node) -> Difference:
    """Return where an array is furthest beyond its limit."""
    shares = node.shares
    where = np.unravel_index(np.argmax(shares), shares.shape)
    finite = np.isfinite(node.expected).all() and np.isfinite(node.found).all()
    with np.errstate(invalid='ignore'):
        apart = abs(float(node.found[where]) - float(node.expected[where]))
    return Difference(f'{place}/{node.key}', 'values' if finite else 'not finite',
                      [int(each) for each in where], float(node.expected[where]),
                      float(node.found[where]), apart, float(node.limit[where]))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 200 else text[:200] + '...'


# --- Telling --------------------------------------------------------------------------

def text(report: Report) -> Iterator[str]:
    """Yield the lines of a report: the verdict, the findings, the table, the notes."""
    whole = report.n_arrays + len(report.missing)
    counts = (f'all {whole} arrays' if not report.missing else
              f'as far as recorded: {report.n_arrays} of {whole} arrays')
    if not report.differences:
        yield f'{report.tutorial}: agrees {"" if report.missing else "in "}{counts}.'
    else:
        yield f'{report.tutorial}: differs: {words.verdict(report.findings)}.'
        for n, each in enumerate(report.findings, 1):
            yield ''
            yield from words.lines(n, each)
        yield ''
        rows = [('array', 'index', 'expected', 'yours', 'difference', 'limit')]
        rows += [_row(each) for each in report.differences[:MOST_ROWS]]
        widths = [max(len(row[column]) for row in rows) for column in range(6)]
        for row in rows:
            yield '  ' + '  '.join(cell.ljust(width)
                                   for cell, width in zip(row, widths)).rstrip()
        if len(report.differences) > MOST_ROWS:
            yield f'  ... and {len(report.differences) - MOST_ROWS} more'
        yield ''
        yield (f'{len(report.differences)} of {report.n_arrays} arrays differ by more '
               "than rounding; each was judged from your port's own inputs of it, so "
               'no difference is carried on.')
    if report.end:
        yield (f'From {report.end} on your arrays hold NaN, as they must: little can '
               'be told there.')
    if report.missing and report.differences:
        yield f'{len(report.missing)} arrays are not recorded: nothing is said of them.'
    elif report.missing:
        yield f'Not recorded: {words.kinds(report.missing)}.'
    for note in report.notes:
        yield f'Note: {note}.'


def _row(each: Difference) -> Tuple[str, ...]:
    if each.why in ('values', 'not finite'):
        return (each.key, str(each.where), f'{each.golden:.9g}', f'{each.mine:.9g}',
                f'{each.difference:.2g}', f'{each.limit:.2g}')
    return each.key, each.why, str(each.golden), str(each.mine), '', ''


def as_json(report: Report) -> Dict[str, Any]:
    """Return a report as JSON, for machines: numbers that are not finite as strings."""
    def plain(value):
        if isinstance(value, float) and not np.isfinite(value):
            return str(value)
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list) else value

    return {'status': report.status, 'tutorial': report.tutorial,
            'verdict': 'differs' if report.status else 'agrees',
            'arrays_compared': report.n_arrays, 'arrays_missing': report.missing,
            'nan_from': report.end,
            'first': report.differences[0].key if report.differences else None,
            'cause': report.cause._asdict() if report.cause else None,
            'findings': [{**each._asdict(), 'cause': each.cause and
                          each.cause._asdict()} for each in report.findings],
            'notes': report.notes,
            'differences': [plain(each._asdict()) for each in report.differences]}


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
        flags.show(json.dumps(as_json(report), indent=2, allow_nan=False)
                   if options.json else '\n'.join(text(report)))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return report.status


if __name__ == '__main__':
    sys.exit(main())
