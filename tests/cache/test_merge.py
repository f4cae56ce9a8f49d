"""Pages of several tiers made one: whose file is shown, what is told, how old the whole is."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tiercache.cache.merge import Conflict, merged, merged_answer, merged_head
from tiercache.policy.entry import Entry, Head, Present, Validators
from tiercache.policy.freshness import FreshnessRules, current_age_s, time_to_live_s
from tiercache.simple.model import File, Page, ProjectStatus
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")


def file(name: str, sha256: str | None = "a", **what: object) -> File:
    hashes = {} if sha256 is None else {"sha256": sha256 * 64}
    return replace(File(filename=name, url=f"https://tier.example/{name}", hashes=hashes), **what)  # type: ignore[arg-type]  # fields of File


def page(*files: File, **what: object) -> Page:
    return evolve(Page(project=NUMPY, files=files), **what)  # type: ignore[arg-type]  # fields of Page


def head(tier: str, *, at: float = 0.0, **what: object) -> Head:
    return evolve(Head(tier=tier, requested_at=at, received_at=at), **what)  # type: ignore[arg-type]  # fields of Head


def test_the_files_of_all_are_shown_the_first_tiers_first() -> None:
    whole, conflicts = merged(
        [("office", page(file("b.whl"))), ("public", page(file("a.whl", "b"), file("c.whl", "c")))]
    )
    assert [one.filename for one in whole.files] == ["b.whl", "a.whl", "c.whl"]
    assert whole.listed_by == {"b.whl": "office", "a.whl": "public", "c.whl": "public"}
    assert conflicts == ()


def test_a_filename_with_two_digests_is_the_first_tiers_file_and_told_as_a_conflict() -> None:
    ours, theirs = file("b.whl", "a", url="https://office.example/b.whl"), file("b.whl", "b")
    whole, conflicts = merged([("office", page(ours)), ("public", page(theirs))])
    assert whole.files == (ours,)
    assert conflicts == (
        Conflict(filename="b.whl", kept="office", kept_digest="a" * 64, hidden="public", hidden_digest="b" * 64),
    )


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"sha256": "a" * 64}, False),
        ({"sha256": "b" * 64}, True),
        ({"sha256": "a" * 64, "md5": "1" * 32}, True),
        ({"sha256": "b" * 64, "md5": "0" * 32}, True),
        ({"sha256": "a" * 64, "md5": "0" * 32}, False),
        ({"md5": "1" * 32}, True),
        ({"sha512": "b" * 128}, False),  # nothing to compare: it is not known that they differ
        ({}, False),
    ],
)
def test_files_differ_if_any_digest_that_both_have_differs(other: dict[str, str], differs: bool) -> None:
    ours = file("b.whl", hashes={"sha256": "a" * 64, "md5": "0" * 32})
    _, conflicts = merged([("office", page(ours)), ("public", page(file("b.whl", hashes=other)))])
    assert bool(conflicts) is differs


def test_a_tier_that_lists_a_filename_twice_is_no_conflict_of_tiers() -> None:
    whole, conflicts = merged([("office", page(file("b.whl", "a"), file("b.whl", "b"))), ("public", page())])
    assert [one.hashes["sha256"][0] for one in whole.files] == ["a"]
    assert conflicts == ()


def test_versions_are_those_of_all_or_unknown() -> None:
    listing, other = page(versions=("2.0", "1.0")), page(versions=("1.0", "3.0"))
    assert merged([("office", listing), ("public", other)])[0].versions == ("2.0", "1.0", "3.0")
    assert merged([("office", listing), ("public", page())])[0].versions is None


def test_a_quarantined_page_offers_no_files_of_its_own_and_does_not_hide_the_others() -> None:
    shut = page(file("bad.whl"), status=ProjectStatus(status="quarantined"))
    fine = page(file("good.whl"))
    for pages in ([("office", shut), ("public", fine)], [("office", fine), ("public", shut)]):
        whole, _ = merged(pages)
        assert [one.filename for one in whole.files] == ["good.whl"]
        assert whole.status is None
    whole, _ = merged([("office", shut), ("public", shut)])
    assert whole.status == ProjectStatus(status="quarantined")


def test_what_else_a_page_says_is_the_first_ones_word_before_the_others() -> None:
    ours, theirs = page(extra={"x": 1}, meta_extra={"m": 1}), page(extra={"x": 2, "y": 2}, meta_extra={"n": 2})
    whole, _ = merged([("office", ours), ("public", theirs)])
    assert (whole.extra, whole.meta_extra) == ({"x": 1, "y": 2}, {"m": 1, "n": 2})


def test_a_page_that_was_merged_above_keeps_whose_its_files_are() -> None:
    first, _ = merged([("a", page(file("a.whl"))), ("b", page(file("b.whl")))])
    whole, _ = merged([("a", first), ("c", page(file("c.whl")))])
    assert whole.listed_by == {"a.whl": "a", "b.whl": "b", "c.whl": "c"}


def test_a_merged_page_is_as_old_as_its_oldest_part_and_fresh_for_as_long_as_each_part_is() -> None:
    heads = [head("office", age_s=100.0, lifetime_s=600.0), head("public", age_s=5.0, lifetime_s=60.0)]
    whole = merged_head(heads, ("office", "public"), 10.0)
    assert current_age_s(whole, 10.0) == 110.0
    left = time_to_live_s(Entry(project=NUMPY, head=whole, page=page()), FreshnessRules(page_s=10_000), 10.0)
    assert left == 45.0


@pytest.mark.parametrize(("stated", "left"), [((None, None), 600.0), ((None, 60.0), 60.0), ((0.0, 60.0), 0.0)])
def test_a_part_without_a_lifetime_lives_by_the_owners_rule(stated: tuple[float | None, ...], left: float) -> None:
    heads = [head(tier, lifetime_s=lifetime) for tier, lifetime in zip(("a", "b"), stated, strict=True)]
    whole = merged_head(heads, ("a", "b"), 0.0)
    assert time_to_live_s(Entry(project=NUMPY, head=whole, page=page()), FreshnessRules(page_s=600), 0.0) == left


def test_a_merged_page_was_asked_for_when_the_first_of_its_parts_was() -> None:
    heads = [head("office", at=3.0), evolve(head("public", at=1.0), received_at=5.0)]
    assert merged_head(heads, ("office", "public"), 5.0).requested_at == 1.0
    assert current_age_s(merged_head(heads, ("office", "public"), 5.0), 5.0) == 4.0


@pytest.mark.parametrize("storable", [True, False])
def test_a_merged_page_may_be_kept_if_each_part_may_and_can_only_be_had_anew(storable: bool) -> None:
    heads = [head("office", validators=Validators(etag='"x"'), serial=7), head("public", storable=storable)]
    whole = merged_head(heads, ("office", "spare", "public"), 0.0)
    assert whole.storable is storable
    assert (whole.tier, whole.merged) == ("office", ("office", "spare", "public"))
    assert (whole.validators, whole.serial, whole.home, whole.at) == (Validators(), None, None, None)


def test_the_sidecars_of_all_come_along() -> None:
    answers = [
        Present(page=page(), head=head("office"), sidecars={"1": b"one"}, cache_status="office; hit"),
        Present(page=page(), head=head("public"), sidecars={"2": b"two"}),
    ]
    whole, _ = merged_answer(answers, ("office", "public"), 0.0)
    assert whole.sidecars == {"1": b"one", "2": b"two"}
    assert whole.cache_status == "office; hit"
