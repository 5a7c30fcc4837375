"""Train the digit classifier of tf1gan.evaluate: make classifier

    python experiments/classifier/train.py

A small convolutional network on MNIST's 60,000 training images, shifted by up to two
pixels each time they are seen; TensorFlow 1.15, seed 0. Writes tf1gan/classifier.npz:
the weights, the mean and covariance of the features of the 10,000 test images, and the
figures of real images (the Frechet distance of 10,000 training images from the test
images; the distance of test images to the nearest training image). Writes also
classifier.json beside this file: the accuracy, and the figures of uniform noise.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tf1gan import classifier, command, evaluate, loop, mnist   # noqa: E402
from tf1gan import run_folder   # noqa: E402

tf = loop.tf
EPOCHS, BATCH, RATE, KEEP = 20, 100, 0.001, 0.5
SHIFT = 2       # pixels


def weight(shape, fan_in, name):
    """Return a weight from He's normal law."""
    return tf.Variable(tf.random_normal(shape, stddev=np.sqrt(2 / fan_in)), name=name)


def build():
    """Return (placeholders, logits, train op, weights) in a fresh graph."""
    tf.set_random_seed(0)
    X = tf.placeholder(tf.float32, [None, 28, 28, 1])       # in [0, 1]
    Y = tf.placeholder(tf.int64, [None])
    keep, rate = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    w = {'W1': weight([5, 5, 1, 16], 25, 'W1'), 'b1': tf.Variable(tf.zeros([16])),
         'W2': weight([5, 5, 16, 32], 400, 'W2'), 'b2': tf.Variable(tf.zeros([32])),
         'W3': weight([7 * 7 * 32, 64], 1568, 'W3'), 'b3': tf.Variable(tf.zeros([64])),
         'W4': weight([64, 10], 64, 'W4'), 'b4': tf.Variable(tf.zeros([10]))}
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


def main() -> None:
    """Train, measure and write."""
    files, rng = mnist.read(), np.random.RandomState(0)
    x, test = ((images[..., None] / np.float32(255)).astype(np.float32)
               for images in (files.train_images, files.test_images))
    with tf.Graph().as_default(), tf.Session() as sess:
        (X, Y, keep, rate), logits, train, w = build()
        sess.run(tf.global_variables_initializer())
        began = time.time()
        for epoch in range(EPOCHS):
            order = rng.permutation(len(x))
            for start in range(0, len(x), BATCH):
                rows = order[start:start + BATCH]
                sess.run(train, {X: shifted(x[rows], rng), Y: files.train_labels[rows],
                                 keep: KEEP, rate: RATE * 0.8 ** epoch})
            found = np.concatenate([sess.run(logits, {X: test[i:i + 1000], keep: 1})
                                    for i in range(0, len(test), 1000)])
            accuracy = float(np.mean(found.argmax(1) == files.test_labels))
            print(f'epoch {epoch}: {accuracy:.4f}, {time.time() - began:.0f} s',
                  flush=True)
        weights, environment = sess.run(w), command.environment(sess, None)
    features, theirs = classifier.classify(weights, test)
    floor = classifier.classify(weights, x[:10000])[0]
    mean, covariance = classifier.moments(features)
    distance = classifier.frechet(classifier.moments(floor), (mean, covariance))
    arrays = {**weights, 'test_mean': mean, 'test_covariance': covariance}
    agree = float(np.abs(theirs - found).max())
    nearest = evaluate.nearest(test[:evaluate.N_NEAREST], x)[1]
    facts = {'format': 1, 'accuracy': accuracy, 'frechet_of_training_images': distance,
             'nearest_of_test_images': float(np.median(nearest)), 'epochs': EPOCHS,
             'largest_difference_of_logits': agree}
    run_folder.write(classifier.FILE, run_folder.pack(arrays, facts))
    seconds = round(time.time() - began)
    noise = evaluate.measure(evaluate.Images(
        np.random.RandomState(0).uniform(size=(10000, 28, 28)), None))
    (HERE / 'classifier.json').write_bytes(run_folder.as_json({
        **facts, 'bytes': classifier.FILE.stat().st_size, 'seconds': seconds,
        'of_uniform_noise': noise, 'environment': environment}))
    print(json.dumps(facts))


if __name__ == '__main__':
    main()
