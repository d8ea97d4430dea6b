"""Keep the settings of instruments beside raw files, as columns of the tables of instruments."""

from __future__ import annotations

from itertools import groupby

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from schema.keywords import note_keywords, read_keywords

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = """
ALTER TABLE dbo.raw ADD COLUMN keywords jsonb;
COMMENT ON COLUMN dbo.raw.keywords IS 'Settings of the instrument, by the names of their columns.';

CREATE TABLE archive.keyword (
    instrument text NOT NULL,
    name text NOT NULL,
    card text NOT NULL,
    datatype text NOT NULL,
    unit text,
    description text,
    PRIMARY KEY (instrument, name)
);
COMMENT ON TABLE archive.keyword IS 'Header keywords met so far in raw files, by instrument.';
COMMENT ON COLUMN archive.keyword.instrument IS 'Instrument as headers write it.';
COMMENT ON COLUMN archive.keyword.name IS 'Name of the column.';
COMMENT ON COLUMN archive.keyword.card IS 'Keyword as headers write it.';
COMMENT ON COLUMN archive.keyword.datatype IS 'Datatype in which all values met so far have a place.';
COMMENT ON COLUMN archive.keyword.unit IS 'Unit as VOUnits write it; NULL without one.';
COMMENT ON COLUMN archive.keyword.description IS 'Comment of the first card met; NULL without one.';
"""
_BATCH = 500
_FILES = sa.text(
    """
    SELECT raw.row_id, raw.instrument, file.header -> 'hdus' -> 0 -> 'cards'
    FROM dbo.raw JOIN archive.file USING (dp_id)
    WHERE raw.row_id > :after AND raw.instrument IS NOT NULL AND file.header IS NOT NULL
    ORDER BY raw.row_id LIMIT :batch
    """
)
_UPDATE = sa.text("UPDATE dbo.raw SET keywords = :keywords WHERE row_id = :row_id").bindparams(
    sa.bindparam("keywords", type_=postgresql.JSONB)
)


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(_STATEMENTS, execution_options={"no_parameters": True})
    after = 0
    while rows := connection.execute(_FILES, {"after": after, "batch": _BATCH}).all():
        after = rows[-1][0]
        read = [
            (instrument, row_id, *read_keywords((card[0], card[1], card[2] if len(card) > 2 else "") for card in cards))
            for row_id, instrument, cards in rows
        ]
        connection.execute(_UPDATE, [{"row_id": row_id, "keywords": values} for _, row_id, values, _ in read])
        read.sort(key=lambda each: each[0])
        note_keywords(
            connection,
            {
                instrument: [keyword for _, _, _, keywords in group for keyword in keywords]
                for instrument, group in groupby(read, key=lambda each: each[0])
            },
        )
