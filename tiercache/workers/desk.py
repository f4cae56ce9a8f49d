"""The node's side of a worker: answers what it asks, takes the connections that it passes on, counts what it did."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger, LogLevel

from tiercache.cache.knowledge import compartment_of
from tiercache.web.answer import Variant
from tiercache.web.asker import Asker
from tiercache.web.hot.path import HotPath
from tiercache.web.standing import IAtHand
from tiercache.workers.arriving import Adopt, Made
from tiercache.workers.line import Line
from tiercache.workers.messages import Alive, Ask, Found, FromWorker, Give, Here, Say, StoredFile, Tell
from tiercache.workers.told import line_of

log = Logger()


@define(kw_only=True)
class Disclosed:
    """What of a node's knowledge a worker is given: what is ready, with the paths of files."""

    _hot: HotPath
    _at_hand: IAtHand
    _path_of: Callable[[str], str]

    def found(self, target: bytes, variant: Variant, asker: Asker) -> Found | None:
        """What is ready for a target, or at hand, for who asked a worker; None where nothing is."""
        prepared, first = self._hot.found(target, variant)
        if prepared is None:
            return None
        if first is not None:
            first.told(asker)
        standing = prepared.standing
        current = standing.current()
        if current is None:
            return None
        answer, file, made_at = current.answer, standing.file, self._at_hand.now()
        return Found(
            project=standing.project,
            variant=standing.variant,
            headers=dict(answer.headers),
            unmodified_headers=dict(current.not_modified.headers),
            outcome=answer.outcome,
            body=answer.body if isinstance(answer.body, bytes) else b"",
            file=None if file is None else StoredFile(file.sha256, file.size_bytes, self._path_of(file.sha256)),
            version=self._at_hand.version(compartment_of(standing.project)),
            made_at=made_at,
            until=made_at + current.lasting_s,
            age_s=current.age_s,
        )

    def count(self, told: Tell) -> None:
        """A worker has answered so much."""
        for _ in range(told.hits):
            self._at_hand.reused()
        for sha256 in told.files:
            self._at_hand.begin(sha256)
            self._at_hand.end(sha256)
        for line in told.lines:
            self._hot.access_log.gather(line_of(line))


@define(kw_only=True, eq=False)
class Desk:
    """One worker's, from its start to its end.  `channel` makes the node's channel of a connection that it passes on.

    `came_in` and `went`: called when it takes connections, and when it is gone; `spoke`: when it has said something.
    """

    name: str
    line: Line[FromWorker]
    _disclosed: Disclosed
    _adopt: Adopt
    _channel: Made
    _came_in: Callable[[], object]
    _went: Callable[[], object]
    _spoke: Callable[[], object]
    _is_here: bool = field(default=False, init=False)
    _is_leaving: bool = field(default=False, init=False)

    @property
    def is_here(self) -> bool:
        """Whether it has begun to take connections."""
        return self._is_here

    @property
    def is_in(self) -> bool:
        """See `IHome`."""
        return self._is_here and not self._is_leaving and not self.line.is_full and self.line.is_open

    def pass_on(self, connection: int, data: bytes) -> None:
        """See `IHome`."""
        self.line.pass_on(connection, data)

    def leave(self) -> None:
        """It is to end, and is given no more connections."""
        self._is_leaving = True

    def heard(self, message: FromWorker) -> None:
        """See `IListener`."""
        self._spoke()
        match message:
            case Alive():
                pass
            case Here():
                self._is_here = True
                self._came_in()
            case Ask():
                found = self._disclosed.found(message.target, message.variant, message.asker)
                self.line.say(Give(message.target, message.variant, found))
            case Tell():
                self._disclosed.count(message)
            case Say():
                level = LogLevel.levelWithName(message.level) if message.level in _LEVELS else LogLevel.error
                log.emit(level, "{worker}: {text}", worker=self.name, text=message.text)

    def came(self, connection: int, data: bytes) -> None:
        """See `IListener`."""
        self._adopt(connection, data, self._channel)

    def gone(self) -> None:
        """See `IListener`."""
        self._is_here = False
        self._went()


_LEVELS = frozenset(level.name for level in LogLevel.iterconstants())
