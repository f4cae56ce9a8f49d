"""Two nodes on loopback with TLS between them: a private authority, and a certificate by which one knows the other.

The parent listens as its configuration says, the child's tier is made from its configuration.  Who asks children for a
certificate is what stands in front of a node: an endpoint's text has no word for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, trustRootFromCertificates

from tests.doubles.certificates import Authority
from tests.doubles.now import at_once, result_of
from tests.doubles.small_node import CONFIG, sha256
from tests.doubles.surroundings import load
from tiercache.config import TierConfig
from tiercache.config.addresses import OwnAddresses
from tiercache.errors import TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import INeighbour, IUpstream
from tiercache.node import assemble
from tiercache.policy.entry import Present, Validators
from tiercache.served import root_of
from tiercache.simple.model import File
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.upstream.configured import upstream_of
from tiercache.web.limits import limits_of
from tiercache.web.listening import listening_port, url_of
from tiercache.web.server import NodeChannel, NodeSite
from tiercache.web.site import site

reactor: Any = the_reactor

ACME = normalise("acme")
CONTENT = b"an archive"
TOKEN = "token-of-the-office"
AUTHORITY = Authority("the company")
SERVER = AUTHORITY.signed("localhost")
PRIVATE = f"access: {{users: {{office: {{token: {TOKEN}}}}}, grants: [{{who: [office], may: [read]}}]}}"

Listen = Callable[[IListeningPort], int]


def parent(config: str = "", content: bytes = CONTENT) -> NodeSite:
    """The site of a node that hosts `acme`."""
    access = load(config).access
    own = type(CONFIG)(source="a test", node=CONFIG.node, store=CONFIG.store, tiers=(), access=access)
    files = MemoryFiles()
    parts = assemble(
        own,
        files=files,
        catalogue=MemoryCatalogue(),
        upstreams=[],
        clock=reactor,
        now=reactor.seconds,
        pool=at_once,
        node_id="a" * 16,
    )
    partial = files.begin()
    partial.write(content)
    partial.commit(sha256(content))
    hashes = {"sha256": sha256(content)}
    file = File(filename="acme-1.0.tar.gz", url="", hashes=hashes, size=len(content))
    result_of(parts.hosted.add(ACME, file))
    root = root_of(own, parts, clock=reactor, pool=at_once, token="control", not_ready=lambda: None, node_id="a" * 16)
    return site(root, reactor, limits_of(own))


@pytest.fixture
def closing() -> Iterator[Listen]:
    """Takes a port to close at the end, and gives its number."""
    ports: list[IListeningPort] = []

    def take(port: IListeningPort) -> int:
        ports.append(port)
        number: int = port.getHost().port  # type: ignore[attr-defined]  # of TCP
        return number

    yield take
    for port in ports:
        pytest_twisted.blockon(port.stopListening())


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.pem)
    return str(path)


@pytest.fixture
def by_its_configuration(closing: Listen, tmp_path: Path) -> Callable[[NodeSite], int]:
    """Has a site listen at an endpoint as `node: listen` gives it."""
    pem = tmp_path / "server.pem"
    pem.write_bytes(SERVER)

    def listen(factory: NodeSite) -> int:
        endpoint = f"ssl:0:privateKey={pem}:certKey={pem}:interface=127.0.0.1"
        return closing(listening_port(reactor, endpoint, factory))

    return listen


def tier(port: int, **settings: Any) -> Any:
    """The parent as a child's configuration makes it: an IUpstream and INeighbour."""
    configured = TierConfig(name="private", kind="parent", url=f"https://localhost:{port}/", **settings)
    made = upstream_of(
        configured,
        own_addresses=OwnAddresses(listen=()),
        reactor=reactor,
        pool=at_once,
        environ={"HOME": "/nonexistent"},
        node_id="b" * 16,
    )
    assert IUpstream.providedBy(made)
    assert INeighbour.providedBy(made)
    return made


async def page_of(private: Any) -> Present:
    answer = await private.page(ACME, Validators(), False)
    assert isinstance(answer, Present)
    return answer


@pytest_twisted.ensureDeferred
async def test_parent_behind_a_private_authority_gives_pages_files_and_news(
    by_its_configuration: Callable[[NodeSite], int], ca: str
) -> None:
    private = tier(by_its_configuration(parent()), ca=ca)
    assert (await private.about()).id == "a" * 16
    (file,) = (await page_of(private)).page.files
    stream = await private.file(file, 0)
    assert b"".join(await stream.read()) == CONTENT
    stream.close()
    assert (await private.reserved()).names == ("acme",)
    feed = await private.follow(None)
    assert (await feed.read()).live is not None
    feed.close()


@pytest_twisted.ensureDeferred
async def test_parent_whose_authority_is_not_trusted_is_told_nothing(
    by_its_configuration: Callable[[NodeSite], int], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority("another company").pem)
    private = tier(by_its_configuration(parent(PRIVATE)), ca=str(other), token=load_token())
    with pytest.raises(TierUnreachable, match="certificate verify failed"):
        await page_of(private)
    with pytest.raises(TierUnreachable, match="certificate verify failed"):
        await private.about()


@pytest_twisted.ensureDeferred
async def test_token_opens_over_tls_what_stays_shut_without(
    by_its_configuration: Callable[[NodeSite], int], ca: str
) -> None:
    port = by_its_configuration(parent(PRIVATE))
    assert (await page_of(tier(port, ca=ca, token=load_token()))).page.files
    with pytest.raises(TierWithoutAnswer):
        await page_of(tier(port, ca=ca))
    with pytest.raises(TierUnreachable):
        await tier(port, ca=ca).about()


@pytest_twisted.ensureDeferred
async def test_certificate_that_is_asked_for_is_given(closing: Listen, ca: str, tmp_path: Path) -> None:
    asks = PrivateCertificate.loadPEM(SERVER).options(Certificate.loadPEM(AUTHORITY.pem))
    port = closing(reactor.listenSSL(0, parent(), asks, interface="127.0.0.1"))
    own, strange = tmp_path / "office.pem", tmp_path / "strange.pem"
    own.write_bytes(AUTHORITY.signed("office"))
    strange.write_bytes(Authority("another company").signed("office"))
    private = tier(port, ca=ca, client_certificate=str(own))
    (file,) = (await page_of(private)).page.files
    stream = await private.file(file, 0)
    assert b"".join(await stream.read()) == CONTENT
    stream.close()
    for settings in ({}, {"client_certificate": str(strange)}):
        with pytest.raises(TierUnreachable, match="TLS"):
            await page_of(tier(port, ca=ca, **settings))


class Watching(NodeSite):
    """A site that shows its connections."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen: list[Any] = []

    def opened(self, channel: NodeChannel) -> None:
        super().opened(channel)
        self.seen.append(channel)


class Looks(Protocol):
    """Tells which certificate it is shown when it is answered, and leaves unless it `stays`."""

    transport: Any

    def __init__(self, *, stays: bool = False) -> None:
        self.shown: Deferred[int] = Deferred()
        self._stays = stays

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        self.shown.callback(int(self.transport.getPeerCertificate().get_serial_number()))
        if not self._stays:
            self.transport.loseConnection()

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        self.transport.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def shown_certificate(port: int, looks: Looks | None = None) -> int:
    """The number of the certificate that a new connection is shown."""
    trust = trustRootFromCertificates([Certificate.loadPEM(AUTHORITY.pem)])
    plain = HostnameEndpoint(reactor, "localhost", port)
    secured = wrapClientTLS(optionsForClientTLS("localhost", trustRoot=trust), plain)
    connected: Looks = await connectProtocol(secured, looks or Looks())
    return await connected.shown


@pytest_twisted.ensureDeferred
async def test_renewed_certificate_is_seen_by_the_next_connection_while_an_open_download_goes_on(
    by_its_configuration: Callable[[NodeSite], int], ca: str, tmp_path: Path
) -> None:
    content = random.Random(5).randbytes(8 * 1024 * 1024)
    node = parent(content=content)
    port = by_its_configuration(node)
    before = await shown_certificate(port)
    assert before == load_pem_x509_certificate(SERVER).serial_number
    private = tier(port, ca=ca)
    (file,) = (await page_of(private)).page.files
    stream = await private.file(file, 0)
    taken = b"".join(await stream.read())
    assert 0 < len(taken) < len(content)
    renewed = AUTHORITY.signed("localhost")
    (tmp_path / "beside.pem").write_bytes(renewed)
    (tmp_path / "beside.pem").replace(tmp_path / "server.pem")
    assert await shown_certificate(port) == load_pem_x509_certificate(renewed).serial_number != before
    while pieces := await stream.read():
        taken += b"".join(pieces)
    stream.close()
    assert sha256(taken) == sha256(content)


@pytest_twisted.ensureDeferred
async def test_connection_with_tls_waits_for_no_acknowledgement(
    by_its_configuration: Callable[[NodeSite], int],
) -> None:
    plain = parent()
    node = Watching(plain.resource, reactor, plain.limits)
    looks = Looks(stays=True)
    await shown_certificate(by_its_configuration(node), looks)
    assert [channel.transport.getTcpNoDelay() for channel in node.seen] == [True]
    looks.transport.loseConnection()


@pytest_twisted.ensureDeferred
async def test_port_with_tls_is_not_announced_to_this_machines_commands_as_one_without(
    by_its_configuration: Callable[[NodeSite], int], closing: Listen, tmp_path: Path
) -> None:
    pem = tmp_path / "server.pem"
    ports = [
        listening_port(reactor, endpoint, parent())
        for endpoint in (f"ssl:0:privateKey={pem}:certKey={pem}:interface=127.0.0.1", "tcp:0:interface=127.0.0.1")
    ]
    numbers = [closing(port) for port in ports]
    assert [url_of(port) for port in ports] == [None, f"http://127.0.0.1:{numbers[1]}/"]


def load_token() -> Any:
    """The token as a configuration holds it."""
    (configured,) = load(f"tiers: [{{url: 'https://a.example/', token: {TOKEN}}}]").tiers
    return configured.token
