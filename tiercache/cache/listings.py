"""Where a file is listed: from its name to its project, and from the project's page to what a tier says of the file.

A file's URL here names its bytes, not its project, so that it stays right when pages change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property

from attrs import define, evolve, frozen
from msgspec.structs import replace

from tiercache.cache.beside import hides
from tiercache.cache.chain import Chain
from tiercache.cache.entries import Entries
from tiercache.cache.hosted import Hosted
from tiercache.cache.pages import Pages
from tiercache.cache.settled import Settled
from tiercache.errors import FileAbsent, NoTierAnswered, NotStored
from tiercache.interfaces import ICatalogue
from tiercache.policy.conclude import PARTIAL
from tiercache.policy.entry import Ask, Entry
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects, identity_of

ASKED_AGAIN_AFTER_S = 2.0
"""A page that came less than this ago is not asked for again to find a file that it does not list, whoever insists:
else each request for a file that does not exist would cost the tiers up to eight."""

PROVISIONAL = "its home is unreachable"
"""Why nothing is said of a file: its project's page is that of another tier meanwhile."""


@frozen(kw_only=True)
class Listing:
    """A file as the page of `project` lists it; `tier` is whose page that is.

    `file.hashes` hold every digest that its bytes must have: the page's, and the one that it was asked for by.
    `is_reserved`: the page is that of a reserved name, and not of some index's project of that name.
    """

    project: ProjectName
    tier: str
    file: File
    is_reserved: bool = False

    @cached_property
    def identity(self) -> FileIdentity:
        """What names its bytes."""
        return identity_of(self.file)


@define(kw_only=True)
class Listings:
    """Looks files up on project pages."""

    _catalogue: ICatalogue
    _entries: Entries
    _hosted: Hosted
    _chain: Chain
    _pages: Pages
    _now: Callable[[], float]

    async def find(self, identity: FileIdentity | None, filename: str, ask: Ask) -> Listing:
        """What lists this file: a stored page, however old, since a digest does not age; else a page asked for now.

        `identity` None takes whatever bytes the page gives the filename.
        Raises FileAbsent; NotStored if no tier was to be asked; NoTierAnswered.
        """
        listing = await self.known(identity, filename)
        if listing is not None:
            return listing
        if ask.local or ask.only_if_cached:
            raise NotStored(subject=filename)
        silent: NoTierAnswered | None = None
        for project in self._projects(identity, filename):
            entry = await self._entries.entry(project)
            if entry is not None and 0 <= self._now() - entry.head.received_at < ASKED_AGAIN_AFTER_S:
                if entry.head.instead_of is not None:
                    silent = NoTierAnswered(subject=filename, reason=PROVISIONAL)
                continue
            # A page that does not list the file may be older than the file: it has to be asked for again.
            insists = ask.no_cache or (entry is not None and entry.page is not None)
            settled = await self._pages.settled(project, evolve(ask, no_cache=insists))
            listing = listing_in(settled.entry, identity, filename)
            if listing is not None:
                return listing
            reason = _why_it_may_lack_files(settled)
            if reason is not None:
                silent = NoTierAnswered(subject=filename, reason=reason, retry_after_s=settled.retry_after_s)
        raise silent or FileAbsent(filename=filename)

    async def known(self, identity: FileIdentity | None, filename: str) -> Listing | None:
        """What lists this file by the stored pages, whatever their age, and by hosted ones first."""
        for project in self._projects(identity, filename):
            own = self._hosted.entry(project)
            listing = listing_in(own, identity, filename)
            if listing is not None:
                return listing
            if own is not None and own.page is not None and any(file.filename == filename for file in own.page.files):
                continue  # other bytes under a name of ours
            if own is not None and hides(self._hosted, self._catalogue, project, filename):
                continue
            listing = listing_in(await self._entries.entry(project), identity, filename)
            if listing is not None:
                return listing
        return None

    def is_at_hand(self, identity: FileIdentity, filename: str) -> bool:
        """Whether `known` would find it on a page in memory, of a project that its name tells.

        False says nothing of the others.
        """
        for project in candidate_projects(filename):
            own = self._hosted.entry(project)
            if own is not None:
                return False  # what is hosted beside it may hide it
            if listing_in(self._entries.at_hand(project), identity, filename) is not None:
                return True
        return False

    def _projects(self, identity: FileIdentity | None, filename: str) -> tuple[ProjectName, ...]:
        """Those that the name tells, then the one that was noted: no project may take another's file by listing it.

        By its name alone, no other project than the reserved ones may have a file that is most likely one of theirs.
        """
        projects = candidate_projects(filename)
        if identity is None and projects and self._chain.is_reserved(projects[0]):
            projects = tuple(project for project in projects if self._chain.is_reserved(project))
        noted = self._catalogue.odd_file_project(identity) if identity is not None else None
        return projects if noted is None or noted in projects else (*projects, noted)


def _why_it_may_lack_files(settled: Settled) -> str | None:
    """Why a file may exist that this answer does not list; None if it was the whole word of every tier that has one."""
    entry, outcome = settled.entry, settled.outcome
    if entry is None or (outcome.fwd is not None and outcome.fwd_status is None) or outcome.detail == PARTIAL:
        return outcome.detail or "no answer"
    return PROVISIONAL if entry.head.instead_of is not None else None


def listing_in(entry: Entry | None, identity: FileIdentity | None, filename: str) -> Listing | None:
    """The listing of a file on a stored page, if its bytes may be those that `identity` names.  Pure."""
    if entry is None or entry.page is None:
        return None
    for file in entry.page.files:
        if file.filename != filename:
            continue
        tier = entry.page.listed_by.get(filename, entry.head.tier)
        if identity is None:
            listed = file
        elif identity.algorithm == "url":
            if hashlib.sha256(file.url.encode()).hexdigest() != identity.value:
                continue
            listed = file
        elif file.hashes.get(identity.algorithm) == identity.value:
            listed = file
        elif identity.algorithm not in file.hashes:
            listed = replace(file, hashes={**file.hashes, identity.algorithm: identity.value})
        else:
            continue
        return Listing(project=entry.project, tier=tier, file=listed, is_reserved=entry.head.reserved)
    return None
