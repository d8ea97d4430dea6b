"""Reference frames that a query names, and geometries brought into one frame to be compared.

A geometry keeps the coordinates that the query writes. Where two of different frames meet, they are rotated to ICRS.
What has no frame is ICRS, but where it meets what `ivo_geom_transform` gives: then both are in the frame asked for.

References
----------
ADQL 2.1, "Coordinate systems": the argument is deprecated, its words are left to services.
"""

from __future__ import annotations

from schema.spatial.frames import FRAMES, is_same_frame
from tap.adql import nodes as n
from tap.adql.errors import fault
from tap.adql.resolve import Names
from tap.adql.scope import MergedColumn, Output, Source, SourceColumn
from tap.adql.user_functions import user_function

ICRS = "ICRS"

_FRAMED = frozenset({"BOX", "CIRCLE", "POINT", "POLYGON"})
_WORDS = {
    "": ICRS,
    "J2000": ICRS,
    "B1950": "FK4",
    "GALACTIC_II": "GALACTIC",
    "SUPERGALACTIC": "SUPER_GALACTIC",
    **{frame: frame for frame in FRAMES},
}
_TRANSFORMS = frozenset({"ivo_geom_transform", "gavo_transform"})


def written_frame(node: n.Expression) -> n.StringLiteral | None:
    """The coordinate system that stands in a geometric function."""
    if isinstance(node, n.FunctionCall) and node.name in _FRAMED and isinstance(node.arguments[0], n.StringLiteral):
        return node.arguments[0]
    return None


def known_frame(literal: n.StringLiteral) -> str | None:
    """Frame that the first word of a coordinate system means, in any letter case; None for a word not known."""
    words = literal.value.split(maxsplit=1)
    return _WORDS.get(words[0].upper() if words else "")


def asked_frame(literal: n.StringLiteral) -> str:
    """Frame that an argument of `ivo_geom_transform` names, whose words keep their letter case.

    Raises
    ------
    FaultError
        Raised for a word not known.
    """
    if literal.value not in FRAMES:
        known = ", ".join(FRAMES)
        raise fault(literal.position, f"The frame {literal.value!r} is not known here; there are {known}.")
    return literal.value


def transform_of(node: n.Expression) -> tuple[n.StringLiteral, n.StringLiteral, n.Expression] | None:
    """Arguments of a call of `ivo_geom_transform` by either name, None for all else."""
    if not isinstance(node, n.UserDefinedFunctionCall):
        return None
    called = user_function(node)
    if called is None or called.name not in _TRANSFORMS:
        return None
    source, target, shape = node.arguments
    assert isinstance(source, n.StringLiteral)
    assert isinstance(target, n.StringLiteral)
    return source, target, shape


def frame_literal(node: n.Expression, names: Names) -> n.StringLiteral | None:
    """The literal that gives the frame of a geometry, where one does, even from within a sub-query."""
    while isinstance(node, n.Parentheses):
        node = node.operand
    written = written_frame(node)
    if written is not None:
        return written
    transform = transform_of(node)
    if transform is not None:
        return transform[1]
    if isinstance(node, n.Cast):
        return frame_literal(node.operand, names)
    if isinstance(node, n.ColumnReference):
        origin = _origin(names.columns[id(node)])
        return None if origin is None else frame_literal(origin, names)
    if isinstance(node, n.FunctionCall) and node.name in _FRAMED | {"CENTROID"} and node.name != "POINT":
        first = node.arguments[0]
        return frame_literal(first, names) if _is_geometry(first) else None
    return None


def _is_geometry(node: n.Expression) -> bool:
    while isinstance(node, n.Parentheses):
        node = node.operand
    return isinstance(node, (n.Cast, n.FunctionCall, n.UserDefinedFunctionCall, n.ColumnReference))


def _origin(source: Source) -> n.Expression | None:
    """The expression that fills a column of a sub-query."""
    found: n.Expression | Source | Output = source
    while isinstance(found, (SourceColumn, MergedColumn, Output)):
        if isinstance(found, MergedColumn):
            found = found.left
        elif isinstance(found, Output):
            found = found.expressions[0]
        elif isinstance(found.origin, Output):
            found = found.origin
        else:
            return None
    return found


def common_frames(a: n.Expression, b: n.Expression, names: Names) -> tuple[str | None, str | None]:
    """Frames from which two geometries are to be rotated to ICRS; both None where their coordinates can be compared."""
    literals = [frame_literal(node, names) for node in (a, b)]
    frames = [ICRS if literal is None else known_frame(literal) or ICRS for literal in literals]
    transformed = [transform_of(_bare(node)) is not None for node in (a, b)]
    if any(transformed) and None in literals:
        return None, None
    if is_same_frame(*frames):
        return None, None
    rotated = [None if is_same_frame(frame, ICRS) else frame for frame in frames]
    return rotated[0], rotated[1]


def _bare(node: n.Expression) -> n.Expression:
    while isinstance(node, n.Parentheses):
        node = node.operand
    return node
