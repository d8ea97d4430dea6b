"""A table with a column of each type, to be written and read back."""

from __future__ import annotations

import math
from datetime import datetime

from vo.tables.field import Field

EVERYTHING = (
    Field("flag", "boolean"),
    Field("byte", "unsignedByte"),
    Field("small", "short"),
    Field("number", "int", unit="d", ucd="meta.number", utype="some:where", description='A count, < or > & "so".'),
    Field("big", "long"),
    Field("single", "float"),
    Field("value", "double"),
    Field("word", "char", "*"),
    Field("name", "unicodeChar", "*"),
    Field("seen", "char", "*", xtype="timestamp"),
    Field("polygon", "double", "*", xtype="polygon"),
    Field("point", "double", "2", xtype="point"),
    Field("counts", "int", "*"),
    Field("flags", "boolean", "*"),
)
FULL = (
    True, 254, 1 - 2**15, 2**31 - 1, 1 - 2**63, 0.1, 1 / 3, "word", "Étoile", datetime(2024, 2, 29, 23, 59, 59, 123456),
    [1.5, -2.25, 3.5, 4.0, 5.0, 6.125], [10.0, -20.0], [1, 2, 3], [True, False],
)  # fmt: skip
NULLS = (None,) * len(EVERYTHING)
ODD = (
    (
        False, 0, 2**15 - 1, -1, 2**53 + 1, math.nan, math.inf, "", "𝄞 星", datetime(1858, 11, 17),
        [math.nan, -math.inf], [math.nan, math.inf], [], [False],
    ),
    (
        None, 1, -1, None, 2**63 - 1, -math.inf, -0.0, '<a href="x">&amp;,;|', "Ωμέγα, \"so\"", datetime.max, [], None,
        [-5], [],
    ),
    (
        True, None, None, 0, None, 1.17e-38, 1e300, "CIRCLE ICRS 1 2 3", "\u0301", None, [1e-300], [0.0, -90.0],
        [2**31 - 1], None,
    ),
)  # fmt: skip
"""Values at the edges of their types."""
