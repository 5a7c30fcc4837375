"""Judging a generator: the classifier, the figures, and the spread of seeds."""

import io
import json

import numpy as np
import pytest
from conftest import META, idx, new_run, run_module
from PIL import Image

import tf1gan
from tf1gan import (InputError, classifier, evaluate, manifold, mnist, run_folder,
                    spread)


@pytest.fixture(scope='module')
def test_images():
    """Return MNIST's test images [10000, 28, 28] in [0, 1]."""
    return mnist.read().test_images / np.float32(255)


def test_the_classifier_is_as_good_as_its_page_says(test_images):
    w, facts = classifier.load()
    assert classifier.FILE.stat().st_size < 10 ** 6
    features, logits = classifier.classify(w, test_images)
    assert features.shape == (10000, 64) and logits.shape == (10000, 10)
    accuracy = np.mean(logits.argmax(1) == mnist.read().test_labels)
    assert accuracy >= 0.992 and accuracy == pytest.approx(facts['accuracy'], abs=2e-4)
    mean, covariance = classifier.moments(features)
    # Measured between NumPy 1.18 and 2.4: 1.9e-8, and 1.1e-7 of at most 9.
    assert np.allclose(mean, w['test_mean'], rtol=0, atol=1e-7)
    assert np.allclose(covariance, w['test_covariance'], rtol=0, atol=1e-6)


def test_the_classifiers_logits_are_tensorflows(test_images, tf):
    w, _ = classifier.load()
    some = test_images[:1000]
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.constant(some[..., None])
        for W, b in (w['W1'], w['b1']), (w['W2'], w['b2']):
            x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, W, 1, 'SAME') + b), 2, 2,
                                 'VALID')
        x = tf.nn.relu(tf.matmul(tf.reshape(x, [1000, -1]), w['W3']) + w['b3'])
        expected = sess.run([x, tf.matmul(x, w['W4']) + w['b4']])
    for found, theirs in zip(classifier.classify(w, some), expected):
        assert np.abs(found - theirs).max() < 1e-4


def test_frechet_of_laws_that_share_their_axes_is_known():
    """By hand: |m1 - m2|^2 + sum (s1 - s2)^2 over the axes."""
    m1, m2, s1, s2 = np.random.RandomState(0).uniform(0.1, 2, (4, 6))
    turned = np.linalg.qr(np.random.RandomState(1).normal(size=(6, 6)))[0]
    laws = [(m, turned @ np.diag(s ** 2) @ turned.T) for m, s in ((m1, s1), (m2, s2))]
    expected = ((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum()
    assert classifier.frechet(*laws) == pytest.approx(expected, rel=1e-9)
    assert classifier.frechet(laws[0], laws[0]) == pytest.approx(0, abs=1e-9)


def test_frechet_of_other_laws_is_that_of_their_product():
    """Where the axes differ: by the eigenvalues of C1 C2, another way to the trace."""
    rng = np.random.RandomState(2)
    laws = [classifier.moments(rng.normal(size=(50, 5)) @ rng.normal(size=(5, 5)))
            for _ in range(2)]
    (m1, c1), (m2, c2) = laws
    roots = np.sqrt(np.linalg.eigvals(c1 @ c2).real)
    expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2) - 2 * roots.sum()
    assert classifier.frechet(*laws) == pytest.approx(expected, rel=1e-6)


def test_figures_of_real_digits_are_those_of_their_labels(test_images):
    """A "generator" that shows threes and sevens only, and seldom a one."""
    labels = mnist.read().test_labels
    rows = np.concatenate([np.flatnonzero(labels == 3)[:600],
                           np.flatnonzero(labels == 7)[:395],
                           np.flatnonzero(labels == 1)[:5]])
    asked = np.where(np.arange(1000) < 600, 3, 7)
    found = evaluate.measure(evaluate.Images(test_images[rows], asked))
    assert found['digits_covered'] == 2         # half a percent of ones are not enough
    assert found['shares'][3] == pytest.approx(0.6, abs=0.01)
    assert found['shares'][7] == pytest.approx(0.395, abs=0.01)
    p = np.array([0.6, 0.395, 0.005])
    # Less by what the few mistaken ones spread over the other digits.
    assert found['divergence'] == pytest.approx((p * np.log(10 * p)).sum(), abs=0.1)
    assert found['as_asked'] == pytest.approx(0.995, abs=0.01)
    assert found['confidence'] > 0.98
    whole = evaluate.measure(evaluate.Images(test_images, None))
    assert whole['digits_covered'] == 10 and whole['divergence'] < 0.01
    assert whole['frechet'] == pytest.approx(0, abs=1e-2)
    assert found['frechet'] > 10 * whole['frechet_of_training_images'] > 0
    assert 'as_asked' not in whole


def test_the_nearest_image_is_found_by_looking_at_all():
    rng = np.random.RandomState(0)
    images, train = rng.uniform(size=(3, 28, 28)), rng.uniform(size=(50, 28, 28))
    rows, distances = evaluate.nearest(images, train)
    for i in range(3):
        each = [np.linalg.norm(images[i] - other) for other in train]
        assert rows[i] == np.argmin(each)
        assert distances[i] == pytest.approx(min(each), rel=1e-5)


def train(name, folder, **how):
    """Train a small run of a tutorial for two steps; return it."""
    pytest.importorskip('tqdm', reason='nothing trains here')
    run = new_run(name, small=True, **how)
    for _ in range(2):
        run.advance(run.sess)
    folder.mkdir()
    run_folder.write(folder / run_folder.CHECKPOINT, run.checkpoint())
    return run


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_a_run_is_drawn_as_tensorflow_draws_it(name, tmp_path):
    run = train(name, tmp_path / 'run')
    found = evaluate.draw(tmp_path / 'run', 300)
    drawn = run.page.noise(np.random.RandomState(10000), 300, run.config)
    model = run.model
    if isinstance(drawn, tuple):
        feed = {model.Z: drawn[0], model.Z_labels: drawn[1]}
        assert np.array_equal(drawn[1].argmax(1), found.labels)
    else:
        feed = {model.Z: drawn}
        assert found.labels is None
    expected = run.sess.run(model.G, feed).reshape(300, 28, 28)
    if name in ('conditional', 'minimax', 'dcgan'):
        expected = (expected + 1) / 2
    assert np.abs(found.images - expected).max() < 1e-5
    assert found.images.min() >= 0 and found.images.max() <= 1


def test_a_run_on_other_data_is_judged_with_a_note(tmp_path, small, capsys):
    train('vanilla', tmp_path / 'run', data=str(small))
    evaluate.draw(tmp_path / 'run', 2)
    assert capsys.readouterr().err == (
        f'note: {tmp_path / "run"} learned from other files than the MNIST inside; it '
        "is judged as MNIST's digits anyway\n")


def test_a_run_of_other_pixels_is_refused(tmp_path):
    rng, folder = np.random.RandomState(0), tmp_path / 'data'
    folder.mkdir()
    for part, n in ('train', 5200), ('t10k', 20):
        (folder / f'{part}-images-idx3-ubyte').write_bytes(idx(
            rng.randint(0, 256, (n, 8, 8)).astype(np.uint8)))
        (folder / f'{part}-labels-idx1-ubyte').write_bytes(idx(
            rng.randint(0, 10, n).astype(np.uint8)))
    train('vanilla', tmp_path / 'run', data=str(folder), n_input=64)
    with pytest.raises(InputError, match='expected .* 28 x 28 pixels, found 64 pixels'):
        evaluate.draw(tmp_path / 'run', 2)


def test_the_stored_distance_of_test_images_is_theirs(test_images):
    train_images = mnist.read().train_images / np.float32(255)
    distances = evaluate.nearest(test_images[:evaluate.N_NEAREST], train_images)[1]
    # Measured between NumPy 1.18 and 2.4: 0.
    assert classifier.load()[1]['nearest_of_test_images'] == pytest.approx(
        np.median(distances), rel=1e-6)


def save(path, **arrays):
    np.savez(str(path), **arrays)
    return path


BAD = {
    'other names': (dict(images=np.zeros((100, 28, 28)), more=np.zeros(1)),
                    'no samples, but images, more'),
    'too few': (dict(samples=np.zeros((99, 28, 28))), r'shape \[99, 28, 28\]'),
    'another shape': (dict(samples=np.zeros((100, 32, 32))), 'shape'),
    'colours': (dict(samples=np.tile(np.arange(3.)[:, None, None] / 3,
                                     (100, 1, 28, 28))), r'\[100, 3, 28, 28\]'),
    'another range': (dict(samples=np.full((100, 784), -1.)),
                      'samples in -1 to -1, float64; say their range .--range -1 1,'),
    'a last bit too much': (dict(samples=np.full((100, 784), 1.0000001, np.float32)),
                            'in 0 to 1, found samples in 1.0000001 to 1.0000001,'),
    'bytes of 0 and 1': (
        dict(samples=np.eye(784, dtype=np.uint8)),
        'expected samples in 0 to 255, found samples in 0 to 1, uint8'),
    'integers': (dict(samples=np.full((100, 784), 255)), 'in 255 to 255, int64'),
    'NaN': (dict(samples=np.full((100, 784), np.nan)), 'samples in nan'),
    'labels of another length': (dict(samples=np.zeros((100, 784)),
                                      labels=np.zeros(7)), 'labels of shape'),
    'labels that are no digits': (dict(samples=np.zeros((100, 784)),
                                       labels=np.full(100, 11)), 'labels'),
    'labels that are words': (dict(samples=np.zeros((100, 784)),
                                   labels=np.full(100, '7')), 'labels of .* type <U1'),
    'complex': (dict(samples=np.zeros((100, 784), complex)), 'type complex128'),
    'an object': (dict(samples=np.array([{}])), 'allow_pickle')}


@pytest.mark.parametrize('name', BAD)
def test_bad_samples_are_refused_in_one_sentence(tmp_path, name):
    arrays, words = BAD[name]
    with pytest.raises(InputError, match=words) as refused:
        evaluate.read(save(tmp_path / 'x.npz', **arrays))
    assert '\n' not in str(refused.value)


@pytest.fixture(scope='module')
def some():
    """Return 120 test images, bytes, and their labels."""
    files = mnist.read()
    return files.test_images[:120], files.test_labels[:120]


def png(image):
    """Return an image's PNG."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'png')
    return content.getvalue()


def npy(array):
    """Return the bytes of an .npy."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


WAYS = {        # what is written (bytes -> arrays or files), --range
    'bytes': (lambda x: dict(samples=x), None),
    'bytes in rows': (lambda x: dict(samples=x.reshape(-1, 784)), None),
    'one array of any name': (lambda x: dict(fakes=x / np.float32(255)), None),
    'channels last': (lambda x: dict(samples=x[..., None]), None),
    'channels first': (lambda x: dict(samples=x[:, None]), None),
    'three equal channels': (lambda x: dict(samples=np.stack(3 * [x], 3)), None),
    'float64': (lambda x: dict(samples=x / 255), None),
    'in -1 to 1': (lambda x: dict(samples=x / 127.5 - 1), (-1, 1)),
    'floats to 255': (lambda x: dict(samples=x.astype(float)), (0, 255)),
    'an array alone': (lambda x: {'x.npy': npy(x)}, None),
    'pictures': (lambda x: {f'{i}.png': png(image) for i, image in enumerate(x)}, None),
}


@pytest.mark.parametrize('name', WAYS)
def test_images_are_read_as_people_have_them(tmp_path, some, name):
    make, ends = WAYS[name]
    made = make(some[0])
    if 'png' in min(made):
        for file, content in made.items():
            (tmp_path / file).write_bytes(content)
        found = evaluate.read(tmp_path)
    elif 'x.npy' in made:
        (tmp_path / 'x.npy').write_bytes(made['x.npy'])
        found = evaluate.read(tmp_path / 'x.npy')
    else:
        found = evaluate.read(save(tmp_path / 'x.npz', **made), ends)
    assert found.images.dtype == np.float32 and found.labels is None
    # Their rounding: 127.5 - 1 and back, in float64 and float32, is 6e-8 off at most.
    assert np.abs(found.images - some[0] / 255).max() < 1.2e-7


def test_pictures_in_folders_have_their_labels(tmp_path, some):
    for i, (image, label) in enumerate(zip(*some)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        (tmp_path / str(label) / f'{i}.png').write_bytes(png(image))
    found = evaluate.read(tmp_path)
    assert np.array_equal(found.images * np.float32(255), some[0])
    assert np.array_equal(found.labels, some[1])


def test_the_images_that_were_judged_can_be_kept(tmp_path, some, call):
    save(tmp_path / 'x.npz', samples=some[0], labels=some[1])
    ended = run_module('tf1gan.evaluate', 'x.npz', '--keep', 'kept.npz', '--json',
                       cwd=tmp_path)
    assert ended.status == 0, ended.err
    kept = np.load(str(tmp_path / 'kept.npz'))
    assert np.array_equal(kept['samples'], (some[0] / np.float32(255)))
    assert np.array_equal(kept['labels'], some[1])
    again = call(evaluate.main, 'kept.npz', '--json')
    assert again.out == ended.out


def test_no_figure_is_minus_nothing(some):
    """All digits alike: their divergence is 0, but for rounding below it."""
    one_each = [np.flatnonzero(some[1] == digit)[0] for digit in range(10)]
    images = np.repeat(some[0][one_each] / np.float32(255), 12, 0)
    figures = evaluate.measure(evaluate.Images(images, None))
    assert figures['divergence'] == 0
    numbers = [value for value in figures.values() if isinstance(value, float)]
    assert len(numbers) > 4 and not np.signbit(numbers).any()


def test_the_command_judges_a_ports_samples(tmp_path, test_images, call):
    save(tmp_path / 'good.npz', samples=test_images[:2000].reshape(-1, 784))
    ended = call(evaluate.main, 'good.npz')
    assert ended.status == 0, ended.err
    assert 'good.npz: 2,000 images\n  digits covered   10 of 10' in ended.out
    rng = np.random.RandomState(0)
    save(tmp_path / 'noise.npz', samples=rng.uniform(size=(10000, 28, 28)))
    ended = call(evaluate.main, '--against', 'vanilla', 'noise.npz', '--json')
    assert ended.status == 1
    found = json.loads(ended.out)
    assert found['verdict'] == 'outside' and found['figures'][0]['images'] == 10000
    assert found['against'] == 'vanilla, 20 seeds after 55,000 steps'
    assert [each['figure'] for each in found['held']] == [
        'frechet', 'divergence', 'confidence']
    assert found['held'][0]['outside'] == 'above'
    assert found['held'][0]['yours'] > 2 * found['held'][0]['high']


def test_the_command_counts_before_it_measures(tmp_path):
    save(tmp_path / 'few.npz', samples=np.zeros((9999, 784), np.uint8))
    ended = run_module('tf1gan.evaluate', '--against', 'vanilla', 'few.npz',
                       cwd=tmp_path)
    assert ended.status == 2 and ended.out == ''
    assert ended.err == ('--against: expected 10,000 images of a seed, as of '
                         "vanilla's, found 9,999; draw as many\n")


def test_the_command_judges_a_run(tmp_path, monkeypatch, call):
    run = tmp_path / 'run'
    train('vanilla', run)
    images = evaluate.draw(run, 500)        # fewer are quicker
    assert images.steps == 2
    monkeypatch.setattr(evaluate, 'draw', lambda folder: {run: images}[folder])
    ended = call(evaluate.main, run, '--json')
    assert ended.status == 0
    figures = json.loads(ended.out)['figures'][0]
    assert json.loads((run / 'evaluation.json').read_text()) == figures
    assert figures['images'] == 500
    found = np.asarray(Image.open(str(run / 'nearest.png')))
    above, below = (half.reshape(28, 10, 28).swapaxes(0, 1)
                    for half in np.split(found, 2))
    assert np.array_equal(above, np.rint(images.images[:10] * 255))
    train_images = mnist.read().train_images / np.float32(255)
    for image, mate in zip(images.images, below):
        distances = ((train_images - image) ** 2).sum((1, 2))
        assert np.array_equal(mate / np.float32(255), train_images[distances.argmin()])

    (run / 'nearest.png').unlink()
    (run / 'nearest.png').mkdir()       # a place that no file can take
    ended = call(evaluate.main, run)
    assert ended.status == 2
    assert f'{run}: 500 images' in ended.out and 'digits covered' in ended.out
    assert len(ended.err.splitlines()) == 1 and 'nearest.png: expected' in ended.err


@pytest.mark.parametrize('steps, point, words', [
    (54999, 55000, 'fewer than the 55,000'), (55000, 55000, ''),
    (5501, 5500, 'more than the 5,500'), (1, 550, 'fewer than the 550'),
    (16499, 16500, 'fewer than the 16,500')])
def test_a_run_is_held_against_the_seeds_nearest_point(call, monkeypatch, tmp_path,
                                                       steps, point, words):
    def enough(images):
        raise InputError('enough')

    (tmp_path / 'run').mkdir()
    run_folder.write(tmp_path / 'run/checkpoint.npz',
                     run_folder.pack({}, {**META, 'step': steps}))
    monkeypatch.setattr(evaluate, 'draw', lambda folder: evaluate.Images(
        np.zeros([10000, 28, 28]), None, steps))
    monkeypatch.setattr(evaluate, 'measure', enough)
    ended = call(evaluate.main, 'run', '--against', 'vanilla')
    note = (f"note: run has taken {steps:,} steps, {words} of vanilla's seeds, and is "
            'judged as it is now\n')
    assert ended.err == note * bool(words) + 'enough\n'
    named = call(evaluate.main, 'run', '--against', 'vanilla', '--steps', point)
    assert named.err == ended.err


def test_a_ports_images_are_held_against_the_point_that_is_named(call, monkeypatch,
                                                                 tmp_path):
    """By the seeds' own figures there, and at the end without it."""
    save(tmp_path / 'mine.npz', samples=np.zeros((10000, 784), np.uint8))
    mine = json.loads(spread.FILE.read_text())['vanilla']['points'][6]
    monkeypatch.setattr(evaluate, 'measure', lambda images: {
        name: values[0] for name, values in mine.items() if name != 'steps'})
    for words, status, steps in ((['--steps', '22000'], 0, '22,000'),
                                 ([], 1, '55,000')):
        ended = call(evaluate.main, 'mine.npz', '--against', 'vanilla', '--json',
                     *words)
        assert ended.status == status
        assert json.loads(ended.out)['against'] == (
            f'vanilla, 20 seeds after {steps} steps')


@pytest.mark.parametrize('arguments', [[], ['none.npz'], ['.'], ['x', '--against', 'y'],
                                       ['--loose'], ['x' * 300]])
def test_bad_input_is_refused_in_one_sentence(tmp_path, arguments):
    ended = run_module('tf1gan.evaluate', *arguments, cwd=tmp_path)
    assert ended.status == 2 and ended.out == ''
    assert len(ended.err.splitlines()) == 1, ended.err


# --- Density, coverage, precision, recall, KID, copies --------------------------------

def made_up(n=1200, m=1000, k=8):
    """Return features of two overlapping laws, [n, k] and [m, k]."""
    rng = np.random.RandomState(0)
    return rng.normal(size=(n, k)), 0.3 + 0.9 * rng.normal(size=(m, k))


def test_neighbours_are_those_counted_by_hand(monkeypatch):
    """K = 1 on a line. Balls of real: 0 and 2 reach 2, 5 reaches 3."""
    monkeypatch.setattr(manifold, 'K', 1)
    real, fake = np.array([[0.], [2], [5]]), np.array([[2.], [8], [9]])
    found = manifold.neighbours(real, fake)
    # 2 lies in all three balls, on two surfaces; 8 on that of 5; 9 in none. The fake
    # balls: 2 reaches 6, 8 and 9 reach 1.
    assert found == pytest.approx(
        {'density': 4 / 3, 'coverage': 1, 'precision': 2 / 3, 'recall': 1})


def test_neighbours_are_prdcs():
    prdc = pytest.importorskip('prdc', reason='make ports has it')
    for real, fake in made_up(), made_up()[::-1]:
        # prdc has < for <=: the same where no distance is met twice.
        assert manifold.neighbours(real, fake) == pytest.approx(
            prdc.compute_prdc(real, fake, manifold.K), abs=1e-6)


def test_kid_is_torch_fidelitys():
    """What torch-fidelity 0.4.0's kid_features_to_metric(fake, real) says of these."""
    real, fake = made_up()
    mean, error = manifold.kid(real, fake)
    assert mean == pytest.approx(0.3978738802535306, abs=1e-9)
    assert 10 * error == pytest.approx(0.010264284000396017, abs=1e-9)


def test_kid_of_whole_sets_is_the_formula_pair_by_pair(monkeypatch):
    monkeypatch.setattr(manifold, 'SUBSET', 7)
    x, y = np.random.RandomState(0).normal(size=(2, 7, 3))

    def k(a, b):
        return (sum(i * j for i, j in zip(a, b)) / 3 + 1) ** 3

    within = sum(k(s[i], s[j]) for s in (x, y) for i in range(7) for j in range(7)
                 if i != j) / 42
    expected = within - 2 * sum(k(a, b) for a in x for b in y) / 49
    mean, error = manifold.kid(x, y)
    assert mean == pytest.approx(expected, abs=1e-9)
    assert error == pytest.approx(0, abs=1e-12)     # every subset is the whole set
    assert manifold.kid(x, y[:6]) == (None, None)


def test_a_collapsed_set_is_precise_and_covers_little():
    real = made_up()[0]
    found = manifold.neighbours(real, real[:5].repeat(200, 0) + 1e-3)
    assert found['precision'] == 1 and found['coverage'] < 0.1 > found['recall']


def test_noise_is_neither_precise_nor_covering():
    real = made_up()[0]
    noise = 9 * np.random.RandomState(1).normal(size=(900, 8))
    found = manifold.neighbours(real, noise)
    assert found['density'] < 0.1 > found['precision'] and found['coverage'] < 0.1


@pytest.fixture(scope='module')
def pixels():
    """Return what copies are looked for in, [10000, 784] each: training, test."""
    files = mnist.read()
    return [images.reshape(-1, 784) / np.float32(255)
            for images in (files.train_images[-10000:], files.test_images)]


def test_copies_are_found_and_unseen_images_are_not(pixels):
    train, test = pixels
    share, p = manifold.copies(train[:500], train, test)
    assert share == 1 and p < 1e-100
    rng = np.random.RandomState(0)
    partly = np.concatenate([train[:100], np.clip(
        mnist.read().train_images[:400].reshape(-1, 784) / np.float32(255)
        + rng.normal(scale=0.1, size=(400, 784)), 0, 1)])
    assert manifold.copies(partly, train, test)[1] < 0.001      # a fifth are
    unseen = mnist.read().train_images[:1000].reshape(-1, 784) / np.float32(255)
    assert manifold.copies(unseen, train, test)[1] > 0.001
    assert manifold.copies(test[:500], train, test) == (0, pytest.approx(1))


def test_the_p_of_copies_is_counted_by_hand():
    """Two of two hits in training, of 2 + 2 images: one pair of six."""
    train, test = np.array([[0.], [1]]), np.array([[5.], [6]])
    share, p = manifold.copies(np.array([[0.1], [0.9], [1.]]), train, test)
    assert share == 1 and p == pytest.approx(1 / 6)


def test_the_second_classifier_is_as_good_as_its_page_says(test_images):
    w, facts = classifier.load(classifier.SECOND)
    assert classifier.SECOND.stat().st_size < 500000
    logits = classifier.classify(w, test_images)[1]
    right = np.mean(logits[:, :10].argmax(1) == mnist.read().test_labels)
    assert right >= 0.985 and right == pytest.approx(facts['accuracy'], abs=2e-4)
    assert np.mean(logits.argmax(1) == classifier.NO_DIGIT) < 0.01
    rng = np.random.RandomState(3)
    for spoilt in (rng.uniform(size=(500, 28, 28)),
                   rng.permutation(test_images[:500].reshape(500, -1).T).T):
        answers = classifier.classify(w, spoilt)[1].argmax(1)
        assert np.mean(answers == classifier.NO_DIGIT) > 0.99


def test_figures_of_a_digit_are_those_of_its_images_alone(test_images):
    """A conditional "generator" that draws noise when it is asked for sevens."""
    labels = mnist.read().test_labels[:3000].copy()
    images = test_images[:3000].copy()
    noise = np.random.RandomState(0).uniform(size=images.shape)
    images[labels == 7] = noise[labels == 7]
    found = evaluate.measure(evaluate.Images(images, labels))
    for digit in range(10):
        for name in 'density_of_digits', 'coverage_of_digits':
            assert (found['second'][name][digit] < 0.01) == (digit == 7)
        assert (found['as_asked_of_digits'][digit] < 0.5) == (digit == 7)
    assert found['no_digit'] == pytest.approx(np.mean(labels == 7), abs=0.01)
    assert found['second']['precision'] == pytest.approx(
        np.mean(labels != 7), abs=0.07)
