"""Hidden columns of the sky, computed from the main position of a row."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import lonlat_to_healpix

HPX_ORDER = 29


def hidden_columns(ra: pa.Array, dec: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """Compute the hidden columns of some positions.

    Parameters
    ----------
    ra, dec
        ICRS, degrees, length n. A right ascension beyond the circle is taken modulo 360.

    Returns
    -------
    hpx, ux, uy, uz
        Length n, int64 and double; NULL where a coordinate is NULL, not finite, or a declination beyond the poles.

    References
    ----------
    Górski et al. 2005, ApJ 622, 759, "Nested scheme".
    """
    lon = _degrees(ra)
    lat = _degrees(dec)
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(lon) & (np.abs(lat) <= 90.0)
    lon = np.where(valid, np.mod(np.where(valid, lon, 0.0), 360.0), 0.0)
    lat = np.where(valid, lat, 0.0)
    # A tiny negative angle modulo 360 is 360 itself after rounding.
    lon[lon >= 360.0] = 0.0
    cells = lonlat_to_healpix(Longitude(lon, u.deg), Latitude(lat, u.deg), HPX_ORDER, num_threads=1)
    lon, lat = np.radians(lon), np.radians(lat)
    hidden = ~valid
    values = (
        np.asarray(cells).astype(np.int64),
        np.cos(lat) * np.cos(lon),
        np.cos(lat) * np.sin(lon),
        np.sin(lat),
    )
    hpx, ux, uy, uz = (pa.array(value, mask=hidden) for value in values)
    return hpx, ux, uy, uz


def _degrees(column: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
