"""All commands in one: `tf1gan COMMAND ...`, or `python -m tf1gan COMMAND ...`."""

import ast
import difflib
import runpy
import sys
from pathlib import Path

from tf1gan import TUTORIALS

COMMANDS = [*TUTORIALS, 'compare', 'mistakes', 'preflight', 'record', 'trace',
            'evaluate', 'curve', 'latent', 'export', 'replay', 'doctor']


def said(name: str) -> str:
    """Return the first sentence of a command's docstring; nothing is imported."""
    here = Path(__file__).parent
    path = here / f'{name}.py'
    path = path if path.exists() else here / name / '__main__.py'
    doc = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
    return doc.splitlines()[0].partition(': `')[0].rstrip('.')


def main() -> int:
    """Run the command that is named first, or list all; return the exit status."""
    name = sys.argv[1] if len(sys.argv) > 1 else '--help'
    if name in ('-h', '--help'):
        print('\n'.join(['usage: tf1gan COMMAND ..., each with --help\n', *(
            f'  {each:<12} {said(each)}' for each in COMMANDS)]))
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        print(f'expected one of {", ".join(COMMANDS)}, found {name}'
              + (f'; did you mean {near[0]}?' if near else '; name one of them'),
              file=sys.stderr)
        return 2
    sys.argv = [f'tf1gan {name}', *sys.argv[2:]]
    runpy.run_module(f'tf1gan.{name}', run_name='__main__', alter_sys=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
