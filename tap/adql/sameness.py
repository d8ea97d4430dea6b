"""When two expressions of a query are the same."""

from __future__ import annotations

from collections.abc import Hashable

from tap.adql import nodes as n
from tap.adql.resolve import Names, parts
from tap.adql.scope import MergedColumn, Source

_WORDS = ("name", "sign", "operators", "operator", "quantifier", "target", "length", "negated", "case_sensitive")


def expression_key(node: n.Expression, names: Names) -> Hashable:
    """What two expressions have in common exactly if they are the same, however their columns are written."""
    match node:
        case n.Parentheses():
            return expression_key(node.operand, names)
        case n.ColumnReference():
            return ("column", id(root(names.columns[id(node)])))
        case n.NumberLiteral() | n.StringLiteral():
            return ("value", type(node.value), node.value)
        case n.InSubquery() | n.Exists():
            return ("query", id(node))
    words = tuple(getattr(node, name) for name in _WORDS if hasattr(node, name))
    return (type(node), words, tuple(expression_key(part, names) for part in parts(node)))


def root(source: Source) -> Source:
    """The column that a merged one takes its values from."""
    while isinstance(source, MergedColumn) and source.kind != "FULL":
        source = source.right if source.kind == "RIGHT" else source.left
    return source
