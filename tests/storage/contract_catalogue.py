"""What every `ICatalogue` does.  A test module of an implementation subclasses it and gives the fixture `catalogue`."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from attrs import evolve
from msgspec.structs import replace
from twisted.internet.defer import gatherResults
from zope.interface.verify import verifyObject

from tests.doubles.now import begun, result_of
from tests.storage.samples import (
    ACME,
    FULL_HEAD,
    FULL_LISTING,
    ZOO,
    attachment,
    digest_of,
    entry,
    head,
    record,
    sha256_name,
    url_name,
)
from tiercache.errors import StoreUnusable
from tiercache.interfaces import ICatalogue, StoredEntry
from tiercache.simple.model import File, FileIdentity, ProjectName

MD5 = FileIdentity("md5", "0" * 32)


class CatalogueContract:
    def test_a_catalogue_provides_its_interface(self, catalogue: ICatalogue) -> None:
        assert verifyObject(ICatalogue, catalogue)

    def test_an_empty_catalogue_knows_nothing(self, catalogue: ICatalogue) -> None:
        assert catalogue.entry(ACME) is None
        assert list(catalogue.entry_names()) == []
        assert catalogue.file(sha256_name(b"wheel")) is None
        assert catalogue.files_of(ACME) == []
        assert list(catalogue.file_projects()) == []
        assert list(catalogue.all_files()) == []
        assert catalogue.stored_bytes() == 0
        assert catalogue.attachment(sha256_name(b"wheel"), "metadata") is None
        assert dict(catalogue.attachment_digests(ACME, "metadata")) == {}
        assert catalogue.odd_file_project(MD5) is None
        assert catalogue.pins() == []
        assert catalogue.setting("offline") is None

    def test_to_forget_what_is_not_there_is_harmless(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.forget_entry(ACME))
        result_of(catalogue.freshen_entry(ACME, head()))
        result_of(catalogue.forget_file(digest_of(b"wheel")))
        result_of(catalogue.touch_files({digest_of(b"wheel"): 5.0}))
        result_of(catalogue.touch_files({}))
        result_of(catalogue.forget_attachment(MD5, "metadata"))
        result_of(catalogue.pin(ACME, False))
        result_of(catalogue.store_setting("offline", None))
        self.test_an_empty_catalogue_knows_nothing(catalogue)

    # -- entries --

    @pytest.mark.parametrize("size_bytes", [0, 1, 4096, 4097, 300_000])
    def test_an_entry_comes_back_as_it_was_stored(self, catalogue: ICatalogue, size_bytes: int) -> None:
        stored = StoredEntry(project=ACME, head=FULL_HEAD, body=(b"\x00\xff{page}" * size_bytes)[:size_bytes])
        result_of(catalogue.store_entry(stored))
        assert catalogue.entry(ACME) == stored
        assert list(catalogue.entry_names()) == [ACME]

    def test_a_body_that_does_not_compress_comes_back_too(self, catalogue: ICatalogue) -> None:
        noise = b"".join(bytes.fromhex(digest_of(b"%d" % number)) for number in range(500))
        result_of(catalogue.store_entry(entry(body=noise)))
        assert catalogue.entry(ACME) == entry(body=noise)

    def test_a_known_absence_is_an_entry_without_a_page(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_entry(entry(body=None)))
        assert catalogue.entry(ACME) == entry(body=None)
        assert list(catalogue.entry_names()) == []

    def test_an_entry_is_replaced_by_the_next(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_entry(entry(body=b"old" * 3000)))
        result_of(catalogue.store_entry(entry(body=b"new", serial=2)))
        assert catalogue.entry(ACME) == entry(body=b"new", serial=2)
        result_of(catalogue.store_entry(entry(body=None)))
        assert catalogue.entry(ACME) == entry(body=None)
        result_of(catalogue.store_entry(entry(body=b"back")))
        assert catalogue.entry(ACME) == entry(body=b"back")

    def test_freshening_replaces_the_head_and_leaves_the_body(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_entry(entry(body=b"page" * 3000)))
        result_of(catalogue.store_entry(entry(ZOO)))
        result_of(catalogue.freshen_entry(ACME, FULL_HEAD))
        assert catalogue.entry(ACME) == StoredEntry(project=ACME, head=FULL_HEAD, body=b"page" * 3000)
        assert catalogue.entry(ZOO) == entry(ZOO)

    def test_freshening_does_not_make_an_entry(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.freshen_entry(ACME, FULL_HEAD))
        assert catalogue.entry(ACME) is None

    def test_a_forgotten_entry_is_gone(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_entry(entry()))
        result_of(catalogue.store_entry(entry(ZOO)))
        result_of(catalogue.forget_entry(ACME))
        assert catalogue.entry(ACME) is None
        assert list(catalogue.entry_names()) == [ZOO]

    def test_entry_names_are_sorted(self, catalogue: ICatalogue) -> None:
        for name in ("zoo", "a-b", "a", "ab", "a1"):
            result_of(catalogue.store_entry(entry(ProjectName(name))))
        assert list(catalogue.entry_names()) == ["a", "a-b", "a1", "ab", "zoo"]

    def test_pages_are_counted_by_the_tier_that_they_are_from(self, catalogue: ICatalogue) -> None:
        assert dict(catalogue.homes()) == {}
        for name, tier in (("a", "office"), ("b", "office"), ("c", "public"), ("d", "gone")):
            stored = StoredEntry(project=ProjectName(name), head=evolve(FULL_HEAD, tier=tier), body=b"page")
            result_of(catalogue.store_entry(stored))
        result_of(catalogue.store_entry(entry(ProjectName("d"), body=None)))
        assert dict(catalogue.homes()) == {"office": 2, "public": 1}

    # -- files --

    def test_a_record_comes_back_by_each_of_its_names_with_nothing_lost(self, catalogue: ICatalogue) -> None:
        names = (url_name("https://files.example/a"), sha256_name(b"wheel"), MD5)
        stored = record(listing=FULL_LISTING, identities=names, stored_at=1.125, used_at=2.375)
        result_of(catalogue.store_file(stored))
        for name in names:
            assert catalogue.file(name) == stored

    def test_a_listing_may_hold_read_only_mappings(self, catalogue: ICatalogue) -> None:
        listing = File(
            filename="a.whl",
            url="https://files.example/a.whl",
            hashes=MappingProxyType({"md5": "0"}),
            extra=MappingProxyType({"deep": MappingProxyType({"a": 1})}),
        )
        result_of(catalogue.store_file(record(listing=listing)))
        found = catalogue.file(sha256_name(b"wheel"))
        assert found is not None
        assert found.listing == replace(listing, hashes={"md5": "0"}, extra={"deep": {"a": 1}})

    @pytest.mark.parametrize("sidecar", [True, False, None, {}, {"sha256": "0"}])
    @pytest.mark.parametrize("yanked", [True, False, "", "why"])
    def test_what_a_listing_says_and_does_not_say_is_kept_apart(
        self, catalogue: ICatalogue, sidecar: dict[str, str] | bool | None, yanked: bool | str
    ) -> None:
        listing = replace(FULL_LISTING, core_metadata=sidecar, yanked=yanked)
        result_of(catalogue.store_file(record(listing=listing)))
        found = catalogue.file(sha256_name(b"wheel"))
        assert found is not None
        assert found.listing == listing
        assert type(found.listing.core_metadata) is type(sidecar)
        assert type(found.listing.yanked) is type(yanked)

    def test_a_file_always_goes_by_its_sha256(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(identities=(MD5, MD5))))
        found = catalogue.file(sha256_name(b"wheel"))
        assert found is not None
        assert found.identities == (sha256_name(b"wheel"), MD5)

    def test_a_file_never_goes_by_the_sha256_of_another(self, catalogue: ICatalogue) -> None:
        with pytest.raises(ValueError, match="another file"):
            result_of(catalogue.store_file(record(identities=(sha256_name(b"another"),))))
        assert list(catalogue.all_files()) == []
        assert catalogue.stored_bytes() == 0

    def test_a_replaced_record_loses_the_names_that_the_new_one_does_not_have(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(identities=(sha256_name(b"wheel"), MD5))))
        result_of(catalogue.store_file(record(project=ZOO)))
        assert catalogue.file(MD5) is None
        assert catalogue.file(sha256_name(b"wheel")) == record(project=ZOO)
        assert list(catalogue.file_projects()) == [ZOO]

    def test_a_name_means_the_file_that_was_last_stored_under_it(self, catalogue: ICatalogue) -> None:
        url = url_name("https://files.example/latest")
        result_of(catalogue.store_file(record(b"old", identities=(sha256_name(b"old"), url))))
        new = record(b"new", identities=(sha256_name(b"new"), url))
        result_of(catalogue.store_file(new))
        assert catalogue.file(url) == new
        assert catalogue.file(sha256_name(b"old")) == record(b"old")
        result_of(catalogue.forget_file(digest_of(b"old")))
        assert catalogue.file(url) == new
        result_of(catalogue.forget_file(digest_of(b"new")))
        assert catalogue.file(url) is None

    def test_a_forgotten_file_has_no_name_left_and_keeps_its_attachments(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(identities=(sha256_name(b"wheel"), MD5))))
        result_of(catalogue.store_attachment(attachment()))
        result_of(catalogue.forget_file(digest_of(b"wheel")))
        assert catalogue.file(sha256_name(b"wheel")) is None
        assert catalogue.file(MD5) is None
        assert catalogue.files_of(ACME) == []
        assert catalogue.attachment(sha256_name(b"wheel"), "metadata") == attachment()

    def test_files_of_a_project_come_by_filename(self, catalogue: ICatalogue) -> None:
        for name in ("b.whl", "a.whl", "c.whl", "B.whl"):
            listing = File(filename=name, url=f"https://files.example/{name}")
            result_of(catalogue.store_file(record(name.encode(), listing=listing)))
        result_of(catalogue.store_file(record(b"other", project=ZOO)))
        assert [found.listing.filename for found in catalogue.files_of(ACME)] == ["B.whl", "a.whl", "b.whl", "c.whl"]
        assert list(catalogue.file_projects()) == [ACME, ZOO]

    def test_all_files_come_least_recently_used_first(self, catalogue: ICatalogue) -> None:
        for number in (3, 1, 2):
            names = (sha256_name(b"%d" % number), url_name(f"https://files.example/{number}"))
            result_of(catalogue.store_file(record(b"%d" % number, used_at=float(number), identities=names)))
        result_of(catalogue.touch_files({digest_of(b"1"): 10.5, digest_of(b"none"): 1.0}))
        assert [found.used_at for found in catalogue.all_files()] == [2.0, 3.0, 10.5]
        assert [len(found.identities) for found in catalogue.all_files()] == [2, 2, 2]

    def test_files_may_be_forgotten_and_stored_while_all_are_read(self, catalogue: ICatalogue) -> None:
        digests = [digest_of(b"%d" % number) for number in range(1200)]
        begun(
            gatherResults(
                [
                    begun(catalogue.store_file(record(b"%d" % number, used_at=float(number // 7))))
                    for number in range(1200)
                ]
            )
        )
        seen = []
        for found in catalogue.all_files():
            seen.append(found.sha256)
            if len(seen) % 300 == 0:
                result_of(catalogue.forget_file(found.sha256))
                result_of(catalogue.store_entry(entry(serial=len(seen))))
                kept = catalogue.entry(ACME)
                assert kept is not None
                assert kept.head.serial == len(seen)  # what was awaited is seen, whatever else is being read
        assert sorted(seen) == sorted(digests)

    def test_stored_bytes_follow_every_change(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(b"a" * 10)))
        result_of(catalogue.store_file(record(b"b" * 20)))
        assert catalogue.stored_bytes() == 30
        result_of(catalogue.store_file(record(b"a" * 10)))
        assert catalogue.stored_bytes() == 30
        result_of(catalogue.store_file(evolve(record(b"a" * 10), size_bytes=2**40)))
        assert catalogue.stored_bytes() == 2**40 + 20
        result_of(catalogue.forget_file(digest_of(b"a" * 10)))
        result_of(catalogue.forget_file(digest_of(b"a" * 10)))
        assert catalogue.stored_bytes() == 20

    # -- what belongs to a file --

    @pytest.mark.parametrize("data", [b"", b"Name: acme\n", b"Requires-Dist: zoo\n" * 1000, None])
    @pytest.mark.parametrize("made", [True, False])
    def test_an_attachment_comes_back_as_it_was_stored(
        self, catalogue: ICatalogue, data: bytes | None, made: bool
    ) -> None:
        stored = attachment(data, made=made, identity=MD5)
        result_of(catalogue.store_attachment(stored))
        assert catalogue.attachment(MD5, "metadata") == stored
        assert catalogue.attachment(MD5, "provenance") is None
        assert catalogue.attachment(sha256_name(b"wheel"), "metadata") is None

    def test_an_attachment_is_replaced_and_forgotten(self, catalogue: ICatalogue) -> None:
        provenance = attachment(b"{}", kind="provenance")
        result_of(catalogue.store_attachment(provenance))
        result_of(catalogue.store_attachment(attachment(None)))
        result_of(catalogue.store_attachment(attachment(b"new")))
        assert catalogue.attachment(sha256_name(b"wheel"), "metadata") == attachment(b"new")
        result_of(catalogue.forget_attachment(sha256_name(b"wheel"), "metadata"))
        assert catalogue.attachment(sha256_name(b"wheel"), "metadata") is None
        assert catalogue.attachment(sha256_name(b"wheel"), "provenance") == provenance

    def test_attachment_digests_are_those_of_the_project_and_kind(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_attachment(attachment(b"one")))
        result_of(catalogue.store_attachment(attachment(None, identity=MD5)))
        result_of(catalogue.store_attachment(attachment(b"p", kind="provenance")))
        result_of(catalogue.store_attachment(attachment(b"z", project=ZOO, identity=url_name("z"))))
        assert dict(catalogue.attachment_digests(ACME, "metadata")) == {
            sha256_name(b"wheel"): digest_of(b"one"),
            MD5: None,
        }

    def test_an_odd_file_is_remembered_with_its_last_project(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.note_odd_file(MD5, ACME))
        result_of(catalogue.note_odd_file(MD5, ZOO))
        assert catalogue.odd_file_project(MD5) == ZOO
        assert catalogue.odd_file_project(url_name("a")) is None

    # -- what people say --

    def test_a_pin_shows_in_every_record_of_its_project(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.pin(ACME, True))
        result_of(catalogue.pin(ACME, True))
        result_of(catalogue.store_file(record(b"a")))
        result_of(catalogue.store_file(record(b"z", project=ZOO)))
        assert catalogue.pins() == [ACME]
        assert [found.pinned for found in catalogue.files_of(ACME)] == [True]
        assert {found.project: found.pinned for found in catalogue.all_files()} == {ACME: True, ZOO: False}
        found = catalogue.file(sha256_name(b"a"))
        assert found is not None
        assert found.pinned is True
        result_of(catalogue.pin(ACME, False))
        assert catalogue.pins() == []
        assert [found.pinned for found in catalogue.files_of(ACME)] == [False]

    def test_a_record_does_not_pin_or_unpin(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(pinned=True)))
        assert catalogue.pins() == []
        assert [found.pinned for found in catalogue.files_of(ACME)] == [False]
        result_of(catalogue.pin(ACME, True))
        result_of(catalogue.store_file(record(pinned=False)))
        assert [found.pinned for found in catalogue.files_of(ACME)] == [True]

    def test_pins_are_sorted(self, catalogue: ICatalogue) -> None:
        for name in ("zoo", "a", "m"):
            result_of(catalogue.pin(ProjectName(name), True))
        assert catalogue.pins() == ["a", "m", "zoo"]

    def test_a_setting_is_stored_replaced_and_removed(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_setting("offline", "on"))
        result_of(catalogue.store_setting("other", ""))
        result_of(catalogue.store_setting("offline", "off"))
        assert catalogue.setting("offline") == "off"
        assert catalogue.setting("other") == ""
        result_of(catalogue.store_setting("offline", None))
        assert catalogue.setting("offline") is None

    # -- its end --

    def test_a_closed_catalogue_takes_no_more_writes(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.close())
        result_of(catalogue.close())
        with pytest.raises(StoreUnusable, match="closed"):
            result_of(catalogue.store_setting("offline", "on"))

    def test_two_waiters_for_two_writes_are_both_answered(self, catalogue: ICatalogue) -> None:
        first, second = catalogue.store_entry(entry(serial=1)), catalogue.store_entry(entry(serial=2))
        assert first is not second
        result_of(second)
        result_of(first)
        assert catalogue.entry(ACME) == entry(serial=2)
