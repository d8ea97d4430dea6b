from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ingest.pipeline import Pipeline
from schema.truth import Truth
from storage.local import LocalStore

WriteFits = Callable[..., Path]


@pytest.fixture
def pipeline(truth: Truth, tmp_path: Path) -> Pipeline:
    """Pipeline of an empty archive."""
    return Pipeline(
        engine=truth.engine,
        store=LocalStore(tmp_path / "archive" / "store"),
        quarantine=LocalStore(tmp_path / "archive" / "quarantine", "quarantine"),
        authority="toy.example",
        workers=1,
    )


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Folder for files to take in."""
    folder = tmp_path / "night"
    folder.mkdir()
    return folder


@pytest.fixture
def write_fits(night: Path) -> WriteFits:
    """Writes a FITS file with an image of zeros: name, cards, shape, what the pixels hold."""

    def write(name: str, shape: tuple[int, ...] = (4, 5), fill: int = 0, **cards: object) -> Path:
        hdu = fits.PrimaryHDU(np.full(shape, fill, np.int16))
        for keyword, value in cards.items():
            hdu.header[keyword] = value
        path = night / name
        hdu.writeto(path)
        return path

    return write


@pytest.fixture(scope="session")
def real_fits() -> Path:
    """Folder of the real files."""
    root = os.environ.get("QUIPU_TESTDATA")
    folder = Path(root or "/nowhere") / "data" / "fits"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("QUIPU_TESTDATA does not name the folder with the real files.")
        pytest.skip("QUIPU_TESTDATA does not name the folder with the real files.")
    return folder
