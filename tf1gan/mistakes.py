"""Print the mistakes that the judge knows: `python -m tf1gan.mistakes [WORD]`.

Each has its sentence, and its remedy in PyTorch, JAX and Keras. With a WORD it prints
only those that contain it. `python -m tf1gan.compare` fills in what stands in braces.
"""

import sys
from typing import Iterator

from tf1gan import InputError, flags
from tf1gan.judge import words


def text(word: str = '') -> Iterator[str]:
    """Yield the lines of the catalogue."""
    for name, row in words.catalogue().items():
        if word.lower() not in ' '.join(row.values()).lower():
            continue
        yield f'{name}: {row["sentence"]}'
        for framework in words.FRAMEWORKS:
            if row[framework] != 'likewise':
                yield f'    {framework}: {row[framework]}'


def main() -> int:
    """Print the catalogue; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.mistakes', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('word', metavar='WORD', nargs='?', default='',
                        help='print only those that contain it')
    try:
        found = list(text(parser.parse_args().word))
        if not found:
            raise InputError('expected a word that a mistake contains, found none '
                             'with it; leave it out for all of them')
        flags.show('\n'.join(found))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
