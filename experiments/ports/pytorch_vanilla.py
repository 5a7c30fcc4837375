"""tf1gan.vanilla in PyTorch: python pytorch_vanilla.py mine.npz

Replays the golden trace's steps with its weights, on images and noise of its own, and
writes its own trace, for `python -m tf1gan.compare vanilla mine.npz`.
"""

import sys

import numpy as np
import torch
from torch import nn

from tf1gan import mnist, trace


class Adam(torch.optim.Adam):
    """Adam with its epsilon where TensorFlow 1 has it: beside the uncorrected root."""

    def step(self):
        """Take a step; torch's equivalent epsilon is another one every time."""
        for group in self.param_groups:
            state = self.state.get(group['params'][0], {})
            t = 1 + float(state.get('step', 0))
            group['eps'] = 1e-8 / np.sqrt(1 - group['betas'][1] ** t)
        super().step()


def network(n_in, n_hidden, n_out):
    """Return the two layers of either network; a sigmoid follows elsewhere."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(),
                         nn.Linear(n_hidden, n_out))


def named(G, D):
    """Return the parameters by their names in the trace."""
    return {f'{player}_{kind}{number}': getattr(net[layer], attribute)
            for player, net in (('G', G), ('D', D))
            for number, layer in ((1, 0), (2, 2))
            for kind, attribute in (('W', 'weight'), ('b', 'bias'))}


LAYOUTS = {name: trace.Layout((1, 0)) for name in ('G_W1', 'G_W2', 'D_W1', 'D_W2')}


def put(update, optimizer, variables, player, **seen):
    """Record what an update saw and did."""
    for kind, value in seen.items():
        update.put(kind, value)
    mine = {name: p for name, p in variables.items() if name[0] == player}
    update.put('grad', {name: p.grad for name, p in mine.items()})
    for kind, slot in ('adam_m', 'exp_avg'), ('adam_v', 'exp_avg_sq'):
        update.put(kind, {name: optimizer.state[p][slot] for name, p in mine.items()})
    update.put('after', variables)


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden, LAYOUTS)
    config = replay.config
    n, n_noise, n_hidden = config['batch_size'], config['n_noise'], config['n_hidden']
    G, D = network(n_noise, n_hidden, 784), network(784, n_hidden, 1)
    variables = named(G, D)
    with torch.no_grad():
        for name, value in replay.weights().items():
            variables[name].copy_(torch.from_numpy(value))
    replay.start(variables)

    rate = config['learning_rate']
    optimizer_D, optimizer_G = Adam(D.parameters(), rate), Adam(G.parameters(), rate)
    rng = np.random.RandomState(replay.seed)
    images = mnist.load(None, rng).train        # 55,000, in [0, 1]
    for step in range(replay.n_steps):
        optimizer_D.zero_grad()
        optimizer_G.zero_grad()
        x, _ = images.next_batch(n)
        z = rng.normal(size=(n, n_noise)).astype(np.float32)

        update = replay.update(step, 'D')
        X, Z = (torch.from_numpy(update.feed('X', x)),
                torch.from_numpy(update.feed('Z', z)))
        fake = torch.sigmoid(G(Z)).detach()
        real, gene = D(X), D(fake)
        loss_D = torch.mean(torch.log(torch.sigmoid(real))
                            + torch.log(1 - torch.sigmoid(gene)))
        (-loss_D).backward()
        optimizer_D.step()
        put(update, optimizer_D, variables, 'D', fake={'G': fake}, loss=loss_D,
            logit={'D_real': real, 'D_gene': gene})

        update = replay.update(step, 'G')
        Z = torch.from_numpy(update.feed('Z', z))       # the same noise
        fake = torch.sigmoid(G(Z))
        gene = D(fake)
        loss_G = torch.mean(torch.log(torch.sigmoid(gene)))
        (-loss_G).backward()
        optimizer_G.step()
        put(update, optimizer_G, variables, 'G', fake={'G': fake}, loss=loss_G,
            logit={'D_gene': gene})
    return replay


if __name__ == '__main__':
    port('vanilla').save(sys.argv[1])
