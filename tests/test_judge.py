"""The judge: a known mistake is named, no other change is, no right run is accused.

A port's trace is a golden one with the arrays changed as the mistake would change them,
by plain NumPy. The mistakes that experiments/ports/sabotage.py makes in a port's own
source are not repeated here. NumPy only.
"""

import functools

import numpy as np
import pytest
from conftest import ROOT

import tf1gan
from tf1gan import compare, descriptions, judge, mnist, trace
from tf1gan.judge import search, words
from tf1gan.judge.search import Search, odd, steady
from tf1gan.trace import Trace

PORTS = ROOT / 'experiments' / 'ports'
SATURATED = PORTS / 'saturated_vanilla.npz'     # its first loss of G is infinite
load = functools.lru_cache(None)(trace.load)


def judged(golden, changes):
    """Return the report on a copy of golden with some arrays changed; None: left out.

    What was computed in float64 is stored in float32, as a port has it.
    """
    arrays = {**golden.arrays}
    for key, value in changes.items():
        arrays.pop(key) if value is None else arrays.update({key: np.asarray(
            value, np.float32 if np.result_type(value) == float else None)})
    return compare.compare(golden, Trace('mine', golden.meta, arrays))


# --- What the mistakes compute --------------------------------------------------------

def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def dense(x, W1, b1, W2, b2, slope=0):
    """Return what a dense network of vanilla and minimax makes of x, before its end."""
    x = x @ W1 + b1
    return np.where(x > 0, x, slope * x) @ W2 + b2


def dense_D(images, place, slope=0):
    """Return a change: D's logits of X or of the fakes, with the weights of a place."""
    def change(_, g):
        return dense(g(f'step_000/D/{images}'), *(
            g(f'{place}/D_{name}') for name in ('W1', 'b1', 'W2', 'b2')), slope)
    return change


def unbiased_layer_norm(_, g):
    """Return collapse's G, its layer normalization over the unbiased variance."""
    x = g('step_000/D_fake/feed/Z') @ g('init/G_W1') + g('init/G_b1')
    x = np.where(x > 0, x, 0.02 * x)
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True, ddof=1) + 1e-5)
    x = x * g('init/G_gain') + g('init/G_shift')
    return sigmoid(x @ g('init/G_W2') + g('init/G_b2'))


def moments(kind, step):
    """Return a change: D's moments in all updates, by `step(before, gradient, w)`."""
    def change(_, g):
        changes = {}
        for name in 'W1', 'b1', 'W2', 'b2':
            moment, w = 0, g(f'init/D_{name}')
            for n in range(3):
                moment = step(moment, g(f'step_00{n}/D/grad/D_{name}'), w)
                changes[f'step_00{n}/D/{kind}/D_{name}'] = moment
                w = g(f'step_00{n}/D/after/D_{name}')
        return changes
    return change


def beta1_of_0(_, g):
    """Return a change: D's first update with it, whose step is the same; no later one.
    """
    changes = {key: None for key in load('vanilla').arrays
               if key.startswith(('step_001', 'step_002'))}
    changes.update({f'{D}/adam_m/D_{name}': g(f'{D}/grad/D_{name}')
                    for name in ('W1', 'b1', 'W2', 'b2')})
    return changes


def adam_step(t):
    """Return a change: G's first update by Adam, with its biases corrected for `t`."""
    def change(_, g):
        changes = {}
        for name in 'G_W1', 'G_b1', 'G_W2', 'G_b2':
            m, v = (g(f'step_000/G/adam_{moment}/{name}') for moment in 'mv')
            m, v = m / (1 - 0.9 ** t), v / (1 - 0.999 ** t)
            epsilon = 1e-8 / np.sqrt(1 - 0.999 ** t)
            changes[f'step_000/G/after/{name}'] = (
                g(f'init/{name}') - 2e-4 * m / (np.sqrt(v) + epsilon))
        return changes
    return change


def keras_nadam(_, g):
    """Return a change: D's first step by Keras's Nadam; no later update.

    Its beta1 warms up by 0.96 ** t.
    """
    changes = {key: None for key in load('vanilla').arrays
               if key.startswith(('step_000/G', 'step_001', 'step_002'))}
    mu, left = [0.9 * (1 - 0.5 * 0.96 ** n) for n in (1, 2)], 1 - np.float32(0.999)
    for name in 'D_W1', 'D_b1', 'D_W2', 'D_b2':
        gradient, m, v = (g(f'step_000/D/{kind}/{name}')
                          for kind in ('grad', 'adam_m', 'adam_v'))
        m = mu[1] * m / (1 - mu[0] * mu[1]) + gradient
        changes[f'step_000/D/after/{name}'] = (
            g(f'init/{name}') - 2e-4 * m / (np.sqrt(v / left) + 1e-8))
    return changes


def half_even(x):
    """Return x with the 8 significant bits of a bfloat16."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 256), exponent - 8)


@functools.lru_cache(None)
def pixels():
    """Return MNIST's training images as vanilla feeds them."""
    images = mnist.read().train_images.reshape(-1, 784)
    return images.astype(np.float32) * np.float32(1 / 255)


def rows_of(images):
    """Return the rows of the file that images of vanilla are."""
    return [int(np.flatnonzero((pixels() == image.astype(np.float32)).all(1))[0])
            for image in images]


def flattened(W):
    """Return a weight of [7 * 7 * channels, 1] in the order (channels, 7, 7)."""
    return W.reshape(7, 7, -1).transpose(2, 0, 1).reshape(-1, 1)


def noise(shape, seed=0):
    """Return normal noise."""
    return np.random.RandomState(seed).normal(size=shape)


# By what is done: tutorial, first difference, cause, and the change: of the array there
# and of `g`, which returns any of golden's, to that array, or to several by their keys.
D, G = 'step_000/D', 'step_000/G'
MISTAKES = {
    # What goes in.
    'weights shuffled': ('vanilla', 'init/D_W1', 'weights not transposed',
                         lambda a, g: a[::-1]),
    'flattened over channels first': ('dcgan', 'init/D_W3', 'flatten order',
                                      lambda a, g: flattened(a)),
    'own initial weights': ('minimax', 'init/G_W2', 'other initial weights',
                            lambda a, g: 0.3 * noise(a.shape)),
    'weights as torch has them': ('vanilla', 'init/G_W1', 'layout not declared',
                                  lambda a, g: a.T),
    'kernels as torch has them': ('dcgan', 'init/G_W2', 'layout not declared',
                                  lambda a, g: a.transpose(3, 2, 0, 1)),
    'gradients as torch has them': ('vanilla', f'{D}/grad/D_W1', 'layout not declared',
                                    lambda a, g: a.T),
    'half the batch': ('vanilla', f'{D}/feed/Z', 'shape', lambda a, g: a[:3]),
    'logits without an axis': ('minimax', f'{D}/logit/D_real', 'shape',
                               lambda a, g: a[:, 0]),
    'half precision': ('collapse', 'init/G_W1', 'weights rounding',
                       lambda a, g: a.astype(np.float16)),
    'the next image of the file': (
        'vanilla', f'{D}/feed/X', 'shifted rows',
        lambda a, g: pixels()[[row + 1 for row in rows_of(a)]]),
    'the first 5,000 images not held out': (
        'vanilla', f'{D}/feed/X', '60,000 images',
        lambda a, g: pixels()[[row - 5000 for row in rows_of(a)]]),
    'a batch the other way round': ('vanilla', f'{D}/feed/X', 'another shuffle',
                                    lambda a, g: a[::-1]),
    'other images': ('vanilla', f'{D}/feed/X', 'another shuffle',
                     lambda a, g: pixels()[[9, 4, 20000, 7, 1, 59999]]),
    'noise in float16': ('vanilla', f'{D}/feed/Z', 'noise rounding',
                         lambda a, g: a.astype(np.float16).astype(float)),
    'noise in bfloat16': ('collapse', 'step_000/D_fake/feed/Z', 'noise rounding',
                          lambda a, g: half_even(a)),
    'noise off by a last bit': ('conditional', f'{D}/feed/Z', 'noise rounding', lambda
                                a, g: np.nextafter(np.float32(a), np.float32(2))),
    "the next step's noise": ('vanilla', f'{D}/feed/Z', 'order of draws',
                              lambda a, g: g('step_001/D/feed/Z')),
    "G's labels for D's": ('conditional', f'{D}/feed/Z_labels', 'order of draws',
                           lambda a, g: g(f'{G}/feed/Z_labels')),
    'uniform noise': ('vanilla', f'{D}/feed/Z', 'noise law', lambda a, g:
                      np.random.RandomState(0).uniform(-1, 1, a.shape)),
    'noise in [0, 1]': ('conditional', f'{D}/feed/Z', 'noise law',
                        lambda a, g: (a + 1) / 2),
    'noise of half the width': ('conditional', f'{D}/feed/Z', 'noise law',
                                lambda a, g: a / 2),
    "the port's own dropout": ('dcgan', 'step_000/D_real/mask/1', 'another mask',
                               lambda a, g: np.where(noise(a.shape) > 0.5, 0, a.max())),
    # What is recorded.
    "G moves in D's update": ('vanilla', f'{D}/after/G_W1', 'step on both networks',
                              lambda a, g: g('init/G_W1') + 1e-4),
    # The forward pass.
    'LeakyReLU in D': ('vanilla', f'{D}/logit/D_real', 'slope of the activation',
                       dense_D('feed/X', 'init', 0.2)),
    'LeakyReLU in G': ('minimax', f'{D}/fake/G', 'slope of the activation',
                       lambda a, g: np.tanh(dense(g(f'{D}/feed/Z'), *(
                           g(f'init/G_{name}') for name in ('W1', 'b1', 'W2', 'b2')),
                           0.01))),
    'the sigmoid for tanh': ('minimax', f'{D}/fake/G', 'another activation',
                             lambda a, g: sigmoid(np.arctanh(a))),
    'unbiased layer normalization': ('collapse', 'step_000/D_fake/fake/G',
                                     'variance of the normalization',
                                     unbiased_layer_norm),
    'real for fake': ('minimax', f'{D}/logit/D_real', 'real and generated exchanged',
                      lambda a, g: {f'{D}/logit/D_real': g(f'{D}/logit/D_gene'),
                                    f'{D}/logit/D_gene': a}),
    # The losses.
    'half the loss': ('vanilla', f'{D}/loss', 'scale of the loss', lambda a, g: a / 2),
    'twice the loss': ('dcgan', f'{G}/loss', 'scale of the loss', lambda a, g: 2 * a),
    'log2': ('minimax', f'{D}/loss', 'scale of the loss', lambda a, g: a / np.log(2)),
    'log10': ('conditional', f'{D}/loss', 'scale of the loss',
              lambda a, g: a / np.log(10)),
    'only the real images': ('minimax', f'{D}/loss', 'a term missing', lambda a, g:
                             np.mean(np.log1p(np.exp(-g(f'{D}/logit/D_real'))))),
    'only the fakes': ('vanilla', f'{D}/loss', 'a term missing', lambda a, g:
                       -np.mean(np.log1p(np.exp(g(f'{D}/logit/D_gene'))))),
    'a loss to lower for an objective': ('vanilla', f'{G}/loss', 'sign of the loss',
                                         lambda a, g: -a),
    'squared error': ('minimax', f'{D}/loss', 'another loss', lambda a, g: (
        np.mean((sigmoid(g(f'{D}/logit/D_real')) - 1) ** 2)
        + np.mean(sigmoid(g(f'{D}/logit/D_gene')) ** 2))),
    'a sigmoid that is not saturated': (
        SATURATED, f'{G}/loss', 'another loss',
        lambda a, g: -np.mean(np.logaddexp(0, -g(f'{G}/logit/D_gene')))),
    'a guarded log': ('vanilla', f'{D}/loss', 'guard of the logs', lambda a, g: np.mean(
        np.log(sigmoid(g(f'{D}/logit/D_real')) + 1e-5)
        + np.log(1 - sigmoid(g(f'{D}/logit/D_gene')) + 1e-5))),
    # The gradients.
    'the objective\'s gradients': (
        'vanilla', f'{D}/grad/D_W1', 'gradients recorded otherwise',
        lambda a, g: {f'{D}/grad/{name}': -g(f'{D}/grad/{name}')
                      for name in ('D_W1', 'D_b1', 'D_W2', 'D_b2')}),
    'a detach too many': (
        'minimax', f'{G}/grad/G_W1', 'gradient missing',
        lambda a, g: {f'{G}/grad/G_{name}': 0 * g(f'{G}/grad/G_{name}')
                      for name in ('W1', 'b1', 'W2', 'b2')}),
    'a variable not used': ('vanilla', f'{D}/grad/D_W2', 'gradient missing',
                            lambda a, g: 0 * a),
    # The updates.
    'beta1 0': ('vanilla', f'{D}/adam_m/D_W1', 'beta1', beta1_of_0),
    'a variable left out': ('conditional', f'{D}/after/D_W3', 'weights not moved',
                            lambda a, g: g('init/D_W3')),
    'Nadam, as in Keras': ('vanilla', f'{D}/after/D_W1', 'NAdam', keras_nadam),
    'one count for D and G': ('vanilla', f'{G}/after/G_W1', "Adam's count",
                              adam_step(2)),
}


@pytest.mark.parametrize('what', MISTAKES)
def test_a_mistake_is_named(what):
    tutorial, first, cause, change = MISTAKES[what]
    golden = load(tutorial)

    def g(key):
        return golden.arrays[key].astype(float)

    changes = change(g(first) if first in golden.arrays else None, g)
    report = judged(golden, changes if isinstance(changes, dict) else {first: changes})
    assert report.status == 1 and report.differences[0].key == first
    assert report.cause and report.cause.name == cause


def test_the_law_of_the_noise_is_said():
    golden = load('conditional')
    key = f'{golden.updates[0]}/feed/Z'
    normal = np.random.RandomState(3).normal(size=golden.arrays[key].shape)
    report = judged(golden, {key: normal})
    assert report.cause.name == 'noise law' and 'U(-1, 1)' in report.cause.change


def test_dropping_a_mistake_leaves_none():
    """The arithmetic here is golden's where no mistake is in it."""
    def g(key):
        return golden.arrays[key].astype(float)

    golden = load('vanilla')
    changes = {f'{D}/logit/D_real': dense_D('feed/X', 'init')(None, g),
               **moments('adam_m', lambda m, grad, w: 0.9 * m + 0.1 * grad)(None, g),
               **moments('adam_v', lambda v, grad, w: 0.999 * v + 1e-3 * grad ** 2)(
                   None, g)}
    assert judged(golden, changes).status == 0


# --- What is no known mistake ---------------------------------------------------------

@pytest.mark.parametrize('tutorial', tf1gan.TUTORIALS)
def test_a_copy_agrees(tutorial):
    report = judged(load(tutorial), {})
    assert report.status == 0 and not report.differences and not report.cause


def keys_by_kind(tutorial):
    """Return the keys of the first step, and of what is before it, by their kind."""
    kinds = {}
    for key in load(tutorial).arrays:
        if key.startswith('init/'):
            kinds.setdefault('init', []).append(key)
        elif key.startswith('step_000/'):
            kinds.setdefault(key.split('/')[2], []).append(key)
    return kinds


CONVOLUTIONAL = 'dcgan', 'conditional'      # whose searches take seconds
FIRST = [(tutorial, key) for tutorial in tf1gan.TUTORIALS
         for kind, keys in keys_by_kind(tutorial).items()
         for key in (keys if kind == 'feed' else keys[:1])
         if tutorial not in CONVOLUTIONAL or kind in ('fake', 'grad', 'after')]
SHORTEST = [(tutorial, min(keys, key=lambda key: load(tutorial).arrays[key].size))
            for tutorial in tf1gan.TUTORIALS for kind, keys in
            keys_by_kind(tutorial).items() if kind in ('adam_m', 'adam_v', 'after')
            and (tutorial not in CONVOLUTIONAL or kind == 'adam_v')]


def noisy(tutorial, key, seed=0):
    """Return the report on 5 % of noise on every number of an array."""
    array = load(tutorial).arrays[key].astype(float)
    return judged(load(tutorial), {key: array * (1 + 0.05 * noise(array.shape, seed))})


def named(report, key):
    """Return the causes that are named for an array."""
    return [each.cause.name for each in report.findings
            if each.cause and each.sure and each.key == key]


@pytest.mark.parametrize('tutorial, key', FIRST)
def test_what_is_no_known_mistake_is_caught_but_not_named(tutorial, key):
    report = noisy(tutorial, key)
    assert report.status == 1 and report.differences[0].key == key
    assert not named(report, key)


@pytest.mark.parametrize('tutorial, key', SHORTEST)
def test_a_few_numbers_are_not_explained_by_chance(tutorial, key):
    """A rate, or a beta, can be fitted to a single number: it is one for them all."""
    assert not named(noisy(tutorial, key, seed=1), key)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('tutorial, key', FIRST)
def test_what_is_not_finite_is_caught_and_not_guessed_at(tutorial, key):
    array = load(tutorial).arrays[key].astype(float)
    array.reshape(-1)[0] = np.nan
    report = judged(load(tutorial), {key: array})
    assert report.status == 1 and report.differences[0].key == key
    assert not named(report, key)


def test_every_finding_is_placed_where_it_is_and_nothing_is_carried_on():
    """Three arrays in three updates are off: each is found, and no other."""
    golden = load('dcgan')
    keys = ['step_000/D_fake/grad/D_W1', 'step_001/D_real/adam_v/D_W2',
            'step_002/G/after/G_W3']
    changes = {key: golden.arrays[key] * (1 + 0.05 * noise(golden.arrays[key].shape))
               for key in keys}
    report = judged(golden, changes)
    found = {each.key for each in report.differences}
    assert found >= set(keys)
    # A gradient that is off makes the moments, which are right, differ from it; and so
    # on: what comes right after each.
    assert found <= {*keys, 'step_000/D_fake/adam_m/D_W1',
                     'step_000/D_fake/adam_v/D_W1', 'step_001/D_real/after/D_W2',
                     'step_001/D_fake/adam_v/D_W2'}


# --- Limits ---------------------------------------------------------------------------

def test_limits_are_those_of_one_operations_rounding():
    """The worst of a golden trace is far below what a mistake of 1e-4 changes."""
    golden = load('vanilla')
    search = Search(golden, golden)
    search.explain()
    # Measured: 0.33 of a limit, of 117 arrays.
    assert 0 < max(search.judged.values()) < 0.5
    report = judged(golden, {f'{G}/fake/G': golden.arrays[f'{G}/fake/G'] * 1.0001})
    assert report.status == 1


def test_a_deviation_is_held_against_its_own_limit():
    golden = load('minimax')
    ways = judge.Judge(golden, golden).ways(golden.updates[0])
    nodes, _ = judge.Judge(golden, golden).nodes(ways, [])
    for key in 'logit/D_real', 'grad/D_W2', 'adam_m/D_b1':
        node = nodes[key]
        for share, follows in ((0.9, True), (1.2, False)):
            moved = node._replace(found=node.expected + share * node.limit)
            assert (moved.share <= 1) == follows


@pytest.mark.parametrize('op, arrays, numbers, expected', [
    ('add', [np.array([3.]), np.array([-2.])], {}, 5),
    ('matmul', [np.array([[1., -2.]]), np.array([[3.], [1.]])], {}, 5),
    ('gather', [np.array([1., -2., 4.])], {'shape': (1,)}, 7),
    ('multiply', [np.array([2.]), np.array([-3.])], {}, 6)])
def test_noise_is_a_share_of_an_operations_own_scale(op, arrays, numbers, expected):
    """By hand: |a| + |b| of a sum, |A| |B| of a product, the sum of |x|."""
    from tf1gan.tape import PRIMITIVES
    y = PRIMITIVES[op].forward(*arrays, **numbers)
    assert np.all(judge.scale(op, y, arrays, numbers) == expected)


# --- Parts of a run -------------------------------------------------------------------

@pytest.mark.parametrize('tutorial', tf1gan.TUTORIALS)
@pytest.mark.parametrize('kept', [('loss',), ('grad', 'loss'), ('after',),
                                  ('logit', 'fake')])
def test_parts_of_a_right_run_agree_as_far_as_recorded(tutorial, kept):
    golden = load(tutorial)
    dropped = {key: None for key in golden.arrays
               if key.startswith('init/') or key.split('/')[2] not in kept}
    report = judged(golden, dropped)
    assert report.status == 0 and len(report.missing) == len(dropped)
    assert 'as far as recorded' in next(compare.text(report))


def test_in_parts_of_a_run_a_mistake_is_still_caught():
    golden = load('vanilla')
    others = {key: None for key in golden.arrays if not key.endswith('/loss')}
    report = judged(golden, {**others, f'{G}/loss': golden.arrays[f'{G}/loss'] * 1.001})
    assert report.status == 1 and report.differences[0].key == f'{G}/loss'


# --- What a blind author's mistakes showed --------------------------------------------

def forward(name, fakes, slope=0):
    """Return the report on a first update of D of which only images and logits are
    recorded: those of `fakes`, D's hidden activation a LeakyReLU of `slope`.
    """
    golden = load(name)
    changes = {key: None for key in golden.arrays
               if key.startswith('step_') and not key.startswith(
                   ('step_000/D/feed', 'step_000/D/mask'))}
    weights = [golden.arrays[f'init/D_{part}'] for part in ('W1', 'b1', 'W2', 'b2')]
    images = {'real': golden.arrays[f'{D}/feed/X'], 'gene': fakes}
    changes[f'{D}/fake/G'] = fakes
    changes.update({f'{D}/logit/D_{which}': dense(x.astype(float), *weights, slope)
                    for which, x in images.items()})
    return judged(golden, changes)


def test_a_mistake_in_both_networks_is_named_for_both():
    z = load('minimax').arrays[f'{D}/feed/Z'].astype(float)
    weights = [load('minimax').arrays[f'init/G_{part}']
               for part in ('W1', 'b1', 'W2', 'b2')]
    report = forward('minimax', np.tanh(dense(z, *weights, 0.2)), 0.2)
    assert [each.cause.sentence for each in report.findings] == [
        f"the slope of {network}'s ReLU after {network}_W1 is 0.2; the tutorial has 0"
        for network in 'GD']


@pytest.mark.parametrize('made, words', [
    (lambda x: x / (1 + np.abs(x)), 'softsign'),
    (lambda x: x * np.tanh(np.log1p(np.exp(x))), 'mish'),
    (lambda x: np.clip(8 * x, -1, 1), None),
    (lambda x: np.clip(x, -0.1, 0.1), None),
    (lambda x: np.clip(x / 6 + 0.5, 0, 1),
     'x / 6 + 1 / 2, clipped at 0 and 1 (a hard sigmoid)'),
    (lambda x: np.clip(0.2 * x + 0.5, 0, 1),
     '0.2 x + 0.5, clipped at 0 and 1 (a hard sigmoid)')])
def test_another_last_activation_is_named_or_placed(made, words):
    z = load('minimax').arrays[f'{D}/feed/Z'].astype(float)
    weights = [load('minimax').arrays[f'init/G_{part}']
               for part in ('W1', 'b1', 'W2', 'b2')]
    found, = forward('minimax', made(dense(z, *weights))).findings
    assert (found.cause and found.cause.sentence) == (
        words and f"G's tanh after G_W2 is {words}; the tutorial has tanh")


def test_rounded_images_are_no_run_in_low_precision():
    """All that comes of them is right."""
    golden = load('minimax')
    weights = [golden.arrays[f'init/G_{part}'] for part in ('W1', 'b1', 'W2', 'b2')]
    fakes = np.tanh(dense(golden.arrays[f'{D}/feed/Z'].astype(float), *weights))
    bits = fakes.astype(np.float32).view(np.uint32) + np.uint32(0x8000)
    rounded = (bits & np.uint32(0xffff0000)).view(np.float32)   # a bfloat16's 16 bits
    report = forward('minimax', rounded)
    assert [each.cause.sentence for each in report.findings] == [
        'what G gives is rounded to bfloat16']


# Traces of right ports on a GPU, which rounded to less than float32.
COARSE = {
    'tf32_dcgan': 'matrix products and convolutions of G, some or all, take what they '
                  'multiply in TF32, in D_fake and G',
    'tf32_minimax': 'matrix products and convolutions of D and G, some or all, take '
                    'what they multiply in TF32',
    'bfloat16_dcgan': 'the passes of D and G are computed in bfloat16',
    'float16_conditional': 'the passes of D and G are computed in float16'}


@functools.lru_cache(None)
def coarse(name):
    """Return a golden trace, and that of a port on a GPU."""
    return load(name.split('_')[1]), load(PORTS / 'gpu' / f'{name}.npz')


@pytest.mark.parametrize('name', COARSE)
def test_low_precision_on_a_gpu_is_named_and_nothing_else(name):
    golden, mine = coarse(name)
    report = compare.compare(golden, mine)
    found, = report.findings
    assert found.cause.sentence.split('; ')[0] == COARSE[name]
    assert found.sure == (name != 'tf32_dcgan')     # where a third of the arrays is off
    assert found.key == report.differences[0].key


@pytest.mark.parametrize('name', COARSE)
def test_in_low_precision_a_mistake_of_the_optimizer_is_named_too(name):
    """D's Adam steps three times as far, in all its updates."""
    golden, mine = coarse(name)
    before, changes = golden.part('init'), {}
    before = {key: array.astype(float) for key, array in before.items()}
    was = dict(before)
    for key, array in mine.arrays.items():
        if '/after/D_' not in key:
            continue
        weight = key.split('/')[-1]
        step, was[weight] = array - was[weight], array.astype(float)
        changes[key] = before[weight] = before[weight] + 3 * step
    # The passes go on from these weights: so only the first update is whole.
    first = golden.updates[0]
    kept = {key: changes.get(key, array) for key, array in mine.arrays.items()
            if key.startswith(('init/', first))}
    report = compare.compare(golden, mine._replace(arrays={
        key: np.asarray(array, np.float32) for key, array in kept.items()}))
    told = [each.cause.name for each in report.findings if each.cause and each.sure]
    assert 'learning rate' in told
    # Of a run, or of a layer. The first update of dcgan rounds as float32 does.
    assert name == 'tf32_dcgan' or any(each.startswith('low precision')
                                       for each in told)


def test_noise_of_the_size_of_tf32s_on_one_array_is_not_surely_tf32():
    """For that, most of what comes of products must be off, of both networks."""
    golden = load('dcgan')
    key = 'step_000/D_fake/fake/G'
    array = golden.arrays[key].astype(float)
    report = judged(golden, {key: array + 2e-4 * noise(array.shape)})
    assert not named(report, key)


def test_gradients_clipped_each_at_a_small_norm_are_named():
    """Inside the optimizer: what is recorded is not clipped."""
    golden, most = load('vanilla'), 1e-4
    changes = {key: None for key in golden.arrays if key.startswith('step_')
               and not key.startswith('step_000/D/')}
    for name in 'D_W1', 'D_b1', 'D_W2', 'D_b2':
        slope = golden.arrays[f'{D}/grad/{name}'].astype(float)
        norm = np.sqrt((slope ** 2).sum())
        assert norm > 2 * most
        slope *= most / norm
        m, v = 0.1 * slope, 0.001 * slope ** 2
        changes.update({f'{D}/adam_m/{name}': m, f'{D}/adam_v/{name}': v,
                        f'{D}/after/{name}': golden.arrays[f'init/{name}'] - 0.0002
                        * np.sqrt(0.001) / 0.1 * m / (np.sqrt(v) + 1e-8)})
    report = judged(golden, changes)
    assert [each.cause.sentence for each in report.findings] == [
        'the gradients of the updates of D are clipped by the norm of each array at '
        '0.0001, inside the optimizer']


def of_adam(golden, place, before, slopes):
    """Return the moments and weights of an update, with betas held exactly."""
    changes, steps = {}, int(place[5:8]) + 1
    for key, slope in slopes.items():
        m, v = 0., 0.
        if steps > 1:
            m, v = (golden.arrays[f'step_000/{place[9:]}/{kind}/{key}'].astype(float)
                    for kind in ('adam_m', 'adam_v'))
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope ** 2
        rate = 0.0002 * np.sqrt(1 - 0.999 ** steps) / (1 - 0.9 ** steps)
        changes.update({f'{place}/adam_m/{key}': m, f'{place}/adam_v/{key}': v,
                        f'{place}/after/{key}': before[key] - rate * m / (
                            np.sqrt(v) + 1e-8)})
    return changes


def test_weight_decay_is_named_where_gradients_are_0_too():
    """There it is all that the second moment holds."""
    golden = load('vanilla')
    before = {key: array.astype(float) for key, array in golden.part('init').items()}
    slopes = {key: golden.arrays[f'{G}/grad/{key}'].astype(float) + 0.01 * before[key]
              for key in ('G_W1', 'G_b1', 'G_W2', 'G_b2')}
    report = judged(golden, {
        **{key: None for key in golden.arrays if key[:8] in ('step_001', 'step_002')},
        **of_adam(golden, G, before, slopes)})
    found, = report.findings
    assert found.cause.sentence.startswith('0.01 of the weights is added')


def in_bfloat16(x):
    """Return numbers rounded to bfloat16, the half of float32's bits."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits += 0x7fff + (bits >> 16 & 1)
    return (bits >> 16 << 16).astype(np.uint32).view(np.float32).astype(float)


def test_a_layer_in_bfloat16_is_named_and_its_gradients_follow():
    """With its bias, as PyTorch's autocast has it; backward it rounds as it does."""
    golden, place = load('vanilla'), 'step_001/D'
    w = {key: golden.arrays[f'{D}/after/{key}'].astype(float)
         for key in ('D_W1', 'D_b1', 'D_W2', 'D_b2')}
    assert w['D_b1'].any()
    logits, slopes = {}, {key: 0. for key in w}
    for key, images, real in (('D_real', 'feed/X', True), ('D_gene', 'fake/G', False)):
        x, W = (in_bfloat16(each) for each in (golden.arrays[f'{place}/{images}'],
                                               w['D_W1']))
        hidden = np.maximum(in_bfloat16(x @ W + in_bfloat16(w['D_b1'])), 0)
        logits[key] = hidden @ w['D_W2'] + w['D_b2']
        down = (sigmoid(logits[key]) - real) / len(x)
        back = in_bfloat16(down @ w['D_W2'].T * (hidden > 0))
        for name, slope in (('D_W1', in_bfloat16(x.T @ back)), (
                'D_b1', in_bfloat16(back.sum(0))), ('D_W2', hidden.T @ down), (
                'D_b2', down.sum(0))):
            slopes[name] = slopes[name] + slope
    loss = np.mean(np.log(sigmoid(logits['D_real']))
                   + np.log(1 - sigmoid(logits['D_gene'])))
    sign = np.sign(golden.arrays[f'{place}/loss'])
    report = judged(golden, {
        **{key: None for key in golden.arrays
           if key.startswith(('step_001/G', 'step_002'))},
        **{f'{place}/logit/{key}': array for key, array in logits.items()},
        **{f'{place}/grad/{key}': array for key, array in slopes.items()},
        f'{place}/loss': sign * np.abs(loss), **of_adam(golden, place, w, slopes)})
    found, = report.findings
    assert found.cause.name == 'low precision of a layer' and found.sure
    assert 'bfloat16' in found.cause.sentence and 'D_W1' in found.cause.sentence


def test_gradients_of_the_update_before_are_named():
    golden = load('dcgan')
    report = judged(golden, {
        key.replace('D_real', 'D_fake'): array for key, array in golden.arrays.items()
        if key.startswith('step_000/D_real/grad/')})
    assert report.findings[0].cause.sentence == (
        'the gradients of D_fake are those of the update before it, not its own')


def shorter_steps(times):
    """Return what is said where D's last step is so many times as long."""
    golden = load('vanilla')
    changes = {}
    for name in 'W1', 'b1', 'W2', 'b2':
        before = golden.arrays[f'step_001/D/after/D_{name}'].astype(float)
        after = golden.arrays[f'step_002/D/after/D_{name}'].astype(float)
        changes[f'step_002/D/after/D_{name}'] = before + times * (after - before)
    report = judged(golden, changes)
    return [each.cause and each.cause.sentence for each in report.findings
            if each.key.startswith('step_002/D')]


def test_a_rate_with_many_digits_is_no_other_count_of_adam():
    said, = shorter_steps(2 / 7)        # a warm-up, say
    assert said.startswith('the learning rate of D is 5.714e-05; the tutorial has')
    assert 'update' not in said


def test_a_rate_of_later_steps_says_what_else_it_may_be():
    said, = shorter_steps(0.23)         # an average with 0.77 is written back
    assert said.startswith('the learning rate of D is 4.6e-05; the tutorial has 0.0002')
    assert said.endswith('. It is so from step_002 on: a schedule, or a mix with older '
                         'weights, as an average makes that is written back')


@pytest.mark.parametrize('number, name, expected', [
    (None, 'slope', 0), (0.25, 'slope', 1), (0.253, 'slope', 2), (1 / 96, 'slope', 3),
    (1 / 96, 'scale of the gradient', 1), (0, 'scale of the gradient', 1)])
def test_a_number_that_somebody_wrote_has_few_digits(number, name, expected):
    assert odd(number, name) == expected


@pytest.mark.parametrize('numbers, is_one', [
    ((0.3, 0.3), True), ((0.3, 0.3005), False), ((0.002, 0.001992), False),
    ((0.01, 0.02), False)])
def test_one_number_is_the_same_in_every_update(numbers, is_one):
    assert steady([judge.Edit('slope', 'G', '', lambda way: way, {'number': number})
                   for number in numbers]) is is_one


def test_an_activation_too_many_is_not_taken_for_the_recording():
    report = forward('minimax', np.tanh(load('minimax').arrays[f'{D}/fake/G']))
    assert [each.cause.name for each in report.findings] == ['activation added']


@pytest.mark.parametrize('factor', [0.5, -1])       # -1: torch's maximize
def test_gradients_that_are_recorded_otherwise_are_not_called_wrong(factor):
    golden = load('vanilla')
    report = judged(golden, {key: factor * array for key, array in golden.arrays.items()
                             if '/grad/' in key})
    assert [each.cause.name for each in report.findings] == [
        'gradients recorded otherwise']
    assert f'are {factor} times those that the optimizer' in report.cause.sentence


def test_moments_recorded_with_their_bias_corrected_are_no_beta1_of_0():
    """In the first step the two are the same."""
    golden = load('minimax')
    report = judged(golden, {
        key: array / (1 - 0.9 ** (1 + int(key[5:8])))
        for key, array in golden.arrays.items() if '/adam_m/' in key})
    assert report.status == 1 and report.cause.name == 'recorded otherwise'


def test_an_average_recorded_for_the_weights_is_no_step_on_both_networks():
    """G's weights are right again in the updates of D."""
    golden = load('dcgan')
    changes = {key: 0.9 * golden.arrays[f'init/{key.split("/")[-1]}'] + 0.1 * array
               for key, array in golden.arrays.items()
               if '/G/after/' in key and not key.endswith(('_mean', '_variance'))}
    changes.update({f'{update}/after/{key.split("/")[-1]}': golden.arrays[key]
                    for update, step in (('step_001/D_real', 0), ('step_002/D_real', 1))
                    for key in changes if key.startswith(f'step_{step:03d}')})
    report = judged(golden, changes)
    assert report.status == 1 and not any(each.sure for each in report.findings)


def test_a_state_recorded_as_0_is_not_a_gradient_of_0():
    golden = load('vanilla')
    report = judged(golden, {key: 0 * array for key, array in golden.arrays.items()
                             if '/G/adam_' in key})
    named = [each for each in report.findings if each.cause and each.sure]
    assert [each.cause.name for each in named] == ['recorded otherwise']
    assert 'the moments recorded in G ' in named[0].cause.sentence


RECORDS = {     # what is recorded of an update, and how, where the training is right
    'images before the sigmoid': ('collapse', 'D_fake/fake/G', 'images',
                                  lambda a: np.log(a / (1 - a))),
    'images as they are drawn': ('dcgan', 'G/fake/G', 'images', lambda a: 0.25 * a),
    'the logits of another pass': ('minimax', 'G/logit/D_gene', 'logits',
                                   lambda a: a[::-1].copy()),
    'roots of v': ('vanilla', 'D/adam_v/', 'second moments', np.sqrt),
    'gradients through float16': ('vanilla', 'D/grad/', 'gradients',
                                  lambda a: a.astype(np.float16).astype(float))}


@pytest.mark.parametrize('what', RECORDS)
def test_what_is_recorded_beside_the_step_is_no_mistake_of_the_step(what):
    tutorial, of, words_of_it, change = RECORDS[what]
    golden = load(tutorial)
    changes = {key: change(array.astype(float)) for key, array in golden.arrays.items()
               if key.partition('/')[2].startswith(of)}
    report = judged(golden, changes)
    assert [each.cause and (each.cause.name, each.sure) for each in report.findings
            ] == [('recorded otherwise', True)]
    assert report.cause.sentence.startswith(f'the {words_of_it} recorded in {of[0]}')
    # In one step it may be chance.
    first = {key: array for key, array in changes.items() if key[:8] == 'step_000'}
    assert not any(each.cause and each.cause.name == 'recorded otherwise'
                   for each in judged(golden, first).findings)


def test_with_one_image_no_odd_target_is_said_for_a_wrong_slope():
    """The slope of the cross-entropy with 1/4 for p (1 - p), also in the moments."""
    golden = load('collapse')
    changes = {}
    for update in golden.updates:
        if not update.endswith('/D_fake'):
            continue
        p = sigmoid(golden.arrays[f'{update}/logit/D_gene'].astype(float)).item()
        for name, right in golden.part(f'{update}/grad').items():
            wrong = 4 * p * (1 - p) * right.astype(float)
            changes[f'{update}/grad/{name}'] = wrong
            for kind, share, power in ('adam_m', 0.1, 1), ('adam_v', 1e-3, 2):
                changes[f'{update}/{kind}/{name}'] = (
                    golden.arrays[f'{update}/{kind}/{name}']
                    + share * (wrong ** power - right.astype(float) ** power))
    report = judged(golden, changes)
    assert report.differences[0].key == 'step_000/D_fake/grad/D_W1'
    assert not any(each.cause for each in report.findings)


def test_logits_that_are_all_0_are_no_normalization_of_one_number():
    report = forward('minimax', load('minimax').arrays[f'{D}/fake/G'])
    assert report.status == 0
    golden = load('minimax')
    changes = {f'{D}/logit/D_{which}': 0 * golden.arrays[f'{D}/logit/D_{which}']
               for which in ('real', 'gene')}
    names = [each.cause.name for each in judged(golden, changes).findings if each.cause]
    assert 'normalization added' not in names


# --- What the catalogue does not hold -------------------------------------------------

def forget(monkeypatch, *names):
    """Take mistakes out of the catalogue, so that they are unforeseen."""
    every = search.candidates

    def others(*args):
        for each in every(*args):
            edit = each if isinstance(each, judge.Edit) else each.make(
                *each.starts[:1] or [1.])
            if edit.name not in names:
                yield each

    monkeypatch.setattr(search, 'candidates', others)


# By what is done; not what goes in, nor where another word gives the same numbers.
UNFORESEEN = [what for what, (tutorial, first, cause, _) in MISTAKES.items()
              if tutorial != 'conditional' and first[:5] == 'step_' and not (
                  {'feed', 'mask'} & {*first.split('/')}) and what not in (
                      'gradients as torch has them', 'logits without an axis',
                      'half precision', "the objective's gradients", 'beta1 0',
                      'unbiased layer normalization', "G moves in D's update")]


@pytest.mark.parametrize('what', UNFORESEEN)
def test_a_mistake_that_nobody_foresaw_is_not_taken_for_another(what, monkeypatch):
    tutorial, first, cause, change = MISTAKES[what]
    golden = load(tutorial)

    def g(key):
        return golden.arrays[key].astype(float)

    changes = change(g(first), g)
    forget(monkeypatch, cause)
    report = judged(golden, changes if isinstance(changes, dict) else {first: changes})
    assert report.status == 1 and report.differences[0].key == first
    assert not any(each.cause and each.sure for each in report.findings)


@pytest.mark.parametrize('name, number, expected', [
    ('weights scaled', 0, True), ('weights scaled', 0.5, False), ('slope', 0, False)])
def test_nobody_takes_weights_0_times(name, number, expected):
    """A layer whose input is lost has logits like that."""
    edit = judge.Edit(name, 'network', 'D', None, {'number': number})
    assert search.unlikely(search.Tried(edit, None, number, 0., 0., {})) is expected


@pytest.mark.parametrize('share, expected', [
    (lambda number: 0.5, True), (lambda number: 0.5 if number <= 3e-9 else 9., True),
    (lambda number: 0.5 if number == 3e-9 else 9., False)])
def test_a_number_of_which_half_fits_too_is_not_known(share, expected):
    """An epsilon that is too small to be seen, say."""
    def make(number):
        return judge.Edit('epsilon', 'optimizer', 'Adam_D', None, {'number': number})

    def attempt(edit, more):
        number = edit.values['number']
        return search.Tried(edit, None, number, share(number), 0., {})

    trial = search.Trial.__new__(search.Trial)
    trial.attempt = attempt
    one = search.Tried(make(3e-9), judge.Family(make, (1e-8,)), 3e-9, 0.5, 0., {})
    assert trial.is_vague(one, []) is expected
    assert not trial.is_vague(one._replace(family=None, number=None), [])


@pytest.mark.parametrize('best, sure', [('A', True), ('B', False), ('only B', True)])
def test_a_choice_that_a_later_update_changes_is_as_sure_as_it_is_alone(best, sure):
    edits = {name: judge.Edit(name, 'optimizer', 'Adam_D', None) for name in 'ABC'}
    found = Search(load('vanilla'), load('vanilla'))
    found.findings = [search.Finding('step_000/D', 'after', [], [edits['A']], [
        [edits['B']], [edits['C']]], True, 9., 0., [])]
    fits = {'A': 'A', 'B': 'BC', 'only B': 'B'}[best]
    found.count = lambda ways, some: 0 if some[0].name in fits else 5
    off = judge.Node('after/D_W1', np.ones(1), *np.zeros((2, 1)), np.zeros(1, bool))
    assert found.known(found.judge.ways('step_000/D'), {str(n): off for n in range(6)}
                       ) == [edits[fits[0]]]
    assert found.findings[0].sure is sure


def test_a_target_exchanged_in_ds_update_is_no_objective_of_g(monkeypatch):
    golden = load('conditional')
    forget(monkeypatch, 'targets exchanged')
    logits = golden.arrays[f'{D}/logit/D'].astype(float)
    targets = np.repeat([0, 1], len(logits) // 2)[:, None]
    loss = np.mean(np.logaddexp(0, logits) - targets * logits)
    report = judged(golden, {f'{D}/loss': loss})
    assert report.differences[0].key == f'{D}/loss'
    assert not any(each.cause for each in report.findings)


@pytest.mark.parametrize('rates', [(0.0086, 0.0079), (0.012251, 0.012251)])
@pytest.mark.parametrize('of', ['D_real', 'D_fake'])     # which share an optimizer
@pytest.mark.parametrize('moments_are_off', [False, True])
def test_an_odd_rate_after_moments_that_are_off_is_no_rate(moments_are_off, of, rates):
    """They are of an optimizer that does something else."""
    golden = load('collapse')
    found = Search(golden, golden)
    for step, rate in zip(('step_001', 'step_002'), rates):
        place = f'{step}/D_fake'
        found.taken[place] = [judge.Edit('learning rate', 'optimizer', 'Adam_D', None,
                                         {'number': rate, 'was': 0.01})]
        found.findings += [search.Finding(
            f'{step}/{of}', 'moments', [], [], [], False, 9., 0., [])] * moments_are_off
        found.findings.append(search.Finding(
            place, 'after', [], found.taken[place], [], True, 9., 0., []))
    while found.settle():
        pass
    assert any(each.edits for each in found.findings) is not moments_are_off


def test_of_one_image_a_slope_in_one_network_alone_is_not_sure():
    """Another epsilon of the normalization gives G's images, and not D's logits."""
    golden = load('collapse')
    W1, b1, gain, shift, W2, b2 = (golden.arrays[f'init/G_{part}'].astype(float)
                                   for part in 'W1 b1 gain shift W2 b2'.split())
    real = 'step_000/D_real/logit/D_real'
    changes = {key: None for key in golden.arrays if key[:5] == 'step_' and key != real
               and not (key[:8] == 'step_000' and '/feed/' in key)}
    for update in 'D_fake', 'G':
        x = golden.arrays[f'step_000/{update}/feed/Z'].astype(float) @ W1 + b1
        x = np.where(x > 0, x, 0.2 * x)
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        changes[f'step_000/{update}/fake/G'] = sigmoid((x * gain + shift) @ W2 + b2)
    named = [each.cause.name for each in judged(golden, changes).findings if each.sure]
    assert named == ['slope of the activation']
    report = judged(golden, {**changes, real: 1.3 * golden.arrays[real] + 0.2})
    assert report.differences[0].key == real
    assert not any(each.cause for each in report.findings)


def test_images_of_half_the_range_have_a_shift_of_0():
    report = judged(load('minimax'), {f'{D}/feed/X': load('minimax').arrays[
        f'{D}/feed/X'].astype(float) / 2})
    assert report.cause.sentence.endswith('yours are 0.5 of them, plus 0')


MIX = (': a schedule, or a mix with older weights, as an average makes that is written '
       'back')


@pytest.mark.parametrize('tutorial, places, expected', [
    ('vanilla', ['step_001/G'], '. It is so in step_001 alone' + MIX),
    ('vanilla', ['step_001/G', 'step_002/G'], '. It is so from step_001 on' + MIX),
    ('vanilla', ['step_000/G'],
     '. It is so up to step_000; after that it is right: a schedule'),
    ('vanilla', ['step_000/G', 'step_001/G', 'step_002/G'], ''),
    # The second update of an optimizer is in the first step.
    ('collapse', ['step_000/D_fake'], '. It is so in step_000/D_fake alone' + MIX),
    ('collapse', ['step_000/D_fake', 'step_001/D_real', 'step_001/D_fake'],
     '. It is so from step_000/D_fake to step_001' + MIX)])
def test_a_rate_says_in_which_steps_it_is_another(tutorial, places, expected):
    golden = load(tutorial)
    found, optimizer = Search(golden, golden), f'Adam_{places[0][9]}'
    was = found.judge.description['optimizers'][optimizer]['learning_rate']
    edit = judge.Edit('learning rate', 'optimizer', optimizer, None,
                      {'number': 2e-5, 'was': was})
    found.taken = {place: [edit] * (place in places) for place in golden.updates}
    node = judge.Node('after/G_W1', *np.zeros((4, 1)))
    found.findings = [search.Finding(place, 'after', [node], [edit], [], True, 9., 0.,
                                     []) for place in places]
    said, = words.told(found)
    assert said.cause.sentence == (f'the learning rate of {places[0][9]} is 2e-05; the '
                                   f'tutorial has {was:g}{expected}')


def test_a_layer_that_is_off_in_one_update_is_said_to_be_off_there():
    """D is the name of an update, too: it is off in G's only."""
    description = judge.placed(descriptions.of(load('conditional').meta, 'it'))
    place, = (layer['place'] for layer in description['networks']['D']
              if layer['op'] == 'dropout')
    edit = judge.Edit('dropout off', 'network', 'D', None, {
        'network': 'D', 'layers': [place], 'op': 'dropout'})
    found = Search(load('conditional'), load('conditional'))
    found.findings = [search.Finding(
        G, 'forward D', [judge.Node('logit/D_gene', *np.zeros((4, 1)))],
        [edit._replace(name='normalization missing')], [[edit]], True, 9., 0., [])]
    told, = words.told(found)
    assert told.others == [words.sentence(edit, description, [], [G])]
    assert told.others[0].endswith('is off in G')


# --- The catalogue --------------------------------------------------------------------

def test_every_mistake_of_the_catalogue_has_all_its_words():
    rows = words.catalogue()
    assert len(rows) > 70
    for row in rows.values():
        assert all(row[column] for column in ('sentence', *words.FRAMEWORKS)), row


def test_every_edit_has_its_row_and_every_row_its_edit():
    from tf1gan.judge import edits
    names = set()
    for tutorial in tf1gan.TUTORIALS:
        golden = load(tutorial)
        found = judge.Judge(golden, golden)
        for place in golden.updates:
            ways = found.ways(place)
            case = edits.Case(ways[0])
            for group in search.GROUPS:
                for each in search.candidates(case, group, ways[0].start.own):
                    names.add((each if isinstance(each, judge.Edit) else
                               each.make(each.starts[0])).name)
            found.carry(ways, found.nodes(ways, [])[1])
    rows = set(words.catalogue())
    # These need a port's own arrays, later updates, or a square weight.
    rare = {'step on both networks', 'gradient missing', 'weights not moved',
            'weights transposed', 'weights moved between updates',
            'gradients recorded otherwise', 'state of the updates between lost',
            'low precision', 'recorded otherwise'}
    assert names <= rows and rows - names <= rare, (names - rows, rows - names)


def test_a_sentence_of_two_layers_has_a_plural_verb():
    description = descriptions.find('dcgan').describe(descriptions.numbers('dcgan'))
    description['networks'] = {
        name: [{**layer, 'place': place} for place, layer in enumerate(layers)]
        for name, layers in description['networks'].items()}

    def said(name, layers, **values):
        return words.sentence(judge.Edit(name, 'layer', 'D', None, {
            'network': 'D', 'layers': layers, **values}), description, [], [])

    two = "D's dropout after D_W1 and D's dropout after D_W2"
    assert said('dropout scaled', [2, 5], number=2) == (
        f"{two} multiply by 2 times the tutorial's mask")
    assert said('activation missing', [2, 5]) == f'{two} are missing'
    assert said('activation missing', [2]) == "D's dropout after D_W1 is missing"
