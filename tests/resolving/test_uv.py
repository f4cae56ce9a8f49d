"""uv as the resolver of a node: the real program, and programs in its place that do what it may do on a bad day."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from attrs import evolve
from packaging.pylock import Pylock
from twisted.internet.defer import CancelledError, gatherResults
from twisted.internet.task import deferLater

from tests.doubles.now import begun
from tests.doubles.small_node import CONFIG, listed, scripted, wheel
from tests.doubles.surroundings import load
from tests.doubles.upstream import ScriptedUpstream
from tests.resolving.resolving_node import ResolvingNode
from tiercache.access.principals import Principal
from tiercache.errors.prefetch import ResolverFailed, Unresolvable
from tiercache.interfaces.resolver import Question
from tiercache.resolving.child import NICER
from tiercache.resolving.uv import installed_uv
from tiercache.wire.prefetch import Target

pytestmark = pytest.mark.slow

LINUX = Target(python="3.12", platform="x86_64-manylinux_2_28")
WINDOWS = Target(python="3.12", platform="windows")
ALICE = Principal(user="alice")
PRIVATE = """
access:
  users: {alice: {token: 0123456789abcdef0123456789abcdef}}
  grants:
    - {who: [anyone], may: [read], projects: [part]}
    - {who: [alice], may: [read]}
"""


@pytest.fixture
def reactor() -> Any:
    from twisted.internet import reactor  # installed by pytest-twisted by now

    return reactor


def stated(name: str, version: str, *requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return wheel(name, version, "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]).encode())


def tier() -> ScriptedUpstream:
    """`app` needs `part`, and on Windows `pane`; of `part` there are two."""
    made = scripted()
    app = stated("app", "1.0", "part", 'pane; sys_platform == "win32"')
    listed(made, "app", ("app-1.0-py3-none-any.whl", app))
    listed(made, "pane", ("pane-1.0-py3-none-any.whl", stated("pane", "1.0")))
    parts = [(f"part-{version}-py3-none-any.whl", stated("part", version)) for version in ("1.0", "2.0")]
    listed(made, "part", *parts)
    return made


def found(text: str) -> dict[str, str]:
    """By name the versions of an answer."""
    return {one.name: str(one.version) for one in Pylock.from_dict(tomllib.loads(text)).packages}


def program(folder: Path, *lines: str) -> Path:
    """A program in uv's place, in Python."""
    path = folder / "uv"
    path.write_text("\n".join([f"#!{sys.executable}", "import os, signal, sys, time, subprocess", *lines, ""]))
    path.chmod(0o755)
    return path


def is_alive(pid: int) -> bool:
    """Whether the process runs, or is at least not yet forgotten."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def written(path: Path) -> str:
    """A line that a program has written; empty as long as it has not."""
    text = path.read_text() if path.exists() else ""
    return text.strip() if text.endswith("\n") else ""


async def until_it_says(reactor: Any, path: Path) -> str:
    """What a program writes into a file, once it has."""
    while not (line := written(path)):
        await deferLater(reactor, 0.01, int)
    return line


async def until_it_is_gone(reactor: Any, pid: int) -> None:
    while is_alive(pid):
        await deferLater(reactor, 0.01, int)


@pytest_twisted.ensureDeferred
async def test_it_resolves_by_what_the_node_itself_shows(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    resolve = node.resolver.resolve
    assert found(await resolve(Question(requirements=("app",), target=LINUX))) == {"app": "1.0", "part": "2.0"}
    constrained = Question(requirements=("app",), constraints=("part<2",), target=WINDOWS)
    assert found(await resolve(constrained)) == {"app": "1.0", "part": "1.0", "pane": "1.0"}
    universal = Pylock.from_dict(tomllib.loads(await resolve(Question(requirements=("app",)))))
    assert {one.name: str(one.marker) for one in universal.packages if one.marker} == {
        "pane": 'sys_platform == "win32"'
    }
    assert found(await resolve(Question(requirements=("app",), target=LINUX, no_deps=True))) == {"app": "1.0"}


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_of_a_run(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    with pytest.raises(Unresolvable):
        await node.resolver.resolve(Question(requirements=("part>9",), target=LINUX))
    assert node.left() == []
    assert not node.index.is_open
    assert len(node.passwords) == 2
    assert all(node.warrants.holder(None) is None for _ in node.passwords)
    assert [port.connected for port in node.ports] == [False, False]  # type: ignore[attr-defined]  # of a tcp.Port


@pytest_twisted.ensureDeferred
async def test_those_who_resolve_at_the_same_time_share_the_port(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    questions = [Question(requirements=(name,), target=LINUX) for name in ("app", "part", "pane")]
    answers = await gatherResults([begun(node.resolver.resolve(question)) for question in questions])
    assert [len(found(answer)) for answer in answers] == [2, 1, 1]
    assert not node.index.is_open


@pytest_twisted.ensureDeferred
async def test_a_local_question_asks_no_tier(reactor: Any, tmp_path: Path) -> None:
    above = tier()
    node = ResolvingNode(reactor=reactor, tiers=[above], folder=tmp_path / "runs")
    with pytest.raises(Unresolvable):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX, is_local=True))
    assert above.asked == []


@pytest_twisted.ensureDeferred
async def test_requirements_that_cannot_be_met_are_told_in_its_own_words(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[tier()], folder=tmp_path / "runs")
    with pytest.raises(Unresolvable) as unmet:
        await node.resolver.resolve(Question(requirements=("app", "part>5"), target=LINUX))
    assert "part<=2.0" in unmet.value.words
    assert "part>5" in unmet.value.words
    with pytest.raises(Unresolvable) as unknown:
        await node.resolver.resolve(Question(requirements=("nowhere",), target=LINUX))
    assert "nowhere was not found" in unknown.value.words
    for words in (unmet.value.words, unknown.value.words):
        assert "127.0.0.1" not in words
        assert not any(password in words for password in node.passwords)


@pytest_twisted.ensureDeferred
async def test_a_tier_that_does_not_answer_is_no_set_that_cannot_be_met(reactor: Any, tmp_path: Path) -> None:
    above = tier()
    above.silent = "refused"
    node = ResolvingNode(reactor=reactor, tiers=[above], folder=tmp_path / "runs")
    with pytest.raises(ResolverFailed) as failed:
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    assert "this node's /simple/app" in failed.value.reason
    assert "127.0.0.1" not in failed.value.reason
    assert node.passwords[0] not in failed.value.reason


@pytest_twisted.ensureDeferred
async def test_it_reads_exactly_what_who_asks_may_read(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(
        reactor=reactor, tiers=[tier()], folder=tmp_path / "runs", config=evolve(CONFIG, access=load(PRIVATE).access)
    )
    question = Question(requirements=("app",), target=LINUX, for_whom=ALICE)
    assert found(await node.resolver.resolve(question)) == {"app": "1.0", "part": "2.0"}
    assert found(await node.resolver.resolve(Question(requirements=("part",), target=LINUX))) == {"part": "2.0"}
    for nobody in (Principal(), Principal(user="bob")):
        with pytest.raises((Unresolvable, ResolverFailed)) as refused:
            await node.resolver.resolve(Question(requirements=("app",), target=LINUX, for_whom=nobody))
        assert "app" in str(refused.value)


@pytest_twisted.ensureDeferred
async def test_a_resolver_that_hangs_is_ended_with_its_children(reactor: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hangs = program(
        tmp_path,
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')",
        "time.sleep(600)",
    )
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=hangs)
    asking = begun(node.resolver.resolve(Question(requirements=("app",), target=LINUX)))
    told = await until_it_says(reactor, pids)
    node.clock.advance(59.9)
    assert not asking.called
    assert all(map(is_alive, map(int, told.split())))
    node.clock.advance(0.1)
    with pytest.raises(ResolverFailed, match="did not end in time"):
        await asking
    for pid in map(int, told.split()):
        await until_it_is_gone(reactor, pid)
    assert node.left() == []
    assert not node.index.is_open


@pytest_twisted.ensureDeferred
async def test_who_leaves_ends_it_and_its_children(reactor: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hangs = program(
        tmp_path,
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')",
        "time.sleep(600)",
    )
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=hangs)
    asking = begun(node.resolver.resolve(Question(requirements=("app",), target=LINUX)))
    told = await until_it_says(reactor, pids)
    asking.cancel()
    with pytest.raises(CancelledError):
        await asking
    for pid in map(int, told.split()):
        await until_it_is_gone(reactor, pid)
    assert node.left() == []
    assert not node.index.is_open


@pytest_twisted.ensureDeferred
async def test_a_node_that_stops_ends_it_and_starts_none_any_more(reactor: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hangs = program(tmp_path, f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}}\\n')", "time.sleep(600)")
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=hangs)
    asking = begun(node.resolver.resolve(Question(requirements=("app",), target=LINUX)))
    told = await until_it_says(reactor, pids)
    await node.resolver.stop()
    with pytest.raises(ResolverFailed, match="the node stops"):
        await asking
    await until_it_is_gone(reactor, int(told))
    with pytest.raises(ResolverFailed, match="the node stops"):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest_twisted.ensureDeferred
async def test_a_resolver_that_floods_its_output_is_ended(reactor: Any, tmp_path: Path, stream: str) -> None:
    floods = program(tmp_path, "while True:", f"    sys.{stream}.write('x' * 10000)")
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=floods)
    with pytest.raises(ResolverFailed, match="more than is read"):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    assert node.left() == []


@pytest_twisted.ensureDeferred
async def test_a_resolver_that_somebody_kills_has_failed(reactor: Any, tmp_path: Path) -> None:
    killed = program(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=killed)
    with pytest.raises(ResolverFailed, match="killed by signal 9"):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))


@pytest_twisted.ensureDeferred
async def test_a_resolver_that_is_missing_or_cannot_be_run_has_failed(reactor: Any, tmp_path: Path) -> None:
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=tmp_path / "nothing")
    with pytest.raises(ResolverFailed):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    node.resolver = node.without_uv()
    with pytest.raises(ResolverFailed, match="uv is not installed"):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    assert node.left() == []


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_no_text_is_none(reactor: Any, tmp_path: Path) -> None:
    junk = program(tmp_path, "sys.stdout.buffer.write(b'\\xff\\x00')")
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=junk)
    with pytest.raises(ResolverFailed, match="no text"):
        await node.resolver.resolve(Question(requirements=("app",), target=LINUX))


@pytest_twisted.ensureDeferred
async def test_it_is_nice_its_files_are_its_own_and_its_password_is_on_no_command_line(
    reactor: Any, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    looks = program(
        tmp_path,
        f"with open({str(seen)!r}, 'w') as seen:",
        "    print(oct(os.stat('.').st_mode & 0o777), oct(os.stat('requirements.txt').st_mode & 0o777), file=seen)",
        "    print(sys.argv, file=seen)",
        "    print(sorted(os.environ), file=seen)",
        "    print(os.nice(0), file=seen)",
    )
    node = ResolvingNode(reactor=reactor, tiers=[], folder=tmp_path / "runs", program=looks)
    await node.resolver.resolve(Question(requirements=("app",), target=LINUX))
    modes, words, names, niceness = seen.read_text().splitlines()
    assert int(niceness) == min(19, os.nice(0) + NICER)
    assert modes == "0o700 0o600"
    assert node.passwords[0] not in words
    assert "app" not in words
    assert "PYTHONPATH" not in names
    assert "UV_DEFAULT_INDEX" in names


def test_uv_is_found_beside_the_running_python() -> None:
    found = installed_uv()
    assert found is not None
    assert Path(found).name.startswith("uv")
