"""A parent over real sockets and TLS: a whole node with a certificate of a private authority, which wants one shown.

The tier is made by `upstream.tier.upstream`, as the node makes it; all is on loopback.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import Certificate, PrivateCertificate

from tests.doubles.certificates import Authority
from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, listed, scripted, wheel
from tiercache.errors import ProjectAbsent, TierUnreachable
from tiercache.interfaces import INeighbour, NewChange
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.policy.entry import Present, Validators
from tiercache.policy.news import PAGE
from tiercache.served import root_of
from tiercache.simple.model import ProjectName
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.upstream.parent import Parent
from tiercache.upstream.tier import TierSettings, upstream
from tiercache.web.limits import limits_of
from tiercache.web.site import site
from tiercache.wire import FEATURES

reactor: Any = the_reactor

AUTHORITY = Authority("the office")
SERVER = PrivateCertificate.loadPEM(AUTHORITY.signed("localhost"))
NODE_ID = "00000000000000aa"
NAMES = tuple(ProjectName(f"project{number}") for number in range(30))


@pytest.fixture
def parts() -> Iterator[Parts]:
    public = scripted()
    public.now = time.time
    for name in NAMES:
        listed(public, name, (f"{name}-1.0-py3-none-any.whl", wheel(name, "1.0", b"Metadata-Version: 2.1\n")))
    parts = assemble(
        CONFIG,
        files=MemoryFiles(),
        catalogue=MemoryCatalogue(),
        upstreams=[public],
        clock=reactor,
        now=time.time,
        pool=at_once,
        node_id=NODE_ID,
    )
    yield parts
    parts.chain.stop()


@pytest.fixture
def port(parts: Parts) -> Iterator[int]:
    root = root_of(CONFIG, parts, clock=reactor, pool=at_once, token="token", not_ready=lambda: None, node_id=NODE_ID)
    served = site(root, reactor, limits_of(CONFIG))
    options = SERVER.options(Certificate.loadPEM(AUTHORITY.pem))
    listening = reactor.listenSSL(0, served, options, interface="127.0.0.1")
    yield int(listening.getHost().port)
    pytest_twisted.blockon(listening.stopListening())
    pytest_twisted.blockon(Deferred.fromCoroutine(served.drain(0)))


def parent_at(port: int, tmp_path: Path, *, with_certificate: bool = True) -> Parent:
    ca, certificate = tmp_path / "ca.pem", tmp_path / "client.pem"
    ca.write_bytes(AUTHORITY.pem)
    certificate.write_bytes(AUTHORITY.signed("laptop"))
    settings = TierSettings(
        name="office",
        kind="parent",
        url=f"https://localhost:{port}/simple/",
        root_url=f"https://localhost:{port}/",
        ca=ca,
        client_certificate=certificate if with_certificate else None,
    )
    made = upstream(
        settings,
        reactor=reactor,
        pool=at_once,
        now=time.time,
        jitter=lambda: 0.0,
        environment={},
        home=tmp_path,
    )
    assert isinstance(made, Parent)
    return made


@pytest_twisted.ensureDeferred
async def test_a_parent_is_asked_for_everything_with_the_client_certificate(
    parts: Parts, port: int, tmp_path: Path
) -> None:
    parent = parent_at(port, tmp_path)
    assert (await parent.about()).features == FEATURES
    await parent.reserved()
    feed = await parent.follow(None)
    asks = [Deferred.fromCoroutine(_page(parent, name)) for name in NAMES]
    pages = [await ask for ask in asks]
    assert [page.page.project for page in pages] == list(NAMES)
    assert {page.head.at for page in pages} == {parts.journal.position}
    with pytest.raises(ProjectAbsent):
        await parent.page(ProjectName("nobody-has-this"), Validators(), False)
    await parts.journal.append([NewChange(project="project1", what=PAGE)])
    while (event := await feed.read()).change is None:
        assert event.live is not None
    assert event.change.project == "project1"
    feed.close()


@pytest_twisted.ensureDeferred
async def test_a_parent_that_wants_a_certificate_tells_nothing_without_one(port: int, tmp_path: Path) -> None:
    parent: INeighbour = parent_at(port, tmp_path, with_certificate=False)
    for ask in (parent.about, parent.reserved, lambda: parent.follow(None), lambda: parent.stored_file("0" * 64, "f")):
        with pytest.raises(TierUnreachable):
            await ask()


async def _page(parent: Parent, name: ProjectName) -> Present:
    found = await parent.page(name, Validators(), False)
    assert isinstance(found, Present)
    return found
