"""What a node asks of a resolver: which releases meet requirements together."""

from __future__ import annotations

from collections.abc import Awaitable

from attrs import frozen
from zope.interface import Interface

from tiercache.access.principals import Principal
from tiercache.wire.prefetch import Target

NOBODY = Principal()
"""Who has not said who they are, and comes from nowhere."""


@frozen(kw_only=True)
class Question:
    """Requirements for a resolver.

    `requirements` and `constraints`: lines of PEP 508, hashes behind them as in requirements.txt, and nothing else.
    `target` None: one answer for every environment, from the Python `since` on (None: from the node's own).
    `for_whom`: what they may not read does not exist for them.  `is_local`: by `/local/`, which asks no tier.
    `sdists`: releases without a wheel count as well, as far as their metadata can be had without a build, and sdists
    stand in the answer.  `no_deps`: the requirements alone, as what is locked is taken.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    target: Target | None = None
    since: str | None = None
    for_whom: Principal = NOBODY
    is_local: bool = False
    sdists: bool = False
    no_deps: bool = False


class IResolver(Interface):
    """Resolves by what this node's own pages list."""

    def resolve(question: Question) -> Awaitable[str]:
        """The answer as the text of a pylock.toml (PEP 751): releases, markers, files with their digests.

        Raises Unresolvable with the resolver's own words, and ResolverFailed where it is not there, or does not end.
        """
