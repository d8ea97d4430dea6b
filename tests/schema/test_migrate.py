from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from schema import change_log, files, jobs, keywords, obscore, observations, publications, relations
from schema.embedded import TruthError
from schema.migrate import migrate
from schema.tables import metadata
from schema.truth import Truth

DESCRIBED = {
    change_log.truth,
    change_log.revision,
    change_log.change,
    change_log.follower,
    files.file,
    files.copy,
    files.quarantine,
    jobs.job,
    observations.raw,
    publications.publication,
    publications.leftover,
    relations.relation,
    keywords.keyword,
    obscore.obscore,
}


def test_migrations_lead_to_the_tables_that_the_code_describes(truth: Truth) -> None:
    with truth.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": "archive",
                "include_schemas": True,
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: kind != "schema" or name in ("archive", "dbo", "ivoa"),
            },
        )
        assert set(metadata.tables.values()) == DESCRIBED
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(truth: Truth) -> None:
    with truth.engine.connect() as connection:
        before = connection.execute(sa.text("SELECT uuid FROM archive.truth")).scalar_one()
    migrate(truth.engine)
    with truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT uuid FROM archive.truth")).scalar_one() == before


def test_processes_that_migrate_at_once_wait_for_each_other(truth: Truth) -> None:
    with truth.engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA archive, ivoa, dbo CASCADE"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [truth.engine] * 4))
    with truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM archive.truth")).scalar_one() == 1


def test_an_account_that_may_not_make_tables_is_told_what_it_needs(truth: Truth) -> None:
    with truth.engine.begin() as connection:
        if connection.execute(sa.text("SHOW is_superuser")).scalar_one() != "on":
            pytest.skip("needs a superuser of the server")
        role = f"guest_{uuid4().hex}"
        connection.execute(sa.text("DROP SCHEMA archive, ivoa, dbo CASCADE"))
        connection.execute(sa.text(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'"))
    guest = sa.create_engine(truth.engine.url.set(username=role, password="guest"), poolclass=sa.NullPool)
    try:
        with pytest.raises(TruthError, match=rf"The account {role} may not make .*: make it the owner"):
            migrate(guest)
    finally:
        with truth.engine.begin() as connection:
            connection.execute(sa.text(f"DROP ROLE {role}"))


def test_a_database_of_a_later_version_is_refused_and_left_alone(truth: Truth) -> None:
    with truth.engine.begin() as connection:
        connection.execute(sa.text("UPDATE archive.alembic_version SET version_num = '9999'"))
    with pytest.raises(TruthError, match=r"later version of the archive \(its tables are at 9999\)"):
        migrate(truth.engine)
