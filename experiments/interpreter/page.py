"""What the page beside this file quotes."""

from tables import load, machine, table


def interpreter(which: str) -> str:
    """Return the interpreter's errors by tutorial and kind, as a table."""
    found = load('interpreter/errors.json')
    kinds = list(found['golden']['conditional'])
    full = which == 'full'
    rows = []
    for name, shares in found[which].items():
        cells = [f'{shares[kind]:.1e}' if kind in shares else '' for kind in kinds]
        cells += [f'{found["seconds_a_step"][name]:.2f}'] * full
        rows.append([name, *cells])
    where = found['environment']
    return table(['<', *(f'`{kind}`' for kind in kinds), *['seconds a step'] * full],
                 rows, (
        f'{machine(where)}, Python {where["python"]}, NumPy {where["numpy"]}.'))
