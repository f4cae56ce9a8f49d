"""How stored files are shown that their tier offers no more (`freshness.removed`).  Pure.

A tier that withdraws a file or a whole project, or quarantines one (PEP 792), says something of what is to be had from
now on; what is stored here was fetched before that.  What of it is seen is the owner's choice.  A yank (PEP 592) is no
removal: it is shown as the tier says it, whatever the choice.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen
from msgspec.structs import replace

from tiercache.policy.freshness import Removed
from tiercache.simple.model import File, Page

QUARANTINED = "quarantined"

WITHDRAWN = "_withdrawn"
"""The key of a file on `/local/` that its tier offers no more."""


def is_quarantined(page: Page) -> bool:
    """Whether a page says that its project's files are not to be offered (PEP 792)."""
    return page.status is not None and page.status.status == QUARANTINED


@frozen(kw_only=True)
class Withdrawals:
    """What a page says of stored files by not offering them.

    `tiers`: whose page it is, or who say that there is none.  Of a file that another tier listed they say nothing: a
    page that stands in for an unreachable home withdraws none of its files.  `offered`: the filenames on it.
    """

    tiers: frozenset[str]
    removed: Removed
    offered: frozenset[str]
    is_quarantine: bool

    @classmethod
    def of(cls, page: Page, tiers: Collection[str], removed: Removed) -> Withdrawals:
        """Of this page; one without files stands for a known absence."""
        is_quarantine = is_quarantined(page)
        return cls(
            tiers=frozenset(tiers),
            removed=removed,
            offered=frozenset() if is_quarantine else frozenset(file.filename for file in page.files),
            is_quarantine=is_quarantine,
        )

    def include(self, file: File, tier: str) -> bool:
        """Whether a stored file that `tier` listed is withdrawn."""
        return tier in self.tiers and file.filename not in self.offered

    def on_simple(self, file: File, tier: str) -> File | None:
        """A withdrawn file as `/simple/` shows it, None where it does not."""
        match self.removed:
            case "hide":
                return None
            case "keep":
                return file
            case "warn":
                return self._yanked(file, tier)

    def on_local(self, file: File, tier: str) -> File:
        """A withdrawn file as `/local/` shows it: always, and always marked, so that only who pinned it gets it."""
        return replace(self._yanked(file, tier), extra={**file.extra, WITHDRAWN: True})

    def _yanked(self, file: File, tier: str) -> File:
        return replace(file, yanked=f"{'quarantined at' if self.is_quarantine else 'removed from'} {tier}")
