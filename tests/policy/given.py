"""Entries and heads that the tests of this room begin from."""

from __future__ import annotations

from tiercache.policy.entry import Entry, Head
from tiercache.simple.model import File, Page, ProjectName

NUMPY = ProjectName("numpy")
NOON = 1_700_000_000.0
"""When the exchanges of these tests take place."""

PAGE = Page(project=NUMPY, files=(File(filename="numpy-1.0.tar.gz", url="http://tier.example/numpy-1.0.tar.gz"),))


def head(
    *,
    at: float = NOON,
    tier: str = "office",
    lifetime_s: float | None = None,
    storable: bool = True,
    serial: int | None = None,
) -> Head:
    """The head of an exchange that took no time."""
    return Head(tier=tier, requested_at=at, received_at=at, lifetime_s=lifetime_s, storable=storable, serial=serial)


def entry(
    *, at: float = NOON, tier: str = "office", lifetime_s: float | None = None, serial: int | None = None
) -> Entry:
    """A stored page."""
    return Entry(project=NUMPY, head=head(at=at, tier=tier, lifetime_s=lifetime_s, serial=serial), page=PAGE)


def absence(*, at: float = NOON) -> Entry:
    """The stored knowledge that no tier has the project."""
    return Entry(project=NUMPY, head=head(at=at), page=None)
