"""The TensorFlow 1.x MLP GAN on MNIST: `python -m tf1gan.vanilla`.

Noise 128 -> 256 relu -> 784 sigmoid against 784 -> 256 relu -> 1 sigmoid; 435,729
parameters. With seed s a run gives the bits of the tutorial's script run with
`tf.set_random_seed(s)` before its first op and `np.random.seed(s)` before its loop.

As found (oddities of the source, kept):
  - the logarithms have no guard: a sigmoid that reaches 0 or 1 ends in infinity, then
    NaN;
  - training raises both losses, and they are printed with that sign.
Guesses (the source does not say):
  - the noise is N(0, 1).
Departures (what this module does and the source does not):
  - the variables and the logarithms have names, and the gradients are kept as handles:
    none of it adds an op or changes a seed;
  - the noise and the shuffles come from one RandomState that is passed in, not from
    NumPy's global one;
  - a loss that is not finite ends the run, unless --keep-going is given;
  - pictures are drawn without pyplot: the same pixels, and no display needed.

Source: the tutorial's facts, for TensorFlow 1.5; its data loader is `tf1gan.mnist`.
"""

import sys
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from tf1gan import command, mnist, pictures
from tf1gan.contract import Update
from tf1gan.tf1 import tf


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers, in its order."""

    total_epoch: int = 100          # passes over the 55,000 training images
    batch_size: int = 100           # images a step
    learning_rate: float = 0.0002   # of both Adams
    beta1: float = 0.9              # of both Adams
    epsilon: float = 1e-8           # of both Adams
    stddev: float = 0.01            # of the initial weights
    n_hidden: int = 256             # units of either hidden layer
    n_input: int = 28 * 28          # pixels of an image
    n_noise: int = 128              # length of a noise vector


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return the 55,000 training images of the TF 1 loader, in [0, 1]."""
    return mnist.split(files, rng).train


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'                  # [n, n_input], in [0, 1]
    Z: 'tf.Tensor'                  # [n, n_noise]
    G: 'tf.Tensor'                  # [n, n_input], in (0, 1)
    updates: Dict[str, Update]      # of D and G; losses in nats, to raise


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`, in the source's order of creation.

    The order matters: the seed of a random op is the number of ops created before it.
    """
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        n_hidden, n_input, n_noise = config.n_hidden, config.n_input, config.n_noise

        X = tf.placeholder(tf.float32, [None, n_input], name='X')
        Z = tf.placeholder(tf.float32, [None, n_noise], name='Z')

        G_W1 = tf.Variable(tf.random_normal([n_noise, n_hidden], stddev=config.stddev),
                           name='G_W1')
        G_b1 = tf.Variable(tf.zeros([n_hidden]), name='G_b1')
        G_W2 = tf.Variable(tf.random_normal([n_hidden, n_input], stddev=config.stddev),
                           name='G_W2')
        G_b2 = tf.Variable(tf.zeros([n_input]), name='G_b2')

        D_W1 = tf.Variable(tf.random_normal([n_input, n_hidden], stddev=config.stddev),
                           name='D_W1')
        D_b1 = tf.Variable(tf.zeros([n_hidden]), name='D_b1')
        D_W2 = tf.Variable(tf.random_normal([n_hidden, 1], stddev=config.stddev),
                           name='D_W2')
        D_b2 = tf.Variable(tf.zeros([1]), name='D_b2')

        def generator(noise):
            hidden = tf.nn.relu(tf.matmul(noise, G_W1) + G_b1)      # [n, n_hidden]
            logits = tf.matmul(hidden, G_W2) + G_b2                 # [n, n_input]
            return tf.nn.sigmoid(logits, name='G')

        def discriminator(inputs):
            hidden = tf.nn.relu(tf.matmul(inputs, D_W1) + D_b1)     # [n, n_hidden]
            return tf.nn.sigmoid(tf.matmul(hidden, D_W2) + D_b2)    # [n, 1]

        G = generator(Z)
        D_gene = discriminator(G)
        D_real = discriminator(X)

        # As found: the logarithms have no guard.
        log_D_real = tf.log(D_real)
        log_not_D_gene = tf.log(1 - D_gene)
        log_D_gene = tf.log(D_gene)
        # As found: losses to raise; the optimizers take them with the other sign.
        loss_D = tf.reduce_mean(log_D_real + log_not_D_gene)
        loss_G = tf.reduce_mean(log_D_gene)

        D_var_list = [D_W1, D_b1, D_W2, D_b2]
        G_var_list = [G_W1, G_b1, G_W2, G_b2]
        optimizer_D = tf.train.AdamOptimizer(config.learning_rate, config.beta1,
                                             epsilon=config.epsilon, name='Adam_D')
        optimizer_G = tf.train.AdamOptimizer(config.learning_rate, config.beta1,
                                             epsilon=config.epsilon, name='Adam_G')
        gradients_D = optimizer_D.compute_gradients(-loss_D, var_list=D_var_list)
        train_D = optimizer_D.apply_gradients(gradients_D)
        gradients_G = optimizer_G.compute_gradients(-loss_G, var_list=G_var_list)
        train_G = optimizer_G.apply_gradients(gradients_G)

        init = tf.global_variables_initializer()
    # What the sigmoids take: kept as handles, no op is added.
    logits_real, logits_gene = D_real.op.inputs[0], D_gene.op.inputs[0]
    return Model(graph=graph, init=init, X=X, Z=Z, G=G, updates={
        'D': Update(train_D, loss_D, gradients_D,
                    terms={'log D_real': log_D_real, 'log(1 - D_gene)': log_not_D_gene},
                    fakes=G, logits={'D_real': logits_real, 'D_gene': logits_gene}),
        'G': Update(train_G, loss_G, gradients_G, terms={'log D_gene': log_D_gene},
                    fakes=G, logits={'D_gene': logits_gene})})


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int, config: Config) -> np.ndarray:
    """Draw `n` noise vectors [n, n_noise], float64: the feed rounds them to float32."""
    return rng.normal(size=(n, config.n_noise))     # Guess: N(0, 1).


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config,
         next_batch, draw_noise) -> Dict[str, float]:
    """Update D, then G on the same noise; return each loss from before its update."""
    D, G = model.updates['D'], model.updates['G']
    batch_xs, _ = next_batch(config.batch_size)
    batch_noise = draw_noise(config.batch_size)
    _, loss_D = sess.run([D.train, D.loss], {model.X: batch_xs, model.Z: batch_noise})
    _, loss_G = sess.run([G.train, G.loss], {model.Z: batch_noise})
    return {'loss_D': loss_D, 'loss_G': loss_G}


# --- Sample ---------------------------------------------------------------------------

def line(done: int, n_batches: int, losses: Dict[str, float]) -> Optional[str]:
    """Return what the source prints after an epoch, with `done` steps taken."""
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
    side = int(config.n_input ** 0.5)                           # 28
    return pictures.row(samples.reshape(10, side, side))


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return losses.png: both losses of the last step of every epoch."""
    return {'losses.png': pictures.curves(
        {name: [row[name] for row in rows] for name in ('loss_D', 'loss_G')},
        'epoch', 'loss at its last step (nats)')}


if __name__ == '__main__':
    command.main(sys.modules[__name__])
