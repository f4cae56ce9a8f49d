"""The upload form: as every client sends it, and with each field missing, doubled, too long, or no text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.publish.forms import (
    BLAKE2B,
    BLAKE2B_256,
    CLIENTS,
    MD5,
    SDIST,
    SHA256,
    TWINE,
    WHEEL,
    Fields,
    form,
)
from tiercache.errors import Disagreement, FieldRefused, FilenameRefused, UploadRefused
from tiercache.publish.form import CONTENT, FORM_BYTES, MAX_PARTS, FilePart, Form, FormField, limit_of
from tiercache.publish.submission import sole_file, submission_of, submission_of_filename
from tiercache.simple.names import FilenameKind, normalise

REQUIRED = [":action", "metadata_version", "name", "version", "filetype"]
ONCE = [*REQUIRED, "sha256_digest", "blake2_256_digest", "protocol_version", "summary", "requires_python", "pyversion"]


def refused(given_form: Form) -> FieldRefused:
    with pytest.raises(FieldRefused) as raised:
        submission_of(given_form)
    return raised.value


# -- as clients send it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", CLIENTS)
def test_the_form_of_every_client_is_understood(client: str) -> None:
    fields = CLIENTS[client]
    is_wheel = ("filetype", "bdist_wheel") in fields
    submission = submission_of(form(fields, filename=WHEEL if is_wheel else SDIST))
    assert (submission.project, submission.version) == ("my-package", "1.0")
    assert submission.kind is (FilenameKind.WHEEL if is_wheel else FilenameKind.SDIST)
    assert submission.filename == (WHEEL if is_wheel else SDIST)
    assert submission.digests["sha256"] == SHA256
    assert submission.attestations is None


def test_a_form_keeps_what_it_says_beside() -> None:
    metadata = submission_of(form()).metadata
    assert metadata["requires_dist"] == ("attrs>=25.3", 'colorama; sys_platform == "win32"')
    assert metadata["description"] == ("# My package\n\n\tdoes it.\n",)
    assert {"name", "version", "sha256_digest", ":action"}.isdisjoint(metadata)


def test_each_digest_goes_by_its_name() -> None:
    submission = submission_of(form(md5_digest=MD5.upper()))
    assert submission.digests == {"sha256": SHA256, "blake2b_256": BLAKE2B_256, "md5": MD5}


def test_the_long_digest_that_old_clients_call_the_short_one_is_known() -> None:
    assert submission_of(form(blake2_256_digest=BLAKE2B)).digests["blake2b"] == BLAKE2B


def test_a_signature_by_gpg_is_passed_over_as_field_and_as_file() -> None:
    given_form = form(gpg_signature=b"\x00\xff" * 10)
    given_form = evolve(given_form, files=(FilePart(name="gpg_signature", filename=f"{WHEEL}.asc"), *given_form.files))
    assert submission_of(given_form) == submission_of(form())


def test_attestations_are_kept_as_they_came() -> None:
    assert submission_of(form(attestations='[{"version": 1}]\n')).attestations == b'[{"version": 1}]\n'
    assert submission_of(form(attestations="")).attestations is None


def test_a_version_is_normalised_and_compared_so() -> None:
    assert submission_of(form(version="v1.0.0")).version == "1.0.0"


def test_the_project_that_the_form_says_decides_how_an_older_filename_is_read() -> None:
    fields = CLIENTS["setuptools"]
    submission = submission_of(form(fields, filename="foo-1.0-2.tar.gz", name="foo", version="1.0-2"))
    assert (submission.project, submission.version) == ("foo", "1.0.post2")
    submission = submission_of(form(fields, filename="foo-1.0-2.tar.gz", name="foo-1.0", version="2"))
    assert (submission.project, submission.version) == ("foo-1-0", "2")


# -- fields that are missing, doubled, too long, or no text -----------------------------------------------------------


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    assert str(refused(form(without=name))) == f"The field '{name}' of the form is missing."


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_field_that_is_empty_is_named(name: str) -> None:
    error = refused(form([*((key, value) for key, value in TWINE if key != name), (name, "")]))
    assert (error.field, error.reason) == (name, "is empty")


@pytest.mark.parametrize("name", ONCE)
def test_a_field_that_is_doubled_is_named(name: str) -> None:
    again = next(value for key, value in TWINE if key == name)
    error = refused(form([*TWINE, (name, again)]))
    assert (error.field, error.reason) == (name, "is there 2 times, not once")


@pytest.mark.parametrize("name", ["classifiers", "requires_dist", "project_urls", "keywords", "platform", "never_seen"])
def test_a_field_of_several_values_may_be_doubled(name: str) -> None:
    values = [value for key, value in TWINE if key == name]
    submission = submission_of(form([*TWINE, (name, "attrs>=25.3"), (name, "attrs>=25.3")]))
    assert submission.metadata[name] == (*values, "attrs>=25.3", "attrs>=25.3")


@pytest.mark.parametrize("name", [*ONCE, "md5_digest", "description", "license", "attestations", "never_seen"])
def test_a_field_that_is_one_byte_too_long_is_named(name: str) -> None:
    limit_bytes = limit_of(name)
    fields = [(key, value) for key, value in TWINE if key != name]
    error = refused(form([*fields, (name, "1" * (limit_bytes + 1))]))
    assert (error.field, error.reason) == (name, f"is longer than {limit_bytes} bytes")
    try:
        submission_of(form([*fields, (name, "1" * limit_bytes)]))
    except FieldRefused as other:  # many of them say nothing that can be
        is_length = "longer" in other.reason
        assert not is_length


@pytest.mark.parametrize("name", ["description", "license", "never_seen"])
def test_a_field_that_is_as_long_as_may_be_is_kept(name: str) -> None:
    assert submission_of(form(**{name: "x" * limit_of(name)})).metadata[name] == ("x" * limit_of(name),)


@pytest.mark.parametrize("name", [*ONCE, "description", "attestations", "never_seen"])
@pytest.mark.parametrize("value", [b"\xff", b"1.0\xc3", b"\xed\xa0\x80"])
def test_a_field_that_is_not_utf_8_is_named(name: str, value: bytes) -> None:
    error = refused(form([*((key, text) for key, text in TWINE if key != name), (name, value)]))
    assert (error.field, error.reason) == (name, "is not text in UTF-8")


@pytest.mark.parametrize("name", [*ONCE, "description", "attestations", "never_seen"])
@pytest.mark.parametrize("value", ["1\0", "\x1b[31m1", "1\x7f"])
def test_a_field_with_control_characters_is_named(name: str, value: str) -> None:
    error = refused(form([*((key, text) for key, text in TWINE if key != name), (name, value)]))
    assert (error.field, error.reason) == (name, "has control characters in it")


@pytest.mark.parametrize("value", ["my\npackage", "my\tpackage", "my\u2028package", "my\x85package"])
def test_a_line_end_is_no_part_of_a_name(value: str) -> None:
    assert refused(form(name=value)).reason == "has control characters in it"


def test_a_line_end_or_a_form_feed_is_part_of_a_text() -> None:
    assert submission_of(form(license="one\r\n\ftwo\ttabs\n")).metadata["license"] == ("one\r\n\ftwo\ttabs\n",)


def test_a_form_of_too_many_parts_is_refused() -> None:
    room = MAX_PARTS - len(TWINE) - 1  # the file is one
    assert submission_of(form([*TWINE, *[("classifiers", "x")] * room]))
    with pytest.raises(UploadRefused, match="more than 20000 parts"):
        submission_of(form([*TWINE, *[("classifiers", "x")] * (room + 1)]))


def test_a_form_that_is_too_long_in_all_is_refused() -> None:
    piece = "x" * limit_of("never_seen")
    room = (FORM_BYTES - sum(len(name) + len(value) for name, value in TWINE)) // (len(piece) + len("never_seen"))
    assert submission_of(form([*TWINE, *[("never_seen", piece)] * room]))
    with pytest.raises(UploadRefused, match=f"more than {FORM_BYTES} bytes"):
        submission_of(form([*TWINE, *[("never_seen", piece)] * (room + 1)]))


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\0"])
def test_a_field_without_a_proper_name_is_refused(name: str) -> None:
    with pytest.raises(UploadRefused, match="whose name is none"):
        submission_of(form([*TWINE, (name, "x")]))


# -- fields that say what cannot be ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("action", "submit", "is not needed"),
        ("action", "verify", "is done when a file comes with it"),
        ("action", "submit_pkg_info", "is not needed"),
        ("action", "remove_pkg", "is not done by this form"),
        ("action", "doc_upload", "is not kept here"),
        ("action", "file_download", "is 'file_download', not 'file_upload'"),
        ("protocol_version", "2", "is not 1"),
        ("metadata_version", "3.0", "newer than what this node understands"),
        ("metadata_version", "new", "is not a version of the core metadata"),
        ("metadata_version", "2", "is not a version of the core metadata"),
        ("name", "my package", "is not a project's name"),
        ("name", "-", "is not a project's name"),
        ("name", "my-packаge", "is not a project's name"),  # the second a is Cyrillic
        ("name", "ｍy-package", "is not a project's name"),  # would be an m by NFKC
        ("name", "my-\u202epackage", "is not a project's name"),
        ("version", "one", "is not a version by PEP 440"),
        ("version", "1.0/../2", "is not a version by PEP 440"),
        ("filetype", "bdist_egg", "only sdist and bdist_wheel are published"),
        ("filetype", "bdist_wininst", "only sdist and bdist_wheel are published"),
        ("md5_digest", "d" * 31, "is not a digest"),
        ("md5_digest", "z" * 32, "is not a digest"),
        ("sha256_digest", "a" * 63, "is not a digest"),
        ("sha256_digest", "é" * 32, "is not a digest"),
        ("blake2_256_digest", "b" * 63, "is not a digest"),
    ],
)
def test_a_field_that_says_what_cannot_be_is_named(field: str, value: str, reason: str) -> None:
    error = refused(form(**{field: value}))
    assert error.field.lstrip(":") == field
    assert reason in str(error)


@pytest.mark.parametrize("name", ["sha256_digest", "blake2_256_digest"])
def test_one_digest_is_enough_and_none_is_not(name: str) -> None:
    one: Fields = [(key, value) for key, value in TWINE if not key.endswith("_digest") or key == name]
    assert len(submission_of(form(one)).digests) == 1
    with pytest.raises(UploadRefused, match="none of sha256_digest"):
        submission_of(form(one, **{name: ""}))


@pytest.mark.parametrize(
    ("filename", "field", "reason"),
    [
        ("other-1.0-py3-none-any.whl", "name", "says my-package, and the filename says other"),
        ("my_package-1.1-py3-none-any.whl", "version", "says 1.0, and the filename says 1.1"),
        ("my_package-1.0.tar.gz", "filetype", "says wheel, and the filename says sdist"),
    ],
)
def test_a_form_and_a_filename_that_disagree_are_refused(filename: str, field: str, reason: str) -> None:
    error = refused(form(filename=filename))
    assert (error.field, error.reason) == (field, reason)


# -- the file ---------------------------------------------------------------------------------------------------------


def test_a_form_without_a_file_is_refused() -> None:
    error = refused(form(filename=None))
    assert (error.field, error.reason) == ("content", "is missing, and with it the file")


def test_a_form_with_two_files_is_refused() -> None:
    one = form()
    assert refused(evolve(one, files=one.files * 2)).reason == "has 2 files, not one"


def test_a_file_without_a_filename_is_refused() -> None:
    whole = form(filename=None)
    error = refused(evolve(whole, fields=(*whole.fields, FormField(name=CONTENT, value=b"PK\x03\x04\0"))))
    assert (error.field, error.reason) == ("content", "has no filename")


def test_a_file_in_place_of_a_field_is_not_the_field() -> None:
    one = form(without="name")
    error = refused(evolve(one, files=(*one.files, FilePart(name="name", filename="my-package"))))
    assert (error.field, error.reason) == ("name", "is missing")


def test_a_filename_with_a_folder_before_it_is_refused() -> None:
    with pytest.raises(FilenameRefused, match="path separator"):
        submission_of(form(filename=f"dist/{WHEEL}"))


def test_the_form_of_pypicache_has_its_file_under_another_name() -> None:
    given_form = Form(files=(FilePart(name="sdist", filename="mypackage-1.0.tar.gz"),))
    assert sole_file(given_form, "sdist").filename == "mypackage-1.0.tar.gz"
    with pytest.raises(FieldRefused, match="'content' of the form is missing"):
        sole_file(given_form, CONTENT)


# -- without a form ---------------------------------------------------------------------------------------------------


def test_a_filename_alone_tells_project_version_and_kind() -> None:
    submission = submission_of_filename("My.Package-1.0.tar.gz")
    assert (submission.project, submission.version, submission.kind) == ("my-package", "1.0", FilenameKind.SDIST)
    assert (submission.digests, submission.metadata, submission.attestations) == ({}, {}, None)


def test_a_filename_in_the_folder_of_another_project_is_refused() -> None:
    assert submission_of_filename(SDIST, normalise("My.Package")).project == "my-package"
    with pytest.raises(Disagreement, match="of the project my-package, not of other"):
        submission_of_filename(SDIST, normalise("other"))


# -- whatever comes ---------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*(name for name, _ in TWINE), "md5_digest", "attestations", "gpg_signature", "content", "é"])
VALUES = st.one_of(
    st.sampled_from([value.encode() for _, value in TWINE]),
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
)
FIELDS = st.builds(FormField, name=st.one_of(NAMES, st.text(max_size=10)), value=VALUES)
FILES = st.builds(
    FilePart,
    name=st.one_of(st.just("content"), NAMES),
    filename=st.one_of(st.sampled_from([WHEEL, SDIST]), st.text(max_size=40)),
)


@given(fields=st.lists(FIELDS), files=st.lists(FILES, max_size=3), position=st.integers(0, 20))
def test_no_form_raises_anything_but_a_refusal(fields: list[FormField], files: list[FilePart], position: int) -> None:
    whole = form()
    for one in (
        Form(fields=tuple(fields), files=tuple(files)),
        evolve(whole, fields=(*whole.fields[:position], *fields, *whole.fields[position + 1 :])),
        evolve(whole, files=tuple(files)),
    ):
        with suppress(UploadRefused):
            submission = submission_of(one)
            assert submission.project == "my-package"
            assert submission.digests


@given(st.dictionaries(st.sampled_from([name for name, _ in TWINE]), VALUES))
def test_no_value_of_a_known_field_raises_anything_but_a_refusal(changed: dict[str, bytes]) -> None:
    fields = [(name, value) for name, value in TWINE if name not in changed]
    with suppress(UploadRefused):
        submission_of(form([*fields, *changed.items()]))
