"""Compressed bytes, read no further than to a limit."""

from __future__ import annotations

import zlib

from vo.dali.errors import UsageFault
from vo.tables.readers.limits import ReadLimits

GZIP = b"\x1f\x8b"


def decompress(data: bytes, limits: ReadLimits) -> bytes:
    """Content of gzip.

    Raises
    ------
    UsageFault
        Raised for what is not gzip, or is cut off, and for more bytes than allowed.
    """
    pieces = []
    size = 0
    while data:
        reader = zlib.decompressobj(wbits=31)
        try:
            piece = reader.decompress(data, limits.bytes - size + 1)
        except zlib.error:
            raise UsageFault("The table is compressed by gzip, and damaged.") from None
        size += len(piece)
        limits.check_bytes(size)
        if not reader.eof:
            raise UsageFault("The table is compressed by gzip, and broken off.")
        pieces.append(piece)
        data = reader.unused_data.lstrip(b"\0")
    return b"".join(pieces)
