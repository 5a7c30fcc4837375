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
training image. The second: all that facts.py measures). Writes also classifier.json
beside this file: the accuracy, and the figures of uniform noise.
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
