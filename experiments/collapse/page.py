"""What the page beside this file quotes."""

from tables import load, machine, table


def ladder() -> str:
    """Return what every rung made, as a table and a sentence."""
    found = load('collapse/ladder.json')
    rows = []
    for rung in sorted({each['rung'] for each in found['runs']}):
        runs = [each for each in found['runs'] if each['rung'] == rung]
        distances = [each['mean_distance'] for each in runs]
        share = sum(distances) / len(distances) / found['real_digits']
        rows.append([rung, ', '.join(f'{value:.2f}' for value in distances),
                     f'{100 * share:.1f} %', ', '.join(
                         f'{runs[0][name]:.3f}'
                         for name in ('loss_D_real', 'loss_D_fake', 'loss_G'))])
    return table([
        'rung', '<mean distance of two samples, seeds 0, 1, 2',
        'of that of real digits', '<losses at the end: D real, D fake, G (seed 0)'
    ], rows, (
        f'Two of {found["n_samples"]:,} real digits are {found["real_digits"]:.2f} '
        f'apart on average. Losses: means over the last 10,000 steps. '
        f'{machine(found["environment"])}.'))


def training() -> str:
    """Return rung 1's losses along its training, in the mean of the seeds."""
    found = load('collapse/claims.json')
    rows, n = [], len(found['training'][0]['loss_G'])
    for name, word in (('loss_D_real', 'D, real'), ('loss_D_fake', 'D, fake'),
                       ('loss_G', 'G')):
        means = [sum(seed[name][i] for seed in found['training'])
                 / len(found['training']) for i in range(0, n, 2)]
        rows.append([word, *(f'{mean:.3f}' for mean in means)])
    return table(['<loss', *(f'{60 * i // n},000' if i else '0' for i in
                             range(0, n, 2))], rows, (
        f'Means of windows of {60000 // n:,} steps that begin at the step named, over '
        f'{len(found["training"])} seeds; 0.25 is the equilibrium. '
        f'{machine(found["environment"])}.'))


def claims() -> str:
    """Return what more updates of D, and more epochs, make of a generator."""
    found, rows = load('collapse/claims.json'), []
    groups = [(f'rung 1, {n} updates of D of each kind a step', runs)
              for n, runs in found['often'].items()]
    groups += [(f'rung 4, {n} epoch{"s" * (n != "1")}', runs)
               for n, runs in found['epochs'].items()]
    for name, runs in groups:
        rows.append([name, *(', '.join(f'{run[figure]:.{places}f}' for run in runs)
                             for figure, places in (('digits_covered', 0),
                                                    ('divergence', 2),
                                                    ('confidence', 2),
                                                    ('frechet', 0)))])
    return table(['<', '<digits covered', '<divergence, nats', '<confidence',
                  '<Frechet'], rows, f'Each seed. {machine(found["environment"])}.')


def arithmetic() -> str:
    """Return how much images of summed noise are like sums of the images' pixels."""
    found = load('collapse/claims.json')['arithmetic']
    names = list(next(iter(found.values()))[0])
    rows = [[name, *(f'{sum(run[name] for run in runs) / len(runs):.2f}'
                     for runs in found.values())] for name in names]
    return table(['<correlation of the image of ... with that of ...',
                  *(f'{n} epoch{"s" * (n != "1")}' for n in found)], rows)


def epsilon() -> str:
    """Return what the place of Adam's epsilon changes, as a table."""
    found = load('oracles/oracles.json')
    rows = []
    for name in ('collapse_rung_1', 'collapse_rung_2', 'collapse_rung_3', 'collapse',
                 'minimax', 'minimax_saturating'):
        of = found['steps']['full'][name]
        rows.append([{'collapse': 'collapse_rung_4'}.get(name, name).replace('_', ' '),
                     f'{of["first"]["step"]:.1e}', *(f'{of["all"][kind]:.1e}' for kind
                                                     in ('step', 'loss', 'gradient'))])
    return table(['<', 'weights, 1 step', 'weights, 3 steps', 'losses, 3 steps',
                  'gradients, 3 steps'], rows, f'{machine(found["environment"])}.')
