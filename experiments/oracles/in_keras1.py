"""The source of `conditional` in its own release, Keras 1.2.2.

    python in_keras1.py TRACE OUT [--ungated]

Takes the steps of a trace (a path, or `conditional` for the golden one) from its
weights, images, labels, noise and dropout masks, by `train_on_batch` and `predict`, and
writes what came out as a trace.

Keras 1.2.2 lets a weight move as soon as its own gradient is known. So the gradients of
the layers below may be computed with the moved weight, if its kernel runs first. Here
every gradient is computed first; with --ungated it is as in the release.
"""

import os
import sys
from pathlib import Path

os.environ.update(KERAS_BACKEND='tensorflow', TF_CPP_MIN_LOG_LEVEL='2')  # first of all
import keras                    # noqa: E402
import numpy as np              # noqa: E402
import tensorflow as tf         # noqa: E402
from keras import backend as K  # noqa: E402
from keras.layers import (      # noqa: E402
    Activation, BatchNormalization, Convolution2D, Dense, Dropout, Flatten, Input,
    LeakyReLU, Reshape, UpSampling2D, merge)
from keras.models import Model              # noqa: E402
from keras.optimizers import Adam           # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tf1gan import trace        # noqa: E402


class GivenDropout(Dropout):
    """Dropout by a given mask, 0 or 1/(1 - p), in place of a random one."""

    given = None

    def call(self, x, mask=None):
        """Drop what `given` drops, in training."""
        kept = tf.py_func(lambda: self.given, [], tf.float32)
        return K.in_train_phase(x * tf.reshape(kept, tf.shape(x)), x)


def generator(config):
    """Return G: noise and one-hot labels to images."""
    wide = config['n_wide']
    inputs = [Input((config['n_noise'],)), Input((10,))]
    x = merge(inputs, mode='concat')
    for units in config['n_dense_G'], 7 * 7 * wide:
        x = Activation('relu')(BatchNormalization()(Dense(units)(x)))
    x = UpSampling2D((2, 2))(Reshape((7, 7, wide))(x))
    x = Convolution2D(config['n_narrow'], 5, 5, border_mode='same')(x)
    x = UpSampling2D((2, 2))(Activation('relu')(BatchNormalization()(x)))
    x = Convolution2D(1, 5, 5, border_mode='same')(x)
    return Model(inputs, Activation('tanh')(x))


def discriminator(config, dropout):
    """Return D: images and label planes to probabilities."""
    inputs = [Input((28, 28, 1)), Input((28, 28, 10))]
    x = merge(inputs, mode='concat', concat_axis=-1)
    x = Convolution2D(config['n_narrow'], 5, 5, subsample=(2, 2), border_mode='same')(x)
    x = LeakyReLU(0.2)(x)
    x = Convolution2D(config['n_wide'], 5, 5, subsample=(2, 2))(x)
    x = Flatten()(LeakyReLU(0.2)(x))
    x = dropout(LeakyReLU(0.2)(Dense(config['n_dense_D'])(x)))
    return Model(inputs, Activation('sigmoid')(Dense(1)(x)))


def compiled(model, rate, beta):
    """Return a model, compiled, with what K.function wants to have its gradients."""
    model.compile(loss='binary_crossentropy', optimizer=Adam(lr=rate, beta_1=beta))
    logits = model.outputs[0].op.inputs[0]
    while logits.op.type == 'Identity':
        logits = logits.op.inputs[0]
    return K.function(model.inputs + model.targets + model.sample_weights
                      + [K.learning_phase()],
                      [logits] + K.gradients(model.total_loss, model.trainable_weights))


def gated(loss, variables):
    """Return the gradients; none of an op's is used before all of them are there."""
    return tf.gradients(loss, variables, colocate_gradients_with_ops=True,
                        gate_gradients=True)


def planes(labels):
    """Return the label planes [n, 28, 28, 10] of one-hot labels [n, 10]."""
    return np.broadcast_to(labels[:, None, None, :], (len(labels), 28, 28, 10))


def main(given, out):
    """Take the steps."""
    K.set_session(tf.Session(config=tf.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)))
    replay = trace.Replay(given)
    dropout = GivenDropout(0.5)
    G, D = generator(replay.config), discriminator(replay.config, dropout)
    look_D = compiled(D, 1e-5, 0.1)
    D.trainable = False
    z, labels, label_planes = (Input((replay.config['n_noise'],)), Input((10,)),
                               Input((28, 28, 10)))
    both = Model([z, labels, label_planes], D([G([z, labels]), label_planes]))
    look_G = compiled(both, 8e-5, 0.5)
    names = {player: [name for name in replay.weights() if name[0] == player]
             for player in 'GD'}
    for model, player in (G, 'G'), (D, 'D'):
        model.set_weights([replay.weights()[name] for name in names[player]])

    def weights():
        return dict(zip(names['G'] + names['D'], G.get_weights() + D.get_weights()))

    replay.start(weights())
    for update in replay:
        noise = [update.feed('Z'), update.feed('Z_labels')]
        dropout.given = update.mask('1')
        if update.name == 'D':
            fakes = G.predict(noise)
            model, look, logit = D, look_D, 'D'
            images = np.concatenate([update.feed('X'), fakes])
            labels = np.concatenate([update.feed('X_labels'), noise[1]])
            inputs = [images, planes(labels)]
            target = np.repeat([[1.], [0.]], len(fakes), axis=0)
            update.put('fake', {'G': fakes})
        else:
            model, look, logit = both, look_G, 'D_gene'
            inputs, target = [*noise, planes(noise[1])], np.ones((len(noise[0]), 1))
        logits, *gradients = look([*inputs, target, np.ones(len(target)), 1.])
        update.put('logit', {logit: logits})
        trained = [name for name in names[update.name]
                   if not name.endswith(('_mean', '_variance'))]
        update.put('grad', dict(zip(trained, gradients)))
        update.put('loss', model.train_on_batch(inputs, target))
        update.put('after', weights())
    replay.save(out, keras=keras.__version__, tensorflow=tf.__version__)


if __name__ == '__main__':
    if '--ungated' not in sys.argv:
        K.gradients = gated
    main(*sys.argv[1:3])
