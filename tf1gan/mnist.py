"""MNIST for the tutorials: IDX files, TF 1's split and `next_batch`. NumPy only.

Source: TensorFlow 1.15, `tensorflow.contrib.learn.python.learn.datasets.mnist`.
"""

from pathlib import Path
from typing import Dict, NamedTuple, Optional, Union

import numpy as np

from tf1gan import InputError, image_files
from tf1gan.image_files import N_CLASSES

DATA = Path(__file__).parent / 'data'
FILES = {'train_images': 'train-images-idx3-ubyte',
         'train_labels': 'train-labels-idx1-ubyte',
         'test_images': 't10k-images-idx3-ubyte',
         'test_labels': 't10k-labels-idx1-ubyte'}
N_VALIDATION = 5000     # the first training images, held out by the TF 1 loader


class Files(NamedTuple):
    """A data set: images, their digits, and where they are from."""

    train_images: np.ndarray    # [n, height, width], uint8
    train_labels: np.ndarray    # [n], uint8, in 0 ... 9
    test_images: np.ndarray     # [m, height, width], uint8
    test_labels: np.ndarray     # [m], uint8, in 0 ... 9
    sha256: Dict[str, str]      # file name -> sum of its decompressed bytes
    source: str                 # the folder or file
    form: str = ''              # in words: '28x28, 60,000 images, IDX files'


class Splits(NamedTuple):
    """The TF 1 loader's three data sets."""

    train: 'DataSet'
    validation: 'DataSet'
    test: 'DataSet'


def read(source: Optional[Union[str, Path]] = None) -> Files:
    """Read a data set (default: the MNIST inside).

    `source` is a folder or a file of any form that `tf1gan.image_files` reads: IDX
    files, Keras's mnist.npz, a CSV file, pictures in folders of their digits. The last
    two have no test images.

    The package's own files must have MNIST's well-known sums. So must another folder's
    if any of them has: a folder that is MNIST only in part is damaged or mixed up.

    Raises: InputError when there is no data set, or it is damaged or mixed up.
    """
    home = DATA if source is None else Path(source)
    train, test, sums, form = image_files.read(home)
    wrong = [name for name, known in mnist_sums().items() if sums.get(name) != known]
    if wrong and (source is None or len(wrong) < len(FILES)):
        raise InputError(f'{home}: expected MNIST, found other bytes in '
                         f'{", ".join(wrong)} (SHA-256 differs); replace what is '
                         'damaged or swapped')
    return Files(*train, *test, sha256=sums, source=str(home), form=form)


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

        The first call shuffles. A batch that goes beyond the epoch has the epoch's last
        images, then the first ones of a new shuffle of the present order. With
        `replace` there is no order: every row is drawn from all images.

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
        """Go to another DataSet's place over the same images; `rng` stays as it is."""
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
    """Return TF 1's split of a data set, labels one-hot, pixels in [0, 1].

    The first 5,000 images are for validation, the others for training. It is 5,000 of a
    smaller data set too, as in the TF 1 loader.

    Raises: InputError when nothing is left to train on.
    Source: `read_data_sets` of the TF 1 loader, with `one_hot=True`.
    """
    n = len(files.train_images)
    if n <= N_VALIDATION:
        raise InputError(
            f'{files.source}: expected more than {N_VALIDATION} training images (the '
            f'first {N_VALIDATION} are held out), found {n}; use a larger data set')

    def data_set(images, labels):
        n_pixels = images.shape[1] * images.shape[2]    # -1 fails where there are none
        pixels = images.reshape(len(images), n_pixels).astype(np.float32)
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
