"""What a catalogue recalls of what it was asked a moment ago: never anything else than what its database says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, ends_with, result_of
from tests.storage.contract_catalogue import CatalogueContract
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, record, sha256_name
from tiercache.errors import StoreUnusable
from tiercache.interfaces import METADATA
from tiercache.storage.attachments import RECALLED_BYTES
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.recalled import MOST_RECALLED, RECALLED_S, Recalled
from tiercache.storage.statement import Rows, Statement

WHEEL = sha256_name(b"wheel")


class TestRecallingCatalogue(CatalogueContract):
    """The contract, for a catalogue that recalls everything for ever."""

    @pytest.fixture
    def catalogue(self, path: Path) -> Iterator[SqlCatalogue]:
        opened = SqlCatalogue.open(path, writer=at_once, seconds=lambda: 0.0)
        yield opened
        result_of(opened.close())


@define
class Asked:
    """Counts what is asked."""

    answer: str | None = None
    times: int = 0

    def __call__(self) -> str | None:
        self.times += 1
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recalled(clock: Clock) -> Recalled[str, str]:
    return Recalled(seconds=clock.seconds)


# -- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["there", None])
def test_what_was_asked_a_moment_ago_is_not_asked_again(
    recalled: Recalled[str, str], clock: Clock, answer: str | None
) -> None:
    asked = Asked(answer)
    clock.advance(1000.0)
    for _ in range(3):
        assert recalled.answer("key", asked) == answer
        clock.advance(RECALLED_S / 4)
    assert asked.times == 1


def test_after_a_moment_it_is_asked_again(recalled: Recalled[str, str], clock: Clock) -> None:
    asked = Asked()
    clock.advance(1000.0)
    recalled.answer("key", asked)
    clock.advance(RECALLED_S)
    asked.answer = "another process wrote it"
    assert recalled.answer("key", asked) == "another process wrote it"
    assert asked.times == 2


def test_without_a_clock_nothing_is_recalled() -> None:
    recalled: Recalled[str, str] = Recalled(seconds=None)
    asked = Asked()
    result_of(recalled.keep_after("key", "written", _done()))
    for _ in range(2):
        assert recalled.answer("key", asked) is None
    assert asked.times == 2


def test_an_answer_that_is_not_worth_it_is_not_kept(clock: Clock) -> None:
    recalled: Recalled[str, str] = Recalled(seconds=clock.seconds, is_worth_it=lambda value: value is None)
    asked = Asked("large")
    for _ in range(2):
        assert recalled.answer("key", asked) == "large"
    assert asked.times == 2


def test_no_more_answers_are_kept_than_are_bounded(recalled: Recalled[str, str]) -> None:
    asked = Asked()
    for number in range(MOST_RECALLED + 1):
        recalled.answer(str(number), asked)
    recalled.answer(str(MOST_RECALLED), asked)  # the last is there, and the first is not
    assert asked.times == MOST_RECALLED + 1
    recalled.answer("0", asked)
    assert asked.times == MOST_RECALLED + 2


def test_what_was_read_before_a_change_and_arrives_after_it_is_not_kept(recalled: Recalled[str, str]) -> None:
    def read_while_it_is_written() -> str:
        recalled.forget(["key"])
        return "old"

    assert recalled.answer("key", read_while_it_is_written) == "old"
    assert recalled.answer("key", Asked("new")) == "new"


@pytest.mark.parametrize("succeeds", [True, False])
def test_what_is_being_written_is_asked_for_again_then_and_once_that_has_ended(
    recalled: Recalled[str, str], succeeds: bool
) -> None:
    asked = Asked("old")
    recalled.answer("key", asked)
    writing: Deferred[None] = Deferred()
    ended = ends_with(recalled.forget_around(["key"], writing))
    assert recalled.answer("key", asked) == "old"
    asked.answer = "new"
    assert recalled.answer("key", asked) == "old"  # nobody was told yet that it is written
    writing.callback(None) if succeeds else writing.errback(StoreUnusable(path="x", reason="no"))
    assert recalled.answer("key", asked) == "new"
    assert len(ended) == 1


def test_what_has_been_written_need_not_be_read(recalled: Recalled[str, str]) -> None:
    result_of(recalled.keep_after("key", "written", _done()))
    asked = Asked("other")
    assert recalled.answer("key", asked) == "written"
    assert asked.times == 0


def test_what_could_not_be_written_is_not_recalled(recalled: Recalled[str, str]) -> None:
    ends_with(recalled.keep_after("key", "not written", fail(StoreUnusable(path="x", reason="no"))))
    assert recalled.answer("key", Asked("as before")) == "as before"


# -- the catalogue --------------------------------------------------------------------------------------------------


def test_an_absence_lasts_until_something_is_stored(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool, seconds=lambda: 0.0)
    stored = record()
    assert (catalogue.entry(ACME), catalogue.file(WHEEL)) == (None, None)
    catalogue.store_entry(entry())
    catalogue.store_file(stored)
    assert (catalogue.entry(ACME), catalogue.file(WHEEL)) == (None, None)
    while pool.held:
        pool.go_on()
    assert (catalogue.entry(ACME), catalogue.file(WHEEL)) == (entry(), stored)


def test_what_was_recalled_of_a_project_goes_with_it(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, seconds=lambda: 0.0)
    result_of(catalogue.store_attachment(attachment()))
    assert catalogue.attachment(attachment().identity, METADATA) == attachment()
    result_of(catalogue.forget_project(attachment().project))
    assert catalogue.attachment(attachment().identity, METADATA) is None
    result_of(catalogue.close())


def test_what_is_forgotten_while_it_is_written_stays_forgotten(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool, seconds=lambda: 0.0)
    given = attachment()
    catalogue.store_attachment(given)
    catalogue.forget_project(given.project)
    assert catalogue.attachment(given.identity, METADATA) is None
    while pool.held:
        pool.go_on()
        assert catalogue.attachment(given.identity, METADATA) is None


def test_what_came_last_is_what_is_recalled_however_writes_end(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool, seconds=lambda: 0.0)
    older, newer = attachment(data=b"older"), attachment(data=b"newer")
    catalogue.store_attachment(older)
    catalogue.store_attachment(newer)
    while pool.held:
        assert catalogue.attachment(newer.identity, METADATA) == newer
        pool.go_on()
    assert catalogue.attachment(newer.identity, METADATA) == newer


@pytest.mark.parametrize("more", [0, 1])
def test_long_attachments_are_read_again(path: Path, more: int) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, seconds=lambda: 0.0)
    data = b"x" * (RECALLED_BYTES + more)
    result_of(catalogue.store_attachment(attachment(data=data)))
    rows: list[Statement] = []
    reading = _reading(catalogue._attachments._rows, rows)
    catalogue._attachments._rows = reading
    for _ in range(2):
        found = catalogue.attachment(attachment().identity, METADATA)
        assert found is not None
        assert found.data == data
    assert len(rows) == (2 if more else 0)
    result_of(catalogue.close())


def test_what_another_process_writes_is_seen_after_a_moment(path: Path, clock: Clock) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, seconds=clock.seconds)
    assert catalogue.file(WHEEL) is None
    other = SqlCatalogue.open(path, writer=at_once)
    result_of(other.store_file(record()))
    result_of(other.close())
    clock.advance(RECALLED_S)
    assert catalogue.file(WHEEL) == record()
    result_of(catalogue.close())


def test_a_file_stored_for_another_project_is_found_by_all_of_its_names(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, seconds=lambda: 0.0)
    stored = evolve(record(), project=ZOO)
    assert all(catalogue.file(name) is None for name in stored.identities)
    result_of(catalogue.store_file(stored))
    assert all(catalogue.file(name) == stored for name in stored.identities)
    result_of(catalogue.forget_file(digest_of(b"wheel")))
    assert all(catalogue.file(name) is None for name in stored.identities)
    result_of(catalogue.close())


def _done() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    done.callback(None)
    return done


def _reading(rows: Callable[..., Rows], seen: list[Statement]) -> Callable[..., Rows]:
    def read(statement: Statement, **parameters: object) -> Rows:
        seen.append(statement)
        return rows(statement, **parameters)

    return read
