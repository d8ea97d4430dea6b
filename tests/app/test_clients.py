"""Who asks, and who asks for too much."""

from __future__ import annotations

import pytest

from app.clients import Clients, read_networks


def environ(peer: str, forwarded: str | None = None) -> dict[str, str]:
    return {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.1", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "::ffff:203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "203.0.113.1", ""),
    ],
)
def test_only_proxies_of_ours_are_believed(peer: str, forwarded: str | None, client: str) -> None:
    assert Clients(1, read_networks("10.0.0.0/8, 192.168.1.1")).address(environ(peer, forwarded)) == client


def test_a_client_may_have_so_many_requests_under_way_and_no_more() -> None:
    clients = Clients(2)
    assert [clients.enter("203.0.113.1") for _ in range(3)] == [True, True, False]
    assert clients.enter("203.0.113.2")
    clients.leave("203.0.113.1")
    assert [clients.enter("203.0.113.1") for _ in range(2)] == [True, False]


def test_all_addresses_of_a_site_are_one_client_in_ipv6() -> None:
    clients = Clients(1)
    assert clients.enter("2001:db8:0:1::1")
    assert not clients.enter("2001:db8:0:1:ffff::2")
    assert clients.enter("2001:db8:0:2::1")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", ""])
def test_programs_of_the_same_machine_are_not_counted(address: str) -> None:
    clients = Clients(1)
    assert all(clients.enter(address) for _ in range(5))


def test_without_a_limit_nobody_is_counted() -> None:
    clients = Clients(0)
    assert all(clients.enter("203.0.113.1") for _ in range(5))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "example.org", "10.0.0.1/8"])
def test_a_list_of_proxies_with_a_word_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        read_networks(text)
