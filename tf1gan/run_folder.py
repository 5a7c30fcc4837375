"""A run's folder: claimed once, every file written whole. NumPy only.

    config.json  env.json  log.csv  losses.png  samples/  fixed/  events.out.tfevents.*
    checkpoint.npz  the run's whole state: NumPy reads it, `--resume` goes on with it
    checkpoint_before.npz  the one before, in case checkpoint.npz is damaged

A folder is a run when it holds `checkpoint.npz`. A folder appears with that file in
it, so a run killed at any moment can be resumed.
"""

import errno
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

from tf1gan import InputError, __version__, descriptions, schema

CHECKPOINT = 'checkpoint.npz'
BEFORE = 'checkpoint_before.npz'    # the last but one
# Our files hardly compress; one that unpacks to more than this is not ours.
SMALL_ENOUGH, SWELLING = 2 ** 26, 50    # bytes, and times the file's own
PICTURES = 'samples', 'fixed'       # folders: of fresh noise, of the same every time
TEMPORARY = '.new-'     # what an unfinished file's or folder's name begins with
ROW = {str: float}
META = {    # of a checkpoint
    'tutorial': str, 'config': descriptions.CONFIG, '~description': (None, dict),
    'command': str, 'resumed': [str], 'seed': range(2 ** 32), 'data_sha256': {str: str},
    'threads': (None, schema.SIZE), 'data': (None, str), '~weights': (None, str),
    '~tensorflow': str, '~step_by_step': bool, '~images': dict, 'step': schema.COUNT,
    'seconds': float, 'rows': [ROW],
    '~last': (None, ROW), 'rng': [{'MT19937'}, range(625), {0, 1}, float],
    'data_position': schema.COUNT, 'epochs_completed': schema.COUNT}


def create(out: Optional[str], parent: Path, files: Dict[str, bytes]) -> Path:
    """Make the run folder with `files` in it; return its path.

    It is `out`, new or empty, or else the next free number in `parent`. The last file
    of `files` is the checkpoint: where the folder cannot be renamed into place, that
    file is written first, so that the folder is a run from its first file on.

    Raises: InputError when `out` holds files, or the folder cannot be written.
    """
    target = Path(out) if out else parent
    new = None
    try:
        if out and target.is_dir() and any(
                not path.name.startswith(TEMPORARY) for path in target.iterdir()):
            raise InputError(f'--out {out}: expected a new or an empty folder, found '
                             'files in it; name another one (a run never overwrites)')
        try:
            home = target.parent if out else parent
            home.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=str(home)))
            new.chmod(0o777 & ~_umask())
            for name in PICTURES:
                (new / name).mkdir()
            for name, content in files.items():
                write(new / name, content)
            return _claim(new, target) if out else _take_number(new, parent)
        except OSError:
            if not (out and target.is_dir()):
                raise
        for name in PICTURES:
            (target / name).mkdir()     # a mounted folder, say: nothing renames over it
        for name in reversed(list(files)):
            write(target / name, files[name])
        return target
    except OSError as error:
        raise InputError(f'{target}: expected a folder that can be written, found: '
                         f'{error.strerror}; name another one with --out')
    finally:
        if new:
            shutil.rmtree(str(new), ignore_errors=True)     # gone if all went well


def _claim(new: Path, target: Path) -> Path:
    new.rename(target)      # fails unless the target is new or empty
    return target


def _take_number(new: Path, parent: Path) -> Path:
    taken = [int(path.name) for path in parent.iterdir()
             if re.fullmatch(r'\d{3,}', path.name)]
    number = max(taken, default=-1) + 1
    while True:
        target = parent / f'{number:03d}'
        try:
            return _claim(new, target)
        except OSError:     # another run took the number just now
            if not target.exists():
                raise
            number += 1


def clean(folder: Path) -> None:
    """Remove what a killed run left half written in its folder."""
    for path in folder.rglob(TEMPORARY + '*'):
        path.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(path: Path, content: bytes) -> None:
    """Write a file whole: under another name, then renamed. A link stays a link.

    Raises: InputError when it cannot be written, or something else than a file has
    that name (a device, a pipe); an older file is kept.
    """
    new = None
    try:
        target = Path(os.path.realpath(str(path)))
        if target.exists() and not target.is_file():
            found = 'Is a directory' if target.is_dir() else 'a device or a pipe'
            raise InputError(f'{path}: expected a file, or a new name, found: {found}; '
                             'make room or name another')
        number, new = tempfile.mkstemp('-' + target.name, TEMPORARY, str(target.parent))
        with open(number, 'wb') as file:
            os.fchmod(number, 0o666 & ~_umask())
            file.write(content)
            file.flush()
            os.fsync(number)
        os.replace(new, str(target))
        new = None
        _sync(target.parent)
    except OSError as error:
        raise InputError(f'{path}: expected to write {len(content)} bytes, found: '
                         f'{error.strerror}; make room or name another folder')
    finally:
        if new:
            os.unlink(new)


def _sync(folder: Path) -> None:
    """Bring a folder's names to the disk, where its file system can."""
    number = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the one process that trains in a run folder; the lock ends with the process.

    Raises: InputError when another process trains in it.
    """
    number = os.open(str(folder), os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise InputError(f'{folder}: expected a run that no other process trains, '
                         'found one that does; wait for it, or stop it')
    except OSError:     # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(number)


def write_log(folder: Path, rows: List[Dict[str, float]]) -> None:
    """Write log.csv: a line a row, in the order of the first row's columns."""
    lines = [rows[0].keys()] + [row.values() for row in rows]
    write(folder / 'log.csv', ''.join(
        ','.join(map(str, line)) + '\n' for line in lines).encode())


def as_json(content: Any) -> bytes:
    """Return the bytes of a JSON file that a person can read."""
    return (json.dumps(content, indent=2) + '\n').encode()


def pack(arrays: Dict[str, np.ndarray], meta: Dict[str, Any]) -> bytes:
    """Return the bytes of a checkpoint: named arrays, and `meta` and sums as JSON."""
    content = io.BytesIO()
    sums = {name: _sum(array) for name, array in arrays.items()}
    np.savez(content, meta=np.array(json.dumps({**meta, 'sums': sums})), **arrays)
    return content.getvalue()


def _sum(array: np.ndarray) -> str:
    array = np.asarray(array)
    return hashlib.blake2b(array.tobytes(), digest_size=16, key=(
        f'{array.dtype.str}{array.shape}'.encode())).hexdigest()


def write_checkpoint(folder: Path, content: bytes) -> None:
    """Write a run's checkpoint, and keep the one before under another name.

    Raises: InputError when it cannot be written; both older ones are kept.
    """
    now, before = folder / CHECKPOINT, folder / BEFORE
    if not now.exists():
        write(now, content)
        return
    new = folder / f'{TEMPORARY}{secrets.token_hex(8)}-{BEFORE}'
    try:
        try:
            os.link(str(now), str(new))
        except OSError:     # a file system without links
            shutil.copyfile(str(now), str(new))
        os.replace(str(new), str(before))
    except OSError as error:
        raise InputError(f'{before}: expected to keep the last checkpoint, found: '
                         f'{error.strerror}; make room or name another folder')
    write(now, content)


def load_checkpoint(folder: Path) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Return the arrays and the meta of a run folder's checkpoint.

    Where it is damaged, those of the checkpoint before it are returned, with a note.

    Raises: InputError when the folder is no run, or its checkpoints are damaged.
    """
    path = Path(folder) / CHECKPOINT
    try:
        found = ('' if path.is_file() else 'none' if Path(folder).is_dir() else
                 'a file' if Path(folder).is_file() else 'no such folder')
    except OSError as error:        # a name too long, say
        found = error.strerror
    if found:
        raise InputError(f'{folder}: expected a run folder with {CHECKPOINT} in it, '
                         f'found {found}; name a folder that a run has written')
    found = []
    for name in CHECKPOINT, BEFORE:
        try:
            arrays, meta = _load(path.with_name(name))
            if found:
                print(f'note: {path} is damaged ({found[0]}); the one before it is '
                      f'taken, of step {meta["step"]}', file=sys.stderr)
            return arrays, meta
        except InputError:      # of another version
            raise
        except Exception as error:      # a damaged file can fail in any way
            words = ' '.join(f'{type(error).__name__}: {error}'.split())
            found.append(words[:200])
    raise InputError(f'{path}: expected a whole checkpoint, found a damaged one '
                     f'({found[0]}); restore the file or start a new run')


def check_swelling(members: zipfile.ZipFile, path: Path) -> None:
    """Raise ValueError where an archive unpacks to more than one of ours can hold."""
    total = sum(member.file_size for member in members.infolist())
    size = path.stat().st_size
    if total > max(SMALL_ENOUGH, SWELLING * size):
        raise ValueError(f'{total} bytes packed into {size}')


def _load(path: Path) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    with zipfile.ZipFile(str(path)) as members:
        check_swelling(members, path)
        bad = members.testzip()     # checks every sum before anything is parsed
        if bad is not None:
            raise ValueError(bad)
    with np.load(str(path), allow_pickle=False) as content:
        arrays = {key: content[key] for key in content.files}
    meta = schema.loads(str(arrays.pop('meta')))
    schema.check(meta, {'format': int})
    if meta['format'] != 1:
        raise InputError(f'{path}: expected a checkpoint of format 1, found format '
                         f'{meta["format"]}; use the version that wrote it')
    # Older ones have no sums. A damaged directory of the archive can hide a member.
    sums = meta.pop('sums', None)
    if sums is not None and sums != {name: _sum(array)
                                     for name, array in arrays.items()}:
        raise ValueError('other arrays than it says')
    if any(array.dtype.kind not in 'fiub' for array in arrays.values()):
        raise ValueError('arrays of other things than numbers')
    schema.check(meta, META)
    if meta.get('description') is not None:
        descriptions.check(meta['description'])
    return arrays, meta


def environment() -> Dict[str, Any]:
    """Return what the bits of a run depend on, as far as NumPy-only code can tell."""
    return {'tf1gan': __version__, 'commit': _commit(),
            'python': platform.python_version(), 'numpy': np.__version__,
            'cpu': _cpu(), 'cores': os.cpu_count()}


def _commit() -> Optional[str]:
    """Return the checkout's commit, or the one that a container was built with."""
    root = Path(__file__).resolve().parent.parent
    if (root / '.git').exists():
        try:
            return subprocess.run(
                ['git', 'describe', '--always', '--dirty', '--abbrev=40',
                 '--exclude=*'],
                cwd=str(root), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                universal_newlines=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None
    return os.environ.get('TF1GAN_COMMIT') or None


def _cpu() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines
             if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()
