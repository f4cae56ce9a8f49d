"""Whether a page, a sidecar or a file would be answered again as it was: what these stand on (`answer.IStanding`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

from attrs import evolve, frozen

from tiercache.cache.pages import ShownPage
from tiercache.interfaces import Attachment, FileRecord
from tiercache.policy.freshness import steady_s
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.web.answer import RELIED_ON_S, Answer, Current, IStoredFile, Variant


class IAtHand(Protocol):
    """What the routes need of `cache.at_hand.AtHand`."""

    def page(self, project: ProjectName, *, local: bool) -> ShownPage | None:
        """See there."""
        ...

    def file(self, identity: FileIdentity, filename: str, *, local: bool) -> FileRecord | None:
        """See there."""
        ...

    def sidecar(self, identity: FileIdentity, filename: str, *, local: bool) -> Attachment | None:
        """See there."""
        ...

    def version(self, compartment: int) -> int:
        """See there."""
        ...

    def stamp(self) -> int | None:
        """See there."""
        ...

    def now(self) -> float:
        """See there."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """See there."""
        ...

    def begin(self, sha256: str) -> None:
        """See there."""
        ...

    def end(self, sha256: str) -> None:
        """See there."""
        ...

    def reused(self) -> None:
        """See there."""
        ...


@frozen(kw_only=True)
class PageStanding:
    """A rendering of a page: `answered` makes the answer of what is shown, with this rendering for its body.

    It holds what names the page, and not the page, which is larger.
    """

    variant: Variant
    size_bytes: int
    _at_hand: IAtHand
    _local: bool
    project: ProjectName
    _version: str
    _serial: int | None
    _answered: Callable[[ShownPage], Current]

    def current(self) -> Current | None:
        """See `IStanding`: of a page whose version is still the one that was rendered."""
        shown = self._at_hand.page(self.project, local=self._local)
        if shown is None or (shown.version, shown.serial) != (self._version, self._serial):
            return None
        current = self._answered(shown)
        if shown.is_ageless:
            return current
        ttl_s = shown.outcome.ttl_s
        return evolve(
            current,
            steady_s=steady_s(shown.age_s, ttl_s),
            age_s=shown.age_s,
            lasting_s=RELIED_ON_S if ttl_s is None or ttl_s <= 0 else min(ttl_s, RELIED_ON_S),
        )

    @property
    def file(self) -> IStoredFile | None:
        """See `IStanding`."""
        return None

    def used(self) -> None:
        """See `IStanding`."""
        self._at_hand.reused()


@frozen(kw_only=True)
class SidecarStanding:
    """The core metadata of a stored file, with what it is answered with."""

    answer: Answer
    project: ProjectName
    _at_hand: IAtHand
    _local: bool
    _identity: FileIdentity
    _filename: str
    _sha256: str

    @property
    def variant(self) -> Variant:
        """See `IStanding`."""
        return None

    @property
    def size_bytes(self) -> int:
        """See `IStanding`."""
        return self.answer.stated_length or 0

    def current(self) -> Current | None:
        """See `IStanding`."""
        kept = self._at_hand.sidecar(self._identity, self._filename, local=self._local)
        if kept is None or kept.data is None or kept.sha256 != self._sha256:
            return None
        return Current(answer=self.answer, not_modified=evolve(self.answer, status=304, body=b""))

    @property
    def file(self) -> IStoredFile | None:
        """See `IStanding`."""
        return None

    def used(self) -> None:
        """See `IStanding`."""
        self._at_hand.reused()


@frozen(kw_only=True)
class StoredFile:
    """A file of the store (`answer.IStoredFile`)."""

    sha256: str
    size_bytes: int
    _at_hand: IAtHand

    def open(self) -> BinaryIO:
        """See `IStoredFile`."""
        return self._at_hand.open(self.sha256)

    def begin(self) -> None:
        """See `IStoredFile`."""
        self._at_hand.begin(self.sha256)

    def end(self) -> None:
        """See `IStoredFile`."""
        self._at_hand.end(self.sha256)


@frozen(kw_only=True)
class FileStanding:
    """A stored file, with what it is answered with when it is sent whole."""

    answer: Answer
    file: StoredFile
    project: ProjectName
    _at_hand: IAtHand
    _local: bool
    _identity: FileIdentity
    _filename: str

    @property
    def variant(self) -> Variant:
        """See `IStanding`."""
        return None

    @property
    def size_bytes(self) -> int:
        """See `IStanding`: nothing of it is in memory."""
        return 0

    def current(self) -> Current | None:
        """See `IStanding`."""
        record = self._at_hand.file(self._identity, self._filename, local=self._local)
        if record is None or (record.sha256, record.size_bytes) != (self.file.sha256, self.file.size_bytes):
            return None
        if record.project != self.project:
            return None
        return Current(answer=self.answer, not_modified=evolve(self.answer, status=304, length=None))

    def used(self) -> None:
        """See `IStanding`."""
        self._at_hand.reused()
