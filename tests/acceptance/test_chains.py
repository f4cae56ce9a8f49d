"""Three `twistd` processes in a chain, the fake index behind them, and real clients in front."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.acceptance.chains import ChainStarter, RunningChain, every_order, started, versions_on
from tests.acceptance.conftest import IndexStarter
from tests.doubles.clients import Client, Desk, Installation, Uv
from tests.doubles.processes import Running, RunningNode, wait_until
from tests.doubles.releasing import wheel_of
from tests.doubles.universe import APPLICATION

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
PRIVATE = "acme-lib"


@pytest.fixture
def chain(tmp_path: Path, fake_index: IndexStarter, running: list[Running]) -> ChainStarter:
    """`chain(**settings)`: three nodes and an index of this test's own."""

    def start(index_options: Mapping[str, int] | None = None, **settings: object) -> RunningChain:
        return started(tmp_path, fake_index("json", **(index_options or {})), running, **settings)

    return start


def kept_everywhere(chain: RunningChain, installed: Installation) -> None:
    """Wait until each node has each file written down."""
    for node in chain.nodes:
        node.wait_until_kept(installed.versions)


def wait_for_news(chain: RunningChain) -> None:
    """Until every feed is followed."""
    wait_until(lambda: chain.is_followed, what="live feeds")


def test_a_cold_install_through_the_last_node_warms_all_three(client: Client, chain: ChainStarter) -> None:
    nodes = chain()
    installed = client.install(nodes.dev.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    kept_everywhere(nodes, installed)
    fetched = [line for line in nodes.index.requests() if line["path"].endswith(".whl") and line["method"] == "GET"]
    assert len(fetched) == len({line["path"] for line in fetched}), "a file has crossed the first link twice"


def test_without_the_office_the_last_node_serves_what_is_warm_and_falls_back_for_the_rest(
    uv: Uv, chain: ChainStarter
) -> None:
    nodes = chain()
    installed = uv.install(nodes.dev.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    kept_everywhere(nodes, installed)
    nodes.office.kill()

    again = uv.install(nodes.dev.simple, APPLICATION)
    other = uv.install(nodes.dev.simple, "tc-vivid")

    assert again.succeeded, again.run.said
    assert again.tree == installed.tree
    assert other.succeeded, other.run.said


def test_without_any_tier_everything_warm_installs(uv: Uv, chain: ChainStarter) -> None:
    nodes = chain()
    installed = uv.install(nodes.dev.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    kept_everywhere(nodes, installed)
    for one in (nodes.office, nodes.private, nodes.index):
        one.kill()
    for root in (nodes.dev.simple, nodes.dev.local):
        again = uv.install(root, APPLICATION)
        assert again.succeeded, again.run.said
        assert again.tree == installed.tree


def test_what_is_fresh_at_the_last_node_is_asked_of_nobody(uv: Uv, chain: ChainStarter) -> None:
    nodes = chain(index_options={"max_age": 600})
    installed = uv.install(nodes.dev.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    kept_everywhere(nodes, installed)
    before = [requests_of(node) for node in (nodes.office, nodes.private)]
    nodes.index.forget()

    again = uv.install(nodes.dev.simple, APPLICATION)

    assert again.succeeded, again.run.said
    assert [requests_of(node) for node in (nodes.office, nodes.private)] == before
    assert nodes.index.requests() == []


def requests_of(node: RunningNode) -> list[str]:
    """The lines of a node's access log that are no tier's housekeeping."""
    quiet = ("/api/v1/changes", "/api/v1/node", "/api/v1/reserved", "/readyz", "/local/")
    lines = [line for line in node.said().splitlines() if "HTTP/1.1" in line or '"GET ' in line or '"POST ' in line]
    return [line for line in lines if not any(path in line for path in quiet)]


def test_no_install_fails_while_the_nodes_above_are_restarted_in_any_order(
    tmp_path: Path, uv: Uv, chain: ChainStarter, request: pytest.FixtureRequest
) -> None:
    """Never the last node itself, which is where the clients are: a client whose only index is gone must fail.

    `--soak 60` is the whole of it.
    """
    nodes = chain(index_options={"max_age": 0}, freshness={"page": "1s"})
    first = uv.install(nodes.dev.simple, APPLICATION)
    assert first.succeeded, first.run.said
    over = Event()

    def install_on(number: int) -> list[Installation]:
        """Again and again, until the time is over."""
        own = Uv(desk=Desk(folder=tmp_path / f"soak-{number}"))
        done: list[Installation] = []
        while not over.is_set():
            done.append(own.install(nodes.dev.simple, APPLICATION))
        return done

    ends_at = time.monotonic() + request.config.getoption("--soak")
    with ThreadPoolExecutor(2) as clients:
        soaked = [clients.submit(install_on, number) for number in range(2)]
        try:
            for order in itertools.cycle(every_order((nodes.office, nodes.private))):
                for node in order:
                    node.kill()
                    over.wait(0.5)
                    node.start_again()
                if time.monotonic() > ends_at:
                    break
        finally:
            over.set()
        installs = [one for each in soaked for one in each.result()]

    assert len(installs) >= 2
    failed = [one.run.said for one in installs if not one.succeeded]
    assert failed == []
    assert all(one.tree == first.tree for one in installs)


@pytest.mark.parametrize("was_asked_for_before", [True, False])
def test_a_release_at_the_top_is_installed_three_tiers_down_within_a_second(
    was_asked_for_before: bool, tmp_path: Path, uv: Uv, chain: ChainStarter
) -> None:
    """Whatever the lifetimes, and though nobody polls; the time is told by the page, which uv reads after it."""
    nodes = chain(freshness={"page": "1h", "absent": "1h"})
    wait_for_news(nodes)
    if was_asked_for_before:
        assert nodes.dev.get(f"simple/{PRIVATE}/", Accept=JSON_TYPE).status == 404
    nodes.private.release(wheel_of(PRIVATE, "1.0", tmp_path / "wheels"))

    wait_until(lambda: versions_on(nodes.dev, PRIVATE) == {"1.0"}, within_s=10, what="the news of a release")
    installed = uv.install(nodes.dev.simple, PRIVATE)
    assert installed.succeeded, installed.run.said
    assert installed.versions == {PRIVATE: "1.0"}

    nodes.private.release(wheel_of(PRIVATE, "1.1", tmp_path / "wheels"))
    wait_until(lambda: "1.1" in versions_on(nodes.dev, PRIVATE), within_s=10, what="the news of the next release")
    upgraded = uv.install(nodes.dev.simple, PRIVATE)
    assert upgraded.versions == {PRIVATE: "1.1"}, upgraded.run.said


def test_a_private_project_is_never_taken_from_the_index_whoever_is_dead(
    tmp_path: Path, uv: Uv, chain: ChainStarter
) -> None:
    """The index has a project of the same name, with a greater version."""
    nodes = chain(projects=[])
    wait_for_news(nodes)
    public = "tc-vivid"
    nodes.private.release(wheel_of(public, "0.0.1", tmp_path / "wheels"))
    wait_until(lambda: versions_on(nodes.dev, public) == {"0.0.1"}, within_s=10, what="the private project")

    nodes.private.kill()
    for node in (nodes.dev, nodes.office):
        assert versions_on(node, public) == {"0.0.1"}
    nodes.office.close()
    nodes.office.start_again()
    assert versions_on(nodes.office, public) <= {"0.0.1"}
    assert uv.install(nodes.dev.simple, public).versions in ({public: "0.0.1"}, {})
