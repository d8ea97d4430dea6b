"""What the services publish now, while loads and drops go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
import structlog

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.describe import describe
from schema.engines.stores import Stores
from schema.keywords import Keyword, read_known
from schema.observations import raw
from schema.published import archive_schemas
from schema.publishing.publication import Publication, database_of, rows_file
from schema.publishing.shelf import read_publications
from schema.tap_schema import RELEASE_FIELDS, tap_schema

CATALOGUE_SCHEMA = "safcat"
"""Schema whose tables the service of catalogues publishes, and no other."""

_DESCRIPTIONS = {CATALOGUE_SCHEMA: "Catalogues made of the data of the archive."}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """What the services of an archive publish; each gives the same object as long as it does not change.

    Attributes
    ----------
    observations
        Of ``/tap``.
    catalogues
        Of ``/tap_cat``, None where the engine has no such tables.
    everything
        All tables, with the TAP_SCHEMA of ``/tap``.
    """

    observations: Callable[[], Catalogue]
    catalogues: Callable[[], Catalogue] | None
    everything: Callable[[], Catalogue]


class CurrentCatalogues:
    """The catalogues of the two TAP services; any thread may ask.

    Parameters
    ----------
    base_url, authority
        As in `schema.published.published`.
    folder
        Of the generations of loaded tables.
    show
        Lets an engine hold what the catalogues name beyond the copy of the truth, before they name it; returns the
        databases that cannot be read, and has changed nothing then.
    """

    def __init__(
        self, base_url: str, authority: str | None, folder: Path, show: Callable[[Stores], frozenset[str]]
    ) -> None:
        self._base_url = base_url
        self._authority = authority
        self._folder = folder
        self._show = show
        self._changing = threading.Lock()
        self._edition = 0
        self._seen: object = None
        self._catalogues = self._shown((), {})

    def observations(self) -> Catalogue:
        """What ``/tap`` publishes; the same object as long as that does not change."""
        return self._catalogues[0]

    def catalogues(self) -> Catalogue:
        """What ``/tap_cat`` publishes; the same object as long as that does not change."""
        return self._catalogues[1]

    def everything(self) -> Catalogue:
        """All tables, with the TAP_SCHEMA of ``/tap``; the same object as long as that does not change."""
        return self._catalogues[2]

    def refresh(self, connection: sa.Connection) -> None:
        """Read from the truth what is published now."""
        known = read_known(connection)
        instruments = {each: tuple(known.get(each, {}).values()) for each in connection.scalars(_INSTRUMENTS)}
        seen = read_publications(connection), instruments
        with self._changing:
            if seen != self._seen:
                self._catalogues = self._shown(*seen)
                self._seen = seen

    def _shown(
        self, publications: tuple[Publication, ...], instruments: Mapping[str, tuple[Keyword, ...]]
    ) -> tuple[Catalogue, Catalogue, Catalogue]:
        """Catalogues whose tables an engine holds."""
        while True:
            self._edition += 1
            store = f"tap_schema_{self._edition}"
            observations, catalogues = self._made(store, publications, instruments)
            stores = Stores(
                {
                    store: describe(observations),
                    f"{store}_catalogues": _with_releases(describe(catalogues), publications),
                },
                {database_of(each.generation): rows_file(self._folder, each.generation) for each in publications},
            )
            unreadable = self._show(stores)
            if not unreadable:
                *own, described = observations.schemas
                return observations, catalogues, Catalogue((*own, *catalogues.schemas[:-1], described))
            for each in publications:
                if database_of(each.generation) in unreadable:
                    log.error("rows of a table cannot be read", table=each.qualified_name, generation=each.generation)
            publications = tuple(each for each in publications if database_of(each.generation) not in unreadable)

    def _made(
        self, store: str, publications: tuple[Publication, ...], instruments: Mapping[str, tuple[Keyword, ...]]
    ) -> tuple[Catalogue, Catalogue]:
        metadata, of_catalogues = sa.MetaData(), sa.MetaData()
        loaded = _schemas(metadata, publications)
        return (
            Catalogue(
                (
                    *archive_schemas(metadata, self._base_url, self._authority, instruments),
                    *(schema for schema in loaded if schema.name.lower() != CATALOGUE_SCHEMA),
                    tap_schema(metadata, store=store),
                )
            ),
            Catalogue(
                (
                    *(schema for schema in loaded if schema.name.lower() == CATALOGUE_SCHEMA),
                    tap_schema(of_catalogues, store=f"{store}_catalogues", further=RELEASE_FIELDS),
                )
            ),
        )


def _schemas(metadata: sa.MetaData, publications: tuple[Publication, ...]) -> tuple[PublishedSchema, ...]:
    """Loaded tables by schema."""
    tables: dict[str, list[PublishedTable]] = {}
    descriptions: dict[str, str] = dict(_DESCRIPTIONS)
    for each in publications:
        schema = each.schema.lower()
        tables.setdefault(schema, []).append(each.table(metadata))
        if each.schema_description:
            descriptions[schema] = each.schema_description
    return tuple(
        PublishedSchema(found[0].schema, descriptions.get(schema, f"Tables of {found[0].schema}."), tuple(found))
        for schema, found in sorted(tables.items())
    )


def _with_releases(content: dict[str, pa.Table], publications: tuple[Publication, ...]) -> dict[str, pa.Table]:
    """TAP_SCHEMA with what people look for in lists of catalogues (`schema.tap_schema.RELEASE_FIELDS`)."""
    by_name = {f"{each.schema}.{each.name}": each for each in publications}
    tables = content["tables"]
    found = [by_name.get(name) for name in tables["table_name"].to_pylist()]
    for column, values in {
        "cat_id": [each and each.catalogue_id for each in found],
        "title": [each and each.title for each in found],
        "version": [each and each.version for each in found],
        "rel_descr_url": [each and each.rel_descr_url for each in found],
    }.items():
        place = tables.schema.get_field_index(column)
        field = tables.schema.field(place)
        tables = tables.set_column(place, field, pa.array(values, field.type))
    return {**content, "tables": tables}


# One look into the index for each instrument, however many frames it has.
_NEXT = sa.select(sa.func.min(raw.c.instrument).label("instrument"))
_FOUND = _NEXT.cte("found", recursive=True)
_FOUND = _FOUND.union_all(
    sa.select(
        sa.select(sa.func.min(raw.c.instrument)).where(raw.c.instrument > _FOUND.c.instrument).scalar_subquery()
    ).where(_FOUND.c.instrument.is_not(None))
)
_INSTRUMENTS = sa.select(_FOUND.c.instrument).where(_FOUND.c.instrument.is_not(None))
