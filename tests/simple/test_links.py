"""The links of a page."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.simple.links import Links, UnusableLink, filename_in, shown_link

BASE = "https://tier.example/simple/foo/"


@pytest.mark.parametrize(
    ("link", "url", "fragment"),
    [
        ("foo-1.zip", "https://tier.example/simple/foo/foo-1.zip", ""),
        ("../../f/foo-1.zip#md5=1", "https://tier.example/f/foo-1.zip", "md5=1"),
        ("../../../../f.zip", "https://tier.example/f.zip", ""),
        ("/f/foo-1.zip?x=1#y", "https://tier.example/f/foo-1.zip?x=1", "y"),
        ("https:foo-1.zip", "https://tier.example/simple/foo/foo-1.zip", ""),
        ("//files.example/foo-1.zip", "https://files.example/foo-1.zip", ""),
        ("http://files.example:8080/foo-1.zip", "http://files.example:8080/foo-1.zip", ""),
        ("HTTPS://files.example/foo-1.zip", "https://files.example/foo-1.zip", ""),
        ("https://user:word@files.example/f.zip", "https://user:word@files.example/f.zip", ""),
        ("https://[::1]:8080/f.zip", "https://[::1]:8080/f.zip", ""),
        (" \n foo-1.zip\t", "https://tier.example/simple/foo/foo-1.zip", ""),
        ("foo\n-1.zip", "https://tier.example/simple/foo/foo-1.zip", ""),
        ("a b-1+l%2B.zip", "https://tier.example/simple/foo/a%20b-1+l%2B.zip", ""),
        ("é-1.zip", "https://tier.example/simple/foo/%C3%A9-1.zip", ""),
        ("100%.zip", "https://tier.example/simple/foo/100%25.zip", ""),
        ("https://files.example", "https://files.example/", ""),
        ("./foo-1.zip", "https://tier.example/simple/foo/foo-1.zip", ""),
        ("a/../b.zip", "https://tier.example/simple/foo/b.zip", ""),
    ],
)
def test_links_become_absolute_urls_without_fragment(link: str, url: str, fragment: str) -> None:
    assert Links(base=BASE).resolve(link) == (url, fragment)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "#top",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/plain,x-1.zip",
        "file:///etc/passwd-1.zip",
        "ftp://files.example/x-1.zip",
        "mailto:a@b.example",
        "http://",
        "http:///x-1.zip",
        "//[bad/x-1.zip",
        "http://[::1/x-1.zip",
        "http://files.example:99999/x-1.zip",
        "http://files.example:port/x-1.zip",
        "http://files.example:0/x-1.zip",
        "http://fi les.example/x-1.zip",
        "http://é.example/x-1.zip",
        "http://files.example\\@evil.example/x-1.zip/",
    ],
)
def test_links_that_lead_to_no_http_url_are_unusable(link: str) -> None:
    links = Links(base=BASE)
    for _ in range(2):  # the second answer comes from what the first remembered
        with pytest.raises(UnusableLink):
            links.resolve(link)


@given(
    st.sampled_from([BASE, "https://tier.example", "https://tier.example/simple", "http://tier.example/a/b?c=/d/#e/f"]),
    st.lists(st.sampled_from(["..", ".", "", "a", "b.zip", "~c", "%2F", "?", ";x"]), min_size=1, max_size=6),
)
def test_joining_is_what_the_standard_library_does(base: str, segments: list[str]) -> None:
    link = "/".join(segments)
    links = Links(base=base)
    if not link or link.startswith("//"):
        return
    joined = urljoin(base, link).partition("#")[0]
    for _ in range(2):
        found, _fragment = links.resolve(link)
        assert found == (joined if joined.count("/") > 2 else joined + "/")


@given(st.text())
def test_any_text_resolves_to_clean_ascii_or_is_unusable(link: str) -> None:
    try:
        url, _ = Links(base=BASE).resolve(link)
    except UnusableLink:
        return
    assert url.startswith(("http://", "https://"))
    assert url.isascii()
    assert not set(url) & set(' "<>\\^`{}|#\0\n\r\t')


@pytest.mark.parametrize(
    ("url", "filename"),
    [("https://a.example/x/a-1.zip", "a-1.zip"), ("https://a.example/a%2B1.zip?b=/c.zip", "a+1.zip")],
)
def test_filename_is_the_last_segment_decoded(url: str, filename: str) -> None:
    assert filename_in(url) == filename


@pytest.mark.parametrize("segment", ["", "a%2Fb.zip", "%2e%2e", "a%00.zip", "a%FF.zip", "a%5Cb.zip", ".a.zip"])
def test_segments_that_are_no_filename_are_unusable(segment: str) -> None:
    with pytest.raises(UnusableLink):
        filename_in(f"https://a.example/{segment}")


def test_links_are_shown_without_secrets() -> None:
    assert shown_link("https://user:word@a.example/b?token=1#c") == "https://a.example/b"
    assert shown_link("//user@a.example/b\n") == "//a.example/b\ufffd"
    assert len(shown_link("data:" + "x" * 1000)) == 120
