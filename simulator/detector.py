"""From expected electrons to the numbers that are read out."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.exposure import Exposure
from simulator.observatory import Detector, Kind
from simulator.seeds import generator

FloatArray = NDArray[np.float64]
Pixels = NDArray[np.uint16] | NDArray[np.int32]


@lru_cache(maxsize=16)
def response(instrument: str, detector: Detector, seed: int) -> FloatArray:
    """Return the relative sensitivity of the pixels, shape (ny, nx): one per cent of grain and weak vignetting."""
    rng = generator(seed, "response", instrument, detector.chip)
    y, x = np.mgrid[-1 : 1 : detector.ny * 1j, -1 : 1 : detector.nx * 1j]
    relative: FloatArray = (1 - 0.04 * (x**2 + y**2)) * rng.normal(1.0, 0.01, (detector.ny, detector.nx))
    return relative / np.median(relative)


@lru_cache(maxsize=16)
def dark_current(instrument: str, detector: Detector, seed: int) -> FloatArray:
    """Return the dark current in electrons per second, shape (ny, nx): even, with a few hot pixels."""
    rng = generator(seed, "dark", instrument, detector.chip)
    current = np.full((detector.ny, detector.nx), detector.dark)
    hot = rng.integers(0, current.size, current.size // 4000)
    current.flat[hot] = rng.uniform(0.5, 5.0, len(hot))
    return current


def read_out(electrons: FloatArray | None, exposure: Exposure, number: int, seed: int) -> Pixels:
    """Expose and read out one detector.

    Parameters
    ----------
    electrons
        Shape (ny, nx): electrons per pixel expected from light in one integration, for a perfectly even detector; None
        without light.
    number
        Index of the detector in its instrument.
    seed
        Of the simulation.

    Returns
    -------
    pixels
        ADU, shape (ny, scan + nx + scan). Unsigned 16-bit detectors saturate at 65535; signed 32-bit ones give the
        mean of the integrations.
    """
    instrument, detector = exposure.instrument, exposure.instrument.detectors[number]
    rng = generator(seed, exposure.dp_id, number)
    expected = np.zeros((detector.ny, detector.nx))
    if electrons is not None:
        expected += electrons * response(instrument.name, detector, seed)
    if exposure.kind is not Kind.BIAS:
        expected += dark_current(instrument.name, detector, seed) * exposure.dit
    collected = rng.poisson(expected * exposure.ndit) / exposure.ndit
    adu = np.full((detector.ny, detector.nx + 2 * detector.scan), detector.bias)
    adu[:, detector.scan : detector.scan + detector.nx] += collected / detector.conad
    noise = detector.ron / detector.conad / np.sqrt(exposure.ndit)
    adu = np.rint(adu + rng.normal(0.0, noise, adu.shape))
    if detector.bitpix == 16:
        unsigned: NDArray[np.uint16] = np.clip(adu, 0, 65535).astype(np.uint16)
        return unsigned
    signed: NDArray[np.int32] = adu.astype(np.int32)
    return signed


def without_scan(pixels: Pixels | FloatArray, detector: Detector) -> FloatArray:
    """Cut off pre- and overscan."""
    return pixels[:, detector.scan : detector.scan + detector.nx].astype(np.float64)
