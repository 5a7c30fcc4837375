"""requirements: which interpreter the two commands take, and which TensorFlow."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, execute

HERE = 'python{}.{}'.format(*sys.version_info)      # python3.7, say
OTHER = 'python3.6' if HERE != 'python3.6' else 'python3.7'
BOTH = f'{HERE[6:]} {OTHER[6:]}'


def find(tmp_path, wanted='', versions=BOTH, path=(), **environ):
    """Run the script with nothing of this machine on the PATH but `path`."""
    return execute(
        '/bin/sh', ROOT / 'requirements' / 'find-python.sh', wanted, versions,
        cwd=tmp_path, env={'PATH': ':'.join([*map(str, path), '/nowhere']),
                           'HOME': str(tmp_path), **environ})


def interpreter(path: Path) -> Path:
    """Put this test's own interpreter at `path`."""
    path.parent.mkdir(parents=True)
    path.symlink_to(Path(sys.executable).resolve())
    return path


def test_an_activated_environment_gives_the_interpreter_under_it(tmp_path):
    """Or making the environment anew would remove its own interpreter first."""
    real = Path(sys.executable).resolve()
    made = execute(real, '-m', 'venv', '--without-pip', tmp_path / 'venv', cwd=tmp_path)
    assert made.status == 0, made.err
    inside = tmp_path / 'venv' / 'bin' / HERE
    if not inside.exists():     # 3.6 names it python3 only
        inside.symlink_to('python3')
    for found in (find(tmp_path, path=[inside.parent]), find(tmp_path, str(inside))):
        assert Path(found.out.strip()).resolve() == real
        assert str(tmp_path) not in found.out


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
    assert found.out == f'{real}\n', found.err


def test_another_version_under_the_name_is_passed_over(tmp_path):
    fake = tmp_path / 'fake' / HERE
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nexit 1\n')    # what python -c "... is 3.6 or 3.7" says
    fake.chmod(0o755)
    real = interpreter(tmp_path / 'bin' / HERE)
    assert find(tmp_path, path=[fake.parent, real.parent]).out == f'{real}\n'


@pytest.mark.parametrize('where', ['.pyenv/versions/{}.9/bin/{}',
                                   '.local/share/uv/python/cpython-{}.9-linux/bin/{}'])
def test_pyenvs_and_uvs_folders_are_searched(tmp_path, where):
    real = interpreter(tmp_path / where.format(HERE[6:], HERE))
    broken = shim(tmp_path / 'shims' / HERE)
    assert find(tmp_path, path=[broken.parent]).out == f'{real}\n'


def test_the_path_comes_before_pyenv_and_pyenv_before_uv(tmp_path):
    first = interpreter(tmp_path / 'bin' / HERE)
    second = interpreter(tmp_path / '.pyenv/versions' / HERE[6:] / 'bin' / HERE)
    third = interpreter(tmp_path / '.local/share/uv/python' / f'cpython-{HERE[6:]}.1'
                        / 'bin' / HERE)
    for real in first, second, third:
        assert find(tmp_path, path=[first.parent]).out == f'{real}\n'
        real.unlink()


def test_a_path_is_taken_or_refused(tmp_path):
    real = interpreter(tmp_path / 'with space' / HERE)
    assert find(tmp_path, str(real)).out == f'{real}\n'
    broken = shim(tmp_path / 'shims' / HERE)
    refused = find(tmp_path, str(broken), path=[real.parent])
    assert refused.status == 1 and refused.out == ''
    assert len(refused.err.splitlines()) == 1 and str(broken) in refused.err


def test_a_name_asks_for_that_version_only(tmp_path):
    real = interpreter(tmp_path / 'bin' / HERE)
    assert find(tmp_path, HERE, path=[real.parent]).out == f'{real}\n'
    assert find(tmp_path, OTHER, path=[real.parent]).status == 1
    assert find(tmp_path, 'python2.7', path=[real.parent]).status == 1


def test_without_any_the_ways_out_are_named(tmp_path):
    found = find(tmp_path, versions='3.7 3.6')
    assert found.status == 1 and found.out == ''
    for way in 'pyenv', 'conda', 'uv', 'Docker', 'PYTHON=':
        assert way in found.err


def test_other_versions_can_be_asked_for(tmp_path):
    """`make ports` wants a current one, and says so where there is none."""
    path = [interpreter(tmp_path / 'bin' / HERE).parent]
    version = HERE[len('python'):]
    assert find(tmp_path, '', version, path=path).out
    none = find(tmp_path, '', '3.99', path=path)
    assert none.status == 1 and 'Expected a Python 3.99; found none' in none.err
    wrong = find(tmp_path, 'python3.7', '3.99', path=path)
    assert wrong.status == 1 and 'expected a path, python3.99; name' in wrong.err


# --- requirements/first-environment.sh: TensorFlow 1.15, or TensorFlow 2 --------------

@pytest.fixture
def first(tmp_path):
    """Return a function that says which environment is made where there are Pythons.

    environment.sh is a stand-in that prints what it is asked for; uv's one fails, or
    puts a Python 3.7 where uv does when `fetches`.
    """
    scripts = tmp_path / 'requirements'
    shutil.copytree(str(ROOT / 'requirements'), str(scripts))
    tools = tmp_path / 'tools'
    tools.mkdir()
    for tool in 'sh', 'dirname', 'sed', 'uname', 'timeout', 'mkdir', 'chmod', 'ln':
        (tools / tool).symlink_to(shutil.which(tool))

    def first(*pythons, wanted='', there='', fetches=False):
        folder = tmp_path / 'bin'
        folder.mkdir()
        for version in pythons:
            fake(folder / f'python{version}', 'echo "$0"')
        uv = tmp_path / 'venv-uv'
        fake(tmp_path / 'uv', '''
            case "$*" in *"python install 3.7") ;; *) exit 1 ;; esac
            made="$UV_PYTHON_INSTALL_DIR/cpython-3.7.9-linux-x86_64-gnu/bin"
            mkdir -p "$made" && printf '%s\n' '#!/bin/sh' 'echo "$0"' >"$made/python3.7"
            chmod +x "$made/python3.7"''' if fetches else 'exit 1')
        fake(scripts / 'environment.sh', f'''
            if [ "${{3:-}}" = --there ]; then [ "${{2##*/}}" = '{there}' ]; exit; fi
            case $2 in
            */uv.lock) mkdir -p {uv}/bin && ln -s {tmp_path}/uv {uv}/bin/uv ;;
            *) echo "${{2##*/}}" "${{3:-}}" ;;
            esac''')
        return execute('/bin/sh', scripts / 'first-environment.sh', tmp_path / 'venv',
                       wanted, cwd=tmp_path, env={'PATH': f'{folder}:{tools}',
                                                  'HOME': str(tmp_path)})

    return first


def fake(path, script):
    """Put a shell script at `path`."""
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)


@pytest.mark.parametrize('pythons, wanted, lock, python', [
    (['3.7', '3.11'], '', 'tf1-cpu.lock', '3.7'),
    (['3.6', '3.13'], '', 'tf1-cpu.lock', '3.6'),
    (['3.6', '3.7'], 'python3.6', 'tf1-cpu.lock', '3.6'),
    (['3.7', '3.11'], 'python3.11', 'tf2-cpu.lock', '3.11')])
def test_the_reference_is_taken_where_there_is_its_python(first, pythons, wanted, lock,
                                                          python):
    taken, named = first(*pythons, wanted=wanted).out.split()
    assert taken == lock and named.endswith(f'python{python}')


@pytest.mark.skipif(os.uname()[0::4] != ('Linux', 'x86_64'), reason='uv is asked there')
def test_a_python_3_7_is_fetched_where_that_works(first):
    made = first('3.11', fetches=True)
    lock, python = made.out.split()
    assert lock == 'tf1-cpu.lock' and '/venv-uv/python/cpython-3.7.9-' in python
    assert 'asking an old uv' in made.err and 'Taking' not in made.err


@pytest.mark.parametrize('version', ['3.9', '3.10', '3.11', '3.12', '3.13'])
def test_else_tensorflow_2_is_taken_and_that_is_said_once(first, version):
    made = first(version)
    assert made.out.split()[0] == 'tf2-cpu.lock' and made.status == 0
    assert made.err.splitlines()[-1].startswith('Taking TensorFlow 2')
    assert made.err.count('\n') <= 3


def test_what_is_there_is_kept_in_silence(first):
    kept = first('3.11', there='tf2-cpu.lock')
    assert kept.out.split() == ['tf2-cpu.lock'] and kept.err == ''


def test_the_reference_that_is_there_is_not_looked_for(first):
    kept = first('3.11', there='tf1-cpu.lock')
    assert kept.out.split() == ['tf1-cpu.lock'] and kept.err == ''


def test_an_environment_has_the_package_and_its_command_in_any_folder(tmp_path):
    """Also where the path has a space and an accent, and after the folder has moved."""
    for name in 'a first é', 'then':
        folder = tmp_path / name
        if name == 'then':
            (tmp_path / 'a first é').rename(folder)
        else:
            shutil.copytree(str(ROOT / 'requirements'), str(folder / 'requirements'))
            shutil.copytree(str(ROOT / 'tf1gan'), str(folder / 'tf1gan'),
                            ignore=shutil.ignore_patterns('data', '*.npz'))
            execute(sys.executable, '-m', 'venv', '--without-pip', folder / '.venv',
                    cwd=tmp_path)
            sums = execute('sh', '-c', 'cat pip.lock tf1-cpu.lock | cksum',
                           cwd=folder / 'requirements').out
            (folder / '.venv/tf1gan-stamp').write_text(f'{sums}{sys.executable}\n')
        made = execute('sh', folder / 'requirements/environment.sh', folder / '.venv',
                       folder / 'requirements/tf1-cpu.lock', cwd=tmp_path)
        assert made == (0, '', '', '')
        own = {'PATH': os.environ['PATH']}      # no PYTHONPATH
        listed = execute(folder / '.venv/bin/tf1gan', '--help', cwd=tmp_path, env=own)
        assert listed.status == 0 and '  vanilla ' in listed.out
        where = execute(folder / '.venv/bin/python', '-c',
                        'import tf1gan; print(tf1gan.__file__)', cwd=tmp_path, env=own)
        assert Path(where.out.strip()) == folder / 'tf1gan/__init__.py'


def test_without_any_python_all_that_will_do_are_named(first):
    none = first()
    assert none.status == 1 and none.out == ''
    assert 'Expected a Python 3.7 or 3.6 or 3.11 or ' in none.err.splitlines()[-1]
    wrong = execute('make', '-n', 'vanilla', 'ENV=bad', cwd=ROOT)
    assert wrong.status == 2 and 'expected cpu, mkl, tf2' in wrong.err
