"""requirements/find-python.sh: which interpreter the two commands take."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

HERE = 'python{}.{}'.format(*sys.version_info)      # python3.7, say
OTHER = 'python3.6' if HERE != 'python3.6' else 'python3.7'
BOTH = f'{HERE[6:]} {OTHER[6:]}'


def find(tmp_path, wanted='', versions=BOTH, path=(), **environ):
    """Run the script with nothing of this machine on the PATH but `path`."""
    return subprocess.run(
        ['/bin/sh', str(ROOT / 'requirements' / 'find-python.sh'), wanted, versions],
        env={'PATH': ':'.join([*map(str, path), '/nowhere']), 'HOME': str(tmp_path),
             **environ},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def interpreter(path: Path) -> Path:
    """Put this test's own interpreter at `path`."""
    path.parent.mkdir(parents=True)
    path.symlink_to(Path(sys.executable).resolve())
    return path


def test_an_activated_environment_gives_the_interpreter_under_it(tmp_path):
    """Or making the environment anew would remove its own interpreter first."""
    real = Path(sys.executable).resolve()
    subprocess.run([str(real), '-m', 'venv', '--without-pip', str(tmp_path / 'venv')],
                   check=True)
    inside = tmp_path / 'venv' / 'bin' / HERE
    if not inside.exists():     # 3.6 names it python3 only
        inside.symlink_to('python3')
    for found in (find(tmp_path, path=[inside.parent]), find(tmp_path, str(inside))):
        assert Path(found.stdout.strip()).resolve() == real
        assert str(tmp_path) not in found.stdout


def shim(path: Path) -> Path:
    """Put a pyenv shim that fails at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\necho "pyenv: command not found" >&2\nexit 127\n')
    path.chmod(0o755)
    return path


def test_a_shim_that_fails_is_passed_over(tmp_path):
    broken = shim(tmp_path / 'shims' / HERE)
    real = interpreter(tmp_path / 'bin' / HERE)
    found = find(tmp_path, path=[broken.parent, real.parent])
    assert found.stdout == f'{real}\n', found.stderr


def test_another_version_under_the_name_is_passed_over(tmp_path):
    fake = tmp_path / 'fake' / HERE
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nexit 1\n')    # what python -c "... is 3.6 or 3.7" says
    fake.chmod(0o755)
    real = interpreter(tmp_path / 'bin' / HERE)
    assert find(tmp_path, path=[fake.parent, real.parent]).stdout == f'{real}\n'


@pytest.mark.parametrize('where', ['.pyenv/versions/{}.9/bin/{}',
                                   '.local/share/uv/python/cpython-{}.9-linux/bin/{}'])
def test_pyenvs_and_uvs_folders_are_searched(tmp_path, where):
    real = interpreter(tmp_path / where.format(HERE[6:], HERE))
    broken = shim(tmp_path / 'shims' / HERE)
    assert find(tmp_path, path=[broken.parent]).stdout == f'{real}\n'


def test_the_path_comes_before_pyenv_and_pyenv_before_uv(tmp_path):
    first = interpreter(tmp_path / 'bin' / HERE)
    second = interpreter(tmp_path / '.pyenv/versions' / HERE[6:] / 'bin' / HERE)
    third = interpreter(tmp_path / '.local/share/uv/python' / f'cpython-{HERE[6:]}.1'
                        / 'bin' / HERE)
    for real in first, second, third:
        assert find(tmp_path, path=[first.parent]).stdout == f'{real}\n'
        real.unlink()


def test_a_path_is_taken_or_refused(tmp_path):
    real = interpreter(tmp_path / 'with space' / HERE)
    assert find(tmp_path, str(real)).stdout == f'{real}\n'
    broken = shim(tmp_path / 'shims' / HERE)
    refused = find(tmp_path, str(broken), path=[real.parent])
    assert refused.returncode == 1 and refused.stdout == ''
    assert len(refused.stderr.splitlines()) == 1 and str(broken) in refused.stderr


def test_a_name_asks_for_that_version_only(tmp_path):
    real = interpreter(tmp_path / 'bin' / HERE)
    assert find(tmp_path, HERE, path=[real.parent]).stdout == f'{real}\n'
    assert find(tmp_path, OTHER, path=[real.parent]).returncode == 1
    assert find(tmp_path, 'python2.7', path=[real.parent]).returncode == 1


def test_without_any_the_ways_out_are_named(tmp_path):
    found = find(tmp_path, versions='3.7 3.6')
    assert found.returncode == 1 and found.stdout == ''
    for way in 'pyenv', 'conda', 'uv', 'Docker', 'PYTHON=':
        assert way in found.stderr


def test_other_versions_can_be_asked_for(tmp_path):
    """`make ports` wants a current one, and says so where there is none."""
    path = [interpreter(tmp_path / 'bin' / HERE).parent]
    version = HERE[len('python'):]
    assert find(tmp_path, '', version, path=path).stdout
    none = find(tmp_path, '', '3.99', path=path)
    assert none.returncode == 1 and 'Expected a Python 3.99; found none' in none.stderr
    wrong = find(tmp_path, 'python3.7', '3.99', path=path)
    assert wrong.returncode == 1 and 'expected a path, python3.99; name' in wrong.stderr
