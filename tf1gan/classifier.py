"""The two digit classifiers of tf1gan.evaluate, at use: NumPy only.

experiments/classifier trains them with TensorFlow 1.15 and says how good they are.
"""

import json
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np

FILE = Path(__file__).with_suffix('.npz')
SECOND = FILE.with_name('classifier_second.npz')
NO_DIGIT = 10       # the second's eleventh class
PART = 100          # images at once: more leave the processor's cache


def load(file: Path = FILE) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Return a classifier's weights with the test images' moments, and its facts."""
    with np.load(str(file), allow_pickle=False) as content:
        arrays = {name: content[name] for name in content.files}
    meta = json.loads(str(arrays.pop('meta')))
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array
            for name, array in arrays.items()}, meta


def classify(w: Dict[str, np.ndarray],
             images: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return features [n, 64], logits [n, 10 (11)] of images [n, 28, 28(, 1)]."""
    from tqdm import tqdm       # on a terminal, for what takes more than a second
    features, starts = [], range(0, len(images), PART)
    for start in tqdm(starts, 'images classified', disable=None, leave=False, delay=1):
        x = images[start:start + PART].reshape(-1, 28, 28, 1).astype(np.float32)
        for W, b in (w['W1'], w['b1']), (w['W2'], w['b2']):
            x = np.maximum(_pooled(_conv(x, W)) + b, 0)
        features.append(np.maximum(x.reshape(len(x), -1) @ w['W3'] + w['b3'], 0))
    found = np.concatenate(features)
    return found, found @ w['W4'] + w['b4']


def _conv(x: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return the SAME convolution of stride 1, as one product of patches by weights."""
    half, (n, height, width, channels) = len(W) // 2, x.shape
    x = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)), 'constant')
    rows = np.concatenate([x[:, :, j:j + width] for j in range(len(W))], 3)
    return sum(rows[:, i:i + height].reshape(-1, len(W) * channels)
               @ W[i].reshape(len(W) * channels, -1)
               for i in range(len(W))).reshape(n, height, width, -1)


def _pooled(x: np.ndarray) -> np.ndarray:
    x = np.maximum(x[:, ::2], x[:, 1::2])       # faster than .max over two axes
    return np.maximum(x[:, :, ::2], x[:, :, 1::2])


def moments(features: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the mean [k] and the covariance [k, k] of features [n, k], in float64."""
    features = features.astype(float)
    return features.mean(0), np.cov(features, rowvar=False)


def frechet(one: Tuple[np.ndarray, np.ndarray],
            other: Tuple[np.ndarray, np.ndarray]) -> float:
    """Return the Frechet distance of two normal laws, each (mean, covariance).

    |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)).
    """
    values, vectors = np.linalg.eigh(one[1])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    between = np.linalg.eigvalsh(root @ other[1] @ root)
    return float(((one[0] - other[0]) ** 2).sum() + np.trace(one[1])
                 + np.trace(other[1]) - 2 * np.sqrt(np.maximum(between, 0)).sum())
