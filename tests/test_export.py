"""tf1gan.export: every format is loaded in its framework and draws the same images.

The expected images are those that TensorFlow 1.15's session drew in the golden traces,
and that a description of all layers gives in float64.
"""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import META, ROOT, python

from tf1gan import (TUTORIALS, InputError, descriptions, evaluate, export, interpreter,
                    latent, run_folder, trace)

OWN = ROOT / 'experiments' / 'own' / 'least_squares.npz'
LIMIT = 1e-5        # measured: see test_a_framework_draws_the_same_images
DOCS = (ROOT / 'docs' / 'running.md').read_text()

# Of every layer that a description may hold; G takes 4 numbers and one of 3 labels.
EVERY = [
    {'op': 'labels'}, {'op': 'dense', 'W': 'G_W1', 'b': 'G_b1'},
    {'op': 'layer_norm', 'gain': 'G_g', 'shift': 'G_s', 'epsilon': 0.3,
     'unbiased': True},
    {'op': 'leaky_relu', 'slope': 0.3}, {'op': 'dropout', 'mask': '1', 'rate': 0.4},
    {'op': 'dense', 'W': 'G_W2', 'b': 'G_b2'},
    {'op': 'layer_norm', 'gain': 'G_g2', 'shift': 'G_s2', 'epsilon': 0.01,
     'unbiased': False},
    {'op': 'reshape', 'shape': [2, 10, -1]}, {'op': 'transpose', 'axes': [1, 2, 0]},
    {'op': 'reshape', 'shape': [5, 5, -1]}, {'op': 'labels'},
    {'op': 'upsample', 'factor': 3},
    {'op': 'conv', 'W': 'G_W3', 'b': 'G_b3', 'stride': 2, 'padding': 'SAME'},
    {'op': 'batch_norm', 'gamma': 'G_gamma', 'beta': 'G_beta', 'mean': 'G_mean',
     'variance': 'G_variance', 'epsilon': 0.2, 'momentum': 0.9, 'unbiased': False,
     'moving_unbiased': False},
    {'op': 'relu'}, {'op': 'upsample', 'factor': 4},
    {'op': 'conv', 'W': 'G_W4', 'b': 'G_b4', 'stride': 1, 'padding': 'VALID'},
    {'op': 'tanh'},
    {'op': 'conv', 'W': 'G_W5', 'b': 'G_b5', 'stride': 1, 'padding': [0, 1]},
    {'op': 'sigmoid'}]
SHAPES = {'G_W1': [7, 6], 'G_b1': [6], 'G_g': [6], 'G_s': [6], 'G_W2': [6, 100],
          'G_b2': [100], 'G_g2': [100], 'G_s2': [100], 'G_W3': [4, 4, 7, 3],
          'G_b3': [3], 'G_gamma': [3], 'G_beta': [3], 'G_mean': [3], 'G_variance': [3],
          'G_W4': [4, 4, 3, 2], 'G_b4': [2], 'G_W5': [3, 3, 2, 1], 'G_b5': [1]}


def of_trace(source):
    """Return (meta, weights, noise, one-hot labels, images) of a golden trace.

    They are those of the last update in which G is in inference mode, or has nothing
    that depends on the mode.
    """
    golden = trace.load(source)
    description = descriptions.of(golden.meta, source)
    layers = description['networks']['G']
    alike = not any(layer['op'] in ('batch_norm', 'dropout') for layer in layers)
    start = [start for _, update, start in interpreter.starts(golden, description)
             if 'fake/G' in start.own and (alike or update['modes']['G'] == 'inference')
             ][-1]
    meta = {key: golden.meta[key] for key in ('tutorial', 'config', 'description')
            if key in golden.meta}
    return (meta, start.weights, start.feed['Z'], start.feed.get('Z_labels'),
            start.own['fake/G'])


def of_every_layer():
    """Return the same of a network that has every layer, drawn in float64."""
    rng = np.random.RandomState(3)
    weights = {name: rng.uniform(0.2, 1, shape) * rng.choice([-1, 1], shape)
               for name, shape in SHAPES.items()}
    weights['G_variance'] = np.abs(weights['G_variance'])
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    description = json.loads(json.dumps(descriptions.of(
        {'tutorial': 'dcgan', 'config': {}}, 'dcgan')))
    description.update(labels=3, noise={**descriptions.NORMAL, 'size': 4})
    description['images']['range'] = [-2, 3]
    description['networks']['G'] = EVERY
    assert {layer['op'] for layer in EVERY} == set(descriptions.LAYERS)
    noise, asked = rng.normal(size=(5, 4)), np.eye(3)[[0, 1, 2, 1, 0]]
    images = interpreter.draw(description, weights, noise, asked, float)
    assert images.std() > 0.1
    return ({'tutorial': 'every', 'config': {}, 'description': description}, weights,
            noise, asked, images)


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    """Return a folder of runs, each with `drawn.npz`: noise, labels and images."""
    home = tmp_path_factory.mktemp('home')
    cases = {name: of_trace(name) for name in TUTORIALS}
    cases.update(own=of_trace(OWN), every=of_every_layer())
    meta, weights, *rest = cases['vanilla']
    cases['wrong'] = (meta, {**weights, 'G_b2': weights['G_b2'] + np.float32(0.01)},
                      *rest)
    for name, (meta, weights, noise, asked, images) in cases.items():
        (home / name).mkdir()
        (home / name / run_folder.CHECKPOINT).write_bytes(run_folder.pack(
            weights, {**META, **meta}))
        low, high = descriptions.of({**META, **meta}, name)['images']['range']
        images = (images.reshape(-1, 28, 28) - low) / (high - low)
        labels = {} if asked is None else {'labels': asked.argmax(1)}
        np.savez(str(home / name / 'drawn.npz'), images=images,
                 noise=np.float32(noise), **labels)
    return home


WRITE = '''
import sys
from pathlib import Path
from tf1gan import export
for run in sys.argv[2:]:
    print(export.export(Path(run), sys.argv[1]))
'''
# Each defines draw(path, inputs): the images of one exported generator.
LOAD = {
    'savedmodel': '''
import tensorflow as tf
def draw(path, inputs):
    if tf.__version__[0] == '2':
        made = tf.saved_model.load(path).signatures['serving_default']
        return made(**{name: tf.constant(array) for name, array in inputs.items()}
                    )['images'].numpy()
    with tf.Session(graph=tf.Graph()) as sess:
        made = tf.saved_model.load(sess, ['serve'], path)
        ends = made.signature_def['serving_default']
        return sess.run(ends.outputs['images'].name, {
            ends.inputs[name].name: array for name, array in inputs.items()})
''',
    'keras': '''
import keras
def draw(path, inputs):
    return keras.ops.convert_to_numpy(
        keras.saving.load_model(path)(list(inputs.values())))
''',
    'torch': '''
import torch
def draw(path, inputs):
    return torch.export.load(path).module()(
        *map(torch.from_numpy, inputs.values())).numpy()
''',
    'onnx': '''
from onnx.reference import ReferenceEvaluator
def draw(path, inputs):
    return ReferenceEvaluator(path).run(None, inputs)[0]
''',
    'safetensors': '''
import json, safetensors
from safetensors.numpy import load_file
from tf1gan import interpreter
def draw(path, inputs):
    with safetensors.safe_open(path, 'numpy') as file:
        description = json.loads(file.metadata()['description'])
    labels = inputs.get('labels')
    (low, high), asked = description['images']['range'], None if labels is None else (
        np.eye(description['labels'])[labels])
    images = interpreter.draw(description, load_file(path), inputs['noise'], asked)
    return (images.reshape(-1, 28, 28) - low) / (high - low)
''',
    'npz': '''
from tf1gan.generator import Generator
def draw(path, inputs):
    return Generator(path)(*inputs.values())
'''}
MEASURE = '''
import json, sys
import numpy as np
{load}
furthest = {{}}
for run in sys.argv[2:]:
    inputs = dict(np.load(run + '/drawn.npz'))
    images = inputs.pop('images')
    path = run + '/' + sys.argv[1]
    furthest[run] = max(
        float(np.abs(draw(path, {{key: array[:n] for key, array in inputs.items()}})
                     - images[:n]).max()) for n in (len(images), 1))
print(json.dumps(furthest))
'''
PACKAGES = {'savedmodel': 'tensorflow', 'npz': 'numpy'}


@pytest.mark.parametrize('to', export.FORMATS)
def test_a_framework_draws_the_same_images(home, to):
    """Of all tutorials, of a GAN of one's own, of every layer; and not of a wrong one.
    """
    package = PACKAGES.get(to, to)
    if not importlib.util.find_spec(package):
        pytest.skip(f'asks for {package}')
    runs = sorted(path.name for path in home.iterdir())
    ended = python('-c', WRITE, to, *runs, cwd=home)
    assert ended.status == 0, ended.err
    assert ended.err == ''
    assert ended.out.split() == [f'{run}/{export.FORMATS[to].name}' for run in runs]
    ended = python('-c', MEASURE.format(load=LOAD[to]), export.FORMATS[to].name, *runs,
                   cwd=home)
    assert ended.status == 0, ended.err
    furthest = json.loads(ended.out.splitlines()[-1])
    print(furthest)
    assert furthest.pop('wrong') > 1e-4
    assert len(furthest) == len(TUTORIALS) + 2
    assert all(each < LIMIT for each in furthest.values()), furthest
