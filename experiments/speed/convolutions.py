"""A step of dcgan and of conditional against Keras's and PyTorch's, side by side.

    python experiments/speed/convolutions.py PYTHON_WITH_MKL PYTHON_WITH_TORCH

Run it with the stock TensorFlow 1.15. Two pairs: `tf.keras` of this TensorFlow against
tf1gan on it, and PyTorch (2 threads) against tf1gan on the MKL build. Each side lives
in its own interpreter and takes blocks of steps when it is told to, in turn with the
other, so that a machine whose speed drifts is fair to both. The Keras side is the
source's program: `train_on_batch` and `predict` on the source's models. The
PyTorch side has the same networks, layer by layer. A step is all its updates, with its
images and its noise drawn. Writes convolutions.json beside this file: the median block
of each side, as milliseconds a step, and their ratio.
"""

import os
import sys
from pathlib import Path

import numpy as np
import side_by_side

BLOCKS, STEPS, BATCH = 21, 8, 32
TUTORIALS = ['dcgan', 'conditional']
ROOT = Path(__file__).resolve().parents[2]


class Data:
    """Images, labels and noise of the other sides, as the tutorials draw them."""

    def __init__(self, name: str):
        self.name, self.rng = name, np.random.RandomState(0)
        self.images = self.rng.uniform(-1, 1, (1000, 28, 28, 1)).astype(np.float32)
        self.labels = np.eye(10)[self.rng.randint(10, size=1000)]

    def batch(self, n):
        """Draw images and labels."""
        rows = self.rng.randint(1000, size=n)
        return self.images[rows], self.labels[rows]

    def noise(self, n):
        """Draw noise, and for the conditional tutorial labels."""
        if self.name == 'dcgan':
            return self.rng.normal(size=(n, 100))
        return (self.rng.uniform(-1, 1, (n, 100)),
                np.eye(10)[self.rng.randint(10, size=n)])


def keras_step(name: str):
    """Return a function that takes a step as the source does, and a version."""
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
    sys.path.insert(0, str(ROOT / 'experiments' / 'oracles'))
    import in_keras3
    import keras_conditional
    import tensorflow as tf
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    data = Data(name)
    if name == 'dcgan':
        sizes = {'n_noise': 100, 'n_wide': 128, 'n_narrow': 64}
        models = in_keras3.models(tf.keras, sizes,
                                  lambda number: tf.keras.layers.Dropout(0.3))
    else:
        models = keras_conditional.models(tf.keras)

    def step():
        x, labels = data.batch(BATCH)
        if name == 'dcgan':
            return in_keras3.step(models, x, data.noise(BATCH))
        return keras_conditional.step(models, x, labels, data.noise(BATCH),
                                      data.noise(BATCH))

    return step, tf.__version__


def torch_step(name: str):
    """Return a function that takes a step in PyTorch with 2 threads, and a version."""
    import torch
    from torch import nn
    torch.set_num_threads(2)

    def norm(kind, n):
        return kind(n, eps=1e-3, momentum=0.01)

    def upsampled(n_in, n_out):
        return [nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 5, padding=2)]

    shape, flat = nn.Unflatten(1, (128, 7, 7)), 7 * 7 * 128
    if name == 'dcgan':
        G = nn.Sequential(
            nn.Linear(100, flat), nn.LeakyReLU(0.2), norm(nn.BatchNorm1d, flat), shape,
            *upsampled(128, 64), norm(nn.BatchNorm2d, 64), nn.LeakyReLU(0.2),
            *upsampled(64, 1), nn.Tanh())
        D = nn.Sequential(
            nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(1, 64, 5, 2), nn.LeakyReLU(0.2),
            nn.Dropout(0.3), nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(64, 128, 5, 2),
            nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Flatten(), nn.Linear(flat, 1))
        rates = (0.002, (0.5, 0.999)), (0.002, (0.5, 0.999))
    else:
        G = nn.Sequential(
            nn.Linear(110, 1024), norm(nn.BatchNorm1d, 1024), nn.ReLU(),
            nn.Linear(1024, flat), norm(nn.BatchNorm1d, flat), nn.ReLU(), shape,
            *upsampled(128, 64), norm(nn.BatchNorm2d, 64), nn.ReLU(),
            *upsampled(64, 1), nn.Tanh())
        D = nn.Sequential(
            nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(11, 64, 5, 2), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 5, 2), nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(3200, 256), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(256, 1))
        rates = (1e-5, (0.1, 0.999)), (8e-5, (0.5, 0.999))
    optimizers = [torch.optim.Adam(net.parameters(), rate, betas, eps=1e-7)
                  for net, (rate, betas) in zip((D, G), rates)]
    loss, data = nn.BCEWithLogitsLoss(), Data(name)
    one, zero = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    def tensor(array):
        return torch.from_numpy(array.astype(np.float32))

    def images():
        x, labels = data.batch(BATCH)
        return tensor(x).permute(0, 3, 1, 2).contiguous(), tensor(labels)

    def with_planes(x, labels):
        planes = labels[:, :, None, None].expand(-1, -1, 28, 28)
        return torch.cat([x, planes], 1)

    def fakes(z):
        G.eval()
        with torch.no_grad():
            result = G(z)
        G.train()
        return result

    def update(player, x, target):
        optimizer = optimizers[player]
        for parameter in D.parameters():
            parameter.requires_grad_(player == 0)
        optimizer.zero_grad()
        value = loss(D(x()), target)
        value.backward()
        optimizer.step()
        return value.item()

    def dcgan():
        x, _ = images()
        update(0, lambda: x, one)
        z = tensor(data.noise(BATCH))
        update(0, lambda: fakes(z), zero)
        update(1, lambda: G(z), one)

    def conditional():
        x, labels = images()
        z, wanted = map(tensor, data.noise(BATCH))
        update(0, lambda: with_planes(torch.cat([x, fakes(torch.cat([z, wanted], 1))]),
                                      torch.cat([labels, wanted])),
               torch.cat([one, zero]))
        z, wanted = map(tensor, data.noise(BATCH))
        update(1, lambda: with_planes(G(torch.cat([z, wanted], 1)), wanted), one)

    return {'dcgan': dcgan, 'conditional': conditional}[name], torch.__version__


def main(mkl: str, torch: str) -> None:
    """Measure both pairs of both tutorials, and write the file."""
    import tables
    found = []
    for name in TUTORIALS:
        for ours, side, theirs in ((sys.executable, 'keras', sys.executable),
                                   (mkl, 'torch', torch)):
            found.append({'tutorial': name, 'against': side, **side_by_side.measure(
                [ours, __file__, 'tf1gan', name], [theirs, __file__, side, name],
                BLOCKS)})
            print(found[-1], flush=True)
    tables.store('speed/convolutions.json', {'steps': found})


STEP = {'tf1gan': side_by_side.tf1gan_step, 'keras': keras_step, 'torch': torch_step}

if __name__ == '__main__':
    if sys.argv[1] in STEP:
        side_by_side.work(*STEP[sys.argv[1]](sys.argv[2]), STEPS)
    else:
        main(*sys.argv[1:])
