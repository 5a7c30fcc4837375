"""The generator of a run folder, of any page: its noise and its images. NumPy only."""

from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from tf1gan import InputError, descriptions, interpreter, run_folder

AT_ONCE = 250       # images


def draw_noise(description: descriptions.Description, rng: np.random.RandomState,
               n: int) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Draw `n` noise vectors by a description's law, and digits where it has labels.

    The draws are those of the page's own `noise`.
    """
    law, labels = description['noise'], description['labels']
    ends = [law[name] for name in descriptions.LAWS[law['law']]]
    z = getattr(rng, law['law'])(*ends, size=(n, law['size']))
    return z, rng.randint(labels, size=n) if labels else None


class Generator:
    """A trained generator, as a function from noise to images, in inference mode.

    `n_labels` says how many labels it knows; 0 where it takes noise only.

    Raises: InputError when the folder is no run, or one that trained no generator.
    """

    def __init__(self, folder: Path):
        self.weights, self.meta = run_folder.load_checkpoint(folder)
        self.description = descriptions.of(self.meta, folder)
        if not descriptions.trains(self.description, 'G'):
            raise InputError(f'{folder}: expected a run that trained a generator, '
                             'found one of D alone; name another run')
        self.n_labels: int = self.description['labels']
        n_pixels = np.prod(self.description['images']['shape'])
        if n_pixels != 784:
            raise InputError(f'{folder}: expected a run whose images have 28 x 28 '
                             f'pixels, found {n_pixels} pixels; name another run')
        try:        # whether the weights are those of the description
            with np.errstate(all='ignore'):
                self(np.zeros((1, self.description['noise']['size'])),
                     np.zeros(1, int) if self.n_labels else None)
        except Exception as error:      # a hostile file can fail in any way
            found = ' '.join(f'{type(error).__name__}: {error}'.split())[:200]
            raise InputError(f'{folder}: expected the weights of its generator, found '
                             f'others ({found}); name another run')

    def noise(self, rng: np.random.RandomState, n: int) -> np.ndarray:
        """Draw `n` noise vectors, [n, size]."""
        return draw_noise(self.description, rng, n)[0]

    def __call__(self, noise: np.ndarray,
                 digits: Optional[np.ndarray] = None) -> np.ndarray:
        """Return the images of `noise`, [n, 28, 28] in [0, 1], of the `digits` asked.

        Raises: InputError when the noise is not [n, size], when the digits are not n of
        those that it knows, or when it knows none and gets some.
        """
        from tqdm import tqdm       # on a terminal, for what takes more than a second
        n, low, high = len(noise), *self.description['images']['range']
        size = self.description['noise']['size']
        if np.shape(noise)[1:] != (size,):
            raise InputError(f'expected noise [n, {size}], found {np.shape(noise)}; '
                             'draw it with `noise(rng, n)`')
        known = range(self.n_labels)
        if (digits is None) == bool(known) or known and (
                np.shape(digits) != (n,) or not np.isin(digits, known).all()):
            wanted = f'{n} digits beside the noise, 0 to {known[-1]}' if known else \
                'noise alone, for this generator knows no labels'
            found = 'none' if digits is None else f'{np.asarray(digits).ravel()[:3]}'
            raise InputError(f'expected {wanted}, found {found}; call it with those')
        asked = None if digits is None else np.eye(self.n_labels)[digits]
        parts = [interpreter.draw(self.description, self.weights, noise[i:i + AT_ONCE],
                                  None if asked is None else asked[i:i + AT_ONCE])
                 for i in tqdm(range(0, n, AT_ONCE), 'images drawn', disable=None,
                               leave=False, delay=1)]
        return (np.concatenate(parts).reshape(n, 28, 28) - low) / (high - low)
