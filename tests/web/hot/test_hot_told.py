"""What is told of an answer that was ready: its line in the log and its place in the counters are the application's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.address import UNIXAddress
from twisted.internet.tcp import Server
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOProtocol

from tests.doubles.small_node import CONFIG
from tests.web.hot.twins import FILE, PATHS, MakeTwins, Twins, head
from tiercache.config import AccessConfig
from tiercache.web.hot.outlet import outlet_of

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Iterator[Events]:
    seen: Events = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "tiercache.web.access_log":
            plain = {key: value for key, value in event.items() if key not in ("log_time", "log_logger", "log_lines")}
            if "log_lines" not in event:
                seen.append(plain)
            for line in event.get("log_lines", ()):
                seen.append({**plain, "log_format": "{log_line}", "log_line": str(line), **line.fields})

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


FIELDS = (
    {},
    {"User-Agent": "pip/26.2 {\x7e}"},
    {"User-Agent": "x" * 500},
    {"If-None-Match": "*"},
    {"X-Forwarded-For": "198.51.100.7"},
)


@pytest.mark.parametrize("path", [*PATHS, FILE])
def test_line_in_the_log_is_the_application_s_in_every_field(
    path: str, events: Events, tmp_path: Path, make_twins: MakeTwins
) -> None:
    twins = make_twins(folder=tmp_path)
    twins.warm(path)
    for fields in FIELDS:
        for method in ("GET", "HEAD"):
            request = head(method, path, fields)
            assert twins.is_hot(request)
            events.clear()
            twins.hot_answer(request)
            twins.stock_answer(request)
            ready, asked = events
            assert ready == asked


def test_part_of_a_file_has_its_line_too(events: Events, tmp_path: Path, make_twins: MakeTwins) -> None:
    twins = make_twins(folder=tmp_path)
    twins.warm(FILE)
    request = head("GET", FILE, {"Range": "bytes=3-12"})
    events.clear()
    twins.hot_answer(request)
    twins.stock_answer(request)
    assert events[0] == events[1]
    assert (events[0]["status"], events[0]["sent_bytes"]) == (206, 10)


def test_client_behind_a_trusted_proxy_is_told_by_its_own_address(events: Events, make_twins: MakeTwins) -> None:
    twins = make_twins(config=evolve(CONFIG, access=AccessConfig(trusted_proxies=("192.0.2.0/24",))))
    twins.warm("/simple/numpy/")
    request = head("GET", "/simple/numpy/", {"X-Forwarded-For": "198.51.100.7, 192.0.2.9"})
    assert twins.is_hot(request)
    assert events[-1]["client"] == "198.51.100.7"


def test_client_of_a_socket_in_the_file_system_has_no_address(events: Events) -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    for connection in (twins.connect(), twins.stock.connect()):
        connection.transport.peerAddr = UNIXAddress(b"/run/x")
        connection.send(head("GET", "/simple/numpy/"))
    assert events[-2] == events[-1]


@pytest.mark.parametrize("path", [*PATHS, FILE])
def test_counters_count_a_ready_answer_as_any_other(path: str, tmp_path: Path, make_twins: MakeTwins) -> None:
    twins = make_twins(folder=tmp_path)
    twins.warm(path)
    stats = twins.node.parts.stats
    counted = []
    for answer in (twins.stock_answer, twins.hot_answer):
        before = stats.snapshot()
        answer(head("GET", path))
        counted.append({name: value - before[name] for name, value in stats.snapshot().items()})
    assert counted[0] == counted[1]


def test_page_that_is_given_out_ready_counts_as_used(make_twins: MakeTwins) -> None:
    twins = make_twins()
    twins.warm("/simple/numpy/")
    usage = twins.node.parts.at_hand._usage
    usage.take_page_times()
    twins.node.clock.advance(50)
    twins.hot_answer(head("GET", "/simple/numpy/"))
    assert usage.take_page_times() == {"numpy": 50.0}


def test_files_leave_past_python_on_plain_sockets_alone() -> None:
    assert outlet_of(StringTransport()) is None
    assert outlet_of(TLSMemoryBIOProtocol.__new__(TLSMemoryBIOProtocol)) is None
    assert outlet_of(Server.__new__(Server)) is not None
