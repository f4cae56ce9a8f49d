from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.cache_status import LONGEST_PASSED_ON, Outcome, append, render, tells

GREATEST = 999_999_999_999_999


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(), "laptop"),
        (Outcome(hit=True), "laptop; hit"),
        (Outcome(hit=True, ttl_s=371.9, tier="office"), "laptop; hit; ttl=371"),
        (Outcome(hit=True, ttl_s=-0.5, detail="offline"), "laptop; hit; ttl=-1; detail=offline"),
        (Outcome(fwd="miss", fwd_status=200, stored=True), "laptop; fwd=miss; fwd-status=200; stored"),
        (
            Outcome(fwd="stale", fwd_status=304, stored=True, collapsed=True, ttl_s=600, detail="x"),
            "laptop; fwd=stale; fwd-status=304; stored; collapsed; ttl=600; detail=x",
        ),
        (Outcome(fwd="uri-miss", collapsed=True), "laptop; fwd=uri-miss; collapsed"),
        (Outcome(fwd="stale", detail="breaker open"), 'laptop; fwd=stale; detail="breaker open"'),
        # forwarded and hit exclude each other, and what is told of a forward needs one
        (Outcome(hit=True, fwd="stale"), "laptop; fwd=stale"),
        (Outcome(hit=True, fwd_status=200, stored=True, collapsed=True), "laptop; hit"),
        (Outcome(hit=True, ttl_s=float("inf")), f"laptop; hit; ttl={GREATEST}"),
        (Outcome(hit=True, ttl_s=-1e300), f"laptop; hit; ttl=-{GREATEST}"),
        (Outcome(hit=True, ttl_s=float("nan")), "laptop; hit"),
    ],
)
def test_outcome_is_rendered_in_the_words_of_rfc_9211(outcome: Outcome, text: str) -> None:
    assert render("laptop", outcome) == text


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("laptop", "laptop"),
        ("ci.office.example:8141", "ci.office.example:8141"),
        ("*", "*"),
        ("3rd-floor", '"3rd-floor"'),
        ("Ann's laptop", '"Ann\'s laptop"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a;hit", '"a;hit"'),
        ("a, b", '"a, b"'),
        ("büro", '"b?ro"'),
        ("a\r\nx: y", '"a??x: y"'),
        ("laptop\n", '"laptop?"'),
        ("", '""'),
    ],
)
def test_node_is_a_token_or_a_quoted_string(node: str, text: str) -> None:
    assert render(node, Outcome()) == text


ITEM = r'(?:[A-Za-z*][A-Za-z0-9!#$%&\'*+.^_`|~:/-]*|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*")'
MEMBER = re.compile(rf"{ITEM}(?:; (?:hit|stored|collapsed|(?:ttl|fwd-status)=-?[0-9]{{1,15}}|(?:fwd|detail)={ITEM}))*")


@given(
    st.text(),
    st.builds(
        Outcome,
        hit=st.booleans(),
        fwd=st.none() | st.text(),
        fwd_status=st.none() | st.integers(100, 599),
        stored=st.booleans(),
        collapsed=st.booleans(),
        ttl_s=st.none() | st.floats(),
        detail=st.none() | st.text(),
    ),
)
def test_every_outcome_is_one_well_formed_member(node: str, outcome: Outcome) -> None:
    assert MEMBER.fullmatch(render(node, outcome))


@pytest.mark.parametrize(
    ("existing", "text"),
    [
        (None, "laptop; hit"),
        ("", "laptop; hit"),
        (" , ", "laptop; hit"),
        ("office; fwd=miss", "office; fwd=miss, laptop; hit"),
        ("origin; hit, office; fwd=miss", "origin; hit, office; fwd=miss, laptop; hit"),
        (" office; hit , ", "office; hit, laptop; hit"),
        ("office; hit\r\nx: y", "laptop; hit"),
        ("büro; hit", "laptop; hit"),
        ("a" * LONGEST_PASSED_ON, "a" * LONGEST_PASSED_ON + ", laptop; hit"),
        ("a" * (LONGEST_PASSED_ON + 1), "laptop; hit"),
    ],
)
def test_member_stands_after_those_nearer_the_origin(existing: str | None, text: str) -> None:
    assert append(existing, "laptop; hit") == text


@pytest.mark.parametrize(
    ("field", "is_told"),
    [
        (None, False),
        ("", False),
        ("office; detail=not-admitted", True),
        ("office;detail=not-admitted ; ttl=1", True),
        ("office; fwd=miss; detail=not-admitted, proxy; fwd=uri-miss", True),
        ("office; detail=not-admitted-yet", False),
        ('office; detail="not-admitted"', False),
        ("not-admitted; hit", False),
    ],
)
def test_a_detail_is_found_whichever_hop_gives_it(field: str | None, is_told: bool) -> None:
    assert tells(field, "not-admitted") is is_told
