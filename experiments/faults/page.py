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
    return table(['<fault', '<tutorial', 'injected', 'not survived', 'steps lost'],
                 cells, f'{survived:,} of {total:,} survived. TensorFlow '
                 f'{found["environment"]["tensorflow"]}, '
                 f'{machine(found["environment"])}.')
