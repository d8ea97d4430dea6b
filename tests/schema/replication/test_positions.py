from __future__ import annotations

import math

import astropy.units as u
import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from cdshealpix.nested import healpix_to_lonlat, lonlat_to_healpix

from schema.replication.positions import HPX_ORDER, hidden_columns

CELL = math.degrees(math.sqrt(4 * math.pi / (12 * 4.0**HPX_ORDER)))


def test_cells_and_vectors_agree_with_others_over_the_whole_sky() -> None:
    random = np.random.default_rng(5)
    ra = np.concatenate([random.uniform(0, 360, 2000), [0.0, 360.0, 0.0, 123.0, 45.0, 359.9999999999]])
    dec = np.concatenate([np.degrees(np.arcsin(random.uniform(-1, 1, 2000))), [0.0, 0.0, 90.0, -90.0, 41.8103, 1e-12]])
    hpx, ux, uy, uz = hidden_columns(pa.array(ra), pa.array(dec))
    judge = SkyCoord(ra, dec, unit="deg").cartesian
    for mine, theirs in ((ux, judge.x), (uy, judge.y), (uz, judge.z)):
        assert np.abs(mine.to_numpy() - theirs.value).max() < 1e-15
    lon, lat = healpix_to_lonlat(hpx.to_numpy().astype(np.uint64), HPX_ORDER)
    centres = SkyCoord(lon, lat)
    assert SkyCoord(ra, dec, unit="deg").separation(centres).deg.max() < 2 * CELL
    assert hpx.type == pa.int64()


@pytest.mark.parametrize("turn", [-720.0, -360.0, 360.0])
def test_a_right_ascension_beyond_the_circle_is_taken_around_it(turn: float) -> None:
    plain = hidden_columns(pa.array([10.0]), pa.array([20.0]))
    turned = hidden_columns(pa.array([10.0 + turn]), pa.array([20.0]))
    assert plain[0] == turned[0]


def test_a_tiny_negative_right_ascension_is_zero() -> None:
    hpx, *_ = hidden_columns(pa.array([-1e-20]), pa.array([0.1]))
    expected = lonlat_to_healpix(0.0 * u.deg, 0.1 * u.deg, HPX_ORDER)
    assert hpx.to_pylist() == [int(expected[0])]


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        (None, 1.0),
        (1.0, None),
        (None, None),
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, 1.0),
        (1.0, -math.inf),
        (1.0, 90.0001),
        (1.0, -596.52),
    ],
)
def test_what_is_no_position_has_no_cell_and_no_vector(ra: float | None, dec: float | None) -> None:
    columns = hidden_columns(pa.array([5.0, ra], pa.float64()), pa.array([5.0, dec], pa.float64()))
    for column in columns:
        first, second = column.to_pylist()
        assert first is not None
        assert second is None


def test_no_rows_give_no_rows() -> None:
    empty = pa.array([], pa.float64())
    assert [len(column) for column in hidden_columns(empty, empty)] == [0, 0, 0, 0]
