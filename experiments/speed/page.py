"""What the page beside this file quotes, and the pages that say which build to take."""

from speed.speed import FLOOR, ONE, OURS, PLAIN, TWO, fastest, median
from tables import load, machine, minutes, table

from tf1gan import spread
from tf1gan.judge.words import listed

STOCK, MKL, TF2, ONEDNN = OURS
PYTORCH, JAX, SOURCE = 'PyTorch', 'JAX', 'plain'
GOALS = {       # at most: the best of ours over PyTorch's best, over JAX; stock over
    'vanilla': (0.90, 1.10, 0.80, None),        # plain; MKL over plain
    'collapse': (0.70, 1.30, 0.85, None), 'minimax': (0.90, 1.15, 0.85, None),
    'dcgan': (0.80, None, 1.0, 0.40), 'conditional': (0.85, None, 1.0, 0.50)}


def quickest(found: dict, build: str) -> str:
    """Return the fastest side of a build: on TensorFlow's own threads, or on so many.
    """
    return min((side for side in (build, build + ONE, build + TWO) if side in found),
               key=lambda side: median(found[side]))


def quotient(found: dict, ours: str, other: str) -> float:
    """Return the ratio of two sides' medians."""
    return median(found[ours]) / median(found[other])


def measured(name: str, found: dict) -> list:
    """Return the pairs of sides that a tutorial's goals are about; None: no goal."""
    best = fastest(found, 'tf1gan')
    return [goal and (ours, other, goal) for goal, ours, other in zip(
        GOALS[name], (best, best, quickest(found, STOCK), quickest(found, MKL)),
        (fastest(found, PYTORCH), JAX, PLAIN, PLAIN))]


def ratios() -> str:
    """Return the ratios that the goals are about, as a table."""
    found, rows = load('speed/speed.json'), []
    for name, sides in found['steps'].items():
        cells = []
        for pair in measured(name, sides):
            if not pair:
                cells.append('-')
                continue
            ours, other, goal = pair
            each = [a / b for a, b in zip(sides[ours]['ms'], sides[other]['ms'])]
            ratio = quotient(sides, ours, other)
            cells.append(f'{ratio:.2f} ({min(each):.2f} to {max(each):.2f}); goal '
                         f'{goal:.2f}{", missed" * (ratio > goal)}')
        best, torch = fastest(sides, 'tf1gan'), fastest(sides, PYTORCH)
        rows.append([name, best.partition(', ')[2], torch.partition(', ')[2] or 'eager',
                     *cells])
    return table(['<', '<best of ours', "<PyTorch's best mode", 'ours / PyTorch',
                  'ours / JAX', 'stock / plain script', 'MKL / plain script'], rows, (
        'Ratios of medians, with the lowest and the highest of the blocks. '
        f'{machine(found["environment"])}.'))


def steps() -> str:
    """Return the median block of every side, as a table."""
    found = load('speed/speed.json')
    names = dict.fromkeys(side for sides in found['steps'].values() for side in sides)
    rows = [[f'{side}: products alone' if side == FLOOR else side, *(
        f'{median(sides[side]):.3g}' if side in sides else ''
        for sides in found['steps'].values())] for side in names]
    versions = {side: each['version'] for sides in found['steps'].values()
                for side, each in sides.items()}
    return table(['<milliseconds a step', *found['steps']], rows, (
        f'TensorFlow {versions[STOCK]} (stock), {versions[MKL]} (MKL) and '
        f'{versions[TF2]}, PyTorch {versions[PYTORCH]}, JAX {versions[JAX]}, Keras '
        f'{versions["Keras 3"]}. {machine(found["environment"])}.'))


def builds() -> str:
    """Return how long a whole run takes on each build, as a table."""
    found, rows = load('speed/speed.json'), []
    for name, sides in found['steps'].items():
        n = RUN.get(name) or spread.load(name).steps
        quick = [quickest(sides, side) for side in OURS]
        best = min(quick, key=lambda side: median(sides[side]))
        cells = []
        for side in quick:
            took = n * median(sides[side]) / 60000      # minutes
            cell = f'{took:.2g} min' if took < 90 else f'{took / 60:.1f} h'
            cells.append(f'**{cell}**' if side == best else cell)
        rows.append([name, f'{n:,}', *cells])
    return table(['<', 'steps', 'TensorFlow 1.15', '1.15, MKL (`ENV=mkl`)',
                  'TensorFlow 2 (`ENV=tf2`)', 'with oneDNN too'], rows, (
        f'Steps only, without pictures and checkpoints, on '
        f'{machine(found["environment"])}.'))


RUN = {'conditional': 50 * 1875}        # steps, where the seeds took fewer


def which_build() -> str:
    """Return how long vanilla took, and which build is the fastest, in sentences."""
    found, words = load('speed/speed.json'), {
        STOCK: 'TensorFlow 1.15', MKL: 'its MKL build (`ENV=mkl`)',
        TF2: 'TensorFlow 2 (`ENV=tf2`)',
        ONEDNN: 'TensorFlow 2 with oneDNN (`ENV=tf2`, `TF_ENABLE_ONEDNN_OPTS=1`)'}
    of = {}
    for name, sides in found['steps'].items():
        of.setdefault(min(OURS, key=lambda side: median(sides[quickest(sides, side)])),
                      []).append(name)
    return (minutes('vanilla') + f'On {machine(found["environment"])} the fastest '
            'build is ' + ', and '.join(
                f'{words[side]} for {listed(names)}' for side, names in of.items())
            + ' ([all times](docs/running.md#which-build-on-a-cpu)).\n')


def plumbing() -> str:
    """Return what the session loop costs vanilla, as a sentence."""
    found = load('speed/speed.json')
    sides = found['steps']['vanilla']
    return (f'A step of vanilla takes {quotient(sides, STOCK, PLAIN):.2f} of the plain '
            f"script's time, side by side, on {machine(found['environment'])}.\n")


def at_once() -> str:
    """Return how many seeds a machine trains an hour, as a table."""
    found = load('speed/scaling.json')
    return table(['runs of vanilla at once', 'ms a step', 'MiB', 'runs an hour'], [
        [each['at_once'], f'{each["ms"]:.1f}', each['MiB'],
         f'{each["runs_an_hour"]:.1f}'] for each in found['at_once']],
        f'One thread each. {machine(found["environment"])}.')


def fixed() -> str:
    """Return what each command costs beside its steps, as a table."""
    found = load('speed/fixed.json')
    once = found['milliseconds']
    return table(['<', 'seconds'], [[name, f'{seconds:.2f}'] for name, seconds in
                                    found['seconds'].items()], (
        f'Medians of {found["times"]}, from start to end, the package\'s imports '
        f'included. In a run of vanilla a checkpoint takes {once["save"]:.0f} ms and a '
        f'pair of pictures {once["draw"]:.0f} ms. {machine(found["environment"])}.'))
