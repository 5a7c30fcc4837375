"""Mistakes of an author who had seen no catalogue: python blind.py [N ...]

blind.json holds each as a sentence and what it replaces in a port's source (old, new,
and which of several places; 0 is all). It also holds right variants, and says so. This
program prints each with what the judge says of it; with numbers, only those. Run it in
the environment of the ports.
"""

import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np

from tf1gan import compare, trace

HERE = Path(__file__).resolve().parent


def changed(source: str, changes: list) -> str:
    """Return a port's source with the replacements; each must find its place."""
    for old, new, *which in changes:
        parts = source.split(old)
        assert len(parts) > 1, f'{old!r} is not in the port'
        if which == [0] or not which:
            source = new.join(parts)
        else:
            n = which[0]
            source = old.join(parts[:n]) + new + old.join(parts[n:])
    return source


def judged(mistake: dict) -> compare.Report:
    """Run a port with a mistake in it; return what the judge says."""
    port = HERE / f'{mistake["port"]}.py'
    module = ModuleType('port')
    exec(changed(port.read_text(), mistake['changes']), module.__dict__)
    np.random.seed(0)
    replay = module.port(mistake['port'].partition('_')[2])
    with tempfile.TemporaryDirectory() as folder:
        replay.save(Path(folder) / 'mine.npz')
        return compare.compare(replay.golden, trace.load(Path(folder) / 'mine.npz'))


def main() -> None:
    """Print every mistake, and what is said of it."""
    mistakes = json.loads((HERE / 'blind.json').read_text())
    for n, mistake in enumerate(mistakes):
        if sys.argv[1:] and str(n) not in sys.argv[1:]:
            continue
        report = judged(mistake)
        right = 'right: ' if mistake.get('right') else ''
        print(f'{n}. {mistake["port"]}: {right}{mistake["what"]}', flush=True)
        for each in report.findings:
            print('   ', each.key, '' if each.sure else '(not sure)',
                  each.cause.sentence if each.cause else f'placed: {each.where}')


if __name__ == '__main__':
    main()
