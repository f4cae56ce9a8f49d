"""What one line of the answer to `POST /pages` means, in the words of `IUpstream.page`.

Pure but for the hashing of sidecars, and so of any length's cost: long lines are read in the pool.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from attrs import evolve, frozen
from msgspec.structs import replace

from tiercache.errors import PageUnusable, ProjectAbsent
from tiercache.policy.direct_urls import PRIVATE
from tiercache.policy.entry import Head, NotModified, Present, Validators
from tiercache.policy.freshness import GREATEST_SERIAL, LONGEST_DELTA_S, head_from_response
from tiercache.policy.hops import LOOP, NODE_ID
from tiercache.policy.news import Position
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import is_normal
from tiercache.simple.parse_json import read_json
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import LOOP_DETECTED
from tiercache.upstream.target import Target
from tiercache.wire import PageLine

EPOCH = re.compile(r"[!-~]{1,64}")
"""What the epoch of a journal may be."""

LONGEST_REASON = 200

_DECODER = msgspec.json.Decoder(PageLine)


@frozen(kw_only=True)
class _Named:
    name: str


@frozen(kw_only=True)
class _Promising:
    name: str
    follows: tuple[str, ...] = ()


_NAME_DECODER = msgspec.json.Decoder(_Named)
_PROMISE_DECODER = msgspec.json.Decoder(_Promising)


@frozen(kw_only=True)
class Exchange:
    """The exchange that a line came in: `root` is the node's, times are in seconds since 1970."""

    tier: str
    root: Target
    reach: Reach
    requested_at: float
    received_at: float


@frozen(kw_only=True)
class ReadLine:
    """Whose line it was, and what came of it; `refused` are the files of its page that may not be fetched.

    `follows` are the projects whose lines it promises.
    """

    name: str
    outcome: Present | NotModified | ProjectAbsent | Unanswered
    refused: tuple[File, ...] = ()
    follows: tuple[ProjectName, ...] = ()


def read_line(data: bytes, exchange: Exchange, etags: Mapping[ProjectName, str | None]) -> ReadLine:
    """Read a line; `etags` are those that were sent, by the projects that were asked for.  Blocking.

    Raises Unanswered where it cannot be told whose line it is, or nobody asked for it.
    """
    try:
        line = _DECODER.decode(data)
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        return ReadLine(name=_asked_for(_name_in(data), etags), outcome=Unanswered(reason="its line cannot be read"))
    except msgspec.MsgspecError:
        raise Unanswered(reason="it sent a line that is no JSON") from None
    project = ProjectName(_asked_for(line.name, etags))
    match line.status:
        case "page":
            return _page(line, project, exchange)
        case "not-modified" if etags[project] is None:
            lie = Unanswered(reason="it says that nothing changed since it was never asked")
            return ReadLine(name=project, outcome=lie)
        case "not-modified":
            unchanged = NotModified(head=_head(line, exchange), cache_status=line.cache_status)
            return ReadLine(name=project, outcome=unchanged)
        case "absent":
            return ReadLine(name=project, outcome=ProjectAbsent(project=project))
        case "forbidden":
            return ReadLine(
                name=project, outcome=Unanswered(reason=f"it does not let this node read {project}", is_well=True)
            )
        case "unavailable":
            return ReadLine(name=project, outcome=_unavailable(line))


def promise_in(data: bytes) -> tuple[ProjectName, tuple[ProjectName, ...]]:
    """Whose line it is, and which it promises; nothing else of it is looked at.  Raises Unanswered."""
    try:
        promising = _PROMISE_DECODER.decode(data)
        return ProjectName(promising.name), _promised(promising.follows)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ProjectName(_name_in(data)), ()


def _promised(names: Iterable[str]) -> tuple[ProjectName, ...]:
    """The names in what a line says follows it that are names."""
    return tuple(ProjectName(name) for name in names if is_normal(name))


def _name_in(data: bytes) -> str:
    try:
        return _NAME_DECODER.decode(data).name
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unanswered(reason="it sent a line of nobody knows whom") from None


def _asked_for(name: str, asked: Iterable[str]) -> str:
    if name not in asked:
        raise Unanswered(reason="it sent a line for a project that it was not asked for")
    return name


def _unavailable(line: PageLine) -> Unanswered:
    if line.reason == LOOP:
        return Unanswered(reason=LOOP, fault=LOOP_DETECTED)
    told = "".join(char if char.isprintable() else "?" for char in (line.reason or "")[:LONGEST_REASON])
    reason = f"its own tiers do not answer ({told})" if told else "its own tiers do not answer"
    retry_after_s = None if line.retry_after_s is None else _seconds(line.retry_after_s)
    return Unanswered(reason=reason, retry_after_s=retry_after_s, is_well=True)


def _page(line: PageLine, project: ProjectName, exchange: Exchange) -> ReadLine:
    url = exchange.root.join(f"simple/{project}/").url
    try:
        parsed = read_json(line.page, url=url, project=project)
    except PageUnusable as unusable:
        unreadable = Unanswered(reason=f"it sent no project page: {unusable.reason}")
        return ReadLine(name=project, outcome=unreadable, follows=_promised(line.follows))
    admitted, refused = exchange.reach.split(parsed.page.files)
    admitted = _marked(admitted, line.page)
    page = evolve(parsed.page, files=admitted)
    head = _head(line, exchange)
    if head.serial is None:
        head = evolve(head, serial=parsed.serial)
    follows = _promised(line.follows)
    present = Present(
        page=page,
        head=head,
        cache_status=line.cache_status,
        sidecars=_verified(line.sidecars, page.files),
        follows=follows,
    )
    return ReadLine(name=project, outcome=present, refused=refused, follows=follows)


def _head(line: PageLine, exchange: Exchange) -> Head:
    """The head of a page; what makes no sense counts as absent, and is brought into its range, as in headers."""
    named = {} if line.etag is None else {"etag": line.etag}
    etag = head_from_response(tier="", headers=named, requested_at=0, received_at=0).validators.etag
    has_serial = line.serial is not None and 0 <= line.serial <= GREATEST_SERIAL
    has_place = EPOCH.fullmatch(line.epoch) is not None and 0 <= line.at <= GREATEST_SERIAL
    return Head(
        tier=exchange.tier,
        requested_at=exchange.requested_at,
        received_at=exchange.received_at,
        # No Date: a line's age is told by the node itself, so that the clocks of the two are never compared.
        age_s=_seconds(line.age_s),
        lifetime_s=None if line.lifetime_s is None else _seconds(line.lifetime_s),
        storable=line.storable,
        validators=Validators(etag=etag),
        serial=line.serial if has_serial else None,
        at=Position(epoch=line.epoch, serial=line.at) if has_place else None,
        home=line.home if has_place and NODE_ID.fullmatch(line.home or "") else None,
        reserved=line.reserved,
    )


def _verified(sidecars: Mapping[str, str], files: Iterable[File]) -> Mapping[str, bytes]:
    """Those that a file of the page claims, and that are what their digests say."""
    if not sidecars:
        return {}
    claimed = {
        file.core_metadata["sha256"]
        for file in files
        if isinstance(file.core_metadata, Mapping) and "sha256" in file.core_metadata
    }
    encoded = {sha256: text.encode() for sha256, text in sidecars.items() if sha256 in claimed}
    return {sha256: data for sha256, data in encoded.items() if hashlib.sha256(data).hexdigest() == sha256}


def _marked(files: tuple[File, ...], page: Mapping[str, Any]) -> tuple[File, ...]:
    """The files of a page, those marked that the node calls private: its word on that counts, and no other's."""
    listed = page.get("files", ())
    private = {item.get("filename") for item in listed if isinstance(item, Mapping) and item.get(PRIVATE) is True}
    if not private:
        return files
    return tuple(
        replace(file, extra={**file.extra, PRIVATE: True}) if file.filename in private else file for file in files
    )


def _seconds(given: float) -> float:
    return min(max(0.0, given), float(LONGEST_DELTA_S)) if math.isfinite(given) else float(LONGEST_DELTA_S)
