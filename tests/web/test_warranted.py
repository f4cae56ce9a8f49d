"""The port on which the node's own programs read its site, and the warrants that they show there."""

from __future__ import annotations

from base64 import b64encode
from itertools import count

import pytest
from attrs import define, evolve, field

from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, SmallNode, listed, scripted
from tests.doubles.surroundings import load
from tests.doubles.wire import Wire
from tiercache.access.principals import Principal
from tiercache.access.warrants import WARRANT_USER, Warrants
from tiercache.config import Config
from tiercache.served import root_of
from tiercache.web.warranted import Warranted

ALICE = Principal(user="alice")
PRIVATE = load(
    "access: {users: {alice: {token: 0123456789abcdef0123456789abcdef}}, grants: [{who: [alice], may: [read]}]}"
)


@define
class Port:
    """The site of a node with one project, `acme`, as others reach it (`site`), and as its own programs do (`own`)."""

    config: Config = CONFIG
    warrants: Warrants = field(init=False)
    site: Wire = field(init=False)
    own: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        tier = scripted()
        listed(tier, "acme", ("acme-1.0-py3-none-any.whl", b"wheel"))
        node = SmallNode(upstreams=[tier], config=self.config)
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
        self.own = Wire.to(Warranted(root=root, warrants=self.warrants), clock=node.clock)


def showing(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{WARRANT_USER}:{password}".encode()).decode()}


def test_who_shows_a_warrant_reads_there() -> None:
    port = Port()
    warrant = showing(port.warrants.issue(ALICE))
    assert port.own.get("/simple/acme/", warrant).status == 200
    assert port.own.get("/local/acme/", warrant).status == 404
    assert port.own.get("/files/x/y", warrant).status == 404


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
