"""Services that stand beside the rows of an SIA 2 answer."""

from __future__ import annotations

from vo.tables.annotations import Param, ServiceDescriptor
from vo.tables.field import Field

QUERY_ID = "ivo://ivoa.net/std/SIA#query-2.0"


def _interval(name: str, unit: str | None, description: str) -> Param:
    return Param(Field(name, "double", "2", xtype="interval", unit=unit, description=description))


def _text(name: str, description: str, options: tuple[str, ...] = ()) -> Param:
    return Param(Field(name, "char", "*", description=description), options=options)


INPUTS = (
    _text("POS", "CIRCLE, RANGE or POLYGON that the covered region must meet, ICRS, in deg."),
    _interval("BAND", "m", "Wavelengths in vacuum of which some must be covered."),
    _interval("TIME", "d", "Times of which some must be covered, MJD, UTC."),
    _text("POL", "Polarization state.", ("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX")),
    _interval("FOV", "deg", "Size of the field of view."),
    _interval("SPATRES", "arcsec", "Spatial resolution."),
    _interval("SPECRP", None, "Spectral resolving power."),
    _interval("EXPTIME", "s", "Exposure time."),
    _interval("TIMERES", "s", "Resolution in time."),
    _text("ID", "Identifier of the product."),
    _text("COLLECTION", "Data collection."),
    _text("FACILITY", "Telescope."),
    _text("INSTRUMENT", "Instrument."),
    _text("DPTYPE", "Type of product.", ("image", "cube")),
    Param(Field("CALIB", "int", description="Degree of calibration."), minimum="0", maximum="4"),
    _text("TARGET", "Name of the target."),
    _text("FORMAT", "Media type of what access_url gives."),
    Param(Field("MAXREC", "int", description="Most rows to give."), minimum="0"),
    _text("RESPONSEFORMAT", "Form of the answer."),
)
"""The parameters of a query ("SIA {query} Service Descriptor")."""


def query_descriptor(url: str) -> ServiceDescriptor:
    """Description of the service itself.

    References
    ----------
    SIA 2.0, "SIA {query} Service Descriptor".
    """
    return ServiceDescriptor(url, QUERY_ID, INPUTS, name="this", description="Images and cubes of this archive.")
