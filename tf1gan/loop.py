"""The session loop that all tutorials share: epochs, log, pictures, checkpoints.

It knows no tensor by name: `tf1gan.contract` says what it takes from a page. A step
that prints a line or draws a picture writes a checkpoint too. Nothing here adds an op
to the graph or draws from the generator, so nothing here changes a bit of a run.
"""

import math
import os
import shlex
import signal
import struct
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from tf1gan import (InputError, contract, flags, mnist, one_call, run_folder, tf1,
                    trace)
from tf1gan.tf1 import tf

# Of a terminal's 80 columns about 35 are the losses'.
BAR = '{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]'


class Stop(Exception):
    """The end of a run before its last step: an exit status and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Run:
    """A tutorial in a session, with its data, its generator and its place in the run.

    `settings` is what config.json holds. `step` counts the steps done, `seconds` the
    time since the last of the log's `rows`. `last` is the row of the run's last step,
    also where no row is due. The caller sets `folder`. A run to go on with gets its
    folder, and the arrays and the meta of its checkpoint.

    Raises: InputError when the settings do not fit the data, or the data the graph.
    """

    def __init__(self, tutorial, settings: Dict[str, Any],
                 folder: Optional[Path] = None, state=None):
        self.page = page = contract.page(tutorial)
        self.settings, self.folder = settings, folder
        self.config = config = page.Config(**settings['config'])
        settings.update(page.description(config))
        self.rng = np.random.RandomState(settings['seed'])
        files = mnist.read(settings['data'])
        if state and state[1]['data_sha256'] != files.sha256:
            raise InputError(f'--resume {folder}: expected the data that the run began '
                             'with, found other bytes; name its folder with --data')
        check_size(page, config, files)
        self.data = page.data(files, self.rng)
        n = self.data.num_examples
        if config.batch_size > n:
            raise InputError(f'--batch-size: expected at most the {n} training images, '
                             f'found {config.batch_size}; choose a smaller batch')
        settings['data_sha256'] = files.sha256
        settings['images'] = {'form': files.form, 'train': n,
                              'read': len(files.train_images)}
        self.n_batches = page.N_BATCHES or n // config.batch_size
        self.n_steps = config[0] * self.n_batches
        self.log_every = page.LOG_EVERY or self.n_batches
        self.step, self.seconds, self.rows, self.last = 0, 0.0, [], None
        tf1.load()
        with flags.waiting('building the graph'):
            self.build(state)

    def build(self, state) -> None:
        """Build the page's graph, and begin its session or go on from `state`."""
        page, config, settings = self.page, self.config, self.settings
        self.model = page.build(config, settings['seed'])
        shape = list(self.data.images.shape[1:])
        if not self.model.X.shape[1:].is_compatible_with(shape):
            raise InputError(f'{page.source}: expected images that X takes, '
                             f'{self.model.X.shape}, found {shape} each; change `data` '
                             'or `build`')
        # So many ops at once, each in one thread: however many, the bits are the same.
        threads = settings['threads'] or 0      # 0: TensorFlow's own choice, of both
        self.sess = tf.Session(graph=self.model.graph, config=tf1.session_config(
            intra_op_parallelism_threads=min(threads, 1),
            inter_op_parallelism_threads=threads,
            gpu_options=tf.GPUOptions(allow_growth=True)))
        variables = self.model.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        self.variables = {variable.op.name: variable for variable in variables}
        if state:       # before the graph takes memory
            self.check_state(*state)
        self.sess.run(self.model.init)
        self.one_call = None
        if page.is_tutorial and not settings.get('step_by_step'):
            n = config.batch_size
            draws = np.random.RandomState(0)        # not the run's
            self.one_call = one_call.session(self.sess, lambda sess: page.step(
                sess, self.model, config,
                lambda *args, **how: (self.data.images[:n], self.data.labels[:n]),
                lambda m: page.noise(draws, m, config)))
        if state:
            self.restore(*state)
        self.model.graph.finalize()     # what follows may run ops, not add any

    def start_from(self, given: trace.Trace) -> None:
        """Put a trace's initial weights in the place of the seed's.

        Raises: InputError when they are not those of this graph.
        """
        weights, own = given.part('init'), self.weights()
        odd = [name for name in sorted({**weights, **own}) if name not in weights
               or name not in own or weights[name].shape != own[name].shape
               or weights[name].dtype.kind not in 'fiu']
        if odd:
            raise InputError(
                f'--weights {given.source}: expected the weights of this graph, found '
                f'others ({odd[0]}); give the numbers of the trace, or record one with '
                'those of the run')
        for name, value in weights.items():
            self.variables[name].load(value, self.sess)

    def weights(self) -> Dict[str, np.ndarray]:
        """Return the weights and moving averages, no optimizer's slots, by name."""
        return self.sess.run({name: variable for name, variable in
                              self.variables.items()
                              if '/' not in name and name[:2] in ('G_', 'D_')})

    def advance(self, sess) -> Dict[str, float]:
        """Take the tutorial's next step in `sess`; return its losses.

        In the run's own session the step is one call, where that can be.
        """
        def step(sess):
            return self.page.step(
                sess, self.model, self.config, self.data.next_batch, self.draw_noise)
        fast = sess is self.sess and self.one_call
        losses = self.one_call.take(step) if fast else step(sess)
        self.step += 1
        return losses

    def draw_noise(self, n: int) -> np.ndarray:
        """Draw `n` of the tutorial's noise vectors."""
        return self.page.noise(self.rng, n, self.config)

    def fixed_noise(self, n: int) -> np.ndarray:
        """Return the same `n` noise vectors always: the first of the seeds 0 to n - 1.

        Each comes from a generator of its own, so that the run's is not moved.
        """
        drawn = [self.page.noise(np.random.RandomState(seed), 1, self.config)
                 for seed in range(n)]
        if isinstance(drawn[0], tuple):
            return tuple(np.concatenate(part) for part in zip(*drawn))
        return np.concatenate(drawn)

    def train(self, max_steps: Optional[int] = None, keep_going: bool = False) -> None:
        """Go on to the last epoch, or until `max_steps` steps of the run are done.

        Raises: Stop on a signal, and when a loss or a weight is no longer finite,
        unless `keep_going`; InputError when a file cannot be written.
        """
        from tqdm import tqdm       # where TensorFlow is missing, it may be too
        goal = min(self.n_steps, max_steps or sys.maxsize)
        broken, kept, losses = False, self.step, None
        self.shown = len(self.rows)     # on TensorBoard
        with _signals() as caught, closing(
                tf.summary.FileWriter(str(self.folder))) as events, tqdm(
                total=goal, initial=self.step, disable=None, bar_format=BAR) as bar:
            # TensorBoard drops what a killed run has written past this step.
            events.add_session_log(
                tf.SessionLog(status=tf.SessionLog.START), global_step=self.step)
            if self.step == 0:
                self.draw(self.picture(), events)
            began = time.perf_counter() - self.seconds
            while self.step < goal and not caught:
                losses = self.advance(self.sess)
                if not bar.disable:
                    bar.set_postfix_str(in_short(losses), refresh=False)
                bar.update()
                reason = None
                if not broken and not all(map(math.isfinite, losses.values())):
                    reason = self.diagnose(losses)
                if self.step % self.log_every == 0:
                    self.seconds = time.perf_counter() - began
                    self.log(losses)
                    began = time.perf_counter()
                line = self.page.line(self.step, self.n_batches, losses)
                picture = self.picture()
                if (line is not None or picture is not None) and (
                        keep_going or not reason):
                    self.seconds = time.perf_counter() - began
                    self.last = self.row(losses)
                    self.tell(line, picture, bar, events)
                    began = time.perf_counter() - self.seconds
                    reason = reason or (None if broken else self.save())
                    kept = self.step
                if reason:
                    broken = True
                    self.break_off(reason, keep_going, bar)
            self.seconds = time.perf_counter() - began
            if losses is not None:
                self.last = self.row(losses)
                self.show(self.log_rows(), events)
            if self.step > kept and not broken:
                reason = self.save()
                if reason:
                    self.break_off(reason, keep_going, bar)
        self.write_log(self.log_rows())
        if caught:
            raise Stop(128 + caught[0], f'stopped with {self.step} steps done; go on '
                       f'with --resume {shlex.quote(str(self.folder))}')
        if self.step < self.n_steps:
            if losses is not None:
                print(f'step {self.step - 1}: {in_short(losses)}', file=sys.stderr)
            print(f'{self.step} steps done, the --max-steps; go on with --resume '
                  f'{shlex.quote(str(self.folder))}', file=sys.stderr)
        else:
            for line in self.page.report(self.sess, self.model, self.config,
                                         self.data, self.draw_noise):
                self.say(line, bar)

    def break_off(self, reason: str, keep_going: bool, bar) -> None:
        """Raise Stop for what is not finite, or with `keep_going` only tell of it."""
        sentence = f'{reason}; {self.folder} keeps the last finite checkpoint'
        if not keep_going:
            raise Stop(1, f'{sentence} (with --keep-going a run goes on, as the source '
                          'would)')
        bar.write(sentence, file=sys.stderr)

    def say(self, line: str, bar) -> None:
        """Print a line of the tutorial's on standard output, beside the bar.

        Raises: Stop when it cannot be written.
        """
        try:
            bar.write(flags.spelled(line, sys.stdout), file=sys.stdout)
            sys.stdout.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Stop(1, f'standard output cannot be written: {error.strerror}; go on '
                       f'with --resume {shlex.quote(str(self.folder))}')

    def picture(self) -> Optional[str]:
        """Name the picture that is due at this step; None: none."""
        return self.page.picture(self.step, self.n_batches, self.config)

    def row(self, losses) -> Dict[str, float]:
        """Return the log's row of the step just taken, with its losses."""
        step = self.step - 1
        row = {'epoch': step // self.n_batches, 'step': step}
        row.update({name: float(f'{loss:.9g}') for name, loss in losses.items()})
        return {**row, 'seconds': round(self.seconds, 6)}

    def log(self, losses) -> None:
        """Add a row to the log, with the losses of the step just taken."""
        self.rows.append(self.row(losses))
        self.seconds = 0.0

    def log_rows(self) -> List[Dict[str, float]]:
        """Return the rows of log.csv; a run that stops early adds its last step's."""
        is_due = self.step % self.log_every == 0 or self.step >= self.n_steps
        is_last = self.last is not None and self.last['step'] == self.step - 1
        return self.rows + [self.last] * (is_last and not is_due)

    def write_log(self, rows: List[Dict[str, float]], plots: bool = True) -> None:
        """Write log.csv, with the columns of the page's `table`, and its plots."""
        if not rows:
            return
        run_folder.write_log(self.folder, self.page.table(rows))
        for name, png in (self.page.plots(self.rows, self.config).items()
                          if plots and self.rows else ()):
            run_folder.write(self.folder / name, png)

    def tell(self, line: Optional[str], picture: Optional[str], bar, events) -> None:
        """Print the line and draw the picture that are due, and write the log."""
        if line is not None:
            self.say(line, bar)
        self.draw(picture, events)
        self.show(self.rows, events)
        self.write_log(self.rows, plots=picture is not None)

    def show(self, rows: List[Dict[str, float]], events) -> None:
        """Have TensorBoard show those of the log's rows that it does not show yet.

        They are in its file before log.csv or a checkpoint has them.
        """
        for row in rows[self.shown:]:
            events.add_summary(tf.Summary(value=[
                tf.Summary.Value(tag=name, simple_value=value)
                for name, value in row.items()
                if name.startswith(('loss_', 'accuracy_'))]), row['step'])
        self.shown = len(rows)
        events.flush()

    def draw(self, name: Optional[str], events=None) -> None:
        """Draw the picture of a name, where there is one.

        The picture of the noise that never changes goes into the folder `fixed`.
        """
        if name is None:
            return
        same = self.page.sample(self.sess, self.model, self.config, self.fixed_noise)
        run_folder.write(self.folder / 'fixed' / name, same)
        png = self.page.sample(self.sess, self.model, self.config, self.draw_noise)
        run_folder.write(self.folder / 'samples' / name, png)
        if events:
            width, height = struct.unpack('>II', png[16:24])
            channels = {0: 1, 2: 3, 6: 4}[png[25]]      # of gray, RGB and RGBA
            image = tf.Summary.Image(width=width, height=height, colorspace=channels,
                                     encoded_image_string=png)
            events.add_summary(tf.Summary(value=[
                tf.Summary.Value(tag='samples', image=image)]), max(self.step - 1, 0))

    def save(self) -> Optional[str]:
        """Write the checkpoint; where a variable is not finite, say which instead."""
        bad = self.not_finite()
        if bad:
            return f'{bad[0]} is not finite after step {self.step - 1}'
        run_folder.write_checkpoint(self.folder, self.checkpoint())
        return None

    def not_finite(self) -> List[str]:
        """Return the names of the variables that hold infinity or NaN."""
        values = self.sess.run(self.variables)
        return [name for name, value in values.items() if not np.isfinite(value).all()]

    def checkpoint(self) -> bytes:
        """Return the whole state: variables, generator, data order, log, settings."""
        arrays = self.sess.run(self.variables)
        kind, arrays['rng/keys'], position, has_gauss, gauss = self.rng.get_state()
        arrays['data/order'] = self.data.order
        return run_folder.pack(arrays, {
            **self.settings, 'step': self.step, 'seconds': self.seconds,
            'rows': self.rows, 'last': self.last,
            'rng': [kind, position, has_gauss, gauss],
            'data_position': self.data.position,
            'epochs_completed': self.data.epochs_completed})

    def check_state(self, arrays: Dict[str, np.ndarray], meta: Dict[str, Any]) -> None:
        """Hold a checkpoint against this graph and its data.

        Raises: InputError when it is not theirs.
        """
        order = self.data.order
        own = {name: (tuple(variable.shape.as_list()), variable.dtype.as_numpy_dtype)
               for name, variable in self.variables.items()}
        own.update({'rng/keys': ((624,), np.uint32),
                    'data/order': (order.shape, order.dtype.type)})
        found = {name: (array.shape, array.dtype.type)
                 for name, array in arrays.items()}
        odd = [name for name in sorted({**own, **found})
               if found.get(name) != own.get(name)]
        if not odd and (meta['data_position'] > len(order) or not np.array_equal(
                np.sort(arrays['data/order']), np.sort(order))):
            odd = ['data/order']
        if odd:
            raise InputError(f'{self.folder}: expected a checkpoint of this graph, '
                             f'found other arrays ({odd[0]}); resume a whole '
                             'run, with the version that wrote it')

    def restore(self, arrays: Dict[str, np.ndarray], meta: Dict[str, Any]) -> None:
        """Put the whole state back, of arrays that `check_state` has seen."""
        for name, variable in self.variables.items():
            variable.load(arrays[name], self.sess)    # feeds the initializer: no new op
        kind, position, has_gauss, gauss = meta['rng']
        self.rng.set_state((kind, arrays['rng/keys'], position, has_gauss, gauss))
        self.data.restore(
            arrays['data/order'], meta['data_position'], meta['epochs_completed'])
        self.step, self.seconds = meta['step'], meta['seconds']
        self.rows, self.last = meta['rows'], meta.get('last')

    def diagnose(self, losses: Dict[str, float]) -> str:
        """Return where a loss that is not finite began.

        It repeats the steps since the checkpoint. In the last one it looks at the terms
        of each loss before the update.
        """
        name = next(name for name, loss in losses.items() if not math.isfinite(loss))
        step, rows, terms = self.step - 1, self.rows, _Terms(self.sess, self.model)
        self.restore(*run_folder.load_checkpoint(self.folder))
        if self.step == 0:
            self.draw(self.picture())       # draws the same noise again
        while self.step < step:
            self.advance(self.sess)
        where = [f'{weight}, which the update of step {step - 1} left not finite'
                 for weight in self.not_finite()]
        self.advance(terms)
        self.rows = rows
        where += [f'{term} ({count} of {size} images)'
                  for term, count, size in terms.broken]
        return (f'{name} is {losses[name]} at step {step} (epoch '
                f'{step // self.n_batches}): it began in '
                f'{where[0] if where else "a term that a second try did not show"}')


def check_size(page: contract.Page, config, files: mnist.Files) -> None:
    """Refuse images that a tutorial cannot take; for another page its X says it.

    Raises: InputError when they are not square, or not of `n_input` pixels, or 28 x 28.
    """
    found, n_input = files.train_images.shape[1:], getattr(config, 'n_input', 784)
    side = int(n_input ** 0.5)
    if found == (side, side) or not page.is_tutorial:
        return
    size, n_pixels = '{} x {}'.format(*found), found[0] * found[1]
    if hasattr(config, 'n_input') and found[0] == found[1]:
        raise InputError(f'--n-input: expected {n_pixels}, for the images of '
                         f'{files.source} are {size}, found {n_input}; give '
                         f'--n-input {n_pixels}')
    raise InputError(f'--data {files.source}: expected images of {side} x {side} '
                     f'pixels, found {size}; bring them to that size')


def in_short(losses: Dict[str, float]) -> str:
    """Return a step's losses in few letters: D_real 0.693 G 0.721."""
    return ' '.join(f'{name[5 * name.startswith("loss_"):]} {loss:.3f}'
                    for name, loss in losses.items() if 'accuracy' not in name)


class _Terms:
    """A session that looks for infinity and NaN in a loss's terms before it runs it."""

    def __init__(self, sess, model):
        self.sess, self.model, self.broken = sess, model, []

    def run(self, fetches, feed_dict):
        for update in self.model.updates.values():
            if update.loss in fetches:
                for term, value in self.sess.run(update.terms, feed_dict).items():
                    count = int(np.sum(~np.isfinite(value)))
                    if count:
                        self.broken.append((term, count, value.size))
        return self.sess.run(fetches, feed_dict)


@contextmanager
def _signals():
    """Note Ctrl-C and SIGTERM in a list, so that a step is never cut in two.

    A second signal of the same kind does what it always did. Python allows this in the
    main thread only; in another thread nothing is noted.
    """
    caught = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

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
