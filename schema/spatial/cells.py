"""Numbers and centres of HEALPix cells, nested scheme, as SQL expressions.

DuckDB calls functions of Python (`schema.engines.duckdb_functions`), PostgreSQL computes.

References
----------
Górski et al. 2005, ApJ 622, 759, "HEALPix geometry" and "Nested scheme".
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

DEEPEST = 29


class CellIndex(FunctionElement[int]):
    """Number of the cell around a point: order, longitude, latitude, degrees; NULL outside of their limits."""

    type = sa.BigInteger()
    inherit_cache = True


class StoredCellIndex(FunctionElement[int]):
    """The same where the number at order 29 is stored: it, order, longitude, latitude."""

    type = sa.BigInteger()
    inherit_cache = True


class CellLongitude(FunctionElement[float]):
    """Longitude of the centre of a cell, degrees: order, number; NULL where there is no such cell."""

    type = sa.Double()
    inherit_cache = True


class CellLatitude(FunctionElement[float]):
    """Latitude of the centre of a cell, degrees: order, number; NULL where there is no such cell."""

    type = sa.Double()
    inherit_cache = True


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause.self_group(), **kw) for clause in element.clauses]


@compiles(CellIndex, "duckdb")
def _index_duckdb(element: CellIndex, compiler: SQLCompiler, **kw: Any) -> str:
    order, lon, lat = _operands(element, compiler, **kw)
    return f"quipu_healpix_index(CAST({order} AS BIGINT), CAST({lon} AS DOUBLE), CAST({lat} AS DOUBLE))"


@compiles(StoredCellIndex, "duckdb")
def _stored_index_duckdb(element: StoredCellIndex, compiler: SQLCompiler, **kw: Any) -> str:
    stored, order, _, _ = _operands(element, compiler, **kw)
    if order == str(DEEPEST):
        return stored
    wanted = f"CAST({order} AS BIGINT)"
    return f"CASE WHEN {wanted} BETWEEN 0 AND {DEEPEST} THEN {stored} >> (2 * ({DEEPEST} - {wanted})) END"


@compiles(CellLongitude, "duckdb")
def _longitude_duckdb(element: CellLongitude, compiler: SQLCompiler, **kw: Any) -> str:
    order, index = _operands(element, compiler, **kw)
    return f"quipu_healpix_lon(CAST({order} AS BIGINT), CAST({index} AS BIGINT))"


@compiles(CellLatitude, "duckdb")
def _latitude_duckdb(element: CellLatitude, compiler: SQLCompiler, **kw: Any) -> str:
    order, index = _operands(element, compiler, **kw)
    return f"quipu_healpix_lat(CAST({order} AS BIGINT), CAST({index} AS BIGINT))"


@compiles(CellIndex)
def _index(element: CellIndex, compiler: SQLCompiler, **kw: Any) -> str:
    return _INDEX.format(*_operands(element, compiler, **kw))


@compiles(StoredCellIndex)
def _stored_index(element: StoredCellIndex, compiler: SQLCompiler, **kw: Any) -> str:
    _, *place = _operands(element, compiler, **kw)
    return _INDEX.format(*place)


@compiles(CellLongitude)
def _longitude(element: CellLongitude, compiler: SQLCompiler, **kw: Any) -> str:
    return _CENTRE.format(*_operands(element, compiler, **kw), wanted=_LONGITUDE)


@compiles(CellLatitude)
def _latitude(element: CellLatitude, compiler: SQLCompiler, **kw: Any) -> str:
    return _CENTRE.format(*_operands(element, compiler, **kw), wanted=_LATITUDE)


# From the inside: the point; its height z and quadrant t; its diagonals p and m on the faces, their face and place.
_INDEX = (
    "(SELECT (max(c.face) << (2 * max(c.k)))"
    " | bit_or((((c.x >> i) & 1) << (2 * i)) | (((c.y >> i) & 1) << (2 * i + 1)))"
    " FROM (SELECT b.k, CASE WHEN b.capped THEN b.quadrant + CASE WHEN b.z < 0 THEN 8 ELSE 0 END"
    " WHEN b.p >> b.k = b.m >> b.k THEN (b.p >> b.k) | 4"
    " WHEN b.p >> b.k < b.m >> b.k THEN b.p >> b.k ELSE (b.m >> b.k) + 8 END AS face,"
    " CASE WHEN NOT b.capped THEN b.m & (b.side - 1) WHEN b.z < 0 THEN b.p ELSE b.side - 1 - b.m END AS x,"
    " CASE WHEN NOT b.capped THEN b.side - 1 - (b.p & (b.side - 1))"
    " WHEN b.z < 0 THEN b.m ELSE b.side - 1 - b.p END AS y"
    " FROM (SELECT a.k, a.side, a.z, a.capped, a.quadrant,"
    " CASE WHEN a.capped THEN least(floor((a.t - a.quadrant) * a.width), a.side - 1)"
    " ELSE floor(a.side * (0.5 + a.t) - a.side * a.z * 0.75) END::bigint AS p,"
    " CASE WHEN a.capped THEN least(floor((1 - a.t + a.quadrant) * a.width), a.side - 1)"
    " ELSE floor(a.side * (0.5 + a.t) + a.side * a.z * 0.75) END::bigint AS m"
    " FROM (SELECT s.k, s.side, s.z, s.t,"
    " abs(s.z) > 2.0::float8 / 3 AS capped, least(floor(s.t), 3)::bigint AS quadrant,"
    " s.side * cosd(s.lat) / sqrt((1 + abs(s.z)) / 3) AS width"
    " FROM (SELECT q.k, q.lat, 1::bigint << q.k AS side, sin(radians(q.lat)) AS z,"
    " (q.lon - 360 * floor(q.lon / 360)) / 90 AS t"
    " FROM (SELECT CAST({0} AS INTEGER) AS k, CAST({1} AS DOUBLE PRECISION) AS lon,"
    " CAST({2} AS DOUBLE PRECISION) AS lat OFFSET 0) AS q"
    " WHERE q.k BETWEEN 0 AND 29 AND abs(q.lat) <= 90 AND abs(q.lon) < 1e15 OFFSET 0) AS s"
    " OFFSET 0) AS a OFFSET 0) AS b OFFSET 0) AS c, generate_series(0, 28) AS i)"
)

_LONGITUDE = "45 * (d.step + (d.x - d.y) / d.ring + CASE WHEN d.step * d.ring + d.x < d.y THEN 8 ELSE 0 END)"
_LATITUDE = (
    "CASE WHEN d.ring < d.side THEN CASE WHEN d.row < d.side THEN 1 ELSE -1 END"
    " * degrees(atan2(1 - d.drop, sqrt(d.drop * (2 - d.drop))))"
    " ELSE degrees(asin((2 * d.side - d.row) * 2 / (3 * d.side))) END"
)
# From the inside: the cell; its face and place there; its row of constant latitude and the length of a quarter of it.
_CENTRE = (
    "(SELECT CAST({wanted} AS DOUBLE PRECISION) FROM (SELECT c.*,"
    " (c.ring / c.side) * (c.ring / c.side) / 3 AS drop FROM (SELECT b.*,"
    " CASE WHEN b.row < b.side THEN b.row WHEN b.row > 3 * b.side THEN 4 * b.side - b.row ELSE b.side END AS ring"
    " FROM (SELECT a.x, a.y, a.side,"
    " (ARRAY[1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])[a.face + 1]::float8 AS step,"
    " (2 + a.face / 4) * a.side - a.x - a.y - 1 AS row"
    " FROM (SELECT max(q.n >> (2 * q.k)) AS face, max(1::bigint << q.k)::float8 AS side,"
    " bit_or(CASE WHEN i < q.k THEN ((q.n >> (2 * i)) & 1) << i ELSE 0 END)::float8 AS x,"
    " bit_or(CASE WHEN i < q.k THEN ((q.n >> (2 * i + 1)) & 1) << i ELSE 0 END)::float8 AS y"
    " FROM (SELECT CAST({0} AS INTEGER) AS k, CAST({1} AS BIGINT) AS n OFFSET 0) AS q, generate_series(0, 28) AS i"
    " WHERE q.k BETWEEN 0 AND 29 AND q.n >= 0 AND q.n < 12::bigint << (2 * q.k)) AS a"
    " OFFSET 0) AS b OFFSET 0) AS c OFFSET 0) AS d)"
)
