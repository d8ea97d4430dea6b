"""The resources of DataLink."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from datalink.capabilities import write_links_capabilities
from datalink.parameters import read_form, read_links_query
from datalink.service import LinksService
from vo.dali.errors import DaliError, fault_name
from vo.dali.parameters import Parameters, RowLimits
from vo.datalink import LINKS_ID
from vo.tables.votable import Info, write_error
from vo.vosi.availability import Availability, write_availability

_VOTABLE = "application/x-votable+xml"
_XML = "text/xml;charset=utf-8"

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]


def blueprint(
    service: LinksService,
    *,
    rows: RowLimits,
    base_url: str,
    availability: Callable[[], Availability],
    guard: Guard,
    name: str = "datalink",
) -> Blueprint:
    """Make the resources of DataLink.

    Parameters
    ----------
    service
        What answers.
    rows
        Numbers of links of one answer.
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
    DataLink 1.1, "The {links} endpoint".
    """
    routes = Blueprint(name, __name__)

    @routes.route("/links", methods=["GET", "POST"])
    def links() -> Response:
        wanted = read_links_query(_parameters(), rows, request.headers.get("Accept"))
        stream = service.run(wanted)
        infos = [Info("standardID", LINKS_ID)]
        if wanted.run_id is not None:
            infos.append(Info("RUNID", wanted.run_id))
        return Response(wanted.output.write(stream, infos), content_type=wanted.output.media_type)

    @routes.get("/capabilities")
    def capabilities() -> Response:
        return Response(write_links_capabilities(base_url), content_type=_XML)

    @routes.get("/availability")
    def available() -> Response:
        return Response(write_availability(availability()), content_type=_XML)

    guard(routes, refuse)
    return routes


def refuse(fault: DaliError) -> Response:
    """Document that tells of a fault: a VOTable, or plain text where rows would come as plain text.

    References
    ----------
    DataLink 1.1, "Errors".
    """
    sentence = f"{fault_name(fault)}: {fault}"
    if _wants_plain_text():
        return Response(f"{sentence}\n", status=fault.status, content_type="text/plain;charset=utf-8")
    return Response(write_error(sentence), status=fault.status, content_type=_VOTABLE)


def _wants_plain_text() -> bool:
    try:
        wanted = read_form(_parameters().one("RESPONSEFORMAT"), request.headers.get("Accept"))
    except Exception:  # a request that cannot be read asks for nothing
        return False
    return wanted.media_type.startswith(("text/csv", "text/tab-separated-values", "text/plain"))


def _parameters() -> Parameters:
    return Parameters([*request.args.items(multi=True), *request.form.items(multi=True)])
