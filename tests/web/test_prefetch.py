"""Prefetches over HTTP: what is taken, who sees which job, and the report in the form that its reader wants."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.wire import Connection, Reply
from tests.web.followed import drained
from tests.web.node import TOKEN, WebNode
from tests.web.test_guard import ACCOUNTS
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Principal, Who
from tiercache.access.tokens import IssuedToken
from tiercache.errors import StoreFull
from tiercache.errors.prefetch import ResolverFailed, Unresolvable, WantedUnusable
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.limits import Limits
from tiercache.web.prefetch import is_theirs
from tiercache.wire.prefetch import (
    MOST_DOCUMENT_BYTES,
    MOST_DOCUMENTS,
    JobFile,
    Missing,
    Report,
    ReportedFile,
    Target,
    TargetReport,
)

PATH, READY = "/api/v1/prefetch", "/api/v1/ready"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
BOUNDARY = "between-the-parts"
FORM = {**OPERATOR, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
REPORT = Report(
    ready=False,
    targets=(
        TargetReport(
            target=Target(python="3.12", platform="linux"),
            ready=False,
            missing=(Missing(what="numpy==9", why="<none>"),),
        ),
    ),
    files=(ReportedFile(project="six", version="1", filename="six-1.tar.gz", size=3, stored=True),),
    total_bytes=3,
    stored_bytes=3,
)


def form_of(*parts: tuple[str, str | None, bytes], boundary: str = BOUNDARY) -> bytes:
    """A form of (field, filename, content), as curl sends one."""
    lines = b""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        lines += head.encode() + content + b"\r\n"
    return lines + f"--{boundary}--\r\n".encode()


def posted(node: WebNode, body: bytes, headers: dict[str, str] | None = None, path: str = PATH) -> Reply:
    fields = {"Content-Type": "application/json", **OPERATOR} if headers is None else headers
    return node.request("POST", path, fields, body)


def begun(node: WebNode, path: str, body: bytes, headers: dict[str, str]) -> Connection:
    """A request whose answer takes its time."""
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("POST", path, headers, body)
    return connection


def got(node: WebNode, path: str, headers: dict[str, str] | None = None) -> Any:
    return json.loads(node.get(path, {**OPERATOR, **(headers or {})}).body)


# -- taking ---------------------------------------------------------------------------------------------------------


def test_documents_in_json_become_a_job_that_is_shown_where_the_answer_says() -> None:
    node = WebNode()
    body = {"documents": [{"name": "uv.lock", "text": "version = 1"}], "sdists": True, "newest": 2.0, "later": 1}
    reply = posted(node, json.dumps(body).encode())
    assert (reply.status, reply.headers["location"]) == (202, f"{PATH}/job-1")
    assert json.loads(reply.body)["phase"] == "waiting"
    ((wanted, by, _),) = node.jobs.wanted
    assert [(one.name, one.text) for one in wanted.documents] == [("uv.lock", "version = 1")]
    assert (wanted.sdists, wanted.newest, str(by)) == (True, 2, "operator")
    assert got(node, reply.headers["location"])["id"] == "job-1"


def test_files_in_a_form_are_documents_and_its_constraints_are_such() -> None:
    node = WebNode()
    body = form_of(
        ("requirements", "-", b"numpy\n"),
        ("lock", "some/where/pylock.toml", b"lock-version = '1.0'"),
        ("constraints", "c.txt", b"numpy<2"),
        ("wanted", None, b'{"universal": true, "documents": [{"name": "a", "text": "b"}]}'),
    )
    assert posted(node, body, FORM).status == 202
    wanted = node.jobs.wanted[0][0]
    assert [one.name for one in wanted.documents] == ["a", "requirements.txt", "pylock.toml"]
    assert [one.text for one in wanted.constraints] == ["numpy<2"]
    assert wanted.universal


def test_where_a_request_has_been_goes_along() -> None:
    node = WebNode()
    posted(node, b"{}", {**OPERATOR, "Via": "1.1 00000000000000aa", "CDN-Loop": "00000000000000aa"})
    assert node.jobs.wanted[0][2].ids == ("00000000000000aa",)


@pytest.mark.parametrize("path", [PATH, READY])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", OPERATOR),
        (b"[" * 100_000, OPERATOR),
        (b"\xff\x00junk", OPERATOR),
        (b'{"newest": 0}', OPERATOR),
        (b'{"newest": "1"}', OPERATOR),
        (b'{"documents": "numpy"}', OPERATOR),
        (b'{"files": [{"project": "", "version": "1", "filename": "x"}]}', OPERATOR),
        (b'{"targets": [{"python": "2.7", "platform": "linux"}]}', OPERATOR),
        (b'{"targets": [{"python": "3.12", "platform": "--index-url"}]}', OPERATOR),
        (b'{"targets": [{"python": "3.12", "platform": "linux\\n"}]}', OPERATOR),
        (json.dumps({"documents": [{"name": "a", "text": ""}] * (MOST_DOCUMENTS + 1)}).encode(), OPERATOR),
        (b"numpy", {**OPERATOR, "Content-Type": "text/plain"}),
        (b"numpy", {**OPERATOR, "Content-Encoding": "gzip"}),
        (b"no form", FORM),
        (form_of(("a", "a", b""))[:-20], FORM),
        (form_of(("wanted", None, b"{}"), ("wanted", None, b"{}")), FORM),
        (form_of(("wanted", None, b"{")), FORM),
        (form_of(*[("a", "a", b"")] * (MOST_DOCUMENTS + 1)), FORM),
        (form_of(*[("a", "a", b"")] * 10_000), FORM),
        (form_of(("a", "a", b"")), {**OPERATOR, "Content-Type": "multipart/form-data"}),
    ],
)
def test_a_body_that_is_not_what_it_is_to_be_is_refused(path: str, body: bytes, headers: dict[str, str]) -> None:
    node = WebNode()
    reply = posted(node, body, headers, path)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert node.jobs.wanted == []


@pytest.mark.parametrize("path", [PATH, READY, "/requirements.txt"])
def test_a_body_of_the_most_bytes_is_taken_and_one_of_a_byte_more_is_not(path: str) -> None:
    node = WebNode()
    node.jobs.report = REPORT
    body = form_of(("requirements", "r.txt", b""))
    most = form_of(("requirements", "r.txt", b"#" * (MOST_DOCUMENT_BYTES - len(body))))
    assert len(most) == MOST_DOCUMENT_BYTES
    connection = begun(node, path, most, FORM)
    assert len(node.jobs.wanted) == 1
    connection.leave()
    stated = begun(node, path, b"", {**FORM, "Content-Length": str(MOST_DOCUMENT_BYTES + 1)})
    assert stated.reply("POST").status == 413  # before any of it has come
    chunked = begun(node, path, b"", {**FORM, "Transfer-Encoding": "chunked"})
    chunk = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))
    for _ in range(MOST_DOCUMENT_BYTES >> 20):
        chunked.send(chunk)
        assert chunked.received == b""
    chunked.send(b"1\r\nx\r\n0\r\n\r\n")
    assert chunked.reply("POST").status == 413
    assert len(node.jobs.wanted) == 1


def test_nothing_of_a_body_is_taken_from_who_may_not_prefetch() -> None:
    node = WebNode()
    for path in (PATH, READY, "/requirements.txt"):
        connection = begun(node, path, b"", {"Content-Length": str(MOST_DOCUMENT_BYTES)})
        assert connection.reply("POST").status == 401


def test_a_body_that_stops_coming_is_given_up() -> None:
    node = WebNode(limits=Limits(body_timeout_s=5))
    connection = begun(node, PATH, b"", {**OPERATOR, "Content-Length": "1000"})
    node.clock.advance(5)
    assert connection.reply("POST").status == 408


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (WantedUnusable(reason="there is nothing in it"), 400, "there is nothing in it"),
        (Unresolvable(words="a needs b<2, and c b>=2"), 422, "a needs b<2, and c b>=2"),
        (ResolverFailed(reason="it took longer than 120 s"), 503, "it took longer than 120 s"),
        (StoreFull(reason="no space"), 507, "no space"),
    ],
)
def test_what_cannot_be_prefetched_is_told_with_the_reason(error: Exception, status: int, told: str) -> None:
    node = WebNode()
    node.jobs.raising = error
    for path in (PATH, READY):
        reply = posted(node, b"{}", path=path)
        assert reply.status == status
        assert told in json.loads(reply.body)["detail"]


# -- showing --------------------------------------------------------------------------------------------------------


def test_a_list_has_the_newest_first_and_neither_files_nor_reports() -> None:
    node = WebNode()
    file = JobFile(project="a", version="1", filename="a-1.tar.gz", outcome="fetched")
    node.jobs.put("old", phase="done", files=(file,), report=REPORT, files_total=1)
    node.jobs.put("new")
    listed = got(node, PATH)["jobs"]
    assert [(one["id"], one["files"], one["report"]) for one in listed] == [("new", [], None), ("old", [], None)]
    shown = got(node, f"{PATH}/old")
    assert shown["files"][0]["filename"] == "a-1.tar.gz"
    assert shown["report"]["ready"] is False


def test_a_job_is_cancelled_and_one_that_is_over_is_as_it_was() -> None:
    node = WebNode()
    node.jobs.put("one", phase="fetching")
    node.jobs.put("two", phase="done")
    for job, phase in (("one", "cancelled"), ("two", "done")):
        reply = node.request("DELETE", f"{PATH}/{job}", OPERATOR)
        assert (reply.status, json.loads(reply.body)["phase"]) == (200, phase)


@pytest.mark.parametrize("rest", ["", "/events", "/report"])
def test_a_job_that_nobody_knows_is_not_there(rest: str) -> None:
    reply = WebNode().get(f"{PATH}/nothing{rest}", OPERATOR)
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("accept", "content_type", "holds"),
    [
        ("", "application/json", b'"ready":false'),
        ("*/*", "application/json", b'"ready":false'),
        ("text/plain", "text/plain; charset=utf-8", b"numpy==9"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", b"&lt;none&gt;"),
        ("text/*;q=0.5, application/json;q=0.1", "text/plain; charset=utf-8", b"numpy==9"),
        ("image/png", "application/json", b'"ready":false'),
    ],
)
def test_a_report_comes_in_the_form_that_its_reader_likes_best(accept: str, content_type: str, holds: bytes) -> None:
    node = WebNode()
    node.jobs.put("one", phase="done", report=REPORT)
    node.jobs.report = REPORT
    fields = {**OPERATOR, "Accept": accept}
    for reply in (node.get(f"{PATH}/one/report", fields), posted(node, b"{}", fields, READY)):
        assert (reply.status, reply.headers["content-type"]) == (200, content_type)
        assert (reply.headers["vary"], reply.headers["cache-control"]) == ("Accept", "no-store")
        assert holds in reply.body


def test_a_job_that_has_no_report_says_how_it_is() -> None:
    node = WebNode()
    node.jobs.put("one", phase="failed", reason="a needs b<2, and c b>=2")
    reply = node.get(f"{PATH}/one/report", OPERATOR)
    assert reply.status == 409
    assert "failed (a needs b<2" in json.loads(reply.body)["detail"]


def test_who_leaves_while_they_wait_for_a_report_ends_the_question() -> None:
    node = WebNode()
    connection = begun(node, READY, b"{}", OPERATOR)
    assert connection.received == b""
    connection.leave()
    assert node.jobs.given_up == 1


def test_a_node_that_stops_lets_nobody_wait_for_a_report() -> None:
    node = WebNode()
    connection = begun(node, READY, b"{}", OPERATOR)
    stopped = drained(node)
    assert connection.reply("POST").status == 503
    assert node.jobs.given_up == 1
    assert stopped.called


# -- whose ----------------------------------------------------------------------------------------------------------

GRANTS = Permissions(
    grants=(
        Grant(
            who=(Who.parse("alice"), Who.parse("bob"), Who.parse("192.0.2.0/24")),
            may=frozenset(["prefetch"]),
            projects=ProjectPatterns(("*",)),
        ),
        Grant(who=(Who.parse("bob"),), may=frozenset(["administer"]), projects=ProjectPatterns(("*",))),
    )
)


def test_a_job_is_its_requesters_and_the_administrators_own() -> None:
    node = WebNode(permissions=GRANTS, accounts=ACCOUNTS)
    node.jobs.put("hers", Principal(user="alice"), phase="done", report=REPORT)
    from tests.web.test_guard import ALICE, BOB

    for rest in ("", "/events", "/report"):
        assert node.get(f"{PATH}/hers{rest}", ALICE).status == 200
        assert node.get(f"{PATH}/hers{rest}", BOB).status == 200  # who administers everything
        assert node.get(f"{PATH}/hers{rest}").status == 404
    assert [one["id"] for one in json.loads(node.get(PATH, ALICE).body)["jobs"]] == ["hers"]
    assert json.loads(node.get(PATH).body)["jobs"] == []
    assert node.request("DELETE", f"{PATH}/hers").status == 404
    theirs = posted(node, b"{}", {})
    assert json.loads(node.get(PATH).body)["jobs"][0]["id"] == json.loads(theirs.body)["id"]
    node.wire.peer = "192.0.2.8"
    assert json.loads(node.get(PATH).body)["jobs"] == []


def token(id_: str, owner: str) -> IssuedToken:
    return IssuedToken(
        id=id_,
        digest="",
        name=id_,
        owner=owner,
        may=frozenset(["prefetch"]),
        projects=ProjectPatterns(("*",)),
        made_at=0,
    )


A, B = Principal(user="alice", token=token("a", "alice")), Principal(user="alice", token=token("b", "alice"))
HERE = Principal(is_local=True)


@pytest.mark.parametrize(
    ("asks", "requester", "expected"),
    [
        (Principal(is_operator=True), Principal(user="alice"), True),
        (Principal(user="alice"), Principal(user="alice"), True),
        (Principal(user="alice"), A, True),
        (Principal(user="alice"), Principal(user="bob"), False),
        (Principal(user="alice"), Principal(is_operator=True), False),
        (A, A, True),
        (A, B, False),
        (A, Principal(user="alice"), False),
        (HERE, HERE, True),
        (HERE, Principal(is_operator=True), False),
        (HERE, Principal(user="alice"), False),
        (Principal(), Principal(), False),
    ],
)
def test_whose_a_job_is(asks: Principal, requester: Principal, expected: bool) -> None:
    assert is_theirs(asks, requester) is expected
