"""Which filenames may be published: those of wheels and sdists that every installer reads alike.

What is served of other tiers is read more kindly (`tiercache.simple.names`): here nobody has to live with the past.
"""

from __future__ import annotations

import re

from attrs import frozen
from packaging import utils
from packaging.version import InvalidVersion, Version

from tiercache.errors import FilenameRefused, InvalidName
from tiercache.simple.model import ProjectName
from tiercache.simple.names import (
    MAX_FILENAME_BYTES,
    Filename,
    FilenameKind,
    checked_filename,
    normalise,
    parse_filename,
)

MAX_TAGS = 1000
"""For how many combinations of tags a wheel may be (PEP 425): all of them are spelt out by whoever reads its name."""

# Names, versions and tags are ASCII (PEP 427, 440, 625): no letter that only looks like another gets by.
_WRITTEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")

_OTHER_KINDS = {
    FilenameKind.EGG: "eggs are no longer installed by anything; build a wheel",
    FilenameKind.LEGACY: "only wheels and sdists are published; build a wheel",
    FilenameKind.OTHER: "it ends neither as a wheel (.whl) nor as an sdist (.tar.gz, .zip)",
}


@frozen
class PublishedFilename:
    """The filename of a wheel or sdist (`kind`); `version` is normalised (PEP 440)."""

    text: str
    kind: FilenameKind
    project: ProjectName
    version: str


def published_filename(text: str, project: ProjectName | None = None) -> PublishedFilename:
    """The filename of a wheel or sdist that may be published, with its project and normalised version.

    `project`: whose file it is said to be, which decides between the readings of an older sdist's name, such as
    `foo-1.0-2.tar.gz`.  Raises FilenameRefused for any other.
    """
    shown = text[: MAX_FILENAME_BYTES + 1]
    try:
        checked_filename(text)
    except InvalidName:
        raise FilenameRefused(filename=shown, reason=_why_unsafe(text)) from None
    if not _WRITTEN.fullmatch(text):
        raise FilenameRefused(filename=shown, reason="it has other characters than letters and digits of ASCII, ._+!-")
    read = parse_filename(text)
    if read.kind is FilenameKind.WHEEL:
        return _wheel(text)
    # An sdist may be named as a platform's archive is (`foo-linux-1.0`): what is no sdist's name says so itself.
    if text.endswith((".tar.gz", ".zip")) and read.kind in {FilenameKind.SDIST, FilenameKind.LEGACY}:
        return _sdist(text, project, read)
    if read.kind is FilenameKind.SDIST:
        raise FilenameRefused(filename=text, reason="an sdist ends in .tar.gz (PEP 625) or .zip; pack it anew")
    raise FilenameRefused(filename=text, reason=_OTHER_KINDS[read.kind])


def _why_unsafe(text: str) -> str:
    if not text:
        return "it is empty"
    if "/" in text or "\\" in text:
        return "it has a path separator in it"
    if text[0] == ".":
        return "it begins with a dot"
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILENAME_BYTES:
        return f"it is longer than {MAX_FILENAME_BYTES} bytes"
    return "it has characters in it that cannot be seen"


def _wheel(text: str) -> PublishedFilename:
    combinations = 1
    for tags in text.removesuffix(".whl").split("-")[-3:]:
        combinations *= tags.count(".") + 1
    if combinations > MAX_TAGS:
        raise FilenameRefused(filename=text, reason=f"it has more than {MAX_TAGS} combinations of tags")
    try:
        name, version, *_ = utils.parse_wheel_filename(text)
        return PublishedFilename(text, FilenameKind.WHEEL, normalise(name), str(version))
    except (ValueError, InvalidName):  # ValueError: whatever packaging says of a name
        raise FilenameRefused(
            filename=text, reason="it is not a wheel's: name-version-python-abi-platform.whl"
        ) from None


def _sdist(text: str, project: ProjectName | None, read: Filename) -> PublishedFilename:
    try:
        name, version = utils.parse_sdist_filename(text)
        strict = PublishedFilename(text, FilenameKind.SDIST, normalise(name), str(version))
    except (ValueError, InvalidName):
        strict = None
    if strict is not None and project in {None, strict.project}:
        return strict
    # Before PEP 625, dashes stood in versions, too: `foo-1.0-2.tar.gz` is 1.0.post2 of foo, or 2 of foo-1.0.
    other = parse_filename(text, project)
    if other.kind is FilenameKind.SDIST and other.project is not None and project in {None, other.project}:
        try:
            return PublishedFilename(text, FilenameKind.SDIST, other.project, str(Version(other.version or "")))
        except InvalidVersion:
            pass
    if strict is not None:
        return strict  # of another project than is said, and that is for others to find
    if read.kind is FilenameKind.LEGACY:
        raise FilenameRefused(filename=text, reason=_OTHER_KINDS[read.kind])
    raise FilenameRefused(filename=text, reason="it is not an sdist's: name-version.tar.gz")
