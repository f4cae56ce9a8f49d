"""twine and uv publish to a developer's node, which hands it on to the team's server: real processes and sockets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.acceptance.test_publishing import ACCESS, TOKEN, listed, paths, release
from tests.doubles.clients import Desk, Uv
from tests.doubles.distributions import Release, archives
from tests.doubles.processes import Running, RunningNode, wait_until
from tests.doubles.publishers import Login, Twine, UvPublish

pytestmark = pytest.mark.slow


@pytest.fixture
def office(fake_index: IndexStarter, node_of: NodeStarter) -> RunningNode:
    """The team's server."""
    return node_of(fake_index("json"), access=ACCESS)


@pytest.fixture
def laptop(office: RunningNode, tmp_path: Path, running: list[Running]) -> RunningNode:
    """A developer's node, which reads with its own token and publishes with nobody's."""
    tier = {"name": "office", "kind": "parent", "url": office.url, "token": TOKEN}
    node = RunningNode.prepare(tmp_path / "laptop", {"tiers": [tier], "publish": {"to": "office"}})
    running.append(node)
    node.wait_until_ready()
    return node


def login(node: RunningNode, password: str = TOKEN) -> Login:
    return Login(url=node.url + "legacy/", user="__token__", password=password)


def versions_below(node: RunningNode) -> list[str]:
    page = node.get("simple/acme-tools/", Accept="application/vnd.pypi.simple.v1+json")
    return json.loads(page.body)["versions"] if page.status == 200 else []


def test_twine_and_uv_publish_through_a_node_and_its_page_shows_it_at_once(
    laptop: RunningNode, office: RunningNode, desk: Desk, uv: Uv, tmp_path: Path
) -> None:
    made, later = release(tmp_path), release(tmp_path, "2.0")
    uploaded = Twine(desk=desk).upload(login(laptop), *paths(made))
    assert uploaded.succeeded, uploaded.said
    assert versions_below(laptop) == ["1.0"]
    uploaded = UvPublish(desk=desk).upload(login(laptop), *paths(later), url=login(laptop).url)
    assert uploaded.succeeded, uploaded.said
    assert versions_below(laptop) == ["1.0", "2.0"]
    assert len(listed(office)) == 4
    installed = uv.install(laptop.simple, "acme-tools==2.0")
    assert installed.succeeded, installed.said


def test_tiers_refusal_reaches_the_client_however_large_the_file_is(
    laptop: RunningNode, office: RunningNode, desk: Desk, tmp_path: Path
) -> None:
    large = next(
        iter(archives(Release(name="acme-tools", version="1.0", kinds=("wheel",), filler_bytes=30_000_000), tmp_path))
    )
    for password in ("nobodys-token-at-all-here", "token-of-eve-who-may-read"):
        refused = Twine(desk=desk).upload(login(laptop, password), large.path)
        assert not refused.succeeded
        assert ("403" if "eve" in password else "401") in refused.said
    uploaded = Twine(desk=desk).upload(login(laptop), large.path)
    assert uploaded.succeeded, uploaded.said
    assert listed(office)[large.filename]["hashes"] == {"sha256": large.hashes["sha256"]}


def test_server_that_is_down_is_told_and_the_next_try_succeeds(
    laptop: RunningNode, office: RunningNode, desk: Desk, tmp_path: Path
) -> None:
    made = release(tmp_path)
    office.kill()
    refused = Twine(desk=desk).upload(login(laptop), *paths(made))
    assert not refused.succeeded
    assert "503" in refused.said
    office.start_again()
    office.wait_until_ready()
    uploaded = Twine(desk=desk).upload(login(laptop), *paths(made))
    assert uploaded.succeeded, uploaded.said
    wait_until(lambda: versions_below(laptop) == ["1.0"])
