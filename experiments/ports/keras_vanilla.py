"""tf1gan.vanilla in TensorFlow 2 and Keras 3: python keras_vanilla.py mine.npz

Replays the golden trace's steps with its weights, on images and noise of its own, and
writes its own trace, for `python -m tf1gan.compare vanilla mine.npz`. Every array lies
as in TensorFlow 1, and Keras's Adam has its epsilon where TensorFlow 1 has it.
"""

import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')      # no chatter: before the import
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')     # which has a notice of its own
import keras                        # noqa: E402
import numpy as np                  # noqa: E402
import tensorflow as tf             # noqa: E402

from tf1gan import mnist, trace     # noqa: E402


def network(n_in, n_hidden, n_out, activation=None):
    """Return either network: [n, n_in] to [n, n_out]; D's gives logits."""
    return keras.Sequential([
        keras.Input((n_in,)),
        keras.layers.Dense(n_hidden, activation='relu'),
        keras.layers.Dense(n_out, activation=activation)])


def named(player, variables):
    """Return a network's variables, or their gradients, by their names in the trace."""
    return dict(zip([f'{player}_{name}' for name in ('W1', 'b1', 'W2', 'b2')],
                    variables))


def moments(optimizer, kind):
    """Return Adam's `momentum` or `velocity` of every variable, in their order."""
    return [v for v in optimizer.variables if v.name.endswith('_' + kind)]


def numbers(variables):
    """Return variables as NumPy arrays, by name."""
    return {name: variable.numpy() for name, variable in variables.items()}


def put(update, optimizer, weights, player, gradients, **seen):
    """Record what an update saw and did."""
    for kind, value in seen.items():
        update.put(kind, value)
    update.put('grad', named(player, gradients))
    for kind, slot in ('adam_m', 'momentum'), ('adam_v', 'velocity'):
        update.put(kind, numbers(named(player, moments(optimizer, slot))))
    update.put('after', numbers(weights))


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden)
    config = replay.config
    n, n_noise, n_hidden = config['batch_size'], config['n_noise'], config['n_hidden']
    G, D = network(n_noise, n_hidden, 784, 'sigmoid'), network(784, n_hidden, 1)
    weights = {**named('G', G.variables), **named('D', D.variables)}
    for name, value in replay.weights().items():
        weights[name].assign(value)
    replay.start(numbers(weights))

    optimizer_D, optimizer_G = (
        keras.optimizers.Adam(config['learning_rate'], epsilon=1e-8)
        for _ in 'DG')
    rng = np.random.RandomState(replay.seed)
    images = mnist.load(None, rng).train        # 55,000, in [0, 1]
    for step in range(replay.n_steps):
        x, _ = images.next_batch(n)
        z = rng.normal(size=(n, n_noise)).astype(np.float32)

        update = replay.update(step, 'D')
        X, Z = update.feed('X', x), update.feed('Z', z)
        fake = G(Z)
        with tf.GradientTape() as tape:
            real, gene = D(X), D(fake)
            loss_D = tf.reduce_mean(tf.math.log(tf.sigmoid(real))
                                    + tf.math.log(1 - tf.sigmoid(gene)))
            down = -loss_D
        gradients = tape.gradient(down, D.trainable_variables)
        optimizer_D.apply(gradients, D.trainable_variables)
        put(update, optimizer_D, weights, 'D', gradients, fake={'G': fake}, loss=loss_D,
            logit={'D_real': real, 'D_gene': gene})

        update = replay.update(step, 'G')
        Z = update.feed('Z', z)         # the same noise
        with tf.GradientTape() as tape:
            fake = G(Z)
            gene = D(fake)
            loss_G = tf.reduce_mean(tf.math.log(tf.sigmoid(gene)))
            down = -loss_G
        gradients = tape.gradient(down, G.trainable_variables)
        optimizer_G.apply(gradients, G.trainable_variables)
        put(update, optimizer_G, weights, 'G', gradients, fake={'G': fake}, loss=loss_G,
            logit={'D_gene': gene})
    return replay


if __name__ == '__main__':
    port('vanilla').save(sys.argv[1])
