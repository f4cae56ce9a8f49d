"""What an answer says a while later of its age and its lifetime, of which nothing else has changed."""

from __future__ import annotations

from attrs import evolve

from tiercache.policy.freshness import stated_age, stated_lifetime, steady_s
from tiercache.web.answer import Current


def grown(current: Current, passed_s: float, client_max_age_s: float) -> Current:
    """The same so many seconds later.  `client_max_age_s`: as in `policy.freshness.stated_lifetime`."""
    if current.age_s is None:
        return current
    outcome = current.answer.outcome
    age_s = current.age_s + passed_s
    ttl_s = None
    if outcome is not None and outcome.ttl_s is not None:
        ttl_s = outcome.ttl_s - passed_s
        outcome = evolve(outcome, ttl_s=ttl_s)
    fields = {"Age": str(stated_age(age_s)), "Cache-Control": stated_lifetime(client_max_age_s, age_s, ttl_s)}
    whole, unmodified = (
        evolve(answer, headers={**answer.headers, **fields}, outcome=outcome)
        for answer in (current.answer, current.not_modified)
    )
    return evolve(current, answer=whole, not_modified=unmodified, steady_s=steady_s(age_s, ttl_s), age_s=age_s)
