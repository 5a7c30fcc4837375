"""The interpreter against TensorFlow 1.15: every array that a trace holds. NumPy only.

Each array is predicted from the trace's own inputs of it. The golden traces hold what
TensorFlow 1.15 computed; where it is installed, other configurations are recorded too.
"""

import importlib
import itertools
import json
import sys

import numpy as np
import pytest
from conftest import MKL, ROOT

import tf1gan
from tf1gan import descriptions, interpreter, judge, tape, trace

sys.path.insert(0, str(ROOT / 'experiments' / 'interpreter'))

import errors       # noqa: E402 - how an error is measured

# As shares: see errors.py, whose errors.json has what was measured. The worst
# gradient is collapse's, 3.4e-4: a LayerNorm over three units.
LIMITS = {'fake': 3e-6, 'logit': 3e-6, 'loss': 5e-7, 'grad': 4e-6, 'adam_m': 1e-6,
          'adam_v': 5e-7, 'after': 1e-6, 'average': 2e-6}
ILL_CONDITIONED = {'collapse': {**LIMITS, 'grad': 7e-4}}
KINDS = list(LIMITS)


def beyond(found, description, limits, dtype=float):
    """Return the keys of the arrays that are predicted otherwise than a trace's."""
    return [key for kind, key, error in errors.errors(found, description, dtype)
            if not error <= limits[kind]]


def golden(name):
    """Return a golden trace, its description and the limits."""
    found = trace.load(name)
    return found, descriptions.of(found.meta, name), ILL_CONDITIONED.get(name, LIMITS)


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_every_array_of_the_golden_trace_is_predicted(name):
    found, description, limits = golden(name)
    assert beyond(found, description, limits) == []


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_float32_stays_float32_and_near(name):
    found, description, limits = golden(name)
    for _, update, start in interpreter.starts(found, description):
        predicted = interpreter.predict(description, update, start, np.float32)
        assert {array.dtype for array in predicted.values()} == {np.dtype(np.float32)}
    # Each side has its own rounding.
    assert beyond(found, description, {kind: 3 * limit for kind, limit
                                       in limits.items()}, np.float32) == []


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_a_whole_step_follows_from_the_weights_and_the_feeds(name):
    """Nothing but the first weights, the feeds and the masks is the trace's."""
    found, description, _ = golden(name)
    known = {'after': found.part('init'), 'adam_m': {}, 'adam_v': {}}
    for place, update, start in interpreter.starts(found, description):
        if not place.startswith('step_000'):
            break
        result = interpreter.predict(description, update, start._replace(
            weights={**known['after']}, adam_m=known['adam_m'],
            adam_v=known['adam_v'], own={}))
        for key, array in result.items():
            kind, _, variable = key.partition('/')
            if kind in known:
                known[kind][variable] = array
            elif kind != 'grad':
                assert array == pytest.approx(start.own[key], rel=3e-4, abs=3e-5)


# --- Other configurations, recorded here ----------------------------------------------

def recorded(name, folder, n_steps=3, small=True, **numbers):
    """Record a run with TensorFlow 1.15; return its trace."""
    from tf1gan import loop, record
    tutorial = importlib.import_module(f'tf1gan.{name}')
    sizes = descriptions.find(name).SMALL if small else {}
    config = tutorial.Config(**{**sizes, **numbers})
    run = loop.Run(tutorial, {'config': config._asdict(), 'seed': 0, 'threads': 1,
                              'data': None})
    record.record(run, n_steps, folder / 't.npz')
    return trace.load(folder / 't.npz')


@pytest.mark.parametrize('name, numbers', [
    ('collapse', {'rung': 1}), ('collapse', {'rung': 2, 'n_hidden': 20}),
    ('collapse', {'rung': 3, 'n_hidden': 20}), ('minimax', {'objective': 'saturating'}),
    ('collapse', {'batch_size': 3, 'n_hidden': 20}),
    # Every number that is a flag, another one.
    ('vanilla', {'learning_rate': 0.01, 'beta1': 0.5, 'epsilon': 1e-3, 'stddev': 0.1}),
    ('collapse', {'n_hidden': 20, 'learning_rate_Adam': 0.01, 'beta1': 0.5,
                  'epsilon': 1e-3, 'slope': 0.1, 'norm_epsilon': 1e-2}),
    ('collapse', {'rung': 1, 'learning_rate_SGD': 0.1}),
    ('minimax', {'learning_rate': 0.001, 'beta1': 0.5, 'epsilon': 1e-3,
                 'output': 'sigmoid', 'same_noise': True}),
    ('minimax', {'output': 'linear'}),
    ('dcgan', {'learning_rate': 0.0001, 'beta1': 0.9, 'epsilon': 1e-3, 'slope': 0.1,
               'dropout': 0.5, 'momentum': 0.9, 'norm_epsilon': 0.1}),
    ('conditional', {'learning_rate_D': 0.01, 'learning_rate_G': 0.001, 'beta1_D': 0.9,
                     'beta1_G': 0.9, 'epsilon': 1e-3, 'slope': 0.1, 'dropout': 0.3,
                     'momentum': 0.9, 'norm_epsilon': 0.1})])
def test_other_configurations_are_predicted_too(name, numbers, tmp_path, reference):
    found = recorded(name, tmp_path, **numbers)
    assert beyond(found, descriptions.of(found.meta, name), LIMITS) == []


# Measured: logits 4.6e-6, of collapse: one number, near 0. With MKL's kernels 3.1e-5.
FULL_SIZE = {**LIMITS, 'logit': 1e-5, 'loss': 2e-6}
NEAR_0 = {'collapse': {**FULL_SIZE, 'logit': 6e-5}} if MKL else {}


@pytest.mark.parametrize('name', ['vanilla', 'collapse', 'minimax'])
def test_the_full_size_is_predicted(name, tmp_path, reference):
    found = recorded(name, tmp_path, small=False)
    assert beyond(found, descriptions.of(found.meta, name),
                  NEAR_0.get(name, FULL_SIZE)) == []


# --- The checks can fail --------------------------------------------------------------

def layer(network, op, n=0):
    """Return a function from a description to a layer of a kind."""
    return lambda description: [each for each in description['networks'][network]
                                if each['op'] == op][n]


def optimizer(name):
    """Return a function from a description to an optimizer."""
    return lambda description: description['optimizers'][name]


def update(n):
    """Return a function from a description to an update."""
    return lambda description: description['updates'][n]


# Tutorial, what is changed, the change, and the kind of array where it must show first.
CHANGES = [
    ('dcgan', layer('D', 'leaky_relu'), {'slope': 0.201}, 'logit'),
    ('vanilla', layer('G', 'relu'), {'op': 'leaky_relu', 'slope': 0.01}, 'fake'),
    ('vanilla', layer('G', 'sigmoid'), {'op': 'tanh'}, 'fake'),
    ('dcgan', layer('D', 'conv'), {'padding': [2, 2]}, 'logit'),
    ('dcgan', layer('D', 'dropout', 1), {'mask': '1'}, None),
    ('dcgan', layer('G', 'batch_norm'), {'epsilon': 1.01e-3}, 'fake'),
    ('dcgan', layer('G', 'batch_norm'), {'unbiased': True}, 'fake'),
    ('dcgan', layer('G', 'batch_norm', 1), {'moving_unbiased': False}, 'average'),
    ('conditional', layer('G', 'batch_norm'), {'moving_unbiased': True}, 'average'),
    ('conditional', layer('G', 'batch_norm'), {'momentum': 0.98}, 'average'),
    ('conditional', layer('D', 'conv', 1), {'W': 'D_W1'}, None),
    ('collapse', layer('D', 'layer_norm'), {'epsilon': 1e-3}, 'logit'),
    ('collapse', layer('D', 'layer_norm'), {'unbiased': True}, 'logit'),
    ('vanilla', optimizer('Adam_D'), {'beta1': 0.9001}, 'adam_m'),
    ('vanilla', optimizer('Adam_D'), {'beta2': 0.99901}, 'adam_v'),
    ('dcgan', optimizer('Adam_G'), {'epsilon': 1e-8}, 'after'),
    ('minimax', optimizer('Adam_G'), {'learning_rate': 0.010001}, 'after'),
    ('conditional', update(1), {'modes': {'G': 'inference', 'D': 'training'}}, 'fake'),
    ('conditional', update(1), {'modes': {'G': 'training', 'D': 'inference'}}, 'logit'),
    ('conditional', update(0), {'terms': [{'logit': 'D', 'on': ['G', 'X'],
                                           'targets': [1, 0]}]}, 'logit'),
    ('conditional', update(0), {'terms': [{'logit': 'D', 'on': ['X', 'G'],
                                           'targets': [0.99, 0]}]}, 'loss'),
    ('minimax', update(1), {'loss': {'kind': 'clamped_log', 'recorded': -1,
                                     'lowered': 1}}, 'loss'),
    ('minimax', update(1), {'loss': {'kind': 'clamped_log', 'recorded': 1,
                                     'lowered': -1}}, 'grad'),
    ('minimax', update(0), {'loss': {'kind': 'squared', 'recorded': 1,
                                     'lowered': 1}}, 'loss')]


@pytest.mark.parametrize('name, what, change, first', CHANGES)
def test_a_change_of_the_description_is_seen(name, what, change, first):
    found, description, limits = golden(name)
    changed = json.loads(json.dumps(description))
    each = what(changed)
    if 'op' in change:
        each.clear()
    each.update(change)
    if first is None:       # another weight or mask: of another shape
        with pytest.raises(ValueError):
            beyond(found, changed, limits)
        return
    kinds = {key.split('/')[2] for key in beyond(found, changed, limits)}
    if first == 'average':
        assert kinds == {'after'}
    else:
        assert first in kinds
        assert not kinds & set(KINDS[:KINDS.index(first)])


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
@pytest.mark.parametrize('kind', KINDS[:-1])
def test_a_number_of_the_trace_that_is_off_is_seen(name, kind):
    found, description, limits = golden(name)
    arrays = dict(found.arrays)
    key = next(key for key in arrays if f'/{kind}' in key)
    arrays[key] = arrays[key] * np.float32(1.01)
    assert key in beyond(found._replace(arrays=arrays), description, limits)


# --- Primitives -----------------------------------------------------------------------

def of(shape, low=0.1, high=0.9, seed=0):
    """Return numbers between two ends."""
    return np.random.RandomState(seed).uniform(low, high, shape)


TARGET = np.array([[1.], [0.], [0.7]])
CASES = {
    'add': ([of((2, 3)), of(3)], {}), 'multiply': ([of((2, 3)), of((2, 1))], {}),
    'negate': ([of(3)], {}), 'matmul': ([of((2, 3)), of((3, 4))], {}),
    'gather': ([of((2, 3, 4))], {'shape': (3, 1)}),
    'spread': ([of((3, 1))], {'shape': (2, 3, 4)}),
    'conv': ([of((2, 7, 7, 2)), of((3, 3, 2, 4))], {'stride': 2}),
    'conv_image': ([of((2, 3, 3, 4)), of((3, 3, 2, 4))],
                   {'stride': 2, 'shape': (2, 8, 7, 2)}),
    'conv_kernel': ([of((2, 7, 7, 2)), of((2, 3, 3, 4))], {'stride': 2, 'k': 3}),
    'reshape': ([of((2, 6))], {'shape': (3, 4)}),
    'transpose': ([of((2, 3, 4))], {'axes': (2, 0, 1)}),
    'flip': ([of((2, 3))], {'axes': [1]}),
    'pad': ([of((2, 3))], {'around': [(1, 0), (2, 3)]}),
    'cut': ([of((5, 6))], {'around': [(1, 0), (2, 3)]}),
    'join': ([of((2, 3)), of((2, 1))], {'axis': 1}),
    'leaky_relu': ([of((3, 3), -1, 1)], {'slope': 0.2}),
    'sigmoid': ([of(3)], {}), 'tanh': ([of(3)], {}),
    'logit': ([of(5)], {}),
    'exp': ([of(3)], {}), 'erf': ([of(3)], {}),
    'power': ([of(3)], {'by': -0.5}),
    'cross_entropy': ([of((3, 1), -2, 2)], {'target': TARGET}),
    'log_loss': ([of((3, 1))], {'target': TARGET, 'clamped': True}),
    'log_slope': ([of((3, 1))], {'target': TARGET, 'clamped': False}),
    'round': ([of(5)], {'bits': 60}),
    'bound': ([of(5)], {'low': 0.3, 'high': 0.7}),
    'added_log_loss': ([of((3, 1))], {'target': TARGET, 'low': 0.01})}


def slopes(op, inputs, numbers):
    """Return the gradients of a weighted sum of a primitive's result, and the nodes."""
    line = tape.Tape()
    nodes = [line.node(each, True) for each in inputs]
    y = nodes[0].do(op, *nodes[1:], **numbers)
    weighted = y * np.cos(np.arange(y.array.size)).reshape(y.shape)
    first = tape.gradients(weighted.do('gather', shape=()), nodes)
    return first, nodes


def value(op, inputs, numbers):
    """Return what `slopes` takes the gradient of, by NumPy alone."""
    y = tape.PRIMITIVES[op].forward(*inputs, **numbers)
    return (y * np.cos(np.arange(y.size)).reshape(y.shape)).sum()


def difference(function, inputs, n):
    """Return the gradient of a function by its input `n`, by central differences."""
    result, h = np.zeros(inputs[n].shape), 1e-6
    for place in np.ndindex(result.shape):
        ends = []
        for step in h, -h:
            moved = [each.copy() for each in inputs]
            moved[n][place] += step
            ends.append(function(moved))
        result[place] = (ends[0] - ends[1]) / (2 * h)
    return result


@pytest.mark.parametrize('op', tape.PRIMITIVES)
def test_a_primitives_derivative_is_its_differences(op):
    inputs, numbers = CASES[op]
    for n, found in enumerate(slopes(op, inputs, numbers)[0]):
        expected = difference(lambda moved: value(op, moved, numbers), inputs, n)
        assert found.shape == inputs[n].shape
        # Measured: 0.13 of this; differences have the noise.
        assert np.allclose(found.array, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('op', [op for op in tape.PRIMITIVES if op != 'log_slope'])
def test_a_gradient_has_a_gradient(op):
    """Of the sum of a gradient's squares: what a gradient penalty takes."""
    inputs, numbers = CASES[op]

    def squares(inputs):
        first, nodes = slopes(op, inputs, numbers)
        parts = [(each * each).do('gather', shape=()) for each in first]
        return sum(parts[1:], parts[0]), nodes

    total, nodes = squares(inputs)
    for n, found in enumerate(tape.gradients(total, nodes)):
        expected = difference(lambda moved: float(squares(moved)[0].array), inputs, n)
        # Measured: 0.03 of this.
        assert np.allclose(found.array, expected, rtol=1e-5, atol=1e-7)


def test_rounding_meets_every_primitive_forward_and_back():
    found, description, _ = golden('dcgan')
    met, plain = [], {}

    def rounding(op, array, arrays, numbers):
        met.append(op)
        assert array.dtype == float and all(each.dtype == float for each in arrays)
        return array * (1 + 1e-3)

    for place, change, start in interpreter.starts(found, description):
        plain = interpreter.predict(description, change, start)
        noisy = interpreter.predict(description, change, start, rounding=rounding)
        for key in plain:
            if key.split('/')[0] in ('logit', 'loss', 'grad') and plain[key].any():
                assert not np.array_equal(plain[key], noisy[key]), key
    assert set(met) >= {'add', 'multiply', 'matmul', 'gather', 'spread', 'conv',
                        'conv_image', 'conv_kernel', 'power', 'sigmoid',
                        'cross_entropy', 'tanh'}


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_passes_at_once_are_those_one_by_one(name):
    found, description, _ = golden(name)
    numbers = range(1, 5)
    for _, update, start in itertools.islice(interpreter.starts(found, description), 3):
        noise = judge.Noise()
        interpreter.predict(description, update, start, rounding=noise.exact)
        together = interpreter.passes(
            description, update, start, noise.of_passes(numbers),
            [n % 2 == 1 for n in numbers])
        alone = [interpreter.predict(
            description, update, start, rounding=noise.noisy(n, False),
            exactly=n % 2 == 1) for n in numbers]
        for one, two in zip(together, alone):
            assert list(one) == list(two)
            for key, array in two.items():      # measured: equal; the noise has 2e-7
                assert one[key].shape == array.shape, key
                assert np.allclose(one[key], array, rtol=0,
                                   atol=1e-10 * np.abs(array).max()), key
        assert len({float(each['loss']) for each in together}) == len(numbers)


def test_sigmoid_does_not_overflow():
    x = np.array([-1000, -1, 0, 1, 1000])
    with np.errstate(all='raise', under='ignore'):
        found = tape.sigmoid(x.astype(float))
    assert np.allclose(found, [0, 0.2689414213699951, 0.5, 0.7310585786300049, 1],
                       rtol=1e-15, atol=0)      # measured: equal


def test_a_saturated_log_is_as_the_source_has_it():
    """Infinite without a clamp, as in vanilla; at most 100 with torch's."""
    line = tape.Tape(np.float32)
    x = line.node([[-1000.], [1000.]], True)
    for clamped, losses in (False, [np.inf, np.inf]), (True, [100, 100]):
        y = x.do('sigmoid').do('log_loss', target=np.float32([[1], [0]]),
                               clamped=clamped)
        assert y.array.ravel().tolist() == losses
    slope, = tape.gradients(y.do('gather', shape=()), [x])
    assert slope.array.ravel().tolist() == [0, 0]


def test_adams_epsilon_is_added_to_the_uncorrected_root():
    numbers = {'learning_rate': 1., 'beta1': 0.5, 'beta2': 0.75, 'epsilon': 0.5}
    # t = 2: the rate is sqrt(1 - 9/16) / (1 - 1/4).
    step = interpreter.adam_step(numbers, np.array(3.), np.array(2.25), 2)
    assert step == pytest.approx((7 / 16) ** 0.5 / 0.75 * 3 / (1.5 + 0.5), rel=1e-12)
