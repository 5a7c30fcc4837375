"""tf1gan.tf1: TensorFlow 2 in graph mode draws and computes what 1.15 does."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
from conftest import ROOT, environ, no_cuda, python, run_module

import tf1gan
from tf1gan import command, descriptions, nn, run_folder, tf1, trace, vanilla
from tf1gan.tf1 import tf

ORACLES = ROOT / 'tests' / 'oracles'
sys.path.insert(0, str(ORACLES))
import record_first_draws       # noqa: E402

DRAWS = json.loads((ORACLES / 'first_draws.json').read_text())
SMALL = [word for field, value in descriptions.find('vanilla').SMALL.items()
         for word in ('--' + field.replace('_', '-'), str(value))]


def differing(found, expected):
    """Return the names of what has other bits."""
    assert set(found) == set(expected)
    return [name for name in expected if found[name] != expected[name]]


@pytest.mark.parametrize('seed', record_first_draws.SEEDS)
@pytest.mark.parametrize('case', record_first_draws.CASES)
def test_a_seed_draws_what_it_draws_on_1_15(case, seed):
    """Weights and dropout masks, at full size; the sums are TensorFlow 1.15's."""
    assert differing(record_first_draws.draws(case, seed), DRAWS[case][str(seed)]) == []


def test_another_seed_is_caught():
    found = differing(record_first_draws.draws('vanilla', 2), DRAWS['vanilla']['0'])
    assert found == ['D_W1', 'D_W2', 'G_W1', 'G_W2']


@pytest.mark.skipif(tf1.REFERENCE, reason='of TensorFlow 2 only')
def test_the_releases_own_seeds_are_caught(monkeypatch):
    from tensorflow.python.framework import random_seed
    own = random_seed.get_seed.__closure__
    original = next(cell.cell_contents for cell in own if callable(cell.cell_contents)
                    and getattr(cell.cell_contents, '__name__', '') == 'get_seed')
    monkeypatch.setattr(random_seed, 'get_seed', original)
    found = differing(record_first_draws.draws('vanilla', 0), DRAWS['vanilla']['0'])
    assert found == ['D_W1', 'D_W2', 'G_W1', 'G_W2']


@pytest.mark.skipif(tf1.REFERENCE, reason='of TensorFlow 2 only')
@pytest.mark.parametrize('first', ['import os', 'import tensorflow'])
def test_with_onednn_a_layer_norm_keeps_its_epsilon(first, tmp_path):
    """Where oneDNN is on: wished for, or TensorFlow was imported before the package."""
    program = tmp_path / 'program.py'
    program.write_text(f"""{first}
import numpy as np
from tf1gan import nn, tf1
from tf1gan.tf1 import tf
assert tf1.ONEDNN
config = tf1.session_config()
with tf.Graph().as_default(), tf.Session(config=config) as sess:
    x = tf.placeholder(tf.float32, [None, 3])
    gain, shift = tf.Variable(tf.ones([3])), tf.Variable(tf.zeros([3]))
    y = nn.layer_norm(x, gain, shift, epsilon=1e-5)
    sess.run(tf.global_variables_initializer())
    print(sess.run(y, {{x: [[0.001, 0.002, 0.006]]}})[0, 2])
""")
    env = environ()
    del env['TF_ENABLE_ONEDNN_OPTS']        # set by tf1 in this process
    if first == 'import os':
        env['TF_ENABLE_ONEDNN_OPTS'] = '1'
    ended = python(program, cwd=tmp_path, env=env)
    # By hand: the mean is 0.003, the variance 14e-6 / 3.
    expected = 0.003 / (14e-6 / 3 + 1e-5) ** 0.5
    assert float(ended.out) == pytest.approx(expected, rel=1e-5)


def test_a_seed_of_an_ops_own_is_left_alone():
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        first = tf.random_normal([3], seed=5)
        tf.no_op()
        second = tf.random_normal([3], seed=5)
        assert np.array_equal(*sess.run([first, second]))


def test_the_gradient_for_gpus_has_the_bits_of_the_kernel(monkeypatch):
    """Of the doubled pixels; the kernel's on this machine's CPU is the oracle."""
    rng = np.random.RandomState(0)
    small, large = (rng.normal(size=(4, size, size, 9)).astype(np.float32)
                    for size in (7, 14))
    found = []
    for ours in False, True:
        monkeypatch.setattr(tf1, 'DETERMINISTIC_GPU', ours)
        with tf.Graph().as_default(), tf.Session() as sess:
            x = tf.constant(small)
            y = nn.upsample(x)
            found.append(sess.run([y, tf.gradients(y, x, tf.constant(large))[0]]))
            ops = {op.type for op in tf.get_default_graph().get_operations()}
            assert ('ResizeNearestNeighborGrad' in ops) != ours
    assert all(np.array_equal(*pair) for pair in zip(*found))


# --- What a run says ------------------------------------------------------------------

def test_a_run_carries_its_tensorflow_and_tells_once_of_another(small, tmp_path):
    ended = run_module('tf1gan.vanilla', '--data', small, '--max-steps', 2, *SMALL,
                       cwd=tmp_path)
    assert ended.status == 0
    assert ended.note.count('in graph mode') == (0 if tf1.REFERENCE else 1)
    assert 'in graph mode' not in ended.err
    folder = tmp_path / 'runs/vanilla/000'
    for file in 'env.json', 'config.json':
        assert json.loads((folder / file).read_text())['tensorflow'] == tf1.VERSION
    assert run_folder.load_checkpoint(folder)[1]['tensorflow'] == tf1.VERSION


@pytest.mark.parametrize('env', ['kept', 'lost'])
def test_a_run_is_not_resumed_silently_on_the_other(small, tmp_path, monkeypatch,
                                                    tutorial, env):
    other = '2.99.0' if tf1.REFERENCE else '1.15.5'
    with monkeypatch.context() as patch:
        patch.setattr(tf1, 'VERSION', other)
        tutorial('--data', small, '--max-steps', 2, '--out', 'run', *SMALL)
    if env == 'lost':
        (tmp_path / 'run/env.json').unlink()
    ended = tutorial('--resume', 'run', '--max-steps', 3)
    assert ended.status == 0
    assert f'tensorflow {other}, now {tf1.VERSION}' in ended.err
    resumed = json.loads((tmp_path / 'run/config.json').read_text())['resumed']
    assert resumed[-1].endswith(
        f'  # TensorFlow {tf1.VERSION} after step 2, {other} before')
    again = tutorial('--resume', 'run', '--max-steps', 4)
    assert f'tensorflow {other}' not in again.err or env == 'kept'


# --- Weights of a trace ---------------------------------------------------------------

def test_a_run_can_start_from_a_traces_weights(small, tmp_path, tutorial, monkeypatch):
    monkeypatch.setattr(command.loop.Run, 'train', lambda *_: None)
    ended = tutorial('--weights', 'vanilla', '--seed', 5, '--data', small, '--out',
                     'run', *SMALL)
    assert ended.status == 0, ended.err
    arrays, meta = run_folder.load_checkpoint(tmp_path / 'run')
    golden = trace.load('vanilla').part('init')
    assert len(golden) == 8 and meta['weights'] == 'vanilla'
    for name, value in golden.items():
        assert np.array_equal(arrays[name], value)
    assert not arrays['G_W1/Adam_G'].any()


def test_a_recorded_trace_can_start_from_anothers_weights(tmp_path):
    ended = run_module('tf1gan.record', 'vanilla', '--small', '--seed', 5, '--steps', 1,
                       '--weights', 'vanilla', '--out', 'mine.npz', cwd=tmp_path)
    assert ended.status == 0, ended.err
    golden, mine = trace.load('vanilla'), trace.load(tmp_path / 'mine.npz')
    for name, value in golden.part('init').items():
        assert np.array_equal(mine.arrays[f'init/{name}'], value)
    assert not np.array_equal(mine.arrays['step_000/D/feed/Z'],
                              golden.arrays['step_000/D/feed/Z'])


@pytest.mark.parametrize('arguments, words', [
    (['--weights', 'vanilla'], 'expected the weights of this graph, found others'),
    (['--weights', 'collapse', *SMALL], 'expected the weights of this graph'),
    (['--weights', 'none.npz'], 'found no such file'),
    (['--weights', 'vanilla', '--resume', 'run'], '--resume: expected no --weights')])
def test_weights_that_will_not_do_are_refused(tutorial, small, arguments, words):
    ended = tutorial('--data', small, *arguments)
    assert ended.status == 2 and words in ended.err
    assert len(ended.err.splitlines()) == 1


def test_the_pages_do_not_ask_for_a_version():
    for name in tf1gan.TUTORIALS:
        page = (ROOT / f'tf1gan/{name}.py').read_text()
        assert page.count('from tf1gan.tf1 import tf\n') == 1
        assert 'VERSION' not in page and 'REFERENCE' not in page
    assert vanilla.tf is tf


def test_a_terminal_shows_what_is_waited_for(tmp_path, small):
    """And nothing of it stays: each line is written over before the next comes."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, '-m', 'tf1gan.vanilla', '--max-steps', '1', '--out', 'run',
         '--data', str(small)], cwd=str(tmp_path), env=environ(), stdin=end, stdout=end,
        stderr=end)
    os.close(end)
    found = b''
    try:
        while True:
            found += os.read(terminal, 4096)
    except OSError:     # the other end is closed
        pass
    os.close(terminal)
    assert process.wait() == 0
    text = no_cuda(found.decode())
    lines = [line for line in text.replace('\n', '\r').split('\r') if line]
    blank = [not line.strip() for line in lines]
    assert lines[0] == 'loading TensorFlow ... ' and blank[1]
    assert lines[2] == 'building the graph ... ' and blank[3]
    assert lines[4] == 'run folder: run'
