"""The vanilla tutorial as one plain script: the oracle of test_vanilla.py.

Written from the tutorial's facts, with TensorFlow's own MNIST loader; it imports
nothing of this project, and the project imports nothing of it.

    python tests/plain_vanilla.py DATA OUT SEED EPOCHS [THREADS]

prints the tutorial's line an epoch and leaves in OUT the PNGs, `losses.npy` (every
step's D and G loss, [steps, 2]), `seconds.npy` (the start of every step and the end of
the last one) and `weights.npz` (every variable, Adam's slots too).
"""
import logging
import os
import sys
import time

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
import matplotlib                                                     # noqa: E402
matplotlib.use('Agg')
import matplotlib.pyplot as plt                                       # noqa: E402
import numpy as np                                                    # noqa: E402
import tensorflow as tf                                               # noqa: E402
logging.getLogger('tensorflow').setLevel(logging.ERROR)
from tensorflow.contrib.learn.python.learn.datasets.mnist import (    # noqa: E402
    read_data_sets)

data, out, seed, total_epoch = (
    sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
threads = int(sys.argv[5]) if len(sys.argv) > 5 else 0

tf.set_random_seed(seed)
loader_says, sys.stdout = sys.stdout, sys.stderr    # the loader prints "Extracting ..."
mnist = read_data_sets(data, one_hot=True)
sys.stdout = loader_says

batch_size = 100
learning_rate = 0.0002
n_hidden = 256
n_input = 28 * 28
n_noise = 128

X = tf.placeholder(tf.float32, [None, n_input])
Z = tf.placeholder(tf.float32, [None, n_noise])

G_W1 = tf.Variable(tf.random_normal([n_noise, n_hidden], stddev=0.01))
G_b1 = tf.Variable(tf.zeros([n_hidden]))
G_W2 = tf.Variable(tf.random_normal([n_hidden, n_input], stddev=0.01))
G_b2 = tf.Variable(tf.zeros([n_input]))

D_W1 = tf.Variable(tf.random_normal([n_input, n_hidden], stddev=0.01))
D_b1 = tf.Variable(tf.zeros([n_hidden]))
D_W2 = tf.Variable(tf.random_normal([n_hidden, 1], stddev=0.01))
D_b2 = tf.Variable(tf.zeros([1]))


def generator(noise):
    hidden = tf.nn.relu(tf.matmul(noise, G_W1) + G_b1)
    return tf.nn.sigmoid(tf.matmul(hidden, G_W2) + G_b2)


def discriminator(inputs):
    hidden = tf.nn.relu(tf.matmul(inputs, D_W1) + D_b1)
    return tf.nn.sigmoid(tf.matmul(hidden, D_W2) + D_b2)


G = generator(Z)
D_gene = discriminator(G)
D_real = discriminator(X)

loss_D = tf.reduce_mean(tf.log(D_real) + tf.log(1 - D_gene))
loss_G = tf.reduce_mean(tf.log(D_gene))

train_D = tf.train.AdamOptimizer(learning_rate).minimize(
    -loss_D, var_list=[D_W1, D_b1, D_W2, D_b2])
train_G = tf.train.AdamOptimizer(learning_rate).minimize(
    -loss_G, var_list=[G_W1, G_b1, G_W2, G_b2])

sess = tf.Session(config=tf.ConfigProto(
    intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))
sess.run(tf.global_variables_initializer())

total_batch = int(mnist.train.num_examples / batch_size)
all_losses, seconds = [], []

np.random.seed(seed)
for epoch in range(total_epoch):
    for i in range(total_batch):
        seconds.append(time.perf_counter())
        batch_xs, batch_ys = mnist.train.next_batch(batch_size)
        noise = np.random.normal(size=(batch_size, n_noise))
        _, loss_val_D = sess.run([train_D, loss_D], feed_dict={X: batch_xs, Z: noise})
        _, loss_val_G = sess.run([train_G, loss_G], feed_dict={Z: noise})
        all_losses.append((loss_val_D, loss_val_G))

    seconds.append(time.perf_counter())
    print('Epoch: %04d D loss: %.4f G loss: %.4f' % (epoch, loss_val_D, loss_val_G))

    if epoch == 0 or (epoch + 1) % 10 == 0:
        sample_size = 10
        noise = np.random.normal(size=(sample_size, n_noise))
        samples = sess.run(G, feed_dict={Z: noise})
        fig, ax = plt.subplots(1, sample_size, figsize=(sample_size, 1))
        for i in range(sample_size):
            ax[i].set_axis_off()
            ax[i].imshow(np.reshape(samples[i], (28, 28)))
        plt.savefig(os.path.join(out, '{}.png'.format(str(epoch).zfill(3))),
                    bbox_inches='tight')
        plt.close(fig)

np.save(os.path.join(out, 'losses.npy'), np.array(all_losses))
np.save(os.path.join(out, 'seconds.npy'), np.array(seconds).reshape(total_epoch, -1))
np.savez(os.path.join(out, 'weights.npz'), *sess.run(tf.global_variables()))
