"""Five published MNIST GAN tutorials as TensorFlow 1.15 graphs.

    the pages       vanilla collapse conditional minimax dcgan; contract: what each has
    as data         descriptions/ interpreter tape: what each computes, in NumPy
    running         command flags loop run_folder pictures; mnist nn tf1
    porting         trace record compare mistakes preflight hooks; judge/
    judging         evaluate spread classifier; generator latent replay/
    the machine     doctor

This file imports no framework, so that the NumPy-only parts work where TensorFlow 1.15
cannot be installed.
"""

__version__ = '0.1.0'

TUTORIALS = ('vanilla', 'collapse', 'conditional', 'minimax', 'dcgan')

OLDEST_2 = 2, 12        # the oldest TensorFlow 2 that the golden traces were tried on


class InputError(Exception):
    """Bad input, in one sentence: what was expected, what was found, what to do."""
