"""Files that are well formed and wrong: each reader works, or says one sentence.

hypothesis changes what real files hold: names, types, shapes, numbers. LIES=3000 in the
environment is a campaign of so many changes a reader.
"""

import copy
import io
import json
import os
import shutil
import warnings

import numpy as np
import pytest

from tf1gan import (InputError, compare, descriptions, evaluate, preflight,
                    run_folder, trace)
from tf1gan.replay import __main__ as replay

hypothesis = pytest.importorskip('hypothesis', reason='asks for hypothesis')
st = hypothesis.strategies

DEEP = '@deep@'     # stands for lists in lists, which json.dumps cannot write itself
JUNK = [None, True, -1, 0, 3, 1.5, 1e308, float('nan'), float('inf'), 10 ** 30, '', 'x',
        'vanilla', [], {}, [[]], {'a': 1}, [1, 'x'], DEEP]
TYPES = ['f2', 'f8', 'i1', 'u8', '?', 'c8', 'U4', '>f4']
FORMS = {'scalar': lambda a: a.ravel()[:1].reshape(()), 'flat': np.ravel,
         'turned': np.transpose, 'deeper': lambda a: a[None],
         'none': lambda a: a.ravel()[:0], 'shorter': lambda a: a.ravel()[1:],
         'square': lambda a: np.zeros((3, 3), a.dtype),
         'row': lambda a: a.reshape(1, -1),
         'long': lambda a: np.resize(a, 100000), 'folded': lambda a: a[..., None]}
VALUES = [np.nan, np.inf, -1, 0, 3e38, 2 ** 40]
number = st.integers(0, 10 ** 6)
JSON_LIES = st.lists(st.tuples(number, st.one_of(
    st.sampled_from(['drop', 'rename', 'wrap']),
    st.sampled_from(JUNK).map(lambda junk: ('put', junk)))), min_size=1, max_size=3)
ARRAY_LIES = st.lists(st.tuples(number, st.one_of(
    st.sampled_from(['drop', 'rename', 'swap', 'double']),
    st.sampled_from(TYPES).map(lambda kind: ('type', kind)),
    st.sampled_from(sorted(FORMS)).map(lambda form: ('form', form)),
    st.sampled_from(VALUES).map(lambda value: ('value', value)))),
    min_size=0, max_size=2)


def campaign(n):
    """Return the settings of a test of `n` changes."""
    return hypothesis.settings(
        max_examples=int(os.environ.get('LIES', n)), deadline=None, database=None,
        derandomize='LIES' not in os.environ, suppress_health_check=list(
            hypothesis.HealthCheck))


def places(tree, path=()):
    """Yield the path of every value in a JSON tree."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(
        tree[:20] if isinstance(tree, list) else [])
    for key, value in items:
        yield from places(value, (*path, key))


def lied(tree, lies) -> str:
    """Return the text of a JSON tree with some lies in it."""
    root = [copy.deepcopy(tree)]
    for n, lie in lies:
        every = list(places(root[0], (0,)))
        *above, key = every[n % len(every)]
        holder = root
        for each in above:
            holder = holder[each]
        if lie == 'wrap':
            holder[key] = [holder[key]]
        elif isinstance(lie, tuple):
            holder[key] = copy.deepcopy(lie[1])
        elif len(above) and lie == 'drop':
            del holder[key]
        elif isinstance(holder, dict):
            holder[f'{key}x'] = holder.pop(key)
    return json.dumps(root[0]).replace(f'"{DEEP}"', '[' * 90000 + ']' * 90000)


def lied_arrays(arrays, lies):
    """Return arrays with some lies among them."""
    arrays = dict(arrays)
    for n, lie in lies:
        if not arrays:
            break
        names = list(arrays)
        name, other = names[n % len(names)], names[n // 7 % len(names)]
        kind, what = lie if isinstance(lie, tuple) else (lie, None)
        if kind == 'drop':
            del arrays[name]
        elif kind == 'rename':
            arrays[name + '_x'] = arrays.pop(name)
        elif kind == 'swap':
            arrays[name], arrays[other] = arrays[other], arrays[name]
        elif kind == 'double':
            arrays[name[:-1] + 'Q'] = arrays[name]
        elif kind == 'type':
            with np.errstate(all='ignore'):
                arrays[name] = arrays[name].astype(what)
        elif kind == 'form':
            arrays[name] = FORMS[what](np.asarray(arrays[name]))
        else:
            with np.errstate(all='ignore'):
                arrays[name] = np.full_like(arrays[name], np.array(what).astype(
                    np.asarray(arrays[name]).dtype))
    return arrays


def packed(text, arrays) -> bytes:
    content = io.BytesIO()
    np.savez(content, meta=np.array(text), **arrays)
    return content.getvalue()


def honest(read):
    """Call a reader: it works, or raises InputError with one sentence; no warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            read()
        except InputError as error:
            assert str(error) and '\n' not in str(error) and len(str(error)) < 2000


# --- Traces ---------------------------------------------------------------------------

def one_step(name):
    """Return the golden trace's first step."""
    golden = trace.load(name)
    return golden._replace(arrays={key: array for key, array in golden.arrays.items()
                                   if not key.startswith('step_001')
                                   and not key.startswith('step_002')})


GOLDEN = {name: one_step(name) for name in ('vanilla', 'dcgan')}
OWN = {name: golden._replace(meta={
    **golden.meta, 'tutorial': 'mine', 'description': descriptions.of(
        golden.meta, name)}) for name, golden in GOLDEN.items()}


def compared(golden, mine):
    """Compare two traces without the search for a word, which takes its time."""
    report = compare.compare(golden, mine)
    '\n'.join(compare.text(report))
    json.dumps(compare.as_json(report), allow_nan=False)


def replayed(mine):
    """Ask a replay of a trace for all that it gives."""
    replay = trace.Replay(mine)
    replay.start(replay.weights())
    for update in replay:
        for kind in trace.KINDS[2:]:
            update.names(kind)
        for name in mine.part(f'{update.place}/feed'):
            update.feed(name)
    return replay.n_steps


def read_trace(path, golden):
    mine = trace.load(path)
    honest(lambda: compared(golden, mine))
    honest(lambda: compared(mine, mine))
    honest(lambda: replayed(mine))
    honest(lambda: preflight.expected(descriptions.of(mine.meta, 'mine')))


@pytest.mark.parametrize('kind', ['vanilla', 'dcgan', 'own'])
def test_a_trace_that_lies_is_read_or_refused_in_one_sentence(kind, tmp_path,
                                                              monkeypatch):
    monkeypatch.setattr(compare.Search, 'find', lambda *_: None)
    golden = OWN['vanilla'] if kind == 'own' else GOLDEN[kind]

    @campaign(20)
    @hypothesis.given(JSON_LIES, ARRAY_LIES)
    def each(lies, of_arrays):
        path = tmp_path / 'mine.npz'
        path.write_bytes(packed(lied(golden.meta, lies),
                                lied_arrays(golden.arrays, of_arrays)))
        honest(lambda: read_trace(path, golden))

    each()


# --- Runs -----------------------------------------------------------------------------

@pytest.fixture(scope='module')
def honest_run(tf, small, tmp_path_factory):
    """Return a run of one small step, its arrays and its meta."""
    from tf1gan import command, vanilla
    folder = tmp_path_factory.mktemp('run') / '000'
    command.main(vanilla, ['--data', str(small), '--batch-size', '2', '--n-hidden', '4',
                           '--n-noise', '5', '--max-steps', '2', '--out', str(folder)])
    return folder, run_folder.load_checkpoint(folder)


def liar(honest_run, home, lies, of_arrays):
    """Return a copy of a run, with lies in its only checkpoint."""
    folder, (arrays, meta) = honest_run
    if home.exists():
        shutil.rmtree(str(home))
    shutil.copytree(str(folder), str(home))
    for path in home.glob('checkpoint*'):
        path.unlink()
    (home / run_folder.CHECKPOINT).write_bytes(packed(
        lied(meta, lies), lied_arrays(arrays, of_arrays)))
    return home


def drawn(folder):
    """Draw a run's images as evaluate does."""
    images = evaluate.draw(folder, 3)
    evaluate.note_other_steps([folder], [images], evaluate.spread.load('vanilla'))


def test_a_checkpoint_that_lies_is_drawn_or_refused_in_one_sentence(
        honest_run, tmp_path):
    @campaign(40)
    @hypothesis.given(JSON_LIES, ARRAY_LIES)
    def each(lies, of_arrays):
        folder = liar(honest_run, tmp_path / 'run', lies, of_arrays)
        honest(lambda: drawn(folder))

    each()


def resumed(folder, *flags):
    """Go on with a run for a step, and return the exit status."""
    from tf1gan import command, vanilla
    try:
        command.main(vanilla, ['--resume', str(folder), '--max-steps', '3', *flags])
    except SystemExit as end:
        return end.code
    return 0


def test_a_checkpoint_that_lies_is_resumed_or_refused_in_one_sentence(
        honest_run, tmp_path, capfd):
    @campaign(12)
    @hypothesis.given(JSON_LIES, ARRAY_LIES)
    def each(lies, of_arrays):
        folder = liar(honest_run, tmp_path / 'run', lies, of_arrays)
        capfd.readouterr()
        status = resumed(folder)
        assert status in (0, 1, 2)
        assert status != 2 or capfd.readouterr().err.count('\n') == 1

    each()


TEXTS = st.one_of(JSON_LIES, st.sampled_from(['', '[', '"', 'null', '[' * 90000, '\x00',
                                              '{"a": 1, "a": 2}', '1' * 5000]))


def test_a_run_whose_env_lies_is_resumed(honest_run, tmp_path):
    folder, _ = honest_run
    env = json.loads((folder / 'env.json').read_text())

    @campaign(4)
    @hypothesis.given(TEXTS)
    def each(lies):
        home = liar(honest_run, tmp_path / 'run', [], [])
        (home / 'env.json').write_text(lies if isinstance(lies, str)
                                       else lied(env, lies))
        assert resumed(home) == 0

    each()


# --- What a replay and a preflight read -----------------------------------------------

LINES = ['epoch,step,loss_D,loss_G,seconds', '0,1,-1.5,-0.25,0.5', '1,3,-1,nan,0.5']
FIELDS = ['', 'nan', 'inf', '-1', '1e400', '9' * 400, '"', 'x', 'loss_D', '\x00', '0x1',
          '1_0', ',', 'epoch', '1e308', '-1e308', '\n']
LOG_LIES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.sampled_from(
    FIELDS)), min_size=1, max_size=4)


@pytest.mark.parametrize('own', [False, True])
def test_a_run_folder_that_lies_is_replayed_or_refused_in_one_sentence(
        own, tmp_path, call):
    from PIL import Image
    run = tmp_path / 'run'
    (run / 'samples').mkdir(parents=True)
    for n in range(2):
        Image.new('L', (28, 28), n).save(str(run / 'samples' / f'{n:03d}.png'))
    meta = (OWN if own else GOLDEN)['vanilla'].meta

    @campaign(40)
    @hypothesis.given(TEXTS, LOG_LIES)
    def each(lies, fields):
        (run / 'config.json').write_text(lies if isinstance(lies, str)
                                         else lied(meta, lies))
        table = [line.split(',') for line in LINES]
        for row, column, field in fields:
            table[row][column:column + 1] = [field]
        (run / 'log.csv').write_text('\n'.join(map(','.join, table)))
        ended = call(replay.main, run)
        assert ended.status in (0, 2) and ended.err.count('\n') <= 1

    each()


@pytest.mark.parametrize('name', ['vanilla', 'dcgan'])
def test_numbers_that_lie_are_compared_or_refused_in_one_sentence(name, tmp_path, call):
    said = preflight.expected(preflight._described(name))

    @campaign(100)
    @hypothesis.given(TEXTS)
    def each(lies):
        path = tmp_path / 'said.json'
        path.write_text(lies if isinstance(lies, str) else lied(said, lies))
        ended = call(preflight.main, name, path)
        assert ended.status in (0, 1, 2)
        assert (ended.status == 2) == bool(ended.err) and ended.err.count('\n') <= 1

    each()
