"""tf1gan.conditional in PyTorch: python pytorch_conditional.py mine.npz

Replays the golden trace's steps with its weights and dropout masks, on images, noise
and labels of its own, and writes its own trace, for `python -m tf1gan.compare
conditional mine.npz`. Images are [n, channels, height, width] here.
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
            group['eps'] = 1e-8 / np.sqrt(1 - group['betas'][1] ** t)
        super().step()


class Normalization:
    """A batch normalization whose moving variance takes in the biased one, as Keras's.
    """

    def forward(self, x):
        """Normalize; in training mode move the averages."""
        if not self.training:
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(axes), self.momentum)
            self.running_var.lerp_(x.var(axes, unbiased=False), self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0., self.eps)


class BatchNorm1d(Normalization, nn.BatchNorm1d):
    """That of [n, units]."""


class BatchNorm2d(Normalization, nn.BatchNorm2d):
    """That of images."""


def bce(logits, targets):
    """Return Keras 1's binary cross-entropy: of a clipped probability's logit."""
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return F.binary_cross_entropy_with_logits(torch.logit(p), targets)


class Dropout(nn.Module):
    """Dropout whose mask comes from the trace: `mask` before every update of D or G."""

    mask = None

    def forward(self, x):
        """Drop what the mask drops."""
        return x * self.mask if self.training else x


class Generator(nn.Module):
    """Noise and one-hot labels to images in (-1, 1)."""

    def __init__(self, n_noise, n_dense, wide, narrow):
        super().__init__()
        self.wide = wide
        self.dense1 = nn.Linear(n_noise + 10, n_dense)
        self.norm1 = BatchNorm1d(n_dense, eps=1e-3, momentum=0.01)
        self.dense2 = nn.Linear(n_dense, wide * 7 * 7)
        self.norm2 = BatchNorm1d(wide * 7 * 7, eps=1e-3, momentum=0.01)
        self.conv3 = nn.Conv2d(wide, narrow, 5, padding=2)
        self.norm3 = BatchNorm2d(narrow, eps=1e-3, momentum=0.01)
        self.conv4 = nn.Conv2d(narrow, 1, 5, padding=2)

    def forward(self, z, labels):
        """Return images [n, 1, 28, 28]."""
        x = F.relu(self.norm1(self.dense1(torch.cat([z, labels], 1))))
        x = F.relu(self.norm2(self.dense2(x)))
        x = F.interpolate(x.view(-1, self.wide, 7, 7), scale_factor=2)
        x = F.relu(self.norm3(self.conv3(x)))
        return torch.tanh(self.conv4(F.interpolate(x, scale_factor=2)))


class Discriminator(nn.Module):
    """Images and one-hot labels to logits."""

    def __init__(self, n_dense, wide, narrow):
        super().__init__()
        self.conv1 = nn.Conv2d(1 + 10, narrow, 5, stride=2)
        self.conv2 = nn.Conv2d(narrow, wide, 5, stride=2)       # VALID: 14 to 5
        self.dense3 = nn.Linear(wide * 5 * 5, n_dense)
        self.dropout = Dropout()
        self.dense4 = nn.Linear(n_dense, 1)

    def forward(self, x, labels):
        """Return logits [n, 1]."""
        planes = labels[:, :, None, None].expand(-1, -1, 28, 28)
        x = torch.cat([x, planes], 1)
        # TensorFlow's SAME with a stride of 2: the odd pixel below and to the right.
        x = F.leaky_relu(self.conv1(F.pad(x, (1, 2, 1, 2))), 0.2)
        x = F.leaky_relu(self.conv2(x), 0.2)
        x = F.leaky_relu(self.dense3(x.flatten(1)), 0.2)
        return self.dense4(self.dropout(x))


def named(G, D):
    """Return the parameters, then these and the moving averages, by their names."""
    weights, averages = {}, {}
    for player, modules in (('G', (G.dense1, G.dense2, G.conv3, G.conv4)),
                            ('D', (D.conv1, D.conv2, D.dense3, D.dense4))):
        for layer, module in enumerate(modules, 1):
            weights[f'{player}_W{layer}'] = module.weight
            weights[f'{player}_b{layer}'] = module.bias
    for layer, module in enumerate((G.norm1, G.norm2, G.norm3), 1):
        name = f'G_norm{layer}'
        weights.update({f'{name}_gamma': module.weight, f'{name}_beta': module.bias})
        averages.update({f'{name}_mean': module.running_mean,
                         f'{name}_variance': module.running_var})
    return weights, {**weights, **averages}


def layouts(n_dense_G, n_dense_D, wide):
    """Return how this port's arrays lie beside TensorFlow's."""
    dense, convolution = trace.Layout((1, 0)), trace.Layout((3, 2, 0, 1))
    image = trace.Layout((0, 3, 1, 2))
    unit = trace.Layout((2, 0, 1), (7, 7, wide), (-1,))     # over (c, h, w)
    return {
        'X': image, 'G': image,     # feed and fakes
        'G_W1': dense,
        'G_W2': trace.Layout((3, 1, 2, 0), (n_dense_G, 7, 7, wide), (-1, n_dense_G)),
        'G_b2': unit, 'G_norm2_gamma': unit, 'G_norm2_beta': unit,
        'G_norm2_mean': unit, 'G_norm2_variance': unit,
        'G_W3': convolution, 'G_W4': convolution,
        'D_W1': convolution, 'D_W2': convolution,
        'D_W3': trace.Layout((3, 2, 0, 1), (5, 5, wide, n_dense_D), (n_dense_D, -1)),
        'D_W4': dense}


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
    n_dense_G, n_dense_D = config['n_dense_G'], config['n_dense_D']
    wide, narrow = config['n_wide'], config['n_narrow']
    replay.layouts = layouts(n_dense_G, n_dense_D, wide)
    G = Generator(n_noise, n_dense_G, wide, narrow)
    D = Discriminator(n_dense_D, wide, narrow)
    weights, all_weights = named(G, D)
    with torch.no_grad():
        for name, value in replay.weights().items():
            all_weights[name].copy_(torch.from_numpy(value))
    replay.start(all_weights)

    optimizer_D = Adam(D.parameters(), config['learning_rate_D'], betas=(0.1, 0.999))
    optimizer_G = Adam(G.parameters(), config['learning_rate_G'], betas=(0.5, 0.999))
    one, zero = torch.ones(n, 1), torch.zeros(n, 1)
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        (files.train_images[..., None].astype(np.float32) - 127.5) / 127.5,
        np.eye(10)[files.train_labels], rng)
    n_batches = images.num_examples // n

    def draw_noise(n):
        z = rng.uniform(-1, 1, size=(n, n_noise)).astype(np.float32)
        return z, np.eye(10, dtype=np.float32)[rng.randint(10, size=n)]

    for step in range(replay.n_steps):
        if step % n_batches % 500 == 0:     # the sheet's noise
            draw_noise(100)
        x, x_labels = images.next_batch(n, shuffle=False)   # in the order of the file
        z, z_labels = draw_noise(n)
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        update = replay.update(step, 'D')
        X, X_labels, Z, Z_labels = (
            torch.from_numpy(update.feed(name, value))
            for name, value in (('X', x), ('X_labels', x_labels.astype(np.float32)),
                                ('Z', z), ('Z_labels', z_labels)))
        D.dropout.mask = torch.from_numpy(update.mask('1'))
        G.eval()        # fakes by the moving averages
        fake = G(Z, Z_labels).detach()
        G.train()
        logits = D(torch.cat([X, fake]), torch.cat([X_labels, Z_labels]))
        loss = bce(logits, torch.cat([one, zero]))
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D, weights, all_weights, 'D', fake={'G': fake}, loss=loss,
            logit={'D': logits})

        z, z_labels = draw_noise(n)     # fresh noise and labels
        update = replay.update(step, 'G')
        Z = torch.from_numpy(update.feed('Z', z))
        Z_labels = torch.from_numpy(update.feed('Z_labels', z_labels))
        D.dropout.mask = torch.from_numpy(update.mask('1'))
        fake = G(Z, Z_labels)
        logits = D(fake, Z_labels)
        loss = bce(logits, one)
        optimizer_G.zero_grad()
        loss.backward()
        optimizer_G.step()
        put(update, optimizer_G, weights, all_weights, 'G', fake={'G': fake}, loss=loss,
            logit={'D_gene': logits})
    return replay


if __name__ == '__main__':
    port('conditional').save(sys.argv[1])
