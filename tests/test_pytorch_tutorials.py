"""tf1gan.collapse, and the CSV that it reads; test_oracles.py has the arithmetic."""

import json

import numpy as np
import pytest
from conftest import N_IMAGES, csv_lines, run_module

from tf1gan import InputError, collapse, mnist, nn
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
    assert said == {5000 * i: f'counter = {10000 * i}' for i in range(1, 13)}


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
