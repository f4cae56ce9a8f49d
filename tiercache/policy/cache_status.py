"""What happened to a request at this node, in the words of Cache-Status (RFC 9211)."""

from __future__ import annotations

import math
import re

from attrs import frozen

LONGEST_PASSED_ON = 2048
"""A Cache-Status from above with more characters than this is not passed on."""

_GREATEST_INTEGER = 999_999_999_999_999  # RFC 8941 §3.3.1
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")  # RFC 8941 §3.3.4
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


@frozen(kw_only=True)
class Outcome:
    """One hop's share of a Cache-Status header, and with `above` what the hops nearer the origin said.

    `hit`: answered from the store without a forward.  `fwd`: why the request was forwarded, a word of RFC 9211
    section 2.2 (`miss`, `uri-miss`, `stale`, `request`, `bypass`), or None.  `fwd_status`: the tier's HTTP status.
    `stored`: the answer was kept.  `collapsed`: it shared another request's forward.  `ttl_s`: the remaining lifetime
    (negative: stale).  `detail`: a token for people (`unreachable`, `offline`, `patience`).  `tier`: who answered, for
    the log only.  `above`: the header of the tier whose answer this is; None for what was here.
    """

    hit: bool = False
    fwd: str | None = None
    fwd_status: int | None = None
    stored: bool = False
    collapsed: bool = False
    ttl_s: float | None = None
    detail: str | None = None
    tier: str | None = None
    above: str | None = None


def render(node: str, outcome: Outcome) -> str:
    """This node's member of a Cache-Status header, such as `laptop; fwd=stale; fwd-status=304; ttl=600`.

    A request that was forwarded is no hit, and what is told of a forward is told only then (RFC 9211 §2.1, §2.2).
    """
    parts = [_item(node)]
    if outcome.fwd is not None:
        parts.append(f"fwd={_item(outcome.fwd)}")
        if outcome.fwd_status is not None:
            parts.append(f"fwd-status={_integer(outcome.fwd_status)}")
        parts += ["stored"] if outcome.stored else []
        parts += ["collapsed"] if outcome.collapsed else []
    elif outcome.hit:
        parts.append("hit")
    if outcome.ttl_s is not None and not math.isnan(outcome.ttl_s):
        parts.append(f"ttl={_integer(outcome.ttl_s)}")
    if outcome.detail:
        parts.append(f"detail={_item(outcome.detail)}")
    return "; ".join(parts)


def last_detail(field: str | None) -> str | None:
    """The `detail` of the last hop in a Cache-Status header, which is that of the tier itself; None without one."""
    found = re.findall(r';\s*detail=("(?:[^"\\]|\\.)*"|[^\s;,"]+)\s*$', field or "")
    return found[0].strip('"') if found else None


def append(existing: str | None, member: str) -> str:
    """A Cache-Status header with this node's member at its end, after those nearer the origin (RFC 9211 §2).

    What came from above is dropped if it could not stand in a header, or is out of all proportion.
    """
    above = (existing or "").strip(" \t,")
    if not above or len(above) > LONGEST_PASSED_ON or not _PRINTABLE.fullmatch(above):
        return member
    return f"{above}, {member}"


def _item(text: str) -> str:
    """A token where the text is one, else a quoted string (RFC 8941 §3.3.3), which can hold printable ASCII alone."""
    if _TOKEN.fullmatch(text):
        return text
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _integer(number: float) -> int:
    # Rounded down: half a second past its lifetime is stale, and says so.
    return math.floor(max(-_GREATEST_INTEGER, min(number, _GREATEST_INTEGER)))
