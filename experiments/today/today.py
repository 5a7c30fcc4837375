"""TensorFlow 2 in graph mode against TensorFlow 1.15, tutorial by tutorial: make today

    .venv/bin/python experiments/today/today.py [traces] [runs]

Run it with TensorFlow 1.15. Without a word it does both; each puts its part into
today.json beside this file.

    traces  every tutorial's golden trace anew, in .venv-tf2 and .venv-oldest
    runs    trains, or finishes, five seeds of vanilla and three of the ladder's rung 4
            in .venv-tf2, into runs/today; judges them by the spread of the reference
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), *(str(HERE.parent / each)
                             for each in ('', 'interpreter'))]

from tf1gan import TUTORIALS        # noqa: E402

ENVIRONMENTS = {'newest': '.venv-tf2', 'oldest': '.venv-oldest'}
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


def traces() -> dict:
    """Return, by environment and tutorial, the worst array of a trace, in limits.

    Return too, for this trace and for the golden one, the gradient that is furthest
    from what float64 makes of the trace's own inputs (see experiments/interpreter).
    """
    import errors
    import numpy as np
    from tf1gan import compare, descriptions, trace
    found = {}
    for which in ENVIRONMENTS:
        found[which] = {'tensorflow': version(python(which)), 'tutorials': {}}
        for name in TUTORIALS:
            golden = trace.load(name)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / 'mine.npz'
                subprocess.run(
                    [python(which), '-m', 'tf1gan.record', name, '--small', '--seed',
                     str(golden.meta['seed']), '--threads', '1', '--out', str(path)],
                    cwd=str(ROOT), check=True, stdout=subprocess.DEVNULL)
                mine = trace.load(str(path))
            report, limits = compare.compare(golden, mine), compare.Limits(golden)
            shares = {
                key: float(np.max(np.abs(mine.arrays[key].astype(float) - array)
                                  / np.maximum(limits.of(key), 1e-300)))
                for key, array in golden.arrays.items()}
            worst = max(shares, key=shares.get)
            description = descriptions.of(golden.meta, name)
            found[which]['tutorials'][name] = {
                'status': report.status, 'n_arrays': report.n_arrays,
                'differences': len(report.differences), 'worst': worst,
                'limits': shares[worst],
                'gradient_from_float64': {
                    side: errors.worst(each, description)['grad']
                    for side, each in (('here', mine), ('golden', golden))},
                'equal': sum(np.array_equal(mine.arrays[key], array)
                             for key, array in golden.arrays.items())}
            print(which, name, found[which]['tutorials'][name], flush=True)
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
    for part in parts or ['traces', 'runs']:
        stored[part] = {'traces': traces, 'runs': runs}[part]()
        stored.setdefault('environments', {})[part] = run_folder.environment()
        path.write_bytes(run_folder.as_json(stored))


if __name__ == '__main__':
    main(sys.argv[1:])
