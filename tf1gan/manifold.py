"""Two sets of features held against each other, for tf1gan.evaluate. NumPy only.

Density and coverage: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for
Generative Models". Precision and recall: Kynkaanniemi et al. 2019, "Improved Precision
and Recall Metric for Assessing Generative Models". KID: Binkowski et al. 2018,
"Demystifying MMD GANs". Copies: the question of Meehan et al. 2020, "A Non-Parametric
Test to Detect Data-Copying in Generative Models", with a test of our own.
"""

from math import lgamma
from typing import Any, Dict, Optional, Tuple

import numpy as np

K = 5                                   # the neighbour that says how far a ball reaches
N_SUBSETS, SUBSET, KID_SEED = 100, 1000, 2020   # torch-fidelity's


def squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the squared distances [n, m] of features [n, k] and [m, k]."""
    return np.maximum((x ** 2).sum(1)[:, None] + (y ** 2).sum(1) - 2 * x @ y.T, 0)


def chunks(x: np.ndarray):
    """Return the parts of x, 500 rows each: a whole matrix would not fit in memory."""
    return np.array_split(x, -(-len(x) // 500))


def radii(x: np.ndarray) -> np.ndarray:
    """Return the squared distance of each of x [n, k] to its K-th nearest other."""
    return np.concatenate([np.partition(squares(part, x), K, 1)[:, K]
                           for part in chunks(x)])


def neighbours(real: np.ndarray, fake: np.ndarray) -> Dict[str, float]:
    """Return density, coverage, precision and recall of features [n, k] and [m, k].

    A ball lies around each feature, as far as its K-th nearest of the same set; its
    surface belongs to it (<=). Density: how many balls of real ones a fake one lies in,
    divided by K, in the mean. Coverage: the share of balls of real ones with a fake one
    in them. Precision: the share of fake ones in a ball of a real one. Recall: the
    share of real ones in a ball of a fake one.

    Raises: ValueError when a set has no more than K features.
    """
    real, fake = real.astype(float), fake.astype(float)
    around_real, around_fake = radii(real), radii(fake)
    balls, covered, recalled = np.zeros(len(fake)), [], []
    for part, reach in zip(chunks(real), chunks(around_real)):
        d = squares(part, fake)
        inside = d <= reach[:, None]
        balls += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((d <= around_fake).any(1))
    return {'density': float(balls.mean() / K),
            'coverage': float(np.concatenate(covered).mean()),
            'precision': float((balls > 0).mean()),
            'recall': float(np.concatenate(recalled).mean())}


def kid(real: np.ndarray, fake: np.ndarray) -> Tuple[Optional[float], Optional[float]]:
    """Return the kernel inception distance of features [n, k], [m, k], and its error.

    It is the mean of 100 unbiased estimates of the squared MMD, each of 1,000 features
    of either set, drawn as torch-fidelity draws them, with the kernel (x y / k + 1)^3.
    The error is the standard error of that mean over the subsets: their deviation
    (torch-fidelity's `std`, divided by n) / 10. It holds for these features; other
    images of the same generator scatter more. None and None of fewer than 1,000.
    """
    if min(len(real), len(fake)) < SUBSET:
        return None, None
    rng = np.random.RandomState(KID_SEED)
    sets = [each.astype(float) for each in (fake, real)]
    chosen = [np.zeros((len(each), N_SUBSETS)) for each in sets]    # 1: in the subset
    for i in range(N_SUBSETS):
        for each in chosen:
            each[rng.choice(len(each), SUBSET, replace=False), i] = 1
    (x, y), (in_x, in_y) = sets, chosen
    within = sum(
        _sums(each, each, mine, mine) - _kernel((each ** 2).sum(1), each) @ mine
        for each, mine in zip(sets, chosen))
    found = (within / (SUBSET * (SUBSET - 1))
             - 2 * _sums(x, y, in_x, in_y) / SUBSET ** 2)
    return float(np.mean(found)), float(np.std(found) / np.sqrt(N_SUBSETS))


def _sums(x: np.ndarray, y: np.ndarray, in_x: np.ndarray,
          in_y: np.ndarray) -> np.ndarray:
    """Return the kernel's sum over all pairs of each of some subsets."""
    return sum(((_kernel(part @ y.T, y) @ in_y) * mine).sum(0)
               for part, mine in zip(chunks(x), chunks(in_x)))


def _kernel(products: np.ndarray, features: np.ndarray) -> np.ndarray:
    k = products / features.shape[1] + 1
    return k * k * k


def copies(images: np.ndarray, train: np.ndarray,
           test: np.ndarray) -> Tuple[float, float]:
    """Return the share of training images among the nearest real ones, and its p.

    All are [n, 784]; `train` and `test` are of one size. Of all real images that are
    the nearest to some image, counted once each, this is the share that the generator
    was trained on. One that has not learned images by heart has no cause to prefer
    them: if training and test images can be exchanged, their number follows a
    hypergeometric law. p is the chance of that many or more.
    """
    both = np.concatenate([train, test]).astype(np.float32)
    norms = (both ** 2).sum(1)
    hits = np.unique(np.concatenate([
        (norms - 2 * part.astype(np.float32) @ both.T).argmin(1)
        for part in chunks(images)]))
    n, n_hits, n_train = len(train), len(hits), int((hits < len(train)).sum())

    def ways(whole, taken):     # the logarithm of their number
        return lgamma(whole + 1) - lgamma(taken + 1) - lgamma(whole - taken + 1)

    every = range(n_train, min(n, n_hits) + 1)
    p = sum(np.exp(ways(n, i) + ways(n, n_hits - i) - ways(2 * n, n_hits))
            for i in every if n_hits - i <= n)
    return n_train / n_hits, float(min(p, 1))


def compare(real: np.ndarray, real_digits: np.ndarray, fake: np.ndarray,
            digits: np.ndarray) -> Dict[str, Any]:
    """Return all the figures of features, over all and digit by digit, rounded.

    A digit's density and coverage are those of its own images among its own real ones;
    None where there are no more than K.
    """
    mean, error = kid(real, fake)
    found = {**neighbours(real, fake), 'kid': mean, 'kid_error': error}
    own = [neighbours(real[real_digits == digit], fake[digits == digit])
           if (digits == digit).sum() > K else None for digit in range(10)]
    return {**{name: rounded(value) for name, value in found.items()},
            **{f'{name}_of_digits': [each and rounded(each[name]) for each in own]
               for name in ('density', 'coverage')}}


def rounded(value: Optional[float]) -> Optional[float]:
    """Return a figure with four places, never -0.0."""
    return value if value is None else round(value, 4) + 0.0
