"""tf1gan.latent: pictures of a trained generator's noise, and of the digits asked."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from conftest import run_module

from tf1gan import InputError, evaluate, latent

RUNS = {'collapse': ['collapse'], 'sanity': ['collapse', '--sanity'],
        'dcgan': ['dcgan', '--batch-size', 5, '--max-steps', 1],
        'conditional': ['conditional', '--batch-size', 5, '--max-steps', 1]}


@pytest.fixture(scope='module')
def home(csv, tmp_path_factory):
    """Return a folder with very short runs in it."""
    home = tmp_path_factory.mktemp('home')
    for name, (tutorial, *flags) in RUNS.items():
        ended = run_module(f'tf1gan.{tutorial}', '--data', csv, *flags, '--out', name,
                           cwd=home)
        assert ended.status == 0, ended.err
    return home


@pytest.mark.parametrize('name', ['collapse', 'dcgan'])
def test_four_pictures_are_drawn(home, call, name):
    ended = call(latent.main, home / name, '--seed-a', 5)
    assert ended.status == 0 and len(ended.out.splitlines()) == 4
    assert sorted(path.name for path in (home / name / 'latent').iterdir()) == [
        'difference.png', 'interpolation.png', 'plane.png', 'sum.png']


def test_the_way_on_the_sphere_has_equal_angles(home, call):
    a, b = np.array([[3., 0]]), np.array([[0., 3]])
    found = latent.slerp(a, b, 4)
    angles = np.radians([0, 30, 60, 90])
    assert np.abs(found - 3 * np.stack([np.cos(angles), np.sin(angles)], 1)
                  ).max() < 1e-14       # of float64
    for other in a, -a:
        assert np.array_equal(latent.slerp(a, other), latent.interpolate(a, other))
    ended = call(latent.main, home / 'collapse', '--slerp', '--out', 'x')
    assert ended.out.split()[:2] == ['x/interpolation.png', 'x/slerp.png']


@pytest.mark.parametrize('name, flags, labels', [
    ('collapse', [], None), ('conditional', [], np.arange(300) % 10),
    ('conditional', ['--digit', 3], np.full(300, 3))])
def test_images_are_saved_and_judged(home, call, name, flags, labels):
    ended = call(latent.main, home / name, '--count', 300, '--save', 'x/y.npz', '--png',
                 'png', '--seed-a', 4, *flags)
    assert ended.status == 0, ended.err
    lines = ended.out.split()
    found = np.load('x/y.npz')
    generate = latent.Generator(home / name)
    assert np.array_equal(found['noise'],
                          generate.noise(np.random.RandomState(4), 300))
    images = generate(found['noise'], labels)
    assert np.array_equal(found['samples'], images.astype(np.float32))
    if labels is None:
        assert 'labels' not in found
    else:
        assert np.array_equal(found['labels'], labels)
    saved, png = evaluate.read(Path('x/y.npz')), evaluate.read(Path('png'))
    assert np.abs(saved.images - png.images).max() <= 0.5 / 255 + 1e-6
    assert labels is None or np.array_equal(png.labels, labels)
    assert len(lines) <= 12 and lines[0].endswith('/png' if labels is None else '/png/0'
                                                  if not flags else '/png/3')


def test_a_call_says_what_it_lacks(home):
    z = np.zeros((2, 100))
    plain, asked = (latent.Generator(home / name) for name in ('dcgan', 'conditional'))
    for generate, args, words in (
            (asked, [z], '2 digits beside the noise, 0 to 9, found none'),
            (asked, [z, [1]], r'found \[1\]'),
            (asked, [z, [1, 10]], r'found \[ 1 10\]'),
            (plain, [z, [1, 2]], 'noise alone'),
            (plain, [z[:, 1:]], r'noise \[n, 100\], found \(2, 99\)')):
        with pytest.raises(InputError, match=words):
            generate(*args)


def test_a_plane_has_its_corners():
    a, b = np.array([[1., 0, 5]]), np.array([[0., 1, 7]])
    points = latent.plane(a, b, (-2, 2), 3)
    assert points[:, :2].tolist() == [[-2, 2], [0, 2], [2, 2], [-2, 0], [0, 0], [2, 0],
                                      [-2, -2], [0, -2], [2, -2]]
    assert points[2, 2] == 2 * 5 + 2 * 7


def test_every_label_is_drawn_from_the_same_noise(home, call):
    folder = home / 'conditional'
    ended = call(latent.main, folder, '--seed-a', 3)
    assert ended.out.split() == [str(folder / 'latent' / name)
                                 for name in ('labels.png', 'planes.png')]
    found = matplotlib.image.imread(str(folder / 'latent' / 'labels.png')) * 255
    z = np.random.RandomState(3).uniform(-1, 1, size=(8, 100))
    for label in 0, 9:
        images = latent.Generator(folder)(z, np.full(8, label))
        column = found[:, 28 * label:28 * label + 28]
        assert np.abs(column - np.floor(images.reshape(-1, 28) * 255)).max() <= 1


def test_an_item_of_the_data_is_drawn(home, call):
    ended = call(latent.main, home / 'collapse', '--show', 3)
    assert ended.out == f'{home / "collapse" / "latent" / "item_3.png"}\n'


def test_the_arithmetic_is_done_on_the_noise(home):
    generate = latent.Generator(home / 'collapse')
    a = generate.noise(np.random.RandomState(5), 1)
    assert np.array_equal(a, np.random.RandomState(5).normal(size=(1, 100)))
    b = generate.noise(np.random.RandomState(6), 1)
    points = latent.interpolate(a, b)
    assert points.shape == (12, 100)
    assert np.array_equal(points[[0, -1]], np.concatenate([a, b]))
    steps = np.diff(points, axis=0)
    assert np.abs(steps - (b - a) / 11).max() < 1e-14       # of float64


def test_chosen_digits_are_drawn(home, call):
    folder = home / 'conditional'
    sheet = matplotlib.image.imread(str(folder / 'samples' / '0000_0000.png'))
    assert sheet.shape == (280, 280)
    path = folder / 'latent' / 'digit_7.png'
    ended = call(latent.main, folder, '--digit', 7, '--count', 13)
    assert ended.status == 0 and ended.out == f'{path}\n'
    found = np.round(matplotlib.image.imread(str(path)) * 255)
    assert found.shape == (56, 280) and (found[28:, 84:] == 255).all()
    z = np.random.RandomState(0).uniform(-1, 1, size=(13, 100))
    images = latent.Generator(folder)(z, np.full(13, 7))    # test_evaluate.py checks it
    assert np.abs(found[28:, 28:56] - np.floor(images[11] * 255)).max() <= 1


@pytest.mark.parametrize('args, words', [
    ([], 'RUN'), (['nowhere'], 'no such folder'), (['sanity'], 'generator'),
    (['collapse', '--seed-a', '-1'], '--seed-a'),
    (['collapse', '--seed-c', '1'], '--seed-c'),
    (['collapse', '--out', 'collapse/log.csv/x'], 'log.csv'),
    (['dcgan', '--digit', '7'], 'labels'), (['dcgan', '--count', '7'], '--digit'),
    (['conditional', '--count', '7'], '--digit'), (['collapse', '--show', '23'], '22'),
    (['conditional', '--digit', '10'], '--digit'),
    (['conditional', '--digit', '7', '--count', '0'], '--count')])
def test_bad_input_is_refused_in_one_sentence(home, call, monkeypatch, args, words):
    monkeypatch.chdir(home)
    ended = call(latent.main, *args)
    assert ended.status == 2 and words in ended.err
    assert len(ended.err.splitlines()) == 1
