"""Header keywords of single instruments, which the tables ``ist`` show as columns."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import astropy.units as u
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.tables import metadata
from vo.tables.field import Datatype, Field

keyword = sa.Table(
    "keyword",
    metadata,
    sa.Column("instrument", sa.Text, primary_key=True, comment="Instrument as headers write it."),
    sa.Column("name", sa.Text, primary_key=True, comment="Name of the column."),
    sa.Column("card", sa.Text, nullable=False, comment="Keyword as headers write it."),
    sa.Column("datatype", sa.Text, nullable=False, comment="Datatype in which all values met so far have a place."),
    sa.Column("unit", sa.Text, comment="Unit as VOUnits write it; NULL without one."),
    sa.Column("description", sa.Text, comment="Comment of the first card met; NULL without one."),
    schema="archive",
    comment="Header keywords met so far in raw files, by instrument.",
)
"""Header keywords met so far in raw files, by instrument."""

MOST = 1000
"""Keywords of an instrument that become columns; further ones stay in the headers."""

_PLAIN = {"EXPTIME": "s", "LST": "s", "UTC": "s"}
_LEFT_OUT = ("DPR", "DRS", "PRO", "QC")
_DICTIONARY = re.compile(r"DID[0-9]*")
_PEOPLE = re.compile("OBSERVER|PI-COI|OPER")
_UNIT = re.compile(r"\s*\[([^\]]*)\]\s*")
_UCDS = (
    (re.compile("exptime"), "time.duration;obs.exposure"),
    (re.compile("lst|utc"), "time"),
    (re.compile("tel_ambi_.*"), "obs.param;obs.atmos"),
    (re.compile("(ob|tpl|ocs|seq)_.*"), "obs.param"),
    (re.compile("det[0-9]*_.*"), "instr.param;instr.det"),
    (re.compile("(tel|ada|ag|iss|del|cou|aos)[0-9]*_.*"), "instr.param;instr.tel"),
)
_ANY_UCD = "instr.param"
_WIDER: Mapping[frozenset[str], Datatype] = {frozenset(("long", "double")): "double"}
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of the headers of one instrument.

    Attributes
    ----------
    name
        Of the column.
    card
        As headers write it, without HIERARCH.
    datatype
        In which all values met so far have a place: boolean, long, double or char.
    unit
        As VOUnits write it.
    description
        For people.
    """

    name: str
    card: str
    datatype: Datatype
    unit: str | None = None
    description: str | None = None

    def joined(self, other: Keyword) -> Keyword:
        """The keyword where headers of two kinds are read: values of both have a place."""
        if self.datatype == other.datatype:
            return self
        wider = _WIDER.get(frozenset((self.datatype, other.datatype)), "char")
        return replace(self, datatype=wider, unit=None if wider == "char" else self.unit)

    @property
    def field(self) -> Field:
        """Description of the column."""
        ucd = next((ucd for pattern, ucd in _UCDS if pattern.fullmatch(self.name)), _ANY_UCD)
        return Field(
            self.name,
            self.datatype,
            arraysize="*" if self.datatype == "char" else None,
            unit=self.unit,
            ucd=ucd,
            description=self.description or f"Keyword {self.card} of the header.",
        )


def column_name(card: str) -> str | None:
    """Name of the column of a keyword; None for one that is no setting of an instrument.

    A hierarchical keyword loses its first word, ESO, and its words are joined by underscores; those of observation
    blocks begin with ``ob``, as in ``dbo.raw``. Keywords that name people stay in the headers.
    """
    if card in _PLAIN:
        return card.lower()
    words = card.split()
    if len(words) < 3 or words[0] != "ESO" or words[1] in _LEFT_OUT or _DICTIONARY.fullmatch(words[-1]):
        return None
    if any(map(_PEOPLE.fullmatch, words)):
        return None
    group = "ob" if words[1] == "OBS" else words[1]
    return re.sub("[^a-z0-9_]+", "_", "_".join((group, *words[2:])).lower())


def read_keywords(cards: Iterable[tuple[str, Any, str]]) -> tuple[dict[str, Any], tuple[Keyword, ...]]:
    """Read the settings of an instrument from a primary header.

    Parameters
    ----------
    cards
        Keyword without HIERARCH, value and comment, in order; of a repeated keyword the first counts.

    Returns
    -------
    values
        By the names of their columns; keywords without a value are left out.
    keywords
        What each is.
    """
    values: dict[str, Any] = {}
    found: list[Keyword] = []
    for card, value, comment in cards:
        name = column_name(card)
        if name is None or name in values or value is None or value == "":
            continue
        values[name] = value
        unit, words = _unit_and_words(comment)
        datatype = _datatype(value)
        found.append(
            Keyword(name, card, datatype, None if datatype == "char" else unit or _PLAIN.get(card), words or None)
        )
    return values, tuple(found)


def read_known(connection: sa.Connection, instruments: Iterable[str] | None = None) -> dict[str, dict[str, Keyword]]:
    """Keywords met so far, by instrument and name, in the order of names; those of all instruments for None."""
    statement = sa.select(keyword).order_by(keyword.c.instrument, keyword.c.name)
    if instruments is not None:
        wanted = sa.literal(list(instruments), postgresql.ARRAY(sa.Text))
        statement = statement.where(keyword.c.instrument == sa.any_(wanted))
    known: dict[str, dict[str, Keyword]] = {}
    for instrument, *rest in connection.execute(statement):
        each = Keyword(*rest)
        known.setdefault(instrument, {})[each.name] = each
    return known


def note_keywords(connection: sa.Connection, met: Mapping[str, Iterable[Keyword]]) -> None:
    """Note keywords that are new, or whose values have no place yet; one transaction at a time may do so."""
    rows = []
    all_known = read_known(connection, met)
    for instrument, keywords in met.items():
        known = all_known.get(instrument, {})
        now = dict(known)
        for each in keywords:
            if each.name in now:
                now[each.name] = now[each.name].joined(each)
            elif len(now) < MOST:
                now[each.name] = each
        rows += [_row(instrument, each) for name, each in now.items() if known.get(name) != each]
    if rows:
        statement = postgresql.insert(keyword)
        changed = {name: statement.excluded[name] for name in ("datatype", "unit")}
        connection.execute(statement.on_conflict_do_update(index_elements=["instrument", "name"], set_=changed), rows)


def _row(instrument: str, each: Keyword) -> dict[str, Any]:
    return {
        "instrument": instrument, "name": each.name, "card": each.card, "datatype": each.datatype, "unit": each.unit,
        "description": each.description,
    }  # fmt: skip


def _datatype(value: Any) -> Datatype:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long" if -_LARGEST <= value < _LARGEST else "double"
    return "double" if isinstance(value, float) else "char"


@lru_cache(maxsize=4096)
def _unit_and_words(comment: str) -> tuple[str | None, str]:
    """Unit in brackets at the start of a comment, where VOUnits have it, and the rest (FITS 4.0, "Units")."""
    match = _UNIT.match(comment)
    if match is None:
        return None, comment.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)
            unit = u.Unit(match[1]).to_string("vounit") or None
    except (ValueError, TypeError):
        return None, comment.strip()
    return unit, comment[match.end() :].strip()
