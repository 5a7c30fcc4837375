"""Make the committed runs of a tutorial: make reference-vanilla, reference-minimax ...

    python experiments/reference.py NAME

Interrupted, it goes on where it was when it is called again. Pictures go to
samples/NAME, the log and what a run was made with to experiments/NAME.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import fill_pages

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = {       # of each tutorial its runs: the name of a run and its flags
    'vanilla': {'': []}, 'dcgan': {'': []},
    'conditional': {'': ['--max-steps', '24375']},      # 13 epochs: about an hour
    'minimax': {objective: ['--objective', objective]
                for objective in ('non-saturating', 'saturating')}}


def module(name: str, *args, python: str = sys.executable, **how) -> None:
    """Run `python -m tf1gan.name args`."""
    subprocess.run([python, '-m', f'tf1gan.{name}', *map(str, args)],
                   cwd=str(ROOT), check=True, **how)


def train(folder: Path, tutorial: str, *flags, **how) -> None:
    """Train a run, or go on with it where its folder exists."""
    begin = '--resume' if (ROOT / folder).exists() else '--out'
    module(tutorial, begin, folder, *flags, **how)


def copy_pictures(folder: Path, tutorial: str, prefix: str = '') -> None:
    """Copy a run's pictures, fresh and fixed, to the tutorial's samples."""
    samples = ROOT / 'samples' / tutorial
    for source, target in ('samples', samples), ('fixed', samples / 'fixed'):
        target.mkdir(parents=True, exist_ok=True)
        for path in (folder / source).iterdir():
            shutil.copy(str(path), str(target / (prefix + path.name)))


def front_page(folder: Path, here: Path) -> None:
    """Make the front page's animation."""
    module('replay', 'samples/vanilla', '--out', folder / 'replay')
    for file in 'replay.gif', 'replay.png':
        shutil.copy(str(ROOT / folder / 'replay' / file), str(here))


def digits(folder: Path, here: Path) -> None:
    """Draw many of two digits."""
    for digit in 3, 7:
        module('latent', folder, '--digit', digit, '--count', 20, '--out', here)


MORE = {'vanilla': front_page, 'conditional': digits}   # that a run is good for


def main(tutorial: str) -> None:
    """Train, copy, and fill in the pages."""
    here, folders = ROOT / 'experiments' / tutorial, {}
    for name, flags in COMMITTED[tutorial].items():
        folders[name] = Path('runs') / '-'.join(filter(None, [
            'reference', tutorial, name]))      # as config.json has it
        train(folders[name], tutorial, *flags)
    shutil.rmtree(str(ROOT / 'samples' / tutorial), ignore_errors=True)
    for name, folder in folders.items():
        copy_pictures(ROOT / folder, tutorial, name and f'{name}_')
        (here / name).mkdir(exist_ok=True)
        for file in 'log.csv', 'losses.png', 'config.json', 'env.json':
            shutil.copy(str(ROOT / folder / file), str(here / name))
    if tutorial in MORE:
        MORE[tutorial](folder, here)
    fill_pages.main()
    for name, folder in folders.items():
        if '--max-steps' not in COMMITTED[tutorial][name]:  # or else it may go on
            shutil.rmtree(str(ROOT / folder))


if __name__ == '__main__':
    main(*sys.argv[1:])
