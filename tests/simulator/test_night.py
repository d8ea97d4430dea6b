import errno
import os
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers

from simulator.errors import SimulationError
from simulator.night import Content, Night, simulate_night

NIGHT = date(2024, 3, 10)
ORION = SkyCoord(83.6, -5.4, unit="deg", frame="fk5")


def contents(night: Night) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in night.raw_frames + night.products}


@pytest.fixture(autouse=True)
def _bundled_earth_rotation():
    """Keep astropy off the network."""
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


def test_astropy_opens_every_file_and_verifies_its_sums(night: Night) -> None:
    assert len(night.raw_frames) > 80
    assert len(night.products) > 15
    for path in night.raw_frames + night.products:
        for plain in (False, True):
            with fits.open(path, checksum=True, disable_image_compression=plain) as hdus:
                hdus.verify("exception")
                for hdu in hdus:
                    assert hdu.data is None or hdu.data.size > 0
                    assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)


def test_a_night_is_small(night: Night) -> None:
    assert len(night.raw_frames) + len(night.products) <= 120
    assert night.size <= 100e6
    assert night.size == sum(path.stat().st_size for path in night.directory.iterdir())


def test_every_file_says_that_it_is_simulated(night: Night) -> None:
    for path in night.raw_frames + night.products:
        header = fits.getheader(path)
        assert header["SIMULATD"] is True
        assert "Simulated" in str(header["COMMENT"])


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        simulate_night(NIGHT, tmp_path / str(number), frames=12, seed=seed) for number, seed in enumerate((7, 7, 8))
    )
    assert first.products
    assert contents(first) == contents(second)
    assert set(contents(first).values()).isdisjoint(contents(other).values())


def test_file_names_are_archive_names(raw_headers: dict[str, fits.Header]) -> None:
    for name, header in raw_headers.items():
        assert name.removesuffix(".fz") == header["ARCFILE"]
        prefix, time = header["ARCFILE"].removesuffix(".fits").split(".", 1)
        assert len(prefix) <= 5
        assert header["DATE-OBS"].startswith(time)


def test_only_muse_files_are_tile_compressed(night: Night) -> None:
    for path in night.raw_frames:
        with fits.open(path) as hdus:
            compressed = any(isinstance(hdu, fits.CompImageHDU) for hdu in hdus)
        assert compressed == path.name.endswith(".fz") == path.name.startswith("MUSE.")


@pytest.mark.parametrize(
    ("instrument", "kinds"),
    [
        ("QHAWAQ", {"bias", "dark", "twilight flat", "standard", "science"}),
        ("KUYCHI", {"bias", "dark", "flat", "arc", "standard", "science"}),
        ("UVES", {"bias", "dark", "flat", "arc", "format check", "order definition", "standard", "science"}),
        ("HAWKI", {"dark", "twilight flat", "standard", "science"}),
        ("MUSE", {"bias", "dark", "flat", "arc", "twilight flat", "illumination", "standard", "science"}),
    ],
)
def test_each_instrument_takes_all_its_kinds_of_frames(night: Night, instrument: str, kinds: set[str]) -> None:
    assert {key.split(" ", 1)[1] for key in night.kinds if key.startswith(f"{instrument} ")} == kinds


def test_templates_are_complete_and_in_time_order(raw_headers: dict[str, fits.Header]) -> None:
    assert [header["MJD-OBS"] for header in raw_headers.values()] == sorted(
        header["MJD-OBS"] for header in raw_headers.values()
    )
    groups = defaultdict(list)
    for header in raw_headers.values():
        groups[header["INSTRUME"], header["ESO TPL START"]].append(header)
    for headers in groups.values():
        assert [header["ESO TPL EXPNO"] for header in headers] == list(range(1, headers[0]["ESO TPL NEXP"] + 1))
        for key in ("ESO DPR CATG", "ESO DPR TYPE", "ESO DPR TECH", "ESO OBS ID", "ESO TPL ID", "EXPTIME"):
            assert len({header[key] for header in headers}) == 1
        assert headers[0]["ESO OBS START"] <= headers[0]["ESO TPL START"] <= headers[0]["DATE-OBS"]


def test_the_keywords_of_time_agree_with_each_other_and_with_astropy(raw_headers: dict[str, fits.Header]) -> None:
    for header in raw_headers.values():
        location = EarthLocation.from_geodetic(header["ESO TEL GEOLON"], header["ESO TEL GEOLAT"])
        start = Time(header["DATE-OBS"], scale="utc", location=location)
        assert header["MJD-OBS"] == pytest.approx(start.mjd, abs=1e-8)
        assert header["UTC"] == pytest.approx(start.mjd % 1 * 86400, abs=1e-3)
        assert header["LST"] == pytest.approx(start.sidereal_time("mean").hour * 3600, abs=1.0)


def test_science_is_done_in_the_dark_and_above_the_horizon(raw_headers: dict[str, fits.Header]) -> None:
    science = [header for header in raw_headers.values() if header["ESO DPR CATG"] == "SCIENCE"]
    assert science
    for header in science:
        location = EarthLocation.from_geodetic(
            header["ESO TEL GEOLON"], header["ESO TEL GEOLAT"], header["ESO TEL GEOELEV"]
        )
        start = Time(header["DATE-OBS"], scale="utc")
        frame = AltAz(obstime=start, location=location)
        assert get_sun(start).transform_to(frame).alt.deg < -17.0
        target = SkyCoord(header["RA"], header["DEC"], unit="deg", frame="fk5").transform_to(frame)
        # The simulator takes J2000 positions as those of date: a third of a degree in 2024.
        assert target.alt.deg == pytest.approx(header["ESO TEL ALT"], abs=0.4)
        assert target.alt.deg > 10
        assert header["ESO TEL AIRM START"] == pytest.approx(float(target.secz), rel=0.05)


def test_one_telescope_looks_at_one_thing_at_a_time(raw_headers: dict[str, fits.Header]) -> None:
    busy: dict[str, float] = {}
    for header in raw_headers.values():
        if "ESO TEL TARG ALPHA" in header:
            assert header["MJD-OBS"] > busy.get(header["TELESCOP"], 0.0)
            seconds = header["EXPTIME"] * header.get("ESO DET NDIT", 1)
            busy[header["TELESCOP"]] = header["MJD-OBS"] + seconds / 86400


def test_day_calibrations_have_no_position_or_a_meaningless_one(raw_headers: dict[str, fits.Header]) -> None:
    darks = [header for header in raw_headers.values() if header["ESO DPR TYPE"] == "DARK"]
    assert {header["INSTRUME"]: "RA" in header for header in darks} == {
        "QHAWAQ": False,
        "KUYCHI": False,
        "UVES": True,
        "HAWKI": True,
        "MUSE": True,
    }


def test_the_sky_is_well_spread(raw_headers: dict[str, fits.Header]) -> None:
    science = [header for header in raw_headers.values() if header["ESO DPR CATG"] == "SCIENCE"]
    positions = SkyCoord(
        [header["RA"] for header in science], [header["DEC"] for header in science], unit="deg", frame="fk5"
    )
    assert np.sum(positions.separation(ORION) < 2 * u.deg) >= 8
    assert np.sum(np.abs(positions.ra.wrap_at("180d").deg) < 0.1) >= 2
    assert np.sum(positions.dec.deg < -89.9) >= 2
    assert len({header["OBJECT"] for header in science}) >= 6


def test_orion_is_in_several_products(night: Night) -> None:
    headers = [fits.getheader(path) for path in night.products]
    categories = {
        header["PRODCATG"]
        for header in headers
        if "RA" in header
        and SkyCoord(header["RA"], header["DEC"], unit="deg", frame="fk5").separation(ORION) < 2 * u.deg
    }
    assert categories == {"SCIENCE.IMAGE", "SCIENCE.MEFIMAGE", "SCIENCE.SPECTRUM", "SCIENCE.CUBE.IFS"}


def test_few_frames_are_science_frames_of_orion_first(tmp_path: Path) -> None:
    night = simulate_night(NIGHT, tmp_path, frames=10)
    headers = [fits.getheader(path) for path in night.raw_frames]
    assert len(headers) == 10
    assert {header["ESO DPR CATG"] for header in headers} == {"SCIENCE"}
    assert {header["INSTRUME"] for header in headers} == {"QHAWAQ", "KUYCHI", "UVES", "HAWKI", "MUSE"}
    near = [
        SkyCoord(header["RA"], header["DEC"], unit="deg", frame="fk5").separation(ORION).deg < 2 for header in headers
    ]
    assert sum(near) >= 5
    assert night.products


def test_enough_frames_have_one_of_each_kind(tmp_path: Path, night: Night) -> None:
    some = simulate_night(NIGHT, tmp_path, frames=len(night.kinds), content=Content.HEADERS)
    assert some.kinds == dict.fromkeys(night.kinds, 1)


def test_more_frames_than_a_night_has_go_on_with_the_next_nights(tmp_path: Path) -> None:
    together = simulate_night(NIGHT, tmp_path / "both", frames=100, content=Content.HEADERS)
    first = simulate_night(NIGHT, tmp_path / "first", content=Content.HEADERS)
    second = simulate_night(date(2024, 3, 11), tmp_path / "second", content=Content.HEADERS)
    assert (together.nights, len(together.raw_frames)) == (2, 100)
    assert contents(together).items() <= (contents(first) | contents(second)).items()
    assert contents(first).items() <= contents(together).items()


def test_frames_without_pixels_have_the_headers_of_those_with_pixels(
    tmp_path: Path, night: Night, raw_headers: dict[str, fits.Header]
) -> None:
    bare = simulate_night(NIGHT, tmp_path, content=Content.HEADERS)
    assert bare.products == ()
    assert [path.name for path in bare.raw_frames] == [name.removesuffix(".fz") for name in raw_headers]
    structural = {"BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BZERO", "BSCALE", "WCSAXES", "CHECKSUM", "DATASUM"}
    for path, full in zip(bare.raw_frames, raw_headers.values(), strict=True):
        with fits.open(path, checksum=True) as hdus:
            assert all(hdu.data is None for hdu in hdus)
            left, right = (
                [tuple(card) for card in header.cards if card.keyword not in structural]
                for header in (hdus[0].header, full)
            )
            assert left == right


@pytest.mark.parametrize(
    "when", [date(1970, 1, 1), date(1999, 7, 7), date(2024, 2, 29), date(2024, 6, 21), date(2098, 12, 31)], ids=str
)
def test_any_night_works(tmp_path: Path, when: date) -> None:
    night = simulate_night(when, tmp_path, frames=40, content=Content.HEADERS)
    headers = [fits.getheader(path) for path in night.raw_frames]
    assert len(headers) == 40
    mjd = when.toordinal() - date(1858, 11, 17).toordinal()
    assert all(mjd + 0.5 < header["MJD-OBS"] < mjd + 1.8 for header in headers)
    assert len({path.name for path in night.raw_frames}) == len(headers)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"frames": 9}, "the number of frames must be between 10 and 100000, not 9"),
        ({"frames": 0}, "the number of frames must be between 10 and 100000, not 0"),
        ({"frames": -5}, "the number of frames must be between 10 and 100000, not -5"),
        ({"frames": 100_001}, "the number of frames must be between 10 and 100000, not 100001"),
        ({"seed": -1}, "the seed must not be negative, but it is -1"),
        ({"night": date(1969, 12, 31)}, "the night must lie between 1970-01-01 and 2098-12-31, not on 1969-12-31"),
        ({"night": date.max}, "the night must lie between 1970-01-01 and 2098-12-31, not on 9999-12-31"),
        ({"night": date(2098, 12, 31), "frames": 1000}, "so many frames reach beyond 2098-12-31"),
    ],
    ids=str,
)
def test_an_argument_without_sense_is_refused_in_one_sentence(
    tmp_path: Path, arguments: dict[str, object], sentence: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SimulationError, match=f"^{sentence}"):
        simulate_night(**{"night": NIGHT, "out": out, **arguments})
    assert not out.exists()


def test_files_with_the_same_bytes_are_left_alone(tmp_path: Path) -> None:
    first = simulate_night(NIGHT, tmp_path, frames=10, content=Content.HEADERS)
    before = [path.stat().st_mtime_ns for path in first.raw_frames]
    again = simulate_night(NIGHT, tmp_path, frames=10, content=Content.HEADERS)
    assert again.raw_frames == first.raw_frames
    assert [path.stat().st_mtime_ns for path in first.raw_frames] == before


def test_a_file_with_other_bytes_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    right = simulate_night(NIGHT, tmp_path / "right", frames=10, content=Content.HEADERS)
    taken = tmp_path / "out" / right.raw_frames[3].name
    taken.parent.mkdir()
    taken.write_bytes(b"something else")
    with pytest.raises(SimulationError, match="exists with other content"):
        simulate_night(NIGHT, taken.parent, frames=10, content=Content.HEADERS)
    assert taken.read_bytes() == b"something else"
    replaced = simulate_night(NIGHT, taken.parent, frames=10, content=Content.HEADERS, overwrite=True)
    assert contents(replaced) == contents(right)


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SimulationError, match="cannot make the directory"):
        simulate_night(NIGHT, tmp_path / "file", frames=10)


def test_a_name_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    name = simulate_night(NIGHT, tmp_path / "a", frames=10, content=Content.HEADERS).raw_frames[0].name
    (tmp_path / "b" / name).mkdir(parents=True)
    with pytest.raises(SimulationError, match="is a directory"):
        simulate_night(NIGHT, tmp_path / "b", frames=10, content=Content.HEADERS)


def test_a_full_disk_is_told_in_one_sentence_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SimulationError, match=r"cannot write .*: No space left on device$"):
        simulate_night(NIGHT, tmp_path, frames=10, content=Content.HEADERS)
    written = sorted(tmp_path.iterdir())
    assert len(written) == 2
    for path in written:
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")


def test_progress_counts_every_raw_frame(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    simulate_night(
        NIGHT, tmp_path, frames=11, content=Content.HEADERS, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(number, 11) for number in range(1, 12)]
