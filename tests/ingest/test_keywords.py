"""Settings of instruments on their way from headers to the truth."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ingest.pipeline import Pipeline
from ingest.walk import find_files
from schema.keywords import MOST, keyword, note_keywords, read_keywords, read_known
from schema.migrate import migrate
from schema.observations import raw
from schema.truth import Truth

from .conftest import WriteFits
from .test_pipeline import RAW


def held(truth: Truth) -> tuple[dict[str, Any], dict[str, str]]:
    """Keywords of each raw file, and the types of all."""
    with truth.engine.connect() as connection:
        values = {row.dp_id: row.keywords for row in connection.execute(sa.select(raw))}
        return values, {name: each.datatype for name, each in read_known(connection)["TOYCAM"].items()}


def test_keywords_of_raw_files_are_kept_by_the_names_of_their_columns(
    pipeline: Pipeline, truth: Truth, write_fits: WriteFits
) -> None:
    card = "HIERARCH ESO INS SLIT WID"
    files = [
        write_fits("a.fits", fill=1, **{**RAW, card: 3}),
        write_fits("b.fits", fill=2, **{**RAW, card: 0.5, "HIERARCH ESO INS NEW": "x"}),
    ]
    for path in files:
        list(pipeline.run(find_files([path])))
    values, types = held(truth)
    assert [each["ins_slit_wid"] for each in values.values()] == [3, 0.5]
    assert [each.get("ins_new") for each in values.values()] == [None, "x"]
    assert types["ins_slit_wid"] == "double"
    assert types["ins_new"] == types["ob_targ_name"] == "char"
    assert types["exptime"] == "double"


def test_files_of_before_get_their_keywords_by_migration(
    pipeline: Pipeline, truth: Truth, write_fits: WriteFits
) -> None:
    paths = [write_fits(f"{n}.fits", fill=n, **{**RAW, "HIERARCH ESO INS N": n, "EXPTIME": n / 2}) for n in range(1, 4)]
    list(pipeline.run(find_files(paths)))
    before = held(truth)
    with truth.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE archive.keyword; ALTER TABLE dbo.raw DROP COLUMN keywords"))
        connection.execute(sa.text("UPDATE archive.alembic_version SET version_num = '0004'"))
    migrate(truth.engine)
    assert held(truth) == before


def test_columns_do_not_become_more_than_services_bear(truth: Truth) -> None:
    _, keywords = read_keywords([(f"ESO INS K{number} A", number, "") for number in range(MOST + 10)])
    with truth.engine.begin() as connection:
        note_keywords(connection, {"TOYCAM": keywords[: MOST - 1]})
        note_keywords(connection, {"TOYCAM": keywords})
        assert connection.execute(sa.select(sa.func.count()).select_from(keyword)).scalar_one() == MOST
