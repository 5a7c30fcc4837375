"""Installs tf1gan: its NumPy-only parts everywhere, with TensorFlow 1.15 below 3.8.

`tf1gan[tf2]` has TensorFlow 2 on the Pythons after that; `tf1gan[dev]` has what the
tests and the lint take.
"""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
VERSION = re.search(r"__version__ = '(.*)'",
                    (HERE / 'tf1gan' / '__init__.py').read_text())

setup(
    name='tf1gan',
    version=VERSION.group(1),
    description='Five published MNIST GAN tutorials as TensorFlow 1.15 graphs',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The tf1gan authors',
    license='MIT (code), CC BY-SA 3.0 (tf1gan/data)',
    packages=['tf1gan', 'tf1gan.descriptions', 'tf1gan.judge', 'tf1gan.replay'],
    package_data={'tf1gan': ['py.typed', 'data/*', 'golden/*.npz', 'classifier*.npz',
                             'spread.json', 'curve.json'],
                  'tf1gan.judge': ['mistakes.csv'], 'tf1gan.replay': ['page.html']},
    entry_points={'console_scripts': ['tf1gan = tf1gan.__main__:main']},
    python_requires='>=3.6',
    install_requires=[
        'numpy',
        'matplotlib',
        'pillow>=8',
        'tensorflow==1.15.*; python_version < "3.8"',
        'tqdm',
        'protobuf<3.21; python_version < "3.8"',    # TF 1.15 sets no cap; 4 breaks it
    ],
    extras_require={
        'tf1': ['tensorflow==1.15.*; python_version < "3.8"'],
        # The tutorials where 1.15 cannot run, in graph mode.
        'tf2': ['tensorflow>=2.12,<2.22; python_version >= "3.8"'],
        'dev': ['pytest', 'pytest-xdist', 'hypothesis', 'flake8']},
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in range(6, 14)),
        'Topic :: Scientific/Engineering :: Artificial Intelligence'],
)
