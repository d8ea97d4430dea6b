"""Numbers and centres of HEALPix cells, nested scheme, as SQL expressions.

DuckDB calls functions of Python (`schema.engines.duckdb_functions`), PostgreSQL its own (`schema.spatial.postgresql`).

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
    order, lon, lat = _operands(element, compiler, **kw)
    return f"archive.healpix_index({order}, CAST({lon} AS DOUBLE PRECISION), CAST({lat} AS DOUBLE PRECISION))"


@compiles(StoredCellIndex)
def _stored_index(element: StoredCellIndex, compiler: SQLCompiler, **kw: Any) -> str:
    stored, order, _, _ = _operands(element, compiler, **kw)
    if order == str(DEEPEST):
        return stored
    shift = f"CAST(2 * ({DEEPEST} - {order}) AS INTEGER)"
    return f"CASE WHEN {order} BETWEEN 0 AND {DEEPEST} THEN {stored} >> {shift} END"


@compiles(CellLongitude)
def _longitude(element: CellLongitude, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(archive.healpix_centre({', '.join(_operands(element, compiler, **kw))}))[1]"


@compiles(CellLatitude)
def _latitude(element: CellLatitude, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(archive.healpix_centre({', '.join(_operands(element, compiler, **kw))}))[2]"
