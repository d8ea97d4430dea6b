"""Master calibrations of one night, made of its simulated calibration frames."""

import numpy as np
from numpy.typing import NDArray

from simulator.detector import Pixels, without_scan
from simulator.exposure import Exposure
from simulator.frames import EXPOSE
from simulator.observatory import Detector, Instrument, Kind

FloatArray = NDArray[np.float64]

FLATS = (Kind.FLAT, Kind.TWILIGHT_FLAT)


class Calibrations:
    """Collects calibration frames and reduces science frames with them; what was not taken is assumed to be ideal.

    Parameters
    ----------
    seed
        Of the simulation.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._frames: dict[tuple[str, Kind, str], list[tuple[Exposure, list[Pixels]]]] = {}

    def add(self, exposure: Exposure, pixels: list[Pixels]) -> None:
        """Keep a frame if science frames are reduced with its kind."""
        if exposure.kind in (Kind.BIAS, Kind.DARK, *FLATS):
            key = _key(exposure.instrument, exposure.kind, exposure.setup.filter)
            self._frames.setdefault(key, []).append((exposure, pixels))

    def reduce(self, exposure: Exposure, pixels: list[Pixels], number: int) -> FloatArray:
        """Take bias, dark current and uneven sensitivity out of one detector's pixels.

        Parameters
        ----------
        number
            Index of the detector in its instrument.

        Returns
        -------
        reduced
            ADU of one integration, shape (ny, nx).
        """
        detector = exposure.instrument.detectors[number]
        light = without_scan(pixels[number], detector) - self._level(exposure.instrument, number, exposure.dit)
        reduced: FloatArray = light / self._flat(exposure.instrument, number, exposure.setup.filter)
        return reduced

    def _level(self, instrument: Instrument, number: int, dit: float) -> FloatArray:
        detector = instrument.detectors[number]
        level = np.full((detector.ny, detector.nx), detector.bias)
        biases = self._frames.get(_key(instrument, Kind.BIAS), [])
        if biases:
            level = np.mean([without_scan(pixels[number], detector) for _, pixels in biases], axis=0)
        darks = self._frames.get(_key(instrument, Kind.DARK), [])
        if darks:
            mean = np.mean([without_scan(pixels[number], detector) for _, pixels in darks], axis=0)
            level = level + (mean - level) * (dit / darks[0][0].dit)
        return level

    def _flat(self, instrument: Instrument, number: int, filter_name: str) -> FloatArray:
        """Return the sensitivity of the pixels, about 1: flat frames over the light that lamp or twilight sent."""
        detector = instrument.detectors[number]
        frames = [frame for kind in FLATS for frame in self._frames.get(_key(instrument, kind, filter_name), [])]
        ratios = [self._sensitivity(exposure, pixels, number, detector) for exposure, pixels in frames]
        return np.mean(ratios, axis=0) if ratios else np.ones((detector.ny, detector.nx))

    def _sensitivity(self, exposure: Exposure, pixels: list[Pixels], number: int, detector: Detector) -> FloatArray:
        sent = EXPOSE[exposure.instrument.name](exposure, number, self._seed)
        assert sent is not None
        level = self._level(exposure.instrument, number, exposure.dit)
        received = (without_scan(pixels[number], detector) - level) * detector.conad
        return np.where(sent > 100, received / np.maximum(sent, 100), 1.0)


def _key(instrument: Instrument, kind: Kind, filter_name: str = "") -> tuple[str, Kind, str]:
    """Biases and darks serve all filters."""
    return instrument.name, kind, filter_name if kind in FLATS else ""
