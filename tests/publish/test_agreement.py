"""Whether filename, form and archive say the same."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.publish.archives import METADATA, ROOT, SDIST, WHEEL, opened, plain, sdist_of, wheel_of
from tests.publish.forms import SETUPTOOLS, TWINE, form
from tiercache.errors import Disagreement, FieldRefused
from tiercache.publish.agreement import agreement
from tiercache.publish.archive import ArchiveFacts, read_archive
from tiercache.publish.submission import submission_of, submission_of_filename
from tiercache.simple.names import FilenameKind

SAID = b"Metadata-Version: 2.4\nName: my-package\nVersion: 1.0\nRequires-Python: >=3.11\n"
SAID += b'Requires-Dist: attrs>=25.3\nRequires-Dist: colorama; sys_platform == "win32"\n'


def facts(metadata: bytes = SAID) -> ArchiveFacts:
    return read_archive(opened(wheel_of(metadata=metadata)), WHEEL)


def disagreement(metadata: bytes = SAID, **changed: str) -> str:
    with pytest.raises(Disagreement) as raised:
        agreement(submission_of(form(**changed)), facts(metadata))
    assert raised.value.filename == WHEEL
    return raised.value.reason


def test_a_form_that_says_what_its_archive_says_agrees() -> None:
    agreement(submission_of(form()), facts())


def test_a_filename_alone_that_says_what_its_archive_says_agrees() -> None:
    agreement(submission_of_filename(WHEEL), facts(METADATA))
    agreement(submission_of_filename(SDIST), read_archive(opened(sdist_of()), SDIST))


@pytest.mark.parametrize(
    "said",
    [
        SAID.replace(b"my-package", b"My_Package"),
        SAID.replace(b"Version: 1.0", b"Version: 1.0.0"),
        SAID.replace(b">=3.11", b">= 3.11"),
        SAID.replace(b"attrs>=25.3", b"Attrs (>=25.3)").replace(b'"win32"', b"'win32'"),
        b"\n".join(sorted(SAID.splitlines(), reverse=True)),
    ],
)
def test_the_same_in_other_words_agrees(said: bytes) -> None:
    agreement(submission_of(form()), facts(said))


def test_what_a_form_leaves_out_is_not_compared() -> None:
    fields = [(name, value) for name, value in TWINE if not name.startswith("requires_")]
    agreement(submission_of(form([*fields, ("requires_python", ""), ("requires_dist", "")])), facts())


def test_another_version_of_the_metadata_in_the_form_is_no_disagreement() -> None:
    agreement(submission_of(form(metadata_version="2.1")), facts())  # as flit and setuptools say it


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (SAID.replace(b"Name: my-package", b"Name: other"), "has the Name other, not my-package"),
        (SAID.replace(b"Version: 1.0", b"Version: 1.0.1"), "has the Version 1.0.1, not 1.0"),
        (SAID.replace(b"Version: 1.0", b"Version: 1.0+local"), "has the Version 1.0+local, not 1.0"),
        (SAID.replace(b">=3.11", b">=3.12"), "has the Requires-Python >=3.12, not >=3.11"),
        (SAID.replace(b"Requires-Python: >=3.11\n", b""), "has the Requires-Python any, not >=3.11"),
        (SAID.replace(b"attrs>=25.3", b"attrs>=25.4"), "has the Requires-Dist attrs>=25."),
        (SAID + b"Requires-Dist: evil\n", "only its metadata has the Requires-Dist evil"),
        (SAID.replace(b"Requires-Dist: attrs>=25.3\n", b""), "only its form has the Requires-Dist attrs>=25.3"),
    ],
)
def test_an_archive_that_says_otherwise_than_its_form_is_refused(said: bytes, reason: str) -> None:
    assert reason in disagreement(said)


def test_an_archive_that_says_otherwise_than_its_filename_is_refused_without_a_form_too() -> None:
    with pytest.raises(Disagreement, match="the Name other, not my-package"):
        agreement(submission_of_filename(WHEEL), facts(METADATA.replace(b"My-Package", b"other")))
    older = read_archive(opened(sdist_of(pkg_info=plain(f"{ROOT}/PKG-INFO", METADATA.replace(b"1.0", b"0.9")))), SDIST)
    with pytest.raises(Disagreement, match=r"the Version 0\.9, not 1\.0"):
        agreement(submission_of_filename(SDIST), older)


def test_an_sdist_that_the_form_calls_a_wheel_is_refused() -> None:
    with pytest.raises(Disagreement, match="it is an sdist, not a wheel"):
        agreement(submission_of(form()), evolve(facts(), kind=FilenameKind.SDIST))


@pytest.mark.parametrize(
    ("field", "value"), [("requires_dist", "not a requirement"), ("requires_python", "three"), ("requires_dist", "é")]
)
def test_a_requirement_in_the_form_that_is_none_is_named(field: str, value: str) -> None:
    with pytest.raises(FieldRefused) as raised:
        agreement(submission_of(form(**{field: value})), facts())
    assert (raised.value.field, raised.value.reason[:12]) == (field, "is not valid")
    assert str(raised.value).isprintable()


def test_a_dashed_version_of_an_older_sdist_agrees_with_its_pkg_info() -> None:
    said = b"Metadata-Version: 1.0\nName: foo\nVersion: 1.0-2\n"
    archive = sdist_of(pkg_info=plain("foo-1.0-2/PKG-INFO", said))
    submission = submission_of(form(SETUPTOOLS, filename="foo-1.0-2.tar.gz", name="foo", version="1.0-2"))
    agreement(submission, read_archive(opened(archive), submission.filename))
    other = submission_of(form(SETUPTOOLS, filename="foo-1.0-2.tar.gz", name="foo-1.0", version="2"))
    with pytest.raises(Disagreement, match="the Name foo, not foo-1-0"):
        agreement(other, read_archive(opened(archive), other.filename))
