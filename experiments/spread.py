"""The spread over seeds: make results

    python experiments/spread.py [NAME ...]

Trains the named jobs (of those below) into runs/spread, or finishes them; judges every
finished run there with tf1gan.evaluate, and writes experiments/<tutorial>/summary.json
and tf1gan/spread.json, which `evaluate --against` reads.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tf1gan import evaluate, run_folder     # noqa: E402

RUNS = HERE.parent / 'runs' / 'spread'
JOBS = {f'vanilla_{seed}': ['vanilla', '', seed] for seed in range(5)}
for objective in 'non-saturating', 'saturating':
    JOBS.update({f'minimax_{objective}_{seed}': ['minimax', objective, seed,
                                                 '--objective', objective]
                 for seed in range(3)})
for rung in 1, 2, 3, 4:
    JOBS.update({f'collapse_{rung}_{seed}': ['collapse', f'rung {rung}', seed, '--rung',
                                             str(rung), '--threads', '1']
                 for seed in range(3)})
JOBS['dcgan_0'] = ['dcgan', '', 0]
# 13 of the 50 epochs, what fitted in an hour.
JOBS['conditional_0'] = ['conditional', '', 0, '--max-steps', '24375']


def train(name: str) -> None:
    """Train a job's run, or finish it."""
    tutorial, _, seed, *flags = JOBS[name]
    folder = RUNS / name
    where = ['--resume', str(folder)] if folder.exists() else [
        '--out', str(folder), '--seed', str(seed)]
    subprocess.run([sys.executable, '-m', f'tf1gan.{tutorial}', *where, *flags],
                   cwd=str(HERE.parent), check=True, stdout=subprocess.DEVNULL)


def judge(name: str) -> dict:
    """Return a finished run's figures and its last losses."""
    _, group, seed, *_ = JOBS[name]
    meta = run_folder.load_checkpoint(RUNS / name)[1]
    last = meta['rows'][-1]
    images = evaluate.draw(RUNS / name)
    return {'group': group, 'seed': seed, 'steps': meta['step'],
            **{key: last[key] for key in last if key.startswith('loss_')},
            **evaluate.measure(images)}


def finished(name: str) -> bool:
    """Say whether a job's run has taken all its steps."""
    if not (RUNS / name / run_folder.CHECKPOINT).exists():
        return False
    meta = run_folder.load_checkpoint(RUNS / name)[1]
    tutorial, _, _, *flags = JOBS[name]
    steps = {'vanilla': 55000, 'minimax': 60000, 'collapse': 60000, 'dcgan': 10001,
             'conditional': 24375}
    return meta['step'] == steps[tutorial]


def main() -> None:
    """Train, judge, write."""
    for name in sys.argv[1:]:
        train(name)
    found = {}
    for name in JOBS:
        if finished(name):
            found.setdefault(JOBS[name][0], []).append(judge(name))
            print(name, json.dumps(found[JOBS[name][0]][-1]), flush=True)
    for tutorial, runs in found.items():
        (HERE / tutorial / 'summary.json').write_bytes(run_folder.as_json(
            {'runs': runs, 'environment': run_folder.environment()}))
    spread = {tutorial: [{name: run[name] for name in evaluate.FIGURES}
                         for run in runs if run['group'] in ('', 'rung 4',
                                                             'non-saturating')]
              for tutorial, runs in found.items()}
    evaluate.SPREAD.write_bytes(run_folder.as_json(spread))
    assert np.isfinite([value for runs in spread.values() for run in runs
                        for value in run.values()]).all()


if __name__ == '__main__':
    main()
