"""The licence of a file, as its core metadata states it.  Pure."""

from __future__ import annotations

from packaging.metadata import RawMetadata, parse_email

LONGEST = 200
"""Some put the whole text of their licence where its name is to stand."""

_CLASSIFIER = "License :: "


def licence_in(metadata: bytes) -> str | None:
    """The expression (PEP 639); else the classifiers; else the first line of what is stated.  None: nothing is."""
    raw: RawMetadata
    raw, _ = parse_email(metadata)
    expression = raw.get("license_expression")
    if expression:
        return _shown(expression)
    classified = [one.rpartition(" :: ")[2] for one in raw.get("classifiers", ()) if one.startswith(_CLASSIFIER)]
    if classified:
        return _shown(", ".join(classified))
    stated = (raw.get("license") or "").strip()
    return _shown(stated.splitlines()[0]) if stated and stated != "UNKNOWN" else None


def _shown(text: str) -> str:
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
