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
    batch, not by its moving averages; `averages` then has the new moving averages.
    `seen` is what every layer returned.
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


def _weighted(layer, how):
    """Return a layer's weight and bias; an edit may turn or scale them."""
    W, b = how.w[layer['W']], how.w[layer['b']]
    if 'axes' in layer:
        W = W.do('transpose', axes=layer['axes'])
    if 'flipped' in layer:
        W = W.do('flip', axes=layer['flipped'])
    return W * layer.get('scale', 1), b * layer.get('bias', 1)


def _rounded(layer, *nodes):
    """Return nodes as an edit in low precision has them."""
    return [node.do('round', bits=layer['bits']) if 'bits' in layer else node
            for node in nodes]


def _biased(y, b, layer):
    """Return a product and its bias; in low precision the product or both are rounded.
    """
    if layer.get('out') == 'both':
        return _rounded(layer, y + _rounded(layer, b)[0])[0]
    return (_rounded(layer, y)[0] if layer.get('out') else y) + b


def _dense(x, layer, how):
    W, b = _weighted(layer, how)
    x, W = _rounded(layer, x, W)
    return _biased(x @ W, b, layer)


def padding(layer: Layer, size: int, k: int) -> List[int]:
    """Return the pixels before and after an image of a size, for a kernel of `k`."""
    stride, found = layer['stride'], layer['padding']
    if found == 'SAME':     # the odd pixel goes below and to the right
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        return [total // 2, total - total // 2]
    return [0, 0] if found == 'VALID' else found


def _convolution(x, layer, how):
    W, b = _weighted(layer, how)
    stride, around = layer['stride'], padding(layer, x.shape[1], W.shape[0])
    if any(around):
        x = x.do('pad', around=[(0, 0), around, around, (0, 0)])
    x, W = _rounded(layer, x, W)
    return _biased(x.do('conv', W, stride=stride), b, layer)


def _normalized(x, mean, variance, epsilon):
    return (x - mean) * (variance + epsilon).do('power', by=-0.5)


def _moments(x, axes):
    """Return mean and biased variance over some axes, and of how many numbers each."""
    mean = x.mean(axes)
    apart = x - mean
    return mean, (apart * apart).mean(axes), x.size // mean.size


def _over(variance, n, unbiased):
    return variance * (n / (n - 1)) if unbiased else variance


def _layer_norm(x, layer, how):
    mean, variance, n = _moments(x, layer.get('over', [1]))
    return (_normalized(x, mean, _over(variance, n, layer['unbiased']),
                        layer['epsilon']) * _part(layer, 'gain', how)
            + _part(layer, 'shift', how))


def _part(layer, name, how):
    """Return a normalization's gain or shift; an edit may leave it out."""
    is_shift = name in ('shift', 'beta')
    if layer.get('no') == name:
        return 1 - is_shift
    part = how.w[layer[name]]
    return part + 1 if layer.get('offset') and not is_shift else part


def _standardize(x, layer, how):
    mean, variance, n = _moments(x, [axis % x.ndim for axis in layer['over']])
    return _normalized(x, mean, variance, layer['epsilon'])


def _batch_norm(x, layer, how):
    mean, variance = how.w[layer['mean']], how.w[layer['variance']]
    if {'training': True, 'inference': False}.get(layer.get('mode'), how.training):
        moving = mean, variance
        mean, variance, n = _moments(x, range(x.ndim - 1))
        taken = mean, _over(variance, n, layer['moving_unbiased'])
        variance = _over(variance, n, layer['unbiased'])
        for name, old, new in zip(('mean', 'variance'), moving, taken):
            how.averages[layer[name]] = old + (new.like(old) - old) * (
                1 - layer['momentum'])
        if layer.get('detached'):
            mean, variance = (x.tape.made(each.array) for each in (mean, variance))
    return (_normalized(x, mean, variance, layer['epsilon'])
            * _part(layer, 'gamma', how) + _part(layer, 'beta', how))


def _dropout(x, layer, how):
    if not how.training:
        return x
    mask = how.masks[layer['mask']]
    if layer.get('inverted'):
        mask = -mask + 1 / (1 - layer['rate'])
    return x * mask * layer.get('scale', 1)


def _labels(x, layer, how):
    labels = how.labels * layer.get('scale', 1) + layer.get('shift', 0)
    if layer.get('reversed'):
        labels = labels.do('flip', axes=[1])
    if x.ndim == 4:     # a plane of ones or zeros for each
        labels = labels.do('reshape', shape=(labels.shape[0], 1, 1, -1)).do(
            'spread', shape=x.shape[:3] + labels.shape[1:])
    parts = (labels, x) if layer.get('first') else (x, labels)
    return parts[0].do('join', parts[1], axis=x.ndim - 1)


def _upsample(x, layer, how):
    n, height, width, channels = x.shape
    f = layer['factor']
    return x.do('reshape', shape=(n, height, 1, width, 1, channels)).do(
        'spread', shape=(n, height, f, width, f, channels)).do(
        'reshape', shape=(n, f * height, f * width, channels))


def _resize(x, layer, how):
    """Enlarge images along both axes by a matrix [new size, old size]."""
    for axis in 1, 2:
        M = x.tape.node(ENLARGED[layer['how']](x.shape[axis], layer['factor']))
        axes = [each for each in range(4) if each != axis] + [axis]
        turned = x.do('transpose', axes=axes)
        flat = turned.do('reshape', shape=(-1, x.shape[axis]))
        y = flat @ M.do('transpose', axes=(1, 0))
        x = y.do('reshape', shape=(*turned.shape[:3], -1)).do(
            'transpose', axes=np.argsort(axes))
    return x


def _between(n, factor, corners):
    """Return the matrix of linear interpolation, corners aligned or half pixels."""
    new = np.arange(n * factor)
    at = (new * (n - 1) / (n * factor - 1) if corners
          else np.clip((new + 0.5) / factor - 0.5, 0, n - 1))
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)))


ENLARGED = {
    'bilinear': lambda n, factor: _between(n, factor, False),
    'bilinear, corners aligned': lambda n, factor: _between(n, factor, True),
    'zeros between': lambda n, factor: np.repeat(np.eye(n), factor, 0) * (
        np.arange(n * factor) % factor == 0)[:, None],
    'tiled': lambda n, factor: np.tile(np.eye(n), (factor, 1))}


def _channels_read_first(x, layer, how):
    """Read the pixels, in their order, as those of an image with channels first."""
    n, height, width, channels = x.shape
    return x.do('reshape', shape=(n, channels, height, width)).do(
        'transpose', axes=(0, 2, 3, 1))


def _elu(x, scale, alpha):
    low = -(-x).do('leaky_relu', slope=0)       # min(x, 0), so that exp is small
    return (x.do('leaky_relu', slope=0) + (low.do('exp') + -1) * alpha) * scale


def _clip(x, low, high):
    above, beyond = ((x + -end).do('leaky_relu', slope=0) for end in (low, high))
    return above - beyond + low


def _softsign(x):
    size = x.do('leaky_relu', slope=0) + (-x).do('leaky_relu', slope=0)
    return x * (size + 1).do('power', by=-1)


OPS = {
    'nothing': lambda x, layer, how: x,
    'elu': lambda x, layer, how: _elu(x, 1, 1),
    'selu': lambda x, layer, how: _elu(x, 1.0507009873554805, 1.6732632423543772),
    'softplus': lambda x, layer, how: x.do('cross_entropy', target=0),
    'silu': lambda x, layer, how: x * x.do('sigmoid'),
    'gelu': lambda x, layer, how: x * ((x * 0.5 ** 0.5).do('erf') + 1) * 0.5,
    'gelu_tanh': lambda x, layer, how: x * 0.5 * (
        ((x + x * x * x * 0.044715) * (2 / np.pi) ** 0.5).do('tanh') + 1),
    'mish': lambda x, layer, how: x * x.do('cross_entropy', target=0).do('tanh'),
    'softsign': lambda x, layer, how: _softsign(x),
    'relu6': lambda x, layer, how: _clip(x, 0, 6),
    'hard_tanh': lambda x, layer, how: _clip(x, -1, 1),
    'hard_sigmoid': lambda x, layer, how: _clip(x * (1 / 6) + 0.5, 0, 1),
    'older_hard_sigmoid': lambda x, layer, how: _clip(x * 0.2 + 0.5, 0, 1),
    'tanh01': lambda x, layer, how: x.do('tanh') * 0.5 + 0.5,
    'affine': lambda x, layer, how: x * layer['scale'] + layer['shift'],
    'round': lambda x, layer, how: x.do('round', bits=layer['bits']),
    'standardize': _standardize, 'resize': _resize,
    'channels_read_first': _channels_read_first,
    'dense': _dense, 'conv': _convolution, 'batch_norm': _batch_norm,
    'layer_norm': _layer_norm, 'dropout': _dropout, 'labels': _labels,
    'upsample': _upsample,
    'relu': lambda x, layer, how: x.do('leaky_relu', slope=0),
    'leaky_relu': lambda x, layer, how: x.do('leaky_relu', slope=layer['slope']),
    'sigmoid': lambda x, layer, how: x.do('sigmoid'),
    'tanh': lambda x, layer, how: x.do('tanh'),
    'reshape': lambda x, layer, how: x.do(
        'reshape', shape=(x.shape[0], *layer['shape'])),
    'transpose': lambda x, layer, how: x.do(
        'transpose', axes=(0, *(1 + axis for axis in layer['axes'])))}


# --- Losses ---------------------------------------------------------------------------

def _guarded(x, t, numbers):
    """The cross-entropy of probabilities, kept off 0 as frameworks do it."""
    p = x.do('sigmoid')
    if numbers['how'] == 'clip':
        low = numbers['low']
        p = p.do('bound', low=low, high=1 - low)
        return p.do('log_loss', target=t, clamped=False)
    return p.do('added_log_loss', target=t, low=numbers['low'])


LOSSES = {      # element by element, of logits x, their targets t, and other numbers
    'log': lambda x, t, _: x.do('sigmoid').do('log_loss', target=t, clamped=False),
    'clamped_log': lambda x, t, _: x.do('sigmoid').do('log_loss', target=t,
                                                      clamped=True),
    'logits': lambda x, t, _: x.do('cross_entropy', target=t),
    'clipped_logits': lambda x, t, _: x.do('sigmoid').do(
        'bound', low=float(np.float32(1e-7)), high=1 - 2 ** -23).do('logit').do(
            'cross_entropy', target=t),
    'squared': lambda x, t, _: (x.do('sigmoid') - t) * (x.do('sigmoid') - t),
    'least_squares': lambda x, t, _: (x - t) * (x - t),
    # In edits only.
    'hinge': lambda x, t, _: (-(x * (2 * t - 1)) + 1).do('leaky_relu', slope=0),
    'wasserstein': lambda x, t, _: -(x * (2 * t - 1)),
    'absolute': lambda x, t, _: (x.do('sigmoid') - t).do('leaky_relu', slope=-1),
    'distance': lambda x, t, _: (x - t).do('leaky_relu', slope=-1),
    'not_logits': lambda x, t, _: x.do('bound', low=1e-7, high=1 - 1e-7).do(
        'log_loss', target=t, clamped=False),
    'exchanged': lambda x, t, _: x.tape.node(np.log1p(np.exp(t))) - x * t,
    'guarded': _guarded}


def objective(what: Dict[str, Any], calls: List[Tuple[Node, List[int]]]) -> Node:
    """Return the sum of a loss's terms; `calls` has each call's logits and batches."""
    loss, terms = what['loss'], []
    for (logits, sizes), term in zip(calls, what['terms']):
        if 'before' in loss:        # an edit: a layer between the logits and the loss
            logits = OPS[loss['before']](logits, {}, None)
        targets = np.repeat(term['targets'], sizes)[:, None]
        each = LOSSES[loss['kind']](logits, targets.astype(logits.tape.dtype), loss)
        if 'weights' in term:
            each = each * np.repeat(term['weights'], sizes)[:, None]
        terms.append(each.do('gather', shape=(1, 1)) * (
            1 if loss.get('summed') else 1 / each.size))
    return sum(terms[1:], terms[0])


# --- Optimizers -----------------------------------------------------------------------

def optimizer_of(description: Description, update: Dict[str, Any],
                 exactly: bool = False) -> Dict[str, Any]:
    """Return an update's optimizer, its numbers as TF 1 holds them: in float32.

    `exactly`: in float64, as other frameworks hold them.
    """
    return {name: float(value if exactly else np.float32(value))
            if isinstance(value, float) else value for name, value
            in description['optimizers'][update['optimizer']].items()}


def moved_toward(old: Any, new: np.ndarray, beta: float) -> np.ndarray:
    """Return one of Adam's moments, which keeps a share `beta` of what it was."""
    return old + (new - old) * (1 - beta)


def adam_step(numbers: Dict[str, Any], m: np.ndarray, v: np.ndarray, t: int,
              slope: Any = 0.) -> np.ndarray:
    """Return what TF 1's Adam takes off a weight at its update `t` (1, 2, ...).

    Its epsilon is added to the root as it is, not to the corrected one. The powers of
    its betas are float32 products, with one more beta an update. `numbers` of an edit
    may hold `place` (corrected: where torch has epsilon), `corrected` (which moments
    are: both, first, second or neither), `unrooted` (1 - beta2 ** t where its root is
    due), `nesterov`, `warming`, `rectified` or `count` (for which update the bias is
    corrected; a list: of either moment).
    """
    counts = numbers.get('count', t)
    counts = counts if isinstance(counts, list) else [counts, counts]
    t = counts[1]
    powers = [float(np.multiply.accumulate(np.full(n, numbers[beta], np.float32))[-1])
              if float(np.float32(numbers[beta])) == numbers[beta]
              else numbers[beta] ** n
              for n, beta in zip(counts, ('beta1', 'beta2'))]
    what = numbers.get('corrected', 'both')
    left = [1 - power if what in ('both', each) else 1
            for power, each in zip(powers, ('first', 'second'))]
    if numbers.get('unrooted'):
        left[1] **= 2
    rate, epsilon = numbers['learning_rate'] / left[0], numbers['epsilon']
    if numbers.get('warming'):      # torch's NAdam (0.004) and Keras's (1)
        mu = [numbers['beta1'] * (1 - 0.5 * 0.96 ** (numbers['warming'] * n))
              for n in range(1, t + 2)]
        m = (mu[t] * m / (1 - np.prod(mu)) + (1 - mu[t - 1]) * slope / (
            1 - np.prod(mu[:t]))) * left[0]
    elif numbers.get('nesterov'):
        m = numbers['beta1'] * m + (1 - numbers['beta1']) * slope
    root = np.sqrt(v / left[1])
    if numbers.get('rectified'):
        longest = 2 / (1 - numbers['beta2']) - 1
        length = longest - 2 * t * powers[1] / left[1]
        if length <= 5:
            return rate * m
        share = (length - 4) * (length - 2) / ((longest - 4) * (longest - 2))
        rate *= max(share * longest / length, 0) ** 0.5
    if numbers.get('place', '').startswith('inside'):
        inside = epsilon if 'corrected' in numbers['place'] else epsilon / left[1]
        return rate * m / np.sqrt(v / left[1] + inside)
    return rate * m / (root + epsilon / (
        1 if numbers.get('place') == 'corrected' else np.sqrt(left[1])))


def _sgd(numbers, slopes, start, results, w):
    return {name: numbers['learning_rate'] * slope for name, slope in slopes.items()}


def _momentum(numbers, slopes, start, results, w):
    beta, steps = numbers['beta1'], {}
    for name, slope in slopes.items():
        m = beta * start.adam_m.get(name, 0) + slope
        results.put(f'adam_m/{name}', m)
        steps[name] = numbers['learning_rate'] * (
            slope + beta * m if numbers.get('nesterov') else m)
    return steps


def _sign(numbers, slopes, start, results, w):
    return {name: numbers['learning_rate'] * np.sign(slope)
            for name, slope in slopes.items()}


def _adam_moments(numbers, slopes, start, results):
    """Return both of Adam's moments after an update, by name."""
    moments = []
    for key, beta, power in ('adam_m', 'beta1', 1), ('adam_v', 'beta2', 2):
        before = {} if numbers.get('fresh') else {
            name: np.asarray(array, results.dtype)
            for name, array in getattr(start, key).items()}
        taken = {name: slope ** power for name, slope in slopes.items()}
        if numbers.get('undamped') in ('both', key):
            taken = {name: each / (1 - numbers[beta]) for name, each in taken.items()}
        moments.append({name: results.put(f'{key}/{name}', moved_toward(
            before.get(name, 0), each, numbers[beta])) for name, each in taken.items()})
    return moments


def _adam(numbers, slopes, start, results, w):
    m, v = _adam_moments(numbers, slopes, start, results)
    if numbers.get('amsgrad'):
        v = {name: np.maximum(array, start.highest.get(name, 0))
             for name, array in v.items()}
    decay = numbers['learning_rate'] * numbers.get('decay', 0)
    return {name: adam_step(numbers, m[name], v[name], start.t, slopes[name])
            + decay * w[name] * (w[name].ndim > 1 or not numbers.get('matrices'))
            for name in slopes}


def _rmsprop(numbers, slopes, start, results, w):
    _, v = _adam_moments(numbers, slopes, start, results)
    return {name: numbers['learning_rate'] * slope / (
        np.sqrt(v[name] + numbers['epsilon']) if numbers.get('place') == 'inside' else
        np.sqrt(v[name]) + numbers['epsilon']) for name, slope in slopes.items()}


# What each takes off the weights, by name; the last three are in edits only.
STEPS = {'SGD': _sgd, 'Adam': _adam, 'Momentum': _momentum, 'RMSprop': _rmsprop,
         'Sign': _sign}


# --- An update ------------------------------------------------------------------------

class Start(NamedTuple):
    """What an update starts from, and what a trace has of its results.

    Where `own` has one of the results, by its key (`fake/G`, `grad/D_W1`), all later
    ones are computed from that array. So each is predicted from its own inputs.
    """

    weights: Arrays             # of both networks, and moving averages
    feed: Arrays
    mask: Arrays = {}           # of D's dropout
    adam_m: Arrays = {}         # before the update; absent: 0
    adam_v: Arrays = {}
    t: int = 1                  # the optimizer's update: the first is 1
    own: Arrays = {}
    # What edits may need.
    seen: Arrays = {}           # other weights that the networks see
    earlier: Arrays = {}        # gradients that earlier updates left
    highest: Arrays = {}        # the largest adam_v so far


class Results:
    """The results of an update, by key; later ones come from the trace's own arrays."""

    def __init__(self, own: Arrays, dtype: Any, passes: bool = False):
        self.own, self.dtype, self.passes, self.arrays = own, dtype, passes, {}

    def put(self, key: str, array: np.ndarray) -> np.ndarray:
        """Note a result; return the array that later ones are computed from."""
        self.arrays[key] = array = np.asarray(array, self.dtype)
        if key not in self.own:
            return array
        own = np.asarray(self.own[key], self.dtype)
        return own[None] if self.passes else own


def predict(description: Description, update: Dict[str, Any], start: Start,
            dtype: Any = float, rounding: Optional[Callable] = None,
            cast: Optional[Callable] = None, exactly: bool = False,
            until: str = 'after', directly: bool = False) -> Arrays:
    """Return all that an update computes, by its keys in a trace, in causal order.

    `rounding` and `cast` are the tape's, `exactly` is `optimizer_of`'s. `until`: the
    kind of array after which to stop (fake, logit, loss or grad), or averages: the
    moving ones, and no loss. `directly`: what comes before arrays of `start.own` from
    which the last kind follows is not computed.
    """
    return _predicted(description, update, start, Tape(dtype, rounding, cast),
                      [exactly], until, directly)[0]


def passes(description: Description, update: Dict[str, Any], start: Start,
           rounding: Callable, exactly: List[bool]) -> List[Arrays]:
    """Return what `predict` does of several passes, all at once.

    `rounding` is the tape's; `exactly` says of each pass what `predict`'s does.
    """
    return _predicted(description, update, start,
                      Tape(float, rounding, passes=True), exactly, 'after', False)


def _predicted(description, update, start, tape, exactly, until, directly):
    """Return what each pass of a tape computes."""
    dtype = tape.dtype
    results, moved = Results(start.own, dtype, tape.passes), trained(
        description['networks'][update['moves']])
    if directly and until == 'after' and all(f'grad/{name}' in start.own
                                             for name in moved):
        _step(description, update, start, {
            name: np.asarray(start.own[f'grad/{name}'], dtype) for name in moved},
            results, exactly[0])
        return [results.arrays]
    seen = {**start.weights, **start.seen}
    backward = until in ('grad', 'after')
    w = {name: tape.node(array, backward and name in moved)
         for name, array in seen.items()}
    calls, averages = _calls(description, update, start, w, tape, results, until,
                             directly)
    if until == 'averages':
        return [{f'after/{name}': each.array for name, each in averages.items()}]
    if until in ('fake', 'logit'):
        return [results.arrays]
    loss = objective(update, calls)
    results.put('loss', update['loss']['recorded'] * loss.array[..., 0, 0])
    if until == 'loss':
        return [results.arrays]
    if 'lowers' in update:
        loss = objective(update['lowers'], calls)
    slopes = {name: update['loss']['lowered'] * slope.array for name, slope in zip(
        moved, gradients(loss, [w[name] for name in moved], last=True))}
    alike = all(f'grad/{name}' in start.own for name in moved)
    found, taken = [], {}
    for n, each in enumerate(exactly):      # the rest is done pass by pass
        one = Results(start.own, dtype)
        one.arrays = {key: tape.of_pass(array, n)
                      for key, array in results.arrays.items()}
        found.append(one.arrays)
        some = _changed({name: tape.of_pass(slope, n) for name, slope
                         in slopes.items()}, update.get('gradient', {}), start, dtype)
        some = {name: one.put(f'grad/{name}', slope) for name, slope in some.items()}
        if until == 'grad':
            continue
        if each not in taken or not alike:
            taken[each] = Results(start.own, dtype)
            _step(description, update, start, some, taken[each], each)
        one.arrays.update(taken[each].arrays)
        for name, average in averages.items():
            one.put(f'after/{name}', tape.of_pass(average.array, n))
    return found


def _step(description, update, start, slopes, results, exactly):
    """Put what the optimizer makes of gradients: moments and weights."""
    numbers = optimizer_of(description, update, exactly)
    slopes = _changed(slopes, numbers.get('gradient', {}), start, results.dtype)
    before = {name: np.asarray(start.weights[name], results.dtype) for name in slopes}
    steps = STEPS[numbers['kind']](numbers, slopes, start, results, before)
    for name, step in steps.items():
        after = before[name] - step * (name not in numbers.get('without', ()))
        if 'clip' in numbers:
            after = np.clip(after, -numbers['clip'], numbers['clip'])
        results.put(f'after/{name}', after)


def _changed(slopes, how, start, dtype):
    """Return gradients as an edit of an update's `gradient` changes them."""
    if how.get('earlier'):      # 'alone': in their place
        slopes = {name: slope * (how['earlier'] != 'alone') + start.earlier.get(name, 0)
                  for name, slope in slopes.items()}
    if 'decay' in how:
        slopes = {name: slope + how['decay'] * (
            slope.ndim > 1 or not how.get('matrices')) * np.asarray(
                start.weights[name], dtype)
            for name, slope in slopes.items()}
    if 'norm' in how:
        norm = np.sqrt(sum((slope ** 2).sum() for slope in slopes.values()))
        slopes = {name: slope * min(1, how['norm'] / max(norm, 1e-300))
                  for name, slope in slopes.items()}
    if 'each' in how:
        slopes = {name: slope * min(1, how['each'] / max(
            np.sqrt((slope ** 2).sum()), 1e-300)) for name, slope in slopes.items()}
    if 'clip' in how:
        slopes = {name: np.clip(slope, -how['clip'], how['clip'])
                  for name, slope in slopes.items()}
    if 'centered' in how:
        slopes = {name: slope - slope.mean(tuple(range(slope.ndim - 1)), keepdims=True)
                  if slope.ndim > 1 else slope for name, slope in slopes.items()}
    none = how.get('none', ())
    return {name: slope * how.get('factor', 1) * (name not in none)
            for name, slope in slopes.items()}


def _calls(description, update, start, w, tape, results, until, directly):
    """Return (logits, batches' sizes) of each call of D, and the moving averages."""
    def known(network, key):
        """Return an array of `start` from which the results follow, if there is one."""
        if directly and network not in update.get('recorded', {}):
            return start.own.get(key)
    feed, masks = ({name: tape.node(array) for name, array in arrays.items()}
                   for arrays in (start.feed, start.mask))
    calls, averages = [], {}

    def before(name, batch, labels):
        """Return a batch as an edit has it before a network takes it."""
        return forward(update.get('before', {}).get(name, []), batch, Pass(w, labels))

    def run(network, x, labels, key):
        how = Pass(w, labels, masks, update['modes'][network] == 'training')
        call = key.split('/')[1]
        for layer in description['networks'][network]:
            x = OPS[layer['op']](x, layer, how)
            name = f'layer/{call}_{layer.get("place")}'
            if name in start.own:
                x.array = results.put(name, x.array)
        recorded = update.get('recorded', {}).get(network)
        if recorded:        # an edit: what the trace has is not what goes on
            results.put(key, forward(recorded, x, how).array)
        else:
            x.array = results.put(key, x.array)
        if network in update['averages']:
            averages.update(how.averages)
        return x

    X = feed.get('X')
    batches = {'X': (X and before('X', X, None), feed.get('X_labels'))}
    if 'Z' in feed:
        labels = feed.get('Z_labels')
        images = known('G', 'fake/G')
        if images is not None and (until in ('logit', 'loss') or update['moves'] == 'D'
                                   and until in ('grad', 'after')):
            fakes = tape.node(images)
        else:
            fakes = run('G', before('Z', feed['Z'], labels), labels, 'fake/G')
        batches['G'] = before('G', fakes, labels), labels
    for term in update['terms'] if until != 'fake' else []:
        on = [(batches[update.get('images', {}).get(name, name)][0],
               batches[update.get('labels', {}).get(name, name)][1])
              for name in term['on']]
        key, sizes = f'logit/{term["logit"]}', [each.shape[0] for each, _ in on]
        logits = known('D', key) if until == 'loss' else None
        calls.append((run('D', *(_joined(parts) for parts in zip(*on)), key)
                      if logits is None else tape.node(logits), sizes))
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


def rate(description: Description, weights: Arrays, images: np.ndarray,
         labels: Optional[np.ndarray] = None, dtype: Any = np.float32) -> np.ndarray:
    """Return D's probabilities [n, 1] of images and one-hot labels, in inference mode.

    `images` are in the description's own shape and range.
    """
    tape, layers = Tape(dtype), description['networks']['D']
    w = {name: tape.node(weights[name]) for name in names(layers)}
    labels = None if labels is None else tape.node(labels)
    logits = forward(layers, tape.node(images), Pass(w, labels)).array
    return 1 / (1 + np.exp(-logits))
