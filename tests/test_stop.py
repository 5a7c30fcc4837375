"""Ctrl-C at any moment of any command: one sentence, and status 130."""

import signal

import pytest
from conftest import ROOT, environ, new_run, python, run_module

from tf1gan import run_folder
from tf1gan.__main__ import COMMANDS

# Sends the signal when a function is first called: FILE:NAME, a module's own code too.
HOOK = '''import os, signal, sys
def watch(frame, event, argument):
    path = frame.f_code.co_filename
    if event == 'call' and frame.f_code.co_name == {name!r} and path.endswith({file!r}):
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
sys.setprofile(watch)
'''
TENSORFLOW = 'site-packages/tensorflow/__init__.py:<module>'
MOMENTS = {
    'vanilla': ['numpy/__init__.py:<module>', 'tf1gan/flags.py:<module>',
                'tf1gan/vanilla.py:<module>', TENSORFLOW, 'tf1gan/mnist.py:read',
                'tf1gan/vanilla.py:build', 'tf1gan/run_folder.py:create'],
    'record': ['tf1gan/loop.py:<module>', TENSORFLOW, 'tf1gan/record.py:record'],
    'compare': ['numpy/__init__.py:<module>', 'tf1gan/trace.py:load',
                'tf1gan/compare.py:compare'],
    'evaluate': ['tf1gan/classifier.py:<module>', 'tf1gan/evaluate.py:measure'],
    'latent': ['matplotlib/__init__.py:<module>', 'tf1gan/latent.py:plane'],
    'replay': ['PIL/Image.py:<module>', 'tf1gan/replay/drawing.py:gif'],
    'doctor': ['argparse.py:<module>', TENSORFLOW, 'tf1gan/doctor.py:gpus'],
    'mistakes': ['tf1gan/mistakes.py:text'],
    'preflight': ['tf1gan/preflight.py:check'],
    'trace': ['tf1gan/trace.py:load'],
    'curve': ['numpy/__init__.py:<module>', 'tf1gan/curve.py:<module>',
              'tf1gan/curve.py:load'],
    'export': ['tf1gan/generator.py:<module>', 'tf1gan/export.py:to_npz']}
AT_THE_END = '''import atexit, os, signal
@atexit.register
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    return 0
'''


@pytest.fixture(autouse=True)
def heard():
    """Let children hear Ctrl-C, also where the suite runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope='module')
def words(tmp_path_factory, small):
    """Return what each command is called with, by its name."""
    home = tmp_path_factory.mktemp('stop')
    run = new_run('vanilla', n_hidden=3)
    (home / 'run/samples').mkdir(parents=True)
    run_folder.write(home / 'run/checkpoint.npz', run.checkpoint())
    (home / 'port.json').write_text('{}')
    pictures = ROOT / 'samples/vanilla'
    return {'vanilla': ['--data', small, '--max-steps', 1, '--out', 'new'],
            'record': ['vanilla', '--small', '--data', small, '--out', 'new.npz'],
            'compare': ['vanilla', 'vanilla'], 'evaluate': [home / 'run'],
            'latent': [home / 'run'], 'replay': [pictures, '--out', 'out'],
            'doctor': [], 'mistakes': [], 'trace': ['vanilla'],
            'preflight': ['vanilla', home / 'port.json'],
            'curve': ['vanilla', home / 'losses.csv'],
            'export': [home / 'run', '--to', 'npz', '--out', 'new']}


def hooked(hook, tmp_path, *words):
    """Run `python -m words`, in which `hook` is the first thing that Python runs."""
    (tmp_path / 'sitecustomize.py').write_text(hook)
    return run_module(*words, cwd=tmp_path,
                      env=environ(PYTHONPATH=f'{tmp_path}:{ROOT}'))


@pytest.mark.parametrize('name, moment', [
    (name, moment) for name in MOMENTS for moment in MOMENTS[name]])
def test_ctrl_c_ends_in_one_sentence(tmp_path, words, tf, name, moment):
    """While it imports, while it reads, while it works."""
    file, _, function = moment.partition(':')
    ended = hooked(HOOK.format(file=file, name=function), tmp_path, f'tf1gan.{name}',
                   *words[name])
    assert (ended.status, ended.err) == (130, 'stopped\n')


@pytest.mark.parametrize('name', ['vanilla', 'compare', 'doctor'])
def test_ctrl_c_at_the_end_of_python_too(tmp_path, words, tf, name):
    ended = hooked(AT_THE_END, tmp_path, f'tf1gan.{name}', *words[name])
    assert ended.status == 130 and ended.err.endswith('stopped\n')
    assert 'Traceback' not in ended.err


def test_ctrl_c_in_one_of_all_commands(tmp_path, words):
    hook = HOOK.format(file='tf1gan/compare.py', name='compare')
    ended = hooked(hook, tmp_path, 'tf1gan', 'compare', *words['compare'])
    assert (ended.status, ended.err) == (130, 'stopped\n')


def test_every_kind_of_command_is_stopped():
    assert set(COMMANDS) - set(MOMENTS) == {
        'collapse', 'conditional', 'minimax', 'dcgan'}      # as vanilla


@pytest.mark.parametrize('how', [
    ['own.py'], ['-m', 'own'], ['-m', 'package.part'], ['-c', 'import own']])
def test_a_program_that_imports_the_package_keeps_its_own_ctrl_c(tmp_path, how):
    program = ('import signal, sys, tf1gan\n'
               'assert signal.getsignal(2) is signal.default_int_handler\n'
               'assert sys.excepthook is sys.__excepthook__\n')
    (tmp_path / 'own.py').write_text(program)
    (tmp_path / 'package').mkdir()
    (tmp_path / 'package/__init__.py').write_text(program)
    (tmp_path / 'package/part.py').write_text('')
    ended = python(*how, cwd=tmp_path)
    assert (ended.status, ended.err) == (0, '')
