"""Core metadata, read as strictly as it is to be written today, save for what good old tools are known to write.

What is let pass: Metadata-Version 2.0, which never became a standard and is what `wheel` wrote for years (read as 2.1);
License-File before 2.4, which setuptools writes; a minor version that is newer than this node, and fields that it does
not know (both as the core metadata specification asks).
"""

from __future__ import annotations

import re
from functools import cache

from attrs import frozen
from packaging.metadata import Metadata, RawMetadata, parse_email

from tiercache.errors import InvalidName
from tiercache.publish.members import UnfitArchive
from tiercache.publish.wording import said
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise

MAX_FIELDS = 20_000
"""How many fields it may have: requirements, mostly."""

MAX_KINDS_OF_FIELDS = 200
"""How many different ones: the email parser goes through all fields for each."""

ENCODED_LINE_BYTES = 16 * 1024
"""How long a line with an encoded word may be: the time that those take grows with the square of this."""

_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_NEWER_MINOR = re.compile(r"2\.[1-9][0-9]{0,2}")
_RELIABLE_SINCE = (2, 2)  # PEP 643
_LICENSE_FILE_SINCE = (2, 4)  # PEP 639

# What resolvers read in a sidecar.
_RESOLVED_BY = frozenset({"requires-dist", "requires-python", "provides-extra"})

_LINE = re.compile(rb"\r\n|\r|\n")

# What packaging, and the email parser below it, raise for a text that is no metadata (MemoryError: for parentheses that
# are nested deeper than a parser goes).
_NOT_READABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError)


@frozen(kw_only=True)
class CoreMetadata:
    """What stands in a METADATA or PKG-INFO.

    `is_reliable`: the wheels of an sdist with this metadata have the same, in all that resolvers read (PEP 643).
    """

    project: ProjectName
    version: str
    requires_python: str | None
    requires_dist: tuple[str, ...]
    is_reliable: bool


def read_core_metadata(data: bytes, filename: str) -> CoreMetadata:
    """The core metadata in the bytes of `filename` (METADATA or PKG-INFO); raises UnfitArchive."""
    _check_bounds(data, filename)
    try:
        raw, unparsed = parse_email(data)
        doubled = sorted(name for name in unparsed if _is_known(name))
        if doubled:
            raise UnfitArchive(f"its {filename} has a field {doubled[0]} that is there twice, or is no text in UTF-8")
        stated = raw.get("metadata_version", "")
        age = _age_of(stated)
        raw["metadata_version"] = _validated_as(stated)
        if age < _LICENSE_FILE_SINCE:
            raw.pop("license_files", None)
        metadata = Metadata.from_raw(raw)
        project = normalise(metadata.name)
    except ExceptionGroup as group:
        reasons = "; ".join(sorted({said(error) for error in group.exceptions})[:5])
        raise UnfitArchive(f"its {filename} is not valid: {reasons}") from None
    except InvalidName:
        raise UnfitArchive(f"its {filename} has a Name that is none") from None
    except _NOT_READABLE as error:
        raise UnfitArchive(f"its {filename} is not valid: {said(error)}") from None
    return CoreMetadata(
        project=project,
        version=str(metadata.version),
        requires_python=" ".join(raw.get("requires_python", "").split()) or None,
        requires_dist=tuple(raw.get("requires_dist", ())),
        is_reliable=age >= _RELIABLE_SINCE and not _RESOLVED_BY.intersection(metadata.dynamic or ()),
    )


def _check_bounds(data: bytes, filename: str) -> None:
    """That parsing it takes no longer than its length is worth."""
    fields = 0
    kinds: set[bytes] = set()
    for line in _LINE.split(data):
        if not line:
            break  # what follows is the description
        if b"=?" in line and len(line) > ENCODED_LINE_BYTES:
            raise UnfitArchive(f"its {filename} has an encoded line of more than {ENCODED_LINE_BYTES} bytes")
        if line[0] in b" \t":
            continue
        fields += 1
        kinds.add(line.partition(b":")[0][:100].lower())
        if fields > MAX_FIELDS or len(kinds) > MAX_KINDS_OF_FIELDS:
            raise UnfitArchive(
                f"its {filename} has more fields than {MAX_FIELDS}, or more than {MAX_KINDS_OF_FIELDS} kinds"
            )


def _is_known(email_name: str) -> bool:
    name = email_name.replace("-", "_")
    return name in RawMetadata.__annotations__ or f"{name}s" in RawMetadata.__annotations__


def _age_of(metadata_version: str) -> tuple[int, ...]:
    """A version that can be compared; that of what is none is older than all."""
    if not _VERSION.fullmatch(metadata_version):
        return ()
    return tuple(int(part) for part in metadata_version.split("."))


def _validated_as(stated: str) -> str:
    """The metadata version by whose rules such metadata is validated."""
    if stated == "2.0":
        return "2.1"
    if not _is_valid(stated) and _NEWER_MINOR.fullmatch(stated):
        return next(version for version in ("2.6", "2.5", "2.4", "2.1") if _is_valid(version))
    return stated


@cache
def _is_valid(version: str) -> bool:
    """Whether packaging knows a version of the core metadata."""
    try:
        Metadata.from_raw({"metadata_version": version, "name": "a", "version": "1"})
    except ExceptionGroup:
        return False
    return True
