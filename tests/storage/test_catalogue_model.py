"""Whatever is done to them in whatever order, the catalogue in SQLite and the one in memory show the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.doubles.now import at_once, result_of
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, head, record, sha256_name, url_name
from tiercache.interfaces import ICatalogue
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue

CONTENTS = [b"one", b"two two", b"three three three"]
OTHER_NAMES = [url_name("https://files.example/latest"), FileIdentity("md5", "0" * 32)]
KINDS = ["metadata", "provenance"]

projects = st.sampled_from([ACME, ZOO, ProjectName("a")])
contents = st.sampled_from(CONTENTS)
names = st.sampled_from([*OTHER_NAMES, *map(sha256_name, CONTENTS)])
times = st.floats(0, 2e9, allow_nan=False)
bodies = st.none() | st.binary(max_size=20) | st.integers(4090, 4100).map(lambda size: b"x" * size)


class Catalogues(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        sql = SqlCatalogue.open(Path(self.folder.name) / "catalogue.sqlite", writer=at_once)
        self.both: tuple[ICatalogue, ICatalogue] = (sql, MemoryCatalogue())

    def teardown(self) -> None:
        for catalogue in self.both:
            result_of(catalogue.close())
        self.folder.cleanup()

    @rule(project=projects, body=bodies, serial=st.none() | st.integers(0, 2**53))
    def store_entry(self, project: ProjectName, body: bytes | None, serial: int | None) -> None:
        for catalogue in self.both:
            result_of(catalogue.store_entry(entry(project, body, serial=serial)))

    @rule(project=projects, age_s=times)
    def freshen_entry(self, project: ProjectName, age_s: float) -> None:
        for catalogue in self.both:
            result_of(catalogue.freshen_entry(project, head(age_s=age_s)))

    @rule(project=projects)
    def forget_entry(self, project: ProjectName) -> None:
        for catalogue in self.both:
            result_of(catalogue.forget_entry(project))

    @rule(
        content=contents, project=projects, used_at=times, others=st.lists(st.sampled_from(OTHER_NAMES)),
        filename=st.sampled_from(["a.whl", "B.whl", "b.whl"]), pinned=st.booleans(),
    )  # fmt: skip
    def store_file(
        self, content: bytes, project: ProjectName, used_at: float, others: list[FileIdentity], filename: str,
        pinned: bool,
    ) -> None:  # fmt: skip
        stored = record(
            content,
            project=project,
            used_at=used_at,
            identities=tuple(others),
            listing=File(filename=filename, url=f"https://files.example/{filename}"),
            pinned=pinned,
        )
        for catalogue in self.both:
            result_of(catalogue.store_file(stored))

    @rule(content=contents)
    def forget_file(self, content: bytes) -> None:
        for catalogue in self.both:
            result_of(catalogue.forget_file(digest_of(content)))

    @rule(used_at=st.dictionaries(contents.map(digest_of), times))
    def touch_files(self, used_at: dict[str, float]) -> None:
        for catalogue in self.both:
            result_of(catalogue.touch_files(used_at))

    @rule(name=names, kind=st.sampled_from(KINDS), project=projects, data=bodies, made=st.booleans())
    def store_attachment(
        self, name: FileIdentity, kind: str, project: ProjectName, data: bytes | None, made: bool
    ) -> None:
        for catalogue in self.both:
            result_of(
                catalogue.store_attachment(attachment(data, identity=name, kind=kind, project=project, made=made))
            )

    @rule(name=names, kind=st.sampled_from(KINDS))
    def forget_attachment(self, name: FileIdentity, kind: str) -> None:
        for catalogue in self.both:
            result_of(catalogue.forget_attachment(name, kind))

    @rule(name=names, project=projects)
    def note_odd_file(self, name: FileIdentity, project: ProjectName) -> None:
        for catalogue in self.both:
            result_of(catalogue.note_odd_file(name, project))

    @rule(project=projects, pinned=st.booleans())
    def pin(self, project: ProjectName, pinned: bool) -> None:
        for catalogue in self.both:
            result_of(catalogue.pin(project, pinned))

    @rule(name=st.text(max_size=3), value=st.none() | st.text(max_size=3))
    def store_setting(self, name: str, value: str | None) -> None:
        for catalogue in self.both:
            result_of(catalogue.store_setting(name, value))
            assert catalogue.setting(name) == value

    @invariant()
    def both_show_the_same(self) -> None:
        sql, memory = map(shown, self.both)
        assert sql == memory


def shown(catalogue: ICatalogue) -> dict[str, object]:
    all_names = [*OTHER_NAMES, *map(sha256_name, CONTENTS)]
    all_projects = [ACME, ZOO, ProjectName("a")]
    return {
        "entries": [catalogue.entry(project) for project in all_projects],
        "entry names": list(catalogue.entry_names()),
        "files": [catalogue.file(name) for name in all_names],
        "files of": [catalogue.files_of(project) for project in all_projects],
        "file projects": list(catalogue.file_projects()),
        "all files": list(catalogue.all_files()),
        "stored bytes": catalogue.stored_bytes(),
        "attachments": [catalogue.attachment(name, kind) for name in all_names for kind in KINDS],
        "digests": [dict(catalogue.attachment_digests(project, kind)) for project in all_projects for kind in KINDS],
        "odd files": [catalogue.odd_file_project(name) for name in all_names],
        "pins": catalogue.pins(),
    }


Catalogues.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestCatalogues = Catalogues.TestCase
