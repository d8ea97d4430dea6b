"""The resources of SIA 1."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from schema.engines.answers import explain
from sia.v1.capabilities import image_access_capability
from sia.v1.parameters import asks_for_metadata, read_image_query
from sia.v1.service import ImageService
from vo.dali.errors import DaliError, UsageFault
from vo.dali.parameters import Parameters
from vo.tables.votable import write_error, write_votable
from vo.vosi.availability import Availability, write_availability
from vo.vosi.simple_access import write_simple_capabilities

_VOTABLE = "text/xml;content=x-votable"
_XML = "text/xml;charset=utf-8"

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def blueprint(
    service: ImageService, *, base_url: str, availability: Callable[[], Availability], guard: Guard, name: str = "sia"
) -> Blueprint:
    """Make the resources of SIA 1.

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
    SIA 1.0, "Image Query".
    """
    routes = Blueprint(name, __name__)

    @routes.route("", methods=["GET", "POST"])
    def query() -> Response:
        parameters = Parameters([*request.args.items(multi=True), *request.form.items(multi=True)])
        if asks_for_metadata(parameters):
            stream = service.describe()
        else:
            stream = service.run(read_image_query(parameters, service.rows))
        response = Response(write_votable(stream, serialization="TABLEDATA", explain=explain), content_type=_VOTABLE)
        response.call_on_close(stream.close)
        return response

    @routes.get("/capabilities")
    def capabilities() -> Response:
        capability = image_access_capability(base_url, service.rows, service.example())
        return Response(write_simple_capabilities(capability, base_url), content_type=_XML)

    @routes.get("/availability")
    def available() -> Response:
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def refuse(fault: DaliError) -> Response:
    """Document that tells of a fault.

    Clients of SIA 1 look into the document and give up where the status is not 200, so that mistakes of the request
    come with 200; what the service itself is to blame for keeps its status.

    References
    ----------
    SIA 1.0, "Error Responses and Other Unsuccessful Results".
    """
    status = 200 if isinstance(fault, UsageFault) else fault.status
    return Response(write_error(str(fault)), status=status, content_type=_VOTABLE)
