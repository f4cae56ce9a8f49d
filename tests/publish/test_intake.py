"""A form that is taken in as it comes: whatever the pieces, the same fields and the same file; or a refusal."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.uploads import BOUNDARY, form, part
from tiercache.errors import FieldRefused, FormMalformed, StoreFull, UploadRefused, UploadTooLarge
from tiercache.publish.form import FORM_BYTES, MAX_PARTS, FilePart, FormField, limit_of
from tiercache.publish.intake import FileIntake, FormIntake, TakenForm, boundary_of
from tiercache.storage.memory_files import MemoryFiles

ROOM_BYTES = 1024 * 1024
CONTENT = b"\r\n--not the boundary\r\n" * 5 + bytes(range(256))
FIELDS = [("name", "acme"), ("description", "\r\n--a13be63d-boundar\r\n"), ("classifiers", "one"), ("classifiers", "")]
FORM = form(FIELDS, "acme-1.0.tar.gz", CONTENT)
END = f"--{BOUNDARY}--\r\n".encode()


def intake(files: MemoryFiles, limit_bytes: int = ROOM_BYTES) -> tuple[FileIntake, FormIntake]:
    """What takes a form in, and what takes the file in that is in it."""
    file = FileIntake(files=files, limit_bytes=limit_bytes)
    return file, FormIntake(file=file, boundary=BOUNDARY, content="content")


def taken_in(body: bytes, *cuts: int, files: MemoryFiles | None = None) -> TakenForm:
    """What came of a body in pieces that end at `cuts`."""
    _, taking = intake(files or MemoryFiles())
    start = 0
    for cut in (*sorted(cuts), len(body)):
        if cut > start:
            taking.feed(body[start:cut])
            start = cut
    return taking.finish()


def content_of(taken: TakenForm) -> bytes:
    with taken.arrival.opened() as file:
        return file.read()


def assert_empty(files: MemoryFiles) -> None:
    """Nothing is stored, and nothing takes room."""
    assert list(files.all()) == []
    partial = files.begin()
    partial.write(bytes(ROOM_BYTES))
    partial.discard()


# -- forms that are well ------------------------------------------------------------------------------------------


def test_fields_and_file_are_taken_in_their_order() -> None:
    taken = taken_in(FORM)
    assert [(part.name, part.value) for part in taken.form.fields] == [(n, v.encode()) for n, v in FIELDS]
    assert taken.form.files == (FilePart(name="content", filename="acme-1.0.tar.gz"),)
    assert taken.parts[-1] == taken.form.files[0]
    assert content_of(taken) == CONTENT
    assert taken.arrival.size_bytes == len(CONTENT)
    assert taken.arrival.hashes == {
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "blake2b_256": hashlib.blake2b(CONTENT, digest_size=32).hexdigest(),
        "md5": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
    }


@given(st.lists(st.integers(1, len(FORM) - 1), max_size=6))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    taken = taken_in(FORM, *cuts)
    assert taken.form == taken_in(FORM).form
    assert content_of(taken) == CONTENT


def test_a_form_byte_by_byte_is_the_same() -> None:
    taken = taken_in(FORM, *range(len(FORM)))
    assert taken.form == taken_in(FORM).form
    assert content_of(taken) == CONTENT


def test_fields_are_known_before_the_file_is_here() -> None:
    _, taking = intake(MemoryFiles())
    taking.feed(FORM[: FORM.index(b'name="description"')])
    assert taking.fields == (FormField(name="name", value=b"acme"),)


def test_a_signature_is_passed_over_and_takes_no_room() -> None:
    body = part("gpg_signature", b"s" * 1000, "acme-1.0.tar.gz.asc") + FORM
    taken = taken_in(body)
    assert [file.name for file in taken.form.files] == ["gpg_signature", "content"]
    assert content_of(taken) == CONTENT


def test_an_empty_file_is_a_file() -> None:
    assert content_of(taken_in(form(FIELDS, "acme-1.0.tar.gz", b""))) == b""


def test_what_is_discarded_takes_no_room_and_what_was_committed_stays() -> None:
    files = MemoryFiles(room_bytes=ROOM_BYTES)
    file, taking = intake(files)
    taking.feed(FORM[:-40])
    file.discard()
    file.discard()
    assert_empty(files)
    taken = taken_in(FORM, files=files)
    taken.arrival.commit()
    taken.arrival.discard()
    assert list(files.all()) == [(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))]


def test_a_file_that_begins_after_it_was_discarded_takes_no_room() -> None:
    files = MemoryFiles(room_bytes=ROOM_BYTES)
    file, taking = intake(files)
    taking.feed(FORM[:50])
    file.discard()
    with pytest.raises(ValueError, match="discarded"):
        taking.feed(FORM[50:])
    assert_empty(files)


# -- forms that are not -------------------------------------------------------------------------------------------


HEAD = f"--{BOUNDARY}\r\n".encode()
FILE = part("content", b"abc", "acme-1.0.tar.gz")

MALFORMED = {
    "nothing": b"",
    "no form at all": b"PK\x03\x04 and so on",
    "another boundary": FORM.replace(BOUNDARY.encode(), b"another"),
    "only its end": END,
    "no end": FORM.removesuffix(END),
    "half an end": FORM.removesuffix(b"--\r\n"),
    "cut in a field": FORM[:80],
    "cut in the file": FORM[: -len(END) - 40],
    "bytes before its first part": b"x" + FORM,
    "line feeds alone": FORM.replace(b"\r\n", b"\n"),
    "bytes behind a boundary": FORM.replace(HEAD, f"--{BOUNDARY}x\r\n".encode(), 1),
    "a part without a head": HEAD + b"\r\nabc\r\n" + FORM,
    "a part without a disposition": HEAD + b"Content-Type: text/plain\r\n\r\nabc\r\n" + FORM,
    "a part of another disposition": HEAD + b'Content-Disposition: attachment; name="a"\r\n\r\nabc\r\n' + FORM,
    "a part without a name": HEAD + b"Content-Disposition: form-data\r\n\r\nabc\r\n" + FORM,
    "a part with an empty name": part("", "abc") + FORM,
    "a head that is none": HEAD + b"Content-Disposition form-data\r\n\r\nabc\r\n" + FORM,
    "a head with a name that is none": HEAD + b'Content Dis: form-data; name="a"\r\n\r\nabc\r\n' + FORM,
    "a head that is no text": HEAD + b'Content-Disposition: form-data; name="\xff"\r\n\r\nabc\r\n' + FORM,
    "a head that is too long": part("a" * 5000, "abc") + FORM,
    "a head of too many lines": HEAD + b"A: b\r\n" * 9 + FORM.removeprefix(HEAD),
    "a head that has no end": HEAD + b"a" * 5000,
    "a length that is wrong": HEAD
    + b'Content-Disposition: form-data; name="a"\r\nContent-Length: 2\r\n\r\nabc\r\n'
    + FORM,
    "no file": b"".join(part(name, value) for name, value in FIELDS) + END,
    "a file without a filename": part("content", "abc") + END,
    "a file of another name": part("contents", "abc", "acme-1.0.tar.gz") + END,
    "two files": FILE + FILE + END,
    "too many parts": part("a", "") * MAX_PARTS + FILE + END,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("piece_bytes", [1 << 20, 997])
def test_malformed_form_is_refused_and_nothing_of_it_kept(body: bytes, piece_bytes: int) -> None:
    files = MemoryFiles(room_bytes=ROOM_BYTES)
    file, taking = intake(files)

    def take() -> None:
        for start in range(0, len(body), piece_bytes):
            taking.feed(body[start : start + piece_bytes])
        taking.finish()

    with pytest.raises(UploadRefused):
        take()
    file.discard()
    assert_empty(files)


@given(st.binary(max_size=400), st.integers(0, len(FORM)))
def test_garbage_anywhere_is_refused_or_taken_and_nothing_else(garbage: bytes, at: int) -> None:
    file, taking = intake(MemoryFiles())
    try:
        taking.feed(FORM[:at] + garbage + FORM[at:])
        taking.finish()
    except (UploadRefused, UploadTooLarge):
        pass
    finally:
        file.discard()


def test_field_is_bounded_as_it_comes() -> None:
    limit = limit_of("summary")
    fields = [("summary", "a" * limit)]
    assert len(taken_in(form(fields, "a-1.tar.gz", b"")).form.fields[0].value) == limit
    _, taking = intake(MemoryFiles())
    taking.feed(form(fields, "a-1.tar.gz", b"")[: limit + 80])
    with pytest.raises(FieldRefused):
        taking.feed(b"a" * 81)


def test_fields_are_bounded_together() -> None:
    _, taking = intake(MemoryFiles())
    field = part("license", "a" * 500_000)
    for _ in range(FORM_BYTES // 500_007):
        taking.feed(field)
    with pytest.raises(FormMalformed):
        taking.feed(field)


def test_signatures_are_bounded_too() -> None:
    with pytest.raises(FormMalformed):
        taken_in(part("gpg_signature", bytes(FORM_BYTES), "a.asc") + FORM)


@pytest.mark.parametrize(("limit_bytes", "is_taken"), [(len(CONTENT), True), (len(CONTENT) - 1, False)])
def test_file_is_bounded(limit_bytes: int, is_taken: bool) -> None:
    files = MemoryFiles(room_bytes=ROOM_BYTES)
    file, taking = intake(files, limit_bytes)
    if is_taken:
        taking.feed(FORM)
    else:
        with pytest.raises(UploadTooLarge):
            taking.feed(FORM)
    file.discard()
    assert_empty(files)


def test_full_store_is_told() -> None:
    with pytest.raises(StoreFull):
        taken_in(FORM, files=MemoryFiles(room_bytes=len(CONTENT) - 1))


# -- what parts a form --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ('multipart/form-data; boundary="a b:c"', "a b:c"),
        ("Multipart/Form-Data; charset=utf-8; Boundary=abc", "abc"),
    ],
)
def test_boundary_is_what_the_content_type_says(content_type: str, boundary: str) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=abc",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "a" * 201,
        'multipart/form-data; boundary="a\x7f"',
        'multipart/form-data; boundary="\xe9"',
    ],
)
def test_what_is_no_form_is_refused(content_type: str | None) -> None:
    with pytest.raises(FormMalformed):
        boundary_of(content_type)


# -- the file as a file -------------------------------------------------------------------------------------------


def test_what_has_arrived_is_read_in_any_order() -> None:
    taken = taken_in(FORM)
    with taken.arrival.opened() as file:
        assert file.seek(-4, io.SEEK_END) == len(CONTENT) - 4
        assert file.read() == CONTENT[-4:]
        assert file.read(1) == b""
        assert file.seek(2) == 2
        assert file.seek(3, io.SEEK_CUR) == 5
        assert file.read(3) == CONTENT[5:8]
        with pytest.raises(OSError, match="before its first byte"):
            file.seek(-1)
