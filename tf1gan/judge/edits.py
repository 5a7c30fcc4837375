"""Mistakes as edits: other layers, losses, gradients, optimizers, and what they see.

Each function here yields the edits that can show in one kind of array first: `Edit`s,
and `Family`s, whose number is fitted. They are general: any layer of a kind, any
number. The names are those of `tf1gan.mistakes`, which has the words. NumPy only.
"""

from typing import Any, Callable, Dict, Iterator, List, Union

import numpy as np

from tf1gan import descriptions
from tf1gan.descriptions import Layer
from tf1gan.interpreter import ENLARGED, predict
from tf1gan.judge import Edit, Family, Way

Edits = Iterator[Union[Edit, Family]]
ACTIVATIONS = ('relu', 'leaky_relu', 'sigmoid', 'tanh', 'elu', 'selu', 'softplus',
               'silu', 'gelu', 'gelu_tanh', 'mish', 'softsign', 'relu6', 'hard_tanh',
               'hard_sigmoid', 'older_hard_sigmoid', 'tanh01')
PLAIN = [op for op in ACTIVATIONS if op != 'leaky_relu']
NORMS = 'batch_norm', 'layer_norm'
SLOPES = 0.01, 0.1, 0.2, 0.3
RANGES = {'[0, 1] to [-1, 1]': (2., -1.), '[-1, 1] to [0, 1]': (0.5, 0.5),
          '255 times as large': (255., 0.), '1/255 as large': (1 / 255, 0.),
          'the sign turned': (-1., 0.), 'black for white': (-1., 1.)}


class Case:
    """An update in which something does not follow, and what was found so far."""

    def __init__(self, way: Way):
        self.way, self.update = way, way.update     # with what was found so far
        self.own, self.start = way.start.own, way.start
        self.networks = way.description['networks']
        self.optimizer = way.description['optimizers'][way.update['optimizer']]

    def found(self, kind: str) -> Dict[str, np.ndarray]:
        """Return the port's arrays of a kind in this update, by name."""
        return {key[len(kind) + 1:]: array.astype(float)
                for key, array in self.own.items() if key.startswith(f'{kind}/')}


# --- How a way is changed -------------------------------------------------------------

def in_network(what: str, where: str, change: Callable, **values: Any) -> Edit:
    """Return the edit that changes the list of a network's layers."""
    def apply(way):
        networks = way.description['networks']
        return way._replace(description={**way.description, 'networks': {
            **networks, where: change(networks[where])}})
    return Edit(what, 'network', where, apply, values)


def in_update(what: str, case: Case, change: Callable, **values: Any) -> Edit:
    """Return the edit that changes an update's dict."""
    return Edit(what, 'update', case.update['name'], lambda way: way._replace(
        update=change(way.update)), values)


def in_optimizer(what: str, case: Case, change: Dict[str, Any], **values: Any) -> Edit:
    """Return the edit that changes some of an optimizer's numbers."""
    where = case.update['optimizer']

    def apply(way):
        optimizers = way.description['optimizers']
        return way._replace(description={**way.description, 'optimizers': {
            **optimizers, where: {**optimizers[where], **change}}})
    return Edit(what, 'optimizer', where, apply, values)


def each(places: List[int], change: Callable[[Layer], List[Layer]]) -> Callable:
    """Return the change of a list that puts other layers for those at some places."""
    return lambda layers: [new for layer in layers for new in (
        change(layer) if layer.get('place') in places else [layer])]


# --- Networks -------------------------------------------------------------------------

def network(case: Case, name: str) -> Edits:
    """Yield the edits of a network's layers."""
    layers = [layer for layer in case.networks[name] if 'place' in layer]
    by_op: Dict[str, List[int]] = {}
    for layer in layers:
        by_op.setdefault(layer['op'], []).append(layer['place'])
    groups = [places for places in by_op.values() if len(places) > 1]
    groups += [[layer['place']] for layer in layers]
    at = {layer['place']: layer for layer in layers}
    for places in groups:
        first = at[places[0]]
        values = {'network': name, 'layers': places, 'op': first['op']}

        def edit(what, change, **more):
            return in_network(what, name, each(places, change), **{**values, **more})

        yield from _of_layer(case, name, first, edit)
    yield from _of_order(case, name, layers)
    for places in groups:
        first = at[places[0]]
        if first['op'] in ('dense', 'conv') + NORMS:
            yield from _added(case, name, places, first)


def _added(case: Case, name: str, places: List[int], first: Layer) -> Edits:
    """Yield the edits that have a layer more."""
    def then(what, **layer):
        more = {key: layer[key] for key in ('slope', 'over') if key in layer}
        return in_network(what, name, each(places, lambda old: [old, layer]),
                          network=name, layers=places, op=first['op'], new=layer['op'],
                          **more)

    layers = case.networks[name]
    if not any(one.get('place') in places and other['op'] in ACTIVATIONS
               for one, other in zip(layers, layers[1:])):
        for op in PLAIN:
            yield then('activation added', op=op)
        yield Family(lambda slope: then('activation added', op='leaky_relu',
                                        slope=slope), SLOPES)
    if first['op'] in ('dense', 'conv'):
        units = min(case.start.weights[layer['W']].shape[-1] for layer in layers
                    if layer.get('place') in places)
        n = max(len(array) for array in case.start.feed.values())
        dense = [[0]] * (n > 1) + [[1]] * (units > 1)   # of one number nothing is left
        for over in (dense if first['op'] == 'dense' else
                     [[0, 1, 2], [1, 2], [1, 2, 3]]):
            yield then('normalization added', op='standardize', over=over, epsilon=1e-5)


def _of_layer(case: Case, network: str, first: Layer, edit: Callable) -> Edits:
    """Yield the edits of the layers of one kind, `first` and perhaps others."""
    op = first['op']

    def merge(**numbers):
        return lambda layer: [{**layer, **numbers}]

    def instead(**layer):
        return lambda old: [{**layer, 'place': old['place']}]

    def slope(name, change):
        return Family(lambda slope: edit(name, change(op='leaky_relu', slope=slope),
                                         number=slope, new='leaky_relu'), SLOPES)

    if op in ACTIVATIONS:
        yield edit('activation missing', instead(op='nothing'))
        for other in PLAIN:
            if other != op:
                yield edit('another activation', instead(op=other), new=other)
        yield slope('slope of the activation' if 'relu' in op else 'another activation',
                    instead)
    if op in ('dense', 'conv'):
        yield edit('bias missing', merge(bias=0))
        yield Family(lambda number: edit('bias scaled', merge(bias=number),
                                         number=number), (2., 0.5))
        for bits, kind in ((8, 'bfloat16'), (11, 'TF32 or float16')):
            for out in ('product', 'both', None):
                yield edit('low precision of a layer', merge(bits=bits, out=out),
                           kind=kind)
        yield Family(lambda number: edit('weights scaled', merge(scale=number),
                                         number=number), (0.5, 2., 0.1))
        shape = case.start.weights[first['W']].shape
        if op == 'dense' and shape[0] == shape[1]:
            yield edit('weights transposed', merge(axes=(1, 0)))
    if op == 'conv':
        yield edit('kernel turned', merge(axes=(1, 0, 2, 3)))
        yield edit('kernel flipped', merge(flipped=[0, 1]))
        k = shape[0]
        every = [[before, after] for before in range(k) for after in range(k)]
        for padding in sorted(every, key=lambda each: abs(each[0] - each[1])):
            yield edit('padding', merge(padding=padding), padding=padding)
    if op in NORMS:
        gain, shift = (('gamma', 'beta') if op == 'batch_norm' else ('gain', 'shift'))
        yield edit('normalization missing', instead(op='nothing'))
        yield Family(lambda number: edit('epsilon of the normalization', merge(
            epsilon=abs(number)), number=abs(number)), (1e-3, 1e-5, 1e-8))
        yield edit('gain from 1', merge(offset=1))
        yield edit('variance of the normalization', merge(
            unbiased=not first['unbiased']), biased=first['unbiased'])
        for part in gain, shift:
            yield edit('part of the normalization missing', merge(no=part), part=part)
        for axes in ([0], [1], [0, 1, 2], [1, 2], [1, 2, 3]):
            ndim = case_dims(case, network, first)
            if max(axes) < ndim and axes != ([1] if op == 'layer_norm' else
                                             list(range(ndim - 1))):
                yield edit('another normalization', lambda old, axes=axes: [{
                    'op': 'layer_norm', 'gain': old[gain], 'shift': old[shift],
                    'epsilon': old['epsilon'], 'unbiased': False, 'over': axes,
                    'place': old['place']}], over=axes)
    if op == 'batch_norm':
        for mode in 'training', 'inference':
            if case.update['modes'][network] != mode:
                yield edit('mode of the normalization', merge(mode=mode), mode=mode)
    if op == 'upsample':
        for how in ENLARGED:
            yield edit('upsampling', instead(op='resize', how=how,
                                             factor=first['factor']), how=how)
    if op == 'reshape' and len(first['shape']) == 3:
        height, width, channels = first['shape']
        yield edit('order of flattening', lambda old: [
            {'op': 'reshape', 'shape': [case_channels(case, network), height, width]},
            {'op': 'transpose', 'axes': [1, 2, 0], 'place': old['place']}],
            how='channels first')
        yield edit('order of flattening', lambda old: [
            {**old, 'place': None}, {'op': 'transpose', 'axes': [2, 0, 1]}, old],
            how='its weights over channels first, its units not')
        yield edit('order of flattening', lambda old: [
            old, {'op': 'transpose', 'axes': [1, 0, 2]}], how='width before height')
    if op == 'reshape' and first['shape'] == [-1]:
        for axes, how in (([2, 0, 1], 'channels first'),
                          ([1, 0, 2], 'width before height')):
            yield edit('order of flattening', lambda old, axes=axes: [
                {'op': 'transpose', 'axes': axes}, old], how=how)
        yield edit('order of flattening', lambda old: [
            {'op': 'channels_read_first'}, old],
            how='its weights over channels first, its pixels not')
    if op == 'labels':
        yield edit('labels missing', merge(scale=0))
        yield edit('labels reversed', merge(reversed=True))
        yield edit('labels before the input', merge(first=True))
        yield edit('labels of 1 and -1', merge(scale=2, shift=-1))
        yield Family(lambda number: edit('labels scaled', merge(scale=number),
                                         number=number), (0.5, 2.))
    if op == 'dropout':
        yield edit('dropout off', instead(op='nothing'))
        yield edit('dropout inverted', merge(inverted=True))
        yield Family(lambda number: edit('dropout scaled', merge(scale=number),
                                         number=number), (1 - first['rate'], 2.))


def case_dims(case: Case, network: str, layer: Layer) -> int:
    """Return how many axes a normalization's input has."""
    ops = [each['op'] for each in case.networks[network][:case.networks[network].index(
        layer)]]
    flat = [op for op in ops if op in ('dense', 'conv', 'reshape')]
    return 4 if flat and flat[-1] in ('conv', 'reshape') else 2


def case_channels(case: Case, network: str) -> int:
    """Return the channels of the images that a network's reshape makes."""
    layers = case.networks[network]
    kernel = next(layer['W'] for layer in layers if layer['op'] == 'conv')
    return case.start.weights[kernel].shape[2]


def _of_order(case: Case, name: str, layers: List[Layer]) -> Edits:
    """Yield the edits of a network's order, and of its two ends."""
    pairs = [(one['place'], other['place']) for one, other in zip(layers, layers[1:])
             if one['op'] in NORMS and other['op'] in ACTIVATIONS
             or one['op'] in ACTIVATIONS and other['op'] in NORMS + ('dropout',)]

    def swapped(these):
        def change(layers):
            result = list(layers)
            for i, (one, other) in enumerate(zip(layers, layers[1:])):
                if (one.get('place'), other.get('place')) in these:
                    result[i], result[i + 1] = other, one
            return result
        return change

    for these in ([pairs] if len(pairs) > 1 else []) + [[pair] for pair in pairs]:
        yield in_network('order of layers', name, swapped(these), network=name,
                         layers=sorted({place for pair in these for place in pair}))
    last = layers[-1]
    for op in PLAIN if last['op'] in ACTIVATIONS else ():
        yield in_network('activation added', name, lambda layers, op=op: layers + [
            {'op': op}], network=name, layers=[last['place']], op=last['op'], new=op)
    for kind, bits in ('bfloat16', 8), ('float16', 11):
        yield in_network('output rounded', name, lambda layers, bits=bits: [
            *layers, {'op': 'round', 'bits': bits}], network=name, kind=kind)
    for words, (scale, shift) in RANGES.items():
        affine = {'op': 'affine', 'scale': scale, 'shift': shift}
        yield in_network('range of the output', name,
                         lambda layers, affine=affine: layers + [affine],
                         network=name, how=words)
        yield in_network('range of the input', name,
                         lambda layers, affine=affine: [affine] + layers,
                         network=name, how=words)
    yield Family(lambda number: in_network('output scaled', name, lambda layers: layers
                                           + [{'op': 'affine', 'scale': number,
                                               'shift': 0.}], network=name,
                                           number=number), (0.5, 2.))
    yield in_network('order of the output', name, lambda layers: layers + (
        [{'op': 'transpose', 'axes': [1, 0, 2]}] if case.way.description['images'][
            'shape'][1:] and name == 'G' else []), network=name)
    for op in PLAIN:
        yield in_update('recorded after an activation', case, lambda update, op=op: {
            **update, 'recorded': {**update.get('recorded', {}), name: [{'op': op}]}},
            network=name, new=op)


# --- What a network sees --------------------------------------------------------------

def seen(case: Case, name: str) -> Edits:
    """Yield the edits of an update's modes, and of what its networks are given."""
    update = case.update
    other = {'training': 'inference', 'inference': 'training'}[update['modes'][name]]
    for averages in (False, True):
        yield in_update('mode of a network', case, lambda update, averages=averages: {
            **update, 'modes': {**update['modes'], name: other},
            'averages': sorted({*update['averages'], name}) if averages else [
                each for each in update['averages'] if other == 'training'
                or each != name]}, network=name, mode=other)
    yield from _weights(case, name)
    for batch in ('X', 'Z', 'G'):
        if batch == 'Z' and name == 'D' or batch != 'Z' and name == 'G':
            continue
        for words, (scale, shift) in RANGES.items():
            yield in_update('a batch in another range', case, lambda update, layer={
                'op': 'affine', 'scale': scale, 'shift': shift}: {
                    **update, 'before': {**update.get('before', {}), batch: [layer]}},
                batch=batch, how=words)
        yield Family(lambda number, batch=batch: in_update(
            'a batch scaled', case, lambda update: {
                **update, 'before': {**update.get('before', {}), batch: [
                    {'op': 'affine', 'scale': number, 'shift': 0.}]}},
            batch=batch, number=number), (0.5, 2.))
    yield from _other_inputs(case)
    if name == 'D':
        both = {'X', 'G'} <= {each for term in update['terms'] for each in term['on']}
        exchanged = {'X': 'G', 'G': 'X'}
        if both:
            yield in_update('real and generated exchanged', case, lambda update: {
                **update, 'terms': [{**term, 'on': [exchanged[each]
                                                    for each in term['on']]}
                                    for term in update['terms']]})
        if len(update['terms'][0]['on']) > 1:
            yield in_update('images exchanged', case, lambda update: {
                **update, 'images': exchanged})
        if 'X_labels' in case.start.feed and 'Z_labels' in case.start.feed:
            for batch, other in (('G', 'X'), ('X', 'G')):
                yield in_update('labels of the other batch', case,
                                lambda update, batch=batch, other=other: {
                                    **update, 'labels': {batch: other}}, batch=batch)
        before = [way.start.feed['X_labels'] for way in case.way.past[-1:]
                  if 'X_labels' in way.start.feed]
        if 'X_labels' not in case.start.feed and 'Z_labels' in case.start.feed:
            for labels in before:
                yield Edit('labels of the other batch', 'update', update['name'],
                           lambda way, labels=labels: way._replace(
                               start=way.start._replace(
                                   feed={**way.start.feed, 'X_labels': labels}),
                               update={**way.update, 'labels': {'G': 'X'}}),
                           {'batch': 'G'})
        if 'fake/G' in case.own and any(     # or it has no other mode
                layer['op'] in ('batch_norm', 'dropout')
                for layer in case.networks['G']):
            yield Edit('other fakes', 'update', update['name'], _other_fakes, {})


def _other_fakes(way: Way) -> Way:
    """Return a way whose D sees fakes of G's other mode, not those recorded."""
    other = {'training': 'inference', 'inference': 'training'}[way.update['modes']['G']]
    return way._replace(
        start=way.start._replace(own={key: array for key, array in
                                      way.start.own.items() if key != 'fake/G'}),
        update={**way.update, 'modes': {**way.update['modes'], 'G': other}})


def _weights(case: Case, name: str) -> Edits:
    """Yield the edits that have a network seen with the weights of another time."""
    names = descriptions.names(case.networks[name])

    def moves(way):
        return way.update['moves'] == name

    def before(way, back):
        """Return the weights before the last updates of the network."""
        start = [each for each in way.past if moves(each)][-back].start
        return way._replace(start=way.start._replace(seen={
            **way.start.seen, **{each: start.weights[each] for each in names}}))

    def lost(way):
        """Return a way that begins where the last update of the network began."""
        start = [each for each in way.past if moves(each)][-1].start
        return way._replace(start=way.start._replace(weights={
            **way.start.weights, **{each: start.weights[each] for each in names}}))

    if moves(case.way) and any(map(moves, case.way.past)):
        yield Edit('update lost', 'update', case.update['name'], lost, {})
    for back in range(1, min(3, sum(map(moves, case.way.past))) + 1):
        yield Edit('weights of before', 'update', case.update['name'],
                   lambda way, back=back: before(way, back),
                   {'network': name, 'back': back})

    def after(way):
        """Return the weights after this update, or after the other network's next."""
        found = {key[6:]: array for key, array in way.start.own.items()
                 if key.startswith('after/')} if moves(way) else way.coming
        return way._replace(start=way.start._replace(seen={**way.start.seen, **{
            each: found[each] for each in names if each in found}}))

    between = {each: case.own[f'after/{each}'] for each in names
               if f'after/{each}' in case.own}
    if not moves(case.way) and between:
        def moved(way):
            """Return a way that begins with the weights that rest, as recorded."""
            found = {each: way.start.own[f'after/{each}'] for each in names
                     if f'after/{each}' in way.start.own}
            return way._replace(start=way.start._replace(
                weights={**way.start.weights, **found}, seen=found))
        yield Edit('weights moved between updates', 'update', case.update['name'],
                   moved, {'network': name})
    yield Edit('weights of after' if moves(case.way) else 'updates in another order',
               'update', case.update['name'], after, {'network': name})
    if moves(case.way):
        yield Edit('recorded after the update', 'update', case.update['name'],
                   lambda way: way._replace(late=True), {})

        def again(way):
            first = predict(way.description, way.update, way.start._replace(own={}))
            new = {kind: {key[len(kind) + 1:]: array for key, array in first.items()
                          if key.startswith(f'{kind}/')}
                   for kind in ('after', 'adam_m', 'adam_v')}
            start = way.start
            return way._replace(start=start._replace(
                weights={**start.weights, **new['after']}, t=start.t + 1,
                adam_m={**start.adam_m, **new['adam_m']},
                adam_v={**start.adam_v, **new['adam_v']}))
        yield Edit('two updates for one', 'update', case.update['name'], again, {})


def _other_inputs(case: Case) -> Edits:
    """Yield the edits that take the feeds or the masks of another update."""
    for back in range(1, min(6, len(case.way.past)) + 1):
        for kind in 'feed', 'mask':
            mine, theirs = (getattr(way.start, kind)
                            for way in (case.way, case.way.past[-back]))
            others = [name for name in mine if name in theirs
                      and theirs[name].shape == mine[name].shape
                      and not np.array_equal(theirs[name], mine[name])]
            together = [others] if kind == 'mask' and len(others) > 1 else []
            for names in together + [[name] for name in others]:
                def apply(way, kind=kind, names=names, back=back):
                    old = getattr(way.past[-back].start, kind)
                    return way._replace(start=way.start._replace(**{
                        kind: {**getattr(way.start, kind),
                               **{name: old[name] for name in names}}}))
                yield Edit(f'{kind} of another update', 'update', case.update['name'],
                           apply, {'batch': ' and '.join(names), 'back': back})


# --- Losses ---------------------------------------------------------------------------

def losses(case: Case, which: str) -> Edits:
    """Yield the edits of a loss; `which`: what is both, recorded or lowered alone."""
    update = case.update
    loss, terms = update['loss'], update['terms']

    def edit(what, other=None, targets=None, terms=None, recorded=1, lowered=1,
             **values):
        def change(update):
            others = terms or [
                {**term, 'targets': [targets(t) for t in term['targets']]}
                if targets else term for term in update['terms']]
            kept = {'loss': update['loss'], 'terms': update['terms']}
            changed = {'loss': {**update['loss'], **(other or {})}, 'terms': others}
            factors = {'recorded': update['loss']['recorded'] * recorded,
                       'lowered': update['loss']['lowered'] * lowered}
            if which == 'both':
                return {**update, 'loss': {**changed['loss'], **factors},
                        'terms': others}
            if which == 'recorded':
                return {**update, 'loss': {**changed['loss'], 'recorded':
                                           factors['recorded']},
                        'terms': others, 'lowers': update.get('lowers', kept)}
            return {**update, 'lowers': changed, 'loss': {
                **update['loss'], 'lowered': factors['lowered']}}
        return in_update(what, case, change, which=which, **values)

    kinds = ['exchanged', 'not_logits', 'distance', 'clamped_log', 'log', 'logits',
             'squared', 'least_squares', 'absolute', 'hinge', 'wasserstein']
    for kind in kinds:
        if kind != loss['kind']:
            yield edit('another loss', {'kind': kind}, new=kind)
    yield edit('probabilities for logits', {'before': 'sigmoid', 'kind': 'logits'})
    n = max(len(array) for array in case.start.feed.values())
    yield edit('sum for mean', {'summed': True}, n=n)
    if which == 'recorded':
        yield edit('sign of the loss', recorded=-1)
    else:
        yield edit('sign of the loss', recorded=-1, lowered=-1)
    yield edit('targets exchanged', targets=lambda t: 1 - t)
    for recorded in (-1, 1) if case.update['moves'] == 'G' else ():
        yield edit('the other objective of G', targets=lambda t: 1 - t,
                   recorded=recorded, lowered=-1)
    yield edit('targets of 1 and -1', targets=lambda t: 2 * t - 1)
    for words, number in (('half', 0.5), ('twice', 2.), ('1/n of', 1 / n),
                          ('1 / ln 2 (log2 for ln) times', 1 / np.log(2)),
                          ('1 / ln 10 (log10 for ln) times', 1 / np.log(10))):
        yield edit('scale of the loss', recorded=number, lowered=number, how=words,
                   factor=number)
    if which == 'both':
        yield Family(lambda number: edit(
            'scale of the loss', recorded=number, lowered=number,
            how=f'{number:.4g} times', number=number), (2., 0.5))
    for t in sorted({t for term in terms for t in term['targets']}):
        yield Family(lambda number, t=t: edit(
            'smoothed targets', targets=lambda each: soft(number) if each == t else
            each, target=t, number=soft(number)), (0.9, 0.8) if t else (0.1, 0.2))
    yield Family(lambda number: edit(
        'smoothing', targets=lambda t: t + soft(number) * (0.5 - t), number=number),
        (0.1, 0.2))
    yield from _of_terms(terms, edit)
    for how, lows in (('clip', (1e-7,)), ('add', (1e-8, 1e-7, 1e-6, 1e-5, 1e-10, 1e-12,
                                                  1e-4, 1e-3))):
        for low in lows:
            yield edit('guard of the logs', {'kind': 'guarded', 'how': how, 'low': low},
                       how=how, low=low)


def soft(target: float) -> float:
    """Return a target that somebody may have written."""
    return float(np.clip(target, -0.5, 1.5))


def _of_terms(terms: List[Dict[str, Any]], edit: Callable) -> Edits:
    """Yield the edits that leave a term out, or weigh it."""
    parts = [(i, j) for i, term in enumerate(terms) for j in range(len(term['on']))]
    for i, j in parts if len(parts) > 1 else []:
        def weighed(number, i=i, j=j):
            return [{**term, 'weights': [number if (n, m) == (i, j) else 1.
                                         for m in range(len(term['on']))]}
                    for n, term in enumerate(terms)]
        on = terms[i]['on'][j]
        yield edit('a term missing', terms=weighed(0.), batch=on)
        yield Family(lambda number, weighed=weighed, on=on: edit(
            'a term weighed', terms=weighed(number), batch=on, number=number),
            (0.5, 2.))


# --- Gradients ------------------------------------------------------------------------

def gradients(case: Case, inside: bool = False) -> Edits:
    """Yield the edits of gradients; `inside`: of what the optimizer makes of them."""
    found = {name: array for name, array in case.found('grad').items()}

    def edit(what, changes, **values):
        if inside:
            return in_optimizer(what, case, {'gradient': {
                **case.optimizer.get('gradient', {}), **changes}}, inside=True,
                **values)
        return in_update(what, case, lambda update: {**update, 'gradient': {
            **update.get('gradient', {}), **changes}}, **values)

    yield edit('sign of the gradient', {'factor': -1.}, factor=-1.)
    yield Family(lambda number: edit('scale inside the optimizer' if inside else
                                     'scale of the gradient', {'factor': number},
                                     number=number, factor=number),
                 (0.5, 2., 10., 0.1))
    if not inside:
        yield from _left(case)
        none = sorted(name for name, array in found.items() if not array.any())
        if none:
            yield edit('gradient missing', {'none': none}, names=none)
    norm = np.sqrt(sum((array ** 2).sum() for array in found.values()))
    largest = max((np.abs(array).max() for array in found.values()), default=0)
    norms = sorted(np.sqrt((array ** 2).sum()) for array in found.values())
    if inside:
        yield Family(lambda number: edit('gradients clipped', {'norm': abs(number)},
                                         number=number, how='norm'), (norm / 2, 1.))
        yield Family(lambda number: edit('gradients clipped', {'clip': abs(number)},
                                         number=number, how='value'), (largest / 2, 1.))
        yield Family(lambda number: edit('gradients clipped', {'each': abs(number)},
                                         number=number, how='the norm of each array'),
                     tuple(each / 2 for each in norms[::max(1, len(norms) // 3)]))
    elif norm and np.isfinite(norm):
        norm, largest = written(norm), written(largest)
        yield edit('gradients clipped', {'norm': norm}, number=norm, how='norm')
        yield edit('gradients clipped', {'clip': largest}, number=largest, how='value')
        norm = written(norms[-1])
        yield edit('gradients clipped', {'each': norm}, number=norm,
                   how='the norm of each array')
    for matrices in (False, True):
        yield Family(lambda number, matrices=matrices: edit(
            'weight decay', {'decay': number, 'matrices': matrices}, number=number,
            how='L2'), (1e-2, 1e-4))
    yield edit('gradients centered', {'centered': True})
    if not inside:
        for network in 'G', 'D':
            for layer in case.networks[network]:
                if layer['op'] == 'batch_norm' and 'place' in layer:
                    yield in_network('statistics without gradient', network, each(
                        [layer['place']], lambda old: [{**old, 'detached': True}]),
                        network=network, layers=[layer['place']], op='batch_norm')


def written(number: float) -> float:
    """Return the number with few digits that is near a computed one, if there is one.
    """
    if not np.isfinite(number):
        return float(number)
    short = float(f'{number:.3g}')
    return short if abs(short - number) <= 1e-5 * abs(number) else float(number)


def _left(case: Case) -> Edits:
    """Yield the edits in which gradients of earlier updates are not zeroed."""
    def left(way, whose):
        names = descriptions.trained(way.description['networks'][way.update['moves']])
        total = {name: 0. for name in names}
        seen = set()
        for past in reversed(way.past):
            own = past.update['moves'] == way.update['moves']
            if own and 'its own' in whose and 'own' not in seen:
                for name in names:
                    total[name] = total[name] + past.start.own.get(f'grad/{name}', 0)
                seen.add('own')
            elif not own and 'other' in whose and 'other' not in seen:
                arrays = predict(past.description, {
                    **past.update, 'moves': way.update['moves'], 'gradient': {}},
                    past.start, until='grad')
                for name in names:
                    total[name] = total[name] + arrays[f'grad/{name}']
                seen.add('other')
            if own:
                break
        return total

    for whose in ('its own', "the other network's", "its own and the other network's"):
        def apply(way, whose=whose):
            return way._replace(
                start=way.start._replace(earlier=left(way, whose)),
                update={**way.update, 'gradient': {'earlier': True}})
        yield Edit('gradients not zeroed', 'update', case.update['name'], apply,
                   {'of': whose})
    if any(np.any(array) for array in left(case.way, 'its own').values()):
        yield Edit('gradients of an earlier update', 'update', case.update['name'],
                   lambda way: way._replace(
                       start=way.start._replace(earlier=left(way, 'its own')),
                       update={**way.update, 'gradient': {'earlier': 'alone'}}), {})


# --- Optimizers -----------------------------------------------------------------------

def moments(case: Case) -> Edits:
    """Yield the edits that show in Adam's moments."""
    if case.optimizer['kind'] != 'Adam':
        return
    for beta in 'beta1', 'beta2':
        yield Family(lambda number, beta=beta: in_optimizer(
            beta, case, {beta: number}, number=number, was=case.optimizer[beta]),
            (0.5, 0.9, 0.99, 0.999))
    moved = any(_moved(past) for past in case.way.past
                if past.update['optimizer'] == case.update['optimizer'])
    if moved:       # or there is nothing to forget
        yield Edit('optimizer made anew', 'update', case.update['name'], lambda way:
                   in_optimizer('', case, {'fresh': True}).apply(way)._replace(
                       start=way.start._replace(t=1)), {})

    def apart(way):
        """Return a way whose moments are those of the last update of its name."""
        past = [each for each in way.past if each.update['name'] == way.update['name']]
        moments = {kind: {key[7:]: array for key, array in past[-1].start.own.items()
                          if key.startswith(kind)} if past else {}
                   for kind in ('adam_m', 'adam_v')}
        return way._replace(start=way.start._replace(t=len(past) + 1, **moments))

    yield Edit('an optimizer for each update', 'optimizer', case.update['optimizer'],
               apart, {})
    for which in 'both', 'adam_m', 'adam_v':
        yield in_optimizer('undamped moments', case, {'undamped': which}, how=which)
    for which in ('adam_m', 'adam_v') if moved else ():
        yield Edit('a moment made anew', 'update', case.update['name'], lambda way,
                   which=which: way._replace(start=way.start._replace(**{which: {}})),
                   {'how': which})
    yield from gradients(case, inside=True)


def _moved(past: Way) -> bool:
    """Return whether an update has moved weights of the port, as far as recorded."""
    names = descriptions.trained(past.description['networks'][past.update['moves']])
    return not all(np.array_equal(past.start.own.get(f'after/{name}'),
                                  past.start.weights[name]) for name in names)


def steps(case: Case) -> Edits:
    """Yield the edits that show in the weights after an update."""
    numbers, t = case.optimizer, case.start.t
    rate = numbers['learning_rate']

    def edit(name, change, **values):
        return in_optimizer(name, case, change, **values)

    names = descriptions.trained(case.networks[case.update['moves']])
    found = case.found('after')
    still = sorted(name for name in names if name in found and np.array_equal(
        found[name], case.start.weights[name]))
    if still:
        yield edit('weights not moved', {'without': still}, names=still)
    yield edit('sign of the update', {'learning_rate': -rate})
    yield Family(lambda number: edit('learning rate', {'learning_rate': number},
                                     number=number, was=rate), (rate * 2, rate / 2))
    for matrices in (False, True):
        yield Family(lambda number, matrices=matrices: edit(
            'weight decay', {'decay': number, 'matrices': matrices}, number=number,
            how='AdamW'), (1e-2, 1e-4))
    largest = written(max((np.abs(array).max() for array in found.values()), default=0))
    if np.isfinite(largest):
        yield edit('weights clipped', {'clip': largest}, number=largest)
    yield edit('another optimizer', {'kind': 'Sign'}, new='sign of the gradient')
    yield edit('another optimizer', {'kind': 'SGD'}, new='gradient descent')
    for nesterov in (False, True):
        yield Family(lambda number, nesterov=nesterov: edit(
            'another optimizer', {'kind': 'Momentum', 'beta1': number,
                                  'nesterov': nesterov}, number=number,
            new='gradient descent with momentum'), (0.9, 0.5))
    if numbers['kind'] != 'Adam':
        betas = {'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8}
        yield edit('another optimizer', {**betas, 'kind': 'Adam'}, new='Adam')
        yield edit('another optimizer', {**betas, 'kind': 'Adam', 'place': 'corrected'},
                   new='Adam')
        return
    yield from _adams(case, edit, t)


def _adams(case: Case, edit: Callable, t: int) -> Edits:
    """Yield what else an Adam can be."""
    numbers = case.optimizer
    yield edit('place of epsilon', {'place': 'corrected'}, number=numbers['epsilon'])
    for epsilon in (1e-8, 1e-7, 1e-6, 1e-5):
        if epsilon != numbers['epsilon']:
            yield edit('place of epsilon', {'place': 'corrected', 'epsilon': epsilon},
                       number=epsilon)
    for place in 'inside', 'inside, corrected':
        yield edit('place of epsilon', {'place': place}, number=numbers['epsilon'],
                   how=place)
    for place in '', 'corrected', 'inside', 'inside, corrected':
        yield Family(lambda number, place=place: edit(
            'epsilon', {'epsilon': abs(number), 'place': place}, number=abs(number),
            was=numbers['epsilon'], place=place), (1e-8, 1e-7, 1e-5, 1e-3, 1e-1))
    for corrected in 'neither', 'first', 'second':
        yield edit('bias correction', {'corrected': corrected}, corrected=corrected)
    yield edit('root of the bias correction', {'unrooted': True})
    for count in [*range(1, 2 * t + 3), len(case.way.past) + 1]:
        if count != t:
            yield edit("Adam's count", {'count': count}, count=count, was=t)
            for n, moment in enumerate(('first', 'second')):
                counts = [t, t]
                counts[n] = count
                yield edit("Adam's count", {'count': counts}, count=count, was=t,
                           moment=f' its {moment} moment')
    for how in {'nesterov': True}, {'warming': 0.004}, {'warming': 1}:
        yield edit('NAdam', how)
        yield edit('NAdam', {**how, 'place': 'corrected'})
    yield edit('amsgrad', {'amsgrad': True})
    yield edit('amsgrad', {'amsgrad': True, 'place': 'corrected'})
    yield edit('RAdam', {'rectified': True})
    yield edit('RAdam', {'rectified': True, 'place': 'corrected'})
    for place in '', 'inside':
        for epsilon in (numbers['epsilon'], 1e-8, 1e-7):
            yield edit('another optimizer', {'kind': 'RMSprop', 'place': place,
                                             'epsilon': epsilon}, new='RMSprop')


def averages(case: Case) -> Edits:
    """Yield the edits that show in the moving averages alone."""
    for name in 'G', 'D':
        norms = [layer for layer in case.networks[name] if layer['op'] == 'batch_norm']
        groups = ([norms] if len(norms) > 1 else []) + [[norm] for norm in norms]
        for group in groups:
            places = [layer['place'] for layer in group]
            values = {'network': name, 'layers': places, 'op': 'batch_norm'}
            turned = each(places, lambda layer: [
                {**layer, 'moving_unbiased': not layer['moving_unbiased']}])
            yield in_network('variance of the moving average', name, turned,
                             biased=group[0]['moving_unbiased'], **values)
            yield Family(lambda number, places=places, values=values: in_network(
                'momentum of the moving averages', name, each(places, lambda layer: [
                    {**layer, 'momentum': number}]), number=number,
                was=group[0]['momentum'], **values), (0.99, 0.9, 0.1, 0.01))
        if name in case.update['averages']:
            yield in_update('moving averages not moved', case, lambda update: {
                **update, 'averages': []}, network=name)
        elif norms:
            yield in_update('moving averages moved', case, lambda update: {
                **update, 'averages': [name],
                'modes': {**update['modes'], name: 'training'}}, network=name)
