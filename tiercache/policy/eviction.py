"""Which stored files to give up when the store is larger than its budget."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen


@frozen(kw_only=True)
class Candidate:
    """A stored file: its length, when it was last used (seconds since 1970), and whether it must stay."""

    sha256: str
    size_bytes: int
    used_at: float
    pinned: bool
    in_use: bool


def victims(
    candidates: Iterable[Candidate], *, stored_bytes: int, budget_bytes: int, headroom: float = 0.05
) -> tuple[str, ...]:
    """The SHA-256 of each file to evict, least recently used first; none while the store is within its budget.

    Past the budget, as many as bring the store to the budget less `headroom` (a share of it), so that eviction
    is not needed again at the next file; all that may go, if that is not enough.  Pinned files and files in use
    never go.
    """
    if stored_bytes <= budget_bytes:
        return ()
    goal_bytes = budget_bytes * (1.0 - headroom)
    chosen: list[str] = []
    for candidate in sorted(candidates, key=lambda file: (file.used_at, file.sha256)):
        if stored_bytes <= goal_bytes:
            break
        if candidate.pinned or candidate.in_use or candidate.size_bytes == 0:
            continue
        chosen.append(candidate.sha256)
        stored_bytes -= candidate.size_bytes
    return tuple(chosen)
