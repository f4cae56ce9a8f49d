"""What may be wrong with an upload: one part of the one exception tree."""

from __future__ import annotations

from attrs import frozen

from tiercache.errors.tree import TiercacheError, TooLarge


@frozen(kw_only=True, slots=False)
class BodyTooLarge(TiercacheError):
    """What is sent is larger than the {limit_bytes} bytes that are taken here."""

    limit_bytes: int


@frozen(kw_only=True, slots=False)
class BodyStalled(TiercacheError):
    """What is sent comes too slowly, or not at all."""


@frozen(kw_only=True, slots=False)
class FilenameTaken(TiercacheError):
    """{filename} already exists, with other bytes: what was published once is never changed."""

    filename: str


@frozen(kw_only=True, slots=False)
class NameElsewhere(TiercacheError):
    """{project} is a project of tier {tier}, and is not published here too unless a rule opens the name.

    A rule opens it that lets no tier answer for it (`tiers: []`), or that names tiers beside this node
    (`also-upstream`).
    """

    project: str
    tier: str


@frozen(kw_only=True, slots=False)
class UploadsRefused(TiercacheError):
    """This node takes no uploads."""


@frozen(kw_only=True, slots=False)
class UploadRefused(TiercacheError):
    """The upload is refused: {reason}.

    `reason` begins in lower case and ends without a full stop.  Each other refusal of what an upload says or is, is one
    of these too.
    """

    reason: str


@frozen(kw_only=True, slots=False)
class FormMalformed(UploadRefused):
    """The form of the upload cannot be read: {reason}."""


@frozen(kw_only=True, slots=False)
class FieldRefused(UploadRefused):
    """The field {field!r} of the form {reason}."""

    field: str


@frozen(kw_only=True, slots=False)
class FilenameRefused(UploadRefused):
    """{filename!r} cannot be published: {reason}."""

    filename: str


@frozen(kw_only=True, slots=False)
class ArchiveRefused(UploadRefused):
    """{filename} is no distribution archive that can be published: {reason}."""

    filename: str


@frozen(kw_only=True, slots=False)
class Disagreement(UploadRefused):
    """{filename} says otherwise than its upload: {reason}."""

    filename: str


@frozen(kw_only=True, slots=False)
class AttestationsRefused(UploadRefused):
    """The attestations of {filename} cannot be kept: {reason}."""

    filename: str


@frozen(kw_only=True, slots=False)
class UploadTooLarge(TooLarge):
    """{subject} is larger than the {limit_bytes} bytes that may be published here."""


@frozen(kw_only=True, slots=False)
class NotForTier(TiercacheError):
    """{project} is not to be published to {tier}: the rules here, or who has reserved the name, leave it to others."""

    project: str
    tier: str


@frozen(kw_only=True, slots=False)
class NotPromoted(TiercacheError):
    """{project} {version} is not promoted to {tier}: {reason}.  {taken} of its {files} files are there."""

    project: str
    version: str
    tier: str
    reason: str
    taken: int
    files: int
