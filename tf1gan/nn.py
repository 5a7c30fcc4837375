"""PyTorch's and Keras's laws as TensorFlow 1 ops: initial values, layers, losses."""

import math
from typing import List, NamedTuple, Optional

import numpy as np

from tf1gan import tf1
from tf1gan.tf1 import tf


# --- PyTorch's ------------------------------------------------------------------------

def uniform(fan_in: int, shape: List[int], name: str) -> 'tf.Variable':
    """Return a variable of torch's initial law, U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return tf.Variable(tf.random_uniform(shape, -bound, bound), name=name)


def layer_norm(x: 'tf.Tensor', gain: 'tf.Variable', shift: 'tf.Variable',
               epsilon: float) -> 'tf.Tensor':
    """Return torch's LayerNorm of [n, units], with its biased variance."""
    mean, variance = tf.nn.moments(x, [1], keep_dims=True)
    return (x - mean) / tf.sqrt(variance + epsilon) * gain + shift


def mse(output: 'tf.Tensor', target: float) -> 'tf.Tensor':
    """Return torch's MSELoss against a constant target."""
    return _mean(output, lambda p: tf.square(p - target), lambda p: 2 * (p - target))


def bce(output: 'tf.Tensor', target: float) -> 'tf.Tensor':
    """Return torch's BCELoss (nats) against a constant target.

    Both logs are clamped at -100, and the gradient's denominator at 1e-12, as torch
    does: a saturated sigmoid gives a large loss and no NaN.
    """
    def loss(p):
        return (-target * tf.maximum(tf.log(p), -100.)
                - (1 - target) * tf.maximum(tf.log(1 - p), -100.))

    return _mean(output, loss,
                 lambda p: (p - target) / tf.maximum(p * (1 - p), 1e-12))


def _mean(output, loss, slope):
    """Return the mean of `loss` over `output`, with a gradient of few ops.

    TF 1's own gradients of a mean and of broadcasts are dozens of ops on shapes, which
    with one image a step cost more than the arithmetic.
    """
    @tf.custom_gradient
    def mean(p):
        return (tf.reduce_mean(loss(p)),
                lambda dy: dy * slope(p) / tf.cast(tf.size(p), tf.float32))

    return mean(output)


# --- Keras's --------------------------------------------------------------------------

def glorot(shape: List[int], name: str) -> 'tf.Variable':
    """Return a weight of Keras's initial law, U(-l, l), l = sqrt(6/(fan_in + fan_out)).

    `shape` is [in, out] of a dense layer or [height, width, in, out] of a convolution.
    """
    field = int(np.prod(shape[:-2]))
    limit = math.sqrt(6 / (field * shape[-2] + field * shape[-1]))
    return tf.Variable(tf.random_uniform(shape, -limit, limit), name=name)


def zeros(n: int, name: str) -> 'tf.Variable':
    """Return biases [n], 0 at first."""
    return tf.Variable(tf.zeros([n]), name=name)


class BatchNorm(NamedTuple):
    """The variables of a batch normalization of `n` units or channels, all [n]."""

    gamma: 'tf.Variable'
    beta: 'tf.Variable'
    mean: 'tf.Variable'         # moving averages, which no optimizer moves
    variance: 'tf.Variable'


def batch_norm_variables(n: int, name: str) -> BatchNorm:
    """Return Keras's: gain 1, shift 0, moving mean 0, moving variance 1."""
    return BatchNorm(
        tf.Variable(tf.ones([n]), name=name + '_gamma'),
        tf.Variable(tf.zeros([n]), name=name + '_beta'),
        tf.Variable(tf.zeros([n]), trainable=False, name=name + '_mean'),
        tf.Variable(tf.ones([n]), trainable=False, name=name + '_variance'))


def batch_norm(x: 'tf.Tensor', norm: BatchNorm,
               updates: Optional[List['tf.Operation']],
               momentum: float, epsilon: float, biased: bool) -> 'tf.Tensor':
    """Return what Keras makes of [n, units] or [n, height, width, channels].

    Without `updates`, in inference mode: by the moving averages. With them, in training
    mode: by the batch's own mean and biased variance, and the ops that move the moving
    averages are added to `updates`. The moving variance takes in the biased variance of
    [n, units]. Of images it takes in the unbiased one, as TF 1.15's fused kernel does;
    with `biased` it takes in the biased one, as Keras 1 and Keras 3 do.
    """
    if x.shape.ndims == 4:
        if updates is None:
            return tf.nn.fused_batch_norm(x, norm.gamma, norm.beta, norm.mean,
                                          norm.variance, epsilon, is_training=False)[0]
        y, mean, variance = tf.nn.fused_batch_norm(x, norm.gamma, norm.beta,
                                                   epsilon=epsilon)
        if biased:
            n = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), tf.float32)
            variance *= (n - 1) / n
    else:
        mean, variance = norm.mean, norm.variance
        if updates is not None:
            mean, variance = tf.nn.moments(x, [0])
        y = tf.nn.batch_normalization(x, mean, variance, norm.beta, norm.gamma, epsilon)
    if updates is not None:
        updates += [tf.assign_sub(moving, (moving - value) * (1 - momentum))
                    for moving, value in ((norm.mean, mean), (norm.variance, variance))]
    return y


def conv(x: 'tf.Tensor', W: 'tf.Variable', b: 'tf.Variable', stride: int,
         padding: str) -> 'tf.Tensor':
    """Return Keras's Conv2D of [n, height, width, in] by `W` [k, k, in, out].

    Where the stride is 1, the padding SAME and k odd, the gradients are written as
    convolutions themselves: the same sums as TF 1.15's own kernels for them, in less
    time on a CPU.
    """
    size = W.shape.as_list()[0]
    if (stride, padding, size % 2) != (1, 'SAME', 1):
        return tf.nn.bias_add(tf.nn.conv2d(x, W, stride, padding), b)
    half = size // 2

    @tf.custom_gradient
    def same(x, W):
        def gradients(dy):
            dx = tf.nn.conv2d(dy, tf.transpose(W[::-1, ::-1], [0, 1, 3, 2]), 1, 'SAME')
            # The sum over the batch is one over channels, once the axes are turned:
            # [out, height, width, n] by [height, width, n, in].
            around = tf.pad(tf.transpose(dy, [3, 1, 2, 0]),
                            [[0, 0], [half, half], [half, half], [0, 0]])
            dW = tf.nn.conv2d(around, tf.transpose(x, [1, 2, 0, 3]), 1, 'VALID')
            return dx, tf.transpose(dW[:, ::-1, ::-1], [1, 2, 3, 0])

        return tf.nn.conv2d(x, W, 1, 'SAME'), gradients

    return tf.nn.bias_add(same(x, W), b)


def upsample(x: 'tf.Tensor') -> 'tf.Tensor':
    """Return images [n, height, width, channels] with every pixel doubled both ways."""
    height, width = x.shape.as_list()[1:3]

    def double(x):
        return tf.image.resize_nearest_neighbor(x, [2 * height, 2 * width])

    @tf.custom_gradient
    def double_with_gradient(x):
        return double(x), lambda dy: (dy[:, ::2, ::2] + dy[:, ::2, 1::2]
                                      + dy[:, 1::2, ::2] + dy[:, 1::2, 1::2])

    # TensorFlow 2 has no deterministic kernel for this gradient on a GPU.
    return double_with_gradient(x) if tf1.DETERMINISTIC_GPU else double(x)


def dropout_mask(shape: List, rate: float, seed: int,
                 count: 'tf.Variable') -> 'tf.Tensor':
    """Return a dropout mask: 0 with probability `rate`, elsewhere 1/(1 - rate).

    It depends on `seed` and `count` only, so a resumed run draws what it would have
    drawn without the stop. It can be fetched or fed like any tensor.
    """
    uniform = tf.random.stateless_uniform(shape, tf.stack([seed, count]))
    return tf.cast(uniform >= rate, tf.float32) * (1 / (1 - rate))


def bce_clipped(logits: 'tf.Tensor', target) -> 'tf.Tensor':
    """Return Keras 1's binary cross-entropy (nats) of the sigmoid of `logits`.

    The probability is clipped to [1e-7, 1 - 1e-7] and made a logit again: so a D that
    is sure gives no gradient. `target` is as in `bce_with_logits`.

    Source: Keras 1.2.2.
    """
    p = tf.clip_by_value(tf.nn.sigmoid(logits), 1e-7, np.float32(1) - np.float32(1e-7))
    return bce_with_logits(tf.log(p / (1 - p)), target)


def bce_with_logits(logits: 'tf.Tensor', target) -> 'tf.Tensor':
    """Return Keras's binary cross-entropy (nats), which is computed from the logits.

    `target` is a number, or a tensor of the shape of `logits`.
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
        labels=target * tf.ones_like(logits), logits=logits))


def accuracy(output: 'tf.Tensor', target: float) -> 'tf.Tensor':
    """Return the share of outputs on the target's side of 0.5."""
    return tf.reduce_mean(tf.cast(tf.equal(output > 0.5, target > 0.5), tf.float32))
