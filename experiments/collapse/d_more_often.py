"""Rung 1 with more updates of D in a step: a variant, not the tutorial.

    python experiments/collapse/d_more_often.py --n-D 5

The source says that training D more often does not help. Each of the further updates of
D is one on the next real image and one on a fresh generated one.
"""

import sys
from typing import NamedTuple

from tf1gan import collapse, command
from tf1gan.collapse import LOG_EVERY, THREADS, Model, data, line   # noqa: F401
from tf1gan.descriptions.collapse import describe as described

RUNG = collapse.Config(rung=1)


class Config(NamedTuple):
    """The variant's number, and those that each page has."""

    epochs: int = 1         # passes over the 60,000 images, counted in steps
    batch_size: int = 1     # images a step
    n_D: int = 2            # updates of D on an image and on a fake, in a step


def build(config, seed):
    """Build rung 1."""
    return collapse.build(RUNG, seed)


def noise(rng, n, config):
    """Draw rung 1's noise."""
    return collapse.noise(rng, n, RUNG)


def step(sess, model, config, next_batch, draw_noise):
    """Update D on an image and on a fake `n_D` times, then G."""
    D_real, _, D_fake, _ = model.updates.values()
    for _ in range(config.n_D - 1):
        sess.run([D_real.train, D_real.loss],
                 {model.X: next_batch(1, shuffle=False)[0]})
        sess.run([D_fake.train, D_fake.loss], {model.Z: draw_noise(1)})
    return collapse.step(sess, model, RUNG, next_batch, draw_noise)


def picture(done, n_batches, config):
    """Name rung 1's picture."""
    return collapse.picture(done, n_batches, RUNG)


def sample(sess, model, config, draw_noise):
    """Draw rung 1's picture."""
    return collapse.sample(sess, model, RUNG, draw_noise)


def describe(config):
    """Describe the networks, and a step with one update of each kind."""
    return described(RUNG._asdict())


if __name__ == '__main__':
    command.main(sys.modules[__name__])
