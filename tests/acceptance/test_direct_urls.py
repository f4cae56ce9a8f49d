"""Real clients meet a public release that would send them past the index (`Requires-Dist: name @ https://...`)."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.clients import CLIENTS, Client, Desk
from tests.doubles.universe import STRAY

HOST = "elsewhere.invalid"


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest, desk: Desk) -> Client:
    return CLIENTS[request.param](desk=desk)


def test_the_release_is_refused_in_clear_words_and_from_then_on_the_one_before_it_is_chosen(
    installer: Client, variant: str, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index(variant, max_age=0))

    first = installer.install(node.simple, "tc-stray")
    second = installer.install(node.simple, "tc-stray")
    pinned = installer.install(node.simple, "tc-stray==2.0")

    assert not first.succeeded
    assert "403" in first.run.said
    assert "Forbidden" in first.run.said
    assert second.succeeded, second.run.said
    assert second.versions == {"tc-stray": "1.0"}
    assert not pinned.succeeded
    assert "tc-stray==2.0" in pinned.run.said
    assert not any(HOST in one.run.said for one in (first, second, pinned)), "somebody was sent there"
    assert f"tc_stray-2.0-py3-none-any.whl of tier public requires {STRAY}" in node.said()
    path = next(word for word in first.run.said.split() if "tc_stray-2.0" in word and "/files/" in word)
    told = node.get(path.partition("/files/")[2].join(["files/", ""]).strip("`)\"'."))
    assert told.status == 403
    assert STRAY in told.body.decode()


def test_with_allow_clients_go_where_the_release_sends_them(
    installer: Client, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    """What the protection is for: behind a node that does not refuse it nobody does."""
    node = node_of(fake_index("json", max_age=0), admission={"direct-urls": "allow"})
    sent = installer.install(node.simple, "tc-stray==2.0")
    assert not sent.succeeded
    assert HOST in sent.run.said
    assert node.get("simple/tc-stray/").body.count(b"<a ") == 2
