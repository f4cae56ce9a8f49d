"""What `access.trusted-publishers` says: what is wrong with it as a whole, and what tokens are measured by."""

from __future__ import annotations

from collections.abc import Iterator

from tiercache.access.publishers import ClaimPattern, TrustedPublisher
from tiercache.config.structure import Flaw
from tiercache.config.units import duration_text
from tiercache.config.values import AccessConfig, NodeConfig
from tiercache.simple.patterns import ProjectPatterns

LONGEST_LIFETIME_S = 86400.0
"""Of what a trusted publisher is given: a job needs minutes."""


def publishers_of(access: AccessConfig) -> tuple[TrustedPublisher, ...]:
    """Which jobs of which CI systems may publish."""
    return tuple(
        TrustedPublisher(
            issuer=one.issuer,
            claims={name: ClaimPattern(pattern) for name, pattern in one.claims.items()},
            may=frozenset(one.may),
            projects=ProjectPatterns(one.projects),
            lifetime_s=one.lifetime_s,
        )
        for one in access.trusted_publishers
    )


def audience_of(access: AccessConfig, node: NodeConfig) -> str:
    """For whom identity tokens have to be made: the configured audience, else the node's public URL or its name."""
    stated = next((one.audience for one in access.trusted_publishers if one.audience is not None), None)
    return stated or node.public_url or node.name


def publisher_flaws(access: AccessConfig) -> Iterator[Flaw]:
    """What the publishers say that cannot be."""
    audience: tuple[int, str] | None = None
    for index, one in enumerate(access.trusted_publishers):
        place = f"access.trusted-publishers[{index}]"
        if all(ClaimPattern(pattern).matches_everything for pattern in one.claims.values()):
            yield f"{place}.claims", "say nothing: every job that the issuer runs for anybody would be trusted"
        if one.lifetime_s > LONGEST_LIFETIME_S:
            yield f"{place}.lifetime", f"is longer than {duration_text(LONGEST_LIFETIME_S)}"
        if one.audience is not None:
            audience = audience or (index, one.audience)
            if one.audience != audience[1]:
                first = f"access.trusted-publishers[{audience[0]}]"
                yield f"{place}.audience", f"is not that of {first}: clients ask a node for one audience"
