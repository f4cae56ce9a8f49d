"""Hosted projects: what is published here is here, whatever the tiers have, and nothing of it is lost or half there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail

from tests.cache.given import FILENAME, METADATA, SMALL, WHEEL, sidecar
from tests.doubles.hosting import a_file, publish, stored
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, NO_CACHE, SmallNode, listed, scripted, sha256, wheel
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import (
    FileAbsent,
    FilenameTaken,
    InvalidName,
    LengthMismatch,
    NoTierAnswered,
    NotStored,
    PageUnusable,
    ProjectAbsent,
    StoreFull,
)
from tiercache.interfaces import METADATA as SIDECAR
from tiercache.interfaces import PROVENANCE, FileRecord, NewChange
from tiercache.policy.acts import PUBLISHED, UNYANKED, WITHDRAWN, YANKED
from tiercache.policy.entry import Ask
from tiercache.policy.news import NAMED, PAGE, RELEASED, Change
from tiercache.policy.selection import HERE, ProjectRule
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire import Reserved

PKG, OTHER = normalise("pkg"), normalise("other")
SDIST = "pkg-1.0.tar.gz"
ASKS = [ANY, LOCAL, NO_CACHE, Ask(only_if_cached=True)]


def add(node: SmallNode, filename: str = SDIST, content: bytes = SMALL, project: str = "pkg", **more: Any) -> bool:
    return publish(node.parts.hosted, node.files, project, filename, content, **more)


def alone(*tiers: ScriptedUpstream) -> SmallNode:
    return SmallNode(upstreams=list(tiers))


def filenames(node: SmallNode, ask: Ask = ANY, project: str = "pkg") -> list[str]:
    return [file.filename for file in result_of(node.page(project, ask)).files]


def only_file(node: SmallNode, ask: Ask = ANY) -> File:
    (file,) = result_of(node.page("pkg", ask)).files
    return file


def journal_of(node: SmallNode) -> list[tuple[str, str]]:
    return [(change.project, change.what) for change in node.catalogue.changes(0, 100) or ()]


def record_of(node: SmallNode, content: bytes) -> FileRecord | None:
    return node.catalogue.file(FileIdentity("sha256", sha256(content)))


def restarted(node: SmallNode) -> SmallNode:
    return SmallNode(
        upstreams=node.upstreams, catalogue=node.catalogue, files=node.files, clock=node.clock, config=node.config
    )


# -- what is published is there -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ASKS)
def test_a_hosted_project_is_answered_from_here_and_no_tier_is_asked(ask: Ask) -> None:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"))
    node = alone(public)
    assert add(node, requires_python=">=3.11", upload_time="2026-11-01T00:00:00Z") is True
    file = only_file(node, ask)
    assert (file.filename, file.size, file.requires_python) == (SDIST, len(SMALL), ">=3.11")
    assert result_of(node.content(file, ask)) == SMALL
    assert result_of(node.parts.files.head(identity_of(file), SDIST, ask)).size_bytes == len(SMALL)
    assert result_of(node.parts.files.open(None, SDIST, ask)).size_bytes == len(SMALL)
    with pytest.raises((FileAbsent, NotStored)):
        result_of(node.parts.files.open(None, "pkg-9.9.tar.gz", ask))
    assert public.asked == []


def test_a_hosted_page_is_vouched_for_by_this_node_and_as_old_as_nothing() -> None:
    node = alone()
    node.parts.hosted._node_id = "me"
    add(node)
    node.clock.advance(10_000)
    shown = result_of(node.parts.pages.shown(PKG, ANY))
    assert (shown.home, shown.age_s, shown.outcome.hit, shown.outcome.ttl_s) == ("me", 0.0, True, 600.0)
    entry = node.parts.hosted.entry(PKG)
    assert entry is not None
    assert (entry.head.tier, entry.head.at) == (HERE, node.catalogue.position())


def test_hosted_projects_stand_in_both_project_lists() -> None:
    node = alone(scripted())
    add(node)
    add(node, "other-1.0.tar.gz", b"other", "other")
    result_of(node.parts.hosted.withdraw(OTHER, "other-1.0.tar.gz"))
    assert list(node.parts.hosted.names()) == [OTHER, PKG]
    for local in (True, False):
        assert list(node.parts.pages.known_projects(local)) == [OTHER, PKG]


def test_a_hosted_wheel_has_its_sidecar_before_anybody_hears_of_it() -> None:
    node = alone()
    told: list[object] = []
    subscription = node.parts.journal.subscribe(None)
    result_of(subscription.read())  # who is live
    reading = begun(subscription.read())
    reading.addCallback(lambda event: told.append((event.change.what, only_file(node).core_metadata)))
    add(node, FILENAME, WHEEL)
    assert told == [(NAMED, {"sha256": sha256(METADATA)})]
    assert sidecar(node, only_file(node), LOCAL).data == METADATA


def test_a_restart_loses_nothing() -> None:
    node = alone(scripted())
    add(node)
    add(node, FILENAME, WHEEL)
    result_of(node.parts.hosted.yank(PKG, SDIST, "broken"))
    again = restarted(node)
    assert filenames(again) == [SDIST, FILENAME]
    assert [file.yanked for file in result_of(again.page("pkg")).files] == ["broken", False]
    assert result_of(again.content(result_of(again.page("pkg")).files[0])) == SMALL
    assert again.parts.reserved.by(PKG).hosted
    assert again.upstreams[0].asked == []


def test_the_name_of_a_hosted_project_is_reserved_with_its_first_file() -> None:
    node = alone()
    add(node)
    assert node.parts.reserved.announced().names == (PKG,)
    add(node, FILENAME, WHEEL)
    assert journal_of(node) == [("pkg", NAMED), ("pkg", PAGE)]


def test_a_name_that_a_parent_has_announced_is_journalled_as_another_page_only() -> None:
    office = scripted("office")
    node = alone(office)
    result_of(node.parts.reserved.heard("office", "e1", Reserved(digest="", complete=True, names=("pkg",))))
    add(node)
    assert filenames(node) == [SDIST]
    assert journal_of(node) == [("pkg", NAMED), ("pkg", PAGE)]
    result_of(node.parts.hosted.withdraw(PKG))
    assert journal_of(node)[-1] == ("pkg", PAGE)
    assert node.parts.reserved.announced().names == (PKG,)


# -- the same again, and other bytes ------------------------------------------------------------------------------


def test_the_same_bytes_again_change_nothing() -> None:
    node = alone()
    assert add(node) is True
    before = journal_of(node), result_of(node.page("pkg"))
    node.clock.advance(100)
    assert add(node, requires_python=">=3.12") is False
    assert (journal_of(node), result_of(node.page("pkg"))) == before


def test_other_bytes_under_a_known_filename_are_refused_in_words_that_twine_knows() -> None:
    node = alone()
    add(node)
    with pytest.raises(FilenameTaken, match="already exists"):
        add(node, content=b"other bytes")
    assert only_file(node).hashes["sha256"] == sha256(SMALL)
    assert result_of(node.content(only_file(node))) == SMALL


def test_the_same_bytes_again_mend_what_the_store_has_lost() -> None:
    node = alone()
    add(node)
    node.files.remove(sha256(SMALL))
    with pytest.raises(NoTierAnswered, match="lost"):
        result_of(node.content(only_file(node)))
    assert record_of(node, SMALL) is None
    assert add(node) is False
    assert result_of(node.content(only_file(node))) == SMALL
    assert len(journal_of(node)) == 1


def test_two_uploads_of_one_filename_at_once_leave_one_of_them() -> None:
    """Both are being written when the second comes: it finds the first, whole."""
    catalogue = SlowCatalogue()
    node = SmallNode(upstreams=[], catalogue=catalogue)
    for content in (SMALL, b"other"):
        stored(node.files, content)
    first = begun(node.parts.hosted.add(PKG, a_file(SDIST, SMALL)))
    same = begun(node.parts.hosted.add(PKG, a_file(SDIST, SMALL)))
    other = begun(node.parts.hosted.add(PKG, a_file(SDIST, b"other")))
    failure: list[Any] = []
    other.addErrback(failure.append)
    assert [first.called, same.called, other.called] == [False, False, False]
    catalogue.go_on()
    assert (result_of(first), result_of(same)) == (True, True)
    assert failure[0].check(FilenameTaken)
    assert len(journal_of(node)) == 1


def test_an_upload_goes_on_to_its_end_when_its_client_leaves() -> None:
    catalogue = SlowCatalogue()
    node = SmallNode(upstreams=[], catalogue=catalogue)
    stored(node.files, SMALL)
    leaving = begun(node.parts.hosted.add(PKG, a_file(SDIST, SMALL)))
    leaving.addErrback(lambda failure: None)
    leaving.cancel()
    catalogue.go_on()
    assert filenames(node) == [SDIST]
    assert node.parts.reserved.by(PKG).hosted
    assert node.parts.journal.told.serial == 1


# -- what cannot be published -------------------------------------------------------------------------------------


def test_a_file_whose_bytes_are_not_in_the_store_is_refused() -> None:
    node = alone()
    with pytest.raises(FileAbsent):
        result_of(node.parts.hosted.add(PKG, a_file(SDIST, SMALL)))
    stored(node.files, SMALL)
    for size in (len(SMALL) - 1, len(SMALL) + 1):
        with pytest.raises(LengthMismatch):
            result_of(node.parts.hosted.add(PKG, a_file(SDIST, SMALL, size=size)))
    assert (node.parts.hosted.names(), journal_of(node)) == ([], [])
    assert result_of(node.parts.hosted.add(PKG, a_file(SDIST, SMALL, size=len(SMALL)))) is True


@pytest.mark.parametrize("filename", ["../pkg-1.0.tar.gz", "", "a/b", "pkg\x00-1.0.tar.gz"])
def test_a_name_that_is_no_filename_is_refused(filename: str) -> None:
    node = alone()
    with pytest.raises(InvalidName):
        add(node, filename)
    assert node.parts.hosted.names() == []


def test_a_file_whose_name_does_not_tell_its_project_is_found_all_the_same() -> None:
    node = alone(scripted())
    add(node, "notes.txt")
    assert result_of(node.content(only_file(node))) == SMALL
    assert result_of(restarted(node).content(only_file(node))) == SMALL


@pytest.mark.parametrize("fails_at", ["file", "page"])
def test_a_store_that_is_full_publishes_nothing_and_the_next_try_does(fails_at: str) -> None:
    catalogue = FullCatalogue(fails_at=fails_at)
    node = SmallNode(upstreams=[], catalogue=catalogue)
    with pytest.raises(StoreFull):
        add(node)
    assert (node.parts.hosted.names(), journal_of(node)) == ([], [])
    for again in (node, restarted(node)):
        with pytest.raises((ProjectAbsent, NotStored)):
            result_of(again.page("pkg"))
        with pytest.raises((FileAbsent, NotStored)):
            result_of(again.parts.files.open(FileIdentity("sha256", sha256(SMALL)), SDIST, ANY))
    catalogue.fails_at = ""
    assert add(node) is True
    assert result_of(node.content(only_file(node))) == SMALL


# -- yanked and withdrawn -----------------------------------------------------------------------------------------


def test_a_yank_shows_at_once_and_is_taken_back() -> None:
    node = alone()
    add(node)
    for yanked, changes in (("broken", True), ("broken", False), (True, True), (False, True), (False, False)):
        assert result_of(node.parts.hosted.yank(PKG, SDIST, yanked)) is changes
        assert (only_file(node).yanked, only_file(node, LOCAL).yanked) == (yanked, yanked)
    assert journal_of(node) == [("pkg", NAMED), *[("pkg", PAGE)] * 3]
    assert result_of(node.content(only_file(node))) == SMALL


@pytest.mark.parametrize("ask", ASKS)
def test_a_withdrawn_file_is_not_to_be_had_by_any_way(ask: Ask) -> None:
    public = scripted()
    node = alone(public)
    add(node, FILENAME, WHEEL)
    add(node)
    (wheel_file,) = [file for file in result_of(node.page("pkg")).files if file.filename == FILENAME]
    result_of(node.parts.hosted.withdraw(PKG, FILENAME))
    assert filenames(node, ask) == [SDIST]
    for identity in (identity_of(wheel_file), None):
        with pytest.raises((FileAbsent, NotStored)):
            result_of(node.parts.files.open(identity, FILENAME, ask))
        with pytest.raises((FileAbsent, NotStored)):
            result_of(node.parts.files.head(identity, FILENAME, ask))
    with pytest.raises((FileAbsent, NotStored)):
        sidecar(node, wheel_file, ask)
    assert result_of(node.parts.files.open_stored(sha256(WHEEL))) is None
    assert (node.files.size(sha256(WHEEL)), record_of(node, WHEEL)) == (None, None)
    assert node.catalogue.attachment(identity_of(wheel_file), SIDECAR) is None
    assert public.asked == []


def test_a_project_that_lost_its_last_file_stays_hosted_and_its_name_reserved() -> None:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"))
    node = alone(public)
    add(node)
    result_of(node.parts.hosted.withdraw(PKG, SDIST))
    for again in (node, restarted(node)):
        assert (filenames(again), filenames(again, LOCAL)) == ([], [])
        assert again.parts.reserved.announced().names == (PKG,)
    assert public.asked == []


def test_a_withdrawn_project_frees_its_name_and_the_tiers_answer_again() -> None:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"))
    node = alone(public)
    add(node)
    add(node, FILENAME, WHEEL)
    result_of(node.parts.hosted.withdraw(PKG))
    for again in (node, restarted(node)):
        assert filenames(again) == ["pkg-9.9.tar.gz"]
        assert again.parts.reserved.announced().names == ()
        with pytest.raises(NotStored):
            result_of(again.page("pkg", LOCAL))
    assert journal_of(node) == [("pkg", NAMED), ("pkg", PAGE), ("pkg", RELEASED)]
    assert list(node.files.all()) == []


def test_what_is_not_hosted_is_neither_yanked_nor_withdrawn() -> None:
    node = alone()
    hosted = node.parts.hosted
    for act in (hosted.withdraw(PKG), hosted.withdraw(PKG, SDIST), hosted.yank(PKG, SDIST, True)):
        with pytest.raises(ProjectAbsent):
            result_of(act)
    add(node)
    for act in (hosted.withdraw(PKG, FILENAME), hosted.yank(PKG, FILENAME, True)):
        with pytest.raises(FileAbsent):
            result_of(act)
    assert filenames(node) == [SDIST]


def test_bytes_that_two_projects_have_stay_until_the_second_lets_them_go() -> None:
    node = alone()
    add(node)
    add(node, "other-1.0.tar.gz", SMALL, "other")
    (other,) = result_of(node.page("other")).files
    for ask in (ANY, LOCAL):
        assert result_of(node.content(only_file(node), ask)) == SMALL
        assert result_of(node.content(other, ask)) == SMALL
    result_of(node.parts.hosted.withdraw(PKG))
    for ask in (ANY, LOCAL):
        assert result_of(node.content(other, ask)) == SMALL
        assert filenames(node, ask, "other") == ["other-1.0.tar.gz"]
    result_of(node.parts.hosted.withdraw(OTHER))
    assert list(node.files.all()) == []


def test_a_file_whose_withdrawal_was_cut_short_is_not_served_from_what_is_left_of_it() -> None:
    """The page went first: what a crash leaves behind is a record that nothing lists."""
    node = alone(scripted())
    add(node)
    file = only_file(node)
    result_of(node.catalogue.store_hosted(PKG, None, [NewChange(project=PKG, what=RELEASED)], 0.0))
    again = restarted(node)
    for ask in (ANY, LOCAL):
        with pytest.raises((FileAbsent, NotStored)):
            result_of(again.content(file, ask))
    with pytest.raises(NotStored):
        result_of(again.page("pkg", LOCAL))
    assert result_of(again.parts.files.open_stored(sha256(SMALL))) is None
    add(again, FILENAME, WHEEL)
    result_of(again.parts.hosted.withdraw(PKG))  # which takes away what is left
    assert list(again.files.all()) == []


def test_a_cached_file_that_is_published_here_is_hosted_from_then_on() -> None:
    public = scripted()
    (file,) = listed(public, "pkg", (SDIST, SMALL))
    node = alone(public)
    result_of(node.page("pkg"))
    result_of(node.content(file))
    add(node)
    record = record_of(node, SMALL)
    assert record is not None
    assert record.tier == HERE
    assert result_of(node.content(only_file(node), LOCAL)) == SMALL


# -- beside the tiers, where a rule opens that --------------------------------------------------------------------

OPENED = evolve(CONFIG, projects=(ProjectRule(match=("pkg",), tiers=("public",), also_upstream=("public",)),))


def opened() -> tuple[ScriptedUpstream, SmallNode]:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"), (SDIST, b"other bytes"))
    node = SmallNode(upstreams=[public], config=OPENED)
    add(node)
    return public, node


def test_also_upstream_shows_both_and_ones_own_files_win() -> None:
    _, node = opened()
    by_name = {file.filename: file for file in result_of(node.page("pkg")).files}
    assert list(by_name) == [SDIST, "pkg-9.9.tar.gz"]
    assert by_name[SDIST].hashes["sha256"] == sha256(SMALL)
    assert node.parts.stats.conflicts == 1
    assert result_of(node.content(by_name[SDIST])) == SMALL
    assert result_of(node.content(by_name["pkg-9.9.tar.gz"])) == b"public"
    assert filenames(node, LOCAL) == [SDIST, "pkg-9.9.tar.gz"]
    assert result_of(node.parts.pages.shown(PKG, ANY)).home is None


def test_also_upstream_never_hides_ones_own_files() -> None:
    """Whatever the tier says: it has none, it is silent, it was never asked."""
    public, node = opened()
    del public.pages["pkg"]
    assert filenames(node) == [SDIST]
    silent, node = opened()
    silent.silent = "gone"
    shown = result_of(node.parts.pages.shown(PKG, ANY))
    assert ([file.filename for file in shown.page.files], shown.outcome.detail) == ([SDIST], "partial")
    _, node = opened()
    assert filenames(node, Ask(only_if_cached=True)) == [SDIST]
    assert filenames(node, LOCAL) == [SDIST]


def test_a_file_published_while_a_tier_is_asked_beside_is_in_the_answer() -> None:
    _, node = opened()
    add(node, FILENAME, WHEEL)
    assert set(filenames(node)) == {SDIST, FILENAME, "pkg-9.9.tar.gz"}
    result_of(node.parts.hosted.withdraw(PKG, FILENAME))
    assert set(filenames(node)) == {SDIST, "pkg-9.9.tar.gz"}


# -- what the store does not give back ----------------------------------------------------------------------------


def test_a_hosted_page_that_cannot_be_read_is_an_error_and_no_reason_to_ask_a_tier() -> None:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"))
    node = alone(public)
    add(node)
    result_of(node.catalogue.store_hosted(PKG, b"no page", [], 0.0))
    for ask in (ANY, LOCAL):
        with pytest.raises(PageUnusable):
            result_of(restarted(node).page("pkg", ask))
    assert public.asked == []


def test_a_change_of_many_files_names_what_they_are() -> None:
    """A larger project is one page, in the order of publication."""
    node = alone()
    names = [f"pkg-{number}.0-py3-none-any.whl" for number in range(20)]
    for number, name in enumerate(names):
        add(node, name, wheel("pkg", f"{number}.0", METADATA, filler=number * 64))
    assert filenames(node) == names
    assert node.parts.janitor._catalogue.hosted_bytes() == sum(size for _, size in node.files.all())


@define(eq=False)
class SlowCatalogue(MemoryCatalogue):
    """One whose hosted pages are written only when the test lets it."""

    waiting: list[Callable[[], None]] = field(factory=list, init=False)
    is_slow: bool = field(default=True, init=False)

    def store_hosted(
        self, project: ProjectName, body: bytes | None, changes: Sequence[NewChange], at: float, *more: Any
    ) -> Deferred[Sequence[Change]]:
        write = super().store_hosted
        if not self.is_slow:
            return write(project, body, changes, at, *more)
        done: Deferred[Sequence[Change]] = Deferred()
        self.waiting.append(lambda: write(project, body, changes, at, *more).chainDeferred(done))
        return done

    def go_on(self) -> None:
        """Write what waits, and from now on at once."""
        self.is_slow = False
        waiting, self.waiting = self.waiting, []
        for write in waiting:
            write()


@define(eq=False)
class FullCatalogue(MemoryCatalogue):
    """One that has no room for a file's record, or none for a hosted page."""

    fails_at: str = field(default="", kw_only=True)

    def store_file(self, record: FileRecord) -> Deferred[None]:
        return fail(StoreFull(reason="test")) if self.fails_at == "file" else super().store_file(record)

    def store_hosted(
        self, project: ProjectName, body: bytes | None, changes: Sequence[NewChange], at: float, *more: Any
    ) -> Deferred[Sequence[Change]]:
        if self.fails_at == "page":
            return fail(StoreFull(reason="test"))
        return super().store_hosted(project, body, changes, at, *more)


def test_reservations_of_tiers_and_hosted_names_do_not_get_into_each_others_way() -> None:
    node = alone(scripted("office"))
    result_of(node.parts.reserved.heard("office", "e1", Reserved(digest="", complete=True, names=("zoo",))))
    add(node)
    assert node.parts.reserved.announced().names == ("pkg", "zoo")
    assert restarted(node).parts.reserved.announced().names == ("pkg", "zoo")


# -- who did what -------------------------------------------------------------------------------------------------


def test_each_change_is_told_with_who_made_it_and_when() -> None:
    node = alone()
    hosted = node.parts.hosted
    stored(node.files, SMALL)
    node.clock.advance(10)
    result_of(hosted.add(PKG, a_file(SDIST, SMALL), by="alice"))
    result_of(hosted.add(PKG, a_file(SDIST, SMALL), by="bob"))  # the same again
    node.clock.advance(10)
    result_of(hosted.yank(PKG, SDIST, "broken", by="token ci of alice"))
    result_of(hosted.yank(PKG, SDIST, "broken", by="bob"))  # the same again
    result_of(hosted.yank(PKG, SDIST, False, by="operator"))
    result_of(hosted.withdraw(PKG, SDIST, by="bob"))
    result_of(hosted.withdraw(PKG, by="operator"))
    assert [(act.at, act.by, act.what, act.filename) for act in node.catalogue.acts(PKG, None, 100)] == [
        (10.0, "alice", PUBLISHED, SDIST),
        (20.0, "token ci of alice", YANKED, SDIST),
        (20.0, "operator", UNYANKED, SDIST),
        (20.0, "bob", WITHDRAWN, SDIST),
        (20.0, "operator", RELEASED, ""),
    ]
    details = [act.detail for act in node.catalogue.acts(PKG, None, 100)]
    assert details == [sha256(SMALL), "broken", "", "", ""]


def test_what_comes_along_with_a_file_is_kept_and_shown() -> None:
    node = alone()
    stored(node.files, SMALL)
    along = {SIDECAR: METADATA, PROVENANCE: b'{"version": 1}'}
    result_of(node.parts.hosted.add(PKG, a_file(SDIST, SMALL), attachments=along))
    file = only_file(node)
    assert file.core_metadata == {"sha256": sha256(METADATA)}
    assert file.provenance is not None
    assert sidecar(node, file, LOCAL).data == METADATA
    shown = result_of(node.parts.sidecars.provenance(identity_of(file), SDIST, LOCAL))
    assert shown.data == b'{"version": 1}'
