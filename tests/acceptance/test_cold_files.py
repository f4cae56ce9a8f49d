"""A file that is not stored yet, and many who want it at once."""

from __future__ import annotations

import hashlib
import http.client
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.distributions import Archive
from tests.doubles.fetching import PATIENCE_S, answer_of, assert_whole, connect, fetch
from tests.doubles.processes import RunningIndex, RunningNode, wait_until
from tests.doubles.universe import Sizes, Universe

BIG_BYTES = 8 << 20
HELD_AT = 1 << 20
BIG = "tc_big-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The big wheel, and the folder of an index that has it in this size."""
    sizes = Sizes(big=BIG_BYTES)
    return Universe(folder=tmp_path_factory.mktemp("big"), sizes=sizes).wheel("tc-big", "1.0")


@pytest.fixture
def index(fake_index: IndexStarter, big: Archive, variant: str) -> RunningIndex:
    """An index that sends a part of the big wheel, and then waits for its release."""
    started = fake_index(variant, archives=big.path.parents[1], big_bytes=BIG_BYTES)
    started.behave({"do": "hold", "value": HELD_AT, "match": f"*/{BIG}", "methods": ["GET"]})
    return started


def path_of(archive: Archive) -> str:
    return f"files/{archive.hashes['sha256']}/{archive.filename}"


def begun(url: str) -> http.client.HTTPResponse:
    """A download that has its first byte, which it gives back too late to be lost: see `read`."""
    connection, path = connect(url)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200, response.status
    assert response.peek(1)
    return response


def test_thirty_clients_for_one_cold_file_are_one_fetch_though_the_first_hangs_up(
    index: RunningIndex, node_of: NodeStarter, big: Archive
) -> None:
    node = node_of(index)
    url = node.url + path_of(big)
    first = begun(url)
    with ThreadPoolExecutor(29) as clients:
        others = list(clients.map(begun, [url] * 29))
        first.close()
        index.release()
        digests = list(clients.map(lambda response: hashlib.sha256(response.read()).hexdigest(), others))

    assert digests == [big.hashes["sha256"]] * 29
    assert len([line for line in index.requests(BIG) if line["method"] == "GET"]) == 1


def test_the_only_client_of_a_cold_file_may_leave_and_the_next_gets_it_right(
    index: RunningIndex, node_of: NodeStarter, big: Archive
) -> None:
    node = node_of(index)
    begun(node.url + path_of(big)).close()
    index.release()
    index.behave()

    assert_whole(fetch(node.url + path_of(big)), big.path)


def test_head_and_ranges_are_right_while_the_file_is_cold(
    index: RunningIndex, node_of: NodeStarter, big: Archive
) -> None:
    node = node_of(index)
    url = node.url + path_of(big)
    whole = big.path.read_bytes()
    waiting = begun(url)

    head = fetch(url, method="HEAD")
    early = fetch(url, headers={"Range": "bytes=1000-1999"})
    assert (head.status, head.headers["content-length"]) == (200, str(len(whole)))
    assert head.headers["accept-ranges"] == "bytes"
    assert (early.status, early.body) == (206, whole[1000:2000])
    assert early.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"

    index.release()
    assert_whole(answer_of(waiting), big.path)
    last = fetch(url, headers={"Range": "bytes=-500", "If-Range": early.headers["etag"]})
    assert (last.status, last.body) == (206, whole[-500:])
    assert fetch(url, headers={"Range": f"bytes={len(whole)}-"}).status == 416


def test_a_node_killed_in_the_middle_of_a_fill_starts_again_with_a_sound_store(
    index: RunningIndex, node_of: NodeStarter, big: Archive
) -> None:
    node = node_of(index)
    begun(node.url + path_of(big))

    node.kill()
    index.release()
    index.behave()
    node.start_again()

    assert large_files(node) == []
    checked = node.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert_whole(fetch(node.url + path_of(big)), big.path)
    assert wait_until(lambda: large_files(node), what="the file in the store")


def large_files(node: RunningNode) -> list[Path]:
    """What is in the store and could be part of the big wheel."""
    return [path for path in node.store.rglob("*") if path.is_file() and path.stat().st_size >= HELD_AT // 2]


def test_a_clean_stop_lets_a_download_end(index: RunningIndex, node_of: NodeStarter, big: Archive) -> None:
    node = node_of(index, node={"stop-timeout": "2m"})
    download = begun(node.url + path_of(big))

    node.terminate()
    wait_until(lambda: not accepts_connections(node), what="the end of listening")
    assert node.is_alive
    index.release()

    assert_whole(answer_of(download), big.path)
    download.close()
    wait_until(lambda: not node.is_alive, what="the end of the node")
    # twistd ends itself with the signal that it was sent, once all is done.
    assert node.process.returncode in (0, -signal.SIGTERM)
    assert "Server Shut Down" in node.said()


def accepts_connections(node: RunningNode) -> bool:
    try:
        socket.create_connection(("127.0.0.1", node.port), timeout=PATIENCE_S).close()
    except ConnectionError:
        return False
    return True


def test_a_clean_stop_does_not_wait_for_ever(index: RunningIndex, node_of: NodeStarter, big: Archive) -> None:
    node = node_of(index, node={"stop-timeout": "1s"})
    download = begun(node.url + path_of(big))

    node.terminate()

    wait_until(lambda: not node.is_alive, what="the end of the node")
    with pytest.raises((OSError, http.client.IncompleteRead)):
        download.read()
