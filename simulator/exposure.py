from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.observatory import FrameKind, Instrument, Kind
from simulator.targets import Target


@dataclass(frozen=True, slots=True)
class Setup:
    """How the instrument is set; empty where it has no such part.

    Attributes
    ----------
    filter
        Name of the filter.
    slit
        Slit width, arcsec.
    lamp
        Name of the lamp that is on.
    """

    filter: str = ""
    slit: float = 0.0
    lamp: str = ""


@dataclass(frozen=True, slots=True)
class ObservingBlock:
    """What is executed together (OBS keywords); `target` is None for day calibrations."""

    number: int
    name: str
    programme: str
    start: datetime
    target: Target | None


@dataclass(frozen=True, slots=True)
class Template:
    """A sequence of like exposures (TPL keywords); `number` counts within the observing block."""

    start: datetime
    nexp: int
    number: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """One raw frame, before any pixel is made.

    Attributes
    ----------
    start
        UTC, a multiple of 0.1 ms.
    dit, ndit
        Seconds of one integration and their number; `ndit` is 1 for CCDs.
    dither
        Pixels by which the target is shifted on the detector, x and y.
    seeing
        Full width at half maximum of a star, arcsec.
    serial
        Running number of its tag within the night, in ORIGFILE.
    """

    instrument: Instrument
    kind: Kind
    block: ObservingBlock
    template: Template
    expno: int
    start: datetime
    dit: float
    ndit: int
    setup: Setup
    dither: tuple[int, int]
    seeing: float
    serial: int

    @property
    def exptime(self) -> float:
        """Seconds of light in the frame."""
        return self.dit * self.ndit

    @property
    def end(self) -> datetime:
        """Instant at which the light stops, UTC."""
        return self.start + timedelta(seconds=self.exptime)

    @property
    def target(self) -> Target:
        """The target of a science or standard exposure."""
        if self.block.target is None:
            raise AttributeError(f"a {self.kind} exposure has no target")
        return self.block.target

    @property
    def frame_kind(self) -> FrameKind:
        """How the instrument describes it."""
        return self.instrument.kinds[self.kind]

    @property
    def dp_id(self) -> str:
        """Identifier in the archive: the start, cut to milliseconds."""
        return f"{self.instrument.prefix}.{self.start.isoformat(timespec='milliseconds')}"

    @property
    def arcfile(self) -> str:
        """Value of ARCFILE."""
        return f"{self.dp_id}.fits"

    @property
    def file_name(self) -> str:
        """Name of the file as the archive hands it out."""
        return self.arcfile + (".fz" if self.instrument.compressed else "")
