"""tf1gan.collapse and its losses; test_oracles.py has the arithmetic."""

import json

import numpy as np
from conftest import N_IMAGES, csv_lines, run_module

from tf1gan import collapse, nn
from tf1gan.tf1 import tf


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
    assert said == {5000 * i: f'counter =  {10000 * i}' for i in range(1, 13)}


def test_the_sanity_check_prints_d_on_images_and_on_noise(tmp_path):
    ended = run_module('tf1gan.collapse', '--sanity', '--max-steps', 60000,
                       '--data', write_many(tmp_path), '--out', 'run', cwd=tmp_path)
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == 'counter =  10000' and len(lines) == 9
    real, noise = np.array(lines[1:], float).reshape(2, 4)
    assert real.min() > 0.9 and noise.max() < 0.1       # easily told apart
    assert not (tmp_path / 'run/loss_G.png').exists()
    config = json.loads((tmp_path / 'run/config.json').read_text())['config']
    assert config['rung'] == 1      # the source's D there, where none is named
    for folder in 'samples', 'fixed':
        assert list((tmp_path / 'run' / folder).iterdir()) == []


def test_a_sanity_check_of_another_rung_is_resumed_by_its_own_words(run, csv, tmp_path):
    """What follows from --sanity is not said again, and contradicts nothing."""
    run(collapse, '--sanity', '--rung', 2, '--data', csv, '--out', 'run', '--max-steps',
        3)
    run(collapse, '--sanity', '--resume', 'run')
    config = json.loads((tmp_path / 'run/config.json').read_text())['config']
    assert config['rung'] == 2


def write_many(tmp_path):
    """Return a CSV file of 5,000 images."""
    path = tmp_path / 'many.csv'
    path.write_text('\n'.join(csv_lines(5000)))
    return path
