"""tf1gan.conditional in TensorFlow 2 and Keras 3: python keras_conditional.py mine.npz

Replays the golden trace's steps with its weights and dropout masks, on images, noise
and labels of its own, and writes its own trace, for `python -m tf1gan.compare
conditional mine.npz`. Every array lies as in TensorFlow 1, images [n, height, width,
channels], and Keras's Adam has its epsilon where TensorFlow 1 has it.
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


class Dropout(layers.Layer):
    """Dropout whose mask comes from the trace: `mask` before every update of D or G."""

    mask = None

    def call(self, x, training=None):
        """Drop what the mask drops; eagerly, as tf.function would keep one mask."""
        return x * self.mask if training else x


def bce(logits, targets):
    """Return Keras 1's binary cross-entropy: of a clipped probability's logit."""
    p = tf.clip_by_value(tf.sigmoid(logits), 1e-7, 1 - 1e-7)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
        targets, tf.math.log(p / (1 - p))))


def generator(n_noise, n_dense, wide, narrow):
    """Return G: noise [n, n_noise], labels [n, 10] to images [n, 28, 28, 1] in (-1, 1).

    The labels are one-hot.
    """
    z, labels = keras.Input((n_noise,)), keras.Input((10,))
    x = layers.Concatenate()([z, labels])
    x = layers.Dense(n_dense, name='G_1')(x)
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name='G_norm1')(x)
    x = layers.ReLU()(x)
    x = layers.Dense(7 * 7 * wide, name='G_2')(x)
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name='G_norm2')(x)
    x = layers.ReLU()(x)
    x = layers.Reshape((7, 7, wide))(x)
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(narrow, 5, padding='same', name='G_3')(x)
    x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name='G_norm3')(x)
    x = layers.ReLU()(x)
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(1, 5, padding='same', activation='tanh', name='G_4')(x)
    return keras.Model([z, labels], x)


def discriminator(n_dense, wide, narrow):
    """Return D: images [n, 28, 28, 1] and one-hot labels [n, 10] to logits [n, 1]."""
    image, labels = keras.Input((28, 28, 1)), keras.Input((10,))
    planes = layers.UpSampling2D(28)(layers.Reshape((1, 1, 10))(labels))
    x = layers.Concatenate()([image, planes])       # [n, 28, 28, 11]
    x = layers.Conv2D(narrow, 5, strides=2, padding='same', name='D_1')(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(wide, 5, strides=2, padding='valid', name='D_2')(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(n_dense, name='D_3')(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = Dropout(name='1')(x)
    return keras.Model([image, labels], layers.Dense(1, name='D_4')(x))


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
    wide, narrow = config['n_wide'], config['n_narrow']
    G = generator(n_noise, config['n_dense_G'], wide, narrow)
    D = discriminator(config['n_dense_D'], wide, narrow)
    (weights_G, all_G), (weights_D, all_D) = named(G), named(D)
    all_weights = {**all_G, **all_D}
    for name, value in replay.weights().items():
        all_weights[name].assign(value)
    replay.start(numbers(all_weights))

    optimizer_D = keras.optimizers.Adam(config['learning_rate_D'], beta_1=0.1,
                                        epsilon=1e-8)
    optimizer_G = keras.optimizers.Adam(config['learning_rate_G'], beta_1=0.5,
                                        epsilon=1e-8)
    one, zero = tf.ones([n, 1]), tf.zeros([n, 1])
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        (files.train_images[..., None].astype(np.float32) - 127.5) / 127.5,
        np.eye(10)[files.train_labels], rng)
    n_batches = images.num_examples // n

    def draw_noise(n):
        z = rng.uniform(-1, 1, size=(n, n_noise)).astype(np.float32)
        return z, np.eye(10, dtype=np.float32)[rng.randint(10, size=n)]

    for step in range(replay.n_steps):
        if step % n_batches % 500 == 0:     # the sheet's noise
            draw_noise(100)
        x, x_labels = images.next_batch(n, shuffle=False)   # in the order of the file
        z, z_labels = draw_noise(n)
        update = replay.update(step, 'D')
        X = update.feed('X', x)
        X_labels = update.feed('X_labels', x_labels.astype(np.float32))
        Z, Z_labels = update.feed('Z', z), update.feed('Z_labels', z_labels)
        D.get_layer('1').mask = update.mask('1')
        fake = G([Z, Z_labels], training=False)     # by the moving averages
        with tf.GradientTape() as tape:
            logits = D([tf.concat([X, fake], 0), tf.concat([X_labels, Z_labels], 0)],
                       training=True)
            loss = bce(logits, tf.concat([one, zero], 0))
        gradients = tape.gradient(loss, D.trainable_variables)
        optimizer_D.apply(gradients, D.trainable_variables)
        put(update, optimizer_D, weights_D, all_weights, gradients, loss=loss,
            fake={'G': fake}, logit={'D': logits})

        z, z_labels = draw_noise(n)     # fresh noise and labels
        update = replay.update(step, 'G')
        Z = tf.constant(update.feed('Z', z))
        Z_labels = tf.constant(update.feed('Z_labels', z_labels))
        D.get_layer('1').mask = update.mask('1')
        with tf.GradientTape() as tape:
            fake = G([Z, Z_labels], training=True)      # moves the moving averages
            logits = D([fake, Z_labels], training=True)
            loss = bce(logits, one)
        gradients = tape.gradient(loss, G.trainable_variables)
        optimizer_G.apply(gradients, G.trainable_variables)
        put(update, optimizer_G, weights_G, all_weights, gradients, loss=loss,
            fake={'G': fake}, logit={'D_gene': logits})
    return replay


if __name__ == '__main__':
    port('conditional').save(sys.argv[1])
