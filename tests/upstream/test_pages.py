"""Project pages: what is asked, and what each answer means."""

import errno
import gzip
import json
import random

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import DNSLookupError
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from tests.doubles.far_index import BASE, NOW, NUMPY, PAGE, far_index, json_answer, json_page
from tests.doubles.tier_http import JSON_TYPE, Received, TierHttp, chunked_answer, gzipped_answer, http_answer
from tiercache.errors import ProjectAbsent, TierUnreachable, TierWithoutAnswer
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.upstream.requests import ASKED_AT_ONCE, Deadlines
from tiercache.upstream.simple_index import Limits, SimpleIndex

WHEEL = "https://files.example/numpy-1.0-py3-none-any.whl"
SDIST = "https://files.example/numpy-1.0.tar.gz"
HTML = b'<!DOCTYPE html><html><body><a href="../../numpy-1.0.tar.gz">numpy-1.0.tar.gz</a></body></html>'


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def page_of(http: TierHttp, index: SimpleIndex | None = None, validators: Validators | None = None) -> Present:
    found = http.result((index or far_index(http)).page(NUMPY, validators or Validators(), no_cache=False))
    assert isinstance(found, Present)
    return found


def refusal(http: TierHttp, index: SimpleIndex | None = None, validators: Validators | None = None) -> TierUnreachable:
    with pytest.raises(TierUnreachable) as caught:
        page_of(http, index, validators)
    assert caught.value.tier == "office"
    return caught.value


# -- what is asked


def test_json_is_asked_for_first_and_gzip_is_welcome(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    page_of(http)
    (request,) = http.requests
    assert request.headers["accept"] == (
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
    )
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers["user-agent"].startswith("tiercache/")
    assert not {"if-none-match", "if-modified-since", "cache-control", "authorization"} & request.headers.keys()


def test_validators_make_the_request_conditional_and_no_cache_goes_on(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(304, length=None))
    validators = Validators(etag='W/"a"', last_modified="Mon, 02 Nov 2026 10:00:00 GMT")
    found = http.result(far_index(http).page(NUMPY, validators, no_cache=True))
    assert isinstance(found, NotModified)
    headers = http.requests[0].headers
    assert headers["if-none-match"] == 'W/"a"'
    assert headers["if-modified-since"] == "Mon, 02 Nov 2026 10:00:00 GMT"
    assert headers["cache-control"] == "no-cache"


def test_a_base_url_without_its_last_slash_means_the_same(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    page_of(http, far_index(http, base_url=BASE.rstrip("/")))
    assert http.asked() == [f"GET {PAGE}"]


def test_the_project_list_is_never_asked_for(http: TierHttp) -> None:
    index = far_index(http)
    http.on(f"HEAD {BASE}", http_answer(200, length=40_000_000))
    http.on(f"GET {PAGE}", http_answer(404))
    http.result(index.probe())
    with pytest.raises(ProjectAbsent):
        page_of(http, index)
    assert http.asked() == [f"HEAD {BASE}", f"GET {PAGE}"]


def test_one_connection_serves_many_requests(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL), http_answer(404, b"none"), json_answer(WHEEL))
    index = far_index(http)
    page_of(http, index)
    with pytest.raises(ProjectAbsent):
        page_of(http, index)
    page_of(http, index)
    assert len(http.wires) == 1
    assert len(http.clock.getDelayedCalls()) == 1  # the pool's own, and no deadline of what is over


def test_a_kept_connection_that_the_tier_has_dropped_is_replaced_unnoticed(http: TierHttp) -> None:
    def hang_up(request: Received) -> None:
        request.wire.hang_up()

    http.on(f"GET {PAGE}", json_answer(WHEEL), hang_up, json_answer(WHEEL))
    index = far_index(http)
    page_of(http, index)
    assert page_of(http, index).page.files
    assert [wire.closed for wire in http.wires] == [True, False]


# -- what comes back


def test_a_json_page_comes_with_its_head(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL, ETag='"e"', Cache_Control="max-age=60", Age="7", X_PyPI_Last_Serial="42"))
    found = page_of(http)
    assert [file.url for file in found.page.files] == [WHEEL]
    assert found.head.tier == "office"
    assert found.head.validators.etag == '"e"'
    assert (found.head.lifetime_s, found.head.age_s, found.head.serial) == (60.0, 7.0, 42)
    assert found.head.requested_at == found.head.received_at == NOW


def test_the_serial_in_the_page_counts_where_no_header_tells_it(http: TierHttp) -> None:
    body = json_page(WHEEL, meta={"api-version": "1.1", "_last-serial": 7})
    http.on(f"GET {PAGE}", http_answer(200, body, {"Content-Type": JSON_TYPE}))
    assert page_of(http).head.serial == 7


def test_the_time_of_a_slow_answer_is_kept(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", None)
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    http.clock.advance(4)
    http.requests[0].wire.send(json_answer(WHEEL))
    found = http.outcome(started)
    assert (found.head.requested_at, found.head.received_at) == (NOW, NOW + 4)


@pytest.mark.parametrize("answer", [gzipped_answer(HTML, {"Content-Type": "text/html"}), None])
def test_an_html_page_is_read_against_its_own_url(http: TierHttp, answer: bytes | None) -> None:
    http.on(f"GET {PAGE}", answer or http_answer(200, HTML, {"Content-Type": "text/html; charset=utf-8"}))
    assert [file.url for file in page_of(http).page.files] == ["https://index.example/numpy-1.0.tar.gz"]


def test_relative_links_are_resolved_against_where_a_redirect_led(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(301, headers={"Location": "https://mirror.example/deep/numpy/"}))
    http.on("GET https://mirror.example/deep/numpy/", http_answer(200, HTML, {"Content-Type": "text/html"}))
    assert [file.url for file in page_of(http).page.files] == ["https://mirror.example/numpy-1.0.tar.gz"]


def test_a_page_in_chunks_is_read(http: TierHttp) -> None:
    body = json_page(WHEEL)
    http.on(f"GET {PAGE}", chunked_answer(body[:10], body[10:], headers={"Content-Type": JSON_TYPE}))
    assert len(page_of(http).page.files) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_404_and_410_mean_that_there_is_no_such_project(http: TierHttp, status: int) -> None:
    http.on(f"GET {PAGE}", http_answer(status, b"no"))
    with pytest.raises(ProjectAbsent) as absent:
        page_of(http)
    assert absent.value.project == "numpy"
    assert len(http.requests) == 1


def test_a_304_that_nobody_asked_for_is_no_page(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(304, length=None))
    assert refusal(http).reason == "it answered 304"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_no_absence_and_not_tried_again(http: TierHttp, status: int) -> None:
    http.on(f"GET {PAGE}", http_answer(status, b"no"))
    assert "credentials refused" in refusal(http).reason
    assert len(http.requests) == 1


# -- bad days


def test_a_tier_that_is_down_is_unreachable(http: TierHttp) -> None:
    http.no_connection("index.example", Refused())
    assert refusal(http).reason == "connection refused"


def test_a_tier_whose_name_is_not_known_is_unreachable(http: TierHttp) -> None:
    http.no_connection("index.example", DNSLookupError())
    assert refusal(http).reason == "its name is not known"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOTCONN, "Transport endpoint is not connected"), "no connection"),
        (ZeroDivisionError("in the client itself"), "it could not be asked (ZeroDivisionError)"),
    ],
)
def test_a_connection_that_fails_in_a_way_that_nobody_foresaw_leaves_its_tier_unreachable(
    http: TierHttp, error: Exception, reason: str
) -> None:
    http.no_connection("index.example", error)
    with capturedLogs() as events:
        assert refusal(http).reason == reason
    failures = [event["log_failure"] for event in events if "log_failure" in event]
    assert bool(failures) is isinstance(error, ZeroDivisionError)  # only a bug shows where it is


def test_a_tier_that_hangs_before_its_answer_is_given_up_at_the_deadline(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", None)
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    http.advance(9.9)
    assert not started.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="did not answer within 10 s"):
        http.outcome(started)
    assert len(http.requests) == 1
    assert http.wires[0].closed


def test_a_tier_that_no_connection_reaches_in_time_is_not_tried_again(http: TierHttp) -> None:
    http.no_connection("index.example", ConnectionTimedOut())
    assert refusal(http).reason == "no connection in time"


def test_a_tier_that_refuses_a_connection_once_is_tried_again(http: TierHttp) -> None:
    http.no_connection("index.example", Refused())
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    started = http.begin(far_index(http, jitter=lambda: 0.5).page(NUMPY, Validators(), no_cache=False))
    http.connections_again("index.example")
    http.advance(0.05)
    assert isinstance(http.outcome(started), Present)


def test_a_tier_that_never_lets_one_connect_is_given_up_at_the_deadline(http: TierHttp) -> None:
    http.no_connection("index.example", None)
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    http.advance(10)
    with pytest.raises(TierUnreachable, match="did not answer"):
        http.outcome(started)


def test_no_more_requests_than_a_tier_can_answer_in_time_wait_for_it_and_the_next_goes_when_one_was_answered(
    http: TierHttp,
) -> None:
    index = far_index(http)
    http.on(f"GET {PAGE}", *[None] * ASKED_AT_ONCE, json_answer(WHEEL))
    started = [http.begin(index.page(NUMPY, Validators(), no_cache=False)) for _ in range(ASKED_AT_ONCE + 1)]
    assert len(http.requests) == ASKED_AT_ONCE
    http.advance(5)
    http.requests[0].wire.send(json_answer(WHEEL))
    http.settle()
    assert len(http.requests) == ASKED_AT_ONCE + 1
    assert isinstance(http.outcome(started[0]), Present)
    assert isinstance(http.outcome(started[-1]), Present)


def test_a_request_does_not_wait_for_ever_for_those_before_it(http: TierHttp) -> None:
    index = far_index(http, deadlines=Deadlines(first_byte_s=10))
    http.on(f"GET {PAGE}", None)
    for _ in range(ASKED_AT_ONCE):
        http.begin(index.page(NUMPY, Validators(), no_cache=False))
        http.advance(0.01)
    started = [http.begin(index.page(NUMPY, Validators(), no_cache=False)) for _ in range(2 * ASKED_AT_ONCE)]
    http.advance(9.99)
    http.advance(0.2)
    with pytest.raises(TierUnreachable, match="before this one had no answer within 10 s"):
        http.outcome(started[-1])


def test_a_tier_that_hangs_in_the_middle_of_a_page_is_given_up_after_the_silence(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL)[:-5])
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    http.advance(29.9)
    assert not started.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="fell silent for 30 s"):
        http.outcome(started)
    assert http.wires[0].closed


def test_a_page_that_drips_is_given_up_when_its_time_is_over(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(200, b"", {"Content-Type": JSON_TYPE}, length=1000))
    started = http.begin(far_index(http, deadlines=Deadlines(whole_s=60)).page(NUMPY, Validators(), no_cache=False))
    for _ in range(5):
        http.advance(10)
        http.wires[0].send(b" ")
    http.advance(9.9)
    assert not started.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="did not end within 60 s"):
        http.outcome(started)
    assert http.wires[0].closed
    assert len(http.requests) == 1


def test_a_500_is_unreachable_and_not_asked_again(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(500, b"oops"))
    assert refusal(http).reason == "it answered 500"
    assert len(http.requests) == 1


def test_a_503_is_asked_again_and_its_recovery_is_taken(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(503), http_answer(503), json_answer(WHEEL))
    assert len(page_of(http).page.files) == 1
    assert len(http.requests) == 3


@pytest.mark.parametrize("status", [503, 504])
def test_a_node_whose_own_tiers_are_down_is_well_and_is_not_asked_again_at_once(http: TierHttp, status: int) -> None:
    fields = {"Cache-Status": "office; fwd=miss; detail=breaker-open", "Retry-After": "1"}
    http.on(f"GET {PAGE}", http_answer(status, headers=fields))
    error = refusal(http)
    assert type(error) is TierWithoutAnswer
    assert error.retry_after_s == 1.0
    assert len(http.asked()) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(401, TierWithoutAnswer), (403, TierWithoutAnswer), (407, TierUnreachable)]
)
def test_a_tier_that_lets_one_project_not_be_read_is_well(
    http: TierHttp, status: int, error: type[TierUnreachable]
) -> None:
    http.on(f"GET {PAGE}", http_answer(status))
    assert type(refusal(http)) is error


def test_a_503_that_stays_is_unreachable_after_three_tries(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(503))
    assert refusal(http).reason == "it answered 503"
    assert len(http.requests) == 3


def test_tries_are_apart_by_backoff(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(503), json_answer(WHEEL))
    started = http.begin(far_index(http, jitter=lambda: 0.5).page(NUMPY, Validators(), no_cache=False))
    http.advance(0.049)
    assert len(http.requests) == 1
    http.advance(0.002)
    assert len(http.requests) == 2
    assert isinstance(http.outcome(started), Present)


@pytest.mark.parametrize(
    ("stated", "waits_s"),
    [
        ("120", 120.0),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90.0),
        ("Fri, 15 Jan 2027 08:01:30", 90.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_429_with_retry_after_says_when_to_come_back(http: TierHttp, stated: str, waits_s: float | None) -> None:
    assert NOW == 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
    http.on(f"GET {PAGE}", http_answer(429, headers={"Retry-After": stated}))
    unreachable = refusal(http)
    assert unreachable.reason == "it answered 429"
    if waits_s is not None:
        assert unreachable.retry_after_s == waits_s
        assert len(http.requests) == 1
    else:
        assert not unreachable.retry_after_s


def test_a_429_that_passes_soon_is_waited_for(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(429, headers={"Retry-After": "2"}), json_answer(WHEEL))
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    http.advance(1.9)
    assert len(http.requests) == 1
    http.advance(0.1)
    assert isinstance(http.outcome(started), Present)


def test_half_a_page_is_never_taken_for_a_whole_one(http: TierHttp) -> None:
    whole = json_answer(WHEEL)

    def half(request: object) -> bytes:
        http.clock.callLater(0, http.wires[-1].hang_up)
        return whole[: -len(json_page(WHEEL)) // 2]

    http.on(f"GET {PAGE}", half)
    assert refusal(http).reason == "its answer broke off"
    assert len(http.requests) == 3


def test_a_page_that_broke_off_is_asked_for_again(http: TierHttp) -> None:
    def half(request: object) -> bytes:
        http.clock.callLater(0, http.wires[-1].hang_up)
        return json_answer(WHEEL)[:-3]

    http.on(f"GET {PAGE}", half, json_answer(WHEEL))
    assert len(page_of(http).page.files) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "whole"),
    [
        (HTML, "text/html", True),
        (HTML + b"<!--SERIAL 7-->\n", "text/html", True),
        (HTML[: HTML.index(b"</body>")], "text/html", False),
        (json_page(WHEEL), JSON_TYPE, True),
        (json_page(WHEEL)[:-1], JSON_TYPE, False),
    ],
)
def test_a_page_whose_end_only_the_connection_marks_has_to_show_that_it_is_whole(
    http: TierHttp, body: bytes, content_type: str, whole: bool
) -> None:
    def until_close(request: object) -> bytes:
        http.clock.callLater(0, http.wires[-1].hang_up)
        return http_answer(200, body, {"Content-Type": content_type, "Connection": "close"}, length=None)

    http.on(f"GET {PAGE}", until_close)
    if whole:
        assert len(page_of(http).page.files) == 1
    else:
        refusal(http)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x00\xff garbage", JSON_TYPE),
        (b"[]", JSON_TYPE),
        (b"{}", JSON_TYPE),
        (b"\x00\xff garbage", "application/octet-stream"),
        (b"hello", "text/plain"),
        (HTML, ""),
        (b'<html><body>Please <a href="/login">log in</a></body></html>', "text/html"),  # a captive portal
        (json_page(WHEEL, meta={"api-version": "2.0"}), JSON_TYPE),
    ],
)
def test_garbage_is_no_page_and_no_absence(http: TierHttp, body: bytes, content_type: str) -> None:
    http.on(f"GET {PAGE}", http_answer(200, body, {"Content-Type": content_type} if content_type else {}))
    assert refusal(http).reason.startswith("it sent no project page")
    assert len(http.requests) == 1


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_unreachable(http: TierHttp, noise: bytes) -> None:
    def then_close(request: object) -> bytes:
        http.clock.callLater(0, http.wires[-1].hang_up)
        return noise

    http.on(f"GET {PAGE}", then_close)
    refusal(http)


def test_a_page_of_20_mb_is_read(http: TierHttp) -> None:
    body = json_page(*(f"https://files.example/{'d' * 700}/numpy-{n}.tar.gz" for n in range(13_000)))
    assert len(body) > 10_000_000
    body += b" " * (20 * 2**20 - len(body))
    http.on(f"GET {PAGE}", http_answer(200, body, {"Content-Type": JSON_TYPE}))
    assert len(page_of(http).page.files) == 13_000


@pytest.mark.parametrize("stated", [True, False])
def test_a_page_one_byte_over_the_limit_is_refused(http: TierHttp, stated: bool) -> None:
    body = json_page(WHEEL)
    answer = http_answer(200, body, {"Content-Type": JSON_TYPE})
    http.on(f"GET {PAGE}", answer if stated else chunked_answer(body, headers={"Content-Type": JSON_TYPE}))
    assert page_of(http, far_index(http, limits=Limits(page=len(body)))).page.files
    too_small = far_index(http, limits=Limits(page=len(body) - 1))
    assert "page of more than" in refusal(http, too_small).reason
    assert http.wires[0].closed


def test_a_gzip_bomb_is_refused(http: TierHttp) -> None:
    bomb = gzip.compress(b"\0" * (64 * 2**20 + 1))
    assert len(bomb) < 100_000
    answer = http_answer(200, bomb, {"Content-Type": JSON_TYPE, "Content-Encoding": "gzip"})
    http.on(f"GET {PAGE}", answer)
    assert "page of more than 67108864 bytes" in refusal(http).reason


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_a_coding_that_was_not_asked_for_is_refused(http: TierHttp, coding: str) -> None:
    headers = {"Content-Type": JSON_TYPE, "Content-Encoding": coding}
    http.on(f"GET {PAGE}", http_answer(200, json_page(WHEEL), headers))
    assert "coding" in refusal(http).reason


def test_large_pages_are_read_in_the_pool_coded_ones_too_and_small_ones_on_the_spot(http: TierHttp) -> None:
    sent_to_pool: list[object] = []

    async def pool(function: object, /, *arguments: object) -> object:
        sent_to_pool.append(function)
        assert callable(function)
        return function(*arguments)

    body = json_page(WHEEL)
    large = body + b" " * (256 * 1024 - len(body))
    http.on(
        f"GET {PAGE}",
        http_answer(200, large, {"Content-Type": JSON_TYPE}),
        http_answer(200, large + b" ", {"Content-Type": JSON_TYPE}),
        gzipped_answer(body, {"Content-Type": JSON_TYPE}),
        gzipped_answer(large, {"Content-Type": JSON_TYPE}),
        gzipped_answer(large + b" ", {"Content-Type": JSON_TYPE}),  # short, and nobody knows how much is in it
        gzipped_answer(body + random.Random(1).randbytes(17 * 1024).hex().encode(), {"Content-Type": JSON_TYPE}),
    )
    index = far_index(http, pool=pool)
    for sent in (0, 1, 1, 1, 2):
        page_of(http, index)
        assert len(sent_to_pool) == sent
    refusal(http, index)
    assert len(sent_to_pool) == 3


# -- what a page may list


def test_urls_that_are_no_place_to_fetch_from_are_dropped_and_the_rest_of_the_page_lives(http: TierHttp) -> None:
    links = "".join(
        f'<a href="{url}">{name}</a>'
        for name, url in [
            ("numpy-1.0.tar.gz", "javascript:alert(1)"),
            ("numpy-1.1.tar.gz", "data:application/gzip;base64,AAAA"),
            ("numpy-1.2.tar.gz", "file:///etc/passwd"),
            ("numpy-1.3.tar.gz", "https://files.example/numpy-1.3.tar.gz"),
        ]
    )
    body = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    http.on(f"GET {PAGE}", http_answer(200, body, {"Content-Type": "text/html"}))
    assert [file.filename for file in page_of(http).page.files] == ["numpy-1.3.tar.gz"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost:8000", "169.254.169.254", "10.0.0.1", "192.168.1.1", "[::1]", "[fe80::1]", "0x7f.1"],
)
def test_files_at_private_addresses_are_dropped_unless_their_host_is_declared(http: TierHttp, host: str) -> None:
    private = f"http://{host}/numpy-1.0.tar.gz"
    http.on(f"GET {PAGE}", json_answer(private, WHEEL))
    assert [file.url for file in page_of(http).page.files] == [WHEEL]
    declared = far_index(http, files_from=(host.removesuffix(":8000").strip("[]"),))
    assert len(page_of(http, declared).page.files) == 2


def test_a_private_index_may_list_files_at_its_own_host(http: TierHttp) -> None:
    base = "http://127.0.0.1:3141/simple/"
    http.on(f"GET {base}numpy/", json_answer("http://127.0.0.1:3142/numpy-1.0.tar.gz"))
    assert len(page_of(http, far_index(http, base_url=base)).page.files) == 1


def test_an_empty_project_is_present(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer())
    assert page_of(http).page.files == ()
    assert json.loads(json_page())["files"] == []


# -- whoever waits may leave


def test_who_stops_waiting_ends_the_request(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", None)
    started = http.begin(far_index(http).page(NUMPY, Validators(), no_cache=False))
    failures: list[Failure] = []
    started.addErrback(failures.append)
    started.cancel()
    http.settle()
    assert [failure.type for failure in failures] == [CancelledError]
    assert http.wires[0].closed
    assert len(http.requests) == 1


# -- probes


@pytest.mark.parametrize(
    ("status", "alive"), [(200, True), (302, True), (404, True), (405, True), (499, True), (500, False)]
)
def test_any_status_below_500_is_a_sign_of_life(http: TierHttp, status: int, alive: bool) -> None:
    http.on(f"HEAD {BASE}", http_answer(status, headers={"Location": "/elsewhere"}))
    if alive:
        http.result(far_index(http).probe())
    else:
        with pytest.raises(TierUnreachable):
            http.result(far_index(http).probe())
    assert http.asked() == [f"HEAD {BASE}"]
