"""Files handed on to the nodes above, each to the one that has it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.neighbour import ScriptedNeighbour
from tests.doubles.now import result_of
from tests.doubles.small_node import CONFIG, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tests.prefetch.prefetching import OWN, PrefetchingNode, files_wanted
from tiercache.cache.listings import Listing
from tiercache.interfaces import Tier
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.policy.selection import ProjectRule
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.handing_on import HandingOn
from tiercache.prefetch.job import Job
from tiercache.simple.names import normalise

NUMPY = ("numpy-1.0.tar.gz", b"n" * 1000)
ACME = ("acme-1.0.tar.gz", b"a" * 500)


def node_above(name: str = "office", kind: str = "parent", **what: object) -> ScriptedNeighbour:
    return ScriptedNeighbour(tier=Tier(name=name, kind=kind), reserves=False, **what)  # type: ignore[arg-type]


def behind(*tiers: ScriptedUpstream, **config: object) -> PrefetchingNode:
    return PrefetchingNode(node=SmallNode(upstreams=list(tiers), config=evolve(CONFIG, **config)))


def handed(tier: ScriptedNeighbour) -> list[tuple[str, ...]]:
    return [tuple(file.filename for file in wanted.files) for wanted in tier.prefetches]


def test_a_parent_is_given_the_files_that_it_lists_before_any_is_asked_for() -> None:
    office = node_above()
    files = (*listed(office, "numpy", NUMPY), *listed(office, "acme", ACME))
    here = behind(office)
    state = here.carried_out(files_wanted(*files))
    assert handed(office) == [(NUMPY[0], ACME[0])]
    asked = [words[0] for words in office.asked]
    assert asked.index("prefetch") < asked.index("file")
    assert state.handed_on == {"office": "taken: job-1"}
    assert state.files_done == 2
    (wanted,) = office.prefetches
    assert [dict(file.hashes) for file in wanted.files] == [dict(file.hashes) for file in files]
    assert [(file.project, file.version, file.size) for file in wanted.files] == [
        ("numpy", "1.0", 1000),
        ("acme", "1.0", 500),
    ]


def test_each_parent_is_given_what_it_has_and_the_index_nothing() -> None:
    office, team, public = node_above(), node_above("team"), scripted()
    files = (
        *listed(office, "numpy", NUMPY),
        *listed(team, "acme", ACME),
        *listed(public, "zoo", ("zoo-1.0.tar.gz", b"z")),
    )
    here = behind(
        office,
        team,
        public,
        projects=(
            ProjectRule(match=("acme",), tiers=("team",)),
            ProjectRule(match=("numpy",), tiers=("office", "public")),
            ProjectRule(match=("*",), tiers=("public",)),
        ),
    )
    here.carried_out(files_wanted(*files))
    assert (handed(office), handed(team)) == ([(NUMPY[0],)], [(ACME[0],)])


def test_what_is_stored_here_is_handed_on_all_the_same() -> None:
    office = node_above()
    (file,) = listed(office, "numpy", NUMPY)
    here = behind(office)
    result_of(here.node.content(file))
    assert here.carried_out(files_wanted(file)).files[0].outcome == "stored"
    assert handed(office) == [(NUMPY[0],)]


def test_a_tier_that_may_not_answer_for_a_project_any_more_is_not_told_of_its_files() -> None:
    office, team = node_above(), node_above("team")
    files = (*listed(office, "acme", ACME), *listed(office, "numpy", NUMPY))
    here = behind(
        office,
        team,
        projects=(ProjectRule(match=("acme",), tiers=("team",)), ProjectRule(match=("*",), tiers=("office",))),
    )
    listings = {
        file.filename: Listing(project=normalise(file.filename.partition("-")[0]), tier="office", file=file)
        for file in files
    }
    job = Job(id="1", wanted=files_wanted(*files), for_whom=OWN, hops=NONE_YET, created_at=0.0)
    job.closure = Closure(files=job.wanted.files, targets=())
    result_of(HandingOn(chain=here.node.parts.chain).hand_on(job, listings))
    assert handed(office) == [(NUMPY[0],)]
    assert handed(team) == []


@pytest.mark.parametrize("kind", ["sibling", "origin"])
def test_who_is_no_parent_is_given_nothing(kind: str) -> None:
    other = node_above("other", kind)
    public = scripted()
    (file,) = listed(public, "numpy", NUMPY)
    listed(other, "numpy", NUMPY)
    here = behind(other, public)
    here.carried_out(files_wanted(file))
    assert handed(other) == []


def test_a_parent_that_takes_no_prefetches_is_noted_and_the_job_goes_on() -> None:
    office = node_above(is_node=False)
    (file,) = listed(office, "numpy", NUMPY)
    state = behind(office).carried_out(files_wanted(file))
    assert state.handed_on == {"office": "it takes no prefetches: it is another program"}
    assert (state.phase, state.files_done) == ("done", 1)


def test_a_job_passes_on_where_it_has_been() -> None:
    office = node_above()
    (file,) = listed(office, "numpy", NUMPY)
    here = behind(office)
    hops = Hops(via=("1.1 " + "a" * 16,), cdn_loop=("a" * 16,))
    here.submit(files_wanted(file), OWN, hops=hops)
    assert set(office.passed) == {("a" * 16,)}


def test_of_nodes_that_form_a_ring_the_first_keeps_its_job() -> None:
    office = node_above()
    public = scripted()
    (file,) = listed(public, "numpy", NUMPY)
    here = behind(office, public)
    office.loops = True
    state = here.carried_out(files_wanted(file))
    assert (state.phase, state.files_done, dict(state.handed_on)) == ("done", 1, {})


def test_a_parent_that_is_down_is_given_the_rest_once_it_is_back() -> None:
    office = node_above()
    files = (*listed(office, "numpy", NUMPY), *listed(office, "acme", ACME))
    here = behind(office)
    result_of(here.node.page("numpy"))
    office.silent = "connection refused"
    job = here.submit(files_wanted(*files))
    here.pass_time(1)
    assert here.jobs.state(job).files_done == 0
    office.silent = None
    here.pass_time(60)
    state = here.jobs.state(job)
    assert (state.phase, state.files_done) == ("done", 2)
    assert handed(office) != []
    assert state.handed_on["office"].startswith("taken")


def test_after_a_restart_a_parent_is_not_given_the_same_again() -> None:
    office = node_above()
    (file,) = listed(office, "numpy", NUMPY)
    here = behind(office)
    office.script = None
    job = here.submit(files_wanted(file))
    kept = here.jobs._jobs[job]
    kept.job.phase, kept.job.ended_at = "fetching", None  # as it was when the node was killed
    result_of(here.jobs._keep(kept))
    again = PrefetchingNode(node=SmallNode(upstreams=[office], files=here.node.files, catalogue=here.node.catalogue))
    again.node.clock.advance(0)
    assert again.jobs.state(job).phase == "done"
    assert len(office.prefetches) == 1
