"""Fill in the numbers that the pages quote, from what the programs wrote.

    make pages            fills in README.md and experiments/*/README.md
    fill_pages.py --check      only says which page differs, and fails if one does

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end -->`; NAME is a
function below, and what it returns stands between the two.
"""

import ast
import csv
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = re.compile(r'(<!-- numbers: (\w+) ?(\w*) -->\n)(.*?)(<!-- end -->)',
                   re.DOTALL)


def load(path: str):
    """Return a JSON file of the experiments."""
    return json.loads((HERE / path).read_text())


def machine(found: dict) -> str:
    """Return a machine in words: cores, CPU, threads."""
    threads = found.get('threads')
    words = {None: '', 1: ', one thread', "TensorFlow's own":
             ", TensorFlow's own choice of threads"}.get(threads, f', {threads} threads')
    return f'{found["cores"]} cores of an {found["cpu"]}{words}'


def lists(name: str) -> str:
    """Return what a tutorial's docstring says is as found, guessed, departed from."""
    source = (HERE.parent / 'tf1gan' / f'{name}.py').read_text()
    doc = ast.get_docstring(ast.parse(source))
    rows = ['| | |', '|---|---|']
    for title, word in (('As found', 'As found'), ('Guesses', 'Guess'),
                        ('Departures', 'Departure')):
        part = re.search(rf'^{title} \(.*?\):\n(.*?)(?=^\S|\Z)', doc,
                         re.MULTILINE | re.DOTALL).group(1)
        for item in re.split(r'^  - ', part, flags=re.MULTILINE)[1:]:
            text = ' '.join(item.split()).rstrip(';.')
            rows.append(f'| {word} | {text} |')
    return '\n'.join(rows) + '\n'


def run(folder: str) -> str:
    """Return a committed run's losses and time as a table and a sentence."""
    with open(str(HERE / folder / 'log.csv')) as file:
        rows = list(csv.DictReader(file))
    where = load(f'{folder}/env.json')
    seconds = [float(row['seconds']) for row in rows]
    lines = ['| epoch | D loss | G loss |', '|---:|---:|---:|']
    lines += ['| {} | {:.4f} | {:.4f} |'.format(
        row['epoch'], float(row['loss_D']), float(row['loss_G']))
        for row in rows if row['epoch'] == '0' or row['epoch'].endswith('9')]
    return '\n'.join(lines) + (
        f'\n\n{len(rows)} epochs took {sum(seconds) / 60:.1f} minutes, '
        f'{min(seconds):.1f} to {max(seconds):.1f} seconds an epoch, on '
        f'{machine(where)} ({where["device"]}), with TensorFlow {where["tensorflow"]} and '
        f'Python {where["python"]}.\n')


def minutes(folder: str) -> str:
    """Return how long a committed run took, in a sentence."""
    with open(str(HERE / folder / 'log.csv')) as file:
        seconds = sum(float(row['seconds']) for row in csv.DictReader(file))
    where = load(f'{folder}/env.json')
    return f'The whole run took {seconds / 60:.0f} minutes on {machine(where)}.\n'


def ladder() -> str:
    """Return what every rung made, as a table and a sentence."""
    found = load('collapse/ladder.json')
    lines = ['| rung | mean distance of two samples, seeds 0, 1, 2 | of that of real '
             'digits | losses at the end: D real, D fake, G (seed 0) |',
             '|---:|---|---:|---|']
    for rung in sorted({each['rung'] for each in found['runs']}):
        runs = [each for each in found['runs'] if each['rung'] == rung]
        distances = [each['mean_distance'] for each in runs]
        share = sum(distances) / len(distances) / found['real_digits']
        lines.append(
            f'| {rung} | {", ".join(f"{value:.2f}" for value in distances)} | '
            f'{100 * share:.1f} % | {runs[0]["loss_D_real"]:.3f}, '
            f'{runs[0]["loss_D_fake"]:.3f}, {runs[0]["loss_G"]:.3f} |')
    return '\n'.join(lines) + (
        f'\n\nTwo of {found["n_samples"]:,} real digits are {found["real_digits"]:.2f} '
        f'apart on average. Losses: means over the last 10,000 steps. '
        f'{machine(found["environment"])}.\n')


def epsilon() -> str:
    """Return what the place of Adam's epsilon changes, as a table."""
    found = load('collapse/epsilon.json')
    lines = ['| oracle | weights, 1 step | weights, 20 steps | losses, 20 steps | '
             'gradients, 20 steps |', '|---|---:|---:|---:|---:|']
    for name, values in found.items():
        if name != 'environment':
            lines.append(f'| {name[:-5]} | ' + ' | '.join(
                f'{value:.1e}' for value in values.values()) + ' |')
    return '\n'.join(lines) + f'\n\n{machine(found["environment"])}.\n'


def ladder_step() -> str:
    """Return what a step of the ladder costs beside PyTorch's, as a table."""
    found = load('speed/ladder_step.json')
    lines = ['| rung | threads, tf1gan / PyTorch | tf1gan, ms | PyTorch, ms | ratio '
             '(lowest to highest block) |', '|---:|---|---:|---:|---|']
    for step in found['steps']:
        threads = '1 / 1' if step['threads'] == 1 else 'each its default'
        lines.append(f'| {step["rung"]} | {threads} | {step["tf1gan_ms"]:.2f} | '
                     f'{step["torch_ms"]:.2f} | {step["ratio"]:.2f} '
                     f'({step["ratio_min"]:.2f} to {step["ratio_max"]:.2f}) |')
    return '\n'.join(lines) + (
        f'\n\nPyTorch {found["steps"][0]["torch"]}, '
        f'{machine(found["environment"])}.\n')


def plumbing() -> str:
    """Return what the session loop costs, as a sentence."""
    found = load('speed/plumbing.json')
    each = found['ratio_of_each_epoch']
    return (
        f'A step takes {found["ratio"]:.3f} of the plain script\'s time (the ratio of the '
        f'medians, {found["package_ms"]:.2f} and {found["plain_ms"]:.2f} ms over '
        f'{found["steps"]} steps side by side in one process; epoch by epoch '
        f'{min(each):.3f} to {max(each):.3f}), on {machine(found["environment"])}.\n')


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
