"""tf1gan.vanilla against the tutorial's plain script, and against NumPy in float64."""

import matplotlib.image
import numpy as np
import pytest
from conftest import ROOT, python, run_module, sabotaged, started

from tf1gan import mnist, vanilla

D = ['D_W1', 'D_b1', 'D_W2', 'D_b2']
G = ['G_W1', 'G_b1', 'G_W2', 'G_b2']
SABOTAGE_STEPS = 30


def run_plain(out, seed, n_epochs, threads=None) -> str:
    """Run the plain script and return what it prints."""
    out.mkdir()
    ended = python(ROOT / 'tests' / 'plain_vanilla.py', mnist.DATA, out, seed, n_epochs,
                   *([threads] if threads else []), cwd=out)
    assert ended.status == 0, ended.err
    return ended.out


@pytest.mark.parametrize('seed, threads', [(0, None), (1, 1), (2, None)])
def test_two_epochs_have_the_bits_of_the_plain_script(tmp_path, reference, seed,
                                                      threads):
    plain = tmp_path / 'plain'
    expected = run_plain(plain, seed, 2, threads)
    ended = run_module('tf1gan.vanilla', '--total-epoch', 2, '--seed', seed,
                       *(['--threads', threads] if threads else []), cwd=tmp_path)
    assert ended.status == 0, ended.err
    assert ended.out == expected
    folder = tmp_path / 'runs' / 'vanilla' / '000'

    pictures = sorted(path.name for path in (folder / 'samples').iterdir())
    assert pictures == sorted(path.name for path in plain.glob('*.png')) == ['000.png']
    for name in pictures:
        assert np.array_equal(matplotlib.image.imread(str(folder / 'samples' / name)),
                              matplotlib.image.imread(str(plain / name)))

    with np.load(str(folder / 'checkpoint.npz')) as found, \
            np.load(str(plain / 'weights.npz')) as weights:
        names = [name for name in found.files
                 if name != 'meta' and not name.startswith(('rng/', 'data/'))]
        assert len(names) == len(weights.files) == 8 + 2 * 8 + 4   # and Adam's powers
        for name, key in zip(names, weights.files):
            assert np.array_equal(found[name], weights[key]), name

    losses = np.load(str(plain / 'losses.npy')).reshape(2, 550, 2)
    log = np.genfromtxt(str(folder / 'log.csv'), delimiter=',', names=True)
    assert np.array_equal(log['loss_D'].astype(np.float32), losses[:, -1, 0])
    assert np.array_equal(log['loss_G'].astype(np.float32), losses[:, -1, 1])
    assert list(log['step']) == [549, 1099]


def feeds(n=100, seed=3):
    """Return images in [0, 1] and noise."""
    rng = np.random.RandomState(seed)
    return rng.uniform(size=(n, 784)).astype(np.float32), rng.normal(size=(n, 128))


def test_the_loss_fetched_with_an_update_is_from_before_it():
    model, sess, _ = started(vanilla)
    images, noise = feeds()
    for name, feed in (('D', {model.X: images, model.Z: noise}),
                       ('G', {model.Z: noise})):
        update = model.updates[name]
        before = sess.run(update.loss, feed)
        assert sess.run([update.train, update.loss], feed)[1] == before
        assert sess.run(update.loss, feed) != before


def float64_step(w, images, noise, lr):
    """Return (loss_D, loss_G, weights after) of the first step, in NumPy float64."""
    w = {name: value.astype(np.float64) for name, value in w.items()}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def forward(x, net):
        pre = x @ w[net + '_W1'] + w[net + '_b1']
        hidden = np.maximum(pre, 0)
        return pre, hidden, sigmoid(hidden @ w[net + '_W2'] + w[net + '_b2'])

    def backward(x, pre, hidden, logit_gradient, net):
        back = (logit_gradient @ w[net + '_W2'].T) * (pre > 0)
        return {net + '_W1': x.T @ back, net + '_b1': back.sum(0),
                net + '_W2': hidden.T @ logit_gradient,
                net + '_b2': logit_gradient.sum(0)}, back @ w[net + '_W1'].T

    def adam(gradients):
        for name, g in gradients.items():
            rate = lr * np.sqrt(1 - 0.999) / (1 - 0.9)
            w[name] = w[name] - rate * 0.1 * g / (np.sqrt(0.001 * g * g) + 1e-8)

    n = len(images)
    g_pre, g_hidden, fake = forward(noise, 'G')
    real_side, fake_side = forward(images, 'D'), forward(fake, 'D')
    loss_D = np.mean(np.log(real_side[2]) + np.log(1 - fake_side[2]))
    real_grad, _ = backward(images, *real_side[:2], -(1 - real_side[2]) / n, 'D')
    fake_grad, _ = backward(fake, *fake_side[:2], fake_side[2] / n, 'D')
    adam({name: real_grad[name] + fake_grad[name] for name in D})
    pre, hidden, D_gene = forward(fake, 'D')
    loss_G = np.mean(np.log(D_gene))
    _, to_fake = backward(fake, pre, hidden, -(1 - D_gene) / n, 'D')
    adam(backward(noise, g_pre, g_hidden, to_fake * fake * (1 - fake), 'G')[0])
    return loss_D, loss_G, w


def test_a_step_is_that_of_numpy_in_float64():
    """Tolerances: the float32 noise measured here is 6e-8 of a loss, and 3e-7 of a
    weight, where the first Adam update moves each by up to 2e-4 whatever its gradient.
    """
    model, sess, variables = started(vanilla)
    images, noise = feeds()
    noise = noise.astype(np.float32)
    start = sess.run(variables)
    loss_D, loss_G, after = float64_step(
        {name: start[name] for name in D + G}, images, noise, 0.0002)
    losses = vanilla.step(sess, model, vanilla.Config(),
                          lambda n: (images, None), lambda n: noise)
    end = sess.run(variables)
    assert abs(losses['loss_D'] - loss_D) < 1e-6
    assert abs(losses['loss_G'] - loss_G) < 1e-6
    for name in D + G:
        moved = np.abs(end[name] - start[name]).max()
        assert 1e-4 < moved < 2.1e-4, name
        wrong = np.abs(end[name] - after[name])
        assert np.quantile(wrong, 0.99) < 2e-6, name


def first_losses(module):
    """Return the losses of a module's first steps on MNIST with seed 0, [steps, 2]."""
    config = module.Config()
    rng = np.random.RandomState(0)
    data = mnist.load(None, rng).train
    model, sess, _ = started(module)
    steps = [module.step(sess, model, config, data.next_batch,
                         lambda n: module.noise(rng, n, config))
             for _ in range(SABOTAGE_STEPS)]
    return np.array([(losses['loss_D'], losses['loss_G']) for losses in steps])


@pytest.fixture(scope='module')
def plain_losses(tmp_path_factory, reference):
    """Return the losses of the plain script's first steps with seed 0, [steps, 2]."""
    out = tmp_path_factory.mktemp('plain') / 'out'
    run_plain(out, 0, 1)
    return np.load(str(out / 'losses.npy'))[:SABOTAGE_STEPS]


def test_every_step_has_the_loss_of_the_plain_script(plain_losses):
    assert np.array_equal(first_losses(vanilla), plain_losses)


SABOTAGE = {
    'sign of a log': ('log_D_real + log_not_D_gene', 'log_D_real - log_not_D_gene'),
    'sign of the objective': ('compute_gradients(-loss_G', 'compute_gradients(loss_G'),
    'learning rate x 1.01': ('learning_rate: float = 0.0002', 'learning_rate: float = '
                             '0.000202'),
    'a bias dropped': ('tf.matmul(hidden, G_W2) + G_b2', 'tf.matmul(hidden, G_W2)'),
    'D and G swapped': ('loss_D, var_list=D_var_list', 'loss_D, var_list=G_var_list'),
    'all variables': ('-loss_G, var_list=G_var_list', '-loss_G'),
    'noise redrawn for G': ('{model.Z: batch_noise})\n    return',
                            '{model.Z: draw_noise(config.batch_size)})\n    return'),
    'noise before the batch': (
        'batch_xs, _ = next_batch(config.batch_size)\n    '
        'batch_noise = draw_noise(config.batch_size)',
        'batch_noise = draw_noise(config.batch_size)\n    '
        'batch_xs, _ = next_batch(config.batch_size)'),
    'G before D': ('_, loss_D = ',
                   '_ = sess.run(G.train, {model.Z: batch_noise})\n'
                   '    _, loss_D = '),
    'uniform noise': ('rng.normal(size', 'rng.uniform(size'),
    'initial stddev': ('[n_hidden, 1], stddev=0.01', '[n_hidden, 1], stddev=0.02'),
    'an op more in front': ('tf.set_random_seed(seed)',
                            'tf.set_random_seed(seed); tf.no_op()'),
    'a guard in the log': ('tf.log(D_real)', 'tf.log(D_real + 1e-6)'),
    'beta1 of 0.5': ("name='Adam_D'", "0.5, name='Adam_D'"),
    'epsilon of 1e-7': ("name='Adam_G'", "epsilon=1e-7, name='Adam_G'"),
}


@pytest.mark.parametrize('name', SABOTAGE)
def test_sabotage_is_caught(plain_losses, name):
    old, new = SABOTAGE[name]
    count = open(vanilla.__file__).read().count(old)
    assert count == 1, f'{old!r} is no longer one place of vanilla.py'
    module = sabotaged(vanilla, old, new)
    assert not np.array_equal(first_losses(module), plain_losses)
