"""The tables of the LALR parser, made from adql.lark once for each process."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Transformer

from tap.adql.tokens import AdqlLexer


@cache
def parser(transformer: Transformer[Any, Any]) -> Lark:
    """Parser that calls `transformer` at each reduction, so that no tree is ever walked by recursion."""
    text = files("tap.adql").joinpath("adql.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=AdqlLexer, transformer=transformer, start="query_specification")
