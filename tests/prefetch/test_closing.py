"""From requirements and locks to files, for every environment that they are wanted for."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.doubles.now import result_of
from tests.prefetch.closing import (
    ALICE,
    BOTH,
    LINUX,
    OLD,
    ONE,
    WINDOWS,
    ClosingNode,
    as_locked,
    locked,
    names,
    sdist_of,
    wheel_of,
)
from tiercache.access.principals import Principal
from tiercache.errors.prefetch import ResolverFailed, Unresolvable, WantedUnusable
from tiercache.prefetch.closing import OTHER_BYTES
from tiercache.prefetch.closure import Closure, OfTarget
from tiercache.prefetch.inputs.inputs import Inputs, LockedFile
from tiercache.wire.prefetch import Missing, Target, Unparseable, Wanted, WantedFile

ON_LINUX = "cp312-cp312-manylinux_2_17_x86_64"
ON_WINDOWS = "cp312-cp312-win_amd64"


def with_app() -> ClosingNode:
    """`app` needs `fast`, which has a wheel for each system, and on Windows `pane`."""
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0", "fast", 'pane; sys_platform == "win32"'))
    node.lists("fast", wheel_of("fast", "2.0", tags=ON_LINUX), wheel_of("fast", "2.0", tags=ON_WINDOWS))
    node.lists("pane", wheel_of("pane", "1.0"))
    return node


# -- what is resolved -------------------------------------------------------------------------------------------


def test_each_environment_gets_the_files_that_an_installer_takes_there() -> None:
    closure = with_app().closure(BOTH, "app")
    needed_by = {file.filename: file.targets for file in closure.files}
    assert needed_by == {
        "app-1.0-py3-none-any.whl": (LINUX, WINDOWS),
        f"fast-2.0-{ON_LINUX}.whl": (LINUX,),
        f"fast-2.0-{ON_WINDOWS}.whl": (WINDOWS,),
        "pane-1.0-py3-none-any.whl": (WINDOWS,),
    }
    assert all(file.hashes["sha256"] and file.size for file in closure.files)
    assert [one.target for one in closure.targets] == [LINUX, WINDOWS]
    assert not any(one.words or one.missing for one in closure.targets)
    assert [pin.split(" --hash")[0] for pin in closure.targets[0].pins] == ["app==1.0", "fast==2.0"]


def test_universal_takes_every_wheel_for_every_environment() -> None:
    closure = with_app().closure(Wanted(universal=True), "app")
    assert len(closure.files) == 4
    assert all(file.targets == () for file in closure.files)
    assert any("sys_platform" in pin for pin in closure.targets[0].pins)
    assert [one.target for one in with_app().closure(evolve(BOTH, universal=True), "app").targets] == [
        None,
        LINUX,
        WINDOWS,
    ]


def test_universal_begins_with_the_oldest_python_of_the_environments() -> None:
    node = with_app()
    node.closure(Wanted(universal=True, targets=(LINUX, OLD)), "app")
    assert [(question.target, question.since) for question in node.resolver.asked] == [
        (None, "3.9"),
        (LINUX, None),
        (OLD, None),
    ]
    node.resolver.asked.clear()
    node.closure(Wanted(universal=True), "app")
    assert [question.since for question in node.resolver.asked] == [None]


def test_without_an_environment_it_is_that_of_the_nodes_own_machine() -> None:
    assert [one.target for one in with_app().closure(Wanted(), "app").targets] == [LINUX]


def test_an_environment_that_nobody_knows_is_refused_before_anything_is_asked() -> None:
    node = with_app()
    with pytest.raises(WantedUnusable, match="amiga"):
        node.closure(Wanted(targets=(LINUX, Target(python="3.12", platform="amiga"))), "app")
    assert node.resolver.asked == []


def test_the_resolver_is_asked_as_who_asks_and_with_the_constraints() -> None:
    node = with_app()
    node.closure(ONE, "app", constraints=("fast<3",))
    (question,) = node.resolver.asked
    assert (question.for_whom, question.constraints, question.target) == (ALICE, ("fast<3",), LINUX)
    assert not question.is_local


def test_what_was_not_taken_of_the_documents_stays_with_the_closure() -> None:
    told = (Unparseable(document="requirements.txt", text="-e .", reason="a path"),)
    assert with_app().closure(ONE, "app", unparseable=told).unparseable == told


def test_an_environment_without_a_way_says_why_and_the_others_go_on() -> None:
    node = with_app()
    node.lists("only-new", wheel_of("only_new", "1.0", 'nowhere; python_version < "3.10"'))
    closure = node.closure(Wanted(targets=(LINUX, OLD)), "only-new")
    assert names(closure) == ["only_new-1.0-py3-none-any.whl"]
    assert [bool(one.words) for one in closure.targets] == [False, True]
    assert "nowhere" in closure.targets[1].words


def test_requirements_that_cannot_be_met_anywhere_are_refused_in_the_resolvers_words() -> None:
    with pytest.raises(Unresolvable) as unmet:
        with_app().closure(BOTH, "app", "fast>9")
    assert "fast" in unmet.value.words
    with pytest.raises(Unresolvable, match="unheard-of"):
        with_app().closure(ONE, "unheard-of")


def test_a_resolver_that_fails_ends_it() -> None:
    node = with_app()
    node.resolver.raising = ResolverFailed(reason="it did not end in time")
    with pytest.raises(ResolverFailed):
        node.closure(ONE, "app")


def test_an_answer_that_cannot_be_read_is_a_failure_of_the_resolver() -> None:
    node = with_app()
    for babble in ("lock-version = ]", 'lock-version = "9.0"\ncreated-by = "x"\npackages = []', "\0"):
        node.resolver.saying = babble
        with pytest.raises(ResolverFailed, match="cannot be read"):
            node.closure(ONE, "app")


def test_a_release_without_a_wheel_for_an_environment_is_missing_there() -> None:
    node = ClosingNode()
    node.lists("fast", wheel_of("fast", "2.0", tags=ON_WINDOWS))
    closure = node.closure(ONE, "fast")
    assert closure.targets[0].missing == (Missing(what="fast 2.0", why="there is no wheel of it for this environment"),)
    assert closure.files == ()


def test_digests_behind_a_requirement_bind_its_files() -> None:
    node = ClosingNode()
    good, other = node.lists("fast", wheel_of("fast", "1.0", tags=ON_LINUX), wheel_of("fast", "1.0"))
    held = f"fast==1.0 --hash=sha256:{other.hashes['sha256']}"
    assert names(node.closure(ONE, held)) == [other.filename]
    assert names(node.closure(ONE, "fast==1.0")) == [good.filename]
    wrong = node.closure(ONE, f"fast==1.0 --hash=sha256:{'0' * 64}")
    assert wrong.files == ()
    assert "none of its files has a digest that was asked for" in wrong.targets[0].missing[0].why


# -- sdists, more releases, and what builds ----------------------------------------------------------------------


def test_sdists_come_along_only_where_they_are_wanted() -> None:
    node = ClosingNode()
    node.lists("both", wheel_of("both", "1.0"), sdist_of("both", "1.0"))
    assert names(node.closure(ONE, "both")) == ["both-1.0-py3-none-any.whl"]
    assert names(node.closure(evolve(ONE, sdists=True), "both")) == ["both-1.0-py3-none-any.whl", "both-1.0.tar.gz"]


def test_the_newest_releases_of_what_is_named_come_with_what_they_require() -> None:
    node = ClosingNode()
    node.lists(
        "app",
        wheel_of("app", "1.0", "part<2"),
        wheel_of("app", "2.0", "part<2"),
        wheel_of("app", "3.0", "part>=2"),
        wheel_of("app", "4.0rc1"),
    )
    node.lists("part", wheel_of("part", "1.0"), wheel_of("part", "2.0"))
    assert names(node.closure(ONE, "app")) == ["app-3.0-py3-none-any.whl", "part-2.0-py3-none-any.whl"]
    assert names(node.closure(evolve(ONE, newest=2), "app")) == [
        "app-3.0-py3-none-any.whl",
        "part-2.0-py3-none-any.whl",
        "app-2.0-py3-none-any.whl",
        "part-1.0-py3-none-any.whl",
    ]
    assert "app-1.0-py3-none-any.whl" in names(node.closure(evolve(ONE, newest=9), "app"))
    assert names(node.closure(evolve(ONE, newest=9), "app>2")) == names(node.closure(ONE, "app"))
    assert "app-1.0-py3-none-any.whl" not in names(node.closure(evolve(ONE, newest=9), "app", constraints=("app>1",)))


def test_an_older_release_whose_requirements_cannot_be_met_comes_by_itself() -> None:
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0", "unheard-of"), wheel_of("app", "2.0"))
    closure = node.closure(evolve(ONE, newest=2), "app")
    assert names(closure) == ["app-2.0-py3-none-any.whl", "app-1.0-py3-none-any.whl"]
    assert closure.targets[0].words == ""


def test_yanked_releases_are_not_among_the_newest() -> None:
    node = ClosingNode()
    first, second = node.lists("app", wheel_of("app", "1.0"), wheel_of("app", "2.0"))
    page = node.tier.pages["app"]
    node.tier.pages["app"] = evolve(page, files=(replace(first, yanked="broken"), second))
    assert names(node.closure(evolve(ONE, newest=5), "app")) == ["app-2.0-py3-none-any.whl"]


def test_what_builds_an_sdist_comes_once_the_sdist_is_stored() -> None:
    node = ClosingNode()
    pyproject = '[build-system]\nrequires = ["builder>=1", "x @ https://elsewhere.example/x.whl"]\n'
    node.lists("app", wheel_of("app", "1.0"), sdist_of("app", "1.0", pyproject=pyproject))
    node.lists("builder", wheel_of("builder", "1.0", "tool"))
    node.lists("tool", wheel_of("tool", "1.0"))
    wanted = evolve(ONE, sdists=True, build_requirements=True)
    closure = node.closure(wanted, "app")
    assert result_of(node.closing.build_closure(wanted, closure, ALICE)) == closure
    node.bring_in(closure)
    built = result_of(node.closing.build_closure(wanted, closure, ALICE))
    added = [file for file in built.files if file not in closure.files]
    assert [(file.filename, file.is_build, file.targets) for file in added] == [
        ("builder-1.0-py3-none-any.whl", True, (LINUX,)),
        ("tool-1.0-py3-none-any.whl", True, (LINUX,)),
    ]
    node.bring_in(built)
    assert result_of(node.closing.build_closure(wanted, built, ALICE)) == built


def test_what_builds_an_sdist_and_cannot_be_had_is_missing() -> None:
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0"), sdist_of("app", "1.0"))
    wanted = evolve(ONE, sdists=True, build_requirements=True)
    closure = node.closure(wanted, "app")
    node.bring_in(closure)
    built = result_of(node.closing.build_closure(wanted, closure, ALICE))
    (missing,) = built.targets[0].missing
    assert missing.what == "what builds app-1.0.tar.gz"
    assert "setuptools" in missing.why
    assert result_of(node.closing.build_closure(wanted, built, ALICE)) == built


def test_what_builds_an_sdist_is_not_told_to_who_may_not_read_it_whatever_project_they_say_it_is_of() -> None:
    node = ClosingNode(unreadable={"app"})
    _, sdist = node.lists("app", wheel_of("app", "1.0"), sdist_of("app", "1.0"))
    wanted = evolve(ONE, sdists=True, build_requirements=True)
    node.bring_in(node.closure(wanted, "app"))
    named = WantedFile(project="other", version="1.0", filename=sdist.filename, hashes=dict(sdist.hashes))
    handed_in = Closure(files=(named,), targets=(OfTarget(target=LINUX),))
    assert result_of(node.closing.build_closure(wanted, handed_in, Principal())) == handed_in


def test_what_builds_the_described_project_itself_comes_where_that_is_wanted() -> None:
    node = ClosingNode()
    node.lists("builder", wheel_of("builder", "1.0"))
    assert node.closure(ONE, build_requirements=("builder",)).files == ()
    (file,) = node.closure(evolve(ONE, build_requirements=True), build_requirements=("builder",)).files
    assert file.is_build


# -- what is locked ---------------------------------------------------------------------------------------------


def test_locks_that_name_other_bytes_of_one_file_leave_it_missing() -> None:
    node = ClosingNode()
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    other = LockedFile(filename=app.filename, hashes={"sha256": "0" * 64})
    told = (Missing(what=app.filename, why=OTHER_BYTES),)
    one = node.closure(ONE, locked=(locked("app", "1.0", as_locked(app), other),))
    assert (one.targets[0].missing, [dict(file.hashes) for file in one.files]) == (told, [dict(app.hashes)])
    two = (locked("app", "1.0", as_locked(app)), locked("app", "1.0", other, requires_python=">=3.8"))
    assert node.closure(ONE, locked=two).targets[0].missing == told
    assert node.closure(Wanted(universal=True), locked=two).targets[0].missing == told
    resolved = node.closure(ONE, "app", locked=two[1:])
    assert resolved.targets[0].missing == told
    also = LockedFile(filename=app.filename, hashes={"md5": "0" * 32})
    assert node.closure(ONE, locked=(locked("app", "1.0", as_locked(app), also),)).targets[0].missing == ()


def test_a_lock_is_taken_as_it_is_and_nothing_is_resolved() -> None:
    node = ClosingNode()
    old, _new = node.lists("app", wheel_of("app", "1.0", "part"), wheel_of("app", "2.0"))
    closure = node.closure(BOTH, locked=(locked("app", "1.0", as_locked(old)),))
    assert [(file.filename, file.hashes) for file in closure.files] == [(old.filename, old.hashes)]
    assert node.resolver.asked == []
    assert closure.targets[0].pins == (f"app==1.0 --hash=sha256:{old.hashes['sha256']}",)


def test_markers_of_a_lock_say_for_which_environment_a_release_is() -> None:
    node = ClosingNode()
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    on_windows = locked("app", "1.0", as_locked(app), marker="sys_platform == 'win32'")
    (file,) = node.closure(BOTH, locked=(on_windows,)).files
    assert file.targets == (WINDOWS,)
    universal = node.closure(Wanted(universal=True), locked=(on_windows,))
    assert universal.targets[0].pins[0].startswith("app==1.0 ; sys_platform == 'win32' --hash=")


def test_a_locked_release_that_is_not_for_the_python_is_missing() -> None:
    node = ClosingNode()
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    release = locked("app", "1.0", as_locked(app), requires_python=">=3.10")
    closure = node.closure(Wanted(targets=(LINUX, OLD)), locked=(release,))
    assert [len(one.missing) for one in closure.targets] == [0, 1]
    assert closure.targets[1].missing[0].why == "it is for Python >=3.10, and not for 3.9.0"


def test_the_digest_in_a_lock_is_that_of_the_wanted_file_whatever_a_page_says() -> None:
    node = ClosingNode()
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    other = LockedFile(filename=app.filename, hashes={"sha256": "0" * 64})
    (file,) = node.closure(ONE, "app", locked=(locked("app", "1.0", other),)).files
    assert file.hashes == {"sha256": "0" * 64}


def test_files_of_a_lock_that_gives_digests_alone_are_found_by_the_page() -> None:
    node = ClosingNode()
    plain, fast = node.lists("app", wheel_of("app", "1.0"), wheel_of("app", "1.0", tags=ON_LINUX))
    by_digest = locked("app", "1.0", LockedFile(filename=None, hashes=plain.hashes))
    assert names(node.closure(ONE, locked=(by_digest,))) == [plain.filename]
    assert names(node.closure(ONE, locked=(locked("app", "1.0"),))) == [fast.filename]


def test_what_a_lock_names_and_nobody_lists_is_missing() -> None:
    node = ClosingNode()
    closure = node.closure(ONE, locked=(locked("unheard-of", "1.0"),))
    assert closure.targets[0].missing == (Missing(what="unheard-of", why="no tier has a project of this name"),)
    node.tier.silent = "refused"
    closure = node.closure(ONE, locked=(locked("other", "1.0"),))
    assert "refused" in closure.targets[0].missing[0].why


def test_what_somebody_may_not_read_does_not_exist_for_them() -> None:
    node = ClosingNode(unreadable={"app"})
    node.lists("app", wheel_of("app", "1.0"))
    release = locked("app", "1.0")
    closure = node.closure(ONE, locked=(release,), for_whom=Principal())
    assert closure.files == ()
    assert closure.targets[0].missing == (Missing(what="app", why="no tier has a project of this name"),)
    assert node.tier.asked == []
    assert names(node.closure(ONE, locked=(release,))) == ["app-1.0-py3-none-any.whl"]


def test_with_no_tier_in_reach_what_is_stored_says_what_an_environment_needs_and_lacks() -> None:
    node = with_app()
    node.bring_in(node.closure(ONE, "app"))
    node.tier.asked.clear()
    inputs = Inputs(requirements=("app",))
    here = result_of(node.closing.closure_here(BOTH, inputs, ALICE))
    assert names(here) == ["app-1.0-py3-none-any.whl", f"fast-2.0-{ON_LINUX}.whl"]
    assert [bool(one.words) for one in here.targets] == [False, True]
    assert "pane" in here.targets[1].words
    nothing = result_of(node.closing.closure_here(ONE, Inputs(requirements=("unheard-of",)), ALICE))
    assert "unheard-of" in nothing.targets[0].words
    lock = Inputs(locked=(locked("app", "1.0"),))
    assert names(result_of(node.closing.closure_here(ONE, lock, ALICE))) == ["app-1.0-py3-none-any.whl"]
    assert node.tier.asked == []
