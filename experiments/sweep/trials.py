"""What the checks of training see: make trials

    python experiments/sweep/trials.py [--train NAME]

Trains known wrong versions of a tutorial and right seeds that no band has, up to 40 %
of a run, into runs/trials, or finishes them. Each is judged as a port would be: its log
by `tf1gan curve`, its images by `tf1gan evaluate --against`. Each seed of the spread is
left out in turn and judged by the others, at every point of training. Writes
trials.json. A wrong version is the page with a line replaced, or with another number.
"""

import importlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = map(str, (ROOT, ROOT / 'experiments', HERE))

import tables                       # noqa: E402
from in_jax import SHARE, told      # noqa: E402
from seed import GROUPS             # noqa: E402

from tf1gan import TUTORIALS, command, curve, evaluate, run_folder, spread  # noqa: E402

RUNS = ROOT / 'runs' / 'trials'
RIGHT = {'vanilla': 6, 'collapse_4': 14}        # seeds of each group


class Trial(NamedTuple):
    """A run to be judged: its group, and what is other in it than in the group's."""

    group: str
    seed: int
    wrong: str = ''         # in words
    flags: List[Any] = []
    old: str = ''           # in the page's source,
    new: str = ''           # and what stands there

    @property
    def steps(self) -> int:
        """Return how many steps it takes."""
        return round(SHARE * GROUPS[self.group].steps)


TRIALS = {f'{group}_right_{seed}': Trial(group, seed) for group in RIGHT
          for seed in range(20, 20 + RIGHT[group])}
STEP = '{model.X: batch_xs, model.Z: batch_noise}'
D_FIRST = f"""    _, loss_D = sess.run([D.train, D.loss], {STEP})
    _, loss_G = sess.run([G.train, G.loss], {{model.Z: batch_noise}})
"""
WRONG = {'vanilla': [
    ('learning rate x 2', ['--learning-rate', 0.0004]),
    ('learning rate x 1.25', ['--learning-rate', 0.00025]),
    ('beta1 of 0.5', ['--beta1', 0.5]),
    ('epsilon of 1e-4', ['--epsilon', 1e-4]),
    ('batches of 50', ['--batch-size', 50]),
    ('G before D', [], D_FIRST, ''.join(reversed(D_FIRST.splitlines(keepends=True)))),
    ('60,000 images', [], 'mnist.split(files, rng).train', """mnist.DataSet(
        files.train_images.reshape(60000, -1).astype(np.float32) / 255,
        np.eye(10)[files.train_labels], rng)"""),
    ('fresh noise for G', [], '{model.Z: batch_noise})\n    return',
     '{model.Z: draw_noise(config.batch_size)})\n    return'),
    ("G's saturating loss", [], 'loss_G = tf.reduce_mean(log_D_gene)',
     'loss_G = -tf.reduce_mean(log_not_D_gene)')],
    'collapse_4': [
    ('learning rate x 2', ['--learning-rate-Adam', 0.0002]),
    ('learning rate x 1.25', ['--learning-rate-Adam', 0.000125]),
    ('beta1 of 0.5', ['--beta1', 0.5]),
    ('slope of 0.2', ['--slope', 0.2]),
    ('images shuffled', [], 'next_batch(n, shuffle=False)', 'next_batch(n)'),
    ("real images' label 0.9", [], 'loss(D_real, 1.)', 'loss(D_real, 0.9)'),
    ('gains and shifts that stay', [], '_var_list += [', '_var_list += 0 * ['),
    ('uniform noise', [], 'rng.normal(size=size) if', 'rng.uniform(size=size) if')]}
TRIALS.update({f'{group}_{n}': Trial(group, 40 + n, *wrong) for group in WRONG
               for n, wrong in enumerate(WRONG[group])})


def train(name: str) -> None:
    """Train a trial's run, or finish it, in this process."""
    trial, folder = TRIALS[name], RUNS / name
    group = GROUPS[trial.group]
    page = importlib.import_module(f'tf1gan.{group.tutorial}')
    source = Path(page.__file__).read_text()
    assert trial.old in source, trial
    exec(source.replace(trial.old, trial.new) if trial.old else source, page.__dict__)
    begin = '--resume' if folder.exists() else '--out'
    command.main(page, list(map(str, [
        begin, folder, *group.flags, *trial.flags, '--seed', trial.seed,
        '--max-steps', trial.steps])))


def finished(name: str) -> bool:
    """Train a trial's run in a process of its own; say whether it has all its steps."""
    trial, checkpoint = TRIALS[name], RUNS / name / run_folder.CHECKPOINT
    if not (checkpoint.exists() and run_folder.load_checkpoint(
            checkpoint.parent)[1]['step'] == trial.steps):
        subprocess.run([sys.executable, __file__, '--train', name],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return run_folder.load_checkpoint(checkpoint.parent)[1]['step'] == trial.steps


def judged(name: str, ends: bool) -> Dict[str, Any]:
    """Return what the two checks say of a trial's run, whether or not it `ends`."""
    trial, folder = TRIALS[name], RUNS / name
    group = GROUPS[trial.group]
    band = curve.load(group.tutorial)
    base = spread.load(group.tutorial, trial.steps)
    assert base.steps == trial.steps
    figures = folder / 'figures.json'
    if ends and not figures.exists():
        figures.write_bytes(run_folder.as_json(
            evaluate.measure(evaluate.draw(folder), whole=False)))
    found = {'tutorial': group.tutorial, 'wrong': trial.wrong, 'seed': trial.seed,
             'ends': ends, **told(folder / 'log.csv', json.loads(
                 figures.read_text()) if ends else {}, band, base)}
    print(name, found, flush=True)
    return found


def left_out() -> List[Dict[str, Any]]:
    """Return, of each tutorial's points of training, how many seeds are outside others.
    """
    found = []
    for name in TUTORIALS:
        whole = spread.load(name)
        if len(whole.seeds) < curve.LEAST_SEEDS:
            continue
        for steps in GROUPS[name if name in GROUPS else next(
                key for key, group in GROUPS.items()
                if (group.tutorial, group.name) == (name, whole.group))].points():
            base = spread.load(name, steps)
            words = [base._replace(seeds=[*base.seeds[:n], *base.seeds[n + 1:]]).judge(
                [seed]).word for n, seed in enumerate(base.seeds)]
            found.append({'tutorial': name, 'steps': steps, 'seeds': len(words),
                          'outside': words.count('outside'),
                          'told': len(words) - words.count('too few seeds to tell')})
    return found


def main() -> None:
    """Train, judge, write."""
    with ThreadPoolExecutor(2) as pool:
        ends = dict(zip(TRIALS, pool.map(finished, TRIALS)))
    tables.store('sweep/trials.json', {
        'runs': [judged(name, ends[name]) for name in TRIALS], 'left_out': left_out()})


if __name__ == '__main__':
    train(sys.argv[2]) if sys.argv[1:2] == ['--train'] else main()
