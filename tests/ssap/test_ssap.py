"""SSA, against plain Python over all rows, and by the clients of the field."""

from __future__ import annotations

import datetime
import io
import math
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord, angular_separation
from astropy.io.votable import parse
from astropy.time import Time
from lxml import etree
from observed import Observed

PATH = "/ssap"
VOTABLE = "application/x-votable+xml"
MANDATORY = {
    "ssa:Access.Reference",
    "ssa:Access.Format",
    "ssa:Dataset.DataModel",
    "ssa:Dataset.Length",
    "ssa:DataID.Title",
    "ssa:Curation.Publisher",
}
RECOMMENDED = {
    "ssa:Query.Score": "",
    "ssa:Access.Size": "",
    "ssa:DataID.Creator": "",
    "ssa:DataID.Collection": "",
    "ssa:DataID.CreatorDID": "meta.id",
    "ssa:DataID.DataSource": "",
    "ssa:DataID.CreationType": "",
    "ssa:Curation.Reference": "meta.bib.bibcode",
    "ssa:Curation.PublisherDID": "",
    "ssa:CoordSys.SpaceFrame.Name": "",
    "ssa:Char.FluxAxis.Ucd": "meta.ucd",
    "ssa:Char.SpectralAxis.Ucd": "meta.ucd",
    "ssa:Char.SpatialAxis.Coverage.Location.Value": "pos.eq",
    "ssa:Char.SpatialAxis.Coverage.Bounds.Extent": "phys.angSize;instr.fov",
    "ssa:Char.TimeAxis.Coverage.Location.Value": "time.epoch",
    "ssa:Char.TimeAxis.Coverage.Bounds.Extent": "time.duration",
    "ssa:Char.SpectralAxis.Coverage.Location.Value": "em.wl;instr.bandpass",
    "ssa:Char.SpectralAxis.Coverage.Bounds.Extent": "em.wl;instr.bandwidth",
    "ssa:Char.SpectralAxis.Coverage.Bounds.Start": "em.wl;stat.min",
    "ssa:Char.SpectralAxis.Coverage.Bounds.Stop": "em.wl;stat.max",
    "ssa:Char.FluxAxis.Calibration": "",
    "ssa:Char.SpectralAxis.Calibration": "meta.code.qual",
    "ssa:Char.SpectralAxis.Resolution": "spect.resolution;em",
    "ssa:Char.SpatialAxis.Accuracy.StatError": "stat.error;pos.eq",
    "ssa:Char.SpatialAxis.Calibration": "meta.code.qual",
    "ssa:Char.SpatialAxis.Resolution": "pos.angResolution",
}
Row = dict[str, Any]


def answer(observed: Observed, **parameters: object) -> bytes:
    response = observed.client.get(f"{PATH}?{urlencode({'REQUEST': 'queryData', **parameters})}")
    assert response.status_code == 200, response.data
    assert response.content_type == "text/xml;content=x-votable"
    return response.data


def results(document: bytes) -> Any:
    return parse(io.BytesIO(document)).resources[0]


def found(document: bytes) -> set[tuple[str, str]]:
    """Identifiers and forms of an answer."""
    table = results(document).tables[0].to_table()
    pairs = [(str(row["publisher_did"]).rpartition("?")[2], str(row["Access.Format"])) for row in table]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def forms(row: Row) -> set[str]:
    if row["dataproduct_type"] != "spectrum" or row["calib_level"] < 2:
        return set()
    return {row["access_format"]} | ({VOTABLE} if row["dataproduct_subtype"] == "SPECTRUM" else set())


def spectra(observed: Observed, holds: Callable[[Row], bool]) -> set[tuple[str, str]]:
    return {(row["dp_id"], form) for row in observed.rows if forms(row) and holds(row) for form in forms(row)}


def mjd(text: str) -> float:
    return float(Time(text).mjd)


def overlap(low: float, high: float, lower: str, upper: str) -> Callable[[Row], bool]:
    return lambda row: row[lower] is not None and row[lower] <= high and row[upper] >= low


def at_least(column: str, least: float) -> Callable[[Row], bool]:
    return lambda row: row[column] is not None and row[column] >= least


def at_most(column: str, most: float) -> Callable[[Row], bool]:
    return lambda row: row[column] is not None and row[column] <= most


def among(column: str, *words: str) -> Callable[[Row], bool]:
    return lambda row: (row[column] or "").lower() in words


def anything(row: Row) -> bool:
    return True


def nothing(row: Row) -> bool:
    return False


CASES: dict[tuple[str, str], Callable[[Row], bool]] = {
    ("BAND", "1e-6"): overlap(1e-6, 1e-6, "em_min", "em_max"),
    ("BAND", "1e-7/1e-6"): overlap(1e-7, 1e-6, "em_min", "em_max"),
    ("BAND", "1e-6/1e-7"): overlap(1e-7, 1e-6, "em_min", "em_max"),
    ("BAND", "1e-5/"): overlap(1e-5, math.inf, "em_min", "em_max"),
    ("BAND", "/1e-7;observer"): overlap(0, 1e-7, "em_min", "em_max"),
    ("BAND", "1e-7/2e-7;source"): overlap(1e-7, 2e-7, "em_min", "em_max"),
    ("BAND", "/6e-8,5e-6,1e-4/2e-4,"): lambda row: any(
        overlap(low, high, "em_min", "em_max")(row) for low, high in ((0, 6e-8), (5e-6, 5e-6), (1e-4, 2e-4))
    ),
    ("TIME", "2005"): overlap(mjd("2005-01-01"), mjd("2006-01-01") - 1e-9, "t_min", "t_max"),
    ("TIME", "2005/2007"): overlap(mjd("2005-01-01"), mjd("2008-01-01") - 1e-9, "t_min", "t_max"),
    ("TIME", "2005-12"): overlap(mjd("2005-12-01"), mjd("2006-01-01") - 1e-9, "t_min", "t_max"),
    ("TIME", "/2002-02-28"): overlap(0, mjd("2002-03-01") - 1e-9, "t_min", "t_max"),
    ("TIME", "2010-06-30T12:30:15.5/"): overlap(mjd("2010-06-30T12:30:15.5"), math.inf, "t_min", "t_max"),
    ("TIME", "2001,2015-01-01T00:00/2016-01-01T10:00Z"): lambda row: any(
        overlap(mjd(low), mjd(high) - 1e-9, "t_min", "t_max")(row)
        for low, high in (("2001-01-01", "2002-01-01"), ("2015-01-01", "2016-01-01T10:01"))
    ),
    ("SPECRP", "1000"): at_least("em_res_power", 1000),
    ("SNR", "10.5"): at_least("snr", 10.5),
    ("SPATRES", "0.0003"): at_most("s_resolution", 0.0003 * 3600.0),
    ("TIMERES", "100"): at_most("t_resolution", 100),
    ("TARGETNAME", "m 42"): among("target_name", "m 42"),
    ("TARGETNAME", "Häuptling"): among("target_name", "häuptling"),
    ("TARGETCLASS", "STAR"): among("target_class", "star"),
    ("TARGETCLASS", "galaxy,qso"): among("target_class", "galaxy", "qso"),
    ("FLUXCALIB", "absolute"): among("o_calib_status", "absolute"),
    ("FLUXCALIB", "Relative"): among("o_calib_status", "relative", "absolute"),
    ("FLUXCALIB", "normalized"): among("o_calib_status", "normalized"),
    ("FLUXCALIB", "any"): anything,
    ("WAVECALIB", "absolute"): among("em_calib_status", "absolute", "calibrated"),
    ("WAVECALIB", "relative"): among("em_calib_status", "relative", "absolute", "calibrated"),
    ("COLLECTION", "dss"): lambda row: "dss" in row["obs_collection"].lower(),
    ("COLLECTION", "Uve"): among("obs_collection", "uves"),
    ("COLLECTION", "ivo://dss"): nothing,
    ("PUBDID", "IVO://Archive.example/ID?p.00007"): among("obs_publisher_did", "ivo://archive.example/id?p.00007"),
    ("CREATORDID", "ivo://eso.org/origfile?7"): among("obs_creator_did", "ivo://eso.org/origfile?7"),
    ("MTIME", "2020-03"): lambda row: row["last_mod_date"].year == 2020 and row["last_mod_date"].month == 3,
    ("MTIME", "2020-06-01/"): lambda row: row["last_mod_date"] >= datetime.datetime(2020, 6, 1),
    ("MTIME", "/2020-02-01T12:00:00"): lambda row: row["last_mod_date"] <= datetime.datetime(2020, 2, 1, 12),
    ("REDSHIFT", "1.3/3.0"): anything,
    ("VARAMPL", "0.77"): anything,
    ("APERTURE", "0.00028"): anything,
    ("COMPRESS", "true"): anything,
    ("SIZE", "0.1"): anything,
    ("POS", " "): anything,
    ("VERSION", "1.1"): anything,
    ("VERSION", "1.0"): anything,
    ("VERSION", "1.04"): anything,
    ("wiggle", "1"): anything,
}


@pytest.mark.parametrize(("given", "holds"), CASES.items(), ids=["=".join(given) for given in CASES])
def test_each_parameter_finds_what_plain_python_finds(
    observed: Observed, given: tuple[str, str], holds: Callable[[Row], bool]
) -> None:
    assert found(answer(observed, **dict([given]))) == spectra(observed, holds)


def test_any_set_of_parameters_gives_what_plain_python_finds(observed: Observed) -> None:
    dice = random.Random(21)
    placed = [row for row in observed.rows if row["s_ra"] is not None]
    seen = 0
    for _ in range(200):
        chosen = {
            given[0]: (given[1], holds) for given, holds in dice.sample(list(CASES.items()), dice.randrange(1, 4))
        }
        parameters: dict[str, object] = {name: text for name, (text, _) in chosen.items()}
        conditions = [holds for _, holds in chosen.values()]
        parameters.pop("POS", None)
        if dice.random() < 0.5:
            near = dice.choice(placed)
            ra, dec, size = near["s_ra"], near["s_dec"], dice.choice((0.001, 2.0, 20.0, 360.0))
            parameters |= {"POS": f"{ra!r},{dec!r}", "SIZE": size}
            conditions.append(
                lambda row, ra=ra, dec=dec, size=size: (
                    row["s_ra"] is not None
                    and np.degrees(angular_separation(*np.radians([ra, dec, row["s_ra"], row["s_dec"]])))
                    <= size / 2 + 1e-9
                )
            )
        expected = spectra(observed, lambda row, all_=tuple(conditions): all(holds(row) for holds in all_))
        assert found(answer(observed, **parameters)) == expected, parameters
        seen += bool(expected)
    assert seen > 50


FORMATS: dict[str, set[str]] = {
    "all": {"native", VOTABLE},
    "ALL": {"native", VOTABLE},
    "compliant": {VOTABLE},
    "votable": {VOTABLE},
    VOTABLE: {VOTABLE},
    "native": {"native"},
    "fits": {"application/fits"},
    "image/fits": {"application/fits"},
    "application/fits,image/jpeg": {"application/fits", "image/jpeg"},
    "native,votable": {"native", VOTABLE},
    "graphic": {"image/jpeg"},
    "xml": set(),
    "text/csv": set(),
}


@pytest.mark.parametrize(("text", "wanted"), FORMATS.items())
def test_a_format_chooses_spectra_and_never_the_form_of_the_answer(
    observed: Observed, text: str, wanted: set[str]
) -> None:
    rows = {row["dp_id"]: row for row in observed.rows}
    assert found(answer(observed, FORMAT=text)) == {
        (dp_id, form)
        for dp_id, form in spectra(observed, anything)
        if form in wanted or ("native" in wanted and form == rows[dp_id]["access_format"])
    }


def test_a_position_without_a_size_finds_what_was_seen_there_and_the_nearest_comes_first(observed: Observed) -> None:
    row = next(row for row in observed.rows if row["s_ra"] is not None and VOTABLE in forms(row))
    place = f"{row['s_ra']!r},{row['s_dec']!r}"
    for given in ({}, {"SIZE": "0"}):
        assert (row["dp_id"], VOTABLE) in found(answer(observed, POS=place, **given))
    table = results(answer(observed, POS=place, SIZE=30)).tables[0].to_table()
    here = SkyCoord(row["s_ra"], row["s_dec"], unit="deg")
    apart = SkyCoord(table["ra"], table["dec"], unit="deg").separation(here).deg
    assert (np.diff(apart) > -1e-6).all()
    assert (np.diff(table["score"]) <= 0).all()
    best = results(answer(observed, POS=place, SIZE=30, TOP=5)).tables[0].to_table()
    assert list(best["reference"]) == list(table["reference"][:5])


def test_frames_of_positions_are_rotated(observed: Observed) -> None:
    expected = found(answer(observed, POS="83.6,-5.4", SIZE=4))
    galactic = SkyCoord(83.6, -5.4, unit="deg").galactic
    assert found(answer(observed, POS=f"{galactic.l.deg},{galactic.b.deg};GALACTIC", SIZE=4)) == expected != set()
    assert found(answer(observed, POS="83.6,-5.4;ICRS", SIZE=4)) == expected


def test_an_answer_has_the_fields_of_the_standard(observed: Observed, check_xml: Callable[[bytes], None]) -> None:
    document = answer(observed, RUNID="night-7")
    check_xml(document)
    described = results(document)
    infos = {info.name: (info.value, info.content) for info in described.infos}
    assert infos["QUERY_STATUS"][0] == "OK"
    assert infos["SERVICE_PROTOCOL"] == ("1.1", "SSAP")
    assert infos["RUNID"][0] == "night-7"
    (table,) = described.tables
    ucds = {field.utype: field.ucd for field in table.fields if field.utype}
    assert len(ucds) == sum(bool(field.utype) for field in table.fields)
    assert set(ucds) >= MANDATORY
    for utype, ucd in RECOMMENDED.items():
        assert utype in ucds
        assert not ucd or ucds[utype] == ucd
    assert b"<TABLEDATA>" in document
    # Groups hold columns that stand side by side.
    order = [field.ID for field in table.fields]
    for group in table.groups:
        places = [order.index(entry.ref) for entry in group.entries]
        assert places == list(range(places[0], places[-1] + 1))
    rows = table.to_table()
    for utype in MANDATORY - {"ssa:Dataset.Length"}:
        (name,) = [field.name for field in table.fields if field.utype == utype]
        assert all(len(str(value)) > 0 for value in rows[name])


def test_forms_of_one_spectrum_share_an_association(observed: Observed) -> None:
    table = results(answer(observed)).tables[0]
    rows = table.to_table()
    by_id: dict[str, list[Any]] = {}
    for row in rows:
        by_id.setdefault(str(row["publisher_did"]), []).append(row)
    pairs = [group for group in by_id.values() if len(group) == 2]
    assert pairs
    for first, second in pairs:
        assert first["association"] == second["association"] != ""
        assert {str(first["Access.Format"]), str(second["Access.Format"])} > {VOTABLE}
        assert {str(each["association_type"]) for each in (first, second)} == {"MultiFormat"}
        assert {str(each["association_key"]) for each in (first, second)} == {"@Access.Format"}
        assert {str(each["data_model"]) for each in (first, second)} == {"native", "Spectrum-1.1"}
    assert "Access.Format" in {field.ID for field in table.fields}
    assert {field.ID for field in table.fields if field.utype == "ssa:Access.Format"} == {"Access.Format"}


def test_values_are_those_of_the_products_in_the_units_of_the_standard(observed: Observed) -> None:
    rows = {row["dp_id"]: row for row in observed.rows}
    checked = 0
    for each in results(answer(observed)).tables[0].to_table():
        row = rows[str(each["publisher_did"]).rpartition("?")[2]]
        here = "ssap/spectrum?ID=" if each["Access.Format"] == VOTABLE else "files/"
        assert each["reference"] == f"http://archive.example/{here}{row['dp_id']}"
        if row["em_min"] is not None:
            assert np.isclose(each["spectral_location"], (row["em_min"] + row["em_max"]) / 2)
            assert np.isclose(each["spectral_extent"], row["em_max"] - row["em_min"])
        if row["t_min"] is not None:
            assert np.isclose(each["time_extent"], (row["t_max"] - row["t_min"]) * 86400)
        if row["s_resolution"] is not None:
            assert np.isclose(each["space_res"], row["s_resolution"] / 3600)
        if row["s_ra"] is not None:
            assert list(each["location"]) == [row["s_ra"], row["s_dec"]]
            checked += 1
    assert checked > 50


def test_limits_of_rows_differ_in_what_they_say(observed: Observed) -> None:
    for given, rows, statuses in (
        ({"MAXREC": 4}, 4, ["OK", "OVERFLOW"]),
        ({"TOP": 4}, 4, ["OK"]),
        ({"TOP": 9, "MAXREC": 4}, 4, ["OK", "OVERFLOW"]),
        ({"TOP": 0}, 0, ["OK"]),
        ({"MAXREC": 0}, 0, ["OK"]),
    ):
        described = results(answer(observed, **given))
        assert len(described.tables[0].array) == rows
        assert [info.value for info in described.infos if info.name == "QUERY_STATUS"] == statuses


def test_metadata_name_every_parameter_and_every_column(observed: Observed, check_xml: Callable[[bytes], None]) -> None:
    document = answer(observed, FORMAT="metadata", POS="nonsense")
    check_xml(document)
    described = results(document)
    names = {param.name for param in described.params}
    for name in ("POS", "SIZE", "BAND", "TIME", "FORMAT", "TOP", "MAXREC", "COLLECTION", "PUBDID", "MTIME", "RUNID"):
        assert f"INPUT:{name}" in names
    assert {param.utype for param in described.params if param.name.startswith("OUTPUT:")} >= MANDATORY
    assert all(len(table.array) == 0 for table in described.tables)


BAD = [
    ("REQUEST", "getCapabilities"), ("REQUEST", "x"), ("VERSION", "2.0"), ("VERSION", "one"), ("VERSION", "0.9"),
    *(("POS", text) for text in ("1", "1,2,3", "1 2", "M31", "NaN,1", "361,1", "1,91", "1,", "1,2;MARS", "1/2,3")),
    *(("SIZE", text) for text in ("-1", "NaN", "one", "1,2", "361", "Inf")),
    *(("BAND", text) for text in ("J", "NaN", "-1", "1e-7/2e-7/1e-8", "1e-7/x", "1e-7;mars", "Inf", "1 2", "1e999")),
    *(("TIME", text) for text in ("yesterday", "55000.5", "2005-13", "2005-02-30", "1990-2000", "2005/2006/1", "NaN")),
    *(("TIME", text) for text in ("2005-01-01T25:00:00", "20050101", "2005-1-1", "0000", "2005-01-01T12")),
    *((name, text) for name in ("SPECRP", "SPATRES", "TIMERES", "SNR", "APERTURE") for text in ("x", "NaN", "-1")),
    *((name, text) for name in ("REDSHIFT", "VARAMPL") for text in ("x", "1,2", "1/2/3", "NaN")),
    ("FLUXCALIB", "perfect"), ("WAVECALIB", "normalized"), ("FORMAT", "paper"), ("FORMAT", "fits,paper"),
    *((name, text) for name in ("TOP", "MAXREC") for text in ("-1", "x", "1.5")),
    ("MTIME", "2005,2006"), ("MTIME", "x"), ("COMPRESS", "maybe"), ("BAND", ",".join(["1e-7"] * 201)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), BAD, ids=[f"{name}={text[:25]}" for name, text in BAD])
def test_what_is_wrong_is_said_in_one_sentence(
    observed: Observed, name: str, text: str, check_xml: Callable[[bytes], None]
) -> None:
    document = answer(observed, **{name: text})
    check_xml(document)
    infos = {info.name: (info.value, info.content) for info in results(document).infos}
    assert infos["QUERY_STATUS"][0] == "ERROR"
    assert infos["SERVICE_PROTOCOL"] == ("1.1", "SSAP")
    sentence = infos["QUERY_STATUS"][1]
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_request_needs_no_operation_and_may_be_posted(observed: Observed) -> None:
    expected = found(answer(observed, POS="83.6,-5.4", SIZE=4))
    given = {"pos": "83.6,-5.4", "Size": "4"}
    assert found(observed.client.get(f"{PATH}?{urlencode(given)}").data) == expected
    assert found(observed.client.post(PATH, data=given).data) == expected


def test_the_capabilities_have_a_query_that_finds_something(
    observed: Observed, check_xml: Callable[[bytes], None]
) -> None:
    document = observed.client.get("/ssap/capabilities").data
    check_xml(document)
    (capability,) = etree.fromstring(document).xpath("capability[@standardID='ivo://ivoa.net/std/SSA']")
    assert capability.findtext("interface/accessURL") == "http://archive.example/ssap?"
    command = capability.findtext("testQuery/queryDataCmd")
    assert len(found(observed.client.get(f"{PATH}?{command}").data)) == 1
    check_xml(observed.client.get("/ssap/availability").data)


def test_pyvo_searches_and_reads_errors(observed: Observed) -> None:
    service = pyvo.dal.SSAService(f"{observed.url}{PATH}?")
    records = service.search(
        pos=SkyCoord(83.6, -5.4, unit="deg"), diameter=6 * u.deg, band=(1e-7 * u.m, 1e-4 * u.m), format="all"
    )
    expected = found(answer(observed, POS="83.6,-5.4", SIZE=6, BAND="1e-7/1e-4"))
    assert {(record["publisher_did"].rpartition("?")[2], record.format) for record in records} == expected != set()
    assert all(math.isfinite(record.ra) and record.acref and record.title for record in records)
    with pytest.raises(pyvo.dal.DALQueryError, match="FLUXCALIB"):
        service.search(pos=SkyCoord(83.6, -5.4, unit="deg"), diameter=6 * u.deg, fluxcalib="perfect")


def test_no_parameter_makes_the_service_fail(observed: Observed) -> None:
    dice = random.Random(22)
    words = ["", "1", "1,1", "-1/1", "NaN", "1e308/", "/", ",", ";", ";;", "/,/", "' OR 1=1 --", "\x00", "é", "9" * 400,
             "0,0;FK4", "0001", "9999", "9999-12-31/", "0001/0002", "1/", "fits,votable", "image/*", "*/*"]  # fmt: skip
    names = [*(name for name, _ in CASES), *(name for name, _ in BAD), "TOP", "RUNID"]
    for _ in range(800):
        given = [(dice.choice(names), dice.choice(words)) for _ in range(dice.randrange(5))]
        response = observed.client.get(f"{PATH}?{urlencode(given)}")
        assert response.status_code == 200, given
        parse(io.BytesIO(response.data))
