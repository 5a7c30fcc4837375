"""What `python -m tf1gan.<tutorial>` does: start or go on with a run, and end well."""

import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Optional

from tf1gan import (InputError, contract, doctor, flags, loop, run_folder, schema, tf1,
                    trace)
from tf1gan.tf1 import tf


def main(module, argv: Optional[List[str]] = None) -> loop.Run:
    """Run a page by its flags, those of the command line or `argv`; return the run.

    In a notebook: `command.main(my_gan, ['--epochs', '2'])`.

    Raises: SystemExit with a status of 1 for a run that failed, of 2 for bad input and
    of 128 + the signal's number for one that was stopped.
    """
    run, words = None, sys.argv[1:] if argv is None else argv
    try:
        page = contract.page(module)
        given, options = flags.parse(page, words)
        command = ' '.join([page.command, *map(shlex.quote, words)])
        with ExitStack() as held:
            run = (start if options.resume is None else resume)(
                page, given, options, command, held)
            run.train(options.max_steps, options.keep_going)
        return run
    except loop.Stop as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.status)
    except SystemExit:      # of --help: what is caught below would import TensorFlow
        raise
    except InputError as error:
        sentence, status = str(error), 2
    except KeyboardInterrupt:
        sentence, status = 'stopped', 130
    except OSError as error:
        sentence, status = f'{error.filename}: expected a usable path, found: ' \
                           f'{error.strerror}; name another one', 2
    except (MemoryError, tf.errors.ResourceExhaustedError,
            tf.errors.InvalidArgumentError) as error:
        found = str(error).splitlines()[0] if str(error) else 'no memory left'
        sentence, status = ('expected numbers that fit this machine and TensorFlow, '
                            f'found: {found}; take smaller ones'), 1
    hint = f'; go on with --resume {shlex.quote(str(run.folder))}' if run else ''
    print(f'{sentence}{hint}', file=sys.stderr)
    sys.exit(status)


def start(page: contract.Page, given: Dict[str, Any], options: flags.Flags,
          command: str, held: ExitStack) -> loop.Run:
    """Return a new run, its folder made, `held`, and its first checkpoint in it.

    Raises: InputError when a flag, the data or the folder will not do.
    """
    threads = options.threads or page.THREADS
    run = loop.Run(page, {
        'format': 1, 'tutorial': page.name, 'command': command, 'resumed': [],
        'config': page.Config(**page.settle(given))._asdict(),
        'seed': options.seed or 0, 'threads': threads, 'data': _absolute(options.data),
        'weights': options.weights, 'tensorflow': tf1.VERSION,
        'step_by_step': options.step_by_step})
    if options.weights is not None:
        run.start_from(trace.load(options.weights))
    run.folder = run_folder.create(options.out, Path('runs') / page.name, {
        'config.json': run_folder.as_json(run.settings),
        'env.json': run_folder.as_json(environment(run.sess, threads)),
        run_folder.CHECKPOINT: run.checkpoint()})
    held.enter_context(run_folder.locked(run.folder))
    _tell(f'run folder: {run.folder}', run)
    return run


def resume(page: contract.Page, given: Dict[str, Any], options: flags.Flags,
           command: str, held: ExitStack) -> loop.Run:
    """Return a run that goes on from its folder's checkpoint, the folder `held`.

    Raises: InputError when the folder is no run of this page, or a flag contradicts it.
    Only the number of epochs may be larger than the run's: no step depends on it.
    """
    folder, fields = Path(options.resume), page.Config._fields
    if options.out is not None:
        raise InputError('--resume: expected no --out, as a run goes on in its own '
                         f'folder, found --out {options.out}; leave it out')
    if options.weights is not None:
        raise InputError('--resume: expected no --weights, as a run goes on from its '
                         f'own, found --weights {options.weights}; leave it out')
    if os.path.isdir(str(folder)):      # or else the next line says what it is
        held.enter_context(run_folder.locked(folder))
    arrays, meta = run_folder.load_checkpoint(folder)
    own = page.is_tutorial and 'description' in meta
    if own or meta['tutorial'] != page.name or set(meta['config']) != set(fields):
        raise InputError(f'--resume {folder}: expected a run of {page.name}, found one '
                         f'of {meta["tutorial"]}{", a page of your own" * own}; resume '
                         'it with the module and the version that wrote it')
    flags.check(page, meta['config'], f'--resume {folder}')
    for field, value in {**given, 'seed': options.seed,
                         'threads': options.threads}.items():
        stored = meta['config'].get(field, meta.get(field))
        if field == fields[0] and value > stored:
            meta['config'][field] = value
        elif value is not None and value != stored:
            has = "TensorFlow's own" if stored is None else stored
            has = f'{has} or more' if field == fields[0] else has
            raise InputError(
                f'--resume {folder}: expected {flags.flag(field)} {has}, as that run '
                f'has it, found {value}; leave the flag out or start a new run')
    done = meta['step']
    if options.max_steps is not None and options.max_steps < done:
        raise InputError(f'--max-steps: expected at least the {done} steps that '
                         f'{folder} has done, found {options.max_steps}; choose more')
    settings = {key: meta[key] for key in (
        'format', 'tutorial', 'command', 'resumed',
        'config', 'seed', 'threads', 'data')}
    settings.update(weights=meta.get('weights'), tensorflow=tf1.VERSION,
                    step_by_step=options.step_by_step)
    if options.data is not None:
        settings['data'] = _absolute(options.data)
    elif meta['data'] and not os.path.exists(meta['data']):
        raise InputError(f'--resume {folder}: expected its data in {meta["data"]}, '
                         'found nothing there; say with --data where they are now')
    run = loop.Run(page, settings, folder, (arrays, meta))
    for pictures in run_folder.PICTURES:
        (folder / pictures).mkdir(exist_ok=True)
    before = _environment_of(folder)
    # Older checkpoints do not say it; all of them are from 1.15.
    then = meta.get('tensorflow', before.get('tensorflow', '1.15'))
    run.settings['resumed'].append(command + (
        '' if then[:2] == tf1.VERSION[:2]
        else f'  # TensorFlow {tf1.VERSION} after step {done}, {then} before'))
    run_folder.clean(folder)
    run_folder.write(folder / run_folder.CHECKPOINT, run.checkpoint())
    run_folder.write(folder / 'config.json', run_folder.as_json(run.settings))
    now = environment(run.sess, meta['threads'])
    if not before:
        run_folder.write(folder / 'env.json', run_folder.as_json(now))
    differs = [f'{key} {value}, now {now[key]}'
               for key, value in {**before, 'tensorflow': then}.items()
               if key in now and key not in ('tf1gan', 'commit') and now[key] != value]
    if differs:
        print(f'note: the bits may differ from here on ({"; ".join(differs)})',
              file=sys.stderr)
    whole = done >= run.n_steps
    _tell(f'run folder: {folder}, {done} steps done' + whole * (
        f', which are all; {flags.flag(fields[0])} {run.config[0] + 1} or more makes '
        'the run longer'), run)
    return run


ENV = {'~tensorflow': str}      # the part of env.json that is needed here


def environment(sess, threads: Optional[int]) -> Dict[str, Any]:
    """Return env.json: versions and machine, which the bits of a run depend on."""
    on_gpu = any(device.device_type == 'GPU' for device in sess.list_devices())
    names = ', '.join(gpu.name for gpu in doctor.gpus())
    return {**run_folder.environment(), 'tensorflow': tf.__version__,
            'device': f'GPU ({names})' if on_gpu else 'CPU',
            **({'mkl': os.environ.get('MKL_DEBUG_CPU_TYPE', "MKL's own choice")}
               if doctor.is_mkl() else {}),
            **({} if tf1.REFERENCE else {'onednn': tf1.ONEDNN}),
            'threads': threads or "TensorFlow's own"}


def _environment_of(folder: Path) -> Dict[str, Any]:
    """Return a run's env.json; nothing where it cannot be read."""
    try:
        env = schema.loads((folder / 'env.json').read_text(encoding='utf-8'))
        schema.check(env, ENV)
        return env
    except (OSError, ValueError):
        return {}


def _tell(where: str, run: loop.Run) -> None:
    """Print a run's folder and its images, and a note where it is on TensorFlow 2."""
    print(where, file=sys.stderr)
    images = run.settings['images']
    if run.settings['data']:
        some = '' if images['train'] == images['read'] else (
            f'; {run.page.name} trains on {images["train"]:,} of them and holds the '
            'others out')
        print(f'data: {images["form"]}{some}', file=sys.stderr)
    if not tf1.REFERENCE:
        print(tf1.NOTE, file=sys.stderr)


def _absolute(data: Optional[str]) -> Optional[str]:
    return None if data is None else os.path.abspath(data)
