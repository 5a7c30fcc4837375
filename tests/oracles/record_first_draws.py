"""Write first_draws.json: what TensorFlow 1.15 draws for a seed, as SHA-256 sums.

    python tests/oracles/record_first_draws.py      (in the environment of 1.15)

Of each tutorial at its full size, and of each rung: the initial variables of the seeds
0 and 1, and the first dropout masks.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

CASES = {'vanilla': {}, 'collapse, rung 1': {'rung': 1}, 'collapse, rung 4': {},
         'minimax': {}, 'dcgan': {}, 'conditional': {}}
SEEDS = 0, 1
N = 2       # images for the masks


def draws(case: str, seed: int):
    """Return the SHA-256 sums of what a seed draws, by name."""
    from tf1gan.tf1 import tf
    tutorial = importlib.import_module(f'tf1gan.{case.partition(",")[0]}')
    model = tutorial.build(tutorial.Config(**CASES[case]), seed)
    values = {}
    with tf.Session(graph=model.graph) as sess:
        sess.run(model.init)
        for variable in model.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            values[variable.op.name] = sess.run(variable)
        feed = {tensor: np.zeros([N] + tensor.shape.as_list()[1:], np.float32)
                for tensor in model if isinstance(tensor, tf.Tensor)
                and tensor.op.type == 'Placeholder'}
        for name, update in model.updates.items():
            values.update((f'{name}/mask/{i + 1}', sess.run(mask, feed))
                          for i, mask in enumerate(update.masks))
    return {name: hashlib.sha256(np.ascontiguousarray(value)).hexdigest()
            for name, value in sorted(values.items())}


if __name__ == '__main__':
    from tf1gan import tf1
    assert tf1.REFERENCE, f'expected TensorFlow 1.15, found {tf1.VERSION}'
    found = {case: {str(seed): draws(case, seed) for seed in SEEDS} for case in CASES}
    (HERE / 'first_draws.json').write_text(json.dumps(found, indent=1) + '\n')
