"""What the page beside this file quotes."""

from speed.speed import median
from tables import load, machine, rows_of, table


def conditional_run() -> str:
    """Return the committed run's mean losses by epoch, and how many epochs it has."""
    rows, where = rows_of('conditional'), load('conditional/env.json')
    epochs = load('conditional/config.json')['config']['epochs']
    cells, n_epochs = [], int(rows[-1]['epoch']) + 1
    minutes = sum(row['seconds'] for row in rows) / 60
    milliseconds = median(
        load('speed/speed.json')['steps']['conditional']['tf1gan, stock build'])
    for epoch in range(n_epochs):
        losses = [(row['loss_D'], row['loss_G']) for row in rows
                  if row['epoch'] == epoch]
        means = [sum(column) / len(losses) for column in zip(*losses)]
        cells.append([epoch, *(f'{mean:.4f}' for mean in means)])
    return table(['epoch', 'mean d_loss', 'mean g_loss'], cells, (
        f'{n_epochs} of the {epochs} epochs, {len(rows):,} batches: {minutes:.0f} '
        f'minutes by the log, {len(rows) * milliseconds / 60000:.0f} at the '
        f'{milliseconds:.0f} ms a step of a quiet machine. On '
        f'{machine(where)} ({where["device"]}), with TensorFlow {where["tensorflow"]} '
        f'and Python {where["python"]}.'))
