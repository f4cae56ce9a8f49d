"""Real changes in real folders, heard from the system on a real reactor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tiercache.storage.inotify import FolderWatch

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")]

PATIENCE_S = 60.0


@define
class Ear:
    """Waits until something is heard."""

    watch: FolderWatch = field(init=False)
    _heard: Deferred[None] = field(factory=Deferred, init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = FolderWatch(reactor, self._hear)

    async def next(self) -> None:
        """Something is heard, if only what was before."""
        await self._heard.addTimeout(PATIENCE_S, reactor)  # type: ignore[arg-type]  # it is one that tells the time
        self._heard = Deferred()

    async def silence(self) -> None:
        """All that has happened has been heard."""
        turn: Deferred[None] = Deferred()
        reactor.callLater(0.05, turn.callback, None)  # type: ignore[attr-defined]  # of a reactor
        await turn
        self._heard = Deferred()

    def _hear(self) -> None:
        heard = self._heard
        # Later, as a node does: not while the watch is still telling.
        reactor.callLater(0, lambda: None if heard.called else heard.callback(None))  # type: ignore[attr-defined]  # as above


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.watch.stop()


async def followed(ear: Ear, *folders: Path) -> None:
    assert ear.watch.follow([str(folder) for folder in folders])
    await ear.silence()


@pytest_twisted.ensureDeferred
async def test_folder_that_is_followed_anew_is_to_be_looked_into_again(ear: Ear, tmp_path: Path) -> None:
    assert ear.watch.follow([str(tmp_path)])
    await ear.next()


@pytest.mark.parametrize("what", ["write", "move in", "move out", "remove", "folder", "link", "mode"])
@pytest_twisted.ensureDeferred
async def test_change_is_heard(ear: Ear, tmp_path: Path, what: str) -> None:
    folder, there = tmp_path / "dist", tmp_path / "dist" / "there"
    folder.mkdir()
    there.touch()
    (tmp_path / "outside").touch()
    await followed(ear, folder)
    match what:
        case "write":
            (folder / "new").write_bytes(b"x")
        case "move in":
            (tmp_path / "outside").rename(folder / "new")
        case "move out":
            there.rename(tmp_path / "away")
        case "remove":
            there.unlink()
        case "folder":
            (folder / "sub").mkdir()
        case "link":
            (folder / "link").hardlink_to(there)
        case "mode":
            there.chmod(0o600)
    await ear.next()


@pytest_twisted.ensureDeferred
async def test_other_folder_goes_on_being_heard_after_one_was_removed(ear: Ear, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    await followed(ear, one, other)
    one.rmdir()
    await ear.next()
    await followed(ear, other)
    (other / "new").touch()
    await ear.next()


@pytest_twisted.ensureDeferred
async def test_new_folder_by_the_name_of_one_that_moved_away_is_heard(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    folder.mkdir()
    await followed(ear, folder)
    folder.rename(tmp_path / "away")
    folder.mkdir()
    await ear.next()
    await followed(ear, folder)
    (folder / "new").touch()
    await ear.next()


def test_folder_that_is_not_there_is_not_watched_and_no_error(ear: Ear, tmp_path: Path) -> None:
    assert not ear.watch.follow([str(tmp_path / "nowhere")])


def test_watch_that_was_stopped_can_be_stopped_again(ear: Ear, tmp_path: Path) -> None:
    assert ear.watch.follow([str(tmp_path)])
    ear.watch.stop()
    ear.watch.stop()
