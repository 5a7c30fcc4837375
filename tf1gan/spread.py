"""The spread of a tutorial's seeds, and whether other images are inside it. NumPy only.

At ten points of training where the seeds of a sweep were judged, else after all steps.
`make collect` measures it: experiments/sweep.
"""

import functools
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from tf1gan import InputError

FILE = Path(__file__).with_suffix('.json')
N_SAMPLES = 10000       # images of a seed
FIGURES = 'frechet', 'divergence', 'confidence', 'as_asked'     # where there are labels
ERROR_RATE = 0.05       # chance that a right port is called outside, by all figures
LEAST, DEVIATION = 1e-4, 1e-3       # of a figure, and of the logarithms of the seeds'
MANY = 10               # seeds that show whether one digit alone is normal
ONE_DIGIT = float(np.log(10))       # the divergence of a generator that draws only one


STATUS = {'inside': 0, 'outside': 1, 'too few seeds to tell': 2}


class Held(NamedTuple):
    """A figure compared with the spread of some seeds."""

    figure: str
    yours: float        # the geometric mean of your seeds
    low: float
    high: float         # the ends of what is inside
    p: float
    p_least: float      # that is inside
    outside: str        # above, below or nothing


class Verdict(NamedTuple):
    """What a spread says of other seeds: a word of STATUS, and why."""

    word: str
    reason: str         # of too few seeds to tell
    held: List[Held]

    def lines(self) -> List[str]:
        """Return the reason, or a line a figure."""
        return [self.reason] if self.reason else [
            f'{each.figure}: yours {each.yours:.4g}, inside is {each.low:.4g} to '
            f'{each.high:.4g} ({chance(each.p)}, outside below {each.p_least:.4f})'
            + (f' OUTSIDE, {each.outside}' if each.outside else '')
            for each in self.held]


class Spread(NamedTuple):
    """The figures of a tutorial's seeds, by the group and after the steps named."""

    name: str
    group: str
    steps: int
    seeds: List[Dict[str, float]]

    def __str__(self) -> str:
        """Say whose spread it is."""
        group = f', {self.group}' if self.group else ''
        seeds = f'{len(self.seeds)} seed{"s" * (len(self.seeds) != 1)}'
        return f'{self.name}{group}, {seeds} after {self.steps:,} steps'

    @property
    def figures(self) -> List[str]:
        """Return the names of the figures that are compared."""
        return [figure for figure in FIGURES if figure in self.seeds[0]]

    def law(self, figure: str, m: int) -> Tuple[float, float]:
        """Return center and scale of the logarithm of a mean of `m` more seeds.

        That logarithm minus the center, divided by the scale, is a Student's t of
        len(seeds) - 1 degrees of freedom, if all seeds' logarithms have one normal law.
        """
        logs = logarithms(self.seeds, figure)
        return logs.mean(), max(logs.std(ddof=1), DEVIATION) * np.sqrt(
            1 / m + 1 / len(logs))

    def interval(self, figure: str, m: int) -> Tuple[float, float]:
        """Return the least and the greatest mean of `m` more seeds that is inside."""
        center, scale = self.law(figure, m)
        far = scale * critical(ERROR_RATE / len(self.figures), len(self.seeds) - 1)
        return float(np.exp(center - far)), float(np.exp(center + far))

    def says_too_little(self, m: int) -> Optional[str]:
        """Say why these seeds cannot judge `m` others; None when they can."""
        n = len(self.seeds)
        if n < 3:
            return 'the spread of fewer than 3 seeds says too little'
        most = self.interval('divergence', m)[1]
        if most >= ONE_DIGIT and n < MANY:
            return (f'with the {n} seeds of {self.name} a divergence of up to '
                    f'{most:.3g} is inside, and one digit alone has {ONE_DIGIT:.3f}')
        return None

    def check(self, found: Sequence[Tuple[int, Optional[np.ndarray]]]) -> None:
        """Check that (number of images, labels) of some seeds can be judged by these.

        Raises: InputError when they are not 10,000 each, as these are (with fewer, the
        Frechet distance is larger), or lack the labels that these have.
        """
        if self.says_too_little(len(found)):
            return      # whatever they are
        for n, labels in found:
            if n != N_SAMPLES:
                raise InputError(f'--against: expected {N_SAMPLES:,} images of a seed, '
                                 f"as of {self.name}'s, found {n:,}; draw as many")
            if labels is None and 'as_asked' in self.figures:
                raise InputError('--against: expected the digits asked for as labels, '
                                 f'as {self.name} has them, found none; save them too')

    def judge(self, found: List[Dict[str, Any]]) -> Verdict:
        """Compare a port's figures, one set a seed, with these.

        Each figure gets a t-test of whether the port's seeds and these are of one law,
        with the spread of these. The figures share the error rate (Bonferroni).
        """
        n, m = len(self.seeds), len(found)
        reason = self.says_too_little(m)
        if reason:
            return Verdict('too few seeds to tell', reason, [])
        held = []
        for figure in self.figures:
            center, scale = self.law(figure, m)
            t = (logarithms(found, figure).mean() - center) / scale
            p, p_least = two_sided(t, n - 1), ERROR_RATE / len(self.figures)
            side = '' if p >= p_least else 'above' if t > 0 else 'below'
            held.append(Held(figure, float(np.exp(center + t * scale)),
                             *self.interval(figure, m), p, p_least, side))
        word = 'outside' if any(each.outside for each in held) else 'inside'
        return Verdict(word, '', held)


def load(name: str, steps: Optional[int] = None) -> Spread:
    """Return a tutorial's spread after all steps, or at the point nearest to `steps`.

    The nearest is that of the ratio nearest to 1.
    """
    found = json.loads(FILE.read_text())[name]
    at = max(found['points'], key=lambda each: each['steps'] if steps is None else
             -abs(np.log(each['steps'] / max(steps, 1))))
    figures = [key for key in at if key != 'steps']
    return Spread(name, found['group'], at['steps'], [
        dict(zip(figures, seed)) for seed in zip(*(at[key] for key in figures))])


def chance(p: float) -> str:
    """Return a probability in words."""
    return f'p = {p:.3f}' if p >= 0.001 else 'p < 0.001'


def logarithms(found: List[Dict[str, float]], figure: str) -> np.ndarray:
    """Return the logarithms of a figure of several seeds."""
    return np.log([max(each[figure], LEAST) for each in found])


def two_sided(t: float, df: int) -> float:
    """Return the probability of a Student's t at least so far from 0."""
    # With t = sqrt(df) tan(a) the density is one of cos(a) ** (df - 1).
    def area(start):
        a = np.linspace(start, np.pi / 2, 20001)
        y = np.cos(a) ** (df - 1)
        return (y[:-1] + y[1:]).sum() / 2 * (a[1] - a[0])

    return float(area(np.arctan(abs(t) / np.sqrt(df))) / area(0.))


@functools.lru_cache(maxsize=None)
def critical(p: float, df: int) -> float:
    """Return the Student's t that is reached with probability `p`, either sign."""
    low, high = 0., 1e4
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, df) > p else (low, middle)
    return high
