"""Fill in the numbers that the pages quote, from what the programs wrote.

    make pages            fills in README.md and experiments/*/README.md
    fill_pages.py --check      only says which page differs, and fails if one does

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end -->`; NAME is a
function below, and what it returns stands between the two.
"""

import ast
import csv
import json
import re
import sys
from pathlib import Path
from typing import List

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tf1gan import TUTORIALS, evaluate, spread      # noqa: E402

PLACE = re.compile(r'(<!-- numbers: (\w+) ?(\w*) -->\n)(.*?)(<!-- end -->)',
                   re.DOTALL)


def load(path: str):
    """Return a JSON file of the experiments."""
    return json.loads((HERE / path).read_text())


def rows_of(folder: str) -> list:
    """Return the rows of a committed log, numbers as floats."""
    with open(str(HERE / folder / 'log.csv')) as file:
        return [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)]


def machine(found: dict) -> str:
    """Return a machine in words: cores, CPU, threads."""
    threads = found.get('threads')
    words = {None: '', 1: ', one thread',
             "TensorFlow's own": ", TensorFlow's own choice of threads"}.get(
                 threads, f', {threads} threads')
    return f'{found["cores"]} cores of an {found["cpu"]}{words}'


def lists(name: str) -> str:
    """Return what a tutorial's docstring says is as found, guessed, departed from."""
    source = (HERE.parent / 'tf1gan' / f'{name}.py').read_text()
    doc = ast.get_docstring(ast.parse(source))
    rows = ['| | |', '|---|---|']
    for title, word in (('As found', 'As found'), ('Guesses', 'Guess'),
                        ('Departures', 'Departure')):
        part = re.search(rf'^{title} \(.*?\):\n(.*?)(?=^\S|\Z)', doc,
                         re.MULTILINE | re.DOTALL).group(1)
        for item in re.split(r'^  - ', part, flags=re.MULTILINE)[1:]:
            text = ' '.join(item.split()).rstrip(';.')
            rows.append(f'| {word} | {text} |')
    return '\n'.join(rows) + '\n'


def run(folder: str) -> str:
    """Return a committed run's losses and time as a table and a sentence."""
    rows, where = rows_of(folder), load(f'{folder}/env.json')
    seconds = [row['seconds'] for row in rows]
    lines = ['| epoch | D loss | G loss |', '|---:|---:|---:|']
    lines += [f'| {row["epoch"]:.0f} | {row["loss_D"]:.4f} | {row["loss_G"]:.4f} |'
              for row in rows if row['epoch'] == 0 or row['epoch'] % 10 == 9]
    return '\n'.join(lines) + (
        f'\n\n{len(rows)} epochs took {sum(seconds) / 60:.1f} minutes, '
        f'{min(seconds):.1f} to {max(seconds):.1f} seconds an epoch, on '
        f'{machine(where)} ({where["device"]}), with TensorFlow '
        f'{where["tensorflow"]} and Python {where["python"]}.\n')


def minutes(folder: str) -> str:
    """Return how long a committed run took, in a sentence."""
    seconds = sum(row['seconds'] for row in rows_of(folder))
    where = load(f'{folder}/env.json')
    return f'The whole run took {seconds / 60:.0f} minutes on {machine(where)}.\n'


def ladder() -> str:
    """Return what every rung made, as a table and a sentence."""
    found = load('collapse/ladder.json')
    lines = ['| rung | mean distance of two samples, seeds 0, 1, 2 | of that of real '
             'digits | losses at the end: D real, D fake, G (seed 0) |',
             '|---:|---|---:|---|']
    for rung in sorted({each['rung'] for each in found['runs']}):
        runs = [each for each in found['runs'] if each['rung'] == rung]
        distances = [each['mean_distance'] for each in runs]
        share = sum(distances) / len(distances) / found['real_digits']
        lines.append(
            f'| {rung} | {", ".join(f"{value:.2f}" for value in distances)} | '
            f'{100 * share:.1f} % | {runs[0]["loss_D_real"]:.3f}, '
            f'{runs[0]["loss_D_fake"]:.3f}, {runs[0]["loss_G"]:.3f} |')
    return '\n'.join(lines) + (
        f'\n\nTwo of {found["n_samples"]:,} real digits are {found["real_digits"]:.2f} '
        f'apart on average. Losses: means over the last 10,000 steps. '
        f'{machine(found["environment"])}.\n')


def epsilon() -> str:
    """Return what the place of Adam's epsilon changes, as a table."""
    found = load('collapse/epsilon.json')
    lines = ['| oracle | weights, 1 step | weights, 20 steps | losses, 20 steps | '
             'gradients, 20 steps |', '|---|---:|---:|---:|---:|']
    for name, values in found.items():
        if name != 'environment':
            lines.append(f'| {name[:-5]} | ' + ' | '.join(
                f'{value:.1e}' for value in values.values()) + ' |')
    return '\n'.join(lines) + f'\n\n{machine(found["environment"])}.\n'


def ladder_step() -> str:
    """Return what a step of the ladder costs beside PyTorch's, as a table."""
    found = load('speed/ladder_step.json')
    lines = ['| rung | threads, tf1gan / PyTorch | tf1gan, ms | PyTorch, ms | ratio '
             '(lowest to highest block) |', '|---:|---|---:|---:|---|']
    for step in found['steps']:
        threads = '1 / 1' if step['threads'] == 1 else 'each its default'
        lines.append(f'| {step["rung"]} | {threads} | {step["tf1gan_ms"]:.2f} | '
                     f'{step["torch_ms"]:.2f} | {step["ratio"]:.2f} '
                     f'({step["ratio_min"]:.2f} to {step["ratio_max"]:.2f}) |')
    return '\n'.join(lines) + (
        f'\n\nPyTorch {found["steps"][0]["torch"]}, '
        f'{machine(found["environment"])}.\n')


def minimax_run() -> str:
    """Return the committed runs' losses under both objectives, and their time."""
    runs = [rows_of(f'minimax/{objective}')
            for objective in ('non-saturating', 'saturating')]
    total = sum(row['seconds'] for rows in runs for row in rows)
    lines = ['| epoch | D loss, non-saturating | G loss | D loss, saturating '
             '| G loss |',
             '|---:|---:|---:|---:|---:|']
    for rows in zip(*runs):
        epoch = rows[0]['epoch']
        if epoch == 0 or epoch % 10 == 9:
            lines.append(f'| {epoch:.0f} | ' + ' | '.join(
                f'{row[name]:.4f}' for row in rows
                for name in ('loss_D', 'loss_G')) + ' |')
    where = load('minimax/saturating/env.json')
    return '\n'.join(lines) + (
        f'\n\nBoth runs together took {total / 60:.0f} minutes on {machine(where)}, '
        f'with TensorFlow {where["tensorflow"]}.\n')


def minimax_slopes() -> str:
    """Return the gradient norms at G and the mean D(G(z)), window by window."""
    found = load('minimax/slopes.json')
    norms, D_gene = found['gradient_norm_median'], found['D_gene_mean']
    lines = ['| steps | norm at G, saturating | norm at G, non-saturating '
             '| D(G(z)), saturating | D(G(z)), non-saturating |',
             '|---|---:|---:|---:|---:|']
    for window in sorted(norms['saturating'], key=lambda name: int(name.split('-')[0])):
        cells = [table[objective][window] for table in (norms, D_gene)
                 for objective in ('saturating', 'non-saturating')]
        lines.append(f'| {window} | '
                     + ' | '.join(f'{cell:.2g}' for cell in cells) + ' |')
    where = found['environment']
    return '\n'.join(lines) + (
        f'\n\nThe norms are medians over the steps, D(G(z)) is a mean. '
        f'{found["steps"]} steps with batches of {found["batch_size"]}, '
        f'Adam {found["learning_rate"]}, seed {found["seed"]}, '
        f'{found["threads"]} thread of an {where["cpu"]}, TensorFlow '
        f'{where["tensorflow"]}.\n')


def minimax_density() -> str:
    """Return the sums, the areas and the largest deviations, as a table."""
    found = load('minimax/density.json')
    die, wide, narrow = (found[part] for part in (
        'die', 'standard_normal', 'narrow_normal'))
    return '\n'.join([
        '| | sum of the values | area | highest value | largest deviation |',
        '|---|---:|---:|---:|---:|',
        f'| die, mass function | {die["sum_of_masses"]:.3f} | - | {1 / 6:.3f} | - |',
        f'| die, shares of {die["throws"]:,} throws | {die["sum_of_shares"]:.3f} | - | '
        f'{max(die["counts"]) / die["throws"]:.3f} | {die["largest_deviation"]:.3f} |',
        f'| N(0, 1), density | - | {wide["integral"]:.3f} | {wide["peak"]:.3f} | - |',
        f'| N(0, 1), histogram of {wide["draws"]:,} draws | '
        f'{wide["sum_of_heights"]:.3f} | {wide["area_of_histogram"]:.3f} | - | '
        f'{wide["largest_deviation"]:.3f} |',
        f'| normal with sigma {narrow["sigma"]}, density | - | '
        f'{narrow["integral"]:.3f} | {narrow["peak"]:.3f} | - |',
        f'\nThe faces 1 to 6 came {", ".join(map(str, die["counts"]))} times. '
        f'The histogram\'s bins are {wide["bin_width"]:g} wide: the sum of its '
        f'heights, times that, is its area. Seed {found["seed"]}.\n'])


def minimax_one_dimensional() -> str:
    """Return the distances of G from the data and of D from the optimum."""
    found = load('minimax/one_dimensional.json')
    lines = ['| seed | moment | step | mean of G | sigma of G | p_g to p_data '
             '| constant 1/2 to optimum | D to optimum | D, G frozen, to optimum |',
             '|---:|---|---:|---:|---:|---:|---:|---:|---:|']
    for seed in sorted(found['seeds'], key=int):
        for moment, step in sorted(found['moments'].items(), key=lambda item: item[1]):
            row = found['seeds'][seed][moment]
            cells = [row[name] for name in (
                'mean', 'sigma', 'total_variation', 'distance_of_one_half',
                'distance_before', 'distance_after')]
            lines.append(f'| {seed} | {moment} | {step} | '
                         + ' | '.join(f'{cell:.3f}' for cell in cells) + ' |')
    data, where = found['data'], found['environment']
    return '\n'.join(lines) + (
        f'\n\nThe data are N({data["mean"]:g}, {data["sigma"]:g}²). p_g to p_data is '
        f'the total variation (0: alike, 1: disjoint) over bins of '
        f'{found["bin_width"]:g}; as many draws of the data itself, '
        f'{found["samples"]:,}, give {found["floor_of_total_variation"]:.3f}. '
        f'To optimum: the mean of |D - p_data/(p_data + p_g)|, weighted by '
        f'(p_data + p_g)/2. Two hidden layers of {found["n_hidden"]} tanh, batches of '
        f'{found["batch_size"]}, Adam {found["learning_rate_D"]} for D and '
        f'{found["learning_rate_G"]} for G, beta1 {found["beta1"]}; with G frozen '
        f'{found["frozen_steps"]:,} steps with batches of '
        f'{found["frozen_batch_size"]:,}; {found["threads"]} thread of an '
        f'{where["cpu"]}, TensorFlow {where["tensorflow"]}.\n')


def dcgan_run() -> str:
    """Return what the committed run printed, and what the source would have."""
    rows, where = rows_of('dcgan'), load('dcgan/env.json')
    lines = ['| epoch | d_loss | d_accuracy | gan_loss | gen_accuracy | running d_loss '
             '| d_accuracy | gan_loss | gen_accuracy |',
             '|---:' * 9 + '|']
    for row in rows[::1000]:
        cells = [(row[f'{name}_D_real'] + row[f'{name}_D_fake']) / 2 if player == 'D'
                 else row[f'{name}_{player}'] for player in 'DG'
                 for name in ('loss', 'accuracy')]
        cells += [row[f'running_{name}_{player}'] for player in 'DG'
                  for name in ('loss', 'accuracy')]
        lines.append(f'| {row["step"]:.0f} | '
                     + ' | '.join(f'{cell:.4f}' for cell in cells) + ' |')
    return '\n'.join(lines) + (
        f'\n\n{len(rows):,} steps on {machine(where)} ({where["device"]}), with '
        f'TensorFlow {where["tensorflow"]} and Python {where["python"]}.\n')


def conditional_run() -> str:
    """Return the committed run's mean losses by epoch, and how many epochs it has."""
    rows, where = rows_of('conditional'), load('conditional/env.json')
    epochs = load('conditional/config.json')['config']['epochs']
    lines = ['| epoch | mean d_loss | mean g_loss |', '|---:|---:|---:|']
    n_epochs = int(rows[-1]['epoch']) + 1
    minutes = sum(row['seconds'] for row in rows) / 60
    milliseconds = next(
        step['tf1gan_ms'] for step in load('speed/convolutions.json')['steps']
        if (step['tutorial'], step['against']) == ('conditional', 'keras'))
    for epoch in range(n_epochs):
        losses = [(row['loss_D'], row['loss_G']) for row in rows
                  if row['epoch'] == epoch]
        means = [sum(column) / len(losses) for column in zip(*losses)]
        lines.append(f'| {epoch} | {means[0]:.4f} | {means[1]:.4f} |')
    return '\n'.join(lines) + (
        f'\n\n{n_epochs} of the {epochs} epochs, {len(rows):,} batches: {minutes:.0f} '
        f'minutes by the log, {len(rows) * milliseconds / 60000:.0f} at the '
        f'{milliseconds:.0f} ms a step of a quiet machine. On '
        f'{machine(where)} ({where["device"]}), with TensorFlow {where["tensorflow"]} '
        f'and Python {where["python"]}.\n')


def convolutions() -> str:
    """Return what a step of the convolutional tutorials costs, as a table."""
    found = load('speed/convolutions.json')
    lines = ['| tutorial | tf1gan on | ms | against | ms | ratio (lowest to highest '
             'block) |', '|---|---|---:|---|---:|---|']
    for step in found['steps']:
        build = 'the MKL build' if step['against'] == 'torch' else 'the stock build'
        other = {'keras': '`tf.keras` of TensorFlow', 'torch': 'PyTorch'}[
            step['against']]
        lines.append(
            f'| {step["tutorial"]} | {build}, {step["tensorflow"]} | '
            f'{step["tf1gan_ms"]:.0f} | {other} {step["version"]} | '
            f'{step["other_ms"]:.0f} | {step["ratio"]:.2f} '
            f'({step["ratio_min"]:.2f} to {step["ratio_max"]:.2f}) |')
    return '\n'.join(lines) + f'\n\n{machine(found["environment"])}.\n'


def convolution_hours() -> str:
    """Return how long the convolutional tutorials take in all, as a table."""
    found = load('speed/convolutions.json')
    steps = {'dcgan': 10001, 'conditional': 50 * 1875}
    lines = ['| | steps | stock build | MKL build (`ENV=mkl`) |',
             '|---|---:|---:|---:|']
    for name, n in steps.items():
        cells = []
        for against in 'keras', 'torch':
            step = next(each for each in found['steps'] if each['tutorial'] == name
                        and each['against'] == against)
            minutes = n * step['tf1gan_ms'] / 60000
            cells.append(f'{step["tf1gan_ms"]:.0f} ms a step, ' + (
                f'{minutes:.0f} minutes' if minutes < 90
                else f'{minutes / 60:.1f} hours'))
        lines.append(f'| `make {name}` | {n:,} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + (
        f'\n\nSteps only, without pictures and checkpoints, on '
        f'{machine(found["environment"])}.\n')


def plumbing() -> str:
    """Return what the session loop costs, as a sentence."""
    found = load('speed/plumbing.json')
    each = found['ratio_of_each_epoch']
    return (
        f'A step takes {found["ratio"]:.3f} of the plain script\'s time (the ratio of '
        f'the medians, {found["package_ms"]:.2f} and {found["plain_ms"]:.2f} ms over '
        f'{found["steps"]} steps side by side in one process; epoch by epoch '
        f'{min(each):.3f} to {max(each):.3f}), on {machine(found["environment"])}.\n')


RESULTS = {'digits covered': ('digits_covered', 1),
           'divergence, nats': ('divergence', 3),
           'confidence': ('confidence', 3), 'Frechet': ('frechet', 1),
           'nearest': ('nearest', 2), 'as asked': ('as_asked', 3)}


def results_rows(name: str, figures) -> List[str]:
    """Return a row for every group of a tutorial's runs: mean, deviation and n."""
    rows = []
    runs = load(f'{name}/summary.json')['runs']
    for group in dict.fromkeys(run['group'] for run in runs):
        members = [run for run in runs if run['group'] == group]
        cells = []
        for figure in figures:
            key, places = RESULTS[figure]
            values = [run[key] for run in members]
            mean = sum(values) / len(values)
            cell = f'{mean:.{places}f}'
            if len(values) > 1:
                square = sum((value - mean) ** 2 for value in values)
                cell += f' ± {(square / (len(values) - 1)) ** 0.5:.{places}f}'
            cells.append(cell)
        rows.append(f'| {name}{", " + group if group else ""} | '
                    + ' | '.join(cells) + f' | {len(members)} |')
    return rows


def results(name: str) -> str:
    """Return what a tutorial's generators are worth, seed by seed in the mean."""
    labelled = any('as_asked' in run for run in load(f'{name}/summary.json')['runs'])
    return results_table([name], [figure for figure in RESULTS
                                  if figure != 'as asked' or labelled])


def results_all() -> str:
    """Return what all tutorials' generators are worth."""
    return results_table(
        ['vanilla', 'collapse', 'conditional', 'minimax', 'dcgan'],
        [name for name in RESULTS if name not in ('nearest', 'as asked')])


def results_table(names: List[str], figures) -> str:
    """Return a table of tutorials by figures, and what real images have."""
    lines = [f'| | {" | ".join(figures)} | seeds |',
             '|---|' + '---:|' * (len(figures) + 1)]
    for name in names:
        if (HERE / name / 'summary.json').exists():
            lines += results_rows(name, figures)
    one = load(f'{names[0]}/summary.json')['runs'][0]
    noise = load('classifier/classifier.json')['of_uniform_noise']
    assert noise['digits_covered'] == 1
    nearest = (f'; test images are {one["nearest_of_test_images"]:.2f} from the '
               f'nearest training image (medians of {evaluate.N_NEAREST})'
               if 'nearest' in figures else '')
    return '\n'.join(lines) + (
        f'\n\nMean ± standard deviation over the seeds, of {one["images"]:,} images '
        f'each. {one["frechet_of_training_images"]:.2f} is the Frechet distance of '
        f'real images, training against test, and {noise["frechet"]:.1f} that of '
        f'uniform noise, which is one digit to the classifier, with a confidence of '
        f'{noise["confidence"]:.3f}{nearest}.\n')


def spreads() -> str:
    """Return what the spread of each tutorial's seeds leaves open, as a table."""
    lines = ['| against | divergence inside | confidence inside | Frechet inside |',
             '|---|---:|---:|---:|']
    for name in TUTORIALS:
        base = spread.load(name)
        if base.says_too_little(1):
            cells = ['too few seeds to tell', '', '']
        else:
            cells = []
            for figure in 'divergence, nats', 'confidence', 'Frechet':
                key, places = RESULTS[figure]
                low, high = base.interval(key, 1)
                cells.append(f'{low:.{places}f} to {high:.{places}f}')
        lines.append(f'| {base} | {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def classifier() -> str:
    """Return what the classifier is worth, in a sentence."""
    found = load('classifier/classifier.json')
    return (f'It takes {100 * found["accuracy"]:.2f} % of the 10,000 test images for '
            f'what they are, after {found["epochs"]} epochs in '
            f'{found["seconds"] / 60:.0f} minutes on {machine(found["environment"])}; '
            f'its file has {found["bytes"] / 1000:.0f} kB. The logits in NumPy differ '
            'from TensorFlow 1.15\'s by '
            f'{found["largest_difference_of_logits"]:.0e} at most.\n')


def ports() -> str:
    """Return what every port's comparison said, as a table, and the versions."""
    found = load('ports/ports.json')
    lines = ['| port | compared | verdict |', '|---|---:|---|']
    for name, port in found['ports'].items():
        lines.append(f'| [{name}.py]({name}.py) | {port["arrays"]} arrays | '
                     f'{("agrees", "differs")[port["status"]]} |')
    versions = ', '.join(f'{name} {version}'
                         for name, version in found['versions'].items())
    return '\n'.join(lines) + (
        f'\n\nWith {versions}; Python {found["environment"]["python"]}, '
        f'{machine(found["environment"])}.\n')


def port_report(which: str) -> str:
    """Return what the comparer printed: of the first port, or of its first mistake."""
    found = load('ports/ports.json')
    if which == 'failing':
        lines, status = found['failing'], 1
    else:
        lines, status = found['ports']['pytorch_vanilla']['report'], 0
    return '\n'.join(['```', '$ python -m tf1gan.compare vanilla mine.npz; echo $?',
                      *lines, str(status), '```\n'])


def sabotage() -> str:
    """Return every mistake, where it was caught and what it was called, as a table."""
    found = load('ports/sabotage.json')
    rows = found['mistakes']
    lines = ['| mistake | port | first difference | what `compare` says |',
             '|---|---|---|---|']
    for row in rows:
        named = row['sentence'] if row['named'] else f'*not named* ({row["cause"]})'
        caught = '' if row['caught'] else ' (late)'
        lines.append(f'| {row["mistake"]} | {row["port"]} | `{row["first"]}`{caught} | '
                     f'{named} |')
    accused = sum(each['status'] != 0 for each in found['unmutated'].values())
    return '\n'.join(lines) + (
        f'\n\n{len(rows)} mistakes: {sum(row["caught"] for row in rows)} caught at '
        'the first array that they change, '
        f'{sum(row["named"] for row in rows)} named rightly. Of '
        f'{len(found["unmutated"])} replays without a mistake {accused} were '
        'accused.\n')


def limits() -> str:
    """Return the comparer's limits beside the noise that was measured, as a table."""
    sys.path.insert(0, str(HERE.parent))
    from tf1gan.compare import LIMITS
    found = load('ports/noise.json')
    lines = ['| kind | first step: limit (noise) | dense networks, later | '
             'convolutional networks, later |', '|---|---:|---:|---:|']
    for kind, noise in found['noise'].items():
        cells = [f'{limit:.0e} ({share:.1e})'
                 for limit, share in zip(LIMITS[kind], noise.values())]
        lines.append(f'| `{kind}` | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + f'\n\n{machine(found["environment"])}.\n'


def interpreter(which: str) -> str:
    """Return the interpreter's errors by tutorial and kind, as a table."""
    found = load('interpreter/errors.json')
    kinds = list(found['golden']['conditional'])
    full = which == 'full'
    lines = [f'| | {" | ".join(f"`{kind}`" for kind in kinds)} |'
             + ' seconds a step |' * full,
             '|---|' + '---:|' * (len(kinds) + full)]
    for name, shares in found[which].items():
        cells = [f'{shares[kind]:.1e}' if kind in shares else '' for kind in kinds]
        cells += [f'{found["seconds_a_step"][name]:.2f}'] * full
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    where = found['environment']
    return '\n'.join(lines) + (
        f'\n\n{machine(where)}, Python {where["python"]}, NumPy {where["numpy"]}.\n')


def fill(text: str) -> str:
    """Return a page's text with every marked place filled in."""
    def made(place):
        arguments = [place.group(3)] if place.group(3) else []
        return place.group(1) + globals()[place.group(2)](*arguments) + place.group(5)

    return PLACE.sub(made, text)


def main() -> int:
    """Fill in the pages, or with --check compare them; return the exit status."""
    status = 0
    for path in [HERE.parent / 'README.md', *sorted(HERE.glob('*/README.md'))]:
        text = path.read_text(encoding='utf-8')
        filled = fill(text)
        if filled != text and '--check' in sys.argv:
            print(f'{path.relative_to(HERE.parent)}: the numbers are not those of the '
                  'programs; run make pages')
            status = 1
        elif filled != text:
            path.write_text(filled, encoding='utf-8')
    return status


if __name__ == '__main__':
    sys.exit(main())
