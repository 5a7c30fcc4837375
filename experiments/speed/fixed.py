"""What each command costs before and after its steps.

Runs each command three times, with nothing else running, and writes fixed.json beside
this file: the median seconds from its start to its end. And what a run does once an
epoch: a checkpoint and a picture, in milliseconds.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'experiments')]

import tables       # noqa: E402

from tf1gan import TUTORIALS, command, loop, vanilla    # noqa: E402

TIMES = 3
TRACE = ROOT / 'tf1gan' / 'golden' / 'vanilla.npz'
COMMANDS = {    # `{}` is a folder of its own
    'a tutorial: `--help`': ('vanilla', '--help'),
    'a tutorial: a mistyped flag': ('vanilla', '--epoch', '3'),
    'a tool: `--help`': ('compare', '--help'),
    **{f'`{name}`: one step': (name, '--max-steps', '1', '--out', '{}/run')
       for name in TUTORIALS},
    '`compare`: a trace that agrees': ('compare', 'vanilla', TRACE),
    '`evaluate`: 10,000 images of a run': ('evaluate', '{}/../whole'),
    '`latent`: a run': ('latent', '{}/../whole', '--out', '{}/latent'),
    '`replay`: ten pictures': ('replay', ROOT / 'samples/vanilla', '--out', '{}/out'),
    '`doctor`': ('doctor',)}


def seconds(words, folder: Path) -> float:
    """Return how long a command takes."""
    words = [str(word).format(folder) for word in words]
    began = time.perf_counter()
    ended = subprocess.run([sys.executable, '-m', f'tf1gan.{words[0]}', *words[1:]],
                           cwd=str(ROOT), stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    took = time.perf_counter() - began
    assert ended.returncode in (0, 2), ended.stderr
    return took


def once_an_epoch(folder: Path) -> dict:
    """Return the milliseconds of a checkpoint and of a picture, of vanilla."""
    found = {}

    def timed(name):
        function = getattr(loop.Run, name)

        def replaced(*args, **how):
            began = time.perf_counter()
            result = function(*args, **how)
            if args[1:2] == (None,):        # no picture is due
                return result
            found.setdefault(name, []).append(1e3 * (time.perf_counter() - began))
            return result
        return replaced

    for name in 'save', 'draw':
        setattr(loop.Run, name, timed(name))
    with contextlib.redirect_stdout(open(os.devnull, 'w')):
        command.main(vanilla, ['--total-epoch', '1', '--batch-size', '5000', '--out',
                               str(folder / 'run')])
        command.main(vanilla, ['--total-epoch', '30', '--resume', str(folder / 'run')])
    return {name: round(statistics.median(times), 1) for name, times in found.items()}


def main() -> None:
    """Time all, and write fixed.json."""
    rows = {}
    with tempfile.TemporaryDirectory() as home:
        once = once_an_epoch(Path(home))
        os.rename(os.path.join(home, 'run'), os.path.join(home, 'whole'))
        for name, words in COMMANDS.items():
            times = []
            for n in range(TIMES + 1):      # the first warms the files
                with tempfile.TemporaryDirectory(dir=home) as folder:
                    times.append(seconds(words, Path(folder)))
            rows[name] = round(statistics.median(times[1:]), 2)
            print(f'{name}: {rows[name]:.2f} s', flush=True)
    tables.store('speed/fixed.json', {'times': TIMES, 'seconds': rows,
                                      'milliseconds': once})


if __name__ == '__main__':
    main()
