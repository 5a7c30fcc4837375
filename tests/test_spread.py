"""The spread of seeds: its t-test, its error rate, and the stored one."""

import importlib
import importlib.util
import json
import sys

import numpy as np
import pytest
from conftest import META, ROOT

import tf1gan
from tf1gan import InputError, curve, evaluate, run_folder, spread, trace

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


def test_ten_seeds_show_whether_one_digit_is_normal():
    """As it is early in training: what most of them do is inside, the rest is not."""
    rng = np.random.RandomState(0)
    ones = [{**figures(rng, 1., 0.01), 'divergence': np.log(10) - rng.uniform(0, 0.01)}
            for _ in range(10)]
    assert base(ones[:9]).judge([ones[9]]).word == 'too few seeds to tell'
    assert base(ones).judge([{**ones[0], 'divergence': np.log(10)}]).word == 'inside'
    assert base(ones).judge([{**ones[0], 'divergence': 0.3}]).word == 'outside'


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
    assert len(others) == 100
    for run in others:
        assert spread.load(name).judge([run]).word == 'outside', run


def test_few_seeds_of_one_digit_each_tell_nothing():
    found = spread.load('minimax')
    assert found.judge(stored('minimax')[:1]).word == 'inside'
    verdict = found._replace(seeds=found.seeds[:3]).judge(stored('minimax')[:1])
    assert verdict.word == 'too few seeds to tell'
    assert 'one digit alone' in verdict.lines()[0]


@pytest.mark.parametrize('folder', sorted(
    (ROOT / 'samples' / 'generators').glob('*')), ids=lambda folder: folder.name)
def test_a_shipped_generator_is_worth_what_the_page_says(folder):
    """Seed 0 of its tutorial, in the figures that a spread compares."""
    images = evaluate.draw(folder)
    base = spread.load(folder.name)
    assert images.steps == base.steps
    # Measured: 1e-4 at most, on other processors and Pythons.
    assert evaluate.measure(images, whole=False) == pytest.approx(base.seeds[0],
                                                                  rel=1e-3)


def test_generators_are_shipped():
    names = {path.name for path in (ROOT / 'samples' / 'generators').glob('*')}
    assert {'vanilla', 'collapse'} <= names < set(tf1gan.TUTORIALS)


@pytest.fixture
def collect(tmp_path, monkeypatch):
    """Return the program of `make collect`: copies of what it writes, no run."""
    experiments = tmp_path / 'experiments'
    monkeypatch.syspath_prepend(str(ROOT / 'experiments'))
    monkeypatch.syspath_prepend(str(ROOT / 'experiments' / 'sweep'))
    import tables
    spec = importlib.util.spec_from_file_location(
        'collect', str(ROOT / 'experiments/sweep/collect.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in [*(ROOT / 'experiments').glob('*/summary.json'),
                 *(ROOT / 'experiments/sweep').glob('*.json')]:
        copy = experiments / path.relative_to(ROOT / 'experiments')
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for where, name, value in (
            (module, 'ROOT', tmp_path), (module, 'HERE', experiments / 'sweep'),
            (tables, 'HERE', experiments), (module, 'RUNS', tmp_path / 'runs')):
        monkeypatch.setattr(where, name, value)
    for file in spread.FILE, curve.FILE:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(spread, 'FILE', tmp_path / spread.FILE.name)
    monkeypatch.setattr(curve, 'FILE', tmp_path / curve.FILE.name)
    return module


def content(folder):
    """Return all files below a folder."""
    return {path: path.read_bytes() for path in folder.rglob('*.json')}


def test_make_collect_without_a_run_changes_nothing(collect, tmp_path, monkeypatch):
    before = content(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['collect.py', 'vanilla'])
    collect.main()
    after = content(tmp_path)
    judged = tmp_path / 'experiments/sweep/vanilla.json'
    for found in before, after:     # the machine that judged last
        found[judged] = json.loads(found[judged])['seeds']
    assert after == before


def test_make_collect_takes_in_what_has_finished(collect, tmp_path, monkeypatch):
    """A seed with the first and the last of its points; no other seed changes."""
    (tmp_path / 'experiments/sweep/dcgan.json').unlink()    # as if it were the first
    bands = json.loads(curve.FILE.read_text())
    curve.FILE.write_text(json.dumps({**bands, 'dcgan': {}}))
    folder = tmp_path / 'runs/dcgan/3'
    for steps in 100, 10001:
        point = folder / f'at_{steps}'
        point.mkdir(parents=True)
        run_folder.write(point / run_folder.CHECKPOINT, run_folder.pack({}, {
            **META, 'step': steps, 'rated': {'D_x': 0.5, 'D_G_z': 0.1},
            'rows': [
                {'step': steps - n, 'loss_G': n + 1., 'seconds': 1.} for n in (2, 1)]}))
    (folder / 'env.json').write_text('{"threads": 7}')
    (folder / 'log.csv').write_text('step,loss_D,loss_G\n' + ''.join(
        f'{n},{n},1\n' for n in range(10001)))
    folder.with_name('3.done').write_text('')
    monkeypatch.setattr(evaluate, 'draw', lambda path: path)
    monkeypatch.setattr(evaluate, 'measure', lambda path, whole: {
        'frechet': 30.5, **dict.fromkeys(THREE[1:], 0.25), **({'images': 1} if whole
                                                              else {})})
    before = {name: stored(name) for name in tf1gan.TUTORIALS}
    monkeypatch.setattr(sys, 'argv', ['collect.py', 'dcgan'])
    collect.main()
    for name in tf1gan.TUTORIALS:
        runs = json.loads((tmp_path / f'experiments/{name}/summary.json').read_text())[
            'runs']
        assert runs == ([{
            'group': '', 'seed': 3, 'steps': 10001, 'loss_G': 2.5, 'frechet': 30.5,
            'divergence': 0.25, 'confidence': 0.25, 'D_x': 0.5, 'D_G_z': 0.1,
            'images': 1, 'trained': {'threads': 7}}]
            if name == 'dcgan' else before[name])
    for steps, nearest in (None, 10001), (100, 100), (900, 100), (2000, 10001):
        base = spread.load('dcgan', steps)
        assert base.steps == nearest and base.seeds == [
            {'frechet': 30.5, 'divergence': 0.25, 'confidence': 0.25}]
    band = json.loads(curve.FILE.read_text())['dcgan']['']
    assert len(band['curves']['loss_D']) == 1 and band['steps'] == 10001


def test_make_collect_keeps_the_seeds_of_another_machine(collect):
    """Half the variance of single rows is theirs; a seed that is here again is new."""
    def band(seeds, value, within):
        return {'seeds': seeds, 'steps': 9, 'batch': 2, 'rows': 4,
                'curves': {'loss_D': [[value + seed] for seed in seeds]},
                'within': {'loss_D': [within]}}

    old, new = band([0, 1, 2], 10., 3.), band([2, 3], 20., 5.)
    found = collect.joined(old, new)
    assert found['seeds'] == [0, 1, 2, 3]
    assert found['curves'] == {'loss_D': [[10.], [11.], [22.], [23.]]}
    assert found['within'] == {'loss_D': [pytest.approx(17 ** 0.5, rel=1e-4)]}
    assert collect.joined({**old, 'steps': 8}, new) == new      # of other runs


@pytest.mark.parametrize('how, is_right', [({}, True), ({'G_first': True}, False),
                                           ({'faster': 1.01}, False)])
@pytest.mark.parametrize('group', ['vanilla', 'collapse_4'])
def test_the_loop_that_trains_many_seeds_in_jax_is_the_tutorials(
        group, how, is_right, monkeypatch):
    """It gives the weights of the golden trace, from that one's images and noise."""
    pytest.importorskip('jax', reason='make ports has it')
    for folder in 'sweep', 'ports':
        monkeypatch.syspath_prepend(str(ROOT / 'experiments' / folder))
    in_jax = importlib.import_module('in_jax')
    golden = trace.load(in_jax.GROUPS[group].tutorial)
    port = importlib.import_module(f'jax_{golden.meta["tutorial"]}')
    start, step = in_jax.loop(in_jax.Trial(group, how=how), port)
    run = start(*({name: w for name, w in golden.part('init').items()
                   if name[0] == player} for player in 'DG'))
    for n in range(3):
        feeds = [golden.part(f'{place}/feed') for place in golden.updates
                 if place.startswith(f'step_00{n}')]
        noise = [feed['Z'] for feed in feeds if 'Z' in feed]
        run, losses = step(run, feeds[0]['X'], noise.__getitem__)
        for name, loss in losses.items() if is_right else ():
            place = f'step_00{n}/{name[5:]}/loss'
            np.testing.assert_allclose(float(loss), golden.arrays[place], 1e-5)
    after = golden.part(f'{golden.updates[-1]}/after')
    mine = {**run['D'], **run['G']}
    near = all(np.allclose(np.asarray(mine[name]), array, 1e-5, 1e-6)
               for name, array in after.items())
    assert near is is_right


def test_every_trial_in_jax_changes_its_port_or_its_loop(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'experiments' / 'sweep'))
    in_jax = importlib.import_module('in_jax')
    for trial in in_jax.TRIALS:
        port = f'jax_{in_jax.GROUPS[trial.group].tutorial}.py'
        assert trial.old in (in_jax.PORTS / port).read_text()
        assert (trial.old != trial.new) is bool(trial.other and not trial.how)
