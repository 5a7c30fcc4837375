"""The contact sheet and the GIF. NumPy and Pillow only."""

import importlib.util
import io
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tf1gan.replay.reading import Picture, encoded

MOST_ON_SHEET, MOST_FRAMES = 60, 200
SHEET_PIXELS, FRAME_PIXELS = 12e6, 4e5  # beyond, pictures are shrunk
INK, N_GRAYS = '#333333', 16            # of the captions, and kept for them in the GIF


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


def font(size: int):
    """Return matplotlib's DejaVu Sans, installed beside this package, or Pillow's."""
    found = importlib.util.find_spec('matplotlib')
    home = Path(found.origin).parent if found and found.origin else Path()
    try:
        return ImageFont.truetype(
            str(home / 'mpl-data' / 'fonts' / 'ttf' / 'DejaVuSans.ttf'), size)
    except (OSError, ImportError):
        return ImageFont.load_default()


def shrinking(size: Tuple[int, int], n_pixels: float) -> int:
    """Return how many times smaller a picture must be to have so many pixels."""
    factor = 1
    while size[0] * size[1] > n_pixels * factor ** 2:
        factor += 1
    return factor


def even(items: Sequence, most: int) -> List:
    """Return at most so many of the items, evenly apart, first and last included."""
    places = np.linspace(0, len(items) - 1, min(len(items), max(most, 2)))
    return [items[int(place)] for place in np.unique(np.round(places))]
