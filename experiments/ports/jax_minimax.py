"""tf1gan.minimax in JAX: python jax_minimax.py mine.npz

Replays the golden trace's steps with its weights, on images and noise of its own, and
writes its own trace, for `python -m tf1gan.compare minimax mine.npz`. Weights are dicts
of arrays with the trace's names, and lie as TensorFlow has them: no layouts.
"""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tf1gan import mnist, trace

# On an accelerator JAX multiplies float32 more coarsely than TensorFlow, unless told.
jax.config.update('jax_default_matmul_precision', 'highest')


def adam(rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Return Adam with its epsilon where TensorFlow 1 has it.

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


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def bce(p, target):
    """Return torch's BCELoss (nats) against a constant target.

    Its logs end at -100. It has its own slope too, so a sure `p` gives no NaN.
    """
    return -jnp.mean(target * jnp.maximum(jnp.log(p), -100)
                     + (1 - target) * jnp.maximum(jnp.log(1 - p), -100))


@bce.defjvp
def bce_slope(target, primals, tangents):
    """Return the loss and how it moves; the denominator ends at 1e-12."""
    (p,), (dp,) = primals, tangents
    return bce(p, target), jnp.mean(
        (p - target) / jnp.maximum(p * (1 - p), 1e-12) * dp)


def generator(G, z):
    """Return images [n, 784] in (-1, 1) of noise [n, n_noise]."""
    hidden = jax.nn.relu(z @ G['G_W1'] + G['G_b1'])         # [n, n_hidden]
    return jnp.tanh(hidden @ G['G_W2'] + G['G_b2'])


def discriminator(D, x):
    """Return logits [n, 1] of images [n, 784]; a sigmoid follows elsewhere."""
    hidden = jax.nn.relu(x @ D['D_W1'] + D['D_b1'])         # [n, n_hidden]
    return hidden @ D['D_W2'] + D['D_b2']


def loss_D(D, G, X, Z):
    """Return D's loss, and what is recorded on the way."""
    fake = generator(G, Z)
    real, gene = discriminator(D, X), discriminator(D, fake)
    loss = bce(jax.nn.sigmoid(real), 1) + bce(jax.nn.sigmoid(gene), 0)
    return loss, {'fake': {'G': fake}, 'logit': {'D_real': real, 'D_gene': gene}}


def loss_G(G, D, Z, saturating):
    """Return G's loss by either objective, and what is recorded on the way."""
    fake = generator(G, Z)
    gene = discriminator(D, fake)
    p = jax.nn.sigmoid(gene)
    loss = -bce(p, 0) if saturating else bce(p, 1)
    return loss, {'fake': {'G': fake}, 'logit': {'D_gene': gene}}


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
    G, D = ({name: w for name, w in weights.items() if name[0] == player}
            for player in 'GD')
    replay.start({**G, **D})

    optimizer = adam(config['learning_rate'])       # the same law, a state each
    state_D, state_G = optimizer.init(D), optimizer.init(G)
    update_D = updater(loss_D, optimizer)
    update_G = updater(functools.partial(
        loss_G, saturating=config['objective'] == 'saturating'), optimizer)
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(
        files.train_images.reshape(-1, 784).astype(np.float32) / 255 * 2 - 1,
        np.eye(10)[files.train_labels], rng)
    n_batches = images.num_examples // n
    for step in range(replay.n_steps):
        epoch, batch = divmod(step, n_batches)
        if batch == 0 and (epoch == 1 or epoch and epoch % 10 == 0):
            rng.normal(size=(10, n_noise))      # the picture's noise
        x, _ = images.next_batch(n)
        z = rng.normal(size=(n, n_noise)).astype(np.float32)
        update = replay.update(step, 'D')
        X, Z = update.feed('X', x), update.feed('Z', z)
        D, state_D, seen = update_D(D, state_D, G, X, Z)
        put(update, seen, state_D, {**G, **D})

        z = rng.normal(size=(n, n_noise)).astype(np.float32)    # fresh noise
        update = replay.update(step, 'G')
        Z = update.feed('Z', z)
        G, state_G, seen = update_G(G, state_G, D, Z)
        put(update, seen, state_G, {**G, **D})
    return replay


if __name__ == '__main__':
    port('minimax').save(sys.argv[1])
