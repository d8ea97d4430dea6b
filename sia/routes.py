"""The resources of SIA 2."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from pydantic import AnyUrl
from vo_models.voresource.models import Capability

from schema.engines.answers import explain, fault_of
from schema.engines.execute import EngineError
from sia.descriptors import QUERY_ID
from sia.parameters import read_sia_query
from sia.service import SiaService
from vo.dali.errors import DaliError, fault_name
from vo.dali.parameters import Parameters
from vo.tables.formats import choose_format
from vo.tables.votable import Info, write_error
from vo.vosi.availability import Availability, write_availability
from vo.vosi.capabilities import interface, vosi_capabilities, write_capabilities

_VOTABLE = "application/x-votable+xml"
_XML = "text/xml;charset=utf-8"
_PLAIN_TEXT = ("text/csv", "text/tab-separated-values")

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def blueprint(
    service: SiaService, *, base_url: str, availability: Callable[[], Availability], guard: Guard, name: str = "sia2"
) -> Blueprint:
    """Make the resources of SIA 2.

    Parameters
    ----------
    service
        What answers.
    base_url
        Public URL of the prefix at which the blueprint is registered, without a slash at its end.
    availability
        Tells the state of the service each time it is asked.
    guard
        Bounds requests and sends failures to the function that writes them.
    name
        Of the blueprint.

    References
    ----------
    SIA 2.0, "Resources".
    """
    routes = Blueprint(name, __name__)

    @routes.route("/query", methods=["GET", "POST"])
    def query() -> Response:
        wanted = read_sia_query(_parameters(), service.rows, accept=request.headers.get("Accept"))
        stream = service.run(wanted)
        infos = [] if wanted.run_id is None else [Info("RUNID", wanted.run_id)]
        try:
            body = wanted.output.begin(stream, infos, explain)
        except EngineError as error:
            raise fault_of(error) from error
        response = Response(body, content_type=wanted.output.media_type)
        response.call_on_close(stream.close)
        return response

    @routes.get("/capabilities")
    def capabilities() -> Response:
        return Response(write_sia_capabilities(base_url), content_type=_XML)

    @routes.get("/availability")
    def available() -> Response:
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def write_sia_capabilities(base_url: str) -> bytes:
    """Capabilities document of an SIA 2 service.

    References
    ----------
    SIA 2.0, "Capabilities: VOSI-capabilities".
    """
    query = Capability(standard_id=AnyUrl(QUERY_ID), interface=[interface(f"{base_url}/query", version="2.0")])
    return write_capabilities([query, *vosi_capabilities(base_url)])


def refuse(fault: DaliError) -> Response:
    """Document that tells of a fault, in plain text where rows would come as plain text.

    References
    ----------
    SIA 2.0, "Errors".
    """
    sentence = f"{fault_name(fault)}: {fault}"
    if _wants_plain_text():
        return Response(f"{sentence}\n", status=fault.status, content_type="text/plain;charset=utf-8")
    return Response(write_error(sentence), status=fault.status, content_type=_VOTABLE)


def _wants_plain_text() -> bool:
    try:
        wanted = choose_format(_parameters().one("RESPONSEFORMAT"), request.headers.get("Accept"))
    except Exception:  # a request that cannot be read asks for nothing
        return False
    return wanted.media_type.startswith(_PLAIN_TEXT)


def _parameters() -> Parameters:
    return Parameters([*request.args.items(multi=True), *request.form.items(multi=True)])
