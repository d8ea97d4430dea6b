from __future__ import annotations

import random

import duckdb
import pytest

from schema.catalogue import Catalogue
from schema.engines.dialect import render
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from tap.adql.tokens import read_tokens

SEEDS = [
    "SELECT TOP 5 id, name AS n, mag * 2 + 1 FROM sky.stars AS s WHERE s.mag BETWEEN 1 AND 20 ORDER BY 2 DESC OFFSET 1",
    "SELECT s.id, g.grp FROM stars s LEFT OUTER JOIN groups g ON s.id = g.id AND g.val IN (1, 2, NULL) WHERE name LIKE "
    "'A%'",
    "SELECT grp, COUNT(*), SUM(val) / COUNT(DISTINCT x) AS r FROM groups GROUP BY grp HAVING MAX(val) > 1 ORDER BY grp",
    "SELECT id FROM stars WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, -0.5, 1/2.)) OR kind <> 'x'",
    "SELECT DISTANCE(ra, dec, 10, 0) AS d, POINT(ra, dec) FROM stars WHERE NOT (seen >= '2013-04-12' AND n IS NULL)",
    "WITH w AS (SELECT id, -mag AS m FROM stars) SELECT * FROM w WHERE EXISTS (SELECT 1 FROM groups g WHERE g.id=w.id)",
    "(SELECT id FROM stars UNION ALL SELECT val FROM groups) EXCEPT SELECT 1 FROM stars ORDER BY id",
    'SELECT q.a || LOWER(q.b) FROM (SELECT name AS a, band AS "b" FROM stars) AS q, groups NATURAL JOIN stars AS z',
    "SELECT CAST(mag AS VARCHAR(4)), COALESCE(n, 0), IN_UNIT(ra, 'rad'), POWER(id, 2), ROUND(mag, -1) FROM stars",
]
WORDS = [token for seed in SEEDS for token in read_tokens(seed)]


def mutated(dice: random.Random) -> str:
    """A query with some words dropped, doubled, swapped or taken from elsewhere."""
    words = [str(token) for token in read_tokens(dice.choice(SEEDS))]
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(words))
        match dice.randrange(4):
            case 0 if len(words) > 1:
                del words[place]
            case 1:
                words.insert(place, words[place])
            case 2:
                other = dice.randrange(len(words))
                words[place], words[other] = words[other], words[place]
            case _:
                words[place] = str(dice.choice(WORDS))
    return " ".join(words)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_written_runs_or_is_refused(
    catalogue: Catalogue, connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    dice = random.Random(seed)
    ran = 0
    for _ in range(300):
        text = mutated(dice)
        try:
            query = compile_query(text, catalogue)
        except AdqlError as error:
            assert str(error).endswith((".", "?"))  # noqa: PT017 - both ways out are right
            continue
        sql, parameters = render(query.select)
        connection.execute(sql, parameters)
        assert len(connection.description or ()) == len(query.fields)
        connection.fetchall()
        ran += 1
    assert ran > 0
