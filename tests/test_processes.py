"""Nodes as their processes: `twistd tiercache` and `tiercache serve`, started, watched and stopped by their id."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.doubles.fetching import PATIENCE_S, Answer, answer_of, connect, fetch
from tests.doubles.processes import TOOLS, Running, RunningIndex, RunningNode, bare_environment, free_port, wait_until

pytestmark = pytest.mark.slow

BIG = "tc-big"


def _serves(port: int, path: str = "healthz") -> bool:
    try:
        return fetch(f"http://127.0.0.1:{port}/{path}").status == 200
    except OSError:
        return False


def _until_it_serves(node: Running, port: int) -> None:
    wait_until(lambda: _serves(port) or not node.is_alive, what=lambda: f"the start ({node.said()})")
    assert node.is_alive, node.said()


def _tiers_file(folder: Path, port: int, **node: object) -> Path:
    """A configuration without any tier that could be reached: nothing here speaks to the world."""
    whole = {
        "node": {"listen": [f"tcp:{port}:interface=127.0.0.1"], **node},
        "store": {"path": str(folder / "store")},
        "tiers": [{"name": "office", "kind": "origin", "url": f"http://127.0.0.1:{free_port()}/simple/"}],
    }
    file = folder / "tiers.yaml"
    file.write_text(json.dumps(whole))
    return file


def _run(home: Path, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A process that ends by itself."""
    return subprocess.run(
        [str(TOOLS / words[0]), *map(str, words[1:])],
        cwd=home,
        env=bare_environment(home, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a process that stays; it is ended after the test."""
    children: list[Running] = []

    def launched(*words: str | Path, log: str = "log", **more: str) -> Running:
        command = [TOOLS / words[0], *words[1:]]
        environment = bare_environment(tmp_path / "home", **more)
        process = Running.launch(command, environment, tmp_path / log)
        children.append(Running(log=tmp_path / log, process=process))
        return children[-1]

    yield launched
    for child in children:
        child.close()


# -- starting ---------------------------------------------------------------------------------------------------


def test_twistd_runs_a_node_without_any_configuration(tmp_path: Path, launch: Callable[..., Running]) -> None:
    """The defaults all apply, but for the port: the default one may be taken on the machine of the tests."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8141))
        except OSError:
            pytest.skip("the default port 8141 is taken on this machine")
    node = launch("twistd", "-n", "--pidfile=", "tiercache")
    _until_it_serves(node, 8141)
    assert (tmp_path / "home" / ".local" / "share" / "tiercache" / "running.json").stat().st_mode & 0o777 == 0o600


def test_configuration_is_found_by_the_environment_and_in_its_usual_place(
    tmp_path: Path, launch: Callable[..., Running]
) -> None:
    named, usual = free_port(), free_port()
    (tmp_path / "named").mkdir()
    file = _tiers_file(tmp_path / "named", named)
    folder = tmp_path / "home" / ".config" / "tiercache"
    folder.mkdir(parents=True)
    _tiers_file(folder, usual)
    by_name = launch("tiercache", "serve", log="named.log", TIERCACHE_CONFIG=str(file))
    by_place = launch("tiercache", "serve", log="usual.log")
    _until_it_serves(by_name, named)
    _until_it_serves(by_place, usual)


@pytest.mark.parametrize("program", [("twistd", "-n", "tiercache"), ("twistd", "tiercache"), ("tiercache", "serve")])
def test_every_problem_of_a_configuration_is_told_and_no_node_starts(tmp_path: Path, program: tuple[str, ...]) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text("node: {nmae: laptop}\nstore: {budget: many}\n")
    ended = _run(tmp_path, *program, "--config", file)
    assert ended.returncode == 1
    assert "nmae" in ended.stderr
    assert "budget" in ended.stderr
    assert str(file) in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("program", [("twistd", "-n", "tiercache"), ("twistd", "tiercache"), ("tiercache", "serve")])
def test_second_node_on_a_store_is_refused_with_a_sentence(
    tmp_path: Path, launch: Callable[..., Running], program: tuple[str, ...]
) -> None:
    port = free_port()
    file = _tiers_file(tmp_path, port)
    first = launch("tiercache", "serve", "--config", file)
    _until_it_serves(first, port)
    ended = _run(tmp_path, *program, "--config", file)
    assert ended.returncode == 1
    assert f"The store at {tmp_path / 'store'} is in use by another node (process {first.process.pid})" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert not (tmp_path / "twistd.pid").exists()
    assert _serves(port)


@pytest.mark.parametrize("program", [("twistd", "-n", "tiercache"), ("tiercache", "serve")])
def test_taken_port_is_told_in_a_sentence(tmp_path: Path, program: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run(tmp_path, *program, "--config", _tiers_file(tmp_path, port))
    assert ended.returncode == 1
    assert f"Couldn't listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert not (tmp_path / "twistd.pid").exists()


def test_daemon_that_cannot_listen_says_so_and_leaves_no_pid_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run(tmp_path, "twistd", "tiercache", "--config", _tiers_file(tmp_path, port))
    assert ended.returncode == 1
    assert f"Couldn't listen on 127.0.0.1:{port}" in ended.stderr
    assert f"Couldn't listen on 127.0.0.1:{port}" in (tmp_path / "twistd.log").read_text()
    # The daemon removes it after it has told the process that waits for it.
    wait_until(lambda: not (tmp_path / "twistd.pid").exists(), what="the end of the pid file")


@pytest.mark.parametrize(
    ("words", "told"),
    [(("-n", "--syslog"), "--syslog and --log-format json"), (("--logfile", "-"), "no standard output")],
)
def test_json_is_refused_where_twistd_cannot_write_it(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    config = _tiers_file(tmp_path, free_port())
    ended = _run(tmp_path, "twistd", *words, "tiercache", "--config", config, "--log-format", "json")
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (("twistd", "-n", "tiercache"), "neither text nor json"),
        (("tiercache", "serve"), "is not one of 'text', 'json'"),
    ],
)
def test_wrong_word_for_the_form_of_the_log_is_refused(tmp_path: Path, program: tuple[str, ...], told: str) -> None:
    """The exit status is left out: twistd's own differs between its versions."""
    ended = _run(tmp_path, *program, "--log-format", "yaml")
    assert told in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_what_is_not_in_force_is_logged_as_a_warning(tmp_path: Path, launch: Callable[..., Running]) -> None:
    port = free_port()
    file = _tiers_file(tmp_path, port, workers=4)
    whole = json.loads(file.read_text())
    whole["store"] = {"files": "memory", "catalogue": "memory"}
    file.write_text(json.dumps(whole))
    node = launch("tiercache", "serve", "--config", file, "--log-format", "json")
    _until_it_serves(node, port)
    warnings = [line["message"] for line in map(json.loads, node.said().splitlines()) if line["level"] == "warn"]
    assert any("workers" in warning for warning in warnings), node.said()


# -- stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "sent", "status"),
    [
        (("tiercache", "serve"), signal.SIGTERM, 0),
        (("tiercache", "serve"), signal.SIGINT, 0),
        # twistd ends by the signal that it was sent, once it has stopped.
        (("twistd", "-n", "--pidfile=", "tiercache"), signal.SIGTERM, -signal.SIGTERM),
        (("twistd", "-n", "--pidfile=", "tiercache"), signal.SIGINT, -signal.SIGINT),
    ],
)
def test_signal_stops_a_node_cleanly(
    tmp_path: Path, launch: Callable[..., Running], program: tuple[str, ...], sent: signal.Signals, status: int
) -> None:
    port = free_port()
    node = launch(*program, "--config", _tiers_file(tmp_path, port))
    _until_it_serves(node, port)
    node.process.send_signal(sent)
    assert node.process.wait(timeout=PATIENCE_S) == status, node.said()
    assert not (tmp_path / "store" / "running.json").exists()
    assert "Traceback" not in node.said()


def _node_of(index: RunningIndex, folder: Path, stop_timeout: str) -> RunningNode:
    settings = {
        "node": {"stop-timeout": stop_timeout},
        "tiers": [{"name": "office", "kind": "origin", "url": index.simple}],
    }
    node = RunningNode.prepare(folder, settings)
    try:
        node.wait_until_ready()
    except BaseException:
        node.close()
        raise
    return node


@pytest.fixture
def index(tmp_path: Path) -> Iterator[RunningIndex]:
    running = RunningIndex.start(tmp_path / "index", big_bytes=4 << 20)
    yield running
    running.close()


class Download(Thread):
    """A client that reads a file; `begun` holds once its first byte came."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.begun = False
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Read until the end."""
        connection, path = connect(self.url)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200, response.status
            self.begun = True
            self.answer = answer_of(response)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.error = error
        finally:
            connection.close()


def _held_download(index: RunningIndex, node: RunningNode) -> tuple[Download, dict[str, Any]]:
    """A download that has begun, and gets no further until the index is told to release it; and its file's listing."""
    page = json.loads(node.get(f"simple/{BIG}/", Accept="application/vnd.pypi.simple.v1+json").body)
    file = next(file for file in page["files"] if file["size"] > 1 << 20)
    index.behave({"do": "hold", "match": f"*{file['filename']}", "value": 1 << 20})
    download = Download(urljoin(f"{node.simple}{BIG}/", file["url"]))
    download.start()
    wait_until(lambda: download.begun or download.error, what=lambda: f"the first byte ({node.said()})")
    assert download.error is None, node.said()
    return download, file


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_download_under_way_ends_before_the_node_does(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "2m")
    try:
        download, file = _held_download(index, node)
        node.terminate()
        wait_until(lambda: _refuses(node.port), what="the end of listening")
        assert node.is_alive, node.said()
        index.release()
        download.join(PATIENCE_S)
        assert download.answer is not None, download.error
        assert len(download.answer.body) == file["size"]
        assert node.process.wait(timeout=PATIENCE_S) == -signal.SIGTERM, node.said()
        assert "Traceback" not in node.said()
    finally:
        index.release()
        node.close()


def test_download_that_does_not_end_is_cut_short_and_never_looks_whole(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "500ms")
    try:
        download, _ = _held_download(index, node)
        node.terminate()
        assert node.process.wait(timeout=PATIENCE_S) == -signal.SIGTERM, node.said()
        download.join(PATIENCE_S)
        assert download.answer is None
        assert isinstance(download.error, http.client.IncompleteRead | OSError)
    finally:
        index.release()
        node.close()


# -- daemon and logs --------------------------------------------------------------------------------------------


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Its parent, the first process of a container, may not have taken notice of its end.
    return (
        Path(f"/proc/{pid}/stat").exists()
        and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    )


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_daemon_has_a_pid_file_and_a_log_file(tmp_path: Path, log_format: str) -> None:
    port = free_port()
    pid_file, log_file = tmp_path / "node.pid", tmp_path / "node.log"
    config = _tiers_file(tmp_path, port)
    words: list[str | Path] = [
        "--pidfile",
        pid_file,
        "--logfile",
        log_file,
        "tiercache",
        "--config",
        config,
        "--log-format",
        log_format,
    ]
    started = _run(tmp_path, "twistd", *words)
    assert started.returncode == 0, started.stderr
    pid = int(pid_file.read_text())
    try:
        wait_until(lambda: _serves(port), what="the start")
        os.kill(pid, signal.SIGUSR1)
        rotated = tmp_path / "node.log.1"
        wait_until(rotated.exists, what="the rotation of the log")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: _is_gone(pid), what="the end")
    assert not pid_file.exists()
    lines = (rotated.read_text() + log_file.read_text()).splitlines()
    if log_format == "json":
        assert any(line.get("path") == "/healthz" for line in map(json.loads, lines))
    else:
        assert any("GET /healthz 200" in line for line in lines)


def test_json_log_has_an_object_a_line_with_the_words_of_cache_status(
    tmp_path: Path, index: RunningIndex, launch: Callable[..., Running]
) -> None:
    port = free_port()
    file = _tiers_file(tmp_path, port)
    whole = json.loads(file.read_text())
    whole["tiers"] = [{"name": "office", "kind": "origin", "url": index.simple}]
    file.write_text(json.dumps(whole))
    node = launch("twistd", "-n", "--pidfile=", "tiercache", "--config", file, "--log-format", "json")
    _until_it_serves(node, port)
    fetch(f"http://127.0.0.1:{port}/simple/{BIG}/?token=secret-word")
    fetch(f"http://127.0.0.1:{port}/simple/{BIG}/")
    node.terminate()
    node.process.wait(timeout=PATIENCE_S)
    lines = [json.loads(line) for line in node.said().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    cold, warm = (line for line in lines if line.get("path") == f"/simple/{BIG}/")
    assert (cold["method"], cold["status"], cold["fwd"], cold["tier"]) == ("GET", 200, "miss", "office")
    assert cold["stored"] is True
    assert warm["hit"] is True
    assert "secret-word" not in node.said()


# -- the running node ---------------------------------------------------------------------------------------------


def test_offline_switches_the_running_node_and_outlives_a_restart(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "5s")
    try:
        assert node.run("offline", "status").stdout == "online\n"
        switched = node.run("offline", "on")
        assert (switched.returncode, switched.stdout, switched.stderr) == (0, "offline\n", "")
        index.forget()
        assert node.get(f"simple/{BIG}/").status in (404, 503, 504)
        assert index.requests(BIG) == []
        node.close()
        node.start_again()
        assert node.run("offline", "status").stdout == "offline\n"
        assert node.run("offline", "off").stdout == "online\n"
        assert node.get(f"simple/{BIG}/").status == 200
    finally:
        node.close()


def test_switch_is_refused_to_who_does_not_know_the_word(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "5s")
    try:
        for word in ("", "Bearer ", "Bearer wrong"):
            headers = {"Authorization": word, "Content-Type": "application/json"}
            answer = fetch(f"{node.url}api/v1/offline", method="PUT", headers=headers, body=b'{"offline": true}')
            assert answer.status in (401, 403), word
        assert node.run("offline", "status").stdout == "online\n"
    finally:
        node.close()


def test_offline_says_when_no_node_runs(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "5s")
    node.kill()
    told = node.run("offline", "on")
    assert told.returncode == 1
    assert told.stderr == f"Error: No node is running on the store {node.store}.\n"


def test_project_is_pinned_while_the_node_runs(tmp_path: Path, index: RunningIndex) -> None:
    node = _node_of(index, tmp_path / "node", "5s")
    try:
        assert node.run("pin", "Tc_Big").returncode == 0
        assert node.run("pins").stdout == f"{BIG}\n"
        assert node.run("unpin", BIG).returncode == 0
        assert node.run("pins").stdout == ""
    finally:
        node.close()


def test_a_prefetch_that_was_not_over_goes_on_after_the_start_without_anybody_asking(
    tmp_path: Path, index: RunningIndex
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("tc-medium==1.0\n")
    node = _node_of(index, tmp_path / "node", "5s")
    try:
        index.freeze()
        told = node.run("prefetch", "-r", str(requirements), "--no-wait")
        assert told.returncode == 0, told.stderr
        node.kill()
        index.thaw()
        index.forget()
        node.start_again()
        wait_until(lambda: index.requests("tc_medium-1.0"), what=lambda: f"the file being asked for:\n{node.said()}")
    finally:
        index.thaw()
        node.close()


def untuned(code: str) -> list[str]:
    """The words that a program prints whose memory no variable of the environment says anything about."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return run.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="a call of glibc")
def test_freed_memory_goes_back_to_the_system() -> None:
    code = (
        "import re; from tiercache.commands.memory import give_memory_back\n"
        "def resident(): return int(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "told = give_memory_back(); before = resident()\n"
        "kept = [bytearray(b'x' * 1_000_000) for _ in range(50)]; large = resident()\n"
        "del kept; print(told, large - before > 40_000, resident() - before < 10_000)"
    )
    assert untuned(code) in (["True", "True", "True"], ["False", "True", "True"])


@pytest.mark.skipif(sys.platform != "linux", reason="a call of glibc")
def test_what_comes_in_from_a_tier_comes_in_where_the_last_of_it_was() -> None:
    code = (
        "import resource; from tiercache.commands.memory import give_memory_back\n"
        "from tiercache.upstream.connections import RECEIVE_BYTES\n"
        "def cleared(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def a_turn(): return [b'x' * RECEIVE_BYTES for _ in range(6)]\n"
        "told = give_memory_back(); a_turn(); before = cleared()\n"
        "for _ in range(100): a_turn()\n"
        "print(told, cleared() - before < 1_000)"
    )
    told, *cleared = untuned(code)
    assert told == "False" or [told, *cleared] == ["True", "True"]


def test_threads_that_compute_make_way_soon_in_a_node() -> None:
    code = (
        "import sys; from tiercache.commands.turns import TURN_S, take_short_turns; usual = sys.getswitchinterval()\n"
        "take_short_turns(); print(abs(sys.getswitchinterval() - TURN_S) < 1e-6, TURN_S < usual / 10)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "True"]


def test_garbage_in_circles_is_looked_for_seldom_but_found() -> None:
    # Python from 3.12 on looks a few instructions later.
    code = (
        "import gc; from tiercache.commands.memory import COLLECTED_AFTER, collect_nothing, collect_seldom\n"
        "class Circle:\n"
        "    alive = 0\n"
        "    def __init__(self): self.other = self; Circle.alive += 1\n"
        "    def __del__(self): Circle.alive -= 1\n"
        "collect_nothing(); before = [Circle() for _ in range(2000)].clear(); most = Circle.alive\n"
        "assert most == 2000\n"
        "collect_seldom(); Circle.alive = 0\n"
        "for _ in range(10 * COLLECTED_AFTER[0]): Circle(); most = max(most, Circle.alive)\n"
        "print(gc.get_freeze_count() > 0, most > 1000, most <= COLLECTED_AFTER[0] + 100)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "True", "True"]
