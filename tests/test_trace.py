"""The trace format: what is read, what is refused, and how a port writes its own."""

import io
import json
import os
import resource
import warnings
import zipfile

import numpy as np
import pytest
from conftest import environ, python, run_module

import tf1gan
from tf1gan import InputError, run_folder, trace


@pytest.mark.parametrize('name', tf1gan.TUTORIALS)
def test_every_tutorial_has_a_small_golden_trace_of_three_steps(name):
    golden = trace.load(name)
    assert golden.meta['tutorial'] == name
    assert (trace.GOLDEN / f'{name}.npz').stat().st_size < 500000
    assert {update[:8] for update in golden.updates} == {
        'step_000', 'step_001', 'step_002'}
    for update in golden.updates:
        kinds = {key.split('/')[2] for key in golden.arrays if key.startswith(update)}
        assert kinds >= {'feed', 'logit', 'loss', 'grad', 'adam_m', 'adam_v', 'after'}
        assert ('mask' in kinds) == (name in ('dcgan', 'conditional'))
        moved = golden.part(f'{update}/after')
        assert set(golden.part(f'{update}/grad')) <= set(moved)
    assert all(array.dtype == np.float32 and np.isfinite(array).all()
               for array in golden.arrays.values())


def test_what_is_saved_is_what_is_loaded(tmp_path):
    golden = trace.load('vanilla')
    trace.save(tmp_path / 'copy.npz', golden.meta, golden.arrays)
    copy = trace.load(tmp_path / 'copy.npz')
    assert copy.meta == golden.meta and list(copy.arrays) == list(golden.arrays)
    for key, array in golden.arrays.items():
        assert np.array_equal(copy.arrays[key], array), key
        assert copy.arrays[key].flags.writeable


META = {'format': 1, 'tutorial': 'vanilla', 'config': {}, 'seed': 0, 'optimizers': {}}
GOOD = {'meta': np.array(json.dumps(META)), 'step_000/D/loss': np.float32(1)}


def npy(array=None, header=None):
    """Return the bytes of a .npy file, or of a header and nothing behind it."""
    content = io.BytesIO()
    if header is None:
        np.lib.format.write_array(content, np.asarray(array), allow_pickle=True)
    else:
        text = header.encode().ljust(118 - 1) + b'\n'
        content.write(b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text)
    return content.getvalue()


def packed(members, how=zipfile.ZIP_STORED):
    """Return the bytes of a zip of .npy files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', how) as file:
        for name, member in members:
            file.writestr(f'{name}.npy', member)
    return content.getvalue()


def good(**changed):
    """Return a trace's members, some of them changed or added."""
    members = {**{name: npy(array) for name, array in GOOD.items()}, **changed}
    return [(name, content) for name, content in members.items()
            if content is not None]


class Bomb:
    """An object that writes a file when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ('exploded',)


def with_meta(**changed):
    """Return a trace whose meta is changed; None leaves a part out."""
    meta = {name: value for name, value in {**META, **changed}.items()
            if value is not None}
    return packed(good(meta=npy(np.array(json.dumps(meta)))))


def twice():
    """Return a trace with a member twice."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return packed([*good(), ('step_000/D/loss', npy(1.))])


def huge_header(shape):
    """Return a member that declares many numbers and holds none."""
    return npy(header=f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}")


BOMB = np.empty(1, object)
BOMB[0] = Bomb()
LOSS = 'step_000/D/loss'
HOSTILE = {
    'not a zip': (b'no zip at all', 'not a zip'),
    'nothing': (b'', 'not a zip'),
    'a truncated zip': (packed(good())[:-30], 'not a zip'),
    'a pickled object': (packed(good(**{LOSS: npy(BOMB)})), 'type object'),
    'a pickled meta': (packed(good(meta=npy(BOMB))), 'type object'),
    'a huge shape': (packed(good(**{LOSS: huge_header('(1000000, 1000000)')})),
                     r'declared as \[1000000, 1000000\]'),
    'a shape past 64 bits': (packed(good(**{LOSS: huge_header(
        '(4294967296, 4294967296, 4294967296)')})), 'declared as'),
    'a negative shape': (packed(good(**{LOSS: huge_header('(-1,)')})), 'declared as'),
    'a zip bomb': (packed([*good(), ('step_000/D/feed/X', bytes(10 ** 8))],
                          zipfile.ZIP_DEFLATED), '100000.* bytes packed into'),
    'another format': (with_meta(format=2), 'format 2, not 1'),
    'no format': (with_meta(format=None), 'format None, not 1'),
    'another tutorial': (with_meta(tutorial='../../etc/passwd'), 'tutorial'),
    'no config': (with_meta(config=None), "without 'config'"),
    'a bad optimizer': (with_meta(optimizers={'D': {'kind': 'Lion'}}), 'optimizer'),
    'no meta': (packed(good(meta=None)), "without 'meta'"),
    'meta that is no JSON': (packed(good(meta=npy(np.array('{')))), 'found: '),
    'deep JSON': (packed(good(meta=npy(np.array('[' * 100000)))), 'found: '),
    'another member': (packed([*good(), ('../evil', npy(1.))]), "member '../evil.npy'"),
    'a member twice': (twice(), 'twice'),
    'text for numbers': (packed(good(**{LOSS: npy('one')})), 'type <U3'),
    'a header that is no header': (packed(good(**{LOSS: npy(header='import os')})),
                                   'found: ')}


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(tmp_path, monkeypatch, name):
    content, words = HOSTILE[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'hostile.npz'
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as refused:
        trace.load(path)
    assert str(refused.value).startswith(f'{path}: expected a trace')
    assert '\n' not in str(refused.value) and len(str(refused.value)) < 500
    assert not (tmp_path / 'exploded').exists()


def test_the_bomb_would_explode(tmp_path, monkeypatch):
    """So that the test above can fail."""
    monkeypatch.chdir(tmp_path)
    np.lib.format.read_array(io.BytesIO(npy(BOMB)), allow_pickle=True)
    assert (tmp_path / 'exploded').exists()


def test_compare_ends_with_2_in_little_memory(tmp_path):
    """One process, 1 GiB of address space, every hostile file in turn."""
    for i, (content, _) in enumerate(HOSTILE.values()):
        (tmp_path / f'{i}.npz').write_bytes(content)
    code = f"""import sys
from tf1gan import compare
for i in range({len(HOSTILE)}):
    sys.argv[1:] = ['vanilla', f'{{i}}.npz']
    print(compare.main())"""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2 ** 30, 2 ** 30))

    ended = python('-c', code, cwd=tmp_path, preexec_fn=limit,
                   env=environ(OPENBLAS_NUM_THREADS='1'))
    assert ended.out.split() == len(HOSTILE) * ['2'], ended.err
    lines = ended.err.splitlines()
    assert len(lines) == len(HOSTILE)
    assert all(f'{i}.npz: expected a trace' in line for i, line in enumerate(lines))


def test_a_missing_file_and_an_unwritable_one_are_told(tmp_path):
    with pytest.raises(InputError, match='no such file'):
        trace.load(tmp_path / 'none.npz')
    with pytest.raises(InputError):
        trace.save(tmp_path / 'no folder' / 'x.npz', META, {})


LAYOUTS = [
    (trace.Layout((1, 0)), (5, 4), (4, 5)),
    (trace.Layout((3, 2, 0, 1)), (5, 5, 3, 2), (2, 3, 5, 5)),
    (trace.Layout((2, 0, 1), (7, 7, 3), (-1,)), (147,), (147,)),
    (trace.Layout((3, 1, 2, 0), (6, 7, 7, -1), (-1, 6)), (6, 98), (98, 6))]


@pytest.mark.parametrize('layout, golden, port', LAYOUTS)
def test_a_layout_there_and_back_changes_nothing(layout, golden, port):
    array = np.arange(np.prod(golden)).reshape(golden)
    there = layout.to_port(array)
    assert there.shape == port
    assert np.array_equal(layout.to_golden(there, golden), array)


def test_a_layout_is_what_it_says():
    array = np.arange(7 * 7 * 3)
    there = trace.Layout((2, 0, 1), (7, 7, 3), (-1,)).to_port(array)
    for h, w, c in np.ndindex(7, 7, 3):     # (h, w, c) to (c, h, w), counted by hand
        assert there[c * 49 + h * 7 + w] == array[(h * 7 + w) * 3 + c]


def test_an_array_that_no_layout_fits_is_left_for_the_comparer():
    for array, shape in ((np.zeros(3), (2, 2)), (np.zeros((4, 5)), (4, 5))):
        left = trace.Layout((1, 0)).to_golden(array, shape)
        assert left is array


def test_a_replay_of_golden_itself_is_golden(tmp_path):
    golden = trace.load('dcgan')
    replay = trace.Replay('dcgan')
    assert replay.n_steps == 3
    weights = replay.weights()
    replay.start(weights)
    for update in replay:
        for name in golden.part(f'{update.place}/feed'):
            update.feed(name)
        for name in golden.part(f'{update.place}/mask'):
            update.mask(name)
        for kind in 'fake', 'logit', 'grad', 'adam_m', 'adam_v':
            update.put(kind, golden.part(f'{update.place}/{kind}'))
        update.put('loss', golden.arrays[f'{update.place}/loss'])
        weights.update(golden.part(f'{update.place}/after'))
        update.put('after', weights)        # all of them: those that rest are dropped
    replay.save(tmp_path / 'mine.npz')
    mine = trace.load(tmp_path / 'mine.npz')
    assert set(mine.arrays) == set(golden.arrays)
    for key, array in golden.arrays.items():
        assert np.array_equal(mine.arrays[key], array), key


def test_what_must_not_move_is_kept_when_it_moves():
    replay = trace.Replay('vanilla')
    weights = replay.weights()
    replay.start(weights)
    update = replay.update(0, 'D')
    update.put('after', weights)
    assert 'step_000/D/after/G_W1' not in replay.arrays
    update.put('after', {'G_W1': weights['G_W1'] + 1})
    assert 'step_000/D/after/G_W1' in replay.arrays
    update.put('grad', {'G_W1': np.zeros(3), 'G_b1': None, 'G_W2': np.ones(3)})
    kept = [key for key in replay.arrays if '/grad/G' in key]
    assert kept == ['step_000/D/grad/G_W2']


def test_a_loss_may_be_a_plain_number():
    update = trace.Replay('vanilla').update(0, 'D')
    update.put('loss', -1.5)
    assert update.replay.arrays['step_000/D/loss'].dtype == np.float32
    update.put('loss', np.full((), -1.5))       # but an array has the type it has
    assert update.replay.arrays['step_000/D/loss'].dtype == np.float64


def test_what_golden_does_not_have_is_refused():
    update = trace.Replay('vanilla').update(0, 'G')
    for wrong in (lambda: update.feed('X'), lambda: update.mask('1'),
                  lambda: update.put('gradient', {}),
                  lambda: update.put('grad', np.zeros(3)),
                  lambda: update.put('loss', {'loss_D': 1.}),
                  lambda: update.replay.start({'w_G_W1': 0}),
                  lambda: trace.Replay('vanilla', {'G_W9': trace.Layout((1, 0))})):
        with pytest.raises(InputError, match='expected'):
            wrong()


def test_a_trace_can_be_listed(tmp_path):
    listed = run_module('tf1gan.trace', 'vanilla', cwd=tmp_path)
    assert listed.status == 0 and listed.err == ''
    for key, array in trace.load('vanilla').arrays.items():
        assert f'\n{key} ' in listed.out
    refused = run_module('tf1gan.trace', 'nothing.npz', cwd=tmp_path)
    assert refused.status == 2 and len(refused.err.splitlines()) == 1
    assert 'or one of vanilla, collapse, ' in refused.err


def test_a_trace_names_where_it_is_from():
    meta = trace.load('dcgan').meta
    assert meta['environment']['tensorflow'].startswith('1.15')
    assert set(run_folder.environment()) <= set(meta['environment'])
