"""`twistd tiercache`: the node as a twistd plugin.

Here are the plugin's options, and what a failed start says to a person.  The pid file, the daemon and the log file
are twistd's own options; the node itself is built in `tiercache.node`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ClassVar

from twisted.application.service import IService, MultiService
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger
from twisted.python import logfile, usage

from tiercache import __version__
from tiercache.commands.json_log import JsonLog, Sink
from tiercache.commands.memory import collect_nothing, collect_seldom, give_memory_back
from tiercache.commands.text_log import TextLog
from tiercache.commands.tiers_file import find_tiers_file, load_tiers_file
from tiercache.commands.turns import take_short_turns
from tiercache.config import Config
from tiercache.errors import TiercacheError
from tiercache.storage.lock import StoreLock

log = Logger()

# What a start may fail with that is told in one sentence; anything else is a bug, and shows where it is.
FORESEEN = (TiercacheError, CannotListenError)


def _log_format(word: str) -> str:
    if word not in ("text", "json"):
        raise ValueError(f"{word!r} is neither text nor json.")
    return word


class Options(usage.Options):
    """What may follow `twistd tiercache`."""

    synopsis = "[options]"
    longdesc = (
        "Runs a node: a cache for Python packages.  Without a configuration file it listens on 127.0.0.1:8141, "
        "and asks the public index for what it does not have."
    )
    optParameters: ClassVar[list[list[Any]]] = [  # noqa: N815  # the name that twisted looks for
        [
            "config",
            "c",
            None,
            "The configuration file. Default: $TIERCACHE_CONFIG, else ~/.config/tiercache/tiers.yaml if it is there.",
        ],
        ["log-format", None, "text", "How the log is written: text, or json (one object a line).", _log_format],
    ]

    def opt_version(self) -> None:
        """Display tiercache's version and exit."""
        sys.stdout.write(f"tiercache {__version__}\n")
        raise SystemExit(0)


def makeService(options: Options) -> IService:  # noqa: N802  # twistd asks for this name
    """The service that twistd runs; a SystemExit with every problem when the configuration or store is no good.

    twistd calls this before it leaves the terminal, so a person sees what is wrong.
    """
    collect_nothing()
    from twisted.internet import reactor

    from tiercache.service import build_node

    give_memory_back()
    take_short_turns()
    try:
        config = load_tiers_file(find_tiers_file(options["config"], os.environ), os.environ)
        _look_at_store(config, options.parent or {})
        node = build_node(config, reactor=reactor, environ=os.environ)
    except TiercacheError as error:
        raise SystemExit(f"tiercache: {error}") from error
    process = NodeProcess(options=options, notes=tuple(str(note) for note in config.not_in_force()))
    node.setServiceParent(process)  # type: ignore[no-untyped-call]  # twisted's
    return process


def _look_at_store(config: Config, twistd: Mapping[str, Any]) -> None:
    """Raise what keeps a node from the store, StoreInUse above all.

    The node takes the lock when it starts, but a daemon then has no terminal left to say why it cannot.  Nothing is
    touched for a node that is to become another user, whose store it is.
    """
    if twistd.get("uid") is not None:
        return
    if config.store.files != "memory" or config.store.catalogue != "memory":
        with StoreLock(Path(config.store.path)):
            pass


class NodeProcess(MultiService):
    """The node with what belongs to its process: the form of the log, and the words of a failed start.

    `notes` are what the configuration says that this version does not do.
    """

    def __init__(self, options: Options, notes: tuple[str, ...]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # twisted's
        self._options = options
        self._notes = notes

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802  # the name of IService
        """Join the application, and have it log in the form that was asked for."""
        twistd: Mapping[str, Any] = self._options.parent or {}
        if self._options["log-format"] == "json":
            parent.setComponent(ILogObserver, JsonLog(file=_log_sink(twistd)))
        elif not twistd.get("syslog"):  # which has lines of its own
            parent.setComponent(ILogObserver, TextLog(file=_log_sink(twistd)))
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]  # twisted's

    def privilegedStartService(self) -> None:  # noqa: N802  # the name of IService
        """Open and listen; what cannot be is said in a sentence."""
        for note in self._notes:
            log.warn("{note}", note=note)
        with _told_in_a_sentence():
            super().privilegedStartService()  # type: ignore[no-untyped-call]  # twisted's

    def startService(self) -> None:  # noqa: N802  # the name of IService
        """Serve; what cannot be is said in a sentence."""
        with _told_in_a_sentence():
            super().startService()  # type: ignore[no-untyped-call]  # twisted's
        collect_seldom()


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Let a foreseen error through to twistd, which removes its pid file, and have Python end without a traceback."""
    try:
        yield
    except FORESEEN as error:
        log.critical("{sentence}", sentence=str(error))
        sys.excepthook = _print_sentence
        raise


def _print_sentence(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not isinstance(error, FORESEEN):
        sys.__excepthook__(kind, error, traceback)
    elif sys.__stderr__ is not None:
        sys.__stderr__.write(f"tiercache: {error}\n")


def _log_sink(twistd: Mapping[str, Any]) -> Sink:
    """Where twistd's own options say that the log goes: the rules that twistd has for its own form of log.

    `twistd` are those options, empty without twistd.
    """
    name = twistd.get("logfile")
    foreground = twistd.get("nodaemon", True)
    if twistd.get("syslog"):
        raise SystemExit("tiercache: --syslog and --log-format json do not go together")
    if name == "-" and not foreground:
        raise SystemExit("tiercache: a daemon has no standard output to log to")
    if name == "-" or (foreground and not name):
        return sys.stdout
    file: Sink = logfile.LogFile.fromFullPath(name or "twistd.log")
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, _rotation_of(file))
    return file


def _rotation_of(file: Any) -> Callable[[int, FrameType | None], None]:
    def rotate(number: int, frame: FrameType | None) -> None:
        from twisted.internet import reactor

        # A signal may come in the middle of a line.
        reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]  # every reactor has it

    return rotate
