"""The forward pass: G's images and D's logits, recomputed in other ways."""

from typing import Callable, Iterator, List, Optional, Tuple

import numpy as np

from tf1gan import interpreter
from tf1gan.causes.case import Case, Guess, Weights, own_way
from tf1gan.descriptions import Layer
from tf1gan.tape import Tape, sigmoid
from tf1gan.trace import Trace

Edit = Callable[[List[Layer]], List[Layer]]     # of a network's layers
NORMS = 'batch_norm', 'layer_norm'
ACTIVATIONS = 'relu', 'leaky_relu'


def as_it_is(layers: List[Layer]) -> List[Layer]:
    """Return a network as the tutorial has it."""
    return layers


def forward(case: Case, trace: Trace, place: str, w: Weights, G: Edit = as_it_is,
            D: Edit = as_it_is, otherwise: bool = False, masked=lambda mask: mask):
    """Return (G's images, D's logits by name) of an update, recomputed in float64.

    `G` and `D` change their networks; `otherwise`: G is in the other mode.
    """
    there = Case(case.golden, case.mine, f'{place}/loss')
    networks, update = there.description['networks'], there.described
    G_mode = {'training': 'inference', 'inference': 'training'}[
        update['modes']['G']] if otherwise else update['modes']['G']
    found = interpreter.forward_of(
        {**there.description, 'networks': {'G': G(networks['G']),
                                           'D': D(networks['D'])}},
        {**update, 'modes': {**update['modes'], 'G': G_mode}},
        interpreter.Start(w, trace.part(f'{place}/feed'), {
            name: masked(mask.astype(float))
            for name, mask in trace.part(f'{place}/mask').items()}))
    return found.pop('fake/G', None), {key.split('/')[1]: array
                                       for key, array in found.items()}


def n_averaged(case: Case, norm: Layer) -> int:
    """Return of how many numbers G's normalization `norm` takes mean and variance."""
    tape, layers = Tape(), case.description['networks']['G']
    w = {name: tape.node(array) for name, array in case.weights().items()}
    z, labels = (case.get(case.mine, 'feed', name) for name in ('Z', 'Z_labels'))
    x = interpreter.forward(layers[:layers.index(norm)], tape.node(z), interpreter.Pass(
        w, None if labels is None else tape.node(labels), training=True))
    return x.array.size // case.expected.size


# --- Networks that go otherwise -------------------------------------------------------

def each_layer(change: Callable[[Layer], Layer], only: Optional[int] = None) -> Edit:
    """Return an edit of layers: of those from W `only` on to the next, or of all."""
    def edit(layers):
        result, n = [], 0
        for layer in layers:
            n += 'W' in layer
            result.append(change(layer) if only in (None, n) else layer)
        return result
    return edit


def activations_first(first: bool, only: Optional[int] = None) -> Edit:
    """Return the edit that has activations before normalizations, or after them."""
    def edit(layers):
        result, n = list(layers), 0
        for i, (one, other) in enumerate(zip(layers, layers[1:])):
            n += 'W' in one
            ops = (ACTIVATIONS, NORMS) if first else (NORMS, ACTIVATIONS)
            if only in (None, n) and one['op'] in ops[1] and other['op'] in ops[0]:
                result[i], result[i + 1] = other, one
        return result
    return edit


def channels_first(layers: List[Layer]) -> List[Layer]:
    """Return a network whose images are flattened, and shaped, over (c, h, w)."""
    result = []
    for layer in layers:
        if layer['op'] == 'reshape' and layer['shape'] == [-1]:
            result.append({'op': 'transpose', 'axes': [2, 0, 1]})
        if layer['op'] == 'reshape' and len(layer['shape']) == 3:
            height, width, channels = layer['shape']
            result += [{'op': 'reshape', 'shape': [channels, height, width]},
                       {'op': 'transpose', 'axes': [1, 2, 0]}]
        else:
            result.append(layer)
    return result


def ended(op: str) -> Edit:
    """Return the edit that gives a network another last layer, or none."""
    return lambda layers: layers[:-1] + ([] if op == 'nothing' else [{'op': op}])


def changed(ops, **numbers) -> Callable[[Layer], Layer]:
    """Return a change of the layers of some kinds."""
    return lambda layer: {**layer, **numbers} if layer['op'] in ops else layer


def leaking(slope: float) -> Callable[[Layer], Layer]:
    """Return the change that gives activations a slope."""
    return lambda layer: {'op': 'leaky_relu', 'slope': slope} if (
        layer['op'] in ACTIVATIONS) else layer


def centered(layer: Layer, case: Case) -> Layer:
    """Return a SAME convolution with as many pixels on both sides."""
    if layer.get('padding') != 'SAME':
        return layer
    half = len(case.golden.arrays[f'init/{layer["W"]}']) // 2
    return {**layer, 'padding': [half, half]}


SLOPES = 0.01, 0.02, 0.1, 0.2, 0.3
EPSILONS = 1e-3, 1e-5, 1e-6, 1e-8, 1e-12


def _edits(case: Case) -> Iterator[Tuple[Edit, str, str, str]]:
    """Yield networks that go otherwise: (edit, name, sentence, change)."""
    for layer in None, 1, 2, 3:
        where = f' in layer {layer}' if layer else ''
        for edit, name, sentence, change in _ways(case, layer):
            yield edit, name, sentence + where, change


def _ways(case: Case, only: Optional[int]) -> Iterator[Tuple[Edit, str, str, str]]:
    for slope in SLOPES:
        yield (each_layer(leaking(slope), only), 'LeakyReLU slope', 'LeakyReLU has the '
               f'slope {slope}',
               'state the slope: 0.2 in dcgan and in D of conditional, 0.02 in '
               'collapse, none (ReLU) in vanilla, minimax and G of conditional')
    yield (each_layer(lambda layer: centered(layer, case), only), 'SAME padding',
           'SAME with a stride of 2 is padded '
           'alike on both sides', 'pad the odd pixel below and to the right: of 28 and '
           '14 with 5x5, (1, 2) both ways')
    if only is None:
        yield (channels_first, 'flatten order', 'images are flattened, or '
               'shaped, over (channels, height, width)', 'permute to (height, width, '
               'channels) first, or declare a layout with a split for the dense '
               'weights')
    for epsilon in EPSILONS:
        yield (each_layer(changed(NORMS, epsilon=epsilon), only),
               'normalization epsilon', 'the normalization '
               f'adds {epsilon:g} to the variance', 'batch normalization here adds '
               '1e-3, layer normalization 1e-5')
    for first in True, False:
        yield (activations_first(first, only),
               'order of activation and normalization',
               f'the activation comes {"before" if first else "behind"} the '
               'normalization', 'keep the order of the tutorial, layer by layer')
    yield (each_layer(changed(NORMS, unbiased=True), only), 'normalization variance',
           'the normalization divides by '
           'the unbiased variance', 'normalize by the biased variance, over n')


def fake(case: Case) -> Iterator[Guess]:
    w = case.weights()
    training = case.described['modes']['G'] == 'training'
    mode = 'inference' if training else 'training'
    yield own_way(forward(case, case.mine, case.place, w)[0])
    yield Guess(forward(case, case.mine, case.place, w, otherwise=True)[0],
                f'fakes in {mode} mode', f'G makes its images in {mode} mode here',
                f'in {case.place} normalize by ' + (
                    "the batch's own statistics" if training
                    else 'the moving averages'))
    for edit, *words in _edits(case):
        yield Guess(forward(case, case.mine, case.place, w, edit)[0], *words)
    for output in 'sigmoid', 'tanh', 'nothing':
        yield Guess(forward(case, case.mine, case.place, w, ended(output))[0],
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
    yield Guess(sigmoid(usual), 'probabilities for logits', 'what you record '
                "as D's logit has gone through the sigmoid", 'record what the sigmoid '
                'takes')
    for masked, sentence in ((np.ones_like, 'dropout is off'),
                             (lambda mask: (mask > 0) * 1., 'dropout does not scale')):
        yield Guess(logits(masked=masked), 'dropout off', f'{sentence} in {case.place}',
                    "leave D in training mode in every update, G's too, and multiply "
                    'by the mask as it is')
    for edit, *words in _edits(case):
        yield Guess(logits(D=edit), *words)
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
