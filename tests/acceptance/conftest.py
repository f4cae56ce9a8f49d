"""What the acceptance tests stand on: real processes, each with its own home, and real clients.

Everything started here is ended by its id, and what it said is shown beside a test that fails.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.clients import CLIENTS, Client, Desk, Installation, Pip, Uv
from tests.doubles.processes import Running, RunningIndex, RunningNode
from tests.doubles.universe import APPLICATION, Universe

_RUNNING = pytest.StashKey[list[Running]]()
SHARED = pytest.StashKey[list[Running]]()
"""Processes that other tests use too."""

_SHOWN_CHARACTERS = 8000
VARIANTS = ("html", "json")
_PAIRED = {"poetry": "html", "pdm": "json"}
"""An install by one of these takes as long as ten by uv, and what they are given says nothing of the tier's syntax."""


def is_wanted(client: str, variant: str, config: pytest.Config) -> bool:
    """Whether that client is to be run with that kind of index (`--every-pair`)."""
    return bool(config.getoption("--every-pair")) or _PAIRED.get(client, variant) == variant


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the pairs that are not wanted."""
    left = [item for item in items if not _is_wanted(item, config)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _is_wanted(item: pytest.Item, config: pytest.Config) -> bool:
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return not {"client", "variant"} <= given.keys() or is_wanted(given["client"], given["variant"], config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the processes said beside the test that failed."""
    report = yield
    if report.failed:
        for running in (*item.stash.get(_RUNNING, []), *item.stash.get(SHARED, [])):
            report.sections.append((f"what {running.log.name} holds", running.said()[-_SHOWN_CHARACTERS:]))
    return report


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[list[Running]]:
    """The processes of this test, ended after it."""
    started: list[Running] = []
    request.node.stash[_RUNNING] = started
    yield started
    for one in reversed(started):
        one.close()


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all fake indexes keep the archives that they make."""
    return tmp_path_factory.mktemp("archives")


@pytest.fixture(scope="session")
def universe(archives: Path) -> Universe:
    """What every fake index has, to compare with."""
    return Universe(folder=archives)


IndexStarter = Callable[..., RunningIndex]
NodeStarter = Callable[..., RunningNode]


@pytest.fixture
def fake_index(tmp_path: Path, archives: Path, running: list[Running]) -> IndexStarter:
    """`fake_index(variant, **options)`: a fake index of this test's own."""

    shared = archives

    def start(variant: str = "json", archives: Path = shared, **options: int | Sequence[int]) -> RunningIndex:
        folder = tmp_path / f"index-{len(running)}"
        index = RunningIndex.start(folder, variant, archives=archives, **options)
        running.append(index)
        return index

    return start


@pytest.fixture
def node_of(tmp_path: Path, running: list[Running]) -> NodeStarter:
    """`node_of(index, **settings)`: a node with that index as its only tier; `settings` are keys of `tiers.yaml`.

    `tier` amends the tier; `descriptors` and `store` are as in `RunningNode.start`.
    """

    def start(
        index: RunningIndex,
        tier: Mapping[str, Any] | None = None,
        descriptors: int | None = None,
        store: Path | None = None,
        **settings: Any,
    ) -> RunningNode:
        origin = {"name": "public", "kind": "origin", "url": index.simple} | dict(tier or {})
        folder = tmp_path / f"node-{len(running)}"
        node = RunningNode.prepare(folder, {"tiers": [origin], **settings}, descriptors=descriptors, store=store)
        running.append(node)
        node.wait_until_ready()
        return node

    return start


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where this test's clients work."""
    return Desk(folder=tmp_path / "clients")


@pytest.fixture
def pip(desk: Desk) -> Pip:
    return Pip(desk=desk)


@pytest.fixture
def uv(desk: Desk) -> Uv:
    return Uv(desk=desk)


@pytest.fixture(scope="session")
def direct_indexes(tmp_path_factory: pytest.TempPathFactory, archives: Path) -> Iterator[Mapping[str, RunningIndex]]:
    """One fake index of each variant that is never disturbed: what the clients do directly is compared with."""
    started: dict[str, RunningIndex] = {}
    try:
        for variant in VARIANTS:
            folder = tmp_path_factory.mktemp(f"direct-{variant}")
            started[variant] = RunningIndex.start(folder, variant, archives=archives)
        yield started
    finally:
        for index in started.values():
            index.close()


@pytest.fixture(scope="session")
def shared_nodes(
    tmp_path_factory: pytest.TempPathFactory, direct_indexes: Mapping[str, RunningIndex]
) -> Iterator[Mapping[str, RunningNode]]:
    """A node in front of each of the indexes that are never disturbed."""
    started: dict[str, RunningNode] = {}
    try:
        for variant, index in direct_indexes.items():
            tier = {"name": "public", "kind": "origin", "url": index.simple}
            started[variant] = RunningNode.prepare(tmp_path_factory.mktemp(f"shared-{variant}"), {"tiers": [tier]})
        for node in started.values():
            node.wait_until_ready()
        yield started
    finally:
        for node in started.values():
            node.close()


@pytest.fixture
def shared_node(request: pytest.FixtureRequest, variant: str, shared_nodes: Mapping[str, RunningNode]) -> RunningNode:
    """A node for tests that only read, to which others have been: what they ask for is cold or warm as it happens."""
    request.node.stash[SHARED] = [shared_nodes[variant]]
    return shared_nodes[variant]


@pytest.fixture(scope="session")
def direct(
    tmp_path_factory: pytest.TempPathFactory, direct_indexes: Mapping[str, RunningIndex]
) -> Callable[[str, str], Installation]:
    """`direct(client, variant)`: the application, installed by that client straight from the fake index."""
    known: dict[tuple[str, str], Installation] = {}

    def install(client: str, variant: str) -> Installation:
        if (client, variant) not in known:
            desk = Desk(folder=tmp_path_factory.mktemp(f"direct-{client}"))
            known[client, variant] = CLIENTS[client](desk=desk).install(direct_indexes[variant].simple, APPLICATION)
        return known[client, variant]

    return install


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, desk: Desk) -> Client:
    """Each of the clients in turn."""
    return CLIENTS[request.param](desk=desk)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    """Each kind of index in turn."""
    return str(request.param)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB; needs the right to mount one."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no right to mount a small file system here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
