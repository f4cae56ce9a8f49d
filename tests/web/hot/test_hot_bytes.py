"""Bytes that no client should send, and some that it may: the front and the stock channel answer the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.wire import HOST
from tests.web.hot.oracle import READY, compare, cut, one_input, seeds, twins, warm
from tests.web.hot.twins import Twins, head
from tiercache.web.hot.beforehand import QUIET_S

PAGE = READY[0]
PLAIN = head("GET", PAGE)
LINE = f"GET {PAGE} HTTP/1.1\r\n".encode()
AT = f"Host: {HOST}\r\n".encode()

ODD = {
    "bare LF": LINE.replace(b"\r\n", b"\n") + AT + b"\r\n",
    "bare LF in the block": LINE + AT.replace(b"\r\n", b"\n") + b"\r\n",
    "bare LF at the end": LINE + AT + b"\n",
    "bare CR": LINE + b"Host: here\rX: y\r\n\r\n",
    "NUL in a field": LINE + AT + b"X: a\x00b\r\n\r\n",
    "NUL in the target": LINE.replace(b"numpy", b"num\x00py") + AT + b"\r\n",
    "high bytes in a field": LINE + AT + b"X: \xe4\xff\r\n\r\n",
    "folded field": LINE + AT + b"X: a\r\n b\r\n\r\n",
    "folded validator": LINE + AT + b'If-None-Match: "a",\r\n *\r\n\r\n',
    "folded first line of the block": LINE + b" X: a\r\n" + AT + b"\r\n",
    "space before the colon": LINE + AT + b"X : a\r\n\r\n",
    "no colon": LINE + AT + b"X\r\n\r\n",
    "empty name": LINE + AT + b": a\r\n\r\n",
    "no Host": LINE + b"X: a\r\n\r\n",
    "no fields at all": LINE + b"\r\n",
    "two Hosts": LINE + AT + AT + b"\r\n",
    "Host that is none": LINE + b"Host: a b\r\n\r\n",
    "empty Host": LINE + b"Host:\r\n\r\n",
    "two Hosts in one": LINE + b"Host: a, b\r\n\r\n",
    "Content-Length": LINE + AT + b"Content-Length: 3\r\n\r\nabc" + PLAIN,
    "Content-Length of nothing": LINE + AT + b"Content-Length: 0\r\n\r\n" + PLAIN,
    "Content-Length twice": LINE + AT + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" + PLAIN,
    "length and chunks": LINE + AT + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PLAIN,
    "chunks": LINE + AT + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + PLAIN,
    "chunks under another name": LINE + AT + b"transfer-encoding: identity\r\n\r\n" + PLAIN,
    "Expect": LINE + AT + b"Expect: 100-continue\r\n\r\n" + PLAIN,
    "upgrade": LINE + AT + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + PLAIN,
    "upgrade to HTTP/2": LINE
    + AT
    + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "close": LINE + AT + b"Connection: close\r\n\r\n" + PLAIN,
    "close in a list": LINE + AT + b"Connection: keep-alive, close\r\n\r\n" + PLAIN,
    "keep-alive": LINE + AT + b"Connection: keep-alive\r\n\r\n" + PLAIN,
    "HTTP/1.0": LINE.replace(b"1.1", b"1.0") + AT + b"\r\n" + PLAIN,
    "HTTP/1.0 that stays": LINE.replace(b"1.1", b"1.0") + AT + b"Connection: keep-alive\r\n\r\n" + PLAIN,
    "HTTP/0.9": f"GET {PAGE}\r\n".encode() + PLAIN,
    "HTTP/2.0": LINE.replace(b"1.1", b"2.0") + AT + b"\r\n",
    "http in small letters": LINE.replace(b"HTTP", b"http") + AT + b"\r\n",
    "absolute form": f"GET http://{HOST}{PAGE} HTTP/1.1\r\n".encode() + AT + b"\r\n" + PLAIN,
    "absolute form of another host": f"GET http://other.example{PAGE} HTTP/1.1\r\n".encode() + AT + b"\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + AT + b"\r\n" + PLAIN,
    "CONNECT": f"CONNECT {HOST} HTTP/1.1\r\n".encode() + AT + b"\r\n" + PLAIN,
    "two spaces": LINE.replace(b"GET ", b"GET  ") + AT + b"\r\n",
    "space behind the version": LINE.replace(b"1.1", b"1.1 ") + AT + b"\r\n",
    "space in the target": LINE.replace(b"numpy/", b"numpy/ x") + AT + b"\r\n",
    "query": LINE.replace(b"numpy/", b"numpy/?a=b") + AT + b"\r\n",
    "fragment": LINE.replace(b"numpy/", b"numpy/#a") + AT + b"\r\n",
    "small letters": LINE.replace(b"GET", b"get") + AT + b"\r\n",
    "other methods": b"".join(LINE.replace(b"GET", name) + AT + b"\r\n" for name in (b"OPTIONS", b"DELETE", b"TRACE")),
    "empty line before": b"\r\n" + PLAIN,
    "two empty lines before": b"\r\n\r\n" + PLAIN,
    "empty line between": PLAIN + b"\r\n" + PLAIN,
    "rubbish": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "head of 17 KB": LINE + AT + b"X: " + b"a" * 17_000 + b"\r\n\r\n" + PLAIN,
    "line of 17 KB": b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + AT + b"\r\n" + PLAIN,
    "head of 17 KB in lines": LINE + AT + b"X: aaaaaaa\r\n" * 1500 + b"\r\n" + PLAIN,
    "101 fields": LINE + AT + b"X: a\r\n" * 101 + b"\r\n" + PLAIN,
    "validator twice": LINE + AT + b'If-None-Match: "a"\r\nIf-None-Match: *\r\n\r\n',
    "validator in two spellings": LINE + AT + b'If-None-Match: "a"\r\nif-none-match: *\r\n\r\n',
    "validator in another spelling": LINE + AT + b"IF-NONE-MATCH: *\r\n\r\n",
    "validator with a bare LF": LINE + AT + b'If-None-Match: "a"\n*\r\n\r\n',
    "validator without a value": LINE + AT + b"If-None-Match:\r\n\r\n",
    "validator last, and half": LINE + AT + b"If-None-Match: *\r\n",
    "Accept twice": LINE + AT + b"Accept: text/html\r\nAccept: application/vnd.pypi.simple.v1+json\r\n\r\n",
    "Accept of nothing here": LINE + AT + b"Accept: image/png\r\n\r\n" + PLAIN,
    "Accept-Encoding twice": LINE + AT + b"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n",
    "pipelined": PLAIN * 40,
    "pipelined with others": PLAIN + head("GET", "/healthz") + PLAIN + head("HEAD", PAGE) + head("GET", "/nothing"),
    "pipelined behind a body": head("POST", "/api/v1/pages", {"Content-Length": "2"}) + b"{}" + PLAIN * 3,
    "pipelined behind an upload": head("POST", "/legacy/", {"Content-Length": "2"}) + b"{}" + PLAIN * 3,
    "pipelined with ranges": head("GET", READY[2], {"Range": "bytes=0-3"}) + PLAIN,
    "half a head behind": PLAIN + LINE + b"Ho",
    "body behind": PLAIN + b"body",
}
"""What clients may send, each by its name."""


@pytest.mark.parametrize("name", ODD)
def test_odd_bytes_are_answered_as_the_stock_channel_does(name: str) -> None:
    compare([ODD[name]])
    compare([PLAIN, ODD[name]])
    compare([PLAIN + ODD[name]])
    compare([ODD[name], PLAIN])


@pytest.mark.parametrize("name", ODD)
def test_odd_bytes_that_come_one_by_one_too(name: str) -> None:
    data = ODD[name]
    step = max(1, len(data) // 400)
    compare([data[at : at + step] for at in range(0, len(data), step)])


@pytest.mark.parametrize(
    "name", ["keep-alive", "pipelined with others", "pipelined behind a body", "empty line between"]
)
def test_odd_bytes_that_are_cut_anywhere_too(name: str) -> None:
    data = ODD[name]
    for place in range(len(data)):
        compare([data[:place], data[place:]])


@pytest.mark.parametrize(
    "name", ["pipelined with others", "pipelined behind a body", "Content-Length", "half a head behind"]
)
def test_client_that_leaves_anywhere_leaves_nothing_behind(name: str) -> None:
    node = Twins()  # of its own, since its time passes
    warm(node)
    data = ODD[name]
    for place in range(len(data)):
        for wire in (node.hot, node.stock):
            connection = wire.connect()
            connection.send(data[:place])
            connection.leave()
        node.node.clock.advance(QUIET_S)  # what is made ready for others is none of the client's
        assert node.node.clock.getDelayedCalls() == []


@pytest.mark.parametrize("name", [name for name, data in ODD.items() if data.endswith(PLAIN)])
def test_what_follows_on_the_same_connection_is_answered_or_the_connection_is_closed(name: str) -> None:
    node = twins()
    connection = node.hot.connect()
    connection.send(ODD[name])
    node.node.clock.advance(0)
    assert not connection.is_open or connection.received.endswith(b"</html>\n")
    connection.leave()


@pytest.mark.parametrize("names", [("If-None-Match",) * 2, ("If-None-Match", "if-none-match"), ("IF-None-Match",) * 2])
def test_validators_in_several_lines_are_one_list(names: tuple[str, str]) -> None:
    node = twins()
    etag = re.search(rb"ETag: ([^\r]*)", node.stock_answer(PLAIN))[1]
    for first, second in ((etag, b'"a"'), (b'"a"', etag)):
        request = LINE + AT + b"%b: %b\r\n%b: %b\r\n\r\n" % (names[0].encode(), first, names[1].encode(), second)
        assert b" 304 " in node.hot_answer(request)
        compare([request])


def test_half_a_head_is_ended_at_its_deadline_whatever_was_answered_before() -> None:
    node = Twins()
    node.warm(PAGE)
    connection = node.connect()
    connection.send(PLAIN + LINE)
    node.node.clock.advance(19.9)
    assert connection.is_open
    node.node.clock.advance(0.2)
    assert re.search(rb"HTTP/1.1 408 ", connection.received)
    assert not connection.is_open


# -- made up ------------------------------------------------------------------------------------------------------

TARGETS = st.sampled_from(
    [*READY, "/healthz", "/simple/numpy", f"http://{HOST}{PAGE}", f"{PAGE}?x", "*", "", "/simple/%6eumpy/"]
)
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "G\x00T"])
VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/1.1 ", ""])
ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\r\n\r\n"])
FIELDS = st.sampled_from(
    [
        f"Host: {HOST}",
        f"Host: {HOST}",
        "host: other.example",
        "Accept: application/vnd.pypi.simple.v1+json",
        "accept: text/html;q=0.5, */*;q=0.1",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        "Connection: close",
        "Content-Length: 3",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        'If-None-Match: "a", *',
        "if-none-match: *",
        "If-None-Match:*",
        "Range: bytes=0-5",
        "range: bytes=-1",
        'If-Range: "a"',
        "Cache-Control: no-cache",
        "Cache-Control:",
        "Via: 1.1 here",
        "Via: 1.1 other",
        "User-Agent: pip/26.2",
        "Authorization: Bearer x",
        "X: \x00",
        "X: \xe9",
        "X : y",
        "X",
        ": y",
        "Expect: 100-continue",
        "Upgrade: h2c",
        "X-Forwarded-For: 192.0.2.1",
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = [f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}", *draw(st.lists(FIELDS, max_size=6))]
    if draw(st.booleans()):
        lines.insert(1, f"Host: {HOST}")
    text = "".join(line + (draw(ENDS) if draw(st.integers(0, 9)) == 0 else "\r\n") for line in lines)
    return (text + draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "", "\r\nabc"]))).encode("latin-1")


@settings(max_examples=300)
@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=4))
def test_front_and_stock_channel_never_part(sent: list[bytes], places: list[int]) -> None:
    compare(list(cut(b"".join(sent), places)))


def test_fuzzer_begins_from_what_is_right() -> None:
    node = twins()
    for seed in seeds():
        one_input(seed)
    asked = node.asked.requests
    compare([head("GET", path) for path in READY])
    assert node.asked.requests == asked, "the front answers these"
