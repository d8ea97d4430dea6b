"""FITS files as they come: what they are, whether they are whole, and their headers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import ncompress

from ingest.cards import CARD, Header, read_cards

BLOCK = 2880
"""Bytes of a FITS block."""

MAX_HEADER = 64 << 20
"""Longest header that is read, in bytes."""

_CHUNK = 1 << 20
_MAX_AXES = 999
_SIMPLE = re.compile(rb"SIMPLE *=")

Packing = Literal["", ".gz", ".Z", ".bz2", ".xz"]


class NotTakenError(ValueError):
    """A file cannot be taken in; the text says what it is or what is wrong, in one sentence."""


@dataclass(frozen=True, slots=True)
class Hdu:
    """Header and data unit.

    Attributes
    ----------
    index
        Position in the file, 0 for the primary.
    header
        Its cards.
    header_start, data_start
        Where header and data begin in the unpacked file, in bytes.
    data_size
        Bytes of data as declared, without padding.
    """

    index: int
    header: Header
    header_start: int
    data_start: int
    data_size: int

    @property
    def name(self) -> str:
        """EXTNAME in upper case; empty without one."""
        return (self.header.text("EXTNAME") or "").upper()

    @property
    def kind(self) -> Literal["image", "table", "groups", "other"]:
        """What the data unit holds; a tile-compressed image is an image."""
        extension = self.header.text("XTENSION")
        if self.header.value("ZIMAGE") is True:
            return "image"
        if extension is None:
            return "groups" if _has_groups(self.header) else "image"
        if extension in ("IMAGE", "IUEIMAGE"):
            return "image"
        return "table" if extension in ("BINTABLE", "TABLE", "A3DTABLE") else "other"

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes in FITS order; of the image itself when it is tile-compressed, () without data."""
        prefix = "ZNAXIS" if self.header.value("ZIMAGE") is True else "NAXIS"
        count = min(self.header.integer(prefix) or 0, _MAX_AXES)
        lengths = [self.header.integer(f"{prefix}{axis}") or 0 for axis in range(1, count + 1)]
        return () if any(length < 1 for length in lengths) else tuple(lengths)


@dataclass(frozen=True, slots=True)
class FitsFile:
    """Headers of a file that was found whole.

    Attributes
    ----------
    name
        Name of the file, without folders.
    packing
        How the whole file is compressed, by its bytes and not by its name; empty for plain FITS.
    hdus
        All of them, in order.
    warnings
        What is odd, in sentences.
    """

    name: str
    packing: Packing
    hdus: tuple[Hdu, ...]
    warnings: tuple[str, ...] = ()


def read_fits(path: Path, name: str | None = None) -> FitsFile:
    """Read all headers of a file and make sure that it is whole.

    Memory stays flat: data are stepped over, packed files are unpacked block by block.

    Parameters
    ----------
    path
        A regular file.
    name
        Name of the file where it is not that of `path`.

    Raises
    ------
    NotTakenError
        Raised if it is not FITS or not whole.
    OSError
        Raised if it cannot be read.

    References
    ----------
    FITS 4.0, "FITS File Organization".
    """
    require_regular(path)
    with path.open("rb") as file:
        start = file.read(512)
        packing = _packing(start)
        file.seek(0)
        scanner = _Scanner()
        if packing == "":
            _scan_plain(file, path.stat().st_size, scanner)
        elif packing == ".Z":
            with _unpacking("compress"):
                ncompress.decompress(file, _Sink(scanner))
        else:
            module, kind = _UNPACKERS[packing]
            with _unpacking(kind), closing(module.open(file, "rb")) as unpacked:
                while block := unpacked.read(_CHUNK):
                    scanner.feed(block)
        scanner.finish()
    return FitsFile(name or path.name, packing, tuple(scanner.hdus), tuple(scanner.warnings))


def require_regular(path: Path) -> None:
    """Refuse what is not a regular file.

    Raises
    ------
    NotTakenError
        Raised for folders, pipes, sockets and devices.
    OSError
        Raised if the path leads nowhere.
    """
    mode = path.stat().st_mode
    for test, words in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            raise NotTakenError(f"This is {words}, not a file.")


def is_fits_start(start: bytes) -> bool:
    """Whether the first bytes of a file are those of plain FITS."""
    return _SIMPLE.match(start) is not None


_UNPACKERS: dict[str, tuple[Any, str]] = {".gz": (gzip, "gzip"), ".bz2": (bz2, "bzip2"), ".xz": (lzma, "xz")}

_MAGIC: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", ".gz"),
    (b"\x1f\x9d", ".Z"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
)

_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (rb"\s*<(!doctype html|html|head|body)", "an HTML page, perhaps the error message of a server"),
    (rb"version https://git-lfs", "a pointer of Git LFS (the file itself was not fetched)"),
    (rb"\s*<", "an XML document"),
    (rb"\s*[{\[]", "a JSON document"),
    (rb"PK\x03\x04", "a ZIP archive (unpack it first)"),
    (rb".{257}ustar", "a tar archive (unpack it first)"),
    (rb"%PDF", "a PDF document"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"XTENSION", "a FITS extension without its primary header"),
    (rb"\x00+$", "a file of zeros"),
)


def _packing(start: bytes) -> Packing:
    if is_fits_start(start):
        return ""
    for magic, packing in _MAGIC:
        if start.startswith(magic):
            return packing
    raise _stranger(start, "This is")


def _stranger(start: bytes, words: str) -> NotTakenError:
    """Say what bytes are that do not begin a FITS file."""
    if not start:
        return NotTakenError(f"{words} an empty file, not FITS.")
    for pattern, description in _STRANGERS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return NotTakenError(f"{words} {description}, not FITS.")
    return NotTakenError(f"{words} not FITS: it does not begin with SIMPLE.")


@contextmanager
def _unpacking(kind: str) -> Iterator[None]:
    """Turn what unpackers raise into one sentence."""
    try:
        yield
    except EOFError as error:
        raise NotTakenError(f"The {kind} stream is cut: the file is not whole.") from error
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise NotTakenError(f"The {kind} stream is damaged: {error}.") from error
    except NotTakenError:
        raise
    except (ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise NotTakenError(f"The {kind} stream is damaged: {error}.") from error


class _Sink:
    """What the unpacker of compress(1) writes to."""

    def __init__(self, scanner: _Scanner) -> None:
        self._scanner = scanner

    def write(self, block: bytes) -> int:
        self._scanner.feed(bytes(block))
        return len(block)


class _Scanner:
    """Finds headers in a stream of bytes and steps over the data between them."""

    def __init__(self) -> None:
        self.hdus: list[Hdu] = []
        self.warnings: list[str] = []
        self._position = 0
        self._skip = 0
        self._buffer = bytearray()
        self._checked = 0
        self._state: Callable[[], bool] = self._begin
        self._rest = 0

    @property
    def wanted_from(self) -> int:
        """Offset of the next byte that matters."""
        return self._position + self._skip

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""
        if self._skip:
            stepped = min(self._skip, len(block))
            self._skip -= stepped
            self._position += stepped
            block = block[stepped:]
        if not block:
            return
        if self._state == self._over:
            self._rest += len(block)
            return
        self._buffer += block
        while not self._skip and self._state():
            pass

    def step(self, count: int) -> None:
        """Step over bytes that exist but are not fed."""
        self._skip -= count
        self._position += count

    def finish(self) -> None:
        """Say that the stream is over.

        Raises
        ------
        NotTakenError
            Raised if something that was declared is missing.
        """
        if self._state == self._begin and not self.hdus:
            raise _stranger(bytes(self._buffer[:512]), "Unpacked, this is")
        if self._state == self._read_header or (
            self._state == self._begin and self._buffer and b"XTENSION".startswith(self._buffer[:8])
        ):
            raise NotTakenError(
                f"The header of {_which(len(self.hdus))} has no END: the file is cut after "
                f"{self._position + len(self._buffer)} bytes."
            )
        last = self.hdus[-1]
        end = last.data_start + last.data_size
        if self._position < end:
            raise NotTakenError(
                f"The file is cut: the data of {_which(last.index)} need {end} bytes, found are {self._position}."
            )
        if self._skip and last.data_size:
            self.warnings.append(f"The last block is not filled up: {self._skip} bytes are missing.")
        self._rest += len(self._buffer)
        if self._rest:
            self.warnings.append(f"{self._rest} bytes after the last HDU are not FITS.")

    def _begin(self) -> bool:
        """Decide what the next block is."""
        if len(self._buffer) < BLOCK and (self.hdus or len(self._buffer) < 10):
            return False
        word = rb"XTENSION" if self.hdus else _SIMPLE.pattern
        if re.match(word, bytes(self._buffer[:40])):
            self._state, self._checked = self._read_header, 0
        elif self.hdus:
            self._state = self._over
            self._rest, self._buffer = len(self._buffer), bytearray()
            return False
        else:
            raise _stranger(bytes(self._buffer[:512]), "Unpacked, this is")
        return True

    def _read_header(self) -> bool:
        """Look for END in the blocks that have arrived."""
        while self._checked + BLOCK <= len(self._buffer):
            length = _end_of_header(self._buffer, self._checked)
            self._checked += BLOCK
            if length is not None:
                self._close_header(length)
                return True
            if self._checked > MAX_HEADER:
                raise NotTakenError(f"The header of {_which(len(self.hdus))} has no END in {MAX_HEADER} bytes.")
        return False

    def _close_header(self, length: int) -> None:
        header = Header(read_cards(bytes(self._buffer[:length])))
        if not self.hdus and header.value("SIMPLE") is False:
            raise NotTakenError("SIMPLE = F: the file says of itself that it is not standard FITS.")
        size = data_size(header, len(self.hdus))
        hdu = Hdu(len(self.hdus), header, self._position, self._position + self._checked, size)
        self.hdus.append(hdu)
        del self._buffer[: self._checked]
        self._position = hdu.data_start
        self._state = self._begin
        padded = -(-size // BLOCK) * BLOCK
        here = min(padded, len(self._buffer))
        del self._buffer[:here]
        self._position += here
        self._skip = padded - here

    def _over(self) -> bool:
        return False


def _scan_plain(file: BinaryIO, size: int, scanner: _Scanner) -> None:
    """Scan a seekable file, jumping over the data."""
    position = 0
    length = 16 * BLOCK
    while position < size:
        block = file.read(min(length, size - position))
        if not block:
            break
        scanner.feed(block)
        position += len(block)
        jump = min(scanner.wanted_from, size) - position
        if jump > 0:
            scanner.step(jump)
            position = file.seek(position + jump)


def _which(index: int) -> str:
    return "the primary HDU" if index == 0 else f"HDU {index}"


def _end_of_header(buffer: bytearray, start: int) -> int | None:
    """Offset of the END card in a block, None without one."""
    found = buffer.find(b"END", start, start + BLOCK)
    while found >= 0:
        if (found - start) % CARD == 0 and not buffer[found + 3 : found + CARD].strip(b" \x00"):
            return found
        found = buffer.find(b"END", found + 1, start + BLOCK)
    return None


def _has_groups(header: Header) -> bool:
    return header.value("GROUPS") is True and header.integer("NAXIS1") == 0


def data_size(header: Header, index: int) -> int:
    """Bytes of the data unit that a header declares, without padding.

    Raises
    ------
    NotTakenError
        Raised if BITPIX, NAXIS, PCOUNT or GCOUNT cannot be.

    References
    ----------
    FITS 4.0, "Mandatory keywords", equations 1, 2 and 4.
    """
    naxis = _required(header, "NAXIS", index, 0, _MAX_AXES)
    if naxis == 0:
        return 0
    bitpix = _required(header, "BITPIX", index, -64, 64)
    if abs(bitpix) not in (8, 16, 32, 64) or bitpix in (-8, -16):
        raise NotTakenError(f"BITPIX = {bitpix} in {_which(index)} is not one of 8, 16, 32, 64, -32, -64.")
    lengths = [_required(header, f"NAXIS{axis}", index, 0, None) for axis in range(1, naxis + 1)]
    groups = index == 0 and _has_groups(header)
    if groups:
        lengths = lengths[1:]
    pcount, gcount = 0, 1
    if groups or "XTENSION" in header:
        pcount = _optional(header, "PCOUNT", index, 0)
        gcount = _optional(header, "GCOUNT", index, 1)
    return abs(bitpix) // 8 * gcount * (pcount + math.prod(lengths))


def _required(header: Header, keyword: str, index: int, low: int, high: int | None) -> int:
    value = header.integer(keyword)
    if value is None:
        raise NotTakenError(f"The header of {_which(index)} has no usable {keyword}.")
    if value < low or (high is not None and value > high):
        raise NotTakenError(f"{keyword} = {value} in {_which(index)} cannot be.")
    return value


def _optional(header: Header, keyword: str, index: int, default: int) -> int:
    return _required(header, keyword, index, 0, None) if keyword in header else default
