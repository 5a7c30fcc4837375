"""A run's pictures in motion: `python -m tf1gan.replay RUN`.

RUN is a run folder, or a folder of numbered pictures such as samples/vanilla. It writes
replay.png, a sheet of the pictures with their moments; replay.gif; and replay.html, one
file with a slider and the losses that needs no other file. NumPy and Pillow only.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Dict, List

from tf1gan import InputError, flags
from tf1gan.replay import drawing, page, reading


def replay(options) -> Dict[str, bytes]:
    """Return the three files that the command line asks for, by name.

    Raises: InputError when what they are made of is missing or damaged.
    """
    run = Path(options.run)
    folder, prefix, names = reading.find(run, options.series, options.fresh,
                                         options.order)
    pictures = reading.read(run, prefix, names)
    path = Path(options.log) if options.log else reading.find_log(run, prefix)
    try:
        log = reading.read_log(path) if path else None
    except InputError as error:
        if options.log:
            raise
        print(f'note: without losses: {error}', file=sys.stderr)
        log = None
    title = '/'.join(run.resolve().parts[-2:])
    if options.series:
        title += f', {prefix.rstrip("_")}'
    note = ('The same noise' if folder.resolve().name == 'fixed' else 'Fresh noise')
    return {'replay.png': drawing.sheet(pictures),
            'replay.gif': drawing.gif(pictures, options.seconds),
            'replay.html': page.render(title, note + ' at every moment', pictures, log,
                                       options.seconds)}


def home(options) -> Path:
    """Return the folder of the three files that are asked for without --out."""
    run = Path(options.run)
    if os.path.isdir(str(run / 'samples')):
        return run / 'replay'
    series = f'-{options.series.rstrip("_")}' if options.series else ''
    return Path('replay') / (run.resolve().name + series)


def order(text: str) -> List[str]:
    """Be an argparse type: what each number is; one at least is not `series`."""
    words = text.split(',')
    if not set(words) <= set(reading.ORDER) or set(words) == {'series'} or any(
            words.count(word) > 1 for word in words if word != 'series'):
        raise argparse.ArgumentTypeError(
            f'expected words out of {", ".join(reading.ORDER)}, with commas between '
            f'them, each once, found {text!r}')
    return words


def main() -> int:
    """Write the three files; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.replay', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('run', metavar='RUN', type=flags.path,
                        help='a run folder, or one of pictures (samples/vanilla)')
    parser.add_argument('--out', metavar='DIR', type=flags.path,
                        help='where the files go (default: RUN/replay, for a folder of '
                        'pictures replay/NAME here)')
    parser.add_argument('--fresh', action='store_true',
                        help='the pictures of fresh noise (default: those of the noise '
                        'that never changes, where there are any)')
    parser.add_argument('--log', metavar='FILE', type=flags.path,
                        help="the log.csv with the losses (default: the run's)")
    parser.add_argument('--series', metavar='PREFIX', type=flags.path,
                        help="what the pictures' names begin with, where several "
                        'series share a folder')
    parser.add_argument('--order', metavar='WORDS', type=order,
                        help="what the numbers in the pictures' names are, in their "
                        'order: epoch, step, batch, done (epochs) or series; '
                        'epoch,batch for train_00_0099.png (default: what the names '
                        'say)')
    parser.add_argument('--seconds', metavar='S', type=flags.number(float, 0.05, 10),
                        default=0.5, help='how long each picture is shown (default '
                        '0.5)')
    return flags.write_files(parser, replay, home)


if __name__ == '__main__':
    sys.exit(main())
