"""A release that was tried on a stage, promoted to the office's server, and what those below the server have of it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from click.testing import CliRunner

from tests.doubles.bridge import bridge_to
from tests.doubles.chain_of_nodes import ChainOfNodes, JoinedNode
from tests.doubles.publishing import ACCESS
from tests.doubles.uploads import MULTIPART, Made, form_of, made
from tests.doubles.wire import Reply
from tiercache.cli import main

WHEEL, SDIST, OTHER = made(), made(kind="sdist"), made(requires=("idna",))
ALICE = "token-of-alice-at-this-node"
OPERATOR = {"Authorization": "Bearer token"}


class Team:
    """The server takes uploads of alice; below it the stage, where a release was published, and a laptop."""

    def __init__(self) -> None:
        self.chain = ChainOfNodes()
        self.server = self.chain.node("server", access=ACCESS)
        self.stage = self.chain.node("stage", "server")
        self.laptop = self.chain.node("laptop", "server")
        self.laptop.follow()
        for archive in (WHEEL, SDIST):
            self.publish(self.stage, archive, OPERATOR)

    def publish(self, node: JoinedNode, archive: Made, headers: dict[str, str]) -> None:
        assert node.get("/legacy/", {**headers, **MULTIPART}, method="POST", body=form_of(archive)).status == 200

    def promote(self, **more: Any) -> Reply:
        asked = {"project": "Acme_Tools", "version": "1.0", "to": "server", "authorization": f"Bearer {ALICE}", **more}
        return self.stage.get("/api/v1/promote", OPERATOR, method="POST", body=json.dumps(asked).encode())


@pytest.fixture
def team() -> Team:
    return Team()


def test_a_promoted_release_is_at_the_server_and_below_it_at_once(team: Team) -> None:
    assert team.laptop.page("acme-tools").status == 404
    reply = team.promote()
    assert (reply.status, json.loads(reply.body)) == (
        200,
        {
            "project": "acme-tools",
            "version": "1.0",
            "to": "server",
            "taken": [WHEEL.filename, SDIST.filename],
            "there": [],
        },
    )
    for node in (team.server, team.laptop, team.stage):
        paths = node.files_of("acme-tools")
        assert node.get(paths[WHEEL.filename]).body == WHEEL.content
        assert node.get(paths[SDIST.filename]).body == SDIST.content
    published = [(act.what, act.by) for act in team.server.catalogue.acts(None, None, 9)]
    assert published == [("published", "alice")] * 2
    last = team.stage.catalogue.acts(None, None, 1)[0]
    assert (last.what, last.by) == ("promoted", "operator")


def test_to_promote_again_sends_nothing(team: Team) -> None:
    team.promote()
    uploads = len(team.server.asked_for("/legacy/"))
    assert json.loads(team.promote().body)["there"] == sorted([WHEEL.filename, SDIST.filename])
    assert len(team.server.asked_for("/legacy/")) == uploads == 2


def test_other_bytes_at_the_server_keep_the_whole_release_back(team: Team) -> None:
    team.publish(team.server, OTHER, {"Authorization": f"Bearer {ALICE}"})
    reply = team.promote()
    assert reply.status == 409
    assert "0 of its 2 files" in json.loads(reply.body)["detail"]
    assert list(team.server.files_of("acme-tools")) == [OTHER.filename]


def test_the_servers_word_counts_and_the_stages_own_credentials_are_never_shown_to_it(team: Team) -> None:
    for shown, status in ((None, "401"), ("Bearer token-of-bob-at-this-node", "403")):
        reply = team.promote(authorization=shown)
        assert reply.status == 409
        assert status in json.loads(reply.body)["detail"]
    assert all(request.headers.get("authorization") != "Bearer token" for request in team.server.received)
    assert team.server.page("acme-tools").status == 404


@pytest.mark.parametrize(
    "more",
    [{"authorization": "two\nlines"}, {"authorization": "x" * 8193}, {"version": 1}, {"to": None}, {"project": []}],
)
def test_what_is_said_wrongly_sends_nothing(team: Team, more: dict[str, object]) -> None:
    assert team.promote(**more).status == 400
    assert team.server.asked_for("/legacy/") == []


def test_what_is_no_tier_or_no_release_is_told(team: Team) -> None:
    assert team.promote(to="nowhere").status == 403
    assert team.promote(version="9").status == 404
    assert team.promote(project="other").status == 404
    assert team.promote(project="-").status == 404


def test_the_command_line_promotes_and_says_what_became_of_it(team: Team) -> None:
    def run(token: str | None) -> Any:
        environ = {"TIERCACHE_NODE": url, "TIERCACHE_TOKEN": "token", "TIERCACHE_TIER_TOKEN": token}
        return CliRunner().invoke(main, ["promote", "acme-tools", "1.0", "server"], env=environ)

    with bridge_to(team.stage) as url:
        refused = run("token-of-nobody-at-all")
        assert refused.exit_code == 1
        assert "0 of its 2 files are there" in refused.stderr
        done = run(ALICE)
        again = run(ALICE)
    assert done.exit_code == again.exit_code == 0
    assert done.stdout == f"{WHEEL.filename} is at server now\n{SDIST.filename} is at server now\n"
    assert again.stdout.count("was at server already") == 2
    shown = team.server.asked_for("/legacy/")[-1].headers["authorization"]
    assert shown == f"Basic {b64encode(f'__token__:{ALICE}'.encode()).decode()}"
