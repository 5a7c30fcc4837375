"""What the page beside this file quotes."""

import json

from tables import load, table

from tf1gan import curve


def seeds() -> str:
    """Return how many seeds of each group have curves, as a table."""
    found = json.loads(curve.FILE.read_text())
    return table(['<tutorial', '<group', 'steps', 'seeds'], [
        [tutorial, group, f'{each["steps"]:,}',
         len(next(iter(each['curves'].values())))]
        for tutorial, groups in found.items() for group, each in groups.items()])


def slurm() -> str:
    """Return what a sweep under Slurm did, in a sentence."""
    found = load('sweep/slurm.json')
    return (f'Slurm {found["slurm"]}, Snakemake {found["snakemake"]}: '
            f'{found["seeds"]} seeds of {found["steps"]:,} steps, at most '
            f'{found["at_once"]} jobs at once. One was killed after more than '
            f'{found["killed_after"]:,} steps: the first call ended with '
            f'{found["done"]} seeds done, the second with {found["done_after"]}, and a '
            f'third had {found["third_call"]} to train. The killed one has the bits '
            f'of an undisturbed run: {"yes" if found["same_bits"] else "no"}.\n')
