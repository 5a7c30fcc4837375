"""least_squares.py in PyTorch: python pytorch_least_squares.py golden.npz mine.npz

Replays the steps of a trace of least_squares.py with its weights, images, noise and
labels, and writes its own trace, for `python -m tf1gan.compare golden.npz mine.npz`.
"""

import sys

import numpy as np
import torch
from torch import nn

from tf1gan import trace

LAYOUTS = {f'{player}_W{n}': trace.Layout((1, 0)) for player in 'GD' for n in (1, 2, 3)}


class Adam(torch.optim.Adam):
    """Adam with its epsilon where TensorFlow 1 has it: beside the uncorrected root."""

    def step(self):
        """Take a step; torch's equivalent epsilon is another one every time."""
        for group in self.param_groups:
            state = self.state.get(group['params'][0], {})
            t = 1 + float(state.get('step', 0))
            group['eps'] = 1e-8 / np.sqrt(1 - group['betas'][1] ** t)
        super().step()


class Network(nn.Module):
    """Three dense layers of an input and one-hot labels."""

    def __init__(self, *sizes):
        super().__init__()
        self.layers = nn.ModuleList(map(nn.Linear, sizes, sizes[1:]))

    def forward(self, x, labels):
        """Return what comes out, without the last activation."""
        x = torch.cat([x, labels], 1)
        for layer in self.layers[:2]:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return self.layers[2](x)


def named(networks):
    """Return the parameters by their names in the trace."""
    return {f'{player}_{kind}{n + 1}': getattr(layer, attribute)
            for player, network in networks.items()
            for n, layer in enumerate(network.layers)
            for kind, attribute in (('W', 'weight'), ('b', 'bias'))}


def main(golden, path):
    """Train for the trace's steps, and write a trace."""
    replay = trace.Replay(golden, layouts=LAYOUTS)
    config = replay.config
    narrow, wide = config['n_narrow'], config['n_wide']
    networks = {'G': Network(config['n_noise'] + 10, narrow, wide, 784),
                'D': Network(784 + 10, wide, narrow, 1)}
    parameters = named(networks)
    with torch.no_grad():
        for name, value in replay.weights().items():
            parameters[name].copy_(torch.tensor(value))
    replay.start(parameters)
    optimizers = {player: Adam(network.parameters(), lr=config['learning_rate'],
                               betas=(0.5, 0.999))
                  for player, network in networks.items()}
    G, D = networks['G'], networks['D']
    for update in replay:
        z, labels = (torch.tensor(update.feed(name)) for name in ('Z', 'Z_labels'))
        fakes = torch.tanh(G(z, labels))
        if update.name == 'D':
            x, real_labels = (torch.tensor(update.feed(name))
                              for name in ('X', 'X_labels'))
            logits = {'D_real': D(x, real_labels), 'D_gene': D(fakes.detach(), labels)}
            loss = ((logits['D_real'] - 1) ** 2).mean() + (logits['D_gene'] ** 2).mean()
        else:
            logits = {'D_gene': D(fakes, labels)}
            loss = ((logits['D_gene'] - 1) ** 2).mean()
        optimizer = optimizers[update.name]
        G.zero_grad()
        D.zero_grad()
        loss.backward()
        update.put('fake', {'G': fakes})
        update.put('logit', logits)
        update.put('loss', loss)
        mine = {name: p for name, p in parameters.items() if name[0] == update.name}
        update.put('grad', {name: p.grad for name, p in mine.items()})
        optimizer.step()
        for kind, moment in ('adam_m', 'exp_avg'), ('adam_v', 'exp_avg_sq'):
            update.put(kind, {name: optimizer.state[p][moment]
                              for name, p in mine.items()})
        update.put('after', parameters)
    replay.save(path)


if __name__ == '__main__':
    main(*sys.argv[1:])
