"""What a start costs, counted and not timed: what it loads, and what it looks at."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.doubles.first_answer import PATIENCE_S
from tests.doubles.now import at_once, result_of
from tests.doubles.processes import ROOT, bare_environment, free_port
from tests.storage.samples import digest_of, entry, record, url_name
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.stored import dump_page
from tiercache.storage import steps
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.node_id import SETTING
from tiercache.storage.prepared import Prepared

pytestmark = pytest.mark.slow

PATH = "/simple/numpy/"

NOT_FOR_PAGES = {
    "alembic": "migrates a catalogue",
    "argon2": "checks a password",
    "jinja2": "makes the page of a report",
    "jsonschema": "is for tests",
    "jwt": "verifies identity tokens",
    "klein": "routes what is not at hand",
    "multipart": "takes forms apart",
    "packaging.metadata": "reads core metadata",
    "packaging.pylock": "reads locks",
    "passlib": "checks a password of htpasswd",
    "pypi_simple": "is asked for the constant of the public index",
    "rich": "draws tables in a terminal",
    "selectolax": "parses HTML pages of tiers",
    "sqlalchemy": "spells statements, and migrates a catalogue",
    "tiercache.cache.minting": "mints tokens for trusted publishers",
    "tiercache.on_demand": "puts together what publishes, prefetches and mints",
    "tiercache.prefetch.inputs": "reads what is to be prefetched",
    "tiercache.prefetch.prefetching": "carries prefetches out",
    "tiercache.publish.publisher": "takes uploads",
    "tiercache.resolving": "resolves",
    "tiercache.storage.core": "is what statements are written in",
    "tiercache.storage.memory": "is a catalogue of another kind",
    "tiercache.storage.rebuild": "makes a lost catalogue anew",
    "tiercache.upstream.parent": "speaks to nodes",
    "tiercache.upstream.uploads": "hands on uploads",
    "tiercache.web.app": "is the application",
    "tiercache.web.guard": "says who may have what only some may",
    "tiercache.web.logins": "asks who somebody is",
    "tiercache.web.on_demand": "serves all but pages and files",
    "tiercache.web.openapi": "writes the OpenAPI document",
    "tiercache.web.tier": "serves nodes below",
    "tomllib": "reads locks",
    "treq": "is for tests",
    "uv": "resolves",
    "werkzeug": "routes what is not at hand",
}
"""What a node can do without until somebody asks for it, and what it does; a module, or a package with all in it."""


FOR_NODES = frozenset(
    ["klein", "tiercache.web.app", "tiercache.web.guard", "tiercache.web.logins", "tiercache.web.tier", "werkzeug"]
)
"""What of it answers a node below."""


def made_store(folder: Path, others: int) -> None:
    """A store with the page of numpy, fresh, and with so many other projects, each with a page and a stored file."""
    store = folder / "store"
    store.mkdir(parents=True)
    path = store / "catalogue.sqlite"
    body = dump_page(
        Page(project=ProjectName("numpy"), files=(File(filename="numpy-1.0.tar.gz", url="https://x.example/"),))
    )
    catalogue = SqlCatalogue.open(path, writer=at_once)
    now = time.time()
    numpy = entry(ProjectName("numpy"), body, requested_at=now, received_at=now, lifetime_s=86400.0)
    result_of(catalogue.store_entry(numpy))
    result_of(catalogue.store_setting(SETTING, "0123456789abcdef"))  # else it is written while the page is answered
    result_of(catalogue.close())
    database = Prepared(sqlite3.connect(path, isolation_level=None))
    with database.transaction():
        for number in range(others):
            data = str(number).encode()
            project = ProjectName(f"p{number}")
            sha256 = digest_of(data)
            stored = record(data, project=project, identities=(FileIdentity("sha256", sha256),))
            for change in (
                steps.store_entry(entry(project)),
                steps.store_file(stored),
                steps.note_odd_file(url_name(project), project),
            ):
                for statement, parameters in change:
                    database.run(statement, parameters)
            place = store / "files" / sha256[:2] / sha256
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    database.connection.close()


def first_answer(folder: Path, *paths: str) -> dict[str, Any]:
    """What a node with its store in `folder` needed for its first answer, with its `status` beside.

    Asked for these paths, one after the other; for a page, if none is told.
    """
    port, store, told = free_port(), folder / "store", folder / "told.json"
    configuration = {
        "node": {"name": "node", "listen": [f"tcp:{port}:interface=127.0.0.1"]},
        "store": {"path": str(store)},
        "tiers": [{"name": "public", "kind": "origin", "url": "http://index.example/simple/"}],
    }
    tiers_file = folder / "tiers.yaml"
    tiers_file.write_text(json.dumps(configuration))  # JSON is YAML too
    run = subprocess.run(
        [sys.executable, "-m", "tests.doubles.first_answer", tiers_file, store, str(port), told, *(paths or [PATH])],
        cwd=ROOT,
        env=bare_environment(folder / "home"),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert told.exists(), run.stdout + run.stderr
    found: dict[str, Any] = json.loads(told.read_text())
    return found


@cache
def started_with(others: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        made_store(Path(folder), others)
        return first_answer(Path(folder))


@cache
def asked_by_a_node() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        made_store(Path(folder), 0)
        return first_answer(Path(folder), "/api/v1/node")


def test_the_first_answer_of_a_start_is_the_page_that_the_store_has() -> None:
    assert started_with(0)["status"] == 200


@pytest.mark.parametrize("name", NOT_FOR_PAGES)
def test_nothing_is_loaded_that_the_first_answer_does_not_need(name: str) -> None:
    loaded = [module for module in started_with(0)["modules"] if module == name or module.startswith(f"{name}.")]
    assert loaded == [], f"{name} {NOT_FOR_PAGES[name]}, and no page needs that"


@pytest.mark.parametrize("name", sorted(NOT_FOR_PAGES.keys() - FOR_NODES))
def test_nothing_is_loaded_that_a_node_below_does_not_need(name: str) -> None:
    answer = asked_by_a_node()
    assert answer["status"] == 200
    loaded = [module for module in answer["modules"] if module == name or module.startswith(f"{name}.")]
    assert loaded == [], f"{name} {NOT_FOR_PAGES[name]}, and no node below needs that"


def test_what_is_loaded_later_is_loaded_while_others_are_answered(tmp_path: Path) -> None:
    made_store(tmp_path, 0)
    found = first_answer(tmp_path, "/healthz", "/", "/api/v1/node")
    assert (found["status"], found["then"]) == (200, [200, 200])
    assert "tiercache.web.prefetching" not in found["modules"]
    assert found["in_turns"] == []


def test_a_start_looks_at_a_store_of_thousands_as_at_an_empty_one() -> None:
    small, big = started_with(0), started_with(3000)
    assert big["status"] == small["status"] == 200
    assert big["listed"] == small["listed"]
    assert big["opened"] == small["opened"]
    assert big["steps"] == small["steps"] > 0


def test_what_a_killed_node_has_left_of_a_resolvers_run_is_gone_by_then(tmp_path: Path) -> None:
    made_store(tmp_path, 0)
    run = tmp_path / "store" / "resolving" / "resolving-x"
    (run / "cache").mkdir(parents=True)
    (run / "requirements.txt").write_text("app")
    assert first_answer(tmp_path)["status"] == 200
    assert not run.parent.exists()


def test_the_first_answer_of_all_comes_of_an_empty_folder_too(tmp_path: Path) -> None:
    assert first_answer(tmp_path, "/healthz")["status"] == 200
