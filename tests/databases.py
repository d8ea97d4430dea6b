"""Databases of tests, each of which is dropped after use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.truth import Truth


@contextmanager
def new_database(server: str, purpose: str, template: str = "template0") -> Iterator[str]:
    """Address of a new database."""
    name = f"quipu_{purpose}_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_truth(server: str, template: str) -> Iterator[Truth]:
    """Truth of a new archive: a copy of `template`, which is a database with all tables and no rows."""
    with new_database(server, "truth", template) as address:
        truth = Truth(address)
        try:
            # Each archive is another.
            with truth.engine.begin() as connection:
                connection.execute(sa.text("UPDATE archive.truth SET uuid = gen_random_uuid()"))
            yield truth
        finally:
            truth.close()


def create_pg_sphere(engine: sa.Engine) -> None:
    """Bring pg_sphere into a database; the test is skipped where the server has it not, as the embedded one."""
    with engine.begin() as connection:
        if connection.scalar(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_sphere'")) is None:
            if os.environ.get("CI") == "true" and "QUIPU_DATABASE_URL" in os.environ:
                pytest.fail("The server of QUIPU_DATABASE_URL must have pg_sphere.")
            pytest.skip("This PostgreSQL has no pg_sphere.")
        connection.execute(sa.text("CREATE EXTENSION pg_sphere"))


def execute(address: str, *statements: str) -> None:
    """Execute statements outside of transactions."""
    url = make_url(address).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
