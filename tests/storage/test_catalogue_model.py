"""Whatever is done to them in whatever order, the catalogue in SQLite and the one in memory show the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.doubles.now import at_once, result_of
from tests.storage.contract_tokens import issued
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, head, record, sha256_name, url_name
from tiercache.interfaces import ICatalogue, NewChange, Reservation
from tiercache.policy.acts import NewAct
from tiercache.policy.news import Change, Position
from tiercache.policy.selection import HERE
from tiercache.simple.model import File, FileIdentity, ProjectName
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue

CONTENTS = [b"one", b"two two", b"three three three"]
OTHER_NAMES = [url_name("https://files.example/latest"), FileIdentity("md5", "0" * 32)]
KINDS = ["metadata", "provenance"]
CHANGES_KEPT = 6

projects = st.sampled_from([ACME, ZOO, ProjectName("a")])
contents = st.sampled_from(CONTENTS)
names = st.sampled_from([*OTHER_NAMES, *map(sha256_name, CONTENTS)])
times = st.floats(0, 2e9, allow_nan=False)
tiers = st.sampled_from(["public", "office", HERE])
acts = st.lists(st.builds(NewAct, what=st.sampled_from(["published", "yanked"]), project=projects), max_size=3)
news = st.lists(
    st.builds(
        NewChange,
        project=projects,
        what=st.sampled_from(["page", "reserved", "a later word"]),
        origin=st.sampled_from(["", "far:7"]),
    ),
    max_size=4,
)
reservations = st.builds(
    Reservation,
    tier=tiers,
    epoch=st.sampled_from(["", "e1", "e2"]),
    names=st.lists(projects, unique=True).map(lambda names: tuple(sorted(names))),
)
token_ids = st.sampled_from("abc")
bodies = st.none() | st.binary(max_size=20) | st.integers(4090, 4100).map(lambda size: b"x" * size)


class Catalogues(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        sql = self.opened()
        memory = MemoryCatalogue(changes_kept=CHANGES_KEPT, epoch=sql.position().epoch)
        self.both: tuple[ICatalogue, ICatalogue] = (sql, memory)
        self.appended: list[Change] = []

    def opened(self) -> SqlCatalogue:
        path = Path(self.folder.name) / "catalogue.sqlite"
        return SqlCatalogue.open(path, writer=at_once, changes_kept=CHANGES_KEPT, seconds=lambda: 0.0)

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
        filename=st.sampled_from(["a.whl", "B.whl", "b.whl"]), pinned=st.booleans(), tier=tiers,
    )  # fmt: skip
    def store_file(
        self, content: bytes, project: ProjectName, used_at: float, others: list[FileIdentity], filename: str,
        pinned: bool, tier: str,
    ) -> None:  # fmt: skip
        stored = record(
            content,
            project=project,
            tier=tier,
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

    @rule(changes=news, at=times)
    def append_changes(self, changes: list[NewChange], at: float) -> None:
        sql, memory = (result_of(catalogue.append_changes(changes, at)) for catalogue in self.both)
        assert sql == memory
        self.appended += sql

    @rule(project=projects, body=bodies, changes=news, at=times, acts=acts)
    def store_hosted(
        self, project: ProjectName, body: bytes | None, changes: list[NewChange], at: float, acts: list[NewAct]
    ) -> None:
        sql, memory = (result_of(catalogue.store_hosted(project, body, changes, at, acts)) for catalogue in self.both)
        assert sql == memory
        assert [change.project for change in sql] == [change.project for change in changes]
        self.appended += sql

    @rule(used_at=st.dictionaries(projects, times))
    def touch_projects(self, used_at: dict[ProjectName, float]) -> None:
        for catalogue in self.both:
            result_of(catalogue.touch_projects(used_at))

    @rule(project=projects)
    def forget_project(self, project: ProjectName) -> None:
        for catalogue in self.both:
            result_of(catalogue.forget_project(project))

    @rule(reservation=reservations)
    def store_reservation(self, reservation: Reservation) -> None:
        for catalogue in self.both:
            result_of(catalogue.store_reservation(reservation))

    @rule(one=token_ids, made_at=times, lasts=st.none() | times)
    def store_token(self, one: str, made_at: float, lasts: float | None) -> None:
        for catalogue in self.both:
            result_of(catalogue.store_token(issued(one, made_at=made_at, expires_at=lasts)))

    @rule(ids=st.lists(token_ids))
    def forget_tokens(self, ids: list[str]) -> None:
        for catalogue in self.both:
            result_of(catalogue.forget_tokens(ids))

    @rule(used_at=st.dictionaries(token_ids, times))
    def touch_tokens(self, used_at: dict[str, float]) -> None:
        for catalogue in self.both:
            result_of(catalogue.touch_tokens(used_at))

    @rule()
    def restart(self) -> None:
        result_of(self.both[0].close())
        self.both = (self.opened(), self.both[1])

    @invariant()
    def both_show_the_same(self) -> None:
        sql, memory = map(shown, self.both)
        assert sql == memory

    @invariant()
    def the_journal_is_the_end_of_all_that_was_appended(self) -> None:
        assert [change.serial for change in self.appended] == list(range(1, len(self.appended) + 1))
        for catalogue in self.both:
            epoch = catalogue.position().epoch
            assert catalogue.position() == Position(epoch=epoch, serial=len(self.appended))
            for since in range(len(self.appended) + 2):
                kept = since >= len(self.appended) - CHANGES_KEPT
                for most in (2, 100):
                    found = catalogue.changes(since, most)
                    assert found == (tuple(self.appended[since : since + most]) if kept else None)


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
        "idle": list(catalogue.idle_projects()),
        "hosted bytes": catalogue.hosted_bytes(),
        "position": catalogue.position(),
        "hosted": [catalogue.hosted(project) for project in all_projects],
        "hosted names": list(catalogue.hosted_names()),
        "reservations": list(catalogue.reservations()),
        "tokens": catalogue.tokens(),
        "tokens by digest": [catalogue.token(issued(one).digest) for one in "abc"],
        "acts": [list(catalogue.acts(project, None, 3)) for project in (*all_projects, None)],
        "acts since": [list(catalogue.acts(project, 2, 3)) for project in (*all_projects, None)],
    }


Catalogues.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestCatalogues = Catalogues.TestCase
