"""The comparer: what agrees, what differs, and what it says and returns."""

import json

import numpy as np
import pytest
from conftest import ROOT, run_module

import tf1gan
from tf1gan import InputError, compare, trace
from tf1gan.trace import Trace


def changed(golden, **arrays):
    """Return a copy of a trace with some arrays changed; None leaves one out."""
    named = {key.replace('__', '/'): array for key, array in arrays.items()}
    return Trace('mine', golden.meta, {
        key: array for key, array in {**golden.arrays, **named}.items()
        if array is not None})


@pytest.fixture(scope='module')
def golden():
    """Return the golden trace of the main tutorial."""
    return trace.load('vanilla')


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_a_trace_agrees_with_itself(name):
    golden = trace.load(name)
    report = compare.compare(golden, changed(golden))
    assert report.status == 0 and report.n_arrays == len(golden.arrays)
    assert list(compare.text(report)) == [
        f'{name}: agrees in all {len(golden.arrays)} arrays.']


@pytest.mark.parametrize('key, factor', [
    ('step_000/D/logit/D_real', 1e-5), ('step_000/D/loss', 1e-5),
    ('step_001/G/logit/D_gene', 1e-4), ('step_001/G/loss', 1e-5)])
def test_the_limit_is_what_the_table_says(golden, key, factor):
    """By hand: a share of the array's largest magnitude."""
    array = golden.arrays[key].astype(float)
    limit = factor * np.abs(array).max()
    assert np.all(compare.Limits(golden).of(key) == pytest.approx(limit, rel=1e-6))
    for share, status in ((0.9, 0), (1.2, 1)):
        mine = array.copy()
        mine.ravel()[0] += share * limit
        mine = changed(golden, **{key.replace('/', '__'): mine.astype(np.float32)})
        assert compare.compare(golden, mine).status == status


def test_a_weight_may_differ_by_what_its_gradient_may(golden):
    """The limit behind an update, recomputed by hand in float64.

    5e-7 of the weight, 2e-5 of the rate, and Adam's step with the moments at both ends
    of their own limit.
    """
    place, name = 'step_000/G', 'G_W1'
    m, v, w = (golden.arrays[f'{place}/{kind}/{name}'].astype(float)
               for kind in ('adam_m', 'adam_v', 'after'))
    largest = max(np.abs(array).max() for array in golden.part(f'{place}/adam_m'
                                                               ).values())
    rate = 0.0002 * np.sqrt(1 - 0.999) / (1 - 0.9)

    def step(m, v):
        return rate * m / (np.sqrt(v) + 1e-8)

    ends = [step(m + off, v * ((m + off) / m) ** 2) for off in
            (-1e-5 * largest, 1e-5 * largest)]
    wrong = np.max([np.abs(end - step(m, v)) for end in ends], 0)
    expected = 5e-7 * np.abs(w) + 2e-5 * 0.0002 + np.minimum(wrong, 0.0004)
    found = compare.Limits(golden).of(f'{place}/after/{name}')
    # Measured: 6.6e-6, for the trace has Adam's numbers as float32 rounds them.
    assert np.allclose(found, expected, rtol=3e-5, atol=0)
    assert found.min() < 1e-3 * 0.0002      # far below a rate that is 1 % off


@pytest.mark.parametrize('kind', ['feed/Z', 'logit/D_real', 'loss', 'grad/D_W1',
                                  'adam_m/D_W1', 'adam_v/D_b1', 'after/D_W2'])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_nan_or_an_infinity_differs(golden, kind, value):
    key = f'step_000/D/{kind}'
    mine = golden.arrays[key].copy()
    mine[(0,) * mine.ndim] = value
    report = compare.compare(golden, changed(golden, **{key.replace('/', '__'): mine}))
    assert report.status == 1 and report.differences[0].key == key
    assert report.differences[0].why == 'not finite'
    assert json.loads(json.dumps(compare.as_json(report), allow_nan=False))


def test_nan_on_both_sides_ends_the_comparison_and_is_told():
    golden = trace.load(ROOT / 'experiments/ports/saturated_vanilla.npz')
    first = next(key for key, array in golden.arrays.items() if np.isnan(array).any())
    report = compare.compare(golden, changed(golden))
    assert report.status == 0 and report.end == first
    assert report.n_arrays == list(golden.arrays).index(first)
    assert 'golden holds NaN, and so does yours: not compared' in next(
        compare.text(report))
    finite = np.nan_to_num(golden.arrays[first])
    report = compare.compare(golden, changed(golden, **{first.replace('/', '__'):
                                                        finite}))
    assert report.status == 1 and report.differences[0].key == first


def test_a_golden_that_is_nan_at_once_cannot_be_compared(golden):
    broken = changed(golden, step_000__D__loss=np.float32(np.nan))
    with pytest.raises(InputError, match='finite for an update at least'):
        compare.compare(broken, changed(broken))


def test_missing_extra_reshaped_and_mistyped_arrays_differ(golden):
    loss = golden.arrays['step_000/D/loss']
    for change, why in (
            (dict(step_000__D__loss=None), 'missing'),
            (dict(step_000__D__loss=loss.reshape(1)), 'shape'),
            (dict(step_000__D__loss=np.float64(loss)), 'type'),
            (dict(step_000__D__after__G_b1=np.ones(4, np.float32)), 'extra'),
            (dict(step_003__D__loss=loss), 'extra')):
        report = compare.compare(golden, changed(golden, **change))
        assert report.status == 1
        assert [each.why for each in report.differences] == [why]


def test_the_first_difference_is_the_first_in_causal_order(golden):
    """Whatever the order in which the port has written its arrays."""
    keys = ['step_001/G/after/G_W1', 'step_001/G/loss', 'step_000/G/adam_v/G_b1',
            'step_000/G/grad/G_b2', 'step_000/D/after/D_b1', 'init/D_W2']
    mine = dict(reversed(list(golden.arrays.items())))
    for found in range(1, len(keys) + 1):
        mine[keys[found - 1]] = 2 * golden.arrays[keys[found - 1]] + 1
        report = compare.compare(golden, Trace('mine', golden.meta, mine))
        assert [each.key for each in report.differences] == keys[found - 1::-1]


@pytest.mark.parametrize('part, value', [('tutorial', 'minimax'), ('seed', 7)])
def test_traces_of_other_runs_are_not_compared(golden, part, value):
    other = Trace('mine', {**golden.meta, part: value}, golden.arrays)
    with pytest.raises(InputError, match=f'expected a trace with the {part} of'):
        compare.compare(golden, other)


def test_another_size_is_not_compared_but_another_rate_is(golden):
    for name, value in (('batch_size', 7), ('n_noise', 9)):
        config = {**golden.meta['config'], name: value}
        with pytest.raises(InputError, match='the config of'):
            compare.compare(golden, Trace('mine', {**golden.meta, 'config': config},
                                          golden.arrays))
    config = {**golden.meta['config'], 'learning_rate': 0.1}
    assert compare.compare(golden, Trace(
        'mine', {**golden.meta, 'config': config}, golden.arrays)).status == 0


@pytest.fixture
def files(golden, tmp_path):
    """Return the folder of a trace that agrees and of one that does not."""
    trace.save(tmp_path / 'good.npz', golden.meta, golden.arrays)
    doubled = {**golden.arrays, 'step_000/D/loss': np.float32(
        2 * golden.arrays['step_000/D/loss'])}
    trace.save(tmp_path / 'bad.npz', golden.meta, doubled)
    (tmp_path / 'broken.npz').write_bytes((tmp_path / 'good.npz').read_bytes()[:5000])
    return tmp_path


@pytest.mark.parametrize('name, status', [('good', 0), ('bad', 1), ('broken', 2),
                                          ('none', 2)])
def test_the_exit_status_says_how_it_went(files, name, status):
    """As text, and as JSON, whose verdict is the same."""
    text = run_module('tf1gan.compare', 'vanilla', f'{name}.npz', cwd=files)
    assert text.status == status
    assert bool(text.err) == (status == 2) and len(text.err.splitlines()) <= 1
    machine = run_module('tf1gan.compare', '--json', files / 'good.npz',
                         f'{name}.npz', cwd=files)
    assert machine.status == status
    if status < 2:
        found = json.loads(machine.out)
        assert found['status'] == status
        assert found['verdict'] == ('agrees', 'differs')[status]
        assert text.out.startswith(f'vanilla: {found["verdict"]}')


def test_the_report_shows_where_and_why(files):
    out = run_module('tf1gan.compare', 'vanilla', 'bad.npz', cwd=files).out
    assert 'differs, first in step_000/D/loss (1 of 134 arrays differ)' in out
    assert '-1.3855599' in out and '-2.7711198' in out      # both values
    assert '\nLikely cause: your loss is twice golden\nShown by: so computed, ' in out
    assert '\nChange: add the terms of D' in out


def test_bad_flags_are_refused(tmp_path):
    for arguments in ([], ['vanilla'], ['vanilla', 'x', '--loose'], ['a', 'b', 'c']):
        ended = run_module('tf1gan.compare', *arguments, cwd=tmp_path)
        assert ended.status == 2 and len(ended.err.splitlines()) == 1
