"""What a replay is made of: a run's numbered pictures and its log."""

import csv
import io
import os
import re
import warnings
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

from tf1gan import (TUTORIALS, InputError, descriptions, image_files, run_folder,
                    schema)

PICTURE = re.compile(r'(?i)(.*\d.*)\.(?:png|jpe?g|bmp)')
WORDS = {'epoch': 'epoch', 'epochs': 'epoch', 'ep': 'epoch', 'e': 'epoch',
         'step': 'step', 'steps': 'step', 'iter': 'step', 'iters': 'step',
         'iteration': 'step', 'iterations': 'step', 'it': 'step', 'itr': 'step',
         'batch': 'batch', 'batches': 'batch', 'b': 'batch'}
ORDER = 'epoch', 'done', 'step', 'batch', 'series'      # what --order may hold
MOST_PIXELS = 2 ** 24
CONFIG = {'tutorial': str, '~description': (None, descriptions.DESCRIPTION)}


class Name(NamedTuple):
    """A picture's file, and the numbers of its moment in its name, epoch first."""

    path: Path
    kinds: Tuple[str, ...]      # what the numbers count; '': its name does not say it
    numbers: Tuple[int, ...]


class Picture(NamedTuple):
    """A picture, its moment in words, and its place in the log."""

    label: str
    kind: str           # epoch, done (epochs), step, batch (of an epoch): what `moment`
    moment: Tuple[int, ...]     # counts
    png: bytes
    size: Tuple[int, int]

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


def find(run: Path, series: Optional[str], fresh: bool,
         order: Optional[List[str]] = None) -> Tuple[Path, str, List[Name]]:
    """Return the pictures' folder, the prefix of their names, and their names in order.

    `order` says what the numbers in the names are.

    Raises: InputError when there are no pictures, when there are several series and
    none is chosen, or when several numbers differ and nothing says which is which.
    """
    if not os.path.isdir(str(run)):
        found = 'a file' if os.path.exists(str(run)) else 'no such folder'
        raise InputError(f'{run}: expected a run folder or one of pictures, found '
                         f'{found}; name a folder that a run has written')
    home = run / 'samples' if (run / 'samples').is_dir() else run
    for folder in ([] if fresh else [run / 'fixed']) + [home]:
        paths = [path for path in folder.glob('*') if PICTURE.fullmatch(path.name)
                 and not path.name.startswith(run_folder.TEMPORARY)]
        if paths:
            break
    else:
        raise InputError(f'{home}: expected numbered pictures (000.png, ...), found '
                         f'{nothing(run)}')
    found = in_series(paths, order)
    names = ', '.join(sorted(map(_bare, found))) or 'one unnamed'
    chosen = [prefix for prefix in found if len(found) == 1 and series is None
              or series is not None and _bare(prefix) == _bare(series)]
    if not chosen:
        raise InputError(f'--series: expected one of {folder} ({names}), found '
                         f'{series or "nothing"}; name one of them')
    return folder, chosen[0], sorted(
        found[chosen[0]], key=lambda name: (name.numbers, name.path.name))


def _bare(prefix: str) -> str:
    return prefix.strip('_- ')


def in_series(paths: List[Path],
              order: Optional[List[str]] = None) -> Dict[str, List[Name]]:
    """Return pictures by series: by their names without the numbers of their moment.

    Raises: InputError when nothing says which number is which.
    """
    alike: Dict[Tuple[str, ...], List[Tuple[List[str], Path]]] = {}
    for path in paths:
        parts = re.split(r'(\d+)', PICTURE.fullmatch(path.name).group(1))
        alike.setdefault(tuple(parts[::2]), []).append((parts[1::2], path))
    found: Dict[str, List[Name]] = {}
    for texts, members in alike.items():
        kinds = order or kinds_of(texts, [numbers for numbers, _ in members],
                                  members[0][1])
        if len(kinds) != len(texts) - 1:
            raise InputError(f'--order: expected a word for each of the '
                             f'{len(texts) - 1} numbers of {members[0][1].name}, found '
                             f'{len(kinds)}; give as many')
        for numbers, path in members:
            moment = sorted((ORDER.index(kind) if kind else 0, int(number), kind)
                            for kind, number in zip(kinds, numbers) if kind != 'series')
            prefix = texts[0] + ''.join(
                (number if kind == 'series' else '') + text
                for kind, number, text in zip(kinds, numbers, texts[1:]))
            found.setdefault(prefix, []).append(Name(
                path, tuple(kind for *_, kind in moment),
                tuple(number for _, number, _ in moment)))
    return found


def kinds_of(texts: Tuple[str, ...], numbers: List[List[str]], path: Path) -> List[str]:
    """Return what each number in names of one pattern is; '': the one that differs.

    Words beside the numbers say it, or the names are like a tutorial's.

    Raises: InputError when several numbers differ and nothing says what they are.
    """
    n, last = len(texts) - 1, numbers[0]
    words = []
    for before, after in zip(texts, texts[1:]):
        word = re.findall('[^\\W\\d_]+', before)[-1:] or re.findall(
            '[^\\W\\d_]+', after)[:1]
        words.append(WORDS.get(''.join(word).lower(), 'series'))
    if set(words) != {'series'}:
        return words
    if n > 1 and texts[-2:] == ('_', '') and min(map(len, last[-2:])) >= 4:
        return ['series'] * (n - 2) + ['epoch', 'batch']
    own = any(pictures['prefix'] and texts[0].startswith(pictures['prefix'])
              for pictures in _known().values())
    differ = [i for i in range(n) if len({int(each[i]) for each in numbers}) > 1]
    if len(differ) > 1 and not own:
        raise InputError(
            f'{path}: expected a name that says what its {n} numbers are, found '
            f'{len(differ)} of them without a word; say it with --order, '
            f'{",".join(["epoch", "batch", "series"][:n])} for example')
    kept = n - 1 if own or not differ else differ[0]
    return ['' if i == kept else 'series' for i in range(n)]


def _known() -> Dict[str, Dict]:
    """Return what is known of the tutorials' pictures, by tutorial."""
    return {name: descriptions.find(name).PICTURES for name in TUTORIALS}


def nothing(run: Path) -> str:
    """Say why a folder has no pictures, and what to do."""
    if (run / run_folder.CHECKPOINT).is_file():
        return ('none yet: the run was stopped before its first, or draws none; go on '
                'with it: --resume')
    within = sorted({path.relative_to(run).parts[0] for where in ('*/*', '*/samples/*')
                     for path in run.glob(where) if PICTURE.fullmatch(path.name)})
    if within:
        return f'none but in {", ".join(within[:10])}; name one of them'
    return 'none; name a folder that a run has written'


def counted(run: Path, prefix: str) -> str:
    """Return what the numbers in pictures' names count.

    config.json says it, where it has a description. Otherwise it is known from the
    prefix, from the tutorial in config.json, or from the folder's name.
    """
    name, known = run.resolve().name, _known()
    for place in run.resolve(), run.resolve().parent:
        try:
            config = schema.loads(
                (place / 'config.json').read_text(encoding='utf-8'))
            schema.check(config, CONFIG)
            name = config['tutorial'] if config.get('description') is None else ''
            return config['description']['pictures']['counts']
        except (OSError, ValueError, KeyError, TypeError):
            if name in known:
                break
    of_prefix = [pictures for pictures in known.values()
                 if pictures['prefix'] and prefix.startswith(pictures['prefix'])]
    return (of_prefix or [known.get(name, {'counts': 'epoch'})])[0]['counts']


def read(run: Path, prefix: str, names: List[Name]) -> List[Picture]:
    """Return the pictures; smaller ones are padded on white to the size of the largest.

    Raises: InputError when one cannot be decoded, or is larger than MOST_PIXELS.
    """
    default, pictures = counted(run, prefix), []
    steps = [name.numbers[-1] for name in names if name.kinds[-1:] == ('step',)]
    for path, kinds, numbers in names:
        png, size = decoded(path)
        kinds = tuple(kind or default for kind in kinds)
        label = ', '.join(map(in_words, kinds, numbers))
        if len(kinds) == 1:
            kind = kinds[0]
        elif kinds[-1] == 'step' and steps == sorted(steps):     # of the run
            kind, numbers = 'step', numbers[-1:]
        else:
            kind = 'batch' if len(kinds) == 2 else kinds[0]
        pictures.append(Picture(label, kind, numbers, png, size))
    size = tuple(max(sides) for sides in zip(*(picture.size for picture in pictures)))
    return [picture if picture.size == size else padded(picture, size)
            for picture in pictures]


def in_words(kind: str, number: int) -> str:
    """Say a number of a moment."""
    if kind == 'done':
        return (f'after {number} epoch{"s" * (number > 1)}' if number else
                'before training')
    return f'{kind} {number}'


def decoded(path: Path) -> Tuple[bytes, Tuple[int, int]]:
    """Return a picture's PNG and its size; 16 bits a pixel become 8.

    Raises: InputError as `read` does.
    """
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content),
                            formats=image_files.FORMATS) as image:
                if image.size[0] * image.size[1] > MOST_PIXELS:
                    raise Image.DecompressionBombError
                image.load()
                size = image.size
                if image.mode[0] == 'I':
                    content = encoded(Image.fromarray(image_files.eight_bits(image)))
                elif image.format in ('JPEG', 'BMP', 'MPO'):
                    content = encoded(image.convert('RGB'))
                elif image.format != 'PNG':
                    raise ValueError(image.format)
        return content, size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        found = f'one of more than {MOST_PIXELS:,} pixels'
    except Exception as error:      # a damaged file can fail in any way
        found = getattr(error, 'strerror', None) or 'a damaged one'
    raise InputError(f'{path}: expected a whole PNG picture, found {found}; remove it '
                     'or restore it')


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
    run = run.resolve()
    run = run.parent if run.name in run_folder.PICTURES else run
    experiment = run.parent.parent / 'experiments' / run.name
    places = run, experiment / prefix.rstrip('_'), experiment
    logs = [place / 'log.csv' for place in places]
    return next((path for path in logs if os.path.isfile(str(path))), None)


def read_log(path: Path) -> Optional[Log]:
    """Return a log's epochs, steps and losses; None when it has no row.

    Losses are the columns that begin with loss_, or if there are none, those with loss
    in their names. Without a column of steps each row is a step; without one of epochs
    all rows are of the first; an empty field is NaN.

    Raises: InputError when it is no log.
    """
    try:
        with open(str(path), newline='', encoding='utf-8-sig') as file:
            names, *rows = csv.reader(file)
        table = dict(zip(names, np.array(
            [[field or 'nan' for field in row] for row in rows], float).T))
        plain = {name.strip().lower(): name for name in names}
        own = any(name.startswith('loss_') for name in plain)
        losses = {name: table[name] for low, name in plain.items() if name in table
                  and (low.startswith('loss_') if own else 'loss' in low)}
        if not rows and any('loss' in name for name in plain):
            return None
        epoch, step = (table.get(next((plain[word] for word, kind in WORDS.items()
                                       if kind == wanted and word in plain), ''))
                       for wanted in ('epoch', 'step'))
        if epoch is None:
            epoch = np.zeros(len(rows))
        if step is None:
            step = np.arange(len(rows), dtype=float)
        if losses and len(rows[0]) == len(names) and np.isfinite([epoch, step]).all():
            return Log(epoch, step, losses)
        found = 'other columns'
    except OSError as error:
        found = error.strerror
    except (ValueError, KeyError, csv.Error):
        found = 'something else'
    raise InputError(f'{path}: expected the log of a run, with epoch, step and a loss '
                     f'in each row, found {found}; name another one with --log')


def last_row(picture: Picture, log: Log) -> Optional[int]:
    """Return the number of the log's last row before the picture; None: no such row."""
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
