"""Documents as text: from bytes, and as they are shown to people again."""

from __future__ import annotations

import codecs
import re

from tiercache.wire.prefetch import Document

SHOWN_CHARACTERS = 200
"""Of a line that was not taken."""

MOST_LINES = 1_000_000
"""Of one document: every line is a text of its own while it is read, which takes much more room than it does."""

_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"coding[:=]\s{0,9}([-\w.]{1,40})", re.ASCII)
_ENCODINGS = frozenset({"utf-8", "iso8859-1", "iso8859-15", "cp1252", "ascii"})
_READ_CHARACTERS = 2_000
_USERINFO = re.compile(r"://[^\s@]*@")
_CUT_USERINFO = re.compile(r"://[^\s@]*\Z")


def document(name: str, content: bytes) -> Document:
    """A file as a document: `name` is its last part alone.  Every byte is read as something, sense or not.

    PowerShell writes UTF-16 with a mark; a comment in the first two lines may name another encoding (PEP 263).
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return Document(name=last[-255:], text=_decoded(content))


def has_too_many_lines(text: str) -> bool:
    """Whether a document has more than `MOST_LINES`, each of which has an end."""
    return sum(map(text.count, _LINE_ENDS)) > MOST_LINES


def shown(text: str) -> str:
    """A piece of a document for people to see: one line, bounded, and without the credentials of its URLs."""
    read = _USERINFO.sub("://***@", text[:_READ_CHARACTERS])
    if len(text) > _READ_CHARACTERS:
        read = _CUT_USERINFO.sub("://***", read)
    line = "".join(letter if letter.isprintable() else " " for letter in read).strip()
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    for line in content[:1_000].split(b"\n")[:2]:
        found = _CODING.search(line) if line.startswith(b"#") else None
        named = None if found is None else _encoding(found[1].decode("ascii"))
        if named is not None:
            return content.decode(named, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _encoding(name: str) -> str | None:
    # Only such as are plain tables: some of Python's codecs unpack, or import.
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return found if found in _ENCODINGS else None
