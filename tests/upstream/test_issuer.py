"""An issuer over HTTP: what it says is read within limits, and believed only where an issuer may say it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from tests.doubles.issuer import DISCOVERY, KEYS, URL, SmallIssuer
from tests.doubles.minting_node import issuer_over
from tests.doubles.tier_http import TierHttp, chunked_answer, http_answer
from tiercache.access.signing_keys import SigningKey
from tiercache.errors import IssuerUnreachable
from tiercache.upstream.issuer import DEADLINES, MOST_DISCOVERY_BYTES, MOST_KEYS_BYTES


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


@pytest.fixture
def ci(http: TierHttp) -> SmallIssuer:
    issuer = SmallIssuer(now=http.clock.seconds)
    issuer.serve(http)
    return issuer


def keys(http: TierHttp, url: str = URL) -> tuple[SigningKey, ...]:
    return http.result(issuer_over(http, url).keys())


def trouble(http: TierHttp, url: str = URL) -> str:
    with pytest.raises(IssuerUnreachable) as caught:
        keys(http, url)
    assert caught.value.issuer == url
    return caught.value.reason


def test_keys_are_where_the_discovery_document_says(http: TierHttp, ci: SmallIssuer) -> None:
    assert [key.key_id for key in keys(http)] == ["first"]
    assert http.asked() == [f"GET {DISCOVERY}", f"GET {KEYS}"]
    assert all(request.headers.get("authorization") is None for request in http.requests)


@pytest.mark.parametrize("url", ["https://ci.example/tenant", "https://ci.example/", "http://127.0.0.1:8080"])
def test_discovery_document_is_below_the_issuers_own_url(http: TierHttp, url: str) -> None:
    plain = url.rstrip("/")
    http.on(
        f"GET {plain}/.well-known/openid-configuration",
        http_answer(200, json.dumps({"issuer": url, "jwks_uri": f"{plain}/keys"}).encode()),
    )
    http.on(f"GET {plain}/keys", http_answer(200, SmallIssuer(now=http.clock.seconds).jwks()))
    assert [key.key_id for key in keys(http, url)] == ["first"]


def test_keys_may_be_on_another_public_host(http: TierHttp, ci: SmallIssuer) -> None:
    http.on(f"GET {DISCOVERY}", http_answer(200, ci.discovery(jwks_uri="https://keys.example/all")))
    http.on("GET https://keys.example/all", http_answer(200, ci.jwks()))
    assert [key.key_id for key in keys(http)] == ["first"]


def test_keys_are_those_of_now_after_a_rotation(http: TierHttp, ci: SmallIssuer) -> None:
    keys(http)
    ci.keys = {"second": ("P-256", 1)}
    assert [key.key_id for key in keys(http)] == ["second"]


# -- lies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"issuer": "https://evil.example"}, "another issuer's"),
        ({"issuer": URL + "/"}, "another issuer's"),
        ({"issuer": None}, "another issuer's"),
        ({"jwks_uri": None}, "is none"),
        ({"jwks_uri": ["https://ci.example/keys"]}, "is none"),
        ({"jwks_uri": "http://ci.example/keys"}, "not behind https"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "not behind https"),
        ({"jwks_uri": "https://127.0.0.1/keys"}, "private address"),
        ({"jwks_uri": "https://169.254.169.254/latest/meta-data"}, "private address"),
        ({"jwks_uri": "https://localhost/keys"}, "private address"),
        ({"jwks_uri": "file:///etc/passwd"}, "nothing can be asked"),
        ({"jwks_uri": "/keys"}, "nothing can be asked"),
        ({"jwks_uri": ""}, "nothing can be asked"),
    ],
)
def test_discovery_document_that_lies_is_not_believed(
    http: TierHttp, ci: SmallIssuer, changed: dict[str, object], reason: str
) -> None:
    http.on(f"GET {DISCOVERY}", http_answer(200, ci.discovery(**changed)))
    assert reason in trouble(http)
    assert http.asked() == [f"GET {DISCOVERY}"]


def test_issuer_without_tls_says_of_no_other_host_that_it_has_the_keys(http: TierHttp) -> None:
    url = "http://127.0.0.1:8080"
    for keys_at in ("http://keys.example/", "http://10.0.0.1/"):
        document = json.dumps({"issuer": url, "jwks_uri": keys_at}).encode()
        http.on(f"GET {url}/.well-known/openid-configuration", http_answer(200, document))
        assert "not behind https" in trouble(http, url)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff", b"<html>", b"[" * 60_000])
def test_what_is_no_document_is_not_one(http: TierHttp, ci: SmallIssuer, text: bytes) -> None:
    http.on(f"GET {DISCOVERY}", http_answer(200, text))
    assert trouble(http) == "its discovery document is none"
    ci.serve(http)
    http.on(f"GET {KEYS}", http_answer(200, text))
    assert trouble(http).startswith("its keys are no")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("asked", [DISCOVERY, KEYS])
def test_redirect_is_not_followed(http: TierHttp, ci: SmallIssuer, asked: str, status: int) -> None:
    http.on(f"GET {asked}", http_answer(status, b"moved", {"Location": "https://evil.example/"}))
    assert trouble(http) == "it redirects, which an issuer has no need to"
    assert not [url for url in http.asked() if "evil" in url]


@pytest.mark.parametrize("status", [204, 401, 403, 404, 410, 500])
def test_error_is_no_document(http: TierHttp, ci: SmallIssuer, status: int) -> None:
    http.on(f"GET {KEYS}", http_answer(status, ci.jwks() if status != 204 else b""))
    assert str(status) in trouble(http)


# -- too much, too slowly, not at all ---------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "most"), [(DISCOVERY, MOST_DISCOVERY_BYTES), (KEYS, MOST_KEYS_BYTES)])
@pytest.mark.parametrize("answer", [partial(http_answer, 200), chunked_answer])
def test_document_is_read_up_to_its_limit_and_not_a_byte_further(
    http: TierHttp, ci: SmallIssuer, asked: str, most: int, answer: Callable[[bytes], bytes]
) -> None:
    document = ci.discovery() if asked == DISCOVERY else ci.jwks()
    whole = document + b" " * (most - len(document))
    http.on(f"GET {asked}", answer(whole), answer(whole + b" "))
    assert [key.key_id for key in keys(http)] == ["first"]
    assert trouble(http) == f"it answers with more than {most} bytes"


def test_ten_megabytes_are_not_taken(http: TierHttp, ci: SmallIssuer) -> None:
    http.on(f"GET {DISCOVERY}", chunked_answer(*[b" " * 100_000] * 100))
    assert "more than 65536 bytes" in trouble(http)
    assert http.wires[0].closed
    assert http.wires[0].waiting_bytes > 9_000_000


@pytest.mark.parametrize("asked", [DISCOVERY, KEYS])
def test_issuer_that_hangs_is_given_up_in_time_for_twine(http: TierHttp, ci: SmallIssuer, asked: str) -> None:
    http.on(f"GET {asked}", None)
    started = http.begin(issuer_over(http).keys())
    http.advance(DEADLINES.first_byte_s - 0.1)
    assert not started.called
    http.advance(0.1)
    with pytest.raises(IssuerUnreachable, match="did not answer within 2 s"):
        http.outcome(started)


def test_issuer_that_drips_is_given_up_after_four_seconds(http: TierHttp, ci: SmallIssuer) -> None:
    http.on(f"GET {DISCOVERY}", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    started = http.begin(issuer_over(http).keys())
    for _ in range(3):
        http.advance(1)
        http.wires[0].send(b" ")
        http.settle()
    assert not started.called
    http.advance(1)
    with pytest.raises(IssuerUnreachable, match="did not end within 4 s"):
        http.outcome(started)
    assert http.wires[0].closed


def test_issuer_that_cannot_be_connected_to_is_unreachable(http: TierHttp, ci: SmallIssuer) -> None:
    http.no_connection("ci.example", Refused())
    assert trouble(http) == "connection refused"
