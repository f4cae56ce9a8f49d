"""What an sdist requires, as far as it can be told without building it.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tiercache.policy.foreign_toml import read_toml

_SINCE_RELIABLE = (2, 2)
"""From this version on core metadata says itself what of it is not to be relied on (PEP 643)."""


def stated_metadata(pkg_info: bytes, pyproject: bytes | None) -> bytes | None:
    """Core metadata of an sdist by its PKG-INFO, or by `[project]` in its pyproject.toml; None: only a build tells.

    Older PKG-INFO counts where it names requirements: those who wrote it that early had them from the build itself.
    """
    raw, _ = parse_email(pkg_info)
    if not raw.get("name") or not raw.get("version"):
        return None
    if _is_reliable(raw):
        return pkg_info
    requirements = None if pyproject is None else _of_project(pyproject)
    if requirements is not None:
        return "\n".join([*_head(raw), *requirements, ""]).encode()
    return pkg_info if raw.get("requires_dist") and _version(raw) < _SINCE_RELIABLE else None


def undecided(project: str, version: str, reason: str) -> bytes:
    """Core metadata that no resolver takes, so that it leaves the release out, and shows the reason."""
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nRequires-Dist: ({reason})\n".encode()


def _is_reliable(raw: RawMetadata) -> bool:
    dynamic = {field.strip().lower() for field in raw.get("dynamic", ())}
    return _version(raw) >= _SINCE_RELIABLE and not dynamic & {"requires-dist", "provides-extra"}


def _version(raw: RawMetadata) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in raw.get("metadata_version", "").split(".")[:2])
    except ValueError:
        return (0,)


def _head(raw: RawMetadata) -> Iterator[str]:
    yield "Metadata-Version: 2.2"
    yield f"Name: {raw.get('name')}"
    yield f"Version: {raw.get('version')}"
    if python := raw.get("requires_python"):
        yield f"Requires-Python: {python}"


def _of_project(pyproject: bytes) -> list[str] | None:
    """The fields that say what it requires; None where the backend would."""
    try:
        content: Mapping[str, Any] = read_toml(pyproject.decode())
    except ValueError:  # no TOML, or no text
        return None
    project = content.get("project")
    if not isinstance(project, dict):
        return None
    dynamic = project.get("dynamic", [])
    if not isinstance(dynamic, list) or {"dependencies", "optional-dependencies"} & set(map(str, dynamic)):
        return None
    try:
        lines = [f"Requires-Dist: {one}" for one in _requirements(project.get("dependencies", []))]
        optional = project.get("optional-dependencies", {})
        for extra, stated in optional.items() if isinstance(optional, dict) else ():
            name = canonicalize_name(extra, validate=True)
            lines.append(f"Provides-Extra: {name}")
            lines += [f"Requires-Dist: {_of_extra(one, name)}" for one in _requirements(stated)]
    except ValueError:  # what is no requirement, or no name
        return None
    return lines


def _requirements(stated: object) -> list[Requirement]:
    if not isinstance(stated, list):
        raise InvalidRequirement("no list")
    return [Requirement(str(one)) for one in stated]


def _of_extra(requirement: Requirement, extra: str) -> str:
    text = str(requirement)
    if requirement.marker is None:
        return f'{text} ; extra == "{extra}"'
    stated = str(requirement.marker)
    return f'{text.removesuffix(stated).rstrip("; ")} ; ({stated}) and extra == "{extra}"'
