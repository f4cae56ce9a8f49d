"""poetry.lock, of Poetry 1.1 and later.

Since lock version 2.1 it says for which groups and environments a release is.  Before, it said neither, and each one
that is not optional is taken for every environment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from packaging.utils import canonicalize_name

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken, Parts
from tiercache.prefetch.inputs.inputs import LockedFile
from tiercache.prefetch.inputs.locked import digest_of, locked_file, locked_release, refuse_places
from tiercache.prefetch.inputs.markers import ALWAYS, Decided, decided, either, further, marker_of
from tiercache.prefetch.inputs.markers import NEVER as NO_WAY
from tiercache.prefetch.inputs.structured import each, items, table, toml, words
from tiercache.wire.prefetch import Document

KNOWN_VERSIONS = ("1.", "2.")
MAIN = "main"
FROM_INDEXES = frozenset({"legacy", "pypi"})
"""The types of a source that are indexes."""


class _File(Struct, frozen=True, kw_only=True):
    file: str
    hash: str | None = None


class _Package(Struct, frozen=True, kw_only=True, rename="kebab"):
    name: str
    version: str
    optional: bool = False
    category: str | None = None
    python_versions: str | None = None
    groups: tuple[str, ...] | None = None
    markers: str | dict[str, str] | None = None
    files: tuple[_File, ...] | None = None
    dependencies: dict[str, Any] = {}
    source: dict[str, Any] = {}


def read_poetry_lock(document: Document, gathering: Gathering) -> None:
    """The releases of a lock, of its main group and the wanted parts; raises NotTaken for another version."""
    content = toml(document.text)
    metadata = table(content, "metadata")
    version = metadata.get("lock-version")
    if not isinstance(version, str) or not version.startswith(KNOWN_VERSIONS):
        raise NotTaken(reason="its version is none that can be read: there are 1 and 2")
    packages = [*each(content, "package", _Package, document, gathering)]
    gathering.know(groups={group for package in packages for group in _groups(package)} - {MAIN})
    optional = _wanted_optional(content, packages, gathering)
    files_elsewhere = table(metadata, "files")
    for package in packages:
        try:
            marker = _marker(package, gathering.parts, optional)
            if marker is not False:
                _take(package, marker, files_elsewhere, gathering)
        except NotTaken as error:
            gathering.note(document.name, package.name, error.reason)


def _groups(package: _Package) -> tuple[str, ...]:
    if package.groups is not None:
        return package.groups
    return (package.category or MAIN,)


def _marker(package: _Package, parts: Parts, optional: frozenset[str]) -> Decided:
    """For which environments a release is wanted: in one of its groups that are, by that group's marker."""
    if package.optional and canonicalize_name(package.name) not in optional:
        return False
    ways = NO_WAY
    for group in _groups(package):
        if group == MAIN or parts.wants_group(group):
            text = package.markers.get(group) if isinstance(package.markers, dict) else package.markers
            ways = either(ways, further(ALWAYS, decided(text, parts.decide)))
    return marker_of(ways)


def _take(package: _Package, marker: Decided, files_elsewhere: Mapping[str, Any], gathering: Gathering) -> None:
    kind = package.source.get("type")
    if kind is not None and kind not in FROM_INDEXES:
        refuse_places([kind] if isinstance(kind, str) else ())
        raise NotTaken(reason="it is locked to come from a kind of place that is not known")
    gathering.lock(
        locked_release(
            package.name,
            package.version,
            marker=marker,
            requires_python=package.python_versions,
            files=_files(package, files_elsewhere),
        )
    )


def _files(package: _Package, elsewhere: Mapping[str, Any]) -> list[LockedFile]:
    files = package.files
    if files is None:  # before Poetry 1.4 they stood at the end of the lock
        files = words(elsewhere.get(package.name, []), tuple[_File, ...])
    return [locked_file(file.file, digest_of(file.hash)) for file in files]


def _wanted_optional(content: Mapping[str, Any], packages: list[_Package], gathering: Gathering) -> frozenset[str]:
    """The names of what the wanted extras need, with what that needs in turn."""
    extras = table(content, "extras")
    gathering.know(extras=extras)
    needs: dict[str, Mapping[str, Any]] = {canonicalize_name(one.name): one.dependencies for one in packages}
    found: set[str] = set()
    waiting = deque(
        _name_of(text)
        for extra in filter(gathering.parts.wants_extra, extras)
        for text in items(extras, extra)
        if isinstance(text, str)
    )
    while waiting:
        name = waiting.popleft()
        if name not in found:
            found.add(name)
            waiting.extend(canonicalize_name(needed) for needed in needs.get(name, {}))
    return frozenset(found)


def _name_of(text: str) -> str:
    # `name (>=1)`, `name[extra] (>=1)`, or the name alone.
    return canonicalize_name(text.split("(")[0].split("[")[0].split(";")[0].strip())
