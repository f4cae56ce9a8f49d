"""What a node remembers of pages: bounded, never mixed up, and no less than the answer when the store fails."""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import begun, result_of
from tests.doubles.shelves import file_of
from tests.doubles.small_node import ANY, LOCAL, NO_CACHE, SmallNode, listed, scripted
from tiercache.cache.entries import KEPT_ABSENCES, KEPT_FILES, LARGE_BODY_BYTES
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.signal import Signal
from tiercache.errors import NoTierAnswered, ProjectAbsent, StoreFull
from tiercache.policy.entry import Ask, Entry, Head
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000


def filenames(node: SmallNode, ask: Ask = ANY) -> list[str]:
    return [file.filename for file in result_of(node.page("numpy", ask)).files]


def version(node: SmallNode, ask: Ask = ANY) -> str:
    return result_of(node.parts.pages.shown(NUMPY, ask)).version


def test_made_up_names_fill_neither_the_store_nor_the_memory() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    entries = node.parts.pages._entries
    for number in range(KEPT_ABSENCES + 100):
        with pytest.raises(ProjectAbsent):
            result_of(node.page(f"p{number}"))
    assert len(entries._absences) == KEPT_ABSENCES
    assert node.catalogue.entry(normalise("p1")) is None
    assert entries.kept(NUMPY) is not None
    asked = len(tier.asked)
    with pytest.raises(ProjectAbsent):
        result_of(node.page(f"p{KEPT_ABSENCES + 99}"))
    assert len(tier.asked) == asked


def test_a_large_page_is_let_go_of_when_another_takes_its_place() -> None:
    tier = scripted()
    listed(tier, "numpy", *((f"numpy-1.{number}.tar.gz", b"") for number in range(LARGE_PAGE_FILES + 1)))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    entry = node.parts.pages._entries.kept(NUMPY)
    assert entry is not None
    assert entry.page is not None
    node.parts.pages._entries.freshen(entry)
    assert (list(entry.page.files),) not in [call.args for call in node.clock.getDelayedCalls()]
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    filenames(node, NO_CACHE)
    assert (list(entry.page.files),) in [call.args for call in node.clock.getDelayedCalls()]


def test_a_project_that_went_is_absent_after_a_restart_too() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    del tier.pages[NUMPY]
    for _ in range(2):
        with pytest.raises(ProjectAbsent):
            filenames(node, NO_CACHE)
    tier.silent = "down"
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    with pytest.raises(NoTierAnswered):
        filenames(restarted)
    tier.silent = None
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    assert filenames(node, NO_CACHE) == ["numpy-2.0.tar.gz"]
    assert filenames(node) == ["numpy-2.0.tar.gz"]


def test_a_store_that_cannot_forget_a_page_does_not_bring_it_back() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    del tier.pages[NUMPY]
    node.parts.pages._entries._catalogue = _Full(node.catalogue)  # type: ignore[assignment]  # the same but for this
    for ask in (NO_CACHE, ANY):
        with pytest.raises(ProjectAbsent):
            filenames(node, ask)


def test_a_page_that_can_be_neither_read_nor_forgotten_is_asked_for_again() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    stored = node.catalogue.entry(NUMPY)
    assert stored is not None
    result_of(node.catalogue.store_entry(evolve(stored, body=b"\x00 not a page")))
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    restarted.parts.pages._entries._catalogue = _Full(node.catalogue)  # type: ignore[assignment]  # as above
    assert filenames(restarted) == ["numpy-1.0.tar.gz"]


def test_a_page_is_fresh_again_though_the_store_cannot_note_it() -> None:
    tier = scripted(etag='"one"')
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    node.parts.pages._entries._catalogue = _Full(node.catalogue)  # type: ignore[assignment]  # as above
    node.clock.advance(600)
    for _ in range(2):
        filenames(node)
    assert len(tier.asked) == 2


class _Full:
    """A catalogue on a disk without room: it reads as the other, and can change nothing of entries."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    def _no_room(self, *_: object) -> Deferred[None]:
        return fail(StoreFull(reason="no room"))

    store_entry = freshen_entry = forget_entry = note_odd_file = _no_room

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


def large_page(tier: object, *versions: int) -> None:
    listed(tier, "numpy", *((f"numpy-{number}.tar.gz", b"x") for number in versions))  # type: ignore[arg-type]  # a tier
    assert len(versions) > LARGE_BODY_BYTES // 300


def test_a_large_page_is_decoded_once_off_the_reactor_however_many_ask() -> None:
    tier = scripted()
    large_page(tier, *range(2000))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    pool = _Slow()
    restarted.parts.pages._entries._pool = pool  # type: ignore[assignment]  # it is called as one
    waiting = [begun(restarted.page("numpy")) for _ in range(5)]
    left: list[object] = []
    waiting[0].addBoth(left.append)
    waiting[0].cancel()
    pool.turns.fire()
    assert [len(result_of(one).files) for one in waiting[1:]] == [2000] * 4
    assert pool.works == 1
    assert len(left) == 1


def test_a_page_that_is_decoded_late_does_not_replace_one_that_was_stored_meanwhile() -> None:
    tier = scripted()
    large_page(tier, *range(2000))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    pool, entries = _Slow(), restarted.parts.pages._entries
    plain, entries._pool = entries._pool, pool  # type: ignore[assignment]  # it is called as one
    late = begun(restarted.page("numpy"))
    entries._pool = plain
    head = Head(tier="public", requested_at=1, received_at=1)
    result_of(entries.store(Entry(project=NUMPY, head=head, page=Page(project=NUMPY))))
    pool.turns.fire()
    assert result_of(late).files == ()
    assert filenames(restarted) == []


def test_a_page_that_is_examined_late_does_not_replace_one_that_was_said_later() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    entries, pool = node.parts.pages._entries, HeldPool()
    plain, entries._pool = entries._pool, pool
    many = tuple(file_of(f"numpy-1.{at}.tar.gz") for at in range(LARGE_PAGE_FILES + 1))

    def said(at: float, *files: File) -> Entry:
        head = Head(tier="public", requested_at=at, received_at=at)
        return Entry(project=NUMPY, head=head, page=Page(project=NUMPY, files=files))

    now = node.clock.seconds() + 1
    early = begun(entries.store(said(now, *many)))
    entries._pool = plain
    later = result_of(entries.store(said(now + 1)))
    pool.go_on()
    assert early.result == later
    assert filenames(node) == []
    assert later.revision == entries.revision(NUMPY)


def test_a_page_that_is_stored_is_told_with_its_own_revision_whatever_is_stored_behind_it() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    entries = node.parts.pages._entries
    head = Head(tier="public", requested_at=1, received_at=1)
    page = Page(project=NUMPY, files=(file_of("numpy-1.0.tar.gz"),))
    first = result_of(entries.store(Entry(project=NUMPY, head=head, page=page)))
    second = result_of(entries.store(Entry(project=NUMPY, head=head, page=Page(project=NUMPY))))
    assert first.revision != second.revision == entries.revision(NUMPY)


class _Slow:
    """A pool whose works wait for their turn, and are counted."""

    def __init__(self) -> None:
        self.turns = Signal()
        self.works = 0

    async def __call__(self, function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        self.works += 1
        await self.turns.wait()
        return function(*args)


def test_no_version_is_given_to_two_pages_whatever_has_been_forgotten() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    seen: set[str] = set()
    for number in range(5):
        listed(tier, "numpy", (f"numpy-{number}.tar.gz", CONTENT))
        for _ in range(2):
            seen.add(version(node, NO_CACHE))
        assert version(node) in seen
        node.parts.pages._entries.changed(ProjectName("scipy"))
    assert len(seen) == 10


def test_a_page_that_may_not_be_stored_never_shares_its_version_with_the_one_that_is() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    stored = version(node)
    tier.head = Head(tier="public", requested_at=0, received_at=0, storable=False)
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    passing = {version(node, NO_CACHE) for _ in range(2)}
    assert len(passing) == 2
    assert filenames(node) == ["numpy-1.0.tar.gz"]
    assert version(node) == stored
    assert stored not in passing


def test_an_impatient_client_is_not_shown_the_old_page_under_the_new_ones_version() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    old = version(node)
    node.clock.advance(600)
    tier.gate = Signal()
    impatient = begun(node.parts.pages.shown(NUMPY, ANY))
    tier.gate = None
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    new = version(node, NO_CACHE)
    node.clock.advance(0.5)
    shown = result_of(impatient)
    assert ([file.filename for file in shown.page.files], shown.version) == (["numpy-1.0.tar.gz"], old)
    assert new != old
    assert version(node) == new


@pytest.mark.parametrize("etag", [None, '"one"'])
def test_an_answer_that_comes_late_does_not_replace_one_that_was_asked_for_later(etag: str | None) -> None:
    tier = scripted(etag=etag)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    node.clock.advance(600)
    old, gate = dict(tier.pages), Signal()
    tier.gate = gate
    late = begun(node.parts.pages.shown(NUMPY, ANY))
    node.clock.advance(0.1)
    tier.gate = None
    if etag is not None:
        tier.etag = '"two"'
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    assert filenames(node, NO_CACHE) == ["numpy-2.0.tar.gz"]
    tier.pages, tier.etag = dict(old), etag
    gate.fire()
    assert [file.filename for file in result_of(late).page.files] == ["numpy-2.0.tar.gz"]
    assert filenames(node) == ["numpy-2.0.tar.gz"]


def test_who_asks_while_an_insisting_client_is_answered_shares_its_forward() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    node.clock.advance(600)
    tier.gate = Signal()
    waiting = [begun(node.parts.pages.shown(NUMPY, ask)) for ask in (NO_CACHE, ANY)]
    tier.gate.fire()
    assert [result_of(one).outcome.collapsed for one in waiting] == [False, True]
    assert len(tier.asked) == 2


def test_who_insists_is_not_given_the_answer_to_one_who_did_not() -> None:
    tier = scripted(gate=Signal())
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.pages.shown(NUMPY, ask)) for ask in (ANY, NO_CACHE)]
    assert tier.gate is not None
    tier.gate.fire()
    assert [result_of(one).outcome.collapsed for one in waiting] == [False, False]


def test_a_client_that_leaves_while_it_is_patient_is_served_nothing_and_leaves_nothing_behind() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    node.clock.advance(600)
    tier.gate = Signal()
    leaving = begun(node.parts.pages.shown(NUMPY, ANY))
    ended: list[object] = []
    leaving.addBoth(ended.append)
    leaving.cancel()
    assert "CancelledError" in repr(ended)
    assert node.clock.getDelayedCalls() == []
    assert node.parts.stats.served_stale == 0
    tier.gate.fire()
    assert filenames(node) == ["numpy-1.0.tar.gz"]
    assert len(tier.asked) == 2


def test_local_changes_its_version_with_what_is_stored() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    before = version(node)
    result_of(node.content(file))
    assert version(node) != before
    assert version(node, LOCAL) not in {before, version(node)}
    assert version(node, LOCAL) == version(node, LOCAL)


def test_a_project_that_came_back_is_not_taken_for_absent_when_its_page_has_left_the_memory() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(ProjectAbsent):
        filenames(node)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    assert filenames(node, NO_CACHE) == ["numpy-1.0.tar.gz"]
    listed(tier, "large", *((f"large-{number}.tar.gz", b"x") for number in range(KEPT_FILES)))
    result_of(node.page("large"))
    asked = len(tier.asked)
    assert filenames(node) == ["numpy-1.0.tar.gz"]
    assert len(tier.asked) == asked


def test_local_shows_at_once_that_a_project_went() -> None:
    tier = scripted()
    (kept, _) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(kept))
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    filenames(node, NO_CACHE)
    before = version(node, LOCAL)
    del tier.pages[NUMPY]
    with pytest.raises(ProjectAbsent):
        filenames(node, NO_CACHE)
    assert version(node, LOCAL) != before


def test_a_page_that_cannot_be_read_is_forgotten_for_good() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    filenames(node)
    stored = node.catalogue.entry(NUMPY)
    assert stored is not None
    result_of(node.catalogue.store_entry(evolve(stored, body=b"\x00 not a page")))
    tier.silent = "down"
    with pytest.raises(NoTierAnswered):
        filenames(SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files))
    assert node.catalogue.entry(NUMPY) is None


def test_an_offline_node_shows_only_what_is_here_however_fresh_its_pages_are() -> None:
    tier = scripted()
    stored, _ = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT[1:]))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(stored))
    assert len(filenames(node)) == 2
    result_of(node.parts.switch.set(True))
    assert filenames(node) == ["numpy-1.0.tar.gz"]
