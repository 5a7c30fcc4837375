"""Five published MNIST GAN tutorials as TensorFlow 1.15 graphs.

    the pages       vanilla collapse conditional minimax dcgan; contract: what each has
    as data         descriptions/ interpreter tape: what each computes, in NumPy
    running         command flags loop run_folder schema pictures; mnist nn tf1
    porting         trace record compare mistakes preflight hooks; judge/
    judging         evaluate spread classifier manifold; generator latent export replay/
    the machine     doctor

This file imports no framework, so that the NumPy-only parts work where TensorFlow 1.15
cannot be installed.
"""

import os
import signal
import sys

__version__ = '0.1.0'

TUTORIALS = ('vanilla', 'collapse', 'conditional', 'minimax', 'dcgan')

OLDEST_2 = 2, 12        # the oldest TensorFlow 2 that the golden traces were tried on


class InputError(Exception):
    """Bad input, in one sentence: what was expected, what was found, what to do."""


# --- Ctrl-C in a command --------------------------------------------------------------

def _is_command() -> bool:
    """Say whether Python runs the package: `python -m tf1gan...`, or its own script."""
    frame = sys._getframe(1)
    while frame and frame.f_code.co_filename.startswith(
            ('<frozen importlib', __file__)):
        frame = frame.f_back
    word = os.path.basename(getattr(sys, 'argv', [''])[0])
    return frame is not None and (frame.f_globals.get('__name__'), word) in (
        ('runpy', '-m'), ('__main__', 'tf1gan'))


def _leave() -> None:
    """End the process in one sentence, with the status of Ctrl-C."""
    for stream, last in (sys.stdout, ''), (sys.stderr, 'stopped\n'):
        try:
            stream.write(last)
            stream.flush()
        except (OSError, ValueError, AttributeError):       # closed, say
            pass
    os._exit(128 + signal.SIGINT)


def _interrupt(number, frame) -> None:
    """Raise KeyboardInterrupt where a command's main can catch it; elsewhere leave.

    An import, or the end of Python, can lose it or make it another exception.
    """
    in_main = False
    while frame:
        if frame.f_code.co_filename.startswith('<frozen importlib'):
            _leave()
        in_main |= frame.f_globals.get('__name__') == '__main__'
        frame = frame.f_back
    if not in_main:
        _leave()
    raise KeyboardInterrupt


def _uncaught(kind, error, traceback) -> None:
    """Leave for a KeyboardInterrupt; tell of another exception as Python does."""
    if issubclass(kind, KeyboardInterrupt):
        _leave()
    sys.__excepthook__(kind, error, traceback)


# Not in a program that imports the package, nor where Ctrl-C is ignored.
if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = _uncaught
