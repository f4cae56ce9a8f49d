"""How much every catalogue keeps of what would grow without end."""

from __future__ import annotations

CHANGES_KEPT = 100_000
"""The newest changes of the journal; who is further behind begins anew."""
