"""Nodes → SQLAlchemy Core.

Nothing of the user's text becomes SQL: values are bound parameters, tables and columns get names of our own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from schema.engines import constructs as c
from schema.engines.execute import Query
from tap.adql import nodes as n
from tap.adql.constants import constant_number, read_instant
from tap.adql.errors import fault
from tap.adql.geometry import Geometry
from tap.adql.resolve import Names
from tap.adql.scope import MergedColumn, Output, Relation, Scope, Source, SourceColumn
from tap.adql.types import NULL, Family, Types, family, is_integer
from vo.tables.field import Field

Sql = sa.ColumnElement[Any]
Selectable = sa.Select[Any] | sa.CompoundSelect[Any]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_WHOLE = {"+": c.WholeSum, "-": c.WholeDifference, "*": c.WholeProduct, "/": c.WholeQuotient}
_CAST_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "CHAR": sa.Text(),
    "VARCHAR": sa.Text(),
    "SMALLINT": sa.SmallInteger(),
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "REAL": sa.REAL(),
    "DOUBLE PRECISION": sa.Double(),
    "TIMESTAMP": sa.DateTime(),
}
_SET_OPERATIONS: dict[tuple[str, bool], Callable[..., sa.CompoundSelect[Any]]] = {
    ("UNION", False): sa.union,
    ("UNION", True): sa.union_all,
    ("EXCEPT", False): sa.except_,
    ("EXCEPT", True): sa.except_all,
    ("INTERSECT", False): sa.intersect,
    ("INTERSECT", True): sa.intersect_all,
}
_FEW_VALUES = 64

_REAL_FUNCTIONS: dict[str, str] = {
    "ACOS": "acos",
    "ASIN": "asin",
    "ATAN": "atan",
    "ATAN2": "atan2",
    "CEILING": "ceil",
    "COS": "cos",
    "COT": "cot",
    "DEGREES": "degrees",
    "EXP": "exp",
    "FLOOR": "floor",
    "LOG": "ln",
    "LOG10": "log10",
    "POWER": "power",
    "RADIANS": "radians",
    "ROUND": "round",
    "SIN": "sin",
    "SQRT": "sqrt",
    "TAN": "tan",
    "TRUNCATE": "trunc",
}


def lower_query(query: n.QuerySpecification, names: Names, types: Types) -> Query:
    """Make the select of a query whose names are resolved, and the fields of its answer.

    Raises
    ------
    FaultError
        Raised for values and features that this service cannot treat.
    """
    lowering = _Lowering(names, types)
    for common in query.common_tables:
        lowering.common_table(common)
    select = lowering.query(query.query)
    fields = tuple(types.of_output(output) for output in names.outputs[id(query.query)])
    return Query(select, fields)


class _Lowering:
    """Lowers one query; keeps what stands for its relations and values."""

    def __init__(self, names: Names, types: Types) -> None:
        self.names = names
        self.types = types
        self.geometry = Geometry(names, self.value, self.from_clause)
        self.from_clauses: dict[int, sa.FromClause] = {}
        self.common_tables: dict[int, sa.CTE] = {}
        self.values: dict[tuple[type, Any], sa.BindParameter[Any]] = {}
        self.enclosing: list[Scope] = []

    # Queries

    def common_table(self, common: n.CommonTable) -> None:
        self.common_tables[id(common.query)] = self.query(common.query).cte(f"w{len(self.common_tables) + 1}")

    def query(self, query: n.SelectExpression) -> Selectable:
        select = self.body(query.body)
        if isinstance(query.body, n.SelectExpression) and (query.order_by or query.offset is not None):
            inner = select.subquery(self.new_name())
            select = sa.select(*inner.c)
        if query.order_by:
            select = select.order_by(*self.order(query, select))
        if query.offset is not None:
            select = select.offset(self.bound(query.offset))
        return select

    def order(self, query: n.SelectExpression, select: Selectable) -> Iterable[Sql]:
        columns = list(select.selected_columns)
        scope = self.names.scopes.get(id(query.body))
        for term in query.order_by:
            index = self.names.sorted_outputs.get(id(term))
            if index is None and isinstance(query.body, n.Select):
                index = self.output_that_equals(term, query.body)
            if index is not None:
                value: Sql = columns[index]
            else:
                self.enclosing.append(scope or Scope(()))
                value = self.value(term.expression)
                self.enclosing.pop()
            yield (value.desc() if term.descending else value.asc()).nulls_last()

    def output_that_equals(self, term: n.OrderTerm, select: n.Select) -> int | None:
        """Index of the output column that an expression repeats; DISTINCT leaves nothing else to sort by."""
        outputs = self.names.outputs[id(select)]
        for index, output in enumerate(outputs):
            origin = output.expressions[0]
            if not isinstance(origin, (SourceColumn, MergedColumn, Output)) and self.is_same(origin, term.expression):
                return index
            if isinstance(term.expression, n.ColumnReference) and origin is self.names.columns[id(term.expression)]:
                return index
        if select.quantifier == "DISTINCT":
            raise fault(term.position, "With SELECT DISTINCT, ORDER BY can only name columns of the answer.")
        return None

    def is_same(self, a: n.Expression, b: n.Expression) -> bool:
        if isinstance(a, n.ColumnReference) and isinstance(b, n.ColumnReference):
            return self.names.columns[id(a)] is self.names.columns[id(b)]
        return a == b

    def body(self, body: n.QueryBody) -> Selectable:
        match body:
            case n.Select():
                return self.select(body)
            case n.SelectExpression():
                return self.query(body)
            case n.SetOperation():
                return self.set_operation(body)

    def set_operation(self, body: n.SetOperation) -> sa.CompoundSelect[Any]:
        for output in self.names.outputs[id(body)]:
            families = {family(self.types._of_origin(origin)) for origin in output.expressions} - {Family.NULL}
            if len(families) > 1:
                kinds = " and ".join(sorted(each.value for each in families))
                raise fault(
                    body.right.position, f"Column {output.name} of this {body.operator} would hold both {kinds}."
                )
        left, right = self.body(body.left), self.body(body.right)
        return _SET_OPERATIONS[body.operator, body.keep_all](left, right)

    def select(self, select: n.Select) -> sa.Select[Any]:
        scope = self.names.scopes[id(select)]
        self.enclosing.append(scope)
        tables = [self.table(table) for table in select.tables]
        columns = [
            self.origin(output.expressions[0]).label(f"c{index}")
            for index, output in enumerate(self.names.outputs[id(select)], start=1)
        ]
        made = sa.select(*columns).select_from(*tables)
        if select.where is not None:
            made = made.where(self.condition(select.where))
        if select.group_by:
            made = made.group_by(*(self.value(term) for term in select.group_by))
        if select.having is not None:
            made = made.having(self.condition(select.having))
        if select.quantifier == "DISTINCT":
            made = made.distinct()
        if select.limit is not None:
            made = made.limit(self.bound(select.limit))
        self.enclosing.pop()
        outer = [self.from_clause(relation) for each in self.enclosing for relation in each.relations]
        return made.correlate(*outer) if outer else made.correlate(None)

    def origin(self, origin: n.Expression | Source | Output) -> Sql:
        if isinstance(origin, (SourceColumn, MergedColumn)):
            return self.source(origin)
        assert not isinstance(origin, Output)
        return self.value(origin)

    # Tables

    def new_name(self) -> str:
        return f"t{len(self.from_clauses) + 1}"

    def table(self, table: n.TableReference) -> sa.FromClause:
        match table:
            case n.ParenthesisedJoin():
                return self.table(table.join)
            case n.Join():
                return self.join(table)
        return self.from_clause(self.names.relations[id(table)])

    def from_clause(self, relation: Relation) -> sa.FromClause:
        known = self.from_clauses.get(id(relation))
        if known is not None:
            return known
        name = self.new_name()
        made: sa.FromClause
        if relation.table is not None:
            made = _alias(relation.table.table, name)
        elif id(relation.query) in self.common_tables:
            made = self.common_tables[id(relation.query)].alias(name)
        else:
            assert relation.query is not None
            # A derived table sees nothing of the queries around it.
            enclosing, self.enclosing = self.enclosing, []
            select = self.query(relation.query)
            self.enclosing = enclosing
            made = select.subquery(self.new_name())
        self.from_clauses[id(relation)] = made
        return made

    def join(self, join: n.Join) -> sa.Join:
        left, right = self.table(join.left), self.table(join.right)
        if join.condition is not None:
            on = self.condition(join.condition)
        else:
            pairs = self.names.joins[id(join)]
            on = sa.and_(
                sa.literal_column("1") == sa.literal_column("1"),
                *(self.source(a) == self.source(b) for a, b in pairs),
            )
        if join.kind == "RIGHT":
            return right.join(left, on, isouter=True)
        return left.join(right, on, isouter=join.kind in ("LEFT", "FULL"), full=join.kind == "FULL")

    def source(self, source: Source) -> Sql:
        if isinstance(source, MergedColumn):
            if source.kind == "FULL":
                return sa.func.coalesce(self.source(source.left), self.source(source.right))
            return self.source(source.right if source.kind == "RIGHT" else source.left)
        columns = self.from_clause(source.relation).c
        if isinstance(source.origin, Output):
            return columns[source.index]
        return columns[source.origin.name]

    # Values

    def bound(self, value: Any) -> sa.BindParameter[Any]:
        """Parameter for a value, the same one wherever the value occurs, so that equal expressions stay equal."""
        key = (type(value), value)
        known = self.values.get(key)
        if known is None:
            known = self.values[key] = sa.bindparam(None, value, _sql_type(value), unique=True)
        return known

    def value(self, node: n.Expression) -> Sql:
        self.types.of(node)
        constant = constant_number(node)
        if constant is not None and abs(constant) < math.inf:
            return self.bound(constant)
        match node:
            case n.NumberLiteral() | n.StringLiteral():
                return self.bound(node.value)
            case n.NullLiteral():
                # A plain NULL of SQLAlchemy would turn = into IS.
                return sa.literal_column("NULL")
            case n.ColumnReference():
                return self.source(self.names.columns[id(node)])
            case n.Parentheses():
                return self.value(node.operand)
            case n.SignedValue():
                return self.signed(node)
            case n.Arithmetic():
                return self.arithmetic(node)
            case n.Concatenation():
                return self.concatenation(node)
            case n.SetFunctionCall():
                return self.set_function(node)
            case n.Cast():
                return self.cast(node)
            case n.FunctionCall():
                return self.function(node)
        raise fault(node.position, "This is not supported by this service yet.")  # pragma: no cover

    def signed(self, node: n.SignedValue) -> Sql:
        value = self.value(node.operand)
        if node.sign == "+":
            return value
        if is_integer(self.types.of(node.operand)):
            return c.WholeDifference(_number("0"), value)
        return -value

    def arithmetic(self, node: n.Arithmetic) -> Sql:
        fields = [self.types.of(operand) for operand in node.operands]
        values = [_plain(self.value(operand), field) for operand, field in zip(node.operands, fields, strict=True)]
        # Whole numbers are calculated with as such until the first real one comes.
        whole = next((index for index, field in enumerate(fields) if not is_integer(field)), len(fields))
        result = values[0]
        for sign, value in zip(node.operators[: max(whole - 1, 0)], values[1:whole], strict=True):
            result = _WHOLE[sign](result, value)
        if whole < len(fields):
            start = max(whole, 1)
            result = c.RealArithmetic([result, *values[start:]], node.operators[start - 1 :])
        return result

    def concatenation(self, node: n.Concatenation) -> Sql:
        result = self.text(node.operands[0])
        for operand in node.operands[1:]:
            result = result.concat(self.text(operand))
        return result

    def text(self, node: n.Expression) -> Sql:
        value = self.value(node)
        return value if family(self.types.of(node)) is Family.TEXT else sa.cast(value, sa.Text())

    def set_function(self, node: n.SetFunctionCall) -> Sql:
        if node.argument is None:
            return sa.func.count(sa.literal_column("*"))
        value, distinct = self.value(node.argument), node.quantifier == "DISTINCT"
        if node.name == "SUM":
            total = c.WholeTotal if is_integer(self.types.of(node.argument)) else c.RealTotal
            return total(value, distinct=distinct)
        if distinct:
            value = sa.distinct(value)
        match node.name:
            case "COUNT":
                return sa.func.count(value)
            case "AVG":
                return sa.cast(sa.func.avg(value), sa.Double())
            case "MIN":
                return sa.func.min(value)
        return sa.func.max(value)

    def cast(self, node: n.Cast) -> Sql:
        target = _CAST_TYPES[node.target]
        if node.target == "TIMESTAMP" and isinstance(node.operand, n.StringLiteral):
            return self.instant(node.operand)
        value: Sql = c.Converted(self.value(node.operand), target)
        if node.length is not None:
            value = sa.func.left(value, self.bound(node.length), type_=sa.Text())
        return value

    def instant(self, node: n.StringLiteral) -> Sql:
        try:
            return self.bound(read_instant(node.value))
        except ValueError as error:
            raise fault(node.position, str(error)) from None

    def function(self, node: n.FunctionCall) -> Sql:
        match node.name:
            case "CONTAINS":
                return _zero_or_one(self.geometry.contains(node))
            case "INTERSECTS":
                return _zero_or_one(self.geometry.intersects(node))
            case "DISTANCE":
                return self.geometry.distance(node)
            case "COORD1" | "COORD2":
                return self.geometry.coordinate(node)
            case "POINT" | "CIRCLE" | "POLYGON":
                raise fault(
                    node.position,
                    f"{node.name} outside of a geometric function is not supported by this service yet.",
                )
            case "COALESCE":
                return self.coalesce(node)
            case "LOWER":
                return sa.func.lower(self.value(node.arguments[0]), type_=sa.Text())
            case "UPPER":
                return sa.func.upper(self.value(node.arguments[0]), type_=sa.Text())
        return self.mathematics(node)

    def coalesce(self, node: n.FunctionCall) -> Sql:
        if len(node.arguments) == 1:
            return self.value(node.arguments[0])
        values = self.alike(node.arguments)
        return sa.func.coalesce(*values, type_=values[0].type)

    def mathematics(self, node: n.FunctionCall) -> Sql:
        values = [self.value(argument) for argument in node.arguments]
        is_whole = all(is_integer(self.types.of(argument)) for argument in node.arguments)
        match node.name:
            case "PI":
                return sa.func.pi(type_=sa.Double())
            case "RAND":
                return sa.func.random(type_=sa.Double())
            case "ABS":
                return c.WholeMagnitude(values[0]) if is_whole else sa.func.abs(values[0], type_=sa.Double())
            case "MOD":
                return c.WholeRemainder(*values) if is_whole else c.RealRemainder(*values)
        real: list[Sql] = [sa.cast(value, sa.Double()) for value in values]
        if node.name in ("ROUND", "TRUNCATE") and len(values) == 2:
            real[1] = sa.cast(values[1], sa.Integer())
        return c.RealFunction(_REAL_FUNCTIONS[node.name], *real)

    # Conditions

    def condition(self, node: n.Expression) -> sa.ColumnElement[bool]:
        match node:
            case n.Parentheses():
                return self.condition(node.operand)
            case n.And():
                return sa.and_(*(self.condition(operand) for operand in node.operands))
            case n.Or():
                return sa.or_(*(self.condition(operand) for operand in node.operands))
            case n.Not():
                return sa.not_(self.condition(node.operand))
            case n.Comparison():
                return self.comparison(node)
            case n.Between():
                operand, low, high = self.alike((node.operand, node.low, node.high))
                between = operand.between(low, high)
                return sa.not_(between) if node.negated else between
            case n.InList():
                return self.in_list(node)
            case n.InSubquery():
                return self.in_subquery(node)
            case n.Like():
                return self.like(node)
            case n.IsNull():
                value = self.value(node.operand)
                return value.is_not(sa.null()) if node.negated else value.is_(sa.null())
            case n.Exists():
                return sa.exists(self.query(node.query))
        raise fault(node.position, "A condition is expected here.")  # pragma: no cover

    def comparison(self, node: n.Comparison) -> sa.ColumnElement[bool]:
        for left, sign, right in (
            (node.left, node.operator, node.right),
            (node.right, _MIRRORED[node.operator], node.left),
        ):
            geometric = self.geometric_comparison(_bare(left), sign, right)
            if geometric is not None:
                return geometric
        a, b = self.alike((node.left, node.right))
        return _COMPARISONS[node.operator](a, b)  # type: ignore[no-any-return]

    def geometric_comparison(self, left: n.Expression, sign: str, right: n.Expression) -> sa.ColumnElement[bool] | None:
        """Comparison of CONTAINS, INTERSECTS or DISTANCE with a fixed number, as a condition that can use an index."""
        if not isinstance(left, n.FunctionCall) or left.name not in ("CONTAINS", "INTERSECTS", "DISTANCE"):
            return None
        value = constant_number(right)
        if value is None:
            return None
        self.types.of(left)
        if left.name == "DISTANCE":
            if sign in ("<", "<="):
                return self.geometry.is_near(left, float(value), inclusive=sign == "<=")
            if sign in (">", ">="):
                near = self.geometry.is_near(left, float(value), inclusive=sign == ">")
                return None if near is None else sa.not_(near)
            return None
        if (sign, value) not in (("=", 1), ("=", 0), ("<>", 0), ("<>", 1)):
            return None
        holds = self.geometry.contains(left) if left.name == "CONTAINS" else self.geometry.intersects(left)
        return holds if (sign == "=") == (value == 1) else sa.not_(holds)

    def alike(self, nodes: tuple[n.Expression, ...]) -> list[Sql]:
        """Values made fit to be compared: strings as instants beside timestamps, lower case where case is no matter."""
        fields = [self.types.of(node) for node in nodes]
        for node, field in zip(nodes[1:], fields[1:], strict=True):
            self.types.check_comparable(nodes[0], fields[0], node, field)
        if any(family(field) is Family.TIMESTAMP for field in fields):
            return [self.as_instant(node, field) for node, field in zip(nodes, fields, strict=True)]
        values = [_plain(self.value(node), field) for node, field in zip(nodes, fields, strict=True)]
        if any(self.is_case_insensitive(node) for node in nodes):
            return [
                value if field is NULL else sa.func.lower(value, type_=sa.Text())
                for value, field in zip(values, fields, strict=True)
            ]
        return values

    def as_instant(self, node: n.Expression, field: Field) -> Sql:
        bare = _bare(node)
        if isinstance(bare, n.StringLiteral):
            return self.instant(bare)
        if family(field) is Family.TEXT:
            return c.Converted(self.value(node), sa.DateTime())
        return self.value(node)

    def is_case_insensitive(self, node: n.Expression) -> bool:
        node = _bare(node)
        if not isinstance(node, n.ColumnReference):
            return False
        source: n.Expression | Source | Output | sa.Column[Any] = self.names.columns[id(node)]
        while not isinstance(source, sa.Column):
            if isinstance(source, MergedColumn):
                source = source.left
            elif isinstance(source, SourceColumn):
                source = source.origin
            elif isinstance(source, Output):
                source = source.expressions[0]
            elif isinstance(source, n.ColumnReference):
                source = self.names.columns[id(source)]
            else:
                return False
        return bool(source.info.get("case_insensitive"))

    def in_list(self, node: n.InList) -> sa.ColumnElement[bool]:
        many = self.many_values(node)
        if many is None:
            operand, *values = self.alike((node.operand, *node.values))
            found: sa.ColumnElement[bool] = operand.in_(values)
        else:
            operand = self.alike((node.operand, node.values[0]))[0]
            found = operand.in_(sa.select(sa.func.unnest(many)))
        return sa.not_(found) if node.negated else found

    def many_values(self, node: n.InList) -> sa.BindParameter[Any] | None:
        """One parameter for a long list of literals; None for a short or a mixed one."""
        if len(node.values) <= _FEW_VALUES:
            return None
        field = self.types.of(node.operand)
        for value in node.values:
            self.types.check_comparable(node.operand, field, value, self.types.of(value))
        if family(field) is Family.NUMBER:
            numbers = [constant_number(value) for value in node.values]
            if any(number is None for number in numbers):
                return None
            is_whole = all(isinstance(number, int) for number in numbers)
            return _list_of(
                numbers if is_whole else [float(number) for number in numbers if number is not None],
                sa.BigInteger() if is_whole else sa.Double(),
            )
        literals = [value for value in node.values if isinstance(value, n.StringLiteral)]
        if len(literals) < len(node.values):
            return None
        if family(field) is Family.TIMESTAMP:
            return _list_of([self.instant(literal).value for literal in literals], sa.DateTime())
        if self.is_case_insensitive(node.operand):
            return _list_of([literal.value.lower() for literal in literals], sa.Text())
        return _list_of([literal.value for literal in literals], sa.Text())

    def in_subquery(self, node: n.InSubquery) -> sa.ColumnElement[bool]:
        output = self.names.outputs[id(node.query)][0]
        wanted, given = self.types.of(node.operand), self.types._of_origin(output.expressions[0])
        self.types.check_comparable(node.operand, wanted, node.operand, given)
        select = self.query(node.query)
        operand = self.value(node.operand)
        if self.is_case_insensitive(node.operand):
            inner = select.subquery(self.new_name())
            select = sa.select(sa.func.lower(inner.c[0]))
            operand = sa.func.lower(operand)
        found = operand.in_(select)
        return sa.not_(found) if node.negated else found

    def like(self, node: n.Like) -> sa.ColumnElement[bool]:
        for side in (node.operand, node.pattern):
            if family(self.types.of(side)) not in (Family.TEXT, Family.NULL):
                raise fault(side.position, f"LIKE compares text; this is {family(self.types.of(side)).value}.")
        value, pattern = self.alike((node.operand, node.pattern))
        # An empty escape means none: ADQL has no way to write one.
        found = value.like(pattern, escape="") if node.case_sensitive else value.ilike(pattern, escape="")
        return sa.not_(found) if node.negated else found


def _alias(table: sa.Table, name: str) -> sa.FromClause:
    """A published table under a name of ours; kept with the table, because its columns are costly to copy."""
    aliases = table.info.setdefault("aliases", {})
    if name not in aliases:
        aliases[name] = table.alias(name)
    made: sa.FromClause = aliases[name]
    return made


def _bare(node: n.Expression) -> n.Expression:
    while isinstance(node, n.Parentheses):
        node = node.operand
    return node


def _number(text: str) -> Sql:
    """A number of ours, which may stand in the SQL."""
    return sa.literal_column(text)


def _plain(value: Sql, field: Field) -> Sql:
    """A value that can be calculated with: truth values count as 1 and 0."""
    return sa.cast(value, sa.Integer()) if field.datatype == "boolean" else value


def _zero_or_one(condition: sa.ColumnElement[bool]) -> Sql:
    return sa.case((condition, _number("1")), (sa.not_(condition), _number("0")))


def _list_of(values: list[Any], item_type: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, values, sa.ARRAY(item_type), unique=True)


def _sql_type(value: Any) -> sa.types.TypeEngine[Any]:
    if isinstance(value, int):
        return sa.BigInteger()
    if isinstance(value, float):
        return sa.Double()
    return sa.Text() if isinstance(value, str) else sa.DateTime()
