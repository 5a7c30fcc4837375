"""The noise between right computations of one trace, beside the comparer's limits.

    python noise.py PYTHON_WITH_MKL PYTHON_OF_THE_PORTS

Run it with the stock TensorFlow 1.15. Records every small trace with one and two
threads and with Intel's build, runs every port, and holds them all against the golden
traces; and of the full size two threads against one.
Writes noise.json beside this file: by kind of array, in the first step and behind it,
the largest difference as a share of what the comparer's limit is a share of.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tf1gan import TUTORIALS, compare, run_folder, trace    # noqa: E402

COLUMNS = 'first', 'dense', 'convolutional'


def others(name: str, folder: Path, mkl: str, ports: str):
    """Yield (whose, trace, the one it should agree with) of a tutorial."""
    golden = trace.load(name)
    environ = {**os.environ, 'PYTHONPATH': str(HERE.parents[1])}
    for label, python, more in (('one', sys.executable, ['--threads', '1']),
                                ('two', sys.executable, ['--threads', '2']),
                                ('mkl', mkl, [])):
        path = folder / f'{name}_{label}.npz'
        subprocess.run([python, '-m', 'tf1gan.record', name, '--small', '--seed',
                        str(golden.meta['seed']), '--out', str(path), *more],
                       check=True, env=environ)
        yield label, trace.load(path), golden
    # Of the full size, one thread beside two.
    one, two = (folder / f'{name}_full_{threads}.npz' for threads in (1, 2))
    for threads, path in (1, one), (2, two):
        subprocess.run([sys.executable, '-m', 'tf1gan.record', name, '--threads',
                        str(threads), '--out', str(path)], check=True, env=environ)
    yield 'full size, two threads', trace.load(two), trace.load(one)
    one.unlink()
    two.unlink()
    for port in HERE.glob(f'*_{name}.py'):
        path = folder / f'{port.stem}.npz'
        subprocess.run([ports, str(port), str(path)], check=True, env=environ)
        yield port.stem, trace.load(path), golden


def shares(golden, mine):
    """Yield (kind, column, share) of every array that may differ at all.

    The share is of what the limit is a share of: used of the limit, times the limit's.
    """
    limits = compare.Limits(golden)
    for key, expected in golden.arrays.items():
        kind = 'init' if key.startswith('init') else key.split('/')[2]
        if kind == 'after' and key.endswith(('_mean', '_variance')):
            kind = 'average'
        allowed = np.broadcast_to(limits.of(key), expected.shape)
        apart = np.abs(mine.arrays[key].astype(float) - expected)
        if kind in ('init', 'feed', 'mask'):
            assert not apart.any(), key
            continue
        used = np.divide(apart, allowed, out=np.zeros(apart.shape), where=apart > 0)
        column = 0 if key.startswith('step_000/') else 2 if limits.convolutional else 1
        yield kind, COLUMNS[column], float(used.max()) * compare.LIMITS[kind][column]


def main(mkl: str, ports: str) -> None:
    """Measure, and write the file."""
    noise = {kind: {column: 0. for column in COLUMNS} for kind in compare.LIMITS
             if kind not in ('init', 'feed', 'mask')}
    whose = {kind: {} for kind in noise}
    with tempfile.TemporaryDirectory() as folder:
        for name in TUTORIALS:
            for label, mine, golden in others(name, Path(folder), mkl, ports):
                for kind, column, share in shares(golden, mine):
                    if share > noise[kind][column]:
                        noise[kind][column] = float(f'{share:.2g}')
                        whose[kind][column] = label
                print(name, label, flush=True)
    (HERE / 'noise.json').write_bytes(run_folder.as_json({
        'noise': noise, 'largest_of': whose,
        'environment': run_folder.environment()}))


if __name__ == '__main__':
    main(*sys.argv[1:])
