"""The slopes of G's two objectives, on paper and in real training.

    python experiments/minimax/slopes.py

On paper: log(1 - D), which the game's formula has G lower (saturating), and -log D,
which it lowers in practice (non-saturating), with their slopes with respect to D(G(z))
and to D's logit. In training: tf1gan.minimax's first steps on MNIST under either
objective, and in each step the Euclidean norm of the gradient that moved G, over all
four of G's variables. Writes slopes.png and slopes.json beside this file.
"""

import json
import sys
from pathlib import Path
from typing import Dict

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tf1gan import loop, minimax, run_folder      # noqa: E402

import tensorflow as tf     # noqa: E402

SEED = 0
THREADS = 1     # so that the bits do not depend on the number of cores
STEPS = 200
WINDOWS = [(0, 10), (10, 50), (50, STEPS)]      # steps [first, last)
NAMES = {'saturating': 'log(1 - D)', 'non-saturating': '-log D'}
COLORS = {'saturating': 'tab:red', 'non-saturating': 'tab:blue'}


def objectives(logit: np.ndarray) -> Dict[str, Dict[str, np.ndarray]]:
    """Return each objective (nats, to lower) and its slopes at D = sigmoid(logit)."""
    D = 1 / (1 + np.exp(-logit))
    return {'saturating': {'value': np.log(1 - D), 'by D': -1 / (1 - D),
                           'by logit': -D},
            'non-saturating': {'value': -np.log(D), 'by D': -1 / D,
                               'by logit': D - 1}}


class Watch:
    """A session that also fetches, in the very run that updates G, what moved it."""

    def __init__(self, run: loop.Run):
        self.run_, self.model = run, run.model
        self.norms, self.D_gene = [], []    # a number a step

    def run(self, fetches, feed_dict):
        update = self.model.updates['G']
        if update.train not in fetches:
            return self.run_.sess.run(fetches, feed_dict)
        before = self.variables() if not self.norms else None
        gradients = [gradient for gradient, _ in update.gradients]
        result, gradients, D_gene = self.run_.sess.run(
            [fetches, gradients, update.terms['D(G(z))']], feed_dict)
        if before:
            check_first_update(self.model, before, self.variables(), gradients)
        self.norms.append(np.sqrt(sum(np.sum(np.square(gradient, dtype=np.float64))
                                      for gradient in gradients)))
        self.D_gene.append(np.mean(D_gene, dtype=np.float64))
        return result

    def variables(self) -> Dict[str, np.ndarray]:
        """Return all variables, Adam's too, by name."""
        return self.run_.sess.run(self.run_.variables)


def check_first_update(model, before, after, gradients) -> None:
    """Assert that G's update moved G alone, with just these gradients.

    G's loss sees G only through D, so a gradient at G has flowed through D.
    """
    moved = {name for name in before
             if before[name].tobytes() != after[name].tobytes()}
    weights = [variable.op.name for _, variable in model.updates['G'].gradients]
    assert moved == ({name for name in before if name.endswith('/Adam_G')
                      or name.endswith('/Adam_G_1')}
                     | {'beta1_power_1', 'beta2_power_1'} | set(weights)), moved
    assert all(name.startswith('G_') for name in weights) and len(weights) == 4
    for name, gradient in zip(weights, gradients):
        assert gradient.any()
        # Adam's running mean began at 0: now it holds 1 - beta1 of the gradient.
        np.testing.assert_allclose(after[name + '/Adam_G'], 0.1 * gradient, rtol=1e-5)


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


def draw(watches: Dict[str, Watch]) -> Figure:
    """Draw the curves above, and what was measured below."""
    figure = Figure(figsize=(11, 8))
    FigureCanvasAgg(figure)
    (values, slopes), (norms, D_gene) = figure.subplots(2, 2)
    logit = np.linspace(-7, 7, 500)
    D = 1 / (1 + np.exp(-logit))
    for objective, curves in objectives(logit).items():
        color, name = COLORS[objective], NAMES[objective]
        values.plot(D, curves['value'], color=color, label=f'{name}, {objective}')
        slopes.plot(D, curves['by logit'], color=color, label=f'{name}, by the logit')
        slopes.plot(D, curves['by D'], color=color, linestyle='--',
                    label=f'{name}, by D(G(z))')
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
        'steps': STEPS, 'seed': SEED, 'batch_size': config.batch_size,
        'learning_rate': config.learning_rate, 'threads': THREADS,
        'environment': {**run_folder.environment(), 'tensorflow': tf.__version__}}
    draw(watches).savefig(str(HERE / 'slopes.png'))
    text = json.dumps(result, indent=2, sort_keys=True) + '\n'
    (HERE / 'slopes.json').write_text(text)
    print(text, end='')


if __name__ == '__main__':
    main()
