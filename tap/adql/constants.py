"""Values that a query spells out, found without asking the engine."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tap.adql import nodes as n

_INSTANT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d*))?)?)?\s*(?:Z|\+00:?00)?", re.ASCII
)


def constant_number(node: n.Expression) -> float | None:
    """Value of an expression of numbers alone, None for all others and where it has no value."""
    match node:
        case n.NumberLiteral():
            return node.value
        case n.Parentheses():
            return constant_number(node.operand)
        case n.SignedValue():
            value = constant_number(node.operand)
            return None if value is None else -value if node.sign == "-" else value
        case n.Arithmetic():
            return _folded(node)
    return None


def is_constant(node: n.Expression) -> bool:
    """Whether an expression is a literal or is calculated of numbers alone."""
    while isinstance(node, n.Parentheses):
        node = node.operand
    return isinstance(node, (n.StringLiteral, n.NullLiteral)) or constant_number(node) is not None


def _folded(node: n.Arithmetic) -> float | None:
    values = [constant_number(operand) for operand in node.operands]
    if any(value is None for value in values):
        return None
    result = values[0]
    for operator, value in zip(node.operators, values[1:], strict=True):
        assert result is not None
        assert value is not None
        match operator:
            case "+":
                result = result + value
            case "-":
                result = result - value
            case "*":
                result = result * value
            case _:
                if value == 0:
                    return None
                if isinstance(result, int) and isinstance(value, int):
                    quotient = abs(result) // abs(value)
                    result = quotient if (result < 0) == (value < 0) else -quotient
                else:
                    result = result / value
        if isinstance(result, int) and abs(result) >= 2**63:
            return None
    return result


def read_instant(text: str) -> datetime:
    """Instant that a string in a query means, UTC, without a zone.

    Parameters
    ----------
    text
        ``2013-04-12``, ``2013-04-12T04:52:06`` or ``2013-04-12 04:52:06.123Z``; digits beyond microseconds are cut.

    Raises
    ------
    ValueError
        Raised with a sentence for everything else.

    References
    ----------
    DALI 1.1, "Timestamp".
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no timestamp; write it as '2013-04-12' or '2013-04-12T04:52:06'.")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    microsecond = int(((match.group(7) or "") + "000000")[:6])
    try:
        # A leap second is the second after the last one, as databases count.
        is_leap = second == 60
        instant = datetime(year, month, day, hour, minute, 59 if is_leap else second, microsecond)
        return instant + timedelta(seconds=1) if is_leap else instant
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no timestamp: {error}.") from None
