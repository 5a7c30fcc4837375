"""The sources of `collapse` and `minimax` in their own framework, PyTorch.

    python in_pytorch.py TRACE OUT

Takes the steps of a trace (a path, or a tutorial's name for the golden one) from its
weights, images and noise, with torch.nn and torch.optim as they are, and writes what
came out as a trace.
"""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tf1gan import trace        # noqa: E402

LAYOUTS = {f'{player}_W{number}': trace.Layout((1, 0))
           for player in 'DG' for number in (1, 2)}


def networks(replay):
    """Return G and D, at the trace's sizes."""
    config = replay.config
    game, n_hidden = replay.golden.meta['tutorial'] == 'minimax', config['n_hidden']
    n_noise = len(replay.golden.arrays['init/G_W1'])

    def network(n_in, n_out, out):
        if game:
            hidden = [nn.ReLU()]
        elif config['rung'] == 1:
            hidden = [nn.Sigmoid()]
        else:
            hidden = [nn.LeakyReLU(0.02), nn.LayerNorm(n_hidden)]
        return nn.Sequential(nn.Linear(n_in, n_hidden), *hidden,
                             nn.Linear(n_hidden, n_out), out)

    return (network(n_noise, 784, nn.Tanh() if game else nn.Sigmoid()),
            network(784, 1, nn.Sigmoid()))


def named(net, player):
    """Return a network's parameters by their names in a trace, in the forward order."""
    names = ['W1', 'b1', 'gain', 'shift', 'W2', 'b2']
    parameters = list(net.parameters())
    if len(parameters) == 4:
        names = [name for name in names if name[-1] in '12']
    return {f'{player}_{name}': parameter
            for name, parameter in zip(names, parameters)}


class Source:
    """The networks with their losses and optimizers, and a replay that notes them."""

    def __init__(self, given):
        self.replay = trace.Replay(given, LAYOUTS)
        tutorial, config = self.replay.golden.meta['tutorial'], self.replay.config
        self.G, self.D = networks(self.replay)
        self.parameters = {**named(self.G, 'G'), **named(self.D, 'D')}
        with torch.no_grad():
            for name, value in self.replay.weights().items():
                self.parameters[name].copy_(torch.from_numpy(value))
        self.replay.start(self.parameters)
        self.loss, optimizer, rate = nn.BCELoss(), torch.optim.Adam, 1e-4
        if tutorial == 'minimax':
            rate, self.step = 0.01, self.minimax
        else:
            self.step = self.collapse
            if config['rung'] == 1:
                self.loss, optimizer, rate = nn.MSELoss(), torch.optim.SGD, 0.01
        self.optimizers = {player: optimizer(net.parameters(), lr=rate)
                           for player, net in (('D', self.D), ('G', self.G))}

    def judged(self, x, logits, name):
        """Return D's probability, and note its logit."""
        logits[name] = self.D[:-1](x)
        return self.D[-1](logits[name])

    def against(self, output, target):
        """Return the loss of an output with the same target for all."""
        return self.loss(output, torch.full_like(output, target))

    def move(self, update, loss, logits, **fakes):
        """Let one network go down the slope of a loss."""
        player = update.name[0]
        self.optimizers[player].zero_grad()
        loss.backward()
        update.put('loss', loss.item())
        update.put('logit', logits)
        update.put('fake', fakes)
        update.put('grad', {name: parameter.grad for name, parameter
                            in self.parameters.items() if name[0] == player})
        self.optimizers[player].step()
        update.put('after', self.parameters)

    def collapse(self, step):
        """Update D on an image, D on an image of G's, G through D on fresh noise."""
        update, logits = self.replay.update(step, 'D_real'), {}
        x = torch.from_numpy(update.feed('X'))
        self.move(update, self.against(self.judged(x, logits, 'D_real'), 1), logits)

        update, logits = self.replay.update(step, 'D_fake'), {}
        fake = self.G(torch.from_numpy(update.feed('Z'))).detach()
        self.move(update, self.against(self.judged(fake, logits, 'D_gene'), 0), logits,
                  G=fake)

        update, logits = self.replay.update(step, 'G'), {}
        fake = self.G(torch.from_numpy(update.feed('Z')))
        self.move(update, self.against(self.judged(fake, logits, 'D_gene'), 1), logits,
                  G=fake)

    def minimax(self, step):
        """Update D on both batches in one loss, G through D on fresh noise."""
        update, logits = self.replay.update(step, 'D'), {}
        x = torch.from_numpy(update.feed('X'))
        fake = self.G(torch.from_numpy(update.feed('Z'))).detach()
        loss = (self.against(self.judged(x, logits, 'D_real'), 1)
                + self.against(self.judged(fake, logits, 'D_gene'), 0))
        self.move(update, loss, logits, G=fake)

        update, logits = self.replay.update(step, 'G'), {}
        fake = self.G(torch.from_numpy(update.feed('Z')))
        output = self.judged(fake, logits, 'D_gene')
        if self.replay.config['objective'] == 'saturating':
            loss = -self.against(output, 0)     # mean log(1 - D(G(z)))
        else:
            loss = self.against(output, 1)
        self.move(update, loss, logits, G=fake)


if __name__ == '__main__':
    torch.set_num_threads(1)
    source = Source(sys.argv[1])
    for number in range(source.replay.n_steps):
        source.step(number)
    source.replay.save(sys.argv[2], torch=torch.__version__)
