"""Twenty seeds at once of ports to JAX, on a GPU: what the checks of training say.

    python in_jax.py FOLDER

Trains the ports of ../ports, right and with a known mistake, up to 40 % of a run, all
seeds of a trial in one program (jax.vmap), and has `evaluate` measure their images. A
trial that has its file in FOLDER is not trained again. Then every run is judged as a
user's would be: its losses by `tf1gan curve`, its images by `evaluate --against`.
Writes in_jax.json beside this file. Training wants a CUDA GPU: minutes there, hours
without one.
"""

import concurrent.futures
import functools
import io
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PORTS = ROOT / 'experiments' / 'ports'
sys.path[:0] = map(str, (ROOT, HERE))

from seed import GROUPS     # noqa: E402

from tf1gan import curve, evaluate, mnist, run_folder, spread   # noqa: E402

SHARE = 0.4         # of a run's steps: the seventh of the spread's ten points
SEEDS = range(100, 120)
N_DRAWN = 1000      # images at once
MANY = 5            # seeds that are judged together, too


class Trial(NamedTuple):
    """Runs to be judged: their group, and what is other in them than in the group's."""

    group: str
    other: str = ''                 # in words
    old: str = ''                   # in the port's source,
    new: str = ''                   # and what stands there
    how: Dict[str, Any] = {}        # what is other in the loop

    @property
    def steps(self) -> int:
        """Return how many steps it takes."""
        return round(SHARE * GROUPS[self.group].steps)


HIGHEST = "jax.config.update('jax_default_matmul_precision', 'highest')"
OPTAX = 'return optax.GradientTransformation(init, update)'
SAME_EVERYWHERE = [
    ('',),
    ("JAX's own precision: TF32", HIGHEST, ''),
    ("optax's own Adam", OPTAX, 'return optax.adam(rate, beta1, beta2, epsilon)'),
    ('learning rate x 2', '', '', {'faster': 2}),
    ('learning rate x 1.25', '', '', {'faster': 1.25}),
    ('beta1 of 0.5', 'beta1=0.9', 'beta1=0.5'),
    ('epsilon of 1e-4', 'epsilon=1e-8', 'epsilon=1e-4'),
    ('G before D', '', '', {'G_first': True})]
TRIALS = [Trial(group, *rest) for group, more in {
    'vanilla': [
        ('batches of 50', '', '', {'batch': 50}),
        ('60,000 images', '', '', {'first': 0}),
        ('fresh noise for G', '', '', {'fresh': True}),
        ("G's saturating loss", 'loss = jnp.mean(jnp.log(jax.nn.sigmoid(gene)))',
         'loss = -jnp.mean(jnp.log(1 - jax.nn.sigmoid(gene)))')],
    'collapse_4': [
        ('slope of 0.2', '0.02)', '0.2)'),
        ("real images' label 0.9", 'loss(jax.nn.sigmoid(logits), 1), {',
         'loss(jax.nn.sigmoid(logits), 0.9), {'),
        ('gains and shifts that stay', "(hidden * weights[f'{player}_gain'] "
         "+ weights[f'{player}_shift'])", 'hidden'),
        ('uniform noise', '', '', {'uniform': True})]}.items()
    for rest in [*SAME_EVERYWHERE, *more]]


# --- The two loops --------------------------------------------------------------------

def linear(rng: np.random.RandomState, n: int, m: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return weights [n, m] and biases [m] of torch's law."""
    far = n ** -0.5
    return rng.uniform(-far, far, (n, m)), rng.uniform(-far, far, m)


def initial(group: str, rng: np.random.RandomState) -> List[Dict[str, np.ndarray]]:
    """Return the initial weights of D and of G."""
    sizes = {'vanilla': (128, 256), 'collapse_4': (100, 200)}[group]
    found = []
    for name, (n, hidden, m) in ('D', (784, sizes[1], 1)), ('G', (*sizes, 784)):
        mine = {}
        for layer, (rows, columns) in enumerate(((n, hidden), (hidden, m)), 1):
            W, b = ((rng.normal(0, 0.01, (rows, columns)), np.zeros(columns))
                    if group == 'vanilla' else linear(rng, rows, columns))
            mine.update({f'{name}_W{layer}': W, f'{name}_b{layer}': b})
        if group == 'collapse_4':
            mine.update({f'{name}_gain': np.ones(hidden),
                         f'{name}_shift': np.zeros(hidden)})
        found.append({key: array.astype(np.float32) for key, array in mine.items()})
    return found


def loop(trial: Trial, it: ModuleType) -> Tuple[Callable, Callable]:
    """Return (start, step) of a trial's port.

    start(D, G) is what goes from step to step; step(run, x, draw) is the next run and
    the losses, of images x and of noise by draw(0), draw(1).
    """
    how, faster = trial.how, trial.how.get('faster', 1)
    if trial.group == 'vanilla':
        optimizer = it.adam(0.0002 * faster)
        updates = [it.updater(lower, optimizer) for lower in (it.lower_D, it.lower_G)]
    else:
        optimizer = it.adam(1e-4 * faster)
        updates = [it.updater(functools.partial(each, loss=it.bce), optimizer)
                   for each in (it.loss_D_real, it.loss_D_fake, it.loss_G)]

    def of_G(run, z):
        G, state, seen = updates[-1](run['G'], run['state_G'], run['D'], z)
        return {**run, 'G': G, 'state_G': state}, {'loss_G': seen['loss']}

    def of_D(run, x, z):
        if trial.group == 'collapse_4':
            D, state, real = updates[0](run['D'], run['state_D'], x)
            D, state, fake = updates[1](D, state, run['G'], z)
            seen = {'loss_D_real': real['loss'], 'loss_D_fake': fake['loss']}
        else:
            D, state, seen = updates[0](run['D'], run['state_D'], run['G'], x, z)
            seen = {'loss_D': seen['loss']}
        return {**run, 'D': D, 'state_D': state}, seen

    def step(run, x, draw):
        first = draw(0)
        second = draw(1) if how.get('fresh', trial.group != 'vanilla') else first
        if how.get('G_first'):
            run, losses = of_G(run, second)
            run, more = of_D(run, x, first)
        else:
            run, losses = of_D(run, x, first)
            run, more = of_G(run, second)
        return run, {**losses, **more}

    def start(D, G):
        return {'D': D, 'state_D': optimizer.init(D),
                'G': G, 'state_G': optimizer.init(G)}

    return start, step


def train(trial: Trial) -> Tuple[Dict[str, np.ndarray], np.ndarray]:
    """Train all seeds; return every step's losses [seeds, steps], and the images.

    The images are [seeds, 10000, 28, 28] in [0, 1], float32.
    """
    import jax
    import jax.numpy as jnp
    source = (PORTS / f'jax_{GROUPS[trial.group].tutorial}.py').read_text()
    assert trial.old in source, trial
    it = ModuleType('port')
    jax.config.update('jax_default_matmul_precision', None)
    exec(source.replace(trial.old, trial.new) if trial.old else source, it.__dict__)
    start, step = loop(trial, it)
    how, is_collapse = trial.how, trial.group == 'collapse_4'
    images = jnp.asarray(
        mnist.read().train_images.reshape(60000, -1).astype(np.float32) / 255)
    first = how.get('first', 5000 if trial.group == 'vanilla' else 0)
    n = how.get('batch', 1 if is_collapse else 100)
    size = n, 128 if trial.group == 'vanilla' else 100

    def steps(run, images, key, rows):
        def one(run, inputs):
            key, rows = inputs

            def draw(which):
                own = jax.random.fold_in(key, which)
                return (jax.random.uniform if how.get('uniform')
                        else jax.random.normal)(own, size)
            return step(run, images[rows], draw)
        return jax.lax.scan(one, run, (jax.random.split(key, len(rows)), rows))

    every = jax.jit(jax.vmap(steps, (0, None, 0, 0)))
    rngs = [np.random.RandomState(seed) for seed in SEEDS]
    run = jax.vmap(start)(*jax.tree.map(lambda *each: jnp.stack(each), *(
        initial(trial.group, rng) for rng in rngs)))
    keys = jnp.stack([jax.random.PRNGKey(seed) for seed in SEEDS])
    per = 1000 if is_collapse else (60000 - first) // n     # steps of one call
    losses: List[Dict[str, np.ndarray]] = []
    for part in range(-(-trial.steps // per)):
        many = min(per, trial.steps - part * per)
        if is_collapse:     # in the order of the file
            rows = np.broadcast_to(np.arange(part * per, part * per + many)[
                None, :, None] % 60000, (len(SEEDS), many, 1))
        else:
            rows = np.stack([first + rng.permutation(60000 - first)[
                :many * n].reshape(many, n) for rng in rngs])
        run, seen = every(run, images, jax.vmap(jax.random.fold_in, (0, None))(
            keys, part), jnp.asarray(rows))
        losses.append(jax.tree.map(np.asarray, seen))

    def drawn(G, key):
        z = (jax.random.uniform if how.get('uniform') else jax.random.normal)(
            key, (N_DRAWN, size[1]))
        if is_collapse:
            return jax.nn.sigmoid(it.network(G, 'G', z))
        return it.generator(G, z)

    draw = jax.jit(jax.vmap(drawn))
    found = np.concatenate([np.asarray(draw(run['G'], jax.vmap(
        jax.random.fold_in, (0, None))(keys, 10 ** 6 + part)))
        for part in range(spread.N_SAMPLES // N_DRAWN)], 1)
    return ({name: np.concatenate([each[name] for each in losses], 1)
             for name in losses[0]}, found.reshape(*found.shape[:2], 28, 28))


def where() -> Dict[str, str]:
    """Return the device that JAX trains on, and the versions."""
    import jax
    import optax
    return {'device': jax.devices()[0].device_kind, 'jax': jax.__version__,
            'optax': optax.__version__}


# --- Judging --------------------------------------------------------------------------

def measured(images: np.ndarray) -> Dict[str, float]:
    """Return a seed's figures; nothing of images that are not numbers."""
    if not np.isfinite(images).all():
        return {}
    return evaluate.measure(evaluate.Images(images, None), whole=False)


def told(log: Path, figures: Dict[str, float], band: curve.Band, base: spread.Spread
         ) -> Dict[str, Any]:
    """Return what the two checks say of a run, by its log and its images' figures.

    Without figures (the run ended before) only its log is judged.
    """
    loss = curve.judge(curve.read(log, band), band)
    found = {'curve': 'inside' if loss.inside else 'outside', 'sentence': loss.sentence}
    if figures:
        verdict = base.judge([figures])
        found.update(figures, against=verdict.word, outside=[
            each.figure for each in verdict.held if each.outside])
    return found


def log(trial: Trial, losses: Dict[str, np.ndarray], seed: int) -> str:
    """Return a seed's log as its tutorial writes one: CSV."""
    every = 5 if trial.group == 'collapse_4' else (
        60000 - trial.how.get('first', 5000 * (trial.group == 'vanilla'))
    ) // trial.how.get('batch', 100)
    file = io.StringIO()
    print('step', *losses, sep=',', file=file)
    for step in range(every - 1, trial.steps, every):
        print(step, *(losses[name][seed, step] for name in losses), sep=',', file=file)
        if not all(np.isfinite(losses[name][seed, step]) for name in losses):
            break
    return file.getvalue()


def main(folder: str) -> None:
    """Train what is not there, judge all, write the file."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update({name: '1' for name in (      # of each worker
        'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')})
    todo = [(n, trial) for n, trial in enumerate(TRIALS)
            if not (out / f'{n}.npz').exists()]
    waiting = []
    with concurrent.futures.ProcessPoolExecutor(
            os.cpu_count(), multiprocessing.get_context('spawn')) as pool:
        def save():
            n, trial, losses, figures, seconds = waiting.pop(0)
            logs = [log(trial, losses, seed) for seed in range(len(SEEDS))]
            np.savez_compressed(str(out / f'{n}.npz'), content=json.dumps({
                'trial': [trial.group, trial.other], 'logs': logs, 'seconds': seconds,
                'figures': [each.result() for each in figures],
                'trained': {**run_folder.environment(), **where()}}))
            print(n, trial.group, trial.other, f'{seconds:.0f} s', flush=True)

        for n, trial in todo:
            began = time.perf_counter()
            losses, images = train(trial)
            waiting.append((n, trial, losses, [pool.submit(measured, each)
                                               for each in images],
                            time.perf_counter() - began))
            while len(waiting) > 2:
                save()
        while waiting:
            save()
    judge(out)


def judge(out: Path) -> None:
    """Judge every run that was trained so far; write in_jax.json."""
    runs, together, trained, seconds = [], [], {}, []
    for n, trial in enumerate(TRIALS):
        if not (out / f'{n}.npz').exists():
            continue
        found = json.loads(str(np.load(str(out / f'{n}.npz'))['content']))
        assert found['trial'] == [trial.group, trial.other], (n, trial)
        seconds.append(found['seconds'])
        group = GROUPS[trial.group]
        base = spread.load(group.tutorial, trial.steps)
        band = curve.load(group.tutorial)
        assert base.steps == trial.steps
        trained[f'{trial.group}: {trial.other}'] = found['trained']
        for seed, text, figures in zip(SEEDS, found['logs'], found['figures']):
            file = out / 'log.csv'
            file.write_text(text)
            runs.append({'group': trial.group, 'other': trial.other, 'seed': seed,
                         **told(file, figures, band, base)})
            file.unlink()
        fives = [found['figures'][n:n + MANY] for n in range(0, len(SEEDS), MANY)]
        words = [base.judge(five).word for five in fives if all(five)]
        together.append({'group': trial.group, 'other': trial.other,
                         'fives': len(words), 'outside': words.count('outside')})
    (HERE / 'in_jax.json').write_bytes(run_folder.as_json({
        'runs': runs, 'together': together, 'trained': trained,
        'seconds': seconds, 'trials': len(TRIALS)}))


if __name__ == '__main__':
    main(*sys.argv[1:])
