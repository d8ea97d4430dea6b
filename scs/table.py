"""The tables in which cones can be searched, and the columns of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedTable
from schema.columns import field_of
from schema.spatial.constructs import position_of
from vo.tables.field import Field

_MAIN_ID = "meta.id;meta.main"


@dataclass(frozen=True, slots=True)
class ConeTable:
    """A published table with a main position and an identifier of its rows.

    Attributes
    ----------
    published
        The table.
    id, ra, dec
        Names of its columns.
    """

    published: PublishedTable
    id: str
    ra: str
    dec: str

    def fields(self, verbosity: int) -> tuple[Field, ...]:
        """Columns of an answer; the three that the standard asks for come first.

        Parameters
        ----------
        verbosity
            1 for those three alone, 2 for the principal ones too, 3 for all.
        """
        by_name = {field.name: field for field in self.published.fields}
        main = (
            _text(replace(by_name[self.id], ucd="ID_MAIN")),
            replace(by_name[self.ra], ucd="POS_EQ_RA_MAIN", datatype="double", arraysize=None),
            replace(by_name[self.dec], ucd="POS_EQ_DEC_MAIN", datatype="double", arraysize=None),
        )
        has_principal = any(field.principal for field in by_name.values())
        others = (field for name, field in by_name.items() if name not in (self.id, self.ra, self.dec))
        return main + tuple(
            field for field in others if verbosity == 3 or (verbosity == 2 and (field.principal or not has_principal))
        )


def cone_tables(catalogue: Catalogue) -> Iterator[ConeTable]:
    """All tables in which cones can be searched."""
    for published in catalogue:
        found = _cone_table(published)
        if found is not None:
            yield found


def find_cone_table(catalogue: Catalogue, name: str) -> ConeTable | None:
    """Table of a name, with or without its schema, without regard to case; None if there is none, or more."""
    schema, _, table = name.rpartition(".")
    found = [each for each in map(_cone_table, catalogue.find(schema or None, table)) if each is not None]
    return found[0] if len(found) == 1 else None


def _cone_table(published: PublishedTable) -> ConeTable | None:
    if position_of(published.table) is None:
        return None
    ra, dec = published.table.info["position"]
    name = _id_column(published)
    return None if name is None else ConeTable(published, name, ra, dec)


def _id_column(published: PublishedTable) -> str | None:
    """Column that tells rows apart: the one whose UCD says so, else one of identifiers that is never NULL."""
    described = [(column, field) for column in published.table.columns if (field := field_of(column)) is not None]
    candidates = [
        *(field.name for _, field in described if (field.ucd or "").lower() == _MAIN_ID),
        *(field.name for column, field in described if _is_id(column, field)),
    ]
    return candidates[0] if candidates else None


def _is_id(column: sa.Column[object], field: Field) -> bool:
    return not column.nullable and (field.ucd or "").lower().split(";")[0] == "meta.id"


def _text(field: Field) -> Field:
    return field if field.is_text else replace(field, datatype="char", arraysize="*", xtype=None, unit=None)
