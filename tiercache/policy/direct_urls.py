"""Direct-URL dependencies: what core metadata asks of clients that no index has (PEP 508: `name @ https://...`).  Pure.

pip refuses them of files that lie on the public index's own host.  Behind a node all files lie on the node's host, so
that the node has to refuse instead, and to know which files are the public's: `is_private` tells, by the tier that
lists a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.header import decode_header, make_header
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement

from tiercache.policy.selection import HERE
from tiercache.simple.model import File
from tiercache.simple.remembered import remembered

DirectUrls = Literal["refuse", "warn", "allow"]
"""What becomes of a public file that needs others by direct URLs."""

NOT_ADMITTED = "not-admitted"
"""What Cache-Status says of a file that a node does not give out, so that the nodes below know why."""

PRIVATE = "_private"
"""The key of a file, on a page that a node gives to those below: it is no public file, as far as that node knows.

Nodes alone are heard who say so: on every other page, keys that begin like this one mean nothing.
"""

DIRECT_URLS = "_direct-urls"
"""The key of a file that is shown although it needs others by direct URLs: those requirements."""

LONGEST_SHOWN = 200
"""Of a requirement, in characters, where it is told."""

MOST_HEAD_BYTES = 1024 * 1024
"""Of fields that are read: those of the longest real metadata take a tenth of it."""

REMEMBERED_BYTES = 64 * 1024
"""Of fields, what is read once and recalled for a while."""

LONGEST_READ = 4096
"""Of one requirement, in characters, and"""

MOST_ENCODED_WORDS = 20
"""of words in it that are encoded as in mail: the library takes the square of their number to undo that."""

UNREAD = "what is too long to be read"
"""Stands for the requirements in longer fields: nobody writes such, so that it counts as what it may hide."""

_REQUIRES = re.compile(rb"requires-dist", re.IGNORECASE)
_SIGN = re.compile(rb"@|=\?")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\r\r")
# The beginning of `name[extras] @`, whatever else is wrong with it: some client reads what another does not.
_DIRECT = re.compile(r"\s*+[A-Za-z0-9][\w.-]*+\s*+(?:\[[^\]]*+\]\s*+)?@")
# The metadata of an sdist may be relied on from this version on, but for what it says is dynamic (PEP 643).
_SINCE_RELIABLE = (2, 2)
_VERSION = re.compile(r"\s*(\d+)\.(\d+)\s*")


def direct_url_requirements(metadata: bytes) -> tuple[str, ...]:
    """The requirements of core metadata that name a URL, those of extras too, as they stand there; none twice.

    Metadata that is broken otherwise is read as far as it goes, and nothing in it is an error: what only looks like
    such a requirement counts as one.
    """
    head = _head(metadata)
    if not _may_have_one(head):
        return ()
    if len(head) > MOST_HEAD_BYTES:
        return (UNREAD,)
    return _direct_in(head)


@remembered(most=64, longest=REMEMBERED_BYTES)
def _direct_in(head: bytes) -> tuple[str, ...]:
    """Read once: when a sidecar comes, when it is given out, and when its wheel is judged, and is stored."""
    return tuple(dict.fromkeys(text for text in _every("requires-dist", head) if _is_direct(text)))


def reliable_direct_urls(metadata: bytes) -> tuple[str, ...] | None:
    """The same of an sdist's PKG-INFO; None where only a build would tell what the sdist requires (PEP 643)."""
    head = _head(metadata)
    if len(head) > MOST_HEAD_BYTES:
        return (UNREAD,)
    stated = [_VERSION.fullmatch(text) for text in _every("metadata-version", head)]
    if len(stated) != 1 or stated[0] is None or (int(stated[0][1]), int(stated[0][2])) < _SINCE_RELIABLE:
        return None
    if any(text.strip().lower() == "requires-dist" for text in _every("dynamic", head)):
        return None
    return direct_url_requirements(metadata)


def is_private(file: File, tier: str, stated_public: Mapping[str, bool | None]) -> bool:
    """Whether a file, as `tier` lists it, is no public one, so that its author may send clients where he likes.

    What is hosted here is private.  Of every tier the owner's word counts first: `stated_public` has it by name, None
    where he said nothing.  Without it, a file is private only if a node says so that gave the page.
    """
    if tier == HERE:
        return True
    stated = stated_public.get(tier)
    return file.extra.get(PRIVATE) is True if stated is None else not stated


def told(requirements: Iterable[str]) -> str:
    """Requirements as text for people: one line without control characters, of bounded length, the first few."""
    every = list(requirements)
    shown = [_printable(text) for text in every[:3]]
    return ", ".join([*shown, "..."] if len(every) > len(shown) else shown)


def _printable(text: str) -> str:
    plain = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[:LONGEST_SHOWN]}..."


def _head(metadata: bytes) -> bytes:
    """The fields, without the description behind them, which may be long and say what it likes."""
    metadata = metadata.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    end = _END_OF_HEAD.search(metadata)
    return metadata if end is None else metadata[: end.start()]


def _may_have_one(head: bytes) -> bool:
    """Whether a field of that name stands there, and somewhere behind it a sign of a URL, or of an encoded word."""
    field = _REQUIRES.search(head)
    return field is not None and _SIGN.search(head, field.end()) is not None


def _is_readable(text: str) -> bool:
    return len(text) <= LONGEST_READ and text.count("=?") <= MOST_ENCODED_WORDS


def _every(name: str, head: bytes) -> list[str]:
    """Every value of a field, what no client could read as text included."""
    from packaging.metadata import parse_email  # no page needs it, and a node starts sooner without

    raw, unparsed = parse_email(head + b"\n\n")
    known: object = raw.get(name.replace("-", "_"), [])
    values = [known] if isinstance(known, str) else list(known) if isinstance(known, list) else []
    return [text for value in [*values, *unparsed.get(name, [])] for text in dict.fromkeys((value, _decoded(value)))]


def _decoded(text: str) -> str:
    """What some clients make of words that are encoded as in mail (RFC 2047)."""
    if "=?" not in text or not _is_readable(text):
        return text
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError):
        return text


def _is_direct(text: str) -> bool:
    if not _is_readable(text):
        return "@" in text or "=?" in text
    try:
        return Requirement(text).url is not None
    except InvalidRequirement:
        return _DIRECT.match(text) is not None
