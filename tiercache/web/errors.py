"""The one table from an error to a status, and to what a client is told.

Everything that tiercache foresaw has its row; the last resort tells a client nothing, and the log everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from attrs import evolve
from twisted.logger import Logger
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from tiercache.errors import (
    BodyStalled,
    BodyTooLarge,
    ControlTokenNeeded,
    CredentialsNeeded,
    CredentialsWrong,
    CrossSite,
    DigestMismatch,
    FileAbsent,
    FileDeleted,
    FilenameTaken,
    FileRefused,
    IdentityRefused,
    InvalidName,
    IssuerUnreachable,
    LengthMismatch,
    NameElsewhere,
    NotForTier,
    NothingToRestore,
    NoTierAnswered,
    NotPromoted,
    NotStored,
    PageUnusable,
    PermissionMissing,
    ProjectAbsent,
    ProjectClosed,
    ProjectHasFiles,
    RangesUnsupported,
    ReleaseAbsent,
    RequestMalformed,
    SidecarUnavailable,
    StoreFull,
    StoreUnusable,
    TiercacheError,
    TierUnreachable,
    TokenAbsent,
    TooLarge,
    TooManyFailures,
    TooManyLogins,
    TooManyTokens,
    UploadRefused,
    UploadsRefused,
    UploadTooLarge,
)
from tiercache.errors.prefetch import JobAbsent, ResolverFailed, Unresolvable, WantedUnusable
from tiercache.policy.cache_status import Outcome
from tiercache.policy.direct_urls import NOT_ADMITTED
from tiercache.policy.hops import LOOP
from tiercache.web.answer import Answer, problem, text
from tiercache.web.refusals import TRUSTED_PUBLISHING, refused_requirements, refused_token
from tiercache.web.upload_paths import REQUIREMENTS_PATH

RETRY_AFTER_S = 10.0  # where a tier did not say: about when its breaker lets the next probe through

CHALLENGE = 'Basic realm="tiercache", charset="UTF-8"'  # RFC 7617; a token goes as the password of `__token__`

log = Logger()


def status_of(error: TiercacheError, only_if_cached: bool) -> int:
    """The status of a foreseen error; `only_if_cached`: the client itself forbade to forward."""
    match error:
        case InvalidName() | ProjectAbsent() | FileAbsent() | SidecarUnavailable() | TokenAbsent():
            return 404
        case ReleaseAbsent() | NothingToRestore() | JobAbsent():
            return 404
        case CredentialsNeeded() | CredentialsWrong() | ControlTokenNeeded():
            return 401
        case NameElsewhere() | NotForTier() | UploadsRefused():
            return 403  # not 409: `twine --skip-existing` would take it for published
        case PermissionMissing() | CrossSite() | FileRefused():
            return 403
        case BodyTooLarge():
            return 413
        case BodyStalled():
            return 408
        case TooManyFailures():
            return 429  # RFC 6585 section 4
        case TooManyTokens():
            return 409
        case NotStored():
            return 504 if only_if_cached else 404  # RFC 9111 section 5.2.1.7
        case NoTierAnswered() | TierUnreachable() if error.reason == LOOP:
            return 508  # not 503: this node is well, and its children are not to take it for down
        case NoTierAnswered() | TierUnreachable() | StoreUnusable() | TooManyLogins() | IssuerUnreachable():
            return 503
        case ResolverFailed():
            return 503
        case IdentityRefused():
            return 422
        case Unresolvable():
            return 422
        case UploadRefused() | RequestMalformed() | WantedUnusable():
            return 400
        case ProjectClosed():
            return 403  # PEP 792: it takes no uploads; as above
        case FilenameTaken() | FileDeleted() | ProjectHasFiles() | NotPromoted():
            return 409  # the one status by which clients know what exists already
        case UploadTooLarge():
            return 413
        case DigestMismatch() | LengthMismatch() | PageUnusable() | RangesUnsupported() | TooLarge():
            return 502
        case StoreFull():
            return 507
        case _:
            return 500


def outcome_of(error: TiercacheError) -> Outcome | None:
    """What Cache-Status says of an error: that it is a node's word, and no failure of what stands in front of it.

    None where it says nothing of a page or file.
    """
    match error:
        case NotStored():
            return Outcome(detail="not-stored")
        case ProjectAbsent() | FileAbsent() | SidecarUnavailable():
            return Outcome(fwd="miss", detail="absent")
        case FileRefused():
            return Outcome(detail=NOT_ADMITTED)
        case NoTierAnswered() | TierUnreachable():
            return Outcome(fwd="miss", detail=error.reason)
        case DigestMismatch() | LengthMismatch():
            return Outcome(fwd="miss", detail="wrong-bytes")
        case _:
            return None


def answer_to(failure: Failure, *, method: str, path: str, only_if_cached: bool) -> Answer:
    """What a client is told: a sentence, or in the form that the clients of this path take apart."""
    error = failure.value
    say = _form_of(path, error)
    match error:
        case TiercacheError() if (status := status_of(error, only_if_cached)) != 500:
            answer = say(status, str(error), _fields_of(error, status))
            return evolve(answer, outcome=outcome_of(error))
        case MethodNotAllowed():
            allow = {"Allow": ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))}
            if method == "OPTIONS":  # RFC 9110 section 9.3.7
                return Answer(status=204, headers=allow)
            return say(405, f"{method} has no meaning here.", allow)
        case NotFound():
            return say(404, "There is nothing here.")
        case HTTPException() if error.code is not None and 400 <= error.code < 500:
            return say(error.code, f"{error.name}.")
        case _:
            log.failure("{method} {path}: not foreseen", failure=failure, method=method, path=path)
            return say(500, "Something went wrong here; the log of this node says what.")


def _form_of(path: str, error: BaseException | None) -> Callable[..., Answer]:
    if path.startswith(TRUSTED_PUBLISHING):
        return partial(refused_token, code=error.code if isinstance(error, IdentityRefused) else "")
    if path == REQUIREMENTS_PATH:
        return refused_requirements
    return problem if path.startswith("/api/") else text  # RFC 9457


def _fields_of(error: TiercacheError, status: int) -> dict[str, str] | None:
    match status:
        case 401:
            is_for_users = not isinstance(error, ControlTokenNeeded)
            return {"WWW-Authenticate": CHALLENGE if is_for_users else 'Bearer realm="tiercache"'}
        case 429 | 503:
            return _retry_after(error)
    return None


def _retry_after(error: TiercacheError) -> dict[str, str]:
    seconds = getattr(error, "retry_after_s", None)
    if seconds is None:
        seconds = RETRY_AFTER_S
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
