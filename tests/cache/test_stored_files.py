"""Files that are in the store: found by any of their names, and never served when they are not what they were."""

from __future__ import annotations

import hashlib

import pytest
from twisted.internet.defer import Deferred, fail

from tests.cache.given import CONTENT
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    LOCAL,
    NO_CACHE,
    SmallNode,
    everything,
    file_requests,
    in_pieces,
    listed,
    scripted,
    sha256,
)
from tiercache.errors import (
    FileAbsent,
    NotStored,
    StoreFull,
)
from tiercache.interfaces import FileRecord
from tiercache.policy.entry import Ask
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles


def test_a_stored_digest_under_another_filename_is_absent() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    with pytest.raises(FileAbsent):
        result_of(node.parts.files.open(identity_of(file), "numpy-2.0.tar.gz", ANY))


@pytest.mark.parametrize("lost", ["emptied", "halved", "gone"])
def test_a_stored_file_that_lost_bytes_is_never_served_short_and_is_fetched_anew(lost: str) -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    damage(node, sha256(CONTENT), {"emptied": b"", "halved": CONTENT[:100], "gone": None}[lost])
    before = result_of(node.parts.pages.shown(normalise("numpy"), ANY)).version
    with pytest.raises(NotStored):
        result_of(node.content(file, LOCAL))
    assert result_of(node.parts.pages.shown(normalise("numpy"), ANY)).version != before
    damage(node, sha256(CONTENT), None)
    assert result_of(node.content(file)) == CONTENT
    assert result_of(node.content(file, LOCAL)) == CONTENT


def damage(node: SmallNode, sha256_text: str, content: bytes | None) -> None:
    """Have the stored file be something else."""
    node.files.remove(sha256_text)
    if content is not None:
        partial = node.files.begin()
        partial.write(content)
        partial.commit(sha256_text)
        partial.discard()


def test_the_same_bytes_under_two_filenames_are_fetched_once() -> None:
    tier = scripted()
    files = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("NumPy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for file in (*files, *files):
        opened = result_of(node.parts.files.open(identity_of(file), file.filename, ANY))
        assert opened.filename == file.filename
        assert result_of(everything(opened.body(0, None))) == CONTENT
    assert len(file_requests(tier)) == 1


def test_two_names_of_the_same_bytes_may_be_filled_at_once() -> None:
    tier = scripted()
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={"md5": md5})
    gates: list[Deferred[None]] = [Deferred(), Deferred()]
    left = list(gates)
    tier.script = lambda content, start: in_pieces(left.pop(0), content, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    names = [FileIdentity("md5", md5), FileIdentity("sha256", sha256(CONTENT))]
    opening = [begun(node.parts.files.open(name, file.filename, ANY)) for name in names]
    for gate in gates:
        gate.callback(None)
    for one in opening:
        assert result_of(everything(result_of(one).body(0, None))) == CONTENT
    (record,) = node.catalogue.all_files()
    assert set(record.identities) == set(names)
    assert node.catalogue.stored_bytes() == len(CONTENT)
    for name in names:
        assert result_of(node.parts.files.stored(name, file.filename)) is not None


def test_a_file_has_one_tag_whether_it_is_stored_or_not() -> None:
    tier = scripted()
    hashes = {"sha256": sha256(CONTENT), "md5": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes=hashes)
    for name in (FileIdentity(algorithm, value) for algorithm, value in hashes.items()):
        node = SmallNode(upstreams=[tier])
        for _ in ("cold", "stored"):
            opened = result_of(node.parts.files.open(name, "numpy-1.0.tar.gz", ANY))
            opened.close()
            assert opened.identity == name
            assert result_of(node.parts.files.head(name, "numpy-1.0.tar.gz", ANY)).identity == name


def test_a_digest_that_nobody_verified_names_nothing() -> None:
    tier = scripted()
    hashes = {"sha256": sha256(CONTENT), "crc32": "0" * 8}
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes=hashes)
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    (record,) = node.catalogue.all_files()
    assert record.identities == (identity_of(file),)


def by_name(node: SmallNode, ask: Ask = ANY) -> bytes:
    opened = result_of(node.parts.files.open(None, "numpy-1.0.tar.gz", ask))
    return result_of(everything(opened.body(0, None)))


def test_a_name_means_the_bytes_that_its_page_lists_now_and_offline_those_that_are_here() -> None:
    tier = scripted()
    old, new = CONTENT, CONTENT[::-1]
    listed(tier, "numpy", ("numpy-1.0.tar.gz", old))
    node = SmallNode(upstreams=[tier])
    assert by_name(node) == old
    listed(tier, "numpy", ("numpy-1.0.tar.gz", new))
    node.clock.advance(601)
    result_of(node.page("numpy"))
    assert by_name(node, LOCAL) == old
    assert by_name(node) == new
    for ask in (ANY, LOCAL):
        assert by_name(node, ask) == new


def test_a_name_without_a_page_means_the_newest_that_is_here() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    for content in (CONTENT, CONTENT[::-1], CONTENT[1:]):
        (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
        result_of(node.page("numpy", NO_CACHE))
        node.clock.advance(1)
        result_of(node.content(file))
    result_of(node.catalogue.forget_entry(normalise("numpy")))
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    tier.silent = "down"
    for ask in (ANY, LOCAL):
        assert by_name(restarted, ask) == CONTENT[1:]


def test_a_file_that_is_evicted_just_when_it_is_opened_is_fetched_anew() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    node.parts.files._files = _Evicting(node.files)  # type: ignore[assignment]  # the same but for this
    assert result_of(node.content(file)) == CONTENT
    assert len(file_requests(tier)) == 2


class _Evicting:
    """Stored files of which one is gone between the look at it and its opening."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._is_done = False

    def open(self, sha256_text: str) -> object:
        if not self._is_done:
            self._is_done = True
            self._files.remove(sha256_text)
        return self._files.open(sha256_text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._files, name)


def test_a_damaged_file_is_put_aside_once_and_what_is_fetched_anew_stays() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    damage(node, sha256(CONTENT), CONTENT[:100])
    turns: list[Deferred[None]] = []

    async def later(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        turns.append(Deferred())
        await turns[-1]
        return function(*args)

    plain, node.parts.files._pool = node.parts.files._pool, later
    reading = [begun(node.content(file)) for _ in range(3)]
    assert len(turns) == 1
    reading[0].addErrback(lambda failure: None)
    reading[0].cancel()
    node.parts.files._pool = plain
    turns[0].callback(None)
    assert [result_of(one) for one in reading[1:]] == [CONTENT, CONTENT]
    assert result_of(node.content(file, LOCAL)) == CONTENT
    assert len(file_requests(tier)) == 2
    assert node.parts.stats.quarantined == 1


def test_a_damaged_file_is_fetched_anew_though_the_disk_is_too_full_to_put_it_aside() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    node.files.remove(sha256(CONTENT))
    plain = node.parts.files._catalogue
    node.parts.files._catalogue = _Unforgetting(node.catalogue)  # type: ignore[assignment]  # the same but for this
    assert result_of(node.content(file)) == CONTENT
    node.parts.files._catalogue = plain
    assert result_of(node.content(file, LOCAL)) == CONTENT
    assert node.parts.stats.quarantined == 0


class _Unforgetting:
    """A catalogue that has no room to note that a file is gone."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    def forget_file(self, sha256_text: str) -> Deferred[None]:
        return fail(StoreFull(reason="no room"))

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


def test_what_follows_a_stored_file_cannot_undo_it_or_keep_the_rest_from_following() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    told: list[str] = []

    async def evicted(record: FileRecord) -> None:
        raise FileAbsent(filename=record.sha256)

    async def told_of(record: FileRecord) -> None:
        told.append(record.sha256)

    for act in (evicted, told_of):
        node.parts.files.on_stored(act)
    assert result_of(node.content(file)) == CONTENT
    assert told == [sha256(CONTENT)]
    assert (node.parts.stats.fills_completed, node.parts.stats.fills_failed) == (1, 0)
