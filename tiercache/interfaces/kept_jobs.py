"""What a node keeps of the prefetches that it was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from attrs import frozen
from zope.interface import Interface


@frozen(kw_only=True)
class KeptJob:
    """A job as the catalogue keeps it: `created_at` in seconds since 1970, `data` is opaque here."""

    id: str
    created_at: float
    data: bytes


class IKeptJobs(Interface):
    """The jobs that outlive a restart.  A write returns an awaitable that fires once it is durable, and raises
    StoreFull when there is no room."""

    def all() -> Iterable[KeptJob]:
        """Every one, oldest first; called when a node starts."""

    def store(job: KeptJob) -> Awaitable[None]:
        """Store or replace a job."""

    def forget(job: str) -> Awaitable[None]:
        """Remove a job by its id; harmless if there is none."""
