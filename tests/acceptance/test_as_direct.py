"""What clients do through a node is what they do directly, refusals included."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.clients import Installation, Pip, Run, Uv
from tests.doubles.processes import RunningIndex, RunningNode
from tests.doubles.universe import APPLICATION, EARLY, Universe

Directs = Mapping[str, RunningIndex]

PIP_CASES = {
    "only what was uploaded early": ([APPLICATION], ["--uploaded-prior-to", EARLY]),
    "a yanked version by its number": (["tc-recalled==2.0"], []),
    "a yanked version by a range": (["tc-recalled>=2.0"], []),
    "a version for a later Python": (["tc-forward==3.0"], []),
    "a project that is not there": (["tc-no-such-project"], []),
    "a version that is not there": (["tc-vivid==7"], []),
    "a preview on demand": (["tc-preview"], ["--pre"]),
    "no wheels": (["tc-paint[bright]"], ["--no-binary", ":all:"]),
    "no sdists, and there are only sdists": (["tc-source-only"], ["--only-binary", ":all:"]),
    "the metadata by ranges": (["tc-paint[bright]"], ["--use-feature", "fast-deps"]),
}
UV_CASES = {
    "only what was uploaded early": ([APPLICATION], ["--exclude-newer", EARLY]),
    "a yanked version by its number": (["tc-recalled==2.0"], []),
    "a yanked version by a range": (["tc-recalled>=2.0"], []),
    "a version for a later Python": (["tc-forward==3.0"], []),
    "a project that is not there": (["tc-no-such-project"], []),
    "the lowest versions": (["tc-amber-arch"], ["--resolution", "lowest"]),
    "no wheels": (["tc-paint[bright]"], ["--no-binary", ":all:"]),
    "no sdists, and there are only sdists": (["tc-source-only"], ["--only-binary", ":all:"]),
}


def refusal(run: Run) -> list[str]:
    """What a client that failed said was wrong, without the addresses."""
    lines = [line.strip() for line in run.said.splitlines()]
    named = [line for line in lines if line.startswith(("ERROR", "error", "×", "╰", "help", "Expected", "Got"))]
    return [re.sub(r"https?://[^\s'\"`)]+", "URL", line) for line in named]


def assert_same(through: Installation, directly: Installation) -> None:
    """The same end, the same files, and if it is a refusal, the same words."""
    assert (through.run.status, through.versions) == (directly.run.status, directly.versions), through.run.said
    assert through.tree == directly.tree
    if not directly.succeeded:
        assert refusal(directly.run), directly.run.said
        assert refusal(through.run) == refusal(directly.run)


@pytest.mark.parametrize("case", PIP_CASES)
def test_pip_behaves_as_directly(
    case: str, variant: str, pip: Pip, shared_node: RunningNode, direct_indexes: Directs
) -> None:
    requirements, options = PIP_CASES[case]

    through = pip.install(shared_node.simple, *requirements, options=options)

    assert_same(through, pip.install(direct_indexes[variant].simple, *requirements, options=options))


@pytest.mark.parametrize("case", UV_CASES)
def test_uv_behaves_as_directly(
    case: str, variant: str, uv: Uv, shared_node: RunningNode, direct_indexes: Directs
) -> None:
    requirements, options = UV_CASES[case]

    through = uv.install(shared_node.simple, *requirements, options=options)

    assert_same(through, uv.install(direct_indexes[variant].simple, *requirements, options=options))


def test_early_uploads_are_older_versions_where_the_index_tells_times(
    pip: Pip, uv: Uv, shared_nodes: Mapping[str, RunningNode]
) -> None:
    node = shared_nodes["json"]

    by_pip = pip.install(node.simple, "tc-green-edge", options=["--uploaded-prior-to", EARLY])
    by_uv = uv.install(node.simple, "tc-green-edge", options=["--exclude-newer", EARLY])

    assert by_pip.versions == by_uv.versions == {"tc-green-edge": "1.5"}


@pytest.mark.parametrize("right", [True, False], ids=["right hashes", "a wrong hash"])
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_required_hashes_are_checked_as_directly(
    tool: str,
    right: bool,
    variant: str,
    pip: Pip,
    uv: Uv,
    tmp_path: Path,
    shared_node: RunningNode,
    direct_indexes: Directs,
    universe: Universe,
) -> None:
    lines = []
    for name, version in (("tc-paint", "1.1"), ("tc-vivid", "2.0"), ("tc-source-only", "1.1")):
        digests = [one.hashes["sha256"] for one in universe.archives(name) if one.release.version == version]
        spoiled = [digest if right or name != "tc-vivid" else digest[::-1] for digest in digests]
        lines.append(f"{name}=={version} " + " ".join(f"--hash=sha256:{digest}" for digest in spoiled))
    listed = tmp_path / "requirements.txt"
    listed.write_text("\n".join(lines))
    options = ["--require-hashes", "-r", str(listed)]
    install = (pip if tool == "pip" else uv).install

    through = install(shared_node.simple, options=options)

    assert_same(through, install(direct_indexes[variant].simple, options=options))
    assert through.succeeded is right


@pytest.mark.parametrize(
    "requirements", [["tc-amber-cube", "tc-paint[bright]"], [f"{APPLICATION}==1.0"]], ids=["wheels", "an sdist too"]
)
def test_pip_download_of_wheels_only_saves_the_same_files(
    requirements: Sequence[str],
    variant: str,
    pip: Pip,
    shared_node: RunningNode,
    direct_indexes: Directs,
) -> None:
    options = ["--only-binary", ":all:"]

    through, saved = pip.download(shared_node.simple, *requirements, options=options)

    directly, expected = pip.download(direct_indexes[variant].simple, *requirements, options=options)
    assert (through.status, saved) == (directly.status, expected), through.said
    assert refusal(through) == refusal(directly)
    assert bool(saved) is ("tc-amber-cube" in requirements)


def test_uv_locks_the_same_and_installs_from_its_lock_without_the_index(
    variant: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, direct_indexes: Directs
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness={"page": "0s"})

    run, lock = uv.lock(node.simple, APPLICATION)

    assert run.succeeded, run.said
    run_directly, lock_directly = uv.lock(direct_indexes[variant].simple, APPLICATION)
    assert run_directly.succeeded, run_directly.said
    assert locked(lock, node.simple) == locked(lock_directly, direct_indexes[variant].simple)

    installed = uv.sync(run)
    assert installed.succeeded, installed.run.said
    assert installed.tree == uv.sync(run_directly).tree
    node.wait_until_kept(installed.versions)
    index.kill()
    again = uv.sync(run)
    assert again.succeeded, again.run.said
    assert again.tree == installed.tree


def locked(lock: str, index: str) -> list[Any]:
    """What a lock says, but for where; a length that the index did not tell may be in it or not."""
    packages = tomllib.loads(lock.replace(index, "INDEX/"))["package"]
    sizes_told = all("size" in wheel for package in packages for wheel in package.get("wheels", ()))

    def file(told: Mapping[str, Any]) -> Any:
        filename = told["url"].rpartition("/")[2]
        return filename, told["hash"], told.get("upload-time"), told.get("size") if sizes_told else None

    return [
        {
            **{key: told for key, told in package.items() if key not in ("source", "wheels", "sdist")},
            "wheels": [file(wheel) for wheel in package.get("wheels", ())],
            "sdist": file(package["sdist"]) if "sdist" in package else None,
        }
        for package in packages
    ]
