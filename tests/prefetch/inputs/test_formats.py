"""Formats by name, and by what stands in a document."""

from __future__ import annotations

import pytest

from tests.prefetch.inputs.reading import pipfile_lock, reading, reasons
from tiercache.prefetch.inputs.formats import Format, format_of
from tiercache.wire.prefetch import Document

SCRIPT = "#!/usr/bin/env python\n# /// script\n# dependencies = ['foo']\n# ///\nimport foo\n"
PYLOCK = "lock-version = '1.0'\ncreated-by = 'x'\npackages = []\n"
UV_LOCK = "version = 1\nrevision = 3\nrequires-python = '>=3.9'\n[[package]]\nname = 'a'\n"
POETRY_LOCK = "package = []\n[metadata]\nlock-version = '2.1'\ncontent-hash = 'x'\n"
PDM_LOCK = "# by pdm\n\n[metadata]\nlock_version = '4.5.1'\n"
PYPROJECT = "[project]\nname = 'a'\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requirements.txt", Format.REQUIREMENTS),
        ("dev.in", Format.REQUIREMENTS),
        ("-", Format.REQUIREMENTS),
        ("pylock.toml", Format.PYLOCK),
        ("pylock.dev.toml", Format.PYLOCK),
        ("uv.lock", Format.UV_LOCK),
        ("poetry.lock", Format.POETRY_LOCK),
        ("pdm.lock", Format.PDM_LOCK),
        ("Pipfile.lock", Format.PIPFILE_LOCK),
        ("PIPFILE.LOCK", Format.PIPFILE_LOCK),
        ("pyproject.toml", Format.PYPROJECT),
        ("tool.py", Format.SCRIPT),
    ],
)
def test_a_name_tells_the_format(name: str, expected: Format) -> None:
    assert format_of(Document(name=name, text="")) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Format.REQUIREMENTS),
        ("foo==1\nbar\n", Format.REQUIREMENTS),
        ("foo == 1\n", Format.REQUIREMENTS),
        ("# by pip-tools\n--index-url https://index.example\nfoo\n", Format.REQUIREMENTS),
        ("foo[bar] >= 1 ; os_name == 'nt'\n", Format.REQUIREMENTS),
        (PYLOCK, Format.PYLOCK),
        (UV_LOCK, Format.UV_LOCK),
        (POETRY_LOCK, Format.POETRY_LOCK),
        (PDM_LOCK, Format.PDM_LOCK),
        (pipfile_lock({}), Format.PIPFILE_LOCK),
        (PYPROJECT, Format.PYPROJECT),
        ("[dependency-groups]\ndev = ['foo']\n", Format.PYPROJECT),
        (SCRIPT, Format.SCRIPT),
    ],
)
@pytest.mark.parametrize("name", ["-", "stdin", "some.lock"])
def test_what_stands_in_a_document_tells_where_the_name_does_not(name: str, text: str, expected: Format) -> None:
    assert format_of(Document(name=name, text=text)) is expected


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("-", "[[source]]\nname = 'x'\n", "it is TOML, and neither a lock that is known nor a project's"),
        ("Pipfile", "[packages]\nfoo = '*'\n", "it is TOML, and neither a lock that is known nor a project's"),
        ("-", '{"name": "x"}', "it is JSON, and no lock that is known"),
        ("-", "{", "it is no JSON: "),
        ("x.json", "[1]", "it is JSON, but no object"),
        ("-", "[broken", "it is no TOML: "),
        ("setup.py", "import setuptools\n", "it has no block of a script (PEP 723)"),
    ],
)
def test_a_document_of_another_format_is_told_as_a_whole(name: str, text: str, reason: str) -> None:
    found = reading(text, name)
    ((told, why),) = reasons(found)
    assert told == name
    assert reason in why
