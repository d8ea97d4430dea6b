"""Toy spectra of lamps, sky and targets: a power-law continuum and Gaussian lines. Wavelengths are in nm, in air."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A spectral line.

    Attributes
    ----------
    wavelength
        nm, in air.
    strength
        Emission: flux in erg/s/cm2. Absorption, negative: equivalent width in nm.
    fwhm
        Intrinsic width, nm.
    """

    wavelength: float
    strength: float
    fwhm: float = 0.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A source's spectrum above the atmosphere.

    Attributes
    ----------
    continuum
        Flux density at 550 nm, erg/s/cm2/Angstrom.
    slope
        Exponent of the wavelength.
    """

    continuum: float
    slope: float = 0.0
    lines: tuple[Line, ...] = ()

    def flux_density(self, wavelength: FloatArray) -> FloatArray:
        """Return the continuum in erg/s/cm2/Angstrom; `wavelength` in nm, in air."""
        return self.continuum * (wavelength / 550.0) ** self.slope

    def flux_in_bins(self, edges: FloatArray, resolution_fwhm: FloatArray) -> FloatArray:
        """Return the flux that falls into each wavelength bin.

        Parameters
        ----------
        edges
            Shape (n + 1,), nm, in air, increasing.
        resolution_fwhm
            Shape (n,), nm: full width at half maximum of the instrument's line profile.

        Returns
        -------
        flux
            Shape (n,), erg/s/cm2.
        """
        centres = (edges[1:] + edges[:-1]) / 2
        flux: FloatArray = self.flux_density(centres) * np.diff(edges) * 10.0
        for line in self.lines:
            strength = line.strength
            if strength < 0:
                strength *= 10.0 * float(self.flux_density(np.array([line.wavelength]))[0])
            # Lines outside may still reach in with their wings.
            instrumental = float(np.interp(line.wavelength, centres, resolution_fwhm))
            flux += strength * gaussian_in_bins(edges, line.wavelength, math.hypot(line.fwhm, instrumental))
        return flux


def gaussian_in_bins(edges: FloatArray, centre: float, fwhm: float) -> FloatArray:
    """Return the part of a normalised Gaussian that falls into each bin.

    Parameters
    ----------
    edges
        Shape (n + 1,), increasing, in the unit of `centre` and `fwhm`.
    """
    sigma = fwhm / 2.3548200450309493
    near = slice(*np.searchsorted(edges, (centre - 6 * sigma, centre + 6 * sigma)))
    first, last = max(near.start - 1, 0), min(near.stop + 1, len(edges))
    cumulative = [0.5 * math.erf((edge - centre) / (sigma * math.sqrt(2))) for edge in edges[first:last]]
    parts = np.zeros(len(edges) - 1)
    parts[first : last - 1] = np.diff(cumulative)
    return parts


def air_to_vacuum(wavelength: FloatArray) -> FloatArray:
    """Convert wavelengths in standard air to vacuum, nm, to 1e-5 nm between 200 and 2000 nm.

    References
    ----------
    Morton, D. C. 1991, ApJS 77, 119 (dispersion of standard air, IAU convention); inverted by iteration.
    """
    vacuum = wavelength
    for _ in range(3):
        wavenumber = (1e3 / vacuum) ** 2
        vacuum = wavelength * (1 + 6.4328e-5 + 2.94981e-2 / (146 - wavenumber) + 2.5540e-4 / (41 - wavenumber))
    return vacuum


def _lines(wavelengths: tuple[float, ...], strength: float) -> tuple[Line, ...]:
    """Give lamp lines uneven but fixed strengths around `strength`."""
    return tuple(
        Line(wavelength, strength * (0.4 + 1.2 * ((37 * number) % 11) / 11))
        for number, wavelength in enumerate(wavelengths)
    )


HELIUM = (388.865, 402.619, 447.148, 471.315, 492.193, 501.568, 587.562, 667.815, 706.519, 728.135)
NEON = (585.249, 614.306, 640.225, 667.828, 692.947, 703.241, 724.517, 837.761, 849.536, 878.062)
ARGON = (696.543, 738.398, 750.387)
XENON = (823.163, 828.012, 840.919, 881.941, 904.545)
MERCURY_CADMIUM = (479.991, 508.582, 546.074, 576.960, 579.066, 643.847)
THORIUM_ARGON = (
    371.821, 372.931, 373.789, 374.118, 376.527, 378.084, 380.308, 382.838, 385.058, 386.853, 392.862, 394.898,
    396.739, 401.386, 404.442, 407.200, 410.391,
)  # fmt: skip

ARC_LAMPS: dict[str, tuple[float, ...]] = {
    "HeNeAr": tuple(sorted({*HELIUM, *NEON[:3], *NEON[4:], *ARGON})),
    "ThAr": THORIUM_ARGON,
    "HgCd": MERCURY_CADMIUM,
    "Ne": NEON,
    "Xe": XENON,
}
"""Wavelengths of the lines that each lamp shows, nm, in air: a selection, enough to calibrate a toy."""


def arc(lamp: str, strength: float) -> Spectrum:
    """Return the spectrum of an arc lamp with lines of about `strength` (erg/s/cm2)."""
    return Spectrum(0.0, lines=_lines(ARC_LAMPS[lamp], strength))


_BALMER = (656.279, 486.135, 434.047, 410.174, 397.007, 388.905, 383.539, 379.790, 377.063)

SPECTRA: dict[str, Spectrum] = {
    "nebula": Spectrum(
        2e-16,
        -1.0,
        tuple(
            Line(wavelength, strength * 1e-14, 0.02)
            for wavelength, strength in (
                (372.603, 0.9), (372.882, 0.6), (386.876, 0.3), (397.007, 0.2), (410.174, 0.3), (434.047, 0.5),
                (486.135, 1.0), (495.891, 1.1), (500.684, 3.3), (587.562, 0.2), (656.279, 3.0), (658.346, 0.9),
                (667.815, 0.1), (671.644, 0.2), (673.082, 0.3), (706.519, 0.1), (713.580, 0.3), (906.860, 0.6),
            )
        ),
    ),
    "hot star": Spectrum(4e-13, -3.0, tuple(Line(wavelength, -0.25, 0.5) for wavelength in _BALMER)),
    "cool star": Spectrum(
        3e-13,
        1.0,
        tuple(
            Line(wavelength, -strength, width)
            for wavelength, strength, width in (
                (393.366, 0.8, 0.9), (396.847, 0.7, 0.9), (430.790, 0.5, 1.0), (517.270, 0.2, 0.5),
                (588.995, 0.08, 0.1), (589.592, 0.06, 0.1), (656.279, 0.1, 0.2),
            )
        ),
    ),
    # Mg II 279.8, [O II] 372.7 and [Ne III] 386.9 at a redshift of 0.62
    "quasar": Spectrum(
        3e-15, -0.6, (Line(453.3, 3e-14, 6.0), Line(603.8, 2e-15, 1.5), Line(626.9, 1.5e-15, 1.5))
    ),
    "standard": Spectrum(3e-14, -2.2, tuple(Line(wavelength, -0.5, 2.0) for wavelength in _BALMER[:5])),
}  # fmt: skip
"""Spectra by the name that targets use."""

NIGHT_SKY = Spectrum(
    2e-17, 0.3, (Line(557.734, 2e-15), Line(630.030, 6e-16), Line(636.378, 2e-16), Line(868.0, 1e-15, 4.0))
)
"""The sky in one square arcsec."""
