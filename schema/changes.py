"""What has changed in the truth since a revision: the side of the change log that replicas read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from schema.change_log import follower

RowRange = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """The state of the truth in one snapshot, and the way that led there.

    Attributes
    ----------
    truth
        Which database it is; a restored one is another.
    revision, token
        Last revision of the snapshot, and the random token drawn with it.
    known
        Whether the revision asked for is one that this truth has gone through and still remembers. If not, the changes
        below say nothing and a replica must be made anew.
    ranges
        Ranges of ``row_id``, both ends included, of rows that may have come, changed or gone; ascending and disjoint,
        by table (``ivoa.obscore``).
    whole
        Tables that were emptied at some time; all their rows must be read again.
    fingerprint
        Changes when a replicated table gets other columns, is rewritten or replaced, or its triggers are switched off,
        for then rows may have changed without a line in the log.
    """

    truth: UUID
    revision: int
    token: UUID
    known: bool
    ranges: Mapping[str, tuple[RowRange, ...]]
    whole: frozenset[str]
    fingerprint: str


def read_changes(connection: sa.Connection, after: int | None, token: UUID | str | None = None) -> Changes:
    """Read what has changed since a revision.

    Parameters
    ----------
    connection
        In a transaction of isolation level REPEATABLE READ, so that the log and the rows read later in the same
        transaction belong together.
    after
        Revision that the replica shows; None for a replica that shows nothing.
    token
        Token of that revision as the replica remembers it; None to trust the number alone.

    Raises
    ------
    sqlalchemy.exc.NoResultFound
        Raised if the database holds no truth.
    """
    truth, revision, last_token = connection.execute(_LAST).one()
    known = after is not None and _is_known(connection, after, token)
    ranges: dict[str, list[RowRange]] = {}
    whole: frozenset[str] = frozenset()
    if known and after != revision:
        whole = frozenset(connection.execute(_WHOLE, {"after": after}).scalars())
        for table, lo, hi in connection.execute(_RANGES, {"after": after}):
            ranges.setdefault(table, []).append((lo, hi))
    return Changes(
        truth=truth,
        revision=revision,
        token=last_token,
        known=known,
        ranges={table: tuple(found) for table, found in ranges.items()},
        whole=whole,
        fingerprint=connection.execute(_FINGERPRINT).scalar_one(),
    )


def write_progress(connection: sa.Connection, name: str, revision: int) -> None:
    """Say how far a replica is."""
    connection.execute(_PROGRESS, {"name": name, "revision": revision})


def prune_changes(connection: sa.Connection, keep_days: float = 7.0) -> int:
    """Forget old lines of the log; a replica that still needs them will be made anew.

    The last revision is always kept, and so is what any replica that was seen within the time still has to read.

    Returns
    -------
    forgotten
        Number of revisions.
    """
    return int(connection.execute(_PRUNE, {"seconds": keep_days * 86_400.0}).scalar_one())


def _is_known(connection: sa.Connection, after: int, token: UUID | str | None) -> bool:
    remembered = connection.execute(_TOKEN, {"revision": after}).scalar_one_or_none()
    return remembered is not None and (token is None or str(remembered) == str(token))


_LAST = sa.text(
    """
    SELECT truth.uuid, last.revision, last.token
    FROM archive.truth AS truth,
        (SELECT revision, token FROM archive.revision WHERE revision IS NOT NULL ORDER BY revision DESC LIMIT 1) AS last
    """
).columns(uuid=sa.Uuid, revision=sa.BigInteger, token=sa.Uuid)

_TOKEN = sa.text("SELECT token FROM archive.revision WHERE revision = :revision").columns(token=sa.Uuid)

_WHOLE = sa.text(
    """
    SELECT DISTINCT table_name FROM archive.change JOIN archive.revision USING (line)
    WHERE revision > :after AND lo IS NULL
    """
)

_RANGES = sa.text(
    """
    SELECT table_name, lower(rows), upper(rows) - 1
    FROM (
        SELECT table_name, unnest(range_agg(int8range(lo, hi, '[]'))) AS rows
        FROM archive.change JOIN archive.revision USING (line)
        WHERE revision > :after AND lo IS NOT NULL
        GROUP BY table_name
    ) AS merged
    ORDER BY table_name, rows
    """
)

# What is replicated is what carries the triggers. The number of the file on disk changes when rows are rewritten
# without triggers (ALTER TABLE … USING), but also after TRUNCATE, VACUUM FULL and CLUSTER: a new copy does no harm.
_FINGERPRINT = sa.text(
    """
    SELECT md5(coalesce(string_agg(line, E'\\n' ORDER BY line), ''))
    FROM (
        SELECT concat_ws(
            ' ', relation.oid::text, relation.oid::regclass::text, pg_relation_filenode(relation.oid)::text,
            (
                SELECT string_agg(
                    concat_ws(' ', attribute.attnum::text, attribute.attname,
                        format_type(attribute.atttypid, attribute.atttypmod)),
                    ',' ORDER BY attribute.attnum
                )
                FROM pg_attribute AS attribute
                WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
            ),
            string_agg(concat_ws(' ', trigger.tgname, trigger.tgenabled), ',' ORDER BY trigger.tgname)
        ) AS line
        FROM pg_trigger AS trigger
        JOIN pg_class AS relation ON relation.oid = trigger.tgrelid
        JOIN pg_proc AS called ON called.oid = trigger.tgfoid
        JOIN pg_namespace AS room ON room.oid = called.pronamespace
        WHERE room.nspname = 'archive' AND called.proname IN ('record_rows', 'record_update', 'record_truncate')
        GROUP BY relation.oid
    ) AS lines
    """
)

_PROGRESS = sa.dialects.postgresql.insert(follower).values(name=sa.bindparam("name"), revision=sa.bindparam("revision"))
_PROGRESS = _PROGRESS.on_conflict_do_update(
    index_elements=[follower.c.name],
    set_={"revision": _PROGRESS.excluded.revision, "seen": sa.text("timezone('UTC', clock_timestamp())")},
)

_PRUNE = sa.text(
    """
    WITH bounds AS (
        SELECT
            (SELECT max(revision) FROM archive.revision) AS last,
            (
                SELECT min(revision) FROM archive.follower
                WHERE seen > timezone('UTC', clock_timestamp()) - make_interval(secs => :seconds)
            ) AS needed
    ),
    forgotten AS (
        DELETE FROM archive.revision USING bounds
        WHERE revision < last AND revision < coalesce(needed, last)
            AND committed < timezone('UTC', clock_timestamp()) - make_interval(secs => :seconds)
        RETURNING line
    ),
    lines AS (DELETE FROM archive.change USING forgotten WHERE change.line = forgotten.line)
    SELECT count(*) FROM forgotten
    """
)
