"""Names are looked up once for everybody who needs them at the same moment."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.internet.task import Clock
from zope.interface import implementer

from tiercache.upstream.lookups import KEPT_S, Lookups, Receiver


@implementer(IHostnameResolver)
@define
class SlowNames:
    """A resolver whose answers the test gives."""

    asked: list[str] = field(factory=list)
    waiting: list[IResolutionReceiver] = field(factory=list)

    def resolveHostName(  # type: ignore[no-untyped-def]  # noqa: N802  # as Twisted's interface has it
        self, receiver, name, port=0, types=None, semantics="TCP"
    ) -> IHostResolution:
        self.asked.append(name)
        self.waiting.append(receiver)
        return None  # type: ignore[return-value]  # nobody looks at it

    def answer(self, *addresses: str) -> None:
        receiver = self.waiting.pop(0)
        for address in addresses:
            receiver.addressResolved(IPv4Address("TCP", address, 443))
        receiver.resolutionComplete()


@define
class Asking:
    """Looks a name up, and keeps what came of it."""

    lookups: Lookups
    found: list[str] = field(factory=list)
    is_complete: bool = False
    resolution: IHostResolution | None = None

    def about(self, name: str) -> Asking:
        self.resolution = self.lookups.resolveHostName(
            Receiver(
                resolved=lambda address: self.found.append(address.host),
                complete=lambda: setattr(self, "is_complete", True),
                began=lambda _: None,
            ),
            name,
            443,
        )
        return self


def test_twenty_that_need_a_name_at_once_share_one_lookup() -> None:
    names, clock = SlowNames(), Clock()
    lookups = Lookups(resolver=names, clock=clock)
    asking = [Asking(lookups).about("index.example") for _ in range(20)]
    other = Asking(lookups).about("files.example")
    names.answer("192.0.2.1", "192.0.2.2")
    assert names.asked == ["index.example", "files.example"]
    assert all(one.is_complete and one.found == ["192.0.2.1", "192.0.2.2"] for one in asking)
    assert not other.is_complete


def test_an_answer_is_used_for_a_short_while() -> None:
    names, clock = SlowNames(), Clock()
    lookups = Lookups(resolver=names, clock=clock)
    Asking(lookups).about("index.example")
    names.answer("192.0.2.1")
    clock.advance(KEPT_S - 1)
    assert Asking(lookups).about("index.example").found == ["192.0.2.1"]
    clock.advance(1)
    assert not Asking(lookups).about("index.example").is_complete
    assert len(names.asked) == 2


def test_a_name_that_was_not_found_is_looked_up_again() -> None:
    names = SlowNames()
    lookups = Lookups(resolver=names, clock=Clock())
    first = Asking(lookups).about("index.example")
    names.answer()
    assert first.is_complete
    second = Asking(lookups).about("index.example")
    names.answer("192.0.2.1")
    assert second.found == ["192.0.2.1"]


def test_one_that_no_longer_wants_to_know_is_told_nothing_and_the_others_are() -> None:
    names = SlowNames()
    lookups = Lookups(resolver=names, clock=Clock())
    gone, staying = Asking(lookups).about("index.example"), Asking(lookups).about("index.example")
    assert gone.resolution is not None
    gone.resolution.cancel()
    names.answer("192.0.2.1")
    assert (gone.is_complete, gone.found) == (False, [])
    assert staying.is_complete
