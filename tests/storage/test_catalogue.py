"""The catalogue in SQLite: the contract, and what only a database can do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, begun, result_of
from tests.storage.contract_catalogue import CatalogueContract
from tests.storage.contract_uses import UsesContract
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, head, open_descriptors, record, sha256_name
from tiercache.errors import StoreFull, StoreUnusable
from tiercache.interfaces import METADATA, PROVENANCE, NewChange, Reservation
from tiercache.policy.news import PAGE
from tiercache.policy.selection import HERE
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.group_commit import MOST_AT_ONCE
from tiercache.storage.sqlite import statements
from tiercache.storage.statement import Statement


def writer_of(catalogue: SqlCatalogue) -> sqlite3.Connection:
    """SQLite's own view of the connection that writes."""
    return catalogue._changes._connection.connection


def plan_of(catalogue: SqlCatalogue, asked: Statement) -> list[str]:
    """How SQLite would find what is asked, a step each."""
    places = ("1",) * asked.text.count("?")
    return [row[3] for row in catalogue._reader.connection.execute(f"EXPLAIN QUERY PLAN {asked.text}", places)]


class TestSqlCatalogue(CatalogueContract):
    """The contract, for a catalogue in SQLite."""


class TestUsesInSqlite(UsesContract):
    """The contract, for a catalogue in SQLite."""


# -- durability and order -------------------------------------------------------------------------------------------


def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    result_of(first.store_entry(entry(body=b"page" * 2000)))
    result_of(first.store_file(record()))
    result_of(first.store_setting("offline", "on"))
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once)
    assert second.entry(ACME) == entry(body=b"page" * 2000)
    assert second.file(sha256_name(b"wheel")) == record()
    assert second.stored_bytes() == len(b"wheel")
    assert second.setting("offline") == "on"
    result_of(second.close())


def test_a_commit_reaches_the_disk_and_readers_do_not_wait_for_it(catalogue: SqlCatalogue) -> None:
    assert writer_of(catalogue).execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert writer_of(catalogue).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_write_is_not_seen_and_not_answered_before_its_commit(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    answers: list[None] = []
    catalogue.store_entry(entry()).addCallback(answers.append)
    assert (catalogue.entry(ACME), answers) == (None, [])
    pool.go_on()
    assert (catalogue.entry(ACME), answers) == (entry(), [None])


def test_writes_that_wait_become_one_transaction_in_their_order(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    order: list[int] = []

    async def store(serial: int) -> None:
        await catalogue.store_entry(entry(serial=serial))
        order.append(serial)

    for serial in range(10):
        begun(store(serial))
    assert pool.held == 1
    pool.go_on()
    assert order == [0]
    assert pool.held == 1
    pool.go_on()
    assert order == list(range(10))
    assert pool.held == 0
    assert catalogue.entry(ACME) == entry(serial=9)


@pytest.mark.parametrize(("waiting", "transactions"), [(MOST_AT_ONCE, 1), (MOST_AT_ONCE + 1, 2)])
def test_a_transaction_holds_so_many_writes_and_no_more(path: Path, waiting: int, transactions: int) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    catalogue.store_setting("first", "holds the writer")
    for number in range(waiting):
        catalogue.store_setting("number", str(number))
    pool.go_on()
    for _ in range(transactions):
        assert pool.held == 1
        pool.go_on()
    assert pool.held == 0
    assert catalogue.setting("number") == str(waiting - 1)


def test_a_write_begun_in_the_answer_to_another_is_made(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once)
    catalogue.store_setting("first", "1").addCallback(lambda _none: catalogue.store_setting("second", "2"))
    assert (catalogue.setting("first"), catalogue.setting("second")) == ("1", "2")


def test_an_impossible_write_in_a_batch_fails_alone(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    catalogue.store_setting("first", "holds the writer")
    before = begun(catalogue.store_file(record(b"before")))
    unencodable = begun(catalogue.store_entry(entry(tier="\ud800")))
    not_a_number = begun(catalogue.store_file(record(b"bad", used_at=float("nan"))))
    after = begun(catalogue.store_file(record(b"after")))
    pool.go_on()
    pool.go_on()
    result_of(before)
    result_of(after)
    with pytest.raises(UnicodeEncodeError):
        result_of(unencodable)
    with pytest.raises(StoreUnusable, match="NOT NULL"):
        result_of(not_a_number)
    assert {found.sha256 for found in catalogue.all_files()} == {digest_of(b"before"), digest_of(b"after")}
    assert catalogue.stored_bytes() == len(b"before") + len(b"after")


def test_a_waiter_that_gives_up_takes_back_neither_its_write_nor_another(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    given_up, other = catalogue.store_entry(entry()), catalogue.store_entry(entry(ZOO))
    given_up.cancel()
    with pytest.raises(CancelledError):
        result_of(given_up)
    pool.go_on()
    pool.go_on()
    result_of(other)
    assert list(catalogue.entry_names()) == [ACME, ZOO]


def test_a_pool_that_fails_is_told_to_all_who_wait_and_the_next_write_is_made(path: Path) -> None:
    class Broken(HeldPool):
        def go_on(self) -> None:
            done, _function, _args = self._held.pop(0)
            done.errback(RuntimeError("no threads"))

    pool = Broken()
    catalogue = SqlCatalogue.open(path, writer=pool)
    first, second = begun(catalogue.store_entry(entry())), begun(catalogue.store_entry(entry(ZOO)))
    pool.go_on()
    with pytest.raises(RuntimeError, match="no threads"):
        result_of(first)
    HeldPool.go_on(pool)
    result_of(second)
    assert list(catalogue.entry_names()) == [ZOO]


def test_closing_writes_what_waits(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    catalogue.store_setting("first", "holds the writer")
    written = begun(catalogue.store_entry(entry()))
    closed = begun(catalogue.close())
    while pool.held:
        pool.go_on()
    result_of(written)
    result_of(closed)
    with pytest.raises(StoreUnusable, match="closed"):
        catalogue.entry(ACME)
    again = SqlCatalogue.open(path, writer=at_once)
    assert again.entry(ACME) == entry()


def test_nothing_is_left_open(path: Path) -> None:
    before = open_descriptors()
    for _ in range(3):
        catalogue = SqlCatalogue.open(path, writer=at_once)
        result_of(catalogue.store_entry(entry()))
        list(catalogue.all_files())
        result_of(catalogue.close())
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnusable):
        SqlCatalogue.open(path, writer=at_once)
    assert open_descriptors() == before


# -- a full disk ----------------------------------------------------------------------------------------------------


def limited(catalogue: SqlCatalogue, more_pages: int) -> None:
    """Let the database grow by a few pages and no further."""
    (pages,) = writer_of(catalogue).execute("PRAGMA page_count").fetchone()
    writer_of(catalogue).execute(f"PRAGMA max_page_count = {pages + more_pages}")


NOISE = b"".join(bytes.fromhex(digest_of(b"%d" % number)) for number in range(2000))


def test_a_write_without_room_is_refused_and_changes_nothing(catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_entry(entry(body=b"old")))
    limited(catalogue, 4)
    with pytest.raises(StoreFull, match="full"):
        result_of(catalogue.store_entry(entry(body=NOISE)))
    assert catalogue.entry(ACME) == entry(body=b"old")
    result_of(catalogue.freshen_entry(ACME, head(serial=1)))
    assert catalogue.entry(ACME) == entry(body=b"old", serial=1)


def test_in_a_batch_only_the_write_without_room_is_refused(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    limited(catalogue, 4)
    catalogue.store_setting("first", "holds the writer")
    before = begun(catalogue.store_setting("before", "1"))
    too_large = begun(catalogue.store_attachment(attachment(NOISE)))
    after = begun(catalogue.store_setting("after", "1"))
    pool.go_on()
    pool.go_on()
    result_of(before)
    result_of(after)
    with pytest.raises(StoreFull):
        result_of(too_large)
    assert (catalogue.setting("before"), catalogue.setting("after")) == ("1", "1")
    assert catalogue.attachment(attachment().identity, "metadata") is None


# -- other processes ------------------------------------------------------------------------------------------------


def test_another_process_writes_while_this_one_has_the_catalogue_open(path: Path, catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_file(record()))
    other = (
        "import sys; from pathlib import Path\n"
        "from tests.doubles.now import result_of\n"
        "from tiercache.storage.catalogue import SqlCatalogue\n"
        "from tiercache.storage.threads import on_the_spot\n"
        "other = SqlCatalogue.open(Path(sys.argv[1]), writer=on_the_spot)\n"
        "assert other.stored_bytes() == 5\n"
        "result_of(other.pin('acme-rocket', True))\n"
        "result_of(other.close())\n"
    )
    subprocess.run([sys.executable, "-c", other, path], check=True, timeout=60, cwd=Path(__file__).parents[2])
    assert catalogue.pins() == [ACME]
    assert [found.pinned for found in catalogue.files_of(ACME)] == [True]
    result_of(catalogue.pin(ACME, False))


def test_a_writer_waits_for_another_process_and_says_so_when_that_is_not_done(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, write_patience_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnusable, match="another process"):
        result_of(catalogue.store_setting("offline", "on"))
    assert catalogue.setting("offline") is None  # a reader does not wait at all
    other.execute("ROLLBACK")
    result_of(catalogue.store_setting("offline", "on"))
    assert catalogue.setting("offline") == "on"
    other.close()
    result_of(catalogue.close())


# -- cost -----------------------------------------------------------------------------------------------------------

POINT_READS = {
    "ENTRY": statements.ENTRY,
    "FILE": statements.FILE,
    "FILES_OF": statements.FILES_OF,
    "FILES_AFTER": statements.FILES_AFTER,
    "TOTAL": statements.TOTAL,
    "PROJECTS_AFTER": statements.PROJECTS_AFTER,
    "ATTACHMENT": statements.ATTACHMENT,
    "ATTACHMENT_DIGESTS": statements.ATTACHMENT_DIGESTS,
    "ODD_FILE": statements.ODD_FILE,
    "SETTING": statements.SETTING,
}


@pytest.mark.parametrize("name", POINT_READS)
def test_no_read_on_the_reactor_goes_through_a_whole_table(catalogue: SqlCatalogue, name: str) -> None:
    steps = plan_of(catalogue, POINT_READS[name])
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and step != "SCAN least_used"] == []


# -- what outlives a power cut --------------------------------------------------------------------------------------

FULL, NORMAL = (2,), (1,)


@pytest.mark.parametrize(
    ("write", "how"),
    [
        (lambda catalogue: catalogue.store_entry(entry()), NORMAL),
        (lambda catalogue: catalogue.store_file(record(tier="public")), NORMAL),
        (lambda catalogue: catalogue.store_attachment(attachment()), NORMAL),
        (lambda catalogue: catalogue.freshen_entry(ZOO, head(serial=3)), NORMAL),
        (lambda catalogue: catalogue.freshen_entry(ZOO, head(outdated=True)), FULL),
        (lambda catalogue: catalogue.store_file(record(tier=HERE)), FULL),
        (lambda catalogue: catalogue.store_hosted(ACME, b"page", [NewChange(project=ACME, what=PAGE)], 1.0), FULL),
        (lambda catalogue: catalogue.append_changes([NewChange(project=ACME, what=PAGE)], 1.0), FULL),
        (lambda catalogue: catalogue.store_setting("offline", "on"), FULL),
        (lambda catalogue: catalogue.pin(ACME, True), FULL),
        (lambda catalogue: catalogue.store_reservation(Reservation(tier="office", epoch="e", names=(ACME,))), FULL),
    ],
)
def test_what_nobody_else_has_waits_for_the_disk_and_what_a_tier_has_does_not(
    catalogue: SqlCatalogue, write: Callable[[SqlCatalogue], Deferred[object]], how: tuple[int]
) -> None:
    result_of(catalogue.store_setting("first", "1"))
    result_of(catalogue.store_entry(entry(ZOO)))
    result_of(write(catalogue))
    assert writer_of(catalogue).execute("PRAGMA synchronous").fetchone() == how


def test_a_batch_lasts_if_any_of_it_has_to(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    catalogue.store_entry(entry(ZOO))
    catalogue.store_entry(entry())
    catalogue.store_setting("offline", "on")
    catalogue.store_entry(entry(serial=2))
    pool.go_on()
    assert writer_of(catalogue).execute("PRAGMA synchronous").fetchone() == NORMAL
    pool.go_on()
    assert writer_of(catalogue).execute("PRAGMA synchronous").fetchone() == FULL


# -- what is read before it is written ------------------------------------------------------------------------------


def test_an_attachment_is_read_from_when_it_was_given(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    given = attachment(b"Metadata-Version: 2.4\n")
    none_to_be_had = evolve(attachment(b"x", identity=sha256_name(b"other")), data=None, sha256="")
    catalogue.store_attachment(given)
    catalogue.store_attachment(none_to_be_had)
    assert catalogue.attachment(given.identity, METADATA) == given
    assert catalogue.attachment_digests(given.project, METADATA) == {
        given.identity: given.sha256,
        none_to_be_had.identity: None,
    }
    assert catalogue.attachment_digests(ZOO, METADATA) == catalogue.attachment_digests(given.project, PROVENANCE) == {}
    while pool.held:
        pool.go_on()
    assert len(catalogue._attachments._given) == 0
    assert catalogue.attachment(given.identity, METADATA) == given


@pytest.mark.parametrize("how", ["by itself", "with its project"])
def test_an_attachment_that_was_forgotten_is_not_read_while_it_is_still_there(path: Path, how: str) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    given = attachment(b"Metadata-Version: 2.4\n")
    if how == "by itself":  # written, and then forgotten
        catalogue.store_attachment(given)
        pool.go_on()
        catalogue.forget_attachment(given.identity, METADATA)
    else:  # both wait
        catalogue.store_attachment(given)
        catalogue.forget_project(given.project)
    assert catalogue.attachment(given.identity, METADATA) is None
    assert catalogue.attachment_digests(given.project, METADATA) == {}
    while pool.held:
        pool.go_on()
    assert catalogue.attachment(given.identity, METADATA) is None
    assert len(catalogue._attachments._given) == 0


def test_an_attachment_that_found_no_room_is_not_read_any_more(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    limited(catalogue, 4)
    refused = begun(catalogue.store_attachment(attachment(NOISE)))
    pool.go_on()
    with pytest.raises(StoreFull):
        result_of(refused)
    assert catalogue.attachment(attachment().identity, METADATA) is None


# -- what gathers before it is written ------------------------------------------------------------------------------


class Pauses:
    """Pauses that a test ends."""

    def __init__(self) -> None:
        self.begun: list[Deferred[None]] = []

    def __call__(self) -> Deferred[None]:
        self.begun.append(Deferred())
        return self.begun[-1]


def gathering(path: Path) -> tuple[SqlCatalogue, HeldPool, Pauses]:
    pool, pauses = HeldPool(), Pauses()
    return SqlCatalogue.open(path, writer=pool, pause=pauses), pool, pauses


def test_writes_that_nobody_waits_for_gather_until_the_pause_is_over(path: Path) -> None:
    catalogue, pool, pauses = gathering(path)
    for serial in range(5):
        catalogue.store_entry(entry(serial=serial))
    assert (pool.held, len(pauses.begun)) == (0, 1)
    pauses.begun[0].callback(None)
    assert pool.held == 1
    pool.go_on()
    assert catalogue.entry(ACME) == entry(serial=4)
    assert (pool.held, len(pauses.begun)) == (0, 1)


@pytest.mark.parametrize("first", [True, False], ids=["alone", "behind others"])
def test_a_write_that_has_to_last_ends_the_pause_and_takes_along_what_came_before_it(path: Path, first: bool) -> None:
    catalogue, pool, pauses = gathering(path)
    if not first:
        catalogue.store_entry(entry())
    lasting = begun(catalogue.store_setting("offline", "on"))
    assert (pool.held, len(pauses.begun)) == (1, 0 if first else 1)
    pool.go_on()
    result_of(lasting)
    assert (catalogue.entry(ACME) is None) is first


def test_so_many_writes_wait_for_no_pause(path: Path) -> None:
    catalogue, pool, _pauses = gathering(path)
    for serial in range(MOST_AT_ONCE - 1):
        catalogue.store_entry(entry(serial=serial))
    assert pool.held == 0
    catalogue.store_entry(entry(serial=MOST_AT_ONCE))
    assert pool.held == 1


def test_closing_waits_for_no_pause(path: Path) -> None:
    catalogue, pool, _pauses = gathering(path)
    catalogue.store_entry(entry())
    closed = begun(catalogue.close())
    while pool.held:
        pool.go_on()
    result_of(closed)
    again = SqlCatalogue.open(path, writer=at_once)
    assert again.entry(ACME) == entry()
    result_of(again.close())
