"""Removals through two nodes: what each shows of its stored files, and what the lower makes of the other's word."""

from __future__ import annotations

import json

import pytest

from tests.doubles.chain_of_nodes import BASE, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import sha256
from tests.doubles.tier_http import JSON_TYPE, http_answer
from tiercache.policy.freshness import FreshnessRules, Removed

OLD, NEW = "numpy-1.0.tar.gz", "numpy-2.0.tar.gz"
CONTENTS = {OLD: b"old" * 1000, NEW: b"new" * 1000}

Shown = list[tuple[str, bool | str]]
"""Filenames in order, each with what it says of being yanked."""


def two(office_removed: Removed, laptop_removed: Removed) -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    """Both nodes have both files."""
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN, freshness=FreshnessRules(removed=office_removed))
    laptop = chain.node("laptop", "office", freshness=FreshnessRules(removed=laptop_removed))
    chain.lists("numpy", *CONTENTS.items())
    for filename, path in laptop.files_of("numpy").items():
        assert laptop.get(path).body == CONTENTS[filename]
    return chain, office, laptop


def shown(node: JoinedNode, root: str = "simple") -> Shown | int:
    """What a client reads, or the status that it is answered with."""
    reply = node.get(f"/{root}/numpy/", {"Accept": JSON_TYPE, "Cache-Control": "no-cache"})
    if reply.status != 200:
        return reply.status
    return [(file["filename"], file.get("yanked", False)) for file in json.loads(reply.body)["files"]]


NOTHING: list[object] = []
KEPT: Shown = [(NEW, False), (OLD, False)]
BY_ORIGIN: Shown = [(NEW, False), (OLD, "removed from origin")]
BY_OFFICE: Shown = [(NEW, False), (OLD, "removed from office")]


@pytest.mark.parametrize(
    ("office_removed", "laptop_removed", "at_office", "at_laptop", "local_at_laptop"),
    [
        ("hide", "hide", [(NEW, False)], [(NEW, False)], BY_OFFICE),
        ("hide", "keep", [(NEW, False)], KEPT, BY_OFFICE),
        ("hide", "warn", [(NEW, False)], BY_OFFICE, BY_OFFICE),
        ("keep", "hide", KEPT, KEPT, KEPT),  # to the laptop it was never removed
        ("warn", "hide", BY_ORIGIN, BY_ORIGIN, BY_ORIGIN),
        ("warn", "keep", BY_ORIGIN, BY_ORIGIN, BY_ORIGIN),  # a yank is a yank
    ],
)
def test_each_node_shows_its_own_stored_files_by_its_own_rule(
    office_removed: Removed, laptop_removed: Removed, at_office: Shown, at_laptop: Shown, local_at_laptop: Shown
) -> None:
    chain, office, laptop = two(office_removed, laptop_removed)
    chain.lists("numpy", (NEW, CONTENTS[NEW]))
    assert (shown(laptop), shown(office)) == (at_laptop, at_office)
    assert shown(laptop, "local") == local_at_laptop
    assert shown(office, "local") == BY_ORIGIN


@pytest.mark.parametrize(
    ("office_removed", "laptop_removed", "at_office", "at_laptop"),
    [
        ("hide", "hide", 404, 404),
        ("hide", "keep", 404, [(OLD, False), (NEW, False)]),
        ("hide", "warn", 404, [(OLD, "removed from office"), (NEW, "removed from office")]),
        ("keep", "hide", [(OLD, False), (NEW, False)], [(OLD, False), (NEW, False)]),
    ],
)
def test_a_project_that_the_index_has_no_more_is_shown_where_a_node_keeps_it(
    office_removed: Removed, laptop_removed: Removed, at_office: Shown | int, at_laptop: Shown | int
) -> None:
    chain, office, laptop = two(office_removed, laptop_removed)
    chain.index.on(f"GET {BASE}numpy/", http_answer(404))
    assert (shown(laptop), shown(office)) == (at_laptop, at_office)
    for node in (office, laptop):
        for filename, content in CONTENTS.items():
            assert node.get(f"/local/files/{sha256(content)}/{filename}").body == content


@pytest.mark.parametrize("office_removed", ["hide", "warn"])
def test_a_quarantine_comes_down_the_chain(office_removed: Removed) -> None:
    chain, office, laptop = two(office_removed, "hide")
    page = {
        "meta": {"api-version": "1.4"},
        "name": "numpy",
        "files": NOTHING,
        "versions": NOTHING,
        "project-status": {"status": "quarantined"},
    }
    chain.index.on(f"GET {BASE}numpy/", http_answer(200, json.dumps(page).encode(), {"Content-Type": JSON_TYPE}))
    marked: Shown = [(OLD, "quarantined at origin"), (NEW, "quarantined at origin")]
    if office_removed == "hide":
        assert (shown(laptop), shown(office)) == ([], [])
        told = json.loads(laptop.page("numpy").body)
        assert told["project-status"] == {"status": "quarantined"}
        assert shown(laptop, "local") == [(OLD, "quarantined at office"), (NEW, "quarantined at office")]
    else:
        assert (shown(laptop), shown(office)) == (marked, marked)
    assert shown(office, "local") == marked
