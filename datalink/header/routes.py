"""The header of a file over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from datalink.header.cards import header_lines
from vo.dali.errors import DaliError, NotFoundFault, UsageFault
from vo.dali.parameters import Parameters, quoted

Guard = Callable[[Blueprint, Callable[[DaliError], Response]], None]

FindHeaders = Callable[[str], list[list[list[Any]]] | None]
"""Cards of each HDU of the file that an identifier means; None where no such file is held."""


def blueprint(find_headers: FindHeaders, *, guard: Guard, name: str = "hdr") -> Blueprint:
    """Door to the headers, to be registered under ``/hdr``.

    ``/hdr?DpId=…`` gives the primary header as a page whose ``pre`` element holds one card per line; ``ext=n`` gives
    that of another HDU.

    Parameters
    ----------
    find_headers
        Finds the headers of a file.
    guard
        Bounds requests and sends failures to the function that writes them.
    name
        Name of the blueprint.
    """
    routes = Blueprint(name, __name__)

    @routes.get("")
    def header() -> Response:
        parameters = Parameters([*request.args.items(multi=True)])
        dp_id = parameters.one("DPID")
        if dp_id is None:
            raise UsageFault("DpId is missing: it names the file whose header is wanted.")
        headers = find_headers(dp_id)
        if headers is None:
            raise NotFoundFault(f"No file {quoted(dp_id)} is held here.")
        number = _read_extension(parameters.one("EXT"), len(headers))
        return Response(_page(dp_id, number, headers[number]), content_type="text/html;charset=utf-8")

    guard(routes, refuse)
    return routes


def _read_extension(text: str | None, count: int) -> int:
    if text is None:
        return 0
    if not re.fullmatch("[0-9]{1,6}", text.strip()):
        raise UsageFault(f"ext must be the number of an HDU, 0 for the primary, not {quoted(text)}.")
    if int(text) >= count:
        raise NotFoundFault(f"The file has {count} HDUs, numbered from 0; there is none with number {int(text)}.")
    return int(text)


def _page(dp_id: str, number: int, cards: list[list[Any]]) -> str:
    title = html.escape(dp_id if number == 0 else f"{dp_id} [{number}]")
    lines = html.escape("\n".join(header_lines(cards)), quote=False)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<pre>\n{lines}\n</pre>\n</body>\n</html>\n"
    )


def refuse(fault: DaliError) -> Response:
    """Answer a fault in one plain sentence."""
    return Response(f"{fault}\n", status=fault.status, content_type="text/plain;charset=utf-8")
