"""Prefetches from the command line: what is sent, what is shown, and with which status it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from tiercache.cli import main
from tiercache.commands.job_events import MOST_MISSES, PAUSE_S, followed
from tiercache.commands.job_progress import Bar, line_of
from tiercache.commands.running_node import NodeRefused, NoNodeRuns, RunningNode
from tiercache.wire.prefetch import (
    JobFile,
    JobPhase,
    Jobs,
    JobState,
    Missing,
    Report,
    ReportedFile,
    Target,
    TargetReport,
    Unparseable,
    Wanted,
)

PATH = "/api/v1/prefetch"
ONE = JobState(id="one", phase="waiting", created_at=0.0, what="requirements.txt")
READY = Report(ready=True, targets=(TargetReport(target=None, ready=True),), total_bytes=5, stored_bytes=5)
NOT_READY = Report(
    ready=False,
    targets=(
        TargetReport(
            target=Target(python="3.12", platform="linux"),
            ready=False,
            missing=(Missing(what="gone==9\x1b[2J", why="nobody has it"),),
        ),
    ),
    files=(ReportedFile(project="six", version="1", filename="six-1.tar.gz"),),
)


def event(state: JobState, id_: str) -> bytes:
    return b"event: state\nid: %s\ndata: %s\n\n" % (id_.encode(), msgspec.json.encode(state))


class FakeNode(BaseHTTPRequestHandler):
    """Answers each request with what stands next in the server's list for it, the last again and again."""

    server: FakeServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((f"{self.command} {self.path}", self.headers, body))
        answers = self.server.answers.get(f"{self.command} {self.path}", [(404, b'{"detail": "No such thing."}')])
        status, data = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()  # without a length: it ends with the connection
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the names that http.server asks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the method overridden
        """Say nothing."""


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeNode)
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.asked: list[tuple[str, Message, bytes]] = []

    def on(self, request: str, *values: object) -> None:
        """Answer with these, as JSON; bytes as they are, and a number as a status that refuses."""
        self.answers[request] = [
            (value, b'{"detail": "It is so."}')
            if isinstance(value, int)
            else (200, value if isinstance(value, bytes) else msgspec.json.encode(value))
            for value in values
        ]

    def ends_in(self, state: JobState) -> None:
        """A job that is over at once, when it is watched."""
        self.on(f"POST {PATH}", ONE)
        self.on(f"GET {PATH}/one/events", event(evolve(state, files=(), report=None), "1"))
        self.on(f"GET {PATH}/one", state)

    @property
    def wanted(self) -> Wanted:
        """The only one that was sent."""
        (body,) = (body for request, _, body in self.asked if request.startswith("POST"))
        return msgspec.json.decode(body, type=Wanted)


@pytest.fixture
def node() -> Iterator[FakeServer]:
    with FakeServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Run = Callable[..., Result]


@pytest.fixture
def run(node: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`tiercache …` with that node, in a folder with a requirements.txt."""
    monkeypatch.chdir(tmp_path)
    Path("requirements.txt").write_text("six\n-c bounds.txt\n", encoding="utf-8")
    Path("bounds.txt").write_text("six<2\n", encoding="utf-8")

    def invoke(*words: str, typed: str | None = None) -> Result:
        environ = {"TIERCACHE_NODE": f"http://127.0.0.1:{node.server_port}/", "TIERCACHE_TOKEN": "the-word"}
        result = CliRunner().invoke(main, list(words), env=environ, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return invoke


# -- what is sent ---------------------------------------------------------------------------------------------------


def test_files_and_what_they_include_are_sent_with_the_options(run: Run, node: FakeServer) -> None:
    node.ends_in(evolve(ONE, phase="done", report=READY))
    Path("uv.lock").write_text("version = 1", encoding="utf-8")
    words = "--lock uv.lock --python 3.12 --python 3.13.1 --platform linux --platform macos --sdists --newest 3"
    more = "--build-requirements --extra all --group dev --group docs"
    assert run("prefetch", "-r", "requirements.txt", *words.split(), *more.split()).exit_code == 0
    wanted = node.wanted
    assert [one.name for one in wanted.documents] == ["requirements.txt", "uv.lock"]
    assert [one.text for one in wanted.constraints] == ["six<2"]
    assert [(one.python, one.platform) for one in wanted.targets] == [
        *(("3.12", "linux"), ("3.12", "macos"), ("3.13.1", "linux"), ("3.13.1", "macos"))
    ]
    assert (wanted.sdists, wanted.build_requirements, wanted.newest, wanted.universal) == (True, True, 3, False)
    assert (wanted.extras, wanted.groups) == (("all",), ("dev", "docs"))
    assert all(headers["Authorization"] == "Bearer the-word" for _, headers, _ in node.asked)


def test_of_an_environment_what_is_not_named_is_this_machines(run: Run, node: FakeServer) -> None:
    node.ends_in(evolve(ONE, phase="done", report=READY))
    assert run("prefetch", "-r", "requirements.txt", "--python", "3.12").exit_code == 0
    ((target),) = node.wanted.targets
    assert target.python == "3.12"
    assert target.platform


def test_requirements_come_through_a_pipe(run: Run, node: FakeServer) -> None:
    node.ends_in(evolve(ONE, phase="done", report=READY))
    assert run("prefetch", "-r", "-", typed="six==1\n").exit_code == 0
    assert [(one.name, one.text) for one in node.wanted.documents] == [("requirements.txt", "six==1")]


@pytest.mark.parametrize("command", ["prefetch", "ready"])
@pytest.mark.parametrize(
    "words",
    [
        "",
        "-r gone.txt",
        "-r requirements.txt --python 2.7",
        "-r requirements.txt --python 3.12;rm",
        "-r requirements.txt --platform amiga",
        "-r requirements.txt --universal --python 3.12",
        "-r requirements.txt --newest 0",
        "-r requirements.txt " + " ".join(f"--python 3.{minor}" for minor in range(51)),
        "-r requirements.txt --nonsense",
        "requirements.txt",
    ],
)
def test_words_that_mean_nothing_are_told_and_nothing_is_sent(
    run: Run, node: FakeServer, command: str, words: str
) -> None:
    told = run(command, *words.split())
    assert (told.exit_code, told.stdout) == (2, "")
    assert "Error: " in told.stderr
    assert node.asked == []


# -- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        (evolve(ONE, phase="done", report=READY), 0, ""),
        (evolve(ONE, phase="done", report=NOT_READY), 3, "nobody has it"),
        (evolve(ONE, phase="failed", reason="six==1 and\nsix==2 conflict"), 1, "six==2 conflict"),
        (evolve(ONE, phase="cancelled"), 1, "cancelled"),
    ],
)
def test_the_status_is_for_scripts(run: Run, node: FakeServer, state: JobState, status: int, shown: str) -> None:
    node.ends_in(state)
    ended = run("prefetch", "-r", "requirements.txt")
    assert ended.exit_code == status
    assert shown in ended.output
    assert "\x1b" not in ended.output
    as_json = run("prefetch", "-r", "requirements.txt", "--json")
    assert (as_json.exit_code, as_json.stderr) == (status, "")
    assert msgspec.json.decode(as_json.stdout, type=JobState) == state


def test_what_failed_what_was_not_taken_and_what_tiers_said_is_told(run: Run, node: FakeServer) -> None:
    state = evolve(
        ONE,
        phase="done",
        report=READY,
        files=(JobFile(project="a", version="1", filename="a-1.whl", outcome="failed", reason="wrong bytes\x1b[0m"),),
        unparseable=(Unparseable(document="requirements.txt", line=7, text="-e .", reason="it is no release"),),
        handed_on={"office": "it may not be asked"},
    )
    node.ends_in(state)
    told = run("prefetch", "-r", "requirements.txt").stderr.splitlines()
    assert "a-1.whl: wrong bytes?[0m" in told
    assert "not taken: requirements.txt:7: -e .: it is no release" in told
    assert "note: office: it may not be asked" in told


def test_how_it_comes_along_is_said_where_no_terminal_is(run: Run, node: FakeServer) -> None:
    node.ends_in(evolve(ONE, phase="done", report=READY))
    phases: tuple[JobPhase, ...] = ("waiting", "resolving", "resolving", "fetching", "done")
    states = [evolve(ONE, phase=phase, files_total=number) for number, phase in enumerate(phases)]
    node.on(f"GET {PATH}/one/events", b"".join(event(one, str(at)) for at, one in enumerate(states)))
    told = run("prefetch", "-r", "requirements.txt").stderr.splitlines()
    assert [line.split()[0] for line in told] == ["waiting", "resolving", "fetching", "done"]


def test_without_waiting_the_job_is_printed(run: Run, node: FakeServer) -> None:
    node.on(f"POST {PATH}", ONE)
    assert run("prefetch", "-r", "requirements.txt", "--no-wait").stdout == "one\n"
    told = run("prefetch", "-r", "requirements.txt", "--no-wait", "--json")
    assert json.loads(told.stdout)["id"] == "one"


@pytest.mark.parametrize("command", ["prefetch", "ready"])
def test_a_node_that_does_not_do_it_is_told_in_a_sentence(run: Run, node: FakeServer, command: str) -> None:
    node.on(f"POST {PATH}", 403)
    node.on("POST /api/v1/ready", 422)
    told = run(command, "-r", "requirements.txt")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "It is so" in told.stderr


@pytest.mark.parametrize(("report", "status"), [(READY, 0), (NOT_READY, 3)])
def test_ready_asks_only(run: Run, node: FakeServer, report: Report, status: int) -> None:
    node.on("POST /api/v1/ready", report)
    assert run("ready", "-r", "requirements.txt").exit_code == status
    as_json = run("ready", "-r", "requirements.txt", "--json")
    assert (as_json.exit_code, msgspec.json.decode(as_json.stdout, type=Report)) == (status, report)
    assert {request for request, _, _ in node.asked} == {"POST /api/v1/ready"}


# -- watching -------------------------------------------------------------------------------------------------------


def there(node: FakeServer) -> RunningNode:
    return RunningNode(pid=0, urls=(f"http://127.0.0.1:{node.server_port}/",), token="")


def test_a_watch_that_breaks_goes_on_where_it_was(node: FakeServer) -> None:
    fetching, done = evolve(ONE, phase="fetching"), evolve(ONE, phase="done", report=READY)
    node.on(f"GET {PATH}/one", done)
    node.on(f"GET {PATH}/one/events", b":\n\n" + event(fetching, "a"), b"", 503, event(done, "b"))
    shown: list[str] = []
    pauses: list[float] = []
    ended = followed(lambda: there(node), ONE, lambda state: shown.append(state.phase), pauses.append)
    assert (ended, shown, pauses) == (done, ["fetching", "done"], [PAUSE_S] * 3)
    ids = [headers["Last-Event-ID"] for request, headers, _ in node.asked if request.endswith("/events")]
    assert ids == [None, "a", "a", "a"]


def test_a_node_that_is_started_anew_is_found_again(node: FakeServer) -> None:
    node.ends_in(evolve(ONE, phase="done", report=READY))
    found: list[RunningNode | None] = [None, None, there(node), there(node)]

    def find() -> RunningNode:
        running = found.pop(0)
        if running is None:
            raise NoNodeRuns(store="x")
        return running

    assert followed(find, ONE, lambda _state: None, lambda _s: None).phase == "done"


@pytest.mark.parametrize("answer", [b"", b":\n\n", 503, b"data: {\n\n", b"data: []\n\n"])
def test_a_node_that_has_nothing_to_say_is_given_up(node: FakeServer, answer: bytes | int) -> None:
    node.on(f"GET {PATH}/one/events", answer)
    pauses: list[float] = []
    with pytest.raises(NodeRefused):
        followed(lambda: there(node), ONE, lambda _state: None, pauses.append)
    assert len(pauses) == MOST_MISSES


def test_a_job_that_is_not_there_is_not_asked_for_again(node: FakeServer) -> None:
    with pytest.raises(NodeRefused, match="404"):
        followed(lambda: there(node), ONE, lambda _state: None, lambda _s: pytest.fail("it waits"))


# -- the rest -------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_shown_and_ended(run: Run, node: FakeServer) -> None:
    node.on(f"GET {PATH}", Jobs(jobs=(evolve(ONE, phase="fetching", files_done=1, files_total=2),)))
    node.on(f"GET {PATH}/one", ONE)
    node.on(f"DELETE {PATH}/one", evolve(ONE, phase="cancelled"))
    listed = run("prefetches", "list").stdout
    assert listed == "one  1970-01-01 00:00Z  fetching  1 of 2 files  requirements.txt\n"
    assert json.loads(run("prefetches", "list", "--json").stdout)["jobs"][0]["id"] == "one"
    assert json.loads(run("prefetches", "show", "one").stdout)["phase"] == "waiting"
    assert run("prefetches", "cancel", "one").stdout == "cancelled\n"
    assert run("prefetches", "cancel", "two").exit_code == 1


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (ONE, "waiting"),
        (
            evolve(
                ONE,
                phase="fetching",
                files_total=60,
                files_done=12,
                files_failed=1,
                bytes_total=20 << 20,
                bytes_done=1023,
                rate=1536.0,
                left_s=3725,
            ),
            "fetching  12 of 60 files  1023 bytes of 20.0 MiB  1 failed  1.5 KiB/s  1 h 2 min left",
        ),
        (
            evolve(ONE, phase="fetching", bytes_total=5 << 40, left_s=61),
            "fetching  0 bytes of 5.0 TiB  1 min 1 s left",
        ),
        (evolve(ONE, phase="failed", reason="no\x1b way"), "failed  no? way"),
    ],
)
def test_how_a_job_is_stands_in_a_line(state: JobState, line: str) -> None:
    assert line_of(state) == line


def test_a_terminal_has_a_bar() -> None:
    from io import StringIO

    from rich.console import Console

    written = StringIO()
    with Bar(Console(file=written, force_terminal=True, width=100)) as show:
        show(evolve(ONE, phase="resolving"))
        show(evolve(ONE, phase="fetching", bytes_total=100, bytes_done=50, what="[red]"))
    assert "50 bytes of 100 bytes" in written.getvalue()
