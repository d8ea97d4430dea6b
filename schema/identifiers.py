"""Which product an identifier means, in whatever form it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.obscore import obscore
from schema.observations import raw

_ENDINGS = (".fits", ".fits.fz", ".fits.gz", ".fits.Z")
_SUBMITTED = "ivo://eso.org/origfile?"
_FILE_PATHS = ("/files/", "/dataPortal/file/")
_ID_PARAMETERS = ("id", "dpid")
_IN_QUERY = "!$&'()*+,;=:@/?-._~"
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The identifiers of an archive.

    Attributes
    ----------
    engine
        The truth.
    authority
        IVOA authority of the archive.
    """

    engine: sa.Engine
    authority: str

    def resolve(self, texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Find the products that texts mean, by one query.

        A text may be a ``dp_id``, an ``obs_publisher_did``, the name under which a file was submitted or written
        (``ORIGFILE``), an ``obs_id``, each with or without the ending of a file, or an address of this archive that
        holds one of them. A text as it stands goes before other forms of it, and then what comes first in this list.

        Returns
        -------
        found
            For each text the ``dp_id`` of the products: none if it means nothing, several if they share it.
        """
        forms = [
            (number, order, form)
            for number, text in enumerate(texts)
            for order, form in enumerate(dict.fromkeys(forms_of(text, self.authority)))
        ]
        best: dict[int, tuple[tuple[int, int], list[str]]] = {}
        with self.engine.connect() as connection:
            for number, order, rank, dp_id in connection.execute(_select(forms)):
                known = best.get(number)
                if known is None or (order, rank) < known[0]:
                    best[number] = ((order, rank), [dp_id])
                elif (order, rank) == known[0]:
                    known[1].append(dp_id)
        return {text: tuple(sorted(best[number][1])) if number in best else () for number, text in enumerate(texts)}


def forms_of(text: str, authority: str) -> Iterator[str]:
    """All that a text may be short or long for, the likeliest first.

    Parameters
    ----------
    text
        As a client wrote it.
    authority
        IVOA authority of the archive, which is compared without regard to case.
    """
    if "\x00" in text or len(text) > _LONGEST:
        return
    name = text.strip()
    yield name
    inner = _inside(name, authority)
    if inner is not None and inner != name:
        yield from forms_of(inner, authority)
    for ending in _ENDINGS:
        if name.endswith(ending) and name != ending:
            yield name.removesuffix(ending)
    yield f"{name}.fits"
    for submitted in (name, f"{name}.fits"):
        yield f"{_SUBMITTED}{submitted}"


def publisher_did(dp_id: str, authority: str) -> str:
    """IVOA identifier of a product.

    References
    ----------
    IVOA Identifiers 2.0, "Dataset Identifiers".
    """
    return f"ivo://{authority}/ID?{quote(dp_id, safe=_IN_QUERY)}"


def _inside(text: str, authority: str) -> str | None:
    """Identifier that an IVOA identifier or an address of this archive holds."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme == "ivo" and parts.netloc.lower() == authority.lower() and parts.path in ("/ID", "/id"):
        return unquote(text.partition("?")[2]) or None
    if scheme not in ("http", "https"):
        return None
    for path in _FILE_PATHS:
        if path in parts.path:
            return unquote(parts.path.partition(path)[2]) or None
    return next((value for name, value in parse_qsl(parts.query) if name.lower() in _ID_PARAMETERS), None)


def _select(forms: Sequence[tuple[int, int, str]]) -> sa.CompoundSelect[Any]:
    columns = [[form[part] for form in forms] for part in range(3)]
    types = (sa.Integer, sa.Integer, sa.Text)
    arrays: list[sa.ColumnElement[Any]] = [
        sa.cast(sa.literal(column, postgresql.ARRAY(type_)), postgresql.ARRAY(type_))
        for column, type_ in zip(columns, types, strict=True)
    ]
    wanted = sa.func.unnest(*arrays).table_valued("number", "order", "form", name="wanted").render_derived()
    places: tuple[tuple[sa.Column[Any], sa.Column[Any]], ...] = (
        (obscore.c.dp_id, obscore.c.dp_id),
        (obscore.c.obs_publisher_did, obscore.c.dp_id),
        (obscore.c.obs_creator_did, obscore.c.dp_id),
        (raw.c.origfile, raw.c.dp_id),
        (obscore.c.obs_id, obscore.c.dp_id),
    )
    return sa.union_all(
        *(
            sa.select(wanted.c.number, wanted.c.order, sa.literal_column(f"{rank}").label("rank"), dp_id)
            .select_from(wanted)
            .join(dp_id.table, place == wanted.c.form)
            for rank, (place, dp_id) in enumerate(places)
        )
    )
