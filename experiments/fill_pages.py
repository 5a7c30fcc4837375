"""Fill in the numbers that the pages quote, from what the programs wrote.

    make pages            fills in README.md and experiments/*/README.md
    fill_pages.py --check      only says which page differs, and fails if one does

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end -->`; NAME is a
function below, and what it returns stands between the two.
"""

import csv
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = re.compile(r'(<!-- numbers: (\w+) -->\n)(.*?)(<!-- end -->)', re.DOTALL)


def vanilla_run() -> str:
    """Return the committed run's losses and time as a table and a sentence."""
    folder = HERE / 'vanilla'
    with open(str(folder / 'log.csv')) as file:
        rows = list(csv.DictReader(file))
    machine = json.loads((folder / 'env.json').read_text())
    seconds = [float(row['seconds']) for row in rows]
    lines = ['| epoch | D loss | G loss |', '|---:|---:|---:|']
    lines += ['| {} | {:.4f} | {:.4f} |'.format(
        row['epoch'], float(row['loss_D']), float(row['loss_G']))
        for row in rows if row['epoch'] == '0' or row['epoch'].endswith('9')]
    return '\n'.join(lines) + (
        f'\n\n{len(rows)} epochs took {sum(seconds) / 60:.1f} minutes, '
        f'{min(seconds):.1f} to {max(seconds):.1f} seconds an epoch, on '
        f'{machine["cores"]} cores of an {machine["cpu"]} ({machine["device"]}, '
        f'{machine["threads"]} choice of threads), with TensorFlow '
        f'{machine["tensorflow"]} and Python {machine["python"]}.\n')


def plumbing() -> str:
    """Return what the session loop costs, as a sentence."""
    found = json.loads((HERE / 'speed' / 'plumbing.json').read_text())
    machine = found['environment']
    each = found['ratio_of_each_epoch']
    return (f'A step takes {found["ratio"]:.3f} of the plain script\'s time (the ratio '
            f'of the medians, {found["package_ms"]:.2f} and {found["plain_ms"]:.2f} ms '
            f'over {found["steps"]} steps side by side in one process; epoch by epoch '
            f'{min(each):.3f} to {max(each):.3f}), on {machine["cores"]} cores of an '
            f'{machine["cpu"]} with {machine["threads"]} choice of threads.\n')


def fill(text: str) -> str:
    """Return a page's text with every marked place filled in."""
    return PLACE.sub(
        lambda place: place.group(1) + globals()[place.group(2)]() + place.group(4),
        text)


def main() -> int:
    """Fill in the pages, or with --check compare them; return the exit status."""
    status = 0
    for path in [HERE.parent / 'README.md', *sorted(HERE.glob('*/README.md'))]:
        text = path.read_text(encoding='utf-8')
        filled = fill(text)
        if filled != text and '--check' in sys.argv:
            print(f'{path.relative_to(HERE.parent)}: the numbers are not those of the '
                  'programs; run make pages')
            status = 1
        elif filled != text:
            path.write_text(filled, encoding='utf-8')
    return status


if __name__ == '__main__':
    sys.exit(main())
