"""What this machine can run: `python -m tf1gan.doctor`. Runs without TensorFlow too.

A GPU runs the tutorials in one of three ways: TensorFlow 1.15 in the default image or
in NVIDIA's, by its compute capability, or TensorFlow 2 in graph mode.
"""

import ctypes
import os
import platform
import re
import sys
from typing import List, NamedTuple, Tuple

from tf1gan import OLDEST_2

NEWER = 'nvcr.io/nvidia/tensorflow:23.03-tf1-py3'
OLDEST = 3, 5           # compute capability that the default image (CUDA 10.0) knows,
NEWEST_DEFAULT = 7, 5   # and the newest that it knows
NEWEST = 9, 0           # the newest that NEWER knows
OF_2 = (6, 0), (9, 0)   # the oldest and the newest that TensorFlow 2's wheels know
WAY_OF_2 = 'TensorFlow 2: `make vanilla ENV=gpu`'


class GPU(NamedTuple):
    """A GPU as its driver describes it."""

    name: str
    capability: Tuple[int, int]     # compute capability: (7, 5)


def gpus() -> List[GPU]:
    """Return the GPUs that the NVIDIA driver shows, without starting any of them.

    TensorFlow is not asked: CUDA 10 can take minutes over a GPU that it is too old for.
    """
    try:
        cuda = ctypes.CDLL('libcuda.so.1')
    except OSError:
        return []
    count, device, value = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []
    found = []
    for index in range(count.value):
        cuda.cuDeviceGet(ctypes.byref(device), index)
        label = ctypes.create_string_buffer(100)
        cuda.cuDeviceGetName(label, len(label), device)
        capability = []
        for attribute in 75, 76:    # the driver's numbers: capability, major and minor
            cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
            capability.append(value.value)
        found.append(GPU(label.value.decode(), (capability[0], capability[1])))
    return found


def advice(gpu: GPU) -> str:
    """Return which of the three ways runs on `gpu`."""
    if gpu.capability < OLDEST:
        return 'too old for TensorFlow 1.15: run on the CPU, without --gpus'
    if gpu.capability <= NEWEST_DEFAULT:
        return 'the default image runs on it'
    if gpu.capability <= NEWEST:
        return ('too new for the default image (CUDA 10.0): build with '
                f'--build-arg BASE={NEWER} and run with -e NVIDIA_TF32_OVERRIDE=0; or '
                f'take {WAY_OF_2}')
    return ('too new for any TensorFlow 1.15 image and for the wheels of TensorFlow 2 '
            'that we know: run on the CPU, without --gpus')


def main() -> int:
    """Print what was found, and return 0 where the tutorials run, else 1."""
    print(f'Python      {platform.python_version()}, {platform.system()} '
          f'{platform.machine()}')
    try:
        import numpy
        print(f'NumPy       {numpy.__version__}')
    except ImportError:
        print('NumPy       not installed')
    version, cuda = '', False
    try:
        os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
        os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')     # as tf1gan.tf1 has it
        import tensorflow as tf
        version, cuda = tf.__version__, tf.test.is_built_with_cuda()
        print(f'TensorFlow  {version}, {"CUDA" if cuda else "CPU"} build')
    except Exception as error:      # a broken installation fails in many ways
        print(f'TensorFlow  cannot be imported ({type(error).__name__}: {error})')
    seen = gpus()
    for gpu in seen:
        print(f'GPU         {gpu.name}, compute capability {gpu.capability[0]}.'
              f'{gpu.capability[1]}: {advice(gpu)}')
    if not seen:
        print('GPU         none that the NVIDIA driver shows (in Docker: run with '
              '--gpus all)')
    runs, verdict = judge(version, cuda, seen)
    print(f'Verdict     {verdict}')
    return 0 if runs else 1


def judge(version: str, cuda: bool, seen: List[GPU]) -> Tuple[bool, str]:
    """Return whether the tutorials run here as things are, and a sentence on it.

    `version` is TensorFlow's, empty where there is none; `cuda` says whether it is a
    CUDA build; `seen` holds the GPUs.
    """
    second = re.match(r'2\.(\d+)\.', version)
    second = second is not None and int(second.group(1)) >= OLDEST_2[1]
    if not second and not version.startswith('1.15'):
        return False, ('the tutorials need TensorFlow 1.15 (Python 3.6 or 3.7), or '
                       '{}.{} and later in graph mode: use `make vanilla` or the '
                       'container; the NumPy-only parts run here'.format(*OLDEST_2))
    how = ', in the graph mode of TensorFlow 2: not with the bits of 1.15'
    how = how if second else ''
    if not cuda or not seen:
        return True, f'the tutorials run here, on the CPU{how}'
    # Only NVIDIA's own build of TF 1.15 exists for Python 3.8 and later.
    newer = 'NVIDIA_TENSORFLOW_VERSION' in os.environ or sys.version_info >= (3, 8)
    oldest, newest = OF_2 if second else (OLDEST, NEWEST if newer else NEWEST_DEFAULT)
    if all(oldest <= gpu.capability <= newest for gpu in seen):
        return True, f'the tutorials run here, on the GPU{how}'
    return False, ('the TensorFlow here does not know every GPU here: do what the GPU '
                   'line says, or hide them with CUDA_VISIBLE_DEVICES=')


if __name__ == '__main__':
    sys.exit(main())
