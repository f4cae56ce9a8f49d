"""Redirects: within rules, and credentials only ever to their own host."""

import pytest

from tests.doubles.far_index import BASE, NUMPY, PAGE, far_index, json_answer, listed
from tests.doubles.tier_http import TierHttp, http_answer
from tiercache.errors import TierUnreachable
from tiercache.policy.entry import Present, Validators
from tiercache.upstream.credentials import credentials_of
from tiercache.upstream.simple_index import SimpleIndex
from tiercache.upstream.target import Target

WHEEL = "https://files.example/numpy-1.0-py3-none-any.whl"


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def to(location: str, status: int = 302) -> bytes:
    return http_answer(status, b"moved", {"Location": location})


def page_of(http: TierHttp, index: SimpleIndex | None = None) -> Present:
    found = http.result((index or far_index(http)).page(NUMPY, Validators(), no_cache=False))
    assert isinstance(found, Present)
    return found


def with_password(http: TierHttp, base: str = BASE) -> SimpleIndex:
    return far_index(http, base_url=base.replace("://", "://alice:s3cret@"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/other/numpy/", "../../other/numpy/", "https://index.example/other/numpy/"])
def test_redirects_are_followed_relative_or_not(http: TierHttp, status: int, location: str) -> None:
    http.on(f"GET {PAGE}", to(location, status))
    http.on("GET https://index.example/other/numpy/", json_answer(WHEEL))
    assert len(page_of(http).page.files) == 1
    assert not any(wire.closed for wire in http.wires)  # what came with the redirect was read


@pytest.mark.parametrize(("hops", "arrives"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_no_more(http: TierHttp, hops: int, arrives: bool) -> None:
    http.on(f"GET {PAGE}", to("/0"))
    for hop in range(hops - 1):
        http.on(f"GET https://index.example/{hop}", to(f"/{hop + 1}"))
    http.on(f"GET https://index.example/{hops - 1}", json_answer(WHEEL))
    if arrives:
        assert page_of(http).page.files
    else:
        with pytest.raises(TierUnreachable, match="redirects more than 5 times"):
            page_of(http)


def test_an_endless_redirect_is_unreachable(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", to(PAGE))
    with pytest.raises(TierUnreachable, match="redirects more than 5 times"):
        page_of(http)
    assert len(http.requests) == 6


def test_from_https_nothing_leads_to_http(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", to("http://index.example/simple/numpy/"))
    with pytest.raises(TierUnreachable, match="from https to http"):
        page_of(http)
    assert len(http.requests) == 1


def test_from_http_it_may_go_to_https(http: TierHttp) -> None:
    base = "http://index.example/simple/"
    http.on(f"GET {base}numpy/", to(PAGE, 301))
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    assert page_of(http, far_index(http, base_url=base)).page.files


@pytest.mark.parametrize(
    "location",
    ["ftp://index.example/", "file:///etc/passwd", "javascript:alert(1)", "https://", "https://[::1/"],
)
def test_a_redirect_to_what_cannot_be_asked_is_unreachable(http: TierHttp, location: str) -> None:
    http.on(f"GET {PAGE}", to(location))
    with pytest.raises(TierUnreachable):
        page_of(http)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.7", "[fd00::1]"])
def test_a_redirect_to_a_private_host_is_not_followed_and_credentials_stay(http: TierHttp, host: str) -> None:
    http.on(f"GET {PAGE}", to(f"https://{host}/simple/numpy/"))
    with pytest.raises(TierUnreachable, match="redirects to a private address"):
        page_of(http, with_password(http))
    assert len(http.requests) == 1


def test_a_redirect_without_location_is_no_page(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(302))
    with pytest.raises(TierUnreachable, match="it answered 302"):
        page_of(http)


def test_a_redirect_with_a_large_body_costs_its_connection_and_nothing_else(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(302, b"x" * 2**20, {"Location": "/other"}))
    http.on("GET https://index.example/other", json_answer(WHEEL))
    assert page_of(http).page.files
    assert [wire.closed for wire in http.wires] == [True, False]


def test_a_redirect_whose_body_drips_holds_its_connection_for_seconds_only(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(302, b"", {"Location": "/other"}, length=100))
    http.on("GET https://index.example/other", json_answer(WHEEL))
    assert page_of(http).page.files
    for _ in range(5):
        http.wires[0].send(b".")
        assert not http.wires[0].closed
        http.advance(1)
    assert http.wires[0].closed


# -- credentials


def test_credentials_go_with_a_redirect_that_stays_at_its_host(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", to("/other"))
    http.on("GET https://index.example/other", json_answer(WHEEL))
    page_of(http, with_password(http))
    assert [request.headers["authorization"] for request in http.requests] == ["Basic YWxpY2U6czNjcmV0"] * 2


@pytest.mark.parametrize(
    ("base", "onward"),
    [
        (BASE, "https://other.example/numpy/"),
        (BASE, "https://index.example:8443/numpy/"),
        ("http://index.example/simple/", "https://index.example/numpy/"),
    ],
)
def test_credentials_are_dropped_when_scheme_name_or_port_change(http: TierHttp, base: str, onward: str) -> None:
    http.on(f"GET {base}numpy/", to(onward))
    http.on(f"GET {onward}", json_answer(WHEEL))
    page_of(http, with_password(http, base))
    assert ["authorization" in request.headers for request in http.requests] == [True, False]


def test_credentials_that_were_dropped_do_not_come_back(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", to("https://other.example/"))
    http.on("GET https://other.example/", to("https://index.example/chosen/by/other"))
    http.on("GET https://index.example/chosen/by/other", json_answer(WHEEL))
    page_of(http, with_password(http))
    assert ["authorization" in request.headers for request in http.requests] == [True, False, False]


def test_a_redirect_cannot_bring_credentials_of_its_own(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", to("https://mallory:guess@index.example/other"))
    http.on("GET https://index.example/other", json_answer(WHEEL))
    page_of(http)
    assert "authorization" not in http.requests[1].headers


def test_a_file_at_another_host_is_asked_for_without_credentials(http: TierHttp) -> None:
    http.on(f"GET {WHEEL}", http_answer(200, b"abc"))
    http.on(f"GET {WHEEL}.metadata", http_answer(200, b"abc"))
    index = with_password(http)
    http.result(index.file(listed(WHEEL), 0))
    http.result(index.sidecar(listed(WHEEL)))
    assert not any("authorization" in request.headers for request in http.requests)


def test_a_file_at_the_tiers_own_host_is_asked_for_with_its_credentials(http: TierHttp) -> None:
    own = "https://index.example/files/numpy-1.0.tar.gz"
    http.on(f"GET {own}", http_answer(200, b"abc"))
    http.result(with_password(http).file(listed(own), 0))
    assert http.requests[0].headers["authorization"] == "Basic YWxpY2U6czNjcmV0"


def test_a_token_is_sent_as_a_bearer(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    page_of(http, far_index(http, credentials=credentials_of(Target.parse(BASE), token="t0ken")))
    assert http.requests[0].headers["authorization"] == "Bearer t0ken"
