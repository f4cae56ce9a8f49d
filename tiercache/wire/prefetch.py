"""The words of a prefetch: what is wanted, the job that brings it in, and the report that it ends in.

Both a person's tools and the nodes below say them: a node hands on to its parent what it has resolved, as `files`.
A key that a reader does not know is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from attrs import field, frozen
from msgspec import Meta

PREFETCH = "prefetch"
"""Below `ROOT`, and the word by which a node says that it offers this."""

READY = "ready"
"""Below `ROOT`: the same question, to which nothing is fetched."""

MOST_DOCUMENTS = 20
"""In one request, constraints included."""

MOST_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Of all documents of a request together."""

MOST_FILES = 20_000
"""Of one job."""

MOST_TARGETS = 50
"""Environments of one job."""


@frozen(kw_only=True)
class Document:
    """A file that was handed in: its `name` (its last part alone) tells its format where the text does not."""

    name: Annotated[str, Meta(max_length=255)]
    text: str


@frozen(kw_only=True)
class Target:
    """An environment: a version of Python such as `3.12`, and a platform in the words of uv's `--python-platform`."""

    # No newline at the end, which `$` would let pass in Python.
    python: Annotated[str, Meta(pattern=r"^3\.[0-9]{1,2}(\.[0-9]{1,3})?$(?!\n)")]
    platform: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)")]


@frozen(kw_only=True)
class WantedFile:
    """One file of a closure.  `hashes`: digests by algorithm, as pages have them; `size` in bytes, None if not known.

    `targets` are those that need it; none: all.  `is_build`: only needed to build an sdist.
    """

    project: str
    version: str
    filename: str
    hashes: Mapping[str, str] = field(factory=dict)
    size: int | None = None
    targets: tuple[Target, ...] = ()
    is_build: bool = False


@frozen(kw_only=True)
class Wanted:
    """The body of `POST /prefetch` and `POST /ready`.

    `documents`: requirements.txt, pylock.toml, uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pyproject.toml, scripts.
    `constraints`: requirements.txt files that bound what is resolved.  `files`: a closure that is resolved already.
    `targets`: the environments, none for that of the node's own machine; `universal`: for every environment that the
    documents allow.  `sdists`: files that are no wheels too, `build_requirements` with what builds them.  `sidecars`:
    core metadata too.  `newest`: of each project named in `documents` the newest so many releases.  `groups` and
    `extras`: which parts of a pyproject.toml or a lock beside its main one; `all` is each of them.
    """

    documents: Annotated[tuple[Document, ...], Meta(max_length=MOST_DOCUMENTS)] = ()
    constraints: Annotated[tuple[Document, ...], Meta(max_length=MOST_DOCUMENTS)] = ()
    files: Annotated[tuple[WantedFile, ...], Meta(max_length=MOST_FILES)] = ()
    targets: Annotated[tuple[Target, ...], Meta(max_length=MOST_TARGETS)] = ()
    universal: bool = False
    sdists: bool = False
    build_requirements: bool = False
    sidecars: bool = True
    newest: Annotated[int, Meta(ge=1, le=50)] = 1
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


@frozen(kw_only=True)
class Unparseable:
    """What of a document is not taken, and why; the rest is.  `line` counts from 1, None where lines mean nothing."""

    document: str
    text: str
    reason: str
    line: int | None = None


@frozen(kw_only=True)
class Missing:
    """What is not to be had offline: a project, a release or a file, and why not, in words for people."""

    what: str
    why: str


@frozen(kw_only=True)
class TargetReport:
    """Whether an environment can be installed from this node's store alone.  `target` None: every one (universal).

    `instead`: files that were wanted and are not stored, although it is ready: an installer finds another release, or
    none of that project, and goes on.  `words` are the resolver's own, where it found no way.
    """

    target: Target | None
    ready: bool
    missing: tuple[Missing, ...] = ()
    instead: tuple[Missing, ...] = ()
    words: str = ""


@frozen(kw_only=True)
class ReportedFile:
    """A file of the closure, as it is now: `stored` with every byte; `licence` as its metadata states it."""

    project: str
    version: str
    filename: str
    size: int | None = None
    stored: bool = False
    licence: str | None = None
    yanked: str | None = None


@frozen(kw_only=True)
class Report:
    """What a prefetch ends in.  `ready`: every environment is.  `stored_bytes` of `total_bytes` are here."""

    ready: bool
    targets: tuple[TargetReport, ...] = ()
    files: tuple[ReportedFile, ...] = ()
    total_bytes: int = 0
    stored_bytes: int = 0
    unparseable: tuple[Unparseable, ...] = ()


FileOutcome = Literal["waiting", "running", "stored", "fetched", "failed"]
"""`stored`: it was here before; `fetched`: it was brought in by this job."""


@frozen(kw_only=True)
class JobFile:
    """What became of one file of a job; `reason` where it failed."""

    project: str
    version: str
    filename: str
    outcome: FileOutcome
    size: int | None = None
    reason: str | None = None


JobPhase = Literal["waiting", "resolving", "fetching", "verifying", "done", "failed", "cancelled"]
ENDED: tuple[JobPhase, ...] = ("done", "failed", "cancelled")


@frozen(kw_only=True)
class JobState:
    """A job as it is now: the answer to `GET /prefetch/<id>`, and what each event of its stream says.

    `phase`: `done` means carried out, whatever the report says; `failed` that it came to no closure (`reason`).
    `files_total` and `bytes_total` are known from `fetching` on; `bytes_done` counts what is here.  `rate` in bytes a
    second over the last seconds, `left_s` what is left at that rate; None while nothing can be said.
    `handed_on`: the tiers that were given the job, each with what it said.  `files` and `report` are left out of lists.
    """

    id: str
    phase: JobPhase
    created_at: float
    ended_at: float | None = None
    what: str = ""
    reason: str | None = None
    files_total: int = 0
    files_done: int = 0
    files_failed: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    rate: float | None = None
    left_s: float | None = None
    handed_on: Mapping[str, str] = field(factory=dict)
    unparseable: tuple[Unparseable, ...] = ()
    files: tuple[JobFile, ...] = ()
    report: Report | None = None


@frozen(kw_only=True)
class Jobs:
    """The answer to `GET /prefetch`: every job that is remembered, the newest first."""

    jobs: tuple[JobState, ...] = ()


# The events of a job.  Each is a whole `JobState` without its files and report; the last one says that it is over.
STATE_EVENT = "state"
ENDED_EVENT = "ended"
