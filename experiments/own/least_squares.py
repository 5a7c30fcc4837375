"""A GAN of one's own: conditional, least squares: `python least_squares.py`.

Noise 64 and a label 10 -> 128 -> 256 LeakyReLU -> 784 tanh against an image and a label
-> 256 -> 128 LeakyReLU -> 1, no sigmoid; images in [-1, 1]. It is none of the package's
five: other depth, other loss, labels in dense networks. See README.md beside this file.
"""

import sys
from typing import Any, Dict, NamedTuple

import numpy as np

from tf1gan import command, descriptions, mnist, pictures
from tf1gan.contract import Update
from tf1gan.nn import glorot, zeros
from tf1gan.tf1 import tf


# 1: the numbers, each with a default; the first one is how many epochs a run has.
class Config(NamedTuple):
    """The numbers."""

    epochs: int = 10                # passes over the 60,000 training images
    batch_size: int = 100           # images a step
    learning_rate: float = 0.0002   # of both Adams
    n_narrow: int = 128             # units of G's first layer, and of D's second
    n_wide: int = 256               # units of G's second layer, and of D's first
    n_noise: int = 64               # length of a noise vector


SMALL = {'batch_size': 6, 'n_narrow': 3, 'n_wide': 4, 'n_noise': 5}     # of a trace


# 2: the images, in the range of G's images.
def data(files: mnist.Files, rng: np.random.RandomState) -> mnist.DataSet:
    """Return all training images, in [-1, 1]."""
    pixels = files.train_images.reshape(len(files.train_images), -1)
    return mnist.DataSet(pixels.astype(np.float32) / 255 * 2 - 1,
                         np.eye(10)[files.train_labels], rng)


# 3: what a session needs of the graph.
class Model(NamedTuple):
    """What a session needs of the graph."""

    graph: 'tf.Graph'
    init: 'tf.Operation'
    X: 'tf.Tensor'              # [n, 784], in [-1, 1]
    X_labels: 'tf.Tensor'       # [n, 10], one-hot
    Z: 'tf.Tensor'              # [n, n_noise]
    Z_labels: 'tf.Tensor'       # [n, 10], one-hot
    G: 'tf.Tensor'              # [n, 784], in (-1, 1)
    updates: Dict[str, Update]  # of D and G


# 4: the graph.
def build(config: Config, seed: int) -> Model:
    """Build the graph in a fresh `tf.Graph`."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(seed)
        narrow, wide, n_noise = config.n_narrow, config.n_wide, config.n_noise
        X, X_labels, Z, Z_labels = (
            tf.placeholder(tf.float32, [None, n], name=name) for name, n in (
                ('X', 784), ('X_labels', 10), ('Z', n_noise), ('Z_labels', 10)))
        sizes = {'G': [n_noise + 10, narrow, wide, 784],
                 'D': [784 + 10, wide, narrow, 1]}
        layers = {name: [(glorot([n[i], n[i + 1]], f'{name}_W{i + 1}'),
                          zeros(n[i + 1], f'{name}_b{i + 1}')) for i in range(3)]
                  for name, n in sizes.items()}

        def network(name, x, labels):
            x = tf.concat([x, labels], 1)
            for W, b in layers[name][:2]:
                x = tf.nn.leaky_relu(tf.matmul(x, W) + b, 0.2)
            W, b = layers[name][2]
            return tf.matmul(x, W) + b

        G = tf.nn.tanh(network('G', Z, Z_labels), name='G')
        D_real = network('D', X, X_labels)
        D_gene = network('D', G, Z_labels)

        loss_D = (tf.reduce_mean(tf.square(D_real - 1))
                  + tf.reduce_mean(tf.square(D_gene)))
        loss_G = tf.reduce_mean(tf.square(D_gene - 1))

        updates = {}
        for name, loss, logits in (('D', loss_D, {'D_real': D_real, 'D_gene': D_gene}),
                                   ('G', loss_G, {'D_gene': D_gene})):
            optimizer = tf.train.AdamOptimizer(config.learning_rate, beta1=0.5,
                                               name='Adam_' + name)
            gradients = optimizer.compute_gradients(
                loss, [variable for layer in layers[name] for variable in layer])
            updates[name] = Update(optimizer.apply_gradients(gradients), loss,
                                   gradients, terms=logits, fakes=G, logits=logits)
        init = tf.global_variables_initializer()
    return Model(graph=graph, init=init, X=X, X_labels=X_labels, Z=Z, Z_labels=Z_labels,
                 G=G, updates=updates)


# 5: the noise; here with the labels that are asked for.
def noise(rng: np.random.RandomState, n: int, config: Config):
    """Draw `n` noise vectors from N(0, 1), [n, n_noise], and `n` labels, [n, 10]."""
    z = rng.normal(size=(n, config.n_noise))
    return z, np.eye(10)[rng.randint(10, size=n)]


# 6: the algorithm.
def step(sess, model: Model, config: Config, next_batch,
         draw_noise) -> Dict[str, float]:
    """Update D, then G on the same noise and labels."""
    D, G, n = model.updates['D'], model.updates['G'], config.batch_size
    x, labels = next_batch(n)
    z, wanted = draw_noise(n)
    fakes = {model.Z: z, model.Z_labels: wanted}
    _, loss_D = sess.run([D.train, D.loss],
                         {model.X: x, model.X_labels: labels, **fakes})
    _, loss_G = sess.run([G.train, G.loss], fakes)
    return {'loss_D': loss_D, 'loss_G': loss_G}


# 7: what is printed.
def line(done: int, n_batches: int, losses: Dict[str, float]):
    """Return the line of an epoch, with `done` steps taken."""
    return None if done % n_batches else f'epoch {done // n_batches}: {losses}'


# 8: which picture is due.
def picture(done: int, n_batches: int, config: Config):
    """Name the picture that is due: before training, and after every epoch."""
    return None if done % n_batches else f'{done // n_batches:03d}.png'


# 9: the picture.
def sample(sess, model: Model, config: Config, draw_noise) -> bytes:
    """Return the PNG of ten images a digit, a column each."""
    z, _ = draw_noise(100)
    images = sess.run(model.G, {
        model.Z: z, model.Z_labels: np.eye(10)[np.arange(100) % 10]})
    return pictures.sheet(((images + 1) * 127.5).astype(np.uint8).reshape(-1, 28, 28),
                          10)


# 10: the same as data, for all the tools that use NumPy only.
def describe(config: Dict[str, Any]) -> descriptions.Description:
    """Return what a run with these numbers computes."""
    def network(name):
        leaky = descriptions.leaky_relu(0.2)
        return [descriptions.LABELS, descriptions.dense(name, 1), leaky,
                descriptions.dense(name, 2), leaky, descriptions.dense(name, 3)]

    modes = {'G': 'training', 'D': 'training'}
    loss = descriptions.loss('least_squares')
    return {
        'images': {'shape': [784], 'range': [-1, 1], 'held_out': 0,
                   'order': 'shuffled'},
        'batch_size': config['batch_size'],
        'noise': {**descriptions.NORMAL, 'size': config['n_noise']},
        'labels': 10,
        'networks': {'G': network('G') + [descriptions.TANH], 'D': network('D')},
        'optimizers': {f'Adam_{name}': descriptions.adam(config['learning_rate'], 0.5)
                       for name in 'DG'},
        'updates': [
            {'name': 'D', 'moves': 'D', 'optimizer': 'Adam_D', 'modes': modes,
             'feeds': {'X': 'images', 'X_labels': 'images',
                       'Z': 'noise', 'Z_labels': 'noise'}, 'averages': [],
             'terms': [descriptions.term('D_real', ['X'], [1]),
                       descriptions.term('D_gene', ['G'], [0])], 'loss': loss},
            {'name': 'G', 'moves': 'G', 'optimizer': 'Adam_G', 'modes': modes,
             'feeds': {'Z': 'same', 'Z_labels': 'same'}, 'averages': [],
             'terms': [descriptions.term('D_gene', ['G'], [1])], 'loss': loss}],
        'pictures': {'grid': [10, 10], 'prefix': '', 'counts': 'done'}}


if __name__ == '__main__':
    command.main(sys.modules[__name__])
