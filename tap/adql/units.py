"""Factors between units."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import astropy.units as u


@lru_cache(maxsize=1024)
def unit_factor(have: str, wanted: str) -> float:
    """What a number in one unit is multiplied with to be in another.

    Parameters
    ----------
    have, wanted
        VOUnits.

    Raises
    ------
    ValueError
        Raised with a sentence for what is no unit and for units of different kinds.

    References
    ----------
    ADQL 2.1, "IN_UNIT"; VOUnits 1.1.
    """
    units = []
    for text in (have, wanted):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", u.UnitsWarning)
                units.append(u.Unit(text, format="vounit", parse_strict="raise"))
        except (ValueError, TypeError):
            raise ValueError(f"{text!r} is no unit.") from None
    if u.dimensionless_unscaled in units:
        raise ValueError("A number without a unit cannot be converted.")
    try:
        factor = float(units[0].to(units[1]))
    except u.UnitConversionError:
        raise ValueError(f"The unit {have} cannot be converted to {wanted}.") from None
    if not math.isfinite(factor):
        raise ValueError(f"The unit {have} cannot be converted to {wanted}.")
    return factor
