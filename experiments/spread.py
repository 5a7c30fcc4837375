"""The spread over seeds: make results

    python experiments/spread.py [NAME ...]

Trains the named jobs (of those below) into runs/spread, or finishes them. Judges every
finished run there with tf1gan.evaluate, and puts its figures into
experiments/<tutorial>/summary.json; figures of runs that are not there stay. From these
it makes tf1gan/spread.json, which `evaluate --against` reads.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import reference
import tables

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tf1gan import TUTORIALS, evaluate, run_folder, spread      # noqa: E402

RUNS = HERE.parent / 'runs' / 'spread'
PART = reference.COMMITTED['conditional']['']
STEPS = {'vanilla': 55000, 'minimax': 60000, 'collapse': 60000,
         'dcgan': tables.load('dcgan/config.json')['config']['epochs'],
         'conditional': int(PART[-1])}
JOBS = {f'vanilla_{seed}': ['vanilla', '', seed] for seed in range(5)}
for objective in 'non-saturating', 'saturating':
    JOBS.update({f'minimax_{objective}_{seed}': ['minimax', objective, seed,
                                                 '--objective', objective]
                 for seed in range(3)})
for rung in 1, 2, 3, 4:
    JOBS.update({f'collapse_{rung}_{seed}': ['collapse', f'rung {rung}', seed, '--rung',
                                             str(rung), '--threads', '1']
                 for seed in range(10 if rung == 4 else 3)})    # 3 are too few to tell
JOBS['dcgan_0'] = ['dcgan', '', 0]
JOBS['conditional_0'] = ['conditional', '', 0, *PART]
COMPARED = {'collapse': 'rung 4', 'minimax': 'non-saturating'}  # the source's last word


def train(name: str) -> None:
    """Train a job's run, or finish it."""
    tutorial, _, seed, *flags = JOBS[name]
    reference.train(RUNS / name, tutorial, '--seed', seed, *flags,
                    stdout=subprocess.DEVNULL)


def judge(name: str) -> dict:
    """Return a finished run's figures and its last losses; {} of one not finished."""
    tutorial, group, seed, *_ = JOBS[name]
    folder = RUNS / name
    if not (folder / run_folder.CHECKPOINT).exists():
        return {}
    meta = run_folder.load_checkpoint(folder)[1]
    if meta['step'] != STEPS[tutorial]:
        return {}
    last = meta['rows'][-1]
    return {'group': group, 'seed': seed, 'steps': meta['step'],
            **{key: last[key] for key in last if key.startswith('loss_')},
            **evaluate.measure(evaluate.draw(folder)),
            'trained': json.loads((folder / 'env.json').read_text())}


def summary(tutorial: str) -> Path:
    """Return where a tutorial's figures are."""
    return HERE / tutorial / 'summary.json'


def stored(tutorial: str) -> list:
    """Return the figures of a tutorial's runs."""
    path = summary(tutorial)
    return json.loads(path.read_text())['runs'] if path.exists() else []


def write(tutorial: str, found: list) -> None:
    """Put the figures of some runs of a tutorial into its summary."""
    def place(run):
        return run['group'], run['seed']

    runs = {place(run): run for run in stored(tutorial) + found}
    assert all(math.isfinite(value) for run in found for value in run.values()
               if isinstance(value, float))
    summary(tutorial).write_bytes(run_folder.as_json({
        'runs': [runs[key] for key in sorted(runs)],
        'judged': run_folder.environment()}))


def spreads() -> dict:
    """Return what tf1gan/spread.json holds, from the summaries."""
    result = {}
    for tutorial in TUTORIALS:
        group = COMPARED.get(tutorial, '')
        runs = [run for run in stored(tutorial) if run['group'] == group]
        result[tutorial] = {'group': group, 'steps': STEPS[tutorial], 'seeds': [
            {name: run[name] for name in spread.FIGURES if name in run}
            for run in runs]}
    return result


def main() -> None:
    """Train, judge, write."""
    for name in sys.argv[1:]:
        train(name)
    found = {}
    for name in JOBS:
        figures = judge(name)
        if figures:
            found.setdefault(JOBS[name][0], []).append(figures)
            print(name, json.dumps(figures), flush=True)
    for tutorial, runs in found.items():
        write(tutorial, runs)
    spread.FILE.write_bytes(run_folder.as_json(spreads()))


if __name__ == '__main__':
    main()
