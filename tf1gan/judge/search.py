"""The search for the edits with which a port's arrays follow. NumPy only.

`explain` goes through a run. Where arrays of an update do not follow, the first kind of
them is looked at: every edit that can show there first is tried, exactly; numbers are
fitted; what comes near is tried again with noise. An edit is taken when all arrays of
the kind follow with it, and the search goes on after it. What no edit explains is
placed, and nobody is accused. A run in low precision follows no edit: it is judged
anew, with noise of that size.
"""

import itertools
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import descriptions
from tf1gan.judge import (Coarse, Edit, Family, Judge, Node, Way, edited, edits,
                          run)
from tf1gan.tape import PRIMITIVES
from tf1gan.trace import Trace

GROUPS = 'forward G', 'forward D', 'loss', 'grad', 'moments', 'after', 'averages'
OF_PRODUCTS = GROUPS[:4]
COARSE = [Coarse('bfloat16', 8, True), Coarse('float16', 11, True, 2. ** -25),
          Coarse('TF32', 11, False), Coarse('bfloat16', 8, False)]
FEW = 4         # arrays that are off: with fewer, no precision is seen
ALIKE = 0.3     # r2 of what is off with the numbers: rounding has less
LITTLE, MUCH, FAR = 0.0025, 0.2, 2      # limits: half of all, nearly all, and all reach
NEAR = 4.       # limits of the tutorial's own way within which an edit is tried again
# The least limit of an edit that is tried, a share of its arrays: TensorFlow 1.15 has
# 1 - beta2 in float32, others have it exactly.
LEAST_TRIED = {'after': 1e-7, 'adam_v': 2e-5}
SETTLED = 1e-3  # of the difference: a fit that leaves less has found its number
FITS = 1.5      # limits within which an array follows with an edit: it rounds otherwise
SEEN = 3.       # limits that a difference must reach for an edit to be named
# Of which any number may be meant.
ANY_NUMBER = 'learning rate', 'weights scaled', 'dropout scaled'
FACTORS = ('scale of the gradient', 'scale inside the optimizer', 'scale of the loss',
           'gradients recorded otherwise')
NEVER_0 = ('scale of the gradient', 'scale inside the optimizer', 'gradients clipped',
           'weights clipped', 'weights scaled')
# Of layers that do not fit one another.
IMPOSSIBLE = ValueError, KeyError, IndexError, ZeroDivisionError, OverflowError
# What a forward pass need not show, of a bias of 0, say, but its gradients do.
UNSEEN = ('bias scaled', 'bias missing', 'part of the normalization missing',
          'statistics without gradient')
# Numbers that a schedule, chance or the data may change from update to update.
MAY_VARY = ('learning rate', 'smoothed targets', 'smoothing', 'scale of the gradient',
            'gradients recorded otherwise', 'scale inside the optimizer',
            'weights scaled')       # by their norm, say
FACTS = 'weights not moved', "Adam's count"     # that need no fit
# Of an optimizer, so of all its updates; what is said where one of them alone has it.
OF_ALL = {'an optimizer for each update': 'state of the updates between lost'}
MOST = 3        # findings of a group in an update
CHEAP = 'moments', 'after'      # groups of which much may be tried
PAIRS = 4       # edits that are tried together with every other
RECORDED = {    # what a port may record beside what it goes on with
    'images': ['fake'], 'logits': ['logit'], 'gradients': ['grad'],
    'first moments': ['adam_m'], 'second moments': ['adam_v'],
    'moments': ['adam_m', 'adam_v']}


def group_of(key: str, way: Way) -> str:
    """Return which of the groups an array belongs to."""
    kind, _, name = key.partition('/')
    if kind == 'layer':
        return 'forward G' if name.startswith('G_') else 'forward D'
    if kind == 'after' and name.endswith(('_mean', '_variance')) and not any(
            name in (layer.get('W'), layer.get('b')) for layers in
            way.description['networks'].values() for layer in layers):
        return 'averages'
    return {'fake': 'forward G', 'logit': 'forward D', 'adam_m': 'moments',
            'adam_v': 'moments'}.get(kind, kind)


class Finding(NamedTuple):
    """A place where a port goes another way.

    `edits`: what was found, all of them together; empty: no edit explains it. `others`:
    what explains it as well. `sure`: the numbers show it, not only allow it.
    """

    place: str                          # step_000/D
    group: str
    nodes: List[Node]                   # that did not follow, in causal order
    edits: List[Edit]
    others: List[List[Edit]]
    sure: bool
    off: float                          # the largest share of a limit, before
    near: float                         # and with the edits
    follows: List[str]                  # arrays that follow with the edits only


class Search:
    """The search through a run; `findings` in causal order."""

    def __init__(self, golden: Trace, mine: Trace, coarse: Optional[Coarse] = None):
        self.judge = Judge(golden, mine, coarse)
        self.findings: List[Finding] = []
        self.judged: Dict[str, float] = {}          # arrays, and shares of their limits
        self.nodes: List[Tuple[str, Node]] = []     # that do not follow, or hold NaN
        self.vain: Dict[Any, int] = {}              # searches that found nothing
        self.taken: Dict[str, List[Edit]] = {}      # what was found, by update

    def explain(self) -> None:
        """Judge every update; on a terminal, say how far it is."""
        from tqdm import tqdm
        looked = False
        for place in tqdm(self.judge.golden.updates, 'updates judged', disable=None,
                          leave=False, delay=1):
            ways = self.judge.ways(place)
            plain, carried = self.judge.nodes(ways, [])
            for key, node in plain.items():
                self.judged[f'{place}/{key}'] = share = node.share
                if share > 1 or np.isnan(node.found).any():
                    self.nodes.append((place, node))
            taken: List[Edit] = []
            off = [node for node in plain.values() if node.share > 1]
            if not self.judge.coarse and not looked and halved(off):
                looked = True
                if self.off(self.without(['grad'])) and self.coarsely():
                    return
            if off:
                taken = self.at(place, ways, plain)
            if taken:
                carried = self.judge.nodes(ways, taken)[1]
            self.taken[place] = taken
            self.doubt(place, ways, plain, taken)
            self.judge.carry(ways, carried)
            if not self.judge.coarse and not looked and (any(
                    not each.edits and each.group in OF_PRODUCTS
                    for each in self.findings) or len({
                        slot(edit) for each in self.findings for edit in each.edits
                        if edit.name == 'low precision of a layer'}) > 1):
                looked = True
                plain.clear()       # a trace of the full size is large
                if self.coarsely():
                    return
        self.undone()
        while self.settle():
            pass
        for name in dict.fromkeys(each.place.split('/')[1] for each in self.findings):
            self.beside(name)

    # --- Low precision ----------------------------------------------------------------

    def measured(self, coarse: Optional[Coarse] = None, mine: Optional[Trace] = None
                 ) -> Iterator[Tuple[str, Dict[str, Node]]]:
        """Yield every update's nodes, in float32 or more coarsely, with no edit.

        With `mine`, of another trace.
        """
        judge = Judge(self.judge.golden, mine or self.judge.mine, coarse)
        for place in judge.golden.updates:
            ways = judge.ways(place)
            nodes, kept = judge.nodes(ways, [])
            yield place, nodes
            judge.carry(ways, kept)

    def without(self, kinds: List[str], name: str = '') -> Trace:
        """Return the port's trace without arrays of some kinds, of an update or all."""
        def left_out(key):
            _, update, kind = (key + '//').split('/')[:3]
            return kind in kinds and name in ('', update)

        mine = self.judge.mine
        return mine._replace(arrays={key: array for key, array in mine.arrays.items()
                                     if not left_out(key)})

    def off(self, mine: Trace, name: str = '') -> bool:
        """Say whether an array of a trace does not follow, in an update or in any."""
        return any(node.share > 1 for place, nodes in self.measured(mine=mine)
                   if name in ('', place.split('/')[1]) for node in nodes.values())

    def coarsely(self) -> bool:
        """Say whether all that comes of products follows in a low precision.

        Then what does not follow there either is looked for, and that alone.
        """
        plain: Dict[str, Dict[str, float]] = {}     # every array's share
        way = self.judge.ways(self.judge.golden.updates[0])[0]
        off, odd_ones = {}, []
        for place, nodes in self.measured():
            plain[place] = {key: node.share for key, node in nodes.items()}
            for key, node in nodes.items():
                if plain[place][key] > 1 or np.isnan(node.found).any():
                    odd_ones.append((place, node))
                if plain[place][key] > 1 and group_of(key, way) in OF_PRODUCTS:
                    off[place, key] = node
        names, begin, every = ({place.split('/')[1] for place in places} for places in (
            [place for place, _ in off],
            [place for place, _ in off if place.startswith('step_000')], plain))
        with np.errstate(all='ignore'):     # rounding is there from the first step on
            tried = (precisions(list(off.values()))
                     if len(off) >= FEW and names == begin else [])
        for coarse in tried:
            shares: Dict[Any, float] = {}
            for place, nodes in self.measured(coarse):
                shares.update({(place, key): nodes[key].share for key in nodes
                               if (place, key) in off})
                if max(shares.values(), default=0) > FAR:
                    break
            typical = np.percentile([*shares.values()], [50, 90])
            # A number near a ReLU's 0 is on either side of it.
            if max(shares.values()) <= FAR and LITTLE < typical[0] and (
                    typical[1] < MUCH):
                break
        else:
            return False
        self.nodes = odd_ones
        self.judged = {f'{place}/{key}': share for place, shares_there in plain.items()
                       for key, share in shares_there.items()}
        rest = Search(self.judge.golden, self.judge.mine, coarse)
        rest.judge.wide *= FAR
        rest.explain()
        networks = {group_of(key, way)[-1] for _, key in off} & {'G', 'D'}
        every_one = sum(group_of(key, way) in OF_PRODUCTS for keys in plain.values()
                        for key in keys)
        # Noise that somebody adds looks like chance too, but is not everywhere.
        sure = coarse.everything or len(networks) > 1 and len(off) > 0.6 * every_one
        edit = Edit('low precision', 'run', 'run', lambda way: way, {
            'kind': coarse.kind, 'everything': coarse.everything,
            'seen_in': sorted(networks) or sorted({
                descriptions.update_of(self.judge.description, name)['moves']
                for name in names}),
            'shown': sorted(names) if names < every else []})
        self.findings = [Finding(
            place, group_of(keys[0], way), [off[place, keys[0]]], [edit], [], sure,
            max(plain[place][key] for key in keys),
            max(shares[place, key] for key in keys), keys[1:])
            for place in plain for keys in [[key for at, key in off if at == place]]
            if keys] + rest.findings
        self.taken = rest.taken
        return True

    # --- An update --------------------------------------------------------------------

    def count(self, ways: List[Way], some: List[Edit]) -> float:
        """Return how many arrays do not follow with some edits."""
        try:
            return wrong(self.judge.nodes(ways, some)[0])
        except IMPOSSIBLE:
            return np.inf

    def at(self, place: str, ways: List[Way], plain: Dict[str, Node]) -> List[Edit]:
        """Find what is wrong in an update; return the edits."""
        taken = self.known(ways, plain)
        given: set = set()          # groups that nothing explains
        while True:
            nodes = self.judge.nodes(ways, taken)[0] if taken else plain
            wrong = [group for group in GROUPS if group not in given and any(
                node.share > (FITS if taken else 1) for key, node in nodes.items()
                if group_of(key, ways[0]) == group)]
            if not wrong:
                break
            group = wrong[0]
            bad = [node for key, node in nodes.items()
                   if node.share > (FITS if taken else 1)
                   and group_of(key, ways[0]) == group]
            found = fact(group, bad, ways[0])
            keys = {node.key for node in bad}
            if found and any(not each.edits and each.group == group
                             and keys & {node.key for node in each.nodes}
                             for each in self.findings):
                found = None        # these weights were recorded otherwise before
            unexplained = given & set({'grad': GROUPS[:3], 'averages': GROUPS[:2]}.get(
                group, ()))
            if not found and not unexplained:
                found = self.find(ways, taken, nodes, group)
                if not found:
                    for each in (group,), (group, ways[0].update['name']):
                        self.vain[each] = self.vain.get(each, 0) + 1
            if found is None and all(plain[node.key].share <= 1 for node in bad):
                given.add(group)        # your arrays follow as they are
                continue
            # Backward, a layer in bfloat16 rounds in several ways. TF32 is of a run.
            if found is None and group == 'grad' and any(
                    edit.name == 'low precision of a layer'
                    and edit.values['kind'] == 'bfloat16' for edit in taken):
                given.add(group)
                self.findings = [each._replace(follows=[
                    *each.follows, *(node.key for node in bad)])
                    if each.place == place and each.group in GROUPS[:2] and each.edits
                    else each for each in self.findings]
                continue
            before = [n for n, each in enumerate(self.findings) if each.place == place
                      and not each.edits and each.group in GROUPS[:3]]
            if found is None and before and (group == 'grad' or unexplained):
                given.add(group)        # it follows from what nothing explains either
                n = before[-1]
                self.findings[n] = self.findings[n]._replace(
                    follows=self.findings[n].follows + [node.key for node in bad])
                continue
            if found is None:
                given.add(group)
                if group == 'grad':     # what is wrong before it must explain them too
                    self.findings = [
                        each._replace(sure=False) if each.place == place and each.group
                        in GROUPS[:3] else each for each in self.findings]
                self.findings.append(Finding(
                    place, group, bad, [], [], False,
                    max(node.share for node in bad), 0., []))
                continue
            new, others, sure, near, follows = found
            if group == 'grad':     # no surer than what it comes after
                sure &= all(each.sure for each in self.findings if each.place == place
                            and each.edits and each.group in GROUPS[:3])
            if new[0].name == 'step on both networks':
                given.add(group)
            taken = taken + new
            self.findings.append(Finding(
                place, group, bad, new, others, sure,
                max(node.share for node in bad), near, follows))
            if sum((each.place, each.group) == (place, group)
                   for each in self.findings) >= MOST:      # they undo one another
                given.add(group)
                self.findings = [each for each in self.findings
                                 if each.place != place or not each.edits]
                self.findings.append(Finding(place, group, bad, [], [], False, max(
                    node.share for node in bad), 0., []))
                taken = self.known(ways, plain)
        self.findings = [
            each._replace(sure=False) if each.place == place and given & set(GROUPS[:3])
            and any(edit.name == 'recorded after an activation' for edit in each.edits)
            else each for each in self.findings]
        return taken

    def undone(self) -> None:
        """Say in one finding what the optimizer undoes: a factor of the gradients.

        What is recorded of them is all that is wrong then.
        """
        for inside in [each for each in self.findings if each.edits
                       and each.edits[0].values.get('inside')
                       and 'factor' in each.edits[0].values]:
            for n, each in enumerate(self.findings):
                factor = each.edits[0].values.get('factor', 0) if each.edits else 0
                if (each.place, each.group) == (inside.place, 'grad') and abs(
                        factor * inside.edits[0].values['factor'] - 1) < 1e-3:
                    self.findings[n] = each._replace(edits=[Edit(
                        'gradients recorded otherwise', 'update',
                        each.place.split('/')[1], each.edits[0].apply,
                        {'number': factor})], others=[], sure=True)
                    self.findings.remove(inside)
                    break

    def doubt(self, place: str, ways: List[Way], plain: Dict[str, Node],
              taken: List[Edit]) -> None:
        """Take back the word of a mistake that should show here too, and does not."""
        way = ways[0]
        bad = {group_of(key, way) for key, node in plain.items() if node.share > 1}
        names = {edit.name for edit in taken}
        for n, finding in enumerate(self.findings):
            own = {edit.name for edit in finding.edits}
            if finding.place == place or not own or names & own or not all(
                    edit.concerns(way.update) for edit in finding.edits):
                continue
            alone = not own & set(OF_ALL)       # it may be of one update alone
            if finding.group not in bad and (
                    alone and finding.place.split('/')[1] != place.split('/')[1]
                    or own & set(MAY_VARY + FACTS)
                    or alone and not any(odd(edit.values.get('number'), edit.name) > 1
                                         for edit in finding.edits)
                    or self.count(ways, taken + finding.edits)
                    <= self.count(ways, taken)):
                continue
            instead = [other for other in finding.others
                       if names & {edit.name for edit in other}]
            update = descriptions.update_of(self.judge.description,
                                            finding.place.split('/')[1])
            if not alone and finding.group not in bad:
                instead = [[edit._replace(name=OF_ALL.get(edit.name, edit.name),
                                          of='update', where=update['name'])
                            for edit in finding.edits]]
            # Or what shows here, if it is wherever the doubtful one was.
            instead = instead or [
                each.edits for each in self.findings if each.sure and each.edits
                and each.group == finding.group and all(
                    edit in taken and edit.name not in FACTS and edit.of != 'update'
                    and edit.concerns(update) for edit in each.edits)]
            kept = [edit for edit in finding.edits
                    if edit.name in ('learning rate', *FACTS)]
            self.withdraw(n, (instead or [kept])[0], bool(instead))

    def withdraw(self, n: int, edits: List[Edit], sure: bool) -> None:
        """Take back a finding's edits, also where they were known later."""
        gone = [edit for edit in self.findings[n].edits if edit not in edits]
        self.taken = {place: [edit for edit in taken if edit not in gone]
                      for place, taken in self.taken.items()}
        self.findings[n] = self.findings[n]._replace(edits=edits, others=[], sure=sure)

    def settle(self) -> bool:
        """Take back words that a run as a whole does not bear out; say if any were.

        A number that somebody wrote is the same in every update, and so is a layer.
        What is not sure and has a fitted number only happens to fit.
        """
        said: Dict[Any, List[Edit]] = {}
        before = list(self.findings)
        for finding in self.findings:
            for edit in finding.edits:
                said.setdefault(slot(edit), []).append(edit)
        for n, finding in enumerate(self.findings):
            if not finding.edits:
                continue
            unsteady = any(not steady(said[slot(edit)]) for edit in finding.edits)
            fitted = any({'number', 'slope', 'factor'} & set(edit.values)
                         and edit.name not in MAY_VARY for edit in finding.edits)
            elsewhere = [each.place for each in self.findings if not each.edits
                         and each.group == finding.group and each.place != finding.place
                         and self.missed(finding, each.place)]
            alike = sum(len(said[slot(edit)]) for edit in finding.edits)
            names = {edit.name for edit in finding.edits}
            # A rate that varies beside another beta or count is of its correction.
            corrects = any(
                edit.name == 'learning rate' and len({
                    each.values['number'] for each in said[slot(edit)]}) > 1
                and (any(key[0] in ('beta1', 'beta2') and key[2] == edit.where
                         for key in said) or "Adam's count" in names)
                for edit in finding.edits)
            # A number that nobody writes, and which leaves a rest elsewhere.
            slots = set(map(slot, finding.edits))
            rest = any(
                odd(edit.values.get('number'), edit.name) > 1
                and edit.name not in ANY_NUMBER for edit in finding.edits) and any(
                    not (each.edits and each.sure) and each.group == finding.group
                    and each.place != finding.place
                    and slots <= set(map(slot, self.taken[each.place]))
                    for each in self.findings)
            # From the first update on, what corrects the bias may be another.
            vague = finding.sure and any(
                edit.name == 'learning rate' and not steady(said[slot(edit)], True)
                and any(each.place.startswith('step_000') and slot(edit) in map(
                    slot, each.edits) for each in self.findings)
                for edit in finding.edits)
            # In the first step alone many things look like a rate of many digits.
            vague |= finding.sure and any(
                edit.name == 'learning rate'
                and odd(edit.values['number'], edit.name) > 1
                and {place.split('/')[0] for place, taken in self.taken.items()
                     if slot(edit) in map(slot, taken)} == {'step_000'}
                for edit in finding.edits)
            # A schedule cannot explain what is off before it begins.
            late = names == {'learning rate'} and not finding.sure and any(
                not each.edits and each.group == finding.group
                and each.place.split('/')[1] == finding.place.split('/')[1]
                and each.place < finding.place for each in self.findings)
            # In the first step a state that is 0 hides much.
            own = [place for place in self.judge.golden.updates
                   if place.split('/')[1] == finding.place.split('/')[1]]
            alone = finding.group in CHEAP and finding.place == own[0] and {
                each.place for each in self.findings if not each.edits
                and each.group == finding.group} >= {*own[1:]} > set()
            one_image = self.judge.description['batch_size'] == 1
            # With one image a number may fit if all units have the same sign.
            vague |= finding.sure and fitted and one_image and any(
                not each.edits and {each.group, finding.group} == {*GROUPS[:2]}
                for each in self.findings)
            if vague:
                self.findings[n] = finding._replace(sure=False)
            # With one image, some target fits any slope of the loss.
            free = one_image and any(
                edit.name in ('smoothed targets', 'smoothing')
                and odd(edit.values['number'], edit.name) > 1 for edit in finding.edits)
            # Moments of its optimizer are off, and nothing explains them: a rate of
            # many digits, or one that changes, comes from them.
            of_moments = any(
                edit.name == 'learning rate' and (
                    odd(edit.values['number'], edit.name) > 1
                    or not steady(said[slot(edit)], True)) and any(
                    not each.edits and each.group == 'moments' and edit.concerns(
                        descriptions.update_of(self.judge.description,
                                               each.place.split('/')[1]))
                    for each in self.findings)
                for edit in finding.edits)
            if any((free, of_moments, unsteady, corrects, rest, late, alone)) or not (
                    names & set(FACTS)) and (
                    len(elsewhere) >= (alike if names <= {'learning rate'} else 1)) or (
                    fitted and not finding.sure and not finding.others):
                self.withdraw(n, [], False)
        return any(one is not two for one, two in zip(before, self.findings))

    def beside(self, name: str) -> None:
        """Say of an update's records that they are not what the port goes on with.

        They are off in every step, and so is what comes after them, which follows
        without them. That is asked where one finding in a step does not explain it.
        """
        own = [n for n, each in enumerate(self.findings)
               if each.place.split('/')[1] == name]
        places = [self.findings[n].place for n in own]
        if len(set(places)) == len(places) and all(
                self.findings[n].edits for n in own):
            return
        every = {place for place in self.judge.golden.updates
                 if place.split('/')[1] == name}
        off = [(place, node) for place, node in self.nodes
               if place.split('/')[1] == name and node.share > 1]
        for what, kinds in RECORDED.items():
            bad = [(place, node) for place, node in off
                   if node.key.split('/')[0] in kinds]
            # One step is too few: Adam's first one is the same with any beta.
            after = {place for place, node in off
                     if node.key.split('/')[0] not in kinds}
            if not {place for place, _ in bad} == after == every or len(every) < 2:
                continue
            if self.off(self.without(kinds, name), name):
                continue
            edit = Edit('recorded otherwise', 'update', name, lambda way: way,
                        {'what': what})
            self.findings[own[0]:own[-1] + 1] = [each for each in self.findings[
                own[0]:own[-1] + 1] if each.place.split('/')[1] != name]
            self.findings[own[0]:own[0]] = [Finding(
                place, group_of(nodes[0].key, self.judge.past[0]), nodes, [edit], [],
                True, max(node.share for node in nodes), 0.,
                [node.key for at, node in off if at == place and node not in nodes])
                for place in dict.fromkeys(place for place, _ in bad)
                for nodes in [[node for at, node in bad if at == place]]]
            return

    def missed(self, finding: Finding, place: str) -> bool:
        """Say whether a finding's edits should show in another update, and did not."""
        update = descriptions.update_of(self.judge.description, place.split('/')[1])
        slots = set(map(slot, self.taken[place]))
        return all(edit.concerns(update) and slot(edit) not in slots
                   for edit in finding.edits)

    def known(self, ways: List[Way], plain: Dict[str, Node]) -> List[Edit]:
        """Return which of the edits found so far hold in this update too.

        Where one of those that explained an earlier update as well does better here, it
        takes the place of the one that was taken there.
        """
        taken: List[Edit] = []
        best = wrong(plain)
        for n, finding in enumerate(self.findings):
            choices = [finding.edits] + finding.others
            counts = [self.count(ways, taken + new) if not any(
                edit in taken or not edit.concerns(ways[0].update) for edit in new)
                else best for new in choices if new]
            if counts and min(counts) < best:
                without, best = best, min(counts)
                # Beside another mistake, one array more or less is chance.
                as_good = [choice for choice, count in zip(choices, counts)
                           if count < without and count <= best + (best > 0)]
                chosen = as_good[0]
                taken += chosen
                others = as_good[1:]
                self.findings[n] = finding._replace(
                    edits=chosen, others=others,
                    sure=finding.sure and chosen is finding.edits
                    or bool(finding.others) and not others)
        return taken

    def find(self, ways, taken, nodes, group):
        """Return (edits, others, sure, share with them, what follows); None: nothing.
        """
        if self.vain.get((group, ways[0].update['name']), 0) > 1:
            return None
        way = edited(ways[0], taken)
        case = edits.Case(way)
        trial = Trial(self.judge, ways, taken, nodes, group)
        singles = [*trial.singles(candidates(case, group, way.start.own))]
        fitting = trial.confirmed([[each] for each in singles if each.share <= NEAR])
        if not fitting and not self.vain.get((group,)):
            fitting = trial.confirmed(trial.pairs(singles))
        return trial.choose(fitting)


def slot(edit: Edit) -> Any:
    """Return what two edits share that cannot both be true, unless they are the same.
    """
    return (edit.name, edit.of, edit.where, *(str(edit.values.get(name)) for name in (
        'network', 'layers', 'which', 'batch', 'target', 'matrices', 'part')))


def steady(alike: List[Edit], strictly: bool = False) -> bool:
    """Say whether edits of one slot are one mistake.

    `strictly`: also of a kind of number that may vary.
    """
    numbers = [abs(edit.values[name]) for edit in alike
               for name in ('number', 'slope') if name in edit.values]
    # A fit is as good as its limits; but what has many digits was not written down.
    apart = 1.001 if any(odd(number, alike[0].name) > 1 for number in numbers) else 1.02
    varies = numbers and max(numbers) > apart * min(numbers) + 1e-30
    kinds = {(str(edit.values.get('new')), str(edit.values.get('how')))
             for edit in alike}
    return len(kinds) == 1 and not (varies and (
        strictly or alike[0].name not in MAY_VARY))


def fact(group: str, bad: List[Node], way: Way):
    """Return what needs no search: weights of a network that should rest have moved.
    """
    moved = descriptions.trained(way.description['networks'][way.update['moves']])
    every = [name for layers in way.description['networks'].values()
             for name in descriptions.trained(layers)]
    names = [node.key[6:] for node in bad if node.key.startswith('after/')
             and node.key[6:] in every and node.key[6:] not in moved]
    if group != 'after' or len(names) < len(bad):
        return None
    edit = Edit('step on both networks', 'update', way.update['name'],
                lambda way: way, {'names': names})
    return [edit], [], True, 0., []


def wrong(nodes: Dict[str, Node]) -> int:
    """Return how many arrays do not follow."""
    return sum(node.share > FITS for node in nodes.values())


def halved(off: List[Node]) -> Optional[Coarse]:
    """Return the precision whose numbers most gradients hold that do not follow."""
    slopes = [node.found for node in off if node.key[:5] == 'grad/' and
              node.found.any()]
    return next((coarse for coarse in COARSE if coarse.everything and 2 * sum(
        np.array_equal(PRIMITIVES['round'].forward(slope, bits=coarse.bits), slope)
        for slope in slopes) > len(slopes)), None)


def precisions(off: List[Node]) -> List[Coarse]:
    """Return the precisions that arrays may be computed in, the finest first.

    In one whose products take TF32, what is wrong looks like chance.
    """
    half = halved(off)
    if half:
        return [half]
    alike = [np.corrcoef(node.expected.ravel(), (node.found - node.expected).ravel())[
        0, 1] ** 2 for node in off if node.found.size >= 20]
    if len(alike) < FEW or not np.median(alike) < ALIKE:
        return []
    return [coarse for coarse in COARSE if not coarse.everything]


def candidates(case: edits.Case, group: str, own: Dict[str, Any]) -> Iterator[Any]:
    """Yield the edits that can show first in a group, as far back as nothing is
    recorded between.
    """
    kinds = {key.split('/')[0] for key in own}
    later = {'forward G': [], 'forward D': ['fake'], 'loss': ['logit'],
             'grad': ['loss', 'logit'], 'moments': ['grad'], 'after': ['adam_m'],
             'averages': []}
    order = ['forward G', 'forward D', 'loss', 'grad', 'moments', 'after']
    if case.optimizer['kind'] != 'Adam':
        later['after'] = ['grad']
    at = [group]
    while at[0] in order and order.index(at[0]) and not any(
            kind in kinds for kind in later[at[0]]) and not (
                at[0] == 'forward D' and 'fake' not in kinds
                and not any('G' in term['on'] for term in case.update['terms'])):
        at.insert(0, order[order.index(at[0]) - 1])
    makers = {
        'forward G': lambda: [edits.seen(case, 'G'), edits.network(case, 'G')],
        'forward D': lambda: [edits.seen(case, 'D'), edits.network(case, 'D')],
        'loss': lambda: [edits.losses(case, 'both'), edits.losses(case, 'recorded')],
        'grad': lambda: [edits.gradients(case), edits.losses(case, 'lowered')] + (
            [(each for name in 'GD' for each in edits.network(case, name)
              if _example(each).name in UNSEEN)] if 'logit' in kinds else []),
        'moments': lambda: [edits.moments(case)],
        'after': lambda: [edits.steps(case)],
        'averages': lambda: [edits.averages(case), edits.network(case, 'G'),
                             edits.seen(case, 'G')]}
    for each in at:
        yield from itertools.chain(*makers[each]())


def _example(each: Any) -> Edit:
    return each.make(each.starts[0]) if isinstance(each, Family) else each


class Tried(NamedTuple):
    """An edit, and how near it comes in the group."""

    edit: Edit
    family: Optional[Family]
    number: Optional[float]
    share: float            # the largest, of the limits of the way without it
    rest: float             # what remains of the difference, a share of it
    arrays: Dict[str, np.ndarray]


class Trial:
    """The trying of edits in one group of an update."""

    def __init__(self, judge, ways, taken, nodes, group):
        self.judge, self.ways, self.taken, self.all = judge, ways, taken, nodes
        self.group = group
        self.nodes = {key: node for key, node in nodes.items()
                      if group_of(key, ways[0]) == group}
        self.until = {'forward G': 'fake', 'forward D': 'logit', 'loss': 'loss',
                      'grad': 'grad', 'averages': 'averages'}.get(group, 'after')
        self.dtype = np.float32 if judge.few and group in OF_PRODUCTS else float
        self.weights = {}
        for key, node in self.nodes.items():
            limit = np.where(np.isfinite(node.limit), node.limit, 0)
            self.weights[key] = 1 / (np.maximum(limit, limit.mean()) + 1e-30)
        self.whole = self.rest({key: node.expected for key, node in self.nodes.items()})

    def rest(self, arrays: Dict[str, np.ndarray]) -> float:
        """Return how far predictions are from the port's arrays, weighed."""
        total = 0.
        for key, node in self.nodes.items():
            array = arrays.get(key)
            if array is None or array.shape != node.found.shape:
                if key.startswith('after/'):
                    array = self.ways[0].start.weights[key[6:]]
                else:
                    return np.inf
            with np.errstate(all='ignore'):
                apart = np.abs(node.found - array) * self.weights[key]
            apart = np.where(node.found == array, 0, apart)
            apart = np.where(np.isnan(apart), 1e30, apart)
            total += float(np.minimum(apart, 1e30).sum())
        return total

    def attempt(self, edit: Edit, more=(), family=None, number=None) -> Optional[Tried]:
        """Return how near an edit comes; None where it cannot be computed."""
        try:
            with np.errstate(all='ignore'):
                arrays = run(self.ways[0], [*self.taken, *more, edit], until=self.until,
                             directly=True, dtype=self.dtype)
        except IMPOSSIBLE:
            return None
        rest = self.rest(arrays) / max(self.whole, 1e-300)
        share = 0.
        for key, node in self.nodes.items():
            array = arrays.get(key)
            if array is None and key.startswith('after/'):
                array = np.asarray(self.ways[0].start.weights[key[6:]], float)
            if array is None or array.shape != node.found.shape:
                return None
            kind = key.split('/')[0]
            limit = np.maximum(
                node.limit * (self.grown(key, array) if kind == 'after' else 1),
                LEAST_TRIED.get(kind, 1e-6) * np.abs(array))
            share = max(share, node._replace(expected=array, limit=limit).share)
        return Tried(edit, family, number, share, rest, {
            key: arrays[key] for key in self.nodes if key in arrays})

    def grown(self, key: str, array: np.ndarray) -> float:
        """Return how many times the rounding an edit's step has, as it is longer."""
        start = self.ways[0].start.weights[key[6:]]
        with np.errstate(all='ignore'):
            times = np.abs(array - start).mean() / np.abs(
                self.nodes[key].expected - start).mean()
        return min(max(1e-3, times), 1e3) if np.isfinite(times) else 1.

    def fit(self, family: Family, more=()) -> Optional[Tried]:
        """Return a family's best member, its number refined."""
        best = None
        for number in family.starts:
            new = self.attempt(family.make(number), more, family, number)
            if new and not (best and best.rest <= new.rest):
                best = new
        if best is None:
            return None
        for n in range(8):
            if best.share <= 0.05 or n > 1 and best.rest > 0.98:
                break
            new = self.newton(best, more)
            if new is None or not new.rest < best.rest:
                break
            best = new
        return self.rounded(best, more)

    def newton(self, at: Tried, more) -> Optional[Tried]:
        """Return a step of Gauss and Newton toward a family's best number."""
        h = 1e-4 * abs(at.number) + 1e-12
        aside = self.attempt(at.family.make(at.number + h), more)
        if aside is None:
            return None
        up = down = 0.
        for key, node in self.nodes.items():
            if key not in at.arrays or key not in aside.arrays:
                continue
            with np.errstate(all='ignore'):
                slope = (aside.arrays[key] - at.arrays[key]) / h * self.weights[key]
                off = (node.found - at.arrays[key]) * self.weights[key]
            good = np.isfinite(slope) & np.isfinite(off)
            up += float((slope[good] * off[good]).sum())
            down += float((slope[good] ** 2).sum())
        if not down or not np.isfinite(up / down):
            return None
        for part in 1, 0.3:
            number = at.number + part * up / down
            new = self.attempt(at.family.make(number), more, at.family, number)
            if new and new.rest < at.rest:
                return new
        return None

    def rounded(self, best: Tried, more) -> Tried:
        """Return a member with fewer digits where it fits as well.

        A number that leaves next to nothing, and yet does not fit, may be a little off.
        """
        if best.share > NEAR and best.rest > SETTLED:
            return best
        share = max(1, 1.5 * best.share) if best.share <= NEAR else 1
        for digits in range(5):
            for number in (rounded(best.number, digits), (
                    1 / (rounded(1 / best.number, digits) or 1) if best.number and
                    best.edit.name in FACTORS else best.number)):
                if number == best.number:
                    continue
                new = self.attempt(best.family.make(number), more, best.family, number)
                if new and new.share <= share:
                    return new
        return best

    def singles(self, every: Iterator[Any]) -> Iterator[Tried]:
        """Yield every edit that can be computed, families at their best."""
        for each in every:
            tried = (self.fit(each) if isinstance(each, Family) else self.attempt(each))
            if tried and tried.rest < np.inf:
                yield tried._replace(arrays={})     # of a hundred edits: too many

    def pairs(self, singles: List[Tried]) -> List[List[Tried]]:
        """Return pairs that come near, found by what each leaves of the difference."""
        found = []
        singles = sorted(singles, key=lambda each: each.rest)
        for first in [each for each in singles if each.rest < 0.98][:PAIRS]:
            near = []
            for other in singles:
                if other.edit is first.edit or other.rest == 1:
                    continue
                new = self.attempt(other.edit, [first.edit], other.family, other.number)
                # A number that was fitted alone is another one beside an edit.
                moved = new and first.family and self.group in CHEAP and self.newton(
                    first._replace(arrays=new.arrays, rest=new.rest), [other.edit])
                if new:
                    near.append((moved or first, new._replace(arrays={})))
            near.sort(key=lambda each: min(each[1].rest, each[0].rest
                                           if each[0] is not first else np.inf))
            for one, two in near[:4]:
                for _ in range(4):      # refit in turn
                    if two.share <= NEAR:
                        break
                    if two.family:
                        two = self.fit(Family(two.family.make, (two.number,)),
                                       [one.edit]) or two
                    if one.family:
                        one = self.fit(Family(one.family.make, (one.number,)),
                                       [two.edit]) or one
                        two = self.attempt(two.edit, [one.edit], two.family,
                                           two.number) or two
                whole = two.share <= NEAR and one.family and self.attempt(
                    one.edit, [two.edit], one.family, one.number)
                if whole:       # only beside the other does it fit, to be rounded
                    one = self.rounded(whole, [two.edit])
                    two = self.attempt(two.edit, [one.edit], two.family,
                                       two.number) or two
                alone = [self.attempt(each.edit) for each in (one, two)]
                if two.share <= NEAR and all(each is None or each.share > 2 * NEAR
                                             for each in alone):
                    found.append([one, two])
        return found

    def confirmed(self, near: List[List[Tried]]) -> List[Tuple]:
        """Return those that fit with noise: (tried, nodes, place in the order).

        Of edits whose number nobody writes, no more are computed than `choose` needs to
        stay silent.
        """
        order = {id(each): n for n, each in enumerate(near)}
        nearest = sorted(near, key=lambda each: each[-1].share)[:20]
        fitting: List[Tuple] = []
        for each in sorted(nearest, key=lambda each: any(map(unlikely, each))):
            if fitting and any(map(unlikely, each)) and (
                    any(map(unlikely, fitting[0][0]))
                    or not all(wrong(nodes) for _, nodes, _ in fitting)):
                break
            try:
                nodes, _ = self.judge.nodes(self.ways,
                                            self.taken + [one.edit for one in each])
            except IMPOSSIBLE:
                continue
            if all(key in nodes and nodes[key].share <= FITS for key in self.nodes):
                fitting.append((each, nodes, order[id(each)]))
        return fitting

    def is_vague(self, one: Tried, more: List[Edit]) -> bool:
        """Say whether half of a fitted number, or twice it, fits as well."""
        others = (self.attempt(one.family.make(times * one.number), more)
                  for times in (0.5, 2.) if one.family and one.number)
        return any(other and other.share <= FITS for other in others)

    def breaks(self, nodes: Dict[str, Node]) -> bool:
        """Say whether with an edit something does not follow that comes before it."""
        before = GROUPS[:GROUPS.index(self.group)]
        return any(nodes[key].share > FITS >= node.share for key, node in
                   self.all.items() if key in nodes
                   and group_of(key, self.ways[0]) in before)

    def choose(self, fitting: List[Tuple]):
        """Return the one with which most arrays follow, and those that do as well."""
        if not fitting:
            return None
        fitting = [each for each in fitting if not self.breaks(each[1])]
        counts = [wrong(nodes) for _, nodes, _ in fitting]
        best = [each for each, count in zip(fitting, counts) if count == min(counts)
                and not any(unlikely(one) for one in each[0])]
        if not best:
            return None
        best.sort(key=lambda each: (sum(map(oddity, each[0])), each[2]))
        first, nodes, _ = best[0]
        others: List[List[Edit]] = []
        general = sum(map(oddity, first))
        rivals = 0      # that are as particular
        vague = False
        for each, same, _ in best[1:]:
            alike = all(np.array_equal(same[key].expected, nodes[key].expected)
                        for key in same if key in nodes)
            if alike and each[0].edit.name == first[0].edit.name == 'padding':
                others.append([one.edit for one in each])
            if oddity(each[-1]) < 3 and not alike:
                others.append([one.edit for one in each])
                rivals += sum(map(oddity, each)) <= general
                pairs = [(one.edit, other.edit) for one, other in zip(*(
                    sorted(some, key=lambda one: str(slot(one.edit)))
                    for some in (first, each)))]
                vague |= all(slot(one) == slot(other) for one, other in pairs) and (
                    not all(steady([*pair], True) for pair in pairs))
        fitted = sum(one.family is not None for one in first)
        fixed = [key for key, node in self.all.items()
                 if node.share > 1 and key in nodes and nodes[key].share <= FITS]
        off = max(node.share for node in self.nodes.values())
        seen = sum(int((self.all[key].shares > SEEN).sum()) for key in fixed)
        # Gradients of 0 show that none comes, and not why.
        empty = self.group == 'grad' and not any(
            node.found.any() for node in self.nodes.values())
        if seen < 1 + fitted or empty and first[0].edit.name != 'gradient missing':
            return None
        sure = off >= SEEN and not rivals
        if vague or any(self.is_vague(one, [
                other.edit for other in first if other is not one]) for one in first):
            # nothing later makes it surer
            sure, others = False, []
        near = max(nodes[key].share for key in self.nodes)
        return ([one.edit for one in first], others, sure, near,
                [key for key in fixed if key not in self.nodes])


def unlikely(one: Tried) -> bool:
    """Return whether nobody writes an edit's number: it only happens to fit."""
    name, number = one.edit.name, one.edit.values.get('number')
    return number == 0 and name in NEVER_0 or (name not in ANY_NUMBER
                                               and odd(number, name) > 2)


def oddity(one: Tried) -> int:
    """Return how little an edit's number looks like one that somebody wrote."""
    return odd(one.number, one.edit.name)


def rounded(number: float, digits: int) -> float:
    """Return a number of so many digits; without any 0."""
    return float(f'{number:.{digits}g}') if digits else 0.


def odd(number: Optional[float], name: str = '') -> int:
    """Return how little a fitted number looks like one that somebody wrote.

    Of a factor it may be the reciprocal that was written.
    """
    if number is None:
        return 0
    either = [number, 1 / number] if number and name in FACTORS else [number]
    digits = min(next((n for n in range(1, 17) if abs(
        rounded(each, n) - each) <= 1e-12 * abs(each)), 17) for each in either)
    return 1 + (digits > 2) + (digits > 4)
