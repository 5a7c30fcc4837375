"""Judge a generator by its images: `python -m tf1gan.evaluate RUN`.

RUN is a run folder, whose generator draws 10,000 images; or an .npz of a port's images,
`samples` [n, 28, 28] in [0, 1] and perhaps `labels` [n], the digits asked for. A small
classifier (experiments/classifier) says which digits they are and how they spread:

    digits covered   digits that at least 1 % of the images are taken for
    divergence       of the digits' shares from uniform, Kullback-Leibler, nats
    confidence       mean probability of the digit that an image is taken for
    Frechet          distance of the classifier's 64 features, as two normal laws, from
                     those of MNIST's 10,000 test images
    nearest          distance of an image to the nearest training image, in pixels of
                     [0, 1], Euclidean: median of 300, beside that of test images
    as asked         share of a conditional generator's images that are the digit asked

`--against vanilla` says whether images are inside the spread of that tutorial's seeds.
NumPy only; the picture nearest.png, which a run gets, takes matplotlib.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import (TUTORIALS, InputError, classifier, flags, generator, mnist,
                    run_folder, spread)

COVERED = 0.01      # of the images: a tenth of a digit's fair share
N_NEAREST, N_SHOWN = 300, 10
SEED = 10000        # of a run's images


class Images(NamedTuple):
    """A generator's images [n, 28, 28] in [0, 1], and the digits asked for, if any."""

    images: np.ndarray
    labels: Optional[np.ndarray]


# --- What is measured -----------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def real() -> mnist.Files:
    """Return the MNIST inside, read once."""
    return mnist.read()


def nearest(images: np.ndarray, train: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the index of the nearest of `train` to each image, and its distance."""
    x, y = (array.reshape(len(array), -1).astype(np.float32)
            for array in (images, train))
    squares = (y ** 2).sum(1)
    found = np.concatenate([(squares - 2 * part @ y.T).argmin(1)
                            for part in np.array_split(x, -(-len(x) // 100))])
    return found, np.sqrt(((x - y[found]) ** 2).sum(1))


def measure(found: Images) -> Dict[str, Any]:
    """Return all the figures of some images, rounded to what they are good for."""
    w, facts = classifier.load()
    features, logits = classifier.classify(w, found.images)
    digits = logits.argmax(1)
    shares = np.bincount(digits, minlength=10) / len(digits)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    seen = shares[shares > 0]
    train = real().train_images / np.float32(255)
    result = {
        'images': len(digits),
        'digits_covered': int((shares >= COVERED).sum()),
        'shares': [round(float(share), 4) for share in shares],
        'divergence': round(float((seen * np.log(10 * seen)).sum()), 4),
        'confidence': round(float(np.mean(1 / odds.sum(1))), 4),
        'frechet': round(classifier.frechet(classifier.moments(features), (
            w['test_mean'], w['test_covariance'])), 3),
        'frechet_of_training_images': round(facts['frechet_of_training_images'], 3),
        'nearest': round(float(np.median(
            nearest(found.images[:N_NEAREST], train)[1])), 3),
        'nearest_of_test_images': round(facts['nearest_of_test_images'], 3)}
    if found.labels is not None:
        result['as_asked'] = round(float(np.mean(digits == found.labels)), 4)
    return result


# --- Where the images are from --------------------------------------------------------

def draw(folder: Path, n: int = spread.N_SAMPLES) -> Images:
    """Draw images of a run folder's generator, in inference mode.

    Raises: InputError when the folder is no run that trained a generator of digits.
    """
    generate = generator.Generator(folder)
    z, digits = generator.draw_noise(generate.description,
                                     np.random.RandomState(SEED), n)
    if generate.meta['data_sha256'] != real().sha256:
        print(f'note: {folder} learned from other files than the MNIST inside, and is '
              "judged as MNIST's digits all the same", file=sys.stderr)
    return Images(generate(z, digits), digits)


def note_shorter(folders: List[Path], base: spread.Spread) -> None:
    """Say of which runs the steps are fewer than those of a spread's seeds."""
    for folder in folders:
        steps = run_folder.load_checkpoint(folder)[1]['step']
        if steps < base.steps:
            print(f'note: {folder} has taken {steps:,} steps, fewer than the '
                  f"{base.steps:,} of {base.name}'s seeds, and is judged as it is now",
                  file=sys.stderr)


def read(path: Path) -> Images:
    """Read a port's images from an .npz: `samples`, and perhaps `labels`.

    Raises: InputError when they are not [n, 28, 28(, 1)] or [n, 784] in [0, 1], 100 of
    them at least, or the labels are not as many digits.
    """
    try:
        with np.load(str(path), allow_pickle=False) as content:
            images = content['samples']
            labels = content['labels'] if 'labels' in content.files else None
        size, shape = images.size, images.shape
        if images.dtype.kind not in 'fiu':
            found = f'samples of type {images.dtype}'
        elif len(images) < 100 or size != len(images) * 784:
            found = f'samples of shape {list(shape)}'
        elif not (images.min() >= 0 and images.max() <= 1):
            found = f'samples in {images.min():.6g} to {images.max():.6g}'
        elif labels is not None and (
                labels.shape != shape[:1] or labels.dtype.kind not in 'fiu'
                or not np.isin(labels, range(10)).all()):
            found = f'labels of shape {list(labels.shape)}, type {labels.dtype}'
        else:
            return Images(images.reshape(-1, 28, 28).astype(np.float32), labels)
    except KeyError:
        found = f'no samples, but {", ".join(content.files) or "nothing"}'
    except OSError as error:
        raise InputError(f'{path}: expected an .npz with samples, found: '
                         f'{error.strerror or error}; name another file, or a run '
                         'folder')
    except Exception as error:      # a damaged file can fail in any way
        found = ' '.join(str(error).split())[:200] or type(error).__name__
    raise InputError(f'{path}: expected an .npz with at least 100 samples [n, 28, 28] '
                     'in [0, 1], and perhaps their digits as labels [n], found: '
                     f'{found}; scale and save them so')


# --- Telling --------------------------------------------------------------------------

def text(figures: Dict[str, Any]) -> List[str]:
    """Return the lines of a judgement."""
    shares = '  '.join(f'{digit}: {100 * share:.1f} %'
                       for digit, share in enumerate(figures['shares']))
    lines = [f'digits covered   {figures["digits_covered"]} of 10 ({shares})',
             f'divergence       {figures["divergence"]:.4f} nats from uniform',
             f'confidence       {figures["confidence"]:.4f}',
             f'Frechet          {figures["frechet"]:.3f} (training images: '
             f'{figures["frechet_of_training_images"]:.3f})',
             f'nearest          {figures["nearest"]:.2f} (test images: '
             f'{figures["nearest_of_test_images"]:.2f})']
    if 'as_asked' in figures:
        lines.append(f'as asked         {100 * figures["as_asked"]:.1f} %')
    return lines


def pairs(images: np.ndarray) -> bytes:
    """Return a PNG: some images in the upper row, the nearest training ones below."""
    from tf1gan import pictures     # and matplotlib, which a port's images do not need
    some = images[:N_SHOWN]
    train = real().train_images
    rows = nearest(some, train / np.float32(255))[0]
    below = train[rows]
    return pictures.sheet(np.concatenate([np.rint(some * 255).astype(np.uint8), below]),
                          N_SHOWN)


def main() -> int:
    """Judge what the command line names; return the exit status.

    It is 0, or 1 outside a spread, or 2 where nothing can be told.
    """
    parser = flags.Parser(prog='python -m tf1gan.evaluate', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('runs', metavar='RUN', nargs='+',
                        help='a run folder, or an .npz with an array `samples` '
                        '[n, 28, 28] in [0, 1]; several are several seeds of one port')
    parser.add_argument('--against', choices=TUTORIALS, metavar='TUTORIAL',
                        help='say whether they are inside the spread of its seeds')
    parser.add_argument('--json', action='store_true', help='print JSON, for machines')
    try:
        options = parser.parse_args()
        runs = [Path(run) for run in options.runs]
        drawn = [read(run) if run.suffix == '.npz' else draw(run) for run in runs]
        base = spread.load(options.against) if options.against else None
        if base:
            base.check([(len(images), labels) for images, labels in drawn])
            note_shorter([run for run in runs if run.suffix != '.npz'], base)
        found = [measure(each) for each in drawn]
        verdict = base.judge(found) if base else None
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({'figures': found, **({
            'against': str(base), 'verdict': verdict.word, 'reason': verdict.reason,
            'held': [held._asdict() for held in verdict.held]} if base else {})},
            indent=2))
    else:
        for run, figures in zip(runs, found):
            print(f'{run}: {figures["images"]:,} images', *text(figures), sep='\n  ')
        if base:
            print(f'against {base}: {verdict.word}', *verdict.lines(), sep='\n  ')
    try:
        for run, images, figures in zip(runs, drawn, found):
            if run.is_dir():
                run_folder.write(run / 'evaluation.json', run_folder.as_json(figures))
                run_folder.write(run / 'nearest.png', pairs(images.images))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return spread.STATUS[verdict.word] if verdict else 0


if __name__ == '__main__':
    sys.exit(main())
