"""Images that are no digits: noise, and digits spoilt. NumPy only.

The second classifier learns its eleventh class from LEARNED; it never sees UNSEEN.
Each function takes digits [n, 28, 28] in [0, 1], their labels [n] and a RandomState,
and returns images of the same form, up to n of them.
"""

import numpy as np


def noise(digits, labels, rng):
    """Return uniform noise of any strength, every other image in black and white."""
    level = rng.uniform(size=(len(digits), 1, 1))
    found = rng.uniform(size=digits.shape)
    found[::2] *= level[::2]
    found[1::2] = found[1::2] < level[1::2]
    return found


def scrambled(digits, labels, rng):
    """Return digits whose pixels have changed places."""
    return _permuted(digits.reshape(len(digits), -1), rng).reshape(digits.shape)


def tiled(digits, labels, rng):
    """Return digits whose 16 tiles of 7 x 7 have changed places."""
    tiles = digits.reshape(-1, 4, 7, 4, 7).swapaxes(2, 3).reshape(-1, 16, 49)
    return _permuted(tiles, rng).reshape(-1, 4, 4, 7, 7).swapaxes(2, 3).reshape(
        digits.shape)


def overlaid(digits, labels, rng):
    """Return pairs of different digits, one over the other."""
    one, other = _pairs(digits, labels, rng)
    return np.maximum(one, other)


def cut(digits, labels, rng):
    """Return the left or upper half of a digit with the rest of a different one."""
    one, other = _pairs(digits, labels, rng)
    found = one.copy()
    found[::2, 14:] = other[::2, 14:]
    found[1::2, :, 14:] = other[1::2, :, 14:]
    return found


def blobs(digits, labels, rng):
    """Return smooth shapes: noise, averaged over 7 x 7 pixels, in black and white."""
    wide = rng.uniform(size=(len(digits), 34, 34))
    smooth = sum(wide[:, i:i + 28, j:j + 28] for i in range(7) for j in range(7)) / 49
    return (smooth > np.quantile(smooth, 0.8)).astype(float)


def averaged(digits, labels, rng):
    """Return means of ten digits."""
    return digits[rng.randint(len(digits), size=(len(digits), 10))].mean(1)


def inverted(digits, labels, rng):
    """Return digits in black on white."""
    return 1 - digits


def quartered(digits, labels, rng):
    """Return digits whose quarters have moved on by one, clockwise."""
    up, down = digits[:, :14], digits[:, 14:]
    return np.concatenate([
        np.concatenate([down[..., :14], up[..., :14]], 2),
        np.concatenate([down[..., 14:], up[..., 14:]], 2)], 1)


LEARNED = noise, scrambled, tiled, overlaid, cut
UNSEEN = blobs, averaged, inverted, quartered


def batch(digits, labels, rng):
    """Return what LEARNED makes of a batch of digits: at most a quarter as many."""
    n = len(digits) // (4 * len(LEARNED))
    return np.concatenate([kind(digits[i * n:(i + 1) * n], labels[i * n:(i + 1) * n],
                                rng) for i, kind in enumerate(LEARNED)])


def _permuted(x, rng):
    """Return x [n, k, ...] with the k parts of each in an order of its own."""
    order = rng.uniform(size=x.shape[:2]).argsort(1)
    return x[np.arange(len(x))[:, None], order]


def _pairs(digits, labels, rng):
    """Return digits, and others of different labels."""
    order = rng.permutation(len(digits))
    differ = labels != labels[order]
    return digits[differ], digits[order][differ]
