"""What a user of a Python without TensorFlow meets."""

import pytest
from conftest import python


@pytest.mark.parametrize('blocked', [['tensorflow'], ['tensorflow', 'tqdm']])
def test_a_tutorial_without_tensorflow_says_so_in_one_sentence(tmp_path, blocked):
    ended = python('-c', 'import sys, runpy\n'
                   f'for name in {blocked}: sys.modules[name] = None\n'
                   'runpy.run_module("tf1gan.vanilla", run_name="__main__", '
                   'alter_sys=True)',
                   cwd=tmp_path)
    assert ended.status == 1 and ended.out == ''
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(
        'expected TensorFlow 1.15 (Python 3.6 or 3.7), or 2.12 and later, found')


def test_another_tensorflow_is_refused(tmp_path):
    (tmp_path / 'tensorflow.py').write_text('__version__ = "2.4.1"\n')
    ended = python('-c', 'from tf1gan.tf1 import tf; tf.Graph', cwd=tmp_path)
    assert ended.status == 1
    assert 'version 2.4.1' in ended.err and len(ended.err.splitlines()) == 1
