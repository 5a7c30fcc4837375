"""tf1gan.dcgan and conditional; Keras itself is the oracle of their arithmetic.

Two of them: the Keras inside TF 1.15 runs here, and what Keras 3 makes of the same
steps is in tests/oracles/keras3_*.npz, written by record_keras.py there.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import sabotaged, started
from test_oracles import relative

from tf1gan import conditional, dcgan, nn
from tf1gan.tf1 import tf

HERE = Path(__file__).parent / 'oracles'
sys.path.insert(0, str(HERE))
import record_keras         # noqa: E402
import stated_conv          # noqa: E402
from stated import sample   # noqa: E402

TUTORIALS = {'dcgan': dcgan, 'conditional': conditional}
NAMES = list(TUTORIALS)
# A bias right before a batch normalization has no gradient but rounding's.
IDLE = {'dcgan': ['G_b2'], 'conditional': ['G_b1', 'G_b2', 'G_b3']}
IDLING = 1e-6       # of the step's largest gradient; measured: 2.7e-7
FIRST_STEP = 1e-5
# How far the first step's updates move a variable, which is little beside its size.
# Measured: 3e-5 from TF 1.15's Keras, 2e-4 from Keras 3.
MOVE = 3e-4
# What of a batch of images a moving variance takes in differs: n/(n - 1) in TF 1.15
# and in dcgan; Keras 3 and the conditional have the biased one.
OF_IMAGES = {'dcgan': 'G_norm2_variance', 'conditional': 'G_norm3_variance'}
FROM_3 = {'dcgan': OF_IMAGES['dcgan']}
FROM_1 = {'conditional': OF_IMAGES['conditional']}
# Both Kerases' Adam; the conditional's own is that of Keras 1.
EPSILON = 1e-7
# Adam's first updates are nearly signs, and dcgan's rate is high: where a gradient is
# all but 0, the last bit decides. Measured in the second step, the most of any pair of
# tf1gan and the two Kerases, on the stock and on the MKL build: dcgan 6.7e-3 in a
# gradient, 5.0e-4 in a weight, 1.3e-4 in a loss, 1.8e-4 in a fake; conditional 5.5e-6,
# 5.2e-6, 8.4e-8 and 1.3e-6. In the first step at most 8.6e-6.
LATER = {'dcgan': {'grad': 2e-2, 'after': 2e-3, 'loss': 2e-4, 'fakes': 2e-4},
         'conditional': {'grad': 1e-5, 'after': 1e-5, 'loss': 1e-5, 'fakes': 1e-5}}


# --- Against Keras --------------------------------------------------------------------

def replay(name, module=None, n_steps=stated_conv.N_STEPS):
    """Take the steps that record_keras.record takes, with the tutorial's graph."""
    module = module or TUTORIALS[name]
    start, arrays = stated_conv.stated(name), {}
    model, sess, variables = started(module, epsilon=EPSILON)
    variables = {variable: variables[variable] for variable in start.weights}
    with sess:
        for variable, value in start.weights.items():
            variables[variable].load(value, sess)
        for step in range(n_steps):
            for update in stated_conv.UPDATES[name]:
                feed = dict(zip(model.updates[update].masks,
                                start.masks[step][update]))
                if update in ('D', 'D_real'):
                    feed[model.X] = start.X[step]
                if update != 'D_real':
                    feed[model.Z] = start.Z_D[step]
                if name == 'conditional':
                    feed[model.Z_labels] = start.labels_D[step]
                    feed[model.X_labels] = start.labels[step]
                    if update == 'G':
                        feed[model.Z] = start.Z_G[step]
                        feed[model.Z_labels] = start.labels_G[step]
                fetches = {'loss': model.updates[update].loss,
                           'train': model.updates[update].train}
                fetches.update({f'grad/{variable.op.name}': gradient for
                                gradient, variable in
                                model.updates[update].gradients})
                if update in ('D', 'D_fake'):
                    fetches['fakes'] = model.G
                found = sess.run(fetches, feed)
                del found['train']
                found.update({f'after/{variable}': value for variable, value
                              in sess.run(variables).items()
                              if variable[0] == update[0]})
                key = f'step_{step:03d}'
                if 'fakes' in found:
                    arrays[f'{key}/fakes'] = found.pop('fakes')
                arrays.update({f'{key}/{update}/{part}': array
                               for part, array in found.items()})
    return {key: np.asarray(sample(np.asarray(array))) for key, array in arrays.items()}


def wrong(name, found, expected, apart=None):
    """Return what differs beyond its limit, in causal order, as sentences.

    The variable `apart` may move otherwise.
    """
    said, was = [], ({}, {})
    initial = {variable: sample(array) for variable, array
               in stated_conv.stated(name).weights.items()}
    for key in expected:
        step, *parts, variable = key.split('/')
        if key not in found:
            continue
        if variable in IDLE[name]:
            if parts[1] == 'grad':      # idle on both sides, beside other gradients
                loudest = max(np.abs(expected[other]).max() for other in expected
                              if other.startswith(key[:-len(variable)]))
                if max(np.abs(found[key]).max(),
                       np.abs(expected[key]).max()) > IDLING * loudest:
                    said.append(f'{key}: expected rounding only')
            continue
        kind = parts[1] if len(parts) == 2 else variable
        limit = FIRST_STEP if step == 'step_000' else LATER[name][kind]
        distance = relative(found[key], expected[key])
        if not distance <= limit:
            said.append(f'{key}: differs by {distance:.1e}, limit {limit:.0e}')
        if kind == 'after':         # and how far the update moved it
            moves = [arrays[key] - before.get(variable, initial[variable])
                     for arrays, before in ((found, was[0]), (expected, was[1]))]
            distance = relative(*moves)
            if step == 'step_000' and variable != apart and not distance <= MOVE:
                said.append(f'{key}: moves differ by {distance:.1e}, limit {MOVE:.0e}')
            was[0][variable], was[1][variable] = found[key], expected[key]
    return said


def keras_of_tf1(name):
    """Return `record_keras.record` of the Keras inside TF 1.15."""
    backend = tf.keras.backend

    def gradients(model, variables, inputs, target):
        tensors = [model.total_loss, *tf.gradients(model.total_loss, variables)]
        feed = {**dict(zip(model.inputs, inputs)), model._feed_targets[0]: target,
                backend.learning_phase(): 1}
        loss, *found = backend.get_session().run(tensors, feed)
        return loss, found

    with tf.Graph().as_default(), tf.Session() as sess:
        backend.set_session(sess)
        return record_keras.record(name, tf.keras, gradients)


@pytest.fixture(scope='module')
def keras_1(reference):
    """Return what the Keras of TF 1.15 recorded, by tutorial."""
    return {name: keras_of_tf1(name) for name in NAMES}


@pytest.fixture(scope='module')
def keras_3():
    """Return what Keras 3 recorded, by tutorial."""
    recorded = {}
    for name in NAMES:
        with np.load(str(HERE / f'keras3_{name}.npz'), allow_pickle=False) as arrays:
            recorded[name] = {key: arrays[key] for key in arrays.files if key != 'meta'}
    return recorded


@pytest.mark.parametrize('name', NAMES)
def test_losses_gradients_and_updates_are_those_of_keras_3(name, keras_3):
    found = replay(name)
    assert set(found) == set(keras_3[name])
    assert wrong(name, found, keras_3[name], apart=FROM_3.get(name)) == []


@pytest.mark.parametrize('name', NAMES)
def test_losses_gradients_and_updates_are_those_of_tf1s_keras(name, keras_1, keras_3):
    found = replay(name)
    assert set(found) == set(keras_1[name])
    assert wrong(name, found, keras_1[name], apart=FROM_1.get(name)) == []
    assert wrong(name, keras_1[name], keras_3[name], apart=OF_IMAGES[name]) == []


@pytest.mark.parametrize('name', NAMES)
def test_kerases_differ_in_what_a_moving_variance_takes_in(name, keras_1, keras_3):
    """The listed departure of dcgan, whose source ran on Keras 3, and its size."""
    variable = OF_IMAGES[name]
    key = f'step_000/G/after/{variable}'
    initial = stated_conv.stated(name).weights[variable].astype(float)
    taken_in = [(after[key] - 0.99 * initial) / 0.01
                for after in (replay(name, n_steps=1), keras_1[name], keras_3[name])]
    n = stated_conv.BATCH_SIZE * 14 * 14
    unbiased = n / (n - 1)
    # Measured: within 6e-6; n/(n - 1) is 6e-4 from 1.
    for mine, expected in zip(taken_in, (unbiased if name in FROM_3 else 1, unbiased)):
        assert abs(np.median(mine / taken_in[2]) - expected) < 2e-5


SABOTAGE = {
    'symmetric padding': ('dcgan', 'tf.nn.conv2d(x, W, stride, padding)',
                          'tf.nn.conv2d(tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]), W,'
                          ' stride, "VALID")'),
    'bilinear upsampling': ('dcgan', 'resize_nearest_neighbor', 'resize_bilinear'),
    'LeakyReLU slope of G': ('dcgan', 'G_b1, slope)', 'G_b1, slope + 0.01)'),
    'LeakyReLU slope of D': ('dcgan', "D_b2, 2, 'SAME'), slope)",
                             "D_b2, 2, 'SAME'), slope + 0.01)"),
    'normalization before the activation': (
        'dcgan', 'x = tf.nn.leaky_relu(tf.matmul(z, G_W1) + G_b1, slope)\n'
        '            x = norm(x, G_norm1, updates)',
        'x = norm(tf.matmul(z, G_W1) + G_b1, G_norm1, updates)\n'
        '            x = tf.nn.leaky_relu(x, slope)'),
    'activation before the normalization': (
        'conditional', 'tf.nn.relu(norm(tf.matmul(x, G_W1) + G_b1, G_norm1, updates))',
        'norm(tf.nn.relu(tf.matmul(x, G_W1) + G_b1), G_norm1, updates)'),
    'a SAME second convolution': (
        'conditional', "conv(x, D_W2, D_b2, 2, 'VALID')",
        "conv(x, D_W2, D_b2, 2, 'SAME')[:, 1:6, 1:6]"),
    'label planes': ('conditional', 'labels[:, None, None, :] *',
                     'labels[:, None, None, ::-1] *'),
    'planes before the image': ('conditional', '[x, planes], 3', '[planes, x], 3'),
    'labels before the noise': ('conditional', '[z, labels], 1', '[labels, z], 1'),
    'targets swapped': ('conditional', 'tf.concat([tf.ones_like(logits_D[:n]), '
                        'tf.zeros_like(logits_D[n:])]',
                        'tf.concat([tf.zeros_like(logits_D[:n]), '
                        'tf.ones_like(logits_D[n:])]'),
    'flattened over channels first': (
        'dcgan', 'x = tf.reshape(x, [-1, 7 * 7 * wide])',
        'x = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, 7 * 7 * wide])'),
    "batch normalization's momentum": ('conditional', 'momentum: float = 0.99',
                                       'momentum: float = 0.9'),
    "batch normalization's epsilon": ('dcgan', 'norm_epsilon: float = 1e-3',
                                      'norm_epsilon: float = 1e-5'),
    "Adam's epsilon": ('conditional', 'epsilon=config.epsilon',
                       'epsilon=config.epsilon / 10'),
    "beta1 of G's Adam": ('conditional', 'beta1_G: float = 0.5',
                          'beta1_G: float = 0.9'),
    "beta1 of dcgan's Adams": ('dcgan', 'beta1: float = 0.5',
                               'beta1: float = 0.9'),
    "D's rate": ('conditional', '= 0.00001 ', '= 0.0000101 '),
    'a rate of dcgan': ('dcgan', '0.002 ', '0.00202 '),
    "beta1 of D's Adam": ('conditional', 'beta1_D: float = 0.1',
                          'beta1_D: float = 0.2'),
    "G's rate": ('conditional', '= 0.00008', '= 0.0000808'),
    'fakes in training mode': ('dcgan', 'tf.stop_gradient(G), masks_D_fake',
                               'tf.stop_gradient(G_training), masks_D_fake'),
    'fakes of the conditional in training mode': (
        'conditional', 'tf.stop_gradient(G)]', 'tf.stop_gradient(G_training)]'),
    "D's dropout off in G's update": ('dcgan', 'discriminator(G_training, masks_G)',
                                      'discriminator(G_training, (1., 1.))'),
    'a gradient not turned': ('dcgan', 'dW[:, ::-1, ::-1]', 'dW'),
    'tanh': ('conditional', 'tf.nn.tanh', 'tf.nn.sigmoid'),
}


@pytest.mark.parametrize('name', NAMES)
def test_no_change_is_no_sabotage(name, keras_3):
    found = replay(name, sabotaged(TUTORIALS[name], 'tanh', 'tanh'), 1)
    assert wrong(name, found, keras_3[name], apart=FROM_3.get(name)) == []


@pytest.mark.parametrize('case', SABOTAGE)
def test_sabotage_is_caught(case, keras_3, monkeypatch):
    name, old, new = SABOTAGE[case]
    module = TUTORIALS[name]
    if old in Path(module.__file__).read_text():
        module = sabotaged(module, old, new)
    else:       # in what the tutorial has from nn
        for function, changed in vars(sabotaged(nn, old, new)).items():
            if getattr(module, function, None) is getattr(nn, function, module):
                monkeypatch.setattr(module, function, changed)
    n_steps = 2 if 'beta1' in case or 'epsilon' in case else 1
    assert wrong(name, replay(name, module, n_steps), keras_3[name],
                 apart=FROM_3.get(name))


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
    assert [mask.shape for mask in first] == [
        (32 * shape[0] // 8,) + shape[1:] for shape in
        stated_conv.mask_shapes(name, update)]
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
