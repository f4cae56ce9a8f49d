"""How tiers are reached: directly or through proxies, with or without TLS, on connections that are kept.

What is sent over a connection is the business of `requests.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from attrs import define, field
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import DNSLookupError
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.web.client import URI, Agent, HTTPConnectionPool, ProxyAgent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from tiercache.cache.kept import Kept
from tiercache.upstream.failure import AddressRefused
from tiercache.upstream.lookups import Lookups, Receiver, addresses_of
from tiercache.upstream.proxies import Proxies, Proxy
from tiercache.upstream.reach import Reach
from tiercache.upstream.target import Host, host_of
from tiercache.upstream.tunnel import TunnelEndpoint

KEPT_PER_HOST = 50
KEPT_S = 60
KEPT_WAYS = 64
"""To how many hosts the way is kept, which is asked for again for each request."""

ATTEMPT_DELAY_S = 0.1
"""After which the next address of a name is tried beside the one before (RFC 8305 section 8 has 0.1 s as the least).
Twisted's own measure is 0.3 s, and it tells of a refusal only then, be there one address or ten."""

RECEIVE_BYTES = 120 * 1024
"""What is taken from a socket at once: with more, the C library gets each piece from the system and gives it back
(`commands.memory`), and clearing its pages takes longer than all else that becomes of it."""


def http_agent(
    reactor: Any,  # one interface for all that a reactor has to be here does not exist
    *,
    https: IPolicyForHTTPS,
    reach: Reach,
    connect_timeout_s: float = 3.0,
    proxies: Proxies | None = None,
    keeps_connections: bool = True,
) -> IAgent:
    """What connects for one tier.  `reach` is asked about every address before it is connected to.

    Not where a proxy does the connecting, which resolves names itself.  `connect_timeout_s` bounds name lookup,
    connection and the proxy's part together.
    """
    pool = HTTPConnectionPool(reactor, persistent=keeps_connections)
    pool.maxPersistentPerHost = KEPT_PER_HOST
    pool.cachedConnectionTimeout = KEPT_S
    lookups = Lookups(resolver=reactor.nameResolver, clock=reactor)
    ways = _Ways(
        reactor=_ReactorWithResolver(reactor, lookups),
        https=https,
        reach=reach,
        connect_timeout_s=connect_timeout_s,
        proxies=proxies or Proxies(),
    )
    return _RoutedAgent(reactor=reactor, pool=pool, ways=ways)


@implementer(IAgentEndpointFactory)
@define(kw_only=True)
class _Ways:
    """The endpoint for each host that can be asked."""

    reactor: Any
    https: IPolicyForHTTPS
    reach: Reach
    connect_timeout_s: float
    proxies: Proxies
    _kept: Kept[Host, IStreamClientEndpoint] = field(
        factory=lambda: Kept(limit=KEPT_WAYS, weigh=lambda _: 1), init=False
    )

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 -- Twisted's name
        host = Host(scheme=uri.scheme.decode("ascii"), name=uri.host.decode("ascii"), port=uri.port)
        way = self._kept.get(host)
        if way is None:
            way = self._way_to(host)
            self._kept.put(host, way)
        return way

    def _way_to(self, host: Host) -> IStreamClientEndpoint:
        proxy = self.proxies.proxy_for(host)
        way: IStreamClientEndpoint
        if proxy is None:
            way = _DirectEndpoint(reactor=self.reactor, host=host, reach=self.reach)
        else:
            way = TunnelEndpoint(
                proxy=self.to_proxy(proxy),
                authority=f"{host.bracketed_name}:{host.port}",
                authorization=proxy.authorization,
            )
        return self._bounded(host, way)

    def to_proxy(self, proxy: Proxy) -> IStreamClientEndpoint:
        """The endpoint of a proxy itself, which may well be private: the node's owner named it."""
        way = _DirectEndpoint(reactor=self.reactor, host=proxy.host, reach=None)
        return self._bounded(proxy.host, way)

    def _bounded(self, host: Host, way: IStreamClientEndpoint) -> IStreamClientEndpoint:
        """The way to a host in the time that there is for it, over TLS where the host wants that."""
        if host.scheme == "https":
            creator = self.https.creatorForNetloc(host.name.encode("ascii"), host.port)
            way = wrapClientTLS(creator, way, self.reactor)
        bounded: IStreamClientEndpoint = _TimedEndpoint(
            reactor=self.reactor, endpoint=way, timeout_s=self.connect_timeout_s
        )
        return bounded


@implementer(IAgent)
@define(kw_only=True, eq=False)
class _RoutedAgent:
    """Plain http through a proxy is asked for by its whole URL (RFC 9112 §3.2.2); all else goes by `_Ways`."""

    reactor: Any
    pool: HTTPConnectionPool
    ways: _Ways
    _direct: IAgent = field(init=False)
    _by_proxy: dict[Proxy, IAgent] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._direct = Agent.usingEndpointFactory(self.reactor, self.ways, self.pool)

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 -- Twisted's name
    ) -> Deferred[IResponse]:
        host = host_of(uri.decode("ascii"))
        proxy = self.ways.proxies.proxy_for(host) if host.scheme == "http" else None
        if proxy is None:
            return self._direct.request(method, uri, headers, bodyProducer)
        if proxy not in self._by_proxy:  # the pool tells connections apart by the endpoint itself: one per proxy
            self._by_proxy[proxy] = ProxyAgent(self.ways.to_proxy(proxy), self.reactor, self.pool)
        sent = Headers() if headers is None else headers.copy()
        if proxy.authorization is not None:
            sent.setRawHeaders("Proxy-Authorization", [proxy.authorization])
        return self._by_proxy[proxy].request(method, uri, sent, bodyProducer)


@implementer(IStreamClientEndpoint)
@define(kw_only=True, eq=False)
class _TimedEndpoint:
    """A bound on all of connecting, where `HostnameEndpoint` bounds each attempt, and no lookup of a name."""

    reactor: Any
    endpoint: IStreamClientEndpoint
    timeout_s: float

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 -- Twisted's name
        def late(_outcome: object, timeout_s: float) -> NoReturn:
            raise ConnectionTimedOut(string=f"{timeout_s:g} s")

        if isinstance(protocolFactory, Factory):
            protocolFactory.noisy = False  # no line in the log for each connection that begins and ends
        connecting: Deferred[IProtocol] = self.endpoint.connect(protocolFactory)
        return connecting.addTimeout(self.timeout_s, self.reactor, late)


@implementer(IStreamClientEndpoint)
@define(kw_only=True, eq=False)
class _DirectEndpoint:
    """Resolves a name, and connects to those of its addresses that are within reach; without a reach, to any."""

    reactor: Any
    host: Host
    reach: Reach | None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 -- Twisted's name
        return Deferred.fromCoroutine(self._connected(protocolFactory))

    async def _connected(self, protocol_factory: IProtocolFactory) -> IProtocol:
        refused: list[str] = []
        try:
            return await self._attempt(protocol_factory, refused, frozenset())
        except DNSLookupError:
            if self.reach is None or not refused:
                raise
        # Some networks lead all names of an index to one machine of their own.
        found = await addresses_of(self.reach.own, self.reactor.nameResolver)
        own = frozenset(address.host for address in found)
        if own.isdisjoint(refused):
            raise AddressRefused(self.host.name, refused[0])
        return await self._attempt(protocol_factory, [], own)

    async def _attempt(self, protocol_factory: IProtocolFactory, refused: list[str], own: frozenset[str]) -> IProtocol:
        def admits(address: str) -> bool:
            if self.reach is None or self.reach.admits_address(self.host.name, address, own):
                return True
            refused.append(address)
            return False

        sieve = _Sieve(resolver=self.reactor.nameResolver, admits=admits)
        resolving = _ReactorWithResolver(self.reactor, sieve)
        endpoint = HostnameEndpoint(resolving, self.host.name, self.host.port, attemptDelay=ATTEMPT_DELAY_S)
        protocol: IProtocol = await endpoint.connect(protocol_factory)
        transport = getattr(protocol, "transport", None)
        if isinstance(transport, FileDescriptor):
            transport.bufferSize = RECEIVE_BYTES
        return protocol


@implementer(IHostnameResolver)
@define(kw_only=True)
class _Sieve:
    """Another resolver's addresses, without those that are not admitted."""

    resolver: IHostnameResolver
    admits: Callable[[str], bool]

    def resolveHostName(  # noqa: N802 -- Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803 -- Twisted's name
        hostName: str,  # noqa: N803 -- Twisted's name
        portNumber: int = 0,  # noqa: N803 -- Twisted's name
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803 -- Twisted's name
        transportSemantics: str = "TCP",  # noqa: N803 -- Twisted's name
    ) -> IHostResolution:
        receiver = Receiver(
            resolved=lambda address: resolutionReceiver.addressResolved(address) if self.admits(address.host) else None,
            complete=resolutionReceiver.resolutionComplete,
            began=resolutionReceiver.resolutionBegan,
        )
        resolution: IHostResolution = self.resolver.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return resolution


@implementer(IReactorPluggableNameResolver)
class _ReactorWithResolver:
    """A reactor in everything but the resolver of names."""

    def __init__(self, reactor: Any, resolver: IHostnameResolver) -> None:
        self._reactor = reactor
        self.nameResolver = resolver

    def installNameResolver(self, resolver: IHostnameResolver) -> NoReturn:  # noqa: N802 -- Twisted's name
        raise NotImplementedError("the resolver was handed in")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
