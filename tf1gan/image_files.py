"""Images and their digits from the files that people have. NumPy, and Pillow.

A data set is in a folder or a .zip of it, at most three folders further down:

    four IDX files, gzipped or not, with MNIST's names, EMNIST's or QMNIST's
    mnist.npz as Keras has it: x_train, y_train, x_test, y_test
    train.csv, mnist_train.csv, ...: a line an image, label and pixels
    pictures in folders 0 to 9, or in train/0 to train/9

or is one such file, or the training images of one of several IDX sets in a folder. What
cannot be read without guessing is refused, and the message says what was found.
"""

import gzip
import hashlib
import io
import itertools
import os
import re
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import InputError

N_CLASSES = 10
MOST_BYTES = 640 * 2 ** 20      # of a file, decompressed; EMNIST's largest: 547 million
MOST_LINE = 2 ** 16             # bytes
MOST_SIDE = 512                 # pixels of a picture
AT_ONCE = 1000                  # lines
DEPTH = 3                       # folders below the one that is named
FORMS = ('a folder or a .zip with the four IDX files of MNIST, its mnist.npz, a '
         'train.csv, or pictures in folders 0 to 9')

IDX = re.compile(r'(?P<set>.*?)(?P<part>train|t10k|test)-(?P<kind>images|labels)'
                 r'[-.]idx\d-\w+(?P<gz>\.gz)?')
CSV = re.compile(r'(?i).*train(ing)?\.csv(\.gz)?')
NPZ = re.compile(r'(?i).*mnist\.npz')
FORMATS = 'PNG', 'JPEG', 'BMP'       # of pictures; Pillow's other decoders are shut
PICTURE = re.compile(r'(?i)(?P<name>[^/]+)\.(?P<kind>png|jpe?g|bmp)')
CLASSES = re.compile(r'(?i)(?P<home>(?:.*/)?)(?:train(?:ing)?/)?(?P<digit>\d)/'
                     + PICTURE.pattern[4:])
IDX_TYPES = {8: '>u1', 9: '>i1', 11: '>i2', 12: '>i4', 13: '>f4', 14: '>f8'}
KINDS = {           # what a file begins with, and what it is then
    b'\x93NUMPY': 'a .npy array, without labels', b'\x89PNG': 'a PNG picture',
    b'\xff\xd8\xff': 'a JPEG picture', b'\x89HDF': 'an HDF5 file',
    b'PAR1': 'a Parquet file', b'MATLAB': 'a MATLAB file', b'\x80': 'a pickle',
    b'\xfd7zXZ': 'an .xz archive', b'BZh': 'a .bz2 archive', b'7z': 'a .7z archive',
    b'Rar': 'a .rar archive', b'%PDF': 'a PDF', b'<': 'a web page', b'{': 'JSON',
    b'[': 'JSON'}


class Labelled(NamedTuple):
    """Images and the digit of each."""

    images: np.ndarray      # [n, height, width], uint8
    labels: np.ndarray      # [n], uint8, in 0 ... 9


class Found(NamedTuple):
    """A data set, and what it was read from."""

    train: Labelled
    test: Labelled          # without images where the files have none
    sha256: Dict[str, str]  # file name -> sum of its decompressed bytes
    form: str               # '28x28, 60,000 images, IDX files'


# --- Files ---------------------------------------------------------------------------

class Place:
    """A folder or a .zip archive, and its files by their paths in it."""

    def __init__(self, path: Path):
        self.path = path
        self.archive = None if path.is_dir() else zipfile.ZipFile(str(path))

    def names(self) -> List[str]:
        """List the files, down to DEPTH folders; no hidden ones."""
        names = self.archive.namelist() if self.archive else _walk(self.path)
        return [name for name in names if not name.endswith('/')
                and '__MACOSX' not in name
                and not name.rpartition('/')[2].startswith('.')]

    def open(self, name: str) -> BinaryIO:
        """Return a file's stream, decompressed where it is gzipped."""
        return (unpacked(self.archive.open(name)) if self.archive
                else open_file(self.path / name))


def _walk(home: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(str(home)):
        within = Path(folder).relative_to(home)
        folders[:] = sorted(folders) if len(within.parts) < DEPTH else []
        yield from ((within / file).as_posix() for file in sorted(files))


def unpacked(stream: BinaryIO) -> BinaryIO:
    """Return a stream, decompressed where it is gzipped."""
    is_packed = stream.peek(2)[:2] == b'\x1f\x8b'
    return gzip.GzipFile(fileobj=stream) if is_packed else stream


def open_file(path: Path) -> BinaryIO:
    """Return a file's stream, decompressed where it is gzipped."""
    with open(str(path), 'rb') as file:
        is_packed = file.read(2) == b'\x1f\x8b'
    return gzip.open(str(path)) if is_packed else open(str(path), 'rb')


def whole(stream: BinaryIO, path: Any) -> bytes:
    """Return all of a stream.

    Raises: InputError, naming `path`, when it holds more than MOST_BYTES.
    """
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f'{path}: expected at most {MOST_BYTES:,} bytes, found more; '
                         'take a part of it')
    return content


def kind_of(head: bytes) -> Optional[str]:
    """Say what a file is by its first bytes; None where they do not tell."""
    if head[257:262] == b'ustar':
        return 'a .tar archive'
    return next((kind for magic, kind in KINDS.items() if head.startswith(magic)), None)


# --- A data set ----------------------------------------------------------------------

class Candidate(NamedTuple):
    """Files of a place that may be a data set."""

    home: str           # their folder in the place
    name: str           # for a person
    read: Any           # (place, candidate) -> Found
    files: Any


def read(source: Path) -> Found:
    """Return the data set of a folder or a file.

    Raises: InputError when there is none, or several, or its files are damaged, too
    large, of another size or number than they say, or have labels beyond 9.
    """
    path = source
    try:
        if source.is_file():
            with open_file(source) as stream:
                head = stream.read(512)
            if head[:4] != b'PK\3\4':
                return _read_file(source, head)
        elif not source.is_dir():
            raise InputError(f'{source}: expected {FORMS}, found no such folder or '
                             'file; name one that is there')
        place = Place(source)
        names = place.names()
        if place.archive and any(name.endswith('.npy') for name in names):
            return _npz(place, Candidate('', source.name, _npz, ''))
        candidates = find(names)
        if len(candidates) == 1:
            return candidates[0].read(place, candidates[0])
        if not candidates:
            raise InputError(f'{source}: expected {FORMS}, found {_other(names)}; name '
                             'one that is there')
        raise InputError(
            f'{source}: expected one data set, found '
            f'{", ".join(one.home + one.name for one in candidates[:8])}; name its '
            'folder or its file of training images (out of an archive, unpack it)')
    except (EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f'{path}: expected a whole gzip or zip file, found a damaged '
                         f'one ({error}); replace it')
    except RuntimeError as error:       # of a zip: a password, say
        raise InputError(f'{path}: expected a .zip that can be unpacked here, found: '
                         f'{error}; unpack it and name the folder')
    except OSError as error:
        raise InputError(f'{error.filename or path}: expected a readable file, found: '
                         f'{error.strerror or error}; replace it')


def find(names: List[str]) -> List[Candidate]:
    """Return the data sets among files: those of the uppermost folder with any."""
    idx: Dict[Any, Dict] = {}
    classes: Dict[str, List] = {}
    found = []
    for name in sorted(names, key=lambda name: name.endswith('.gz')):
        home, _, file = name.rpartition('/')
        home += '/' * bool(home)
        match = IDX.fullmatch(file)
        if match:
            part = 'train' if match.group('part') == 'train' else 'test'
            idx.setdefault((home, match.group('set')), {}).setdefault(
                f'{part}_{match.group("kind")}', name)
        match = CLASSES.fullmatch(name)
        if match:
            classes.setdefault(match.group('home'), []).append(
                (*natural(match.group('name')), match.group('digit'), name))
        for pattern, reader in (CSV, _csv), (NPZ, _npz):
            if pattern.fullmatch(file):
                found.append(Candidate(home, file, reader, name))
    found += [Candidate(home, name or 'IDX files', _idx, files)
              for (home, name), files in idx.items()]
    found += [Candidate(home, 'folders 0 to 9', _classes, sorted(files))
              for home, files in classes.items()]
    upper = min((one.home.count('/') for one in found), default=0)
    return [one for one in found if one.home.count('/') == upper]


def _read_file(path: Path, head: bytes) -> Found:
    """Return the data set of a file that is no archive."""
    match = IDX.fullmatch(path.name)
    if head[:2] == b'\0\0' and head[2:3] and head[2] in IDX_TYPES:
        if match and match.group('kind') == 'images':
            beside = find(os.listdir(str(path.parent)))
            return next(one.read(Place(path.parent), one) for one in beside
                        if one.read is _idx and path.name in one.files.values())
        raise InputError(f'{path}: expected {FORMS}, found one IDX file; name the '
                         'folder that holds the four')
    kind = kind_of(head)
    if kind:
        raise InputError(f'{path}: expected {FORMS}, found {kind}; convert it, or name '
                         'another')
    place = Place(path.parent)
    return _csv(place, Candidate('', path.name, _csv, path.name), path)


def _other(names: List[str]) -> str:
    """Say what a place without a data set holds."""
    kinds = {match.group('kind').upper() for match in map(
        PICTURE.fullmatch, (name.rpartition('/')[2] for name in names)) if match}
    if kinds:
        return f'{" and ".join(sorted(kinds))} files, but no folders 0 to 9'
    if any(name.endswith('data.pkl') for name in names):
        return "PyTorch's own file"
    return f'other files ({", ".join(names[:3])})' if names else 'nothing'


def _said(images: np.ndarray, what: str, place: Place) -> str:
    n, height, width = images.shape
    inside = f' in {place.path.name}' if place.archive else ''
    return f'{height}x{width}, {n:,} images, {what}{inside}'


def _checked(images: np.ndarray, labels: np.ndarray, path: Any, part: str) -> Labelled:
    """Return images and labels that belong together."""
    if len(images) != len(labels) or not len(images):
        raise InputError(f'{path}: expected as many {part} images as labels, found '
                         f'{len(images)} and {len(labels)}; put files of one data set '
                         'there')
    wrong = ~np.isin(labels, range(N_CLASSES))
    if wrong.any():
        raise InputError(f'{path}: expected {part} labels in 0 ... 9, found '
                         f'{labels[wrong][0]}; take the images of digits only')
    return Labelled(images, labels.astype(np.uint8))


# --- IDX -----------------------------------------------------------------------------

def _idx(place: Place, found: Candidate) -> Found:
    arrays, sums = {}, {}
    for field in 'train_images', 'train_labels', 'test_images', 'test_labels':
        if field not in found.files:
            name = 'one of its {} {}'.format(*field.split('_'))
            if found.name == 'IDX files':
                name = (field.replace('test', 't10k').replace('_', '-')
                        + f'-idx{3 if "images" in field else 1}-ubyte')
            raise InputError(f'{place.path}: expected {name} or {name}.gz beside '
                             f'{next(iter(found.files.values()))}, found neither; '
                             'name a folder that holds the four IDX files')
        name = found.files[field]
        with place.open(name) as stream:
            arrays[field], sums[field] = read_idx(
                stream, place.path / name, 'images' if 'images' in field else 'labels')
    turned = 'emnist' in found.name
    if turned:
        for field in 'train_images', 'test_images':
            arrays[field] = np.ascontiguousarray(arrays[field].swapaxes(1, 2))
    names = {field: found.files[field].rpartition('/')[2] for field in sums}
    train, test = (_checked(arrays[f'{part}_images'], arrays[f'{part}_labels'],
                            place.path / found.files[f'{part}_labels'], part)
                   for part in ('train', 'test'))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise InputError(f'{place.path}: expected train and test images of one size, '
                         f'found {train.images.shape[1:]} and {test.images.shape[1:]}; '
                         'put files of one data set there')
    what = f'IDX files {found.name}*' if found.name != 'IDX files' else found.name
    return Found(train, test, {
        re.sub(r'\.gz$', '', names[field]).replace('.idx', '-idx'): known
        for field, known in sums.items()}, _said(
            train.images, what + ', turned upright' * turned, place))


def read_idx(stream: BinaryIO, path: Any, kind: str) -> Tuple[np.ndarray, str]:
    """Return an IDX file's array, and the SHA-256 of its bytes.

    `kind` is images, [n, height, width] uint8, or labels, [n]. Of labels with more
    columns, as QMNIST's, the array is the first column.

    Raises: InputError, naming `path`, when it is no such file, is cut short, holds more
    than the array, or more than MOST_BYTES.
    """
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b'\0\0' or head[2] not in IDX_TYPES:
        raise InputError(f'{path}: expected {kind} (IDX), found a file that begins '
                         f'with {head!r}; replace it')
    n_dims, dtype = head[3], np.dtype(IDX_TYPES[head[2]])
    fits = {'images': n_dims == 3 and head[2] == 8,
            'labels': n_dims in (1, 2) and dtype.kind in 'ui'}
    if not fits[kind]:
        other = [name for name in fits if fits[name]]
        found = other[0] if other else f'{n_dims} dimensions of {dtype.name}'
        way = 'swap the files back' if other else 'save them as [n, height, width] ' \
            'of unsigned bytes' if kind == 'images' else 'save them as [n] bytes'
        raise InputError(f'{path}: expected {kind} (IDX), found {found}; {way}')
    sizes = stream.read(4 * n_dims)
    shape = struct.unpack(f'>{n_dims}I', sizes.ljust(4 * n_dims, b'\0'))
    expected = int(np.prod(shape, dtype=float)) * dtype.itemsize
    if expected > MOST_BYTES:
        raise InputError(f'{path}: expected at most {MOST_BYTES:,} bytes of images, '
                         f'found the shape {list(shape)}; take a part of it')
    content = stream.read(expected)
    more = stream.read(1)       # and at the end gzip checks its sum
    if len(sizes) < 4 * n_dims or len(content) < expected or more:
        found = 'more' if more else len(head + sizes) + len(content)
        raise InputError(f'{path}: expected {len(head + sizes) + expected} bytes for '
                         f'the shape {list(shape)}, found {found}; replace the file')
    array = np.frombuffer(content, dtype).reshape(shape)
    digest = hashlib.sha256(head + sizes)
    digest.update(content)
    if kind == 'labels' and n_dims == 2:
        array = array[:, 0]
    return array, digest.hexdigest()


# --- Keras's archive -----------------------------------------------------------------

def _npz(place: Place, found: Candidate) -> Found:
    path, arrays = place.path / found.files, {}
    with (place.open(found.files) if found.files else open(str(path), 'rb')) as stream:
        content = whole(stream, path)
    for name, array in read_npz(content, path).items():
        arrays[name.lower()] = array
    missing = [name for name in ('x_train', 'y_train', 'x_test', 'y_test')
               if name not in arrays]
    if missing:
        raise InputError(f"{path}: expected Keras's mnist.npz, with x_train, y_train, "
                         f'x_test and y_test, found {", ".join(arrays) or "nothing"}; '
                         'save them under those names')
    parts = []
    for part in 'train', 'test':
        images, labels = arrays[f'x_{part}'], arrays[f'y_{part}']
        if images.dtype != np.uint8 or images.ndim != 3:
            raise InputError(
                f'{path}: expected x_{part} as bytes [n, height, width], found '
                f'{images.dtype} {list(images.shape)}; save it like that')
        if labels.ndim != 1:
            raise InputError(f'{path}: expected y_{part} as digits [n], found the '
                             f'shape {list(labels.shape)}; save it like that')
        parts.append(_checked(images, labels, path, part))
    return Found(*parts, {Path(found.name).name: hashlib.sha256(content).hexdigest()},
                 _said(parts[0].images, "Keras's mnist.npz", place))


def read_npz(content: bytes, path: Any) -> Dict[str, np.ndarray]:
    """Return the arrays of an .npz's bytes.

    Raises: InputError, naming `path`, when it is damaged or holds more than MOST_BYTES.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            total = sum(member.file_size for member in members.infolist())
        if total <= MOST_BYTES:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        found = f'{total:,}, decompressed'
    except Exception as error:      # a damaged file can fail in any way
        found = ' '.join(str(error).split())[:200] or type(error).__name__
    raise InputError(f'{path}: expected a whole .npz of at most {MOST_BYTES:,} bytes, '
                     f'found: {found}; replace it')


# --- CSV -----------------------------------------------------------------------------

def _csv(place: Place, found: Candidate, path: Optional[Path] = None) -> Found:
    path = path or place.path / found.files
    with place.open(found.files) as stream:
        (images, labels), digest, header = read_csv(stream, path)
    turned = 'emnist' in found.name
    if turned:
        images = np.ascontiguousarray(images.swapaxes(1, 2))
    what = f'a CSV file {"with a" if header else "without"} header'
    return Found(Labelled(images, labels), Labelled(images[:0], labels[:0]),
                 {found.name: digest},
                 _said(images, what + ', turned upright' * turned, place))


def read_csv(stream: BinaryIO, path: Any) -> Tuple[Labelled, str, bool]:
    """Return the images of MNIST's CSV form, its SHA-256, and whether it has a header.

    A line is `label,p0,...,p783`, pixels in 0 ... 255; a header may put the label
    elsewhere.

    Raises: InputError, naming `path`, when the bytes are no such file.
    """
    digest, parts, total = hashlib.sha256(), [], 0
    lines = iter(lambda: stream.readline(MOST_LINE), b'')
    first = next(lines, b'')
    digest.update(first)
    names = _fields(first[3:] if first[:3] == b'\xef\xbb\xbf' else first)
    header = len(names) > 1 and bool(re.search('[a-z]', names[0] + names[-1]))
    column, side = 0, int((len(names) - 1) ** 0.5)
    if header:
        labels = [i for i, name in enumerate(names)
                  if name in ('label', 'labels', 'class', 'digit', 'target', 'y')]
        if len(labels) != 1:
            raise InputError(f'{path}: expected a column that is called label, found '
                             f'{names[0]}, ..., {names[-1]}; give the images their '
                             'digits')
        column = labels[0]
    if side * side != len(names) - 1 or not side:
        raise InputError(f'{path}: expected 785 numbers a line (label,p0,...,p783), '
                         f'found {len(names)} in line 1; replace it')
    number = 1 if header else 0
    lines = lines if header else itertools.chain([','.join(names).encode()], lines)
    while True:
        block = list(itertools.islice(lines, AT_ONCE))
        if not block:
            break
        # The first line is in the digest as it was.
        digest.update(b''.join(block[1:] if number == 0 else block))
        values = _values(block, number, len(names), column, path)
        parts.append(values)
        number += len(block)
        total += values.size
        if total > MOST_BYTES:
            raise InputError(f'{path}: expected at most {MOST_BYTES:,} numbers, found '
                             'more; take a part of it')
    values = np.concatenate(parts) if parts else np.empty((0, len(names)), np.uint8)
    if not len(values):
        raise InputError(f'{path}: expected lines of numbers, found none after the '
                         'header; replace it')
    pixels, labels = np.delete(values, column, 1), values[:, column].copy()
    last = pixels[:, -1]
    if not header and not labels.any() and last.any() and last.max() < N_CLASSES:
        raise InputError(f'{path}: expected the label first, found only 0 there and 0 '
                         'to 9 in the last column; put a header that says label, or '
                         'the label first')
    return Labelled(pixels.reshape(-1, side, side), labels), digest.hexdigest(), header


def _fields(line: bytes) -> List[str]:
    return [name.strip().lower() for name in
            line.decode('ascii', 'replace').replace('"', '').strip().split(',')]


def _values(block: List[bytes], before: int, n: int, column: int, path) -> np.ndarray:
    """Return the rows [m, n] of some lines, uint8; `before` lines are above them."""
    texts = [line.decode('ascii', 'replace').replace('"', '').strip() for line in block]
    while texts and not texts[-1]:      # at the end of the file
        texts.pop()
    for number, text in enumerate(texts, before + 1):
        if text.count(',') != n - 1:
            raise InputError(
                f'{path}: expected {n} numbers a line (label,p0,...,p{n - 2}), found '
                f'{text.count(",") + 1} in line {number}; replace it')
    if not texts:
        return np.empty((0, n), np.uint8)
    values = _numbers(','.join(texts))
    if len(values) != n * len(texts):
        wrong = [number for number, text in enumerate(texts, before + 1)
                 if len(_numbers(text)) != n] or [before + 1]
        raise InputError(f'{path}: expected lines of {n} numbers, found something else '
                         f'in line {wrong[0]}; replace it')
    values = values.reshape(len(texts), n)
    most = np.where(np.arange(n) == column, N_CLASSES - 1, 255)
    wrong = ~((values >= 0) & (values <= most))
    if values.dtype.kind == 'f':
        wrong |= values % 1 != 0
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise InputError(f'{path}: expected labels in 0 ... 9 and whole pixels in 0 '
                         f'... 255, found the {"label" if place == column else "pixel"}'
                         f' {values[row, place]} in line {before + row + 1}; replace '
                         'it')
    return values.astype(np.uint8)


def _numbers(text: str) -> np.ndarray:
    """Return the numbers between commas, or fewer where something else is there."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        for dtype in np.int64, np.float64:      # the second for 5.0
            try:
                values = np.fromstring(text, dtype, sep=',')
            except ValueError:  # NumPy 2.3 and later; older ones end the array early
                values = np.empty(0)
            if len(values) == text.count(',') + 1:
                break
    return values


# --- Pictures ------------------------------------------------------------------------

def _classes(place: Place, found: Candidate) -> Found:
    digest = hashlib.sha256()
    images = read_pictures(place, [name for *_, name in found.files])
    labels = np.array([int(digit) for *_, digit, _ in found.files], np.uint8)
    digest.update(labels.tobytes())
    digest.update(images.tobytes())
    return Found(_checked(images, labels, place.path / found.home, 'train'),
                 Labelled(images[:0], labels[:0]),
                 {'pictures': digest.hexdigest()},
                 _said(images, 'pictures in folders 0 to 9', place))


def natural(name: str) -> Tuple:
    """Return what pictures are sorted by: the numbers in a name, then the name.

    So the pictures of all digits are mixed, as in a data set, not sorted by digit.
    """
    return [int(number) for number in re.findall(r'\d{1,18}', name)], name


def read_pictures(place: Place, names: List[str]) -> np.ndarray:
    """Return gray pictures of one size, [n, height, width] uint8.

    16-bit ones are scaled by their depth.

    Raises: InputError when one cannot be decoded, has colours or another size.
    """
    from tqdm import tqdm       # on a terminal, for what takes more than a second
    first, images = None, None
    for i, name in enumerate(tqdm(names, 'pictures read', disable=None, leave=False,
                                  delay=1)):
        with place.open(name) as stream:
            image = gray(stream.read(2 ** 22), place.path / name)
        if images is None:
            first, shape = name, (len(names), *image.shape)
            if np.prod(shape, dtype=float) > MOST_BYTES:
                raise InputError(f'{place.path}: expected at most {MOST_BYTES:,} '
                                 f'pixels, found the shape {list(shape)}; take a part')
            images = np.empty(shape, np.uint8)
        if image.shape != images.shape[1:]:
            raise InputError(
                f'{place.path / name}: expected {images.shape[1]} x {images.shape[2]} '
                f'pixels, as {first} has them, found {image.shape[0]} x '
                f'{image.shape[1]}; bring them to one size')
        images[i] = image
    return images


def eight_bits(image: Any) -> np.ndarray:
    """Return the pixels [height, width] uint8 of Pillow's picture of 16 bits."""
    return np.rint(np.asarray(image) / 257.).clip(0, 255).astype(np.uint8)


def gray(content: bytes, path: Any) -> np.ndarray:
    """Return the pixels [height, width] uint8 of a gray picture's bytes.

    Raises: InputError, naming `path`, when it is damaged, coloured, transparent or
    larger than MOST_SIDE.
    """
    from PIL import Image       # only those who bring pictures wait for it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if max(image.size) > MOST_SIDE:
                    found = f'{image.size[0]} x {image.size[1]} pixels'
                elif image.mode[0] == 'I':      # 16 bits
                    return eight_bits(image)
                else:
                    pixels = np.asarray(image.convert('RGBA'))
                    if (pixels[..., 3] != 255).any():
                        found = 'a transparent one'
                    elif np.ptp(pixels[..., :3], axis=2).any():
                        found = 'a coloured one'
                    else:
                        return pixels[..., 0]
    except Exception as error:      # a damaged file can fail in any way
        found = f'a damaged one ({" ".join(str(error).split())[:80]})'
    raise InputError(f'{path}: expected a gray picture of at most {MOST_SIDE} x '
                     f'{MOST_SIDE} pixels, found {found}; convert or remove it')
