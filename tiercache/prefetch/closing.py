"""From requirements and locks to files: the closure of what is wanted, for every environment that it is wanted for.

A resolver says which releases meet requirements; locks are taken as they are.  Which files of a release an environment
needs is `choosing`'s affair, what builds an sdist `building`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import define, evolve, field
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from twisted.internet.interfaces import IReactorTime

from tiercache.access.principals import Principal
from tiercache.cache.pages import Pages
from tiercache.errors import NoTierAnswered, NotStored, ProjectAbsent
from tiercache.errors.prefetch import Unresolvable
from tiercache.interfaces import Pool
from tiercache.policy.entry import Ask
from tiercache.prefetch.asking import Asking, Terms, locked_for
from tiercache.prefetch.building import Building
from tiercache.prefetch.choosing import (
    Digests,
    applies,
    contradictory,
    environment_in,
    files_of,
    is_kind,
    lacks_names,
    named_in,
    pins_of,
    required_digests,
    with_names,
)
from tiercache.prefetch.closure import Closure, ClosureFiles, OfTarget
from tiercache.prefetch.inputs.inputs import Inputs, LockedRelease
from tiercache.prefetch.newest import newest_of, pinned_to
from tiercache.prefetch.slices import Slices
from tiercache.prefetch.stored import StoredFiles
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import FilenameKind
from tiercache.wire.prefetch import Missing, Target, Wanted

NO_DIGESTS: Digests = frozenset()

OTHER_BYTES = "it is wanted twice, with other digests: only one of the two can be had"


@define(kw_only=True)
class Closing:
    """`may_read`: whether somebody may read a project; of what they may not, nothing is said.

    `own_target` gives the environment of the node's own machine, and raises WantedUnusable where that has no name.
    """

    _asking: Asking
    _building: Building
    _pages: Pages
    _stored: StoredFiles
    _may_read: Callable[[Principal, ProjectName], bool]
    _own_target: Callable[[], Target]
    _clock: IReactorTime
    _pool: Pool

    async def closure(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        """Every file that the environments need.

        An environment that cannot be served says why.  Raises Unresolvable where that is each of them, ResolverFailed,
        and WantedUnusable for an environment that nobody knows.
        """
        closure = await self._found(wanted, inputs, Terms.of(wanted, inputs, for_whom))
        if not closure.files and closure.targets and all(one.words for one in closure.targets):
            raise Unresolvable(words=closure.targets[0].words)
        return closure

    async def closure_here(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        """The same by what is stored, of which no tier is asked; it says of each environment why it cannot be served.

        Raises ResolverFailed, WantedUnusable.
        """
        return await self._found(wanted, inputs, Terms.of(wanted, inputs, for_whom, is_local=True))

    async def _found(self, wanted: Wanted, inputs: Inputs, terms: Terms) -> Closure:
        targets = targets_of(wanted, self._own_target)
        for target in targets:
            environment_in(target)  # what is wrong with the last is said before anything is asked
        locked, unlisted = await self._with_names(inputs.locked, terms)
        run = _Run(
            closing=self,
            wanted=wanted,
            inputs=evolve(inputs, locked=locked),
            terms=terms,
            unlisted=unlisted,
            pool=self._pool,
        )
        of_targets = tuple([await run.of(target) for target in targets])
        return Closure(files=run.files.all(), targets=of_targets, unparseable=inputs.unparseable)

    async def build_closure(self, wanted: Wanted, closure: Closure, for_whom: Principal) -> Closure:
        """The same closure, with the files that build those of its sdists which are stored by now."""
        files = ClosureFiles.of(closure.files)
        missing: dict[Target | None, list[Missing]] = {}
        answers: dict[tuple[tuple[str, ...], Target | None], tuple[LockedRelease, ...] | str] = {}
        # What bounds the requirements does not bound what builds an sdist, as installers have it.
        terms = Terms.of(wanted, Inputs(), for_whom)
        everywhere = tuple(one.target for one in closure.targets)
        slices = Slices(clock=self._clock)
        for file in closure.files:
            await slices.next()
            record = await self._stored.record(file) if is_kind(file.filename, FilenameKind.SDIST) else None
            if record is None or not self._may_read(for_whom, record.project):
                continue
            requirements = await self._building.requirements(record)
            for target in (file.targets or everywhere) if requirements else ():
                if (requirements, target) not in answers:
                    answers[requirements, target] = await self._answer(requirements, target, terms)
                answer = answers[requirements, target]
                if isinstance(answer, str):
                    missing.setdefault(target, []).append(Missing(what=f"what builds {file.filename}", why=answer))
                    continue
                for release in answer:
                    lacks = _take(files, release, target, sdists=wanted.sdists, is_build=True)
                    missing.setdefault(target, []).extend(lacks)
        of_targets = tuple(
            evolve(one, missing=tuple(dict.fromkeys((*one.missing, *missing.get(one.target, ())))))
            for one in closure.targets
        )
        return evolve(closure, files=files.all(), targets=of_targets)

    async def page(self, project: ProjectName, terms: Terms) -> tuple[File, ...] | Missing:
        """What is listed of a project, for who may know."""
        absent = Missing(what=project, why="no tier has a project of this name")
        if not self._may_read(terms.for_whom, project):
            return absent
        try:
            return (await self._pages.shown(project, Ask(local=terms.is_local))).page.files
        except ProjectAbsent:
            return absent
        except (NotStored, NoTierAnswered) as error:
            return Missing(what=project, why=str(error))

    async def releases(
        self, requirements: Iterable[str], target: Target | None, terms: Terms
    ) -> tuple[LockedRelease, ...]:
        """See `Asking`."""
        return await self._asking.releases(requirements, target, terms)

    async def _answer(
        self, requirements: tuple[str, ...], target: Target | None, terms: Terms
    ) -> tuple[LockedRelease, ...] | str:
        try:
            return await self.releases(requirements, target, terms)
        except Unresolvable as error:
            return error.words

    async def _with_names(
        self, locked: Iterable[LockedRelease], terms: Terms
    ) -> tuple[tuple[LockedRelease, ...], Mapping[ProjectName, Missing]]:
        """What is locked, with the names of files that a lock gives by digests alone, or not at all."""
        named: list[LockedRelease] = []
        unlisted: dict[ProjectName, Missing] = {}
        slices = Slices(clock=self._clock)
        for release in locked:
            await slices.next()
            if not lacks_names(release):
                named.append(release)
                continue
            listed = await self.page(release.project, terms)
            if isinstance(listed, Missing):
                unlisted[release.project] = listed
                named.append(release)
            else:
                named.append(with_names(release, listed))
        return tuple(named), unlisted


@define(kw_only=True)
class _Run:
    """One closure, while it is found.  What grows with the releases that were handed in is done in the pool."""

    closing: Closing
    wanted: Wanted
    inputs: Inputs
    terms: Terms
    unlisted: Mapping[ProjectName, Missing]
    pool: Pool
    files: ClosureFiles = field(factory=ClosureFiles, init=False)

    async def of(self, target: Target | None) -> OfTarget:
        """What an environment needs: first what is locked, whose digests decide."""
        missing: list[Missing] = []
        locked = await self.pool(locked_for, self.inputs, target)
        missing += await self.pool(self._take_locked, locked, target)
        resolved: tuple[LockedRelease, ...] = ()
        try:
            if self.inputs.requirements:
                resolved = await self.closing.releases(self.inputs.requirements, target, self.terms)
                missing += await self.pool(self._take_resolved, resolved, target)
                if self.wanted.newest > 1:
                    await self._take_newest(resolved, target)
            if self.wanted.build_requirements and self.inputs.build_requirements:
                for release in await self.closing.releases(self.inputs.build_requirements, target, self.terms):
                    missing += self._take(release, target, is_build=True)
        except Unresolvable as error:
            return OfTarget(target=target, missing=tuple(missing), words=error.words)
        pins = await self.pool(pins_of, (*locked, *resolved), target)
        return OfTarget(target=target, pins=pins, missing=tuple(missing))

    def _take_locked(self, locked: Iterable[LockedRelease], target: Target | None) -> list[Missing]:
        lacks = [(release, one) for release in locked for one in self._take(release, target)]
        missing = [self.unlisted.get(release.project, one) for release, one in lacks]
        names = (name for release in locked for name in contradictory(release.files))
        return [*missing, *(Missing(what=name, why=OTHER_BYTES) for name in names)]

    def _take_resolved(self, resolved: Iterable[LockedRelease], target: Target | None) -> list[Missing]:
        digests = required_digests(self.inputs.requirements)
        taken = [self._take(release, target, digests=digests.get(release.project, NO_DIGESTS)) for release in resolved]
        return [one for lacks in taken for one in lacks]

    async def _take_newest(self, resolved: Iterable[LockedRelease], target: Target | None) -> None:
        """The newest releases of what is named, beside those that were resolved, with what they require."""
        chosen = {(release.project, release.version) for release in resolved}
        ranked: list[list[tuple[str, LockedRelease]]] = []
        for line in self.inputs.requirements:
            newest = [one for one in await self._newest(line, target) if (one.project, one.version) not in chosen]
            ranked.append([(pinned_to(line, release.version), release) for release in newest])
        for rank in range(self.wanted.newest):
            # All at once, which is one question; one by one where they do not go together.
            together = [releases[rank] for releases in ranked if len(releases) > rank]
            if together and not await self._take_all([line for line, _ in together], target):
                for line, release in together:
                    if not await self._take_all([line], target):
                        self._take(release, target)

    async def _newest(self, line: str, target: Target | None) -> list[LockedRelease]:
        environment = environment_in(target)
        requirement = Requirement(line.partition(" --hash=")[0])
        project = named_in(line)
        marker = None if requirement.marker is None else str(requirement.marker)
        if project is None or not applies(marker, environment):
            return []
        listed = await self.closing.page(project, self.terms)
        if isinstance(listed, Missing):
            return []
        bounds = [Requirement(one.partition(" --hash=")[0]).specifier for one in self._constraints_of(project)]
        specifier = SpecifierSet(",".join(filter(None, map(str, (requirement.specifier, *bounds)))))
        return newest_of(project, listed, specifier, environment, sdists=self.wanted.sdists, most=self.wanted.newest)

    def _constraints_of(self, project: ProjectName) -> Iterable[str]:
        return (line for line in self.terms.constraints if named_in(line) == project)

    async def _take_all(self, lines: list[str], target: Target | None) -> bool:
        """Take what meets requirements, and whether that is anything."""
        try:
            releases = await self.closing.releases(lines, target, self.terms)
        except Unresolvable:
            return False
        for release in releases:
            self._take(release, target)
        return True

    def _take(
        self, release: LockedRelease, target: Target | None, *, digests: Digests = NO_DIGESTS, is_build: bool = False
    ) -> list[Missing]:
        return _take(self.files, release, target, sdists=self.wanted.sdists, digests=digests, is_build=is_build)


def targets_of(wanted: Wanted, own_target: Callable[[], Target]) -> tuple[Target | None, ...]:
    """The environments that are wanted, each once; None: every one."""
    if wanted.universal:
        return (None, *dict.fromkeys(wanted.targets))
    return tuple(dict.fromkeys(wanted.targets)) or (own_target(),)


def _take(
    files: ClosureFiles,
    release: LockedRelease,
    target: Target | None,
    *,
    sdists: bool,
    digests: Digests = NO_DIGESTS,
    is_build: bool = False,
) -> list[Missing]:
    """Add what an environment needs of a release; returns what is missing of it."""
    found = files_of(release, environment_in(target), sdists=sdists, digests=digests)
    if isinstance(found, Missing):
        return [found]
    return [
        Missing(what=file.filename, why=OTHER_BYTES)
        for file in found
        if not files.add(release, file, target, is_build=is_build)
    ]
