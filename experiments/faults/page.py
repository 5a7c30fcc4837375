"""What the page beside this file quotes."""

from tables import load, machine, table


def campaign() -> str:
    """Return what was injected and what survived, fault by fault, as a table."""
    found = load('faults/faults.json')
    rows = found['rows']
    cells = [[row['fault'], row['tutorial'], f'{row["injected"]:,}',
              f'{row["injected"] - row["survived"]:,}', f'{row["steps_lost"]:,}']
             for row in rows]
    total = sum(row['injected'] for row in rows)
    survived = sum(row['survived'] for row in rows)
    where = '; '.join(f'{name}: TensorFlow {each["tensorflow"]}, {machine(each)}'
                      for name, each in found['machines'].items())
    return table(['<fault', '<tutorial', 'injected', 'not survived', 'steps lost'],
                 cells, f'{survived:,} of {total:,} survived. {where}.')


def soak() -> str:
    """Return how the long runs ended, as a table."""
    found = load('faults/soak.json')
    rows = [[each['run'].replace('_', ', seed '), f'{each["steps"]:,}', *(
        f'{first} and {last}' for first, last in (each['MiB'], each['files'])),
        each['said'] or 'as it should'] for each in found['runs']]
    return table(['<', 'steps kept', 'MiB, early and late', 'open files, likewise',
                  '<ended'], rows, f'{machine(found["environment"])}.')


def grown() -> str:
    """Return what of a run's memory grows, in sentences."""
    of = {(each['tutorial'], each['writes']): each
          for each in load('faults/soak.json')['grown']}
    spans = {key: each['MiB'][-1] - each['MiB'][0] for key, each in of.items()}
    rows = of['collapse', True]['rows']
    return (
        'The steps keep nothing: runs that draw, log and save nothing take '
        f'{spans["vanilla", False]:.1f} MiB more after 20,000 steps of vanilla than '
        f'after 4,000, and {spans["collapse", False]:.1f} in collapse. What grows '
        'comes with pictures, log and saves; most of it is memory that is free again '
        'and that the C library keeps. Told to give it back, it leaves '
        f'{spans["vanilla", True]:.1f} and {spans["collapse", True]:.1f} MiB. In '
        f'collapse those are the {rows:,} rows of its log.\n')
