"""tf1gan.mnist against TF 1.15's own loader, and against files that are not right."""

import copy
import gzip
import io
import shutil

import numpy as np
import pytest
from conftest import N_IMAGES, csv_lines, idx, write_data

from tf1gan import InputError, image_files, mnist

IMAGES, LABELS = 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte'


@pytest.fixture(scope='module')
def contrib(reference):
    """Return TF 1.15's loader module."""
    from tensorflow.contrib.learn.python.learn.datasets import mnist as loader
    return loader


@pytest.fixture(scope='module')
def theirs(contrib):
    """Return what TF 1.15's loader reads from the package's own files."""
    return contrib.read_data_sets(str(mnist.DATA), one_hot=True)


@pytest.fixture(scope='module')
def ours():
    """Return what this project's loader reads."""
    return mnist.load(None, np.random.RandomState(0))


@pytest.mark.parametrize('part, n', [('train', 55000), ('validation', 5000),
                                     ('test', 10000)])
def test_splits_are_those_of_tf1(ours, theirs, part, n):
    mine, yours = getattr(ours, part), getattr(theirs, part)
    assert mine.num_examples == yours.num_examples == n
    for array, expected in (mine.images, yours.images), (mine.labels, yours.labels):
        assert array.dtype == expected.dtype
        assert np.array_equal(array, expected)


@pytest.mark.parametrize('batch_size', [100, 4099])
def test_batches_of_mnist_are_those_of_tf1(theirs, batch_size):
    compare_batches(lambda rng: mnist.load(None, rng).train, copy.copy(theirs.train),
                    batch_size, 2 * 55000 // batch_size + 2)


@pytest.mark.parametrize('batch_size', [1, 7, 13, 64, 65, 99, 130])
@pytest.mark.parametrize('shuffle', [True, False])
def test_batches_are_those_of_tf1_over_epochs(contrib, batch_size, shuffle):
    images = np.random.RandomState(3).randint(0, 256, (130, 28, 28, 1)).astype(np.uint8)
    labels = np.eye(10)[np.arange(130) % 10]
    yours = contrib.DataSet(images, labels, reshape=True)
    pixels = np.multiply(images.reshape(130, 784).astype(np.float32), 1.0 / 255.0)
    compare_batches(lambda rng: mnist.DataSet(pixels, labels, rng), yours, batch_size,
                    5 * 130 // batch_size + 3, shuffle)


def compare_batches(make, yours, batch_size, n_batches, shuffle=True):
    """Draw from both, with noise in between from the generator of each."""
    mine = make(np.random.RandomState(5))
    np.random.seed(5)
    for _ in range(n_batches):
        for array, expected in zip(mine.next_batch(batch_size, shuffle),
                                   yours.next_batch(batch_size, shuffle=shuffle)):
            assert np.array_equal(array, expected)
        assert np.array_equal(mine.rng.normal(size=3), np.random.normal(size=3))
        assert mine.epochs_completed == yours.epochs_completed
    assert mine.epochs_completed >= 1


def test_state_is_all_that_next_batch_depends_on():
    images, labels = np.arange(50.0)[:, None], np.eye(10)[np.arange(50) % 10]
    one = mnist.DataSet(images, labels, np.random.RandomState(1))
    for _ in range(9):
        one.next_batch(7)
    two = mnist.DataSet(images, labels, np.random.RandomState(2))
    two.next_batch(20)
    two.restore(one.order, one.position, one.epochs_completed)
    two.rng.set_state(one.rng.get_state())
    for _ in range(20):
        assert np.array_equal(one.next_batch(7)[0], two.next_batch(7)[0])


@pytest.mark.parametrize('batch_size', [0, -1, 51])
def test_batch_size_out_of_range_is_refused(batch_size):
    data = mnist.DataSet(np.zeros((50, 1)), np.zeros((50, 10)),
                         np.random.RandomState(1))
    with pytest.raises(InputError, match='50 images'):
        data.next_batch(batch_size)


def test_another_data_set_loads_gzipped_or_not(tmp_path):
    plain = write_data(tmp_path / 'plain')
    packed = tmp_path / 'packed'
    packed.mkdir()
    for path in plain.iterdir():
        (packed / (path.name + '.gz')).write_bytes(gzip.compress(path.read_bytes()))
    one, two = mnist.read(plain), mnist.read(packed)
    assert one.train_images.shape == (5300, 28, 28)
    assert one.sha256 == two.sha256
    assert np.array_equal(one.train_images, two.train_images)


def test_sums_are_the_well_known_ones():
    """The sums that any copy of MNIST's four files has, decompressed."""
    sums = mnist.mnist_sums()
    assert sorted(sums) == sorted(mnist.FILES.values())
    assert sums[IMAGES].startswith('ba891046e6505d7a')
    assert sums[LABELS].startswith('65a50cbbf4e906d7')
    assert sums['t10k-images-idx3-ubyte'].startswith('0fa7898d509279e4')
    assert sums['t10k-labels-idx1-ubyte'].startswith('ff7bcfd416de3373')


def flip(path, offset):
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(bytes(content))


@pytest.fixture
def unpacked(tmp_path):
    """Return a copy of the package's own files, decompressed, in a folder."""
    folder = tmp_path / 'unpacked'
    folder.mkdir()
    for name in mnist.FILES.values():
        content = gzip.decompress((mnist.DATA / (name + '.gz')).read_bytes())
        (folder / name).write_bytes(content)
    return folder


def test_a_flipped_bit_in_the_packages_own_files_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / 'data'
    shutil.copytree(str(mnist.DATA), str(folder))
    monkeypatch.setattr(mnist, 'DATA', folder)
    mnist.read()
    for name in mnist.FILES.values():       # all four wrong: no longer MNIST at all
        packed = folder / (name + '.gz')
        content = bytearray(gzip.decompress(packed.read_bytes()))
        content[-1] ^= 1
        packed.write_bytes(gzip.compress(bytes(content), 1))
    with pytest.raises(InputError, match='expected MNIST.*damaged'):
        mnist.read()


def test_a_flipped_bit_in_a_copy_of_mnist_is_refused(unpacked):
    mnist.read(unpacked)
    flip(unpacked / IMAGES, 1000000)
    with pytest.raises(InputError, match=f'expected MNIST.*{IMAGES}'):
        mnist.read(unpacked)


def swap(folder, one, two):
    """Exchange two files."""
    (folder / one).rename(folder / 'aside')
    (folder / two).rename(folder / one)
    (folder / 'aside').rename(folder / two)


DAMAGE = {
    'missing file': (lambda f: (f / LABELS).unlink(), 'found neither'),
    'truncated': (lambda f: (f / IMAGES).write_bytes((f / IMAGES).read_bytes()[:-9]),
                  'expected 4155216 bytes .* found 4155207'),
    'too long': (lambda f: (f / IMAGES).write_bytes((f / IMAGES).read_bytes() + b'!'),
                 'expected 4155216 bytes .* found more'),
    'header only': (lambda f: (f / IMAGES).write_bytes((f / IMAGES).read_bytes()[:7]),
                    'replace'),
    'empty': (lambda f: (f / IMAGES).write_bytes(b''), 'replace'),
    'no IDX file': (lambda f: (f / IMAGES).write_bytes(b'<html>sorry</html>'),
                    'begins with'),
    'not bytes': (lambda f: flip(f / IMAGES, 2), 'found 3 dimensions of int32'),
    'four dimensions': (lambda f: (f / IMAGES).write_bytes(
        idx(np.zeros((9, 28, 28, 1), np.uint8))), 'found 4 dimensions of uint8'),
    'labels as images': (lambda f: swap(f, IMAGES, LABELS),
                         'expected images .* found labels'),
    'train and test images swapped': (
        lambda f: swap(f, IMAGES, 't10k-images-idx3-ubyte'), 'found 20 and 5300'),
    'truncated gzip': (
        lambda f: (f / IMAGES).write_bytes(
            gzip.compress((f / IMAGES).read_bytes())[:-9]), 'whole gzip'),
    'flipped gzip': (
        lambda f: ((f / IMAGES).write_bytes(gzip.compress((f / IMAGES).read_bytes())),
                   flip(f / IMAGES, 4000000)), 'gzip|CRC'),
    'a label of 10': (lambda f: (f / LABELS).write_bytes(
        idx(np.full(5300, 10, np.uint8))), 'labels in 0 ... 9'),
    'no images': (lambda f: ((f / LABELS).write_bytes(idx(np.zeros(0, np.uint8))),
                             (f / IMAGES).write_bytes(
                                 idx(np.zeros((0, 28, 28), np.uint8)))), '0 and 0'),
    'other image size': (lambda f: (f / IMAGES).write_bytes(
        idx(np.zeros((5300, 32, 32), np.uint8))), 'images of one size'),
    'only the held-out': (lambda f: (
        (f / IMAGES).write_bytes(idx(np.zeros((5000, 28, 28), np.uint8))),
        (f / LABELS).write_bytes(idx(np.zeros(5000, np.uint8)))), 'more than 5000'),
    'a folder for a file': (lambda f: ((f / IMAGES).unlink(), (f / IMAGES).mkdir()),
                            'found neither'),
    'no folder': (lambda f: shutil.rmtree(str(f)), 'found no such folder'),
}


@pytest.mark.parametrize('name', DAMAGE)
def test_damaged_data_is_refused_in_one_sentence(tmp_path, name):
    folder = write_data(tmp_path / 'data')
    damage, message = DAMAGE[name]
    damage(folder)
    with pytest.raises(InputError, match=message) as refused:
        mnist.load(folder, np.random.RandomState(0))
    assert '\n' not in str(refused.value)
    assert str(folder) in str(refused.value)


def test_every_truncation_of_a_header_is_refused():
    whole = idx(np.zeros((2, 2, 2), np.uint8))
    for length in range(len(whole)):
        with pytest.raises(InputError):
            image_files.read_idx(io.BytesIO(whole[:length]), 'file', 'images')
    array, _ = image_files.read_idx(io.BytesIO(whole), 'file', 'images')
    assert array.shape == (2, 2, 2)


def test_a_data_set_without_test_images_is_split(csv):
    files = mnist.read(csv)
    rows = np.arange(5100) % N_IMAGES
    splits = mnist.split(files._replace(train_images=files.train_images[rows],
                                        train_labels=files.train_labels[rows]),
                         np.random.RandomState(0))
    assert [part.num_examples for part in splits] == [100, 5000, 0]
    assert splits.test.images.shape == (0, 784)


def test_the_csv_form_is_the_idx_form(csv):
    found, files = mnist.read(csv), mnist.read()
    assert np.array_equal(found.train_images, files.train_images[:N_IMAGES])
    assert np.array_equal(found.train_labels, files.train_labels[:N_IMAGES])
    assert len(found.test_images) == 0


BAD_CSV = {
    'a pixel less': (lambda lines: lines[:4] + [lines[4][:-2]], 'found 784 in line 5'),
    'a word': (lambda lines: lines[:2] + [lines[2].replace(',0,', ',zero,', 1)],
               'line 3'),
    'a pixel of 256': (lambda lines: lines[:3] + [lines[3][:-1] + '256'],
                       'whole pixels in 0 ... 255, found the pixel 256 in line 4'),
    'a negative pixel': (lambda lines: [lines[0][:-1] + '-1'], 'pixel -1 in line 1'),
    'a label of 10': (lambda lines: lines[:2] + ['10' + lines[2][1:]] + lines[3:],
                      'labels in 0 ... 9.*found the label 10 in line 3'),
    'an empty line': (lambda lines: lines[:2] + [''] + lines[2:], 'in line 3'),
    'nothing': (lambda lines: [], 'in line 1'),
    'no CSV': (lambda lines: ['\x00\xff'], 'found 1 in line 1'),
}


@pytest.mark.parametrize('name', BAD_CSV)
def test_a_bad_csv_is_refused(tmp_path, name):
    damage, message = BAD_CSV[name]
    path = tmp_path / 'bad.csv'
    path.write_bytes('\n'.join(damage(csv_lines(6))).encode('latin-1'))
    with pytest.raises(InputError, match=message) as refused:
        mnist.read(path)
    assert str(path) in str(refused.value) and '\n' not in str(refused.value)
