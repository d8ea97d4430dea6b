from __future__ import annotations

import pytest

from schema.truth import Truth
from tests.uws.contract import JobStoreContract
from uws.postgresql import PostgresqlJobStore
from uws.store import JobStore


@pytest.fixture
def store(truth: Truth) -> JobStore:
    return PostgresqlJobStore(truth.engine, "tap")


@pytest.fixture
def other_store(truth: Truth) -> JobStore:
    return PostgresqlJobStore(truth.engine, "soda")


class TestPostgresqlJobStore(JobStoreContract):
    pass
