"""Where aggregates may stand, and which columns may stand beside them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from tap.adql import nodes as n
from tap.adql.errors import Fault, FaultError
from tap.adql.resolve import Names, parts, written
from tap.adql.sameness import expression_key
from tap.adql.scope import MergedColumn, Output, Scope, Source, SourceColumn
from tap.adql.user_functions import is_aggregate


def check_grouping(query: n.QuerySpecification, names: Names) -> None:
    """Check that a grouped query asks for groups, not for rows.

    Raises
    ------
    FaultError
        Raised with all faults, in order.
    """
    checker = _Checker(names)
    for common in query.common_tables:
        checker.query(common.query)
    checker.query(query.query)
    if checker.faults:
        raise FaultError(*sorted(checker.faults, key=lambda each: each.position))


def is_grouped(select: n.Select) -> bool:
    """Whether a SELECT asks for groups of rows, or for one of all rows."""
    if select.group_by or select.having is not None:
        return True
    items = () if isinstance(select.items, n.Star) else select.items
    return any(isinstance(item, n.SelectItem) and _has_aggregate(item.expression) for item in items)


class _Checker:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.faults: list[Fault] = []

    def fault(self, node: n.Node, message: str) -> None:
        self.faults.append(Fault(node.position, message))

    def query(self, query: n.SelectExpression) -> None:
        terms = [term.expression for term in query.order_by if id(term) not in self.names.sorted_outputs]
        if isinstance(query.body, n.Select):
            self.select(query.body, terms)
        else:
            self.body(query.body)

    def body(self, body: n.QueryBody) -> None:
        match body:
            case n.Select():
                self.select(body, [])
            case n.SetOperation():
                self.body(body.left)
                self.body(body.right)
            case n.SelectExpression():
                self.query(body)

    def select(self, select: n.Select, order_by: list[n.Expression]) -> None:
        for table in select.tables:
            self.table(table)
        for condition in (select.where, *select.group_by):
            if condition is not None:
                self.refuse_aggregates(condition, "WHERE" if condition is select.where else "GROUP BY")
                self.subqueries(condition)
        chosen = [] if isinstance(select.items, n.Star) else list(select.items)
        asked = [item.expression for item in chosen if isinstance(item, n.SelectItem)] + order_by
        if select.having is not None:
            asked.append(select.having)
            self.subqueries(select.having)
        if not is_grouped(select) and not any(_has_aggregate(each) for each in order_by):
            return
        groups = {self.key(term) for term in select.group_by}
        scope = self.names.scopes[id(select)]
        for item in chosen if chosen else [select.items]:
            if isinstance(item, (n.Star, n.QualifiedStar)):
                self.whole_rows(item, scope, groups)
        for expression in asked:
            self.grouped(expression, groups, scope)

    def whole_rows(self, item: Any, scope: Scope, groups: set[Hashable]) -> None:
        columns: tuple[Source, ...] = scope.columns
        if isinstance(item, n.QualifiedStar):
            columns = tuple(
                column for relation in scope.relations if relation.is_called(item.qualifier)
                for column in relation.columns
            )  # fmt: skip
        if any(("column", id(column)) not in groups for column in columns):
            self.fault(item, "A grouped query cannot ask for all columns; name those of GROUP BY.")

    def table(self, table: n.TableReference) -> None:
        match table:
            case n.DerivedTable():
                self.query(table.query)
            case n.ParenthesisedJoin():
                self.table(table.join)
            case n.Join():
                self.table(table.left)
                self.table(table.right)
                if table.condition is not None:
                    self.refuse_aggregates(table.condition, "ON")
                    self.subqueries(table.condition)

    def subqueries(self, node: n.Expression) -> None:
        if isinstance(node, (n.InSubquery, n.Exists)):
            self.query(node.query)
        for part in parts(node):
            self.subqueries(part)

    def refuse_aggregates(self, node: n.Expression, clause: str) -> None:
        if isinstance(node, (n.SetFunctionCall, n.UserDefinedFunctionCall)) and is_aggregate(node):
            hint = " Write it after HAVING." if clause == "WHERE" else ""
            self.fault(node, f"{node.name} cannot stand in {clause}.{hint}")
            return
        for part in parts(node):
            self.refuse_aggregates(part, clause)

    def grouped(self, node: n.Expression, groups: set[Hashable], scope: Scope) -> None:
        """Check that an expression has one value for each group."""
        if self.key(node) in groups:
            return
        match node:
            case n.SetFunctionCall() | n.UserDefinedFunctionCall() if is_aggregate(node):
                if any(_has_aggregate(part) for part in parts(node)):
                    self.fault(node, f"{node.name} cannot be taken of another aggregate.")
            case n.ColumnReference():
                source = self.names.columns[id(node)]
                if _is_of(source, scope):
                    self.fault(
                        node, f"The column {written(node.names)} must stand in GROUP BY or in an aggregate such as MAX."
                    )
            case _:
                for part in parts(node):
                    self.grouped(part, groups, scope)

    def key(self, node: n.Expression) -> Hashable:
        return expression_key(node, self.names)


def _is_of(source: Source, scope: Scope) -> bool:
    if isinstance(source, MergedColumn):
        return any(source is column for column in scope.columns)
    assert isinstance(source, SourceColumn)
    assert not isinstance(source, Output)
    return any(source.relation is relation for relation in scope.relations)


def _has_aggregate(node: n.Expression) -> bool:
    return is_aggregate(node) or any(_has_aggregate(part) for part in parts(node))
