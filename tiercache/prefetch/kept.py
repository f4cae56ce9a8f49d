"""A job as the catalogue keeps it, and back.  Pure.

Of who asked what they may do is not kept: a token and a user's groups are looked up again, so that a token that was
revoked meanwhile is worth nothing, and neither is a group that its user has left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import field, frozen

from tiercache.access.principals import Principal, address_of
from tiercache.access.tokens import IssuedToken
from tiercache.interfaces import KeptJob
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.job import Job
from tiercache.wire.prefetch import JobFile, JobPhase, Report, Unparseable, Wanted


class Unreadable(Exception):
    """What is kept is no job: the disk changed it, or another version of this program wrote it."""


@frozen(kw_only=True)
class KeptPrincipal:
    """Who asked; `token` is its id."""

    user: str | None = None
    address: str | None = None
    is_operator: bool = False
    is_local: bool = False
    token: str | None = None


@frozen(kw_only=True)
class Kept:
    """What outlives a restart of a job."""

    wanted: Wanted
    for_whom: KeptPrincipal
    hops: Hops = NONE_YET
    phase: JobPhase = "waiting"
    ended_at: float | None = None
    reason: str | None = None
    closure: Closure | None = None
    unparseable: tuple[Unparseable, ...] = ()
    files: tuple[JobFile, ...] = ()
    handed_on: Mapping[str, str] = field(factory=dict)
    have_answered: tuple[str, ...] = ()
    report: Report | None = None


def kept_of(job: Job) -> Kept:
    """What of a job is to be kept; it does not move on with the job."""
    return Kept(
        wanted=job.wanted,
        for_whom=_kept_principal(job.for_whom),
        hops=job.hops,
        phase=job.phase,
        ended_at=job.ended_at,
        reason=job.reason,
        closure=job.closure,
        unparseable=job.unparseable,
        files=tuple(job.files.values()),
        handed_on=dict(job.handed_on),
        have_answered=tuple(sorted(job.have_answered)),
        report=job.report,
    )


def encoded(kept: Kept) -> bytes:
    """As bytes."""
    return _encoder.encode(kept)


def job_of(
    stored: KeptJob, token: Callable[[str], IssuedToken | None], groups_of: Callable[[str], frozenset[str] | None]
) -> Job:
    """The job that was kept, not under way.  Raises Unreadable.

    `token` finds one that is still good by its id, `groups_of` those that a user is in now, None where there is no such
    user.  Who is gone, or whose token is, theirs is the job of nobody in particular from now on.
    """
    try:
        kept = _decoder.decode(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    job = Job(
        id=stored.id,
        wanted=kept.wanted,
        for_whom=_principal(kept.for_whom, token, groups_of),
        hops=kept.hops,
        created_at=stored.created_at,
        phase=kept.phase,
        ended_at=kept.ended_at,
        reason=kept.reason,
        closure=kept.closure,
        unparseable=kept.unparseable,
        files={file.filename: file for file in kept.files},
        handed_on=dict(kept.handed_on),
        have_answered=set(kept.have_answered),
        report=kept.report,
    )
    if not job.is_over:
        job.is_resumed = kept.phase in ("fetching", "verifying")
        job.phase = "waiting"
        job.begin_again()
    return job


def are_alike(one: Principal, other: Principal) -> bool:
    """Whether two may do the same: that a token was used meanwhile says nothing."""
    return _kept_principal(one) == _kept_principal(other)


def _kept_principal(who: Principal) -> KeptPrincipal:
    return KeptPrincipal(
        user=who.user,
        address=None if who.address is None else str(who.address),
        is_operator=who.is_operator,
        is_local=who.is_local,
        token=None if who.token is None else who.token.id,
    )


def _principal(
    kept: KeptPrincipal,
    token: Callable[[str], IssuedToken | None],
    groups_of: Callable[[str], frozenset[str] | None],
) -> Principal:
    shown = None if kept.token is None else token(kept.token)
    groups: frozenset[str] | None = frozenset() if kept.user is None else groups_of(kept.user)
    if groups is None or (kept.token is not None and shown is None):
        return Principal()
    return Principal(
        user=kept.user,
        groups=groups,
        address=address_of(kept.address),
        is_operator=kept.is_operator,
        is_local=kept.is_local,
        token=shown,
    )


def _plain(value: object) -> Any:
    """What JSON can hold of a value that msgspec does not know: read-only mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder(Kept)
