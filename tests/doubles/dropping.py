"""A node with folders that files are dropped into, on fake time: the folders are real, and nothing tells of changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from tests.doubles.now import at_once, result_of
from tests.doubles.small_node import CONFIG, SmallNode
from tests.doubles.upstream import ScriptedUpstream
from tiercache.config.values import PublishConfig
from tiercache.errors import ProjectAbsent
from tiercache.interfaces import Pool
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles

STEP_S = 0.05


@define
class CountingFiles(MemoryFiles):
    """Counts the files that somebody has begun to bring in; `at_begin` is called first."""

    begun: int = field(default=0, init=False)
    at_begin: Callable[[], object] = field(default=lambda: None, init=False)

    def begin(self) -> Any:
        self.at_begin()
        self.begun += 1
        return super().begin()


@define(kw_only=True)
class DroppingNode:
    """`said` is what was logged of what was passed over, and of what went wrong."""

    folders: Sequence[Path]
    upstreams: list[ScriptedUpstream] = field(factory=list)
    config: Mapping[str, Any] = field(factory=dict)
    max_size_bytes: int = 1024**3
    files: CountingFiles = field(factory=CountingFiles)
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    clock: Clock = field(factory=Clock)
    pool: Pool = at_once
    said: list[str] = field(factory=list, init=False)
    node: SmallNode = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin, or begin anew with what is in the store."""
        publish = PublishConfig(directories=tuple(map(str, self.folders)), max_size_bytes=self.max_size_bytes)
        self.node = SmallNode(
            upstreams=self.upstreams,
            config=evolve(CONFIG, publish=publish, **self.config),
            clock=self.clock,
            files=self.files,
            catalogue=self.catalogue,
            pool=self.pool,
        )
        globalLogPublisher.addObserver(self._note)
        self.node.parts.dropped.start()

    def stop(self) -> None:
        """End as a node does that is told to; `start` begins anew."""
        result_of(self.node.parts.dropped.stop())
        globalLogPublisher.removeObserver(self._note)

    def wait(self, seconds: float = 1.0) -> None:
        """Let time pass as it does."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)

    def filenames(self, project: str = "acme-tools") -> list[str] | None:
        """What its page lists; None where there is none."""
        try:
            return sorted(file.filename for file in result_of(self.node.page(project)).files)
        except ProjectAbsent:
            return None

    def content(self, filename: str, project: str = "acme-tools") -> bytes:
        """The bytes that it serves of a file."""
        [file] = [file for file in result_of(self.node.page(project)).files if file.filename == filename]
        return result_of(self.node.content(file))

    def acts(self, project: str = "acme-tools") -> list[tuple[str, str, str]]:
        """What was done to which file, and by whom."""
        return [(act.what, act.filename, act.by) for act in self.catalogue.acts(normalise(project), None, 100)]

    def _note(self, event: LogEvent) -> None:
        text = formatEvent(event)
        if "passed over" in text or event["log_level"].name in {"error", "critical"}:
            self.said.append(text)
