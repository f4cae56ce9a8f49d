"""Real processes that tests and benchmarks run: the fake index, and nodes; started, watched, and ended by their id.

What they say is kept in a file, so that a failing test can show it.
"""

from __future__ import annotations

import json
import math
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from attrs import define, field
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from tests.doubles.fetching import PATIENCE_S, Answer, fetch

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
_PAUSE_S = 0.01
_END_S = 40.0
"""A node may take the 30 s of its `stop-timeout` to end."""

_RESERVED_AT_ONCE = 50
_reserved: deque[socket.socket] = deque()


def wait_until(condition: Callable[[], T], within_s: float = PATIENCE_S, what: str | Callable[[], str] = "it") -> T:
    """What `condition` gives once it is true; an AssertionError if it is not within the time.

    `what`: what is waited for, or what can be said of it when the time is over.
    """
    end = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() >= end:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"{told} did not come to pass within {within_s} s")
        time.sleep(_PAUSE_S)
    return found


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without anyone's settings: nothing of pip, uv or proxies; every folder is below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    scratch = home / "tmp"
    scratch.mkdir(exist_ok=True)
    return {
        "PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def free_port() -> int:
    """A port of the loopback interface that nobody listens on; on Linux nobody else is given it for a while.

    There a socket that is bound and does not listen keeps the port from those who want any, and leaves it to those
    who name it, as long as both allow the address to be used again.
    """
    reserving = socket.socket()
    if sys.platform == "linux":
        reserving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserving.bind(("127.0.0.1", 0))
    port = int(reserving.getsockname()[1])
    _reserved.append(reserving)
    while _reserved and (sys.platform != "linux" or len(_reserved) > _RESERVED_AT_ONCE):
        _reserved.popleft().close()
    return port


def _version_of(filename: str) -> Version:
    if filename.endswith(".whl"):
        return parse_wheel_filename(filename)[1]
    return parse_sdist_filename(filename)[1]


@define(kw_only=True)
class Running:
    """A process in a session of its own, with all it says in the file `log`."""

    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def launch(
        cls, command: Sequence[str | Path], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        log.parent.mkdir(parents=True, exist_ok=True)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # These tests may run in a shell's background, where a child would inherit that Ctrl-C is not heard.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with log.open("ab") as said:
            return subprocess.Popen(
                [str(word) for word in command],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """SIGKILL, and gone."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self.process.terminate()

    def freeze(self) -> None:
        """Stop it where it stands: its connections stay open, and nothing answers (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it: kindly, then by force."""
        if self.is_alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=_END_S)
            except subprocess.TimeoutExpired:
                self.kill()


@define(kw_only=True)
class RunningIndex(Running):
    """The fake index as a process: `url` is its root, `simple` its Simple API."""

    url: str

    @property
    def simple(self) -> str:
        return f"{self.url}simple/"

    @classmethod
    def start(
        cls, folder: Path, variant: str = "json", archives: Path | None = None, **options: int | Sequence[int]
    ) -> Self:
        """`options`: those of `tests.doubles.index`, as `max_age=0`; `archives`: the folder where these are kept."""
        log = folder / "index.log"
        command: list[str | Path] = [sys.executable, "-m", "tests.doubles.index", "--variant", variant]
        command += ["--folder", archives or folder / "archives"]
        for name, value in options.items():
            values = value if isinstance(value, Sequence) else [value]
            command += [f"--{name.replace('_', '-')}", *map(str, values)]
        process = cls.launch(command, bare_environment(folder / "home"), log)
        index = cls(log=log, process=process, url="")
        wait_until(lambda: index.said().endswith("/\n") or not index.is_alive, what="the start of the fake index")
        assert index.is_alive, index.said()
        index.url = index.said().strip()
        return index

    def requests(self, match: str = "") -> list[dict[str, Any]]:
        """Its log: the requests whose path contains `match`, as `{method, path, headers, sent, status?}`."""
        return [line for line in json.loads(fetch(f"{self.url}_log").body) if match in line["path"]]

    def forget(self) -> None:
        """Empty its log."""
        assert fetch(f"{self.url}_log", method="DELETE").status == 200

    def behave(self, *rules: Mapping[str, Any], round_trip_ms: int = 0, bandwidth_bytes: int = 0) -> None:
        """From now on these rules of misbehaviour hold and no others.

        `bandwidth_bytes`: so many bytes of bodies it sends in a second, to everyone together; 0: what it can.
        """
        order = {"rules": rules, "round_trip_ms": round_trip_ms, "bandwidth_bytes": bandwidth_bytes}
        answer = fetch(f"{self.url}_behave", method="POST", body=json.dumps(order).encode())
        assert answer.status == 200, answer

    def release(self) -> None:
        """Let everyone go who hangs or is held."""
        assert fetch(f"{self.url}_release", method="POST", body=b"").status == 200


@define(kw_only=True)
class RunningNode(Running):
    """A node as `twistd -n tiercache` runs it, with a configuration, HOME and store of its own below `folder`."""

    folder: Path
    port: int
    started_at: float
    ready_after_s: float = field(init=False, default=math.inf)
    _command: Sequence[str | Path] = field(repr=False)
    _environment: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def simple(self) -> str:
        return f"{self.url}simple/"

    @property
    def local(self) -> str:
        return f"{self.url}local/"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def tiers_file(self) -> Path:
        return self.folder / "tiers.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """What a command about this node is run with."""
        return bare_environment(self.folder / "home", TIERCACHE_CONFIG=str(self.tiers_file))

    @classmethod
    def prepare(
        cls,
        folder: Path,
        settings: Mapping[str, Any],
        descriptors: int | None = None,
        environment: Mapping[str, str] | None = None,
        store: Path | None = None,
        command: Sequence[str | Path] | None = None,
    ) -> Self:
        """A node that was just launched, and is perhaps not ready yet.

        `settings` is merged into a configuration that names a free port and a store in `folder`.

        `descriptors`: its limit of open files.  `environment`: in place of a bare one.  `command`: in place of
        `twistd tiercache`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        whole = {
            "node": {"name": "node", "listen": [f"tcp:{port}:interface=127.0.0.1"]} | settings.get("node", {}),
            "store": {"path": str(store or folder / "store")} | settings.get("store", {}),
        }
        tiers_file = folder / "tiers.yaml"
        tiers_file.write_text(json.dumps({**settings, **whole}))  # JSON is YAML too
        command = command or [TOOLS / "twistd", "-n", "--pidfile=", "tiercache", "--config", tiers_file]
        if descriptors is not None:
            command = ["/bin/bash", "-c", f'ulimit -n {descriptors} && exec "$@"', "bash", *command]
        log = folder / "node.log"
        used = environment if environment is not None else bare_environment(folder / "home")
        return cls(
            started_at=time.monotonic(),
            process=cls.launch(command, used, log),
            log=log,
            folder=folder,
            port=port,
            command=command,
            environment=used,
        )

    def start_again(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it once more after its end, with the same configuration and store, perhaps in another environment."""
        assert not self.is_alive
        self._environment = environment or self._environment
        self.started_at = time.monotonic()
        self.process = self.launch(self._command, self._environment, self.log)
        self.wait_until_ready()

    def amend(self, **settings: Any) -> None:
        """Replace keys of its configuration; they count from its next start."""
        assert not self.is_alive
        self.tiers_file.write_text(json.dumps(json.loads(self.tiers_file.read_text()) | settings))

    def wait_until_ready(self) -> None:
        """Until `/readyz` says 200; `ready_after_s` is then the time since the process was started."""

        def ready() -> bool:
            assert self.is_alive, f"the node ended with status {self.process.returncode}:\n{self.said()}"
            try:
                return fetch(f"{self.url}readyz").status == 200
            except OSError:
                return False

        wait_until(ready, what="the node's start")
        self.ready_after_s = time.monotonic() - self.started_at

    def get(self, path: str, **headers: str) -> Answer:
        """GET of a path below the root; `headers` with `_` for `-`."""
        return fetch(self.url + path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def wait_until_kept(self, versions: Mapping[str, str]) -> None:
        """Until `/local/` has a file of each of these versions: one is written down after its client has all of it."""
        for name, version in versions.items():
            wait_until(partial(self._keeps, canonicalize_name(name), Version(version)), what=f"{name} {version} kept")

    def _keeps(self, name: str, version: Version) -> bool:
        page = self.get(f"local/{name}/", Accept="application/vnd.pypi.simple.v1+json")
        return page.status == 200 and version in map(
            _version_of, (file["filename"] for file in json.loads(page.body)["files"])
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`tiercache …` with this node's configuration."""
        return subprocess.run(
            [TOOLS / "tiercache", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def peak_memory_bytes(self) -> int:
        """The most memory that it ever held (VmHWM)."""
        return self._memory_bytes("VmHWM")

    def memory_bytes(self) -> int:
        """The memory that it holds now (VmRSS)."""
        return self._memory_bytes("VmRSS")

    def _memory_bytes(self, which: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(which)).split()[1]) * 1024

    def open_descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
