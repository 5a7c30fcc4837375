"""What the page beside this file quotes."""

from tables import load, machine, rows_of, table


def dcgan_run() -> str:
    """Return what the committed run printed, and what the source would have."""
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
