"""The columns of an SIA 1 answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schema.access import file_address, file_format
from schema.catalogue import PublishedTable
from schema.engines.constructs import Numbers
from sia.v1.parameters import FITS
from vo.tables.field import Field

Expression = sa.ColumnElement[Any]

IDENTIFIER = "obs_publisher_did"


@dataclass(frozen=True, slots=True)
class Images:
    """The table of observations as it stands in a select.

    Attributes
    ----------
    published
        The table.
    source
        What is selected from.
    files_url
        Where files are, with a slash at its end.
    """

    published: PublishedTable
    source: sa.FromClause
    files_url: str


@dataclass(frozen=True, slots=True)
class ImageColumn:
    """A column of an answer.

    Attributes
    ----------
    field
        Its description.
    verbosity
        Least VERB with which it is given.
    expression
        Where its values come from.
    """

    field: Field
    verbosity: int
    expression: Callable[[Images], Expression]


def _c(name: str) -> Callable[[Images], Expression]:
    return lambda images: images.source.c[name]


def _title(images: Images) -> Expression:
    c = images.source.c
    return sa.func.coalesce(c.obs_title, c.target_name, c.dp_id)


def _is_cube(images: Images) -> Expression:
    c = images.source.c
    return sa.and_(c.dataproduct_type == sa.literal("cube"), c.em_xel > sa.literal_column("0"))


def _naxes(images: Images) -> Expression:
    return sa.case((_is_cube(images), sa.literal_column("3")), else_=sa.literal_column("2"))


def _naxis(images: Images) -> Expression:
    c = images.source.c
    return sa.case((_is_cube(images), Numbers(c.s_xel1, c.s_xel2, c.em_xel)), else_=Numbers(c.s_xel1, c.s_xel2))


def _scale(images: Images) -> Expression:
    scale = images.source.c.s_pixel_scale * sa.literal(1.0 / 3600.0, sa.Double())
    return Numbers(scale, scale)


def _format(images: Images) -> Expression:
    """The name of FITS that SIA 1 knows."""
    column = file_format(images.source)
    return sa.case((column == sa.literal(FITS[1]), sa.literal(FITS[0])), else_=column)


def _reference(images: Images) -> Expression:
    return file_address(images.published, images.source, images.files_url)


def _middle(lower: str, upper: str) -> Callable[[Images], Expression]:
    half: Expression = sa.literal_column("0.5")
    return lambda images: images.source.c[lower] + (images.source.c[upper] - images.source.c[lower]) * half


def _constant(text: str) -> Callable[[Images], Expression]:
    return lambda _: sa.literal(text)


def _bytes(images: Images) -> Expression:
    return images.source.c.access_estsize * sa.literal_column("1000")


def _text(name: str, ucd: str, description: str) -> Field:
    return Field(name, "char", "*", ucd=ucd, description=description)


def _real(name: str, ucd: str, unit: str, description: str) -> Field:
    return Field(name, "double", unit=unit, ucd=ucd, description=description)


COLUMNS: tuple[ImageColumn, ...] = (
    ImageColumn(_text("title", "VOX:Image_Title", "What the image is, for people."), 0, _title),
    ImageColumn(_real("ra", "POS_EQ_RA_MAIN", "deg", "Right ascension of the centre, ICRS."), 0, _c("s_ra")),
    ImageColumn(_real("dec", "POS_EQ_DEC_MAIN", "deg", "Declination of the centre, ICRS."), 0, _c("s_dec")),
    ImageColumn(Field("naxes", "int", ucd="VOX:Image_Naxes", description="Number of axes."), 0, _naxes),
    ImageColumn(
        Field("naxis", "int", "*", unit="pixel", ucd="VOX:Image_Naxis", description="Pixels along each axis."),
        0,
        _naxis,
    ),
    ImageColumn(
        Field(
            "scale", "double", "*", unit="deg/pixel", ucd="VOX:Image_Scale", description="Scale along the spatial axes."
        ),
        0,
        _scale,
    ),
    ImageColumn(_text("format", "VOX:Image_Format", "Media type of the image."), 0, _format),
    ImageColumn(_text("reference", "VOX:Image_AccessReference", "Where to fetch the image."), 0, _reference),
    ImageColumn(_text("instrument", "INST_ID", "Instrument."), 1, _c("instrument_name")),
    ImageColumn(
        _real("date_obs", "VOX:Image_MJDateObs", "d", "Middle of the observation, MJD, UTC."),
        1,
        _middle("t_min", "t_max"),
    ),
    ImageColumn(
        Field(
            IDENTIFIER,
            "char",
            "*",
            ucd="meta.ref.ivoid",
            description="IVOA identifier of the product in this archive.",
            xml_id=IDENTIFIER,
        ),
        1,
        _c(IDENTIFIER),
    ),
    ImageColumn(_text("frame", "VOX:STC_CoordRefFrame", "Frame of the coordinates."), 2, _constant("ICRS")),
    ImageColumn(_text("bandpass", "VOX:BandPass_ID", "Filter."), 2, _c("filter")),
    ImageColumn(_text("bandpass_unit", "VOX:BandPass_Unit", "Unit of the bandpass."), 2, _constant("m")),
    ImageColumn(
        _real("bandpass_value", "VOX:BandPass_RefValue", "m", "Middle of the bandpass."), 2, _middle("em_min", "em_max")
    ),
    ImageColumn(_real("bandpass_high", "VOX:BandPass_HiLimit", "m", "Longest wavelength."), 2, _c("em_max")),
    ImageColumn(_real("bandpass_low", "VOX:BandPass_LoLimit", "m", "Shortest wavelength."), 2, _c("em_min")),
    ImageColumn(
        _text("pixels", "VOX:Image_PixFlags", "C: the pixels are those of the image as it is kept."), 2, _constant("C")
    ),
    ImageColumn(
        Field("size", "long", unit="byte", ucd="VOX:Image_FileSize", description="Size of the file, about."), 2, _bytes
    ),
)
"""What the standard describes, in order.

References
----------
SIA 1.0, "Image Query", "Successful Output" and "Table Verbosity" (VERB).
"""


def image_columns(published: PublishedTable, verbosity: int) -> tuple[ImageColumn, ...]:
    """Columns of an answer; with the highest verbosity those of ObsCore follow."""
    chosen = tuple(column for column in COLUMNS if column.verbosity <= verbosity)
    if verbosity < 3:
        return chosen
    names = {column.field.name for column in chosen}
    return chosen + tuple(
        ImageColumn(field, 3, _c(field.name)) for field in published.fields if field.name not in names
    )
