"""How an archive is: what it holds, how far its replica is, whether bytes and rows agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from schema.change_log import follower, revision
from schema.files import copy, file, quarantine
from schema.obscore import obscore
from schema.observations import raw
from storage.checksums import sha256_of
from storage.store import MissingBytesError, Store

_FOLLOWER_SILENCE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Status:
    """Numbers of an archive.

    Attributes
    ----------
    files, bytes, products, raw_frames, quarantined
        What it holds: files and their bytes, rows of ivoa.obscore and of dbo.raw, refused files.
    revision
        Last commit that changed a published table; None before the first.
    replica_revision
        Last of them that queries see; None if no replica was ever made.
    follows
        Whether a server has kept the replica up to date within the last seconds.
    """

    files: int
    bytes: int
    products: int
    raw_frames: int
    quarantined: int
    revision: int | None
    replica_revision: int | None
    follows: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file in quarantine; `quarantined` is UTC without zone."""

    name: str
    reason: str
    quarantined: datetime


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Bytes and rows that do not agree.

    Attributes
    ----------
    missing
        Identifiers of files whose bytes are not in the store, or not all of them.
    altered
        Identifiers of files whose bytes do not have their checksum; looked for only when asked.
    unknown
        Checksums of bytes that no row names; what a killed ingest left, taken up when the same file comes again.
    """

    missing: tuple[str, ...]
    altered: tuple[str, ...]
    unknown: tuple[str, ...]


def read_status(connection: sa.Connection) -> Status:
    """Count what the archive holds."""

    def count(table: sa.Table) -> int:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)

    seen = connection.execute(
        sa.select(follower.c.revision, follower.c.seen).order_by(follower.c.seen.desc()).limit(1)
    ).one_or_none()
    now = datetime.now(UTC).replace(tzinfo=None)
    return Status(
        files=count(file),
        bytes=int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(file.c.size), 0))) or 0),
        products=count(obscore),
        raw_frames=count(raw),
        quarantined=count(quarantine),
        revision=connection.scalar(sa.select(sa.func.max(revision.c.revision))),
        replica_revision=None if seen is None else seen.revision,
        follows=seen is not None and now - seen.seen < _FOLLOWER_SILENCE,
    )


def read_refusals(connection: sa.Connection) -> list[Refusal]:
    """Files in quarantine, latest first."""
    rows = connection.execute(
        sa.select(quarantine.c.name, quarantine.c.reason, quarantine.c.quarantined).order_by(
            quarantine.c.quarantined.desc(), quarantine.c.quarantine_id.desc()
        )
    )
    return [Refusal(row.name, row.reason, row.quarantined) for row in rows]


def compare(connection: sa.Connection, store: Store, *, checksums: bool = False) -> Disagreement:
    """Hold the rows against the bytes of a store.

    Parameters
    ----------
    checksums
        Read all bytes and hold them against their checksums, too.
    """
    rows = connection.execute(
        sa.select(file.c.dp_id, file.c.sha256, file.c.size)
        .join(copy, copy.c.file_id == file.c.file_id)
        .where(copy.c.store == store.name)
        .order_by(file.c.dp_id)
    ).all()
    missing, altered = [], []
    for row in rows:
        try:
            if store.size(row.sha256) != row.size:
                missing.append(row.dp_id)
            elif checksums:
                with store.open(row.sha256) as source:
                    if sha256_of(source)[0] != row.sha256:
                        altered.append(row.dp_id)
        except MissingBytesError:
            missing.append(row.dp_id)
    known = {row.sha256 for row in rows}
    return Disagreement(tuple(missing), tuple(altered), tuple(sorted(set(store) - known)))
