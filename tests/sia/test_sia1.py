"""SIA 1, against S2 over all rows, and by the clients of the field."""

from __future__ import annotations

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
import spherely
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from footprints import Footprints, point, polygon, read_footprints
from lxml import etree
from observed import Observed
from products import CLUSTERS

PATH = "/sia"
REQUIRED = {
    "VOX:Image_Title": "char",
    "POS_EQ_RA_MAIN": "double",
    "POS_EQ_DEC_MAIN": "double",
    "VOX:Image_Naxes": "int",
    "VOX:Image_Naxis": "int",
    "VOX:Image_Scale": "double",
    "VOX:Image_Format": "char",
    "VOX:Image_AccessReference": "char",
}


@pytest.fixture(scope="module")
def footprints(observed: Observed) -> Footprints:
    return read_footprints(observed.rows)


def answer(observed: Observed, **parameters: object) -> bytes:
    response = observed.client.get(f"{PATH}?{urlencode(parameters)}")
    assert response.status_code == 200, response.data
    assert response.content_type == "text/xml;content=x-votable"
    return response.data


def results(document: bytes) -> Any:
    return parse(io.BytesIO(document)).resources[0]


def ids(document: bytes) -> set[str]:
    table = results(document).tables[0].to_table()
    return {str(value).rpartition("?")[2] for value in table["obs_publisher_did"]}


def products(observed: Observed, held: Any) -> set[str]:
    return {
        row["dp_id"]
        for row, holds in zip(observed.rows, held, strict=True)
        if holds and row["dataproduct_type"] in ("image", "cube")
    }


def box(ra: float, dec: float, width: float, height: float) -> Any:
    """Great circles at right angles to the arms of a cross, in the frame of the centre."""
    frame = SkyCoord(ra, dec, unit="deg").skyoffset_frame()
    east = math.radians(width / 2)
    north = math.atan(math.tan(math.radians(height / 2)) * math.cos(east))
    corners = SkyCoord([-east, east, east, -east] * u.rad, [-north, -north, north, north] * u.rad, frame=frame).icrs
    return polygon(list(zip(corners.ra.deg.tolist(), corners.dec.deg.tolist(), strict=True)))


def test_images_overlap_the_region_where_s2_says_so(observed: Observed, footprints: Footprints) -> None:
    dice = random.Random(11)
    sizes = []
    for _ in range(150):
        lon, lat = dice.choice(CLUSTERS)
        ra, dec = (lon + dice.gauss(0, 1)) % 360, max(-89.0, min(89.0, lat + dice.gauss(0, 1)))
        size = dice.choice(((0.5, 0.5), (3.0, 1.0), (10.0, 20.0), (0.0, 0.0)))
        area = point(ra, dec) if size == (0.0, 0.0) else box(ra, dec, *size)
        text = f"{size[0]}" if size[0] == size[1] else f"{size[0]},{size[1]}"
        found = ids(answer(observed, POS=f"{ra!r},{dec!r}", SIZE=text, INTERSECT=dice.choice(("OVERLAPS", "overlaps"))))
        assert found == products(observed, footprints.meeting(area))
        centre = ids(answer(observed, POS=f"{ra!r},{dec!r}", SIZE=text, INTERSECT="CENTER"))
        assert centre == products(observed, footprints.meeting(point(ra, dec)))
        sizes.append(len(found))
    assert sum(size > 0 for size in sizes) > 75


def test_images_cover_the_region_or_lie_in_it_where_s2_says_so(observed: Observed) -> None:
    dice = random.Random(12)
    rows = [row for row in observed.rows if (row["s_region"] or "").startswith("POLYGON")]
    shapes = read_footprints(rows)
    assert len(shapes.polygons) == len(rows)
    names = {row["dp_id"] for row in rows}
    sizes = {"COVERS": 0, "ENCLOSED": 0}
    for _ in range(100):
        row = dice.choice([row for row in rows if row["dataproduct_type"] in ("image", "cube")])
        ra, dec, size = row["s_ra"], row["s_dec"], dice.choice((0.001, 0.01, 0.2, 2.0, 8.0))
        area = box(ra, dec, size, size)
        judged = {"COVERS": spherely.covers(shapes.polygons, area), "ENCLOSED": spherely.covers(area, shapes.polygons)}
        for word, held in judged.items():
            found = ids(answer(observed, POS=f"{ra!r},{dec!r}", SIZE=size, INTERSECT=word)) & names
            assert found == {
                each["dp_id"]
                for each, holds in zip(rows, held, strict=True)
                if holds and each["dataproduct_type"] in ("image", "cube")
            }
            sizes[word] += bool(found)
    assert min(sizes.values()) > 20


def test_the_whole_sky_holds_every_image_with_a_region(observed: Observed) -> None:
    everything = products(observed, [row["s_region"] is not None for row in observed.rows])
    for size in ("180", "360", "360,180"):
        assert ids(answer(observed, POS="12,34", SIZE=size)) == everything
    assert ids(answer(observed, POS="12,34", SIZE="360", INTERSECT="ENCLOSED")) == everything
    assert ids(answer(observed, POS="12,34", SIZE="360", INTERSECT="COVERS")) == set()


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("ALL", None),
        ("all", None),
        ("image/fits", {"application/fits"}),
        ("application/fits", {"application/fits"}),
        ("GRAPHIC", {"image/jpeg"}),
        ("GRAPHIC-ALL", {"image/jpeg"}),
        ("graphic-jpeg", {"image/jpeg"}),
        ("GRAPHIC-PNG", set()),
        ("image/jpeg,image/fits", {"image/jpeg", "application/fits"}),
        ("image/fits,", {"application/fits"}),
        ("text/html", set()),
        ("HTML", set()),
    ],
)
def test_a_format_chooses_images_and_never_the_form_of_the_answer(
    observed: Observed, text: str, formats: set[str] | None
) -> None:
    found = ids(answer(observed, POS="83.6,-5.4", SIZE="360", FORMAT=text))
    assert found == products(
        observed,
        [row["s_region"] is not None and (formats is None or row["access_format"] in formats) for row in observed.rows],
    )


@pytest.mark.parametrize("verbosity", [None, 0, 1, 2, 3])
def test_every_answer_has_the_columns_of_the_standard_once(
    observed: Observed, verbosity: int | None, check_xml: Callable[[bytes], None]
) -> None:
    given = {} if verbosity is None else {"VERB": verbosity}
    document = answer(observed, POS="83.6,-5.4", SIZE="4", **given)
    # The schema of VOTable knows no colon in a UCD; SIA 1 asks for it.
    check_xml(document.replace(b'ucd="VOX:', b'ucd="VOX.'))
    (table,) = results(document).tables
    ucds = [field.ucd for field in table.fields]
    for ucd, datatype in REQUIRED.items():
        assert [field.datatype for field in table.fields if field.ucd == ucd] == [datatype]
    assert ("VOX:BandPass_LoLimit" in ucds) == (verbosity != 0 and verbosity != 1)
    assert ("VOX:Image_MJDateObs" in ucds) == (verbosity != 0)
    assert ("s_region" in {field.name for field in table.fields}) == (verbosity == 3)
    assert len(table.array) > 10
    assert b"<TABLEDATA>" in document
    assert (b"links-1.1" in document) == (verbosity != 0)


def test_values_are_those_of_the_products_in_the_units_of_the_standard(observed: Observed) -> None:
    table = results(answer(observed, POS="12,34", SIZE="360")).tables[0].to_table()
    by_id = {str(row["obs_publisher_did"]).rpartition("?")[2]: row for row in table}
    for row in observed.rows:
        found = by_id.get(row["dp_id"])
        if found is None:
            continue
        assert found["reference"] == f"http://archive.example/files/{row['dp_id']}"
        assert found["format"] == {"application/fits": "image/fits"}.get(row["access_format"], row["access_format"])
        assert (found["ra"], found["dec"]) == (row["s_ra"], row["s_dec"])
        axes = [row["s_xel1"], row["s_xel2"]]
        is_cube = row["dataproduct_type"] == "cube" and bool(row["em_xel"])
        assert found["naxes"] == (3 if is_cube else 2)
        if None not in axes:
            assert list(found["naxis"]) == [*axes, *([row["em_xel"]] if is_cube else [])]
        if row["s_pixel_scale"] is not None:
            assert np.allclose(found["scale"], [row["s_pixel_scale"] / 3600] * 2)
        if row["t_min"] is not None:
            assert np.isclose(found["date_obs"], (row["t_min"] + row["t_max"]) / 2, rtol=0, atol=1e-9)


def test_metadata_are_the_parameters_and_the_columns(observed: Observed, check_xml: Callable[[bytes], None]) -> None:
    document = answer(observed, FORMAT="METADATA")
    check_xml(document.replace(b'ucd="VOX:', b'ucd="VOX.'))
    described = results(document)
    names = {param.name for param in described.params}
    assert names == {f"INPUT:{name}" for name in ("POS", "SIZE", "FORMAT", "INTERSECT", "VERB", "MAXREC")}
    (table,) = described.tables
    assert {field.ucd for field in table.fields} >= set(REQUIRED)
    assert len(table.array) == 0


BAD = [
    {"SIZE": "1"},
    {"POS": "1,1"},
    {"POS": "1", "SIZE": "1"},
    {"POS": "1,2,3", "SIZE": "1"},
    {"POS": "1 2", "SIZE": "1"},
    {"POS": "M31", "SIZE": "1"},
    {"POS": "NaN,1", "SIZE": "1"},
    {"POS": "361,1", "SIZE": "1"},
    {"POS": "1,91", "SIZE": "1"},
    {"POS": "1,", "SIZE": "1"},
    *({"POS": "1,1", "SIZE": text} for text in ("-1", "NaN", "one", "1,2,3", "361", "Inf", "200,1", ",")),
    {"POS": "1,1", "SIZE": "1", "INTERSECT": "TOUCHES"},
    {"POS": "1,1", "SIZE": "1", "FORMAT": "paper"},
    {"POS": "1,1", "SIZE": "1", "VERB": "4"},
    {"POS": "1,1", "SIZE": "1", "VERB": "-1"},
    {"POS": "1,1", "SIZE": "1", "MAXREC": "x"},
]


@pytest.mark.parametrize("parameters", BAD, ids=lambda given: urlencode(given))
def test_what_is_wrong_is_said_in_one_sentence(
    observed: Observed, parameters: dict[str, str], check_xml: Callable[[bytes], None]
) -> None:
    document = answer(observed, **parameters)
    check_xml(document)
    (info,) = results(document).infos
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    assert info.content.endswith(".")
    assert "\n" not in info.content


def test_rows_beyond_maxrec_are_announced(observed: Observed) -> None:
    found = results(answer(observed, POS="12,34", SIZE="360", MAXREC=3))
    assert len(found.tables[0].array) == 3
    assert [info.value for info in found.infos] == ["OK", "OVERFLOW"]


def test_parameters_of_image_generation_change_nothing(observed: Observed) -> None:
    plain = ids(answer(observed, POS="83.6,-5.4", SIZE="2"))
    assert ids(answer(observed, pos="83.6,-5.4", Size="2", NAXIS="100,100", CFRAME="GAL", PROJ="TAN", x="y")) == plain
    assert ids(observed.client.post(PATH, data={"POS": "83.6,-5.4", "SIZE": "2"}).data) == plain


def test_the_capabilities_have_a_query_that_finds_something(
    observed: Observed, check_xml: Callable[[bytes], None]
) -> None:
    document = observed.client.get("/sia/capabilities").data
    check_xml(document)
    (capability,) = etree.fromstring(document).xpath("capability[@standardID='ivo://ivoa.net/std/SIA']")
    assert capability.findtext("interface/accessURL") == "http://archive.example/sia?"
    place = ",".join(capability.findtext(f"testQuery/pos/{name}") for name in ("long", "lat"))
    assert ids(answer(observed, POS=place, SIZE=capability.findtext("testQuery/size/long")))
    check_xml(observed.client.get("/sia/availability").data)


def test_pyvo_searches_and_reads_errors(observed: Observed, footprints: Footprints) -> None:
    service = pyvo.dal.SIAService(f"{observed.url}{PATH}?")
    found = service.search(pos=SkyCoord(83.6, -5.4, unit="deg"), size=2 * u.deg, format="image/fits")
    held = footprints.meeting(box(83.6, -5.4, 2, 2))
    expected = products(
        observed, held & np.array([row["access_format"] == "application/fits" for row in observed.rows])
    )
    assert {record.acref.rpartition("/")[2] for record in found} == expected != set()
    assert {record.format for record in found} == {"image/fits"}
    with pytest.raises(pyvo.dal.DALQueryError, match="INTERSECT"):
        service.search(pos=SkyCoord(83.6, -5.4, unit="deg"), size=2 * u.deg, intersect="touches")


def test_no_parameter_makes_the_service_fail(observed: Observed) -> None:
    dice = random.Random(13)
    words = ["", "1", "1,1", "-1,1", "NaN", "1e308", "1e-320", "' OR 1=1 --", "\x00", "é", "9" * 400, "0,0", "179.999"]
    names = ["POS", "SIZE", "FORMAT", "INTERSECT", "VERB", "MAXREC", "x"]
    for _ in range(600):
        given = [("POS", "0,90"), ("SIZE", "1"), *((dice.choice(names), dice.choice(words)) for _ in range(2))]
        response = observed.client.get(f"{PATH}?{urlencode(dice.sample(given, dice.randrange(5)))}")
        assert response.status_code == 200, given
        parse(io.BytesIO(response.data))
