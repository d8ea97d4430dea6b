"""The first page: what the archive holds and how to ask for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from flask import Blueprint, render_template

from portal.holdings import Holdings
from portal.sky import graticule, map_of
from schema.engines.execute import EngineError

_MJD_OF_UNIX_EPOCH = 40587.0


def blueprint(title: str, base_url: str, holdings: Callable[[], Holdings]) -> Blueprint:
    """Page at ``/``.

    Parameters
    ----------
    title
        Name of the archive.
    base_url
        Address that clients use.
    holdings
        Gives the numbers; may raise `EngineError`, then the page says so and stays useful.
    """
    routes = Blueprint("portal", __name__, template_folder="templates")

    @routes.get("/")
    def home() -> str:
        try:
            held = holdings()
        except EngineError as error:
            return render_template("home.html", title=title, base_url=base_url, trouble=str(error), held=None)
        return render_template(
            "home.html",
            title=title,
            base_url=base_url,
            trouble=None,
            held=held,
            dots=map_of(held.sky),
            graticule=graticule(),
            instant=_instant,
            day=lambda mjd: _instant(mjd)[:10],
            quote=lambda text: quote(text, safe=""),
        )

    return routes


def _instant(mjd: float | None) -> str:
    if mjd is None:
        return ""
    return datetime.fromtimestamp((mjd - _MJD_OF_UNIX_EPOCH) * 86400, UTC).strftime("%Y-%m-%d %H:%M:%S")
