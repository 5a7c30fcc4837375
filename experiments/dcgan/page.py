"""What the page beside this file quotes."""

from tables import load, machine, rows_of, table


SOURCE = {200: (0.6736, 0.5739, 1.0875, 0.1690)}    # what the source prints
LAST = 0.6982, 0.5918, 1.2856, 0.1545               # and at its end


def dcgan_source() -> str:
    """Return the four numbers that the source prints, beside the committed run's."""
    rows = rows_of('dcgan')

    def ours(row):
        return [row[f'running_{name}_{player}'] for player in 'DG'
                for name in ('loss', 'accuracy')]

    lines = []
    for step, theirs in [*SOURCE.items(), (int(rows[-1]['step']), LAST)]:
        for whose, cells in ('source', theirs), ('here', ours(rows[step])):
            lines.append([step, whose, *(f'{cell:.4f}' for cell in cells)])
    return table(['epoch', '<', 'd_loss', 'd_accuracy', 'gan_loss', 'gen_accuracy'],
                 lines)


def dcgan_run() -> str:
    """Return what the committed run printed, and what the source would print."""
    rows, where = rows_of('dcgan'), load('dcgan/env.json')
    names, lines = ['d_accuracy', 'gan_loss', 'gen_accuracy'], []
    for row in rows[::1000]:
        cells = [(row[f'{name}_D_real'] + row[f'{name}_D_fake']) / 2 if player == 'D'
                 else row[f'{name}_{player}'] for player in 'DG'
                 for name in ('loss', 'accuracy')]
        cells += [row[f'running_{name}_{player}'] for player in 'DG'
                  for name in ('loss', 'accuracy')]
        lines.append([f'{row["step"]:.0f}', *(f'{cell:.4f}' for cell in cells)])
    return table(['epoch', 'd_loss', *names, 'running d_loss', *names], lines, (
        f'{len(rows):,} steps on {machine(where)} ({where["device"]}), with '
        f'TensorFlow {where["tensorflow"]} and Python {where["python"]}.'))
