"""The command `quipu simulate`."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulator.errors import SimulationError
from simulator.night import FEWEST, MOST, Content, Night, simulate_night


@click.command()
@click.option(
    "--night",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    default="2024-03-10",
    show_default=True,
    help="Local date on which the night begins.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Directory for the FITS files; made if it does not exist.",
)
@click.option(
    "--frames",
    type=click.IntRange(FEWEST, MOST),
    help="Number of raw frames.  [default: all that one night has, about 90; more go on with the next nights]",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same bytes.")
@click.option(
    "--content",
    type=click.Choice([content.value for content in Content]),
    help="Pixels, or complete headers with no pixels and no products.  [default: pixels up to 1000 frames]",
)
@click.option("--overwrite", is_flag=True, help="Replace files of the same name that have other content.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def simulate(
    night: datetime, out: Path, frames: int | None, seed: int, content: str | None, overwrite: bool, as_json: bool
) -> None:
    """Simulate a night of a toy observatory: raw frames and products as FITS files.

    Two invented instruments (QHAWAQ, an imager, and KUYCHI, a spectrograph) and small imitations of UVES, HAWKI and
    MUSE take biases, darks, flats, arcs, standards and science frames; images, spectra and cubes are reduced from them
    to the Phase 3 standard. Every file says in its header that it is simulated. The Orion nebula is observed whenever
    it stands high enough in the dark, from early August to early May.

    Example: quipu simulate --night 2024-03-10 --out night
    """
    try:
        with _progress() as advance:
            result = simulate_night(
                night.date(),
                out,
                frames,
                seed,
                advance,
                content=Content(content) if content else None,
                overwrite=overwrite,
            )
    except SimulationError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_as_json(result) if as_json else _as_text(result))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show how far the simulation is, on standard error: a bar on a terminal, else a line for each tenth."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("raw frames", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return

    def line(done: int, total: int) -> None:
        if done == total or done * 10 // total != (done - 1) * 10 // total:
            click.echo(f"{done} of {total} raw frames", err=True)

    yield line


def _as_text(result: Night) -> str:
    nights = "1 night" if result.nights == 1 else f"{result.nights} nights"
    return (
        f"{len(result.raw_frames)} raw frames and {len(result.products)} product files of {nights} from "
        f"{result.night}, {result.size / 1e6:.1f} MB, in {result.directory}"
    )


def _as_json(result: Night) -> str:
    return json.dumps(
        {
            "night": result.night.isoformat(),
            "nights": result.nights,
            "directory": str(result.directory),
            "size": result.size,
            "kinds": dict(result.kinds),
            "raw_frames": [path.name for path in result.raw_frames],
            "products": [path.name for path in result.products],
        },
        indent=2,
    )
