"""A spectrum in a FITS binary table → a VOTable of the Spectrum data model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from astropy import units
from astropy.io import fits

from ssap.table import COLUMNS
from vo.tables.annotations import Annotations, Param
from vo.tables.field import Datatype, Field
from vo.tables.stream import TableStream
from vo.tables.text import text_cells

_SPECTRAL_AXIS = "spec:Spectrum.Data.SpectralAxis.Value"
_FLUX_AXIS = "spec:Spectrum.Data.FluxAxis.Value"
_UTYPES = {"WAVE": _SPECTRAL_AXIS, "FREQ": _SPECTRAL_AXIS, "ENER": _SPECTRAL_AXIS, "FLUX": _FLUX_AXIS}
_DATATYPES: dict[str, Datatype] = {
    "f4": "float",
    "f8": "double",
    "u1": "unsignedByte",
    "i2": "short",
    "i4": "int",
    "i8": "long",
    "b1": "boolean",
}
_OF_THE_SERVICE = ("Query", "Association", "Access")

Values = npt.NDArray[Any]


class NoSpectrumError(ValueError):
    """A file in which there is no spectrum that can be converted; the text says why."""


def read_spectrum(source: BinaryIO) -> TableStream:
    """Read the spectrum of a FITS file as a table with a row for each point.

    The first binary table that has a spectral axis and a flux is taken. Its row holds arrays, as Phase 3 wants it, or
    each of its rows is a point. Columns keep their names, units and UCDs; of several columns with one utype the first
    keeps it.

    Parameters
    ----------
    source
        The file; is read to the end of the table and left open.

    Raises
    ------
    NoSpectrumError
        Raised for a file that is not FITS, is cut off, or holds no such table.

    References
    ----------
    ESO Science Data Products Standard (ESO-044286), version 8, "1D spectra"; IVOA Spectral Data Model 1.1, "VOTable
    serialization".
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(source, memmap=False) as hdus:
                found = [pair for hdu in hdus if isinstance(hdu, fits.BinTableHDU) for pair in [_points(hdu)] if pair]
        except (OSError, ValueError, TypeError, KeyError, IndexError, fits.VerifyError) as error:
            raise NoSpectrumError("The file cannot be read as FITS.") from error
    if not found:
        raise NoSpectrumError("The file has no binary table with a spectral axis and a flux.")
    fields, columns = found[0]
    batch = pa.record_batch(columns, names=[field.name for field in fields])
    stream = TableStream(fields, [batch])
    stream.annotations = Annotations(table_utype="spec:Spectrum", params=tuple(_axes(fields)))
    return stream


def describe_spectrum(stream: TableStream, row: pa.RecordBatch) -> None:
    """Add what the archive knows of a spectrum to its table.

    Parameters
    ----------
    stream
        From `read_spectrum`.
    row
        The row of the spectrum in an answer of SSA.
    """
    own = {param.field.utype for param in stream.annotations.params}
    params = [param for param in _params(row) if param.field.utype not in own]
    stream.annotations = Annotations(
        table_utype=stream.annotations.table_utype, params=(*params, *stream.annotations.params)
    )


def _points(hdu: fits.BinTableHDU) -> tuple[tuple[Field, ...], list[pa.Array]] | None:
    """Columns of a table that have a value for each point; None without a spectral axis or a flux."""
    rows = len(hdu.data)
    cells = [(number, _cells(hdu.data[name], rows)) for number, name in enumerate(hdu.columns.names, start=1)]
    fields: list[Field] = []
    columns: list[pa.Array] = []
    length = next((len(values) for number, values in cells if _utype(hdu, number) == _SPECTRAL_AXIS), 0)
    for number, values in cells:
        datatype = _DATATYPES.get(values.dtype.str[1:])
        if datatype is None or values.ndim != 1 or len(values) != length:
            continue
        utype = _utype(hdu, number)
        fields.append(_field(hdu, number, datatype, None if utype in {each.utype for each in fields} else utype))
        columns.append(pa.array(values))
    if not length or not {_SPECTRAL_AXIS, _FLUX_AXIS} <= {field.utype for field in fields}:
        return None
    return tuple(fields), columns


def _cells(values: Any, rows: int) -> Values:
    array = np.asarray(values)
    array = array[0] if rows == 1 and array.ndim > 1 else array
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _field(hdu: fits.BinTableHDU, number: int, datatype: Datatype, utype: str | None) -> Field:
    header = hdu.header
    return Field(
        hdu.columns.names[number - 1],
        datatype,
        unit=_unit(_text(header, f"TUNIT{number}")),
        ucd=_text(header, f"TUCD{number}"),
        utype=utype,
        description=_text(header, f"TCOMM{number}"),
    )


def _utype(hdu: fits.BinTableHDU, number: int) -> str | None:
    """Utype as the header gives it, in whatever spelling, else by the names that the standard asks for."""
    written = _text(hdu.header, f"TUTYP{number}") or ""
    _, found, rest = written.partition("Data.")
    if found:
        return f"spec:Spectrum.Data.{rest}"
    return written or _UTYPES.get(hdu.columns.names[number - 1].upper())


def _text(header: fits.Header, keyword: str) -> str | None:
    value = header.get(keyword)
    return value.strip() or None if isinstance(value, str) else None


def _unit(text: str | None) -> str | None:
    """Unit of FITS as VOUnit; as it is written where it is neither."""
    if text is None:
        return None
    for form in ("fits", "vounit", "generic"):
        try:
            return str(units.Unit(text, format=form).to_string("vounit")) or None
        except (ValueError, TypeError):
            continue
    return text


def _axes(fields: tuple[Field, ...]) -> Iterator[Param]:
    """What the data model must say of its axes."""
    for axis, utype in (("SpectralAxis", _SPECTRAL_AXIS), ("FluxAxis", _FLUX_AXIS)):
        field = next(field for field in fields if field.utype == utype)
        for what, value in (("Ucd", field.ucd), ("Unit", field.unit)):
            name = f"{axis}_{what}"
            ucd = "meta.ucd" if what == "Ucd" else "meta.unit"
            described = Field(name, "char", "*", ucd=ucd, utype=f"spec:Spectrum.Char.{axis}.{what}")
            yield Param(described, value or "")


def _params(row: pa.RecordBatch) -> Iterator[Param]:
    for column, values in zip(COLUMNS, row.columns, strict=True):
        component, _, rest = (column.field.utype or "").removeprefix("ssa:").partition(".")
        if not rest or component in _OF_THE_SERVICE:
            continue
        value = text_cells(values, column.field)[0].as_py()
        if value is not None:
            name = rest if component == "Dataset" else f"{component}.{rest}"
            yield Param(_described(column.field, f"spec:Spectrum.{name}"), value)


def _described(field: Field, utype: str) -> Field:
    arraysize = field.arraysize or ("*" if field.is_timestamp else None)
    return Field(field.name, field.datatype, arraysize, field.xtype, field.unit, field.ucd, utype, field.description)
