"""Why a port differs: hypotheses, each tested on the numbers of the two traces.

A hypothesis predicts an array of the port's from what else the port has recorded, or
from golden: the update recomputed with another epsilon, the loss as a sum, the images
scaled otherwise. It is named as the cause only when its prediction is what the port
has, where the tutorial's own way is not. NumPy only; nothing is ever changed or guessed
at in the traces themselves.
"""

import itertools
from typing import Any, Callable, Optional, Tuple

import numpy as np

from tf1gan.causes import forward, gradients, inputs, losses, optimizers
from tf1gan.causes.case import GROWN, Case, Cause, Guess
from tf1gan.trace import Trace

LAST_BIT = 1.2e-7   # of a float32
TESTS = {
    'init': inputs.init, 'feed': inputs.feed, 'mask': inputs.mask,
    'fake': forward.fake, 'logit': forward.logit, 'loss': losses.loss,
    'grad': gradients.grad, 'adam_m': optimizers.moment, 'adam_v': optimizers.moment,
    'after': optimizers.after}


def explain(golden: Trace, mine: Trace, key: str,
            limit: Callable[[str], Any]) -> Optional[Cause]:
    """Return the cause of the first difference, or None where no hypothesis fits."""
    case = Case(golden, mine, key)
    tests = [inputs.missing, inputs.form] if case.expected is None or (
        case.found is None or case.expected.shape != case.found.shape
        or case.expected.dtype != case.found.dtype) else [TESTS[case.kind]]
    fitting, plain = [], []
    with np.errstate(invalid='ignore', over='ignore'):      # of what is not finite
        for guess in itertools.chain(*(test(case) for test in tests)):
            if guess.prediction is None or isinstance(guess.prediction, str):
                plain.append(Cause(guess.name, guess.sentence, guess.prediction or
                                   'what the two traces hold', guess.change))
                continue
            fit = _fit(case, np.asarray(guess.prediction, float), limit)
            if fit and guess.name == GROWN:
                return Cause(guess.name, guess.sentence, fit[1], guess.change)
            if fit and _holds_elsewhere(case, guess):
                fitting.append((fit[0], Cause(guess.name, guess.sentence, fit[1],
                                              guess.change)))
    if fitting:     # the one that fits best; of those that fit alike the first
        best = min(off for off, _ in fitting)
        alike = max(1.5 * best, LAST_BIT * _largest(case.found))
        return next(cause for off, cause in fitting if off <= alike)
    return plain[0] if plain else None


def _fit(case: Case, prediction: np.ndarray,
         limit: Callable[[str], Any]) -> Optional[Tuple[float, str]]:
    """Return how far a prediction is off, and the words for it; None if too far."""
    found, expected = case.found.astype(float), case.expected.astype(float)
    if prediction.shape != found.shape:
        return None
    off, seen = _apart(prediction, found), _apart(expected, found)
    near = off <= np.maximum(3 * limit(case.key), max(1e-3 * _largest(seen),
                                                      10 * LAST_BIT * _largest(found)))
    # Golden must be much farther: a few numbers are easily hit by chance.
    if not near.all() or off.max() > seen.max() / (4 if found.size > 9 else 100):
        return None
    if not np.isfinite(found).all():
        return off.max(), f'so computed, {case.key} is not finite in the same places'
    return off.max(), (f'so computed, {case.key} is yours to {off.max():.1e}; golden '
                       f'is up to {seen.max():.1e} away')


def _holds_elsewhere(case: Case, guess: Guess) -> bool:
    """Return whether golden is nowhere nearer than what a guess predicts also."""
    for key, prediction in guess.also.items():
        found = case.mine.arrays.get(key)
        if found is None or found.shape != prediction.shape:
            continue
        off, seen = (_apart(array.astype(float), found.astype(float)).max()
                     for array in (prediction, case.golden.arrays[key]))
        if off > max(seen / 4, 1e-6 * np.abs(found).max()):
            return False
    return True


def _largest(array: np.ndarray) -> float:
    """Return the largest finite magnitude, 0 where there is none."""
    return np.max(np.abs(array[np.isfinite(array)]), initial=0)


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how far two arrays are apart; infinitely where only one is NaN."""
    apart = np.where(one == other, 0, np.abs(one - other))
    return np.where(np.isnan(apart), np.where(np.isnan(one) & np.isnan(other), 0,
                                              np.inf), apart)
