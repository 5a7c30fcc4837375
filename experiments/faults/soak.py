"""Long runs: does a loss stop being finite, do memory and open files grow?

    .venv/bin/python experiments/faults/soak.py

Trains seeds of vanilla for up to 1,000 epochs, ten times the tutorial's, and one of
collapse for 20,000 steps, one thread each, into runs/soak; a seed that was killed is
resumed. Looks at each process twice a second. Then looks at what grows: in runs of
20,000 steps that give their free memory back, and in runs that write nothing. Writes
how all ended to soak.json beside this file; with `--grown` the last part alone.
"""

import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import run_folder       # noqa: E402

RUNS = {**{f'vanilla_{seed}': ['vanilla', '--seed', seed, '--total-epoch', 1000]
           for seed in range(4)},
        'collapse': ['collapse', '--rung', 4, '--max-steps', 20000]}
EVERY = 0.5     # seconds


def looked_at(process: subprocess.Popen) -> List[List[int]]:
    """Return the MiB and the open files of a process, from its start to its end."""
    found, place = [], Path('/proc') / str(process.pid)
    while process.poll() is None:
        time.sleep(EVERY)
        try:
            pages = int((place / 'statm').read_text().split()[1])
            files = len(list((place / 'fd').iterdir()))
        except (OSError, IndexError):       # it has just ended
            break
        if pages:
            found.append([pages * os.sysconf('SC_PAGE_SIZE') // 2 ** 20, files])
    process.wait()
    return found


def typical(seen: List[int]) -> List[int]:
    """Return the medians of the second tenth of some numbers, and of the last."""
    tenth = max(1, len(seen) // 10)
    return [int(statistics.median(part)) for part in (
        seen[tenth:2 * tenth] or seen, seen[-tenth:])]


def soak(name: str) -> Dict[str, Any]:
    """Train a run, or finish it; return how it ended, and what it took on the way."""
    folder, (tutorial, *flags) = HERE.parents[1] / 'runs' / 'soak' / name, RUNS[name]
    words = (['--resume', folder] if (folder / run_folder.CHECKPOINT).exists() else
             [*flags, '--threads', 1, '--out', folder])
    with open(f'{folder}.err', 'w+') as errors:
        process = subprocess.Popen(
            [sys.executable, '-m', f'tf1gan.{tutorial}', *map(str, words)],
            cwd=str(HERE.parents[1]), stdout=subprocess.DEVNULL, stderr=errors)
        seen = looked_at(process)
        errors.seek(0)
        said = errors.read().strip().split('\n')[-1]
    return {'run': name, 'steps': run_folder.load_checkpoint(folder)[1]['step'],
            'status': process.returncode,
            'said': said.partition(';')[0] if process.returncode else '',
            'MiB': typical([each[0] for each in seen]),
            'files': typical([each[1] for each in seen])}


def grows(tutorial: str, writes: str) -> None:
    """Train 20,000 steps; print the MiB after every 4,000, and the rows of the log.

    The C library gives its free memory back before each look. Without `writes` the run
    draws, logs and saves nothing.
    """
    from tf1gan import command, contract, loop
    seen, advance = [], loop.Run.advance

    def look(run, sess):
        losses = advance(run, sess)
        if run.step % 4000 == 0:
            ctypes.CDLL('libc.so.6').malloc_trim(0)
            pages = int(Path('/proc/self/statm').read_text().split()[1])
            seen.append(round(pages * os.sysconf('SC_PAGE_SIZE') / 2 ** 20, 1))
        return losses

    loop.Run.advance = look
    if not writes:
        for name in 'draw', 'save', 'write_log', 'show', 'log':
            setattr(loop.Run, name, lambda *_, **how: None)
    with tempfile.TemporaryDirectory() as folder:
        run = command.main(contract.find(tutorial), [
            '--threads', '1', '--max-steps', '20000', '--out', f'{folder}/run'])
    print(json.dumps({'tutorial': tutorial, 'writes': bool(writes), 'MiB': seen,
                      'rows': len(run.rows)}))


def main(*words: str) -> None:
    """Train what is not finished, look at what grows, and write the file."""
    if words[:1] == ('grows',):
        return grows(*words[1:])
    (HERE.parents[1] / 'runs' / 'soak').mkdir(parents=True, exist_ok=True)
    found = (tables.load('faults/soak.json') if words == ('--grown',) else
             {'runs': [soak(name) for name in RUNS]})
    found['grown'] = []
    for tutorial in 'vanilla', 'collapse':
        for writes in 'writes', '':
            out = subprocess.check_output([sys.executable, __file__, 'grows', tutorial,
                                           writes], cwd=str(HERE.parents[1]))
            found['grown'].append(json.loads(out.split(b'\n')[-2]))
            print(found['grown'][-1], flush=True)
    found.pop('environment', None)
    tables.store('faults/soak.json', found, threads=1)


if __name__ == '__main__':
    main(*sys.argv[1:])
