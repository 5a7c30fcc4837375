"""Record what Keras makes of `dcgan` and `conditional`: a few steps of each.

    python record_keras.py [FOLDER]

with Keras 3 (the files here: see their `meta`) writes keras3_<tutorial>.npz into FOLDER
(this script's own by default). The test calls `record` with the Keras of TF 1.15. What
both start from is stated in stated_conv.py. In a file stand, for each step and update,

    step_000/D/loss         scalar, before the update
    step_000/D/grad/D_W1    of the network that moves
    step_000/D/after/D_W1   all its variables after the update, moving averages too
    step_000/fakes          [n, 28, 28, 1], of G in inference mode
    meta                    JSON: versions

and of arrays above 4,096 elements only `stated.sample`.
"""

import json
import sys
from pathlib import Path

import keras_models
import numpy as np
from stated import sample
from stated_conv import N_STEPS, SHAPES, UPDATES, stated


def record(name, keras, gradients):
    """Return the arrays by key.

    `gradients(model, variables, inputs, target)` returns a loss and its gradients.
    """
    start, arrays = stated(name), {}
    G, D, both = getattr(keras_models, name)(keras, masks=True)
    variables = {}
    for model in G, D:
        names = [variable for variable in SHAPES[name]
                 if variable[0] == ('G' if model is G else 'D')]
        model.set_weights([start.weights[variable] for variable in names])
        variables.update(zip(names, model.weights))
    one, zero = (np.full((len(start.X[0]), 1), value) for value in (1., 0.))
    for step in range(N_STEPS):
        for update in UPDATES[name]:
            fakes = None
            if update in ('D', 'D_fake'):
                z = ([start.Z_D[step], start.labels_D[step]] if name == 'conditional'
                     else start.Z_D[step])
                fakes = arrays[f'step_{step:03d}/fakes'] = G.predict(z)
            if update == 'D_real':
                model, inputs, target = D, [start.X[step]], one
            elif update == 'D_fake':
                model, inputs, target = D, [fakes], zero
            elif update == 'D':
                labels = np.concatenate([start.labels[step], start.labels_D[step]])
                model, target = D, np.concatenate([one, zero])
                inputs = [np.concatenate([start.X[step], fakes]),
                          keras_models.planes(labels)]
            elif name == 'dcgan':
                model, inputs, target = both, [start.Z_D[step]], one
            else:
                labels = start.labels_G[step]
                model, target = both, one
                inputs = [start.Z_G[step], labels, keras_models.planes(labels)]
            inputs = [*inputs, *start.masks[step][update]]
            moved = [variable for variable in variables if variable[0] == update[0]]
            trained = [variable for variable in moved
                       if not variable.endswith(('_mean', '_variance'))]
            key = f'step_{step:03d}/{update}'
            D.trainable = model is D
            arrays[f'{key}/loss'], grads = gradients(
                model, [variables[variable] for variable in trained], inputs, target)
            arrays.update({f'{key}/grad/{variable}': grad
                           for variable, grad in zip(trained, grads)})
            model.train_on_batch(inputs, target)
            values = G.get_weights() + D.get_weights()
            arrays.update({f'{key}/after/{variable}': value for variable, value
                           in zip(variables, values) if variable in moved})
    return {key: np.asarray(sample(np.asarray(array))) for key, array in arrays.items()}


def main(folder):
    """Write the files of Keras 3."""
    import keras
    import tensorflow as tf

    def gradients(model, variables, inputs, target):
        # In training mode G's moving averages would move: they are put back.
        before = model.get_weights()
        with tf.GradientTape() as tape:
            output = model(inputs, training=True)
            loss = keras.losses.BinaryCrossentropy()(target, output)
        grads = tape.gradient(loss, [variable.value for variable in variables])
        model.set_weights(before)
        return loss.numpy(), [grad.numpy() for grad in grads]

    for name in SHAPES:
        arrays = record(name, keras, gradients)
        path = folder / f'keras3_{name}.npz'
        np.savez_compressed(path, meta=json.dumps({
            'keras': keras.__version__, 'backend': 'tensorflow ' + tf.__version__,
            'numpy': np.__version__}), **arrays)
        print(path.name, path.stat().st_size)


if __name__ == '__main__':
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
