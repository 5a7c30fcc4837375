"""The ports against the golden traces, then the mistakes in them: make ports

    python run.py [--write]

Runs every port in its own interpreter, as its user would, and compares. Does so again
on a trace of another seed, which TensorFlow 2 records here, and for the ports of MODES
in another mode of their framework (compiled, or not). Then checks that sabotage.json is
what sabotage.py finds. With --write it makes sabotage.json anew, and ports.json, which
has what the comparisons said, and the versions; the reports on the first port and on
its first mistake are there in full.
"""

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import sabotage

from tf1gan import compare, run_folder, trace

HERE = Path(__file__).resolve().parent
PORTS = ['pytorch_vanilla', 'pytorch_minimax', 'pytorch_dcgan', 'pytorch_collapse',
         'pytorch_conditional', 'jax_vanilla', 'jax_minimax', 'jax_collapse',
         'jax_dcgan', 'keras_vanilla', 'keras_dcgan', 'keras_conditional']
SEED = 7        # of the other trace
COMPILED = '''
def compiled(kind):
    class Compiled(kind):
        def __init__(self, *args):
            super().__init__(*args)
            self.compile(dynamic=False)
    return Compiled
it.Generator, it.Discriminator = compiled(it.Generator), compiled(it.Discriminator)
'''
PLAIN = '''
import jax
jax.config.update('jax_disable_jit', True)
'''
MODES = {**dict.fromkeys(['pytorch_dcgan', 'pytorch_conditional'], COMPILED),
         **dict.fromkeys([name for name in PORTS if 'jax' in name], PLAIN)}
VERSIONS = ['torch', 'jax', 'optax', 'tensorflow-cpu', 'keras', 'numpy']


def replay(name: str, golden: str, path: Path, mode: str = '') -> compare.Report:
    """Return what the comparison says of a port that replays a trace in a mode."""
    code = (f'import {name} as it\n{mode}\nfrom tf1gan import trace\n'
            f'it.port(trace.load({golden!r})).save({str(path)!r})')
    subprocess.run([sys.executable, '-c', code], check=True, cwd=str(HERE))
    return compare.compare(trace.load(golden), trace.load(path))


def otherwise(folder: Path) -> int:
    """Run the ports on another seed, and in other modes; return the exit status."""
    status, seeds = 0, {}
    for name in PORTS:
        tutorial = name.partition('_')[2]
        if tutorial not in seeds:
            seeds[tutorial] = str(folder / f'seed_{tutorial}.npz')
            subprocess.run([sys.executable, '-m', 'tf1gan.record', tutorial, '--small',
                            '--seed', str(SEED), '--out', seeds[tutorial]], check=True,
                           stderr=subprocess.DEVNULL)
        tried = {f'seed {SEED}': (seeds[tutorial], '')}
        if name in MODES:
            tried['another mode'] = tutorial, MODES[name]
        for words, (golden, mode) in tried.items():
            report = replay(name, golden, folder / 'other.npz', mode)
            print(f'{name}.py, {words}', *compare.text(report), sep='\n  ', flush=True)
            status = max(status, report.status)
    return status


def main() -> int:
    """Run and compare; return the exit status."""
    status, found = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in PORTS:
            path = Path(folder) / f'{name}.npz'
            subprocess.run([sys.executable, str(HERE / f'{name}.py'), str(path)],
                           check=True)
            golden = trace.load(name.partition('_')[2])
            report = compare.compare(golden, trace.load(path))
            print(f'{name}.py', *compare.text(report), sep='\n  ', flush=True)
            status = max(status, report.status)
            found[name] = {'status': report.status, 'arrays': report.n_arrays,
                           'report': list(compare.text(report))}
        status = max(status, otherwise(Path(folder)))
    write = '--write' in sys.argv
    status = max(status, subprocess.run(
        [sys.executable, str(HERE / 'sabotage.py'), *([] if write else ['--check'])]
    ).returncode)
    if write:
        mistake = sabotage.MISTAKES[0]
        failing = sabotage.judge(sabotage.mutated(mistake), mistake.port)
        (HERE / 'ports.json').write_bytes(run_folder.as_json({
            'ports': found, 'failing': list(compare.text(failing)),
            'environment': run_folder.environment(),
            'versions': {name: importlib.metadata.version(name)
                         for name in VERSIONS}}))
    return status


if __name__ == '__main__':
    sys.exit(main())
