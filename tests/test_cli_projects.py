"""What becomes of hosted projects, from the command line: what it prints, asks, and ends with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.doubles.bridge import bridge_to
from tests.web.test_projects import NEXT, OTHER, SDIST, Server
from tiercache.cli import main
from tiercache.commands.running_node import NodeRefused, far_node


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with bridge_to(server.node) as url:
        yield url


def run(url: str, *words: str, token: str | None = "token-of-alice-here", typed: str | None = None) -> Result:
    environ = {"TIERCACHE_NODE": url, "TIERCACHE_TOKEN": token}
    return CliRunner().invoke(main, list(words), env=environ, input=typed)


def yanked(server: Server) -> list[object]:
    return [file.get("yanked", False) for file in json.loads(server.node.page("acme").body)["files"]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [([SDIST], [1, 0, 0]), (["1.0"], [1, 0, 1]), (["1", NEXT], [1, 1, 1]), (["2.0.0"], [0, 1, 0])],
)
def test_releases_and_files_are_yanked_and_offered_again(
    server: Server, url: str, words: list[str], expected: list[int]
) -> None:
    told = run(url, "yank", "Acme", *words, "--reason", "broken")
    assert (told.exit_code, told.stderr) == (0, "")
    assert yanked(server) == ["broken" if one else False for one in expected]
    assert told.stdout.count("is yanked") == sum(expected)
    assert run(url, "yank", "acme", *words, "--reason", "broken").exit_code == 0  # the same again
    assert run(url, "unyank", "acme", *words).exit_code == 0
    assert yanked(server) == [False] * 3


def test_a_status_is_printed_and_set(server: Server, url: str) -> None:
    assert run(url, "status", "acme").stdout == "acme is active\n"
    assert run(url, "status", "acme", "archived", "--reason", "done").stdout == "acme is archived: done\n"
    assert run(url, "status", "acme").stdout == "acme is archived: done\n"
    wrong = run(url, "status", "acme", "gone")
    assert wrong.exit_code == 2


def test_a_deletion_asks_first_and_does_nothing_for_a_no_or_for_no_answer(server: Server, url: str) -> None:
    for typed in ("n\n", "", "what\n"):
        told = run(url, "delete", "acme", "1.0", typed=typed)
        assert told.exit_code == 1
        assert SDIST in told.stdout
        assert NEXT not in told.stdout
        assert server.filenames() == [SDIST, NEXT, OTHER]
    assert run(url, "delete", "acme", "1.0", typed="y\n").exit_code == 0
    assert server.filenames() == [NEXT]


def test_a_script_deletes_and_restores_without_being_asked(server: Server, url: str) -> None:
    told = run(url, "delete", "acme", SDIST, "2.0", "--yes", "--reason", "leaked a key")
    assert (told.exit_code, told.stdout) == (0, f"{SDIST} is deleted\n{NEXT} is deleted\n")
    assert server.acts()[-1][3] == "leaked a key"
    assert run(url, "restore", "acme", NEXT).stdout == f"{NEXT} is restored\n"
    assert run(url, "restore", "acme", "1").stdout == f"{SDIST} is restored\n"
    assert run(url, "delete", "acme", "--yes").exit_code == 0
    assert server.filenames() == []
    assert sorted(run(url, "restore", "acme").stdout.splitlines()) == sorted(
        f"{name} is restored" for name in (SDIST, NEXT, OTHER)
    )
    nothing = run(url, "restore", "acme")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "404" in nothing.stderr


def test_a_name_is_given_free_with_the_last_file(server: Server, url: str) -> None:
    assert run(url, "delete", "acme", SDIST, "--release-name", "--yes").exit_code == 2
    told = run(url, "delete", "acme", "--release-name", "--yes")
    assert told.exit_code == 0
    assert told.stdout.endswith("the name acme is free\n")
    assert "acme" not in server.node.parts.hosted.names()


@pytest.mark.parametrize("words", [("yank", "acme", "9.9"), ("delete", "acme", "9.9"), ("unyank", "none", "1.0")])
def test_what_is_not_there_ends_with_1_and_changes_nothing(server: Server, url: str, words: tuple[str, ...]) -> None:
    told = run(url, *words)
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith("Error: ")
    assert server.acts() == []


def test_who_may_not_is_told_so(server: Server, url: str) -> None:
    for token, status in (("token-of-bob-here", "403"), (None, "401"), ("a-token-of-nobody", "401")):
        told = run(url, "delete", "acme", "--yes", token=token)
        assert told.exit_code == 1
        assert status in told.stderr
    assert server.filenames() == [SDIST, NEXT, OTHER]


def test_the_audit_trail_is_printed_line_by_line_or_as_json(server: Server, url: str) -> None:
    run(url, "yank", "acme", SDIST, "--reason", "broken")
    told = run(url, "acts", "acme", "--most", "1")
    (line,) = told.stdout.splitlines()
    assert line.startswith("5  20")
    assert line.endswith(f"Z  alice  yanked  {SDIST}  broken")
    assert len(run(url, "acts", "acme").stdout.splitlines()) == 4
    assert len(run(url, "acts", "acme", "--since", "2").stdout.splitlines()) == 2
    act = json.loads(run(url, "acts", "acme", "--most", "1", "--json").stdout)
    assert (act["number"], act["by"], act["project"]) == (5, "alice", "acme")
    assert run(url, "acts").exit_code == 1  # the whole trail is for who administers
    assert len(run(url, "acts", token="token-of-carol-here").stdout.splitlines()) == 5


def test_the_node_of_this_machine_is_found_by_its_store(
    server: Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tiers_file = tmp_path / "store", tmp_path / "tiers.yaml"
    store.mkdir()
    (store / "running.json").write_text(json.dumps({"pid": os.getpid(), "urls": [url], "token": "token"}))
    tiers_file.write_text(json.dumps({"store": {"path": str(store)}}))
    for name in ("TIERCACHE_NODE", "TIERCACHE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    told = CliRunner().invoke(main, ["yank", "acme", SDIST, "--config", str(tiers_file)])
    assert (told.exit_code, told.stderr) == (0, "")
    assert server.acts() == [("yanked", "operator", SDIST, "")]


def test_no_node_at_all_is_told(tmp_path: Path) -> None:
    tiers_file = tmp_path / "tiers.yaml"
    tiers_file.write_text(json.dumps({"store": {"path": str(tmp_path / "none")}}))
    told = CliRunner().invoke(main, ["acts", "-c", str(tiers_file)], env={"TIERCACHE_NODE": None})
    assert told.exit_code == 1
    assert "No node is running" in told.stderr


def test_credentials_in_the_url_are_shown_to_the_node_and_to_nobody_else() -> None:
    node = far_node("http://al%40ice:p%3Ass@[::1]:8141/base/", None)
    assert node.urls == ("http://[::1]:8141/base/",)
    assert node.authorization == "Basic YWxAaWNlOnA6c3M="
    assert far_node("http://alice:pass@node.example/", "token").authorization is None
    told = run("http://alice:secret@127.0.0.1:9/", "acts", token=None)
    assert told.exit_code == 1
    assert "secret" not in told.output


@pytest.mark.parametrize("url", ["node.example", "ftp://node.example/", "http:///", "http://a:b@:1/", "http://h:x/"])
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(NodeRefused):
        far_node(url, None)
