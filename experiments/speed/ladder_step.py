"""A step of the ladder against the same step in PyTorch, side by side.

    python experiments/speed/ladder_step.py PYTHON_WITH_TORCH

PyTorch lives in another interpreter: a worker there takes blocks of steps when it is
told to, in turn with blocks of `tf1gan.collapse` here, so that a machine whose speed
drifts is fair to both. Each side chooses its own threads, as a user's run would, and
again with one thread. A step is three updates on one image, with its image and its
noise drawn. Writes ladder_step.json beside this file: the median block of each, as
milliseconds a step, and their ratio.
"""

import itertools
import sys

import side_by_side

BLOCKS, STEPS = 15, 200
RUNGS = [1, 2, 3, 4]


def torch_step(rung: int, threads: int):
    """Return a function that takes a step of a rung in PyTorch, and a version."""
    import numpy as np
    import torch
    from torch import nn
    if threads:
        torch.set_num_threads(threads)
    n_noise = 1 if rung < 3 else 100
    rng = np.random.RandomState(0)
    images = rng.uniform(size=(1000, 784)).astype(np.float32)

    def network(n_in, n_out):
        hidden = ([nn.Sigmoid()] if rung == 1 else
                  [nn.LeakyReLU(0.02), nn.LayerNorm(200)])
        return nn.Sequential(nn.Linear(n_in, 200), *hidden, nn.Linear(200, n_out),
                             nn.Sigmoid())

    D, G = network(784, 1), network(n_noise, 784)
    loss = nn.MSELoss() if rung == 1 else nn.BCELoss()
    optimizers = [torch.optim.SGD(net.parameters(), 0.01) if rung == 1 else
                  torch.optim.Adam(net.parameters(), 0.0001) for net in (D, G)]
    one, zero = torch.FloatTensor([1.0]), torch.FloatTensor([0.0])

    def update(optimizer, output, target):
        value = loss(output, target)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        value.item()

    def z():
        return torch.randn(n_noise) if rung == 4 else torch.rand(n_noise)

    rows = itertools.cycle(range(len(images)))

    def step():
        x = torch.from_numpy(images[next(rows)])
        update(optimizers[0], D(x), one)
        update(optimizers[0], D(G(z()).detach()), zero)
        update(optimizers[1], D(G(z())), one)

    return step, torch.__version__


def measure(python: str, rung: int, threads: int) -> dict:
    """Return the figures of a rung; `threads` 0 leaves each side its own choice."""
    sides = ([interpreter, __file__, side, str(rung), str(threads)]
             for interpreter, side in ((sys.executable, 'tf1gan'), (python, 'torch')))
    found = side_by_side.measure(*sides, BLOCKS)
    return {'rung': rung, 'threads': threads or 'own', 'torch': found['version'],
            'tf1gan_ms': found['tf1gan_ms'], 'torch_ms': found['other_ms'],
            **{name: found[name] for name in ('ratio', 'ratio_min', 'ratio_max')}}


def main(python: str) -> None:
    """Measure every rung, with either choice of threads, and write the file."""
    import tables
    found = []
    for threads in 0, 1:
        for rung in RUNGS:
            found.append(measure(python, rung, threads))
            print(found[-1])
    tables.store('speed/ladder_step.json', {'steps': found})


if __name__ == '__main__':
    if len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        rung, threads = map(int, sys.argv[2:])
        side_by_side.work(*(
            torch_step(rung, threads) if sys.argv[1] == 'torch' else
            side_by_side.tf1gan_step('collapse', threads, rung=rung)), STEPS)
