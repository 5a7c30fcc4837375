"""The losses, recomputed from a port's logits in other ways."""

from typing import Callable, Dict, Iterator, List, Tuple

import numpy as np

from tf1gan.causes.case import Case, Guess, own_way
from tf1gan.tape import sigmoid


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return log(1 / (1 + exp(-x))), without overflow."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def _terms(case: Case, logits: Dict[str, np.ndarray], swapped: bool = False
           ) -> List[Tuple[np.ndarray, np.ndarray]]:
    """Return (logits, targets) of the terms of an update's loss."""
    terms = []
    for term in case.described['terms']:
        if term['logit'] in logits:
            x, targets = logits[term['logit']], np.array(term['targets'], float)
            target = targets[np.arange(len(x)) * len(targets) // len(x)][:, None]
            terms.append((x, 1 - target if swapped else target))
    return terms


def cross_entropy(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the binary cross-entropy (nats) of logits, element by element."""
    return -target * log_sigmoid(x) - (1 - target) * log_sigmoid(-x)


def squared_error(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the squared error of the sigmoid of logits, element by element."""
    return (sigmoid(x) - target) ** 2


def objective(case: Case, logits: Dict[str, np.ndarray], swapped: bool = False,
              element: Callable = cross_entropy, reduce: Callable = np.mean) -> float:
    """Return the loss of an update as the tutorial has it, from D's logits."""
    if case.described['loss']['kind'] == 'squared' and element is cross_entropy:
        element = squared_error
    terms = [reduce(element(x, target))
             for x, target in _terms(case, logits, swapped)]
    return case.described['loss']['recorded'] * sum(terms)


def _guarded(low: float, how: str) -> Callable:
    """Return the cross-entropy with its logs guarded."""
    def element(x, target):
        p = sigmoid(x.astype(np.float32).astype(float))
        p = np.where(x < -16.4, 0, np.where(x > 16.4, 1, p))     # float32's own ends
        q = 1 - p
        with np.errstate(divide='ignore', invalid='ignore'):
            if how == 'clamp':
                logs = np.maximum(np.log(p), low), np.maximum(np.log(q), low)
            elif how == 'clip':
                p = np.clip(p, low, 1 - low)
                logs = np.log(p), np.log(1 - p)
            elif how == 'add':
                logs = np.log(p + low), np.log(q + low)
            else:
                logs = np.log(p), np.log(q)
                # A target of 0 leaves a term out, or multiplies infinity by it.
                if how == 'bare':
                    return (np.where(target > 0, -target * logs[0], 0)
                            + np.where(target < 1, -(1 - target) * logs[1], 0))
            return -target * logs[0] - (1 - target) * logs[1]

    return element


def loss(case: Case) -> Iterator[Guess]:
    logits = {name: value.astype(float) for name, value in
              case.mine.part(f'{case.place}/logit').items()}
    usual = objective(case, logits)
    if np.isfinite(case.expected):
        yield own_way(usual)
    sums = objective(case, logits, reduce=np.sum)
    for low, how, words in (
            (-100., 'clamp', 'its logs are clamped at -100, as torch\'s BCELoss does'),
            (1e-7, 'clip', 'its probabilities are clipped to [1e-7, 1 - 1e-7], as '
             'Keras does'),
            *((low, 'add', f'{low:g} is added inside its logs')
              for low in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12))):
        yield Guess(objective(case, logits, element=_guarded(low, how)), 'clamped loss',
                    f'your loss is guarded where golden is not: {words}',
                    'take the log of the sigmoid as it is, as the tutorial does'
                    if case.described['loss']['kind'] == 'log' else
                    'guard it as the tutorial does')
    for how in 'bare', 'times':
        yield Guess(objective(case, logits, element=_guarded(0, how)), 'unguarded loss',
                    "your loss takes the log of a saturated sigmoid, 0, where golden's "
                    'is finite', 'clamp both logs at -100, as torch\'s BCELoss does')
    if np.isinf(case.expected):
        yield Guess(usual, 'finer sigmoid', "your sigmoid is finer than TF 1.15's, "
                    'which is exactly 0 below -16.4: its log is finite where golden is '
                    'infinite', 'nothing: golden is saturated here, and a faithful '
                    'port need not be')
    batch = next((len(x) for x in logits.values()), 1)
    yield Guess(sums, 'sum for mean', f'your loss is a sum over the {batch} images of '
                'the batch', 'take the mean')
    yield Guess(objective(case, logits, swapped=True), 'swapped targets', 'the targets '
                'of real and generated images are swapped', 'real images have the '
                'target 1 and generated ones 0 for D, 1 for G')
    yield Guess(-usual, 'sign of the loss', 'your loss has the other sign',
                'vanilla records objectives to raise; the other tutorials losses to '
                'lower')
    if case.update == 'G':
        other = objective(case, logits, swapped=True)
        yield Guess(-other, 'saturating for non-saturating', "G's objective is the "
                    'other one: mean log(1 - D(G(z))) for mean -log D(G(z)), or the '
                    'reverse', "take the tutorial's objective")
    for factor, words in ((0.5, 'half golden'), (2, 'twice golden'),
                          (1 / np.log(2), 'golden with log2 for ln'),
                          (1 / np.log(10), 'golden with log10 for ln')):
        yield Guess(factor * usual, 'scale of the loss', f'your loss is {words}',
                    'add the terms of D as the tutorial does, each a mean, in nats')
    for smooth in 0.9, 0.8, 0.95:
        def element(x, target):
            return cross_entropy(x, target * smooth)
        yield Guess(objective(case, logits, element=element), 'label smoothing',
                    f'real images have the target {smooth}', 'the target is 1')
    yield Guess(objective(case, logits, element=squared_error), 'squared error',
                'your loss is the mean squared error', 'take the cross-entropy')
    for name in logits:
        if len(logits) > 1:
            yield Guess(objective(case, {name: logits[name]}), 'a term of the loss',
                        f'your loss has the term of {name} only', "add D's two terms")
    if not np.isfinite(case.found) and np.isfinite(case.expected):
        yield Guess(f'D\'s logits reach {min(x.min() for x in logits.values()):.3g} to '
                    f'{max(x.max() for x in logits.values()):.3g}', 'unguarded loss',
                    f'your loss is {float(case.found)} where golden is finite',
                    'guard the logs as the tutorial does')
