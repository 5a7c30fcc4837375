"""Judge a generator by its images: `python -m tf1gan.evaluate RUN`.

RUN is a run folder, whose generator draws 10,000 images, or it is a port's images, [n,
28, 28] in [0, 1] or another --range. These are an .npz with `samples` and perhaps
`labels` [n], the digits asked for; an .npy; or a folder of pictures. A small classifier
(experiments/classifier) says which digits they are and how they spread:

    digits covered   digits that at least 1 % of the images are taken for
    divergence       of the digits' shares from uniform, Kullback-Leibler, nats
    confidence       mean probability of the digit that an image is taken for
    Frechet          distance of the classifier's 64 features, as two normal laws, from
                     those of MNIST's 10,000 test images
    nearest          distance of an image to the nearest training image, in pixels of
                     [0, 1], Euclidean: median of 300, beside that of test images
    as asked         share of a conditional generator's images that are the digit asked
    density, coverage, precision, recall, KID
                     of the features among those of test images (tf1gan.manifold), 5,000
                     of each: more test images lie close, or are met; also by a second
                     classifier's features, and per digit asked (or taken for)
    no digit         share of these 5,000 that the second takes for none of the ten
    disagree         share that the two classifiers take for different digits
    copies           share of training images among the nearest of equally many training
                     and test images, of 2,000 images; p, if none is learned by heart

`--against vanilla` says whether images are inside the spread of that tutorial's seeds.
NumPy only; the picture nearest.png, which a run gets, takes matplotlib.
"""

import functools
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import (TUTORIALS, InputError, classifier, flags, generator, image_files,
                    manifold, mnist, run_folder, spread)

REAL = ('density', 'coverage', 'precision', 'recall', 'kid', 'no_digit',
        'second_disagrees', 'copies')   # also told of training images
COVERED = 0.01      # of the images: a tenth of a digit's fair share
N_NEAREST, N_SHOWN = 300, 10
N_COMPARED, N_COPIES = 5000, 2000   # of features; of images that may be copies
SEED = 10000        # of a run's images


class Images(NamedTuple):
    """A generator's images [n, 28, 28] in [0, 1], and the digits asked for, if any."""

    images: np.ndarray
    labels: Optional[np.ndarray]
    steps: Optional[int] = None     # that a run has taken


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


def measure(found: Images, whole: bool = True) -> Dict[str, Any]:
    """Return all the figures of some images, rounded to the digits that matter.

    Not `whole`: only those that a spread compares, in a quarter of the time.
    """
    w, facts = classifier.load()
    features, logits = classifier.classify(w, found.images)
    digits = logits.argmax(1)
    shares = np.bincount(digits, minlength=10) / len(digits)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    seen = shares[shares > 0]
    result = {
        'images': len(digits),
        'digits_covered': int((shares >= COVERED).sum()),
        'shares': [round(float(share), 4) for share in shares],
        'divergence': round(float((seen * np.log(10 * seen)).sum()), 4),
        'confidence': round(float(np.mean(1 / odds.sum(1))), 4),
        'frechet': round(classifier.frechet(classifier.moments(features), (
            w['test_mean'], w['test_covariance'])), 3)}
    if found.labels is not None:
        result['as_asked'] = round(float(np.mean(digits == found.labels)), 4)
    if not whole:
        return {name: result[name] + 0.0 for name in spread.FIGURES if name in result}
    train = real().train_images / np.float32(255)
    with flags.waiting('nearest training images looked for'):
        apart = nearest(found.images[:N_NEAREST], train)[1]
    result.update({
        'frechet_of_training_images': round(facts['frechet_of_training_images'], 3),
        'nearest': round(float(np.median(apart)), 3),
        'nearest_of_test_images': round(facts['nearest_of_test_images'], 3)})
    result = {name: value + 0.0 if isinstance(value, float) else value      # never -0.0
              for name, value in result.items()}
    theirs = classifier.load(classifier.SECOND)[1]['of_training_images']
    more = measure_more(found, features, digits)
    for mine, real_ones in (more, theirs), (more['second'], theirs['second']):
        mine.update({f'{name}_of_training_images': real_ones[name] for name in REAL
                     if name in mine})
    return {**result, **more}


def some(n: int, most: int = N_COMPARED) -> np.ndarray:
    """Return up to `most` of n rows, the same every time, in no order of theirs."""
    return np.random.RandomState(0).permutation(n)[:most]


@functools.lru_cache(maxsize=None)
def reference(file: Path) -> Tuple[np.ndarray, np.ndarray]:
    """Return the features of 5,000 test images by a classifier, and their labels."""
    rows = some(len(real().test_images))
    images = real().test_images[rows] / np.float32(255)
    return (classifier.classify(classifier.load(file)[0], images)[0],
            real().test_labels[rows])


def measure_more(found: Images, features: np.ndarray,
                 digits: np.ndarray) -> Dict[str, Any]:
    """Return what does not need the facts of real images, rounded.

    `features` [n, 64] and `digits` [n] are the first classifier's.
    """
    n = len(digits)
    rows, few = some(n), some(n, N_COPIES)
    second, logits = classifier.classify(
        classifier.load(classifier.SECOND)[0], found.images[rows])
    asked = digits if found.labels is None else found.labels
    train, test = (images.reshape(len(images), -1) / np.float32(255) for images in (
        real().train_images[-len(real().test_images):], real().test_images))
    from tqdm import tqdm
    compared = [manifold.compare(*reference(file), each, asked[rows])
                for file, each in tqdm([(classifier.FILE, features[rows]), (
                    classifier.SECOND, second)], 'features compared', disable=None,
                    leave=False)]
    with flags.waiting('copies looked for'):
        share, p = manifold.copies(found.images[few].reshape(len(few), -1), train, test)
    result = {
        **compared[0],
        'no_digit': round(float(np.mean(logits.argmax(1) == classifier.NO_DIGIT)), 4),
        'second_disagrees': round(float(np.mean(
            logits[:, :10].argmax(1) != digits[rows])), 4),
        'copies': round(share, 4), 'copies_p': float(f'{p:.3g}'),
        'second': compared[1]}
    if found.labels is not None:
        result['as_asked_of_digits'] = [
            round(float(np.mean(digits[asked == digit] == digit)), 4)
            if (asked == digit).any() else None for digit in range(10)]
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
        print(f'note: {folder} learned from other files than the MNIST inside; it is '
              "judged as MNIST's digits anyway", file=sys.stderr)
    return Images(generate(z, digits), digits, generate.meta['step'])


def note_other_steps(runs: List[Path], drawn: List[Images],
                     base: spread.Spread) -> None:
    """Say which runs have taken fewer steps than a spread's seeds, or more."""
    for run, images in zip(runs, drawn):
        if images.steps is not None and images.steps != base.steps:
            word = 'fewer' if images.steps < base.steps else 'more'
            print(f'note: {run} has taken {images.steps:,} steps, {word} than the '
                  f"{base.steps:,} of {base.name}'s seeds, and is judged as it is now",
                  file=sys.stderr)


def read(path: Path, ends: Optional[Tuple[float, float]] = None) -> Images:
    """Read a port's images: an .npz, an .npy or a folder of pictures.

    An .npz has `samples`, or one array of any name, and perhaps `labels`; pictures may
    lie in folders 0 to 9, which are their labels then. `ends` is their range, black
    first; without it bytes are taken to be in 0 to 255, and other numbers in 0 to 1.

    Raises: InputError when they are not 100 images of 28 x 28 at least, in their range,
    or the labels are not as many digits.
    """
    try:
        if os.path.isdir(str(path)):
            images, labels = _pictures(path)
        else:
            with image_files.open_file(path) as stream:
                content = image_files.whole(stream, path)
            images, labels = _arrays(path, content)
    except OSError as error:
        raise InputError(f'{path}: expected a run folder, an .npz, an .npy or a folder '
                         f'of pictures, found: {error.strerror or error}; name another')
    planes = _planes(images)
    if images.dtype.kind not in 'fiub':
        found = f'samples of type {images.dtype}'
    elif planes is None or len(images) < 100:
        found = f'samples of shape {list(images.shape)}'
    elif labels is not None and (
            labels.shape != images.shape[:1] or labels.dtype.kind not in 'fiu'
            or not np.isin(labels, range(10)).all()):
        found = f'labels of shape {list(labels.shape)}, type {labels.dtype}'
    else:
        return Images(_scaled(path, planes, ends), labels)
    raise InputError(f'{path}: expected at least 100 samples [n, 28, 28], [n, 784] or '
                     'with a channel more, and perhaps their digits as labels [n], '
                     f'found {found}; save them like that')


def _pictures(folder: Path) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Return the pictures of a folder, bytes, and the digits of folders 0 to 9."""
    place = image_files.Place(folder)
    names = sorted((name for name in place.names() if '/' not in name
                    and image_files.PICTURE.fullmatch(name)), key=image_files.natural)
    if names:
        return image_files.read_pictures(place, names), None
    return mnist.read(folder)[:2]


def _arrays(path: Path, content: bytes) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Return the samples and the labels of an .npz's or an .npy's bytes."""
    if path.suffix == '.npy':
        try:
            return np.lib.format.read_array(io.BytesIO(content)), None
        except Exception as error:      # a damaged file can fail in any way
            found = ' '.join(str(error).split())[:200]
            raise InputError(f'{path}: expected a whole .npy, found: {found}; save it '
                             'again')
    arrays = image_files.read_npz(content, path)
    labels = arrays.pop('labels', None)
    if 'samples' not in arrays and len(arrays) != 1:
        raise InputError(f'{path}: expected an array `samples`, found no samples, but '
                         f'{", ".join(arrays) or "nothing"}; give it that name')
    return arrays.get('samples', next(iter(arrays.values()))), labels


def _planes(images: np.ndarray) -> Optional[np.ndarray]:
    """Return images as [n, 28, 28], of equal channels the first; None: not possible."""
    shape = images.shape[1:]
    if shape in ((28, 28, 1), (28, 28, 3)):
        images = np.moveaxis(images, -1, 1)
    if images.shape[1:] in ((1, 28, 28), (3, 28, 28)):
        gray = (images == images[:, :1]).all()
        return images[:, 0] if gray or images.shape[1] == 1 else None
    return images.reshape(-1, 28, 28) if shape in ((28, 28), (784,)) else None


def _scaled(path: Path, images: np.ndarray, ends) -> np.ndarray:
    """Return images in [0, 1], float32; their range is `ends`, or clear without it."""
    low, high = images.min(), images.max()
    is_bytes = images.dtype == np.uint8
    black, white = ends or ((0, 255) if is_bytes else (0, 1))
    # Bytes up to 1: black and white, or almost black?
    in_doubt = is_bytes and not ends and high == 1
    if in_doubt or not (low >= black and high <= white):
        low, high = (np.format_float_positional(
            end if images.dtype.kind == 'f' else float(end), trim='-')
            for end in (low, high))
        raise InputError(f'{path}: expected samples in {black:g} to {white:g}, found '
                         f'samples in {low} to {high}, {images.dtype}; say their range '
                         '(--range -1 1, or 0 255), or bring them into it')
    return ((images - np.float32(black)) / np.float32(white - black)).astype(np.float32)


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
    for name in 'density', 'coverage', 'precision', 'recall', 'kid':
        lines.append(f'{name.replace("kid", "KID"):16s} ' + '; by the second '.join(
            f'{_told(each[name])} (training images: '
            f'{_told(each[name + "_of_training_images"])})'
            for each in (figures, figures['second'])))
    for name, words in ('no_digit', 'no digit'), ('second_disagrees', 'disagree'):
        lines.append(f'{words:16s} {100 * figures[name]:.1f} % (training images: '
                     f'{100 * figures[name + "_of_training_images"]:.1f} %)')
    lines.append(f'copies           {100 * figures["copies"]:.1f} % of the nearest are '
                 f'training images ({spread.chance(figures["copies_p"])})')
    return lines


def _told(figure: Optional[float]) -> str:
    return 'of 1,000 images at least' if figure is None else f'{figure:.3f}'


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
                        help='a run folder; or images, [n, 28, 28] in [0, 1]: an .npz '
                        'with `samples`, an .npy, a folder of pictures; several are '
                        'several seeds of one port')
    parser.add_argument('--range', nargs=2, type=float, metavar=('BLACK', 'WHITE'),
                        help="of the images' numbers (default: 0 255 of bytes, else "
                        '0 1)')
    parser.add_argument('--against', choices=TUTORIALS, metavar='TUTORIAL',
                        help='say whether they are inside the spread of its seeds')
    parser.add_argument('--steps', type=flags.number(int, 1, flags.MOST_STEPS),
                        metavar='N', help='that the generator has taken: --against '
                        "takes the seeds' nearest point of training (default: a run's "
                        'own, or else all)')
    parser.add_argument('--keep', metavar='FILE', type=flags.path,
                        help='keep the images that were judged, and the digits asked '
                        'for, in an .npz')
    parser.add_argument('--json', action='store_true', help='print JSON, for machines')
    try:
        options = parser.parse_args()
        runs, ends = [Path(run) for run in options.runs], options.range
        if options.keep and len(runs) > 1:
            raise InputError(f'--keep: expected one run, found {len(runs)}; judge them '
                             'one by one')
        if ends and not -np.inf < ends[0] < ends[1] < np.inf:
            raise InputError(f'--range: expected the number of black, then a greater '
                             f'one of white, found {ends[0]:g} {ends[1]:g}; swap them, '
                             'and the images if need be')
        trained = [os.path.isfile(str(run / run_folder.CHECKPOINT)) for run in runs]
        drawn = [draw(run) if is_run else read(run, ends)
                 for run, is_run in zip(runs, trained)]
        base = spread.load(options.against, options.steps or max(
            (each.steps for each in drawn if each.steps), default=None)
        ) if options.against else None
        if base:
            base.check([(len(each.images), each.labels) for each in drawn])
            note_other_steps(runs, drawn, base)
        found = [measure(each) for each in drawn]
        verdict = base.judge(found) if base else None
        failed = keep(options.keep, runs, trained, drawn, found)
        if options.json:
            flags.show(json.dumps({'figures': found, **({
                'against': str(base), 'verdict': verdict.word, 'reason': verdict.reason,
                'held': [held._asdict() for held in verdict.held]} if base else {})},
                indent=2))
        else:
            lines = ['\n  '.join([f'{run}: {figures["images"]:,} images',
                                  *text(figures)]) for run, figures in zip(runs, found)]
            if base:
                lines.append('\n  '.join([f'against {base}: {verdict.word}',
                                          *verdict.lines()]))
            flags.show('\n'.join(lines))
        if failed:
            raise failed
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return spread.STATUS[verdict.word] if verdict else 0


def keep(file: Optional[str], runs, trained, drawn, found) -> Optional[InputError]:
    """Write a judgement's files; return the error of one that cannot be written."""
    files = {}
    if file:
        content = io.BytesIO()
        np.savez_compressed(content, samples=drawn[0].images, **(
            {} if drawn[0].labels is None else {'labels': drawn[0].labels}))
        files[Path(file)] = content.getvalue()
    for run, is_run, images, figures in zip(runs, trained, drawn, found):
        if is_run:
            files[run / 'evaluation.json'] = run_folder.as_json(figures)
            files[run / 'nearest.png'] = pairs(images.images)
    try:
        for path, content in files.items():
            run_folder.write(path, content)
    except InputError as error:
        return error
    return None


if __name__ == '__main__':
    sys.exit(main())
