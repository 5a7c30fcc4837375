"""Data sets in every form that people have them in, and what is none."""

import gzip
import io
import re
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from conftest import idx, python
from PIL import Image

from tf1gan import InputError, image_files, mnist

N, N_TEST = 23, 11
HEADER = ['label', *(f'pixel{i}' for i in range(784))]


@pytest.fixture(scope='module')
def some():
    """Return a few images of MNIST and their labels, for training and to test."""
    files = mnist.read()
    return (files.train_images[:N], files.train_labels[:N],
            files.test_images[:N_TEST], files.test_labels[:N_TEST])


def png(image, mode='L') -> bytes:
    """Return an array's PNG."""
    content = io.BytesIO()
    picture = Image.fromarray(image)
    (picture.convert(mode) if mode else picture).save(content, 'png')
    return content.getvalue()


def names_of(*names):
    """Return a form: the four IDX files under these names."""
    return lambda some: dict(zip(names, map(idx, some)))


def emnist(some):
    """Return EMNIST's files: its images lie on their sides."""
    arrays = some[0].swapaxes(1, 2), some[1], some[2].swapaxes(1, 2), some[3]
    return {f'emnist-digits-{part}-{kind}-ubyte.gz': gzip.compress(idx(array))
            for (part, kind), array in zip([
                ('train', 'images-idx3'), ('train', 'labels-idx1'),
                ('test', 'images-idx3'), ('test', 'labels-idx1')], arrays)}


def qmnist(some):
    """Return QMNIST's files: the digit is the first of eight integers."""
    files = {}
    for part, images, labels in ('train', *some[:2]), ('test', *some[2:]):
        table = np.full((len(labels), 8), 77, '>i4')
        table[:, 0] = labels
        files[f'qmnist-{part}-images-idx3-ubyte.gz'] = gzip.compress(idx(images))
        files[f'qmnist-{part}-labels-idx2-int.gz'] = gzip.compress(
            bytes([0, 0, 12, 2]) + struct.pack('>2I', *table.shape) + table.tobytes())
    return files


def npz(**arrays) -> bytes:
    """Return an .npz of arrays."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def keras(some):
    """Return Keras's mnist.npz."""
    return {'mnist.npz': npz(**dict(zip(('x_train', 'y_train', 'x_test', 'y_test'),
                                        some)))}


def lines(change=lambda fields: fields, header=None, mark=b'', end='\n'):
    """Return a form: a CSV file whose lines are changed."""
    def make(some):
        rows = [HEADER] * bool(header) + [
            [str(label), *map(str, image.ravel())] for image, label in zip(*some[:2])]
        text = end.join(','.join(change(row)) for row in rows) + end
        return {'mnist_train.csv': mark + text.encode()}
    return make


def folders(home, name=lambda i, label: f'{i}.png', write=png):
    """Return a form: pictures in folders of their digits."""
    return lambda some: {f'{home}{label}/{name(i, label)}': write(image)
                         for i, (image, label) in enumerate(zip(*some[:2]))}


def inside(folder, form):
    """Return a form further down."""
    return lambda some: {f'{folder}/{name}': content
                         for name, content in form(some).items()}


PLAIN = names_of(*mnist.FILES.values())
FORMS = {       # how it is made, what is said of it
    'IDX': (PLAIN, 'IDX files'),
    'IDX with points': (names_of(
        'train-images.idx3-ubyte', 'train-labels.idx1-ubyte', 't10k-images.idx3-ubyte',
        't10k-labels.idx1-ubyte'), 'IDX files'),
    'EMNIST': (emnist, 'IDX files emnist-digits-*, turned upright'),
    'QMNIST': (qmnist, r'IDX files qmnist-*'),
    'torchvision': (inside('MNIST/raw', PLAIN), 'IDX files'),
    'Keras': (keras, "Keras's mnist.npz"),
    'CSV': (lines(), 'a CSV file without header'),
    'CSV with a header': (lines(header=True), 'a CSV file with a header'),
    'CSV with a mark': (lines(header=True, mark=b'\xef\xbb\xbf'),
                        'a CSV file with a header'),
    'CSV with a mark and no header': (lines(mark=b'\xef\xbb\xbf'),
                                      'a CSV file without header'),
    'CSV of Windows': (lines(end='\r\n'), 'a CSV file without header'),
    'CSV of floats': (lines(lambda row: [f'{x}.0' for x in row]),
                      'a CSV file without header'),
    'CSV with quotes': (lines(lambda row: [f'"{x}"' for x in row], header=True),
                        'a CSV file with a header'),
    'CSV with the label last': (lines(lambda row: row[1:] + row[:1], header=True),
                                'a CSV file with a header'),
    'folders': (folders('train/'), 'pictures in folders 0 to 9'),
    'folders without train': (folders('', lambda i, label: f'img ({i}).PNG'),
                              'pictures in folders 0 to 9'),
    'folders of RGB': (folders('', write=lambda image: png(image, 'RGB')),
                       'pictures in folders 0 to 9'),
    'folders of 16 bits': (folders('', write=lambda image: png(
        image.astype(np.uint16) * 257, None)), 'pictures in folders 0 to 9'),
}


def write(home, files):
    """Write files by name into a new folder."""
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return home


def zipped(path, files):
    """Write files by name into an archive."""
    file = path if hasattr(path, 'read') else str(path)
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('name', FORMS)
def test_every_form_holds_the_same_images(tmp_path, some, name, packed):
    make, said = FORMS[name]
    source = (zipped(tmp_path / 'data.zip', make(some)) if packed
              else write(tmp_path / 'data', make(some)))
    found = mnist.read(source)
    assert np.array_equal(found.train_images, some[0])
    assert np.array_equal(found.train_labels, some[1])
    for array in found[:4]:
        assert array.dtype == np.uint8
    if len(found.test_images):
        assert np.array_equal(found.test_images, some[2])
        assert np.array_equal(found.test_labels, some[3])
    else:
        assert 'CSV' in said or 'pictures' in said
    assert found.form == f'28x28, {N} images, {said}' + ' in data.zip' * packed


@pytest.mark.parametrize('form, name', [
    (emnist, 'emnist-digits-train-images-idx3-ubyte.gz'), (keras, 'mnist.npz'),
    (PLAIN, 'train-images-idx3-ubyte'), (lines(header=True), 'mnist_train.csv')])
def test_a_file_can_be_named_too(tmp_path, some, form, name):
    write(tmp_path, {**form(some), **qmnist(some), 'other.csv': b'a,b'})
    found = mnist.read(tmp_path / name)
    assert np.array_equal(found.train_images, some[0])
    assert np.array_equal(found.train_labels, some[1])


def test_emnists_csv_is_turned_too(tmp_path, some):
    make = lines()(some)['mnist_train.csv']
    path = tmp_path / 'emnist-digits-train.csv'
    path.write_bytes(make)
    found = mnist.read(path)
    assert np.array_equal(found.train_images.swapaxes(1, 2), some[0])
    assert found.form.endswith('turned upright')


def test_digits_are_mixed_as_their_numbers_are(tmp_path, some):
    """Or what is held out would be all of one digit."""
    make = folders('', lambda i, label: f'n{99 - i}.png')
    found = mnist.read(write(tmp_path / 'data', make(some)))
    assert np.array_equal(found.train_labels, some[1][::-1])


def test_images_of_another_size_have_it(tmp_path):
    images, labels = np.arange(5 * 16, dtype=np.uint8), np.arange(5, dtype=np.uint8)
    rows = [','.join(map(str, [label, *row]))
            for label, row in zip(labels, images.reshape(5, 16))]
    (tmp_path / 'x.csv').write_text('\n'.join(rows))
    found = mnist.read(tmp_path / 'x.csv')
    assert np.array_equal(found.train_images, images.reshape(5, 4, 4))
    assert found.form == '4x4, 5 images, a CSV file without header'


def tar(some) -> bytes:
    """Return a tar archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w:gz') as archive:
        archive.addfile(tarfile.TarInfo('a'), io.BytesIO())
    return content.getvalue()


GRAY = np.arange(784).reshape(28, 28).astype(np.uint8)
COLORS = np.arange(28 * 28 * 3).reshape(28, 28, 3).astype(np.uint8)
NONE = {        # the files of a folder or, where it has a name, the file; what is said
    'two sets': (lambda some: {**emnist(some), **qmnist(some)},
                 'expected one data set, found emnist-digits-, qmnist-; name'),
    'pictures alone': (lambda some: {'a.png': png(GRAY)},
                       'found PNG files, but no folders 0 to 9'),
    'something else': (lambda some: {'a.txt': b'', 'b/c.txt': b''},
                       r'found other files \(a.txt, b/c.txt\)'),
    'nothing': (lambda some: {}, 'found nothing'),
    'letters': (lambda some: {**emnist(some), 'emnist-digits-train-labels-idx1-ubyte':
                idx(np.full(N, 26, np.uint8))}, 'labels in 0 ... 9, found 26'),
    'a colored one': (lambda some: {'0/a.png': png(COLORS, 'RGB')}, 'a coloured one'),
    'a transparent one': (lambda some: {'0/a.png': png(np.concatenate(
        [COLORS, COLORS[..., :1]], 2), 'RGBA')}, 'a transparent one'),
    'a damaged one': (lambda some: {'0/a.png': png(GRAY)[:60]}, 'a damaged one'),
    'a large one': (lambda some: {'0/a.png': png(np.zeros((600, 9), np.uint8))},
                    '9 x 600 pixels'),
    'two sizes': (lambda some: {'0/a.png': png(GRAY), '1/b.png': png(GRAY[1:])},
                  '28 x 28 pixels, as 0/a.png has them, found 27 x 28'),
    'floats': (lambda some: {'mnist.npz': npz(
        x_train=some[0] / 255, y_train=some[1], x_test=some[2], y_test=some[3])},
        r'x_train as bytes .* found float64 \[23, 28, 28\]'),
    'one-hot': (lambda some: {'mnist.npz': npz(
        x_train=some[0], y_train=np.eye(10)[some[1]], x_test=some[2], y_test=some[3])},
        r'y_train as digits \[n\], found the shape \[23, 10\]'),
    'other names': (lambda some: {'mnist.npz': npz(images=some[0])}, 'found images'),
    'objects': (lambda some: {'mnist.npz': npz(x_train=np.array([{}]))},
                'allow_pickle'),
    'no label': (lambda some: {'/test.csv': b'\n'.join(
        [','.join(HEADER[1:]).encode(), b'0' + 783 * b',0'])},
        'a column that is called label, found pixel0, ..., pixel783'),
    'the label last': (lambda some: {'/x.csv': b'\n'.join(
        784 * b'0,' + str(i % 10).encode() for i in range(40))},
        'expected the label first, found only 0 there'),
    'a half': (lambda some: {'/x.csv': b'1,0.5' + 783 * b',0'}, 'the pixel 0.5 in'),
    'a header alone': (lambda some: {'/x.csv': ','.join(HEADER).encode()},
                       'found none after the header'),
    'a torch file': (lambda some: {'/x.pt': zipped(io.BytesIO(), {
        'x/data.pkl': b''}).getvalue()}, "found PyTorch's own file"),
    'a tar': (lambda some: {'/x.tar.gz': tar(some)}, r'found a \.tar archive'),
    'an array': (lambda some: {'/x.npy': b'\x93NUMPY\1\0'}, 'array, without labels'),
    'a picture': (lambda some: {'/x.png': png(GRAY)}, 'found a PNG picture'),
    'a pickle': (lambda some: {'/x.pkl.gz': gzip.compress(b'\x80\4.')}, 'a pickle'),
    'a page': (lambda some: {'/x': b'<html>'}, 'found a web page'),
    'one of four': (lambda some: {'/images': idx(some[0])}, 'found one IDX file'),
    'a password': (lambda some: {'/x.zip': zipped(io.BytesIO(), PLAIN(some)).getvalue(
        ).replace(b'PK\3\4\x14\0\0', b'PK\3\4\x14\0\1').replace(
            b'PK\1\2\x14\3\x14\0\0', b'PK\1\2\x14\3\x14\0\1')},
        'that can be unpacked here, found: .*password'),
    'no whole zip': (lambda some: {'/x.zip': zipped(
        io.BytesIO(), PLAIN(some)).getvalue()[:999]}, 'whole gzip or zip file'),
}


@pytest.mark.parametrize('name', NONE)
def test_what_is_no_data_set_is_told_apart(tmp_path, some, name):
    make, words = NONE[name]
    files = make(some)
    (tmp_path / 'data').mkdir()
    source = write(tmp_path / 'data', {key.lstrip('/'): content
                                       for key, content in files.items()})
    if next(iter(files), '')[:1] == '/':
        source /= next(iter(files))[1:]
    with pytest.raises(InputError, match=words) as refused:
        mnist.read(source)
    assert str(source) in str(refused.value) and '\n' not in str(refused.value)


MEMBER = gzip.compress(bytes(2 ** 26), 9)       # 64 MiB of zeros
IMAGES = 'train-images-idx3-ubyte.gz'
BOMBS = {       # a file of 2.5 GiB, or one that claims so; what is said
    'an IDX file': (IMAGES, lambda: 40 * MEMBER, 'begins with'),
    'an IDX file that says so': (IMAGES, lambda: gzip.compress(
        bytes([0, 0, 8, 3]) + struct.pack('>3I', 4000000, 28, 28)) + 40 * MEMBER,
        r'at most 671,088,640 bytes of images, found the shape \[4000000, 28, 28\]'),
    'a CSV file': ('train.csv.gz', lambda: gzip.compress(b'0') + 40 * MEMBER,
                   '785 numbers'),
    'an archive': ('mnist.npz', lambda: zipped(io.BytesIO(), {
        'x_train.npy': bytes(2 ** 26)}).getvalue().replace(
            struct.pack('<I', 2 ** 26), struct.pack('<I', 2 ** 32 - 2)),
        'at most 671,088,640 bytes, found: 4,294,967,294'),
    'a picture': ('0/a.png', lambda: png(np.zeros((5000, 5000), np.uint8)),
                  '5000 x 5000 pixels'),
}


@pytest.mark.parametrize('name', BOMBS)
def test_a_bomb_is_refused_in_little_memory(tmp_path, some, name):
    """A gigabyte, with Python and NumPy, in a process of its own."""
    file, make, words = BOMBS[name]
    beside = {name: content for name, content in PLAIN(some).items()
              if file == IMAGES and name + '.gz' != file}
    write(tmp_path / 'data', {**beside, file: make()})
    ended = python('-c', """
from tf1gan import InputError, mnist
try:
    mnist.read('data')
except InputError as error:
    lines = open('/proc/self/status').read().splitlines()
    print(next(line.split()[1] for line in lines if 'VmHWM' in line), error)
""", cwd=tmp_path, timeout=60)
    kilobytes, _, sentence = ended.out.partition(' ')
    assert re.search(words, sentence), ended
    assert int(kilobytes) < 10 ** 6


def test_a_picture_of_another_format_than_its_name_promises_is_not_decoded(tmp_path):
    """So the old decoders of formats that nobody needs are out of reach."""
    from tf1gan.replay import reading
    for form in 'TIFF', 'GIF', 'PPM':
        content = io.BytesIO()
        Image.new('L', (28, 28), 7).save(content, form)
        (tmp_path / '0.png').write_bytes(content.getvalue())
        with pytest.raises(InputError, match='expected a gray picture'):
            image_files.gray(content.getvalue(), '0.png')
        with pytest.raises(InputError, match='expected a whole PNG picture'):
            reading.decoded(tmp_path / '0.png')
