"""What installers look at and do not take: the metadata of newer releases than those that go together.  Pure.

pip begins with the newest release that what it knows so far allows, and needs its metadata to find that it does not
fit; without a tier in reach that has to be here, though its files do not.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tiercache.policy.environments import Environment
from tiercache.prefetch.choosing import files_of
from tiercache.prefetch.newest import newest_of
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import normalise
from tiercache.wire.prefetch import Missing

MOST_NEWER = 5
"""Releases of one project."""

MOST_FILES = 50
"""Of one project: for every environment there may be many wheels."""


def looked_at(
    project: ProjectName, listed: Iterable[File], taken: Iterable[str], environments: Iterable[Environment | None]
) -> tuple[File, ...]:
    """The wheels of newer releases than the oldest of those `taken`, whose metadata an installer may ask for."""
    versions = [version for text in taken if (version := _version(text)) is not None]
    if not versions:
        return ()
    by_name = {file.filename: file for file in listed}
    newer = SpecifierSet(f">{min(versions).public}")
    found: dict[str, File] = {}
    for environment in environments:
        for release in newest_of(project, by_name.values(), newer, environment, sdists=False, most=MOST_NEWER):
            files = files_of(release, environment, sdists=False)
            for file in () if isinstance(files, Missing) else files:
                if _version(release.version) not in versions and file.filename in by_name:
                    found[file.filename] = by_name[file.filename]
    return tuple(found.values())[:MOST_FILES]


def pinned(requirements: Iterable[str]) -> set[ProjectName]:
    """The projects of which requirements leave no choice."""
    found = set()
    for line in requirements:
        try:
            requirement = Requirement(line.partition(" --hash=")[0])
        except InvalidRequirement:
            continue
        if any(one.operator in ("==", "===") and not one.version.endswith(".*") for one in requirement.specifier):
            found.add(normalise(requirement.name))
    return found


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
