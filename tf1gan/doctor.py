"""What this machine can run: `python -m tf1gan.doctor`. Runs without TensorFlow too."""

import ctypes
import os
import platform
import sys
from typing import List, NamedTuple, Tuple

NEWER = 'nvcr.io/nvidia/tensorflow:23.03-tf1-py3'
OLDEST = 3, 5           # compute capability that the default image (CUDA 10.0) knows,
NEWEST_DEFAULT = 7, 5   # and the newest that it knows
NEWEST = 9, 0           # the newest that NEWER knows


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
    """Return which container image runs on `gpu`."""
    if gpu.capability < OLDEST:
        return 'too old for TensorFlow 1.15: run on the CPU, without --gpus'
    if gpu.capability <= NEWEST_DEFAULT:
        return 'the default image runs on it'
    if gpu.capability <= NEWEST:
        return ('too new for the default image (CUDA 10.0): build with '
                f'--build-arg BASE={NEWER} and run with -e NVIDIA_TF32_OVERRIDE=0')
    return ('too new for any TensorFlow 1.15 image that we know: run on the CPU, '
            'without --gpus')


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
    if not version.startswith('1.15'):
        return False, ('the tutorials need TensorFlow 1.15 (Python 3.6 or 3.7): use '
                       '`make vanilla` or the container; the NumPy-only parts run here')
    if not cuda or not seen:
        return True, 'the tutorials run here, on the CPU'
    # Only NVIDIA's own build of TF 1.15 exists for Python 3.8 and later.
    newer = 'NVIDIA_TENSORFLOW_VERSION' in os.environ or sys.version_info >= (3, 8)
    newest = NEWEST if newer else NEWEST_DEFAULT
    if all(OLDEST <= gpu.capability <= newest for gpu in seen):
        return True, 'the tutorials run here, on the GPU'
    return False, 'this image does not know every GPU here: do what the GPU line says'


if __name__ == '__main__':
    sys.exit(main())
