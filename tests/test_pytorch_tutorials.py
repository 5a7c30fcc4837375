"""tf1gan.collapse, minimax and latent; test_oracles.py has the arithmetic."""

import json
import shutil
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from conftest import N_IMAGES, Listener, csv_lines, run_module, sabotaged
from test_run import same, state

from tf1gan import InputError, collapse, latent, minimax, mnist, nn, run_folder
from tf1gan.tf1 import tf


def test_the_csv_form_is_the_idx_form(csv):
    found, files = mnist.read(csv), mnist.read()
    assert np.array_equal(found.train_images, files.train_images[:N_IMAGES])
    assert np.array_equal(found.train_labels, files.train_labels[:N_IMAGES])
    assert len(found.test_images) == 0


BAD_CSV = {
    'a header': (
        lambda lines: ['label,' + ','.join(f'p{i}' for i in range(784))] + lines,
        'no header.* line 1;'),
    'a pixel less': (lambda lines: lines[:4] + [lines[4][:-2]], 'found 784 in line 5'),
    'a word': (lambda lines: lines[:2] + [lines[2].replace(',0,', ',zero,', 1)],
               'line 3'),
    'a pixel of 256': (lambda lines: lines[:3] + [lines[3][:-1] + '256'],
                       'pixels in 0 ... 255, found the pixel 256 in line 4'),
    'a negative pixel': (lambda lines: [lines[0][:-1] + '-1'], 'pixel -1 in line 1'),
    'a label of 10': (lambda lines: lines[:2] + ['10' + lines[2][1:]] + lines[3:],
                      'labels in 0 ... 9.*found the label 10 in line 3'),
    'an empty line': (lambda lines: lines[:2] + [''] + lines[2:], 'in line 3'),
    'nothing': (lambda lines: [], 'in line 1'),
    'no CSV': (lambda lines: ['\x00\xff'], 'found 1 in line 1'),
}


@pytest.mark.parametrize('name', BAD_CSV)
def test_a_bad_csv_is_refused(tmp_path, name):
    damage, message = BAD_CSV[name]
    path = tmp_path / 'bad.csv'
    path.write_bytes('\n'.join(damage(csv_lines(6))).encode('latin-1'))
    with pytest.raises(InputError, match=message) as refused:
        mnist.read(path)
    assert str(path) in str(refused.value) and '\n' not in str(refused.value)


@pytest.mark.parametrize('module, low', [(collapse, 0), (minimax, -1)])
def test_images_are_scaled(module, low):
    files = mnist.read()
    data = module.data(files, np.random.RandomState(0))
    assert data.images.shape == (60000, 784) and data.images.dtype == np.float32
    expected = low + files.train_images[7].ravel() * ((1 - low) / 255)
    assert np.abs(data.images[7] - expected).max() < 2 ** -22     # of float32 at 1
    assert data.images.min() == low and data.images.max() == 1


def values(model, names=None):
    """Return (session, function that returns the trainable variables by name)."""
    sess = tf.Session(graph=model.graph)
    sess.run(model.init)
    variables = {variable.op.name: variable for variable in
                 model.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)}
    return sess, lambda: sess.run(variables)


@pytest.mark.parametrize('module, config, n_D, n_G', [
    (collapse, collapse.Config(rung=1), 157201, 157984),
    (collapse, collapse.Config(rung=2), 157601, 158384),
    (collapse, collapse.Config(rung=3), 157601, 178184),
    (collapse, collapse.Config(rung=4), 157601, 178184),
    (minimax, minimax.Config(), 100609, 114064)])
def test_parameters_are_counted_by_hand(module, config, n_D, n_G):
    found = values(module.build(config, 0))[1]()
    for name, n in ('D', n_D), ('G', n_G):
        assert sum(array.size for key, array in found.items() if key[0] == name) == n
        assert f'{n:,}' in module.__doc__ or f'{n_D + n_G:,}' in module.__doc__


def initial_laws(module, config):
    """Return whether every initial value follows torch's laws."""
    n_noise = 100
    fan_in = {'D_W1': 784, 'D_b1': 784, 'D_W2': 200, 'D_b2': 200, 'G_W1': n_noise,
              'G_b1': n_noise, 'G_W2': 200, 'G_b2': 200}
    good = True
    for name, array in values(module.build(config, 3))[1]().items():
        if name.endswith('gain') or name.endswith('shift'):
            good &= bool((array == name.endswith('gain')).all())
            continue
        bound = 1 / np.sqrt(fan_in[name])
        good &= bool(np.abs(array).max() <= bound * (1 + 1e-6))
        if array.size > 100:    # uniform: ends are reached, and the spread is theirs
            good &= bool(np.abs(array).max() > 0.95 * bound)
            good &= bool(abs(array.std() / (bound / np.sqrt(3)) - 1) < 0.1)
            good &= bool(abs(array.mean()) < bound / 5)
    return good


def test_initial_values_follow_torchs_laws(monkeypatch):
    config = collapse.Config(rung=4)
    assert initial_laws(collapse, config)
    for old, new in (("uniform(n_input, [n_hidden], 'D_b1')",
                      "tf.Variable(tf.zeros([n_hidden]), name='D_b1')"),
                     ("uniform(n_noise, [n_noise", "uniform(n_hidden, [n_noise"),
                     ("tf.ones([n_hidden]), name='G_gain'",
                      "tf.zeros([n_hidden]), name='G_gain'")):
        assert not initial_laws(sabotaged(collapse, old, new), config)
    wider = sabotaged(nn, '1 / math.sqrt(fan_in)', '1.1 / math.sqrt(fan_in)')
    monkeypatch.setattr(collapse, 'uniform', wider.uniform)
    assert not initial_laws(collapse, config)


def test_bce_is_torchs_at_its_ends_too():
    """The expected values are what torch 2.13's BCELoss and its gradient give."""
    p = np.array([0, 1, 0.25, 0, 1])
    target = np.array([1, 1, 1, 0, 0])
    loss = [100, 0, 1.3862943649291992, 0, 100]
    slope = [-999999995904, 0, -4, 0, 999999995904]
    # Measured: equal to the bit, on the stock and on the MKL build; the limit leaves
    # another CPU's log a few of float32's last bits.
    with tf.Graph().as_default(), tf.Session() as sess:
        for i in range(len(p)):
            x = tf.constant([[p[i]]], tf.float32)
            y = nn.bce(x, float(target[i]))
            found = sess.run([y, tf.gradients(y, x)[0]])
            assert np.allclose(found[0], loss[i], rtol=1e-6, atol=0)
            assert np.allclose(found[1], slope[i], rtol=1e-6, atol=0)


def listen(module, config, n_steps=2):
    """Take steps; return the listener and the noise that was drawn."""
    model, rng = module.build(config, 0), np.random.RandomState(0)
    listener = Listener(*values(model))
    data, drawn = module.data(mnist.read(), rng), []

    def draw_noise(n):
        drawn.append(module.noise(rng, n, config))
        return drawn[-1]

    for _ in range(n_steps):
        module.step(listener, model, config, data.next_batch, draw_noise)
    return listener, drawn


@pytest.mark.parametrize('rung', collapse.RUNGS)
def test_a_step_of_the_ladder_is_three_updates(rung):
    listener, drawn = listen(collapse, collapse.Config(rung=rung))
    networks = [{name[0] for name in moved} for moved in listener.moved]
    assert networks == [{'D'}, {'D'}, {'G'}] * 2
    n_variables = 4 if rung == 1 else 6
    assert [len(moved) for moved in listener.moved[-3:]] == 3 * [n_variables]
    images = mnist.read().train_images.reshape(-1, 784) / np.float32(255)
    x, z = list(listener.feeds[0])[0], list(listener.feeds[1])[0]
    for step in 0, 1:       # in the order of the file
        assert np.array_equal(listener.feeds[3 * step][x], images[[step]])
        fake, fresh = listener.feeds[3 * step + 1][z], listener.feeds[3 * step + 2][z]
        assert np.array_equal(fake, drawn[2 * step])
        assert np.array_equal(fresh, drawn[2 * step + 1])
        assert not np.array_equal(fake, fresh)


def test_the_noise_of_every_rung_follows_its_law():
    for rung, (size, low) in {1: (1, 0), 2: (1, 0), 3: (100, 0), 4: (100, -9)}.items():
        z = collapse.noise(np.random.RandomState(0), 5000, collapse.Config(rung=rung))
        assert z.shape == (5000, size) and z.min() >= low
        mean, spread = (0.5, 12 ** -0.5) if low == 0 else (0, 1)
        assert abs(z.mean() - mean) < 0.02 and abs(z.std() - spread) < 0.02


@pytest.mark.parametrize('objective', minimax.CHOICES['objective'])
def test_a_step_of_the_game_moves_d_then_g(objective):
    listener, drawn = listen(minimax, minimax.Config(objective=objective))
    assert [{name[0] for name in moved} for moved in listener.moved] == [
        {'D'}, {'G'}] * 2
    assert [len(moved) for moved in listener.moved] == [4] * 4
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize('module, updates', [(collapse, ['D_real', 'D_fake']),
                                             (minimax, ['D'])])
def test_fakes_are_cut_off_from_g_in_ds_update(module, updates):
    model = module.build(module.Config(), 0)
    with model.graph.as_default():
        variables = [variable for variable in tf.trainable_variables()
                     if variable.op.name[0] == 'G']
        for update in updates:
            assert (tf.gradients(model.updates[update].loss, variables)
                    == [None] * len(variables))
        assert None not in tf.gradients(model.updates['G'].loss, variables)


def test_a_ladder_run_leaves_its_files(run, csv, tmp_path):
    out = run(collapse, '--rung', 1, '--epochs', 2, '--data', csv, '--out', 'run')
    assert out == ''        # the counter's first line comes after 5,000 steps
    names = sorted(path.name for path in (tmp_path / 'run').rglob('*.png'))
    assert names == sorted(2 * ['000.png', '001.png', '002.png']
                           + ['loss_D.png', 'loss_G.png'])
    log = np.genfromtxt(str(tmp_path / 'run/log.csv'), delimiter=',', names=True)
    assert log.dtype.names == ('epoch', 'step', 'loss_D_real', 'loss_D_fake', 'loss_G',
                               'seconds')
    assert list(log['step']) == list(range(4, 2 * N_IMAGES, 5))
    assert json.loads((tmp_path / 'run/env.json').read_text())['threads'] == 1


def test_the_counter_counts_ds_updates():
    lines = [collapse.line(done, 60000, {}) for done in range(60001)]
    said = {done: line for done, line in enumerate(lines) if line and done}
    assert said == {5000 * i: f'counter = {10000 * i}' for i in range(1, 13)}


@pytest.mark.parametrize('sanity', [[], ['--sanity']])
def test_a_resumed_ladder_run_has_the_same_bits(run, csv, tmp_path, sanity):
    flags = ['--epochs', 2, '--data', csv, '--rung', 4, *sanity]
    whole = run(collapse, *flags, '--out', 'whole')
    parts = run(collapse, *flags, '--out', 'parts', '--max-steps', 13)
    for stop in 17, 23, 44:
        parts += run(collapse, '--resume', 'parts', '--max-steps', stop)
    assert parts + run(collapse, '--resume', 'parts') == whole
    same(state(tmp_path / 'parts'), state(tmp_path / 'whole'))


def test_the_sanity_check_prints_d_on_images_and_on_noise(tmp_path):
    ended = run_module('tf1gan.collapse', '--sanity', '--max-steps', 60000,
                       '--data', write_many(tmp_path), '--out', 'run', cwd=tmp_path)
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == 'counter = 10000' and len(lines) == 9
    real, noise = np.array(lines[1:], float).reshape(2, 4)
    assert real.min() > 0.9 and noise.max() < 0.1       # easily told apart
    assert not (tmp_path / 'run/loss_G.png').exists()
    for folder in 'samples', 'fixed':
        assert list((tmp_path / 'run' / folder).iterdir()) == []


def write_many(tmp_path):
    """Return a CSV file of 5,000 images."""
    path = tmp_path / 'many.csv'
    path.write_text('\n'.join(csv_lines(5000)))
    return path


@pytest.fixture(scope='module')
def short(tmp_path_factory, csv):
    """Return the folder of a short ladder run."""
    home = tmp_path_factory.mktemp('short')
    assert run_module('tf1gan.collapse', '--data', csv, '--out', 'run',
                      cwd=home).status == 0
    return home / 'run'


@pytest.fixture
def trained(short, tmp_path, monkeypatch):
    """Return a copy of that folder, in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(str(short), str(tmp_path / 'run')))


def test_latent_draws_three_pictures(trained, monkeypatch, capfd):
    monkeypatch.setattr(sys, 'argv', ['', str(trained), '--seed-a', '5'])
    assert latent.main() == 0
    shapes = {path.name: matplotlib.image.imread(str(path)).shape
              for path in (trained / 'latent').iterdir()}
    assert sorted(shapes) == ['difference.png', 'interpolation.png', 'sum.png']
    assert len(capfd.readouterr().out.splitlines()) == 3


def test_latent_arithmetic_is_done_on_the_noise(trained):
    generate = latent.Generator(trained)
    a = generate.noise(np.random.RandomState(5), 1)
    assert np.array_equal(a, np.random.RandomState(5).normal(size=(1, 100)))
    b = generate.noise(np.random.RandomState(6), 1)
    points = latent.interpolate(a, b)
    assert points.shape == (12, 100)
    assert np.array_equal(points[[0, -1]], np.concatenate([a, b]))
    steps = np.diff(points, axis=0)
    assert np.abs(steps - (b - a) / 11).max() < 1e-14       # of float64
    images = generate(points)
    weights = {name: array.astype(np.float64) for name, array in
               run_folder.load_checkpoint(trained)[0].items()}
    hidden = points @ weights['G_W1'] + weights['G_b1']
    hidden = np.where(hidden > 0, hidden, 0.02 * hidden)
    hidden -= hidden.mean(1, keepdims=True)
    hidden /= np.sqrt((hidden ** 2).mean(1, keepdims=True) + 1e-5)
    hidden = hidden * weights['G_gain'] + weights['G_shift']
    expected = 1 / (1 + np.exp(-hidden @ weights['G_W2'] - weights['G_b2']))
    # Measured: 2.1e-7, of TF 1.15's approximate sigmoid.
    assert np.abs(images.reshape(12, 784) - expected).max() < 1e-6


@pytest.mark.parametrize('args, words', [
    (['nowhere'], 'no such folder'), (['run', '--seed-a', '-1'], '--seed-a'),
    ([], 'RUN'), (['run', '--out', 'run/log.csv/x'], 'log.csv'),
    (['run', '--seed-c', '1'], '--seed-c')])
def test_latent_refuses_bad_input(trained, monkeypatch, capfd, args, words):
    monkeypatch.setattr(sys, 'argv', [''] + args)
    assert latent.main() == 2
    out, err = capfd.readouterr()
    assert len(err.splitlines()) == 1 and words in err


def test_latent_refuses_a_run_without_a_generator(run, csv, tmp_path):
    run(collapse, '--data', csv, '--out', 'run', '--sanity')
    with pytest.raises(InputError, match='generator'):
        latent.Generator(tmp_path / 'run')
