"""pip, uv, poetry and pdm as people run them, each time in a new home with an empty cache.

A client is given one index and what to install; what comes back says what was installed, file by file.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import ClassVar, Protocol

from attrs import define, field, frozen
from packaging.utils import canonicalize_name

from tests.doubles.processes import TOOLS, bare_environment

_DEADLINE_S = 600.0
# What an installer writes of itself or of the way it went, and the environment's own files.
_NOT_FROM_THE_INDEX = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"}
)


@frozen(kw_only=True)
class Run:
    """How a command of a client ended: `said` is its standard output and error, `folder` where it worked."""

    status: int
    said: str
    folder: Path
    took_s: float

    @property
    def succeeded(self) -> bool:
        return self.status == 0


@frozen(kw_only=True)
class Installation:
    """What a run put into its environment: versions by project, and the SHA-256 of every file."""

    run: Run
    versions: Mapping[str, str]
    tree: Mapping[str, str]

    @property
    def succeeded(self) -> bool:
        return self.run.succeeded


class Client(Protocol):
    """A tool that installs from an index."""

    name: str

    def install(self, index: str, *requirements: str, options: Sequence[str] = ()) -> Installation:
        """Into a new environment, with an empty cache; `options` are the tool's own."""

    def locked_elsewhere(self, installation: Installation) -> list[str]:
        """What the tool locked for other platforms and did not install here, as `name==version`."""


@define(kw_only=True)
class Desk:
    """Gives every run a new folder below `folder`, with a home, and an environment to install into on wish."""

    folder: Path
    environment: Mapping[str, str] = field(factory=dict)
    _runs: int = field(init=False, default=0)

    def new_folder(self) -> Path:
        self._runs += 1
        made = self.folder / str(self._runs)
        made.mkdir(parents=True)
        return made

    def run(self, folder: Path, *words: str | Path, **environment: str) -> Run:
        """Run a command in `folder`, with a home there."""
        began_at = time.monotonic()
        done = subprocess.run(
            [str(word) for word in words],
            cwd=folder,
            env=bare_environment(folder / "home", **{**self.environment, **environment}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_DEADLINE_S,
            check=False,
        )
        took_s = time.monotonic() - began_at
        return Run(status=done.returncode, said=done.stdout.decode(errors="replace"), folder=folder, took_s=took_s)

    def copied(self, folder: Path, *names: str) -> Path:
        """A new folder with these files of another."""
        made = self.new_folder()
        for name in names:
            (made / name).write_bytes((folder / name).read_bytes())
        return made

    def new_venv(self, folder: Path) -> Path:
        """An empty environment at `.venv` in the folder."""
        venv = folder / ".venv"
        made = self.run(
            folder, TOOLS / "uv", "venv", "--quiet", "--offline", "--no-config", "--python", sys.executable, venv
        )
        assert made.succeeded, made.said
        return venv

    def installation(self, run: Run, venv: Path) -> Installation:
        """What is in the environment after the run."""
        (site,) = venv.glob("lib/python*/site-packages")
        versions = {found.metadata["Name"].lower(): found.version for found in distributions(path=[str(site)])}
        tree = {
            str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest() for path in _from_the_index(site)
        }
        return Installation(run=run, versions=versions, tree=tree)


def _from_the_index(site: Path) -> Iterator[Path]:
    for path in sorted(site.rglob("*")):
        foreign = path.name in _NOT_FROM_THE_INDEX or path.name.startswith("_virtualenv")
        if path.is_file() and "__pycache__" not in path.parts and not foreign:
            yield path


@define(kw_only=True)
class Pip:
    """pip of the environment that runs the tests, acting on another environment."""

    desk: Desk
    name: str = "pip"

    def install(self, index: str, *requirements: str, options: Sequence[str] = ()) -> Installation:
        folder = self.desk.new_folder()
        venv = self.desk.new_venv(folder)
        run = self._run(folder, "install", index, *options, *requirements, python=venv / "bin" / "python")
        return self.desk.installation(run, venv)

    def locked_elsewhere(self, installation: Installation) -> list[str]:
        return []

    def download(self, index: str, *requirements: str, options: Sequence[str] = ()) -> tuple[Run, Mapping[str, str]]:
        """`pip download`: the run, and the SHA-256 of each file it saved."""
        folder = self.desk.new_folder()
        saved = folder / "saved"
        saved.mkdir()
        run = self._run(folder, "download", index, "--dest", saved, *options, *requirements, python=sys.executable)
        return run, {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in saved.iterdir()}

    def _run(self, folder: Path, verb: str, index: str, *words: str | Path, python: str | Path) -> Run:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            verb,
            "--index-url",
            index,
            "--no-input",
            "--retries",
            "0",
        ]
        return self.desk.run(
            folder,
            *command,
            *words,
            PIP_CONFIG_FILE="/dev/null",
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            PIP_CACHE_DIR=str(folder / "cache"),
        )


@define(kw_only=True)
class Uv:
    """uv, by its pip interface and by its projects."""

    desk: Desk
    name: str = "uv"

    def install(self, index: str, *requirements: str, options: Sequence[str] = ()) -> Installation:
        folder = self.desk.new_folder()
        venv = self.desk.new_venv(folder)
        command: list[str | Path] = [
            TOOLS / "uv",
            "pip",
            "install",
            "--python",
            venv / "bin" / "python",
            "--index-url",
            index,
        ]
        return self.desk.installation(self._run(folder, *command, *options, *requirements), venv)

    def locked_elsewhere(self, installation: Installation) -> list[str]:
        return []

    def lock(self, index: str, *requirements: str) -> tuple[Run, str]:
        """`uv lock` of a project that needs `requirements`: the run, and the text of its lock."""
        folder = self.desk.new_folder()
        _write_project(folder, requirements, f'[[tool.uv.index]]\nname = "only"\nurl = "{index}"\ndefault = true\n')
        run = self._run(folder, TOOLS / "uv", "lock", "--python", sys.executable)
        lock = folder / "uv.lock"
        return run, lock.read_text() if lock.exists() else ""

    def sync(self, locked: Run) -> Installation:
        """`uv sync --frozen` of a project that `lock` locked, with an empty cache and a new environment."""
        folder = self.desk.copied(locked.folder, "pyproject.toml", "uv.lock")
        venv = self.desk.new_venv(folder)
        return self.desk.installation(self._run(folder, TOOLS / "uv", "sync", "--frozen", "--no-install-project"), venv)

    def sync_project(self, index: str, *requirements: str) -> Installation:
        """`uv sync` of a project that needs `requirements` and has no lock yet."""
        folder = self.desk.new_folder()
        venv = self.desk.new_venv(folder)
        _write_project(folder, requirements, f'[[tool.uv.index]]\nname = "only"\nurl = "{index}"\ndefault = true\n')
        return self.desk.installation(self._run(folder, TOOLS / "uv", "sync", "--no-install-project"), venv)

    def pylock(self, index: str, *requirements: str) -> Run:
        """`uv pip compile --universal` into a pylock.toml."""
        folder = self.desk.new_folder()
        (folder / "requirements.in").write_text("\n".join(requirements))
        words = ("pip", "compile", "--universal", "requirements.in", "--format", "pylock.toml", "-o", "pylock.toml")
        return self._run(folder, TOOLS / "uv", *words, "--python", sys.executable, "--default-index", index)

    def sync_pylock(self, locked: Run) -> Installation:
        """`uv pip sync` of a pylock.toml."""
        folder = self.desk.copied(locked.folder, "pylock.toml")
        venv = self.desk.new_venv(folder)
        run = self._run(folder, TOOLS / "uv", "pip", "sync", "--python", venv / "bin" / "python", "pylock.toml")
        return self.desk.installation(run, venv)

    def _run(self, folder: Path, *words: str | Path) -> Run:
        return self.desk.run(
            folder, *words, UV_CACHE_DIR=str(folder / "cache"), UV_PYTHON_DOWNLOADS="never", UV_HTTP_RETRIES="0"
        )


@define(kw_only=True)
class Poetry:
    """poetry, installing a project's dependencies after it has locked them."""

    desk: Desk
    name: str = "poetry"
    _settings: ClassVar[Mapping[str, str]] = {
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "POETRY_KEYRING_ENABLED": "false",
        "POETRY_NO_INTERACTION": "1",
    }

    def install(self, index: str, *requirements: str, options: Sequence[str] = ()) -> Installation:
        folder = self._project(index, requirements)
        venv = self.desk.new_venv(folder)
        return self.desk.installation(self._run(folder, "install", "--no-root", *options), venv)

    def lock(self, index: str, *requirements: str) -> Run:
        """`poetry lock` of a project that needs `requirements`."""
        return self._run(self._project(index, requirements), "lock")

    def sync(self, locked: Run) -> Installation:
        """`poetry install` of a project that `lock` locked, with an empty cache and a new environment."""
        folder = self.desk.copied(locked.folder, "pyproject.toml", "poetry.lock")
        venv = self.desk.new_venv(folder)
        return self.desk.installation(self._run(folder, "install", "--no-root"), venv)

    def _project(self, index: str, requirements: Sequence[str]) -> Path:
        folder = self.desk.new_folder()
        source = f'[[tool.poetry.source]]\nname = "only"\nurl = "{index}"\npriority = "primary"\n'
        _write_project(folder, requirements, f"[tool.poetry]\npackage-mode = false\n\n{source}")
        return folder

    def _run(self, folder: Path, *words: str) -> Run:
        folders = {
            name: str(folder / name.lower()) for name in ("POETRY_CONFIG_DIR", "POETRY_CACHE_DIR", "POETRY_DATA_DIR")
        }
        return self.desk.run(folder, TOOLS / "poetry", *words, **self._settings, **folders)

    def locked_elsewhere(self, installation: Installation) -> list[str]:
        return _in_lock_only(installation, "poetry.lock")


@define(kw_only=True)
class Pdm:
    """pdm, installing a project's dependencies after it has locked them."""

    desk: Desk
    name: str = "pdm"

    def install(self, index: str, *requirements: str, options: Sequence[str] = ()) -> Installation:
        folder = self._project(index, requirements)
        venv = self.desk.new_venv(folder)
        return self.desk.installation(self._run(folder, "install", "--no-self", *options), venv)

    def lock(self, index: str, *requirements: str, as_pylock: bool = False) -> Run:
        """`pdm lock` of a project that needs `requirements`, into pdm.lock or pylock.toml."""
        folder = self._project(index, requirements)
        if as_pylock:
            (folder / "pdm.toml").write_text('[lock]\nformat = "pylock"\n')
        return self._run(folder, "lock", "--python", ">=3.11")

    def sync(self, locked: Run) -> Installation:
        """`pdm sync` of a project that `lock` locked, with an empty cache and a new environment."""
        names = [name for name in ("pdm.lock", "pylock.toml", "pdm.toml") if (locked.folder / name).exists()]
        folder = self.desk.copied(locked.folder, "pyproject.toml", *names)
        venv = self.desk.new_venv(folder)
        return self.desk.installation(self._run(folder, "sync", "--no-self"), venv)

    def _project(self, index: str, requirements: Sequence[str]) -> Path:
        folder = self.desk.new_folder()
        # A source of that name takes the default one's place.
        source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\nverify_ssl = true\n'
        _write_project(folder, requirements, f"[tool.pdm]\ndistribution = false\n\n{source}")
        return folder

    def _run(self, folder: Path, *words: str) -> Run:
        return self.desk.run(
            folder,
            TOOLS / "pdm",
            *words,
            PDM_CHECK_UPDATE="0",
            PDM_NON_INTERACTIVE="1",
            PDM_CACHE_DIR=str(folder / "cache"),
        )

    def locked_elsewhere(self, installation: Installation) -> list[str]:
        return _in_lock_only(installation, "pdm.lock")


def _in_lock_only(installation: Installation, filename: str) -> list[str]:
    lock = tomllib.loads((installation.run.folder / filename).read_text())
    installed = {canonicalize_name(name) for name in installation.versions}
    packages = lock["package"]
    return [f"{one['name']}=={one['version']}" for one in packages if canonicalize_name(one["name"]) not in installed]


def _write_project(folder: Path, requirements: Sequence[str], tool: str) -> None:
    project = '[project]\nname = "consumer"\nversion = "0"\nrequires-python = ">=3.11,<4"\n'
    (folder / "pyproject.toml").write_text(f"{project}dependencies = {json.dumps(list(requirements))}\n\n{tool}")


CLIENTS: Mapping[str, type[Pip] | type[Uv] | type[Poetry] | type[Pdm]] = {
    "pip": Pip,
    "uv": Uv,
    "poetry": Poetry,
    "pdm": Pdm,
}
