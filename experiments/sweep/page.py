"""What the page beside this file quotes."""

import json

import numpy as np
from sweep.seed import GROUPS
from tables import HERE, load, table

from tf1gan import curve, spread


def seeds() -> str:
    """Return how many seeds of each group have curves, as a table."""
    found = json.loads(curve.FILE.read_text())
    return table(['<tutorial', '<group', 'steps', 'seeds'], [
        [tutorial, group, f'{each["steps"]:,}',
         len(next(iter(each['curves'].values())))]
        for tutorial, groups in found.items() for group, each in groups.items()])


def training() -> str:
    """Return each judged group's figures along training, as a table."""
    rows, below = [], []
    for name, group in GROUPS.items():
        if not (HERE / 'sweep' / f'{name}.json').exists():
            continue
        seeds = load(f'sweep/{name}.json')['seeds']
        label = f'{group.tutorial}{group.name and ", "}{group.name}'
        machines = {}
        for seed in seeds:
            machines.setdefault(seed['trained']['cpu'], []).append(seed['points'][-1])
        below.append(f'{label}: ' + '; '.join(
            f'{len(ends)} seeds on an {cpu}, divergence at the end '
            f'{np.mean([end["divergence"] for end in ends]):.2f} ± '
            f'{np.std([end["divergence"] for end in ends], ddof=1):.2f}, Frechet '
            f'{np.mean([end["frechet"] for end in ends]):.1f} ± '
            f'{np.std([end["frechet"] for end in ends], ddof=1):.1f}'
            for cpu, ends in sorted(machines.items())) + '.')
        for n, steps in enumerate(group.points()):
            there = [seed['points'][n] for seed in seeds if len(seed['points']) > n]
            rows.append([label if n == 0 else '', f'{steps:,}', len(there), *(
                f'{np.mean([each[figure] for each in there]):.{places}f} ± '
                f'{np.std([each[figure] for each in there], ddof=1):.{places}f}'
                for figure, places in (('D_x', 2), ('D_G_z', 2), ('divergence', 2),
                                       ('confidence', 3), ('frechet', 1)))])
    return table(['<', 'steps', 'seeds', 'D(x)', 'D(G(z))', 'divergence, nats',
                  'confidence', 'Frechet'], rows, '\n\n'.join(below))


def found_wrong() -> str:
    """Return what the two checks say of each wrong run, as a table."""
    rows = []
    for run in load('sweep/trials.json')['runs']:
        if run['wrong']:
            looks = run['sentence'].partition('): ')[2] or run['sentence']
            rows.append([run['tutorial'], run['wrong'], run['curve'], *(
                [looks if run['curve'] == 'outside' else ''] if run['ends'] else
                [run['sentence'].partition(': ')[2]]),
                run.get('against', 'the run ended'), ', '.join(run.get('outside', []))])
    return table(['<', '<what is wrong', '<its curve is', '<and looks like',
                  '<its images are', '<by'], rows)


def false_alarms() -> str:
    """Return how many right runs the two checks call outside, in sentences."""
    found = load('sweep/trials.json')
    right = [run for run in found['runs'] if not run['wrong']]
    wrong = [run for run in found['runs'] if run['wrong']]

    def outside(runs, check):
        return sum(run.get(check) == 'outside' for run in runs)

    either = sum('outside' in (run['curve'], run.get('against')) for run in wrong)
    told = sum(point['told'] for point in found['left_out'])
    return (f'Of {len(wrong)} wrong runs `curve` calls {outside(wrong, "curve")} '
            f'outside, `evaluate --against` {outside(wrong, "against")} and one of the '
            f'two {either}. Of {len(right)} right ones, of other seeds than the '
            f"bands', `curve` calls {outside(right, 'curve')} outside and `evaluate "
            f'--against` {outside(right, "against")}. Of the {told} seeds and points '
            'of training where the other seeds can tell, a seed that is left out is '
            f"outside at {sum(point['outside'] for point in found['left_out'])}.\n")


def in_jax() -> str:
    """Return what the two checks say of the ports to JAX, many seeds of each."""
    found, groups, right = load('sweep/in_jax.json'), {}, {}
    fives = {(each['group'], each['other']): each for each in found['together']}
    for run in found['runs']:
        groups.setdefault((run['group'], run['other']), []).append(run)
    rows = []
    for (name, other), runs in groups.items():
        by_curve, by_images = ({run['seed'] for run in runs if run.get(check) ==
                                'outside'} for check in ('curve', 'against'))
        five = fives[name, other]
        rows.append([
            GROUPS[name].tutorial if not other else '', other or '**nothing**',
            len(runs), len(by_curve), len(by_images), len(by_curve | by_images),
            f'{five["outside"]} of {five["fives"]}' if five['fives'] else '-',
            sum('against' not in run for run in runs)])
        if not other:
            right[GROUPS[name].tutorial] = len(runs), len(by_curve), len(by_images)
    runs, by_curve, by_images = map(sum, zip(*right.values()))
    machines = {f'an {each["device"]}, JAX {each["jax"]}, optax {each["optax"]}'
                for each in found['trained'].values()}
    return table(['<', '<what is other', 'runs', 'outside by its curve',
                  'by its images', 'by either', 'five at once, by images',
                  'NaN before the end'], rows, (
        f'Of the {runs} right runs, of {" and ".join(right)}, {by_curve} are outside '
        f'by their curve, where {runs / 21:.0f} are expected, and {by_images} by '
        f'their images, where {spread.ERROR_RATE * runs:.0f} at most are.\n\n'
        f'Trained on {"; ".join(sorted(machines))}, '
        f'{np.mean(found["seconds"]):.0f} s a row. {len(groups)} of the '
        f'{found["trials"]} rows of the program have been trained.'))


def slurm() -> str:
    """Return what a sweep under Slurm did, in a sentence."""
    found = load('sweep/slurm.json')
    return (f'Slurm {found["slurm"]}, Snakemake {found["snakemake"]}: '
            f'{found["seeds"]} seeds of {found["steps"]:,} steps, at most '
            f'{found["at_once"]} jobs at once. One was killed after more than '
            f'{found["killed_after"]:,} steps: the first call ended with '
            f'{found["done"]} seeds done, the second with {found["done_after"]}, and a '
            f'third had {found["third_call"]} to train. The killed one has the bits '
            f'of an undisturbed run: {"yes" if found["same_bits"] else "no"}.\n')
