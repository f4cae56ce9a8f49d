"""pylock.toml (PEP 751)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockUnsupportedVersionError
from packaging.pylock import PylockValidationError as Invalid

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken, Parts
from tiercache.prefetch.inputs.locked import locked_file, locked_release, refuse_places
from tiercache.prefetch.inputs.markers import decided
from tiercache.prefetch.inputs.structured import items, toml
from tiercache.wire.prefetch import Document

NO_DIGEST = {"sha256": ""}
"""What is read for a file without digests: PEP 751 wants some, and uv writes none where an index gives none."""


def read_pylock(document: Document, gathering: Gathering) -> None:
    """The releases of a lock, for its own default groups and the wanted parts; raises NotTaken for another version."""
    content = toml(document.text)
    head = _head(content)
    gathering.know(groups=[*(head.dependency_groups or ()), *(head.default_groups or ())], extras=head.extras or ())
    parts = _with_default_groups(gathering.parts, head)
    for text, package in _packages(content):
        try:
            if isinstance(package, NotTaken):
                raise package
            _take(package, parts, gathering)
        except NotTaken as error:
            gathering.note(document.name, text, error.reason)


def _head(content: Mapping[str, Any]) -> Pylock:
    """What stands above the releases; raises NotTaken."""
    try:
        return Pylock.from_dict({**content, "packages": []})
    except PylockUnsupportedVersionError as error:
        raise NotTaken(reason=f"its version is none that can be read: {error}") from None
    except (Invalid, ValueError, RecursionError) as error:
        raise NotTaken(reason=f"it is no lock by PEP 751: {_words(error)}") from None


def _packages(content: Mapping[str, Any]) -> Iterator[tuple[str, Package | NotTaken]]:
    """Each release by its name, one by one, so that a wrong one does not take the others along."""
    head = {"lock-version": "1.0", "created-by": "somebody"}
    for package in items(content, "packages"):
        name = package.get("name") if isinstance(package, dict) else None
        text = name if isinstance(name, str) else "a release without a name"
        try:
            yield text, Pylock.from_dict({**head, "packages": [_digested(package)]}).packages[0]
        except (Invalid, ValueError, RecursionError) as error:
            yield text, NotTaken(reason=f"it is no release by PEP 751: {_words(error)}")


def _digested(package: object) -> object:
    """A release whose files without digests have one that is empty, so that it is told no other way than elsewhere."""
    if not isinstance(package, dict):
        return package
    wheels = package.get("wheels")
    changed = {"sdist": _with_digest(package["sdist"])} if "sdist" in package else {}
    if isinstance(wheels, list):
        changed["wheels"] = [_with_digest(wheel) for wheel in wheels]
    return {**package, **changed}


def _with_digest(file: object) -> object:
    is_without = isinstance(file, dict) and file.get("hashes", {}) == {}
    return {**file, "hashes": NO_DIGEST} if isinstance(file, dict) and is_without else file


def _take(package: Package, parts: Parts, gathering: Gathering) -> None:
    kinds = {"vcs": package.vcs, "directory": package.directory, "archive": package.archive}
    refuse_places(kind for kind, place in kinds.items() if place is not None)
    marker = decided(None if package.marker is None else str(package.marker), parts.decide)
    if marker is False:
        return
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    gathering.lock(
        locked_release(
            package.name,
            None if package.version is None else str(package.version),
            marker=marker,
            requires_python=None if package.requires_python is None else str(package.requires_python),
            files=[locked_file(file.filename, file.hashes, file.size) for file in files],
        )
    )


def _with_default_groups(parts: Parts, head: Pylock) -> Parts:
    return Parts(groups=parts.groups | Parts.of(groups=head.default_groups or ()).groups, extras=parts.extras)


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
