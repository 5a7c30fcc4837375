"""Record a trace of a tutorial's first steps: `python -m tf1gan.record TUTORIAL`.

The tutorial's own `step` runs, in a session that listens: before each update it asks
the same graph, on the same feeds, for what is on the way to the loss; then it runs the
update as it came; then it reads the variables. So a recorded run has the bits of one
that is not recorded, pictures' noise included. `tf1gan.trace` describes the file.
"""

import importlib
import sys
from typing import Any, Dict, List

import numpy as np

from tf1gan import TUTORIALS, InputError, command, descriptions, flags, loop, trace
from tf1gan.tf1 import tf

# Narrow networks and few images, for traces that fit into a package.
SMALL = {name: descriptions.find(name).SMALL for name in TUTORIALS}


class Recorder:
    """A session that notes what each update of a tutorial's `step` sees and does."""

    def __init__(self, run: loop.Run):
        self.run_of, self.model = run, run.model
        self.updates = {name[len('train_'):]: op for name, op in
                        self.model._asdict().items() if name.startswith('train_')}
        applied = {op.inputs[len(op.inputs) - 1]: op
                   for op in run.model.graph.get_operations()
                   if op.type in ('ApplyAdam', 'ApplyGradientDescent')}
        self.appliers = {
            update: {variable.op.name: applied[gradient] for gradient, variable in
                     getattr(self.model, f'gradients_{update}', [])}
            for update in self.updates}
        self.feeds = {tensor: name for name, tensor in self.model._asdict().items()
                      if isinstance(tensor, tf.Tensor)
                      and tensor.op.type == 'Placeholder'}
        self.arrays = {f'init/{name}': value for name, value in
                       run.weights().items()}
        self.optimizers: Dict[str, Any] = {}

    def run(self, fetches: List, feed_dict: Dict) -> List:
        """Run as a session does, and note what an update in `fetches` does."""
        update = next(name for name, op in self.updates.items() if op in fetches)
        if update not in self.model.forward:
            raise InputError(f'expected updates that a trace can hold, found {update}, '
                             'of the sanity check; leave --sanity out')
        sess, appliers = self.run_of.sess, self.appliers[update]
        place = f'step_{self.run_of.step:03d}/{update}'
        before = self.run_of.weights()
        seen, gradients = sess.run(
            [self.model.forward[update],
             {name: op.inputs[len(op.inputs) - 1] for name, op in appliers.items()}],
            feed_dict)
        result = sess.run(fetches, feed_dict)
        loss = result[fetches.index(getattr(self.model, f'loss_{update}'))]
        after = self.run_of.weights()

        note = self.arrays
        for tensor, value in feed_dict.items():     # as the feed rounds it
            note[f'{place}/feed/{self.feeds[tensor]}'] = np.asarray(value, np.float32)
        note.update((f'{place}/{key}', value) for key, value in seen.items())
        note[f'{place}/loss'] = np.asarray(loss)
        note.update((f'{place}/grad/{name}', value)
                    for name, value in gradients.items())
        for number, moment in (1, 'adam_m'), (2, 'adam_v'):
            slots = {name: op.inputs[number] for name, op in appliers.items()
                     if op.type == 'ApplyAdam'}
            note.update((f'{place}/{moment}/{name}', value)
                        for name, value in sess.run(slots).items())
        note.update((f'{place}/after/{name}', value) for name, value in after.items()
                    if name in appliers or not np.array_equal(value, before[name]))
        if update not in self.optimizers:
            self.optimizers[update] = self.numbers(next(iter(appliers.values())))
        return result

    def numbers(self, op: tf.Operation) -> Dict[str, Any]:
        """Return an optimizer's kind and numbers, as its op in the graph has them."""
        places = {'learning_rate': 5, 'beta1': 6, 'beta2': 7, 'epsilon': 8}
        kind = 'Adam'
        if op.type == 'ApplyGradientDescent':
            kind, places = 'SGD', {'learning_rate': 1}
        values = self.run_of.sess.run({name: op.inputs[place]
                                       for name, place in places.items()})
        return {'kind': kind, **{name: float(value) for name, value in values.items()}}


def record(run: loop.Run, n_steps: int, path: str) -> None:
    """Take the first steps of a run that has just begun, and write their trace.

    Raises: InputError when the trace cannot be written.
    """
    recorder, tutorial = Recorder(run), run.tutorial
    for _ in range(n_steps):
        draw(run)
        run.advance(recorder)
    trace.save(path, {
        'format': trace.FORMAT, 'tutorial': flags.name(tutorial),
        'config': run.config._asdict(), 'seed': run.settings['seed'],
        'optimizers': recorder.optimizers,
        'environment': command.environment(run.sess, run.settings['threads'])},
        recorder.arrays)


def draw(run: loop.Run) -> None:
    """Draw the noise of a picture that is due before the next step."""
    if run.tutorial.picture(run.step, run.n_batches, run.config) is not None:
        run.tutorial.sample(run.sess, run.model, run.config, run.draw_noise)


def main() -> int:
    """Record what the command line asks for; return the exit status."""
    try:
        arguments = sys.argv[1:]
        first = arguments[0] if arguments else 'nothing'
        if first not in TUTORIALS + ('-h', '--help'):
            raise InputError('python -m tf1gan.record TUTORIAL: expected one of '
                             f'{", ".join(TUTORIALS)}, found {first}; name one')
        name = first if first in TUTORIALS else 'vanilla'
        tutorial = importlib.import_module(f'tf1gan.{name}')
        parser = flags.Parser(prog='python -m tf1gan.record', allow_abbrev=False,
                              description=__doc__.splitlines()[0])
        parser.add_argument('tutorial', metavar='TUTORIAL', help=', '.join(TUTORIALS))
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
                            default=getattr(tutorial, 'THREADS', None),
                            help="TensorFlow's threads")
        flags.add_numbers(parser, tutorial)
        given = vars(parser.parse_args())
        numbers = {name: given[name] for name in tutorial.Config._fields
                   if name in given}
        small = SMALL[name] if given['small'] else {}
        run = loop.Run(tutorial, {
            'config': tutorial.Config(**{**small, **numbers})._asdict(),
            'seed': given['seed'], 'threads': given['threads'], 'data': given['data']})
        if given['weights'] is not None:
            run.start_from(trace.load(given['weights']))
        record(run, given['steps'], given['out'])
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
