"""`POST /requirements.txt`, as pypicache's users call it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.shelves import file_of, page_of
from tests.doubles.wire import Connection
from tests.web.followed import drained
from tests.web.node import WebNode
from tests.web.test_guard import ACCOUNTS, ALICE
from tests.web.test_prefetch import FORM, GRANTS, OPERATOR, begun, form_of
from tiercache.errors import NoTierAnswered, ProjectAbsent
from tiercache.errors.prefetch import WantedUnusable
from tiercache.prefetch.inputs.text import MOST_LINES
from tiercache.simple.names import normalise
from tiercache.web.requirements_txt import required_in
from tiercache.wire.prefetch import Document, JobFile, Missing, Report, TargetReport, Unparseable

PATH = "/requirements.txt"
FROZEN = b"""\
# made by pip freeze
six==1.16.0
TC.Mixed-case==1.1
-e git+https://code.example/x.git#egg=x
broken @ file:///home/x
gone==9.0
half==2.0 --hash=sha256:00
"""


def web_node() -> WebNode:
    """A node on whose pages some releases stand."""
    node = WebNode()
    for project, version in (("six", "1.16.0"), ("tc-mixed-case", "1.1"), ("half", "2.0"), ("numpy", "1.0")):
        node.pages.put(page_of(project, file_of(f"{project.replace('-', '_')}-{version}-py3-none-any.whl")))
    return node


def asked(node: WebNode, body: bytes = FROZEN, filename: str = "-") -> Connection:
    return begun(node, PATH, form_of(("requirements", filename, body)), FORM)


def told(connection: Connection) -> Any:
    reply = connection.reply("POST")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return json.loads(reply.body)


def file(project: str, version: str, outcome: Any, reason: str | None = None) -> JobFile:
    filename = f"{project}-{version}-py3-none-any.whl"
    return JobFile(project=project, version=version, filename=filename, outcome=outcome, reason=reason)


def test_it_waits_and_says_in_the_words_of_pypicache_what_came_of_each_line() -> None:
    node = web_node()
    connection = asked(node)
    assert connection.received == b""
    ((wanted, _, _),) = node.jobs.wanted
    assert [one.text for one in wanted.documents] == [FROZEN.decode().replace("gone==9.0", "").rstrip("\n")]
    assert wanted.documents[0].name == "requirements.txt"
    report = Report(
        ready=False,
        targets=(TargetReport(target=None, ready=False, missing=(Missing(what="left==9.0", why="nobody has it"),)),),
    )
    refused = ("-e git+https://code.example/x.git#egg=x", "broken @ file:///home/x")
    node.jobs.put(
        "job-1",
        phase="done",
        files=(
            file("six", "1.16.0", "fetched"),
            file("tc-mixed-case", "1.1", "stored"),
            file("half", "2.0", "failed", "wrong bytes"),
            file("deep", "3.0", "failed", "the tier is down"),
        ),
        unparseable=tuple(
            Unparseable(document="requirements.txt", text=text, reason="no", line=line)
            for line, text in enumerate(refused, 4)
        ),
        report=report,
    )
    answer = told(connection)
    assert answer["cached"] == ["six-1.16.0-py3-none-any.whl", "tc-mixed-case-1.1-py3-none-any.whl"]
    assert answer["failed"] == ["gone==9.0", "half==2.0 --hash=sha256:00", "deep==3.0", "left==9.0"]
    assert answer["unparseable"] == list(refused)
    assert answer["reasons"] == {
        "half==2.0": "wrong bytes",
        "deep==3.0": "the tier is down",
        "left==9.0": "nobody has it",
        "gone==9.0": str(ProjectAbsent(project=normalise("gone"))),
    }
    assert (answer["ready"], answer["job"]) == (False, "job-1")
    assert answer["report"]["targets"][0]["ready"] is False


def test_all_is_well() -> None:
    node = web_node()
    connection = asked(node, b"six==1.16.0\n", "requirements.txt")
    node.jobs.put("job-1", phase="done", files=(file("six", "1.16.0", "fetched"),), report=Report(ready=True))
    answer = told(connection)
    assert {key: answer[key] for key in ("cached", "failed", "unparseable", "ready")} == {
        "cached": ["six-1.16.0-py3-none-any.whl"],
        "failed": [],
        "unparseable": [],
        "ready": True,
    }


def test_what_cannot_be_resolved_has_failed_line_by_line_with_the_reason() -> None:
    node = web_node()
    connection = asked(node, b"six==1.16.0\n\n# x\nsix>1\n./here\nnumpy \\\n  --hash=sha256:00\n")
    unparseable = (Unparseable(document="requirements.txt", text="./here", reason="no", line=5),)
    node.jobs.put(
        "job-1", phase="failed", what="requirements.txt", reason="six is in conflict", unparseable=unparseable
    )
    answer = told(connection)
    assert answer["failed"] == ["six==1.16.0", "six>1", "numpy \\"]
    assert (answer["cached"], answer["unparseable"]) == ([], ["./here"])
    assert answer["reasons"] == {"requirements.txt": "six is in conflict"}


def test_what_is_nowhere_has_failed_and_the_rest_goes_on() -> None:
    node = web_node()
    frozen = b"six==9.9 \\\n  --hash=sha256:00\ngone\nnumpy>=1.0,<2  # kept\nsix; python_version<'3'\n"
    connection = asked(node, frozen)
    assert node.jobs.wanted[0][0].documents[0].text == "\n\n\nnumpy>=1.0,<2  # kept\nsix; python_version<'3'"
    node.jobs.put("job-1", phase="done", files=(file("numpy", "1.0", "fetched"),), report=Report(ready=True))
    answer = told(connection)
    assert answer["cached"] == ["numpy-1.0-py3-none-any.whl"]
    assert sorted(answer["failed"]) == ["gone", "six==9.9 \\"]
    assert answer["reasons"]["six==9.9 \\"] == "No release of six is ==9.9."
    assert answer["ready"] is False


def test_what_who_asks_may_not_read_is_nowhere_for_them() -> None:
    node = WebNode(permissions=GRANTS, accounts=ACCOUNTS)
    node.pages.put(page_of("six", file_of("six-1.16.0.tar.gz")))
    connection = begun(node, PATH, b"six==1.16.0", ALICE)
    assert node.jobs.wanted[0][0].documents[0].text == ""
    node.jobs.put("job-1", phase="done", report=Report(ready=False))
    assert told(connection)["failed"] == ["six==1.16.0"]


def test_while_no_tier_answers_the_resolver_says_what_is_nowhere() -> None:
    node = web_node()
    node.pages.raising = NoTierAnswered(subject="six", reason="timeout")
    asked(node, b"six==1.16.0\ngone==1\n")
    assert node.jobs.wanted[0][0].documents[0].text == "six==1.16.0\ngone==1"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_the_text_itself_is_taken_too(content_type: str) -> None:
    node = web_node()
    begun(node, PATH, b"six==1.16.0\n", {**OPERATOR, "Content-Type": content_type})
    assert node.jobs.wanted[0][0].documents[0].text == "six==1.16.0"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (form_of(("other", "requirements.txt", b"six")), FORM),
        (form_of(), FORM),
        (form_of(("requirements", "a", b""), ("requirements", "b", b"")), FORM),
        (b"", OPERATOR),
        (b"", FORM),
        (b"six", {**OPERATOR, "Content-Encoding": "gzip"}),
    ],
)
def test_without_requirements_it_is_refused_as_pypicache_does(body: bytes, headers: dict[str, str]) -> None:
    reply = WebNode().request("POST", PATH, headers, body)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    answer = json.loads(reply.body)
    assert answer["error"] is True
    assert answer["message"]


def test_a_text_of_very_many_lines_is_refused_before_it_is_taken_apart() -> None:
    node = web_node()
    reply = begun(node, PATH, b"\n" * MOST_LINES + b"six==1.16.0\n", OPERATOR).reply("POST")
    assert (reply.status, json.loads(reply.body)["error"]) == (400, True)
    begun(node, PATH, b"\n" * MOST_LINES + b"six==1.16.0", OPERATOR)
    assert len(node.jobs.wanted) == 1


def test_a_long_run_of_spaces_in_a_line_is_passed_once() -> None:
    spaces = " " * 1_000_000
    lines = [f"six{spaces}--hash=sha256:00", f"six==1{spaces}# why", f"six{spaces}x", " --hash=x", " # only that"]
    found = required_in(Document(name="requirements.txt", text="\n".join(lines)))
    assert {number: str(one) for number, one in found.items()} == {1: "six", 2: "six==1"}


def test_what_cannot_be_taken_is_told_in_the_same_words() -> None:
    node = web_node()
    node.jobs.raising = WantedUnusable(reason="there is nothing in it")
    reply = node.request("POST", PATH, OPERATOR, b"six")
    assert (reply.status, json.loads(reply.body)["error"]) == (400, True)


def test_who_may_not_prefetch_is_asked_who_they_are() -> None:
    reply = WebNode().request("POST", PATH, {}, b"six")
    assert (reply.status, json.loads(reply.body)["error"]) == (401, True)
    assert reply.headers["www-authenticate"].startswith("Basic")


def test_the_job_goes_on_when_who_waits_for_it_leaves_or_the_node_stops() -> None:
    node = web_node()
    asked(node).leave()
    assert node.jobs.given_up == 1
    waiting = asked(node)
    stopped = drained(node)
    reply = waiting.reply("POST")
    assert reply.status == 503
    assert "job-2" in json.loads(reply.body)["message"]
    assert stopped.called
    assert {state.phase for state in node.jobs.all()} == {"waiting"}
