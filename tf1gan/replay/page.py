"""The page: one HTML file with the pictures and the losses in it."""

import base64
import html
import json
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np

from tf1gan.replay.drawing import even
from tf1gan.replay.reading import Log, Picture, encoded, last_row

MOST_PICTURES = 400
PICTURE_BYTES = 2.45e6      # of all pictures, as text
N_BINS = 500                # of a long curve, with two points each


def render(title: str, note: str, pictures: List[Picture], log: Optional[Log],
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
    template = Path(__file__).with_name('page.html').read_text(encoding='utf-8')
    return re.sub('<!--(title|note|data)-->', lambda place: texts[place.group(1)],
                  template).encode('utf-8', 'replace')


def fitting(pictures: List[Picture]) -> List[Picture]:
    """Return pictures that a page has room for: in fewer colours, smaller, or fewer."""
    def fits(tried):
        return sum(len(picture.png) for picture in tried) * 4 / 3 <= PICTURE_BYTES

    pictures = tried = even(pictures, MOST_PICTURES)
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

    A long one has each bin's least and largest, and a trend, the means of wider bins.
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
