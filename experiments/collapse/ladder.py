"""The ladder measured: every rung, three seeds, one epoch each.

    make ladder

Takes every rung's seeds 0, 1 and 2 of the sweep (experiments/sweep), or trains them,
two runs at a time with one thread each; draws 1,000 samples from each trained
generator; measures their mean pairwise distance (Euclidean, pixels in [0, 1]) against
that of 1,000 real digits. Writes ladder.json, seed 0's loss plots and rung 4's latent
arithmetic beside this file, and seed 0's pictures to samples/collapse. Interrupted, it
goes on where it was when it is called again.
"""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = map(str, (ROOT, ROOT / 'experiments', ROOT / 'experiments/sweep'))

import reference        # noqa: E402
import seed as sweep    # noqa: E402
import tables           # noqa: E402

from tf1gan import collapse, latent, mnist, run_folder      # noqa: E402

SEEDS = [0, 1, 2]
N_SAMPLES = 1000
END = f'at_{sweep.GROUPS["collapse_4"].steps}'


def mean_distance(images: np.ndarray) -> float:
    """Return the mean Euclidean distance of all pairs of `images` [n, pixels]."""
    x = images.reshape(len(images), -1).astype(np.float64)
    squares = (x ** 2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    np.fill_diagonal(distances, 0)
    return float(distances.sum() / (len(x) * (len(x) - 1)))


def measure(folder: Path) -> dict:
    """Return what the page says of a run as it ended: distances, last losses."""
    rng = np.random.RandomState(1000)
    generate = latent.Generator(folder)
    samples = generate(generate.noise(rng, N_SAMPLES))
    meta = run_folder.load_checkpoint(folder)[1]
    last = meta['rows'][-2000:]     # the last 10,000 steps
    return {
        'rung': meta['config']['rung'], 'seed': meta['seed'],
        'mean_distance': round(mean_distance(samples), 4),
        **{loss: round(float(np.mean([row[loss] for row in last])), 4)
           for loss in ('loss_D_real', 'loss_D_fake', 'loss_G')}}


def main() -> None:
    """Train, measure, and write the results."""
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda job: sweep.train(*job), [
            (f'collapse_{rung}', seed) for rung in collapse.RUNGS for seed in SEEDS]))
    runs = [measure(folder / END) for folder in folders]
    real = mnist.read().train_images[:N_SAMPLES] / 255
    result = {'real_digits': round(mean_distance(real), 4), 'n_samples': N_SAMPLES,
              'runs': runs}
    tables.store('collapse/ladder.json', result, threads=1)
    here = Path(__file__).parent
    for rung in collapse.RUNGS:
        folder = sweep.RUNS / f'collapse_{rung}' / '0'
        for name in 'loss_D.png', 'loss_G.png':
            shutil.copy(str(folder / name), str(here / f'rung_{rung}_{name}'))
        reference.copy_pictures(folder, 'collapse', f'rung_{rung}_')
    reference.module('latent', folder / END, '--out', here / 'latent')
    print(json.dumps(result, indent=2))


if __name__ == '__main__':
    main()
