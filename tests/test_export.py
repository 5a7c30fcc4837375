"""tf1gan.export: every format is loaded in its framework and draws the same images.

The expected images are those that TensorFlow 1.15's session drew in the golden traces,
and that a description of all layers gives in float64.
"""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import META, ROOT, environ, python

from tf1gan import (TUTORIALS, descriptions, evaluate, export, interpreter, latent,
                    mnist, run_folder, trace)
from tf1gan.generator import Generator

OWN = ROOT / 'experiments' / 'own' / 'least_squares.npz'
LIMIT = 1e-5        # in [0, 1]
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


def write_run(folder, meta, weights):
    """Write a run folder with some weights."""
    Path(folder).mkdir()
    (Path(folder) / run_folder.CHECKPOINT).write_bytes(run_folder.pack(
        weights, {**META, **meta}))


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
        write_run(home / name, meta, weights)
        description = descriptions.of({**META, **meta}, name)
        (home / name / 'description.json').write_text(json.dumps(description))
        low, high = description['images']['range']
        images = (images.reshape(-1, 28, 28) - low) / (high - low)
        labels = {} if asked is None else {'labels': asked.argmax(1)}
        np.savez(str(home / name / 'drawn.npz'), images=images,
                 noise=np.float32(noise), **labels)
    return home


WRITE = """
import sys
from pathlib import Path
from tf1gan import export
for run in sys.argv[2:]:
    print(export.export(Path(run), sys.argv[1]))
"""
# Loads every run's export by the lines of docs/running.md, and measures its images.
MEASURE = """
import json, os, re, sys
import numpy as np
from tf1gan import descriptions, interpreter

lines, furthest = sys.argv[1], {}
for run in sys.argv[2:]:
    os.chdir(run)
    drawn = dict(np.load('drawn.npz'))
    code = lines if 'labels' in drawn else re.sub(
        r", ('labels(:0)?': |labels=)?((tf.constant|torch.from_numpy)\\(digits\\)"
        '|digits)', '', lines)
    for n in len(drawn['noise']), 1:
        noise, digits, images = (drawn[name][:n] if name in drawn else None
                                 for name in ('noise', 'labels', 'images'))
        found = {'noise': noise, 'digits': digits}
        exec(code, found)
        if 'weights' in found:
            description = json.load(open('description.json'))
            low, high = description['images']['range']
            asked = None if digits is None else np.eye(description['labels'])[digits]
            found['images'] = (interpreter.draw(
                description, found['weights'], noise, asked).reshape(-1, 28, 28) - low
                ) / (high - low)
        apart = float(np.abs(np.asarray(found['images']) - images).max())
        furthest[run] = max(apart, furthest.get(run, 0))
    os.chdir('..')
print(json.dumps(furthest))
"""
PACKAGES = {'savedmodel': 'tensorflow', 'npz': 'numpy'}


def lines_of(to):
    """Return the lines of docs/running.md that load a format."""
    blocks = re.findall('```python\n(.*?)```', DOCS, re.DOTALL)
    if to == 'npz':
        return ("from tf1gan.generator import Generator\n"
                "images = Generator('generator')(noise, digits)")
    if to == 'savedmodel':
        tf = pytest.importorskip('tensorflow')
        release = '2' if tf.__version__[0] == '2' else '1.15'
        return next(block for block in blocks if f'# TensorFlow {release}\n' in block)
    return next(block for block in blocks if export.FORMATS[to].name in block)


@pytest.mark.parametrize('to', export.FORMATS)
def test_a_framework_draws_the_same_images(home, to):
    """Of all tutorials, of a GAN of one's own, of every layer; and not of a wrong one.

    Measured: at most 1.2e-7 of the tutorials, 4.8e-7 of every layer.
    """
    package = PACKAGES.get(to, to)
    if not importlib.util.find_spec(package):
        pytest.skip(f'asks for {package}')
    runs = sorted(path.name for path in home.iterdir())
    ended = python('-c', WRITE, to, *runs, cwd=home)
    assert ended.status == 0, ended.err
    assert ended.err == ''
    assert ended.out.split() == [f'{run}/{export.FORMATS[to].name}' for run in runs]
    # oneDNN's kernels on, as they are where a user loads it.
    ended = python('-c', MEASURE, lines_of(to), *runs, cwd=home,
                   env=environ(TF_ENABLE_ONEDNN_OPTS='1'))
    assert ended.status == 0, ended.err
    furthest = json.loads(ended.out.splitlines()[-1])
    assert furthest.pop('wrong') > 1e-4
    assert len(furthest) == len(TUTORIALS) + 2
    assert all(each < LIMIT for each in furthest.values()), furthest


def test_safetensors_have_the_names_and_the_description(home):
    safetensors = pytest.importorskip('safetensors')
    path = export.export(home / 'dcgan', 'safetensors', home / 'dcgan' / 'named')
    generate = Generator(home / 'dcgan')
    with safetensors.safe_open(str(path), 'numpy') as file:
        assert json.loads(file.metadata()['description']) == generate.description
        assert set(file.keys()) == {name for name in generate.weights
                                    if name.startswith('G_')}


def test_the_numpy_lines_run(home, monkeypatch):
    lines = next(block for block in re.findall('```python\n(.*?)```', DOCS, re.DOTALL)
                 if 'tf1gan.generator' in block)
    monkeypatch.chdir(home)
    found = {}
    exec(lines.replace('runs/conditional/000', 'conditional'), found)
    assert found['images'].shape == (10, 28, 28)


@pytest.mark.parametrize('name', ['collapse', 'conditional'])
def test_a_folder_of_weights_is_judged_and_drawn_as_its_run(home, call, name):
    folder = export.export(home / name, 'npz', home / name / 'alone')
    with np.load(str(folder / run_folder.CHECKPOINT)) as content:
        assert all(key == 'meta' or key.startswith('G_') for key in content.files)
    for half, limit in (False, 0), (True, 1e-3):
        made = folder
        if half:
            made = export.export(home / name, 'npz', home / name / 'half', half=True)
        found, expected = (evaluate.draw(each, 20) for each in (made, home / name))
        assert np.abs(found.images - expected.images).max() <= limit
        assert found.images.dtype == np.float32
    ended = call(latent.main, folder)
    assert ended.status == 0, ended.err


def test_a_folder_of_weights_is_not_resumed(tmp_path, tutorial, tf):
    meta, weights, *_ = of_trace('vanilla')
    numbers = {**descriptions.numbers('vanilla'), **meta['config']}
    write_run(tmp_path / 'run', {**meta, 'config': numbers,
                                 'data_sha256': mnist.read().sha256}, weights)
    alone = export.export(tmp_path / 'run', 'npz')
    ended = tutorial('--resume', alone)
    assert ended.status == 2 and len(ended.err.splitlines()) == 1
    assert 'expected a checkpoint of this graph, found other arrays' in ended.err


@pytest.mark.parametrize('args, words', [
    ([], 'RUN'), (['vanilla'], '--to'), (['vanilla', '--to', 'caffe'], 'caffe'),
    (['nowhere', '--to', 'npz'], 'no such folder'),
    (['vanilla', '--to', 'npz', '--out', 'vanilla'], 'taken'),
    (['vanilla', '--to', 'npz', '--out', 'vanilla/drawn.npz/x'], 'can be written'),
    (['vanilla', '--to', 'onnx', '--half'], '--half'),
    (['vanilla', '--to', 'npz', '--out', 'x', '--halve'], 'did you mean --half?'),
    (['sanity', '--to', 'npz'], 'trained a generator'),
    (['large', '--to', 'npz', '--half'], 'G_b2'),
    (['image_norm', '--to', 'savedmodel'], 'layer_norm of vectors')])
def test_bad_input_is_refused_in_one_sentence(home, call, tmp_path, args, words):
    shutil.copytree(str(home / 'vanilla'), 'vanilla')
    meta, weights, *_ = of_trace('vanilla')
    write_run('large', meta, {**weights, 'G_b2': weights['G_b2'] + np.float32(1e5)})
    write_run('sanity', {'tutorial': 'collapse', 'config': {'sanity': True}}, {})
    meta, weights, *_ = of_every_layer()
    norm = {**EVERY[6], 'gain': 'G_gamma', 'shift': 'G_beta'}
    meta['description']['networks']['G'] = EVERY[:13] + [norm] + EVERY[13:]
    write_run('image_norm', meta, weights)
    before = sorted(tmp_path.rglob('*'))
    ended = call(export.main, *args)
    assert ended.status == 2 and words in ended.err, ended.err
    assert len(ended.err.splitlines()) == 1
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize('to', [to for to in export.FORMATS if to != 'npz'])
def test_a_missing_framework_is_named_in_one_sentence(home, tmp_path, to):
    package, args = PACKAGES.get(to, to), [str(home / 'vanilla'), '--to', to]
    for version in None, '0.0.1':
        ended = python('-c', f'''import runpy, sys, types
sys.modules['{package}'] = {version} and types.ModuleType('{package}')
if {version}: sys.modules['{package}'].__version__ = {version}
sys.argv[1:] = {args + ['--out', 'x']}
runpy.run_module('tf1gan.export', run_name='__main__')'''.replace('0.0.1', "'0.0.1'"),
                       cwd=tmp_path)
        assert ended.status == 2 and len(ended.err.splitlines()) == 1, ended.err
        assert f'--to {to}: expected' in ended.err
        assert not list(tmp_path.iterdir())
