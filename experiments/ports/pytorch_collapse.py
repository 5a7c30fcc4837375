"""tf1gan.collapse in PyTorch: python pytorch_collapse.py mine.npz

Replays the golden trace's steps with its weights, on images and noise of its own, and
writes its own trace, for `python -m tf1gan.compare collapse mine.npz`. The rung of the
ladder is that of the trace.
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


def network(n_in, n_hidden, n_out, modern):
    """Return the layers of either network; a sigmoid follows elsewhere.

    Rung 1 alone is not `modern`. The normalization is after the activation.
    """
    hidden = [nn.LeakyReLU(0.02), nn.LayerNorm(n_hidden)] if modern else [nn.Sigmoid()]
    return nn.Sequential(nn.Linear(n_in, n_hidden), *hidden, nn.Linear(n_hidden, n_out))


def named(G, D):
    """Return the parameters by their names in the trace."""
    variables = {}
    for player, net in ('G', G), ('D', D):
        for number, layer in (1, net[0]), (2, net[-1]):
            variables[f'{player}_W{number}'] = layer.weight
            variables[f'{player}_b{number}'] = layer.bias
        if isinstance(net[2], nn.LayerNorm):
            variables[f'{player}_gain'] = net[2].weight
            variables[f'{player}_shift'] = net[2].bias
    return variables


LAYOUTS = {name: trace.Layout((1, 0)) for name in ('G_W1', 'G_W2', 'D_W1', 'D_W2')}


def put(update, optimizer, variables, player, **seen):
    """Record what an update saw and did."""
    for kind, value in seen.items():
        update.put(kind, value)
    mine = {name: p for name, p in variables.items() if name[0] == player}
    update.put('grad', {name: p.grad for name, p in mine.items()})
    for kind, slot in ('adam_m', 'exp_avg'), ('adam_v', 'exp_avg_sq'):
        update.put(kind, {name: optimizer.state[p].get(slot)    # SGD has none
                          for name, p in mine.items()})
    update.put('after', variables)


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden, LAYOUTS)
    config = replay.config
    n, n_hidden, rung = config['batch_size'], config['n_hidden'], config['rung']
    modern, n_noise = rung > 1, 1 if rung < 3 else 100
    G = network(n_noise, n_hidden, 784, modern)
    D = network(784, n_hidden, 1, modern)
    variables = named(G, D)
    with torch.no_grad():
        for name, value in replay.weights().items():
            variables[name].copy_(torch.from_numpy(value))
    replay.start(variables)

    if modern:
        optimizer_D = Adam(D.parameters(), 1e-4)
        optimizer_G = Adam(G.parameters(), 1e-4)
        criterion = nn.BCELoss()        # its logs end at -100
    else:
        optimizer_D = torch.optim.SGD(D.parameters(), 0.01)
        optimizer_G = torch.optim.SGD(G.parameters(), 0.01)
        criterion = nn.MSELoss()
    one, zero = torch.ones(n, 1), torch.zeros(n, 1)
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(files.train_images.reshape(-1, 784).astype(np.float32) / 255,
                           np.eye(10)[files.train_labels], rng)

    def draw_noise(n):
        size = n, n_noise
        z = rng.normal(size=size) if rung == 4 else rng.uniform(size=size)
        return z.astype(np.float32)

    for step in range(replay.n_steps):
        if step % (images.num_examples // n) == 0:      # an epoch's picture
            draw_noise(6)
        x, _ = images.next_batch(n, shuffle=False)      # in the order of the file
        update = replay.update(step, 'D_real')
        X = torch.from_numpy(update.feed('X', x))
        logits = D(X)
        loss = criterion(torch.sigmoid(logits), one)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D, variables, 'D', loss=loss, logit={'D_real': logits})

        update = replay.update(step, 'D_fake')
        Z = torch.from_numpy(update.feed('Z', draw_noise(n)))
        fake = torch.sigmoid(G(Z)).detach()
        logits = D(fake)
        loss = criterion(torch.sigmoid(logits), zero)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D, variables, 'D', fake={'G': fake}, loss=loss,
            logit={'D_gene': logits})

        update = replay.update(step, 'G')
        Z = torch.from_numpy(update.feed('Z', draw_noise(n)))   # fresh noise
        fake = torch.sigmoid(G(Z))
        logits = D(fake)
        loss = criterion(torch.sigmoid(logits), one)
        optimizer_G.zero_grad()
        loss.backward()
        optimizer_G.step()
        put(update, optimizer_G, variables, 'G', fake={'G': fake}, loss=loss,
            logit={'D_gene': logits})
    return replay


if __name__ == '__main__':
    port('collapse').save(sys.argv[1])
