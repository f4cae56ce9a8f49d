"""Jobs: taken, watched, cancelled, one where they are equal, gone on with after a restart."""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedStream
from tests.prefetch.prefetching import (
    OWN,
    REQUIREMENTS,
    PrefetchingNode,
    ScriptedClosing,
    files_wanted,
    prefetching,
    wanted_file,
)
from tiercache.access.principals import Principal
from tiercache.access.tokens import IssuedToken
from tiercache.errors import StoreFull
from tiercache.errors.prefetch import JobAbsent, ResolverFailed, Unresolvable, WantedUnusable
from tiercache.prefetch import jobs as jobs_module
from tiercache.prefetch.closure import Closure, OfTarget
from tiercache.prefetch.kept import encoded, kept_of
from tiercache.simple.patterns import ProjectPatterns
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, Document, Wanted

NUMPY = ("numpy-1.0.tar.gz", b"n" * 1000)
ACME = ("acme-1.0.tar.gz", b"a" * 500)

TOKEN = IssuedToken(
    id="t1",
    digest="d",
    name="ci",
    owner="alice",
    may=frozenset({"read", "prefetch"}),
    projects=ProjectPatterns(("*",)),
    made_at=0.0,
)
ALICE = Principal(user="alice", groups=frozenset({"dev"}), token=TOKEN)


def waiting() -> tuple[PrefetchingNode, Deferred[None]]:
    """A node whose jobs wait for their closure."""
    gate: Deferred[None] = Deferred()
    return prefetching(scripted(), closing=ScriptedClosing(gate=gate)), gate


# -- taken ------------------------------------------------------------------------------------------------------


def test_a_job_brings_in_what_its_requirements_come_to() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier, closing=ScriptedClosing(files=(wanted_file(file),)))
    state = here.carried_out(REQUIREMENTS)
    assert (state.phase, state.files_total, state.files_done, state.files_failed) == ("done", 1, 1, 0)
    assert (state.bytes_total, state.bytes_done) == (1000, 1000)
    assert state.report is not None
    assert state.report.ready
    assert result_of(here.node.content(file)) == NUMPY[1]


def test_what_is_not_understood_is_listed_and_the_rest_goes_on() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier, closing=ScriptedClosing(files=(wanted_file(file),)))
    state = here.carried_out(Wanted(documents=(Document(name="requirements.txt", text="-e .\nnumpy\n"),)))
    assert [one.text for one in state.unparseable] == ["-e ."]
    assert (state.phase, state.files_done) == ("done", 1)


def test_files_that_are_resolved_already_need_no_resolver() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier)
    assert here.carried_out(files_wanted(file)).files_done == 1
    assert here.closing.asked == 0


def test_an_equal_job_that_is_not_over_is_that_job() -> None:
    here, gate = waiting()
    first = here.submit(REQUIREMENTS)
    assert here.submit(evolve(REQUIREMENTS)) == first
    assert here.submit(evolve(REQUIREMENTS, sdists=True)) != first
    gate.callback(None)
    assert len(here.jobs.all()) == 2


def test_once_it_is_over_an_equal_job_is_a_new_one() -> None:
    here = prefetching(scripted())
    assert here.submit(REQUIREMENTS) != here.submit(REQUIREMENTS)


def test_the_same_for_somebody_else_is_another_job() -> None:
    here, _gate = waiting()
    assert here.submit(REQUIREMENTS) != here.submit(REQUIREMENTS, ALICE)


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(constraints=REQUIREMENTS.documents)])
def test_a_job_without_documents_and_files_is_refused(wanted: Wanted) -> None:
    here = prefetching(scripted())
    with pytest.raises(WantedUnusable, match="neither documents nor files"):
        here.submit(wanted)
    with pytest.raises(WantedUnusable):
        result_of(here.jobs.ready(wanted, OWN))
    assert here.jobs.all() == ()


def test_documents_of_one_byte_too_many_are_refused() -> None:
    here, _gate = waiting()
    most = Document(name="requirements.txt", text="x" * MOST_DOCUMENT_BYTES)
    here.submit(Wanted(documents=(most,)))
    with pytest.raises(WantedUnusable, match="bytes"):
        here.submit(Wanted(documents=(most, Document(name="more", text="x"))))


def test_so_many_jobs_wait_and_one_more_is_refused() -> None:
    here, _gate = waiting()
    for number in range(jobs_module.MOST_NOT_OVER):
        here.submit(evolve(REQUIREMENTS, groups=(str(number),)))
    with pytest.raises(WantedUnusable, match="try again later"):
        here.submit(evolve(REQUIREMENTS, groups=("one more",)))
    phases = [state.phase for state in here.jobs.all()]
    assert phases.count("resolving") == jobs_module.RUNNING_AT_ONCE


def test_those_that_wait_begin_when_others_are_over() -> None:
    here, gate = waiting()
    ids = [here.submit(evolve(REQUIREMENTS, groups=(str(n),))) for n in range(jobs_module.RUNNING_AT_ONCE + 1)]
    assert here.jobs.state(ids[-1]).phase == "waiting"
    here.closing.gate = None
    result_of(here.jobs.cancel(ids[0]))
    here.node.clock.advance(0)
    assert here.jobs.state(ids[-1]).phase == "done"
    gate.cancel()


def test_a_job_that_cannot_be_kept_is_not_taken() -> None:
    here = PrefetchingNode(node=SmallNode(upstreams=[scripted()], catalogue=MemoryCatalogue(room_bytes=300)))
    with pytest.raises(StoreFull):
        here.submit(REQUIREMENTS)
    assert here.jobs.all() == ()


def test_of_jobs_that_are_over_only_the_last_are_remembered() -> None:
    here = prefetching(scripted())
    first = here.submit(REQUIREMENTS)
    for _ in range(jobs_module.MOST_REMEMBERED + 1):
        here.node.clock.advance(1)
        here.submit(REQUIREMENTS)
    with pytest.raises(JobAbsent):
        here.jobs.state(first)
    assert len(list(here.node.catalogue.kept_jobs.all())) <= jobs_module.MOST_REMEMBERED + 1


# -- that come to nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raising", "reason"),
    [
        (Unresolvable(words="Because numpy==9 is not there, no way."), "Because numpy==9 is not there, no way."),
        (ResolverFailed(reason="it did not end within 120 s"), "it did not end within 120 s"),
    ],
)
def test_a_job_that_comes_to_no_closure_fails_with_the_words_of_the_resolver(raising: Exception, reason: str) -> None:
    here = prefetching(scripted(), closing=ScriptedClosing(raising=raising))
    state = here.carried_out(REQUIREMENTS)
    assert state.phase == "failed"
    assert state.reason is not None
    assert reason in state.reason


def test_whether_all_is_ready_is_told_by_what_is_stored_where_no_tier_helps() -> None:
    here = prefetching(
        scripted(), closing=ScriptedClosing(raising=Unresolvable(words="Because numpy==9 is not there."))
    )
    here.closing.here = Closure(files=(), targets=(OfTarget(target=None, words="No."),))
    result_of(here.jobs.ready(REQUIREMENTS, OWN))
    assert here.readiness.asked == [here.closing.here]
    here.closing.raising = ResolverFailed(reason="a tier does not answer")
    result_of(here.jobs.ready(REQUIREMENTS, OWN))
    assert here.readiness.asked == [here.closing.here, here.closing.here]
    here.closing.here = None
    with pytest.raises(ResolverFailed):  # there is no resolver at all
        result_of(here.jobs.ready(REQUIREMENTS, OWN))


def test_a_fault_of_ours_fails_one_job_and_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    here = prefetching(scripted(), closing=ScriptedClosing(raising=ZeroDivisionError("secret")))
    state = here.carried_out(REQUIREMENTS)
    assert state.phase == "failed"
    assert "secret" not in str(state.reason)
    here.closing.raising = None
    assert here.carried_out(REQUIREMENTS).phase == "done"


def test_asking_whether_all_is_ready_fetches_no_file_and_makes_no_job() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier, closing=ScriptedClosing(files=(wanted_file(file),)))
    assert result_of(here.jobs.ready(REQUIREMENTS, OWN)).ready
    assert not [words for words in tier.asked if words[0] == "file"]
    assert here.jobs.all() == ()


# -- watched ----------------------------------------------------------------------------------------------------


def test_there_is_no_job_that_nobody_submitted() -> None:
    here = prefetching(scripted())
    for ask in (here.jobs.state, here.jobs.requester, here.jobs.changed):
        with pytest.raises(JobAbsent):
            ask("nobody")
    for later in (here.jobs.ended("nobody"), here.jobs.cancel("nobody")):
        with pytest.raises(JobAbsent):
            result_of(later)


def test_jobs_are_listed_newest_first_without_their_files() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    here = prefetching(tier)
    first = here.submit(files_wanted(file))
    here.node.clock.advance(5)
    second = here.submit(REQUIREMENTS, ALICE)
    assert [state.id for state in here.jobs.all()] == [second, first]
    assert all(state.files == () and state.report is None for state in here.jobs.all())
    assert [state.what for state in here.jobs.all()] == ["requirements.txt", "one file"]
    assert here.jobs.requester(second) == ALICE


def test_who_watches_is_told_of_the_end_at_once() -> None:
    here, gate = waiting()
    job = here.submit(REQUIREMENTS)
    ended = begun(here.jobs.ended(job))
    told: list[None] = []
    here.jobs.changed(job).wait().addCallback(told.append)
    gate.callback(None)
    assert told
    assert ended.called
    assert ended.result.phase == "done"


def test_who_watches_is_told_of_much_that_happens_four_times_a_second() -> None:
    here, _gate = waiting()
    job = here.submit(REQUIREMENTS)
    here.pass_time(1.0)
    watched = here.jobs._jobs[job]
    told = 0

    def again(_: None) -> None:
        nonlocal told
        told += 1
        here.jobs.changed(job).wait().addCallback(again)

    here.jobs.changed(job).wait().addCallback(again)
    for _ in range(100):
        watched.job.changed()
        here.node.clock.advance(0.01)
    assert 4 <= told <= 5


# -- cancelled --------------------------------------------------------------------------------------------------


def test_a_job_that_is_cancelled_is_over_at_once_and_begins_nothing_more() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", NUMPY)
    gate: Deferred[None] = Deferred()
    here = prefetching(tier, closing=ScriptedClosing(files=(wanted_file(file),), gate=gate))
    job = here.submit(REQUIREMENTS)
    state = result_of(here.jobs.cancel(job))
    here.node.clock.advance(10)
    assert (state.phase, state.ended_at) == ("cancelled", 0.0)
    assert here.jobs.state(job).phase == "cancelled"
    assert tier.asked == []
    assert gate.called  # nobody waits for it


def test_to_cancel_what_is_over_is_harmless() -> None:
    here = prefetching(scripted())
    job = here.submit(REQUIREMENTS)
    assert result_of(here.jobs.cancel(job)).phase == "done"


# -- after a restart --------------------------------------------------------------------------------------------


def restarted(here: PrefetchingNode, **what: object) -> PrefetchingNode:
    """The node as it is when it starts anew over the same store."""
    result_of(here.jobs.stop())
    node = SmallNode(
        upstreams=here.node.upstreams, files=here.node.files, catalogue=here.node.catalogue, clock=here.node.clock
    )
    again = PrefetchingNode(node=node, closing=here.closing, tokens=here.tokens, **what)  # type: ignore[arg-type]
    again.node.clock.advance(0)
    return again


def test_a_job_goes_on_after_a_restart_where_it_was() -> None:
    tier = scripted()
    files = (*listed(tier, "numpy", NUMPY), *listed(tier, "acme", ACME))
    here = prefetching(tier, closing=ScriptedClosing(files=tuple(map(wanted_file, files))), concurrency=1)

    def script(content: bytes, start: int) -> ScriptedStream:
        waits = content == ACME[1]
        return ScriptedStream(size_bytes=len(content), start=0, chunks=[Deferred(), content] if waits else [content])

    tier.script = script
    job = here.submit(REQUIREMENTS)
    assert {name: one for name, (one, _) in here.outcomes(job).items()} == {NUMPY[0]: "fetched", ACME[0]: "running"}
    result_of(here.node.parts.files.stop())
    tier.script = None
    again = restarted(here)
    state = result_of(again.jobs.ended(job))
    assert (state.phase, state.files_done) == ("done", 2)
    assert {file.outcome for file in state.files} == {"fetched"}
    assert here.closing.asked == 1  # its closure was kept
    assert [words[1] for words in tier.asked if words[0] == "file"].count(files[0].url) == 1


def test_a_job_that_was_over_stays_so_after_a_restart() -> None:
    here = prefetching(scripted())
    job = here.submit(REQUIREMENTS)
    again = restarted(here)
    assert again.jobs.state(job) == here.jobs.state(job)
    assert here.closing.asked == 1


def test_a_job_that_was_cancelled_stays_so_after_a_restart() -> None:
    here, _gate = waiting()
    job = here.submit(REQUIREMENTS)
    result_of(here.jobs.cancel(job))
    here.closing.gate = None
    assert restarted(here).jobs.state(job).phase == "cancelled"


def test_who_asked_is_known_after_a_restart_by_what_their_token_is_worth_then() -> None:
    here, _gate = waiting()
    here.tokens["t1"] = TOKEN
    job = here.submit(REQUIREMENTS, ALICE)
    here.closing.gate = Deferred()
    assert restarted(here, groups={"alice": ALICE.groups}).jobs.requester(job) == ALICE


def test_a_user_who_has_left_a_group_or_the_node_meanwhile_is_what_they_are_then() -> None:
    here, _gate = waiting()
    user = evolve(ALICE, token=None)
    job = here.submit(REQUIREMENTS, user)
    here.closing.gate = Deferred()
    moved = restarted(here, groups={"alice": frozenset({"ops"})})
    assert moved.jobs.requester(job) == evolve(user, groups=frozenset({"ops"}))
    here.closing.gate = Deferred()
    assert restarted(moved).jobs.requester(job) == Principal()


def test_a_token_that_was_revoked_meanwhile_is_worth_nothing() -> None:
    here, _gate = waiting()
    job = here.submit(REQUIREMENTS, ALICE)
    here.closing.gate = Deferred()
    assert restarted(here).jobs.requester(job) == Principal()


def test_a_kept_job_that_cannot_be_read_hinders_no_other() -> None:
    here, _gate = waiting()
    job = here.submit(REQUIREMENTS)
    (kept,) = here.node.catalogue.kept_jobs.all()
    for number, data in enumerate((b"", b"\xff\xfe", b"{}", b"[" * 100_000, b'{"wanted": 3}')):
        result_of(here.node.catalogue.kept_jobs.store(evolve(kept, id=f"bad-{number}", data=data)))
    here.closing.gate = Deferred()
    assert [state.id for state in restarted(here).jobs.all()] == [job]


def test_what_is_kept_of_a_job_names_no_secret() -> None:
    here, _gate = waiting()
    job = here.submit(REQUIREMENTS, ALICE)
    assert TOKEN.digest not in encoded(kept_of(here.jobs._jobs[job].job)).decode().split('"')
