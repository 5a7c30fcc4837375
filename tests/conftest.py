"""What the tests share: a small data set, and the tutorial run as a user would."""

import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
N_TRAIN = 5300      # 5,000 are held out: 3 batches of 100 an epoch
N_IMAGES = 23       # of the CSV file
# Whether TensorFlow is Intel's MKL build, by what pip installed.
MKL = any(path.is_dir() and any(path.glob('intel_tensorflow-*'))
          for path in map(Path, sys.path))


# Begun first, so that two processes end together.
LONGEST = ['test_vanilla.py', 'test_run.py', 'test_keras_tutorials.py',
           'test_tutorials.py', 'test_record.py', 'test_input.py', 'test_evaluate.py',
           'test_export.py']


def pytest_collection_modifyitems(items):
    """Put the longest files first; each keeps its own order."""
    items.sort(key=lambda item: LONGEST.index(item.fspath.basename)
               if item.fspath.basename in LONGEST else len(LONGEST))


class Ended(NamedTuple):
    """How a command ended.

    `note` is the line on standard error that says that this is TensorFlow 2, and `err`
    is the rest.
    """

    status: int
    out: str
    err: str
    note: str = ''


def no_cuda(err: str) -> str:
    """Return standard error without what TensorFlow 1.15.0's wheel says with no GPU."""
    return re.sub(r'[-\d]+ [\d:.]+: E .*failed call to cuInit.*\r?\n', '', err)


def how_it_ended(status, out, err) -> Ended:
    """Return how a command ended, with the note apart."""
    err = no_cuda(err)
    note = re.search(r'^note: TensorFlow 2.*\n|\Z', err, re.MULTILINE).group()
    return Ended(status, out, err.replace(note, '', 1), note)


def environ(**more):
    """Return an environment where the checkout's package is found from any folder."""
    return {**os.environ, 'PYTHONPATH': str(ROOT), **more}


def execute(*words, cwd, **how) -> Ended:
    """Run a command in `cwd`, without a terminal; `how` is subprocess's."""
    process = subprocess.run([str(word) for word in words], cwd=str(cwd), **{
        'env': environ(), 'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE,
        'stderr': subprocess.PIPE, 'universal_newlines': True, 'timeout': 300, **how})
    return how_it_ended(process.returncode, process.stdout, process.stderr)


def python(*words, cwd, **how) -> Ended:
    """Run `python words` in `cwd`, without a terminal."""
    return execute(sys.executable, *words, cwd=cwd, **how)


def run_module(module, *args, cwd, **how) -> Ended:
    """Run `python -m module args` in `cwd`, without a terminal."""
    return python('-m', module, *args, cwd=cwd, **how)


def idx(array: np.ndarray) -> bytes:
    """Return the IDX file of a uint8 array."""
    return (bytes([0, 0, 8, array.ndim]) + struct.pack(f'>{array.ndim}I', *array.shape)
            + array.tobytes())


def write_data(folder: Path, n_train: int = N_TRAIN, n_test: int = 20) -> Path:
    """Write four IDX files of noise with 10 labels, and return their folder."""
    rng = np.random.RandomState(7)
    folder.mkdir()
    for part, n in (('train', n_train), ('t10k', n_test)):
        images = rng.randint(0, 256, (n, 28, 28)).astype(np.uint8)
        (folder / f'{part}-images-idx3-ubyte').write_bytes(idx(images))
        labels = rng.randint(0, 10, n).astype(np.uint8)
        (folder / f'{part}-labels-idx1-ubyte').write_bytes(idx(labels))
    return folder


@pytest.fixture(scope='session')
def tf():
    """Return the TensorFlow of the pages; skip where there is none."""
    if not importlib.util.find_spec('tensorflow'):
        pytest.skip('asks for TensorFlow')
    from tf1gan import tf1
    return tf1.tf


@pytest.fixture(scope='session')
def reference(tf):
    """Skip what asks for the bits, the Keras or the loader of TensorFlow 1.15."""
    from tf1gan import tf1
    if not tf1.REFERENCE:
        pytest.skip(f'asks for TensorFlow 1.15, found {tf1.VERSION}')


@pytest.fixture(scope='session')
def small(tmp_path_factory) -> Path:
    """Return a folder with a data set of 3 batches an epoch."""
    return write_data(tmp_path_factory.mktemp('data') / 'small')


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Return a function that calls a program's `main` in this process, in a new folder.
    """
    monkeypatch.chdir(tmp_path)

    def call(main, *args) -> Ended:
        monkeypatch.setattr(sys, 'argv', ['x', *map(str, args)])
        capfd.readouterr()
        try:
            status = main()
        except SystemExit as ended:
            status = ended.code
        return how_it_ended(status, *capfd.readouterr())

    return call


@pytest.fixture
def tutorial(call):
    """Return a function that runs a page, `tf1gan.vanilla`, in this process."""
    from tf1gan import command, vanilla
    return lambda *args, page=vanilla: call(
        lambda: 0 if command.main(page) else None, *args)


@pytest.fixture
def run(tutorial):
    """Return a function that runs a page to its end, and returns what it prints."""
    def run(page, *args) -> str:
        ended = tutorial(*args, page=page)
        assert ended.status == 0, ended.err
        return ended.out

    return run


def new_run(name, *, seed=0, threads=None, data=None, small=False, **numbers):
    """Return a run of a tutorial that has just begun; `small`: as its golden trace."""
    from tf1gan import contract, loop
    page = contract.find(name)
    config = page.Config(**{**(page.small if small else {}), **numbers})
    return loop.Run(page, {'format': 1, 'tutorial': name, 'config': config._asdict(),
                           'command': '', 'resumed': [], 'seed': seed,
                           'threads': threads, 'data': data})


def sabotaged(module, old, new):
    """Return a module with a change in its source, which must have what is changed."""
    source = Path(module.__file__).read_text()
    assert old in source, f'{old!r} is no longer in {module.__name__}'
    changed = ModuleType('sabotaged')
    exec(source.replace(old, new), changed.__dict__)
    return changed


def started(module, seed=0, **numbers):
    """Return a page's model, a session in which it begins, and its variables by name.
    """
    from tf1gan.tf1 import tf
    model = module.build(module.Config(**numbers), seed)
    sess = tf.Session(graph=model.graph)
    sess.run(model.init)
    variables = model.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    return model, sess, {variable.op.name: variable for variable in variables}


class Listener:
    """A run's session that notes what is fed and which variables each update moves."""

    def __init__(self, run):
        self.sess, self.variables, self.feeds, self.moved = (
            run.sess, run.variables, [], [])

    def run(self, fetches, feed_dict):
        before = self.sess.run(self.variables)
        result = self.sess.run(fetches, feed_dict)
        after = self.sess.run(self.variables)
        self.feeds.append({key.op.name: np.array(value)
                           for key, value in feed_dict.items()})
        self.moved.append({name for name in before
                           if not np.array_equal(before[name], after[name])})
        return result


def csv_lines(n=N_IMAGES):
    """Return MNIST's first images as lines of its CSV form."""
    from tf1gan import mnist
    files = mnist.read()
    return [','.join(map(str, [label, *image.ravel()])) for label, image in
            zip(files.train_labels[:n], files.train_images[:n])]


@pytest.fixture(scope='session')
def csv(tmp_path_factory) -> Path:
    """Return a CSV file with a few images."""
    path = tmp_path_factory.mktemp('csv') / 'mnist_train.csv'
    path.write_text('\n'.join(csv_lines()) + '\n')
    return path


# What the meta of a checkpoint holds at least.
META = {'format': 1, 'tutorial': 'vanilla', 'config': {}, 'command': '', 'resumed': [],
        'seed': 0, 'threads': None, 'data': None, 'data_sha256': {}, 'step': 0,
        'seconds': 0., 'rows': [], 'rng': ['MT19937', 624, 0, 0.], 'data_position': 0,
        'epochs_completed': 0}
