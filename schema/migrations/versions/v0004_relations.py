"""Keep what files say of others, and find products quickly by each of their names."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = r"""
CREATE TABLE archive.relation (
    file_id bigint NOT NULL REFERENCES archive.file (file_id) ON DELETE CASCADE,
    kind text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    category text,
    PRIMARY KEY (file_id, kind, number),
    CONSTRAINT relation_kind_is_known CHECK (kind IN ('progenitor', 'calibration', 'companion'))
);
COMMENT ON TABLE archive.relation IS 'What files say of others: what they were made of, and what belongs to them.';
COMMENT ON COLUMN archive.relation.file_id IS 'The file that says it.';
COMMENT ON COLUMN archive.relation.kind IS
    'What the other is for it: progenitor, calibration that was applied, or companion.';
COMMENT ON COLUMN archive.relation.number IS 'Order among others of the kind, from 1.';
COMMENT ON COLUMN archive.relation.name IS 'Name of the other, without an ending; it may not be held here.';
COMMENT ON COLUMN archive.relation.category IS 'Category of the other, in the words of its maker.';

-- Files of before: what their primary headers say; pipelines name their input in cards of several words.
INSERT INTO archive.relation (file_id, kind, number, name, category)
SELECT file_id, kind, row_number() OVER (PARTITION BY file_id, kind ORDER BY place), name, NULL
FROM (
    SELECT file.file_id,
        CASE
            WHEN card.value ->> 0 LIKE 'ASSON%' THEN 'companion'
            WHEN card.value ->> 0 LIKE 'ESO PRO REC% CAL%' THEN 'calibration'
            ELSE 'progenitor'
        END AS kind,
        regexp_replace(btrim(card.value ->> 1), '(\.(fits|fit|fts|tfits|mt|ftz))?(\.(fz|gz|Z|bz2|xz))?$', '', 'i')
            AS name,
        card.place
    FROM archive.file,
        jsonb_array_elements(file.header -> 'hdus' -> 0 -> 'cards') WITH ORDINALITY AS card (value, place)
    WHERE card.value ->> 0 ~ '^(PROV[0-9]+|ASSON[0-9]+|ESO PRO REC[0-9]+ (RAW|CAL)[0-9]+ NAME)$'
        AND jsonb_typeof(card.value -> 1) = 'string'
) AS found
WHERE name <> '';

CREATE INDEX relation_by_name ON archive.relation (name);
CREATE INDEX obscore_by_obs_id ON ivoa.obscore (obs_id);
CREATE INDEX obscore_by_obs_creator_did ON ivoa.obscore (obs_creator_did);
CREATE INDEX raw_by_origfile ON dbo.raw (origfile);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS, execution_options={"no_parameters": True})
