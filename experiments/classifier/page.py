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


def second() -> str:
    """Return what the second classifier is worth, in a sentence."""
    found = load('classifier/classifier.json')['second']
    kinds = ', '.join(f'{name} {100 * share:.1f} %'
                      for name, share in found['rejected'].items())
    return (f'It takes {100 * found["accuracy"]:.2f} % of the test images for what '
            'they are, if it must choose a digit, and '
            f'{100 * found["no_digit_of_test_images"]:.2f} % of them for none; trained '
            f'for {found["epochs"]} epochs in {found["seconds"] / 60:.0f} minutes on '
            f'{machine(found["environment"])}; its file has '
            f'{found["bytes"] / 1000:.0f} kB. Of spoilt test digits it rejects '
            f'these shares: {kinds}.\n')


KINDS = {'of_training_images': 'training images', 'of_test_images': 'test images',
         'of_uniform_noise': 'uniform noise', 'of_scrambled_digits':
         'test images, pixels shuffled'}


def newer() -> str:
    """Return the newer figures of real images and of no digits, as a table."""
    found = load('classifier/classifier.json')['second']
    names = 'density', 'coverage', 'precision', 'recall', 'kid', 'kid_error'
    rows = []
    for key, words in KINDS.items():
        each = found[key]
        others = [f'{each[name]:.3f}' for name in (
            'no_digit', 'second_disagrees', 'copies', 'copies_p')]
        rows.append([words, 'first', *(f'{each[name]:.3f}' for name in names), *others])
        rows.append(['', 'second', *(f'{each["second"][name]:.3f}' for name in names),
                     '', '', '', ''])
    return table(['<of', '<features of the', 'density', 'coverage', 'precision',
                  'recall', 'KID', 'its error', 'no digit', 'disagree', 'copies', 'p'],
                 rows)


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
