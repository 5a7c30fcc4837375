"""Traces: what a training run was fed and what it computed, update by update.

A trace is one .npz, its keys in causal order:

    init/G_W1               every weight and moving average before the first update
    step_000/D/feed/X       what was fed, float32: images, noise, labels
    step_000/D/mask/1       dropout's masks, of D's layers in their order
    step_000/D/layer/G_0    what G's layers return, by their number in the description;
                            of D by the logit's name: D_real_0 (ports may record these)
    step_000/D/fake/G       G's images in this update
    step_000/D/logit/D_real what D's sigmoid takes
    step_000/D/loss         before the update
    step_000/D/grad/D_W1    of what the optimizer lowers
    step_000/D/adam_m/D_W1  Adam's first moment after the update, and adam_v its second
    step_000/D/after/D_W1   weights and moving averages that the update may move
    step_000/G/...
    meta                    JSON: format, tutorial, config, seed, optimizers and more;
                            of a GAN of one's own its description (tf1gan.descriptions)

`python -m tf1gan.record` writes one from TensorFlow 1.15. A port replays it: see
`Replay`. NumPy only. `python -m tf1gan.trace FILE` lists one.
"""

import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

import numpy as np

from tf1gan import TUTORIALS, InputError, descriptions, run_folder, schema

FORMAT = 1
GOLDEN = Path(__file__).parent / 'golden'
KINDS = ('feed', 'mask', 'layer', 'fake', 'logit', 'loss', 'grad', 'adam_m', 'adam_v',
         'after')
KEY = re.compile(r'init/\w+|step_\d{3}/\w+/(loss|(%s)/\w+)' % '|'.join(KINDS))
META = {'tutorial': str, 'config': descriptions.CONFIG, 'seed': range(2 ** 32),
        'optimizers': {str: descriptions.OPTIMIZER}, '~environment': {str: object}}


# --- The file -------------------------------------------------------------------------

class Trace(NamedTuple):
    """A trace in memory."""

    source: str                     # where it is from, for messages
    meta: Dict[str, Any]
    arrays: Dict[str, np.ndarray]   # by key, in the file's order

    @property
    def updates(self) -> List[str]:
        """Return the updates in their order: step_000/D, step_000/G, ..."""
        return list(dict.fromkeys('/'.join(key.split('/')[:2]) for key in self.arrays
                                  if key.startswith('step_')))

    def part(self, prefix: str) -> Dict[str, np.ndarray]:
        """Return the arrays below `init` or `step_000/D/grad`, say, by name."""
        return {key[len(prefix) + 1:]: array for key, array in self.arrays.items()
                if key.startswith(prefix + '/')}


def load(source: Union[str, Path]) -> Trace:
    """Read a trace: a path, or a tutorial's name for the golden one inside the package.

    Nothing in the file is executed, and no array is made before its size is known to
    be that of its bytes.

    Raises: InputError when it is no whole trace of this format.
    """
    path = GOLDEN / f'{source}.npz' if str(source) in TUTORIALS else Path(source)
    try:
        arrays = _read(path)
        meta = schema.loads(str(arrays.pop('meta')))
        _check(meta)
        return Trace(str(source), meta, arrays)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a trace's .npz, or one of "
                         f'{", ".join(TUTORIALS)}, found no such file; name another')
    except OSError as error:
        found = error.strerror or str(error)
    except MemoryError:
        found = 'more than the memory holds'
    except KeyError as error:
        found = f'one without {error}'
    except Exception as error:      # a hostile file can fail in any way
        found = str(error) or type(error).__name__
    found = ' '.join(found.split())[:200]
    raise InputError(f'{path}: expected a trace (.npz, format {FORMAT}), found: '
                     f'{found}; record it again, or name another file')


def _read(path: Path) -> Dict[str, np.ndarray]:
    with zipfile.ZipFile(str(path)) as content:
        run_folder.check_swelling(content, path)
        arrays = {}
        for member in content.infolist():
            key = member.filename[:-len('.npy')]
            if not member.filename.endswith('.npy') or not (
                    key == 'meta' or KEY.fullmatch(key)):
                raise ValueError(f'a member {member.filename!r}')
            if key in arrays:
                raise ValueError(f'{key} twice')
            arrays[key] = _array(key, content.read(member))
        return arrays


def _array(key: str, content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):       # whose headers are short
        raise ValueError(f'{key} in version {version} of the .npy format')
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in ('U' if key == 'meta' else 'fiub'):
        raise ValueError(f'{key} of type {dtype}')
    declared = dtype.itemsize
    for size in shape:
        declared *= int(size)
    if declared != len(content) - file.tell() or min(shape, default=1) < 0:
        raise ValueError(f'{key} declared as {list(shape)} {dtype}, which its '
                         f'{len(content) - file.tell()} bytes are not')
    flat = np.frombuffer(content, dtype, offset=file.tell()).copy()
    return flat.reshape(shape, order='F' if fortran else 'C')


def _check(meta: Dict[str, Any]) -> None:
    """Raise ValueError where the meta is not that of a trace."""
    if not isinstance(meta, dict) or meta.get('format') != FORMAT:
        found = meta.get('format') if isinstance(meta, dict) else meta
        raise ValueError(f'format {found!r}, not {FORMAT}')
    own = 'description' in meta
    schema.check(meta, {**META, 'tutorial': str if own else set(TUTORIALS)})
    if own:
        descriptions.check(meta['description'])
    else:
        descriptions.check_config(meta)


def save(path: Union[str, Path], meta: Dict[str, Any],
         arrays: Dict[str, np.ndarray]) -> None:
    """Write a trace, whole or not at all.

    Raises: InputError when it cannot be written.
    """
    content = io.BytesIO()
    np.savez_compressed(content, meta=np.array(json.dumps(meta)), **arrays)
    run_folder.write(Path(path), content.getvalue())


# --- Replaying it in another framework ------------------------------------------------

class Layout(NamedTuple):
    """How a port lays out an array that TensorFlow has in another order.

    The port's array is `golden.reshape(split).transpose(axes).reshape(join)`; without
    `split` or `join` that part is left out. torch's dense weight: `Layout((1, 0))`; its
    convolution's: `Layout((3, 2, 0, 1))`; a bias over (c, h, w) where TensorFlow has
    (h, w, c), of 7x7x64: `Layout((2, 0, 1), (7, 7, 64), (-1,))`.
    """

    axes: Tuple[int, ...]
    split: Optional[Tuple[int, ...]] = None
    join: Optional[Tuple[int, ...]] = None

    def to_port(self, array: np.ndarray) -> np.ndarray:
        """Return the golden trace's array as the port has it."""
        array = array.reshape(self.split or array.shape).transpose(self.axes)
        return np.ascontiguousarray(array.reshape(self.join or array.shape))

    def to_golden(self, array: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
        """Return a port's array as the golden trace has it; if it cannot, untouched."""
        if array.size != np.prod(shape, dtype=int) or (
                self.join is None and self.split is None
                and array.ndim != len(self.axes)):
            return array
        split = np.empty(shape, bool).reshape(self.split or shape).shape
        turned = tuple(split[axis] for axis in self.axes)
        if self.join is None and array.shape != turned:
            return array
        array = array.reshape(turned)
        return array.transpose(np.argsort(self.axes)).reshape(shape)


SAME = None     # of an array that a port has as TensorFlow has it


class Replay:
    """A port's own trace, in the making: iterate over it for the updates to do.

        replay = trace.Replay('vanilla', layouts={'G_W1': trace.Layout((1, 0)), ...})
        load_into_my_networks(replay.weights())
        replay.start(my_weights())
        for update in replay:               # step 0's D, step 0's G, step 1's D, ...
            z = update.feed('Z', my_noise)      # or update.feed('Z'): the trace's own
            ...
            update.put('loss', loss)
            update.put('grad', {'G_W1': ..., ...})
            update.put('after', my_weights())
        replay.save('mine.npz')

    `layouts` says by name how the port's arrays lie: of weights (their gradients and
    moments too), feeds, masks and fakes. Arrays go in and out in the port's layout, as
    NumPy arrays or as tensors of the port's framework.
    """

    def __init__(self, golden: Union[str, Path, Trace],
                 layouts: Optional[Dict[str, Layout]] = None):
        self.golden = golden if isinstance(golden, Trace) else load(golden)
        self.layouts = layouts or {}
        self.description = descriptions.of(self.golden.meta, self.golden.source)
        names = {key.split('/')[-1] for key in self.golden.arrays} | {
            name for update in self for name in update.names('layer')}
        _refuse('layouts', set(self.layouts) - names, names)
        self.config: Dict[str, Any] = self.golden.meta['config']
        self.seed: int = self.golden.meta['seed']
        self.arrays: Dict[str, np.ndarray] = {}
        self.now: Dict[str, np.ndarray] = {}    # the port's weights, last put

    @property
    def n_steps(self) -> int:
        """Return how many steps the golden trace has."""
        return len({update.step for update in self})

    def weights(self) -> Dict[str, np.ndarray]:
        """Return the golden trace's weights and averages before the first update."""
        return {name: self.to_port(name, array)
                for name, array in self.golden.part('init').items()}

    def start(self, weights: Dict[str, Any]) -> None:
        """Record the port's weights before the first update, read back from it.

        Raises: InputError when the golden trace has none of a name.
        """
        names = set(self.golden.part('init'))
        _refuse('start', set(weights) - names, names)
        for name, value in weights.items():
            self.now[name] = self.arrays[f'init/{name}'] = self.to_golden(
                name, value, f'init/{name}')

    def __iter__(self) -> Iterator['Update']:
        """Yield the updates in the golden trace's order."""
        for place in self.golden.updates:
            yield Update(self, place)

    def update(self, step: int, name: str) -> 'Update':
        """Return an update by its step and name, for a loop of the port's own."""
        return Update(self, f'step_{step:03d}/{name}')

    def to_port(self, name: str, array: np.ndarray) -> np.ndarray:
        """Return one of the golden trace's arrays in the port's layout."""
        layout = self.layouts.get(name)
        return layout.to_port(array) if layout else array.copy()

    def to_golden(self, name: str, value: Any, key: str) -> np.ndarray:
        """Return an array of the port's in the golden trace's layout."""
        if hasattr(value, 'detach'):        # a torch tensor
            value = value.detach().cpu()
            if str(value.dtype) == 'torch.bfloat16':        # NumPy has none
                value = value.float()
        array = np.array(value)
        if array.dtype.kind not in 'fiub' and array.dtype.name == 'bfloat16':
            array = array.astype(np.float32)
        if array.dtype.kind not in 'fiub':
            raise InputError(f'{key}: expected an array of numbers, found '
                             f'{type(value).__name__}; hand it over as an array or a '
                             'tensor')
        layout, like = self.layouts.get(name), self.golden.arrays.get(key)
        if layout and key.split('/')[2:3] == ['layer'] and not (
                layout.split or layout.join) and array.ndim == len(layout.axes):
            return array.transpose(np.argsort(layout.axes))
        if like is None:
            like = self.golden.arrays.get(f'init/{name}', array)
        if isinstance(value, float):        # a loss's .item(), say
            array = array.astype(like.dtype)
        return layout.to_golden(array, like.shape) if layout else array

    def save(self, path: Union[str, Path], **versions: str) -> None:
        """Write the port's trace, and which frameworks it is from.

        Raises: InputError when it cannot be written.
        """
        meta = {key: self.golden.meta[key] for key in (
            'format', 'tutorial', 'config', 'seed', 'optimizers', 'description')
            if key in self.golden.meta}
        save(path, {**meta, 'environment': {**run_folder.environment(), **versions}},
             self.arrays)


def _refuse(what: str, unknown: Set[str], known: Set[str]) -> None:
    if unknown:
        raise InputError(
            f'{what}: expected names of the golden trace ({", ".join(sorted(known))}), '
            f'found {", ".join(sorted(unknown))}; use those names')


class Update:
    """One update of a replay: `step` and `name` say which, `place` is its prefix."""

    def __init__(self, replay: Replay, place: str):
        self.replay, self.place = replay, place
        self.step, self.name = int(place[5:8]), place.split('/')[1]

    def feed(self, name: str, value: Any = None) -> np.ndarray:
        """Record and return what is fed as `name`: `value`, or else the trace's own."""
        return self._input(f'feed/{name}', name, value)

    def mask(self, name: str) -> np.ndarray:
        """Return the golden trace's dropout mask `1` or `2`; record that it is used."""
        return self._input(f'mask/{name}', name, None)

    def _input(self, kind: str, name: str, value: Any) -> np.ndarray:
        key = f'{self.place}/{kind}'
        if value is None:
            if key not in self.replay.golden.arrays:
                raise InputError(f'expected a feed or mask of {self.place}, found '
                                 f'{kind}; the golden trace has none of that name')
            value = self.replay.to_port(name, self.replay.golden.arrays[key])
        self.replay.arrays[key] = self.replay.to_golden(name, value, key)
        return value

    def names(self, kind: str) -> Set[str]:
        """Return the names that the description has for a kind of array."""
        description = self.replay.description
        update = descriptions.update_of(description, self.name)
        logits = [term['logit'] for term in update['terms']]
        networks = description['networks']
        if kind == 'layer':
            calls = [('G', 'G')] + [('D', logit) for logit in logits]
            return {f'{call}_{n}' for network, call in calls
                    for n in range(len(networks[network]))}
        return {'fake': {'G'}, 'logit': set(logits)}.get(kind) or {
            name for layers in networks.values() for name in descriptions.names(layers)}

    def put(self, kind: str, value: Any) -> None:
        """Record results: of `loss` a number, of the other kinds arrays by name.

        Weights that the golden trace does not move in this update are kept only if they
        have moved; gradients that it does not have, only if they are not all 0. So a
        port may hand over all that it has.

        Raises: InputError when there is no such kind or name, or the value has another
            form.
        """
        if kind not in KINDS:
            raise InputError(f'expected a kind of {", ".join(KINDS)}, found {kind!r}')
        if isinstance(value, dict) == (kind == 'loss'):
            expected = 'a number' if kind == 'loss' else 'a dict of arrays by name'
            raise InputError(f'put({kind!r}): expected {expected}, found '
                             f'{type(value).__name__}; hand over {expected}')
        replay = self.replay
        if kind != 'loss':
            known = self.names(kind)
            _refuse(f'put({kind!r})', set(value) - known, known)
        for name, each in [('', value)] if kind == 'loss' else value.items():
            key = f'{self.place}/{kind}' + (f'/{name}' if name else '')
            if each is None:        # torch's gradient of what was not reached
                continue
            array = replay.to_golden(name, each, key)
            before = replay.now.get(name) if kind == 'after' else None
            if kind == 'after':
                replay.now[name] = array
            if key not in replay.golden.arrays and (
                    kind == 'after' and before is not None
                    and np.array_equal(array, before)
                    or kind in ('grad', 'adam_m', 'adam_v') and not array.any()):
                continue
            replay.arrays[key] = array


# --- Listing --------------------------------------------------------------------------

def main() -> int:
    """List a trace; return the exit status."""
    from tf1gan import flags
    parser = flags.Parser(prog='python -m tf1gan.trace', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('trace', metavar='TRACE', help='an .npz, or a tutorial\'s name '
                        'for the golden trace inside the package')
    try:
        found = load(parser.parse_args().trace)
        lines = [json.dumps(found.meta, indent=2)]
        for key, array in found.arrays.items():
            ends = f'{array.min():.6g} to {array.max():.6g}' if array.size else 'empty'
            lines.append(f'{key:32} {str(list(array.shape)):20} {array.dtype}  {ends}')
        flags.show('\n'.join(lines))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
