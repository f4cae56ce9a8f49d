"""Why an exchange with a tier came to nothing, in words for people and in words for the retry policy.

What Twisted raises becomes an `Unanswered` here, and nothing of it is repeated that could hold what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.web.client import RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed
from twisted.web.error import SchemeNotSupported

from tiercache.policy.retry import Fault

RAISED_BY_AGENTS = (
    CancelledError,
    ConnectBindError,
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    OSError,  # of a socket that came and went, which Twisted does not translate
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    SchemeNotSupported,
    SSL.Error,
    ValueError,  # names that no resolver can be asked for
)
"""What the Deferred of an agent's request may fail with."""


@frozen(kw_only=True, slots=False)
class Unanswered(Exception):
    """An exchange that gave nothing usable; `fault` is an HTTP status, a fault, or None where trying again is vain.

    `is_well`: the tier did answer, only it cannot say this.
    """

    reason: str
    fault: int | Fault | None = None
    retry_after_s: float | None = None
    is_well: bool = False


class AddressRefused(ConnectError):
    """A name resolved only to addresses that this node is not to connect to for its tier."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        super().__init__(string=f"{name} is at {address}")  # type: ignore[no-untyped-call]  # Twisted has no types here


class ProxyRefused(ConnectError):
    """A proxy did not open the tunnel that it was asked for."""

    def __init__(self, answer: str) -> None:
        super().__init__(string=answer)  # type: ignore[no-untyped-call]  # Twisted has no types here
        self.answer = answer


def unanswered(error: BaseException) -> Unanswered:
    """What an agent's failure means.  Raises CancelledError where it is only that this side gave up."""
    causes = list(_innermost(error))
    for cause in causes:
        if isinstance(cause, CancelledError | ConnectingCancelledError):
            raise CancelledError
    for cause in causes:
        match cause:
            case VerificationError():
                return Unanswered(reason="its TLS certificate is for another name")
            case SSL.Error():
                return Unanswered(reason=f"TLS failed: {_openssl_words(cause)}")
            case AddressRefused():
                return Unanswered(reason=f"{cause.name} is at a private address, and files-from does not declare it")
            case ProxyRefused():
                return Unanswered(reason=f"the proxy {cause.answer}")
            case DNSLookupError():
                return Unanswered(reason="its name is not known", fault=Fault.CONNECT)
            case Refused():
                return Unanswered(reason="connection refused", fault=Fault.CONNECT)
            case ConnectionTimedOut():
                return Unanswered(reason="no connection in time", fault=Fault.SILENCE)
            case ConnectError() | OSError():
                return Unanswered(reason="no connection", fault=Fault.CONNECT)
            case ConnectionClosed():
                return Unanswered(reason="the connection was lost", fault=Fault.BROKEN)
    return Unanswered(reason=f"no HTTP can be spoken with it ({type(causes[0]).__name__})")


def _innermost(error: BaseException) -> Iterator[BaseException]:
    """The errors that an error of twisted.web wraps, or itself."""
    reasons = getattr(error, "reasons", None)
    if not reasons:
        yield error
        return
    for reason in reasons:
        yield from _innermost(reason.value)


def _openssl_words(error: SSL.Error) -> str:
    """The last word of OpenSSL's own list of (library, function, reason)."""
    queue = error.args[0] if error.args else ()
    return str(queue[-1][-1]) if isinstance(queue, list | tuple) and queue else "the handshake broke off"
