"""proxpi, as its container runs it: gunicorn with two threads."""

from __future__ import annotations

from attrs import frozen

from benchmarks.peers.environments import PythonEnvironment
from benchmarks.peers.peer import Launch, Setting

NAME = "proxpi"
REQUIREMENTS = ("proxpi", "gunicorn")


@frozen(kw_only=True)
class Proxpi:
    """A cache; it keeps pages in memory and files in a folder."""

    environment: PythonEnvironment
    name: str = NAME
    is_cache: bool = True
    wants_rooted_urls: bool = False

    @property
    def version(self) -> str:
        return self.environment.version

    def launch(self, setting: Setting) -> Launch:
        address = f"127.0.0.1:{setting.port}"
        return Launch(
            command=[self.environment.bin / "gunicorn", "--threads", "2", "--bind", address, "proxpi.server:app"],
            simple="index/",
            environment={
                "PROXPI_INDEX_URL": setting.index.simple,
                "PROXPI_INDEX_TTL": "86400",
                "PROXPI_CACHE_DIR": str(setting.folder / "cache"),
                "PROXPI_LOGGING_LEVEL": "WARNING",
            },
        )

    def settle(self, setting: Setting) -> None:
        """Nothing."""
