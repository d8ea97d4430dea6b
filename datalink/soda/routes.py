"""SODA over HTTP: the synchronous resource, capabilities, availability; jobs have routes of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, redirect, request
from pydantic import AnyUrl
from vo_models.voresource.models import Capability
from werkzeug.wsgi import wrap_file

from datalink.soda.errors import label
from datalink.soda.parameters import read_soda_query
from datalink.soda.service import MEDIA_TYPES, SUFFIXES, NoOverlapFault, SodaService
from vo.dali.errors import DaliError
from vo.dali.parameters import Parameters
from vo.vosi.availability import Availability, write_availability
from vo.vosi.capabilities import interface, vosi_capabilities, write_capabilities

SYNC_ID = "ivo://ivoa.net/std/SODA#sync-1.0"
ASYNC_ID = "ivo://ivoa.net/std/SODA#async-1.0"

_XML = "text/xml;charset=utf-8"
_BLOCK = 1 << 20

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def _never(stop: Callable[[], None]) -> None:
    """Take no notice of clients that go."""
    del stop


def blueprint(
    service: SodaService,
    *,
    base_url: str,
    availability: Callable[[], Availability],
    guard: Guard,
    when_gone: Callable[[Callable[[], None]], None] = _never,
    name: str = "soda",
) -> Blueprint:
    """Make the resources of SODA.

    Parameters
    ----------
    service
        What answers.
    base_url
        Public URL of the prefix at which the blueprint is registered, without a slash at its end.
    availability
        Tells the state of the archive each time it is asked.
    guard
        Bounds requests and sends failures to the function that writes them.
    when_gone
        Takes what is to be called if the client of the request goes before it is answered.
    name
        Of the blueprint.

    References
    ----------
    SODA 1.0, "Resources".
    """
    routes = Blueprint(name, __name__)

    @routes.route("/sync", methods=["GET", "POST"])
    def sync() -> Response:
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        query = read_soda_query(Parameters(pairs), most=1)
        (wanted,) = query.combinations
        held = service.require(wanted.identifier)
        if not wanted.filters and query.form == "fits":
            return redirect(service.address(held), 303)  # type: ignore[return-value]
        made = service.cut(held, wanted, query.form, begun=when_gone)
        name = f"{query.prefix}{held.dp_id}_cutout{SUFFIXES[query.form]}"
        return _file(made.path, made.size, MEDIA_TYPES[query.form], name)

    @routes.get("/capabilities")
    def capabilities() -> Response:
        return Response(write_soda_capabilities(base_url), content_type=_XML)

    @routes.get("/availability")
    def available() -> Response:
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def write_soda_capabilities(base_url: str) -> bytes:
    """Capabilities document of SODA.

    References
    ----------
    SODA 1.0, "Capabilities: VOSI-capabilities".
    """
    own = [
        Capability(standard_id=AnyUrl(standard), interface=[interface(f"{base_url}/{path}", version="1.0")])
        for standard, path in ((SYNC_ID, "sync"), (ASYNC_ID, "async"))
    ]
    return write_capabilities([*own, *vosi_capabilities(base_url)])


def refuse(fault: DaliError) -> Response:
    """Answer that tells of a fault; that nothing overlaps has no body.

    References
    ----------
    SODA 1.0, "{sync} Responses".
    """
    if isinstance(fault, NoOverlapFault):
        return Response(status=204)
    return Response(f"{label(fault)}: {fault}\n", status=fault.status, content_type="text/plain;charset=utf-8")


def _file(path: Path, size: int, media_type: str, name: str) -> Response:
    """Send a file that is forgotten at once: it is gone when it is closed."""
    source = path.open("rb")
    path.unlink()
    response = Response(wrap_file(request.environ, source, _BLOCK), mimetype=media_type, direct_passthrough=True)
    response.content_length = size
    safe = name.replace('"', "").replace("\\", "").encode("ascii", "replace").decode()
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return response
