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
    "SIGN": "+ or -",
    "ASTERISK": "*",
    "SOLIDUS": "/",
    "_COMMA": "a comma",
    "_PERIOD": "a period",
    "_LEFT_PAREN": "(",
    "_RIGHT_PAREN": ")",
}

_VALUE_STARTS = frozenset({"DIGITS", "NUMBER", "STRING", "FUNCTION", "SET_FUNCTION", "CAST"})
_OPERATORS = frozenset({"SIGN", "ASTERISK", "SOLIDUS", "_CONCATENATION"})
_TESTS = frozenset({"COMPARISON", "_BETWEEN", "_IN", "_IS", "LIKE", "ILIKE", "NOT"})


def explain(text: str, error: UnexpectedToken) -> FaultError:
    """Fault for a token that the grammar has no place for."""
    token = error.token
    position = len(text.rstrip()) if token.type == "$END" else token.start_pos or 0
    found = "the query ends" if token.type == "$END" else f"found {_shown(token)}"
    cure = _cure(text, token, position, frozenset(error.expected))
    if cure is not None:
        return fault(position, f"{found[0].upper()}{found[1:]}: {cure}")
    return fault(position, f"{found[0].upper()}{found[1:]}, expected {_expected(frozenset(error.expected))}.")


def _cure(text: str, token: Token, position: int, expected: frozenset[str]) -> str | None:
    word = token.upper()
    if token.type != "$END":
        if word in _CURES:
            return _CURES[word]
        before = list(read_tokens(text[:position]))
        # Not being reserved, LIMIT passes as the alias of the table before it, MINUS likewise.
        if before and before[-1].upper() in _CURES and before[-1].type == "IDENTIFIER":
            return f"{before[-1]} is not known here: {_CURES[before[-1].upper()]}"
        if token.type == "DELIMITED" and "STRING" in expected and "IDENTIFIER" not in expected:
            return "double quotes are for names; strings stand in single quotes, as in 'text'."
        if token.type == "DELIMITED" and before and before[-1].type == "COMPARISON":
            return "strings stand in single quotes, as in 'text'."
        if token.type == "STRING" and before and before[-1].type == "STRING":
            return "a quote inside a string is doubled, as in 'O''Neil'."
        if token.type == "STRING" and "IDENTIFIER" in expected and not expected & _VALUE_STARTS:
            return f"{_expected(expected)} is expected; names with special characters stand in double quotes."
        if word in RESERVED_WORDS and "IDENTIFIER" in expected:
            return f'{word} is a reserved word; as a name it stands in double quotes: "{token}".'
        if token.type == "ASTERISK" and "IDENTIFIER" in expected and "QUALIFIED" not in expected:
            return "* stands alone or after a table, as in t.*; list the columns, or write t.*, expression."
        if token.type == "_COMMA" and "_FROM" not in expected and "_RIGHT_PAREN" not in expected:
            return f"{_expected(expected)} is expected."
    return None


def _shown(token: Token) -> str:
    shown = str(token) if len(token) <= 40 else f"{token[:37]}…"
    return " ".join(shown.split())


def _expected(expected: frozenset[str]) -> str:
    names: list[str] = []
    rest = set(expected)
    if rest >= _VALUE_STARTS:
        names.append("a value")
        rest -= _VALUE_STARTS | {"SHAPE", "NULL", "IDENTIFIER", "DELIMITED", "SIGN", "_LEFT_PAREN", "EXISTS", "NOT"}
    if rest >= _OPERATORS:
        names.append("an operator")
        rest -= _OPERATORS
    if rest >= _TESTS:
        names.append("a comparison")
        rest -= _TESTS
    rest -= {"DELIMITED", "_PERIOD"}
    names.extend(sorted(_NAMES.get(each, each.lstrip("_")) for each in rest))
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} or {names[-1]}"
