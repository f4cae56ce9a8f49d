"""A day of a whole company on fake time: `python -m benchmarks.fleet`, or with `--short` in under a minute.

Real nodes joined in memory (`benchmarks.company`) live through a seeded trace of installs and releases
(`benchmarks.trace`), with an outage of ten minutes of each tier in turn.  What the index was asked, what each tier
answered from its store, how old what clients saw was, and what they felt of the outages is printed; a whole run writes
`docs/fleet.md`.  Nothing here is a measurement of time: the figures are the same on every machine.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attrs import define, evolve, field, frozen

from benchmarks.company import PRIVATE, Company, Got
from benchmarks.trace import HOUR_S, MORNING, Install, Scale, day, is_private
from tests.doubles.chain_of_nodes import ORIGIN, JoinedNode

ROOT = Path(__file__).resolve().parents[1]
FLEET = ROOT / "docs" / "fleet.md"
SEED = 20
OUTAGE_S = 600.0

WHOLE = Scale(
    offices=20,
    developers=1000,
    installs_each=1,
    public_projects=400,
    private_projects=20,
    applications=40,
    smallest=10,
    largest=20,
    public_releases=60,
    private_releases=40,
)
SHORT = evolve(WHOLE, offices=2, developers=10, installs_each=6, public_projects=60, private_projects=5, applications=6)


@frozen(kw_only=True)
class Outage:
    """Some nodes, or the index, cannot be reached for ten minutes; `silently`: packets to them vanish."""

    what: str
    at: float
    names: Callable[[Company], Sequence[str]]
    silently: bool = False


def _offices(company: Company) -> Sequence[str]:
    return [office.name for office in company.offices]


OUTAGES = (
    Outage(what="the public index refuses", at=10 * HOUR_S, names=lambda _: [ORIGIN]),
    Outage(what="the public index is silent", at=11 * HOUR_S, names=lambda _: [ORIGIN], silently=True),
    Outage(what="the private server refuses", at=12 * HOUR_S, names=lambda _: [PRIVATE]),
    Outage(what="the private server is silent", at=13 * HOUR_S, names=lambda _: [PRIVATE], silently=True),
    Outage(what="every office refuses", at=14 * HOUR_S, names=_offices),
    Outage(what="every office is silent", at=15 * HOUR_S, names=_offices, silently=True),
)


@define(kw_only=True)
class Felt:
    """What clients got in one stretch of the day."""

    what: str
    got: list[Got] = field(factory=list)

    def row(self) -> str:
        """A row of the table."""
        failed = [one for one in self.got if one.failed]
        private = sum(is_private(one.project) for one in failed)
        stale = sum(one.stale for one in self.got)
        return f"| {self.what} | {len(self.got)} | {len(failed) - private} | {private} | {stale} |"


@define(kw_only=True)
class Day:
    """One run: the company, and what was felt in and outside the outages."""

    company: Company
    say: Callable[[str], None]
    calm: Felt = field(factory=lambda: Felt(what="no outage"))
    outages: list[Felt] = field(factory=list)

    def live(self, seed: int) -> None:
        """Let the whole day pass."""
        company, due = self.company, list(OUTAGES)
        gc.freeze()  # a thousand nodes stay to the end: without this the collector looks at all of them again and again
        current: tuple[Outage, Felt] | None = None
        company.until(MORNING)
        for count, event in enumerate(day(company.scale, seed)):
            if current is not None and event.at >= current[0].at + OUTAGE_S:
                company.until(current[0].at + OUTAGE_S)
                for name in current[0].names(company):
                    company.chain.join(name)
                current = None
            if due and event.at >= due[0].at:
                outage = due.pop(0)
                company.until(outage.at)
                for name in outage.names(company):
                    company.chain.cut(name, silently=outage.silently)
                company.chain.drop_connections()
                self.outages.append(Felt(what=outage.what))
                current = (outage, self.outages[-1])
            company.until(event.at)
            if isinstance(event, Install):
                felt = self.calm if current is None else current[1]
                felt.got += [company.install(event.developer, project) for project in event.projects]
            else:
                company.release(event.project)
            if count % 200 == 0:
                self.say(f"{event.at / HOUR_S:5.2f} h, {company.origin_requests} requests to the index")

    def report(self) -> str:
        """The tables."""
        return "\n".join([*self._savings(), "", *self._tiers(), "", *self._staleness(), "", *self._outages(), ""])

    def _savings(self) -> Iterator[str]:
        company = self.company
        everything = [self.calm, *self.outages]
        projects = sum(len(felt.got) for felt in everything)
        direct = 3 * projects  # a page, core metadata and a file each
        saved = 1 - company.origin_requests / direct
        bytes_saved = 1 - company.origin_bytes / company.client_bytes
        yield "| | without nodes | with nodes | saved |"
        yield "|---|---:|---:|---:|"
        yield f"| requests to the index | {direct} | {company.origin_requests} | {saved:.2%} |"
        yield f"| bytes from the index | {company.client_bytes} | {company.origin_bytes} | {bytes_saved:.2%} |"

    def _tiers(self) -> Iterator[str]:
        company = self.company
        yield "| Tier | nodes | answered | of its store | asked of its tiers | stale |"
        yield "|---|---:|---:|---:|---:|---:|"
        tiers = (("developers", company.developers), ("offices", company.offices), (PRIVATE, [company.private]))
        for what, nodes in tiers:
            yield _tier_row(what, nodes)

    def _staleness(self) -> Iterator[str]:
        yield "| How far behind clients were | projects | newest | p50 | p99 | worst |"
        yield "|---|---:|---:|---:|---:|---:|"
        outages = [one for felt in self.outages for one in felt.got]
        for when, got in (("calm", self.calm.got), ("outages", outages)):
            for what, wanted in (("public projects", False), ("private projects", True)):
                ages = sorted(one.behind_s for one in got if not one.failed and is_private(one.project) == wanted)
                if ages:
                    newest = sum(age == 0 for age in ages) / len(ages)
                    p50, p99 = (ages[int(len(ages) * part)] for part in (0.5, 0.99))
                    row = f"{newest:.2%} | {p50:.0f} s | {p99:.0f} s | {ages[-1]:.0f} s"
                    yield f"| {what}, {when} | {len(ages)} | {row} |"

    def _outages(self) -> Iterator[str]:
        yield "| Ten minutes in which | projects wanted | public failed | private failed | served stale |"
        yield "|---|---:|---:|---:|---:|"
        yield from (felt.row() for felt in (self.calm, *self.outages))


def _tier_row(what: str, nodes: Iterable[JoinedNode]) -> str:
    stats = [node.parts.stats for node in nodes]
    hits = sum(one.hits for one in stats)
    asked = sum(one.forwarded + one.revalidated for one in stats)
    collapsed = sum(one.collapsed for one in stats)
    stale = sum(one.served_stale for one in stats)
    answered = hits + asked + collapsed
    tier_requests = sum(one.tier_requests for one in stats)
    ratio = hits / answered if answered else 0.0
    return f"| {what} | {len(stats)} | {answered} | {ratio:.1%} | {tier_requests} | {stale} |"


INTRODUCTION = """# A day of a company

`{command}` (seed {seed}; the figures are the same on every machine) lets a day pass for {developers} developers in
{offices} offices, each developer's node behind the office's, each office's behind one private server, and that behind
the public index. It is a simulation: the nodes are real, their connections are in memory, and time is made up.
{installs} installs of {smallest} to {largest} projects are spread over ten hours, each of them wanting a page, core
metadata and a wheel of every project, and the clients themselves keep nothing. Meanwhile {public_releases} versions are
released on the index and {private_releases} on the private server. Six times a tier is out of reach for ten minutes.

*Behind* is for how long there had been a newer version than the one that a client saw. A private project can fail while
its only tiers are down: where nobody has asked that node for it before, there is nothing to fall back on.

"""


def main() -> int:
    """Live through the day and tell."""
    parser = argparse.ArgumentParser(description="A day of a company whose developers are behind chains of nodes.")
    parser.add_argument("--short", action="store_true", help="two offices, ten developers")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, help="write docs/fleet.md (a whole run does)")
    chosen = parser.parse_args()
    scale = SHORT if chosen.short else WHOLE
    lived = Day(company=Company(scale=scale), say=lambda line: print(line, file=sys.stderr, flush=True))
    lived.live(chosen.seed)
    print(lived.report())
    if chosen.write if chosen.write is not None else not chosen.short:
        command = "python -m benchmarks.fleet" + (" --short" if chosen.short else "")
        introduction = INTRODUCTION.format(
            command=command,
            seed=chosen.seed,
            developers=scale.developers,
            offices=scale.offices,
            installs=scale.developers * scale.installs_each,
            smallest=scale.smallest + 2,
            largest=scale.largest + 2,
            public_releases=scale.public_releases,
            private_releases=scale.private_releases,
        )
        FLEET.write_text(introduction + lived.report())
    return 0


if __name__ == "__main__":
    sys.exit(main())
