"""Layers: recorded by hooks, and each judged from the one before it. NumPy only."""

import numpy as np
import pytest

from tf1gan import InputError, compare, hooks, trace
from tf1gan.trace import Trace


class Module:
    """As PyTorch's: it calls its hooks after its forward pass."""

    def __init__(self, factor):
        self.factor, self.hooks = factor, []

    def register_forward_hook(self, hook):
        self.hooks.append(hook)

    def __call__(self, x):
        y = self.factor * x
        for hook in self.hooks:
            hook(self, (x,), y)
        return y


class Layer:
    """As Keras's: calling it calls its `call`."""

    def __init__(self, factor):
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def __call__(self, x):
        return self.call(x)


@pytest.mark.parametrize('kind', [Module, Layer])
def test_what_layers_return_is_recorded_by_name(kind):
    first, second = kind(2), kind(3)
    layers = hooks.Layers(G=[first, None, second], D=[kind(5)])
    assert second(first(1)) == 6
    assert layers.seen(G='G') == {'G_0': 2, 'G_2': 6}
    assert layers.seen(D='D_real') == {}
    first(10)
    assert layers.seen(G='G', D='D_real')['G_0'] == 20      # the last call counts


def with_layers(golden):
    """Return vanilla's golden arrays, and what its layers return, by hand.

    Without G's gradients, which TensorFlow computed from layers of its own.
    """
    arrays = {key: array for key, array in golden.arrays.items()
              if '/grad/G' not in key}
    weights = golden.part('init')
    for place in golden.updates:
        z = arrays[f'{place}/feed/Z']
        hidden = z @ weights['G_W1'] + weights['G_b1']
        out = np.maximum(hidden, 0) @ weights['G_W2'] + weights['G_b2']
        for n, value in enumerate((hidden, np.maximum(hidden, 0), out)):
            arrays[f'{place}/layer/G_{n}'] = value.astype(np.float32)
        weights.update(golden.part(f'{place}/after'))
    return arrays


def test_layers_of_a_right_run_agree():
    golden = trace.load('vanilla')
    report = compare.compare(golden, Trace('mine', golden.meta, with_layers(golden)))
    assert report.status == 0 and report.n_arrays == len(golden.arrays) + 18 - 12


def test_a_mistake_without_a_name_is_placed_at_its_layer():
    golden = trace.load('vanilla')
    arrays = with_layers(golden)
    key = 'step_000/D/layer/G_1'
    arrays[key] = arrays[key] * np.float32(1.5) + np.float32(0.25)
    report = compare.compare(golden, Trace('mine', golden.meta, arrays))
    assert report.differences[0].key == key
    assert "G's ReLU after G_W1" in report.findings[0].where


def test_a_layer_that_the_description_lacks_is_refused():
    update = trace.Replay('vanilla').update(0, 'D')
    for names in {'G_9': np.ones(1)}, {'D_0': np.ones(1)}:
        with pytest.raises(InputError, match='expected names of the golden trace'):
            update.put('layer', names)
    update.put('layer', {'D_real_0': np.ones((6, 4))})
