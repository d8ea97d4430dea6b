"""User-defined functions of numbers and text → SQLAlchemy Core; those that give geometries are in `geometry`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sqlalchemy as sa

from schema.engines import user_functions as u
from schema.engines.constructs import RealArithmetic, RealFunction
from tap.adql import nodes as n
from tap.adql.constants import constant_number
from tap.adql.errors import fault
from tap.adql.types import Family, family
from tap.adql.user_functions import user_function

if TYPE_CHECKING:
    from tap.adql.lower_values import Sql, Values

_JD_OF_MJD_0 = 2_400_000.5
_MOST_BINS = 10_000


def lower_user_function(node: n.UserDefinedFunctionCall, values: Values) -> Sql:
    """Lower a call whose arguments are checked.

    Raises
    ------
    FaultError
        Raised for arguments that must be constant and are not.
    """
    called = user_function(node)
    assert called is not None
    arguments = node.arguments
    match called.name:
        case "ivo_healpix_index":
            return values.geometry.cell_index(node, values.value(arguments[0]))
        case "ivo_healpix_center" | "ivo_epoch_prop_pos" | "ivo_geom_transform" | "gavo_transform":
            return values.geometry.array(node)
        case "MOC":
            return values.geometry.moc_text(node)
        case "ivo_to_mjd":
            return u.ModifiedJulianDate(values.as_instant(arguments[0]))
        case "ivo_to_jd":
            return u.ModifiedJulianDate(values.as_instant(arguments[0])) + _real(_JD_OF_MJD_0)
        case "ivo_string_agg":
            with values.geometry.stored(True):
                return u.SortedText(_text(arguments[0], values), _text(arguments[1], values))
        case "ivo_histogram":
            with values.geometry.stored(True):
                return _histogram(node, values)
        case "ivo_nocasematch":
            value, pattern = (_text(argument, values) for argument in arguments)
            return _one_or_else_zero(value.ilike(pattern, escape=""))
        case "ivo_hasword":
            return _one_or_else_zero(u.HasWords(*(_text(argument, values) for argument in arguments)))
        case "ivo_hashlist_has":
            return _hashlist_has(*(_text(argument, values) for argument in arguments))
        case "ivo_normal_random":
            return _normal_random(*(values.real(argument, called.name) for argument in arguments))
        case "ivo_interval_overlaps":
            a1, b1, a2, b2 = (values.value(argument) for argument in arguments)
            overlap = sa.and_(a1 <= b1, a2 <= b2, a1 <= b2, a2 <= b1)
            return sa.cast(overlap, sa.Integer())
        case "ivo_hms_to_degrees":
            return u.Sexagesimal(_text(arguments[0], values), "h") * _real(15.0)
    return u.Sexagesimal(_text(arguments[0], values), "d")


def _text(node: n.Expression, values: Values) -> Sql:
    value = values.value(node)
    # A NULL or a parameter alone would leave the engine to guess its type.
    return sa.cast(value, sa.Text()) if family(values.types.of(node)) is Family.NULL else value


def _one_or_else_zero(condition: sa.ColumnElement[bool]) -> Sql:
    """The catalogue has 0 wherever the answer is not yes; NULL is no match."""
    return sa.case((condition, sa.literal_column("1")), else_=sa.literal_column("0"))


def _hashlist_has(hashlist: Sql, item: Sql) -> Sql:
    sign = sa.literal_column("'#'", sa.Text())
    position = sa.func.strpos(
        sign.concat(sa.func.lower(hashlist)).concat(sign), sign.concat(sa.func.lower(item)).concat(sign)
    )
    return _one_or_else_zero(sa.and_(position > 0, sa.func.strpos(item, sign) == sa.literal_column("0")))


def _normal_random(mu: Sql, sigma: Sql) -> Sql:
    """Box & Muller 1958, Ann. Math. Stat. 29, 610; one minus a random number is never zero."""
    one: Sql = sa.literal_column("1.0")
    length = RealFunction("sqrt", RealFunction("ln", one - sa.func.random(type_=sa.Double())) * _real(-2.0))
    return mu + sigma * length * sa.func.cos(sa.func.random(type_=sa.Double()) * _real(2.0 * math.pi))


def _histogram(node: n.UserDefinedFunctionCall, values: Values) -> Sql:
    limits: list[float] = []
    for argument, name in zip(node.arguments[1:], ("lower", "upper", "nbins"), strict=True):
        number = constant_number(argument)
        if number is None or not math.isfinite(number):
            raise fault(argument.position, f"The argument {name} of ivo_histogram must be a number.")
        limits.append(number)
    lower, upper, bins = float(limits[0]), float(limits[1]), int(limits[2])
    if not lower < upper:
        raise fault(node.arguments[2].position, "The upper limit of ivo_histogram must be above the lower one.")
    if not 1 <= bins <= _MOST_BINS:
        raise fault(node.arguments[3].position, f"ivo_histogram takes 1 to {_MOST_BINS:,} bins, not {bins}.")
    value = values.real(node.arguments[0], "ivo_histogram")
    inside = RealFunction("floor", RealArithmetic([value - _real(lower), _real((upper - lower) / bins)], "/"))
    bin_number: Sql = sa.case(
        (value > _real(upper), _whole(bins + 1)),
        (value < _real(lower), _whole(0)),
        (inside < _real(float(bins)), inside + _real(1.0)),
        (value <= _real(upper), _whole(bins)),
        else_=_whole(0),
    )
    return u.Histogram(bin_number, bins + 1)


def _real(value: float) -> Sql:
    return sa.bindparam(None, value, sa.Double(), unique=True)


def _whole(value: int) -> Sql:
    return sa.literal_column(f"{value:d}", sa.BigInteger())
