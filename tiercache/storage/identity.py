"""What a stored file may be called, the same rule for every implementation.

Names of projects and files are the business of `tiercache.simple.names`.
"""

from __future__ import annotations

import re

from tiercache.interfaces import FileRecord
from tiercache.simple.model import FileIdentity

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 in lower-case hex, and so also safe in a path."""
    return _SHA256.fullmatch(text) is not None


def identities_of(record: FileRecord) -> tuple[FileIdentity, ...]:
    """All the names of a file, its SHA-256 among them, each once.

    Raises ValueError for another file's SHA-256: what is asked for by digest has that digest.
    """
    own = FileIdentity("sha256", record.sha256)
    if any(identity.algorithm == "sha256" and identity != own for identity in record.identities):
        raise ValueError(f"{record.sha256} cannot go by the SHA-256 of another file")
    identities = tuple(dict.fromkeys(record.identities))
    return identities if own in identities else (own, *identities)
