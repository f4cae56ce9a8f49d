"""Sdists count for uv where that is wanted, although nothing is built."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from packaging.pylock import Pylock

from tests.doubles.small_node import listed, scripted, sdist, wheel
from tests.doubles.upstream import ScriptedUpstream
from tests.resolving.resolving_node import ResolvingNode
from tiercache.errors.prefetch import Unresolvable
from tiercache.interfaces.resolver import Question
from tiercache.wire.prefetch import Target

pytestmark = pytest.mark.slow

LINUX = Target(python="3.12", platform="x86_64-manylinux_2_28")
RAN = "raise SystemExit('it was built')"


@pytest.fixture
def reactor() -> Any:
    from twisted.internet import reactor  # installed by pytest-twisted by now

    return reactor


def stated(name: str, version: str, *requires: str, since: str = "2.2") -> bytes:
    lines = [f"Metadata-Version: {since}", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]).encode()


def source(name: str, version: str, *requires: str, since: str = "2.2") -> tuple[str, bytes]:
    pkg_info = stated(name, version, *requires, since=since)
    return f"{name}-{version}.tar.gz", sdist(name, version, pkg_info, before=[("setup.py", RAN.encode())])


def binary(name: str, version: str, *requires: str, tags: str = "py3-none-any") -> tuple[str, bytes]:
    return f"{name}-{version}-{tags}.whl", wheel(name, version, stated(name, version, *requires))


def tier() -> ScriptedUpstream:
    made = scripted()
    listed(made, "only-source", source("only_source", "1.0", "part"))
    listed(made, "part", binary("part", "1.0"), source("part", "1.0"))
    listed(made, "old", source("old", "1.0", "part"), source("old", "2.0", since="1.2"))
    listed(made, "elsewhere", binary("elsewhere", "1.0", tags="cp312-cp312-win_amd64"), source("elsewhere", "1.0"))
    return made


def files(text: str) -> dict[str, list[str]]:
    """By release the files of an answer."""
    return {
        f"{one.name} {one.version}": [
            *(wheel.filename for wheel in one.wheels or ()),
            *([one.sdist.filename] if one.sdist is not None else []),
        ]
        for one in Pylock.from_dict(tomllib.loads(text)).packages
    }


@pytest_twisted.ensureDeferred
async def test_a_release_without_wheels_counts_by_what_its_sdist_states(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    question = Question(requirements=("only-source", "elsewhere"), target=LINUX, sdists=True)
    answer = files(await node.resolver.resolve(question))
    assert answer["only-source 1.0"] == ["only_source-1.0.tar.gz"]
    assert answer["part 1.0"] == ["part-1.0-py3-none-any.whl", "part-1.0.tar.gz"]
    assert "elsewhere-1.0.tar.gz" in answer["elsewhere 1.0"]
    assert "py30" not in str(answer)
    with pytest.raises(Unresolvable, match="no usable wheels"):
        await node.resolver.resolve(Question(requirements=("only-source",), target=LINUX))


@pytest_twisted.ensureDeferred
async def test_one_that_only_a_build_tells_of_is_passed_over_and_nothing_is_built(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    answer = files(await node.resolver.resolve(Question(requirements=("old",), target=LINUX, sdists=True)))
    assert set(answer) == {"old 1.0", "part 1.0"}
    with pytest.raises(Unresolvable, match="only a build tells what this sdist requires"):
        await node.resolver.resolve(Question(requirements=("old==2.0",), target=LINUX, sdists=True))


@pytest_twisted.ensureDeferred
async def test_only_the_sdists_that_decide_are_brought_in_and_then_serve_locally(reactor: Any, tmp_path: Path) -> None:
    above = tier()
    node = ResolvingNode(reactor=reactor, tiers=[above], folder=tmp_path / "runs")
    first = files(await node.resolver.resolve(Question(requirements=("only-source",), target=LINUX, sdists=True)))
    assert [words[1] for words in above.asked if words[0] == "file"] == [
        "https://public.example/only_source-1.0.tar.gz"
    ]
    above.asked.clear()
    local = Question(requirements=("only-source==1.0",), target=LINUX, sdists=True, no_deps=True, is_local=True)
    assert files(await node.resolver.resolve(local)) == {"only-source 1.0": first["only-source 1.0"]}
    assert above.asked == []


@pytest_twisted.ensureDeferred
async def test_a_universal_answer_has_them_too(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    answer = files(await node.resolver.resolve(Question(requirements=("only-source", "part"), sdists=True)))
    assert answer["only-source 1.0"] == ["only_source-1.0.tar.gz"]
    assert "part-1.0.tar.gz" in answer["part 1.0"]
