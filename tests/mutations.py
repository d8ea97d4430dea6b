# ruff: noqa: SIM905 - words are easier to read as text.
"""Queries that nobody would write: real ones with some of their words or letters changed."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_WORD = re.compile(
    r"""\s+|[A-Za-z_]\w*|[0-9.]+(?:[eE][+-]?[0-9]+)?|'[^']*'|"[^"]*"|--[^\n]*|<=|>=|<>|!=|\|\||.""", re.DOTALL
)
_TABLE = re.compile(r"\{\w+\}")
_ODD_WORDS = (
    *r"""( ) , . * / + - = <> < > <= >= != || ' " -- ; : ? $1 % [ ] { } \ ` ~ ! @ # & ^ | == ** /* */ :: &&
    NULL NOT AND OR IN IS LIKE ILIKE BETWEEN EXISTS SELECT FROM WHERE GROUP BY HAVING ORDER OFFSET TOP
    DISTINCT ALL AS JOIN LEFT FULL NATURAL ON USING UNION EXCEPT INTERSECT WITH CAST COUNT(*) SUM MAX
    POINT CIRCLE POLYGON BOX REGION MOC CONTAINS INTERSECTS DISTANCE AREA CENTROID COORD1 COORDSYS
    IN_UNIT COALESCE ROUND MOD POWER RAND LOWER UPPER ivo_healpix_index ivo_string_agg gavo_transform
    ivo_histogram ivo_hasword ivo_interval_overlaps ivo_epoch_prop_pos ivo_normal_random ivo_to_jd
    0 1 -1 2 0.0 1e308 1e-320 1e400 9223372036854775807 9223372036854775808 99999999999999999999 .5 5. 0x1F
    '' '''' 'ICRS' 'GALACTIC' 'x' '%' '_' '2013-02-30' '2013-04-12T04:52:06' 'deg' 'kg' '0/0-11' '29/' 'NaN'
    "" "x" "select" '"' tap_schema.tables ivoa.obscore pg_catalog.pg_class main.x duckdb_settings()""".split(),
    "'POLYGON ICRS 1 2 3 4'",
    "'CIRCLE ICRS 10 20 30'",
    "\N{NO-BREAK SPACE}",
    "\x00",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "\N{GRINNING FACE}",
    "\n-- remark\n",
    "\r",
)


def seed_queries(own: Sequence[str] = ()) -> list[list[str]]:
    """Groups of queries to begin with: `own` and, where there are real files, those of the field."""
    folder = os.environ.get("QUIPU_TESTDATA")
    groups = [list(own)] if own else []
    if folder is not None:
        for name in ("adql_corpus", "adql_semantics"):
            lines = (Path(folder) / "conformance" / f"{name}.jsonl").read_text().splitlines()
            entries = [json.loads(line) for line in lines]
            groups.append([entry["adql"] for entry in entries if entry.get("status", "firm") == "firm"])
        groups.append([path.read_text() for path in sorted((Path(folder) / "bench" / "queries").glob("*.adql"))])
    names = {"{S}": "TAP_UPLOAD.sem_src", "{G}": "TAP_UPLOAD.sem_grp", "{table}": "ivoa.obscore"}
    return [[_TABLE.sub(lambda found: names.get(found[0], found[0]), query) for query in each] for each in groups]


def _kind(word: str) -> str:
    """What may stand for one another more often than not: keywords, names, numbers, strings, signs."""
    if word[0].isalpha():
        return "keyword" if word.isupper() else "name"
    return "number" if word[0].isdigit() else word[0] if word[0] in "'\"" else "sign"


class Mutations:
    """An endless source of odd queries, the same for the same seed.

    Parameters
    ----------
    groups
        What to change; each group is taken as often as another.
    seed
        Of the dice.
    """

    def __init__(self, groups: Sequence[Sequence[str]], seed: int) -> None:
        self._dice = random.Random(seed)
        self._groups = [[_WORD.findall(query) for query in group] for group in groups]
        self._words = [
            sorted({word for query in group for word in query if not word.isspace()}) for group in self._groups
        ]

    def __iter__(self) -> Iterator[str]:
        while True:
            group = self._dice.randrange(len(self._groups))
            words = list(self._dice.choice(self._groups[group]))
            for _ in range(self._dice.choice((1, 1, 1, 2, 2, 3, 5))):
                self._change(words, group)
            text = "".join(words)
            yield self._with_other_bytes(text) if self._dice.random() < 0.2 else text

    def _change(self, words: list[str], group: int) -> None:
        dice = self._dice
        place = dice.randrange(len(words) + 1)
        is_word = place < len(words) and not words[place].isspace()
        match dice.randrange(20):
            case 0:
                del words[place : place + dice.randint(1, 3)]
            case 1:
                words[place:place] = words[place : place + dice.randint(1, 6)]
            case 2 if is_word:
                other = dice.randrange(len(words))
                words[place], words[other] = words[other], words[place]
            case 3 if is_word:
                words[place] = dice.choice(self._words[group])
            case 5:
                words[place:place] = [" ", dice.choice(_ODD_WORDS), " "]
            case 6 if is_word:
                words[place] = dice.choice(_ODD_WORDS)
            case 7:
                query = dice.choice(self._groups[group])
                start = dice.randrange(len(query))
                words[place:place] = query[start : start + dice.randint(1, 12)]
            case 4 if is_word:
                words[place] = f"({words[place]})"
            case _ if is_word:
                kind = _kind(words[place])
                words[place] = dice.choice([word for word in (*self._words[group], *_ODD_WORDS) if _kind(word) == kind])

    def _with_other_bytes(self, text: str) -> str:
        dice = self._dice
        data = bytearray(text.encode())
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data) + 1)
            match dice.randrange(4):
                case 0:
                    del data[place : place + dice.randint(1, 4)]
                case 1 if place < len(data):
                    data[place] ^= 1 << dice.randrange(8)
                case 2:
                    data[place:place] = bytes([dice.randrange(256)])
                case _:
                    data[place:place] = data[place : place + dice.randint(1, 8)] * dice.choice((1, 2, 50))
        return data.decode(errors="replace")
