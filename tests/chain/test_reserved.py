"""Promise 3 on whole nodes: no private name is ever answered from the public index, whatever happens to who hosts it.

The private server hosts acme 1.0, the public index has an acme 9.9.  The office stands between the server and the
laptop, which may ask the public index for everything, and has no rule that says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.far_index import BASE
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE, http_answer
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles

ACME = normalise("acme")
PRIVATE, PUBLIC = ("acme-1.0.tar.gz", b"private" * 100), ("acme-9.9.tar.gz", b"public" * 100)
NUMPY = ("numpy-1.0.tar.gz", b"numpy")
LONG_S = 7 * 86400.0


class Fleet:
    """The three nodes, all following."""

    def __init__(self) -> None:
        self.chain = ChainOfNodes()
        self.chain.lists("acme", PUBLIC)
        self.chain.lists("numpy", NUMPY)
        self.server = self.chain.node("server", ORIGIN)
        self.office = self.chain.node("office", "server")
        self.laptop = self.chain.node("laptop", "office", ORIGIN)
        self.ids = {self.office.node_id, self.laptop.node_id}
        for node in (self.server, self.office, self.laptop):
            node.follow()

    def down(self, *nodes: JoinedNode) -> None:
        """These stop: nothing connects to them, and what was connected is not any more."""
        for node in nodes:
            node.stop()
            self.chain.cut(node.name)
        self.chain.drop_connections()

    def up(self, *nodes: JoinedNode, wiped: bool = False) -> None:
        """These begin anew, with what they had stored or with nothing; and then time passes."""
        for node in nodes:
            if wiped:
                node.catalogue, node.files = MemoryCatalogue(), MemoryFiles()
            node.start()
            node.follow()
            self.chain.join(node.name)
        self.wait()

    def wait(self, seconds: float = 300.0) -> None:
        """Long enough for every breaker, feed and announcement."""
        for _ in range(int(seconds / 5.0)):
            self.chain.advance(5.0)

    def asks_public(self) -> int:
        """How often the office or the laptop has asked the index for acme, or for its file.

        A server that was wiped is like one that never hosted acme: what it asks is its own affair.
        """
        return sum(
            "acme" in request.url
            and request.url.startswith((BASE, FILES))
            and request.headers["via"].rpartition(" ")[2] in self.ids
            for request in self.chain.index.requests
        )


def answer(node: JoinedNode, project: str = "acme", **headers: str) -> list[str] | int:
    """The filenames that a client is shown, or the status that it is answered with."""
    reply = node.page(project, headers)
    return [file["filename"] for file in json.loads(reply.body)["files"]] if reply.status == 200 else reply.status


def fleet() -> Fleet:
    made = Fleet()
    made.server.host("acme", *PRIVATE)
    return made


def assert_closed(fleet: Fleet, *, knows: bool = False) -> None:
    """The laptop gives a client the private project (stale), or an error that stops it: never the public one, nor a 404
    by which clients go on to the next index."""
    insisting: list[dict[str, str]] = [{}, {"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}]
    for headers in insisting:
        said = answer(fleet.laptop, **headers)
        assert said in ([PRIVATE[0]], 503), said
        assert not knows or said == [PRIVATE[0]]
    for path in (
        f"/packages/source/a/acme/{PUBLIC[0]}",
        f"/files/{sha256(PUBLIC[1])}/{PUBLIC[0]}",
        f"/local/files/{sha256(PUBLIC[1])}/{PUBLIC[0]}",
    ):
        assert fleet.laptop.get(path).status in (404, 503)
    assert fleet.asks_public() == 0
    assert answer(fleet.laptop, "numpy") == [NUMPY[0]]  # which has no trouble of its own


# -- the bad days -------------------------------------------------------------------------------------------------


def office_is_down(fleet: Fleet) -> None:
    fleet.down(fleet.office)


def office_and_server_are_down(fleet: Fleet) -> None:
    fleet.down(fleet.office, fleet.server)


def server_is_down(fleet: Fleet) -> None:
    fleet.down(fleet.server)


def office_is_wiped(fleet: Fleet) -> None:
    """And cannot hear from the server: its word is incomplete."""
    fleet.down(fleet.office, fleet.server)
    fleet.up(fleet.office, wiped=True)


def server_is_wiped(fleet: Fleet) -> None:
    """It says that it has all its names, and has none."""
    fleet.down(fleet.server)
    fleet.up(fleet.server, wiped=True)


def all_above_are_wiped(fleet: Fleet) -> None:
    fleet.down(fleet.office, fleet.server)
    fleet.up(fleet.server, fleet.office, wiped=True)


def all_above_are_wiped_twice(fleet: Fleet) -> None:
    all_above_are_wiped(fleet)
    all_above_are_wiped(fleet)


def office_is_replaced_by_another_node(fleet: Fleet) -> None:
    """One without parents, which hosts something else, and whose word is complete."""
    fleet.down(fleet.office)
    other = fleet.chain.node("office")
    other.host("other", "other-1.0.tar.gz", b"other")
    other.follow()
    fleet.chain.join("office")
    fleet.wait()


def office_is_replaced_by_another_program(fleet: Fleet) -> None:
    """An index that has no acme, and says 404 to everything of ours."""
    fleet.down(fleet.office)
    del fleet.chain.nodes["office"]
    fleet.chain.join("office")
    fleet.wait()


def office_is_replaced_by_a_mirror_of_the_public_index(fleet: Fleet) -> None:
    """Which has everything that the public index has, under the office's address."""
    fleet.down(fleet.office)
    del fleet.chain.nodes["office"]
    file = {"filename": PUBLIC[0], "url": FILES + PUBLIC[0], "hashes": {"sha256": sha256(PUBLIC[1])}}
    page = {"meta": {"api-version": "1.0"}, "name": "acme", "files": [file]}
    answered = http_answer(200, json.dumps(page).encode(), {"Content-Type": JSON_TYPE})
    fleet.chain.index.on("GET http://office.example:8141/simple/acme/", answered)
    fleet.chain.join("office")
    fleet.wait()


def laptop_restarts_without_the_office(fleet: Fleet) -> None:
    fleet.down(fleet.office, fleet.laptop)
    fleet.up(fleet.laptop)


def laptop_restarts_before_a_wiped_office(fleet: Fleet) -> None:
    fleet.down(fleet.office, fleet.server, fleet.laptop)
    fleet.up(fleet.office, wiped=True)
    fleet.up(fleet.laptop)


def laptop_was_away_while_all_above_were_wiped(fleet: Fleet) -> None:
    fleet.chain.unplug("office")
    fleet.wait()
    fleet.server.stop()
    fleet.office.stop()
    fleet.chain.drop_connections()
    for node in (fleet.server, fleet.office):
        node.catalogue, node.files = MemoryCatalogue(), MemoryFiles()
        node.start()
        node.follow()
    fleet.chain.join("office")
    fleet.wait()


BAD_DAYS = [
    office_is_down,
    office_and_server_are_down,
    server_is_down,
    office_is_wiped,
    server_is_wiped,
    all_above_are_wiped,
    all_above_are_wiped_twice,
    office_is_replaced_by_another_node,
    office_is_replaced_by_another_program,
    office_is_replaced_by_a_mirror_of_the_public_index,
    laptop_restarts_without_the_office,
    laptop_restarts_before_a_wiped_office,
    laptop_was_away_while_all_above_were_wiped,
]


@pytest.mark.parametrize("has_asked", [True, False])
@pytest.mark.parametrize("bad_day", BAD_DAYS)
def test_no_bad_day_opens_a_private_name_to_the_public_index(bad_day: Callable[[Fleet], None], has_asked: bool) -> None:
    there = fleet()
    if has_asked:
        assert answer(there.laptop) == [PRIVATE[0]]
    bad_day(there)
    assert_closed(there)
    there.wait(3600.0)
    assert_closed(there)
    there.down(there.laptop)
    there.up(there.laptop)
    assert_closed(there)


@pytest.mark.parametrize("bad_day", [office_is_down, office_and_server_are_down, laptop_restarts_without_the_office])
def test_an_outage_costs_no_client_a_page_that_the_laptop_has(bad_day: Callable[[Fleet], None]) -> None:
    there = fleet()
    assert answer(there.laptop) == [PRIVATE[0]]
    bad_day(there)
    there.chain.advance(LONG_S)
    assert_closed(there, knows=True)


def test_after_the_outage_the_private_project_is_there_again() -> None:
    there = fleet()
    all_down = (there.office, there.server)
    there.down(*all_down)
    assert answer(there.laptop) == 503
    there.up(*all_down)
    assert answer(there.laptop) == [PRIVATE[0]]
    assert there.asks_public() == 0


def test_a_wiped_office_learns_the_names_anew_and_may_then_take_them_back() -> None:
    there = fleet()
    there.down(there.office)
    there.up(there.office, wiped=True)
    assert answer(there.laptop) == [PRIVATE[0]]
    there.chain.index.result(there.server.parts.hosted.withdraw(ACME))
    there.wait()
    assert answer(there.laptop) == [PUBLIC[0]]


def test_a_wiped_server_frees_no_name_but_a_person_does_at_each_node() -> None:
    there = fleet()
    server_is_wiped(there)
    assert ACME in there.office.parts.reserved.announced().names
    assert answer(there.laptop) == 503
    assert there.chain.index.result(there.office.parts.reserved.release(ACME)) is True
    there.wait()
    assert there.laptop.parts.reserved.announced().names == ()  # whose parent's journal says so, and is the same
    assert answer(there.laptop) == [PUBLIC[0]]


# -- the good days ------------------------------------------------------------------------------------------------


def test_a_private_project_with_a_lower_version_is_all_that_any_tier_shows() -> None:
    there = fleet()
    for node in (there.laptop, there.office, there.server):
        assert answer(node) == [PRIVATE[0]]
    assert there.asks_public() == 0


def test_a_name_is_closed_at_the_bottom_as_soon_as_it_is_taken_at_the_top() -> None:
    """The laptop has the public project already, fresh for long, and its file."""
    there = Fleet()
    path = there.laptop.files_of("acme")[PUBLIC[0]]
    assert there.laptop.get(path).body == PUBLIC[1]
    before = there.asks_public()
    there.server.host("acme", *PRIVATE)
    there.chain.settle()
    assert answer(there.laptop) == [PRIVATE[0]]
    assert there.laptop.get("/local/acme/", {"Accept": JSON_TYPE}).status == 404
    assert there.laptop.get(path).status == 404
    assert there.asks_public() == before
    there.down(there.office, there.server)
    assert answer(there.laptop, **{"Cache-Control": "no-cache"}) == [PRIVATE[0]]


@pytest.mark.parametrize("is_stored", [False, True])
def test_what_was_kept_of_a_public_wheel_goes_with_it_when_its_name_is_taken(is_stored: bool) -> None:
    fleet = Fleet()
    metadata = b"Metadata-Version: 2.1\nName: acme\nVersion: 9.9\n"
    name = "acme-9.9-py3-none-any.whl"
    fleet.chain.lists("acme", (name, wheel("acme", "9.9", metadata)))
    path = fleet.laptop.files_of("acme")[name]
    assert fleet.laptop.get(f"{path}.metadata").body == metadata
    if is_stored:
        assert fleet.laptop.get(path).status == 200
    assert fleet.laptop.get(f"/local{path}.metadata").status == 200
    fleet.server.host("acme", *PRIVATE)
    for where in (path, f"{path}.metadata", f"/local{path}", f"/local{path}.metadata"):
        assert fleet.laptop.get(where).status == 404, where


def test_a_withdrawn_project_opens_its_name_again_at_every_tier() -> None:
    there = fleet()
    assert answer(there.laptop) == [PRIVATE[0]]
    there.chain.index.result(there.server.parts.hosted.withdraw(ACME))
    there.chain.settle()
    assert [node.parts.reserved.announced().names for node in (there.server, there.office, there.laptop)] == [()] * 3
    assert answer(there.server) == [PUBLIC[0]]
    assert answer(there.laptop) == [PUBLIC[0]]


def test_a_laptop_that_is_new_and_meets_the_office_first_never_asks_the_index() -> None:
    there = fleet()
    new = there.chain.node("another", "office", ORIGIN)
    new.follow()
    there.down(there.office, there.server)
    assert answer(new) == 503
    assert there.asks_public() == 0


def test_every_nodes_word_is_complete_once_all_above_have_spoken() -> None:
    there = fleet()
    assert [node.parts.reserved.announced().complete for node in (there.server, there.office, there.laptop)] == [
        True
    ] * 3
    there.down(there.server, there.office)
    there.up(there.office, wiped=True)
    assert not there.office.parts.reserved.announced().complete
    assert not there.laptop.parts.reserved.announced().complete
    there.up(there.server)
    assert there.office.parts.reserved.announced().complete
    assert there.laptop.parts.reserved.announced().complete


def test_the_address_of_the_public_index_is_the_one_that_is_counted() -> None:
    """What the tests above rely on to see that it is never asked."""
    there = Fleet()
    there.down(there.office)
    path = there.laptop.files_of("acme")[PUBLIC[0]]
    assert there.asks_public() == 1
    assert there.laptop.get(path).body == PUBLIC[1]
    assert there.asks_public() == 2
