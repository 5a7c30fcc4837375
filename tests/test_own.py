"""A GAN of one's own, experiments/own, in all tools; it stands in a folder of its own.
"""

import json
import shutil
import threading

import numpy as np
import pytest
from conftest import ROOT, python, run_module

from tf1gan import (InputError, compare, contract, descriptions, interpreter,
                    run_folder, trace)

OWN = ROOT / 'experiments' / 'own'
TINY = ['--n-narrow', 3, '--n-wide', 4, '--n-noise', 5]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a folder with nothing but the page in it, under a name of its own."""
    shutil.copy(str(OWN / 'least_squares.py'), str(tmp_path / 'my_gan.py'))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def furthest(found):
    """Return how far the description's prediction is from a trace, a share of each.

    Of gradients and moments it is a share of the update's largest.
    """
    description, most = descriptions.of(found.meta, found.source), 0
    for place, update, start in interpreter.starts(found, description):
        for key, array in interpreter.predict(description, update, start).items():
            theirs = found.arrays[f'{place}/{key}']
            kind = key.split('/')[0]
            largest = max(np.abs(each).max() for name, each in found.part(place).items()
                          if name.split('/')[0] == kind)
            most = max(most, np.abs(theirs - array).max() / largest)
    return most


# --- On NumPy alone -------------------------------------------------------------------

def test_the_trace_carries_a_description_that_predicts_it():
    golden = trace.load(OWN / 'least_squares.npz')
    assert golden.meta['tutorial'] == 'least_squares'
    assert furthest(golden) < 1e-5


def test_a_wrong_description_does_not_predict_it():
    golden = trace.load(OWN / 'least_squares.npz')
    golden.meta['description']['updates'][1]['terms'][0]['targets'] = [0.9]
    assert furthest(golden) > 1e-2


def test_the_port_agrees(tmp_path):
    pytest.importorskip('torch')
    ended = python(OWN / 'pytorch_least_squares.py', OWN / 'least_squares.npz',
                   'mine.npz', cwd=tmp_path)
    assert ended.status == 0, ended.err
    golden, mine = (trace.load(path) for path in (OWN / 'least_squares.npz',
                                                  tmp_path / 'mine.npz'))
    report = compare.compare(golden, mine)
    assert report.status == 0, '\n'.join(compare.text(report))


def test_nothing_outside_its_folder_knows_the_example():
    for path in [*(ROOT / 'tf1gan').rglob('*.py'), ROOT / 'setup.py']:
        assert 'least_squares.' not in path.read_text(), path


@pytest.mark.parametrize('word', ['nowhere.py', 'no.such.module', '', '..x', 'json'])
def test_what_is_no_page_is_refused_in_one_sentence(word):
    with pytest.raises(InputError, match='expected a page') as refused:
        contract.find(word)
    assert '\n' not in str(refused.value)


# --- With TensorFlow ------------------------------------------------------------------

def test_the_trace_is_what_is_recorded_here_today(home, tf):
    for word in 'my_gan.py', 'my_gan':
        ended = run_module('tf1gan.record', word, '--small', '--threads', 1, '--out',
                           't.npz', cwd=home)
        assert ended.status == 0, ended.err
        mine = trace.load(home / 't.npz')
        golden = trace.load(OWN / 'least_squares.npz')
        assert mine.meta.pop('tutorial') == 'my_gan'
        mine.meta['tutorial'] = golden.meta['tutorial']
        assert mine.meta['description'] == golden.meta['description']
        assert set(mine.arrays) == set(golden.arrays)
        report = compare.compare(golden, mine)
        assert report.status == 0, '\n'.join(compare.text(report))


def test_it_is_run_resumed_judged_drawn_and_replayed(home, small, tf):
    flags = ['--data', small, '--batch-size', 500, '--epochs', 2, '--threads', 1, *TINY]
    whole = python('my_gan.py', *flags, '--out', 'whole', cwd=home)
    assert whole.status == 0 and whole.out.startswith('epoch 1: '), whole.err
    assert python('my_gan.py', *flags, '--max-steps', 3, cwd=home).status == 0
    folder = home / 'runs/my_gan/000'
    ended = python('my_gan.py', '--resume', folder, cwd=home)
    assert ended.status == 0, ended.err
    (expected, _), (found, meta) = map(run_folder.load_checkpoint,
                                       (home / 'whole', folder))
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert np.array_equal(array, found[name]), name
    config = json.loads((folder / 'config.json').read_text())
    assert config['description'] == meta['description'] == contract.find(
        'my_gan.py').describe(meta['config'])
    assert config['command'].startswith('python ')
    assert 'my_gan.py --data ' in config['command']
    assert sorted(path.name for path in (folder / 'fixed').iterdir()) == [
        '000.png', '001.png', '002.png']

    (home / 'my_gan.py').unlink()       # the description is all that is needed
    for module, args, files in (
            ('evaluate', [], ['evaluation.json', 'nearest.png']),
            ('latent', ['--digit', 3, '--count', 2], ['latent/digit_3.png']),
            ('replay', [], ['replay/replay.html'])):
        ended = run_module(f'tf1gan.{module}', folder, *args, cwd=home)
        assert ended.status == 0, ended.err
        for file in files:
            assert (folder / file).is_file(), file
    assert 'before training' in (folder / 'replay/replay.html').read_text()


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return the path of a copy of vanilla.py, changed: a page without a description.
    """
    page = (ROOT / 'tf1gan' / 'vanilla.py').read_text()
    page = page.replace('# images a step', '').replace('of both Adams', '5 % of both')
    (tmp_path / 'copied.py').write_text(page)
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'copied.py'


FEW = ['--n-hidden', '8', '--n-noise', '4', '--max-steps', '2']


def test_a_copy_of_a_tutorial_is_a_page_that_runs(copied, small, tf):
    ended = python(copied.name, '--data', small, *FEW, cwd=copied.parent)
    assert ended.status == 0, ended.err
    assert (copied.parent / 'runs/copied/000/checkpoint.npz').is_file()
    ended = python(copied.name, '--help', cwd=copied.parent)
    assert ended.status == 0 and '5 % of both (default 0.0002)' in ended.out
    ended = run_module('tf1gan.record', copied.name, '--out', 't.npz',
                       cwd=copied.parent)
    assert ended.status == 2 and len(ended.err.splitlines()) == 1
    assert 'expected a page with a `describe`' in ended.err


def test_a_page_with_a_tutorials_name_is_not_taken_for_it(copied, small, tf):
    page = copied.with_name('vanilla.py')
    copied.rename(page)
    ended = python(page.name, '--data', small, *FEW, '--out', 'run', cwd=page.parent)
    assert ended.status == 0, ended.err
    for module, args, words in (
            ('evaluate', ['run'], 'found vanilla without one'),
            ('vanilla', ['--resume', 'run'], 'found one of vanilla, a page of your own'
             )):
        ended = run_module(f'tf1gan.{module}', *args, cwd=page.parent)
        assert ended.status == 2 and words in ended.err
    ended = python(page.name, '--resume', 'run', '--max-steps', 3, cwd=page.parent)
    assert ended.status == 0, ended.err


def test_a_page_can_run_in_a_thread_and_gives_back_its_run(copied, small, tf):
    from tf1gan import command
    runs, module = [], contract.find(str(copied)).module
    thread = threading.Thread(target=lambda: runs.append(
        command.main(module, ['--data', str(small), *FEW])))
    thread.start()
    thread.join()
    runs.append(command.main(module, ['--data', str(small), *FEW]))
    assert [run.step for run in runs] == [2, 2]
    with pytest.raises(SystemExit) as ended:
        command.main(module, ['--no-such-flag'])
    assert ended.value.code == 2


BROKEN = {
    'noise': ('def noise(', 'def noises(', 'found none of noise'),
    'batch_size': ('batch_size: int = 100', 'size: int = 100', 'a batch_size'),
    'a default': ('n_noise: int = 64', 'n_noise: int', 'n_noise'),
    'a loss': ("descriptions.loss('least_squares')", "descriptions.loss('hinge')",
               'hinge')}


@pytest.mark.parametrize('what', BROKEN)
def test_a_page_that_breaks_the_contract_is_refused_in_one_sentence(what, home, tf):
    old, new, words = BROKEN[what]
    page = (home / 'my_gan.py').read_text()
    if what == 'a default':     # it must be the first, for Python
        old, new = '    epochs: int = 10 ', '    n_noise: int\n    epochs: int = 10 '
        page = page.replace("    n_noise: int = 64               # length of a noise "
                            "vector\n", '')
    assert old in page
    (home / 'my_gan.py').write_text(page.replace(old, new))
    ended = python('my_gan.py', '--max-steps', 1, *TINY, cwd=home)
    assert ended.status == 2 and words in ended.err
    assert len(ended.err.splitlines()) == 1, ended.err
