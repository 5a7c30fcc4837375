"""Which TensorFlow it is: 1.15, the reference, or TensorFlow 2 in graph mode.

    from tf1gan.tf1 import tf

On TensorFlow 2, `tf` is its `compat.v1` without the behaviour of version 2, and a seed
gives the initial weights that it gives on 1.15. The bits of a run differ. Importing
this module changes TensorFlow 2 for the whole process.
"""

import os
import sys

from tf1gan import OLDEST_2

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')      # before the import: no chatter
# Of newer processors' own kernels, which 1.15 has not; and they have a notice.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
ONEDNN = 'tensorflow' in sys.modules or os.environ['TF_ENABLE_ONEDNN_OPTS'] != '0'
try:
    import tensorflow
    VERSION = tensorflow.__version__
    REFERENCE = VERSION.startswith('1.15')
    if not REFERENCE and tuple(map(int, VERSION.split('.')[:2])) < OLDEST_2:
        raise ImportError(f'version {VERSION}')
except ImportError as error:
    sys.exit('expected TensorFlow 1.15 (Python 3.6 or 3.7), or {}.{} and later, found: '
             '{}; run `python -m tf1gan.doctor` to see what this machine can run'
             .format(*OLDEST_2, error))
DETERMINISTIC_GPU = not REFERENCE and tensorflow.test.is_built_with_cuda()


def in_graph_mode():
    """Return TensorFlow 2's `compat.v1`, set up to compute as TensorFlow 1.15 does."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.framework import random_seed
    tf.logging.set_verbosity(tf.logging.ERROR)
    tf.disable_v2_behavior()
    # On a GPU too: float32 means float32, and two runs have the same bits.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    if DETERMINISTIC_GPU:
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
    0.001 (seen on an Intel Xeon), unless it may fuse nothing.
    """
    config = tf.ConfigProto(**options)
    if ONEDNN and not REFERENCE:
        config.graph_options.rewrite_options.remapping = 2      # off
    return config


NOTE = (f'note: TensorFlow {VERSION} in graph mode; the bits of the reference are '
        "TensorFlow 1.15's")
tf = tensorflow if REFERENCE else in_graph_mode()
tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)      # errors still show
