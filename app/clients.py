"""Who asks, and how much at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

_Address = IPv4Address | IPv6Address
_IPV6_SITE = 64


def read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks and addresses of a list with commas or blanks.

    Raises
    ------
    ValueError
        Raised for a word that is neither.
    """
    return tuple(ip_network(word) for word in text.replace(",", " ").split())


class Clients:
    """Counts what each client has under way.

    Parameters
    ----------
    limit
        Most requests of one client at the same time, 0 for no limit. Programs on this machine have none: they are those
        who run the archive, or a proxy that nobody has named, behind which are all clients.
    proxies
        Networks of proxies whose ``X-Forwarded-For`` is believed.
    """

    def __init__(self, limit: int, proxies: tuple[IPv4Network | IPv6Network, ...] = ()) -> None:
        self.limit = limit
        self._proxies = proxies
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    def address(self, environ: Mapping[str, Any]) -> str:
        """Address of the client; behind trusted proxies the last one that a proxy of ours has seen."""
        address = _read(environ.get("REMOTE_ADDR", ""))
        seen = [word.strip() for word in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        while address is not None and seen and self._is_proxy(address):
            before = _read(seen.pop())
            if before is None:
                break
            address = before
        return "" if address is None else str(address)

    def enter(self, client: str) -> bool:
        """Begin a request; False if the client has too many under way, and nothing is counted then."""
        key = self._key(client)
        if key is None:
            return True
        with self._lock:
            if self._under_way[key] >= self.limit:
                return False
            self._under_way[key] += 1
        return True

    def leave(self, client: str) -> None:
        """End a request that has begun."""
        key = self._key(client)
        if key is not None:
            with self._lock:
                self._under_way[key] -= 1
                if not self._under_way[key]:
                    del self._under_way[key]

    def _is_proxy(self, address: _Address) -> bool:
        return any(address in network for network in self._proxies if network.version == address.version)

    def _key(self, client: str) -> str | None:
        """What is counted: an address, or a site of IPv6, which has more addresses than there are requests."""
        address = _read(client)
        if not self.limit or address is None or address.is_loopback:
            return None
        if address.version == 6:
            return str(ip_network((address, _IPV6_SITE), strict=False))
        return client


def _read(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
