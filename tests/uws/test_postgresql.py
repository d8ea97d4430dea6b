from __future__ import annotations

import pytest
import sqlalchemy as sa

from schema.truth import Truth
from tests.uws.contract import JobStoreContract
from uws.postgresql import PostgresqlJobStore
from uws.store import JobStore, StoreUnavailableError


@pytest.fixture
def store(truth: Truth) -> JobStore:
    return PostgresqlJobStore(truth.engine, "tap")


@pytest.fixture
def other_store(truth: Truth) -> JobStore:
    return PostgresqlJobStore(truth.engine, "soda")


class TestPostgresqlJobStore(JobStoreContract):
    pass


def test_a_database_that_is_gone_is_told_in_a_sentence() -> None:
    engine = sa.create_engine("postgresql+psycopg2://127.0.0.1:1/nothing", poolclass=sa.NullPool)
    with pytest.raises(StoreUnavailableError, match="database cannot be reached"):
        PostgresqlJobStore(engine, "tap").get("any")
