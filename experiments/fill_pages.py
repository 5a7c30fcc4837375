"""Fill in the numbers that the pages quote, from what the programs wrote.

    make pages            fills in README.md, docs/*.md and experiments/*/README.md
    fill_pages.py --check      only says which page differs, and fails if one does

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end -->`; between the two
stands what the function NAME returns. The function is in page.py beside the page
(README.md and docs take those of all experiments), or in tables.py, for several pages.
"""

import importlib
import re
import sys

import tables

ROOT = tables.HERE.parent
PLACE = re.compile(r'(<!-- numbers: (\w+) ?(\w*) -->\n)(.*?)(<!-- end -->)',
                   re.DOTALL)


def functions(folder: str) -> dict:
    """Return what the places of a page may name; `folder` * is all experiments."""
    found = dict(vars(tables))
    for path in sorted(tables.HERE.glob(f'{folder}/page.py')):
        found.update(vars(importlib.import_module(f'{path.parent.name}.page')))
    return found


def fill(text: str, named: dict) -> str:
    """Return a page's text with every marked place filled in."""
    def made(place):
        arguments = [place.group(3)] if place.group(3) else []
        return place.group(1) + named[place.group(2)](*arguments) + place.group(5)

    return PLACE.sub(made, text)


def main() -> int:
    """Fill in the pages, or with --check compare them; return the exit status."""
    status = 0
    for path in [ROOT / 'README.md', *sorted(ROOT.glob('docs/*.md')),
                 *sorted(tables.HERE.glob('*/README.md'))]:
        text = path.read_text(encoding='utf-8')
        filled = fill(text, functions(
            path.parent.name if path.parent.parent == tables.HERE else '*'))
        if filled != text and '--check' in sys.argv:
            print(f'{path.relative_to(ROOT)}: the numbers are not those of the '
                  'programs; run make pages')
            status = 1
        elif filled != text:
            path.write_text(filled, encoding='utf-8')
    return status


if __name__ == '__main__':
    sys.exit(main())
