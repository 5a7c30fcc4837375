"""The five tutorials' networks in NumPy: forward passes only.

For what must work without TensorFlow: drawing samples of a trained generator, and
finding out what a port computes instead. Layouts, names and images are the tutorials':
weights [in, out], of convolutions [height, width, in, out]; images [n, 784] of the
dense tutorials, [n, 28, 28, 1] of the others. The arithmetic has the arrays' own type.
"""

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np

Weights = Dict[str, np.ndarray]


class How(NamedTuple):
    """How a forward pass goes: as in the tutorials, unless it is said otherwise.

    What can be said otherwise are the mistakes that ports make; None and False are the
    tutorial's own way.
    """

    training: bool = False              # batch normalization by the batch, not averages
    slope: Optional[float] = None       # of LeakyReLU, another; of ReLU, one
    norm_epsilon: Optional[float] = None    # of batch or layer normalization, another
    unbiased: bool = False              # variance of a normalization: over n - 1
    centered: bool = False              # SAME padding alike on both sides
    channels_first: bool = False        # flatten and reshape over (c, h, w)
    activation_first: Optional[bool] = None     # before a normalization, or behind it
    output: Optional[str] = None        # of G: sigmoid, tanh or nothing
    only: Optional[int] = None          # in this layer alone, not in every one

    def at(self, layer: int) -> 'How':
        """Return how one layer goes."""
        if self.only in (None, layer):
            return self
        return How(training=self.training)


TUTORIALS_OWN = How()


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def generator(tutorial: str, w: Weights, z: np.ndarray,
              labels: Optional[np.ndarray] = None,
              how: How = TUTORIALS_OWN) -> np.ndarray:
    """Return G's images of noise `z` [n, n_noise], and of `labels` [n, 10] one-hot."""
    def out(x, usual):
        return {'sigmoid': sigmoid, 'tanh': np.tanh,
                'nothing': lambda x: x}[how.output or usual](x)

    if tutorial in ('vanilla', 'minimax'):
        return out(_dense(_rectified(_dense(z, w, 'G', 1), how.at(1)), w, 'G', 2),
                   'sigmoid' if tutorial == 'vanilla' else 'tanh')
    if tutorial == 'collapse':
        return out(_dense(_ladder(z, w, 'G', how), w, 'G', 2), 'sigmoid')

    if tutorial == 'dcgan':     # as found: the activation before the normalization
        x = _both(_dense(z, w, 'G', 1), w, 'G_norm1', how.at(1),
                  lambda x: _leaky(x, 0.2, how.at(1)),
                  how.at(1).activation_first in (None, True))
        first, act = 2, lambda x: _leaky(x, 0.2, how.at(2))
    else:
        x = np.concatenate([z, labels], 1)
        for layer in 1, 2:
            x = _both(_dense(x, w, 'G', layer), w, f'G_norm{layer}', how.at(layer),
                      lambda x: _rectified(x, how.at(layer)),
                      bool(how.at(layer).activation_first))
        first, act = 3, lambda x: _rectified(x, how.at(3))
    if how.channels_first:
        x = x.reshape(len(x), -1, 7, 7).transpose(0, 2, 3, 1)
    x = _upsample(x.reshape(len(x), 7, 7, -1))                  # [n, 14, 14, wide]
    x = _both(_conv(x, w, 'G', first, 1, 'SAME', how), w, f'G_norm{first}',
              how.at(first), act, bool(how.at(first).activation_first))
    x = _upsample(x)                                            # [n, 28, 28, narrow]
    return out(_conv(x, w, 'G', first + 1, 1, 'SAME', how), 'tanh')


def discriminator(tutorial: str, w: Weights, x: np.ndarray,
                  labels: Optional[np.ndarray] = None,
                  masks: Sequence[np.ndarray] = (),
                  how: How = TUTORIALS_OWN) -> np.ndarray:
    """Return D's logits [n, 1] of images `x`; without `masks` dropout is off."""
    if tutorial in ('vanilla', 'minimax'):
        return _dense(_rectified(_dense(x, w, 'D', 1), how.at(1)), w, 'D', 2)
    if tutorial == 'collapse':
        return _dense(_ladder(x, w, 'D', how), w, 'D', 2)

    def flat(x):
        return (x.transpose(0, 3, 1, 2) if how.channels_first else x).reshape(
            len(x), -1)

    masks = list(masks) or [1, 1]
    if tutorial == 'dcgan':
        for layer in 1, 2:
            x = _conv(x, w, 'D', layer, 2, 'SAME', how.at(layer))
            x = _leaky(x, 0.2, how.at(layer)) * masks[layer - 1]
        return _dense(flat(x), w, 'D', 3)
    planes = np.broadcast_to(labels[:, None, None, :].astype(x.dtype),
                             (len(x), 28, 28, 10))
    x = np.concatenate([x, planes], 3)
    x = _leaky(_conv(x, w, 'D', 1, 2, 'SAME', how.at(1)), 0.2, how.at(1))
    x = _leaky(_conv(x, w, 'D', 2, 2, 'VALID', how), 0.2, how.at(2))
    x = _leaky(_dense(flat(x), w, 'D', 3), 0.2, how.at(3)) * masks[0]
    return _dense(x, w, 'D', 4)


# --- Layers ---------------------------------------------------------------------------

def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def _rectified(x, how):
    return relu(x) if how.slope is None else _leaky(x, 0, how)


def _leaky(x, slope, how):
    slope = slope if how.slope is None else how.slope
    return np.where(x > 0, x, x.dtype.type(slope) * x)


def _dense(x, w, player, layer):
    return x @ w[f'{player}_W{layer}'] + w[f'{player}_b{layer}']


def _ladder(x, w, player, how):
    """Return the hidden layer of the collapse tutorial, by its rung."""
    x = _dense(x, w, player, 1)
    if f'{player}_gain' not in w:
        return sigmoid(x)
    parts = [lambda x: _leaky(x, 0.02, how),
             lambda x: _normalized(x, x.mean(1, keepdims=True), _variance(x, 1, how),
                                   1e-5, how) * w[f'{player}_gain']
             + w[f'{player}_shift']]
    for part in parts[::-1] if how.activation_first is False else parts:
        x = part(x)
    return x


def _variance(x, axes, how):
    return x.var(axes, keepdims=True, ddof=int(how.unbiased))


def _normalized(x, mean, variance, epsilon, how):
    epsilon = epsilon if how.norm_epsilon is None else how.norm_epsilon
    return (x - mean) / np.sqrt(variance + x.dtype.type(epsilon))


def _both(x, w, name, how, activation, activation_first):
    """Return `x` with its batch normalization and its activation, in an order."""
    def norm(x):
        mean, variance = w[name + '_mean'], w[name + '_variance']
        if how.training:
            axes = tuple(range(x.ndim - 1))
            mean, variance = x.mean(axes, keepdims=True), _variance(x, axes, how)
        return (_normalized(x, mean, variance, 1e-3, how) * w[name + '_gamma']
                + w[name + '_beta'])

    return norm(activation(x)) if activation_first else activation(norm(x))


def _conv(x, w, player, layer, stride, padding, how):
    """Return the convolution of `x` [n, height, width, in], a tap of `W` at a time."""
    W, b = w[f'{player}_W{layer}'], w[f'{player}_b{layer}']
    k, size = len(W), x.shape[1]
    n_out = -(-size // stride) if padding == 'SAME' else (size - k) // stride + 1
    if padding == 'SAME':       # the odd pixel goes below and to the right
        total = max((n_out - 1) * stride + k - size, 0)
        before = k // 2 if how.centered else total // 2
        after = k // 2 if how.centered else total - before
        x = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)), 'constant')
    span = (n_out - 1) * stride + 1
    y = b
    for i in range(k):
        for j in range(k):
            y = y + x[:, i:i + span:stride, j:j + span:stride] @ W[i, j]
    return y


def _upsample(x):
    """Return images with every pixel doubled both ways."""
    return x.repeat(2, 1).repeat(2, 2)
