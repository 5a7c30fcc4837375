"""A run's folder: claimed once, every file written whole. NumPy only.

    config.json  env.json  log.csv  losses.png  samples/  fixed/  events.out.tfevents.*
    checkpoint.npz  the run's whole state: NumPy reads it, `--resume` goes on with it

A folder is a run when it holds `checkpoint.npz`. A folder appears with that file in
it, so a run killed at any moment can be resumed.
"""

import io
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from tf1gan import InputError, __version__

CHECKPOINT = 'checkpoint.npz'
PICTURES = 'samples', 'fixed'       # folders: of fresh noise, of the same as ever
TEMPORARY = '.new-'     # what an unfinished file's or folder's name begins with


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
    """Write a file whole: under another name, then renamed.

    Raises: InputError when it cannot be written; an older file of that name is kept.
    """
    new = path.with_name(f'{TEMPORARY}{os.getpid()}-{path.name}')
    try:
        with open(str(new), 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(str(new), str(path))
    except OSError as error:
        try:
            new.unlink()
        except OSError:
            pass
        raise InputError(f'{path}: expected to write {len(content)} bytes, found: '
                         f'{error.strerror}; make room or name another folder')


def write_log(folder: Path, rows: List[Dict[str, float]]) -> None:
    """Write log.csv: a line a row, in the order of the first row's columns."""
    lines = [rows[0].keys()] + [row.values() for row in rows]
    write(folder / 'log.csv', ''.join(
        ','.join(map(str, line)) + '\n' for line in lines).encode())


def as_json(content: Any) -> bytes:
    """Return the bytes of a JSON file that a person can read."""
    return (json.dumps(content, indent=2) + '\n').encode()


def pack(arrays: Dict[str, np.ndarray], meta: Dict[str, Any]) -> bytes:
    """Return the bytes of a checkpoint: named arrays, and `meta` as JSON."""
    content = io.BytesIO()
    np.savez(content, meta=np.array(json.dumps(meta)), **arrays)
    return content.getvalue()


def load_checkpoint(folder: Path) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Return the arrays and the meta of a run folder's checkpoint.

    Raises: InputError when the folder is no run, or its checkpoint is damaged.
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
    try:
        with zipfile.ZipFile(str(path)) as members:
            found = members.testzip()       # checks every sum before anything is parsed
        if found is None:
            with np.load(str(path), allow_pickle=False) as content:
                arrays = {key: content[key] for key in content.files}
            meta = json.loads(str(arrays.pop('meta')))
            if meta['format'] == 1:
                return arrays, meta
            found = f'format {meta["format"]}, not 1'
    except Exception as error:      # a damaged file can fail in any way
        found = f'{type(error).__name__}: {error}'
    raise InputError(f'{path}: expected a whole checkpoint, found a damaged one '
                     f'({found}); restore the file or start a new run')


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
