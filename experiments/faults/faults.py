"""What runs survive: make faults, or python faults.py [--short] [TUTORIAL ...]

Small runs of every tutorial are killed at random moments, before each file operation
and inside a resume, meet full and read-only disks, clocks that go back and each other,
and read checkpoints of which a byte is wrong. After each fault the run goes on; it
survives if it ends with every array, row and picture of a run that nothing touched.
Writes the tutorials' part of faults.json; --short injects a few of each into vanilla,
and writes nothing. The disks are small file systems in memory, which only root can
mount.
"""

import contextlib
import io
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tables                                                       # noqa: E402

from tf1gan import (InputError, command, conditional, collapse, dcgan,      # noqa: E402
                    minimax, mnist, pictures, run_folder, vanilla)
from tf1gan.tf1 import tf                                           # noqa: E402

# Imported once, before any process is forked.
tf.Graph
pictures.grid(np.zeros((1, 1, 28, 28)), 'gray', (1, 1))
DENSE = ['--batch-size', '100', '--n-hidden', '8']
CONVOLUTIONAL = ['--batch-size', '4', '--n-noise', '5', '--n-wide', '3', '--n-narrow',
                 '2']
RUNS = {    # a few seconds each
    vanilla: [*DENSE, '--n-noise', '4', '--epochs', '20'],
    collapse: [*DENSE, '--epochs', '4'],
    minimax: [*DENSE, '--n-noise', '4', '--epochs', '4'],
    dcgan: [*CONVOLUTIONAL, '--epochs', '401'],
    conditional: [*CONVOLUTIONAL, '--n-dense-G', '6', '--n-dense-D', '6', '--epochs',
                  '1']}
OPERATIONS = [(os, name) for name in ('fchmod', 'fsync', 'link', 'replace', 'rename',
                                      'mkdir', 'unlink')]
SURE = ['--threads', '1']
RESULT = 'faults/faults.json'


class Tally:
    """How many faults were injected, and what became of them."""

    def __init__(self, fault: str, tutorial: str):
        self.row = {'fault': fault, 'tutorial': tutorial, 'injected': 0, 'survived': 0,
                    'steps_lost': 0}

    def add(self, survived: bool, why: str = '') -> None:
        """Count a fault; say at once what did not survive."""
        self.row['injected'] += 1
        self.row['survived'] += survived
        if not survived:
            print(f'{self.row["fault"]}, {self.row["tutorial"]}: not survived {why}',
                  file=sys.stderr)


class Ended(Exception):
    """A run did not end as it should."""


# --- A run, in a process of its own ---------------------------------------------------

def begin(page, words, fault=None, log=None) -> int:
    """Start a page in a forked process, with a fault set into it; return its number."""
    number = os.fork()
    if number:
        return number
    try:
        with open(str(log or os.devnull), 'wb') as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if fault:
            fault()
        command.main(page, [str(word) for word in words])
        os._exit(0)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(99)


def wait(number: int) -> int:
    """Return a process's exit status; 128 and the signal where one ended it."""
    status = os.waitpid(number, 0)[1]
    return (128 + os.WTERMSIG(status) if os.WIFSIGNALED(status)
            else os.WEXITSTATUS(status))


def go_on(page, folder: Path, data: Path) -> list:
    """Return the words that begin a run, or go on with it where there is one."""
    if (folder / run_folder.CHECKPOINT).exists():
        return ['--resume', folder]
    return [*RUNS[page], '--data', data, '--out', folder, *SURE]


def finish(page, folder: Path, data: Path, fault=None) -> None:
    """Take a run to its end.

    Raises: Ended when it does not come there.
    """
    log = folder.parent / 'finish.txt'
    status = wait(begin(page, go_on(page, folder, data), fault, log))
    if status:
        raise Ended(f'(status {status}: {log.read_text()[-300:]!r})')


def state(folder: Path) -> dict:
    """Return all of a finished run that no fault may change."""
    arrays, meta = run_folder.load_checkpoint(folder)
    return {'arrays': {name: array.tobytes() for name, array in arrays.items()},
            'rows': [{**row, 'seconds': 0} for row in meta['rows']],
            'step': meta['step'], 'rng': meta['rng'],
            'log': [line.rpartition(',')[0] for line in
                    (folder / 'log.csv').read_text().splitlines()],
            'pictures': {str(path.relative_to(folder)): path.read_bytes()
                         for name in run_folder.PICTURES
                         for path in (folder / name).iterdir()}}


def step_of(folder: Path) -> int:
    """Return how many steps a folder keeps; -1 where there is no run yet."""
    if not (folder / run_folder.CHECKPOINT).exists():
        return -1
    return run_folder.load_checkpoint(folder)[1]['step']


def survives(page, folder: Path, data: Path, whole: dict, tally: Tally, kept: int = -1,
             faults: int = 1) -> None:
    """Count a run's fault, or all of its faults: go on after it, compare the end."""
    survived, why = False, '(other bits)'
    try:
        tally.row['steps_lost'] += max(0, kept - step_of(folder))
        finish(page, folder, data)
        survived = state(folder) == whole
    except (Ended, InputError) as error:
        why = str(error)
    for _ in range(faults):
        tally.add(survived, why)
    shutil.rmtree(str(folder), ignore_errors=True)


# --- The faults -----------------------------------------------------------------------

def random_moments(page, home, data, whole, n):
    """SIGKILL at random moments, each run killed again until it ends by itself."""
    tally, folder, rng = Tally('SIGKILL at a random moment', page), home / 'run', \
        random.Random(page.__name__)
    began = time.monotonic()
    finish(page, folder, data)
    seconds = time.monotonic() - began
    shutil.rmtree(str(folder))
    since, kept = 0, -1     # kills of this run
    while tally.row['injected'] + since < n:
        number = begin(page, go_on(page, folder, data))
        time.sleep(rng.uniform(0, seconds))
        os.kill(number, signal.SIGKILL)
        if wait(number) == 0:       # it had ended
            good = state(folder) == whole
            for _ in range(since):
                tally.add(good, '(other bits)')
            since, kept = 0, -1
            shutil.rmtree(str(folder))
            continue
        since += 1
        try:
            now = step_of(folder)
        except InputError:
            now = -1
        tally.row['steps_lost'] += max(0, kept - now)
        kept = now
    if since:
        survives(page, folder, data, whole, tally, kept, since)
    return tally


def dies_at(n: int):
    """Return a fault: the process kills itself before its n-th file operation."""
    def fault():
        calls = itertools.count()

        def dying(function):
            def replaced(*args, **how):
                if next(calls) == n:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **how)
            return replaced

        for owner, name in OPERATIONS:
            setattr(owner, name, dying(getattr(owner, name)))
    return fault


def every_operation(page, home, data, whole, n, first=0):
    """SIGKILL before each file operation of a new run's beginning and first saves."""
    tally, folder = Tally('SIGKILL before a file operation', page), home / 'run'
    for call in range(first, first + n):
        status = wait(begin(page, go_on(page, folder, data), dies_at(call)))
        if status == 128 + signal.SIGKILL:
            survives(page, folder, data, whole, tally)
        else:
            shutil.rmtree(str(folder))
            break
    return tally


def inside_resume(page, home, data, whole, n):
    """SIGKILL before each file operation of a resume, of a run that was stopped."""
    tally, folder, half = (Tally('SIGKILL inside a resume', page), home / 'run',
                           home / 'half')
    wait(begin(page, [*go_on(page, half, data), '--max-steps', whole['step'] // 2]))
    for call in range(n):
        shutil.copytree(str(half), str(folder))
        kept = step_of(folder)
        if wait(begin(page, ['--resume', folder], dies_at(call))) == 0:
            break
        survives(page, folder, data, whole, tally, kept)
    shutil.rmtree(str(folder), ignore_errors=True)
    shutil.rmtree(str(half))
    return tally


@contextlib.contextmanager
def disk(home: Path, kilobytes: int):
    """Mount a small disk in memory."""
    at = home / 'disk'
    at.mkdir(exist_ok=True)
    mount('-t', 'tmpfs', '-o', f'size={kilobytes}k', 'tmpfs', at)
    try:
        yield at
    finally:
        subprocess.check_call(['umount', str(at)])


def mount(*words) -> None:
    """Mount a file system, or change how it is mounted."""
    subprocess.check_call(['mount', *map(str, words)])


def refused(number: int, log: Path) -> bool:
    """Return whether a process ended with a sentence, and no traceback."""
    status, text = wait(number), log.read_text()
    return status in (1, 2) and 'expected' in text and 'Traceback' not in text


def full_disk(page, home, data, whole, n):
    """A disk that is full at another write each time, and has room again after it."""
    tally = Tally('a full disk', page)
    if os.geteuid():
        return tally
    finish(page, home / 'run', data)
    kilobytes = sum(path.stat().st_size for path in (home / 'run').rglob('*.*')) // 1024
    shutil.rmtree(str(home / 'run'))
    for part in np.linspace(0.05, 0.95, n):
        with disk(home, max(4, int(kilobytes * part))) as at:
            folder, log = at / 'run', home / 'log.txt'
            good = refused(begin(page, go_on(page, folder, data), log=log), log)
            mount('-o', f'remount,size={4 * kilobytes}k', at)
            if not good:
                tally.add(False, f'(no sentence: {log.read_text()[-300:]!r})')
                continue
            survives(page, folder, data, whole, tally)
    return tally


def read_only(page, home, data, whole, n):
    """A disk that can only be read, when a run begins and when it goes on."""
    tally = Tally('a read-only folder', page)
    if os.geteuid():
        return tally
    for begun in (False, True) * n:
        with disk(home, 65536) as at:
            folder, log = at / 'run', home / 'log.txt'
            if begun:
                wait(begin(page, [*go_on(page, folder, data), '--max-steps', 3]))
            kept = step_of(folder)
            mount('-o', 'remount,ro', at)
            good = refused(begin(page, go_on(page, folder, data), log=log), log)
            mount('-o', 'remount,rw', at)
            if not good:
                tally.add(False, f'(no sentence: {log.read_text()[-300:]!r})')
                continue
            survives(page, folder, data, whole, tally, kept)
    return tally


def backwards():
    """Let the clock go back an hour at every look at it."""
    clock = itertools.count(int(time.time()), -3600)
    time.time = lambda: float(next(clock))


def clock_back(page, home, data, whole, n):
    """A clock that goes back, in a run and from it to its resume."""
    tally, folder = Tally('a clock that goes back', page), home / 'run'
    for each in range(n):
        wait(begin(page, [*go_on(page, folder, data), '--max-steps', 2 + each],
                   backwards))
        survives(page, folder, data, whole, tally, step_of(folder))
    return tally


def two_at_once(page, home, data, whole, n):
    """Two resumes of one run at the same time: one goes on, one says a sentence."""
    tally, folder = Tally('two at once', page), home / 'run'
    for each in range(n):
        wait(begin(page, [*go_on(page, folder, data), '--max-steps', 2 + each]))
        logs = [home / f'log{k}.txt' for k in (0, 1)]
        both = [begin(page, ['--resume', folder], log=log) for log in logs]
        ends = sorted([(wait(number), log.read_text())
                       for number, log in zip(both, logs)])
        good = ends[0][0] == 0 and ends[1][0] in (0, 2)     # 0: the first had ended
        good &= ends[1][0] == 0 or 'no other process' in ends[1][1]
        if good:
            survives(page, folder, data, whole, tally)
        else:
            tally.add(False, str(ends)[-300:])
            shutil.rmtree(str(folder))
    return tally


def flipped_bytes(page, home, data, whole, n):
    """A checkpoint with one byte wrong, each in turn: it is never taken for whole.

    `n` of its bytes, evenly spread, or all.
    """
    tally, folder = Tally('a wrong byte in a checkpoint', page), home / 'run'
    words = ['--data', data, '--out', folder, *SURE, '--batch-size', '100',
             '--n-hidden', '1', '--n-noise', '1', '--epochs', '2']
    wait(begin(page, words))
    path = folder / run_folder.CHECKPOINT
    content = bytearray(path.read_bytes())
    newest, before = (run_folder._load(folder / name) for name in (
        run_folder.CHECKPOINT, run_folder.BEFORE))

    def alike(one, two):
        return one[1] == two[1] and {name: array.tobytes() for name, array in
                                     one[0].items()} == {
            name: array.tobytes() for name, array in two[0].items()}

    for at in sorted(set(np.linspace(0, len(content) - 1, min(n, len(content)),
                                     dtype=int).tolist())):
        content[at] ^= 1 << at % 8
        path.write_bytes(content)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            found = run_folder.load_checkpoint(folder)
        good = alike(found, before) and 'is damaged' in said.getvalue() or alike(
            found, newest)
        tally.add(good, f'(byte {at})')
        content[at] ^= 1 << at % 8
    shutil.rmtree(str(folder))
    return tally


CAMPAIGN = {    # how many of each, a tutorial; in short
    random_moments: (100, 3), every_operation: (45, 4), inside_resume: (30, 3),
    full_disk: (6, 1), read_only: (1, 1), clock_back: (2, 1), two_at_once: (3, 1),
    flipped_bytes: (10 ** 9, 300)}


def campaign(page, home: Path, data: Path, short: bool) -> list:
    """Inject the faults into runs of a page; return the rows, and print each."""
    finish(page, home / 'whole', data)
    whole = state(home / 'whole')
    shutil.rmtree(str(home / 'whole'))
    rows = []
    for fault, counts in CAMPAIGN.items():
        if fault is not flipped_bytes or page is vanilla:       # all have one format
            row = fault(page, home, data, whole, counts[short]).row
            row['tutorial'] = page.__name__.partition('.')[2]
            rows.append(row)
            print('{tutorial}: {fault}: {injected} injected, {survived} survived, '
                  '{steps_lost} steps lost'.format(**row), flush=True)
    return rows


def main() -> int:
    """Inject the faults, print what came out; the status is 1 where one was not
    survived.
    """
    short = '--short' in sys.argv
    chosen = [word for word in sys.argv[1:] if word != '--short']
    survived = True
    with tempfile.TemporaryDirectory() as folder:
        home, data, files = Path(folder), Path(folder) / 'data.npz', mnist.read(None)
        np.savez(str(data), x_train=files.train_images[:5300],
                 y_train=files.train_labels[:5300], x_test=files.test_images[:20],
                 y_test=files.test_labels[:20])
        for page in [vanilla] if short else list(RUNS):
            name = page.__name__.partition('.')[2]
            if chosen and name not in chosen:
                continue
            rows = campaign(page, home, data, short)
            survived &= all(row['survived'] == row['injected'] and not row['steps_lost']
                            for row in rows)
            if not short:
                before = tables.load(RESULT)
                where = {**run_folder.environment(), 'tensorflow': tf.__version__,
                         'threads': 1}
                (tables.HERE / RESULT).write_bytes(run_folder.as_json({
                    'rows': [row for row in before['rows']
                             if row['tutorial'] != name] + rows,
                    'machines': {**before['machines'], name: where}}))
    return int(not survived)


if __name__ == '__main__':
    sys.exit(main())
