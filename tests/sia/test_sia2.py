"""SIA 2, against plain Python over all rows, and by the clients of the field."""

from __future__ import annotations

import csv
import io
import itertools
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.io.votable import parse
from astropy.time import Time
from footprints import Footprints, outline, polygon, read_footprints
from lxml import etree
from observed import DEFAULT_ROWS, Observed
from products import CLUSTERS

from schema.obscore import obscore

PATH = "/sia2/query"
OVERLAPS = {"BAND": ("em_min", "em_max"), "TIME": ("t_min", "t_max")}
RANGES = {
    "FOV": "s_fov",
    "SPATRES": "s_resolution",
    "SPECRP": "em_res_power",
    "EXPTIME": "t_exptime",
    "TIMERES": "t_resolution",
}
TEXTS = {
    "COLLECTION": "obs_collection",
    "FACILITY": "facility_name",
    "INSTRUMENT": "instrument_name",
    "DPTYPE": "dataproduct_type",
    "TARGET": "target_name",
    "FORMAT": "access_format",
}

Given = list[tuple[str, str]]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def footprints(observed: Observed) -> Footprints:
    return read_footprints(observed.rows)


def found_ids(observed: Observed, given: Given) -> set[str]:
    query = urlencode([*given, ("RESPONSEFORMAT", "csv")])
    response = observed.client.post(PATH, data=query, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 200, response.data
    return {row["dp_id"] for row in csv.DictReader(io.StringIO(response.text))}


def expected_ids(observed: Observed, given: Given, footprints: Footprints) -> set[str]:
    """What SIA 2.0 asks for: any of the values of a parameter, all of the parameters; NULL satisfies none."""
    matching = {number for number, row in enumerate(observed.rows) if row["dataproduct_type"] in ("image", "cube")}
    for name, pairs in itertools.groupby(sorted(given, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        values = [value for _, value in pairs]
        if name == "POS":
            held = np.any([in_region(footprints, value) for value in values], axis=0)
            matching &= set(np.flatnonzero(held).tolist())
        else:
            matching &= {
                number for number in matching if any(matches(observed.rows[number], name, value) for value in values)
            }
    return {observed.rows[number]["dp_id"] for number in matching}


def in_region(footprints: Footprints, text: str) -> Any:
    shape, *words = text.split()
    numbers = [float(word) for word in words]
    if shape == "CIRCLE":
        return footprints.near(*numbers)
    if shape == "RANGE":
        return footprints.meeting(outline(*numbers))
    return footprints.meeting(polygon(list(zip(numbers[::2], numbers[1::2], strict=True))))


def matches(row: Row, name: str, value: str) -> bool:
    if name == "FORMAT":
        return value in (row["access_format"], "application/x-votable+xml;content=datalink")
    if name in TEXTS:
        return bool(row[TEXTS[name]] == value)
    if name == "CALIB":
        return bool(row["calib_level"] == int(value))
    if name == "ID":
        return bool(row["obs_publisher_did"].lower() == value.lower())
    if name == "POL":
        return value in (row["pol_states"] or "").split("/")[1:-1]
    bounds = [float(word) for word in value.split()]
    low, high = bounds[0], bounds[-1]
    if name in RANGES:
        return row[RANGES[name]] is not None and low <= row[RANGES[name]] <= high
    lower, upper = (row[column] for column in OVERLAPS[name])
    return lower is not None and upper is not None and lower <= high and upper >= low


def a_value(dice: random.Random, observed: Observed, name: str) -> str:
    row = dice.choice(observed.rows)
    if name == "POS":
        return a_region(dice)
    if name in TEXTS:
        return str(row[TEXTS[name]] or "no such thing")
    if name == "CALIB":
        return str(dice.randrange(5))
    if name == "ID":
        return str(dice.choice((str.upper, str.lower, str))(row["obs_publisher_did"]))
    if name == "POL":
        return dice.choice(("I", "Q", "RR", "i", "XX", "POLI"))
    centre = row[RANGES[name] if name in RANGES else OVERLAPS[name][0]] or 1.0
    low, high = centre * dice.choice((0.3, 0.99, 1.0)), centre * dice.choice((1.0, 1.01, 4.0))
    return dice.choice((f"{low!r} {high!r}", f"-Inf {high!r}", f"{low!r} +Inf", repr(centre), "-Inf +Inf"))


def a_region(dice: random.Random) -> str:
    lon, lat = dice.choice(CLUSTERS)
    lon, lat = (lon + dice.gauss(0, 2)) % 360, max(-89.5, min(89.5, lat + dice.gauss(0, 2)))
    size = dice.choice((0.001, 0.1, 1.0, 8.0, 40.0))
    match dice.randrange(3):
        case 0:
            return f"CIRCLE {lon!r} {lat!r} {size}"
        case 1:
            lon, size = min(lon, 355.0), min(size, 20.0)
            return f"RANGE {lon!r} {min(lon + size, 360.0)!r} {lat!r} {min(lat + size, 90.0)!r}"
    size = min(size, 10.0)
    lat = max(-75.0, min(75.0, lat))
    corners = [(lon - size, lat - size), (lon + size, lat - size / 2), (lon + size / 3, lat + size)]
    return "POLYGON " + " ".join(f"{x % 360!r} {y!r}" for x, y in dice.choice((corners, corners[::-1])))


def test_any_set_of_parameters_gives_what_plain_python_finds(observed: Observed, footprints: Footprints) -> None:
    dice = random.Random(3)
    names = ["POS", *OVERLAPS, *RANGES, *TEXTS, "CALIB", "ID", "POL"]
    sizes = []
    for _ in range(1000):
        chosen = dice.sample(names, dice.choice((0, 1, 1, 1, 2, 3)))
        given = [(name, a_value(dice, observed, name)) for name in chosen for _ in range(dice.choice((1, 1, 2, 4)))]
        found = found_ids(observed, given)
        assert found == expected_ids(observed, given, footprints), given
        sizes.append(len(found))
    assert sum(0 < size < 300 for size in sizes) > 300


@pytest.mark.parametrize(
    "band", ["POS=RANGE -Inf +Inf -Inf +Inf", "POS=RANGE 0 360 -90 90", "POS=CIRCLE 0 0 180"], ids=str
)
def test_the_whole_sky_holds_every_product_with_a_region(observed: Observed, band: str) -> None:
    given = [tuple(band.split("=", 1))]
    expected = {
        row["dp_id"]
        for row in observed.rows
        if row["s_region"] is not None and row["dataproduct_type"] in ("image", "cube")
    }
    assert found_ids(observed, given) == expected


def test_text_is_compared_letter_by_letter(observed: Observed, footprints: Footprints) -> None:
    upper, lower = (found_ids(observed, [("COLLECTION", name)]) for name in ("KUYCHI", "kuychi"))
    assert upper
    assert lower
    assert not upper & lower


def test_an_answer_has_the_columns_of_obscore_and_describes_itself(
    observed: Observed, check_xml: Callable[[bytes], None]
) -> None:
    response = observed.client.get(f"{PATH}?{urlencode({'POS': 'CIRCLE 83.6 -5.4 1'})}")
    assert response.content_type.startswith("application/x-votable+xml")
    check_xml(response.data)
    results, links, this = parse(io.BytesIO(response.data)).resources
    fields = {field.name: field for field in results.tables[0].fields}
    for column in obscore.columns:
        field = column.info.get("field")
        if field is not None:
            assert (fields[field.name].ucd, fields[field.name].utype) == (field.ucd, field.utype)
    (ref,) = [entry.ref for entry in links.groups[0].entries if entry.name == "ID"]
    assert ref == fields["obs_publisher_did"].ID
    assert this.name == "this"
    facts = {param.name: param.value for param in this.params}
    assert facts == {
        "standardID": "ivo://ivoa.net/std/SIA#query-2.0",
        "accessURL": "http://archive.example/sia2/query",
    }
    inputs = {entry.name for entry in this.groups[0].entries}
    assert inputs >= {"POS", "POL", "CALIB", "ID", *OVERLAPS, *RANGES, *TEXTS}


def test_maxrec_zero_gives_the_description_alone(observed: Observed, check_xml: Callable[[bytes], None]) -> None:
    response = observed.client.get(f"{PATH}?MAXREC=0")
    check_xml(response.data)
    results, *services = parse(io.BytesIO(response.data)).resources
    assert len(results.tables[0].array) == 0
    assert len(results.tables[0].fields) > 30
    assert [info.value for info in results.infos if info.name == "QUERY_STATUS"] == ["OK"]
    assert len(services) == 2


def test_rows_beyond_maxrec_are_announced(observed: Observed) -> None:
    (results, *_) = parse(io.BytesIO(observed.client.get(f"{PATH}?MAXREC=7").data)).resources
    assert len(results.tables[0].array) == 7
    assert [info.value for info in results.infos] == ["OK", "OVERFLOW"]


BAD = [
    *(
        (name, value)
        for name in (*OVERLAPS, *RANGES)
        for value in ("one", "NaN", "1 NaN", "2 1", "1 2 3", "Inf", "1/2", "1e999", "+Inf -Inf")
    ),
    ("BAND", "-2"),
    *(
        ("POS", value)
        for value in (
            "CIRCLE 1 2", "CIRCLE 1 2 -3", "CIRCLE 1 2 NaN", "CIRCLE 1 95 1", "CIRCLE 400 2 1", "CIRCLE 1 2 200",
            "RANGE 2 1 0 1", "RANGE 0 1 2 1", "RANGE 0 1 0", "RANGE NaN 1 0 1", "BOX 1 2 3 4", "12.3,45.6", "M31",
            "POLYGON 1 2 3 4", "POLYGON 1 2 3 4 5", "POLYGON 0 0 180 0 90 10", "POLYGON " + "1 2 " * 2100,
        )
    ),
    *(("CALIB", value) for value in ("5", "-1", "1.5", "two", "1 2", "NaN")),
    *(("MAXREC", value) for value in ("-1", "many", "1.5", "NaN")),
    ("RESPONSEFORMAT", "paper"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value[:30]}" for name, value in BAD])
def test_what_is_wrong_is_said_in_one_sentence(
    observed: Observed, name: str, value: str, check_xml: Callable[[bytes], None]
) -> None:
    response = observed.client.post(PATH, data={name: value})
    assert response.status_code == 400
    assert response.content_type == "application/x-votable+xml"
    check_xml(response.data)
    (info,) = parse(io.BytesIO(response.data)).resources[0].infos
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    assert info.content.startswith(f"UsageFault: {name}")
    assert "\n" not in info.content
    assert len(info.content) < 400


def test_a_parameter_may_have_many_values_but_not_any_number(observed: Observed, footprints: Footprints) -> None:
    dice = random.Random(5)
    given = [("POS", a_region(dice)) for _ in range(60)]
    assert found_ids(observed, given) == expected_ids(observed, given, footprints)
    response = observed.client.post(PATH, data={"ID": ["x"] * 201})
    assert response.status_code == 400
    assert b"UsageFault: ID is given 201 times" in response.data


def test_a_fault_is_plain_text_where_rows_would_be(observed: Observed) -> None:
    response = observed.client.get(f"{PATH}?BAND=x&RESPONSEFORMAT=csv")
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert response.text.startswith("UsageFault: BAND")


def test_unknown_and_empty_parameters_are_ignored(observed: Observed) -> None:
    everything = found_ids(observed, [])
    assert found_ids(observed, [("SIZE", "1"), ("POS", " "), ("upload", "x"), ("\x00", "\x00")]) == everything


def test_the_capabilities_are_found_beside_the_query(observed: Observed, check_xml: Callable[[bytes], None]) -> None:
    document = observed.client.get("/sia2/capabilities").data
    check_xml(document)
    urls = etree.fromstring(document).xpath("capability[@standardID='ivo://ivoa.net/std/SIA#query-2.0']//accessURL")
    assert [each.text for each in urls] == ["http://archive.example/sia2/query"]
    check_xml(observed.client.get("/sia2/availability").data)


def test_pyvo_searches_and_reads_errors(observed: Observed, footprints: Footprints) -> None:
    service = pyvo.dal.SIA2Service(f"{observed.url}{PATH}", check_baseurl=False)
    found = service.search(
        pos=(83.6 * u.deg, -5.4 * u.deg, 3 * u.deg), band=(1e-7 * u.m, 1e-4 * u.m), calib_level=2, maxrec=1000
    )
    given = [("POS", "CIRCLE 83.6 -5.4 3"), ("BAND", "1e-7 1e-4"), ("CALIB", "2")]
    assert {record["dp_id"] for record in found} == expected_ids(observed, given, footprints) != set()
    timed = service.search(time=(Time(52000, format="mjd"), Time(52500, format="mjd")), maxrec=DEFAULT_ROWS)
    assert {record["dp_id"] for record in timed} == expected_ids(observed, [("TIME", "52000 52500")], footprints)
    with pytest.raises(pyvo.dal.DALQueryError, match="UsageFault: RESPONSEFORMAT"):
        service.search(responseformat="paper")


def test_no_parameter_makes_the_service_fail(observed: Observed) -> None:
    dice = random.Random(6)
    words = ["", "1", "-1 1", "NaN", "1e308 1e309", "' OR 1=1 --", "\x00", "é", "9" * 400, "/I/", "CIRCLE 0 0 0", "%",
             "RANGE 360 360 90 90", "POLYGON 0 0 0 0 0 0", "POLYGON 0 90 0 90 0 90", "RANGE 0 0 0 0"]  # fmt: skip
    names = ["POS", *OVERLAPS, *RANGES, *TEXTS, "CALIB", "ID", "POL", "MAXREC", "RESPONSEFORMAT", "RUNID", "x"]
    for _ in range(1000):
        given = [(dice.choice(names), dice.choice(words)) for _ in range(dice.randrange(5))]
        response = observed.client.get(f"{PATH}?{urlencode(given)}")
        assert response.status_code in (200, 400), given
