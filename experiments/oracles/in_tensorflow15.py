"""The source of `vanilla` in its own release, TensorFlow 1.5.0.

    python in_tensorflow15.py TRACE OUT

The graph is that of the plain script, tests/plain_vanilla.py, at the trace's sizes.
Takes the steps of a trace (a path, or `vanilla` for the golden one) from its weights,
images and noise, and writes what came out as a trace.
"""

import os
import sys
from pathlib import Path

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'        # before the import
import tensorflow as tf         # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tf1gan import trace        # noqa: E402


def plain_graph(config):
    """Return what the plain script names, of its numbers and its graph."""
    script = (ROOT / 'tests' / 'plain_vanilla.py').read_text()
    starts = [script.index(words) for words in (
        'batch_size = ', 'X = tf.placeholder', 'sess = tf.Session')]
    names = {'tf': tf}
    exec(script[starts[0]:starts[1]], names)
    names.update({name: config[name] for name in ('n_hidden', 'n_input', 'n_noise')})
    exec(script[starts[1]:starts[2]], names)
    return names


def main(given, out):
    """Take the steps."""
    replay = trace.Replay(given)
    names = plain_graph(replay.config)
    weights = {name: names[name] for name in replay.weights()}
    config = tf.ConfigProto(intra_op_parallelism_threads=1,
                            inter_op_parallelism_threads=1)
    with tf.Session(config=config) as sess:
        sess.run(tf.global_variables_initializer())
        for name, value in replay.weights().items():
            weights[name].load(value, sess)
        replay.start(sess.run(weights))
        for update in replay:
            player = update.name
            mine = {name: variable for name, variable in weights.items()
                    if name[0] == player}
            loss = names['loss_' + player]
            gradients = tf.gradients(-loss, list(mine.values()))
            feed = {names['Z']: update.feed('Z')}
            logits = {'D_gene': names['D_gene'].op.inputs[0]}
            if player == 'D':
                feed[names['X']] = update.feed('X')
                logits['D_real'] = names['D_real'].op.inputs[0]
            before = sess.run([{'G': names['G']}, logits, dict(zip(mine, gradients))],
                              feed)
            for kind, arrays in zip(('fake', 'logit', 'grad'), before):
                update.put(kind, arrays)
            update.put('loss', sess.run([names['train_' + player], loss], feed)[1])
            update.put('after', sess.run(weights))
    replay.save(out, tensorflow=tf.__version__)


if __name__ == '__main__':
    main(*sys.argv[1:])
