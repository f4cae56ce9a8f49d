"""Project pages in HTML."""

from __future__ import annotations

from contextlib import suppress
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.errors import PageUnusable
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.parse_html import MAX_OPEN_ELEMENTS, parse_html
from tiercache.simple.parsed import Parsed

URL = "https://tier.example/simple/foo/"
FOO = ProjectName("foo")
A, B = "a" * 64, "b" * 64


def parsed(text: str | bytes, charset: str | None = None) -> Parsed:
    data = text.encode() if isinstance(text, str) else text
    return parse_html(data, url=URL, project=FOO, content_charset=charset)


def read_file(attributes: str) -> File:
    (file,) = parsed(f'<a href="foo-1.zip" {attributes}>foo-1.zip</a>').page.files
    return file


def test_every_attribute_of_the_standards_is_read() -> None:
    result = parsed(
        f"""<!DOCTYPE html>
        <html><head>
        <meta name="pypi:repository-version" content="1.4">
        <meta name="pypi:project-status" content="archived">
        <meta name="pypi:project-status-reason" content="no longer &amp; not again">
        <title>Links for foo</title></head>
        <body><h1>Links for foo</h1>
        <a href="../../f/foo-1-py3-none-any.whl#sha256={A}" data-requires-python="&gt;=3.8,&lt;4"
           data-core-metadata="sha256={B}" data-dist-info-metadata="true" data-gpg-sig="true"
           data-yanked="it &quot;broke&quot;" data-provenance="/integrity/foo-1" data-size="1234"
           data-upload-time="2024-01-02T03:04:05.678901Z">foo-1-py3-none-any.whl</a><br />
        <a href="https://files.example/foo-1.tar.gz">foo-1.tar.gz</a><br />
        </body></html>
        <!--SERIAL 345-->
        """
    )
    assert result == Parsed(
        page=Page(
            project=FOO,
            files=(
                File(
                    filename="foo-1-py3-none-any.whl",
                    url="https://tier.example/f/foo-1-py3-none-any.whl",
                    hashes={"sha256": A},
                    requires_python=">=3.8,<4",
                    core_metadata={"sha256": B},
                    gpg_sig=True,
                    yanked='it "broke"',
                    size=1234,
                    upload_time="2024-01-02T03:04:05.678901Z",
                    provenance="https://tier.example/integrity/foo-1",
                ),
                File(filename="foo-1.tar.gz", url="https://files.example/foo-1.tar.gz"),
            ),
            status=ProjectStatus(status="archived", reason="no longer & not again"),
        ),
        serial=345,
        api_version="1.4",
    )


@pytest.mark.parametrize(
    ("attributes", "core_metadata"),
    [
        ("", None),
        ('data-core-metadata="true"', True),
        ('data-core-metadata="false"', False),
        (f'data-core-metadata="sha256={A.upper()}"', {"sha256": A}),
        (f'data-dist-info-metadata="sha256={A}"', {"sha256": A}),
        (f'data-core-metadata="true" data-dist-info-metadata="sha256={A}"', True),
        ('data-core-metadata="sha256=short"', None),
        ("data-core-metadata", None),
        ('data-core-metadata="yes"', None),
    ],
)
def test_sidecars_are_told_by_either_name(attributes: str, core_metadata: object) -> None:
    assert read_file(attributes).core_metadata == core_metadata


@pytest.mark.parametrize(
    ("attributes", "yanked"),
    [
        ("", False),
        ("data-yanked", True),
        ('data-yanked=""', True),
        ('data-yanked="why"', "why"),
        ('data-yanked="false"', "false"),
    ],
)
def test_the_presence_of_yanked_counts(attributes: str, yanked: object) -> None:
    assert read_file(attributes).yanked == yanked


@pytest.mark.parametrize(
    ("attributes", "field", "value"),
    [
        ('data-gpg-sig="false"', "gpg_sig", False),
        ('data-gpg-sig="maybe"', "gpg_sig", None),
        ('data-requires-python=""', "requires_python", None),
        ('data-requires-python=">=3.8"', "requires_python", ">=3.8"),
        ("data-requires-python='>=3.8,<\"4\"'", "requires_python", '>=3.8,<"4"'),
        ('data-size="12 MB"', "size", None),
        ('data-size="-1"', "size", None),
        ('data-size="٣"', "size", None),
        ('data-size="' + "9" * 30 + '"', "size", None),
        ('data-size=" 0 "', "size", 0),
        ('data-upload-time="yesterday"', "upload_time", None),
        ('data-provenance="javascript:x"', "provenance", None),
        ('data-provenance=""', "provenance", None),
        ('DATA-SIZE="7"', "size", 7),
    ],
)
def test_attributes_that_cannot_be_read_are_passed_over(attributes: str, field: str, value: object) -> None:
    assert getattr(read_file(attributes), field) == value


@pytest.mark.parametrize(
    ("fragment", "hashes"),
    [
        ("", {}),
        ("#", {}),
        ("#top", {}),
        ("#egg=foo-1", {}),
        ("#md5=", {}),
        (f"#sha256={A}", {"sha256": A}),
        (f"#SHA256={A.upper()}", {"sha256": A}),
        (f"#sha256={A}&md5={'c' * 32}", {"sha256": A, "md5": "c" * 32}),
        (f"#egg=foo&amp;sha256={A}&subdirectory=x", {"sha256": A}),
        (f"#blake2b={A}", {"blake2b_256": A}),
        (f"#sha512={A}{A}", {"sha512": A + A}),
    ],
)
def test_digests_are_read_from_the_fragment(fragment: str, hashes: dict[str, str]) -> None:
    (file,) = parsed(f'<a href="foo-1.zip{fragment}">foo-1.zip</a>').page.files
    assert file.hashes == hashes
    assert file.url == f"{URL}foo-1.zip"


@pytest.mark.parametrize(
    ("base", "href", "url"),
    [
        ('<base href="https://files.example/d/">', "foo-1.zip", "https://files.example/d/foo-1.zip"),
        ('<base href="../../d/">', "foo-1.zip", "https://tier.example/d/foo-1.zip"),
        ('<base target="x"><base href="/d/"><base href="/e/">', "foo-1.zip", "https://tier.example/d/foo-1.zip"),
        ('<base href="javascript:x">', "foo-1.zip", f"{URL}foo-1.zip"),
        ('<base href="">', "foo-1.zip", f"{URL}foo-1.zip"),
        ("", "//files.example/foo-1.zip", "https://files.example/foo-1.zip"),
        ("", "&#102;oo-1.zip", f"{URL}foo-1.zip"),
        ("", "foo-1.zip?a=1&amp;b=2", f"{URL}foo-1.zip?a=1&b=2"),
        ("", " foo-1.zip\n", f"{URL}foo-1.zip"),
    ],
)
def test_links_resolve_against_the_base(base: str, href: str, url: str) -> None:
    (file,) = parsed(f'<html><head>{base}</head><a href="{href}">any text</a>').page.files
    assert (file.filename, file.url) == ("foo-1.zip", url)


def test_filenames_come_from_the_url_decoded() -> None:
    (file,) = parsed('<a href="foo-1%2Bcu12-py3-none-any.whl">other-2.zip</a>').page.files
    assert file.filename == "foo-1+cu12-py3-none-any.whl"
    assert file.url == f"{URL}foo-1%2Bcu12-py3-none-any.whl"


@pytest.mark.parametrize(
    "href",
    [
        "../",
        "/",
        "#top",
        "",
        "https://home.example/foo",
        "foo-1.zip.asc",
        "foo-1-py3-none-any.whl.metadata",
        "javascript:alert('foo-1.zip')",
        "data:application/zip;base64,foo-1.zip",
        "file:///srv/foo-1.zip",
        "ftp://files.example/foo-1.zip",
        "http://[::1/foo-1.zip",
        "http://files.example:99999/foo-1.zip",
        "a%2Ffoo-1.zip",
        "%2e%2e%2ffoo-1.zip",
        "foo%00-1.zip",
        "foo%FF-1.zip",
        ".foo-1.zip",
        "foo-1.zip#sha256=abc",
        f"foo-1.zip#sha256={A[1:]}g",
    ],
)
def test_links_that_are_no_files_are_dropped_and_the_page_lives(href: str) -> None:
    result = parsed(f'<a href="{escape(href)}">x</a><a href="foo-2.zip">y</a><a>z</a>')
    assert [file.filename for file in result.page.files] == ["foo-2.zip"]
    assert len(result.dropped) == 1


def test_a_filename_listed_twice_is_the_first_one() -> None:
    result = parsed('<a href="/1/foo-1.zip">x</a><a href="/2/foo-1.zip">x</a>')
    assert [file.url for file in result.page.files] == ["https://tier.example/1/foo-1.zip"]
    assert [dropped.what for dropped in result.dropped] == ["foo-1.zip"]


@pytest.mark.parametrize(
    "text",
    [
        "<a href=foo-1.zip>foo-1.zip",
        "<A HREF='foo-1.zip'>foo-1.zip</A>",
        "<html><body><p><div><a href=foo-1.zip><b>foo</a></i></table>",
        "</html></body><a href=foo-1.zip>",
        "<a href=foo-1.zip href=foo-2.zip>",
        "<a\nhref\n=\n'foo-1.zip'\n>",
        "<a href=foo-1.zip><!-- <a href=foo-2.zip> -->",
        "<!-- <a href=foo-2.zip> --><a href=foo-1.zip>",
        "<script>'<a href=foo-2.zip>'</script><a href=foo-1.zip>",
        "<?xml version='1.0'?><html xmlns='x'><a href='foo-1.zip'/></html>",
        "<table><tr><td><a href=foo-1.zip></table>",
        "<a href=foo-1.zip>x</a><a href=foo-2.zip",
        "&&&<<<>>><a href=foo-1.zip>",
    ],
)
def test_malformed_pages_are_read_as_browsers_do(text: str) -> None:
    assert [file.filename for file in parsed(text).page.files] == ["foo-1.zip"]


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ('<a href="é-1.zip">'.encode(), None),
        ('<a href="é-1.zip">'.encode(), "UTF-8"),
        ('<a href="é-1.zip">'.encode("latin-1"), "ISO-8859-1"),
        ('<a href="é-1.zip">'.encode("latin-1"), None),
        ('<a href="é-1.zip">'.encode("latin-1"), "utf-8"),
        ('<a href="é-1.zip">'.encode(), "no-such-charset"),
        ('<a href="é-1.zip">'.encode(), "base64"),
        ('<a href="é-1.zip">'.encode(), "a\0b"),
        ('<a href="é-1.zip">'.encode("utf-8-sig"), "latin-1"),
        ('<a href="é-1.zip">'.encode("utf-16"), None),
        ('<a href="é-1.zip">'.encode("utf-16"), "utf-16"),
    ],
)
def test_pages_are_decoded_as_they_say_or_as_they_are(data: bytes, charset: str | None) -> None:
    (file,) = parsed(data, charset).page.files
    assert (file.filename, file.url) == ("é-1.zip", f"{URL}%C3%A9-1.zip")


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html><body></body></html>",
        "<html></html>",
        "<!DOCTYPE html><title>Links for foo</title>",
        "<html><head><title>Simple Index</title></head><body></body></html>",
        '<meta name="pypi:repository-version" content="1.0">',
        "<title>Index of /simple/foo/</title><h1>Index of /simple/foo/</h1><a href='../'>../</a>",
        "<title>Directory listing for /foo/</title><ul></ul>",
        "<h1>Foo</h1>",
        "<html><body><a href='file:///srv/foo-1.zip'>foo-1.zip</a></body></html>",
    ],
)
def test_a_project_without_files_has_an_empty_page(text: str) -> None:
    result = parsed(text)
    assert result.page == Page(project=FOO)


def test_an_empty_page_is_known_in_any_encoding() -> None:
    assert parsed("<title>Links for foo</title>".encode("utf-16")).page == Page(project=FOO)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"garbage",
        b"Service temporarily unavailable",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        bytes(range(256)) * 10,
        b"<a href=foo-1.zip>\0",
        b'{"meta": {"api-version": "1.0"}}',
        b"<html><title>Please log in</title><a href=/login>log in</a></html>",
        b"<html><title>Foo</title><form action=/login><input type=password></form></html>",
        b"<title>Links for foo</title><form action=/login></form>",
        b"<html><head><meta http-equiv=Refresh content='0; url=/portal'></head></html>",
        b"<html><head><script>location='/portal'</script></head></html>",
        b"<html><body><iframe src=/portal></iframe></body></html>",
        b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
        b"<html><body>It works!</body></html>",
    ],
)
def test_what_is_no_project_page_is_unusable(data: bytes) -> None:
    with pytest.raises(PageUnusable):
        parsed(data)


@pytest.mark.parametrize(("version", "usable"), [("1.0", True), ("1.9", True), ("2.0", False), ("x", False)])
def test_a_greater_major_version_is_refused(version: str, usable: bool) -> None:
    text = f'<meta name="pypi:repository-version" content="{version}"><a href=foo-1.zip>'
    if usable:
        assert parsed(text).api_version == version
    else:
        with pytest.raises(PageUnusable):
            parsed(text)


def test_elements_may_be_nested_to_a_depth_and_no_deeper() -> None:
    link = "<a href=foo-1.zip>"
    assert parsed("<div>" * MAX_OPEN_ELEMENTS + link).page.files
    assert parsed("<div></div>" * 10_000 + link).page.files
    assert parsed("<li><p><br>" * 10_000 + link).page.files
    with pytest.raises(PageUnusable):
        parsed("<div>" * (MAX_OPEN_ELEMENTS + 1) + link)


@given(st.binary(max_size=300), st.none() | st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252", "hex"]))
def test_arbitrary_bytes_are_a_page_or_unusable(data: bytes, charset: str | None) -> None:
    with suppress(PageUnusable):
        parse_html(data, url=URL, project=FOO, content_charset=charset)


_MARKUP = ["<a", " href=", '"', "'", ">", "</a>", "<base", "<meta name=", "<!--", "-->", " data-yanked", " data-size="]
_LINKS = [
    "foo-1.zip",
    "#sha256=",
    A,
    "//",
    "?",
    "&amp",
    ";",
    "\\",
    "%",
    "[",
    "]",
    ":",
    "@",
    " ",
    "\n",
    "\ufffd",
    "é",
    "7",
]
_PIECES = st.sampled_from(_MARKUP + _LINKS)


@given(st.lists(_PIECES, max_size=25).map("".join))
def test_any_markup_is_a_page_or_unusable(text: str) -> None:
    try:
        page = parsed(text).page
    except PageUnusable:
        return
    assert all(file.url.startswith(("http://", "https://")) for file in page.files)
