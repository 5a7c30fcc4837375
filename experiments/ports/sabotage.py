"""Porting mistakes, one at a time, in the PyTorch ports: are they caught, and named?

    python sabotage.py [--check]

Changes a port's source in one place, runs it, compares its trace with the golden one,
and writes sabotage.json beside this file: the first array that differs, the one where
it must be caught first, and the cause that was named. With --check nothing is written:
the status is 1 where the results are not those of the file.
"""

import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Optional

from tf1gan import compare, trace

HERE = Path(__file__).resolve().parent


class Mistake(NamedTuple):
    """A change in a port, where it must show first, and what it should be called."""

    what: str
    port: str               # the tutorial's name
    old: str                # occurs in the port's source
    new: str
    first: str              # how the key of the first difference begins
    named: Optional[str]
    golden: Optional[str] = None    # the trace to replay, if not the package's


D, G = "update = replay.update(step, 'D')", "update = replay.update(step, 'G')"
FRESH = "torch.from_numpy(update.feed('Z', z))       # the same noise"
MISTAKES = [
    Mistake("torch's own Adam", 'vanilla', "group['eps'] = 1e-8 /",
            "group['eps'] = 1e-8 if True else 1e-8 /", 'step_000/D/after/',
            'place of epsilon'),
    Mistake('epsilon 1e-7', 'vanilla', "group['eps'] = 1e-8", "group['eps'] = 1e-7",
            'step_000/D/after/', 'epsilon'),
    Mistake('beta1 0.9 for 0.5', 'dcgan',
            'Adam(D.parameters(), rate, betas=(0.5, 0.999))',
            'Adam(D.parameters(), rate)', 'step_000/D_real/adam_m/', 'beta1'),
    Mistake('beta2 0.99', 'vanilla', 'Adam(D.parameters(), rate)',
            'Adam(D.parameters(), rate, betas=(0.9, 0.99))', 'step_000/D/adam_v/',
            'beta2'),
    Mistake('learning rate 1 % off', 'vanilla', 'Adam(G.parameters(), rate)',
            'Adam(G.parameters(), 1.01 * rate)', 'step_000/G/after/', 'learning rate'),
    Mistake('no bias correction', 'vanilla', 'super().step()', """
        for group in self.param_groups:
            for p in group['params']:
                state = self.state[p]
                if not state:
                    state.update(step=0, exp_avg=torch.zeros_like(p),
                                 exp_avg_sq=torch.zeros_like(p))
                with torch.no_grad():
                    m = state['exp_avg'].lerp_(p.grad, 0.1)
                    v = state['exp_avg_sq'].lerp_(p.grad ** 2, 0.001)
                    p -= group['lr'] * m / (v.sqrt() + 1e-8)""",
            'step_000/D/after/', 'bias correction'),
    Mistake('weight decay', 'vanilla', 'class Adam(torch.optim.Adam)',
            'class Adam(torch.optim.AdamW)', 'step_000/D/after/', 'weight decay'),
    Mistake('gradient descent', 'minimax', '        super().step()', """
        before = [p.detach().clone() for g in self.param_groups for p in g['params']]
        super().step()
        with torch.no_grad():
            for p, old in zip((p for g in self.param_groups for p in g['params']),
                              before):
                p.copy_(old - 0.01 * p.grad)""",
            'step_000/D/after/', 'another optimizer'),
    Mistake("an Adam for each of D's updates", 'dcgan', """\
        loss = bce(logits, zero)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
        put(update, optimizer_D""", """        loss = bce(logits, zero)
        optimizer_D.zero_grad()
        loss.backward()
        if step == 0:
            other_D = Adam(D.parameters(), rate, betas=(0.5, 0.999))
        other_D.step()
        put(update, other_D""", 'step_000/D_fake/adam_m/',
            'an optimizer for each update'),
    Mistake("D_fake goes on without D_real's state", 'dcgan', """\
        loss = bce(logits, zero)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()
""", """\
        loss = bce(logits, zero)
        optimizer_D.zero_grad()
        loss.backward()
        if step == 0:
            optimizer_D = Adam(D.parameters(), rate, betas=(0.5, 0.999))
        else:
            optimizer_D.load_state_dict(kept)
        optimizer_D.step()
        kept = __import__('copy').deepcopy(optimizer_D.state_dict())
""", 'step_000/D_fake/adam_m/', 'state of the updates between lost'),
    Mistake('both networks under autocast to bfloat16', 'dcgan',
            "if __name__ == '__main__':", '''
def narrow(kind):
    forward = kind.forward
    def inside(self, x):
        with torch.autocast('cpu', torch.bfloat16):
            return forward(self, x).float()
    kind.forward = inside
narrow(Generator)
narrow(Discriminator)
plain = BatchNorm1d.forward
BatchNorm1d.forward = lambda self, x: plain(self, x.float())
if __name__ == '__main__':''', 'step_000/D_real/logit/', 'low precision'),
    Mistake('betas exchanged', 'dcgan',
            'Adam(D.parameters(), rate, betas=(0.5, 0.999))',
            'Adam(D.parameters(), rate, betas=(0.999, 0.5))',
            'step_000/D_real/adam_m/', 'beta2 and beta1'),
    Mistake("NAdam, its epsilon where TensorFlow's is", 'minimax',
            'class Adam(torch.optim.Adam)', 'class Adam(torch.optim.NAdam)',
            'step_000/D/after/', 'NAdam'),
    Mistake('1 - beta2 ** t without its root', 'vanilla',
            "group['eps'] = 1e-8 / np.sqrt(1 - group['betas'][1] ** t)", """
            root = np.sqrt(1 - group['betas'][1] ** t)
            group['lr'], group['eps'] = 0.0002 * root, 1e-8 / root""",
            'step_000/D/after/', 'root of the bias correction'),
    Mistake('BatchNorm momentum not complemented', 'dcgan',
            'nn.BatchNorm2d(narrow, eps=1e-3, momentum=0.01)',
            'nn.BatchNorm2d(narrow, eps=1e-3, momentum=0.99)',
            'step_000/G/after/G_norm2_', 'momentum of the moving averages'),
    Mistake("BatchNorm momentum, torch's default", 'dcgan',
            'BatchNorm1d(wide * 7 * 7, eps=1e-3, momentum=0.01)',
            'BatchNorm1d(wide * 7 * 7, eps=1e-3)', 'step_000/G/after/G_norm1_',
            'momentum of the moving averages'),
    Mistake("BatchNorm epsilon, torch's default", 'dcgan',
            'BatchNorm1d(wide * 7 * 7, eps=1e-3, momentum=0.01)',
            'BatchNorm1d(wide * 7 * 7, momentum=0.01)', 'step_000/D_fake/fake/',
            'epsilon of the normalization'),
    Mistake('unbiased moving variance of units', 'dcgan', 'x.var(0, unbiased=False)',
            'x.var(0)', 'step_000/G/after/G_norm1_variance',
            'variance of the moving average'),
    Mistake('biased moving variance of images', 'dcgan',
            'self.norm2 = nn.BatchNorm2d(', 'self.norm2 = Biased2d(',
            'step_000/G/after/G_norm2_variance', 'variance of the moving average'),
    Mistake('symmetric padding for SAME', 'dcgan', 'self.conv1(F.pad(x, (1, 2, 1, 2)))',
            'self.conv1(F.pad(x, (2, 2, 2, 2)))', 'step_000/D_real/logit/',
            'padding'),
    Mistake('dense weights reshaped, not transposed', 'vanilla',
            'variables[name].copy_(torch.from_numpy(value))',
            'variables[name].copy_(torch.from_numpy('
            'replay.golden.arrays["init/" + name].reshape(value.shape)))',
            'init/G_W1', 'weights not transposed'),
    Mistake('flatten order', 'dcgan',
            "'D_W3': trace.Layout((3, 2, 0, 1), (7, 7, wide, 1), (1, -1))",
            "'D_W3': trace.Layout((1, 0))", 'step_000/D_real/logit/',
            'order of flattening'),
    Mistake("LeakyReLU's default slope", 'dcgan', 'F.leaky_relu(self.dense(z), 0.2)',
            'F.leaky_relu(self.dense(z))', 'step_000/D_fake/fake/',
            'slope of the activation'),
    Mistake('LeakyReLU 0.3, as in Keras', 'dcgan',
            'x = self.dropouts[0](F.leaky_relu(x, 0.2))',
            'x = self.dropouts[0](F.leaky_relu(x, 0.3))', 'step_000/D_real/logit/',
            'slope of the activation'),
    Mistake('normalization before the activation', 'dcgan',
            'self.norm1(F.leaky_relu(self.dense(z), 0.2))',
            'F.leaky_relu(self.norm1(self.dense(z)), 0.2)', 'step_000/G/fake/',
            'order of layers'),
    Mistake('fakes in training mode', 'dcgan', 'G.eval()        #', 'pass    #',
            'step_000/D_fake/fake/', 'mode of a network'),
    Mistake("G in inference mode in its update", 'dcgan', 'G.train()', 'pass',
            'step_000/G/fake/', 'mode of a network'),
    Mistake("D's dropout off in G's update", 'dcgan', """\
        fake = G(Z)
        logits = D(fake)""", """\
        fake = G(Z)
        D.eval()
        logits = D(fake)
        D.train()""", 'step_000/G/logit/', 'mode of a network'),
    Mistake("G's update with the dropout masks of D's", 'dcgan',
            '# the same noise\n        draw_masks(update)\n', """# the same noise
        for number in 1, 2:
            update.mask(str(number))
""", 'step_000/G/logit/D_gene', 'mask of another update'),
    Mistake("fakes judged with the real images' labels", 'conditional',
            'logits = D(fake, Z_labels)', 'logits = D(fake, X_labels)',
            'step_000/G/logit/D_gene', 'labels of the other batch'),
    Mistake('dropout without its scale', 'dcgan', 'x * self.mask if',
            'x * (self.mask > 0) if', 'step_000/D_real/logit/', 'dropout scaled'),
    Mistake('fresh noise where it is shared', 'vanilla', FRESH, 'torch.from_numpy('
            "update.feed('Z', rng.normal(size=z.shape).astype(np.float32)))",
            'step_000/G/feed/Z', 'fresh noise'),
    Mistake('shared noise where it is fresh', 'minimax',
            'z = rng.normal(size=(n, n_noise)).astype(np.float32)    # fresh noise',
            'pass', 'step_000/G/feed/Z', 'shared noise'),
    Mistake('noise drawn in float32', 'vanilla',
            'z = rng.normal(size=(n, n_noise)).astype(np.float32)',
            'z = np.random.default_rng(replay.seed).standard_normal('
            '(n, n_noise), np.float32)', 'step_000/D/feed/Z', 'another generator'),
    Mistake('noise from a generator of its own', 'vanilla', 'z = rng.normal(',
            'z = np.random.RandomState(replay.seed).normal(', 'step_000/D/feed/Z',
            'another generator'),
    Mistake('60,000 images', 'vanilla', 'images = mnist.load(None, rng).train', """\
files = mnist.read()
    images = mnist.DataSet(files.train_images.reshape(-1, 784) * np.float32(1 / 255),
                           files.train_labels, rng)""", 'step_000/D/feed/X',
            '60,000 images'),
    Mistake('not shuffled', 'vanilla', 'images.next_batch(n)',
            'images.next_batch(n, shuffle=False)', 'step_000/D/feed/X',
            'not shuffled'),
    Mistake('images in [0, 1] for [-1, 1]', 'dcgan', ' / 255 * 2 - 1,', ' / 255,',
            'step_000/D_real/feed/X', 'image scaling'),
    Mistake('G before D', 'vanilla', '', '', 'step_000/D/fake/',
            'updates in another order'),
    Mistake('simultaneous updates', 'vanilla', '', '', 'step_000/G/logit/',
            'weights of before'),
    Mistake('sum for mean', 'vanilla', 'loss_D = torch.mean(', 'loss_D = torch.sum(',
            'step_000/D/loss', 'sum for mean'),
    Mistake('sum for mean in the gradient only', 'vanilla', '(-loss_D).backward()',
            '(-loss_D * n).backward()', 'step_000/D/grad/', 'sum for mean'),
    Mistake('swapped targets', 'minimax',
            'bce(torch.sigmoid(real), one) + bce(torch.sigmoid(gene), zero)',
            'bce(torch.sigmoid(real), zero) + bce(torch.sigmoid(gene), one)',
            'step_000/D/loss', 'targets exchanged'),
    Mistake('saturating for non-saturating', 'minimax',
            'loss_G = bce(torch.sigmoid(gene), one)',
            'loss_G = -bce(torch.sigmoid(gene), zero)', 'step_000/G/loss',
            'the other objective of G'),
    Mistake('label smoothing', 'dcgan', 'one, zero = torch.ones(n, 1)',
            'one, zero = 0.9 * torch.ones(n, 1)', 'step_000/D_real/loss',
            'smoothed targets'),
    Mistake('probabilities for logits', 'dcgan', 'return self.dense(x.flatten(1))',
            'return torch.sigmoid(self.dense(x.flatten(1)))', 'step_000/D_real/logit/',
            'activation added'),
    Mistake('missing detach', 'vanilla', 'fake = torch.sigmoid(G(Z)).detach()',
            'fake = torch.sigmoid(G(Z))', 'step_000/G/grad/', 'gradients not zeroed'),
    Mistake('gradients not zeroed', 'minimax', 'optimizer_G.zero_grad()', 'pass',
            'step_001/G/grad/', 'gradients not zeroed'),
    Mistake("D's gradients not zeroed after G's", 'dcgan', """\
        loss = bce(logits, one)
        optimizer_D.zero_grad()
        loss.backward()
        optimizer_D.step()""", """\
        loss = bce(logits, one)
        loss.backward()
        optimizer_D.step()""", 'step_001/D_real/grad/', 'gradients not zeroed'),
    Mistake('the loss raised', 'minimax', 'loss_G.backward()', '(-loss_G).backward()',
            'step_000/G/grad/', 'sign of the gradient'),
    Mistake('gradient step on both networks', 'vanilla',
            'fake = torch.sigmoid(G(Z)).detach()', 'fake = torch.sigmoid(G(Z))',
            'step_000/D/after/', 'step on both networks'),
    Mistake("a clamp in vanilla's logs", 'vanilla',
            'loss_G = torch.mean(torch.log(torch.sigmoid(gene)))',
            'loss_G = torch.log(torch.sigmoid(gene)).clamp(min=-100).mean()',
            'step_000/G/loss', 'another loss', 'saturated_vanilla.npz'),
    Mistake('infinity where golden is finite', 'minimax',
            'loss_G = bce(torch.sigmoid(gene), one)',
            'loss_G = -torch.mean(torch.log(torch.sigmoid(gene)) if step '
            'else -bce(torch.sigmoid(gene), one))', 'step_001/G/loss',
            'another loss', 'saturated_minimax.npz'),
    Mistake('NaN on one side', 'minimax', 'loss_G = bce(torch.sigmoid(gene), one)',
            'p = torch.sigmoid(gene); loss_G = -torch.mean(p * torch.log(p)) if step '
            'else bce(p, one)', 'step_001/G/loss', None,
            'saturated_minimax.npz')]

BIASED_2D = '''

class Biased2d(nn.BatchNorm2d):
    def forward(self, x):
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
            self.running_var.lerp_(x.var((0, 2, 3), unbiased=False), self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0., self.eps)
'''


def mutated(mistake: Mistake) -> str:
    """Return the port's source with the mistake in it."""
    source = (HERE / f'pytorch_{mistake.port}.py').read_text()
    if mistake.what in ('G before D', 'simultaneous updates'):
        start, middle = source.index('        ' + D), source.index('        ' + G)
        end = source.index('    return replay')
        updates = source[start:middle].rstrip() + '\n', source[middle:end]
        if mistake.what == 'G before D':
            return source[:start] + updates[1] + updates[0] + source[end:]
        step = '        optimizer_D.step()\n'
        put = updates[0][updates[0].index('        put('):]
        first = updates[0].replace(step, '').replace(put, '')
        second = updates[1].replace('        optimizer_G.step()\n', '')
        second_put = second[second.index('        put('):]
        second = second.replace(second_put, '').replace('update', 'other').replace(
            'replay.other', 'replay.update').replace(
            '(-loss_G).backward()', 'optimizer_G.zero_grad(); (-loss_G).backward('
            'inputs=list(G.parameters()))')
        kept = ("kept = dict(fake={'G': fake}, loss=loss_D, "
                "logit={'D_real': real, 'D_gene': gene})")
        return (source[:start] + first + f'        {kept}\n' + second
                + step + "        put(update, optimizer_D, variables, 'D', **kept)\n"
                + '        optimizer_G.step()\n'
                + second_put.replace('put(update', 'put(other') + source[end:])
    assert source.count(mistake.old) >= 1, f'{mistake.old!r} is not in the port'
    source = source.replace(mistake.old, mistake.new)
    if mistake.what == 'gradient step on both networks':
        source = source.replace('Adam(D.parameters(), rate)',
                                'Adam([*D.parameters(), *G.parameters()], rate)')
    if 'Biased2d' in source:
        source = source.replace('\n\nclass Dropout', BIASED_2D + '\n\nclass Dropout')
    return source


def judge(source: str, golden: str) -> compare.Report:
    """Run a port's source; return how its trace compares."""
    module = ModuleType('port')
    exec(source, module.__dict__)
    replay = module.port(golden)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'mine.npz'
        replay.save(path)
        return compare.compare(replay.golden, trace.load(path))


def main() -> int:
    """Judge the ports as they are, then every mistake; return the exit status."""
    unmutated, rows = {}, []
    for port, golden in (('vanilla', 'vanilla'), ('minimax', 'minimax'),
                         ('dcgan', 'dcgan'), ('vanilla', 'saturated_vanilla.npz'),
                         ('minimax', 'saturated_minimax.npz')):
        path = str(HERE / golden) if golden.endswith('.npz') else golden
        report = judge((HERE / f'pytorch_{port}.py').read_text(), path)
        unmutated[golden] = {'status': report.status, 'arrays': report.n_arrays}
        print(f'{golden}: the port as it is has status {report.status}')
    for mistake in MISTAKES:
        golden = str(HERE / mistake.golden) if mistake.golden else mistake.port
        report = judge(mutated(mistake), golden)
        first = report.differences[0].key if report.differences else None
        row = {'mistake': mistake.what, 'port': mistake.port, 'first': first,
               'caught': bool(first and first.startswith(mistake.first)),
               'cause': report.cause.name if report.cause else None,
               'sentence': report.cause.sentence if report.cause else None}
        expected = row['cause'] == mistake.named
        row['named'] = expected and row['cause'] is not None
        rows.append(row)
        print(f'{mistake.what}: {first}, {row["cause"]}'
              + ('' if row['caught'] and expected else '   <-- not as expected'))
    found = {'unmutated': unmutated, 'mistakes': rows}
    path = HERE / 'sabotage.json'
    if '--check' in sys.argv:
        same = json.loads(path.read_text()) == found
        print('as in sabotage.json' if same else 'not as in sabotage.json')
        return int(not same)
    path.write_text(json.dumps(found, indent=2) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
