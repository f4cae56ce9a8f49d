"""The kinds of tiers, by their words in the configuration."""

from __future__ import annotations

ORIGIN, PARENT, SIBLING = "origin", "parent", "sibling"

UNKNOWN = "unknown"
"""The kind of a tier of which nobody said what it is: it is asked."""
