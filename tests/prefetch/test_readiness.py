"""Whether a node can serve what is wanted with no tier in reach: the report in which a prefetch ends."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.doubles.now import result_of
from tests.doubles.small_node import sha256
from tests.prefetch.closing import (
    BOTH,
    LINUX,
    ONE,
    WINDOWS,
    ClosingNode,
    as_locked,
    locked,
    sdist_of,
    wheel_of,
)
from tiercache.access.principals import Principal
from tiercache.errors.prefetch import ResolverFailed
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.inputs.inputs import LockedFile
from tiercache.prefetch.readiness import NOT_STORED
from tiercache.wire.prefetch import Missing, Unparseable, Wanted, WantedFile

APP, PART, PANE = (f"{name}-1.0-py3-none-any.whl" for name in ("app", "part", "pane"))


def with_app() -> ClosingNode:
    """`app` needs `part`, and on Windows `pane`."""
    node = ClosingNode()
    head = "License-Expression: MIT\n"
    node.lists("app", wheel_of("app", "1.0", "part", 'pane; sys_platform == "win32"', head=head))
    node.lists("part", wheel_of("part", "1.0"))
    node.lists("pane", wheel_of("pane", "1.0"))
    return node


def test_a_node_with_everything_is_ready_and_no_tier_is_asked_to_say_so() -> None:
    node = with_app()
    closure = node.closure(BOTH, "app")
    node.bring_in(closure)
    node.tier.asked.clear()
    node.resolver.asked.clear()
    report = node.report(BOTH, closure, "app")
    assert report.ready
    assert [(one.target, one.ready, one.missing, one.words) for one in report.targets] == [
        (LINUX, True, (), ""),
        (WINDOWS, True, (), ""),
    ]
    assert report.stored_bytes == report.total_bytes == sum(file.size or 0 for file in closure.files) > 0
    assert all(file.stored for file in report.files)
    assert node.tier.asked == []
    assert [question.is_local for question in node.resolver.asked] == [True, True]


def test_each_environment_says_by_itself_what_it_lacks_and_the_resolver_why() -> None:
    node = with_app()
    closure = node.closure(BOTH, "app")
    node.bring_in(closure, PANE)
    report = node.report(BOTH, closure, "app")
    assert not report.ready
    assert [one.ready for one in report.targets] == [True, False]
    assert report.targets[1].missing == (Missing(what=PANE, why=NOT_STORED),)
    assert "pane" in report.targets[1].words
    assert {file.filename: file.stored for file in report.files} == {APP: True, PART: True, PANE: False}
    assert 0 < report.stored_bytes < report.total_bytes


def test_it_is_the_resolver_who_says_so_and_files_are_not_counted() -> None:
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0"), wheel_of("app", "2.0"))
    closure = node.closure(ONE, "app")
    node.bring_in(node.closure(ONE, "app<2"))
    report = node.report(ONE, closure, "app")
    assert [file.stored for file in report.files] == [False]
    assert report.ready  # by the older release, which an installer would find
    assert report.targets[0].instead == (
        Missing(what="app-2.0-py3-none-any.whl", why=f"{NOT_STORED}; app 1.0 is found here instead"),
    )


def test_what_an_older_release_does_not_need_is_told_not_to_be_there() -> None:
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0"), wheel_of("app", "2.0", "part"))
    node.lists("part", wheel_of("part", "1.0"))
    closure = node.closure(ONE, "app")
    node.bring_in(node.closure(ONE, "app<2"))
    (target,) = node.report(ONE, closure, "app").targets
    assert [one.why.partition("; ")[2] for one in target.instead] == [
        "app 1.0 is found here instead",
        "what is found here does not need part",
    ]
    node.bring_in(closure)
    assert node.report(ONE, closure, "app").targets[0].instead == ()


def test_every_environment_is_ready_only_with_every_file() -> None:
    node = ClosingNode()
    linux, windows = (f"cp312-cp312-{one}" for one in ("manylinux_2_17_x86_64", "win_amd64"))
    node.lists("fast", wheel_of("fast", "1.0", tags=linux), wheel_of("fast", "1.0", tags=windows))
    everywhere = Wanted(universal=True)
    closure = node.closure(everywhere, "fast")
    node.bring_in(closure, f"fast-1.0-{windows}.whl")
    report = node.report(everywhere, closure, "fast")
    assert not report.ready
    assert report.targets[0].missing == (Missing(what=f"fast-1.0-{windows}.whl", why=NOT_STORED),)
    node.bring_in(closure)
    assert node.report(everywhere, closure, "fast").ready


def test_a_lock_is_served_by_the_file_that_is_taken_of_it_and_by_no_other_of_the_release() -> None:
    node = ClosingNode()
    best = "cp312-cp312-manylinux_2_17_x86_64"
    fast, plain = node.lists("fast", wheel_of("fast", "1.0", tags=best), wheel_of("fast", "1.0"))
    releases = (locked("fast", "1.0", as_locked(fast), as_locked(plain)),)
    closure = node.closure(ONE, locked=releases)
    result_of(node.node.content(plain))
    report = node.report(ONE, closure, locked=releases)
    assert not report.ready
    assert report.targets[0].missing == (Missing(what=fast.filename, why=NOT_STORED),)


def test_an_environment_without_a_closure_is_not_ready() -> None:
    node = with_app()
    node.lists("odd", wheel_of("odd", "1.0", 'unheard-of; sys_platform == "win32"'))
    closure = node.closure(BOTH, "odd")
    node.bring_in(closure)
    report = node.report(BOTH, closure, "odd")
    assert [one.ready for one in report.targets] == [True, False]
    assert "unheard-of" in report.targets[1].words


def test_a_release_without_a_file_for_an_environment_is_missing() -> None:
    node = ClosingNode()
    node.lists("fast", wheel_of("fast", "1.0", tags="cp312-cp312-win_amd64"))
    closure = node.closure(BOTH, "fast")
    node.bring_in(closure)
    report = node.report(BOTH, closure, "fast")
    assert [one.ready for one in report.targets] == [False, True]
    assert report.targets[0].missing == (Missing(what="fast 1.0", why="there is no wheel of it for this environment"),)


def test_a_resolver_that_fails_is_no_report() -> None:
    node = with_app()
    closure = node.closure(ONE, "app")
    node.resolver.raising = ResolverFailed(reason="uv is not installed beside this node")
    with pytest.raises(ResolverFailed):
        node.report(ONE, closure, "app")


def test_a_lock_is_verified_release_by_release_without_what_they_require() -> None:
    node = ClosingNode()
    app, _ = node.lists("app", wheel_of("app", "1.0", "unheard-of"), wheel_of("app", "2.0"))
    releases = (locked("app", "1.0", as_locked(app)),)
    closure = node.closure(ONE, locked=releases)
    assert not node.report(ONE, closure, locked=releases).ready
    node.bring_in(closure)
    node.resolver.asked.clear()
    report = node.report(ONE, closure, locked=releases)
    assert report.ready
    (question,) = node.resolver.asked
    assert question.no_deps
    assert question.is_local
    assert question.requirements == (f"app==1.0 --hash=sha256:{app.hashes['sha256']}",)


def test_a_file_with_other_bytes_than_a_lock_names_does_not_serve_it() -> None:
    node = ClosingNode()
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    node.bring_in(node.closure(ONE, "app"))
    other = (locked("app", "1.0", LockedFile(filename=app.filename, hashes={"sha256": sha256(b"other")})),)
    closure = node.closure(ONE, locked=other)
    report = node.report(ONE, closure, locked=other)
    assert not report.ready
    assert [file.stored for file in report.files] == [False]
    assert report.targets[0].missing == (
        Missing(what="app 1.0", why="none of its files has a digest that was asked for"),
    )


def test_what_builds_sdists_has_to_be_there_too() -> None:
    node = ClosingNode()
    node.lists("app", wheel_of("app", "1.0"), sdist_of("app", "1.0"))
    node.lists("setuptools", wheel_of("setuptools", "80.0"))
    wanted = evolve(ONE, sdists=True, build_requirements=True)
    closure = node.closure(wanted, "app", build_requirements=("setuptools",))
    node.bring_in(closure, "setuptools-80.0-py3-none-any.whl")
    report = node.report(wanted, closure, "app")
    assert not report.ready
    assert report.targets[0].missing == (Missing(what="setuptools-80.0-py3-none-any.whl", why=NOT_STORED),)
    node.bring_in(closure)
    assert node.report(wanted, closure, "app").ready


def test_licences_and_what_is_yanked_are_noted_of_what_is_stored() -> None:
    node = with_app()
    (app,) = node.tier.pages["app"].files
    node.tier.pages["app"] = evolve(node.tier.pages["app"], files=(replace(app, yanked="broken"),))
    closure = node.closure(ONE, "app==1.0")
    before = {file.filename: (file.licence, file.yanked) for file in node.report(ONE, closure, "app==1.0").files}
    assert before == {APP: (None, None), PART: (None, None)}
    node.bring_in(closure)
    report = node.report(ONE, closure, "app==1.0")
    assert {file.filename: (file.licence, file.yanked) for file in report.files} == {
        APP: ("MIT", "broken"),
        PART: (None, None),
    }


def test_files_that_were_handed_in_are_ready_once_all_of_them_are_stored() -> None:
    node = with_app()
    (app,) = node.tier.pages["app"].files
    file = WantedFile(project="app", version="1.0", filename=app.filename, hashes=dict(app.hashes))
    undigested = evolve(file, hashes={})
    for wanted_file in (file, undigested):
        wanted = Wanted(files=(wanted_file,))
        closure = Closure(files=(wanted_file,), targets=())
        assert not with_app().report(wanted, closure).ready
        node.bring_in(Closure(files=(file,), targets=()))
        assert node.report(wanted, closure).ready


def test_digests_that_are_none_are_those_of_nothing_here() -> None:
    node = with_app()
    file = WantedFile(project="app", version="1.0", filename=APP, hashes={"sha256": "zz"})
    assert not node.report(Wanted(files=(file,)), Closure(files=(file,), targets=())).ready


def test_documents_of_which_nothing_was_taken_make_nobody_ready() -> None:
    told = (Unparseable(document="requirements.txt", text="-e .", reason="a path"),)
    report = with_app().report(ONE, Closure(files=(), targets=()), unparseable=told)
    assert not report.ready
    assert report.unparseable == told


def test_what_somebody_may_not_read_is_not_here_for_them() -> None:
    node = with_app()
    node.unreadable.add("app")
    closure = node.closure(ONE, "app")
    node.bring_in(closure)
    assert [file.stored for file in node.report(ONE, closure, "app").files] == [True, True]
    strangers = node.report(ONE, closure, "app", for_whom=Principal())
    assert [(file.stored, file.licence) for file in strangers.files] == [(False, None), (True, None)]


def test_a_file_of_what_somebody_may_not_read_is_not_here_whatever_project_they_say_it_is_of() -> None:
    node = with_app()
    node.unreadable.add("app")
    (app,) = node.tier.pages["app"].files
    node.bring_in(node.closure(ONE, "app"))
    told = WantedFile(project="part", version="1.0", filename=app.filename, hashes=dict(app.hashes))
    wanted, closure = Wanted(files=(told,)), Closure(files=(told,), targets=())
    assert node.report(wanted, closure).files[0].stored
    (file,) = node.report(wanted, closure, for_whom=Principal()).files
    assert (file.stored, file.size, file.licence) == (False, None, None)


@pytest.mark.parametrize("filename", ["../app-1.0-py3-none-any.whl", "", "\n"])
def test_a_name_that_no_file_can_have_is_not_here_and_the_others_are_told_of(filename: str) -> None:
    node = with_app()
    (app,) = node.tier.pages["app"].files
    node.bring_in(node.closure(ONE, "app"))
    right = WantedFile(project="app", version="1.0", filename=app.filename, hashes=dict(app.hashes))
    files = (evolve(right, filename=filename), evolve(right, filename=filename, hashes={}), right)
    report = node.report(Wanted(files=files), Closure(files=files, targets=()))
    assert [file.stored for file in report.files] == [False, False, True]
    assert not report.ready
