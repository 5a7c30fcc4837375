"""The mode-collapse ladder as data: every rung, and the sanity check."""

from typing import Any, Dict

from tf1gan.descriptions import (NORMAL, OF_TORCH, SIGMOID, Description, adam_of, dense,
                                 leaky_relu, loss, term)

SMALL = {'n_hidden': 3}
PICTURES = {'grid': [2, 3], 'prefix': 'rung_', 'counts': 'done'}
UNIFORM = {'law': 'uniform', 'low': 0, 'high': 1}


def describe(config: Dict[str, Any]) -> Description:
    """Return what a run of a rung computes."""
    rung = config['rung']
    modern = rung > 1

    def hidden(network):
        return [leaky_relu(config['slope']), {
            'op': 'layer_norm', 'gain': f'{network}_gain', 'shift': f'{network}_shift',
            'epsilon': config['norm_epsilon'], 'unbiased': False}
        ] if modern else [SIGMOID]

    def update(name, fed, kind, logit, on, target):
        return {'name': name, 'moves': name[0], 'optimizer': f'{optimizer}_{name[0]}',
                'feeds': {fed: kind}, 'modes': {'G': 'training', 'D': 'training'},
                'averages': [], 'terms': [term(logit, [on], [target])],
                'loss': loss('clamped_log' if modern else 'squared')}

    optimizer = 'Adam' if modern else 'SGD'
    numbers = adam_of(config, 'Adam') if modern else {
        'kind': 'SGD', 'learning_rate': config['learning_rate_SGD']}
    noise = {**(NORMAL if rung == 4 else UNIFORM), 'size': 1 if rung < 3 else 100}
    updates = [update('D_real', 'X', 'images', 'D_real', 'X', 1)]
    if config['sanity']:        # D alone, against images of noise
        noise = {**UNIFORM, 'size': config['n_input']}
        updates += [update('D_noise', 'X', 'noise', 'D_real', 'X', 0)]
    else:
        updates += [update('D_fake', 'Z', 'noise', 'D_gene', 'G', 0),
                    update('G', 'Z', 'noise', 'D_gene', 'G', 1)]
    return {
        'images': {'shape': [config['n_input']], 'range': [0, 1], 'held_out': 0,
                   'order': 'file'},
        'batch_size': config['batch_size'],
        'noise': noise,
        'initial': OF_TORCH,
        'labels': 0,
        'networks': {
            'G': [dense('G', 1), *hidden('G'), dense('G', 2), SIGMOID],
            'D': [dense('D', 1), *hidden('D'), dense('D', 2)]},
        'optimizers': {f'{optimizer}_{network}': numbers for network in 'DG'},
        'updates': updates,
        'pictures': PICTURES}
