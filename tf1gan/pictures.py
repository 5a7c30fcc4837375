"""Arrays to PNG files: rows of samples and loss curves. Matplotlib only."""

import io
from typing import Dict, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def row(images: np.ndarray) -> bytes:
    """Return the PNG of `images` [n, height, width] in one row, one inch each.

    Every image has its own scale, from its least to its greatest value: matplotlib's
    default, so compare arrays and never these pictures.

    Source: the vanilla tutorial's figure.
    """
    figure = _figure(len(images), 1)
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    for ax, image in zip(axes, images):
        ax.set_axis_off()
        ax.imshow(image)
    return _png(figure, bbox_inches='tight')


def curves(values: Dict[str, Sequence[float]], x_label: str, y_label: str) -> bytes:
    """Return the PNG of `values`, a curve a name, against 0, 1, 2, ..."""
    figure = _figure(8, 4)
    ax = figure.subplots()
    for name, curve in values.items():
        ax.plot(curve, marker='.', label=name)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(True, alpha=0.3)
    ax.legend()
    return _png(figure, bbox_inches='tight')


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)     # no pyplot: no display, no state shared between figures
    return figure


def _png(figure: Figure, **how) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format='png', **how)
    return content.getvalue()
