"""tf1gan.dcgan and conditional; test_oracles.py has the arithmetic."""

import numpy as np
import pytest
from conftest import started

from tf1gan import conditional, dcgan, nn
from tf1gan.tf1 import tf

TUTORIALS = {'dcgan': dcgan, 'conditional': conditional}


def test_the_clipped_loss_is_keras_1s_at_its_ends_too():
    """The expected values are what Keras 1.2.2 and its gradient give, on TF 1.15.5."""
    logit = np.float32([-104, -20, -1, 0, 1, 17, 20])
    expected = {
        0.: ([1.00000015e-07, 1.00000015e-07, 0.313261688, 0.693147182, 1.31326175,
              15.9423847, 15.9423847],
             [0, 0, 0.268941432, 0.5, 0.731058598, 0, 0]),
        1.: ([16.1180954, 16.1180954, 1.31326175, 0.693147182, 0.313261688,
              1.19209332e-07, 1.19209332e-07],
             [0, 0, -0.731058598, -0.5, -0.268941402, 0, 0])}
    # Measured: the same bits (3.8e-9 is what these decimals leave out), on TensorFlow
    # 1.15, its MKL build, 2.12 and 2.21; the limit leaves another CPU's log a few of
    # float32's last bits.
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [1, 1])
        for target, (losses, slopes) in expected.items():
            y = nn.bce_clipped(x, target)
            fetches = y, tf.gradients(y, x)[0]
            for i in range(len(logit)):
                loss, slope = sess.run(fetches, {x: logit[i:i + 1, None]})
                assert np.allclose(loss, losses[i], rtol=1e-6, atol=0)
                assert np.allclose(slope, slopes[i], rtol=1e-6, atol=0)


# --- Dropout --------------------------------------------------------------------------

@pytest.mark.parametrize('name, update, rate', [
    ('dcgan', 'D_real', 0.3), ('dcgan', 'D_fake', 0.3), ('dcgan', 'G', 0.3),
    ('conditional', 'D', 0.5), ('conditional', 'G', 0.5)])
def test_masks_drop_their_share_and_are_new_in_every_update(name, update, rate):
    module = TUTORIALS[name]
    model, sess, _ = started(module, seed=3)
    rng = np.random.RandomState(0)
    drawn = module.noise(rng, 32, module.Config())
    feed = {model.X: np.zeros((32, 28, 28, 1))}
    if name == 'conditional':
        feed[model.Z], feed[model.Z_labels] = drawn
        feed[model.X_labels] = drawn[1]
    else:
        feed[model.Z] = drawn
    masks = model.updates[update].masks
    train = model.updates[update].train
    first, loss, _ = sess.run([masks, model.updates[update].loss, train], feed)
    second = sess.run(masks, feed)
    shapes = {'dcgan': [(32, 14, 14, 64), (32, 7, 7, 128)],
              'conditional': [(64 if update == 'D' else 32, 256)]}
    assert [mask.shape for mask in first] == shapes[name]
    for mask, other in zip(first, second):
        kept = np.float32(1 / (1 - rate))
        assert set(np.unique(mask)) == {np.float32(0), kept}
        # 4 standard deviations of a share of so many
        spread = np.sqrt(rate * (1 - rate) / mask.size)
        assert abs((mask == 0).mean() - rate) < 4 * spread
        assert 0.3 < (mask != other).mean() < 0.6       # 2 r (1 - r) differ by chance
    if len(first) > 1:
        size = min(mask.size for mask in first)
        assert 0.3 < (first[0].ravel()[:size] != first[1].ravel()[:size]).mean() < 0.6


# --- What is printed, drawn and kept --------------------------------------------------

def test_dcgan_prints_and_draws_every_200():
    losses = {'loss_D_real': 0.6, 'loss_D_fake': 0.7472, 'loss_G': 1.0875,
              'accuracy_D_real': 0.5, 'accuracy_D_fake': 0.6478, 'accuracy_G': 0.169}
    due = {done: (dcgan.line(done, 1, losses), dcgan.picture(done, 1, dcgan.Config()))
           for done in range(10002)}
    said = {done: both for done, both in due.items() if both != (None, None)}
    assert list(said) == [200 * i + 1 for i in range(51)]
    assert said[201] == ('epoch:200  d_loss:0.6736 d_accuracy:0.5739  gan_loss:1.0875 '
                         'gen_accuracy:0.1690', 'gan_mnist_200.png')
    assert said[10001][1] == 'gan_mnist_10000.png'


def test_conditional_draws_before_every_500th_batch():
    config = conditional.Config(epochs=2)
    names = [conditional.picture(done, 1875, config) for done in range(2 * 1875 + 1)]
    due = {done: name for done, name in enumerate(names) if name}
    assert due == {0: '0000_0000.png', 500: '0000_0500.png', 1000: '0000_1000.png',
                   1500: '0000_1500.png', 1875: '0001_0000.png', 2375: '0001_0500.png',
                   2875: '0001_1000.png', 3375: '0001_1500.png', 3750: '0002_0000.png'}
    lines = [conditional.line(done, 1875, {'loss_D': 0.5, 'loss_G': 1})
             for done in range(1, 1876)]
    assert lines[:-1] == [None] * 1874 and lines[-1].startswith('epoch: 0 ')


def test_the_table_has_the_means_that_the_source_prints():
    """The expected ones accumulate as Keras's metrics do, update by update."""
    rng, rows, running = np.random.RandomState(0), [], []
    seen = {'loss_D': [], 'accuracy_D': [], 'loss_G': [], 'accuracy_G': []}
    for step in range(5):
        row = {f'{kind}_{which}': rng.uniform() for kind in ('loss', 'accuracy')
               for which in ('D_real', 'D_fake', 'G')}
        rows.append({'epoch': step, 'step': step, **row, 'seconds': 1.0})
        means = {}
        for kind in 'loss', 'accuracy':
            after = []
            for which in 'real', 'fake':
                seen[f'{kind}_D'].append(row[f'{kind}_D_{which}'])
                after.append(sum(seen[f'{kind}_D']) / len(seen[f'{kind}_D']))
            means[f'running_{kind}_D'] = sum(after) / 2
            seen[f'{kind}_G'].append(row[f'{kind}_G'])
            means[f'running_{kind}_G'] = sum(seen[f'{kind}_G']) / len(seen[f'{kind}_G'])
        running.append(means)
    table = dcgan.table(rows)
    for row, means, whole in zip(rows, running, table):
        assert {**row, **means} == pytest.approx(whole, rel=1e-8)  # 9 digits are kept
        assert list(whole)[-1] == 'seconds'
