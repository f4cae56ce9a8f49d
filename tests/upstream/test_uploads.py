"""Uploads that are handed on to a tier: byte for byte, with the uploader's own credentials, within deadlines."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IPushProducer

from tests.doubles.far_index import NOW
from tests.doubles.now import at_once
from tests.doubles.tier_http import Received, TierHttp, chunked_answer, http_answer
from tiercache.errors import LengthMismatch, LoopFound, StoreFailed, TierUnreachable
from tiercache.interfaces import FormField, FormFile, IPublishTarget, Tier, TierSaid, UploadForm
from tiercache.policy.hops import NONE_YET, hops_from_headers
from tiercache.upstream.credentials import credentials_of
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Requests
from tiercache.upstream.sent_form import PIECE_BYTES, SentForm, segments_of
from tiercache.upstream.target import Target
from tiercache.upstream.uploads import LEAVINGS_S, SLOWEST_BYTES_PER_S, TEXT_BYTES, Uploads

LEGACY = "https://office.example/legacy/"
POST = f"POST {LEGACY}"
ALICE = "Basic YWxpY2U6czNjcmV0"
BOUNDARY = "0123456789abcdef"


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def uploads(http: TierHttp, **differently: Any) -> Uploads:
    requests = Requests(
        tier=Tier(name="office", kind="parent"),
        agent=http.agent,
        clock=http.clock,
        now=lambda: NOW + http.clock.seconds(),
        jitter=lambda: 0.0,
        reach=Reach(own="office.example"),
        node_id="00000000000000aa",
        **differently,
    )
    return Uploads(requests=requests, target=Target.parse(LEGACY), pool=at_once, boundary=lambda: BOUNDARY)


def file_of(content: bytes, **more: Any) -> FormFile:
    def read(start: int, size_bytes: int) -> bytes:
        return content[start : start + size_bytes]

    settings: dict[str, Any] = {"name": "content", "filename": "acme-1.0.tar.gz", "size_bytes": len(content)}
    return FormFile(read=read, **(settings | more))


def form_of(content: bytes = b"archive", *fields: tuple[str, bytes]) -> UploadForm:
    parts = [FormField(name=name, value=value) for name, value in fields or ((":action", b"file_upload"),)]
    return UploadForm(parts=(*parts, file_of(content)))


def said(http: TierHttp, form: UploadForm | None = None, authorization: str | None = ALICE) -> TierSaid:
    return http.result(uploads(http).send(form or form_of(), authorization, NONE_YET))


def parts_of(received: Received) -> list[tuple[str, str | None, str, bytes]]:
    """Name, filename, type and value of each part, as the standard library reads them."""
    head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + received.body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            bytes(part.get_payload(decode=True)),  # type: ignore[arg-type]  # a part that is no message gives bytes
        )
        for part in message.walk()
        if not part.is_multipart()
    ]


def test_it_is_a_publish_target(http: TierHttp) -> None:
    assert IPublishTarget.providedBy(uploads(http))
    assert uploads(http).tier.name == "office"


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_form_arrives_with_its_fields_in_order_and_their_values_byte_for_byte(http: TierHttp) -> None:
    http.on(POST, http_answer(200, b"OK"))
    fields = [
        (":action", b"file_upload"),
        ("classifiers", b"A :: B"),
        ("classifiers", b"C :: D"),
        ("description", b"one\ntwo\r\nthree \xff\x00"),
        ("empty", b""),
    ]
    form = UploadForm(
        parts=(
            *(FormField(name=name, value=value) for name, value in fields),
            file_of(b"\x1f\x8b\r\n--" + BOUNDARY.encode()[:-1]),
            file_of(b"sig", name="gpg_signature", filename="acme-1.0.tar.gz.asc", content_type="text/plain"),
            FormField(name="last", value=b"after the file"),
        )
    )
    said(http, form)
    raw = http.requests[0].body
    for _, value in fields:
        assert b"\r\n\r\n" + value + b"\r\n--" + BOUNDARY.encode() in raw
    parts = parts_of(http.requests[0])
    assert [name for name, *_ in parts] == [*(name for name, _ in fields), "content", "gpg_signature", "last"]
    assert parts[5] == (
        "content",
        "acme-1.0.tar.gz",
        "application/octet-stream",
        b"\x1f\x8b\r\n--" + BOUNDARY.encode()[:-1],
    )
    assert parts[6][1:3] == ("acme-1.0.tar.gz.asc", "text/plain")


def test_quotes_and_line_ends_in_names_open_no_header_of_their_own(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    file = file_of(b"x", filename='a"\r\nX-Evil: 1\r\n\r\n.whl', content_type="text/plain\r\nX-Evil: 2")
    said(http, UploadForm(parts=(FormField(name='n"\r\nX-Evil: 3', value=b"v"), file)))
    body = http.requests[0].body
    assert b"\r\nX-Evil" not in body
    assert b'filename="a%22%0D%0AX-Evil: 1%0D%0A%0D%0A.whl"' in body
    assert len(parts_of(http.requests[0])) == 2


def test_names_that_are_not_ascii_go_as_utf_8(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    said(http, UploadForm(parts=(FormField(name="f\u00fc", value="\u20ac".encode()), file_of(b"x"))))
    assert 'name="f\u00fc"\r\n\r\n\u20ac\r\n'.encode() in http.requests[0].body


def test_length_is_stated(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    said(http)
    received = http.requests[0]
    assert int(received.headers["content-length"]) == len(received.body)
    assert "transfer-encoding" not in received.headers


@pytest.mark.parametrize("size_bytes", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7])
def test_file_of_any_size_arrives_whole(http: TierHttp, size_bytes: int) -> None:
    http.on(POST, http_answer(200))
    content = bytes(range(256)) * (size_bytes // 256 + 1)
    said(http, form_of(content[:size_bytes]))
    assert parts_of(http.requests[0])[1][3] == content[:size_bytes]


def test_no_more_of_a_file_is_read_than_the_tier_takes(http: TierHttp) -> None:
    read: list[int] = []

    def reading(start: int, size_bytes: int) -> bytes:
        read.append(start)
        if len(read) == 3:  # by now the connection has taken two pieces, and has no room for more
            producer().pauseProducing()
        return b"x" * size_bytes

    def producer() -> IPushProducer:
        return IPushProducer(http.wires[0].producer)

    http.on(POST, None)
    form = UploadForm(parts=(FormFile(name="c", filename="f", size_bytes=100 * PIECE_BYTES, read=reading),))
    sending = http.begin(uploads(http).send(form, None, NONE_YET))
    assert len(read) == 3
    producer().resumeProducing()
    http.settle()
    assert len(read) == 100
    http.wires[0].send(http_answer(200))
    http.settle()
    assert http.outcome(sending).is_taken


def test_uploaders_own_credentials_go_along(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    said(http, authorization="Bearer pypi-AgEI")
    assert http.requests[0].headers["authorization"] == "Bearer pypi-AgEI"


def test_this_nodes_credentials_never_go_along_be_there_others_or_none(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    own = credentials_of(Target.parse("https://office.example/"), token="the-nodes-own")
    for authorization in (None, ALICE):
        http.result(uploads(http, credentials=own).send(form_of(), authorization, NONE_YET))
    assert [request.headers.get("authorization") for request in http.requests] == [None, ALICE]


def test_request_says_which_nodes_it_has_passed(http: TierHttp) -> None:
    http.on(POST, http_answer(200))
    hops = hops_from_headers("1.1 00000000000000bb", "00000000000000bb")
    http.result(uploads(http).send(form_of(), None, hops))
    assert http.requests[0].headers["cdn-loop"] == "00000000000000bb, 00000000000000aa"
    assert http.requests[0].headers["via"] == "1.1 00000000000000bb, 1.1 00000000000000aa"


# -- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503])
def test_what_the_tier_says_comes_back_whatever_it_is(http: TierHttp, status: int) -> None:
    http.on(POST, f"HTTP/1.1 {status} File already exists\r\nContent-Length: 5\r\n\r\nwords".encode())
    answer = said(http)
    assert (answer.status, answer.reason, answer.text) == (status, "File already exists", "words")
    assert answer.is_taken == (status < 300)


def test_a_login_that_the_tier_asks_for_and_its_retry_after_come_back(http: TierHttp) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="office"', "Retry-After": "7", "Set-Cookie": "a=b"}
    http.on(POST, http_answer(401, b"", headers))
    assert said(http, authorization=None).headers == {"WWW-Authenticate": 'Basic realm="office"', "Retry-After": "7"}


@pytest.mark.parametrize("extra", [0, 1, 10 * TEXT_BYTES])
def test_no_more_than_the_beginning_of_a_long_answer_is_read(http: TierHttp, extra: int) -> None:
    http.on(POST, http_answer(200, b"x" * (TEXT_BYTES + extra)))
    assert said(http).text == "x" * TEXT_BYTES


def test_answer_in_chunks_without_an_end_is_read_so_far(http: TierHttp) -> None:
    http.on(POST, chunked_answer(b"fine", b"and more")[: -len(b"0\r\n\r\n")])
    sending = http.begin(uploads(http).send(form_of(), None, NONE_YET))
    http.advance(LEAVINGS_S)
    assert http.outcome(sending) == TierSaid(status=200, reason="Whatever", text="fineand more")


def test_answer_that_breaks_off_keeps_its_status(http: TierHttp) -> None:
    def half(received: Received) -> None:
        received.wire.send(http_answer(409, b"already", length=100))
        received.wire.hang_up(ConnectionLost())

    http.on(POST, half)
    assert (said(http).status, said(http).text) == (409, "already")


def test_answer_that_is_no_utf_8_is_text_all_the_same(http: TierHttp) -> None:
    http.on(POST, b"HTTP/1.1 400 B\xe4d\x07 file\r\nContent-Length: 2\r\n\r\n\xff!")
    assert (said(http).reason, said(http).text) == ("B\u00e4d file", "\ufffd!")


def test_answer_in_a_coding_that_was_not_asked_for_has_no_text(http: TierHttp) -> None:
    http.on(POST, http_answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}))
    assert said(http).text == ""


def stalling(http: TierHttp, after_bytes: int, pieces: int = 10) -> UploadForm:
    """A form of so many pieces, of which the tier takes no more once it has taken so much."""

    def read(start: int, size_bytes: int) -> bytes:
        if start == after_bytes:
            IPushProducer(http.wires[0].producer).pauseProducing()
        return b"x" * size_bytes

    return UploadForm(parts=(FormFile(name="c", filename="f", size_bytes=pieces * PIECE_BYTES, read=read),))


def test_tier_that_answers_before_it_has_everything_and_hangs_up_is_heard(http: TierHttp) -> None:
    form = stalling(http, 4 * PIECE_BYTES)
    sending = http.begin(uploads(http).send(form, None, NONE_YET))
    http.wires[0].send(http_answer(401, b"log in", {"WWW-Authenticate": "Basic"}))
    http.wires[0].hang_up()
    http.settle()
    assert http.outcome(sending).status == 401


def test_tier_that_answers_before_it_has_everything_may_take_the_rest(http: TierHttp) -> None:
    form = stalling(http, 4 * PIECE_BYTES)
    sending = http.begin(uploads(http).send(form, None, NONE_YET))
    http.wires[0].send(http_answer(403, b"no"))
    IPushProducer(http.wires[0].producer).resumeProducing()
    http.settle()
    assert http.outcome(sending).status == 403


def test_tier_that_answers_and_takes_no_more_is_not_waited_for_long(http: TierHttp) -> None:
    form = stalling(http, 4 * PIECE_BYTES)
    sending = http.begin(uploads(http).send(form, None, NONE_YET))
    http.wires[0].send(http_answer(403, b"no"))
    http.advance(LEAVINGS_S)
    assert http.outcome(sending).status == 403
    assert http.wires[0].closed
    assert not http.clock.getDelayedCalls()


# -- no answer --------------------------------------------------------------------------------------------------------


def refusal(http: TierHttp, form: UploadForm | None = None) -> str:
    with pytest.raises(TierUnreachable) as caught:
        said(http, form)
    assert caught.value.tier == "office"
    return caught.value.reason


def test_tier_that_is_not_there_is_unreachable(http: TierHttp) -> None:
    http.no_connection("office.example", Refused())
    assert refusal(http) == "connection refused"


@pytest.mark.parametrize("status", [502, 504, 407, 301, 302, 303, 304])
def test_answer_that_is_not_the_tiers_own_word_is_unreachable(http: TierHttp, status: int) -> None:
    http.on(POST, http_answer(status, b"" if status == 304 else b"proxy", {"Location": "/other/"}))
    assert str(status) in refusal(http)
    assert len(http.requests) == 1


def test_upload_that_has_been_at_the_tier_before_is_a_loop(http: TierHttp) -> None:
    http.on(POST, http_answer(508))
    with pytest.raises(LoopFound):
        said(http)


def test_connection_that_is_lost_is_unreachable_and_nothing_is_sent_twice(http: TierHttp) -> None:
    http.on(POST, lambda received: received.wire.hang_up(ConnectionLost()))
    assert refusal(http) == "the connection was lost"
    assert len(http.requests) == 1


def test_connection_that_never_comes_about_is_waited_for_as_long_as_for_a_first_byte(http: TierHttp) -> None:
    http.no_connection("office.example", None)
    sending = http.begin(uploads(http).send(form_of(), None, NONE_YET))
    http.advance(9.9)
    assert not sending.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="no connection within 10 s"):
        http.outcome(sending)


def test_tier_that_takes_nothing_more_is_given_up_after_its_silence_timeout(http: TierHttp) -> None:
    sending = http.begin(uploads(http).send(stalling(http, 2 * PIECE_BYTES), None, NONE_YET))
    http.advance(29.9)
    assert not sending.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="it took nothing more for 30 s"):
        http.outcome(sending)
    assert http.wires[0].closed


def test_tier_that_takes_a_little_now_and_then_is_given_up_in_the_end(http: TierHttp) -> None:
    pieces = 64

    def read(_start: int, size_bytes: int) -> bytes:
        IPushProducer(http.wires[0].producer).pauseProducing()
        return b"x" * size_bytes

    form = UploadForm(parts=(FormFile(name="c", filename="f", size_bytes=pieces * PIECE_BYTES, read=read),))
    sending = http.begin(uploads(http).send(form, None, NONE_YET))
    whole_s = 60 + pieces * PIECE_BYTES / SLOWEST_BYTES_PER_S
    for _ in range(int(whole_s // 20)):
        assert not sending.called
        http.advance(20)
        if not http.wires[0].closed:
            IPushProducer(http.wires[0].producer).resumeProducing()
    http.advance(20)
    with pytest.raises(TierUnreachable, match="it did not end within"):
        http.outcome(sending)


def test_tier_that_took_it_all_and_says_nothing_is_unreachable(http: TierHttp) -> None:
    http.on(POST, None)
    sending = http.begin(uploads(http).send(form_of(), None, NONE_YET))
    http.advance(29.9)
    assert not sending.called
    http.advance(0.1)
    with pytest.raises(TierUnreachable, match="it did not answer within 30 s"):
        http.outcome(sending)
    assert http.wires[0].closed


def test_uploader_who_leaves_breaks_the_upload_off(http: TierHttp) -> None:
    http.on(POST, None)
    sending = http.begin(uploads(http).send(form_of(), None, NONE_YET))
    sending.addErrback(lambda _: None)
    sending.cancel()
    http.settle()
    assert http.wires[0].closed
    assert not http.clock.getDelayedCalls()


def test_uploader_who_leaves_while_the_tier_takes_no_more_breaks_it_off_too(http: TierHttp) -> None:
    sending = http.begin(uploads(http).send(stalling(http, 0), None, NONE_YET))
    sending.addErrback(lambda _: None)
    sending.cancel()
    http.settle()
    assert http.wires[0].closed
    assert not http.clock.getDelayedCalls()


def test_file_that_is_shorter_than_was_said_is_not_the_tiers_fault(http: TierHttp) -> None:
    with pytest.raises(LengthMismatch):
        said(http, UploadForm(parts=(file_of(b"short", size_bytes=6),)))
    assert http.wires[0].closed


def test_store_that_fails_while_it_is_read_is_not_the_tiers_fault(http: TierHttp) -> None:
    def read(_start: int, _size_bytes: int) -> bytes:
        raise StoreFailed

    with pytest.raises(StoreFailed):
        said(http, UploadForm(parts=(FormFile(name="c", filename="f", size_bytes=5, read=read),)))
    assert http.wires[0].closed


# -- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 308])
def test_redirect_at_the_same_host_is_followed_with_everything(http: TierHttp, status: int) -> None:
    http.on(POST, http_answer(status, b"", {"Location": "/upload/"}))
    http.on("POST https://office.example/upload/", http_answer(200, b"OK"))
    assert said(http).is_taken
    assert parts_of(http.requests[1]) == parts_of(http.requests[0])
    assert http.requests[1].headers["authorization"] == ALICE


@pytest.mark.parametrize(
    "location",
    [
        "https://other.example/legacy/",
        "https://office.example:8443/",
        "http://office.example/legacy/",
        "//evil.example/",
    ],
)
def test_redirect_to_another_host_takes_neither_file_nor_credentials_there(http: TierHttp, location: str) -> None:
    http.on(POST, http_answer(307, b"", {"Location": location + "?sig=s3cret"}))
    reason = refusal(http)
    assert "it redirects uploads to" in reason
    assert "s3cret" not in reason
    assert len(http.requests) == 1


def test_redirect_that_never_ends_is_given_up(http: TierHttp) -> None:
    http.on(POST, http_answer(308, b"", {"Location": LEGACY}))
    assert refusal(http) == "it redirects more than 5 times"
    assert len(http.requests) == 6


def test_redirect_to_what_is_no_url_is_unreachable(http: TierHttp) -> None:
    http.on(POST, http_answer(308, b"", {"Location": "ftp://office.example/"}))
    assert "cannot be asked" in refusal(http)


# -- the form itself --------------------------------------------------------------------------------------------------


def test_form_without_parts_ends_at_once() -> None:
    assert segments_of(UploadForm(parts=()), "b") == (b"--b--\r\n",)


def test_length_of_a_form_is_that_of_all_its_bytes() -> None:
    segments = segments_of(form_of(b"12345"), "b")
    sent = SentForm(segments=segments, pool=at_once, moved=lambda: None)
    assert sent.length == sum(len(part) if isinstance(part, bytes) else 5 for part in segments)
