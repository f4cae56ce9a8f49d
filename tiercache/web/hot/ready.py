"""The ready table: answers by the exact target of a request, as bytes that one write sends.

It knows no policy.  Who puts an answer here says what it stands on (`IStanding`), which is asked again whenever what
the node knows of its project has changed, or what the answer says of the time (Age, the rest of a lifetime), and within
a second of any change of the store.  Else only its Date is made anew, once a second.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, evolve, field, frozen
from twisted.web.http import RESPONSES, datetimeToString
from twisted.web.http_headers import Headers

from tiercache.cache.knowledge import compartment_of
from tiercache.web.access_log import Told, plain_path, told_of
from tiercache.web.answer import Answer, Current, IStanding, Variant
from tiercache.web.conditional import Slice
from tiercache.web.respond import stated_fields

LONGEST_TARGET = 512
"""Whoever makes longer ones up fills the table no faster."""

LOOKED_AT_S = 60.0
"""For so long, at most, an answer is given that nothing has outdated before it is looked at again."""

OVERHEAD_BYTES = 2048
"""What an answer takes beside its body, about: heads, targets, objects."""


@frozen(kw_only=True)
class Prepared:
    """One answer, ready for the second that begins with `date`.

    `whole` is head and body of a GET, `head` what answers a HEAD and stands before a file, `not_modified` a 304.
    `path` and `told` are for the log.
    """

    date: bytes
    whole: bytes
    head: bytes
    not_modified: bytes
    body: bytes
    etag: str
    answer: Answer
    standing: IStanding
    path: str
    told: Told

    def at(self, date: bytes) -> Prepared:
        """The same in another second."""
        head = _dated(self.head, self.date, date)
        return Prepared(
            date=date,
            whole=head + self.body,
            head=head,
            not_modified=_dated(self.not_modified, self.date, date),
            body=self.body,
            etag=self.etag,
            answer=self.answer,
            standing=self.standing,
            path=self.path,
            told=self.told,
        )


@define
class _Place:
    """`made_at` and `until`: of `prepared`; `looked_at` and `steady_until`: of what it says but for its Date."""

    standing: IStanding
    weight: int
    compartment: int
    prepared: Prepared | None = None
    version: int = -1
    stamp: int | None = None
    made_at: float = 0.0
    until: float = 0.0
    looked_at: float = 0.0
    steady_until: float = 0.0


@define(kw_only=True)
class Ready:
    """At most `limit_bytes` of answers, the least recently used leaving first.

    `version` gives a number that is another one when what the node knows of a project in that compartment
    (`cache.knowledge`) has changed.  `stamp` gives another one when somebody may have changed the store, or None where
    nobody knows, and is asked once a second.  `now`: seconds since 1970.
    """

    _node_name: str
    _version: Callable[[int], int]
    _stamp: Callable[[], int | None]
    _now: Callable[[], float]
    _limit_bytes: int
    _places: OrderedDict[bytes, dict[Variant, _Place]] = field(factory=OrderedDict, init=False)
    _held_bytes: int = field(default=0, init=False)
    _stamped: int | None = field(default=None, init=False)
    _stamped_from: float = field(default=0.0, init=False)
    _stamped_until: float = field(default=0.0, init=False)

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""
        return self._held_bytes

    def __contains__(self, target: bytes) -> bool:
        return target in self._places

    def keep(self, target: bytes, standing: IStanding) -> None:
        """From now on this is what is answered to who asks for the target, in this variant."""
        weight = 2 * standing.size_bytes + OVERHEAD_BYTES
        if len(target) > LONGEST_TARGET or weight > self._limit_bytes:
            return
        places = self._places.setdefault(target, {})
        self._drop_from(places, standing.variant)
        places[standing.variant] = _Place(standing, weight, compartment_of(standing.project))
        self._held_bytes += weight
        self._places.move_to_end(target)
        while self._held_bytes > self._limit_bytes:
            _, oldest = self._places.popitem(last=False)
            self._held_bytes -= sum(place.weight for place in oldest.values())

    def find(self, target: bytes, variant: Variant) -> Prepared | None:
        """What the application would answer now, if that is ready; in the variant, or in the only one."""
        places = self._places.get(target)
        if places is None:
            return None
        place = places.get(variant) or places.get(None)
        if place is None:
            return None
        self._places.move_to_end(target)
        now = self._now()
        if place.version == self._version(place.compartment) and place.made_at <= now <= place.until:
            return place.prepared
        return self._made_anew(target, places, place, now)

    def head_of_part(self, prepared: Prepared, part: Slice) -> bytes:
        """The head before a part of a file (RFC 9110 section 15.3.7)."""
        whole = prepared.answer
        fields = {**whole.headers, "Content-Range": f"bytes {part.start}-{part.stop - 1}/{whole.length}"}
        answer = evolve(whole, status=206, headers=fields, length=part.stop - part.start)
        return head_of(answer, self._node_name, datetimeToString())

    def _made_anew(self, target: bytes, places: dict[Variant, _Place], place: _Place, now: float) -> Prepared | None:
        stamp = self._stamp_at(now)
        version = self._version(place.compartment)
        has_changed = stamp is None or (version, stamp) != (place.version, place.stamp)
        if place.prepared is None or has_changed or not place.looked_at <= now < place.steady_until:
            current = place.standing.current()
            if current is None:
                self._drop_from(places, place.standing.variant)
                if not places:
                    del self._places[target]
                return None
            place.prepared = self._prepared(target, place.standing, current)
            place.version, place.stamp = version, stamp
            place.looked_at, place.steady_until = now, now + min(current.steady_s, LOOKED_AT_S)
        else:
            place.prepared = place.prepared.at(datetimeToString())
        place.made_at, place.until = now, min(_end_of_second(now), math.nextafter(place.steady_until, now))
        return place.prepared

    def _stamp_at(self, now: float) -> int | None:
        if not self._stamped_from <= now <= self._stamped_until:
            self._stamped = self._stamp()
            self._stamped_from, self._stamped_until = now, _end_of_second(now)
        return self._stamped

    def _prepared(self, target: bytes, standing: IStanding, current: Current) -> Prepared:
        date = datetimeToString()
        head = head_of(current.answer, self._node_name, date)
        body = current.answer.body if isinstance(current.answer.body, bytes) else b""
        return Prepared(
            date=date,
            whole=head + body,
            head=head,
            not_modified=head_of(current.not_modified, self._node_name, date),
            body=body,
            etag=current.answer.headers["ETag"],
            answer=current.answer,
            standing=standing,
            path=plain_path(target),
            told=told_of(current.answer.outcome),
        )

    def _drop_from(self, places: dict[Variant, _Place], variant: Variant) -> None:
        place = places.pop(variant, None)
        if place is not None:
            self._held_bytes -= place.weight


def _end_of_second(now: float) -> float:
    """The last moment at which Date says what it says now."""
    return math.nextafter(math.floor(now) + 1.0, now)


def _dated(head: bytes, old: bytes, new: bytes) -> bytes:
    """A head of `head_of` with another Date, which is the first that stands in it."""
    return head.replace(b"Date: " + old, b"Date: " + new, 1)


def head_of(answer: Answer, node_name: str, date: bytes) -> bytes:
    """The head of an answer, as the stock channel writes it."""
    fields = Headers()
    fields.setRawHeaders(b"Server", [b"tiercache"])
    fields.setRawHeaders(b"Date", [date])
    for name, value in stated_fields(answer, node_name):
        fields.setRawHeaders(name, [value])
    lines = [b"HTTP/1.1 %d %b\r\n" % (answer.status, RESPONSES[answer.status])]
    lines += [b"%b: %b\r\n" % (name, value) for name, values in fields.getAllRawHeaders() for value in values]
    return b"".join(lines) + b"\r\n"
