"""What a port says of itself, compared before anything is run. NumPy only."""

import json

import pytest
from conftest import run_module

import tf1gan

# By the sources' own pages.
SAID = {
    'vanilla': {'batch_size': 100, 'images': {'count': 55000, 'range': [0, 1]},
                'noise': {'law': 'normal', 'mean': 0, 'deviation': 1, 'size': 128},
                'optimizers': {'D': {'kind': 'Adam', 'learning_rate': 0.0002,
                                     'epsilon': 1e-8}},
                'initial': {'weights': 'normal, 0.01', 'biases': 'zeros'}},
    'collapse': {'batch_size': 1, 'optimizers': {'G': {'kind': 'adam',
                                                       'learning_rate': 0.0001}},
                 'initial': {'biases': 'uniform, 1/sqrt(inputs)'}},
    'conditional': {'labels': 10, 'optimizers': {'D': {'beta1': 0.1, 'epsilon': 1e-8},
                                                 'G': {'beta1': 0.5}},
                    'initial': {'weights': 'glorot_uniform', 'biases': 'zeros'}},
    'minimax': {'initial': {'weights': 'uniform, 1/sqrt(inputs)'}, 'batch_size': 100,
                'images': {'range': [-1, 1], 'count': 60000}},
    'dcgan': {'initial': {'weights': 'Glorot_uniform'}, 'noise': {'size': 100},
              'dtype': 'float32',
              'optimizers': {'G': {'learning_rate': 0.002, 'epsilon': 1e-7}}}}


def preflight(tmp_path, name, said):
    (tmp_path / 'mine.json').write_text(json.dumps(said))
    return run_module('tf1gan.preflight', name, 'mine.json', cwd=tmp_path)


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_what_is_right_agrees(tmp_path, name):
    ended = preflight(tmp_path, name, SAID[name])
    assert (ended.status, ended.out) == (0, 'all that is said agrees\n'), ended


@pytest.mark.parametrize('said, sentence', [
    ({'batch_size': 64}, 'batch_size is 64, the tutorial has 100'),
    ({'images': {'range': [-1, 1]}},
     'images.range is [-1, 1], the tutorial has [0, 1]'),
    ({'optimizers': {'D': {'epsilon': 1e-7}}},
     'optimizers.D.epsilon is 1e-07, the tutorial has 1e-08'),
    ({'noise': {'law': 'uniform'}},
     'noise.law is "uniform", the tutorial has "normal"'),
    ({'initial': {'weights': 'glorot_uniform'}},
     'initial.weights is "glorot_uniform", the tutorial has "normal, 0.01"'),
    ({'dtype': 'bfloat16'}, 'dtype is "bfloat16", the tutorial has "float32"')])
def test_what_differs_is_a_sentence(tmp_path, said, sentence):
    ended = preflight(tmp_path, 'vanilla', said)
    assert (ended.status, ended.out) == (1, sentence + '\n')


@pytest.mark.parametrize('said', [{'batchsize': 64}, [1], {'images': 5},
                                  {'optimizers': {'E': {}}}])
def test_what_no_tutorial_has_a_word_for_is_refused(tmp_path, said):
    ended = preflight(tmp_path, 'vanilla', said)
    assert ended.status == 2 and len(ended.err.splitlines()) == 1
    assert 'expected' in ended.err and 'found' in ended.err


def test_a_file_that_is_none_is_refused(tmp_path):
    ended = run_module('tf1gan.preflight', 'vanilla', 'none.json', cwd=tmp_path)
    assert ended.status == 2 and len(ended.err.splitlines()) == 1


def test_the_catalogue_is_printed_whole_or_by_a_word(tmp_path):
    whole = run_module('tf1gan.mistakes', cwd=tmp_path)
    some = run_module('tf1gan.mistakes', 'epsilon', cwd=tmp_path)
    assert whole.status == some.status == 0
    assert 'place of epsilon: ' in some.out
    assert len(some.out.splitlines()) < len(whole.out.splitlines()) / 4
    none = run_module('tf1gan.mistakes', 'xyzzy', cwd=tmp_path)
    assert none.status == 2 and len(none.err.splitlines()) == 1
