"""Load by wrk: so many connections, each asking again as soon as it is answered, for so many seconds."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.peers.environments import CannotBeHad, Program

_MARK = "measured:"
# wrk tells times in microseconds.  Its `done` gets what it counted when all is over.
_SCRIPT = f"""
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{_MARK} {{"took_us": %d, "answered": %d, "bytes": %d, "failed": %d, "tail_us": %d}}\\n',
    summary.duration, summary.requests, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(99)))
end
"""


@frozen(kw_only=True)
class Load:
    """What came of it: `answered` requests in `took_s`, the 99th percentile of their latency, and how many failed."""

    answered: int
    failed: int
    took_s: float
    tail_s: float

    @classmethod
    def told(cls, said: str) -> Load:
        """Read from wrk's output; a ValueError if it does not say."""
        line = next((line for line in said.splitlines() if line.startswith(_MARK)), None)
        if line is None:
            raise ValueError(f"wrk told no figures: {said.strip()[-300:]}")
        figures: dict[str, Any] = json.loads(line.removeprefix(_MARK))
        return cls(
            answered=figures["answered"],
            failed=figures["failed"],
            took_s=figures["took_us"] / 1e6,
            tail_s=figures["tail_us"] / 1e6,
        )


@frozen(kw_only=True)
class Generator:
    """wrk, ready to run."""

    program: Program

    @classmethod
    def found(cls, folder: Path) -> Generator:
        """That of the machine, or one unpacked in `folder`; CannotBeHad if there is none."""
        generator = cls(program=Program.found(folder, "wrk", "wrk", "libluajit-5.1-2"))
        said = generator._run("--version")
        if "wrk" not in said:
            raise CannotBeHad(f"wrk does not run: {said.strip()[-300:]}")
        return generator

    @property
    def version(self) -> str:
        return self._run("--version").split()[1].rpartition("/")[2]

    def run(self, url: str, headers: Mapping[str, str], connections: int, seconds: int) -> Load:
        """One thread of it, for whole seconds."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_SCRIPT)
            script.flush()
            words = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
            words += ["--timeout", "30s", "--script", script.name]
            for name, text in headers.items():
                words += ["--header", f"{name}: {text}"]
            return Load.told(self._run(*words, url, deadline_s=seconds + 60))

    def _run(self, *words: str, deadline_s: float = 60) -> str:
        done = subprocess.run(
            [self.program.path, *words],
            env=dict(self.program.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline_s,
            check=False,
        )
        return done.stdout
