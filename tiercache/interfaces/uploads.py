"""An upload that is handed on to a tier: the form as it came, and what the tier said of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import field, frozen
from zope.interface import Attribute, Interface

from tiercache.policy.hops import Hops


@frozen(kw_only=True)
class FormField:
    """A field of a form that is in memory."""

    name: str
    value: bytes


@frozen(kw_only=True)
class FormFile:
    """A file in a form, whose bytes lie somewhere.

    `read(start, size_bytes)` gives at most so many of them from there on, as `IPartial.read` does: blocking, and called
    in the pool.  It has to go on doing so until whoever was handed the form is done with it.
    """

    name: str
    filename: str
    size_bytes: int
    read: Callable[[int, int], bytes] = field(repr=False)
    content_type: str = "application/octet-stream"


@frozen(kw_only=True)
class UploadForm:
    """The legacy upload form: its parts in the order in which they came, doubled names included."""

    parts: tuple[FormField | FormFile, ...]


@frozen(kw_only=True)
class TierSaid:
    """What a tier answered to an upload.

    `reason`: the words beside the status, which some clients read.  `text`: the beginning of its body, of bounded
    length.  `headers`: those that a client has a use for (WWW-Authenticate, Retry-After), by their canonical names.
    """

    status: int
    reason: str = ""
    text: str = ""
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def is_taken(self) -> bool:
        """Whether the tier took the upload."""
        return 200 <= self.status < 300


class IPublishTarget(Interface):
    """A tier that uploads can be handed on to."""

    tier = Attribute("Tier")

    def send(form: UploadForm, authorization: str | None, hops: Hops) -> Awaitable[TierSaid]:
        """Send an upload to the tier, once, without holding it in memory, and give what the tier said, yes or no.

        `authorization`: the uploader's own Authorization field, None for none; this node's credentials are never sent.
        `hops`: what the upload has passed before this node.
        Raises TierUnreachable where the tier gave no answer of its own: then it may or may not have taken it, and to
        send the same bytes again does no harm.  Cancelling it breaks the upload off.
        """
