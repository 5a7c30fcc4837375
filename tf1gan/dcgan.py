"""The DCGAN of the Keras tutorial: `python -m tf1gan.dcgan`.

Noise 100 -> dense 7x7x128, LeakyReLU, BN -> 14x14 conv 64, BN, LeakyReLU -> 28x28 conv
1 tanh, 865,281 parameters, against conv 64 -> conv 128 -> dense 1 sigmoid, 212,865;
kernels 5x5, images in [-1, 1]. What the source calls an epoch is one step.

As found (oddities of the source, kept):
  - an epoch is one step, and there are 10,001;
  - a batch is drawn with replacement, so that no pass over the data is ever complete;
  - G's first layer normalizes after the activation, and over all 6,272 units;
  - a convolution before a batch normalization has a bias, which changes nothing in
    training mode;
  - D sees the real and the generated images in two batches, two updates of one Adam;
  - D's fakes come from G in inference mode, by its moving averages; G's own update
    judges the same noise in training mode;
  - D's dropout is on while G trains;
  - pictures are scaled by 0.5 * x * 0.5, which the colour map's own scaling undoes.
Departures (what this module does and the source does not):
  - the printed figures are those of the batch. The source prints running means since
    the first step, because its release of Keras adds metrics up over calls; others
    (3.15) begin anew. The log has these means too, as running_*;
  - pixels are scaled in float32; the source scales them in float64 and rounds after
    that: of the 256 values 128 differ, by one unit in the last place;
  - dropout masks come from a seed and a count, not from a hidden state: a resumed run
    draws the same ones;
  - for images, the moving variance takes in n/(n - 1) of what Keras 3's takes in, as in
    TF 1.15's fused kernel; n is the 6,272 pixels of a batch of 32;
  - D is frozen in G's update by a var_list, not by toggling `trainable`;
  - a loss that is not finite ends the run, unless --keep-going is given.

Source: the tutorial's facts. It is for Keras 3, and has its initial values, losses and
Adam.
"""

import sys
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from tf1gan import command, mnist, pictures
from tf1gan.contract import Update
from tf1gan.nn import (accuracy, batch_norm, batch_norm_variables, bce_with_logits,
                       conv, dropout_mask, glorot, upsample, zeros)
from tf1gan.tf1 import tf


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers."""

    epochs: int = 10001             # As found: each is one step
    batch_size: int = 32            # images of either kind a step
    learning_rate: float = 0.002    # of both Adams
    beta1: float = 0.5              # of both Adams
    epsilon: float = 1e-7           # of both Adams
    n_noise: int = 100              # length of a noise vector
    n_wide: int = 128               # channels of G's first images, D's second layer
    n_narrow: int = 64              # channels of G's second images, D's first layer
    slope: float = 0.2              # of every LeakyReLU
    dropout: float = 0.3            # of D: the rate
    momentum: float = 0.99          # of the moving averages
    norm_epsilon: float = 1e-3      # of the batch normalizations


N_BATCHES = 1       # As found: an epoch is one step.


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images [n, 28, 28, 1], in [-1, 1]."""
    images = files.train_images[..., None].astype(np.float32) / 255 * 2 - 1
    return mnist.DataSet(images, np.eye(10)[files.train_labels], rng)


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'                  # [n, 28, 28, 1], in [-1, 1]
    Z: 'tf.Tensor'                  # [n, n_noise]
    G: 'tf.Tensor'                  # [n, 28, 28, 1], in (-1, 1): inference mode
    updates: Dict[str, Update]      # of D_real, D_fake and G; losses in nats, to lower


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        wide, narrow = config.n_wide, config.n_narrow
        slope, rate = config.slope, config.dropout
        X = tf.placeholder(tf.float32, [None, 28, 28, 1], name='X')
        Z = tf.placeholder(tf.float32, [None, config.n_noise], name='Z')

        G_W1 = glorot([config.n_noise, 7 * 7 * wide], 'G_W1')
        G_b1 = zeros(7 * 7 * wide, 'G_b1')
        G_norm1 = batch_norm_variables(7 * 7 * wide, 'G_norm1')
        G_W2 = glorot([5, 5, wide, narrow], 'G_W2')
        G_b2 = zeros(narrow, 'G_b2')    # As found: before a batch normalization.
        G_norm2 = batch_norm_variables(narrow, 'G_norm2')
        G_W3 = glorot([5, 5, narrow, 1], 'G_W3')
        G_b3 = zeros(1, 'G_b3')
        G_var_list = [G_W1, G_b1, G_norm1.gamma, G_norm1.beta, G_W2, G_b2,
                      G_norm2.gamma, G_norm2.beta, G_W3, G_b3]

        D_W1 = glorot([5, 5, 1, narrow], 'D_W1')
        D_b1 = zeros(narrow, 'D_b1')
        D_W2 = glorot([5, 5, narrow, wide], 'D_W2')
        D_b2 = zeros(wide, 'D_b2')
        D_W3 = glorot([7 * 7 * wide, 1], 'D_W3')
        D_b3 = zeros(1, 'D_b3')
        D_var_list = [D_W1, D_b1, D_W2, D_b2, D_W3, D_b3]
        n_masks = tf.Variable(np.int64(0), trainable=False, name='n_masks')

        def norm(x, variables, updates):
            return batch_norm(x, variables, updates, config.momentum,
                              config.norm_epsilon, biased=False)

        def generator(z, updates=None):     # None: inference mode
            x = tf.nn.leaky_relu(tf.matmul(z, G_W1) + G_b1, slope)
            x = norm(x, G_norm1, updates)   # As found: after the activation.
            x = upsample(tf.reshape(x, [-1, 7, 7, wide]))           # [n, 14, 14, wide]
            x = norm(conv(x, G_W2, G_b2, 1, 'SAME'), G_norm2, updates)
            x = upsample(tf.nn.leaky_relu(x, slope))               # [n, 28, 28, narrow]
            x = conv(x, G_W3, G_b3, 1, 'SAME')                      # [n, 28, 28, 1]
            return tf.nn.tanh(x, name='G')

        def draw_masks(x):
            n = tf.shape(x)[0]
            return [dropout_mask([n, 14, 14, narrow], rate, 2 * seed, n_masks),
                    dropout_mask([n, 7, 7, wide], rate, 2 * seed + 1, n_masks)]

        def discriminator(x, masks):
            x = tf.nn.leaky_relu(conv(x, D_W1, D_b1, 2, 'SAME'), slope) * masks[0]
            x = tf.nn.leaky_relu(conv(x, D_W2, D_b2, 2, 'SAME'), slope) * masks[1]
            x = tf.reshape(x, [-1, 7 * 7 * wide])
            return tf.matmul(x, D_W3) + D_b3                        # [n, 1]

        G_averages = []     # the ops that move them
        G = generator(Z)
        G_training = generator(Z, G_averages)
        masks_D_real, masks_D_fake, masks_G = (draw_masks(x) for x in (X, Z, Z))
        logits_D_real = discriminator(X, masks_D_real)
        # As found: the fakes are G's in inference mode.
        logits_D_fake = discriminator(tf.stop_gradient(G), masks_D_fake)
        logits_G = discriminator(G_training, masks_G)   # As found: dropout is on.

        loss_D_real = bce_with_logits(logits_D_real, 1.)
        loss_D_fake = bce_with_logits(logits_D_fake, 0.)
        loss_G = bce_with_logits(logits_G, 1.)
        accuracy_D_real = accuracy(tf.nn.sigmoid(logits_D_real), 1.)
        accuracy_D_fake = accuracy(tf.nn.sigmoid(logits_D_fake), 0.)
        accuracy_G = accuracy(tf.nn.sigmoid(logits_G), 1.)

        optimizer_D, optimizer_G = (
            tf.train.AdamOptimizer(config.learning_rate, config.beta1,
                                   epsilon=config.epsilon, name=name)
            for name in ('Adam_D', 'Adam_G'))
        gradients_D_real = optimizer_D.compute_gradients(loss_D_real, D_var_list)
        gradients_D_fake = optimizer_D.compute_gradients(loss_D_fake, D_var_list)
        gradients_G = optimizer_G.compute_gradients(loss_G, G_var_list)

        def update(optimizer, gradients, masks, others=()):
            with tf.control_dependencies(masks):
                count = tf.assign_add(n_masks, 1)
            return tf.group(optimizer.apply_gradients(gradients), count, *others)

        train_D_real = update(optimizer_D, gradients_D_real, masks_D_real)
        train_D_fake = update(optimizer_D, gradients_D_fake, masks_D_fake)
        train_G = update(optimizer_G, gradients_G, masks_G, G_averages)
        init = tf.global_variables_initializer()
    return Model(graph=graph, init=init, X=X, Z=Z, G=G, updates={
        'D_real': Update(train_D_real, loss_D_real, gradients_D_real,
                         terms={'the logit of D(x)': logits_D_real},
                         logits={'D_real': logits_D_real},
                         masks=masks_D_real, accuracy=accuracy_D_real),
        'D_fake': Update(train_D_fake, loss_D_fake, gradients_D_fake,
                         terms={'the logit of D(G(z))': logits_D_fake},
                         fakes=G, logits={'D_gene': logits_D_fake},
                         masks=masks_D_fake, accuracy=accuracy_D_fake),
        'G': Update(train_G, loss_G, gradients_G,
                    terms={'the logit of D(G(z))': logits_G},
                    fakes=G_training, logits={'D_gene': logits_G},
                    masks=masks_G, accuracy=accuracy_G)})


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int, config: Config) -> np.ndarray:
    """Draw `n` noise vectors from N(0, 1), [n, n_noise], float64."""
    return rng.normal(size=(n, config.n_noise))


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D on images, D on generated ones, then G on the same noise.

    Returns losses (nats) and accuracies, each from before its update.
    """
    D_real, D_fake, G = model.updates.values()
    x, _ = next_batch(config.batch_size, replace=True)      # As found.
    _, loss_D_real, accuracy_D_real = sess.run(
        [D_real.train, D_real.loss, D_real.accuracy], {model.X: x})
    z = draw_noise(config.batch_size)
    # As found: a second update, of another batch.
    _, loss_D_fake, accuracy_D_fake = sess.run(
        [D_fake.train, D_fake.loss, D_fake.accuracy], {model.Z: z})
    # As found: the same noise.
    _, loss_G, accuracy_G = sess.run([G.train, G.loss, G.accuracy], {model.Z: z})
    return {'loss_D_real': loss_D_real, 'loss_D_fake': loss_D_fake, 'loss_G': loss_G,
            'accuracy_D_real': accuracy_D_real, 'accuracy_D_fake': accuracy_D_fake,
            'accuracy_G': accuracy_G}


# --- Sample ---------------------------------------------------------------------------

LOG_EVERY = 1   # steps between two rows of the log


def line(done: int, n_batches: int, losses: Dict[str, float]) -> Optional[str]:
    """Return what the source prints after the first step and every 200th one."""
    if (done - 1) % 200:
        return None
    d_loss = (losses['loss_D_real'] + losses['loss_D_fake']) / 2
    d_accuracy = (losses['accuracy_D_real'] + losses['accuracy_D_fake']) / 2
    return (f'epoch:{done - 1}  d_loss:{d_loss:.4f} d_accuracy:{d_accuracy:.4f}  '
            f'gan_loss:{losses["loss_G"]:.4f} gen_accuracy:{losses["accuracy_G"]:.4f}')


def picture(done: int, n_batches: int, config: Config) -> Optional[str]:
    """Name the picture that is due: whenever a line is printed."""
    return f'gan_mnist_{done - 1}.png' if (done - 1) % 200 == 0 else None


def sample(sess, model: Model, config: Config, draw_noise) -> bytes:
    """Return the PNG of 25 images from fresh noise, 5x5, in gray."""
    samples = 0.5 * sess.run(model.G, {model.Z: draw_noise(25)}) * 0.5      # As found.
    return pictures.grid(samples.reshape(5, 5, 28, 28), 'gray', (6.4, 4.8))


def table(rows: List[Dict[str, float]]) -> List[Dict[str, float]]:
    """Return the rows of the log with the means that the source prints.

    Its metrics of D run on over both updates of a step. It prints the mean of their
    values after the first and after the second.
    """
    count = np.arange(1, 2 * len(rows) + 1)
    running = {}
    for name in 'loss', 'accuracy':
        of_D = np.array([[row[f'{name}_D_real'], row[f'{name}_D_fake']]
                         for row in rows])
        means = (np.cumsum(of_D) / count).reshape(-1, 2)
        running[f'running_{name}_D'] = means.mean(axis=1)
        of_G = np.array([row[f'{name}_G'] for row in rows])
        running[f'running_{name}_G'] = np.cumsum(of_G) / count[:len(rows)]
    losses = [{name: value for name, value in row.items() if name != 'seconds'}
              for row in rows]
    return [{**losses[i], **{name: float(f'{means[i]:.9g}') for name, means
                             in running.items()}, 'seconds': rows[i]['seconds']}
            for i in range(len(rows))]


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return losses.png: D's, the mean of its two batches, and G's, at every step."""
    return {'losses.png': pictures.curves(
        {'d_loss': [(row['loss_D_real'] + row['loss_D_fake']) / 2 for row in rows],
         'gan_loss': [row['loss_G'] for row in rows]}, 'step', 'loss (nats)')}


if __name__ == '__main__':
    command.main(sys.modules[__name__])
