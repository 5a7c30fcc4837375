"""tf1gan.doctor: what it says of machines that we have and have not."""

import json
import re
import shutil
import sys

import pytest
from conftest import MKL, ROOT, environ, python, run_module

from tf1gan import doctor
from tf1gan.tf1 import VERSION, tf


def test_it_says_that_the_tutorials_run_here(tmp_path):
    ended = run_module('tf1gan.doctor', cwd=tmp_path)
    assert ended.status == 0 and ended.err == ''
    lines = dict(line.split(None, 1) for line in ended.out.splitlines())
    assert lines['Python'].startswith('3.')
    build = ('CUDA build' if tf.test.is_built_with_cuda() else
             "Intel's MKL build" if MKL else 'CPU build')
    assert lines['TensorFlow'].startswith(f'{VERSION}, {build}')
    assert lines['Verdict'].startswith('the tutorials run here, on the CPU')


def test_it_runs_without_tensorflow_and_numpy(tmp_path):
    code = ('import sys; sys.modules["tensorflow"] = sys.modules["numpy"] = None\n'
            'from tf1gan import doctor; sys.exit(doctor.main())')
    ended = python('-c', code, cwd=tmp_path)
    assert ended.status == 1 and ended.err == ''
    assert 'TensorFlow  cannot be imported' in ended.out
    assert 'the tutorials need TensorFlow 1.15 (Python 3.6 or 3.7), or' in ended.out


def test_json_says_the_same(tmp_path):
    plain = run_module('tf1gan.doctor', cwd=tmp_path)
    ended = run_module('tf1gan.doctor', '--json', cwd=tmp_path)
    found = json.loads(ended.out)
    assert ended.status == plain.status == 0 and found['runs'] is True
    rate = re.compile('[0-9]+ GFLOP')       # another one every time
    assert [rate.sub('', line) for line in doctor.text(found)] == (
        rate.sub('', plain.out).splitlines())
    assert found['tensorflow'] == VERSION
    assert found['python'] == sys.version.split()[0]


def test_other_arguments_are_refused(tmp_path):
    ended = run_module('tf1gan.doctor', 'me', cwd=tmp_path)
    assert (ended.status, ended.out, ended.err) == (
        2, '', 'expected no argument but --json, found me; leave it out\n')


def test_make_is_advised_in_a_checkout_alone(tmp_path):
    """A copy of the package without a Makefile beside it is an installed one."""
    code = ('import sys; sys.modules["tensorflow"] = None\n'
            'from tf1gan import doctor; doctor.main()')
    here = python('-c', code, cwd=tmp_path)
    shutil.copytree(str(ROOT / 'tf1gan'), str(tmp_path / 'site' / 'tf1gan'))
    there = python('-c', code, cwd=tmp_path,
                   env=environ(PYTHONPATH=str(tmp_path / 'site')))
    assert '`make vanilla`' in here.out
    assert 'make' not in there.out and "pip install 'tf1gan[tf2]'" in there.out


@pytest.mark.parametrize('capability, words', [
    ((3, 0), 'too old'), ((3, 5), 'default image runs'), ((7, 5), 'default image runs'),
    ((8, 0), 'BASE=nvcr.io/nvidia/tensorflow:23.03-tf1-py3'),
    ((8, 9), 'make vanilla ENV=gpu'),
    ((9, 0), 'BASE=nvcr.io/nvidia/tensorflow:23.03-tf1-py3'),
    ((10, 0), 'too new for any'), ((12, 0), 'too new for any')])
def test_advice_goes_by_the_compute_capability(capability, words):
    assert words in doctor.advice(doctor.GPU('some GPU', capability))


@pytest.mark.parametrize('version, cuda, capabilities, nvidia, runs', [
    ('1.15.5', False, [], False, True),
    ('1.15.5', False, [(9, 0)], False, True),
    ('1.15.5', True, [], False, True),
    ('1.15.5', True, [(7, 0)], False, True),
    ('1.15.5', True, [(8, 6)], False, False),
    ('1.15.5', True, [(7, 0), (8, 6)], False, False),
    ('1.15.5', True, [(8, 6)], True, True),
    ('1.15.5', True, [(12, 0)], True, False),
    ('2.4.1', True, [(7, 0)], False, False),
    ('2.21.0', False, [], False, True),
    ('2.21.0', True, [(8, 9)], False, True),
    ('2.12.1', True, [(3, 5)], False, False),
    ('2.21.0', True, [(12, 0)], False, False),
    ('2.11.0', False, [], False, False),
    ('', False, [], False, False)])
def test_the_verdict(monkeypatch, version, cuda, capabilities, nvidia, runs):
    monkeypatch.setattr(sys, 'version_info', (3, 7))
    monkeypatch.delenv('NVIDIA_TENSORFLOW_VERSION', raising=False)
    if nvidia:
        monkeypatch.setenv('NVIDIA_TENSORFLOW_VERSION', '23.03')
    seen = [doctor.GPU('some GPU', capability) for capability in capabilities]
    assert doctor.judge(version, cuda, seen)[0] == runs


def test_it_measures_matrix_products_beside_what_the_processor_can_do():
    found = doctor.products(256, 0.1)
    assert found['gflops'] > 0.1
    assert found['mkl'] is doctor.is_mkl()
    if 'at_most' in found:      # turbo makes it more than its MHz say, never ten times
        assert found['gflops'] < 10 * found['at_most']


@pytest.mark.parametrize('maker, given, kind', [
    ('AuthenticAMD', {}, '5'), ('GenuineIntel', {}, 'None'),
    ('AuthenticAMD', {'MKL_DEBUG_CPU_TYPE': '4'}, '4')])
def test_mkl_takes_its_fast_path_on_amd(tmp_path, monkeypatch, maker, given, kind):
    monkeypatch.delenv('MKL_DEBUG_CPU_TYPE', raising=False)     # on AMD it is set here
    ended = python('-c', 'import os\nfrom tf1gan import doctor\n'
                   f'doctor.cpu = lambda: "vendor_id\\t: {maker}"\n'
                   'from tf1gan import tf1\n'
                   'print(os.environ.get("MKL_DEBUG_CPU_TYPE"))', cwd=tmp_path,
                   env=environ(**given))
    assert ended.out == kind + '\n', ended.err


def test_what_a_processor_can_do_is_of_its_cores_mhz_and_widest_instructions(
        monkeypatch):
    monkeypatch.setattr(doctor, 'cpu', lambda: 'vendor_id\t: AuthenticAMD\n'
                        'cpu MHz\t\t: 2000.000\nflags\t\t: fpu avx avx2 fma')
    monkeypatch.setattr(doctor.os, 'sched_getaffinity', lambda _: {0, 1, 2})
    found = doctor.products(64, 0.01)
    assert (found['widest'], found['at_most']) == ('AVX2', 192.0)


def test_the_doctor_measures_what_a_run_would_have(tmp_path):
    """What TensorFlow reads at its import is set before it, as in a run."""
    (tmp_path / 'tensorflow.py').write_text(
        'import os\nraise ImportError(os.environ.get("MKL_DEBUG_CPU_TYPE"))\n')
    ended = python('-c', 'from tf1gan import doctor\n'
                   'doctor.cpu = lambda: "vendor_id\\t: AuthenticAMD"\n'
                   'doctor.main()', cwd=tmp_path)
    assert 'cannot be imported (ImportError: 5)' in ended.out
