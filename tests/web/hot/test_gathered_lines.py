"""Lines of ready answers are gathered for a moment: each is written, once, in its order and with its own time."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, LogLevel, formatEvent, formatEventAsClassicLogText, formatTime, globalLogPublisher

from tests.doubles.now import begun
from tests.web.hot.twins import Twins, head
from tiercache.commands.json_log import JsonLog
from tiercache.commands.text_log import TextLog
from tiercache.web.access_log import GATHERED_S, MOST_GATHERED, Line, Lines, Told

PAGE = head("GET", "/simple/numpy/", {"User-Agent": "uv/1"})


@pytest.fixture
def text() -> Iterator[io.StringIO]:
    file = io.StringIO()
    observer = TextLog(file=file)
    globalLogPublisher.addObserver(observer)
    yield file
    globalLogPublisher.removeObserver(observer)


def paths(text: io.StringIO) -> list[str]:
    """What was asked for, in the order of the lines."""
    return [line.split(" GET ")[1].split()[0] for line in text.getvalue().splitlines() if " GET " in line]


def line(at: float, path: str = "/simple/numpy/") -> Line:
    return Line(
        at=at,
        client="192.0.2.7",
        method="GET",
        path=path,
        status=200,
        sent_bytes=10,
        seconds=0.25,
        agent="uv/1",
        ended="whole",
        told=Told("hit,tier=public", {"hit": True, "tier": "public"}),
    )


def event(*lines: Line) -> LogEvent:
    return {
        "log_format": "{log_lines}",
        "log_lines": Lines(lines),
        "log_level": LogLevel.info,
        "log_namespace": "tiercache.web.access_log",
        "log_time": 5000.0,
    }


def test_lines_are_written_after_a_moment_and_not_twice(text: io.StringIO) -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    text.truncate(0)
    connection = twins.connect()
    for _ in range(3):
        connection.send(PAGE)
    assert paths(text) == []
    twins.node.clock.advance(GATHERED_S)
    assert paths(text) == ["/simple/numpy/"] * 3
    twins.node.clock.advance(GATHERED_S * 3)
    assert paths(text) == ["/simple/numpy/"] * 3


def test_no_more_are_gathered_than_a_bound(text: io.StringIO) -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    text.truncate(0)
    connection = twins.connect()
    for _ in range(MOST_GATHERED):
        connection.send(PAGE)
    assert len(paths(text)) == MOST_GATHERED


def test_line_of_the_application_comes_behind_those_gathered_before_it(text: io.StringIO) -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    text.truncate(0)
    connection = twins.connect()
    connection.send(PAGE)
    connection.send(head("GET", "/healthz"))
    assert paths(text) == ["/simple/numpy/", "/healthz"]


@pytest.mark.parametrize("way", ["nothing listens", "connections drained"])
def test_lines_are_written_when_a_node_stops(text: io.StringIO, way: str) -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    text.truncate(0)
    connection = twins.connect()
    connection.send(PAGE)
    site = twins.hot.site
    if way == "nothing listens":
        site.stopFactory()
    else:
        begun(site.drain(5.0))
    assert paths(text) == ["/simple/numpy/"]


def test_text_has_a_line_for_each_with_the_time_when_it_ended() -> None:
    file = io.StringIO()
    TextLog(file=file)(event(line(1000.0, "/a"), line(1000.9, "/b"), line(4711.0, "/c")))
    told = "192.0.2.7 GET {} 200 10 bytes 0.250 s hit,tier=public whole (uv/1)"
    assert file.getvalue().splitlines() == [
        f"{formatTime(at)} [tiercache.web.access_log#info] {told.format(path)}"
        for at, path in ((1000, "/a"), (1000, "/b"), (4711, "/c"))
    ]


def test_text_of_one_line_is_as_twistd_writes_it() -> None:
    one = {**event(), "log_format": "{log_line}", "log_line": str(line(1.0)), "log_time": 1000.7}
    del one["log_lines"]
    file = io.StringIO()
    TextLog(file=file)(one)
    assert file.getvalue() == formatEventAsClassicLogText(one)


def test_text_of_any_other_event_is_twistd_s() -> None:
    file = io.StringIO()
    TextLog(file=file)({"log_format": "two\nlines", "log_namespace": "here", "log_level": LogLevel.warn})
    TextLog(file=file)({})
    assert file.getvalue() == "- [here#warn] two\n\tlines\n"


def test_json_has_an_object_for_each_with_its_fields() -> None:
    file = io.StringIO()
    JsonLog(file=file)(event(line(1000.0, "/a"), line(4711.5, "/b")))
    first, second = map(json.loads, file.getvalue().splitlines())
    assert first["time"] == "1970-01-01T00:16:40.000+00:00"
    assert second["time"] == "1970-01-01T01:18:31.500+00:00"
    assert (first["level"], first["logger"], first["path"]) == ("info", "tiercache.web.access_log", "/a")
    assert (second["status"], second["sent_bytes"], second["seconds"], second["tier"]) == (200, 10, 0.25, "public")
    assert second["message"].startswith("192.0.2.7 GET /b 200 10 bytes")


def test_an_observer_that_knows_nothing_of_it_writes_the_lines_all_the_same() -> None:
    assert formatEvent(event(line(1.0, "/a"), line(2.0, "/b"))).splitlines() == [
        str(line(1.0, "/a")),
        str(line(2.0, "/b")),
    ]
