"""Read-ahead on a node in memory: what its tier is asked before the client asks, and when it is asked for nothing."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.doubles.small_node import CONFIG, listed, scripted
from tests.prefetch.walking import ANN, PIP, Walked, asked, release
from tiercache.cache.signal import Signal
from tiercache.config import PrefetchConfig
from tiercache.errors import NoTierAnswered, ProjectAbsent
from tiercache.policy.entry import Ask, Head
from tiercache.policy.hops import Hops
from tiercache.policy.read_ahead import Budget
from tiercache.policy.selection import ProjectRule
from tiercache.prefetch.walk import Client
from tiercache.simple.model import File


def small_world(walked: Walked) -> dict[str, File]:
    """An application that needs two projects, one of which needs a third."""
    tier = walked.tier
    return {
        "app": release(tier, "app", "1.0", "lib>=1", 'other; python_version > "3"', 'windows; sys_platform == "win32"'),
        "old-lib": release(tier, "lib", "1.0"),
        "lib": release(tier, "lib", "2.0", "deep"),
        "other": release(tier, "other", "1.0", 'extra-only; extra == "more"'),
        "deep": release(tier, "deep", "1.0"),
        "windows": release(tier, "windows", "1.0"),
        "extra-only": release(tier, "extra-only", "1.0"),
    }


# -- what is on its way ------------------------------------------------------------------------------------------


def test_all_that_a_resolution_needs_is_there_when_its_first_page_has_been_given() -> None:
    walked = Walked()
    small_world(walked)
    walked.page("app")
    assert asked(walked.tier, "page") == ["app", "lib", "other", "deep"]
    assert asked(walked.tier, "sidecar") == ["app-1.0", "lib-2.0", "other-1.0", "deep-1.0"]
    assert asked(walked.tier, "file") == []


def test_what_was_guessed_is_not_asked_of_the_tier_again() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    walked.tier.asked.clear()
    walked.sidecar(files["app"])
    for name in ("lib", "other", "deep"):
        assert walked.page(name).outcome.hit
        walked.sidecar(files[name])
    assert walked.tier.asked == []
    assert (walked.stats.guessed, walked.stats.guesses_used) == (7, 7)


def test_a_client_that_meets_a_guess_under_way_shares_it() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.gate = Signal()
    walked.begin_page("app")
    walked.tier.gate.fire()
    walked.settle()
    assert asked(walked.tier, "page").count("lib") == 1
    walked.begin_page("lib")
    assert asked(walked.tier, "page").count("lib") == 1
    walked.tier.gate.fire()
    walked.settle()
    assert walked.stats.guesses_used > 0


def test_a_sidecar_that_had_to_be_fetched_leads_on() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("lib")
    walked.tier.asked.clear()
    walked.sidecar(files["old-lib"])
    assert asked(walked.tier, "page") == []
    old_app = release(walked.tier, "app", "0.9", "other")
    walked.page("app")
    walked.sidecar(old_app)
    assert "other" in asked(walked.tier, "page")


def test_what_an_extra_needs_is_guessed_only_where_somebody_asks_for_the_extra() -> None:
    walked = Walked()
    small_world(walked)
    release(walked.tier, "whole", "1.0", "other[more]")
    walked.page("whole")
    assert asked(walked.tier, "page") == ["whole", "other", "extra-only"]


def test_both_releases_are_guessed_that_a_resolver_looks_at() -> None:
    walked = Walked()
    small_world(walked)
    release(walked.tier, "both", "1.0", "lib>=1", "limits")
    release(walked.tier, "limits", "1.0", "lib<2")
    walked.page("both")
    assert asked(walked.tier, "sidecar") == ["both-1.0", "lib-2.0", "limits-1.0", "deep-1.0", "lib-1.0"]


def test_the_tier_is_told_what_a_guessed_page_is_for() -> None:
    walked = Walked()
    small_world(walked)
    walked.page("app")
    (hints,) = (hints for hints in walked.tier.hinted if hints.specifier)
    assert (hints.specifier, hints.python, hints.platform) == (">=1", "3.12.4", "x86_64-manylinux_2_36")


def test_a_project_that_no_tier_has_ends_a_walk_there_and_nowhere_else() -> None:
    walked = Walked()
    release(walked.tier, "app", "1.0", "gone", "lib")
    release(walked.tier, "lib", "1.0")
    walked.page("app")
    assert asked(walked.tier, "sidecar") == ["app-1.0", "lib-1.0"]


def test_a_circle_of_needs_is_gone_round_once() -> None:
    walked = Walked()
    release(walked.tier, "egg", "1.0", "hen")
    release(walked.tier, "hen", "1.0", "egg")
    walked.page("egg")
    assert asked(walked.tier, "page") == ["egg", "hen"]


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 100, b"Requires-Dist: " + b"(" * 5000])
def test_core_metadata_that_is_junk_leads_nowhere(data: bytes) -> None:
    walked = Walked()
    file = release(walked.tier, "app", "1.0", "lib")
    walked.tier.sidecars[file.url] = data
    plain = replace(file, core_metadata=True)
    project = walked.tier.pages[next(iter(walked.tier.pages))]
    walked.tier.pages[project.project] = evolve(project, files=(plain,))
    walked.page("app")
    assert asked(walked.tier, "page") == ["app"]


# -- files -------------------------------------------------------------------------------------------------------


def test_the_first_file_that_a_client_asks_for_brings_those_that_it_has_looked_at() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    for name in ("app", "lib", "other"):
        walked.sidecar(files[name])
    assert asked(walked.tier, "file") == []
    walked.file(files["app"])
    assert asked(walked.tier, "file") == ["app-1.0", "lib-2.0", "other-1.0"]
    walked.file(files["lib"])
    walked.file(files["other"])
    assert len(asked(walked.tier, "file")) == 3
    assert (walked.stats.guessed, walked.stats.guesses_used) == (9, 5)


def test_no_file_larger_than_the_limit_is_guessed() -> None:
    config = evolve(CONFIG, prefetch=PrefetchConfig(read_ahead_files_bytes=8 * 1024 * 1024))
    walked = Walked(config=config)
    app = release(walked.tier, "app", "1.0", "large", "larger")
    large = release(walked.tier, "large", "1.0", size=8 * 1024 * 1024)
    larger = release(walked.tier, "larger", "1.0", size=8 * 1024 * 1024 + 1)
    walked.page("app")
    for file in (app, large, larger):
        walked.sidecar(file)
    walked.file(app)
    assert asked(walked.tier, "file") == ["app-1.0", "large-1.0"]


def test_a_part_of_a_file_shows_no_install() -> None:
    """Whoever reads ranges of a wheel looks for its metadata: web/files asks read-ahead about whole files alone."""
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    walked.sidecar(files["app"])
    walked.sidecar(files["lib"])
    assert asked(walked.tier, "file") == []


# -- when nothing is guessed -------------------------------------------------------------------------------------


def test_nothing_is_guessed_where_the_owner_wants_no_guesses() -> None:
    walked = Walked(config=evolve(CONFIG, prefetch=PrefetchConfig(read_ahead=False)))
    assert walked.node.parts.read_ahead is None


@pytest.mark.parametrize("user_agent", ["", "curl/8.14", "Mozilla/5.0", "tiercache/1.0", "bandersnatch/8", "pip/26.3"])
def test_nothing_is_guessed_for_who_is_no_installer(user_agent: str) -> None:
    walked = Walked(client=Client(address="192.0.2.1", user_agent=user_agent))
    small_world(walked)
    walked.page("app")
    assert asked(walked.tier, "page") == ["app"]
    assert asked(walked.tier, "sidecar") == []


@pytest.mark.parametrize(
    "ask",
    [Ask(no_cache=True), Ask(max_age_s=0), Ask(hops=Hops(cdn_loop=("0123456789abcdef",)))],
    ids=["no-cache", "max-age", "a node"],
)
def test_nothing_is_guessed_for_who_insists_on_the_tiers_and_for_nodes(ask: Ask) -> None:
    walked = Walked()
    small_world(walked)
    walked.page("app", ask)
    assert asked(walked.tier, "page") == ["app"]
    assert asked(walked.tier, "sidecar") == []


@pytest.mark.parametrize("ask", [Ask(local=True), Ask(only_if_cached=True)], ids=["local", "only-if-cached"])
def test_nothing_is_guessed_for_who_wants_no_tier_to_be_asked(ask: Ask) -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("other", Ask(no_cache=True))
    walked.sidecar(files["other"], Ask(no_cache=True))
    walked.file(files["other"], Ask(no_cache=True))
    walked.tier.asked.clear()
    walked.page("other", ask)
    walked.sidecar(files["other"], ask)
    walked.file(files["other"], ask)
    assert walked.tier.asked == []


def test_nothing_is_guessed_from_what_is_here_already() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("app", Ask(no_cache=True))
    walked.sidecar(files["app"], Ask(no_cache=True))
    walked.tier.asked.clear()
    walked.page("app")
    walked.sidecar(files["app"])
    assert walked.tier.asked == []


def test_no_page_is_guessed_that_would_not_be_fresh_when_it_is_asked_for() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.head = Head(tier="public", requested_at=0, received_at=0, lifetime_s=0)
    walked.page("app")
    assert asked(walked.tier, "page") == ["app"]
    assert asked(walked.tier, "sidecar") == ["app-1.0"]


def test_a_project_that_selection_would_ask_nobody_for_is_not_guessed() -> None:
    walked = Walked(config=evolve(CONFIG, projects=(ProjectRule(match=("lib",), tiers=()),)))
    small_world(walked)
    walked.page("app")
    assert asked(walked.tier, "page") == ["app", "other"]


def test_a_guess_is_asked_of_no_other_tiers_than_a_client_would_be() -> None:
    private = scripted("private")
    rules = (ProjectRule(match=("acme-*",), tiers=("private",)), ProjectRule(match=("*",), tiers=("public",)))
    walked = Walked(others=[private], config=evolve(CONFIG, projects=rules))
    release(walked.tier, "app", "1.0", "acme-lib", "lib")
    release(walked.tier, "lib", "1.0")
    release(private, "acme-lib", "1.0")
    walked.page("app")
    assert asked(walked.tier, "page") == ["app", "lib"]
    assert asked(private, "page") == ["acme-lib"]


def test_what_the_client_may_not_read_is_not_brought_in_for_it() -> None:
    walked = Walked(client=evolve(ANN, may_read=lambda project: project != "lib"))
    small_world(walked)
    walked.page("app")
    assert asked(walked.tier, "page") == ["app", "other"]


def test_a_tier_that_fails_is_asked_for_nothing_that_nobody_waits_for() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.silent = "it is down"
    with pytest.raises(NoTierAnswered):
        walked.page("nothing")
    walked.tier.silent = None
    release(walked.tier, "nothing", "1.0", "lib")
    chain = walked.node.parts.chain
    assert not chain.is_at_ease(walked.tier.pages["lib"].project, 1.0)  # type: ignore[index]  # the names are normalised
    walked.page("app")  # an answer: it is well again
    assert "lib" in asked(walked.tier, "page")


def test_a_tier_that_failed_a_guess_is_left_alone_for_a_while() -> None:
    walked = Walked()
    small_world(walked)
    deep = release(walked.tier, "deep", "2.0", "deeper", "deepest")
    walked.tier.sidecars[deep.url] = NoTierAnswered(subject="it", reason="limited", retry_after_s=60)
    for name in ("deeper", "deepest"):
        release(walked.tier, name, "1.0")
    walked.page("app")
    release(walked.tier, "late", "1.0", "deeper")
    walked.tier.asked.clear()
    walked.page("late")
    assert asked(walked.tier, "page") == ["late"]
    assert asked(walked.tier, "sidecar") == []
    walked.node.clock.advance(61)
    release(walked.tier, "later", "1.0", "deepest")
    walked.page("later")
    assert asked(walked.tier, "page") == ["late", "later", "deepest"]


def test_a_slow_tier_is_asked_for_nothing_that_nobody_waits_for() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.gate = Signal()
    walked.begin_page("app")
    walked.node.clock.advance(Budget().slow_s + 0.01)
    walked.tier.gate.fire()
    walked.settle()
    assert asked(walked.tier, "page") == ["app"]
    assert asked(walked.tier, "sidecar") == []


def test_a_tier_that_is_only_just_fast_enough_is_asked() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.gate = Signal()
    walked.begin_page("app")
    walked.node.clock.advance(Budget().slow_s)
    walked.tier.gate.fire()
    walked.settle()
    assert asked(walked.tier, "sidecar") == ["app-1.0"]


def test_nothing_is_guessed_offline() -> None:
    walked = Walked(config=evolve(CONFIG, offline=True))
    small_world(walked)
    with pytest.raises(Exception, match="app"):
        walked.page("app")
    assert walked.tier.asked == []


def test_guesses_are_dropped_while_clients_need_the_link() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.tier.gate = Signal()
    for number in range(Budget().clients_first):
        walked.begin_page(f"cold{number}")
    walked.tier.asked.clear()
    walked.tier.gate, gate = None, walked.tier.gate
    walked.page("app")
    assert asked(walked.tier, "page") == ["app"]
    assert asked(walked.tier, "sidecar") == []
    gate.fire()
    walked.settle()
    walked.tier.asked.clear()
    walked.sidecar(files["app"])
    assert asked(walked.tier, "page") == ["lib", "other", "deep"]


def test_guesses_go_on_while_one_client_less_waits() -> None:
    walked = Walked()
    small_world(walked)
    walked.tier.gate = Signal()
    for number in range(Budget().clients_first - 1):
        walked.begin_page(f"cold{number}")
    walked.tier.gate = None
    walked.page("app")
    assert "deep" in asked(walked.tier, "page")


def test_so_many_guesses_are_under_way_at_once_and_no_more() -> None:
    walked = Walked()
    budget = Budget()
    names = [f"lib{number}" for number in range(budget.under_way + 5)]
    release(walked.tier, "app", "1.0", *names)
    walked.page("app", Ask(no_cache=True))
    (app,) = walked.tier.pages.values()
    walked.tier.gate = Signal()
    walked.sidecar(app.files[0])
    assert len(asked(walked.tier, "page")) == 1 + budget.under_way
    walked.tier.gate.fire()
    walked.settle()
    assert len(asked(walked.tier, "page")) == 1 + len(names)


def test_a_client_that_asks_for_nothing_it_was_guessed_to_ask_for_is_guessed_for_no_further() -> None:
    walked = Walked()
    budget = Budget()
    names = [f"lib{number}" for number in range(budget.unasked + 20)]
    release(walked.tier, "app", "1.0", *names)
    listed(walked.tier, "lib0", ("lib0-1.0.tar.gz", b"without core metadata"))
    walked.page("app")
    assert walked.stats.guessed == budget.unasked
    walked.page("lib0")
    assert walked.stats.guessed == budget.unasked + 1


# -- clients -----------------------------------------------------------------------------------------------------


def test_clients_at_one_address_that_say_the_same_of_themselves_are_one_and_others_are_not() -> None:
    other = evolve(ANN, address="192.0.2.2")
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    walked.sidecar(files["app"])
    walked.sidecar(files["lib"])
    walked.client = other
    walked.file(files["app"])
    assert asked(walked.tier, "file") == ["app-1.0"]
    walked.client = evolve(ANN, may_read=lambda project: True)
    walked.file(files["app"])
    assert asked(walked.tier, "file") == ["app-1.0", "lib-2.0"]


def test_a_walk_is_forgotten_some_time_after_the_clients_last_act() -> None:
    for pause_s, files_asked in ((Budget().forgotten_s - 0.1, 2), (Budget().forgotten_s, 1)):
        walked = Walked()
        files = small_world(walked)
        walked.page("app")
        walked.sidecar(files["app"])
        walked.sidecar(files["lib"])
        walked.node.clock.advance(pause_s)
        walked.file(files["app"])
        assert len(asked(walked.tier, "file")) == files_asked


def test_a_walk_is_forgotten_some_time_after_it_began_whatever_the_client_does() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    walked.sidecar(files["app"])
    walked.sidecar(files["lib"])
    for _ in range(5):
        walked.node.clock.advance(Budget().longest_s / 5)
        walked.page("other")
    walked.file(files["app"])
    assert asked(walked.tier, "file") == ["app-1.0"]


def test_of_many_clients_those_who_did_something_last_are_kept_in_mind() -> None:
    walked = Walked()
    files = small_world(walked)
    walked.page("app")
    walked.sidecar(files["app"])
    walked.sidecar(files["lib"])
    for number in range(Budget().clients):
        walked.page("other", client=Client(address=f"2001:db8::{number:x}", user_agent=PIP))
    walked.file(files["app"])
    assert asked(walked.tier, "file") == ["app-1.0"]


def test_what_was_guessed_for_a_client_that_has_left_is_no_longer_waited_for() -> None:
    walked = Walked()
    budget = Budget()
    leaving = budget.unasked_in_all // budget.unasked
    for number in range(leaving + 1):
        names = [f"lib-{number}-{one}" for one in range(budget.unasked)]
        release(walked.tier, f"app-{number}", "1.0", *names)
    for number in range(leaving):
        walked.page(f"app-{number}", client=Client(address=f"2001:db8::{number:x}", user_agent=PIP))
    assert walked.stats.guessed == budget.unasked_in_all
    walked.page(f"app-{leaving}")
    assert walked.stats.guessed == budget.unasked_in_all
    walked.node.clock.advance(budget.forgotten_s)
    release(walked.tier, "late", "1.0")
    walked.page("late")
    assert walked.stats.guessed == budget.unasked_in_all + 1


def test_a_node_that_stops_guesses_no_more() -> None:
    walked = Walked()
    small_world(walked)
    walked.ahead.stop()
    walked.page("app")
    assert asked(walked.tier, "sidecar") == []


def test_what_the_client_is_told_of_a_failure_is_what_it_would_be_told_without_guesses() -> None:
    walked = Walked()
    with pytest.raises(ProjectAbsent):
        walked.page("nowhere")
