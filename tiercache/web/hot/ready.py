"""The ready table: answers by the exact target of a request, as bytes that one write sends.

It knows no policy.  Who puts an answer here says what it stands on (`IStanding`), which is looked at again whenever
what the node knows of its project has changed, within a second of any change of the store, and each minute.  Else only
what the answer says of the time is made anew, once a second: Date, Age, the rest of a lifetime.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache, partial

from attrs import define, evolve, field
from twisted.web.http import RESPONSES, datetimeToString
from twisted.web.http_headers import Headers

from tiercache.cache.knowledge import compartment_of
from tiercache.web.access_log import Told, plain_path, told_of
from tiercache.web.ageing import grown
from tiercache.web.answer import Answer, Current, IStanding, Variant
from tiercache.web.conditional import Slice
from tiercache.web.respond import stated_fields

LONGEST_TARGET = 512
"""Whoever makes longer ones up fills the table no faster."""

OVERHEAD_BYTES = 2048
"""What an answer takes beside its body, about: heads, targets, objects."""


@define(kw_only=True)
class Prepared:
    """One answer, ready for this very moment.

    `whole` is head and body of a GET, `head` what answers a HEAD and stands before a file.  `path` and `told` are for
    the log.
    """

    whole: bytes
    head: bytes
    etag: str
    answer: Answer
    standing: IStanding
    path: str
    told: Told
    _unmodified: Callable[[], bytes]
    _not_modified: bytes | None = field(default=None, init=False)

    @property
    def not_modified(self) -> bytes:
        """A 304, which is made when it is wanted."""
        if self._not_modified is None:
            self._not_modified = self._unmodified()
        return self._not_modified


@define
class _Place:
    """What was found when somebody looked, at `looked_at`, and `prepared` of it for [made_at, until].

    It is relied on as long as version and stamp are the same, and before `relied_until`.
    """

    standing: IStanding
    path: str
    weight: int
    compartment: int
    prepared: Prepared | None = None
    made_at: float = 0.0
    until: float = 0.0
    version: int = -1
    stamp: int | None = None
    found: Current | None = None
    looked_at: float = 0.0
    relied_until: float = 0.0


@define(kw_only=True)
class Ready:
    """At most `limit_bytes` of answers, the least recently used leaving first.

    `version` gives a number that is another one when what the node knows of a project in that compartment
    (`cache.knowledge`) has changed.  `stamp` gives another one when somebody may have changed the store, or None where
    nobody knows, and is asked once a second.  `now`: seconds since 1970.  `client_max_age_s`: as in `ageing.grown`.
    """

    _node_name: str
    _version: Callable[[int], int]
    _stamp: Callable[[], int | None]
    _now: Callable[[], float]
    _client_max_age_s: float
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
        places[standing.variant] = _Place(standing, plain_path(target), weight, compartment_of(standing.project))
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
        current = self._looked_at(place, now)
        if current is None:
            self._drop_from(places, place.standing.variant)
            if not places:
                del self._places[target]
            return None
        place.prepared = self._prepared(place, current)
        place.made_at = now
        place.until = min(_end_of_second(now), math.nextafter(min(now + current.steady_s, place.relied_until), now))
        return place.prepared

    def _looked_at(self, place: _Place, now: float) -> Current | None:
        """What the application would answer now: from what was found before, or by looking again."""
        stamp, version = self._stamp_at(now), self._version(place.compartment)
        is_known = stamp is not None and (version, stamp) == (place.version, place.stamp)
        if is_known and place.found is not None and place.looked_at <= now < place.relied_until:
            return grown(place.found, now - place.looked_at, self._client_max_age_s)
        found = place.found = place.standing.current()
        if found is not None:
            place.version, place.stamp, place.looked_at = version, stamp, now
            steady_s = math.inf if found.age_s is not None else found.steady_s
            place.relied_until = now + min(found.lasting_s, steady_s)
        return found

    def _stamp_at(self, now: float) -> int | None:
        if not self._stamped_from <= now <= self._stamped_until:
            self._stamped = self._stamp()
            self._stamped_from, self._stamped_until = now, _end_of_second(now)
        return self._stamped

    def _prepared(self, place: _Place, current: Current) -> Prepared:
        answer, date = current.answer, datetimeToString()
        head = head_of(answer, self._node_name, date)
        return Prepared(
            whole=head + answer.body if isinstance(answer.body, bytes) else head,
            head=head,
            unmodified=partial(head_of, current.not_modified, self._node_name, date),
            etag=answer.headers["ETag"],
            answer=answer,
            standing=place.standing,
            path=place.path,
            told=told_of(answer.outcome),
        )

    def _drop_from(self, places: dict[Variant, _Place], variant: Variant) -> None:
        place = places.pop(variant, None)
        if place is not None:
            self._held_bytes -= place.weight


def _end_of_second(now: float) -> float:
    """The last moment at which Date says what it says now."""
    return math.nextafter(math.floor(now) + 1.0, now)


def head_of(answer: Answer, node_name: str, date: bytes) -> bytes:
    """The head of an answer, as the stock channel writes it."""
    fields = {b"Server": b"tiercache", b"Date": date}
    for name, value in stated_fields(answer, node_name):
        fields[_spelled(name)] = value
    lines = [b"HTTP/1.1 %d %b\r\n" % (answer.status, RESPONSES[answer.status])]
    lines += [b"%b: %b\r\n" % (name, b" ".join(value.splitlines())) for name, value in fields.items()]
    return b"".join(lines) + b"\r\n"


@lru_cache(maxsize=256)
def _spelled(name: bytes) -> bytes:
    """The name of a field as Twisted writes it."""
    ((spelled, _),) = Headers({name: [b""]}).getAllRawHeaders()
    return spelled
