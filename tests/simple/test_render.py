"""Pages as bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from msgspec.structs import replace

from tests.simple.pages import ANY_PAGE, PARSED_PAGE
from tiercache.simple.digests import fragment_digest
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.parse_html import parse_html
from tiercache.simple.parse_json import parse_json
from tiercache.simple.render import render_html, render_json, render_project_list_html, render_project_list_json

URL = "https://node.example/simple/some-project/"
NAME = ProjectName("some-project")
A, B = "a" * 64, "b" * 64


def file_url(file: File) -> str:
    return f"../../files/{sum(file.filename.encode())}/some-project-1.zip"


def file_named(filename: str, **fields: Any) -> File:
    return File(filename=filename, url=f"https://tier.example/{filename}", **fields)


def as_json(page: Page, serial: int | None = None) -> Any:
    return json.loads(render_json(page, file_url=file_url, serial=serial))


def as_html(page: Page, serial: int | None = None) -> str:
    return render_html(page, file_url=file_url, serial=serial).decode()


FULL = Page(
    project=NAME,
    files=(
        file_named(
            "some_project-1-py3-none-any.whl",
            hashes={"sha256": A, "md5": "c" * 32},
            requires_python=">=3.8,<4",
            core_metadata={"sha256": B},
            gpg_sig=True,
            yanked='"no" & <b>',
            size=12,
            upload_time="2024-01-02T03:04:05Z",
            provenance="https://tier.example/p",
            extra={"new": [1]},
        ),
    ),
    versions=("1",),
    status=ProjectStatus(status="archived", reason="old"),
    meta_extra={"tracks": []},
    extra={"more": None},
)


def test_json_says_all_that_is_known_with_urls_of_this_node() -> None:
    url = file_url(FULL.files[0])
    assert as_json(FULL, 7) == {
        "meta": {"api-version": "1.4", "_last-serial": 7, "tracks": []},
        "name": "some-project",
        "versions": ["1"],
        "project-status": {"status": "archived", "reason": "old"},
        "more": None,
        "files": [
            {
                "filename": "some_project-1-py3-none-any.whl",
                "url": url,
                "hashes": {"sha256": A, "md5": "c" * 32},
                "requires-python": ">=3.8,<4",
                "core-metadata": {"sha256": B},
                "gpg-sig": True,
                "yanked": '"no" & <b>',
                "size": 12,
                "upload-time": "2024-01-02T03:04:05Z",
                "provenance": f"{url}.provenance",
                "new": [1],
            }
        ],
    }


def test_html_says_what_html_can() -> None:
    url = file_url(FULL.files[0])
    assert as_html(FULL, 7) == (
        "<!DOCTYPE html>\n<html>\n<head>\n"
        '<meta charset="utf-8">\n'
        '<meta name="pypi:repository-version" content="1.4">\n'
        '<meta name="pypi:project-status" content="archived">\n'
        '<meta name="pypi:project-status-reason" content="old">\n'
        "<title>Links for some-project</title>\n</head>\n<body>\n<h1>Links for some-project</h1>\n"
        f'<a href="{url}#sha256={A}" data-requires-python="&gt;=3.8,&lt;4" data-core-metadata="sha256={B}" '
        f'data-dist-info-metadata="sha256={B}" data-gpg-sig="true" data-yanked="&quot;no&quot; &amp; &lt;b&gt;" '
        f'data-provenance="{url}.provenance" data-size="12" data-upload-time="2024-01-02T03:04:05Z">'
        "some_project-1-py3-none-any.whl</a><br>\n</body>\n</html>\n<!--SERIAL 7-->\n"
    )


def test_what_is_not_known_is_not_said() -> None:
    # uv refuses a page with `"size": null` or `"upload-time": null`
    page = Page(project=NAME, files=(file_named("a-1.zip"),))
    url = file_url(page.files[0])
    assert as_json(page) == {
        "meta": {"api-version": "1.0"},
        "name": "some-project",
        "files": [{"filename": "a-1.zip", "url": url, "hashes": {}}],
    }
    assert f'\n<a href="{url}">a-1.zip</a><br>\n' in as_html(page)
    assert "SERIAL" not in as_html(page)


def test_a_page_with_an_unknown_size_claims_no_version_that_asks_for_sizes() -> None:
    known = file_named("some-project-2.zip", size=1, upload_time="2024-01-02T03:04:05Z")
    unknown = file_named("some-project-10.zip", upload_time="2024-01-02T03:04:05Z")
    all_known = as_json(Page(project=NAME, files=(known, replace(unknown, size=0))))
    assert all_known["meta"]["api-version"] == "1.4"
    assert all_known["versions"] == ["2", "10"]
    one_unknown = as_json(Page(project=NAME, files=(known, unknown)))
    assert one_unknown["meta"]["api-version"] == "1.0"
    assert "versions" not in one_unknown
    assert [file.get("size") for file in one_unknown["files"]] == [1, None]
    # pip and uv read upload times whatever the api-version
    assert [file["upload-time"] for file in one_unknown["files"]] == ["2024-01-02T03:04:05Z"] * 2
    assert 'content="1.0"' in as_html(Page(project=NAME, files=(unknown,)))


def test_versions_are_the_tiers_or_else_those_of_the_files() -> None:
    names = ["some-project-1.0.zip", "some_project-1.0-py3-none-any.whl", "some-project-0.9-2.zip", "odd.zip"]
    names += ["some-project-zzz.zip"]
    files = tuple(file_named(name, size=1) for name in names)
    assert as_json(Page(project=NAME, files=files))["versions"] == ["zzz", "0.9.post2", "1.0"]
    assert as_json(Page(project=NAME, files=files, versions=("3", "1")))["versions"] == ["3", "1"]
    assert as_json(Page(project=NAME))["versions"] == []


def test_a_quarantined_project_offers_no_files() -> None:
    page = evolve(FULL, status=ProjectStatus(status="quarantined"), files=(file_named("a-1.zip"),))
    assert as_json(page)["files"] == []
    assert as_json(page)["project-status"] == {"status": "quarantined"}
    assert as_json(page)["meta"]["api-version"] == "1.4"
    assert "<a " not in as_html(page)
    assert 'content="quarantined"' in as_html(page)


@pytest.mark.parametrize(
    ("core_metadata", "in_json", "in_html"),
    [
        (None, None, None),
        (False, False, None),  # pip takes data-core-metadata="false" for a sidecar
        (True, True, "true"),
        ({"sha256": A}, {"sha256": A}, f"sha256={A}"),
        ({"md5": "c" * 32, "sha256": A}, {"md5": "c" * 32, "sha256": A}, f"sha256={A}"),
        ({"new": "x"}, True, "true"),
        ({"sha256": "short"}, True, "true"),
        ({}, True, "true"),
    ],
)
def test_sidecars_are_told_as_each_syntax_asks(core_metadata: Any, in_json: object, in_html: str | None) -> None:
    page = Page(project=NAME, files=(file_named("a-1.zip", core_metadata=core_metadata),))
    assert as_json(page)["files"][0].get("core-metadata") == in_json
    for name in ("data-core-metadata", "data-dist-info-metadata"):
        assert (f'{name}="{in_html}"' in as_html(page)) == (in_html is not None)
        assert (name in as_html(page)) == (in_html is not None)


@pytest.mark.parametrize(
    ("yanked", "in_json", "in_html"),
    [(False, None, None), (True, True, ""), ("", True, ""), ("why", "why", "why"), ("a\r\nb", "a\r\nb", "a&#13;\nb")],
)
def test_yanked_files_are_told(yanked: bool | str, in_json: object, in_html: str | None) -> None:
    page = Page(project=NAME, files=(file_named("a-1.zip", yanked=yanked),))
    assert as_json(page)["files"][0].get("yanked") == in_json
    assert ("data-yanked" in as_html(page)) == (in_html is not None)
    assert in_html is None or f'data-yanked="{in_html}"' in as_html(page)


@pytest.mark.parametrize(
    ("hashes", "fragment"),
    [
        ({}, ""),
        ({"new": "x"}, ""),
        ({"md5": "c" * 32}, "#md5=" + "c" * 32),
        ({"md5": "c" * 32, "sha512": A + A}, "#sha512=" + A + A),
        ({"blake2b_256": A}, f"#blake2b={A}"),
        ({"blake2b": A + A}, ""),
    ],
)
def test_fragment_is_the_digest_that_names_the_file(hashes: dict[str, str], fragment: str) -> None:
    page = Page(project=NAME, files=(file_named("a-1.zip", hashes=hashes),))
    assert f'<a href="{file_url(page.files[0])}{fragment}">' in as_html(page)


def test_everything_is_escaped() -> None:
    nasty = "\"><script>'&\0"
    page = Page(
        project=NAME,
        files=(file_named(f"a{nasty}-1.zip", requires_python=nasty, yanked=nasty, upload_time=nasty),),
        status=ProjectStatus(status=nasty, reason=nasty),
    )
    text = render_html(page, file_url=lambda file: f"x?{nasty}").decode()
    assert "<script>" not in text
    assert "'&" not in text
    assert "\0" not in text


def test_unknown_keys_never_hide_known_ones() -> None:
    page = Page(
        project=NAME,
        files=(file_named("a-1.zip", size=1, extra={"filename": "b", "url": "c", "hashes": None, "size": "d"}),),
        meta_extra={"api-version": "9.9"},
        extra={"name": "other", "files": None, "meta": None},
    )
    top = as_json(page)
    assert (top["name"], top["meta"]) == ("some-project", {"api-version": "1.4"})
    assert top["files"] == [{"filename": "a-1.zip", "url": file_url(page.files[0]), "hashes": {}, "size": 1}]


def turned(value: Any) -> Any:
    """The same value with every mapping in it the other way round."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@given(ANY_PAGE)
def test_same_page_gives_the_same_bytes_whatever_the_order_of_its_mappings(page: Page) -> None:
    files = tuple(
        replace(file, hashes=turned(file.hashes), core_metadata=turned(file.core_metadata), extra=turned(file.extra))
        for file in page.files
    )
    other = evolve(page, files=files, meta_extra=turned(page.meta_extra), extra=turned(page.extra))
    assert other == page
    assert render_json(other, file_url=file_url) == render_json(page, file_url=file_url)
    assert render_html(other, file_url=file_url) == render_html(page, file_url=file_url)


def seen_from_below(file: File) -> File:
    """A file as a node that reads this node's page sees it."""
    url = f"https://node.example/files/{sum(file.filename.encode())}/some-project-1.zip"
    return replace(file, url=url, provenance=file.provenance and f"{url}.provenance")


@given(PARSED_PAGE)
def test_json_that_was_rendered_reads_as_the_same_page(page: Page) -> None:
    result = parse_json(render_json(page, file_url=file_url, serial=3), url=URL, project=NAME)
    versions = page.versions
    if versions is None and all(file.size is not None for file in page.files):
        versions = result.page.versions
        assert versions is not None
    assert result.dropped == ()
    assert result.serial == 3
    assert result.page == evolve(page, files=tuple(map(seen_from_below, page.files)), versions=versions)


def in_html(core_metadata: Any) -> Any:
    """What HTML can say of a sidecar: no "there is none", and no digest that some client stumbles over."""
    if isinstance(core_metadata, dict):
        return core_metadata if fragment_digest(core_metadata) else True
    return core_metadata or None


@given(PARSED_PAGE)
def test_html_that_was_rendered_reads_as_the_same_page_but_for_what_html_lacks(page: Page) -> None:
    def link(file: File) -> str:
        return f"../../files/{''.join(f'%{byte:02X}' for byte in file.filename.encode())}"

    result = parse_html(render_html(page, file_url=link, serial=3), url=URL, project=NAME)
    assert result.dropped == ()
    assert result.serial == 3
    assert (result.page.status, result.page.versions) == (page.status, None)
    for read, file in zip(result.page.files, page.files, strict=True):
        url = f"https://node.example{link(file).removeprefix('../..')}"
        assert read == replace(
            file,
            url=url,
            hashes=file.hashes if fragment_digest(file.hashes) else {},
            core_metadata=in_html(file.core_metadata),
            provenance=file.provenance and f"{url}.provenance",
            extra={},
        )


def test_project_lists_are_sorted_and_name_each_project_once() -> None:
    names = [ProjectName(name) for name in ("foo", "bar", "foo")]
    assert json.loads(render_project_list_json(iter(names), 5)) == {
        "meta": {"api-version": "1.4", "_last-serial": 5},
        "projects": [{"name": "bar"}, {"name": "foo"}],
    }
    assert json.loads(render_project_list_json([]))["projects"] == []
    text = render_project_list_html(iter(names), 5).decode()
    assert '<a href="bar/">bar</a><br>\n<a href="foo/">foo</a><br>\n' in text
    assert text.endswith("<!--SERIAL 5-->\n")
