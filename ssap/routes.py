"""The resources of SSA."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from schema.engines.answers import explain
from ssap.capabilities import spectral_access_capability
from ssap.parameters import VOTABLE, asks_for_metadata, check_operation, read_spectrum_query
from ssap.service import SpectrumService
from vo.dali.errors import DaliError, UsageFault
from vo.dali.parameters import Parameters
from vo.tables.votable import Info, write_error, write_votable
from vo.vosi.availability import Availability, write_availability
from vo.vosi.simple_access import write_simple_capabilities

_VOTABLE = "text/xml;content=x-votable"
_XML = "text/xml;charset=utf-8"
_PROTOCOL = Info("SERVICE_PROTOCOL", "1.1", "SSAP")

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def blueprint(
    service: SpectrumService,
    *,
    base_url: str,
    availability: Callable[[], Availability],
    guard: Guard,
    name: str = "ssap",
) -> Blueprint:
    """Make the resources of SSA.

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
    SSA 1.1, "QueryData Operation", "Data Retrieval".
    """
    routes = Blueprint(name, __name__)

    @routes.route("", methods=["GET", "POST"])
    def query() -> Response:
        parameters = Parameters([*request.args.items(multi=True), *request.form.items(multi=True)])
        check_operation(parameters)
        infos = [_PROTOCOL]
        if asks_for_metadata(parameters):
            stream = service.describe()
        else:
            wanted = read_spectrum_query(parameters, service.rows)
            stream = service.run(wanted)
            infos += [] if wanted.run_id is None else [Info("RUNID", wanted.run_id)]
        body = write_votable(stream, serialization="TABLEDATA", infos=infos, explain=explain)
        response = Response(body, content_type=_VOTABLE)
        response.call_on_close(stream.close)
        return response

    @routes.get("/spectrum")
    def spectrum() -> Response:
        dp_id = Parameters(request.args.items(multi=True)).one("ID")
        if dp_id is None:
            raise UsageFault("ID is missing: it names the spectrum.")
        stream = service.convert(dp_id)
        response = Response(write_votable(stream, serialization="TABLEDATA"), content_type=VOTABLE)
        response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(dp_id)}"'
        response.call_on_close(stream.close)
        return response

    @routes.get("/capabilities")
    def capabilities() -> Response:
        capability = spectral_access_capability(base_url, service.rows)
        return Response(write_simple_capabilities(capability, base_url), content_type=_XML)

    @routes.get("/availability")
    def available() -> Response:
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def _file_name(dp_id: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9._+-]', '_', dp_id)}.vot"


def refuse(fault: DaliError) -> Response:
    """Document that tells of a fault.

    Clients of SSA look into the document and give up where the status is not 200, so that mistakes of the request come
    with 200; what the service itself is to blame for keeps its status.

    References
    ----------
    SSA 1.1, "Error Response and Other Unsuccessful Results".
    """
    status = 200 if isinstance(fault, UsageFault) else fault.status
    return Response(write_error(str(fault), [_PROTOCOL]), status=status, content_type=_VOTABLE)
