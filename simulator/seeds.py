"""Random numbers that depend on the seed and on what they are for, never on the order of the work."""

import hashlib

import numpy as np


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """Return a generator of its own for one purpose.

    Parameters
    ----------
    seed
        The seed of the simulation, not negative.
    purpose
        What the numbers are for, such as a file name; equal purposes give equal numbers.
    """
    digest = hashlib.sha256("|".join(map(str, purpose)).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
