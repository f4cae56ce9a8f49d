"""Files: streams at the reader's pace, ranges, sizes, and what belongs to a file."""

import gzip
from hashlib import sha256

import pytest

from tests.doubles.far_index import far_index, listed
from tests.doubles.tier_http import TierHttp, chunked_answer, gzipped_answer, http_answer
from tiercache.errors import (
    FileAbsent,
    FileRefused,
    RangesUnsupported,
    TiercacheError,
    TierUnreachable,
    TierWithoutAnswer,
)
from tiercache.interfaces import FileRange, IFileStream
from tiercache.simple.model import File
from tiercache.upstream.body import PAUSE_AT_BYTES
from tiercache.upstream.requests import LONGEST_REFUSAL_BYTES
from tiercache.upstream.simple_index import Limits, SimpleIndex

WHEEL = "https://files.example/numpy-1.0-py3-none-any.whl"
GET = f"GET {WHEEL}"
HEAD = f"HEAD {WHEEL}"
BYTES = bytes(range(256)) * 40


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def opened(http: TierHttp, start: int = 0, file: File | None = None, index: SimpleIndex | None = None) -> IFileStream:
    return http.result((index or far_index(http)).file(file or listed(WHEEL), start))


def read_all(http: TierHttp, stream: IFileStream) -> bytes:
    pieces = []
    while piece := next_of(http, stream):
        pieces.append(piece)
    return b"".join(pieces)


def next_of(http: TierHttp, stream: IFileStream) -> bytes:
    return b"".join(http.result(stream.read()))


def part(http: TierHttp, start: int, size_bytes: int, file: File | None = None) -> FileRange:
    return http.result(far_index(http).file_range(file or listed(WHEEL), start, size_bytes))


def partial(start: int, stop: int, total: int | str = len(BYTES), body: bytes | None = None) -> bytes:
    data = BYTES[start:stop] if body is None else body
    return http_answer(206, data, {"Content-Range": f"bytes {start}-{stop - 1}/{total}"})


# -- streams


def test_a_file_streams_and_tells_its_size(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES))
    stream = opened(http)
    assert (stream.size_bytes, stream.start) == (len(BYTES), 0)
    assert read_all(http, stream) == BYTES
    assert next_of(http, stream) == b""
    stream.close()
    assert http.requests[0].headers["accept-encoding"] == "identity"
    assert "range" not in http.requests[0].headers


def test_a_stream_in_chunks_tells_no_size(http: TierHttp) -> None:
    http.on(GET, chunked_answer(BYTES[:100], BYTES[100:]))
    stream = opened(http)
    assert stream.size_bytes is None
    assert read_all(http, stream) == BYTES


def test_the_first_bytes_come_before_the_last(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES[:1], length=2))
    stream = opened(http)
    assert next_of(http, stream) == BYTES[:1]
    waiting = http.begin(stream.read())
    assert not waiting.called
    http.wires[0].send(BYTES[1:2])
    assert http.outcome(waiting) == [BYTES[1:2]]
    assert next_of(http, stream) == b""


def test_no_more_than_a_mebibyte_is_taken_ahead_of_the_reader(http: TierHttp) -> None:
    body = b"x" * (8 * 2**20)
    http.on(GET, http_answer(200, body))
    stream = opened(http)
    wire = http.wires[0]
    taken = len(body) - wire.waiting_bytes
    assert PAUSE_AT_BYTES <= taken <= PAUSE_AT_BYTES + 2 * 64 * 1024
    assert wire.producerState == "paused"
    got = len(next_of(http, stream))
    assert got <= 2**20
    while wire.waiting_bytes:
        got += len(next_of(http, stream))
        assert len(body) - wire.waiting_bytes - got <= PAUSE_AT_BYTES + 2 * 64 * 1024
    assert got + len(read_all(http, stream)) == len(body)


def test_a_reader_that_takes_its_time_is_no_silence_of_the_tier(http: TierHttp) -> None:
    http.on(GET, http_answer(200, b"x" * (4 * 2**20)))
    stream = opened(http)
    http.advance(3600)
    assert len(read_all(http, stream)) == 4 * 2**20


def test_a_stream_that_falls_silent_gives_what_it_has_and_then_fails(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES[:10], length=len(BYTES)))
    stream = opened(http)
    http.advance(29.9)
    http.wires[0].send(BYTES[10:20])
    http.advance(29.9)
    assert not http.wires[0].closed
    http.advance(0.1)
    assert http.wires[0].closed
    assert next_of(http, stream) == BYTES[:20]
    with pytest.raises(TierUnreachable, match="fell silent for 30 s"):
        http.result(stream.read())


def test_half_a_file_fails_after_what_came(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES[:10], length=len(BYTES)))
    stream = opened(http)
    http.wires[0].hang_up()
    assert next_of(http, stream) == BYTES[:10]
    for _ in range(2):
        with pytest.raises(TierUnreachable, match="broke off"):
            http.result(stream.read())


def test_a_chunked_file_without_its_last_chunk_fails(http: TierHttp) -> None:
    http.on(GET, chunked_answer(BYTES)[: -len(b"0\r\n\r\n")])
    stream = opened(http)
    http.wires[0].hang_up()
    assert next_of(http, stream) == BYTES
    with pytest.raises(TierUnreachable, match="broke off"):
        http.result(stream.read())


def test_what_comes_behind_the_stated_length_is_not_part_of_the_file(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES + b"more", length=len(BYTES)))
    assert read_all(http, opened(http)) == BYTES


def test_more_than_the_page_said_is_too_much(http: TierHttp) -> None:
    http.on(GET, chunked_answer(BYTES, b"x"))
    with pytest.raises(TierUnreachable, match="more than it stated"):
        read_all(http, opened(http, file=listed(WHEEL, size=len(BYTES))))


@pytest.mark.parametrize("answer", [http_answer(200, BYTES), chunked_answer(BYTES[:-1], BYTES[-1:])])
def test_a_file_one_byte_over_the_limit_is_refused(http: TierHttp, answer: bytes) -> None:
    http.on(GET, answer)
    assert read_all(http, opened(http, index=far_index(http, limits=Limits(file=len(BYTES))))) == BYTES
    with pytest.raises(TierUnreachable, match="a file of more than"):
        read_all(http, opened(http, index=far_index(http, limits=Limits(file=len(BYTES) - 1))))


def test_closing_a_stream_gives_its_connection_up(http: TierHttp) -> None:
    http.on(GET, http_answer(200, b"x" * (4 * 2**20)))
    stream = opened(http)
    stream.close()
    stream.close()
    assert http.wires[0].closed
    http.settle()
    assert not http.clock.getDelayedCalls()


@pytest.mark.parametrize("answer", [chunked_answer(BYTES), chunked_answer(BYTES)[:-5]])
def test_a_stream_that_was_closed_before_its_end_never_seems_complete(http: TierHttp, answer: bytes) -> None:
    http.on(GET, answer)
    stream = opened(http)
    stream.close()
    with pytest.raises(TierUnreachable, match="given up here"):
        http.result(stream.read())


def test_a_reader_that_waits_is_told_that_the_stream_was_closed(http: TierHttp) -> None:
    http.on(GET, http_answer(200, b"", length=1))
    stream = opened(http)
    waiting = http.begin(stream.read())
    stream.close()
    with pytest.raises(TierUnreachable, match="given up here"):
        http.outcome(waiting)


def test_closing_a_stream_at_its_end_keeps_the_connection(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES))
    stream = opened(http)
    assert read_all(http, stream) == BYTES
    stream.close()
    assert not http.wires[0].closed


def test_a_file_that_is_gone_is_absent(http: TierHttp) -> None:
    with pytest.raises(FileAbsent):
        opened(http)


@pytest.mark.parametrize("status", [500, 403, 204, 206])
def test_any_other_status_is_unreachable(http: TierHttp, status: int) -> None:
    http.on(GET, http_answer(status))
    with pytest.raises(TierUnreachable, match=str(status)):
        opened(http)


def test_a_file_that_begins_on_the_second_try_streams(http: TierHttp) -> None:
    http.on(GET, http_answer(502), http_answer(200, BYTES))
    assert read_all(http, opened(http)) == BYTES


# -- codings


@pytest.mark.parametrize("coding", ["gzip", "br", "x-unknown"])
def test_a_file_that_was_coded_on_its_way_is_refused_and_never_decoded(http: TierHttp, coding: str) -> None:
    http.on(GET, http_answer(200, gzip.compress(BYTES), {"Content-Encoding": coding}))
    with pytest.raises(TierUnreachable, match="content coding"):
        opened(http)


def test_a_tar_gz_that_its_server_calls_coded_passes_as_it_is_where_a_digest_tells(http: TierHttp) -> None:
    url = "https://files.example/numpy-1.0.tar.gz"
    data = gzip.compress(BYTES)
    http.on(f"GET {url}", http_answer(200, data, {"Content-Encoding": "x-gzip"}))
    assert read_all(http, opened(http, file=listed(url, hashes={"sha256": sha256(data).hexdigest()}))) == data
    with pytest.raises(TierUnreachable, match="content coding"):
        opened(http, file=listed(url))


# -- from the middle on


def test_a_stream_from_the_middle_on_says_where_it_begins(http: TierHttp) -> None:
    http.on(GET, partial(100, len(BYTES)))
    stream = opened(http, start=100)
    assert http.requests[0].headers["range"] == "bytes=100-"
    assert (stream.start, stream.size_bytes) == (100, len(BYTES))
    assert read_all(http, stream) == BYTES[100:]


def test_a_range_that_is_ignored_gives_the_whole_file_from_its_start(http: TierHttp) -> None:
    http.on(GET, http_answer(200, BYTES))
    stream = opened(http, start=100)
    assert (stream.start, stream.size_bytes) == (0, len(BYTES))
    assert read_all(http, stream) == BYTES


def test_a_tier_that_does_not_know_the_length_of_the_whole_still_ends_at_its_end(http: TierHttp) -> None:
    http.on(GET, partial(100, len(BYTES), total="*"))
    stream = opened(http, start=100)
    assert read_all(http, stream) == BYTES[100:]


@pytest.mark.parametrize(
    "answer",
    [
        partial(99, len(BYTES)),
        partial(101, len(BYTES)),
        partial(100, len(BYTES) - 1),
        partial(100, len(BYTES), body=BYTES),
        http_answer(206, BYTES[100:]),
        http_answer(206, BYTES[100:], {"Content-Range": "bytes 100-/10240"}),
        http_answer(206, BYTES[100:], {"Content-Range": "lines 100-10239/10240"}),
        http_answer(206, BYTES[100:], {"Content-Type": "multipart/byteranges; boundary=x"}),
    ],
)
def test_another_range_than_asked_for_is_refused(http: TierHttp, answer: bytes) -> None:
    http.on(GET, answer)
    with pytest.raises(TierUnreachable, match="range"):
        opened(http, start=100)


def test_a_range_that_sends_more_than_it_stated_fails(http: TierHttp) -> None:
    headers = {"Content-Range": f"bytes 100-{len(BYTES) - 1}/{len(BYTES)}"}
    http.on(GET, chunked_answer(BYTES[100:], b"x", headers=headers, status=206))
    with pytest.raises(TierUnreachable, match="more than it stated"):
        read_all(http, opened(http, start=100))


def test_a_range_that_ends_before_what_it_stated_fails(http: TierHttp) -> None:
    headers = {"Content-Range": f"bytes 100-{len(BYTES) - 1}/{len(BYTES)}"}
    http.on(GET, chunked_answer(BYTES[100:-1], headers=headers, status=206))
    with pytest.raises(TierUnreachable, match="ended early"):
        read_all(http, opened(http, start=100))


def test_nothing_is_left_behind_the_last_byte(http: TierHttp) -> None:
    http.on(GET, http_answer(416, b"", {"Content-Range": f"bytes */{len(BYTES)}"}))
    stream = opened(http, start=len(BYTES))
    assert (stream.start, stream.size_bytes) == (len(BYTES), len(BYTES))
    assert read_all(http, stream) == b""
    stream.close()


@pytest.mark.parametrize("headers", [{"Content-Range": f"bytes */{len(BYTES) - 1}"}, {}])
def test_a_file_that_is_shorter_than_what_is_asked_for_is_broken(http: TierHttp, headers: dict[str, str]) -> None:
    http.on(GET, http_answer(416, b"", headers))
    with pytest.raises(TierUnreachable, match="no byte 10240"):
        opened(http, start=len(BYTES))


# -- small ranges


def test_a_range_is_read(http: TierHttp) -> None:
    http.on(GET, partial(10, 20))
    assert part(http, 10, 10) == FileRange(data=BYTES[10:20], start=10, size_bytes=len(BYTES))
    assert http.requests[0].headers["range"] == "bytes=10-19"
    assert http.requests[0].headers["accept-encoding"] == "identity"


def test_a_range_over_the_end_stops_there(http: TierHttp) -> None:
    http.on(GET, partial(len(BYTES) - 5, len(BYTES)))
    assert part(http, len(BYTES) - 5, 10).data == BYTES[-5:]


def test_a_range_behind_the_end_is_empty(http: TierHttp) -> None:
    http.on(GET, http_answer(416, b"", {"Content-Range": f"bytes */{len(BYTES)}"}))
    assert part(http, len(BYTES), 10) == FileRange(data=b"", start=len(BYTES), size_bytes=len(BYTES))


def test_a_negative_start_counts_from_the_end(http: TierHttp) -> None:
    http.on(GET, partial(len(BYTES) - 10, len(BYTES)))
    assert part(http, -10, 10) == FileRange(data=BYTES[-10:], start=len(BYTES) - 10, size_bytes=len(BYTES))
    assert http.requests[0].headers["range"] == "bytes=-10"


def test_a_negative_start_gives_no_more_than_asked_for(http: TierHttp) -> None:
    http.on(GET, partial(len(BYTES) - 10, len(BYTES)))
    assert part(http, -10, 4) == FileRange(data=BYTES[-10:-6], start=len(BYTES) - 10, size_bytes=len(BYTES))


def test_a_file_that_is_shorter_than_what_is_counted_from_its_end_comes_whole(http: TierHttp) -> None:
    http.on(GET, partial(0, len(BYTES)))
    assert part(http, -1_000_000, 1_000_000) == FileRange(data=BYTES, start=0, size_bytes=len(BYTES))


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(416, b""),
        http_answer(501, b""),
        http_answer(400, b""),
        partial(0, 10),  # `-10` read as the first ten
        partial(0, 11),
    ],
)
def test_where_nothing_counts_from_the_end_the_size_is_asked_for_first(http: TierHttp, answer: bytes) -> None:
    http.on(GET, answer, partial(len(BYTES) - 10, len(BYTES)))
    http.on(HEAD, http_answer(200, length=len(BYTES)))
    assert part(http, -10, 10).data == BYTES[-10:]
    assert http.asked() == [GET, HEAD, GET]
    assert http.requests[2].headers["range"] == f"bytes={len(BYTES) - 10}-{len(BYTES) - 1}"


def test_without_a_size_there_is_no_counting_from_the_end(http: TierHttp) -> None:
    http.on(GET, http_answer(501))
    http.on(HEAD, http_answer(405))
    with pytest.raises(RangesUnsupported):
        part(http, -10, 10)


@pytest.mark.parametrize("start", [0, 10, -10])
def test_a_range_that_is_ignored_is_not_read(http: TierHttp, start: int) -> None:
    http.on(GET, http_answer(200, length=8 * 2**20))
    with pytest.raises(RangesUnsupported) as unsupported:
        part(http, start, 10)
    assert unsupported.value.tier == "office"
    assert http.wires[0].closed


@pytest.mark.parametrize("header", [None, "bytes 10-19/*", "nonsense"])
@pytest.mark.parametrize("start", [10, -10])
def test_a_range_that_does_not_say_of_what_is_no_range(http: TierHttp, header: str | None, start: int) -> None:
    http.on(GET, http_answer(206, BYTES[10:20], {} if header is None else {"Content-Range": header}))
    with pytest.raises(RangesUnsupported):
        part(http, start, 10)


@pytest.mark.parametrize(
    "answer",
    [
        partial(11, 20),
        partial(10, 19),
        partial(10, 21),
        http_answer(416, b"", {"Content-Range": f"bytes */{len(BYTES)}"}),
        http_answer(206, BYTES[10:20], {"Content-Range": f"bytes 10-19/{len(BYTES)}", "Content-Encoding": "gzip"}),
    ],
)
def test_a_range_that_is_another_is_refused(http: TierHttp, answer: bytes) -> None:
    http.on(GET, answer)
    with pytest.raises(TierUnreachable):
        part(http, 10, 10)


@pytest.mark.parametrize("sent", [BYTES[10:19], BYTES[10:21]])
def test_a_range_of_another_length_than_it_stated_is_refused(http: TierHttp, sent: bytes) -> None:
    http.on(GET, chunked_answer(sent, headers={"Content-Range": f"bytes 10-19/{len(BYTES)}"}, status=206))
    with pytest.raises(TierUnreachable, match=r"ended early|more than it stated"):
        part(http, 10, 10)


def test_a_range_of_a_file_that_is_gone_is_absent(http: TierHttp) -> None:
    with pytest.raises(FileAbsent):
        part(http, 0, 10)


# -- sizes


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (http_answer(200, length=123), 123),
        (http_answer(200, length=0), 0),
        (http_answer(200, length=None), None),
        (http_answer(200, headers={"Content-Encoding": "gzip"}, length=123), None),
        (http_answer(405), None),
        (http_answer(501), None),
    ],
)
def test_head_tells_the_size_or_nothing(http: TierHttp, answer: bytes, size: int | None) -> None:
    http.on(HEAD, answer)
    assert http.result(far_index(http).file_size(listed(WHEEL))) == size


def test_a_url_signed_for_get_alone_tells_no_size(http: TierHttp) -> None:
    http.on(HEAD, http_answer(302, headers={"Location": "https://bucket.example/x?sig=1"}))
    http.on("HEAD https://bucket.example/x?sig=1", http_answer(403))
    assert http.result(far_index(http).file_size(listed(WHEEL))) is None


@pytest.mark.parametrize(("status", "error"), [(404, FileAbsent), (403, TierUnreachable), (500, TierUnreachable)])
def test_a_head_that_is_refused_says_why(http: TierHttp, status: int, error: type[Exception]) -> None:
    http.on(HEAD, http_answer(status))
    with pytest.raises(error):
        http.result(far_index(http).file_size(listed(WHEEL)))


# -- what belongs to a file


def test_a_sidecar_stands_beside_its_file(http: TierHttp) -> None:
    http.on(f"GET {WHEEL}.metadata", http_answer(200, b"Metadata-Version: 2.1\n"))
    assert http.result(far_index(http).sidecar(listed(WHEEL))) == b"Metadata-Version: 2.1\n"


def test_the_sidecar_of_a_signed_url_stands_beside_its_path(http: TierHttp) -> None:
    http.on(f"GET {WHEEL}.metadata?sig=1", gzipped_answer(b"Metadata-Version: 2.1\n"))
    assert http.result(far_index(http).sidecar(listed(f"{WHEEL}?sig=1"))) == b"Metadata-Version: 2.1\n"


def test_provenance_is_fetched_from_where_the_page_says(http: TierHttp) -> None:
    url = "https://index.example/integrity/numpy-1.0-py3-none-any.whl/provenance"
    http.on(f"GET {url}", http_answer(200, b"{}"))
    assert http.result(far_index(http).provenance(listed(WHEEL, provenance=url))) == b"{}"


def test_a_missing_sidecar_or_provenance_is_absent_by_its_own_name(http: TierHttp) -> None:
    with pytest.raises(FileAbsent) as absent:
        http.result(far_index(http).sidecar(listed(WHEEL)))
    assert absent.value.filename == "numpy-1.0-py3-none-any.whl.metadata"
    with pytest.raises(FileAbsent):
        http.result(far_index(http).provenance(listed(WHEEL)))


@pytest.mark.parametrize("answer", [http_answer(200, b"12345"), gzipped_answer(b"12345")], ids=["plain", "gzip"])
def test_a_sidecar_one_byte_over_the_limit_is_refused(http: TierHttp, answer: bytes) -> None:
    http.on(f"GET {WHEEL}.metadata", answer)
    roomy = Limits(sidecar=25)  # room for the gzip around five bytes, which the next one has not
    assert http.result(far_index(http, limits=roomy).sidecar(listed(WHEEL))) == b"12345"
    with pytest.raises(TierUnreachable, match="attachment of more than 4 bytes"):
        http.result(far_index(http, limits=Limits(sidecar=4)).sidecar(listed(WHEEL)))


def test_a_sidecar_that_is_a_gzip_bomb_is_refused(http: TierHttp) -> None:
    http.on(f"GET {WHEEL}.metadata", gzipped_answer(b"\0" * 1001))
    index = far_index(http, limits=Limits(sidecar=1000))
    with pytest.raises(TierUnreachable, match="attachment of more than 1000 bytes"):
        http.result(index.sidecar(listed(WHEEL)))


def test_a_provenance_over_the_limit_is_refused(http: TierHttp) -> None:
    http.on("GET https://files.example/p", http_answer(200, b"12345"))
    index = far_index(http, limits=Limits(provenance=4))
    with pytest.raises(TierUnreachable, match="attachment of more than 4 bytes"):
        http.result(index.provenance(listed(WHEEL, provenance="https://files.example/p")))


# -- where files may be


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/numpy-1.0.tar.gz", "http://169.254.169.254/numpy-1.0.tar.gz", "file:///numpy-1.0.tar.gz"]
)
def test_a_file_at_a_private_address_is_never_asked_for(http: TierHttp, url: str) -> None:
    index = far_index(http)
    file = listed(url, provenance=url)
    for awaitable in (
        index.file(file, 0),
        index.file_range(file, 0, 1),
        index.file_size(file),
        index.sidecar(file),
        index.provenance(file),
    ):
        with pytest.raises(TierUnreachable, match="it lists a URL"):
            http.result(awaitable)
    assert http.asked() == []


# -- what a node does not give out

NOT_ADMITTED = {"Cache-Status": "office; detail=not-admitted"}
SAID = b"numpy-1.0-py3-none-any.whl is not given out: it requires evil @ https://x.example/.\n"


def refused(http: TierHttp, how: str, file: File | None = None) -> Exception:
    index, file = far_index(http), file or listed(WHEEL)
    asks = {
        "file": lambda: index.file(file, 0),
        "size": lambda: index.file_size(file),
        "sidecar": lambda: index.sidecar(file),
    }
    with pytest.raises(TiercacheError) as told:
        http.result(asks[how]())
    return told.value


@pytest.mark.parametrize("how", ["file", "sidecar"])
def test_a_node_that_does_not_give_a_file_out_is_heard_in_its_own_words(http: TierHttp, how: str) -> None:
    for ask in (GET, f"{GET}.metadata"):
        http.on(ask, http_answer(403, SAID, NOT_ADMITTED))
    error = refused(http, how)
    assert isinstance(error, FileRefused)
    assert error.reason == "tier office says: it requires evil @ https://x.example/"


def test_a_head_without_words_says_it_too(http: TierHttp) -> None:
    http.on(HEAD, http_answer(403, headers=NOT_ADMITTED, length=100))
    assert isinstance(refused(http, "size"), FileRefused)


@pytest.mark.parametrize("fields", [{}, {"Cache-Status": "office; fwd=miss; detail=absent"}])
def test_any_other_403_is_no_word_about_the_file(http: TierHttp, fields: dict[str, str]) -> None:
    http.on(GET, http_answer(403, SAID, fields))
    assert isinstance(refused(http, "file"), TierWithoutAnswer)


@pytest.mark.parametrize(("more", "is_heard"), [(0, True), (1, False)])
def test_nobody_listens_to_a_refusal_without_end(http: TierHttp, more: int, is_heard: bool) -> None:
    http.on(GET, http_answer(403, b"x" * (LONGEST_REFUSAL_BYTES + more), NOT_ADMITTED))
    assert isinstance(refused(http, "file"), FileRefused) is is_heard


def test_what_a_refusal_says_is_one_line_of_plain_text(http: TierHttp) -> None:
    http.on(GET, http_answer(403, b"bad\r\nSet-Cookie: x\x1b[31m \xff", NOT_ADMITTED))
    error = refused(http, "file")
    assert isinstance(error, FileRefused)
    assert error.reason == "tier office says: bad Set-Cookie: x?[31m \ufffd"
