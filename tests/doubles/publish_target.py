"""A tier that takes uploads, in a test: notes what it is sent, and says what the test wants it to."""

from __future__ import annotations

from attrs import define, field, frozen
from zope.interface import implementer

from tiercache.errors import TierUnreachable
from tiercache.interfaces import FormFile, IPublishTarget, Tier, TierSaid, UploadForm
from tiercache.policy.hops import Hops


@frozen(kw_only=True)
class Sent:
    """One upload as it came: `parts` are names and whole values, in order."""

    parts: tuple[tuple[str, bytes], ...]
    filenames: tuple[str, ...]
    authorization: str | None
    hops: Hops


@implementer(IPublishTarget)
@define(kw_only=True, eq=False)
class ScriptedTarget:
    """`says` is its answer; `silent`: it raises TierUnreachable with this reason.  `sent` is all that came."""

    tier: Tier = field(factory=lambda: Tier(name="office", kind="parent"))
    says: TierSaid = field(factory=lambda: TierSaid(status=200, reason="OK"))
    silent: str | None = None
    sent: list[Sent] = field(factory=list)

    async def send(self, form: UploadForm, authorization: str | None, hops: Hops) -> TierSaid:
        """Read the whole form, and answer."""
        if self.silent is not None:
            raise TierUnreachable(tier=self.tier.name, reason=self.silent)
        files = [part for part in form.parts if isinstance(part, FormFile)]
        self.sent.append(
            Sent(
                parts=tuple(
                    (part.name, part.read(0, part.size_bytes) if isinstance(part, FormFile) else part.value)
                    for part in form.parts
                ),
                filenames=tuple(file.filename for file in files),
                authorization=authorization,
                hops=hops,
            )
        )
        return self.says
