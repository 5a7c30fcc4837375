"""What the page beside this file quotes."""

from tables import RESULTS, load, machine, results_table, table

from tf1gan import TUTORIALS, spread


def classifier() -> str:
    """Return what the classifier is worth, in a sentence."""
    found = load('classifier/classifier.json')
    return (f'It takes {100 * found["accuracy"]:.2f} % of the 10,000 test images for '
            f'what they are, after {found["epochs"]} epochs in '
            f'{found["seconds"] / 60:.0f} minutes on {machine(found["environment"])}; '
            f'its file has {found["bytes"] / 1000:.0f} kB. The logits in NumPy differ '
            'from TensorFlow 1.15\'s by '
            f'{found["largest_difference_of_logits"]:.0e} at most.\n')


def spreads() -> str:
    """Return what the spread of each tutorial's seeds leaves open, as a table."""
    rows = []
    for name in TUTORIALS:
        base = spread.load(name)
        if base.says_too_little(1):
            cells = ['too few seeds to tell', '', '']
        else:
            cells = []
            for figure in 'divergence, nats', 'confidence', 'Frechet':
                key, places = RESULTS[figure]
                low, high = base.interval(key, 1)
                cells.append(f'{low:.{places}f} to {high:.{places}f}')
        rows.append([base, *cells])
    return table(['<against', 'divergence inside', 'confidence inside',
                  'Frechet inside'], rows)


def results_all() -> str:
    """Return what all tutorials' generators are worth."""
    return results_table(
        TUTORIALS, [name for name in RESULTS if name not in ('nearest', 'as asked')])
