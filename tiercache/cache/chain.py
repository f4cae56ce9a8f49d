"""The chain: the ordered upstreams seen as one.

Which tiers may be asked is `policy.selection`'s word, whether a tier is worth asking its `link`'s.  Here they are
asked, one after the other or for a merged page all at once, and their answers become one.  Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import cast

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from tiercache.cache.kept import Kept
from tiercache.cache.link import SIBLING, Link, LinkState
from tiercache.cache.merge import Conflict, merged_answer
from tiercache.cache.source import SiblingSource, Source
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import DigestMismatch, LoopFound, ProjectAbsent, TiercacheError, TierUnreachable
from tiercache.interfaces import INeighbour, IUpstream
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.conclude import UNEXPECTED_NOT_MODIFIED
from tiercache.policy.entry import Absent, Answer, Entry, Head, NotModified, Present, Unreachable, Validators
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import LOOP, Hops
from tiercache.policy.selection import HERE, NOT_RESERVED, ProjectRule, ReservedBy, Selection, select
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import identity_of
from tiercache.stats import Stats

log = Logger()

PARENT = "parent"
"""The kind of a tier that is a node and is asked for pages."""

FORGOTTEN = "reserved-name-forgotten"
"""Why the word of a tier is none that announced a name and does not know it any more."""

KEPT_SELECTIONS = 10_000
"""Of how many projects it is known who answers: a request for one of them asks that some ten times."""

KEPT_CONFLICTS = 10_000
"""Of how many conflicts it is known that they were told."""


@define(kw_only=True)
class Chain:
    """The upstreams in the order of the configuration.  None is asked anything while `switch` says offline.

    `reserved` says who alone may answer for a name.
    """

    _switch: OfflineSwitch
    _clock: IReactorTime
    _now: Callable[[], float]
    _rules: tuple[ProjectRule, ...]
    _breaker_rules: BreakerRules
    _stats: Stats
    _reserved: Callable[[ProjectName], ReservedBy] = lambda project: NOT_RESERVED
    _links: dict[str, Link] = field(factory=dict, init=False)
    _asked_for_pages: tuple[str, ...] = field(default=(), init=False)
    _selections: Kept[tuple[ProjectName, tuple[str, ...], ReservedBy | None], Selection] = field(
        factory=lambda: Kept(limit=KEPT_SELECTIONS, weigh=lambda selection: 1), init=False
    )
    _told: Kept[Conflict, Conflict] = field(
        factory=lambda: Kept(limit=KEPT_CONFLICTS, weigh=lambda conflict: 1), init=False
    )

    def add(self, upstream: IUpstream) -> None:
        """Append an upstream; tier names are unique (the configuration sees to it)."""
        self._links[upstream.tier.name] = Link(
            upstream=upstream,
            clock=self._clock,
            now=self._now,
            switch=self._switch,
            breaker_rules=self._breaker_rules,
            stats=self._stats,
        )
        if upstream.tier.kind != SIBLING:
            self._asked_for_pages += (upstream.tier.name,)

    def stop(self) -> None:
        """No more probes."""
        for link in self._links.values():
            link.stop()

    # -- what is known of the tiers ---------------------------------------------------------------------------

    def links(self) -> tuple[LinkState, ...]:
        """What is known of each tier, in order."""
        return tuple(link.state for link in self._links.values())

    def neighbours(self) -> Mapping[str, INeighbour]:
        """The tiers that are nodes, or may be, by name."""
        return {
            name: cast("INeighbour", link.upstream)
            for name, link in self._links.items()
            if INeighbour.providedBy(link.upstream)
        }

    def suspect(self, tier: str) -> None:
        """Something tells that a tier is in trouble (its feed broke): probe it now, off the clients' path."""
        if tier in self._links:
            self._links[tier].index.doubt()

    def is_well(self, tier: str) -> None:
        """Something tells that a tier is well (its feed is live): whoever asks it need not wait for the next probe."""
        if tier in self._links:
            self._links[tier].is_well()

    def heard(self, tier: str, error: TiercacheError | None, began_at: float | None = None) -> None:
        """Count an exchange with a tier's index, or of its API: what it raised, None if it went well."""
        if tier in self._links:
            self._links[tier].heard(error, began_at)

    def file_heard(self, tier: str, file: File, error: TiercacheError | None) -> None:
        """The same of a file of a tier, of some of its bytes, or of what belongs to it."""
        self._stats.digest_mismatches += isinstance(error, DigestMismatch)
        if tier in self._links:
            self._links[tier].file_heard(file, error)

    def silence_s(self, project: ProjectName) -> float:
        """For how many seconds the tier that a client would wait for has answered nothing."""
        selection = self.selection(project)
        waited_for = [link for link in self._selected(selection) if link.index.is_closed]
        return max((link.silence_s() for link in (waited_for if selection.merge else waited_for[:1])), default=0.0)

    def is_at_ease(self, project: ProjectName, slow_s: float) -> bool:
        """Whether the tier that would be asked may be asked for what nobody waits for; False where none would be."""
        selection = self.selection(project)
        asked = self._selected(selection)
        return bool(asked) and all(link.is_at_ease(slow_s) for link in (asked if selection.merge else asked[:1]))

    # -- who answers ------------------------------------------------------------------------------------------

    def selection(self, project: ProjectName) -> Selection:
        """Who answers for a project."""
        return self._selection_with(project)

    def asked_for_pages(self) -> tuple[str, ...]:
        """The tiers that may be asked for pages, in order."""
        return self._asked_for_pages

    def may_answer(self, project: ProjectName, tier: str) -> bool:
        """Whether what a tier has said of a project counts.

        That of one which is not in the configuration any more counts where every tier that is may be asked.
        """
        selection = self.selection(project)
        if tier in selection.tiers:
            return True
        return (
            not self.is_reserved(project)
            and tier not in self._links
            and {*self.asked_for_pages()} <= {*selection.tiers}
        )

    def is_reserved(self, project: ProjectName) -> bool:
        """Whether only certain nodes may answer for a name: this one, or some above."""
        return self._reserved(project) != NOT_RESERVED

    def is_node(self, tier: str) -> bool:
        """Whether a tier is known to be a node that is asked for pages."""
        return tier in self._links and self._links[tier].upstream.tier.kind == PARENT

    def counted(self, entry: Entry) -> Entry | None:
        """An entry as it counts now: the rules, the reserved names and the tiers may not be what they were.

        None where a tier had part in it that may not answer for the project any more, or that announced the name since;
        a tier that is not in the configuration any more counts where no rule names others.  Outdated, where it is to be
        asked for again: it was taken from a tier in place of another that may have an answer by now, or other tiers
        make up the page now.
        """
        head, project = entry.head, entry.project
        if entry.page is None:  # said before the name was announced: else nobody would have been believed
            return None if self.selection(project).reserved else entry
        parts = head.merged or (head.tier,)
        allowed = self._selection_with(project, *(part for part in parts if part != HERE)).tiers
        selection = self.selection(project)
        if not all(part in allowed for part in parts) or (selection.reserved and not head.reserved):
            return None
        expected = selection.tiers if selection.merge else ()
        if head.merged != expected:
            return evolve(entry, head=evolve(head, outdated=True))
        if head.instead_of is None:
            return entry
        if head.instead_of not in selection.tiers:
            return evolve(entry, head=evolve(head, instead_of=None))
        is_home_back = self._links[head.instead_of].is_worth_asking_again(head.received_at)
        return evolve(entry, head=evolve(head, outdated=True)) if is_home_back else entry

    def _selection_with(self, project: ProjectName, *gone: str) -> Selection:
        tiers = self.asked_for_pages()
        if gone and not {*gone} <= {*tiers}:
            tiers = tuple(dict.fromkeys((*tiers, *gone)))
        reserved = self._reserved(project)
        key = (project, tiers, None if reserved is NOT_RESERVED else reserved)
        selection = self._selections.get(key)
        if selection is None:
            selection = select(project, self._rules, tiers, reserved)
            self._selections.put(key, selection)
        return selection

    def _selected(self, selection: Selection) -> list[Link]:
        return [self._links[name] for name in selection.tiers]

    # -- pages ------------------------------------------------------------------------------------------------

    async def page(
        self, project: ProjectName, entry: Entry | None, no_cache: bool, hops: Hops, hints: Hints = NO_HINTS
    ) -> Answer:
        """Ask tier by tier: the first that has the project answers alone, unless the page is to be merged.

        Absent only if every tier that may be asked said so; Unreachable if any said nothing usable and none of the
        others has the project; LOOP is the reason if nothing worse was in the way than that the tiers ask each other.
        What is hosted on this node is not looked at.
        """
        began = self._now()
        selection = self.selection(project)
        answer: Answer | None
        if selection.merge:
            answer = await self._merged_page(project, selection, no_cache, hops, hints)
        else:
            answer = await self._first_page(project, entry, selection, no_cache, hops, hints)
        return answer or Absent(head=Head(tier="", requested_at=began, received_at=self._now()))

    async def _first_page(
        self, project: ProjectName, entry: Entry | None, selection: Selection, no_cache: bool, hops: Hops, hints: Hints
    ) -> Present | NotModified | Unreachable | None:
        unanswered: list[Unreachable] = []
        for link in self._selected(selection):
            validators = Validators()
            if entry is not None and entry.page is not None and entry.head.tier == link.name:
                validators = entry.head.validators
            match await self._word(link, project, selection, validators, no_cache, hops, hints):
                case Unreachable() as silent:
                    unanswered.append(silent)
                case Present() | NotModified() as answer:
                    # A loop is a word about this request, not about the tier: nothing is restored when it is over.
                    instead_of = next((silent.tier for silent in unanswered if silent.reason != LOOP), None)
                    return evolve(answer, head=evolve(answer.head, instead_of=instead_of)) if instead_of else answer
        return _worst(unanswered)

    async def _merged_page(
        self, project: ProjectName, selection: Selection, no_cache: bool, hops: Hops, hints: Hints
    ) -> Present | Unreachable | None:
        """What the tiers give together.  Where one that announced the name is silent, and none that did has it, the
        others' word is none: what they have under a reserved name only ever stands behind it."""
        alone = evolve(hints, neighbours=0)  # whose page it is to be nobody could tell of what comes along
        asked = [
            Deferred.fromCoroutine(self._word(link, project, selection, Validators(), no_cache, hops, alone))
            for link in self._selected(selection)
        ]
        words = [await one for one in asked]
        present = [word for word in words if isinstance(word, Present)]
        unanswered = [word for word in words if isinstance(word, Unreachable)]
        missing = _worst(unanswered)
        if not present:
            return missing
        silent = _worst([word for word in unanswered if word.tier in selection.reserved])
        if silent is not None and not any(answer.head.tier in selection.reserved for answer in present):
            return silent
        page, conflicts = merged_answer(present, selection.tiers, self._now())
        self.tell(project, conflicts)
        return page if missing is None else evolve(page, missing=missing)

    async def _word(
        self,
        link: Link,
        project: ProjectName,
        selection: Selection,
        validators: Validators,
        no_cache: bool,
        hops: Hops,
        hints: Hints,
    ) -> Present | NotModified | Unreachable | None:
        """What one tier says, as a value; None says that it has no such project.

        A tier that announced the name, and knows it no more (it was wiped, or is another program by now), would pass on
        what any index has under that name: its word is none, until it takes back what it announced.
        """
        has_announced = link.name in selection.reserved
        try:
            answer = await link.page(project, validators, no_cache, hops, hints)
        except ProjectAbsent:
            return Unreachable(tier=link.name, reason=FORGOTTEN) if has_announced else None
        except LoopFound:
            return Unreachable(tier=link.name, reason=LOOP)
        except TierUnreachable as error:
            return Unreachable(tier=link.name, reason=error.reason, retry_after_s=error.retry_after_s)
        if isinstance(answer, NotModified) and validators == Validators():
            return Unreachable(tier=link.name, reason=UNEXPECTED_NOT_MODIFIED)
        if has_announced and not answer.head.reserved:
            return Unreachable(tier=link.name, reason=FORGOTTEN)
        return answer

    def tell(self, project: ProjectName, conflicts: Sequence[Conflict]) -> None:
        """Count and log conflicts on a project's page, each once."""
        for conflict in conflicts:
            if self._told.get(conflict) is None:
                self._told.put(conflict, conflict)
                self._stats.conflicts += 1
                log.warn(
                    "{project}: {filename} is {kept_digest} at {kept}, and {hidden_digest} at {hidden}: "
                    "the first is shown",
                    project=project,
                    filename=conflict.filename,
                    kept=conflict.kept,
                    kept_digest=conflict.kept_digest,
                    hidden=conflict.hidden,
                    hidden_digest=conflict.hidden_digest,
                )

    # -- files ------------------------------------------------------------------------------------------------

    async def sources(
        self, project: ProjectName, file: File, tier: str, hops: Hops
    ) -> AsyncIterator[tuple[IUpstream, File]]:
        """Where a file may be had, best first: at the tier that listed it, then at every other that lists the same.

        Raises TierUnreachable after the last, where a tier that may have it did not say whether it lists it.
        """
        async for source in self.fill_sources(project, file, tier, hops, siblings=False):
            if isinstance(source, Source):
                yield source.upstream, source.file

    async def fill_sources(
        self, project: ProjectName, file: File, tier: str, hops: Hops, *, siblings: bool = True
    ) -> AsyncIterator[Source | SiblingSource]:
        """The same, and with `siblings` those too, before or behind the home as they stand in the configuration.

        The tier that listed it, if it is known to be down, comes last rather than never: a file host may answer where
        the index does not.  The others' pages are asked for only when a caller comes that far.
        """
        others = self._selected(self.selection(project))
        home = next((link for link in others if link.name == tier), None)
        is_home_last = home is not None and not (home.index.is_closed and home.files.is_closed)
        unanswered: list[TierUnreachable] = []
        for link in self._in_turn(home, is_home_last, others, siblings):
            if self._switch.is_offline:
                return
            if link is home:
                yield Source(upstream=link.upstream.behind(hops), file=file)
            elif link.is_sibling:
                source = self._at_sibling(link, file, hops)
                if source is not None:
                    yield source
            else:
                try:
                    same = await self._listed_also(link, project, file, hops)
                except TierUnreachable as error:
                    unanswered.append(error)
                    continue
                for other in same:
                    yield Source(upstream=link.upstream.behind(hops), file=other)
        if unanswered:
            raise next((error for error in unanswered if not isinstance(error, LoopFound)), unanswered[0])

    def _in_turn(self, home: Link | None, is_home_last: bool, others: Sequence[Link], siblings: bool) -> Iterator[Link]:
        """Siblings that stand before the home in the configuration, the home, all other siblings, all other tiers."""
        near = [link for link in self._links.values() if siblings and link.is_sibling]
        every = list(self._links.values())
        first = [link for link in near if home is not None and every.index(link) < every.index(home)]
        yield from first
        if home is not None and not is_home_last:
            yield home
        yield from (link for link in near if link not in first)
        yield from (link for link in others if link is not home)
        if home is not None and is_home_last:
            yield home

    async def _listed_also(self, link: Link, project: ProjectName, file: File, hops: Hops) -> list[File]:
        try:
            answer = await link.page(project, Validators(), False, hops)
        except ProjectAbsent:
            return []
        if not isinstance(answer, Present):
            return []
        return [
            other
            for other in answer.page.files
            if other.filename == file.filename and identity_of(other) == identity_of(file)
        ]

    def _at_sibling(self, link: Link, file: File, hops: Hops) -> SiblingSource | None:
        sha256 = file.hashes.get("sha256")
        upstream = link.upstream.behind(hops)
        if sha256 is None or not link.files.is_closed or not INeighbour.providedBy(upstream):
            return None
        return SiblingSource(tier=link.name, file=file, sha256=sha256, neighbour=cast("INeighbour", upstream))


def _worst(unanswered: Sequence[Unreachable]) -> Unreachable | None:
    """The first of those that did not answer; one whose only trouble is a loop counts for least."""
    return next((silent for silent in unanswered if silent.reason != LOOP), next(iter(unanswered), None))
