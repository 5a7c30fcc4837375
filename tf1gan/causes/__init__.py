"""Why a port differs: hypotheses, each tested on the numbers of the two traces.

A hypothesis predicts an array of the port's from what else the port has recorded, or
from golden: the update recomputed with another epsilon, the loss as a sum, the images
scaled otherwise. It is named as the cause only when its prediction is what the port
has, where the tutorial's own way is not. NumPy only; nothing is ever changed or guessed
at in the traces themselves.
"""

from typing import Any, Callable, Optional, Tuple

import numpy as np

from tf1gan.causes import forward, gradients, inputs, losses, optimizers
from tf1gan.causes.case import Case, Cause
from tf1gan.trace import Trace

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
    for test in tests:
        for guess in test(case):
            if guess.prediction is None or isinstance(guess.prediction, str):
                plain.append(Cause(guess.name, guess.sentence, guess.prediction or
                                   'what the two traces hold', guess.change))
                continue
            fit = _fit(case, np.asarray(guess.prediction, float), limit)
            if fit:
                fitting.append((fit[0], Cause(guess.name, guess.sentence, fit[1],
                                              guess.change)))
    if fitting:     # the one that fits best; of those that fit alike the first
        best = min(off for off, _ in fitting)
        return next(cause for off, cause in fitting if off <= 1.5 * best)
    return plain[0] if plain else None


def _fit(case: Case, prediction: np.ndarray,
         limit: Callable[[str], Any]) -> Optional[Tuple[float, str]]:
    """Return how far a prediction is off, and the words for it; None if too far."""
    found, expected = case.found.astype(float), case.expected.astype(float)
    if prediction.shape != found.shape:
        return None
    with np.errstate(invalid='ignore'):
        off, seen = np.abs(prediction - found), np.abs(expected - found)
        near = (prediction == found) | (off <= np.maximum(
            3 * limit(case.key), 1e-3 * np.max(seen[np.isfinite(seen)], initial=0)))
    near |= np.isnan(prediction) & np.isnan(found)
    if not near.all():
        return None
    finite = np.isfinite(off) & np.isfinite(seen)
    if not finite.all():
        return 0., f'so computed, {case.key} is not finite in the same places'
    if off.max() > seen.max() / 4:      # golden is as near: nothing is shown
        return None
    return off.max(), (f'so computed, {case.key} is yours to {off.max():.1e}; golden '
                       f'is {seen.max():.1e} away')
