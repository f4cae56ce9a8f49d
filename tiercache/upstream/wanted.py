"""Whether an answer is what only nodes give, or shows that the tier is none."""

from __future__ import annotations

from tiercache.upstream.body import let_go
from tiercache.upstream.offers import NOT_OFFERED, Offers
from tiercache.upstream.requests import Reply, Requests


def expect(
    reply: Reply, media_type: str, feature: str, *, requests: Requests, offers: Offers, status: int = 200
) -> None:
    """Go on if the answer has this status and media type; else it is let go.

    Raises NotANode where the tier does not know what it was asked for, which is remembered; Unanswered.
    """
    found = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if reply.status == status and found == media_type:
        return
    if reply.status < 400:
        let_go(reply.response, requests.clock)
        what = f"a {found[:100] or 'nameless'} body" if reply.status == status else f"{reply.status}"
        raise offers.refused(feature, f"it answered {what} where {media_type} was asked for")
    failed = requests.refused(reply)
    if reply.status in NOT_OFFERED:
        raise offers.refused(feature, f"it answered {reply.status} when it was asked for {feature}")
    raise failed
