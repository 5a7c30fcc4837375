"""What holds for every tutorial: its steps, its parameters, its fakes, its resuming."""

import numpy as np
import pytest
from conftest import Listener, new_run, sabotaged, started
from test_run import same, state

from tf1gan import TUTORIALS, collapse, contract, descriptions, mnist, nn, run_folder
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
# The range of the images, how many of the file's are held out, and their order.
IMAGES = {'vanilla': (0, 5000, 'shuffled'), 'collapse': (0, 0, 'file'),
          'minimax': (-1, 0, 'shuffled'), 'dcgan': (-1, 0, 'replaced'),
          'conditional': (-1, 0, 'file')}


def rows_of_steps(held_out, order, n, rng):
    """Yield the rows of MNIST's file that a tutorial's steps take."""
    rows = np.arange(held_out, 60000)
    if order == 'shuffled':
        rng.shuffle(rows)
    for start in range(0, 60000, n):
        yield (rng.randint(60000, size=n) if order == 'replaced'
               else rows[start:start + n])


@pytest.mark.parametrize('name, numbers, moves, law, n_draws, n_D, n_G', CASES)
def test_a_step_is_its_updates_of_its_images_and_its_noise(name, numbers, moves, law,
                                                           n_draws, n_D, n_G):
    run = new_run(name, **numbers)
    listener, rng, files = Listener(run), np.random.RandomState(0), mnist.read()
    for _ in range(2):
        run.advance(listener)
    weights, n, (low, held_out, order) = (run.weights(), run.config.batch_size,
                                          IMAGES[name])
    assert [moved & set(weights) for moved in listener.moved] == [
        {weight for weight in weights if weight[0] == network} for network in 2 * moves]
    assert [{name[0] for name in moved if name[:2] in ('D_', 'G_')}     # Adam's slots
            for moved in listener.moved] == [{network} for network in 2 * moves]
    rows_of_step = rows_of_steps(held_out, order, n, rng)
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
    images = run.data.images
    assert images.dtype == np.float32 and len(images) == 60000 - held_out
    assert (images.min(), images.max()) == (low, 1)
    assert descriptions.find(name).describe(run.config._asdict())['images'] == {
        'shape': list(images.shape[1:]), 'range': [low, 1], 'held_out': held_out,
        'order': order}
    doc = run.page.module.__doc__
    for network, n_parameters in ('D', n_D), ('G', n_G):
        assert n_parameters == sum(
            array.size for key, array in weights.items() if key[0] == network)
        assert f'{n_parameters:,}' in doc or f'{n_D + n_G:,}' in doc


@pytest.mark.parametrize('name', TUTORIALS)
def test_placeholders_and_images_have_their_names(name):
    model = new_run(name).model
    for field in 'X', 'Z', 'X_labels', 'Z_labels', 'G':
        if hasattr(model, field):
            assert model.graph.get_tensor_by_name(f'{field}:0') is getattr(model, field)


def test_dcgans_pixels_are_the_sources_but_for_a_last_bit():
    """The source scales them in float64; the docstring says how many differ."""
    from tf1gan import dcgan
    pixels = np.arange(256, dtype=np.uint8).repeat(784).reshape(256, 28, 28)
    files = mnist.Files(pixels, np.zeros(256, int), pixels, np.zeros(256, int), '', '')
    found = dcgan.data(files, np.random.RandomState(0)).images[:, 0, 0, 0]
    expected = (np.arange(256) / 255 * 2 - 1).astype(np.float32)
    other = found != expected
    assert other.sum() == 128 and 'the 256 values 128 differ' in dcgan.__doc__
    assert np.abs(found - expected).max() <= np.spacing(np.float32(0.5))


def odd_at_first(module, of_keras=False):
    """Return the weights whose initial values do not follow torch's laws, or Keras's.

    Torch: W and b are uniform, within 1/sqrt(inputs). Keras: W is uniform, within
    sqrt(6/(inputs + outputs)), and b is 0.
    """
    _, sess, variables = started(module, seed=3)
    weights = {name: value for name, value in sess.run(variables).items()
               if name[:2] in ('D_', 'G_') and '/' not in name}
    odd = []
    for name, array in weights.items():
        if '_W' not in name and (of_keras or '_b' not in name):
            good = (array == name.endswith(('gain', 'gamma', 'variance'))).all()
        else:
            *field, n_in, n_out = weights[name.replace('_b', '_W')].shape
            bound = np.sqrt(6 / (np.prod(field) * (n_in + n_out))
                            if of_keras else 1 / n_in)
            largest = np.abs(array).max()
            good = largest <= bound * (1 + 1e-6) and (array.size <= 100 or (
                largest > 0.97 * bound and abs(array.mean()) < bound / 5
                and abs(array.std() / (bound / np.sqrt(3)) - 1) < 0.1))
        odd += [] if good else [name]
    return odd


@pytest.mark.parametrize('name', ['collapse', 'minimax', 'dcgan', 'conditional'])
def test_initial_values_follow_the_sources_laws(name):
    assert odd_at_first(contract.find(name), name in ('dcgan', 'conditional')) == []


@pytest.mark.parametrize('old, new, weight', [
    ("uniform(n_input, [n_hidden], 'D_b1')",
     "tf.Variable(tf.zeros([n_hidden]), name='D_b1')", 'D_b1'),
    ("uniform(n_noise, [n_noise", "uniform(n_hidden, [n_noise", 'G_W1'),
    ("tf.ones([n_hidden]), name='G_gain'", "tf.zeros([n_hidden]), name='G_gain'",
     'G_gain')])
def test_another_law_is_caught(old, new, weight):
    assert odd_at_first(sabotaged(collapse, old, new)) == [weight]


def test_a_wider_law_is_caught(monkeypatch):
    wider = sabotaged(nn, '1 / math.sqrt(fan_in)', '1.1 / math.sqrt(fan_in)')
    monkeypatch.setattr(collapse, 'uniform', wider.uniform)
    assert {'D_W1', 'D_b1', 'G_W2', 'G_b2'} <= set(odd_at_first(collapse))


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
