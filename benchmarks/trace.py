"""A made-up working day of a company that installs Python packages: who installs what and when, and what is released.

Pure, and the same for the same seed.  Times are seconds since midnight.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from attrs import frozen

HOUR_S = 3600.0
MORNING, EVENING = 8 * HOUR_S, 18 * HOUR_S
ZIPF = 1.0
"""How much more often the popular projects are wanted than the others; 1 is what indexes see."""


@frozen(kw_only=True)
class Scale:
    """How large the company is, and what it uses."""

    offices: int
    developers: int
    installs_each: int
    public_projects: int
    private_projects: int
    applications: int
    smallest: int
    largest: int
    public_releases: int
    private_releases: int


@frozen(kw_only=True)
class Install:
    """A developer installs an application: every one of its projects, in the newest version."""

    at: float
    developer: int
    projects: tuple[str, ...]


@frozen(kw_only=True)
class Release:
    """A new version of a project, on the public index or on the private server."""

    at: float
    project: str


Event = Install | Release


def is_private(project: str) -> bool:
    """Whether a project is hosted on the private server."""
    return project.startswith("acme-")


def public_names(scale: Scale) -> list[str]:
    """The projects of the public index, the most popular first."""
    return [f"lib{number:04}" for number in range(scale.public_projects)]


def private_names(scale: Scale) -> list[str]:
    """The projects of the private server."""
    return [f"acme-{number:02}" for number in range(scale.private_projects)]


def day(scale: Scale, seed: int) -> Sequence[Event]:
    """All that happens, in the order of time."""
    chance = random.Random(seed)  # a trace, no secret
    events = [*_installs(scale, chance), *_releases(scale, chance)]
    return sorted(events, key=lambda event: event.at)


def _installs(scale: Scale, chance: random.Random) -> Iterator[Install]:
    public, private = public_names(scale), private_names(scale)
    weights = list(accumulate(1 / (rank + 1) ** ZIPF for rank in range(len(public))))
    applications = []
    for _ in range(scale.applications):
        size = chance.randint(scale.smallest, scale.largest)
        chosen = dict.fromkeys(chance.choices(public, cum_weights=weights, k=3 * size))
        own = chance.sample(private, k=min(len(private), 2))
        applications.append((*own, *list(chosen)[:size]))
    teams = [chance.choices(applications, k=4) for _ in range(scale.offices)]
    for developer in range(scale.developers):
        for _ in range(scale.installs_each):
            at = chance.uniform(MORNING, EVENING)
            yield Install(at=at, developer=developer, projects=chance.choice(teams[developer % scale.offices]))


def _releases(scale: Scale, chance: random.Random) -> Iterator[Release]:
    for names, count in ((public_names(scale), scale.public_releases), (private_names(scale), scale.private_releases)):
        for _ in range(count):
            yield Release(at=chance.uniform(MORNING, EVENING), project=chance.choice(names))
