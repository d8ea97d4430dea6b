"""Cutouts of 1′ from a 1 GB image and a 2 GB cube: time, bytes read, memory. Needs 3 GB of disk for a while."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from datalink.soda.filters import Product
from datalink.soda.parameters import read_soda_query
from datalink.soda.task import Cutout, CutRequest, make_cutout
from datalink.soda.workers import Workers
from vo.dali.parameters import Parameters

CIRCLE = "120 -30 0.0083333"
ROUNDS = 5


class Counting:
    """A file that counts what is read of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        block = self._file.read(size)
        self.count += len(block)
        return block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def main() -> None:
    """Make the files, cut from them, print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = make_file(folder / "image.fits", (16384, 16384), 0.2)
        cube = make_file(folder / "cube.fits", (1000, 720, 720), 0.5)
        cut(folder, make_file(folder / "small.fits", (100, 100), 0.2), {})
        measure(folder, image, {}, 300, 1, 16384)
        measure(folder, cube, {}, 120, 1000, 720)
        measure(folder, cube, {"BAND": "5e-7 5.1e-7"}, 120, 80, 720)
        measure_parallel(folder, image)


def measure(folder: Path, path: Path, given: dict[str, str], side: int, planes: int, width: int) -> None:
    """One cutout: its time, what is read, what memory it takes."""
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    seconds = min(cut(folder, path, given)[0] for _ in range(ROUNDS))
    more = memory("VmHWM") - before
    counting = Counting(path)
    _, size = cut(folder, path, given, lambda: counting)
    alone = min(reading(path, side, planes, width) for _ in range(ROUNDS))
    print(f"{path.name} {given}: {1000 * seconds:.1f} ms for {size} bytes; reading them alone {1000 * alone:.1f} ms; "
          f"read {counting.count / size:.2f} times as many; {more:.1f} MiB more memory")  # fmt: skip


def measure_parallel(folder: Path, path: Path) -> None:
    """Sixteen clients at once."""
    workers = Workers(2, waiting=16)
    with ThreadPoolExecutor(16) as clients:
        for _ in range(2):
            start = time.perf_counter()
            made = list(clients.map(lambda _: workers.run(make_cutout, request(folder, path, {}), 60.0), range(16)))
            seconds = time.perf_counter() - start
            for each in made:
                assert isinstance(each, Cutout)
                each.path.unlink()
    workers.close()
    print(f"16 cutouts at once, 2 workers: {1000 * seconds:.0f} ms in all")


def cut(folder: Path, path: Path, given: dict[str, str], opener: Any = None) -> tuple[float, int]:
    """Time in s, and bytes."""
    start = time.perf_counter()
    made = make_cutout(request(folder, path, given, opener))
    seconds = time.perf_counter() - start
    assert isinstance(made, Cutout), made
    made.path.unlink()
    return seconds, made.size


def request(folder: Path, path: Path, given: dict[str, str], opener: Any = None) -> CutRequest:
    """What a worker is told."""
    query = read_soda_query(Parameters([("ID", path.name), ("CIRCLE", CIRCLE), *given.items()]), most=1)
    filters = query.combinations[0].filters
    return CutRequest(opener or partial(open_path, path), Product(path.name), filters, "fits", folder, 2**32, "bench")


def open_path(path: Path) -> BinaryIO:
    """Open a file of this machine."""
    return path.open("rb")


def reading(path: Path, side: int, planes: int, width: int) -> float:
    """Time to read as many pieces of the same length from the same places, in s."""
    start = time.perf_counter()
    file = os.open(path, os.O_RDONLY)
    for plane in range(planes):
        first = 2880 + 4 * width * (plane * width + (width - side) // 2)
        for row in range(side):
            os.pread(file, 4 * side, first + 4 * width * row)
    os.close(file)
    return time.perf_counter() - start


def memory(word: str) -> float:
    """A line of what the system says of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(word)) / 1024


def make_file(path: Path, shape: tuple[int, ...], step_arcsec: float) -> Path:
    """A FITS file with noise."""
    header = fits.Header({"SIMPLE": True, "BITPIX": -32, "NAXIS": len(shape)})
    for axis, length in enumerate(reversed(shape), start=1):
        header[f"NAXIS{axis}"] = length
    for axis, (kind, value) in enumerate((("RA---TAN", 120.0), ("DEC--TAN", -30.0)), start=1):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = kind, value, shape[-axis] / 2
        header[f"CDELT{axis}"] = step_arcsec / 3600 * (-1 if axis == 1 else 1)
    if len(shape) == 3:
        header.update({"CTYPE3": "AWAV", "CUNIT3": "Angstrom", "CRVAL3": 4750.0, "CRPIX3": 1.0, "CDELT3": 1.25})
    with path.open("wb") as out:
        out.write(header.tostring().encode())
        for block in noise(shape):
            out.write(block)
        out.write(bytes(-out.tell() % 2880))
    return path


def noise(shape: tuple[int, ...]) -> Iterator[bytes]:
    """Rows or planes."""
    block = np.random.default_rng(1).normal(size=shape[1:]).astype(">f4").tobytes()
    for _ in range(shape[0]):
        yield block


if __name__ == "__main__":
    main()
