"""The steps of each change of a catalogue, to be taken together.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiercache.interfaces import Attachment, FileRecord, StoredEntry
from tiercache.policy.entry import Head
from tiercache.policy.selection import HERE
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.storage.identity import identities_of
from tiercache.storage.rows import head_bytes, listing_bytes, packed
from tiercache.storage.sqlite import statements
from tiercache.storage.statement import Statement

Step = tuple[Statement, Mapping[str, Any] | Sequence[Mapping[str, Any]]]
"""A statement and its parameters, or the parameters of each of its runs."""

ALL_FILES, HOSTED_FILES = "files", "hosted"
"""The names of totals."""


def store_entry(entry: StoredEntry) -> list[Step]:
    steps = [_noted(entry.project, entry.head.received_at), *forget_entry(entry.project)]
    steps.append((statements.STORE_ENTRY, {"project": entry.project, "head": head_bytes(entry.head)}))
    if entry.body is not None:
        coding, data = packed(entry.body)
        steps.append((statements.STORE_BODY, {"project": entry.project, "coding": coding, "data": data}))
    return steps


def freshen_entry(project: ProjectName, head: Head) -> list[Step]:
    return [(statements.FRESHEN, {"of": project, "new_head": head_bytes(head)})]


def forget_entry(project: ProjectName) -> list[Step]:
    return [(forget, {"the_project": project}) for forget in (statements.FORGET_ENTRY, statements.FORGET_BODY)]


def store_file(record: FileRecord) -> list[Step]:
    names = identities_of(record)
    which = {"the_sha256": record.sha256, "new_tier": record.tier}
    return [
        *_forget_file(record.sha256, then_bytes=record.size_bytes, then_tier=record.tier),
        (
            statements.TAKE_NAME,  # a name means the file that was stored under it last
            [{"the_algorithm": name.algorithm, "the_value": name.value, **which} for name in names],
        ),
        (
            statements.STORE_FILE,
            {
                **which,
                "sha256": record.sha256,
                "project": record.project,
                "filename": record.listing.filename,
                "size_bytes": record.size_bytes,
                "tier": record.tier,
                "stored_at": record.stored_at,
                "used_at": record.used_at,
                "listing": listing_bytes(record.listing),
            },
        ),
        (
            statements.STORE_NAME,
            [
                {"algorithm": name.algorithm, "value": name.value, "sha256": record.sha256, "position": position}
                | which
                for position, name in enumerate(names)
            ],
        ),
    ]


def forget_file(sha256: str) -> list[Step]:
    return _forget_file(sha256, then_bytes=0, then_tier=HERE)  # whatever it was


def touch_files(used_at: Mapping[str, float]) -> list[Step]:
    return [(statements.TOUCH, [{"of": sha256, "now": now} for sha256, now in used_at.items()])] if used_at else []


def store_attachment(attachment: Attachment) -> list[Step]:
    coding, data = (None, None) if attachment.data is None else packed(attachment.data)
    return [
        _noted(attachment.project),
        *forget_attachment(attachment.identity, attachment.kind),
        (
            statements.STORE_ATTACHMENT,
            {
                "algorithm": attachment.identity.algorithm,
                "value": attachment.identity.value,
                "kind": attachment.kind,
                "project": attachment.project,
                "sha256": attachment.sha256,
                "made": attachment.made,
                "coding": coding,
                "data": data,
            },
        ),
    ]


def forget_attachment(identity: FileIdentity, kind: str) -> list[Step]:
    return [
        (
            statements.FORGET_ATTACHMENT,
            {"the_algorithm": identity.algorithm, "the_value": identity.value, "the_kind": kind},
        )
    ]


def note_odd_file(identity: FileIdentity, project: ProjectName) -> list[Step]:
    return [
        _noted(project),
        (
            statements.FORGET_ODD_FILE,
            {"the_algorithm": identity.algorithm, "the_value": identity.value},
        ),
        (statements.STORE_ODD_FILE, {"algorithm": identity.algorithm, "value": identity.value, "project": project}),
    ]


def touch_projects(used_at: Mapping[ProjectName, float]) -> list[Step]:
    return (
        [(statements.TOUCH_PROJECT, [{"of": project, "now": now} for project, now in used_at.items()])]
        if used_at
        else []
    )


def forget_project(project: ProjectName) -> list[Step]:
    forgetting = (
        statements.FORGET_USE,
        statements.FORGET_ENTRY,
        statements.FORGET_BODY,
        statements.FORGET_ATTACHMENTS_OF,
        statements.FORGET_ODD_FILES_OF,
    )
    return [(forget, {"the_project": project}) for forget in forgetting]


def pin(project: ProjectName, pinned: bool) -> list[Step]:
    steps: list[Step] = [(statements.FORGET_PIN, {"the_project": project})]
    return [*steps, (statements.STORE_PIN, {"project": project})] if pinned else steps


def store_setting(name: str, value: str | None) -> list[Step]:
    steps: list[Step] = [(statements.FORGET_SETTING, {"the_name": name})]
    return steps if value is None else [*steps, (statements.STORE_SETTING, {"name": name, "value": value})]


def _forget_file(sha256: str, *, then_bytes: int, then_tier: str) -> list[Step]:
    which = {"the_sha256": sha256, "new_tier": then_tier}
    return [
        (statements.COUNT, {**which, "more_bytes": then_bytes}),
        (statements.COUNT_HOSTED, {**which, "more_bytes": then_bytes if then_tier == HERE else 0}),
        (statements.FORGET_NAMES, which),
        (statements.FORGET_FILE, which),
    ]


def _noted(project: ProjectName, used_at: float = 0.0) -> Step:
    return statements.NOTE, {"project": project, "used_at": used_at}
