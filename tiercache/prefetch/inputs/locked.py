"""What the locks of several tools have in common: a release with its files, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from tiercache.errors import InvalidName
from tiercache.prefetch.inputs.gathering import NotTaken
from tiercache.prefetch.inputs.inputs import LockedFile, LockedRelease
from tiercache.prefetch.inputs.markers import Decided
from tiercache.simple.digests import read_digests
from tiercache.simple.names import checked_filename, normalise, parse_filename

MOST_VERSION_CHARACTERS = 200
LARGEST_SIZE = 2**53

FROM_ELSEWHERE = "it is locked to come from {}, and from no index"
PLACES = {
    "git": "version control",
    "hg": "version control",
    "svn": "version control",
    "bzr": "version control",
    "vcs": "version control",
    "url": "a URL of its own",
    "archive": "a URL of its own",
    "file": "a file on somebody's machine",
    "path": "a path on somebody's machine",
    "directory": "a path on somebody's machine",
    "editable": "a path on somebody's machine",
    "virtual": "a path on somebody's machine",
}
"""By the words of locks, where a release comes from that comes from no index."""


def refuse_places(keys: Iterable[str]) -> None:
    """Raises NotTaken if one of the keys of a locked release says that it comes from no index."""
    for key in keys:
        if key in PLACES:
            raise NotTaken(reason=FROM_ELSEWHERE.format(PLACES[key]))


def locked_release(
    name: str,
    version: str | None,
    *,
    marker: Decided = True,
    requires_python: str | None = None,
    files: Iterable[LockedFile] = (),
) -> LockedRelease:
    """A release whose parts are checked; raises NotTaken where one makes no sense.  `marker` is not False."""
    try:
        project = normalise(name)
    except InvalidName:
        raise NotTaken(reason="its name is none that a project can have") from None
    if version is None:
        raise NotTaken(reason="it is locked without a version")
    kept = tuple(files)
    for file in kept:
        _refuse_other_projects(file, project)
    return LockedRelease(
        project=project,
        version=normal_version(version),
        marker=marker if isinstance(marker, str) else None,
        requires_python=_specifier(requires_python),
        files=kept,
    )


def normal_version(text: str) -> str:
    """A version as PEP 440 writes it; raises NotTaken for what is none."""
    try:
        if len(text) <= MOST_VERSION_CHARACTERS:
            return str(Version(text))
    except (InvalidVersion, ValueError):
        pass
    raise NotTaken(reason=f"{text[:MOST_VERSION_CHARACTERS]!r} is no version")


def locked_file(place: str | None, digests: Mapping[str, str], size: int | None = None) -> LockedFile:
    """A file by its name, or a path or URL that ends in it; where it lies is of no matter, as its digest finds it.

    Raises NotTaken for one that neither a name nor a digest tells.
    """
    filename = None if place is None else _last_part(place)
    try:
        hashes = read_digests(digests)
        if filename is not None:
            checked_filename(filename)
    except (ValueError, InvalidName) as error:
        raise NotTaken(reason=f"one of its files cannot be told: {error}") from None
    if filename is None and not hashes:
        raise NotTaken(reason="one of its files has neither a name nor a digest")
    return LockedFile(filename=filename, hashes=hashes, size=size if _is_size(size) else None)


def digest_of(text: str | None) -> dict[str, str]:
    """`sha256:…` as a mapping, empty for none; raises NotTaken for another shape."""
    if not text:
        return {}
    algorithm, colon, value = text.partition(":")
    if not colon or not algorithm or not value:
        raise NotTaken(reason="one of its digests cannot be read")
    return {algorithm: value}


def _refuse_other_projects(file: LockedFile, project: str) -> None:
    if file.filename is not None and parse_filename(file.filename, normalise(project)).project not in {project, None}:
        raise NotTaken(reason=f"{file.filename} is no file of that project")


def _last_part(place: str) -> str:
    try:
        path = urlsplit(place).path if "://" in place else place
    except ValueError:
        raise NotTaken(reason="one of its files has a URL that is none") from None
    return unquote(path.replace("\\", "/").rpartition("/")[2])


def _is_size(size: int | None) -> bool:
    return size is not None and 0 <= size <= LARGEST_SIZE


def _specifier(text: str | None) -> str | None:
    """As it is written, None for one that forbids nothing, or that cannot be read."""
    try:
        return str(SpecifierSet(text or "")) or None
    except (InvalidSpecifier, ValueError):
        return None
