"""What the page beside this file quotes."""

from speed.speed import median
from tables import load, machine, table

from tf1gan import TUTORIALS, spread

FIGURES = {'digits_covered': 'digits covered', 'divergence': 'divergence, nats',
           'confidence': 'confidence', 'frechet': 'Frechet'}


def today(part: str) -> str:
    """Return one of the page's three tables."""
    found = load('today/today.json')
    return {'traces': traces, 'builds': other_builds, 'runs': runs}[part](
        found[part], found['environments'][part])


def traces(found: dict, where: dict) -> str:
    """Return the worst array of each trace, in limits."""
    rows = []
    for which in 'newest', 'oldest':
        for name in TUTORIALS:
            each = found[which]['tutorials'][name]
            here = each['gradient_from_float64']
            rows.append([name, found[which]['tensorflow'], each['n_arrays'],
                         each['equal'], each['differences'], f'{each["limits"]:.2f}',
                         f'`{each["worst"]}`', f'{here["here"]:.1e}',
                         f'{here["golden"]:.1e}'])
    return table(['<', 'TensorFlow', 'arrays', 'equal to the bit', 'beyond a limit',
                  'worst, in limits', '<which is', 'worst gradient from float64',
                  "that of 1.15"], rows, f'{machine(where)}.')


def other_builds(found: list, where: dict) -> str:
    """Return what each build makes of the golden traces, on how many threads."""
    rows = []
    for each in found:
        build, tutorials = each['environment'], each['tutorials'].values()
        rows.append([
            build['tensorflow'] + (', MKL' * ('mkl' in build) or ', oneDNN' * bool(
                build.get('onednn'))), build['python'], build['threads'],
            f'{sum(one["equal"] for one in tutorials)} of '
            f'{sum(one["n_arrays"] for one in tutorials)}',
            sum(one['differences'] for one in tutorials),
            f'{max(one["limits"] for one in tutorials):.2f}'])
    return table(['<TensorFlow', '<Python', 'threads', 'equal to the bit',
                  'beyond a limit', 'worst, in limits'], rows,
                 f'All five golden traces anew. {machine(where)}.')


def runs(found: dict, where: dict) -> str:
    """Return the figures of the seeds, and whether the reference's spread has them."""
    rows = []
    for name in found:
        verdict = spread.load(name).judge(found[name])
        held = {each.figure: each for each in verdict.held}
        for figure, words in FIGURES.items():
            seeds = [run[figure] for run in found[name]]
            row = [name if figure == 'digits_covered' else '', words,
                   ', '.join(f'{value:.3g}' for value in seeds)]
            if figure in held:
                each = held[figure]
                row += [f'{each.yours:.3g}', f'{each.low:.3g} to {each.high:.3g}',
                        f'outside, {each.outside}' if each.outside else 'inside']
            else:
                row += ['', '', '']
            rows.append(row)
    of = '; '.join(str(spread.load(name)) for name in found)
    return table(['<', '<', 'its seeds', 'mean', "inside the reference's spread",
                  '<that is'], rows,
                 f'The reference: {of}. {machine(where)}.')


def today_steps() -> str:
    """Return the time of a step on 1.15, and on TensorFlow 2, with oneDNN too."""
    found, rows = load('speed/speed.json'), []
    for name, sides in found['steps'].items():
        one, row = sides['tf1gan, stock build'], []
        for side in 'tf1gan, TensorFlow 2', 'tf1gan, TensorFlow 2, oneDNN':
            two = sides[side]
            each = [a / b for a, b in zip(two['ms'], one['ms'])]
            row += [f'{median(two):.3g}', f'{median(two) / median(one):.2f} '
                    f'({min(each):.2f} to {max(each):.2f})']
        rows.append([name, f'{median(one):.3g}', *row])
    return table(['<', f'{one["version"]}, ms', f'TensorFlow {two["version"]}, ms',
                  '<ratio (lowest to highest block)', 'with oneDNN, ms', '<ratio'],
                 rows, f'{machine(found["environment"])}.')
