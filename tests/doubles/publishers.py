"""twine, uv, flit and poetry as people run them to publish, each time in a new home.

twine and uv are given archives; flit and poetry build their own from a small project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import define, frozen

from tests.doubles.clients import Desk, Run
from tests.doubles.processes import TOOLS

_PROJECT = """\
[build-system]
requires = ["{backend}"]
build-backend = "{module}"

[project]
name = "{name}"
version = "{version}"
description = "Made up for tests."
readme = "README.md"
requires-python = ">=3.8"
authors = [{{name = "Ann Author", email = "ann@acme.example"}}]
keywords = ["made", "up"]
classifiers = ["Private :: Do Not Upload", "Programming Language :: Python :: 3"]

[project.urls]
Home = "https://acme.example/"
"""


@frozen(kw_only=True)
class Login:
    """With which name and password (or token) somebody publishes; `url` is where to."""

    url: str
    user: str
    password: str


class Publisher(Protocol):
    """A tool that builds a project and publishes it."""

    name: str

    def publish(self, login: Login, project: str, version: str) -> Run:
        """Build a wheel and an sdist of a project, and publish both."""


def write_project(folder: Path, backend: str, module: str, name: str, version: str, code: str = "") -> None:
    """A source tree whose package does nothing."""
    package = folder / name.replace("-", "_")
    package.mkdir()
    (package / "__init__.py").write_text(f'"""Made up for tests."""\n\n__version__ = "{version}"\n{code}')
    (folder / "README.md").write_text(f"# {name}\n\nGrüße aus dem Labor — 実験.\n")
    (folder / "pyproject.toml").write_text(_PROJECT.format(backend=backend, module=module, name=name, version=version))


@define(kw_only=True)
class Twine:
    """twine."""

    desk: Desk
    name: str = "twine"

    def upload(self, login: Login, *archives: Path, options: Sequence[str] = ()) -> Run:
        """`twine upload`."""
        folder = self.desk.new_folder()
        command = [TOOLS / "twine", "upload", "--non-interactive", "--disable-progress-bar", *options, *archives]
        return self.desk.run(
            folder,
            *command,
            TWINE_REPOSITORY_URL=login.url,
            TWINE_USERNAME=login.user,
            TWINE_PASSWORD=login.password,
            PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
        )

    def upload_by_pypirc(self, pypirc: str, repository: str, *archives: Path, **environment: str) -> Run:
        """`twine upload --repository`, with this `.pypirc` in the home."""
        folder = self.desk.new_folder()
        (folder / "home").mkdir()
        (folder / "home" / ".pypirc").write_text(pypirc)
        return self.desk.run(
            folder,
            TOOLS / "twine",
            "upload",
            "--non-interactive",
            "--disable-progress-bar",
            "--repository",
            repository,
            *archives,
            PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
            **environment,
        )


@define(kw_only=True)
class UvPublish:
    """uv."""

    desk: Desk
    name: str = "uv"

    def upload(self, login: Login | None, *archives: Path, url: str = "", options: Sequence[str] = ()) -> Run:
        """`uv publish`."""
        folder = self.desk.new_folder()
        environment = {
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_HTTP_RETRIES": "0",
            "UV_PUBLISH_URL": url,
            "UV_KEYRING_PROVIDER": "disabled",
        }
        if login is not None:
            environment |= {
                "UV_PUBLISH_URL": login.url,
                "UV_PUBLISH_USERNAME": login.user,
                "UV_PUBLISH_PASSWORD": login.password,
            }
        trusted = [] if login is None and options else ["--trusted-publishing", "never"]
        command = [TOOLS / "uv", "publish", "--no-config", *trusted, *options, *archives]
        return self.desk.run(folder, *command, **environment)

    def publish_by_configuration(self, configuration: str, index: str, *archives: Path, **environment: str) -> Run:
        """`uv publish --index`, with this `uv.toml`."""
        folder = self.desk.new_folder()
        written = folder / "uv.toml"
        written.write_text(configuration)
        return self.desk.run(
            folder,
            TOOLS / "uv",
            "publish",
            "--config-file",
            written,
            "--index",
            index,
            "--trusted-publishing",
            "never",
            *archives,
            UV_CACHE_DIR=str(folder / "cache"),
            UV_PYTHON_DOWNLOADS="never",
            UV_HTTP_RETRIES="0",
            UV_KEYRING_PROVIDER="disabled",
            **environment,
        )


@define(kw_only=True)
class Flit:
    """flit."""

    desk: Desk
    name: str = "flit"

    def publish(self, login: Login, project: str, version: str) -> Run:
        folder = self.desk.new_folder()
        write_project(folder, "flit_core>=3.11", "flit_core.buildapi", project, version)
        return self.desk.run(
            folder,
            TOOLS / "flit",
            "publish",
            "--no-use-vcs",
            FLIT_INDEX_URL=login.url,
            FLIT_USERNAME=login.user,
            FLIT_PASSWORD=login.password,
            FLIT_NO_NETWORK="1",  # or it would ask the public index which classifiers there are
            PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
        )


@define(kw_only=True)
class PoetryPublish:
    """poetry."""

    desk: Desk
    name: str = "poetry"

    def publish(self, login: Login, project: str, version: str) -> Run:
        folder = self.desk.new_folder()
        write_project(folder, "poetry-core>=2.0", "poetry.core.masonry.api", project, version)
        folders = {
            name: str(folder / name.lower()) for name in ("POETRY_CONFIG_DIR", "POETRY_CACHE_DIR", "POETRY_DATA_DIR")
        }
        return self.desk.run(
            folder,
            TOOLS / "poetry",
            "publish",
            "--build",
            "--repository",
            "node",
            POETRY_REPOSITORIES_NODE_URL=login.url,
            POETRY_HTTP_BASIC_NODE_USERNAME=login.user,
            POETRY_HTTP_BASIC_NODE_PASSWORD=login.password,
            POETRY_KEYRING_ENABLED="false",
            POETRY_NO_INTERACTION="1",
            **folders,
        )


BUILDING: Mapping[str, type[Flit] | type[PoetryPublish]] = {"flit": Flit, "poetry": PoetryPublish}
