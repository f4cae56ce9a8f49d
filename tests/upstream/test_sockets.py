"""What cannot be shown in memory: TLS with a private authority, a tunnel through a proxy, a connection given up.

Everything is made by `upstream.tier.simple_index`, as the node makes it, and listens on loopback.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, PrivateCertificate
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.doubles.certificates import Authority
from tests.doubles.far_index import NUMPY, json_page, listed
from tests.doubles.now import at_once
from tests.doubles.tier_http import JSON_TYPE
from tiercache.errors import ConfigInvalid, TierUnreachable
from tiercache.policy.entry import Present, Validators
from tiercache.upstream.connections import RECEIVE_BYTES
from tiercache.upstream.simple_index import SimpleIndex
from tiercache.upstream.tier import TierSettings, simple_index

reactor: Any = the_reactor

AUTHORITY = Authority("the office")
SERVER = PrivateCertificate.loadPEM(AUTHORITY.signed("localhost"))

Listen = Callable[..., int]


class Index(Resource):
    """`/simple/numpy/`, and at `/endless` a file whose last byte never comes."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.left: Deferred[None] = Deferred()

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 -- Twisted's name
        self.requests.append(request)
        if request.path == b"/endless":
            request.notifyFinish().addErrback(lambda _reason: self.left.callback(None))
            request.setHeader("Content-Length", "1000000000")
            request.write(b"x" * 300_000)
            return NOT_DONE_YET
        request.setHeader("Content-Type", JSON_TYPE)
        return json_page("https://files.example/numpy-1.0.tar.gz")


class Proxy(Protocol):
    """Opens every tunnel that it is asked for, to loopback, and notes how it was asked."""

    def __init__(self, asked: list[bytes]) -> None:
        self.asked = asked
        self.far: Protocol | None = None

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self.far is None:
            self.asked.append(data)
            port = int(data.split(b" ")[1].rpartition(b":")[2])
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
            connectProtocol(endpoint, Back(self)).addCallback(self.open)
        else:
            self.far.transport.write(data)

    def open(self, far: Protocol) -> None:
        self.far = far
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        if self.far is not None:
            self.far.transport.loseConnection()


class Back(Protocol):
    """The way back through a tunnel."""

    def __init__(self, near: Protocol) -> None:
        self.near = near

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        self.near.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        self.near.transport.loseConnection()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listens on a free port of loopback, with TLS if there are options for it; ended with the test."""
    ports = []

    def listen(factory: Factory[Any], options: Any = None) -> int:
        if options is None:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        else:
            port = reactor.listenSSL(0, factory, options, interface="127.0.0.1")
        ports.append(port)
        return int(port.getHost().port)

    yield listen
    for port in ports:
        pytest_twisted.blockon(port.stopListening())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(b"# two of them\n" + Authority("another office").pem + b"\n" + AUTHORITY.pem)
    return path


@pytest.fixture
def folder(bundle: Path, tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    bundle.rename(path / "abcdef01.0")
    (path / "README").write_text("no certificate")
    return path


def index_at(url: str, tmp_path: Path, environment: Mapping[str, str] | None = None, **settings: Any) -> SimpleIndex:
    return simple_index(
        TierSettings(name="office", kind="origin", url=url, **settings),
        reactor=reactor,
        pool=at_once,
        now=reactor.seconds,
        jitter=lambda: 0.0,
        environment=environment or {},
        home=tmp_path,
    )


def page_of(index: SimpleIndex) -> Awaitable[Any]:
    return index.page(NUMPY, Validators(), no_cache=False)


@pytest_twisted.ensureDeferred
async def test_an_index_behind_a_private_authority_is_reached_by_its_ca(
    listen: Listen, bundle: Path, tmp_path: Path
) -> None:
    port = listen(Site(Index()), SERVER.options())
    assert isinstance(await page_of(index_at(f"https://localhost:{port}/simple/", tmp_path, ca=bundle)), Present)


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest_twisted.ensureDeferred
async def test_a_bundle_that_a_variable_names_is_trusted(
    listen: Listen, bundle: Path, tmp_path: Path, variable: str
) -> None:
    port = listen(Site(Index()), SERVER.options())
    index = index_at(f"https://localhost:{port}/simple/", tmp_path, {variable: str(bundle)})
    assert isinstance(await page_of(index), Present)


@pytest_twisted.ensureDeferred
async def test_a_folder_of_certificates_is_trusted(listen: Listen, folder: Path, tmp_path: Path) -> None:
    port = listen(Site(Index()), SERVER.options())
    index = index_at(f"https://localhost:{port}/simple/", tmp_path, {"REQUESTS_CA_BUNDLE": str(folder)})
    assert isinstance(await page_of(index), Present)


@pytest_twisted.ensureDeferred
async def test_a_certificate_of_an_unknown_authority_is_refused_and_nothing_is_sent(
    listen: Listen, tmp_path: Path
) -> None:
    resource = Index()
    port = listen(Site(resource), SERVER.options())
    with pytest.raises(TierUnreachable, match="TLS failed: certificate verify failed"):
        await page_of(index_at(f"https://localhost:{port}/simple/", tmp_path))
    assert resource.requests == []


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_another_name_is_refused(listen: Listen, bundle: Path, tmp_path: Path) -> None:
    other = PrivateCertificate.loadPEM(AUTHORITY.signed("other.example"))
    port = listen(Site(Index()), other.options())
    with pytest.raises(TierUnreachable, match="its TLS certificate is for another name"):
        await page_of(index_at(f"https://localhost:{port}/simple/", tmp_path, ca=bundle))


@pytest_twisted.ensureDeferred
async def test_a_client_certificate_is_shown_to_the_tiers_own_host_and_to_no_other(
    listen: Listen, bundle: Path, tmp_path: Path
) -> None:
    certificate = tmp_path / "client.pem"
    certificate.write_bytes(AUTHORITY.signed("alice"))
    options = SERVER.options(Certificate.loadPEM(AUTHORITY.pem))
    port = listen(Site(Index()), options)
    url = f"https://localhost:{port}/simple/"
    assert isinstance(await page_of(index_at(url, tmp_path, ca=bundle, client_certificate=certificate)), Present)
    with pytest.raises(TierUnreachable):
        await page_of(index_at(url, tmp_path, ca=bundle))
    elsewhere = index_at(
        "https://index.example/", tmp_path, ca=bundle, client_certificate=certificate, files_from=("localhost",)
    )
    with pytest.raises(TierUnreachable):
        await (await elsewhere.file(listed(f"https://localhost:{port}/numpy-1.0.tar.gz"), 0)).read()


@pytest_twisted.ensureDeferred
async def test_https_goes_through_a_proxy(listen: Listen, bundle: Path, tmp_path: Path) -> None:
    resource = Index()
    port = listen(Site(resource), SERVER.options())
    asked: list[bytes] = []
    proxy = listen(Factory.forProtocol(lambda: Proxy(asked)))
    environment = {"https_proxy": f"http://alice:s3cret@127.0.0.1:{proxy}"}
    index = index_at(f"https://bob:t0ken@localhost:{port}/simple/", tmp_path, environment, ca=bundle)
    for _ in range(2):
        assert isinstance(await page_of(index), Present)
    (request,) = asked  # one tunnel, kept
    assert request.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
    assert b"Proxy-Authorization: Basic YWxpY2U6czNjcmV0\r\n" in request
    assert b"\r\nAuthorization" not in request
    assert not any(request.requestHeaders.hasHeader("Proxy-Authorization") for request in resource.requests)
    assert [request.getUser() for request in resource.requests] == [b"bob", b"bob"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest_twisted.ensureDeferred
async def test_a_stream_that_is_closed_gives_its_connection_up_at_once(
    listen: Listen, bundle: Path, tmp_path: Path, scheme: str
) -> None:
    resource = Index()
    port = listen(Site(resource), SERVER.options() if scheme == "https" else None)
    index = index_at(f"{scheme}://localhost:{port}/simple/", tmp_path, ca=bundle)
    stream = await index.file(listed(f"{scheme}://localhost:{port}/endless"), 0)
    assert (await stream.read())[0].startswith(b"xxx")
    assert any(getattr(reader, "bufferSize", 0) == RECEIVE_BYTES for reader in reactor.getReaders())
    stream.close()
    await resource.left.addTimeout(5, reactor)


@pytest.mark.parametrize(
    "text", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_bundle_that_cannot_be_used_is_a_problem_of_the_configuration(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(text)
    with pytest.raises(ConfigInvalid) as invalid:
        index_at("https://index.example/", tmp_path, ca=path)
    assert [problem.place for problem in invalid.value.problems] == [str(path)]


def test_a_missing_bundle_or_client_certificate_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    for settings in ({"ca": tmp_path / "none"}, {"client_certificate": tmp_path / "none"}):
        with pytest.raises(ConfigInvalid, match="none"):
            index_at("https://index.example/", tmp_path, **settings)


def test_a_url_that_is_none_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="tier office, url") as invalid:
        index_at("ftp://alice:s3cret@index.example/", tmp_path)
    assert "s3cret" not in str(invalid.value)


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = TierSettings(
        name="a", kind="origin", url="https://u:s3cret@a.example/", password="s3cret", token="s3cret"
    )
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in repr(index_at("https://u:s3cret@index.example/", tmp_path, token="s3cret"))
