"""Core metadata: what is read of it, which old habits are let pass, and what is not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.publish.core_metadata import (
    ENCODED_LINE_BYTES,
    MAX_FIELDS,
    MAX_KINDS_OF_FIELDS,
    CoreMetadata,
    read_core_metadata,
)
from tiercache.publish.members import UnfitArchive


def read(*lines: str, version: str = "2.2") -> CoreMetadata:
    head = [f"Metadata-Version: {version}", "Name: My.Package", "Version: 1.0.0-rc1"]
    return read_core_metadata("\n".join([*head, *lines, ""]).encode(), "METADATA")


def refusal(*lines: str, version: str = "2.2") -> str:
    with pytest.raises(UnfitArchive) as raised:
        read(*lines, version=version)
    return raised.value.reason


def test_name_and_version_are_normalised() -> None:
    metadata = read()
    assert (metadata.project, metadata.version) == ("my-package", "1.0.0rc1")
    assert (metadata.requires_python, metadata.requires_dist) == (None, ())


def test_requirements_are_kept_as_they_are_written() -> None:
    metadata = read("Requires-Python: >=3.11, !=3.12.0", "Requires-Dist: Attrs >=25", 'Requires-Dist: x; extra == "y"')
    assert metadata.requires_python == ">=3.11, !=3.12.0"
    assert metadata.requires_dist == ("Attrs >=25", 'x; extra == "y"')


def test_a_folded_field_is_one_line() -> None:
    assert read("Requires-Python: >=3.11,", "  !=3.12.0").requires_python == ">=3.11, !=3.12.0"


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4"])
def test_every_version_of_the_metadata_is_read(version: str) -> None:
    assert read(version=version).project == "my-package"


def test_the_version_that_never_was_is_read_as_the_one_after_it() -> None:
    assert read("Provides-Extra: all", "Requires-Dist: attrs", version="2.0").requires_dist == ("attrs",)
    assert "introduced in metadata version 2.2" in refusal("Dynamic: Summary", version="2.0")


@pytest.mark.parametrize("version", ["2.9", "2.99"])
def test_a_newer_minor_version_is_read_as_far_as_it_is_known(version: str) -> None:
    metadata = read("Something-New: yes", "License-Expression: MIT", version=version)
    assert metadata.is_reliable


@pytest.mark.parametrize("version", ["3.0", "0.9", "1.9", "2", "2.x", "two", "2.1.1", "", "-1.0"])
def test_any_other_version_is_refused(version: str) -> None:
    assert "is not valid" in refusal(version=version)


def test_a_license_file_before_its_time_is_let_pass() -> None:
    assert read("License-File: LICENSE", version="2.1").project == "my-package"


def test_a_field_that_is_not_known_is_let_pass() -> None:
    assert read("Private-Thing: yes", "Private-Thing: again").project == "my-package"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Name: other"], "has a field name that is there twice"),
        (["Version: 1.1"], "has a field version that is there twice"),
        (["Requires-Python: >=3", "Requires-Python: >=2"], "has a field requires-python that is there twice"),
        (["Project-URL: Home, a", "Project-URL: Home, b"], "has a field project-url that is there twice"),
        (["Requires-Dist: not a requirement"], "is invalid for 'requires-dist'"),
        (["Requires-Dist: attrs>=one"], "is invalid for 'requires-dist'"),
        (["Requires-Python: three"], "is invalid for 'requires-python'"),
        (["Requires-Python: >=3.6.*"], "is invalid for 'requires-python'"),
        (["Provides-Extra: -"], "is invalid for 'provides-extra'"),
        (["Dynamic: Name"], "is not allowed as a dynamic field"),
        (["License-Expression: MIT"], "introduced in metadata version 2.4"),
        (["Description-Content-Type: text/html"], "must be one of"),
    ],
)
def test_what_is_not_valid_is_refused_with_its_reason(lines: list[str], reason: str) -> None:
    assert reason in refusal(*lines)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "'' is not a valid metadata version"),
        (b"\n\n", "is not valid"),
        (b"Metadata-Version: 2.1\nVersion: 1\n", "'name' is a required field"),
        (b"Metadata-Version: 2.1\nName: a\n", "'version' is a required field"),
        (b"Metadata-Version: 2.1\nName: a b\nVersion: 1\n", "is invalid for 'name'"),
        (b"Metadata-Version: 2.1\nName: \xff\nVersion: 1\n", "has a field name that is there twice, or is no text"),
        (b"Metadata-Version: 2.1\nName: caf\xc3\xa9\nVersion: 1\n", "is invalid for 'name'"),
        (b"Metadata-Version: 2.1\nName: a\nVersion: one\n", "is invalid for 'version'"),
        (
            b"Metadata-Version: 2.1\nName: a\nVersion: 1\n\n\xff\xfe",
            "has a field description that is there twice, or is no text",
        ),
        (b"Metadata-Version: 2.1\nName: a\nVersion: " + b"1" * 5000 + b"\n", "is not valid"),
        (b"Metadata-Version: 2." + b"1" * 5000 + b"\nName: a\nVersion: 1\n", "is not valid"),
    ],
)
def test_what_is_no_metadata_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnfitArchive) as raised:
        read_core_metadata(data, "METADATA")
    assert reason in raised.value.reason
    assert len(raised.value.reason) < 2000


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnfitArchive, match="a Name that is none"):
        read_core_metadata(b"Metadata-Version: 2.1\nName: " + b"a" * 201 + b"\nVersion: 1\n", "METADATA")


def test_a_marker_nested_deeper_than_anything_goes_is_refused() -> None:
    deep = "(" * 20_000 + 'os_name == "x"' + ")" * 20_000
    assert "is not valid" in refusal(f"Requires-Dist: attrs; {deep}")


def test_fields_are_read_up_to_their_number_and_not_one_more() -> None:
    most = ["Requires-Dist: attrs"] * (MAX_FIELDS - 3)
    assert len(read(*most).requires_dist) == MAX_FIELDS - 3
    assert "more fields than" in refusal(*most, "Requires-Dist: attrs")
    assert read(*most, "", *["Not-A-Field: x"] * 10).project == "my-package"  # a description may look like anything


def test_kinds_of_fields_are_read_up_to_their_number_and_not_one_more() -> None:
    most = [f"X-{number}: y" for number in range(MAX_KINDS_OF_FIELDS - 3)]
    assert read(*most).project == "my-package"
    assert "more than 200 kinds" in refusal(*most, "X: y")


def test_an_encoded_line_has_its_limit() -> None:
    line = "=?utf-8?q?é?=".ljust(ENCODED_LINE_BYTES - len("Author: ") - 1, "x")
    assert read(f"Author: {line}").project == "my-package"
    assert "an encoded line of more than" in refusal(f"Author: {line}x")


FIELD = st.sampled_from(
    [
        "Metadata-Version",
        "Name",
        "Version",
        "Requires-Dist",
        "Requires-Python",
        "Dynamic",
        "Provides-Extra",
        "Project-URL",
        "Keywords",
        "Summary",
        "Description",
        "Description-Content-Type",
        "License-Expression",
        "License-File",
    ]
)
LINE = st.builds(lambda name, value: name.encode() + b": " + value, FIELD, st.binary(max_size=40))
SOUND = [b"Metadata-Version: 2.4", b"Name: a", b"Version: 1"]


@given(st.one_of(st.binary(max_size=300), st.lists(LINE, max_size=6).map(lambda lines: b"\n".join([*SOUND, *lines]))))
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    try:
        metadata = read_core_metadata(data, "METADATA")
    except UnfitArchive as error:
        reason = error.reason
    else:
        reason = metadata.project
    assert reason.isprintable()


@given(FIELD, st.text(max_size=60))
def test_no_text_of_a_field_raises_anything_but_a_refusal(name: str, text: str) -> None:
    with suppress(UnfitArchive):
        read(f"{name}: {text}", version="2.4")
