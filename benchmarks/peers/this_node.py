"""This node, started as the README says, from the environment that runs the benchmark."""

from __future__ import annotations

import json

from attrs import frozen

from benchmarks.peers.peer import Launch, Setting
from tests.doubles.processes import TOOLS
from tiercache import __version__

NAME = "tiercache"


@frozen(kw_only=True)
class ThisNode:
    """A node with the index as its only tier, so many workers, and its defaults otherwise."""

    workers: int = 1
    version: str = __version__
    is_cache: bool = True
    wants_rooted_urls: bool = False

    @property
    def name(self) -> str:
        return NAME if self.workers == 1 else f"{NAME}, {self.workers} workers"

    def launch(self, setting: Setting) -> Launch:
        configuration = {
            "node": {
                "name": "node",
                "listen": [f"tcp:{setting.port}:interface=127.0.0.1"],
                "workers": self.workers,
            },
            "store": {"path": str(setting.folder / "store")},
            "tiers": [{"name": "public", "kind": "origin", "url": setting.index.simple}],
        }
        tiers_file = setting.folder / "tiers.yaml"
        tiers_file.write_text(json.dumps(configuration))  # JSON is YAML too
        return Launch(command=[TOOLS / "tiercache", "serve", "--config", tiers_file], simple="simple/")

    def settle(self, setting: Setting) -> None:
        """Nothing: the page that is waited for says that it is ready."""
