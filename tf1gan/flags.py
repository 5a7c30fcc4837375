"""The command line all tutorials share: their Config's fields and the common flags."""

import argparse
import difflib
import inspect
import math
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from tf1gan import InputError, contract, run_folder

LARGEST_SEED = 2 ** 32 - 1      # NumPy's
MOST_STEPS = 2 ** 31 - 1        # and epochs
MOST_UNITS = 10000              # of a layer: beyond, a machine's memory is soon full
SHARES = 'beta', 'dropout', 'momentum'      # numbers from 0 to below 1, by their names
POSITIVE = 'learning_rate', 'epsilon', 'norm_epsilon', 'stddev'
BELOW_1 = 0.999999
MOST_THREADS = 1024             # TensorFlow starts as many as it is told to


class Flags(NamedTuple):
    """The common flags; None where one was not given."""

    seed: Optional[int]
    out: Optional[str]
    data: Optional[str]
    threads: Optional[int]
    max_steps: Optional[int]
    weights: Optional[str]
    resume: Optional[str]
    keep_going: bool
    step_by_step: bool


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence, raised as InputError."""

    def _print_message(self, message, file=None):
        show(message.rstrip())      # help, for errors are raised

    def error(self, message):
        """Raise InputError instead of printing a page of usage."""
        unknown = re.match('unrecognized arguments: (.*)', message)
        missing = re.match('the following arguments are required: (.*)', message)
        if missing:
            message = f'expected {missing.group(1)}, found nothing; see --help'
        if unknown:
            message = f'expected the flags that --help lists, found {unknown.group(1)}'
            near = difflib.get_close_matches(unknown.group(1).split()[0],
                                             self._option_string_actions, 1)
            message += f'; did you mean {near[0]}?' if near else ''
        raise InputError(message)


def spelled(text: str, stream) -> str:
    """Return a text; letters that a stream's encoding lacks become \\xfc, say."""
    encoding = getattr(stream, 'encoding', None) or 'ascii'
    return text.encode(encoding, 'backslashreplace').decode(encoding)


@contextmanager
def waiting(doing: str):
    """Show on a terminal what is done, and take that away when it is done."""
    from tqdm import tqdm       # where TensorFlow is missing, it may be too
    with tqdm(bar_format=f'{doing} ... ', disable=None, leave=False):
        yield


def show(text: str) -> None:
    """Print a text on standard output, until its reader stops reading.

    Raises: InputError when it cannot be written.
    """
    try:
        print(spelled(text, sys.stdout), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise InputError('expected a standard output that can be written, found: '
                             f'{error.strerror}; send it elsewhere')


def write_files(parser: Parser, make: Callable[..., Dict[str, bytes]],
                default: Callable[..., Path]) -> int:
    """Write what `make(options)` returns, by name, into --out; return the exit status.

    Without --out the folder is `default(options)`. The files' paths are printed. Bad
    input and a folder that cannot be written give one sentence and status 2.
    """
    try:
        options = parser.parse_args()
        files = make(options)
        out = Path(options.out or default(options))
        try:
            for folder in {(out / file).parent for file in files}:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f'{out}: expected a folder that can be written, found: '
                             f'{error.strerror}; name another one with --out')
        for file, content in files.items():
            run_folder.write(out / file, content)
        folders = {(out / file).parent for file in files}
        show('\n'.join(str(path) for path in (
            (out / file for file in files) if len(files) <= 20 else sorted(folders))))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def number(kind, low, high=math.inf, above=False):
    """Return an argparse type: an int or a float in a range, ends included."""
    def parse(text):
        words = {int: 'a whole number', float: 'a number'}[kind]
        words += f' above {low}' if above else f' from {low} up'
        words += f' to {high}' if high < math.inf else ''
        try:
            value = kind(text)
            fits = (math.isfinite(value) and low <= value <= high
                    and not (above and value == low))
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            raise argparse.ArgumentTypeError(f'expected {words}, found {text!r}')
        return value
    return parse


def path(text: str) -> str:
    """Be an argparse type: a path, not empty, that UTF-8 can spell."""
    try:
        if text.encode():
            return text
        found = 'nothing'
    except UnicodeEncodeError:      # TensorFlow would fail on it later
        found = repr(text)
    raise argparse.ArgumentTypeError(f'expected a path in UTF-8, found {found}')


def parse(page: contract.Page, argv: Optional[List[str]] = None):
    """Return (fields, flags): the Config fields given, as a dict, and the common Flags.

    Raises: InputError when a flag is unknown or has a bad value.
    """
    parser = Parser(prog=page.command, allow_abbrev=False, description=page.said)
    add_numbers(parser, page)
    common = parser.add_argument_group('the run')
    common.add_argument('--seed', type=number(int, 0, LARGEST_SEED), metavar='N',
                        help='of the initial weights, the data order and the noise '
                        '(default 0)')
    common.add_argument('--out', type=path, metavar='DIR',
                        help='the run folder, new or empty (default: '
                        f'runs/{page.name}/000, or the next number)')
    common.add_argument('--data', type=path, metavar='PATH',
                        help="other images: a folder or a .zip of IDX files, Keras's "
                        'mnist.npz, a CSV file, or folders 0 to 9 of pictures '
                        '(default: the MNIST inside)')
    common.add_argument('--threads', type=number(int, 1, MOST_THREADS), metavar='N',
                        help='how many operations run at once, each in one thread, so '
                        'that no bit depends on it (default: '
                        f'{page.THREADS or "as TensorFlow chooses"})')
    common.add_argument('--max-steps', type=number(int, 1, MOST_STEPS), metavar='N',
                        help='stop once N steps are done, counted from the start of '
                        'the run')
    add_weights(common)
    common.add_argument('--resume', type=path, metavar='RUN',
                        help='go on with this run folder')
    common.add_argument('--keep-going', action='store_true',
                        help='go on after a loss that is not finite, as the source '
                        'would')
    common.add_argument('--step-by-step', action='store_true',
                        help="call the session once an update, as the source does, not "
                        'once a step: slower, with the same bits')
    given = vars(parser.parse_args(argv))
    flags = Flags(**{common_flag: given.pop(common_flag)
                     for common_flag in Flags._fields})
    return given, flags


def check(page: contract.Page, config: Dict[str, Any], source: str) -> None:
    """Check that the numbers of a run's config are such as their flags take.

    Raises: InputError, naming `source`, when one does not fit.
    """
    try:
        parse(page, [flag(field) + f'={value}' * (value is not True)
                     for field, value in config.items() if value is not False])
    except InputError as error:
        raise InputError(f'{source}: expected the numbers of a run, found in its '
                         f'config: {error}; start a new run')


def add_numbers(parser: Parser, page: contract.Page) -> None:
    """Give a parser the flags of a page's Config; one not given is left out.

    A field's help is the comment after it on the page, less its mark.
    """
    config, choices = page.Config, page.CHOICES
    numbers = parser.add_argument_group("the tutorial's numbers")
    try:
        source = inspect.getsource(config)
    except (OSError, TypeError):        # typed into a notebook, say
        source = ''
    says = dict(re.findall(r'(\w+): \w+ = .*?# (?:Guess: |As found: )?(.*)', source))
    for field, default in config._field_defaults.items():
        if isinstance(default, bool):
            how = {'action': 'store_true'}
        elif field in choices:
            how = {'type': type(default), 'choices': choices[field]}
        elif isinstance(default, int):
            most = MOST_UNITS if field.startswith('n_') else MOST_STEPS
            how = {'type': number(int, 1, most), 'metavar': 'N'}
        elif isinstance(default, float):
            is_share = field.startswith(SHARES)
            how = {'type': number(float, 0, BELOW_1 if is_share else math.inf,
                                  above=field.startswith(POSITIVE)), 'metavar': 'N'}
        else:
            how = {'type': type(default), 'metavar': 'WORD'}
        said = f'{says.get(field, "")} (default {default})'.strip().replace('%', '%%')
        also = ['--epochs'] if field == 'total_epoch' else []
        numbers.add_argument(flag(field), *also, dest=field, default=argparse.SUPPRESS,
                             help=said, **how)


def add_weights(parser) -> None:
    """Give a parser --weights."""
    parser.add_argument('--weights', type=path, metavar='TRACE',
                        help='start from the initial weights of a trace: an .npz, or a '
                        "tutorial's name for the golden one (default: from the seed)")


def flag(field: str) -> str:
    """Return the flag of a Config field: `total_epoch` -> `--total-epoch`."""
    return '--' + field.replace('_', '-')
