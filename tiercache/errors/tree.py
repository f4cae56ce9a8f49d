"""The one exception tree.

Errors are named for the fact and carry fields; the docstring is the sentence that a person reads, with the
fields filled in.  They know no HTTP: `tiercache.web.errors` is the only table from an error to a status.
"""

from __future__ import annotations

from attrs import fields_dict, frozen


@frozen(kw_only=True, slots=False)
class TiercacheError(Exception):
    """Something that tiercache foresaw went wrong."""

    def __str__(self) -> str:
        doc = type(self).__doc__ or type(self).__name__
        sentence = " ".join(doc.split("\n\n")[0].split())
        return sentence.format(**{name: getattr(self, name) for name in fields_dict(type(self))})


@frozen(kw_only=True, slots=False)
class InvalidName(TiercacheError):
    """{name!r} is not the name of a project or file."""

    name: str


@frozen(kw_only=True, slots=False)
class ProjectAbsent(TiercacheError):
    """No project named {project} is to be had here."""

    project: str


@frozen(kw_only=True, slots=False)
class FileAbsent(TiercacheError):
    """No file {filename} is to be had here."""

    filename: str


@frozen(kw_only=True, slots=False)
class NotStored(TiercacheError):
    """{subject} is not in the store, and no tier was to be asked."""

    subject: str


@frozen(kw_only=True, slots=False)
class TierUnreachable(TiercacheError):
    """Tier {tier} gave no usable answer: {reason}.

    `retry_after_s` is what the tier itself asked for (RFC 9110 section 10.2.3), in seconds, or None.  `has_answered`:
    it did answer, with an error of its own, so that to ask it for something else is not to wait for a dead tier.
    """

    tier: str
    reason: str
    retry_after_s: float | None = None
    has_answered: bool = False


@frozen(kw_only=True, slots=False)
class LoopFound(TierUnreachable):
    """Tier {tier} would only ask the nodes again that this request has passed, or it has passed too many: {reason}.

    The tier is well, and may have an answer to another request for the same.
    """


@frozen(kw_only=True, slots=False)
class TierWithoutAnswer(TierUnreachable):
    """Tier {tier} is well, but cannot say this now: {reason}.

    Its own tiers are down, or it lets this node not read that: nothing is told about whether there is such a thing.
    """

    has_answered: bool = True


@frozen(kw_only=True, slots=False)
class NotANode(TierUnreachable):
    """Tier {tier} does not speak the language of nodes: {reason}."""


@frozen(kw_only=True, slots=False)
class NoTierAnswered(TiercacheError):
    """{subject} is not in the store, and no tier that has it answers: {reason}."""

    subject: str
    reason: str
    retry_after_s: float | None = None


@frozen(kw_only=True, slots=False)
class PageUnusable(TiercacheError):
    """A project page could not be read: {reason}."""

    reason: str


@frozen(kw_only=True, slots=False)
class DigestMismatch(TiercacheError):
    """{filename} has the {algorithm} digest {actual}, not {expected}."""

    filename: str
    algorithm: str
    expected: str
    actual: str


@frozen(kw_only=True, slots=False)
class LengthMismatch(TiercacheError):
    """{filename} has {actual} bytes, not {expected}."""

    filename: str
    expected: int
    actual: int


@frozen(kw_only=True, slots=False)
class TooLarge(TiercacheError):
    """{subject} is larger than the {limit_bytes} bytes allowed."""

    subject: str
    limit_bytes: int


@frozen(kw_only=True, slots=False)
class RangesUnsupported(TiercacheError):
    """Tier {tier} sends {filename} only as a whole."""

    tier: str
    filename: str


@frozen(kw_only=True, slots=False)
class SidecarUnavailable(TiercacheError):
    """No core metadata can be had for {filename}: {reason}."""

    filename: str
    reason: str


@frozen(kw_only=True, slots=False)
class CredentialsNeeded(TiercacheError):
    """Whoever asks for this has to say who they are."""


@frozen(kw_only=True, slots=False)
class CredentialsWrong(TiercacheError):
    """These credentials are nobody's."""


@frozen(kw_only=True, slots=False)
class ControlTokenNeeded(TiercacheError):
    """This needs the node's control token."""


@frozen(kw_only=True, slots=False)
class PermissionMissing(TiercacheError):
    """{user} may not {permission} this."""

    user: str
    permission: str


@frozen(kw_only=True, slots=False)
class CrossSite(TiercacheError):
    """A web page of another site has made this request: nothing is changed for it."""


@frozen(kw_only=True, slots=False)
class TooManyLogins(TiercacheError):
    """More passwords are to be checked than this node takes at once."""

    retry_after_s: float = 1.0


@frozen(kw_only=True, slots=False)
class TooManyFailures(TiercacheError):
    """Too many passwords were wrong: no further one is looked at for now."""

    retry_after_s: float


@frozen(kw_only=True, slots=False)
class TokenAbsent(TiercacheError):
    """There is no token with the id {id}."""

    id: str


@frozen(kw_only=True, slots=False)
class TooManyTokens(TiercacheError):
    """Nobody has more than {limit} tokens: revoke one."""

    limit: int


@frozen(kw_only=True, slots=False)
class RequestMalformed(TiercacheError):
    """The request cannot be followed: {reason}."""

    reason: str


@frozen(kw_only=True, slots=False)
class FileDeleted(TiercacheError):
    """{filename} already exists: it was deleted, and can be restored until its time is over."""

    filename: str


@frozen(kw_only=True, slots=False)
class ReleaseAbsent(TiercacheError):
    """Project {project} has no release {version} here."""

    project: str
    version: str


@frozen(kw_only=True, slots=False)
class NothingToRestore(TiercacheError):
    """Nothing that was deleted of {project} can be restored: {reason}."""

    project: str
    reason: str


@frozen(kw_only=True, slots=False)
class ProjectClosed(TiercacheError):
    """Project {project} is {status}: it takes no new files."""

    project: str
    status: str


@frozen(kw_only=True, slots=False)
class ProjectHasFiles(TiercacheError):
    """Project {project} still has files: its name can be released when they are deleted."""

    project: str


@frozen(kw_only=True, slots=False)
class ReaderBehind(TiercacheError):
    """A reader of the journal is more than {limit} events behind."""

    limit: int


@frozen(kw_only=True, slots=False)
class StoreFailed(TiercacheError):
    """The store does not do its work."""


@frozen(kw_only=True, slots=False)
class StoreFull(StoreFailed):
    """The store has no room for more: {reason}."""

    reason: str


@frozen(kw_only=True, slots=False)
class StoreInUse(TiercacheError):
    """The store at {path} is in use by another node (process {pid}): stop that one, or give this one its own store."""

    path: str
    pid: int | None


@frozen(kw_only=True, slots=False)
class StoreUnusable(StoreFailed):
    """The store at {path} cannot be used: {reason}."""

    path: str
    reason: str


@frozen(kw_only=True, slots=False)
class EndpointUnusable(TiercacheError):
    """The node cannot listen at {endpoint}: {reason}."""

    endpoint: str
    reason: str


@frozen(kw_only=True, slots=False)
class Problem:
    """One thing wrong in a configuration: where (`tiers[1].url`, with `line N` where known) and what."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@frozen(kw_only=True, slots=False)
class ConfigInvalid(TiercacheError):
    """The configuration {source} cannot be used."""

    source: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        head = f"The configuration {self.source} cannot be used:"
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])
