"""Types, units and UCDs of expressions; they travel to the fields of the answer."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import NoReturn

from schema.columns import field_of
from tap.adql import nodes as n
from tap.adql.errors import fault
from tap.adql.resolve import Names
from tap.adql.scope import MergedColumn, Output, Source, SourceColumn, near_match
from tap.adql.units import unit_factor
from tap.adql.user_functions import USER_FUNCTIONS, Argument, ArgumentKind, UserFunction, user_function
from vo.tables.field import Datatype, Field


class Family(Enum):
    """What values of a type can be compared and combined with."""

    NUMBER = "a number"
    TEXT = "text"
    TIMESTAMP = "a timestamp"
    SHAPE = "a geometry"
    ARRAY = "an array"
    NULL = "NULL"


INTEGERS = ("boolean", "unsignedByte", "short", "int", "long")
_WIDTHS = ("boolean", "unsignedByte", "short", "int", "long", "float", "double")

LONG = Field("", "long")
DOUBLE = Field("", "double")
TEXT = Field("", "char", arraysize="*")
TIMESTAMP = Field("", "char", arraysize="*", xtype="timestamp")
SHAPE_FIELDS = {
    "POINT": Field("", "double", arraysize="2", xtype="point", ucd="pos.eq"),
    "CIRCLE": Field("", "double", arraysize="3", xtype="circle"),
    "POLYGON": Field("", "double", arraysize="*", xtype="polygon"),
    "BOX": Field("", "double", arraysize="*", xtype="polygon"),
    "CENTROID": Field("", "double", arraysize="2", xtype="point", ucd="pos.eq"),
}
REGION = Field("", "char", arraysize="*", xtype="adql:REGION")
NULL = Field("", "char", arraysize="*", description="NULL")

_SHAPE_XTYPES = frozenset({"point", "circle", "polygon"})
_CAST_TYPES = {
    "CHAR": TEXT,
    "VARCHAR": TEXT,
    "SMALLINT": Field("", "short"),
    "INTEGER": Field("", "int"),
    "BIGINT": LONG,
    "REAL": Field("", "float"),
    "DOUBLE PRECISION": DOUBLE,
    "TIMESTAMP": TIMESTAMP,
}
_UNIT_KEEPING = frozenset({"ABS", "CEILING", "FLOOR", "ROUND", "TRUNCATE"})
_ANGLES_OUT = frozenset({"ACOS", "ASIN", "ATAN", "ATAN2"})


def family(field: Field) -> Family:
    """Family of a type."""
    if field is NULL:
        return Family.NULL
    if field.is_timestamp:
        return Family.TIMESTAMP
    if field.is_text:
        return Family.TEXT
    if field.is_array:
        return Family.SHAPE if field.xtype in _SHAPE_XTYPES else Family.ARRAY
    return Family.NUMBER


def is_integer(field: Field) -> bool:
    """Whether values are whole numbers."""
    return field.datatype in INTEGERS and not field.is_array


class Types:
    """Types of the expressions of one query, found when asked for and kept.

    Parameters
    ----------
    names
        What the names of the query mean.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, Field] = {}

    def of(self, node: n.Expression) -> Field:
        """Type of a value; its name is empty.

        Raises
        ------
        FaultError
            Raised for operands that do not fit.
        """
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = self._infer(node)
        return found

    def of_source(self, source: Source) -> Field:
        """Description of a column of a relation."""
        if isinstance(source, MergedColumn):
            return self.of_source(source.right if source.kind == "RIGHT" else source.left)
        if isinstance(source.origin, Output):
            return self.of_output(source.origin)
        field = field_of(source.origin)
        assert field is not None
        return field

    def of_output(self, output: Output) -> Field:
        """Description of an output column, with its name."""
        fields = [self.of_origin(origin) for origin in output.expressions]
        known = [field for field in fields if field is not NULL]
        if not known:
            return replace(TEXT, name=output.name)
        first = known[0]
        if len(known) > 1 and all(family(field) is Family.NUMBER for field in known):
            first = replace(first, datatype=widest(*known))
        return replace(first, name=output.name)

    def of_origin(self, origin: n.Expression | Source | Output) -> Field:
        """Description of what fills an output column."""
        if isinstance(origin, Output):
            return self.of_output(origin)
        if isinstance(origin, (SourceColumn, MergedColumn)):
            return self.of_source(origin)
        return self.of(origin)

    def _infer(self, node: n.Expression) -> Field:
        match node:
            case n.NumberLiteral():
                return LONG if node.is_whole else DOUBLE
            case n.StringLiteral():
                return TEXT
            case n.NullLiteral():
                return NULL
            case n.ColumnReference():
                return self.of_source(self._names.columns[id(node)])
            case n.Parentheses():
                return self.of(node.operand)
            case n.SignedValue():
                field = self.number(node.operand, f"The sign {node.sign}")
                # The least of 32 bits has no counterpart there.
                return replace(field, datatype="long") if node.sign == "-" and is_integer(field) else field
            case n.Arithmetic():
                return self._arithmetic(node)
            case n.Concatenation():
                for operand in node.operands:
                    if family(self.of(operand)) in (Family.SHAPE, Family.ARRAY):
                        _refuse(operand, "The operator || joins text", self.of(operand))
                return TEXT
            case n.SetFunctionCall():
                return self._set_function(node)
            case n.Cast():
                return self._cast(node)
            case n.FunctionCall():
                return self._function(node)
            case n.UserDefinedFunctionCall():
                return self._user_function(node)
        raise fault(node.position, "A value is expected here.")  # pragma: no cover - kinds.py has checked

    def _user_function(self, node: n.UserDefinedFunctionCall) -> Field:
        called = user_function(node)
        if called is None:
            hint = near_match(node.name, (each.name for each in USER_FUNCTIONS))
            raise fault(node.position, f"There is no function {node.name} in ADQL or in this service.{hint}")
        form = next((form for form in called.forms if len(form) == len(node.arguments)), None)
        if form is None:
            raise fault(node.position, f"This is not how {called.name} is called; write {called.usage}.")
        for argument, declared in zip(node.arguments, form, strict=True):
            self._check_argument(argument, declared, called)
        if called.field is not None:
            return called.field
        return replace(self.of(node.arguments[-1]), ucd=None)

    def _check_argument(self, node: n.Expression, declared: Argument, called: UserFunction) -> None:
        owner = f"The argument {declared.name} of {called.name}"
        found = self.of(node)
        match declared.kind:
            case ArgumentKind.WHOLE:
                if not is_integer(self.number(node, owner)) and found is not NULL:
                    raise fault(node.position, f"{owner} is a whole number; this is a real one.")
            case ArgumentKind.NUMBER:
                self.number(node, owner)
            case ArgumentKind.TEXT:
                self._text(node, owner)
            case ArgumentKind.LITERAL:
                if not isinstance(node, n.StringLiteral):
                    raise fault(node.position, f"{owner} is a string in single quotes.")
            case ArgumentKind.INSTANT:
                if family(found) not in (Family.TIMESTAMP, Family.TEXT, Family.NULL):
                    _refuse(node, f"{owner} takes timestamps", found)
            case ArgumentKind.POINT | ArgumentKind.SHAPE:
                is_point = declared.kind is ArgumentKind.SHAPE or found.xtype == "point"
                if family(found) is not Family.SHAPE or not is_point:
                    wanted = "points" if declared.kind is ArgumentKind.POINT else "points, circles and polygons"
                    _refuse(node, f"{owner} takes {wanted}", found)

    def number(self, node: n.Expression, owner: str) -> Field:
        """Type of a value that must be a number; NULL counts as one.

        Raises
        ------
        FaultError
            Raised for a value of another kind; `owner` begins the sentence.
        """
        found = self.of(node)
        if family(found) is Family.NULL:
            return DOUBLE
        if family(found) is not Family.NUMBER:
            _refuse(node, f"{owner} takes numbers", found)
        return _bare(found) if found.datatype != "boolean" else LONG

    def _text(self, node: n.Expression, owner: str) -> Field:
        found = self.of(node)
        if family(found) not in (Family.TEXT, Family.NULL):
            _refuse(node, f"{owner} takes text", found)
        return found

    def _arithmetic(self, node: n.Arithmetic) -> Field:
        operands = [
            self.number(operand, f"The operator {node.operators[max(index - 1, 0)]}")
            for index, operand in enumerate(node.operands)
        ]
        datatype: Datatype = "long" if all(is_integer(field) for field in operands) else "double"
        # The unit of a product is left out: in 3600 * ra the pure number is itself a change of unit.
        is_sum = node.operators[0] in "+-" and len({field.unit for field in operands}) == 1
        return Field("", datatype, unit=operands[0].unit if is_sum else None)

    def _set_function(self, node: n.SetFunctionCall) -> Field:
        if node.argument is None:
            return replace(LONG, ucd="meta.number")
        if node.name == "COUNT":
            self.of(node.argument)
            return replace(LONG, ucd="meta.number")
        if node.name in ("MIN", "MAX"):
            found = self.of(node.argument)
            if family(found) in (Family.SHAPE, Family.ARRAY):
                _refuse(node.argument, f"{node.name} takes numbers, text and timestamps", found)
            return _bare(found) if found is not NULL else found
        found = self.number(node.argument, node.name)
        if node.name == "AVG":
            return Field("", "double", unit=found.unit, ucd=found.ucd)
        return Field("", "long" if is_integer(found) else "double", unit=found.unit, ucd=found.ucd)

    def _cast(self, node: n.Cast) -> Field:
        if node.target in SHAPE_FIELDS:
            return self._shape_cast(node)
        found, target = self.of(node.operand), _CAST_TYPES[node.target]
        families = (family(found), family(target))
        if families[0] in (Family.SHAPE, Family.ARRAY) or families in (
            (Family.NUMBER, Family.TIMESTAMP),
            (Family.TIMESTAMP, Family.NUMBER),
        ):
            _refuse(node.operand, f"CAST cannot make {families[1].value} of this", found)
        if family(found) is family(target):
            return replace(target, unit=found.unit, ucd=found.ucd)
        return target

    def _shape_cast(self, node: n.Cast) -> Field:
        found, target = self.of(node.operand), SHAPE_FIELDS[node.target]
        is_text = family(found) in (Family.TEXT, Family.NULL) and found.xtype != "moc"
        if not is_text and not (family(found) is Family.SHAPE and found.xtype == target.xtype):
            _refuse(node.operand, f"CAST makes a {target.xtype} of text and of {target.xtype}s", found)
        return target

    def _function(self, node: n.FunctionCall) -> Field:
        name, arguments = node.name, node.arguments
        if name == "COALESCE":
            return self._coalesce(node)
        if name in ("LOWER", "UPPER"):
            found = self._text(arguments[0], name)
            return TEXT if found is NULL else replace(_bare(found), xtype=None)
        if name in ("CONTAINS", "INTERSECTS"):
            return Field("", "int")
        if name == "DISTANCE":
            return Field("", "double", unit="deg", ucd="pos.angDistance")
        if name in SHAPE_FIELDS:
            return SHAPE_FIELDS[name]
        if name == "AREA":
            return Field("", "double", unit="deg**2", ucd="phys.angArea")
        if name == "IN_UNIT":
            self.factor(node)
            field = self.of(arguments[0])
            return Field("", "double", unit=_literal(arguments[1]), ucd=field.ucd)
        if name in ("COORD1", "COORD2"):
            return Field("", "double", unit="deg")
        if name == "COORDSYS":
            return TEXT
        if name == "REGION":
            return REGION
        fields = [self.number(argument, name) for argument in arguments]
        if name in ("ABS", "MOD") and all(is_integer(field) for field in fields):
            return replace(LONG, unit=fields[0].unit, ucd=fields[0].ucd if name == "ABS" else None)
        if name in _UNIT_KEEPING:
            return replace(DOUBLE, unit=fields[0].unit, ucd=fields[0].ucd)
        if name in _ANGLES_OUT or name == "RADIANS":
            return replace(DOUBLE, unit="rad")
        return replace(DOUBLE, unit="deg") if name == "DEGREES" else DOUBLE

    def factor(self, node: n.FunctionCall) -> float:
        """What IN_UNIT multiplies its number with.

        Raises
        ------
        FaultError
            Raised for what has no unit and for units that do not fit.
        """
        value, unit = node.arguments
        have = self.number(value, "IN_UNIT").unit
        if have is None:
            raise fault(value.position, "IN_UNIT needs a value with a unit; this one has none.")
        try:
            return unit_factor(have, _literal(unit))
        except ValueError as error:
            raise fault(unit.position, str(error)) from None

    def _coalesce(self, node: n.FunctionCall) -> Field:
        known = [(argument, self.of(argument)) for argument in node.arguments if self.of(argument) is not NULL]
        if not known:
            return NULL
        first = known[0][1]
        for argument, found in known[1:]:
            self.check_comparable(node.arguments[0], first, argument, found)
        timestamps = [found for _, found in known if family(found) is Family.TIMESTAMP]
        if timestamps:
            return _bare(timestamps[0])
        if family(first) is Family.NUMBER:
            return replace(_bare(first), datatype=widest(*(found for _, found in known)))
        return _bare(first)

    def check_comparable(self, left: n.Expression, left_type: Field, right: n.Expression, right_type: Field) -> None:
        """Refuse to compare what has no common kind.

        Raises
        ------
        FaultError
            Raised at the right one.
        """
        a, b = family(left_type), family(right_type)
        for node, each in ((left, a), (right, b)):
            if each in (Family.SHAPE, Family.ARRAY):
                raise fault(node.position, "Geometries and arrays cannot be compared.")
        if a is b or Family.NULL in (a, b) or {a, b} == {Family.TIMESTAMP, Family.TEXT}:
            return
        hint = ""
        if isinstance(right, n.StringLiteral):
            hint = " Numbers stand without quotes."
        elif isinstance(right, n.NumberLiteral):
            hint = " Text stands in single quotes."
        raise fault(right.position, f"This is {b.value}; it cannot be compared with {a.value}.{hint}")


def _literal(node: n.Expression) -> str:
    assert isinstance(node, n.StringLiteral)
    return node.value


def widest(*fields: Field) -> Datatype:
    """Datatype that holds the numbers of all."""
    return max((field.datatype for field in fields), key=_WIDTHS.index)


def _bare(field: Field) -> Field:
    """Description without what belongs to a column rather than to its values."""
    return Field("", field.datatype, field.arraysize, field.xtype, field.unit, field.ucd)


def _refuse(node: n.Expression, wanted: str, found: Field) -> NoReturn:
    hint = ""
    if isinstance(node, n.StringLiteral):
        hint = " Numbers stand without quotes; names may stand in double quotes."
    raise fault(node.position, f"{wanted}; this is {family(found).value}.{hint}")
