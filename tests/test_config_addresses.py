"""Endpoints, URLs, and whether a URL leads back to the node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.config.addresses import (
    ENDPOINTS,
    Endpoint,
    OwnAddresses,
    TlsFiles,
    http_url,
    is_host,
    without_credentials,
)


@pytest.mark.parametrize(
    ("text", "interface", "port"),
    [
        ("tcp:8141", None, 8141),
        ("tcp:8141:interface=127.0.0.1", "127.0.0.1", 8141),
        ("tcp:port=8141:backlog=100", None, 8141),
        ("tcp:8141:10.0.0.5", "10.0.0.5", 8141),
        (r"tcp:8141:interface=\:\:1", "::1", 8141),
        ("tcp:0", None, 0),
        ("tcp:65535", None, 65535),
        ("ssl:8443:privateKey=k.pem:certKey=c.pem:interface=10.0.0.5", "10.0.0.5", 8443),
        ("unix:/run/tiercache.sock:mode=660", None, None),
        ("systemd:domain=INET6:index=0", None, None),
        ("systemd:domain=INET:name=tiercache", None, None),
    ],
)
def test_endpoint_is_taken_apart(text: str, interface: str | None, port: int | None) -> None:
    parsed = Endpoint.parse(text)
    assert (parsed.kind, parsed.interface, parsed.port) == (text.partition(":")[0], interface, port)


def test_endpoint_with_tls_tells_its_files() -> None:
    assert Endpoint.parse("ssl:8443").tls == TlsFiles(private_key="server.pem", certificate="server.pem")
    assert Endpoint.parse("ssl:8443:both.pem").tls == TlsFiles(private_key="both.pem", certificate="both.pem")
    everything = "ssl:8443:privateKey=k.pem:certKey=c.pem:extraCertChain=chain.pem:dhParameters=dh.pem:backlog=7"
    assert Endpoint.parse(everything) == Endpoint(
        kind="ssl",
        port=8443,
        backlog=7,
        tls=TlsFiles(private_key="k.pem", certificate="c.pem", chain="chain.pem", dh_parameters="dh.pem"),
    )
    assert Endpoint.parse("tcp:8141:backlog=7") == Endpoint(kind="tcp", port=8141, backlog=7)


@pytest.mark.parametrize("example", ENDPOINTS.values())
def test_examples_of_endpoints_are_endpoints(example: str) -> None:
    assert Endpoint.parse(example).kind in ENDPOINTS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("8141", "is no endpoint"),
        ("127.0.0.1:8141", "is no endpoint"),
        ("http://127.0.0.1:8141/", "is no endpoint"),
        ("tpc:8141", "is no endpoint .*such as tcp:"),
        ("systmd:domain=INET:index=0", "such as systemd:"),
        ("tcp", "is no endpoint"),
        ("", "is no endpoint"),
        ("tcp:", "needs a port"),
        ("tcp:http", "needs a port"),
        ("tcp:65536", "needs a port"),
        ("tcp:-1", "needs a port"),
        ("tcp:٨", "needs a port"),
        ("tcp:8141:interface=::1", "written '.:'"),
        ("tcp:8141:1:2:3", "a word too many"),
        ("tcp:8141:port=8142", "a word too many"),
        ("tcp:8141:iface=lo", "'iface', which it does not know"),
        ("unix:", "needs a path"),
        ("systemd:domain=INET", "needs a domain, and an index"),
        ("systemd:index=0", "needs a domain, and an index"),
        ("tcp:8141:backlog=many", "a backlog that is no number"),
        ("ssl:8141:k.pem:c.pem:TLSv1_METHOD", "1.2 and newer are spoken"),
        ("ssl:8141:sslmethod=SSLv23_METHOD", "1.2 and newer are spoken"),
    ],
)
def test_what_is_no_endpoint_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Endpoint.parse(text)


@given(st.text(alphabet="tcpslunix:=\\0189[] ", max_size=30))
def test_any_text_is_an_endpoint_or_refused_in_words(text: str) -> None:
    try:
        endpoint = Endpoint.parse(text)
    except ValueError as error:
        assert repr(text) in str(error)  # noqa: PT017  # either is right
    else:
        assert endpoint.kind in ENDPOINTS


USUAL = OwnAddresses(listen=("tcp:8141:interface=127.0.0.1",), hostname="laptop.example")
EVERYWHERE = OwnAddresses(listen=("tcp:8141",), hostname="laptop.example")
OFFICE = OwnAddresses(listen=("tcp:8141:interface=10.0.0.5",), hostname="office.example")
BEHIND = OwnAddresses(listen=("unix:/run/t.sock",), public_url="https://packages.example/pypi/", hostname="p.example")
SYSTEMD = OwnAddresses(listen=("systemd:domain=INET:index=0",), hostname="laptop.example")
PORT_80 = OwnAddresses(listen=("tcp:80",))


@pytest.mark.parametrize(
    ("own", "url"),
    [
        (USUAL, "http://127.0.0.1:8141/simple/"),
        (USUAL, "http://127.0.0.1:8141/local/"),
        (USUAL, "http://127.0.0.1:8141"),
        (USUAL, "http://user:password@127.0.0.1:8141/simple/"),
        (USUAL, "HTTP://LOCALHOST:8141/simple"),
        (USUAL, "http://localhost.:8141/simple/"),
        (USUAL, "http://node.localhost:8141/simple/"),
        (USUAL, "http://[::1]:8141/simple/"),
        (USUAL, "http://[0:0:0:0:0:0:0:1]:8141/simple/"),
        (USUAL, "http://[::ffff:127.0.0.1]:8141/simple/"),
        (USUAL, "http://0.0.0.0:8141/simple/"),
        (EVERYWHERE, "http://127.0.0.1:8141/simple/"),
        (EVERYWHERE, "http://127.0.0.2:8141/simple/"),
        (EVERYWHERE, "http://laptop.example:8141/simple/"),
        (EVERYWHERE, "http://LAPTOP.example.:8141/simple/"),
        (OFFICE, "http://10.0.0.5:8141/simple/"),
        (BEHIND, "https://packages.example/pypi/simple/"),
        (BEHIND, "https://packages.example:443/pypi/"),
        (BEHIND, "https://PACKAGES.example/pypi"),
        (SYSTEMD, "http://127.0.0.1:8141/simple/"),
        (SYSTEMD, "http://localhost/simple/"),
        (PORT_80, "http://localhost/simple/"),
    ],
)
def test_url_leads_to_this_node(own: OwnAddresses, url: str) -> None:
    assert own.include(url)


@pytest.mark.parametrize(
    ("own", "url"),
    [
        (USUAL, "http://127.0.0.1:8142/simple/"),
        (USUAL, "http://127.0.0.1/simple/"),
        (USUAL, "http://127.0.0.2:8141/simple/"),
        (USUAL, "http://10.0.0.5:8141/simple/"),
        (USUAL, "http://laptop.example:8141/simple/"),
        (USUAL, "http://localhost.example:8141/simple/"),
        (USUAL, "https://index.example/simple/"),
        (USUAL, "/srv/index"),
        (USUAL, "file:///srv/index"),
        (USUAL, "http://[::1:8141/"),
        (USUAL, "http://127.0.0.1:port/"),
        (EVERYWHERE, "http://office.example:8141/simple/"),
        (OFFICE, "http://127.0.0.1:8141/simple/"),
        (OFFICE, "http://10.0.0.6:8141/simple/"),
        (BEHIND, "https://packages.example/npm/"),
        (BEHIND, "https://packages.example/pypi-mirror/simple/"),
        (BEHIND, "http://packages.example/pypi/simple/"),
        (BEHIND, "http://127.0.0.1:8141/simple/"),
        (SYSTEMD, "http://office.example:8141/simple/"),
        (PORT_80, "https://localhost/simple/"),
    ],
)
def test_url_leads_elsewhere(own: OwnAddresses, url: str) -> None:
    assert not own.include(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pypi",
        "ftp://x.example/",
        "http://",
        "http:///x",
        "http://a b/",
        "http://x.example:99999/",
        "http://x/a b",
        "//x/",
    ],
)
def test_what_is_no_http_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^is no ") as caught:
        http_url(url)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "bare", "user", "password"),
    [
        ("https://x.example/simple/", "https://x.example/simple/", None, None),
        ("https://u:p@x.example:8/simple/", "https://x.example:8/simple/", "u", "p"),
        ("https://u@x.example/", "https://x.example/", "u", None),
        ("https://u%40v:p%3Aq%2F@x.example/", "https://x.example/", "u@v", "p:q/"),
        ("https://u:p@q@x.example/", "https://x.example/", "u", "p@q"),
        ("http://u:p@[::1]:81/", "http://[::1]:81/", "u", "p"),
    ],
)
def test_credentials_are_taken_out_of_a_url(url: str, bare: str, user: str | None, password: str | None) -> None:
    parts = without_credentials(url)
    assert (parts.url, parts.user, parts.password) == (bare, user, password)


def test_password_of_a_url_is_not_shown() -> None:
    assert "s3cret" not in repr(without_credentials("https://reader:s3cret@x.example/"))


@pytest.mark.parametrize(
    "host", ["x", "x.example", "x.example.", "10.0.0.1", "::1", "xn--bcher-kva.example", "bücher.example", "a_b"]
)
def test_host_is_a_host(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host", ["", "x/y", "http://x", "x:80", "-x", "x..y", "*.x", "a b", "a" * 64, ".".join(["a" * 60] * 5)]
)
def test_other_text_is_no_host(host: str) -> None:
    assert not is_host(host)
