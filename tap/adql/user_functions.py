"""User-defined functions: their arguments, what they give and what they are for.

References
----------
Catalogue of ADQL User Defined Functions 1.2; ``gavo_transform`` and ``MOC`` as established services have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tap.adql import nodes as n
from vo.tables.field import Field


class ArgumentKind(Enum):
    """Kind of an argument, as its declaration names it."""

    WHOLE = "INTEGER"
    NUMBER = "DOUBLE"
    TEXT = "VARCHAR"
    LITERAL = "CHAR"
    INSTANT = "TIMESTAMP"
    POINT = "POINT"
    SHAPE = "GEOMETRY"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument by name."""

    name: str
    kind: ArgumentKind


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function beyond the standard.

    Attributes
    ----------
    name
        As declared; queries may write it in any letter case.
    forms
        Lists of arguments that it takes.
    returns
        Type of its value, in the words of ADQL.
    field
        Type of its value; None where it is that of its last argument.
    description
        For people.
    is_aggregate
        Whether it takes the rows of a group.
    """

    name: str
    forms: tuple[tuple[Argument, ...], ...]
    returns: str
    field: Field | None
    description: str
    is_aggregate: bool = False

    @property
    def usage(self) -> str:
        """Its forms, as sentences for users show them."""
        return " or ".join(f"{self.name}({', '.join(each.name for each in form)})" for form in self.forms)

    @property
    def signatures(self) -> tuple[str, ...]:
        """One for each form, as TAPRegExt declares it."""
        return tuple(
            f"{self.name}({', '.join(f'{each.name} {each.kind.value}' for each in form)}) -> {self.returns}"
            for form in self.forms
        )


def _form(**arguments: ArgumentKind) -> tuple[Argument, ...]:
    return tuple(Argument(name, kind) for name, kind in arguments.items())


_K = ArgumentKind
_ZERO_OR_ONE = Field("", "int")
_POINT = Field("", "double", arraysize="2", xtype="point", ucd="pos")
_FRAMES = "ICRS, FK5 (J2000), FK4 (B1950), ECLIPTIC (J2000), GALACTIC and SUPER_GALACTIC"
_TRANSFORM = (_form(from_sys=_K.LITERAL, to_sys=_K.LITERAL, geo=_K.SHAPE),)

USER_FUNCTIONS: tuple[UserFunction, ...] = (
    UserFunction(
        "ivo_healpix_index",
        (
            _form(hpxOrder=_K.WHOLE, long=_K.NUMBER, lat=_K.NUMBER),
            _form(hpxOrder=_K.WHOLE, point=_K.POINT),
        ),
        "BIGINT",
        Field("", "long", ucd="pos.healpix"),
        "Number of the HEALPix cell around a point, NESTED scheme, orders 0 to 29; degrees.",
    ),
    UserFunction(
        "ivo_healpix_center",
        (_form(hpxOrder=_K.WHOLE, hpxIndex=_K.WHOLE),),
        "POINT",
        _POINT,
        "Centre of a HEALPix cell, NESTED scheme, orders 0 to 29.",
    ),
    UserFunction(
        "ivo_epoch_prop_pos",
        (
            _form(
                ra=_K.NUMBER,
                dec=_K.NUMBER,
                parallax=_K.NUMBER,
                pmra=_K.NUMBER,
                pmdec=_K.NUMBER,
                radial_velocity=_K.NUMBER,
                ref_epoch=_K.NUMBER,
                out_epoch=_K.NUMBER,
            ),
        ),
        "POINT",
        _POINT,
        "Position at out_epoch of a star in linear motion. Degrees, mas, mas/yr (pmra times cos dec), km/s, Julian "
        "years. A NULL parallax means an infinite distance, NULL motions mean 0; rows without position or epoch give "
        "NULL.",
    ),
    UserFunction(
        "ivo_geom_transform",
        _TRANSFORM,
        "GEOMETRY",
        None,
        f"Rotates a POINT, CIRCLE, BOX or POLYGON from one reference frame to another: {_FRAMES}.",
    ),
    UserFunction(
        "gavo_transform",
        _TRANSFORM,
        "GEOMETRY",
        None,
        "The same as ivo_geom_transform, under its older name.",
    ),
    UserFunction(
        "ivo_to_jd",
        (_form(d=_K.INSTANT),),
        "DOUBLE",
        Field("", "double", unit="d", ucd="time.epoch"),
        "Julian Date of a timestamp, without regard to time scales; strings such as '2013-04-12T04:52:06' are taken.",
    ),
    UserFunction(
        "ivo_to_mjd",
        (_form(d=_K.INSTANT),),
        "DOUBLE",
        Field("", "double", unit="d", ucd="time.epoch"),
        "Modified Julian Date of a timestamp, without regard to time scales; strings such as '2013-04-12T04:52:06' "
        "are taken.",
    ),
    UserFunction(
        "ivo_string_agg",
        (_form(expression=_K.TEXT, delimiter=_K.LITERAL),),
        "VARCHAR",
        Field("", "char", arraysize="*"),
        "Aggregate: the strings of a group in alphabetic order with a delimiter between them; NULL leaves no trace.",
        is_aggregate=True,
    ),
    UserFunction(
        "ivo_nocasematch",
        (_form(value=_K.TEXT, pattern=_K.TEXT),),
        "INTEGER",
        _ZERO_OR_ONE,
        "1 if a string matches a pattern of LIKE without regard to letter case, else 0.",
    ),
    UserFunction(
        "ivo_hasword",
        (_form(haystack=_K.TEXT, needle=_K.TEXT),),
        "INTEGER",
        _ZERO_OR_ONE,
        "1 if all words of needle are among the words of haystack without regard to letter case, else 0. Words are "
        "runs of letters and digits; there is no stemming.",
    ),
    UserFunction(
        "ivo_hashlist_has",
        (_form(hashlist=_K.TEXT, item=_K.TEXT),),
        "INTEGER",
        _ZERO_OR_ONE,
        "1 if item is one of the words that # separates in hashlist, without regard to letter case, else 0.",
    ),
    UserFunction(
        "ivo_histogram",
        (_form(val=_K.NUMBER, lower=_K.NUMBER, upper=_K.NUMBER, nbins=_K.WHOLE),),
        "BIGINT[]",
        Field("", "long", arraysize="*", ucd="meta.number"),
        "Aggregate: number of values below lower or NULL, in each of nbins bins of equal width, and above upper; a "
        "value of just upper is in the last bin. The last three arguments are constants, with at most 10,000 bins.",
        is_aggregate=True,
    ),
    UserFunction(
        "ivo_normal_random",
        (_form(mu=_K.NUMBER, sigma=_K.NUMBER),),
        "DOUBLE",
        Field("", "double"),
        "Random number of a normal distribution with mean mu and standard deviation sigma.",
    ),
    UserFunction(
        "ivo_interval_overlaps",
        (_form(a1=_K.NUMBER, b1=_K.NUMBER, a2=_K.NUMBER, b2=_K.NUMBER),),
        "INTEGER",
        _ZERO_OR_ONE,
        "1 if the intervals from a1 to b1 and from a2 to b2 have a number in common, else 0; intervals that end before "
        "they begin have none.",
    ),
    UserFunction(
        "ivo_hms_to_degrees",
        (_form(hms=_K.TEXT),),
        "DOUBLE",
        Field("", "double", unit="deg"),
        "Degrees of hours, minutes and seconds: 'h:m:s', 'hhmmss' or 'hHmMsS', with a sign or without; NULL for "
        "other strings.",
    ),
    UserFunction(
        "ivo_dms_to_degrees",
        (_form(dms=_K.TEXT),),
        "DOUBLE",
        Field("", "double", unit="deg"),
        "Degrees of degrees, minutes and seconds: 'd:m:s', 'ddmmss' or 'dDmMsS', with a sign or without; NULL for "
        "other strings.",
    ),
    UserFunction(
        "MOC",
        (_form(moc=_K.LITERAL),),
        "REGION",
        Field("", "char", arraysize="*", xtype="moc"),
        "A coverage map in ASCII such as '3/1-3,5 4/30', to stand in CONTAINS(POINT(…), MOC(…)); ICRS.",
    ),
)

_BY_NAME = {function.name.lower(): function for function in USER_FUNCTIONS}


def user_function(node: n.UserDefinedFunctionCall) -> UserFunction | None:
    """What a query calls, None where there is no such function here."""
    return _BY_NAME.get(node.name.lower())


def is_aggregate(node: n.Expression) -> bool:
    """Whether an expression takes the rows of a group: a set function, or a user-defined one of that kind."""
    if isinstance(node, n.UserDefinedFunctionCall):
        called = user_function(node)
        return called is not None and called.is_aggregate
    return isinstance(node, n.SetFunctionCall)
