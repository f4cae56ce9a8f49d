"""Where a node listens: the ports of its endpoints, and the URLs by which its own machine reaches them."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from tiercache.config.addresses import Endpoint
from tiercache.errors import EndpointUnusable
from tiercache.web.certificates import Certificates
from tiercache.web.server import NodeSite


def listening_port(reactor: Any, endpoint: str, factory: NodeSite) -> IListeningPort:
    """A port that listens at an endpoint (its description, as twisted has it).

    Raises CannotListenError, EndpointUnusable.
    """
    outcome: list[Any] = []
    try:
        _server(reactor, endpoint).listen(factory).addBoth(outcome.append)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
    except (LookupError, ValueError, OSError, SSL.Error) as error:
        raise EndpointUnusable(endpoint=endpoint, reason=str(error) or type(error).__name__) from error
    port: IListeningPort = outcome[0]
    return port


def _server(reactor: Any, endpoint: str) -> IStreamServerEndpoint:
    """The endpoint of a description; one that speaks TLS has our certificates, which may be renewed."""
    parsed = Endpoint.parse(endpoint)
    if parsed.tls is None:
        server: IStreamServerEndpoint = serverFromString(reactor, endpoint)
        return server
    certificates = Certificates.at(parsed.tls)
    return SSL4ServerEndpoint(reactor, parsed.port, certificates, parsed.backlog, parsed.interface or "")


def url_of(port: IListeningPort) -> str | None:
    """Where this machine's own programs reach a listening port; None for what is no TCP port, or speaks TLS.

    A certificate is for the name by which others know the node: over loopback nobody could check it.
    """
    address = port.getHost()
    if not isinstance(address, IPv4Address | IPv6Address) or isinstance(
        getattr(port, "factory", None), TLSMemoryBIOFactory
    ):
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104  # read, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{address.port}/"
