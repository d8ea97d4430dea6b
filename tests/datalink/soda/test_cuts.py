"""Cutouts of made files, against NumPy over the whole of them."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from datalink.soda.filters import Product
from datalink.soda.shapes import contains
from datalink.soda.task import Refusal
from vo.regions import Circle, Polygon, Range

Cut = Callable[..., bytes | Refusal]
SEED = 20240310


def image_header(nx: int, ny: int, ra: float, dec: float, step: float, projection: str = "TAN") -> fits.Header:
    header = fits.Header()
    for axis, (kind, value, length, scale) in enumerate((("RA--", ra, nx, -step), ("DEC-", dec, ny, step)), start=1):
        header[f"CTYPE{axis}"] = f"{kind}-{projection}"
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"], header[f"CDELT{axis}"] = value, length / 2 + 0.5, scale
    header["RADESYS"] = "ICRS"
    return header


def cube_header() -> fits.Header:
    header = image_header(20, 16, 150.0, 2.0, 1 / 3600)
    header.update({"CTYPE3": "FREQ", "CRVAL3": 1.0e11, "CRPIX3": 1.0, "CDELT3": 1.0e8, "CUNIT3": "Hz"})
    header.update({"CTYPE4": "STOKES", "CRVAL4": 1.0, "CRPIX4": 1.0, "CDELT4": 1.0})
    return header


@pytest.fixture
def cube(tmp_path: Path) -> tuple[Path, np.ndarray]:
    pixels = np.random.default_rng(SEED).normal(size=(4, 30, 16, 20)).astype("f4")
    path = tmp_path / "cube.fits"
    fits.PrimaryHDU(pixels, cube_header()).writeto(path)
    return path, pixels


def opened(content: bytes | Refusal) -> fits.HDUList:
    assert isinstance(content, bytes), content
    hdus = fits.open(io.BytesIO(content))
    hdus.verify("exception")
    return hdus


def test_a_band_takes_the_channels_of_which_a_part_lies_in_it(cut: Cut, cube: tuple[Path, np.ndarray]) -> None:
    path, pixels = cube
    frequencies = 1.0e11 + 1.0e8 * np.arange(30)
    for low, high in ((1.003e11, 1.0079e11), (0.5e11, 1.0001e11), (1.0284e11, 2e11), (1.0051e11, 1.00512e11)):
        wanted = (frequencies + 0.5e8 > low) & (frequencies - 0.5e8 < high)
        hdus = opened(cut(path, band=f"{299792458 / high!r} {299792458 / low!r}"))
        assert np.array_equal(hdus[0].data, pixels[:, wanted])
        assert WCS(hdus[0].header).wcs_pix2world([[0, 0, 0, 0]], 0)[0][2] == pytest.approx(frequencies[wanted][0])


def test_a_single_wavelength_takes_one_channel(cut: Cut, cube: tuple[Path, np.ndarray]) -> None:
    path, pixels = cube
    hdus = opened(cut(path, band=f"{299792458 / 1.012e11!r}"))
    assert np.array_equal(hdus[0].data, pixels[:, 12:13])


@pytest.mark.parametrize(("wanted", "planes", "first", "step"), [
    ("I", slice(0, 1), 1, 1), ("V", slice(3, 4), 4, 1), ("q u", slice(1, 3), 2, 1), ("I U", slice(0, 3, 2), 1, 2),
    ("I Q V", slice(0, 4), 1, 1),
])  # fmt: skip
def test_states_of_polarization_are_taken(
    cut: Cut, cube: tuple[Path, np.ndarray], wanted: str, planes: slice, first: int, step: int
) -> None:
    path, pixels = cube
    hdus = opened(cut(path, pol=wanted))
    assert np.array_equal(hdus[0].data, pixels[planes])
    states = WCS(hdus[0].header).wcs_pix2world([[0, 0, 0, 0], [0, 0, 0, 1]], 0)[:, 3]
    assert states == pytest.approx([first, first + step])


def test_conditions_hold_together(cut: Cut, cube: tuple[Path, np.ndarray]) -> None:
    path, pixels = cube
    hdus = opened(cut(path, pol="V", band="0 2.99e-3", circle="150 2 0.0005"))
    assert np.array_equal(hdus[0].data, pixels[3:4, 3:, 6:10, 8:12])
    refusal = cut(path, pol="RR", circle="150 2 0.0005")
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "empty"


@pytest.mark.parametrize("kind", ["GZIP_1", "RICE_1", "HCOMPRESS_1"])
def test_images_compressed_by_tile_are_cut(cut: Cut, tmp_path: Path, kind: str) -> None:
    pixels = np.random.default_rng(SEED).poisson(100, size=(300, 200)).astype("i2")
    header = image_header(200, 300, 10.0, 20.0, 1 / 3600)
    path = tmp_path / "tiles.fits"
    fits.HDUList(
        [fits.PrimaryHDU(), fits.CompImageHDU(pixels, header, compression_type=kind, tile_shape=(32, 50))]
    ).writeto(path)
    hdus = opened(cut(path, sub="[1][31:77,101:290]"))
    assert np.array_equal(hdus[1].data, pixels[100:290, 30:77])
    assert "ZIMAGE" not in hdus[1].header
    sky = WCS(hdus[1].header).pixel_to_world(3, 5)
    assert sky.separation(WCS(header).pixel_to_world(33, 105)) < 1e-6 * u.arcsec


def test_scaled_integers_stay_as_they_are_stored(cut: Cut, tmp_path: Path) -> None:
    path = tmp_path / "unsigned.fits"
    pixels = np.arange(65000, 65000 + 400, dtype="u2").reshape(20, 20)
    fits.PrimaryHDU(pixels, image_header(20, 20, 0.0, 0.0, 0.01)).writeto(path)
    assert np.array_equal(opened(cut(path, sub="[3:7,*]"))[0].data, pixels[:, 2:7])


def test_each_image_of_a_mosaic_that_overlaps_is_there(cut: Cut, tmp_path: Path) -> None:
    images = [
        fits.ImageHDU(np.full((50, 50), n, "f4"), image_header(50, 50, 30 + n * 0.02, 5.0, 0.0004)) for n in range(4)
    ]
    for number, image in enumerate(images):
        image.header["EXTNAME"] = f"CHIP{number}"
    masks = [fits.ImageHDU(np.full((50, 50), 10 + n, "u1"), name=f"MASK{n}") for n in range(4)]
    for number, mask in enumerate(masks):
        mask.header["SCIDATA"] = f"CHIP{number}"
    path = tmp_path / "mosaic.fits"
    fits.HDUList([fits.PrimaryHDU(), *images, *masks]).writeto(path)
    hdus = opened(cut(path, circle="30.03 5.0 0.004"))
    assert [hdu.name for hdu in hdus[1:]] == ["CHIP1", "CHIP2", "MASK1", "MASK2"]
    assert [hdu.shape for hdu in hdus[1:3]] == [hdu.shape for hdu in hdus[3:5]]
    assert [float(hdu.data.max()) for hdu in hdus[1:]] == [1, 2, 11, 12]


def test_the_arrays_of_a_spectrum_are_cut(cut: Cut, tmp_path: Path) -> None:
    wave = np.linspace(300, 1000, 701)
    columns = [
        fits.Column("WAVE", "701D", unit="nm", array=wave[None]),
        fits.Column("FLUX", "701E", array=(wave**2)[None].astype("f4")),
        fits.Column("NAME", "4A", array=["abcd"]),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update({"TUCD1": "em.wl", "NELEM": 701, "TDMIN1": 300.0, "TDMAX1": 1000.0})
    path = tmp_path / "spectrum.fits"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    row = opened(cut(path, band="4.005e-7 5e-7"))[1]
    assert np.array_equal(row.data["WAVE"][0], wave[(wave >= 400.5) & (wave <= 500)])
    assert np.array_equal(row.data["FLUX"][0], (wave[101:201] ** 2).astype("f4"))
    assert row.data["NAME"][0] == "abcd"
    assert (row.header["NELEM"], row.header["TDMIN1"], row.header["TDMAX1"]) == (100, 401.0, 500.0)
    refusal = cut(path, band="2e-6 3e-6", product=Product("s", em_min=3e-7, em_max=1e-6))
    assert isinstance(refusal, Refusal)
    assert "3e-07 to 1e-06 m" in refusal.sentence


def test_events_are_chosen_by_row(cut: Cut, tmp_path: Path) -> None:
    dice = np.random.default_rng(SEED)
    count = 50_000
    ra, dec, energy, time = (
        dice.uniform(0, 360, count),
        dice.uniform(-90, 90, count),
        dice.uniform(1, 9, count),
        np.arange(count),
    )
    table = fits.BinTableHDU.from_columns([
        fits.Column("TIME", "D", unit="s", array=time), fits.Column("RA", "D", unit="deg", array=ra),
        fits.Column("DEC", "D", unit="deg", array=dec), fits.Column("ENERGY", "E", unit="keV", array=energy),
    ], name="EVENTS")  # fmt: skip
    table.header.update({"MJDREFI": 55000, "MJDREFF": 0.0, "TIMESYS": "UTC"})
    path = tmp_path / "events.fits"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    near = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(0, 89, unit="deg")).deg <= 20
    found = opened(cut(path, circle="0 89 20", time="55000 55000.25"))[1].data
    assert np.array_equal(found["TIME"], time[near & (time <= 21600)])
    soft = energy.astype("f4") <= 4.135667696e-15 * 299792458 / 3.0e-10 / 1e3
    assert np.array_equal(opened(cut(path, band="3.0e-10 1"))[1].data["TIME"], time[soft])
    refusal = cut(path, time="60000 60001")
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "empty"


@pytest.mark.parametrize("centre", [(0.0, 0.0), (359.9, 0.0), (12.0, 89.9), (200.0, -90.0), (83.0, -5.0)], ids=str)
@pytest.mark.parametrize("projection", ["TAN", "SIN", "ZEA"])
def test_a_circle_anywhere_touches_what_a_pixel_loop_finds(
    cut: Cut, tmp_path: Path, centre: tuple[float, float], projection: str
) -> None:
    nx, ny, step = 60, 44, 0.05
    header = image_header(nx, ny, *centre, step, projection)
    path = tmp_path / "image.fits"
    pixels = np.arange(nx * ny, dtype="i4").reshape(ny, nx)
    fits.PrimaryHDU(pixels, header).writeto(path)
    wcs = WCS(header)
    dice = np.random.default_rng(SEED)
    y, x = np.mgrid[0:ny, 0:nx]
    for _ in range(10):
        home = wcs.pixel_to_world(dice.uniform(0, nx), dice.uniform(0, ny))
        radius = step * 10 ** dice.uniform(-1, 1.5)
        middles = wcs.pixel_to_world(x, y).separation(home).deg <= radius
        result = opened(cut(path, circle=f"{float(home.ra.deg)!r} {float(home.dec.deg)!r} {radius!r}"))[0].data
        columns, rows = result[0] % nx, result[:, 0] // nx
        if middles.any():
            inside_x, inside_y = np.flatnonzero(middles.any(axis=0)), np.flatnonzero(middles.any(axis=1))
            assert 0 <= inside_x[0] - columns[0] <= 1
            assert 0 <= columns[-1] - inside_x[-1] <= 1
            assert 0 <= inside_y[0] - rows[0] <= 1
            assert 0 <= rows[-1] - inside_y[-1] <= 1
        else:
            assert result.size <= 6


def test_a_radius_of_zero_gives_one_pixel(cut: Cut, tmp_path: Path) -> None:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.arange(100, dtype="i4").reshape(10, 10), image_header(10, 10, 0.0, 0.0, 0.1)).writeto(path)
    assert opened(cut(path, circle="0.05 0.05 0"))[0].data.tolist() == [[54]]
    assert opened(cut(path, pos="CIRCLE 0 0 180"))[0].shape == (10, 10)
    assert opened(cut(path, pos="RANGE -Inf +Inf -Inf +Inf"))[0].shape == (10, 10)


def test_what_would_be_too_large_is_refused_before_anything_is_written(cut: Cut, tmp_path: Path) -> None:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((100, 100), "f8"), image_header(100, 100, 0.0, 0.0, 0.1)).writeto(path)
    refusal = cut(path, most_bytes=70_000, circle="0 0 90")
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "large"
    subprocess.run(["gzip", "-k", str(path)], check=True)
    refusal = cut(path.with_suffix(".fits.gz"), most_bytes=70_000, circle="0 0 0.1")
    assert isinstance(refusal, Refusal)
    assert "unpacked it is too large" in refusal.sentence


def test_what_is_no_whole_fits_file_is_refused_with_a_sentence(cut: Cut, tmp_path: Path) -> None:
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((100, 100), "f8"), image_header(100, 100, 0.0, 0.0, 0.1)).writeto(path)
    content = path.read_bytes()
    for name, broken in (("half", content[:9000]), ("page", b"<html>"), ("empty", b""), ("gz", b"\x1f\x8b" + content)):
        (tmp_path / name).write_bytes(broken)
        refusal = cut(tmp_path / name, circle="0 0 90")
        assert isinstance(refusal, Refusal), name
        assert refusal.kind == "unfit", name


@pytest.mark.parametrize("seed", range(5))
def test_positions_lie_in_regions_as_astropy_and_s2_say(seed: int) -> None:
    import spherely

    dice = np.random.default_rng(seed)
    lon, lat = dice.uniform(0, 360, 2000), np.degrees(np.arcsin(dice.uniform(-1, 1, 2000)))
    centre, radius = (dice.uniform(0, 360), dice.uniform(-90, 90)), dice.uniform(0, 180)
    apart = SkyCoord(lon, lat, unit="deg").separation(SkyCoord(*centre, unit="deg")).deg
    assert np.array_equal(contains(Circle(*centre, radius), lon, lat), apart <= radius)
    corner = SkyCoord(*centre, unit="deg").directional_offset_by([10, 130, 250] * u.deg, dice.uniform(1, 60) * u.deg)
    corners = tuple(zip(corner.ra.deg.tolist(), corner.dec.deg.tolist(), strict=True))
    judge = spherely.create_polygon(shell=list(corners))
    expected = np.array([spherely.within(spherely.create_point(a, d), judge) for a, d in zip(lon, lat, strict=True)])
    for vertices in (corners, corners[::-1]):
        assert np.array_equal(contains(Polygon(vertices), lon, lat), expected)
    inside = (lon >= 10) & (lon <= 200) & (lat >= -30) & (lat <= 80)
    assert np.array_equal(contains(Range(10, 200, -30, 80), lon, lat), inside)


def test_a_header_keeps_its_cards(cut: Cut, tmp_path: Path) -> None:
    header: Any = image_header(30, 30, 0.0, 0.0, 0.1)
    header["HIERARCH ESO DPR CATG"] = ("SCIENCE", "Observation category")
    header["LTV1"] = 5.0
    header["CTYPE1A"], header["CRVAL1A"], header["CRPIX1A"] = "LINEAR", 100.0, 1.0
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((30, 30), "i2"), header).writeto(path, checksum=True)
    result = opened(cut(path, sub="[11:20,21:30]"))[0].header
    assert result["ESO DPR CATG"] == "SCIENCE"
    assert (result["LTV1"], result["CRPIX1A"], result["CRPIX1"]) == (-5.0, -9.0, 5.5)
    assert "CHECKSUM" not in result
    assert "Pixels [11:20,21:30] of HDU 0, counted from 0." in result["HISTORY"]
