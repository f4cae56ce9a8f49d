"""What may go wrong with a prefetch as a whole; what goes wrong with one file of it stands in its job."""

from __future__ import annotations

from attrs import frozen

from tiercache.errors.tree import TiercacheError


@frozen(kw_only=True, slots=False)
class Unresolvable(TiercacheError):
    """The requirements cannot be met together: {words}

    `words` are the resolver's own.
    """

    words: str


@frozen(kw_only=True, slots=False)
class ResolverFailed(TiercacheError):
    """The resolver gave no answer: {reason}."""

    reason: str


@frozen(kw_only=True, slots=False)
class WantedUnusable(TiercacheError):
    """That cannot be prefetched: {reason}."""

    reason: str


@frozen(kw_only=True, slots=False)
class JobAbsent(TiercacheError):
    """There is no job {job}."""

    job: str


@frozen(kw_only=True, slots=False)
class DocumentUnavailable(TiercacheError):
    """The document {place} cannot be read: {reason}."""

    place: str
    reason: str
