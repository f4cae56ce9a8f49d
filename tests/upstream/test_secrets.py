"""Credentials reach no log, no error message and no repr, whatever goes wrong."""

import traceback
from collections.abc import Iterator

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionLost, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import eventAsText, globalLogPublisher
from twisted.python.failure import Failure

from tests.doubles.far_index import BASE, NUMPY, PAGE, far_index, json_answer, listed
from tests.doubles.tier_http import Answer, Received, TierHttp, http_answer
from tiercache.errors import TiercacheError
from tiercache.policy.entry import Validators
from tiercache.upstream.credentials import credentials_of
from tiercache.upstream.target import Target

SECRETS = ("s3cret", "YWxpY2U6czNjcmV0", "t0ken", "sign4ture")
OWN_FILE = "https://index.example/numpy-1.0.tar.gz?sig=sign4ture"


@pytest.fixture
def log() -> Iterator[EventLoggingObserver]:
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


def shown(error: BaseException) -> str:
    words = [*traceback.format_exception(error), repr(error), str(error), Failure(error).getTraceback()]
    inner = error.__cause__ or error.__context__
    return "".join(words) + (shown(inner) if inner is not None else "")


def hung_up(http: TierHttp, data: bytes) -> Answer:
    def answer(request: Received) -> bytes:
        http.clock.callLater(0, request.wire.hang_up, ConnectionLost())
        return data

    return answer


@pytest.mark.parametrize("credentials", ["url", "token"])
@pytest.mark.parametrize(
    "fault",
    [
        "refused",
        "unknown name",
        "tls",
        "hangs",
        "401",
        "500",
        "garbage",
        "no page",
        "cut",
        "redirect",
        "loop",
        "private",
    ],
)
def test_whatever_goes_wrong_no_secret_is_shown(log: EventLoggingObserver, credentials: str, fault: str) -> None:
    http = TierHttp()
    answers: dict[str, Answer] = {
        "hangs": None,
        "401": http_answer(401),
        "500": http_answer(500),
        "garbage": hung_up(http, b"\x00\r\n\r\n"),
        "no page": http_answer(200, b"hello", {"Content-Type": "text/plain"}),
        "cut": hung_up(http, json_answer()[:-2]),
        "redirect": http_answer(302, headers={"Location": "https://alice:s3cret@127.0.0.1/?sig=sign4ture"}),
        "loop": http_answer(302, headers={"Location": "?sig=sign4ture"}),
        "private": json_answer("http://alice:s3cret@127.0.0.1/numpy-1.0.tar.gz?sig=sign4ture"),
    }
    errors = {
        "refused": Refused(),
        "unknown name": DNSLookupError(),
        "tls": SSL.Error([("ssl", "", "bad certificate")]),
    }
    if fault in errors:
        http.no_connection("index.example", errors[fault])
    for request in (f"GET {PAGE}", f"GET {PAGE}?sig=sign4ture", f"GET {OWN_FILE}", f"HEAD {OWN_FILE}"):
        http.on(request, answers.get(fault))
    if credentials == "url":
        index = far_index(http, base_url=BASE.replace("://", "://alice:s3cret@"))
    else:
        index = far_index(http, credentials=credentials_of(Target.parse(BASE), token="t0ken"))
    told: list[str] = [repr(index)]
    for awaitable in (
        index.page(NUMPY, Validators(), no_cache=False),
        index.file(listed(OWN_FILE), 0),
        index.file_size(listed(OWN_FILE)),
    ):
        started = http.begin(awaitable)
        http.advance(100)
        try:
            told.append(repr(http.outcome(started)))
        except TiercacheError as error:
            told.append(shown(error))
    assert any(request.headers.get("authorization") for request in http.requests) or fault in errors
    told.extend(eventAsText(event) + repr(event.get("log_format")) for event in log)
    for secret in SECRETS:
        assert secret not in "".join(told)


def test_the_log_tells_that_files_were_left_out_without_their_urls(log: EventLoggingObserver) -> None:
    http = TierHttp()
    http.on(f"GET {PAGE}", json_answer("http://alice:s3cret@127.0.0.1/numpy-1.0.tar.gz"))
    http.result(far_index(http).page(NUMPY, Validators(), no_cache=False))
    (text,) = [eventAsText(event) for event in log if "lists" in eventAsText(event)]
    assert "office lists 1 files of numpy at private addresses" in text
    assert "s3cret" not in text
