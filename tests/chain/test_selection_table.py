"""Who answers: all that can come of two tiers, as the table in `docs/chain.md` has it, and against the promises."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.settled import Settled
from tiercache.errors import TierUnreachable
from tiercache.interfaces import Reservation, StoredEntry
from tiercache.policy.entry import Head, Validators
from tiercache.policy.hops import LOOP
from tiercache.policy.selection import HERE
from tiercache.simple.model import File, Page
from tiercache.simple.names import normalise
from tiercache.simple.stored import dump_page
from tiercache.storage.memory import MemoryCatalogue

PAGE_OF_DOCS = Path(__file__).parents[2] / "docs" / "chain.md"
HEADINGS = ["Reserved", "Stored", "First tier", "Second tier", "The client gets"]

NUMPY = normalise("numpy")
TAG = '"unchanged"'

ANSWERS = ("present", "not-modified", "absent", "unreachable", "without-answer", "loop")
RESERVED = ("no", "by first", "by second", "here")
STORED = ("none", "first's", "first's, stale", "second's, stale", "absence")
BREAKERS = ("closed", "open")

MEANS = {
    "present": "has it",
    "not-modified": "has it",
    "absent": "absent",
    "unreachable": "down",
    "without-answer": "cannot say",
    "loop": "loops",
}


@frozen
class Case:
    """One combination; `answers` and `breakers` of the first tier and of the second."""

    reserved: str
    stored: str
    answers: tuple[str, str]
    breakers: tuple[str, str]

    @property
    def does(self) -> tuple[str, str]:
        """What the two tiers do, in the words of the table."""
        first, second = (
            "down" if breaker == "open" else MEANS[answer]
            for answer, breaker in zip(self.answers, self.breakers, strict=True)
        )
        return first, second

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table's columns are compared with, the last one left out."""
        return (self.reserved, self.stored, *self.does)

    def __str__(self) -> str:
        return "|".join((self.reserved, self.stored, *self.answers, *self.breakers))


CASES = [Case(*each) for each in product(RESERVED, STORED, product(ANSWERS, repeat=2), product(BREAKERS, repeat=2))]


def rows() -> list[list[str]]:
    """The rows of the table in the docs."""
    lines = [line.strip() for line in PAGE_OF_DOCS.read_text(encoding="utf-8").splitlines()]
    begin = lines.index("| " + " | ".join(HEADINGS) + " |") + 2
    end = next(number for number in range(begin, len(lines)) if not lines[number].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[begin:end]]


ROWS = rows()


def row_of(case: Case) -> int:
    """The first row that fits."""
    return next(
        number
        for number, row in enumerate(ROWS)
        if all(cell == "any" or have in cell.split(" or ") for cell, have in zip(row, case.cells, strict=False))
    )


# -- a node in such a case --------------------------------------------------------------------------------------


def tier(name: str, answer: str) -> ScriptedUpstream:
    etag = TAG if answer == "not-modified" else f'"of {name}"'
    made = scripted(
        name,
        silent="down" if answer == "unreachable" else None,
        loops=answer == "loop",
        cannot_say=answer == "without-answer",
        etag=etag,
    )
    if answer in {"present", "not-modified"}:
        listed(made, "numpy", (f"numpy-1.0+{name}.tar.gz", b"an archive"))
    return made


def catalogue(case: Case) -> MemoryCatalogue:
    stored = MemoryCatalogue()
    whose, _, state = case.stored.partition(", ")
    if case.stored == "absence":
        head = Head(tier="", requested_at=0, received_at=0)
        result_of(stored.store_entry(StoredEntry(project=NUMPY, head=head, body=None)))
    elif case.stored != "none":
        name = whose.removesuffix("'s")
        old = Page(project=NUMPY, files=(File(filename="numpy-0.1.tar.gz", url=f"https://{name}.example/old"),))
        head = Head(tier=name, requested_at=0, received_at=0, validators=Validators(etag=TAG))
        head = evolve(head, age_s=601.0 if state == "stale" else 0.0, reserved=case.reserved.startswith("by"))
        result_of(stored.store_entry(StoredEntry(project=NUMPY, head=head, body=dump_page(old))))
    if case.reserved == "here":
        own = Page(project=NUMPY, files=(File(filename="numpy-9.tar.gz", url="here:", hashes={"sha256": "0" * 64}),))
        result_of(stored.store_hosted(NUMPY, dump_page(own), [], 0.0))
    elif case.reserved != "no":
        announcing = case.reserved.removeprefix("by ")
        result_of(stored.store_reservation(Reservation(tier=announcing, epoch="e", names=(NUMPY,))))
    return stored


def node_in(case: Case) -> SmallNode:
    tiers = [tier(name, answer) for name, answer in zip(("first", "second"), case.answers, strict=True)]
    node = SmallNode(upstreams=tiers, catalogue=catalogue(case))
    for one, breaker in zip(tiers, case.breakers, strict=True):
        for _ in range(3 if breaker == "open" else 0):
            node.parts.chain.heard(one.tier.name, TierUnreachable(tier=one.tier.name, reason="down"))
    return node


def told(settled: Settled) -> str:
    """What the client gets, in the words of the table."""
    entry, outcome = settled.entry, settled.outcome
    if entry is None:
        return "508" if outcome.detail == LOOP else "503"
    if entry.page is None:
        return "404"
    if entry.head.tier == HERE:
        return "own page"
    if outcome.hit:
        return "the entry"
    if outcome.fwd == "stale" and outcome.fwd_status is None:
        return "the entry, stale"
    waiting = f", until {entry.head.instead_of} is back" if entry.head.instead_of is not None else ""
    return f"{entry.head.tier}'s page{waiting}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_answers_is_what_the_table_says_and_what_was_promised(case: Case) -> None:
    node = node_in(case)
    settled = result_of(node.parts.pages.settled(NUMPY, ANY))
    gets = told(settled)
    asked = [one.tier.name for one in node.upstreams for words in one.asked if words[0] == "page"]
    assert gets == ROWS[row_of(case)][-1]
    keeps_the_promises(case, gets, asked)
    kept = node.catalogue.entry(NUMPY)
    if gets.startswith(("first's page", "second's page")):
        assert kept is not None
        assert (kept.head.tier, kept.head.instead_of) == (gets[: gets.index("'")], "first" if "until" in gets else None)
    if gets in {"503", "508", "the entry", "the entry, stale"}:
        assert kept == catalogue(case).entry(NUMPY)


def keeps_the_promises(case: Case, gets: str, asked: list[str]) -> None:
    """What the design promises, whatever table is written: said again from its words, not from the code."""
    may_answer = {"no": ["first", "second"], "by first": ["first"], "by second": ["second"], "here": []}[case.reserved]
    does = dict(zip(("first", "second"), case.does, strict=True))
    entry_of = case.stored.partition("'")[0] if "'" in case.stored else None
    counts = entry_of in may_answer
    is_absent = case.stored == "absence" and case.reserved == "no"
    is_settled = case.reserved == "here" or is_absent or (case.stored == "first's" and counts)

    # A reserved name is asked of, and answered by, nobody else.
    assert set(asked) <= set(may_answer)
    assert all(f"{name}'s" not in gets for name in {"first", "second"} - {*may_answer})
    assert not gets.startswith("the entry") or counts
    # What is known here is not asked for, and no client waits for a tier that is known to be down.
    assert not (is_settled and asked)
    assert not any(case.breakers[("first", "second").index(name)] == "open" for name in asked)
    # Each is asked at most once, in order, and none after the one that answers.
    assert asked == [name for name in ("first", "second") if name in asked]
    if is_settled:
        return
    having = [name for name in may_answer if does[name] == "has it"]
    # Who announced a name and says that there is none has forgotten it.
    no_word = {"down", "cannot say", "loops"} | ({"absent"} if case.reserved.startswith("by") else set())
    silent = [name for name in may_answer if does[name] in no_word]
    if having:  # the first that has it answers alone, whatever the others do
        assert gets.startswith(f"{having[0]}'s page")
        assert asked[-1] == having[0]
        # ... and for good, unless one was passed over that ought to have answered.
        passed_over = [name for name in may_answer[: may_answer.index(having[0])] if name in silent]
        assert ("until" in gets) == any(does[name] != "loops" for name in passed_over)
    elif silent:  # never a 404 while a tier that may have it is unreachable; an entry before an error
        assert gets == "the entry, stale" if counts else gets in {"503", "508"}
        assert gets != "508" or all(does[name] == "loops" for name in silent)
        assert gets != "503" or any(does[name] != "loops" for name in silent)
    else:
        assert gets == "404"


def test_the_table_has_no_row_that_says_nothing() -> None:
    assert {row_of(case) for case in CASES} == set(range(len(ROWS)))


def test_the_table_uses_the_words_of_what_is_tested_and_no_others() -> None:
    words = [{"any", *RESERVED}, {"any", *STORED}, {"any", *MEANS.values()}, {"any", *MEANS.values()}]
    for row in ROWS:
        assert len(row) == len(HEADINGS)
        for cell, known in zip(row, words, strict=False):
            assert set(cell.split(" or ")) <= known, row
