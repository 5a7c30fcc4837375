"""The optimizer's step and the moving averages, recomputed in other ways."""

from typing import Dict, Iterator, List

import numpy as np

from tf1gan.causes import forward
from tf1gan.causes.case import Case, Guess, own_way
from tf1gan.trace import Trace


def adam(m: np.ndarray, v: np.ndarray, t: int, numbers: Dict[str, float]) -> np.ndarray:
    """Return what TF 1's Adam takes off a weight at its update `t` (1, 2, ...)."""
    rate = (numbers['learning_rate'] * np.sqrt(1 - numbers['beta2'] ** t)
            / (1 - numbers['beta1'] ** t))
    return rate * m / (np.sqrt(v) + numbers['epsilon'])


def torch_adam(m: np.ndarray, v: np.ndarray, t: int, numbers: Dict[str, float]
               ) -> np.ndarray:
    """Return what PyTorch's Adam takes off, its epsilon beside the corrected root."""
    return (numbers['learning_rate'] / (1 - numbers['beta1'] ** t) * m
            / (np.sqrt(v / (1 - numbers['beta2'] ** t)) + numbers['epsilon']))


def updates_so_far(golden: Trace, place: str) -> int:
    """Return how many updates the network has had, the one at `place` included."""
    network = place.split('/')[1][0]
    return sum(update.split('/')[1][0] == network
               for update in golden.updates[:golden.updates.index(place) + 1])


def moment(case: Case) -> Iterator[Guess]:
    numbers = case.golden.meta['optimizers'][case.update]
    which = 'beta1' if case.kind == 'adam_m' else 'beta2'
    beta, mine = numbers[which], case.found.astype(float)

    def parts(key):
        """Return (the moment before, what it takes in, the weight); None if unknown."""
        place, name = key.rsplit('/', 2)[0], key.rsplit('/', 1)[1]
        before = case.before(case.kind, name, place)
        gradient = case.get(case.mine, 'grad', name, place)
        weight = case.before('after', name, place)
        if any(part is None or part.shape != case.golden.arrays[key].shape
               for part in (gradient, weight)):
            return None
        return (np.zeros_like(gradient) if before is None else before,
                gradient if which == 'beta1' else gradient ** 2, weight)

    def also(predict, n_axes=0):
        """Return what is predicted in the update's other arrays, and in the next."""
        return {key: predict(*parts(key)) for key in _others(case) + _next(case)
                if parts(key) and case.golden.arrays[key].ndim >= n_axes}

    if not parts(case.key):
        return
    before, taken, weight = parts(case.key)
    yield own_way(beta * before + (1 - beta) * taken)
    if before.any():
        yield Guess((1 - beta) * taken, 'a fresh optimizer', 'the optimizer of '
                    f'{case.place} has forgotten the updates before it', 'keep one '
                    f'optimizer for all updates of {case.update[0]}')
    line = before - taken
    if (line ** 2).sum():
        other = ((mine - taken) * line).sum() / (line ** 2).sum()
        yield Guess(taken + other * line, which, f'your Adam has {which} = '
                    f'{other:.4g}, golden {beta:.4g}', f'give the optimizer {which} = '
                    f'{beta:.4g}', also(lambda before, taken, _:
                                        taken + other * (before - taken)))
    yield Guess(beta * before + taken, 'undamped moment', 'the gradient enters the '
                f'moment whole, without the factor 1 - {which}', "take TF 1's Adam",
                also(lambda before, taken, _: beta * before + taken))
    if which == 'beta1' and (weight ** 2).sum():
        rest = (mine - before * beta) / (1 - beta) - taken
        decay = (rest * weight).sum() / (weight ** 2).sum()
        # Biases and normalizations are often left out.
        yield Guess(beta * before + (1 - beta) * (taken + decay * weight),
                    'weight decay', f'{decay:.3g} of the weights is added to their '
                    'gradient', 'switch weight decay off', also(
                        lambda before, taken, weight: beta * before
                        + (1 - beta) * (taken + decay * weight), 2))


def _others(case: Case) -> List[str]:
    """Return the keys of the update's other arrays of the same kind."""
    prefix = f'{case.place}/{case.kind}'
    return [f'{prefix}/{name}' for name in case.golden.part(prefix)
            if name != case.name]


def _next(case: Case) -> List[str]:
    """Return the key of the same array in the network's next update, if any."""
    keys = [key for key in case.golden.arrays
            if key.endswith(f'/{case.kind}/{case.name}')]
    return keys[keys.index(case.key) + 1:][:1]


def after(case: Case) -> Iterator[Guess]:
    before = case.before('after', case.name)
    if before is None:
        return
    if case.name.endswith(('_mean', '_variance')):
        yield from _average(case, before)
        return
    numbers = case.golden.meta['optimizers'][case.update]
    mine, rate = case.found.astype(float), numbers['learning_rate']
    t, is_adam = updates_so_far(case.golden, case.place), numbers['kind'] == 'Adam'

    def parts(key):
        """Return (gradient, moments): the port's own of a variable; None if unknown."""
        found = [case.get(case.mine, kind, key.split('/')[3])
                 for kind in ('grad', 'adam_m', 'adam_v')[:3 if is_adam else 1]]
        return None if any(part is None for part in found) else found

    def usual(gradient, m=None, v=None):
        """Return the step that golden's optimizer takes."""
        return adam(m, v, t, numbers) if is_adam else rate * gradient

    def guess(step, *words):
        """Return the guess that all variables of the update are moved by a `step`."""
        predicted = {key: case.before('after', key.split('/')[3]) - step(*parts(key))
                     for key in [case.key] + _others(case) if parts(key)}
        return Guess(predicted.pop(case.key), *words, predicted)

    yield Guess(before, 'variable not updated', f'{case.place} does not move '
                f'{case.name}', f"put it into {case.update}'s list of variables")
    if not parts(case.key):
        return
    step = usual(*parts(case.key))
    yield own_way(before - step)
    if is_adam:
        for epsilon in numbers['epsilon'], 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 0.8:
            other = {**numbers, 'epsilon': epsilon}
            if epsilon != numbers['epsilon']:
                yield guess(lambda _, m, v: adam(m, v, t, other), 'Adam epsilon',
                            f"your Adam's epsilon is {epsilon:g}, golden's "
                            f'{numbers["epsilon"]:.1g}', 'give the optimizer '
                            f'epsilon = {numbers["epsilon"]:.1g}')
            yield guess(lambda _, m, v: torch_adam(m, v, t, other), "torch's Adam",
                        f"your Adam adds its epsilon, {epsilon:.1g}, to the corrected "
                        "root, as torch and optax do; TF 1 adds "
                        f'{numbers["epsilon"]:.1g} to the uncorrected one',
                        "give torch's Adam eps = epsilon / sqrt(1 - beta2 ** t) before "
                        'every step (no constant will do), or write the update out')
        yield guess(lambda _, m, v: rate * m / (np.sqrt(v) + numbers['epsilon']),
                    'no bias correction', 'your Adam does not correct the bias of its '
                    'moments', "take TF 1's Adam")
        count = case.golden.updates.index(case.place) + 1
        for other in sorted({count, t + 1, t - 1, int(case.place[5:8]) + 1} - {t, 0}):
            yield guess(lambda _, m, v: adam(m, v, other, numbers), "Adam's count",
                        f"your Adam corrects for its update {other}, golden's is at "
                        f'its {t}', 'count the updates of each optimizer by itself')
        yield guess(lambda gradient, m, v: rate * gradient, 'gradient descent for Adam',
                    'your update is plain gradient descent', 'take Adam')
    for decay in 0.01, 1e-4:
        yield Guess(before * (1 - rate * decay) - step, 'weight decay', 'your weights '
                    f'decay by {decay} of the rate (AdamW)', 'switch weight decay off')
    if (step ** 2).sum():
        ratio = ((before - mine) * step).sum() / (step ** 2).sum()
        if abs(ratio + 1) < 1e-3:
            yield guess(lambda *parts: -usual(*parts), 'sign of the update', 'your '
                        'update climbs where it should descend', 'subtract the step')
        yield guess(lambda *parts: ratio * usual(*parts), 'learning rate', 'your '
                    f"learning rate is {ratio * rate:.4g}, golden's {rate:.4g}",
                    f'give the optimizer the rate {rate:.4g}')


def _average(case: Case, before: np.ndarray) -> Iterator[Guess]:
    """Test how a moving average of a batch normalization takes in the batch's own."""
    golden, mine = case.expected.astype(float), case.found.astype(float)
    layers = case.description['networks'][case.update[0]]
    layer = next(layer for layer in layers
                 if case.name in (layer.get('mean'), layer.get('variance')))
    taken = 1 - layer['momentum']
    batch = before + (golden - before) / taken
    yield Guess(before, 'averages not moved', f'{case.place} does not move {case.name}',
                "put G into training mode in its own update")
    if case.name.endswith('variance'):
        n = forward.n_averaged(case, layer)
        factor, has, other = (((n - 1) / n, 'biased', 'unbiased')
                              if layer['moving_unbiased'] else
                              (n / (n - 1), 'unbiased', 'biased'))
        yield Guess(before + taken * (batch * factor - before), 'moving variance',
                    f'{case.name} takes in the {has} variance of the batch, golden the '
                    f'{other} one', 'TF 1.15 takes in the unbiased variance of images, '
                    'over n - 1, and the biased one of [n, units]: torch the unbiased '
                    'one always, Keras 3 the biased one always')
    line = batch - before
    if (line ** 2).sum() and line.size > 1:     # one number has a share in any case
        share = ((mine - before) * line).sum() / (line ** 2).sum()
        words = {0.99: "torch's momentum is the complement of Keras's: 0.01, not 0.99",
                 0.1: "torch's default, 0.1, is a momentum of 0.9 in Keras"}
        change = next((words for value, words in words.items()
                       if abs(share - value) < 2e-3), 'the share is 1 - momentum')
        yield Guess(before + share * line, 'normalization momentum', f'{case.name} '
                    f"takes in {share:.3g} of the batch's own, golden {taken:.3g}",
                    change)
