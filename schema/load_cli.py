"""The command that takes many rows in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schema.load import LoadReport, load_parquet
from schema.load_columns import LoadError
from schema.obscore import obscore
from schema.observations import raw
from schema.truth import Truth

OpenTruth = Callable[[click.Context], AbstractContextManager[Truth]]
Await = Callable[[click.Context], str | None]

_TABLES = {table.fullname: table for table in (obscore, raw)}


def load_command(open_truth: OpenTruth, await_replica: Await) -> click.Command:
    """Make the command ``load``.

    Parameters
    ----------
    open_truth
        Opens the truth of the archive that a command is about.
    await_replica
        Waits until queries show what was loaded; returns a sentence for people where that cannot be said.
    """

    @click.command("load")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option(
        "--table",
        "name",
        type=click.Choice(sorted(_TABLES), case_sensitive=False),
        default=obscore.fullname,
        show_default=True,
        help="Table that the rows belong to.",
    )
    @click.option(
        "--strict", is_flag=True, help="Refuse columns that the table does not have, instead of skipping them."
    )
    @click.option("--replace", is_flag=True, help="Let rows take the place of those with the same identifier.")
    @click.pass_context
    def load(context: click.Context, file: Path, name: str, strict: bool, replace: bool) -> None:
        """Take the rows of a Parquet FILE into a table, wholly or not at all.

        Columns are found by name, without regard to case. Regions may be text (STC-S) or lists of degrees.
        """
        began = time.monotonic()
        try:
            with open_truth(context) as truth, _bar() as progress:
                report = load_parquet(truth.url, _TABLES[name], file, strict=strict, replace=replace, progress=progress)
        except LoadError as error:
            raise click.ClickException(str(error)) from None
        _tell(report, _TABLES[name], time.monotonic() - began)
        if report.rows and (note := await_replica(context)):
            click.echo(note, err=True)

    return load


def _tell(report: LoadReport, table: sa.Table, seconds: float) -> None:
    rate = f", {report.rows / seconds:.0f} rows/s" if report.rows >= 1000 else ""
    click.echo(f"{report.rows} rows are in {table.fullname}, {report.replaced} went for them{rate}.")
    if report.skipped:
        click.echo(f"Skipped, as {table.fullname} has no such columns: {', '.join(report.skipped)}.", err=True)
    for column, count in report.cleared.items():
        click.echo(f"{count} values of {column} cannot be meant and are NULL now.", err=True)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """Progress on a terminal; none elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("Loading", total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
