"""Arrays to PNG files: rows of samples and loss curves. Matplotlib and Pillow only.

Both are imported only when there is something to draw, so `--help` does not wait.
"""

import functools
import io
from typing import TYPE_CHECKING, Dict, Optional, Sequence, Tuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def row(images: np.ndarray) -> bytes:
    """Return the PNG of `images` [n, height, width] in one row, one inch each.

    Every image has its own scale, from its least to its greatest value: matplotlib's
    default, so compare arrays and never these pictures.

    Source: the vanilla tutorial's figure.
    """
    return _png(_showing(images[None], (len(images), 1)), bbox_inches='tight')


def curves(values: Dict[str, Sequence[float]], x_label: str, y_label: str) -> bytes:
    """Return the PNG of `values`, a curve a name, against 0, 1, 2, ...

    Up to 200 points are marked each.
    """
    figure = new_figure(8, 4)
    ax = figure.subplots()
    for name, curve in values.items():
        few = len(curve) <= 200
        ax.plot(curve, marker='.' if few else '', linewidth=1.5 if few else 0.5,
                label=name)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(True, alpha=0.3)
    _whole_numbers(ax)
    # Above the curves, so that it covers no point.
    ax.legend(loc='lower left', bbox_to_anchor=(0, 1), ncol=len(values), frameon=False)
    return _png(figure, bbox_inches='tight')


def bands(mine: Dict[str, np.ndarray], outside: Dict[str, np.ndarray],
          seeds: Dict[str, np.ndarray], steps: int) -> bytes:
    """Return the PNG of curves [windows] over those of seeds [seeds, windows].

    A panel each; `outside` marks the windows that are outside. The windows are equal
    parts of `steps`.
    """
    figure = new_figure(8, 3 * len(mine))
    panels = figure.subplots(len(mine), 1, squeeze=False, sharex=True)[:, 0]
    for ax, (name, curve) in zip(panels, mine.items()):
        theirs, out = seeds[name], outside[name]
        middles = (np.arange(len(curve)) + 0.5) * steps / len(curve)
        ax.fill_between(middles, theirs.min(0), theirs.max(0), color='0.85',
                        label=f'{len(theirs)} seeds')
        ax.plot(middles, theirs.T, color='0.65', linewidth=0.5)
        ax.plot(middles, curve, marker='.', color='C0', label='yours')
        ax.plot(middles[out], curve[out], 'x', color='C3', label='outside')
        ax.set_ylabel(name)
        ax.grid(True, alpha=0.3)
    panels[0].legend(loc='lower left', bbox_to_anchor=(0, 1), ncol=3, frameon=False)
    panels[-1].set_xlabel('steps')
    return _png(figure, bbox_inches='tight')


def grid(images: np.ndarray, colors: str, inches: Tuple[float, float],
         interpolation: Optional[str] = None, axes: bool = False) -> bytes:
    """Return the PNG of `images` [rows, columns, height, width], each to its own scale.

    `colors` names a colour map of matplotlib; `inches` are the whole picture's width
    and height; `interpolation` is matplotlib's (None: its default); `axes`: with ticks.

    Source: the figures of the ladder and of the DCGAN tutorial.
    """
    return _png(_showing(images, inches, axes, interpolation=interpolation,
                         cmap=colors))


def sheet(images: np.ndarray, n_columns: int) -> bytes:
    """Return the PNG of `images` [n, height, width] uint8 side by side, in raw pixels.

    The last row's empty places are white.
    """
    from PIL import Image
    n, height, width = images.shape
    n_rows = -(-n // n_columns)
    whole = np.full((n_rows * n_columns, height, width), 255, np.uint8)
    whole[:n] = images
    rows = whole.reshape(n_rows, n_columns, height, width).swapaxes(1, 2)
    content = io.BytesIO()
    Image.fromarray(rows.reshape(n_rows * height, n_columns * width)).save(content,
                                                                           'png')
    return content.getvalue()


def captioned(images: np.ndarray, captions: Sequence[str], n_columns: int,
              ends: Tuple[Optional[float], Optional[float]] = (None, None)) -> bytes:
    """Return the PNG of `images` [n, height, width] in "Blues", captions above.

    Each has its own scale, or all have the one with these `ends`.
    """
    n_rows = -(-len(images) // n_columns)
    figure = new_figure(2 * n_columns, 2.3 * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, image, caption in zip(axes, images, captions):
        ax.set_axis_off()
        ax.set_title(caption, fontsize=10)
        ax.imshow(image, interpolation='none', cmap='Blues', vmin=ends[0],
                  vmax=ends[1])
    return _png(figure, bbox_inches='tight')


def colored(images: np.ndarray, digits: np.ndarray, n_columns: int,
            ends: Tuple[float, float], names: Sequence[str]) -> bytes:
    """Return the PNG of images [n, height, width] in [0, 1], in their digits' colours.

    They fill a square. Both of its axes go from one of `ends` to the other; `names` are
    their labels.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patches import Patch
    colors = ScalarMappable(Normalize(0, 9), 'tab10').to_rgba(np.arange(10))[:, :3]
    ink = images[..., None] * (1 - colors[digits][:, None, None])
    height, width = images.shape[1:]
    rows = (1 - ink).reshape(-1, n_columns, height, width, 3).swapaxes(1, 2)
    figure = new_figure(9, 8)
    ax = figure.subplots()
    ax.imshow(rows.reshape(-1, n_columns * width, 3), extent=(*ends, *ends))
    ax.set_xlabel(f'times {names[0]}')
    ax.set_ylabel(f'times {names[1]}')
    ax.legend(handles=[Patch(color=colors[digit], label=str(digit))
                       for digit in sorted(set(digits))], title='taken for',
              loc='upper left', bbox_to_anchor=(1, 1))
    return _png(figure, bbox_inches='tight')


def progress(losses: Sequence[float], equilibrium: float) -> bytes:
    """Return the PNG of recorded losses, cut off at 1, with a line at `equilibrium`.

    Source: the ladder tutorial's plot of its progress.
    """
    figure = new_figure(16, 8)
    ax = figure.subplots()
    ax.plot(losses, alpha=0.1, marker='.')
    ax.axhline(equilibrium, color='black', linewidth=1, linestyle='--',
               label=f'equilibrium {equilibrium:.3g}')
    ax.set_ylim(0, 1.0)
    ax.set_yticks([0, 0.25, 0.5])
    ax.set_xlabel('every 10th update')
    ax.set_ylabel('loss')
    ax.grid(True)
    _whole_numbers(ax)
    ax.legend(loc='lower right', bbox_to_anchor=(1, 1), frameon=False)
    return _png(figure)


def new_figure(width: float, height: float) -> 'Figure':
    """Return an empty figure, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)     # no pyplot: no display, no state shared between figures
    return figure


def _showing(images: np.ndarray, inches: Tuple[float, float], axes: bool = False,
             **how) -> 'Figure':
    """Return the figure of `images` [rows, columns, height, width].

    It is made once for a run: making the axes anew takes longer than to draw them.
    """
    figure, panels = _panels(images.shape, inches, axes, **how)
    for panel, image in zip(panels, images.reshape(-1, *images.shape[2:])):
        panel.set_data(image)
        panel.autoscale()
    return figure


@functools.lru_cache(maxsize=2)
def _panels(shape: Tuple[int, ...], inches: Tuple[float, float], axes: bool, **how):
    """Return a figure, and what shows each image in it, row by row."""
    figure = new_figure(*inches)
    places = figure.subplots(*shape[:2], squeeze=False).ravel()
    for place in places:
        if not axes:
            place.set_axis_off()
    return figure, [place.imshow(np.zeros(shape[2:]), **how) for place in places]


def _whole_numbers(ax) -> None:
    """Mark an x axis that counts at whole numbers only."""
    from matplotlib.ticker import MaxNLocator
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _png(figure: 'Figure', **how) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format='png', **how)
    return content.getvalue()
