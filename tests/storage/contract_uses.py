"""What every `ICatalogue` knows of the use of projects, and how it forgets one.

A test module of an implementation subclasses it and gives the fixture `catalogue`.
"""

from __future__ import annotations

from tests.doubles.now import begun, result_of
from tests.storage.samples import ACME, ZOO, attachment, entry, record, sha256_name, url_name
from tiercache.interfaces import ICatalogue
from tiercache.simple.model import ProjectName


class UsesContract:
    def test_a_project_is_used_when_the_first_is_stored_of_it(self, catalogue: ICatalogue) -> None:
        assert list(catalogue.idle_projects()) == []
        result_of(catalogue.store_entry(entry(ZOO, received_at=50.5)))
        result_of(catalogue.store_entry(entry(ACME, received_at=60.5)))
        result_of(catalogue.store_entry(entry(ZOO, received_at=70.5)))
        result_of(catalogue.store_attachment(attachment(project=ProjectName("c"))))
        result_of(catalogue.note_odd_file(url_name("odd"), ProjectName("b")))
        assert list(catalogue.idle_projects()) == ["b", "c", ZOO, ACME]

    def test_a_project_that_is_touched_comes_last_and_an_unknown_one_stays_unknown(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_entry(entry(ACME, received_at=1.0)))
        result_of(catalogue.store_entry(entry(ZOO, received_at=2.0)))
        result_of(catalogue.touch_projects({ACME: 3.5, ProjectName("unknown"): 9.0}))
        result_of(catalogue.touch_projects({}))
        assert list(catalogue.idle_projects()) == [ZOO, ACME]
        result_of(catalogue.store_entry(entry(ZOO, received_at=9.0)))
        assert list(catalogue.idle_projects()) == [ZOO, ACME]
        result_of(catalogue.touch_projects({ZOO: 9.0}))
        assert list(catalogue.idle_projects()) == [ACME, ZOO]

    def test_a_project_that_holds_a_stored_file_or_is_pinned_is_not_idle(self, catalogue: ICatalogue) -> None:
        for name in ("neither", "held", "pinned"):
            result_of(catalogue.store_entry(entry(ProjectName(name))))
        result_of(catalogue.store_file(record(project=ProjectName("held"))))
        result_of(catalogue.pin(ProjectName("pinned"), True))
        assert list(catalogue.idle_projects()) == ["neither"]
        result_of(catalogue.forget_file(record().sha256))
        result_of(catalogue.pin(ProjectName("pinned"), False))
        assert list(catalogue.idle_projects()) == ["held", "neither", "pinned"]

    def test_a_forgotten_project_leaves_its_files_its_pin_and_what_is_hosted(self, catalogue: ICatalogue) -> None:
        for project, name in ((ACME, "a"), (ZOO, "z")):
            result_of(catalogue.store_entry(entry(project)))
            result_of(catalogue.store_attachment(attachment(project=project, identity=url_name(name))))
            result_of(catalogue.note_odd_file(url_name(name), project))
        result_of(catalogue.store_file(record()))
        result_of(catalogue.pin(ACME, True))
        result_of(catalogue.store_hosted(ACME, b"hosted", [], 1.0))
        result_of(catalogue.forget_project(ACME))
        result_of(catalogue.forget_project(ProjectName("unknown")))
        assert catalogue.entry(ACME) is None
        assert list(catalogue.entry_names()) == [ZOO]
        assert catalogue.attachment(url_name("a"), "metadata") is None
        assert catalogue.odd_file_project(url_name("a")) is None
        assert list(catalogue.idle_projects()) == [ZOO]
        assert catalogue.file(sha256_name(b"wheel")) == record(pinned=True)
        assert catalogue.hosted(ACME) == b"hosted"
        assert catalogue.attachment(url_name("z"), "metadata") is not None
        assert catalogue.odd_file_project(url_name("z")) == ZOO

    def test_projects_may_be_forgotten_and_touched_while_they_are_gone_through(self, catalogue: ICatalogue) -> None:
        waiting = [
            begun(catalogue.store_entry(entry(ProjectName(f"p{number:04}"), b"", received_at=number // 7)))
            for number in range(1200)
        ]
        for stored in waiting:
            result_of(stored)
        seen = []
        for project in catalogue.idle_projects():
            seen.append(project)
            if len(seen) % 300 == 0:
                result_of(catalogue.forget_project(project))
        assert seen == [f"p{number:04}" for number in range(1200)]
        assert len(list(catalogue.idle_projects())) == 1196

    def test_what_is_stored_takes_room_and_what_is_forgotten_gives_it_back(self, catalogue: ICatalogue) -> None:
        before = catalogue.size_bytes()
        noise = b"".join(bytes.fromhex(f"{number * 2654435761 % 2**32:08x}") for number in range(50_000))
        result_of(catalogue.store_entry(entry(body=noise)))
        full = catalogue.size_bytes()
        assert full - before >= 100_000
        result_of(catalogue.forget_project(ACME))
        assert catalogue.size_bytes() - before <= 20_000
