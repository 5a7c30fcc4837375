"""tf1gan.collapse in JAX: python jax_collapse.py mine.npz

Replays the golden trace's steps with its weights, on images and noise of its own, and
writes its own trace, for `python -m tf1gan.compare collapse mine.npz`. The rung of the
ladder is that of the trace. Weights are dicts of arrays with the trace's names, and lie
as TensorFlow has them: no layouts.
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


def mse(p, target):
    """Return the mean squared error against a constant target."""
    return jnp.mean((p - target) ** 2)


def network(weights, player, x):
    """Return what a network makes of `x` [n, inputs]; a sigmoid follows elsewhere.

    Rung 1 has a sigmoid; the others normalize, after the activation.
    """
    W1, b1, W2, b2 = (weights[f'{player}_{name}'] for name in ('W1', 'b1', 'W2', 'b2'))
    hidden = x @ W1 + b1                                    # [n, n_hidden]
    if f'{player}_gain' not in weights:
        return jax.nn.sigmoid(hidden) @ W2 + b2
    hidden = jax.nn.leaky_relu(hidden, 0.02)
    mean = jnp.mean(hidden, 1, keepdims=True)
    variance = jnp.var(hidden, 1, keepdims=True)            # the biased one
    hidden = (hidden - mean) / jnp.sqrt(variance + 1e-5)
    return (hidden * weights[f'{player}_gain'] + weights[f'{player}_shift']) @ W2 + b2


def loss_D_real(D, X, loss):
    """Return D's loss on images, and what is recorded on the way."""
    logits = network(D, 'D', X)
    return loss(jax.nn.sigmoid(logits), 1), {'logit': {'D_real': logits}}


def loss_D_fake(D, G, Z, loss):
    """Return D's loss on G's images, and what is recorded on the way."""
    fake = jax.nn.sigmoid(network(G, 'G', Z))
    logits = network(D, 'D', fake)
    return (loss(jax.nn.sigmoid(logits), 0),
            {'fake': {'G': fake}, 'logit': {'D_gene': logits}})


def loss_G(G, D, Z, loss):
    """Return G's loss, and what is recorded on the way."""
    fake = jax.nn.sigmoid(network(G, 'G', Z))
    logits = network(D, 'D', fake)
    return (loss(jax.nn.sigmoid(logits), 1),
            {'fake': {'G': fake}, 'logit': {'D_gene': logits}})


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
    if isinstance(state, optax.ScaleByAdamState):
        seen = {**seen, 'adam_m': state.mu, 'adam_v': state.nu}
    for kind, value in {**seen, 'after': weights}.items():
        update.put(kind, value)


def port(golden):
    """Train as the tutorial does, for the golden trace's steps; return the replay."""
    replay = trace.Replay(golden)
    n, rung = replay.config['batch_size'], replay.config['rung']
    weights = jax.tree.map(jnp.asarray, replay.weights())
    G, D = ({name: w for name, w in weights.items() if name[0] == player}
            for player in 'GD')
    replay.start({**G, **D})

    # One law, a state each.
    optimizer, loss = (optax.sgd(0.01), mse) if rung == 1 else (adam(1e-4), bce)
    state_D, state_G = optimizer.init(D), optimizer.init(G)
    update_D_real, update_D_fake, update_G = (
        updater(functools.partial(each, loss=loss), optimizer)
        for each in (loss_D_real, loss_D_fake, loss_G))
    rng = np.random.RandomState(replay.seed)
    files = mnist.read()
    images = mnist.DataSet(files.train_images.reshape(-1, 784).astype(np.float32) / 255,
                           np.eye(10)[files.train_labels], rng)

    def draw_noise(n):
        size = n, 1 if rung < 3 else 100
        z = rng.normal(size=size) if rung == 4 else rng.uniform(size=size)
        return z.astype(np.float32)

    for step in range(replay.n_steps):
        if step % (images.num_examples // n) == 0:      # an epoch's picture
            draw_noise(6)
        x, _ = images.next_batch(n, shuffle=False)      # in the order of the file
        update = replay.update(step, 'D_real')
        X = update.feed('X', x)
        D, state_D, seen = update_D_real(D, state_D, X)
        put(update, seen, state_D, {**G, **D})

        update = replay.update(step, 'D_fake')
        Z = update.feed('Z', draw_noise(n))
        D, state_D, seen = update_D_fake(D, state_D, G, Z)
        put(update, seen, state_D, {**G, **D})

        update = replay.update(step, 'G')
        Z = update.feed('Z', draw_noise(n))     # fresh noise
        G, state_G, seen = update_G(G, state_G, D, Z)
        put(update, seen, state_G, {**G, **D})
    return replay


if __name__ == '__main__':
    port('collapse').save(sys.argv[1])
