"""A run's pictures in motion: `python -m tf1gan.replay RUN`.

RUN is a run folder, or a folder of numbered pictures such as samples/vanilla. Out come
replay.png, a sheet of the pictures with their moments; replay.gif; and replay.html, a
page with a slider and the losses that needs nothing but itself. NumPy and Pillow only.
"""

import base64
import csv
import html
import importlib.util
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tf1gan import InputError, flags, run_folder

NAME = re.compile(r'(.*?)(\d{4,}_\d{4,}|\d+)\.png')      # series, moment
MOST_ON_SHEET, MOST_FRAMES, MOST_ON_PAGE = 60, 200, 400
SHEET_PIXELS, FRAME_PIXELS = 12e6, 4e5  # beyond, pictures are shrunk
PAGE_BYTES = 2.45e6                     # of the page's pictures, as text
N_BINS = 500                            # of a long curve, with two points each
INK, N_GRAYS = '#333333', 16            # of the captions, and kept for them in the GIF


class Picture(NamedTuple):
    """A picture and its moment: the numbers in its name, and what they mean."""

    moment: Tuple[int, ...]
    kind: str           # epoch, done (epochs), step, batch (of an epoch)
    png: bytes
    size: Tuple[int, int]

    @property
    def label(self) -> str:
        """Say the moment in words."""
        first = self.moment[0]
        if self.kind == 'batch':
            return 'epoch {}, batch {}'.format(*self.moment)
        if self.kind == 'done':
            return (f'after {first} epoch{"s" * (first > 1)}' if first else
                    'before training')
        return f'{self.kind} {first}'

    def image(self, factor: int = 1) -> Image.Image:
        """Return the picture in RGB on white, `factor` times smaller."""
        image = Image.open(io.BytesIO(self.png)).convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        return Image.alpha_composite(white, image).convert('RGB').reduce(factor)


class Log(NamedTuple):
    """The columns of a log.csv, [n] each."""

    epoch: np.ndarray
    step: np.ndarray
    losses: Dict[str, np.ndarray]


def find(run: Path, series: Optional[str], fresh: bool) -> Tuple[Path, str, List[Path]]:
    """Return the pictures' folder, the prefix of their names, and them in order.

    Raises: InputError when there are none, or of several series and none is named.
    """
    if not os.path.isdir(str(run)):
        found = 'a file' if os.path.exists(str(run)) else 'no such folder'
        raise InputError(f'{run}: expected a run folder or one of pictures, found '
                         f'{found}; name a folder that a run has written')
    home = run / 'samples' if (run / 'samples').is_dir() else run
    for folder in ([] if fresh else [run / 'fixed']) + [home]:
        found = {}
        for path in folder.glob('*.png'):
            name = NAME.fullmatch(path.name)
            if name and not path.name.startswith(run_folder.TEMPORARY):
                found.setdefault(name.group(1), []).append(path)
        if found:
            break
    else:
        raise InputError(f'{home}: expected numbered pictures (000.png, ...), found '
                         'none; name a folder that a run has written')
    names = ', '.join(sorted(prefix.rstrip('_') for prefix in found)) or 'one unnamed'
    chosen = [prefix for prefix in found if len(found) == 1 and series is None
              or series is not None and prefix.rstrip('_') == series.rstrip('_')]
    if not chosen:
        raise InputError(f'--series: expected one of {folder} ({names}), found '
                         f'{series or "nothing"}; name one of them')
    return folder, chosen[0], sorted(
        found[chosen[0]], key=lambda path: (moment(path), path.name))


def moment(path: Path) -> Tuple[int, ...]:
    """Return the numbers that a picture's name ends with."""
    return tuple(map(int, NAME.fullmatch(path.name).group(2).split('_')))


def tutorial(run: Path) -> str:
    """Return whose pictures these are: as config.json says, or else the folder."""
    for place in run.resolve(), run.resolve().parent:
        try:
            config = json.loads((place / 'config.json').read_text(encoding='utf-8'))
            return str(config['tutorial'])
        except (OSError, ValueError, KeyError, TypeError):
            pass
    return run.resolve().name


def read(run: Path, prefix: str, paths: List[Path]) -> List[Picture]:
    """Return the pictures; smaller ones are padded on white to the size of the largest.

    Raises: InputError when one cannot be decoded.
    """
    kind = ('step' if prefix.startswith('gan_mnist') else
            'done' if prefix.startswith('rung_') or tutorial(run) == 'collapse' else
            'epoch')
    pictures = []
    for path in paths:
        try:
            png = path.read_bytes()
            with Image.open(io.BytesIO(png)) as image:
                image.load()
                if image.format != 'PNG':
                    raise ValueError(image.format)
        except Exception as error:      # a damaged file can fail in any way
            found = getattr(error, 'strerror', None) or 'a damaged one'
            raise InputError(f'{path}: expected a whole PNG picture, found {found}; '
                             'remove it or restore it')
        number = moment(path)
        pictures.append(Picture(number, 'batch' if len(number) > 1 else kind, png,
                                image.size))
    size = tuple(max(sides) for sides in zip(*(picture.size for picture in pictures)))
    return [picture if picture.size == size else padded(picture, size)
            for picture in pictures]


def padded(picture: Picture, size: Tuple[int, int]) -> Picture:
    """Return a picture in the middle of a larger white one."""
    white = Image.new('RGB', size, 'white')
    white.paste(picture.image(), tuple((large - small) // 2 for large, small in
                                       zip(size, picture.size)))
    return picture._replace(png=encoded(white), size=size)


def encoded(image: Image.Image) -> bytes:
    """Return an image's PNG, in gray where it has no other colours."""
    content = io.BytesIO()
    if image.mode == 'RGB' and not np.ptp(np.asarray(image), axis=2).any():
        image = image.convert('L')
    image.save(content, 'png', optimize=True)
    return content.getvalue()


def find_log(run: Path, prefix: str) -> Optional[Path]:
    """Return the log beside the pictures, of the run or of the committed experiment."""
    experiment = run.resolve().parent.parent / 'experiments' / run.resolve().name
    places = run, run.resolve().parent, experiment / prefix.rstrip('_'), experiment
    logs = [place / 'log.csv' for place in places]
    return next((path for path in logs if os.path.isfile(str(path))), None)


def read_log(path: Path) -> Optional[Log]:
    """Return a log's epochs, steps and losses; None when it has no row.

    Raises: InputError when it is none.
    """
    try:
        with open(str(path), newline='', encoding='utf-8') as file:
            names, *rows = csv.reader(file)
        table = dict(zip(names, np.array(rows, float).T))
        losses = {name: table[name] for name in table if name.startswith('loss_')}
        if not rows:
            return None
        if losses and len(rows[0]) == len(names) and np.isfinite(
                [table['epoch'], table['step']]).all():
            return Log(table['epoch'], table['step'], losses)
        found = 'other columns'
    except OSError as error:
        found = error.strerror
    except (ValueError, KeyError, csv.Error):
        found = 'something else'
    raise InputError(f'{path}: expected the log of a run, with epoch, step and a loss '
                     f'in each row, found {found}; name another one with --log')


def last_row(picture: Picture, log: Log) -> Optional[int]:
    """Return the number of the log's last row before the picture; None before all."""
    first = picture.moment[0]
    if picture.kind == 'step':
        before = log.step <= first
    elif picture.kind == 'epoch':
        before = log.epoch <= first
    else:
        before = log.epoch < first
    if picture.kind == 'batch':     # it is drawn before that batch's step
        here = log.epoch == first
        steps = log.step - log.step[here].min() if here.any() else log.step
        before |= here & (steps < picture.moment[1])
    return int(np.flatnonzero(before)[-1]) if before.any() else None


def even(items: Sequence, most: int) -> List:
    """Return at most so many of the items, evenly apart, first and last included."""
    places = np.linspace(0, len(items) - 1, min(len(items), max(most, 2)))
    return [items[int(place)] for place in np.unique(np.round(places))]


def shrinking(size: Tuple[int, int], n_pixels: float) -> int:
    """Return how many times smaller a picture must be to have so many pixels."""
    factor = 1
    while size[0] * size[1] > n_pixels * factor ** 2:
        factor += 1
    return factor


def font(size: int):
    """Return matplotlib's DejaVu Sans, installed beside this package, or Pillow's."""
    found = importlib.util.find_spec('matplotlib')
    home = Path(found.origin).parent if found and found.origin else Path()
    try:
        return ImageFont.truetype(
            str(home / 'mpl-data' / 'fonts' / 'ttf' / 'DejaVuSans.ttf'), size)
    except (OSError, ImportError):
        return ImageFont.load_default()


def captioned(pictures: List[Picture], factor: int) -> List[Image.Image]:
    """Return the pictures, each below its label in a white frame, all of one size."""
    width, height = pictures[0].image(factor).size
    text_height = min(max(12, width // 40), 18)
    letters = font(text_height)
    widest = max(letters.getmask(picture.label).size[0] for picture in pictures)
    cells = []
    for picture in pictures:
        cell = Image.new('RGB', (max(width, widest) + 2 * text_height,
                                 height + 3 * text_height), 'white')
        ImageDraw.Draw(cell).text((text_height, text_height * 2 // 3),
                                  picture.label, fill=INK, font=letters)
        cell.paste(picture.image(factor), (text_height, 2 * text_height))
        cells.append(cell)
    return cells


def sheet(pictures: List[Picture]) -> bytes:
    """Return the PNG of the pictures, row after row, about as wide as high."""
    pictures = even(pictures, MOST_ON_SHEET)
    cells = captioned(pictures, shrinking(pictures[0].size,
                                          SHEET_PIXELS / len(pictures)))
    width, height = cells[0].size
    n_columns = min(range(1, len(cells) + 1), key=lambda n: abs(np.log(
        n * width / (-(-len(cells) // n) * height))))
    n_rows = -(-len(cells) // n_columns)
    whole = Image.new('RGB', (n_columns * width, n_rows * height), 'white')
    for place, cell in enumerate(cells):
        whole.paste(cell, (place % n_columns * width, place // n_columns * height))
    return encoded(whole)


def gif(pictures: List[Picture], seconds: float) -> bytes:
    """Return the endless GIF of the pictures, `seconds` each; the last one rests."""
    pictures = even(pictures, MOST_FRAMES)
    cells = captioned(pictures, shrinking(pictures[0].size, FRAME_PIXELS))
    n_colors, stride = 256 - N_GRAYS, 1 + len(cells) * cells[0].size[1] // 1024
    rows = np.concatenate([np.asarray(cell) for cell in cells])[::stride]
    colors = Image.fromarray(rows).quantize(n_colors, 0).getpalette()[:3 * n_colors]
    colors += [255] * (3 * n_colors - len(colors))
    for gray in np.linspace(0, 255, N_GRAYS):
        colors += [int(gray)] * 3
    palette = Image.new('P', (1, 1))
    palette.putpalette(colors)
    frames = [cell.quantize(palette=palette, dither=0) for cell in cells]
    times = [round(1000 * seconds)] * len(frames)
    times[-1] += 2000
    content = io.BytesIO()
    frames[0].save(content, 'gif', save_all=True, append_images=frames[1:], loop=0,
                   duration=times if len(times) > 1 else times[0])
    return content.getvalue()


def fitting(pictures: List[Picture]) -> List[Picture]:
    """Return pictures that a page has room for: in fewer colours, smaller, or fewer."""
    def fits(tried):
        return sum(len(picture.png) for picture in tried) * 4 / 3 <= PAGE_BYTES

    pictures = tried = even(pictures, MOST_ON_PAGE)
    for factor in 1, 2:
        if not fits(tried):
            tried = []
            for picture in pictures:
                image = picture.image(factor).quantize(64, 0, dither=0)
                tried.append(picture._replace(png=encoded(image), size=image.size))
    few = tried
    while len(few) > 2 and not fits(few):
        few = even(tried, len(few) - 1)
    return few


def curve(name: str, x: np.ndarray, y: np.ndarray) -> Dict:
    """Return a curve: its points [x, y], None for a value that is not finite.

    Of a long one: each bin's least and largest, and a trend, the means of wider bins.
    """
    places = np.arange(len(y))
    if len(y) <= 2 * N_BINS:
        return {'name': name, 'points': points(x, y)}
    level = np.where(np.isfinite(y), y, np.nan)
    ends = sorted({int(part[extreme(level[part])])
                   for part in np.array_split(places, N_BINS)
                   for extreme in (np.nanargmin, np.nanargmax)
                   if not np.isnan(level[part]).all()})
    wide = np.array_split(places, N_BINS // 4)
    return {'name': name, 'points': points(x[ends], y[ends]), 'trend': points(
        [x[part].mean() for part in wide], [y[part].mean() for part in wide])}


def points(x: Sequence[float], y: Sequence[float]) -> List:
    """Return the pairs [x, y]."""
    return [[short(one), short(other)] for one, other in zip(x, y)]


def short(value: float) -> Optional[float]:
    """Return a number in six digits, None for one that is not finite."""
    return float(f'{value:.6g}') if np.isfinite(value) else None


def page(title: str, note: str, pictures: List[Picture], log: Optional[Log],
         seconds: float) -> bytes:
    """Return the page, one HTML file."""
    shown = fitting(pictures)
    data = {'seconds': seconds, 'size': shown[0].size, 'curves': [], 'pictures': [
        {'label': picture.label, 'png': base64.b64encode(picture.png).decode()}
        for picture in shown]}
    if log is not None:
        by_epoch = (pictures[0].kind == 'epoch'
                    and len(set(log.epoch)) == len(log.epoch))
        data['axis'] = 'epoch' if by_epoch else 'step'
        x = log.epoch if by_epoch else log.step
        data['range'] = [float(x.min()), float(x.max())]
        data['curves'] = [curve(name, x, y) for name, y in log.losses.items()]
        for picture, entry in zip(shown, data['pictures']):
            row = last_row(picture, log)
            entry['x'] = float(x[row or 0])
            if row is not None:
                entry['values'] = [short(y[row]) for y in log.losses.values()]
    few = f'{len(shown)} of ' if len(shown) < len(pictures) else ''
    many = f'{len(pictures)} picture{"s" * (len(pictures) > 1)}'
    texts = {'title': html.escape(title), 'note': f'{note} · {few}{many}',
             'data': re.sub('[<>&]', lambda sign: f'\\u{ord(sign.group()):04x}',
                            json.dumps(data, separators=(',', ':')))}
    template = Path(__file__).with_name('replay.html').read_text(encoding='utf-8')
    return re.sub('<!--(title|note|data)-->', lambda place: texts[place.group(1)],
                  template).encode('utf-8', 'replace')


def replay(options) -> Dict[str, bytes]:
    """Return the three files that the command line asks for, by name.

    Raises: InputError when what they are made of is missing or damaged.
    """
    run = Path(options.run)
    folder, prefix, paths = find(run, options.series, options.fresh)
    pictures = read(run, prefix, paths)
    path = Path(options.log) if options.log else find_log(run, prefix)
    log = read_log(path) if path else None
    title = '/'.join(run.resolve().parts[-2:])
    if options.series:
        title += f', {prefix.rstrip("_")}'
    note = ('The same noise' if folder.name == 'fixed' else 'Fresh noise')
    return {'replay.png': sheet(pictures), 'replay.gif': gif(pictures, options.seconds),
            'replay.html': page(title, note + ' at every moment', pictures, log,
                                options.seconds)}


def main() -> int:
    """Write the three files; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.replay', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('run', metavar='RUN', type=flags.path,
                        help='a run folder, or one of pictures (samples/vanilla)')
    parser.add_argument('--out', metavar='DIR', type=flags.path,
                        help='where the files go (default: RUN/replay, for a folder of '
                        'pictures ./replay)')
    parser.add_argument('--fresh', action='store_true',
                        help='the pictures of fresh noise (default: those of the same '
                        'noise as ever, where there are any)')
    parser.add_argument('--log', metavar='FILE', type=flags.path,
                        help="the log.csv with the losses (default: the run's)")
    parser.add_argument('--series', metavar='PREFIX', type=flags.path,
                        help="what the pictures' names begin with, where several "
                        'series share a folder')
    parser.add_argument('--seconds', metavar='S', type=flags.number(float, 0.05, 10),
                        default=0.5, help='of a picture in motion (default 0.5)')
    try:
        options = parser.parse_args()
        is_run = os.path.isdir(os.path.join(options.run, 'samples'))
        out = Path(options.out or (Path(options.run) if is_run else Path()) / 'replay')
        files = replay(options)
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            run_folder.write(out / name, content)
            print(out / name)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f'{out}: expected a folder that can be written, found: '
              f'{error.strerror}; name another one with --out', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
