"""The resources of cone searches."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from schema.engines.answers import explain
from scs.capabilities import cone_search_capability
from scs.parameters import read_cone_query
from scs.service import ConeService
from vo.dali.errors import DaliError, UsageFault
from vo.dali.parameters import Parameters
from vo.tables.votable import Info, write_error, write_votable
from vo.vosi.availability import Availability, write_availability
from vo.vosi.simple_access import write_simple_capabilities

_VOTABLE = "text/xml;content=x-votable"
_XML = "text/xml;charset=utf-8"

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def blueprint(
    service: ConeService, *, base_url: str, availability: Callable[[], Availability], guard: Guard, name: str = "scs"
) -> Blueprint:
    """Make the resources of cone searches, one service for each table.

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
    Simple Cone Search 1.03, "Requirements for Compliance".
    """
    routes = Blueprint(name, __name__)

    @routes.route("/<table>", methods=["GET", "POST"])
    def search(table: str) -> Response:
        found = service.table(table)
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        stream = service.run(found, read_cone_query(Parameters(pairs), service.rows))
        response = Response(write_votable(stream, serialization="TABLEDATA", explain=explain), content_type=_VOTABLE)
        response.call_on_close(stream.close)
        return response

    @routes.get("/<table>/capabilities")
    def capabilities(table: str) -> Response:
        found = service.table(table)
        url = f"{base_url}/{found.published.qualified_name}"
        capability = cone_search_capability(url, service.rows, service.example(found))
        return Response(write_simple_capabilities(capability, url), content_type=_XML)

    @routes.get("/<table>/availability")
    def available(table: str) -> Response:
        service.table(table)
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def refuse(fault: DaliError) -> Response:
    """Document that tells of a fault.

    Clients of cone searches look into the document and give up where the status is not 200, so that mistakes of the
    request come with 200; what the service itself is to blame for keeps its status.

    References
    ----------
    Simple Cone Search 1.03, "Requirements for Compliance": the case of error.
    """
    sentence = str(fault)
    status = 200 if isinstance(fault, UsageFault) else fault.status
    return Response(write_error(sentence, [Info("Error", sentence)]), status=status, content_type=_VOTABLE)
