"""Simulate a night: plan it, take its frames, reduce them, write everything."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from simulator.calibration import Calibrations
from simulator.cube_product import cube_products
from simulator.detector import Pixels
from simulator.ephemeris import darkness
from simulator.errors import SimulationError
from simulator.exposure import Exposure
from simulator.files import to_bytes, write_file
from simulator.frames import raw_frame, take
from simulator.headers import write_date
from simulator.image_product import image_products
from simulator.observatory import HAWKI, KUYCHI, MUSE, QHAWAQ, UVES, Kind
from simulator.phase3 import Product
from simulator.plan import choose, plan_night
from simulator.spectrum_product import spectrum_products

FIRST_NIGHT, LAST_NIGHT = date(1970, 1, 1), date(2098, 12, 31)
FEWEST, MOST = 10, 100_000
WITH_PIXELS = 1_000
"""Frames up to which a simulation has pixels unless told otherwise."""

Reduce = Callable[[Sequence[Exposure], Sequence[list[Pixels]], Calibrations, date], list[Product]]

REDUCE: Mapping[str, Reduce] = MappingProxyType(
    {
        QHAWAQ.name: image_products,
        HAWKI.name: image_products,
        KUYCHI.name: spectrum_products,
        UVES.name: spectrum_products,
        MUSE.name: cube_products,
    }
)
"""How the science frames of one template are reduced, by instrument."""


class Content(StrEnum):
    """What the data units hold: pixels, or nothing behind complete headers (then there are no products either)."""

    PIXELS = "pixels"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Night:
    """What was written.

    Attributes
    ----------
    night
        Local date on which the first night begins.
    nights
        Number of nights; more than one if more frames were asked for than one night has.
    directory
        Where the files are.
    raw_frames, products
        The files, in the order of their making; products are reduced files and their companions.
    size
        Bytes of all files.
    kinds
        Number of raw frames by instrument and kind, such as `UVES arc`.
    """

    night: date
    nights: int
    directory: Path
    raw_frames: tuple[Path, ...]
    products: tuple[Path, ...]
    size: int
    kinds: Mapping[str, int] = field(default_factory=dict)


def simulate_night(
    night: date,
    out: Path,
    frames: int | None = None,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    *,
    content: Content | None = None,
    overwrite: bool = False,
) -> Night:
    """Write the raw frames and the products of a night into a directory.

    Parameters
    ----------
    night
        Local date on which the night begins.
    out
        Directory; made if it does not exist.
    frames
        Number of raw frames, 10 to 100,000; None for all that one night has. Few frames are science frames first,
        those of the Orion nebula before the others; if one night has too few, the next nights follow.
    seed
        Decides noise, stars and small irregularities, 0 or more. The same arguments give the same bytes.
    progress
        Called after each raw frame with the number written and the number to write.
    content
        None for pixels up to 1,000 frames and headers only beyond.
    overwrite
        Whether files of the same name and other content are replaced.

    Raises
    ------
    SimulationError
        Raised with one sentence if an argument makes no sense or a file cannot be written; files written before stay.
    """
    _check(night, frames, seed)
    if content is None:
        content = Content.PIXELS if frames is None or frames <= WITH_PIXELS else Content.HEADERS
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimulationError(f"cannot make the directory {out}: {error.strerror or error}") from error
    raw_frames: list[Path] = []
    products: list[Path] = []
    kinds: Counter[str] = Counter()
    size, nights = 0, 0
    for date_of_night, chosen in _nights(night, frames, seed):
        nights += 1
        for name, data, exposure in _files(date_of_night, chosen, seed, content):
            write_file(out / name, data, overwrite)
            size += len(data)
            if exposure is None:
                products.append(out / name)
                continue
            raw_frames.append(out / name)
            kinds[f"{exposure.instrument.name} {exposure.kind}"] += 1
            if progress is not None:
                progress(len(raw_frames), frames or len(chosen))
    return Night(night, nights, out, tuple(raw_frames), tuple(products), size, dict(kinds))


def _check(night: date, frames: int | None, seed: int) -> None:
    if not FIRST_NIGHT <= night <= LAST_NIGHT:
        raise SimulationError(f"the night must lie between {FIRST_NIGHT} and {LAST_NIGHT}, not on {night}")
    if frames is not None and not FEWEST <= frames <= MOST:
        raise SimulationError(f"the number of frames must be between {FEWEST} and {MOST}, not {frames}")
    if seed < 0:
        raise SimulationError(f"the seed must not be negative, but it is {seed}")
    # Every night has as many exposures as any other.
    nights = 1 if frames is None else -(-frames // len(plan_night(night, seed)))
    if night + timedelta(days=nights - 1) > LAST_NIGHT:
        raise SimulationError(f"so many frames reach beyond {LAST_NIGHT}, the last night that can be simulated")


def _nights(night: date, frames: int | None, seed: int) -> Iterator[tuple[date, tuple[Exposure, ...]]]:
    """Give the exposures of as many nights as the frames need."""
    wanted = frames
    while wanted is None or wanted > 0:
        exposures = plan_night(night, seed)
        chosen = exposures if wanted is None else choose(exposures, wanted)
        yield night, chosen
        wanted = 0 if wanted is None else wanted - len(chosen)
        night += timedelta(days=1)


def _files(
    night: date, exposures: Sequence[Exposure], seed: int, content: Content
) -> Iterator[tuple[str, bytes, Exposure | None]]:
    """Make the files of one night: raw frames with their exposure, each template's products after its last frame."""
    moons = {site: darkness(night, site).moon for site in {e.instrument.telescope.site for e in exposures}}
    calibrations = Calibrations(seed)
    templates: dict[tuple[int, int], list[tuple[Exposure, list[Pixels]]]] = {}
    for exposure in exposures:
        pixels = take(exposure, seed) if content is Content.PIXELS else None
        hdus = raw_frame(exposure, moons[exposure.instrument.telescope.site], pixels)
        # Without pixels nothing is compressed, and the name must not say so.
        name = exposure.arcfile if pixels is None else exposure.file_name
        yield name, to_bytes(hdus, write_date(exposure)), exposure
        if pixels is not None:
            calibrations.add(exposure, pixels)
            if exposure.kind is Kind.SCIENCE:
                key = (exposure.block.number, exposure.template.number)
                templates.setdefault(key, []).append((exposure, pixels))
    # Morning calibrations serve the night before them, so everything is reduced at the end.
    for frames in templates.values():
        science, pixels_of = [frame[0] for frame in frames], [frame[1] for frame in frames]
        for product in REDUCE[science[0].instrument.name](science, pixels_of, calibrations, night):
            yield product.name, to_bytes(product.hdus, f"{night + timedelta(days=1)}T16:00:00"), None
