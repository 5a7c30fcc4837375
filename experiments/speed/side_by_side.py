"""Two programs timed in turn, block by block, so that a machine whose speed drifts is
fair to both."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence, Tuple

EXPERIMENTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(EXPERIMENTS.parent), str(EXPERIMENTS)]


def tf1gan_step(name: str, threads: Optional[int] = None,
                **numbers) -> Tuple[Callable, str]:
    """Return a function that takes a tutorial's next step, and TensorFlow's version."""
    from tf1gan import contract, loop, tf1
    page = contract.find(name)
    run = loop.Run(page, {'config': page.Config(**numbers)._asdict(), 'seed': 0,
                          'threads': threads or page.THREADS, 'data': None})
    return lambda: run.advance(run.sess), tf1.VERSION


def work(step: Callable, version: str, n_steps: int) -> None:
    """Take a block of steps for every line of stdin; print milliseconds a step."""
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(n_steps):
            step()
        print((time.perf_counter() - began) / n_steps * 1000, version, flush=True)


def measure(ours: Sequence[str], theirs: Sequence[str], n_blocks: int) -> Dict:
    """Return the medians of two workers' blocks, and their ratio.

    Each command starts a worker, which does what `work` does. The first block of either
    warms up and does not count.
    """
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                universal_newlines=True) for command in (ours, theirs)]
    blocks = []
    for _ in range(n_blocks + 1):
        block = []
        for worker in workers:
            worker.stdin.write('\n')
            worker.stdin.flush()
            block.append(worker.stdout.readline().split())
        blocks.append([float(milliseconds) for milliseconds, _ in block])
    for worker in workers:
        worker.stdin.close()
        worker.wait()
    ours_ms, theirs_ms = zip(*blocks[1:])
    ratios = sorted(a / b for a, b in blocks[1:])
    return {'tf1gan_ms': round(statistics.median(ours_ms), 3),
            'other_ms': round(statistics.median(theirs_ms), 3),
            'ratio': round(statistics.median(ratios), 3),
            'ratio_min': round(ratios[0], 3), 'ratio_max': round(ratios[-1], 3),
            'tensorflow': block[0][1], 'version': block[1][1]}
