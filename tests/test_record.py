"""Recording: it changes no bit of a run, and what it writes is what happened."""

import io
import json

import numpy as np
import pytest
from conftest import ROOT, environ, new_run, python, run_module

import tf1gan
from tf1gan import compare, descriptions, record, run_folder, tf1, trace

N_STEPS = 3


def recorded(name, path, **how):
    """Record a small run; return its trace and the run."""
    run = new_run(name, threads=1, small=True, **how)
    record.record(run, N_STEPS, path)
    return trace.load(path), run


def state(run):
    """Return the arrays and the meta of a run's checkpoint."""
    with np.load(io.BytesIO(run.checkpoint())) as content:
        arrays = {key: content[key] for key in content.files}
    return arrays, json.loads(str(arrays.pop('meta')))


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_a_recorded_run_has_the_bits_of_one_that_is_not(name, tmp_path):
    plain = new_run(name, threads=1, small=True)
    for _ in range(N_STEPS):
        record.draw(plain)
        plain.advance(plain.sess)
    expected, other = state(plain)
    found, meta = state(recorded(name, tmp_path / 't.npz')[1])
    for part in 'step', 'rng', 'data_position':
        assert meta[part] == other[part], part
    assert set(found) == set(expected)
    for key, array in expected.items():
        assert np.array_equal(found[key], array), key


def test_a_trace_has_the_bits_of_the_run_from_the_command_line(tmp_path):
    """Each in a process of its own: there the first session settles the threads."""
    numbers = [word for field, value in descriptions.find('conditional').SMALL.items()
               for word in (f'--{field.replace("_", "-")}', value)]
    for command in (
            ['tf1gan.record', 'conditional', '--small', '--out', 't.npz'],
            ['tf1gan.conditional', *numbers, '--max-steps', N_STEPS, '--out', 'run']):
        ended = run_module(*command, '--threads', 1, cwd=tmp_path)
        assert ended.status == 0, ended.err
    arrays, _ = run_folder.load_checkpoint(tmp_path / 'run')
    found, last = trace.load(tmp_path / 't.npz'), {}
    for kind, slot in ('after', ''), ('adam_m', '/Adam_{}'), ('adam_v', '/Adam_{}_1'):
        for update in found.updates:
            last.update((name + slot.format(name[0]), array) for name, array in
                        found.part(f'{update}/{kind}').items())
    assert len(last) == len(found.part('init')) + 2 * 22
    for name, array in last.items():
        assert np.array_equal(arrays[name], array), name


def agree(golden, mine):
    """Check that a trace recorded here agrees with the golden one of a tutorial."""
    report = compare.compare(golden, mine)
    assert report.status == 0, '\n'.join(compare.text(report))


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_the_golden_trace_is_what_is_recorded_here_today(name, tmp_path):
    golden = trace.load(name)
    mine, _ = recorded(name, tmp_path / 't.npz', seed=golden.meta['seed'])
    assert set(mine.arrays) == set(golden.arrays)
    assert mine.meta['optimizers'] == golden.meta['optimizers']
    agree(golden, mine)


@pytest.fixture(scope='module')
def by_threads(tmp_path_factory):
    """Return a folder of traces on 1 and 3 threads and on TensorFlow's own choice.

    In processes of their own: the first session settles how many threads there are.
    """
    folder = tmp_path_factory.mktemp('threads')
    for threads in '1', '3', '':
        script = folder / f'record{threads}.py'
        script.write_text(f'''
import sys
from tf1gan import TUTORIALS, record, trace
for name in TUTORIALS:
    sys.argv = ['x', name, '--small', *{['--threads', threads][:2 * bool(threads)]},
                '--seed', str(trace.load(name).meta['seed']),
                '--out', f'{{name}}{threads}.npz']
    assert record.main() == 0
''')
        ended = python(script, cwd=folder)
        assert ended.status == 0, ended.err
    return folder


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_three_threads_have_the_bits_of_one(name, by_threads):
    """And TensorFlow's own choice, which has threads within an operation, agrees."""
    one, three, own = (trace.load(by_threads / f'{name}{threads}.npz')
                       for threads in ('1', '3', ''))
    for mine in one, three, own:
        agree(trace.load(name), mine)
    assert [mine.meta['environment']['threads'] for mine in (one, three)] == [1, 3]
    for key, array in one.arrays.items():
        assert np.array_equal(array, three.arrays[key]), key


@pytest.mark.skipif(tf1.REFERENCE, reason='of TensorFlow 2 only')
@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_with_onednn_a_trace_agrees_with_the_golden_one(name, tmp_path):
    """On two threads, and a second time with the same bits."""
    golden, found = trace.load(name), []
    for out in 'a.npz', 'b.npz':
        ended = run_module('tf1gan.record', name, '--small', '--threads', 2, '--seed',
                           golden.meta['seed'], '--out', out, cwd=tmp_path,
                           env=environ(TF_ENABLE_ONEDNN_OPTS='1'))
        assert ended.status == 0, ended.err
        found.append(trace.load(tmp_path / out))
        assert found[-1].meta['environment']['onednn']
        agree(golden, found[-1])
    for key, array in found[0].arrays.items():
        assert np.array_equal(array, found[1].arrays[key]), key


@pytest.mark.parametrize('name, field', [
    ('vanilla', 'learning_rate'), ('minimax', 'learning_rate'),
    ('dcgan', 'learning_rate'), ('conditional', 'learning_rate_D'),
    ('conditional', 'learning_rate_G')])
def test_a_rate_one_percent_off_differs_and_is_named(name, field, tmp_path):
    golden = trace.load(name)
    rate = golden.meta['config'][field]
    off, _ = recorded(name, tmp_path / 'off.npz', seed=golden.meta['seed'],
                      **{field: 1.01 * rate})
    report = compare.compare(golden, off)
    assert report.status == 1 and report.cause.name == 'learning rate'
    assert '/after/' in report.differences[0].key
    assert f'{1.01 * rate:.3g}' in report.cause.sentence


def test_full_size_is_the_default_and_numbers_can_be_given(call, tmp_path):
    ended = call(record.main, 'vanilla', '--steps', 1, '--n-hidden', 9, '--out',
                 't.npz')
    assert ended.status == 0, ended.err
    assert ended.out == (
        't.npz: vanilla, steps 0 to 0; a port replays it with tf1gan.trace '
        '(docs/porting.md), then run python -m tf1gan.compare t.npz MINE\n')
    full = trace.load(tmp_path / 't.npz')
    assert full.arrays['init/G_W1'].shape == (128, 9)
    assert full.arrays['step_000/D/feed/X'].shape == (100, 784)
    assert full.updates == ['step_000/D', 'step_000/G']


@pytest.mark.parametrize('arguments', [
    [], ['mnist', '--out', 'x.npz'], ['vanilla'], ['vanilla', '--out', 'x', '--steps',
                                                   '0'],
    ['vanilla', '--out', 'x', '--iterations', '3'], ['--out', 'x.npz'],
    ['vanilla', '--small', '--steps', '1', '--out', 'no folder/x.npz'],
    ['collapse', '--small', '--sanity', '--out', 'x.npz']])
def test_bad_input_is_refused_in_one_sentence(call, arguments):
    ended = call(record.main, *arguments)
    assert ended.status == 2 and ended.out == ''
    assert len(ended.err.splitlines()) == 1, ended.err
    assert 'expected' in ended.err and 'found' in ended.err


def test_the_saturated_traces_are_what_is_recorded_here_today(tmp_path):
    for name in 'vanilla', 'minimax':
        golden = trace.load(ROOT / f'experiments/ports/saturated_{name}.npz')
        run = new_run(name, threads=1, small=True, learning_rate=1000.)
        record.record(run, 2, tmp_path / 't.npz')
        report = compare.compare(golden, trace.load(tmp_path / 't.npz'))
        assert report.status == 0, '\n'.join(compare.text(report))
