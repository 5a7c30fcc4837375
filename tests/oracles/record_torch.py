"""Record what PyTorch makes of `collapse` and `minimax`: 20 steps of each.

    python record_torch.py [FOLDER]

writes an .npz a case into FOLDER (this script's own by default) and prints a line for
each. It needs PyTorch (the files here: 2.13 on a CPU) and NumPy, nothing of tf1gan. The
weights, images and noise come from `stated.py`; a file holds only what came out:

    step_000/D_real/loss            float64 scalar, before the update
    step_000/D_real/grad/D_W1       steps 0 to 2: of the network that moves
    step_000/D_real/after/D_W1      steps 0 to 2 and 19: its weights after the update
    ... step_000/D_fake/..., step_000/G/...      minimax: step_000/D/..., step_000/G/...
    float64/step_000/D_real/loss    the same training in float64: the losses only
    meta                            JSON: versions, seed, loss, optimizer, rate, digest

Arrays have TensorFlow's layout, W [in, out]; of those above 4,096 elements a file holds
`stated.sample`.

`*_adam` files are the tutorials themselves. PyTorch's Adam has its epsilon elsewhere
than TensorFlow 1's, so each has an `*_sgd` twin, comparable through all 20 steps.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from stated import N_STEPS, SEEDS, SHAPES, digest, sample, stated
from torch import nn

GRAD_STEPS = (0, 1, 2)
AFTER_STEPS = (0, 1, 2, N_STEPS - 1)


class Case(NamedTuple):
    """One file: which networks, which losses, which optimizer."""

    network: str
    loss: str           # mse, bce; of minimax: non_saturating, saturating
    optimizer: str      # SGD, Adam
    lr: float


CASES = {
    'collapse_1': Case('collapse_1', 'mse', 'SGD', 0.01),
    'collapse_2_sgd': Case('collapse_2', 'bce', 'SGD', 0.01),
    'collapse_2_adam': Case('collapse_2', 'bce', 'Adam', 1e-4),
    'collapse_3_sgd': Case('collapse_3', 'bce', 'SGD', 0.01),
    'collapse_3_adam': Case('collapse_3', 'bce', 'Adam', 1e-4),
    'collapse_4_sgd': Case('collapse_4', 'bce', 'SGD', 0.01),
    'collapse_4_adam': Case('collapse_4', 'bce', 'Adam', 1e-4),
    'minimax_non_saturating_sgd': Case('minimax', 'non_saturating', 'SGD', 0.01),
    'minimax_non_saturating_adam': Case('minimax', 'non_saturating', 'Adam', 0.01),
    'minimax_saturating_sgd': Case('minimax', 'saturating', 'SGD', 0.01),
    'minimax_saturating_adam': Case('minimax', 'saturating', 'Adam', 0.01)}


# Networks

def networks(network):
    """Return D and G, with PyTorch's own initial values."""
    n_hidden, n_noise = SHAPES[network].n_hidden, SHAPES[network].n_noise
    if network == 'collapse_1':
        D = nn.Sequential(nn.Linear(784, n_hidden), nn.Sigmoid(),
                          nn.Linear(n_hidden, 1), nn.Sigmoid())
        G = nn.Sequential(nn.Linear(n_noise, n_hidden), nn.Sigmoid(),
                          nn.Linear(n_hidden, 784), nn.Sigmoid())
    elif network == 'minimax':
        D = nn.Sequential(nn.Linear(784, n_hidden), nn.ReLU(),
                          nn.Linear(n_hidden, 1), nn.Sigmoid())
        G = nn.Sequential(nn.Linear(n_noise, n_hidden), nn.ReLU(),
                          nn.Linear(n_hidden, 784), nn.Tanh())
    else:
        D = nn.Sequential(nn.Linear(784, n_hidden), nn.LeakyReLU(0.02),
                          nn.LayerNorm(n_hidden),
                          nn.Linear(n_hidden, 1), nn.Sigmoid())
        G = nn.Sequential(nn.Linear(n_noise, n_hidden), nn.LeakyReLU(0.02),
                          nn.LayerNorm(n_hidden),
                          nn.Linear(n_hidden, 784), nn.Sigmoid())
    return D, G


def load(net, player, weights, dtype):
    """Put the stated weights of `player` into `net`; return its named parameters."""
    names = [name for name in weights if name.startswith(player)]
    parameters = list(net.to(dtype).parameters())   # in the order of the forward pass
    assert len(names) == len(parameters)
    with torch.no_grad():
        for name, parameter in zip(names, parameters):
            value = torch.from_numpy(weights[name]).t()     # .t() leaves a vector alone
            assert value.shape == parameter.shape, name
            parameter.copy_(value)
    return dict(zip(names, parameters))


# Steps

def collapse_step(D, G, loss, update, x, z_D, z_G):
    """D on an image, D on an image of G's, G through D on fresh noise."""
    update('D_real', D, loss(D(x), 1))
    update('D_fake', D, loss(D(G(z_D).detach()), 0))
    update('G', G, loss(D(G(z_G)), 1))


def minimax_step(D, G, objective, update, x, z_D, z_G):
    """D on both batches in one loss, G through D on fresh noise."""
    update('D', D, bce(D(x), 1) + bce(D(G(z_D).detach()), 0))
    if objective == 'saturating':
        update('G', G, -bce(D(G(z_G)), 0))      # mean log(1 - D(G(z)))
    else:
        update('G', G, bce(D(G(z_G)), 1))


def bce(output, target):
    """Return PyTorch's binary cross-entropy (nats; its logs end at -100)."""
    return nn.BCELoss()(output, torch.full_like(output, target))


def mse(output, target):
    """Return the mean squared error."""
    return nn.MSELoss()(output, torch.full_like(output, target))


# Recording

def train(case, dtype):
    """Take the 20 steps of `case` and return all that is recorded of them."""
    start = stated(case.network)
    D, G = networks(case.network)
    parameters = {D: load(D, 'D', start.weights, dtype),
                  G: load(G, 'G', start.weights, dtype)}
    optimizer = getattr(torch.optim, case.optimizer)
    optimizers = {net: optimizer(net.parameters(), lr=case.lr) for net in (D, G)}
    arrays = {}

    def update(name, net, loss):
        """Move `net`, and only it, down the slope of `loss`."""
        optimizers[net].zero_grad()
        loss.backward()
        prefix = f'step_{i:03d}/{name}'
        arrays[f'{prefix}/loss'] = np.float64(loss.item())
        if i in GRAD_STEPS:
            for key, parameter in parameters[net].items():
                arrays[f'{prefix}/grad/{key}'] = to_numpy(parameter.grad)
        optimizers[net].step()
        if i in AFTER_STEPS:
            for key, parameter in parameters[net].items():
                arrays[f'{prefix}/after/{key}'] = to_numpy(parameter)

    for i in range(N_STEPS):
        feeds = [torch.from_numpy(array[i]).to(dtype)
                 for array in (start.X, start.Z_D, start.Z_G)]
        if case.network == 'minimax':
            minimax_step(D, G, case.loss, update, *feeds)
        else:
            collapse_step(D, G, {'mse': mse, 'bce': bce}[case.loss], update, *feeds)
    return arrays


def to_numpy(tensor):
    """Return what is stored of `tensor`, in TensorFlow's layout."""
    return sample(tensor.detach().t().numpy()).copy()


def record(path, case):
    """Write the file of `case` and print its size and its losses."""
    arrays = train(case, torch.float32)
    losses = {key: value for key, value in train(case, torch.float64).items()
              if key.endswith('/loss')}
    arrays.update({f'float64/{key}': value for key, value in losses.items()})
    meta = {**case._asdict(), 'seed': SEEDS[case.network],
            'stated_sha256': digest(stated(case.network)),
            'torch': torch.__version__, 'numpy': np.__version__,
            'cpu': torch.backends.cpu.get_cpu_capability()}
    np.savez_compressed(str(path), meta=np.array(json.dumps(meta)), **arrays)
    first, last = [[f'{arrays[key]:9.6f}' for key in losses if key.startswith(step)]
                   for step in ('step_000', f'step_{N_STEPS - 1:03d}')]
    noise = max(abs(arrays[key] - losses[key]) for key in losses)
    print(f'{path.name:32s} {path.stat().st_size:7,d} bytes  losses {" ".join(first)}'
          f'  to {" ".join(last)}  float32 noise {noise:.0e}')


def main():
    """Record every case."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent
    for name, case in CASES.items():
        record(folder / f'{name}.npz', case)


if __name__ == '__main__':
    main()
