"""The minimax game itself: `python -m tf1gan.minimax --objective non-saturating`.

Noise 100 -> 128 relu -> 784 tanh against 784 -> 128 relu -> 1 sigmoid; 214,673
parameters; images in [-1, 1].

As found (oddities of the source, kept):
  - Adam with a rate of 0.01 for both, ten times what is usual.
Guesses (the source is pseudo-code and does not say):
  - batches of 100, 100 epochs, all 60,000 images shuffled every epoch;
  - G's update draws fresh noise, where the pseudo-code has one z (--same-noise);
  - the printed line and the pictures: those of tf1gan.vanilla.
Departures (what this module does and the source does not):
  - Adam adds its epsilon (1e-8) in TF 1's place, not in torch's: experiments/collapse
    measures what that changes;
  - TF 1.15's sigmoid reaches exactly 0 and 1 sooner than torch's on the CPU: so a D
    that is sure stops giving G a gradient sooner;
  - the saturating objective clamps its log at -100, as torch's BCELoss does;
  - a loss that is not finite ends the run, unless --keep-going is given.

Source: the tutorial's facts. It is for PyTorch, and has its initial values and losses.
"""

import sys
from typing import Dict, NamedTuple

import numpy as np

from tf1gan import command, mnist
from tf1gan.contract import Update
from tf1gan.nn import bce, uniform
from tf1gan.tf1 import tf
from tf1gan.vanilla import line, picture, plots, sample     # noqa: F401


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers, and G's objective."""

    epochs: int = 100                   # Guess: passes over the 60,000 training images
    batch_size: int = 100               # Guess: images a step
    learning_rate: float = 0.01         # As found: of both Adams
    beta1: float = 0.9                  # of both Adams
    epsilon: float = 1e-8               # of both Adams
    objective: str = 'non-saturating'   # of G, or saturating: the formula of the game
    n_hidden: int = 128                 # units of either hidden layer
    n_input: int = 28 * 28              # pixels of an image
    n_noise: int = 100                  # length of a noise vector
    output: str = 'tanh'                # of G; the source calls it a choice
    same_noise: bool = False            # G's update takes D's noise, not fresh one


CHOICES = {'objective': ['non-saturating', 'saturating'],
           'output': ['tanh', 'sigmoid', 'linear']}


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images, in [-1, 1]."""
    pixels = files.train_images.reshape(len(files.train_images), -1)
    return mnist.DataSet(pixels.astype(np.float32) / 255 * 2 - 1,
                         np.eye(10)[files.train_labels], rng)


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'                  # [n, n_input], in [-1, 1]
    Z: 'tf.Tensor'                  # [n, n_noise]
    G: 'tf.Tensor'                  # [n, n_input], in (-1, 1) by its tanh
    updates: Dict[str, Update]      # of D and G; losses in nats, to lower


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`."""
    n_hidden, n_input, n_noise = config.n_hidden, config.n_input, config.n_noise
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        X = tf.placeholder(tf.float32, [None, n_input], name='X')
        Z = tf.placeholder(tf.float32, [None, n_noise], name='Z')

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
            x = tf.matmul(hidden, G_W2) + G_b2                      # [n, n_input]
            return output(x, name='G')

        output = {'tanh': tf.nn.tanh, 'sigmoid': tf.nn.sigmoid,
                  'linear': tf.identity}[config.output]
        G = generator(Z)
        D_real = discriminator(X)
        D_gene = discriminator(G)

        loss_D = bce(D_real, 1.) + bce(discriminator(tf.stop_gradient(G)), 0.)
        if config.objective == 'saturating':
            loss_G = -bce(D_gene, 0.)       # mean log(1 - D(G(z)))
        else:
            loss_G = bce(D_gene, 1.)        # -mean log D(G(z))

        optimizer_D = tf.train.AdamOptimizer(config.learning_rate, config.beta1,
                                             epsilon=config.epsilon, name='Adam_D')
        optimizer_G = tf.train.AdamOptimizer(config.learning_rate, config.beta1,
                                             epsilon=config.epsilon, name='Adam_G')
        gradients_D = optimizer_D.compute_gradients(loss_D, [D_W1, D_b1, D_W2, D_b2])
        gradients_G = optimizer_G.compute_gradients(loss_G, [G_W1, G_b1, G_W2, G_b2])
        train_D = optimizer_D.apply_gradients(gradients_D)
        train_G = optimizer_G.apply_gradients(gradients_G)
        init = tf.global_variables_initializer()
    logits_real, logits_gene = D_real.op.inputs[0], D_gene.op.inputs[0]
    return Model(graph=graph, init=init, X=X, Z=Z, G=G, updates={
        'D': Update(train_D, loss_D, gradients_D,
                    terms={'D(x)': D_real, 'D(G(z))': D_gene},
                    fakes=G, logits={'D_real': logits_real, 'D_gene': logits_gene}),
        'G': Update(train_G, loss_G, gradients_G, terms={'D(G(z))': D_gene},
                    fakes=G, logits={'D_gene': logits_gene})})


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int, config: Config) -> np.ndarray:
    """Draw `n` noise vectors from N(0, 1), [n, n_noise], float64."""
    return rng.normal(size=(n, config.n_noise))


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D on images and on generated ones, then G on noise.

    Returns both losses from before their updates.
    """
    D, G, n = model.updates['D'], model.updates['G'], config.batch_size
    x, _ = next_batch(n)        # Guess: shuffled.
    z = draw_noise(n)
    _, loss_D = sess.run([D.train, D.loss], {model.X: x, model.Z: z})
    if not config.same_noise:
        z = draw_noise(n)       # Guess: G's noise is fresh.
    _, loss_G = sess.run([G.train, G.loss], {model.Z: z})
    return {'loss_D': loss_D, 'loss_G': loss_G}


# --- Sample ---------------------------------------------------------------------------

# Guess: line, picture, sample and plots are those of tf1gan.vanilla (imported above).


if __name__ == '__main__':
    command.main(sys.modules[__name__])
