"""URLs taken apart: what is asked of which host."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.upstream.target import LONGEST_REMEMBERED, Host, Target, host_of


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://index.example", "https://index.example/"),
        ("HTTPS://Index.Example:443/simple/", "https://index.example/simple/"),
        ("http://index.example:80/a", "http://index.example/a"),
        ("http://index.example:8141/a#sha256=0", "http://index.example:8141/a"),
        ("https://u:p@index.example/a", "https://index.example/a"),
        ("https://[::1]:9/a", "https://[::1]:9/a"),
        ("https://[0:0::1]/a", "https://[::1]/a"),
        ("https://index.example/a b/ü.whl", "https://index.example/a%20b/%C3%BC.whl"),
        ("https://index.example/a%20b%2Fc", "https://index.example/a%20b%2Fc"),
        ("https://index.example/a?X-Sig=a%2Bb/c=&d=e+f", "https://index.example/a?X-Sig=a%2Bb/c=&d=e+f"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_url_is_asked_in_its_normal_form_without_userinfo_and_fragment(url: str, asked: str) -> None:
    assert Target.parse(url).url == asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "index.example/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "ftp://index.example/",
        "http://",
        "http://index.example:port/",
        "http://index.example:99999/",
        "http://[::1/",
        "http://[::g]/",
        "http://in dex.example/",
        "http://index.example\r\nHost: other.example/",
        "http://-.example/",
        "http://%41.example/",
        "http://" + "a." * 127 + "example/",
    ],
)
def test_what_is_no_http_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"it is no|its host is no") as refused:
        Target.parse(url)
    assert "example" not in str(refused.value)


def test_userinfo_is_unquoted_and_kept_out_of_everything_that_is_shown() -> None:
    target = Target.parse("https://al%40ice:s%3Acret@index.example/a?sig=xyz")
    assert (target.user, target.password) == ("al@ice", "s:cret")
    assert "cret" not in repr(target) + str(target) + target.url + target.shown
    assert target.shown == "https://index.example/a"


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("../b", "https://index.example:8443/b"),
        ("c/", "https://index.example:8443/simple/c/"),
        ("?x=1", "https://index.example:8443/simple/?x=1"),
        ("//other.example/d", "https://other.example/d"),
        ("http://other.example:1/d", "http://other.example:1/d"),
    ],
)
def test_a_reference_is_resolved_against_where_it_stood(reference: str, asked: str) -> None:
    assert Target.parse("https://index.example:8443/simple/").join(reference).url == asked


def test_a_reference_neither_inherits_nor_brings_userinfo() -> None:
    base = Target.parse("https://u:p@index.example/simple/")
    assert base.join("numpy/").user is None
    assert base.join("https://x:y@index.example/numpy/").user is None


def test_a_suffix_goes_to_the_path_and_not_to_the_query() -> None:
    target = Target.parse("https://files.example/a-1.whl?sig=1")
    assert target.with_suffix(".metadata").url == "https://files.example/a-1.whl.metadata?sig=1"
    assert target.with_suffix(".metadata").filename == "a-1.whl.metadata"


def test_a_host_is_scheme_name_and_port_together() -> None:
    hosts = {Target.parse(url).host for url in ("http://a.example", "https://a.example", "http://a.example:81")}
    assert len(hosts) == 3
    assert Target.parse("http://A.example:80/x").host == Host(scheme="http", name="a.example", port=80)


@given(st.text(max_size=40))
def test_whatever_stands_behind_a_host_is_asked_as_plain_ascii(path: str) -> None:
    try:
        target = Target.parse("https://index.example/" + path)
    except ValueError:
        return
    assert target.host.name == "index.example"
    assert all(0x20 < ord(character) < 0x7F for character in target.url)
    assert Target.parse(target.url) == target


@pytest.mark.parametrize("base", ["", "simple/", "a/simple/", "a/../simple/", "a/./b/", "a//b/", "simple", "x.y/?q=/"])
@pytest.mark.parametrize("reference", ["numpy/", "numpy", "../numpy/", "a/b/", "", "./", "n.p/"])
def test_a_reference_means_what_every_client_takes_it_for(base: str, reference: str) -> None:
    url = f"http://u:p@index.example/{base}"
    joined = Target.parse(url).join(reference)
    assert joined == Target.parse(urljoin(f"http://index.example/{base}", reference))


@pytest.mark.parametrize("url", ["http://index.example/a/b?c=/", "https://[::1]:9/a", "http://index.example:8141/"])
def test_the_host_of_a_url_is_that_of_its_target(url: str) -> None:
    assert host_of(url) == Target.parse(url).host


@pytest.mark.parametrize("more", [0, 1])
def test_urls_are_taken_apart_whether_or_not_they_are_too_long_to_be_remembered(more: int) -> None:
    url = "https://index.example/".ljust(LONGEST_REMEMBERED + more, "a")
    assert [Target.parse(url).url for _ in range(2)] == [url, url]
