import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from simulator.night import Night, simulate_night


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """All files of one night."""
    return simulate_night(date(2024, 3, 10), tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="session")
def raw_headers(night: Night) -> dict[str, fits.Header]:
    """Primary headers of the night's raw frames by file name, in time order."""
    return {path.name: fits.getheader(path) for path in night.raw_frames}


@pytest.fixture(scope="session")
def product(night: Night) -> Callable[[str], Path]:
    """Finds the product whose name starts with some text and has no companion's ending."""

    def find(start: str) -> Path:
        (path,) = [
            path
            for path in night.products
            if path.name.startswith(start) and not path.stem.endswith(("_weight", "_white"))
        ]
        return path

    return find


@pytest.fixture(scope="session")
def wcs_of() -> Callable[[fits.Header], WCS]:
    """Reads a WCS without the remarks of astropy on RADECSYS and dates, which real raw headers earn too."""

    def read(header: fits.Header) -> WCS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FITSFixedWarning)
            return WCS(header)

    return read
