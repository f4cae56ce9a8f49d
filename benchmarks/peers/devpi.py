"""devpi-server: a mirror of our index, made by its own interface once it answers."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.peers.environments import PythonEnvironment
from benchmarks.peers.peer import Launch, Setting
from tests.doubles.fetching import Answer, fetch
from tests.doubles.processes import bare_environment

NAME = "devpi-server"
REQUIREMENTS = ("devpi-server",)
_MIRROR = "root/mirror"
_PASSWORD = "of no worth"


@frozen(kw_only=True)
class Devpi:
    """A cache; its store is initialised by a command of its own."""

    environment: PythonEnvironment
    name: str = NAME
    is_cache: bool = True
    wants_rooted_urls: bool = False

    @property
    def version(self) -> str:
        return self.environment.version

    def launch(self, setting: Setting) -> Launch:
        store = setting.folder / "store"
        if not store.exists():
            subprocess.run(
                [
                    *(self.environment.bin / "devpi-init", "--serverdir", store, "--no-root-pypi"),
                    *("--root-passwd", _PASSWORD),
                ],
                env=bare_environment(setting.folder / "home"),
                capture_output=True,
                check=True,
            )
        command: list[str | Path] = [
            *(self.environment.bin / "devpi-server", "--serverdir", store),
            *("--host", "127.0.0.1", "--port", str(setting.port)),
        ]
        return Launch(command=command, simple=f"{_MIRROR}/+simple/")

    def settle(self, setting: Setting) -> None:
        """Make the mirror, unless it was made at an earlier start."""
        known = fetch(f"{setting.url}{_MIRROR}", headers={"Accept": "application/json"})
        if known.status == 200:
            return
        login = _asked(setting, "+login", "POST", {"user": "root", "password": _PASSWORD})
        pair = f"root:{json.loads(login.body)['result']['password']}"
        mirror = {"type": "mirror", "volatile": True, "mirror_url": setting.index.simple}
        made = _asked(setting, _MIRROR, "PUT", mirror, pair)
        assert made.status == 200, made


def _asked(setting: Setting, path: str, method: str, body: Any, credentials: str = "") -> Answer:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if credentials:
        headers["X-Devpi-Auth"] = base64.b64encode(credentials.encode()).decode()
    return fetch(f"{setting.url}{path}", method, headers, json.dumps(body).encode())
