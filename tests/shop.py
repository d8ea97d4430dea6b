"""Loaded tables without a server: what tests of publishing share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from schema.publishing.description import Description, read_description
from schema.publishing.publication import rows_file
from schema.publishing.publish import Loaded, Mode, Shelf, load_table
from schema.publishing.shelf import read_publications


@dataclass
class Shop:
    """A truth, what is published of it, and the folder in which the files of tests lie."""

    shelf: Shelf
    folder: Path
    progress: list[tuple[int, int]] = field(default_factory=list)

    def load(
        self, name: str, *paths: Path, words: str | None = None, mode: Mode = Mode.NEW, lax: bool = False
    ) -> Loaded:
        description = Description()
        if words is not None:
            (self.folder / "words.yaml").write_text(words, "utf-8")
            description = read_description(self.folder / "words.yaml")
        schema, _, table = name.partition(".")
        return load_table(
            self.shelf, schema, table, list(paths), description, lambda *done: self.progress.append(done),
            mode=mode, lax=lax,
        )  # fmt: skip

    def rows(self, name: str) -> pa.Table:
        """All that the file of a table holds, hidden columns too."""
        with self.shelf.engine.connect() as connection:
            (found,) = [each for each in read_publications(connection) if each.qualified_name == name]
        with duckdb.connect(str(rows_file(self.shelf.folder, found.generation)), read_only=True) as connection:
            return connection.sql("SELECT * FROM published").to_arrow_table()

    def generations(self) -> set[str]:
        return {path.name for path in self.shelf.folder.iterdir()} if self.shelf.folder.exists() else set()
