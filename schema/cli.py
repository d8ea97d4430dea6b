"""Commands that keep the truth safe."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from schema.backup import restore_backup, write_backup
from schema.embedded import TruthError
from schema.truth import Truth

OpenTruth = Callable[[click.Context], AbstractContextManager[Truth]]
"""Opens the truth of the archive that a command is about; need not bring its tables up to date."""


def backup_command(open_truth: OpenTruth) -> click.Command:
    """Make the command ``backup``."""

    @click.command("backup")
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    @click.pass_context
    def backup(context: click.Context, file: Path) -> None:
        """Write what the archive knows to FILE.

        The archive may be in use. The files of the observatory are not part of the backup.
        """
        try:
            with open_truth(context) as truth:
                write_backup(truth, file)
        except TruthError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB).")

    return backup


def restore_command(open_truth: OpenTruth) -> click.Command:
    """Make the command ``restore``."""

    @click.command("restore")
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    @click.option("--replace", is_flag=True, help="Give up what the archive holds now.")
    @click.pass_context
    def restore(context: click.Context, file: Path, replace: bool) -> None:
        """Make the archive know what FILE says, wholly or not at all.

        Stop the server first.
        """
        try:
            with open_truth(context) as truth:
                restore_backup(truth, file, replace=replace)
        except TruthError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"Restored {file}.")

    return restore
