"""The ladder measured: every rung, three seeds, one epoch each.

    make ladder

Trains `tf1gan.collapse` on every rung with seeds 0, 1 and 2, two runs at a time with
one thread each; draws 1,000 samples from each trained generator; measures their mean
pairwise distance (Euclidean, pixels in [0, 1]) against that of 1,000 real digits.
Writes ladder.json, seed 0's loss plots and rung 4's latent arithmetic beside this file,
and seed 0's pictures to samples/collapse. Interrupted, it goes on where it was when it
is called again.
"""

import json
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

from tf1gan import collapse, latent, mnist, run_folder      # noqa: E402

RUNS = ROOT / 'runs' / 'ladder'
SEEDS = [0, 1, 2]
N_SAMPLES = 1000


def train(rung: int, seed: int) -> Path:
    """Train a rung for an epoch, or finish a run that was begun; return its folder."""
    folder = RUNS / f'rung_{rung}_seed_{seed}'
    reference.train(folder, 'collapse', '--rung', rung, '--seed', seed, '--threads', 1,
                    stdout=subprocess.DEVNULL)
    return folder


def mean_distance(images: np.ndarray) -> float:
    """Return the mean Euclidean distance of all pairs of `images` [n, pixels]."""
    x = images.reshape(len(images), -1).astype(np.float64)
    squares = (x ** 2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    np.fill_diagonal(distances, 0)
    return float(distances.sum() / (len(x) * (len(x) - 1)))


def measure(folder: Path) -> dict:
    """Return what the page says of a run: distances, last losses."""
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
        folders = list(pool.map(lambda job: train(*job), [
            (rung, seed) for seed in SEEDS for rung in collapse.RUNGS]))
    runs = sorted((measure(folder) for folder in folders),
                  key=lambda run: (run['rung'], run['seed']))
    real = mnist.read().train_images[:N_SAMPLES] / 255
    result = {'real_digits': round(mean_distance(real), 4), 'n_samples': N_SAMPLES,
              'runs': runs}
    tables.store('collapse/ladder.json', result, threads=1)
    here = Path(__file__).parent
    for rung in collapse.RUNGS:
        folder = RUNS / f'rung_{rung}_seed_0'
        for name in 'loss_D.png', 'loss_G.png':
            shutil.copy(str(folder / name), str(here / f'rung_{rung}_{name}'))
        reference.copy_pictures(folder, 'collapse', f'rung_{rung}_')
    reference.module('latent', RUNS / 'rung_4_seed_0', '--out', here / 'latent')
    print(json.dumps(result, indent=2))
    shutil.rmtree(str(RUNS))


if __name__ == '__main__':
    main()
