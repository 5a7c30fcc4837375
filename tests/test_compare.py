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


def test_nan_on_both_sides_is_no_difference_and_is_told():
    golden = trace.load(ROOT / 'experiments/ports/saturated_vanilla.npz')
    report = compare.compare(golden, changed(golden))
    assert report.status == 0 and report.end
    assert np.isnan(golden.arrays[report.end]).any()
    assert any('as they must' in line for line in compare.text(report))


def test_a_golden_that_is_nan_at_once_cannot_be_compared(golden):
    broken = changed(golden, step_000__D__loss=np.float32(np.nan))
    with pytest.raises(InputError, match='finite for an update at least'):
        compare.compare(broken, changed(broken))


def test_what_is_not_recorded_is_counted_and_said(golden):
    report = compare.compare(golden, changed(golden, step_000__D__loss=None))
    assert report.status == 0 and report.missing == ['step_000/D/loss']
    assert list(compare.text(report)) == [
        'vanilla: agrees as far as recorded: 133 of 134 arrays.',
        'Not recorded: 1 of loss.']


def test_reshaped_and_moved_arrays_differ_and_others_are_noted(golden):
    loss = golden.arrays['step_000/D/loss']
    moved = np.ones(4, np.float32)
    for change, status, why in (
            (dict(step_000__D__loss=loss.reshape(1)), 1, 'shape'),
            (dict(step_000__D__after__G_b1=moved), 1, 'values'),
            (dict(step_000__D__after__G_b1=golden.arrays['init/G_b1']), 0, ''),
            (dict(step_000__D__grad__G_b1=moved), 0, 'were not judged'),
            (dict(step_003__D__loss=loss), 0, 'beyond the golden trace'),
            (dict(step_000__D__loss=np.float64(loss)), 0, 'taken as float32')):
        report = compare.compare(golden, changed(golden, **change))
        assert report.status == status, change
        assert why in ''.join(report.notes) or report.differences[0].why == why


def test_the_first_difference_is_the_first_in_causal_order(golden):
    """Whatever the order in which the port has written its arrays."""
    keys = ['step_001/G/after/G_W1', 'step_001/G/loss', 'step_000/G/adam_v/G_b1',
            'step_000/G/grad/G_b2', 'step_000/D/after/D_b1', 'init/D_W2']
    mine = dict(reversed(list(golden.arrays.items())))
    for found in range(1, len(keys) + 1):
        mine[keys[found - 1]] = 2 * golden.arrays[keys[found - 1]] + 1
        report = compare.compare(golden, Trace('mine', golden.meta, mine))
        assert report.differences[0].key == keys[found - 1]
        assert {each.key for each in report.differences} >= set(keys[:found])


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


def test_the_report_has_the_verdict_first_then_where_and_why(files):
    out = run_module('tf1gan.compare', 'vanilla', 'bad.npz', cwd=files).out
    assert out.startswith('vanilla: differs: 1 mistake is named.\n')
    assert '1. The loss of D is twice the tutorial' in out
    assert '-1.3855' in out and '-2.7711198' in out     # what is expected, and yours
    assert 'Shown first by: step_000/D/loss\n   Evidence: with this your ' in out
    assert '1 of 134 arrays differ' in out and 'Change: add the terms' in out


def test_bad_flags_are_refused(tmp_path):
    for arguments in ([], ['vanilla'], ['vanilla', 'x', '--loose'], ['a', 'b', 'c']):
        ended = run_module('tf1gan.compare', *arguments, cwd=tmp_path)
        assert ended.status == 2 and len(ended.err.splitlines()) == 1
