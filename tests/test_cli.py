"""The command line in one process: what it prints, where, and with which exit status.  Nodes: `test_processes`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any, cast

import msgspec
import pytest
from attrs import define, evolve
from click.testing import CliRunner, Result
from rich.console import Console
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.usage import UsageError

from tests.doubles.now import result_of
from tiercache import __version__
from tiercache.cli import main
from tiercache.commands.chain import ASKED_TIMES, PAUSE_S, heard
from tiercache.commands.chain_table import chain_table
from tiercache.commands.json_log import JsonLog, json_line
from tiercache.commands.running_node import (
    ANSWER_LIMIT_BYTES,
    NodeRefused,
    NoNodeRuns,
    RunningNode,
    find_running_node,
)
from tiercache.commands.tiers_file import find_tiers_file, load_tiers_file
from tiercache.errors import ConfigInvalid
from tiercache.simple.names import normalise
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.threads import on_the_spot
from tiercache.tap import Options
from tiercache.wire import NodeState, TierState

RunCommand = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def tiers_file(tmp_path: Path, store: Path) -> Path:
    file = tmp_path / "tiers.yaml"
    file.write_text(f"store: {{path: {store}}}\n", encoding="utf-8")
    return file


@pytest.fixture
def run(tmp_path: Path, tiers_file: Path) -> RunCommand:
    """`tiercache …` with the configuration of `tiers_file`, in an empty home."""
    environment = {"HOME": str(tmp_path / "home"), "TIERCACHE_CONFIG": str(tiers_file), "XDG_CONFIG_HOME": None}

    def invoke(*words: str | Path, **more: str | None) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], env=environment | more)
        # A bug is not to pass for an error that was foreseen.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return invoke


# -- the whole ----------------------------------------------------------------------------------------------------


def test_version_is_the_packages(run: RunCommand) -> None:
    assert run("--version").stdout == f"tiercache {__version__}\n"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_each_command_explains_itself(run: RunCommand, name: str) -> None:
    explained = run(name, "--help")
    assert explained.exit_code == 0
    assert main.commands[name].help


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    heavy = [
        "twisted",
        "sqlalchemy",
        "alembic",
        "klein",
        "treq",
        "cattrs",
        "yaml",
        "msgspec",
        "rich",
        "argon2",
        "passlib",
    ]
    script = f"import sys, tiercache.cli; print([name for name in {heavy} if name in sys.modules])"
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert imported.stdout == "[]\n"


# -- which file ---------------------------------------------------------------------------------------------------


def test_named_file_comes_before_the_environment_and_that_before_the_usual_place(tmp_path: Path) -> None:
    usual = tmp_path / "tiercache" / "tiers.yaml"
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert find_tiers_file(None, environ) is None
    usual.parent.mkdir()
    usual.touch()
    assert find_tiers_file(None, environ) == usual
    environ["TIERCACHE_CONFIG"] = "/etc/one.yaml"
    assert find_tiers_file(None, environ) == Path("/etc/one.yaml")
    assert find_tiers_file("/etc/two.yaml", environ) == Path("/etc/two.yaml")


def test_empty_variable_names_no_file(tmp_path: Path) -> None:
    assert find_tiers_file(None, {"XDG_CONFIG_HOME": str(tmp_path), "TIERCACHE_CONFIG": ""}) is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_file_that_cannot_be_read_is_an_invalid_configuration(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tiers.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigInvalid) as raised:
        load_tiers_file(file, {"HOME": str(tmp_path)})
    assert str(file) in str(raised.value)


# -- config -------------------------------------------------------------------------------------------------------


def test_good_configuration_is_called_good(run: RunCommand, tiers_file: Path) -> None:
    checked = run("config", "check", tiers_file)
    assert (checked.exit_code, checked.stdout, checked.stderr) == (0, f"{tiers_file}: good\n", "")


def test_check_prints_every_problem_with_its_place(run: RunCommand, tiers_file: Path) -> None:
    tiers_file.write_text("node:\n  nmae: laptop\nstore:\n  budget: many\n", encoding="utf-8")
    checked = run("config", "check", tiers_file)
    assert checked.exit_code == 1
    assert checked.stdout == ""
    lines = checked.stderr.splitlines()
    assert len(lines) == 3
    assert any("node" in line and "nmae" in line for line in lines)
    assert any("store.budget" in line for line in lines)
    assert lines[-1] == f"{tiers_file}: 2 problems"


def test_check_notes_what_is_not_in_force(run: RunCommand, tiers_file: Path) -> None:
    tiers_file.write_text("node: {workers: 4}\nstore: {files: memory, catalogue: memory}\n", encoding="utf-8")
    checked = run("config", "check", tiers_file)
    assert checked.exit_code == 0
    assert "note: node.workers" in checked.stderr


def test_check_of_a_missing_file_is_an_error(run: RunCommand, tmp_path: Path) -> None:
    checked = run("config", "check", tmp_path / "nowhere.yaml")
    assert checked.exit_code == 1
    assert "No such file" in checked.stderr


def test_shown_configuration_has_defaults_and_no_secrets_and_can_be_used(
    run: RunCommand, tiers_file: Path, tmp_path: Path
) -> None:
    tiers_file.write_text(
        "tiers: [{name: office, kind: origin, url: 'http://office.example/', user: me, password: hush-hush}]\n",
        encoding="utf-8",
    )
    shown = run("config", "show", tiers_file)
    assert shown.exit_code == 0
    assert "hush-hush" not in shown.output
    assert "8141" in shown.stdout
    assert "office.example" in shown.stdout
    assert run("config", "show").stdout == shown.stdout  # the file of the environment


def test_show_of_a_wrong_configuration_tells_its_problems(run: RunCommand, tiers_file: Path) -> None:
    tiers_file.write_text("nonsense: 1\n", encoding="utf-8")
    shown = run("config", "show")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "nonsense" in shown.stderr


# -- client-config ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["pip", "uv", "poetry", "pdm", "twine", "flit"])
@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("{}", "http://127.0.0.1:8141/"),
        ('{listen: ["tcp:9000:interface=0.0.0.0"]}', "http://127.0.0.1:9000/"),
        ('{listen: ["tcp:9000"]}', "http://127.0.0.1:9000/"),
        ('{listen: ["tcp:9000:interface=10.0.0.7"]}', "http://10.0.0.7:9000/"),
        ('{listen: ["tcp:9000:interface=\\\\:\\\\:1"]}', "http://[::1]:9000/"),
        ('{listen: ["unix:/run/x.sock", "tcp:9000"]}', "http://127.0.0.1:9000/"),
        ('{public-url: "https://packages.example/", listen: ["tcp:9000"]}', "https://packages.example/"),
    ],
)
def test_client_lines_have_the_address_of_the_configuration(
    run: RunCommand, tiers_file: Path, client: str, node: str, address: str
) -> None:
    tiers_file.write_text(f"node: {node}\n", encoding="utf-8")
    printed = run("client-config", client)
    assert printed.exit_code == 0, printed.stderr
    assert address in printed.stdout


@pytest.mark.parametrize(
    ("access", "user"),
    [("", ""), ("access: {users: {ann: {token: 0123456789abcdef}}, grants: [{who: [ann], may: [read]}]}", "__token__")],
)
def test_client_lines_have_a_name_where_the_node_knows_some(
    run: RunCommand, tiers_file: Path, access: str, user: str
) -> None:
    tiers_file.write_text(f"{access}\n", encoding="utf-8")
    assert f"username = {user}\n".replace(" \n", "\n") in run("client-config", "flit").stdout


def test_client_lines_have_the_address_that_was_given(run: RunCommand) -> None:
    printed = run("client-config", "pip", "--url", "https://packages.example/")
    assert "https://packages.example/simple/" in printed.stdout


def test_configuration_without_an_address_asks_for_one(run: RunCommand, tiers_file: Path) -> None:
    tiers_file.write_text('node: {listen: ["systemd:domain=INET:index=0"]}\n', encoding="utf-8")
    printed = run("client-config", "pip")
    assert printed.exit_code == 2
    assert "--url" in printed.stderr


def test_unknown_client_is_refused(run: RunCommand) -> None:
    assert run("client-config", "conda").exit_code == 2


# -- offline ------------------------------------------------------------------------------------------------------


class FakeNode(BaseHTTPRequestHandler):
    """Answers as its server was told, and notes what it was asked."""

    server: FakeServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.asked.append((self.command, self.path, self.headers["Authorization"], self.rfile.read(length)))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = _answer  # noqa: N815  # the names that http.server asks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the method overridden
        """Say nothing."""


class FakeServer(ThreadingHTTPServer):
    """A node that says `answer` to everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeNode)
        self.answer: tuple[int, bytes] = (200, b'{"offline": true}')
        self.asked: list[tuple[str, str, str | None, bytes]] = []


@pytest.fixture
def node(store: Path) -> Iterator[FakeServer]:
    """A server that the store's `running.json` names as its node."""
    with FakeServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        _announce(store, urls=[f"http://127.0.0.1:{server.server_port}/"])
        yield server
        server.shutdown()
        thread.join()


def _announce(store: Path, **fields: object) -> None:
    store.mkdir(exist_ok=True)
    said = {"pid": os.getpid(), "urls": [], "token": "the-word", **fields}
    (store / "running.json").write_text(json.dumps(said), encoding="utf-8")


@pytest.mark.parametrize(("word", "sent"), [("on", True), ("off", False)])
def test_offline_tells_the_running_node_with_its_word(run: RunCommand, node: FakeServer, word: str, sent: bool) -> None:
    node.answer = (200, json.dumps({"offline": sent}).encode())
    switched = run("offline", word)
    assert (switched.exit_code, switched.stderr) == (0, "")
    assert switched.stdout == ("offline\n" if sent else "online\n")
    ((method, path, authorization, body),) = node.asked
    assert (method, path, authorization) == ("PUT", "/api/v1/offline", "Bearer the-word")
    assert json.loads(body) == {"offline": sent}


def test_status_changes_nothing(run: RunCommand, node: FakeServer) -> None:
    assert run("offline", "status").stdout == "offline\n"
    assert [(method, body) for method, _, _, body in node.asked] == [("GET", b"")]


def test_proxy_of_the_environment_is_not_asked(run: RunCommand, node: FakeServer) -> None:
    assert run("offline", "status", http_proxy="http://127.0.0.1:9/").stdout == "offline\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, b"{}"), "it answered 401"),
        ((200, b"<html>"), "not JSON"),
        ((200, b"x" * (ANSWER_LIMIT_BYTES + 1)), "too long"),
        ((200, b"[]"), "not what was asked for"),
        ((200, b'{"offline": "maybe"}'), "not what was asked for"),
        ((200, b""), "not JSON"),
    ],
)
def test_node_that_does_not_do_it_is_told_in_a_sentence(
    run: RunCommand, node: FakeServer, answer: tuple[int, bytes], told: str
) -> None:
    node.answer = answer
    switched = run("offline", "on")
    assert (switched.exit_code, switched.stdout) == (1, "")
    assert told in switched.stderr
    assert "the-word" not in switched.output


def test_node_that_does_not_listen_is_told_in_a_sentence(store: Path) -> None:
    with FakeServer() as server:
        port = server.server_port
    _announce(store, urls=[f"http://127.0.0.1:{port}/"])
    with pytest.raises(NodeRefused, match="Connection refused"):
        find_running_node(store).ask("GET", "/api/v1/offline")


def _dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "[]",
        "{}",
        '{"pid": 1, "urls": null, "token": "t"}',
        '{"pid": 0, "urls": ["http://127.0.0.1:1/"], "token": "t"}',
        '{"pid": -1, "urls": ["http://127.0.0.1:1/"], "token": "t"}',
        json.dumps({"pid": os.getpid(), "urls": [], "token": "t"}),
        json.dumps({"pid": os.getpid(), "urls": ["file:///etc/hosts"], "token": "t"}),
    ],
    ids=["no file", "empty", "list", "object", "no urls", "pid 0", "pid -1", "urls empty", "another scheme"],
)
def test_no_node_runs_where_running_json_names_none(run: RunCommand, store: Path, said: str | None) -> None:
    store.mkdir()
    if said is not None:
        (store / "running.json").write_text(said, encoding="utf-8")
    told = run("offline", "on")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith(f"Error: No node is running on the store {store}")


def test_what_a_killed_node_left_behind_is_no_node(store: Path) -> None:
    _announce(store, pid=_dead_pid(), urls=["http://127.0.0.1:1/"])
    with pytest.raises(NoNodeRuns):
        find_running_node(store)


# -- chain --------------------------------------------------------------------------------------------------------

CHAIN = NodeState(
    name="laptop",
    id="1" * 16,
    version="1.2",
    tiers=(
        TierState(
            name="office",
            kind="parent",
            state="up",
            round_trip_s=0.0021,
            live=True,
            lag=0,
            id="2" * 16,
            home_of=812,
            tiers=(TierState(name="public", kind="origin", state="down", round_trip_s=1.25, home_of=7),),
        ),
        TierState(name="pypi", kind="origin", state="unknown"),
    ),
    origins={"public": 2, "pypi": 1},
)


def test_chain_is_shown_up_to_the_origins(run: RunCommand, node: FakeServer) -> None:
    node.answer = (200, msgspec.json.encode(CHAIN))
    shown = run("chain")
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines == [
        "laptop tiercache 1.2, id 1111111111111111",
        "",
        "TIER KIND STATE ROUND TRIP NEWS HOME FOR",
        "office parent up 2.1 ms live 812",
        "└ public origin down 1.2 s - 7",
        "pypi origin not asked - - -",
        "",
        "origins: pypi (1 hop), public (2 hops)",
    ]
    assert [(method, path, authorization) for method, path, authorization, _ in node.asked] == [
        ("GET", "/api/v1/node", "Bearer the-word")
    ]


def test_chain_as_json_is_what_the_node_said(run: RunCommand, node: FakeServer) -> None:
    node.answer = (200, msgspec.json.encode(CHAIN))
    assert msgspec.json.decode(run("chain", "--json").stdout, type=NodeState) == CHAIN


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"name": 1}', b"<html>"])
def test_chain_of_what_is_no_node_is_told_in_a_sentence(run: RunCommand, node: FakeServer, answer: bytes) -> None:
    node.answer = (200, answer)
    shown = run("chain")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "Error: The node at" in shown.stderr


@define
class SlowToHear:
    """A node that knows its parent from the `knows_after`-th time on that it is asked."""

    knows_after: int
    asked: int = 0

    def about(self) -> tuple[object, NodeState]:
        self.asked += 1
        parent = evolve(CHAIN.tiers[0], id="2" * 16 if self.asked >= self.knows_after else None)
        return {}, evolve(CHAIN, tiers=(parent,))


@pytest.mark.parametrize(("knows_after", "asked"), [(1, 1), (3, 3), (5, 5), (99, ASKED_TIMES)])
def test_chain_is_asked_again_while_the_node_has_not_heard_from_its_tiers(knows_after: int, asked: int) -> None:
    node, pauses = SlowToHear(knows_after), list[float]()
    _, state = heard(cast("RunningNode", node), pauses.append)
    assert node.asked == asked
    assert pauses == [PAUSE_S] * (asked - 1)
    assert (state.tiers[0].id is None) is (knows_after > ASKED_TIMES)


def drawn(state: NodeState, width: int, *, ascii_only: bool = False) -> str:
    """The chain in a window of this width, as far as it has no colours."""
    sink = StringIO()
    Console(file=sink, width=width, highlight=False).print(chain_table(state, ascii_only=ascii_only))
    return sink.getvalue()


def test_in_a_window_of_80_columns_names_are_cut_and_figures_are_whole() -> None:
    office = evolve(CHAIN.tiers[0], name="packages.office-of-a-long-name.example:8141", lag=999, round_trip_s=0.512)
    lines = drawn(evolve(CHAIN, tiers=(office, CHAIN.tiers[1])), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "packages.office" in lines[3]
    assert lines[3].split()[1:] == ["parent", "up", "512", "ms", "999", "behind", "812"]


def test_chain_of_several_levels_is_drawn_with_its_branches() -> None:
    def tier(name: str, *above: TierState) -> TierState:
        return TierState(name=name, kind="parent", state="up", tiers=above)

    chain = evolve(CHAIN, tiers=(tier("a", tier("b", tier("c"), tier("d")), tier("e", tier("f"))), tier("g")))
    for ascii_only, expected in (
        (False, ["a", "├ b", "│ ├ c", "│ └ d", "└ e", "  └ f", "g"]),
        (True, ["a", "|-b", "| |-c", "| `-d", "`-e", "  `-f", "g"]),
    ):
        lines = drawn(chain, 100, ascii_only=ascii_only).splitlines()[3:10]
        assert [line.partition("parent")[0].rstrip() for line in lines] == expected


def test_feed_that_is_cut_off_is_told_and_a_name_moves_no_cursor() -> None:
    office = evolve(CHAIN.tiers[0], live=False, name="x\x1b[2Jy")
    text = drawn(evolve(CHAIN, tiers=(office,)), 100)
    assert "cut off" in text
    assert "x?[2Jy" in text
    assert "\x1b" not in text


def test_node_without_tiers_says_so() -> None:
    assert "no tiers" in drawn(NodeState(name="deploy", id="1", version="1"), 80)


# -- reserved -----------------------------------------------------------------------------------------------------


def test_reserved_names_are_listed_with_who_reserves_them(run: RunCommand, node: FakeServer) -> None:
    names = [
        {"name": "acme", "hosted": True, "announced_by": []},
        {"name": "acme-tools", "hosted": True, "announced_by": ["office", "lab"]},
    ]
    node.answer = (200, json.dumps({"complete": True, "names": names}).encode())
    listed = run("reserved")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert listed.stdout == "acme        here\nacme-tools  here, office, lab\n"
    assert [(method, path) for method, path, _, _ in node.asked] == [("GET", "/api/v1/reservations")]


def test_list_that_may_miss_names_says_so(run: RunCommand, node: FakeServer) -> None:
    node.answer = (200, b'{"complete": false, "names": []}')
    listed = run("reserved")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "not every parent" in listed.stderr


@pytest.mark.parametrize(("hosted", "told"), [(False, "acme is reserved no longer\n"), (True, "acme: here\n")])
def test_name_is_released(run: RunCommand, node: FakeServer, hosted: bool, told: str) -> None:
    node.answer = (200, json.dumps({"name": "acme", "hosted": hosted, "announced_by": []}).encode())
    assert run("reserved", "--release", "Acme/x").stdout == told
    assert [(method, path, body) for method, path, _, body in node.asked] == [
        ("DELETE", "/api/v1/reservations/Acme%2Fx", b"")
    ]


def test_name_that_cannot_be_released_is_told_with_the_reason(run: RunCommand, node: FakeServer) -> None:
    node.answer = (409, b'{"detail": "acme is hosted here."}')
    released = run("reserved", "--release", "acme")
    assert (released.exit_code, released.stdout) == (1, "")
    assert released.stderr.endswith("409 Conflict: acme is hosted here.\n")


# -- the store ----------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(store: Path) -> str:
    """A store in which a node has been, with one file in it that is sound; gives its SHA-256."""
    catalogue = SqlCatalogue.open(_made(store) / "catalogue.sqlite", writer=on_the_spot)
    result_of(catalogue.close())
    partial = FolderFiles.at(store).begin()
    partial.write(b"the bytes")
    digest = sha256(b"the bytes").hexdigest()
    partial.commit(digest)
    partial.discard()
    return digest


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def test_pins_are_listed_by_their_normalised_names(run: RunCommand, stored: str) -> None:
    assert run("pins").stdout == ""
    assert run("pin", "Flask_Login", "numpy").exit_code == 0
    assert run("pins").stdout == "flask-login\nnumpy\n"
    assert run("unpin", "flask.login").exit_code == 0
    assert run("pins").stdout == "numpy\n"


def test_pin_reaches_the_catalogue(run: RunCommand, stored: str, store: Path) -> None:
    run("pin", "numpy")
    catalogue = SqlCatalogue.open(store / "catalogue.sqlite", writer=on_the_spot)
    assert catalogue.pins() == [normalise("numpy")]
    result_of(catalogue.close())


def test_nothing_is_pinned_when_one_name_is_none(run: RunCommand, stored: str) -> None:
    pinned = run("pin", "numpy", "../etc")
    assert pinned.exit_code == 1
    assert "../etc" in pinned.stderr
    assert run("pins").stdout == ""


@pytest.mark.parametrize(
    "words", [("pins",), ("pin", "numpy"), ("unpin", "numpy"), ("fsck",), ("fsck", "--rebuild", "--repair")]
)
def test_command_about_a_store_that_is_not_there_makes_none(
    run: RunCommand, store: Path, words: tuple[str, ...]
) -> None:
    told = run(*words)
    assert (told.exit_code, told.stdout) == (1, "")
    assert str(store) in told.stderr
    assert not store.exists()


def test_command_about_a_store_in_memory_says_so(run: RunCommand, tiers_file: Path) -> None:
    tiers_file.write_text("store: {files: memory, catalogue: memory}\n", encoding="utf-8")
    told = run("fsck")
    assert told.exit_code == 1
    assert "memory" in told.stderr


def test_fsck_of_a_sound_store_exits_with_0(run: RunCommand, stored: str) -> None:
    checked = run("fsck")
    assert checked.exit_code == 0
    assert checked.stderr.startswith("1 files, ")
    assert "sound" in checked.stderr


def test_fsck_tells_of_a_record_that_cannot_be_read_when_it_rebuilds_and_exits_with_1(
    run: RunCommand, stored: str, store: Path
) -> None:
    FolderFiles.at(store).records.write(normalise("acme"), "acme-1.0.tar.gz", b"{")
    rebuilt = run("fsck", "--rebuild", "--repair")
    assert rebuilt.exit_code == 1
    assert rebuilt.stdout.startswith("The record of acme-1.0.tar.gz of acme: ")
    assert "not sound" in rebuilt.stderr
    assert len([path for path in (store / "files").rglob("*") if path.is_file()]) == 1


def test_fsck_puts_a_damaged_file_aside_and_exits_with_1(run: RunCommand, stored: str, store: Path) -> None:
    (path,) = (store / "files").rglob(f"{stored}*")
    path.write_bytes(b"xhe bytes")
    checked = run("fsck")
    assert checked.exit_code == 1
    assert stored in checked.stdout
    assert "not sound" in checked.stderr
    assert not path.exists()
    assert [kept.read_bytes() for kept in (store / "quarantine").iterdir()] == [b"xhe bytes"]
    assert run("fsck").exit_code == 0


def test_fsck_removes_what_is_not_recorded_only_when_told(run: RunCommand, stored: str, store: Path) -> None:
    run("fsck")
    assert FolderFiles.at(store).size(stored) == 9
    assert run("fsck", "--repair").exit_code == 0
    assert FolderFiles.at(store).size(stored) is None


# -- twistd's side --------------------------------------------------------------------------------------------------


def test_plugin_has_the_options_of_the_command() -> None:
    options = Options()  # type: ignore[no-untyped-call]  # twisted's
    options.parseOptions(["--config", "tiers.yaml", "--log-format", "json"])  # type: ignore[no-untyped-call]  # twisted's
    assert (options["config"], options["log-format"]) == ("tiers.yaml", "json")


def test_plugin_refuses_another_form_of_log() -> None:
    options = Options()  # type: ignore[no-untyped-call]  # twisted's
    with pytest.raises(UsageError, match="neither text nor json"):
        options.parseOptions(["--log-format", "yaml"])  # type: ignore[no-untyped-call]  # twisted's


# -- the log as JSON ------------------------------------------------------------------------------------------------


def _logged(**fields: Any) -> dict[str, Any]:
    sink = StringIO()
    logger = Logger(namespace="tests", observer=JsonLog(file=sink))
    logger.info("{word} came", **{"word": "it", **fields})
    line = sink.getvalue()
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    loaded: dict[str, Any] = json.loads(line)
    return loaded


def test_line_has_time_level_logger_message_and_fields() -> None:
    line = json_line(
        {
            "log_time": 1700000000.25,
            "log_level": LogLevel.warn,
            "log_namespace": "tests",
            "log_format": "{n} came",
            "n": 3,
        }
    )
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "warn",
        "logger": "tests",
        "message": "3 came",
        "n": 3,
    }


@pytest.mark.parametrize("value", ["text", 1, 1.5, True, None, ["a", 1], {"a": [1]}])
def test_field_that_json_can_say_is_in_the_line(value: object) -> None:
    assert _logged(field=value)["field"] == value


@pytest.mark.parametrize("value", [b"bytes", object(), float("nan"), float("inf"), [object()], {1: 2}, {"a": b""}])
def test_field_that_json_cannot_say_is_left_to_the_message(value: object) -> None:
    line = _logged(field=value)
    assert "field" not in line
    assert line["message"] == "it came"


def test_field_never_takes_the_place_of_what_every_line_has() -> None:
    line = json.loads(json_line({"log_level": LogLevel.info, "log_namespace": "tests", "level": "mine", "logger": 1}))
    assert (line["level"], line["level_"]) == ("info", "mine")
    assert (line["logger"], line["logger_"]) == ("tests", 1)


@pytest.mark.parametrize("word", ["two\nlines", "\x1b[2J", "\u2028", "\ud800"])
def test_no_word_breaks_the_line(word: str) -> None:
    assert _logged(word=word)["word"] == word


def test_failure_has_its_traceback_in_the_line() -> None:
    try:
        raise RuntimeError("it broke")
    except RuntimeError:
        line = _logged(log_failure=Failure())
    assert "RuntimeError: it broke" in line["traceback"]


def test_event_of_twisteds_older_logging_is_a_line_too() -> None:
    line = json_line(
        {"message": ("old",), "isError": 0, "system": "-", "time": 1.0, "log_time": 1.0, "log_text": "old"}
    )
    assert json.loads(line)["level"] == "info"
