"""Merged pages: what several tiers have together, and what becomes of it when one of them does not answer."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace
from twisted.logger import globalLogPublisher

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.signal import Signal
from tiercache.errors import NoTierAnswered, ProjectAbsent
from tiercache.interfaces import Reservation
from tiercache.policy.selection import ProjectRule
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of, normalise
from tiercache.simple.stored import dump_page
from tiercache.storage.memory import MemoryCatalogue

NUMPY = normalise("numpy")
MERGE = ProjectRule(match=("*",), tiers=("office", "public"), merge=True)
OPENED = ProjectRule(match=("*",), tiers=("office",), also_upstream=("public",))


def two_tiers(**public: object) -> tuple[ScriptedUpstream, ScriptedUpstream]:
    office, other = scripted("office"), scripted("public", **public)
    listed(office, "numpy", ("numpy-1.0.tar.gz", b"of the office"))
    listed(other, "numpy", ("numpy-2.0.tar.gz", b"of all"))
    return office, other


def node_of(*tiers: ScriptedUpstream, rule: ProjectRule = MERGE, catalogue: MemoryCatalogue | None = None) -> SmallNode:
    config = evolve(CONFIG, projects=(rule,))
    return SmallNode(upstreams=[*tiers], config=config, catalogue=catalogue or MemoryCatalogue())


def names(node: SmallNode, ask: object = ANY) -> list[str]:
    page = result_of(node.page("numpy", ask))  # type: ignore[arg-type]  # an Ask
    return [file.filename for file in page.files]


BOTH = ["numpy-1.0.tar.gz", "numpy-2.0.tar.gz"]


def test_a_merged_page_has_the_files_of_all_tiers_and_is_kept() -> None:
    office, public = two_tiers()
    node = node_of(office, public)
    assert names(node) == BOTH
    assert names(node) == BOTH
    assert [len(tier.asked) for tier in (office, public)] == [1, 1]
    assert names(node_of(office, public, catalogue=node.catalogue)) == BOTH
    assert [len(tier.asked) for tier in (office, public)] == [1, 1]


def test_the_tiers_of_a_merge_are_asked_all_at_once() -> None:
    office, public = two_tiers(gate=Signal())
    office.gate = Signal()
    node = node_of(office, public)
    waiting = begun(node.parts.pages.shown(NUMPY, ANY))
    assert [len(tier.asked) for tier in (office, public)] == [1, 1]
    assert public.gate is not None
    public.gate.fire()
    office.gate.fire()
    assert len(result_of(waiting).page.files) == 2


def test_a_tier_without_the_project_has_no_part_and_takes_none_away() -> None:
    office, public = scripted("office"), two_tiers()[1]
    node = node_of(office, public)
    assert names(node) == ["numpy-2.0.tar.gz"]
    assert names(node) == ["numpy-2.0.tar.gz"]
    assert len(public.asked) == 1


def test_a_project_that_no_tier_of_a_merge_has_is_absent() -> None:
    with pytest.raises(ProjectAbsent):
        result_of(node_of(scripted("office"), scripted("public")).page("numpy"))


def test_a_file_of_a_merged_page_is_fetched_where_it_is_listed() -> None:
    office, public = two_tiers()
    node = node_of(office, public)
    names(node)
    (theirs,) = public.pages[NUMPY].files
    assert result_of(node.content(theirs)) == b"of all"
    assert [words[0] for words in office.asked] == ["page"]


def test_what_is_there_is_given_without_what_is_missing_but_never_kept() -> None:
    office, public = two_tiers()
    office.silent = "down"
    node = node_of(office, public)
    settled = result_of(node.parts.pages.settled(NUMPY, ANY))
    assert (settled.outcome.detail, settled.outcome.stored) == ("partial", False)
    assert names(node) == ["numpy-2.0.tar.gz"]
    assert node.catalogue.entry(NUMPY) is None
    office.silent = None
    assert names(node) == BOTH


def test_a_stored_page_is_given_before_one_that_lacks_a_part() -> None:
    office, public = two_tiers()
    node = node_of(office, public)
    names(node)
    office.silent = "down"
    node.clock.advance(601)
    settled = result_of(node.parts.pages.settled(NUMPY, ANY))
    assert (settled.outcome.fwd, settled.outcome.detail) == ("stale", "down")
    assert settled.entry is not None
    assert settled.entry.page is not None
    assert [file.filename for file in settled.entry.page.files] == BOTH


def test_a_file_that_a_partial_page_does_not_list_is_not_said_to_be_absent() -> None:
    office, public = two_tiers()
    (ours,) = office.pages[NUMPY].files
    office.silent = "down"
    node = node_of(office, public)
    with pytest.raises(NoTierAnswered, match="partial"):
        result_of(node.parts.files.open(identity_of(ours), ours.filename, ANY))


def test_a_merge_of_which_nothing_is_there_and_something_is_missing_is_unavailable() -> None:
    for tiers in (
        (scripted("office", silent="down"), scripted("public")),
        (scripted("office"), scripted("public", silent="down")),
    ):
        with pytest.raises(NoTierAnswered, match="down"):
            result_of(node_of(*tiers).page("numpy"))


def test_a_loop_takes_its_part_away_for_this_request_alone() -> None:
    office, public = two_tiers()
    office.loops = True
    node = node_of(office, public)
    settled = result_of(node.parts.pages.settled(NUMPY, ANY))
    assert (settled.outcome.detail, settled.outcome.stored) == ("partial", False)
    office.loops = False
    assert names(node) == BOTH


def test_a_conflict_is_counted_and_logged_once_and_the_first_tiers_file_is_shown() -> None:
    office, public = scripted("office"), scripted("public")
    (ours,) = listed(office, "numpy", ("numpy-1.0.tar.gz", b"of the office"))
    listed(public, "numpy", ("numpy-1.0.tar.gz", b"another"))
    node = node_of(office, public)
    told: list[str] = []
    observer = lambda event: told.append(event["filename"]) if "kept_digest" in event else None  # noqa: E731  # two lines less
    globalLogPublisher.addObserver(observer)
    try:
        for _ in range(3):
            (shown,) = result_of(node.page("numpy", NO_CACHE)).files
            assert shown.hashes == ours.hashes
    finally:
        globalLogPublisher.removeObserver(observer)
    assert node.parts.stats.conflicts == 1
    assert told == ["numpy-1.0.tar.gz"]
    assert result_of(node.content(ours)) == b"of the office"


def test_an_entry_that_other_tiers_make_up_now_is_asked_for_again_and_stands_in_meanwhile() -> None:
    office, public = two_tiers()
    catalogue = MemoryCatalogue()
    alone = ProjectRule(match=("*",), tiers=("office", "public"))
    assert names(node_of(office, public, rule=alone, catalogue=catalogue)) == BOTH[:1]
    public.silent = "down"
    assert names(node_of(office, public, catalogue=catalogue)) == BOTH[:1]
    public.silent = None
    assert names(node_of(office, public, catalogue=catalogue)) == BOTH
    office.silent = "down"
    assert names(node_of(office, public, rule=alone, catalogue=catalogue)) == BOTH[1:]


def test_a_merged_entry_is_none_once_one_of_its_tiers_may_not_answer() -> None:
    office, public = two_tiers()
    catalogue = MemoryCatalogue()
    names(node_of(office, public, catalogue=catalogue))
    office.silent = public.silent = "down"
    with pytest.raises(NoTierAnswered):
        names(node_of(office, public, rule=ProjectRule(match=("*",), tiers=("office",)), catalogue=catalogue))


# -- reserved names that are opened -----------------------------------------------------------------------------


def reserved_by_office() -> MemoryCatalogue:
    catalogue = MemoryCatalogue()
    result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e", names=(NUMPY,))))
    return catalogue


def test_also_upstream_puts_its_files_behind_those_of_who_reserved_the_name() -> None:
    office, public = two_tiers()
    assert names(node_of(office, public, rule=OPENED, catalogue=reserved_by_office())) == BOTH


def test_what_also_upstream_has_is_no_answer_while_who_reserved_the_name_is_silent() -> None:
    office, public = two_tiers()
    office.silent = "down"
    node = node_of(office, public, rule=OPENED, catalogue=reserved_by_office())
    with pytest.raises(NoTierAnswered, match="down"):
        names(node)
    public.silent, office.silent = "down", None
    assert names(node) == BOTH[:1]


def hosting(*files: File) -> MemoryCatalogue:
    catalogue = MemoryCatalogue()
    result_of(catalogue.store_hosted(NUMPY, dump_page(Page(project=NUMPY, files=files)), [], 0.0))
    return catalogue


OWN = File(filename="numpy-9.0.tar.gz", url="here:", hashes={"sha256": "0" * 64}, size=1)


def test_a_hosted_project_is_answered_alone_unless_it_is_opened() -> None:
    for rule, shown in ((MERGE, []), (OPENED, ["numpy-2.0.tar.gz"])):
        office, public = two_tiers()
        node = node_of(office, public, rule=rule, catalogue=hosting(OWN))
        assert names(node) == [OWN.filename, *shown]
        assert office.asked == []


def test_own_files_are_shown_whatever_becomes_of_those_that_the_project_is_opened_to() -> None:
    office, public = two_tiers()
    node = node_of(office, public, rule=OPENED, catalogue=hosting(OWN))
    for silent, has_it in (("down", True), (None, False)):
        public.silent = silent
        if not has_it:
            public.pages.clear()
        assert names(node, NO_CACHE)[:1] == [OWN.filename]


def test_own_bytes_win_over_others_of_that_filename() -> None:
    office, public = two_tiers()
    mine = replace(OWN, filename="numpy-2.0.tar.gz")
    node = node_of(office, public, rule=OPENED, catalogue=hosting(mine))
    (shown,) = result_of(node.page("numpy")).files
    assert shown.hashes == mine.hashes
    assert node.parts.stats.conflicts == 1


def test_a_client_that_waits_for_a_merge_waits_for_its_most_silent_tier() -> None:
    office, public = two_tiers(gate=Signal())
    node = node_of(office, public)
    begun(node.parts.chain.page(NUMPY, None, False, ANY.hops))
    node.clock.advance(0.3)
    assert node.parts.chain.silence_s(NUMPY) == 0.3
