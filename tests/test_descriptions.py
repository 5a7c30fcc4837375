"""The descriptions against the golden traces, and what may be no description."""

import copy
import importlib
import json

import numpy as np
import pytest

import tf1gan
from tf1gan import InputError, descriptions, trace

CONFIGS = [(name, {}) for name in tf1gan.TUTORIALS] + [
    ('collapse', {'rung': rung}) for rung in (1, 2, 3)] + [
    ('collapse', {'sanity': True}), ('minimax', {'objective': 'saturating'})]


def described(name, numbers=()):
    """Return a golden trace, and a description of its config with other numbers."""
    golden = trace.load(name)
    return golden, descriptions.of({'tutorial': name, 'config': {
        **golden.meta['config'], **dict(numbers)}}, name)


@pytest.mark.parametrize('name, numbers', CONFIGS)
def test_a_description_is_data_that_json_can_hold(name, numbers):
    description = described(name, numbers)[1]
    assert json.loads(json.dumps(description)) == description
    descriptions.check(description)


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_updates_and_what_they_are_fed_are_those_of_the_trace(name):
    golden, description = described(name)
    names = [update['name'] for update in description['updates']]
    assert golden.updates == [f'step_{step:03d}/{name}' for step in range(3)
                              for name in names]
    last = {}
    for place in golden.updates:
        update = descriptions.update_of(description, place.split('/')[1])
        feed = golden.part(f'{place}/feed')
        assert set(feed) == set(update['feeds'])
        for key, array in feed.items():
            same = key in last and np.array_equal(array, last[key])
            assert same == (update['feeds'][key] == 'same'), f'{place}/{key}'
            last[key] = array


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_images_noise_and_labels_have_the_shapes_and_ranges_of_the_trace(name):
    golden, description = described(name)
    n, (low, high) = description['batch_size'], description['images']['range']
    for place in golden.updates:
        feed = golden.part(f'{place}/feed')
        images = [feed['X']] if 'X' in feed else []
        for each in images + list(golden.part(f'{place}/fake').values()):
            assert list(each.shape) == [n, *description['images']['shape']]
            assert low <= each.min() and each.max() <= high
        for each in images:
            assert (each.min(), each.max()) == (low, pytest.approx(high, abs=0.02))
        if 'Z' in feed:
            assert feed['Z'].shape == (n, description['noise']['size'])
        for labels in {'X_labels', 'Z_labels'} & set(feed):
            assert feed[labels].shape == (n, description['labels'])
        assert ('Z_labels' in feed) == bool(description['labels'] and 'Z' in feed)


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_networks_and_optimizers_are_those_of_the_trace(name):
    golden, description = described(name)
    layers = description['networks']['G'] + description['networks']['D']
    assert set(descriptions.names(layers)) == set(golden.part('init'))
    assert description['networks']['D'][-1]['op'] == 'dense'        # a logit
    for update in description['updates']:
        place = f'step_000/{update["name"]}'
        moved = descriptions.trained(description['networks'][update['moves']])
        assert set(moved) == set(golden.part(f'{place}/grad'))
        numbers = dict(description['optimizers'][update['optimizer']])
        found = dict(golden.meta['optimizers'][update['name']])
        assert numbers.pop('kind') == found.pop('kind')
        assert {key: np.float32(value) for key, value in numbers.items()} == found
        masks = [layer['mask'] for layer in layers if layer['op'] == 'dropout']
        assert set(golden.part(f'{place}/mask')) == set(masks)
        for layer in layers:
            if layer['op'] == 'dropout':
                mask = golden.arrays[f'{place}/mask/{layer["mask"]}']
                assert mask.max() == pytest.approx(1 / (1 - layer['rate']))


@pytest.mark.parametrize('name, numbers', CONFIGS)
def test_the_noise_is_drawn_as_the_page_draws_it(name, numbers, tf):
    from tf1gan import generator
    tutorial = importlib.import_module(f'tf1gan.{name}')
    config = tutorial.Config(**numbers)
    description = descriptions.find(name).describe(config._asdict())
    found, digits = generator.draw_noise(description, np.random.RandomState(3), 7)
    expected = tutorial.noise(np.random.RandomState(3), 7, config)
    if digits is not None:
        assert np.array_equal(np.eye(10)[digits], expected[1])
        expected = expected[0]
    assert np.array_equal(found, expected)


def broken(change):
    """Return a description with a change in it."""
    description = copy.deepcopy(described('dcgan')[1])
    change(description)
    return description


BROKEN = {
    'an unknown layer': lambda d: d['networks']['G'][0].update(op='attention'),
    'a layer without a number': lambda d: d['networks']['D'][0].pop('stride'),
    'an unknown optimizer': lambda d: d['optimizers']['Adam_D'].update(kind='Lion'),
    'an update of no network': lambda d: d['updates'][0].update(moves='E'),
    'an unknown loss': lambda d: d['updates'][0]['loss'].update(kind='hinge'),
    'an unknown mode': lambda d: d['updates'][0]['modes'].update(G='eval'),
    'a target too many': lambda d: d['updates'][0]['terms'][0].update(targets=[1, 0]),
    'an unknown law': lambda d: d['noise'].update(law='cauchy'),
    'no networks': lambda d: d.pop('networks')}


@pytest.mark.parametrize('what', BROKEN)
def test_what_is_no_description_is_refused_in_one_sentence(what, tmp_path):
    golden = trace.load('dcgan')
    trace.save(tmp_path / 't.npz', {
        **golden.meta, 'description': broken(BROKEN[what])}, golden.arrays)
    with pytest.raises(InputError, match='expected a trace') as refused:
        trace.load(tmp_path / 't.npz')
    assert '\n' not in str(refused.value)


def test_a_trace_with_its_own_description_needs_no_tutorial(tmp_path):
    """It is read, replayed and compared; and what it says is what counts."""
    from tf1gan import compare
    golden, description = described('dcgan')
    meta = {**golden.meta, 'tutorial': 'mine', 'config': {}, 'description': description}
    trace.save(tmp_path / 't.npz', meta, golden.arrays)
    mine = trace.load(tmp_path / 't.npz')
    assert descriptions.of(mine.meta, 'mine') == description
    assert compare.compare(mine, mine).status == 0
    trace.Replay(mine).save(tmp_path / 'port.npz')
    assert trace.load(tmp_path / 'port.npz').meta['description'] == description


@pytest.mark.parametrize('meta', [{'tutorial': 'mine', 'config': {}},
                                  {'tutorial': 'collapse', 'config': {'rung': 'four'}}])
def test_without_a_description_the_meta_is_refused_in_one_sentence(meta):
    with pytest.raises(InputError, match='^x.npz: expected .*, found .*; ') as refused:
        descriptions.of(meta, 'x.npz')
    assert '\n' not in str(refused.value)
