"""A project page, as values: what every part of tiercache means by a file and a page.

JSON is the model and HTML a rendering of it (PEP 833).  URLs here are the tier's own, absolute; a node writes
URLs of its own only when it renders.  No parsing and no text here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType

import msgspec
from attrs import field, frozen
from msgspec import Struct

ProjectName = NewType("ProjectName", str)
"""A normalised project name (PEP 503): made by `tiercache.simple.names` only."""

STRONGEST_FIRST = (
    "sha256",
    "sha512",
    "sha384",
    "sha3_256",
    "sha3_512",
    "blake2b",
    "blake2b_256",
    "blake2s",
    "sha224",
    "sha1",
    "md5",
)
"""The digest algorithms that a node verifies, in the order in which it prefers them to name a file."""


class FileIdentity(Struct, frozen=True, gc=False):
    """What names a file's bytes: a digest, or where a tier gives none, the URL it was listed at.

    A struct, as `File` is, and since a request looks for things by it some fifty times.  `algorithm` is one of
    `STRONGEST_FIRST`, or `"url"` with the SHA-256 of the URL as `value` (lower-case hex).
    """

    algorithm: str
    value: str

    @property
    def segment(self) -> str:
        """As it stands in a file's URL here: a bare SHA-256, else `<algorithm>-<value>`."""
        return self.value if self.algorithm == "sha256" else f"{self.algorithm}-{self.value}"


class File(Struct, frozen=True, kw_only=True, gc=False):
    """One distribution archive, as a page lists it (PEP 503, 592, 658, 691, 700, 740).

    Pages list thousands of them, each made several times: as structs they come from JSON at once, and since none leads
    back to itself, the collector of garbage need not go through them while clients wait.

    `hashes`: algorithm to lower-case hex digest, perhaps empty.  `core_metadata`: the hashes of the sidecar;
    True (it exists); False (it does not); None (the tier did not say).  `yanked`: False, True, or the reason.
    `upload_time`: RFC 3339 text exactly as given.  `size` in bytes.  `url` and `provenance` are absolute.
    `extra` keeps the keys that this version does not know.
    """

    filename: str
    url: str
    hashes: Mapping[str, str] = msgspec.field(default_factory=dict)
    requires_python: str | None = None
    core_metadata: Mapping[str, str] | bool | None = None
    gpg_sig: bool | None = None
    yanked: bool | str = False
    size: int | None = None
    upload_time: str | None = None
    provenance: str | None = None
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)


@frozen(kw_only=True)
class ProjectStatus:
    """PEP 792: `active`, `archived`, `quarantined`, `deprecated`, or a word of the future, with its reason."""

    status: str
    reason: str | None = None


@frozen(kw_only=True)
class Page:
    """A project page (PEP 691 project detail).

    `files` in the tier's order.  `versions` as the tier listed them, or None where it did not (HTML).
    `meta_extra` and `extra` keep unknown keys of `meta` and of the page itself.  `listed_by`: on a page that was made
    of several tiers', by filename the tier whose file it is; it is shown to nobody.
    """

    project: ProjectName
    files: tuple[File, ...] = ()
    versions: tuple[str, ...] | None = None
    status: ProjectStatus | None = None
    meta_extra: Mapping[str, Any] = field(factory=dict)
    extra: Mapping[str, Any] = field(factory=dict)
    listed_by: Mapping[str, str] = field(factory=dict)
