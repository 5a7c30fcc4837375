"""What goes in: initial weights, images, noise, masks; and what is not there."""

import itertools
from typing import Iterator, List, Tuple

import numpy as np

from tf1gan import descriptions, mnist
from tf1gan.causes.case import Case, Guess


def missing(case: Case) -> Iterator[Guess]:
    if case.found is None and case.kind == 'mask':
        yield Guess(None, 'dropout off', f"dropout is off in {case.place}: your port "
                    f'never takes its mask {case.name}; in the tutorial it is on in '
                    "every update, G's too", 'leave D in training mode in this update, '
                    'and take the mask with update.mask')
    elif case.found is None:
        how = ('replay.start(weights)' if case.kind == 'init' else
               f'update.feed({case.name!r}, ...)' if case.kind == 'feed' else
               f'update.put({case.kind!r}, ...)')
        yield Guess(None, 'not recorded', f'your port does not record {case.key}',
                    f'record it with {how}')
    elif case.expected is None and case.kind == 'after':
        if case.name.endswith(('_mean', '_variance')):
            yield Guess(None, 'fakes in training mode', f'{case.place} moves the '
                        f'moving average {case.name}: G made its images in training '
                        'mode, by the statistics of the batch',
                        "make D's fakes with G in inference mode")
        yield Guess(None, 'step on both networks', f'{case.place} moves {case.name}, '
                    'which golden does not move there',
                    f"give {case.update}'s optimizer the variables of "
                    f'{case.update[0]} only')
    elif case.expected is None and case.kind in ('grad', 'adam_m', 'adam_v'):
        yield Guess(None, 'step on both networks', f'{case.place} has a {case.kind} of '
                    f'{case.name}, which golden does not train there',
                    f"give {case.update}'s optimizer the variables of "
                    f'{case.update[0]} only, and cut the fakes off from G')


def form(case: Case) -> Iterator[Guess]:
    if case.expected is None or case.found is None:
        return
    if case.expected.shape == case.found.shape:
        yield Guess(None, 'type', f'{case.key} is {case.found.dtype} in your port, '
                    f'{case.expected.dtype} in golden', 'draw in float64 where golden '
                    "does, then cast once, as TensorFlow's feed does: "
                    f'.astype(np.{case.expected.dtype})')
        return
    for axes in _orders(case.expected.ndim):
        turned = case.expected.transpose(axes)
        if turned.shape == case.found.shape and np.allclose(
                turned, case.found, 1e-5, 1e-5 * np.abs(turned).max()):
            yield Guess(f'your array is golden.transpose({axes})', 'layout not '
                        'declared', f'{case.key} has other axes in your port, and no '
                        'layout says so', 'declare it: '
                        f'layouts={{{case.name!r}: trace.Layout({axes})}}')
    yield Guess(None, 'shape', f'{case.key} is {list(case.found.shape)} in your port, '
                f'{list(case.expected.shape)} in golden',
                'build the network, and the batches, with the sizes of replay.config')


def _orders(n: int) -> List[Tuple[int, ...]]:
    return list(itertools.permutations(range(n)))[1:]


def init(case: Case) -> Iterator[Guess]:
    golden, name = case.expected, case.name
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
                    f"{name} holds golden's numbers in another order", change)
    if golden.size > 9 and abs(_alike(golden, case.found)) < 0.5:
        yield Guess('the two hardly correlate', 'other initial weights', f'{name} does '
                    "not hold golden's initial values", 'load replay.weights() before '
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


def feed(case: Case) -> Iterator[Guess]:
    return _images(case) if case.name == 'X' else _noise(case)


def _images(case: Case) -> Iterator[Guess]:
    golden, mine = case.expected.astype(float), case.found.astype(float)
    slope, shift = np.polyfit(golden.ravel(), mine.ravel(), 1)
    ranges = ' to '.join(f'{value:.6g}' for value in (mine.min(), mine.max()))
    if abs(slope - 1) > 1e-3 or abs(shift) > 1e-3:
        yield Guess(slope * golden + shift, 'image scaling', f'your images lie in '
                    f'{ranges}, golden\'s in {golden.min():.6g} to {golden.max():.6g}: '
                    f'yours are {slope:.6g} * golden + {shift:.6g}',
                    "scale the pixels as the tutorial's data function does")
    if np.abs(golden - mine).max() < 1e-6:
        yield Guess('equal but for the last bits', 'image rounding', 'your images are '
                    "scaled with another rounding than golden's", 'scale as the '
                    'tutorial does, in float32: pixels * (1/255) of the TF 1 loader is '
                    'not pixels / 255')
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
    where = f'your rows of the file: {ours}; golden\'s: {theirs}'
    if case.description['images']['held_out'] and list(drawn) == ours:
        yield Guess(where, '60,000 images', 'your batches are drawn from all 60,000 '
                    'training images; the TF 1 loader holds the first 5,000 out',
                    'take rows 5,000 to 59,999 before the shuffle, as mnist.split does')
    shifts = {one - other for one, other in zip(ours, theirs)}
    if len(shifts) == 1 and len(ours) > 1:
        yield Guess(where, '60,000 images' if shifts == {-5000} else 'shifted rows',
                    f'your rows are golden\'s shifted by {shifts.pop()}',
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
            yield Guess("golden's two are equal, yours are not", 'fresh noise',
                        f'{case.place} draws fresh {what}; golden feeds that of '
                        f'{place} once more', f'feed the {what} of {place} again')
        if not shared and np.array_equal(ours, mine):
            yield Guess("yours are equal, golden's two are not", 'shared noise',
                        f'{case.place} feeds the {what} of {place} once more; golden '
                        'draws fresh', f'draw fresh {what} for this update')
    golden = case.expected.astype(float)
    bits = case.expected.view(np.uint32)
    for kind in np.float16, 'bfloat16':
        rounded = (golden.astype(np.float16) if kind is np.float16 else
                   (bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000).view(np.float32))
        if np.array_equal(rounded, case.found):
            yield Guess('equal once golden is rounded', 'noise rounding', 'your '
                        f'{what} was rounded to 16 bits', 'keep it in float32')
    if np.abs(golden - mine).max() <= 1e-6 * np.abs(golden).max():
        yield Guess('equal but for the last bits', 'noise rounding', f'your {what} was '
                    'computed in float32', "draw and scale in float64, then cast: "
                    "golden's feed rounds once")
    for place in case.golden.updates:
        theirs = case.get(case.golden, 'feed', case.name, place)
        if theirs is not None and np.array_equal(theirs, case.found):
            yield Guess(f'your {what} here is golden\'s of {place}', 'order of draws',
                        f'your {what} comes in another order', 'draw in the order of '
                        'the program, pictures\' noise included: see the tutorial\'s '
                        'step and sample')
    fresh = np.random.RandomState(case.golden.meta['seed'])
    if np.array_equal(fresh.normal(size=golden.shape).astype(np.float32), case.found):
        yield Guess('the first draws of RandomState(seed)', 'another generator',
                    f"your {what} comes from a generator of its own; golden's shuffles "
                    'have moved theirs by then', 'draw shuffles and noise from one '
                    'RandomState')
    if what == 'noise':
        alike, inside = abs(_alike(golden, mine)), np.abs(mine).max() <= 1
        if alike > 1 - 1e-9 or alike < 0.9 and (
                inside != (np.abs(golden).max() <= 1)
                or (mine.min() < 0) != (golden.min() < 0)):
            low, high = mine.min(), mine.max()
            law = descriptions.law(case.description)
            yield Guess(f'your noise lies in {low:.3g} to {high:.3g}, golden\'s in '
                        f'{golden.min():.3g} to {golden.max():.3g}', 'noise law',
                        'your noise follows another law (uniform, normal, or another '
                        'range)', f"draw as the tutorial's noise function does: {law}")
    if golden.size > 9 and abs(_alike(golden, mine)) < 0.5:
        yield Guess('the two hardly correlate', 'another generator', f'your {what} is '
                    'drawn by another generator, or from another seed', 'draw it in '
                    'float64 from the RandomState that shuffles, then cast it to '
                    'float32')


def mask(case: Case) -> Iterator[Guess]:
    if len(np.unique(case.found)) > 2:      # no mask at all
        return
    rate = np.mean(case.expected == 0)
    yield Guess(f'{np.mean(case.found == 0):.0%} of yours are 0, {rate:.0%} of '
                "golden's", 'another mask', "your dropout mask is not golden's",
                'take it with update.mask')
