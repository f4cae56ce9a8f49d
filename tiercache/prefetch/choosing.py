"""Which files of a release an environment needs: pure, and the same for what is resolved and what is locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from tiercache.errors import InvalidName
from tiercache.policy.best_files import best_file, takes_python
from tiercache.policy.environments import Environment, markers_of, tags_of
from tiercache.prefetch.environments import environment_of
from tiercache.prefetch.inputs.inputs import LockedFile, LockedRelease
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import FilenameKind, normalise, parse_filename, version_in
from tiercache.wire.prefetch import Missing, Target

Digests = frozenset[tuple[str, str]]
"""Algorithms with digests, any of which a file may have."""


@frozen(kw_only=True)
class NamedFile:
    """A file that has a name: a locked one, or one that a page lists for the digests in a lock."""

    filename: str
    hashes: Mapping[str, str]
    size: int | None


def environment_in(target: Target | None) -> Environment | None:
    """The environment of a target; None for every one.  Raises WantedUnusable."""
    return None if target is None else environment_of(target)


def applies(marker: str | None, environment: Environment | None) -> bool:
    """Whether what stands behind a marker counts in an environment; in every one, whatever may count in any."""
    if marker is None or environment is None:
        return True
    try:
        return Marker(marker).evaluate({**markers_of(environment), "extra": ""})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return True  # nobody can tell: rather a file too many


def files_of(
    release: LockedRelease, environment: Environment | None, *, sdists: bool, digests: Digests = frozenset()
) -> tuple[NamedFile, ...] | Missing:
    """The files of a release for an environment (None: every one): the best wheel, and with `sdists` the sdist.

    `digests`: those that were asked for; none: any.  Files without a name are passed over.
    """
    what = f"{release.project} {release.version}"
    if environment is not None:
        python = markers_of(environment)["python_full_version"]
        if not takes_python(release.requires_python, python):
            return Missing(what=what, why=f"it is for Python {release.requires_python}, and not for {python}")
    named = [named for file in release.files if (named := _named(file)) is not None]
    files = [file for file in named if _may_have(file, digests)]
    if named and not files:
        return Missing(what=what, why="none of its files has a digest that was asked for")
    wheels = [file for file in files if is_kind(file.filename, FilenameKind.WHEEL)]
    sources = [file for file in files if is_kind(file.filename, FilenameKind.SDIST)]
    if environment is not None:
        best = best_file(wheels, tags_of(environment), sdists=False)
        wheels = [] if best is None else [best]
    found = (*wheels, *(sources[:1] if sdists else ()))
    if found:
        return found
    where = "any environment" if environment is None else "this environment"
    but = ", and sdists were not asked for" if sources else ""
    return Missing(what=what, why=f"there is no wheel of it for {where}{but}")


def contradict(hashes: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether the same bytes cannot have all of these digests."""
    return any(others.get(algorithm, value) != value for algorithm, value in hashes.items())


def contradictory(files: Iterable[LockedFile]) -> list[str]:
    """The names that stand for two files with other bytes, as locks that do not agree have them."""
    first: dict[str, Mapping[str, str]] = {}
    found: dict[str, None] = {}
    for file in files:
        if file.filename is not None and contradict(file.hashes, first.setdefault(file.filename, file.hashes)):
            found[file.filename] = None
    return list(found)


def pin_of(release: LockedRelease, environment: Environment | None) -> str:
    """A line that names the release exactly, with its digests; with its marker, where nobody has evaluated that."""
    marker = "" if environment is not None or release.marker is None else f" ; {release.marker}"
    digests = sorted({f"{name}:{value}" for file in release.files for name, value in file.hashes.items()})
    return f"{release.project}=={release.version}{marker}" + "".join(f" --hash={digest}" for digest in digests)


def pins_of(releases: Iterable[LockedRelease], target: Target | None) -> tuple[str, ...]:
    """A line of each."""
    environment = environment_in(target)
    return tuple(pin_of(release, environment) for release in releases)


def digests_of(files: Iterable[LockedFile]) -> Digests:
    """Every digest of some files."""
    return frozenset(pair for file in files for pair in file.hashes.items())


def required_digests(lines: Iterable[str]) -> dict[ProjectName, Digests]:
    """By project, the digests that stand behind requirements."""
    found: dict[ProjectName, Digests] = {}
    for line in lines:
        stated, *hashes = line.split(" --hash=")
        project = named_in(stated)
        if hashes and project is not None:
            pairs = [(name, value) for name, _, value in (one.strip().partition(":") for one in hashes)]
            found[project] = found.get(project, frozenset()) | frozenset(pairs)
    return found


def named_in(line: str) -> ProjectName | None:
    """The project that a requirement is about; None for what is no requirement."""
    try:
        return normalise(Requirement(line.partition(" --hash=")[0]).name)
    except (InvalidRequirement, InvalidName):
        return None


def with_names(release: LockedRelease, listed: Iterable[File]) -> LockedRelease:
    """A locked release whose files all have names, by what a page lists of its project.

    Where a lock gives digests alone, a file is one that has one of them; where it gives none, any of the release's.
    """
    of_release = [file for file in listed if version_in(file.filename, release.project) == release.version]
    if not release.files:
        return evolve(release, files=tuple(map(_locked, of_release)))
    digests = digests_of(file for file in release.files if file.filename is None)
    named = [file for file in release.files if file.filename is not None]
    found = [_locked(file) for file in of_release if not digests.isdisjoint(file.hashes.items())]
    return evolve(release, files=(*named, *found))


def lacks_names(release: LockedRelease) -> bool:
    """Whether a page has to tell which files are meant."""
    return not release.files or any(file.filename is None for file in release.files)


def _may_have(file: NamedFile, digests: Digests) -> bool:
    """Whether a file has one of the digests, as far as anybody says which it has."""
    if not digests.isdisjoint(file.hashes.items()):
        return True
    return not any(name in file.hashes for name, _ in digests)


def _locked(file: File) -> LockedFile:
    return LockedFile(filename=file.filename, hashes=file.hashes, size=file.size)


def _named(file: LockedFile) -> NamedFile | None:
    if file.filename is None:
        return None
    return NamedFile(filename=file.filename, hashes=file.hashes, size=file.size)


def is_kind(filename: str, kind: FilenameKind) -> bool:
    """Whether that is what a filename is by its ending; none is what is no filename."""
    try:
        return parse_filename(filename).kind is kind
    except InvalidName:
        return False
