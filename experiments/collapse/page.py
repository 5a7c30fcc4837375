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


def epsilon() -> str:
    """Return what the place of Adam's epsilon changes, as a table."""
    found = load('collapse/epsilon.json')
    rows = [[name[:-5], *(f'{value:.1e}' for value in values.values())]
            for name, values in found.items() if name != 'environment']
    return table(['<oracle', 'weights, 1 step', 'weights, 20 steps', 'losses, 20 steps',
                  'gradients, 20 steps'], rows, f'{machine(found["environment"])}.')
