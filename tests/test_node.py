"""The node's own joints: where it listens, and what its owner's commands are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.web.resource import Resource

from tiercache.errors import EndpointUnusable
from tiercache.web.limits import Limits
from tiercache.web.listening import listening_port, url_of
from tiercache.web.site import site


class Port:
    """A port that listens at an address."""

    def __init__(self, address: object) -> None:
        self.address = address

    def getHost(self) -> object:  # noqa: N802  # twisted's name
        return self.address


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (IPv4Address("TCP", "127.0.0.1", 8141), "http://127.0.0.1:8141/"),
        (IPv4Address("TCP", "0.0.0.0", 8141), "http://127.0.0.1:8141/"),
        (IPv6Address("TCP", "::", 8141), "http://[::1]:8141/"),
        (IPv4Address("TCP", "192.0.2.7", 80), "http://192.0.2.7:80/"),
        (UNIXAddress(b"/run/tiercache.sock"), None),
    ],
)
def test_the_owners_commands_are_told_an_address_that_this_machine_reaches(address: object, url: str | None) -> None:
    assert url_of(Port(address)) == url  # type: ignore[arg-type]  # it has the one method that is called


@pytest.mark.parametrize("endpoint", ["systemd:domain=INET:index=0", "ssl:0:privateKey=missing.pem", "nonsense:1"])
def test_an_endpoint_that_cannot_be_is_told_in_a_sentence(endpoint: str, tmp_path: Path) -> None:
    reactor = MemoryReactorClock()
    factory = site(Resource(), reactor, Limits())
    with pytest.raises(EndpointUnusable) as raised:
        listening_port(reactor, endpoint.replace("missing", str(tmp_path / "missing")), factory)
    assert str(raised.value).startswith("The node cannot listen at ")


def test_a_port_that_is_taken_is_twisteds_own_error() -> None:
    from twisted.internet import reactor

    factory = site(Resource(), MemoryReactorClock(), Limits())
    taken = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]  # a real reactor
    try:
        with pytest.raises(CannotListenError):
            listening_port(reactor, f"tcp:{taken.getHost().port}:interface=127.0.0.1", factory)
    finally:
        taken.stopListening()
