"""Every answer that is ready, byte for byte beside the one that the application gives: but for the time of day."""

from __future__ import annotations

import re

import pytest

from tests.doubles.now import result_of
from tests.doubles.small_node import listed
from tests.web.hot.twins import NUMPY_NAME, PATHS, MakeTwins, Twins, head

ACCEPTS = (
    None,
    "text/html",
    "application/vnd.pypi.simple.v1+json",
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "image/png",
)
ENCODINGS = (None, "identity", "gzip, deflate, zstd", "gzip;q=0", "br")
VALIDATORS = ("{etag}", "W/{etag}", '"another"', '"another", {etag}', "*", "no tag", '"another')


def etag_in(answer: bytes) -> str:
    found = re.search(rb"\r\nETag: ([^\r]*)", answer)
    return "" if found is None else found[1].decode()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accept", ACCEPTS)
def test_ready_answer_is_the_application_s_in_every_encoding_method_and_condition(
    path: str, accept: str | None, make_twins: MakeTwins
) -> None:
    twins = make_twins()
    for encoding in ENCODINGS:
        fields = {} if accept is None else {"Accept": accept}
        fields |= {} if encoding is None else {"Accept-Encoding": encoding}
        whole = twins.warm(path, fields)
        etag = etag_in(whole)
        conditions = [validator.format(etag=etag) for validator in VALIDATORS] if etag else []
        for method in ("GET", "HEAD"):
            for condition in (None, *conditions):
                request = head(method, path, fields if condition is None else {**fields, "If-None-Match": condition})
                assert twins.hot_answer(request) == twins.stock_answer(request)
                assert twins.is_hot(request) is bool(etag), "what is no page of ours is refused by the application"


@pytest.mark.parametrize("path", PATHS)
def test_ready_answer_grows_old_as_the_application_s_does(path: str, make_twins: MakeTwins) -> None:
    twins = make_twins()
    request = head("GET", path)
    twins.warm(path)
    for seconds in (0.0, 0.3, 0.7, 0.5, 0.5, 7.5, 0.25, 589.25, 0.5, 0.49):
        twins.node.clock.advance(seconds)
        assert twins.hot_answer(request) == twins.stock_answer(request)
        assert twins.is_hot(request)


def test_page_that_is_not_fresh_any_more_is_the_application_s_to_ask_for(make_twins: MakeTwins) -> None:
    twins = make_twins()
    twins.warm("/simple/numpy/")
    twins.node.clock.advance(599.99)
    assert twins.is_hot(head("GET", "/simple/numpy/"))
    twins.node.clock.advance(0.01)
    assert not twins.is_hot(head("GET", "/simple/numpy/"))
    assert twins.is_hot(head("GET", "/simple/numpy/")), "it has been asked for, and is fresh again"


LARGE = "/simple/large/"


def with_large_page(make_twins: MakeTwins) -> Twins:
    """Beside the others a page that is not rendered in no time, so that the application is asked first."""
    twins = make_twins()
    listed(twins.public, "large", *((f"large-{number}.tar.gz", b"%d" % number) for number in range(201)))
    result_of(twins.node.page("large"))
    return twins


def test_answer_to_a_conditional_or_a_head_request_is_kept_as_well(make_twins: MakeTwins) -> None:
    for request in (head("HEAD", LARGE), head("GET", LARGE, {"If-None-Match": "*"})):
        twins = with_large_page(make_twins)
        assert not twins.is_hot(request)
        assert twins.is_hot(head("GET", LARGE))


def test_what_varies_is_kept_for_each_who_asks_for_it(make_twins: MakeTwins) -> None:
    twins = with_large_page(make_twins)
    twins.warm(LARGE, {"Accept-Encoding": "gzip"})
    assert not twins.is_hot(head("GET", LARGE))
    assert twins.is_hot(head("GET", LARGE, {"Accept-Encoding": "gzip"}))
    assert twins.is_hot(head("GET", LARGE))


@pytest.mark.parametrize(
    "path",
    [
        "/simple/",
        "/simple/numpy",
        "/simple/NumPy/",
        "/simple/nothing/",
        "/",
        "/healthz",
        "/pypi/numpy/json",
        "/api/v1/node",
        "/simple/numpy/?format=application/vnd.pypi.simple.v1%2Bjson",
        f"/packages/any/n/numpy/{NUMPY_NAME}.metadata",
    ],
)
def test_what_is_not_kept_ready_is_the_application_s_each_time(path: str, make_twins: MakeTwins) -> None:
    twins = make_twins()
    for _ in range(2):
        assert not twins.is_hot(head("GET", path))
