"""What a description computes: forward, gradients, optimizers. NumPy only.

`predict` takes an update and what it starts from, and returns every array that a trace
holds of it. `OPS` says what each layer is, `LOSSES` what each loss is of the logits,
`STEPS` what each optimizer does, as TF 1 does it; `tf1gan.tape` has the arithmetic and
its gradients.
"""

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan.descriptions import Description, Layer, names, trained
from tf1gan.tape import Node, Tape, gradients

Arrays = Dict[str, np.ndarray]


# --- Layers ---------------------------------------------------------------------------

class Pass:
    """What one forward pass of a network takes beside its input, and what it leaves.

    In training mode dropout is on, by `masks`, and a batch normalization goes by the
    batch, not by its moving averages; what those become is in `averages` then. `seen`
    is what every layer returned.
    """

    def __init__(self, w: Dict[str, Node], labels: Optional[Node] = None,
                 masks: Optional[Dict[str, Node]] = None, training: bool = False):
        self.w, self.labels, self.masks, self.training = w, labels, masks, training
        self.averages: Dict[str, Node] = {}
        self.seen: List[Node] = []


def forward(layers: List[Layer], x: Node, how: Pass) -> Node:
    """Return what a network makes of `x`."""
    for layer in layers:
        x = OPS[layer['op']](x, layer, how)
        how.seen.append(x)
    return x


def _dense(x, layer, how):
    return x @ how.w[layer['W']] + how.w[layer['b']]


def _convolution(x, layer, how):
    W, stride, padding = how.w[layer['W']], layer['stride'], layer['padding']
    if padding == 'SAME':       # the odd pixel goes below and to the right
        size, k = x.shape[1], len(W.array)
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        padding = [total // 2, total - total // 2]
    if padding != 'VALID':
        x = x.do('pad', around=[(0, 0), padding, padding, (0, 0)])
    return x.do('conv', W, stride=stride) + how.w[layer['b']]


def _normalized(x, mean, variance, epsilon):
    return (x - mean) * (variance + epsilon).do('power', by=-0.5)


def _moments(x, axes):
    """Return mean and biased variance over some axes, and of how many numbers each."""
    mean = x.mean(axes)
    apart = x - mean
    return mean, (apart * apart).mean(axes), x.array.size // mean.array.size


def _over(variance, n, unbiased):
    return variance * (n / (n - 1)) if unbiased else variance


def _layer_norm(x, layer, how):
    mean, variance, n = _moments(x, [1])
    return (_normalized(x, mean, _over(variance, n, layer['unbiased']),
                        layer['epsilon']) * how.w[layer['gain']]
            + how.w[layer['shift']])


def _batch_norm(x, layer, how):
    mean, variance = how.w[layer['mean']], how.w[layer['variance']]
    if how.training:
        moving = mean, variance
        mean, variance, n = _moments(x, range(x.array.ndim - 1))
        taken = mean, _over(variance, n, layer['moving_unbiased'])
        variance = _over(variance, n, layer['unbiased'])
        for name, old, new in zip(('mean', 'variance'), moving, taken):
            how.averages[layer[name]] = old + (new.like(old) - old) * (
                1 - layer['momentum'])
    return (_normalized(x, mean, variance, layer['epsilon']) * how.w[layer['gamma']]
            + how.w[layer['beta']])


def _dropout(x, layer, how):
    return x * how.masks[layer['mask']] if how.training else x


def _labels(x, layer, how):
    labels = how.labels
    if x.array.ndim == 4:       # a plane of ones or zeros for each
        labels = labels.do('reshape', shape=(len(labels.array), 1, 1, -1)).do(
            'spread', shape=x.shape[:3] + labels.shape[1:])
    return x.do('join', labels, axis=x.array.ndim - 1)


def _upsample(x, layer, how):
    n, height, width, channels = x.shape
    f = layer['factor']
    return x.do('reshape', shape=(n, height, 1, width, 1, channels)).do(
        'spread', shape=(n, height, f, width, f, channels)).do(
        'reshape', shape=(n, f * height, f * width, channels))


OPS = {
    'dense': _dense, 'conv': _convolution, 'batch_norm': _batch_norm,
    'layer_norm': _layer_norm, 'dropout': _dropout, 'labels': _labels,
    'upsample': _upsample,
    'relu': lambda x, layer, how: x.do('leaky_relu', slope=0),
    'leaky_relu': lambda x, layer, how: x.do('leaky_relu', slope=layer['slope']),
    'sigmoid': lambda x, layer, how: x.do('sigmoid'),
    'tanh': lambda x, layer, how: x.do('tanh'),
    'reshape': lambda x, layer, how: x.do(
        'reshape', shape=(len(x.array), *layer['shape'])),
    'transpose': lambda x, layer, how: x.do(
        'transpose', axes=(0, *(1 + axis for axis in layer['axes'])))}

LOSSES = {      # element by element, of logits x and their targets t
    'log': lambda x, t: x.do('sigmoid').do('log_loss', target=t, clamped=False),
    'clamped_log': lambda x, t: x.do('sigmoid').do('log_loss', target=t, clamped=True),
    'logits': lambda x, t: x.do('cross_entropy', target=t),
    'squared': lambda x, t: (x.do('sigmoid') - t) * (x.do('sigmoid') - t),
    'least_squares': lambda x, t: (x - t) * (x - t)}


# --- Optimizers -----------------------------------------------------------------------

def optimizer_of(description: Description, update: Dict[str, Any]) -> Dict[str, Any]:
    """Return an update's optimizer, its numbers as TF 1 holds them: in float32."""
    return {name: value if name == 'kind' else float(np.float32(value)) for name, value
            in description['optimizers'][update['optimizer']].items()}


def moved_toward(old: Any, new: np.ndarray, beta: float) -> np.ndarray:
    """Return one of Adam's moments, which keeps a share `beta` of what it was."""
    return old + (new - old) * (1 - beta)


def adam_step(numbers: Dict[str, float], m: np.ndarray, v: np.ndarray, t: int
              ) -> np.ndarray:
    """Return what TF 1's Adam takes off a weight at its update `t` (1, 2, ...).

    Its epsilon is added to the root as it is, not to the corrected one; and the powers
    of its betas are float32 products of one more beta an update.
    """
    left = [1 - float(np.multiply.accumulate(np.full(t, numbers[beta], np.float32))[-1])
            for beta in ('beta1', 'beta2')]
    rate = numbers['learning_rate'] * left[1] ** 0.5 / left[0]
    return rate * m / (np.sqrt(v) + numbers['epsilon'])


def _sgd(numbers, slopes, start, results):
    return {name: numbers['learning_rate'] * slope for name, slope in slopes.items()}


def _adam(numbers, slopes, start, results):
    moments = []
    for key, beta, power in ('adam_m', 'beta1', 1), ('adam_v', 'beta2', 2):
        before = {name: np.asarray(array, results.dtype)
                  for name, array in getattr(start, key).items()}
        moments.append({name: results.put(f'{key}/{name}', moved_toward(
            before.get(name, 0), slope ** power, numbers[beta]))
            for name, slope in slopes.items()})
    return {name: adam_step(numbers, moments[0][name], moments[1][name], start.t)
            for name in slopes}


STEPS = {'SGD': _sgd, 'Adam': _adam}    # what each takes off the weights, by name


# --- An update ------------------------------------------------------------------------

class Start(NamedTuple):
    """What an update starts from, and what a trace has of its results.

    Where `own` has one of the results, by its key (`fake/G`, `grad/D_W1`), all that
    comes after it is computed from that: so each is predicted from its own inputs.
    """

    weights: Arrays             # of both networks, and moving averages
    feed: Arrays
    mask: Arrays = {}           # of D's dropout
    adam_m: Arrays = {}         # before the update; absent: 0
    adam_v: Arrays = {}
    t: int = 1                  # the optimizer's update: the first is 1
    own: Arrays = {}


class Results:
    """The results of an update, by key; what goes on is a trace's own where it has it.
    """

    def __init__(self, own: Arrays, dtype: Any):
        self.own, self.dtype, self.arrays = own, dtype, {}

    def put(self, key: str, array: np.ndarray) -> np.ndarray:
        """Note a result; return what to go on with."""
        self.arrays[key] = np.asarray(array, self.dtype)
        return np.asarray(self.own.get(key, array), self.dtype)


def predict(description: Description, update: Dict[str, Any], start: Start,
            dtype: Any = float, rounding: Optional[Callable] = None) -> Arrays:
    """Return all that an update computes, by its keys in a trace, in causal order."""
    results, moved = Results(start.own, dtype), trained(
        description['networks'][update['moves']])
    tape = Tape(dtype, rounding)
    w = {name: tape.node(array, name in moved) for name, array in start.weights.items()}
    calls, averages = _calls(description, update, start, w, tape, results)
    factors, kind = update['loss'], update['loss']['kind']
    terms = [LOSSES[kind](logits, targets).mean([0, 1]) for logits, targets in calls]
    loss = sum(terms[1:], terms[0])
    results.put('loss', factors['recorded'] * loss.array.reshape(()))
    slopes = gradients(loss, [w[name] for name in moved])
    slopes = {name: results.put(f'grad/{name}', factors['lowered'] * slope.array)
              for name, slope in zip(moved, slopes)}
    numbers = optimizer_of(description, update)
    steps = STEPS[numbers['kind']](numbers, slopes, start, results)
    for name, step in steps.items():
        results.put(f'after/{name}', w[name].array - step)
    for name, average in averages.items():
        results.put(f'after/{name}', average.array)
    return results.arrays


def forward_of(description: Description, update: Dict[str, Any], start: Start,
               dtype: Any = float) -> Arrays:
    """Return an update's fakes and logits, by their keys in a trace."""
    tape, results = Tape(dtype), Results(start.own, dtype)
    w = {name: tape.node(array) for name, array in start.weights.items()}
    _calls(description, update, start, w, tape, results)
    return results.arrays


def _calls(description, update, start, w, tape, results):
    """Return (logits, targets) of each call of D as nodes, and the moving averages."""
    feed, masks = ({name: tape.node(array) for name, array in arrays.items()}
                   for arrays in (start.feed, start.mask))
    calls, averages = [], {}

    def run(network, x, labels, key):
        how = Pass(w, labels, masks, update['modes'][network] == 'training')
        y = forward(description['networks'][network], x, how)
        y.array = results.put(key, y.array)
        if network in update['averages']:
            averages.update(how.averages)
        return y

    batches = {'X': (feed.get('X'), feed.get('X_labels'))}
    if 'Z' in feed:
        labels = feed.get('Z_labels')
        batches['G'] = run('G', feed['Z'], labels, 'fake/G'), labels
    for term in update['terms']:
        on = [batches[name] for name in term['on']]
        x, labels = (_joined(parts) for parts in zip(*on))
        targets = np.repeat(term['targets'], [len(images.array) for images, _ in on])
        calls.append((run('D', x, labels, f'logit/{term["logit"]}'),
                      targets[:, None].astype(tape.dtype)))
    return calls, averages


def _joined(nodes):
    """Return batches as one; None where there are none."""
    first, *others = nodes
    for other in others:
        first = first and first.do('join', other, axis=0)
    return first


def starts(trace: Any, description: Description
           ) -> Iterator[Tuple[str, Dict[str, Any], Start]]:
    """Yield (place, update, what it starts from) of every update in a trace."""
    updates = {update['name']: update for update in description['updates']}
    weights, moments, counts = trace.part('init'), {'adam_m': {}, 'adam_v': {}}, {}
    for place in trace.updates:
        update = updates[place.split('/')[1]]
        name = update['optimizer']
        counts[name] = counts.get(name, 0) + 1
        yield place, update, Start(
            dict(weights), trace.part(f'{place}/feed'), trace.part(f'{place}/mask'),
            dict(moments['adam_m']), dict(moments['adam_v']), counts[name],
            trace.part(place))
        weights.update(trace.part(f'{place}/after'))
        for kind, known in moments.items():
            known.update(trace.part(f'{place}/{kind}'))


def draw(description: Description, weights: Arrays, noise: np.ndarray,
         labels: Optional[np.ndarray] = None, dtype: Any = np.float32) -> np.ndarray:
    """Return G's images of noise [n, size] and one-hot labels, in inference mode."""
    tape, layers = Tape(dtype), description['networks']['G']
    w = {name: tape.node(weights[name]) for name in names(layers)}
    labels = None if labels is None else tape.node(labels)
    return forward(layers, tape.node(noise), Pass(w, labels)).array
