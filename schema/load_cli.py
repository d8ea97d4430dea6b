"""The commands that take many rows in, list the tables that hold them, and give tables up."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click
import sqlalchemy as sa

from schema.load import LoadReport, load_parquet
from schema.load_columns import LoadError
from schema.obscore import obscore
from schema.observations import raw
from schema.publishing.cli import parse_table_name, publish_files
from schema.publishing.publish import Mode, Shelf
from schema.truth import Truth

OpenTruth = Callable[[click.Context], AbstractContextManager[Truth]]
OpenShelf = Callable[[click.Context], AbstractContextManager[Shelf]]
Await = Callable[[click.Context], str | None]
Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]

_TABLES = {table.fullname: table for table in (obscore, raw)}


def load_command(open_truth: OpenTruth, open_shelf: OpenShelf, await_replica: Await, bar: Bar) -> click.Command:
    """Make the command ``load``.

    Parameters
    ----------
    open_truth
        Opens the truth of the archive that a command is about.
    open_shelf
        Opens what keeps its loaded tables.
    await_replica
        Waits until queries show what was loaded; returns a sentence for people where that cannot be said.
    bar
        Shows how far long work is, under a title.
    """

    @click.command("load")
    @click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option(
        "--table",
        "name",
        default=obscore.fullname,
        show_default=True,
        help="Table that the rows belong to: ivoa.obscore, dbo.raw, or SCHEMA.NAME of a table to publish.",
    )
    @click.option(
        "--description",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="YAML file that describes the table to publish: columns, units, UCDs, position, keys.",
    )
    @click.option("--append", is_flag=True, help="Add the rows to a published table that is there.")
    @click.option(
        "--replace",
        is_flag=True,
        help="Put the table in the place of the one that is there; of ivoa.obscore and dbo.raw, the rows in the place "
        "of those with the same identifier.",
    )
    @click.option("--lax", is_flag=True, help="Publish in spite of odd names, units and UCDs.")
    @click.option(
        "--strict",
        is_flag=True,
        help="Refuse columns that ivoa.obscore or dbo.raw does not have, instead of skipping them.",
    )
    @click.pass_context
    def load(
        context: click.Context,
        files: tuple[Path, ...],
        name: str,
        description: Path | None,
        append: bool,
        replace: bool,
        lax: bool,
        strict: bool,
    ) -> None:
        """Take the rows of FILES into a table, or publish them as a table, wholly or not at all.

        Rows of ivoa.obscore and dbo.raw come as Parquet; columns are found by name, without regard to case, and regions
        may be text (STC-S) or lists of degrees. Tables to publish come as FITS, VOTable, Parquet, ECSV, CSV or TSV.
        Tables of the schema safcat are published by /tap_cat, those of other schemas by /tap.
        """
        began = time.monotonic()
        if name.lower() in _TABLES:
            if description or append or lax:
                raise click.UsageError("--description, --append and --lax are for tables to publish.")
            table = _TABLES[name.lower()]
            loaded = 0
            for file in files:
                try:
                    with open_truth(context) as truth, bar("Loading") as progress:
                        report = load_parquet(truth.url, table, file, strict=strict, replace=replace, progress=progress)
                except LoadError as error:
                    raise click.ClickException(str(error)) from None
                _tell(report, table, time.monotonic() - began)
                loaded += report.rows
        else:
            if append and replace:
                raise click.UsageError("--append and --replace exclude each other.")
            mode = Mode.APPEND if append else Mode.REPLACE if replace else Mode.NEW
            parts = parse_table_name(name)
            with open_shelf(context) as shelf, bar("Loading") as progress:
                loaded = publish_files(shelf, parts, files, description, progress, mode=mode, lax=lax)
        if loaded and (note := await_replica(context)):
            click.echo(note, err=True)

    return load


def _tell(report: LoadReport, table: sa.Table, seconds: float) -> None:
    rate = f", {report.rows / seconds:.0f} rows/s" if report.rows >= 1000 else ""
    click.echo(f"{report.rows} rows are in {table.fullname}, {report.replaced} went for them{rate}.")
    if report.skipped:
        click.echo(f"Skipped, as {table.fullname} has no such columns: {', '.join(report.skipped)}.", err=True)
    for column, count in report.cleared.items():
        click.echo(f"{count} values of {column} cannot be meant and are NULL now.", err=True)
