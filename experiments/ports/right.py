"""Right runs, judged: the worst share of a limit. `make right`

    python right.py PYTHON_WITH_MKL PYTHON_OF_THE_PORTS [ONLY]

Run it with the stock TensorFlow 1.15. Records every small trace with eight seeds, with
1, 2 and 4 threads and with Intel's build; at full size, one step with two threads.
Every port replays the golden trace and those of the other seeds, and at full size those
of FULL_SIZE. Writes right.json beside this file: for each kind of run how many there
are, how many were accused, and the worst share of a limit. ONLY is `full size`, for
those runs alone, or `seed`, for all others; the rest of the file stays as it is.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tf1gan import TUTORIALS, run_folder, trace     # noqa: E402
from tf1gan.judge.search import Search              # noqa: E402

SEEDS = range(8)
FULL_SIZE = 'vanilla', 'collapse', 'dcgan'
ENVIRON = {**os.environ, 'PYTHONPATH': str(HERE.parents[1])}


def record(python: str, name: str, path: Path, *flags: str) -> trace.Trace:
    """Record a trace with an interpreter's TensorFlow; return it."""
    subprocess.run([python, '-m', 'tf1gan.record', name, '--out', str(path), *flags],
                   check=True, env=ENVIRON, stderr=subprocess.DEVNULL)
    return trace.load(path)


def replayed(python: str, port: Path, golden: Path, path: Path) -> trace.Trace:
    """Return the trace of a port that replays another one."""
    code = (f'import sys; sys.path.insert(0, {str(HERE)!r}); import {port.stem} as it; '
            'from tf1gan import trace; from pathlib import Path; '
            f'it.port(trace.load({str(golden)!r})).save(Path({str(path)!r}))')
    subprocess.run([python, '-c', code], check=True, env=ENVIRON,
                   stderr=subprocess.DEVNULL)
    return trace.load(path)


def runs(name: str, folder: Path, mkl: str, ports: str, only: str):
    """Yield (kind of run, golden trace, right trace) of a tutorial."""
    if only != 'full size':
        yield from small(name, folder, mkl, ports)
    if only != 'seed':
        yield from full_size(name, folder, ports)


def framework(port: Path) -> str:
    """Return the framework of a port, by its file's name."""
    return {'pytorch': 'PyTorch', 'jax': 'JAX', 'keras': 'Keras'}[
        port.stem.split('_')[0]]


def full_size(name: str, folder: Path, ports: str):
    """Yield what is run at full size, a step of it."""
    full, here = folder / 'full.npz', sys.executable
    one = record(here, name, full, '--steps', '1', '--threads', '1')
    yield 'TensorFlow 1.15, full size, 2 threads', one, record(
        here, name, folder / 'two.npz', '--steps', '1', '--threads', '2')
    for port in sorted(HERE.glob(f'*_{name}.py')) if name in FULL_SIZE else []:
        yield f'ports to {framework(port)}, full size', one, replayed(
            ports, port, full, folder / 'port.npz')


def small(name: str, folder: Path, mkl: str, ports: str):
    """Yield what is run with the sizes of the golden traces."""
    golden, here = trace.load(name), sys.executable
    seed = ['--small', '--seed', str(golden.meta['seed'])]
    for threads in 1, 2, 4:
        yield 'TensorFlow 1.15, 1, 2 and 4 threads', golden, record(
            here, name, folder / 'threads.npz', *seed, '--threads', str(threads))
    yield "Intel's build of TensorFlow 1.15", golden, record(
        mkl, name, folder / 'mkl.npz', *seed)
    sources = {f'seed {number}': folder / f'{number}.npz' for number in SEEDS}
    for number, path in zip(SEEDS, sources.values()):
        own = record(here, name, path, '--small', '--seed', str(number))
        yield 'TensorFlow 1.15, eight seeds', own, own
    for port in sorted(HERE.glob(f'*_{name}.py')):
        for path in [trace.GOLDEN / f'{name}.npz', *sources.values()]:
            yield f'ports to {framework(port)}, nine seeds', trace.load(path), (
                replayed(ports, port, path, folder / 'port.npz'))


def main(mkl: str, ports: str, only: str = '') -> None:
    """Judge, and write the file."""
    found, path = {}, HERE / 'right.json'
    if only:
        found = {kind: row for kind, row in json.loads(path.read_text())['runs'].items()
                 if ('full size' in kind) != (only == 'full size')}
    for name in TUTORIALS:
        with tempfile.TemporaryDirectory() as folder:
            for kind, golden, mine in runs(name, Path(folder), mkl, ports, only):
                search = Search(golden, mine)
                search.explain()
                worst = max(search.judged.values())
                key = max(search.judged, key=search.judged.get)
                row = found.setdefault(kind, {'runs': 0, 'accused': 0, 'worst': 0.})
                row['runs'] += 1
                row['accused'] += worst > 1
                if worst > row['worst']:
                    row.update(worst=float(f'{worst:.2g}'), of=f'{name}: {key}')
                print(name, kind, f'{worst:.3f}', key, flush=True)
    path.write_bytes(run_folder.as_json({
        'runs': found, 'environment': run_folder.environment()}))


if __name__ == '__main__':
    main(*sys.argv[1:])
