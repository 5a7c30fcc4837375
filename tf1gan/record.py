"""Record a trace of a page's first steps: `python -m tf1gan.record PAGE`.

PAGE is a tutorial's name, or a GAN of one's own: a file my_gan.py, or a module. The
page's own `step` runs, in a session that listens. Before each update the session
fetches, from the same graph with the same feeds, what is on the way to the loss. Then
it runs the update as it came, and reads the variables. So a recorded run has the bits
of one that is not recorded, pictures' noise included. The file: see `tf1gan.trace`.
"""

import sys
from typing import Any, Dict, List

import numpy as np

from tf1gan import TUTORIALS, InputError, command, contract, flags, loop, trace
from tf1gan.tf1 import tf


class Recorder:
    """A session that notes what each update of a page's `step` sees and does."""

    def __init__(self, run: loop.Run):
        self.run_of = run
        self.applied = {op.inputs[len(op.inputs) - 1]: op
                        for op in run.model.graph.get_operations()
                        if op.type in ('ApplyAdam', 'ApplyGradientDescent')}
        self.feeds = {tensor: name for name, tensor in run.model._asdict().items()
                      if isinstance(tensor, tf.Tensor)
                      and tensor.op.type == 'Placeholder'}
        self.arrays = {f'init/{name}': value for name, value in
                       run.weights().items()}
        self.optimizers: Dict[str, Any] = {}

    def run(self, fetches: List, feed_dict: Dict) -> List:
        """Run as a session does, and note what an update in `fetches` does."""
        sess, updates = self.run_of.sess, self.run_of.model.updates
        name = next((name for name in updates if updates[name].train in fetches), None)
        if name is None:
            return sess.run(fetches, feed_dict)
        update, place = updates[name], f'step_{self.run_of.step:03d}/{name}'
        if update.gradients is None:
            raise InputError(f'expected updates that a trace can hold, found {name}, '
                             'of the sanity check; leave --sanity out')
        appliers = {variable.op.name: self.applied.get(gradient)
                    for gradient, variable in update.gradients}
        if None in appliers.values() or update.loss not in fetches or not set(
                feed_dict) <= set(self.feeds):
            raise InputError(
                f'update {name}: expected Adam or gradient descent of its gradients, '
                'its loss fetched with it, and feeds that Model has, found something '
                'else; a trace can hold nothing else')
        before = self.run_of.weights()
        seen, gradients = sess.run(
            [watched(update), {variable.op.name: gradient
                               for gradient, variable in update.gradients}], feed_dict)
        result = sess.run(fetches, feed_dict)
        loss = result[fetches.index(update.loss)]
        after = self.run_of.weights()

        note = self.arrays
        for tensor, value in feed_dict.items():     # as the feed rounds it
            note[f'{place}/feed/{self.feeds[tensor]}'] = np.asarray(value, np.float32)
        note.update((f'{place}/{key}', value) for key, value in seen.items())
        note[f'{place}/loss'] = np.asarray(loss)
        note.update((f'{place}/grad/{weight}', value)
                    for weight, value in gradients.items())
        for number, moment in (1, 'adam_m'), (2, 'adam_v'):
            slots = {weight: op.inputs[number] for weight, op in appliers.items()
                     if op.type == 'ApplyAdam'}
            note.update((f'{place}/{moment}/{weight}', value)
                        for weight, value in sess.run(slots).items())
        note.update((f'{place}/after/{weight}', value)
                    for weight, value in after.items() if weight in appliers
                    or not np.array_equal(value, before[weight]))
        if name not in self.optimizers:
            self.optimizers[name] = self.numbers(next(iter(appliers.values())))
        return result

    def numbers(self, op: 'tf.Operation') -> Dict[str, Any]:
        """Return an optimizer's kind and numbers, as its op in the graph has them."""
        places = {'learning_rate': 5, 'beta1': 6, 'beta2': 7, 'epsilon': 8}
        kind = 'Adam'
        if op.type == 'ApplyGradientDescent':
            kind, places = 'SGD', {'learning_rate': 1}
        values = self.run_of.sess.run({name: op.inputs[place]
                                       for name, place in places.items()})
        return {'kind': kind, **{name: float(value) for name, value in values.items()}}


def watched(update: contract.Update) -> Dict[str, 'tf.Tensor']:
    """Return what is on the way to an update's loss, by its keys in a trace."""
    found = {f'mask/{i + 1}': mask for i, mask in enumerate(update.masks)}
    if update.fakes is not None:
        found['fake/G'] = update.fakes
    found.update((f'logit/{name}', logit) for name, logit in update.logits.items())
    return found


def record(run: loop.Run, n_steps: int, path: str) -> None:
    """Take the first steps of a run that has just begun, and write their trace.

    Raises: InputError when the page has no description, or the trace cannot be written.
    """
    if run.settings.get('description', '') is None:
        raise InputError(f'{run.page.source}: expected a page with a `describe`, whose '
                         'description a trace holds, found none; write it '
                         '(tf1gan/descriptions says what it holds)')
    from tqdm import tqdm       # where TensorFlow is missing, it may be too
    recorder = Recorder(run)
    for _ in tqdm(range(n_steps), 'steps recorded', disable=None, leave=False):
        draw(run)
        run.advance(recorder)
    meta = {
        'format': trace.FORMAT, 'tutorial': run.page.name,
        'config': run.config._asdict(), 'seed': run.settings['seed'],
        'optimizers': recorder.optimizers,
        **{key: run.settings[key] for key in ('description',) if key in run.settings},
        'environment': command.environment(run.sess, run.settings['threads'])}
    with flags.waiting('writing the trace'):
        trace.save(path, meta, recorder.arrays)


def draw(run: loop.Run) -> None:
    """Draw the noise of a picture that is due before the next step."""
    if run.picture() is not None:
        run.page.sample(run.sess, run.model, run.config, run.draw_noise)


def main() -> int:
    """Record what the command line asks for; return the exit status."""
    try:
        arguments = sys.argv[1:]
        first = arguments[0] if arguments else 'nothing'
        page = contract.find('vanilla' if first in ('-h', '--help') else first)
        parser = flags.Parser(prog='python -m tf1gan.record', allow_abbrev=False,
                              description=__doc__.splitlines()[0])
        parser.add_argument('page', metavar='PAGE', help=f'{", ".join(TUTORIALS)}, or '
                            "a GAN of one's own: my_gan.py, or a module")
        parser.add_argument('--out', type=flags.path, required=True, metavar='FILE',
                            help='where the trace goes, an .npz')
        parser.add_argument('--steps', type=flags.number(int, 1, 1000), default=3,
                            metavar='N', help='to record (default 3)')
        parser.add_argument('--small', action='store_true', help='narrow networks and '
                            'few images a batch, as in the traces inside the package')
        parser.add_argument('--seed', type=flags.number(int, 0, flags.LARGEST_SEED),
                            default=0, metavar='N', help='default 0')
        flags.add_weights(parser)
        parser.add_argument('--data', type=flags.path, metavar='PATH',
                            help='other images (default: the MNIST inside)')
        parser.add_argument('--threads', metavar='N',
                            type=flags.number(int, 1, flags.MOST_THREADS),
                            default=page.THREADS,
                            help="TensorFlow's threads")
        flags.add_numbers(parser, page)
        given = vars(parser.parse_args())
        numbers = page.settle({name: given[name] for name in page.Config._fields
                               if name in given})
        small = page.small if given['small'] else {}
        run = loop.Run(page, {
            'config': page.Config(**{**small, **numbers})._asdict(),
            'seed': given['seed'], 'threads': given['threads'], 'data': given['data'],
            'step_by_step': True})
        if given['weights'] is not None:
            run.start_from(trace.load(given['weights']))
        record(run, given['steps'], given['out'])
        flags.show(f'{given["out"]}: {page.name}, steps 0 to {given["steps"] - 1}; a '
                   'port replays it with tf1gan.trace (docs/porting.md), then run '
                   f'python -m tf1gan.compare {given["out"]} MINE')
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
