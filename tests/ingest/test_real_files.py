from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from astropy import units as u
from astropy.coordinates import SkyCoord

from ingest.pipeline import Outcome, Pipeline
from ingest.walk import find_files
from schema.files import file
from schema.obscore import obscore

pytestmark = pytest.mark.testdata

REFUSED = {
    "header_with_time.fits": "SIMPLE = F",
    "html_error_page.fits": "HTML",
    "huge_naxis_EFOSC.fits": "8000000000000043200 bytes",
    "lfs_pointer.fits": "LFS",
    "truncated_gzip_ADP.2016-07-15T08:22:40.678.fits.gz": "gzip stream is cut",
    "truncated_in_header_EFOSC.2022-01-26T19:04:10.535.fits": "no END",
}
"""Files that cannot be FITS in an archive, and a word of the reason."""

ONE_FRAME = {
    "bad_date_EFOSC.fits", "duplicate_keywords_EFOSC.fits", "hierarch_edge_EFOSC.fits", "wrong_extension.fits.gz",
}  # fmt: skip
"""Variants of one raw frame: one of them is taken, the others carry its identifier with other bytes."""

TWINS = {"VISIR.2004-09-30T03:17:49.095.fits", "VISIR.2004-09-30T03c17c49.095.fits"}
"""The same bytes under two names."""

OFF_SKY = {
    "2216860b.fits", "NOT.fits", "SPHER.2020-03-08T16:53:05.173.fits", "arc_20120808_Gr13_OG530_slit1.0.fits",
    "flat_20140428_H_56778_1.fits", "vimos.fits", "EFOSC.2022-01-26T19:02:38.210.fits.Z",
    "EFOSC.2022-01-26T19:03:08.542.fits.Z", "EFOSC.2022-01-26T19:18:58.464.fits",
    "EFOSC.2022-01-26T19:37:39.560.fits.Z", "EFOSC.2022-01-30T11:13:22.132.fits.fz",
}  # fmt: skip
"""Biases, darks, lamp and dome frames: what their headers say of the sky is not published."""

POSITION_ELSEWHERE = {
    "nocdelt.fits": "RA and DEC are in radians",
    "image_M12c.fits.gz": "RA and DEC are zero",
    "f43test.fits": "RA and DEC are zero",
    "badfitskeys.mt": "RA is in hours",
    "l1448_13co.fits.gz": "the manifest shows CRVAL, far from the image",
    "ISAAC.2001-04-09T23:38:10.656.fits": "pixels are cut",
    "subcub_mosaic.fits": "a part cut out of the mosaic",
    "P124+62.fits": "pixels are cut: the centre is now a corner",
    "VLASS1.2.ql.T07t14.J084202-123000.10.2048.v1.I.iter1.image.pbcor.tt0.subim.fits": "pixels are cut",
    "VLASS2.1.cc.T10t02.J005000-023000.06.2048.v1.spw10.IQU.iter3.image.pbcor.tt0.subim.com.fits": "pixels are cut",
    "query_images.fits": "the pointing, not the cut-out detector",
}
"""Files whose image lies elsewhere than the header's RA and DEC, and why."""


@pytest.fixture
def manifest(real_fits: Path) -> dict[str, dict[str, str]]:
    with (real_fits / "MANIFEST.csv").open(newline="") as lines:
        return {row["file"]: row for row in csv.DictReader(lines)}


@pytest.fixture
def outcomes(pipeline: Pipeline, real_fits: Path) -> dict[str, Outcome]:
    return {outcome.path.name: outcome for outcome in pipeline.run(find_files([real_fits]))}


def products(pipeline: Pipeline) -> dict[str, dict[str, object]]:
    with pipeline.engine.connect() as connection:
        return {str(row["dp_id"]): dict(row) for row in connection.execute(sa.select(obscore)).mappings()}


def test_every_real_file_is_taken_or_refused_with_a_reason(
    pipeline: Pipeline, outcomes: dict[str, Outcome], manifest: dict[str, dict[str, str]]
) -> None:
    assert set(outcomes) == set(manifest)
    refused = {name: outcome for name, outcome in outcomes.items() if outcome.state == "refused"}
    assert set(refused) - ONE_FRAME == set(REFUSED)
    for name, word in REFUSED.items():
        assert word in str(refused[name].reason)
    assert sorted(outcomes[name].state for name in ONE_FRAME) == ["refused", "refused", "refused", "taken"]
    for name in ONE_FRAME & set(refused):
        assert "held already with other bytes" in str(refused[name].reason)
    assert sorted(outcomes[name].state for name in TWINS) == ["held", "taken"]
    assert {outcome.state for name, outcome in outcomes.items() if name not in {*REFUSED, *ONE_FRAME, *TWINS}} == {
        "taken"
    }
    held = {outcome.dp_id for outcome in outcomes.values() if outcome.dp_id}
    assert set(products(pipeline)) == held


def test_workers_come_to_the_same_end(pipeline: Pipeline, real_fits: Path) -> None:
    counts = [outcome.state for outcome in replace(pipeline, workers=2).run(find_files([real_fits]))]
    assert counts.count("refused") == len(REFUSED) + len(ONE_FRAME) - 1
    assert [outcome.state for outcome in pipeline.run(find_files([real_fits]))].count("taken") == 0


def test_positions_are_those_of_the_headers(
    pipeline: Pipeline, outcomes: dict[str, Outcome], manifest: dict[str, dict[str, str]]
) -> None:
    rows = products(pipeline)
    compared = 0
    for name, outcome in outcomes.items():
        listed = manifest[name]
        if outcome.dp_id is None or name in POSITION_ELSEWHERE or not listed["ra"]:
            continue
        row = rows[outcome.dp_id]
        if name in OFF_SKY | ONE_FRAME:
            assert row["s_ra"] is None
            assert row["s_region"] is None
            continue
        expected = SkyCoord(listed["ra"], listed["dec"], unit=(u.hourangle if ":" in listed["ra"] else u.deg, u.deg))
        found = SkyCoord(row["s_ra"], row["s_dec"], unit="deg")
        tolerance = max(0.02, float(row["s_fov"] or 0))  # type: ignore[arg-type]
        assert found.separation(expected).deg < tolerance, name
        compared += 1
    assert compared > 35


def test_times_and_exposures_are_those_of_the_headers(
    pipeline: Pipeline, outcomes: dict[str, Outcome], manifest: dict[str, dict[str, str]]
) -> None:
    rows = products(pipeline)
    compared = 0
    for name, outcome in outcomes.items():
        listed = manifest[name]
        if outcome.dp_id is None or name == "bad_date_EFOSC.fits" or outcome.state == "held":
            continue
        row = rows[outcome.dp_id]
        if listed["date_obs"][:2] == "20" and "-" in listed["date_obs"]:
            date = listed["date_obs"].removesuffix("Z")
            days = math.floor(float(row["t_min"]) + 70 / 86400)  # type: ignore[arg-type]
            assert days == math.floor(_mjd_of_day(date[:10])), name
            compared += 1
        assert row["t_min"] is None or float(row["t_min"]) <= float(row["t_max"])  # type: ignore[arg-type]
        assert row["t_exptime"] is None or float(row["t_exptime"]) >= 0  # type: ignore[arg-type]
    assert compared > 45


def _mjd_of_day(text: str) -> float:
    from astropy.time import Time

    return float(Time(text, scale="utc").mjd)


EXPECTED = {
    "EFOSC.2022-01-28T04:54:24.341": {
        "dataproduct_type": "image", "calib_level": 1, "filter": "g#782", "t_exptime": 180.0057,
        "proposal_id": "108.22F6.001",
    },
    "ADP.2016-07-15T08:22:40.678": {
        "dataproduct_type": "spectrum", "calib_level": 2, "em_xel": 9771, "n_obs": 4, "p3orig": "EDP",
        "proposal_id": "189.A-0424(B)", "obs_id": "788347", "multi_ob": "S", "o_calib_status": "absolute",
        "em_min": pytest.approx(981.7513671875e-9), "em_max": pytest.approx(1823.4998046875e-9),
        "t_max": pytest.approx(56215.05353924666), "snr": pytest.approx(21.66699409484863),
    },
    "VISIR.2004-09-30T03:17:49.095": {"dataproduct_type": "image", "t_exptime": 1.97, "target_name": "NGC-7582"},
    "SPHER.2020-03-08T07:12:03.720": {"t_exptime": 512.0, "proposal_id": "0104.C-0007(B)"},
    "subcub_mosaic": {"dataproduct_type": "cube", "em_xel": 500, "s_xel1": 30, "s_xel2": 30},
    "M17_SWex_unittest": {"dataproduct_type": "cube", "em_xel": 5, "s_pixel_scale": pytest.approx(0.4)},
    "VLASS2.1.cc.T10t02.J005000-023000.06.2048.v1.spw10.IQU.iter3.image.pbcor.tt0.subim.com": {
        "pol_states": "/I/Q/U/", "pol_xel": 3,
    },
    "random_groups": {"dataproduct_type": "visibility", "facility_name": "ATCA"},
    "chandra_test": {"dataproduct_type": "event", "t_exptime": pytest.approx(18279.338652893)},
    "kplr010666592-2009131110544_slc": {
        "dataproduct_type": "timeseries", "t_exptime": pytest.approx(8.95478037 * 86400),
    },
    "SDSSJ220248.31+123656.3": {
        "dataproduct_type": "spectrum", "em_min": pytest.approx(10**3.5507 * 1e-10, rel=2e-4),
    },
    "gammacat": {"dataproduct_type": "measurements", "s_ra": None},
    "PIONI.2014-09-21T09_19_32.752_oidataCalibrated": {"dataproduct_type": "visibility", "calib_level": 2},
}  # fmt: skip


def test_some_files_are_described_as_a_reader_of_their_headers_would(
    pipeline: Pipeline, outcomes: dict[str, Outcome]
) -> None:
    rows = products(pipeline)
    for dp_id, expected in EXPECTED.items():
        assert {column: rows[dp_id][column] for column in expected} == expected, dp_id


def test_headers_are_kept_card_by_card(pipeline: Pipeline, outcomes: dict[str, Outcome]) -> None:
    with pipeline.engine.connect() as connection:
        header = connection.scalar(sa.select(file.c.header).where(file.c.dp_id == "EFOSC.2022-01-26T19:18:58.464"))
    cards = header["hdus"][0]["cards"]
    assert cards[0] == ["SIMPLE", True, "Standard FITS (NOST-100-2.0)"] or cards[0][:2] == ["SIMPLE", True]
    assert len(cards) == 504
    assert ["ESO DPR TYPE", "FLAT"] in [card[:2] for card in cards]
