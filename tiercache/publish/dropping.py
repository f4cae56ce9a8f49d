"""One folder of dropped files: looked into again and again, what is new taken, what is gone withdrawn.

A file is taken once it has not changed from one look to a later one, and reads as a sound archive.  What a look means
is `policy.dropped`'s word; when to look is `dropped`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from tiercache.cache.hosted import Hosted
from tiercache.errors import (
    ArchiveRefused,
    FileAbsent,
    FilenameTaken,
    InvalidName,
    NoTierAnswered,
    ProjectAbsent,
    StoreFailed,
    TiercacheError,
)
from tiercache.interfaces import DroppedFile, ICatalogue, IFiles, Pool
from tiercache.policy.dropped import Look, Stamp, difference
from tiercache.publish.arrival import Arrival
from tiercache.publish.drop_folder import Moving, OutOfFolder, bring_in, look
from tiercache.publish.known_drops import BEING_TAKEN, KnownDrops
from tiercache.publish.publisher import Publisher
from tiercache.publish.submission import Submission, submission_of_filename
from tiercache.simple.model import ProjectName
from tiercache.simple.names import candidate_projects, normalise

log = Logger()

SETTLE_S = 0.2
"""For how long a file has to be what it is before it is taken, and missing before it is withdrawn."""

TELL_AFTER_S = 10.0
"""How long an archive that is not sound may stay as it is before it is told of: it may still be on its way."""

RETRY_S = 30.0
"""When what failed for no fault of the file's own is tried again."""

AT_ONCE = 4
MOST_AT_A_TIME = 100
"""How many files are taken before the folder is looked into again."""

ABSENT = "the folder is not there, and what was hosted from it stays"
DOUBTFUL = "it is another folder than it was, and has nothing of what it had: what was hosted from it stays"

_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".egg", ".exe", ".msi", ".rpm", ".deb")


@frozen(kw_only=True)
class _Refused:
    """Why a file is not hosted as it is, with when that is told, and when it is tried again (None: not as it is)."""

    stamp: Stamp
    why: str
    tell_at: float
    retry_at: float | None = None


@define(kw_only=True, eq=False)
class DropFolder:
    """`others` are the configured folders that lie in this one, `store` is the folder of the node's own store.

    `now` is any clock that does not go back, in seconds.  `look_s`: how long the last look took.
    """

    folder: str
    others: tuple[str, ...]
    _store: str | None
    _known: KnownDrops
    _hosted: Hosted
    _publisher: Publisher
    _catalogue: ICatalogue
    _files: IFiles
    _pool: Pool
    _now: Callable[[], float]
    is_stopped: bool = field(default=False, init=False)
    look_s: float = field(default=0.0, init=False)
    _arriving: dict[str, tuple[Stamp, float]] = field(factory=dict, init=False)
    _missing: dict[str, float] = field(factory=dict, init=False)
    _refused: dict[str, _Refused] = field(factory=dict, init=False)
    _told: set[tuple[str, str]] = field(factory=set, init=False)
    _is_in_doubt: bool = field(default=False, init=False)
    _has_new: bool = field(default=False, init=False)

    async def round(self) -> Look:
        """Look into the folder once, and do what is to be done.  Raises StoreFailed."""
        began = self._now()
        found = await self._pool(look, self.folder, self.others, self._store)
        self.look_s = self._now() - began
        for path, why in found.odd.items():
            self._tell(path, why)
        if not found.identity:
            self._tell(self.folder, ABSENT)
            self._arriving.clear()
            self._missing.clear()
            return found
        self._told.discard((self.folder, ABSENT))
        known = {file.path: file for file in self._known.lying() if self._is_here(file.path)}
        what = difference(found, {path: file.stamp for path, file in known.items()}, self._identity)
        if what.is_doubtful and not self._has_new:
            self._tell(self.folder, DOUBTFUL)
        elif found.identity != self._identity:
            self._told.discard((self.folder, DOUBTFUL))
            await self._catalogue.store_setting(self._setting, found.identity)
        self._is_in_doubt, self._has_new = what.is_doubtful, False
        await self._take_those_that_are_still(what.changed)
        await self._withdraw_those_that_stay_away(what.gone, known)
        self._tell_of_refused()
        return found

    def due_in_s(self) -> float | None:
        """When something is to be done although nothing changes; None for never."""
        now = self._now()
        times = [began + SETTLE_S for _, began in self._arriving.values()]
        times += [began + SETTLE_S for began in self._missing.values()]
        for path, refused in self._refused.items():
            times += [refused.tell_at] if (path, refused.why) not in self._told else []
            times += [refused.retry_at] if refused.retry_at is not None else []
        return max(0.0, min(times) - now) if times else None

    # -- what is new ------------------------------------------------------------------------------------------

    async def _take_those_that_are_still(self, changed: Mapping[str, Stamp]) -> None:
        now = self._now()
        self._refused = {path: refused for path, refused in self._refused.items() if path in changed}
        arriving: dict[str, tuple[Stamp, float]] = {}
        for path, stamp in changed.items():
            refused = self._refused.get(path)
            if refused is not None and refused.stamp == stamp and now < (refused.retry_at or math.inf):
                continue
            before = self._arriving.get(path)
            arriving[path] = before if before is not None and before[0] == stamp else (stamp, now)
        self._arriving = arriving
        still = [(path, stamp) for path, (stamp, began) in arriving.items() if now - began >= SETTLE_S]
        turns = iter(still[:MOST_AT_A_TIME])

        async def take_in_turn() -> None:
            for path, stamp in turns:
                if not self.is_stopped:
                    await self._take_or_refuse(path, stamp)

        await gatherResults([Deferred.fromCoroutine(take_in_turn()) for _ in range(AT_ONCE)], consumeErrors=True)

    async def _take_or_refuse(self, path: str, stamp: Stamp) -> None:
        self._arriving.pop(path, None)
        now = self._now()
        refused: _Refused | None = None
        try:
            await self._take(path, stamp)
        except (Moving, FileNotFoundError):
            pass  # the next look shows what it is then
        except OutOfFolder:
            refused = _Refused(stamp=stamp, why="it is a link that leads out of the folder", tell_at=now)
        except ArchiveRefused as error:
            refused = _Refused(stamp=stamp, why=str(error), tell_at=now + TELL_AFTER_S)
        except (NoTierAnswered, StoreFailed) as error:
            refused = _Refused(stamp=stamp, why=str(error), tell_at=now, retry_at=now + RETRY_S)
        except TiercacheError as error:
            refused = _Refused(stamp=stamp, why=str(error), tell_at=now)
        except OSError as error:
            refused = _Refused(stamp=stamp, why=f"it cannot be read ({error.strerror})", tell_at=now)
        if refused is None:
            self._refused.pop(path, None)
        else:
            self._refused[path] = refused

    async def _take(self, path: str, stamp: Stamp) -> None:
        submission = _submission_of(path)
        limit_bytes = self._publisher.limit_bytes
        arrival = await self._pool(bring_in, path, self.folder, stamp, self._files, limit_bytes)
        try:
            await self._publish(path, stamp, submission, arrival)
        finally:
            await self._pool(arrival.discard)
        self._has_new = self._is_in_doubt  # then it is no empty place where a disk should be
        self._told = {(told, why) for told, why in self._told if told != path}

    async def _publish(self, path: str, stamp: Stamp, submission: Submission, arrival: Arrival) -> None:
        project, filename = submission.project, submission.filename
        before = self._known.at(path)
        if self._known.sha256_of(project, filename) not in {None, arrival.sha256}:
            raise FilenameTaken(filename=filename)
        is_ours = self._known.is_ours(project, filename) or not self._is_hosted(project, filename)
        file = DroppedFile(
            path=path,
            stamp=stamp,
            project=project,
            filename=filename,
            sha256=arrival.sha256,
            is_ours=is_ours,
        )
        # Before it is published, so that whoever finds it there after a crash knows why it is there.
        await self._known.store(evolve(file, stamp=BEING_TAKEN))
        try:
            await self._publisher.publish(submission, arrival, by=f"dropped in {self.folder}")
        except BaseException:
            await self._known.restore(path, before)
            raise
        await self._known.store(file)

    # -- what is gone -----------------------------------------------------------------------------------------

    async def _withdraw_those_that_stay_away(self, gone: tuple[str, ...], known: Mapping[str, DroppedFile]) -> None:
        now = self._now()
        self._missing = {path: self._missing.get(path, now) for path in gone}
        for path, began in list(self._missing.items()):
            if now - began >= SETTLE_S and not self.is_stopped:
                await self._withdraw(known[path])
                del self._missing[path]

    async def _withdraw(self, file: DroppedFile) -> None:
        if file.is_ours and not self._known.lies_elsewhere(file):
            try:
                await self._hosted.withdraw(file.project, file.filename, by=f"removed from {self.folder}")
            except (FileAbsent, ProjectAbsent):
                pass  # deleted by somebody, or never published
            else:
                log.info("{path} is gone, and {filename} withdrawn", path=file.path, filename=file.filename)
        await self._known.gone(file)
        self._told = {(path, why) for path, why in self._told if path != file.path}

    # -- within -----------------------------------------------------------------------------------------------

    @property
    def _setting(self) -> str:
        return f"dropped {self.folder}"

    @property
    def _identity(self) -> str:
        """The folder's own when it was looked into last, and not doubtful."""
        return self._catalogue.setting(self._setting) or ""

    def _is_here(self, path: str) -> bool:
        return _is_below(path, self.folder) and not any(_is_below(path, other) for other in self.others)

    def _is_hosted(self, project: ProjectName, filename: str) -> bool:
        entry = self._hosted.entry(project)
        return entry is not None and entry.page is not None and any(f.filename == filename for f in entry.page.files)

    def _tell_of_refused(self) -> None:
        now = self._now()
        for path, refused in self._refused.items():
            if refused.tell_at <= now:
                self._tell(path, refused.why)

    def _tell(self, path: str, why: str) -> None:
        """Once for each file and reason."""
        if (path, why) not in self._told:
            self._told.add((path, why))
            is_meant = path == self.folder or path.endswith(_ARCHIVES)
            (log.warn if is_meant else log.info)("{path} is passed over: {why}", path=path, why=why)


def _submission_of(path: str) -> Submission:
    """What the name of a file says, and the folder that it lies in, if that is named for one of the projects that the
    filename may be of.  Raises UploadRefused."""
    filename = PurePath(path).name
    try:
        project = normalise(Path(path).parent.name)
    except InvalidName:
        return submission_of_filename(filename)
    return submission_of_filename(filename, project if project in candidate_projects(filename) else None)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
