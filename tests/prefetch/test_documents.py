"""Files that are handed in: what their bytes say, and what they are called."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tiercache.prefetch.documents import LONGEST_NAME, document_of, text_of


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"numpy==1.0\n", "numpy==1.0\n"),
        (codecs.BOM_UTF8 + b"numpy", "numpy"),
        (codecs.BOM_UTF16_LE + "numpy é".encode("utf-16-le"), "numpy é"),
        (codecs.BOM_UTF16_BE + "numpy".encode("utf-16-be"), "numpy"),
        (codecs.BOM_UTF32_LE + "numpy".encode("utf-32-le"), "numpy"),
        ("é".encode(), "é"),
        (b"\xff\xfb", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_text_is_read_by_its_mark_and_else_as_utf_8(content: bytes, text: str) -> None:
    assert text_of(content) == text


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
    assert document_of(path, b"").name == name


@given(some.text(), some.binary())
def test_whatever_is_handed_in_becomes_a_document(path: str, content: bytes) -> None:
    document = document_of(path, content)
    assert 0 < len(document.name) <= LONGEST_NAME
    assert document.name.isprintable()
    assert len(document.text) <= len(content)
