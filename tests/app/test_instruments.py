"""Tables of instruments and the queries of the clients of the ESO archive, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy.io import fits
from astropy.table import Table
from commands import Served, quipu

SETTINGS = "select column_name, datatype, unit, xtype from TAP_SCHEMA.columns where table_name = 'ist.toycam'"


def write_frame(folder: Path, number: int, *, on_sky: bool = False, **settings: object) -> Path:
    """Raw frame of a camera with settings; by day without a place on the sky."""
    hdu = fits.PrimaryHDU(np.full((4, 5), number, np.int16))
    cards = {
        "INSTRUME": "TOYCAM", "TELESCOP": "TOY-T1", "RADESYS": "ICRS", "RA": 83.6 if on_sky else -596.52,
        "DEC": -5.4 if on_sky else -596.52, "EXPTIME": 30.0,
        "DATE-OBS": f"2024-03-10T01:02:{number:02d}.000", "MJD-OBS": 60379.043 + number * 1e-4,
        "HIERARCH ESO DPR CATG": "SCIENCE" if on_sky else "CALIB",
        "HIERARCH ESO DPR TYPE": "OBJECT" if on_sky else "DARK", "HIERARCH ESO DPR TECH": "IMAGE",
        "HIERARCH ESO OBS TARG NAME": "M42",
    }  # fmt: skip
    for keyword, value in cards.items():
        hdu.header[keyword] = value
    for keyword, value in settings.items():
        hdu.header[f"HIERARCH ESO {keyword.replace('_', ' ')}"] = value
    path = folder / f"frame{number}.fits"
    hdu.writeto(path)
    return path


def ingest(archive: Served, *paths: Path) -> None:
    quipu("--archive", archive.directory, "ingest", *paths)


def found(archive: Served, query: str, path: str = "tap_obs", maxrec: int = 15_000_000) -> Table:
    return pyvo.dal.TAPService(f"{archive.url}/{path}").run_sync(query, maxrec=maxrec).to_table()


@pytest.fixture(scope="module")
def camera(archives: Path, new_archive: Callable[[str], Served]) -> Served:
    """Two frames of a camera, served."""
    archive = new_archive("camera")
    width = (0.4, "[arcsec] Width of the slit.")
    ingest(
        archive,
        write_frame(archives, 1, on_sky=True, INS_SLIT_WID=width, INS_SLIT_NO=3, INS_SHUT_ST=True, INS_FILT_NAME="V'O"),
        write_frame(archives, 2, INS_SLIT_WID=width, INS_FILT_NAME="B"),
    )
    archive.start()
    return archive


def test_settings_are_columns_with_their_types_and_units(camera: Served) -> None:
    described = {row["column_name"]: (row["datatype"], row["unit"]) for row in found(camera, SETTINGS)}
    assert described["ins_slit_wid"] == ("double", "arcsec")
    assert described["exptime"] == ("double", "s")
    assert described["ins_slit_no"][0] == "long"
    assert described["ins_shut_st"][0] == "boolean"
    assert {"observing_mode", "exposure", "ob_targ_name", "s_region"} <= described.keys()
    assert "obs_mode" not in described
    (row,) = found(camera, "select * from ist.ToyCam where ins_filt_name = 'v''o' and ins_slit_no = 3")
    assert (row["ins_slit_wid"], row["ins_shut_st"], row["exptime"], row["ob_targ_name"]) == (0.4, True, 30.0, "M42")
    (other,) = found(camera, "select ins_slit_no, ins_shut_st from ist.toycam where ins_filt_name = 'B'")
    assert other["ins_slit_no"] is np.ma.masked


def test_settings_mix_with_all_else_of_the_language(camera: Served) -> None:
    grouped = found(
        camera,
        "SELECT ins_filt_name, COUNT(*) AS n, AVG(ins_slit_wid) AS w FROM ist.toycam AS i JOIN dbo.raw AS r"
        " ON r.dp_id = i.dp_id WHERE i.exptime > 1 GROUP BY ins_filt_name ORDER BY 1",
    )
    assert [tuple(row) for row in grouped] == [("B", 1, 0.4), ("V'O", 1, 0.4)]
    with pytest.raises(pyvo.dal.DALQueryError, match="ins_slit_wid"):
        found(camera, "SELECT ins_slit_wid FROM dbo.raw")


def test_a_new_setting_is_a_column_of_the_running_server(camera: Served, archives: Path) -> None:
    ingest(camera, write_frame(archives, 3, INS_SLIT_NO=4.5, INS_LAMP_NAME="ThAr"))
    described = {row["column_name"]: row["datatype"] for row in found(camera, SETTINGS)}
    assert described["ins_lamp_name"] == "char"
    assert described["ins_slit_no"] == "double"
    rows = found(camera, "select ins_slit_no, ins_lamp_name from ist.toycam where ins_slit_no > 0 order by 1")
    assert list(rows["ins_slit_no"]) == [3.0, 4.5]


# What astroquery.eso asks, with the spelling of its users.
@pytest.mark.parametrize(
    "query",
    [
        "select column_name, datatype, unit, xtype from TAP_SCHEMA.columns where table_name = 'ivoa.ObsCore'",
        "select column_name, datatype, unit, xtype from TAP_SCHEMA.columns where table_name = 'ist.TOYCAM'",
        "select distinct obs_collection from ivoa.ObsCore",
        "select top 100 count(*) from dbo.raw where instrument in  ('toycam') and dp_cat = 'calib'",
        "select object, dp_id, date_obs from dbo.raw where instrument in ('ToyCam', 'b') and date_obs > '2013-04-12'",
        "select * from ist.ToYcAm where exp_start between  '2024-01-01' and '2024-04-12 12:00:00' and exptime < 99.5",
        "select * from ist.toycam where dp_type not in ('bias', 'flat') and tpl_seqno != 3 or dp_cat like 'c%'",
        "select * from ivoa.ObsCore where obs_collection in ('toycam') and t_exptime > 0.",
    ],
)
def test_queries_of_astroquery_find_something_whatever_their_spelling(camera: Served, query: str) -> None:
    rows = found(camera, query, maxrec=1001)
    assert len(rows) > 0
    assert rows[0][0] != 0


@pytest.mark.parametrize("table", ["dbo.raw", "ist.toycam", "ivoa.ObsCore"])
def test_a_cone_finds_what_is_on_the_sky_in_each_table_with_regions(camera: Served, table: str) -> None:
    cone = f"select * from {table} where intersects(s_region, circle('ICRS', 83.6, -5.4, 0.1))=1"
    assert len(found(camera, cone)) == 1


def test_a_quote_that_a_client_does_not_double_is_explained(camera: Served) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match="a quote inside a string is doubled"):
        found(camera, "select * from dbo.raw where object = 'O'Neil'")


@pytest.mark.parametrize(("table", "dec"), [("dbo.raw", "dec"), ("ivoa.obscore", "s_dec")])
def test_no_position_lies_beyond_the_poles(camera: Served, table: str, dec: str) -> None:
    assert len(found(camera, f"SELECT dp_id FROM {table} WHERE ABS({dec}) > 90")) == 0
    assert len(found(camera, f"SELECT dp_id FROM {table} WHERE {dec} IS NULL")) >= 1
