"""The command line about who may do what: hashes of passwords, and the tokens of a running node."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from click.testing import CliRunner, Result

from tests.doubles.fetching import PATIENCE_S, fetch
from tests.doubles.processes import TOOLS, RunningNode
from tests.doubles.surroundings import load
from tiercache.cli import main
from tiercache.commands.password import LONGEST_CHARACTERS
from tiercache.config.accounts import accounts_of


def hashed(stdin: bytes) -> Result:
    return CliRunner().invoke(main, ["password"], input=stdin)


# -- passwords ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"s3cret", b"s3cret\n", b"s3cret\r\n", b"s3cret\nmore\n"])
def test_hash_of_a_password_is_what_the_configuration_takes(line: bytes) -> None:
    result = hashed(line)
    assert (result.exit_code, result.stderr) == (0, "")
    text = f"access: {{users: {{a: {{password: '{result.stdout.strip()}'}}}}, grants: [{{who: [a], may: [read]}}]}}"
    account = accounts_of(load(text).access)["a"]
    assert account.password_hash == result.stdout.strip()
    assert PasswordHasher().verify(result.stdout.strip(), "s3cret")


def test_hash_costs_what_was_decided_and_is_salted() -> None:
    one, other = hashed(b"s3cret").stdout.strip(), hashed(b"s3cret").stdout.strip()
    assert one != other
    found = extract_parameters(one)
    assert (found.type.name, found.time_cost, found.memory_cost, found.parallelism) == ("ID", 2, 19 * 1024, 1)


@pytest.mark.parametrize("password", ["pass word", " spaces ", "пароль ☠", "x" * LONGEST_CHARACTERS])
def test_password_is_taken_as_it_is(password: str) -> None:
    assert PasswordHasher().verify(hashed(f"{password}\n".encode()).stdout.strip(), password)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"x" * (LONGEST_CHARACTERS + 1), "more than 1000"),
        (b"a\x00b\n", "control character"),
        (b"\xff\n", "no text in UTF-8"),
        (b"tiercache-x\n", "taken for a token"),
    ],
)
def test_what_is_no_password_is_refused_in_a_sentence(line: bytes, told: str) -> None:
    result = hashed(line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


@pytest.mark.parametrize("answers", [("s3cret", "s3cret"), ("s3cret", "s3cert", "s3cret", "s3cret")])
def test_on_a_terminal_a_password_is_asked_for_twice_and_not_shown(answers: tuple[str, ...]) -> None:
    here, there = pty.openpty()
    asking = b""
    try:
        with subprocess.Popen(
            [TOOLS / "tiercache", "password"],
            stdin=there,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # without a terminal but this
        ) as process:
            assert process.stderr is not None
            for answer in answers:
                while not asking.endswith((b"Password: ", b"again: ")) and (byte := process.stderr.read(1)):
                    asking += byte
                os.write(here, f"{answer}\n".encode())
                asking += b"|"
            said, rest = process.communicate(timeout=PATIENCE_S)
    finally:
        os.close(here)
        os.close(there)
    assert process.returncode == 0, asking + rest
    assert PasswordHasher().verify(said.decode().strip(), "s3cret")
    assert asking.count(b"Password: |") == asking.count(b"The same again: |") == len(answers) // 2
    assert b"s3c" not in asking + rest


# -- tokens -------------------------------------------------------------------------------------------------------


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    """A node that alice may read, and no tier of which answers."""
    settings: dict[str, Any] = {
        "offline": True,
        "access": {
            "users": {"alice": {"password": hashed(b"s3cret").stdout.strip()}},
            "grants": [{"who": ["alice"], "may": ["read"], "projects": ["acme-*"]}],
        },
    }
    running = RunningNode.prepare(tmp_path, settings)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()


@pytest.mark.slow
def test_token_is_issued_used_listed_and_revoked_on_a_running_node(node: RunningNode) -> None:
    made = node.run(
        "token", "create", "ci", "--for", "alice", "--may", "read", "--projects", "acme-*", "--expires", "90d"
    )
    assert made.returncode == 0, made.stderr
    text = made.stdout.strip()
    assert text.startswith("tiercache-")
    assert "only time" in made.stderr
    assert text not in made.stderr

    def status(path: str = "local/acme-tools/") -> int:
        return fetch(node.url + path, headers={"Authorization": f"Bearer {text}"}).status

    assert (status(), status("local/numpy/")) == (404, 403)  # there is no such project; that is not for it
    listed = node.run("token", "list")
    heading, line = listed.stdout.splitlines()
    assert heading.split("  ")[0] == "ID"
    token_id = line.split()[0]
    assert token_id in made.stderr
    assert "ci of alice" in line
    assert "acme-*" in line
    assert "never" not in line  # used, and expiring
    assert text not in listed.stdout
    revoked = node.run("token", "revoke", token_id)
    assert (revoked.returncode, revoked.stdout) == (0, "ci of alice is worth nothing any more\n")
    assert status() == 401
    again = node.run("token", "revoke", token_id)
    assert again.returncode == 1
    assert f"There is no token with the id {token_id}" in again.stderr
    assert node.run("token", "list").stdout == ""
    assert text not in node.said()
    assert text.encode() not in b"".join(path.read_bytes() for path in node.store.glob("catalogue*"))


@pytest.mark.slow
def test_tokens_outlive_a_restart_of_the_node(node: RunningNode) -> None:
    kept = node.run("token", "create", "kept").stdout.strip()
    gone = node.run("token", "create", "gone").stdout.strip()
    token_id = next(line.split()[0] for line in node.run("token", "list").stdout.splitlines() if "gone" in line)
    assert node.run("token", "revoke", token_id).returncode == 0
    node.terminate()
    node.process.wait(timeout=60)
    node.start_again()
    for text, status in ((kept, 404), (gone, 401)):
        assert fetch(f"{node.url}local/acme-x/", headers={"Authorization": f"Bearer {text}"}).status == status


@pytest.mark.slow
def test_what_is_no_token_to_issue_is_told_in_a_sentence(node: RunningNode) -> None:
    for words, told in (
        (("x y",), "the body is not what it should be"),
        (("ci", "--for", "bob"), "There is no user 'bob'"),
        (("ci", "--projects", "!acme-*"), "let none in"),
        (("ci", "--expires", "90"), "--expires"),
        (("ci", "--may", "everything"), "--may"),
    ):
        ended = node.run("token", "create", *words)
        assert ended.returncode != 0
        assert ended.stdout == ""
        assert told.lower() in ended.stderr.lower(), ended.stderr
        assert "Traceback" not in ended.stderr
    assert json.loads(fetch(f"{node.url}api/v1/tokens", headers=node_operator(node)).body) == {"tokens": []}


def node_operator(node: RunningNode) -> dict[str, str]:
    said = json.loads((node.store / "running.json").read_text())
    return {"Authorization": f"Bearer {said['token']}"}


def test_no_token_is_issued_where_no_node_runs(tmp_path: Path) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text(f"store: {{path: {tmp_path / 'store'}}}\n")
    for words in (("create", "ci"), ("list",), ("revoke", "x")):
        result = CliRunner().invoke(main, ["token", *words, "--config", str(file)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "No node is running" in result.stderr
