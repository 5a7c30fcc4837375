"""tf1gan.networks against what TensorFlow 1.15 computed: the golden traces."""

import numpy as np
import pytest

import tf1gan
from tf1gan import networks, trace

# Measured: at most 1.2e-6 of the largest fake, 1.3e-6 of the largest logit (float64
# against TensorFlow's float32).
CLOSE = 3e-6


def passes(name, dtype=float, how=networks.TUTORIALS_OWN):
    """Yield (key, found, expected) of all fakes and logits of a golden trace."""
    golden = trace.load(name)
    w = {key: value.astype(dtype) for key, value in golden.part('init').items()}
    for place in golden.updates:
        feed = {key: value.astype(dtype)
                for key, value in golden.part(f'{place}/feed').items()}
        masks = [mask.astype(dtype) for mask in golden.part(f'{place}/mask').values()]
        fake = golden.part(f'{place}/fake').get('G')
        if fake is not None:
            mode = how._replace(training=place.endswith('/G'))
            yield f'{place}/fake', networks.generator(
                name, w, feed['Z'], feed.get('Z_labels'), mode), fake
        for key, expected in golden.part(f'{place}/logit').items():
            x, labels = {
                'D_real': lambda: (feed['X'], feed.get('X_labels')),
                'D_gene': lambda: (fake, feed.get('Z_labels')),
                'D': lambda: (np.concatenate([feed['X'], fake]), np.concatenate(
                    [feed['X_labels'], feed['Z_labels']]))}[key]()
            yield f'{place}/logit/{key}', networks.discriminator(
                name, w, x.astype(dtype), labels, masks, how), expected
        w.update((key, value.astype(dtype))
                 for key, value in golden.part(f'{place}/after').items())


def worst(pairs):
    """Return the largest difference of all, as a share of its array's magnitude."""
    return max(np.abs(found - expected).max() / np.abs(expected).max()
               for _, found, expected in pairs)


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_the_forward_passes_are_tensorflows(name):
    assert worst(passes(name)) < CLOSE


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_float32_stays_float32(name):
    for _, found, expected in passes(name, np.float32):
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


CHANGED = [('dcgan', dict(slope=0.3)), ('dcgan', dict(centered=True)),
           ('dcgan', dict(channels_first=True)), ('dcgan', dict(norm_epsilon=1e-5)),
           ('dcgan', dict(unbiased=True)), ('dcgan', dict(activation_first=False)),
           ('conditional', dict(slope=0.01)), ('conditional', dict(centered=True)),
           ('conditional', dict(activation_first=True)),
           ('collapse', dict(slope=0.2)), ('collapse', dict(norm_epsilon=1e-3)),
           ('collapse', dict(activation_first=False)), ('vanilla', dict(output='tanh')),
           ('vanilla', dict(slope=0.2)), ('minimax', dict(slope=0.01)),
           ('minimax', dict(output='sigmoid')), ('dcgan', dict(output='nothing'))]


@pytest.mark.parametrize('name, change', CHANGED)
def test_what_is_said_otherwise_goes_otherwise(name, change):
    assert worst(passes(name, how=networks.How(**change))) > 100 * CLOSE


def test_one_layer_alone_can_go_otherwise():
    changed = [worst(passes('dcgan', how=networks.How(slope=0.3, only=layer)))
               for layer in (None, 1, 2)]
    assert min(changed) > 100 * CLOSE and len(set(changed)) == 3


def test_sigmoid_does_not_overflow():
    x = np.array([-1000, -1, 0, 1, 1000])
    with np.errstate(all='raise', under='ignore'):
        found = networks.sigmoid(x.astype(float))
    assert np.allclose(found, [0, 0.2689414213699951, 0.5, 0.7310585786300049, 1],
                       rtol=1e-15)
