"""Readings of documents, as the tests of every format make them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tiercache.prefetch.inputs.inputs import Inputs, LockedRelease
from tiercache.prefetch.inputs.read import read
from tiercache.wire.prefetch import Document

SHA = {letter: letter * 64 for letter in "abcdef"}
"""Digests that look like SHA-256."""


def reading(
    text: str, name: str = "requirements.txt", *, groups: Iterable[str] = (), extras: Iterable[str] = ()
) -> Inputs:
    """What one document asks for."""
    return read([Document(name=name, text=text)], groups=groups, extras=extras)


def pipfile_lock(default: object, **sections: object) -> str:
    """A Pipfile.lock."""
    return json.dumps({"_meta": {"pipfile-spec": 6}, "default": default, **sections})


def names(inputs: Inputs) -> list[str]:
    """The locked releases, in order, as `name==version`."""
    return [f"{release.project}=={release.version}" for release in inputs.locked]


def markers(inputs: Inputs) -> dict[str, str | None]:
    """Of each locked project the marker."""
    return {release.project: release.marker for release in inputs.locked}


def reasons(inputs: Inputs) -> list[tuple[str, str]]:
    """What was not taken, with why."""
    return [(one.text, one.reason) for one in inputs.unparseable]


def only(inputs: Inputs) -> LockedRelease:
    """The one release that is locked, where nothing was left out."""
    assert inputs.unparseable == ()
    (release,) = inputs.locked
    return release
