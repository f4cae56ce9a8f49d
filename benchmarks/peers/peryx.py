"""peryx: one cached index in front of ours, the rest as it comes."""

from __future__ import annotations

import json
from pathlib import Path

from attrs import frozen

from benchmarks.peers.environments import PythonEnvironment
from benchmarks.peers.peer import Launch, Setting

NAME = "peryx"
REQUIREMENTS = ("peryx",)


@frozen(kw_only=True)
class Peryx:
    """A cache in one executable."""

    environment: PythonEnvironment
    name: str = NAME
    is_cache: bool = True
    wants_rooted_urls: bool = False

    @property
    def version(self) -> str:
        return self.environment.version

    def launch(self, setting: Setting) -> Launch:
        # A JSON string is a TOML string too.
        lines = [
            "[[index]]",
            *('name = "pypi"', 'route = "pypi"', 'ecosystem = "pypi"'),
            "[[index.upstream]]",
            'name = "index"',
            f"url = {json.dumps(setting.index.simple)}",
        ]
        file = setting.folder / "peryx.toml"
        file.write_text("\n".join(lines) + "\n")
        command: list[str | Path] = [
            *(self.environment.bin / "peryx", "serve", "--config", file, "--log-level", "warn"),
            *("--host", "127.0.0.1", "--port", str(setting.port), "--data-dir", setting.folder / "store"),
        ]
        return Launch(command=command, simple="pypi/simple/")

    def settle(self, setting: Setting) -> None:
        """Nothing."""
