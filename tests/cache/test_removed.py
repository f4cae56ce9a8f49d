"""`freshness.removed`: what is seen of stored files when their tier withdraws them, as one table and on bad days."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, NO_CACHE, SmallNode, listed, scripted, sha256
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import NoTierAnswered, NotStored, ProjectAbsent
from tiercache.policy.entry import Ask
from tiercache.policy.freshness import FreshnessRules, Removed
from tiercache.simple.model import FileIdentity, ProjectStatus
from tiercache.simple.names import identity_of, normalise
from tiercache.simple.render import render_html, render_json

OLD, NEW = "pkg-1.0.tar.gz", "pkg-2.0.tar.gz"
CONTENTS = {OLD: b"old bytes", NEW: b"new bytes"}

Shown = list[tuple[str, bool | str]]
"""Filenames, each with what it says of being yanked."""


def node_with(removed: Removed, *tiers: ScriptedUpstream) -> SmallNode:
    return SmallNode(upstreams=list(tiers), config=evolve(CONFIG, freshness=FreshnessRules(removed=removed)))


def filled(removed: Removed) -> tuple[ScriptedUpstream, SmallNode]:
    """A node that has both files of the project stored."""
    public = scripted()
    listed(public, "pkg", *CONTENTS.items())
    node = node_with(removed, public)
    for file in result_of(node.page("pkg")).files:
        result_of(node.content(file))
    node.clock.advance(3600)
    return public, node


def restarted(node: SmallNode) -> SmallNode:
    return SmallNode(
        upstreams=node.upstreams, catalogue=node.catalogue, files=node.files, clock=node.clock, config=node.config
    )


def shown(node: SmallNode, ask: Ask = ANY) -> Shown | None:
    """What a client reads on the page, or None for "not found"."""
    try:
        page = result_of(node.page("pkg", ask))
    except (ProjectAbsent, NotStored):
        return None
    told = json.loads(render_json(page, file_url=lambda file: file.filename))
    html = render_html(page, file_url=lambda file: file.filename).decode()
    assert all(file["filename"] in html for file in told["files"])
    assert html.count("data-yanked") == sum("yanked" in file for file in told["files"])
    return [(file["filename"], file.get("yanked", False)) for file in told["files"]]


# -- the table ----------------------------------------------------------------------------------------------------


def file_gone(public: ScriptedUpstream) -> None:
    public.pages["pkg"] = evolve(public.pages["pkg"], files=public.pages["pkg"].files[1:], versions=("2.0",))


def project_gone(public: ScriptedUpstream) -> None:
    del public.pages["pkg"]


def quarantined(public: ScriptedUpstream) -> None:
    public.pages["pkg"] = evolve(public.pages["pkg"], status=ProjectStatus(status="quarantined"))


def quarantined_and_emptied(public: ScriptedUpstream) -> None:
    quarantined(public)
    public.pages["pkg"] = evolve(public.pages["pkg"], files=())


def yanked(public: ScriptedUpstream) -> None:
    old, new = public.pages["pkg"].files
    public.pages["pkg"] = evolve(public.pages["pkg"], files=(replace(old, yanked="broken"), new))


REMOVED, QUARANTINED = "removed from public", "quarantined at public"
BOTH: Shown = [(OLD, False), (NEW, False)]
BOTH_REMOVED: Shown = [(OLD, REMOVED), (NEW, REMOVED)]
BOTH_QUARANTINED: Shown = [(OLD, QUARANTINED), (NEW, QUARANTINED)]
YANKED: Shown = [(OLD, "broken"), (NEW, False)]
ONE_REMOVED: Shown = [(NEW, False), (OLD, REMOVED)]

TABLE: list[tuple[Callable[[ScriptedUpstream], None], Removed, Shown | None, Shown]] = [
    # what happens, removed, what /simple/ shows, what /local/ shows
    (file_gone, "hide", [(NEW, False)], ONE_REMOVED),
    (file_gone, "keep", [(NEW, False), (OLD, False)], ONE_REMOVED),
    (file_gone, "warn", ONE_REMOVED, ONE_REMOVED),
    (project_gone, "hide", None, BOTH_REMOVED),
    (project_gone, "keep", BOTH, BOTH_REMOVED),
    (project_gone, "warn", BOTH_REMOVED, BOTH_REMOVED),
    (quarantined, "hide", [], BOTH_QUARANTINED),
    (quarantined, "keep", BOTH, BOTH_QUARANTINED),
    (quarantined, "warn", BOTH_QUARANTINED, BOTH_QUARANTINED),
    (quarantined_and_emptied, "hide", [], BOTH_QUARANTINED),
    (quarantined_and_emptied, "keep", BOTH, BOTH_QUARANTINED),
    (quarantined_and_emptied, "warn", BOTH_QUARANTINED, BOTH_QUARANTINED),
    (yanked, "hide", YANKED, YANKED),
    (yanked, "keep", YANKED, YANKED),
    (yanked, "warn", YANKED, YANKED),
]


@pytest.mark.parametrize(("happens", "removed", "everywhere", "locally"), TABLE)
def test_what_is_seen_of_stored_files_when_their_tier_withdraws_them(
    happens: Callable[[ScriptedUpstream], None], removed: Removed, everywhere: Shown | None, locally: Shown
) -> None:
    public, node = filled(removed)
    assert (shown(node), shown(node, LOCAL)) == (BOTH, BOTH)
    happens(public)
    node.clock.advance(3600)
    assert (shown(node), shown(node, LOCAL)) == (everywhere, locally)
    for file in result_of(node.page("pkg", LOCAL)).files:
        assert result_of(node.content(file, LOCAL)) == CONTENTS[file.filename]
    if everywhere:
        for file in result_of(node.page("pkg")).files:
            assert result_of(node.content(file)) == CONTENTS[file.filename]
    again = restarted(node)
    assert shown(again, LOCAL) == locally
    assert shown(again) == everywhere
    listed(public, "pkg", *CONTENTS.items())  # and it comes back
    assert (shown(again, NO_CACHE), shown(again, LOCAL)) == (BOTH, BOTH)


# -- edges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("removed", ["hide", "keep", "warn"])
def test_what_is_not_stored_goes_with_its_page(removed: Removed) -> None:
    public = scripted()
    listed(public, "pkg", *CONTENTS.items())
    node = node_with(removed, public)
    assert shown(node) == BOTH
    file_gone(public)
    assert shown(node, NO_CACHE) == [(NEW, False)]
    project_gone(public)
    assert shown(node, NO_CACHE) is None
    assert shown(node, LOCAL) is None


@pytest.mark.parametrize("removed", ["hide", "keep", "warn"])
def test_a_page_of_another_tier_withdraws_nothing_and_nothing_is_added_to_it(removed: Removed) -> None:
    """The home is silent, and the next tier stands in for it: its page says nothing of the home's files."""
    office, public = scripted("office"), scripted("public")
    listed(office, "pkg", (OLD, CONTENTS[OLD]))
    listed(public, "pkg", (NEW, CONTENTS[NEW]))
    node = node_with(removed, office, public)
    (file,) = result_of(node.page("pkg")).files
    result_of(node.content(file))
    result_of(node.catalogue.forget_entry(normalise("pkg")))
    node = restarted(node)
    office.silent = "gone"
    assert shown(node) == [(NEW, False)]
    assert shown(node, LOCAL) == [(OLD, False)]


@pytest.mark.parametrize("removed", ["keep", "warn"])
def test_a_filename_is_never_shown_twice_when_its_bytes_were_replaced(removed: Removed) -> None:
    public, node = filled(removed)
    listed(public, "pkg", (OLD, b"other bytes"), (NEW, CONTENTS[NEW]))
    assert shown(node, NO_CACHE) == BOTH
    assert result_of(node.page("pkg")).files[0].hashes["sha256"] == sha256(b"other bytes")


@pytest.mark.parametrize("removed", ["keep", "warn"])
def test_what_is_shown_of_a_removed_project_is_shown_through_an_outage_and_after_a_restart_in_it(
    removed: Removed,
) -> None:
    public, node = filled(removed)
    project_gone(public)
    before = shown(node)
    public.silent = "gone"
    for again in (node, restarted(node)):
        again.clock.advance(3600)
        assert shown(again) == before
    hiding = SmallNode(upstreams=[public], catalogue=node.catalogue, files=node.files, clock=node.clock)
    with pytest.raises(NoTierAnswered):
        shown(hiding)


@pytest.mark.parametrize("removed", ["keep", "warn"])
def test_what_is_evicted_is_shown_no_longer(removed: Removed) -> None:
    public, node = filled(removed)
    project_gone(public)
    assert shown(node) is not None
    for content in CONTENTS.values():
        record = node.catalogue.file(FileIdentity("sha256", sha256(content)))
        assert record is not None
        result_of(node.catalogue.forget_file(record.sha256))
    assert shown(node) is None
    assert shown(node, LOCAL) is None


@pytest.mark.parametrize(("removed", "is_marked"), [("keep", False), ("warn", True)])
def test_versions_of_files_that_are_kept_are_listed(removed: Removed, is_marked: bool) -> None:
    """PEP 700: `versions` hold those of every file on the page."""
    public, node = filled(removed)
    file_gone(public)
    told = json.loads(render_json(result_of(node.page("pkg", NO_CACHE)), file_url=lambda file: file.filename))
    assert told["versions"] == ["1.0", "2.0"]
    assert ["yanked" in file for file in told["files"]] == [False, is_marked]


@pytest.mark.parametrize("removed", ["hide", "keep", "warn"])
def test_a_quarantined_project_that_shows_files_does_not_say_that_it_is_quarantined(removed: Removed) -> None:
    """PEP 792: one that says so offers none."""
    public, node = filled(removed)
    quarantined(public)
    status = result_of(node.page("pkg", NO_CACHE)).status
    assert (status is None) is (removed != "hide")
    assert result_of(node.page("pkg", LOCAL)).status is None


def test_what_is_kept_is_to_be_had_by_range_and_by_name() -> None:
    public, node = filled("keep")
    file_gone(public)
    old = result_of(node.page("pkg", NO_CACHE)).files[-1]
    assert result_of(node.content(old, start=4)) == CONTENTS[OLD][4:]
    assert result_of(node.parts.files.head(identity_of(old), OLD, ANY)).size_bytes == len(CONTENTS[OLD])
