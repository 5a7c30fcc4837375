"""The minimax game as data, saturating or not."""

from typing import Any, Dict

from tf1gan.descriptions import (NORMAL, OF_TORCH, RELU, SIGMOID, TANH, Description,
                                 adam_of, dense, loss, term)

SMALL = {'batch_size': 6, 'n_hidden': 4, 'n_noise': 5}
OUTPUTS = {'tanh': [TANH], 'sigmoid': [SIGMOID], 'linear': []}
PICTURES = {'grid': [1, 10], 'prefix': '', 'counts': 'epoch'}


def describe(config: Dict[str, Any]) -> Description:
    """Return what a run with these numbers computes."""
    modes = {'G': 'training', 'D': 'training'}
    loss_G, target = loss('clamped_log'), 1         # -mean log D(G(z))
    if config['objective'] == 'saturating':         # mean log(1 - D(G(z)))
        loss_G, target = loss('clamped_log', recorded=-1, lowered=-1), 0
    return {
        'images': {'shape': [config['n_input']], 'range': [-1, 1], 'held_out': 0,
                   'order': 'shuffled'},
        'batch_size': config['batch_size'],
        'noise': {**NORMAL, 'size': config['n_noise']},
        'initial': OF_TORCH,
        'labels': 0,
        'networks': {
            'G': [dense('G', 1), RELU, dense('G', 2), *OUTPUTS[config['output']]],
            'D': [dense('D', 1), RELU, dense('D', 2)]},
        'optimizers': {f'Adam_{network}': adam_of(config)
                       for network in 'DG'},
        'updates': [
            {'name': 'D', 'moves': 'D', 'optimizer': 'Adam_D',
             'feeds': {'X': 'images', 'Z': 'noise'}, 'modes': modes, 'averages': [],
             'terms': [term('D_real', ['X'], [1]), term('D_gene', ['G'], [0])],
             'loss': loss('clamped_log')},
            {'name': 'G', 'moves': 'G', 'optimizer': 'Adam_G',
             'feeds': {'Z': 'same' if config['same_noise'] else 'noise'},
             'modes': modes, 'averages': [],
             'terms': [term('D_gene', ['G'], [target])], 'loss': loss_G}],
        'pictures': PICTURES}
