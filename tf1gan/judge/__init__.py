"""The judge: whether each array of a port follows from what the port computed it from.

`Judge` goes through a run, update by update. It compares every recorded array with what
the description computes from the port's own inputs of it, so no difference is carried
on. The limits are those of rounding: the description is computed exactly, and `PASSES`
times with noise inside every primitive, forward and backward. Where arrays do not
follow, `search` looks for edits of the description with which they do. NumPy only.
"""

import functools
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional,
                    Sequence, Tuple)

import numpy as np

from tf1gan import descriptions, interpreter
from tf1gan.interpreter import Arrays, Start
from tf1gan.tape import PRIMITIVES
from tf1gan.trace import Trace

PASSES = 16, 6          # with noise; of each pair the second for more than MANY numbers
MANY = 10 ** 6
ULP = 2. ** -24         # half of float32's last bit of 1: the rounding of one operation
NOISE = 4 * ULP, 16 * ULP       # of a primitive's scale
FACTOR = 2.5, 1.5       # of the largest deviation that the noise made
WIDE = 10               # times that, where all is coarser than float32
LEAST = 10 * ULP        # of the array itself
LONG = 256              # terms of a sum; with more its noise grows with their root
# TensorFlow 1.15's sigmoid is off by so much, and exactly 0 or 1 where it is so near.
SIGMOID = 1.1e-7
PERIOD = 99991          # random numbers before they repeat
SMALL = 4 * 10 ** 5     # numbers of an update of which all passes are done at once
PRODUCTS = 'matmul', 'conv', 'conv_image', 'conv_kernel'
MOVED = {'negate', 'reshape', 'transpose', 'flip', 'pad', 'cut', 'join', 'spread',
         'bound', 'round'}


# --- Noise ----------------------------------------------------------------------------

def scale(op: str, y: np.ndarray, arrays: List[np.ndarray], numbers: Dict[str, Any]
          ) -> Any:
    """Return what a result's rounding is a share of; None: the result is exact."""
    size = np.abs(y)
    if op in MOVED or op == 'leaky_relu' and numbers['slope'] in (-1, 0, 1):
        return None
    if op == 'add':
        return np.abs(arrays[0]) + np.abs(arrays[1])
    if op in (*PRODUCTS, 'gather'):
        one = PRIMITIVES[op].forward(*(np.abs(each) for each in arrays), **numbers)
        n = {'matmul': lambda: arrays[0].shape[-1],
             'conv': lambda: np.prod(arrays[1].shape[:3]),
             'conv_image': lambda: arrays[1].size // arrays[1].shape[2],
             'conv_kernel': lambda: np.prod(arrays[1].shape[:3]),
             'gather': lambda: arrays[0].size / max(y.size, 1)}[op]()
        return one * max(1, (n / LONG) ** 0.5)
    if op == 'cross_entropy':
        return size + np.abs(arrays[0])
    if op in ('log_loss', 'log_slope', 'added_log_loss'):   # 1 - p is rounded too
        far = np.maximum(1 - arrays[0], ULP)
        away = np.where(numbers['target'] < 1, 1 / far, 0)
        return size * (1 + away) if op == 'log_slope' else size + away
    return size * (1 + np.abs(arrays[0])) if op == 'exp' else size


class Noise:
    """The rounding of a tape: none in the first pass, which notes the scales."""

    def __init__(self) -> None:
        self.scales: List[Any] = []
        self.size = 0           # of all results

    def exact(self, op, array, arrays, numbers):
        """Note the scale of a result."""
        share = scale(op, array, arrays, numbers)
        self.scales.append(share if share is None else np.asarray(share, np.float32))
        self.size += array.size
        return array

    def of_passes(self, numbers: Sequence[int]) -> Callable:
        """Return what `noisy` does, of several passes at once; in all it is small."""
        drawn, scales, at = drawn_at_once(tuple(numbers)), iter(self.scales), 0
        odd = np.array(numbers) % 2 == 1

        def rounding(op, array, arrays, numbers):
            nonlocal at
            share = next(scales)
            if share is None:
                return array
            size = array[0].size
            noise = drawn[:, at:at + size].reshape(-1, *array.shape[1:])
            at += size
            result = array + NOISE[0] * share * noise
            if op in ('sigmoid', 'tanh'):
                result[odd] += SIGMOID * noise[odd]
            if op == 'sigmoid':
                result[odd] = near_edges(result[odd], array if len(array) == 1
                                         else array[odd])
            return result
        return rounding

    def noisy(self, n: int, few: bool) -> Callable:
        """Return the rounding of pass `n`; odd ones have TensorFlow 1.15's sigmoid."""
        rng, scales = np.random.RandomState(n), iter(self.scales)

        def rounding(op, array, arrays, numbers):
            share = next(scales)
            if share is None:
                return array
            noise = drawn(rng, array)
            result = array + NOISE[few] * share * noise
            if op in ('sigmoid', 'tanh') and n % 2:     # or tanh as 2 sigmoid(2x) - 1
                result = result + SIGMOID * noise
            if op == 'sigmoid' and n % 2:
                result = near_edges(result, array)
            return result
        return rounding


def near_edges(result: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Return a noisy sigmoid as TensorFlow 1.15's is near 0 and 1."""
    edge = 0.7 * SIGMOID
    return np.where(exact < edge, 0, np.where(exact > 1 - edge, 1,
                                              np.clip(result, 0, 1)))


@functools.lru_cache()
def drawn_at_once(numbers: Tuple[int, ...]) -> np.ndarray:
    """Return the first random numbers in [-1, 1] of some passes, [passes, SMALL]."""
    return np.stack([np.random.RandomState(n).uniform(-1, 1, SMALL) for n in numbers])


def drawn(rng: np.random.RandomState, like: np.ndarray) -> np.ndarray:
    """Return random numbers in [-1, 1], as many as an array has.

    After PERIOD of them the first ones repeat.
    """
    if like.size <= PERIOD:
        return rng.uniform(-1, 1, like.shape)
    return np.resize(rng.uniform(-1, 1, PERIOD), like.shape)


class Coarse(NamedTuple):
    """A precision below float32's, and which part of a run has it."""

    kind: str
    bits: int           # of the significand
    everything: bool    # or only what products take
    low: float = 0.     # numbers below this are lost

    def cast(self, n: int) -> Callable:
        """Return the tape's cast of pass `n`: how far rounding may come, at random."""
        rng = np.random.RandomState(n)

        def cast(op, array, done):
            if op in MOVED or done > self.everything or not done and op not in PRODUCTS:
                return array
            return (array * (1 + 2. ** -self.bits * drawn(rng, array))
                    + self.low * drawn(rng, array))
        return cast


# --- Ways to compute an update --------------------------------------------------------

class Way(NamedTuple):
    """How an update is computed: what an edit changes."""

    description: descriptions.Description
    update: Dict[str, Any]
    start: Start
    cast: Optional[Callable] = None
    late: bool = False      # fakes, logits and loss are recorded after the update
    past: Tuple['Way', ...] = ()    # the updates before, the last one last
    coming: Arrays = {}     # weights after the next update of the other network


class Edit(NamedTuple):
    """A mistake as a change of a way; `name` is the catalogue's (tf1gan.mistakes)."""

    name: str
    of: str                 # network, update, optimizer or run
    where: str              # which one
    apply: Callable[[Way], Way]
    values: Dict[str, Any] = {}     # for its words: the layer, the number

    def concerns(self, update: Dict[str, Any]) -> bool:
        """Return whether the edit changes how an update is computed."""
        return self.of in ('network', 'run') or self.where == {
            'update': update['name'], 'optimizer': update['optimizer']}[self.of]


class Family(NamedTuple):
    """Edits that differ in one number, which is fitted."""

    make: Callable[[float], Edit]
    starts: Tuple[float, ...]


def edited(way: Way, edits: List[Edit]) -> Way:
    """Return a way with some edits."""
    for edit in edits:
        way = edit.apply(way)
    return way


def run(way: Way, edits: List[Edit], **how: Any) -> Arrays:
    """Return what a way computes with some edits."""
    way = edited(way, edits)
    arrays = interpreter.predict(way.description, way.update, way.start, cast=way.cast,
                                 **how)
    if way.late:
        after = {key[6:]: array for key, array in way.start.own.items()
                 if key.startswith('after/')}
        arrays.update(interpreter.predict(
            way.description, way.update, way.start._replace(
                weights={**way.start.weights, **after}, own={}), until='loss'))
    return arrays


class Node(NamedTuple):
    """An array that a port recorded, and what the description gives for its inputs."""

    key: str                # without its update: fake/G
    found: np.ndarray
    expected: np.ndarray
    limit: np.ndarray       # inf where the numbers cannot tell
    free: np.ndarray        # where NaN and infinity are allowed

    @property
    def shares(self) -> np.ndarray:
        """Return the differences as shares of their limits, element by element."""
        found, expected = self.found, self.expected
        with np.errstate(invalid='ignore', divide='ignore'):
            shares = np.abs(found - expected) / (self.limit + 1e-45)
        if np.isfinite(shares).all():
            return shares
        same = (found == expected) | np.isnan(found) & np.isnan(expected)
        finite = np.isfinite(found) & np.isfinite(expected)
        return np.where(same | ~finite & self.free, 0,
                        np.where(finite, np.nan_to_num(shares), np.inf))

    @property
    def share(self) -> float:
        """Return the largest of these: beyond 1 the array does not follow."""
        return float(self.shares.max()) if self.found.size else 0.


class Spread:
    """How far passes with noise come from the exact one, element by element."""

    def __init__(self, exact: np.ndarray):
        self.exact = np.asarray(exact, float)
        self.apart = np.zeros(exact.shape, np.float32)      # a limit is in float32 too
        self.finite = np.isfinite(self.exact)
        self.free = np.zeros(exact.shape, bool)     # some passes are finite, some not

    def add(self, arrays: np.ndarray) -> None:
        """Take in passes, along the first axis."""
        finite = np.isfinite(arrays)
        self.free |= (finite != self.finite).any(0)
        with np.errstate(all='ignore'):
            apart = np.abs(np.subtract(arrays, self.exact, dtype=float))
            apart = apart.astype(np.float32)
        self.apart = np.maximum(self.apart, np.where(finite & self.finite, apart, 0
                                                     ).max(0))

    def level(self) -> None:
        """Let no number have less than the array's root mean square.

        With a million numbers, a few passes do not move some of them, by chance.
        """
        if self.apart.size:
            self.apart = np.maximum(self.apart, np.sqrt((self.apart ** 2).mean()))


class State(NamedTuple):
    """What a pass carries from update to update."""

    weights: Arrays
    adam_m: Arrays
    adam_v: Arrays
    highest: Dict[str, Arrays]      # by optimizer


class Judge:
    """The judge of a port's run: `nodes` says which arrays of an update follow."""

    def __init__(self, golden: Trace, mine: Trace, coarse: Optional[Coarse] = None):
        self.golden, self.mine, self.coarse = golden, mine, coarse
        self.wide = WIDE if coarse else 1
        self.few = False        # passes are enough: the last update had many numbers
        self.description = placed(descriptions.of(golden.meta, golden.source))
        init = {name: self._own(f'init/{name}', array)
                for name, array in golden.part('init').items()}
        self.states = [State(init, {}, {}, {})] * (1 + PASSES[0])
        self.counts: Dict[str, int] = {}
        self.past: Tuple[Way, ...] = ()         # updates so far

    def _own(self, key: str, golden: np.ndarray) -> np.ndarray:
        """Return the port's array, or the golden trace's where none has its shape."""
        found = self.mine.arrays.get(key)
        return golden if found is None or found.shape != golden.shape else found

    def ways(self, place: str) -> List[Way]:
        """Return how an update begins in each pass; the first is exact."""
        update = descriptions.update_of(self.description, place.split('/')[1])
        inputs = {kind: {name: self._own(f'{place}/{kind}/{name}', array)
                         for name, array in self.golden.part(f'{place}/{kind}').items()}
                  for kind in ('feed', 'mask')}
        own = {key: array for key, array in self.mine.part(place).items()
               if key.split('/')[0] not in inputs and self._fits(place, key, array)}
        name, coming = update['optimizer'], self._coming(place, update)
        t = self.counts.get(name, 0) + 1
        return [Way(self.description, update, Start(
            state.weights, inputs['feed'], inputs['mask'], state.adam_m, state.adam_v,
            t, own, highest=dict(state.highest.get(name, {}))),
            past=self.past, coming=coming)
            for state in self.states]

    def _coming(self, place: str, update: Dict[str, Any]) -> Arrays:
        """Return the other network's weights after its next update, if recorded."""
        updates = self.golden.updates
        for later in updates[updates.index(place) + 1:]:
            if descriptions.update_of(self.description, later.split('/')[1])[
                    'moves'] != update['moves']:
                return self.mine.part(f'{later}/after')
        return {}

    def _fits(self, place: str, key: str, array: np.ndarray) -> bool:
        """Return whether an array has the shape that the golden trace or a weight has.
        """
        like = self.golden.arrays.get(f'{place}/{key}')
        if like is None:
            like = self.golden.arrays.get(f'init/{key.split("/")[-1]}', array)
        return array.shape == like.shape and array.dtype.kind in 'fiu'

    def nodes(self, ways: List[Way], edits: List[Edit]
              ) -> Tuple[Dict[str, Node], List[Arrays]]:
        """Return a node of each recorded array, and the arrays that are not recorded.

        The latter are those of each pass; `carry` takes them to the next update.
        """
        noise = Noise()
        first = edited(ways[0], edits)
        start = first.start
        with np.errstate(all='ignore'):
            exact = run(ways[0], edits, rounding=noise.exact)
        self.few = few = noise.size > MANY
        spreads = {key: Spread(array) for key, array in exact.items()
                   if key in start.own}
        kept = [{key: array for key, array in exact.items() if key not in start.own}]
        for passes in self.passes(ways, edits, first, noise):
            for key, spread in spreads.items():
                spread.add(np.stack([arrays[key] for arrays in passes]))
            kept += [{key: array for key, array in arrays.items()
                      if key not in start.own} for arrays in passes]
        for spread in spreads.values() if few else ():
            spread.level()
        found: Dict[str, Node] = {}
        for key, spread in spreads.items():
            if start.own[key].shape == spread.exact.shape:
                found[key] = self._node(key, spread, first, FACTOR[few] * self.wide,
                                        found)
        for key in start.own:
            if key[:6] == 'after/' and key not in exact and key[6:] in start.weights:
                # it should not have moved
                array = np.asarray(start.weights[key[6:]], float)
                found[key] = Node(key, start.own[key], array, np.zeros(array.shape),
                                  np.zeros(array.shape, bool))
        return {key: found[key] for key in [*exact, *found] if key in found}, kept

    def passes(self, ways: List[Way], edits: List[Edit], first: Way, noise: Noise
               ) -> Iterator[List[Arrays]]:
        """Yield what passes with noise compute: small ones all at once, or each alone.
        """
        numbers = range(1, 1 + PASSES[self.few])
        if noise.size <= SMALL and not (self.coarse or first.late or first.cast) and (
                all(way.start.weights is ways[0].start.weights for way in ways)):
            with np.errstate(all='ignore'):
                found = interpreter.passes(
                    first.description, first.update, first.start,
                    noise.of_passes(numbers), [n % 2 == 1 for n in numbers])
            yield found
            return
        for n in numbers:
            way = ways[n]
            if self.coarse:
                way = way._replace(cast=self.coarse.cast(n))
            with np.errstate(all='ignore'):
                arrays = run(way, edits, exactly=n % 2 == 1,
                             rounding=noise.noisy(n, self.few),
                             dtype=np.float32 if self.few else float)
            yield [arrays]

    def _node(self, key, spread, way, factor, found):
        kind, _, name = key.partition('/')
        start = way.start
        exact = spread.exact
        with np.errstate(all='ignore'):
            size = LEAST * np.abs(exact)
            if kind == 'after':
                before = np.asarray(start.weights[name], float)
                size = 3 * ULP * np.maximum(np.abs(exact), np.abs(before)) + (
                    LEAST * np.abs(exact - before))
            if kind in ('after', 'adam_m', 'adam_v'):   # of few operations, all exact
                factor = FACTOR[0]
            if kind in ('adam_m', 'adam_v'):
                power = 1 if kind == 'adam_m' else 2
                taken = np.abs(np.asarray(start.own.get(f'grad/{name}', 0), float))
                size = LEAST * np.maximum(      # of a moment, and of what it takes in
                    np.abs(getattr(start, kind).get(name, 0)),
                    np.maximum(np.abs(exact), (taken / 10) ** power / 10))
                # The gradient is perhaps recorded in another run.
                if f'grad/{name}' in found and not self.coarse:
                    share = 1 - way.description['optimizers'][
                        way.update['optimizer']].get(f'beta{power}', 0)
                    size = size + found[f'grad/{name}'].limit * (
                        share if power == 1 else 2 * share * taken)
            limit = np.maximum(size, factor * spread.apart).astype(np.float32)
        return Node(key, start.own[key], exact, limit, spread.free | np.isnan(exact))

    def carry(self, ways: List[Way], kept: List[Arrays]) -> None:
        """Take the port's own arrays, or else each pass's, to the next update."""
        self.past += ways[0]._replace(past=()),
        update = ways[0].update
        self.counts[update['optimizer']] = ways[0].start.t
        states = []
        for way, arrays in zip(ways, kept):
            now = {**arrays, **way.start.own}
            parts = {kind: {key[len(kind) + 1:]: array for key, array in now.items()
                            if key.startswith(f'{kind}/')}
                     for kind in ('after', 'adam_m', 'adam_v')}
            start = way.start
            highest = {name: np.maximum(start.highest.get(name, 0), array)
                       for name, array in parts['adam_v'].items()}
            states.append(State(
                {**start.weights, **parts['after']},
                {**start.adam_m, **parts['adam_m']},
                {**start.adam_v, **parts['adam_v']},
                {**self.states[0].highest, update['optimizer']: highest}))
            if not arrays:      # all is the port's own
                break
        self.states = [states[n % len(states)] for n in range(len(ways))]


def placed(description: descriptions.Description) -> descriptions.Description:
    """Return a description whose layers know their places, as a trace numbers them."""
    networks = {name: [{**layer, 'place': n} for n, layer in enumerate(layers)]
                for name, layers in description['networks'].items()}
    return {**description, 'networks': networks}
