"""The file in which a publisher describes a table: YAML, in the words of Felis where they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from schema.catalogue import Key
from schema.publishing.shelf import PublishingError

_COLUMN_WORDS = {
    "name": "name",
    "source": "source",
    "datatype": "datatype",
    "arraysize": "arraysize",
    "votable:arraysize": "arraysize",
    "xtype": "xtype",
    "votable:xtype": "xtype",
    "unit": "unit",
    "ivoa:unit": "unit",
    "fits:tunit": "unit",
    "ucd": "ucd",
    "ivoa:ucd": "ucd",
    "utype": "utype",
    "votable:utype": "utype",
    "description": "description",
    "principal": "principal",
    "tap:principal": "principal",
    "std": "std",
    "tap:std": "std",
    "case_insensitive": "case_insensitive",
}
_IGNORED_COLUMN_WORDS = {"@id", "nullable", "length", "tap:column_index", "mysql:datatype", "autoincrement"}
_TABLE_WORDS = {
    "name", "@id", "description", "utype", "title", "version", "rel_descr_url", "position", "id", "columns", "keys",
    "schema_description", "primaryKey", "tap:table_index", "indexes", "constraints",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """What a publisher says of a table.

    Attributes
    ----------
    table
        Words about the table: description, utype, title, version, rel_descr_url, schema_description.
    columns
        Words about columns by the names that they have in the files, lower case.
    position
        Names of the columns of the main position, as published.
    identifier
        Name of the column whose values are unique, as published.
    keys
        Columns on which it may be joined.
    problems
        What cannot be understood, one sentence each.
    """

    table: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    position: tuple[str, str] | None = None
    identifier: str | None = None
    keys: tuple[Key, ...] = ()
    problems: tuple[str, ...] = ()


def read_description(path: Path) -> Description:
    """Read a description.

    Raises
    ------
    PublishingError
        Raised if the file cannot be read or is no mapping of YAML; what is wrong inside goes into `problems`.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PublishingError(f"{path} is not YAML: {' '.join(str(error).split())}.") from None
    except OSError as error:
        raise PublishingError(f"{path} cannot be read: {error.strerror}.") from None
    if not isinstance(document, dict):
        raise PublishingError(f"{path} holds no description: it must be a mapping with words such as columns.")
    tables = document.get("tables")
    if isinstance(tables, list) and len(tables) == 1 and isinstance(tables[0], dict):
        document = tables[0] | ({"schema_description": text} if (text := document.get("description")) else {})
    return _Reader().read(document)


class _Reader:
    """Reads one document and gathers what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, document: dict[Any, Any]) -> Description:
        for word in document:
            if word not in _TABLE_WORDS:
                self.problems.append(f"The description has the unknown word {word}.")
        columns = dict(self.columns(document.get("columns") or []))
        table: dict[str, Any] = {
            word: self.text("The table", word, document.get(word))
            for word in ("description", "utype", "title", "rel_descr_url", "schema_description")
        }
        table["version"] = self.version(document.get("version"))
        return Description(
            table,
            columns,
            self.position(document.get("position")),
            self.text("The table", "id", document.get("id") or _only(document.get("primaryKey"))),
            tuple(self.keys(document.get("keys") or [])),
            tuple(self.problems),
        )

    def columns(self, given: Any) -> Any:
        if isinstance(given, dict):
            given = [{"name": name, **(words or {})} for name, words in given.items()]
        if not isinstance(given, list):
            self.problems.append("The columns of the description are no list.")
            return
        for each in given:
            if not isinstance(each, dict) or not isinstance(each.get("name"), str):
                self.problems.append(f"A column of the description has no name: {each!r}.")
                continue
            words: dict[str, Any] = {}
            for word, value in each.items():
                if word in _COLUMN_WORDS:
                    words[_COLUMN_WORDS[word]] = value
                elif word not in _IGNORED_COLUMN_WORDS:
                    self.problems.append(f"Column {each['name']} is described with the unknown word {word}.")
            yield str(words.pop("source", None) or words["name"]).lower(), words

    def position(self, given: Any) -> tuple[str, str] | None:
        if given is None:
            return None
        if isinstance(given, list) and len(given) == 2 and all(isinstance(name, str) for name in given):
            return given[0], given[1]
        self.problems.append("The position of the description must name two columns, such as [ra, dec].")
        return None

    def keys(self, given: Any) -> Any:
        for each in given if isinstance(given, list) else [given]:
            words = each if isinstance(each, dict) else {}
            target, _, column = str(words.get("references", "")).rpartition(".")
            if not isinstance(words.get("column"), str) or "." not in target or not column:
                self.problems.append(
                    f"A key of the description must have a column and what it references, such as "
                    f"{{column: source_id, references: schema.table.column}}, not {each!r}."
                )
                continue
            yield Key(words["column"], target, column, words.get("description"), words.get("utype"))

    def text(self, what: str, word: str, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value.strip() if value else None
        self.problems.append(f"{what} is described with {word}: {value!r}, which is no text.")
        return None

    def version(self, value: Any) -> int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31):
            return value
        self.problems.append(f"The version of the description must be a whole number, not {value!r}.")
        return None


def _only(value: Any) -> Any:
    """Felis names columns as ``#table.column``, one or a list of one."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return value.rpartition(".")[2].lstrip("#") if isinstance(value, str) else value
