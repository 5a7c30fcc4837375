"""The slopes of G's two objectives, on paper and in real training.

    python experiments/minimax/slopes.py

On paper: log(1 - D), which the game's formula has G lower (saturating), and -log D,
which it lowers in practice (non-saturating), with their slopes with respect to D(G(z))
and to D's logit. In training: tf1gan.minimax's first steps on MNIST under either
objective, and in each step the Euclidean norm of the gradient that moved G, over all
four of G's variables. Writes slopes.png and slopes.json beside this file.
"""

import sys
from pathlib import Path
from typing import Dict

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import loop, minimax, pictures, tf1    # noqa: E402

SEED = 0
THREADS = 1     # so that the bits do not depend on the number of cores
STEPS = 200
WINDOWS = [(0, 10), (10, 50), (50, STEPS)]      # steps [first, last)
NAMES = {'saturating': 'log(1 - D)', 'non-saturating': '-log D'}
TOUCHED = {'saturating': 0., 'non-saturating': 0.1}     # D(G(z)) of a tangent each
COLORS = {'saturating': 'tab:red', 'non-saturating': 'tab:blue'}


def objectives(logit) -> Dict[str, Dict[str, np.ndarray]]:
    """Return each objective (nats, to lower) and its slopes at D = sigmoid(logit)."""
    D = 1 / (1 + np.exp(-logit))
    return {'saturating': {'value': np.log(1 - D), 'by D': -1 / (1 - D),
                           'by logit': -D},
            'non-saturating': {'value': -np.log(D), 'by D': -1 / D,
                               'by logit': D - 1}}


class Watch:
    """A session that also fetches, in the very run that updates G, what moved it."""

    def __init__(self, run: loop.Run):
        self.sess, self.update = run.sess, run.model.updates['G']
        self.norms, self.D_gene = [], []    # a number a step

    def run(self, fetches, feed_dict):
        if self.update.train not in fetches:
            return self.sess.run(fetches, feed_dict)
        gradients = [gradient for gradient, _ in self.update.gradients]
        result, gradients, D_gene = self.sess.run(
            [fetches, gradients, self.update.terms['D(G(z))']], feed_dict)
        self.norms.append(np.sqrt(sum(np.sum(np.square(gradient, dtype=np.float64))
                                      for gradient in gradients)))
        self.D_gene.append(np.mean(D_gene, dtype=np.float64))
        return result


def train(objective: str) -> Watch:
    """Take the tutorial's own first steps under an objective; return what was seen."""
    run = loop.Run(minimax, {'config': {'objective': objective}, 'seed': SEED,
                             'threads': THREADS, 'data': None})
    watch = Watch(run)
    with run.sess:
        for _ in range(STEPS):
            run.advance(watch)
    assert np.isfinite(watch.norms).all() and len(watch.norms) == STEPS
    return watch


def windows(values, reduce) -> Dict[str, float]:
    """Return `reduce` of the values of each window of steps, to 6 digits."""
    return {f'{first}-{last - 1}': float(f'{reduce(values[first:last]):.6g}')
            for first, last in WINDOWS}


def draw(watches: Dict[str, Watch]) -> 'pictures.Figure':
    """Draw the curves above, and what was measured below."""
    figure = pictures.new_figure(11, 8)
    (values, slopes), (norms, D_gene) = figure.subplots(2, 2)
    logit = np.linspace(-7, 7, 500)
    D = 1 / (1 + np.exp(-logit))
    for objective, curves in objectives(logit).items():
        color, name = COLORS[objective], NAMES[objective]
        values.plot(D, curves['value'], color=color, label=f'{name}, {objective}')
        slopes.plot(D, curves['by logit'], color=color, label=f'{name}, by the logit')
        slopes.plot(D, curves['by D'], color=color, linestyle='--',
                    label=f'{name}, by D(G(z))')
        at = TOUCHED[objective]     # where the tangent touches
        here = objectives(np.log(at / (1 - at)))[objective] if at else {
            'value': 0., 'by D': -1.}
        values.plot(D, here['value'] + here['by D'] * (D - at), color=color,
                    linestyle=':', label=f'tangent at {at:g}: slope {here["by D"]:g}')
        watch = watches[objective]
        norms.semilogy(watch.norms, color=color, label=f'{name}, {objective}')
        D_gene.semilogy(watch.D_gene, color=color, label=f'{name}, {objective}')
    values.set(title='The objectives, to lower', ylabel='objective (nats)',
               ylim=(-5, 5))
    slopes.set(title='Their slopes', ylabel='slope (nats)', ylim=(-5, 0.2))
    norms.set(title='Measured: gradient that moved G', ylabel='Euclidean norm at G')
    D_gene.set(title='Measured: how real D finds the fakes',
               ylabel='mean D(G(z)) of the batch')
    for ax in values, slopes:
        ax.set(xlabel='D(G(z))', xlim=(0, 1))
    for ax in norms, D_gene:
        ax.set(xlabel='step', xlim=(0, STEPS - 1))
    for ax in values, slopes, norms, D_gene:
        ax.grid(True, alpha=0.3)
        ax.legend(fontsize='small')
    figure.tight_layout()
    return figure


def main() -> None:
    """Train under both objectives; write slopes.png and slopes.json."""
    watches = {objective: train(objective) for objective in NAMES}
    config = minimax.Config()
    result = {
        'gradient_norm_median': {name: windows(watch.norms, np.median)
                                 for name, watch in watches.items()},
        'D_gene_mean': {name: windows(watch.D_gene, np.mean)
                        for name, watch in watches.items()},
        'D_gene_first': float(f'{watches["saturating"].D_gene[0]:.6g}'),
        'steps': STEPS, 'seed': SEED, 'batch_size': config.batch_size,
        'learning_rate': config.learning_rate, 'threads': THREADS}
    draw(watches).savefig(str(HERE / 'slopes.png'))
    tables.store('minimax/slopes.json', result, tensorflow=tf1.VERSION)
    print(result)


if __name__ == '__main__':
    main()
