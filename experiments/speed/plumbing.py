"""What the session loop costs: a step of tf1gan.vanilla against the plain script's.

    make speed

Both train side by side in one process: a step of the plain script (its own lines, from
tests/plain_vanilla.py), then a step of the package, and so on. TensorFlow chooses its
threads, and nothing else runs on the machine. The package's step is all that the
session loop does from one step to the next: the batch, both updates in one session
call (the plain script makes two), the checks, the progress count. Writes plumbing.json
beside this file: the median step of each in milliseconds and their ratio, over the
whole run and in every epoch.
"""

import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'experiments')]

import tables       # noqa: E402

from tf1gan import command, mnist, vanilla     # noqa: E402

EPOCHS = 10
SKIP = 50       # the first steps, in which TensorFlow warms up


def plain_step():
    """Return a function that takes the plain script's next step."""
    source = (ROOT / 'tests' / 'plain_vanilla.py').read_text()
    set_up, _, loop = source.partition('np.random.seed(seed)\n')
    body = loop.partition('seconds.append(time.perf_counter())\n')[2]
    body = textwrap.dedent(body.partition('        all_losses.append')[0])
    assert 'next_batch' in body and 'train_G' in body and len(body.splitlines()) == 4
    names = {}
    sys.argv = ['plain_vanilla.py', str(mnist.DATA), '', '0', '1']
    exec(compile(set_up, 'plain_vanilla.py', 'exec'), names)
    code = compile(body, 'plain_vanilla.py', 'exec')
    return lambda: exec(code, names)


def main() -> None:
    """Time both, print the ratio and write plumbing.json."""
    plain, ours = plain_step(), vanilla.step
    times = []      # [start of the plain step, its end = start of the package's]

    def both(*args):
        began = time.perf_counter()
        plain()
        times.append((began, time.perf_counter()))
        return ours(*args)

    vanilla.step = both
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ['vanilla.py', '--total-epoch', str(EPOCHS), '--out', folder]
        try:
            command.main(vanilla)
        except SystemExit as ended:
            assert ended.code == 0

    starts, ends = np.array(times).T * 1000
    plain_ms, package_ms = (ends - starts)[:-1], starts[1:] - ends[:-1]

    def ratio(steps):
        return round(float(np.median(package_ms[steps])
                           / np.median(plain_ms[steps])), 4)

    n = len(times) // EPOCHS
    result = {
        'ratio': ratio(slice(SKIP, None)),
        'ratio_of_each_epoch': [ratio(slice(max(i * n, SKIP), (i + 1) * n))
                                for i in range(EPOCHS)],
        'plain_ms': round(float(np.median(plain_ms[SKIP:])), 3),
        'package_ms': round(float(np.median(package_ms[SKIP:])), 3),
        'steps': len(plain_ms) - SKIP}
    tables.store('speed/plumbing.json', result, threads="TensorFlow's own")
    print(result)


if __name__ == '__main__':
    main()
