"""What the pages' numbers are made with: committed files, tables, and shared sentences.

Each experiment's page.py has the functions of its own page, and uses these.
"""

import ast
import csv
import json
import re
import sys
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tf1gan import evaluate, run_folder     # noqa: E402


def table(columns: List[str], rows, below: str = '') -> str:
    """Return a table of cells, and a paragraph below it.

    Columns are of numbers, set to the right; `<name` sets one to the left.
    """
    names = [name.lstrip('<') for name in columns]
    lines = [''.join(f'| {name} ' if name else '| ' for name in names) + '|',
             ''.join('|---' if name.startswith('<') else '|---:' for name in columns)
             + '|', *(f'| {" | ".join(map(str, row))} |' for row in rows)]
    return '\n'.join([*lines, *(['', below] if below else [])]) + '\n'


def load(path: str):
    """Return a JSON file of the experiments."""
    return json.loads((HERE / path).read_text())


def store(path: str, found: dict, **more) -> None:
    """Write a JSON file of the experiments, with the machine that it is from."""
    (HERE / path).write_bytes(run_folder.as_json(
        {**found, 'environment': {**run_folder.environment(), **more}}))


def rows_of(folder: str) -> list:
    """Return the rows of a committed log, numbers as floats."""
    with open(str(HERE / folder / 'log.csv')) as file:
        return [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)]


def machine(found: dict) -> str:
    """Return a machine in words: cores, CPU, threads."""
    threads = found.get('threads')
    words = {None: '', 1: ', one thread',
             "TensorFlow's own": ", TensorFlow's own choice of threads"}.get(
                 threads, f', {threads} threads')
    return f'{found["cores"]} cores of an {found["cpu"]}{words}'


def lists(name: str) -> str:
    """Return what a tutorial's docstring lists as found, guessed and departed from."""
    source = (HERE.parent / 'tf1gan' / f'{name}.py').read_text()
    doc = ast.get_docstring(ast.parse(source))
    rows = []
    for title, word in (('As found', 'As found'), ('Guesses', 'Guess'),
                        ('Departures', 'Departure')):
        part = re.search(rf'^{title} \(.*?\):\n(.*?)(?=^\S|\Z)', doc,
                         re.MULTILINE | re.DOTALL)
        for item in re.split(r'^  - ', part.group(1) if part else '',
                             flags=re.MULTILINE)[1:]:
            text = ' '.join(item.split()).rstrip(';.')
            rows.append([word, text])
    return table(['<', '<'], rows)


def run(folder: str) -> str:
    """Return a committed run's losses and time as a table and a sentence."""
    rows, where = rows_of(folder), load(f'{folder}/env.json')
    seconds = [row['seconds'] for row in rows]
    cells = [[f'{row["epoch"]:.0f}', f'{row["loss_D"]:.4f}', f'{row["loss_G"]:.4f}']
             for row in rows if row['epoch'] == 0 or row['epoch'] % 10 == 9]
    return table(['epoch', 'D loss', 'G loss'], cells, (
        f'{len(rows)} epochs took {sum(seconds) / 60:.1f} minutes, '
        f'{min(seconds):.1f} to {max(seconds):.1f} seconds an epoch, on '
        f'{machine(where)} ({where["device"]}), with TensorFlow '
        f'{where["tensorflow"]} and Python {where["python"]}.'))


def minutes(folder: str) -> str:
    """Return how long a committed run took, in a sentence."""
    seconds = sum(row['seconds'] for row in rows_of(folder))
    where = load(f'{folder}/env.json')
    return f'The whole run took {seconds / 60:.0f} minutes on {machine(where)}.\n'


RESULTS = {'digits covered': ('digits_covered', 1),
           'divergence, nats': ('divergence', 3),
           'confidence': ('confidence', 3), 'Frechet': ('frechet', 1),
           'nearest': ('nearest', 2), 'as asked': ('as_asked', 3)}


def results_rows(name: str, figures) -> list:
    """Return a row for every group of a tutorial's runs: mean, deviation and n."""
    rows = []
    runs = load(f'{name}/summary.json')['runs']
    for group in dict.fromkeys(run['group'] for run in runs):
        members = [run for run in runs if run['group'] == group]
        cells = []
        for figure in figures:
            key, places = RESULTS[figure]
            values = [run[key] for run in members]
            mean = sum(values) / len(values)
            cell = f'{mean:.{places}f}'
            if len(values) > 1:
                square = sum((value - mean) ** 2 for value in values)
                cell += f' ± {(square / (len(values) - 1)) ** 0.5:.{places}f}'
            cells.append(cell)
        rows.append([f'{name}{", " + group if group else ""}', *cells, len(members)])
    return rows


def results(name: str) -> str:
    """Return what a tutorial's generators are worth, seed by seed in the mean."""
    labelled = any('as_asked' in run for run in load(f'{name}/summary.json')['runs'])
    return results_table([name], [figure for figure in RESULTS
                                  if figure != 'as asked' or labelled])


def results_table(names: List[str], figures) -> str:
    """Return a table of tutorials by figures, and what real images have."""
    rows = [row for name in names if (HERE / name / 'summary.json').exists()
            for row in results_rows(name, figures)]
    one = load(f'{names[0]}/summary.json')['runs'][0]
    noise = load('classifier/classifier.json')['of_uniform_noise']
    assert noise['digits_covered'] == 1
    nearest = (f'; test images are {one["nearest_of_test_images"]:.2f} from the '
               f'nearest training image (medians of {evaluate.N_NEAREST})'
               if 'nearest' in figures else '')
    return table(['<', *figures, 'seeds'], rows, (
        f'Mean ± standard deviation over the seeds, of {one["images"]:,} images '
        f'each. {one["frechet_of_training_images"]:.2f} is the Frechet distance of '
        f'real images, training against test, and {noise["frechet"]:.1f} that of '
        f'uniform noise, which is one digit to the classifier, with a confidence of '
        f'{noise["confidence"]:.3f}{nearest}.'))
