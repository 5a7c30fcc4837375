"""One session call a step: the bits of the source's calls, one an update."""

import numpy as np
import pytest
from conftest import new_run, python, run_module, write_data
from test_run import same, state

from tf1gan import contract, descriptions, one_call
from tf1gan.flags import flag

CASES = [('vanilla', []), ('minimax', []), ('minimax', ['--objective', 'saturating']),
         ('minimax', ['--same-noise']), ('collapse', ['--rung', 1]),
         ('collapse', ['--rung', 4]), ('collapse', ['--sanity']), ('dcgan', []),
         ('conditional', [])]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Return a folder of 8,000 images: 30 batches of 100 an epoch of vanilla's."""
    return write_data(tmp_path_factory.mktemp('data') / 'data', 8000)


def words(name, numbers):
    """Return a case's flags, and how many steps are taken."""
    if name in ('dcgan', 'conditional'):
        return 12, [word for field, value in descriptions.find(name).SMALL.items()
                    for word in (flag(field), value)]
    return 300, numbers


@pytest.mark.parametrize('name, numbers', CASES)
def test_a_run_has_the_bits_of_the_sources_calls(tutorial, data, tmp_path, name,
                                                 numbers):
    """Weights, slots, losses, log, pictures, checkpoints; stopped and resumed once."""
    page, (n_steps, numbers) = contract.find(name), words(name, numbers)
    flags = ['--data', data, '--threads', 1, *numbers]
    for args in (['--out', 'one', *flags, '--max-steps', n_steps // 2],
                 ['--resume', 'one', '--max-steps', n_steps],
                 ['--out', 'each', '--step-by-step', *flags, '--max-steps', n_steps]):
        ended = tutorial(*args, page=page)
        assert ended.status == 0, ended.err
    same(state(tmp_path / 'each'), state(tmp_path / 'one'))


@pytest.mark.parametrize('name', ['vanilla', 'minimax', 'collapse'])
def test_so_it_has_on_two_threads(data, tmp_path, name):
    """In processes of their own: the first session settles how many there are."""
    for out in 'one', 'each':
        ended = run_module(f'tf1gan.{name}', '--data', data, '--threads', 2, '--out',
                           out, '--max-steps', 300, *['--step-by-step'][:out == 'each'],
                           cwd=tmp_path)
        assert ended.status == 0, ended.err
    same(state(tmp_path / 'each'), state(tmp_path / 'one'))


def test_a_loss_that_breaks_is_told_of_alike(tutorial, small):
    told = [tutorial('--learning-rate', 1000, '--data', small, '--out', 'run' + way[2:],
                     *filter(None, [way])).err.splitlines()[-1]
            for way in ('', '--step-by-step')]
    assert told[0].partition(';')[0] == told[1].partition(';')[0]
    assert 'it began in log(1 - D_gene)' in told[0]


@pytest.fixture
def unfinished(monkeypatch, tf):
    """Let ops be added to the graph of a run."""
    monkeypatch.setattr(tf.Graph, 'finalize', lambda graph: None)


def steps(run, plan, n=4):
    """Return the losses of `n` steps of a run."""
    return [plan.take(lambda sess: run.page.step(
        sess, run.model, run.config, run.data.next_batch, run.draw_noise))
        for _ in range(n)]


def probe(run):
    """Return a step of a run whose draws nobody misses."""
    rng = np.random.RandomState(0)
    return lambda sess: run.page.step(
        sess, run.model, run.config, lambda n: (run.data.images[:n], None),
        lambda n: run.page.noise(rng, n, run.config))


def test_a_step_is_one_call_and_draws_as_ever(small, monkeypatch):
    run, other = (new_run('vanilla', data=str(small)) for _ in range(2))
    calls = []
    run_all = run.one_call.run_all
    run.one_call.run_all = lambda *fed: calls.append(fed) or run_all(*fed)
    for _ in range(3):
        losses = run.advance(run.sess)
        assert losses == other.page.step(
            other.sess, other.model, other.config, other.data.next_batch,
            other.draw_noise)
    assert len(calls) == 3 and len(calls[0]) == 2       # X, and Z once
    assert np.array_equal(run.rng.get_state()[1], other.rng.get_state()[1])


copied = one_call.copied


@pytest.mark.parametrize('broken', ['copied', 'moves'])
def test_sabotage_of_the_copies_is_caught(small, unfinished, monkeypatch, broken):
    """Without them G's update sees D as it was; or D's is not waited for."""
    right, wrong = (new_run('vanilla', data=str(small), learning_rate=0.1)
                    for _ in range(2))
    monkeypatch.setattr(one_call, broken, {
        'copied': lambda ops, fresh, *_: copied(ops, fresh, set(), []),
        'moves': lambda op: False}[broken])
    plan = one_call.Session(wrong.sess, probe(wrong))
    assert steps(right, right.one_call) != steps(wrong, plan)


def test_a_step_that_looks_at_a_result_is_run_call_by_call(small, unfinished):
    run = new_run('vanilla', data=str(small))
    for look in (bool, float, np.mean, lambda loss: loss == 0, lambda loss: loss + 1):
        def step(sess, look=look):
            losses = probe(run)(sess)
            look(losses['loss_D'])
            return losses
        assert one_call.session(run.sess, step) is None
        step(run.sess)


def test_a_step_that_asks_for_something_else_gets_it(small):
    run, other = (new_run('vanilla', data=str(small)) for _ in range(2))
    z = run.draw_noise(5)
    fetches, feeds = [run.model.updates['G'].loss], {run.model.Z: z}
    found = run.one_call.take(lambda sess: {'loss': sess.run(fetches, feeds)[0],
                                            'more': 7})
    assert found == {'loss': run.sess.run(fetches, feeds)[0], 'more': 7}


def test_a_step_of_another_size_has_its_bits_too(small):
    run, other = (new_run('vanilla', data=str(small)) for _ in range(2))
    few = run.config._replace(batch_size=7)
    found = run.one_call.take(lambda sess: run.page.step(
        sess, run.model, few, run.data.next_batch, run.draw_noise))
    assert found == other.page.step(
        other.sess, other.model, few, other.data.next_batch, other.draw_noise)


def test_a_run_that_is_kept_to_the_end_ends_in_silence(small, tmp_path):
    script = tmp_path / 'kept.py'
    script.write_text('from tf1gan import command, vanilla\n'
                      f"vanilla.run = command.main(vanilla, ['--data', {str(small)!r}, "
                      "'--max-steps', '1'])\n")
    ended = python(script, cwd=tmp_path)
    assert ended.status == 0 and 'xception' not in ended.err
