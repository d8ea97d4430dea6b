"""Which kinds of expression may stand where: what the BNF says beyond precedence."""

from __future__ import annotations

from collections.abc import Callable

from tap.adql import nodes as n
from tap.adql.errors import Fault, FaultError
from tap.adql.signatures import SIGNATURES, Kind

_CONDITIONS = (
    n.Comparison, n.Between, n.InList, n.InSubquery, n.Like, n.IsNull, n.Exists, n.Not, n.And, n.Or,
)  # fmt: skip
_STRING_FUNCTIONS = frozenset({"LOWER", "UPPER", "COORDSYS"})
_SHAPE_FUNCTIONS = frozenset({"BOX", "CENTROID", "CIRCLE", "POINT", "POLYGON", "REGION"})
_FRAMED = frozenset({"BOX", "CIRCLE", "POINT", "POLYGON"})
_PRIMARY_FUNCTIONS = frozenset({"COALESCE"})


def check_kinds(query: n.QuerySpecification) -> None:
    """Check that conditions, numbers, strings and shapes stand where ADQL wants them.

    Raises
    ------
    FaultError
        Raised with all such faults, in order.

    References
    ----------
    ADQL 2.1, Appendix A: ``<value_expression>`` and the productions below it, ``<search_condition>``, ``<predicate>``.
    """
    checker = _Checker()
    for table in query.common_tables:
        checker.body(table.query)
    checker.body(query.query)
    if checker.faults:
        raise FaultError(*sorted(checker.faults, key=lambda each: each.position))


def _is_primary(value: n.Expression) -> bool:
    """Whether a value is a ``<value_expression_primary>``, which may be of any kind."""
    if isinstance(value, n.FunctionCall):
        return value.name in _PRIMARY_FUNCTIONS
    return isinstance(
        value,
        (
            n.NumberLiteral,
            n.StringLiteral,
            n.ColumnReference,
            n.SetFunctionCall,
            n.Cast,
            n.Parentheses,
            n.UserDefinedFunctionCall,
        ),
    )


def _is_number(value: n.Expression) -> bool:
    if isinstance(value, n.FunctionCall):
        return value.name not in _STRING_FUNCTIONS and value.name not in _SHAPE_FUNCTIONS
    return isinstance(value, (n.Arithmetic, n.SignedValue)) or _is_primary(value)


def _is_string(value: n.Expression) -> bool:
    if isinstance(value, n.FunctionCall) and value.name in _STRING_FUNCTIONS:
        return True
    return isinstance(value, n.Concatenation) or _is_primary(value)


def _is_string_operand(value: n.Expression) -> bool:
    return _is_string(value) and not isinstance(value, n.Concatenation)


def _is_shape(value: n.Expression) -> bool:
    return (isinstance(value, n.FunctionCall) and value.name in _SHAPE_FUNCTIONS) or _is_primary(value)


def _is_point(value: n.Expression) -> bool:
    if isinstance(value, n.FunctionCall):
        return value.name in ("POINT", "CENTROID")
    if isinstance(value, n.Cast):
        return value.target == "POINT"
    return isinstance(value, (n.ColumnReference, n.UserDefinedFunctionCall))


def _is_signed_integer(value: n.Expression) -> bool:
    if isinstance(value, n.SignedValue):
        value = value.operand
    return isinstance(value, n.NumberLiteral) and value.is_whole


def _is_unsigned_integer(value: n.Expression) -> bool:
    return isinstance(value, n.NumberLiteral) and value.is_whole


_TESTS: dict[Kind, tuple[Callable[[n.Expression], bool], str]] = {
    Kind.VALUE: (lambda _: True, "a value"),
    Kind.NUMBER: (_is_number, "a number"),
    Kind.STRING: (_is_string, "a string"),
    Kind.LITERAL: (lambda value: isinstance(value, n.StringLiteral), "a string literal"),
    Kind.SHAPE: (_is_shape, "a geometry"),
    Kind.POINT: (_is_point, "a point: POINT(…), CENTROID(…), CAST(… AS POINT) or a column"),
    Kind.INTEGER: (_is_signed_integer, "a whole number"),
    Kind.SEED: (_is_unsigned_integer, "a whole number without sign"),
}


class _Checker:
    """Walks the tree and gathers faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, node: n.Node, message: str) -> None:
        self.faults.append(Fault(node.position, message))

    def body(self, body: n.QueryBody) -> None:
        match body:
            case n.Select():
                self.select(body)
            case n.SetOperation():
                self.body(body.left)
                self.body(body.right)
            case n.SelectExpression():
                self.body(body.body)
                for term in body.order_by:
                    self.value(term.expression)

    def select(self, select: n.Select) -> None:
        if not isinstance(select.items, n.Star):
            for item in select.items:
                if isinstance(item, n.SelectItem):
                    self.value(item.expression)
        for table in select.tables:
            self.table(table)
        if select.where is not None:
            self.condition(select.where)
        for term in select.group_by:
            self.value(term)
        if select.having is not None:
            self.condition(select.having)

    def table(self, table: n.TableReference) -> None:
        match table:
            case n.DerivedTable():
                self.body(table.query)
            case n.ParenthesisedJoin():
                self.table(table.join)
            case n.Join():
                self.table(table.left)
                self.table(table.right)
                if table.condition is not None:
                    self.condition(table.condition)

    def condition(self, node: n.Expression) -> None:
        match node:
            case n.And() | n.Or():
                for operand in node.operands:
                    self.condition(operand)
            case n.Not():
                self.condition(node.operand)
            case n.Comparison():
                self.value(node.left)
                self.value(node.right)
            case n.Between():
                self.value(node.operand)
                self.value(node.low)
                self.value(node.high)
            case n.InList():
                self.value(node.operand)
                for value in node.values:
                    self.value(value)
            case n.InSubquery():
                self.value(node.operand)
                self.body(node.query)
            case n.Like():
                self.of_kind(node.operand, Kind.STRING, "LIKE")
                self.of_kind(node.pattern, Kind.STRING, "LIKE")
            case n.IsNull():
                if not isinstance(node.operand, n.ColumnReference):
                    self.fault(
                        node.operand, "IS NULL takes a column alone; name the expression in a sub-query to test it."
                    )
                self.value(node.operand)
            case n.Exists():
                self.body(node.query)
            case n.Parentheses():
                self.condition(node.operand)
            case n.FunctionCall(name="CONTAINS" | "INTERSECTS" as name):
                self.fault(node, f"ADQL has no boolean values; write 1={name}(…).")
            case _:
                self.fault(node, "A condition is expected here, such as a comparison; this is a value.")

    def value(self, node: n.Expression) -> None:
        match node:
            case n.Parentheses():
                self.value(node.operand)
            case n.SignedValue():
                self.of_kind(node.operand, Kind.NUMBER, f"The sign {node.sign}")
            case n.Arithmetic():
                for index, operand in enumerate(node.operands):
                    self.of_kind(operand, Kind.NUMBER, f"The operator {node.operators[max(index - 1, 0)]}")
            case n.Concatenation():
                for operand in node.operands:
                    self.value(operand)
                    if not isinstance(operand, _CONDITIONS) and not _is_string_operand(operand):
                        self.fault(
                            operand,
                            "The operator || takes strings: literals, columns, string functions "
                            "or an expression in parentheses.",
                        )
            case n.FunctionCall():
                self.call(node)
            case n.UserDefinedFunctionCall():
                for argument in node.arguments:
                    self.value(argument)
            case n.SetFunctionCall():
                if node.argument is not None:
                    self.value(node.argument)
            case n.Cast():
                self.value(node.operand)
            case n.NumberLiteral() | n.StringLiteral() | n.NullLiteral() | n.ColumnReference():
                pass
            case _:
                self.fault(node, "A value is expected here; this is a condition, and ADQL has no boolean values.")

    def of_kind(self, node: n.Expression, kind: Kind, owner: str) -> None:
        """Check a value of which the grammar wants one kind."""
        test, wanted = _TESTS[kind]
        before = len(self.faults)
        self.value(node)
        if len(self.faults) == before and not test(node):
            self.fault(node, f"{owner} takes {wanted} here.")

    def call(self, node: n.FunctionCall) -> None:
        """Check the number and kinds of arguments against all forms of a function."""
        signature = SIGNATURES[node.name]
        before = len(self.faults)
        for argument in node.arguments:
            self.value(argument)
        if len(self.faults) > before:
            return
        forms = [form for form in signature.forms if form.takes(len(node.arguments))]
        if node.name in _FRAMED and node.arguments and isinstance(node.arguments[0], n.StringLiteral):
            # The BNF would let a string pass as a number; in front of coordinates it can only be the frame.
            forms = [form for form in forms if form.first[0] is Kind.LITERAL]
        if not forms:
            self.fault(node, f"{node.name} {_counted(len(node.arguments))}; write {signature.usage}.")
            return
        misfits = [self.misfit(node, form.kinds(len(node.arguments))) for form in forms]
        if all(misfits):
            worst = max(misfits, key=lambda each: each[0] if each else -1)
            assert worst is not None
            index, kind = worst
            self.fault(
                node.arguments[index],
                f"{node.name} takes {_TESTS[kind][1]} as argument {index + 1}; write {signature.usage}.",
            )

    def misfit(self, node: n.FunctionCall, kinds: tuple[Kind, ...]) -> tuple[int, Kind] | None:
        for index, (argument, kind) in enumerate(zip(node.arguments, kinds, strict=True)):
            if not _TESTS[kind][0](argument):
                return index, kind
        return None


def _counted(count: int) -> str:
    if count == 0:
        return "needs arguments"
    return "does not take one argument" if count == 1 else f"does not take {count} arguments"
