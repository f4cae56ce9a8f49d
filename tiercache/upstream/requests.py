"""Requests to one tier: redirects within rules, deadlines, retries where they are safe.

Spoken over an `IAgent` and not over treq's `HTTPClient`, which asks for gzip whatever it is told, decodes it without a
bound, and so would unpack a `.tar.gz` on its way.  What an answer means is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NoReturn, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse

from tiercache import __version__
from tiercache.cache.kept import Kept
from tiercache.errors import FileRefused, LoopFound, TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import Tier
from tiercache.policy.cache_status import tells
from tiercache.policy.direct_urls import NOT_ADMITTED
from tiercache.policy.hops import LOOP, NONE_YET, Hops
from tiercache.policy.retry import Fault, RetryRules, is_retryable, retry_delay_s
from tiercache.upstream.body import body_of, let_go, read_whole
from tiercache.upstream.credentials import Credentials
from tiercache.upstream.failure import RAISED_BY_AGENTS, Unanswered, unanswered
from tiercache.upstream.reach import Reach
from tiercache.upstream.sent_bytes import SentBytes
from tiercache.upstream.target import Host, Target

T = TypeVar("T")

log = Logger()

ASKED_AT_ONCE = 50
"""How many requests to one tier may wait for the head of their answer: as many as uv has under way by itself.  A
resolver that asks for hundreds of pages in one moment would otherwise open hundreds of connections, and the last of
them would come too late for their deadlines."""

KEPT_FIELDS = 32
"""How many sets of fields are kept that requests have: most have one of three, and conditional ones their own."""

MOST_REDIRECTS = 5
LONGEST_REFUSAL_BYTES = 4096
SEE_OTHER = 303
LOOP_DETECTED = 508  # RFC 5842 section 7.2
_REDIRECTS = frozenset({301, 302, SEE_OTHER, 307, 308})
_OF_A_NODE = frozenset({503, 504})
USER_AGENT = f"tiercache/{__version__}"


@frozen(kw_only=True)
class Deadlines:
    """In seconds.  `first_byte_s`: from a request's start to the head of its answer, connecting included.
    `silence_s`: between two pieces of a body.  `whole_s`: for all of a page, sidecar or range, with its retries.
    """

    first_byte_s: float = 10.0
    silence_s: float = 30.0
    whole_s: float = 60.0


@frozen(kw_only=True)
class Reply:
    """The head of an answer; `target` is where it came from after all redirects.

    `headers`: lower-case names, several values joined by ", ".  `length_bytes` of the body to come, or None.
    Times in seconds since 1970.
    """

    status: int
    headers: Mapping[str, str]
    length_bytes: int | None
    target: Target
    response: IResponse
    requested_at: float
    received_at: float

    @classmethod
    def of(cls, response: IResponse, *, target: Target, requested_at: float, received_at: float) -> Reply:
        """The head of a response."""
        return cls(
            status=response.code,
            headers={
                name.decode("ascii", "replace").lower(): b", ".join(values).decode("latin-1")
                for name, values in response.headers.getAllRawHeaders()
            },
            length_bytes=None if response.length is UNKNOWN_LENGTH else response.length,
            target=target,
            response=response,
            requested_at=requested_at,
            received_at=received_at,
        )


@define(kw_only=True)
class Requests:
    """`now` gives seconds since 1970, `jitter` a number in [0, 1).

    `node_id` names this node in every request, after what the request has passed before it; None names none.
    """

    tier: Tier
    agent: IAgent
    clock: IReactorTime
    now: Callable[[], float]
    jitter: Callable[[], float]
    reach: Reach
    credentials: Credentials = field(factory=Credentials)
    deadlines: Deadlines = field(factory=Deadlines)
    retries: RetryRules = field(factory=RetryRules)
    node_id: str | None = None
    _hops: Hops = field(default=NONE_YET, init=False)
    _sent: Kept[tuple[Host, tuple[tuple[str, str], ...], str | None, Hops], Headers] = field(
        factory=lambda: Kept(limit=KEPT_FIELDS, weigh=lambda _: 1), init=False
    )
    _turns: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(tokens=ASKED_AT_ONCE), init=False)

    @property
    def hops(self) -> Hops:
        """What the request has passed before this node."""
        return self._hops

    def behind(self, hops: Hops) -> Requests:
        """The same, for one request that has passed `hops`."""
        behind = copy(self)
        behind._hops = hops
        return behind

    async def ask(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        follow: bool = True,
    ) -> Reply:
        """Send one request, and return the head of its answer, whatever its status; `follow` its redirects.

        Credentials go to their own host only, and not again once a redirect has left it.  A body is sent again where a
        redirect leads, but for a 303, which asks for something else (RFC 9110 §15.4.4).  Raises Unanswered.
        """
        authorization = self.credentials.authorization(target)
        for _ in range(MOST_REDIRECTS + 1):
            await self._my_turn()
            try:
                reply = await self._exchange(method, target, headers, authorization, body)
            finally:
                self._turns.release()
            location = reply.headers.get("location")
            if not follow or reply.status not in _REDIRECTS or location is None:
                return reply
            if reply.status == SEE_OTHER and body is not None:
                return reply
            let_go(reply.response, self.clock)
            onward = self._redirected(target, location)
            if onward.host != target.host:
                authorization = authorization and self.credentials.authorization(onward)
            target = onward
        raise Unanswered(reason=f"it redirects more than {MOST_REDIRECTS} times")

    async def in_time(self, method: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """As `with_retries`, all of it within `Deadlines.whole_s`.  Raises TierUnreachable."""

        def late(_outcome: object, timeout_s: float) -> NoReturn:
            raise TierUnreachable(tier=self.tier.name, reason=f"it did not end within {timeout_s:g} s")

        ended = Deferred.fromCoroutine(self.with_retries(method, attempt))
        return await ended.addTimeout(self.deadlines.whole_s, self.clock, late)

    async def with_retries(self, method: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try, and again where `policy.retry` says so.  Raises TierUnreachable, and what else the attempt raises."""
        tries = 0
        while True:
            tries += 1
            try:
                return await attempt()
            except Unanswered as failed:
                delay_s = None
                if failed.fault is not None and is_retryable(
                    method, failed.fault, retry_after_s=failed.retry_after_s, rules=self.retries
                ):
                    delay_s = retry_delay_s(tries, self.retries, failed.retry_after_s, self.jitter())
                if delay_s is None:
                    raise self.unreachable(failed) from None
            await deferLater(self.clock, delay_s)

    def unreachable(self, failed: Unanswered) -> TierUnreachable:
        """The domain's word for a failed exchange."""
        if failed.fault == LOOP_DETECTED:
            return LoopFound(tier=self.tier.name, reason=failed.reason)
        if failed.is_well:
            return TierWithoutAnswer(tier=self.tier.name, reason=failed.reason, retry_after_s=failed.retry_after_s)
        return TierUnreachable(
            tier=self.tier.name,
            reason=failed.reason,
            retry_after_s=failed.retry_after_s,
            has_answered=isinstance(failed.fault, int),
        )

    def refused(self, reply: Reply) -> Unanswered:
        """What an answer of no use means by its status; its body is let go."""
        let_go(reply.response, self.clock)
        if reply.status in {401, 403, 407}:
            # 407 is the proxy's: it says nothing of the tier.  A token may have expired, or one project be forbidden.
            return Unanswered(reason=f"credentials refused (it answered {reply.status})", is_well=reply.status != 407)
        retry_after_s = _retry_after_s(reply.headers.get("retry-after"), self.now())
        if reply.status in _OF_A_NODE and "cache-status" in reply.headers:
            # A node says by it what became of the request (RFC 9211): it is well, its own tiers are not.
            reason = f"its own tiers do not answer (it answered {reply.status})"
            return Unanswered(reason=reason, retry_after_s=retry_after_s, is_well=True)
        return Unanswered(
            reason=LOOP if reply.status == LOOP_DETECTED else f"it answered {reply.status}",
            fault=reply.status,
            retry_after_s=retry_after_s,
        )

    async def check_admitted(self, reply: Reply, filename: str) -> None:
        """Raises FileRefused, with the tier's own words, where it is a node that does not give this file out."""
        if reply.status != 403 or not tells(reply.headers.get("cache-status"), NOT_ADMITTED):
            return
        body = body_of(
            reply.response,
            self.clock,
            silence_s=self.deadlines.silence_s,
            limit_bytes=LONGEST_REFUSAL_BYTES,
            reason_if_larger="it says more than anybody reads of why it refuses a file",
        )
        words = " ".join((await read_whole(body)).decode("utf-8", "replace").split())
        plain = "".join(char if char.isprintable() else "?" for char in words)
        reason = plain.removeprefix(f"{filename} is not given out: ").removesuffix(".") or "it does not give it out"
        raise FileRefused(filename=filename, reason=f"tier {self.tier.name} says: {reason}")

    async def _my_turn(self) -> None:
        """Wait until few enough requests are under way; a tier that answers none of them is not waited for twice."""

        def late(_outcome: object, timeout_s: float) -> NoReturn:
            raise Unanswered(reason=f"{ASKED_AT_ONCE} requests before this one had no answer within {timeout_s:g} s")

        turn = self._turns.acquire()
        await (turn if turn.called else turn.addTimeout(self.deadlines.first_byte_s, self.clock, late))

    async def _exchange(
        self, method: str, target: Target, headers: Mapping[str, str], authorization: str | None, body: bytes | None
    ) -> Reply:
        sent = self._fields(target, headers, authorization)

        def late(_outcome: object, timeout_s: float) -> NoReturn:
            raise Unanswered(reason=f"it did not answer within {timeout_s:g} s", fault=Fault.SILENCE)

        requested_at = self.now()
        try:
            producer = None if body is None else SentBytes(content=body)
            answered = self.agent.request(method.encode("ascii"), target.url.encode("ascii"), sent, producer)
            response = await answered.addTimeout(self.deadlines.first_byte_s, self.clock, late)
        except RAISED_BY_AGENTS as error:
            raise unanswered(error) from None  # what it wraps could repeat what was sent
        except Unanswered:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the client stumbles over, its traceback is logged
            # A tier that its client stumbles over is asked no more for now, as one that does not answer.
            log.failure("asking {host} failed in a way that was not foreseen", host=target.host.name)
            raise Unanswered(reason=f"it could not be asked ({type(error).__name__})", fault=Fault.CONNECT) from None
        return Reply.of(response, target=target, requested_at=requested_at, received_at=self.now())

    def _fields(self, target: Target, headers: Mapping[str, str], authorization: str | None) -> Headers:
        """The fields of a request, the same for many: no agent changes those that it is given."""
        key = (target.host, tuple(headers.items()), authorization, self._hops)
        sent = self._sent.get(key)
        if sent is None:
            passed = {} if self.node_id is None else self._hops.headers_from(self.node_id)
            # Without a Host an agent would copy them all, to add it.
            stated = {"User-Agent": USER_AGENT, "Host": target.host.authority, **headers, **passed}
            sent = Headers({name: [value] for name, value in stated.items()})
            if authorization is not None:
                sent.setRawHeaders("Authorization", [authorization])
            self._sent.put(key, sent)
        return sent

    def _redirected(self, target: Target, location: str) -> Target:
        try:
            onward = target.join(location)
        except ValueError as error:
            raise Unanswered(reason=f"it redirects to what cannot be asked: {error}") from None
        if target.host.scheme == "https" and onward.host.scheme == "http":
            raise Unanswered(reason="it redirects from https to http")
        if not self.reach.admits_url(onward.url):
            raise Unanswered(reason="it redirects to a private address, and files-from does not declare it")
        return onward


def _retry_after_s(text: str | None, now: float) -> float | None:
    """Retry-After in seconds from now (RFC 9110 §10.2.3), given as seconds or as a date; None for what is neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
        # A form without a zone means GMT, as HTTP dates always do.
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
