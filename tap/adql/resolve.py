"""Names → tables and columns of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schema.catalogue import Catalogue, PublishedTable
from tap.adql import nodes as n
from tap.adql.errors import Fault, FaultError
from tap.adql.scope import (
    FromItem,
    MergedColumn,
    Output,
    Relation,
    Scope,
    Source,
    is_same_name,
    matching,
    near_match,
)

_MOST_FAULTS = 20


@dataclass(slots=True)
class Names:
    """What the names of a query mean; keys are the `id` of nodes, which live as long as the query.

    Attributes
    ----------
    columns
        For each column reference: a column, or the output that an ORDER BY names.
    relations
        For each table name, derived table and parenthesised join with an alias.
    joins
        For each join with USING or NATURAL: the pairs of columns to compare.
    outputs
        For each query body.
    scopes
        For each SELECT.
    sorted_outputs
        For each term of ORDER BY that names or counts an output column: its index.
    """

    columns: dict[int, Source] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)
    joins: dict[int, tuple[tuple[Source, Source], ...]] = field(default_factory=dict)
    outputs: dict[int, tuple[Output, ...]] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    sorted_outputs: dict[int, int] = field(default_factory=dict)


def resolve_names(query: n.QuerySpecification, catalogue: Catalogue) -> Names:
    """Find what each name of a query means.

    Raises
    ------
    FaultError
        Raised with all names that mean nothing or too much, in order.
    """
    resolver = _Resolver(catalogue)
    for common in query.common_tables:
        outputs = resolver.query(common.query, None)
        if any(is_same_name(common.name, each.name.name, each.name.delimited) for each, _ in resolver.common):
            resolver.fault(common.name, f"WITH names {common.name.name} twice.")
        resolver.common.append((common, outputs))
    resolver.query(query.query, None)
    if resolver.faults:
        raise FaultError(*sorted(set(resolver.faults), key=lambda each: each.position))
    return resolver.names


def written(names: tuple[n.Identifier, ...]) -> str:
    """A qualified name as a query would write it."""
    return ".".join(f'"{name.name}"' if name.delimited else name.name for name in names)


class _Resolver:
    """Walks the queries from the inside of FROM outwards."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.common: list[tuple[n.CommonTable, tuple[Output, ...]]] = []
        self.names = Names()
        self.faults: list[Fault] = []
        self.is_table_missing = False

    def fault(self, node: n.Node, message: str) -> None:
        self.faults.append(Fault(node.position, message))
        if len(self.faults) == _MOST_FAULTS:
            raise FaultError(*self.faults, Fault(node.position, "There may be more of this kind."))

    # Queries

    def query(self, query: n.SelectExpression, outer: Scope | None) -> tuple[Output, ...]:
        outputs = self.body(query.body, outer)
        self.names.outputs[id(query)] = outputs
        scope = self.names.scopes.get(id(query.body), Scope((), outer))
        for term in query.order_by:
            self.order_term(term, outputs, scope)
        return outputs

    def body(self, body: n.QueryBody, outer: Scope | None) -> tuple[Output, ...]:
        match body:
            case n.Select():
                outputs = self.select(body, outer)
            case n.SetOperation():
                outputs = self.set_operation(body, outer)
            case n.SelectExpression():
                return self.query(body, outer)
        self.names.outputs[id(body)] = outputs
        return outputs

    def set_operation(self, body: n.SetOperation, outer: Scope | None) -> tuple[Output, ...]:
        left = self.body(body.left, outer)
        right = self.body(body.right, outer)
        if len(left) != len(right) and not self.is_table_missing:
            self.fault(
                body.right,
                f"Both sides of {body.operator} need the same number of columns; "
                f"the left one has {len(left)}, this one {len(right)}.",
            )
        return tuple(Output(a.name, a.delimited, (a, b)) for a, b in zip(left, right, strict=False))

    def select(self, select: n.Select, outer: Scope | None) -> tuple[Output, ...]:
        items: list[FromItem] = []
        for table in select.tables:
            item = self.table(table, outer)
            self.refuse_twin_relations(table, items, item)
            items.append(item)
        scope = Scope(tuple(items), outer)
        self.names.scopes[id(select)] = scope
        outputs = self.select_list(select, scope)
        for condition in (select.where, select.having):
            if condition is not None:
                self.expression(condition, scope)
        for term in select.group_by:
            self.group_term(term, outputs, scope)
        return outputs

    def group_term(self, term: n.Expression, outputs: tuple[Output, ...], scope: Scope) -> None:
        if isinstance(term, n.ColumnReference) and len(term.names) == 1 and not matching(term.names[0], scope.columns):
            name = term.names[0]
            if any(is_same_name(name, output.name, output.delimited) for output in outputs):
                self.fault(
                    term, f"GROUP BY takes columns of the tables; repeat the expression that {written((name,))} names."
                )
                return
        self.expression(term, scope)

    def select_list(self, select: n.Select, scope: Scope) -> tuple[Output, ...]:
        if isinstance(select.items, n.Star):
            return tuple(_passed_on(column) for column in scope.columns)
        outputs: list[Output] = []
        taken: dict[str, int] = {}
        for item in select.items:
            if isinstance(item, n.QualifiedStar):
                outputs.extend(_passed_on(column) for column in self.qualified_star(item, scope))
            else:
                self.expression(item.expression, scope)
                outputs.append(self.output(item, taken))
        return tuple(outputs)

    def output(self, item: n.SelectItem, taken: dict[str, int]) -> Output:
        if item.alias is not None:
            return Output(item.alias.name, item.alias.delimited, (item.expression,))
        if isinstance(item.expression, n.ColumnReference):
            source = self.names.columns.get(id(item.expression))
            if source is not None:
                return Output(source.name, source.delimited, (item.expression,))
            return Output(item.expression.names[-1].name, False, (item.expression,))
        stem = _stem(item.expression)
        count = taken[stem] = taken.get(stem, 0) + 1
        return Output(stem if count == 1 else f"{stem}_{count}", False, (item.expression,))

    def qualified_star(self, item: n.QualifiedStar, scope: Scope) -> tuple[Source, ...]:
        relation = self.relation(item.qualifier, scope, item)
        return relation.columns if relation is not None else ()

    def order_term(self, term: n.OrderTerm, outputs: tuple[Output, ...], scope: Scope) -> None:
        expression = term.expression
        if isinstance(expression, n.NumberLiteral) and expression.is_whole:
            place = int(expression.value)
            if 1 <= place <= len(outputs):
                self.names.sorted_outputs[id(term)] = place - 1
            elif not self.is_table_missing:
                self.fault(term, f"ORDER BY {place}: the query has {len(outputs)} columns.")
            return
        if isinstance(expression, n.ColumnReference) and len(expression.names) == 1:
            name = expression.names[0]
            found = [index for index, output in enumerate(outputs) if is_same_name(name, output.name, output.delimited)]
            if len(found) == 1:
                self.names.sorted_outputs[id(term)] = found[0]
                return
            if found and not matching(name, scope.columns):
                self.fault(term, f"ORDER BY {written((name,))}: {len(found)} columns of the answer have this name.")
                return
        if scope.items:
            self.expression(expression, scope)
        elif not self.is_table_missing:
            self.fault(term, "A set operation is sorted by the names or numbers of its columns.")

    # Tables

    def table(self, table: n.TableReference, outer: Scope | None) -> FromItem:
        match table:
            case n.TableName():
                return self.named_table(table)
            case n.DerivedTable():
                outputs = self.query(table.query, None)
                return self.item(table, Relation(table.alias, is_aliased=True, query=table.query, outputs=outputs))
            case n.ParenthesisedJoin():
                item = self.table(table.join, outer)
                if table.alias is None:
                    return item
                self.names.scopes[id(table)] = Scope((item,))
                outputs = tuple(_passed_on(column) for column in item.columns)
                return self.item(table, Relation(table.alias, is_aliased=True, join=table, outputs=outputs))
            case n.Join():
                return self.join(table, outer)

    def item(self, node: n.TableReference, relation: Relation) -> FromItem:
        self.names.relations[id(node)] = relation
        return FromItem((relation,), relation.columns)

    def named_table(self, node: n.TableName) -> FromItem:
        name = node.names[-1]
        alias = node.alias or name
        if len(node.names) == 1:
            for common, outputs in self.common:
                if is_same_name(name, common.name.name, common.name.delimited):
                    relation = Relation(alias, is_aliased=True, query=common.query, outputs=outputs)
                    return self.item(node, relation)
        table = self.published_table(node)
        if table is None:
            self.is_table_missing = True
            return FromItem((), ())
        return self.item(node, Relation(alias, is_aliased=node.alias is not None, table=table))

    def published_table(self, node: n.TableName) -> PublishedTable | None:
        schema = node.names[-2] if len(node.names) > 1 else None
        name = node.names[-1]
        found = tuple(
            table
            for table in self.catalogue.find(schema.name if schema else None, name.name)
            if is_same_name(name, table.name, False) and (schema is None or is_same_name(schema, table.schema, False))
        )
        if len(found) == 1 and len(node.names) < 3:
            return found[0]
        if len(found) > 1:
            choices = " or ".join(table.qualified_name for table in found)
            self.fault(node, f"The table name {written(node.names)} means more than one table: write {choices}.")
            return None
        known = {table.qualified_name for table in self.catalogue}
        if schema is None:
            known |= {table.name for table in self.catalogue}
        hint = near_match(".".join(each.name for each in node.names), known)
        self.fault(node, f"There is no table {written(node.names)}.{hint}")
        return None

    def refuse_twin_relations(self, node: n.TableReference, items: list[FromItem], item: FromItem) -> None:
        for new in item.relations:
            for each in items:
                for old in each.relations:
                    if _are_twins(old, new):
                        self.fault(
                            node, f"Two tables of this query are called {new.name}; give one another name with AS."
                        )

    def join(self, join: n.Join, outer: Scope | None) -> FromItem:
        left = self.table(join.left, outer)
        right = self.table(join.right, outer)
        self.refuse_twin_relations(join.right, [left], right)
        relations = left.relations + right.relations
        if join.natural:
            if join.condition is not None or join.columns:
                self.fault(join, "NATURAL JOIN takes neither ON nor USING.")
            return self.merged(join, left, right, self.common_names(left, right))
        if join.columns:
            return self.merged(join, left, right, join.columns)
        item = FromItem(relations, left.columns + right.columns)
        if join.condition is None:
            self.fault(join, "This JOIN needs ON, USING or NATURAL.")
        else:
            self.expression(join.condition, Scope((item,), outer))
        return item

    def common_names(self, left: FromItem, right: FromItem) -> tuple[n.Identifier, ...]:
        return tuple(
            n.Identifier(column.name, True, 0)
            for column in left.columns
            if matching(n.Identifier(column.name, True, 0), right.columns)
        )

    def merged(self, join: n.Join, left: FromItem, right: FromItem, names: tuple[n.Identifier, ...]) -> FromItem:
        pairs: list[tuple[Source, Source]] = []
        for name in names:
            node = name if not join.natural else join
            found = [self.one(name, side.columns, node) for side in (left, right)]
            if found[0] is not None and found[1] is not None:
                pairs.append((found[0], found[1]))
        self.names.joins[id(join)] = tuple(pairs)
        gone = {id(column) for pair in pairs for column in pair}
        merged = tuple(MergedColumn(a.name, a.delimited, a, b, join.kind, a.folded) for a, b in pairs)
        rest = tuple(column for column in left.columns + right.columns if id(column) not in gone)
        return FromItem(left.relations + right.relations, merged + rest)

    # Expressions

    def expression(self, node: n.Expression, scope: Scope) -> None:
        match node:
            case n.ColumnReference():
                source = self.column(node, scope)
                if source is not None:
                    self.names.columns[id(node)] = source
            case n.InSubquery():
                self.expression(node.operand, scope)
                outputs = self.query(node.query, scope)
                if len(outputs) != 1 and not self.is_table_missing:
                    self.fault(node.query, f"The sub-query of IN needs one column; this one has {len(outputs)}.")
            case n.Exists():
                self.query(node.query, scope)
            case _:
                for part in parts(node):
                    self.expression(part, scope)

    def column(self, node: n.ColumnReference, scope: Scope) -> Source | None:
        name = node.names[-1]
        if len(node.names) > 1:
            relation = self.relation(node.names[:-1], scope, node)
            return self.one(name, relation.columns, node) if relation is not None else None
        place: Scope | None = scope
        while place is not None:
            if matching(name, place.columns):
                return self.one(name, place.columns, node)
            place = place.outer
        return self.one(name, scope.columns, node)

    def relation(self, names: tuple[n.Identifier, ...], scope: Scope, node: n.Node) -> Relation | None:
        place: Scope | None = scope
        known: list[str] = []
        while place is not None:
            found = [relation for relation in place.relations if relation.is_called(names)]
            if len(found) == 1:
                return found[0]
            if found:
                self.fault(node, f"The name {written(names)} means more than one table of this query.")
                return None
            known.extend(relation.name for relation in place.relations)
            place = place.outer
        if not self.is_table_missing:
            hint = near_match(names[-1].name, known)
            self.fault(node, f"No table of this query is called {written(names)}.{hint}")
        return None

    def one(self, name: n.Identifier, columns: tuple[Source, ...], node: n.Node) -> Source | None:
        found = matching(name, columns)
        if len(found) == 1:
            return found[0]
        if found:
            owners = ", ".join(_owner(column) for column in found)
            self.fault(node, f"The column name {written((name,))} is ambiguous: it is in {owners}.")
        elif not self.is_table_missing:
            hint = near_match(name.name, (column.name for column in columns))
            if not hint and name.delimited and matching(n.Identifier(name.name, False, 0), columns):
                hint = " Names in double quotes keep their letter case."
            if not hint and name.delimited and isinstance(node, n.ColumnReference):
                hint = " Strings stand in single quotes."
            self.fault(node, f"There is no column {written((name,))}.{hint}")
        return None


def parts(node: n.Expression) -> tuple[n.Expression, ...]:
    """Expressions right below an expression; sub-queries are not entered."""
    match node:
        case n.Parentheses() | n.SignedValue() | n.Not() | n.IsNull() | n.Cast() | n.InSubquery():
            return (node.operand,)
        case n.Arithmetic() | n.Concatenation() | n.And() | n.Or():
            return node.operands
        case n.FunctionCall() | n.UserDefinedFunctionCall():
            return node.arguments
        case n.SetFunctionCall():
            return () if node.argument is None else (node.argument,)
        case n.Comparison():
            return (node.left, node.right)
        case n.Between():
            return (node.operand, node.low, node.high)
        case n.InList():
            return (node.operand, *node.values)
        case n.Like():
            return (node.operand, node.pattern)
    return ()


def _passed_on(column: Source) -> Output:
    return Output(column.name, column.delimited, (column,))


def _owner(column: Source) -> str:
    return column.relation.name if not isinstance(column, MergedColumn) else "a joined table"


def _are_twins(old: Relation, new: Relation) -> bool:
    if not is_same_name(n.Identifier(new.name, new.delimited, 0), old.name, old.delimited):
        return False
    # Two tables of one name in two schemas can still be told apart by the schema.
    tables: tuple[Any, Any] = (old.table, new.table)
    if old.is_aliased or new.is_aliased or None in tables:
        return True
    return bool(tables[0].schema == tables[1].schema)


def _stem(expression: n.Expression) -> str:
    """Name for an output column that the query leaves without one."""
    match expression:
        case n.Parentheses():
            return _stem(expression.operand)
        case n.FunctionCall() | n.UserDefinedFunctionCall() | n.SetFunctionCall():
            return expression.name.lower()
        case n.Cast():
            return _stem(expression.operand) if isinstance(expression.operand, n.FunctionCall) else "cast"
    return "column"
