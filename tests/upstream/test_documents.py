"""The documents that a node keeps warm: files and URLs, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from tests.doubles.now import at_once, result_of
from tests.doubles.tier_http import TierHttp, chunked_answer, http_answer
from tiercache.errors import DocumentUnavailable
from tiercache.interfaces import Tier
from tiercache.upstream.documents import Documents
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Requests
from tiercache.upstream.target import Target
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES

URL = "https://docs.example/app/requirements.txt?token=secret"


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def documents(http: TierHttp) -> Documents:
    def requests_to(target: Target) -> Requests:
        return Requests(
            tier=Tier(name=target.host.name, kind="document"),
            agent=http.agent,
            clock=http.clock,
            now=http.clock.seconds,
            jitter=lambda: 0.0,
            reach=Reach(own=target.host.name),
        )

    return Documents(requests_to=requests_to, pool=at_once)


def trouble(http: TierHttp, place: str) -> DocumentUnavailable:
    with pytest.raises(DocumentUnavailable) as caught:
        http.result(documents(http).content(place))
    return caught.value


def test_a_file_is_read_as_it_is(http: TierHttp, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(b"\xff\xfenumpy")
    assert result_of(documents(http).content(str(path))) == b"\xff\xfenumpy"


def test_a_file_that_is_not_there_or_is_none_says_why(http: TierHttp, tmp_path: Path) -> None:
    assert trouble(http, str(tmp_path / "nothing")).reason == "No such file or directory"
    assert trouble(http, str(tmp_path)).reason == "Is a directory"


def test_a_file_of_one_byte_too_many_is_not_taken(http: TierHttp, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    with path.open("wb") as file:
        file.truncate(MOST_DOCUMENT_BYTES)
    assert len(result_of(documents(http).content(str(path)))) == MOST_DOCUMENT_BYTES
    with path.open("wb") as file:
        file.truncate(MOST_DOCUMENT_BYTES + 1)
    assert "bytes" in trouble(http, str(path)).reason


def test_what_is_behind_a_url_is_asked_for_anew_each_time(http: TierHttp) -> None:
    http.on(f"GET {URL}", http_answer(200, b"numpy\n"))
    for _ in range(2):
        assert http.result(documents(http).content(URL)) == b"numpy\n"
    assert len(http.requests) == 2
    assert http.requests[0].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("status", [404, 403, 204, 304])
def test_another_answer_is_no_document(http: TierHttp, status: int) -> None:
    http.on(f"GET {URL}", http_answer(status))
    assert str(status) in trouble(http, URL).reason


def test_a_secret_in_a_url_is_not_told(http: TierHttp) -> None:
    http.on(f"GET {URL}", http_answer(404))
    assert "secret" not in str(trouble(http, URL))


def test_an_answer_without_an_end_is_given_up(http: TierHttp) -> None:
    http.on(f"GET {URL}", chunked_answer(*[b"x" * 1024 * 1024] * 33))
    assert "more than" in trouble(http, URL).reason


def test_a_host_that_does_not_answer_is_given_up(http: TierHttp) -> None:
    http.no_connection("docs.example", Refused())
    assert trouble(http, URL).place == URL.partition("?")[0]


def test_nothing_private_is_asked_that_a_public_host_redirects_to(http: TierHttp) -> None:
    http.on(f"GET {URL}", http_answer(302, headers={"Location": "https://10.0.0.1/"}))
    assert "private" in trouble(http, URL).reason


@pytest.mark.parametrize("place", ["https://", "http://exa mple/x", "https://docs.example:99999/x"])
def test_a_url_that_is_none_is_no_document(http: TierHttp, place: str) -> None:
    trouble(http, place)
