"""What a user of a Python without TensorFlow meets."""

import subprocess
import sys

import pytest
from conftest import environ


@pytest.mark.parametrize('blocked', [['tensorflow'], ['tensorflow', 'tqdm']])
def test_a_tutorial_without_tensorflow_says_so_in_one_sentence(tmp_path, blocked):
    code = ('import sys, runpy\n'
            f'for name in {blocked}: sys.modules[name] = None\n'
            'runpy.run_module("tf1gan.vanilla", run_name="__main__")')
    ended = subprocess.run([sys.executable, '-c', code], cwd=str(tmp_path),
                           env=environ(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, universal_newlines=True)
    assert ended.returncode == 1 and ended.stdout == ''
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(
        'expected TensorFlow 1.15 (Python 3.6 or 3.7), or 2.12 and later, found')


def test_another_tensorflow_is_refused(tmp_path):
    (tmp_path / 'tensorflow.py').write_text('__version__ = "2.4.1"\n')
    ended = subprocess.run([sys.executable, '-c', 'import tf1gan.loop'],
                           cwd=str(tmp_path), env=environ(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, universal_newlines=True)
    assert ended.returncode == 1
    assert 'version 2.4.1' in ended.stderr and len(ended.stderr.splitlines()) == 1
