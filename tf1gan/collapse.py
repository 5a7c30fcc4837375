"""From MSE to BCE, the mode-collapse ladder: `python -m tf1gan.collapse --rung 4`.

D 784 -> 200 -> 1 sigmoid against G z -> 200 -> 784 sigmoid, one image a step.
Parameters (D and G): rung 1 157,201 and 157,984; rung 2 157,601 and 158,384; rungs 3
and 4 157,601 and 178,184.

  rung  hidden layer                   z             loss  optimizers
  1     sigmoid                        U(0, 1), 1    MSE   SGD 0.01
  2     LeakyReLU(0.02), LayerNorm     U(0, 1), 1    BCE   Adam 0.0001
  3     LeakyReLU(0.02), LayerNorm     U(0, 1), 100  BCE   Adam 0.0001
  4     LeakyReLU(0.02), LayerNorm     N(0, 1), 100  BCE   Adam 0.0001

As found (oddities of the source, kept):
  - batches of one image, in the order of the file, never shuffled;
  - LayerNorm comes after the activation;
  - D's loss is recorded every 10 of its updates, and a step has two: so what is
    recorded, and drawn, is always the loss on a generated image;
  - the counter is part of D's train function, so it is also printed while the ladder
    trains.
Departures (what this module does and the source does not):
  - Adam adds its epsilon (1e-8) in TF 1's place, not in torch's: experiments/collapse
    measures what that changes;
  - TF 1.15's sigmoid reaches exactly 0 and 1 sooner than torch's on the CPU: so a D
    that is sure stops giving G a gradient sooner;
  - the loss of D on a real image is recorded too, beside what the source records;
  - TensorFlow runs on one thread unless told otherwise;
  - the sanity check's random images are always images of the file: the source's index
    can be one too large;
  - a loss that is not finite ends the run, unless --keep-going is given.

Source: the tutorial's facts. It is for PyTorch, and has its initial values and losses.
"""

import math
import sys
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from tf1gan import command, mnist, pictures
from tf1gan.contract import Update
from tf1gan.nn import bce, layer_norm, mse, uniform
from tf1gan.tf1 import tf


# --- Config ---------------------------------------------------------------------------

class Config(NamedTuple):
    """The tutorial's numbers; the table of rungs below holds those that differ."""

    epochs: int = 1             # passes over the 60,000 training images
    rung: int = 4               # of the ladder, 1 to 4
    sanity: bool = False        # train D alone: images against uniform noise
    batch_size: int = 1         # images a step
    n_hidden: int = 200         # units of either hidden layer
    n_input: int = 28 * 28      # pixels of an image
    learning_rate_SGD: float = 0.01         # of both networks, on rung 1
    learning_rate_Adam: float = 0.0001      # of both networks, on rungs 2 to 4
    beta1: float = 0.9          # of both Adams
    epsilon: float = 1e-8       # of both Adams
    slope: float = 0.02         # of both LeakyReLUs
    norm_epsilon: float = 1e-5  # of both LayerNorms


CHOICES = {'rung': [1, 2, 3, 4]}
THREADS = 1     # unless told otherwise: with one image a step, more threads cost time


def settle(given: Dict[str, Any]) -> Dict[str, Any]:
    """Return the numbers given; the sanity check takes rung 1 where none is named."""
    return {'rung': 1, **given} if given.get('sanity') else given


class Rung(NamedTuple):
    """What differs from rung to rung."""

    n_noise: int                # length of z
    gaussian: bool              # z ~ N(0, 1), not U(0, 1)
    modern: bool                # LeakyReLU, LayerNorm, BCE, Adam, not sigmoid, MSE, SGD


RUNGS = {1: Rung(n_noise=1, gaussian=False, modern=False),
         2: Rung(n_noise=1, gaussian=False, modern=True),
         3: Rung(n_noise=100, gaussian=False, modern=True),
         4: Rung(n_noise=100, gaussian=True, modern=True)}


def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images in the order of the file, in [0, 1]."""
    pixels = files.train_images.reshape(len(files.train_images), -1)
    return mnist.DataSet(pixels.astype(np.float32) / 255,
                         np.eye(10)[files.train_labels], rng)


# --- Model ----------------------------------------------------------------------------

class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'              # [n, n_input], in [0, 1]
    Z: 'tf.Tensor'              # [n, n_noise]
    G: 'tf.Tensor'              # [n, n_input], in (0, 1)
    D_real: 'tf.Tensor'         # [n, 1], in (0, 1)
    updates: Dict[str, Update]  # of D_real, D_fake, D_noise (the sanity check) and G


# --- Build ----------------------------------------------------------------------------

def build(config: Config, seed: int) -> Model:
    """Build the graph of a rung in a fresh `tf.Graph`."""
    n_hidden, n_input = config.n_hidden, config.n_input
    rung = RUNGS[config.rung]
    n_noise = rung.n_noise
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        X = tf.placeholder(tf.float32, [None, n_input], name='X')
        Z = tf.placeholder(tf.float32, [None, n_noise], name='Z')

        D_W1 = uniform(n_input, [n_input, n_hidden], 'D_W1')
        D_b1 = uniform(n_input, [n_hidden], 'D_b1')
        D_W2 = uniform(n_hidden, [n_hidden, 1], 'D_W2')
        D_b2 = uniform(n_hidden, [1], 'D_b2')
        D_var_list = [D_W1, D_b1, D_W2, D_b2]

        G_W1 = uniform(n_noise, [n_noise, n_hidden], 'G_W1')
        G_b1 = uniform(n_noise, [n_hidden], 'G_b1')
        G_W2 = uniform(n_hidden, [n_hidden, n_input], 'G_W2')
        G_b2 = uniform(n_hidden, [n_input], 'G_b2')
        G_var_list = [G_W1, G_b1, G_W2, G_b2]

        if rung.modern:
            D_gain = tf.Variable(tf.ones([n_hidden]), name='D_gain')
            D_shift = tf.Variable(tf.zeros([n_hidden]), name='D_shift')
            D_var_list += [D_gain, D_shift]
            G_gain = tf.Variable(tf.ones([n_hidden]), name='G_gain')
            G_shift = tf.Variable(tf.zeros([n_hidden]), name='G_shift')
            G_var_list += [G_gain, G_shift]

        def discriminator(x):
            hidden = tf.nn.xw_plus_b(x, D_W1, D_b1)                 # [n, n_hidden]
            if rung.modern:     # As found: LayerNorm after the activation.
                hidden = layer_norm(tf.nn.leaky_relu(hidden, config.slope), D_gain,
                                    D_shift, config.norm_epsilon)
            else:
                hidden = tf.nn.sigmoid(hidden)
            return tf.nn.sigmoid(tf.nn.xw_plus_b(hidden, D_W2, D_b2))   # [n, 1]

        def generator(z):
            hidden = tf.nn.xw_plus_b(z, G_W1, G_b1)                 # [n, n_hidden]
            if rung.modern:
                hidden = layer_norm(tf.nn.leaky_relu(hidden, config.slope), G_gain,
                                    G_shift, config.norm_epsilon)
            else:
                hidden = tf.nn.sigmoid(hidden)
            logits = tf.nn.xw_plus_b(hidden, G_W2, G_b2)            # [n, n_input]
            return tf.nn.sigmoid(logits, name='G')

        G = generator(Z)
        D_real = discriminator(X)
        D_detached = discriminator(tf.stop_gradient(G))
        D_gene = discriminator(G)

        loss = bce if rung.modern else mse
        loss_D_real = loss(D_real, 1.)
        loss_D_fake = loss(D_detached, 0.)
        loss_D_noise = loss(D_real, 0.)     # of the sanity check: X is noise
        loss_G = loss(D_gene, 1.)

        def optimizer(name):
            if rung.modern:
                return tf.train.AdamOptimizer(config.learning_rate_Adam, config.beta1,
                                              epsilon=config.epsilon,
                                              name='Adam_' + name)
            return tf.train.GradientDescentOptimizer(config.learning_rate_SGD,
                                                     name='SGD_' + name)

        optimizer_D, optimizer_G = optimizer('D'), optimizer('G')
        gradients_D_real = optimizer_D.compute_gradients(loss_D_real, D_var_list)
        gradients_D_fake = optimizer_D.compute_gradients(loss_D_fake, D_var_list)
        gradients_G = optimizer_G.compute_gradients(loss_G, G_var_list)
        train_D_real = optimizer_D.apply_gradients(gradients_D_real)
        train_D_fake = optimizer_D.apply_gradients(gradients_D_fake)
        train_D_noise = optimizer_D.minimize(loss_D_noise, var_list=D_var_list)
        train_G = optimizer_G.apply_gradients(gradients_G)
        init = tf.global_variables_initializer()
    on_images = {'terms': {'D(x)': D_real}, 'logits': {'D_real': D_real.op.inputs[0]}}
    on_fakes = {'terms': {'D(G(z))': D_gene}, 'fakes': G,
                'logits': {'D_gene': D_gene.op.inputs[0]}}
    return Model(graph=graph, init=init, X=X, Z=Z, G=G, D_real=D_real, updates={
        'D_real': Update(train_D_real, loss_D_real, gradients_D_real, **on_images),
        'D_noise': Update(train_D_noise, loss_D_noise, None, **on_images),
        'D_fake': Update(train_D_fake, loss_D_fake, gradients_D_fake, **on_fakes),
        'G': Update(train_G, loss_G, gradients_G, **on_fakes)})


# --- Noise ----------------------------------------------------------------------------

def noise(rng: np.random.RandomState, n: int, config: Config) -> np.ndarray:
    """Draw `n` noise vectors, [n, n_noise], float64; in the sanity check `n` images."""
    if config.sanity:
        return rng.uniform(size=(n, config.n_input))
    rung = RUNGS[config.rung]
    size = n, rung.n_noise
    return rng.normal(size=size) if rung.gaussian else rng.uniform(size=size)


# --- Step -----------------------------------------------------------------------------

def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D on a real image, D on a generated one, then G on fresh noise.

    In the sanity check: D on a real image, then D on noise. Returns the losses, each
    from before its update.
    """
    n = config.batch_size
    D_real, D_noise, D_fake, G = model.updates.values()
    x, _ = next_batch(n, shuffle=False)     # As found: in the order of the file.
    _, loss_D_real = sess.run([D_real.train, D_real.loss], {model.X: x})
    if config.sanity:
        _, loss_D_noise = sess.run([D_noise.train, D_noise.loss],
                                   {model.X: draw_noise(n)})
        return {'loss_D_real': loss_D_real, 'loss_D_noise': loss_D_noise}
    _, loss_D_fake = sess.run([D_fake.train, D_fake.loss], {model.Z: draw_noise(n)})
    _, loss_G = sess.run([G.train, G.loss], {model.Z: draw_noise(n)})
    return {'loss_D_real': loss_D_real, 'loss_D_fake': loss_D_fake, 'loss_G': loss_G}


# --- Sample ---------------------------------------------------------------------------

LOG_EVERY = 5   # steps between two rows of the log: 10 updates of D


def line(done: int, n_batches: int, losses: Dict[str, float]) -> Optional[str]:
    """Return what the source prints every 10,000 updates of D; a step has 2 of them."""
    # As found: two spaces, from a comma in `print`.
    return f'counter =  {2 * done}' if 2 * done % 10000 == 0 else None


def picture(done: int, n_batches: int, config: Config) -> Optional[str]:
    """Name the picture that is due: before training, and after every epoch."""
    if config.sanity or done % n_batches:
        return None
    return f'{done // n_batches:03d}.png'


def sample(sess, model: Model, config: Config, draw_noise) -> bytes:
    """Return the PNG of six images from fresh noise, 2x3, in "Blues", with axes."""
    samples = sess.run(model.G, {model.Z: draw_noise(6)})       # [6, n_input]
    side = int(config.n_input ** 0.5)                           # 28
    return pictures.grid(samples.reshape(2, 3, side, side), 'Blues', (16, 8),
                         interpolation='none', axes=True)


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return the losses of D and of G at every 10th update of each."""
    equilibrium = math.log(2) if RUNGS[config.rung].modern else 0.25
    # As found: every 10th update of D is one on a generated image.
    losses = {'D': [row['loss_D_noise' if config.sanity else 'loss_D_fake']
                    for row in rows]}
    if not config.sanity:
        losses['G'] = [row['loss_G'] for row in rows if (row['step'] + 1) % 10 == 0]
    return {f'loss_{name}.png': pictures.progress(values, equilibrium)
            for name, values in losses.items()}


def report(sess, model: Model, config: Config, images: mnist.DataSet,
           draw_noise) -> List[str]:
    """Return what the sanity check prints: D on 4 random images and on 4 of noise."""
    if not config.sanity:
        return []
    rows = images.rng.randint(images.num_examples, size=4)
    outputs = [sess.run(model.D_real, {model.X: x})
               for x in (images.images[rows], draw_noise(4))]
    return [f'{value:.6g}' for value in np.concatenate(outputs)[:, 0]]


if __name__ == '__main__':
    command.main(sys.modules[__name__])
