"""A warm page while the node works: what is measured of it, and what counts as work."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from benchmarks.peers.chores import Done
from benchmarks.peers.run import SHORT, WHOLE, Scale
from benchmarks.peers.steady import Latencies, asked_steadily

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server of one connection with these answers, one after the other; its URL, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for answer in answers:
                    asked.append(connection.recv(4096))
                    half = len(answer) // 2
                    connection.sendall(answer[:half])
                    connection.sendall(answer[half:])

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/simple/numpy/", asked
        thread.join()


def test_percentiles_are_waits_that_came_to_pass() -> None:
    found = Latencies.of([0.001 * wait for wait in range(100, 0, -1)])
    assert [found.percentile(percent) for percent in (50, 99, 100)] == pytest.approx([0.05, 0.099, 0.1])
    assert found.longest_s == pytest.approx(0.1)
    assert Latencies.of([3.0]).percentile(1) == 3.0


def test_a_page_is_asked_for_so_often_on_one_connection() -> None:
    with answering(PAGE, PAGE, PAGE) as (url, asked):
        found = asked_steadily(url, {"Accept": "text/html"}, per_s=300, seconds=0.01)
    assert len(found.waited_s) == len(asked) == 3
    assert asked[0].startswith(b"GET /simple/numpy/ HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAccept: text/html\r\n" in asked[0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", ValueError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ValueError),
        (PAGE[:-1], ConnectionResetError),
        (b"", ConnectionResetError),
    ],
    ids=["no page", "no length", "short", "gone"],
)
def test_an_answer_that_is_not_the_whole_page_is_no_measure(answer: bytes, error: type[Exception]) -> None:
    with answering(answer) as (url, _), pytest.raises(error):
        asked_steadily(url, {}, per_s=100, seconds=0.01)


@pytest.mark.parametrize("scale", [WHOLE, SHORT])
def test_the_index_is_so_slow_that_the_fill_lasts(scale: Scale) -> None:
    busy = scale.busy
    assert busy.bandwidth_bytes * busy.seconds <= busy.sizes.giant


def test_work_counts_if_it_lasted_and_nothing_was_amiss() -> None:
    done = Done()
    done.take({"file_bytes": 5_500_000, "pages": 3, "prefetched": 0, "ended": "", "amiss": ""})
    assert str(done) == "5 MB downloaded, 3 times the page, 0 files in ended prefetches"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"ended": "the file"}, "too soon ended: the file"),
        ({"amiss": "_ask: 503"}, "_ask: 503"),
        ({"file_bytes": 0}, "nothing was downloaded"),
        ({"pages": 0}, "no page came"),
    ],
)
def test_a_node_that_did_not_work_all_the_time_is_no_measure(told: dict[str, object], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        Done().take({"file_bytes": 1, "pages": 1, "prefetched": 1, "ended": "", "amiss": ""} | told)
