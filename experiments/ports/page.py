"""What the page beside this file quotes."""

import re

from tables import load, machine, table


def ports() -> str:
    """Return what every port's comparison said, as a table, and the versions."""
    found = load('ports/ports.json')
    rows = [[f'[{name}.py]({name}.py)', f'{port["arrays"]} arrays',
             ('agrees', 'differs')[port['status']]]
            for name, port in found['ports'].items()]
    versions = ', '.join(f'{name} {version}'
                         for name, version in found['versions'].items())
    return table(['<port', 'compared', '<verdict'], rows, (
        f'With {versions}; Python {found["environment"]["python"]}, '
        f'{machine(found["environment"])}.'))


def port_report(which: str) -> str:
    """Return what the comparer printed: of the first port, or of its first mistake."""
    found = load('ports/ports.json')
    if which == 'failing':
        lines, status = found['failing'], 1
    else:
        lines, status = found['ports']['pytorch_vanilla']['report'], 0
    return '\n'.join(['```', '$ python -m tf1gan.compare vanilla mine.npz; echo $?',
                      *lines, str(status), '```\n'])


def port_excerpt() -> str:
    """Return the beginning of the report on the first mistake."""
    lines = load('ports/ports.json')['failing']
    finding = lines[:lines.index('', lines.index('') + 1)]
    return '\n'.join(['```', *(
        line for line in finding if not re.match('   (Evidence|Change: (JAX|Keras))',
                                                 line)), '```', ''])


def sabotage() -> str:
    """Return every mistake, where it was caught and what it was called, as a table."""
    found = load('ports/sabotage.json')
    rows, cells = found['mistakes'], []
    for row in rows:
        named = row['sentence'] if row['named'] else '*placed, not named*'
        caught = '' if row['caught'] else ' (late)'
        cells.append([row['mistake'], row['port'], f'`{row["first"]}`{caught}',
                      named])
    accused = sum(each['status'] != 0 for each in found['unmutated'].values())
    return table(['<mistake', '<port', '<first difference', '<what `compare` says'],
                 cells, (
        f'{len(rows)} mistakes: {sum(row["caught"] for row in rows)} caught at '
        'the first array that they change, '
        f'{sum(row["named"] for row in rows)} named rightly. Of '
        f'{len(found["unmutated"])} replays without a mistake {accused} were '
        'accused.'))


def fresh() -> str:
    """Return what the judge said of sets of mistakes that it had not seen, a table."""
    return table(['<set', '<the judge', 'single mistakes', 'caught', 'named rightly',
                  'said with "perhaps"', 'placed only', '**named falsely**', 'pairs',
                  'pairs with a false word', 'right variants', 'accused'], [
        [each['set'], each['commit'] or '-', *(each[name] for name in (
            'singles', 'caught', 'named', 'perhaps', 'placed', 'false', 'pairs',
            'false_in_pairs', 'right', 'accused'))]
        for each in load('ports/fresh.json')['sets']])


def fresh_line() -> str:
    """Return what the judge said of the last three of these sets, in a sentence."""
    last = load('ports/fresh.json')['sets'][-3:]
    singles, caught, named, false = (
        sum(each[name] for each in last)
        for name in ('singles', 'caught', 'named', 'false'))
    return (f'Of the last {singles} such mistakes it caught {caught}. It named {named} '
            f'rightly and {false} falsely; of the others it said where they are.\n')


def gpu() -> str:
    """Return what runs on a GPU are told: as right runs, then in low precision."""
    found = load('ports/gpu.json')
    modes, coarse = {}, {}
    for run in found['runs']:
        if run['right']:
            modes.setdefault(run['mode'], []).append(run)
        else:
            said = [re.sub(r'^1[.] |;.*', '', line) for line in run.get('report', ())
                    if line.startswith('1. ')]
            coarse.setdefault((run['mode'], *(said or ['agrees'])), []).append(
                run['port'].split('_')[1])
    rows = []
    for mode, runs in modes.items():
        worst = max(runs, key=lambda run: run['worst'])
        rows.append([mode, len(runs), sum(run['worst'] > 1 for run in runs),
                     f'{worst["worst"]:.2f}', f'`{worst["port"]}: {worst["of"]}`'])
    versions = ' and '.join(f'{name} {version}'
                            for name, version in found['versions'].items())
    return '\n'.join([
        table(['<float32, in what mode', 'how many', 'accused',
               'worst share of a limit', '<where'], rows,
              f'{sum(row[1] for row in rows)} right runs, '
              f'{sum(row[2] for row in rows)} accused. {found["gpu"]}, {versions}.'),
        table(['<mode', '<ports', '<what `compare` says'], [
            (mode, ', '.join(sorted(ports)), said)
            for (mode, said), ports in sorted(coarse.items())])])


def right() -> str:
    """Return how near right runs come to their limits, as a table."""
    found = load('ports/right.json')
    rows = [[kind, row['runs'], row['accused'], f'{row["worst"]:.2f}', f'`{row["of"]}`']
            for kind, row in found['runs'].items()]
    return table(['<runs', 'how many', 'accused', 'worst share of a limit', '<where'],
                 rows, f'{sum(row["runs"] for row in found["runs"].values())} right '
                 f'runs, {sum(row["accused"] for row in found["runs"].values())} '
                 f'accused. {machine(found["environment"])}.')
