"""What was asked for is ready for who asks next, though it is not what the first was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from tests.doubles.now import result_of
from tests.web.hot.twins import FILE, NUMPY, SIDECAR, MakeTwins, Twins, head, sha256
from tiercache.policy.entry import Ask
from tiercache.simple.model import FileIdentity
from tiercache.web.answer import Variant
from tiercache.web.hot.beforehand import MOST_REMEMBERED, QUIET_S, REMEMBERED_S, Beforehand
from tiercache.web.hot.ready import LONGEST_TARGET

PAGE = "/simple/numpy/"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


class Made:
    """Counts what is made ready."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.made: list[bytes] = []
        self.meanwhile: dict[bytes, Callable[[], object]] = {}
        self.not_to_be_had: set[bytes] = set()
        self.beforehand = Beforehand(clock=self.clock, make_ready=self._make)

    def _make(self, target: bytes, variant: Variant) -> bool:
        assert variant is None
        self.made.append(target)
        self.meanwhile.get(target, lambda: None)()
        return target not in self.not_to_be_had


# -- when -----------------------------------------------------------------------------------------------------------


def test_nothing_is_made_while_somebody_asks() -> None:
    made = Made()
    for number in range(20):
        made.beforehand.note(b"/%d" % number, None)
        made.clock.advance(QUIET_S / 2)
    assert made.made == []
    made.clock.advance(QUIET_S / 2)
    assert made.made == [b"/%d" % number for number in range(20)]


def test_who_asks_meanwhile_has_the_rest_wait() -> None:
    made = Made()
    for number in range(5):
        made.beforehand.note(b"/%d" % number, None)
    made.meanwhile[b"/1"] = lambda: made.beforehand.note(b"/more", None)
    made.clock.advance(QUIET_S)
    assert made.made == [b"/0", b"/1"]
    made.meanwhile.clear()
    made.clock.advance(QUIET_S)
    assert made.made[2:] == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/more"]


def test_what_is_asked_for_again_and_again_is_made_once() -> None:
    made = Made()
    for _ in range(3):
        made.beforehand.note(b"/a", None)
        made.beforehand.note(b"/b", None)
    made.clock.advance(QUIET_S)
    assert made.made == [b"/a", b"/b"]
    assert not made.clock.getDelayedCalls()


def test_what_was_asked_for_a_moment_ago_is_seen_to_once_more() -> None:
    made = Made()
    made.beforehand.note(b"/page", None)
    made.clock.advance(REMEMBERED_S - QUIET_S)
    made.beforehand.note(b"/file", None)
    made.clock.advance(QUIET_S)
    assert made.made == [b"/page", b"/page", b"/file"]
    made.clock.advance(1.0)
    made.beforehand.note(b"/more", None)
    made.clock.advance(QUIET_S)
    assert made.made[3:] == [b"/file", b"/more"]
    made.clock.advance(2 * REMEMBERED_S)
    assert made.made[5:] == [], "nobody has asked for anything"


def test_what_is_not_to_be_had_is_not_seen_to_again_before_somebody_asks_for_it() -> None:
    made = Made()
    made.not_to_be_had.add(b"/absent")
    for target in (b"/absent", b"/page", b"/absent"):
        made.beforehand.note(target, None)
    made.clock.advance(QUIET_S)
    made.beforehand.note(b"/more", None)
    made.clock.advance(QUIET_S)
    assert made.made == [b"/page", b"/absent", b"/page", b"/more"]
    made.beforehand.note(b"/absent", None)
    made.clock.advance(QUIET_S)
    assert made.made[4:] == [b"/page", b"/more", b"/absent"]


def test_only_so_much_is_remembered() -> None:
    made = Made()
    for number in range(MOST_REMEMBERED + 5):
        made.beforehand.note(b"/%d" % number, None)
    made.beforehand.note(b"/" * (LONGEST_TARGET + 1), None)
    assert len(made.beforehand) == MOST_REMEMBERED
    made.clock.advance(QUIET_S)
    assert made.made == [b"/%d" % number for number in range(5, MOST_REMEMBERED + 5)]


def test_what_goes_wrong_with_one_is_not_the_others_end() -> None:
    made = Made()
    made.beforehand.note(b"/a", "unlike the others")  # type: ignore[arg-type]
    made.beforehand.note(b"/b", None)
    with pytest.raises(AssertionError):
        made.clock.advance(QUIET_S)
    made.clock.advance(0)
    assert made.made == [b"/b"]


# -- at a node ------------------------------------------------------------------------------------------------------


def fields_of(path: str) -> dict[str, str]:
    return JSON if path == PAGE else {}


def cold(make_twins: MakeTwins, folder: Path) -> Twins:
    """All that an install asks for, in its order, through a node that knows nothing of it."""
    twins = make_twins(folder=folder)
    result_of(twins.node.parts.janitor.make_room(len(NUMPY)))
    for path in (PAGE, SIDECAR, FILE):
        quiet(twins)  # files come last, and may be long in coming
        assert twins.hot_answer(head("GET", path, fields_of(path))).startswith(b"HTTP/1.1 200 ")
    is_stored = twins.node.catalogue.file(FileIdentity("sha256", sha256(NUMPY))) is not None
    assert is_stored
    return twins


def is_ready_at_the_node(twins: Twins, path: str) -> bool:
    return path.encode() in twins._paths()[-1].ready


def quiet(twins: Twins) -> None:
    twins.node.clock.advance(QUIET_S)


@pytest.mark.parametrize("path", [PAGE, FILE, SIDECAR])
def test_what_an_install_has_asked_for_is_ready_for_the_next(path: str, make_twins: MakeTwins, tmp_path: Path) -> None:
    twins = cold(make_twins, tmp_path)
    quiet(twins)
    request = head("GET", path, fields_of(path))
    assert is_ready_at_the_node(twins, path)
    assert twins.is_hot(request)
    warm, asked = twins.hot_answer(request), twins.stock_answer(request)
    assert warm == asked


def test_page_that_was_at_hand_and_has_changed_since_is_made_ready_too(make_twins: MakeTwins, tmp_path: Path) -> None:
    twins = make_twins(folder=tmp_path)
    result_of(twins.node.parts.janitor.make_room(len(NUMPY)))
    request = head("GET", PAGE, fields_of(PAGE))
    assert twins.is_hot(request), "it is at hand"
    before = twins.hot_answer(request)
    twins.hot_answer(head("GET", FILE))
    quiet(twins)
    assert is_ready_at_the_node(twins, PAGE)
    after, asked = twins.hot_answer(request), twins.stock_answer(request)
    assert after == asked
    assert after != before, "the core metadata of its file is known now"


def test_what_the_node_may_not_give_to_anyone_is_not_made_ready(make_twins: MakeTwins, tmp_path: Path) -> None:
    twins = cold(make_twins, tmp_path)
    result_of(twins.node.parts.switch.set(True))
    twins.hot_answer(head("GET", "/simple/unheard-of/"))
    result_of(twins.node.page("numpy", Ask()))
    quiet(twins)
    assert not is_ready_at_the_node(twins, "/simple/unheard-of/")
