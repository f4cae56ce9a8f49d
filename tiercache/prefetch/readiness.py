"""Whether this node can serve what is wanted with no tier in reach: the report in which a prefetch ends.

It is the resolver that says so, by `/local/`, as an installer would find it.  Files are counted only where no other
serves: those that a lock names, those that build sdists, and all of them where it is to be for every environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from tiercache.access.principals import Principal
from tiercache.cache.sidecars import Sidecars
from tiercache.errors import TiercacheError
from tiercache.errors.prefetch import Unresolvable
from tiercache.interfaces import FileRecord, Pool
from tiercache.prefetch.asking import Asking, Terms, locked_for
from tiercache.prefetch.choosing import Digests, digests_of, environment_in, files_of, required_digests
from tiercache.prefetch.closure import Closure, OfTarget
from tiercache.prefetch.inputs.inputs import Inputs, LockedRelease
from tiercache.prefetch.licences import licence_in
from tiercache.prefetch.slices import Slices
from tiercache.prefetch.stored import LOCALLY, StoredFiles
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.simple.names import normalise
from tiercache.wire.prefetch import Missing, Report, ReportedFile, Target, TargetReport, Wanted, WantedFile

NOT_STORED = "it is not in the store"


@define(kw_only=True)
class Readiness:
    """`may_read`: whether somebody may read a project; what they may not is not here for them."""

    _asking: Asking
    _stored: StoredFiles
    _sidecars: Sidecars
    _may_read: Callable[[Principal, ProjectName], bool]
    _clock: IReactorTime
    _pool: Pool

    async def report(self, wanted: Wanted, inputs: Inputs, closure: Closure, for_whom: Principal) -> Report:
        """Whether each environment can be installed from the store alone.  Raises ResolverFailed."""
        files = _Looked()
        slices = Slices(clock=self._clock)
        for file in closure.files:
            await slices.next()
            await self._look_at(file, for_whom, files)
        check = _Check(
            asking=self._asking,
            inputs=inputs,
            terms=Terms.of(wanted, inputs, for_whom, is_local=True),
            files=files,
            pool=self._pool,
        )
        targets = tuple([await check.of(one) for one in closure.targets])
        handed_in = {file.filename for file in wanted.files}
        are_here = all(file.stored for file in files.reported if file.filename in handed_in)
        return Report(
            # What came to nothing at all has not made anybody ready.
            ready=are_here and all(one.ready for one in targets) and bool(targets or files.reported),
            targets=targets,
            files=tuple(files.reported),
            total_bytes=sum(file.size or 0 for file in files.reported),
            stored_bytes=sum(file.size or 0 for file in files.reported if file.stored),
            unparseable=closure.unparseable or inputs.unparseable,
        )

    async def _look_at(self, file: WantedFile, for_whom: Principal, files: _Looked) -> None:
        project = normalise(file.project)
        record: FileRecord | None = None
        if self._may_read(for_whom, project):
            record = await self._stored.record(file)
        if record is not None and not self._may_read(for_whom, record.project):  # who asks names the project as well
            record = None
        if record is not None and project not in files.listed:
            files.listed[project] = await self._stored.listed(project)
        files.reported.append(
            ReportedFile(
                project=file.project,
                version=file.version,
                filename=file.filename,
                size=file.size if record is None else record.size_bytes,
                stored=record is not None,
                licence=None if record is None else await self._licence(file, record, files),
                yanked=_yanked(files.listed.get(project, {}).get(file.filename)),
            )
        )
        if record is None:
            files.not_stored.append(file)

    async def _licence(self, file: WantedFile, record: FileRecord, files: _Looked) -> str | None:
        release = (file.project, file.version)
        if files.licences.get(release) is None:
            identity = FileIdentity("sha256", record.sha256)
            try:
                sidecar = await self._sidecars.sidecar(identity, file.filename, LOCALLY)
            except TiercacheError:  # it has none, or is not given out
                return None
            files.licences[release] = licence_in(sidecar.data)
        return files.licences[release]


@define(kw_only=True)
class _Looked:
    """What was found out about files; `listed` and `licences` are kept, as files have them in common."""

    reported: list[ReportedFile] = field(factory=list)
    not_stored: list[WantedFile] = field(factory=list)
    listed: dict[ProjectName, dict[str, File]] = field(factory=dict)
    licences: dict[tuple[str, str], str | None] = field(factory=dict)


@frozen(kw_only=True)
class _Check:
    """Environments, checked one after the other."""

    asking: Asking
    inputs: Inputs
    terms: Terms
    files: _Looked
    pool: Pool

    async def of(self, needed: OfTarget) -> TargetReport:
        """Whether an environment is served."""
        target = needed.target
        missing = list(needed.missing)
        found: dict[ProjectName, str] = {}
        locked = await self.pool(locked_for, self.inputs, target)
        words = needed.words
        if not words:
            try:
                missing += await self._locally(target, locked, found)
            except Unresolvable as error:
                words = error.words
        not_stored = [file for file in self.files.not_stored if _is_for(file, target)]
        are_locked = {(release.project, release.version) for release in locked}
        told = {one.what for one in missing}
        instead: list[Missing] = []
        for file in not_stored:
            is_lacking = file.is_build or target is None or (file.project, file.version) in are_locked
            if is_lacking or words:  # what is needed and not here says more to people than that there is no way
                missing += [_missing(file)] if f"{file.project} {file.version}" not in told else []
            else:
                instead.append(_instead(file, found.get(normalise(file.project))))
        is_ready = not words and not missing
        return TargetReport(
            target=target,
            ready=is_ready,
            missing=tuple(dict.fromkeys(missing)),
            instead=tuple(instead) if is_ready else (),
            words=words,
        )

    async def _locally(
        self, target: Target | None, locked: tuple[LockedRelease, ...], versions: dict[ProjectName, str]
    ) -> list[Missing]:
        """What is lacking of what a resolver finds here, whose `versions` it notes.  Raises Unresolvable."""
        missing: list[Missing] = []
        if self.inputs.requirements:
            found = await self.asking.releases(self.inputs.requirements, target, self.terms)
            versions.update((release.project, release.version) for release in found)
            digests = await self.pool(required_digests, self.inputs.requirements)
            missing += await self.pool(self._lacking, found, target, digests)
        if locked:
            found = await self.asking.pinned(locked, target, self.terms)
            missing += await self.pool(self._lacking, found, target, _locked_digests(locked))
        return missing

    def _lacking(
        self, found: Iterable[LockedRelease], target: Target | None, digests: dict[ProjectName, Digests]
    ) -> list[Missing]:
        environment = environment_in(target)
        chosen = [
            files_of(release, environment, sdists=self.terms.sdists, digests=digests.get(release.project, frozenset()))
            for release in found
        ]
        return [one for one in chosen if isinstance(one, Missing)]


def _locked_digests(locked: Iterable[LockedRelease]) -> dict[ProjectName, Digests]:
    found: dict[ProjectName, Digests] = {}
    for release in locked:
        found[release.project] = found.get(release.project, frozenset()) | digests_of(release.files)
    return found


def _missing(file: WantedFile) -> Missing:
    return Missing(what=file.filename, why=NOT_STORED)


def _instead(file: WantedFile, version: str | None) -> Missing:
    """Why an environment is ready without a file, by the version of its project that is found here."""
    if version is None:
        found = f"what is found here does not need {file.project}"
    elif version == file.version:
        found = f"another file of {file.project} {version} is found here"
    else:
        found = f"{file.project} {version} is found here instead"
    return Missing(what=file.filename, why=f"{NOT_STORED}; {found}")


def _is_for(file: WantedFile, target: Target | None) -> bool:
    return target is None or not file.targets or target in file.targets


def _yanked(file: File | None) -> str | None:
    """Why a file is yanked, None where it is not."""
    if file is None or file.yanked is False:
        return None
    return file.yanked if isinstance(file.yanked, str) and file.yanked else "yanked"
