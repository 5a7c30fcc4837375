"""Weights, images, noise and masks that both sides of a Keras oracle start from.

As stated.py for the tutorials from PyTorch: one `np.random.RandomState` a tutorial,
drawn from in float64 and rounded to float32. NumPy only.
"""

from typing import Dict, List, NamedTuple

import numpy as np

N_STEPS = 2
BATCH_SIZE = 8
SEEDS = {'dcgan': 6, 'conditional': 7}

# Variables in Keras's order of a model's weights, in its layouts.
NORM = '_gamma', '_beta', '_mean', '_variance'
SHAPES = {
    'dcgan': {
        'G_W1': (100, 6272), 'G_b1': (6272,),
        **{'G_norm1' + part: (6272,) for part in NORM},
        'G_W2': (5, 5, 128, 64), 'G_b2': (64,),
        **{'G_norm2' + part: (64,) for part in NORM},
        'G_W3': (5, 5, 64, 1), 'G_b3': (1,),
        'D_W1': (5, 5, 1, 64), 'D_b1': (64,), 'D_W2': (5, 5, 64, 128), 'D_b2': (128,),
        'D_W3': (6272, 1), 'D_b3': (1,)},
    'conditional': {
        'G_W1': (110, 1024), 'G_b1': (1024,),
        **{'G_norm1' + part: (1024,) for part in NORM},
        'G_W2': (1024, 6272), 'G_b2': (6272,),
        **{'G_norm2' + part: (6272,) for part in NORM},
        'G_W3': (5, 5, 128, 64), 'G_b3': (64,),
        **{'G_norm3' + part: (64,) for part in NORM},
        'G_W4': (5, 5, 64, 1), 'G_b4': (1,),
        'D_W1': (5, 5, 11, 64), 'D_b1': (64,), 'D_W2': (5, 5, 64, 128), 'D_b2': (128,),
        'D_W3': (3200, 256), 'D_b3': (256,), 'D_W4': (256, 1), 'D_b4': (1,)}}
UPDATES = {'dcgan': ['D_real', 'D_fake', 'G'], 'conditional': ['D', 'G']}
RATES = {'dcgan': 0.3, 'conditional': 0.5}


class Stated(NamedTuple):
    """What a training run starts from and is fed, all float32."""

    weights: Dict[str, np.ndarray]
    X: np.ndarray           # [N_STEPS, n, 28, 28, 1], in [-1, 1]
    labels: np.ndarray      # [N_STEPS, n, 10], one-hot
    Z_D: np.ndarray         # [N_STEPS, n, 100]
    labels_D: np.ndarray    # [N_STEPS, n, 10]
    Z_G: np.ndarray         # fresh noise, for the conditional tutorial only
    labels_G: np.ndarray
    masks: List[Dict[str, List[np.ndarray]]]    # step -> update -> layers


def stated(name: str) -> Stated:
    """Return what the tutorial `name` starts from."""
    rng = np.random.RandomState(SEEDS[name])
    weights = {variable: _initial(rng, variable, shape)
               for variable, shape in SHAPES[name].items()}
    n = (N_STEPS, BATCH_SIZE)
    X = 2 * rng.uniform(size=n + (28, 28, 1)) * (
        rng.uniform(size=n + (28, 28, 1)) < 0.2) - 1
    normal = rng.normal if name == 'dcgan' else lambda size: rng.uniform(-1, 1, size)
    Z_D, Z_G = normal(size=n + (100,)), normal(size=n + (100,))
    labels = np.eye(10)[rng.randint(10, size=(3,) + n)]
    masks = [{update: [_mask(rng, name, shape) for shape in mask_shapes(name, update)]
              for update in UPDATES[name]} for _ in range(N_STEPS)]
    single = [array.astype(np.float32) for array in (X, Z_D, Z_G, labels)]
    return Stated(weights, single[0], single[3][0], single[1], single[3][1], single[2],
                  single[3][2], masks)


def mask_shapes(name: str, update: str) -> List[tuple]:
    """Return the shapes of D's dropout masks in an update."""
    n = BATCH_SIZE
    if name == 'dcgan':
        return [(n, 14, 14, 64), (n, 7, 7, 128)]
    return [(2 * n if update == 'D' else n, 256)]


def _initial(rng, name, shape):
    low, high = -0.1, 0.1
    if name.endswith('gamma') or name.endswith('variance'):
        low, high = 0.8, 1.2
    if '_W' in name:
        field = int(np.prod(shape[:-2]))
        high = np.sqrt(6 / (field * (shape[-2] + shape[-1])))
        low = -high
    return rng.uniform(low, high, shape).astype(np.float32)


def _mask(rng, name, shape):
    rate = RATES[name]
    return ((rng.uniform(size=shape) >= rate) / (1 - rate)).astype(np.float32)
