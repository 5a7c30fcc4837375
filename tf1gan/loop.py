"""The session loop that all tutorials share: epochs, log, pictures, checkpoints, resume.

It knows no tensor by name: a tutorial gives it Config, build, noise, step, LINE, PICTURE,
is_drawn and sample. Nothing here adds an op to the graph or draws from the generator, so
nothing here changes a bit of a run.
"""

import json
import math
import os
import shlex
import signal
import struct
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from tqdm import tqdm

from tf1gan import InputError, doctor, flags, mnist, pictures, run_folder

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')      # before the import: no chatter
try:
    import tensorflow as tf
except ImportError as missing:
    sys.exit(f'expected TensorFlow 1.15 (Python 3.6 or 3.7), found: {missing}; '
             'run `python -m tf1gan.doctor` to see what this machine can run')
if not tf.__version__.startswith('1.15'):
    sys.exit(f'expected TensorFlow 1.15, found {tf.__version__}; '
             'run `python -m tf1gan.doctor` to see what this machine can run')
tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)      # errors still show


class Stop(Exception):
    """The end of a run before its last step: an exit status and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Run:
    """A tutorial in a session, with its data, its generator and its place in the run.

    `settings` is what config.json holds. `step` counts the steps done, `seconds` those
    spent in the present epoch, `rows` are the log's.

    Raises: InputError when the settings do not fit the data.
    """

    def __init__(self, tutorial, settings: Dict[str, Any]):
        self.tutorial, self.settings, self.folder = tutorial, settings, None
        self.config = config = tutorial.Config(**settings['config'])
        self.rng = np.random.RandomState(settings['seed'])
        splits = mnist.load(settings['data'], self.rng)
        self.data = splits.train
        n, n_pixels = self.data.images.shape
        if config.batch_size > n:
            raise InputError(f'--batch-size: expected at most the {n} training images, '
                             f'found {config.batch_size}; choose a smaller batch')
        if config.n_input != n_pixels:
            raise InputError(f'--n-input: expected the {n_pixels} pixels of the images, '
                             f'found {config.n_input}; leave the flag out')
        settings['data_sha256'] = splits.sha256
        self.n_batches = n // config.batch_size
        self.step, self.seconds, self.rows = 0, 0.0, []

        self.model = tutorial.build(config, settings['seed'])
        threads = settings['threads'] or 0      # 0: TensorFlow's own choice
        self.sess = tf.Session(graph=self.model.graph, config=tf.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads,
            gpu_options=tf.GPUOptions(allow_growth=True)))
        self.sess.run(self.model.init)
        variables = self.model.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        self.variables = {variable.op.name: variable for variable in variables}

    def train(self, max_steps: Optional[int], keep_going: bool) -> None:
        """Go on to the last epoch, or until `max_steps` steps of the run are done.

        Raises: Stop on a signal, and when a loss or a weight is no longer finite, unless
        `keep_going`; InputError when a file cannot be written.
        """
        goal = min(self.config.total_epoch * self.n_batches, max_steps or sys.maxsize)
        broken = False
        with _signals() as caught, tqdm(
                total=goal, initial=self.step, unit='step', disable=None) as bar, \
                closing(tf.summary.FileWriter(str(self.folder))) as events:
            events.add_session_log(     # TensorBoard drops what a killed run wrote past here
                tf.SessionLog(status=tf.SessionLog.START), global_step=self.step)
            began = time.perf_counter() - self.seconds
            while self.step < goal and not caught:
                losses = self.advance(self.sess)
                bar.update()
                reason = None
                if not broken and not all(map(math.isfinite, losses.values())):
                    reason = self.diagnose(losses)
                elif self.step % self.n_batches == 0 or self.step == goal or caught:
                    self.seconds = time.perf_counter() - began
                    if self.step % self.n_batches == 0:
                        self.end_epoch(losses, bar, events)
                        began = time.perf_counter()
                    reason = self.save() if not broken else None
                if reason:
                    broken = True
                    reason += f'; {self.folder} keeps the last finite checkpoint'
                    if not keep_going:
                        raise Stop(1, f'{reason}, and --keep-going goes on as the source would')
                    bar.write(reason, file=sys.stderr)
        self.draw_losses()
        if caught:
            raise Stop(128 + caught[0], f'stopped with {self.step} steps done; go on with '
                       f'--resume {shlex.quote(str(self.folder))}')

    def advance(self, sess) -> Dict[str, float]:
        """Take the tutorial's next step in `sess`; return its losses."""
        losses = self.tutorial.step(
            sess, self.model, self.config, self.data.next_batch, self.draw_noise)
        self.step += 1
        return losses

    def draw_noise(self, n: int) -> np.ndarray:
        """Draw `n` of the tutorial's noise vectors."""
        return self.tutorial.noise(self.rng, n, self.config)

    def end_epoch(self, losses, bar, events) -> None:
        """Print the tutorial's line, draw its picture if one is due, and log the epoch."""
        epoch, step = len(self.rows), self.step - 1
        row = {'epoch': epoch, 'step': step}
        row.update({name: float(f'{loss:.9g}') for name, loss in losses.items()})
        self.rows.append({**row, 'seconds': round(self.seconds, 3)})
        self.seconds = 0.0
        bar.write(self.tutorial.LINE.format(epoch=epoch, **losses), file=sys.stdout)
        sys.stdout.flush()
        values = [tf.Summary.Value(tag=name, simple_value=loss)
                  for name, loss in losses.items()]
        if self.tutorial.is_drawn(epoch):
            png = self.tutorial.sample(self.sess, self.model, self.config, self.draw_noise)
            name = self.tutorial.PICTURE.format(epoch=epoch)
            run_folder.write(self.folder / 'samples' / name, png)
            width, height = struct.unpack('>II', png[16:24])
            values.append(tf.Summary.Value(tag='samples', image=tf.Summary.Image(
                width=width, height=height, colorspace=4, encoded_image_string=png)))
            self.draw_losses()
        lines = [list(self.rows[0])] + [list(row.values()) for row in self.rows]
        run_folder.write(self.folder / 'log.csv', ''.join(
            ','.join(map(str, line)) + '\n' for line in lines).encode())
        events.add_summary(tf.Summary(value=values), step)
        events.flush()

    def draw_losses(self) -> None:
        """Write losses.png: every loss of the log against the epoch."""
        if self.rows:
            names = [name for name in self.rows[0] if name.startswith('loss_')]
            run_folder.write(self.folder / 'losses.png', pictures.curves(
                {name: [row[name] for row in self.rows] for name in names},
                'epoch', 'last step of the epoch (nats)'))

    def checkpoint(self) -> bytes:
        """Return the whole state: variables, generator, data order, log, settings."""
        arrays = self.sess.run(self.variables)
        kind, arrays['rng/keys'], position, has_gauss, gauss = self.rng.get_state()
        arrays['data/order'] = self.data.order
        return run_folder.pack(arrays, {
            **self.settings, 'step': self.step, 'seconds': self.seconds, 'rows': self.rows,
            'rng': [kind, position, has_gauss, gauss],
            'data_position': self.data.position,
            'epochs_completed': self.data.epochs_completed})

    def save(self) -> Optional[str]:
        """Write the checkpoint; where a variable is not finite, say which one instead."""
        bad = self.not_finite()
        if bad:
            return f'{bad[0]} is not finite after step {self.step - 1}'
        run_folder.write(self.folder / run_folder.CHECKPOINT, self.checkpoint())
        return None

    def not_finite(self) -> List[str]:
        """Return the names of the variables that hold infinity or NaN."""
        values = self.sess.run(self.variables)
        return [name for name, value in values.items() if not np.isfinite(value).all()]

    def restore(self, arrays: Dict[str, np.ndarray], meta: Dict[str, Any]) -> None:
        """Put the whole state back.

        Raises: InputError when the arrays are not those of this graph.
        """
        shapes = {name: tuple(variable.shape.as_list())
                  for name, variable in self.variables.items()}
        shapes.update({'rng/keys': (624,), 'data/order': self.data.order.shape})
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes:
            odd = sorted(name for name in {**shapes, **found}
                         if found.get(name) != shapes.get(name))
            raise InputError(f'{self.folder}: expected a checkpoint of this graph, found other '
                             f'arrays ({odd[0]}); resume it with the version that wrote it')
        for name, variable in self.variables.items():
            variable.load(arrays[name], self.sess)      # feeds the initializer: no new op
        kind, position, has_gauss, gauss = meta['rng']
        self.rng.set_state((kind, arrays['rng/keys'], position, has_gauss, gauss))
        self.data.order = arrays['data/order']
        self.data.position = meta['data_position']
        self.data.epochs_completed = meta['epochs_completed']
        self.step, self.seconds, self.rows = meta['step'], meta['seconds'], meta['rows']

    def diagnose(self, losses: Dict[str, float]) -> str:
        """Return where a loss that is not finite began: repeat the steps since the
        checkpoint, and look at the terms of the losses on the way into the last one.
        """
        name = next(name for name, loss in losses.items() if not math.isfinite(loss))
        step, terms = self.step - 1, _Terms(self.sess, self.model)
        self.restore(*run_folder.load_checkpoint(self.folder))
        while self.step < step:
            self.advance(self.sess)
        weights = self.not_finite()
        self.advance(terms)
        where = [f'{term} ({count} of {size} images)' for term, count, size in terms.broken]
        if weights:
            where.insert(0, f'{weights[0]}, not finite since step {step - 1}')
        return (f'{name} is {losses[name]} at step {step} (epoch {step // self.n_batches}); it '
                f'began in {where[0] if where else "a term that a second try did not show"}')


class _Terms:
    """A session that looks for infinity and NaN in a loss's terms before it runs the loss."""

    def __init__(self, sess, model):
        self.sess, self.model, self.broken = sess, model, []

    def run(self, fetches, feed_dict):
        for loss, terms in self.model.terms.items():
            if getattr(self.model, loss) in fetches:
                for term, value in self.sess.run(terms, feed_dict).items():
                    count = int(np.sum(~np.isfinite(value)))
                    if count:
                        self.broken.append((term, count, value.size))
        return self.sess.run(fetches, feed_dict)


@contextmanager
def _signals():
    """Note Ctrl-C and SIGTERM in a list, so that a step is never cut in two.

    A second signal of the kind does what it did before.
    """
    caught = []

    def note(number, frame):
        caught.append(number)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, note)
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(tutorial, given: Dict[str, Any], options: flags.Flags) -> Run:
    """Return a new run, its folder made and its first checkpoint in it."""
    name = flags.name(tutorial)
    run = Run(tutorial, {
        'format': 1, 'tutorial': name, 'command': _command(name), 'resumed': [],
        'config': tutorial.Config(**given)._asdict(), 'seed': options.seed or 0,
        'threads': options.threads, 'data': options.data})
    run.folder = run_folder.create(options.out, Path('runs') / name, {
        'config.json': run_folder.as_json(run.settings),
        'env.json': run_folder.as_json(environment(run.sess, options.threads)),
        run_folder.CHECKPOINT: run.checkpoint()})
    print(f'run folder: {run.folder}', file=sys.stderr)
    return run


def resume(tutorial, given: Dict[str, Any], options: flags.Flags) -> Run:
    """Return a run that goes on from its folder's checkpoint.

    Raises: InputError when the folder is no run of this tutorial, or a flag contradicts
    it. Only --total-epoch may be larger than the run's: no step depends on it.
    """
    name, folder = flags.name(tutorial), Path(options.resume)
    if options.out:
        raise InputError('--resume: expected no --out, for a run goes on in its own folder, '
                         f'found --out {options.out}; leave it out')
    arrays, meta = run_folder.load_checkpoint(folder)
    if meta['tutorial'] != name or set(meta['config']) != set(tutorial.Config._fields):
        raise InputError(f'--resume {folder}: expected a run of {name}, found one of '
                         f'{meta["tutorial"]}; resume it with python -m tf1gan.'
                         f'{meta["tutorial"]} of the version that wrote it')
    done = meta['step']
    wanted = {**given, 'seed': options.seed, 'threads': options.threads}
    for field, value in wanted.items():
        stored = meta['config'].get(field, meta.get(field))
        if field == 'total_epoch' and value > stored:
            meta['config'][field] = value
        elif value is not None and value != stored:
            raise InputError(f'--resume {folder}: expected {flags.flag(field)} {stored} as that '
                             f'run has it, found {value}; leave the flag out or start a new run')
    if options.max_steps is not None and options.max_steps < done:
        raise InputError(f'--max-steps: expected at least the {done} steps that {folder} has '
                         f'done, found {options.max_steps}; choose a larger number')
    if options.data is not None:
        meta['data'] = options.data
    sha256 = meta['data_sha256']
    run = Run(tutorial, {key: meta[key] for key in (
        'format', 'tutorial', 'command', 'resumed', 'config', 'seed', 'threads', 'data')})
    if run.settings['data_sha256'] != sha256:
        raise InputError(f'--resume {folder}: expected the data that the run began with, found '
                         'other bytes; name its folder with --data')
    run.folder = folder
    run.restore(arrays, meta)
    run.settings['resumed'].append(_command(name))
    run_folder.write(folder / 'config.json', run_folder.as_json(run.settings))
    _warn_of_another_machine(folder, environment(run.sess, meta['threads']))
    print(f'run folder: {folder}, {done} steps done', file=sys.stderr)
    return run


def environment(sess, threads: Optional[int]) -> Dict[str, Any]:
    """Return env.json: versions and machine, which the bits of a run depend on."""
    on_gpu = any(device.device_type == 'GPU' for device in sess.list_devices())
    return {**run_folder.environment(), 'tensorflow': tf.__version__,
            'device': ', '.join(gpu.name for gpu in doctor.gpus()) if on_gpu else 'CPU',
            'threads': threads or "TensorFlow's own"}


def _warn_of_another_machine(folder: Path, now: Dict[str, Any]) -> None:
    try:
        then = json.loads((folder / 'env.json').read_text())
    except (OSError, ValueError):
        return
    differs = [f'{key} {then.get(key)}, now {value}' for key, value in now.items()
               if key not in ('tf1gan', 'commit') and then.get(key) != value]
    if differs:
        print(f'note: the bits may differ from here on ({"; ".join(differs)})', file=sys.stderr)


def _command(name: str) -> str:
    return ' '.join(['python', '-m', f'tf1gan.{name}'] + [shlex.quote(arg)
                                                         for arg in sys.argv[1:]])


def main(tutorial) -> None:
    """Run a tutorial from the command line, and exit with its status.

    The status is 0 for a run that did what was asked, 1 for one that failed, 2 for bad
    input and 128 + the signal's number for one that was stopped.
    """
    run = None
    try:
        given, options = flags.parse(tutorial)
        run = (resume if options.resume else start)(tutorial, given, options)
        run.train(options.max_steps, options.keep_going)
        sys.exit(0)
    except Stop as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.status)
    except InputError as error:
        sentence, status = str(error), 2
    except KeyboardInterrupt:
        sentence, status = 'stopped', 130
    except tf.errors.ResourceExhaustedError as error:
        sentence, status = (f'out of memory ({error.message.splitlines()[0]}); take smaller '
                            'numbers, or stop what else uses the device'), 1
    except OSError as error:    # every file is written by run_folder: this is standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sentence, status = f'standard output cannot be written ({error.strerror})', 1
    hint = f'; go on with --resume {shlex.quote(str(run.folder))}' if run else ''
    print(f'{sentence}{hint}', file=sys.stderr)
    sys.exit(status)
