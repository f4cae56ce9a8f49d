"""Which jobs of which CI systems are meant."""

from __future__ import annotations

import pytest

from tests.doubles.issuer import CLAIMS, URL
from tiercache.access.publishers import ClaimPattern, TrustedPublisher, owner_of, publisher_of
from tiercache.simple.patterns import ProjectPatterns


def publisher(issuer: str = URL, projects: str = "acme-*", **claims: str) -> TrustedPublisher:
    return TrustedPublisher(
        issuer=issuer,
        claims={name: ClaimPattern(pattern) for name, pattern in claims.items()},
        may=frozenset({"publish"}),
        projects=ProjectPatterns((projects,)),
        lifetime_s=900.0,
    )


@pytest.mark.parametrize(
    ("pattern", "claimed", "is_meant"),
    [
        ("acme/tools", "acme/tools", True),
        ("acme/tools", "acme/tools2", False),
        ("acme/tools", "evil/acme/tools", False),
        ("acme/tools", "Acme/Tools", False),
        ("acme/tools", "acme/tools\n", False),
        ("acme/*", "acme/tools", True),
        ("acme/*", "acme/", True),
        ("acme/*", "acme/group/tools", False),
        ("acme/*", "acme-evil/tools", False),
        ("acme/**", "acme/group/tools", True),
        ("*", "acme/tools", False),
        ("**", "acme/tools", True),
        ("*", "release", True),
        ("v?.?", "v1.0", True),
        ("v?.?", "v1/0", False),
        ("v1.0", "v1x0", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a.*", "a.b", True),
        ("true", True, True),
        ("true", "true", True),
        ("True", True, False),
        ("1", True, False),
        ("4711", 4711, True),
        ("4711", 4711.0, False),
        ("*", None, False),
        ("acme", ["acme"], False),
        ("acme", {"acme": 1}, False),
        ("", "", True),
    ],
)
def test_pattern_of_a_claim_means_what_it_says(pattern: str, claimed: object, is_meant: bool) -> None:
    assert ClaimPattern(pattern).matches(claimed) is is_meant


@pytest.mark.parametrize(("pattern", "says_nothing"), [("*", True), ("**", True), ("***?", True), ("a*", False)])
def test_pattern_of_marks_alone_says_nothing(pattern: str, says_nothing: bool) -> None:
    assert ClaimPattern(pattern).matches_everything is says_nothing


def test_each_claim_that_is_named_has_to_match() -> None:
    both = publisher(repository="acme/*", environment="release")
    assert both.includes(URL, CLAIMS)
    assert not both.includes(URL, {**CLAIMS, "environment": "test"})
    assert not both.includes(URL, {**CLAIMS, "repository": "evil/tools"})


def test_claim_that_is_missing_does_not_match_even_what_matches_everything() -> None:
    assert not publisher(repository="acme/*", environment="*").includes(URL, {"repository": "acme/tools"})


@pytest.mark.parametrize("issuer", [URL + "/", URL.upper(), "https://ci.example.evil.example", "http://ci.example", ""])
def test_same_claims_of_another_issuer_are_not_meant(issuer: str) -> None:
    assert not publisher(repository="acme/*").includes(issuer, CLAIMS)


def test_first_publisher_that_is_meant_counts() -> None:
    others, first, second = (
        publisher(repository="other/*"),
        publisher(projects="a", repository="acme/*"),
        publisher(projects="b", repository="acme/tools"),
    )
    assert publisher_of(URL, CLAIMS, [others, first, second]) is first
    assert publisher_of(URL, CLAIMS, [others]) is None


@pytest.mark.parametrize(
    ("claims", "owner"),
    [
        (CLAIMS, "ci:acme/tools"),
        ({"project_path": "acme/group/tools", "sub": "project_path:acme/group/tools"}, "ci:acme/group/tools"),
        ({"sub": "job 7\n\x1b[31m"}, "ci:job-7-31m"),
        ({"sub": "ü" * 9}, "ci:-"),
        ({"repository": ["acme"], "sub": "x"}, "ci:x"),
        ({"repository": "a" * 1000}, "ci:" + "a" * 160),
        ({}, "ci:unnamed"),
    ],
)
def test_job_has_a_short_name_that_is_no_users(claims: dict[str, object], owner: str) -> None:
    assert owner_of(claims) == owner
