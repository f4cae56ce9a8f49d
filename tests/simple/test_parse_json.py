"""Project pages in JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simple.pages import JSON
from tiercache.errors import PageUnusable
from tiercache.simple.model import File, Page, ProjectName, ProjectStatus
from tiercache.simple.parse_json import MAX_EXTRA_DEPTH, parse_json
from tiercache.simple.parsed import Parsed

URL = "https://tier.example/simple/foo/"
FOO = ProjectName("foo")
FILE: dict[str, Any] = {"filename": "foo-1.zip", "url": "foo-1.zip", "hashes": {}}
WITHOUT: Any = object()


def parsed(top: object) -> Parsed:
    return parse_json(json.dumps(top).encode(), url=URL, project=FOO)


def page(**keys: Any) -> dict[str, Any]:
    top = {"meta": {"api-version": "1.4"}, "name": "foo", "files": [], **keys}
    return {key: value for key, value in top.items() if value is not WITHOUT}


def read_file(**keys: Any) -> File:
    result = parsed(page(files=[{**FILE, **keys}]))
    assert result.dropped == ()
    return result.page.files[0]


def test_every_field_of_the_standards_is_read() -> None:
    result = parsed(
        {
            "meta": {"api-version": "1.4", "_last-serial": 12, "_private": 1, "tracks": ["https://x.example/"]},
            "name": "Foo",
            "versions": ["1", "2"],
            "project-status": {"status": "deprecated", "reason": "use bar"},
            "alternate-locations": ["https://y.example/"],
            "_private": True,
            "files": [
                {
                    "filename": "foo-1-py3-none-any.whl",
                    "url": "../../f/foo-1-py3-none-any.whl",
                    "hashes": {"sha256": "AB" * 32, "md5": "c" * 32},
                    "requires-python": ">=3.8",
                    "core-metadata": {"sha256": "D" * 64},
                    "gpg-sig": False,
                    "yanked": "broken",
                    "size": 1234,
                    "upload-time": "2024-01-02T03:04:05.678901Z",
                    "provenance": "/integrity/foo-1",
                    "new-key": {"deep": [1, None]},
                    "_private": 1,
                }
            ],
        }
    )
    assert result == Parsed(
        page=Page(
            project=FOO,
            files=(
                File(
                    filename="foo-1-py3-none-any.whl",
                    url="https://tier.example/f/foo-1-py3-none-any.whl",
                    hashes={"sha256": "ab" * 32, "md5": "c" * 32},
                    requires_python=">=3.8",
                    core_metadata={"sha256": "d" * 64},
                    gpg_sig=False,
                    yanked="broken",
                    size=1234,
                    upload_time="2024-01-02T03:04:05.678901Z",
                    provenance="https://tier.example/integrity/foo-1",
                    extra={"new-key": {"deep": [1, None]}},
                ),
            ),
            versions=("1", "2"),
            status=ProjectStatus(status="deprecated", reason="use bar"),
            meta_extra={"tracks": ["https://x.example/"]},
            extra={"alternate-locations": ["https://y.example/"]},
        ),
        serial=12,
        api_version="1.4",
    )


def test_a_page_with_the_least_keys_is_read() -> None:
    result = parsed({"name": "foo", "files": [{"filename": "foo-1.zip", "url": "foo-1.zip"}]})
    assert result == Parsed(page=Page(project=FOO, files=(File(filename="foo-1.zip", url=f"{URL}foo-1.zip"),)))


def test_nulls_are_what_is_not_said() -> None:
    keys = ("hashes", "requires-python", "core-metadata", "gpg-sig", "yanked", "size", "upload-time", "provenance")
    assert read_file(**dict.fromkeys(keys)) == File(filename="foo-1.zip", url=f"{URL}foo-1.zip")
    result = parsed(page(versions=None, **{"project-status": None}))
    assert result.page == Page(project=FOO)


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ({"core-metadata": True}, True),
        ({"core-metadata": False}, False),
        ({"core-metadata": {}}, True),
        ({"dist-info-metadata": True}, True),
        ({"data-dist-info-metadata": {"sha256": "a" * 64}}, {"sha256": "a" * 64}),
        ({"core-metadata": False, "dist-info-metadata": True}, False),
        ({"core-metadata": None, "data-dist-info-metadata": True}, True),
        ({"data-dist-info-metadata": {"sha256": "a" * 64}, "dist-info-metadata": True}, {"sha256": "a" * 64}),
        ({"core-metadata": {"sha256": "short"}}, None),
        ({"core-metadata": {"of-the-future": "x"}}, {"of-the-future": "x"}),
    ],
)
def test_sidecars_are_told_by_any_of_their_names_the_new_one_first(given_: dict[str, Any], read: object) -> None:
    assert read_file(**given_).core_metadata == read
    assert read_file(**given_).extra == {}


@pytest.mark.parametrize(
    ("given_", "read"), [(True, True), (False, False), ("why", "why"), ("", False), ("false", "false")]
)
def test_yanked_is_true_or_a_reason(given_: object, read: object) -> None:
    assert read_file(yanked=given_).yanked == read


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05.123456789+01:00", "2024-01-02T03:04:05.123456789+01:00"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05Z"),
        ("2024-13-02T03:04:05Z", None),
        ("2024-01-02", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_upload_times_that_are_none_are_left_out(given_: str, read: str | None) -> None:
    assert read_file(**{"upload-time": given_}).upload_time == read


def test_digest_in_the_fragment_is_read_where_hashes_lack_it() -> None:
    file = read_file(url=f"foo-1.zip#sha256={'a' * 64}&egg=foo", hashes={"md5": "b" * 32})
    assert file.hashes == {"sha256": "a" * 64, "md5": "b" * 32}
    assert file.url == f"{URL}foo-1.zip"


@pytest.mark.parametrize(
    "wrong",
    [
        {"filename": WITHOUT},
        {"filename": 1},
        {"filename": "../foo-1.zip"},
        {"filename": "foo\0-1.zip"},
        {"url": WITHOUT},
        {"url": None},
        {"url": "javascript:alert(1)"},
        {"url": "data:,foo-1.zip"},
        {"url": "file:///foo-1.zip"},
        {"url": "http://[::1/foo-1.zip"},
        {"url": f"foo-1.zip#sha256={'a' * 63}"},
        {"hashes": []},
        {"hashes": {"sha256": 1}},
        {"hashes": {"sha256": "a" * 63}},
        {"requires-python": 3},
        {"core-metadata": "true"},
        {"core-metadata": {"sha256": None}},
        {"gpg-sig": "true"},
        {"yanked": 1},
        {"yanked": {}},
        {"size": -1},
        {"size": 1.5},
        {"size": True},
        {"size": "12"},
        {"upload-time": 1700000000},
        {"provenance": {}},
    ],
)
def test_what_is_wrong_with_one_file_costs_that_file_only(wrong: dict[str, Any]) -> None:
    bad = {key: value for key, value in {**FILE, **wrong}.items() if value is not WITHOUT}
    good = {**FILE, "filename": "foo-2.zip"}
    result = parsed(page(files=[bad, good]))
    assert [file.filename for file in result.page.files] == ["foo-2.zip"]
    assert len(result.dropped) == 1
    assert result.dropped[0].reason


@pytest.mark.parametrize("item", [None, 1, "foo-1.zip", [], {}])
def test_entries_that_are_no_files_are_dropped(item: object) -> None:
    result = parsed(page(files=[item, FILE]))
    assert [file.filename for file in result.page.files] == ["foo-1.zip"]
    assert [dropped.what for dropped in result.dropped] == ["an entry without a name"]


def test_a_filename_listed_twice_is_the_first_one() -> None:
    result = parsed(page(files=[{**FILE, "size": 1}, {**FILE, "size": 2}]))
    assert [file.size for file in result.page.files] == [1]
    assert [dropped.what for dropped in result.dropped] == ["foo-1.zip"]


def test_provenance_that_leads_nowhere_leaves_the_file_as_it_is() -> None:
    assert read_file(provenance="javascript:x").provenance is None


def test_dropped_files_are_reported_without_secrets() -> None:
    result = parsed(page(files=[{"url": "https://me:secret@files.example:0/x-1.zip?token=secret"}]))
    assert "secret" not in repr(result.dropped)


@pytest.mark.parametrize(
    "top",
    [
        None,
        [],
        "page",
        page(meta=[]),
        page(meta=None),
        page(meta={"api-version": 1.0}),
        page(meta={"api-version": "one"}),
        page(meta={"api-version": "2.0"}),
        page(meta={"api-version": "10.4"}),
        page(files=WITHOUT),
        page(files=None),
        page(files={}),
        page(name=WITHOUT),
        page(name=None),
        page(name="bar"),
        page(name="../foo"),
        page(versions="1.0"),
        page(versions=[1]),
        page(**{"project-status": "archived"}),
        page(**{"project-status": {"reason": "x"}}),
        page(**{"project-status": {"status": 1}}),
        page(**{"project-status": {"status": "quarantined", "reason": 1}}),
        {"message": "please log in"},
    ],
)
def test_what_is_wrong_with_the_page_makes_it_unusable(top: object) -> None:
    with pytest.raises(PageUnusable):
        parsed(top)


@pytest.mark.parametrize("version", ["1.0", "1.4", "1.5", "1.99", "1", "0.9"])
def test_any_minor_version_is_read(version: str) -> None:
    assert parsed(page(meta={"api-version": version})).api_version == version


@pytest.mark.parametrize("serial", ["12", 1.5, -1, True, None])
def test_serials_that_are_none_are_passed_over(serial: object) -> None:
    assert parsed(page(meta={"api-version": "1.0", "_last-serial": serial})).serial is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"{",
        b"<!DOCTYPE html><html></html>",
        b"\xff\xfe{}",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"name": "foo", "files": [1e999]}',
        b'{"meta": {}, "name": "foo", "files": [], "_more": "\xff"}',
        b'{"meta": {}, "name": "foo", "files": [{"filename": "foo-1.0.tar.gz", "url": "/f"}, {"filename": "\xff"}]}',
        b'{"meta": {}, "name": "foo", "files": [{"filename": "foo-1.0.tar.gz", "url": "/f"}, {"filename": }]}',
        b'{"meta": {}, "name": "foo", "files": [{"filename": "foo-1.0.tar.gz", "url": "/f", "more": ' + b"[" * 100_000,
        b'{"meta": {}, "name": "foo", "files": []} {}',
    ],
)
def test_what_is_no_json_is_unusable(data: bytes) -> None:
    with pytest.raises(PageUnusable):
        parse_json(data, url=URL, project=FOO)


def test_a_byte_order_mark_does_not_matter() -> None:
    data = b"\xef\xbb\xbf" + json.dumps(page()).encode()
    assert parse_json(data, url=URL, project=FOO).page == Page(project=FOO)


def test_unknown_keys_are_kept_up_to_a_depth() -> None:
    def nested(depth: int) -> object:
        return [nested(depth - 1)] if depth else 1

    kept, gone = nested(MAX_EXTRA_DEPTH), nested(MAX_EXTRA_DEPTH + 1)
    assert read_file(kept=kept, gone=gone).extra == {"kept": kept}


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_page_or_unusable(data: bytes) -> None:
    with pytest.raises(PageUnusable):  # none of them happens to be the page of foo
        parse_json(data, url=URL, project=FOO)


_ODD_FILE = st.fixed_dictionaries(
    {},
    optional={
        key: JSON | st.just(FILE.get(key))
        for key in ("filename", "url", "hashes", "yanked", "size", "core-metadata", "upload-time", "provenance", "x")
    },
)


@given(st.lists(_ODD_FILE | JSON, max_size=4), JSON, JSON, JSON)
def test_any_json_is_a_page_or_unusable(files: list[Any], meta: Any, versions: Any, status: Any) -> None:
    assert len(parsed(page(files=files)).page.files) + len(parsed(page(files=files)).dropped) == len(files)
    with suppress(PageUnusable):
        parsed(page(files=files, meta=meta, versions=versions, **{"project-status": status}))
