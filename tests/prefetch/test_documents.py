"""Files that are handed in: what they are called, and that any is one."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tiercache.prefetch.documents import document_of

LONGEST_NAME = 255


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("requirements/dev.txt", "dev.txt"),
        (r"C:\project\uv.lock", "uv.lock"),
        ("", "requirements.txt"),
        ("-", "requirements.txt"),
        ("a/", "requirements.txt"),
        ("a\nb\x00.txt", "ab.txt"),
        ("x" * 300 + ".lock", ("x" * 300 + ".lock")[-LONGEST_NAME:]),
    ],
)
def test_of_a_path_the_last_part_is_the_name(path: str, name: str) -> None:
    assert document_of(path, codecs.BOM_UTF8 + b"six").name == name


@given(some.text(), some.binary())
def test_whatever_is_handed_in_becomes_a_document(path: str, content: bytes) -> None:
    document = document_of(path, content)
    assert 0 < len(document.name) <= LONGEST_NAME
    assert document.name.isprintable()
    assert len(document.text) <= len(content)
