"""A file that somebody hands in, as a `Document`: its bytes become text, its path a name.  Pure."""

from __future__ import annotations

import codecs
import re

from tiercache.wire.prefetch import Document

REQUIREMENTS = "requirements.txt"
"""What a file is taken for that has no name, as what comes from a pipe."""

LONGEST_NAME = 255
"""In characters, as `Document` has it."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # which begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATORS = re.compile(r"[/\\]")


def document_of(path: str, content: bytes) -> Document:
    """The document in a file; of its path the last part counts."""
    name = "".join(one for one in _SEPARATORS.split(path)[-1] if one.isprintable())[-LONGEST_NAME:]
    return Document(name=name if name not in ("", "-") else REQUIREMENTS, text=text_of(content))


def text_of(content: bytes) -> str:
    """The text that bytes are: what their byte order mark says, or UTF-8; what cannot be read of it is marked so."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    return content.decode("utf-8", "replace")
