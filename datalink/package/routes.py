"""Packages over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from datalink.package.archive import Member, Package, tar_package, zip_package
from datalink.package.parameters import read_package_query, require_count
from storage.replicas import HeldFile, Replicas
from storage.store import MissingBytesError
from vo.dali.errors import AuthorizationFault, DaliError, NotFoundFault, TransientFault
from vo.dali.parameters import Parameters, quoted

_MEDIA_TYPES = {"tar": "application/x-tar", "zip": "application/zip"}
_NAMED = 5

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]

FindFiles = Callable[[Sequence[str]], Mapping[str, Sequence[HeldFile]]]
"""Files that identifiers of any form mean: none where an identifier means nothing held here."""


def blueprint(
    replicas: Replicas,
    find: FindFiles,
    *,
    guard: Guard,
    related: Callable[[Sequence[str]], Sequence[str]] = lambda _: (),
    may_read: Callable[[HeldFile, datetime], bool] = HeldFile.is_public,
    now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None),
    most: int = 10_000,
    name: str = "package",
) -> Blueprint:
    """Door to many files at once, to be registered under ``/package``.

    Everything that can be wrong is told before the first byte; what goes wrong later breaks the connection, so that
    nobody takes half a package for a whole one.

    Parameters
    ----------
    replicas
        The files.
    find
        Finds the files that identifiers of any form mean; an observation means all its files.
    related
        Identifiers of the files that files were made of, and of their companions.
    may_read
        Tells whether the one who asks may have a file at an instant; by default everybody may once it is public.
    now
        Clock; UTC without zone.
    most
        Most files in one package.
    guard
        Bounds requests and sends failures to the function that writes them.
    name
        Name of the blueprint.
    """
    routes = Blueprint(name, __name__)

    @routes.route("", methods=["GET", "HEAD", "POST"])
    def package() -> Response:
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        wanted = read_package_query(Parameters(pairs), most)
        held = _find_all(wanted.identifiers, find, most)
        _require_rights(held, may_read, now())
        if wanted.related:
            held += _related(held, find, related, may_read, now())
            require_count(len(held), most)
        packed = (zip_package if wanted.form == "zip" else tar_package)(list(_members(held, replicas)))
        return _answer(packed, wanted.form)

    guard(routes, refuse)
    return routes


def _answer(packed: Package, form: str) -> Response:
    response = Response(packed.body, content_type=_MEDIA_TYPES[form])
    response.content_length = packed.size
    response.headers["Content-Disposition"] = f'attachment; filename="package.{form}"'
    return response


def _find_all(identifiers: Sequence[str], find: FindFiles, most: int) -> list[HeldFile]:
    found = find(identifiers)
    missing = [quoted(identifier) for identifier in identifiers if not found[identifier]]
    if missing:
        raise NotFoundFault(f"Not held here: {_listed(missing)}.")
    files = {held.dp_id: held for identifier in identifiers for held in found[identifier]}
    require_count(len(files), most)
    return [*files.values()]


def _related(
    files: Sequence[HeldFile],
    find: FindFiles,
    related: Callable[[Sequence[str]], Sequence[str]],
    may_read: Callable[[HeldFile, datetime], bool],
    now: datetime,
) -> list[HeldFile]:
    """Files that belong to others, where the one who asks may have them."""
    own = {held.dp_id for held in files}
    found = find(related([*own]))
    others = {held.dp_id: held for each in found.values() for held in each}
    return [held for dp_id, held in others.items() if dp_id not in own and may_read(held, now)]


def _require_rights(files: Iterable[HeldFile], may_read: Callable[[HeldFile, datetime], bool], now: datetime) -> None:
    kept = [held.dp_id for held in files if not may_read(held, now)]
    if kept:
        raise AuthorizationFault(f"Proprietary, and not for you or not yet public: {_listed(kept)}.")


def _members(files: Iterable[HeldFile], replicas: Replicas) -> Iterator[Member]:
    taken: set[str] = set()
    for held in files:
        try:
            replicas.open(held).close()
        except MissingBytesError as error:
            raise TransientFault(str(error)) from error
        name = held.name if held.name not in taken else f"{held.dp_id}/{held.name}"
        taken.add(name)
        yield Member(
            held.dp_id,
            name,
            held.size,
            held.sha256,
            held.content_type,
            held.ingested.replace(tzinfo=UTC).timestamp(),
            lambda held=held: replicas.open(held),  # type: ignore[misc]
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def refuse(fault: DaliError) -> Response:
    """Answer a fault in one plain sentence."""
    return Response(f"{fault}\n", status=fault.status, content_type="text/plain;charset=utf-8")
