"""Latent arithmetic on a trained generator: `python -m tf1gan.latent RUN`.

For a run whose generator takes noise only, two seeds, A and B, each give a noise
vector. It draws 12 images from A to B in equal steps; A, B and A + B; A, B and A - B;
and the plane through 0, A and B, each image in the colour of the digit that it is taken
for. For a generator that takes labels too, as tf1gan.conditional's does, it draws noise
vectors under all ten labels, a row each, and an image with its ten label planes, as D
takes them; or, with `--digit 7 --count 64`, 64 sevens. `--show 17` draws a training
image, its digit above; `--save FILE.npz` and `--png DIR` write the images themselves.
NumPy and matplotlib only.

Source: the last part of the mode-collapse tutorial, for PyTorch, and how it looks at
its data; the first pictures of the conditional tutorial.
"""

import io
import os
import sys
from pathlib import Path
from typing import Dict, Tuple

import numpy as np

from tf1gan import InputError, classifier, flags, mnist, pictures
from tf1gan.generator import Generator

N_STEPS = 12
N_PLANE = 15        # images of a plane each way
N_ROWS = 8          # noise vectors under all labels
MOST = 100000       # images: 300 MB


def interpolate(a: np.ndarray, b: np.ndarray, n: int = N_STEPS) -> np.ndarray:
    """Return `n` points [n, n_noise] from `a` to `b`, both included, in equal steps."""
    t = np.linspace(0, 1, n)[:, None]
    return a * (1 - t) + b * t


def slerp(a: np.ndarray, b: np.ndarray, n: int = N_STEPS) -> np.ndarray:
    """Return `n` points as `interpolate` does, in equal angles about 0.

    Vectors of the same or of opposite directions get the straight line. Source: White,
    "Sampling Generative Networks" (2016).
    """
    t = np.linspace(0, 1, n)[:, None]
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-9:        # of float64
        return interpolate(a, b, n)
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def plane(a: np.ndarray, b: np.ndarray, ends: Tuple[float, float],
          n: int = N_PLANE) -> np.ndarray:
    """Return `n` x `n` points [n * n, n_noise] u a + v b: u to the right, v upwards.

    Both go from one of `ends` to the other in equal steps.
    """
    along = np.linspace(*ends, n)
    u, v = (each.reshape(-1, 1) for each in np.meshgrid(along, along[::-1]))
    return u * a + v * b


def arithmetic(generate: Generator, seed_a: int, seed_b: int,
               also_slerp: bool = False) -> Dict[str, bytes]:
    """Return the pictures of two seeds' noise, by file name."""
    a, b = (generate.noise(np.random.RandomState(number), 1)
            for number in (seed_a, seed_b))
    ends = generate(np.concatenate([a, b, a + b, a - b]))
    around = (-2, 2) if generate.description['noise']['law'] == 'normal' else (0, 1)
    images = generate(plane(a, b, around))
    digits = classifier.classify(classifier.load()[0], images)[1].argmax(1)
    names = f'A (seed {seed_a})', f'B (seed {seed_b})'
    steps = [f'{i / (N_STEPS - 1):.2f}' for i in range(N_STEPS)]
    captions = [names[0], *steps[1:-1], names[1]]
    ways = {'interpolation.png': interpolate, **({'slerp.png': slerp} if also_slerp
                                                 else {})}
    return {
        **{name: pictures.captioned(generate(between(a, b)), captions, 4)
           for name, between in ways.items()},
        'sum.png': pictures.captioned(ends[[0, 1, 2]], [*names, 'A + B'], 3),
        'difference.png': pictures.captioned(ends[[0, 1, 3]], [*names, 'A - B'], 3),
        'plane.png': pictures.colored(images, digits, N_PLANE, around, names)}


def under_labels(generate: Generator, seed: int) -> Dict[str, bytes]:
    """Return the pictures of all labels, by file name."""
    n = generate.n_labels
    noise = generate.noise(np.random.RandomState(seed), N_ROWS)
    images = generate(np.repeat(noise, n, 0), np.tile(np.arange(n), N_ROWS))
    asked = min(7, n - 1)
    planes = [np.full((28, 28), float(label == asked)) for label in range(n)]
    return {
        'labels.png': pictures.sheet((images * 255).astype(np.uint8), n),
        'planes.png': pictures.captioned(
            np.array([images[asked], *planes]),
            [f'the image of {asked}', *(f'plane {label}' for label in range(n))], 11,
            ends=(0, 1))}


def draw(options) -> Dict[str, bytes]:
    """Return the pictures that the command line asks for, by file name.

    Raises: InputError when the run's generator is not of the kind for them.
    """
    generate, digit = Generator(Path(options.run)), options.digit
    if digit is not None and digit >= generate.n_labels:
        raise InputError(f'--digit: expected one of the {generate.n_labels} labels '
                         f'that the generator of {options.run} takes, found {digit}; '
                         'leave the flag out, or name another run')
    if options.save or options.png:
        return save(generate, options)
    if options.show is not None:
        files = mnist.read(generate.meta['data'])
        if options.show >= len(files.train_images):
            raise InputError('--show: expected a training image, 0 to '
                             f'{len(files.train_images) - 1}, found {options.show}; '
                             'name another')
        return {f'item_{options.show}.png': pictures.captioned(
            files.train_images[options.show][None],
            [f'label = {files.train_labels[options.show]}'], 1)}
    if digit is None:
        if options.count is not None:
            raise InputError('--count: expected it beside --digit, --save or --png, '
                             'found it alone; leave it out')
        if generate.n_labels:
            return under_labels(generate, options.seed_a)
        return arithmetic(generate, options.seed_a, options.seed_b, options.slerp)
    noise = generate.noise(np.random.RandomState(options.seed_a), options.count or 64)
    images = generate(noise, np.full(len(noise), digit))
    n_columns = next((n for n in range(10, 4, -1) if len(images) % n == 0), 10)
    return {f'digit_{digit}.png': pictures.sheet((images * 255).astype(np.uint8),
                                                 n_columns)}


def save(generate: Generator, options) -> Dict[str, bytes]:
    """Return --save's archive and --png's pictures of --count images, by file name.

    The archive has `noise` [n, size], `samples` [n, 28, 28] in [0, 1] and, where G
    takes labels, `labels` [n]: --digit, or 0 to 9 over and over.
    """
    n, files, asked = options.count or 64, {}, None
    noise = generate.noise(np.random.RandomState(options.seed_a), n)
    if generate.n_labels:
        asked = (np.arange(n) % generate.n_labels if options.digit is None
                 else np.full(n, options.digit))
    images = generate(noise, asked).astype(np.float32)
    if options.save:
        content = io.BytesIO()
        np.savez_compressed(content, noise=noise, samples=images, **(
            {} if asked is None else {'labels': asked}))
        files[os.path.abspath(options.save)] = content.getvalue()
    if options.png:
        folder = Path(os.path.abspath(options.png))
        for i, image in enumerate(np.rint(images * 255).astype(np.uint8)):
            name = f'{i:06d}.png' if asked is None else f'{asked[i]}/{i:06d}.png'
            files[str(folder / name)] = pictures.sheet(image[None], 1)
    return files


def main() -> int:
    """Draw the pictures; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.latent', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    seed = flags.number(int, 0, flags.LARGEST_SEED)
    parser.add_argument('run', metavar='RUN', help='a run folder')
    parser.add_argument('--seed-a', type=seed, default=0, metavar='N',
                        help='of the noise A, or of that under labels (default 0)')
    parser.add_argument('--seed-b', type=seed, default=1, metavar='N',
                        help='of the noise B (default 1)')
    parser.add_argument('--slerp', action='store_true',
                        help='go from A to B in equal angles too: slerp.png')
    parser.add_argument('--digit', type=flags.number(int, 0, 9), metavar='N',
                        help='draw this digit instead (where G takes labels)')
    parser.add_argument('--count', type=flags.number(int, 1, MOST), metavar='N',
                        help='how many digits, or images of --save and --png (default '
                        '64)')
    parser.add_argument('--save', metavar='FILE', type=flags.path,
                        help='write images and their noise to this .npz instead, which '
                        'tf1gan.evaluate reads')
    parser.add_argument('--png', metavar='DIR', type=flags.path,
                        help='write images as pictures instead, one by one; where G '
                        'takes labels, into folders of their digits')
    parser.add_argument('--show', type=flags.number(int, 0), metavar='N',
                        help='draw this training image instead, from 0')
    parser.add_argument('--out', metavar='DIR',
                        help='where the pictures go (default: RUN/latent)')
    return flags.write_files(parser, draw,
                             lambda options: Path(options.run) / 'latent')


if __name__ == '__main__':
    sys.exit(main())
