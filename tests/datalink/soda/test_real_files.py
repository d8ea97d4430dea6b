"""Cutouts of real files, against the whole file in memory."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs.utils import pixel_to_skycoord, proj_plane_pixel_scales
from slow_cuts import HalfPixels, celestial, direction, directions, open_whole

from datalink.soda.task import Refusal

# Real headers make libraries warn.
pytestmark = [pytest.mark.testdata, pytest.mark.filterwarnings("ignore")]

ON_SKY = {
    "EFOSC.2022-01-27T02:31:32.701.fits.Z", "EFOSC.2022-01-28T04:54:24.341.fits.fz",
    "EFOSC.2022-01-28T08:40:27.113.fits.fz", "EFOSC.2022-01-29T01:12:03.548.fits.Z",
    "ISAAC.2001-04-09T23:38:10.656.fits", "ISAAC.2006-04-13T06:32:38.944.fits.Z", "M17_SWex_unittest.fits", "NOT.fits",
    "P124+62.fits", "S20130126S0134.fits",
    "VLASS1.2.ql.T07t14.J084202-123000.10.2048.v1.I.iter1.image.pbcor.tt0.subim.fits",
    "VLASS2.1.cc.T10t02.J005000-023000.06.2048.v1.spw10.IQU.iter3.image.pbcor.tt0.subim.com.fits",
    "acisf07999_000N001_r0035_regevt3_srcimg.fits", "badfitskeys.mt", "checksum_false.fits",
    "coadd_2exps_LANCZSOS3_noBkgSub_AL_block100.fits.gz", "comp.fits", "dist_lookup.fits.gz", "gc_2mass_k.fits.gz",
    "hlsp_tess-data-alerts_tess_phot_00025155310-s01_tess_v1_lc.fits.gz",
    "kplr010666592-2009131110544_slc.fits.gz", "l1448_13co.fits.gz", "panstarrs-g-m61.fits.gz", "query_images.fits",
    "small_perplanebeam.fits", "subcub_mosaic.fits",
}  # fmt: skip
"""Files with an image whose celestial coordinates astropy reads."""

REGIONS = 20


def images(hdus: fits.HDUList) -> list[tuple[int, Any]]:
    """HDUs with pixels and celestial coordinates on the first two axes."""
    found = []
    for index, hdu in enumerate(hdus):
        if hdu.is_image and not isinstance(hdu, fits.GroupsHDU) and hdu.shape and all(hdu.shape):
            wcs = celestial(hdu.header, hdus)
            if wcs is not None:
                found.append((index, wcs))
    return found


@pytest.mark.parametrize("name", sorted(ON_SKY))
def test_random_circles_give_the_pixels_that_they_touch(
    name: str, real_fits: Path, cut: Callable[..., bytes | Refusal]
) -> None:
    path = real_fits / name
    whole = open_whole(path.read_bytes())
    grids = {index: HalfPixels(wcs, whole[index].shape[-1], whole[index].shape[-2]) for index, wcs in images(whole)}
    assert grids
    dice = random.Random(name)
    for _ in range(REGIONS):
        home = grids[dice.choice(list(grids))]
        x, y = dice.uniform(-0.2, 1.1) * home.nx, dice.uniform(-0.2, 1.1) * home.ny
        centre = pixel_to_skycoord(x, y, home.wcs, origin=0).icrs
        scale = float(np.mean(proj_plane_pixel_scales(home.wcs)))
        radius = scale * 10 ** dice.uniform(-1, np.log10(max(home.nx, home.ny)))
        made = cut(path, circle=f"{float(centre.ra.deg)!r} {float(centre.dec.deg)!r} {float(radius)!r}")
        check(made, whole, grids, direction(centre), np.radians(radius))


def check(
    made: bytes | Refusal, whole: fits.HDUList, grids: dict[int, HalfPixels], centre: np.ndarray, radius: float
) -> None:
    expected = {index: grid.touched(centre, radius) for index, grid in grids.items()}
    if isinstance(made, Refusal):
        assert made.kind == "empty", made
        assert not any(expected.values())
        return
    with fits.open(io.BytesIO(made), do_not_scale_image_data=True) as result:
        found = {source_of(result[number]): (number, wcs) for number, wcs in images(result)}
        assert found
        # A circle may touch a pixel between the points that are looked at.
        assert {index for index, bounds in expected.items() if bounds is not None} <= set(found)
        for index, (number, wcs) in found.items():
            compare(result[number], wcs, whole[index], grids[index], expected[index], centre, radius)


def source_of(hdu: Any) -> int:
    """Number of the HDU that one was cut from, as its history tells."""
    (number,) = re.findall(r"of HDU (\d+), counted from 0", " ".join(hdu.header["HISTORY"]))
    return int(number)


def compare(
    hdu: Any, wcs: Any, original: Any, grid: HalfPixels, expected: Any, centre: np.ndarray, radius: float
) -> None:
    x0 = round(original.header.get("CRPIX1", 0) - hdu.header.get("CRPIX1", 0))
    y0 = round(original.header.get("CRPIX2", 0) - hdu.header.get("CRPIX2", 0))
    ny, nx = hdu.shape[-2:]
    assert np.array_equal(
        hdu.data, original.data[..., y0 : y0 + ny, x0 : x0 + nx], equal_nan=hdu.data.dtype.kind == "f"
    )
    # Positions, to a hundredth of a pixel.
    y, x = np.mgrid[0:ny, 0:nx]
    there, here = directions(grid.wcs, x + x0, y + y0), directions(wcs, x, y)
    scale = np.radians(float(np.mean(proj_plane_pixel_scales(grid.wcs))))
    apart = np.linalg.norm(there - here, axis=-1)
    assert np.nanmax(apart) <= 0.01 * scale
    # All pixels that are touched, and no row or column without one.
    if expected is not None:
        assert x0 <= expected[0]
        assert x0 + nx - 1 >= expected[1]
        assert y0 <= expected[2]
        assert y0 + ny - 1 >= expected[3]
    left, right, low, high = x0 - 0.5, x0 + nx - 0.5, y0 - 0.5, y0 + ny - 0.5
    loose = radius + 0.001 * scale
    for side, is_looked_at in (
        (((left, left + 1), (low, high)), expected is None or x0 != expected[0]),
        (((right - 1, right), (low, high)), expected is None or x0 + nx - 1 != expected[1]),
        (((left, right), (low, low + 1)), expected is None or y0 != expected[2]),
        (((left, right), (high - 1, high)), expected is None or y0 + ny - 1 != expected[3]),
    ):
        if is_looked_at:
            assert grid.touches(*side, centre, loose)
