"""Write a run's generator for another framework: `tf1gan export RUN --to onnx`.

    savedmodel   TensorFlow 1.15 and 2: a folder, with the signature serving_default
    keras        Keras 3: a .keras file, a model of Keras's own layers
    torch        PyTorch: a .pt2 file of torch.export
    onnx         ONNX: a file of opset 17
    safetensors  the weights alone, by their names; the description as metadata
    npz          the weights alone, as a run folder for tf1gan itself: NumPy only

The first four draw. They take noise [n, size], float32, and after it, where the
generator takes labels, the digits [n], int64. They return images [n, 28, 28], float32,
in [0, 1], as `tf1gan.generator.Generator` does: in inference mode. Where inputs and
outputs have names, these are noise, labels and images. What is written follows the
run's description. A format takes its own framework, and no other.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from tf1gan import (InputError, __version__, descriptions, flags, interpreter,
                    run_folder, tf1)
from tf1gan.generator import Generator
from tf1gan.tape import Tape

Ops = Dict[str, Callable]       # by a layer's op: of its input, and of what it holds
HALVES = 'npz', 'safetensors'   # formats that can hold float16


# --- What is written ------------------------------------------------------------------

class Net(NamedTuple):
    """A generator as a framework is given it: `plan` says how."""

    layers: List[descriptions.Layer]
    weights: interpreter.Arrays
    n_noise: int
    n_labels: int               # 0: it takes none


def plan(generate: Generator) -> Net:
    """Return a generator with every size known, and without what only training needs.

    A layer holds what its op takes: `around` is a convolution's padding [before,
    after], `by` how often a pixel is repeated downwards and to the right, `planes` the
    layers that bring one-hot labels into the shape to be joined. Every variance is
    biased. The last layers make images in [0, 1].

    Raises: InputError when a layer_norm takes something else than vectors.
    """
    description, n_labels = generate.description, generate.n_labels
    given, n_noise = description['networks']['G'], description['noise']['size']
    weights = {name: np.asarray(generate.weights[name], np.float32)
               for name in descriptions.names(given)}
    tape = Tape(np.float32)
    how = interpreter.Pass({name: tape.node(weights[name]) for name in weights},
                           tape.node(np.eye(1, n_labels)))
    interpreter.forward(given, tape.node(np.zeros([1, n_noise])), how)
    shapes = [[n_noise], *(list(each.shape[1:]) for each in how.seen)]
    layers = []
    for each, takes, gives in zip(given, shapes, shapes[1:]):
        op = each['op']
        layer = {part: each[part] for part in ('op', *descriptions.LAYERS[op])
                 if part in (*descriptions.WEIGHTS, 'op', 'epsilon', 'slope', 'stride')}
        if op == 'conv':
            layer['around'] = interpreter.padding(each, takes[0],
                                                  len(weights[each['W']]))
        elif op == 'layer_norm':
            if len(takes) > 1:
                raise InputError('expected a layer_norm of vectors, found one of '
                                 f'{takes}; this generator cannot be exported')
            if each['unbiased']:
                less, name = (takes[0] - 1) / takes[0], f'{each["gain"]}_unbiased'
                weights[name] = weights[each['gain']] * np.float32(less ** 0.5)
                layer.update(gain=name, epsilon=each['epsilon'] * less)
        elif op == 'labels':
            layer['planes'] = [{'op': 'reshape', 'shape': [1, 1, n_labels]},
                               {'op': 'upsample', 'by': takes[:2]}][:len(takes) - 1]
        elif op == 'reshape':
            layer['shape'] = gives
        elif op == 'transpose':
            layer['axes'] = [1 + axis for axis in each['axes']]
        elif op == 'upsample':
            layer['by'] = [each['factor']] * 2
        if op != 'dropout':
            layers.append(layer)
    low, high = description['images']['range']
    layers += [{'op': 'reshape', 'shape': [28, 28]},
               {'op': 'affine', 'scale': 1 / (high - low), 'shift': low / (low - high)}]
    return Net(layers[:None if (low, high) != (0, 1) else -1], weights, n_noise,
               n_labels)


def walk(layers: List[descriptions.Layer], ops: Ops, w: Dict[str, Any], x: Any,
         one_hot: Any) -> Any:
    """Return what a framework's ops make of `x`; `w` has its weights by their names."""
    for layer in layers:
        held = {part: w[value] if isinstance(value, str) else value
                for part, value in layer.items() if part != 'op'}
        if 'planes' in held:
            held = {'labels': walk(held['planes'], ops, w, one_hot, None)}
        x = ops[layer['op']](x, **held)
    return x


# --- The formats ----------------------------------------------------------------------

def tensorflow_ops(tf) -> Ops:
    """Return every layer in TensorFlow 1."""
    def layer_norm(x, gain, shift, epsilon):
        # Careful: with oneDNN, TensorFlow 2.21 takes what tf.nn.moments and
        # tf.nn.batch_normalization make here for a LayerNorm of epsilon 0.001.
        apart = x - tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(apart * apart, -1, keepdims=True)
        return apart * tf.rsqrt(variance + epsilon) * gain + shift

    return {
        'dense': lambda x, W, b: tf.matmul(x, W) + b,
        'conv': lambda x, W, b, stride, around: tf.nn.conv2d(
            tf.pad(x, [[0, 0], around, around, [0, 0]]), W, stride, 'VALID') + b,
        'batch_norm': lambda x, gamma, beta, mean, variance, epsilon:
            tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon),
        'layer_norm': layer_norm,
        'leaky_relu': lambda x, slope: tf.nn.leaky_relu(x, slope),
        'relu': tf.nn.relu, 'sigmoid': tf.sigmoid, 'tanh': tf.tanh,
        'labels': lambda x, labels: tf.concat([x, labels], -1),
        'reshape': lambda x, shape: tf.reshape(x, [-1, *shape]),
        'transpose': lambda x, axes: tf.transpose(x, [0, *axes]),
        'upsample': lambda x, by: tf.repeat(tf.repeat(x, by[0], 1), by[1], 2),
        'affine': lambda x, scale, shift: x * scale + shift}


def to_savedmodel(generate: Generator, path: Path) -> None:
    """Write TensorFlow's folder; its variables have their own names."""
    net = plan(generate)
    try:
        tf = tf1.load()
    except SystemExit as error:
        raise InputError(f'--to savedmodel: {error}')
    with tf.Graph().as_default(), tf.Session(config=tf1.session_config()) as sess:
        w = {name: tf.Variable(tf.zeros(array.shape), name=name, use_resource=True)
             for name, array in net.weights.items()}
        inputs = {'noise': tf.placeholder(tf.float32, [None, net.n_noise], 'noise')}
        one_hot = None
        if net.n_labels:
            inputs['labels'] = tf.placeholder(tf.int64, [None], 'labels')
            one_hot = tf.gather(np.eye(net.n_labels, dtype=np.float32),
                                inputs['labels'])
        images = tf.identity(walk(net.layers, tensorflow_ops(tf), w, inputs['noise'],
                                  one_hot), 'images')
        for name, array in net.weights.items():
            w[name].load(array, sess)
        tf.saved_model.simple_save(sess, str(path), inputs, {'images': images})


def keras_ops(make) -> Ops:
    """Return every layer in Keras 3, of its `keras.layers`."""
    def given(layer, x, *weights):
        y = layer(x)
        layer.set_weights(weights)
        return y

    return {
        'dense': lambda x, W, b: given(make.Dense(len(b)), x, W, b),
        'conv': lambda x, W, b, stride, around: given(
            make.Conv2D(len(b), W.shape[:2], stride),
            make.ZeroPadding2D([around, around])(x), W, b),
        'batch_norm': lambda x, gamma, beta, mean, variance, epsilon: given(
            make.BatchNormalization(epsilon=epsilon), x, gamma, beta, mean, variance),
        'layer_norm': lambda x, gain, shift, epsilon: given(
            make.LayerNormalization(epsilon=epsilon), x, gain, shift),
        'leaky_relu': lambda x, slope: make.LeakyReLU(slope)(x),
        **{name: lambda x, name=name: make.Activation(name)(x)
           for name in ('relu', 'sigmoid', 'tanh')},
        'labels': lambda x, labels: make.Concatenate()([x, labels]),
        'reshape': lambda x, shape: make.Reshape(shape)(x),
        'transpose': lambda x, axes: make.Permute(axes)(x),
        'upsample': lambda x, by: make.UpSampling2D(by)(x),
        'affine': lambda x, scale, shift: make.Rescaling(scale, shift)(x)}


def to_keras(generate: Generator, path: Path) -> None:
    """Write a .keras file: a model of one input, or of two."""
    import keras
    net = plan(generate)
    inputs, one_hot = [keras.Input([net.n_noise], name='noise')], None
    if net.n_labels:
        inputs.append(keras.Input([], dtype='int64', name='labels'))
        rows = keras.layers.Embedding(net.n_labels, net.n_labels, trainable=False)
        one_hot = rows(inputs[1])
        rows.set_weights([np.eye(net.n_labels)])
    images = walk(net.layers, keras_ops(keras.layers), net.weights, inputs[0], one_hot)
    keras.Model(inputs, images, name='generator').save(str(path))


def torch_ops(torch) -> Ops:
    """Return every layer in PyTorch; between them the channels come last."""
    make = torch.nn.functional

    def conv(x, W, b, stride, around):
        x = make.pad(x.movedim(-1, 1), around * 2)
        return make.conv2d(x, W.permute(3, 2, 0, 1), b, stride).movedim(1, -1)

    return {
        'dense': lambda x, W, b: x @ W + b, 'conv': conv,
        'batch_norm': lambda x, gamma, beta, mean, variance, epsilon: make.batch_norm(
            x.movedim(-1, 1), mean, variance, gamma, beta, eps=epsilon).movedim(1, -1),
        'layer_norm': lambda x, gain, shift, epsilon: make.layer_norm(
            x, gain.shape, gain, shift, epsilon),
        'leaky_relu': lambda x, slope: make.leaky_relu(x, slope),
        'relu': torch.relu, 'sigmoid': torch.sigmoid, 'tanh': torch.tanh,
        'labels': lambda x, labels: torch.cat([x, labels], -1),
        'reshape': lambda x, shape: x.reshape(-1, *shape),
        'transpose': lambda x, axes: x.permute(0, *axes),
        'upsample': lambda x, by: x.repeat_interleave(by[0], 1).repeat_interleave(
            by[1], 2),
        'affine': lambda x, scale, shift: x * scale + shift}


def to_torch(generate: Generator, path: Path) -> None:
    """Write a .pt2 file; its parameters have their own names."""
    import torch
    net = plan(generate)

    class Module(torch.nn.Module):
        """The generator, as torch.export follows it."""

        def __init__(self):
            super().__init__()
            self.register_buffer('one_hot', torch.eye(net.n_labels))
            for name, array in net.weights.items():
                setattr(self, name, torch.nn.Parameter(torch.tensor(array), False))

        def forward(self, noise, labels=None):
            """Return the images of noise, under labels if there are any."""
            return walk(net.layers, torch_ops(torch), dict(self.named_parameters()),
                        noise, None if labels is None else self.one_hot[labels])

    some = (torch.zeros(2, net.n_noise), torch.zeros(2, dtype=torch.int64)
            )[:1 + bool(net.n_labels)]
    n = torch.export.Dim('n')
    torch.export.save(torch.export.export(
        Module(), some, dynamic_shapes=({0: n},) * len(some)), str(path))


def onnx_ops(node: Callable, hold: Callable) -> Ops:
    """Return every layer in ONNX; between them the channels come last."""
    def conv(x, W, b, stride, around):
        y = node('Conv', node('Transpose', x, perm=[0, 3, 1, 2]),
                 node('Transpose', W, perm=[3, 2, 0, 1]), b,
                 pads=around[:1] * 2 + around[1:] * 2, strides=[stride] * 2)
        return node('Transpose', y, perm=[0, 2, 3, 1])

    def batch_norm(x, gamma, beta, mean, variance, epsilon):
        deviation = node('Sqrt', node('Add', variance, hold(np.float32(epsilon))))
        y = node('Div', node('Sub', x, mean), deviation)
        return node('Add', node('Mul', y, gamma), beta)

    return {
        'dense': lambda x, W, b: node('Add', node('MatMul', x, W), b),
        'conv': conv, 'batch_norm': batch_norm,
        'layer_norm': lambda x, gain, shift, epsilon: node(
            'LayerNormalization', x, gain, shift, epsilon=epsilon),
        'leaky_relu': lambda x, slope: node('LeakyRelu', x, alpha=slope),
        **{name.lower(): lambda x, name=name: node(name, x)
           for name in ('Relu', 'Sigmoid', 'Tanh')},
        'labels': lambda x, labels: node('Concat', x, labels, axis=-1),
        'reshape': lambda x, shape: node('Reshape', x, hold(np.array([0, *shape]))),
        'transpose': lambda x, axes: node('Transpose', x, perm=[0, *axes]),
        'upsample': lambda x, by: node(
            'Resize', x, '', hold(np.float32([1, *by, 1])), mode='nearest',
            nearest_mode='floor', coordinate_transformation_mode='asymmetric'),
        'affine': lambda x, scale, shift: node(
            'Add', node('Mul', x, hold(np.float32(scale))), hold(np.float32(shift)))}


def to_onnx(generate: Generator, path: Path) -> None:
    """Write an ONNX file that ONNX's own checker takes; its weights keep their names.
    """
    import onnx
    net, helper, nodes, held = plan(generate), onnx.helper, [], []

    def node(op, *inputs, **numbers):
        name = f'{op}_{len(nodes)}'
        nodes.append(helper.make_node(op, inputs, [name], name, **numbers))
        return name

    def hold(array, name=None):
        name = name or f'constant_{len(held)}'
        held.append(onnx.numpy_helper.from_array(array, name))
        return name

    def value(name, kind, *shape):
        return helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind),
                                             ['n', *shape])

    inputs, one_hot = [value('noise', 'FLOAT', net.n_noise)], None
    if net.n_labels:
        inputs.append(value('labels', 'INT64'))
        one_hot = node('Gather', hold(np.eye(net.n_labels, dtype=np.float32)), 'labels')
    w = {name: hold(array, name) for name, array in net.weights.items()}
    walk(net.layers, onnx_ops(node, hold), w, 'noise', one_hot)
    nodes[-1].output[0] = 'images'
    graph = helper.make_graph(nodes, 'generator', inputs, [value(
        'images', 'FLOAT', 28, 28)], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)],
                              ir_version=8, producer_name='tf1gan',
                              producer_version=__version__)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def to_safetensors(generate: Generator, path: Path) -> None:
    """Write the weights, and as metadata the tutorial and the description (JSON)."""
    from safetensors.numpy import save
    path.write_bytes(save(generate.weights, {
        'tutorial': generate.meta['tutorial'],
        'description': json.dumps(generate.description)}))


def to_npz(generate: Generator, path: Path) -> None:
    """Write a run folder that `Generator`, latent and evaluate take as they do a run.

    It cannot be resumed: D, the optimizers' slots and the log are not in it.
    """
    path.mkdir()
    (path / run_folder.CHECKPOINT).write_bytes(run_folder.pack(
        generate.weights, {**generate.meta, 'rows': [], 'last': None, 'data': None}))


class Format(NamedTuple):
    """How a format is written, under which name in a run folder, and by what."""

    write: Callable[[Generator, Path], None]
    name: str
    package: Optional[str] = None       # beside TensorFlow, which tf1 looks for
    oldest: Tuple[int, int] = (0, 0)    # by its release notes; tried: ports.lock's


FORMATS = {
    'savedmodel': Format(to_savedmodel, 'savedmodel'),
    'keras': Format(to_keras, 'generator.keras', 'keras', (3, 0)),
    'torch': Format(to_torch, 'generator.pt2', 'torch', (2, 6)),
    'onnx': Format(to_onnx, 'generator.onnx', 'onnx', (1, 12)),
    'safetensors': Format(to_safetensors, 'generator.safetensors', 'safetensors',
                          (0, 3)),
    'npz': Format(to_npz, 'generator')}


# --- The command ----------------------------------------------------------------------

def check_package(to: str) -> None:
    """Raise InputError where a format's package is missing, or too old."""
    package, oldest = FORMATS[to].package, FORMATS[to].oldest
    if package is None:
        return
    try:
        version = importlib.import_module(package).__version__
        if tuple(map(int, version.split('.')[:2])) >= oldest:
            return
        found = f'version {version}'
    except ImportError as error:
        found = ' '.join(str(error).split())[:200]
    raise InputError('--to {}: expected the package {} {}.{} or later, found: {}; '
                     'install it with pip'.format(to, package, *oldest, found))


def export(run: Path, to: str, out: Optional[Path] = None, half: bool = False) -> Path:
    """Write a run's generator in a format of `FORMATS`, whole; return its path.

    `out` is a new file or folder; without it, it stands in the run folder. `half`: the
    weights in float16, in a format of `HALVES`.

    Raises: InputError when the folder is no run that trained a generator, the format's
    package is missing, the weights do not fit float16, or the path is taken or cannot
    be written.
    """
    out = out or run / FORMATS[to].name
    if half and to not in HALVES:
        raise InputError(f'--half: expected --to {" or ".join(HALVES)} with it, found '
                         f'--to {to}; leave it out')
    if os.path.lexists(str(out)):
        raise InputError(f'{out}: expected a new path, found one that is taken; name '
                         'another one with --out')
    generate = Generator(run)
    dtype = np.float16 if half else np.float32
    with np.errstate(over='ignore'):
        generate.weights = {name: generate.weights[name].astype(dtype) for name in
                            descriptions.names(generate.description['networks']['G'])}
    large = [name for name, array in generate.weights.items() if np.isinf(array).any()]
    if large:
        raise InputError(f'--half: expected weights that fit {dtype.__name__}, found '
                         f'larger ones in {large[0]}; leave it out')
    check_package(to)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.export-', dir=str(out.parent)) as new:
            made = Path(new) / FORMATS[to].name
            FORMATS[to].write(generate, made)
            made.rename(out)
    except OSError as error:
        raise InputError(f'{out}: expected a path that can be written, found: '
                         f'{error.strerror or error}; name another one with --out')
    return out


def main() -> int:
    """Write what the command line asks for; return the exit status."""
    parser = flags.Parser(prog='python -m tf1gan.export', allow_abbrev=False,
                          description=__doc__.splitlines()[0])
    parser.add_argument('run', metavar='RUN', help='a run folder')
    parser.add_argument('--to', required=True, choices=list(FORMATS), metavar='FORMAT',
                        help=', '.join(FORMATS))
    parser.add_argument('--out', metavar='PATH', type=flags.path,
                        help='the file or the folder, new (default: in RUN)')
    parser.add_argument('--half', action='store_true', help='write float16, half the '
                        f'bytes, where the format is {" or ".join(HALVES)}')
    try:
        options = parser.parse_args()
        flags.show(str(export(Path(options.run), options.to,
                              Path(options.out) if options.out else None,
                              options.half)))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
