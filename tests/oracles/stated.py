"""The weights, images and noise that both sides of an oracle start from (NumPy only).

`record_torch.py` trains PyTorch's networks from them, a test trains the tutorials'
graphs from them: neither draws anything itself, and nothing drawn needs to be stored.

Recipe: one `np.random.RandomState(SEEDS[network])`, drawn from in float64 and rounded
to float32, in this order: the weights of D, then of G, each in the order of the forward
pass; the images of all steps; then step by step the noise of D's update and of G's.
Arrays have TensorFlow's layout: the W of a dense layer is [in, out].
"""

import hashlib
from typing import Dict, NamedTuple

import numpy as np

N_STEPS = 20
N_PIXELS = 784
SEEDS = {'collapse_1': 1, 'collapse_2': 2, 'collapse_3': 3, 'collapse_4': 4,
         'minimax': 5}
N_LARGE = 4096      # elements; of a larger array only a sample is stored
N_SAMPLE = 512      # elements of that sample


class Shape(NamedTuple):
    """The sizes of a network's two players and of its batches."""

    n_hidden: int
    n_noise: int
    batch_size: int
    norm: bool          # LayerNorm after the hidden layer?
    gaussian: bool      # noise from N(0,1)? else U(0,1)


SHAPES = {'collapse_1': Shape(200, 1, 1, norm=False, gaussian=False),
          'collapse_2': Shape(200, 1, 1, norm=True, gaussian=False),
          'collapse_3': Shape(200, 100, 1, norm=True, gaussian=False),
          'collapse_4': Shape(200, 100, 1, norm=True, gaussian=True),
          'minimax': Shape(128, 100, 100, norm=False, gaussian=True)}


class Stated(NamedTuple):
    """What a training run starts from and is fed, all float32."""

    weights: Dict[str, np.ndarray]  # D_W1 ... D_b2, G_W1 ... G_b2, in this order
    X: np.ndarray       # [N_STEPS, batch_size, 784], in [0, 1]; minimax [-1, 1]
    Z_D: np.ndarray     # [N_STEPS, batch_size, n_noise]: for the images that D judges
    Z_G: np.ndarray     # the same shape: the fresh noise of G's update


def stated(network: str) -> Stated:
    """Return what `network`, a key of `SEEDS`, starts from.

    Dense weights and biases follow PyTorch's law U(-l, l), l = 1/sqrt(fan_in). The gain
    and the shift of a LayerNorm are off their usual 1 and 0, so that they are tested.
    """
    rng = np.random.RandomState(SEEDS[network])
    shape = SHAPES[network]
    weights = {**_player(rng, 'D', N_PIXELS, shape.n_hidden, 1, shape.norm),
               **_player(rng, 'G', shape.n_noise, shape.n_hidden, N_PIXELS, shape.norm)}
    images = (N_STEPS, shape.batch_size, N_PIXELS)
    # Four pixels in five are black, as in a digit. On images without that, minimax with
    # Adam loses G's gradient after two steps: every hidden unit of D is dead on G's.
    X = _uniform(rng, 0, 1, images) * (rng.uniform(0, 1, images) < 0.2)
    if network == 'minimax':
        X = 2 * X - 1
    noise = (shape.batch_size, shape.n_noise)
    pairs = [[_noise(rng, shape, noise), _noise(rng, shape, noise)]
             for _ in range(N_STEPS)]
    Z = np.array(pairs)             # [N_STEPS, 2, batch_size, n_noise]
    return Stated(weights, X, Z[:, 0], Z[:, 1])


def digest(start: Stated) -> str:
    """Return the SHA-256 of all arrays of `start`, to know that both sides agree."""
    sha = hashlib.sha256()
    for array in [*start.weights.values(), start.X, start.Z_D, start.Z_G]:
        sha.update(array.astype('<f4').tobytes())
    return sha.hexdigest()


def sample(array: np.ndarray) -> np.ndarray:
    """Return what an oracle stores of `array`: all, or [N_SAMPLE] of a large one."""
    if array.size <= N_LARGE:
        return array
    return array.ravel()[np.linspace(0, array.size - 1, N_SAMPLE).astype(int)]


def _player(rng, name, n_in, n_hidden, n_out, norm):
    arrays = {}
    limit = 1 / np.sqrt(n_in)
    arrays[f'{name}_W1'] = _uniform(rng, -limit, limit, (n_in, n_hidden))
    arrays[f'{name}_b1'] = _uniform(rng, -limit, limit, n_hidden)
    if norm:
        arrays[f'{name}_gain'] = _uniform(rng, 0.9, 1.1, n_hidden)
        arrays[f'{name}_shift'] = _uniform(rng, -0.1, 0.1, n_hidden)
    limit = 1 / np.sqrt(n_hidden)
    arrays[f'{name}_W2'] = _uniform(rng, -limit, limit, (n_hidden, n_out))
    arrays[f'{name}_b2'] = _uniform(rng, -limit, limit, n_out)
    return arrays


def _noise(rng, shape, size):
    if shape.gaussian:
        return rng.normal(size=size).astype(np.float32)
    return _uniform(rng, 0, 1, size)


def _uniform(rng, low, high, size):
    return rng.uniform(low, high, size).astype(np.float32)
