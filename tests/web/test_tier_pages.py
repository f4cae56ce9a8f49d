"""Many pages in one exchange, as the nodes below ask for them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from tests.doubles.scripted_journal import EPOCH
from tests.doubles.shelves import PageShelf, file_of, page_of
from tests.doubles.wire import Connection, Reply
from tests.web.node import LAPTOP, WebNode
from tiercache.cache.newest_sidecars import MOST_BYTES
from tiercache.cache.pages import ShownPage
from tiercache.errors import NoTierAnswered, NotStored, StoreFull
from tiercache.interfaces import Attachment
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.policy.hops import LOOP
from tiercache.simple.model import ProjectName
from tiercache.simple.names import identity_of
from tiercache.web.tier.line_stream import AT_ONCE
from tiercache.wire import MOST_PROJECTS

PATH = "/api/v1/pages"
JSON_BODY = {"Content-Type": "application/json"}


def body_for(*names: str, **more: Any) -> bytes:
    return json.dumps({"projects": [{"name": name} for name in names], **more}).encode()


def lines_in(reply: Reply) -> dict[str, dict[str, Any]]:
    """The lines by project, in their order."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.is_complete
    assert reply.body.endswith(b"\n")
    found = [json.loads(line) for line in reply.body.splitlines()]
    assert len({line["name"] for line in found}) == len(found)
    return {line["name"]: line for line in found}


def asked(node: WebNode, body: bytes, headers: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return lines_in(node.request("POST", PATH, {**JSON_BODY, **(headers or {})}, body))


def begun(node: WebNode, body: bytes, headers: dict[str, str] | None = None) -> Connection:
    """An exchange whose answer may take its time."""
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("POST", PATH, {**JSON_BODY, **(headers or {})}, body)
    return connection


class SlowPages(PageShelf):
    """Pages of which some wait until they are let go; `errors` are raised by project."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Deferred[None]] = {}
        self.errors: dict[str, Exception] = {}
        self.begun: list[str] = []
        self.left: list[str] = []

    def hold(self, *names: str) -> None:
        self.held.update({name: Deferred() for name in names})

    async def shown(self, project: ProjectName, ask: Ask) -> ShownPage:
        self.begun.append(project)
        if project in self.held:
            try:
                await self.held[project]
            except BaseException:
                self.left.append(project)
                raise
        if project in self.errors:
            raise self.errors[project]
        return await super().shown(project, ask)


# -- the lines --------------------------------------------------------------------------------------------------


def test_each_project_has_one_line_with_its_page_as_simple_shows_it() -> None:
    node = WebNode()
    node.pages.put(page_of("numpy", file_of("numpy-1.tar.gz")), serial=7, age_s=3.0, home="above")
    node.journal.append("something")
    lines = asked(node, body_for("numpy", "missing"))
    simple = node.get("/simple/numpy/", {"Accept": "application/vnd.pypi.simple.v1+json"})
    line = lines["numpy"]
    assert line["status"] == "page"
    assert line["page"] == json.loads(simple.body)
    assert line["etag"] == simple.headers["etag"]
    assert (line["age_s"], line["lifetime_s"], line["storable"], line["serial"]) == (3.0, 603.0, True, 7)
    assert (line["epoch"], line["at"], line["home"]) == (EPOCH, 1, "above")
    assert line["cache_status"] == "laptop; hit; ttl=600"
    assert lines["missing"]["status"] == "absent"
    assert lines["missing"]["cache_status"] == "laptop; fwd=miss; detail=absent"


def test_a_page_that_the_child_has_is_not_sent_again() -> None:
    node = WebNode()
    node.pages.put(page_of("numpy", file_of("numpy-1.tar.gz")))
    etag = asked(node, body_for("numpy"))["numpy"]["etag"]
    body = json.dumps({"projects": [{"name": "numpy", "etag": etag}]}).encode()
    line = asked(node, body)["numpy"]
    assert (line["status"], line["etag"], line["page"]) == ("not-modified", etag, None)
    stale = json.dumps({"projects": [{"name": "numpy", "etag": '"another"'}]}).encode()
    assert asked(node, stale)["numpy"]["status"] == "page"


@pytest.mark.parametrize(
    ("error", "reason", "retry_after_s"),
    [
        (NoTierAnswered(subject="The page of numpy", reason="it is down", retry_after_s=7.0), "it is down", 7.0),
        (NoTierAnswered(subject="The page of numpy", reason=LOOP), LOOP, None),
        (NotStored(subject="The page of numpy"), "not-stored", None),
        (StoreFull(reason="no room"), "The store has no room for more: no room.", None),
    ],
)
def test_what_cannot_be_told_now_is_unavailable_and_not_absent(
    error: Exception, reason: str, retry_after_s: float | None
) -> None:
    node = WebNode()
    node.pages.raising = error
    line = asked(node, body_for("numpy"))["numpy"]
    assert (line["status"], line["reason"], line["retry_after_s"]) == ("unavailable", reason, retry_after_s)


def test_what_who_asks_may_not_read_is_forbidden_and_not_looked_for() -> None:
    node = WebNode(unreadable={"secret"})
    node.pages.put(page_of("secret"))
    node.pages.put(page_of("numpy"))
    lines = asked(node, body_for("secret", "numpy"))
    assert {name: line["status"] for name, line in lines.items()} == {"secret": "forbidden", "numpy": "page"}
    assert [project for project, _ in node.pages.asked] == ["numpy"]


def test_what_was_not_foreseen_spoils_one_line_and_is_logged() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    pages.put(page_of("numpy"))
    pages.errors["odd"] = ValueError("odd")
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        lines = asked(node, body_for("odd", "numpy"))
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert (lines["odd"]["status"], lines["odd"]["reason"]) == ("unavailable", "error")
    assert "ValueError" not in json.dumps(lines)
    assert lines["numpy"]["status"] == "page"
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [ValueError]


@pytest.mark.parametrize(
    ("outcome", "storable"),
    [
        (Outcome(hit=True, ttl_s=60.0), True),
        (Outcome(fwd="miss", fwd_status=200, stored=True, ttl_s=60.0), True),
        (Outcome(fwd="miss", fwd_status=200, stored=False, ttl_s=60.0), False),
        (Outcome(fwd="stale", ttl_s=-5.0, detail="unreachable"), True),
    ],
)
def test_a_page_that_may_not_be_kept_here_is_not_to_be_kept_below(outcome: Outcome, storable: bool) -> None:
    node = WebNode()
    node.pages.put(page_of("numpy"), outcome=outcome, age_s=2.0)
    line = asked(node, body_for("numpy"))["numpy"]
    assert line["storable"] is storable
    assert line["lifetime_s"] == max(0.0, 2.0 + (outcome.ttl_s or 0.0))


def test_a_change_that_comes_while_a_page_is_made_counts_as_news_of_it() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    pages.put(page_of("numpy"))
    pages.hold("numpy")
    node.journal.append("before")
    connection = begun(node, body_for("numpy"))
    node.journal.append("numpy")
    pages.held["numpy"].callback(None)
    assert lines_in(connection.reply("POST"))["numpy"]["at"] == 1


def test_a_change_that_nobody_was_told_of_yet_counts_as_news_too() -> None:
    node = WebNode()
    node.pages.put(page_of("numpy"))
    node.journal.append("before")
    node.journal.commit("numpy")
    assert asked(node, body_for("numpy"))["numpy"]["at"] == 1


def test_cache_control_and_hops_of_the_request_count_for_every_project() -> None:
    node = WebNode()
    asked(node, body_for("a", "b"), {"Cache-Control": "no-cache", "Via": "1.1 x, 1.1 y", "CDN-Loop": "x, y"})
    for _, ask in node.pages.asked:
        assert ask.no_cache
        assert ask.hops.cdn_loop == ("x", "y")
    assert len(node.pages.asked) == 2


def test_a_request_that_is_here_again_is_refused_with_a_problem() -> None:
    here = "00000000000000ff"
    node = WebNode(presence=evolve(LAPTOP, node_id=here))
    reply = node.request("POST", PATH, {**JSON_BODY, "CDN-Loop": here}, body_for("numpy"))
    assert reply.status == 508
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_project_that_is_asked_for_twice_has_one_line_and_the_first_counts() -> None:
    node = WebNode()
    node.pages.put(page_of("numpy"))
    etag = asked(node, body_for("numpy"))["numpy"]["etag"]
    twice = json.dumps({"projects": [{"name": "numpy", "etag": etag}, {"name": "numpy"}]}).encode()
    assert [line["status"] for line in asked(node, twice).values()] == ["not-modified"]
    assert len(node.pages.asked) == 2


# -- as they are ready ------------------------------------------------------------------------------------------


def test_a_slow_project_holds_up_no_other_line() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    names = [f"p{number}" for number in range(120)]
    for name in ("slow", *names):
        pages.put(page_of(name))
    pages.hold("slow")
    connection = begun(node, body_for("slow", *names))
    received = connection.received
    assert all(f'"name":"{name}"'.encode() in received for name in names)
    assert b'"slow"' not in received
    pages.held["slow"].callback(None)
    assert list(lines_in(connection.reply("POST")))[-1] == "slow"


def test_lines_come_in_the_order_in_which_they_are_ready() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    pages.hold("a", "b", "c")
    connection = begun(node, body_for("a", "b", "c"))
    for name in ("c", "a", "b"):
        pages.held[name].callback(None)
    assert list(lines_in(connection.reply("POST"))) == ["c", "a", "b"]


def test_so_many_projects_are_settled_at_once_and_no_more() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    names = [f"p{number}" for number in range(AT_ONCE + 1)]
    pages.hold(*names)
    connection = begun(node, body_for(*names))
    assert len(pages.begun) == AT_ONCE
    pages.held["p7"].callback(None)
    assert len(pages.begun) == AT_ONCE + 1
    for name in names:
        if name != "p7":
            pages.held[name].callback(None)
    assert len(lines_in(connection.reply("POST"))) == AT_ONCE + 1


def test_for_a_client_that_takes_nothing_no_more_is_settled() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    names = [f"p{number}" for number in range(MOST_PROJECTS)]
    for name in names:
        pages.put(page_of(name, *[file_of(f"{name}-{version}.tar.gz") for version in range(20)]))
    pages.hold("p0")
    connection = begun(node, body_for(*names))
    assert len(pages.begun) == MOST_PROJECTS  # this one takes all that there is
    connection.leave()
    other = node.wire.connect()
    assert other is not None
    other.stall()
    pages.begun.clear()
    pages.held.clear()
    other.ask("POST", PATH, JSON_BODY, body_for(*names))
    assert len(pages.begun) < MOST_PROJECTS
    assert other.held_bytes < 256 * 1024
    other.leave()


def test_who_leaves_cancels_only_what_was_begun_for_it() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    pages.hold("a", "b")
    leaving = begun(node, body_for("a", "b"))
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    try:
        leaving.leave()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert [event for event in events if "log_failure" in event] == []
    assert sorted(pages.left) == ["a", "b"]


# -- sidecars ---------------------------------------------------------------------------------------------------


def metadata_of(version: str) -> bytes:
    return f"Metadata-Version: 2.1\nName: numpy\nVersion: {version}\n".encode()


def with_sidecars(*versions: str, filler: Mapping[str, int] | None = None) -> WebNode:
    """A node that has the sidecars of these releases of numpy stored, each told by two wheels.

    `filler`: how many bytes more some of them have.
    """
    node = WebNode()
    files = []
    for version in versions:
        data = b"x" * (filler or {}).get(version, 0) + metadata_of(version)
        digest = hashlib.sha256(data).hexdigest()
        for platform in ("linux", "win"):
            filename = f"numpy-{version}-py3-none-{platform}.whl"
            file = file_of(filename, filename.encode(), core_metadata={"sha256": digest})
            files.append(file)
            node.catalogue.store_attachment(
                Attachment(
                    identity=identity_of(file),
                    project=ProjectName("numpy"),
                    kind="metadata",
                    sha256=digest,
                    data=data,
                )
            )
    files.append(file_of("numpy-99-py3-none-any.whl", b"not stored", core_metadata={"sha256": "f" * 64}))
    node.pages.put(page_of("numpy", *files))
    return node


def versions_in(line: dict[str, Any]) -> list[str]:
    for digest, text in line["sidecars"].items():
        assert hashlib.sha256(text.encode()).hexdigest() == digest
    return [text.split()[-1] for text in line["sidecars"].values()]


@pytest.mark.parametrize(
    ("releases", "versions"),
    [(0, []), (1, []), (2, ["2.10"]), (3, ["2.10", "2.9"]), (20, ["2.10", "2.9", "1.0", "3.0a1"])],
)
def test_the_stored_sidecars_of_the_newest_releases_come_along_once_each(releases: int, versions: list[str]) -> None:
    node = with_sidecars("1.0", "2.10", "3.0a1", "2.9")  # 99 is the newest, and has none stored
    assert versions_in(asked(node, body_for("numpy", metadata=releases))["numpy"]) == versions


def test_sidecars_come_along_up_to_a_number_of_bytes_and_smaller_ones_after_a_large_one() -> None:
    head_bytes = len(metadata_of("1.0"))
    room = MOST_BYTES - 2 * head_bytes  # for one large one, and a small one
    node = with_sidecars("3.0", "2.0", "1.0", filler={"3.0": room, "2.0": 1})
    assert versions_in(asked(node, body_for("numpy", metadata=20))["numpy"]) == ["3.0", "1.0"]
    node = with_sidecars("3.0", "2.0", "1.0", "0.1", filler={"3.0": room - head_bytes})
    assert versions_in(asked(node, body_for("numpy", metadata=20))["numpy"]) == ["3.0", "2.0", "1.0"]


def test_no_sidecars_come_with_a_page_that_is_not_modified() -> None:
    node = with_sidecars("1.0")
    etag = asked(node, body_for("numpy", metadata=3))["numpy"]["etag"]
    body = json.dumps({"projects": [{"name": "numpy", "etag": etag}], "metadata": 3}).encode()
    assert asked(node, body)["numpy"]["sidecars"] == {}


# -- coding -----------------------------------------------------------------------------------------------------


def test_zipped_lines_can_be_read_as_they_come_and_end_well() -> None:
    pages = SlowPages()
    node = WebNode(pages=pages)
    pages.put(page_of("a", *[file_of(f"a-{number}.tar.gz") for number in range(2000)]))
    pages.put(page_of("b"))
    pages.hold("b")
    connection = begun(node, body_for("a", "b"), {"Accept-Encoding": "gzip"})
    inflate = zlib.decompressobj(31)
    so_far = _unchunked(connection.received)
    first = inflate.decompress(so_far)
    assert json.loads(first)["name"] == "a"
    assert first.endswith(b"\n")
    pages.held["b"].callback(None)
    reply = connection.reply("POST")
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert json.loads(inflate.decompress(reply.body[len(so_far) :]))["name"] == "b"
    assert inflate.eof


def _unchunked(received: bytes) -> bytes:
    _, _, rest = received.partition(b"\r\n\r\n")
    data = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        data += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return data
