"""The spread of seeds: its t-test, its error rate, and the stored one."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from conftest import META, ROOT

import tf1gan
from tf1gan import InputError, evaluate, spread

THREE = 'frechet', 'divergence', 'confidence'


@pytest.mark.parametrize('t, df, p', [
    (12.706, 1, 0.05), (4.303, 2, 0.05), (2.776, 4, 0.05), (4.604, 4, 0.01),
    (2.228, 10, 0.05), (0, 4, 1)])      # of a printed table
def test_students_t_is_the_tables(t, df, p):
    assert spread.two_sided(t, df) == pytest.approx(p, rel=2e-3)
    assert spread.two_sided(-t, df) == spread.two_sided(t, df)
    if t:
        assert spread.critical(p, df) == pytest.approx(t, rel=2e-3)


def figures(rng, center=0., deviation=0.1):
    """Return made-up figures of a seed, their logarithms normal around a center."""
    return {name: float(np.exp(rng.normal(center, deviation))) for name in THREE}


def base(seeds):
    """Return the spread of a tutorial with these seeds."""
    return spread.Spread('vanilla', '', 55000, seeds)


@pytest.mark.parametrize('m, scale', [(1, 0.025 * 6 / 5), (2, 0.025 * 7 / 10)])
def test_one_p_and_one_interval_by_hand(monkeypatch, m, scale):
    """Five seeds at 0, 0.1, -0.1, 0.2, -0.2: a variance of 0.1 / 4, t(4) of 2.776."""
    monkeypatch.setattr(spread, 'ERROR_RATE', 0.15)     # 0.05 for each of three
    seeds = base([dict.fromkeys(THREE, np.exp(x)) for x in (0, 0.1, -0.1, 0.2, -0.2)])
    far = 2.776 * np.sqrt(scale)        # a table's four digits: 1.6e-4 off at most
    assert seeds.interval('frechet', m) == pytest.approx(
        (np.exp(-far), np.exp(far)), rel=1e-3)
    for factor, verdict in (0.99, 'inside'), (1.01, 'outside'):
        for sign in 1, -1:
            mine = {**dict.fromkeys(THREE, 1.), 'frechet': np.exp(sign * factor * far)}
            found = seeds.judge([mine] * m)
            assert found.word == verdict
            assert [each.outside for each in found.held] == [
                '' if factor < 1 else 'above' if sign > 0 else 'below', '', '']
            assert found.held[0].yours == pytest.approx(mine['frechet'])
            # Measured: 0.0015, which a hundredth of t makes.
            assert found.held[0].p == pytest.approx(0.05, abs=0.002)
            assert found.held[0].p_least == pytest.approx(0.05)


@pytest.mark.parametrize('n', [3, 5])
@pytest.mark.parametrize('m', [1, 3])
def test_a_right_port_is_called_outside_as_often_as_stated(n, m):
    rng, outside = np.random.RandomState(0), 0
    for _ in range(400):
        # A hundredth: no interval reaches one digit's divergence.
        seeds = base([figures(rng, 0., 0.01) for _ in range(n)])
        outside += seeds.judge([figures(rng, 0., 0.01)
                                for _ in range(m)]).word == 'outside'
    # 20 expected; three standard deviations of a binomial law about it.
    assert abs(outside - 20) <= 3 * np.sqrt(400 * 0.05 * 0.95)


def test_a_wrong_port_is_called_outside():
    rng = np.random.RandomState(0)
    seeds = base([figures(rng) for _ in range(5)])
    found = seeds.judge([figures(rng, 1.)])
    assert found.word == 'outside'
    assert any(line.endswith('(p < 0.001, outside below 0.0167) OUTSIDE, above')
               for line in found.lines())


@pytest.mark.parametrize('n', [0, 1, 2])
def test_two_seeds_are_too_few_to_tell(n):
    rng = np.random.RandomState(0)
    seeds = base([figures(rng) for _ in range(n)])
    found = seeds.judge([figures(rng)])
    assert found.word == 'too few seeds to tell' and not found.held
    assert 'fewer than 3' in found.lines()[0]
    assert str(seeds) == f'vanilla, {n} seed{"s" * (n != 1)} after 55,000 steps'


def test_seeds_that_leave_one_digit_open_are_too_few_to_tell():
    """Three seeds: t(2) for 0.05 / 3 is 7.649 in tables of Bonferroni's."""
    for deviation, verdict in (0.09, 'inside'), (0.1, 'too few seeds to tell'):
        # Logarithms -d, 0 and d about 0: exp(7.649 d sqrt(4 / 3)) against ln 10.
        seeds = base([dict.fromkeys(THREE, np.exp(x)) for x in (
            -deviation, 0, deviation)])
        assert seeds.judge([dict.fromkeys(THREE, 1.)]).word == verdict
    assert np.exp(7.649 * 0.09 * np.sqrt(4 / 3)) < np.log(10) < np.exp(
        7.649 * 0.1 * np.sqrt(4 / 3))


def test_images_are_as_many_as_the_seeds_and_labelled_where_these_are():
    rng = np.random.RandomState(0)
    seeds = base([figures(rng, 0., 0.01) for _ in range(5)])
    seeds.check([(10000, None)])
    with pytest.raises(InputError, match='expected 10,000 images .* found 9,999'):
        seeds.check([(10000, None), (9999, None)])
    base([]).check([(1, None)])         # too few seeds to tell, whatever it is
    asked = base([{**each, 'as_asked': 0.9} for each in seeds.seeds])
    asked.check([(10000, np.zeros(10000))])
    with pytest.raises(InputError, match='expected the digits asked for'):
        asked.check([(10000, None)])
    mine = {**figures(rng, 0., 0.01), 'as_asked': 0.1}
    found = asked.judge([mine])
    assert found.word == 'outside' and [each.outside for each in found.held] == [
        '', '', '', 'below']
    assert found.lines()[3].startswith('as_asked: yours 0.1, inside is ')


def stored(name):
    """Return the figures of a tutorial's runs, as committed."""
    path = ROOT / 'experiments' / name / 'summary.json'
    return json.loads(path.read_text())['runs']


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_the_stored_spread_is_the_summaries(name):
    found = spread.load(name)
    group = {'collapse': 'rung 4', 'minimax': 'non-saturating'}.get(name, '')
    runs = [run for run in stored(name) if run['group'] == group]
    assert found.group == group and {run['steps'] for run in runs} == {found.steps}
    assert len(runs) == len(found.seeds) >= 1
    for run, seed in zip(runs, found.seeds):
        assert seed == {key: run[key] for key in seed}
        assert set(THREE) <= set(seed) and run['images'] == spread.N_SAMPLES
        assert ('as_asked' in seed) == (name == 'conditional')


@pytest.mark.parametrize('name', ['vanilla', 'collapse'])
def test_generators_of_one_digit_are_outside_the_stored_spread(name):
    """The whole runs of other rungs and of the minimax game, as ports."""
    others = [run for run in stored('collapse') + stored('minimax')
              if run['group'] != 'rung 4']
    assert len(others) == 15
    for run in others:
        assert spread.load(name).judge([run]).word == 'outside', run


def test_seeds_of_one_digit_each_tell_nothing():
    found = spread.load('minimax')
    verdict = found.judge(stored('minimax')[:1])
    assert verdict.word == 'too few seeds to tell'
    assert 'one digit alone' in verdict.lines()[0]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Return the program of `make results`, with folders of its own and no run."""
    path = ROOT / 'experiments' / 'spread.py'
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location('results', str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in tf1gan.TUTORIALS:
        (tmp_path / name).mkdir()
        (tmp_path / name / 'summary.json').write_bytes(
            (ROOT / 'experiments' / name / 'summary.json').read_bytes())
    monkeypatch.setattr(module, 'HERE', tmp_path)
    monkeypatch.setattr(module, 'RUNS', tmp_path / 'runs')
    monkeypatch.setattr(sys, 'argv', ['spread.py'])
    return module


def test_make_results_without_a_run_changes_nothing(results, tmp_path, monkeypatch):
    shipped = spread.FILE.read_bytes()
    monkeypatch.setattr(spread, 'FILE', tmp_path / 'spread.json')
    results.main()
    assert (tmp_path / 'spread.json').read_bytes() == shipped
    for name in tf1gan.TUTORIALS:
        assert results.stored(name) == stored(name)


def test_make_results_takes_in_what_has_finished(results, tmp_path, monkeypatch):
    monkeypatch.setattr(spread, 'FILE', tmp_path / 'spread.json')
    new = {**stored('vanilla')[1], 'frechet': 12.5}
    monkeypatch.setattr(results, 'judge', lambda name: {
        'vanilla_1': new, 'vanilla_4': {**new, 'seed': 9}}.get(name, {}))
    results.main()
    assert results.stored('vanilla') == [
        stored('vanilla')[0], new, *stored('vanilla')[2:], {**new, 'seed': 9}]
    assert [seed['frechet'] for seed in spread.load('vanilla').seeds].count(12.5) == 2
    with pytest.raises(AssertionError):
        results.write('vanilla', [{**new, 'frechet': float('nan')}])
    assert results.stored('vanilla')[1] == new


def test_a_run_is_judged_when_it_has_taken_all_its_steps(results, tmp_path,
                                                         monkeypatch):
    from tf1gan import run_folder
    folder = tmp_path / 'runs' / 'vanilla_0'
    folder.mkdir(parents=True)
    (folder / 'env.json').write_text('{"threads": 7}')
    meta = {**META, 'rows': [{'loss_D': 0.5, 'seconds': 1.}]}
    monkeypatch.setattr(evaluate, 'draw', lambda path: path)
    monkeypatch.setattr(evaluate, 'measure', lambda path: {'frechet': 3.})
    for step in 54999, 55000:
        run_folder.write(folder / run_folder.CHECKPOINT,
                         run_folder.pack({}, {**meta, 'step': step}))
        assert results.judge('vanilla_0') == ({} if step < 55000 else {
            'group': '', 'seed': 0, 'steps': 55000, 'loss_D': 0.5, 'frechet': 3.,
            'trained': {'threads': 7}})
