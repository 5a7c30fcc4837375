"""What the judge says: the findings of a run in sentences. NumPy only.

The catalogue is mistakes.csv: a name, a sentence, and what to do in three frameworks.
"""

import csv
import functools
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from tf1gan.descriptions import Description, trained
from tf1gan.judge import Edit, inputs
from tf1gan.judge.search import Finding, Search

FRAMEWORKS = 'PyTorch', 'JAX', 'Keras'
LOSSES = {'log': 'the log of the sigmoid as it is',
          'clamped_log': 'the log of the sigmoid, clamped at -100',
          'logits': 'the cross-entropy of logits',
          'clipped_logits': "Keras 1's, of probabilities cut to [1e-7, 1 - 1e-7]",
          'squared': 'squared error',
          'least_squares': "squared error of the logits", 'hinge': 'a hinge',
          'wasserstein': "Wasserstein's", 'absolute': 'the absolute error',
          'distance': 'the absolute error of the logits',
          'not_logits': 'that of probabilities, but of logits, cut to [1e-7, 1 - 1e-7]',
          'exchanged': 'that of the targets, as logits: the arguments are exchanged'}
KNOWN = {'epsilon': 'epsilon', 'learning rate': 'learning_rate', 'beta1': 'beta1',
         'beta2': 'beta2'}      # numbers of an optimizer, by their mistakes
OPS = {'leaky_relu': 'LeakyReLU', 'relu': 'ReLU', 'conv': 'convolution',
       'batch_norm': 'batch normalization', 'layer_norm': 'layer normalization',
       'hard_tanh': 'the input clipped at -1 and 1',
       'hard_sigmoid': 'x / 6 + 1 / 2, clipped at 0 and 1 (a hard sigmoid)',
       'older_hard_sigmoid': '0.2 x + 0.5, clipped at 0 and 1 (a hard sigmoid)',
       'tanh01': '(tanh + 1) / 2'}
IN_TORCH = {'log': 'torch.log(torch.sigmoid(x)).mean()', 'clamped_log': 'nn.BCELoss()',
            'logits': 'nn.BCEWithLogitsLoss()', 'squared': 'nn.MSELoss()',
            'clipped_logits':
            'nn.BCEWithLogitsLoss() of torch.logit(torch.sigmoid(x), 1e-7)',
            'least_squares': 'nn.MSELoss() of the logits'}
IN_KERAS = {'logits': 'BinaryCrossentropy(from_logits=True)'}
PLURAL = {'is': 'are', 'has': 'have', 'adds': 'add', 'computes': 'compute',
          'multiplies': 'multiply', 'takes': 'take', 'pads': 'pad', 'keeps': 'keep',
          'divides': 'divide', 'enlarges': 'enlarge', 'lets': 'let', 'does': 'do',
          'comes': 'come', 'begins': 'begin', 'moves': 'move', 'judges': 'judge',
          'lowers': 'lower'}     # of two layers or updates


@functools.lru_cache(None)
def catalogue() -> Dict[str, Dict[str, str]]:
    """Return the rows of mistakes.csv by their names."""
    path = Path(__file__).parent / 'mistakes.csv'
    with open(str(path), encoding='utf-8', newline='') as file:
        return {row['name']: row for row in csv.DictReader(file)}


class Cause(NamedTuple):
    """A mistake that explains a difference."""

    name: str           # a few words, the same always: for machines
    sentence: str       # what the port does, beside what it should
    evidence: str       # the numbers that show it
    change: str         # what to change


class Told(NamedTuple):
    """A finding in words; without a `cause` no known mistake explains it."""

    key: str                        # the first array that shows it
    where: str                      # network, update, part
    places: List[str]               # updates in which it shows
    cause: Optional[Cause]
    others: List[str]               # what else the numbers allow, in sentences
    sure: bool                      # the numbers show it; or they only allow it
    follows: List[str]              # arrays that differ because of it


# Causes that follow from an earlier one: all is drawn from one generator.
DRAWN = 'another generator', 'order of draws', 'another shuffle'


# --- From findings to words -----------------------------------------------------------

def add_input(found: List[Told], key: str, guess: Optional[inputs.Guess]) -> None:
    """Add that an input differs; once for the same cause of the same name."""
    parts = key.split('/')
    where = 'what is loaded' if parts[0] == 'init' else f'what is fed as {parts[-1]}'
    cause = guess and Cause(guess.name, guess.sentence, str(guess.prediction),
                            guess.change)
    place = parts[0] if parts[0] == 'init' else '/'.join(parts[:2])
    fed = [n for n, each in enumerate(found) if each.where != 'what is loaded']
    if fed and parts[0] != 'init' and (cause is None or cause.name in DRAWN):
        found[fed[0]] = found[fed[0]]._replace(follows=found[fed[0]].follows + [key])
        return
    for n, each in enumerate(found):
        if (each.cause and each.cause.name) == (cause and cause.name) and (
                each.where == where):
            found[n] = each._replace(places=each.places + [place])
            return
    found.append(Told(key, where, [place], cause, [], bool(cause), []))


def told(search: Search) -> List[Told]:
    """Return a search's findings in words; the same in many places once."""
    groups: Dict[Any, List[Finding]] = {}
    for finding in search.findings:
        groups.setdefault(_same(finding), []).append(finding)
    return [_told(search, each) for each in groups.values()]


def _same(finding: Finding) -> Any:
    """Return what findings of one mistake share."""
    if not finding.edits:
        first = finding.nodes[0].key
        if finding.group.startswith('forward'):
            return finding.group, first.startswith('layer/') and first[-2:]
        return finding.group, finding.place.split('/')[1]
    if finding.edits[0].name == "Adam's count":
        return tuple((edit.name, edit.where) for edit in finding.edits)
    return tuple((edit.name, *(str(edit.values.get(name)) for name in (
        'new', 'how', 'network', 'layers', 'which', 'was', 'target')))
                 for edit in finding.edits)


def _told(search: Search, findings: List[Finding]) -> Told:
    first = findings[0]
    places = list(dict.fromkeys(each.place for each in findings))
    key = f'{first.place}/{first.nodes[0].key}'
    follows = [f'{each.place}/{more}' for each in findings for more in each.follows]
    where = PARTS[first.group].format(update=listed(list(dict.fromkeys(
        each.place.split('/')[1] for each in findings))))
    network, _, place = first.nodes[0].key.partition('/')[2].rpartition('_')
    if first.nodes[0].key.startswith('layer/'):
        network = 'G' if network == 'G' else 'D'
        layers = dict(enumerate(search.judge.description['networks'][network]))
        where = f'{layer_words(layers, int(place), network)} ({where})'
    if not first.edits:
        return Told(key, where, places, None, [], False, follows)
    description = search.judge.description
    last = _ended(search, places) if first.edits[0].name == 'learning rate' else ''
    said = [sentence(edit, description, findings, places, last)
            for edit in first.edits]
    off = max(each.off for each in findings)
    near = max(each.near for each in findings)
    off = 'what is not allowed at all' if off > 1e30 else f'{off:.2g} times that'
    changes = {framework: '; '.join(remedy(edit, description, framework)
                                    for edit in first.edits)
               for framework in FRAMEWORKS}
    change = ' | '.join(f'{framework}: {change}' for framework, change in
                        changes.items()) if len(set(changes.values())) > 1 else (
                            changes['PyTorch'])
    cause = Cause(' and '.join(edit.name for edit in first.edits), '. And '.join(said),
                  f'with this your numbers fit ({near:.2g} of the rounding that is '
                  f'allowed); without it they are off by up to {off}', change)
    own, *others = list(dict.fromkeys(', and '.join(
        sentence(edit, description, [], places) for edit in each)
        for each in [first.edits, *first.others]))
    return Told(key, where, places, cause, others,
                all(each.sure for each in findings), follows)


def _ended(search: Search, places: List[str]) -> str:
    """Return the last step of a rate, if it is right in those that follow; or ''."""
    names = {place.split('/')[1] for place in places}
    last = max(place.split('/')[0] for place in places)
    later = [place for place in search.judge.golden.updates
             if place.split('/')[0] > last and place.split('/')[1] in names
             and search.judge.mine.part(f'{place}/after')]
    if not later or {each.place for each in search.findings} & {*later} or any(
            edit.name == 'learning rate' for place in later
            for edit in search.taken[place]):
        return ''
    return last


PARTS = {'forward G': "G's forward pass in {update}",
         'forward D': "D's forward pass in {update}", 'loss': 'the loss of {update}',
         'grad': 'the gradients of {update}', 'moments': "Adam's moments in {update}",
         'after': 'the step of {update}', 'averages': 'the moving averages in {update}'}


class _Words(dict):
    """Values for a sentence; what is not known stays a blank."""

    def __missing__(self, name):
        return f'({name})'


def values(edit: Edit, description: Description, findings: List[Finding],
           updates: List[str]) -> _Words:
    """Return the values that an edit's sentence may name.

    `findings` are those of the edit, `updates` the places where it shows.
    """
    found = _Words(edit.values)
    network, places = found.get('network'), found.get('layers', [])
    layers = {layer['place']: layer for layer in description['networks'].get(
        network, [])}
    alike = [each for finding in findings for each in finding.edits
             if (each.name, each.of) == (edit.name, edit.of)]
    wheres = list(dict.fromkeys(each.where for each in alike or [edit]))
    moved = list(dict.fromkeys(
        update['moves'] for where in wheres for update in description['updates']
        if where in (update['optimizer'], update['name'])))
    found['optimizer'] = listed(moved)
    found['update'] = (listed(wheres) if edit.of == 'update' else
                       f'the updates of {found["optimizer"]}' if moved else 'it')
    if places:
        found['layers'] = listed([layer_words(layers, place, network)
                                  for place in places])
        old = layers[places[0]]
        found['was'] = found.get('was', old.get('slope', old.get('epsilon', 0)))
        found['was_padding'] = {'SAME': 'SAME, which pads the odd pixel below and to '
                                'the right'}.get(old.get('padding'), old.get('padding'))
        found['op'] = OPS.get(old['op'], old['op'])
    numbers = list(dict.fromkeys(f'{each.values["number"]:.4g}' for each in alike
                                 if 'number' in each.values))
    if numbers:
        found['number'] = ', then '.join(numbers[:4])
    if edit.name == 'momentum of the moving averages':
        number, twice = edit.values['number'], edit.values['was'] ** 2
        found['twice'] = (', or they do not move' if number == 1 else
                          ', or they move twice' if abs(number - twice) < 1e-5 else '')
    if edit.name == "Adam's count":
        found.setdefault('moment', '')
        counts = dict.fromkeys((each.values['count'], each.values['was'])
                               for each in alike or [edit])
        for name, each in zip(('count', 'was'), zip(*list(counts)[:4])):
            found[name] = ', then '.join(map(str, each))
    if (edit.name == 'weights not moved' or edit.of == 'network') and updates:
        found['update'] = listed(list(dict.fromkeys(
            place.split('/')[1] for place in updates)))
    if edit.of == 'optimizer' and edit.name in KNOWN:
        found['was'] = description['optimizers'][edit.where][KNOWN[edit.name]]
    for name in 'was', 'target':
        if isinstance(found.get(name), float):
            found[name] = f'{found[name]:.4g}'
    if edit.name in ('another loss', 'guard of the logs'):
        update = next(each for each in description['updates']
                      if each['name'] == edit.where)
        kind = update['loss']['kind']
        found['was'], found['new'] = LOSSES[kind], LOSSES.get(found.get('new'))
        found['was_torch'] = IN_TORCH[kind]
        found['was_keras'] = IN_KERAS.get(kind, "write the tutorial's formula out")
    if edit.name == 'another optimizer':
        found['was'] = description['optimizers'][edit.where]['kind']
        found['was_lower'] = found['was'].lower()
    if 'biased' in found:
        found['over_n'], found['was_n'] = ('n', 'n - 1') if found['biased'] else (
            'n - 1', 'n')
        found['unbiased'], found['ddof'] = found['biased'], int(found['biased'])
    if found.get('corrected') in ('first', 'second'):
        found['corrected'] = f'only the {found["corrected"]}'
    for name in 'names', 'over':
        if name in found:
            found[name] = ', '.join(map(str, found[name]))
    found['new'] = OPS.get(found.get('new'), found.get('new'))
    found['how_decay'] = {'L2': 'added to their gradient', 'AdamW': 'taken off at the '
                          'learning rate (AdamW)'}.get(found.get('how'))
    found['where_epsilon'] = {
        'inside': 'to v, inside the root, before the correction of the bias',
        'inside, corrected': 'to v, inside the root, after the correction'}.get(
            found.get('how'), 'to sqrt(v) after the correction of its bias')
    found['moments'] = {'adam_m': 'the first moment', 'adam_v': 'the second moment'
                        }.get(found.get('how'), 'the moments')
    if edit.name == 'low precision':
        of = listed(found['seen_in'])
        found['part'] = (
            f'the passes of {of} are computed in' if found['everything'] else
            f'matrix products and convolutions of {of}, some or all, take what they '
            'multiply in')
        found['in_updates'] = ', in ' * bool(found['shown']) + listed(found['shown'])
    return found


def layer_words(layers: Dict[int, Dict[str, Any]], place: int, network: str) -> str:
    """Return the words for a layer: G's LeakyReLU after G_W2, say."""
    layer = layers[place]
    if 'W' in layer:
        return f'the {OPS.get(layer["op"], layer["op"])} layer of {layer["W"]}'
    before = [each['W'] for n, each in sorted(layers.items()) if n < place
              and 'W' in each]
    after = f' after {before[-1]}' if before else ' at its beginning'
    return f"{network}'s {OPS.get(layer['op'], layer['op'])}{after}"


def listed(words: List[str]) -> str:
    """Return words as a list: a, b and c."""
    return ' and '.join([', '.join(words[:-1])] * bool(words[:-1]) + words[-1:])


def sentence(edit: Edit, description: Description, findings: List[Finding],
             places: List[str], last: str = '') -> str:
    """Return an edit in a sentence; `last`: the last step of a rate that ends."""
    found = values(edit, description, findings, places)
    template = catalogue()[edit.name]['sentence']
    subject = re.match(r'\{(layers|update)\} ', template)
    if subject and ' and ' in found[subject.group(1)]:
        template = re.sub(r'(?<=^' + re.escape(subject.group()) + r')\w+', lambda verb:
                          PLURAL.get(verb.group(), verb.group()), template)
    said = template.format_map(found)
    if edit.values.get('inside') and edit.name != 'scale inside the optimizer':
        said += ', inside the optimizer'
    if edit.name == 'weights not moved' and len(edit.values['names']) > 1 and any(
            set(trained(layers)) == {*edit.values['names']}
            for layers in description['networks'].values()):
        said += ', or they are recorded before it does'
    if edit.name == 'learning rate' and places:
        said += _when(edit, description, places[0], last, ', then' in said)
    return said + {'lowered': ' (in what your optimizer lowers; the loss that you '
                              'record is right)',
                   'recorded': ' (as you record it; what your optimizer lowers is '
                               'right)'}.get(edit.values.get('which'), '')


def _when(edit: Edit, description: Description, first: str, last: str, varies: bool
          ) -> str:
    """Return in which steps a rate is another, and what it may be then."""
    own = [f'step_000/{update["name"]}' for update in description['updates']
           if update['optimizer'] == edit.where]
    said = ''
    if first in own[:1]:        # the optimizer's first update
        if varies and description['optimizers'][edit.where]['kind'] == 'Adam':
            said = ': a schedule, or another correction of the bias'
        ends = f'. It is so up to {last}; after that it is right: a schedule'
        return said + ends * bool(last)
    first = first if first in own else first.split('/')[0]
    steps = (f'from {first} on' if not last else f'in {first} alone'
             if first.split('/')[0] == last else f'from {first} to {last}')
    return (f'. It is so {steps}: a schedule, or a mix with older weights, as an '
            'average makes that is written back')


def remedy(edit: Edit, description: Description, framework: str) -> str:
    """Return what to do, in a line."""
    row = catalogue()[edit.name]
    text = row[framework] if row[framework] != 'likewise' else row['PyTorch']
    return text.format_map(values(edit, description, [], []))


# --- Lines ----------------------------------------------------------------------------

def verdict(found: List[Told]) -> str:
    """Return how many findings there are, of each kind."""
    counts = [(sum(bool(each.cause) and each.sure for each in found),
               'mistake is named', 'mistakes are named'),
              (sum(bool(each.cause) and not each.sure for each in found),
               'is possible', 'are possible'),
              (sum(not each.cause for each in found), 'place matches no known mistake',
               'places match no known mistake')]
    return listed([f'{n} {one if n == 1 else many}' for n, one, many in counts if n])


def lines(n: int, each: Told) -> Iterator[str]:
    """Yield the lines of a finding."""
    places = f' (and in {len(each.places) - 1} more updates)' * (len(each.places) > 1)
    if not each.cause:
        yield f'{n}. No known mistake explains {each.where}.'
        yield f'   Shown first by: {each.key}{places}'
        yield ('   Change: look at how your port computes or records this; all its '
               "inputs were taken from your port's own arrays")
    else:
        first = each.cause.sentence[0].upper() + each.cause.sentence[1:]
        yield f'{n}. {first}.' if each.sure else f'{n}. Perhaps: {each.cause.sentence}.'
        for other in each.others:
            yield f'   Or, which gives the same numbers: {other}.'
        yield f'   Shown first by: {each.key}{places}'
        yield f'   Evidence: {each.cause.evidence}'
        for change in each.cause.change.split(' | '):
            yield f'   Change: {change}'
    if each.follows:
        yield f'   From it follow, too: {kinds(each.follows)}.'


def kinds(keys: List[str]) -> str:
    """Return how many arrays of which kinds, in words."""
    counts: Dict[str, int] = {}
    for key in keys:
        kind = 'init' if key.startswith('init/') else key.split('/')[2]
        counts[kind] = counts.get(kind, 0) + 1
    return ', '.join(f'{count} of {kind}' for kind, count in counts.items())
