"""Descriptions: what each tutorial computes, as plain data that JSON can hold.

`describe(config)` of a module here, or of a page of one's own, returns

    images      shape of one; range [low, high]; held_out, of the file's first ones;
                order: shuffled, file, or replaced (drawn with replacement)
    batch_size  images a step, of either kind
    noise       law: normal (mean, deviation) or uniform (low, high); size of a vector
    initial     the laws of weights and of biases, in words; normalizations begin as the
                identity
    labels      how many; 0 where the networks take none. D's are those of X or of Z
    networks    G and D, each a list of layers; D ends with its logit
    optimizers  by name: kind Adam (learning_rate, beta1, beta2, epsilon) or SGD
                (learning_rate)
    updates     of a step, in their order (below)
    pictures    grid [rows, columns]; prefix of their names; counts: what the number
                in a name counts: epoch, done (epochs before it) or step

A layer is {'op': ..., ...}: `LAYERS` says what each holds. An update holds

    name        D, G, D_real, ...: as in a trace
    moves       the network whose weights the optimizer moves
    optimizer   its name; updates of one name share its moments and its count
    feeds       by name: images (the next batch), noise (drawn anew), or same (what the
                last update with this name was fed)
    modes       of G and D, training or inference: of batch normalization and dropout
    averages    the networks whose moving averages move, in training mode
    terms       of the loss, each the mean over one call of D: the logit's name; `on`,
                the batches joined for that call: X, or G for its images; their targets
    loss        kind (see below); recorded and lowered: the factors of the sum of the
                terms in what is recorded, and in what the optimizer lowers

A loss is a kind of `LOSSES`: the cross-entropy in nats of log (the sigmoid's log as it
is), clamped_log (torch's, at -100), logits (Keras's, computed from the logits) or
clipped_logits (Keras 1's, of the sigmoid clipped to [1e-7, 1 - 1e-7]); or squared (the
sigmoid's squared error) or least_squares (that of the logit itself).

SMALL, beside `describe`, holds the numbers of the config that are small in the golden
trace. This file is NumPy only, and so is all that reads descriptions.
"""

import ast
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Sequence

from tf1gan import TUTORIALS, InputError, schema

Description = Dict[str, Any]
Layer = Dict[str, Any]

LAYERS = {      # what a layer holds beside its op: names of weights, then numbers
    'dense': ('W', 'b'),
    'conv': ('W', 'b', 'stride', 'padding'),    # SAME, VALID or [before, after]
    'batch_norm': ('gamma', 'beta', 'mean', 'variance', 'epsilon', 'momentum',
                   'unbiased', 'moving_unbiased'),  # variances over n - 1, not n
    'layer_norm': ('gain', 'shift', 'epsilon', 'unbiased'),
    'leaky_relu': ('slope',),
    'relu': (), 'sigmoid': (), 'tanh': (),
    'dropout': ('mask', 'rate'),    # the name of its mask, of 0 and 1/(1 - rate)
    'labels': (),                   # joins one-hot labels: numbers, or planes
    'reshape': ('shape',), 'transpose': ('axes',),      # of one image
    'upsample': ('factor',)}        # every pixel repeated, both ways
TRAINED = 'W', 'b', 'gamma', 'beta', 'gain', 'shift'    # by an optimizer
WEIGHTS = TRAINED + ('mean', 'variance')
LOSSES = 'log', 'clamped_log', 'logits', 'clipped_logits', 'squared', 'least_squares'
OPTIMIZERS = {'Adam': ('learning_rate', 'beta1', 'beta2', 'epsilon'),
              'SGD': ('learning_rate',)}
LAWS = {'normal': ('mean', 'deviation'), 'uniform': ('low', 'high')}    # of noise

# Schemas (tf1gan.schema).
CONFIG = {str: (float, str, bool, None)}
PARTS = {**{part: str for part in (*WEIGHTS, 'mask')}, 'stride': schema.SIZE,
         'padding': ({'SAME', 'VALID'}, [range(1000), range(1000)]), 'epsilon': float,
         'momentum': float, 'unbiased': bool, 'moving_unbiased': bool, 'slope': float,
         'rate': float, 'shape': [int], 'axes': [range(10)], 'factor': range(1, 100)}
OPTIMIZER = {'kind': set(OPTIMIZERS), **{
    f'~{number}': float for numbers in OPTIMIZERS.values() for number in numbers}}
MODE = {'training', 'inference'}
UPDATE = {'name': str, 'moves': {'G', 'D'}, 'optimizer': str,
          'feeds': {str: {'images', 'noise', 'same'}}, 'modes': {'G': MODE, 'D': MODE},
          'averages': [{'G', 'D'}],
          'terms': [{'logit': str, 'on': [{'X', 'G'}], 'targets': [float]}],
          'loss': {'kind': set(LOSSES), 'recorded': float, 'lowered': float}}
DESCRIPTION = {
    'images': {'shape': [schema.SIZE], 'range': [float, float],
               'held_out': schema.COUNT, 'order': {'shuffled', 'file', 'replaced'}},
    'batch_size': schema.SIZE, '~initial': {'weights': str, 'biases': str},
    'noise': {'law': set(LAWS), 'size': range(1, 10 ** 6)}, 'labels': range(1000),
    'networks': {network: [{'op': set(LAYERS)}] for network in 'GD'},
    'optimizers': {str: OPTIMIZER}, 'updates': [UPDATE],
    '~pictures': {'grid': [schema.SIZE, schema.SIZE], 'prefix': str,
                  'counts': {'epoch', 'done', 'step'}}}


def find(tutorial: str) -> ModuleType:
    """Return the module that describes a tutorial."""
    return importlib.import_module(f'tf1gan.descriptions.{tutorial}')


def numbers(tutorial: str) -> Dict[str, Any]:
    """Return a tutorial's own numbers: its page's Config, read without TensorFlow."""
    path = Path(__file__).resolve().parent.parent / f'{tutorial}.py'
    config = next(node for node in ast.parse(path.read_text(encoding='utf-8')).body
                  if isinstance(node, ast.ClassDef) and node.name == 'Config')
    return {field.target.id: eval(compile(ast.Expression(field.value), str(path),
                                          'eval'), {})
            for field in config.body if isinstance(field, ast.AnnAssign)}


def numbers_of(meta: Dict[str, Any]) -> Dict[str, Any]:
    """Return the config of a trace or a run; what an older one lacks is the tutorial's.
    """
    own = 'description' not in meta and meta['tutorial'] in TUTORIALS
    return {**(numbers(meta['tutorial']) if own else {}), **meta['config']}


def of(meta: Dict[str, Any], source: Any) -> Description:
    """Return the description in the meta of a trace or a run, or its tutorial's own.

    `source` says where the meta is from.

    Raises: InputError when there is neither, or the config has another kind of number.
    """
    if meta.get('description') is not None:
        return meta['description']
    if 'description' in meta or meta['tutorial'] not in TUTORIALS:
        raise InputError(f'{source}: expected one of {", ".join(TUTORIALS)}, or a '
                         f'description, found {meta["tutorial"]} without one; record '
                         'it with a `describe` beside its page')
    try:
        check_config(meta)
        return find(meta['tutorial']).describe(numbers_of(meta))
    except (KeyError, ValueError) as error:
        raise InputError(f'{source}: expected the config of {meta["tutorial"]}, found '
                         f'{error}; record it again')


def check_config(meta: Dict[str, Any]) -> None:
    """Raise ValueError where a tutorial's number is not of its page's type."""
    schema.check(meta['config'], {
        f'~{name}': schema.SIZE if type(value) is int else type(value)
        for name, value in numbers(meta['tutorial']).items()}, 'config')


def update_of(description: Description, name: str) -> Dict[str, Any]:
    """Return an update by its name.

    Raises: InputError when there is none.
    """
    for each in description['updates']:
        if each['name'] == name:
            return each
    known = ', '.join(each['name'] for each in description['updates'])
    raise InputError(f'expected one of the updates {known}, found {name}; name one of '
                     'these, or record the trace again')


def trained(layers: List[Layer]) -> List[str]:
    """Return the names of the weights that an optimizer may move, in their order."""
    return names(layers, TRAINED)


def names(layers: List[Layer], parts: Sequence[str] = WEIGHTS) -> List[str]:
    """Return the names of a network's weights and moving averages, in their order."""
    return [layer[part] for layer in layers for part in LAYERS.get(layer['op'], ())
            if part in parts]


def has(description: Description, op: str) -> bool:
    """Return whether a network has a layer of a kind."""
    return any(layer['op'] == op for layers in description['networks'].values()
               for layer in layers)


def trains(description: Description, network: str) -> bool:
    """Return whether an update moves a network."""
    return any(update['moves'] == network for update in description['updates'])


def law(description: Description) -> str:
    """Return the noise's law in words: N(0, 1), say."""
    noise = description['noise']
    ends = ', '.join(f'{noise[name]:g}' for name in LAWS[noise['law']])
    return f'{noise["law"][0].upper()}({ends})'


def check(description: Any) -> None:
    """Raise ValueError where data are no description."""
    def expect(right, what, found):
        if not right:
            raise ValueError(f'a description with {what} {found!r}')

    schema.check(description, DESCRIPTION, 'description')
    for layer in description['networks']['G'] + description['networks']['D']:
        parts = LAYERS[layer['op']]
        expect(set(layer) == {'op', *parts}, 'the layer', layer)
        schema.check(layer, {part: PARTS[part] for part in parts}, layer['op'])
    for optimizer in description['optimizers'].values():
        expect(set(optimizer) == {'kind', *OPTIMIZERS[optimizer['kind']]},
               'the optimizer', optimizer)
    for update in description['updates']:
        expect(update['optimizer'] in description['optimizers'],
               'an update that optimizer', update['optimizer'])
        for each in update['terms']:
            expect(len(each['on']) == len(each['targets']) > 0, 'the term', each)
    noise = description['noise']
    ends = LAWS[noise['law']]
    expect(set(noise) == {'law', 'size', *ends}, 'the noise', noise)
    schema.check(noise, {end: float for end in ends}, 'noise')


# --- The words of a description -------------------------------------------------------

def dense(network: str, n: int) -> Layer:
    """Return the dense layer of W and b `n`."""
    return {'op': 'dense', 'W': f'{network}_W{n}', 'b': f'{network}_b{n}'}


def conv(network: str, n: int, stride: int, padding: str) -> Layer:
    """Return the convolution of W and b `n`."""
    return {**dense(network, n), 'op': 'conv', 'stride': stride, 'padding': padding}


def batch_norm(network: str, n: int, config: Dict[str, Any],
               moving_unbiased: bool) -> Layer:
    """Return Keras's batch normalization, of a config's numbers."""
    name = f'{network}_norm{n}'
    return {'op': 'batch_norm', 'gamma': f'{name}_gamma', 'beta': f'{name}_beta',
            'mean': f'{name}_mean', 'variance': f'{name}_variance',
            'epsilon': config['norm_epsilon'], 'momentum': config['momentum'],
            'unbiased': False, 'moving_unbiased': moving_unbiased}


def leaky_relu(slope: float) -> Layer:
    """Return a LeakyReLU."""
    return {'op': 'leaky_relu', 'slope': slope}


def dropout(mask: str, rate: float) -> Layer:
    """Return a dropout."""
    return {'op': 'dropout', 'mask': mask, 'rate': rate}


def reshape(*shape: int) -> Layer:
    """Return a reshape of every image."""
    return {'op': 'reshape', 'shape': list(shape)}


RELU, SIGMOID, TANH, LABELS = ({'op': op} for op in ('relu', 'sigmoid', 'tanh',
                                                     'labels'))
UPSAMPLE = {'op': 'upsample', 'factor': 2}
# Initial laws: torch's, Keras's.
OF_TORCH = {'weights': 'uniform, 1/sqrt(inputs)', 'biases': 'uniform, 1/sqrt(inputs)'}
OF_KERAS = {'weights': 'glorot_uniform', 'biases': 'zeros'}
NORMAL = {'law': 'normal', 'mean': 0, 'deviation': 1}


def adam(learning_rate: float, beta1: float = 0.9, epsilon: float = 1e-8
         ) -> Dict[str, Any]:
    """Return an Adam; its second beta is 0.999 in every tutorial."""
    return {'kind': 'Adam', 'learning_rate': learning_rate, 'beta1': beta1,
            'beta2': 0.999, 'epsilon': epsilon}


def adam_of(config: Dict[str, Any], word: str = '') -> Dict[str, Any]:
    """Return the Adam of a config's numbers; with a `word`, of those that end in it."""
    def own(name):
        return config.get(f'{name}_{word}', config.get(name))

    return adam(own('learning_rate'), own('beta1'), config['epsilon'])


def loss(kind: str, recorded: int = 1, lowered: int = 1) -> Dict[str, Any]:
    """Return a loss; with 1 and 1 it is lowered, and recorded as it is."""
    return {'kind': kind, 'recorded': recorded, 'lowered': lowered}


def term(logit: str, on: List[str], targets: List[float]) -> Dict[str, Any]:
    """Return a term of a loss: one call of D."""
    return {'logit': logit, 'on': on, 'targets': targets}
