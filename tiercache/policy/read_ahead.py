"""Read-ahead: what a client that resolves will ask for next, guessed from what it was just given.  Pure.

A trail is what is known of one client's walk; each event of it gives guesses, breadth first: a project's page leads to
the file that a resolver looks at next, its core metadata to the pages of what it needs.  A client that asks for a file
whose metadata it read installs (some say so from the beginning), and the files that it has looked at are guessed.  The
budgets stand here; who carries the guesses out, and when not, is in `tiercache.prefetch.read_ahead`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from attrs import define, field, frozen

from tiercache.policy.needs import Need
from tiercache.policy.next_file import admits
from tiercache.simple.model import FileIdentity, ProjectName


@frozen(kw_only=True)
class Budget:
    """How far guesses go.

    `unasked` have cost a tier a request and were not asked for yet: of one client, and `unasked_in_all`.  `under_way`
    at once, in all, and of these `files_under_way`.  None begins while the clients' own asks that wait for tiers are
    `clients_first` or more.
    `file_bytes`: the largest file that is guessed, 0 for none; `unasked_bytes`: of guessed files that a client has not
    asked for.  A walk is over `forgotten_s` after the client's last act, and `longest_s` after its first: many machines
    may look like one client.  No more than `clients` are kept in mind.  A tier that takes longer than `slow_s` for
    an exchange is asked for nothing that nobody waits for; one that failed, for `silent_s`.
    """

    unasked: int = 96
    unasked_in_all: int = 480
    under_way: int = 16
    files_under_way: int = 8
    clients_first: int = 8
    file_bytes: int = 8 * 1024 * 1024
    unasked_bytes: int = 128 * 1024 * 1024
    clients: int = 200
    forgotten_s: float = 30.0
    longest_s: float = 120.0
    slow_s: float = 1.0
    silent_s: float = 30.0


MOST_PROJECTS = 2000
"""That one trail keeps in mind; beyond them nothing is guessed."""

MOST_ASKED = 10_000
"""Of what one client asked for so much is kept in mind."""

MOST_WAITING = 500
"""Guesses of one client that wait for their turn."""

MOST_SPECIFIERS = 20
"""Of one project, the last ones."""


@frozen(kw_only=True)
class PageGuess:
    """The page of a project, as it is needed."""

    project: ProjectName


@frozen(kw_only=True)
class SidecarGuess:
    """The core metadata of a file.  `is_passing`: a resolver looks at it and goes on to another release."""

    project: ProjectName = field(eq=False)  # some filenames may be those of several
    identity: FileIdentity
    filename: str
    is_passing: bool = field(default=False, eq=False)


@frozen(kw_only=True)
class FileGuess:
    """A file whose core metadata the client has read."""

    project: ProjectName = field(eq=False)
    identity: FileIdentity
    filename: str


Guess = PageGuess | SidecarGuess | FileGuess


@define(kw_only=True)
class _Project:
    """What the walk has found out about a project."""

    specifiers: list[str] = field(factory=list)
    extras: set[str] = field(factory=set)
    looked_at: SidecarGuess | None = None
    version: str = ""


@define(kw_only=True)
class _Begun:
    """A guess that was begun: `counts` in the budget, has cost a tier a request, was asked for, and was told to be of
    use."""

    counts: bool
    is_asked: bool
    has_cost: bool = False
    is_told: bool = False
    size_bytes: int = 0

    def turns_out_of_use(self) -> bool:
        """Once True: when it has cost something and was asked for."""
        is_news = self.has_cost and self.is_asked and not self.is_told
        self.is_told |= is_news
        return is_news


@define(kw_only=True)
class Trail:
    """One client's walk.

    What the client itself does comes in by `page_asked`, `sidecar_asked` and `file_asked`, each before it is answered,
    and each says whether a guess that has cost something turns out to be of use.  What came of asking, the client's or
    a guess, comes in by `page_known` and `sidecar_known`.  `installs`: the client has said that it will install what it
    looks at, so that no file has to show it.
    """

    budget: Budget
    installs: bool = False
    _projects: dict[ProjectName, _Project] = field(factory=dict, init=False)
    _asked: set[Guess] = field(factory=set, init=False)
    _begun: dict[Guess, _Begun] = field(factory=dict, init=False)
    _again: set[Guess] = field(factory=set, init=False)
    _read: dict[ProjectName, FileGuess] = field(factory=dict, init=False)
    _brought: set[ProjectName] = field(factory=set, init=False)
    _waiting: deque[Guess] = field(factory=deque, init=False)
    _waiting_files: deque[Guess] = field(factory=deque, init=False)
    _unasked: int = field(default=0, init=False)
    _unasked_bytes: int = field(default=0, init=False)

    # -- what the client does ---------------------------------------------------------------------------------

    def page_asked(self, project: ProjectName) -> bool:
        """The client asks for a page."""
        return self._is_asked(PageGuess(project=project))

    def sidecar_asked(self, project: ProjectName, identity: FileIdentity, filename: str) -> bool:
        """The client asks for core metadata."""
        file = FileGuess(project=project, identity=identity, filename=filename)
        if project in self._read or len(self._read) < MOST_PROJECTS:  # some ask for what there is none of
            self._read[project] = file
        if self.installs and self.budget.file_bytes > 0 and project not in self._brought:
            self._wait([file])
        return self._is_asked(SidecarGuess(project=project, identity=identity, filename=filename))

    def file_asked(self, project: ProjectName, identity: FileIdentity, filename: str) -> bool:
        """The client asks for a whole file; if that is one it has looked at, it installs what it has looked at."""
        asked = FileGuess(project=project, identity=identity, filename=filename)
        is_of_use = self._is_asked(asked)
        if len(self._brought) < MOST_ASKED:
            self._brought.add(project)  # it has chosen: what else it has looked at of the project it does not install
        if self._read.get(project) == asked and self.budget.file_bytes > 0:
            read, self._read = self._read, {}
            self._wait(read.values())
        return is_of_use

    # -- what is known ----------------------------------------------------------------------------------------

    def has_begun(self, guess: Guess) -> bool:
        """Whether this was guessed, so that what follows from it is seen to."""
        return guess in self._begun

    def specifiers(self, project: ProjectName) -> tuple[str, ...]:
        """In which versions a project was needed so far, by each who needs it."""
        known = self._projects.get(project)
        return tuple(known.specifiers) if known else ()

    def extras(self, project: ProjectName) -> frozenset[str]:
        """Which extras of a project are needed."""
        known = self._projects.get(project)
        return frozenset(known.extras) if known else frozenset()

    def page_known(self, project: ProjectName, following: Sequence[SidecarGuess], version: str = "") -> None:
        """A page came; `following` is what a resolver looks at next, and `version` that of the last of it."""
        known = self._project(project)
        if known is not None and following:
            known.looked_at, known.version = following[-1], version
            self._wait(following)

    def sidecar_known(self, needs: Iterable[Need]) -> None:
        """Core metadata came, and this is what it needs."""
        for need in needs:
            known = self._project(need.project)
            if known is None:
                return
            if need.specifier not in known.specifiers:
                known.specifiers = [*known.specifiers, need.specifier][-MOST_SPECIFIERS:]
            has_more_extras = not need.extras <= known.extras
            known.extras |= need.extras
            if known.looked_at is None:
                self._wait([PageGuess(project=need.project)])
            elif not admits(need.specifier, known.version):
                self._look_again(PageGuess(project=need.project))
            elif has_more_extras:
                self._look_again(known.looked_at)

    # -- carrying out -----------------------------------------------------------------------------------------

    @property
    def unasked(self) -> int:
        """How many guesses are under way or have cost something, and were not asked for."""
        return self._unasked

    def take(self, *, files: bool = True) -> Guess | None:
        """The next guess to begin, if there is one and the budget has room for it; it is begun with that.

        `files`: whether it may be a file; one comes only when nothing else waits.
        """
        while self._unasked < self.budget.unasked:
            waiting = self._waiting or (self._waiting_files if files else None)
            if not waiting:
                return None
            guess = waiting.popleft()
            if guess in self._again:
                self._again.discard(guess)
            elif guess in self._begun or guess in self._asked:
                continue
            if isinstance(guess, FileGuess):
                if guess.project in self._brought or self._read.get(guess.project, guess) != guess:
                    continue  # the client has gone on to another release
                self._brought.add(guess.project)
            if guess not in self._begun:
                is_asked = guess in self._asked
                self._begun[guess] = _Begun(counts=not is_asked, is_asked=is_asked)
                self._unasked += not is_asked
            return guess
        return None

    def has_room(self, guess: FileGuess, size_bytes: int | None) -> bool:
        """Whether a file of that size may be brought in; then its bytes count until it is asked for."""
        begun = self._begun[guess]
        if size_bytes is None or size_bytes > self.budget.file_bytes:
            return False
        if self._unasked_bytes + size_bytes > self.budget.unasked_bytes:
            return False
        if begun.counts:
            begun.size_bytes = size_bytes
            self._unasked_bytes += size_bytes
        return True

    def ended(self, guess: Guess, *, has_cost: bool) -> bool:
        """A guess was carried out, or given up; `has_cost`: on its account a tier was asked.  Whether it is of use."""
        begun = self._begun[guess]
        begun.has_cost |= has_cost
        if not begun.has_cost:
            self._uncount(begun)
        return begun.turns_out_of_use()

    def drop(self) -> None:
        """Forget the guesses that wait."""
        self._waiting.clear()
        self._waiting_files.clear()
        self._again.clear()

    # -- within -----------------------------------------------------------------------------------------------

    def _project(self, project: ProjectName) -> _Project | None:
        if project not in self._projects and len(self._projects) >= MOST_PROJECTS:
            return None
        return self._projects.setdefault(project, _Project())

    def _is_asked(self, guess: Guess) -> bool:
        if len(self._asked) < MOST_ASKED:
            self._asked.add(guess)
        begun = self._begun.get(guess)
        if begun is None:
            return False
        begun.is_asked = True
        self._uncount(begun)
        return begun.turns_out_of_use()

    def _uncount(self, begun: _Begun) -> None:
        if begun.counts:
            self._unasked -= 1
            self._unasked_bytes -= begun.size_bytes
            begun.counts, begun.size_bytes = False, 0

    def _wait(self, guesses: Iterable[Guess]) -> None:
        for guess in guesses:
            waiting = self._waiting_files if isinstance(guess, FileGuess) else self._waiting
            if guess not in self._begun and guess not in self._asked and len(waiting) < MOST_WAITING:
                waiting.append(guess)

    def _look_again(self, guess: Guess) -> None:
        """It is known, and cheap; but more follows from it than before."""
        if guess not in self._again and len(self._waiting) < MOST_WAITING:
            self._again.add(guess)
            self._waiting.append(guess)
