"""PyTorch's laws as TensorFlow 1 ops: initial values, LayerNorm, losses."""

import math
from typing import List

import tensorflow as tf


def uniform(fan_in: int, shape: List[int], name: str) -> tf.Variable:
    """Return a variable of torch's initial law, U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return tf.Variable(tf.random_uniform(shape, -bound, bound), name=name)


def layer_norm(x: tf.Tensor, gain: tf.Variable, shift: tf.Variable,
               epsilon: float) -> tf.Tensor:
    """Return torch's LayerNorm of [n, units], with its biased variance."""
    mean, variance = tf.nn.moments(x, [1], keep_dims=True)
    return (x - mean) / tf.sqrt(variance + epsilon) * gain + shift


def mse(output: tf.Tensor, target: float) -> tf.Tensor:
    """Return torch's MSELoss against a constant target."""
    return _mean(output, lambda p: tf.square(p - target), lambda p: 2 * (p - target))


def bce(output: tf.Tensor, target: float) -> tf.Tensor:
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
