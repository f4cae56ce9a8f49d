"""The files that a command hands in to a node, and those that they include: a node reads no files of its clients.

A requirements file may say `-r other.txt` and `-c bounds.txt`; they are read here, from beside it, and go along.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from attrs import define, field

if TYPE_CHECKING:
    from tiercache.wire.prefetch import Document

STDIN = "-"

_INCLUDE = re.compile(r"\s*(?P<option>-r|-c|--requirement[\s=]|--constraint[\s=])\s*(?P<path>\S.*?)(?:\s+#.*)?\s*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_INCLUDING_NOTHING = (".toml", ".lock", ".py")


@define(kw_only=True)
class HandedIn:
    """Documents and constraints, in the order in which they were met; `read` gives a file's bytes, or an OSError."""

    _read: Callable[[str], bytes]
    documents: list[Document] = field(factory=list, init=False)
    constraints: list[Document] = field(factory=list, init=False)
    _met: set[tuple[str, bool]] = field(factory=set, init=False)
    _size_bytes: int = field(default=0, init=False)

    @classmethod
    def of(
        cls,
        read: Callable[[str], bytes],
        *,
        requirements: Iterable[str],
        locks: Iterable[str],
        constraints: Iterable[str],
    ) -> HandedIn:
        """Those of files.  Raises click.UsageError for one that cannot be read, and for too many or too long ones."""
        handed_in = cls(read=read)
        for path in requirements:
            handed_in._add(path, is_bound=False)
        for path in locks:
            handed_in._add(path, is_bound=False, is_lock=True)
        for path in constraints:
            handed_in._add(path, is_bound=True)
        return handed_in

    def _add(self, path: str, *, is_bound: bool, is_lock: bool = False) -> None:
        from tiercache.prefetch.documents import document_of
        from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, MOST_DOCUMENTS, Document

        met = (STDIN if path == STDIN else os.path.realpath(path), is_bound)
        if met in self._met:
            return  # files may well include each other
        self._met.add(met)
        kept = self.constraints if is_bound else self.documents
        if len(kept) == MOST_DOCUMENTS:
            raise click.UsageError(f"these are more than {MOST_DOCUMENTS} files")
        try:
            content = self._read(path)
        except OSError as error:
            raise click.UsageError(f"{path} cannot be read: {error.strerror or error}") from error
        self._size_bytes += len(content)
        if self._size_bytes > MOST_DOCUMENT_BYTES:
            raise click.UsageError(f"these files have more than {MOST_DOCUMENT_BYTES} bytes")
        document = document_of(path, content)
        if is_lock or document.name.endswith(_INCLUDING_NOTHING):
            kept.append(document)
            return
        lines, included = _parted(document.text)
        kept.append(Document(name=document.name, text="\n".join(lines)))
        folder = "" if path == STDIN else os.path.dirname(path)  # noqa: PTH120  # a path as it was said
        for other, other_is_bound in included:
            self._add(os.path.join(folder, other), is_bound=is_bound or other_is_bound)  # noqa: PTH118  # as above


def read_file(path: str) -> bytes:
    """The bytes of a file or of standard input, and no more of it than is too much.  Raises OSError."""
    from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES

    if path == STDIN:
        return sys.stdin.buffer.read(MOST_DOCUMENT_BYTES + 1)
    with open(path, "rb") as file:  # noqa: PTH123  # a path as it was said
        return file.read(MOST_DOCUMENT_BYTES + 1)


def _parted(text: str) -> tuple[list[str], list[tuple[str, bool]]]:
    """The lines, with a comment in place of each include of a file; and these, and whether they bound.

    The number of lines stays, so that what is said of one is true of the file.  Includes by URL stay too: the node
    says that it takes none.
    """
    lines: list[str] = []
    included: list[tuple[str, bool]] = []
    for line in text.splitlines():
        found = _INCLUDE.fullmatch(line)
        path = "" if found is None else found["path"].strip("\"'")
        if found is None or _URL.match(path):
            lines.append(line)
        else:
            lines.append(f"# {line.strip()}")
            included.append((path, found["option"].startswith(("-c", "--c"))))
    return lines, included
