"""The gradients: their scale, and what other losses have left in them."""

from typing import Iterator, List

import numpy as np

from tf1gan.causes.case import Case, Guess
from tf1gan.causes.forward import forward
from tf1gan.causes.losses import objective


def grad(case: Case) -> Iterator[Guess]:
    names = list(case.golden.part(f'{case.place}/grad'))
    pairs = {name: (case.get(case.mine, 'grad', name),
                    case.get(case.golden, 'grad', name)) for name in names}
    pairs = {name: pair for name, pair in pairs.items() if pair[0] is not None
             and pair[0].shape == pair[1].shape}
    mine, golden = (np.concatenate([pair[side].ravel() for pair in pairs.values()])
                    for side in (0, 1))
    if not np.isfinite(mine).all() and np.isfinite(golden).all():
        yield Guess(f'{int((~np.isfinite(mine)).sum())} of {mine.size} numbers are not '
                    'finite', 'gradient not finite', 'your gradient is not finite '
                    "where golden's is: a saturated sigmoid's log, or its slope "
                    'divided by 0', 'compute the loss from logits, or clamp its '
                    'denominator at 1e-12 as torch does')
        return
    if not np.isfinite(mine).all() or not np.isfinite(golden).all():
        return
    if not mine.any():
        yield Guess(np.zeros_like(case.expected), 'no gradient', 'no gradient reaches '
                    f'{case.update[0]} in {case.place}', 'look for a detach or a '
                    'stop_gradient too many')
    scale = mine @ golden / (golden @ golden)
    n = len(next(iter(case.golden.part(f'{case.place}/feed').values())))
    named = {n: f'a sum over the {n} images', -1.: 'of the other sign: the loss is '
             'raised where it should be lowered', 2.: 'twice golden',
             0.5: 'half golden'}
    words = next((words for value, words in named.items()
                  if abs(scale - value) < 1e-3 * abs(value)),
                 f'{scale:.6g} times golden')
    if abs(scale + 1) < 1e-3 and _moments_agree(case):
        yield Guess(scale * case.expected, 'sign of the gradient', 'your gradients of '
                    f'{case.place} have the other sign, and yet the moments made of '
                    "them have golden's: you record the negative of what you apply",
                    'record the gradient of what the optimizer lowers')
    elif abs(scale - 1) > 1e-3:
        yield Guess(scale * case.expected, 'sign of the gradient'
                    if abs(scale + 1) < 1e-3 else 'scale of the gradient', 'all '
                    f'gradients of {case.place} are {words}', 'minimize the mean (of '
                    'vanilla the negative of its objective), without clipping or loss '
                    'scaling')
    earlier = case.before('grad', case.name)
    if earlier is not None:
        yield Guess(case.expected + earlier, 'gradients accumulate', 'the gradient of '
                    'the update before is still in this one', 'zero the gradients '
                    'before every backward pass')
    if case.update[0] == 'G':
        yield from _leaks(case, pairs, [place for place in case.step_updates()
                                        if '/D' in place and 'Z' in case.mine.part(
                                            f'{place}/feed')],
                          'missing detach', "D's loss has left its gradient in G: the "
                          'fakes were not cut off from G in D\'s update',
                          "detach the fakes in D's update, or zero G's gradients "
                          'before its own backward pass')
    else:
        updates = case.golden.updates
        earlier = [place for place in updates[:updates.index(case.place)]
                   if place.endswith('/G')][-1:]
        kept = {name: (ours - case.before('grad', name), theirs) for name, (
            ours, theirs) in pairs.items() if case.before('grad', name) is not None}
        for each in pairs, kept:
            yield from _leaks(case, each, earlier, 'gradients accumulate', "G's loss "
                              'has left its gradient in D, through which it flows',
                              "zero D's gradients before its backward pass")
    reached = [name for name, (ours, theirs) in pairs.items()
               if theirs.any() and not ours.any()]
    if case.name in reached:
        yield Guess(np.zeros_like(case.expected), 'no gradient', 'no gradient reaches '
                    f'{", ".join(reached)}', 'look for a detach too many, or a '
                    'variable that the network does not use')


def _moments_agree(case: Case) -> bool:
    mine, golden = (case.get(trace, 'adam_m', case.name)
                    for trace in (case.mine, case.golden))
    return (mine is not None and golden is not None and mine.shape == golden.shape
            and bool(golden.any()) and float((mine * golden).sum()) > 0)


def _leaks(case: Case, pairs, places: List[str], *words: str) -> Iterator[Guess]:
    """Test whether what is too much in a gradient is that of other updates' losses.

    Three directional derivatives of those losses, by differences in float64, are held
    against the excess of all the network's gradients.
    """
    excess = {name: ours - theirs for name, (ours, theirs) in pairs.items()}
    size = np.sqrt(sum((each ** 2).sum() for each in excess.values()))
    if not places or not size:
        return
    rng = np.random.RandomState(0)
    directions = [{name: each / size for name, each in excess.items()}]
    for _ in range(2):
        drawn = {name: rng.normal(size=each.shape) * np.abs(each).max() / size
                 for name, each in excess.items()}
        directions.append(drawn)
    worst = 0.
    for direction in directions:
        h, slope = 1e-5, 0.
        for place in places:
            there = Case(case.golden, case.mine,
                         next(key for key in case.golden.arrays
                              if key.startswith(f'{place}/logit')))
            ends = []
            for sign in h, -h:
                w = case.weights(place)
                w.update((name, w[name] + sign * each)
                         for name, each in direction.items())
                ends.append(objective(there, forward(there, case.mine, place, w)[1]))
            factors = there.described['loss']   # what is recorded may be to raise
            slope += (factors['lowered'] * factors['recorded']
                      * (ends[0] - ends[1]) / (2 * h))
        along = sum((excess[name] * each).sum() for name, each in direction.items())
        worst = max(worst, abs(slope - along) / size)
    if worst < 0.01:
        yield Guess('the excess of your gradients is that of the other loss, in three '
                    f'directions to {max(worst, 1e-6):.0e} of its length', *words)
