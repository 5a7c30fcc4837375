"""What the page beside this file quotes."""

from tables import load, machine, table

from tf1gan import spread


def ratio(step: dict) -> str:
    """Return a step's ratio and the range of its blocks."""
    return (f'{step["ratio"]:.2f} ({step["ratio_min"]:.2f} to '
            f'{step["ratio_max"]:.2f})')


def plumbing() -> str:
    """Return what the session loop costs, as a sentence."""
    found = load('speed/plumbing.json')
    each = found['ratio_of_each_epoch']
    return (
        f'A step takes {found["ratio"]:.3f} of the plain script\'s time (the ratio of '
        f'the medians, {found["package_ms"]:.2f} and {found["plain_ms"]:.2f} ms over '
        f'{found["steps"]} steps side by side in one process; epoch by epoch '
        f'{min(each):.3f} to {max(each):.3f}), on {machine(found["environment"])}.\n')


def fixed() -> str:
    """Return what each command costs beside its steps, as a table."""
    found = load('speed/fixed.json')
    once = found['milliseconds']
    return table(['<', 'seconds'], [[name, f'{seconds:.2f}'] for name, seconds in
                                    found['seconds'].items()], (
        f'Medians of {found["times"]}, from start to end, the package\'s imports '
        f'included. In a run of vanilla a checkpoint takes {once["save"]:.0f} ms and a '
        f'pair of pictures {once["draw"]:.0f} ms. {machine(found["environment"])}.'))


def ladder_step() -> str:
    """Return what a step of the ladder costs beside PyTorch's, as a table."""
    found = load('speed/ladder_step.json')
    rows = []
    for step in found['steps']:
        threads = '1 / 1' if step['threads'] == 1 else 'each its default'
        rows.append([step['rung'], threads, f'{step["tf1gan_ms"]:.2f}',
                     f'{step["torch_ms"]:.2f}', ratio(step)])
    return table(['rung', '<threads, tf1gan / PyTorch', 'tf1gan, ms', 'PyTorch, ms',
                  '<ratio (lowest to highest block)'], rows, (
        f'PyTorch {found["steps"][0]["torch"]}, '
        f'{machine(found["environment"])}.'))


def convolutions() -> str:
    """Return what a step of the convolutional tutorials costs, as a table."""
    found = load('speed/convolutions.json')
    rows = []
    for step in found['steps']:
        build = 'the MKL build' if step['against'] == 'torch' else 'the stock build'
        other = {'keras': '`tf.keras` of TensorFlow', 'torch': 'PyTorch'}[
            step['against']]
        rows.append([step['tutorial'], f'{build}, {step["tensorflow"]}',
                     f'{step["tf1gan_ms"]:.0f}', f'{other} {step["version"]}',
                     f'{step["other_ms"]:.0f}', ratio(step)])
    return table(['<tutorial', '<tf1gan on', 'ms', '<against', 'ms',
                  '<ratio (lowest to highest block)'], rows,
                 f'{machine(found["environment"])}.')


def convolution_hours() -> str:
    """Return how long the convolutional tutorials take in all, as a table."""
    found = load('speed/convolutions.json')
    steps = {'dcgan': spread.load('dcgan').steps, 'conditional': 50 * 1875}
    rows = []
    for name, n in steps.items():
        cells = []
        for against in 'keras', 'torch':
            step = next(each for each in found['steps'] if each['tutorial'] == name
                        and each['against'] == against)
            minutes = n * step['tf1gan_ms'] / 60000
            cells.append(f'{step["tf1gan_ms"]:.0f} ms a step, ' + (
                f'{minutes:.0f} minutes' if minutes < 90
                else f'{minutes / 60:.1f} hours'))
        rows.append([f'`make {name}`', f'{n:,}', *cells])
    return table(['<', 'steps', 'stock build', 'MKL build (`ENV=mkl`)'], rows, (
        f'Steps only, without pictures and checkpoints, on '
        f'{machine(found["environment"])}.'))
