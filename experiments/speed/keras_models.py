"""The two convolutional tutorials' models as Keras itself has them, sources of oracles.

Every function takes the `keras` module: that of TF 1.15, or Keras 3. Nothing here is of
tf1gan. With `masks` D has no dropout layers but takes their masks as inputs, to be 0 or
1/(1 - rate), so that a step can be taken with known ones.
"""

import numpy as np


def dcgan(keras, masks=False):
    """Return (G, D, G and D in one), compiled, of the DCGAN tutorial."""
    layers = keras.layers
    z = keras.Input((100,))
    x = layers.Dense(7 * 7 * 128)(z)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((7, 7, 128))(x)
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(64, 5, padding='same')(x)
    x = layers.BatchNormalization()(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.UpSampling2D()(x)
    G = keras.Model(z, layers.Conv2D(1, 5, padding='same', activation='tanh')(x))

    shapes = [(14, 14, 64), (7, 7, 128)] if masks else []
    mask_inputs = [keras.Input(shape) for shape in shapes]
    image = x = keras.Input((28, 28, 1))
    for i, filters in enumerate((64, 128)):
        x = layers.Conv2D(filters, 5, strides=2, padding='same')(x)
        x = layers.LeakyReLU(0.2)(x)
        x = (layers.Multiply()([x, mask_inputs[i]]) if masks
             else layers.Dropout(0.3)(x))
    x = layers.Flatten()(x)
    D = keras.Model(_one([image, *mask_inputs]),
                    layers.Dense(1, activation='sigmoid')(x))

    def compiled(model):
        model.compile(loss='binary_crossentropy', metrics=['accuracy'],
                      optimizer=keras.optimizers.Adam(0.002, 0.5))

    compiled(D)
    D.trainable = False
    z = keras.Input((100,))
    mask_inputs = [keras.Input(shape) for shape in shapes]
    both = keras.Model(_one([z, *mask_inputs]), D(_one([G(z), *mask_inputs])))
    compiled(both)
    return G, D, both


def conditional(keras, masks=False):
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

    shapes = [(256,)] if masks else []
    mask_inputs = [keras.Input(shape) for shape in shapes]
    images = [keras.Input((28, 28, 1)), keras.Input((28, 28, 10))]
    x = layers.Concatenate()(images)
    x = layers.Conv2D(64, 5, strides=2, padding='same')(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(128, 5, strides=2, padding='valid')(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256)(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Multiply()([x, *mask_inputs]) if masks else layers.Dropout(0.5)(x)
    D = keras.Model([*images, *mask_inputs], layers.Dense(1, activation='sigmoid')(x))

    D.compile(loss='binary_crossentropy', optimizer=keras.optimizers.Adam(1e-5, 0.1))
    D.trainable = False
    z = [keras.Input((100,)), keras.Input((10,))]
    others = [keras.Input((28, 28, 10)), *[keras.Input(shape) for shape in shapes]]
    both = keras.Model([*z, *others], D([G(z), *others]))
    both.compile(loss='binary_crossentropy', optimizer=keras.optimizers.Adam(8e-5, 0.5))
    return G, D, both


def dcgan_step(models, x, z):
    """Take a step of the DCGAN tutorial; return what its three updates report."""
    G, D, both = models
    one, zero = np.ones((len(x), 1)), np.zeros((len(x), 1))
    real = D.train_on_batch(x, one)
    fake = D.train_on_batch(G.predict(z), zero)
    return real, fake, both.train_on_batch(z, one)


def conditional_step(models, x, labels, z_D, z_G):
    """Take a step of the conditional tutorial; return what its two updates report.

    `z_D` and `z_G` are pairs of noise and one-hot labels, as `labels` are.
    """
    G, D, both = models
    images = np.concatenate([x, G.predict(list(z_D))])
    targets = np.repeat([[1.], [0.]], len(x), axis=0)
    loss_D = D.train_on_batch(
        [images, planes(np.concatenate([labels, z_D[1]]))], targets)
    return loss_D, both.train_on_batch([*z_G, planes(z_G[1])], np.ones((len(x), 1)))


def planes(labels):
    """Return the label planes [n, 28, 28, 10] of one-hot labels [n, 10]."""
    return np.broadcast_to(labels[:, None, None, :], (len(labels), 28, 28, 10))


def _one(inputs):
    """Return the only one of `inputs`, or all of several."""
    return inputs if len(inputs) > 1 else inputs[0]
