"""CHECKSUM and DATASUM of FITS files."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from ingest.headers import BLOCK, FitsFile, Hdu

_CHUNK = 2880 * 1024
_ALL_ONES = 0xFFFFFFFF


def wrong_sums(path: Path, fits: FitsFile) -> list[str]:
    """Sentences about the HDUs whose sums do not agree with their bytes.

    Only plain files are looked at: packed ones carry a sum of their own. Files that other archives cut or edited often
    keep old sums, so that a wrong one is worth a word and no more.

    Parameters
    ----------
    path
        Where the bytes are.
    fits
        Its headers.

    Raises
    ------
    OSError
        Raised if the file cannot be read.

    References
    ----------
    FITS 4.0, "Checksum keywords" and Appendix J.
    """
    if fits.packing:
        return []
    with path.open("rb") as file:
        return [sentence for hdu in fits.hdus if (sentence := _wrong(file, hdu)) is not None]


def _wrong(file: BinaryIO, hdu: Hdu) -> str | None:
    checksum, datasum = hdu.header.text("CHECKSUM"), hdu.header.text("DATASUM")
    padded = -(-hdu.data_size // BLOCK) * BLOCK
    if checksum is not None and len(checksum) == 16:
        whole = _sum(file, hdu.header_start, hdu.data_start - hdu.header_start + padded)
        if whole not in (0, _ALL_ONES):
            return f"CHECKSUM of HDU {hdu.index} does not agree with its bytes."
    elif datasum is not None and datasum.isdecimal() and _sum(file, hdu.data_start, padded) != int(datasum):
        return f"DATASUM of HDU {hdu.index} does not agree with its bytes."
    return None


def _sum(file: BinaryIO, start: int, length: int) -> int:
    """Sum of 32-bit words in ones' complement."""
    file.seek(start)
    total = 0
    while length > 0 and (block := file.read(min(_CHUNK, length))):
        length -= len(block)
        words = np.frombuffer(block.ljust(-(-len(block) // 4) * 4, b"\0"), ">u4")
        total += int(words.sum(dtype=np.uint64))
    while total >> 32:
        total = (total & _ALL_ONES) + (total >> 32)
    return total
