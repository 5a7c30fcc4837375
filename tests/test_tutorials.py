"""What holds for every tutorial: its steps, its parameters, its fakes, its resuming."""

import numpy as np
import pytest
from conftest import Listener, new_run
from test_run import same, state

from tf1gan import contract, mnist, run_folder
from tf1gan.tf1 import tf

# By hand: the networks that the updates of a step move, the law of the noise, how often
# it is drawn, and the parameters of D and of G.
CASES = [
    ('vanilla', {}, 'DG', ('normal', 128), 1, 201217, 234512),
    ('collapse', {'rung': 1}, 'DDG', ('uniform', 1), 2, 157201, 157984),
    ('collapse', {'rung': 2}, 'DDG', ('uniform', 1), 2, 157601, 158384),
    ('collapse', {'rung': 3}, 'DDG', ('uniform', 100), 2, 157601, 178184),
    ('collapse', {'rung': 4}, 'DDG', ('normal', 100), 2, 157601, 178184),
    ('minimax', {'objective': 'saturating'}, 'DG', ('normal', 100), 2, 100609, 114064),
    ('minimax', {'objective': 'non-saturating'}, 'DG', ('normal', 100), 2, 100609,
     114064),
    ('dcgan', {}, 'DDG', ('normal', 100), 1, 212865, 865281),
    ('conditional', {}, 'DG', ('uniform', 100), 2, 1042305, 6778369)]
LOWEST = {'vanilla': 0, 'collapse': 0, 'minimax': -1, 'dcgan': -1, 'conditional': -1}


def rows_of_steps(name, n, rng):
    """Yield the rows of MNIST's file that a tutorial's steps take, by hand."""
    order = np.arange(60000)
    if name in ('vanilla', 'minimax'):
        order = order[5000:] if name == 'vanilla' else order
        rng.shuffle(order)
    for start in range(0, 60000, n):
        yield (rng.randint(60000, size=n) if name == 'dcgan'    # with replacement
               else order[start:start + n])


@pytest.mark.parametrize('name, numbers, moves, law, n_draws, n_D, n_G', CASES)
def test_a_step_is_its_updates_of_its_images_and_its_noise(name, numbers, moves, law,
                                                           n_draws, n_D, n_G):
    run = new_run(name, **numbers)
    listener, rng, files = Listener(run), np.random.RandomState(0), mnist.read()
    for _ in range(2):
        run.advance(listener)
    weights, low, n = run.weights(), LOWEST[name], run.config.batch_size
    assert [moved & set(weights) for moved in listener.moved] == [
        {weight for weight in weights if weight[0] == network} for network in 2 * moves]
    rows_of_step = rows_of_steps(name, n, rng)
    for step in 0, 1:
        feeds = listener.feeds[len(moves) * step:len(moves) * (step + 1)]

        def fed(name):
            key = getattr(run.model, name).op.name
            return [feed[key] for feed in feeds if key in feed]

        rows = next(rows_of_step)
        images, = fed('X')
        expected = low + files.train_images[rows] * ((1 - low) / 255)
        assert np.abs(images.reshape(n, 28, 28) - expected).max() < 2 ** -22  # float32
        noise, labels = [], []
        for _ in range(n_draws):
            ends = (-1, 1) if name == 'conditional' else ()
            noise.append(getattr(rng, law[0])(*ends, size=(n, law[1])))
            if name == 'conditional':
                labels.append(np.eye(10)[rng.randint(10, size=n)])
        assert np.array_equal(fed('Z'), noise * (2 // n_draws))
        if labels:
            assert np.array_equal(fed('Z_labels'), labels)
            assert np.array_equal(fed('X_labels')[0].argmax(1),
                                  files.train_labels[rows])
    assert run.data.images.dtype == np.float32
    assert (run.data.images.min(), run.data.images.max()) == (low, 1)
    doc = run.page.module.__doc__
    for network, n_parameters in ('D', n_D), ('G', n_G):
        assert n_parameters == sum(
            array.size for key, array in weights.items() if key[0] == network)
        assert f'{n_parameters:,}' in doc or f'{n_D + n_G:,}' in doc


@pytest.mark.parametrize('name', ['collapse', 'minimax', 'dcgan', 'conditional'])
def test_fakes_are_cut_off_from_g_in_ds_update(name):
    page = contract.find(name)
    model = page.build(page.Config(), 0)
    variables = [variable for _, variable in model.updates['G'].gradients]
    assert {variable.op.name[0] for variable in variables} == {'G'}
    with model.graph.as_default():
        for update, found in model.updates.items():
            gradients = tf.gradients(found.loss, variables)
            assert [gradient is None for gradient in gradients] == [
                update != 'G'] * len(variables)


@pytest.mark.parametrize('name, flags, stops, n_masks', [
    ('collapse', ['--epochs', 2, '--rung', 4], [13, 17, 23, 44], None),
    ('collapse', ['--epochs', 2, '--sanity'], [13, 17, 23, 44], None),
    ('minimax', ['--epochs', 3, '--batch-size', 5], [2, 5], None),
    ('dcgan', ['--epochs', 4, '--batch-size', 5], [2], 12),
    ('conditional', ['--epochs', 1, '--batch-size', 5], [2], 8)])
def test_a_resumed_run_has_the_same_bits(run, csv, tmp_path, name, flags, stops,
                                         n_masks):
    """Dropout's masks and the moving averages too."""
    page = contract.find(name)
    whole = run(page, *flags, '--data', csv, '--out', 'whole')
    parts = run(page, *flags, '--data', csv, '--out', 'parts', '--max-steps', stops[0])
    for stop in stops[1:]:
        parts += run(page, '--resume', 'parts', '--max-steps', stop)
    assert parts + run(page, '--resume', 'parts') == whole
    same(state(tmp_path / 'parts'), state(tmp_path / 'whole'))
    arrays, _ = run_folder.load_checkpoint(tmp_path / 'whole')
    assert arrays.get('n_masks') == n_masks
