"""What a schema takes, and lies that are always told, where there is no hypothesis."""

import json

import numpy as np
import pytest
from conftest import META

from tf1gan import InputError, compare, generator, run_folder, schema, trace

WRONG = [
    ('x', int, "all 'x', not a whole number"),
    (True, int, 'all True, not a whole number'),
    (1, bool, 'all 1, not true or false'),
    (10 ** 30, float, 'not a number'),
    (5, range(5), 'all 5, not a whole number from 0 to 4'),
    (2, {'a', 'b'}, 'all 2, not a or b'),
    ([], {'a'}, 'not a'),
    (0, None, 'all 0, not null'),
    ([1], (None, str), 'not null or text'),
    ([1, 'x'], [int], r"\[1\] 'x', not a whole number"),
    ([1], [int, int], 'not a list of 2'),
    ([], {'a': int}, r'all \[\], not an object'),
    ({}, {'a': int}, "one without 'a'"),
    ({'a': {'b': 'x'}}, {'a': {'~b': int}}, "a.b 'x', not a whole number"),
    ({'q': None}, {str: float}, 'q None, not a number')]


@pytest.mark.parametrize('value, wanted, words', WRONG)
def test_what_does_not_fit_is_named_with_what_was_expected(value, wanted, words):
    with pytest.raises(ValueError, match=words):
        schema.check(value, wanted)


def test_what_fits_is_taken():
    for value, wanted in [
            (1, int), (1, float), (float('nan'), float), (False, bool), (None, None),
            ('a', {'a'}), (4, range(5)), ([], [int]), ([1, 'x'], [int, str]),
            ({}, {'~a': int}), ({'b': []}, {'~a': int}), ({'q': 1}, {str: float}),
            (None, (None, str)), ([{}], object)]:
        schema.check(value, wanted)


@pytest.mark.parametrize('text', ['[' * 90000 + ']' * 90000, '[' * 60 + ']' * 60, '{'])
def test_json_that_is_too_deep_or_none_is_a_value_error(text):
    with pytest.raises(ValueError):
        schema.loads(text)


def test_updates_and_weights_of_names_that_nobody_knows_end_nothing():
    golden = trace.load('vanilla')
    odd = {**golden.arrays, 'step_000/D/after/Q': np.zeros(3, np.float32)}
    assert compare.compare(golden, golden._replace(arrays=odd)).status == 0
    odd['step_000/Q/loss'] = np.float32(1)
    with pytest.raises(InputError, match='one of the updates D, G, found Q'):
        trace.Replay(golden._replace(arrays=odd))


@pytest.mark.parametrize('key', ['adam_m/D_W1', 'feed/X', 'loss', 'after/D_b2'])
def test_a_golden_trace_without_an_array_is_refused(key):
    golden = trace.load('vanilla')
    arrays = dict(golden.arrays)
    del arrays[f'step_000/D/{key}']
    with pytest.raises(InputError, match='with all that its description makes'):
        compare.compare(golden._replace(arrays=arrays), golden)


@pytest.mark.parametrize('meta', [
    {**META, 'data_sha256': None}, {**META, 'step': [1]}, {**META, 'rng': []},
    {**META, 'config': []}, [], {**META, 'description': {'networks': 1}},
    {**META, 'rows': [{'epoch': 'x'}]}])
def test_a_checkpoint_with_other_types_is_refused(meta, tmp_path):
    np.savez(str(tmp_path / run_folder.CHECKPOINT), meta=np.array(json.dumps(meta)))
    with pytest.raises(InputError, match='expected a whole checkpoint, found'):
        run_folder.load_checkpoint(tmp_path)


def test_a_generator_without_its_weights_is_refused(tmp_path):
    (tmp_path / run_folder.CHECKPOINT).write_bytes(run_folder.pack({}, META))
    with pytest.raises(InputError, match='expected the weights of its generator'):
        generator.Generator(tmp_path)
