"""Causes: a known mistake is named, and no other change is. NumPy only.

A port's trace is a golden one with the arrays changed as the mistake would change them,
by plain NumPy. The mistakes that experiments/ports/sabotage.py makes in a port's own
source are not repeated here.
"""

import ast
import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import tf1gan
from tf1gan import causes, compare, mnist, trace
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


def backwards(place, names):
    """Return a change: an update of variables the other way."""
    return lambda _, g: {f'{place}/after/{name}': 2 * g(f'init/{name}')
                         - g(f'{place}/after/{name}') for name in names}


def weights_at_their_limit(_, g):
    """Return changes: D's weights as far off as they may be, and the logits of G."""
    key, fakes = f'{D}/after/D_W1', g(f'{G}/fake/G')
    b1, W2, b2 = (g(f'{D}/after/D_{name}') for name in ('b1', 'W2', 'b2'))
    upwards = np.sign(fakes.mean(0))[:, None] * np.sign(W2[:, 0])
    W1 = g(key) + 0.9 * compare.Limits(load('minimax')).of(key) * upwards
    return {key: W1, f'{G}/logit/D_gene': dense(fakes, W1, b1, W2, b2)}


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
    'half precision': ('collapse', 'init/G_W1', 'type',
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
    **{f'no {key}': (tutorial, key, 'not recorded', lambda a, g: None)
       for tutorial, key in (
           ('vanilla', 'init/D_b1'), ('minimax', f'{D}/feed/X'),
           ('dcgan', 'step_000/D_fake/fake/G'), ('conditional', f'{D}/logit/D'),
           ('vanilla', f'{D}/loss'), ('vanilla', f'{D}/grad/D_b2'),
           ('collapse', 'step_000/D_fake/adam_m/D_W1'), ('vanilla', f'{G}/adam_v/G_W2'),
           ('dcgan', f'{G}/after/G_norm1_mean'))},
    'no dropout': ('conditional', f'{G}/mask/1', 'dropout off', lambda a, g: None),
    "G moves in D's update": ('vanilla', f'{D}/after/G_W1', 'step on both networks',
                              lambda a, g: g('init/G_W1') + 1e-4),
    "G's gradient in D's update": ('minimax', f'{D}/grad/G_W1', 'step on both networks',
                                   lambda a, g: g(f'{G}/grad/G_W1')),
    "G's moment in D's update": ('minimax', f'{D}/adam_v/G_W1', 'step on both networks',
                                 lambda a, g: g(f'{G}/adam_v/G_W1')),
    "averages move in D's update": (
        'dcgan', 'step_000/D_fake/after/G_norm1_mean', 'fakes in training mode',
        lambda a, g: g(f'{G}/after/G_norm1_mean')),
    # The forward pass.
    'fakes kept from the step before': ('minimax', 'step_001/D/fake/G', 'stale fakes',
                                        lambda a, g: g(f'{G}/fake/G')),
    'tanh for the sigmoid': ('vanilla', f'{D}/fake/G', "G's output",
                             lambda a, g: np.tanh(np.log(a / (1 - a)))),
    'no sigmoid': ('vanilla', f'{D}/fake/G', "G's output",
                   lambda a, g: np.log(a / (1 - a))),
    'LeakyReLU in D': ('vanilla', f'{D}/logit/D_real', 'LeakyReLU slope',
                       dense_D('feed/X', 'init', 0.2)),
    'LeakyReLU in G': ('minimax', f'{D}/fake/G', 'LeakyReLU slope',
                       lambda a, g: np.tanh(dense(g(f'{D}/feed/Z'), *(
                           g(f'init/G_{name}') for name in ('W1', 'b1', 'W2', 'b2')),
                           0.01))),
    'the sigmoid for tanh': ('minimax', f'{D}/fake/G', "G's output",
                             lambda a, g: sigmoid(np.arctanh(a))),
    'unbiased layer normalization': ('collapse', 'step_000/D_fake/fake/G',
                                     'normalization variance', unbiased_layer_norm),
    'logits recorded too late': ('vanilla', f'{D}/logit/D_real',
                                 'logits behind the update',
                                 dense_D('feed/X', f'{D}/after')),
    'fake logits recorded too late': ('minimax', f'{D}/logit/D_gene',
                                      'logits behind the update',
                                      dense_D('fake/G', f'{D}/after')),
    'real for fake': ('minimax', f'{D}/logit/D_real', 'real and fake swapped',
                      lambda a, g: {f'{D}/logit/D_real': g(f'{D}/logit/D_gene'),
                                    f'{D}/logit/D_gene': a}),
    'the other sign in D': ('dcgan', 'step_000/D_real/logit/D_real',
                            'sign of the logits', lambda a, g: -a),
    'weights within their limit': ('minimax', f'{G}/logit/D_gene', 'grown from before',
                                   weights_at_their_limit),
    # The losses.
    'half the loss': ('vanilla', f'{D}/loss', 'scale of the loss', lambda a, g: a / 2),
    'twice the loss': ('dcgan', f'{G}/loss', 'scale of the loss', lambda a, g: 2 * a),
    'log2': ('minimax', f'{D}/loss', 'scale of the loss', lambda a, g: a / np.log(2)),
    'log10': ('conditional', f'{D}/loss', 'scale of the loss',
              lambda a, g: a / np.log(10)),
    'only the real images': ('minimax', f'{D}/loss', 'a term of the loss', lambda a, g:
                             np.mean(np.log1p(np.exp(-g(f'{D}/logit/D_real'))))),
    'only the fakes': ('vanilla', f'{D}/loss', 'a term of the loss', lambda a, g:
                       -np.mean(np.log1p(np.exp(g(f'{D}/logit/D_gene'))))),
    'a loss to lower for an objective': ('vanilla', f'{G}/loss', 'sign of the loss',
                                         lambda a, g: -a),
    'squared error': ('minimax', f'{D}/loss', 'squared error', lambda a, g: (
        np.mean((sigmoid(g(f'{D}/logit/D_real')) - 1) ** 2)
        + np.mean(sigmoid(g(f'{D}/logit/D_gene')) ** 2))),
    'a sigmoid that is not saturated': (
        SATURATED, f'{G}/loss', 'finer sigmoid',
        lambda a, g: -np.mean(np.logaddexp(0, -g(f'{G}/logit/D_gene')))),
    'a guarded log': ('vanilla', f'{D}/loss', 'clamped loss', lambda a, g: np.mean(
        np.log(sigmoid(g(f'{D}/logit/D_real')) + 1e-5)
        + np.log(1 - sigmoid(g(f'{D}/logit/D_gene')) + 1e-5))),
    # The gradients.
    'the objective\'s gradients': ('vanilla', f'{D}/grad/D_W1', 'sign of the gradient',
                                   lambda a, g: {f'{D}/grad/{name}': -g(
                                       f'{D}/grad/{name}') for name in (
                                           'D_W1', 'D_b1', 'D_W2', 'D_b2')}),
    'a detach too many': ('minimax', f'{G}/grad/G_W1', 'no gradient', lambda a, g: {
        f'{G}/grad/G_{name}': 0 * g(f'{G}/grad/G_{name}')
        for name in ('W1', 'b1', 'W2', 'b2')}),
    'a variable not used': ('vanilla', f'{D}/grad/D_W2', 'no gradient',
                            lambda a, g: 0 * a),
    'a saturated log': ('minimax', f'{D}/grad/D_W1', 'gradient not finite',
                        lambda a, g: np.where(a == a.max(), np.nan, a)),
    # The updates.
    'momentum for a mean': ('vanilla', f'{D}/adam_m/D_W1', 'undamped moment',
                            moments('adam_m', lambda m, grad, w: 0.9 * m + grad)),
    'a sum of squares': ('minimax', f'{D}/adam_v/D_W1', 'undamped moment', moments(
        'adam_v', lambda v, grad, w: 0.999 * v + grad ** 2)),
    'beta1 0': ('vanilla', f'{D}/adam_m/D_W1', 'beta1',
                moments('adam_m', lambda m, grad, w: grad)),
    'weight decay in the gradient': (
        'minimax', f'{D}/adam_m/D_W1', 'weight decay',
        moments('adam_m', lambda m, grad, w: 0.9 * m + 0.1 * (grad + 0.02 * w))),
    'a variable left out': ('conditional', f'{D}/after/D_W3', 'variable not updated',
                            lambda a, g: g('init/D_W3')),
    'one count for D and G': ('vanilla', f'{G}/after/G_W1', "Adam's count",
                              adam_step(2)),
    'a step added': ('minimax', f'{D}/after/D_W1', 'sign of the update',
                     backwards(D, ['D_W1', 'D_b1', 'D_W2', 'D_b2'])),
    'G in inference mode': ('dcgan', f'{G}/after/G_norm1_mean', 'averages not moved',
                            lambda a, g: {f'{G}/after/G_norm1_{what}':
                                          g(f'init/G_norm1_{what}')
                                          for what in ('mean', 'variance')}),
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


@pytest.mark.parametrize('kinds, words', [
    (['grad'], 'you record the negative of what you apply'),
    (['grad', 'adam_m'], 'the loss is raised where it should be lowered')])
def test_a_gradient_that_is_only_recorded_with_the_other_sign_is_said_to_be(kinds,
                                                                            words):
    golden = load('vanilla')
    report = judged(golden, {key: -array for key, array in golden.arrays.items()
                             if key.startswith(tuple(f'{D}/{kind}/'
                                                     for kind in kinds))})
    assert report.cause.name == 'sign of the gradient'
    assert words in report.cause.sentence


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
               **adam_step(1)(None, g),
               **moments('adam_m', lambda m, grad, w: 0.9 * m + 0.1 * grad)(None, g),
               **moments('adam_v', lambda v, grad, w: 0.999 * v + 1e-3 * grad ** 2)(
                   None, g)}
    assert judged(golden, changes).status == 0


# --- Every name -----------------------------------------------------------------------

def literals(node, module):
    """Yield the strings that an expression may be, as patterns."""
    if isinstance(node, ast.IfExp):
        yield from literals(node.body, module)
        yield from literals(node.orelse, module)
    elif isinstance(node, ast.JoinedStr):
        yield ''.join('.+' if isinstance(part, ast.FormattedValue)
                      else re.escape(ast.literal_eval(part)) for part in node.values)
    elif isinstance(node, ast.Name):
        for each in ast.walk(module):
            if isinstance(each, ast.Assign) and node.id in [
                    getattr(target, 'id', None) for target in each.targets]:
                yield from literals(each.value, module)
    elif not isinstance(node, ast.Starred):     # its words are where they are yielded
        yield re.escape(ast.literal_eval(node))


def names_in_the_sources():
    """Return the names of all hypotheses, as patterns."""
    found = set()
    for path in Path(causes.__file__).parent.glob('*.py'):
        module = ast.parse(path.read_text())
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {'Guess': 1, 'guess': 1, '_leaks': 3}.get(node.func.id)
                if place:
                    found.update(literals(node.args[place], module))
            elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
                if isinstance(node.value.elts[0], ast.Call):    # another way forward
                    found.update(literals(node.value.elts[1], module))
    return found


def test_every_name_is_reached_here_or_by_a_sabotaged_port():
    sabotage = json.loads((PORTS / 'sabotage.json').read_text())['mistakes']
    reached = {cause for _, _, cause, _ in MISTAKES.values()} | {
        each['cause'] for each in sabotage}
    names = names_in_the_sources()
    assert len(names) > 40
    assert not {name for name in names
                if not any(re.fullmatch(name, each) for each in reached)}
    assert not {each for each in reached
                if not any(re.fullmatch(name, each) for name in names)}


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


FIRST = [(tutorial, key) for tutorial in tf1gan.TUTORIALS
         for kind, keys in keys_by_kind(tutorial).items()
         for key in (keys if kind == 'feed' else keys[:1])]
SHORTEST = [(tutorial, min(keys, key=lambda key: load(tutorial).arrays[key].size))
            for tutorial in tf1gan.TUTORIALS for kind, keys in
            keys_by_kind(tutorial).items() if kind in ('grad', 'adam_m', 'adam_v',
                                                       'after')]


def noisy(tutorial, key, seed=0):
    """Return the report on 5 % of noise on every number of an array."""
    array = load(tutorial).arrays[key].astype(float)
    return judged(load(tutorial), {key: array * (1 + 0.05 * noise(array.shape, seed))})


@pytest.mark.parametrize('tutorial, key', FIRST)
def test_what_is_no_known_mistake_is_caught_but_not_named(tutorial, key):
    report = noisy(tutorial, key)
    assert report.status == 1 and report.differences[0].key == key
    assert report.cause is None


@pytest.mark.parametrize('tutorial, key', SHORTEST)
def test_a_few_numbers_are_not_explained_by_chance(tutorial, key):
    """A rate, or a beta, can be fitted to a single number: it is one for them all."""
    for seed in range(3):
        assert noisy(tutorial, key, seed).cause is None


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('tutorial, key', FIRST)
def test_what_is_not_finite_is_caught_and_not_guessed_at(tutorial, key):
    array = load(tutorial).arrays[key].astype(float)
    array.reshape(-1)[0] = np.nan
    report = judged(load(tutorial), {key: array})
    assert report.status == 1 and report.differences[0].key == key
    known = {'loss': 'unguarded loss', 'grad': 'gradient not finite'}
    assert (report.cause and report.cause.name) == known.get(
        key.split('/')[2] if key.startswith('step_') else 'init')


def test_what_comes_later_may_have_any_shape():
    golden = load('vanilla')
    later = {key: array[:0] for key, array in golden.arrays.items()
             if '/after/' in key or '/adam_' in key}
    for key in f'{D}/fake/G', f'{D}/logit/D_real', f'{D}/grad/D_W1':
        array = golden.arrays[key].astype(float)
        report = judged(golden, {**later, key: array * (1 + 0.05 * noise(array.shape))})
        assert report.differences[0].key == key and report.cause is None
