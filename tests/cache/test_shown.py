"""How a page is shown: what this node knows of its files filled in, and locally nothing that is not here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve
from msgspec.structs import replace

from tiercache.cache.shown import Origin, names_of, shown_everywhere, shown_locally
from tiercache.interfaces import FileRecord
from tiercache.simple.model import File, FileIdentity, Page, ProjectStatus
from tiercache.simple.names import identity_of, normalise

NUMPY = normalise("numpy")
A, B, META = "a" * 64, "b" * 64, "e" * 64
MD5 = "c" * 32
WHEEL = File(filename="numpy-1.0-py3-none-any.whl", url="https://public.example/w", hashes={"sha256": A}, size=1)
SDIST = File(filename="numpy-1.0.tar.gz", url="https://public.example/s", hashes={"sha256": B}, size=2)
BARE = replace(SDIST, hashes={"md5": MD5}, size=None)


def record_of(file: File, sha256: str, *, stored_at: float = 0.0, size_bytes: int = 7) -> FileRecord:
    names = dict.fromkeys((FileIdentity("sha256", sha256), identity_of(file)))
    return FileRecord(
        sha256=sha256,
        size_bytes=size_bytes,
        project=NUMPY,
        tier="public",
        listing=file,
        identities=tuple(names),
        stored_at=stored_at,
        used_at=stored_at,
    )


def page_of(*files: File) -> Page:
    return Page(project=NUMPY, files=files, versions=("1.0",))


def everywhere(file: File, *records: FileRecord, sidecars: Mapping[FileIdentity, str | None] | None = None) -> File:
    (shown,) = shown_everywhere(page_of(file), records, sidecars or {}).files
    return shown


def test_what_the_tier_says_is_shown_where_nothing_more_is_known() -> None:
    assert everywhere(SDIST) is SDIST
    assert everywhere(BARE) is BARE


def test_a_stored_file_has_a_length_and_a_sha256_whatever_its_tier_said() -> None:
    shown = everywhere(BARE, record_of(BARE, A, size_bytes=9))
    assert (shown.size, dict(shown.hashes)) == (9, {"md5": MD5, "sha256": A})
    assert everywhere(SDIST, record_of(BARE, A)) is SDIST  # another file of that name


@pytest.mark.parametrize("said", [None, False])
def test_every_wheel_has_a_sidecar_and_no_sdist_of_which_the_tier_says_nothing(said: bool | None) -> None:
    assert everywhere(replace(WHEEL, core_metadata=said)).core_metadata is True
    assert everywhere(replace(SDIST, core_metadata=said)).core_metadata is said


@pytest.mark.parametrize("said", [None, False, True, {"sha256": A}])
@pytest.mark.parametrize(("known", "shown"), [(META, {"sha256": META}), (None, False)])
def test_the_sidecar_that_is_kept_is_the_one_that_is_advertised(said: object, known: str | None, shown: object) -> None:
    file = replace(WHEEL, core_metadata=said)
    assert everywhere(file, sidecars={identity_of(WHEEL): known}).core_metadata == shown


def test_of_several_names_the_stored_files_own_come_first() -> None:
    record = record_of(BARE, A)
    sha256, md5 = FileIdentity("sha256", A), FileIdentity("md5", MD5)
    assert names_of(md5, record) == (sha256, md5, md5)
    assert names_of(md5, None) == (md5,)
    wheel = replace(BARE, filename=WHEEL.filename)
    shown = everywhere(wheel, evolve(record, listing=wheel), sidecars={md5: B, sha256: META})
    assert shown.core_metadata == {"sha256": META}


def local(
    page: Page | None, *records: FileRecord, sidecars: dict[FileIdentity, str | None] | None = None, kept: str = ""
) -> Page:
    provenances: dict[FileIdentity, str | None] = {identity_of(SDIST): kept} if kept else {}
    return shown_locally(NUMPY, page, records, sidecars or {}, provenances, Origin(tiers=("public",)))


def test_locally_what_is_stored_is_shown_in_the_tiers_order_and_nothing_else() -> None:
    page = local(page_of(SDIST, WHEEL, BARE), record_of(WHEEL, A), record_of(SDIST, B))
    assert [file.filename for file in page.files] == [SDIST.filename, WHEEL.filename]
    assert page.versions is None
    assert all(not file.extra for file in page.files)


def test_locally_a_project_without_a_page_shows_its_files_unmarked() -> None:
    (file,) = local(None, record_of(SDIST, B)).files
    assert (file.filename, file.extra) == (SDIST.filename, {})


def test_locally_a_withdrawn_file_stays_and_is_marked() -> None:
    withdrawn = replace(SDIST, extra={"other": 1})
    (file,) = local(page_of(WHEEL), record_of(withdrawn, B)).files
    assert file.extra == {"other": 1, "_withdrawn": True}
    assert file.yanked == "removed from public"


def test_locally_what_another_tier_than_the_pages_listed_is_not_withdrawn_by_it() -> None:
    (file,) = local(page_of(WHEEL), evolve(record_of(SDIST, B), tier="office")).files
    assert (file.extra, file.yanked) == ({}, False)


def test_locally_a_file_that_was_replaced_is_shown_as_it_is_listed_now() -> None:
    """Both are stored under one filename: only the one that the page lists is the project's."""
    new = replace(SDIST, hashes={"sha256": A})
    for first, second in ((0.0, 1.0), (1.0, 0.0)):
        records = (record_of(SDIST, B, stored_at=first), record_of(new, A, stored_at=second))
        (file,) = local(page_of(new), *records).files
        assert (dict(file.hashes), file.extra) == ({"sha256": A}, {})


def test_locally_the_newest_of_several_withdrawn_under_one_name_is_shown() -> None:
    new = replace(SDIST, hashes={"sha256": A})
    for records in (
        [record_of(SDIST, B), record_of(new, A, stored_at=1)],
        [record_of(new, A, stored_at=1), record_of(SDIST, B)],
    ):
        (file,) = local(page_of(WHEEL), *records).files
        assert dict(file.hashes) == {"sha256": A}


def test_locally_the_same_bytes_under_another_name_are_not_shown() -> None:
    assert local(page_of(replace(SDIST, filename="Numpy-1.0.tar.gz")), record_of(SDIST, B)).files[0].extra == {
        "_withdrawn": True
    }


def test_locally_only_those_sidecars_and_provenances_are_offered_that_are_here() -> None:
    """Mistake 5 of protocol.md: a sidecar that is advertised and not to be had stops uv."""
    file = replace(SDIST, core_metadata={"sha256": META}, provenance="https://public.example/p")
    (bare,) = local(page_of(file), record_of(file, B)).files
    assert (bare.core_metadata, bare.provenance) == (None, None)
    (full,) = local(page_of(file), record_of(file, B), sidecars={identity_of(file): META}, kept=A).files
    assert (full.core_metadata, full.provenance) == ({"sha256": META}, file.provenance)
    (wheel,) = local(page_of(replace(WHEEL, core_metadata={"sha256": META})), record_of(WHEEL, A)).files
    assert wheel.core_metadata is True  # made from the stored wheel: it may not be what the tier has


def test_locally_a_quarantined_project_keeps_its_files_marked() -> None:
    page = evolve(page_of(WHEEL), status=ProjectStatus(status="quarantined"))
    shown = local(page, record_of(WHEEL, A))
    assert (shown.status, [file.extra for file in shown.files]) == (None, [{"_withdrawn": True}])
    assert [file.yanked for file in shown.files] == ["quarantined at public"]
    archived = evolve(page, status=ProjectStatus(status="archived"))
    assert local(archived, record_of(WHEEL, A)).status == archived.status


def test_a_nodes_word_that_a_wheel_has_no_sidecar_is_taken_and_nobody_elses() -> None:
    """The node would have made one; an index that says so may only never have looked."""
    page = page_of(replace(WHEEL, core_metadata=False))
    for are_nodes, shown in ((True, False), (False, True)):
        (file,) = shown_everywhere(page, [], {}, Origin(tiers=("office",), are_nodes=are_nodes)).files
        assert file.core_metadata is shown
    (stored,) = shown_everywhere(page, [record_of(WHEEL, A)], {}, Origin(tiers=("office",), are_nodes=True)).files
    assert stored.core_metadata is True  # it is looked for in the wheel that is here
