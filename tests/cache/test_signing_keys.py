"""Keys of an issuer: kept, asked for anew when one is unknown, and never so often that it hurts."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.doubles.now import begun, result_of
from tiercache.access.signing_keys import SigningKey
from tiercache.cache.signing_keys import ASKED_EVERY_S, FRESH_S, STALE_S, SigningKeys
from tiercache.errors import IssuerUnreachable
from tiercache.interfaces import IIssuer


@implementer(IIssuer)
@define
class ScriptedIssuer:
    """Shows keys by these names; with none it does not answer.  `held` keeps it waiting."""

    shows: tuple[str, ...] = ("first",)
    asked: int = 0
    held: Deferred[None] | None = None
    url: str = "https://ci.example"

    async def keys(self) -> tuple[SigningKey, ...]:
        self.asked += 1
        if self.held is not None:
            await self.held
        if not self.shows:
            raise IssuerUnreachable(issuer=self.url, reason="connection refused")
        return tuple(SigningKey(key_id=name, algorithms=frozenset({"ES256"}), key=name) for name in self.shows)


@define
class Kept:
    """The keys of such an issuer, on fake time."""

    issuer: ScriptedIssuer = field(factory=ScriptedIssuer)
    clock: Clock = field(factory=Clock)
    keys: SigningKeys = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(1_000_000)
        self.keys = SigningKeys(issuer=self.issuer, now=self.clock.seconds)

    def named(self, key_id: str | None) -> list[str | None]:
        return [key.key_id for key in result_of(self.keys.named(key_id))]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_keys_are_asked_for_once_and_kept(kept: Kept) -> None:
    assert [kept.named("first"), kept.named("first")] == [["first"], ["first"]]
    assert kept.issuer.asked == 1


@pytest.mark.parametrize(("after_s", "asked"), [(FRESH_S - 0.1, 1), (FRESH_S, 2)])
def test_keys_are_asked_for_again_when_they_are_old(kept: Kept, after_s: float, asked: int) -> None:
    kept.named("first")
    kept.clock.advance(after_s)
    assert kept.named("first") == ["first"]
    assert kept.issuer.asked == asked


def test_key_that_is_new_is_found_when_a_token_names_it(kept: Kept) -> None:
    kept.named("first")
    kept.issuer.shows = ("first", "second")
    kept.clock.advance(ASKED_EVERY_S)
    assert kept.named("second") == ["second"]
    assert kept.named("first") == ["first"]
    assert kept.issuer.asked == 2


def test_key_that_was_withdrawn_is_gone_once_the_keys_are_asked_for_again(kept: Kept) -> None:
    kept.named("first")
    kept.issuer.shows = ("second",)
    kept.clock.advance(ASKED_EVERY_S)
    assert kept.named("second") == ["second"]
    assert kept.named("first") == []


def test_tokens_that_name_unknown_keys_make_no_flood(kept: Kept) -> None:
    kept.named("first")
    kept.clock.advance(ASKED_EVERY_S)
    assert [kept.named(f"made-up-{number}") for number in range(1000)] == [[]] * 1000
    assert kept.issuer.asked == 2
    kept.clock.advance(ASKED_EVERY_S - 0.1)
    kept.named("made-up")
    assert kept.issuer.asked == 2
    kept.clock.advance(0.1)
    kept.named("made-up")
    assert kept.issuer.asked == 3


def test_many_tokens_at_once_ask_once(kept: Kept) -> None:
    held: Deferred[None] = Deferred()
    kept.issuer.held = held
    outcomes: list[object] = []
    for _ in range(100):
        begun(kept.keys.named("first")).addBoth(outcomes.append)
    assert (kept.issuer.asked, outcomes) == (1, [])
    held.callback(None)
    assert len(outcomes) == 100
    assert all(isinstance(one, tuple) and one[0].key_id == "first" for one in outcomes)


def test_client_that_leaves_ends_the_question_for_nobody_else(kept: Kept) -> None:
    held: Deferred[None] = Deferred()
    kept.issuer.held = held
    first, second = begun(kept.keys.named("first")), begun(kept.keys.named("first"))
    first.addErrback(lambda failure: None)
    first.cancel()
    found: list[tuple[SigningKey, ...]] = []
    second.addCallback(found.append)
    held.callback(None)
    assert [key.key_id for key in found[0]] == ["first"]


def test_issuer_that_never_answered_is_unreachable_and_is_not_asked_for_each_token(kept: Kept) -> None:
    kept.issuer.shows = ()
    for _ in range(100):
        with pytest.raises(IssuerUnreachable, match="connection refused"):
            kept.named("first")
    assert kept.issuer.asked == 1
    kept.clock.advance(10)
    with pytest.raises(IssuerUnreachable) as caught:
        kept.named("first")
    assert caught.value.retry_after_s == ASKED_EVERY_S - 10
    kept.issuer.shows = ("first",)
    kept.clock.advance(ASKED_EVERY_S - 10)
    assert kept.named("first") == ["first"]


@pytest.mark.parametrize(("after_s", "is_used"), [(STALE_S - 0.1, True), (STALE_S, False)])
def test_old_keys_are_used_for_a_day_while_the_issuer_does_not_answer(
    kept: Kept, after_s: float, is_used: bool
) -> None:
    kept.named("first")
    kept.issuer.shows = ()
    kept.clock.advance(after_s)
    if is_used:
        assert kept.named("first") == ["first"]
    else:
        with pytest.raises(IssuerUnreachable):
            kept.named("first")


def test_unknown_key_is_not_refused_by_one_who_cannot_be_asked(kept: Kept) -> None:
    kept.named("first")
    kept.issuer.shows = ()
    kept.clock.advance(ASKED_EVERY_S)
    with pytest.raises(IssuerUnreachable):
        kept.named("second")
    assert kept.named("first") == ["first"]
    kept.issuer.shows = ("first",)
    kept.clock.advance(ASKED_EVERY_S)
    assert kept.named("second") == []


def test_clock_that_is_set_back_makes_nothing_fresh(kept: Kept) -> None:
    kept.named("first")
    kept.clock.rightNow -= 500_000
    assert kept.named("first") == ["first"]
    assert kept.issuer.asked == 2
