"""A table of invented products in the columns of ObsCore, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BLOCK_ROWS = 50_000
TARGETS = 20_000
FIRST_MJD, LAST_MJD = 54_000.0, 61_000.0

# Name, telescope, kind of product, field of view (deg), shortest and longest wavelength (m), weight.
INSTRUMENTS = (
    ("WIDECAM", "SURVEY-2.6", "image", 1.0, 3.5e-7, 9.5e-7, 0.35),
    ("IRCAM", "SURVEY-4", "image", 1.5, 8.5e-7, 2.3e-6, 0.25),
    ("ECHELLE", "MAIN-8", "spectrum", 0.002, 3.0e-7, 1.05e-6, 0.25),
    ("IFU", "MAIN-8", "cube", 0.017, 4.7e-7, 9.3e-7, 0.15),
)


def write_products(path: Path, rows: int, seed: int = 1) -> None:
    """Write a Parquet file of products.

    Half of the products are spread evenly over the southern three quarters of the sky, half lie on targets of which
    few are popular, so that a cone may find nothing or thousands. One in 300 has no position.
    """
    writer = None
    for batch in _blocks(rows, seed):
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


def target_positions(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination of the targets, degrees, shape (TARGETS,)."""
    random = np.random.default_rng([seed, 0])
    return random.uniform(0, 360, TARGETS), _declinations(random, TARGETS)


def _declinations(random: np.random.Generator, count: int) -> np.ndarray:
    return np.degrees(np.arcsin(random.uniform(-1, 0.5, count)))


def _blocks(rows: int, seed: int) -> Iterator[pa.RecordBatch]:
    target_ra, target_dec = target_positions(seed)
    popularity = 1 / np.arange(1, TARGETS + 1)
    popularity /= popularity.sum()
    weights = np.array([instrument[-1] for instrument in INSTRUMENTS])
    for first in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - first)
        random = np.random.default_rng([seed, 1 + first // BLOCK_ROWS])
        number = np.arange(first, first + count)
        target = random.choice(TARGETS, count, p=popularity)
        pointed = random.random(count) < 0.5
        jitter = random.normal(0, 0.02, (2, count))
        dec = np.where(pointed, np.clip(target_dec[target] + jitter[1], -90, 90), _declinations(random, count))
        ra = np.where(pointed, target_ra[target] + jitter[0], random.uniform(0, 360, count)) % 360
        placed = random.random(count) > 1 / 300
        which = random.choice(len(INSTRUMENTS), count, p=weights / weights.sum())
        of = {name: np.array([row[place] for row in INSTRUMENTS])[which] for place, name in enumerate(_TRAITS)}
        begin = random.uniform(FIRST_MJD, LAST_MJD, count)
        exposure = np.round(10 ** random.uniform(0.5, 3.8, count), 1)
        yield pa.record_batch(
            {
                "dataproduct_type": pa.array(of["kind"]),
                "calib_level": pa.array(random.integers(1, 4, count).astype(np.int32)),
                "obs_collection": pa.array(of["name"]),
                "obs_id": pa.array([f"{name}.{n // 2:09d}" for name, n in zip(of["name"], number, strict=True)]),
                "obs_publisher_did": pa.array([f"ivo://bench.example/ID?BENCH.{n:09d}" for n in number]),
                "dp_id": pa.array([f"BENCH.{n:09d}" for n in number]),
                "access_format": pa.array(["application/fits"] * count),
                "access_estsize": pa.array(random.integers(100, 200_000, count)),
                "target_name": pa.array([f"BENCH {n:05d}" for n in target]),
                "s_ra": pa.array(ra, mask=~placed),
                "s_dec": pa.array(dec, mask=~placed),
                "s_fov": pa.array(of["fov"]),
                "s_region": pa.array(_circles(ra, dec, of["fov"]), mask=~placed),
                "t_min": pa.array(begin),
                "t_max": pa.array(begin + exposure / 86_400),
                "t_exptime": pa.array(exposure),
                "em_min": pa.array(of["em_min"]),
                "em_max": pa.array(of["em_max"]),
                "facility_name": pa.array(of["telescope"]),
                "instrument_name": pa.array(of["name"]),
            }
        )


_TRAITS = ("name", "telescope", "kind", "fov", "em_min", "em_max")


def _circles(ra: np.ndarray, dec: np.ndarray, fov: np.ndarray) -> np.ndarray:
    rows = zip(ra, dec, fov / 2, strict=True)
    return np.array([f"CIRCLE ICRS {lon:.6f} {lat:.6f} {radius:.6g}" for lon, lat, radius in rows], dtype=object)
