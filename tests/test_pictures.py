"""Plots: labels on both axes, a legend that covers no point, whole counts."""

import pytest

from tf1gan import pictures


@pytest.mark.parametrize('draw', [
    lambda: pictures.curves({'D': [3, 1, 2], 'G': [1, 2, 3]}, 'epoch', 'nats'),
    lambda: pictures.progress([0.1, 0.9, 1.0], 0.25)])
def test_a_plot_of_losses_can_be_read(monkeypatch, draw):
    figures = []
    monkeypatch.setattr(pictures, '_png', lambda figure, **how: figures.append(figure))
    draw()
    figure, = figures
    figure.canvas.draw()
    ax, = figure.axes
    assert ax.get_xlabel() and ax.get_ylabel()
    legend = ax.get_legend().get_window_extent(figure.canvas.get_renderer())
    assert legend.y0 >= ax.get_window_extent().y1
    assert all(tick == int(tick) for tick in ax.get_xticks())
