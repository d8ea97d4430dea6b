"""Writing FITS files: the same bytes every time, and never half a file under its name."""

import io
import os
import tempfile
from pathlib import Path

from astropy.io import fits

from simulator.errors import SimulationError


def to_bytes(hdus: fits.HDUList, date: str) -> bytes:
    """Serialise a FITS file with checksums in every HDU.

    Parameters
    ----------
    date
        Goes into the comments of CHECKSUM and DATASUM instead of the clock's time.
    """
    _add_checksums(hdus, date[:19])
    buffer = io.BytesIO()
    hdus.writeto(buffer, output_verify="exception")
    if any(isinstance(hdu, fits.CompImageHDU) for hdu in hdus):
        # The sums above are those of the images; the tables that hold the compressed images have sums of their own.
        buffer.seek(0)
        with fits.open(buffer, disable_image_compression=True, do_not_scale_image_data=True) as tables:
            _add_checksums(tables, date[:19])
            buffer = io.BytesIO()
            tables.writeto(buffer, output_verify="exception")
    return buffer.getvalue()


def _add_checksums(hdus: fits.HDUList, date: str) -> None:
    for hdu in hdus:
        hdu.add_checksum(when=f"updated {date}")


def write_file(path: Path, content: bytes, overwrite: bool) -> None:
    """Write a file under a temporary name beside its place, then move it there.

    Parameters
    ----------
    overwrite
        Whether a file of that name with other content is replaced.

    Raises
    ------
    SimulationError
        Raised if the place is taken by other content, or if the disk does not take the file.
    """
    try:
        if path.is_dir():
            raise SimulationError(f"{path} is a directory, a file was to be written there")
        if path.exists() and not overwrite:
            if path.stat().st_size == len(content) and path.read_bytes() == content:
                return
            raise SimulationError(f"{path} exists with other content; choose another directory or overwrite")
        _replace(path, content)
    except OSError as error:
        raise SimulationError(f"cannot write {path}: {error.strerror or error}") from error


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's file mode creation mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
