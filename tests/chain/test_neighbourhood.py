"""A cold resolution through whole nodes: what is needed comes along with what needs it, and all rules hold for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
import pytest
from attrs import frozen

from tests.doubles.application import UV, asked, layers, lists_all, metadata_of, resolve
from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import wheel
from tests.doubles.surroundings import load
from tests.doubles.tier_http import JSON_TYPE
from tiercache.config import PrefetchConfig
from tiercache.policy.entry import Ask
from tiercache.policy.hints import Hints
from tiercache.policy.hops import NONE_YET
from tiercache.policy.selection import ProjectRule
from tiercache.simple.names import normalise
from tiercache.upstream.batch import Batch, Kind
from tiercache.upstream.requests import Requests

PAGES = "POST /api/v1/pages"
NEEDS = layers(6, 10, 12, 12, 8)
"""With `app` itself 49 projects, six of which are waited for one after the other."""


@pytest.fixture
def chain() -> Iterator[ChainOfNodes]:
    chain = ChainOfNodes()
    lists_all(chain, NEEDS)
    yield chain
    for node in chain.nodes.values():
        node.stop()


def three(chain: ChainOfNodes) -> tuple[JoinedNode, JoinedNode, JoinedNode]:
    return chain.node("private", ORIGIN), chain.node("office", "private"), chain.node("laptop", "office")


def home(node: JoinedNode, project: str) -> str | None:
    """The tier whose page of a project a node has stored."""
    entry = node.catalogue.entry(normalise(project))
    return None if entry is None else entry.head.tier


def take_along(node: JoinedNode) -> None:
    """Ask for the application with hints, as read-ahead does, and let come what comes."""
    ask = Ask(hints=Hints(python="3.12", platform="linux", neighbours=60))
    node.chain.index.result(node.parts.pages.shown(normalise("app"), ask))


def let_begin(node: JoinedNode, is_so: Callable[[], bool]) -> None:
    """Let happen what is due, one thing after the other, until something is so."""
    for _ in range(10_000):
        if is_so():
            return
        node.chain.clock.advance(0)
    raise AssertionError("it never is")


# -- how many requests --------------------------------------------------------------------------------------------


def test_a_cold_application_costs_each_link_of_three_cold_tiers_one_request(chain: ChainOfNodes) -> None:
    private, office, laptop = three(chain)
    assert len(resolve(laptop, "app")) == len(NEEDS)
    assert asked(office) == asked(private) == [PAGES]


def test_of_the_index_each_page_and_sidecar_is_asked_once(chain: ChainOfNodes) -> None:
    resolve(three(chain)[-1], "app")
    requests = chain.index.asked()
    assert len(requests) == len(set(requests)) == 2 * len(NEEDS)


def test_what_the_top_knows_already_it_asks_nobody_for(chain: ChainOfNodes) -> None:
    private, office, laptop = three(chain)
    resolve(private, "app")
    chain.index.requests.clear()
    private.received.clear()
    resolve(laptop, "app")
    assert asked(office) == asked(private) == [PAGES]
    assert chain.index.requests == []


def test_a_second_resolution_asks_nobody_anything(chain: ChainOfNodes) -> None:
    private, office, laptop = three(chain)
    resolve(laptop, "app")
    office.received.clear()
    private.received.clear()
    resolve(laptop, "app")
    assert asked(office) == asked(private) == []


def test_pages_that_came_along_are_counted(chain: ChainOfNodes) -> None:
    private, office, laptop = three(chain)
    resolve(laptop, "app")
    assert [node.parts.stats.came_along for node in (private, office, laptop)] == [0, len(NEEDS) - 1, len(NEEDS) - 1]


def test_asks_while_the_neighbourhood_is_on_its_way_cause_no_second_request(chain: ChainOfNodes) -> None:
    _, office, laptop = three(chain)
    fields = {"Accept": JSON_TYPE, "User-Agent": UV}
    first = laptop.send("/simple/app/", fields)
    let_begin(laptop, lambda: bool(first.received))
    others = [laptop.send(f"/simple/{project}/", fields) for project in NEEDS["app"]]
    chain.settle()
    assert {connection.reply().status for connection in others} == {200}
    assert asked(office) == [PAGES]


def test_without_read_ahead_nothing_comes_along(chain: ChainOfNodes) -> None:
    private = chain.node("private", ORIGIN)
    laptop = chain.node("laptop", "private", prefetch=PrefetchConfig(read_ahead=False))
    resolve(laptop, "app")
    assert laptop.parts.stats.came_along == 0
    assert len(asked(private)) > 5


def test_a_top_that_does_not_read_ahead_sends_what_it_has_and_asks_nobody_for_more(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN, prefetch=PrefetchConfig(read_ahead=False))
    assert lines_for(office, {"neighbours": 60}) == ["app"]
    assert len(chain.index.requests) == 1
    resolve(office, "app")
    chain.index.requests.clear()
    assert len(lines_for(office, {"neighbours": 60})) == len(NEEDS)
    assert chain.index.requests == []


def test_a_client_that_does_not_say_what_it_is_gets_nothing_along(chain: ChainOfNodes) -> None:
    laptop = three(chain)[-1]
    resolve(laptop, "app", user_agent="curl/8")
    assert laptop.parts.stats.came_along == 0


# -- what is right to send ----------------------------------------------------------------------------------------


def lines_for(node: JoinedNode, body: dict[str, object], **headers: str) -> list[str]:
    reply = node.get(
        "/api/v1/pages",
        {"Content-Type": "application/json", **headers},
        method="POST",
        body=json.dumps({"projects": [{"name": "app"}], "metadata": 3, **body}).encode(),
    )
    assert reply.status == 200, reply
    return [json.loads(line)["name"] for line in reply.body.splitlines()]


def test_an_older_child_that_asks_for_no_neighbours_gets_what_it_asked_for_alone(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN)
    resolve(office, "app")
    assert lines_for(office, {}) == ["app"]


def test_neighbours_come_breadth_first_and_no_more_than_were_asked_for(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN)
    resolve(office, "app")
    assert lines_for(office, {"neighbours": 8})[:7] == ["app", *NEEDS["app"]]
    assert len(lines_for(office, {"neighbours": 8})) == 9


def test_a_request_for_the_newest_pages_brings_no_neighbours(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN)
    assert lines_for(office, {"neighbours": 8}, **{"Cache-Control": "no-cache"}) == ["app"]


def test_a_page_that_did_not_change_brings_no_neighbours(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN)
    reply = office.get(
        "/api/v1/pages", {}, method="POST", body=json.dumps({"projects": [{"name": "app"}], "metadata": 3}).encode()
    )
    etag = json.loads(reply.body)["etag"]
    assert lines_for(office, {"projects": [{"name": "app", "etag": etag}], "neighbours": 8}) == ["app"]


def test_markers_count_for_the_environment_that_is_told(chain: ChainOfNodes) -> None:
    marked = {
        "app": [
            "on-windows; sys_platform == 'win32'",
            "on-linux; sys_platform == 'linux'",
            "old; python_version < '3.9'",
        ],
        "on-windows": [],
        "on-linux": [],
        "old": [],
    }
    lists_all(chain, marked)
    office = chain.node("office", ORIGIN)
    linux = {"environment": {"python": "3.12", "platform": "linux"}, "neighbours": 9}
    windows = {"environment": {"python": "3.8", "platform": "windows"}, "neighbours": 9}
    assert lines_for(office, linux) == ["app", "on-linux"]
    assert lines_for(office, windows) == ["app", "on-windows", "old"]
    assert lines_for(office, {**linux, "universal": True}) == ["app", "on-windows", "on-linux"]
    assert lines_for(office, {"neighbours": 9}) == ["app", "on-linux"]


def test_extras_count_where_they_are_wanted(chain: ChainOfNodes) -> None:
    lists_all(chain, {"app": ["more; extra == 'all'"], "more": []})
    office = chain.node("office", ORIGIN)
    assert lines_for(office, {"neighbours": 9}) == ["app"]
    wanted = {"projects": [{"name": "app", "extras": ["all"]}], "neighbours": 9}
    assert lines_for(office, wanted) == ["app", "more"]


def test_what_a_caller_may_not_read_does_not_go_along(chain: ChainOfNodes) -> None:
    lists_all(chain, {"app": ["secret", "public"], "secret": [], "public": []})
    grants = "access: {grants: [{who: [anyone], may: [read], projects: [app, public]}]}"
    office = chain.node("office", ORIGIN, access=load(grants).access)
    assert lines_for(office, {"neighbours": 9}) == ["app", "public"]
    assert chain.index_requests("secret") == 0


def test_a_need_that_nobody_has_is_told_to_be_absent(chain: ChainOfNodes) -> None:
    lists_all(chain, {"app": ["nobody-has-this"]})
    _, office, laptop = three(chain)
    laptop.send("/simple/app/", {"User-Agent": UV})
    chain.settle()
    assert laptop.page("nobody-has-this").status == 404
    assert asked(office) == [PAGES]


def test_cyclic_needs_end(chain: ChainOfNodes) -> None:
    lists_all(chain, {"app": ["one"], "one": ["two", "app"], "two": ["one", "two"]})
    assert lines_for(chain.node("office", ORIGIN), {"neighbours": 9}) == ["app", "one", "two"]


# -- what is right to take ----------------------------------------------------------------------------------------


def test_what_selection_asks_of_another_tier_is_not_taken_along(chain: ChainOfNodes) -> None:
    name, other = NEEDS["app"][:2]
    chain.node("office", ORIGIN)
    rules = (ProjectRule(match=(name,), tiers=(ORIGIN,)), ProjectRule(match=("*",), tiers=("office",)))
    laptop = chain.node("laptop", "office", ORIGIN, projects=rules, prefetch=PrefetchConfig(read_ahead=False))
    take_along(laptop)
    assert (home(laptop, name), home(laptop, other)) == (None, "office")


def test_a_tier_that_is_not_the_first_to_be_asked_gives_nothing_along(chain: ChainOfNodes) -> None:
    name = NEEDS["app"][0]
    chain.node("private")
    chain.node("office", ORIGIN)
    rules = (ProjectRule(match=("app",), tiers=("office",)),)
    laptop = chain.node("laptop", "private", "office", projects=rules)
    take_along(laptop)
    assert (home(laptop, "app"), home(laptop, name)) == ("office", None)


def test_what_is_merged_is_not_taken_along(chain: ChainOfNodes) -> None:
    name, other = NEEDS["app"][:2]
    chain.node("office", ORIGIN)
    rules = (ProjectRule(match=(name,), tiers=("office", ORIGIN), merge=True),)
    laptop = chain.node("laptop", "office", ORIGIN, projects=rules)
    take_along(laptop)
    assert (home(laptop, name), home(laptop, other)) == (None, "office")


def test_what_is_hosted_here_is_not_taken_along(chain: ChainOfNodes) -> None:
    name, other = NEEDS["app"][:2]
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    laptop.host(name, f"{name}-9.tar.gz", b"ours")
    take_along(laptop)
    assert (home(laptop, name), home(laptop, other)) == (None, "office")
    assert list(laptop.files_of(name)) == [f"{name}-9.tar.gz"]
    assert asked(office) == [PAGES]


def test_a_name_that_another_node_has_announced_is_not_taken_along(chain: ChainOfNodes) -> None:
    name, other = NEEDS["app"][:2]
    private = chain.node("private")
    private.host(name, f"{name}-1.tar.gz", b"private")
    chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office", "private")
    laptop.follow()
    take_along(laptop)
    assert (home(laptop, name), home(laptop, other)) == (None, "office")
    assert list(laptop.files_of(name)) == [f"{name}-1.tar.gz"]


def test_what_is_fresh_here_is_not_taken_again(chain: ChainOfNodes) -> None:
    name, other = NEEDS["app"][:2]
    office, laptop = chain.node("office", ORIGIN), chain.node("laptop", "office")
    laptop.page(name)
    before = laptop.catalogue.entry(normalise(name))
    chain.advance(1.0)
    take_along(laptop)
    assert home(laptop, other) == "office"
    is_as_it_was = laptop.catalogue.entry(normalise(name)) == before
    assert is_as_it_was
    assert asked(office) == [PAGES] * 2


def test_a_page_that_came_along_is_vouched_for_and_outdated_by_news_as_one_that_was_asked_for(
    chain: ChainOfNodes,
) -> None:
    private, office, laptop = three(chain)
    private.host("app", "app-1.0-py3-none-any.whl", wheel("app", "1.0", metadata_of("app", ["lib"])))
    private.host("lib", "lib-1.tar.gz", b"1")
    office.follow()
    laptop.follow()
    take_along(laptop)
    entry = laptop.catalogue.entry(normalise("lib"))
    told = None if entry is None else (entry.head.tier, entry.head.home, entry.head.at)
    assert told == ("office", private.node_id, office.parts.journal.position)
    chain.pass_time(60.0)
    private.host("lib", "lib-2.tar.gz", b"2")
    assert sorted(laptop.files_of("lib")) == ["lib-1.tar.gz", "lib-2.tar.gz"]


# -- older nodes --------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class OlderPageWanted:
    """As nodes read it that know of no hints."""

    name: str
    etag: str | None = None


@frozen(kw_only=True)
class OlderPagesWanted:
    """The same."""

    projects: tuple[OlderPageWanted, ...]
    metadata: int = 0


@frozen(kw_only=True)
class OlderPageLine:
    """As nodes read it that know of nothing that follows."""

    name: str
    status: str
    page: Any = None


def test_an_older_parent_passes_over_what_it_does_not_know() -> None:
    batch = Batch(
        kind=Kind(hops=NONE_YET, hints=Hints(python="3.12", platform="linux", neighbours=60)),
        requests=cast("Requests", None),
        etags={normalise("app"): None},
        hints={normalise("app"): Hints(specifier=">1", extras=("all",))},
    )
    older = msgspec.json.decode(batch.body(), type=OlderPagesWanted)
    assert older == OlderPagesWanted(projects=(OlderPageWanted(name="app"),), metadata=3)


def test_an_older_child_passes_over_what_it_does_not_know(chain: ChainOfNodes) -> None:
    office = chain.node("office", ORIGIN)
    body = {"projects": [{"name": "app"}], "metadata": 3, "neighbours": 1}
    reply = office.get("/api/v1/pages", {}, method="POST", body=json.dumps(body).encode())
    lines = [msgspec.json.decode(line, type=OlderPageLine) for line in reply.body.splitlines()]
    assert [(line.name, line.status) for line in lines] == [("app", "page"), (NEEDS["app"][0], "page")]
