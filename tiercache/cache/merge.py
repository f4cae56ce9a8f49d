"""Pages of several tiers made one, where the owner says so (`merge: true`, `also-upstream`).  Pure.

A filename belongs to the first tier that lists it.  Where a later one lists other bytes under it, that is a conflict,
which is told and never resolved by guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from tiercache.policy.entry import Head, Present
from tiercache.policy.freshness import current_age_s
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of

QUARANTINED = "quarantined"


@frozen(kw_only=True)
class Conflict:
    """Two tiers list other bytes under one filename: those of `kept` are shown, those of `hidden` are not.

    The digests as they stand in a file's URL here (`FileIdentity.segment`).
    """

    filename: str
    kept: str
    kept_digest: str
    hidden: str
    hidden_digest: str


def merged(pages: Sequence[tuple[str, Page]]) -> tuple[Page, tuple[Conflict, ...]]:
    """The page made of those of several tiers, given with their tiers' names, the first first; at least one.

    A quarantined page offers no files here either (PEP 792); only if all are is the whole.  Versions are those of all,
    or unknown where one does not list them.  What else a page says is the first one's word before the others'.
    """
    offering = [(tier, page) for tier, page in pages if not _is_quarantined(page)] or [pages[0]]
    files: dict[str, File] = {}
    listed_by: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for tier, page in offering:
        for file in page.files:
            kept = files.setdefault(file.filename, file)
            keeper = listed_by.setdefault(file.filename, page.listed_by.get(file.filename, tier))
            if keeper != tier and _differ(kept, file):
                conflicts.append(
                    Conflict(
                        filename=file.filename,
                        kept=keeper,
                        kept_digest=identity_of(kept).segment,
                        hidden=tier,
                        hidden_digest=identity_of(file).segment,
                    )
                )
    first = offering[0][1]
    page = evolve(
        first,
        files=tuple(files.values()),
        versions=_versions([page for _, page in offering]),
        meta_extra=_first_word(page.meta_extra for _, page in offering),
        extra=_first_word(page.extra for _, page in offering),
        listed_by=listed_by,
    )
    return page, tuple(conflicts)


def merged_head(heads: Sequence[Head], tiers: tuple[str, ...], now: float) -> Head:
    """The head of a page made of those of several tiers, of which these came with a page; `tiers` are all asked.

    As old as the oldest, and fresh for as long as each of them is.  It can only be had anew, not confirmed: validators
    and serials of several tiers are not comparable.
    """
    began_at = min(head.requested_at for head in heads)
    ages = [current_age_s(head, now) for head in heads]
    oldest = max(ages)
    left = [head.lifetime_s - age for head, age in zip(heads, ages, strict=True) if head.lifetime_s is not None]
    return Head(
        tier=heads[0].tier,
        requested_at=began_at,
        received_at=began_at,
        age_s=max(0.0, oldest - (now - began_at)),
        lifetime_s=max(0.0, oldest + min(left)) if left else None,
        storable=all(head.storable for head in heads),
        reserved=any(head.reserved for head in heads),
        merged=tiers,
    )


def merged_answer(
    answers: Sequence[Present], tiers: tuple[str, ...], now: float
) -> tuple[Present, tuple[Conflict, ...]]:
    """What several tiers' answers are as one, the first first; at least one."""
    page, conflicts = merged([(answer.head.tier, answer.page) for answer in answers])
    answer = Present(
        page=page,
        head=merged_head([answer.head for answer in answers], tiers, now),
        cache_status=answers[0].cache_status,
        sidecars={digest: data for answer in reversed(answers) for digest, data in answer.sidecars.items()},
    )
    return answer, conflicts


def _is_quarantined(page: Page) -> bool:
    return page.status is not None and page.status.status == QUARANTINED


def _differ(kept: File, other: File) -> bool:
    """Whether two listings of one filename are of other bytes, as far as their digests tell."""
    return any(kept.hashes.get(algorithm, value) != value for algorithm, value in other.hashes.items())


def _versions(pages: Sequence[Page]) -> tuple[str, ...] | None:
    listed: list[str] = []
    for page in pages:
        if page.versions is None:
            return None
        listed += page.versions
    return tuple(dict.fromkeys(listed))


def _first_word(said: Iterator[Mapping[str, object]]) -> Mapping[str, object]:
    return {key: value for words in reversed(list(said)) for key, value in words.items()}
