"""The contract of a page: what a tutorial, or a GAN of one's own, offers the tools.

Its parts stand here in a page's order. Every page must write the parts in `WRITTEN`.
The others are defaults, for a page that does not write them. The loop, the flags, the
recorder and one test read them here. NumPy only.

Three counts: a step is one call of `step`; `n_batches` of them are an epoch; `done` is
how many steps of the run have been taken, 0 before the first.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, NamedTuple, Optional, Union

import numpy as np

from tf1gan import TUTORIALS, InputError, descriptions

WRITTEN = ('Config', 'data', 'Model', 'build', 'noise', 'step', 'line', 'picture',
           'sample')


# --- What stands on every page --------------------------------------------------------

class Config(NamedTuple):
    """Its numbers, all with defaults; the comment after one is the help of its flag.

    The first field is how many epochs a run has.
    """

    epochs: int = 1
    batch_size: int = 1         # images a step


def data(files, rng: np.random.RandomState):
    """Return the training images as a `mnist.DataSet`, in the range that D takes."""


class Update(NamedTuple):
    """An update of a step: what a session runs, and what a trace records of it."""

    train: Any                  # the op that moves the weights, and moving averages
    loss: Any                   # from before the update, as it is logged
    gradients: Optional[List[Any]]      # (gradient, variable); None: no trace holds it
    terms: Dict[str, Any]       # of the loss: to say which is not finite
    fakes: Any = None           # G's images in this update
    logits: Dict[str, Any] = {}     # what D ends with, before a sigmoid: of D_real, ...
    masks: List[Any] = []       # dropout's, of D's layers in their order
    accuracy: Any = None        # of D, where it is logged


class Model(NamedTuple):
    """What a session needs of the graph. A placeholder's field is its name in a trace.
    """

    graph: Any
    init: Any
    X: Any                      # images
    Z: Any                      # noise
    G: Any                      # images of Z, as a picture shows them
    updates: Dict[str, Update]  # by name, which begins with the network that it moves


def build(config: Config, seed: int):
    """Build the graph in a fresh `tf.Graph`; return its Model.

    Variables are named G_... and D_..., as in the description.
    """


def noise(rng: np.random.RandomState, n: int, config: Config):
    """Draw `n` noise vectors [n, size]; with labels a pair, the one-hot ones second."""


def step(sess, model: Model, config: Config, next_batch, draw_noise):
    """Take the updates of a step in their order; return what is logged, by name.

    Each is a `sess.run` of a list with its `train` and its `loss`. `next_batch(n)`
    returns images and one-hot labels, `draw_noise(n)` what `noise` does.
    """


def line(done: int, n_batches: int, losses: Dict[str, float]):
    """Return what is printed with `done` steps taken; None: nothing."""


def picture(done: int, n_batches: int, config: Config):
    """Name the picture that is due with `done` steps taken; None: none."""


def sample(sess, model: Model, config: Config, draw_noise):
    """Return the PNG of a picture."""


# --- What a page may write ------------------------------------------------------------

CHOICES: Dict[str, List[Any]] = {}      # of a Config field: all that its flag takes
THREADS: Optional[int] = None           # TensorFlow's; None: its own choice
N_BATCHES: Optional[int] = None     # steps of an epoch; None: a pass over the images
LOG_EVERY: Optional[int] = None     # steps between two rows of the log; None: an epoch
SMALL: Dict[str, Any] = {}              # numbers of the config of a small trace


def settle(given: Dict[str, Any]) -> Dict[str, Any]:
    """Return the numbers that a command line gives, and what follows from them."""
    return given


def table(rows: List[Dict[str, float]]) -> List[Dict[str, float]]:
    """Return the rows of the log, with further columns perhaps."""
    return rows


def plots(rows: List[Dict[str, float]], config: Config) -> Dict[str, bytes]:
    """Return the plots of the log's rows, PNG by file name: all its losses."""
    from tf1gan import pictures     # and matplotlib, which most readers do not need
    return {'losses.png': pictures.curves(
        {name: [row[name] for row in rows] for name in rows[0]
         if name.startswith('loss_')}, 'row of the log', 'loss')}


def report(sess, model: Model, config: Config, images, draw_noise) -> List[str]:
    """Return the lines that are printed at the end of a run."""
    return []


def describe(config: Dict[str, Any]) -> Optional[descriptions.Description]:
    """Return the page's description; a tutorial's stands in tf1gan/descriptions."""
    return None


OPTIONAL = ('CHOICES', 'THREADS', 'N_BATCHES', 'LOG_EVERY', 'SMALL', 'settle', 'table',
            'plots', 'report', 'describe')


# --- A page ---------------------------------------------------------------------------

class Page:
    """A module that keeps the contract: its own parts, and the contract's others.

    Raises: InputError when it lacks one of `WRITTEN`.
    """

    def __init__(self, module: ModuleType):
        self.module = module
        missing = [part for part in WRITTEN if not hasattr(module, part)]
        if missing:
            raise InputError(f'{self.source}: expected a page with '
                             f'{", ".join(WRITTEN)}, found none of '
                             f'{", ".join(missing)}; write them (tf1gan/contract.py '
                             'says what each is)')
        config = module.Config
        bare = [field for field in config._fields
                if field not in config._field_defaults]
        if bare or 'batch_size' not in config._fields:
            raise InputError(f'{self.source}: expected a Config with a batch_size and '
                             'defaults for all its numbers, found none of '
                             f'{(bare or ["batch_size"])[0]}; give it one')

    def __getattr__(self, part: str) -> Any:
        """Return a part of the page, or the contract's where it has none."""
        if part in OPTIONAL:
            return getattr(self.module, part, globals()[part])
        return getattr(self.module, part)

    @property
    def source(self) -> str:
        """Return the page's file, for messages."""
        return getattr(self.module, '__file__', self.module.__name__)

    @property
    def name(self) -> str:
        """Return its name, `vanilla`, also where it runs as `__main__`."""
        path = Path(self.source)
        return path.parent.name if path.stem in ('__init__', '__main__') and (
            path.parent.name) else path.stem

    @property
    def command(self) -> str:
        """Return the words that run it: `python -m tf1gan.vanilla`."""
        spec = getattr(self.module, '__spec__', None)
        return f'python -m {spec.name}' if spec else f'python {self.source}'

    @property
    def is_tutorial(self) -> bool:
        """Say whether it is one of the package's own pages."""
        return self.name in TUTORIALS and Path(
            self.source).resolve().parent == Path(__file__).resolve().parent

    @property
    def small(self) -> Dict[str, Any]:
        """Return the numbers of a small trace."""
        return descriptions.find(self.name).SMALL if self.is_tutorial else self.SMALL

    @property
    def said(self) -> str:
        """Return the first line of its docstring."""
        return (self.module.__doc__ or self.name).strip().splitlines()[0]

    def description(self, config: Config) -> Dict[str, Any]:
        """Return {'description': ...} of a page of one's own; None: it has none.

        For a tutorial return {}: the package describes it.

        Raises: InputError when it is no description.
        """
        if self.is_tutorial:
            return {}
        found = self.describe(config._asdict())
        try:
            if found is not None:
                descriptions.check(found)
        except ValueError as error:
            raise InputError(
                f'{self.source}: expected a `describe` that returns a description '
                f'(tf1gan/descriptions says what it holds), found: '
                f'{" ".join(str(error).split())}; change it')
        return {'description': found}


def page(module: Union[ModuleType, Page]) -> Page:
    """Return a module as a page."""
    return module if isinstance(module, Page) else Page(module)


def find(word: str) -> Page:
    """Return the page that a word names: a tutorial, a file my_gan.py, or a module.

    Raises: InputError when there is none.
    """
    if word in TUTORIALS:
        return Page(importlib.import_module(f'tf1gan.{word}'))
    if word.endswith('.py'):
        if os.path.isfile(word):
            return Page(_load(Path(word).resolve()))
    else:
        try:
            known = importlib.util.find_spec(word)
        except (ImportError, ValueError):
            known = None
        if known:
            return Page(importlib.import_module(word))
    raise InputError(f'expected a page: one of {", ".join(TUTORIALS)}, a file '
                     f'my_gan.py, or a module, found {word}; name one that is there')


def _load(path: Path) -> ModuleType:
    """Return a file's module, made as `python path` makes it, but not as the main one.
    """
    spec = importlib.util.spec_from_file_location(str(path), str(path))
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    module.__spec__ = None
    return module
