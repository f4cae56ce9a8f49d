"""Holds the arrows between the rooms, and what else can be told of a module from its text alone.

`faults` does the checking on source text, so that it is itself tested on small made-up modules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEVELS = {
    "errors": 0,
    "simple": 1,
    "policy": 1,
    "access": 1,
    "wire": 1,
    "config": 1,
    "client_config": 1,
    "stats": 1,
    "loading": 1,
    "interfaces": 2,
    "cache": 3,
    "publish": 3,
    "prefetch": 3,
    "upstream": 4,
    "storage": 4,
    "resolving": 4,
    "web": 4,
    "parts": 5,
    "on_demand": 5,
    "node": 5,
    "served": 5,
    "served_for_nodes": 5,
    "served_on_demand": 5,
    "service": 5,
    "workers": 5,
    "tap": 6,
    "cli": 6,
    "commands": 6,
    "__main__": 6,
}
"""Each room (a folder, or a module beside the folders) and its level: it may import what is on a lower one."""

SIDEWAYS = {
    ("policy", "simple"),
    ("access", "simple"),
    ("wire", "simple"),
    ("wire", "policy"),
    ("config", "simple"),
    ("config", "policy"),
    ("config", "access"),
    ("publish", "cache"),
    ("prefetch", "cache"),
    ("node", "parts"),
    ("parts", "on_demand"),
    ("on_demand", "parts"),
    ("served", "parts"),
    ("served", "served_for_nodes"),
    ("served", "served_on_demand"),
    ("served_for_nodes", "parts"),
    ("served_on_demand", "parts"),
    ("service", "served_on_demand"),
    ("service", "parts"),
    ("service", "node"),
    ("service", "served"),
    ("service", "workers"),
    ("cli", "tap"),
    ("cli", "commands"),
    ("tap", "commands"),
    ("commands", "tap"),
    ("__main__", "cli"),
}
"""The imports within one level that the design allows: (who, whom).  None between the edges."""

IMPURE = frozenset(
    [
        "asyncio",
        "klein",
        "os",
        "pathlib",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "sqlalchemy",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "treq",
        "twisted",
        "urllib.request",
        "uuid",
    ]
)
"""What the pure rooms (level 1) do without: the world, and every clock and dice."""

PARSES_CONFIGURATION = frozenset({"cattrs", "yaml"})
KNOWS_THE_REACTOR = frozenset(
    {"tiercache.tap", "tiercache.cli", "tiercache.commands.serve", "tiercache.workers.__main__"}
)
NAMES_THAT_SAY_NOTHING = frozenset(
    [
        "base",
        "common",
        "data",
        "engine",
        "engines",
        "handler",
        "handlers",
        "helper",
        "helpers",
        "info",
        "manager",
        "managers",
        "misc",
        "util",
        "utils",
    ]
)
LONGEST_MODULE = 400


def imported(module: str, source: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Every import in a module, wherever it stands: its line, and what it names (`package.module` or one name more)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                home = module.split(".")
                home = home[: len(home) - node.level + is_package]
                origin = ".".join([*home, *([origin] if origin else [])])
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"


def room_of(module: str) -> str | None:
    """The room that a module of ours belongs to; None for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def room_named(name: str) -> str | None:
    """The room that an import reaches into; None for the package itself and what stands in it (`__version__`)."""
    room = room_of(name)
    return None if room is None or room.startswith("__version") else room


def faults(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What is wrong with a module of ours, a line each; `module` is its dotted name."""
    found: list[str] = []
    room = room_of(module)
    if room is not None and room not in LEVELS:
        found.append(f"{module} stands in no room that the design knows")
    level = LEVELS.get(room or "", 0)
    for part in module.split(".")[1:]:
        if part.lstrip("_") in NAMES_THAT_SAY_NOTHING:
            found.append(f"{module}: {part!r} names nothing")
    if (length := len(source.splitlines())) > LONGEST_MODULE:
        found.append(f"{module} has {length} lines, more than {LONGEST_MODULE}")
    for line, name in imported(module, source, is_package=is_package):
        place = f"{module}:{line}"
        top = name.split(".", 1)[0]
        if top == "tests":
            found.append(f"{place} imports {name}, a test")
        if top == "tiercache":
            found += [f"{place} {fault}" for fault in _arrow_faults(room, level, name)]
        if level <= 1 and any(name == impure or name.startswith(impure + ".") for impure in IMPURE):
            found.append(f"{place} imports {name}, and is to be pure")
        if level <= 1 and top in PARSES_CONFIGURATION and room != "config":
            found.append(f"{place} imports {name}, which only config does here")
        if name.startswith("twisted.internet.reactor") and module not in KNOWS_THE_REACTOR:
            found.append(f"{place} imports the reactor")
    return found


def _arrow_faults(room: str | None, level: int, name: str) -> Iterator[str]:
    target = room_named(name)
    if target is None or target == room:
        return
    if room is None:
        yield f"imports {name}: the package itself imports none of its rooms"
    elif target not in LEVELS:
        yield f"imports {name}: there is no such room"
    elif LEVELS[target] > level:
        yield f"imports {name}: {room} is below {target}"
    elif LEVELS[target] == level and (room, target) not in SIDEWAYS:
        yield f"imports {name}: sideways from {room} to {target}"


# -- the checker itself -----------------------------------------------------------------------------------------

WRONG = [
    ("tiercache.policy.decide", "import time", "policy.decide:1 imports time, and is to be pure"),
    ("tiercache.policy.decide", "from os.path import join", "imports os.path.join, and is to be pure"),
    ("tiercache.simple.parse", "import twisted.python.log as log", "imports twisted.python.log, and is to be pure"),
    ("tiercache.config", "def load():\n    from pathlib import Path", "config:2 imports pathlib.Path"),
    ("tiercache.stats", "import urllib.request", "imports urllib.request, and is to be pure"),
    ("tiercache.errors", "import socket", "imports socket, and is to be pure"),
    ("tiercache.access.grants", "import random", "imports random, and is to be pure"),
    ("tiercache.wire", "import yaml", "which only config does here"),
    ("tiercache.policy.entry", "from tiercache.cache import pages", "policy is below cache"),
    ("tiercache.policy.entry", "from tiercache import cache", "policy is below cache"),
    ("tiercache.policy.entry", "import tiercache.cache.pages", "policy is below cache"),
    ("tiercache.policy.entry", "from ..cache import pages", "policy is below cache"),
    ("tiercache.policy.entry", "from .. import cache", "policy is below cache"),
    (
        "tiercache.cache.pages",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tiercache.web.app import App",
        "cache.pages:3 imports tiercache.web.app.App: cache is below web",
    ),
    ("tiercache.interfaces", "from tiercache.cache.fill import Fill", "interfaces is below cache"),
    ("tiercache.web.app", "from tiercache.storage.files import Folder", "sideways from web to storage"),
    ("tiercache.upstream.http", "from tiercache.web.app import App", "sideways from upstream to web"),
    ("tiercache.storage.files", "import tiercache.upstream", "sideways from storage to upstream"),
    ("tiercache.cache.pages", "from tiercache.publish.form import Form", "sideways from cache to publish"),
    ("tiercache.publish.form", "from tiercache.prefetch.jobs import Job", "sideways from publish to prefetch"),
    ("tiercache.simple.model", "from tiercache.policy.entry import Head", "sideways from simple to policy"),
    ("tiercache.node", "from tiercache.cli import main", "node is below cli"),
    ("tiercache.web.app", "from tiercache.nowhere import Thing", "there is no such room"),
    ("tiercache", "from tiercache.errors import TiercacheError", "the package itself imports none of its rooms"),
    ("tiercache.web.app", "from twisted.internet import reactor", "web.app:1 imports the reactor"),
    ("tiercache.node", "import twisted.internet.reactor", "node:1 imports the reactor"),
    ("tiercache.commands.offline", "from twisted.internet import reactor", "imports the reactor"),
    ("tiercache.cache.fill", "from tests.doubles.now import at_once", "a test"),
    ("tiercache.web.utils", "", "'utils' names nothing"),
    ("tiercache.cache._helpers", "", "'_helpers' names nothing"),
    ("tiercache.manager.pages", "", "'manager' names nothing"),
    ("tiercache.somewhere.pages", "", "stands in no room"),
    ("tiercache.web.app", "\n" * 401, "has 401 lines, more than 400"),
]

RIGHT = [
    ("tiercache.policy.decide", "from tiercache.simple.model import Page\nfrom tiercache.policy.entry import Entry"),
    ("tiercache.policy.decide", "import timeit\nfrom urllib.parse import urlsplit\nimport ossaudiodev"),
    ("tiercache.policy.decide", "from . import entry\nfrom .entry import Head\nfrom tiercache.errors import TooLarge"),
    ("tiercache.config", "import yaml\nimport cattrs\nfrom tiercache.policy.breaker import BreakerRules"),
    ("tiercache.cache.pages", "import time\nfrom tiercache.interfaces import ICatalogue\nfrom tiercache import policy"),
    ("tiercache.prefetch.jobs", "from tiercache.cache.pages import Pages"),
    ("tiercache.web.app", "from tiercache.cache.pages import Pages\nfrom tiercache import __version__"),
    ("tiercache.storage.files", "import os\nfrom twisted.internet.interfaces import IReactorTime"),
    ("tiercache.tap", "def options():\n    from twisted.internet import reactor"),
    ("tiercache.node", "from tiercache.web.app import App\nfrom tiercache.storage.files import Folder"),
    ("tiercache.web.app", "\n" * 400),
]


@pytest.mark.parametrize(("module", "source", "fault"), WRONG)
def test_wrong_module_has_exactly_its_fault(module: str, source: str, fault: str) -> None:
    found = faults(module, source)
    assert [fault in one for one in found].count(True) == 1, found
    assert len(found) == 1 or "manager" in module, found


@pytest.mark.parametrize(("module", "source"), RIGHT)
def test_right_module_has_no_fault(module: str, source: str) -> None:
    assert faults(module, source) == []


def test_relative_import_in_a_package_starts_from_the_package_itself() -> None:
    assert faults("tiercache.policy", "from .entry import Head", is_package=True) == []
    assert faults("tiercache.policy", "from ..web import app", is_package=True) == [
        "tiercache.policy:1 imports tiercache.web.app: policy is below web"
    ]


def test_only_the_levels_of_one_row_are_joined_sideways() -> None:
    assert {pair for pair in SIDEWAYS if LEVELS[pair[0]] != LEVELS[pair[1]]} == set()
    assert {pair for pair in SIDEWAYS if LEVELS[pair[0]] == 4} == set()


# -- this repository --------------------------------------------------------------------------------------------


def modules() -> list[PurePosixPath]:
    """Every module of the package, relative to the root of the repository."""
    return sorted(PurePosixPath(path.relative_to(ROOT)) for path in (ROOT / "tiercache").rglob("*.py"))


def test_the_package_was_found() -> None:
    found = {str(path) for path in modules()}
    assert {"tiercache/__init__.py", "tiercache/errors/tree.py", "tiercache/policy/entry.py"} <= found


@pytest.mark.parametrize("path", modules(), ids=str)
def test_module_keeps_to_its_room(path: PurePosixPath) -> None:
    is_package = path.name == "__init__.py"
    module = ".".join((path.parent if is_package else path.with_suffix("")).parts)
    assert faults(module, (ROOT / path).read_text(encoding="utf-8"), is_package=is_package) == []


def test_plugin_folders_are_no_packages() -> None:
    assert (ROOT / "twisted" / "plugins" / "tiercache_plugin.py").is_file()
    assert list((ROOT / "twisted").rglob("__init__.py")) == []
