"""Parts of a file that a client asks for."""

from __future__ import annotations

import re

from storage.store import ByteRange

_SINGLE = re.compile(r"\s*bytes\s*=[\s,]*([0-9]*)\s*-\s*([0-9]*)[\s,]*", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The part lies outside of the file."""


def read_range(text: str | None, size: int) -> ByteRange | None:
    """Read a Range header.

    Several ranges, another unit and a text that is not a range ask for the whole file: a server may ignore what it
    does not want to honour, and must ignore what it does not understand.

    Parameters
    ----------
    text
        Value of the header.
    size
        Size of the file, in bytes.

    Returns
    -------
    ByteRange or None
        None for the whole file.

    Raises
    ------
    UnsatisfiableRangeError
        Raised if no byte of the range is in the file.

    References
    ----------
    RFC 9110, "Range" and "Byte Ranges".
    """
    match = _SINGLE.fullmatch(text or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if max(len(first), len(last)) > 18:
        raise UnsatisfiableRangeError(f"Bytes {first}-{last} are not in a file of {size} bytes.")
    if first == "":
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise UnsatisfiableRangeError(f"Bytes {first}-{last} are not in a file of {size} bytes.")
    return ByteRange(start, stop)
