"""Collect the sweep: make collect

    python experiments/sweep/collect.py [GROUP ...]

Cuts the loss curves of every group's finished seeds into windows, and writes them to
tf1gan/curve.json, which `tf1gan curve` reads. Judges the generators of the groups named
that were kept along training, with `tf1gan.evaluate`, and writes their figures to
GROUP.json beside this file; what is judged already is not judged again. Of these files,
also those of before, it makes the tables of results (../TUTORIAL/summary.json),
tf1gan/spread.json, which `evaluate --against` reads, and training.png. The generator of
seed 0 goes to samples/generators, where it is small. A group without a finished seed
stays as it is.
"""

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = map(str, (ROOT, ROOT / 'experiments', HERE))

import tables                           # noqa: E402
from seed import GROUPS, RUNS, Group    # noqa: E402

from tf1gan import (TUTORIALS, curve, evaluate, export, mnist,         # noqa: E402
                    pictures, run_folder, spread)
from tf1gan.descriptions import find, numbers       # noqa: E402

FIGURES = 'figures.json'
MOST_BYTES = 2 ** 21    # of a generator that the repository holds
PANELS = {'frechet': 'Frechet distance', 'divergence': 'divergence (nats)',
          'D_x': 'D(x), of test images', 'D_G_z': 'D(G(z))'}


def finished(name: str) -> List[Path]:
    """Return the folders of a group's seeds that are done, in order."""
    marks = sorted((RUNS / name).glob('*.done'), key=lambda path: int(path.stem))
    return [path.with_suffix('') for path in marks]


def logged(folder: Path) -> Dict[str, np.ndarray]:
    """Return a run's columns of losses, and `step`: the steps done at each row."""
    with open(str(folder / 'log.csv')) as file:
        rows = list(csv.DictReader(file))
    found = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]
             if name.startswith('loss_')}
    if 'loss_D' not in found:       # what others log
        found['loss_D'] = (found['loss_D_real'] + found['loss_D_fake']) / 2
    return {**found, 'step': np.array([float(row['step']) + 1 for row in rows])}


def curves(group: Group, folders: List[Path]) -> Dict[str, Any]:
    """Return a group's curves, as `tf1gan.curve` reads them."""
    description = find(group.tutorial).describe(numbers(group.tutorial))
    batch = description['batch_size']
    n_images = len(mnist.read().train_images) - description['images']['held_out']
    found, within = {}, {}
    for folder in folders:
        columns = logged(folder)
        place = curve.window_of(columns.pop('step'), group.steps)
        rows = np.bincount(place, minlength=curve.N_WINDOWS)
        for loss, values in columns.items():
            means = np.bincount(place, values, curve.N_WINDOWS) / rows
            squares = np.bincount(place, (values - means[place]) ** 2, curve.N_WINDOWS)
            found.setdefault(loss, []).append(means)
            within.setdefault(loss, []).append(squares / (rows - 1))
    return {'seeds': [int(folder.name) for folder in folders],
            'steps': group.steps, 'epoch': n_images // batch, 'batch': batch,
            'raised': description['updates'][0]['loss']['recorded'] < 0,
            'rows': int(rows.min()),
            'curves': {loss: [[short(value) for value in seed] for seed in seeds]
                       for loss, seeds in found.items()},
            'within': {loss: [short(value) for value in np.sqrt(np.mean(seeds, 0))]
                       for loss, seeds in within.items()}}


def joined(old: Dict[str, Any], new: Dict[str, Any]) -> Dict[str, Any]:
    """Return curves with those of before whose seeds are not on this machine."""
    kept = [n for n, seed in enumerate(old['seeds']) if seed not in new['seeds']]
    if not kept or any(old[key] != new[key] for key in ('steps', 'batch', 'rows')):
        return new
    seeds = [old['seeds'][n] for n in kept] + new['seeds']
    order, share = np.argsort(seeds), len(kept) / len(seeds)
    every = {loss: [old['curves'][loss][n] for n in kept] + curves
             for loss, curves in new['curves'].items()}
    return {**new, 'seeds': sorted(seeds),
            'curves': {loss: [curves[n] for n in order]
                       for loss, curves in every.items()},
            'within': {loss: [short((share * a ** 2 + (1 - share) * b ** 2) ** 0.5)
                              for a, b in zip(old['within'][loss], values)]
                       for loss, values in new['within'].items()}}


def short(value: float) -> float:
    """Return a number of five digits."""
    return float(f'{value:.5g}')


def point(folder: Path, last: bool) -> Dict[str, Any]:
    """Return the figures of a generator that was kept; they are kept beside it.

    Before the `last` of a seed they are those that a spread compares.
    """
    path = folder / FIGURES
    if not path.exists():
        rated = run_folder.load_checkpoint(folder)[1]['rated']
        path.write_bytes(run_folder.as_json({
            **evaluate.measure(evaluate.draw(folder), last), **rated}))
    return json.loads(path.read_text())


def points(group: Group, folders: List[Path]) -> List[Dict[str, Any]]:
    """Return every seed's figures along training, and its window means of losses."""
    found = []
    for folder in folders:
        places = sorted(folder.glob('at_*'), key=lambda path: int(path.name[3:]))
        seed = {'seed': int(folder.name),
                'trained': json.loads((folder / 'env.json').read_text()), 'points': []}
        for place in places:
            rows = run_folder.load_checkpoint(place)[1]['rows']
            losses = {loss: short(np.mean([row[loss] for row in rows]))
                      for loss in rows[0] if loss.startswith('loss_')} if rows else {}
            seed['points'].append({'steps': int(place.name[3:]), **losses,
                                   **point(place, place is places[-1])})
        found.append(seed)
        print(group.tutorial, group.name, folder.name, flush=True)
    return found


def swept(tutorial: str) -> List[Tuple[Group, List[Dict[str, Any]]]]:
    """Return a tutorial's groups that were judged, each with its seeds."""
    paths = [(group, HERE / f'{name}.json') for name, group in GROUPS.items()
             if group.tutorial == tutorial]
    return [(group, json.loads(path.read_text())['seeds']) for group, path in paths
            if path.exists()]


def summarize(tutorial: str) -> None:
    """Put the ends of a tutorial's seeds into its summary.

    A group that has not been swept stays as it is.
    """
    path = ROOT / 'experiments' / tutorial / 'summary.json'
    old = json.loads(path.read_text())
    runs = {}
    for run in old['runs']:
        runs.setdefault(run['group'], []).append(run)
    for group, seeds in swept(tutorial):
        runs[group.name] = [{
            'group': group.name, 'seed': seed['seed'], **seed['points'][-1],
            'trained': seed['trained']} for seed in seeds]
    path.write_bytes(run_folder.as_json(
        {**old, 'runs': [run for name in sorted(runs) for run in runs[name]]}))


def spreads() -> Dict[str, Any]:
    """Return what tf1gan/spread.json holds: of each figure the seeds, at each point."""
    result = {}
    for tutorial in TUTORIALS:
        name = curve.LAST_WORD.get(tutorial, '')
        found = [[point for seed in seeds for point in seed['points']]
                 for group, seeds in swept(tutorial) if group.name == name]
        if not found:       # only the ends
            found = [[run for run in tables.load(f'{tutorial}/summary.json')['runs']
                      if run['group'] == name]]
        points = {}
        for each in found[0]:
            points.setdefault(each['steps'], []).append(each)
        result[tutorial] = {'group': name, 'points': [{'steps': steps, **{
            figure: [each[figure] for each in points[steps]]
            for figure in spread.FIGURES if figure in points[steps][0]}}
            for steps in sorted(points)]}
    return result


def keep_generator(tutorial: str) -> None:
    """Put the generator of seed 0, after all steps, among the samples, if it is small.

    Of the group that is the tutorial's last word; in float16 where float32 is large.
    """
    last = curve.LAST_WORD.get(tutorial, '')
    name = next(name for name, group in GROUPS.items()
                if (group.tutorial, group.name) == (tutorial, last))
    run = RUNS / name / '0' / f'at_{GROUPS[name].steps}'
    target = ROOT / 'samples' / 'generators' / tutorial
    for half in (False, True) if (run / run_folder.CHECKPOINT).exists() else ():
        shutil.rmtree(str(target), ignore_errors=True)
        export.export(run, 'npz', target, half)
        if (target / run_folder.CHECKPOINT).stat().st_size <= MOST_BYTES:
            return
        shutil.rmtree(str(target))


def draw(groups: Dict[Tuple[str, str], List[Dict[str, Any]]]) -> 'pictures.Figure':
    """Draw figures of each group's seeds against the steps: mean, least and greatest.

    As far as every seed of a group goes.
    """
    figure = pictures.new_figure(11, 8)
    panels = figure.subplots(2, 2, sharex=True).flat
    for ax, (name, label) in zip(panels, PANELS.items()):
        for (tutorial, group), seeds in groups.items():
            points = list(zip(*(seed['points'] for seed in seeds)))
            values = np.array([[each[name] for each in point] for point in points])
            steps = [point[0]['steps'] for point in points]
            ax.plot(steps, values.mean(1), marker='.',
                    label=f'{tutorial}{group and ", "}{group} ({len(seeds)} seeds)')
            ax.fill_between(steps, values.min(1), values.max(1), alpha=0.2)
        ax.set_xscale('log')
        ax.set_ylabel(label)
        ax.grid(True, alpha=0.3)
        ax.set_ylim(0, 1 if name[0] == 'D' else None)
        if name[0] == 'D':
            ax.set_xlabel('steps')
    figure.legend(*ax.get_legend_handles_labels(), fontsize=8, ncol=4,
                  loc='lower center', bbox_to_anchor=(0.5, 0.88))
    figure.subplots_adjust(wspace=0.2, hspace=0.05)
    return figure


def main() -> None:
    """Judge the generators of the groups named, collect the curves, and sum up."""
    where = run_folder.environment()        # before anything is written
    for name in sys.argv[1:]:
        path = HERE / f'{name}.json'
        seeds = json.loads(path.read_text())['seeds'] if path.exists() else []
        judged = {seed['seed']: seed for seed in (
            *seeds, *points(GROUPS[name], finished(name)))}
        if judged:
            tables.store(f'sweep/{path.name}', {
                'group': name, 'config': GROUPS[name]._asdict(),
                'seeds': [judged[seed] for seed in sorted(judged)]}, **where)
    shipped = json.loads(curve.FILE.read_text()) if curve.FILE.exists() else {}
    for name, group in GROUPS.items():
        folders = finished(name)
        if folders:
            found, here = curves(group, folders), shipped.setdefault(group.tutorial, {})
            here[group.name] = joined(here.get(group.name, found), found)
    curve.FILE.write_text(json.dumps(shipped) + '\n')
    for tutorial in TUTORIALS:
        summarize(tutorial)
        keep_generator(tutorial)
    found = {(group.tutorial, group.name): seeds for tutorial in TUTORIALS
             for group, seeds in swept(tutorial)}
    if found:
        draw(found).savefig(str(HERE / 'training.png'), bbox_inches='tight')
    spread.FILE.write_text(json.dumps(spreads()) + '\n')


if __name__ == '__main__':
    main()
