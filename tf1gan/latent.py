"""Latent arithmetic on a trained generator: `python -m tf1gan.latent RUN`.

For any run of this project whose generator takes noise only. Two seeds, A and B, each
give a noise vector: 12 images from A to B in equal steps; A, B and A + B; A, B and
A - B. For a run of tf1gan.conditional, `--digit 7 --count 64` draws so many sevens.

Source: the last part of the mode-collapse tutorial, for PyTorch.
"""

import importlib
import sys
from pathlib import Path
from typing import Dict, Set

import numpy as np

from tf1gan import TUTORIALS, InputError, flags, pictures, run_folder
from tf1gan.tf1 import tf

N_STEPS = 12


class Generator:
    """The generator of a run folder, as a function from noise to images.

    Use it in a `with` statement.

    `takes_labels` says whether it wants labels beside the noise.

    Raises: InputError when the folder is no run, or one without a trained generator.
    """

    def __init__(self, folder: Path):
        arrays, meta = run_folder.load_checkpoint(folder)
        if meta['tutorial'] not in TUTORIALS:
            raise InputError(f'{folder}: expected a run of one of '
                             f'{", ".join(TUTORIALS)}, found one of '
                             f'{meta["tutorial"]}; use the version that wrote it')
        self.tutorial = importlib.import_module(f'tf1gan.{meta["tutorial"]}')
        self.config = self.tutorial.Config(**meta['config'])
        self.model = self.tutorial.build(self.config, meta['seed'])
        if meta['config'].get('sanity'):
            raise InputError(f'{folder}: expected a run that trained a generator, '
                             'found a sanity check of D alone; name another run')
        self.takes_labels = placeholders(self.model.G) != {self.model.Z.op}
        self.sess = tf.Session(graph=self.model.graph)
        for variable in self.model.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            variable.load(arrays[variable.op.name], self.sess)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sess.close()

    def noise(self, rng: np.random.RandomState, n: int) -> np.ndarray:
        """Draw `n` of the tutorial's noise vectors, [n, n_noise]."""
        drawn = self.tutorial.noise(rng, n, self.config)
        return drawn[0] if self.takes_labels else drawn

    def digits(self, digit: int, noise: np.ndarray) -> bytes:
        """Return the PNG of a sheet of `digit`, an image for each of `noise`."""
        return self.tutorial.sheet(self.sess, self.model, noise,
                                   np.full(len(noise), digit))

    def __call__(self, noise: np.ndarray) -> np.ndarray:
        """Return the images of `noise`, [n, 28, 28], in the tutorial's range."""
        images = self.sess.run(self.model.G, {self.model.Z: noise})
        return images.reshape(-1, 28, 28)


def placeholders(tensor: tf.Tensor) -> Set[tf.Operation]:
    """Return the placeholders that a tensor depends on."""
    seen, todo = set(), [tensor.op]
    while todo:
        op = todo.pop()
        if op not in seen:
            seen.add(op)
            todo += [source.op for source in op.inputs]
    return {op for op in seen if op.type == 'Placeholder'}


def interpolate(a: np.ndarray, b: np.ndarray, n: int = N_STEPS) -> np.ndarray:
    """Return `n` points [n, n_noise] from `a` to `b`, both included, in equal steps."""
    t = np.linspace(0, 1, n)[:, None]
    return a * (1 - t) + b * t


def arithmetic(generator: Generator, seed_a: int, seed_b: int) -> Dict[str, bytes]:
    """Return the three pictures of two seeds' noise, by file name."""
    a, b = (generator.noise(np.random.RandomState(number), 1)
            for number in (seed_a, seed_b))
    between = generator(interpolate(a, b))
    ends = generator(np.concatenate([a, b, a + b, a - b]))
    names = f'A (seed {seed_a})', f'B (seed {seed_b})'
    steps = [f'{i / (N_STEPS - 1):.2f}' for i in range(N_STEPS)]
    return {
        'interpolation.png': pictures.captioned(
            between, [names[0], *steps[1:-1], names[1]], 4),
        'sum.png': pictures.captioned(ends[[0, 1, 2]], [*names, 'A + B'], 3),
        'difference.png': pictures.captioned(ends[[0, 1, 3]], [*names, 'A - B'], 3)}


def draw(options) -> Dict[str, bytes]:
    """Return the pictures that the command line asks for, by file name.

    Raises: InputError when the run's generator is not of the kind for them.
    """
    with Generator(Path(options.run)) as generator:
        if generator.takes_labels and options.digit is None:
            raise InputError(f'{options.run}: expected a run whose generator takes '
                             'noise only, found one that takes labels too; say which '
                             'with --digit')
        if options.digit is None and options.count is not None:
            raise InputError('--count: expected it beside --digit, found it alone; '
                             'leave it out')
        if options.digit is None:
            return arithmetic(generator, options.seed_a, options.seed_b)
        if not generator.takes_labels:
            raise InputError(f'--digit: expected a run of tf1gan.conditional, found '
                             f'{options.run}, whose generator takes no labels; leave '
                             'the flag out')
        noise = generator.noise(np.random.RandomState(options.seed_a),
                                options.count or 64)
        return {f'digit_{options.digit}.png': generator.digits(options.digit, noise)}


def main() -> int:
    """Draw the pictures; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.latent', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    seed = flags.number(int, 0, flags.LARGEST_SEED)
    parser.add_argument('run', metavar='RUN', help='a run folder')
    parser.add_argument('--seed-a', type=seed, default=0, metavar='N',
                        help='of the noise A, or of the digits (default 0)')
    parser.add_argument('--seed-b', type=seed, default=1, metavar='N',
                        help='of the noise B (default 1)')
    parser.add_argument('--digit', type=flags.number(int, 0, 9), metavar='N',
                        help='draw this digit instead (of a run of tf1gan.conditional)')
    parser.add_argument('--count', type=flags.number(int, 1, 1000), metavar='N',
                        help='of the digits (default 64)')
    parser.add_argument('--out', metavar='DIR',
                        help='where the pictures go (default: RUN/latent)')
    return flags.write_files(parser, draw,
                             lambda options: Path(options.run) / 'latent')


if __name__ == '__main__':
    sys.exit(main())
