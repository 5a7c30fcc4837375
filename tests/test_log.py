"""The log of a run: each row in log.csv and on TensorBoard, after any end of it."""

import numpy as np
import pytest

from tf1gan import collapse, loop

TINY = ['--n-hidden', 8, '--n-noise', 4]


class Killed(BaseException):
    """What stands in for SIGKILL: nothing catches it."""


def killed(run):
    """Die in the place of saving a checkpoint."""
    raise Killed


def shown(folder):
    """Return (step, loss_G) of each point that TensorBoard shows, in its order.

    TensorBoard's own reader drops what a killed run has written past its checkpoint.
    """
    event_accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator',
        reason='TensorFlow 2.21 comes without TensorBoard, TensorFlow 1.15 with it')
    events = event_accumulator.EventAccumulator(str(folder), {'scalars': 0})
    events.Reload()
    return [(event.step, np.float32(event.value)) for event in events.Scalars('loss_G')]


def logged(folder):
    """Return (step, loss_G) of each row of log.csv."""
    head, *rows = [line.split(',') for line in
                   (folder / 'log.csv').read_text().splitlines()]
    return [(int(row[head.index('step')]), np.float32(row[head.index('loss_G')]))
            for row in rows]


LADDER = ['--n-hidden', 3]


@pytest.mark.parametrize('steps', [[3], [5], [12, 200], [23, 23], [7, 11, 23]])
def test_tensorboard_has_every_row_of_the_log_once(tutorial, tmp_path, steps):
    """A row is every 5 steps, a printed line every 5,000; resumed, and stopped again.

    Of a stop between two rows the log has a row too, until the run goes on.
    """
    for n, stop in enumerate(steps):
        begin = ['--resume' if n else '--out', 'run']
        ended = tutorial(*begin, *LADDER, '--max-steps', stop, page=collapse)
        assert ended.status == 0, ended.err
        found = logged(tmp_path / 'run')
        assert [step for step, _ in found] == [
            *range(4, stop, 5), *[stop - 1] * (stop % 5 > 0)]
        on_board = shown(tmp_path / 'run')
        assert len({step for step, _ in on_board}) == len(on_board)
        assert set(found) <= set(on_board)
        between = {step for step, _ in on_board} - {step for step, _ in found}
        assert between <= {earlier - 1 for earlier in steps}


def test_tensorboard_has_every_row_after_a_kill(tutorial, tmp_path, monkeypatch):
    """Killed before it could save: what was shown of those steps is shown once."""
    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, 'save', killed)
        with pytest.raises(Killed):
            tutorial('--out', 'run', *LADDER, '--max-steps', 22, page=collapse)
    assert tutorial('--resume', 'run', '--max-steps', 22, page=collapse).status == 0
    assert shown(tmp_path / 'run') == logged(tmp_path / 'run')
    assert len(logged(tmp_path / 'run')) == 5


def test_less_than_an_epoch_has_a_row_and_says_its_losses(tutorial, small, tmp_path):
    ended = tutorial('--data', small, '--max-steps', 2, '--out', 'run', *TINY)
    (step, loss_G), = logged(tmp_path / 'run')
    words = ended.err.splitlines()[2].split()
    assert step == 1 and words[:3] == ['step', '1:', 'D']
    assert words[4:] == ['G', f'{loss_G:.3f}']
    again = tutorial('--resume', 'run', '--max-steps', 2)
    assert again.status == 0 and logged(tmp_path / 'run') == [(step, loss_G)]
