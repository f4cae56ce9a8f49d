"""What `access.trusted-publishers` says: what is wrong with it as a whole, and what tokens are measured by."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tiercache.access.publishers import ClaimPattern, TrustedPublisher
from tiercache.config.structure import Flaw
from tiercache.config.units import duration_text
from tiercache.config.values import AccessConfig, NodeConfig
from tiercache.simple.patterns import ProjectPatterns

LONGEST_LIFETIME_S = 86400.0
"""Of what a trusted publisher is given: a job needs minutes."""

OF_EVERYBODYS_JOBS = {
    "token.actions.githubusercontent.com": (
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "workflow_ref",
        "job_workflow_ref",
        "sub",
    ),
    "gitlab.com": ("project_path", "project_id", "namespace_path", "namespace_id", "ci_config_ref_uri", "sub"),
    "agent.buildkite.com": ("organization_slug", "organization_id", "pipeline_id", "sub"),
    "accounts.google.com": ("email", "sub"),
}
"""Hosts of issuers that sign for everybody's jobs, and the claims that say whose: one of these has to be named."""


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
        names = OF_EVERYBODYS_JOBS.get((urlsplit(one.issuer).hostname or "").rstrip("."), ())
        if names and not any(name in names and ClaimPattern(claim).is_anchored for name, claim in one.claims.items()):
            yield f"{place}.claims", f"do not say whose job it is, as {names[0]} does: this issuer signs for everybody"
        if one.lifetime_s > LONGEST_LIFETIME_S:
            yield f"{place}.lifetime", f"is longer than {duration_text(LONGEST_LIFETIME_S)}"
        if one.audience is not None:
            audience = audience or (index, one.audience)
            if one.audience != audience[1]:
                first = f"access.trusted-publishers[{audience[0]}]"
                yield f"{place}.audience", f"is not that of {first}: clients ask a node for one audience"
