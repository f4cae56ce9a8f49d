"""Connecting: to admitted addresses only, through proxies, and never for longer than allowed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from tests.doubles.now import begun
from tests.doubles.tier_http import Wire
from tiercache.policy.retry import Fault
from tiercache.upstream.connections import http_agent
from tiercache.upstream.failure import AddressRefused, Unanswered, unanswered
from tiercache.upstream.lookups import KEPT_S
from tiercache.upstream.proxies import proxies_from
from tiercache.upstream.reach import Reach


@implementer(IHostnameResolver)
class Names:
    """A resolver that gives each name its addresses, one list after the other; without one, it never answers."""

    def __init__(self, **addresses: list[list[str]]) -> None:
        self.addresses = {name.replace("_", "."): lists for name, lists in addresses.items()}

    def resolveHostName(  # noqa: N802 -- Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803 -- Twisted's name
        hostName: str,  # noqa: N803 -- Twisted's name
        portNumber: int = 0,  # noqa: N803 -- Twisted's name
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803 -- Twisted's name
        transportSemantics: str = "TCP",  # noqa: N803 -- Twisted's name
    ) -> IHostResolution:
        resolution = object()
        resolutionReceiver.resolutionBegan(resolution)
        if hostName in self.addresses:
            lists = self.addresses[hostName]
            for address in lists.pop(0) if len(lists) > 1 else lists[0]:
                kind = IPv6Address if ":" in address else IPv4Address
                resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
            resolutionReceiver.resolutionComplete()
        return resolution


class Net:
    """A reactor in memory with one agent; `wires` are the connections that were let through."""

    def __init__(self, names: Names, environment: dict[str, str] | None = None, reach: Reach | None = None) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.installNameResolver(names)
        self.agent: IAgent = http_agent(
            self.reactor,
            https=BrowserLikePolicyForHTTPS(),
            reach=reach or Reach(own="index.example"),
            connect_timeout_s=3.0,
            proxies=proxies_from(environment or {}),
        )
        self.outcomes: list[IResponse | Failure] = []

    def get(self, url: str) -> None:
        begun(self.agent.request(b"GET", url.encode(), Headers(), None)).addBoth(self.outcomes.append)
        self.reactor.advance(0)

    @property
    def dialled(self) -> list[tuple[str, int]]:
        return [(client[0], client[1]) for client in self.reactor.tcpClients]

    def accept(self) -> Wire:
        """Let the last connection that was tried come about."""
        factory = self.reactor.tcpClients[-1][2]
        wire = Wire(self.reactor, lambda _head, _body, _wire: None)
        protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        assert protocol is not None
        wire.protocol = protocol
        protocol.makeConnection(wire)
        self.reactor.advance(0)
        return wire

    @property
    def failed(self) -> Unanswered:
        (failure,) = self.outcomes
        assert isinstance(failure, Failure)
        return unanswered(failure.value)


# -- addresses


def test_a_name_is_connected_to_at_its_public_addresses() -> None:
    net = Net(Names(files_example=[["93.184.216.34"]]))
    net.get("http://files.example:81/a")
    assert net.dialled == [("93.184.216.34", 81)]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1",
                "fd00::1", "::ffff:127.0.0.1", "100.64.0.1"]
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_public_name_that_leads_to_a_private_address_is_not_connected_to(address: str, scheme: str) -> None:
    net = Net(Names(files_example=[[address]], index_example=[["93.184.216.34"]]))
    net.get(f"{scheme}://files.example/a")
    assert net.dialled == []
    assert net.failed.reason == "files.example is at a private address, and files-from does not declare it"
    assert net.failed.fault is None


def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    net = Net(Names(files_example=[["127.0.0.1", "93.184.216.34", "::1"]]))
    net.get("http://files.example/a")
    net.reactor.advance(1)
    assert net.dialled == [("93.184.216.34", 80)]


def test_a_name_that_changes_its_mind_is_judged_by_what_is_connected_to() -> None:
    net = Net(Names(files_example=[["93.184.216.34"], ["127.0.0.1"]], index_example=[[]]))
    net.get("http://files.example/a")
    net.reactor.advance(KEPT_S)
    net.get("http://files.example/b")
    assert net.dialled == [("93.184.216.34", 80)]
    assert len(net.outcomes) == 2
    assert isinstance(net.outcomes[1], Failure)
    assert isinstance(net.outcomes[1].value, AddressRefused)


@pytest.mark.parametrize("name", ["index.example", "declared.example", "a.below.example"])
def test_the_tiers_own_host_and_declared_ones_may_be_private(name: str) -> None:
    reach = Reach(own="index.example", declared=("Declared.example", "*.below.example"))
    net = Net(Names(**{name.replace(".", "_"): [["10.0.0.1"]]}), reach=reach)
    net.get(f"http://{name}/a")
    assert net.dialled == [("10.0.0.1", 80)]


def test_where_the_tiers_own_name_leads_is_its_own_host_under_any_name() -> None:
    names = Names(index_example=[["10.0.0.1"]], files_example=[["127.0.0.1", "10.0.0.1"]], other_example=[["10.0.0.2"]])
    net = Net(names)
    net.get("http://files.example/a")
    net.reactor.advance(1)
    assert net.dialled == [("10.0.0.1", 80)]
    net.get("http://other.example/a")
    assert net.dialled == [("10.0.0.1", 80)]


# -- deadlines


def test_a_connection_that_does_not_come_about_is_given_up_at_its_deadline() -> None:
    net = Net(Names(index_example=[["93.184.216.34"]]))
    net.get("http://index.example/")
    net.reactor.advance(2.9)
    assert net.outcomes == []
    net.reactor.advance(0.1)
    assert (net.failed.reason, net.failed.fault) == ("no connection in time", Fault.SILENCE)


def test_a_name_that_is_not_resolved_is_given_up_at_the_same_deadline() -> None:
    net = Net(Names())
    net.get("http://index.example/")
    net.reactor.advance(2.9)
    assert net.outcomes == []
    net.reactor.advance(0.1)
    assert (net.failed.reason, net.failed.fault) == ("no connection in time", Fault.SILENCE)


# -- proxies

PROXY = {"ALL_PROXY": "http://alice:s3cret@proxy.example:3128", "NO_PROXY": "direct.example"}
AUTHORIZATION = b"Proxy-Authorization: Basic YWxpY2U6czNjcmV0"


def proxied(environment: dict[str, str] | None = None) -> Net:
    names = Names(proxy_example=[["10.0.0.9"]], direct_example=[["93.184.216.34"]])
    return Net(names, environment or PROXY)


def test_plain_http_is_asked_of_the_proxy_by_its_whole_url() -> None:
    net = proxied()
    net.get("http://files.example/a?b")
    assert net.dialled == [("10.0.0.9", 3128)]  # a proxy may be private, and it resolves the other name
    wire = net.accept()
    head = wire.value().split(b"\r\n")
    assert head[0] == b"GET http://files.example/a?b HTTP/1.1"
    assert {b"Host: files.example", AUTHORIZATION} <= set(head)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert [getattr(outcome, "code", None) for outcome in net.outcomes] == [200]
    net.get("http://other.example/c")  # on the same connection
    assert len(net.dialled) == 1


def test_https_goes_through_a_tunnel_that_knows_nothing_of_the_request() -> None:
    net = proxied()
    net.get("https://files.example/a")
    wire = net.accept()
    head = wire.value().split(b"\r\n")
    assert head[0] == b"CONNECT files.example:443 HTTP/1.1"
    assert {b"Host: files.example:443", AUTHORIZATION} <= set(head)
    wire.clear()
    wire.send(b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n")
    assert wire.value() == b""
    wire.send(b"\r\n")
    assert wire.value()[:2] == b"\x16\x03"  # a TLS handshake begins
    assert b"files.example" in wire.value()  # for the server's name (RFC 6066), not the proxy's


def test_the_hosts_that_are_exempt_are_asked_directly_and_never_see_the_proxys_credentials() -> None:
    net = proxied()
    net.get("http://direct.example/a")
    assert net.dialled == [("93.184.216.34", 80)]
    assert AUTHORIZATION not in net.accept().value()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answered 407"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "the proxy answered 502"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the proxy sends what is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 11000, "the proxy sends a head without an end"),
    ],
)
def test_a_tunnel_that_is_refused_says_why(answer: bytes, reason: str) -> None:
    net = proxied()
    net.get("https://files.example/a")
    wire = net.accept()
    wire.send(answer)
    net.reactor.advance(0)
    assert net.failed.reason == reason
    assert wire.closed


def test_a_proxy_that_hangs_up_is_told() -> None:
    net = proxied()
    net.get("https://files.example/a")
    net.accept().hang_up()
    net.reactor.advance(0)
    assert net.failed.reason == "the proxy hung up"


def test_a_proxy_that_hangs_is_given_up_at_the_deadline() -> None:
    net = proxied()
    net.get("https://files.example/a")
    wire = net.accept()
    net.reactor.advance(2.9)
    assert net.outcomes == []
    net.reactor.advance(0.1)
    assert (net.failed.reason, net.failed.fault) == ("no connection in time", Fault.SILENCE)
    assert wire.closed


def test_what_follows_the_proxys_answer_at_once_belongs_to_the_tunnel() -> None:
    net = proxied()
    net.get("https://files.example/a")
    wire = net.accept()
    wire.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"\x15\x03\x03\x00\x02\x02\x28")  # a fatal TLS alert
    net.reactor.advance(0)
    assert net.failed.reason.startswith("TLS failed")
