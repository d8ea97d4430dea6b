"""Comma- and tab-separated text → tables."""

from __future__ import annotations

import io
import re

import pyarrow as pa
from pyarrow import csv

from vo.dali.errors import UsageFault
from vo.tables.readers.arrow import from_arrow
from vo.tables.readers.declared import check_names
from vo.tables.readers.limits import ReadLimits
from vo.tables.table import Table


def read_csv(document: bytes, limits: ReadLimits) -> Table:
    """Read text whose first line names the columns; what kind each is, its cells tell. Empty cells are NULL.

    Parameters
    ----------
    document
        UTF-8. Where the first line has a tab and no comma, tabs divide.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised for text that is no such table, and when there is more than the limits allow.

    References
    ----------
    RFC 4180.
    """
    document = document.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    head = document.partition(b"\n")[0]
    if not head.strip():
        raise UsageFault("The file is empty.")
    if b"\0" in head:
        raise UsageFault("This is neither a VOTable nor FITS, Parquet or text.")
    delimiter = "\t" if b"\t" in head and b"," not in head else ","
    limits.check_columns(head.count(delimiter.encode()) + 1)
    limits.check_rows(document.count(b"\n") - 1)
    try:
        table = csv.read_csv(
            io.BytesIO(document),
            read_options=csv.ReadOptions(use_threads=False, block_size=2**22),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise UsageFault(_sentence(str(error))) from None
    check_names(table.column_names)
    return from_arrow(table, limits)


def _sentence(error: str) -> str:
    if "UTF8" in error or "UTF-8" in error:
        return "The text is not UTF-8."
    counts = re.search(r"(?:Row #([0-9]+): )?Expected ([0-9]+) columns, got ([0-9]+)", error)
    if counts is None:
        return "The text cannot be read as rows of comma- or tab-separated values."
    row = f"Line {counts.group(1)}" if counts.group(1) else "A line"
    return f"{row} has {counts.group(3)} cells where the first line names {counts.group(2)} columns."
