"""A difference between two traces, and a hypothesis about its cause."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from tf1gan import descriptions
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

    Where no array is needed, the prediction is what shows it, in words, or None. A
    number that was fitted to one array must hold for others too: `also` is what it
    predicts of them, by key.
    """

    prediction: Any
    name: str
    sentence: str
    change: str
    also: Dict[str, np.ndarray] = {}


GROWN = 'grown from before'


def own_way(prediction: Any) -> Guess:
    """Return the guess that nothing is wrong: the tutorial's way predicts it."""
    return Guess(prediction, GROWN, 'nothing is wrong in this place: from what your '
                 "port holds before it, each within its limit, the tutorial's way "
                 'gives your numbers', 'look at the steps before for a difference '
                 'that is small and should be none, or compare fewer steps')


class Case:
    """The first difference, and what both traces hold around it."""

    def __init__(self, golden: Trace, mine: Trace, key: str):
        self.golden, self.mine, self.key = golden, mine, key
        self.expected, self.found = golden.arrays.get(key), mine.arrays.get(key)
        self.description = descriptions.of(golden.meta, golden.source)
        parts = key.split('/')
        self.kind, self.place, self.update = parts[0], None, None
        if parts[0] != 'init':
            self.place, self.update, self.kind = '/'.join(parts[:2]), parts[1], parts[2]
            self.described = descriptions.update_of(self.description, self.update)
        self.name = parts[-1]

    def get(self, trace: Trace, kind: str, name: str, place: Optional[str] = None):
        """Return an array of this update (or another `place`) in float64, or None."""
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

    def behind(self, place: str) -> Weights:
        """Return the port's weights behind an update, where their shapes are golden's.

        They are no cause of what comes before them, and may differ in anything.
        """
        after, init = self.mine.part(f'{place}/after'), self.golden.part('init')
        return {name: after[name].astype(float) for name in init
                if name in after and after[name].shape == init[name].shape}

    def step_updates(self) -> List[str]:
        """Return the updates of the same step, in golden's order."""
        return [update for update in self.golden.updates
                if update.split('/')[0] == self.place.split('/')[0]]
