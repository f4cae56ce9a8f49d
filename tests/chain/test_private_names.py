"""No public file takes a private name: at no tier, by no route, whatever is down above, whatever was asked before.

The server hosts acme 1.0, the index has an acme 9.9, and each of the three nodes may ask the index for anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.chain.fleet import Fleet
from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE
from tests.doubles.wire import Reply
from tiercache.policy.selection import ProjectRule

PRIVATE_NAME, PUBLIC_NAME = "acme-1.0-py3-none-any.whl", "acme-9.9-py3-none-any.whl"
PRIVATE_METADATA = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nSummary: private\n"
PUBLIC_METADATA = b"Metadata-Version: 2.1\nName: acme\nVersion: 9.9\nSummary: public\n"
PRIVATE = wheel("acme", "1.0", PRIVATE_METADATA)
PUBLIC = wheel("acme", "9.9", PUBLIC_METADATA)
PRIVATE_PATH = f"/files/{sha256(PRIVATE)}/{PRIVATE_NAME}"
PUBLIC_PATH = f"/files/{sha256(PUBLIC)}/{PUBLIC_NAME}"


def fleet(*, hosts: bool = True) -> Fleet:
    made = Fleet(public=[(PUBLIC_NAME, PUBLIC)], office_tiers=("server", ORIGIN))
    if hosts:
        made.server.host("acme", PRIVATE_NAME, PRIVATE)
        made.chain.settle()
    return made


def post_pages(node: JoinedNode, **headers: str) -> Reply:
    body = json.dumps({"projects": [{"name": "acme"}], "metadata": 5}).encode()
    return node.get("/api/v1/pages", {"Content-Type": "application/json", **headers}, method="POST", body=body)


# -- the routes: each checks one answer, and says whether the private project was in it ------------------------------


def by_page(node: JoinedNode, headers: dict[str, str]) -> bool:
    reply = node.page("acme", headers)
    if reply.status == 503:
        return False
    assert reply.status == 200
    told = json.loads(reply.body)
    assert [file["filename"] for file in told["files"]] == [PRIVATE_NAME]
    assert "9.9" not in told["versions"]
    return True


def by_legacy_json(node: JoinedNode, headers: dict[str, str]) -> bool:
    assert node.get("/pypi/acme/9.9/json", headers).status in (404, 503)
    reply = node.get("/pypi/acme/json", headers)
    if reply.status == 503:
        return False
    assert reply.status == 200
    told = json.loads(reply.body)
    assert (told["info"]["version"], list(told["releases"])) == ("1.0", ["1.0"])
    assert told["info"]["summary"] in ("private", None)  # None: the sidecar was not to be had
    return True


def by_pages(node: JoinedNode, headers: dict[str, str]) -> bool:
    reply = post_pages(node, **headers)
    assert reply.status == 200
    (line,) = [json.loads(one) for one in reply.body.splitlines()]
    assert PUBLIC_METADATA.decode() not in line.get("sidecars", {}).values()
    if line["status"] == "unavailable":
        return False
    assert line["status"] == "page"
    assert line["reserved"] is True
    assert [file["filename"] for file in line["page"]["files"]] == [PRIVATE_NAME]
    return True


def by_sidecar(node: JoinedNode, headers: dict[str, str]) -> bool:
    return _by_digest(node, ".metadata", PRIVATE_METADATA, headers)


def by_file(node: JoinedNode, headers: dict[str, str]) -> bool:
    return _by_digest(node, "", PRIVATE, headers)


def by_filename(node: JoinedNode, headers: dict[str, str]) -> bool:
    assert node.get(f"/packages/py3/a/acme/{PUBLIC_NAME}", headers).status in (404, 503)
    assert node.get(f"/packages/py3/a/acme/{PUBLIC_NAME}.metadata", headers).status in (404, 503)
    return _is_private(node.get(f"/packages/py3/a/acme/{PRIVATE_NAME}", headers), PRIVATE)


def _by_digest(node: JoinedNode, suffix: str, private: bytes, headers: dict[str, str]) -> bool:
    for where in ("", "/local"):
        for more in ({}, {"Range": "bytes=0-99"}):
            assert node.get(f"{where}{PUBLIC_PATH}{suffix}", {**headers, **more}).status in (404, 503)
        assert node.get(f"{where}{PUBLIC_PATH}{suffix}", headers, method="HEAD").status in (404, 503)
    return _is_private(node.get(PRIVATE_PATH + suffix, headers), private)


def _is_private(reply: Reply, expected: bytes) -> bool:
    """A file that is not here and cannot be had now is not absent: else a client would look for it elsewhere."""
    assert reply.status in (200, 503)
    if reply.status == 200:
        assert reply.body == expected
    return reply.status == 200


Route = Callable[[JoinedNode, dict[str, str]], bool]
ROUTES: list[Route] = [by_page, by_legacy_json, by_pages, by_sidecar, by_file, by_filename]
INSISTING: list[dict[str, str]] = [{}, {"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}]


def assert_local_has_no_public_file(node: JoinedNode) -> None:
    reply = node.get("/local/acme/", {"Accept": JSON_TYPE})
    assert reply.status in (200, 404)
    if reply.status == 200:
        assert [file["filename"] for file in json.loads(reply.body)["files"]] == [PRIVATE_NAME]


def nodes_of(fleet: Fleet) -> dict[str, JoinedNode]:
    return {"server": fleet.server, "office": fleet.office, "laptop": fleet.laptop}


# -- the private tier is up -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["server", "office", "laptop"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_private_project_is_all_that_there_is_although_the_public_one_has_a_greater_version(
    route: Route, name: str
) -> None:
    there = fleet()
    node = nodes_of(there)[name]
    for headers in INSISTING:
        assert route(node, headers)
    assert_local_has_no_public_file(node)
    assert there.asks_public() == 0


# -- it is down -----------------------------------------------------------------------------------------------------

DOWN = {
    "office": [("server",)],
    "laptop": [("office",), ("server",), ("office", "server")],
}
"""Of whom a node is left alone."""


@pytest.mark.parametrize("has_restarted", [False, True])
@pytest.mark.parametrize("has_asked", [True, False])
@pytest.mark.parametrize(("name", "down"), [(name, down) for name, each in DOWN.items() for down in each])
def test_without_the_private_tier_there_is_what_is_kept_or_an_error_and_never_the_public_file(
    name: str, down: tuple[str, ...], has_asked: bool, has_restarted: bool
) -> None:
    there = fleet()
    node = nodes_of(there)[name]
    if has_asked:
        for route in ROUTES:
            assert route(node, {})
    there.down(*(nodes_of(there)[gone] for gone in down))
    if has_restarted:
        there.down(node)
        there.up(node)
    for seconds in (0.0, 120.0, 7 * 86400.0):
        there.chain.advance(seconds)
        for route in ROUTES:
            for headers in INSISTING:
                served = route(node, headers)
                # What it has it gives, stale: an outage above is no outage here.
                assert served or not has_asked, (route.__name__, headers, seconds)
        assert_local_has_no_public_file(node)
    assert there.asks_public() == 0


@pytest.mark.parametrize("name", ["office", "laptop"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_error_is_one_that_stops_clients(route: Route, name: str) -> None:
    there = fleet()
    there.down(there.server)
    node = nodes_of(there)[name]
    assert route(node, {}) is False
    for path in ("/simple/acme/", "/pypi/acme/json", PRIVATE_PATH, f"{PRIVATE_PATH}.metadata"):
        reply = node.get(path)
        assert reply.status == 503
        assert int(reply.headers["retry-after"]) > 0
    assert there.asks_public() == 0


# -- the public project was here first ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize("name", ["server", "office", "laptop"])
def test_a_public_file_that_is_stored_goes_with_its_name_when_that_is_taken(name: str, is_down: bool) -> None:
    there = fleet(hosts=False)
    node = nodes_of(there)[name]
    for one in nodes_of(there).values():
        assert one.get(one.files_of("acme")[PUBLIC_NAME]).body == PUBLIC
        assert one.get(f"{PUBLIC_PATH}.metadata").body == PUBLIC_METADATA
        assert one.get(f"/local{PUBLIC_PATH}").body == PUBLIC
    before = there.asks_public()
    there.server.host("acme", PRIVATE_NAME, PRIVATE)
    there.chain.settle()
    if is_down and node is not there.server:
        there.down(there.server, *([there.office] if node is there.laptop else []))
    for route in ROUTES:
        for headers in INSISTING:
            served = route(node, headers)
            assert served or is_down
    assert_local_has_no_public_file(node)
    assert there.asks_public() == before


# -- reserved by a rule alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_down", [False, True])
def test_a_name_that_a_rule_keeps_in_the_house_is_never_asked_of_the_index(is_down: bool) -> None:
    """Before anybody hosts it, too, and before any node has announced anything."""
    chain = ChainOfNodes()
    chain.lists("acme", (PUBLIC_NAME, PUBLIC))
    chain.node("server")
    rule = ProjectRule(match=("acme*",), tiers=("server",))
    office = chain.node("office", "server", ORIGIN, projects=(rule,))
    if is_down:
        chain.cut("server")
    for path in ("/simple/acme/", "/pypi/acme/json", PUBLIC_PATH, f"{PUBLIC_PATH}.metadata"):
        assert office.get(path).status == (503 if is_down else 404), path
    (line,) = [json.loads(one) for one in post_pages(office).body.splitlines()]
    assert line["status"] == ("unavailable" if is_down else "absent")
    assert chain.index.requests == []


@pytest.mark.parametrize("is_down", [False, True])
def test_it_is_the_same_where_the_index_stands_first_among_the_tiers(is_down: bool) -> None:
    there = fleet()
    desk = there.chain.node("desk", ORIGIN, "server")
    there.ids.add(desk.node_id)
    desk.follow()
    if is_down:
        there.down(there.server)
    for route in ROUTES:
        for headers in INSISTING:
            assert route(desk, headers) is not is_down
    assert there.asks_public() == 0
