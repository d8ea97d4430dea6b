"""Documents at addresses that strangers name, fetched without serving them as a way into the house."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted

Address: TypeAlias = tuple[str, int]

_REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_PIECE = 2**16


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open net: none of this machine, of private networks, or of groups.

    Addresses that carry one of IPv4 in them (mapped, 6to4, Teredo, NAT64) are judged by it too.

    References
    ----------
    RFC 6890, "Special-Purpose IP Address Registries"; RFC 6052, "Well-Known Prefix".
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner: list[ipaddress.IPv4Address | None] = []
    if isinstance(found, ipaddress.IPv6Address):
        teredo = found.teredo or ()
        inner = [found.ipv4_mapped, found.sixtofour, *teredo]
        if found in _NAT64 or found in _COMPATIBLE:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    if any(each is not None and not _is_open(each) for each in inner):
        return False
    return (isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None) or _is_open(found)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def _is_open(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches documents by HTTP.

    Each name is looked up once, its addresses are judged, and the connection goes to one that was judged: neither a
    redirect nor a name that changes its address in between leads anywhere else. No proxy and no credentials are used.

    Attributes
    ----------
    seconds
        Longest time for the whole document.
    may_reach
        Judges IP addresses.
    resolve
        Gives the IP addresses of a host and port.
    """

    seconds: float
    may_reach: Callable[[str], bool] = is_public
    resolve: Callable[[str, int], list[str]] | None = None

    def __call__(self, url: str, into: IO[bytes], most: int) -> None:
        """Write a document into a file.

        Raises
        ------
        UsageFault
            Raised with what keeps it from being fetched, and when it has more than `most` bytes.
        """
        end = time.monotonic() + self.seconds
        for _ in range(_REDIRECTS + 1):
            parts = _split(url)
            connection = self._connect(parts, end)
            try:
                target = self._answer(connection, parts, into, most, end)
            except (OSError, http.client.HTTPException) as error:
                raise UsageFault(f"{quoted(url)} could not be fetched: {_reason(error)}.") from None
            finally:
                connection.close()
            if target is None:
                return
            url = urljoin(url, target)
        raise UsageFault(f"{quoted(url)} was reached by more than {_REDIRECTS} redirects.")

    def _connect(self, parts: SplitResult, end: float) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = (self.resolve or _addresses)(host, port)
        except (OSError, UnicodeError):
            raise UsageFault(f"The host {quoted(host)} is not known.") from None
        if not found or not all(map(self.may_reach, found)):
            raise UsageFault(f"Tables are not fetched from {quoted(host)}: it is no host of the public net.")
        try:
            plain = socket.create_connection((found[0], port), timeout=_left(end))
        except OSError as error:
            raise UsageFault(f"{quoted(host)} could not be reached: {_reason(error)}.") from None
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.sock = _secured(plain, host) if parts.scheme == "https" else plain
        except OSError as error:
            plain.close()
            raise UsageFault(f"{quoted(host)} could not be reached: {_reason(error)}.") from None
        return connection

    def _answer(
        self, connection: http.client.HTTPConnection, parts: SplitResult, into: IO[bytes], most: int, end: float
    ) -> str | None:
        """Take the answer; the address that it sends elsewhere to, None when the document was written."""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc.rpartition("@")[2], "Connection": "close", "Accept-Encoding": "identity"}
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            location = answer.getheader("Location")
            if answer.status in _REDIRECTING and location:
                return location
            if answer.status != 200:
                raise UsageFault(f"{quoted(parts.geturl())} answered with HTTP status {answer.status}.")
            size = 0
            while piece := answer.read1(_PIECE):
                size += len(piece)
                if size > most:
                    raise UsageFault(f"The table has more than {most:,} bytes, the most that this service takes.")
                into.write(piece)
                if connection.sock is not None:
                    connection.sock.settimeout(_left(end))
                elif time.monotonic() > end:
                    raise TimeoutError
            if answer.length:
                raise ConnectionError("the answer broke off")
        return None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageFault(f"{quoted(url)} is no address.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise UsageFault(f"Tables are fetched by http and https alone, not from {quoted(url)}.")
    if not parts.hostname or port == 0 or any(letter <= " " or letter > "~" for letter in url):
        raise UsageFault(f"{quoted(url)} is no address.")
    return parts


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _secured(plain: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it took too long"
        case ssl.SSLError():
            return "its certificate is not trusted"
        case ConnectionRefusedError():
            return "nobody listens there"
        case _:
            return "the connection broke off"
