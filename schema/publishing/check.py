"""What is wrong with the description of a table, all at once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import astropy.units as u
from astropy.io.votable.ucd import parse_ucd

from schema.published import HIDDEN
from schema.reserved_words import RESERVED_WORDS
from vo.tables.field import Field

OWN_SCHEMAS = frozenset(
    {"ivoa", "dbo", "ist", "phase3v2", "tap_schema", "tap_upload", "archive", "replica", "information_schema", "main",
     "public", "temp", "system", "quipu_replica"}
)  # fmt: skip
"""Schemas that tables are not loaded into."""

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Findings:
    """What is to be said of a description.

    Attributes
    ----------
    fields
        With units as VOUnits writes them; where a unit or UCD is wrong, without it.
    problems
        What should be mended first; a publisher may insist.
    notes
        What could be better.
    """

    fields: tuple[Field, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def check_table_name(schema: str, name: str) -> list[str]:
    """Why a table cannot have a name; none where it can."""
    problems = [
        f"The {what} {word!r} is not a plain name: it must be a letter and then letters, digits or _."
        for what, word in (("schema", schema), ("table", name))
        if not _NAME.fullmatch(word)
    ]
    problems += [
        f"The {what} {word} is a reserved word of ADQL." for what, word in (("schema", schema), ("table", name))
        if word.upper() in RESERVED_WORDS
    ]  # fmt: skip
    if schema.lower() in OWN_SCHEMAS or schema.lower().startswith(("pg_", "tap_schema", "generation_")):
        problems.append(f"The schema {schema} belongs to the archive itself; choose another, such as safcat.")
    return problems


def check_fields(fields: Iterable[Field]) -> Findings:
    """Look for names, units and UCDs that clients would stumble over.

    References
    ----------
    ADQL 2.1, "Identifiers"; VOUnits 1.0; "UCD1+ controlled vocabulary"; TAP 1.1, "TAP_SCHEMA".
    """
    good: list[Field] = []
    problems: list[str] = []
    notes: list[str] = []
    seen: set[str] = set()
    for field in fields:
        problems += _name_problems(field.name, seen)
        seen.add(field.name.lower())
        unit = field.unit
        if unit is not None:
            unit, problem = _checked_unit(unit)
            if problem:
                problems.append(f"Column {field.name}: {problem}")
            elif unit != field.unit:
                notes.append(f"Column {field.name}: unit {field.unit} is written {unit} in VOUnits.")
        ucd = field.ucd
        if ucd is not None and (problem := _ucd_problem(ucd)):
            problems.append(f"Column {field.name}: {problem}")
            ucd = None
        if not field.description:
            notes.append(f"Column {field.name} has no description.")
        good.append(replace(field, unit=unit, ucd=ucd))
    return Findings(tuple(good), tuple(problems), tuple(notes))


def _name_problems(name: str, seen: set[str]) -> list[str]:
    if name.lower() in seen:
        return [f"Column {name} is there twice; names are compared without regard to case."]
    if name.lower() in (*HIDDEN, "row_id"):
        return [f"Column {name}: the archive keeps this name for itself; rename the column."]
    if not name.isascii():
        return [f"Column {name!r} has letters outside ASCII in its name; rename it."]
    if not _NAME.fullmatch(name):
        return [f"Column {name!r} is not a plain name (a letter, then letters, digits or _); rename it."]
    if name.upper() in RESERVED_WORDS:
        return [f"Column {name} is a reserved word of ADQL, which queries must put into double quotes; rename it."]
    return []


def _checked_unit(unit: str) -> tuple[str | None, str | None]:
    """Unit as VOUnits writes it, or None and what is wrong."""
    text = unit.strip()
    # VOUnits has the percent sign, astropy's reader of VOUnits has not.
    if text in ("", "%"):
        return text or None, None
    if not text.isascii():
        return None, f"unit {text!r} has letters outside ASCII."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            u.Unit(text, format="vounit")
        except ValueError:
            try:
                return u.Unit(text).to_string("vounit"), None
            except ValueError:
                return None, f"unit {text!r} is none that VOUnits knows."
    return text, None


def _ucd_problem(ucd: str) -> str | None:
    try:
        parse_ucd(ucd, check_controlled_vocabulary=True, has_colon=":" in ucd)
    except ValueError as error:
        return f"UCD {ucd!r} is not of UCD1+: {str(error)[:1].lower()}{str(error)[1:].rstrip('.')}."
    return None


def find_position(
    fields: Iterable[Field], named: tuple[str, str] | None
) -> tuple[tuple[str, str] | None, tuple[str, ...], tuple[str, ...]]:
    """Columns of the main position: those that are named, or those that UCDs tell.

    Returns
    -------
    position
        Their names as the fields write them, None without.
    problems, notes
        Why they cannot be used; why none was found.
    """
    by_name = {field.name.lower(): field for field in fields}
    if named is None:
        found = [_of_ucd(by_name.values(), word) for word in ("pos.eq.ra", "pos.eq.dec")]
        if None in found:
            return None, (), ("No column is the main position (UCDs pos.eq.ra;meta.main and pos.eq.dec;meta.main).",)
    else:
        found = [by_name.get(name.lower()) for name in named]
    problems = []
    for name, field in zip(named or ("", ""), found, strict=True):
        if field is None:
            problems.append(f"There is no column {name}, which should be of the position.")
        elif field.is_array or field.datatype not in ("double", "float", "long", "int", "short"):
            problems.append(f"Column {field.name} is of the position, but not a number.")
        elif field.unit not in (None, "deg"):
            problems.append(f"Column {field.name} is of the position and must be in deg, not {field.unit}.")
    if problems:
        return None, tuple(problems), ()
    ra, dec = (field.name for field in found if field is not None)
    return (ra, dec), (), ()


def _of_ucd(fields: Iterable[Field], word: str) -> Field | None:
    main: list[Field] = []
    others: list[Field] = []
    for field in fields:
        words = [each.strip().lower() for each in (field.ucd or "").split(";")]
        if words[0] == word:
            (main if "meta.main" in words else others).append(field)
    candidates = main or others
    return candidates[0] if len(candidates) == 1 else None
