"""Two programs timed in turn, block by block, so that a machine whose speed drifts is
fair to both."""

import statistics
import subprocess
from typing import Dict, Sequence


def measure(ours: Sequence[str], theirs: Sequence[str], n_blocks: int) -> Dict:
    """Return the medians of two workers' blocks, and their ratio.

    Each command starts a worker that takes a block of steps for every line of its
    standard input, then prints the milliseconds of a step and a version. The first
    block of either warms up and does not count.
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
