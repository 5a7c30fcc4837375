"""The conditional DCGAN of the Keras tutorial as data."""

from typing import Any, Dict

from tf1gan.descriptions import (LABELS, OF_KERAS, RELU, TANH, UPSAMPLE, Description,
                                 adam_of, batch_norm, conv, dense, dropout, leaky_relu,
                                 loss, reshape, term)

SMALL = {'batch_size': 4, 'n_noise': 5, 'n_dense_G': 7, 'n_wide': 3, 'n_narrow': 2,
         'n_dense_D': 6}
PICTURES = {'grid': [10, 10], 'prefix': '', 'counts': 'epoch'}


def describe(config: Dict[str, Any]) -> Description:
    """Return what a run with these numbers computes."""
    leaky = leaky_relu(config['slope'])

    def norm(n):
        return batch_norm('G', n, config, moving_unbiased=False)

    noise = {'Z': 'noise', 'Z_labels': 'noise'}
    return {
        'images': {'shape': [28, 28, 1], 'range': [-1, 1], 'held_out': 0,
                   'order': 'file'},
        'batch_size': config['batch_size'],
        'noise': {'law': 'uniform', 'low': -1, 'high': 1, 'size': config['n_noise']},
        'initial': OF_KERAS,
        'labels': 10,
        'networks': {
            'G': [LABELS, dense('G', 1), norm(1), RELU,
                  dense('G', 2), norm(2), RELU,
                  reshape(7, 7, -1), UPSAMPLE,
                  conv('G', 3, 1, 'SAME'), norm(3), RELU,
                  UPSAMPLE, conv('G', 4, 1, 'SAME'), TANH],
            'D': [LABELS, conv('D', 1, 2, 'SAME'), leaky,
                  conv('D', 2, 2, 'VALID'), leaky, reshape(-1),
                  dense('D', 3), leaky, dropout('1', config['dropout']),
                  dense('D', 4)]},
        'optimizers': {f'Adam_{network}': adam_of(config, network)
                       for network in 'DG'},
        'updates': [
            {'name': 'D', 'moves': 'D', 'optimizer': 'Adam_D',
             'feeds': {'X': 'images', 'X_labels': 'images', **noise},
             'modes': {'G': 'inference', 'D': 'training'}, 'averages': [],
             'terms': [term('D', ['X', 'G'], [1, 0])], 'loss': loss('clipped_logits')},
            {'name': 'G', 'moves': 'G', 'optimizer': 'Adam_G', 'feeds': noise,
             'modes': {'G': 'training', 'D': 'training'}, 'averages': ['G'],
             'terms': [term('D_gene', ['G'], [1])], 'loss': loss('clipped_logits')}],
        'pictures': PICTURES}
