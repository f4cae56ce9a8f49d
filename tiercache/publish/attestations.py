"""Attestations (PEP 740): their shape, and that they are about the file they came with.

Their signatures are not verified: that is for whoever installs, who knows which publishers to trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def provenance_of(attestations: bytes, *, filename: str, sha256: str, publisher: Mapping[str, Any]) -> bytes:
    """The provenance object (JSON) that holds these attestations, which came from `publisher` (with a `kind`).

    Raises AttestationsRefused.
    """
    raise NotImplementedError
