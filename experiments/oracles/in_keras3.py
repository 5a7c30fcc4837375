"""The source of `dcgan` in its own framework, Keras 3 (on TensorFlow).

    python in_keras3.py TRACE OUT

Takes the steps of a trace (a path, or `dcgan` for the golden one) from its weights,
images, noise and dropout masks, by `train_on_batch` and `predict`, and writes what came
out as a trace.
"""

import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tf1gan import trace        # noqa: E402


def models(keras, config, dropout, adam=None):
    """Return (G, D, G and D in one), compiled.

    `keras` is Keras 3 or the Keras of TensorFlow 1.15; `config` has the sizes n_noise,
    n_wide and n_narrow; `dropout(number)` returns D's first or second dropout layer;
    `adam` is another optimizer in place of the Adam of `keras`.
    """
    layers = keras.layers
    wide, narrow = config['n_wide'], config['n_narrow']
    z = keras.Input((config['n_noise'],))
    x = layers.Dense(7 * 7 * wide)(z)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((7, 7, wide))(x)
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(narrow, 5, padding='same')(x)
    x = layers.BatchNormalization()(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.UpSampling2D()(x)
    G = keras.Model(z, layers.Conv2D(1, 5, padding='same', activation='tanh')(x))

    image = x = keras.Input((28, 28, 1))
    for number, filters in (1, narrow), (2, wide):
        x = layers.Conv2D(filters, 5, strides=2, padding='same')(x)
        x = layers.LeakyReLU(0.2)(x)
        x = dropout(number)(x)
    x = layers.Flatten()(x)
    D = keras.Model(image, layers.Dense(1, activation='sigmoid')(x))

    def compiled(model):
        model.compile(loss='binary_crossentropy', metrics=['accuracy'],
                      optimizer=(adam or keras.optimizers.Adam)(0.002, 0.5))

    compiled(D)
    D.trainable = False
    z = keras.Input((config['n_noise'],))
    both = keras.Model(z, D(G(z)))
    compiled(both)
    return G, D, both


def step(models, x, z):
    """Take a step of the tutorial as the source does."""
    G, D, both = models
    one, zero = np.ones((len(x), 1)), np.zeros((len(x), 1))
    D.trainable = True      # Keras 3 looks at it here, others where D was compiled
    D.train_on_batch(x, one)
    D.train_on_batch(G.predict(z, verbose=0), zero)
    D.trainable = False
    both.train_on_batch(z, one)


def main(given, out):
    """Take the steps, and note what comes out."""
    os.environ.update(KERAS_BACKEND='tensorflow', TF_CPP_MIN_LOG_LEVEL='2',
                      TF_ENABLE_ONEDNN_OPTS='0')    # before the import
    import keras
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    masks = {}

    class GivenDropout(keras.layers.Layer):
        """Dropout by a given mask, 0 or 1/(1 - rate), in place of a random one."""

        def call(self, x, training=None):
            """Drop what the mask drops, in training."""
            kept = tf.numpy_function(lambda: masks[self.name], [], tf.float32)
            return x * tf.reshape(kept, tf.shape(x)) if training else x

    noted = []

    class NotingAdam(keras.optimizers.Adam):
        """Adam that notes the gradients that it takes."""

        def apply(self, grads, trainable_variables=None):
            """Take a step."""
            def note(*arrays):
                noted.append(arrays)
                return arrays

            passed = tf.numpy_function(note, grads, [tf.float32] * len(grads))
            super().apply([tf.ensure_shape(array, grad.shape) for array, grad
                           in zip(passed, grads)], trainable_variables)

    replay = trace.Replay(given)
    G, D, both = models(keras, replay.config,
                        lambda number: GivenDropout(name=str(number)), NotingAdam)
    names = {player: [name for name in replay.weights() if name[0] == player]
             for player in 'GD'}
    variables = {}
    for model, player in (G, 'G'), (D, 'D'):
        model.set_weights([replay.weights()[name] for name in names[player]])
        variables.update(zip(names[player], model.weights))

    def weights():
        return {name: variable.numpy() for name, variable in variables.items()}

    replay.start(weights())
    for update in replay:
        for number in '12':
            masks[number] = update.mask(number)
        model = both if update.name == 'G' else D
        if update.name == 'D_real':
            inputs = update.feed('X')
        else:
            inputs = update.feed('Z')
        if update.name == 'D_fake':
            inputs = G.predict(inputs, verbose=0)
            update.put('fake', {'G': inputs})
        target = np.full((len(inputs), 1), 0. if update.name == 'D_fake' else 1.)
        D.trainable = model is D    # as the source toggles it; Keras 3 looks at it here
        trained = [name for name in names[update.name[0]]
                   if not name.endswith(('_mean', '_variance'))]
        model.reset_metrics()       # the loss is a running mean in some releases
        update.put('loss', model.train_on_batch(inputs, target)[0])
        update.put('grad', dict(zip(trained, noted.pop())))
        for kind, word in ('adam_m', '_momentum'), ('adam_v', '_velocity'):
            update.put(kind, dict(zip(trained, (
                moment.numpy() for moment in model.optimizer.variables
                if moment.name.endswith(word)))))
        update.put('after', weights())
    replay.save(out, keras=keras.__version__, tensorflow=tf.__version__)


if __name__ == '__main__':
    main(*sys.argv[1:])
