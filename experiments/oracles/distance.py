"""How far a page's trace is from what its source computed, by kind. NumPy only.

    loss       of the loss
    logit      of the largest logit
    image      of the largest pixel of G's images
    gradient   of the largest gradient of the update
    weight     in steps: of the largest move of any weight in the update
    step       of all weights together, as Euclidean length, of that of their moves
    average    of a moving variance's largest, or of a moving mean's largest deviation
"""

from typing import Dict, Tuple

import numpy as np

KINDS = {'loss': 'loss', 'logit': 'logit', 'fake': 'image', 'grad': 'gradient',
         'after': 'weight', 'average': 'average'}
# A bias right before a batch normalization has a gradient that is only rounding, and
# Adam makes steps of it. Its gradient is compared, its value is not.
IDLE = {'dcgan': ['G_b2'], 'conditional': ['G_b1', 'G_b2', 'G_b3']}
# This moving variance takes in n/(n - 1) of what Keras 3's does: a listed departure.
UNBIASED = 'dcgan', 'G_norm2_variance'


def worst(found, source, n_steps: int = 1000) -> Dict[str, Tuple[float, str]]:
    """Return by kind the largest distance of any array in the first steps, and its key.

    `found` and `source` are traces. An array that is not finite is infinitely far.

    Raises: AssertionError when they were not given the same; KeyError when the source
        has an array that the other lacks.
    """
    tutorial, largest = source.meta['tutorial'], {}

    def note(kind, apart, key):
        if not apart <= largest.get(kind, (-1., ''))[0]:
            largest[kind] = float(apart) if np.isfinite(apart) else np.inf, key

    now = source.part('init')
    for place in source.updates:
        if int(place[len('step_'):].partition('/')[0]) >= n_steps:
            break
        own = {name: array.astype(float) for name, array in source.part(place).items()}
        moves = {name: array.astype(float) - now[name] for name, array
                 in source.part(f'{place}/after').items() if f'grad/{name}' in own}
        furthest = max(np.abs(move).max() for move in moves.values())
        now.update(source.part(f'{place}/after'))
        loudest = max(np.abs(array).max() for array
                      in source.part(f'{place}/grad').values())
        squares = np.zeros(2)
        for key, expected in own.items():
            kind, _, name = key.partition('/')
            if kind in ('feed', 'mask'):
                assert np.array_equal(expected, found.arrays[f'{place}/{key}']), place
            if kind not in KINDS or kind == 'after' and (
                    name in IDLE.get(tutorial, []) or (tutorial, name) == UNBIASED):
                continue
            other = found.arrays[f'{place}/{key}']
            unit = {'grad': loudest, 'after': furthest}.get(
                kind, np.abs(expected).max())
            if kind == 'after' and name not in moves:
                kind, unit = 'average', np.abs(expected).max()
                if name.endswith('_mean'):
                    unit = np.sqrt(own[key[:-len('mean')] + 'variance'].max())
            note(KINDS[kind], np.abs(other - expected).max() / unit, f'{place}/{key}')
            if kind == 'after':
                squares += ((other - expected) ** 2).sum(), (moves[name] ** 2).sum()
        note('step', np.sqrt(squares[0] / squares[1]), place)
    return largest
