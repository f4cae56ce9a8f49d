"""Where the documents are read that a node keeps warm."""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Interface


class IDocuments(Interface):
    """Files of this machine, and what is behind URLs."""

    def content(place: str) -> Awaitable[bytes]:
        """What is in a file (its absolute path) or at a URL now, of bounded length.  Raises DocumentUnavailable."""
