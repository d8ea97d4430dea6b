"""Cone searches, against a loop over all rows, and by the clients of the field."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord, angular_separation
from astropy.io.votable import parse, parse_single_table
from astropy.table import Table
from lxml import etree
from observed import Observed

PATH = "/scs/ivoa.obscore"


def answer(observed: Observed, path: str = PATH, **parameters: object) -> bytes:
    response = observed.client.get(f"{path}?{urlencode(parameters)}")
    assert response.status_code == 200
    assert response.content_type == "text/xml;content=x-votable"
    return response.data


def ids(document: bytes) -> set[str]:
    return set(map(str, parse_single_table(io.BytesIO(document)).to_table()["dp_id"]))


def error(document: bytes) -> str:
    (resource,) = parse(io.BytesIO(document)).resources
    (found,) = [info.value for info in resource.infos if info.name == "Error"]
    assert not resource.tables
    return str(found)


def test_cones_hold_what_a_loop_over_all_rows_finds(observed: Observed) -> None:
    dice = random.Random(1)
    placed = [row for row in observed.rows if row["s_ra"] is not None]
    ra, dec = (np.radians([row[name] for row in placed]) for name in ("s_ra", "s_dec"))
    sizes = []
    for _ in range(300):
        near = dice.choice(placed)
        centre = (near["s_ra"], near["s_dec"]) if dice.random() < 0.7 else (dice.uniform(0, 360), dice.uniform(-90, 90))
        radius = dice.choice((1e-6, 0.5, 2.0, 10.0, 59.9, 61.0, 95.0, 179.0))
        apart = np.degrees(angular_separation(*np.radians(centre), ra, dec))
        if (np.abs(apart - radius) < 1e-8).any():
            continue
        found = ids(answer(observed, RA=repr(centre[0]), DEC=repr(centre[1]), SR=radius, VERB=1))
        assert found == {row["dp_id"] for row, each in zip(placed, apart, strict=True) if each <= radius}
        sizes.append(len(found))
    assert max(sizes) > 100


def test_the_widest_cone_holds_every_row_with_a_position(observed: Observed) -> None:
    found = ids(answer(observed, RA=0, DEC=90, SR=180))
    assert found == {row["dp_id"] for row in observed.rows if row["s_ra"] is not None}


def test_a_cone_without_a_radius_asks_for_the_columns_alone(observed: Observed) -> None:
    table = parse_single_table(io.BytesIO(answer(observed, RA=0, DEC=90, SR=0)))
    assert len(table.array) == 0
    assert len(table.fields) > 3


@pytest.mark.parametrize("verbosity", [None, 1, 2, 3])
def test_three_columns_have_the_names_of_the_standard_whatever_the_verbosity(
    observed: Observed, verbosity: int | None, check_xml: Callable[[bytes], None]
) -> None:
    parameters = {} if verbosity is None else {"VERB": verbosity}
    document = answer(observed, RA=83.6, DEC=-5.4, SR=2, **parameters)
    check_xml(document)
    read = parse(io.BytesIO(document))
    assert len(read.resources) == 1
    (table,) = read.resources[0].tables
    for ucd, datatype in (("ID_MAIN", "char"), ("POS_EQ_RA_MAIN", "double"), ("POS_EQ_DEC_MAIN", "double")):
        assert [field.datatype for field in table.fields if field.ucd == ucd] == [datatype]
    assert len(table.fields) == {1: 3, 3: len(observed.catalogue.find("ivoa", "obscore")[0].fields)}.get(
        verbosity or 2, len(table.fields)
    )
    assert all(field.ucd and field.description for field in table.fields)
    names = [str(name) for name in table.to_table()["dp_id"]]
    assert len(names) == len(set(names)) > 0
    assert b"<TABLEDATA>" in document


def test_rows_beyond_maxrec_are_announced(observed: Observed) -> None:
    document = answer(observed, RA=0, DEC=0, SR=180, MAXREC=5)
    assert len(ids(document)) == 5
    assert [info.value for info in parse(io.BytesIO(document)).resources[0].infos] == ["OK", "OVERFLOW"]


BAD = {
    "nothing": {},
    "no SR": {"RA": "1", "DEC": "1"},
    "no RA": {"DEC": "1", "SR": "1"},
    "an empty DEC": {"RA": "1", "DEC": " ", "SR": "1"},
    "DEC beyond the pole": {"RA": "1", "DEC": "91.0", "SR": "1"},
    "RA beyond the circle": {"RA": "360.5", "DEC": "1", "SR": "1"},
    "RA below zero": {"RA": "-1", "DEC": "1", "SR": "1"},
    "a negative radius": {"RA": "1", "DEC": "1", "SR": "-1"},
    "a radius too large": {"RA": "1", "DEC": "1", "SR": "180.1"},
    "text": {"RA": "as3f", "DEC": "1", "SR": "1"},
    "NaN": {"RA": "NaN", "DEC": "1", "SR": "1"},
    "infinity": {"RA": "1", "DEC": "1", "SR": "Inf"},
    "sexagesimal": {"RA": "05:35:17", "DEC": "1", "SR": "1"},
    "two numbers": {"RA": "1 2", "DEC": "1", "SR": "1"},
    "VERB 0": {"RA": "1", "DEC": "1", "SR": "1", "VERB": "0"},
    "VERB 4": {"RA": "1", "DEC": "1", "SR": "1", "VERB": "4"},
    "VERB high": {"RA": "1", "DEC": "1", "SR": "1", "VERB": "high"},
    "MAXREC below zero": {"RA": "1", "DEC": "1", "SR": "1", "MAXREC": "-1"},
}


@pytest.mark.parametrize("parameters", BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_in_one_sentence(
    observed: Observed, parameters: dict[str, str], check_xml: Callable[[bytes], None]
) -> None:
    document = answer(observed, **parameters)
    check_xml(document)
    assert error(document).endswith(".")
    assert "\n" not in error(document)


def test_a_parameter_given_twice_is_refused(observed: Observed) -> None:
    assert "give it once" in error(observed.client.get(f"{PATH}?RA=1&RA=2&DEC=1&SR=1").data)


def test_names_of_parameters_have_any_case_and_unknown_ones_are_ignored(observed: Observed) -> None:
    expected = ids(answer(observed, RA=83.6, DEC=-5.4, SR=2))
    assert ids(answer(observed, ra=83.6, Dec=-5.4, sr=2, RUNID="x", wiggle="1")) == expected
    posted = observed.client.post(PATH, data={"RA": 83.6, "DEC": -5.4, "SR": 2})
    assert ids(posted.data) == expected


@pytest.mark.parametrize("path", ["/scs/nosuch", "/scs/tap_schema.tables", "/scs/ivoa", "/scs/%00", "/scs/a'b.c"])
def test_an_unknown_table_is_named(observed: Observed, path: str) -> None:
    response = observed.client.get(f"{path}?RA=1&DEC=1&SR=1")
    assert response.status_code == 404
    assert "There is no table" in error(response.data)


def test_a_table_is_found_without_its_schema(observed: Observed) -> None:
    parameters = {"RA": 83.6, "DEC": -5.4, "SR": 2}
    assert ids(answer(observed, "/scs/ObsCore", **parameters)) == ids(answer(observed, **parameters)) != set()


@pytest.mark.parametrize("table", ["ivoa.obscore", "dbo.raw"])
def test_the_capabilities_have_a_query_that_finds_something(
    observed: Observed, table: str, check_xml: Callable[[bytes], None]
) -> None:
    document = observed.client.get(f"/scs/{table}/capabilities").data
    check_xml(document)
    root = etree.fromstring(document)
    (capability,) = root.xpath("capability[@standardID='ivo://ivoa.net/std/ConeSearch']")
    assert capability.findtext("interface/accessURL") == f"http://archive.example/scs/{table}?"
    query = {name.upper(): capability.findtext(f"testQuery/{name}") for name in ("ra", "dec", "sr")}
    assert bool(ids(answer(observed, f"/scs/{table}", **query))) == (table == "ivoa.obscore")
    check_xml(observed.client.get(f"/scs/{table}/availability").data)


def test_pyvo_searches_and_reads_errors(observed: Observed) -> None:
    service = pyvo.dal.SCSService(f"{observed.url}{PATH}?")
    found = service.search(pos=SkyCoord(83.6, -5.4, unit="deg"), radius=2.0, verbosity=3)
    assert {record.id for record in found} == ids(answer(observed, RA=83.6, DEC=-5.4, SR=2))
    assert all(record.pos.separation(SkyCoord(83.6, -5.4, unit="deg")).deg <= 2 for record in found)
    with pytest.raises(pyvo.dal.DALQueryError, match="SR"):
        service.search(pos=SkyCoord(83.6, -5.4, unit="deg"), radius=-1)


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_stilts_crosses_a_table_with_cones(observed: Observed, tmp_path: Path) -> None:
    placed = [row for row in observed.rows if row["s_ra"] is not None][:20]
    Table(rows=[(row["s_ra"], row["s_dec"], row["dp_id"]) for row in placed], names=["ra", "dec", "name"]).write(
        tmp_path / "in.vot", format="votable"
    )
    subprocess.run(
        ["stilts", "coneskymatch", f"in={tmp_path / 'in.vot'}", "ra=ra", "dec=dec", "sr=0.0001", "usefoot=false",
         f"serviceurl={observed.url}{PATH}?", "servicetype=cone", f"out={tmp_path / 'out.csv'}", "ofmt=csv"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pairs = Table.read(tmp_path / "out.csv", format="csv")
    assert set(zip(pairs["name"], pairs["dp_id"], strict=True)) >= {(row["dp_id"], row["dp_id"]) for row in placed}


def test_no_parameter_makes_the_service_fail(observed: Observed) -> None:
    dice = random.Random(2)
    words = ["", "1", "-1", "NaN", "1e308", "1e-320", "' OR 1=1 --", "\x00", "é", "9" * 400, "0x10", "+1", "1.", "Inf"]
    for _ in range(500):
        names = dice.choices(("RA", "DEC", "SR", "VERB", "MAXREC", "CATALOG", "\x00"), k=dice.randrange(6))
        given = [("RA", "1"), ("DEC", "1"), ("SR", "0.1"), *((name, dice.choice(words)) for name in names)]
        response = observed.client.get(f"{PATH}?{urlencode(dice.sample(given, dice.randrange(len(given) + 1)))}")
        assert response.status_code == 200
        parse(io.BytesIO(response.data))
