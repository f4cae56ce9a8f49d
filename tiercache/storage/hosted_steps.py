"""The steps of each change of what is hosted: pages, the acts on them, deleted files.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Sequence

from tiercache.interfaces import DeletedFile, NewChange
from tiercache.policy.acts import NewAct
from tiercache.simple.model import ProjectName
from tiercache.storage.news_steps import append_changes
from tiercache.storage.rows import listing_bytes, packed
from tiercache.storage.sqlite import hosted
from tiercache.storage.steps import Step


def append_acts(acts: Sequence[NewAct], at: float) -> list[Step]:
    return [
        (
            hosted.APPEND_ACT,
            {
                "then": at,
                "done": act.what,
                "of": act.project,
                "file": act.filename,
                "who": act.by,
                "about": act.detail,
            },
        )
        for act in acts
    ]


def store_hosted(
    project: ProjectName,
    body: bytes | None,
    changes: Sequence[NewChange],
    at: float,
    acts: Sequence[NewAct],
    deleted: Sequence[DeletedFile],
    restored: Sequence[str],
    most_kept: int,
) -> list[Step]:
    """As `append_changes`."""
    steps: list[Step] = [(hosted.FORGET_HOSTED, {"the_project": project})]
    if body is not None:
        coding, data = packed(body)
        steps.append((hosted.STORE_HOSTED, {"project": project, "coding": coding, "data": data}))
    for filename in restored:
        steps.append(_forget_deleted(project, filename))
    for file in deleted:
        steps += _store_deleted(file)
    return [*steps, *append_acts(acts, at), *append_changes(changes, at, most_kept)]


def store_deleted(file: DeletedFile, acts: Sequence[NewAct], at: float) -> list[Step]:
    return [*_store_deleted(file), *append_acts(acts, at)]


def _store_deleted(file: DeletedFile) -> list[Step]:
    return [
        _forget_deleted(file.project, file.listing.filename),
        (
            hosted.STORE_DELETED,
            {
                "project": file.project,
                "filename": file.listing.filename,
                "sha256": file.sha256,
                "at": file.at,
                "is_kept": file.is_kept,
                "listing": listing_bytes(file.listing),
            },
        ),
    ]


def _forget_deleted(project: ProjectName, filename: str) -> Step:
    return hosted.FORGET_DELETED, {"the_project": project, "the_filename": filename}
