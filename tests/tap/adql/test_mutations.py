"""Whatever is written either runs or is refused with a sentence."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from mutations import Mutations, seed_queries
from sqlalchemy.dialects import postgresql

from schema.catalogue import Catalogue, PublishedSchema
from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.execute import EngineError, Limits, Query, QueryTimeoutError
from schema.engines.replica import Replica, ReplicaState
from schema.published import published
from schema.replication.tables import replicated_tables
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from tap.adql.plans import PlanCache

OWN = [
    "SELECT TOP 5 id, name AS n, mag * 2 + 1 FROM sky.stars AS s WHERE s.mag BETWEEN 1 AND 20 ORDER BY 2 DESC OFFSET 1",
    "SELECT s.id, g.grp FROM stars s LEFT OUTER JOIN groups g ON s.id = g.id AND g.val IN (1, 2, NULL) WHERE name LIKE "
    "'A%'",
    "SELECT grp, COUNT(*), SUM(val) / COUNT(DISTINCT x) AS r FROM groups GROUP BY grp HAVING MAX(val) > 1 ORDER BY grp",
    "SELECT id FROM stars WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, -0.5, 1/2.)) OR kind <> 'x'",
    "SELECT DISTANCE(ra, dec, 10, 0) AS d, POINT(ra, dec) FROM stars WHERE NOT (seen >= '2013-04-12' AND n IS NULL)",
    "WITH w AS (SELECT id, -mag AS m FROM stars) SELECT * FROM w WHERE EXISTS (SELECT 1 FROM groups g WHERE g.id=w.id)",
    "(SELECT id FROM stars UNION ALL SELECT val FROM groups) EXCEPT SELECT 1 FROM stars ORDER BY id",
    'SELECT q.a || LOWER(q.b) FROM (SELECT name AS a, band AS "b" FROM stars) AS q, groups NATURAL JOIN stars AS z',
    "SELECT CAST(mag AS VARCHAR(4)), COALESCE(n, 0), IN_UNIT(ra, 'rad'), POWER(id, 2), ROUND(mag, -1) FROM stars",
    "SELECT a.id, b.id FROM stars a JOIN stars b ON 1=CONTAINS(POINT(a.ra, a.dec), CIRCLE(b.ra, b.dec, 1))",
    "SELECT ivo_healpix_index(6, ra, dec) AS h, COUNT(*) FROM stars GROUP BY ivo_healpix_index(6, ra, dec)",
    "SELECT TOP 3 dp_id, s_region FROM obscore WHERE 1=INTERSECTS(s_region, CIRCLE(10, 20, 1)) AND instrument_name='x'",
    "SELECT gavo_transform('ICRS', 'GALACTIC', POINT(ra, dec)), ivo_string_agg(name, ', ') FROM stars GROUP BY ra, dec",
]
ENGINE_WORDS = ("duckdb", "binder", "catalog error", "psycopg", "sqlalchemy", "traceback", "replica.", "object at 0x")
LONGEST_SECONDS = 20


class HangError(BaseException):
    """A query that took all the time there is."""


@pytest.fixture(scope="module")
def archive(
    request: pytest.FixtureRequest,
    catalogue: Catalogue,
    fill_tables: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Catalogue, DuckDbEngine]]:
    """All tables of an archive, empty, and a few with a few rows."""
    everything = published("http://archive.example", "archive.example")
    known = request.getfixturevalue("known_tables") if "QUIPU_TESTDATA" in os.environ else []
    replica = Replica(tmp_path_factory.mktemp("replica"), replicated_tables(everything), describe(everything))
    replica.apply(ReplicaState("", 0, "", ""), ())
    with replica.cursor() as cursor:
        fill_tables(cursor, known)
    uploaded = PublishedSchema("TAP_UPLOAD", "", tuple(table for table, _ in known))
    yield Catalogue((*everything.schemas, *catalogue.schemas, uploaded)), DuckDbEngine(replica.cursor, render)
    replica.close()


@pytest.fixture
def bounded() -> Iterator[None]:
    """Break off a test that stands still at one query."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, give_up)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def compiled(compile_: Callable[[str, Catalogue], Query], text: str, catalogue: Catalogue) -> Query | str:
    """The query, or the sentence of its refusal."""
    try:
        return compile_(text, catalogue)
    except AdqlError as error:
        sentence = str(error)
        assert sentence.startswith("Line ")
        assert sentence.endswith((".", "?"))
        assert not [word for word in ENGINE_WORDS if word in sentence.lower() and word not in text.lower()]
        return sentence


def check(text: str, catalogue: Catalogue, plans: PlanCache, engine: DuckDbEngine) -> bool:
    """Whether a query ran; fails where it neither runs nor is refused as it should."""
    query = compiled(compile_query, text, catalogue)
    kept = compiled(plans, text, catalogue)
    if isinstance(query, str) or isinstance(kept, str):
        assert query == kept
        return False
    assert query.fields == kept.fields
    try:
        sql, parameters = render(query.select)
        assert (sql, parameters) == render(kept.select, kept.parameters)
        with contextlib.suppress(EngineError):
            query.select.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
        with_rows = engine.execute(query, Limits(maxrec=100, seconds=5))
        for batch in with_rows:
            assert batch.num_columns == len(query.fields)
    except QueryTimeoutError:
        return True
    return True


def run(archive: tuple[Catalogue, DuckDbEngine], seed: int, count: int) -> None:
    catalogue, engine = archive
    plans, ran = PlanCache(), 0
    for text in itertools.islice(Mutations(seed_queries(OWN), seed), count):
        signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
        try:
            ran += check(text, catalogue, plans, engine)
        except (Exception, HangError) as error:
            error.add_note(f"Query: {text!r}")
            raise
    assert ran > count // 20


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_written_runs_or_is_refused(archive: tuple[Catalogue, DuckDbEngine], seed: int) -> None:
    run(archive, seed, 500)


@pytest.mark.soak
@pytest.mark.testdata
@pytest.mark.usefixtures("bounded", "testdata")
@pytest.mark.parametrize("seed", range(100, 140))
def test_200_000_odd_queries_run_or_are_refused(archive: tuple[Catalogue, DuckDbEngine], seed: int) -> None:
    run(archive, seed, 5_000)
