"""What the page beside this file quotes."""

from tables import load, machine, table

KINDS = 'loss', 'logit', 'image', 'gradient', 'average', 'weight', 'step'
FIGURES = {'loss_D': 'D loss', 'loss_G': 'G loss', 'digits_covered': 'digits covered',
           'confidence': 'confidence', 'frechet': 'Frechet', 'nearest': 'nearest'}
TITLES = {'collapse': 'collapse, rung 4'}


def oracles(part: str) -> str:
    """Return one of the page's tables."""
    found = load('oracles/oracles.json')
    if part == 'epoch':
        return epoch(found['epoch'], found['environment'])
    if part == 'releases':
        return table(['<', '<release', 'steps', '<what the judge names'], [
            [title(name), each['release'], each['steps'],
             ', '.join(each['named']) or 'nothing']
            for name, each in found['steps']['golden'].items() if 'named' in each])
    rows = []
    for name, each in found['steps'][part].items():
        for words in 'first', 'all':
            rows.append([title(name) if words == 'first' else '',
                         {'first': 1, 'all': each['steps']}[words],
                         *(f'{each[words][kind]:.1e}' if kind in each[words] else ''
                           for kind in KINDS)])
    return table(['<', 'steps', *KINDS[:5], 'weight, worst', 'weights, all'], rows,
                 f'{machine(found["environment"])}, one thread.')


def title(name: str) -> str:
    """Return a case in words."""
    return TITLES.get(name, name.replace('_', ', ', 1).replace('_', ' '))


def epoch(found: dict, where: dict) -> str:
    """Return the losses and figures of both releases' seeds, side by side."""
    rows = []
    for figure, words in FIGURES.items():
        seeds = [[run[figure] for run in runs] for runs in found['runs'].values()]
        means = [sum(values) / len(values) for values in seeds]
        inside = [min(theirs) <= mean <= max(theirs)
                  for mean, theirs in zip(means, reversed(seeds))]
        row = [words]
        for values, mean in zip(seeds, means):
            row += [', '.join(f'{value:.4g}' for value in values), f'{mean:.4g}']
        rows.append([*row, 'yes' if all(inside) else 'no'])
    apart = '; '.join(f'step {step}: {value:.1e}'
                      for step, value in found['losses_apart'].items())
    first, second = found['runs']
    return table(['<', f'{first}, its seeds', 'mean', f'{second}, its seeds', 'mean',
                  "<each mean inside the other's seeds"], rows, (
        f'Losses: means of the last 100 of 550 steps. The same seed has the same '
        f'initial weights on both; how far its losses are then apart, the most of the '
        f'seeds: {apart}. {machine(where)}, one thread.'))
