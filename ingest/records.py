"""Rows of files, copies, products and raw frames."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ingest.examine import Examined, printable
from ingest.obscore import Description
from ingest.translators.base import without_ending
from schema.files import copy, file, quarantine
from schema.keywords import Keyword, note_keywords
from schema.obscore import obscore
from schema.observations import raw
from schema.relations import relation
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Holder:
    """A file that is held."""

    dp_id: str
    sha256: str
    name: str


@dataclass(slots=True)
class Holdings:
    """Files held that a batch may meet, those of the batch itself included as they are taken."""

    _by_sha256: dict[str, Holder] = field(default_factory=dict)
    _by_dp_id: dict[str, Holder] = field(default_factory=dict)

    def add(self, sha256: str, dp_id: str, name: str) -> None:
        """Note a file as held."""
        holder = Holder(dp_id, sha256, name)
        self._by_sha256[sha256] = holder
        self._by_dp_id[dp_id] = holder

    def dp_id_of(self, sha256: str) -> str | None:
        """Identifier of bytes that are held."""
        holder = self._by_sha256.get(sha256)
        return None if holder is None else holder.dp_id

    def holder_of(self, dp_id: str) -> Holder | None:
        """File held under an identifier."""
        return self._by_dp_id.get(dp_id)


def lock(connection: sa.Connection) -> None:
    """Let one transaction at a time take files in, until it ends."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('quipu: ingest'))"))


def holdings(connection: sa.Connection, batch: Sequence[Examined]) -> Holdings:
    """Files held with the bytes or the identifiers of a batch."""
    checksums = [examined.staged.sha256 for examined in batch if examined.staged is not None]
    checksums += [examined.held for examined in batch if examined.held is not None]
    dp_ids = [examined.description.dp_id for examined in batch if examined.description is not None]
    found = Holdings()
    rows = connection.execute(
        sa.select(file.c.sha256, file.c.dp_id, file.c.name).where(
            sa.or_(file.c.sha256 == sa.any_(_texts(checksums)), file.c.dp_id == sa.any_(_texts(dp_ids)))
        )
    )
    for sha256, dp_id, name in rows:
        found.add(sha256, dp_id, name)
    return found


def look_alikes(engine: sa.Engine, paths: Iterable[Path]) -> dict[Path, frozenset[str]]:
    """Checksums of held files that have the name and the size of files on disk; paths without any are left out."""
    wanted: dict[tuple[str, int], list[Path]] = {}
    for path in paths:
        try:
            size = path.stat().st_size
        except OSError:
            continue
        wanted.setdefault((without_ending(printable(path.name)), size), []).append(path)
    statement = sa.select(file.c.dp_id, file.c.size, file.c.sha256).where(
        file.c.dp_id == sa.any_(_texts([dp_id for dp_id, _ in wanted]))
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    return {
        path: frozenset((sha256,)) for dp_id, size, sha256 in rows for path in wanted.get((dp_id, size), ())
    }  # fmt: skip


def insert_taken(connection: sa.Connection, taken: Sequence[Examined], store: Store) -> None:
    """Insert all rows of files whose bytes are in the store; their refusals of earlier are forgotten."""
    files: list[dict[str, Any]] = []
    copies: list[dict[str, Any]] = []
    products: list[dict[str, Any]] = []
    raws: list[dict[str, Any]] = []
    relations: list[dict[str, Any]] = []
    keywords: dict[str, list[Keyword]] = {}
    for examined in taken:
        staged, description = examined.staged, examined.description
        if staged is None or description is None:
            continue
        files.append(
            {
                "dp_id": description.dp_id,
                "sha256": staged.sha256,
                "name": description.name,
                "size": staged.size,
                "content_type": description.content_type,
                "release_date": description.release_date,
                "header_text": examined.header,
            }
        )
        copies.append({"of": staged.sha256, "store": store.name, "path": store.locate(staged.sha256)})
        estimate = {"access_estsize": math.ceil(staged.size / 1000)}
        products.append(_whole(obscore, description.obscore | estimate))
        if description.raw is not None:
            raws.append(_whole(raw, description.raw | estimate))
            if instrument := description.raw.get("instrument"):
                keywords.setdefault(instrument, []).extend(description.keywords)
        relations += _relations(staged.sha256, description)
    if not files:
        return
    header = sa.cast(sa.bindparam("header_text", type_=sa.Text), postgresql.JSONB)
    connection.execute(sa.insert(file).values(header=header), files)
    of = sa.select(file.c.file_id).where(file.c.sha256 == sa.bindparam("of")).scalar_subquery()
    verified = sa.text("timezone('UTC', now())")
    connection.execute(sa.insert(copy).values(file_id=of, verified=verified), copies)
    connection.execute(sa.insert(obscore), products)
    if raws:
        connection.execute(sa.insert(raw), raws)
        note_keywords(connection, keywords)
    if relations:
        connection.execute(sa.insert(relation).values(file_id=of), relations)
    checksums = _texts([row["sha256"] for row in files])
    connection.execute(sa.delete(quarantine).where(quarantine.c.sha256 == sa.any_(checksums)))


def _relations(sha256: str, description: Description) -> Iterator[dict[str, Any]]:
    """Rows of what a file says of others, numbered by their kind."""
    numbers: Counter[str] = Counter()
    for each in description.relations:
        numbers[each.kind] += 1
        yield {
            "of": sha256, "kind": each.kind, "number": numbers[each.kind], "name": each.name, "category": each.category,
        }  # fmt: skip


def insert_refused(connection: sa.Connection, examined: Examined, reason: str, kept: str | None) -> None:
    """Note a refused file; the same file refused again has one row."""
    values = {
        "name": examined.name,
        "source": printable(f"{examined.path}"),
        "sha256": examined.staged.sha256 if examined.staged is not None else None,
        "size": examined.staged.size if examined.staged is not None else None,
        "reason": reason,
        "path": kept,
    }
    if values["sha256"] is None:
        connection.execute(
            sa.delete(quarantine).where(
                quarantine.c.sha256.is_(None), quarantine.c.name == values["name"],
                quarantine.c.source == values["source"],
            )
        )  # fmt: skip
    statement = postgresql.insert(quarantine).values(values)
    connection.execute(
        statement.on_conflict_do_update(
            constraint="quarantine_sha256_and_name_are_unique",
            set_={
                "reason": statement.excluded.reason,
                "source": statement.excluded.source,
                "path": statement.excluded.path,
                "quarantined": sa.text("timezone('UTC', now())"),
            },
        )
    )


def _whole(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """Row with every column, so that many go in one statement."""
    return {column.name: row.get(column.name) for column in table.columns if column.name != "row_id"}


def _texts(values: Sequence[str]) -> sa.ColumnElement[Any]:
    return sa.literal(list(values), postgresql.ARRAY(sa.Text))
