"""What came of asking for a project's page: a value, for who serves it."""

from __future__ import annotations

from attrs import frozen

from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Entry


@frozen(kw_only=True)
class Settled:
    """What came of asking: the entry to serve (None: nothing to serve), and what happened.

    `revision` is the entry's, as it was when the entry was taken: no other page was ever shown under it.
    `is_overtaken`: news of the project came while its tiers were asked, which their answers may not know of.
    """

    entry: Entry | None
    revision: int
    outcome: Outcome
    retry_after_s: float | None = None
    is_overtaken: bool = False
