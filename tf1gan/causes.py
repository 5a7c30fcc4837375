"""Why a port differs: hypotheses, each tested on the numbers of the two traces.

A hypothesis predicts an array of the port's from what else the port has recorded, or
from golden: the update recomputed with another epsilon, the loss as a sum, the images
scaled otherwise. It is named as the cause only when its prediction is what the port
has, where the tutorial's own way is not. NumPy only; nothing is ever changed or guessed
at in the traces themselves.
"""

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import mnist, networks
from tf1gan.networks import How
from tf1gan.trace import Trace

Weights = Dict[str, np.ndarray]


class Cause(NamedTuple):
    """A mistake that explains the first difference."""

    name: str           # a few words, the same always: for machines
    sentence: str       # what the port does, beside what it should
    evidence: str       # the numbers that show it
    change: str         # what to change


class Guess(NamedTuple):
    """A hypothesis: the array that it predicts, and its words.

    Where no array is needed, the prediction is what shows it, in words, or None.
    """

    prediction: Any
    name: str
    sentence: str
    change: str


class Case:
    """The first difference, and what both traces hold around it."""

    def __init__(self, golden: Trace, mine: Trace, key: str):
        self.golden, self.mine, self.key = golden, mine, key
        self.expected, self.found = golden.arrays.get(key), mine.arrays.get(key)
        self.tutorial, self.config = golden.meta['tutorial'], golden.meta['config']
        parts = key.split('/')
        self.kind, self.place, self.update = parts[0], None, None
        if parts[0] != 'init':
            self.place, self.update, self.kind = '/'.join(parts[:2]), parts[1], parts[2]
        self.name = parts[-1]

    def get(self, trace: Trace, kind: str, name: str, place: Optional[str] = None):
        """Return an array of this update (or of another `place`) in float64, or None."""
        found = trace.arrays.get(f'{place or self.place}/{kind}/{name}')
        return None if found is None else found.astype(float)

    def before(self, kind: str, name: str, place: Optional[str] = None):
        """Return the port's last array of a kind before an update; None if none."""
        updates = self.golden.updates
        for update in reversed(updates[:updates.index(place or self.place)]):
            if f'{update}/{kind}/{name}' in self.mine.arrays:
                return self.mine.arrays[f'{update}/{kind}/{name}'].astype(float)
        found = self.mine.arrays.get(f'init/{name}') if kind == 'after' else None
        return None if found is None else found.astype(float)

    def weights(self, place: Optional[str] = None) -> Weights:
        """Return the port's weights before an update, in float64."""
        found = {name: self.before('after', name, place)
                 for name in self.golden.part('init')}
        return {name: value for name, value in found.items() if value is not None}

    def step_updates(self) -> List[str]:
        """Return the updates of the same step, in golden's order."""
        return [update for update in self.golden.updates
                if update.split('/')[0] == self.place.split('/')[0]]


def explain(golden: Trace, mine: Trace, key: str,
            limit: Callable[[str], Any]) -> Optional[Cause]:
    """Return the cause of the first difference, or None where no hypothesis fits."""
    case = Case(golden, mine, key)
    kind = 'moment' if case.kind.startswith('adam') else case.kind
    tests = [_missing, _form] if case.expected is None or case.found is None or (
        case.expected.shape != case.found.shape
        or case.expected.dtype != case.found.dtype) else [globals()['_' + kind]]
    fitting, plain = [], []
    for test in tests:
        for guess in test(case):
            if guess.prediction is None or isinstance(guess.prediction, str):
                plain.append(Cause(guess.name, guess.sentence, guess.prediction or
                                   'what the two traces hold', guess.change))
                continue
            fit = _fit(case, np.asarray(guess.prediction, float), limit)
            if fit:
                fitting.append((fit[0], Cause(guess.name, guess.sentence, fit[1],
                                              guess.change)))
    if fitting:     # the one that fits best; of those that fit alike the first
        best = min(off for off, _ in fitting)
        return next(cause for off, cause in fitting if off <= 1.5 * best)
    return plain[0] if plain else None


def _fit(case: Case, prediction: np.ndarray,
         limit: Callable[[str], Any]) -> Optional[Tuple[float, str]]:
    """Return how far a prediction is off, and the words for it; None if too far."""
    found, expected = case.found.astype(float), case.expected.astype(float)
    if prediction.shape != found.shape:
        return None
    with np.errstate(invalid='ignore'):
        off, seen = np.abs(prediction - found), np.abs(expected - found)
        near = (prediction == found) | (off <= np.maximum(
            3 * limit(case.key), 1e-3 * np.max(seen[np.isfinite(seen)], initial=0)))
    near |= np.isnan(prediction) & np.isnan(found)
    if not near.all():
        return None
    finite = np.isfinite(off) & np.isfinite(seen)
    if not finite.all():
        return 0., f'so computed, {case.key} is not finite in the same places'
    if off.max() > seen.max() / 4:      # golden is as near: nothing is shown
        return None
    return off.max(), (f'so computed, {case.key} is yours to {off.max():.1e}; golden '
                       f'is {seen.max():.1e} away')


# --- What is missing, or of another form ----------------------------------------------

def _missing(case: Case) -> Iterator[Guess]:
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
            yield Guess(None, 'fakes in training mode', f"{case.place} moves the moving "
                        f'average {case.name}: G made its images in training mode, by '
                        'the statistics of the batch',
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


def _form(case: Case) -> Iterator[Guess]:
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
        if turned.shape == case.found.shape and np.allclose(turned, case.found, 1e-5):
            yield Guess(f'your array is golden.transpose({axes})', 'layout not declared',
                        f'{case.key} has other axes in your port, and no layout says so',
                        f'declare it: layouts={{{case.name!r}: trace.Layout({axes})}}')
    yield Guess(None, 'shape', f'{case.key} is {list(case.found.shape)} in your port, '
                f'{list(case.expected.shape)} in golden',
                'build the network, and the batches, with the sizes of replay.config')


def _orders(n: int) -> List[Tuple[int, ...]]:
    import itertools
    return list(itertools.permutations(range(n)))[1:]


# --- What goes in ---------------------------------------------------------------------

def _init(case: Case) -> Iterator[Guess]:
    golden, name = case.expected, case.name
    change = 'transpose what replay.weights() gives, or declare the layout and do neither'
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
    yield Guess('the numbers themselves', 'other initial weights', f"{name} does not "
                "hold golden's initial values", 'load replay.weights() before the first '
                'update')


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


def _feed(case: Case) -> Iterator[Guess]:
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
    if None in theirs or None in ours:
        return
    rng = np.random.RandomState(case.golden.meta['seed'])
    everything = mnist.DataSet(np.arange(len(files.train_images)),
                               np.arange(len(files.train_images)), rng)
    drawn, step = [], int(case.place[5:8])
    for _ in range(step + 1):
        drawn = everything.next_batch(len(mine))[0]
    where = f'your rows of the file: {ours}; golden\'s: {theirs}'
    if case.tutorial == 'vanilla' and list(drawn) == ours:
        yield Guess(where, '60,000 images', 'your batches are drawn from all 60,000 '
                    'training images; the TF 1 loader holds the first 5,000 out',
                    'take rows 5,000 to 59,999 before the shuffle, as mnist.split does')
    shifts = {one - other for one, other in zip(ours, theirs)}
    if len(shifts) == 1:
        yield Guess(where, '60,000 images' if shifts == {-5000} else 'shifted rows',
                    f'your rows are golden\'s shifted by {shifts.pop()}',
                    'the TF 1 loader holds the first 5,000 images out')
    if sorted(ours) == list(range(min(ours), min(ours) + len(ours))):
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
        if shared and not np.array_equal(ours, mine):
            yield Guess(f"golden's two are equal, yours are not", 'fresh noise',
                        f'{case.place} draws fresh {what}; golden feeds that of {place} '
                        'once more', f'feed the {what} of {place} again')
        if not shared and np.array_equal(ours, mine):
            yield Guess(f"yours are equal, golden's two are not", 'shared noise',
                        f'{case.place} feeds the {what} of {place} once more; golden '
                        'draws fresh', f'draw fresh {what} for this update')
    golden = case.expected.astype(float)
    for kind in np.float16, 'bfloat16':
        rounded = (golden.astype(np.float16) if kind is np.float16 else
                   (case.expected.view(np.uint32) + 0x8000 & 0xffff0000).view(
                       np.float32))
        if np.array_equal(rounded, case.found):
            yield Guess('equal once golden is rounded', 'noise rounding', f'your {what} '
                        'was rounded to 16 bits', 'keep it in float32')
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
    for law, drawn in (('normal', fresh.normal(size=golden.shape)),):
        if np.array_equal(drawn.astype(np.float32), case.found):
            yield Guess('the first draws of RandomState(seed)', 'another generator',
                        f'your {what} comes from a generator of its own; golden\'s '
                        'shuffles have moved theirs by then',
                        'draw shuffles and noise from one RandomState')
    if what == 'noise':
        inside = np.abs(mine).max() <= 1
        if inside != (np.abs(golden).max() <= 1) or (mine.min() < 0) != (
                golden.min() < 0):
            low, high = mine.min(), mine.max()
            yield Guess(f'your noise lies in {low:.3g} to {high:.3g}, golden\'s in '
                        f'{golden.min():.3g} to {golden.max():.3g}', 'noise law',
                        'your noise follows another law (uniform, normal, or another '
                        'range)', "draw as the tutorial's noise function does")
    yield Guess(f'not one of the first numbers agrees: {mine.ravel()[0]:.6g}, golden '
                f'{golden.ravel()[0]:.6g}', 'another generator', f'your {what} is drawn '
                'by another generator, or from another seed', 'draw it in float64 from '
                'the RandomState that shuffles, then cast it to float32')


def _mask(case: Case) -> Iterator[Guess]:
    rate = np.mean(case.expected == 0)
    yield Guess(f'{np.mean(case.found == 0):.0%} of yours are 0, {rate:.0%} of golden\'s',
                'another mask', 'your dropout mask is not golden\'s',
                'take it with update.mask')


# --- The forward pass -----------------------------------------------------------------

def forward(case: Case, trace: Trace, place: str, w: Weights, how: How = How(),
            how_D: How = How(), masked=lambda mask: mask):
    """Return (G's images, D's logits by name) of an update, recomputed in float64."""
    update = place.split('/')[1]
    feed = {name: value.astype(float) for name, value in
            trace.part(f'{place}/feed').items()}
    masks = [masked(value.astype(float)) for value in
             trace.part(f'{place}/mask').values()]
    fake, logits = None, {}
    if 'Z' in feed:
        fake = networks.generator(case.tutorial, w, feed['Z'], feed.get('Z_labels'),
                                  how._replace(training=how.training ^ (update == 'G')))
    for name in case.golden.part(f'{place}/logit'):
        images, labels = {
            'D_real': lambda: (feed['X'], feed.get('X_labels')),
            'D_gene': lambda: (fake, feed.get('Z_labels')),
            'D': lambda: (np.concatenate([feed['X'], fake]), np.concatenate(
                [feed['X_labels'], feed['Z_labels']]))}[name]()
        logits[name] = networks.discriminator(case.tutorial, w, images, labels, masks,
                                              how_D)
    return fake, logits


SLOPES = 0.01, 0.02, 0.1, 0.2, 0.3
EPSILONS = 1e-3, 1e-5, 1e-6, 1e-8, 1e-12


def _hows(case: Case) -> Iterator[Tuple[How, str, str, str]]:
    """Yield other ways to go forward: (how, name, sentence, change)."""
    for layer in None, 1, 2, 3:
        where = f' in layer {layer}' if layer else ''
        for how, name, sentence, change in _ways():
            yield how._replace(only=layer), name, sentence + where, change


def _ways() -> Iterator[Tuple[How, str, str, str]]:
    for slope in SLOPES:
        yield (How(slope=slope), 'LeakyReLU slope', f'LeakyReLU has the slope {slope}',
               'state the slope: 0.2 in dcgan and conditional, 0.02 in collapse')
    yield (How(centered=True), 'SAME padding', 'SAME with a stride of 2 is padded alike '
           'on both sides', "pad the odd pixel below and to the right: of 28 and 14 with "
           '5x5, (1, 2) both ways')
    yield (How(channels_first=True), 'flatten order', 'images are flattened, or shaped, '
           'over (channels, height, width)', 'permute to (height, width, channels) '
           'first, or declare a layout with a split for the dense weights')
    for epsilon in EPSILONS:
        yield (How(norm_epsilon=epsilon), 'normalization epsilon', 'the normalization '
               f'adds {epsilon:g} to the variance', 'batch normalization here adds '
               '1e-3, layer normalization 1e-5')
    for first in True, False:
        yield (How(activation_first=first), 'order of activation and normalization',
               f'the activation comes {"before" if first else "behind"} the '
               'normalization', 'keep the order of the tutorial, layer by layer')
    yield (How(unbiased=True), 'normalization variance', 'the normalization divides by '
           'the unbiased variance', 'normalize by the biased variance, over n')


def _fake(case: Case) -> Iterator[Guess]:
    w = case.weights()
    training = case.update == 'G'
    mode = 'inference' if training else 'training'
    yield Guess(forward(case, case.mine, case.place, w, How(training=True))[0],
                f'fakes in {mode} mode', f'G makes its images in {mode} mode here',
                f'in {case.place} normalize by ' + (
                    "the batch's own statistics" if training
                    else 'the moving averages'))
    for how, *words in _hows(case):
        yield Guess(forward(case, case.mine, case.place, w, how)[0], *words)
    for output in 'sigmoid', 'tanh', 'nothing':
        yield Guess(forward(case, case.mine, case.place, w, How(output=output))[0],
                    "G's output", f"G's output goes through {output}",
                    "take the tutorial's output function")
    places = case.step_updates()
    later = [place for place in places[places.index(case.place):]
             if place.endswith('/G')]
    for place in later:
        after = case.mine.part(f'{place}/after')
        moved = {**w, **{name: value.astype(float) for name, value in after.items()
                         if name.startswith('G_')}}
        yield Guess(forward(case, case.mine, case.place, moved)[0], 'G before D',
                    f'G had been updated before {case.place}: its images there are '
                    'those of the weights behind its update', "update D first, then G")
    for place in case.golden.updates[:case.golden.updates.index(case.place)]:
        images = case.get(case.golden, 'fake', 'G', place)
        if images is not None:
            yield Guess(images, 'stale fakes', f'the images are those of {place}, of '
                        "G's older weights", 'make them anew for this update')


def _logit(case: Case) -> Iterator[Guess]:
    w, name = case.weights(), case.name

    def logits(w=w, **how):
        return forward(case, case.mine, case.place, w, **how)[1][name]

    usual = logits()
    yield Guess(networks.sigmoid(usual), 'probabilities for logits', 'what you record '
                "as D's logit has gone through the sigmoid", 'record what the sigmoid '
                'takes')
    for masked, sentence in ((np.ones_like, 'dropout is off'),
                             (lambda mask: (mask > 0) * 1., 'dropout does not scale')):
        yield Guess(logits(masked=masked), 'dropout off', f'{sentence} in {case.place}',
                    "leave D in training mode in every update, G's too, and multiply by "
                    'the mask as it is')
    for how, *words in _hows(case):
        yield Guess(logits(how_D=how), *words)
    places = case.step_updates()
    after = case.mine.part(f'{case.place}/after')
    yield Guess(logits({**w, **{key: value.astype(float)
                                for key, value in after.items()}}), 'logits behind the '
                'update', 'the logits are those of the weights behind the update',
                'record what the loss was computed from')
    for place in places[:places.index(case.place)]:
        older = {key: value for key, value in case.weights(place).items()
                 if key.startswith('D_')}
        yield Guess(logits({**w, **older}), 'simultaneous updates', f'{case.place} sees '
                    f"D's weights from before {place}", 'update D first; G then sees '
                    'the new D')
    for place in places[places.index(case.place) + 1:]:
        for player in 'D', 'G':
            newer = {key: value.astype(float) for key, value in
                     case.mine.part(f'{place}/after').items() if key[0] == player}
            if newer:
                yield Guess(logits({**w, **newer}), 'G before D', f'{place} had been '
                            f'done before {case.place}', 'keep the order of the '
                            "tutorial's step")
    others = [key for key in case.golden.part(f'{case.place}/logit') if key != name]
    for other in others:
        yield Guess(forward(case, case.mine, case.place, w)[1][other], 'real and fake '
                    f'swapped', f'{name} holds what {other} should', 'swap the two')
    yield Guess(-usual, 'sign of the logits', "D's logits have the other sign",
                'look at the last layer of D')


# --- The loss -------------------------------------------------------------------------

def log_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return log(1 / (1 + exp(-x))), without overflow."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def _terms(case: Case, logits: Dict[str, np.ndarray], swapped: bool = False
           ) -> List[Tuple[np.ndarray, np.ndarray]]:
    """Return (logits, targets) of the terms of an update's loss."""
    terms = []
    for name, x in logits.items():
        if name == 'D':         # real, then fake
            n = len(x) // 2
            target = np.r_[np.ones((n, 1)), np.zeros((len(x) - n, 1))]
        else:
            target = np.full(x.shape, float(name == 'D_real' or case.update == 'G'))
        terms.append((x, 1 - target if swapped else target))
    return terms


def cross_entropy(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the binary cross-entropy (nats) of logits, element by element."""
    return -target * log_sigmoid(x) - (1 - target) * log_sigmoid(-x)


def objective(case: Case, logits: Dict[str, np.ndarray], swapped: bool = False,
              element: Callable = cross_entropy, reduce: Callable = np.mean) -> float:
    """Return the loss of an update as the tutorial has it, from D's logits."""
    if case.tutorial == 'collapse' and case.config['rung'] == 1 and (
            element is cross_entropy):
        def element(x, target):
            return (networks.sigmoid(x) - target) ** 2
    sign = -1 if case.tutorial == 'vanilla' else 1
    if case.config.get('objective') == 'saturating' and case.update == 'G':
        sign, swapped = -1, not swapped     # mean log(1 - D(G(z)))
    return sign * sum(reduce(element(x, target))
                      for x, target in _terms(case, logits, swapped))


def _guarded(low: float, how: str) -> Callable:
    """Return the cross-entropy with its logs guarded."""
    def element(x, target):
        p = networks.sigmoid(x.astype(np.float32).astype(float))
        p = np.where(x < -16.4, 0, np.where(x > 16.4, 1, p))     # float32's own ends
        q = 1 - p
        with np.errstate(divide='ignore', invalid='ignore'):
            if how == 'clamp':
                logs = np.maximum(np.log(p), low), np.maximum(np.log(q), low)
            elif how == 'clip':
                p = np.clip(p, low, 1 - low)
                logs = np.log(p), np.log(1 - p)
            elif how == 'add':
                logs = np.log(p + low), np.log(q + low)
            else:
                logs = np.log(p), np.log(q)
                # A target of 0 leaves a term out, or multiplies infinity by it.
                if how == 'bare':
                    return (np.where(target > 0, -target * logs[0], 0)
                            + np.where(target < 1, -(1 - target) * logs[1], 0))
            return -target * logs[0] - (1 - target) * logs[1]

    return element


def _loss(case: Case) -> Iterator[Guess]:
    logits = {name: value.astype(float) for name, value in
              case.mine.part(f'{case.place}/logit').items()}
    usual = objective(case, logits)
    sums = objective(case, logits, reduce=np.sum)
    for low, how, words in (
            (-100., 'clamp', 'its logs are clamped at -100, as torch\'s BCELoss does'),
            (1e-7, 'clip', 'its probabilities are clipped to [1e-7, 1 - 1e-7], as Keras '
             'does'), (1e-8, 'add', '1e-8 is added inside its logs'),
            (1e-12, 'add', '1e-12 is added inside its logs')):
        yield Guess(objective(case, logits, element=_guarded(low, how)), 'clamped loss',
                    f'your loss is guarded where golden is not: {words}',
                    'take the log of the sigmoid as it is, as the tutorial does'
                    if case.tutorial == 'vanilla' else 'guard it as the tutorial does')
    for how in 'bare', 'times':
        yield Guess(objective(case, logits, element=_guarded(0, how)), 'unguarded loss',
                    "your loss takes the log of a saturated sigmoid, 0, where golden's "
                    'is finite', 'clamp both logs at -100, as torch\'s BCELoss does')
    yield Guess(objective(case, logits, element=cross_entropy)
                if np.isinf(case.expected) else np.nan, 'finer sigmoid',
                "your sigmoid is finer than TF 1.15's, which is exactly 0 below -16.4: "
                'its log is finite where golden is infinite', 'nothing: golden is '
                'saturated here, and a faithful port need not be')
    batch = next((len(x) for x in logits.values()), 1)
    yield Guess(sums, 'sum for mean', f'your loss is a sum over the {batch} images of '
                'the batch', 'take the mean')
    yield Guess(objective(case, logits, swapped=True), 'swapped targets', 'the targets '
                'of real and generated images are swapped', 'real images have the '
                'target 1 and generated ones 0 for D, 1 for G')
    yield Guess(-usual, 'sign of the loss', 'your loss has the other sign',
                'vanilla records objectives to raise; the other tutorials losses to '
                'lower')
    if case.update == 'G':
        other = objective(case, logits, swapped=True)
        yield Guess(-other, 'saturating for non-saturating', "G's objective is the "
                    'other one: mean log(1 - D(G(z))) for mean -log D(G(z)), or the '
                    'reverse', "take the tutorial's objective")
    for factor, words in ((0.5, 'half'), (2, 'twice'), (1 / np.log(2), 'log2 for ln: '),
                          (1 / np.log(10), 'log10 for ln: ')):
        yield Guess(factor * usual, 'scale of the loss', f'your loss is {words} golden',
                    'add the terms of D as the tutorial does, each a mean, in nats')
    for smooth in 0.9, 0.8, 0.95:
        def element(x, target):
            return cross_entropy(x, target * smooth)
        yield Guess(objective(case, logits, element=element), 'label smoothing',
                    f'real images have the target {smooth}', 'the target is 1')
    yield Guess(objective(case, logits,
                          element=lambda x, t: (networks.sigmoid(x) - t) ** 2),
                'squared error', 'your loss is the mean squared error',
                'take the cross-entropy')
    for name in logits:
        if len(logits) > 1:
            yield Guess(objective(case, {name: logits[name]}), 'a term of the loss',
                        f'your loss has the term of {name} only', "add D's two terms")
    if not np.isfinite(case.found) and np.isfinite(case.expected):
        yield Guess(f'D\'s logits reach {min(x.min() for x in logits.values()):.3g} to '
                    f'{max(x.max() for x in logits.values()):.3g}', 'unguarded loss',
                    f'your loss is {float(case.found)} where golden is finite',
                    'guard the logs as the tutorial does')


# --- The gradients --------------------------------------------------------------------

def _grad(case: Case) -> Iterator[Guess]:
    names = list(case.golden.part(f'{case.place}/grad'))
    pairs = {name: (case.get(case.mine, 'grad', name), case.get(case.golden, 'grad', name))
             for name in names}
    pairs = {name: pair for name, pair in pairs.items() if pair[0] is not None
             and pair[0].shape == pair[1].shape}
    mine, golden = (np.concatenate([pair[side].ravel() for pair in pairs.values()])
                    for side in (0, 1))
    if not np.isfinite(mine).all() and np.isfinite(golden).all():
        yield Guess(f'{int((~np.isfinite(mine)).sum())} of {mine.size} numbers are not '
                    'finite', 'gradient not finite', 'your gradient is not finite where '
                    "golden's is: a saturated sigmoid's log, or its slope divided by 0",
                    'compute the loss from logits, or clamp its denominator at 1e-12 as '
                    'torch does')
        return
    if not np.isfinite(mine).all() or not np.isfinite(golden).all():
        return
    if not mine.any():
        yield Guess(np.zeros_like(case.expected), 'no gradient', 'no gradient reaches '
                    f'{case.update[0]} in {case.place}', 'look for a detach or a '
                    'stop_gradient too many')
    scale = mine @ golden / (golden @ golden)
    n = len(next(iter(case.golden.part(f'{case.place}/feed').values())))
    named = {n: f'a sum over the {n} images', -1.: 'of the other sign: the loss is '
             'raised where it should be lowered', 2.: 'twice golden', 0.5: 'half golden'}
    words = next((words for value, words in named.items()
                  if abs(scale - value) < 1e-3 * abs(value)), f'{scale:.6g} times golden')
    if abs(scale - 1) > 1e-3:
        yield Guess(scale * case.expected, 'sign of the gradient' if abs(scale + 1) < 1e-3
                    else 'scale of the gradient', f'all gradients of {case.place} are '
                    f'{words}', 'minimize the mean (of vanilla the negative of its '
                    'objective), without clipping or loss scaling')
    earlier = case.before('grad', case.name)
    if earlier is not None:
        yield Guess(case.expected + earlier, 'gradients accumulate', 'the gradient of '
                    'the update before is still in this one', 'zero the gradients '
                    'before every backward pass')
    if case.update[0] == 'G':
        yield from _leaks(case, pairs, [place for place in case.step_updates()
                                        if '/D' in place and 'Z' in case.mine.part(
                                            f'{place}/feed')],
                          'missing detach', "D's loss has left its gradient in G: the "
                          'fakes were not cut off from G in D\'s update',
                          "detach the fakes in D's update, or zero G's gradients "
                          'before its own backward pass')
    else:
        updates = case.golden.updates
        earlier = [place for place in updates[:updates.index(case.place)]
                   if place.endswith('/G')][-1:]
        kept = {name: (ours - case.before('grad', name), theirs) for name, (
            ours, theirs) in pairs.items() if case.before('grad', name) is not None}
        for each in pairs, kept:
            yield from _leaks(case, each, earlier, 'gradients accumulate', "G's loss has "
                              'left its gradient in D, through which it flows', 'zero '
                              "D's gradients before its backward pass")
    reached = [name for name, (ours, theirs) in pairs.items()
               if theirs.any() and not ours.any()]
    if case.name in reached:
        yield Guess(np.zeros_like(case.expected), 'no gradient', 'no gradient reaches '
                    f'{", ".join(reached)}', 'look for a detach too many, or a variable '
                    'that the network does not use')


def _leaks(case: Case, pairs, places: List[str], *words: str) -> Iterator[Guess]:
    """Test whether what is too much in a gradient is that of other updates' losses.

    Three directional derivatives of those losses, by differences in float64, are held
    against the excess of all the network's gradients.
    """
    excess = {name: ours - theirs for name, (ours, theirs) in pairs.items()}
    size = np.sqrt(sum((each ** 2).sum() for each in excess.values()))
    if not places or not size:
        return
    rng = np.random.RandomState(0)
    directions = [{name: each / size for name, each in excess.items()}]
    for _ in range(2):
        drawn = {name: rng.normal(size=each.shape) * np.abs(each).max() / size
                 for name, each in excess.items()}
        directions.append(drawn)
    worst = 0.
    for direction in directions:
        h, slope = 1e-5, 0.
        for place in places:
            there = Case(case.golden, case.mine,
                         next(key for key in case.golden.arrays
                              if key.startswith(f'{place}/logit')))
            ends = []
            for sign in h, -h:
                w = case.weights(place)
                w.update((name, w[name] + sign * each)
                         for name, each in direction.items())
                ends.append(objective(there, forward(there, case.mine, place, w)[1]))
            slope += (ends[0] - ends[1]) / (2 * h)
        if case.tutorial == 'vanilla':
            slope = -slope      # its optimizers lower the negative
        along = sum((excess[name] * each).sum() for name, each in direction.items())
        worst = max(worst, abs(slope - along) / size)
    if worst < 0.01:
        yield Guess('the excess of your gradients is that of the other loss, in three '
                    f'directions to {max(worst, 1e-6):.0e} of its length', *words)


# --- The optimizer --------------------------------------------------------------------

def adam(m: np.ndarray, v: np.ndarray, t: int, numbers: Dict[str, float]) -> np.ndarray:
    """Return what TF 1's Adam takes off a weight at its update `t` (1, 2, ...)."""
    rate = (numbers['learning_rate'] * np.sqrt(1 - numbers['beta2'] ** t)
            / (1 - numbers['beta1'] ** t))
    return rate * m / (np.sqrt(v) + numbers['epsilon'])


def torch_adam(m: np.ndarray, v: np.ndarray, t: int, numbers: Dict[str, float]
               ) -> np.ndarray:
    """Return what PyTorch's Adam takes off, its epsilon beside the corrected root."""
    return (numbers['learning_rate'] / (1 - numbers['beta1'] ** t) * m
            / (np.sqrt(v / (1 - numbers['beta2'] ** t)) + numbers['epsilon']))


def updates_so_far(golden: Trace, place: str) -> int:
    """Return how many updates the network has had, the one at `place` included."""
    network = place.split('/')[1][0]
    return sum(update.split('/')[1][0] == network
               for update in golden.updates[:golden.updates.index(place) + 1])


def _moment(case: Case) -> Iterator[Guess]:
    numbers = case.golden.meta['optimizers'][case.update]
    which = 'beta1' if case.kind == 'adam_m' else 'beta2'
    gradient, mine = case.get(case.mine, 'grad', case.name), case.found.astype(float)
    before = case.before(case.kind, case.name)
    before = np.zeros_like(mine) if before is None else before
    if gradient is None:
        return
    taken = gradient if which == 'beta1' else gradient ** 2
    beta = numbers[which]
    if before.any():
        yield Guess((1 - beta) * taken, 'a fresh optimizer', f'the optimizer of '
                    f'{case.place} has forgotten the updates before it', 'keep one '
                    f'optimizer for all updates of {case.update[0]}')
    line = before - taken
    if (line ** 2).sum():
        other = ((mine - taken) * line).sum() / (line ** 2).sum()
        yield Guess(taken + other * line, which, f'your Adam has {which} = {other:.4g}, '
                    f'golden {beta:.4g}', f'give the optimizer {which} = {beta:.4g}')
    yield Guess(beta * before + taken, 'undamped moment', 'the gradient enters the '
                f'moment whole, without the factor 1 - {which}', "take TF 1's Adam")
    weight = case.before('after', case.name)
    if weight is not None and which == 'beta1' and (weight ** 2).sum():
        rest = (mine - before * beta) / (1 - beta) - gradient
        decay = (rest * weight).sum() / (weight ** 2).sum()
        yield Guess(beta * before + (1 - beta) * (gradient + decay * weight),
                    'weight decay', f'{decay:.3g} of the weights is added to their '
                    'gradient', 'switch weight decay off')


def _after(case: Case) -> Iterator[Guess]:
    before = case.before('after', case.name)
    if before is None:
        return
    if case.name.endswith(('_mean', '_variance')):
        yield from _average(case, before)
        return
    numbers = case.golden.meta['optimizers'][case.update]
    mine, rate = case.found.astype(float), numbers['learning_rate']
    gradient = case.get(case.mine, 'grad', case.name)
    yield Guess(before, 'variable not updated', f'{case.place} does not move '
                f'{case.name}', f"put it into {case.update}'s list of variables")
    m, v = (case.get(case.mine, kind, case.name) for kind in ('adam_m', 'adam_v'))
    if numbers['kind'] == 'Adam' and m is not None and v is not None:
        t = updates_so_far(case.golden, case.place)
        step = adam(m, v, t, numbers)
        for epsilon in numbers['epsilon'], 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 0.8:
            other = {**numbers, 'epsilon': epsilon}
            if epsilon != numbers['epsilon']:
                yield Guess(before - adam(m, v, t, other), 'Adam epsilon', f'your '
                            f"Adam's epsilon is {epsilon:g}, golden's "
                            f'{numbers["epsilon"]:.1g}', 'give the optimizer '
                            f'epsilon = {numbers["epsilon"]:.1g}')
            yield Guess(before - torch_adam(m, v, t, other), "torch's Adam",
                        f"your Adam adds its epsilon, {epsilon:.1g}, to the corrected "
                        "root, as torch and optax do; TF 1 adds "
                        f'{numbers["epsilon"]:.1g} to the uncorrected one',
                        "give torch's Adam eps = epsilon / sqrt(1 - beta2 ** t) before "
                        'every step (no constant will do), or write the update out')
        yield Guess(before - rate * m / (np.sqrt(v) + numbers['epsilon']),
                    'no bias correction', 'your Adam does not correct the bias of its '
                    'moments', "take TF 1's Adam")
        count = case.golden.updates.index(case.place) + 1
        for other in sorted({count, t + 1, t - 1, int(case.place[5:8]) + 1} - {t, 0}):
            yield Guess(before - adam(m, v, other, numbers), "Adam's count", 'your '
                        f"Adam corrects for its update {other}, golden's is at its "
                        f'{t}', 'count the updates of each optimizer by itself')
        yield Guess(before - rate * gradient if gradient is not None else mine * np.nan,
                    'gradient descent for Adam', 'your update is plain gradient descent',
                    'take Adam')
    else:
        step = rate * gradient if gradient is not None else np.zeros_like(mine)
    for decay in 0.01, 1e-4:
        yield Guess(before * (1 - rate * decay) - step, 'weight decay', 'your weights '
                    f'decay by {decay} of the rate (AdamW)', 'switch weight decay off')
    if (step ** 2).sum():
        ratio = ((before - mine) * step).sum() / (step ** 2).sum()
        if abs(ratio + 1) < 1e-3:
            yield Guess(before + step, 'sign of the update', 'your update climbs where '
                        'it should descend', 'subtract the step')
        yield Guess(before - ratio * step, 'learning rate', 'your learning rate is '
                    f'{ratio * rate:.6g}, golden\'s {rate:.6g}', 'give the optimizer '
                    f'the rate {rate:.6g}')


def _average(case: Case, before: np.ndarray) -> Iterator[Guess]:
    """Test how a moving average of a batch normalization takes in the batch's own."""
    golden, mine = case.expected.astype(float), case.found.astype(float)
    taken = 0.01        # 1 - Keras's momentum
    batch = before + (golden - before) / taken
    yield Guess(before, 'averages not moved', f'{case.place} does not move {case.name}',
                "put G into training mode in its own update")
    if case.name.endswith('variance'):
        n = case.config['batch_size']
        images = case.name == ('G_norm2_variance' if case.tutorial == 'dcgan'
                               else 'G_norm3_variance')
        n = n * 14 * 14 if images else n
        factor, has, other = (((n - 1) / n, 'biased', 'unbiased') if images else
                              (n / (n - 1), 'unbiased', 'biased'))
        yield Guess(before + taken * (batch * factor - before), 'moving variance',
                    f'{case.name} takes in the {has} variance of the batch, golden the '
                    f'{other} one', 'TF 1.15 takes in the unbiased variance of images, '
                    'over n - 1, and the biased one of [n, units]: torch the unbiased '
                    'one always, Keras 3 the biased one always')
    line = batch - before
    if (line ** 2).sum():
        share = ((mine - before) * line).sum() / (line ** 2).sum()
        words = {0.99: "torch's momentum is the complement of Keras's: 0.01, not 0.99",
                 0.1: "torch's default, 0.1, is a momentum of 0.9 in Keras"}
        change = next((words for value, words in words.items()
                       if abs(share - value) < 2e-3), 'the share is 1 - momentum')
        yield Guess(before + share * line, 'normalization momentum', f'{case.name} takes '
                    f'in {share:.3g} of the batch\'s own, golden {taken}', change)
