"""Loss curves held against those of seeds: made-up bands, logs and mistakes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from tf1gan import InputError, curve

STEPS, EPOCH, ROWS = 10000, 100, 4      # rows in a window


def losses(rng, n=1, rows=ROWS, pace=1):
    """Return loss_D and loss_G of `n` runs, [n, rows of a window * windows].

    A run has its own level, and each row its own noise. A right one has a pace of 1.
    """
    t = pace * np.linspace(0, 1, rows * curve.N_WINDOWS)
    return {'loss_D': 0.5 + 0.3 * np.exp(-5 * t) + rng.normal(0, 0.02, (n, 1))
            + rng.normal(0, 0.03, (n, len(t))),
            'loss_G': 2 - np.exp(-4 * t) + rng.normal(0, 0.05, (n, 1))
            + rng.normal(0, 0.1, (n, len(t)))}


def band(rng, n=20, **how):
    """Return the band of `n` made-up seeds."""
    found = {loss: values.reshape(n, curve.N_WINDOWS, ROWS)
             for loss, values in losses(rng, n).items()}
    return curve.Band(**{**dict(
        name='vanilla', group='', steps=STEPS, epoch=EPOCH, batch=10, raised=False,
        curves={loss: each.mean(2) for loss, each in found.items()},
        within={loss: np.sqrt(each.var(2, ddof=1).mean(0))
                for loss, each in found.items()}, rows=ROWS), **how})


def log(rng, rows=ROWS, change=lambda found: None):
    """Return the log of one right run, perhaps changed."""
    found = {loss: values[0] for loss, values in losses(rng, rows=rows).items()}
    n = rows * curve.N_WINDOWS
    change(found)
    return curve.Log((np.arange(n) + 1) * STEPS / n, found, [])


@pytest.mark.parametrize('n, rows', [(10, ROWS), (20, ROWS), (20, 1)])
def test_a_right_run_is_outside_as_seldom_as_is_said(n, rows):
    """1 in n + 1; a log with fewer rows than the seeds' has no more alarms than that.

    The row noise of fewer rows is allowed for, so there the rate is only bounded.
    """
    rng = np.random.RandomState([n, rows])
    alarms = sum(not curve.judge(log(rng, rows), band(rng, n)).inside
                 for _ in range(300))
    expected = 300 / (n + 1)
    deviation = np.sqrt(expected * n / (n + 1))
    assert alarms <= expected + 3 * deviation
    if rows == ROWS:
        assert alarms >= expected - 3 * deviation


def scale(loss, factor):
    """Return a change of a log: a loss times a factor."""
    return lambda found: found.update({loss: found[loss] * factor})


@pytest.mark.parametrize('loss, factor, words', [
    ('loss_D', -1, 'with the other sign'), ('loss_G', -1, 'with the other sign'),
    ('loss_D', 2, 'twice the loss'), ('loss_D', 0.5, 'half of the loss'),
    ('loss_G', 1 / np.log(2), 'the loss in bits'), ('loss_D', 10, 'the sum over'),
    ('loss_G', 1 / np.log(10), 'the loss in log10')])
def test_another_unit_is_recognised_and_said(loss, factor, words):
    rng = np.random.RandomState(2)
    found = curve.judge(log(rng, change=scale(loss, factor)), band(rng))
    assert found.inside, found.sentence
    note, = found.notes
    assert note.startswith(f'your {loss} is read as') and words in note


def test_with_one_image_a_step_no_sum_over_a_batch_is_said():
    rng = np.random.RandomState(0)
    found = curve.judge(log(rng), band(rng, batch=1))
    assert found.inside and found.notes == []


def late(loss, by):
    """Return a change of a log: in its second half a loss is off."""
    def change(found):
        half = len(found[loss]) // 2
        found[loss][half:] += by
    return change


def both(d, g):
    """Return a change of a log: both losses are off in the second half."""
    def change(found):
        late('loss_D', d)(found)
        late('loss_G', g)(found)
    return change


def faster(found):
    """Change a log: everything comes five times as soon."""
    found.update({loss: values[0] for loss, values in losses(
        np.random.RandomState(6), pace=5).items()})


def broken(found):
    """Change a log: G's loss is not finite from its 60th row on."""
    found['loss_G'][59:] = np.nan


@pytest.mark.parametrize('change, words', [
    (both(-0.4, 3), 'D winning'), (both(0.4, -0.8), 'G winning'),
    (both(0.4, 3), 'wrong way'), (late('loss_D', 0.4), 'D does worse'),
    (late('loss_G', -0.9), 'G does better'), (faster, '5 times as fast'),
    (scale('loss_G', 3), 'loss_G is 2.91 times ours'),
    (broken, 'loss_G is not finite from step 6,0')])
def test_what_a_wrong_run_looks_like(change, words):
    rng = np.random.RandomState(3)
    found = curve.judge(log(rng, change=change), band(rng))
    assert not found.inside and words in found.sentence, found.sentence
    if 'D does worse' in words:
        assert 'from step 5,' in found.sentence or 'from step 4,' in found.sentence
        assert not found.outside['loss_D'][:12].any()
        assert found.outside['loss_D'][14:].all() and not found.outside['loss_G'].any()


def test_a_loss_of_the_other_sign_is_turned_even_where_it_does_not_fit():
    rng = np.random.RandomState(3)
    theirs = band(rng)

    def turned_and_off(found):
        found['loss_G'] = -0.7 * found['loss_G']

    found = curve.judge(log(rng, change=turned_and_off), theirs)
    assert not found.inside
    assert np.sign(found.windows['loss_G']).min() > 0
    assert any('loss_G is read as the loss, with the other sign' in note
               for note in found.notes)


def test_a_run_that_is_off_a_little_for_long_is_outside():
    """In none of its windows is it as far as some seed is somewhere."""
    rng = np.random.RandomState(90)
    theirs, made = band(rng), log(rng, change=late('loss_G', 0.25))
    far = curve.apart(*curve.windows(made, theirs), theirs)
    assert max(each[-1].max() for each in far.values()) < max(
        each[:-1].max() for each in far.values())
    found = curve.judge(made, theirs)
    assert not found.inside and 'where loss_G left' in found.sentence
    out = found.outside['loss_G']
    assert not out[:11].any() and out[12:].mean() > 0.8
    assert not found.outside['loss_D'].any()


def test_raised_losses_turn_the_words_around():
    rng = np.random.RandomState(3)
    found = curve.judge(log(rng, change=both(0.4, -0.8)), band(rng, raised=True))
    assert 'D winning' in found.sentence


def written(path, head, rows):
    """Write a CSV log; return its path."""
    path.write_text('\n'.join([head, *(','.join(map(str, row)) for row in rows)]))
    return path


@pytest.mark.parametrize('head, first, each, notes', [
    ('step,loss_D,loss_G', 99, 100, 0),             # as of tf1gan: the last step done
    ('iteration,d_loss,g_loss', 100, 100, 0), ('epoch,lossD,lossG', 1, 1, 0),
    ('global_step,D/loss,G loss', 100, 100, 0), ('Epoch,errD,errG', 0, 1, 0),
    ('step,discriminator_loss,gan_loss', 1, 1, 1)])     # epochs under another name
def test_columns_and_steps_are_found(tmp_path, head, first, each, notes):
    rng = np.random.RandomState(4)
    right = log(rng)
    rows = zip(range(first, first + 100 * each, each), *right.losses.values())
    found = curve.read(written(tmp_path / 'mine.csv', head, rows), band(rng))
    assert np.abs(found.steps - right.steps).max() <= 1 and len(found.notes) == notes
    for loss, values in right.losses.items():
        assert np.allclose(found.losses[loss], values)


def test_columns_may_be_named_and_rows_of_an_epoch_lie_in_it(tmp_path):
    path = written(tmp_path / 'mine.csv', 'when;a;b', [])
    path.write_text('when;epoch\n1;0\n2;0\n3;1\n4;1\n')
    theirs = band(np.random.RandomState(0))
    found = curve.read(path, theirs, 'epoch', {'loss_G': 'when'})
    assert found.steps.tolist() == [50, 100, 150, 200]
    assert found.losses['loss_G'].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize('text, words', [
    ('', 'expected the losses'), ('step,a\n1,2\n2,3\n', '--columns'),
    ('loss_D\n1\n2\n', '--step'), ('step,loss_D\n1,2\n', 'two rows'),
    ('step,loss_D\n1,x\n2,3\n', 'expected numbers'), ('step,loss_D\n1\n2\n', 'numbers'),
    ('step,loss_D\n2,1\n1,1\n', 'to grow')])
def test_a_log_that_cannot_be_read_is_one_sentence(tmp_path, text, words):
    path = tmp_path / 'mine.csv'
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        curve.read(path, band(np.random.RandomState(0)))


def test_the_command_draws_and_says_its_status(tmp_path, monkeypatch, capsys):
    """Of a made-up file of seeds: inside, outside, too few seeds, no such file."""
    pytest.importorskip('matplotlib')
    rng = np.random.RandomState(5)
    theirs = band(rng)._asdict()
    name, group = theirs.pop('name'), theirs.pop('group')
    content = json.dumps({name: {group: {
        key: value if not isinstance(value, dict) else {
            loss: each.tolist() for loss, each in value.items()}
        for key, value in theirs.items()}}})
    (tmp_path / 'curve.json').write_text(content)
    monkeypatch.setattr(curve, 'FILE', tmp_path / 'curve.json')
    for change, status in (lambda found: None, 0), (both(-0.4, 3), 1):
        made = log(rng, change=change)
        path = written(tmp_path / 'mine.csv', 'step,loss_D,loss_G',
                       zip(made.steps, *made.losses.values()))
        monkeypatch.setattr(sys, 'argv', ['curve', 'vanilla', str(path)])
        assert curve.main() == status
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith('outside' if status else 'inside')
        assert (tmp_path / 'mine_curve.png').read_bytes().startswith(b'\x89PNG')
    monkeypatch.setattr(curve, 'LEAST_SEEDS', 21)
    assert curve.main() == 2 and 'expected the curves of 21' in capsys.readouterr().err
    for args, words in ((['vanilla', str(tmp_path / 'no.csv')], 'No such file'),
                        (['conditional', str(path)],
                         'the seeds of conditional, found none'),
                        (['vanilla', str(path), '--group', 'x'], "found 'x'")):
        monkeypatch.setattr(curve, 'LEAST_SEEDS', 10)
        monkeypatch.setattr(sys, 'argv', ['curve', *args])
        assert curve.main() == 2 and words in capsys.readouterr().err


def test_help_needs_no_tensorflow():
    ended = subprocess.run([sys.executable, '-c', (
        'import sys; sys.modules["tensorflow"] = None; sys.argv = ["curve", "--help"]; '
        'from tf1gan import curve; curve.main()')], cwd=str(ROOT),
        stdout=subprocess.PIPE)
    assert b'TUTORIAL' in ended.stdout
