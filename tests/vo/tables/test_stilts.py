"""What STILTS, and with it TOPCAT, makes of our tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import parse
from everything import EVERYTHING, FULL, NULLS, ODD

from vo.tables.field import Field
from vo.tables.formats import choose_format
from vo.tables.stream import TableStream

MakeStream = Callable[..., TableStream]
Stilts = Callable[..., str]

GEOMETRY = (
    Field("place", "double", "2", xtype="point"),
    Field("cone", "double", "3", xtype="circle"),
    Field("pair", "float", "2"),
)
SHAPES = ([10.0, -20.0], [10.0, -20.0, 0.5], [1.0, 2.0])
# STILTS 3.4 reads a polygon of BINARY and BINARY2 with the rules of a string, other authors' files too.
SAYABLE = tuple(field for field in EVERYTHING if field.name not in ("polygon", "point", "flags"))
KEPT = [EVERYTHING.index(field) for field in SAYABLE]


ASCII = {"Étoile": "Etoile", "星": "?", 'Ωμέγα, "so"': '?????, "so"', "\u0301": ""}


def rows() -> list[tuple[Any, ...]]:
    """All rows; without the one character that takes two in UCS-2, of which STILTS writes the halves."""
    table = [[row[number] for number in KEPT] for row in (FULL, NULLS, *ODD)]
    return [tuple("星" if value == "𝄞 星" else value for value in row) for row in table]


def written(stream: TableStream, form: str, folder: Path) -> str:
    path = folder / f"table{choose_format(form).suffix}"
    path.write_bytes(b"".join(choose_format(form).write(stream)))
    return str(path)


@pytest.mark.parametrize("form", ["votable/b2", "votable/b", "votable/td"])
def test_votlint_finds_nothing(make_stream: MakeStream, stilts: Stilts, tmp_path: Path, form: str) -> None:
    table = [(*row, *shapes) for row in rows() for shapes in (SHAPES, [None] * len(SHAPES))]
    assert stilts("votlint", written(make_stream([*SAYABLE, *GEOMETRY], table), form, tmp_path)).strip() == ""


@pytest.mark.parametrize(
    ("form", "ifmt"),
    [
        ("votable/b2", "votable"),
        ("votable/b", "votable"),
        ("votable/td", "votable"),
        ("fits", "fits"),
        ("csv", "csv"),
    ],
)
def test_stilts_reads_every_value(
    make_stream: MakeStream, stilts: Stilts, tmp_path: Path, form: str, ifmt: str
) -> None:
    copy = tmp_path / "copy.vot"
    source = written(make_stream(SAYABLE, rows()), form, tmp_path)
    stilts("tpipe", f"in={source}", f"ifmt={ifmt}", f"out={copy}", "ofmt=votable")
    array = parse(copy).get_first_table().array
    assert array.dtype.names == tuple(field.name for field in SAYABLE)
    for number, field in enumerate(SAYABLE):
        for cell, row in zip(array[field.name], rows(), strict=True):
            assert plain(cell) == wanted(row[number], field, form), (field.name, cell)


def plain(cell: Any) -> Any:
    """Cell as Python has it; NaN, NULL and the empty string are one, since most forms do not tell them apart."""
    if isinstance(cell, np.ndarray) and cell is not np.ma.masked:
        cell = [plain(item) for item in np.atleast_1d(np.ma.asarray(cell))] or None
    if cell is np.ma.masked or cell == "" or (isinstance(cell, float | np.floating) and math.isnan(cell)):
        return None
    return cell.item() if isinstance(cell, np.generic) else cell


def wanted(value: Any, field: Field, form: str) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")
    if field.datatype == "float" and form != "csv":
        return None if value is None else plain(np.float32(value))
    if isinstance(value, list) and form == "csv":
        return " ".join(map(str, value)) or None
    if field.datatype == "unicodeChar" and form == "csv" and value:
        return value.encode().decode("latin-1")  # STILTS takes each byte of a CSV file for a character.
    if form == "fits" and isinstance(value, str):
        value = ASCII.get(value, value)
    return value or None if isinstance(value, list | str) else plain(value)
