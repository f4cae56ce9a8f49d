"""Where a request comes from: what proxies say counts if they are trusted, and what is of this machine alone."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import globalLogPublisher
from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.doubles.shelves import page_of
from tests.web.node import WebNode
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Network, Who
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.client import SIGNS_OF_A_PROXY, Clients

PROXIES = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("::1"))
PUBLIC_URL = "https://packages.example/"


def request(
    peer: Any = "127.0.0.1", proto: bytes = b"HTTP/1.1", host: str = "localhost:8141", **fields: str
) -> Request:
    channel = DummyChannel()
    if not isinstance(peer, str):
        channel.transport.getPeer = lambda: peer
    else:
        kind = IPv6Address if ":" in peer else IPv4Address
        channel.transport.getPeer = lambda: kind("TCP", peer, 40000)
    made = Request(channel, False)
    made.client, made.clientproto = channel.transport.getPeer(), proto
    if host:
        made.requestHeaders.addRawHeader("Host", host)
    for name, value in fields.items():
        for line in value.split("|"):
            made.requestHeaders.addRawHeader(name.replace("_", "-"), line)
    return made


# -- addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "10.1.2.3", "192.0.2.7"),  # from nobody who is trusted
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "10.9.9.9, 203.0.113.5", "203.0.113.5"),  # left of it stands what the client says of itself
        ("127.0.0.1", "203.0.113.5, 10.9.9.9", "203.0.113.5"),  # through two proxies, both trusted
        ("127.0.0.1", "10.1.1.1, 203.0.113.5, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("127.0.0.1", "10.1.1.1,10.9.9.9", "10.1.1.1"),  # trusted to the last: the far end
        ("127.0.0.1", "203.0.113.5|10.9.9.9", "203.0.113.5"),  # the same in two lines
        ("127.0.0.1", "203.0.113.5:4711", "203.0.113.5"),
        ("127.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("127.0.0.1", "2001:db8::5", "2001:db8::5"),
        ("127.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
        ("::ffff:127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("::1", "203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "203.0.113.5, unknown", "None"),  # a client that the proxy does not tell is nobody's
        ("127.0.0.1", "_hidden", "None"),
        ("127.0.0.1", "203.0.113.5, ,", "203.0.113.5"),
    ],
)
def test_address_is_the_right_most_that_no_trusted_proxy_is_at(peer: str, said: str | None, address: str) -> None:
    asked = request(peer) if said is None else request(peer, X_Forwarded_For=said)
    assert str(Clients(trusted=PROXIES).address(asked)) == address


def test_nobody_is_believed_unless_trusted() -> None:
    asked = request("127.0.0.1", X_Forwarded_For="203.0.113.5", Forwarded="for=203.0.113.5", X_Real_IP="203.0.113.5")
    assert str(Clients().address(asked)) == "127.0.0.1"


def test_unix_socket_has_no_address() -> None:
    asked = request(UNIXAddress("/run/tiercache.sock"), X_Forwarded_For="203.0.113.5")
    assert Clients(trusted=PROXIES).address(asked) is None
    assert not Clients(trusted=PROXIES).is_local(asked)


# -- of this machine --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "LocalHost:8141", "127.0.0.1:8141", "[::1]:8141", "tiers.localhost"])
def test_program_of_this_machine_is_known(peer: str, host: str) -> None:
    assert Clients().is_local(request(peer, host=host))


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::1", "10.0.0.1"])
def test_others_are_not_of_this_machine_whatever_they_say(peer: str) -> None:
    assert not Clients().is_local(request(peer))
    assert not Clients(trusted=PROXIES).is_local(request(peer))


@pytest.mark.parametrize("name", SIGNS_OF_A_PROXY)
def test_what_came_through_a_proxy_is_not_of_this_machine(name: str) -> None:
    assert not Clients().is_local(request(**{name: "127.0.0.1"}))


def test_what_speaks_the_first_version_is_a_proxy() -> None:
    assert not Clients().is_local(request(proto=b"HTTP/1.0"))


@pytest.mark.parametrize(
    "host", ["rebound.example:8141", "localhost.evil.example", "192.0.2.1:8141", "", "127.evil.example"]
)
def test_name_that_was_made_to_lead_here_is_not_this_machine(host: str) -> None:
    """DNS rebinding: the page's own site, as its browser believes."""
    assert not Clients().is_local(request(host=host))


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},  # another program's page
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://localhost:8141", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "nonsense://"},
        {"Origin": "http://[::1"},
        {"Origin": "http://localhost:8141, http://evil.example"},
    ],
)
def test_page_of_another_site_is_known(fields: dict[str, str]) -> None:
    asked = request(**fields)
    assert Clients().is_cross_site(asked)
    assert not Clients().is_local(asked)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Origin": "http://localhost:8141"},
        {"Origin": "http://localhost:8141", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_own_pages_and_programs_are_not_another_site(fields: dict[str, str]) -> None:
    assert not Clients().is_cross_site(request(**fields))
    assert Clients().is_local(request(**fields))


@pytest.mark.parametrize(
    ("host", "is_cross"),
    [
        ("rebound.example:8141", True),
        ("node.example", True),
        ("10.1.2.3:8141", False),
        ("[2001:db8::1]", False),
        ("localhost:8141", False),
        ("packages.example", False),
    ],
)
def test_page_whose_name_was_made_to_lead_here_is_another_site_unless_it_shows_credentials(
    host: str, is_cross: bool
) -> None:
    """DNS rebinding, towards a node that gives a network rights: the browser has no credentials for such a name."""
    clients = Clients(public_url=PUBLIC_URL)
    assert clients.is_cross_site(request(host=host, Origin=f"http://{host}")) is is_cross
    assert not clients.is_cross_site(request(host=host, Origin=f"http://{host}", Authorization="Bearer x"))
    assert not clients.is_cross_site(request(host=host))  # no browser


@pytest.mark.parametrize(
    ("origin", "host", "is_cross"),
    [
        ("https://packages.example", "10.0.0.5:8141", False),  # a proxy that states its own Host
        ("https://packages.example:443", "packages.example", False),
        ("https://packages.example", "packages.example", False),  # a proxy that takes the TLS off
        ("https://packages.example:8443", "packages.example", True),
        ("https://evil.example", "packages.example", True),
    ],
)
def test_own_pages_behind_a_proxy_are_known_by_the_public_url(origin: str, host: str, is_cross: bool) -> None:
    assert Clients(public_url=PUBLIC_URL).is_cross_site(request(host=host, Origin=origin)) is is_cross


def test_behind_a_proxy_nobody_is_of_this_machine_unless_the_proxy_is_trusted() -> None:
    """A proxy on this machine need not show that it is one."""
    for host in ("packages.example", "localhost:8141"):
        assert not Clients(public_url=PUBLIC_URL).is_local(request(host=host))
        trusting = Clients(public_url=PUBLIC_URL, trusted=PROXIES)
        assert trusting.is_local(request(host=host)) is (host != "packages.example")  # a proxy that forgets to tell
        assert trusting.is_local(request(host=host, X_Forwarded_For="127.0.0.1"))
        assert not trusting.is_local(request(host=host, X_Forwarded_For="203.0.113.5"))
        assert not trusting.is_local(request(host=host, X_Forwarded_For="127.0.0.1, 203.0.113.5"))
        assert not trusting.is_local(request(host=host, X_Forwarded_For="unknown"))
    assert not Clients(public_url=PUBLIC_URL, trusted=PROXIES).is_local(request(host="rebound.example"))
    assert Clients(public_url="http://localhost:8141/").is_local(request())
    elsewhere = Clients(public_url=PUBLIC_URL, trusted=(ip_network("10.0.0.0/8"),))
    assert elsewhere.is_local(request())  # where no proxy is
    assert not elsewhere.is_local(request(X_Forwarded_For="127.0.0.1"))


# -- a node -----------------------------------------------------------------------------------------------------


def granted(*trusted: Network) -> WebNode:
    """A node that `10.1.0.0/16` may read."""
    grant = Grant(who=(Who.parse("10.1.0.0/16"),), may=frozenset(["read"]), projects=ProjectPatterns(("*",)))
    node = WebNode(permissions=Permissions(grants=(grant,)), trusted_proxies=trusted)
    node.pages.put(page_of("acme"))
    return node


@pytest.mark.parametrize(
    ("said", "status"),
    [("10.1.2.3", 200), ("10.2.2.3", 401), ("10.1.2.3, 203.0.113.5", 401), ("203.0.113.5, 10.1.2.3", 200)],
)
def test_network_behind_a_trusted_proxy_reads(said: str, status: int) -> None:
    assert granted(ip_network("192.0.2.7")).get("/simple/acme/", {"X-Forwarded-For": said}).status == status
    assert granted().get("/simple/acme/", {"X-Forwarded-For": said}).status == 401


def test_access_log_tells_the_client_and_not_its_trusted_proxy() -> None:
    clients: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "tiercache.web.access_log":
            clients.append(event["client"])

    globalLogPublisher.addObserver(observe)
    try:
        for node in (granted(ip_network("192.0.2.0/24")), granted()):
            node.get("/healthz", {"X-Forwarded-For": "10.1.1.1, 203.0.113.5"})
    finally:
        globalLogPublisher.removeObserver(observe)
    assert clients == ["203.0.113.5", "192.0.2.7"]
