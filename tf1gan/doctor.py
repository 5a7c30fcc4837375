"""What this machine can run: `python -m tf1gan.doctor`. Runs without TensorFlow too.

A GPU runs the tutorials in one of three ways: TensorFlow 1.15 in the default image or
in NVIDIA's, by its compute capability, or TensorFlow 2 in graph mode.
"""

import argparse
import ctypes
import importlib
import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from tf1gan import OLDEST_2

NEWER = 'nvcr.io/nvidia/tensorflow:23.03-tf1-py3'
OLDEST = 3, 5           # compute capability that the default image (CUDA 10.0) knows,
NEWEST_DEFAULT = 7, 5   # and the newest that it knows
NEWEST = 9, 0           # the newest that NEWER knows
OF_2 = (6, 0), (9, 0)   # the oldest and the newest that TensorFlow 2's wheels know
IN_CHECKOUT = (Path(__file__).resolve().parent.parent / 'Makefile').is_file()
WAY_OF_2 = 'TensorFlow 2: ' + (
    '`make vanilla ENV=gpu`' if IN_CHECKOUT else "`pip install 'tensorflow[and-cuda]'`")


# Operations a cycle and core of the widest instructions that a processor has.
WIDEST = ('avx512f', 64, 'AVX-512'), ('fma', 32, 'AVX2'), ('avx', 16, 'AVX')


class GPU(NamedTuple):
    """A GPU as its driver describes it."""

    name: str
    capability: Tuple[int, int]     # compute capability: (7, 5)


def gpus() -> List[GPU]:
    """Return the GPUs that the NVIDIA driver shows, without starting any of them.

    TensorFlow is not asked: with a GPU newer than itself CUDA 10 can take minutes.
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


def cpu() -> str:
    """Return what Linux says of the first processor: maker, name, MHz, flags."""
    try:
        return Path('/proc/cpuinfo').read_text().partition('\n\n')[0]
    except OSError:
        return ''


def is_mkl() -> bool:
    """Return whether the TensorFlow here is Intel's MKL build of 1.15."""
    from tensorflow.python import pywrap_tensorflow
    return getattr(pywrap_tensorflow, 'IsMklEnabled', bool)()


def products(n: int = 768, seconds: float = 0.4) -> Dict[str, Any]:
    """Return the rate of TensorFlow's matrix products, in GFLOP/s, and its most.

    The most is that of the cores, MHz and widest instructions that Linux names; where
    it names none it is left out. A processor may run faster than its MHz.
    """
    from tf1gan.tf1 import tf
    with tf.Graph().as_default() as graph:
        factor = tf.Variable(tf.ones([n, n]))
        product = tf.matmul(factor, factor).op
        with tf.Session(graph=graph) as sess:
            sess.run(factor.initializer)
            best, end = float('inf'), time.perf_counter() + seconds
            while time.perf_counter() < end:
                began = time.perf_counter()
                sess.run(product)
                best = min(best, time.perf_counter() - began)
    found = {'gflops': round(2e-9 * n ** 3 / best, 1), 'mkl': is_mkl(),
             'mkl_cpu_type': os.environ.get('MKL_DEBUG_CPU_TYPE')}
    mhz = re.search(r'^cpu MHz\s*: ([\d.]+)', cpu(), re.MULTILINE)
    flags = cpu().rpartition('flags')[2].split()
    for flag, operations, name in WIDEST if mhz else ():
        if flag in flags:
            cores = len(os.sched_getaffinity(0))
            return {**found, 'widest': name, 'at_most': round(
                1e-3 * cores * float(mhz.group(1)) * operations, 1)}
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


def look() -> Dict[str, Any]:
    """Return what is found here, for machines: versions, GPUs and the verdict."""
    found = {'python': platform.python_version(), 'system': platform.system(),
             'machine': platform.machine(), 'numpy': None, 'tensorflow': None}
    try:
        import numpy
        found['numpy'] = numpy.__version__
    except ImportError:
        pass
    version, cuda = '', False
    try:
        importlib.import_module('tf1gan.tf1')   # sets what TensorFlow's import reads
        import tensorflow as tf
        version, cuda = tf.__version__, tf.test.is_built_with_cuda()
        found.update(tensorflow=version, cuda_build=cuda)
    except Exception as error:      # a broken installation fails in many ways
        found['tensorflow_error'] = f'{type(error).__name__}: {error}'
    seen = gpus()
    found['gpus'] = [{'name': gpu.name, 'capability': '{}.{}'.format(*gpu.capability),
                      'advice': advice(gpu)} for gpu in seen]
    found['runs'], found['verdict'] = judge(version, cuda, seen)
    if found['runs'] and found['numpy'] and not (cuda and seen):
        found['products'] = products()
    return found


def text(found: Dict[str, Any]) -> List[str]:
    """Return the lines of what `look` found."""
    rate = found.get('products', {})
    built = ('CUDA' if found.get('cuda_build') else "Intel's MKL" if rate.get('mkl')
             else 'CPU')
    path = ', its path for AVX2 on AMD' * bool(rate.get('mkl')
                                               and rate['mkl_cpu_type'])
    most = (f' of at most {rate["at_most"]:.0f} ({rate["widest"]})'
            if 'at_most' in rate else '')
    return [
        f'Python      {found["python"]}, {found["system"]} {found["machine"]}',
        f'NumPy       {found["numpy"] or "not installed"}',
        f'TensorFlow  {found["tensorflow"]}, {built} build{path}'
        if found['tensorflow'] else
        f'TensorFlow  cannot be imported ({found["tensorflow_error"]})',
        *([f'Products    {rate["gflops"]:.0f} GFLOP/s in TensorFlow{most}']
          if rate else []),
        *(f'GPU         {gpu["name"]}, compute capability {gpu["capability"]}: '
          f'{gpu["advice"]}' for gpu in found['gpus']),
        *['GPU         none that the NVIDIA driver shows (in Docker: run with --gpus '
          'all)'] * (not found['gpus']),
        f'Verdict     {found["verdict"]}']


def main() -> int:
    """Print what was found; return 0 where the tutorials run, 1 where not, 2: misused.

    The flags' own parser would need NumPy.
    """
    parser = argparse.ArgumentParser(prog='python -m tf1gan.doctor', allow_abbrev=False,
                                     description=__doc__.splitlines()[0])
    parser.add_argument('--json', action='store_true', help='print JSON, for machines')
    options, others = parser.parse_known_args()
    if others:
        print(f'expected no argument but --json, found {others[0]}; leave it out',
              file=sys.stderr)
        return 2
    found = look()
    print(json.dumps(found, indent=2) if options.json else '\n'.join(text(found)))
    return 0 if found['runs'] else 1


def judge(version: str, cuda: bool, seen: List[GPU]) -> Tuple[bool, str]:
    """Return whether the tutorials run here as things are, and a sentence on it.

    `version` is TensorFlow's, empty where there is none; `cuda` says whether it is a
    CUDA build; `seen` holds the GPUs.
    """
    second = re.match(r'2\.(\d+)\.', version)
    second = second is not None and int(second.group(1)) >= OLDEST_2[1]
    if not second and not version.startswith('1.15'):
        return False, ('the tutorials need TensorFlow 1.15 (Python 3.6 or 3.7), or '
                       '{}.{} and later in graph mode: use {} or the container; the '
                       'NumPy-only parts run here'.format(*OLDEST_2, (
                           '`make vanilla`' if IN_CHECKOUT else
                           "`pip install 'tf1gan[tf2]'`")))
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
