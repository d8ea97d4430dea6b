"""The columns of an SSA answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from schema.access import PercentEncoded, file_address, file_format
from schema.catalogue import PublishedTable
from schema.engines.constructs import Numbers
from ssap.parameters import VOTABLE
from vo.tables.annotations import Group
from vo.tables.field import Datatype, Field

Expression = sa.ColumnElement[Any]

IDENTIFIER = "publisher_did"
FORMAT = "Access.Format"
"""Name and ID of the column in which the members of an association differ ("MultiFormat Association")."""

DATA_MODEL = "Spectrum-1.1"


@dataclass(frozen=True, slots=True)
class Spectra:
    """The table of observations as it stands in a select.

    Attributes
    ----------
    published
        The table.
    source
        What is selected from.
    files_url, spectra_url
        Where files and converted spectra are; identifiers are appended.
    publisher
        Name of the archive.
    converted
        Whether the rows stand for spectra converted to VOTables, or for files as they are.
    score
        How well a row matches.
    """

    published: PublishedTable
    source: sa.FromClause
    files_url: str
    spectra_url: str
    publisher: str
    converted: bool
    score: Expression

    @property
    def is_convertible(self) -> sa.ColumnElement[bool]:
        """Whether a spectrum is a binary table of one row that lies here, so that it can be given as a VOTable."""
        c = self.source.c
        here = sa.func.strpos(c.access_url, sa.literal(self.published.table.info["computed"]["access_url"]))
        return sa.and_(
            c.dataproduct_subtype == sa.literal("SPECTRUM"),
            here == sa.literal_column("1"),
        )


Make = Callable[[Spectra], Expression]


@dataclass(frozen=True, slots=True)
class SpectrumColumn:
    """A column of an answer and where its values come from."""

    field: Field
    expression: Make


def _c(name: str) -> Make:
    return lambda spectra: spectra.source.c[name]


def _constant(value: str) -> Make:
    return lambda _: sa.literal(value)


def _zero(_: Spectra) -> Expression:
    return sa.literal(0.0, sa.Double())


def _scaled(name: str, factor: float) -> Make:
    return lambda spectra: spectra.source.c[name] * sa.literal(factor, sa.Double())


def _middle(lower: str, upper: str) -> Make:
    half: Expression = sa.literal(0.5, sa.Double())
    return lambda spectra: spectra.source.c[lower] + (spectra.source.c[upper] - spectra.source.c[lower]) * half


def _width(lower: str, upper: str, factor: float = 1.0) -> Make:
    by: Expression = sa.literal(factor, sa.Double())
    return lambda spectra: (spectra.source.c[upper] - spectra.source.c[lower]) * by


def _position(spectra: Spectra) -> Expression:
    return Numbers(spectra.source.c.s_ra, spectra.source.c.s_dec)


def _title(spectra: Spectra) -> Expression:
    c = spectra.source.c
    return sa.func.coalesce(c.obs_title, c.target_name, c.dp_id)


def _in_association(make: Make) -> Make:
    """Only spectra that are offered in more than one form belong to an association."""
    return lambda spectra: sa.case((spectra.is_convertible, make(spectra)))


def _reference(spectra: Spectra) -> Expression:
    if spectra.converted:
        return sa.literal(spectra.spectra_url) + PercentEncoded(spectra.source.c.dp_id)
    return file_address(spectra.published, spectra.source, spectra.files_url)


def _format(spectra: Spectra) -> Expression:
    return sa.literal(VOTABLE) if spectra.converted else file_format(spectra.source)


def _size(spectra: Spectra) -> Expression:
    if spectra.converted:
        # Three numbers of some twenty characters, with their elements.
        return sa.cast(spectra.source.c.em_xel * sa.literal(0.1, sa.Double()), sa.BigInteger())
    return spectra.source.c.access_estsize


def _data_model(spectra: Spectra) -> Expression:
    return sa.literal(DATA_MODEL if spectra.converted else "native")


def _score(spectra: Spectra) -> Expression:
    return sa.cast(spectra.score, sa.REAL())


def _column(
    name: str,
    utype: str,
    make: Make,
    datatype: Datatype,
    ucd: str | None,
    description: str,
    *,
    arraysize: str | None = None,
    unit: str | None = None,
    xtype: str | None = None,
) -> SpectrumColumn:
    size = "*" if datatype in ("char", "unicodeChar") else arraysize
    field = Field(name, datatype, size, xtype, unit, ucd, f"ssa:{utype}" if utype else None, description, xml_id=name)
    return SpectrumColumn(field, make)


def _text(name: str, utype: str, make: Make, ucd: str | None, description: str, **options: Any) -> SpectrumColumn:
    return _column(name, utype, make, options.pop("datatype", "char"), ucd, description, **options)


def _real(
    name: str, utype: str, make: Make, ucd: str | None, description: str, unit: str | None = None, **options: Any
) -> SpectrumColumn:
    return _column(name, utype, make, "double", ucd, description, unit=unit, **options)


_SPACE, _SPECTRUM, _TIME, _FLUX = (f"Char.{axis}Axis" for axis in ("Spatial", "Spectral", "Time", "Flux"))

COLUMNS: tuple[SpectrumColumn, ...] = (
    _column("score", "Query.Score", _score, "float", None, "How well the spectrum matches, 1 at best."),
    _text(
        "association",
        "Association.ID",
        _in_association(_c("obs_publisher_did")),
        None,
        "The same for all forms of one spectrum.",
    ),
    _text(
        "association_type",
        "Association.Type",
        _in_association(_constant("MultiFormat")),
        None,
        "MultiFormat: the members are one spectrum in several forms.",
    ),
    _text(
        "association_key",
        "Association.Key",
        _in_association(_constant(f"@{FORMAT}")),
        None,
        "In what the members differ.",
    ),
    _text("reference", "Access.Reference", _reference, "meta.ref.url", "Where to fetch the spectrum."),
    _text(FORMAT, "Access.Format", _format, "meta.code.mime", "Media type of the spectrum."),
    _column("size", "Access.Size", _size, "long", "phys.size;meta.file", "Size of the file, about.", unit="kbyte"),
    _text("data_model", "Dataset.DataModel", _data_model, None, "Data model of the spectrum; native if it has none."),
    _text("type", "Dataset.Type", _constant("Spectrum"), None, "Type of the data set."),
    _column("length", "Dataset.Length", _c("em_xel"), "long", "meta.number", "Number of points."),
    _text("title", "DataID.Title", _title, "meta.title;meta.dataset", "What it is.", datatype="unicodeChar"),
    _text("creator", "DataID.Creator", _c("obs_creator_name"), None, "Who made it.", datatype="unicodeChar"),
    _text("collection", "DataID.Collection", _c("obs_collection"), None, "Data collection."),
    _text("creator_did", "DataID.CreatorDID", _c("obs_creator_did"), "meta.id", "Identifier that its maker gave it."),
    _text(
        "creation_date", "DataID.Date", _c("obs_creation_date"), "time;meta.dataset", "When made.", xtype="timestamp"
    ),
    _text("instrument", "DataID.Instrument", _c("instrument_name"), "meta.id;instr", "Instrument."),
    _text("bandpass", "DataID.Bandpass", _c("filter"), "instr.bandpass", "Filter."),
    _text("data_source", "DataID.DataSource", _constant("pointed"), None, "Where the data come from."),
    _text("creation_type", "DataID.CreationType", _constant("archival"), None, "How the data set was made."),
    _text(
        "publisher",
        "Curation.Publisher",
        lambda spectra: sa.literal(spectra.publisher),
        "meta.curation",
        "This archive.",
        datatype="unicodeChar",
    ),
    _text(
        IDENTIFIER,
        "Curation.PublisherDID",
        _c("obs_publisher_did"),
        "meta.ref.ivoid",
        "Identifier that this archive gives it.",
    ),
    _text("paper", "Curation.Reference", _c("bib_reference"), "meta.bib.bibcode", "Publication that describes it."),
    _text("modified", "Curation.Date", _c("last_mod_date"), None, "When last changed.", xtype="timestamp"),
    _text("rights", "Curation.Rights", _c("data_rights"), None, "Who may fetch it."),
    _text("target", "Target.Name", _c("target_name"), "meta.id;src", "Name of the target.", datatype="unicodeChar"),
    _text("target_class", "Target.Class", _c("target_class"), "src.class", "Class of the target."),
    _real("target_pos", "Target.Pos", _position, "pos.eq;src", "Position, ICRS.", "deg", arraysize="2"),
    _column(
        "snr",
        "Derived.SNR",
        lambda spectra: sa.cast(spectra.source.c.snr, sa.REAL()),
        "float",
        "stat.snr",
        "Ratio of signal to noise.",
    ),
    _text("space_frame", "CoordSys.SpaceFrame.Name", _constant("ICRS"), None, "Frame of positions."),
    _text("time_frame", "CoordSys.TimeFrame.Name", _constant("UTC"), "time.scale", "Scale of times."),
    _real("time_zero", "CoordSys.TimeFrame.Zero", _zero, "arith.zp;time", "Zero of times, MJD.", "d"),
    _real(
        "location", f"{_SPACE}.Coverage.Location.Value", _position, "pos.eq", "Position, ICRS.", "deg", arraysize="2"
    ),
    _real(
        "aperture",
        f"{_SPACE}.Coverage.Bounds.Extent",
        _c("s_fov"),
        "phys.angSize;instr.fov",
        "Size of the aperture.",
        "deg",
    ),
    _text(
        "region",
        f"{_SPACE}.Coverage.Support.Area",
        _c("s_region"),
        "pos.outline;instr.fov",
        "Region of the aperture.",
        xtype="adql:REGION",
    ),
    _text("space_calib", f"{_SPACE}.Calibration", _c("s_calib_status"), "meta.code.qual", "Calibration of positions."),
    _real(
        "space_res",
        f"{_SPACE}.Resolution",
        _scaled("s_resolution", 1.0 / 3600.0),
        "pos.angResolution",
        "Spatial resolution.",
        "deg",
    ),
    _real(
        "space_error",
        f"{_SPACE}.Accuracy.StatError",
        _scaled("s_stat_error", 1.0 / 3600.0),
        "stat.error;pos.eq",
        "Statistical error of positions.",
        "deg",
    ),
    _text("spectral_ucd", f"{_SPECTRUM}.Ucd", _c("em_ucd"), "meta.ucd", "UCD of the spectral axis."),
    _real(
        "spectral_location",
        f"{_SPECTRUM}.Coverage.Location.Value",
        _middle("em_min", "em_max"),
        "em.wl;instr.bandpass",
        "Middle of the wavelengths.",
        "m",
    ),
    _real(
        "spectral_extent",
        f"{_SPECTRUM}.Coverage.Bounds.Extent",
        _width("em_min", "em_max"),
        "em.wl;instr.bandwidth",
        "Width of the spectrum.",
        "m",
    ),
    _real(
        "spectral_start",
        f"{_SPECTRUM}.Coverage.Bounds.Start",
        _c("em_min"),
        "em.wl;stat.min",
        "Shortest wavelength in vacuum.",
        "m",
    ),
    _real(
        "spectral_stop",
        f"{_SPECTRUM}.Coverage.Bounds.Stop",
        _c("em_max"),
        "em.wl;stat.max",
        "Longest wavelength in vacuum.",
        "m",
    ),
    _text(
        "spectral_calib",
        f"{_SPECTRUM}.Calibration",
        _c("em_calib_status"),
        "meta.code.qual",
        "Calibration of wavelengths.",
    ),
    _real("spectral_res", f"{_SPECTRUM}.Resolution", _c("em_resolution"), "spect.resolution;em", "Resolution.", "m"),
    _real("resolving_power", f"{_SPECTRUM}.ResPower", _c("em_res_power"), "spect.resolution", "Resolving power."),
    _real(
        "spectral_error",
        f"{_SPECTRUM}.Accuracy.StatError",
        _c("em_stat_error"),
        "stat.error;em",
        "Statistical error of wavelengths.",
        "m",
    ),
    _real(
        "time_location",
        f"{_TIME}.Coverage.Location.Value",
        _middle("t_min", "t_max"),
        "time.epoch",
        "Middle of the exposure, MJD.",
        "d",
    ),
    _real(
        "time_extent",
        f"{_TIME}.Coverage.Bounds.Extent",
        _width("t_min", "t_max", 86400.0),
        "time.duration",
        "Time from start to end.",
        "s",
    ),
    _real("time_start", f"{_TIME}.Coverage.Bounds.Start", _c("t_min"), "time.start;obs.exposure", "Start, MJD.", "d"),
    _real("time_stop", f"{_TIME}.Coverage.Bounds.Stop", _c("t_max"), "time.end;obs.exposure", "End, MJD.", "d"),
    _real(
        "exposure",
        f"{_TIME}.Coverage.Support.Extent",
        _c("t_exptime"),
        "time.duration;obs.exposure",
        "Exposure time.",
        "s",
    ),
    _real("time_res", f"{_TIME}.Resolution", _c("t_resolution"), "time.resolution", "Resolution in time.", "s"),
    _text("flux_ucd", f"{_FLUX}.Ucd", _c("o_ucd"), "meta.ucd", "UCD of the flux."),
    _text("flux_unit", f"{_FLUX}.Unit", _c("o_unit"), "meta.unit", "Unit of the flux."),
    _text("flux_calib", f"{_FLUX}.Calibration", _c("o_calib_status"), "meta.code.qual", "Calibration of the flux."),
    _real(
        "flux_error",
        f"{_FLUX}.Accuracy.StatError",
        _c("o_stat_error"),
        "stat.error;phot.flux.density;em",
        "Statistical error of the flux, in its unit.",
    ),
    # Clients that cross-match look for plain columns.
    _real("ra", "", _c("s_ra"), "pos.eq.ra;meta.main", "Right ascension, ICRS.", "deg"),
    _real("dec", "", _c("s_dec"), "pos.eq.dec;meta.main", "Declination, ICRS.", "deg"),
)
"""What SSA describes, as far as the archive knows it, in order of its data models.

References
----------
SSA 1.1, "Query Response" and appendix D, "SSA Data Model Summary".
"""


def groups() -> Iterator[Group]:
    """The component data models, each with its columns."""
    columns = [column.field for column in COLUMNS if column.field.utype]
    for name, fields in groupby(columns, key=_component):
        refs = tuple(field.xml_id for field in fields if field.xml_id is not None)
        yield Group(name, f"ssa:{name}", refs)


def _component(field: Field) -> str:
    words = (field.utype or "").removeprefix("ssa:").split(".")
    return ".".join(words[: 2 if words[0] == "Char" else 1])
