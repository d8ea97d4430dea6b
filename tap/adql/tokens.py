# ruff: noqa: SIM905 - words are easier to read and to compare with the standard as text.
"""ADQL text as tokens: words, numbers, strings and signs, without white space and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lark import Token
from lark.lexer import Lexer

from tap.adql.errors import fault

TELLING_WORDS = frozenset(
    """ALL ASC BIGINT CAST CHAR DESC DISTINCT DOUBLE EXCEPT EXISTS FULL ILIKE INNER INTEGER INTERSECT JOIN LEFT LIKE
    NATURAL NOT NULL ON OUTER PRECISION REAL RIGHT SELECT SMALLINT TIMESTAMP UNION USING VARCHAR""".split()
)

# Once the grammar has read them they say nothing more; the parser drops tokens with an underscore in front.
SILENT_WORDS = frozenset("AND AS BETWEEN BY FROM GROUP HAVING IN IS OFFSET OR ORDER TOP WHERE WITH".split())

SET_FUNCTIONS = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})

SHAPES = frozenset({"CIRCLE", "POINT", "POLYGON"})

FUNCTION_WORDS = frozenset(
    """ABS ACOS AREA ASIN ATAN ATAN2 BOX CEILING CENTROID COALESCE CONTAINS COORD1 COORD2 COORDSYS COS COT DEGREES
    DISTANCE EXP FLOOR INTERSECTS IN_UNIT LOG LOG10 LOWER MOD PI POWER RADIANS RAND REGION ROUND SIN SQRT TAN TRUNCATE
    UPPER""".split()
)

_UNUSED_WORDS = frozenset(
    """ABSOLUTE ACTION ADD ALLOCATE ALTER ANY ARE ASSERTION AT AUTHORIZATION BEGIN BIT BIT_LENGTH BOTH CASCADE CASCADED
    CASE CATALOG CHARACTER CHARACTER_LENGTH CHAR_LENGTH CHECK CLOSE COLLATE COLLATION COLUMN COMMIT CONNECT CONNECTION
    CONSTRAINT CONSTRAINTS CONTINUE CONVERT CORRESPONDING CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP CURRENT_USER CURSOR DATE DAY DEALLOCATE DECIMAL DECLARE DEFAULT DEFERRABLE DEFERRED DELETE
    DESCRIBE DESCRIPTOR DIAGNOSTICS DISCONNECT DOMAIN DROP ELSE END ESCAPE EXCEPTION EXEC EXECUTE EXTERNAL EXTRACT
    FALSE FETCH FIRST FLOAT FOR FOREIGN FOUND GET GLOBAL GO GOTO GRANT HOUR IDENTITY IMMEDIATE INDICATOR INITIALLY
    INPUT INSENSITIVE INSERT INT INTERVAL INTO ISOLATION KEY LANGUAGE LAST LEADING LEVEL LOCAL MATCH MINUTE MODULE
    MONTH NAMES NATIONAL NCHAR NEXT NO NULLIF NUMERIC OCTET_LENGTH OF ONLY OPEN OPTION OUTPUT OVERLAPS PAD PARTIAL
    POSITION PREPARE PRESERVE PRIMARY PRIOR PRIVILEGES PROCEDURE PUBLIC READ REFERENCES RELATIVE RESTRICT REVOKE
    ROLLBACK ROWS SCHEMA SCROLL SECOND SECTION SESSION SESSION_USER SET SIZE SOME SPACE SQL SQLCODE SQLERROR SQLSTATE
    SUBSTRING SYSTEM_USER TABLE TEMPORARY THEN TIME TIMEZONE_HOUR TIMEZONE_MINUTE TO TRAILING TRANSACTION TRANSLATE
    TRANSLATION TRIM TRUE UNIQUE UNKNOWN UPDATE USAGE USER VALUE VALUES VARYING VIEW WHEN WHENEVER WORK WRITE YEAR
    ZONE""".split()
)

RESERVED_WORDS = TELLING_WORDS | SILENT_WORDS | SET_FUNCTIONS | SHAPES | FUNCTION_WORDS | _UNUSED_WORDS

_WORD_TYPES = (
    dict.fromkeys(_UNUSED_WORDS, "RESERVED")
    | dict.fromkeys(FUNCTION_WORDS, "FUNCTION")
    | dict.fromkeys(SHAPES, "SHAPE")
    | dict.fromkeys(SET_FUNCTIONS, "SET_FUNCTION")
    | {word: word for word in TELLING_WORDS}
    | {word: f"_{word}" for word in SILENT_WORDS}
)

NUMBER = r"(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?|[0-9]+[Ee][+-]?[0-9]+"
DIGITS = r"[0-9]+"
STRING = r"'[^']*(?:''[^']*)*'"
DELIMITED = r'"[^"]*(?:""[^"]*)*"'
WORD = r"[A-Za-z][A-Za-z0-9_]*"
COMMENT = r"--[^\r\n]*"

_TOKEN = re.compile(
    rf"""
    (?P<BLANK>(?:[ \t\r\n\f\v]+|{COMMENT})+)
  | (?P<WORD>{WORD})
  | (?P<NUMBER>{NUMBER})
  | (?P<DIGITS>{DIGITS})
  | (?P<STRING>{STRING})
  | (?P<DELIMITED>{DELIMITED})
  | (?P<COMPARISON><=|>=|<>|!=|=(?!=)|<(?![<])|>(?![>]))
  | (?P<_CONCATENATION>\|\|)
  | (?P<SIGN>[-+])
  | (?P<ASTERISK>\*(?!\*))
  | (?P<SOLIDUS>/(?![*]))
  | (?P<_COMMA>,)
  | (?P<_PERIOD>\.)
  | (?P<_LEFT_PAREN>\()
  | (?P<_RIGHT_PAREN>\))
    """,
    re.VERBOSE,
)

_CURES = {
    "==": "ADQL compares with a single =.",
    "`": 'names with special characters stand in double quotes, as in "my name".',
    ";": "an ADQL query is one statement and ends without a semicolon.",
    "%": "ADQL has no % operator; write MOD(x, y).",
    "**": "ADQL has no ** operator; write POWER(x, y).",
    "/*": "ADQL has only comments that begin with -- and end with the line.",
    "::": "ADQL converts with CAST(x AS INTEGER).",
    "&&": "write AND.",
    "&": "ADQL has no bitwise operators.",
    "|": "ADQL joins strings with || and has no bitwise operators.",
    "^": "ADQL has no ^ operator; write POWER(x, y).",
    "~": "ADQL has no bitwise operators and no regular expressions; write LIKE.",
    "<<": "ADQL has no bitwise operators.",
    ">>": "ADQL has no bitwise operators.",
    "[": "ADQL has no arrays and no square brackets.",
    "!": "ADQL says NOT, and <> or != for unequal.",
    "_": 'a name that begins with an underscore stands in double quotes, as in "_name".',
    "$": 'a name with a dollar sign stands in double quotes, as in "my$name".',
    "?": "ADQL has no placeholders; write the value.",
    ":": "ADQL has no placeholders; write the value.",
    "'": "this string does not end; close it with ', and write '' for a quote inside it.",
    '"': 'this name does not end; close it with ".',
    "\u00a0": "this is a no-break space; replace it by an ordinary one.",
    "\u2018": "this is a typographic quote; strings stand in straight quotes, as in 'text'.",
    "\u2019": "this is a typographic quote; strings stand in straight quotes, as in 'text'.",
    "\u201c": "this is a typographic quote; strings stand in straight quotes, as in 'text'.",
    "\u201d": "this is a typographic quote; strings stand in straight quotes, as in 'text'.",
}


def read_tokens(text: str) -> Iterator[Token]:
    """Tokens of a query, in order.

    Each has its offset as ``start_pos``. Words are reserved in ADQL wherever they stand, so that a word's type does
    not depend on its place: the type is the word itself, ``FUNCTION``, ``SHAPE``, ``SET_FUNCTION``, ``RESERVED`` for
    reserved words without a use, ``IDENTIFIER`` for all others.

    Raises
    ------
    FaultError
        Raised for characters that begin no token and for strings and names that do not end.

    References
    ----------
    ADQL 2.1, "Characters, Keywords, Identifiers and Literals" and the BNF of ``<token>``.
    """
    position, end = 0, len(text)
    match_at = _TOKEN.match
    word_type = _WORD_TYPES.get
    after_number = False
    while position < end:
        match = match_at(text, position)
        if match is None:
            raise fault(position, _unreadable(text, position))
        kind = match.lastgroup
        if kind == "BLANK":
            after_number = False
        elif kind is not None:
            value = match.group()
            if kind == "WORD":
                if after_number:
                    raise fault(position, f"A space or an operator is missing before {value}.")
                kind = word_type(value.upper(), "IDENTIFIER")
            elif kind == "DELIMITED" and value == '""':
                raise fault(position, "A name in double quotes needs at least one character.")
            after_number = kind in ("DIGITS", "NUMBER")
            yield Token(kind, value, position)
        position = match.end()


class AdqlLexer(Lexer):
    """The face of `read_tokens` that Lark asks for."""

    def __init__(self, lexer_conf: object) -> None:
        del lexer_conf

    def lex(self, text: str) -> Iterator[Token]:  # type: ignore[override]
        """Tokens of a query."""
        return read_tokens(text)


def _unreadable(text: str, position: int) -> str:
    for length in (2, 1):
        found = text[position : position + length]
        if found in _CURES:
            return f"Found {found}: {_CURES[found]}" if found.isprintable() else _CURES[found].capitalize()
    found = text[position]
    shown = found if found.isprintable() else f"the character U+{ord(found):04X}"
    if found.isalpha():
        return f'Found {shown}: names with other letters than A to Z stand in double quotes, as in "my name".'
    return f"Found {shown}, which has no meaning in ADQL."
