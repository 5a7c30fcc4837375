"""The source's further claims of the ladder, measured: make claims

    python experiments/collapse/claims.py [often] [epochs]

often:
- Rung 1's training: D leads, then both balance, then D dominates.
- Training D more often does not help (rung 1; d_more_often.py).
epochs:
- More epochs improve rung 4: after 1, 2, 4 and 8.
- A + B looks like both images added; A - B is not A with the overlap removed.

Three seeds each, two runs at a time with one thread each (hours). Writes claims.json,
where a part that is not named stays.
Interrupted, it goes on where it was when it is called again.
"""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'experiments')]

import reference        # noqa: E402
import tables           # noqa: E402

from tf1gan import evaluate, generator, run_folder      # noqa: E402

RUNS = ROOT / 'runs' / 'claims'
SEEDS = [0, 1, 2]
OFTEN = [1, 2, 5]
EPOCHS = [1, 2, 4, 8]
N_WINDOWS, N_PAIRS = 20, 100


def often(n: int, seed: int) -> Path:
    """Train rung 1 with `n` updates of D a step; return the run's folder."""
    folder = RUNS / f'often_{n}_seed_{seed}'
    begin = '--resume' if folder.exists() else '--out'
    subprocess.run([sys.executable, str(Path(__file__).parent / 'd_more_often.py'),
                    begin, str(folder), '--n-D', str(n), '--seed', str(seed),
                    '--threads', '1'], check=True, cwd=str(ROOT),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def longer(seed: int) -> None:
    """Train rung 4 for its epochs, and keep the run as it was on the way."""
    folder = RUNS / f'longer_seed_{seed}'
    for n in EPOCHS:
        kept = RUNS / f'longer_seed_{seed}_epoch_{n}'
        if not kept.exists():
            reference.train(folder, 'collapse', '--rung', 4, '--seed', seed,
                            '--threads', 1, '--epochs', EPOCHS[-1], '--max-steps',
                            60000 * n, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
            shutil.copytree(str(folder), str(kept))


def windows(folder: Path) -> dict:
    """Return the means of each loss in equal windows of a run."""
    rows = run_folder.load_checkpoint(folder)[1]['rows']
    return {name: [round(float(part.mean()), 4) for part in np.array_split(
        [row[name] for row in rows], N_WINDOWS)]
        for name in ('loss_D_real', 'loss_D_fake', 'loss_G')}


def figures(folder: Path) -> dict:
    """Return what `evaluate` says of a run."""
    found = evaluate.measure(evaluate.draw(folder))
    return {name: found[name] for name in ('digits_covered', 'divergence', 'confidence',
                                           'frechet', 'nearest')}


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean correlation of two images' pixels, over pairs [n, 28, 28]."""
    return round(float(np.mean([np.corrcoef(x.ravel(), y.ravel())[0, 1]
                                for x, y in zip(a, b)])), 3)


def arithmetic(folder: Path) -> dict:
    """Return how much images of summed noise are like sums of the images' pixels."""
    generate, rng = generator.Generator(folder), np.random.RandomState(2000)
    a, b, c = (generate.noise(rng, N_PAIRS) for _ in range(3))
    A, B, C, plus, minus = map(generate, (a, b, c, a + b, a - b))
    both, less, kept = np.clip(A + B, 0, 1), np.clip(A - B, 0, 1), A * (1 - B)
    return {'A + B, both added': alike(plus, both),
            'A + B, A alone': alike(plus, A),
            'A + B, two others added': alike(plus, np.clip(C + np.roll(C, 1, 0), 0, 1)),
            'A - B, A without the overlap': alike(minus, kept),
            'A - B, pixels subtracted': alike(minus, less),
            'A - B, A alone': alike(minus, A),
            'A - B, another image': alike(minus, C)}


def often_claims() -> dict:
    """Return what more updates of D make of rung 1, and how it trains."""
    with ThreadPoolExecutor(2) as pool:
        runs = {n: [pool.submit(often, n, seed) for seed in SEEDS] for n in OFTEN}
        return {'training': [windows(each.result()) for each in runs[1]],
                'often': {str(n): [figures(each.result()) for each in runs[n]]
                          for n in OFTEN}}


def epochs_claims() -> dict:
    """Return what more epochs make of rung 4, and what its sums of noise are like."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(longer, SEEDS))
    ends = {str(n): [RUNS / f'longer_seed_{seed}_epoch_{n}' for seed in SEEDS]
            for n in EPOCHS}
    return {'epochs': {n: list(map(figures, each)) for n, each in ends.items()},
            'arithmetic': {n: list(map(arithmetic, each)) for n, each in ends.items()}}


def main() -> None:
    """Train, measure, and write."""
    found = tables.load('collapse/claims.json')
    del found['environment']
    for part in sys.argv[1:] or ['often', 'epochs']:
        found.update({'often': often_claims, 'epochs': epochs_claims}[part]())
    tables.store('collapse/claims.json', found, threads=1)


if __name__ == '__main__':
    main()
