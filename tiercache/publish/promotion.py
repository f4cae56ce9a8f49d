"""Promotes a release: what was published to this node, a stage, is handed to another tier for everybody to have.

As uploads, with the digests that were verified here, so that the tier gets the very bytes that were tried on the stage.
The release stays here as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import msgspec
from attrs import define, evolve, frozen
from twisted.logger import Logger

from tiercache.cache.deleted import is_of_release
from tiercache.cache.hosted import Hosted
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.usage import Usage
from tiercache.errors import NotForTier, NotPromoted, ProjectAbsent, ReleaseAbsent, TiercacheError, TierUnreachable
from tiercache.interfaces import PROVENANCE, IFiles, IPublishTarget, IUpstream, Pool, TierSaid, UploadForm
from tiercache.policy.acts import PROMOTED, NewAct
from tiercache.policy.entry import Present, Validators
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.policy.removed import is_quarantined
from tiercache.policy.selection import ProjectRule, allowed_tiers
from tiercache.publish.archive import read_archive
from tiercache.publish.legacy_form import legacy_form
from tiercache.publish.submission import submission_of_filename
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import FilenameKind, parse_filename

log = Logger()


@frozen(kw_only=True)
class Promotion:
    """A release that a tier has all of: the filenames that it took, and those that it had."""

    project: ProjectName
    version: str
    tier: str
    taken: tuple[str, ...]
    there: tuple[str, ...]


@define(kw_only=True)
class Promoter:
    """Hands releases to `targets`, the tiers that take uploads; `upstreams` are all of them, by name."""

    _hosted: Hosted
    _files: IFiles
    _usage: Usage
    _targets: Mapping[str, IPublishTarget]
    _upstreams: Mapping[str, IUpstream]
    _rules: tuple[ProjectRule, ...]
    _switch: OfflineSwitch
    _pool: Pool

    async def promote(
        self,
        project: ProjectName,
        version: str,
        tier: str,
        *,
        authorization: str | None,
        by: str,
        hops: Hops = NONE_YET,
    ) -> Promotion:
        """Hand every file of a release to a tier.

        `authorization`: the Authorization field that the tier is shown.  Before the first file is sent it is known that
        all of them are here, that the tier answers, and that it has no other files by these names; so that it gets all
        of them or none as far as that can be told.  What it has already is not sent again, so that a promotion that
        broke off is ended by asking for it again.  Raises ProjectAbsent, ReleaseAbsent, NotForTier, NotPromoted,
        TierUnreachable.
        """
        files = self._release(project, version, tier)
        self._check(project, tier)
        there = await self._there(project, tier, version, files, hops)
        taken: list[str] = []
        failure: NotPromoted | None = None
        for file in files:
            if file.filename in there:
                continue
            reason = await self._handed(project, file, tier, authorization, hops)
            if reason is not None:
                failure = _refusal(project, version, tier, reason, len(there) + len(taken), len(files))
                break
            taken.append(file.filename)
        if taken:
            detail = f"{version} to {tier}: {', '.join(taken)}" + (f"; then {failure.reason}" if failure else "")
            await self._hosted.note(project, NewAct(what=PROMOTED, project=project, by=by, detail=detail))
        if failure is not None:
            raise failure
        return Promotion(project=project, version=version, tier=tier, taken=tuple(taken), there=tuple(sorted(there)))

    # -- before anything is sent ------------------------------------------------------------------------------

    def _check(self, project: ProjectName, tier: str) -> None:
        if tier not in self._targets or tier not in allowed_tiers(project, self._rules, tuple(self._upstreams)):
            raise NotForTier(project=project, tier=tier)
        if self._switch.is_offline:
            raise TierUnreachable(tier=tier, reason="this node is offline, and asks no tier")

    def _release(self, project: ProjectName, version: str, tier: str) -> list[File]:
        """Its files, wheels first: an installer that comes in between builds nothing."""
        page = self._hosted.page(project)
        if page is None:
            raise ProjectAbsent(project=project)
        files = [file for file in page.files if is_of_release(project, file.filename, version)]
        if not files:
            raise ReleaseAbsent(project=project, version=version)
        reason = self._obstacle(page, files)
        if reason is not None:
            raise _refusal(project, version, tier, reason, 0, len(files))
        return sorted(files, key=lambda file: not file.filename.endswith(".whl"))

    def _obstacle(self, page: Page, files: Sequence[File]) -> str | None:
        if is_quarantined(page):
            return "the project is quarantined here"
        for file in files:
            if file.yanked is not False:
                return f"{file.filename} is yanked here"
            if self._files.size(file.hashes["sha256"]) != file.size:
                return f"the store has lost {file.filename}"
            if parse_filename(file.filename, page.project).kind not in (FilenameKind.WHEEL, FilenameKind.SDIST):
                return f"{file.filename} is no archive that an upload form has a word for"
        return None

    async def _there(
        self, project: ProjectName, tier: str, version: str, files: Sequence[File], hops: Hops
    ) -> frozenset[str]:
        """The files of the release that the tier has; NotPromoted if it has others by their names."""
        listed = {file.filename: file for file in await self._listed(project, tier, hops)}
        there = set()
        for file in files:
            other = listed.get(file.filename)
            if other is None:
                continue
            if any(other.hashes.get(name, value) != value for name, value in file.hashes.items()):
                reason = f"it has another {file.filename}, and what was published once is never changed"
                raise _refusal(project, version, tier, reason, 0, len(files))
            if "sha256" in other.hashes:
                there.add(file.filename)
        return frozenset(there)

    async def _listed(self, project: ProjectName, tier: str, hops: Hops) -> Sequence[File]:
        try:
            answer = await self._upstreams[tier].behind(hops).page(project, Validators(), no_cache=True)
        except ProjectAbsent:
            return ()
        return answer.page.files if isinstance(answer, Present) else ()

    # -- sending ----------------------------------------------------------------------------------------------

    async def _handed(
        self, project: ProjectName, file: File, tier: str, authorization: str | None, hops: Hops
    ) -> str | None:
        """Hand one file on; None if the tier took it, else why it did not."""
        sha256 = file.hashes["sha256"]
        record = await self._hosted.records.file(project, file)
        self._usage.begin(sha256)
        try:
            content: BinaryIO = await self._pool(self._files.open, sha256)
            try:
                attestations = _attestations(record.attachments.get(PROVENANCE))
                form = await self._pool(_form, project, file, content, record.digests, attestations)
                said = await self._targets[tier].send(form, authorization, hops)
            finally:
                await self._pool(content.close)
        except TierUnreachable as error:
            return f"{file.filename} may not have come there: {error.reason}"
        except TiercacheError as error:
            return str(error).rstrip(".")
        finally:
            self._usage.end(sha256)
        return None if said.is_taken else f"it refused {file.filename}: {_words(said)}"


def _form(
    project: ProjectName, file: File, content: BinaryIO, digests: Mapping[str, str], attestations: bytes | None
) -> UploadForm:
    """The upload form of a stored file.  Blocking."""
    facts = read_archive(content, file.filename)
    return legacy_form(
        evolve(submission_of_filename(file.filename, project), attestations=attestations),
        core_metadata=facts.core_metadata,
        hashes={**file.hashes, **digests},
        size_bytes=file.size or 0,
        read=_reading(content),
    )


def _reading(content: BinaryIO) -> Callable[[int, int], bytes]:
    def read(start: int, size_bytes: int) -> bytes:
        content.seek(start)
        return content.read(size_bytes)

    return read


def _attestations(provenance: bytes | None) -> bytes | None:
    """What the field of the form had (PEP 740), of which the provenance was made."""
    if provenance is None:
        return None
    bundles: list[dict[str, Any]] = msgspec.json.decode(provenance)["attestation_bundles"]
    return msgspec.json.encode([one for bundle in bundles for one in bundle["attestations"]])


def _words(said: TierSaid) -> str:
    text = " ".join(said.text.split())[:200]
    return " ".join(filter(None, (str(said.status), said.reason, f"({text})" if text and text != said.reason else "")))


def _refusal(project: ProjectName, version: str, tier: str, reason: str, taken: int, files: int) -> NotPromoted:
    return NotPromoted(project=project, version=version, tier=tier, reason=reason.rstrip("."), taken=taken, files=files)
