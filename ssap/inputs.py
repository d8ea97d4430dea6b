"""The parameters of SSA, as its metadata and capabilities describe them."""

from __future__ import annotations

from ssap.parameters import DEFAULT_SIZE_DEG, FLUX_LEVELS, WAVE_LEVELS
from vo.tables.annotations import Param
from vo.tables.field import Field


def _text(
    name: str, description: str, value: str = "", options: tuple[str, ...] = (), unit: str | None = None
) -> Param:
    return Param(Field(name, "char", "*", unit=unit, description=description), value, options=options)


def _real(name: str, description: str, value: str = "", unit: str | None = None) -> Param:
    return Param(Field(name, "double", unit=unit, description=description), value, minimum="0")


INPUTS = (
    _text("REQUEST", "The operation.", "queryData", ("queryData",)),
    _text("VERSION", "Version of the protocol.", "1.1"),
    _text("POS", "Centre of the region: ra,dec, ICRS; another frame after a semicolon.", unit="deg"),
    _real("SIZE", "Diameter of the region.", f"{DEFAULT_SIZE_DEG:.4f}", "deg"),
    _text("BAND", "Wavelengths in vacuum, a list of values and ranges such as 4e-7/5e-7,1e-6/.", unit="m"),
    _text("TIME", "Dates, a list of values and ranges such as 2005/2006-03-01; UTC."),
    _text("FORMAT", "Forms of spectra: a word, or media types with commas.", "ALL"),
    _real("SPECRP", "Least resolving power."),
    _real("SPATRES", "Worst spatial resolution.", unit="deg"),
    _real("TIMERES", "Worst resolution in time.", unit="s"),
    _real("SNR", "Least ratio of signal to noise."),
    _text("TARGETNAME", "Name of the target."),
    _text("TARGETCLASS", "Classes of targets, separated by commas."),
    _text("FLUXCALIB", "Least calibration of the flux.", "any", tuple(FLUX_LEVELS)),
    _text("WAVECALIB", "Least calibration of wavelengths.", "any", tuple(WAVE_LEVELS)),
    _text("PUBDID", "Identifier that this archive gives the spectrum."),
    _text("CREATORDID", "Identifier that its maker gave it."),
    _text("COLLECTION", "Data collection, or a part of its name."),
    _text("MTIME", "Dates of the last change, such as 2005-01-01/."),
    Param(Field("TOP", "int", description="Number of the best rows to give."), minimum="0"),
    Param(Field("MAXREC", "int", description="Most rows to give."), minimum="0"),
    _text("REDSHIFT", "Accepted; no spectrum here has a redshift to compare."),
    _text("VARAMPL", "Accepted; no spectrum here has a variability to compare."),
    _real("APERTURE", "Accepted; no spectra are extracted here.", unit="deg"),
    _text("COMPRESS", "Accepted; files travel as they are.", options=("true", "false")),
    _text("RUNID", "Name of a job, for the logs of its owner."),
)
"""All that SSA 1.1 names ("Input Parameters")."""
