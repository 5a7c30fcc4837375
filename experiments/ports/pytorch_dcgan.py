"""tf1gan.dcgan in PyTorch: python pytorch_dcgan.py mine.npz

Replays the golden trace's steps with its weights and dropout masks, on images and noise
of its own, and writes its own trace, for `python -m tf1gan.compare dcgan mine.npz`.
Images are [n, channels, height, width] here.
"""

import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tf1gan import mnist, trace


class Adam(torch.optim.Adam):
    """Adam with its epsilon where TensorFlow 1 has it: beside the uncorrected root."""

    def step(self):
        """Take a step; torch's equivalent epsilon is another one every time."""
        for group in self.param_groups:
            state = self.state.get(group['params'][0], {})
            t = 1 + float(state.get('step', 0))
            group['eps'] = 1e-7 / np.sqrt(1 - group['betas'][1] ** t)
        super().step()


class BatchNorm1d(nn.BatchNorm1d):
    """Batch normalization whose moving variance takes in the biased one.

    TensorFlow 1.15 does so for [n, units]; for images it takes the unbiased one, as
    torch always does.
    """

    def forward(self, x):
        """Normalize; in training mode move the averages."""
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(0), self.momentum)
            self.running_var.lerp_(x.var(0, unbiased=False), self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0., self.eps)


class Dropout(nn.Module):
    """Dropout whose mask comes from the trace: `mask` before every update of D or G."""

    mask = None

    def forward(self, x):
        """Drop what the mask drops."""
        return x * self.mask if self.training else x


class Generator(nn.Module):
    """Noise to images in (-1, 1)."""

    def __init__(self, n_noise, wide, narrow):
        super().__init__()
        self.wide = wide
        self.dense = nn.Linear(n_noise, wide * 7 * 7)
        self.norm1 = BatchNorm1d(wide * 7 * 7, eps=1e-3, momentum=0.01)
        self.conv2 = nn.Conv2d(wide, narrow, 5, padding=2)
        self.norm2 = nn.BatchNorm2d(narrow, eps=1e-3, momentum=0.01)
        self.conv3 = nn.Conv2d(narrow, 1, 5, padding=2)

    def forward(self, z):
        """Return images [n, 1, 28, 28]."""
        x = self.norm1(F.leaky_relu(self.dense(z), 0.2))
        x = x.view(-1, self.wide, 7, 7)
        x = self.norm2(self.conv2(F.interpolate(x, scale_factor=2)))
        x = F.interpolate(F.leaky_relu(x, 0.2), scale_factor=2)
        return torch.tanh(self.conv3(x))


class Discriminator(nn.Module):
    """Images to logits."""

    def __init__(self, wide, narrow):
        super().__init__()
        self.conv1 = nn.Conv2d(1, narrow, 5, stride=2)
        self.conv2 = nn.Conv2d(narrow, wide, 5, stride=2)
        self.dense = nn.Linear(wide * 7 * 7, 1)
        self.dropouts = nn.ModuleList([Dropout(), Dropout()])

    def forward(self, x):
        """Return logits [n, 1]."""
        # TensorFlow's SAME with a stride of 2: the odd pixel below and to the right.
        x = self.conv1(F.pad(x, (1, 2, 1, 2)))
        x = self.dropouts[0](F.leaky_relu(x, 0.2))
        x = self.conv2(F.pad(x, (1, 2, 1, 2)))
        x = self.dropouts[1](F.leaky_relu(x, 0.2))
        return self.dense(x.flatten(1))


def named(G, D):
    """Return the parameters, then these and the moving averages, by their names."""
    weights, averages = {}, {}
    for player, layer, module in (
            ('G', 1, G.dense), ('G', 2, G.conv2), ('G', 3, G.conv3),
            ('D', 1, D.conv1), ('D', 2, D.conv2), ('D', 3, D.dense)):
        weights[f'{player}_W{layer}'] = module.weight
        weights[f'{player}_b{layer}'] = module.bias
    for name, module in ('G_norm1', G.norm1), ('G_norm2', G.norm2):
        weights.update({f'{name}_gamma': module.weight, f'{name}_beta': module.bias})
        averages.update({f'{name}_mean': module.running_mean,
                         f'{name}_variance': module.running_var})
    return weights, {**weights, **averages}


def layouts(n_noise, wide):
    """Return how this port's arrays lie beside TensorFlow's."""
    convolution, image = trace.Layout((3, 2, 0, 1)), trace.Layout((0, 3, 1, 2))
    unit = trace.Layout((2, 0, 1), (7, 7, wide), (-1,))     # over (c, h, w)
    return {
        'X': image, '1': image, '2': image, 'G': image,     # feed, masks, fakes
        'G_W1': trace.Layout((3, 1, 2, 0), (n_noise, 7, 7, wide), (-1, n_noise)),
        'G_b1': unit, 'G_norm1_gamma': unit, 'G_norm1_beta': unit,
        'G_norm1_mean': unit, 'G_norm1_variance': unit,
        'G_W2': convolution, 'G_W3': convolution,
        'D_W1': convolution, 'D_W2': convolution,
        'D_W3': trace.Layout((3, 2, 0, 1), (7, 7, wide, 1), (1, -1))}


def put(update, optimizer, weights, all_weights, player, **seen):
    """Record what an update saw and did."""
    for kind, value in seen.items():
        update.put(kind, value)
    mine = {name: p for name, p in weights.items() if name[0] == player}
    update.put('grad', {name: p.grad for name, p in mine.items()})
    for kind, slot in ('adam_m', 'exp_avg'), ('adam_v', 'exp_avg_sq'):
        update.put(kind, {name: optimizer.state[p][slot] for name, p in mine.items()})
    update.put('after', all_weights)


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden)
    config = replay.config
    n, n_noise = config['batch_size'], config['n_noise']
    wide, narrow, rate = config['n_wide'], config['n_narrow'], config['learning_rate']
    replay.layouts = layouts(n_noise, wide)
    G, D = Generator(n_noise, wide, narrow), Discriminator(wide, narrow)
    weights, all_weights = named(G, D)
    with torch.no_grad():
        for name, value in replay.weights().items():
            all_weights[name].copy_(torch.from_numpy(value))
    replay.start(all_weights)

    optimizer_D = Adam(D.parameters(), rate, betas=(0.5, 0.999))
    optimizer_G = Adam(G.parameters(), rate, betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(n, 1), torch.zeros(n, 1)
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        files.train_images[..., None].astype(np.float32) / 255 * 2 - 1,
        np.eye(10)[files.train_labels], rng)

    def draw_masks(update):
        for number, dropout in enumerate(D.dropouts, 1):
            dropout.mask = torch.from_numpy(update.mask(str(number)))

    for step in range(replay.n_steps):
        x, _ = images.next_batch(n, replace=True)
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        update = replay.update(step, 'D_real')
        X = torch.from_numpy(update.feed('X', x))
        draw_masks(update)
        logits = D(X)
        loss = bce(logits, one)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D, weights, all_weights, 'D', loss=loss,
            logit={'D_real': logits})

        z = rng.normal(size=(n, n_noise)).astype(np.float32)
        update = replay.update(step, 'D_fake')
        Z = torch.from_numpy(update.feed('Z', z))
        draw_masks(update)
        G.eval()        # fakes by the moving averages
        fake = G(Z).detach()
        G.train()
        logits = D(fake)
        loss = bce(logits, zero)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D, weights, all_weights, 'D', fake={'G': fake}, loss=loss,
            logit={'D_gene': logits})

        update = replay.update(step, 'G')
        Z = torch.from_numpy(update.feed('Z', z))       # the same noise
        draw_masks(update)
        fake = G(Z)
        logits = D(fake)
        loss = bce(logits, one)
        optimizer_G.zero_grad()
        loss.backward()
        optimizer_G.step()
        put(update, optimizer_G, weights, all_weights, 'G', fake={'G': fake}, loss=loss,
            logit={'D_gene': logits})
        if step % 200 == 0:     # the picture's noise
            rng.normal(size=(25, n_noise))
    return replay


if __name__ == '__main__':
    port('dcgan').save(sys.argv[1])
