"""What a load will publish: the words of the files, of the description and of the table that is there, together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, get_args

from schema.catalogue import Catalogue, Key
from schema.publishing.check import check_fields, check_table_name, find_position
from schema.publishing.description import Description
from schema.publishing.publication import Publication
from schema.publishing.shelf import PublishingError
from schema.publishing.sources import Source
from vo.tables.field import Datatype, Field, arrow_type

_FIELD_WORDS = ("datatype", "arraysize", "xtype", "unit", "ucd", "utype", "description", "principal", "std")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load will publish.

    Attributes
    ----------
    publication
        The table, without rows yet.
    names
        Names of columns by those in the files, in lower case.
    identifier
        Column whose values must differ, None without one.
    notes
        What could be better, one sentence each.
    """

    publication: Publication
    names: dict[str, str]
    identifier: str | None
    notes: tuple[str, ...]


def plan_table(
    schema: str,
    name: str,
    generation: str,
    sources: list[Source],
    description: Description,
    known: Catalogue,
    *,
    lax: bool = False,
) -> Plan:
    """Plan a table from files and a description.

    Parameters
    ----------
    known
        Tables that keys may refer to.
    lax
        Publish in spite of names that queries must quote and of units and UCDs that nobody knows; the latter are left
        out.

    Raises
    ------
    PublishingError
        Raised with all that is wrong, one sentence a line.
    """
    fatal = [*check_table_name(schema, name), *description.problems, *_different_columns(sources)]
    fields, names, remarks, more = _described(sources[0].fields, description)
    fatal += more
    findings = check_fields(fields)
    mendable = [problem for problem in findings.problems if not _is_fatal(problem)]
    fatal += [problem for problem in findings.problems if _is_fatal(problem)]
    position, no_position, more_remarks = find_position(findings.fields, description.position)
    notes = [*remarks, *findings.notes, *more_remarks]
    fatal += no_position
    identifier = _column(findings.fields, description.identifier)
    if description.identifier is not None and identifier is None:
        fatal.append(f"There is no column {description.identifier}, which should identify the rows.")
    keys, problems = _checked_keys(findings.fields, description.keys, known)
    fatal += problems
    if fatal or (mendable and not lax):
        cure = [] if fatal else ["Mend them in the file or by --description, or publish in spite of them with --lax."]
        raise PublishingError("\n".join([*fatal, *mendable, *cure]))
    words = description.table
    text = words.get("description") or sources[0].description
    if not text:
        notes.append("The table has no description.")
    publication = Publication(
        schema=schema,
        name=name,
        generation=generation,
        fields=_marked(findings.fields, position),
        description=text or f"The table {schema}.{name}.",
        utype=words.get("utype"),
        case_insensitive=frozenset(
            field.name for given, field in zip(sources[0].fields, findings.fields, strict=True)
            if description.columns.get(given.name.lower(), {}).get("case_insensitive") is True
        ),
        position=position,
        keys=keys,
        title=words.get("title"),
        version=words.get("version") or (1 if words.get("title") else None),
        rel_descr_url=words.get("rel_descr_url"),
        schema_description=words.get("schema_description"),
    )  # fmt: skip
    return Plan(publication, names, identifier, (*(f"In spite of this: {each}" for each in mendable), *notes))


def plan_more_rows(old: Publication, generation: str, sources: list[Source], description: Description) -> Plan:
    """Plan further rows for a table that is there; its descriptions stay.

    Raises
    ------
    PublishingError
        Raised if a file has columns that the table has not.
    """
    by_name = {field.name.lower(): field.name for field in old.fields}
    names: dict[str, str] = {}
    unknown: list[str] = []
    for source in sources:
        for field in source.fields:
            given = field.name.lower()
            target = by_name.get(str(description.columns.get(given, {}).get("name", given)).lower())
            if target is None:
                unknown.append(field.name)
            else:
                names[given] = target
    if unknown:
        raise PublishingError(f"{old.qualified_name} has no column {', '.join(dict.fromkeys(unknown))}.")
    missing = [name for name in by_name.values() if name not in names.values()]
    notes = (f"The files have no {', '.join(missing)}: NULL in the new rows.",) if missing else ()
    identifier = _column(old.fields, description.identifier)
    return Plan(replace(old, generation=generation), names, identifier, notes)


def _different_columns(sources: list[Source]) -> list[str]:
    """Files that have other columns than the first."""
    first = {field.name.lower() for field in sources[0].fields}
    problems = []
    for source in sources[1:]:
        different = first ^ {field.name.lower() for field in source.fields}
        if different:
            problems.append(
                f"{source.path} and {sources[0].path} differ in the columns {', '.join(sorted(different))}."
            )
    return problems


def _described(
    given: tuple[Field, ...], description: Description
) -> tuple[list[Field], dict[str, str], list[str], list[str]]:
    """Fields with the words of the description, their names by those in the files, notes and problems."""
    fields, names, notes, problems = [], {}, [], []
    for field in given:
        words: dict[str, Any] = dict(description.columns.get(field.name.lower(), {}))
        name = words.pop("name", field.name)
        words.pop("case_insensitive", None)
        changed = replace(field, name=name, **{word: words[word] for word in _FIELD_WORDS if word in words})
        problem = _problem_of_type(changed)
        if problem:
            problems.append(f"Column {name} is described as {problem}.")
            changed = replace(field, name=name)
        fields.append(changed)
        names[field.name.lower()] = name
    for source, told in description.columns.items():
        if source not in names:
            problems.append(f"The files have no column {told.get('name', source)}, which is described.")
    if description.columns:
        bare = [field.name for field in given if field.name.lower() not in description.columns]
        if bare:
            notes.append(f"Not in the description: {', '.join(bare)}.")
    return fields, names, notes, problems


def _problem_of_type(field: Field) -> str | None:
    if field.datatype not in get_args(Datatype):
        return f"{field.datatype}, which is no datatype of VOTable that the archive has"
    if not all(isinstance(word, str | None) for word in (field.unit, field.ucd, field.utype, field.xtype)):
        return "something whose unit, UCD, utype or xtype is no text"
    try:
        arrow_type(field)
    except ValueError as error:
        return str(error).rstrip(".")
    return None


def _is_fatal(problem: str) -> bool:
    return "is there twice" in problem or "keeps this name" in problem


def _column(fields: Iterable[Field], name: str | None) -> str | None:
    if name is None:
        return None
    return next((field.name for field in fields if field.name.lower() == name.lower()), None)


def _marked(fields: tuple[Field, ...], position: tuple[str, str] | None) -> tuple[Field, ...]:
    """Fields of the position are quick to search by."""
    return tuple(
        replace(field, indexed=True, principal=True, unit=field.unit or "deg")
        if field.name in (position or ()) or field.xtype == "adql:REGION"
        else field
        for field in fields
    )


def _checked_keys(
    fields: tuple[Field, ...], keys: tuple[Key, ...], known: Catalogue
) -> tuple[tuple[Key, ...], list[str]]:
    good, problems = [], []
    for key in keys:
        column = _column(fields, key.column)
        schema, _, name = key.target.rpartition(".")
        target = next(iter(known.find(schema, name)), None)
        target_column = None if target is None else _column(target.fields, key.target_column)
        if column is None:
            problems.append(f"A key is described of the column {key.column}, which is not there.")
        elif target is None or target_column is None:
            problems.append(f"The key of {column} refers to {key.target}.{key.target_column}, which is not published.")
        else:
            good.append(replace(key, column=column, target=target.qualified_name, target_column=target_column))
    return tuple(good), problems
