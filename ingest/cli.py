"""The command that takes files in."""

from __future__ import annotations

import datetime
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest.examine import printable
from ingest.pipeline import IngestStoppedError, Outcome, Pipeline
from ingest.times import as_datetime, read_date
from ingest.walk import find_files

OpenPipeline = Callable[[click.Context, datetime.datetime | None], AbstractContextManager[Pipeline]]
Await = Callable[[click.Context], str | None]


class _Date(click.ParamType[datetime.datetime]):
    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        instant = read_date(f"{value}")
        if instant is None:
            self.fail(f"{value!r} is not a date; write 2027-01-31 or 2027-01-31T12:00:00 (UTC).", param, ctx)
        return as_datetime(instant.mjd)


def ingest_command(open_pipeline: OpenPipeline, await_replica: Await) -> click.Command:
    """Command ``ingest``.

    Parameters
    ----------
    open_pipeline
        Gives the pipeline of the archive; the date is the one that the user sets for all files, None without.
    await_replica
        Waits until queries show what was taken; returns a sentence for people where that cannot be said.
    """

    @click.command("ingest")
    @click.argument("paths", nargs=-1, required=True, type=click.Path(exists=False, path_type=Path))
    @click.option("--release-date", type=_Date(), help="When all these files become public, UTC (default: the rule).")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object per file and one at the end.")
    @click.pass_context
    def ingest(
        context: click.Context, paths: tuple[Path, ...], release_date: datetime.datetime | None, as_json: bool
    ) -> None:
        """Take FITS files and folders of FITS files into the archive.

        A file is in the archive wholly or not at all. Files that cannot be taken are kept in quarantine with the
        reason; the others go on. The same bytes twice are held once. After an interruption the same command finishes
        the work.

        Exit status: 0 when every file is held, 1 when some were refused or the archive could take no more, 2 for wrong
        use.
        """
        found = list(find_files(paths))
        counts: Counter[str] = Counter()
        try:
            with open_pipeline(context, release_date) as pipeline, _showing(len(found), as_json) as show:
                for outcome in pipeline.run(found):
                    counts[outcome.state] += 1
                    show(outcome)
        except IngestStoppedError as error:
            _close(counts, as_json, f"{error}")
            context.exit(1)
        note = await_replica(context) if counts["taken"] else None
        _close(counts, as_json, note)
        context.exit(1 if counts["refused"] else 0)

    return ingest


@contextmanager
def _showing(total: int, as_json: bool) -> Iterator[Callable[[Outcome], None]]:
    """How outcomes are shown: JSON lines, a bar on a terminal, plain lines elsewhere."""
    if as_json:
        yield lambda outcome: click.echo(_json(outcome))
    elif sys.stderr.isatty():
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, transient=True) as progress:
            bar = progress.add_task("Taking in", total=total)

            def show(outcome: Outcome) -> None:
                progress.advance(bar)
                if outcome.state == "refused":
                    progress.console.print(_line(outcome), markup=False, highlight=False)

            yield show
    else:
        yield lambda outcome: click.echo(_line(outcome))


def _line(outcome: Outcome) -> str:
    name = printable(f"{outcome.path}")
    if outcome.state == "refused":
        return f"refused {name}: {outcome.reason}"
    return f"{outcome.state} {name} as {outcome.dp_id}"


def _json(outcome: Outcome) -> str:
    return json.dumps(
        {
            "path": printable(f"{outcome.path}"),
            "state": outcome.state,
            "dp_id": outcome.dp_id,
            "reason": outcome.reason,
            "warnings": list(outcome.warnings),
        }
    )


def _close(counts: Counter[str], as_json: bool, note: str | None) -> None:
    if as_json:
        summary: dict[str, object] = {state: counts[state] for state in ("taken", "held", "refused")}
        click.echo(json.dumps(summary | ({"note": note} if note else {})))
        return
    hint = " (see quipu status --quarantine)" if counts["refused"] else ""
    click.echo(f"{counts['taken']} taken, {counts['held']} already held, {counts['refused']} refused{hint}.")
    if note:
        click.echo(note, err=True)
