"""What an uploader is told: a status by which clients know what to do, and a sentence that a person understands."""

from __future__ import annotations

import pytest
from twisted.python.failure import Failure

from tiercache.errors import (
    ArchiveRefused,
    AttestationsRefused,
    Disagreement,
    FieldRefused,
    FilenameRefused,
    FilenameTaken,
    TiercacheError,
    TooLarge,
    UploadRefused,
    UploadTooLarge,
)
from tiercache.web.errors import answer_to

TOLD: list[tuple[TiercacheError, int, str]] = [
    (UploadRefused(reason="it has no form"), 400, "The upload is refused: it has no form."),
    (FieldRefused(field="name", reason="is missing"), 400, "The field 'name' of the form is missing."),
    (FilenameRefused(filename="a.egg", reason="it is an egg"), 400, "'a.egg' cannot be published: it is an egg."),
    (
        ArchiveRefused(filename="a-1.zip", reason="it is cut off"),
        400,
        "a-1.zip is no distribution archive that can be published: it is cut off.",
    ),
    (
        Disagreement(filename="a-1.zip", reason="its metadata has the Name b, not a"),
        400,
        "a-1.zip says otherwise than its upload: its metadata has the Name b, not a.",
    ),
    (
        AttestationsRefused(filename="a-1.zip", reason="there are none"),
        400,
        "The attestations of a-1.zip cannot be kept: there are none.",
    ),
    (
        FilenameTaken(filename="a-1.zip"),
        409,  # with `already exists`, twine, poetry and uv know what it means
        "a-1.zip already exists, with other bytes: what was published once is never changed.",
    ),
    (
        UploadTooLarge(subject="a-1.zip", limit_bytes=5),
        413,
        "a-1.zip is larger than the 5 bytes that may be published here.",
    ),
]


@pytest.mark.parametrize(("error", "status", "told"), TOLD, ids=[type(error).__name__ for error, *_ in TOLD])
def test_a_refused_upload_has_its_status_and_its_sentence(error: TiercacheError, status: int, told: str) -> None:
    answer = answer_to(Failure(error), method="POST", path="/legacy/", only_if_cached=False)
    assert answer.status == status
    assert answer.body.decode().strip() == told
    assert answer.outcome is None


def test_a_page_of_a_tier_that_is_too_large_is_no_uploaders_fault() -> None:
    error = TooLarge(subject="a page", limit_bytes=5)
    assert answer_to(Failure(error), method="GET", path="/simple/a/", only_if_cached=False).status == 502


def test_braces_in_what_an_uploader_says_are_only_text() -> None:
    error = FieldRefused(field="{reason}", reason="is {field}, {0} and {")
    assert str(error) == "The field '{reason}' of the form is {field}, {0} and {."
