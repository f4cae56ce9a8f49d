"""Hands uploads on to one tier, and brings back what the tier said: the only thing that this node ever changes there.

The uploader's own credentials go along, to the tier's own host and to no other; this node's never do.  It is sent once:
whether a tier has taken an upload whose answer was lost nobody can tell from here, so the uploader tries again.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from tiercache.interfaces import IPublishTarget, Pool, Tier, TierSaid, UploadForm
from tiercache.policy.hops import Hops
from tiercache.policy.retry import Fault
from tiercache.upstream.body import Body, let_go
from tiercache.upstream.failure import RAISED_BY_AGENTS, Unanswered, unanswered
from tiercache.upstream.requests import MOST_REDIRECTS, USER_AGENT, Reply, Requests
from tiercache.upstream.sent_form import SentForm, segments_of
from tiercache.upstream.target import Target

SLOWEST_BYTES_PER_S = 32 * 1024
"""A tier that takes an upload more slowly than this is given up in the end, if it always takes a little."""

LEAVINGS_S = 5.0
"""How long a tier that has answered before it had everything may go on taking the rest, or hang up."""

TEXT_BYTES = 64 * 1024
"""Of what a tier says no more is read."""

REASON_CHARACTERS = 200

_REPEATABLE = frozenset({307, 308})
_NO_WORD_OF_ITS_OWN = frozenset({502, 504, 508})
_PASSED_ON = ("WWW-Authenticate", "Retry-After")


@implementer(IPublishTarget)
@define(kw_only=True, eq=False)
class Uploads:
    """`target`: where the tier takes the upload form.  `requests` are those of the tier, over an agent that keeps no
    connection: one that had ended meanwhile would be told from a tier that is gone only by sending twice.

    `boundary` gives what no file contains, a new one each time.
    """

    requests: Requests
    target: Target
    pool: Pool
    boundary: Callable[[], str]

    @property
    def tier(self) -> Tier:
        """See `IPublishTarget`."""
        return self.requests.tier

    async def send(self, form: UploadForm, authorization: str | None, hops: Hops) -> TierSaid:
        target = self.target.bare()
        try:
            for _ in range(MOST_REDIRECTS + 1):
                reply = await self._exchange(target, form, authorization, hops)
                if reply.status not in _REPEATABLE or "location" not in reply.headers:
                    return await self._said(reply)
                target = self._redirected(reply, target)
            raise Unanswered(reason=f"it redirects more than {MOST_REDIRECTS} times")
        except Unanswered as failed:
            raise self.requests.unreachable(failed) from None

    async def _exchange(self, target: Target, form: UploadForm, authorization: str | None, hops: Hops) -> Reply:
        boundary = self.boundary()
        headers = Headers({"User-Agent": [USER_AGENT], "Accept": ["*/*"], "Accept-Encoding": ["identity"]})
        headers.setRawHeaders("Content-Type", [f"multipart/form-data; boundary={boundary}"])
        for name, value in ({} if self.requests.node_id is None else hops.headers_from(self.requests.node_id)).items():
            headers.setRawHeaders(name, [value])
        if authorization is not None:
            headers.setRawHeaders("Authorization", [authorization])
        patience = _Patience(clock=self.requests.clock)
        deadlines = self.requests.deadlines
        sent = SentForm(
            segments=segments_of(form, boundary),
            pool=self.pool,
            moved=lambda: patience.wait(deadlines.silence_s, "it took nothing more for {s:g} s"),
        )
        sent.ended.addCallback(
            lambda _: patience.wait(
                max(deadlines.silence_s, deadlines.first_byte_s), "it did not answer within {s:g} s"
            )
        )
        requested_at = self.requests.now()
        patience.wait(deadlines.first_byte_s, "no connection within {s:g} s")
        answered = self.requests.agent.request(b"POST", target.url.encode("ascii"), headers, sent)
        patience.begin(answered, whole_s=deadlines.whole_s + sent.length / SLOWEST_BYTES_PER_S)
        try:
            response = await answered
        except RAISED_BY_AGENTS as error:
            if sent.failure is not None:
                raise sent.failure from None
            if patience.lost is not None:
                raise Unanswered(reason=patience.lost, fault=Fault.SILENCE) from None
            raise unanswered(error) from None  # what it wraps could repeat what was sent
        finally:
            patience.end()
        await self._let_end(sent)
        return Reply.of(response, target=target, requested_at=requested_at, received_at=self.requests.now())

    async def _let_end(self, sent: SentForm) -> None:
        """A tier may answer before it has everything; the bytes are there only until this upload is over."""
        if not sent.ended.called:
            ended: Deferred[None] = Deferred()
            sent.ended.addCallback(lambda _: ended.callback(None) if not ended.called else None)
            ended.addTimeout(LEAVINGS_S, self.requests.clock, lambda _outcome, _timeout_s: sent.give_up())
            try:
                await ended
            except CancelledError:
                sent.give_up()
                raise

    async def _said(self, reply: Reply) -> TierSaid:
        """What a tier says of its own; raises Unanswered where something between here and there said it."""
        is_answer = (200 <= reply.status < 300 or 400 <= reply.status < 600) and reply.status != 407
        if not is_answer or reply.status in _NO_WORD_OF_ITS_OWN:
            raise self.requests.refused(reply)
        text = await _beginning(reply.response, self.requests.clock, reply)
        return TierSaid(
            status=reply.status,
            reason=_one_line(getattr(reply.response, "phrase", b"").decode("latin-1")),
            text=text,
            headers={name: value for name in _PASSED_ON if (value := reply.headers.get(name.lower())) is not None},
        )

    def _redirected(self, reply: Reply, target: Target) -> Target:
        let_go(reply.response, self.requests.clock)
        try:
            onward = target.join(reply.headers["location"])
        except ValueError as error:
            raise Unanswered(reason=f"it redirects to what cannot be asked: {error}") from None
        if onward.host != target.host:
            raise Unanswered(reason=f"it redirects uploads to {onward.host}, where credentials for it do not go")
        return onward


@define(kw_only=True)
class _Patience:
    """Cancels what is waited for when it takes too long; `lost` says then what did."""

    clock: IReactorTime
    lost: str | None = field(default=None, init=False)
    _waited_for: Deferred[IResponse] | None = field(default=None, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _whole: IDelayedCall | None = field(default=None, init=False)
    _latest: tuple[float, str] | None = field(default=None, init=False)

    def begin(self, waited_for: Deferred[IResponse], *, whole_s: float) -> None:
        """Wait for this, and for no longer than `whole_s` in all."""
        self._waited_for = waited_for
        self._whole = self.clock.callLater(whole_s, self._lose, f"it did not end within {whole_s:.0f} s")
        if self._latest is not None:
            self.wait(*self._latest)

    def wait(self, seconds: float, sentence: str) -> None:
        """Wait so long from now on, for the next thing to happen."""
        self._latest = (seconds, sentence)
        if self._waited_for is not None:
            _cancel(self._next)
            self._next = self.clock.callLater(seconds, self._lose, sentence.format(s=seconds))

    def end(self) -> None:
        """It has come, or never will."""
        self._waited_for = None
        _cancel(self._next)
        _cancel(self._whole)
        self._next = self._whole = None

    def _lose(self, sentence: str) -> None:
        waited_for, self._waited_for = self._waited_for, None
        if waited_for is not None:
            self.lost = sentence
            waited_for.cancel()


async def _beginning(response: IResponse, clock: IReactorTime, reply: Reply) -> str:
    """The beginning of what a tier says, as text; nothing of one in a coding that was not asked for."""
    if reply.headers.get("content-encoding", "identity").strip().lower() != "identity":
        let_go(response, clock)
        return ""
    body = Body(
        clock,
        silence_s=LEAVINGS_S,
        limit_bytes=2**63,
        reason_if_larger="",
        whole_s=LEAVINGS_S,
        ahead_bytes=TEXT_BYTES,
    )
    response.deliverBody(body)
    pieces = bytearray()
    try:
        while len(pieces) < TEXT_BYTES and (piece := await body.read()):
            pieces += piece
    except Unanswered:  # its status said enough
        pass
    finally:
        body.close()
    return bytes(pieces[:TEXT_BYTES]).decode("utf-8", "replace")


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[
        :REASON_CHARACTERS
    ]


def _cancel(call: IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
