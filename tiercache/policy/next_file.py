"""Which files of a project a resolver looks at next: of the newest release that will do, the one for who asks.  Pure.

A guess, made as pip and uv choose; that which they find out by more than a page tells is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from tiercache.policy.best_files import LONGEST_REMEMBERED, choose
from tiercache.policy.environments import Environment
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import version_in
from tiercache.simple.remembered import remembered

MOST_RELEASES = 50
"""That are looked at, the newest first, until one has a file for the environment."""


def next_file(
    project: ProjectName, files: Iterable[File], specifiers: Sequence[str], environment: Environment
) -> File | None:
    """The wheel or sdist that a resolver stays with, as far as it knows by now; None where no release will do.

    `specifiers` are what was asked for so far.  Where nothing fits all of them they come from ways that exclude each
    other: then the last one counts.
    """
    return next(reversed(next_files(project, files, specifiers, environment)), None)


def next_files(
    project: ProjectName, files: Iterable[File], specifiers: Sequence[str], environment: Environment
) -> tuple[File, ...]:
    """The same, behind what it looks at before: it goes from one requirement to the next, and has looked at what the
    first allows before it knows of the others."""
    by_version = _by_version(project, files)
    everything = _specifier(",".join(filter(None, specifiers)))
    last = _newest(by_version, everything, environment)
    if len(specifiers) < 2:
        return () if last is None else (last,)
    first = _newest(by_version, _specifier(specifiers[0]), environment)
    last = last or _newest(by_version, _specifier(specifiers[-1]), environment)
    return tuple(file for file in (first if first is not last else None, last) if file is not None)


def admits(specifier: str, version: str) -> bool:
    """Whether a release of that version will do; what cannot be read forbids nothing."""
    try:
        return _specifier(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _newest(by_version: dict[Version, list[File]], specifier: SpecifierSet, environment: Environment) -> File | None:
    allowed = sorted(specifier.filter(by_version), reverse=True)
    is_pinned = any(one.operator in ("==", "===") for one in specifier)
    for version in allowed[:MOST_RELEASES]:
        usable = [file for file in by_version[version] if not file.yanked or is_pinned]  # PEP 592
        found = choose(usable, environment)
        if found is not None:
            return found
    return None


def _by_version(project: ProjectName, files: Iterable[File]) -> dict[Version, list[File]]:
    """By the text of the version first: a project has many more files than releases."""
    by_text: dict[str, list[File]] = {}
    for file in files:
        if file.filename.endswith(".whl"):
            text = file.filename.split("-", 2)[1] if file.filename.count("-") >= 4 else None
        else:
            text = version_in(file.filename, project)
        if text is not None:
            by_text.setdefault(text, []).append(file)
    by_version: dict[Version, list[File]] = {}
    for text, some in by_text.items():
        try:
            by_version.setdefault(Version(text.replace("_", "-")), []).extend(some)
        except InvalidVersion:
            continue
    return by_version


@remembered(most=1024, longest=LONGEST_REMEMBERED)
def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet()
