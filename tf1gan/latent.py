"""Latent arithmetic on a trained generator: `python -m tf1gan.latent RUN`.

For any run whose generator takes noise only. Two seeds, A and B, each give a noise
vector: 12 images from A to B in equal steps; A, B and A + B; A, B and A - B. Where it
takes labels too, as tf1gan.conditional's does, `--digit 7 --count 64` draws so many
sevens. NumPy and matplotlib only.

Source: the last part of the mode-collapse tutorial, for PyTorch.
"""

import sys
from pathlib import Path
from typing import Dict

import numpy as np

from tf1gan import InputError, flags, pictures
from tf1gan.generator import Generator

N_STEPS = 12


def interpolate(a: np.ndarray, b: np.ndarray, n: int = N_STEPS) -> np.ndarray:
    """Return `n` points [n, n_noise] from `a` to `b`, both included, in equal steps."""
    t = np.linspace(0, 1, n)[:, None]
    return a * (1 - t) + b * t


def arithmetic(generate: Generator, seed_a: int, seed_b: int) -> Dict[str, bytes]:
    """Return the three pictures of two seeds' noise, by file name."""
    a, b = (generate.noise(np.random.RandomState(number), 1)
            for number in (seed_a, seed_b))
    between = generate(interpolate(a, b))
    ends = generate(np.concatenate([a, b, a + b, a - b]))
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
    generate, digit = Generator(Path(options.run)), options.digit
    if digit is None:
        if generate.n_labels:
            raise InputError(f'{options.run}: expected a run whose generator takes '
                             'noise only, found one that takes labels too; say which '
                             'with --digit')
        if options.count is not None:
            raise InputError('--count: expected it beside --digit, found it alone; '
                             'leave it out')
        return arithmetic(generate, options.seed_a, options.seed_b)
    if digit >= generate.n_labels:
        raise InputError(f'--digit: expected one of the {generate.n_labels} labels '
                         f'that the generator of {options.run} takes, found {digit}; '
                         'leave the flag out, or name another run')
    noise = generate.noise(np.random.RandomState(options.seed_a), options.count or 64)
    images = generate(noise, np.full(len(noise), digit))
    return {f'digit_{digit}.png': pictures.sheet((images * 255).astype(np.uint8), 10)}


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
                        help='draw this digit instead (where G takes labels)')
    parser.add_argument('--count', type=flags.number(int, 1, 1000), metavar='N',
                        help='of the digits (default 64)')
    parser.add_argument('--out', metavar='DIR',
                        help='where the pictures go (default: RUN/latent)')
    return flags.write_files(parser, draw,
                             lambda options: Path(options.run) / 'latent')


if __name__ == '__main__':
    sys.exit(main())
