"""What a replay is made of: a run's numbered pictures and its log."""

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

from tf1gan import TUTORIALS, InputError, descriptions, run_folder

NAME = re.compile(r'(.*?)(\d{4,}_\d{4,}|\d+)\.png')      # series, moment


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
                         f'{nothing(run)}')
    names = ', '.join(sorted(prefix.rstrip('_') for prefix in found)) or 'one unnamed'
    chosen = [prefix for prefix in found if len(found) == 1 and series is None
              or series is not None and prefix.rstrip('_') == series.rstrip('_')]
    if not chosen:
        raise InputError(f'--series: expected one of {folder} ({names}), found '
                         f'{series or "nothing"}; name one of them')
    return folder, chosen[0], sorted(
        found[chosen[0]], key=lambda path: (moment(path), path.name))


def nothing(run: Path) -> str:
    """Say why a folder has no pictures, and what to do."""
    if (run / run_folder.CHECKPOINT).is_file():
        return ('none yet: the run was stopped before its first, or draws none; go on '
                'with it: --resume')
    within = sorted({path.relative_to(run).parts[0]
                     for where in ('*/*.png', '*/samples/*.png')
                     for path in run.glob(where) if NAME.fullmatch(path.name)})
    if within:
        return f'none but in {", ".join(within[:10])}; name one of them'
    return 'none; name a folder that a run has written'


def moment(path: Path) -> Tuple[int, ...]:
    """Return the numbers that a picture's name ends with."""
    return tuple(map(int, NAME.fullmatch(path.name).group(2).split('_')))


def counted(run: Path, prefix: str) -> str:
    """Return what the numbers in pictures' names count.

    config.json says it, where it has a description; or else it is known of the prefix,
    of the tutorial in config.json, or of the folder's name.
    """
    name, known = run.resolve().name, {
        tutorial: descriptions.find(tutorial).PICTURES for tutorial in TUTORIALS}
    for place in run.resolve(), run.resolve().parent:
        try:
            config = json.loads((place / 'config.json').read_text(encoding='utf-8'))
            name = '' if 'description' in config else str(config['tutorial'])
            return str(config['description']['pictures']['counts'])
        except (OSError, ValueError, KeyError, TypeError):
            if name in known:
                break
    of_prefix = [pictures for pictures in known.values()
                 if pictures['prefix'] and prefix.startswith(pictures['prefix'])]
    return (of_prefix or [known.get(name, {'counts': 'epoch'})])[0]['counts']


def read(run: Path, prefix: str, paths: List[Path]) -> List[Picture]:
    """Return the pictures; smaller ones are padded on white to the size of the largest.

    Raises: InputError when one cannot be decoded.
    """
    kind, pictures = counted(run, prefix), []
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
    run = run.resolve()
    run = run.parent if run.name in run_folder.PICTURES else run
    experiment = run.parent.parent / 'experiments' / run.name
    places = run, experiment / prefix.rstrip('_'), experiment
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
        if not rows and {'epoch', 'step'} < set(names):
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
