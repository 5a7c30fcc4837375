"""The forward pass: G's images and D's logits, recomputed in other ways."""

from typing import Iterator, Tuple

import numpy as np

from tf1gan import networks
from tf1gan.causes.case import Case, Guess, Weights, own_way
from tf1gan.networks import How
from tf1gan.trace import Trace


def forward(case: Case, trace: Trace, place: str, w: Weights, how: How = How(),
            how_D: How = How(), masked=lambda mask: mask):
    """Return (G's images, D's logits by name) of an update, recomputed in float64."""
    update = place.split('/')[1]
    feed = {name: value.astype(float) for name, value in
            trace.part(f'{place}/feed').items()}
    masks = [masked(value.astype(float)) for value in
             trace.part(f'{place}/mask').values()]
    fake, logits = None, {}
    if 'Z' in feed:
        fake = networks.generator(case.tutorial, w, feed['Z'], feed.get('Z_labels'),
                                  how._replace(training=how.training ^ (update == 'G')))
    for name in case.golden.part(f'{place}/logit'):
        images, labels = {
            'D_real': lambda: (feed['X'], feed.get('X_labels')),
            'D_gene': lambda: (fake, feed.get('Z_labels')),
            'D': lambda: (np.concatenate([feed['X'], fake]), np.concatenate(
                [feed['X_labels'], feed['Z_labels']]))}[name]()
        logits[name] = networks.discriminator(case.tutorial, w, images, labels, masks,
                                              how_D)
    return fake, logits


SLOPES = 0.01, 0.02, 0.1, 0.2, 0.3
EPSILONS = 1e-3, 1e-5, 1e-6, 1e-8, 1e-12


def _hows(case: Case) -> Iterator[Tuple[How, str, str, str]]:
    """Yield other ways to go forward: (how, name, sentence, change)."""
    for layer in None, 1, 2, 3:
        where = f' in layer {layer}' if layer else ''
        for how, name, sentence, change in _ways():
            yield how._replace(only=layer), name, sentence + where, change


def _ways() -> Iterator[Tuple[How, str, str, str]]:
    for slope in SLOPES:
        yield (How(slope=slope), 'LeakyReLU slope', f'LeakyReLU has the slope {slope}',
               'state the slope: 0.2 in dcgan and in D of conditional, 0.02 in '
               'collapse, none (ReLU) in vanilla, minimax and G of conditional')
    yield (How(centered=True), 'SAME padding', 'SAME with a stride of 2 is padded '
           'alike on both sides', 'pad the odd pixel below and to the right: of 28 and '
           '14 with 5x5, (1, 2) both ways')
    yield (How(channels_first=True), 'flatten order', 'images are flattened, or '
           'shaped, over (channels, height, width)', 'permute to (height, width, '
           'channels) first, or declare a layout with a split for the dense weights')
    for epsilon in EPSILONS:
        yield (How(norm_epsilon=epsilon), 'normalization epsilon', 'the normalization '
               f'adds {epsilon:g} to the variance', 'batch normalization here adds '
               '1e-3, layer normalization 1e-5')
    for first in True, False:
        yield (How(activation_first=first), 'order of activation and normalization',
               f'the activation comes {"before" if first else "behind"} the '
               'normalization', 'keep the order of the tutorial, layer by layer')
    yield (How(unbiased=True), 'normalization variance', 'the normalization divides by '
           'the unbiased variance', 'normalize by the biased variance, over n')


def fake(case: Case) -> Iterator[Guess]:
    w = case.weights()
    training = case.update == 'G'
    mode = 'inference' if training else 'training'
    yield own_way(forward(case, case.mine, case.place, w)[0])
    yield Guess(forward(case, case.mine, case.place, w, How(training=True))[0],
                f'fakes in {mode} mode', f'G makes its images in {mode} mode here',
                f'in {case.place} normalize by ' + (
                    "the batch's own statistics" if training
                    else 'the moving averages'))
    for how, *words in _hows(case):
        yield Guess(forward(case, case.mine, case.place, w, how)[0], *words)
    for output in 'sigmoid', 'tanh', 'nothing':
        yield Guess(forward(case, case.mine, case.place, w, How(output=output))[0],
                    "G's output", f"G's output goes through {output}",
                    "take the tutorial's output function")
    places = case.step_updates()
    later = [place for place in places[places.index(case.place):]
             if place.endswith('/G')]
    for place in later:
        moved = {**w, **{name: value for name, value in case.behind(place).items()
                         if name.startswith('G_')}}
        yield Guess(forward(case, case.mine, case.place, moved)[0], 'G before D',
                    f'G had been updated before {case.place}: its images there are '
                    'those of the weights behind its update', "update D first, then G")
    for place in case.golden.updates[:case.golden.updates.index(case.place)]:
        images = case.get(case.golden, 'fake', 'G', place)
        if images is not None:
            yield Guess(images, 'stale fakes', f'the images are those of {place}, of '
                        "G's older weights", 'make them anew for this update')


def logit(case: Case) -> Iterator[Guess]:
    w, name = case.weights(), case.name

    def logits(w=w, **how):
        return forward(case, case.mine, case.place, w, **how)[1][name]

    usual = logits()
    yield own_way(usual)
    yield Guess(networks.sigmoid(usual), 'probabilities for logits', 'what you record '
                "as D's logit has gone through the sigmoid", 'record what the sigmoid '
                'takes')
    for masked, sentence in ((np.ones_like, 'dropout is off'),
                             (lambda mask: (mask > 0) * 1., 'dropout does not scale')):
        yield Guess(logits(masked=masked), 'dropout off', f'{sentence} in {case.place}',
                    "leave D in training mode in every update, G's too, and multiply "
                    'by the mask as it is')
    for how, *words in _hows(case):
        yield Guess(logits(how_D=how), *words)
    places = case.step_updates()
    yield Guess(logits({**w, **case.behind(case.place)}), 'logits behind the update',
                'the logits are those of the weights behind the update', 'record what '
                'the loss was computed from')
    for place in places[:places.index(case.place)]:
        older = {key: value for key, value in case.weights(place).items()
                 if key.startswith('D_')}
        yield Guess(logits({**w, **older}), 'simultaneous updates', f'{case.place} '
                    f"sees D's weights from before {place}", 'update D first; G then '
                    'sees the new D')
    for place in places[places.index(case.place) + 1:]:
        for player in 'D', 'G':
            newer = {key: value for key, value in case.behind(place).items()
                     if key[0] == player}
            if newer:
                yield Guess(logits({**w, **newer}), 'G before D', f'{place} had been '
                            f'done before {case.place}', 'keep the order of the '
                            "tutorial's step")
    others = [key for key in case.golden.part(f'{case.place}/logit') if key != name]
    for other in others:
        yield Guess(forward(case, case.mine, case.place, w)[1][other], 'real and fake '
                    'swapped', f'{name} holds what {other} should', 'swap the two')
    yield Guess(-usual, 'sign of the logits', "D's logits have the other sign",
                'look at the last layer of D')
