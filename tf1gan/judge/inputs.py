"""What goes in: initial weights, images, noise, labels and masks, and their form.

What is loaded and fed must be that of the golden trace, exactly. Each hypothesis about
a difference is tested on the numbers of the two traces. NumPy only.
"""

import itertools
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import descriptions, mnist
from tf1gan.trace import Trace


class Guess(NamedTuple):
    """A hypothesis: the array that it predicts, or the words that show it."""

    prediction: Any
    name: str
    sentence: str
    change: str


class Case:
    """An input that differs, and what both traces hold around it."""

    def __init__(self, golden: Trace, mine: Trace, key: str):
        self.golden, self.mine, self.key = golden, mine, key
        self.expected, self.found = golden.arrays.get(key), mine.arrays.get(key)
        self.description = descriptions.of(golden.meta, golden.source)
        parts = key.split('/')
        self.kind, self.place, self.name = parts[0], None, parts[-1]
        if parts[0] != 'init':
            self.place, self.kind = '/'.join(parts[:2]), parts[2]

    def get(self, trace: Trace, kind: str, name: str, place: str):
        """Return an array of an update in float64, or None."""
        found = trace.arrays.get(f'{place}/{kind}/{name}')
        return None if found is None else found.astype(float)

    def step_updates(self) -> List[str]:
        """Return the updates of the same step, in the golden trace's order."""
        return [update for update in self.golden.updates
                if update.split('/')[0] == self.place.split('/')[0]]


def explain(golden: Trace, mine: Trace, key: str) -> Optional[Guess]:
    """Return why an input, or the form of any array, differs; None if nothing fits.

    An array that a guess predicts must be the port's to the last bits.
    """
    case = Case(golden, mine, key)
    if case.expected is None or case.found.shape != case.expected.shape:
        return next(form(case), None)
    found = case.found.astype(float)
    plain = None
    with np.errstate(invalid='ignore', over='ignore'):
        for guess in {'init': init, 'feed': feed, 'mask': mask}[case.kind](case):
            if not isinstance(guess.prediction, np.ndarray):
                plain = plain or guess
                continue
            # Measured: scaled images are predicted to 2e-7 of their largest.
            near = np.abs(guess.prediction - found) <= 2e-6 * np.abs(found).max()
            if near.all() and np.isfinite(found).all():
                return guess._replace(
                    prediction=f'so computed, {key} is yours in all numbers')
    return plain


def form(case: Case) -> Iterator[Guess]:
    """Yield why an array has another shape."""
    if case.expected is None:
        return
    for axes in _orders(case.expected.ndim):
        turned = case.expected.transpose(axes)
        if turned.shape == case.found.shape and np.allclose(
                turned, case.found, 1e-5, 1e-5 * np.abs(turned).max()):
            yield Guess(f"your array is the golden trace's .transpose({axes})",
                        'layout not declared', f'{case.key} has other axes in your '
                        'port, and no layout says so', 'declare it: '
                        f'layouts={{{case.name!r}: trace.Layout({axes})}}')
    yield Guess('the two shapes', 'shape', f'{case.key} is {list(case.found.shape)} in '
                f'your port, {list(case.expected.shape)} in the golden trace',
                'build the network, and the batches, with the sizes of replay.config')


def _orders(n: int) -> List[Tuple[int, ...]]:
    return list(itertools.permutations(range(n)))[1:]


def init(case: Case) -> Iterator[Guess]:
    golden, name = case.expected, case.name
    kind = sixteen_bits(golden, case.found)
    if kind:
        yield Guess('equal once the golden trace is rounded', 'weights rounding',
                    f'{name} was rounded to {kind}', 'keep it in float32')
    change = ('transpose what replay.weights() gives, or declare the layout and do '
              'neither')
    for axes in _orders(golden.ndim):
        turned = tuple(golden.shape[axis] for axis in axes)
        yield Guess(golden.reshape(turned).transpose(np.argsort(axes)),
                    'weights not transposed', f'{name} was brought into its shape '
                    'without transposing it', change)
        if turned == golden.shape:
            yield Guess(golden.transpose(axes), 'weights not transposed',
                        f'{name} is transposed', change)
    for turned in _flattened(golden):
        yield Guess(turned, 'flatten order', f'{name} was loaded in the other order of '
                    '(height, width, channels) and (channels, height, width)',
                    'declare a layout with a split, as trace.Layout shows')
    if np.array_equal(np.sort(golden, axis=None), np.sort(case.found, axis=None)):
        yield Guess("the same numbers, in another order", 'weights not transposed',
                    f"{name} holds the golden trace's numbers in another order", change)
    if golden.size > 9 and abs(_alike(golden, case.found)) < 0.5:
        yield Guess('the two hardly correlate', 'other initial weights', f'{name} does '
                    "not hold the golden trace's initial values",
                    'load replay.weights() before '
                    'the first update')


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two arrays."""
    one, other = (array.ravel() - array.mean() for array in (one, other))
    return one @ other / np.sqrt((one @ one) * (other @ other) or 1)


def _flattened(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array with a flattened axis in the other order of its parts."""
    for axis, size in enumerate(array.shape):
        for side in 7, 5:
            if size % (side * side) == 0 and size > side * side:
                n = size // (side * side)
                head, tail = array.shape[:axis], array.shape[axis + 1:]
                for shape, axes in (((side, side, n), (2, 0, 1)),
                                    ((n, side, side), (1, 2, 0))):
                    parts = array.reshape(head + shape + tail)
                    turned = np.moveaxis(parts, [axis + each for each in axes],
                                         [axis, axis + 1, axis + 2])
                    yield turned.reshape(array.shape)


def sixteen_bits(golden: np.ndarray, found: np.ndarray) -> Optional[str]:
    """Return the type of 16 bits to which an array was rounded, if it was."""
    bits = golden.view(np.uint32)
    for kind, rounded in (('float16', golden.astype(np.float16)), (
            'bfloat16', (bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000).view(
                np.float32))):
        if np.array_equal(rounded, found):
            return kind
    return None


def feed(case: Case) -> Iterator[Guess]:
    one_hot = np.isin(case.found, (0, 1)).all() and (case.found.sum(-1) == 1).all()
    if case.name == 'X_labels' and one_hot:
        return iter([Guess('the labels in the two traces', 'labels of other images',
                           'the labels are not those of the images', 'take images and '
                           'labels from one batch')])
    return _images(case) if case.name == 'X' else _noise(case)


def _images(case: Case) -> Iterator[Guess]:
    golden, mine = case.expected.astype(float), case.found.astype(float)
    slope, shift = np.polyfit(golden.ravel(), mine.ravel(), 1)
    shift = round(shift, 9) + 0.    # so -0 is 0
    ranges = ' to '.join(f'{value:.6g}' for value in (mine.min(), mine.max()))
    if abs(slope - 1) > 1e-3 or abs(shift) > 1e-3:
        yield Guess(slope * golden + shift, 'image scaling', f'your images lie in '
                    f"{ranges}, the golden trace's in {golden.min():.6g} to "
                    f'{golden.max():.6g}: yours are {slope:.6g} of them, plus '
                    f'{shift:.6g}',
                    "scale the pixels as the tutorial's data function does")
    if golden.ndim in (2, 4):
        n = int(round((golden.size // len(golden)) ** 0.5))
        if n * n * len(golden) == golden.size:
            square = golden.reshape(-1, n, n)
            for turned, words in (
                    (square.transpose(0, 2, 1), 'rows and columns exchanged'),
                    (square[:, :, ::-1], 'left and right exchanged'),
                    (square[:, ::-1], 'top and bottom exchanged')):
                yield Guess(turned.reshape(golden.shape), 'images turned', 'your '
                            f'images have {words}', 'read the pixels row by row')
    if np.abs(golden - mine).max() < 1e-6:
        yield Guess('equal but for the last bits', 'image rounding', 'your images are '
                    "scaled with another rounding than the tutorial's", 'for the same '
                    "bits, scale by the formula of the tutorial's page")
    yield from _which_images(case, golden, mine)


def _which_images(case: Case, golden: np.ndarray, mine: np.ndarray) -> Iterator[Guess]:
    """Find both batches in MNIST, and say how the port came by its own."""
    files = mnist.read()
    places = {image.tobytes(): place for place, image in enumerate(files.train_images)}

    def found(images):
        low = golden.min()
        pixels = np.rint((images - low) / (golden.max() - low) * 255)
        return [places.get(row.astype(np.uint8).tobytes())
                for row in pixels.reshape(len(images), -1)]

    theirs, ours = found(golden), found(mine)
    if None in theirs or None in ours or ours == theirs:
        return
    rng = np.random.RandomState(case.golden.meta['seed'])
    everything = mnist.DataSet(np.arange(len(files.train_images)),
                               np.arange(len(files.train_images)), rng)
    drawn, step = [], int(case.place[5:8])
    for _ in range(step + 1):
        drawn = everything.next_batch(len(mine))[0]
    where = f"your rows of the file: {ours}; the golden trace's: {theirs}"
    if case.description['images']['held_out'] and list(drawn) == ours:
        yield Guess(where, '60,000 images', 'your batches are drawn from all 60,000 '
                    'training images; the TF 1 loader holds the first 5,000 out',
                    'take rows 5,000 to 59,999 before the shuffle, as mnist.split does')
    shifts = {one - other for one, other in zip(ours, theirs)}
    if len(shifts) == 1 and len(ours) > 1:
        yield Guess(where, '60,000 images' if shifts == {-5000} else 'shifted rows',
                    f"your rows are the golden trace's shifted by {shifts.pop()}",
                    'the TF 1 loader holds the first 5,000 images out')
    if sorted(ours) == list(range(min(ours), min(ours) + len(ours))) and (
            len(ours) > 1 or ours == [step]):
        yield Guess(where, 'not shuffled', 'your images come in the order of the file',
                    'shuffle as mnist.DataSet.next_batch does')
    yield Guess(where, 'another shuffle', 'your batches hold other images of MNIST',
                'draw them from the shared RandomState as mnist.DataSet does, the '
                'noise from the same one, in the order of the program')


def _noise(case: Case) -> Iterator[Guess]:
    mine = case.found.astype(float)
    what = 'labels' if case.name.endswith('labels') else 'noise'
    for place in case.step_updates():
        if place == case.place:
            break
        theirs = case.get(case.golden, 'feed', case.name, place)
        ours = case.get(case.mine, 'feed', case.name, place)
        if theirs is None or ours is None:
            continue
        shared = np.array_equal(theirs, case.expected)
        if shared and abs(_alike(ours, mine)) < 0.9:
            yield Guess("the golden trace's two are equal, yours are not",
                        'fresh noise', f'{case.place} draws fresh {what}; the golden '
                        'trace feeds that of '
                        f'{place} once more', f'feed the {what} of {place} again')
        if not shared and np.array_equal(ours, mine):
            yield Guess("yours are equal, the golden trace's two are not",
                        'shared noise', f'{case.place} feeds the {what} of {place} '
                        'once more; the golden trace '
                        'draws fresh', f'draw fresh {what} for this update')
    golden = case.expected.astype(float)
    kind = sixteen_bits(case.expected, case.found)
    if kind:
        yield Guess('equal once the golden trace is rounded', 'noise rounding', 'your '
                    f'{what} was rounded to {kind}', 'keep it in float32')
    if np.abs(golden - mine).max() <= 1e-6 * np.abs(golden).max():
        yield Guess('equal but for the last bits', 'noise rounding', f'your {what} was '
                    'computed in float32', "draw and scale in float64, then cast: "
                    "the golden trace's feed rounds once")
    for place in case.golden.updates[:case.golden.updates.index(case.place)]:
        ours = case.get(case.mine, 'feed', case.name, place)
        theirs = case.get(case.golden, 'feed', case.name, place)
        if ours is not None and np.array_equal(ours, mine) and not np.array_equal(
                theirs, golden):
            yield Guess(f'yours of {place} and {case.place} are equal', 'noise kept',
                        f'{case.place} feeds the {what} of {place} once more',
                        f'draw fresh {what} in every step')
    for place in case.golden.updates:
        theirs = case.get(case.golden, 'feed', case.name, place)
        if theirs is not None and np.array_equal(theirs, case.found):
            yield Guess(f"your {what} here is the golden trace's of {place}",
                        'order of draws',
                        f'your {what} comes in another order', 'draw in the order of '
                        'the program, pictures\' noise included: see the tutorial\'s '
                        'step and sample')
    fresh = np.random.RandomState(case.golden.meta['seed'])
    if np.array_equal(fresh.normal(size=golden.shape).astype(np.float32), case.found):
        yield Guess('the first draws of RandomState(seed)', 'another generator',
                    f'your {what} is the first that the seed gives; in the tutorial '
                    "the shuffle, or the first picture's noise, is drawn before it",
                    'draw shuffles, noise and the noise of pictures from one '
                    "RandomState, in the order of the tutorial's step and sample")
    if what == 'noise':
        alike, inside = abs(_alike(golden, mine)), np.abs(mine).max() <= 1
        if alike > 1 - 1e-9 or alike < 0.9 and (
                inside != (np.abs(golden).max() <= 1)
                or (mine.min() < 0) != (golden.min() < 0)):
            low, high = mine.min(), mine.max()
            law = descriptions.law(case.description)
            yield Guess(f'your noise lies in {low:.3g} to {high:.3g}, the golden '
                        "trace's in "
                        f'{golden.min():.3g} to {golden.max():.3g}', 'noise law',
                        'your noise follows another law (uniform, normal, or another '
                        'range)', f"draw as the tutorial's noise function does: {law}")
    if golden.size > 9 and abs(_alike(golden, mine)) < 0.5:
        yield Guess('the two hardly correlate', 'another generator', f"your {what} is "
                    "not the tutorial's from here on (another seed or generator, or "
                    'another number or order of draws)', 'draw it in float64 from the '
                    "RandomState that shuffles, in the order of the tutorial's step "
                    'and sample, then cast it to float32')


def mask(case: Case) -> Iterator[Guess]:
    if len(np.unique(case.found)) > 2:      # no mask at all
        return
    rate = np.mean(case.expected == 0)
    yield Guess(f'{np.mean(case.found == 0):.0%} of yours are 0, {rate:.0%} of '
                "the golden trace's", 'another mask',
                "your dropout mask is not the golden trace's",
                'take it with update.mask')
