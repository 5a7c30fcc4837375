"""A run's folder, and runs that are stopped, killed, damaged and resumed."""

import itertools
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import MKL, ROOT, environ, execute, how_it_ended, new_run, run_module
from PIL import Image

from tf1gan import InputError, command, loop, pictures, run_folder, vanilla
from tf1gan.tf1 import REFERENCE, tf

EPOCHS = 11     # the pictures 000 and 009
TINY = ['--n-hidden', 8, '--n-noise', 4]


def state(folder):
    """Return all a finished run leaves that must not depend on interruptions."""
    arrays, meta = run_folder.load_checkpoint(folder)
    rows = [{name: value for name, value in row.items() if name != 'seconds'}
            for row in meta['rows']]
    log = [line.split(',')[:-1] for line in (folder / 'log.csv').read_text().split()]
    pictures = {path.relative_to(folder): path.read_bytes()
                for path in folder.rglob('*.png')}
    arrays = {name: array.tobytes() for name, array in arrays.items()}
    kept = {key: meta[key] for key in (
        'config', 'seed', 'data_sha256', 'step', 'rng', 'data_position',
        'epochs_completed')}
    leftover = [path.name for path in folder.rglob(run_folder.TEMPORARY + '*')]
    return {'arrays': arrays, 'rows': rows, 'log': log, 'pictures': pictures,
            'meta': kept, 'leftover': leftover}


def same(one, two):
    """Assert that two states agree, naming the parts that do not."""
    assert [part for part in one if one[part] != two[part]] == []


@pytest.fixture(scope='module')
def whole(tmp_path_factory, small):
    """Return the folder and the standard output of a run that was never stopped."""
    home = tmp_path_factory.mktemp('whole')
    ended = run_module('tf1gan.vanilla', '--total-epoch', EPOCHS, '--data', small,
                       '--out', 'run', cwd=home)
    assert ended.status == 0, ended.err
    return home / 'run', ended


def test_fixed_pictures_are_of_noise_that_never_changes(tutorial, small, tmp_path):
    assert tutorial('--total-epoch', 1, '--data', small, '--out', 'run').status == 0
    folder = tmp_path / 'run'
    run = new_run('vanilla', data=str(small))
    run.restore(*run_folder.load_checkpoint(folder))
    before = run.rng.get_state()
    noise = np.concatenate([np.random.RandomState(seed).normal(size=(1, 128))
                            for seed in range(10)])
    assert np.array_equal(run.fixed_noise(10), noise)
    assert all(np.array_equal(one, two) for one, two in
               zip(run.rng.get_state(), before))
    images = run.sess.run(run.model.G, {run.model.Z: noise}).reshape(10, 28, 28)
    assert (folder / 'fixed/000.png').read_bytes() == pictures.row(images)
    assert (folder / 'samples/000.png').read_bytes() != pictures.row(images)


def test_the_folder_holds_what_the_readme_says(whole):
    folder, ended = whole
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob('*')
                   if path.is_file() and 'tfevents' not in path.name)
    assert names == ['checkpoint.npz', 'checkpoint_before.npz', 'config.json',
                     'env.json', 'fixed/000.png', 'fixed/009.png', 'log.csv',
                     'losses.png', 'samples/000.png', 'samples/009.png']
    assert len(list(folder.glob('events.out.tfevents.*'))) == 1

    log = (folder / 'log.csv').read_text().splitlines()
    assert log[0] == 'epoch,step,loss_D,loss_G,seconds'
    assert [line.split(',')[:2] for line in log[1:]] == [
        [str(epoch), str(3 * epoch + 2)] for epoch in range(EPOCHS)]
    expected = ''.join(
        'Epoch: %04d D loss: %.4f G loss: %.4f\n' % (int(epoch), float(d), float(g))
        for epoch, _, d, g, _ in (line.split(',') for line in log[1:]))
    assert ended.out == expected

    config = json.loads((folder / 'config.json').read_text())
    assert config['command'].startswith('python -m tf1gan.vanilla --total-epoch 11 ')
    assert config['config'] == dict(vanilla.Config(total_epoch=EPOCHS)._asdict())
    assert config['seed'] == 0
    environment = json.loads((folder / 'env.json').read_text())
    assert set(environment) == {'tf1gan', 'commit', 'python', 'numpy', 'tensorflow',
                                'device', 'cpu', 'cores', 'threads',
                                *(('mkl',) if MKL else ()),
                                *(() if REFERENCE else ('onednn',))}
    assert environment['tensorflow'] == tf.__version__
    assert environment['device'] == 'CPU'


def test_stderr_is_quiet(whole):
    """The folder and the data: no chatter, no deprecation, no bar off a terminal."""
    assert re.fullmatch('run folder: run\ndata: .*\n', whole[1].err)


def test_tensorboard_sees_losses_and_pictures(whole):
    folder, _ = whole
    events = next(folder.glob('events.out.tfevents.*'))
    scalars, images = {}, {}
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            if value.HasField('image'):
                images[event.step] = value.image
            else:
                scalars[event.step, value.tag] = value.simple_value
    rows = run_folder.load_checkpoint(folder)[1]['rows']
    assert scalars == {(row['step'], name): np.float32(row[name])
                       for row in rows for name in ('loss_D', 'loss_G')}
    assert sorted(images) == [2, 29]
    assert images[2].encoded_image_string == (folder / 'samples/000.png').read_bytes()
    size = Image.open(str(folder / 'samples/000.png')).size
    assert (images[2].width, images[2].height) == size


def test_a_run_never_overwrites_another(tutorial, small, tmp_path):
    for _ in range(3):
        assert tutorial('--data', small, '--max-steps', 1, *TINY).status == 0
    runs = tmp_path / 'runs' / 'vanilla'
    assert sorted(path.name for path in runs.iterdir()) == ['000', '001', '002']
    (runs / '000').rename(runs / '1007')
    tutorial('--data', small, '--max-steps', 1, *TINY)
    assert sorted(path.name for path in runs.iterdir()) == [
        '001', '002', '1007', '1008']


def test_out_names_the_folder(tutorial, small, tmp_path):
    (tmp_path / 'empty').mkdir()
    for out in 'empty', 'new/of/three', 'with space/', str(tmp_path / 'absolute'):
        assert tutorial('--data', small, '--max-steps', 1, '--out', out,
                        *TINY).status == 0
        assert (tmp_path / out / 'checkpoint.npz').is_file()


def test_folders_can_be_read_by_who_the_umask_says(tutorial, small, tmp_path):
    before = os.umask(0o022)
    try:
        tutorial('--data', small, '--max-steps', 1, *TINY)
    finally:
        os.umask(before)
    assert (tmp_path / 'runs/vanilla/000').stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize('way', [[], ['--step-by-step']])
def test_the_loop_adds_no_op_and_draws_nothing(tutorial, small, monkeypatch, way):
    """The graph as built and the graph after a run hold the same ops.

    But for the copies with which a step is one call, which have names of their own.
    """
    built = []
    build = vanilla.build
    monkeypatch.setattr(vanilla, 'build', lambda *args: built.append(build(*args))
                        or built[-1])
    tutorial('--data', small, '--total-epoch', 2, *TINY, *way)
    config = vanilla.Config(total_epoch=2, n_hidden=8, n_noise=4)
    names = [op.name for op in built[0].graph.get_operations()]
    copies = [name for name in names if name.startswith('copy/')]
    assert [name for name in names if name not in copies] == [
        op.name for op in build(config, 0).graph.get_operations()]
    assert bool(copies) == (not way)


@pytest.mark.parametrize('stops', [[1], [3], [4, 5, 17], [32]])
def test_resumed_after_max_steps_ends_with_the_same_bits(whole, small, tmp_path,
                                                         tutorial, stops):
    out = ''
    for stop in stops:
        first = stop == stops[0]
        ended = tutorial(*(['--total-epoch', EPOCHS, '--data', small, '--out', 'run']
                           if first else ['--resume', 'run']), '--max-steps', stop)
        assert ended.status == 0, ended.err
        assert ended.err.splitlines()[-1] == (
            f'{stop} steps done, the --max-steps; go on with --resume run')
        out += ended.out
    ended = tutorial('--resume', 'run')
    assert ended.status == 0 and 'go on' not in ended.err, ended.err
    assert out + ended.out == whole[1].out
    same(state(tmp_path / 'run'), state(whole[0]))


def test_resume_can_add_epochs(whole, small, tmp_path, tutorial):
    tutorial('--total-epoch', 4, '--data', small, '--out', 'run')
    ended = tutorial('--resume', 'run', '--total-epoch', EPOCHS)
    assert ended.status == 0, ended.err
    same(state(tmp_path / 'run'), state(whole[0]))
    config = json.loads((tmp_path / 'run/config.json').read_text())
    assert config['config']['total_epoch'] == EPOCHS
    assert len(config['resumed']) == 1


def test_resuming_a_whole_run_changes_nothing(tutorial, small, tmp_path):
    tutorial('--total-epoch', 2, '--data', small, '--out', 'run')
    before = state(tmp_path / 'run')
    ended = tutorial('--resume', 'run')
    assert ended.status == 0 and ended.out == ''
    assert ended.err.splitlines()[0] == (
        'run folder: run, 6 steps done, which are all; --total-epoch 3 or more makes '
        'the run longer')
    same(state(tmp_path / 'run'), before)


def launch(*args, cwd):
    """Start the tutorial, and return its process."""
    return subprocess.Popen(
        [sys.executable, '-m', 'tf1gan.vanilla'] + [str(arg) for arg in args],
        cwd=str(cwd), env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True)


def wait_for(condition, process, seconds=60):
    """Wait until `condition` holds; fail when the process ends first."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(scope='module')
def two_epochs(tmp_path_factory):
    """Return the folder and the standard output of two epochs on the whole MNIST."""
    home = tmp_path_factory.mktemp('two_epochs')
    ended = run_module('tf1gan.vanilla', '--total-epoch', 2, '--out', 'run', cwd=home)
    assert ended.status == 0, ended.err
    return home / 'run', ended.out


@pytest.mark.parametrize('kind, status', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(tutorial, tmp_path, two_epochs, kind,
                                              status):
    process = launch('--total-epoch', 2, '--out', 'run', cwd=tmp_path)
    wait_for((tmp_path / 'run/log.csv').exists, process)
    time.sleep(0.3)     # into the second epoch
    process.send_signal(kind)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    done = run_folder.load_checkpoint(tmp_path / 'run')[1]['step']
    assert how_it_ended(status, out, err).err.splitlines()[1:] == [
        f'stopped with {done} steps done; go on with --resume run']
    assert 550 <= done < 1100
    ended = tutorial('--resume', 'run')
    assert ended.status == 0, ended.err
    assert two_epochs[1] == out + ended.out
    same(state(tmp_path / 'run'), state(two_epochs[0]))


def test_killed_for_real_it_resumes_with_the_same_bits(whole, small, tmp_path,
                                                       tutorial):
    process = launch('--total-epoch', EPOCHS, '--data', small, '--out', 'run',
                     cwd=tmp_path)
    wait_for((tmp_path / 'run').exists, process)
    for rows in 1, 5:
        wait_for(lambda: (tmp_path / 'run/log.csv').exists() and len(
            (tmp_path / 'run/log.csv').read_text().split()) > rows, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = launch('--resume', 'run', cwd=tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    same(state(tmp_path / 'run'), state(whole[0]))


class Killed(BaseException):
    """What stands in for SIGKILL at one chosen moment: nothing catches it."""


def dying(function, deaths):
    """Return a function that dies instead when the next of `deaths` is true."""
    def replaced(*args, **kwargs):
        if next(deaths):
            raise Killed
        return function(*args, **kwargs)
    return replaced


def noting(function, calls, at):
    """Return a function that notes its calls, and dies instead of the one numbered."""
    def replaced(*args, **kwargs):
        if len(calls) == at:
            raise Killed
        names = [re.sub(r'\d+', '', Path(arg).name) for arg in args
                 if isinstance(arg, (str, Path))]
        calls.append((function.__name__, sys._getframe(1).f_lineno, *names[-1:]))
        return function(*args, **kwargs)
    return replaced


def died_at(at, monkeypatch, *args):
    """Run, dying before a file operation; return the operations before it."""
    calls = []
    with monkeypatch.context() as patch:
        for owner, name in (os, 'replace'), (os, 'fsync'), (Path, 'rename'):
            patch.setattr(owner, name, noting(getattr(owner, name), calls, at))
        patch.setattr(run_folder.shutil, 'rmtree', lambda *args, **how: None)
        try:
            command.main(vanilla, [str(arg) for arg in args])
            assert at < 0
        except Killed:
            assert len(calls) == at
    return calls


def test_killed_at_any_kind_of_file_operation_it_resumes(tutorial, monkeypatch, small,
                                                         tmp_path):
    """At the first and the last of each: the operation, where it is, the kind of file.
    """
    flags = ['--total-epoch', 2, '--data', small] + TINY
    calls = died_at(-1, monkeypatch, '--out', 'whole', *flags)
    expected = {**state(tmp_path / 'whole'), 'leftover': None}
    places = {place for kind in set(calls) for place in (
        calls.index(kind), len(calls) - 1 - calls[::-1].index(kind))}
    assert len(set(calls)) >= 10, set(calls)
    n_resumed = 0
    for place in sorted(places):
        died_at(place, monkeypatch, '--out', 'run', *flags)
        if (tmp_path / 'run').exists():     # it is not there before it is whole
            died_at(-1, monkeypatch, '--resume', 'run')
            same(expected, {**state(tmp_path / 'run'), 'leftover': None})
            (tmp_path / 'run').rename(tmp_path / f'done-{place}')
            n_resumed += 1
    assert 10 <= n_resumed < len(places)


def test_a_damaged_checkpoint_is_replaced_by_the_one_before(tutorial, small, tmp_path):
    flags = ['--total-epoch', 3, '--data', small] + TINY
    assert tutorial('--out', 'whole', *flags).status == 0
    assert tutorial('--out', 'run', *flags, '--max-steps', 7).status == 0
    path = tmp_path / 'run' / 'checkpoint.npz'
    path.write_bytes(path.read_bytes()[:-900])
    ended = tutorial('--resume', 'run', '--max-steps', 7)
    assert ended.status == 0, ended.err
    assert 'note: run/checkpoint.npz is damaged' in ended.err
    assert 'the one before it is taken, of step 6' in ended.err
    # It has not gone into the place of the good one.
    with zipfile.ZipFile('run/checkpoint_before.npz') as before:
        assert before.testzip() is None
    assert tutorial('--resume', 'run').status == 0
    same(state(tmp_path / 'whole'), state(tmp_path / 'run'))


def test_one_process_trains_in_a_folder(tutorial, small, tmp_path):
    begun = tutorial('--data', small, '--out', 'run', '--max-steps', 1, *TINY)
    assert begun.status == 0
    files = {path: path.read_bytes() for path in (tmp_path / 'run').rglob('*.*')
             if path.is_file()}
    with run_folder.locked(tmp_path / 'run'):
        ended = run_module('tf1gan.vanilla', '--resume', 'run', cwd=tmp_path)
        assert ended.status == 2 and len(ended.err.splitlines()) == 1
        assert 'run: expected a run that no other process trains' in ended.err
    assert files == {path: path.read_bytes() for path in files}
    holder = subprocess.Popen([sys.executable, '-c', '''
from tf1gan import run_folder
with run_folder.locked("run"):
    print(flush=True)
    input()
'''], cwd=str(tmp_path), env=environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    assert tutorial('--resume', 'run', '--max-steps', 2).status == 2
    holder.kill()       # no lock outlives its process
    holder.communicate()
    assert tutorial('--resume', 'run', '--max-steps', 2).status == 0


def test_a_write_spares_what_is_no_file(tmp_path):
    os.mkfifo(str(tmp_path / 'pipe'))
    (tmp_path / 'link').symlink_to('/dev/null')
    (tmp_path / 'folder').mkdir()
    for name, found in (('pipe', 'a device or a pipe'), ('link', 'a device or a pipe'),
                        ('folder', 'Is a directory')):
        with pytest.raises(InputError, match=f'{name}: expected a file.*{found}'):
            run_folder.write(tmp_path / name, b'x')
    assert stat.S_ISFIFO((tmp_path / 'pipe').stat().st_mode)
    assert {path.name for path in tmp_path.iterdir()} == {'folder', 'link', 'pipe'}


def test_a_write_follows_the_links_of_its_user_and_no_others(tmp_path, monkeypatch):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'mine').symlink_to(tmp_path / 'other' / 'file')
    run_folder.write(tmp_path / 'mine', b'1')
    run_folder.write(tmp_path / 'mine', b'2')
    assert (tmp_path / 'mine').is_symlink()
    assert (tmp_path / 'other' / 'file').read_bytes() == b'2'
    names, replace = set(), os.replace
    monkeypatch.setattr(os, 'replace', lambda new, old: (names.add(new),
                                                         replace(new, old)))
    for _ in range(3):
        run_folder.write(tmp_path / 'x', b'')
    assert len(names) == 3      # no name that another could foresee
    assert (tmp_path / 'x').stat().st_mode & 0o777 == 0o666 & ~run_folder._umask()


def test_a_mounted_out_folder_is_a_run_from_its_first_file_on(tmp_path, monkeypatch):
    """Where the folder cannot be renamed into place, the checkpoint comes first."""
    def busy(new, target):
        raise OSError(16, 'Device or resource busy')

    (tmp_path / 'mount').mkdir()
    written = []
    monkeypatch.setattr(run_folder, '_claim', busy)
    monkeypatch.setattr(run_folder, 'write', lambda path, _: written.append(path))
    run_folder.create(str(tmp_path / 'mount'), tmp_path, {
        'config.json': b'', 'env.json': b'', 'checkpoint.npz': b''})
    assert [path.name for path in written if path.parent == tmp_path / 'mount'] == [
        'checkpoint.npz', 'env.json', 'config.json']


def test_a_resumed_run_keeps_its_new_length_when_killed(tutorial, small, tmp_path,
                                                        monkeypatch):
    tutorial('--total-epoch', 1, '--data', small, '--out', 'run', *TINY)
    (tmp_path / 'run' / '.new-1-checkpoint.npz').write_bytes(b'left by a killed run')
    (tmp_path / 'run' / 'env.json').unlink()
    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, 'advance', dying(None, itertools.count(1)))
        with pytest.raises(Killed):
            command.main(vanilla, ['--resume', 'run', '--total-epoch', '3'])
    assert not list((tmp_path / 'run').rglob('.new-*'))
    assert (tmp_path / 'run' / 'env.json').exists()
    assert len(tutorial('--resume', 'run').out.splitlines()) == 2


@pytest.mark.parametrize('rate', [1000, 1])
def test_nan_names_step_and_term_and_leaves_a_finite_checkpoint(tutorial, small,
                                                                tmp_path, rate):
    ended = tutorial('--learning-rate', rate, '--data', small, '--out', 'run')
    assert ended.status == 1
    sentence = ended.err.splitlines()[-1]
    arrays, meta = run_folder.load_checkpoint(tmp_path / 'run')
    assert all(np.isfinite(array).all() for array in arrays.values())
    step, epoch = plain_first_nan(small, rate)
    assert f' at step {step} (epoch {epoch}): it began in ' in sentence
    assert meta['step'] == 3 * epoch
    if rate == 1000:
        assert 'loss_D is -inf' in sentence
        assert 'began in log(1 - D_gene) (100 of 100 images)' in sentence
    assert 'run keeps the last finite checkpoint' in sentence
    assert len(ended.err.splitlines()) == 3


def plain_first_nan(small, rate):
    """Return (step, epoch) of the first non-finite loss, by a loop of our own."""
    run = new_run('vanilla', data=str(small), learning_rate=rate)
    for step in itertools.count():
        if not all(np.isfinite(list(run.advance(run.sess).values()))):
            return step, step // 3
        if step == 2:
            run.draw_noise(10)      # for the picture of epoch 0


def test_keep_going_goes_on_as_the_source_would(tutorial, small, tmp_path):
    ended = tutorial('--learning-rate', 1000, '--data', small, '--out', 'run',
                     '--total-epoch', 3, '--keep-going')
    assert ended.status == 0
    assert [line[:11] for line in ended.out.splitlines()] == [
        'Epoch: 0000', 'Epoch: 0001', 'Epoch: 0002']
    assert 'nan' in ended.out
    assert 'it began in log(1 - D_gene)' in ended.err
    arrays, meta = run_folder.load_checkpoint(tmp_path / 'run')
    assert meta['step'] == 0
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_weight_that_is_not_finite_is_never_saved(small, tmp_path):
    """Also when every loss so far was finite: the losses are from before the update."""
    run = new_run('vanilla', data=str(small))
    run.folder = tmp_path
    assert run.save() is None
    before = (tmp_path / 'checkpoint.npz').read_bytes()
    run.step = 8
    run.variables['D_b2'].load([np.nan], run.sess)
    assert run.save() == 'D_b2 is not finite after step 7'
    assert (tmp_path / 'checkpoint.npz').read_bytes() == before


def test_a_weight_that_is_not_finite_stops_the_run(tutorial, small, monkeypatch):
    """Here the last update before --max-steps breaks a weight; no loss has seen it."""
    step, n_steps = vanilla.step, itertools.count(1)

    def breaking(sess, model, *args):
        losses = step(sess, model, *args)
        if next(n_steps) == 2:
            bias = model.updates['D'].gradients[-1][1]
            bias.load([np.inf], sess)
        return losses

    monkeypatch.setattr(vanilla, 'step', breaking)
    ended = tutorial('--data', small, '--max-steps', 2, '--out', 'run', *TINY,
                     '--step-by-step')
    assert ended.status == 1
    assert 'D_b2 is not finite after step 1; run keeps the last' in ended.err


def test_threads_are_told_and_kept(tutorial, small, tmp_path):
    tutorial('--threads', 1, '--data', small, '--max-steps', 1, '--out', 'run', *TINY)
    assert json.loads((tmp_path / 'run/env.json').read_text())['threads'] == 1
    assert tutorial('--resume', 'run', '--max-steps', 2).status == 0
    ended = tutorial('--resume', 'run', '--threads', 2)
    assert ended.status == 2 and 'expected --threads 1' in ended.err


def test_another_machine_is_told(tutorial, small, tmp_path):
    tutorial('--data', small, '--max-steps', 1, '--out', 'run', *TINY)
    path = tmp_path / 'run/env.json'
    path.write_text(path.read_text().replace('"cpu": "', '"cpu": "Abacus '))
    ended = tutorial('--resume', 'run', '--max-steps', 2)
    assert ended.status == 0
    assert 'the bits may differ from here on (cpu Abacus' in ended.err


def test_the_commit_is_that_of_the_checkout():
    head = execute('git', 'rev-parse', 'HEAD', cwd=ROOT)
    if head.status:
        pytest.skip('not a git checkout')
    commit = run_folder.environment()['commit']
    assert commit in (head.out.strip(), head.out.strip() + '-dirty')
