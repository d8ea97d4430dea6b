"""Functions of numbers and of the sphere inside PostgreSQL, and the hidden columns that they fill there."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

_SCHEMA = Path(__file__).parent.parent
_FUNCTIONS = (_SCHEMA / "engines" / "arithmetic.sql", _SCHEMA / "spatial" / "postgresql.sql")
_PG_SPHERE = Path(__file__).with_name("pg_sphere.sql")
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('quipu: sky', 0))")


def install_functions(connection: sa.Connection) -> None:
    """Make the functions, or bring them to this version; they stand in the schema ``archive``.

    Parameters
    ----------
    connection
        In a transaction, with the right to make schemas, or functions in that one.
    """
    connection.execute(_LOCK)
    connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS archive"))
    for file in _FUNCTIONS:
        connection.exec_driver_sql(file.read_text(encoding="utf-8"), execution_options={"no_parameters": True})


def install_pg_sphere_functions(connection: sa.Connection) -> bool:
    """Make what the extension pg_sphere needs to serve; False if the database does not have it."""
    known = connection.scalar(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_sphere'")) is not None
    if known:
        statements = _PG_SPHERE.read_text(encoding="utf-8")
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
    return known


def position_columns(lon: str, lat: str) -> dict[str, tuple[str, str]]:
    """Type and SQL of the hidden columns of a main position; names of columns are quoted."""
    vector = {name: f"(archive.sky_vector({lon}, {lat}))[{place}]" for place, name in enumerate(("ux", "uy", "uz"), 1)}
    return {
        "hpx": ("bigint", f"archive.healpix_index(29, {lon}, {lat})"),
        **{name: ("double precision", sql) for name, sql in vector.items()},
    }


def region_columns(name: str, position: tuple[str, str] | None) -> dict[str, tuple[str, str]]:
    """Type and SQL, by suffix, of what is kept of a column of regions; names of columns are quoted.

    ``sky`` holds the cap and the numbers of the region: an array is read once where many columns would be made from
    the text again and again.
    """
    cell = "NULL" if position is None else f"archive.healpix_index(29, {', '.join(position)})"
    return {
        "hpx": ("bigint", f"archive.region_cell({name}, {cell})"),
        "sky": ("double precision[]", f"archive.region_sky({name})"),
    }


SKY_PARTS = {"x": "[1]", "y": "[2]", "z": "[3]", "outer": "[4]", "inner": "[5]", "shape": "[6:]"}
"""Where ``sky`` holds the hidden columns of `schema.spatial.regions`, by suffix."""
