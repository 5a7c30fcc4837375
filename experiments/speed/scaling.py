"""How a step of vanilla's, and its memory, grow with its work: make speed

    python experiments/speed/scaling.py PYTHON_WITH_PORTS

Run it with TensorFlow 1.15, and with nothing else running. A step with other batches,
then with other widths of the hidden layers, ours and others', in turn (speed.py); and
how many seeds this machine trains an hour, one thread each, 1 to 4 at once. Writes
scaling.json beside this file, and draws scaling.png.
"""

import statistics
import sys
from typing import Any, Dict, List

from speed import HERE, Worker, measure, median

import tables       # noqa: E402

from tf1gan import pictures, spread     # noqa: E402

SIDES = {'tf1gan, stock build': ('stock', 'tf1gan'),
         'tf1gan, TensorFlow 2, oneDNN': ('ports', 'tf1gan+onednn'),
         'PyTorch, fused Adam': ('ports', 'torch+fused'), 'JAX': ('ports', 'jax')}
SIZES = {'batch_size': [1, 4, 16, 64, 256, 1024, 4096],
         'n_hidden': [16, 64, 256, 1024, 4096]}
LABELS = {'batch_size': 'images a step', 'n_hidden': 'units of the hidden layers'}
N_BLOCKS = 5
AT_ONCE = 1, 2, 3, 4


def seeds() -> List[Dict[str, Any]]:
    """Return how long a step takes, and the runs an hour, of several runs at once."""
    found = []
    for n in AT_ONCE:
        workers = [Worker(sys.executable, 'tf1gan+1', 'vanilla')
                   for _ in range(n)]
        blocks = []
        for _ in range(N_BLOCKS + 1):
            for worker in workers:
                worker.begin()
            blocks.append([worker.end() for worker in workers])
        ms = statistics.median(each for block in blocks[1:] for each in block)
        found.append({
            'at_once': n, 'ms': round(ms, 3), 'MiB': sum(
                worker.close() for worker in workers),
            'runs_an_hour': round(n * 3.6e6 / ms / spread.load('vanilla').steps, 2)})
        print(found[-1], flush=True)
    return found


def draw(found: Dict[str, Any]):
    """Return a figure: time and memory over size, both axes logarithmic."""
    figure = pictures.new_figure(10, 7)
    panels = figure.subplots(2, 2, sharey='row')
    for column, (number, sizes) in zip(panels.T, found.items()):
        for ax, values, label in zip(column, (median, lambda each: each['MiB']), (
                'milliseconds a step', 'most memory, MiB')):
            for side in SIDES:
                ax.loglog([each['size'] for each in sizes],
                          [values(each['sides'][side]) for each in sizes], marker='.',
                          label=side)
            ax.set_xlabel(LABELS[number])
            ax.set_xticks([each['size'] for each in sizes])
            ax.set_xticklabels([f'{each["size"]:,}' for each in sizes], fontsize=8)
            ax.minorticks_off()
            ax.grid(True, alpha=0.3)
            if ax in panels[:, 0]:
                ax.set_ylabel(label)
    for ax in panels[1]:
        ax.set_yticks([500, 1000, 2000])
        ax.set_ylim(500, 2000)
    panels[1, 0].set_yticklabels(['500', '1,000', '2,000'])
    panels[0, 0].legend(fontsize=8)
    figure.subplots_adjust(wspace=0.05, hspace=0.25)
    return figure


def main(ports: str) -> None:
    """Measure, write and draw."""
    at_once, found = seeds(), {}
    for number, sizes in SIZES.items():
        found[number] = []
        for size in sizes:
            sides = measure('vanilla', {'stock': sys.executable, 'ports': ports}, SIDES,
                            N_BLOCKS, **{number: size})
            found[number].append({'size': size, 'sides': sides})
            print(number, size, {side: [median(each), each['MiB']]
                                 for side, each in sides.items()}, flush=True)
    tables.store('speed/scaling.json', {'vanilla': found, 'at_once': at_once})
    draw(found).savefig(str(HERE / 'scaling.png'), bbox_inches='tight')


if __name__ == '__main__':
    main(*sys.argv[1:])
