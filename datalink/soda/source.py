"""FITS files as they are stored: opened for reading parts, unpacked first where that cannot be avoided."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ncompress
from astropy.io import fits

from datalink.soda.filters import CutError, TooLargeError

Opener = Callable[[], BinaryIO]
"""Opens the bytes of a file; may be sent to another process."""

_BLOCK = 1 << 20
_UNPACKERS: dict[bytes, Any] = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7": lzma}
_COMPRESS = b"\x1f\x9d"


@dataclass(frozen=True, slots=True)
class Source:
    """An open file.

    Attributes
    ----------
    hdus
        Read as they are asked for; pixels are not scaled.
    stream
        The same bytes.
    """

    hdus: fits.HDUList
    stream: BinaryIO

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes from a place.

        Raises
        ------
        CutError
            Raised if the file ends before.
        """
        pieces = []
        while count:
            piece = self._read_some(offset, count)
            if not piece:
                raise CutError("The file ends before its data do.")
            pieces.append(piece)
            offset += len(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_some(self, offset: int, count: int) -> bytes:
        # One call of the system instead of two: a cube is read in a hundred thousand pieces.
        if isinstance(self.stream, io.FileIO):
            return os.pread(self.stream.fileno(), count, offset)
        self.stream.seek(offset)
        return self.stream.read(count)


@contextmanager
def open_fits(opener: Opener, folder: Path, most_bytes: int) -> Iterator[Source]:
    """Open a FITS file.

    A file that is compressed as a whole is unpacked to a file without a name; one whose images are compressed by tile
    is not.

    Parameters
    ----------
    opener
        Opens the bytes.
    folder
        Where there is room.
    most_bytes
        Limit of what is unpacked.

    Raises
    ------
    CutError
        Raised if it cannot be read as FITS.
    TooLargeError
        Raised if it is too large when it is unpacked.
    """
    with ExitStack() as opened:
        stream = opened.enter_context(opener())
        # Small pieces from many places: a buffer would read what nobody needs.
        stream = getattr(stream, "raw", stream)
        start = stream.read(10)
        if start[:2] == _COMPRESS or start[:2] in _UNPACKERS:
            stream.seek(0)
            stream = opened.enter_context(_unpacked(stream, start[:2], folder, most_bytes))
        stream.seek(0)
        try:
            hdus = fits.open(
                stream, memmap=False, lazy_load_hdus=True, do_not_scale_image_data=True, ignore_missing_simple=True
            )
        except OSError as error:
            raise CutError("The file cannot be read as FITS.") from error
        opened.callback(hdus.close)
        yield Source(hdus, stream)


class _Bounded:
    """A file that takes so many bytes and no more."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._left = most

    def write(self, block: bytes) -> int:
        self._left -= len(block)
        if self._left < 0:
            raise TooLargeError("The file is compressed as a whole, and unpacked it is too large to be cut here.")
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]
        return len(block)


def _unpacked(stream: BinaryIO, magic: bytes, folder: Path, most: int) -> BinaryIO:
    """The content of a compressed file, in a file that nobody else sees."""
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        _unpack(stream, magic, file, most)
        return Path(file.name).open("rb", buffering=0)


def _unpack(stream: BinaryIO, magic: bytes, sink: Any, most: int) -> None:
    bounded = _Bounded(sink, most)
    try:
        if magic == _COMPRESS:
            ncompress.decompress(stream, bounded)
        else:
            with _UNPACKERS[magic].open(stream) as unpacked:
                while block := unpacked.read(_BLOCK):
                    bounded.write(block)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise CutError("The file is compressed and cannot be unpacked.") from error
