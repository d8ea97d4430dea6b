"""Nodes → SQLAlchemy Core.

Nothing of the user's text becomes SQL: values are bound parameters, tables and columns get names of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.engines.constructs import InCodeOrder
from schema.engines.execute import Query
from tap.adql import nodes as n
from tap.adql.constants import is_constant
from tap.adql.errors import fault
from tap.adql.grouping import is_grouped
from tap.adql.lower_conditions import Conditions
from tap.adql.lower_values import Sql, Values
from tap.adql.open_literals import Bindings
from tap.adql.resolve import Names
from tap.adql.sameness import expression_key, root
from tap.adql.scope import MergedColumn, Output, Relation, Scope, Source, SourceColumn
from tap.adql.types import Family, Types, family

Selectable: TypeAlias = sa.Select[Any] | sa.CompoundSelect[Any]

_SET_OPERATIONS: dict[tuple[str, bool], Callable[..., sa.CompoundSelect[Any]]] = {
    ("UNION", False): sa.union,
    ("UNION", True): sa.union_all,
    ("EXCEPT", False): sa.except_,
    ("EXCEPT", True): sa.except_all,
    ("INTERSECT", False): sa.intersect,
    ("INTERSECT", True): sa.intersect_all,
}


def lower_query(query: n.QuerySpecification, names: Names, types: Types, bindings: Bindings) -> Query:
    """Make the select of a query whose names are resolved, and the fields of its answer.

    Its open parameters go into `bindings`; in the select they hold the values of this query.

    Raises
    ------
    FaultError
        Raised for values and features that this service cannot treat.
    """
    queries = _Queries(names, types, bindings)
    for common in query.common_tables:
        queries.common_table(common)
    select = queries.query(query.query)
    fields = tuple(types.of_output(output) for output in names.outputs[id(query.query)])
    return Query(select, fields, warnings=tuple(queries.values.geometry.warnings))


class _Queries:
    """Lowers one query and those in it; keeps what stands for its relations."""

    def __init__(self, names: Names, types: Types, bindings: Bindings) -> None:
        self.names = names
        self.types = types
        self.from_clauses: dict[int, sa.FromClause] = {}
        self.common_tables: dict[int, sa.CTE] = {}
        self.values = Values(names, types, self.source, self.from_clause, bindings)
        self.conditions = Conditions(self.values, self.query, self.new_name)
        self.enclosing: list[Scope] = []
        self.sorted_text: dict[int, set[int]] = {}

    # Queries

    def common_table(self, common: n.CommonTable) -> None:
        self.common_tables[id(common.query)] = self.query(common.query).cte(f"w{len(self.common_tables) + 1}")

    def query(self, query: n.SelectExpression) -> Selectable:
        self.note_sorted_text(query)
        select = self.body(query.body)
        if isinstance(query.body, n.SelectExpression) and (query.order_by or query.offset is not None):
            inner = select.subquery(self.new_name())
            select = sa.select(*inner.c)
        if query.order_by:
            select = select.order_by(*self.order(query, select))
        if query.offset is not None:
            select = select.offset(self.values.bound(query.offset))
        return select

    def order(self, query: n.SelectExpression, select: Selectable) -> Iterable[Sql]:
        columns = list(select.selected_columns)
        scope = self.names.scopes.get(id(query.body))
        for term in query.order_by:
            if id(term) not in self.names.sorted_outputs and is_constant(term.expression):
                continue
            index = self.sorted_output(term, query.body)
            if index is not None:
                value: Sql = columns[index]
            else:
                self.enclosing.append(scope or Scope(()))
                of_groups = isinstance(query.body, n.Select) and is_grouped(query.body)
                with self.values.geometry.stored(not of_groups):
                    value = self.values.ordered(self.values.value(term.expression), term.expression)
                self.enclosing.pop()
            yield (value.desc() if term.descending else value.asc()).nulls_last()

    def sorted_output(self, term: n.OrderTerm, body: n.QueryBody) -> int | None:
        """Index of the output column that a term of ORDER BY names, counts or repeats."""
        index = self.names.sorted_outputs.get(id(term))
        if index is None and isinstance(body, n.Select) and not is_constant(term.expression):
            index = self.output_that_equals(term, body)
        return index

    def note_sorted_text(self, query: n.SelectExpression) -> None:
        """Note the output columns of text that a query sorts by.

        Each SELECT puts them in code order itself: DISTINCT and set operations sort by nothing but their columns.
        """
        outputs = self.names.outputs[id(query)]
        found = {self.sorted_output(term, query.body) for term in query.order_by} - {None}
        places = {place for place in found if place is not None and self.is_text(outputs[place])}
        bodies: list[n.QueryBody] = [query.body] if places else []
        while bodies:
            body = bodies.pop()
            match body:
                case n.Select():
                    self.sorted_text.setdefault(id(body), set()).update(places)
                case n.SetOperation():
                    bodies += [body.left, body.right]
                case n.SelectExpression():
                    bodies.append(body.body)

    def is_text(self, output: Output) -> bool:
        return family(self.types.of_output(output)) is Family.TEXT

    def output_that_equals(self, term: n.OrderTerm, select: n.Select) -> int | None:
        """Index of the output column that an expression repeats; DISTINCT leaves nothing else to sort by."""
        wanted = expression_key(term.expression, self.names)
        for index, output in enumerate(self.names.outputs[id(select)]):
            origin = output.expressions[0]
            assert not isinstance(origin, Output)
            if isinstance(origin, (SourceColumn, MergedColumn)):
                key: Hashable = ("column", id(root(origin)))
            else:
                key = expression_key(origin, self.names)
            if key == wanted:
                return index
        if select.quantifier == "DISTINCT":
            raise fault(term.position, "With SELECT DISTINCT, ORDER BY can only name columns of the answer.")
        return None

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
            families = {family(self.types.of_origin(origin)) for origin in output.expressions} - {Family.NULL}
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
        with self.values.geometry.stored(True):
            tables = [self.table(table) for table in select.tables]
            where = None if select.where is None else self.conditions.condition(select.where)
        for term in select.group_by:
            self.values.pin(term)
        with self.values.geometry.stored(not is_grouped(select)):
            sorted_text = self.sorted_text.get(id(select), ())
            columns = [
                (InCodeOrder(value) if place in sorted_text else value).label(f"c{place + 1}")
                for place, output in enumerate(self.names.outputs[id(select)])
                for value in (self.origin(output.expressions[0]),)
            ]
            groups = [self.group(term) for term in select.group_by]
            having = None if select.having is None else self.conditions.condition(select.having)
        made = sa.select(*columns).select_from(*tables)
        if where is not None:
            made = made.where(where)
        if groups:
            made = made.group_by(*groups)
        if having is not None:
            made = made.having(having)
        if select.quantifier == "DISTINCT":
            made = made.distinct()
        if select.limit is not None:
            made = made.limit(self.values.bound(select.limit))
        self.enclosing.pop()
        outer = [self.from_clause(relation) for each in self.enclosing for relation in each.relations]
        return made.correlate(*outer) if outer else made.correlate(None)

    def group(self, term: n.Expression) -> Sql:
        value = self.values.value(term)
        # A bare parameter would be taken for the number of a column.
        return sa.cast(value, sa.Text()) if is_constant(term) else value

    def origin(self, origin: n.Expression | Source | Output) -> Sql:
        if isinstance(origin, (SourceColumn, MergedColumn)):
            return self.source(origin)
        assert not isinstance(origin, Output)
        return self.values.value(origin)

    # Tables

    def new_name(self) -> str:
        return f"t{len(self.from_clauses) + 1}"

    def table(self, table: n.TableReference) -> sa.FromClause:
        match table:
            case n.ParenthesisedJoin() if table.alias is None:
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
        elif relation.join is not None:
            made = self.named_join(relation.join, relation).subquery(name)
        else:
            assert relation.query is not None
            # A derived table sees nothing of the queries around it.
            enclosing, self.enclosing = self.enclosing, []
            select = self.query(relation.query)
            self.enclosing = enclosing
            made = select.subquery(self.new_name())
        self.from_clauses[id(relation)] = made
        return made

    def named_join(self, join: n.ParenthesisedJoin, relation: Relation) -> sa.Select[Any]:
        """A join in parentheses with a name of its own, as a query for all its columns."""
        enclosing, self.enclosing = self.enclosing, [self.names.scopes[id(join)]]
        tables = self.table(join.join)
        self.enclosing = enclosing
        columns = [self.origin(column.origin.expressions[0]) for column in relation.columns]
        labels = [column.label(f"c{index}") for index, column in enumerate(columns, start=1)]
        return sa.select(*labels).select_from(tables).correlate(None)

    def join(self, join: n.Join) -> sa.Join:
        left, right = self.table(join.left), self.table(join.right)
        if join.condition is not None:
            on = self.conditions.condition(join.condition)
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


def _alias(table: sa.Table, name: str) -> sa.FromClause:
    """A published table under a name of ours; kept with the table, because its columns are costly to copy."""
    aliases = table.info.setdefault("aliases", {})
    if name not in aliases:
        aliases[name] = table.alias(name)
    made: sa.FromClause = aliases[name]
    return made
