"""A node with workers, as real processes and clients see it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urljoin, urlsplit

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.acceptance.kept import have_all_kept
from tests.acceptance.workers import ask, connections, holder, is_alive, workers_of
from tests.doubles.clients import Client, Pip
from tests.doubles.fetching import PATIENCE_S, fetch
from tests.doubles.processes import RunningNode, wait_until
from tests.doubles.universe import APPLICATION
from tests.doubles.uploads import MULTIPART, form_of, made

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="who has a connection is read in /proc"),
]

TWO = {"workers": 2}
JSON = "application/vnd.pypi.simple.v1+json"
BIG = "tc-big"


def big_file(node: RunningNode) -> tuple[str, int]:
    """Path and length of a large file of the index."""
    page = json.loads(node.get(f"simple/{BIG}/", Accept=JSON).body)
    file = max(page["files"], key=lambda file: file["size"])
    return urlsplit(urljoin(f"{node.simple}{BIG}/", file["url"])).path, file["size"]


def have_ready(node: RunningNode, path: str) -> None:
    """The first request has it stored, which takes a moment longer than its answer; the last is answered from there."""
    assert node.get(path[1:]).status == 200
    wait_until(
        lambda: "; hit" in node.get(path[1:], Range="bytes=0-0").headers["cache-status"], what="the store's answer"
    )
    assert node.get(path[1:]).status == 200


def test_an_application_installs_through_workers_and_again_without_the_index(
    client: Client, pip: Pip, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    index = fake_index()
    node = node_of(index, node=TWO)
    workers_of(node)
    through = client.install(node.simple, APPLICATION)
    assert through.succeeded, through.run.said
    have_all_kept(node, client, through, pip)
    index.kill()
    again = client.install(node.local, APPLICATION)
    assert again.succeeded, again.run.said
    assert again.tree == through.tree


def test_connections_are_dealt_out_and_what_is_ready_is_answered_where_they_are(
    fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(), node=TWO)
    workers = set(workers_of(node).values())
    node.get(f"simple/{BIG}/", Accept=JSON)
    with connections(node, 24) as opened:
        for connection in opened:
            wait_until(partial(is_answered_by, workers, node, connection), what="an answer of a worker's own")
        assert {holder(workers, node, connection.sock) for connection in opened} == workers


def is_answered_by(workers: set[int], node: RunningNode, connection: http.client.HTTPConnection) -> bool:
    """Whether a worker has the connection after one more request; news may have it go over the node."""
    assert ask(connection, f"/simple/{BIG}/", Accept=JSON)[0] == 200
    return holder(workers, node, connection.sock) is not None


def test_worker_that_is_killed_takes_its_own_connections_with_it_and_is_back(
    fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(big_bytes=64 << 20), node=TWO)
    workers = workers_of(node)
    path, size_bytes = big_file(node)
    have_ready(node, path)
    with connections(node, 16) as opened:
        responses = []
        for connection in opened:
            connection.request("GET", path)
            responses.append(connection.getresponse())
            responses[-1].read(1)
        held = [holder(set(workers.values()), node, connection.sock) for connection in opened]
        assert set(held) >= set(workers.values())
        os.kill(workers[1], signal.SIGKILL)
        for response, worker in zip(responses, held, strict=True):
            if worker == workers[1]:
                with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                    response.read()
            else:
                assert len(response.read()) == size_bytes - 1
    assert node.get(f"simple/{BIG}/").status == 200
    again = workers_of(node, starts=3)
    assert again[1] != workers[1]
    assert again[2] == workers[2]
    assert f"worker 1 has ended (signal {signal.SIGKILL:d})" in node.said()
    with connections(node, 24) as opened:
        assert [ask(connection, path)[0] for connection in opened] == [200] * 24
        held = [holder(set(again.values()), node, connection.sock) for connection in opened]
        assert set(held) >= set(again.values())


def test_worker_that_hangs_is_killed_and_replaced(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index(), node=TWO)
    workers = workers_of(node)
    os.kill(workers[2], signal.SIGSTOP)
    again = workers_of(node, starts=3)
    assert again[1] == workers[1]
    assert again[2] != workers[2]
    assert "worker 2 hangs, and is killed" in node.said()
    with connections(node, 24) as opened:
        assert [ask(connection, f"/simple/{BIG}/")[0] for connection in opened] == [200] * 24


def test_worker_that_dies_again_and_again_is_replaced_by_the_node_itself(
    fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(), node=TWO)
    for starts in range(2, 5):
        os.kill(workers_of(node, starts=starts)[1], signal.SIGKILL)
    wait_until(lambda: "started again in 2 s" in node.said(), what="the third start")
    with connections(node, 24) as opened:
        assert [ask(connection, "/healthz")[0] for connection in opened] == [200] * 24
        assert ask(opened[0], f"/simple/{BIG}/")[0] == 200


def test_node_that_is_killed_leaves_no_worker(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index(), node=TWO)
    workers = workers_of(node).values()
    with connections(node, 4):
        node.kill()
        wait_until(lambda: not any(map(is_alive, workers)), what="the end of the workers")
    node.start_again()
    assert node.get(f"simple/{BIG}/").status == 200


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("group", [False, True], ids=["the node", "all its processes"])
def test_downloads_end_before_the_node_and_its_workers_do(
    fake_index: IndexStarter, node_of: NodeStarter, group: bool
) -> None:
    node = node_of(fake_index(big_bytes=64 << 20), node={**TWO, "stop-timeout": "2m"})
    workers = workers_of(node)
    path, size_bytes = big_file(node)
    have_ready(node, path)
    with connections(node, 24) as opened:
        responses = []
        for connection in opened:
            connection.request("GET", path)
            responses.append(connection.getresponse())
            responses[-1].read(1)
        assert {holder(set(workers.values()), node, one.sock) for one in opened} >= set(workers.values())
        for pid in workers.values() if group else ():
            os.kill(pid, signal.SIGTERM)  # as a service manager does
        node.terminate()
        wait_until(lambda: refuses(node.port), what="the end of listening")
        assert node.is_alive
        for response in responses:
            assert len(response.read()) == size_bytes - 1
    assert node.process.wait(timeout=PATIENCE_S) == -signal.SIGTERM, node.said()
    assert not any(map(is_alive, workers.values()))
    assert len(re.findall(rf" GET {path} 200 {size_bytes} bytes", node.said())) == 26, "each is told in the log"
    assert "Traceback" not in node.said()
    assert "killed" not in node.said()


def test_download_that_does_not_end_in_time_is_cut_and_never_looks_whole(
    fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(big_bytes=64 << 20), node={**TWO, "stop-timeout": "500ms"})
    workers = workers_of(node).values()
    path, _ = big_file(node)
    have_ready(node, path)
    with connections(node, 2) as opened:
        responses = []
        for connection in opened:
            connection.request("GET", path)
            responses.append(connection.getresponse())
        node.terminate()
        assert node.process.wait(timeout=PATIENCE_S) == -signal.SIGTERM, node.said()
        for response in responses:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()
    assert not any(map(is_alive, workers))


def test_cold_file_that_many_ask_of_all_workers_is_fetched_once(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    index = fake_index(big_bytes=16 << 20)
    node = node_of(index, node=TWO)
    workers_of(node)
    path, size_bytes = big_file(node)
    index.forget()
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: fetch(f"{node.url}{path[1:]}"), range(24)))
    assert [(answer.status, len(answer.body)) for answer in answers] == [(200, size_bytes)] * 24
    name = path.rpartition("/")[2]
    assert len([line for line in index.requests(name) if line["path"].endswith(name)]) == 1


def test_upload_is_seen_through_every_worker_by_the_very_next_request(
    fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(), node=TWO)
    workers = set(workers_of(node).values())
    page = "/simple/acme-tools/"
    with connections(node, 16) as opened:
        for version in ("1.0", "2.0", "3.0", "4.0"):
            archive = made("acme-tools", version, "wheel")
            sent = fetch(f"{node.url}legacy/", "POST", headers=MULTIPART, body=form_of(archive))
            assert sent.status == 200, sent
            for connection in opened:
                status, body = ask(connection, page, Accept=JSON)
                assert status == 200
                assert version in json.loads(body)["versions"]
            for connection in opened:
                ask(connection, page, Accept=JSON)
        assert {holder(workers, node, connection.sock) for connection in opened} >= workers


def test_lines_in_the_log_add_up_to_the_requests_that_were_made(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index(), node=TWO)
    workers_of(node)
    node.get(f"simple/{BIG}/", Accept=JSON)
    with connections(node, 10) as opened:
        for connection in opened:
            for path in (f"/simple/{BIG}/", "/healthz", f"/simple/{BIG}/", f"/simple/{BIG}/"):
                assert ask(connection, path, Accept=JSON, User_Agent="counted")[0] == 200
    node.terminate()
    node.process.wait(timeout=PATIENCE_S)
    lines = [line for line in node.said().splitlines() if line.endswith("(counted)")]
    assert len([line for line in lines if "/healthz" in line]) == 10
    assert len([line for line in lines if f"/simple/{BIG}/" in line and "hit" in line]) == 30


def test_request_that_has_been_here_is_refused_by_workers_too(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index(), node=TWO)
    workers_of(node)
    own_id = json.loads(node.get("api/v1/node").body)["id"]
    for _ in range(3):
        assert node.get(f"simple/{BIG}/").status == 200
        assert node.get(f"simple/{BIG}/", Via=f"1.1 {own_id}").status == 508


def test_second_node_on_the_same_port_is_refused(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    index = fake_index()
    node = node_of(index, node=TWO)
    listen = [f"tcp:{node.port}:interface=127.0.0.1"]
    for settings in (TWO, {}):
        other = RunningNode.prepare(node.folder / f"other-{len(settings)}", {"node": {"listen": listen, **settings}})
        assert other.process.wait(timeout=PATIENCE_S) == 1
        assert f"Couldn't listen on 127.0.0.1:{node.port}" in other.said()


def test_worker_loads_nothing_of_what_only_its_node_needs() -> None:
    code = "import sys, tiercache.workers.__main__; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "alembic", "klein", "treq", "yaml", "cattrs", "argon2", "selectolax"}.intersection(loaded)
