"""Products and what they have to do with each other, as the truth holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.files import file
from schema.obscore import obscore
from schema.observations import raw
from schema.relations import relation
from storage.replicas import HeldFile

_COLUMNS = (
    "dp_id", "obs_publisher_did", "obs_creator_did", "dataproduct_type", "dataproduct_subtype", "calib_level",
    "access_url", "access_format", "target_name", "obs_title", "instrument_name", "obs_release_date", "bib_reference",
    "preview_html", "release_description", "s_ra", "s_dec", "s_fov", "s_region", "t_min", "t_max", "em_min", "em_max",
    "em_xel", "s_xel1", "s_xel2", "pol_states",
)  # fmt: skip
_MOST_RELATED = 10_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Product:
    """One row of ``ivoa.obscore`` and its file.

    Attributes
    ----------
    row
        Columns of the row.
    file
        The file; None for products that another archive holds.
    """

    row: Mapping[str, Any]
    file: HeldFile | None

    @property
    def dp_id(self) -> str:
        """Identifier in this archive."""
        dp_id: str = self.row["dp_id"]
        return dp_id

    @property
    def publisher_did(self) -> str:
        """Identifier in the VO."""
        did: str = self.row["obs_publisher_did"]
        return did


@dataclass(frozen=True, slots=True)
class Named:
    """Another file that a header names.

    Attributes
    ----------
    kind
        ``progenitor``, ``calibration`` that was applied, or ``companion``.
    name, category
        As the header says them; the name without an ending.
    """

    kind: str
    name: str
    category: str | None


@dataclass(frozen=True, slots=True)
class Related:
    """What files say of each other.

    Attributes
    ----------
    names
        What the file itself names, by ``dp_id``, in the order of the header.
    namers
        Files that name a file, with what it is for them: ``(kind, dp_id)``, by ``dp_id``.
    siblings
        Files that have a progenitor in common with a file, by ``dp_id``.
    """

    names: Mapping[str, tuple[Named, ...]]
    namers: Mapping[str, tuple[tuple[str, str], ...]]
    siblings: Mapping[str, tuple[str, ...]]


def read_products(engine: sa.Engine, dp_ids: Iterable[str]) -> dict[str, Product]:
    """Products by their ``dp_id``; unknown ones are left out."""
    own = [obscore.c[name] for name in _COLUMNS]
    of_file = [
        file.c.name, file.c.sha256, file.c.size, file.c.content_type, file.c.release_date, file.c.ingested,
    ]  # fmt: skip
    statement = (
        sa.select(*own, *(column.label(f"file_{column.name}") for column in of_file))
        .outerjoin(file, file.c.dp_id == obscore.c.dp_id)
        .where(obscore.c.dp_id == _any(dp_ids))
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    found = (row._asdict() for row in rows)
    return {row["dp_id"]: Product(row, _file(row)) for row in found}


def _file(row: Mapping[str, Any]) -> HeldFile | None:
    if row["file_sha256"] is None:
        return None
    return HeldFile(
        row["dp_id"],
        row["file_name"],
        row["file_sha256"],
        row["file_size"],
        row["file_content_type"],
        row["file_release_date"],
        row["file_ingested"],
        (),
    )


def read_related(engine: sa.Engine, dp_ids: Iterable[str]) -> Related:
    """What files and others say of each other, by three queries; at most 10,000 of each kind."""
    wanted = tuple(dict.fromkeys(dp_ids))
    with engine.connect() as connection:
        told = connection.execute(_names_of(wanted)).all()
        namers = connection.execute(_namers_of(wanted)).all()
        siblings = connection.execute(_siblings_of(wanted)).all()
    return Related(
        _grouped((row.dp_id, Named(row.kind, row.name, row.category)) for row in told),
        _grouped((row.of, (row.kind, row.dp_id)) for row in namers),
        _grouped((row.of, row.dp_id) for row in siblings),
    )


def _names_of(dp_ids: Iterable[str]) -> sa.Select[Any]:
    return (
        sa.select(file.c.dp_id, relation.c.kind, relation.c.name, relation.c.category)
        .join(file, file.c.file_id == relation.c.file_id)
        .where(file.c.dp_id == _any(dp_ids), relation.c.number <= _MOST_RELATED)
        .order_by(file.c.dp_id, relation.c.kind, relation.c.number)
    )


def _namers_of(dp_ids: Iterable[str]) -> sa.Select[Any]:
    """Files that name one of some files by its identifier or by the name that it was written or submitted under."""
    submitted = sa.func.regexp_replace(obscore.c.obs_creator_did, r"^ivo://eso\.org/origfile\?", "")
    own = sa.union(
        sa.select(obscore.c.dp_id.label("of"), obscore.c.dp_id.label("name")).where(obscore.c.dp_id == _any(dp_ids)),
        *(
            sa.select(origin.c.dp_id, sa.func.regexp_replace(name, r"\.fits(\.(fz|gz|Z))?$", "")).where(
                origin.c.dp_id == _any(dp_ids), name.is_not(None)
            )
            for origin, name in ((obscore, submitted), (raw, raw.c.origfile))
        ),
    ).subquery()
    return (
        sa.select(own.c.of, relation.c.kind, file.c.dp_id)
        .distinct()
        .join(relation, relation.c.name == own.c.name)
        .join(file, file.c.file_id == relation.c.file_id)
        .where(file.c.dp_id != own.c.of)
        .order_by(own.c.of, relation.c.kind, file.c.dp_id)
        .limit(_MOST_RELATED)
    )


def _siblings_of(dp_ids: Iterable[str]) -> sa.Select[Any]:
    mine, theirs = relation.alias("mine"), relation.alias("theirs")
    other = file.alias("other")
    return (
        sa.select(file.c.dp_id.label("of"), other.c.dp_id)
        .distinct()
        .join(mine, mine.c.file_id == file.c.file_id)
        .join(theirs, theirs.c.name == mine.c.name)
        .join(other, other.c.file_id == theirs.c.file_id)
        .where(
            file.c.dp_id == _any(dp_ids),
            mine.c.kind == sa.literal("progenitor"),
            theirs.c.kind == sa.literal("progenitor"),
            other.c.file_id != file.c.file_id,
        )
        .order_by(file.c.dp_id, other.c.dp_id)
        .limit(_MOST_RELATED)
    )


def _grouped(pairs: Iterable[tuple[str, Value]]) -> dict[str, tuple[Value, ...]]:
    groups: dict[str, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _any(texts: Iterable[str]) -> sa.ColumnElement[Any]:
    return sa.any_(sa.literal([*texts], postgresql.ARRAY(sa.Text)))
