"""`tf1gan COMMAND`: every command, one word."""

import re

import pytest
from conftest import ROOT, environ, execute, python, run_module

import tf1gan
from tf1gan import __main__ as words


def test_every_command_is_listed_with_a_line(tmp_path):
    """Whatever can be run with -m."""
    files = [*(ROOT / 'tf1gan').glob('*.py'), ROOT / 'tf1gan/replay/__main__.py']
    found = {path.parent.name if path.stem == '__main__' else path.stem
             for path in files if "if __name__ == '__main__':" in path.read_text()}
    assert set(words.COMMANDS) == found - {'tf1gan'}
    for ended in (run_module('tf1gan', cwd=tmp_path),
                  run_module('tf1gan', '--help', cwd=tmp_path)):
        assert ended.status == 0
        assert re.findall(r'^  (\w+) +\w', ended.out, re.MULTILINE) == words.COMMANDS


@pytest.mark.parametrize('name, args', [
    ('mistakes', ['gelu']), ('compare', ['vanilla', 'vanilla']), ('compare', ['x'])])
def test_a_command_is_that_of_its_module(tmp_path, name, args):
    ended = run_module('tf1gan', name, *args, cwd=tmp_path)
    assert ended == run_module(f'tf1gan.{name}', *args, cwd=tmp_path)


@pytest.mark.parametrize('name', words.COMMANDS)
@pytest.mark.parametrize('flag, status', [('--help', 0), ('--no-such-flag', 2)])
def test_help_and_a_bad_flag_wait_for_no_framework(tmp_path, name, flag, status):
    """Neither is imported when the process ends, so the answer comes at once."""
    code = f"""import atexit, runpy, sys
slow = {{'tensorflow', 'matplotlib', 'matplotlib.figure'}}
atexit.register(lambda: print(sorted(slow & set(sys.modules)), file=sys.stderr))
sys.argv = ['tf1gan', '{flag}']
runpy.run_module('tf1gan.{name}', run_name='__main__', alter_sys=True)"""
    ended = python('-c', code, cwd=tmp_path)
    assert ended.status == status
    assert ended.err.endswith('[]\n')
    assert len(ended.err.splitlines()) == (1 if flag == '--help' else 2)
    assert bool(ended.out) == (flag == '--help')


def test_a_mistyped_word_gets_the_near_one(tmp_path):
    ended = run_module('tf1gan', 'vanila', cwd=tmp_path)
    assert ended.status == 2 and ended.err.endswith('did you mean vanilla?\n')
    ended = run_module('tf1gan', 'compare', '--jsn', 'vanilla', 'x.npz', cwd=tmp_path)
    assert ended.status == 2 and ended.err.endswith('did you mean --json?\n')


def test_bare_make_says_what_there_is():
    outside = {key: value for key, value in environ().items()
               if key not in {'MAKEFLAGS', 'MFLAGS', 'MAKELEVEL'}}    # of a make around
    ended = execute('make', cwd=ROOT, env=outside)
    assert ended.status == 0 and ended.out.startswith('make vanilla ')


def test_epochs_is_a_flag_of_every_tutorial(tf):
    from tf1gan import contract, flags
    for name in tf1gan.TUTORIALS:
        page = contract.find(name)
        given, _ = flags.parse(page, ['--epochs', '3'])
        assert given == {page.Config._fields[0]: 3}
