from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.given import NOON, absence, entry
from tiercache.policy.decide import Decision, Forward, Refuse, Reuse, Revalidate, decide
from tiercache.policy.entry import Ask, Entry
from tiercache.policy.freshness import FreshnessRules

RULES = FreshnessRules(page_s=600, absent_s=60, patience_s=0.5)
PAGE, GONE = entry(), absence()
PLAIN, NO_CACHE, NOW, TEN = Ask(), Ask(no_cache=True), Ask(max_age_s=0), Ask(max_age_s=10)
STORED_ONLY, LOCAL = Ask(only_if_cached=True), Ask(local=True)


@pytest.mark.parametrize(
    ("stored", "passed", "ask", "decision"),
    [
        (None, 0, PLAIN, Forward(reason="miss")),
        (None, 0, NO_CACHE, Forward(reason="miss")),
        (None, 0, STORED_ONLY, Refuse()),
        (None, 0, LOCAL, Refuse()),
        # a page: both sides of its lifetime
        (PAGE, 599, PLAIN, Reuse(entry=PAGE, ttl_s=1)),
        (PAGE, 600, PLAIN, Revalidate(entry=PAGE, reason="stale", patience_s=0.5)),
        # a page that the client will not have: it waits for the answer
        (PAGE, 0, NO_CACHE, Revalidate(entry=PAGE, reason="request", patience_s=None)),
        (PAGE, 0, NOW, Revalidate(entry=PAGE, reason="request", patience_s=None)),
        (PAGE, 10, TEN, Reuse(entry=PAGE, ttl_s=590)),
        (PAGE, 11, TEN, Revalidate(entry=PAGE, reason="request", patience_s=None)),
        (PAGE, 600, TEN, Revalidate(entry=PAGE, reason="stale", patience_s=None)),
        (PAGE, 600, NO_CACHE, Revalidate(entry=PAGE, reason="stale", patience_s=None)),
        # stale, but younger than the client would take
        (PAGE, 700, Ask(max_age_s=1000), Revalidate(entry=PAGE, reason="stale", patience_s=0.5)),
        # only-if-cached takes what is fresh
        (PAGE, 599, STORED_ONLY, Reuse(entry=PAGE, ttl_s=1)),
        (PAGE, 600, STORED_ONLY, Refuse()),
        (PAGE, 11, Ask(only_if_cached=True, max_age_s=10), Refuse()),
        (PAGE, 0, Ask(only_if_cached=True, no_cache=True), Refuse()),
        # local takes any page
        (PAGE, 0, LOCAL, Reuse(entry=PAGE, ttl_s=600)),
        (PAGE, 10**9, LOCAL, Reuse(entry=PAGE, ttl_s=600 - 10**9)),
        (PAGE, 10**9, Ask(local=True, no_cache=True, max_age_s=0), Reuse(entry=PAGE, ttl_s=600 - 10**9)),
        (PAGE, 10**9, Ask(local=True, only_if_cached=True), Reuse(entry=PAGE, ttl_s=600 - 10**9)),
        # a known absence
        (GONE, 59, PLAIN, Reuse(entry=GONE, ttl_s=1)),
        (GONE, 60, PLAIN, Forward(reason="stale")),
        (GONE, 0, NO_CACHE, Forward(reason="request")),
        (GONE, 0, NOW, Forward(reason="request")),
        (GONE, 59, STORED_ONLY, Reuse(entry=GONE, ttl_s=1)),
        (GONE, 60, STORED_ONLY, Refuse()),
        (GONE, 0, LOCAL, Refuse()),
    ],
)
def test_decision(stored: Entry | None, passed: float, ask: Ask, decision: Decision) -> None:
    assert decide(stored, ask, RULES, NOON + passed) == decision


ASKS = st.builds(
    Ask,
    no_cache=st.booleans(),
    max_age_s=st.none() | st.floats(min_value=0, max_value=1000),
    only_if_cached=st.booleans(),
    local=st.booleans(),
)


@given(st.sampled_from([None, PAGE, GONE]), ASKS, st.floats(min_value=-1e9, max_value=1e9))
def test_no_tier_is_asked_for_a_client_that_wants_none_asked(stored: Entry | None, ask: Ask, passed: float) -> None:
    decision = decide(stored, ask, RULES, NOON + passed)
    if ask.local or ask.only_if_cached:
        assert isinstance(decision, Reuse | Refuse)
    else:
        assert not isinstance(decision, Refuse)


@given(ASKS, st.floats(min_value=-1e9, max_value=1e9))
def test_a_client_is_given_patience_only_for_a_page_that_would_do(ask: Ask, passed: float) -> None:
    decision = decide(PAGE, ask, RULES, NOON + passed)
    if isinstance(decision, Revalidate) and decision.patience_s is not None:
        assert not ask.no_cache
        assert ask.max_age_s is None or 0 < ask.max_age_s >= passed
