"""The newest releases of a project that a requirement allows, for who wants more of them than one.  Pure."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tiercache.policy.best_files import takes_python
from tiercache.policy.environments import Environment, markers_of
from tiercache.prefetch.choosing import files_of
from tiercache.prefetch.inputs.inputs import LockedFile, LockedRelease
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import version_in
from tiercache.wire.prefetch import Missing


def newest_of(
    project: ProjectName,
    listed: Iterable[File],
    specifier: SpecifierSet,
    environment: Environment | None,
    *,
    sdists: bool,
    most: int,
) -> list[LockedRelease]:
    """The newest `most` releases that a page lists, with files for the environment; none that is yanked."""
    by_version: dict[Version, list[File]] = {}
    for file in listed:
        version = _version(version_in(file.filename, project))
        if version is not None and not file.yanked and _is_for(file, environment):
            by_version.setdefault(version, []).append(file)
    found: list[LockedRelease] = []
    for version in sorted(specifier.filter(by_version), reverse=True):
        files = [LockedFile(filename=one.filename, hashes=one.hashes, size=one.size) for one in by_version[version]]
        release = LockedRelease(project=project, version=str(version), files=tuple(files))
        if not isinstance(files_of(release, environment, sdists=sdists), Missing):
            found.append(release)
        if len(found) == most:
            break
    return found


def pinned_to(line: str, version: str) -> str:
    """A requirement that allows this version alone, for the same extras and environments."""
    requirement = Requirement(line.partition(" --hash=")[0])
    requirement.specifier = SpecifierSet(f"=={version}")
    return str(requirement)


def _is_for(file: File, environment: Environment | None) -> bool:
    return environment is None or takes_python(file.requires_python, markers_of(environment)["python_full_version"])


def _version(text: str | None) -> Version | None:
    try:
        return None if text is None else Version(text)
    except InvalidVersion:
        return None
