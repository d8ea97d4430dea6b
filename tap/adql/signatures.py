"""Arguments of the functions of ADQL, as the grammar has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an argument may be, as far as its form tells."""

    VALUE = "value"
    NUMBER = "number"
    STRING = "string"
    LITERAL = "string literal"
    SHAPE = "geometry"
    POINT = "point"
    INTEGER = "signed integer"
    SEED = "unsigned integer"


@dataclass(frozen=True, slots=True)
class Form:
    """One list of arguments; `repeated` may follow any number of times."""

    first: tuple[Kind, ...]
    repeated: tuple[Kind, ...] = ()

    def takes(self, count: int) -> bool:
        """Whether so many arguments fit."""
        more = count - len(self.first)
        return more == 0 or (more > 0 and bool(self.repeated) and more % len(self.repeated) == 0)

    def kinds(self, count: int) -> tuple[Kind, ...]:
        """Kinds of so many arguments."""
        more = (count - len(self.first)) // len(self.repeated) if self.repeated else 0
        return self.first + self.repeated * more


@dataclass(frozen=True, slots=True)
class Signature:
    """All forms of one function; `usage` shows them to users."""

    usage: str
    forms: tuple[Form, ...]


_NUMBER = Form((Kind.NUMBER,))
_TWO_NUMBERS = Form((Kind.NUMBER, Kind.NUMBER))
_SHAPE = Form((Kind.SHAPE,))
_TWO_SHAPES = Form((Kind.SHAPE, Kind.SHAPE))


def _with_frame(*forms: Form) -> tuple[Form, ...]:
    """Forms with and without a coordinate system in front, which ADQL 2.1 deprecates but keeps."""
    return tuple(each for form in forms for each in (form, Form((Kind.LITERAL, *form.first), form.repeated)))


def _numeric(name: str, *forms: Form) -> Signature:
    return Signature(f"{name}(x)" if forms == (_NUMBER,) else f"{name}(x, y)", forms)


SIGNATURES: dict[str, Signature] = {
    **{
        name: _numeric(name, _NUMBER)
        for name in (
            "ABS",
            "ACOS",
            "ASIN",
            "ATAN",
            "CEILING",
            "COS",
            "COT",
            "DEGREES",
            "EXP",
            "FLOOR",
            "LOG",
            "LOG10",
            "RADIANS",
            "SIN",
            "SQRT",
            "TAN",
        )
    },
    **{name: _numeric(name, _TWO_NUMBERS) for name in ("ATAN2", "MOD", "POWER")},
    "PI": Signature("PI()", (Form(()),)),
    "RAND": Signature("RAND() or RAND(seed)", (Form(()), Form((Kind.SEED,)))),
    "ROUND": Signature("ROUND(x) or ROUND(x, digits)", (_NUMBER, Form((Kind.NUMBER, Kind.INTEGER)))),
    "TRUNCATE": Signature("TRUNCATE(x) or TRUNCATE(x, digits)", (_NUMBER, Form((Kind.NUMBER, Kind.INTEGER)))),
    "IN_UNIT": Signature("IN_UNIT(x, 'unit')", (Form((Kind.NUMBER, Kind.LITERAL)),)),
    "LOWER": Signature("LOWER(text)", (Form((Kind.STRING,)),)),
    "UPPER": Signature("UPPER(text)", (Form((Kind.STRING,)),)),
    "COALESCE": Signature("COALESCE(a, b, …)", (Form((Kind.VALUE,), (Kind.VALUE,)),)),
    "AREA": Signature("AREA(geometry)", (_SHAPE,)),
    "CENTROID": Signature("CENTROID(geometry)", (_SHAPE,)),
    "COORDSYS": Signature("COORDSYS(geometry)", (_SHAPE,)),
    "CONTAINS": Signature("CONTAINS(geometry, geometry)", (_TWO_SHAPES,)),
    "INTERSECTS": Signature("INTERSECTS(geometry, geometry)", (_TWO_SHAPES,)),
    "COORD1": Signature("COORD1(point)", (Form((Kind.POINT,)),)),
    "COORD2": Signature("COORD2(point)", (Form((Kind.POINT,)),)),
    "DISTANCE": Signature(
        "DISTANCE(point, point) or DISTANCE(lon1, lat1, lon2, lat2)",
        (Form((Kind.POINT, Kind.POINT)), Form((Kind.NUMBER,) * 4)),
    ),
    "POINT": Signature("POINT(lon, lat)", _with_frame(_TWO_NUMBERS)),
    "CIRCLE": Signature(
        "CIRCLE(lon, lat, radius) or CIRCLE(point, radius)",
        _with_frame(Form((Kind.NUMBER,) * 3), Form((Kind.POINT, Kind.NUMBER))),
    ),
    "BOX": Signature(
        "BOX(lon, lat, width, height) or BOX(point, width, height)",
        _with_frame(Form((Kind.NUMBER,) * 4), Form((Kind.POINT, Kind.NUMBER, Kind.NUMBER))),
    ),
    "POLYGON": Signature(
        "POLYGON(lon1, lat1, lon2, lat2, lon3, lat3, …) or POLYGON(point, point, point, …)",
        _with_frame(Form((Kind.NUMBER,) * 6, (Kind.NUMBER, Kind.NUMBER)), Form((Kind.POINT,) * 3, (Kind.POINT,))),
    ),
    "REGION": Signature("REGION('text')", (Form((Kind.LITERAL,)),)),
}
