"""Loaded tables on the command line: publish, list, drop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from schema.publishing.description import Description, read_description
from schema.publishing.publish import Mode, Shelf, load_table, sweep
from schema.publishing.shape import Progress
from schema.publishing.shelf import PublishingError, read_publications, withdraw

_SHOWN_NOTES = 12

OpenShelf = Callable[[click.Context], AbstractContextManager[Shelf]]


def parse_table_name(name: str) -> tuple[str, str]:
    """Schema and table of a name such as ``safcat.stars``.

    Raises
    ------
    click.UsageError
        Raised for names of other forms.
    """
    schema, point, table = name.partition(".")
    if not (point and schema and table) or "." in table:
        raise click.UsageError(f"{name} is no name of a table; write SCHEMA.NAME, such as safcat.stars.")
    return schema, table


def publish_files(
    shelf: Shelf,
    name: tuple[str, str],
    files: Iterable[Path],
    description: Path | None,
    progress: Progress,
    *,
    mode: Mode,
    lax: bool,
) -> int:
    """Publish files as a table and tell of it; the number of rows that came in."""
    try:
        sweep(shelf)
        words = Description() if description is None else read_description(description)
        loaded = load_table(shelf, *name, list(files), words, progress, mode=mode, lax=lax)
    except PublishingError as error:
        raise click.ClickException(str(error)) from None
    table = loaded.publication
    position = f"positions in {', '.join(table.position)}" if table.position else "no positions"
    click.echo(
        f"{loaded.added} rows came into {table.qualified_name}: {table.rows} rows, {len(table.fields)} columns, "
        f"{position}, {table.bytes / 1e6:.1f} MB."
    )
    for note in loaded.notes[:_SHOWN_NOTES]:
        click.echo(note, err=True)
    if len(loaded.notes) > _SHOWN_NOTES:
        click.echo(f"… and {len(loaded.notes) - _SHOWN_NOTES} more of this kind.", err=True)
    return max(loaded.added, 1)


def drop_command(open_shelf: OpenShelf, await_replica: Callable[[click.Context], str | None]) -> click.Command:
    """Make the command ``drop``."""

    @click.command("drop")
    @click.argument("table")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_context
    def drop(context: click.Context, table: str, yes: bool) -> None:
        """Give up the published table TABLE, such as safcat.stars, with its rows."""
        name = parse_table_name(table)
        if not yes:
            click.confirm(f"Give up {table} with all its rows?", abort=True)
        with open_shelf(context) as shelf, shelf.engine.begin() as connection:
            gone = withdraw(connection, *name)
        if gone is None:
            raise click.ClickException(f"There is no loaded table {table}; quipu tables lists those there are.")
        note = await_replica(context)
        with open_shelf(context) as shelf:
            sweep(shelf)
        click.echo(f"{gone.qualified_name} with {gone.rows} rows is gone.")
        if note:
            click.echo(note, err=True)

    return drop


def tables_command(open_shelf: OpenShelf) -> click.Command:
    """Make the command ``tables``."""

    @click.command("tables")
    @click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document, with all descriptions.")
    @click.pass_context
    def tables(context: click.Context, as_json: bool) -> None:
        """List the tables that were loaded and published."""
        with open_shelf(context) as shelf, shelf.engine.connect() as connection:
            found = read_publications(connection)
        if as_json:
            documents = [
                {"table": each.qualified_name, "rows": each.rows, "bytes": each.bytes, **each.document()}
                for each in found
            ]
            click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
            return
        for each in found:
            click.echo(
                f"{each.qualified_name:32} {each.rows:>12,} rows {each.bytes / 1e6:>10,.1f} MB  {each.description}"
            )
        if not found:
            click.echo("No table was loaded; quipu load --table SCHEMA.NAME FILE publishes one.")

    return tables
