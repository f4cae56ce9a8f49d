"""Which withdrawn files are seen where, and how they are marked."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tiercache.policy.freshness import Removed
from tiercache.policy.removed import Withdrawals, is_quarantined
from tiercache.simple.model import File, Page, ProjectStatus
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")
OLD = File(filename="numpy-1.0.tar.gz", url="https://public.example/1", hashes={"sha256": "a" * 64})
NEW = File(filename="numpy-2.0.tar.gz", url="https://public.example/2", hashes={"sha256": "b" * 64})
PAGE = Page(project=NUMPY, files=(NEW,))
QUARANTINE = evolve(PAGE, status=ProjectStatus(status="quarantined"))
GONE = Page(project=NUMPY)


def of(page: Page, removed: Removed = "hide") -> Withdrawals:
    return Withdrawals.of(page, ["public"], removed)


@pytest.mark.parametrize(
    ("page", "file", "tier", "withdrawn"),
    [
        (PAGE, OLD, "public", True),
        (PAGE, NEW, "public", False),
        (PAGE, replace(NEW, hashes={"sha256": "c" * 64}), "public", False),  # replaced, not withdrawn
        (PAGE, OLD, "office", False),  # whose page this is not
        (GONE, OLD, "public", True),
        (QUARANTINE, OLD, "public", True),
        (QUARANTINE, NEW, "public", True),
        (QUARANTINE, NEW, "office", False),
        (evolve(QUARANTINE, status=ProjectStatus(status="archived")), NEW, "public", False),
    ],
)
def test_withdrawn_is_what_the_page_of_its_own_tier_does_not_offer(
    page: Page, file: File, tier: str, withdrawn: bool
) -> None:
    assert of(page).include(file, tier) is withdrawn


@pytest.mark.parametrize(("page", "reason"), [(PAGE, "removed from public"), (QUARANTINE, "quarantined at public")])
def test_on_simple_the_owner_chooses_and_locally_it_is_always_seen_and_marked(page: Page, reason: str) -> None:
    assert of(page, "hide").on_simple(OLD, "public") is None
    assert of(page, "keep").on_simple(OLD, "public") is OLD
    assert of(page, "warn").on_simple(OLD, "public") == replace(OLD, yanked=reason)
    for removed in ("hide", "keep", "warn"):
        shown = of(page, removed).on_local(replace(OLD, extra={"other": 1}), "public")
        assert (shown.yanked, shown.extra) == (reason, {"other": 1, "_withdrawn": True})


def test_only_quarantined_means_that_files_are_not_offered() -> None:
    assert [is_quarantined(page) for page in (PAGE, GONE, QUARANTINE)] == [False, False, True]
    assert not is_quarantined(evolve(PAGE, status=ProjectStatus(status="a-word-of-the-future")))
