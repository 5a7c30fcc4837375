"""tf1gan.dcgan in JAX: python jax_dcgan.py mine.npz

Replays the golden trace's steps with its weights and dropout masks, on images and noise
of its own, and writes its own trace, for `python -m tf1gan.compare dcgan mine.npz`.
Weights are dicts of arrays with the trace's names, and lie as TensorFlow has them, as
do images [n, height, width, channels]: no layouts.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tf1gan import mnist, trace

# On an accelerator JAX multiplies float32 more coarsely than TensorFlow, unless told.
jax.config.update('jax_default_matmul_precision', 'highest')


def adam(rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """Return Adam with its epsilon where TensorFlow 1 and Keras have it.

    That is beside the uncorrected root; optax.adam has it beside the corrected one.
    """
    beta1, beta2 = np.float32(beta1), np.float32(beta2)     # 1 - beta2 rounds with it

    def init(weights):
        zeros = jax.tree.map(jnp.zeros_like, weights)
        return optax.ScaleByAdamState(jnp.zeros([], jnp.int32), zeros, zeros)

    def update(gradients, state, weights=None):
        t, m, v = state.count + 1, state.mu, state.nu
        m = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), m, gradients)
        v = jax.tree.map(lambda v, g: v + (1 - beta2) * (g * g - v), v, gradients)
        rate_t = rate * jnp.sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        changes = jax.tree.map(lambda m, v: -rate_t * m / (jnp.sqrt(v) + epsilon), m, v)
        return changes, optax.ScaleByAdamState(t, m, v)

    return optax.GradientTransformation(init, update)


def conv(x, W, b, stride):
    """Return the convolution of images [n, height, width, in] by W [5, 5, in, out].

    SAME is TensorFlow's: with a stride of 2 the odd pixel is below and to the right.
    """
    return b + jax.lax.conv_general_dilated(
        x, W, (stride, stride), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def upsample(x):
    """Return images with every pixel doubled both ways."""
    return x.repeat(2, 1).repeat(2, 2)


def batch_norm(x, G, averages, name, training):
    """Return `x`, normalized over all but its last axis, and its new moving averages.

    The moving variance takes in the biased one of [n, units] and the unbiased one of
    images, as TensorFlow 1.15 has it; in inference mode there are no new averages.
    """
    keys = f'{name}_mean', f'{name}_variance'
    (mean, variance), moved = (averages[key] for key in keys), {}
    if training:
        axes, n = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        taken_in = mean, (variance * n / (n - 1) if x.ndim == 4 else variance)
        moved = {key: averages[key] + (1 - 0.99) * (value - averages[key])
                 for key, value in zip(keys, taken_in)}
    x = (x - mean) / jnp.sqrt(variance + 1e-3)
    return x * G[f'{name}_gamma'] + G[f'{name}_beta'], moved


def generator(G, averages, z, training):
    """Return images [n, 28, 28, 1] in (-1, 1) of noise, and the new moving averages."""
    x = jax.nn.leaky_relu(z @ G['G_W1'] + G['G_b1'], 0.2)   # [n, 7 * 7 * wide]
    x, moved1 = batch_norm(x, G, averages, 'G_norm1', training)
    x = upsample(x.reshape(len(x), 7, 7, -1))               # [n, 14, 14, wide]
    x = conv(x, G['G_W2'], G['G_b2'], 1)                    # [n, 14, 14, narrow]
    x, moved2 = batch_norm(x, G, averages, 'G_norm2', training)
    x = upsample(jax.nn.leaky_relu(x, 0.2))                 # [n, 28, 28, narrow]
    x = jnp.tanh(conv(x, G['G_W3'], G['G_b3'], 1))
    return x, {**averages, **moved1, **moved2}


def discriminator(D, x, masks):
    """Return logits [n, 1] of images [n, 28, 28, 1], with dropout by its masks."""
    x = jax.nn.leaky_relu(conv(x, D['D_W1'], D['D_b1'], 2), 0.2) * masks[0]
    x = jax.nn.leaky_relu(conv(x, D['D_W2'], D['D_b2'], 2), 0.2) * masks[1]
    return x.reshape(len(x), -1) @ D['D_W3'] + D['D_b3']    # of [n, 7 * 7 * wide]


def bce(logits, target):
    """Return the mean binary cross-entropy (nats) against a constant target."""
    return jnp.mean(optax.sigmoid_binary_cross_entropy(
        logits, jnp.full_like(logits, target)))


def loss_D_real(D, X, masks):
    """Return D's loss on images, and what is recorded on the way."""
    logits = discriminator(D, X, masks)
    return bce(logits, 1), {'logit': {'D_real': logits}}


def loss_D_fake(D, G, averages, Z, masks):
    """Return D's loss on fakes by the moving averages, and what is recorded."""
    fake, _ = generator(G, averages, Z, training=False)
    logits = discriminator(D, fake, masks)
    return bce(logits, 0), {'fake': {'G': fake}, 'logit': {'D_gene': logits}}


def loss_G(G, averages, D, Z, masks):
    """Return G's loss, what is recorded, and under `averages` the new moving ones."""
    fake, averages = generator(G, averages, Z, training=True)
    logits = discriminator(D, fake, masks)
    return bce(logits, 1), {'fake': {'G': fake}, 'logit': {'D_gene': logits},
                            'averages': averages}


def updater(loss, optimizer):
    """Return the update of a player's weights, the first argument of `loss`."""
    @jax.jit
    def update(mine, state, *others):
        (value, seen), gradients = jax.value_and_grad(loss, has_aux=True)(mine, *others)
        changes, state = optimizer.update(gradients, state)
        return (optax.apply_updates(mine, changes), state,
                {**seen, 'loss': value, 'grad': gradients})

    return update


def put(update, seen, state, weights):
    """Record what an update saw and did."""
    for kind, value in {**seen, 'adam_m': state.mu, 'adam_v': state.nu,
                        'after': weights}.items():
        update.put(kind, value)


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden)
    config = replay.config
    n, n_noise = config['batch_size'], config['n_noise']
    weights = jax.tree.map(jnp.asarray, replay.weights())
    averages = {name: weights.pop(name) for name in list(weights)
                if name.endswith(('_mean', '_variance'))}
    G, D = ({name: w for name, w in weights.items() if name[0] == player}
            for player in 'GD')
    replay.start({**G, **averages, **D})

    optimizer = adam(config['learning_rate'], beta1=0.5)    # one law, a state each
    state_D, state_G = optimizer.init(D), optimizer.init(G)
    update_D_real, update_D_fake, update_G = (
        updater(loss, optimizer) for loss in (loss_D_real, loss_D_fake, loss_G))
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        files.train_images[..., None].astype(np.float32) / 255 * 2 - 1,
        np.eye(10)[files.train_labels], rng)
    for step in range(replay.n_steps):
        x, _ = images.next_batch(n, replace=True)
        update = replay.update(step, 'D_real')
        X, masks = update.feed('X', x), [update.mask('1'), update.mask('2')]
        D, state_D, seen = update_D_real(D, state_D, X, masks)
        put(update, seen, state_D, {**G, **averages, **D})

        z = rng.normal(size=(n, n_noise)).astype(np.float32)
        update = replay.update(step, 'D_fake')
        Z, masks = update.feed('Z', z), [update.mask('1'), update.mask('2')]
        D, state_D, seen = update_D_fake(D, state_D, G, averages, Z, masks)
        put(update, seen, state_D, {**G, **averages, **D})

        update = replay.update(step, 'G')
        Z, masks = update.feed('Z', z), [update.mask('1'), update.mask('2')]
        G, state_G, seen = update_G(G, state_G, averages, D, Z, masks)  # the same noise
        averages = seen.pop('averages')
        put(update, seen, state_G, {**G, **averages, **D})
        if step % 200 == 0:     # the picture's noise
            rng.normal(size=(25, n_noise))
    return replay


if __name__ == '__main__':
    port('dcgan').save(sys.argv[1])
