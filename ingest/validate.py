"""Last look at a row: what cannot be becomes NULL with a sentence, never a number that means nothing."""

from __future__ import annotations

import datetime
import math
from typing import Any

import sqlalchemy as sa

from schema.columns import field_of
from schema.obscore import obscore
from schema.observations import raw
from vo.tables.field import Field

Row = dict[str, Any]

PRODUCT_TYPES = frozenset(("image", "cube", "spectrum", "sed", "timeseries", "visibility", "event", "measurements"))
"""Vocabulary of dataproduct_type (ObsCore 1.1, "Data product type")."""

DATA_RIGHTS = frozenset(("public", "secure", "proprietary"))
"""Vocabulary of data_rights (ObsCore 1.1, "data_rights")."""

_LIMITS: dict[str, tuple[float, float]] = {
    "s_ra": (0, 360), "s_dec": (-90, 90), "ra": (0, 360), "dec": (-90, 90), "ra_pnt": (0, 360), "dec_pnt": (-90, 90),
    "s_fov": (0, 360), "s_resolution": (0, 3.6e5), "s_pixel_scale": (0, 3.6e5), "t_exptime": (0, 1e10),
    "t_min": (2400, 88069), "t_max": (2400, 88069), "em_min": (0, 1e6), "em_max": (0, 1e6), "em_res_power": (0, 1e12),
    "calib_level": (0, 4), "exposure": (0, 1e10), "mjd_obs": (2400, 88069), "snr": (0, 1e9), "strehl": (0, 1),
    "tel_alt": (-90, 90), "tel_az": (-360, 720), "tel_airm_start": (1, 100), "tel_airm_end": (1, 100),
    "tel_ambi_rhum": (0, 100), "tel_ambi_fwhm_start": (0, 100), "tel_ambi_fwhm_end": (0, 100), "n_obs": (0, 1e8),
    "tel_ambi_pres_start": (0, 2000), "tel_ambi_pres_end": (0, 2000), "em_xel": (1, 1e15), "det_dit": (0, 1e7),
}  # fmt: skip
_PAIRS = (("s_ra", "s_dec"), ("ra", "dec"), ("ra_pnt", "dec_pnt"))
_ORDERED = (("em_min", "em_max"), ("t_min", "t_max"))
_INTEGERS = {"short": 2**15, "int": 2**31, "long": 2**63}
_LONGEST = 2000


def clean_obscore(row: Row) -> tuple[Row, list[str]]:
    """Row of ``ivoa.obscore`` that the table takes, and what was taken out of it."""
    cleaned, warnings = _clean(row, obscore)
    kind = cleaned.get("dataproduct_type")
    if kind is not None and kind not in PRODUCT_TYPES:
        warnings.append(f"dataproduct_type = {kind} is not in the vocabulary of ObsCore.")
        cleaned["dataproduct_type"] = None
    if cleaned.get("data_rights") not in DATA_RIGHTS:
        cleaned["data_rights"] = None
    return cleaned, warnings


def clean_raw(row: Row) -> tuple[Row, list[str]]:
    """Row of ``dbo.raw`` that the table takes, and what was taken out of it."""
    return _clean(row, raw)


def _clean(row: Row, table: sa.Table) -> tuple[Row, list[str]]:
    warnings: list[str] = []
    cleaned: Row = {}
    for column in table.columns:
        field = field_of(column)
        if field is None or column.name not in row:
            continue
        value = row[column.name]
        fitting = None if value is None else _fit(field, value)
        if value is not None and fitting is None and value != "":
            warnings.append(f"{column.name} = {f'{value}'[:60]} cannot be and is left out.")
        cleaned[column.name] = fitting
    for first, second in _PAIRS:
        if (cleaned.get(first) is None) != (cleaned.get(second) is None):
            cleaned[first] = cleaned[second] = None
    for low, high in _ORDERED:
        if cleaned.get(low) is not None and cleaned.get(high) is not None and cleaned[low] > cleaned[high]:
            warnings.append(f"{low} is above {high}; both are left out.")
            cleaned[low] = cleaned[high] = None
    return cleaned, warnings


def _fit(field: Field, value: Any) -> Any:
    """Value as its column takes it; None for what it cannot take."""
    if field.is_timestamp:
        return value if isinstance(value, datetime.datetime) else None
    if field.is_text:
        return f"{value}".replace("\x00", "").strip()[:_LONGEST] or None
    number = float(value)
    low, high = _LIMITS.get(field.name, (-math.inf, math.inf))
    if not (math.isfinite(number) and low <= number <= high):
        return None
    if field.datatype in _INTEGERS:
        limit = _INTEGERS[field.datatype]
        return int(value) if -limit < value < limit else None
    return number if field.datatype == "double" or number == 0 or 1e-37 < abs(number) < 3.4e38 else None
