"""The order of a night: afternoon calibrations, twilight flats, the dark hours, morning calibrations."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from simulator.ephemeris import Darkness, darkness, horizontal, mjd
from simulator.exposure import Exposure, ObservingBlock, Setup, Template
from simulator.observatory import HAWKI, INSTRUMENTS, KUYCHI, MUSE, QHAWAQ, UVES, Instrument, Kind, Site
from simulator.seeds import generator
from simulator.targets import (
    FIELD_AT_POLE,
    FIELD_AT_ZERO,
    FLUX_STANDARDS,
    ORION_NEBULA,
    ORION_SLIT,
    ORION_STAR,
    SEASONAL,
    STANDARD_FIELDS,
    STAR_AT_POLE,
    Target,
    best_instant,
    highest,
    rises,
)

READOUT = timedelta(seconds=34)
ACQUISITION = timedelta(minutes=6)
CALIBRATION_PROGRAMME = "60.A-9999(A)"


@dataclass(frozen=True, slots=True)
class Series:
    """Like exposures: `count` times `ndit` integrations of `dit` seconds."""

    count: int
    dit: float
    ndit: int = 1
    setup: Setup = field(default_factory=Setup)

    @property
    def duration(self) -> timedelta:
        """Time it takes with its read-outs."""
        return self.count * (timedelta(seconds=self.dit * self.ndit) + READOUT)


@dataclass(frozen=True, slots=True)
class Visit:
    """Sequences of one instrument on one target (None: calibrations without one) in one observing block."""

    instrument: Instrument
    kind: Kind
    series: tuple[Series, ...]
    target: Target | None = None

    @property
    def duration(self) -> timedelta:
        """Time it takes with pointing and read-outs."""
        return ACQUISITION + sum((part.duration for part in self.series), timedelta())


def _calibration(instrument: Instrument, kind: Kind, count: int, dit: float, setup: Setup, ndit: int = 1) -> Visit:
    return Visit(instrument, kind, (Series(count, dit, ndit, setup),))


RED, GREEN, KS = Setup("r_SDSS"), Setup("g_SDSS"), Setup("Ks")
SLIT = Setup(slit=1.0)

AFTERNOON = (
    _calibration(QHAWAQ, Kind.BIAS, 3, 0.0, RED),
    _calibration(QHAWAQ, Kind.DARK, 3, 600.0, RED),
    _calibration(KUYCHI, Kind.BIAS, 3, 0.0, SLIT),
    _calibration(KUYCHI, Kind.DARK, 3, 600.0, SLIT),
    _calibration(KUYCHI, Kind.FLAT, 3, 15.0, Setup(slit=1.0, lamp="Halogen")),
    _calibration(KUYCHI, Kind.ARC, 1, 20.0, Setup(slit=1.0, lamp="HeNeAr")),
    _calibration(UVES, Kind.BIAS, 5, 0.0, SLIT),
    _calibration(UVES, Kind.DARK, 3, 900.0, SLIT),
    _calibration(HAWKI, Kind.DARK, 4, 10.0, KS, ndit=6),
    _calibration(MUSE, Kind.BIAS, 3, 0.0, Setup()),
    _calibration(MUSE, Kind.DARK, 3, 900.0, Setup()),
    _calibration(MUSE, Kind.FLAT, 3, 5.0, Setup(lamp="Continuum")),
    Visit(MUSE, Kind.ARC, tuple(Series(1, 30.0, 1, Setup(lamp=lamp)) for lamp in ("HgCd", "Ne", "Xe"))),
)
TWILIGHT = (
    Visit(QHAWAQ, Kind.TWILIGHT_FLAT, (Series(3, 4.0, 1, RED), Series(3, 6.0, 1, GREEN))),
    _calibration(HAWKI, Kind.TWILIGHT_FLAT, 3, 10.0, KS),
    _calibration(MUSE, Kind.TWILIGHT_FLAT, 3, 15.0, Setup()),
    _calibration(MUSE, Kind.ILLUMINATION, 1, 1.0, Setup(lamp="Continuum")),
)
MORNING = (
    _calibration(KUYCHI, Kind.ARC, 1, 20.0, Setup(slit=1.0, lamp="HeNeAr")),
    _calibration(UVES, Kind.FORMAT_CHECK, 1, 25.0, Setup(slit=1.0, lamp="ThAr")),
    _calibration(UVES, Kind.ORDER_DEFINITION, 1, 4.0, Setup(slit=1.0, lamp="Deuterium")),
    _calibration(UVES, Kind.FLAT, 5, 12.0, Setup(slit=1.0, lamp="FlatField1")),
    _calibration(UVES, Kind.ARC, 1, 25.0, Setup(slit=1.0, lamp="ThAr")),
)


def _dark_visits(instants: list[datetime], site: Site) -> list[Visit]:
    """Choose what to observe in the dark; targets that a season has come first in it."""
    season = highest(SEASONAL, instants, site)
    orion = rises(ORION_NEBULA, instants, site)
    nebula, slit, star = (ORION_NEBULA, ORION_SLIT, ORION_STAR) if orion else (season[1], season[1], season[1])
    standard = highest(FLUX_STANDARDS, instants, site)[0]
    stars = highest(STANDARD_FIELDS, instants, site)[0]
    stare = Setup(slit=1.0)
    return [
        Visit(QHAWAQ, Kind.SCIENCE, (Series(3, 60.0, 1, RED), Series(2, 60.0, 1, GREEN)), nebula),
        Visit(QHAWAQ, Kind.SCIENCE, (Series(2, 90.0, 1, RED),), FIELD_AT_ZERO),
        Visit(QHAWAQ, Kind.SCIENCE, (Series(2, 120.0, 1, RED),), FIELD_AT_POLE),
        Visit(QHAWAQ, Kind.STANDARD, (Series(1, 10.0, 1, RED), Series(1, 10.0, 1, GREEN)), stars),
        Visit(KUYCHI, Kind.SCIENCE, (Series(2, 600.0, 1, stare),), slit),
        Visit(KUYCHI, Kind.SCIENCE, (Series(1, 900.0, 1, stare),), season[0]),
        Visit(KUYCHI, Kind.SCIENCE, (Series(1, 1200.0, 1, stare),), FIELD_AT_ZERO),
        Visit(KUYCHI, Kind.STANDARD, (Series(1, 120.0, 1, Setup(slit=5.0)),), standard),
        Visit(UVES, Kind.SCIENCE, (Series(1, 300.0, 1, stare),), star),
        Visit(UVES, Kind.SCIENCE, (Series(1, 600.0, 1, stare),), STAR_AT_POLE),
        Visit(UVES, Kind.STANDARD, (Series(1, 300.0, 1, Setup(slit=10.0)),), standard),
        Visit(HAWKI, Kind.SCIENCE, (Series(4, 10.0, 6, KS),), nebula),
        Visit(HAWKI, Kind.STANDARD, (Series(4, 10.0, 1, KS),), stars),
        Visit(MUSE, Kind.SCIENCE, (Series(2, 600.0),), nebula),
        Visit(MUSE, Kind.SCIENCE, (Series(1, 900.0),), season[0]),
        Visit(MUSE, Kind.STANDARD, (Series(1, 120.0),), standard),
    ]


def _in_the_dark(visits: list[Visit], night: Darkness, site: Site) -> Iterator[tuple[datetime, Visit]]:
    """Give the visits of one telescope their starts: each as near to its best hour as the others let it."""
    instants = _instants(night)
    best = {id(visit): best_instant(visit.target, instants, site) for visit in visits if visit.target}
    visits = sorted(visits, key=lambda visit: best[id(visit)])
    cursor = night.dusk
    for number, visit in enumerate(visits):
        latest = night.dawn - sum((later.duration for later in visits[number:]), timedelta())
        start = max(cursor, min(best[id(visit)] - visit.duration / 2, latest))
        yield start, visit
        cursor = start + visit.duration


def _instants(night: Darkness) -> list[datetime]:
    """Return instants a quarter of an hour apart through the dark time."""
    step = timedelta(minutes=15)
    return [night.dusk + number * step for number in range((night.dawn - night.dusk) // step)]


def _timetable(date_of_night: date) -> Iterator[tuple[datetime, Visit]]:
    """Give every visit of a night its start."""
    nights = {site: darkness(date_of_night, site) for site in {item.telescope.site for item in INSTRUMENTS}}
    cursors: dict[str, datetime] = {}
    for period, offset in ((AFTERNOON, None), (TWILIGHT, timedelta(minutes=8)), (MORNING, None)):
        cursors.clear()
        for visit in period:
            night = nights[visit.instrument.telescope.site]
            if offset is not None:
                key, first = visit.instrument.telescope.name, night.sunset + offset
            elif period is AFTERNOON:
                key, first = visit.instrument.name, night.sunset - timedelta(hours=4)
            else:
                key, first = visit.instrument.name, night.sunrise + timedelta(minutes=40)
            start = cursors.get(key, first)
            yield start, visit
            cursors[key] = start + visit.duration
    for site, night in nights.items():
        visits = _dark_visits(_instants(night), site)
        for telescope in {item.telescope for item in INSTRUMENTS if item.telescope.site == site}:
            mine = [visit for visit in visits if visit.instrument.telescope == telescope]
            yield from _in_the_dark(mine, night, site)


def programme_id(night: date, code: str, run: int) -> str:
    """Make a programme identifier of the form in use on a night: `112.QPU1.001`, `0104.C-0007(A)`, `091.C-0007(A)`.

    Parameters
    ----------
    code
        Four characters, an instrument's; used since period 105.
    run
        Number of the programme.
    """
    year = night.year if night.month >= 4 else night.year - 1
    period = 2 * (year - 2023) + (111 if 4 <= night.month <= 9 else 112)
    if period >= 105:
        return f"{period}.{code}.{run:03d}"
    return f"{period:0{4 if period >= 100 else 3}d}.C-{run:04d}(A)"


def plan_night(night: date, seed: int) -> tuple[Exposure, ...]:
    """Plan all exposures of a night, in the order of their starts.

    Parameters
    ----------
    night
        Local date on which the night begins.
    seed
        Decides the small irregularities: overheads, dithers, seeing.

    Raises
    ------
    SimulationError
        Raised if it does not get dark.
    """
    rng = generator(seed, "plan", night)
    timetable = sorted(_timetable(night), key=lambda entry: (entry[0], entry[1].instrument.name, entry[1].kind))
    serials: Counter[str] = Counter()
    exposures: list[Exposure] = []
    for number, (start, visit) in enumerate(timetable, start=1):
        exposures += _expose(night, number, start, visit, rng, serials)
    return tuple(sorted(exposures, key=lambda exposure: (exposure.start, exposure.instrument.name)))


def _expose(
    night: date, number: int, start: datetime, visit: Visit, rng: np.random.Generator, serials: Counter[str]
) -> Iterator[Exposure]:
    """Unfold one visit into its exposures."""
    instrument = visit.instrument
    frame_kind = instrument.kinds[visit.kind]
    first = _tick(start)
    day = int(mjd(datetime(night.year, night.month, night.day)))
    if visit.kind is Kind.SCIENCE and visit.target:
        # The fields of every night are one programme each; they come first in the table, the season's after them.
        fixed = [ORION_NEBULA, ORION_STAR, ORION_SLIT, FIELD_AT_ZERO, FIELD_AT_POLE, STAR_AT_POLE, *SEASONAL]
        programme = programme_id(night, f"Q{instrument.prefix[:3]}", 1 + fixed.index(visit.target))
        name = f"{visit.target.name.replace(' ', '_')}_{instrument.name}"
    else:
        programme, name = CALIBRATION_PROGRAMME, f"{instrument.name}_calibration_{visit.kind.replace(' ', '_')}"
    block = ObservingBlock((day - 40000) * 1000 + number, name, programme, _whole_second(first), visit.target)
    sky_kind = visit.kind.sees_the_sky
    cursor = first + (timedelta(seconds=float(rng.uniform(180, 240))) if sky_kind else timedelta(seconds=20))
    for tplno, series in enumerate(visit.series, start=1):
        template = Template(_whole_second(cursor), series.count, tplno)
        cursor += timedelta(seconds=float(rng.uniform(4, 9)))
        for expno in range(1, series.count + 1):
            dither = (0, 0)
            if sky_kind and frame_kind.tech == "IMAGE" and series.count > 1:
                dither = (int(rng.integers(-9, 10)), int(rng.integers(-9, 10)))
            at = _tick(cursor)
            airmass = 1.0
            if visit.target:
                airmass = horizontal(visit.target.ra, visit.target.dec, at, instrument.telescope.site).airmass
            seeing = round(min(float(rng.uniform(0.75, 1.0)) * airmass**0.6, 1.8), 2)
            serials[frame_kind.tag] += 1
            yield Exposure(
                instrument, visit.kind, block, template, expno, at, series.dit, series.ndit, series.setup,
                dither, seeing, serials[frame_kind.tag],
            )  # fmt: skip
            cursor += timedelta(seconds=series.dit * series.ndit + float(rng.uniform(24, READOUT.seconds - 2)))


def _tick(instant: datetime) -> datetime:
    """Cut an instant to 0.1 ms, the digits of DATE-OBS."""
    return instant.replace(microsecond=instant.microsecond // 100 * 100)


def _whole_second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def choose(exposures: Sequence[Exposure], frames: int) -> tuple[Exposure, ...]:
    """Choose some of a night's exposures: one of each kind if they are enough for that, else science first.

    Parameters
    ----------
    exposures
        In the order of their starts.
    frames
        How many to keep, at most as many as there are.

    Returns
    -------
    chosen
        In the order of their starts. Science frames of the Orion nebula come before all others.
    """
    rounds: Counter[tuple[str, Kind]] = Counter()
    ranked: list[tuple[bool, int, int, int]] = []
    kinds = list(Kind)
    by_priority = sorted(range(len(exposures)), key=lambda index: (not _is_orion(exposures[index].block.target), index))
    enough = frames >= len({(exposure.instrument.name, exposure.kind) for exposure in exposures})
    for index in by_priority:
        exposure = exposures[index]
        round_number = rounds[exposure.instrument.name, exposure.kind]
        rounds[exposure.instrument.name, exposure.kind] += 1
        late = not enough and exposure.kind is not Kind.SCIENCE
        ranked.append((late, round_number, kinds.index(exposure.kind), index))
    return tuple(exposures[index] for index in sorted(entry[3] for entry in sorted(ranked)[:frames]))


def _is_orion(target: Target | None) -> bool:
    return target in (ORION_NEBULA, ORION_SLIT, ORION_STAR)
