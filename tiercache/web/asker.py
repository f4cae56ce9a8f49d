"""Who asks, as read-ahead tells clients apart; of those whose request says nothing that is not said here."""

from __future__ import annotations

from attrs import frozen

from tiercache.policy.hops import Hops


@frozen(kw_only=True)
class Asker:
    """`address` and `user_agent` name the client, `hops` the nodes that have passed its request on.

    `is_for_all`: it wants every byte, and says nothing of what it has.
    """

    address: str
    user_agent: str
    hops: Hops
    is_for_all: bool
