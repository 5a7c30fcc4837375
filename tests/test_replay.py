"""The replay: its sheet, its GIF, its page, and the page in a real browser."""

import base64
import html
import html.parser
import io
import json
import re
import shutil
import struct
import zlib
from pathlib import Path

import chromium
import numpy as np
import pytest
from conftest import ROOT, run_module
from PIL import Image, ImageSequence

from tf1gan.replay import __main__ as replay

SERIES = [('vanilla', []), ('dcgan', []), ('conditional', []),
          ('minimax', ['--series', 'saturating']),
          ('minimax', ['--series', 'non-saturating']),
          ('collapse', ['--series', 'rung_4'])]
ODD = 'a <b> & "c" \'d\' ä </title><script>alert(1)</script>'.replace('/', '⁄')


def image(number, size=(60, 40), colors=True):
    """Return a picture of blocks that no other number has."""
    blocks = np.random.RandomState(number).randint(0, 12, (5, 6, 3)) * 20
    if not colors:
        blocks[:] = blocks[..., :1]
    return Image.fromarray(blocks.astype(np.uint8)).resize(size, Image.NEAREST)


def png(picture):
    content = io.BytesIO()
    picture.save(content, 'png')
    return content.getvalue()


def make_run(folder, epochs, tutorial='vanilla', kinds=('samples', 'fixed'), **how):
    """Write a run folder with a picture and a row of the log for each epoch."""
    for offset, kind in enumerate(kinds):
        (folder / kind).mkdir(parents=True)
        for epoch in epochs:
            (folder / kind / f'{epoch:03d}.png').write_bytes(
                png(image(1000 * offset + epoch, **how)))
    (folder / 'config.json').write_text(json.dumps({'tutorial': tutorial}))
    rows = [f'{epoch},{epoch * 550 + 549},{np.cos(epoch):.6g},{epoch * 0.25:.6g},2.5\n'
            for epoch in range(max(epochs) + 1)]
    (folder / 'log.csv').write_text('epoch,step,loss_D,loss_G,seconds\n'
                                    + ''.join(rows))
    return folder


@pytest.fixture
def replayed(call):
    """Return a function that replays a folder in this process, and returns the page."""
    def replayed(*args) -> Path:
        ended = call(replay.main, *args)
        assert ended.status == 0, ended.err
        return Path(ended.out.splitlines()[-1])

    return replayed


def page_data(path):
    """Return what the page's script reads."""
    text = path.read_text(encoding='utf-8')
    return json.loads(re.search(
        '<script id="data" type="application/json">(.*?)</script>', text).group(1))


def labels(path):
    return [picture['label'] for picture in page_data(path)['pictures']]


def pngs(path):
    return [base64.b64decode(picture['png']) for picture in page_data(path)['pictures']]


def pixels(picture):
    return np.asarray(picture.convert('RGB')).astype(int)


def sheet(page):
    return pixels(Image.open(str(page.with_name('replay.png'))))


def movie(page):
    return Image.open(str(page.with_name('replay.gif')))


def find(block, whole):
    """Return the places (row, column) where the pixels of `block` are in `whole`."""
    height, width = block.shape[:2]
    ends = whole.shape[0] - height + 1, whole.shape[1] - width + 1
    fits = np.ones(ends, bool)
    for y, x in ((0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1),
                 (height // 2, width // 2)):
        part = whole[y:y + ends[0], x:x + ends[1]]
        fits &= (part == block[y, x]).all(2)
    return [(y, x) for y, x in np.argwhere(fits)
            if np.array_equal(whole[y:y + height, x:x + width], block)]


def test_three_files_are_written_and_named(tmp_path):
    run = make_run(tmp_path / 'run', [0, 9, 19])
    ended = run_module('tf1gan.replay', run, cwd=tmp_path)
    assert ended.status == 0 and ended.err == ''
    out = run / 'replay'
    assert ended.out.splitlines() == [
        str(out / name) for name in ('replay.png', 'replay.gif', 'replay.html')]
    assert sorted(path.name for path in out.iterdir()) == [
        'replay.gif', 'replay.html', 'replay.png']


@pytest.mark.parametrize('names, expected', [
    (['9.png', '10.png', '0.png', '100.png'],
     ['epoch 0', 'epoch 9', 'epoch 10', 'epoch 100']),
    (['gan_mnist_1000.png', 'gan_mnist_200.png', 'gan_mnist_0.png'],
     ['step 0', 'step 200', 'step 1000']),
    (['0001_0000.png', '0000_1500.png', '0000_0500.png'],
     ['epoch 0, batch 500', 'epoch 0, batch 1500', 'epoch 1, batch 0']),
    (['rung_2_002.png', 'rung_2_000.png', 'rung_2_001.png'],
     ['before training', 'after 1 epoch', 'after 2 epochs']),
    (['epoch_1_step_200.png', 'epoch_0_step_900.png', 'epoch_1_step_1000.png'],
     ['epoch 0, step 900', 'epoch 1, step 200', 'epoch 1, step 1000']),
    (['iter20_ep1.png', 'iter3_ep2.png'], ['epoch 1, step 20', 'epoch 2, step 3']),
    (['10_epoch.png', '9_epoch.PNG'], ['epoch 9', 'epoch 10']),
    (['image (10).png', 'image (3).png'], ['epoch 3', 'epoch 10']),
    (['Iteration-20.png', 'Iteration-3.png'], ['step 3', 'step 20']),
    (['mnist2_3.png', 'mnist2_20.png'], ['epoch 3', 'epoch 20'])])
def test_pictures_are_in_the_order_of_their_numbers_and_say_their_moment(
        tmp_path, replayed, names, expected):
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(png(image(number)))
    (tmp_path / '.new-77-005.png').write_bytes(b'half written')
    (tmp_path / 'cover.png').write_bytes(b'no number in its name')
    page = replayed(tmp_path)
    assert labels(page) == expected
    by_label = dict(zip(labels(page), pngs(page)))
    for number, name in enumerate(names):
        words = re.findall(r'\d+', re.sub('rung_2|mnist2', '', name))
        label = next(label for label in expected if label == 'before training'
                     and words == ['000'] or sorted(re.findall(r'\d+', label))
                     == sorted(str(int(word)) for word in words))
        assert by_label[label] == png(image(number))


@pytest.mark.parametrize('names, order, expected', [
    (['train_00_0099.png', 'train_01_0099.png', 'train_01_0000.png'], 'epoch,batch',
     ['epoch 0, batch 99', 'epoch 1, batch 0', 'epoch 1, batch 99']),
    (['0-100.png', '1-50.png'], 'epoch,step',
     ['epoch 0, step 100', 'epoch 1, step 50']),
    (['200-1.png', '100-2.png'], 'step,epoch',
     ['epoch 1, step 200', 'epoch 2, step 100']),
    (['a7_002.png', 'a7_001.png'], 'series,done', ['after 1 epoch', 'after 2 epochs'])])
def test_order_says_what_the_numbers_are(tmp_path, replayed, names, order, expected):
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(png(image(number)))
    assert labels(replayed(tmp_path, '--order', order)) == expected


@pytest.mark.parametrize('names', [['train_00_0099.png', 'train_01_0000.png'],
                                   ['0-100.png', '1-50.png'],
                                   ['run1_003.png', 'run2_004.png']])
def test_numbers_that_nothing_names_are_asked_for(tmp_path, call, names):
    for name in names:
        (tmp_path / name).write_bytes(png(image(0)))
    ended = call(replay.main, tmp_path)
    assert ended.status == 2 and len(ended.err.splitlines()) == 1
    assert 'say it with --order, epoch,batch for example' in ended.err


def test_numbers_of_a_series_part_the_pictures(tmp_path, replayed, call):
    for seed in 1, 2:
        for epoch in 0, 1:
            name = f'seed{seed}_epoch{epoch}.png'
            (tmp_path / name).write_bytes(png(image(2 * seed + epoch)))
    assert '(seed1_epoch, seed2_epoch)' in call(replay.main, tmp_path).err
    page = replayed(tmp_path, '--series', 'seed2_epoch')
    assert labels(page) == ['epoch 0', 'epoch 1']
    assert pngs(page) == [png(image(4)), png(image(5))]


@pytest.mark.parametrize('kind', ['jpeg', 'bmp'])
def test_other_pictures_are_seen_too(tmp_path, replayed, kind):
    picture = image(0)
    picture.save(str(tmp_path / f'epoch3.{kind}'), kind)
    page = replayed(tmp_path)
    assert labels(page) == ['epoch 3']
    found = Image.open(io.BytesIO(pngs(page)[0]))
    expected = Image.open(str(tmp_path / f'epoch3.{kind}'))
    assert np.array_equal(pixels(found), pixels(expected))


def test_pictures_of_16_bits_keep_their_grays(tmp_path, replayed):
    grays = np.arange(60 * 40).reshape(40, 60) * 27
    Image.fromarray(grays.astype(np.uint16)).save(str(tmp_path / '000.png'))
    found = pixels(Image.open(io.BytesIO(pngs(replayed(tmp_path))[0])))
    assert np.abs(found[..., 0] - grays / 257).max() <= 0.5 + 1e-6


@pytest.mark.parametrize('side', [5000, 20000])
def test_a_picture_that_claims_too_much_is_refused(tmp_path, call, side):
    content = bytearray(png(image(0)))
    content[16:24] = struct.pack('>2I', side, side)
    content[29:33] = struct.pack('>I', zlib.crc32(bytes(content[12:29])))
    (tmp_path / '000.png').write_bytes(bytes(content))
    ended = call(replay.main, tmp_path)
    assert ended.status == 2 and 'found one of more than 16,777,216 pixels' in ended.err


LOGS = {        # of others, and the place of epoch 9's picture in it
    'epoch,d_loss,g_loss\n0,1,2\n9,3,4\n10,5,6\n': (['d_loss', 'g_loss'], [3, 4]),
    'Epoch,D Loss,lr\n1,1,0\n9,3,0\n': (['D Loss'], [3]),
    '\ufeffepoch,loss,val\n1,,\n9,3,\n': (['loss'], [3])}


@pytest.mark.parametrize('text', LOGS)
def test_the_log_of_another_is_read_as_far_as_it_is_known(tmp_path, replayed, text):
    names, values = LOGS[text]
    (tmp_path / '009.png').write_bytes(png(image(0)))
    (tmp_path / 'log.csv').write_text(text, encoding='utf-8')
    data = page_data(replayed(tmp_path))
    assert [curve['name'] for curve in data['curves']] == names
    assert data['pictures'][0]['values'] == values


def test_a_log_that_is_none_blocks_no_replay(tmp_path, call):
    (tmp_path / '009.png').write_bytes(png(image(0)))
    (tmp_path / 'log.csv').write_text('a,b\n1,2\n')
    ended = call(replay.main, tmp_path)
    assert ended.status == 0 and ended.err.startswith('note: without losses: ')
    assert 'found other columns' in ended.err and len(ended.err.splitlines()) == 1
    assert page_data(Path(ended.out.splitlines()[-1]))['curves'] == []


def test_from_inside_a_folder_it_is_known_too(tmp_path, replayed, monkeypatch):
    run = make_run(tmp_path / 'run', [0, 9])
    monkeypatch.chdir(run / 'fixed')
    page = replayed('.', '--out', tmp_path / 'out')
    texts = check_markup(page)
    assert texts['h1'] == 'run/fixed' and texts['p'].startswith('The same noise')
    assert len(page_data(page)['curves']) == 2
    page = replayed(ROOT / 'samples' / 'vanilla' / 'fixed', '--out', tmp_path / 'out')
    assert len(page_data(page)['curves']) == 2


@pytest.mark.parametrize('folder', ['.', 'samples', 'fixed'])
def test_a_run_of_collapse_counts_the_epochs_done(tmp_path, replayed, folder):
    run = make_run(tmp_path / 'run', [0, 1, 2], tutorial='collapse')
    page = replayed(run / folder, '--out', tmp_path / 'out')
    assert labels(page) == ['before training', 'after 1 epoch', 'after 2 epochs']
    assert [picture.get('values') for picture in page_data(page)['pictures']] == [
        None, [1, 0], [0.540302, 0.25]]     # of the rows of the epochs 0 and 1


@pytest.mark.parametrize('flag, folder', [((), 'fixed'), (('--fresh',), 'samples')])
def test_fixed_noise_comes_first_and_fresh_noise_on_request(tmp_path, replayed, flag,
                                                            folder):
    run = make_run(tmp_path / 'run', [0, 9])
    assert pngs(replayed(run, *flag)) == [
        (run / folder / name).read_bytes() for name in ('000.png', '009.png')]


def test_an_empty_folder_of_fixed_noise_is_passed_over(tmp_path, replayed):
    run = make_run(tmp_path / 'run', [0, 9], kinds=['samples'])
    (run / 'fixed').mkdir()
    assert len(pngs(replayed(run))) == 2


def test_a_samples_folder_may_hold_fixed_noise_too(tmp_path, replayed):
    folder = tmp_path / 'vanilla'
    shutil.copytree(str(ROOT / 'samples' / 'vanilla'), str(folder))
    shutil.rmtree(str(folder / 'fixed'))
    (folder / 'fixed').mkdir()
    (folder / 'fixed' / '003.png').write_bytes(png(image(3)))
    assert pngs(replayed(folder)) == [png(image(3))]
    assert len(pngs(replayed(folder, '--fresh'))) == 11


@pytest.mark.parametrize('size, columns', [((60, 40), 5), ((400, 20), 2)])
def test_the_sheet_holds_each_picture_in_rows(tmp_path, replayed, size, columns):
    page = replayed(make_run(tmp_path / 'run', range(26), size=size))
    whole = sheet(page)
    places = []
    for epoch in range(26):
        found = find(pixels(image(1000 + epoch, size)), whole)
        assert len(found) == 1, epoch
        places += found
    assert places == sorted(places)
    assert len({x for _, x in places}) == columns
    assert 0.5 < whole.shape[1] / whole.shape[0] < 2
    for y, x in places:
        whole[y:y + size[1], x:x + size[0]] = 255
        caption = whole[y - 16:y, x:x + 60]
        assert caption.min() < 100 and np.ptp(caption, axis=2).max() == 0   # gray ink
    assert (whole[[0, -1]] == 255).all() and (whole[:, [0, -1]] == 255).all()


def test_a_sheet_of_large_pictures_holds_the_means_of_their_pixels(
        tmp_path, replayed, monkeypatch):
    monkeypatch.setattr('tf1gan.replay.drawing.SHEET_PIXELS',
                        3000)   # of 2 x 60 x 40: half the size
    whole = sheet(replayed(make_run(tmp_path / 'run', [0, 9])))
    for epoch in 0, 9:
        block = pixels(image(1000 + epoch)).reshape(20, 2, 30, 2, 3).mean((1, 3))
        assert min(np.abs(whole[y:y + 20, x:x + 30] - block).max()
                   for y in range(whole.shape[0] - 19)
                   for x in range(whole.shape[1] - 29)) <= 1


@pytest.mark.parametrize('colors', [True, False])
def test_the_gif_moves_for_ever_through_those_pictures(tmp_path, replayed, colors):
    run = make_run(tmp_path / 'run', range(0, 70, 10), colors=colors, size=(120, 80))
    moving = movie(replayed(run, '--seconds', '0.25'))
    assert moving.info['loop'] == 0
    frames = [(pixels(frame), frame.info['duration'])
              for frame in ImageSequence.Iterator(moving)]
    assert [duration for _, duration in frames[:-1]] == [250] * 6
    assert frames[-1][1] > 1000
    shown = []
    for frame, _ in frames:
        distances = []
        for epoch in range(0, 70, 10):
            source = pixels(image(1000 + epoch, (120, 80), colors))
            place = frame.shape[0] - 80, frame.shape[1] - 120
            distances.append(min(
                np.abs(frame[y:y + 80, x:x + 120] - source).mean()
                for y in range(place[0] - 12, place[0] + 1)
                for x in range(place[1] // 2 - 1, place[1] // 2 + 2)))
        assert min(distances) < 3
        shown.append(10 * int(np.argmin(distances)))
        caption = frame[:20].min(2)
        assert caption.min() < 110 and (caption > 200).mean() > 0.8
    assert shown == list(range(0, 70, 10))


def test_a_gif_of_one_picture_and_of_equal_pictures(tmp_path, replayed):
    run = make_run(tmp_path / 'run', [4])
    assert getattr(movie(replayed(run)), 'n_frames', 1) == 1
    for epoch in range(5):      # the labels differ
        (run / 'fixed' / f'{epoch:03d}.png').write_bytes(png(image(1)))
    assert movie(replayed(run)).n_frames == 5


def test_of_many_pictures_an_even_selection_is_drawn(tmp_path, replayed):
    run = make_run(tmp_path / 'run', [0])
    for number in range(450):       # each has its color
        (run / 'fixed' / f'{10 * number:03d}.png').write_bytes(png(Image.new(
            'RGB', (12, 10), (number // 16 * 8, number % 16 * 15, 250))))
    page = replayed(run)
    assert movie(page).n_frames == 200
    shown = labels(page)
    assert len(shown) == 400 and shown[0] == 'epoch 0' and shown[-1] == 'epoch 4490'
    assert set(np.diff([int(label.split()[1]) for label in shown])) == {10, 20}
    assert '400 of 450 pictures' in page.read_text(encoding='utf-8')
    whole = sheet(page).reshape(-1, 3)
    found = sorted(red // 8 * 16 + green // 15 for red, green, _ in
                   {tuple(color) for color in whole if color[2] == 250 != color[0]})
    assert len(found) == 60 and found[0] == 0 and found[-1] == 449
    assert set(np.diff(found)) == {7, 8}


def test_pictures_of_other_sizes_are_padded_on_white(tmp_path, replayed):
    run = make_run(tmp_path / 'run', [0, 9])
    (run / 'fixed' / '019.png').write_bytes(png(image(5, (30, 20))))
    last = Image.open(io.BytesIO(pngs(replayed(run))[-1]))
    assert last.size == (60, 40)
    expected = np.full((40, 60, 3), 255)
    expected[10:30, 15:45] = pixels(image(5, (30, 20)))
    assert np.array_equal(pixels(last), expected)


def test_transparent_pictures_lie_on_white(tmp_path, replayed):
    run = make_run(tmp_path / 'run', [0], kinds=['fixed', 'samples'])
    clear = Image.new('RGBA', (60, 40), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (10, 10, 20, 20))
    (run / 'fixed' / '000.png').write_bytes(png(clear))
    whole = sheet(replayed(run))
    red = np.argwhere((whole == (255, 0, 0)).all(2))
    assert len(red) == 100
    y, x = red[0]
    assert (whole[y:y + 20, x - 10:x] == 255).all()


class Checked(html.parser.HTMLParser):
    """What a page's markup asks for."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.texts = [], [], {}

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes
                       if name in ('src', 'href', 'srcset', 'data', 'action')]
        if tag not in ('meta', 'link', 'img', 'input'):
            self.open.append(tag)
            self.texts.setdefault(tag, '')

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]] += data


def check_markup(path):
    """Check that a page is whole, small and needs nothing; return its texts."""
    content = path.read_bytes()
    assert len(content) < 3e6
    text = content.decode('utf-8')
    parser = Checked()
    parser.feed(text)
    parser.close()
    assert parser.open == [] and text.startswith('<!DOCTYPE html>')
    assert all(link.startswith('data:') for link in parser.links)
    namespace = 'http://www.w3.org/2000/svg'    # a name, not an address
    assert not re.search(r'https?://|file:|//[a-z]+\.|url\(|@import',
                         text.replace(namespace, ''))
    assert ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'") in text
    return parser.texts


@pytest.mark.parametrize('name, flags', SERIES)
def test_the_committed_samples_can_be_replayed(tmp_path, replayed, name, flags):
    folder = ROOT / 'samples' / name
    page = replayed(folder, '--fresh', *flags, '--out', tmp_path / 'out')
    texts = check_markup(page)
    assert texts['h1'].startswith(f'samples/{name}')
    prefix = flags[1] + '_' if flags else ''
    paths = sorted(folder.glob(prefix + '*.png'),
                   key=lambda path: list(map(int, re.findall(r'\d+', path.name))))
    data = page_data(page)
    sources = [path.read_bytes() for path in paths]
    if sum(map(len, sources)) < 1.83e6:     # beyond, they may be encoded anew
        assert pngs(page) == sources
    assert movie(page).n_frames == len(paths)
    for name_of in 'replay.gif', 'replay.png':
        assert page.with_name(name_of).stat().st_size < 2e6
    if name == 'collapse':
        assert data['curves'] == []
        return
    log = ROOT / 'experiments' / name / prefix.rstrip('_') / 'log.csv'
    header, *rows = [line.split(',') for line in log.read_text().splitlines()]
    first = header.index('loss_D_real' if name == 'dcgan' else 'loss_D')
    losses = slice(first, 1 + header.index('loss_G'))
    assert [each['name'] for each in data['curves']] == header[losses]
    for path, picture in zip(paths, data['pictures']):
        number = [int(digits) for digits in re.findall(r'\d+', path.name)]
        row = number[0] if name != 'conditional' else (    # by hand: a row an epoch
            number[0] * 1875 + number[1] - 1)               # or a step
        if row < 0:
            assert 'values' not in picture
            continue
        assert picture['values'] == pytest.approx(
            [float(value) for value in rows[row][losses]], rel=1e-5)
        assert picture['x'] == row


def test_a_run_of_a_hundred_epochs_stays_small(tmp_path, replayed):
    run = make_run(tmp_path / 'run', range(100), kinds=['samples'])
    sources = sorted((ROOT / 'samples' / 'vanilla').glob('*.png'))
    for epoch in range(100):
        shutil.copyfile(str(sources[epoch % 11]),
                        str(run / 'samples' / f'{epoch:03d}.png'))
    total = sum(path.stat().st_size for path in (run / 'samples').iterdir())
    assert total > 3e6      # so that they must be encoded anew
    page = replayed(run)
    check_markup(page)
    assert labels(page) == [f'epoch {epoch}' for epoch in range(100)]
    for epoch, shown in enumerate(pngs(page)):
        shown = Image.open(io.BytesIO(shown))
        source = Image.open(str(sources[epoch % 11])).resize(shown.size, Image.BOX)
        assert np.abs(pixels(shown) - pixels(source)).mean() < 3


def test_pictures_that_nothing_shrinks_are_thinned_out(tmp_path, replayed, monkeypatch):
    run = make_run(tmp_path / 'run', range(40), size=(28, 28))
    monkeypatch.setattr('tf1gan.replay.page.PICTURE_BYTES', 5000)
    page = replayed(run)
    shown = labels(page)
    assert 3 <= len(shown) < 30 and shown[0] == 'epoch 0' and shown[-1] == 'epoch 39'
    gaps = np.diff([int(label.split()[1]) for label in shown])
    assert gaps.max() - gaps.min() <= gaps.min()
    assert sum(map(len, pngs(page))) * 4 / 3 <= 5000


def test_a_curve_keeps_its_spikes_and_its_gaps(tmp_path, replayed):
    rng = np.random.RandomState(0)
    losses = rng.normal(size=20000)
    losses[[7, 12345, 19999]] = 99, -99, 77
    losses[500:600] = np.nan
    losses[700] = np.inf
    (tmp_path / 'log.csv').write_text('epoch,step,loss_G\n' + ''.join(
        f'{step // 100},{step},{loss}\n' for step, loss in enumerate(losses)))
    (tmp_path / 'gan_mnist_550.png').write_bytes(png(image(0)))
    data = page_data(replayed(tmp_path))
    points = data['curves'][0]['points']
    assert len(points) <= 1000
    for step in 7, 12345, 19999:
        assert [step, losses[step]] in points
    assert all(value == pytest.approx(losses[int(step)], rel=1e-5)
               for step, value in points)
    assert data['pictures'][0]['values'] == [None]
    trend = data['curves'][0]['trend']
    assert len(trend) == 125 and trend[4][1] is None        # 20000 / 125 = 160 a bin
    assert trend[-1] == pytest.approx([19919.5, losses[-160:].mean()], rel=1e-4)


def test_a_log_can_be_named_and_need_not_be_there(tmp_path, replayed):
    folder, log = tmp_path / 'pictures', make_run(tmp_path / 'run', [9]) / 'log.csv'
    folder.mkdir()
    (folder / '009.png').write_bytes(png(image(0)))
    assert page_data(replayed(folder))['curves'] == []
    curves = page_data(replayed(folder, '--log', log))['curves']
    assert [each['name'] for each in curves] == ['loss_D', 'loss_G']
    (tmp_path / 'log.csv').write_text('epoch,step,loss_D,seconds\n')    # no row yet
    assert page_data(replayed(folder, '--log', tmp_path / 'log.csv'))['curves'] == []


def test_odd_names_are_escaped(tmp_path, replayed):
    run = make_run(tmp_path / ODD, [0, 9])
    log = (run / 'log.csv').read_text()
    (run / 'log.csv').write_text(log.replace('loss_G', 'loss_</script><b>'))
    page = replayed(run)
    texts = check_markup(page)
    assert texts['h1'].endswith('/' + ODD) and texts['title'] == texts['h1']
    assert page_data(page)['curves'][1]['name'] == 'loss_</script><b>'


def bad_folders(tmp_path):
    make_run(tmp_path / 'run', [0, 9])
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'file').write_text('x')
    for name, content in (('damaged', png(image(0))[:-60]), ('text', b'no picture'),
                          ('empty_png', b'')):
        (tmp_path / name).mkdir()
        (tmp_path / name / '000.png').write_bytes(content)
    (tmp_path / 'gif').mkdir()
    image(0).save(str(tmp_path / 'gif' / '000.png'), 'gif')
    (tmp_path / 'folder' / '000.png').mkdir(parents=True)
    (tmp_path / 'taken' / 'replay.png').mkdir(parents=True)
    (tmp_path / 'early' / 'samples').mkdir(parents=True)
    (tmp_path / 'early' / 'checkpoint.npz').write_bytes(b'of a run that was stopped')
    make_run(tmp_path / 'several' / '000', [0])
    header = 'epoch,step,loss_D\n'
    for name, text in (
            ('other', 'a,b\n1,2\n'), ('ragged', header + '0,0,1\n1,2\n'),
            ('words', header + '0,0,x\n'), ('nan', header + 'nan,0,1\n'),
            ('none', ''), ('long', header + '0,0,1,2\n'), ('garbage', 'garbage\n')):
        (tmp_path / f'{name}.csv').write_text(text)
    (tmp_path / 'bytes.csv').write_bytes(b'\xff\xfe\x00')


@pytest.mark.parametrize('args, expected', [
    ([], 'expected RUN, found nothing'),
    (['nowhere'], 'found no such folder'),
    (['n' * 300], 'found no such folder'),
    (['file'], 'expected a run folder or one of pictures, found a file'),
    (['empty'], 'expected numbered pictures (000.png, ...), found none'),
    (['early'], 'found none yet: the run was stopped before its first, or draws none'),
    (['several'], 'found none but in 000; name one of them'),
    (['run', '--log', 'garbage.csv'], 'garbage.csv: expected the log of a run'),
    (['damaged'], '000.png: expected a whole PNG picture, found a damaged one'),
    (['text'], '000.png: expected a whole PNG picture, found a damaged one'),
    (['empty_png'], '000.png: expected a whole PNG picture, found a damaged one'),
    (['gif'], '000.png: expected a whole PNG picture, found a damaged one'),
    (['folder'], '000.png: expected a whole PNG picture, found Is a directory'),
    (['run', '--log', 'nowhere.csv'], 'found No such file or directory'),
    (['run', '--log', 'other.csv'], 'other.csv: expected the log of a run'),
    (['run', '--log', 'ragged.csv'], 'ragged.csv: expected the log of a run'),
    (['run', '--log', 'words.csv'], 'words.csv: expected the log of a run'),
    (['run', '--log', 'nan.csv'], 'nan.csv: expected the log of a run'),
    (['run', '--log', 'none.csv'], 'none.csv: expected the log of a run'),
    (['run', '--log', 'long.csv'], 'long.csv: expected the log of a run'),
    (['run', '--log', 'bytes.csv'], 'bytes.csv: expected the log of a run'),
    (['run', '--out', 'file'], 'file: expected a folder that can be written'),
    (['run', '--out', 'file/x'], 'expected a folder that can be written'),
    (['run', '--out', 'taken'], 'found: Is a directory; make room or name another'),
    (['run', '--seconds', '0'], 'expected a number from 0.05 up to 10'),
    (['run', '--seconds', 'nan'], 'expected a number from 0.05 up to 10'),
    (['run', '--order', 'epoch,when'], "commas between them, each once, found 'epoch"),
    (['run', '--order', 'epoch,batch'], 'a word for each of the 1 numbers of'),
    (['run', '--what'], 'expected the flags that --help lists, found --what'),
    (['run', '--series', 'rung_1'], 'expected one of'),
    ([str(ROOT / 'samples' / 'minimax')],
     '(non-saturating, saturating), found nothing'),
    ([str(ROOT / 'samples' / 'collapse'), '--series', 'rung_9'],
     '(rung_1, rung_2, rung_3, rung_4), found rung_9')])
def test_bad_input_ends_in_a_sentence(tmp_path, call, args, expected):
    bad_folders(tmp_path)
    ended = call(replay.main, *args)
    assert ended.status == 2 and ended.out == ''
    assert len(ended.err.splitlines()) == 1, ended.err
    assert expected in ended.err and ended.err.count('expected ') == 1
    assert not (tmp_path / 'run' / 'replay').exists()


# The page in a real browser.

# .ci/run installs it where it can; elsewhere a user need not have a browser.
in_chromium = pytest.mark.skipif(not chromium.PATH, reason='no chromium on the PATH')
EPOCHS = range(0, 100, 9)


@pytest.fixture(scope='module')
def browser():
    with chromium.Chromium() as browser:
        yield browser


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Return a run folder with its replay, and the sources of the page's pictures."""
    run = make_run(tmp_path_factory.mktemp('runs') / ODD, EPOCHS, size=(300, 200))
    (run / 'replay').mkdir()
    run_module('tf1gan.replay', run, '--seconds', 0.05, cwd=run)
    return run / 'replay' / 'replay.html', [
        'data:image/png;base64,' + base64.b64encode(
            (run / 'fixed' / f'{epoch:03d}.png').read_bytes()).decode()
        for epoch in EPOCHS]


def check_quiet(page, url):
    """Check that the page complained of nothing and asked for nothing else."""
    assert page.heard('Runtime.consoleAPICalled', 'Runtime.exceptionThrown',
                      'Log.entryAdded') == []
    asked = [event['request']['url']
             for event in page.heard('Network.requestWillBeSent')]
    assert asked[0] == url
    assert all(address.startswith('data:') for address in asked[1:])


def check_shown(page, sources, n):
    """Check that the page shows its nth picture, with its marker and its numbers."""
    assert page.evaluate('document.getElementById("picture").src') == sources[n]
    assert page.wait('picture.complete && picture.naturalWidth > 0', 5)
    epoch = EPOCHS[n]
    assert page.evaluate('label.textContent') == f'epoch {epoch}'
    assert page.evaluate('Number(slider.value)') == n
    numbers = [float(text.replace('−', '-')) for text in page.evaluate(
        '[...values.querySelectorAll("td")].map(cell => cell.textContent)')]
    assert numbers == pytest.approx([np.cos(epoch), epoch / 4], rel=1e-3)
    left, middle, right = page.evaluate(
        '[...document.querySelectorAll("#chart .rule")].slice(0, 1).map(rule => ['
        'rule.getBoundingClientRect().left, document.getElementById("marker")'
        '.getBoundingClientRect().left, rule.getBoundingClientRect().right])[0]')
    assert middle == pytest.approx(left + (right - left) * epoch / 99, abs=2)


def check_replay(page, url, sources):
    """Check that a person can replay the run, with mouse and keys."""
    last = len(sources) - 1
    check_shown(page, sources, last)
    page.click('#first')
    check_shown(page, sources, 0)
    assert page.evaluate('play.getAttribute("aria-pressed")') == 'false'
    page.click('#slider', 0.5)
    half = int(page.evaluate('slider.value'))
    assert abs(half - last / 2) <= 1
    check_shown(page, sources, half)
    page.press('ArrowRight')
    check_shown(page, sources, half + 1)
    for key, n in (('Home', 0), ('ArrowLeft', 0), ('ArrowRight', 1), ('End', last),
                   ('ArrowRight', last), ('Home', 0)):
        page.press(key)
        check_shown(page, sources, n)
    page.click('#next')
    check_shown(page, sources, 1)
    page.press('End')           # the focus is on the button now
    check_shown(page, sources, last)
    page.click('#back')
    check_shown(page, sources, last - 1)
    page.press('Home')
    page.evaluate(
        'seen = new Set(), marks = new Set(), new MutationObserver(() => '
        '(seen.add(picture.src), marks.add(document.getElementById("marker")'
        '.getBoundingClientRect().left))).observe(document.body, '
        '{subtree: true, childList: true, attributes: true}), 0')
    page.click('#play')
    assert page.wait('Number(slider.value) === Number(slider.max)', 3)
    assert page.wait('play.getAttribute("aria-pressed") === "false"', 3)
    check_shown(page, sources, last)
    assert page.evaluate('seen.size') >= last and page.evaluate('marks.size') >= last
    check_quiet(page, url)


@in_chromium
def test_a_run_is_replayed_in_a_browser(browser, made):
    url = made[0].as_uri()
    check_replay(browser.open(url), url, made[1])


@in_chromium
@pytest.mark.parametrize('old, new', [      # the first: the play button does nothing
    ("play.addEventListener('click', toggle);", ''),
    ("first.addEventListener('click'", "first.addEventListener('no'"),
    ('show(last);\n</script>', 'show(0);\n</script>'),
    ("slider.addEventListener('input'", "slider.addEventListener('nothing'"),
    ("document.addEventListener('keydown'", "document.addEventListener('nothing'"),
    ('place.marker.setAttribute(\'x1\', at);', ''),
    ('picture.src = rest.src =', 'picture.src = picture.src ||'),
    ('show(last);\n</script>', 'show(last); start();\n</script>'),
    ('show(last);\n</script>', 'show(last); console.warn("!");\n</script>'),
    ('show(last);\n</script>',
     'show(last); setTimeout(() => { throw 1; });\n</script>'),
    ('</body>', '<img src="https://example.invalid/a.png"></body>'),
    ('</body>', '<script src="other.js"></script></body>')])
def test_sabotage_of_the_page_is_caught(browser, made, tmp_path, old, new):
    text = made[0].read_text(encoding='utf-8')
    assert old in text
    page = tmp_path / 'sabotaged.html'
    page.write_text(text.replace(old, new), encoding='utf-8')
    with pytest.raises(AssertionError):
        check_replay(browser.open(page.as_uri()), page.as_uri(), made[1])


@in_chromium
def test_a_replay_can_be_stopped_and_goes_on(browser, made, tmp_path):
    slow = tmp_path / 'slow.html'
    slow.write_text(re.sub('"seconds":[0-9.]+', '"seconds":0.2',
                           made[0].read_text(encoding='utf-8')), encoding='utf-8')
    page = browser.open(slow.as_uri())
    page.press(' ')
    assert page.wait('Number(slider.value) >= 1')
    assert page.evaluate('play.getAttribute("aria-pressed")') == 'true'
    page.press(' ')
    n = page.evaluate('Number(slider.value)')
    assert page.evaluate('play.getAttribute("aria-pressed")') == 'false' and n < 10
    assert not page.wait(f'Number(slider.value) !== {n}', 0.6)
    check_shown(page, made[1], n)
    page.evaluate('play.focus()')       # where a space is the button's own
    page.press(' ')
    assert page.wait(f'Number(slider.value) > {n}')
    page.click('#play')
    assert page.evaluate('play.getAttribute("aria-pressed")') == 'false'
    page.press('End')
    page.click('#play')         # from the last picture it begins anew
    assert page.evaluate('Number(slider.value)') < 3
    page.click('#chart', 0.6)
    assert page.evaluate('play.getAttribute("aria-pressed")') == 'false'
    assert abs(page.evaluate('Number(slider.value)') - 6) <= 1


def luminance(color):
    """Return WCAG's relative luminance of a CSS colour."""
    levels = [int(part) / 255 for part in re.findall(r'\d+', color)[:3]]
    return sum(share * (level / 12.92 if level <= 0.04045 else
                        ((level + 0.055) / 1.055) ** 2.4)
               for share, level in zip((0.2126, 0.7152, 0.0722), levels))


@in_chromium
def test_light_and_dark_can_be_read(browser, made):
    page = browser.open(made[0].as_uri())
    pages = []
    for mode in 'light', 'dark':
        page.send('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': mode}])
        colors = page.evaluate('''[...document.querySelectorAll(
            'h1, p, output, .count, h2, caption, th, td, footer, kbd, #chart text, '
            + '#play')].map(element => {
            const style = getComputedStyle(element);
            let back = element;
            while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)')
                back = back.parentElement;
            return [element.tagName === 'text' ? style.fill : style.color,
                    getComputedStyle(back).backgroundColor]; })''')
        assert len(colors) > 15
        for pair in colors:
            dark, light = sorted(map(luminance, pair))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (mode, pair)
        pages.append(page.evaluate('getComputedStyle(document.body).backgroundColor'))
    assert luminance(pages[0]) > 0.8 and luminance(pages[1]) < 0.05


@in_chromium
@pytest.mark.parametrize('name, width, height', [
    ('', 360, 740), ('', 740, 360), ('', 320, 568), ('vanilla', 360, 740)])
def test_it_fits_a_phone(browser, made, replayed, name, width, height):
    path = replayed(ROOT / 'samples' / name).resolve() if name else made[0]
    page = browser.open(path.as_uri())
    page.size(width, height, phone=True)
    assert page.wait(f'innerWidth === {width} && chart.firstChild && '
                     'chart.firstChild.clientWidth <= chart.clientWidth')
    assert page.evaluate('document.scrollingElement.scrollWidth') == width
    boxes = page.evaluate('''
        ['#picture', '#play', '#first', '#back', '#next', '#slider', '#chart'].map(
            name => document.querySelector(name).getBoundingClientRect()).map(
            box => [box.left, box.right, box.width, box.height, box.top])''')
    for left, right, box_width, box_height, _ in boxes:
        assert left >= 0 and right <= width and box_width >= 40 and box_height >= 40
    assert boxes[0][4] < boxes[1][4] < boxes[-1][4]     # the curves below the picture
    check_quiet(page, path.as_uri())


@in_chromium
@pytest.mark.parametrize('width', [1200, 390])
def test_without_a_log_there_is_no_chart(browser, replayed, width):
    path = replayed(ROOT / 'samples' / 'collapse', '--series', 'rung_4').resolve()
    page = browser.open(path.as_uri())
    page.size(width, 800, phone=False)
    assert page.wait(f'innerWidth === {width}')
    assert page.evaluate('losses.getBoundingClientRect().height') == 0
    assert page.evaluate('picture.getBoundingClientRect().height') > 40
    check_quiet(page, path.as_uri())


@in_chromium
def test_the_focus_can_be_seen_and_the_controls_have_names(browser, made):
    page = browser.open(made[0].as_uri())
    focused = []
    for _ in range(5):
        page.press('Tab')
        focused.append(page.evaluate('document.activeElement.id'))
        assert page.evaluate(
            'getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    assert focused == ['play', 'first', 'back', 'slider', 'next']
    page.send('Accessibility.enable')
    nodes = page.send('Accessibility.getFullAXTree')['nodes']
    names = {(node['role']['value'], node['name']['value'])
             for node in nodes if not node['ignored'] and 'name' in node}
    assert {('button', 'Play'), ('button', 'Previous picture'),
            ('button', 'Next picture'), ('button', 'First picture'),
            ('slider', 'Moment of the training'),
            ('image', 'Generated images, epoch 99')} <= {
                (role.replace('img', 'image'), name) for role, name in names}


@in_chromium
def test_wide_rows_stand_above_the_losses_and_others_beside_them(browser, made,
                                                                 replayed):
    places = []
    for path in made[0], replayed(ROOT / 'samples' / 'vanilla').resolve():
        page = browser.open(path.as_uri())
        places.append(page.evaluate(
            '["#picture", "#chart"].map(name => document.querySelector(name)'
            '.getBoundingClientRect()).map(box => [box.left, box.right, box.bottom])'))
    assert places[0][0][1] < places[0][1][0]
    assert places[1][0][2] < places[1][1][2] and places[1][0][1] > places[1][1][0]
