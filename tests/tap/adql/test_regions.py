"""Regions of columns in conditions, against the exact test of every pair, which spherely judges elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column
from schema.engines.dialect import render
from schema.engines.duckdb_functions import register_functions
from schema.engines.execute import Limits
from schema.engines.live import prepare_live
from schema.engines.postgresql import PostgreSqlEngine
from schema.replication.positions import hidden_columns
from schema.replication.tables import ReplicatedTable
from schema.spatial.constructs import FixedPosition
from schema.spatial.footprints import region_columns_of
from schema.spatial.polygons import box
from schema.spatial.region_text import read_regions
from schema.spatial.regions import REGION_COLUMNS, region_names
from schema.spatial.shapes import read_shapes, region_areas, region_centroids, regions_lie_within, regions_meet
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from vo.tables.field import Field

ROWS = {"duckdb": 2400, "postgresql": 500}
FIELDS = (
    Field("id", "int"),
    Field("ra", "double", unit="deg"),
    Field("dec", "double", unit="deg"),
    Field("s_region", "char", "*", xtype="adql:REGION"),
    Field("word", "char", "*"),
)
HIDDEN = [
    sa.Column("hpx", sa.BigInteger),
    *(sa.Column(name, sa.Double) for name in ("ux", "uy", "uz")),
    *(sa.Column(hidden, REGION_COLUMNS[suffix]) for suffix, hidden in region_names("s_region").items()),
]
FOOTPRINTS = PublishedTable(
    "sky",
    "footprints",
    sa.Table(
        "footprints",
        sa.MetaData(),
        *(column(field) for field in FIELDS),
        *HIDDEN,
        schema="sky",
        info={"position": ("ra", "dec"), "regions": ("s_region",)},
    ),
    "Regions of many kinds.",
)
CATALOGUE = Catalogue((PublishedSchema("sky", "", (FOOTPRINTS,)),))

# As a query says them, and as text.
SHAPES = {
    "point": ("POINT(150.1, 2.2)", "POSITION 150.1 2.2"),
    "point at the pole": ("POINT('ICRS', 0, 90)", "POSITION 0 90"),
    "small circle": ("CIRCLE(150.1, 2.2, 0.3)", "CIRCLE 150.1 2.2 0.3"),
    "circle over RA 0": ("CIRCLE('', 359.9, -1, 4)", "CIRCLE 359.9 -1 4"),
    "circle on the pole": ("CIRCLE(POINT(77, -89.5), 3)", "CIRCLE 77 -89.5 3"),
    "wide circle": ("CIRCLE(10, 10, 120)", "CIRCLE 10 10 120"),
    "all of the sky": ("CIRCLE(10, 10, 180)", "CIRCLE 10 10 180"),
    "square": ("POLYGON(149, 1, 151, 1, 151, 3, 149, 3)", "POLYGON 149 1 151 1 151 3 149 3"),
    "clockwise": ("POLYGON(149, 1, 149, 3, 151, 3, 151, 1)", "POLYGON 149 1 151 1 151 3 149 3"),
    "around the pole": ("POLYGON(0, 88, 120, 87, 240, 86)", "POLYGON 0 88 120 87 240 86"),
    "octant": ("POLYGON(0, 0, 90, 0, 0, 90)", "POLYGON 0 0 90 0 0 90"),
    "box": ("BOX(0.5, 0, 3, 2)", "BOX 0.5 0 3 2"),
    "region": ("REGION('UNION ICRS (CIRCLE 150 2 0.4 POLYGON 0 0 1 0 1 1)')", "CIRCLE 150 2 0.4 POLYGON 0 0 1 0 1 1"),
    "many vertices": (
        "POLYGON(" + ", ".join(f"{150 + np.cos(t):.4f}, {2 + np.sin(t):.4f}" for t in np.arange(0, 6.28, 0.1)) + ")",
        "POLYGON " + " ".join(f"{150 + np.cos(t):.4f} {2 + np.sin(t):.4f}" for t in np.arange(0, 6.28, 0.1)),
    ),
}


def region(random: np.random.Generator, lon: float, lat: float) -> str | None:
    """A region of any kind near a place."""
    size = 10 ** random.uniform(-3, 1.3)
    lat = float(np.clip(lat, -89.99, 89.99))
    match random.integers(10):
        case 0:
            return None
        case 1:
            return f"POSITION ICRS {lon} {lat}"
        case 2:
            return f"CIRCLE J2000 {lon} {lat} {size}"
        case 3:
            return f"BOX {lon} {lat} {size} {size / 2}"
        case 4:
            near = polygon(random, lon, lat, size)
            return f"UNION ICRS ({near} CIRCLE {(lon + 3 * size) % 360} {lat} {size} POLYGON 200 0 201 0 201 1)"
        case 5:
            return f"{lon} {lat} {size}"
        case 6 if random.random() < 0.2:
            return "ELLIPSE ICRS 1 2 3 4 5"
        case 7 if random.random() < 0.2:
            return f"CIRCLE ICRS {lon} 91 {size}"
    return polygon(random, lon, lat, size)


def polygon(random: np.random.Generator, lon: float, lat: float, size: float) -> str:
    turns = np.radians(np.arange(4) * 90 + random.uniform(0, 80, 4))
    tilt = np.radians(lat)
    y, z = np.radians(size) * np.cos(turns), np.radians(size) * np.sin(turns)
    x = np.ones(4)
    x, z = x * np.cos(tilt) - z * np.sin(tilt), x * np.sin(tilt) + z * np.cos(tilt)
    ra, dec = (lon + np.degrees(np.arctan2(y, x))) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
    return "POLYGON ICRS " + " ".join(f"{a:.7f} {d:.7f}" for a, d in zip(ra, dec, strict=True))


@pytest.fixture(scope="module", params=["duckdb", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine answers."""
    return str(request.param)


@pytest.fixture(scope="module")
def rows(engine: str) -> list[tuple[int, float, float, str | None]]:
    random = np.random.default_rng(20231215)
    made = []
    for number in range(ROWS[engine]):
        lon, lat = random.uniform(0, 360), float(np.degrees(np.arcsin(random.uniform(-1, 1))))
        match number % 5:
            case 1:
                lon, lat = random.normal(150.1, 1.0), random.normal(2.2, 1.0)
            case 2:
                lon, lat = random.normal(0.0, 2.0) % 360, random.normal(0.0, 2.0)
            case 3:
                lat = float(np.copysign(90.0 - abs(random.normal(0, 2.0)), random.normal()))
        made.append((number, float(lon), lat, region(random, float(lon), lat)))
    return made


Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(engine: str, request: pytest.FixtureRequest, rows: list[tuple[Any, ...]]) -> Iterator[Ask]:
    """Rows of a query, from each engine in turn."""
    if engine == "duckdb":
        yield from in_duckdb(rows)
    else:
        yield from in_postgresql(rows, request.getfixturevalue("sky_database"))


def in_duckdb(rows: list[tuple[Any, ...]]) -> Iterator[Ask]:
    connection = duckdb.connect(config={"threads": 2})
    register_functions(connection)
    ids, ra, dec, text = (pa.array(values) for values in zip(*rows, strict=True))
    hidden = dict(zip(("hpx", "ux", "uy", "uz"), hidden_columns(ra, dec), strict=True))
    hidden |= {region_names("s_region")[suffix]: made for suffix, made in region_columns_of(text).items()}
    word = pa.nulls(len(ids), pa.string())
    connection.register("made", pa.table({"id": ids, "ra": ra, "dec": dec, "s_region": text, "word": word, **hidden}))
    connection.execute("CREATE SCHEMA sky")
    connection.execute("CREATE TABLE sky.footprints AS SELECT * FROM made")

    def run(adql: str) -> list[tuple[Any, ...]]:
        sql, parameters = render(compile_query(adql, CATALOGUE).select)
        return connection.execute(sql, parameters).fetchall()

    yield run
    connection.close()


def in_postgresql(rows: list[tuple[Any, ...]], address: str) -> Iterator[Ask]:
    engine = sa.create_engine(make_url(address).set(drivername="postgresql+psycopg2"))
    truth = sa.Table("footprints", sa.MetaData(), *(column(field) for field in FIELDS), schema="sky")
    tables = (ReplicatedTable(truth, FOOTPRINTS),)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema("sky"))
        truth.create(connection)
        connection.execute(
            truth.insert(), [dict(zip(("id", "ra", "dec", "s_region"), row, strict=True)) for row in rows]
        )
    prepare_live(engine, tables)
    live = PostgreSqlEngine(engine, tables, {})

    def run(adql: str) -> list[tuple[Any, ...]]:
        stream = live.execute(compile_query(adql, CATALOGUE), Limits(None, 300))
        return [tuple(row) for batch in stream for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]

    yield run
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA sky CASCADE"))
    engine.dispose()


def ids(ask: Ask, condition: str, source: str = "sky.footprints") -> set[int]:
    return {row[0] for row in ask(f"SELECT id FROM {source} WHERE {condition}")}


def numbers(rows: list[tuple[Any, ...]]) -> pa.Array:
    return read_regions(pa.array([row[3] for row in rows]))


def constant(text: str, rows: list[tuple[Any, ...]]) -> pa.Array:
    return pa.array(read_regions(pa.array([text])).to_pylist() * len(rows), pa.list_(pa.float64()))


def test_text_of_regions_is_cast(ask: Ask, rows: list[tuple[Any, ...]]) -> None:
    stored = numbers(rows)
    valid = read_shapes(stored).valid.tolist()
    found = ask("SELECT id, CAST(s_region AS POLYGON) AS p, CAST(s_region AS CIRCLE) AS c FROM sky.footprints")
    assert len(found) == len(rows)
    for row, polygon, circle in found:
        held = stored[row].as_py() if valid[row] else [0.0]
        is_one = len(held) == (4 if held[0] == 1 else 1 + 2 * held[0])
        assert polygon == (pytest.approx(held[1:], rel=1e-15) if is_one and held[0] > 1 else None)
        assert circle == (held[1:] if is_one and held[0] == 1 else None)


@pytest.mark.parametrize("name", SHAPES)
def test_conditions_agree_with_the_test_of_every_row(name: str, ask: Ask, rows: list[tuple[Any, ...]]) -> None:
    shape, text = SHAPES[name]
    stored, wanted = numbers(rows), constant(text, rows)
    in_derived = "(SELECT id, s_region FROM sky.footprints) AS t"
    for forms, answer in (
        ((f"INTERSECTS(s_region, {shape})", f"INTERSECTS({shape}, s_region)"), regions_meet(stored, wanted)),
        ((f"CONTAINS(s_region, {shape})",), regions_lie_within(stored, wanted)),
        ((f"CONTAINS({shape}, s_region)",), regions_lie_within(wanted, stored)),
    ):
        holds = {place for place, value in enumerate(answer.to_pylist()) if value}
        holds_not = {place for place, value in enumerate(answer.to_pylist()) if value is False}
        for form in forms:
            assert ids(ask, f"1 = {form}") == holds
            assert ids(ask, f"{form} = 0") == holds_not
            assert ids(ask, f"{form} <> 1") == holds_not
            assert ids(ask, f"NOT 0 = {form}") == holds
            assert ids(ask, f"NOT 1 = {form}") == holds_not
            assert ids(ask, f"NOT (id < 0 OR {form} = 1)") == holds_not
            assert ids(ask, f"{form} > 0.5") == holds
            assert ids(ask, f"1 = {form}", in_derived) == holds
            assert ids(ask, f"1 = {form}", f"(SELECT id, {form} AS r, s_region FROM sky.footprints) AS t") == holds
    assert len(ids(ask, f"1 = INTERSECTS(s_region, {shape})")) > 0


@pytest.mark.parametrize(
    ("form", "left", "right", "within"),
    [
        ("INTERSECTS(a.s_region, b.s_region)", "a", "b", False),
        ("CONTAINS(a.s_region, b.s_region)", "a", "b", True),
        ("CONTAINS(POINT(a.ra, a.dec), b.s_region)", "a point", "b", True),
        ("INTERSECTS(CIRCLE(a.ra, a.dec, 0.5), b.s_region)", "a circle", "b", False),
        ("CONTAINS(CIRCLE(a.ra, a.dec, b.id / 1000.0), b.s_region)", "a growing circle", "b", True),
        ("INTERSECTS(b.s_region, POLYGON(a.ra, a.dec, 150, 2, 150, 3))", "a triangle", "b", False),
        ("INTERSECTS(BOX(150, 2, 1, 1), POLYGON(a.ra, a.dec, 150, 5, b.ra, b.dec))", "a box", "a long triangle", False),
    ],
)
def test_joins_of_regions_agree_with_the_test_of_every_pair(
    form: str, left: str, right: str, within: bool, ask: Ask, rows: list[tuple[Any, ...]]
) -> None:
    count = len(rows) // 5 if len(rows) < 1000 else 300
    few = range(count)
    a, b = (each.ravel() for each in np.meshgrid(few, few, indexing="ij"))
    stored = numbers(rows)
    ra, dec = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])

    def of(name: str) -> pa.Array:
        match name:
            case "a" | "b":
                return stored.take(pa.array(a if name == "a" else b))
            case "a point" | "a circle" | "a growing circle":
                radii = {"a point": np.zeros(len(a)), "a circle": np.full(len(a), 0.5)}.get(name, b / 1000.0)
                made = np.stack([np.ones(len(a)), ra[a], dec[a], radii], axis=1)
            case "a box":
                return pa.array(read_regions(pa.array(["BOX 150 2 1 1"])).to_pylist() * len(a))
            case "a triangle":
                made = np.stack([np.full(len(a), each) for each in (3.0, 0.0, 0.0, 150.0, 2.0, 150.0, 3.0)], axis=1)
                made[:, 1], made[:, 2] = ra[a], dec[a]
            case _:
                made = np.stack([np.full(len(a), each) for each in (3.0, 0.0, 0.0, 150.0, 5.0, 0.0, 0.0)], axis=1)
                made[:, 1], made[:, 2], made[:, 5], made[:, 6] = ra[a], dec[a], ra[b], dec[b]
        return pa.array(made.tolist(), pa.list_(pa.float64()))

    answer = (regions_lie_within if within else regions_meet)(of(left), of(right)).to_pylist()
    wanted = {(int(x), int(y)) for x, y, holds in zip(a, b, answer, strict=True) if holds}
    pairs = f"sky.footprints AS a, sky.footprints AS b WHERE a.id < {count} AND b.id < {count}"
    adql = f"SELECT a.id, b.id FROM {pairs} AND 1={form}"
    found = ask(adql)
    assert set(found) == wanted
    assert len(found) == len(wanted) > 0


def test_areas_and_centroids_of_regions(ask: Ask, rows: list[tuple[Any, ...]]) -> None:
    found = ask("SELECT AREA(s_region), COORD1(CENTROID(s_region)), CENTROID(s_region) FROM sky.footprints ORDER BY id")
    areas, centroids = region_areas(numbers(rows)).to_pylist(), region_centroids(numbers(rows)).to_pylist()
    for (area, lon, centroid), wanted, point in zip(found, areas, centroids, strict=True):
        assert (area, centroid) == (wanted, point) or (
            area == pytest.approx(wanted, rel=1e-9, abs=1e-15) and apart(centroid, point) < 1e-9
        )
        assert lon == (None if centroid is None else centroid[0])


def apart(a: list[float], b: list[float]) -> float:
    """Distance of two points, degrees, for small ones."""
    turn = (a[0] - b[0] + 180.0) % 360.0 - 180.0
    return math.hypot(turn * math.cos(math.radians(a[1])), a[1] - b[1])


def test_a_relation_is_a_number_in_the_answer(ask: Ask, rows: list[tuple[Any, ...]]) -> None:
    found = ask("SELECT INTERSECTS(s_region, CIRCLE(150, 2, 1)) AS r FROM sky.footprints ORDER BY id")
    wanted = regions_meet(numbers(rows), constant("CIRCLE 150 2 1", rows)).to_pylist()
    assert [row[0] for row in found] == [None if each is None else int(each) for each in wanted]
    grouped = ask("SELECT s_region, 1 - CONTAINS(POINT(150, 2), s_region) AS r FROM sky.footprints GROUP BY s_region")
    assert len(grouped) == len({row[3] for row in rows})


def test_boxes_of_columns_are_those_of_numbers(ask: Ask, rows: list[tuple[Any, ...]]) -> None:
    shapes = [(row[1], row[2], 0.5 + row[0] % 100, 170.5 - row[0] % 90) for row in rows[:100]]
    found = ask(
        "SELECT BOX(ra, dec, 0.5 + MOD(id, 100), 170.5 - MOD(id, 90)) AS b, AREA(BOX(ra, dec, 2, 1)) AS a,"
        " CONTAINS(POINT(ra, dec), BOX(ra, dec, 0.1, 0.1)) AS c, AREA(BOX(ra, dec, id * 0.0, 1)) AS n"
        " FROM sky.footprints WHERE id < 100 ORDER BY id"
    )
    for (corners, area, holds, none), (lon, lat, width, height) in zip(found, shapes, strict=True):
        wanted = box(FixedPosition(lon, lat), width, height).vertices
        for place, corner in enumerate(wanted):
            assert apart(corners[2 * place : 2 * place + 2], [corner.lon, corner.lat]) < 1e-11
        assert area == pytest.approx(abs(box(FixedPosition(lon, lat), 2.0, 1.0).signed_area), rel=1e-9)
        assert holds == 1
        assert none is None


@pytest.mark.parametrize(
    ("shapes", "intersects", "contains"),
    [
        ("CIRCLE(0, 0, 2), POLYGON(350, -10, 10, -10, 10, 10, 350, 10)", 1, 1),
        ("POLYGON(350, -10, 10, -10, 10, 10, 350, 10), CIRCLE(0, 0, 2)", 1, 0),
        ("POLYGON(0, 0, 1, 0, 1, 1, 0, 1), POLYGON(0, 0, 1, 0, 1, 1, 0, 1)", 1, 1),
        ("POLYGON(0, 0, 1, 0, 1, 1, 0, 1), POLYGON(1, 0, 2, 0, 2, 1, 1, 1)", 1, 0),
        ("POLYGON(0, 0, 1, 0, 1, 1, 0, 1), POLYGON(180, 0, 181, 0, 181, 1, 180, 1)", 0, 0),
        ("BOX(10, 60, 1, 1), BOX(10, 60, 3, 3)", 1, 1),
        ("BOX(10, 60, 3, 3), CIRCLE(10, 60, 1.6)", 1, 0),
        ("BOX(10, 60, 3, 3), CIRCLE(10, 60, 2.2)", 1, 1),
        ("POLYGON(4, 4, 5, 4, 5, 5), POLYGON(0, 0, 10, 0, 10, 10, 0, 10)", 1, 1),
    ],
)
def test_regions_of_numbers(shapes: str, intersects: int, contains: int, ask: Ask) -> None:
    found = ask(f"SELECT TOP 1 INTERSECTS({shapes}), CONTAINS({shapes}) FROM sky.footprints")
    assert found == [(intersects, contains)]
    swapped = ", ".join(reversed(shapes.replace("), ", ")|").split("|")))
    assert ask(f"SELECT TOP 1 INTERSECTS({swapped}) FROM sky.footprints") == [(intersects,)]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("1 = INTERSECTS(word, CIRCLE(1, 2, 3))", "takes geometries"),
        ("1 = CONTAINS(POINT(1, 2), id)", "takes geometries"),
        ("1 = CONTAINS(POINT(1, 2), REGION('nowhere'))", "is no region"),
        ("DISTANCE(POINT(1, 2), s_region) < 1", "takes a point"),
        ("1 = CONTAINS(POINT(1, 2), BOX(ra, dec, -1, 2))", "between 0 and 180"),
        (
            "1 = CONTAINS(POINT(1, 2), POLYGON(" + ", ".join(f"{t / 10}, {t % 2}" for t in range(2001)) + "))",
            "2,000 vertices at most",
        ),
        ("1 = INTERSECTS(s_region, POLYGON(0, 0, 180, 0, 90, 45))", "opposite"),
    ],
)
def test_what_is_no_region_is_refused_with_a_sentence(condition: str, sentence: str) -> None:
    with pytest.raises(AdqlError, match=sentence):
        compile_query(f"SELECT id FROM sky.footprints WHERE {condition}", CATALOGUE)
