"""What the place of Adam's epsilon changes: a departure, measured.

    make epsilon

TF 1's Adam adds its epsilon to the square root of the uncorrected second moment,
torch's to that of the corrected one. Trains the graphs of the ladder and of the minimax
game with TF 1's own Adam from the weights, images and noise of tests/oracles, whose
arrays are PyTorch's, and writes epsilon.json beside this file: the distance of the
weights, of the losses and of the gradients to PyTorch's, relative to their length, the
largest of all variables, after the first step and over 20.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'experiments'), str(ROOT / 'tests')]

import tables           # noqa: E402
import test_oracles     # noqa: E402


def main() -> None:
    """Measure, print and write."""
    found = {}
    for name in test_oracles.ADAM:
        first, largest = 0.0, {'loss': 0.0, 'grad': 0.0, 'after': 0.0}
        for key, ours, torchs in test_oracles.follow(name):
            kind, distance = key.split('/')[2], test_oracles.relative(ours, torchs)
            largest[kind] = max(largest[kind], distance)
            if kind == 'after' and key.startswith('step_000'):
                first = max(first, distance)
        found[name] = {'weights_after_first_step': float(f'{first:.2g}'), **{
            f'{label}_over_20_steps': float(f'{largest[kind]:.2g}')
            for kind, label in (('after', 'weights'), ('loss', 'losses'),
                                ('grad', 'gradients'))}}
        print(name, found[name])
    tables.store('collapse/epsilon.json', found)


if __name__ == '__main__':
    main()
