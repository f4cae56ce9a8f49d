"""What format a document has: by its name, or where that does not tell, by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tiercache.prefetch.inputs.gathering import NotTaken
from tiercache.prefetch.inputs.script import SCRIPT
from tiercache.prefetch.inputs.structured import json, toml
from tiercache.wire.prefetch import Document


class Format(StrEnum):
    """The formats that are read."""

    REQUIREMENTS = "requirements.txt"
    PYLOCK = "pylock.toml"
    UV_LOCK = "uv.lock"
    POETRY_LOCK = "poetry.lock"
    PDM_LOCK = "pdm.lock"
    PIPFILE_LOCK = "Pipfile.lock"
    PYPROJECT = "pyproject.toml"
    SCRIPT = "script"


_BY_NAME = {name.value.lower(): name for name in Format if name not in {Format.REQUIREMENTS, Format.SCRIPT}}
_PYLOCK_NAME = re.compile(r"pylock\.[^.]+\.toml", re.IGNORECASE)
_TOML_LINE = re.compile(r"\[|[A-Za-z0-9_.\"-]+\s*=(?!=)")
_SCRIPT_LINE = re.compile(rf"^{re.escape(SCRIPT)}\s*$", re.MULTILINE)


def format_of(document: Document) -> Format:
    """A document's format; raises NotTaken for TOML or JSON that is none of them, or broken."""
    name = document.name.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if _PYLOCK_NAME.fullmatch(name):
        return Format.PYLOCK
    if name.endswith((".py", ".pyw")) or _SCRIPT_LINE.search(document.text):
        return Format.SCRIPT
    if name.endswith((".txt", ".in")):
        return Format.REQUIREMENTS
    first = _first_line(document.text)
    if name.endswith(".json") or first.startswith("{"):
        return _json_format(json(document.text))
    if name.endswith(".toml") or _TOML_LINE.match(first):
        return _toml_format(toml(document.text))
    return Format.REQUIREMENTS


def _json_format(content: Mapping[str, Any]) -> Format:
    if "_meta" in content:
        return Format.PIPFILE_LOCK
    raise NotTaken(reason="it is JSON, and no lock that is known")


def _toml_format(content: Mapping[str, Any]) -> Format:
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if "lock-version" in content:
        return Format.PYLOCK
    if "lock_version" in metadata:
        return Format.PDM_LOCK
    if "content-hash" in metadata or "lock-version" in metadata:
        return Format.POETRY_LOCK
    if "version" in content and ("package" in content or "requires-python" in content):
        return Format.UV_LOCK
    if not {"project", "dependency-groups", "build-system"}.isdisjoint(content):
        return Format.PYPROJECT
    raise NotTaken(reason="it is TOML, and neither a lock that is known nor a project's")


def _first_line(text: str) -> str:
    for line in text.splitlines():
        if (stripped := line.strip()) and not stripped.startswith("#"):
            return stripped[:1_000]
    return ""
