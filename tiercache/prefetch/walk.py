"""A client's walk through an index: who it is, where it installs, and its trail (`policy.read_ahead`)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen

from tiercache.policy.hints import Hints
from tiercache.policy.read_ahead import Trail
from tiercache.prefetch.client_environment import ClientEnvironment
from tiercache.simple.model import ProjectName

NEIGHBOURS = 60
"""How many pages of what a project needs a node above may send along."""


@frozen(kw_only=True)
class Client:
    """Who asks, as far as guesses go; two of one address that say the same of themselves are one.

    `may_read`: what is brought in for them is only what they may read.
    """

    address: str
    user_agent: str
    may_read: Callable[[ProjectName], bool] = field(eq=False, default=lambda project: True)


@define(kw_only=True, eq=False)
class Walk:
    """A client's trail, and where it installs.  `pages_last`: a page that is guessed is fresh when it is asked for."""

    client: Client
    environment: ClientEnvironment
    trail: Trail
    began_at: float
    last_at: float
    pages_last: bool = True

    def is_over(self, now: float) -> bool:
        """Whether what the client does now is the beginning of another walk."""
        budget = self.trail.budget
        return not (now - self.last_at < budget.forgotten_s and now - self.began_at < budget.longest_s)

    def hints(self, project: ProjectName) -> Hints:
        """What a tier may be told of the use that a page is for."""
        target, trail = self.environment.target, self.trail
        return Hints(
            python=target.python,
            platform=target.platform,
            universal=self.environment.is_universal,
            specifier=",".join(filter(None, trail.specifiers(project))),
            extras=tuple(sorted(trail.extras(project))),
            neighbours=NEIGHBOURS,
        )
