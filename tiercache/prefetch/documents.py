"""A file that somebody hands in, as a `Document`, whatever they call it.  Pure."""

from __future__ import annotations

from tiercache.prefetch.inputs.text import document
from tiercache.wire.prefetch import Document

REQUIREMENTS = "requirements.txt"
"""What a file is taken for that has no name, as what comes from a pipe."""


def document_of(path: str, content: bytes) -> Document:
    """The document in a file; of its path the last part counts."""
    name = "".join(one for one in path.replace("\\", "/").rpartition("/")[2] if one.isprintable())
    return document(name if name not in ("", "-") else REQUIREMENTS, content)
