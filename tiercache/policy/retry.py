"""Whether to ask a tier again after a failure, and when: within one request, in front of the breaker.

Only what is safe to repeat and likely to pass is repeated, a few times and within seconds; a tier that stays down
is the breaker's business.  A feed is asked for again and again, ever less often.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Fault(Enum):
    """What went wrong where there is no status to tell it."""

    CONNECT = "no connection"
    BROKEN = "connection lost, or a body that is shorter than stated or does not decode"
    SILENCE = "a deadline passed"


@frozen(kw_only=True)
class RetryRules:
    """At most `attempts` in all, the first included.

    The wait before the second is at most `first_s`, doubled for each one after it, up to `longest_s`.  A tier that
    asks for more than `longest_retry_after_s` is not asked again.
    """

    attempts: int = 3
    first_s: float = 0.1
    longest_s: float = 2.0
    longest_retry_after_s: float = 2.0


_PASSING_STATUSES = frozenset({429, 502, 503, 504, *range(520, 528)})


def is_retryable(
    method: str, failure: int | Fault, *, retry_after_s: float | None = None, rules: RetryRules | None = None
) -> bool:
    """Whether the same request may be sent again: `failure` is an HTTP status, or a fault where there is none.

    GET and HEAD alone (RFC 9110 §9.2.2).  A deadline that passed has used up the client's time already.  A 429
    is repeated only when the tier says when, and that is soon.
    """
    if method not in {"GET", "HEAD"}:
        return False
    if isinstance(failure, Fault):
        return failure is not Fault.SILENCE
    if failure == 429 and retry_after_s is None:
        return False
    return failure in _PASSING_STATUSES and _is_soon(retry_after_s, rules or RetryRules())


def retry_delay_s(attempt: int, rules: RetryRules, retry_after_s: float | None, jitter: float) -> float | None:
    """Seconds to wait after the attempt number `attempt` (1 for the first), or None to give up.

    Exponential backoff with full jitter: `jitter` in [0, 1) comes from the caller.  Never sooner than the tier's
    Retry-After, and None where that is far off.
    """
    if attempt >= rules.attempts or not _is_soon(retry_after_s, rules):
        return None
    backoff_s = jitter * min(rules.longest_s, rules.first_s * 2.0 ** min(attempt - 1, 64))
    return max(backoff_s, retry_after_s or 0.0)


def _is_soon(retry_after_s: float | None, rules: RetryRules) -> bool:
    return retry_after_s is None or retry_after_s <= rules.longest_retry_after_s


FIRST_RECONNECT_S = 1.0
LONGEST_RECONNECT_S = 30.0


def reconnect_delay_s(failures: int, jitter: float) -> float:
    """Seconds to wait before a feed is asked for again, after so many failures in a row (1 for the first).

    Exponential backoff, of which half is left to `jitter` in [0, 1): the children of a node that comes back do not all
    come at once, and none of them comes at once again.
    """
    longest_s = min(LONGEST_RECONNECT_S, FIRST_RECONNECT_S * 2.0 ** min(max(failures, 1) - 1, 64))
    return longest_s * (1.0 + jitter) / 2.0
