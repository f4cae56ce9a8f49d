"""Servers are started, asked and ended as the benchmark does it, in the smallest numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from attrs import frozen

from benchmarks.peers.asked import file_url
from benchmarks.peers.cold import Cold
from benchmarks.peers.content import SMALL_FILE, Content
from benchmarks.peers.cores import Cores
from benchmarks.peers.downloads import download, downloads
from benchmarks.peers.environments import CannotBeHad, PythonEnvironment
from benchmarks.peers.peer import Launch, RunningPeer, Setting, Stand
from benchmarks.peers.starts import Starts
from benchmarks.peers.this_node import NAME, ThisNode
from tests.doubles.processes import bare_environment, wait_until
from tests.doubles.universe import Sizes

pytestmark = pytest.mark.slow

BIG_BYTES = 2_000_000


@frozen(kw_only=True)
class Luckless:
    """A server that ends as soon as it is started."""

    name: str = "luckless"
    version: str = "1"
    is_cache: bool = True
    wants_rooted_urls: bool = False

    def launch(self, setting: Setting) -> Launch:
        return Launch(command=[sys.executable, "-c", "raise SystemExit('no luck today')"], simple="simple/")

    def settle(self, setting: Setting) -> None:
        raise OSError("nobody is there")


_WORKS_ON = """
import time
print("at work", flush=True)
while time.process_time() < 1.0:
    pass
time.sleep(60)
"""


def test_the_next_server_is_asked_when_one_has_ended_what_nobody_waits_for(stand: Stand, tmp_path: Path) -> None:
    with stand.content.index(rooted=False) as index, stand.setting(index) as setting:
        log = tmp_path / "said.log"
        process = RunningPeer.launch([sys.executable, "-c", _WORKS_ON], bare_environment(tmp_path / "home"), log)
        server = RunningPeer(log=log, process=process, peer=Luckless(), setting=setting, simple="")
        try:
            wait_until(lambda: "at work" in server.said())
            server.wait_until_idle()
            assert server.cpu_s() >= 1.0
        finally:
            server.close()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Stand:
    folder = tmp_path_factory.mktemp("peers")
    content = Content(folder=folder / "content", sizes=Sizes(big=BIG_BYTES, ancient_files=2, listed_files=(3,)))
    return Stand(content=content, folder=folder / "servers", cores=Cores(server=None, load=None))


def test_many_clients_of_a_cold_file_cost_the_index_one_fetch(stand: Stand) -> None:
    (cell,) = Cold(stand=stand, rounds=1, clients=(3,), big_file="2 MB").measured([ThisNode()])
    assert (cell.case, cell.answered, cell.fetches, cell.note) == ("2 MB, 3 clients", 3, 1, "")
    assert cell.size_bytes is not None
    assert cell.size_bytes > BIG_BYTES
    assert stand.peaks[NAME] > 1 << 20


def test_a_server_that_ends_at_once_leaves_notes_and_does_not_end_the_run(stand: Stand) -> None:
    measured = [
        *Cold(stand=stand, rounds=1, clients=(1,), big_file="2 MB").measured([Luckless()]),
        *Starts(stand=stand, rounds=1).measured([Luckless()]),
    ]
    assert [cell.note for cell in measured] == ["luckless ended with 1: no luck today"] * 3
    assert all(cell.wall_s is None for cell in measured)


def test_what_pip_cannot_find_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(CannotBeHad, match="tc-no-such-server"):
        PythonEnvironment.made(tmp_path, "tc-no-such-server", "tc-no-such-server")


def test_what_a_node_answered_is_exported_with_its_files(stand: Stand) -> None:
    with stand.running(ThisNode()) as node:
        exported = stand.content.exported(node.simple)
        page = download(f"{node.simple}tc-listed-3/")
        url = file_url(node.simple, SMALL_FILE)
        whole = {one.size_bytes for one in downloads(url, 2)}
    pages = exported.folder / "pages"
    assert (pages / "HTML" / "tc-listed-3").stat().st_size == page.size_bytes
    assert {path.name for path in (pages / "JSON").iterdir()} >= {"tc-listed-3", "tc-listed-3.gz"}
    assert whole == {_exported(exported.folder, url).stat().st_size}


def _exported(folder: Path, url: str) -> Path:
    return folder / url[url.index("/files/") + 1 :]
