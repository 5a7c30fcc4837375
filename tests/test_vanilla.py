"""tf1gan.vanilla against the tutorial's plain script, bit by bit."""

import matplotlib.image
import numpy as np
import pytest
from conftest import ROOT, python, run_module, sabotaged, started

from tf1gan import mnist, vanilla

D = ['D_W1', 'D_b1', 'D_W2', 'D_b2']
G = ['G_W1', 'G_b1', 'G_W2', 'G_b2']
SABOTAGE_STEPS = 30
SEEDS = [(0, None), (1, 1)]     # and threads; None: TensorFlow's own choice


@pytest.fixture(scope='module')
def plain_runs(tmp_path_factory, reference):
    """Return the plain script's folder and what it prints in two epochs, by seed."""
    runs = {}
    for seed, threads in SEEDS:
        out = tmp_path_factory.mktemp('plain')
        ended = python(ROOT / 'tests' / 'plain_vanilla.py', mnist.DATA, out, seed, 2,
                       *([threads] if threads else []), cwd=out)
        assert ended.status == 0, ended.err
        runs[seed] = out, ended.out
    return runs


@pytest.mark.parametrize('seed, threads', SEEDS)
def test_two_epochs_have_the_bits_of_the_plain_script(tmp_path, plain_runs, seed,
                                                      threads):
    plain, expected = plain_runs[seed]
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
def plain_losses(plain_runs):
    """Return the losses of the plain script's first steps with seed 0, [steps, 2]."""
    return np.load(str(plain_runs[0][0] / 'losses.npy'))[:SABOTAGE_STEPS]


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
    'initial stddev': ('[n_hidden, 1], stddev=config.stddev',
                       '[n_hidden, 1], stddev=0.02'),
    'an op more in front': ('tf.set_random_seed(seed)',
                            'tf.set_random_seed(seed); tf.no_op()'),
    'a guard in the log': ('tf.log(D_real)', 'tf.log(D_real + 1e-6)'),
    'beta1 of 0.5': ('beta1: float = 0.9', 'beta1: float = 0.5'),
    'epsilon of 1e-7': ('epsilon: float = 1e-8', 'epsilon: float = 1e-7'),
}


@pytest.mark.parametrize('name', SABOTAGE)
def test_sabotage_is_caught(plain_losses, name):
    old, new = SABOTAGE[name]
    count = open(vanilla.__file__).read().count(old)
    assert count == 1, f'{old!r} is no longer one place of vanilla.py'
    module = sabotaged(vanilla, old, new)
    assert not np.array_equal(first_losses(module), plain_losses)
