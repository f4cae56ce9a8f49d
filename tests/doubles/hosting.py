"""Short ways to publish to a node that lives in a test."""

from __future__ import annotations

from typing import Any

from tests.doubles.now import result_of
from tests.doubles.small_node import sha256
from tiercache.cache.hosted import Hosted
from tiercache.interfaces import IFiles
from tiercache.simple.model import File
from tiercache.simple.names import normalise


def stored(files: IFiles, content: bytes) -> str:
    """Bytes brought into the store, as an upload does it; their SHA-256."""
    partial = files.begin()
    partial.write(content)
    partial.commit(sha256(content))
    partial.discard()
    return sha256(content)


def a_file(filename: str, content: bytes, **more: Any) -> File:
    """A file to be published; `more` are other fields of it."""
    return File(filename=filename, url="", hashes={"sha256": sha256(content)}, **more)


def publish(hosted: Hosted, files: IFiles, project: str, filename: str, content: bytes, **more: Any) -> bool:
    """Bring bytes in and publish them; whether they were new."""
    stored(files, content)
    return result_of(hosted.add(normalise(project), a_file(filename, content, **more)))
