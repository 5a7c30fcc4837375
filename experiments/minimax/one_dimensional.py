"""A one-dimensional GAN: D(x) against the optimum p_data/(p_data + p_g).

    python experiments/minimax/one_dimensional.py

G learns N(3, 0.5^2) from draws of it. At the start, on the way, in the middle and at
the end of the training, G's density is drawn against the data's, and D against the
optimum for this G: first D as the game has left it, then D after more steps with G
frozen. The theory speaks of this second D. These steps use larger batches and a rate
that falls to 0; they and Adam's state are taken back before the game goes on. There are
three seeds; the first is drawn. Writes one_dimensional.png and one_dimensional.json
beside this file.
"""

import math
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import pictures, tf1          # noqa: E402
from tf1gan.nn import uniform       # noqa: E402
from tf1gan.tf1 import tf           # noqa: E402

SEEDS = [0, 1, 2]       # the first is the figure's
THREADS = 1             # so that the bits do not depend on the number of cores
MEAN, SIGMA = 3.0, 0.5  # of the data
N_HIDDEN = 32           # units of each hidden layer, two of them in D and in G
BATCH_SIZE = 256
STEPS = 4000
LEARNING_RATE_D = 0.005     # ten times G's: with equal rates the two circle each other
LEARNING_RATE_G = 0.0005
BETA1 = 0.5
FROZEN_STEPS = 3000     # of D alone, with G frozen
FROZEN_BATCH_SIZE = 2048    # larger: less noise in D
MOMENTS = {'start': 0, 'on the way': STEPS // 8, 'middle': STEPS // 2, 'end': STEPS}
SAMPLES = 100000
EDGES = np.linspace(-3, 7, 201)     # of the histogram's bins
MIDDLES = (EDGES[1:] + EDGES[:-1]) / 2
WIDTH = EDGES[1] - EDGES[0]
# The data's density, as its mean over each bin: exact.
P_DATA = np.diff([math.erf((edge - MEAN) / (SIGMA * math.sqrt(2))) / 2
                  for edge in EDGES]) / WIDTH


def weights(name: str) -> List[tf.Variable]:
    """Return the weights of a network."""
    sizes = [1, N_HIDDEN, N_HIDDEN, 1]
    return [uniform(fan_in, shape, f'{name}_{kind}{i}')
            for i, (fan_in, units) in enumerate(zip(sizes, sizes[1:]), 1)
            for kind, shape in (('W', [fan_in, units]), ('b', [units]))]


def network(x: tf.Tensor, weights: List[tf.Variable]) -> tf.Tensor:
    """Return a network's outputs, [n, 1]."""
    W1, b1, W2, b2, W3, b3 = weights
    hidden = tf.nn.tanh(tf.matmul(x, W1) + b1)          # [n, N_HIDDEN]
    hidden = tf.nn.tanh(tf.matmul(hidden, W2) + b2)     # [n, N_HIDDEN]
    return tf.matmul(hidden, W3) + b3


def bce(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Return the mean cross-entropy with a target (nats)."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.fill(tf.shape(logits), target), logits=logits))


class Game:
    """Both networks, 1-32-32-1 with tanh, in the non-saturating game; in a session.

    `rate_D` is D's learning rate, unless fed: LEARNING_RATE_D.
    """

    def __init__(self, seed: int):
        self.seed, self.rng = seed, np.random.RandomState(seed)
        graph = tf.Graph()
        with graph.as_default():
            tf.set_random_seed(seed)
            self.X = tf.placeholder(tf.float32, [None, 1])
            self.Z = tf.placeholder(tf.float32, [None, 1])
            self.rate_D = tf.placeholder_with_default(LEARNING_RATE_D, [])
            D_weights, G_weights = weights('D'), weights('G')
            self.G = network(self.Z, G_weights)                     # [n, 1]
            logit_real = network(self.X, D_weights)
            logit_cut = network(tf.stop_gradient(self.G), D_weights)
            loss_D = bce(logit_real, 1.) + bce(logit_cut, 0.)
            loss_G = bce(network(self.G, D_weights), 1.)
            self.train_D = tf.train.AdamOptimizer(
                self.rate_D, BETA1, name='Adam_D').minimize(loss_D, var_list=D_weights)
            self.train_G = tf.train.AdamOptimizer(
                LEARNING_RATE_G, BETA1, name='Adam_G').minimize(
                    loss_G, var_list=G_weights)
            self.variables = {variable.op.name: variable
                              for variable in tf.global_variables()}
            self.D_real = tf.nn.sigmoid(logit_real)                 # [n, 1], in (0, 1)
            init = tf.global_variables_initializer()
        graph.finalize()
        self.sess = tf.Session(graph=graph, config=tf.ConfigProto(
            intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=THREADS))
        self.sess.run(init)

    def update_D(self, rng: np.random.RandomState, n: int,
                 rate: float = LEARNING_RATE_D) -> None:
        """Update D on `n` draws of the data and `n` of G's samples."""
        self.sess.run(self.train_D, {
            self.X: rng.normal(MEAN, SIGMA, [n, 1]), self.Z: rng.normal(size=[n, 1]),
            self.rate_D: rate})

    def step(self) -> None:
        """Update D, then G on fresh noise."""
        self.update_D(self.rng, BATCH_SIZE)
        self.sess.run(self.train_G, {self.Z: self.rng.normal(size=[BATCH_SIZE, 1])})

    def look(self) -> Dict[str, Any]:
        """Return G's density and D, before and after its steps with G frozen.

        Leaves the game as it was: other draws, and every variable put back.
        """
        rng = np.random.RandomState(self.seed + 1000)
        samples = self.sess.run(self.G, {self.Z: rng.normal(size=[SAMPLES, 1])})[:, 0]
        seen = {'p_g': density(samples), 'mean': samples.mean(dtype=np.float64),
                'sigma': samples.std(dtype=np.float64), 'D_before': self.D()}
        kept = self.sess.run(self.variables)
        for i in range(FROZEN_STEPS):
            self.update_D(rng, FROZEN_BATCH_SIZE,
                          LEARNING_RATE_D * (1 - i / FROZEN_STEPS))
        seen['D_after'] = self.D()
        for name, value in self.sess.run(self.variables).items():
            assert not name.startswith('G_') or value.tobytes() == kept[name].tobytes()
        for name, variable in self.variables.items():
            variable.load(kept[name], self.sess)
        return seen

    def D(self) -> np.ndarray:
        """Return D at the middle of every bin."""
        return self.sess.run(self.D_real, {self.X: MIDDLES[:, np.newaxis]})[:, 0]


def density(samples: np.ndarray) -> np.ndarray:
    """Return the histogram of samples as a density; all must lie in the bins."""
    counts = np.histogram(samples, EDGES)[0]
    assert counts.sum() == len(samples), (samples.min(), samples.max())
    return counts / (len(samples) * WIDTH)


def optimum(p_g: np.ndarray) -> np.ndarray:
    """Return p_data/(p_data + p_g): the best D against this G."""
    return P_DATA / np.maximum(P_DATA + p_g, 1e-300)


def distance(D: np.ndarray, p_g: np.ndarray) -> float:
    """Return the mean of |D - optimum| where data and samples lie, half of each."""
    return float(np.sum(np.abs(D - optimum(p_g)) * (P_DATA + p_g) / 2 * WIDTH))


def total_variation(p_g: np.ndarray) -> float:
    """Return the total variation between p_g and p_data: 0 if alike, 1 if disjoint."""
    return float(np.sum(np.abs(p_g - P_DATA)) / 2 * WIDTH)


def measure(seen: Dict[str, Any]) -> Dict[str, float]:
    """Return the figures of a moment, rounded to 6 digits."""
    p_g = seen['p_g']
    found = {'mean': seen['mean'], 'sigma': seen['sigma'],
             'total_variation': total_variation(p_g),
             'distance_of_one_half': distance(np.full_like(p_g, 0.5), p_g),
             'distance_before': distance(seen['D_before'], p_g),
             'distance_after': distance(seen['D_after'], p_g)}
    return {name: round(float(value), 6) for name, value in found.items()}


def draw(looks: Dict[str, Dict[str, Any]]) -> 'pictures.Figure':
    """Draw a column a moment: the densities above, D below."""
    figure = pictures.new_figure(15, 7)
    axes = figure.subplots(2, len(looks), sharex=True)
    for (above, below), (moment, seen) in zip(axes.T, looks.items()):
        above.plot(MIDDLES, P_DATA, color='tab:green', label='data')
        above.fill_between(MIDDLES, seen['p_g'], color='tab:orange', alpha=0.4,
                           step='mid', label='G, a histogram')
        above.set_title(f'{moment}: step {MOMENTS[moment]:,}')
        # Where neither has any mass to speak of there is no optimum to meet.
        empty = P_DATA + seen['p_g'] < 1e-3
        best = np.where(empty, np.nan, optimum(seen['p_g']))
        below.plot(MIDDLES, best, color='black', linewidth=3, alpha=0.35,
                   label='the optimum for this G')
        below.plot(MIDDLES, seen['D_before'], color='tab:red', linestyle='--',
                   label='D, as the game left it')
        below.plot(MIDDLES, seen['D_after'], color='tab:blue',
                   label=f'D, {FROZEN_STEPS:,} steps on with G frozen')
        above.set_ylim(bottom=0)
        below.set(xlabel='x', xlim=(-1, 5.5), ylim=(-0.03, 1.03))
        for ax in above, below:
            ax.grid(True, alpha=0.3)
    axes[0, 0].set_ylabel('density (each its own scale)')
    axes[1, 0].set_ylabel('D(x)')
    axes[0, 0].legend(fontsize='small', loc='upper right')
    axes[1, 0].legend(fontsize='small', loc='lower right')
    figure.tight_layout()
    return figure


def play(seed: int) -> Dict[str, Dict[str, Any]]:
    """Train with a seed; return what was seen at each moment."""
    game, looks = Game(seed), {}
    with game.sess:
        for step in range(STEPS + 1):
            for moment, at in MOMENTS.items():
                if step == at:
                    looks[moment] = game.look()
            if step < STEPS:
                game.step()
    return looks


def main() -> None:
    """Play with every seed; write one_dimensional.png and one_dimensional.json."""
    looks = {seed: play(seed) for seed in SEEDS}
    exact = density(np.random.RandomState(SEEDS[0]).normal(MEAN, SIGMA, SAMPLES))
    result = {
        'seeds': {seed: {moment: measure(seen) for moment, seen in found.items()}
                  for seed, found in looks.items()},
        # What the same histogram makes of as many draws of the data itself.
        'floor_of_total_variation': round(total_variation(exact), 6),
        'moments': MOMENTS, 'data': {'mean': MEAN, 'sigma': SIGMA}, 'samples': SAMPLES,
        'bin_width': round(float(WIDTH), 6), 'n_hidden': N_HIDDEN,
        'batch_size': BATCH_SIZE, 'learning_rate_D': LEARNING_RATE_D,
        'learning_rate_G': LEARNING_RATE_G, 'beta1': BETA1,
        'frozen_steps': FROZEN_STEPS, 'frozen_batch_size': FROZEN_BATCH_SIZE,
        'threads': THREADS}
    draw(looks[SEEDS[0]]).savefig(str(HERE / 'one_dimensional.png'))
    tables.store('minimax/one_dimensional.json', result, tensorflow=tf1.VERSION)
    print(result)


if __name__ == '__main__':
    main()
