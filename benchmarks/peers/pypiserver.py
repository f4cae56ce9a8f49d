"""pypiserver: it serves a folder, and fetches nothing.

As its container runs it, by gunicorn, here with two threads; its own server takes one client at a time.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from benchmarks.peers.environments import PythonEnvironment
from benchmarks.peers.peer import Launch, Setting

NAME = "pypiserver"
REQUIREMENTS = ("pypiserver[cache]", "gunicorn")


@frozen(kw_only=True)
class PypiServer:
    """Serves the archives of the universe from where they are."""

    environment: PythonEnvironment
    name: str = NAME
    is_cache: bool = False
    wants_rooted_urls: bool = False

    @property
    def version(self) -> str:
        return self.environment.version

    def launch(self, setting: Setting) -> Launch:
        command: list[str | Path] = [
            *(self.environment.bin / "pypi-server", "run", "--disable-fallback", "--server", "gunicorn"),
            *("-i", "127.0.0.1", "-p", str(setting.port)),
            setting.content.universe.folder,
        ]
        return Launch(command=command, simple="simple/", environment={"GUNICORN_CMD_ARGS": "--threads 2"})

    def settle(self, setting: Setting) -> None:
        """Nothing."""
