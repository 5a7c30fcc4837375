"""Compare what a port says of itself with a tutorial, before anything is run.

    python -m tf1gan.preflight vanilla my_config.json

The file is one JSON object with any of these (or `check` takes a dict of them):

    batch_size  images a step
    dtype       float32
    images      {"count", "range": [low, high], "order", "held_out"}
    noise       {"law": "normal" or "uniform", its ends or mean and deviation, "size"}
    labels      how many
    initial     {"weights": law, "biases": law}: "zeros", "normal, 0.01",
                "glorot_uniform", or torch's "uniform, 1/sqrt(inputs)"
    optimizers  {"D": {"kind", "learning_rate", "beta1", ...}, "G": {...}}, by network

What is not said is not compared. The exit status is 0 when all that is said agrees, 1
when something does not, 2 when nothing can be compared. NumPy only.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

from tf1gan import TUTORIALS, InputError, flags, schema, trace
from tf1gan.descriptions import Description, find, numbers, of

TRAINING_IMAGES = 60000
CLOSE = 1e-6        # of a number: as float32 rounds it


def expected(description: Description) -> Dict[str, Any]:
    """Return what a tutorial would say of itself."""
    optimizers: Dict[str, Any] = {}
    for update in description['updates']:
        optimizers[update['moves']] = description['optimizers'][update['optimizer']]
    images = description['images']
    return {'batch_size': description['batch_size'], 'dtype': 'float32',
            'images': {'count': TRAINING_IMAGES - images['held_out'],
                       'range': images['range'], 'order': images['order'],
                       'held_out': images['held_out']},
            'noise': description['noise'], 'labels': description['labels'],
            **{key: description[key] for key in ('initial',) if key in description},
            'optimizers': optimizers}


def check(description: Description, said: Dict[str, Any]) -> List[str]:
    """Return a sentence for each value that is not the tutorial's.

    Raises: InputError when there is a name that a tutorial does not have.
    """
    if not isinstance(said, dict):
        raise InputError(f'expected an object of names and values, found {said!r}; '
                         'python -m tf1gan.preflight --help lists the names')
    return list(_differ(expected(description), said, ''))


def _differ(theirs: Any, ours: Any, name: str) -> Iterator[str]:
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or not set(ours) <= set(theirs):
            found = sorted(set(ours) - set(theirs)) if isinstance(ours, dict) else ours
            raise InputError(f'{name or "the file"}: expected any of '
                             f'{", ".join(sorted(theirs))}, found {found}; leave out '
                             'what is not among them')
        for key, value in ours.items():
            yield from _differ(theirs[key], value, f'{name}.{key}'.lstrip('.'))
    elif not _same(theirs, ours):
        yield f'{name} is {json.dumps(ours)}, the tutorial has {json.dumps(theirs)}'


def _same(theirs: Any, ours: Any) -> bool:
    """Return whether two values are the same, words whatever their case."""
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(
            map(_same, theirs, ours))
    numbers = isinstance(theirs, (int, float)), isinstance(ours, (int, float))
    if all(numbers):
        return abs(ours - theirs) <= CLOSE * abs(theirs)
    return not any(numbers) and str(theirs).lower() == str(ours).lower()


def main() -> int:
    """Compare what the command line names; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.preflight', allow_abbrev=False,
                          formatter_class=argparse.RawDescriptionHelpFormatter,
                          description=__doc__)
    parser.add_argument('golden', metavar='GOLDEN', help="a tutorial's name, at its "
                        'full size, or a trace')
    parser.add_argument('config', metavar='CONFIG', help='a JSON file')
    try:
        options = parser.parse_args()
        description = _described(options.golden)
        try:
            said = schema.loads(Path(options.config).read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            raise InputError(f'{options.config}: expected a JSON file, found: {error}; '
                             'python -m tf1gan.preflight --help lists what it may hold')
        found = check(description, said)
        flags.show('\n'.join(found) if found else 'all that is said agrees')
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return int(bool(found))


def _described(name: str) -> Description:
    """Return the description of a tutorial at its full size, or of a trace."""
    if name not in TUTORIALS:
        found = trace.load(name)
        return of(found.meta, name)
    return find(name).describe(numbers(name))


if __name__ == '__main__':
    sys.exit(main())
