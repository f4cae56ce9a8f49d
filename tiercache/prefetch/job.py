"""One job: what was asked for, how far it has come, and how it says so.  No I/O; who moves it on is `carrying_out`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, evolve, field

from tiercache.access.principals import Principal
from tiercache.policy.hops import Hops
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.progress import Progress
from tiercache.wire.prefetch import (
    ENDED,
    Document,
    FileOutcome,
    JobFile,
    JobPhase,
    JobState,
    Report,
    Unparseable,
    Wanted,
    WantedFile,
)

HERE: tuple[FileOutcome, ...] = ("stored", "fetched")
"""The outcomes of files that are in the store."""


@define(kw_only=True, eq=False)
class Job:
    """A job that moves on.  `changed` hears of each change; times in seconds since 1970.

    `hops`: which nodes the request had passed.  `files` by filename.  `handed_on`: what became of handing them to each
    tier, `have_answered` which of the tiers said that themselves.  `is_resumed`: the node stopped while it was being
    carried out.
    """

    id: str
    wanted: Wanted
    for_whom: Principal
    hops: Hops
    created_at: float
    changed: Callable[[], None] = lambda: None
    phase: JobPhase = "waiting"
    ended_at: float | None = None
    reason: str | None = None
    closure: Closure | None = None
    unparseable: tuple[Unparseable, ...] = ()
    files: dict[str, JobFile] = field(factory=dict)
    handed_on: dict[str, str] = field(factory=dict)
    have_answered: set[str] = field(factory=set)
    report: Report | None = None
    is_resumed: bool = False
    progress: Progress = field(factory=Progress)
    _bytes_of: dict[str, int] = field(factory=dict, init=False)  # what has come of files that are not whole yet

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.phase in ENDED

    @property
    def what(self) -> str:
        """What it is about, in a few words."""
        names = [document.name for document in self.wanted.documents]
        if self.wanted.files:
            count = len(self.wanted.files)
            names.append("one file" if count == 1 else f"{count} files")
        return ", ".join(names)

    # -- what becomes of it -----------------------------------------------------------------------------------

    def become(self, phase: JobPhase) -> None:
        """Go on to a phase that is no end."""
        self.phase = phase
        self.changed()

    def end(self, phase: JobPhase, now: float, reason: str | None = None) -> None:
        """Be over; the texts of its documents, which may be long, are of no more use."""
        self.phase, self.ended_at, self.reason = phase, now, reason
        documents, constraints = map(_without_texts, (self.wanted.documents, self.wanted.constraints))
        self.wanted = evolve(self.wanted, documents=documents, constraints=constraints)
        self.changed()

    def add_files(self, files: Iterable[WantedFile]) -> None:
        """These are to be brought in too; of those that are known already nothing changes."""
        for file in files:
            if file.filename not in self.files:
                self.files[file.filename] = JobFile(
                    project=file.project,
                    version=file.version,
                    filename=file.filename,
                    outcome="waiting",
                    size=file.size,
                )
        self.changed()

    def begin_again(self) -> None:
        """The node has started anew: what was under way is to be begun again, what failed is to be tried again."""
        for file in list(self.files.values()):
            if file.outcome in ("running", "failed"):
                self.note(file.filename, outcome="waiting", reason=None)

    def note(self, filename: str, **changes: object) -> None:
        """Something has become of a file (fields of `JobFile`)."""
        self.files[filename] = evolve(self.files[filename], **changes)  # type: ignore[arg-type]  # fields of JobFile
        if self.files[filename].outcome != "running":
            self._bytes_of.pop(filename, None)
        self.changed()

    def came(self, filename: str, size_bytes: int, now: float) -> None:
        """So many bytes more of a file that is being brought in have come."""
        self._bytes_of[filename] = self._bytes_of.get(filename, 0) + size_bytes
        self.progress = self.progress.grown(size_bytes, now)
        self.changed()

    def noted_handed_on(self, tier: str, said: str, *, is_final: bool) -> None:
        """What a tier said that was given files; `is_final`: it need not be asked again."""
        self.handed_on[tier] = said
        if is_final:
            self.have_answered.add(tier)
        self.changed()

    # -- how it is --------------------------------------------------------------------------------------------

    def state(self, now: float, *, brief: bool = False) -> JobState:
        """The job as others see it; `brief` leaves out its files and its report."""
        files = self.files.values()
        here = [file for file in files if file.outcome in HERE]
        bytes_total = sum(file.size or 0 for file in files)
        bytes_done = sum(file.size or 0 for file in here) + sum(self._bytes_of.values())
        fetches = self.phase == "fetching"
        return JobState(
            id=self.id,
            phase=self.phase,
            created_at=self.created_at,
            ended_at=self.ended_at,
            what=self.what,
            reason=self.reason,
            files_total=len(self.files),
            files_done=len(here),
            files_failed=sum(file.outcome == "failed" for file in files),
            bytes_total=max(bytes_total, bytes_done),
            bytes_done=bytes_done,
            rate=self.progress.rate(now) if fetches else None,
            left_s=self.progress.left_s(bytes_total - bytes_done, now) if fetches else None,
            handed_on=dict(self.handed_on),
            unparseable=self.unparseable,
            files=() if brief else tuple(files),
            report=None if brief else self.report,
        )


def _without_texts(documents: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(evolve(document, text="") for document in documents)
