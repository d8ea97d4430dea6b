"""Files of any form → tables."""

from __future__ import annotations

from pathlib import Path

from vo.tables.readers import fits, parquet
from vo.tables.readers.compressed import GZIP, decompress
from vo.tables.readers.csv import read_csv
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.votable import read_votable
from vo.tables.table import Table

_XML_MARKS = (b"\xfe\xff", b"\xff\xfe")


def read_table(path: Path, limits: ReadLimits) -> Table:
    """Read a VOTable, FITS, Parquet, or comma- or tab-separated text; its first bytes tell which it is.

    Parameters
    ----------
    path
        May be compressed by gzip.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised with what is wrong, and when there is more than the limits allow.
    """
    limits.check_bytes(path.stat().st_size)
    document = path.read_bytes()
    if document.startswith(GZIP):
        document = decompress(document, limits)
    if document.startswith(fits.MAGIC):
        return fits.read_fits(document, limits)
    if document.startswith(parquet.MAGIC):
        return parquet.read_parquet(document, limits)
    start = document[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<") or document.startswith(_XML_MARKS):
        return read_votable(document, limits)
    return read_csv(document, limits)
