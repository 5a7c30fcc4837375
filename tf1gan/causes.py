"""Why a port differs: hypotheses, each tested on the numbers of the two traces."""

from typing import Any, Callable, Dict, NamedTuple, Optional

import numpy as np

from tf1gan.trace import Trace


class Cause(NamedTuple):
    """A mistake that explains the first difference."""

    name: str           # a few words, the same always: for machines
    sentence: str       # what the port does, beside what it should
    evidence: str       # the numbers that show it
    change: str         # what to change


def explain(golden: Trace, mine: Trace, key: str,
            limit: Callable[[str], Any]) -> Optional[Cause]:
    return None


def adam(m: np.ndarray, v: np.ndarray, t: int, numbers: Dict[str, float]) -> np.ndarray:
    """Return what TF 1's Adam takes off a weight at its update `t` (1, 2, ...)."""
    rate = (numbers['learning_rate'] * np.sqrt(1 - numbers['beta2'] ** t)
            / (1 - numbers['beta1'] ** t))
    return rate * m / (np.sqrt(v) + numbers['epsilon'])


def updates_so_far(golden: Trace, place: str) -> int:
    """Return how many updates the network has had, the one at `place` included."""
    network = place.split('/')[1][0]
    return sum(update.split('/')[1][0] == network
               for update in golden.updates[:golden.updates.index(place) + 1])
