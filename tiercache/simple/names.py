"""Names as they come from outside: of projects (PEP 503), of files, and of bytes, checked before anything is done.

A filename tells what kind of archive it is and, more or less surely, whose: the rules are packaging's, and those of
the tools that wrote eggs and bdist_* files where packaging has none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from attrs import frozen
from packaging import utils
from packaging.version import InvalidVersion, Version

from tiercache.errors import InvalidName
from tiercache.simple.digests import HEX_LENGTHS, is_digest, strongest
from tiercache.simple.model import File, FileIdentity, ProjectName

MAX_PROJECT_NAME = 200
"""The longest project name, in characters, that is looked for."""

MAX_FILENAME_BYTES = 255
"""The longest filename, in bytes of UTF-8: what file systems take."""

MAX_CANDIDATES = 8
"""How many projects are thought of for one filename: each may cost a question to a tier."""


class FilenameKind(StrEnum):
    """What a filename is, by its ending."""

    WHEEL = "wheel"
    SDIST = "sdist"
    EGG = "egg"
    LEGACY = "legacy"  # bdist_wininst, bdist_msi, bdist_rpm, bdist_dmg, bdist_dumb
    OTHER = "other"  # no distribution archive


@frozen
class Filename:
    """A filename, read: `version` is normalised where it is one by PEP 440, else as it stands there."""

    text: str
    kind: FilenameKind
    project: ProjectName | None = None
    version: str | None = None


_TAR_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz", ".tar.z", ".tar")
_SDIST_ENDINGS = (*_TAR_ENDINGS, ".zip")
_LEGACY_ENDINGS = (".exe", ".msi", ".rpm", ".deb", ".dmg")
_ENDINGS = (".whl", ".egg", *_SDIST_ENDINGS, *_LEGACY_ENDINGS)

# What bdist_dumb, bdist_wininst and bdist_msi put behind the version, and bdist_dmg and eggs behind that.
_PLATFORM = re.compile(
    r"[.-](?:win32|win-(?:amd64|arm64|arm32|ia64)|(?:linux|macosx|freebsd|openbsd|netbsd|solaris|cygwin|aix|sunos"
    r"|darwin|hp-ux|mingw|msys|osf1|irix)[\w.-]*)\Z",
    re.ASCII | re.IGNORECASE,
)
_PYTHON = re.compile(r"-py\d(?:\.\d+)?\Z", re.ASCII)
_RPM_RELEASE = re.compile(r"-[^-]+\.(?:noarch|src|nosrc|i\d86|x86_64|aarch64|armv\w+|ppc\w*|s390x?)\Z", re.ASCII)
_DEB_RELEASE = re.compile(r"(?:-[^-_]+)?_(?:all|amd64|i386|arm64|armhf)\Z", re.ASCII)


def normalise(text: str) -> ProjectName:
    """The normalised form of a project's name (PEP 503).

    Raises InvalidName for what is no name by the core metadata's rule, or is longer than `MAX_PROJECT_NAME`.
    """
    # Older releases of packaging let a newline at the end pass, and letters that fold to ASCII ones.
    if len(text) > MAX_PROJECT_NAME or not text.isascii() or "\n" in text:
        raise InvalidName(name=text[: MAX_PROJECT_NAME + 1])
    try:
        return ProjectName(utils.canonicalize_name(text, validate=True))
    except utils.InvalidName:
        raise InvalidName(name=text) from None


def is_normal(text: str) -> bool:
    """Whether a text is the normalised name of a project."""
    try:
        return normalise(text) == text
    except InvalidName:
        return False


def checked_filename(text: str) -> str:
    """The filename itself, if it may safely stand in a path, a URL, a header and a log; raises InvalidName if not.

    It is a single path segment of printable characters (no NUL, control, formatting or surrogate characters), of at
    most `MAX_FILENAME_BYTES` in UTF-8, that neither begins with a dot or space nor ends with a space.
    """
    if (
        not text
        or "/" in text
        or "\\" in text
        or text[0] in ". "
        or text[-1] == " "
        or not text.isprintable()
        or "\ufffd" in text  # what is left of bytes that somebody could not decode
        or (len(text) if text.isascii() else len(text.encode())) > MAX_FILENAME_BYTES
    ):
        raise InvalidName(name=text[: MAX_FILENAME_BYTES + 1])
    return text


def is_distribution(filename: str) -> bool:
    """Whether a filename ends as a distribution archive does."""
    return filename.lower().endswith(_ENDINGS)


def parse_filename(text: str, project: ProjectName | None = None) -> Filename:
    """What a filename says.  `project`, where known, decides between the readings of an ambiguous name.

    Raises InvalidName for what is no filename (see `checked_filename`).  What is no distribution archive has the
    kind OTHER; a name that tells no project, or no version, has None there.
    """
    kind, readings = _read(checked_filename(text))
    first: tuple[ProjectName, str | None] | None = None
    for name, version in readings:
        first = first or (name, version)
        if project is None or name == project:
            return Filename(text, kind, name, version)
    return Filename(text, kind, *(first or (None, None)))


def version_in(filename: str, project: ProjectName) -> str | None:
    """The version that a file's name tells, None where it tells none."""
    try:
        return parse_filename(filename, project).version
    except InvalidName:
        return None


def candidate_projects(filename: str) -> tuple[ProjectName, ...]:
    """The projects that a file of that name may belong to, most plausible first, at most `MAX_CANDIDATES`.

    Wheels and eggs give one.  A name such as `foo-bar-1.0-2.tar.gz` may be cut at any of its dashes: first the
    cuts that leave a version by PEP 440, from the left; then those that leave a digit; then the rest.  A text that
    is no filename, or no distribution's, gives none.
    """
    return _candidates(filename) if len(filename) <= MAX_FILENAME_BYTES else ()


@lru_cache(maxsize=4096)
def _candidates(filename: str) -> tuple[ProjectName, ...]:
    try:
        checked_filename(filename)
    except InvalidName:
        return ()
    if filename[-4:].lower() == ".whl":  # most files of a page of thousands, and all of them begin alike
        return _of_wheels(filename[:-4].partition("-")[0])
    return _of_others(filename)


@lru_cache(maxsize=4096)
def _of_wheels(first: str) -> tuple[ProjectName, ...]:
    """The projects of wheels whose names begin with this part."""
    return tuple(name for name, _ in _read_wheel(f"{first}-0-py3-none-any.whl"))


@lru_cache(maxsize=4096)
def _of_others(filename: str) -> tuple[ProjectName, ...]:
    _, readings = _read(filename)
    projects: dict[ProjectName, None] = {}
    for name, _ in readings:
        projects[name] = None
        if len(projects) == MAX_CANDIDATES:
            break
    return tuple(projects)


def parse_identity(segment: str) -> FileIdentity:
    """The inverse of `FileIdentity.segment`; raises InvalidName for any other text."""
    algorithm, dash, value = segment.partition("-")
    if not dash:
        algorithm, value = "sha256", segment
    elif algorithm == "sha256":
        raise InvalidName(name=segment)  # one name for one file
    if not is_digest("sha256" if algorithm == "url" else algorithm, value):
        raise InvalidName(name=segment[: MAX_FILENAME_BYTES + 1])
    return FileIdentity(algorithm, value)


def identity_of(file: File) -> FileIdentity:
    """What names a listed file: its strongest usable digest, or else where it was listed."""
    sha256 = file.hashes.get("sha256")
    identity = _of_sha256(sha256) if sha256 is not None and len(sha256) == HEX_LENGTHS["sha256"] else None
    if identity is not None:
        return identity  # nearly always
    digest = strongest(file.hashes)
    if digest is not None:
        return FileIdentity(*digest)
    return FileIdentity("url", hashlib.sha256(file.url.encode("utf-8", "surrogatepass")).hexdigest())


@lru_cache(maxsize=4096)
def _of_sha256(value: str) -> FileIdentity | None:
    """That of a file with this SHA-256; each file of a page is named several times while the page is shown."""
    return FileIdentity("sha256", value) if is_digest("sha256", value) else None


# -- the readings of a filename ---------------------------------------------------------------------------------

_Reading = tuple[ProjectName, str | None]


def _read(text: str) -> tuple[FilenameKind, Iterator[_Reading]]:
    lowered = text.lower()
    if lowered.endswith(".whl"):
        return FilenameKind.WHEEL, _read_wheel(text)
    if lowered.endswith(".egg"):
        return FilenameKind.EGG, _read_egg(text[: -len(".egg")])
    for ending in _SDIST_ENDINGS:
        if lowered.endswith(ending):
            stem = text[: -len(ending)]
            bare = _without(_PLATFORM, stem)
            dumb = bare != stem
            return (FilenameKind.LEGACY if dumb else FilenameKind.SDIST), _read_stem(bare)
    for ending in _LEGACY_ENDINGS:
        if lowered.endswith(ending):
            return FilenameKind.LEGACY, _read_legacy(text[: -len(ending)], ending)
    return FilenameKind.OTHER, iter(())


def _read_wheel(text: str) -> Iterator[_Reading]:
    parts = text[: -len(".whl")].split("-")
    # Only name, version and build tag are wanted: a compressed tag set may stand for very many tags (PEP 425).
    plain = "-".join([*parts[:-3], "py3", "none", "any.whl"])
    try:
        name, version, *_ = utils.parse_wheel_filename(plain)
        yield normalise(name), str(version)
    except (utils.InvalidWheelFilename, InvalidName):
        # A wheel of before packaging was strict; or no wheel, whose first part is still the best guess.
        yield from _named(parts[0], _version(parts[1]) if len(parts) > 4 else None)


def _read_egg(stem: str) -> Iterator[_Reading]:
    # setuptools writes name-version[-pyX.Y[-platform]], with the dashes inside name and version as underscores.
    parts = stem.split("-")
    yield from _named(parts[0], _version(parts[1].replace("_", "-")) if len(parts) > 1 and parts[1] else None)


def _read_legacy(stem: str, ending: str) -> Iterator[_Reading]:
    if ending == ".rpm":
        return _read_stem(_without(_RPM_RELEASE, stem))
    if ending == ".deb":
        name, underscore, rest = _without(_DEB_RELEASE, stem).rpartition("_")
        return _read_stem(f"{name}-{rest}" if underscore else stem)
    # …-1.0.win32-py2.7.exe, …-1.0-py2.6-macosx10.6.dmg
    return _read_stem(_without(_PLATFORM, _without(_PYTHON, _without(_PLATFORM, stem))))


def _read_stem(stem: str) -> Iterator[_Reading]:
    """Every cut of `name-version` at a dash, the most plausible first."""
    cuts = [(stem[: dash.start()], stem[dash.end() :]) for dash in re.finditer("-", stem)]
    if not cuts:
        yield from _named(stem, None)
    good: list[tuple[str, str]] = []
    digits: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for name, version in cuts:
        if _normal_version(version) is not None:
            good.append((name, version))
        elif version[:1].isdigit():
            digits.append((name, version))
        else:
            others.append((name, version))
    for name, version in (*good, *digits, *reversed(others)):
        yield from _named(name, _version(version) if version else None)


def _named(name: str, version: str | None) -> Iterator[_Reading]:
    try:
        yield normalise(name), version
    except InvalidName:
        return


def _version(text: str) -> str:
    return _normal_version(text) or text


@lru_cache(maxsize=4096)
def _normal_version(text: str) -> str | None:
    """The version that a text means (PEP 440); None for what is none."""
    try:
        return str(Version(text))
    except InvalidVersion:
        return None


def _without(ending: re.Pattern[str], text: str) -> str:
    return ending.sub("", text, count=1)
