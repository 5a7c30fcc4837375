"""Every source's own program in the release that it was written for: make oracles

    .venv/bin/python experiments/oracles/oracles.py [steps] [epoch]

Run it with TensorFlow 1.15. Without a word it does both; each puts its part into
oracles.json beside this file.

    steps   three steps of every source from a trace, and how far the trace is from it:
            of the golden traces (the sources' arrays stay beside this file) and of
            traces at full size (these stay in runs/oracles)
    epoch   one epoch of vanilla's plain script with five seeds, on its own release and
            on 1.15, in runs/oracles, and what the generators are worth
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent), str(HERE)]

import distance     # noqa: E402
import tables       # noqa: E402

from tf1gan import compare, evaluate, mnist, spread, tf1, trace     # noqa: E402

RUNS = ROOT / 'runs' / 'oracles'
PYTORCH = '.venv-ports', 'in_pytorch.py'
PROGRAMS = {'vanilla': ('.venv-oracle-tf15', 'in_tensorflow15.py'),
            'collapse': PYTORCH, 'minimax': PYTORCH,
            'conditional': ('.venv-oracle-keras1', 'in_keras1.py'),
            'dcgan': ('.venv-ports', 'in_keras3.py')}
# What is recorded: arguments of tf1gan.record. A name alone is that of a golden trace.
CASES = {'vanilla': [], 'collapse': [], 'collapse_rung_1': ['--rung', '1'],
         'conditional': [], 'minimax': [],
         'minimax_saturating': ['--objective', 'saturating'], 'dcgan': []}
FULL = {**CASES, 'collapse_rung_2': ['--rung', '2'], 'collapse_rung_3': ['--rung', '3']}
SEEDS, STEPS = 5, (1, 10, 100, 200, 550)
ONE_THREAD = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT),
              'PYTHONWARNINGS': 'ignore'}


def execute(python, *words) -> None:
    """Run a program on one thread; its chatter is shown only where it fails."""
    ended = subprocess.run([str(python), *map(str, words)], env=ONE_THREAD,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           universal_newlines=True)
    if ended.returncode:
        raise SystemExit(f'{words}:\n{ended.stdout}')


def in_source(case: str, given, out: Path, *how) -> trace.Trace:
    """Return what a case's source computes from a trace."""
    venv, program = PROGRAMS[case.partition('_')[0]]
    execute(ROOT / venv / 'bin' / 'python', HERE / program, given, out, *how)
    return trace.load(out)


def recorded(case: str, out: Path, *how) -> Path:
    """Record a trace of a case."""
    execute(sys.executable, '-m', 'tf1gan.record', case.partition('_')[0], *FULL[case],
            '--threads', 1, '--out', out, *how)
    return out


def row(found: trace.Trace, source: trace.Trace) -> dict:
    """Return how far a trace is from its source."""
    versions = source.meta['environment']
    return {'release': ', '.join(f'{name} {versions[name]}' for name in (
                'tensorflow', 'keras', 'torch') if name in versions),
            'steps': len({place[:8] for place in source.updates}),
            **{word: {kind: float(f'{each[0]:.1e}') for kind, each
                      in distance.worst(found, source, n).items()}
               for word, n in (('first', 1), ('all', 1000))}}


def steps() -> dict:
    """Return the rows of the golden traces, and of traces at full size."""
    found = {'golden': {}, 'full': {}}
    for size, cases in ('golden', CASES), ('full', FULL):
        for case, numbers in cases.items():
            if size == 'full' or numbers:
                given = recorded(case, RUNS / f'{size}_{case}.npz',
                                 *(['--small'] if size == 'golden' else []))
            else:
                given = case
            out = HERE if size == 'golden' else RUNS
            ways = {case: []}
            if case == 'conditional':
                ways['conditional, ungated'] = ['--ungated']
            for way, how in ways.items():
                path = (RUNS / 'ungated.npz' if how else out / f'{case}.npz')
                of_source = in_source(case, given, path, *how)
                found[size][way] = row(trace.load(given), of_source)
                if size == 'golden' and not how:
                    report = compare.compare(trace.load(given), of_source)
                    found[size][way]['named'] = [
                        told.cause.name if told.cause else '' for told
                        in report.findings]
                print(size, way, found[size][way], flush=True)
    return found


def epoch() -> dict:
    """Return the losses and the figures of both releases, seed by seed."""
    pythons = {'1.5.0': ROOT / '.venv-oracle-tf15' / 'bin' / 'python',
               '1.15.5': Path(sys.executable)}
    found, losses = {}, {}
    for version, python in pythons.items():
        found[version] = []
        for seed in range(SEEDS):
            out = RUNS / f'epoch_{version}_{seed}'
            if not (out / 'weights.npz').exists():
                out.mkdir(exist_ok=True)
                execute(python, ROOT / 'tests' / 'plain_vanilla.py', mnist.DATA, out,
                        seed, 1, 1)
            losses[version, seed] = np.load(str(out / 'losses.npy'))
            with np.load(str(out / 'weights.npz')) as arrays:
                G = [arrays[f'arr_{i}'].astype(float) for i in range(4)]
            last = losses[version, seed][-100:].mean(0)
            z = np.random.RandomState(evaluate.SEED).normal(
                size=(spread.N_SAMPLES, len(G[0])))
            images = np.maximum(z @ G[0] + G[1], 0) @ G[2] + G[3]
            images = (1 / (1 + np.exp(-images))).astype(np.float32)
            found[version].append({
                'seed': seed, 'loss_D': round(float(last[0]), 4),
                'loss_G': round(float(last[1]), 4),
                **evaluate.measure(evaluate.Images(images.reshape(-1, 28, 28), None))})
            print(version, found[version][-1], flush=True)
    apart = {str(step): float('%.1e' % max(
        np.abs(losses['1.5.0', seed][step - 1] - losses['1.15.5', seed][step - 1]).max()
        for seed in range(SEEDS))) for step in STEPS}
    return {'runs': found, 'losses_apart': apart}


def main() -> None:
    """Do what the command line asks for."""
    assert tf1.REFERENCE, f'expected TensorFlow 1.15, found {tf1.VERSION}'
    RUNS.mkdir(parents=True, exist_ok=True)
    path = HERE / 'oracles.json'
    whole = json.loads(path.read_text()) if path.exists() else {}
    whole.pop('environment', None)
    for word in sys.argv[1:] or ['steps', 'epoch']:
        whole[word] = {'steps': steps, 'epoch': epoch}[word]()
        tables.store('oracles/oracles.json', whole)


if __name__ == '__main__':
    main()
