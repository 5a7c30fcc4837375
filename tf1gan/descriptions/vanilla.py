"""The TensorFlow 1.x MLP GAN as data."""

from typing import Any, Dict

from tf1gan.descriptions import (NORMAL, RELU, SIGMOID, Description, adam_of, dense,
                                 loss, term)

SMALL = {'batch_size': 6, 'n_hidden': 4, 'n_noise': 5}
PICTURES = {'grid': [1, 10], 'prefix': '', 'counts': 'epoch'}


def describe(config: Dict[str, Any]) -> Description:
    """Return what a run with these numbers computes."""
    modes = {'G': 'training', 'D': 'training'}
    objective = loss('log', recorded=-1)        # printed as what is raised
    gene = ('D_gene', ['G'])
    return {
        'images': {'shape': [config['n_input']], 'range': [0, 1], 'held_out': 5000,
                   'order': 'shuffled'},
        'batch_size': config['batch_size'],
        'noise': {**NORMAL, 'size': config['n_noise']},
        'initial': {'weights': f'normal, {config["stddev"]:g}', 'biases': 'zeros'},
        'labels': 0,
        'networks': {
            'G': [dense('G', 1), RELU, dense('G', 2), SIGMOID],
            'D': [dense('D', 1), RELU, dense('D', 2)]},
        'optimizers': {f'Adam_{network}': adam_of(config)
                       for network in 'DG'},
        'updates': [
            {'name': 'D', 'moves': 'D', 'optimizer': 'Adam_D',
             'feeds': {'X': 'images', 'Z': 'noise'}, 'modes': modes, 'averages': [],
             'terms': [term('D_real', ['X'], [1]), term(*gene, [0])],
             'loss': objective},
            {'name': 'G', 'moves': 'G', 'optimizer': 'Adam_G',
             'feeds': {'Z': 'same'}, 'modes': modes, 'averages': [],
             'terms': [term(*gene, [1])], 'loss': objective}],
        'pictures': PICTURES}
