"""Records beside hosted files: what is written is what is read, and nothing else is."""

from __future__ import annotations

import json

import pytest

from tiercache.simple.model import File, ProjectName, ProjectStatus
from tiercache.simple.records import (
    HostedFile,
    HostedProject,
    RecordedAct,
    RecordUnusable,
    dump_record,
    load_file,
    load_project,
)

ACME = ProjectName("acme")
SHA256 = "ab" * 32
LISTING = File(
    filename="acme-1.0-py3-none-any.whl",
    url=f"here:{SHA256}/acme-1.0-py3-none-any.whl",
    hashes={"sha256": SHA256, "md5": "cd" * 16, "blake2b_256": "ef" * 32},
    requires_python=">=3.11",
    core_metadata={"sha256": "01" * 32},
    gpg_sig=False,
    yanked="broken",
    size=5,
    upload_time="2026-11-01T00:00:00Z",
    provenance=f"here:{SHA256}/acme-1.0-py3-none-any.whl.provenance",
    extra={"_key": [1, {"a": None}]},
)
RECORD = HostedFile.of(
    ACME,
    LISTING,
    size=5,
    position=7,
    at=1000.25,
    by="alice",
    digests={"md5": "cd" * 16},
    attachments={"provenance": b"\x00{}\xff"},
)


def test_a_record_says_all_that_a_page_lists_of_a_file() -> None:
    assert RECORD.listing() == LISTING
    assert (RECORD.version, RECORD.uploaded_by, RECORD.uploaded_at) == ("1.0", "alice", 1000.25)


def test_a_record_comes_back_as_it_was_dumped() -> None:
    deleted = RECORD.after(RecordedAct(at=2.0, what="deleted", by="bob", detail="why"), deleted_at=2.0, is_kept=False)
    for record in (RECORD, deleted):
        assert load_file(dump_record(record)) == record
    status = ProjectStatus(status="archived", reason="done with it")
    project = HostedProject(project=ACME).after(RecordedAct(at=1.0, what="status"), status=status)
    assert load_project(dump_record(project)) == project


def test_a_record_is_json_that_a_person_can_read() -> None:
    text = dump_record(RECORD).decode()
    assert json.loads(text)["hashes"]["blake2b_256"] == "ef" * 32
    assert "\n  " in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        dump_record(RECORD)[:-10],
        dump_record(RECORD).replace(b'"format": 1', b'"format": 2'),
        dump_record(RECORD).replace(b'"size": 5', b'"size": "five"'),
        dump_record(HostedProject(project=ACME)),
    ],
)
def test_what_is_no_record_is_unusable(data: bytes) -> None:
    with pytest.raises(RecordUnusable):
        load_file(data)


def test_a_record_of_a_later_format_is_unusable_and_says_so() -> None:
    with pytest.raises(RecordUnusable, match="its format is 2, not 1"):
        load_project(dump_record(HostedProject(project=ACME, format=2)))
