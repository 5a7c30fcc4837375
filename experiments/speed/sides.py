"""A side of the comparison: a program that takes a tutorial's steps when it is told to.

    python experiments/speed/sides.py SIDE TUTORIAL [NUMBER=VALUE ...]

Prints the version of its framework; for every line of stdin takes a block of steps, and
prints milliseconds a step; at the end prints its greatest memory, in MiB. Every side
has the tutorial's networks, losses, batch and float32, draws its images and noise with
NumPy as the tutorial does, and looks at its losses after every step.

    plain       the source's loop: its session calls one by one, or its Keras program
    tf1gan      the package, on the TensorFlow of the interpreter; and onednn (its
                kernels in TensorFlow 2), or a number of threads
    torch ...   PyTorch, two threads; and fused (Adam), compiled, channels_last
    jax         JAX: a step is one compiled function
    keras       Keras 3 on TensorFlow: the source's program
    products    the floor: the matrix products of a step alone, by PyTorch
"""

import os
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

EXPERIMENTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(EXPERIMENTS.parent), *(str(EXPERIMENTS / each) for each in (
    '', 'speed', 'ports', 'oracles'))]
SECONDS = 0.4       # of a block, about
WARM = 1.           # seconds of steps before a block is sized
Side = Tuple[Callable[[], Any], str]        # what takes a step, and a version


class Draws:
    """A tutorial's images, labels and noise, as it draws them."""

    def __init__(self, name: str, **numbers):
        from tf1gan import descriptions, mnist
        self.config = {**descriptions.numbers(name), **numbers}
        self.description = descriptions.find(name).describe(self.config)
        images, files = self.description['images'], mnist.read()
        (low, high), out = images['range'], images['held_out']
        self.rng, self.n = np.random.RandomState(0), self.description['batch_size']
        pixels = files.train_images[out:].reshape(-1, *images['shape'])
        self.data = mnist.DataSet(low + pixels.astype(np.float32) / 255 * (high - low),
                                  np.eye(10)[files.train_labels[out:]], self.rng)
        self.how = {'shuffled': {}, 'file': {'shuffle': False},
                    'replaced': {'replace': True}}[images['order']]

    def images(self):
        """Return a batch of images and their labels, one-hot."""
        return self.data.next_batch(self.n, **self.how)

    def noise(self):
        """Return noise, and one-hot labels where G takes them, else None."""
        from tf1gan import generator
        z, digits = generator.draw_noise(self.description, self.rng, self.n)
        return z, (None if digits is None else
                   np.eye(self.description['labels'])[digits])


# --- TensorFlow -----------------------------------------------------------------------

def tf1gan(name: str, *modes: str, **numbers) -> Side:
    """Return the package's side; a mode is onednn, or a number of threads."""
    threads = None
    for mode in modes:
        if mode == 'onednn':
            os.environ['TF_ENABLE_ONEDNN_OPTS'] = '1'       # before the import
        else:
            threads = int(mode)
    from tf1gan import contract, loop, tf1
    page = contract.find(name)
    run = loop.Run(page, {'config': page.Config(**numbers)._asdict(), 'seed': 0,
                          'threads': threads or page.THREADS,
                          'data': None})
    return lambda: run.advance(run.sess), tf1.VERSION


def plain(name: str) -> Side:
    """Return the source's loop on TensorFlow 1.15, without the package's."""
    if name in ('dcgan', 'conditional'):
        import tensorflow as tf
        return keras_program(tf.keras, name), tf.__version__
    from tf1gan import contract, mnist, tf1
    page = contract.find(name)
    config, rng = page.Config(), np.random.RandomState(0)
    model, images = page.build(config, 0), page.data(mnist.read(), rng)
    threads = page.THREADS or 0
    sess = tf1.tf.Session(graph=model.graph, config=tf1.tf.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))
    sess.run(model.init)
    return lambda: page.step(sess, model, config, images.next_batch,
                             lambda n: page.noise(rng, n, config)), tf1.VERSION


def keras_program(keras, name: str) -> Callable:
    """Return a step of the source's program, with a Keras."""
    draws = Draws(name)
    if name == 'dcgan':
        import in_keras3
        models = in_keras3.models(keras, draws.config,
                                  lambda number: keras.layers.Dropout(0.3))
        return lambda: in_keras3.step(models, draws.images()[0], draws.noise()[0])
    import keras_conditional
    models = keras_conditional.models(keras)
    return lambda: keras_conditional.step(models, *draws.images(), draws.noise(),
                                          draws.noise())


def keras(name: str) -> Side:
    """Return the side of Keras 3 on TensorFlow, with two threads."""
    os.environ.update(KERAS_BACKEND='tensorflow', TF_CPP_MIN_LOG_LEVEL='3')
    import keras as keras3
    return keras_program(keras3, name), keras3.__version__


# --- PyTorch --------------------------------------------------------------------------

def torch_networks(nn, name: str, config: Dict[str, Any]):
    """Return G without its last activation, and D without its sigmoid."""
    if name == 'collapse':
        def network(n_in, n_out):
            n = config['n_hidden']
            hidden = ([nn.Sigmoid()] if config['rung'] == 1 else
                      [nn.LeakyReLU(0.02), nn.LayerNorm(n)])
            return nn.Sequential(nn.Linear(n_in, n), *hidden, nn.Linear(n, n_out))

        return network(1 if config['rung'] < 3 else 100, 784), network(784, 1)
    if name in ('vanilla', 'minimax'):
        n, n_noise = config['n_hidden'], config['n_noise']
        return tuple(nn.Sequential(nn.Linear(n_in, n), nn.ReLU(), nn.Linear(n, n_out))
                     for n_in, n_out in ((n_noise, 784), (784, 1)))

    def norm(kind, n):
        return kind(n, eps=1e-3, momentum=0.01)

    def upsampled(n_in, n_out):
        return [nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 5, padding=2)]

    flat = 7 * 7 * 128
    if name == 'dcgan':
        return nn.Sequential(
            nn.Linear(100, flat), nn.LeakyReLU(0.2), norm(nn.BatchNorm1d, flat),
            nn.Unflatten(1, (128, 7, 7)), *upsampled(128, 64), norm(nn.BatchNorm2d, 64),
            nn.LeakyReLU(0.2), *upsampled(64, 1)), nn.Sequential(
            nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(1, 64, 5, 2), nn.LeakyReLU(0.2),
            nn.Dropout(0.3), nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(64, 128, 5, 2),
            nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Flatten(), nn.Linear(flat, 1))
    return nn.Sequential(
        nn.Linear(110, 1024), norm(nn.BatchNorm1d, 1024), nn.ReLU(),
        nn.Linear(1024, flat), norm(nn.BatchNorm1d, flat), nn.ReLU(),
        nn.Unflatten(1, (128, 7, 7)), *upsampled(128, 64), norm(nn.BatchNorm2d, 64),
        nn.ReLU(), *upsampled(64, 1)), nn.Sequential(
        nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(11, 64, 5, 2), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 5, 2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(3200, 256),
        nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(256, 1))


def torch(name: str, *modes: str, **numbers) -> Side:
    """Return the side of PyTorch in some modes: fused, compiled, channels_last."""
    import torch as th
    from torch import nn
    th.set_num_threads(2)
    draws = Draws(name, **numbers)
    config, n = draws.config, draws.n
    logits_G, D = torch_networks(nn, name, config)
    G = nn.Sequential(logits_G, nn.Sigmoid() if name in ('vanilla', 'collapse') else
                      nn.Tanh())
    if 'channels_last' in modes:
        G, D = (each.to(memory_format=th.channels_last) for each in (G, D))
    compiled = (lambda f: th.compile(f, dynamic=False)) if 'compiled' in modes else (
        lambda f: f)
    optimizers = {}
    for net, player in (D, 'D'), (G, 'G'):
        adam = draws.description['optimizers'].get(f'Adam_{player}')
        optimizers[net] = (th.optim.Adam(
            net.parameters(), adam['learning_rate'], (adam['beta1'], 0.999),
            eps=adam['epsilon'], fused='fused' in modes) if adam else
            th.optim.SGD(net.parameters(), config['learning_rate_SGD']))
    one, zero = th.ones(n, 1), th.zeros(n, 1)

    def tensor(array):
        array = th.from_numpy(np.asarray(array, np.float32))
        return array.permute(0, 3, 1, 2).contiguous(memory_format=(
            th.channels_last if 'channels_last' in modes else th.contiguous_format)
        ) if array.ndim == 4 else array

    def update(net, loss, *inputs):
        for parameter in D.parameters():
            parameter.requires_grad_(net is D)
        optimizers[net].zero_grad()
        value = loss(*inputs)
        value.backward()
        optimizers[net].step()
        return value.item()

    def z():
        noise, labels = draws.noise()
        return (tensor(noise),) if labels is None else (tensor(noise), tensor(labels))

    @compiled
    def fakes(*z):
        return G(th.cat(z, 1))

    def given(z):
        """Return images that D is trained on, by the moving averages if there are."""
        G.eval()
        with th.no_grad():
            found = fakes(*z)
        G.train()
        return found

    if name == 'vanilla':
        loss_D = compiled(lambda x, fake: -th.mean(
            th.log(th.sigmoid(D(x))) + th.log(1 - th.sigmoid(D(fake)))))
        loss_G = compiled(lambda fake: -th.mean(th.log(th.sigmoid(D(fake)))))

        def step():
            x, fake = tensor(draws.images()[0]), fakes(*z())    # once for both
            update(D, loss_D, x, fake.detach())
            update(G, loss_G, fake)
    elif name == 'conditional':
        bce = nn.BCEWithLogitsLoss()

        def rated(x, labels):
            planes = labels[:, :, None, None].expand(-1, -1, 28, 28)
            return D(th.cat([x, planes], 1))

        loss_D = compiled(lambda x, labels, target: bce(rated(x, labels), target))
        loss_G = compiled(lambda z, labels: bce(
            rated(G(th.cat([z, labels], 1)), labels), one))
        both = th.cat([one, zero])

        def step():
            x, labels = map(tensor, draws.images())
            noise = z()
            update(D, loss_D, th.cat([x, given(noise)]), th.cat([labels, noise[1]]),
                   both)
            update(G, loss_G, *z())
    else:
        bce = (nn.BCEWithLogitsLoss() if name == 'dcgan' else nn.MSELoss()
               if config.get('rung') == 1 else nn.BCELoss())
        rate = D if name == 'dcgan' else nn.Sequential(D, nn.Sigmoid())
        loss_D = compiled(lambda x, target: bce(rate(x), target))
        loss_G = compiled(lambda z: bce(rate(G(z)), one))
        loss_both = compiled(lambda x, fake: bce(rate(x), one) + bce(rate(fake), zero))

        def step():
            x = tensor(draws.images()[0])
            if name == 'minimax':
                update(D, loss_both, x, given(z()))
                update(G, loss_G, *z())
                return
            update(D, loss_D, x, one)
            noise = z()
            update(D, loss_D, given(noise), zero)
            update(G, loss_G, *(noise if name == 'dcgan' else z()))

    return step, th.__version__


# --- JAX ------------------------------------------------------------------------------

def jax(name: str, **numbers) -> Side:
    """Return the side of JAX: the port's losses, a step in one compiled function."""
    import importlib

    import jax as jx
    import optax
    it, draws = importlib.import_module(f'jax_{name}'), Draws(name, **numbers)
    config, rng = draws.config, np.random.RandomState(0)
    n_noise, n = draws.description['noise']['size'], config['n_hidden']
    rung = config.get('rung')
    weights = {'D': (784, 1), 'G': (n_noise, 784)}
    for player, (n_in, n_out) in weights.items():
        mine = {'W1': rng.normal(0, 0.05, (n_in, n)), 'b1': np.zeros(n),
                'W2': rng.normal(0, 0.05, (n, n_out)), 'b2': np.zeros(n_out)}
        if rung and rung > 1:
            mine.update(gain=np.ones(n), shift=np.zeros(n))
        weights[player] = {f'{player}_{key}': jx.numpy.asarray(value, np.float32)
                           for key, value in mine.items()}
    adam = draws.description['optimizers'].get('Adam_D')
    optimizer = (it.adam(adam['learning_rate'], adam['beta1']) if adam else
                 optax.sgd(config['learning_rate_SGD']))

    def update(state, player, loss, others):
        mine, slots = state[player]
        (value, _), gradients = jx.value_and_grad(loss, has_aux=True)(mine, *others)
        changes, slots = optimizer.update(gradients, slots)
        return {**state, player: (optax.apply_updates(mine, changes), slots)}, value

    def step(state, x, *z):
        values = []
        if name == 'collapse':
            D_real, D_fake, of_G = (
                partial(each, loss=it.mse if rung == 1 else it.bce)
                for each in (it.loss_D_real, it.loss_D_fake, it.loss_G))
            plan = [('D', D_real, lambda: (x,)),
                    ('D', D_fake, lambda: (state['G'][0], z[0])),
                    ('G', of_G, lambda: (state['D'][0], z[1]))]
        elif name == 'minimax':
            plan = [('D', it.loss_D, lambda: (state['G'][0], x, z[0])),
                    ('G', partial(it.loss_G, saturating=False),
                     lambda: (state['D'][0], z[1]))]
        else:
            plan = [('D', it.lower_D, lambda: (state['G'][0], x, z[0])),
                    ('G', it.lower_G, lambda: (state['D'][0], z[0]))]
        for player, loss, others in plan:
            state, value = update(state, player, loss, others())
            values.append(value)
        return state, jx.numpy.stack(values)

    run = jx.jit(step, donate_argnums=0)
    # Copies: what is donated must not share a buffer, as the first two moments do.
    state = [jx.tree.map(jx.numpy.array, {
        player: (mine, optimizer.init(mine))
        for player, mine in weights.items()})]

    def take():
        x = draws.images()[0]
        z = [draws.noise()[0].astype(np.float32)
             for _ in range(1 if name == 'vanilla' else 2)]
        state[0], values = run(state[0], x, *z)
        np.asarray(values)

    return take, jx.__version__


# --- The floor ------------------------------------------------------------------------

def shapes(name: str, **numbers) -> List[Tuple[int, int, int]]:
    """Return the matrix products of a step: rows, inner size, columns.

    A convolution is one product, over the pixels of all images. Backwards a layer has
    one for its weights' gradient, if they move, and one for its input's.
    """
    draws = Draws(name, **numbers)
    description, found = draws.description, []

    def forward(network, rows):
        """Return the products of a network that takes `rows` images or noises."""
        size, products = (28 if network == 'D' else 1), []
        width = dict(zip('DG', (784, description['noise']['size'])))[network]
        channels = 1
        for layer in description['networks'][network]:
            op, sizes = layer['op'], WEIGHTS[name]
            if op == 'labels':
                width, channels = width + 10, channels + 10
            elif op == 'dense':
                products.append((rows, width, sizes(draws.config)[layer['W']]))
                width = products[-1][2]
            elif op == 'reshape':
                if len(layer['shape']) == 3:
                    size, channels = layer['shape'][0], width // layer['shape'][0] ** 2
                else:
                    width = size * size * channels
            elif op == 'upsample':
                size *= 2
            elif op == 'conv':
                size = (-(-size // layer['stride']) if layer['padding'] == 'SAME' else
                        (size - 5) // layer['stride'] + 1)
                n_out = sizes(draws.config)[layer['W']]
                products.append((rows * size ** 2, 25 * channels, n_out))
                channels = n_out
        return products

    known = None
    for update in description['updates']:
        on = [each for term in update['terms'] for each in term['on']]
        fakes, rated = forward('G', draws.n), forward('D', draws.n * len(on))
        again = 'same' in update['feeds'].values() and update['modes']['G'] == known
        if 'G' in on and not again:
            found += fakes
        if 'G' in on:
            known = update['modes']['G']
        found += rated
        mine = rated if update['moves'] == 'D' else fakes
        for rows, inner, columns in mine[1:] if mine is rated else rated + fakes[1:]:
            found.append((rows, columns, inner))        # the input's gradient
        for rows, inner, columns in mine:
            found.append((inner, rows, columns))        # the weights' gradient
    return found


def _dense(config):
    n, n_input = config['n_hidden'], config['n_input']
    return {'G_W1': n, 'G_W2': n_input, 'D_W1': n, 'D_W2': 1}


WEIGHTS = {     # how many outputs a layer has, by its weights' name
    **dict.fromkeys(['vanilla', 'minimax', 'collapse'], _dense),
    'dcgan': lambda config: {
        'G_W1': 49 * config['n_wide'], 'G_W2': config['n_narrow'], 'G_W3': 1,
        'D_W1': config['n_narrow'], 'D_W2': config['n_wide'], 'D_W3': 1},
    'conditional': lambda config: {
        'G_W1': config['n_dense_G'], 'G_W2': 49 * config['n_wide'],
        'G_W3': config['n_narrow'], 'G_W4': 1, 'D_W1': config['n_narrow'],
        'D_W2': config['n_wide'], 'D_W3': config['n_dense_D'], 'D_W4': 1}}


def products(name: str, **numbers) -> Side:
    """Return the floor's side: what a step multiplies, by PyTorch, two threads."""
    import torch as th
    th.set_num_threads(2)
    ready = [(th.rand(rows, inner), th.rand(inner, columns), th.empty(rows, columns))
             for rows, inner, columns in shapes(name, **numbers)]

    def step():
        for a, b, out in ready:
            th.mm(a, b, out=out)

    return step, th.__version__


# --- The worker -----------------------------------------------------------------------

SIDES = {each.__name__: each for each in (plain, tf1gan, torch, jax, keras, products)}


def work(step: Callable[[], Any], version: str, seconds: float) -> None:
    """Warm up; then take a block of steps for every line of stdin."""
    began, n = time.perf_counter(), 0
    while n < 3 or time.perf_counter() - began < WARM:
        step()
        n += 1
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        n += 1
    print('ready', version, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(n):
            step()
        print((time.perf_counter() - began) / n * 1000, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Be the side that the command line names."""
    side, name, *more = sys.argv[1:]
    kind, *modes = side.split('+')
    numbers = {key: int(value) for key, value in (each.split('=') for each in more)}
    # Workers print numbers alone; what libraries print goes to stderr.
    work(*SIDES[kind](name, *modes, **numbers), SECONDS)


if __name__ == '__main__':
    main()
