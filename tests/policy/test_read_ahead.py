"""Trails: what is guessed from what a client does, in which order, and within which budgets."""

from __future__ import annotations

import hashlib

from attrs import evolve

from tiercache.policy.needs import Need
from tiercache.policy.read_ahead import (
    MOST_ASKED,
    MOST_PROJECTS,
    MOST_WAITING,
    Budget,
    FileGuess,
    Guess,
    PageGuess,
    SidecarGuess,
    Trail,
)
from tiercache.simple.model import FileIdentity, ProjectName

APP, LIB = ProjectName("app"), ProjectName("lib")


def identity(name: str) -> FileIdentity:
    return FileIdentity("sha256", hashlib.sha256(name.encode()).hexdigest())


def page(name: str) -> PageGuess:
    return PageGuess(project=ProjectName(name))


def sidecar(name: str, version: str = "1.0", *, is_passing: bool = False) -> SidecarGuess:
    filename = f"{name}-{version}-py3-none-any.whl"
    return SidecarGuess(
        project=ProjectName(name), identity=identity(filename), filename=filename, is_passing=is_passing
    )


def file(name: str, version: str = "1.0") -> FileGuess:
    of = sidecar(name, version)
    return FileGuess(project=of.project, identity=of.identity, filename=of.filename)


def need(name: str, specifier: str = "", *extras: str) -> Need:
    return Need(project=ProjectName(name), specifier=specifier, extras=frozenset(extras))


def trail(**budget: int) -> Trail:
    return Trail(budget=evolve(Budget(), **budget))


def taken(of: Trail) -> list[Guess]:
    """Every guess that may begin now."""
    found = []
    while (guess := of.take()) is not None:
        found.append(guess)
    return found


def ask_sidecar(of: Trail, name: str, version: str = "1.0") -> bool:
    guess = sidecar(name, version)
    return of.sidecar_asked(guess.project, guess.identity, guess.filename)


def ask_file(of: Trail, name: str, version: str = "1.0") -> bool:
    guess = file(name, version)
    return of.file_asked(guess.project, guess.identity, guess.filename)


# -- what follows from what --------------------------------------------------------------------------------------


def test_a_page_leads_to_the_sidecar_that_a_resolver_looks_at_next() -> None:
    walk = trail()
    walk.page_asked(APP)
    walk.page_known(APP, [sidecar("app")], "1.0")
    assert taken(walk) == [sidecar("app")]


def test_a_sidecar_leads_to_the_pages_of_what_is_needed_breadth_first() -> None:
    walk = trail()
    walk.sidecar_known([need("a"), need("b")])
    assert walk.take() == page("a")
    walk.page_known(ProjectName("a"), [sidecar("a")], "1.0")
    assert taken(walk) == [page("b"), sidecar("a")]


def test_what_the_client_has_asked_for_already_is_not_guessed() -> None:
    walk = trail()
    walk.page_asked(LIB)
    ask_sidecar(walk, "app")
    walk.sidecar_known([need("lib"), need("other")])
    walk.page_known(APP, [sidecar("app")], "1.0")
    assert taken(walk) == [page("other")]


def test_what_the_client_asks_for_while_its_guess_waits_is_not_guessed_any_more() -> None:
    walk = trail()
    walk.sidecar_known([need("lib")])
    walk.page_asked(LIB)
    assert taken(walk) == []


def test_nothing_is_guessed_twice() -> None:
    walk = trail()
    walk.sidecar_known([need("lib"), need("lib", ">=1")])
    assert taken(walk) == [page("lib")]
    walk.sidecar_known([need("lib")])
    assert taken(walk) == []


def test_specifiers_and_extras_of_all_who_need_a_project_add_up() -> None:
    walk = trail()
    walk.sidecar_known([need("lib", ">=1", "bright"), need("lib", "<2"), need("lib", ">=1", "dull")])
    assert walk.specifiers(LIB) == (">=1", "<2")
    assert walk.extras(LIB) == {"bright", "dull"}
    assert walk.specifiers(APP) == ()
    assert walk.extras(APP) == frozenset()


def test_a_page_is_looked_at_again_when_what_was_chosen_of_it_will_not_do() -> None:
    walk = trail()
    walk.sidecar_known([need("lib", ">=1")])
    walk.page_known(LIB, [sidecar("lib", "2.0")], "2.0")
    taken(walk)
    walk.sidecar_known([need("lib", ">1.5")])
    assert taken(walk) == []
    walk.sidecar_known([need("lib", "<2")])
    assert taken(walk) == [page("lib")]


def test_a_sidecar_is_looked_at_again_when_more_extras_are_wanted() -> None:
    walk = trail()
    walk.sidecar_known([need("lib")])
    walk.page_known(LIB, [sidecar("lib")], "1.0")
    taken(walk)
    walk.sidecar_known([need("lib", "", "bright")])
    assert taken(walk) == [sidecar("lib")]
    walk.sidecar_known([need("lib", "", "bright")])
    assert taken(walk) == []


def test_what_is_looked_at_again_costs_no_budget() -> None:
    walk = trail()
    walk.page_known(LIB, [sidecar("lib", "2.0")], "2.0")
    (guess,) = taken(walk)
    walk.ended(guess, has_cost=True)
    walk.sidecar_known([need("lib", "<2")])
    (again,) = taken(walk)
    assert walk.unasked == 2
    assert not walk.ended(again, has_cost=False)
    assert walk.unasked == 1


# -- files -------------------------------------------------------------------------------------------------------


def test_the_first_file_of_those_looked_at_brings_the_others_in_their_order() -> None:
    walk = trail()
    for name in ("a", "b", "c"):
        ask_sidecar(walk, name)
    assert taken(walk) == []
    ask_file(walk, "b")
    assert taken(walk) == [file("a"), file("c")]


def test_of_several_releases_of_a_project_the_one_looked_at_last_is_brought() -> None:
    walk = trail()
    ask_sidecar(walk, "a")
    ask_sidecar(walk, "lib", "2.0")
    ask_sidecar(walk, "lib", "1.5")
    ask_file(walk, "a")
    assert taken(walk) == [file("lib", "1.5")]


def test_a_file_that_was_not_looked_at_shows_no_install() -> None:
    walk = trail()
    ask_sidecar(walk, "a")
    ask_file(walk, "source-only")
    assert taken(walk) == []


def test_after_an_install_it_takes_another_file_to_show_the_next_one() -> None:
    walk = trail()
    ask_sidecar(walk, "a")
    ask_file(walk, "a")
    ask_sidecar(walk, "b")
    ask_file(walk, "a")
    assert taken(walk) == []
    ask_sidecar(walk, "c")
    ask_file(walk, "c")
    assert taken(walk) == [file("b")]


def test_no_files_are_guessed_where_their_owner_wants_none() -> None:
    walk = trail(file_bytes=0)
    ask_sidecar(walk, "a")
    ask_sidecar(walk, "b")
    ask_file(walk, "a")
    assert taken(walk) == []


def test_a_file_up_to_the_limit_is_brought_in_and_none_a_byte_larger_or_of_unknown_size() -> None:
    walk = trail(file_bytes=1000, unasked_bytes=5000)
    for name in ("a", "b", "c", "d"):
        ask_sidecar(walk, name)
    ask_file(walk, "d")
    taken(walk)
    assert walk.has_room(file("a"), 1000)
    assert not walk.has_room(file("b"), 1001)
    assert not walk.has_room(file("c"), None)


def test_files_that_are_not_asked_for_stop_further_ones_until_they_are() -> None:
    walk = trail(file_bytes=1000, unasked_bytes=1999)
    for name in ("a", "b", "c", "d"):
        ask_sidecar(walk, name)
    ask_file(walk, "d")
    taken(walk)
    assert walk.has_room(file("a"), 1000)
    assert not walk.has_room(file("b"), 1000)
    walk.ended(file("a"), has_cost=True)
    assert not walk.has_room(file("b"), 1000)
    ask_file(walk, "a")
    assert walk.has_room(file("b"), 1000)


def test_a_client_that_says_that_it_installs_has_the_files_on_their_way_as_it_looks_at_them() -> None:
    walk = Trail(budget=Budget(), installs=True)
    ask_sidecar(walk, "a")
    walk.sidecar_known([need("b")])
    assert taken(walk) == [page("b"), file("a")]


def test_of_a_project_one_file_is_brought_before_any_is_asked_for() -> None:
    walk = Trail(budget=Budget(), installs=True)
    ask_sidecar(walk, "lib", "2.0")
    ask_sidecar(walk, "lib", "1.5")
    assert taken(walk) == [file("lib", "1.5")]
    ask_sidecar(walk, "lib", "1.0")
    assert taken(walk) == []
    ask_file(walk, "lib", "1.0")
    assert taken(walk) == []


def test_of_a_project_that_the_client_has_taken_a_file_of_no_other_is_brought_any_more() -> None:
    walk = Trail(budget=Budget(), installs=True)
    ask_sidecar(walk, "lib", "2.0")
    ask_sidecar(walk, "a")
    ask_file(walk, "lib", "1.5")  # of which the metadata was known, or answered elsewhere
    assert taken(walk) == [file("a")]
    ask_sidecar(walk, "lib", "2.0")
    ask_file(walk, "a")
    assert taken(walk) == []


def test_no_file_begins_while_none_may() -> None:
    walk = Trail(budget=Budget(), installs=True)
    ask_sidecar(walk, "a")
    walk.sidecar_known([need("b")])
    assert walk.take(files=False) == page("b")
    assert walk.take(files=False) is None
    assert walk.take() == file("a")


# -- budgets -----------------------------------------------------------------------------------------------------


def test_guesses_stop_at_the_budget_and_go_on_with_each_that_is_asked_for() -> None:
    walk = trail(unasked=2)
    walk.sidecar_known([need("a"), need("b"), need("c"), need("d")])
    assert taken(walk) == [page("a"), page("b")]
    for guess in (page("a"), page("b")):
        walk.ended(guess, has_cost=True)
    assert taken(walk) == []
    walk.page_asked(ProjectName("a"))
    assert taken(walk) == [page("c")]
    walk.page_asked(ProjectName("a"))
    assert taken(walk) == []


def test_what_cost_no_tier_anything_counts_no_more_once_it_ended() -> None:
    walk = trail(unasked=1)
    walk.sidecar_known([need("a"), need("b")])
    assert taken(walk) == [page("a")]
    walk.ended(page("a"), has_cost=False)
    assert walk.unasked == 0
    assert taken(walk) == [page("b")]
    walk.page_asked(ProjectName("a"))
    assert walk.unasked == 1


def test_so_many_guesses_wait_and_no_more() -> None:
    walk = trail(unasked=MOST_WAITING + 10)
    walk.sidecar_known(need(f"p{number}") for number in range(MOST_WAITING + 1))
    assert len(taken(walk)) == MOST_WAITING


def test_so_many_projects_are_kept_in_mind_and_no_more() -> None:
    walk = trail(unasked=MOST_PROJECTS * 2)
    guesses = 0
    for number in range(MOST_PROJECTS + 5):
        walk.sidecar_known([need(f"p{number}")])
        guesses += len(taken(walk))
    assert guesses == MOST_PROJECTS
    walk.page_known(APP, [sidecar("app")], "1.0")
    assert taken(walk) == []


def test_what_waits_is_forgotten_when_clients_need_the_link() -> None:
    walk = trail()
    walk.sidecar_known([need("a")])
    walk.drop()
    assert taken(walk) == []
    walk.sidecar_known([need("a")])
    assert taken(walk) == [page("a")]


# -- use ---------------------------------------------------------------------------------------------------------


def test_a_guess_is_of_use_once_when_it_has_cost_something_and_is_asked_for() -> None:
    walk = trail()
    walk.sidecar_known([need("a"), need("b"), need("c")])
    taken(walk)
    assert not walk.ended(page("a"), has_cost=True)
    assert walk.page_asked(ProjectName("a"))
    assert not walk.page_asked(ProjectName("a"))
    assert not walk.page_asked(ProjectName("b"))
    assert walk.ended(page("b"), has_cost=True)
    assert not walk.ended(page("c"), has_cost=False)
    assert not walk.page_asked(ProjectName("c"))


def test_a_guess_is_known_to_have_begun() -> None:
    walk = trail()
    walk.sidecar_known([need("a")])
    assert not walk.has_begun(page("a"))
    taken(walk)
    assert walk.has_begun(page("a"))


def test_what_a_client_asks_for_that_there_is_not_is_kept_in_mind_up_to_a_bound() -> None:
    of = trail()
    for number in range(MOST_ASKED + 10):
        ask_sidecar(of, f"p{number}")
        ask_file(of, f"q{number}")
    assert len(of._read) <= MOST_PROJECTS
    assert len(of._brought) == len(of._asked) == MOST_ASKED
    for number in range(MOST_PROJECTS + 10):
        ask_sidecar(of, f"r{number}")
    assert len(of._read) == MOST_PROJECTS
