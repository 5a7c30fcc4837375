"""The conditional DCGAN of the Keras tutorial: `python -m tf1gan.conditional`.

Noise 100 and a label 10 -> dense 1024, BN, relu -> dense 7x7x128, BN, relu -> 14x14
conv 64, BN, relu -> 28x28 conv 1 tanh, 6,778,369 parameters, against an image and ten
label planes, 11 channels -> conv 64 -> conv 128 -> dense 256 -> dense 1 sigmoid,
1,042,305; kernels 5x5, images in [-1, 1].

As found (oddities of the source, kept):
  - batches in the order of the file, never shuffled;
  - D's second convolution is VALID, 14 -> 5, where its first is SAME;
  - a layer before a batch normalization has a bias, which changes nothing in training
    mode;
  - D's fakes come from G in inference mode, by its moving averages; G's own update
    draws fresh noise and labels, in training mode;
  - D's dropout is on while G trains;
  - a sheet is drawn before its batch's updates, not after;
  - batch size, epochs, both Adams' numbers, the noise's law, the order of batches, the
    sheet and its file names are those of the code that the tutorial links to, because
    the tutorial has none of them.
Guesses (the source does not say):
  - the release of Keras: 1.2.2, the last of the API that the tutorial is written for.
    So both Adams add 1e-8; every moving variance takes in the biased variance; and the
    cross-entropy clips the probability to [1e-7, 1 - 1e-7] and makes a logit of it
    again, so a D that is sure gives no gradient;
  - the noise has 100 numbers, as the tutorial says: the code it links to has 1,000;
  - a sheet's noise is fresh.
Departures (what this module does and the source does not):
  - every batch's losses are on the progress bar and in the log; what is printed is a
    line an epoch, with the last batch's;
  - if the batch size does not divide the number of images (it does for MNIST), one
    batch runs on from the last image to the first;
  - one more sheet is drawn after the last batch;
  - dropout masks come from a seed and a count, not from a hidden state: a resumed run
    draws the same ones;
  - all gradients are computed before a weight moves. Keras 1.2.2 lets each weight move
    as soon as its own gradient is known, so others may be computed with the moved
    weight: which comes first differs from run to run. Its count of updates has such a
    race too, and ours has none;
  - D is frozen in G's update by a var_list, not by toggling `trainable`;
  - a loss that is not finite ends the run, unless --keep-going is given.

Source: the tutorial's facts. It is for Keras 1, and has its initial values, losses and
Adam.
"""

import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import command, mnist, pictures
from tf1gan.contract import Update
from tf1gan.nn import (batch_norm, batch_norm_variables, bce_clipped, conv,
                       dropout_mask, glorot, upsample, zeros)
from tf1gan.tf1 import tf


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers."""

    epochs: int = 50                    # passes over the 60,000 training images
    batch_size: int = 32                # images of either kind a step
    n_noise: int = 100                  # Guess: length of a noise vector
    n_dense_G: int = 1024               # units of G's first layer
    n_wide: int = 128                   # channels of G's first images, D's second layer
    n_narrow: int = 64                  # channels of G's second images, D's first layer
    n_dense_D: int = 256                # units of D's last hidden layer
    learning_rate_D: float = 0.00001    # As found: of D's Adam
    learning_rate_G: float = 0.00008    # As found: of G's Adam
    beta1_D: float = 0.1                # As found: of D's Adam
    beta1_G: float = 0.5                # As found: of G's Adam
    epsilon: float = 1e-8               # Guess: of both Adams, as Keras 1 has it
    slope: float = 0.2                  # of every LeakyReLU
    dropout: float = 0.5                # of D: the rate
    momentum: float = 0.99              # of the moving averages
    norm_epsilon: float = 1e-3          # of the batch normalizations


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images [n, 28, 28, 1] in the file's order, in [-1, 1]."""
    images = (files.train_images[..., None].astype(np.float32) - 127.5) / 127.5
    return mnist.DataSet(images, np.eye(10)[files.train_labels], rng)


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'                  # [n, 28, 28, 1], in [-1, 1]
    X_labels: 'tf.Tensor'           # [n, 10], one-hot
    Z: 'tf.Tensor'                  # [m, n_noise]
    Z_labels: 'tf.Tensor'           # [m, 10], one-hot
    G: 'tf.Tensor'                  # [m, 28, 28, 1], in (-1, 1): inference mode
    updates: Dict[str, Update]      # of D and G; losses in nats, to lower


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        wide, narrow = config.n_wide, config.n_narrow
        n_dense_G, n_dense_D = config.n_dense_G, config.n_dense_D
        slope = config.slope
        X = tf.placeholder(tf.float32, [None, 28, 28, 1], name='X')
        X_labels = tf.placeholder(tf.float32, [None, 10], name='X_labels')
        Z = tf.placeholder(tf.float32, [None, config.n_noise], name='Z')
        Z_labels = tf.placeholder(tf.float32, [None, 10], name='Z_labels')

        G_W1 = glorot([config.n_noise + 10, n_dense_G], 'G_W1')
        G_b1 = zeros(n_dense_G, 'G_b1')     # As found: before a batch normalization.
        G_norm1 = batch_norm_variables(n_dense_G, 'G_norm1')
        G_W2 = glorot([n_dense_G, 7 * 7 * wide], 'G_W2')
        G_b2 = zeros(7 * 7 * wide, 'G_b2')
        G_norm2 = batch_norm_variables(7 * 7 * wide, 'G_norm2')
        G_W3 = glorot([5, 5, wide, narrow], 'G_W3')
        G_b3 = zeros(narrow, 'G_b3')
        G_norm3 = batch_norm_variables(narrow, 'G_norm3')
        G_W4 = glorot([5, 5, narrow, 1], 'G_W4')
        G_b4 = zeros(1, 'G_b4')
        G_var_list = [G_W1, G_b1, G_norm1.gamma, G_norm1.beta, G_W2, G_b2,
                      G_norm2.gamma, G_norm2.beta, G_W3, G_b3, G_norm3.gamma,
                      G_norm3.beta, G_W4, G_b4]

        D_W1 = glorot([5, 5, 1 + 10, narrow], 'D_W1')
        D_b1 = zeros(narrow, 'D_b1')
        D_W2 = glorot([5, 5, narrow, wide], 'D_W2')
        D_b2 = zeros(wide, 'D_b2')
        D_W3 = glorot([5 * 5 * wide, n_dense_D], 'D_W3')
        D_b3 = zeros(n_dense_D, 'D_b3')
        D_W4 = glorot([n_dense_D, 1], 'D_W4')
        D_b4 = zeros(1, 'D_b4')
        D_var_list = [D_W1, D_b1, D_W2, D_b2, D_W3, D_b3, D_W4, D_b4]
        n_masks = tf.Variable(np.int64(0), trainable=False, name='n_masks')

        def norm(x, variables, updates):
            # Guess: biased, as Keras 1 has it.
            return batch_norm(x, variables, updates, config.momentum,
                              config.norm_epsilon, biased=True)

        def generator(z, labels, updates=None):     # None: inference mode
            x = tf.concat([z, labels], 1)                           # [m, n_noise + 10]
            x = tf.nn.relu(norm(tf.matmul(x, G_W1) + G_b1, G_norm1, updates))
            x = tf.nn.relu(norm(tf.matmul(x, G_W2) + G_b2, G_norm2, updates))
            x = upsample(tf.reshape(x, [-1, 7, 7, wide]))           # [m, 14, 14, wide]
            x = norm(conv(x, G_W3, G_b3, 1, 'SAME'), G_norm3, updates)
            x = upsample(tf.nn.relu(x))                            # [m, 28, 28, narrow]
            x = conv(x, G_W4, G_b4, 1, 'SAME')                      # [m, 28, 28, 1]
            return tf.nn.tanh(x, name='G')

        def discriminator(x, labels, masks):
            planes = labels[:, None, None, :] * tf.ones([28, 28, 10])
            x = tf.concat([x, planes], 3)                           # [n, 28, 28, 11]
            x = tf.nn.leaky_relu(conv(x, D_W1, D_b1, 2, 'SAME'), slope)     # 28 -> 14
            # As found: VALID here.
            x = tf.nn.leaky_relu(conv(x, D_W2, D_b2, 2, 'VALID'), slope)  # 14 -> 5
            x = tf.reshape(x, [-1, 5 * 5 * wide])
            x = tf.nn.leaky_relu(tf.matmul(x, D_W3) + D_b3, slope) * masks[0]
            return tf.matmul(x, D_W4) + D_b4                        # [n, 1]

        def draw_masks(x):
            return [dropout_mask([tf.shape(x)[0], n_dense_D], config.dropout, seed,
                                 n_masks)]

        G_averages = []     # the ops that move them
        G = generator(Z, Z_labels)
        G_training = generator(Z, Z_labels, G_averages)
        # As found: the fakes are G's in inference mode.
        images = tf.concat([X, tf.stop_gradient(G)], 0)             # [n + m, 28, 28, 1]
        masks_D, masks_G = draw_masks(images), draw_masks(Z)
        logits_D = discriminator(images, tf.concat([X_labels, Z_labels], 0), masks_D)
        # As found: dropout is on.
        logits_G = discriminator(G_training, Z_labels, masks_G)

        n = tf.shape(X)[0]
        targets = tf.concat([tf.ones_like(logits_D[:n]), tf.zeros_like(logits_D[n:])],
                            0)
        # Guess: as Keras 1 has it, clipped.
        loss_D = bce_clipped(logits_D, targets)
        loss_G = bce_clipped(logits_G, 1.)

        optimizer_D = tf.train.AdamOptimizer(config.learning_rate_D, config.beta1_D,
                                             epsilon=config.epsilon, name='Adam_D')
        optimizer_G = tf.train.AdamOptimizer(config.learning_rate_G, config.beta1_G,
                                             epsilon=config.epsilon, name='Adam_G')
        gradients_D = optimizer_D.compute_gradients(loss_D, D_var_list)
        gradients_G = optimizer_G.compute_gradients(loss_G, G_var_list)

        def update(optimizer, gradients, masks, others=()):
            with tf.control_dependencies(masks):
                count = tf.assign_add(n_masks, 1)
            return tf.group(optimizer.apply_gradients(gradients), count, *others)

        train_D = update(optimizer_D, gradients_D, masks_D)
        train_G = update(optimizer_G, gradients_G, masks_G, G_averages)
        init = tf.global_variables_initializer()
        terms_D = {'the logit of D(x)': logits_D[:n],
                   'the logit of D(G(z))': logits_D[n:]}
    return Model(
        graph=graph, init=init, X=X, X_labels=X_labels, Z=Z, Z_labels=Z_labels, G=G,
        updates={
            'D': Update(train_D, loss_D, gradients_D, terms=terms_D,
                        fakes=G, logits={'D': logits_D}, masks=masks_D),
            'G': Update(train_G, loss_G, gradients_G,
                        terms={'the logit of D(G(z))': logits_G},
                        fakes=G_training, logits={'D_gene': logits_G}, masks=masks_G)})


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int,
          config: Config) -> Tuple[np.ndarray, np.ndarray]:
    """Draw `n` noise vectors from U(-1, 1), [n, n_noise], and `n` labels, [n, 10].

    Both float64, the labels one-hot, uniform over the digits.
    """
    z = rng.uniform(-1, 1, size=(n, config.n_noise))
    return z, np.eye(10)[rng.randint(10, size=n)]


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D on images and generated ones in one batch, then G on fresh noise.

    Returns both losses (nats) from before their updates.
    """
    D, G, n = model.updates['D'], model.updates['G'], config.batch_size
    x, labels = next_batch(n, shuffle=False)    # As found: in the order of the file.
    z, wanted = draw_noise(n)
    _, loss_D = sess.run([D.train, D.loss], {model.X: x, model.X_labels: labels,
                                             model.Z: z, model.Z_labels: wanted})
    z, wanted = draw_noise(n)
    _, loss_G = sess.run([G.train, G.loss], {model.Z: z, model.Z_labels: wanted})
    return {'loss_D': loss_D, 'loss_G': loss_G}


# --- Sample ---------------------------------------------------------------------------

LOG_EVERY = 1   # steps between two rows of the log


def line(done: int, n_batches: int, losses: Dict[str, float]) -> Optional[str]:
    """Return the line of an epoch, with `done` steps taken."""
    if done % n_batches:
        return None
    return (f'epoch: {done // n_batches - 1} d_loss: {losses["loss_D"]:.6f} '
            f'g_loss: {losses["loss_G"]:.6f}')


def picture(done: int, n_batches: int, config: Config) -> Optional[str]:
    """Name the sheet that is due: before every 500th batch of an epoch."""
    # As found: `done` counts the steps before it.
    epoch, batch = divmod(done, n_batches)
    return f'{epoch:04d}_{batch:04d}.png' if batch % 500 == 0 else None


def sample(sess, model: Model, config: Config, draw_noise) -> bytes:
    """Return the PNG of a sheet of 10x10 raw images, one digit a column."""
    z, _ = draw_noise(100)      # Guess: fresh.
    digits = np.eye(10)[np.arange(100) % 10]
    samples = sess.run(model.G, {model.Z: z, model.Z_labels: digits})
    return pictures.sheet((samples * 127.5 + 127.5).astype(np.uint8)[..., 0], 10)


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return losses.png: both losses of every batch."""
    return {'losses.png': pictures.curves(
        {name: [row[name] for row in rows] for name in ('loss_D', 'loss_G')},
        'batch', 'loss (nats)')}


if __name__ == '__main__':
    command.main(sys.modules[__name__])
