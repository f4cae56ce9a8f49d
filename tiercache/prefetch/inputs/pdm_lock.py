"""pdm.lock.  Extras of the project are groups there, and a release may stand in it several times, by its own extras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken, Parts
from tiercache.prefetch.inputs.inputs import LockedFile
from tiercache.prefetch.inputs.locked import digest_of, locked_file, locked_release, refuse_places
from tiercache.prefetch.inputs.markers import decided
from tiercache.prefetch.inputs.structured import items, table, toml, words
from tiercache.wire.prefetch import Document

KNOWN_VERSION = "4."
MAIN = "default"


class _File(Struct, frozen=True, kw_only=True):
    file: str | None = None
    url: str | None = None
    hash: str | None = None


class _Package(Struct, frozen=True, kw_only=True):
    name: str
    version: str | None = None
    groups: tuple[str, ...] = (MAIN,)
    marker: str | None = None
    requires_python: str | None = None
    files: tuple[_File, ...] | None = None


def read_pdm_lock(document: Document, gathering: Gathering) -> None:
    """The releases of a lock, of its default group and the wanted parts; raises NotTaken for another version."""
    content = toml(document.text)
    metadata = table(content, "metadata")
    version = metadata.get("lock_version")
    if not isinstance(version, str) or not version.startswith(KNOWN_VERSION):
        raise NotTaken(reason="its version is none that can be read: there is 4")
    groups = [group for group in items(metadata, "groups") if isinstance(group, str) and group != MAIN]
    gathering.know(groups=groups, extras=groups)
    elsewhere = table(metadata, "files")
    for entry in items(content, "package"):
        name = entry.get("name") if isinstance(entry, dict) else None
        try:
            _take(entry, elsewhere, gathering)
        except NotTaken as error:
            gathering.note(document.name, name if isinstance(name, str) else "a release", error.reason)


def _take(entry: object, elsewhere: Mapping[str, Any], gathering: Gathering) -> None:
    package = words(entry, _Package)
    if not _is_wanted(package, gathering.parts):
        return
    refuse_places(entry if isinstance(entry, dict) else ())
    marker = decided(package.marker, gathering.parts.decide)
    if marker is not False:
        gathering.lock(
            locked_release(
                package.name,
                package.version,
                marker=marker,
                requires_python=package.requires_python,
                files=_files(package, elsewhere),
            )
        )


def _is_wanted(package: _Package, parts: Parts) -> bool:
    return any(group == MAIN or parts.wants_group(group) or parts.wants_extra(group) for group in package.groups)


def _files(package: _Package, elsewhere: Mapping[str, Any]) -> list[LockedFile]:
    files = package.files
    if files is None:  # before lock version 4.4 they stood in a table of their own
        files = words(elsewhere.get(f"{package.name} {package.version}", []), tuple[_File, ...])
    return [locked_file(file.file or file.url, digest_of(file.hash)) for file in files]
