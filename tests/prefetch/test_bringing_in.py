"""Files brought in: behind clients, within limits, each failing by itself, and again once a tier is back."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import CONFIG, SmallNode, file_requests, listed, scripted, sha256, wheel
from tests.doubles.upstream import ScriptedStream, ScriptedUpstream
from tests.prefetch.prefetching import (
    OWN,
    REQUIREMENTS,
    PrefetchingNode,
    ScriptedClosing,
    files_wanted,
    prefetching,
    wanted_file,
)
from tiercache.cache.signal import Signal
from tiercache.policy.entry import Ask
from tiercache.prefetch.bringing_in import GIVES_WAY_S, LOOK_AGAIN_S
from tiercache.prefetch.carrying_out import AGAIN_AFTER_S
from tiercache.prefetch.pace import Bandwidth
from tiercache.simple.model import File
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory_files import MemoryFiles

CONTENTS = [(f"numpy-{number}.0.tar.gz", str(number).encode() * 1000) for number in range(6)]


def with_files(**what: Any) -> tuple[PrefetchingNode, ScriptedUpstream, tuple[File, ...]]:
    tier = scripted()
    files = listed(tier, "numpy", *CONTENTS)
    return prefetching(tier, **what), tier, files


class Slowly:
    """A script for a tier: each body waits until the test lets it come."""

    def __init__(self, tier: ScriptedUpstream) -> None:
        self.waiting: list[Deferred[None]] = []
        tier.script = self.stream

    def stream(self, content: bytes, start: int) -> ScriptedStream:
        self.waiting.append(Deferred())
        return ScriptedStream(size_bytes=len(content), start=start, chunks=[self.waiting[-1], content[start:]])

    def let_come(self) -> None:
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.callback(None)


# -- one file's trouble -----------------------------------------------------------------------------------------


def test_what_is_stored_already_is_not_fetched_again() -> None:
    here, tier, files = with_files()
    result_of(here.node.content(files[0]))
    job = here.submit(files_wanted(*files))
    outcomes = [here.outcomes(job)[file.filename][0] for file in files]
    assert outcomes == ["stored", *["fetched"] * 5]
    assert len(file_requests(tier)) == 6


def test_a_file_without_a_digest_is_what_the_page_lists() -> None:
    here, _tier, files = with_files()
    state = here.carried_out(evolve(files_wanted(), files=(wanted_file(files[0], hashes={}, size=None),)))
    assert (state.files_done, state.bytes_total) == (1, 1000)


def test_a_lock_with_a_wrong_digest_fails_that_file_and_the_rest_goes_on() -> None:
    here, tier, files = with_files()
    wrong = wanted_file(files[0], hashes={"sha256": "0" * 64})
    job = here.submit(evolve(files_wanted(), files=(wrong, wanted_file(files[1]))))
    outcome, reason = here.outcomes(job)[files[0].filename]
    assert outcome == "failed"
    assert reason is not None
    assert reason == f"{files[0].filename} has the sha256 digest {files[0].hashes['sha256']}, not {'0' * 64}."
    assert here.outcomes(job)[files[1].filename] == ("fetched", None)
    assert here.jobs.state(job).phase == "done"
    assert [words[1] for words in file_requests(tier)] == [files[1].url]


@pytest.mark.parametrize("hashes", [{"sha256": "zz"}, {"sha256": "0" * 63}, {"crc32": "01234567"}])
def test_digests_that_are_none_are_not_passed_over(hashes: dict[str, str]) -> None:
    here, tier, files = with_files()
    job = here.submit(evolve(files_wanted(), files=(wanted_file(files[0], hashes=hashes),)))
    assert here.outcomes(job)[files[0].filename][0] == "failed"
    assert file_requests(tier) == []


@pytest.mark.parametrize("filename", ["../numpy-1.0.tar.gz", "a/b.whl", "", "nul\0-1.0.whl", "x" * 256 + ".whl"])
def test_a_name_that_is_none_fails_alone(filename: str) -> None:
    here, _tier, files = with_files()
    bad = wanted_file(files[0], filename=filename)
    job = here.submit(evolve(files_wanted(), files=(bad, wanted_file(files[1]))))
    assert here.outcomes(job)[filename][0] == "failed"
    assert here.outcomes(job)[files[1].filename][0] == "fetched"


def test_an_unknown_project_fails_alone() -> None:
    here, _tier, files = with_files()
    unknown = wanted_file(files[0], project="nothing", filename="nothing-1.0.tar.gz")
    job = here.submit(evolve(files_wanted(), files=(unknown, wanted_file(files[1]))))
    assert here.outcomes(job)["nothing-1.0.tar.gz"] == (
        "failed",
        "No file nothing-1.0.tar.gz is to be had here.",
    )
    assert here.outcomes(job)[files[1].filename][0] == "fetched"


def test_wrong_bytes_of_every_tier_fail_the_file_and_are_not_kept() -> None:
    here, tier, files = with_files()
    tier.contents[files[0].url] = b"x" * 1000
    job = here.submit(files_wanted(*files))
    outcome, reason = here.outcomes(job)[files[0].filename]
    assert outcome == "failed"
    assert reason is not None
    assert "digest" in reason
    assert here.jobs.state(job).files_done == 5


def test_a_full_disk_fails_what_has_no_room_and_the_job_ends() -> None:
    tier = scripted()
    files = listed(tier, "numpy", *CONTENTS)
    here = PrefetchingNode(node=SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=3500)), concurrency=1)
    state = here.carried_out(files_wanted(*files))
    assert state.phase == "done"
    assert (state.files_done, state.files_failed) == (3, 3)
    reasons = {file.reason for file in state.files if file.outcome == "failed"}
    assert all(reason is not None and "no room" in reason for reason in reasons), reasons


def test_what_is_offline_fails_at_once() -> None:
    here, _tier, files = with_files()
    result_of(here.node.parts.switch.set(True))
    state = here.carried_out(files_wanted(files[0]))
    assert (state.phase, state.files_failed) == ("done", 1)


# -- a tier that dies half way ----------------------------------------------------------------------------------


def test_a_tier_that_dies_half_way_is_asked_again_once_it_is_back() -> None:
    here, tier, files = with_files(concurrency=1)

    def dies(content: bytes, start: int) -> ScriptedStream:
        if content == CONTENTS[2][1]:
            tier.silent = "connection lost"
        return ScriptedStream(size_bytes=len(content), start=start, chunks=[content[start:]])

    tier.script = dies
    job = here.submit(files_wanted(*files))
    state = here.jobs.state(job)
    assert (state.phase, state.files_done) == ("fetching", 3)
    assert {reason is not None for outcome, reason in here.outcomes(job).values() if outcome == "waiting"} == {True}
    tier.silent, tier.script = None, None
    here.pass_time(sum(AGAIN_AFTER_S[:3]))
    assert (here.jobs.state(job).phase, here.jobs.state(job).files_done) == ("done", 6)


def test_a_tier_that_stays_away_fails_its_files_in_the_end() -> None:
    here, tier, files = with_files()
    result_of(here.node.page("numpy"))
    tier.silent = "connection refused"
    job = here.submit(files_wanted(*files))
    here.pass_time(sum(AGAIN_AFTER_S) - 1)
    assert here.jobs.state(job).phase == "fetching"
    here.pass_time(2)
    state = here.jobs.state(job)
    assert (state.phase, state.files_failed) == ("done", 6)
    assert all(file.reason for file in state.files)


def test_who_cancels_need_not_wait_for_a_tier_that_is_away() -> None:
    here, tier, files = with_files()
    tier.silent = "connection refused"
    job = here.submit(files_wanted(*files))
    assert result_of(here.jobs.cancel(job)).phase == "cancelled"
    asked = len(tier.asked)
    here.pass_time(5)
    assert len([words for words in tier.asked[asked:] if words != ("probe",)]) == 0


# -- below clients, within limits -------------------------------------------------------------------------------


def let_come(here: PrefetchingNode, slowly: Slowly) -> None:
    """What the tier holds back comes, and all that follows from it and needs no time."""
    slowly.let_come()
    here.node.clock.advance(0)


def test_no_more_files_than_that_are_fetched_at_once_by_all_jobs_together() -> None:
    here, tier, files = with_files(concurrency=2)
    slowly = Slowly(tier)
    here.submit(files_wanted(*files[:4]))
    here.submit(files_wanted(*files[4:]))
    assert len(slowly.waiting) == 2
    let_come(here, slowly)
    assert len(slowly.waiting) == 2
    for _ in range(3):
        let_come(here, slowly)
    assert [state.files_done for state in here.jobs.all()] == [2, 4]


def test_nothing_is_begun_while_a_client_waits_for_a_cold_file() -> None:
    here, tier, files = with_files(concurrency=1)
    slowly = Slowly(tier)
    begun(here.node.content(files[0]))
    job = here.submit(files_wanted(*files[1:]))
    here.pass_time(1)
    assert len(slowly.waiting) == 1
    slowly.let_come()
    here.pass_time(LOOK_AGAIN_S * 2)
    assert here.outcomes(job)[files[1].filename][0] == "running"


def test_nothing_is_begun_while_a_client_waits_for_a_cold_page() -> None:
    here, tier, files = with_files()
    listed(tier, "acme", ("acme-1.0.tar.gz", b"a"))
    result_of(here.node.page("numpy"))
    tier.gate = Signal()
    begun(here.node.page("acme"))
    here.submit(files_wanted(*files))
    here.pass_time(1)
    assert file_requests(tier) == []
    tier.gate.fire()
    here.pass_time(LOOK_AGAIN_S * 2)
    assert len(file_requests(tier)) == 6


def test_a_node_that_is_never_at_rest_ends_its_jobs_too() -> None:
    here, tier, files = with_files(concurrency=1)
    slowly = Slowly(tier)
    begun(here.node.content(files[0]))
    job = here.submit(files_wanted(files[1]))
    here.pass_time(GIVES_WAY_S - 1)
    assert here.outcomes(job)[files[1].filename][0] == "waiting"
    here.pass_time(2)
    assert here.outcomes(job)[files[1].filename][0] == "running"
    assert len(slowly.waiting) == 2


def test_a_client_that_wants_a_file_of_the_job_joins_it_and_holds_nothing_up() -> None:
    here, tier, files = with_files(concurrency=2)
    slowly = Slowly(tier)
    job = here.submit(files_wanted(*files))
    client = begun(here.node.content(files[0]))
    assert len(slowly.waiting) == 2
    let_come(here, slowly)
    assert client.result == CONTENTS[0][1]
    for _ in range(3):
        let_come(here, slowly)
    assert here.jobs.state(job).phase == "done"
    assert len(file_requests(tier)) == 6


def paced(bytes_per_s: int | None) -> tuple[PrefetchingNode, ScriptedUpstream, tuple[File, ...]]:
    tier = scripted()
    files = listed(tier, "numpy", *CONTENTS)
    config = evolve(CONFIG, prefetch=evolve(CONFIG.prefetch, bandwidth_bytes=bytes_per_s))
    return PrefetchingNode(node=SmallNode(upstreams=[tier], config=config)), tier, files


def test_prefetches_take_no_more_bandwidth_than_that() -> None:
    here, _tier, files = paced(1000)
    job = here.submit(files_wanted(*files))
    for second in range(1, 6):
        here.pass_time(1)
        assert abs(here.jobs.state(job).files_done - second) <= 1
    here.pass_time(2)
    state = here.jobs.state(job)
    assert (state.phase, state.files_done) == ("done", 6)


def test_a_client_has_all_there_is_whatever_prefetches_may_take() -> None:
    here, _tier, files = paced(1)
    assert result_of(here.node.content(files[0])) == CONTENTS[0][1]


def test_a_client_that_joins_a_slow_file_has_it_at_its_own_pace() -> None:
    here, tier, files = paced(100)
    tier.script = lambda content, start: ScriptedStream(
        size_bytes=len(content), start=start, chunks=[content[at : at + 100] for at in range(start, len(content), 100)]
    )
    here.submit(files_wanted(files[0]))
    client = begun(here.node.content(files[0]))
    here.pass_time(1.2)
    assert client.called
    assert client.result == CONTENTS[0][1]


def test_without_a_limit_nothing_waits() -> None:
    bandwidth = Bandwidth(clock=Clock())
    for _ in range(3):
        result_of(bandwidth.wait(10**12))


# -- sidecars, and what builds sdists ---------------------------------------------------------------------------


def test_a_wheel_comes_with_its_sidecar() -> None:
    tier = scripted()
    content = wheel("acme", "1.0", b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (file,) = listed(tier, "acme", ("acme-1.0-py3-none-any.whl", content))
    here = prefetching(tier)
    here.carried_out(files_wanted(file))
    tier.silent = "gone"
    local = Ask(local=True)
    shown = result_of(here.node.parts.sidecars.sidecar(identity_of(file), file.filename, local))
    assert shown.data.startswith(b"Metadata-Version")


def test_the_sidecar_of_an_sdist_comes_where_its_tier_has_one() -> None:
    tier = scripted()
    metadata = b"Metadata-Version: 2.2\nName: acme\nVersion: 1.0\n"
    what = {"core_metadata": {"sha256": sha256(metadata)}}
    (file,) = listed(tier, "acme", ("acme-1.0.tar.gz", b"sdist"), **what)
    tier.sidecars[file.url] = metadata
    here = prefetching(tier)
    here.carried_out(files_wanted(file))
    assert ("sidecar", file.url) in tier.asked
    assert prefetching(tier).carried_out(files_wanted(file, sidecars=False)).files_done == 1
    assert tier.asked.count(("sidecar", file.url)) == 1


def test_what_builds_an_sdist_comes_once_the_sdist_is_there() -> None:
    tier = scripted()
    (sdist,) = listed(tier, "numpy", CONTENTS[0])
    (builder,) = listed(tier, "meson", ("meson-1.0.tar.gz", b"m"))
    closing = ScriptedClosing(files=(wanted_file(sdist),), building=[(wanted_file(builder, is_build=True),)])
    here = prefetching(tier, closing=closing)
    state = here.carried_out(evolve(REQUIREMENTS, sdists=True, build_requirements=True))
    assert [(file.filename, file.outcome) for file in state.files] == [
        (sdist.filename, "fetched"),
        (builder.filename, "fetched"),
    ]
    assert len(here.readiness.asked[0].files) == 2


def test_the_page_of_a_project_is_asked_for_once_however_many_of_its_files_are_wanted() -> None:
    here, tier, files = with_files()
    here.submit(files_wanted(*files), OWN)
    assert [words[:2] for words in tier.asked].count(("page", normalise("numpy"))) == 1
