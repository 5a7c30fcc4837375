"""TensorFlow 2 in graph mode against TensorFlow 1.15, tutorial by tutorial: make today

    .venv/bin/python experiments/today/today.py [traces] [builds] [runs]

Run it with TensorFlow 1.15. Without a word it does all; each puts its part into
today.json beside this file.

    traces  every tutorial's golden trace anew, in .venv-tf2 and .venv-oldest
    builds  likewise on 1, 2 and 4 threads, in every environment of BUILDS that there is
    runs    trains, or finishes, five seeds of vanilla and three of the ladder's rung 4
            in .venv-tf2, into runs/today; judges them by the spread of the reference
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), *(str(HERE.parent / each)
                             for each in ('', 'interpreter'))]

from tf1gan import TUTORIALS        # noqa: E402

ENVIRONMENTS = {'newest': '.venv-tf2', 'oldest': '.venv-oldest'}
BUILDS = {      # environment -> what TensorFlow's import is told
    '.venv': {}, '.venv36': {}, '.venv-first': {}, '.venv-mkl': {}, '.venv-tf2': {},
    '.venv-tf2 with oneDNN': {'TF_ENABLE_ONEDNN_OPTS': '1'}}
THREADS = 1, 2, 4, None      # None: as TensorFlow chooses
RUNS = {**{f'collapse_4_{seed}': ['collapse', seed, '--rung', '4', '--threads', '1']
           for seed in range(3)},
        **{f'vanilla_{seed}': ['vanilla', seed] for seed in range(5)}}


def python(which: str) -> str:
    """Return the interpreter of an environment."""
    return str(ROOT / ENVIRONMENTS[which] / 'bin' / 'python')


def version(interpreter: str) -> str:
    """Return the TensorFlow of an interpreter."""
    return subprocess.check_output(
        [interpreter, '-c', 'from tf1gan import tf1; print(tf1.VERSION)'],
        cwd=str(ROOT), universal_newlines=True).strip()


def anew(interpreter: str, name: str, threads: Optional[int] = 1, **told):
    """Return a tutorial's golden trace, and one that is recorded with its seed."""
    from tf1gan import trace
    golden = trace.load(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'mine.npz'
        subprocess.run(
            [interpreter, '-m', 'tf1gan.record', name, '--small', '--seed',
             str(golden.meta['seed']), '--out', str(path),
             *(['--threads', str(threads)] if threads else [])],
            cwd=str(ROOT), env={**os.environ, **told}, check=True,
            stdout=subprocess.DEVNULL)
        return golden, trace.load(str(path))


def held(golden, mine) -> dict:
    """Return what the judge says of a trace, and its worst share of a limit."""
    import numpy as np
    from tf1gan import compare
    from tf1gan.judge.search import Search
    report, search = compare.compare(golden, mine), Search(golden, mine)
    search.explain()
    worst = max(search.judged, key=search.judged.get)
    return {'status': report.status, 'n_arrays': report.n_arrays,
            'differences': len(report.differences), 'worst': worst,
            'limits': search.judged[worst],
            'equal': sum(np.array_equal(mine.arrays[key], array)
                         for key, array in golden.arrays.items())}


def traces() -> dict:
    """Return, by environment and tutorial, how far a trace is from the golden one.

    Return too, for both, the gradient that is furthest from what float64 makes of the
    trace's own inputs (see experiments/interpreter).
    """
    import errors
    from tf1gan import descriptions
    found = {}
    for which in ENVIRONMENTS:
        found[which] = {'tensorflow': version(python(which)), 'tutorials': {}}
        for name in TUTORIALS:
            golden, mine = anew(python(which), name)
            description = descriptions.of(golden.meta, name)
            found[which]['tutorials'][name] = {
                **held(golden, mine), 'gradient_from_float64': {
                    side: errors.worst(each, description)['grad']
                    for side, each in (('here', mine), ('golden', golden))}}
            print(which, name, found[which]['tutorials'][name], flush=True)
    return found


def builds() -> list:
    """Return how far the traces of every build are from the golden ones, by threads."""
    found = []
    for build, told in BUILDS.items():
        interpreter = str(ROOT / build.split()[0] / 'bin' / 'python')
        if not Path(interpreter).exists():
            print(f'{build}: is not there', flush=True)
            continue
        for threads in THREADS:
            pairs = {name: anew(interpreter, name, threads, **told)
                     for name in TUTORIALS}
            where = pairs[TUTORIALS[0]][1].meta['environment']
            keys = 'python', 'tensorflow', 'threads', 'mkl', 'onednn'
            found.append({
                'environment': {key: where[key] for key in keys if key in where},
                'tutorials': {name: held(*pair) for name, pair in pairs.items()}})
            print(found[-1]['environment'], {
                name: (each['status'], each['equal'], round(each['limits'], 3))
                for name, each in found[-1]['tutorials'].items()}, flush=True)
    return found


def runs() -> dict:
    """Train what is not finished; return the figures of each tutorial's seeds."""
    import reference
    from tf1gan import evaluate, run_folder, spread
    found = {}
    for name, (tutorial, seed, *flags) in RUNS.items():
        folder = ROOT / 'runs' / 'today' / name
        reference.train(folder, tutorial, '--seed', seed, *flags,
                        python=python('newest'), stdout=subprocess.DEVNULL)
        assert (run_folder.load_checkpoint(folder)[1]['step']
                == spread.load(tutorial).steps)
        found.setdefault(tutorial, []).append({
            'seed': seed, **evaluate.measure(evaluate.draw(folder)),
            'trained': json.loads((folder / 'env.json').read_text())})
        print(name, found[tutorial][-1], flush=True)
    return found


def main(parts: list) -> None:
    """Do the parts that are asked for, and write the file."""
    from tf1gan import run_folder
    path = HERE / 'today.json'
    stored = json.loads(path.read_text()) if path.exists() else {}
    for part in parts or ['traces', 'builds', 'runs']:
        stored[part] = {'traces': traces, 'builds': builds, 'runs': runs}[part]()
        stored.setdefault('environments', {})[part] = run_folder.environment()
        path.write_bytes(run_folder.as_json(stored))


if __name__ == '__main__':
    main(sys.argv[1:])
