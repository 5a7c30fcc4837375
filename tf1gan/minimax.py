"""The minimax game itself: `python -m tf1gan.minimax --objective non-saturating`.

Noise 100 -> 128 relu -> 784 tanh against 784 -> 128 relu -> 1 sigmoid; 214,673
parameters; images in [-1, 1].

As found (oddities of the source, kept):
  - Adam with a rate of 0.01 for both, ten times what is usual.
Guesses (the source is pseudo-code and does not say):
  - batches of 100, 100 epochs, all 60,000 images shuffled every epoch;
  - G's update draws fresh noise;
  - the printed line and the pictures: those of tf1gan.vanilla.
Departures (what this module does and the source does not):
  - Adam adds its epsilon (1e-8) in TF 1's place, not in torch's: experiments/collapse
    measures what that changes;
  - TF 1.15's sigmoid reaches exactly 0 and 1 sooner than torch's on the CPU: a D that
    is sure gives G no gradient sooner;
  - the saturating objective clamps its log at -100, as torch's BCELoss does;
  - a loss that is not finite ends the run, unless --keep-going is given.

Source: the tutorial's facts, for PyTorch, whose initial values and losses these are.
"""

import sys
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from tf1gan import command, mnist, pictures
from tf1gan.nn import bce, uniform
from tf1gan.tf1 import tf


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers, and G's objective."""

    epochs: int = 100                   # Guess: passes over the 60,000 training images
    batch_size: int = 100               # Guess: images a step
    learning_rate: float = 0.01         # As found: of both Adams
    objective: str = 'non-saturating'   # of G, or saturating: the formula of the game
    n_hidden: int = 128                 # units of either hidden layer
    n_input: int = 28 * 28              # pixels of an image
    n_noise: int = 100                  # length of a noise vector


CHOICES = {'objective': ['non-saturating', 'saturating']}


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images, in [-1, 1]."""
    pixels = files.train_images.reshape(len(files.train_images), -1)
    return mnist.DataSet(pixels.astype(np.float32) / 255 * 2 - 1,
                         np.eye(10)[files.train_labels], rng)


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: tf.Graph
    init: tf.Operation
    X: tf.Tensor                    # [n, n_input], in [-1, 1]
    Z: tf.Tensor                    # [n, n_noise]
    G: tf.Tensor                    # [n, n_input], in (-1, 1)
    D_real: tf.Tensor               # [n, 1], in (0, 1)
    D_gene: tf.Tensor               # [n, 1], in (0, 1)
    loss_D: tf.Tensor               # nats, to lower
    loss_G: tf.Tensor               # nats, to lower
    gradients_D: List[Any]          # (gradient, variable), as train_D takes them
    gradients_G: List[Any]          # (gradient, variable), as train_G takes them
    train_D: tf.Operation
    train_G: tf.Operation
    terms: Dict[str, Dict[str, tf.Tensor]]  # of each loss, [n, 1]: to say which broke
    forward: Dict[str, Dict[str, tf.Tensor]]    # of each update, on the way to its loss


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`."""
    n_hidden, n_input, n_noise = config.n_hidden, config.n_input, config.n_noise
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        X = tf.placeholder(tf.float32, [None, n_input])
        Z = tf.placeholder(tf.float32, [None, n_noise])

        D_W1 = uniform(n_input, [n_input, n_hidden], 'D_W1')
        D_b1 = uniform(n_input, [n_hidden], 'D_b1')
        D_W2 = uniform(n_hidden, [n_hidden, 1], 'D_W2')
        D_b2 = uniform(n_hidden, [1], 'D_b2')

        G_W1 = uniform(n_noise, [n_noise, n_hidden], 'G_W1')
        G_b1 = uniform(n_noise, [n_hidden], 'G_b1')
        G_W2 = uniform(n_hidden, [n_hidden, n_input], 'G_W2')
        G_b2 = uniform(n_hidden, [n_input], 'G_b2')

        def discriminator(x):
            hidden = tf.nn.relu(tf.matmul(x, D_W1) + D_b1)          # [n, n_hidden]
            return tf.nn.sigmoid(tf.matmul(hidden, D_W2) + D_b2)    # [n, 1]

        def generator(z):
            hidden = tf.nn.relu(tf.matmul(z, G_W1) + G_b1)          # [n, n_hidden]
            return tf.nn.tanh(tf.matmul(hidden, G_W2) + G_b2)       # [n, n_input]

        G = generator(Z)
        D_real = discriminator(X)
        D_gene = discriminator(G)

        loss_D = bce(D_real, 1.) + bce(discriminator(tf.stop_gradient(G)), 0.)
        if config.objective == 'saturating':
            loss_G = -bce(D_gene, 0.)       # mean log(1 - D(G(z)))
        else:
            loss_G = bce(D_gene, 1.)        # -mean log D(G(z))

        optimizer_D = tf.train.AdamOptimizer(config.learning_rate, name='Adam_D')
        optimizer_G = tf.train.AdamOptimizer(config.learning_rate, name='Adam_G')
        gradients_D = optimizer_D.compute_gradients(loss_D, [D_W1, D_b1, D_W2, D_b2])
        gradients_G = optimizer_G.compute_gradients(loss_G, [G_W1, G_b1, G_W2, G_b2])
        train_D = optimizer_D.apply_gradients(gradients_D)
        train_G = optimizer_G.apply_gradients(gradients_G)
        init = tf.global_variables_initializer()
        terms = {'loss_D': {'D(x)': D_real, 'D(G(z))': D_gene},
                 'loss_G': {'D(G(z))': D_gene}}
        logits_D_real, logits_D_gene = D_real.op.inputs[0], D_gene.op.inputs[0]
        forward = {'D': {'fake/G': G, 'logit/D_real': logits_D_real,
                         'logit/D_gene': logits_D_gene},
                   'G': {'fake/G': G, 'logit/D_gene': logits_D_gene}}
    return Model(graph, init, X, Z, G, D_real, D_gene, loss_D, loss_G, gradients_D,
                 gradients_G, train_D, train_G, terms, forward)


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int, config: Config) -> np.ndarray:
    """Draw `n` noise vectors from N(0, 1), [n, n_noise], float64."""
    return rng.normal(size=(n, config.n_noise))


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D on images and on generated ones, then G on fresh noise.

    Returns both losses from before their updates.
    """
    n = config.batch_size
    x, _ = next_batch(n)        # Guess: shuffled.
    _, loss_D = sess.run([model.train_D, model.loss_D],
                         {model.X: x, model.Z: draw_noise(n)})
    # Guess: G's noise is fresh.
    _, loss_G = sess.run([model.train_G, model.loss_G], {model.Z: draw_noise(n)})
    return {'loss_D': loss_D, 'loss_G': loss_G}


# --- Sample ---------------------------------------------------------------------------

RECORD = None       # steps between two rows of the log: an epoch


def line(done: int, n_batches: int, losses: Dict[str, float]) -> Optional[str]:
    """Return the line of an epoch, with `done` steps behind it."""
    if done % n_batches:
        return None
    return (f'Epoch: {done // n_batches - 1:04d} D loss: {losses["loss_D"]:.4f} '
            f'G loss: {losses["loss_G"]:.4f}')


def picture(done: int, n_batches: int, config: Config) -> Optional[str]:
    """Name the picture that is due: after the first epoch, and every tenth."""
    if done == 0 or done % n_batches:
        return None
    epoch = done // n_batches - 1
    return f'{epoch:03d}.png' if epoch == 0 or (epoch + 1) % 10 == 0 else None


def sample(sess, model: Model, config: Config, draw_noise) -> bytes:
    """Return the PNG of ten images from fresh noise, in one row."""
    samples = sess.run(model.G, {model.Z: draw_noise(10)})      # [10, n_input]
    return pictures.row(samples.reshape(10, 28, 28))


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return losses.png: both losses of the last step of every epoch."""
    return {'losses.png': pictures.curves(
        {name: [row[name] for row in rows] for name in ('loss_D', 'loss_G')},
        'epoch', 'loss at its last step (nats)')}


def report(*_) -> List[str]:
    """Return what is printed at the end: nothing."""
    return []


if __name__ == '__main__':
    command.main(sys.modules[__name__])
