"""Bad input ends with one sentence and a non-zero status, and loses nothing."""

import json
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import idx, run_module, write_data

from tf1gan import TUTORIALS, contract, descriptions, flags, run_folder

TINY = ['--n-hidden', 8, '--n-noise', 4]


def refused(ended, *words, status=2):
    """Assert one sentence on stderr with the given words, and nothing on stdout."""
    assert ended.status == status
    assert ended.out == ''
    assert len(ended.err.splitlines()) == 1, ended.err
    assert 'Traceback' not in ended.err
    for word in words:
        assert word in ended.err, ended.err


FLAGS = [
    (['--batch-size', '0'], '--batch-size',
     "a whole number from 1 up to 2147483647, found '0'"),
    (['--batch-size', '-5'], '--batch-size', "found '-5'"),
    (['--batch-size', '1.5'], '--batch-size', "found '1.5'"),
    (['--batch-size', 'many'], '--batch-size', "found 'many'"),
    (['--batch-size', ''], '--batch-size', "found ''"),
    (['--batch-size'], '--batch-size', 'expected one argument'),
    (['--total-epoch', '0'], '--total-epoch', "found '0'"),
    (['--total-epoch', '1e3'], '--total-epoch', "found '1e3'"),
    (['--n-hidden', '-1'], '--n-hidden', "found '-1'"),
    (['--learning-rate', '0'], '--learning-rate', "a number above 0, found '0'"),
    (['--learning-rate', '-0.1'], '--learning-rate', "found '-0.1'"),
    (['--learning-rate=-1e-3'], '--learning-rate', "found '-1e-3'"),
    (['--learning-rate', 'nan'], '--learning-rate', "found 'nan'"),
    (['--learning-rate', 'inf'], '--learning-rate', "found 'inf'"),
    (['--learning-rate', 'fast'], '--learning-rate', "found 'fast'"),
    (['--seed', '-1'], '--seed', "from 0 up to 4294967295, found '-1'"),
    (['--seed', '4294967296'], '--seed', "found '4294967296'"),
    (['--seed', 'x'], '--seed', "found 'x'"),
    (['--threads', '0'], '--threads', "found '0'"),
    (['--max-steps', '0'], '--max-steps', "found '0'"),
    (['--threads', '10000000000'], '--threads', 'from 1 up to 1024'),
    (['--n-hidden', '10001'], '--n-hidden', 'from 1 up to 10000'),
    (['--total-epoch', '1' + 20 * '0'], '--total-epoch', 'up to 2147483647'),
    (['--out', ''], '--out', 'found nothing'),
    (['--resume', ''], '--resume', 'found nothing'),
    (['--out', 'b\udcffd'], '--out', 'UTF-8'),
    (['--out', 5000 * 'x'], 'File name too long'),
    (['--data', 5000 * 'x'], 'File name too long'),
    (['--resume', 5000 * 'x'], 'File name too long'),
    (['--no-such-flag', '3'], '--no-such-flag', '--help'),
    (['--total-epochs', '3'], '--total-epochs', '--help'),
    (['--total', '3'], '--total', '--help'),
    (['stray'], 'stray', '--help'),
    (['--n-input', '100'], '--n-input', '784'),
    (['--batch-size', '55001'], '--batch-size', '55000', '55001'),
    (['--data', 'nowhere'], 'nowhere', 'four IDX files'),
]


@pytest.mark.parametrize('args', FLAGS, ids=lambda args: ' '.join(args[0])[:40])
def test_a_bad_flag_is_refused(tutorial, tmp_path, args):
    flags, words = args[0], args[1:]
    refused(tutorial(*flags), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('kind', ['python', 'tensorflow'])
def test_numbers_that_fill_the_memory_are_told(tutorial, monkeypatch, kind):
    from tf1gan import vanilla
    from tf1gan.tf1 import tf
    error = MemoryError() if kind == 'python' else tf.errors.ResourceExhaustedError(
        None, None, 'OOM when allocating tensor\nand a page more')

    def build(*_):
        raise error

    monkeypatch.setattr(vanilla, 'build', build)
    refused(tutorial(), 'take smaller ones', status=1)


def test_there_is_no_traceback_in_real_life(tmp_path):
    ended = run_module('tf1gan.vanilla', '--batch-size', 0, cwd=tmp_path)
    refused(ended, "--batch-size: expected a whole number from 1 up to 2147483647, "
                   "found '0'")


def test_help_names_every_flag(tutorial):
    from tf1gan import flags, vanilla
    ended = tutorial('--help')
    assert ended.status == 0
    for field in vanilla.Config._fields + flags.Flags._fields:
        assert flags.flag(field) + ' ' in ended.out
    assert 'passes over the 55,000 training images (default 100)' in ' '.join(
        ended.out.split())


def test_a_damaged_data_file_is_refused(tutorial, tmp_path):
    folder = write_data(tmp_path / 'data')
    path = folder / 'train-images-idx3-ubyte'
    path.write_bytes(path.read_bytes()[:-1])
    refused(tutorial('--data', folder), str(path), 'replace the file')


def test_out_with_files_in_it_is_refused_and_left_alone(tutorial, small, tmp_path):
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'thesis.txt').write_text('mine')
    refused(tutorial('--out', 'full', '--data', small),
            '--out full', 'name another one')
    assert [path.name for path in (tmp_path / 'full').iterdir()] == ['thesis.txt']


@pytest.mark.parametrize('out', ['file', 'file/below', '/proc/below'])
def test_out_that_cannot_be_a_folder_is_refused(tutorial, small, tmp_path, out):
    (tmp_path / 'file').write_text('mine')
    refused(tutorial('--out', out, '--data', small), out, 'name another one')
    assert [path.name for path in tmp_path.iterdir()] == ['file']
    assert (tmp_path / 'file').read_text() == 'mine'


def test_a_full_disk_at_the_start_is_told(small, tmp_path):
    def limit():    # the kernel refuses to let any file grow beyond this
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    ended = run_module('tf1gan.vanilla', '--data', small, cwd=tmp_path,
                       preexec_fn=limit)
    refused(ended, 'checkpoint.npz', 'make room')
    assert list((tmp_path / 'runs/vanilla').iterdir()) == []


def test_a_disk_that_fills_up_later_loses_nothing(tutorial, small, tmp_path,
                                                  monkeypatch):
    fsync, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) == 12:
            raise OSError(28, 'No space left on device')
        fsync(number)

    flags = ['--data', small, '--total-epoch', 3] + TINY
    monkeypatch.setattr(os, 'fsync', full)
    ended = tutorial('--out', 'run', *flags)
    monkeypatch.setattr(os, 'fsync', fsync)
    assert ended.status == 2
    assert 'No space left on device' in ended.err
    assert ended.err.endswith('go on with --resume run\n')
    assert not list((tmp_path / 'run').rglob(run_folder.TEMPORARY + '*'))
    assert tutorial('--resume', 'run').status == 0
    assert tutorial('--out', 'other', *flags).status == 0
    one, two = (run_folder.load_checkpoint(tmp_path / name)[0]
                for name in ('run', 'other'))
    assert all(np.array_equal(one[name], two[name]) for name in two)


@pytest.mark.parametrize('target', ['/dev/full', 'closed'])
def test_standard_output_that_cannot_be_written_is_told(small, tmp_path, target):
    if target == 'closed':
        read, write = os.pipe()
        os.close(read)
    else:
        write = os.open(target, os.O_WRONLY)
    ended = run_module('tf1gan.vanilla', '--data', small, '--total-epoch', 2, '--out',
                       'run', *TINY, cwd=tmp_path, stdout=write)
    os.close(write)
    lines = ended.err.splitlines()
    assert ended.status == 1 and lines[0] == 'run folder: run'
    assert lines[1] == ('data: 28x28, 5,300 images, IDX files; vanilla trains on 300 '
                        'of them and holds the others out')
    assert len(lines) == 3 and lines[2].startswith('standard output'), ended.err
    assert '--resume run' in lines[2]


@pytest.fixture(scope='module')
def stopped(tmp_path_factory, small):
    """Return the folder of a run that was stopped."""
    home = tmp_path_factory.mktemp('stopped')
    assert run_module('tf1gan.vanilla', '--data', small, '--max-steps', 4, '--out',
                      'run', *TINY, cwd=home).status == 0
    return home / 'run'


@pytest.fixture
def run(stopped, tmp_path):
    """Return a copy of that folder, with one checkpoint alone."""
    copied = Path(shutil.copytree(str(stopped), str(tmp_path / 'run')))
    (copied / run_folder.BEFORE).unlink()
    return copied


RESUME = {
    'no such folder': ([], lambda run: run.rename(run.with_name('gone')),
                       'no such folder'),
    'a file': ([], lambda run: (run.rename(run.with_name('x')),
                                run.write_text('mine')), 'found a file'),
    'no run': ([], lambda run: (run / 'checkpoint.npz').unlink(), 'found none'),
    'batch size': (['--batch-size', '50'], None,
                   'expected --batch-size 100', 'found 50'),
    'learning rate': (['--learning-rate', '1'], None, '--learning-rate 0.0002'),
    'fewer epochs': (['--total-epoch', '50'], None,
                     'expected --total-epoch 100 or more'),
    'seed': (['--seed', '1'], None, 'expected --seed 0'),
    'threads': (['--threads', '1'], None, "expected --threads TensorFlow's own"),
    'out': (['--out', 'x'], None, 'expected no --out'),
    'fewer steps': (['--max-steps', '3'], None, '4 steps', 'found 3'),
    'tutorial': ([], lambda run: edit(run, tutorial='dcgan'), 'found one of dcgan'),
    'fields': ([], lambda run: edit(run, config={}), 'version that wrote it'),
    'format': ([], lambda run: edit(run, format=2), 'format 2'),
    'other graph': ([], lambda run: edit(run, config={
        **descriptions.numbers('vanilla'), 'n_hidden': 9, 'n_noise': 4}),
                    'other arrays'),
    'no npz': ([], lambda run: (run / 'checkpoint.npz').write_bytes(b'junk'),
               'damaged'),
    'empty': ([], lambda run: (run / 'checkpoint.npz').write_bytes(b''), 'damaged'),
    'another npz': ([], lambda run: np.savez(str(run / 'checkpoint.npz'), a=1),
                    'damaged'),
}


def edit(run, **changes):
    """Write the run's checkpoint anew with other settings."""
    arrays, meta = run_folder.load_checkpoint(run)
    (run / 'checkpoint.npz').write_bytes(run_folder.pack(arrays, {**meta, **changes}))


@pytest.mark.parametrize('name', RESUME)
def test_a_resume_that_does_not_fit_is_refused(run, tutorial, name):
    flags, damage, *words = RESUME[name]
    if damage:
        damage(run)
    before = contents(run)
    refused(tutorial('--resume', 'run', *flags), *words)
    assert contents(run) == before


def contents(folder):
    """Return every file of a folder."""
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_resume_with_other_data_is_refused(run, tutorial, tmp_path):
    other = write_data(tmp_path / 'other', n_train=5400)
    refused(tutorial('--resume', 'run', '--data', other), 'found other bytes')


def test_resume_where_the_data_has_moved_names_the_flag(tutorial, tmp_path):
    data = write_data(tmp_path / 'here')
    assert tutorial('--data', data, '--out', 'run', '--max-steps', 1, *TINY).status == 0
    moved = tmp_path / 'there'
    data.rename(moved)
    refused(tutorial('--resume', 'run'), str(data), 'found nothing there', '--data')
    assert tutorial('--resume', 'run', '--data', moved, '--max-steps', 2).status == 0


@pytest.fixture(scope='module')
def table(tmp_path_factory):
    """Return a CSV file of 5,300 images: it has none to test."""
    rng = np.random.RandomState(0)
    path = tmp_path_factory.mktemp('table') / 'x.csv'
    np.savetxt(str(path), np.hstack([rng.randint(0, 10, (5300, 1)),
                                     rng.randint(0, 256, (5300, 784))]), '%d', ',')
    return path


@pytest.mark.parametrize('name', TUTORIALS)
def test_every_tutorial_trains_on_a_data_set_without_test_images(tutorial, table, name):
    page = contract.find(name)
    small = [word for field, value in page.small.items()
             for word in (flags.flag(field), value) if not isinstance(value, bool)]
    ended = tutorial('--data', table, '--max-steps', 1, '--out', 'run', *small,
                     page=page)
    assert ended.status == 0, ended.err
    images = json.loads(Path('run/config.json').read_text())['images']
    n = 300 if name == 'vanilla' else 5300      # TF 1's loader holds 5,000 out
    assert images == {'form': '28x28, 5,300 images, a CSV file without header',
                      'train': n, 'read': 5300}
    said = '; vanilla trains on 300 of them and holds the others out\n'
    assert f'\ndata: {images["form"]}{said if n == 300 else chr(10)}' in ended.err


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    """Return a folder of 5,200 images of 32 x 32 pixels."""
    folder = write_data(tmp_path_factory.mktemp('large') / 'data', 5200)
    for path in folder.glob('*images*'):
        n = 5200 if 'train' in path.name else 20
        path.write_bytes(idx(np.arange(n * 1024).astype(np.uint8).reshape(n, 32, 32)))
    return folder


@pytest.mark.parametrize('name', ['vanilla', 'minimax', 'collapse'])
def test_pictures_have_the_size_of_the_data(tutorial, large, name):
    page = contract.find(name)
    refused(tutorial('--data', large, page=page), '--n-input 1024', '32 x 32',
            'found 784')
    assert not Path('runs').exists()
    ended = tutorial('--data', large, '--n-input', 1024, '--epochs', 1, '--out', 'run',
                     '--n-hidden', 8, page=page)
    assert ended.status == 0, ended.err
    assert Path('run/samples/000.png').is_file()


@pytest.mark.parametrize('name', ['dcgan', 'conditional'])
def test_images_of_another_size_are_refused_before_a_step(tutorial, large, name):
    refused(tutorial('--data', large, page=contract.find(name)),
            f'--data {large}: expected images of 28 x 28 pixels, found 32 x 32')


def test_a_damaged_checkpoint_is_refused_wherever_it_is_damaged(run):
    """Truncated or with a flipped bit: refused, or the same arrays all the same."""
    path = run / 'checkpoint.npz'
    content = path.read_bytes()
    arrays, meta = run_folder.load_checkpoint(run)
    rng = np.random.RandomState(0)
    directory = content.index(b'PK\1\2')    # whose flips can hide a member
    for kind in 'truncated', 'flipped':
        offsets = list(rng.randint(0, len(content), 100)) + list(
            range(directory, len(content)))
        n_refused = 0
        for offset in offsets:
            damaged = bytearray(content)
            if kind == 'truncated':
                del damaged[offset:]
            else:
                damaged[offset] ^= 1 << rng.randint(8)
            path.write_bytes(bytes(damaged))
            try:
                found, found_meta = run_folder.load_checkpoint(run)
            except run_folder.InputError as error:
                assert 'damaged' in str(error)
                n_refused += 1
            else:
                assert found_meta == meta and sorted(found) == sorted(arrays)
                assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
        assert n_refused > (1000 if kind == 'flipped' else len(offsets) - 1)
