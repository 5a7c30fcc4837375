"""A mass function sums to 1; a density integrates to 1, and may exceed it.

    python experiments/minimax/density.py

A fair die beside seeded throws, the standard normal density beside a histogram of
seeded draws, and a narrow normal, whose peak is above 1. Writes density.png and
density.json beside this file. NumPy only.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import pictures     # noqa: E402

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


def draw(mass, shares, heights) -> pictures.Figure:
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
                          'integral': integral(normal(X, NARROW), X)}}
    result = {part: {name: round(float(value), 6) if isinstance(value, float) else value
                     for name, value in values.items()}
              for part, values in figures.items()}
    result['seed'] = SEED
    draw(mass, shares, heights).savefig(str(HERE / 'density.png'))
    tables.store('minimax/density.json', result)
    print(result)


if __name__ == '__main__':
    main()
