"""What the page beside this file quotes."""

from tables import load, machine, rows_of, table


def minimax_run() -> str:
    """Return the committed runs' losses under both objectives, and their time."""
    runs = [rows_of(f'minimax/{objective}')
            for objective in ('non-saturating', 'saturating')]
    total = sum(row['seconds'] for rows in runs for row in rows)
    lines = []
    for rows in zip(*runs):
        epoch = rows[0]['epoch']
        if epoch == 0 or epoch % 10 == 9:
            lines.append([f'{epoch:.0f}', *(f'{row[name]:.4f}' for row in rows
                                            for name in ('loss_D', 'loss_G'))])
    where = load('minimax/saturating/env.json')
    return table(['epoch', 'D loss, non-saturating', 'G loss', 'D loss, saturating',
                  'G loss'], lines, (
        f'Both runs together took {total / 60:.0f} minutes on {machine(where)}, '
        f'with TensorFlow {where["tensorflow"]}.'))


def minimax_ends() -> str:
    """Return what D makes of images after all steps, seed by seed, as a table."""
    rows = []
    for objective in 'non-saturating', 'saturating':
        ends = [seed['points'][-1] for seed in load(
            f'sweep/minimax_{objective}.json')['seeds']]
        sides = [(end['D_x'] > 0.5, end['D_G_z'] > 0.5) for end in ends]
        rows.append([objective, len(ends), *map(sides.count, (
            (True, False), (True, True), (False, False))), ', '.join(
                f'{end["loss_D"]:.0f}' for end, side in zip(ends, sides)
                if side != (True, False))])
    return table(["<G's objective", 'seeds', 'D tells them apart', 'D calls all real',
                  'D calls all generated', 'loss of D then'], rows)


def minimax_slopes() -> str:
    """Return the gradient norms at G and the mean D(G(z)), window by window."""
    found = load('minimax/slopes.json')
    norms, D_gene = found['gradient_norm_median'], found['D_gene_mean']
    rows = []
    for window in sorted(norms['saturating'], key=lambda name: int(name.split('-')[0])):
        cells = [figure[objective][window] for figure in (norms, D_gene)
                 for objective in ('saturating', 'non-saturating')]
        rows.append([window, *(f'{cell:.2g}' for cell in cells)])
    where = found['environment']
    return table(['<steps', 'norm at G, saturating', 'norm at G, non-saturating',
                  'D(G(z)), saturating', 'D(G(z)), non-saturating'], rows, (
        f'The norms are medians over the steps, D(G(z)) is a mean. The source has it '
        f'near 0 at first: in the first update of G it is '
        f'{found["D_gene_first"]:.2f}, D untrained but for one update. '
        f'{found["steps"]} steps with batches of {found["batch_size"]}, '
        f'Adam {found["learning_rate"]}, seed {found["seed"]}, '
        f'{found["threads"]} thread of an {where["cpu"]}, TensorFlow '
        f'{where["tensorflow"]}.'))


def minimax_density() -> str:
    """Return the sums, the areas and the largest deviations, as a table."""
    found = load('minimax/density.json')
    die, wide, narrow = (found[part] for part in (
        'die', 'standard_normal', 'narrow_normal'))
    rows = [
        ('die, mass function', die['sum_of_masses'], None, 1 / 6, None),
        (f'die, shares of {die["throws"]:,} throws', die['sum_of_shares'], None,
         max(die['counts']) / die['throws'], die['largest_deviation']),
        ('N(0, 1), density', None, wide['integral'], wide['peak'], None),
        (f'N(0, 1), histogram of {wide["draws"]:,} draws', wide['sum_of_heights'],
         wide['area_of_histogram'], None, wide['largest_deviation']),
        (f'normal with sigma {narrow["sigma"]}, density', None, narrow['integral'],
         narrow['peak'], None)]
    return table([
        '<', 'sum of the values', 'area', 'highest value', 'largest deviation'
    ], [[name, *('-' if cell is None else f'{cell:.3f}' for cell in cells)]
        for name, *cells in rows], (
        f'The faces 1 to 6 came {", ".join(map(str, die["counts"]))} times. '
        f'The histogram\'s bins are {wide["bin_width"]:g} wide: the sum of its '
        f'heights, times that, is its area. Seed {found["seed"]}.'))


def minimax_images() -> str:
    """Return the figures of the density over images, in a sentence."""
    found = load('minimax/density.json')['over_images']
    share, empty = (f'{100 * found[name]:.0f} %' for name in ('share_of_variance',
                                                              'empty'))
    return (f'Of {found["images"]:,} images, on the plane of their two main '
            f'directions, which has {share} of their variance. Its highest value is '
            f'{found["peak"]:.3f} per unit of area, its integral '
            f'{found["integral"]:.2f}; in {empty} of the cells of the square from -9 '
            'to 9 lies no image at all.\n')


def minimax_one_dimensional() -> str:
    """Return the distances of G from the data and of D from the optimum."""
    found = load('minimax/one_dimensional.json')
    rows = []
    for seed in sorted(found['seeds'], key=int):
        for moment, step in sorted(found['moments'].items(), key=lambda item: item[1]):
            row = found['seeds'][seed][moment]
            cells = [row[name] for name in (
                'mean', 'sigma', 'total_variation', 'distance_of_one_half',
                'distance_before', 'distance_after')]
            rows.append([seed, moment, step, *(f'{cell:.3f}' for cell in cells)])
    data, where = found['data'], found['environment']
    return table([
        'seed', '<moment', 'step', 'mean of G', 'sigma of G', 'p_g to p_data',
        'constant 1/2 to optimum', 'D to optimum', 'D, G frozen, to optimum'
    ], rows, (
        f'The data are N({data["mean"]:g}, {data["sigma"]:g}²). p_g to p_data is '
        f'the total variation (0: alike, 1: disjoint) over bins of '
        f'{found["bin_width"]:g}; as many draws of the data itself, '
        f'{found["samples"]:,}, give {found["floor_of_total_variation"]:.3f}. '
        f'To optimum: the mean of |D - p_data/(p_data + p_g)|, weighted by '
        f'(p_data + p_g)/2. Two hidden layers of {found["n_hidden"]} tanh, batches of '
        f'{found["batch_size"]}, Adam {found["learning_rate_D"]} for D and '
        f'{found["learning_rate_G"]} for G, beta1 {found["beta1"]}; with G frozen '
        f'{found["frozen_steps"]:,} steps with batches of '
        f'{found["frozen_batch_size"]:,}; {found["threads"]} thread of an '
        f'{where["cpu"]}, TensorFlow {where["tensorflow"]}.'))
