"""The ports to PyTorch and JAX on a GPU: right, and as coarse as their defaults.

    python gpu.py FOLDER [WORKERS]

Wants a CUDA GPU. Every port replays its golden trace in every mode, and in those that
round as float32 does also the traces in FOLDER named TUTORIAL_*.npz (by
`python -m tf1gan.record`); each run is judged. Writes gpu.json beside this file; the
trace of a run that differs stays in FOLDER/runs. Where a framework is not installed,
its ports are left out. The traces in the folder gpu are such runs, for the judge's
tests.
"""

import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tf1gan import compare, run_folder, trace   # noqa: E402
from tf1gan.judge.search import Search          # noqa: E402


class Mode(NamedTuple):
    """A way to run a port on the GPU: code after its import as `it`."""

    what: str
    framework: str
    right: bool     # whether it rounds as float32 does
    code: str = ''


CUDA = '''
import torch
torch.set_default_device('cuda')
on_cpu = torch.from_numpy
torch.from_numpy = lambda array: on_cpu(array).cuda()
'''
FLOAT32 = CUDA + '''
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
'''
COMPILED = FLOAT32 + '''
def compiled(make):
    def made(*args):
        network = make(*args)
        network.compile(dynamic=False)
        return network
    return made
for name in 'network', 'Generator', 'Discriminator':
    if hasattr(it, name):
        setattr(it, name, compiled(getattr(it, name)))
'''
CHANNELS_LAST = FLOAT32 + '''
def last(make):
    return lambda *args: make(*args).to(memory_format=torch.channels_last)
for name in 'Generator', 'Discriminator':
    if hasattr(it, name):
        setattr(it, name, last(getattr(it, name)))
'''
FUSED = FLOAT32 + '''
plain = torch.optim.Adam.__init__
def fused(self, *args, **kwargs):
    plain(self, *args, fused=True, **kwargs)
torch.optim.Adam.__init__ = fused
'''
BENCHMARK = FLOAT32 + 'torch.backends.cudnn.benchmark = True\n'
HIGH = CUDA + "torch.set_float32_matmul_precision('high')\n"
AUTOCAST = CUDA + '''
def cast(kind):
    forward = kind.forward
    def inside(self, *args):
        with torch.autocast('cuda', torch.{}):
            return forward(self, *args).float()
    kind.forward = inside
for kind in [getattr(it, name) for name in ('Generator', 'Discriminator')
             if hasattr(it, name)] or [torch.nn.Sequential]:
    cast(kind)
def widened(module, args):      # the moving averages are float32
    return tuple(x.float() for x in args) if 'Norm' in type(module).__name__ else args
torch.nn.modules.module.register_module_forward_pre_hook(widened)
'''
MATMUL = "import jax; jax.config.update('jax_default_matmul_precision', {!r})\n"

MODES = [
    Mode('float32', 'pytorch', True, FLOAT32),
    Mode('compiled', 'pytorch', True, COMPILED),
    Mode('channels_last', 'pytorch', True, CHANNELS_LAST),
    Mode('fused Adam', 'pytorch', True, FUSED),
    Mode('cudnn.benchmark', 'pytorch', True, BENCHMARK),
    Mode("PyTorch's defaults", 'pytorch', False, CUDA),
    Mode("float32_matmul_precision 'high'", 'pytorch', False, HIGH),
    Mode('autocast, bfloat16', 'pytorch', False, AUTOCAST.format('bfloat16')),
    Mode('autocast, float16', 'pytorch', False, AUTOCAST.format('float16')),
    Mode('highest', 'jax', True),
    Mode('not compiled', 'jax', True,
         "import jax; jax.config.update('jax_disable_jit', True)\n"),
    Mode("JAX's defaults", 'jax', False, MATMUL.format(None)),
    Mode("default_matmul_precision 'bfloat16'", 'jax', False,
         MATMUL.format('bfloat16')),
]
CODE = '''
import sys
sys.path.insert(0, {here!r})
import {port} as it
{code}
from tf1gan import trace
it.port(trace.load({golden!r})).save({out!r})
'''


def judged(job: Tuple[Mode, Path, Path, Path]) -> Dict[str, Any]:
    """Run a port in a mode on a trace; return what the judge says of it."""
    mode, port, golden, out = job
    code = CODE.format(here=str(HERE), port=port.stem, code=mode.code,
                       golden=str(golden), out=str(out))
    row = {'mode': mode.what, 'port': port.stem, 'golden': golden.stem,
           'right': mode.right}
    done = subprocess.run([sys.executable, '-c', code], env={
        **os.environ, 'PYTHONPATH': str(HERE.parents[1]),
        'XLA_PYTHON_CLIENT_PREALLOCATE': 'false'}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode:
        return {**row, 'failed': done.stderr.splitlines()[-1]}
    began, mine, of = time.perf_counter(), trace.load(out), trace.load(golden)
    search = Search(of, mine)
    search.explain()
    row['of'] = max(search.judged, key=search.judged.get)
    row['worst'] = search.judged[row['of']]
    if row['worst'] > 1:
        row['report'] = list(compare.text(compare.compare(of, mine)))
    else:
        out.unlink()
    return {**row, 'seconds': time.perf_counter() - began}


def main(folder: str, workers: str = '12') -> None:
    """Run all and write the file."""
    runs = Path(folder) / 'runs'
    runs.mkdir(exist_ok=True)
    jobs = []
    for mode in MODES:
        if importlib.util.find_spec({'pytorch': 'torch'}.get(mode.framework, 'jax')):
            for port in sorted(HERE.glob(f'{mode.framework}_*.py')):
                tutorial = port.stem.split('_')[1]
                others = sorted(Path(folder).glob(f'{tutorial}_*.npz'))
                for golden in [trace.GOLDEN / f'{tutorial}.npz',
                               *(others if mode.right else ())]:
                    out = runs / f'{len(jobs)}_{port.stem}.npz'
                    jobs.append((mode, port, golden, out))
    rows = []
    with multiprocessing.Pool(int(workers)) as pool:
        for row in pool.imap_unordered(judged, jobs):
            rows.append(row)
            print(json.dumps({**row, 'report': row.get('report', [''])[0]}), flush=True)
    card = subprocess.run(['nvidia-smi', '--query-gpu=name', '--format=csv,noheader'],
                          stdout=subprocess.PIPE, universal_newlines=True)
    versions = {name: importlib.metadata.version(name) for name in ('torch', 'jax')
                if importlib.util.find_spec(name)}
    (HERE / 'gpu.json').write_bytes(run_folder.as_json({
        'runs': rows, 'gpu': card.stdout.strip(), 'versions': versions,
        'environment': run_folder.environment()}))


if __name__ == '__main__':
    main(*sys.argv[1:])
