"""How far the interpreter is from TensorFlow 1.15, by kind of array.

    python experiments/interpreter/errors.py

Run it with TensorFlow 1.15. Records traces of the full size on one thread, predicts
every array of them and of the golden traces from the trace's own inputs, in float64,
and writes errors.json beside this file: the largest error of each kind.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import TUTORIALS, descriptions, interpreter, trace  # noqa: E402

KINDS = 'fake', 'logit', 'loss', 'grad', 'adam_m', 'adam_v', 'after', 'average'
FULL = {'vanilla': ['vanilla'], 'collapse': ['collapse'], 'minimax': ['minimax'],
        'minimax, saturating': ['minimax', '--objective', 'saturating'],
        'dcgan': ['dcgan'], 'conditional': ['conditional'],
        **{f'collapse, rung {rung}': ['collapse', '--rung', str(rung)]
           for rung in (1, 2, 3)}}


def errors(found, description, dtype=float):
    """Yield (kind, key, error) of every array of a trace that is computed.

    An error is a share of the array's largest number. Of gradients and moments it is a
    share of the largest of the kind in the update, because a bias before a batch
    normalization has a gradient of rounding alone. Of weights it is a share of the
    learning rate, less a last bit of float32; of a moving mean, of the largest plus the
    deviation.
    """
    for place, update, start in interpreter.starts(found, description):
        predicted = interpreter.predict(description, update, start, dtype)
        results = {key: array for key, array in start.own.items()
                   if key.split('/')[0] in KINDS}
        for key in set(predicted) ^ set(results):       # by one side alone
            yield key.split('/')[0], f'{place}/{key}', np.inf
        for key, expected in results.items():
            kind, _, name = key.partition('/')
            if key not in predicted:
                continue
            apart, scale = np.abs(predicted[key] - expected), largest(expected)
            if kind in ('grad', 'adam_m', 'adam_v'):
                scale = max(largest(array) for other, array in results.items()
                            if other.startswith(kind))
            elif kind == 'after' and f'grad/{name}' in results:
                apart = np.maximum(apart - np.spacing(np.abs(expected)), 0)
                scale = description['optimizers'][update['optimizer']]['learning_rate']
            elif kind == 'after':
                kind = 'average'
                if name.endswith('_mean'):
                    scale += np.sqrt(largest(
                        results[key[:-len('mean')] + 'variance']))
            yield kind, f'{place}/{key}', float(np.max(apart) / scale)


def largest(array):
    """Return the largest magnitude."""
    return float(np.abs(array).max())


def worst(found, description, dtype=float):
    """Return by kind the largest error of a trace, in two digits."""
    result = {}
    for kind, _, error in errors(found, description, dtype):
        result[kind] = max(result.get(kind, 0.), error)
    return {kind: float(f'{result[kind]:.1e}') for kind in KINDS if kind in result}


def recorded(folder, arguments):
    """Return a trace of the full size, of three steps."""
    path = Path(folder) / 'full.npz'
    subprocess.run([sys.executable, '-m', 'tf1gan.record', *arguments, '--threads', '1',
                    '--out', str(path)], check=True,
                   env={**os.environ, 'PYTHONPATH': str(HERE.parents[1])})
    return trace.load(path)


def main() -> None:
    """Measure, and write the file."""
    golden, full, seconds = {}, {}, {}
    for name in TUTORIALS:
        found = trace.load(name)
        golden[name] = worst(found, descriptions.of(found.meta, name))
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in FULL.items():
            found = recorded(folder, arguments)
            began = time.perf_counter()
            full[name] = worst(found, descriptions.of(found.meta, name))
            seconds[name] = round((time.perf_counter() - began) / 3, 2)
            print(name, full[name], seconds[name], flush=True)
    tables.store('interpreter/errors.json', {
        'golden': golden, 'full': full, 'seconds_a_step': seconds})


if __name__ == '__main__':
    main()
