"""The port on which the node's own programs read its site, and the warrants that they show there."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import count

import pytest
from attrs import define, evolve, field

from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, SmallNode, listed, scripted, sdist
from tests.doubles.surroundings import load
from tests.doubles.upstream import ScriptedUpstream
from tests.doubles.wire import Reply, Wire
from tiercache.access.principals import Principal
from tiercache.access.warrants import WARRANT_USER, Warrants
from tiercache.config import Config
from tiercache.served import root_of
from tiercache.served_on_demand import own_root_of
from tiercache.web.limits import limits_of
from tiercache.web.server import NodeSite

ALICE = Principal(user="alice")
PRIVATE = load(
    "access: {users: {alice: {token: 0123456789abcdef0123456789abcdef}}, grants: [{who: [alice], may: [read]}]}"
)


@define
class OwnWire(Wire):
    """A site whose requests take turns, each of which comes at once."""

    def get(self, path: str, headers: dict[str, str] | None = None, *, method: str = "GET", body: bytes = b"") -> Reply:
        connection = self.connect()
        assert connection is not None
        connection.ask(method, path, headers, body)
        self.clock.advance(0)
        return connection.reply(method)


@define
class Port:
    """The site of a node with one project, `acme`, as others reach it (`site`), and as its own programs do (`own`)."""

    config: Config = CONFIG
    tier: ScriptedUpstream = field(init=False)
    warrants: Warrants = field(init=False)
    site: Wire = field(init=False)
    own: OwnWire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tier = scripted()
        listed(self.tier, "acme", ("acme-1.0-py3-none-any.whl", b"wheel"))
        node = SmallNode(upstreams=[self.tier], config=self.config)
        numbers = count()
        self.warrants = Warrants(secret=lambda: f"secret-{next(numbers)}")
        root = root_of(
            self.config,
            node.parts,
            clock=node.clock,
            pool=at_once,
            token="control",
            not_ready=lambda: None,
            warrants=self.warrants,
        )
        self.site = Wire.to(root, clock=node.clock)
        own = own_root_of(self.config, node.parts, root, clock=node.clock, pool=at_once, warrants=self.warrants)
        self.own = OwnWire(node.clock, NodeSite(own, node.clock, limits_of(self.config)))


def showing(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{WARRANT_USER}:{password}".encode()).decode()}


def test_who_shows_a_warrant_reads_there() -> None:
    port = Port()
    warrant = showing(port.warrants.issue(ALICE))
    assert port.own.get("/simple/acme/", warrant).status == 200
    assert port.own.get("/local/acme/", warrant).status == 404
    assert port.own.get("/files/x/y", warrant).status == 404


def test_who_asks_there_waits_for_a_turn_which_nobody_takes_who_has_left() -> None:
    port = Port()
    warrant = showing(port.warrants.issue(ALICE))
    stays, leaves = port.own.connect(), port.own.connect()
    assert stays is not None
    assert leaves is not None
    for connection in (leaves, stays):
        connection.ask("GET", "/simple/acme/", warrant)
        assert connection.received == b""
    assert port.tier.asked == []
    leaves.leave()
    port.own.clock.advance(0)
    assert stays.reply().status == 200
    assert leaves.received == b""
    assert len(port.tier.asked) == 1


def test_nobody_else_reads_there_whatever_is_open_to_anyone() -> None:
    port = Port()
    assert port.site.get("/simple/acme/").status == 200
    assert port.own.get("/simple/acme/").status == 401
    assert port.own.get("/simple/acme/", showing("secret-0")).status == 401
    password = port.warrants.issue(ALICE)
    port.warrants.revoke(password)
    assert port.own.get("/simple/acme/", showing(password)).status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api/v1/node"),
        ("POST", "/simple/"),
        ("POST", "/legacy/"),
        ("GET", "/simple"),
        ("PUT", "/files/x"),
    ],
)
def test_nothing_but_pages_and_files_is_there(method: str, path: str) -> None:
    port = Port()
    assert port.own.get(path, showing(port.warrants.issue(ALICE)), method=method).status == 404


def test_a_warrant_lets_read_what_its_holder_may_read() -> None:
    port = Port(evolve(CONFIG, access=PRIVATE.access))
    assert port.own.get("/simple/acme/", showing(port.warrants.issue(ALICE))).status == 200
    assert port.own.get("/simple/acme/", showing(port.warrants.issue(Principal(user="bob")))).status in {403, 404}
    assert port.own.get("/simple/acme/", showing(port.warrants.issue(Principal()))).status in {401, 403}


def test_a_warrant_lets_nobody_operate_the_node() -> None:
    port = Port()
    operator = showing(port.warrants.issue(Principal(is_operator=True)))
    assert port.site.get("/api/v1/offline", operator, method="PUT", body=b"{}").status in {401, 403}


def test_a_warrant_lets_its_holder_read_and_do_nothing_else() -> None:
    port = Port(evolve(CONFIG, access=PRIVATE.access))
    operator = showing(port.warrants.issue(Principal(is_operator=True)))
    assert port.site.get("/simple/acme/", operator).status == 200
    for method, path in (("POST", "/api/v1/prefetch"), ("DELETE", "/api/v1/projects/acme")):
        assert port.site.get(path, operator, method=method, body=b"{}").status in {401, 403}


def test_pages_for_resolvers_show_what_the_holder_may_read_and_nothing_else() -> None:
    port = Port(evolve(CONFIG, access=PRIVATE.access))
    alice, bob = (showing(port.warrants.issue(Principal(user=user))) for user in ("alice", "bob"))
    page = port.own.get("/sdists/simple/acme/", alice)
    assert page.status == 200
    names = [file["filename"] for file in json.loads(page.body)["files"]]
    assert names == ["acme-1.0-py3-none-any.whl"]
    assert json.loads(page.body)["files"][0]["url"].startswith("/files/")
    assert port.own.get("/sdists/simple/acme/", bob).status == 404
    assert port.own.get("/sdists/local/acme/", alice).status == 404
    assert port.own.get("/sdists/elsewhere/acme/", alice).status == 404
    assert port.own.get("/sdists/simple/acme/x/acme-1.0.tar.gz", alice).status == 404
    assert port.site.get("/sdists/simple/acme/", alice).status == 404


def test_what_an_sdist_states_is_told_to_who_may_read_its_project() -> None:
    port = Port(evolve(CONFIG, access=PRIVATE.access))
    pkg_info = b"Metadata-Version: 2.2\nName: src\nVersion: 1.0\nRequires-Dist: acme\n"
    (file,) = listed(port.tier, "src", ("src-1.0.tar.gz", sdist("src", "1.0", pkg_info)))
    alice, bob = (showing(port.warrants.issue(Principal(user=user))) for user in ("alice", "bob"))
    made = json.loads(port.own.get("/sdists/simple/src/", alice).body)["files"][1]
    assert made["url"] == f"{file.hashes['sha256']}/src-1.0.tar.gz"
    path = f"/sdists/simple/src/{made['url']}.metadata"
    assert port.own.get(path, alice).body == pkg_info
    assert port.own.get(path, bob).status == 404
    assert port.own.get(path.replace("/src/", "/acme/"), alice).status == 404
    (broken,) = listed(port.tier, "odd", ("odd-1.0.tar.gz", b"no archive"))
    found = port.own.get(f"/sdists/simple/odd/{broken.hashes['sha256']}/odd-1.0.tar.gz.metadata", alice)
    assert b"the archive cannot be read" in found.body
