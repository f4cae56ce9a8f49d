"""Hands uploads on to a tier instead of keeping them: what `publish: {to: <tier>}` says.

The tier decides who may, by the uploader's own credentials, and its word is passed back.  Nothing is kept here; the
uploader's file shows on the pages here as soon as the tier has taken it.
"""

from __future__ import annotations

from attrs import define
from twisted.logger import Logger

from tiercache.cache.chain import Chain
from tiercache.cache.entries import Entries
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import NotForTier, StoreFailed, TierUnreachable
from tiercache.interfaces import FormField, FormFile, IPublishTarget, TierSaid, UploadForm
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.publish.form import CONTENT
from tiercache.publish.intake import TakenForm
from tiercache.simple.model import ProjectName

log = Logger()


@define(kw_only=True)
class Forwarding:
    """The way of uploads to one tier."""

    _target: IPublishTarget
    _chain: Chain
    _entries: Entries
    _switch: OfflineSwitch

    @property
    def tier(self) -> str:
        """The name of the tier."""
        name: str = self._target.tier.name
        return name

    def check(self, project: ProjectName) -> None:
        """Raises NotForTier for a name that is not to be told to this tier; TierUnreachable where none may be asked."""
        if self.tier not in self._chain.selection(project).tiers:
            raise NotForTier(project=project, tier=self.tier)
        if self._switch.is_offline:
            raise TierUnreachable(tier=self.tier, reason="this node is offline, and asks no tier")

    async def forward(
        self, project: ProjectName, form: UploadForm, *, authorization: str | None, hops: Hops = NONE_YET
    ) -> TierSaid:
        """Hand an upload of this project on, and give what the tier said.

        `authorization`: the uploader's own Authorization field, as it came.  Raises as `check` and
        `IPublishTarget.send`.
        """
        self.check(project)
        said = await self._target.send(form, authorization, hops)
        if said.is_taken:
            try:
                await self._entries.outdate(project, self.tier)
            except StoreFailed as error:
                log.warn("that {project} is outdated is not kept: {error}", project=project, error=error)
        return said


def form_of(taken: TakenForm) -> UploadForm:
    """A form as it came, with the bytes of its file where they lie now: for as long as they are not discarded.

    Files that were not kept, such as the signatures that nobody asks for any more, are not in it.
    """
    parts: list[FormField | FormFile] = []
    for part in taken.parts:
        if isinstance(part, FormField):
            parts.append(part)
        elif part.name == CONTENT:
            parts.append(
                FormFile(
                    name=part.name,
                    filename=part.filename,
                    size_bytes=taken.arrival.size_bytes,
                    read=taken.arrival.read,
                )
            )
    return UploadForm(parts=tuple(parts))
