"""The ports against the golden traces, then the mistakes in them: make ports

    python run.py [--write]

Runs every port in an interpreter of its own, as its user would, and compares; then
checks that sabotage.json is what sabotage.py finds. With --write sabotage.json is made
anew, and ports.json: what the comparisons said, of the first port and of its first
mistake in full, and with which versions.
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
VERSIONS = ['torch', 'jax', 'optax', 'tensorflow-cpu', 'keras', 'numpy']


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
