"""A prefetch at the bottom of three nodes; then everything above is gone, and real clients install from the lowest.

Not every tool takes every form: pip locks into a pylock.toml and has no lock of its own, and poetry installs from its
own lock alone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.chains import PREFETCH_ACCESS, RunningChain, started
from tests.acceptance.conftest import IndexStarter
from tests.doubles.clients import Desk, Installation, Pdm, Pip, Poetry, Uv
from tests.doubles.processes import TOOLS, Running, RunningNode
from tests.doubles.universe import APPLICATION

Direct = Callable[[str, str], Installation]

DEADLINE_S = 300.0


def tiercache(node: RunningNode, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """`tiercache …` as the node's user has it."""
    return subprocess.run(
        [TOOLS / "tiercache", *words],
        env=node.environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def is_not_here(node: RunningNode, *words: str | Path) -> None:
    """Hold that not all of it is on a node; of sdists it may be enough, as they have to be looked into."""
    asked = tiercache(node, "ready", "--json", *words)
    assert asked.returncode in ((0, 3) if "--sdists" in words else (3,)), asked.stdout + asked.stderr
    assert not all(file["stored"] for file in json.loads(asked.stdout)["files"])


def prefetched(node: RunningNode, *words: str | Path) -> Mapping[str, Any]:
    """Prefetch until all is there; the job."""
    done = tiercache(node, "prefetch", "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    job: Mapping[str, Any] = json.loads(done.stdout)
    assert job["report"]["ready"] is True
    assert {file["outcome"] for file in job["files"]} <= {"stored", "fetched"}
    return job


def cut_off(chain: RunningChain) -> None:
    """Kill everything above the lowest node; every file has come from the index once."""
    got = [one["path"] for one in chain.index.requests("/files/") if one["method"] == "GET"]
    whole = [path for path in got if not path.endswith(".metadata")]
    assert sorted(whole) == sorted(set(whole))
    for running in (chain.index, chain.private, chain.office):
        running.kill()


@pytest.fixture
def chain(tmp_path: Path, fake_index: IndexStarter, running: list[Running]) -> RunningChain:
    """dev, behind office, behind private, behind the fake index."""
    return started(tmp_path / "chain", fake_index("json"), running, access=PREFETCH_ACCESS)


def test_requirements_install_with_every_tool_when_everything_above_is_gone(
    chain: RunningChain, desk: Desk, direct: Direct, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"{APPLICATION}  # all of it\n-c bounds.txt\n", encoding="utf-8")
    (tmp_path / "bounds.txt").write_text("tc-vivid<3\n", encoding="utf-8")
    # uv, poetry and pdm lock for every environment before they install for one.
    is_not_here(chain.dev, "-r", file, "--universal", "--sdists")
    job = prefetched(chain.dev, "-r", file, "--universal", "--sdists")
    assert job["handed_on"]["above"].startswith("taken"), job["handed_on"]
    cut_off(chain)
    # Who looks for the newest that fits asks for metadata of releases that fit not, unless they are not shown.
    assert tiercache(chain.dev, "offline", "on").returncode == 0

    expected = direct("pip", "json").tree
    root = chain.dev.simple
    for made in (
        Pip(desk=desk).install(root, options=["-r", str(file)]),
        Uv(desk=desk).install(root, options=["-r", str(file)]),
        Uv(desk=desk).sync_project(root, APPLICATION),
        Poetry(desk=desk).install(root, APPLICATION),
        Pdm(desk=desk).install(root, APPLICATION),
        Pip(desk=desk).install(chain.dev.local, options=["-r", str(file)]),
    ):
        assert made.succeeded, made.run.said
        assert made.tree == expected


def test_a_pylock_installs_with_pip_uv_and_pdm_when_everything_above_is_gone(
    chain: RunningChain, desk: Desk, direct: Direct
) -> None:
    root = chain.dev.simple
    uvs, pdms = Uv(desk=desk).pylock(root, APPLICATION), Pdm(desk=desk).lock(root, APPLICATION, as_pylock=True)
    for locked in (uvs, pdms):
        assert locked.succeeded, locked.said
    locks = (uvs.folder / "pylock.toml", pdms.folder / "pylock.toml")
    is_not_here(chain.dev, "--lock", locks[0], "--universal", "--sdists")
    for lock in locks:
        prefetched(chain.dev, "--lock", lock, "--universal", "--sdists")
    cut_off(chain)

    expected = direct("pip", "json").tree
    for made in (
        Pip(desk=desk).install(root, options=["-r", str(locks[0])]),
        Uv(desk=desk).sync_pylock(uvs),
        Pdm(desk=desk).sync(pdms),
    ):
        assert made.succeeded, made.run.said
        assert made.tree == expected


def test_the_locks_of_uv_poetry_and_pdm_install_when_everything_above_is_gone(
    chain: RunningChain, desk: Desk, direct: Direct
) -> None:
    root = chain.dev.simple
    uvs, _ = Uv(desk=desk).lock(root, APPLICATION)
    poetrys, pdms = Poetry(desk=desk).lock(root, APPLICATION), Pdm(desk=desk).lock(root, APPLICATION)
    is_not_here(chain.dev, "--lock", uvs.folder / "uv.lock", "--universal", "--sdists")
    for locked, name in ((uvs, "uv.lock"), (poetrys, "poetry.lock"), (pdms, "pdm.lock")):
        assert locked.succeeded, locked.said
        prefetched(chain.dev, "--lock", locked.folder / name, "--universal", "--sdists")
    cut_off(chain)

    expected = direct("pip", "json").tree
    for made in (Uv(desk=desk).sync(uvs), Poetry(desk=desk).sync(poetrys), Pdm(desk=desk).sync(pdms)):
        assert made.succeeded, made.run.said
        assert made.tree == expected


def test_what_pip_froze_is_posted_as_to_pypicache_and_installs_when_everything_above_is_gone(
    chain: RunningChain, desk: Desk, direct: Direct, tmp_path: Path
) -> None:
    versions = direct("pip", "json").versions
    frozen = tmp_path / "frozen.txt"
    lines = [f"{name}=={version}" for name, version in sorted(versions.items())]
    frozen.write_text("\n".join([*lines, "-e git+https://code.example/x.git#egg=x", "tc-no-such-thing==1.0"]))
    posted = desk.run(
        tmp_path, "/usr/bin/env", "curl", "-sS", "-F", f"requirements=@{frozen}", f"{chain.dev.url}requirements.txt"
    )
    assert posted.succeeded, posted.said
    told = json.loads(posted.said)
    assert told["unparseable"] == ["-e git+https://code.example/x.git#egg=x"]
    assert told["failed"] == ["tc-no-such-thing==1.0"]
    assert len(told["cached"]) >= len(lines)
    cut_off(chain)

    frozen.write_text("\n".join(lines))
    made = Pip(desk=desk).install(chain.dev.local, options=["-r", str(frozen)])
    assert made.succeeded, made.run.said
    assert made.versions == versions


def test_who_asks_for_what_cannot_be_is_told_so_in_the_resolvers_own_words(chain: RunningChain, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    for text, told in (("tc-vivid==1.0\ntc-vivid==2.0\n", "tc-vivid"), ("tc-no-such-thing\n", "tc-no-such-thing")):
        file.write_text(text, encoding="utf-8")
        ended = tiercache(chain.dev, "prefetch", "-r", file)
        assert ended.returncode in (1, 3), ended.stdout
        assert told in ended.stdout + ended.stderr
        assert "127.0.0.1" not in ended.stdout + ended.stderr
