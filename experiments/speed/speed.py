"""Every tutorial's step, ours and others', side by side: make speed

    python experiments/speed/speed.py PYTHON_WITH_MKL PYTHON_WITH_PORTS [TUTORIAL ...]

Run it with TensorFlow 1.15, and with nothing else running. All sides of a tutorial
(sides.py) are warm and take blocks of steps in turn, so a machine whose speed drifts is
fair to all. Writes the blocks, as milliseconds a step, to speed.json beside this file,
and draws speed.png. Of tutorials that are not named the figures stay.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

import tables       # noqa: E402

from tf1gan import TUTORIALS, pictures      # noqa: E402

N_BLOCKS = 15
PAUSE = 0.3         # seconds between two blocks: a pool of threads goes on spinning
OURS = {'tf1gan, stock build': ('stock', 'tf1gan'),
        'tf1gan, MKL build': ('mkl', 'tf1gan'),
        'tf1gan, TensorFlow 2': ('ports', 'tf1gan'),
        'tf1gan, TensorFlow 2, oneDNN': ('ports', 'tf1gan+onednn')}
ONE, TWO = ', one thread', ', two threads'
BOTH = {**OURS, **{f'{name}{TWO}': (where, f'{side}+2')
                   for name, (where, side) in OURS.items()}}
PYTORCH = {'PyTorch': 'torch', 'PyTorch, fused Adam': 'torch+fused',
           'PyTorch, fused, compiled': 'torch+fused+compiled'}
LAST = {'PyTorch, fused, channels_last': 'torch+fused+channels_last',
        'PyTorch, fused, channels_last, compiled': 'torch+fused+channels_last+compiled'}
PLAIN, FLOOR = 'plain script', 'floor'
DENSE = {PLAIN: ('stock', 'plain'), **BOTH,
         **{name: ('ports', side) for name, side in PYTORCH.items()},
         'JAX': ('ports', 'jax'), FLOOR: ('ports', 'products')}
CONVOLUTIONAL = {PLAIN: ('stock', 'plain'), **BOTH,
                 f'tf1gan, MKL build{ONE}': ('mkl', 'tf1gan+1'),
                 **{name: ('ports', side)
                    for name, side in {**PYTORCH, **LAST}.items()},
                 'Keras 3': ('ports', 'keras'), FLOOR: ('ports', 'products')}
SIDES = {**dict.fromkeys(TUTORIALS, DENSE),
         **dict.fromkeys(['dcgan', 'conditional'], CONVOLUTIONAL)}


class Worker:
    """A side that runs, and takes blocks of steps when it is told to."""

    def __init__(self, python: str, *words):
        self.process = subprocess.Popen(
            [python, str(HERE / 'sides.py'), *map(str, words)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
        for line in self.process.stdout:        # a library may print before
            if line.startswith('ready'):
                self.version = line.split()[1]
                return
        raise RuntimeError(f'{words}: ended before it was ready')

    def begin(self) -> None:
        """Begin a block."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()

    def end(self) -> float:
        """Wait for a block's end; return its milliseconds a step."""
        return float(self.process.stdout.readline())

    def close(self) -> int:
        """End it; return the most memory that it took, in MiB."""
        self.process.stdin.close()
        memory = float(self.process.stdout.read())
        self.process.wait()
        return round(memory)


def measure(name: str, pythons: Dict[str, str], sides: Dict[str, Tuple[str, str]],
            n_blocks: int = N_BLOCKS, **numbers) -> Dict[str, Any]:
    """Return, by side, the version and the blocks of a tutorial's steps."""
    more = [f'{key}={value}' for key, value in numbers.items()]
    workers = {side: Worker(pythons[where], kind, name, *more)
               for side, (where, kind) in sides.items()}
    blocks = {side: [] for side in workers}
    for _ in range(n_blocks):
        for side, worker in workers.items():
            time.sleep(PAUSE)
            worker.begin()
            blocks[side].append(float(f'{worker.end():.4g}'))
    return {side: {'version': worker.version, 'ms': blocks[side],
                   'MiB': worker.close()} for side, worker in workers.items()}


def median(found: Dict[str, Any]) -> float:
    """Return the median block of a side."""
    return sorted(found['ms'])[len(found['ms']) // 2]


def fastest(found: Dict[str, Any], words: str) -> str:
    """Return the fastest side whose name begins with some words."""
    return min((side for side in found if side.startswith(words)),
               key=lambda side: median(found[side]))


def draw(steps: Dict[str, Any]):
    """Return a figure: every side's median block of every tutorial, and its range."""
    figure = pictures.new_figure(9, 15)
    heights = [len(found) for found in steps.values()]
    panels = figure.subplots(len(steps), 1, gridspec_kw={'height_ratios': heights})
    for ax, (name, found) in zip(panels, steps.items()):
        sides: List[str] = sorted((side for side in found if side != FLOOR),
                                  key=lambda side: -median(found[side]))
        for place, side in enumerate(sides):
            blocks, middle = found[side]['ms'], median(found[side])
            color = ('C1' if side.startswith('tf1gan') else
                     'C7' if side == PLAIN else 'C0')
            ax.barh(place, middle, color=color)
            ax.plot([min(blocks), max(blocks)], [place, place], color='black',
                    linewidth=1)
            ax.text(max(max(blocks), middle), place, f' {middle:.3g}', va='center',
                    fontsize=8)
        floor = median(found[FLOOR])
        ax.axvline(floor, color='black', linestyle=':', linewidth=1)
        ax.set_yticks(range(len(sides)))
        ax.set_yticklabels(sides, fontsize=8)
        ax.set_title(f'{name}: milliseconds a step (line: fastest to slowest block; '
                     f'dotted: its products alone, {floor:.3g})', fontsize=9,
                     loc='left')
        ax.margins(x=0.08)
        for edge in 'top', 'right':
            ax.spines[edge].set_visible(False)
    figure.subplots_adjust(hspace=0.35)
    return figure


def main(mkl: str, ports: str, *names: str) -> None:
    """Measure, write and draw."""
    path = HERE / 'speed.json'
    steps = json.loads(path.read_text())['steps'] if path.exists() else {}
    for name in names or TUTORIALS:
        steps[name] = measure(name, {'stock': sys.executable, 'mkl': mkl,
                                     'ports': ports}, SIDES[name])
        print(name, {side: round(median(found), 3)
                     for side, found in steps[name].items()}, flush=True)
    steps = {name: steps[name] for name in TUTORIALS if name in steps}
    tables.store('speed/speed.json', {'steps': steps})
    draw(steps).savefig(str(HERE / 'speed.png'), bbox_inches='tight')


if __name__ == '__main__':
    main(*sys.argv[1:])
