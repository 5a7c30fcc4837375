"""Which TensorFlow it is: 1.15, the reference, or TensorFlow 2 in graph mode.

    from tf1gan.tf1 import tf

On TensorFlow 2, `tf` is its `compat.v1` without the behaviour of version 2, and a seed
gives the initial weights that it gives on 1.15. The bits of a run differ.

TensorFlow is imported when `tf`, or one of `FACTS`, is first used. So what needs no
TensorFlow, such as a page's flags, does not wait for it. That import changes TensorFlow
2 for the whole process.
"""

import functools
import os
import sys
from types import ModuleType

from tf1gan import OLDEST_2, flags
from tf1gan.doctor import cpu

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')      # before the import: no chatter
# Off unless wished for: faster kernels, which 1.15 does not have. They print a notice.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
# Without this Intel's MKL takes its slow path on AMD's processors; others ignore it.
if 'AuthenticAMD' in cpu():
    os.environ.setdefault('MKL_DEBUG_CPU_TYPE', '5')    # AVX2
ONEDNN = 'tensorflow' in sys.modules or os.environ['TF_ENABLE_ONEDNN_OPTS'] != '0'
FACTS = 'VERSION', 'REFERENCE', 'DETERMINISTIC_GPU', 'NOTE'


class _TensorFlow(ModuleType):
    """What `tf` is: the first use of a name loads TensorFlow, which has the name."""

    def __getattr__(self, name):
        return getattr(load(), name)


class _Facts(ModuleType):
    """What this module is: the first use of one of its FACTS loads TensorFlow."""

    def __getattr__(self, name):
        if name not in FACTS:
            raise AttributeError(f'module {self.__name__} has no {name}')
        load()
        return self.__dict__[name]


@functools.lru_cache(maxsize=None)
def load():
    """Import TensorFlow and settle FACTS; return it as TensorFlow 1.

    Raises: SystemExit with a sentence where there is none, or one that is too old.
    """
    if any('\ud800' <= letter <= '\udfff' for letter in sys.prefix):
        sys.exit('expected a locale that can write the path of this Python, as '
                 'TensorFlow needs it, found another; set LC_ALL=C.UTF-8')
    try:
        with flags.waiting('loading TensorFlow'):
            import tensorflow
        version = tensorflow.__version__
        reference = version.startswith('1.15')
        if not reference and tuple(map(int, version.split('.')[:2])) < OLDEST_2:
            raise ImportError(f'version {version}')
    except ImportError as error:
        sys.exit('expected TensorFlow 1.15 (Python 3.6 or 3.7), or {}.{} and later, '
                 'found: {}; run `python -m tf1gan.doctor` to see what this machine '
                 'can run'.format(*OLDEST_2, error))
    on_gpu = not reference and tensorflow.test.is_built_with_cuda()
    globals().update(
        VERSION=version, REFERENCE=reference, DETERMINISTIC_GPU=on_gpu,
        NOTE=f'note: TensorFlow {version} in graph mode; the bits of the reference are '
             "TensorFlow 1.15's")
    found = tensorflow if reference else in_graph_mode(on_gpu)
    found.compat.v1.logging.set_verbosity(
        found.compat.v1.logging.ERROR)      # errors still show
    return found


def in_graph_mode(on_gpu: bool):
    """Return TensorFlow 2's `compat.v1`, set up to compute as TensorFlow 1.15 does."""
    import tensorflow
    import tensorflow.compat.v1 as tf
    from tensorflow.python.framework import random_seed
    tf.logging.set_verbosity(tf.logging.ERROR)
    tf.disable_v2_behavior()
    # On a GPU too: float32 means float32, and two runs have the same bits.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    if on_gpu:
        tensorflow.config.experimental.enable_op_determinism()
    of_the_release = random_seed.get_seed

    def get_seed(op_seed):
        """Return the two seeds of a random op by 1.15's rule.

        Without a seed of its own the op takes the number of ops created before it.
        """
        graph = tf.get_default_graph()
        if op_seed is None and graph.seed is not None:
            op_seed = graph.version
        return of_the_release(op_seed)

    random_seed.get_seed = get_seed
    return tf


def session_config(**options) -> 'tf.ConfigProto':
    """Return a session's configuration, in which no layer is taken for another.

    With oneDNN's kernels TensorFlow 2.21 takes a LayerNorm of any epsilon for one of
    0.001 (seen on an Intel Xeon). It does not where it may fuse nothing.
    """
    config = tf.ConfigProto(**options)
    if ONEDNN and not sys.modules[__name__].REFERENCE:
        config.graph_options.rewrite_options.remapping = 2      # off
    return config


tf = _TensorFlow('tf')
sys.modules[__name__].__class__ = _Facts
