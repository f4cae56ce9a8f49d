"""What is ready is looked at again when something may have changed, and only dated anew when nothing has."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from attrs import define, evolve, field
from twisted.web.http import datetimeToString

from tests.web.hot.twins import but_its_date
from tiercache.policy.cache_status import Outcome
from tiercache.simple.model import ProjectName
from tiercache.web.answer import RELIED_ON_S, Answer, Current, IStoredFile, Variant
from tiercache.web.hot import ready as ready_module
from tiercache.web.hot.ready import Prepared, Ready

NUMPY = ProjectName("numpy")
TARGET = b"/simple/numpy/"
LONG_AGO = b"Mon, 05 Jan 1970 00:00:00 GMT"


@define
class Stood:
    """What an answer stands on; counts how often it is looked at."""

    body: bytes = b"page"
    steady_s: float = math.inf
    age_s: float | None = None
    lasting_s: float = RELIED_ON_S
    is_there: bool = True
    looks: int = 0
    variant: Variant = None
    project: ProjectName = NUMPY
    file: IStoredFile | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    def current(self) -> Current | None:
        self.looks += 1
        if not self.is_there:
            return None
        headers = {"Content-Type": "text/html", "ETag": f'"{self.looks}"', "Last-Modified": LONG_AGO.decode()}
        outcome = Outcome(hit=True, ttl_s=100.0) if self.age_s is not None else None
        answer = Answer(headers=headers, body=self.body, outcome=outcome)
        return Current(
            answer=answer,
            not_modified=evolve(answer, status=304, body=b""),
            steady_s=self.steady_s,
            age_s=self.age_s,
            lasting_s=self.lasting_s,
        )

    def used(self) -> None:
        raise AssertionError("it is for whoever answers to say so")


@define
class Table:
    """A ready table with one answer in it."""

    stood: Stood = field(factory=Stood)
    now: float = 1_000_000.25
    version: int = 1
    stamp: int | None = 1
    stamps: int = 0
    ready: Ready = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ready = Ready(
            node_name="here",
            version=lambda _: self.version,
            stamp=self._stamped,
            now=lambda: self.now,
            client_max_age_s=600,
            limit_bytes=1_000_000,
        )
        self.ready.keep(TARGET, self.stood)

    def _stamped(self) -> int | None:
        self.stamps += 1
        return self.stamp

    def found(self) -> Prepared:
        prepared = self.ready.find(TARGET, None)
        assert prepared is not None
        return prepared


def stamped_anew(table: Table) -> None:
    table.stamp = 2


def stamp_is_lost(table: Table) -> None:
    table.stamp = None


def known_otherwise(table: Table) -> None:
    table.version = 2


def test_what_nothing_outdates_is_looked_at_once() -> None:
    table = Table()
    for _ in range(30):
        assert table.found().etag == '"1"'
        table.now += 0.9
    assert table.stood.looks == 1


def test_store_is_asked_once_a_second() -> None:
    table = Table()
    for target in (b"/a", b"/b", b"/c"):
        table.ready.keep(target, Stood())
        table.ready.find(target, None)
    for _ in range(10):
        table.found()
    assert table.stamps == 1
    table.now += 1
    for target in (b"/a", b"/b", b"/c", TARGET):
        table.ready.find(target, None)
    assert table.stamps == 2


@pytest.mark.parametrize("has_slept", [False, True])
def test_each_second_has_its_date(has_slept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    first = table.found()
    later = datetimeToString(2_000_000_000)
    monkeypatch.setattr(ready_module, "datetimeToString", lambda: later)
    assert table.found() is first
    table.now += 10 if has_slept else 0.75
    second = table.found()
    for before, after in ((first.head, second.head), (first.not_modified, second.not_modified)):
        assert but_its_date(before) == but_its_date(after)
        assert b"\r\nDate: " + later + b"\r\n" in after
        assert b"\r\nLast-Modified: " + LONG_AGO + b"\r\n" in after
    assert second.whole == second.head + b"page"
    assert table.stood.looks == 1


@pytest.mark.parametrize("change", [stamped_anew, stamp_is_lost, known_otherwise])
def test_what_may_have_changed_is_looked_at_again_by_the_next_second(change: Callable[[Table], None]) -> None:
    table = Table()
    table.found()
    change(table)
    table.now += 1
    assert table.found().etag == '"2"'


def test_change_that_the_node_knows_of_is_seen_at_once() -> None:
    table = Table()
    table.found()
    known_otherwise(table)
    assert table.found().etag == '"2"'


def test_store_of_which_nothing_can_be_told_has_each_second_look_again() -> None:
    table = Table(stamp=None)
    for second in range(1, 6):
        assert table.found().etag == f'"{second}"'
        table.now += 1


@pytest.mark.parametrize("passed_s", [RELIED_ON_S, 10 * RELIED_ON_S, -1.0])
def test_nothing_is_relied_on_for_longer_than_a_minute_nor_when_the_clock_goes_back(passed_s: float) -> None:
    table = Table()
    table.found()
    table.now += passed_s
    assert table.found().etag == '"2"'


def test_what_an_answer_says_of_the_time_is_true_to_the_moment() -> None:
    table = Table(stood=Stood(steady_s=0.5))
    table.found()
    table.now += 0.25
    assert table.found().etag == '"1"'
    table.now += 0.25
    assert table.found().etag == '"2"'


def test_page_grows_older_without_being_looked_at() -> None:
    table = Table(stood=Stood(steady_s=0.5, age_s=7.5))
    table.found()
    for passed, age in ((0.5, b"8"), (0.75, b"9"), (10.5, b"18")):
        table.now = 1_000_000.25 + passed
        for told in (table.found().head, table.found().not_modified):
            assert b"\r\nAge: " + age + b"\r\n" in told
            assert b"; ttl=%d" % (100 - passed) in told
    assert table.stood.looks == 1


def test_page_whose_lifetime_ends_is_looked_at_again() -> None:
    table = Table(stood=Stood(age_s=7.5, lasting_s=2.0))
    table.found()
    table.now += 1.999
    assert table.found().etag == '"1"'
    table.now += 0.001
    assert table.found().etag == '"2"'


def test_nothing_is_given_past_the_moment_until_which_it_is_told() -> None:
    table = Table(stood=Stood(lasting_s=0.5))
    table.found()
    table.now += 0.25
    assert table.found().etag == '"1"'
    table.now += 0.25
    assert table.found().etag == '"2"'


def test_what_is_not_there_any_more_is_forgotten() -> None:
    table = Table()
    table.found()
    table.stood.is_there = False
    stamped_anew(table)
    assert table.ready.find(TARGET, None) is not None, "its second is not over"
    table.now += 1
    assert table.ready.find(TARGET, None) is None
    assert TARGET not in table.ready
    assert table.ready.held_bytes == 0
