"""What a node asks of those who sign identity tokens."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from tiercache.access.signing_keys import SigningKey


class IIssuer(Interface):
    """Who signs identity tokens, such as a CI system."""

    url = Attribute("str: what its tokens call it.")

    def keys() -> Awaitable[tuple[SigningKey, ...]]:
        """The keys that it signs with now: asked for anew each time, within seconds.

        Raises IssuerUnreachable where it does not answer in time, or with nothing that can be used.
        """
