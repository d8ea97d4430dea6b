"""Nodes → ADQL text."""

from __future__ import annotations

from tap.adql import nodes as n


def write_adql(node: n.QuerySpecification | n.QueryBody | n.TableReference | n.Expression) -> str:
    """Write a query, or a part of one, so that reading it gives equal nodes."""
    match node:
        case n.QuerySpecification():
            tables = ", ".join(f"{_name(each.name)} AS ({write_adql(each.query)})" for each in node.common_tables)
            return f"WITH {tables} {write_adql(node.query)}" if tables else write_adql(node.query)
        case n.SelectExpression():
            return _select_expression(node)
        case n.SetOperation():
            keep_all = " ALL" if node.keep_all else ""
            return f"{_operand(node.left)} {node.operator}{keep_all} {_operand(node.right)}"
        case n.Select():
            return _select(node)
        case n.TableName():
            return f"{_names(node.names)}{_alias(node.alias)}"
        case n.DerivedTable():
            return f"({write_adql(node.query)}){_alias(node.alias)}"
        case n.ParenthesisedJoin():
            return f"({write_adql(node.join)}){_alias(node.alias)}"
        case n.Join():
            return _join(node)
        case (
            n.Comparison()
            | n.Between()
            | n.InList()
            | n.InSubquery()
            | n.Like()
            | n.IsNull()
            | n.Exists()
            | n.Not()
            | n.And()
            | n.Or()
        ):
            return _condition(node)
        case _:
            return _value(node)


def _name(identifier: n.Identifier) -> str:
    return '"' + identifier.name.replace('"', '""') + '"' if identifier.delimited else identifier.name


def _names(identifiers: tuple[n.Identifier, ...]) -> str:
    return ".".join(_name(identifier) for identifier in identifiers)


def _alias(identifier: n.Identifier | None) -> str:
    return "" if identifier is None else f" AS {_name(identifier)}"


def _listed(nodes: tuple[n.Expression, ...]) -> str:
    return ", ".join(write_adql(node) for node in nodes)


def _operand(body: n.QueryBody) -> str:
    return f"({write_adql(body)})" if isinstance(body, n.SelectExpression) else write_adql(body)


def _select_expression(node: n.SelectExpression) -> str:
    text = _operand(node.body)
    if node.order_by:
        terms = (f"{write_adql(term.expression)}{' DESC' if term.descending else ''}" for term in node.order_by)
        text += f" ORDER BY {', '.join(terms)}"
    return text if node.offset is None else f"{text} OFFSET {node.offset}"


def _select(node: n.Select) -> str:
    words = ["SELECT"]
    if node.quantifier is not None:
        words.append(node.quantifier)
    if node.limit is not None:
        words.append(f"TOP {node.limit}")
    words.append("*" if isinstance(node.items, n.Star) else ", ".join(_item(item) for item in node.items))
    words.append("FROM " + ", ".join(write_adql(table) for table in node.tables))
    if node.where is not None:
        words.append(f"WHERE {write_adql(node.where)}")
    if node.group_by:
        words.append(f"GROUP BY {_listed(node.group_by)}")
    if node.having is not None:
        words.append(f"HAVING {write_adql(node.having)}")
    return " ".join(words)


def _item(item: n.SelectItem | n.QualifiedStar) -> str:
    if isinstance(item, n.QualifiedStar):
        return f"{_names(item.qualifier)}.*"
    return f"{write_adql(item.expression)}{_alias(item.alias)}"


def _join(node: n.Join) -> str:
    natural = "NATURAL " if node.natural else ""
    text = f"{write_adql(node.left)} {natural}{node.kind} JOIN {write_adql(node.right)}"
    if node.condition is not None:
        return f"{text} ON {write_adql(node.condition)}"
    return f"{text} USING ({', '.join(_name(column) for column in node.columns)})" if node.columns else text


def _condition(node: n.Condition) -> str:
    negation = "NOT " if getattr(node, "negated", False) else ""
    match node:
        case n.And():
            return " AND ".join(write_adql(operand) for operand in node.operands)
        case n.Or():
            return " OR ".join(write_adql(operand) for operand in node.operands)
        case n.Not():
            return f"NOT {write_adql(node.operand)}"
        case n.Comparison():
            return f"{write_adql(node.left)} {node.operator} {write_adql(node.right)}"
        case n.Between():
            ends = f"{write_adql(node.low)} AND {write_adql(node.high)}"
            return f"{write_adql(node.operand)} {negation}BETWEEN {ends}"
        case n.InList():
            return f"{write_adql(node.operand)} {negation}IN ({_listed(node.values)})"
        case n.InSubquery():
            return f"{write_adql(node.operand)} {negation}IN ({write_adql(node.query)})"
        case n.Like():
            word = "LIKE" if node.case_sensitive else "ILIKE"
            return f"{write_adql(node.operand)} {negation}{word} {write_adql(node.pattern)}"
        case n.IsNull():
            return f"{write_adql(node.operand)} IS {negation}NULL"
        case n.Exists():
            return f"EXISTS ({write_adql(node.query)})"


def _value(node: n.Value) -> str:
    match node:
        case n.NumberLiteral():
            return repr(node.value)
        case n.StringLiteral():
            return "'" + node.value.replace("'", "''") + "'"
        case n.NullLiteral():
            return "NULL"
        case n.ColumnReference():
            return _names(node.names)
        case n.Parentheses():
            return f"({write_adql(node.operand)})"
        case n.SignedValue():
            return f"{node.sign}{write_adql(node.operand)}"
        case n.Arithmetic():
            first, *others = (write_adql(operand) for operand in node.operands)
            # Blanks around the sign, or a minus before a negative number would begin a comment.
            pairs = zip(node.operators, others, strict=True)
            return first + "".join(f" {operator} {other}" for operator, other in pairs)
        case n.Concatenation():
            return " || ".join(write_adql(operand) for operand in node.operands)
        case n.FunctionCall() | n.UserDefinedFunctionCall():
            return f"{node.name}({_listed(node.arguments)})"
        case n.SetFunctionCall():
            quantifier = f"{node.quantifier} " if node.quantifier else ""
            return f"{node.name}({quantifier}{'*' if node.argument is None else write_adql(node.argument)})"
        case n.Cast():
            length = "" if node.length is None else f"({node.length})"
            return f"CAST({write_adql(node.operand)} AS {node.target}{length})"
