"""Train one seed of a group, and keep its generator at ten points of training.

    python experiments/sweep/seed.py GROUP SEED [RUNS [STEPS]]

Trains into runs/sweep/GROUP/SEED (or RUNS/GROUP/SEED), or goes on there. At each point
the folder gets an at_STEPS/checkpoint.npz: the generator's weights, the rows of the log
since the point before, and what D then makes of test images and of generated ones.
After the last point the run's own checkpoints go.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'experiments')]

import reference        # noqa: E402

from tf1gan import (descriptions, generator, interpreter, mnist,      # noqa: E402
                    run_folder)

RUNS = ROOT / 'runs' / 'sweep'
SHARES = 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1      # of a run's steps
N_RATED = 1000      # images that D rates


class Group(NamedTuple):
    """Runs that differ in their seed alone."""

    tutorial: str
    name: str           # of the group in its tutorial
    steps: int
    flags: List[Any]

    def points(self) -> List[int]:
        """Return after how many steps the generator is kept."""
        return [round(share * self.steps) for share in SHARES]


ONE = ['--threads', 1]      # two runs at a time
GROUPS = {
    'vanilla': Group('vanilla', '', 55000, ONE),
    **{f'minimax_{objective}': Group('minimax', objective, 60000, [
        *ONE, '--objective', objective]) for objective in (
            'non-saturating', 'saturating')},
    **{f'collapse_{rung}': Group('collapse', f'rung {rung}', 60000, [
        *ONE, '--rung', rung]) for rung in (1, 2, 3, 4)},
    'dcgan': Group('dcgan', '', 10001, ONE),
    'conditional': Group('conditional', '', 5625, ONE)}      # 3 of 50 epochs


def rated(weights: Dict[str, np.ndarray], meta: Dict[str, Any]) -> Dict[str, float]:
    """Return D's mean probability of test images and of generated ones."""
    description, rng = descriptions.of(meta, 'the run'), np.random.RandomState(0)
    low, high = description['images']['range']
    files, n_labels = mnist.read(), description['labels']
    z, digits = generator.draw_noise(description, rng, N_RATED)

    def one_hot(numbers):
        return np.eye(n_labels)[numbers] if n_labels else None

    real = files.test_images[:N_RATED].reshape(-1, *description['images']['shape'])
    drawn = interpreter.draw(description, weights, z, one_hot(digits))
    return {name: float(interpreter.rate(description, weights, images, labels).mean())
            for name, images, labels in (
                ('D_x', low + real / 255 * (high - low),
                 one_hot(files.test_labels[:N_RATED])),
                ('D_G_z', drawn, one_hot(digits)))}


def keep(folder: Path, before: int) -> int:
    """Keep a run as it is now, for short; return the steps that it has done."""
    weights, meta = run_folder.load_checkpoint(folder)
    G = descriptions.names(descriptions.of(meta, folder)['networks']['G'])
    place = folder / f'at_{meta["step"]}'
    place.mkdir(exist_ok=True)
    run_folder.write(place / run_folder.CHECKPOINT, run_folder.pack(
        {name: weights[name] for name in G},
        {**meta, 'rows': [row for row in meta['rows'] if row['step'] >= before],
         'rated': rated(weights, meta)}))
    return meta['step']


def train(name: str, seed: int, runs: Path = RUNS, steps: int = 0) -> Path:
    """Train a seed of a group, or finish it; return its folder.

    With `steps` it is shorter than the group's runs.
    """
    group, folder, before = GROUPS[name], runs / name / str(seed), 0
    group = group._replace(steps=steps or group.steps)
    for steps in group.points():
        place = folder / f'at_{steps}' / run_folder.CHECKPOINT
        if not place.exists():
            try:
                reference.train(folder, group.tutorial, '--seed', seed, *group.flags,
                                '--max-steps', steps, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
            except subprocess.CalledProcessError as error:
                sys.stderr.buffer.write(error.stderr)
                if b'last finite checkpoint' not in error.stderr:
                    raise
            if keep(folder, before) < steps:    # a loss was not finite: its end
                break
        before = steps
    for path in folder.glob('checkpoint*.npz'):
        path.unlink()
    for path in folder.glob('events.*'):
        path.unlink()
    return folder


if __name__ == '__main__':
    train(sys.argv[1], int(sys.argv[2]), *map(Path, sys.argv[3:4]),
          *map(int, sys.argv[4:]))
