"""Which parser reads a page."""

from __future__ import annotations

import pytest

from tiercache.errors import PageUnusable
from tiercache.simple.model import ProjectName
from tiercache.simple.parse import parse_page

URL = "https://tier.example/simple/foo/"
FOO = ProjectName("foo")
JSON = b'{"meta": {"api-version": "1.0"}, "name": "foo", "files": [{"filename": "foo-1.zip", "url": "foo-1.zip"}]}'
HTML = b'<a href="foo-1.zip">foo-1.zip</a>'


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (JSON, "application/vnd.pypi.simple.v1+json"),
        (JSON, "Application/Vnd.PyPI.Simple.v1+JSON ; charset=utf-8"),
        (JSON, "application/json"),
        (HTML, "application/vnd.pypi.simple.v1+html"),
        (HTML, "text/html"),
        (HTML, 'text/html;charset="UTF-8"'),
        (HTML, "text/html; charset="),
        (HTML, "text/html;;x"),
    ],
)
def test_content_type_tells_the_syntax(data: bytes, content_type: str) -> None:
    (file,) = parse_page(data, content_type, URL, FOO).page.files
    assert file.url == f"{URL}foo-1.zip"


def test_charset_of_the_content_type_is_used() -> None:
    page = parse_page('<a href="ж-1.zip">'.encode("cp1251"), "text/html; a=b; Charset=windows-1251", URL, FOO).page
    assert page.files[0].filename == "ж-1.zip"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        ";",
        "text/plain",
        "application/octet-stream",
        "application/vnd.pypi.simple.v2+json",
        "application/vnd.pypi.simple.v2+html",
        "text/html+json",
    ],
)
@pytest.mark.parametrize("data", [JSON, HTML])
def test_other_content_types_are_no_project_pages(data: bytes, content_type: str) -> None:
    with pytest.raises(PageUnusable):
        parse_page(data, content_type, URL, FOO)


@pytest.mark.parametrize(("data", "content_type"), [(HTML, "application/json"), (JSON, "text/html")])
def test_one_syntax_under_the_others_name_is_unusable(data: bytes, content_type: str) -> None:
    with pytest.raises(PageUnusable):
        parse_page(data, content_type, URL, FOO)
