"""The conditional tutorial's models for the Keras inside TF 1.15.

experiments/oracles/in_keras1.py has them for Keras 1.2.2, the source's own release.
"""

import numpy as np


def models(keras):
    """Return (G, D, G and D in one), compiled, of the conditional tutorial.

    G takes noise and one-hot labels, D images and label planes, both all three.
    """
    layers = keras.layers
    inputs = [keras.Input((100,)), keras.Input((10,))]
    x = layers.Concatenate()(inputs)
    for units in 1024, 7 * 7 * 128:
        x = layers.Dense(units)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation('relu')(x)
    x = layers.Reshape((7, 7, 128))(x)
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(64, 5, padding='same')(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation('relu')(x)
    x = layers.UpSampling2D()(x)
    G = keras.Model(inputs, layers.Conv2D(1, 5, padding='same', activation='tanh')(x))

    images = [keras.Input((28, 28, 1)), keras.Input((28, 28, 10))]
    x = layers.Concatenate()(images)
    x = layers.Conv2D(64, 5, strides=2, padding='same')(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(128, 5, strides=2, padding='valid')(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256)(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Dropout(0.5)(x)
    D = keras.Model(images, layers.Dense(1, activation='sigmoid')(x))

    D.compile(loss='binary_crossentropy', optimizer=keras.optimizers.Adam(1e-5, 0.1))
    D.trainable = False
    z = [keras.Input((100,)), keras.Input((10,))]
    label_planes = keras.Input((28, 28, 10))
    both = keras.Model([*z, label_planes], D([G(z), label_planes]))
    both.compile(loss='binary_crossentropy', optimizer=keras.optimizers.Adam(8e-5, 0.5))
    return G, D, both


def step(models, x, labels, z_D, z_G):
    """Take a step of the conditional tutorial; return what its two updates report.

    `z_D` and `z_G` are pairs of noise and one-hot labels, as `labels` are.
    """
    G, D, both = models
    images = np.concatenate([x, G.predict(list(z_D), verbose=0)])
    targets = np.repeat([[1.], [0.]], len(x), axis=0)
    D.trainable = True      # Keras 3 looks at it here, others where D was compiled
    loss_D = D.train_on_batch(
        [images, planes(np.concatenate([labels, z_D[1]]))], targets)
    D.trainable = False
    return loss_D, both.train_on_batch([*z_G, planes(z_G[1])], np.ones((len(x), 1)))


def planes(labels):
    """Return the label planes [n, 28, 28, 10] of one-hot labels [n, 10]."""
    return np.broadcast_to(labels[:, None, None, :], (len(labels), 28, 28, 10))
