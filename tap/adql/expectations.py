"""What the grammar expected where it found something else, in words, with the cure for habits from other dialects."""

from __future__ import annotations

from lark import Token, UnexpectedToken

from tap.adql.errors import FaultError, fault
from tap.adql.tokens import RESERVED_WORDS, read_tokens

_CURES = {
    "LIMIT": "ADQL uses TOP: SELECT TOP 10 ….",
    "CASE": "ADQL has no CASE.",
    "TRUE": "ADQL has no boolean values; compare with 1 or 0.",
    "FALSE": "ADQL has no boolean values; compare with 1 or 0.",
    "ESCAPE": "LIKE in ADQL has no ESCAPE.",
    "NULLS": "ADQL cannot place NULLs; this service sorts them last.",
    "CROSS": "ADQL has no CROSS JOIN; separate the tables by a comma.",
    "FETCH": "ADQL uses TOP: SELECT TOP 10 ….",
    "ROWS": "write OFFSET with a number alone.",
    "DATE": "write the date as a string, as in '2020-01-01'.",
    "INTERVAL": "ADQL has no intervals of time.",
    "MINUS": "ADQL says EXCEPT.",
    "SUBSTRING": "ADQL has no SUBSTRING.",
    "POSITION": "ADQL has no POSITION.",
    "NULLIF": "ADQL has no NULLIF.",
    "CURRENT_TIMESTAMP": "ADQL has no CURRENT_TIMESTAMP; write the instant as a string.",
    "INSERT": "queries only read; they begin with SELECT.",
    "UPDATE": "queries only read; they begin with SELECT.",
    "DELETE": "queries only read; they begin with SELECT.",
    "DROP": "queries only read; they begin with SELECT.",
    "CREATE": "queries only read; they begin with SELECT.",
    "ALTER": "queries only read; they begin with SELECT.",
    "REGEXP": "ADQL has LIKE and ILIKE, no regular expressions.",
    "RLIKE": "ADQL has LIKE and ILIKE, no regular expressions.",
    "XOR": "ADQL has AND, OR and NOT.",
    "FLOAT": "write REAL or DOUBLE PRECISION.",
    "INT": "write INTEGER.",
    "RECURSIVE": "WITH in ADQL does not recurse.",
}

_NAMES = {
    "$END": "the end of the query",
    "IDENTIFIER": "a name",
    "DIGITS": "a whole number",
    "STRING": "a string",
    "COMPARISON": "a comparison",
    "_CONCATENATION": "||",
    "SIGN": "a sign",
    "ASTERISK": "*",
    "SOLIDUS": "/",
    "_COMMA": "a comma",
    "_PERIOD": "a period",
    "_LEFT_PAREN": "(",
    "_RIGHT_PAREN": ")",
}

# Each group stands for its tokens as soon as all that are needed are there.
_GROUPS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    (
        "a value",
        frozenset({"DIGITS", "STRING", "FUNCTION", "CAST"}),
        frozenset(
            {"DIGITS", "NUMBER", "STRING", "FUNCTION", "SHAPE", "SET_FUNCTION", "CAST", "NULL", "IDENTIFIER"}
            | {"SIGN", "_LEFT_PAREN", "EXISTS", "NOT"}
        ),
    ),
    (
        "an operator",
        frozenset({"SIGN", "ASTERISK", "SOLIDUS"}),
        frozenset({"SIGN", "ASTERISK", "SOLIDUS", "_CONCATENATION", "_AND", "_OR", "COMPARISON", "_BETWEEN", "_IN"})
        | {"_IS", "LIKE", "ILIKE", "NOT"},
    ),
    (
        "a further clause",
        frozenset({"_ORDER", "_OFFSET", "UNION"}),
        frozenset({"_WHERE", "_GROUP", "_HAVING", "_ORDER", "_OFFSET", "UNION", "EXCEPT", "INTERSECT"}),
    ),
    (
        "JOIN",
        frozenset({"JOIN", "NATURAL", "LEFT"}),
        frozenset({"JOIN", "NATURAL", "LEFT", "RIGHT", "FULL", "INNER", "ON", "USING"}),
    ),
)

_STRUCTURE = frozenset(
    {"ALL", "AND", "AS", "BETWEEN", "BY", "DISTINCT", "EXCEPT", "FROM", "GROUP", "HAVING", "IN", "INTERSECT", "IS"}
    | {"JOIN", "LIKE", "NOT", "ON", "OR", "ORDER", "SELECT", "UNION", "USING", "WHERE", "WITH"}
)
_CALLED = frozenset({"FUNCTION", "SHAPE", "SET_FUNCTION"})


def explain(text: str, error: UnexpectedToken) -> FaultError:
    """Fault for a token that the grammar has no place for."""
    token = error.token
    expected = frozenset(error.accepts or error.expected)
    is_end = token.type == "$END"
    position = len(text.rstrip()) if is_end else token.start_pos or 0
    found = "The query ends" if is_end else f"Found {_shown(token)}"
    before = list(read_tokens(text[:position]))
    # LIMIT and its like are no reserved words of ADQL: they pass as the alias of the table before them.
    if before and before[-1].type == "IDENTIFIER" and before[-1].upper() in _CURES and not is_end:
        return fault(before[-1].start_pos or 0, f"Found {before[-1]}: {_CURES[before[-1].upper()]}")
    cure = None if is_end else _cure(token, before, expected)
    return fault(position, f"{found}: {cure}" if cure else f"{found}, expected {_listed(expected)}.")


def _cure(token: Token, before: list[Token], expected: frozenset[str]) -> str | None:
    word = token.upper()
    last = before[-1] if before else None
    if word in _CURES:
        return _CURES[word]
    if last is not None:
        if last.type in _CALLED and token.type != "_LEFT_PAREN":
            return f'the function {last.upper()} needs (…); as a name, {last} stands in double quotes: "{last}".'
        if last.type == "STRING" and (last.start_pos or 0) + len(last) == token.start_pos:
            return "a quote inside a string is doubled, as in 'O''Neil'."
        if token.type == "_LEFT_PAREN" and last.type in ("IDENTIFIER", "DELIMITED"):
            return "the name of a function stands alone, without a schema and without double quotes."
    if token.type == "STRING" and "IDENTIFIER" in expected and "STRING" not in expected:
        return f"{_listed(expected)} is expected; strings stand in single quotes, names in double quotes."
    if token.type == "ASTERISK" and "IDENTIFIER" in expected:
        return "* stands alone, after a table as in t.*, or in COUNT(*)."
    if "IDENTIFIER" in expected and word in RESERVED_WORDS and word not in _STRUCTURE:
        return f'{word} is a reserved word of ADQL; as a name it stands in double quotes: "{token}".'
    return None


def _shown(token: Token) -> str:
    shown = str(token) if len(token) <= 40 else f"{token[:37]}…"
    return " ".join(shown.split())


def _listed(expected: frozenset[str]) -> str:
    names: list[str] = []
    rest = set(expected) - {"DELIMITED", "_PERIOD"}
    for name, needed, members in _GROUPS:
        if rest >= needed:
            names.append(name)
            rest -= members
    names.extend(sorted(_NAMES.get(each, each.lstrip("_")) for each in rest))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
