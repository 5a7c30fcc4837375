"""A mass function sums to 1; a density integrates to 1, and may exceed it.

    python experiments/minimax/density.py

A fair die beside seeded throws, the standard normal density beside a histogram of
seeded draws, and a narrow normal, whose peak is above 1. A GAN is about a density over
images: that of MNIST's is drawn on the plane of their two main directions. Writes
density.png, images.png and density.json beside this file. NumPy only.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import mnist, pictures      # noqa: E402

SEED = 0
THROWS = 600
DRAWS = 10000
EDGES = np.linspace(-5, 5, 51)      # of the histogram's bins
NARROW = 0.2                        # standard deviation of the narrow normal
X = np.linspace(-8, 8, 16001)


def normal(x: np.ndarray, sigma: float) -> np.ndarray:
    """Return the density of N(0, sigma^2) at `x`."""
    return np.exp(-(x / sigma) ** 2 / 2) / (sigma * np.sqrt(2 * np.pi))


def integral(y: np.ndarray, x: np.ndarray) -> float:
    """Return the integral of `y` over `x`, by trapezoids."""
    return float(np.sum((y[1:] + y[:-1]) / 2 * np.diff(x)))


def draw(mass, shares, heights) -> 'pictures.Figure':
    """Draw the die, the standard normal and the narrow one."""
    figure = pictures.new_figure(12, 4)
    die, wide, narrow = figure.subplots(1, 3)
    faces = np.arange(1, 7)
    die.bar(faces, shares, color='lightsteelblue', label=f'share of {THROWS} throws')
    die.plot(faces, mass, 'o', color='tab:red', label='mass function, 1/6 each')
    die.set(title='A die: masses sum to 1', xlabel='face', ylabel='probability',
            ylim=(0, 0.25))
    wide.bar(EDGES[:-1], heights, np.diff(EDGES), align='edge', color='lightsteelblue',
             label=f'histogram of {DRAWS:,} draws')
    wide.plot(X, normal(X, 1), color='tab:red', label='density of N(0, 1)')
    wide.set(title='A density: its area is 1', xlabel='x', xlim=(-4, 4),
             ylabel='probability per unit of x', ylim=(0, 0.55))
    narrow.plot(X, normal(X, 1), color='tab:red', label='$\\sigma$ = 1')
    narrow.plot(X, normal(X, NARROW), color='tab:blue', label=f'$\\sigma$ = {NARROW}')
    narrow.fill_between(X, normal(X, NARROW), color='tab:blue', alpha=0.2)
    narrow.axhline(1, color='black', linewidth=1, linestyle='--')
    narrow.set(title='A density above 1: its area is 1 too', xlabel='x', xlim=(-4, 4),
               ylabel='probability per unit of x', ylim=(0, 2.2))
    for ax in die, wide, narrow:
        ax.legend(fontsize='small', loc='upper right')
    figure.tight_layout()
    return figure


def main_plane(images: np.ndarray):
    """Return where images [n, 784] lie on their plane [n, 2], and its share.

    The plane is that of the two main directions (principal components); the share is
    that of the variance.
    """
    apart = images - images.mean(0)
    values, vectors = np.linalg.eigh(apart.T @ apart)
    return apart @ vectors[:, [-1, -2]], float(values[-2:].sum() / values.sum())


def draw_images(images, places, density, edges) -> 'pictures.Figure':
    """Draw the density over the plane, and an image at each of some places."""
    figure = pictures.new_figure(13, 5.5)
    left, right = figure.subplots(1, 2)
    mesh = left.pcolormesh(edges, edges, density.T, cmap='Blues')
    figure.colorbar(mesh, ax=left, label='density, per unit of area')
    for x in np.linspace(-5, 8, 11):
        for y in np.linspace(-5, 5, 9):
            distances = ((places - [x, y]) ** 2).sum(1)
            i = distances.argmin()
            if distances[i] < 0.01:
                right.imshow(images[i].reshape(28, 28), cmap='Blues', extent=(
                    x - 0.6, x + 0.6, y - 0.6, y + 0.6))
    for ax, title in ((left, 'The density over the plane'),
                      (right, 'The image that lies at each place')):
        ax.set(title=title, xlim=(-7, 6), ylim=(-6, 6), aspect='equal',
               xlabel='first main direction', ylabel='second')
    figure.tight_layout()
    return figure


def of_images() -> dict:
    """Return the figures of the density over images; write images.png."""
    images = mnist.read().train_images.reshape(-1, 784) / 255
    places, share = main_plane(images)
    edges = np.linspace(-9, 9, 73)
    counts = np.histogram2d(*places.T, bins=[edges, edges])[0]
    area = (edges[1] - edges[0]) ** 2
    density = counts / (len(images) * area)
    draw_images(images, places, density, edges).savefig(str(HERE / 'images.png'))
    return {'images': len(images), 'share_of_variance': share, 'peak': density.max(),
            'integral': float(density.sum() * area),
            'empty': float((density == 0).mean())}


def main() -> None:
    """Throw, draw and integrate; write density.png and density.json."""
    rng = np.random.RandomState(SEED)
    mass = np.full(6, 1 / 6)
    counts = np.bincount(rng.randint(6, size=THROWS), minlength=6)
    shares = counts / THROWS
    widths = np.diff(EDGES)
    in_bins = np.histogram(rng.normal(size=DRAWS), EDGES)[0]
    heights = in_bins / (DRAWS * widths)
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    figures = {
        'die': {'counts': counts.tolist(), 'throws': THROWS,
                'sum_of_masses': mass.sum(), 'sum_of_shares': shares.sum(),
                'largest_deviation': np.abs(shares - mass).max()},
        'standard_normal': {'draws': DRAWS, 'draws_in_bins': int(in_bins.sum()),
                            'bin_width': widths[0], 'peak': normal(X, 1).max(),
                            'integral': integral(normal(X, 1), X),
                            'sum_of_heights': heights.sum(),
                            'area_of_histogram': np.sum(heights * widths),
                            'largest_deviation':
                                np.abs(heights - normal(middles, 1)).max()},
        'narrow_normal': {'sigma': NARROW, 'peak': normal(X, NARROW).max(),
                          'integral': integral(normal(X, NARROW), X)},
        'over_images': of_images()}
    result = {part: {name: round(float(value), 6) if isinstance(value, float) else value
                     for name, value in values.items()}
              for part, values in figures.items()}
    result['seed'] = SEED
    draw(mass, shares, heights).savefig(str(HERE / 'density.png'))
    tables.store('minimax/density.json', result)
    print(result)


if __name__ == '__main__':
    main()
