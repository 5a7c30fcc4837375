"""Arithmetic that remembers its steps, and so has gradients. NumPy only.

A `Node` is an array and how it came about. A `Tape` makes a node of others with a
primitive. `PRIMITIVES` holds all primitives, each with its derivative, which is written
in primitives too. So gradients have gradients, and all arithmetic, forward and
backward, goes through `Tape.apply`, in float64 or float32.

A tape's `rounding` is called there with every result: `rounding(op, array, arrays,
numbers)` returns the array to go on with. It is for noise. Its `cast(op, array, done)`
is called with every input of a primitive, and `done` with its result. It is for low
precision.

With `passes` a tape does a number of passes at once, each with a rounding of its own.
Arrays then have one more axis, the first, of which a node's shape says nothing.
"""

import itertools
import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np


class Tape:
    """Does primitives and remembers how each result came about."""

    def __init__(self, dtype: Any = float, rounding: Optional[Callable] = None,
                 cast: Optional[Callable] = None, passes: bool = False):
        self.dtype, self.rounding, self.cast = np.dtype(dtype), rounding, cast
        self.passes, self.count, self.closed = passes, itertools.count(), False

    def node(self, array: Any, wanted: bool = False) -> 'Node':
        """Return a node of a given array; `wanted`: a gradient by it will be asked."""
        array = np.asarray(array, self.dtype)
        return self.made(array[None] if self.passes else array, wanted)

    def made(self, array: Any, wanted: bool = False) -> 'Node':
        """Return a node of an array of this tape, which has the axis of its passes."""
        return Node(self, np.asarray(array, self.dtype), None, (), {}, wanted)

    def of_pass(self, array: np.ndarray, n: int) -> np.ndarray:
        """Return one pass's array of this tape, the first pass being 0."""
        return array[n % len(array)] if self.passes else array

    def apply(self, op: str, *inputs: 'Node', **numbers: Any) -> 'Node':
        """Return the result of a primitive."""
        arrays = [each.array for each in inputs]
        if self.cast:
            arrays = [self.cast(op, each, False) for each in arrays]
        forward = PRIMITIVES[op].forward
        array = (PASSES.get(op, forward) if self.passes else forward)(
            *arrays, **numbers)
        if self.rounding:
            array = self.rounding(op, array, arrays, numbers)
        if self.cast:
            array = self.cast(op, array, True)
        wanted = not self.closed and any(each.wanted for each in inputs)
        return Node(self, np.asarray(array, self.dtype), op, inputs if wanted else (),
                    numbers, wanted)


class Node:
    """An array on a tape, and the primitive and the nodes that it came from."""

    __slots__ = 'tape', 'array', 'op', 'inputs', 'numbers', 'wanted', 'place'

    def __init__(self, tape: Tape, array: np.ndarray, op: Optional[str],
                 inputs: Tuple['Node', ...], numbers: Dict[str, Any], wanted: bool):
        self.tape, self.array, self.op, self.inputs = tape, array, op, inputs
        self.numbers, self.wanted, self.place = numbers, wanted, next(tape.count)

    @property
    def shape(self) -> Tuple[int, ...]:
        """Return the array's shape, in one pass."""
        return self.array.shape[self.tape.passes:]

    @property
    def ndim(self) -> int:
        """Return how many axes the array has, in one pass."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return how many numbers the array has, in one pass."""
        return int(np.prod(self.shape))

    def do(self, op: str, *others: 'Node', **numbers: Any) -> 'Node':
        """Return the result of a primitive of this node and perhaps others."""
        return self.tape.apply(op, self, *others, **numbers)

    def constant(self, array: Any) -> 'Node':
        """Return an array as a node with no gradient; a node is returned as it is."""
        return array if isinstance(array, Node) else self.tape.node(array)

    def like(self, other: 'Node') -> 'Node':
        """Return this gradient for an input `other` that was spread over its shape."""
        return self if self.shape == other.shape else self.do('gather',
                                                              shape=other.shape)

    def mean(self, axes: Sequence[int]) -> 'Node':
        """Return the mean over some axes, which stay with the size 1."""
        shape = tuple(1 if axis in axes else size
                      for axis, size in enumerate(self.shape))
        return self.do('gather', shape=shape) * (np.prod(shape) / self.size)

    def __add__(self, other):
        return self.do('add', self.constant(other))

    def __sub__(self, other):
        return self + -other

    def __mul__(self, other):
        return self.do('multiply', self.constant(other))

    def __neg__(self):
        return self.do('negate')

    def __matmul__(self, other):
        return self.do('matmul', other)


def gradients(of: Node, by: Sequence[Node], last: bool = False) -> List[Node]:
    """Return the gradients of a number by some wanted nodes, in reverse mode.

    `last`: no gradient of these will be asked for, so the tape forgets its nodes.
    """
    of.tape.closed = last
    slopes = {of.place: of.constant(np.ones(of.shape))}
    todo = {of.place: of}
    while todo:
        node = todo.pop(max(todo))      # the latest: its gradient is complete
        if node.op is None:
            continue
        dy = slopes.pop(node.place)
        for back, each in zip(PRIMITIVES[node.op].backward, node.inputs):
            if each.wanted:
                dx = back(dy, node, *node.inputs, **node.numbers)
                slopes[each.place] = (slopes[each.place] + dx if each.place in slopes
                                      else dx)
                todo[each.place] = each
        if last:
            node.inputs = ()
    return [slopes[node.place] if node.place in slopes else
            node.constant(np.zeros(node.shape)) for node in by]


# --- Primitives -----------------------------------------------------------------------

def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


_erf = np.vectorize(math.erf, otypes=[float])


def _gather(x, shape):
    """Return the sum over the axes that `shape` lacks, or has with the size 1."""
    more = x.ndim - len(shape)
    axes = tuple(axis for axis in range(x.ndim)
                 if axis < more or shape[axis - more] < x.shape[axis])
    return x.sum(axes).reshape(shape)


def _taps(x, k, stride, shape):
    """Yield each place of a k x k kernel, and the pixels of `x` that it meets."""
    height, width = ((n - 1) * stride + 1 for n in shape[1:3])
    for i, j in itertools.product(range(k), range(k)):
        yield i, j, x[:, i:i + height:stride, j:j + width:stride]


MOST_COLUMNS = 2 ** 20      # numbers that are copied for one product


def _columns(x, k, stride, shape):
    """Return the pixels that a k x k kernel meets, [n * height * width, k * k * c]."""
    n, height, width, channels = len(x), *shape[1:3], x.shape[3]
    steps = x.strides
    return np.lib.stride_tricks.as_strided(
        x, (n, height, width, k, k, channels),
        (steps[0], stride * steps[1], stride * steps[2], *steps[1:])).reshape(
            n * height * width, -1)


def _batches(x, k, shape):
    """Yield slices of the images whose columns are few enough, of one at least."""
    n = max(1, MOST_COLUMNS // (np.prod(shape[1:3], dtype=int) * k * k * x.shape[3]))
    for first in range(0, len(x), n):
        yield slice(first, first + n)


def _conv(x, W, stride):
    n, height, width, _ = x.shape
    k = len(W)
    y = np.empty((n, (height - k) // stride + 1, (width - k) // stride + 1, W.shape[3]),
                 np.result_type(x, W))
    for some in _batches(x, k, y.shape):
        y[some] = (_columns(x[some], k, stride, y.shape) @ W.reshape(-1, W.shape[3])
                   ).reshape(-1, *y.shape[1:])
    return y


def _conv_image(y, W, stride, shape):
    """Return the gradient of a convolution by its images, of `shape`."""
    x = np.zeros(shape, y.dtype)
    for some in _batches(x, len(W), y.shape):
        parts = (y[some].reshape(-1, y.shape[3]) @ W.reshape(-1, W.shape[3]).T).reshape(
            -1, *y.shape[1:3], *W.shape[:3])
        for i, j, pixels in _taps(x[some], len(W), stride, y.shape):
            pixels += parts[:, :, :, i, j]
    return x


def _conv_kernel(x, y, stride, k):
    """Return the gradient of a convolution by its kernel, k x k."""
    W = np.zeros((k * k * x.shape[3], y.shape[3]), x.dtype)
    for some in _batches(x, k, y.shape):
        W += _columns(x[some], k, stride, y.shape).T @ y[some].reshape(-1, y.shape[3])
    return W.reshape(k, k, x.shape[3], y.shape[3])


def _cut(x, around):
    return x[tuple(slice(before, size - after)
                   for (before, after), size in zip(around, x.shape))]


def _part(node, axis, before, after):
    """Return a node without its first and last elements along an axis."""
    return node.do('cut', around=[(before, after) if each == axis else (0, 0)
                                  for each in range(node.ndim)])


def _cross_entropy(x, target):
    """Return the binary cross-entropy of logits, as TF 1 computes it."""
    return np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))


def _log_loss(p, target, clamped):
    """Return the cross-entropy of probabilities, `clamped` as torch clamps it."""
    with np.errstate(divide='ignore'):      # the log of 0 is as found
        logs = np.log(p), np.log(1 - p)
    if clamped:
        logs = [np.maximum(each, -100) for each in logs]
    return (np.where(target > 0, -target * logs[0], 0)
            + np.where(target < 1, (target - 1) * logs[1], 0))


def _log_slope(p, target, clamped):
    """Return the derivative of `_log_loss`."""
    if clamped:
        return (p - target) / np.maximum(p * (1 - p), 1e-12)
    with np.errstate(divide='ignore'):
        return (np.where(target > 0, -target / p, 0)
                + np.where(target < 1, (1 - target) / (1 - p), 0))


def _log_curve(p, target, clamped):
    """Return the second derivative of the cross-entropy of probabilities."""
    with np.errstate(divide='ignore', invalid='ignore'):
        curve = (np.where(target > 0, target / p ** 2, 0)
                 + np.where(target < 1, (1 - target) / (1 - p) ** 2, 0))
    return np.where(clamped & (p * (1 - p) < 1e-12), 1e12, curve)


def _round(x, bits):
    """Return numbers with fewer bits in their significand."""
    share, power = np.frexp(x)
    return np.ldexp(np.rint(share * 2. ** bits), power - bits)


def _added_log_loss(p, target, low):
    """Return the cross-entropy with a small number added inside the logs."""
    return -target * np.log(p + low) - (1 - target) * np.log(1 - p + low)


class Primitive(NamedTuple):
    """An operation: `forward(*arrays, **numbers)` returns its result.

    `backward` has a function for each input, (dy, y, *inputs, **numbers), which returns
    that input's gradient. The arrays there are nodes.
    """

    forward: Callable
    backward: Tuple[Callable, ...]


PRIMITIVES = {
    # Sums and products.
    'add': Primitive(np.add, (lambda dy, y, a, b: dy.like(a),
                              lambda dy, y, a, b: dy.like(b))),
    'multiply': Primitive(np.multiply, (lambda dy, y, a, b: (dy * b).like(a),
                                        lambda dy, y, a, b: (dy * a).like(b))),
    'negate': Primitive(np.negative, (lambda dy, y, x: -dy,)),
    'matmul': Primitive(np.matmul, (
        lambda dy, y, a, b: dy @ b.do('transpose', axes=(1, 0)),
        lambda dy, y, a, b: a.do('transpose', axes=(1, 0)) @ dy)),
    'gather': Primitive(_gather, (
        lambda dy, y, x, shape: dy.do('spread', shape=x.shape),)),
    'spread': Primitive(lambda x, shape: np.broadcast_to(x, shape), (
        lambda dy, y, x, shape: dy.like(x),)),
    # Convolutions: each of the three is a derivative of the other two.
    'conv': Primitive(_conv, (
        lambda dy, y, x, W, stride: dy.do('conv_image', W, stride=stride,
                                          shape=x.shape),
        lambda dy, y, x, W, stride: x.do('conv_kernel', dy, stride=stride,
                                         k=W.shape[0]))),
    'conv_image': Primitive(_conv_image, (
        lambda dx, x, y, W, stride, shape: dx.do('conv', W, stride=stride),
        lambda dx, x, y, W, stride, shape: dx.do('conv_kernel', y, stride=stride,
                                                 k=W.shape[0]))),
    'conv_kernel': Primitive(_conv_kernel, (
        lambda dW, W, x, y, stride, k: y.do('conv_image', dW, stride=stride,
                                            shape=x.shape),
        lambda dW, W, x, y, stride, k: x.do('conv', dW, stride=stride))),
    # Elements moved: no arithmetic.
    'reshape': Primitive(lambda x, shape: x.reshape(shape), (
        lambda dy, y, x, shape: dy.do('reshape', shape=x.shape),)),
    'transpose': Primitive(lambda x, axes: x.transpose(axes), (
        lambda dy, y, x, axes: dy.do('transpose', axes=np.argsort(axes)),)),
    'flip': Primitive(lambda x, axes: np.flip(x, tuple(axes)), (
        lambda dy, y, x, axes: dy.do('flip', axes=axes),)),
    'pad': Primitive(lambda x, around: np.pad(x, around, 'constant'), (
        lambda dy, y, x, around: dy.do('cut', around=around),)),
    'cut': Primitive(_cut, (lambda dy, y, x, around: dy.do('pad', around=around),)),
    'join': Primitive(lambda a, b, axis: np.concatenate([a, b], axis), (
        lambda dy, y, a, b, axis: _part(dy, axis, 0, b.shape[axis]),
        lambda dy, y, a, b, axis: _part(dy, axis, a.shape[axis], 0))),
    # Elements by themselves.
    'leaky_relu': Primitive(lambda x, slope: np.where(x > 0, x, slope * x), (
        lambda dy, y, x, slope: dy * x.tape.made(np.where(x.array > 0, 1, slope)),)),
    'sigmoid': Primitive(sigmoid, (lambda dy, y, x: dy * (y * (-y + 1)),)),
    'logit': Primitive(lambda p: np.log(p / (1 - p)), (
        lambda dy, y, p: dy * (p * (-p + 1)).do('power', by=-1),)),
    'tanh': Primitive(np.tanh, (lambda dy, y, x: dy * (-(y * y) + 1),)),
    'exp': Primitive(np.exp, (lambda dy, y, x: dy * y,)),
    'erf': Primitive(_erf, (
        lambda dy, y, x: dy * ((-(x * x)).do('exp') * (2 / math.sqrt(math.pi))),)),
    'power': Primitive(lambda x, by: x ** by, (
        lambda dy, y, x, by: dy * (x.do('power', by=by - 1) * by),)),
    'cross_entropy': Primitive(_cross_entropy, (
        lambda dy, y, x, target: dy * (x.do('sigmoid') - target),)),
    'log_loss': Primitive(_log_loss, (
        lambda dy, y, p, **numbers: dy * p.do('log_slope', **numbers),)),
    'log_slope': Primitive(_log_slope, (
        lambda dy, y, p, **numbers: dy * p.tape.made(_log_curve(p.array, **numbers)),)),
    'round': Primitive(_round, (
        lambda dy, y, x, bits: dy.do('round', bits=bits),)),
    'bound': Primitive(lambda x, low, high: np.clip(x, low, high), (
        lambda dy, y, x, low, high: dy * x.tape.made(
            (x.array > low) & (x.array < high)),)),
    'added_log_loss': Primitive(_added_log_loss, (
        lambda dy, y, p, target, low: dy * (
            (-p + (1 + low)).do('power', by=-1) * (1 - target)
            - (p + low).do('power', by=-1) * target),))}


# --- Passes at once -------------------------------------------------------------------

def _lifted(x, ndim):
    """Return an array of passes whose shape in one pass has `ndim` axes."""
    return x.reshape(len(x), *(1,) * (ndim + 1 - x.ndim), *x.shape[1:])


def _of_numbers(f):
    def forward(a, b):
        ndim = max(a.ndim, b.ndim) - 1
        return f(_lifted(a, ndim), _lifted(b, ndim))
    return forward


def _of_each(f):
    def forward(a, b, **numbers):
        return np.stack([f(a[n % len(a)], b[n % len(b)], **numbers)
                         for n in range(max(len(a), len(b)))])
    return forward


def _join_passes(a, b, axis):
    n = max(len(a), len(b))
    return np.concatenate([np.broadcast_to(each, (n, *each.shape[1:]))
                           for each in (a, b)], axis + 1)


# What differs there: whatever counts axes.
PASSES = {
    'add': _of_numbers(np.add), 'multiply': _of_numbers(np.multiply),
    'gather': lambda x, shape: _gather(x, (len(x), *(1,) * (
        x.ndim - 1 - len(shape)), *shape)).reshape(len(x), *shape),
    'spread': lambda x, shape: np.broadcast_to(_lifted(x, len(shape)),
                                               (len(x), *shape)),
    **{op: _of_each(PRIMITIVES[op].forward)
       for op in ('conv', 'conv_image', 'conv_kernel')},
    'reshape': lambda x, shape: x.reshape(len(x), *shape),
    'transpose': lambda x, axes: x.transpose(0, *(1 + axis for axis in axes)),
    'flip': lambda x, axes: np.flip(x, tuple(1 + axis for axis in axes)),
    'pad': lambda x, around: np.pad(x, [(0, 0), *around], 'constant'),
    'cut': lambda x, around: _cut(x, [(0, 0), *around]),
    'join': _join_passes}
