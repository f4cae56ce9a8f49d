"""The metadata that installers look at and do not take, of whose projects it comes along."""

from __future__ import annotations

import pytest

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import listed, scripted, sha256
from tests.prefetch.closing import LINUX, metadata, wheel_of
from tests.prefetch.prefetching import OWN, files_wanted, prefetching, wanted_file
from tiercache.policy.hops import NONE_YET
from tiercache.prefetch.bringing_in import BringingIn
from tiercache.prefetch.closure import Closure, OfTarget
from tiercache.prefetch.job import Job
from tiercache.simple.model import Page
from tiercache.simple.names import normalise
from tiercache.wire.prefetch import Wanted


def asked_for(project: str, requirement: str, **wanted: bool) -> list[str]:
    """What is asked for once `app` 1.0 is here, said to be of this project, of which there are a 2.0 and a 3.0."""
    tier = scripted()
    files = []
    for version in ("1.0", "2.0", "3.0"):
        text = metadata("app", version)
        (file,) = listed(tier, "app", wheel_of("app", version), core_metadata={"sha256": sha256(text)})
        tier.sidecars[file.url] = text
        files.append(file)
    tier.pages[normalise("app")] = Page(project=normalise("app"), files=tuple(files))
    listed(tier, "secret", wheel_of("secret", "9.0"))
    here = prefetching(tier)
    here.carried_out(files_wanted(files[0]))
    named = wanted_file(files[0], project=project)
    job = Job(id="1", wanted=Wanted(files=(named,), **wanted), for_whom=OWN, hops=NONE_YET, created_at=0.0)
    job.closure = Closure(files=(named,), targets=(OfTarget(target=LINUX),))
    job.add_files(job.closure.files)
    job.note(named.filename, outcome="stored")
    tier.asked.clear()
    parts = here.node.parts
    bringing_in = BringingIn(
        files=parts.files,
        pages=parts.pages,
        sidecars=parts.sidecars,
        clock=here.node.clock,
        now=here.node.clock.seconds,
        most=2,
    )
    looking = begun(bringing_in.look_at(job, (requirement,)))
    here.node.clock.advance(0)  # it takes turns
    result_of(looking)
    return [" ".join(map(str, words[:2])).removeprefix("sidecar https://public.example/") for words in tier.asked]


def test_the_metadata_of_newer_releases_comes_along() -> None:
    assert asked_for("app", "app") == ["app-3.0-py3-none-any.whl", "app-2.0-py3-none-any.whl"]


@pytest.mark.parametrize(("requirement", "sidecars"), [("app==1.0", True), ("app===1.0", True), ("app", False)])
def test_nothing_newer_is_looked_at_where_there_is_no_choice_or_no_metadata_wanted(
    requirement: str, sidecars: bool
) -> None:
    assert asked_for("app", requirement, sidecars=sidecars) == []


def test_of_a_project_that_a_file_is_only_said_to_be_of_nothing_is_asked() -> None:
    assert asked_for("secret", "app") == []
