"""Reserved names: what neither a wiped or replaced parent, nor an incomplete word, a restart or an outage opens.

Promise 3: no name crosses a trust border.  What the words of a tier amount to is in `tests/policy/test_reserved.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.journal import Journal
from tiercache.cache.reserved import COMPLETE, ReservedNames
from tiercache.cache.signal import Signal
from tiercache.errors import NoTierAnswered, NotStored, ProjectAbsent, StoreFull
from tiercache.interfaces import ICatalogue, Reservation
from tiercache.policy.freshness import FreshnessRules, Removed
from tiercache.policy.news import NAMED, RELEASED
from tiercache.policy.selection import NOT_RESERVED, ProjectRule, ReservedBy
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire import LONGEST_NAME, Reserved

ACME, ZOO, NEW = normalise("acme"), normalise("zoo"), normalise("new")
PRIVATE, PUBLIC = b"private" * 10, b"public" * 10


def said(*names: str, complete: bool = True) -> Reserved:
    return Reserved(digest="", complete=complete, names=names)


def names_over(catalogue: ICatalogue, *tiers: str, nodes: tuple[str, ...] | None = None) -> ReservedNames:
    return ReservedNames(
        catalogue=catalogue,
        journal=Journal(catalogue=catalogue, now=lambda: 0.0, node_id="here"),
        tiers=tiers,
        nodes=frozenset(tiers if nodes is None else nodes),
    )


def office_names(*words: tuple[str, Reserved]) -> ReservedNames:
    """What is reserved after the office has said so."""
    names = names_over(MemoryCatalogue(), "office")
    for epoch, word in words:
        result_of(names.heard("office", epoch, word))
    return names


def reserved(names: ReservedNames) -> list[str]:
    return list(names.announced().names)


def journal_of(catalogue: ICatalogue) -> list[tuple[str, str]]:
    return [(change.project, change.what) for change in catalogue.changes(0, 100) or ()]


# -- the bad days, by themselves ----------------------------------------------------------------------------------


def test_a_wiped_parent_opens_no_name_however_often_it_says_that_it_has_none() -> None:
    names = office_names(("e1", said("acme", "zoo")), ("e2", said()))
    assert reserved(names) == ["acme", "zoo"]
    for word in (said(complete=False), said(), said("zoo"), said()):
        result_of(names.heard("office", "e2", word))
        assert "acme" in reserved(names)
    assert reserved(names) == ["acme"]  # what the new journal announced itself it may take back


def test_a_replaced_parent_opens_no_name() -> None:
    names = office_names(("e1", said("acme")), ("another", said("new")))
    assert reserved(names) == ["acme", "new"]
    result_of(names.heard("office", "yet another", said()))
    assert reserved(names) == ["acme", "new"]


def test_an_incomplete_announcement_opens_no_name() -> None:
    assert reserved(office_names(("e1", said("acme")), ("e1", said(complete=False)))) == ["acme"]


def test_a_restart_opens_no_name_and_forgets_not_from_which_journal_it_is() -> None:
    catalogue = MemoryCatalogue()
    before = names_over(catalogue, "office")
    result_of(before.heard("office", "e1", said("acme", "zoo")))
    result_of(before.heard("office", "e2", said("new")))
    after = names_over(catalogue, "office")
    assert (after.announced(), after.everything()) == (before.announced(), before.everything())
    assert reserved(after) == ["acme", "new", "zoo"]
    result_of(after.heard("office", "e2", said()))
    assert reserved(names_over(catalogue, "office")) == ["acme", "zoo"]


def test_a_store_that_was_set_back_above_opens_no_name() -> None:
    """Its epoch is the same, and its word is not to be taken for that of the journal which announced the name."""
    names = office_names(("e1", said("acme")))
    result_of(names.doubted("office"))
    assert not names.announced().complete
    result_of(names.heard("office", "e1", said()))
    assert reserved(names) == ["acme"]
    result_of(names.doubted("never-heard"))
    assert reserved(names) == ["acme"]


def test_a_tier_that_is_no_node_any_more_opens_no_name() -> None:
    names = office_names(("e1", said("acme")))
    names.is_no_node("office")
    assert reserved(names) == ["acme"]


@define(eq=False)
class FailingCatalogue(MemoryCatalogue):
    """One whose store takes so many reservations and then no more."""

    takes: int = field(default=0, kw_only=True)

    def store_reservation(self, reservation: Reservation) -> Deferred[None]:
        self.takes -= 1
        if self.takes < 0:
            return fail(StoreFull(reason="for the test"))
        return super().store_reservation(reservation)


WORDS = [("e1", said("acme", "zoo")), ("e2", said("new")), ("e2", said("acme")), ("e2", said(complete=False))]


@pytest.mark.parametrize("takes", range(14))
def test_a_crash_in_the_middle_of_storing_a_word_opens_no_name(takes: int) -> None:
    """Wherever the store stops, a restart finds every name that was reserved before that word and after it."""
    catalogue = FailingCatalogue(takes=takes)
    names, plain = names_over(catalogue, "office"), names_over(MemoryCatalogue(), "office")
    for epoch, word in WORDS:
        before = {*reserved(plain)}
        result_of(names.heard("office", epoch, word))
        result_of(plain.heard("office", epoch, word))
        after = {*reserved(plain)}
        assert {*reserved(names)} >= after  # until the node stops it holds in any case
        if catalogue.takes < 0:
            break
    assert {*reserved(names_over(catalogue, "office"))} >= before & after


def test_what_was_said_whole_in_another_journal_is_not_the_whole_of_this_one() -> None:
    catalogue = MemoryCatalogue()
    result_of(catalogue.store_reservation(Reservation(tier=f"office{COMPLETE}", epoch="e1", names=())))
    result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e2", names=("acme",))))
    assert not names_over(catalogue, "office").announced().complete
    result_of(catalogue.store_reservation(Reservation(tier=f"office{COMPLETE}", epoch="e2", names=())))
    assert names_over(catalogue, "office").announced().complete


def test_what_could_not_be_stored_is_stored_when_it_is_said_again() -> None:
    catalogue = FailingCatalogue(takes=0)
    names = names_over(catalogue, "office")
    result_of(names.heard("office", "e1", said("acme")))
    assert reserved(names) == ["acme"]
    catalogue.takes = 100
    result_of(names.heard("office", "e1", said("acme")))
    assert reserved(names_over(catalogue, "office")) == ["acme"]


def test_a_name_that_cannot_be_stored_as_dropped_stays_until_it_can() -> None:
    catalogue = FailingCatalogue(takes=100)
    names = names_over(catalogue, "office")
    result_of(names.heard("office", "e1", said("acme", "zoo")))
    catalogue.takes = 0
    result_of(names.heard("office", "e1", said("zoo")))
    assert reserved(names) == ["acme", "zoo"]
    catalogue.takes = 100
    result_of(names.heard("office", "e1", said("zoo")))
    assert reserved(names) == ["zoo"]


# -- what is announced, and by whom -------------------------------------------------------------------------------


def test_a_complete_list_of_the_same_journal_releases_what_it_does_not_name() -> None:
    assert reserved(office_names(("e1", said("acme", "zoo")), ("e1", said("zoo")))) == ["zoo"]


def test_who_announced_a_name_is_told_in_the_order_of_the_configuration() -> None:
    names = names_over(MemoryCatalogue(), "near", "far")
    result_of(names.heard("far", "f", said("acme", "zoo")))
    result_of(names.heard("near", "n", said("acme")))
    assert names.by(ACME) == ReservedBy(announced_by=("near", "far"))
    assert names.by(ZOO) == ReservedBy(announced_by=("far",))
    assert names.by(NEW) == NOT_RESERVED
    assert list(names.everything()) == [ACME, ZOO]


def test_a_tier_that_is_not_in_the_configuration_any_more_announces_nothing_until_it_is_again() -> None:
    catalogue = MemoryCatalogue()
    result_of(names_over(catalogue, "office").heard("office", "e1", said("acme")))
    assert reserved(names_over(catalogue, "other")) == []
    assert reserved(names_over(catalogue, "other", "office")) == ["acme"]


def test_this_nodes_word_is_complete_once_every_parent_has_said_that_its_own_is() -> None:
    catalogue = MemoryCatalogue()
    names = names_over(catalogue, "near", "far", "public", nodes=("near", "far"))
    assert not names.announced().complete
    result_of(names.heard("near", "n", said()))
    result_of(names.heard("far", "f", said(complete=False)))
    assert not names.announced().complete
    result_of(names.heard("far", "f", said()))
    assert names.announced().complete
    assert names_over(catalogue, "near", "far", "public", nodes=("near", "far")).announced().complete
    result_of(names.heard("far", "f", said(complete=False)))
    assert not names.announced().complete
    assert not names_over(catalogue, "near", "far", nodes=("near", "far")).announced().complete
    result_of(names.heard("far", "g", said()))
    assert names.announced().complete


def test_a_node_without_parents_and_one_whose_tier_turns_out_to_be_none_have_nothing_to_wait_for() -> None:
    assert names_over(MemoryCatalogue(), "public", nodes=()).announced().complete
    names = names_over(MemoryCatalogue(), "unknown")
    assert not names.announced().complete
    names.is_no_node("unknown")
    assert names.announced().complete


def test_the_digest_tells_other_names_and_the_same_ones_whoever_announced_them() -> None:
    digests = {
        office_names(*words).announced().digest
        for words in (
            [("e1", said())],
            [("e1", said("acme"))],
            [("e1", said("acme", "zoo"))],
            [("e1", said("acme", complete=False))],
        )
    }
    assert len(digests) == 4
    same = office_names(("e2", said("zoo", "acme"))).announced().digest
    assert same == office_names(("e1", said("acme")), ("e1", said("acme", "zoo"))).announced().digest


def test_what_is_no_normalised_name_is_passed_over() -> None:
    longest = "a" * LONGEST_NAME
    names = office_names(("e1", said("Acme", "a--b", "-a", "", "../x", "a\n", longest, longest + "a", "acme")))
    assert reserved(names) == sorted(["acme", longest])


def test_a_name_that_a_parents_journal_tells_of_is_reserved_before_the_list_comes() -> None:
    names = office_names(("e1", said("acme")))
    result_of(names.named("office", "e1", ZOO))
    assert reserved(names) == ["acme", "zoo"]
    assert names.announced().complete
    result_of(names.named("office", "e1", ProjectName("No Name")))
    result_of(names.heard("office", "e1", said("acme")))
    assert reserved(names) == ["acme"]


def test_names_are_journalled_when_they_become_reserved_and_when_they_cease_and_not_in_between() -> None:
    catalogue = MemoryCatalogue()
    names = names_over(catalogue, "near", "far")
    result_of(names.heard("near", "n", said("acme")))
    result_of(names.heard("far", "f", said("acme", "zoo")))
    result_of(names.heard("near", "n", said()))
    result_of(names.heard("far", "f", said("zoo")))
    assert journal_of(catalogue) == [("acme", NAMED), ("zoo", NAMED), ("acme", RELEASED)]
    result_of(names.named("far", "f", NEW))  # who heard that passes it on himself
    result_of(names.heard("far", "f", said("new", "zoo")))
    assert len(journal_of(catalogue)) == 3


def test_who_listens_hears_of_each_name_that_others_answer_for_from_now_on() -> None:
    heard: list[str] = []
    names = names_over(MemoryCatalogue(), "near", "far")
    names.on_change(heard.append)
    result_of(names.heard("near", "n", said("acme")))
    result_of(names.heard("far", "f", said("acme")))
    result_of(names.heard("far", "f", said("acme")))
    names.begin_hosting(ZOO)
    names.begin_hosting(ZOO)
    names.end_hosting(ZOO)
    assert heard == ["acme", "acme", "zoo", "zoo"]


def test_a_person_releases_a_name_that_nobody_could_say_was_free() -> None:
    catalogue = MemoryCatalogue()
    names = names_over(catalogue, "office")
    result_of(names.heard("office", "e1", said("acme", "zoo")))
    result_of(names.heard("office", "e2", said("zoo")))
    assert result_of(names.release(ACME)) is True
    assert reserved(names) == reserved(names_over(catalogue, "office")) == ["zoo"]
    assert result_of(names.release(ACME)) is False
    assert journal_of(catalogue)[-1] == ("acme", RELEASED)
    names.begin_hosting(NEW)
    assert result_of(names.release(NEW)) is False
    assert names.by(NEW).hosted


def test_a_release_that_cannot_be_stored_is_none() -> None:
    catalogue = FailingCatalogue(takes=100)
    names = names_over(catalogue, "office")
    result_of(names.heard("office", "e1", said("acme")))
    catalogue.takes = 0
    with pytest.raises(StoreFull):
        result_of(names.release(ACME))
    assert reserved(names) == ["acme"]


# -- what it means for a node -------------------------------------------------------------------------------------


def office_and_public(catalogue: MemoryCatalogue | None = None) -> tuple[ScriptedUpstream, ScriptedUpstream, SmallNode]:
    """Both tiers have a project `acme`; only the office's is the right one, and its version is the lower one."""
    office, public = scripted("office"), scripted("public")
    listed(office, "acme", ("acme-1.0.tar.gz", PRIVATE))
    listed(public, "acme", ("acme-9.9.tar.gz", PUBLIC))
    node = SmallNode(upstreams=[office, public], clock=Clock())
    if catalogue is not None:
        node = SmallNode(upstreams=[office, public], catalogue=catalogue)
    return office, public, node


def announce(node: SmallNode, *names: str, epoch: str = "e1", complete: bool = True) -> None:
    result_of(node.parts.reserved.heard("office", epoch, said(*names, complete=complete)))


def filenames(node: SmallNode, project: str = "acme") -> list[str]:
    return [file.filename for file in result_of(node.page(project)).files]


def pages_asked(tier: ScriptedUpstream) -> int:
    return sum(words[0] == "page" for words in tier.asked)


def test_an_outage_opens_no_name() -> None:
    """The office is down: an error, never the public project; and with a page at hand that one, stale."""
    office, public, node = office_and_public()
    announce(node, "acme")
    office.silent = "gone"
    with pytest.raises(NoTierAnswered):
        filenames(node)
    office.silent = None
    node.clock.advance(100)
    assert filenames(node) == ["acme-1.0.tar.gz"]
    office.silent = "gone"
    node.clock.advance(10_000)
    assert filenames(node) == ["acme-1.0.tar.gz"]
    assert pages_asked(public) == 0


BadDay = Callable[[SmallNode], SmallNode]


def wiped(node: SmallNode) -> SmallNode:
    announce(node, epoch="e2")
    announce(node, epoch="e2")
    return node


def unfinished(node: SmallNode) -> SmallNode:
    announce(node, complete=False)
    return node


def restarted(node: SmallNode) -> SmallNode:
    return SmallNode(upstreams=node.upstreams, catalogue=node.catalogue, files=node.files, clock=node.clock)


def wiped_and_restarted(node: SmallNode) -> SmallNode:
    return wiped(restarted(wiped(node)))


@pytest.mark.parametrize("bad_day", [wiped, unfinished, restarted, wiped_and_restarted])
@pytest.mark.parametrize("how", ["absent", "public", "silent"])
@pytest.mark.parametrize("has_page", [True, False])
def test_no_bad_day_lets_a_public_tier_answer_for_a_reserved_name(bad_day: BadDay, how: str, has_page: bool) -> None:
    """The office has lost the project, or passes on what the public index has of that name, or does not answer."""
    office, public, node = office_and_public()
    announce(node, "acme")
    if has_page:
        assert filenames(node) == ["acme-1.0.tar.gz"]
    node = bad_day(node)
    match how:
        case "absent":
            office.pages.clear()
        case "public":
            listed(office, "acme", ("acme-9.9.tar.gz", PUBLIC))
            office.reserves = False
        case "silent":
            office.silent = "gone"
    for ask in (ANY, NO_CACHE):
        node.clock.advance(3600)
        if has_page:
            assert [file.filename for file in result_of(node.page("acme", ask)).files] == ["acme-1.0.tar.gz"]
        else:
            with pytest.raises(NoTierAnswered):
                result_of(node.page("acme", ask))
    assert public.asked == []


def test_a_page_that_the_office_passed_on_before_it_hosted_the_project_does_not_count_any_more() -> None:
    office, public, node = office_and_public()
    (file,) = listed(office, "acme", ("acme-9.9.tar.gz", PUBLIC))
    office.reserves = False
    assert filenames(node) == ["acme-9.9.tar.gz"]
    assert result_of(node.content(file)) == PUBLIC
    announce(node, "acme")
    office.silent = "gone"
    with pytest.raises(NoTierAnswered):
        filenames(node)
    for again in (node, restarted(node)):
        with pytest.raises(NotStored):
            result_of(again.page("acme", LOCAL))
        with pytest.raises(NotStored):
            result_of(again.content(file, LOCAL))
    assert public.asked == []


@pytest.mark.parametrize("removed", ["hide", "keep", "warn"])
def test_a_private_file_that_was_withdrawn_is_still_local_and_no_key_of_ours_is_shown(removed: Removed) -> None:
    office, public = scripted("office"), scripted("public")
    old, new = listed(office, "acme", ("acme-1.0.tar.gz", PRIVATE), ("acme-2.0.tar.gz", b"new"))
    node = SmallNode(upstreams=[office, public], config=evolve(CONFIG, freshness=FreshnessRules(removed=removed)))
    announce(node, "acme")
    filenames(node)
    assert result_of(node.content(old)) == PRIVATE
    office.pages[ACME] = evolve(office.pages[ACME], files=(new,))
    shown = result_of(node.page("acme", NO_CACHE)).files
    assert [file.filename for file in shown] == ["acme-2.0.tar.gz", *(["acme-1.0.tar.gz"] if removed != "hide" else [])]
    (local,) = result_of(node.page("acme", LOCAL)).files
    assert (local.filename, local.extra) == ("acme-1.0.tar.gz", {"_withdrawn": True})
    assert all(not file.extra for file in shown)
    assert result_of(node.content(local, LOCAL)) == PRIVATE


def test_a_public_page_that_was_stored_before_is_not_shown_once_the_name_is_reserved() -> None:
    office, public, node = office_and_public()
    del office.pages["acme"]
    (file,) = public.pages["acme"].files
    assert filenames(node) == ["acme-9.9.tar.gz"]
    assert result_of(node.content(file)) == PUBLIC
    announce(node, "acme")
    office.silent = "gone"
    with pytest.raises(NoTierAnswered):
        filenames(node)
    with pytest.raises(NotStored):
        result_of(node.page("acme", LOCAL))
    for ask in (ANY, LOCAL):
        with pytest.raises((NoTierAnswered, NotStored)):
            result_of(node.content(file, ask))
        with pytest.raises((NoTierAnswered, NotStored)):
            result_of(node.parts.files.open(None, file.filename, ask))


def test_a_remembered_absence_does_not_outlive_a_name_that_becomes_reserved() -> None:
    office, public, node = office_and_public()
    del office.pages["acme"], public.pages["acme"]
    with pytest.raises(ProjectAbsent):
        filenames(node)
    listed(office, "acme", ("acme-1.0.tar.gz", PRIVATE))
    announce(node, "acme")
    assert filenames(node) == ["acme-1.0.tar.gz"]


def test_an_answer_that_was_on_its_way_when_the_name_became_reserved_is_not_used() -> None:
    office, public, node = office_and_public()
    del office.pages["acme"]
    public.gate = Signal()
    asking = begun(node.page("acme"))
    assert not asking.called
    listed(office, "acme", ("acme-1.0.tar.gz", PRIVATE))
    announce(node, "acme")
    public.gate.fire()
    assert [file.filename for file in result_of(asking).files] == ["acme-1.0.tar.gz"]


def test_a_name_that_becomes_reserved_while_the_office_cannot_be_reached_is_answered_by_nobody() -> None:
    office, public, node = office_and_public()
    del office.pages["acme"]
    public.gate = Signal()
    asking = begun(node.page("acme"))
    announce(node, "acme")
    office.silent = "gone"
    public.gate.fire()
    with pytest.raises(NoTierAnswered):
        result_of(asking)


def test_a_filename_that_is_most_likely_a_reserved_projects_is_no_other_projects() -> None:
    """`acme-tools-1.0.tar.gz` could be version `tools-1.0` of a public `acme`, by the letter."""
    office, public, node = office_and_public()
    announce(node, "acme-tools")
    listed(public, "acme", ("acme-tools-1.0.tar.gz", PUBLIC))
    del office.pages["acme"]
    assert filenames(node) == ["acme-tools-1.0.tar.gz"]
    with pytest.raises(Exception, match="acme-tools"):
        result_of(node.parts.files.open(None, "acme-tools-1.0.tar.gz", ANY))


def test_the_same_bytes_under_a_page_of_the_right_tier_are_served_wherever_they_came_from() -> None:
    """The digest decides: what was fetched from the public index before is not fetched again."""
    office, public, node = office_and_public()
    del office.pages["acme"]
    (file,) = public.pages["acme"].files
    filenames(node)
    result_of(node.content(file))
    announce(node, "acme")
    listed(office, "acme", ("acme-9.9.tar.gz", PUBLIC))
    assert filenames(node) == ["acme-9.9.tar.gz"]
    public.asked.clear()
    assert result_of(node.content(file)) == PUBLIC
    assert [found.filename for found in result_of(node.page("acme", LOCAL)).files] == ["acme-9.9.tar.gz"]
    assert result_of(node.content(file, LOCAL)) == PUBLIC
    assert (public.asked, [words for words in office.asked if words[0] == "file"]) == ([], [])


def test_stored_files_of_a_tier_that_was_renamed_are_still_local_where_no_border_is_drawn() -> None:
    office, public, node = office_and_public()
    del office.pages["acme"]
    filenames(node)
    result_of(node.content(public.pages["acme"].files[0]))
    index = scripted("index")
    anyone = ProjectRule(match=("*",), tiers=("office", "index"))
    only_office = evolve(anyone, tiers=("office",))
    for rules, is_seen in (((), True), ((anyone,), True), ((only_office,), False)):
        config = evolve(CONFIG, projects=rules)
        renamed = SmallNode(upstreams=[office, index], catalogue=node.catalogue, files=node.files, config=config)
        if is_seen:
            assert [file.filename for file in result_of(renamed.page("acme", LOCAL)).files] == ["acme-9.9.tar.gz"]
        else:
            with pytest.raises(NotStored):
                result_of(renamed.page("acme", LOCAL))


def test_what_was_kept_of_a_removed_project_is_not_shown_once_its_name_is_reserved() -> None:
    office, public = scripted("office"), scripted("public")
    (file,) = listed(public, "acme", ("acme-9.9.tar.gz", PUBLIC))
    config = evolve(CONFIG, freshness=FreshnessRules(removed="keep"))
    node = SmallNode(upstreams=[office, public], config=config)
    filenames(node)
    result_of(node.content(file))
    del public.pages["acme"]
    node.clock.advance(1000)
    assert filenames(node) == ["acme-9.9.tar.gz"]
    announce(node, "acme")
    with pytest.raises(NoTierAnswered):
        filenames(node)
