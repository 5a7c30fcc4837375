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
