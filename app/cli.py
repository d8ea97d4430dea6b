"""The command line: one group; each room brings its commands."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from app.app import SOFTWARE
from app.archive import Archive, ArchiveError
from app.backup import back_up
from app.backup import restore as restore_archive
from app.config import ConfigError, read_config, with_values
from app.front import Front
from app.listening import PortTakenError, begin_anew, listening
from app.logs import configure_logs
from app.operators import OperatorKey, ask_server
from app.progress import progress_bar
from app.rooms import drop, ingest, jobs, load, tables
from app.server import AlreadyServedError, Server, only_server
from app.serving import Serving
from app.status import compare, read_refusals, read_status
from schema.embedded import TruthError
from schema.engines.dialect import render
from schema.engines.execute import EngineError, EngineUnavailableError
from schema.migrate import migrate
from schema.published import published
from simulator.cli import simulate
from storage.store import StorageError
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from uws.store import JobError

_EXPECTED = (
    ArchiveError,
    AlreadyServedError,
    ConfigError,
    EngineUnavailableError,
    JobError,
    PortTakenError,
    StorageError,
    TruthError,
)


class _Sentences(click.Group):
    """A group whose commands end with one sentence, not a traceback, where the trouble is of a known kind."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except _EXPECTED as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--archive",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("archive"),
    show_default=True,
    envvar="QUIPU_ARCHIVE",
    show_envvar=True,
    help="Directory of the archive.",
)
@click.version_option(package_name="quipu-archive", prog_name="quipu")
@click.pass_context
def main(context: click.Context, directory: Path) -> None:
    """Keep the files of a telescope and give them to astronomers.

    A new archive takes three steps: `quipu --archive DIR init`, `quipu --archive DIR ingest NIGHT/` and
    `quipu --archive DIR serve`. Settings are in DIR/quipu.toml.
    """
    configure_logs()
    context.obj = Archive(read_config(directory))


@main.command()
@click.pass_obj
def init(archive: Archive) -> None:
    """Make a new archive, or bring an existing one to this version."""
    if archive.create():
        click.echo(f"{archive.directory} is an archive now; its settings are in quipu.toml.")
    else:
        click.echo(f"{archive.directory} is an archive already; its tables are those of this version.")


@main.command()
@click.option("--host", help="Address to listen on.  [setting server.host]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [setting server.port]")
@click.option("--base-url", help="Address that clients use.  [setting base_url]")
@click.pass_obj
def serve(archive: Archive, host: str | None, port: int | None, base_url: str | None) -> None:
    """Serve the archive until Ctrl-C.

    SIGTERM lets running answers end; SIGHUP does so too and begins anew, with the settings of then, while new clients
    wait.
    """
    archive.require()
    archive = dataclasses.replace(
        archive, config=with_values(archive.config, server__host=host, server__port=port, base_url=base_url)
    )
    with listening(archive.config.server) as listener:
        with only_server(archive.directory), archive.open_truth() as truth:
            migrate(truth.engine)
            serving: list[Serving] = []

            def make_app() -> Front:
                serving.append(Serving(archive, truth.url))
                return serving[0].front

            def begin_to_stop() -> None:
                for each in serving:
                    each.begin_to_stop()

            def stop() -> None:
                for each in serving:
                    each.close()

            url = archive.config.url
            click.echo(f"{archive.config.title}: {url}  (TAP: {url}/tap). Ctrl-C stops.")
            anew = Server(archive.config.server, listener, make_app, begin_to_stop, stop, SOFTWARE).run()
        if anew:
            begin_anew(listener)


@main.command()
@click.option("--quarantine", "refused", is_flag=True, help="List the files that were refused, and why.")
@click.option("--check", is_flag=True, help="Hold the rows against the bytes in the store.")
@click.option("--checksums", is_flag=True, help="With --check: read all bytes and compute their checksums.")
@click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
@click.pass_obj
def status(archive: Archive, refused: bool, check: bool, checksums: bool, as_json: bool) -> None:
    """Tell what the archive holds and how it is; exit status 1 if --check finds a disagreement."""
    archive.require()
    with archive.open_truth() as truth, truth.engine.connect() as connection:
        numbers = read_status(connection)
        refusals = read_refusals(connection) if refused else None
        disagreement = compare(connection, archive.store, checksums=checksums) if check or checksums else None
    if as_json:
        document = {
            **dataclasses.asdict(numbers),
            **({"refusals": [dataclasses.asdict(refusal) for refusal in refusals]} if refusals is not None else {}),
            **({"disagreement": dataclasses.asdict(disagreement)} if disagreement else {}),
        }
        click.echo(json.dumps(document, default=str, indent=2))
    else:
        click.echo(f"Archive       {archive.directory}")
        click.echo(f"Files         {numbers.files:,}, {numbers.bytes / 1e6:,.1f} MB")
        click.echo(f"Products      {numbers.products:,}, of them raw frames {numbers.raw_frames:,}")
        click.echo(f"Quarantine    {numbers.quarantined:,}")
        if archive.config.engine == "duckdb":
            seen = _replica_sentence(numbers.revision, numbers.replica_revision, numbers.follows)
            click.echo(f"Replica       {seen}")
        if refusals is not None:
            for refusal in refusals:
                click.echo(f"{refusal.quarantined:%Y-%m-%d %H:%M}  {refusal.name}: {refusal.reason}")
        if disagreement is not None:
            for name, entries in dataclasses.asdict(disagreement).items():
                click.echo(f"{name.capitalize():14}{', '.join(entries) or 'none'}")
    if disagreement is not None and (disagreement.missing or disagreement.altered):
        sys.exit(1)


@main.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-files", is_flag=True, help="Leave the bytes of the store out: they are kept safe otherwise.")
@click.pass_obj
def backup(archive: Archive, out: Path, no_files: bool) -> None:
    """Write the archive to the new directory OUT: truth, settings, files.

    The archive may be in use meanwhile.
    """
    archive.require()
    with progress_bar("Copying files") as progress:
        copied = back_up(archive, out, progress, with_files=not no_files)
    click.echo(f"{out} holds the truth, the settings and {copied} files of {archive.directory}.")


@main.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def restore(archive: Archive, source: Path) -> None:
    """Make a new archive of the backup in the directory SOURCE."""
    with progress_bar("Copying files") as progress:
        copied = restore_archive(archive, source, progress)
    click.echo(f"{archive.directory} is what was backed up, with {copied} files.")


@main.command()
@click.option("--analyze", is_flag=True, help="Run the query in the server and show what each step of it took.")
@click.argument("query")
@click.pass_obj
def explain(archive: Archive, query: str, analyze: bool) -> None:
    """Show what the ADQL query QUERY becomes: SQL, its parameters, and the plan of the engine.

    The plan comes from the running server, with the times of each stage; without one there is the SQL alone. Only the
    account that runs the server may ask; users of the server never see SQL.
    """
    key = OperatorKey.read(archive.directory)
    answer = None if key is None else ask_server(key, query, analyze=analyze)
    if answer is not None:
        status, text = answer
        if status != 200:
            raise click.ClickException(text)
        click.echo(text)
        return
    if analyze:
        raise click.ClickException("No server of this archive answers here; --analyze needs a running one.")
    try:
        compiled = compile_query(query, published(archive.config.url, archive.config.authority))
        sql, parameters = render(compiled.select)
    except (AdqlError, EngineError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(sql)
    for number, value in enumerate(parameters, start=1):
        click.echo(f"${number} = {value!r}")


def _replica_sentence(revision: int | None, seen: int | None, follows: bool) -> str:
    if not follows:
        return "no server keeps it; it is brought up to date when one starts"
    if revision is None or (seen is not None and seen >= revision):
        return "shows all that is held"
    return f"at revision {seen} of {revision}"


for command in (drop, ingest, jobs, load, tables, simulate):
    main.add_command(command)
