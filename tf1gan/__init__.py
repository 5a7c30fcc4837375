"""Five published MNIST GAN tutorials as TensorFlow 1.15 graphs.

This file imports no framework, so that the NumPy-only parts work where TensorFlow 1.15
cannot be installed.
"""

__version__ = '0.1.0'

TUTORIALS = ('vanilla', 'collapse', 'conditional', 'minimax', 'dcgan')

OLDEST_2 = 2, 12        # the oldest TensorFlow 2 that the golden traces were tried on


class InputError(Exception):
    """Bad input, in one sentence: what was expected, what was found, what to do."""
