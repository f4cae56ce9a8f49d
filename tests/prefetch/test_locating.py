"""Files looked up for somebody: what they may not read, or not prefetch, and how little is said of it."""

from __future__ import annotations

import pytest

from tests.doubles.now import result_of
from tests.doubles.small_node import file_requests, listed, scripted
from tests.prefetch.prefetching import files_wanted, prefetching, wanted_file
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Principal, Who
from tiercache.simple.patterns import ProjectPatterns
from tiercache.wire.prefetch import Wanted, WantedFile

ALICE = Principal(user="alice")
NUMPY = ("numpy-1.0.tar.gz", b"n" * 1000)


def grants(**may: list[str]) -> Permissions:
    return Permissions(
        grants=tuple(
            Grant(who=(Who(user="alice"),), may=frozenset({permission}), projects=ProjectPatterns(tuple(projects)))  # type: ignore[arg-type]
            for permission, projects in may.items()
        )
    )


def test_what_who_asks_may_not_read_looks_absent_and_is_not_brought_in() -> None:
    tier = scripted()
    (secret,) = listed(tier, "secret", ("secret-1.0.tar.gz", b"s"))
    (open_,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier, permissions=grants(read=["numpy"], prefetch=["*"]))
    job = here.submit(files_wanted(secret, open_), ALICE)
    assert here.outcomes(job)["secret-1.0.tar.gz"] == ("failed", "No file secret-1.0.tar.gz is to be had here.")
    assert here.outcomes(job)[open_.filename][0] == "fetched"
    assert [words[1] for words in file_requests(tier)] == [open_.url]


def test_what_who_asks_may_not_prefetch_is_not_brought_in() -> None:
    tier = scripted()
    (other,) = listed(tier, "other", ("other-1.0.tar.gz", b"o"))
    here = prefetching(tier, permissions=grants(read=["*"], prefetch=["numpy"]))
    job = here.submit(files_wanted(other), ALICE)
    assert here.outcomes(job)["other-1.0.tar.gz"] == ("failed", "alice may not prefetch this.")
    assert file_requests(tier) == []


def test_that_a_secret_file_is_stored_is_not_told_to_who_may_not_read_it() -> None:
    tier = scripted()
    (secret,) = listed(tier, "secret", ("secret-1.0.tar.gz", b"s"))
    here = prefetching(tier, permissions=grants(read=["numpy"], prefetch=["*"]))
    result_of(here.node.content(secret))
    job = here.submit(files_wanted(secret), ALICE)
    assert here.outcomes(job)["secret-1.0.tar.gz"] == ("failed", "No file secret-1.0.tar.gz is to be had here.")


@pytest.mark.parametrize("is_stored", [True, False])
def test_which_bytes_a_secret_file_has_is_not_told_to_who_may_not_read_it(is_stored: bool) -> None:
    tier = scripted()
    (secret,) = listed(tier, "secret", ("secret-1.0.tar.gz", b"s"))
    here = prefetching(tier, permissions=grants(read=["numpy"], prefetch=["*"]))
    if is_stored:
        result_of(here.node.content(secret))
    guessed = wanted_file(secret, hashes={"sha256": "0" * 64})
    job = here.submit(Wanted(files=(guessed,)), ALICE)
    assert here.outcomes(job)["secret-1.0.tar.gz"] == ("failed", "No file secret-1.0.tar.gz is to be had here.")


def test_of_a_name_that_may_belong_to_two_projects_the_secret_one_says_nothing() -> None:
    tier = scripted()
    (secret,) = listed(tier, "numpy-secret", ("numpy-secret-1.0.tar.gz", b"s"))
    here = prefetching(tier, permissions=grants(read=["numpy"], prefetch=["*"]))
    result_of(here.node.content(secret))
    job = here.submit(Wanted(files=(wanted_file(secret, hashes={"sha256": "0" * 64}),)), ALICE)
    assert here.outcomes(job)[secret.filename] == ("failed", f"No file {secret.filename} is to be had here.")


def test_no_tier_is_asked_for_what_who_asks_may_not_read_and_it_is_absent_at_once_when_all_are_down() -> None:
    tier = scripted()
    here = prefetching(tier, permissions=grants(read=["numpy"], prefetch=["*"]))
    tier.silent = "gone"
    job = here.submit(Wanted(files=(WantedFile(project="numpy", version="1.0", filename="secret-1.0.tar.gz"),)), ALICE)
    assert here.outcomes(job)["secret-1.0.tar.gz"] == ("failed", "No file secret-1.0.tar.gz is to be had here.")
    assert tier.asked == []
