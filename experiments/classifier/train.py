"""Train the digit classifiers of tf1gan.evaluate: make classifier

    python experiments/classifier/train.py          both
    python experiments/classifier/train.py second   only that one

Two small convolutional networks on MNIST's 60,000 training images, shifted by up to two
pixels each time they are seen; TensorFlow 1.15. The first has kernels of 5 x 5 and seed
0. The second has kernels of 3 x 3 and seed 1, and an eleventh class, "no digit": of
every five images that it sees about one is a digit spoilt (spoilt.py) or noise. It is
stored in float16.

Each file in tf1gan holds the weights, the mean and covariance of the features of the
10,000 test images, and the figures of real images (the first: the Frechet distance of
10,000 training images from the test images; the distance of test images to the nearest
training image. The second: what `more` measures of 10,000 training images). Writes also
classifier.json beside this file: the accuracy, and the figures of uniform noise.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import spoilt   # noqa: E402

from tf1gan import classifier, command, evaluate, loop, mnist   # noqa: E402
from tf1gan import run_folder   # noqa: E402

tf = loop.tf
EPOCHS, BATCH, RATE, KEEP = 20, 100, 0.001, 0.5
SECOND_EPOCHS, SECOND_DECAY = 6, 0.6
SHIFT = 2       # pixels


def weight(shape, fan_in, name):
    """Return a weight from He's normal law."""
    return tf.Variable(tf.random_normal(shape, stddev=np.sqrt(2 / fan_in)), name=name)


def build(seed, size, n_classes):
    """Return (placeholders, logits, train op, weights) in a fresh graph.

    `size` is the kernels', in pixels.
    """
    tf.set_random_seed(seed)
    area = size * size
    X = tf.placeholder(tf.float32, [None, 28, 28, 1])       # in [0, 1]
    Y = tf.placeholder(tf.int64, [None])
    keep, rate = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    w = {'W1': weight([size, size, 1, 16], area, 'W1'), 'b1': tf.Variable(
            tf.zeros([16])),
         'W2': weight([size, size, 16, 32], 16 * area, 'W2'), 'b2': tf.Variable(
             tf.zeros([32])),
         'W3': weight([7 * 7 * 32, 64], 1568, 'W3'), 'b3': tf.Variable(tf.zeros([64])),
         'W4': weight([64, n_classes], 64, 'W4'),
         'b4': tf.Variable(tf.zeros([n_classes]))}
    x = tf.nn.relu(tf.nn.conv2d(X, w['W1'], 1, 'SAME') + w['b1'])
    x = tf.nn.max_pool2d(x, 2, 2, 'VALID')                  # [n, 14, 14, 16]
    x = tf.nn.relu(tf.nn.conv2d(x, w['W2'], 1, 'SAME') + w['b2'])
    x = tf.nn.max_pool2d(x, 2, 2, 'VALID')                  # [n, 7, 7, 32]
    features = tf.nn.relu(tf.matmul(tf.reshape(x, [-1, 7 * 7 * 32]), w['W3']) + w['b3'])
    logits = tf.matmul(tf.nn.dropout(features, keep), w['W4']) + w['b4']
    loss = tf.losses.sparse_softmax_cross_entropy(Y, logits)
    return (X, Y, keep, rate), logits, tf.train.AdamOptimizer(rate).minimize(loss), w


def shifted(images, rng):
    """Return images, each moved by up to SHIFT pixels either way."""
    wide = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), 'constant')
    moved = np.empty_like(images)
    places = rng.randint(2 * SHIFT + 1, size=(len(images), 2))
    for i, (down, right) in enumerate(places):
        moved[i] = wide[i, down:down + 28, right:right + 28]
    return moved


def with_spoilt(images, labels, rng):
    """Return a batch and its labels with images that are no digits added to both."""
    some = spoilt.batch(images[..., 0], labels, rng)[..., None]
    return (np.concatenate([images, some]),
            np.concatenate([labels, np.full(len(some), classifier.NO_DIGIT)]))


def trained(files, seed, size, n_classes, epochs, decay):
    """Train a classifier; return its weights, facts, test logits and environment."""
    rng = np.random.RandomState(seed)
    x, test = ((images[..., None] / np.float32(255)).astype(np.float32)
               for images in (files.train_images, files.test_images))
    with tf.Graph().as_default(), tf.Session() as sess:
        (X, Y, keep, rate), logits, train, w = build(seed, size, n_classes)
        sess.run(tf.global_variables_initializer())
        began = time.time()
        for epoch in range(epochs):
            order = rng.permutation(len(x))
            for start in range(0, len(x), BATCH):
                rows = order[start:start + BATCH]
                images, labels = shifted(x[rows], rng), files.train_labels[rows]
                if n_classes > 10:
                    images, labels = with_spoilt(images, labels, rng)
                sess.run(train, {X: images, Y: labels, keep: KEEP,
                                 rate: RATE * decay ** epoch})
            found = np.concatenate([sess.run(logits, {X: test[i:i + 1000], keep: 1})
                                    for i in range(0, len(test), 1000)])
            accuracy = float(np.mean(found.argmax(1) == files.test_labels))
            print(f'epoch {epoch}: {accuracy:.4f}, {time.time() - began:.0f} s',
                  flush=True)
        facts = {'accuracy': accuracy, 'epochs': epochs,
                 'seconds': round(time.time() - began)}
        return sess.run(w), facts, found, command.environment(sess, None)


def with_moments(weights, files):
    """Return a file's arrays, and the features and logits of the test images."""
    features, logits = classifier.classify(
        {name: array.astype(np.float32) for name, array in weights.items()},
        files.test_images / np.float32(255))
    mean, covariance = classifier.moments(features)
    return {**weights, 'test_mean': mean, 'test_covariance': covariance}, logits


def first(files) -> dict:
    """Train, measure and write the first; return what classifier.json says of it."""
    x = files.train_images / np.float32(255)
    weights, found, theirs, environment = trained(files, 0, 5, 10, EPOCHS, 0.8)
    arrays, logits = with_moments(weights, files)
    floor = classifier.classify(weights, x[:10000])[0]
    nearest = evaluate.nearest(
        files.test_images[:evaluate.N_NEAREST] / np.float32(255), x)[1]
    facts = {'format': 1, 'accuracy': found['accuracy'],
             'frechet_of_training_images': classifier.frechet(
                 classifier.moments(floor),
                 (arrays['test_mean'], arrays['test_covariance'])),
             'nearest_of_test_images': float(np.median(nearest)), 'epochs': EPOCHS,
             'largest_difference_of_logits': float(np.abs(logits - theirs).max())}
    run_folder.write(classifier.FILE, run_folder.pack(arrays, facts))
    return {**facts, 'bytes': classifier.FILE.stat().st_size,
            'seconds': found['seconds'], 'environment': environment}


def second(files) -> dict:
    """Train, measure and write the second; return what classifier.json says of it."""
    weights, found, _, environment = trained(files, 1, 3, 11, SECOND_EPOCHS,
                                             SECOND_DECAY)
    arrays, logits = with_moments(
        {name: array.astype(np.float16) for name, array in weights.items()}, files)
    facts = {'format': 1, 'epochs': found['epochs'],
             'accuracy': float(np.mean(logits[:, :10].argmax(1) == files.test_labels)),
             'no_digit_of_test_images': float(np.mean(
                 logits.argmax(1) == classifier.NO_DIGIT))}
    run_folder.write(classifier.SECOND, run_folder.pack(arrays, facts))
    facts['of_training_images'] = more(files.train_images[:10000])
    run_folder.write(classifier.SECOND, run_folder.pack(arrays, facts))
    return {**facts, 'bytes': classifier.SECOND.stat().st_size,
            'seconds': found['seconds'], 'environment': environment}


def more(images) -> dict:
    """Return the newer figures of images, bytes or in [0, 1]."""
    x = images / np.float32(255) if images.dtype == np.uint8 else images
    features, logits = classifier.classify(classifier.load()[0], x)
    return evaluate.measure_more(evaluate.Images(x, None), features, logits.argmax(1))


def rejected(files) -> dict:
    """Return the share of each kind of spoilt test digits that is no digit."""
    w, x = classifier.load(classifier.SECOND)[0], files.test_images / np.float32(255)
    found = {}
    for kind in spoilt.LEARNED + spoilt.UNSEEN:
        images = kind(x, files.test_labels, np.random.RandomState(0))
        answers = classifier.classify(w, images)[1].argmax(1)
        found[kind.__name__] = round(float(np.mean(answers == classifier.NO_DIGIT)), 4)
    return found


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('which', nargs='?', choices=['both', 'second'], default='both')
    files, out = mnist.read(), HERE / 'classifier.json'
    both = parser.parse_args().which == 'both'
    found = first(files) if both else json.loads(out.read_text())
    found['second'] = second(files)
    store(files, found, both)


def store(files, found, both) -> None:
    """Write classifier.json, with the figures of what is no digit."""
    rng = np.random.RandomState(0)
    noise = rng.uniform(size=(10000, 28, 28))
    if both:
        found['of_uniform_noise'] = evaluate.measure(evaluate.Images(noise, None))
    shuffled = spoilt.scrambled(files.test_images / np.float32(255), None, rng)
    found['second'].update(
        of_test_images=more(files.test_images), of_uniform_noise=more(noise),
        of_scrambled_digits=more(shuffled), rejected=rejected(files))
    (HERE / 'classifier.json').write_bytes(run_folder.as_json(found))


if __name__ == '__main__':
    main()
