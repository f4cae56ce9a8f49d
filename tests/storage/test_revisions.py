"""The tables that migrations leave, and databases of other versions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from tests.doubles.now import at_once, result_of
from tests.storage.samples import ACME, attachment, entry, record, sha256_name, url_name
from tiercache.errors import StoreUnusable, TiercacheError
from tiercache.interfaces import NewChange
from tiercache.policy.news import PAGE
from tiercache.policy.selection import HERE
from tiercache.storage import steps
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.migrating import config, migrate
from tiercache.storage.prepared import Prepared
from tiercache.storage.revisions import REVISION, revision_of
from tiercache.storage.tables import METADATA

TREE = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.sqlite"
    catalogue = SqlCatalogue.open(path, writer=at_once)
    result_of(catalogue.store_entry(entry()))
    result_of(catalogue.close())
    return path


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """A database that has come through every migration."""
    path = tmp_path / "migrated.sqlite"
    migrate(path, patience_s=1.0)
    return path


@pytest.fixture
def connection(migrated: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def everything_in(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a database by their table, those of its schema included, but for what SQLite counts of itself."""
    with closing(sqlite3.connect(path)) as database:
        kept = sorted(database.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall(), key=repr)
        tables = [name for kind, name, *_ in kept if kind == "table"]
        return {
            "sqlite_schema": kept,
            **{name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables},
        }


def schema_of(path: Path) -> set[tuple[str, ...]]:
    with sqlite3.connect(path) as database:
        return set(
            database.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '%alembic%' AND sql NOT NULL"
            )
        )


def test_migrations_leave_the_tables_that_the_program_knows(connection: Connection) -> None:
    assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA) == []


def test_a_new_catalogue_is_what_the_migrations_leave_to_the_letter(migrated: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    result_of(SqlCatalogue.open(path, writer=at_once).close())
    made, left = everything_in(path), everything_in(migrated)
    assert len(made["sqlite_schema"]) > 20
    assert made["alembic_version"] == [(REVISION,)]
    ((epoch, _),), ((other, _),) = made["position"], left["position"]
    assert (len(epoch), epoch != other) == (len(other), True)
    assert made | {"position": [(other, 0)]} == left


def test_two_new_catalogues_have_journals_of_their_own(tmp_path: Path) -> None:
    epochs = set()
    for name in "ab":
        catalogue = SqlCatalogue.open(tmp_path / name, writer=at_once)
        epochs.add(catalogue.position().epoch)
        result_of(catalogue.close())
    assert len(epochs) == 2


def test_a_new_catalogue_that_cannot_be_made_is_none_and_is_made_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.sqlite"
    with monkeypatch.context() as broken:
        broken.setattr("tiercache.storage.sqlite.schema.SCHEMA", ("CREATE TABLE pins (project TEXT)", "NONSENSE"))
        with pytest.raises(StoreUnusable, match="NONSENSE"):
            SqlCatalogue.open(path, writer=at_once)
    assert schema_of(path) == set()
    result_of(SqlCatalogue.open(path, writer=at_once).close())
    assert len(schema_of(path)) > 20


def test_the_revision_that_the_program_wants_is_the_newest_script(connection: Connection) -> None:
    assert ScriptDirectory.from_config(config(connection)).get_heads() == [REVISION]
    assert revision_of(connection.connection.dbapi_connection) == REVISION  # type: ignore[arg-type]  # sqlite3's


def test_a_database_of_a_newer_program_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreUnusable, match=r"9999.*newer tiercache"):
        SqlCatalogue.open(path, writer=at_once)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
        database.execute("UPDATE alembic_version SET version_num = ?", (REVISION,))
    database.close()
    assert SqlCatalogue.open(path, writer=at_once).entry(ACME) == entry()


@pytest.fixture
def first_revision(tmp_path: Path) -> Path:
    """A database as the first version left it, with something in each table that it used."""
    path = tmp_path / "old.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
    engine.dispose()
    database = sqlite3.connect(path)
    for change in (
        steps.store_entry(entry(body=b"page" * 2000)),
        steps.store_file(record()),
        steps.store_attachment(attachment()),
        steps.note_odd_file(url_name("odd"), ACME),
        steps.pin(ACME, True),
        steps.store_setting("node-id", "0123456789abcdef"),
    ):
        for statement, parameters in change:
            if "uses" not in statement.text:  # which that version did not have
                Prepared(database).run(statement, parameters)
    database.commit()
    database.close()
    return path


def test_a_database_of_the_first_revision_is_brought_up_and_loses_nothing(first_revision: Path) -> None:
    catalogue = SqlCatalogue.open(first_revision, writer=at_once)
    assert catalogue.entry(ACME) == entry(body=b"page" * 2000)
    assert catalogue.file(sha256_name(b"wheel")) == record(pinned=True)
    assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (len(b"wheel"), 0)
    assert catalogue.attachment(attachment().identity, "metadata") == attachment()
    assert catalogue.odd_file_project(url_name("odd")) == ACME
    assert catalogue.setting("node-id") == "0123456789abcdef"
    assert list(catalogue.idle_projects()) == []  # it holds a file
    assert (list(catalogue.hosted_names()), list(catalogue.reservations())) == ([], [])
    result_of(catalogue.store_file(record(b"mine", tier=HERE)))
    assert catalogue.hosted_bytes() == len(b"mine")
    news = NewChange(project=ACME, what=PAGE)
    assert [change.serial for change in result_of(catalogue.store_hosted(ACME, b"page", [news], 1.0))] == [1]
    result_of(catalogue.close())


def test_a_database_that_was_brought_up_has_a_journal_of_its_own_and_keeps_it(first_revision: Path) -> None:
    copy = first_revision.with_name("copy.sqlite")
    copy.write_bytes(first_revision.read_bytes())
    epochs = []
    for path in (first_revision, first_revision, copy):
        catalogue = SqlCatalogue.open(path, writer=at_once)
        epochs.append(catalogue.position().epoch)
        result_of(catalogue.close())
    assert epochs[0] == epochs[1] != epochs[2]


def test_a_database_that_was_brought_up_has_the_tables_of_a_new_one(first_revision: Path, path: Path) -> None:
    result_of(SqlCatalogue.open(first_revision, writer=at_once).close())
    assert schema_of(first_revision) == schema_of(path)


def test_a_database_of_the_first_revision_that_cannot_be_brought_up_stays_what_it_was(first_revision: Path) -> None:
    with sqlite3.connect(first_revision) as database:
        database.execute("CREATE TABLE reservations (in_the_way TEXT)")
    database.close()
    before = schema_of(first_revision)
    with pytest.raises(StoreUnusable, match="reservations"):
        SqlCatalogue.open(first_revision, writer=at_once)
    assert schema_of(first_revision) == before
    with sqlite3.connect(first_revision) as database:
        database.execute("DROP TABLE reservations")
    database.close()
    assert SqlCatalogue.open(first_revision, writer=at_once).entry(ACME) == entry(body=b"page" * 2000)


def test_a_migration_that_cannot_end_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("CREATE TABLE pins (in_the_way TEXT)")
    database.close()
    with pytest.raises(StoreUnusable, match="no catalogue"):
        SqlCatalogue.open(path, writer=at_once)
    assert [row[1] for row in schema_of(path)] == ["pins"]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_start_loads_neither_alembic_nor_sqlalchemy(path: Path, is_new: bool) -> None:
    if is_new:
        path = path.with_name("another.sqlite")
    program = (
        "import sys; from pathlib import Path\n"
        "from tiercache.storage.catalogue import SqlCatalogue\n"
        "from tiercache.storage.threads import on_the_spot\n"
        "SqlCatalogue.open(Path(sys.argv[1]), writer=on_the_spot)\n"
        "sys.exit(bool({'alembic', 'sqlalchemy'} & set(sys.modules)))\n"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True, timeout=60, cwd=TREE)


def test_several_that_open_a_new_store_at_once_all_can(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / str(number)).mkdir()
        path = tmp_path / str(number) / "catalogue.sqlite"
        together = threading.Barrier(3)
        refused: list[Exception] = []

        def open_and_write(
            name: str, path: Path = path, together: threading.Barrier = together, refused: list[Exception] = refused
        ) -> None:
            together.wait(timeout=10)
            try:
                catalogue = SqlCatalogue.open(path, writer=at_once)
                result_of(catalogue.store_setting(name, "here"))
                result_of(catalogue.close())
            except TiercacheError as error:
                refused.append(error)

        # SQLite knows no processes: each connection stands for one.
        openers = [threading.Thread(target=open_and_write, args=(name,)) for name in "abc"]
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join(timeout=60)
        assert refused == []
        catalogue = SqlCatalogue.open(path, writer=at_once)
        assert [catalogue.setting(name) for name in "abc"] == ["here"] * 3
        result_of(catalogue.close())


@pytest.mark.slow
def test_a_wheel_of_tiercache_brings_its_migrations(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    for name in ("tiercache", "twisted"):
        copytree(TREE / name, tmp_path / name)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((TREE / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check", tmp_path],
        check=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = (tmp_path / "dist").iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    migrations = TREE / "tiercache" / "storage" / "migrations"
    ours = {str(found.relative_to(TREE)) for suffix in ("py", "mako") for found in migrations.rglob(f"*.{suffix}")}
    assert len(ours) >= 3
    assert ours <= names
