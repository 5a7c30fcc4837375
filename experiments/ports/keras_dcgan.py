"""tf1gan.dcgan in TensorFlow 2 and Keras 3: python keras_dcgan.py mine.npz

Replays the golden trace's steps with its weights and dropout masks, on images and noise
of its own, and writes its own trace, for `python -m tf1gan.compare dcgan mine.npz`.
Every array lies as in TensorFlow 1, images [n, height, width, channels], and Keras's
Adam has its epsilon where TensorFlow 1 has it.
"""

import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')      # no chatter: before the import
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')     # which has a notice of its own
import keras                        # noqa: E402
import numpy as np                  # noqa: E402
import tensorflow as tf             # noqa: E402
from keras import layers            # noqa: E402

from tf1gan import mnist, trace     # noqa: E402


class BatchNormalization2D(layers.BatchNormalization):
    """Batch normalization of images whose moving variance takes in the unbiased one.

    TensorFlow 1.15's fused kernel does so, over the n = batch * height * width pixels
    of a channel: it takes in n / (n - 1) times the biased variance, which Keras 3 takes
    in. Of [n, units] both take in the biased one.
    """

    def call(self, x, training=None):
        """Normalize `x` [batch, height, width, channels]; in training, by itself."""
        y = super().call(x, training=training)
        if training:        # Keras has taken in the variance: 1 / (n - 1) of it is left
            n = tf.size(x[..., 0], out_type=x.dtype)
            variance = tf.math.reduce_variance(x, [0, 1, 2])
            self.moving_variance.assign_add((1 - self.momentum) * variance / (n - 1))
        return y


class Dropout(layers.Layer):
    """Dropout whose mask comes from the trace: `mask` before every update of D or G."""

    mask = None

    def call(self, x, training=None):
        """Drop what the mask drops; eagerly, as tf.function would keep one mask."""
        return x * self.mask if training else x


def generator(n_noise, wide, narrow):
    """Return G: noise [n, n_noise] to images [n, 28, 28, 1] in (-1, 1)."""
    return keras.Sequential([
        keras.Input((n_noise,)),
        layers.Dense(7 * 7 * wide, name='G_1'),
        layers.LeakyReLU(negative_slope=0.2),
        layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name='G_norm1'),
        layers.Reshape((7, 7, wide)),
        layers.UpSampling2D(),
        layers.Conv2D(narrow, 5, padding='same', name='G_2'),
        BatchNormalization2D(momentum=0.99, epsilon=1e-3, name='G_norm2'),
        layers.LeakyReLU(negative_slope=0.2),
        layers.UpSampling2D(),
        layers.Conv2D(1, 5, padding='same', activation='tanh', name='G_3')])


def discriminator(wide, narrow):
    """Return D: images [n, 28, 28, 1] to logits [n, 1]."""
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(narrow, 5, strides=2, padding='same', name='D_1'),
        layers.LeakyReLU(negative_slope=0.2),
        Dropout(name='1'),
        layers.Conv2D(wide, 5, strides=2, padding='same', name='D_2'),
        layers.LeakyReLU(negative_slope=0.2),
        Dropout(name='2'),
        layers.Flatten(),
        layers.Dense(1, name='D_3')])


def named(network):
    """Return a network's weights, then these and the moving averages, by their names.

    The names are those of the trace; the weights' order is `trainable_variables`'s.
    """
    trace_names = {'kernel': 'W', 'bias': 'b', 'gamma': '_gamma', 'beta': '_beta',
                   'moving_mean': '_mean', 'moving_variance': '_variance'}
    weights, averages = {}, {}
    for layer in network.layers:
        for variable in layer.variables:
            kind = trace_names[variable.name]
            name = (layer.name + kind if kind[0] == '_'         # G_norm1_gamma
                    else layer.name.replace('_', '_' + kind))   # G_W1
            (weights if variable.trainable else averages)[name] = variable
    return weights, {**weights, **averages}


def moments(optimizer, kind):
    """Return Adam's `momentum` or `velocity` of every variable, in their order."""
    return [v for v in optimizer.variables if v.name.endswith('_' + kind)]


def numbers(variables):
    """Return variables as NumPy arrays, by name."""
    return {name: variable.numpy() for name, variable in variables.items()}


def put(update, optimizer, weights, all_weights, gradients, **seen):
    """Record what an update saw and did; `weights` are those of its player."""
    for kind, value in seen.items():
        update.put(kind, value)
    update.put('grad', dict(zip(weights, gradients)))
    for kind, slot in ('adam_m', 'momentum'), ('adam_v', 'velocity'):
        update.put(kind, numbers(dict(zip(weights, moments(optimizer, slot)))))
    update.put('after', numbers(all_weights))


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden)
    config = replay.config
    n, n_noise = config['batch_size'], config['n_noise']
    wide, narrow, rate = config['n_wide'], config['n_narrow'], config['learning_rate']
    G, D = generator(n_noise, wide, narrow), discriminator(wide, narrow)
    (weights_G, all_G), (weights_D, all_D) = named(G), named(D)
    all_weights = {**all_G, **all_D}
    for name, value in replay.weights().items():
        all_weights[name].assign(value)
    replay.start(numbers(all_weights))

    optimizer_D, optimizer_G = (
        keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-7)
        for _ in 'DG')
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    one, zero = tf.ones([n, 1]), tf.zeros([n, 1])
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        files.train_images[..., None].astype(np.float32) / 255 * 2 - 1,
        np.eye(10)[files.train_labels], rng)

    def draw_masks(update):
        for name in '1', '2':
            D.get_layer(name).mask = update.mask(name)

    for step in range(replay.n_steps):
        x, _ = images.next_batch(n, replace=True)
        update = replay.update(step, 'D_real')
        X = update.feed('X', x)
        draw_masks(update)
        with tf.GradientTape() as tape:
            logits = D(X, training=True)
            loss = bce(one, logits)
        gradients = tape.gradient(loss, D.trainable_variables)
        optimizer_D.apply(gradients, D.trainable_variables)
        put(update, optimizer_D, weights_D, all_weights, gradients, loss=loss,
            logit={'D_real': logits})

        z = rng.normal(size=(n, n_noise)).astype(np.float32)
        update = replay.update(step, 'D_fake')
        Z = update.feed('Z', z)
        draw_masks(update)
        fake = G(Z, training=False)     # by the moving averages
        with tf.GradientTape() as tape:
            logits = D(fake, training=True)
            loss = bce(zero, logits)
        gradients = tape.gradient(loss, D.trainable_variables)
        optimizer_D.apply(gradients, D.trainable_variables)
        put(update, optimizer_D, weights_D, all_weights, gradients, loss=loss,
            fake={'G': fake}, logit={'D_gene': logits})

        update = replay.update(step, 'G')
        Z = update.feed('Z', z)         # the same noise
        draw_masks(update)
        with tf.GradientTape() as tape:
            fake = G(Z, training=True)      # moves the moving averages
            logits = D(fake, training=True)
            loss = bce(one, logits)
        gradients = tape.gradient(loss, G.trainable_variables)
        optimizer_G.apply(gradients, G.trainable_variables)
        put(update, optimizer_G, weights_G, all_weights, gradients, loss=loss,
            fake={'G': fake}, logit={'D_gene': logits})
        if step % 200 == 0:     # the picture's noise
            rng.normal(size=(25, n_noise))
    return replay


if __name__ == '__main__':
    port('dcgan').save(sys.argv[1])
