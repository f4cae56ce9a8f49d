"""Pipfile.lock: releases by section, with digests and without the names of files."""

from __future__ import annotations

from msgspec import Struct

from tiercache.prefetch.inputs.gathering import Gathering, NotTaken
from tiercache.prefetch.inputs.inputs import LockedFile
from tiercache.prefetch.inputs.locked import digest_of, locked_file, locked_release, refuse_places
from tiercache.prefetch.inputs.markers import decided
from tiercache.prefetch.inputs.structured import json, table, words
from tiercache.wire.prefetch import Document

KNOWN_VERSION = 6
META = "_meta"
MAIN = "default"
GROUPS = {"develop": "dev"}
"""The sections whose groups go by another name on pipenv's command line."""


class _Entry(Struct, frozen=True, kw_only=True):
    version: str | None = None
    markers: str | None = None
    hashes: tuple[str, ...] = ()


def read_pipfile_lock(document: Document, gathering: Gathering) -> None:
    """The releases of its default section and of the wanted others; raises NotTaken for another version."""
    content = json(document.text)
    version = table(content, META).get("pipfile-spec")
    if version != KNOWN_VERSION:
        raise NotTaken(reason=f"its version is none that can be read: there is {KNOWN_VERSION}")
    sections = [section for section in content if section not in {META, MAIN}]
    gathering.know(groups=[*sections, *(GROUPS[section] for section in sections if section in GROUPS)])
    parts = gathering.parts
    wanted = [
        section
        for section in sections
        if parts.wants_group(section) or (section in GROUPS and parts.wants_group(GROUPS[section]))
    ]
    for section in [MAIN, *wanted]:
        for name, entry in table(content, section).items():
            try:
                _take(name, entry, gathering)
            except NotTaken as error:
                gathering.note(document.name, name, error.reason)


def _take(name: str, value: object, gathering: Gathering) -> None:
    entry = words(value, _Entry)
    refuse_places(value if isinstance(value, dict) else ())
    marker = decided(entry.markers, gathering.parts.decide)
    if marker is False:
        return
    version = entry.version
    if version is None or not version.startswith("=="):
        raise NotTaken(reason="it is locked without a version")
    gathering.lock(
        locked_release(name, version.lstrip("="), marker=marker, files=[_file(text) for text in entry.hashes])
    )


def _file(text: str) -> LockedFile:
    return locked_file(None, digest_of(text))
