from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from simulator.night import Night
from simulator.sky import star_catalogue
from simulator.targets import FIELD_AT_POLE, FIELD_AT_ZERO, ORION_NEBULA, Target

ReadWCS = Callable[[fits.Header], WCS]
HALF = 5


def isolated(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Tell which stars stand inside the image with no other star in their neighbourhood."""
    distance = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    np.fill_diagonal(distance, np.inf)
    edge = HALF + 2
    inside = (x > edge) & (y > edge) & (x < shape[1] - edge - 1) & (y < shape[0] - edge - 1)
    return inside & (distance.min(axis=1) > 2 * HALF)


def stamp(image: np.ndarray, x: float, y: float) -> tuple[np.ndarray, int, int]:
    """Cut out the surroundings of a star and take off the background at their rim."""
    column, row = round(x), round(y)
    cut = image[row - HALF : row + HALF + 1, column - HALF : column + HALF + 1].astype(float)
    rim = np.concatenate([cut[0], cut[-1], cut[:, 0], cut[:, -1]])
    return cut - np.median(rim), column - HALF, row - HALF


def centroid(image: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Measure a star's centre by first moments under a Gaussian weight, repeated until it stands still."""
    cut, left, low = stamp(image, x, y)
    rows, columns = np.mgrid[: cut.shape[0], : cut.shape[1]]
    found = np.array([x - left, y - low])
    for _ in range(30):
        weight = cut * np.exp(-0.5 * ((columns - found[0]) ** 2 + (rows - found[1]) ** 2) / 1.5**2)
        moment = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        # Object and weight share the shift; twice the step of the weighted moment speeds it up.
        found = found + 1.8 * (moment - found)
    return left + float(found[0]), low + float(found[1])


def check_stars(image: np.ndarray, wcs: WCS, target: Target, brightest: float, at_least: int) -> None:
    stars = star_catalogue(target, 1)
    sky = SkyCoord(stars.ra, stars.dec, unit="deg", frame="fk5")
    x, y = wcs.world_to_pixel(sky)
    usable = np.flatnonzero(isolated(x, y, image.shape) & (stars.magnitude < brightest))
    assert len(usable) >= at_least
    for star in usable:
        found = centroid(image, x[star], y[star])
        assert found == pytest.approx((x[star], y[star]), abs=0.1)


@pytest.mark.parametrize(
    ("target", "frames"), [(ORION_NEBULA, 5), (FIELD_AT_ZERO, 2), (FIELD_AT_POLE, 2)], ids=lambda value: str(value)[:30]
)
def test_stars_of_raw_images_sit_where_the_wcs_says(night: Night, wcs_of: ReadWCS, target: Target, frames: int) -> None:
    paths = [
        path
        for path in night.raw_frames
        if path.name.startswith("QHAWA.") and fits.getheader(path)["OBJECT"] == target.name
    ]
    assert len(paths) == frames
    for path in paths:
        with fits.open(path) as hdus:
            check_stars(hdus[0].data, wcs_of(hdus[0].header), target, 19, 15)


def test_stars_sit_right_on_each_of_the_four_infrared_detectors(night: Night, wcs_of: ReadWCS) -> None:
    paths = [
        path
        for path in night.raw_frames
        if path.name.startswith("HAWKI.") and fits.getheader(path)["OBJECT"] == ORION_NEBULA.name
    ]
    assert len(paths) == 4
    with fits.open(paths[0]) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["CHIP1.INT1", "CHIP2.INT1", "CHIP4.INT1", "CHIP3.INT1"]
        for hdu in hdus[1:]:
            check_stars(hdu.data, wcs_of(hdu.header), ORION_NEBULA, 18.3, 2)


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("QHAWAQ_M_42_r", ORION_NEBULA),
        ("QHAWAQ_M_42_g", ORION_NEBULA),
        ("QHAWAQ_QSF", FIELD_AT_ZERO),
        ("QHAWAQ_SCP", FIELD_AT_POLE),
    ],
)
def test_stars_of_reduced_images_sit_where_the_wcs_says(
    product: Callable[[str], Path], wcs_of: ReadWCS, start: str, target: Target
) -> None:
    with fits.open(product(start)) as hdus:
        check_stars(hdus[0].data, wcs_of(hdus[0].header), target, 19, 15)


def test_stars_of_the_reduced_infrared_mosaic_sit_where_the_wcs_says(
    product: Callable[[str], Path], wcs_of: ReadWCS
) -> None:
    with fits.open(product("HAWKI_M_42")) as hdus:
        for hdu in hdus[1:]:
            check_stars(hdu.data, wcs_of(hdu.header), ORION_NEBULA, 18.3, 2)


@pytest.mark.parametrize("start", ["QHAWAQ_M_42_r", "QHAWAQ_QSF", "QHAWAQ_SCP"])
def test_the_wcs_leads_to_the_sky_and_back(product: Callable[[str], Path], wcs_of: ReadWCS, start: str) -> None:
    header = fits.getheader(product(start))
    wcs = wcs_of(header)
    y, x = np.mgrid[0 : header["NAXIS2"] : 60, 0 : header["NAXIS1"] : 60]
    back = wcs.world_to_pixel(wcs.pixel_to_world(x, y))
    assert np.allclose(back, (x, y), atol=1e-6)
    scale = np.abs(np.linalg.det(wcs.pixel_scale_matrix)) ** 0.5 * 3600
    assert scale == pytest.approx(0.36)
    assert np.linalg.det(wcs.pixel_scale_matrix) < 0  # east is left of north


def test_zero_point_and_fluxes_give_the_magnitudes_of_the_catalogue(
    product: Callable[[str], Path], wcs_of: ReadWCS
) -> None:
    stars = star_catalogue(ORION_NEBULA, 1)
    with fits.open(product("QHAWAQ_M_42_r")) as hdus:
        header, image = hdus[0].header, hdus[0].data
        x, y = wcs_of(header).world_to_pixel(SkyCoord(stars.ra, stars.dec, unit="deg", frame="fk5"))
        usable = np.flatnonzero(isolated(x, y, image.shape) & (stars.magnitude > 16) & (stars.magnitude < 18.5))
        assert len(usable) > 5
        for star in usable:
            flux = stamp(image, x[star], y[star])[0].sum()
            assert -2.5 * np.log10(flux) + header["PHOTZP"] == pytest.approx(stars.magnitude[star], abs=0.1)


def test_twilight_flats_are_evenly_bright_and_biases_are_dark(night: Night) -> None:
    levels = {}
    for path in night.raw_frames:
        if path.name.startswith("QHAWA."):
            with fits.open(path) as hdus:
                levels.setdefault(hdus[0].header["ESO DPR TYPE"], []).append(np.median(hdus[0].data))
    assert all(300 < level < 320 for level in levels["BIAS"] + levels["DARK"])
    assert all(10_000 < level < 30_000 for level in levels["FLAT,SKY"])
