"""The door for those who run the archive: what a query becomes and what it costs, in the running server."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, request

from schema.catalogue import Catalogue
from schema.engines.execute import EngineError, Query
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from tap.adql.parse import parse_query

_FILE = "operator.json"
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - to know it, not to listen there


class Explaining(Protocol):
    """An engine that tells what it makes of a query."""

    def explain(self, query: Query, *, seconds: float | None = None) -> str:
        """SQL, parameters and plan; with `seconds` the query runs for so long at most, and the plan says what it did.

        Raises
        ------
        EngineError
            Raised with a sentence.
        """
        ...


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """What opens the door: written by the server, readable for the account that runs it alone.

    Attributes
    ----------
    url
        Address of the server.
    token
        Secret of this run of the server.
    """

    url: str
    token: str

    @classmethod
    def write(cls, directory: Path, host: str, port: int) -> OperatorKey:
        """Make a new key and put it into the directory of the archive."""
        name = "127.0.0.1" if host in _ANYWHERE else f"[{host}]" if ":" in host else host
        key = cls(f"http://{name}:{port}", secrets.token_urlsafe(32))
        path = directory / _FILE
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"url": key.url, "token": key.token}, file)
        return key

    @classmethod
    def read(cls, directory: Path) -> OperatorKey | None:
        """The key of the last server of an archive; None where there was none, or for another account."""
        try:
            return cls(**json.loads((directory / _FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return None


def ask_server(key: OperatorKey, query: str, *, analyze: bool) -> tuple[int, str] | None:
    """Status and text of the server's answer to `quipu explain`; None where no server listens."""
    form = urllib.parse.urlencode({"QUERY": query, **({"ANALYZE": "1"} if analyze else {})}).encode()
    asked = urllib.request.Request(  # noqa: S310 - the address is that of our own server
        f"{key.url}/operator/explain", form, {"Authorization": f"Bearer {key.token}"}
    )
    try:
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            return int(answer.status), answer.read().decode().rstrip("\n")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().rstrip("\n")
    except OSError:
        return None


def blueprint(key: OperatorKey, engine: Explaining, catalogue: Callable[[], Catalogue], seconds: float) -> Blueprint:
    """Make ``/explain``, for those who have the key; for all others there is nothing.

    Parameters
    ----------
    seconds
        Longest time of a query that is run to be explained.
    """
    routes = Blueprint("operator", __name__)

    @routes.post("/explain")
    def explain() -> Response:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {key.token}".encode()):
            return _text("There is nothing here.", 404)
        limit = seconds if request.form.get("ANALYZE") else None
        try:
            return _text(explained(request.form.get("QUERY", ""), catalogue(), engine, limit))
        except (AdqlError, EngineError) as error:
            return _text(str(error), 400)

    return routes


def explained(text: str, catalogue: Catalogue, engine: Explaining, seconds: float | None) -> str:
    """Times of each stage, then what the engine tells; compiled anew, as a query that comes for the first time is."""
    began = time.perf_counter()
    parse_query(text)
    parsed = time.perf_counter()
    query = compile_query(text, catalogue)
    compiled = time.perf_counter()
    told = engine.explain(query, seconds=seconds)
    done = time.perf_counter()
    # Compiling reads the text once more.
    times = {
        "parse": parsed - began,
        "compile": max(0.0, compiled - parsed - (parsed - began)),
        "plan in the engine" if seconds is None else "run in the engine": done - compiled,
    }
    return f"-- {', '.join(f'{stage} {1000 * each:.1f} ms' for stage, each in times.items())}\n{told}"


def _text(text: str, status: int = 200) -> Response:
    return Response(f"{text}\n", status=status, content_type="text/plain;charset=utf-8")
