"""How old a page is, how long it may be used without asking, and what a client asked about that (RFC 9111).

Header text becomes values here, and values become ages and lifetimes.  What follows from them is in
`tiercache.policy.decide` and `tiercache.policy.conclude`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from attrs import evolve, frozen

from tiercache.policy.entry import Ask, Entry, Head, Validators

LONGEST_DELTA_S = 2**31
"""Greater numbers of seconds count as this many (RFC 9111 section 1.2.2)."""

GREATEST_SERIAL = 2**63 - 1
LONGEST_ETAG = 1024

# A directive's value is a token or a quoted string; a comma inside quotes separates nothing.  Semicolons are no
# separators of the RFC's, but are met in the wild.  A quote that is never closed ends with the text.
_DIRECTIVE = re.compile(r'([^\s,;="]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^\s,;"]*)))?', re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")
# RFC 9110 §8.8.3, and the bare words that some servers send without quotes; never more than one tag.
_ETAG = re.compile(r'(?:W/)?"[\x20\x21\x23-\x7e]*"|[\x21\x23-\x2b\x2d-\x7e]+')

Removed = Literal["hide", "keep", "warn"]
"""What becomes on `/simple/` of stored files that their tier offers no more; see `tiercache.policy.removed`."""


@frozen(kw_only=True)
class FreshnessRules:
    """What the node's owner wants, in seconds (`freshness:` in `tiers.yaml`).

    `page_s`: the longest that a page is used without asking.  `absent_s`: the same for "no such project".
    `stale_if_error_s`: how long past its lifetime a page is still served while no tier answers (RFC 5861).
    `patience_s`: how long a client waits for a tier when there is a page to give it.  `client_max_age_s`: the
    max-age that pages are given to clients with.  `removed`: what becomes on `/simple/` of stored files that their page
    no longer lists.
    """

    page_s: float = 600.0
    absent_s: float = 60.0
    stale_if_error_s: float = 30 * 86400.0
    patience_s: float = 0.5
    client_max_age_s: float = 0.0
    removed: Removed = "hide"


# -- what a tier said -------------------------------------------------------------------------------------------


def head_from_response(*, tier: str, headers: Mapping[str, str], requested_at: float, received_at: float) -> Head:
    """The head of a tier's response: 200, 304 or 404.

    `headers`: lower-case names, several values of one name joined by ", ".  Values that make no sense count as
    absent; numbers out of range are brought into it.

    `private` does not keep a page from being stored: the node asks with credentials that its owner gave it, for
    readers whom the owner named, so towards the tier it is that one user's cache.  `must-revalidate` does not
    either keep it from being served stale: `stale-if-error` is the owner's own word on that (RFC 9111 §4.2.4).
    """
    directives = list(_directives(headers.get("cache-control", "")))
    named = {name for name, _ in directives}
    date = _http_date(headers.get("date"))
    if "no-cache" in named:  # also with field names, as RFC 9111 §5.2.2.4 allows
        lifetime_s: float | None = 0.0
    elif (stated := _first_delta(directives, "s-maxage", "max-age")) is not None:
        lifetime_s = stated
    elif "expires" in headers:
        # RFC 9111 §5.3: what is no date, "0" above all, is a time in the past.
        expires = _http_date(headers["expires"])
        began = received_at if date is None else date
        lifetime_s = 0.0 if expires is None else min(max(expires - began, 0.0), float(LONGEST_DELTA_S))
    else:
        lifetime_s = None
    return Head(
        tier=tier,
        requested_at=requested_at,
        received_at=received_at,
        date=date,
        age_s=_delta(headers.get("age", "").split(",")[0]) or 0.0,  # RFC 9111 §5.1: of several the first
        lifetime_s=lifetime_s,
        storable="no-store" not in named,
        validators=Validators(etag=_etag(headers.get("etag")), last_modified=_date_text(headers.get("last-modified"))),
        serial=_serial(headers.get("x-pypi-last-serial")),
    )


def freshened(old: Head, new: Head) -> Head:
    """The head of a stored page that a 304 with the head `new` has confirmed (RFC 9111 §3.2, §4.3.4).

    Times and Age are the new ones; what the 304 did not repeat (validators, lifetime, serial) stays as it was.
    A serial never goes back, since the page is the one that the greater serial came with.
    """
    serials = [serial for serial in (old.serial, new.serial) if serial is not None]
    return evolve(
        new,
        lifetime_s=old.lifetime_s if new.lifetime_s is None else new.lifetime_s,
        validators=Validators(
            etag=new.validators.etag or old.validators.etag,
            last_modified=new.validators.last_modified or old.validators.last_modified,
        ),
        serial=max(serials, default=None),
    )


# -- how old, how long ------------------------------------------------------------------------------------------


def current_age_s(head: Head, now: float) -> float:
    """The age of a stored page in seconds, never negative (RFC 9111 §4.2.3).

    Where this node's clock was set back since, the time that passed is unknown and counts as none.
    """
    apparent_age = 0.0 if head.date is None else max(0.0, head.received_at - head.date)
    response_delay = max(0.0, head.received_at - head.requested_at)
    corrected_age = max(0.0, head.age_s) + response_delay
    resident_time = max(0.0, now - head.received_at)
    return max(apparent_age, corrected_age) + resident_time


def stated_age(age_s: float) -> int:
    """The value of an Age header (RFC 9111 §5.1): rounded up, so that a chain of nodes gains nothing by rounding."""
    return min(math.ceil(max(0.0, age_s)), LONGEST_DELTA_S)


def stated_lifetime(client_max_age_s: float, age_s: float, ttl_s: float | None) -> str:
    """The Cache-Control of a page of this age that is fresh here for `ttl_s` more; None where that has no meaning.

    Clients are told `client_max_age_s`, and other nodes the lifetime that this one reckons with: what has passed of
    it stands in Age.  pip and uv are private caches, to which s-maxage says nothing (RFC 9111 §5.2.2.10).
    """
    shared = "" if ttl_s is None else f", s-maxage={min(math.floor(max(0.0, age_s + ttl_s)), LONGEST_DELTA_S)}"
    return f"max-age={math.floor(client_max_age_s)}{shared}, must-revalidate"


def steady_s(age_s: float, ttl_s: float | None) -> float:
    """For how long the age and what is left of the lifetime are told in the same whole seconds."""
    steady = math.ceil(age_s) - age_s
    if ttl_s is None or ttl_s <= 0:  # where that counts for a hit, it does not run out
        return steady
    # At its very end a page is not fresh any more.
    return min(steady, ttl_s - math.floor(ttl_s) if ttl_s >= 1 else math.nextafter(ttl_s, 0))


def lifetime_s(entry: Entry, rules: FreshnessRules) -> float:
    """How long an entry is fresh, in seconds of age.

    What the tier stated, but never longer than the owner's own rule; a known absence lives by that rule alone.
    """
    if entry.page is None:
        return rules.absent_s
    return rules.page_s if entry.head.lifetime_s is None else min(entry.head.lifetime_s, rules.page_s)


def is_fresh(entry: Entry, rules: FreshnessRules, now: float) -> bool:
    """Whether an entry may be used without asking (RFC 9111 §4.2).

    An entry that lies further ahead than its own lifetime is not: the clock was set back, and would else keep
    such an entry fresh for as long as it was wrong.  Nor is one that is outdated, whatever its age; one that is vouched
    for is.
    """
    if entry.head.outdated or entry.head.vouched:
        return not entry.head.outdated
    lifetime = lifetime_s(entry, rules)
    return current_age_s(entry.head, now) < lifetime and entry.head.received_at - now <= lifetime


def time_to_live_s(entry: Entry, rules: FreshnessRules, now: float) -> float:
    """What is left of an entry's lifetime in seconds; negative once it is stale, not positive if it is outdated, not
    negative while it is vouched for."""
    left_s = lifetime_s(entry, rules) - current_age_s(entry.head, now)
    if entry.head.outdated:
        return min(left_s, 0.0)
    return max(left_s, 0.0) if entry.head.vouched else left_s


def serves_when_stale(entry: Entry, rules: FreshnessRules, now: float) -> bool:
    """Whether an entry may stand in for tiers that give nothing usable (RFC 5861 §4)."""
    return entry.page is not None and -time_to_live_s(entry, rules, now) <= rules.stale_if_error_s


# -- what a client asked ----------------------------------------------------------------------------------------


def ask_from_headers(cache_control: str | None, pragma: str | None, *, local: bool) -> Ask:
    """What a client's request allows (RFC 9111 §5.2.1); Pragma counts only where Cache-Control is missing (§5.4).

    `max-stale` and `min-fresh` are not heeded: the first permits what no client of an index needs, the second
    asks for what max-age asks better.
    """
    if cache_control is None:
        return Ask(no_cache=any(name == "no-cache" for name, _ in _directives(pragma or "")), local=local)
    directives = list(_directives(cache_control))
    named = {name for name, _ in directives}
    return Ask(
        no_cache="no-cache" in named,
        max_age_s=_first_delta(directives, "max-age"),
        only_if_cached="only-if-cached" in named,
        local=local,
    )


# -- header text ------------------------------------------------------------------------------------------------


def _directives(text: str) -> Iterator[tuple[str, str | None]]:
    for match in _DIRECTIVE.finditer(text):
        name, quoted, bare = match.groups()
        yield name.lower(), bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _first_delta(directives: list[tuple[str, str | None]], *names: str) -> float | None:
    """The first usable number of seconds under the first of the names that has one (RFC 9111 §4.2.1)."""
    for wanted in names:
        for name, value in directives:
            if name == wanted and (delta := _delta(value or "")) is not None:
                return delta
    return None


def _delta(text: str) -> float | None:
    """Delta-seconds (RFC 9111 §1.2.2) within 0 and `LONGEST_DELTA_S`; None for what is no integer."""
    digits = text.strip()
    if not _INTEGER.fullmatch(digits):
        return None
    if len(digits) > 20:  # no need to build a number of a million digits to see that it is too large
        return 0.0 if digits.startswith("-") else float(LONGEST_DELTA_S)
    return float(min(max(int(digits), 0), LONGEST_DELTA_S))


def _serial(text: str | None) -> int | None:
    # A serial out of range is dropped, not clamped: clamped to the greatest it would outrank every later page.
    digits = (text or "").strip()
    if not _INTEGER.fullmatch(digits) or len(digits) > 20:
        return None
    serial = int(digits)
    return serial if 0 <= serial <= GREATEST_SERIAL else None


def _etag(text: str | None) -> str | None:
    tag = (text or "").strip(" \t")
    return tag if len(tag) <= LONGEST_ETAG and _ETAG.fullmatch(tag) else None


def _date_text(text: str | None) -> str | None:
    return text.strip(" \t") if text and _http_date(text) is not None else None


def _http_date(text: str | None) -> float | None:
    """Seconds since 1970 of an HTTP date in any of the three forms (RFC 9110 §5.6.7), or None."""
    if not text or len(text) > 64 or not text.isprintable() or not text.isascii():
        return None
    try:
        moment = parsedate_to_datetime(text)
        # A form without a zone means GMT, as HTTP dates always do.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
