"""MNIST for the tutorials: IDX files, TF 1's split and `next_batch`. NumPy only.

Source: TensorFlow 1.15, `tensorflow.contrib.learn.python.learn.datasets.mnist`.
"""

import functools
import gzip
import hashlib
import operator
import struct
import warnings
import zlib
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Tuple, Union

import numpy as np

from tf1gan import InputError

DATA = Path(__file__).parent / 'data'
FILES = {'train_images': 'train-images-idx3-ubyte',
         'train_labels': 'train-labels-idx1-ubyte',
         'test_images': 't10k-images-idx3-ubyte',
         'test_labels': 't10k-labels-idx1-ubyte'}
N_VALIDATION = 5000     # the first training images, held out by the TF 1 loader
N_CLASSES = 10


class Files(NamedTuple):
    """What the four IDX files of a folder hold."""

    train_images: np.ndarray    # [n, 28, 28], uint8
    train_labels: np.ndarray    # [n], uint8, in 0 ... 9
    test_images: np.ndarray     # [m, 28, 28], uint8
    test_labels: np.ndarray     # [m], uint8, in 0 ... 9
    sha256: Dict[str, str]      # file name -> sum of its decompressed bytes
    source: str                 # the folder or file


class Splits(NamedTuple):
    """The TF 1 loader's three data sets."""

    train: 'DataSet'
    validation: 'DataSet'
    test: 'DataSet'


def read_bytes(path: Union[str, Path]) -> bytes:
    """Return a file's bytes, decompressed where it is gzipped.

    Raises: InputError when the file cannot be read, or its gzip stream is damaged.
    """
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content[:2] == b'\x1f\x8b' else content
    except (EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected a whole gzip file, found a truncated or '
                         f'damaged one ({error}); replace it')
    except OSError as error:
        raise InputError(f'{path}: expected a readable file, found: '
                         f'{error.strerror or error}; replace it')


def parse_idx(content: bytes, path: Union[str, Path], n_dims: int) -> np.ndarray:
    """Return the uint8 array of `n_dims` dimensions that the bytes of an IDX file hold.

    Raises: InputError, naming `path`, when the bytes are no such file, are cut short or
    run on past the array.
    """
    kind = {1: 'labels (IDX, 1 dimension)', 3: 'images (IDX, 3 dimensions)'}
    if len(content) < 4 or content[:3] != b'\0\0\x08':
        raise InputError(f'{path}: expected {kind[n_dims]} of unsigned bytes, found a '
                         f'file that begins with {content[:4]!r}; replace it')
    found = content[3]
    if found != n_dims:
        raise InputError(f'{path}: expected {kind[n_dims]}, found '
                         f'{kind.get(found, f"{found} dimensions")}; '
                         'swap the files back')
    header = 4 + 4 * n_dims
    shape = struct.unpack(f'>{n_dims}I', content[4:header].ljust(4 * n_dims, b'\0'))
    expected = header + functools.reduce(operator.mul, shape)
    if len(content) != expected:
        raise InputError(f'{path}: expected {expected} bytes for the shape '
                         f'{list(shape)}, found {len(content)}; replace the file')
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def integers(text: str) -> np.ndarray:
    """Return the integers between commas, or fewer where something else is there."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        try:
            return np.fromstring(text, np.int64, sep=',')
        except ValueError:      # NumPy 2.3 and later; older ones end the array early
            return np.empty(0, np.int64)


def parse_csv(content: bytes, path: Union[str, Path]) -> Tuple[np.ndarray, np.ndarray]:
    """Return (images [n, 28, 28], labels [n]), uint8, of MNIST's CSV form.

    A line is `label,p0,...,p783`, pixels in 0 ... 255, with no header.

    Raises: InputError, naming `path`, when the bytes are no such file.
    """
    lines = content.decode('ascii', 'replace').rstrip().splitlines()
    for number, line in enumerate(lines, 1):
        if line.count(',') != 784:
            raise InputError(
                f'{path}: expected 785 numbers a line (label,p0,...,p783), found '
                f'{line.count(",") + 1} in line {number}; replace it')
    values = integers(','.join(lines))
    if len(values) != 785 * len(lines) or not lines:
        wrong = [number for number, line in enumerate(lines, 1)
                 if len(integers(line)) != 785] or [1]
        raise InputError(f'{path}: expected lines of 785 numbers and no header, found '
                         f'something else in line {wrong[0]}; replace it')
    values = values.reshape(len(lines), 785)
    wrong = (values < 0) | (values > 255)
    wrong[:, 0] |= values[:, 0] >= N_CLASSES
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise InputError(f'{path}: expected labels in 0 ... 9 and pixels in 0 ... 255, '
                         f'found the {"pixel" if column else "label"} '
                         f'{values[row, column]} in line {row + 1}; replace it')
    values = values.astype(np.uint8)
    return values[:, 1:].reshape(-1, 28, 28), values[:, 0]


def read(source: Optional[Union[str, Path]] = None) -> Files:
    """Read the four IDX files, gzipped or not, of a folder (default: the MNIST inside).

    `source` may also be a CSV file of training images: there are no test images then.

    The package's own files must have MNIST's well-known sums. So must another folder's
    if any of them has: a folder that is MNIST only in part is damaged or mixed up.

    Raises: InputError when a file is missing, damaged, of the wrong kind or size, or
    when images and labels do not belong together.
    """
    if source is not None and Path(source).is_file():
        content = read_bytes(source)
        images, labels = parse_csv(content, source)
        return Files(images, labels, images[:0], labels[:0],
                     {Path(source).name: hashlib.sha256(content).hexdigest()},
                     str(source))
    home = DATA if source is None else Path(source)
    arrays, sums = {}, {}
    for field, name in FILES.items():
        paths = [path for path in (home / name, home / (name + '.gz'))
                 if path.is_file()]
        if not paths:
            raise InputError(
                f'{home}: expected a folder with {name} or {name}.gz, found neither; '
                'name a folder that holds the four IDX files')
        content = read_bytes(paths[0])
        sums[name] = hashlib.sha256(content).hexdigest()
        arrays[field] = parse_idx(content, paths[0], 3 if 'images' in field else 1)
    for part in 'train', 'test':
        images, labels = arrays[part + '_images'], arrays[part + '_labels']
        if len(images) != len(labels) or not len(images):
            raise InputError(
                f'{home}: expected as many {part} images as labels, found '
                f'{len(images)} and {len(labels)}; put files of one data set there')
        if labels.max() >= N_CLASSES:
            raise InputError(f'{home}: expected {part} labels in 0 ... 9, found '
                             f'{labels.max()}; replace {FILES[part + "_labels"]}')
    if arrays['train_images'].shape[1:] != arrays['test_images'].shape[1:]:
        raise InputError(
            f'{home}: expected train and test images of one size, found '
            f'{arrays["train_images"].shape[1:]} and '
            f'{arrays["test_images"].shape[1:]}; put files of one data set there')
    wrong = [name for name, known in mnist_sums().items() if sums[name] != known]
    if wrong and (source is None or len(wrong) < len(FILES)):
        raise InputError(f'{home}: expected MNIST, found other bytes in '
                         f'{", ".join(wrong)} (SHA-256 differs); replace what is '
                         'damaged or swapped')
    return Files(sha256=sums, source=str(home), **arrays)


def mnist_sums() -> Dict[str, str]:
    """Return MNIST's SHA-256 sums of the decompressed files, by file name."""
    lines = (DATA / 'SHA256SUMS').read_text().splitlines()
    return {name: known for known, name in (line.split() for line in lines)}


class DataSet:
    """Images, one-hot labels and TF 1's `next_batch` over them.

    `images` are float32 [n, pixels] in [0, 1], or as a tutorial shapes and scales them;
    `labels` float64 [n, 10]; both in the order of the present epoch: `order` holds
    their rows in the file. What is drawn is drawn from `rng`, which the caller shares
    with the noise.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray,
                 rng: np.random.RandomState):
        self.images = images
        self.labels = labels
        self.rng = rng
        self.order = np.arange(len(images))
        self.position = 0       # of the next batch, in the present epoch
        self.epochs_completed = 0

    @property
    def num_examples(self) -> int:
        """Number of images."""
        return len(self.images)

    def next_batch(self, batch_size: int, shuffle: bool = True,
                   replace: bool = False):
        """Return the next `batch_size` images and labels, in TF 1's order.

        The first call shuffles. A batch that outruns the epoch is its tail followed by
        the head of a new shuffle of the present order. With `replace` there is no
        order: every row is drawn from all images.

        Raises: InputError when `batch_size` is not in 1 ... num_examples.
        Source: the TF 1 loader's `DataSet.next_batch` (which returns fewer rows there).
        """
        n = self.num_examples
        if not 1 <= batch_size <= n:
            raise InputError(f'expected a batch size from 1 to the {n} images, found '
                             f'{batch_size}; choose one of those')
        if replace:
            rows = self.rng.randint(n, size=batch_size)
            return self.images[rows], self.labels[rows]
        start = self.position
        if self.epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        self.position = end = start + batch_size
        if end <= n:
            return self.images[start:end], self.labels[start:end]
        tail = self.images[start:], self.labels[start:]
        self.epochs_completed += 1
        if shuffle:
            self._shuffle()
        self.position = end - n
        return (np.concatenate([tail[0], self.images[:self.position]]),
                np.concatenate([tail[1], self.labels[:self.position]]))

    def restore(self, order: np.ndarray, position: int, epochs_completed: int) -> None:
        """Go to the place of another DataSet over the same images (but for `rng`)."""
        self._take(np.argsort(self.order)[order])
        self.position, self.epochs_completed = position, epochs_completed

    def _shuffle(self):
        rows = np.arange(self.num_examples)
        self.rng.shuffle(rows)
        self._take(rows)

    def _take(self, rows):
        # Moved once an epoch, as TF 1 does, so that a batch is a slice.
        self.images, self.labels = self.images[rows], self.labels[rows]
        self.order = self.order[rows]


def split(files: Files, rng: np.random.RandomState) -> Splits:
    """Return TF 1's split of MNIST's files, labels one-hot, pixels in [0, 1].

    Training images are those after the first 5,000, which are for validation.

    Raises: InputError when nothing is left to train on.
    Source: `read_data_sets` of the TF 1 loader, with `one_hot=True`.
    """
    n = len(files.train_images)
    if n <= N_VALIDATION:
        raise InputError(
            f'{files.source}: expected more than {N_VALIDATION} training images (the '
            f'first {N_VALIDATION} are held out), found {n}; use a larger data set')

    def data_set(images, labels):
        pixels = images.reshape(len(images), -1).astype(np.float32)
        return DataSet(np.multiply(pixels, 1.0 / 255.0), np.eye(N_CLASSES)[labels], rng)

    held, rest = slice(None, N_VALIDATION), slice(N_VALIDATION, None)
    return Splits(train=data_set(files.train_images[rest], files.train_labels[rest]),
                  validation=data_set(files.train_images[held],
                                      files.train_labels[held]),
                  test=data_set(files.test_images, files.test_labels))


def load(source: Optional[Union[str, Path]], rng: np.random.RandomState) -> Splits:
    """Return `split` of what `read` finds in `source`.

    Raises: InputError as these do.
    """
    return split(read(source), rng)
