"""The DCGAN of the Keras tutorial as data."""

from typing import Any, Dict

from tf1gan.descriptions import (NORMAL, OF_KERAS, TANH, UPSAMPLE, Description, adam_of,
                                 batch_norm, conv, dense, dropout, leaky_relu, loss,
                                 reshape, term)

SMALL = {'batch_size': 4, 'n_noise': 5, 'n_wide': 3, 'n_narrow': 2}
PICTURES = {'grid': [5, 5], 'prefix': 'gan_mnist_', 'counts': 'step'}


def describe(config: Dict[str, Any]) -> Description:
    """Return what a run with these numbers computes."""
    leaky = leaky_relu(config['slope'])

    def norm(n, images):
        return batch_norm('G', n, config, moving_unbiased=images)

    def update(name, feeds, logit, on, target, mode):
        return {'name': name, 'moves': name[0], 'optimizer': f'Adam_{name[0]}',
                'feeds': feeds, 'modes': {'G': mode, 'D': 'training'},
                'averages': ['G'] if mode == 'training' else [],
                'terms': [term(logit, [on], [target])], 'loss': loss('logits')}

    return {
        'images': {'shape': [28, 28, 1], 'range': [-1, 1], 'held_out': 0,
                   'order': 'replaced'},
        'batch_size': config['batch_size'],
        'noise': {**NORMAL, 'size': config['n_noise']},
        'initial': OF_KERAS,
        'labels': 0,
        'networks': {
            'G': [dense('G', 1), leaky, norm(1, images=False),
                  reshape(7, 7, -1), UPSAMPLE,
                  conv('G', 2, 1, 'SAME'), norm(2, images=True), leaky,
                  UPSAMPLE, conv('G', 3, 1, 'SAME'), TANH],
            'D': [conv('D', 1, 2, 'SAME'), leaky, dropout('1', config['dropout']),
                  conv('D', 2, 2, 'SAME'), leaky, dropout('2', config['dropout']),
                  reshape(-1), dense('D', 3)]},
        'optimizers': {f'Adam_{network}': adam_of(config)
                       for network in 'DG'},
        'updates': [
            update('D_real', {'X': 'images'}, 'D_real', 'X', 1, 'inference'),
            update('D_fake', {'Z': 'noise'}, 'D_gene', 'G', 0, 'inference'),
            update('G', {'Z': 'same'}, 'D_gene', 'G', 1, 'training')],
        'pictures': PICTURES}
