from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.admission import address_is_public, file_url_admitted, host_is_public

PUBLIC = [
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "100.128.0.0",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",  # NAT64 of 8.8.8.8
    "2002:808:808::1",  # 6to4 of 8.8.8.8
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
    "2002:c0a8:101::",
]
ODD_LOOPBACKS = [
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0x",
    "127.0.0.1.",
    "１２７.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.0.0.1",
    "127.0.0\u00ad.1",
    "127\u200b.0.0.1",
]
NO_ADDRESSES = [
    "256.1.1.1",
    "1.2.3.4.5",
    "1.2.3.256",
    "4294967296",
    "08.8.8.8",
    "a.0x1g.9",
    "00000000000000000127.1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_address_is_public(text: str) -> None:
    assert address_is_public(text)
    assert host_is_public(text)
    assert host_is_public(f"[{text}]")


@pytest.mark.parametrize("text", PRIVATE)
def test_private_address_is_not_public(text: str) -> None:
    assert not address_is_public(text)
    assert not host_is_public(text)
    assert not host_is_public(f"[{text}]")


@pytest.mark.parametrize("text", [*ODD_LOOPBACKS, *NO_ADDRESSES])
def test_private_address_in_an_odd_form_is_not_public(text: str) -> None:
    assert not host_is_public(text)


@pytest.mark.parametrize("text", ["8.8.2056", "134744072", "0x08080808", "010.8.8.8", "8.8.0x"])
def test_public_address_in_an_odd_form_is_the_address_that_it_is(text: str) -> None:
    assert host_is_public(text)


@pytest.mark.parametrize(
    "text", ["files.example", "FILES.example.", "bücher.example", "1a.example", "9.example", "a_b.example"]
)
def test_name_is_public_until_it_is_resolved(text: str) -> None:
    assert host_is_public(text)


@pytest.mark.parametrize(
    "text",
    ["localhost", "LocalHost", "localhost.", "a.localhost", "a.b.LOCALHOST.", "local\u00adhost", "localhost\ufe0f"],
)
def test_localhost_and_what_is_below_is_not_public(text: str) -> None:
    assert not host_is_public(text)


@pytest.mark.parametrize("text", ["notlocalhost", "localhost.example"])
def test_names_that_only_look_like_localhost_are_names(text: str) -> None:
    assert host_is_public(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a..b", ".a", "a b", "a/b", "a\\b", "a%2eb", "a@b", "a#b", "a\n", "℀.example"]
)
def test_what_is_no_host_is_not_public(text: str) -> None:
    assert not host_is_public(text)
    assert not address_is_public(text)


@given(st.ip_addresses())
def test_host_and_address_agree_on_every_literal(address: IPv4Address | IPv6Address) -> None:
    assert host_is_public(str(address)) is address_is_public(str(address))


@given(st.ip_addresses(v=4))
def test_every_form_of_an_ipv4_address_is_seen_through(address: IPv4Address) -> None:
    public, number = address_is_public(str(address)), int(address)
    first, rest = number >> 24, number & 0xFFFFFF
    octets = [number >> shift & 0xFF for shift in (24, 16, 8, 0)]
    for form in (
        str(number),
        hex(number),
        f"0{number:o}",
        f"{first}.{rest}",
        ".".join(hex(octet) for octet in octets),
        ".".join(f"0{octet:o}" for octet in octets),
        f"::ffff:{address}",
        str(IPv6Address((0x64FF9B << 96) | number)),
        str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),
    ):
        assert host_is_public(form) is public, form


@given(st.text(max_size=30))
def test_no_text_breaks_the_judgement(text: str) -> None:
    host_is_public(text)
    file_url_admitted(f"http://{text}/a.whl", tier_hosts=frozenset({text}), declared=(text, f"*.{text}"))


OWN = frozenset({"index.example", "10.1.2.3", "::1"})
DECLARED = ("files.internal", "*.cdn.internal", "192.168.7.7")


@pytest.mark.parametrize(
    "url",
    [
        "https://anything.example/a.whl",
        "http://8.8.8.8/a.whl",
        "HTTPS://Index.Example:8443/a.whl#sha256=00",
        "http://10.1.2.3:8141/files/a.whl",
        "http://[::1]:8141/a.whl",
        "http://files.internal/a.whl",
        "http://files.internal./a.whl",
        "http://a.cdn.internal/a.whl",
        "http://a.b.CDN.internal/a.whl",
        "http://192.168.7.7/a.whl",
        "http://token@192.168.7.7/a.whl",
    ],
)
def test_file_url_of_a_public_or_declared_host_is_admitted(url: str) -> None:
    assert file_url_admitted(url, tier_hosts=OWN, declared=DECLARED)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.1.2.4/a.whl",
        "http://localhost/a.whl",
        "http://[::ffff:127.0.0.1]/a.whl",
        "http://2130706433/a.whl",
        "http://3232237319/a.whl",  # a declared address in another form
        "http://index.example@127.0.0.1/a.whl",
        "http://a@127.0.0.1@index.example/a.whl",
        "http://127.0.0.1\\@index.example/a.whl",
        "http://127.0.0.1\t/a.whl",
        " http://index.example/a.whl",
        "http://index.example/a b.whl",
        "http://index.example:port/a.whl",
        "http://index.example:99999/a.whl",
        "http://[::1/a.whl",
        "http:///a.whl",
        "http:a.whl",
        "//index.example/a.whl",
        "/a.whl",
        "a.whl",
        "",
        "ftp://index.example/a.whl",
        "file:///etc/passwd",
        "file://index.example/etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
    ],
)
def test_file_url_of_a_private_host_or_another_scheme_is_refused(url: str) -> None:
    assert not file_url_admitted(url, tier_hosts=OWN, declared=DECLARED)


@pytest.mark.parametrize(
    ("host", "declared", "admitted"),
    [
        ("10.0.0.1", (), False),
        ("10.0.0.1", ("10.0.0.1",), True),
        ("[fd00::1]", ("fd00::1",), True),
        ("[fd00::1]", ("[FD00::1]",), True),
        ("a.localhost", ("*.localhost",), True),
        ("localhost", ("*.localhost",), False),
        ("xlocalhost.localhost", ("localhost",), False),
        ("localhost", ("*",), False),
        ("a.b.localhost", ("b.localhost",), False),
    ],
)
def test_declared_hosts_are_exact_or_below_a_suffix(host: str, declared: tuple[str, ...], admitted: bool) -> None:
    assert file_url_admitted(f"http://{host}/a.whl", tier_hosts=frozenset(), declared=declared) is admitted
