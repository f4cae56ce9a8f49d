"""Jobs of prefetches that come to what a test says, and when."""

from __future__ import annotations

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError

from tiercache.access.principals import Principal
from tiercache.cache.signal import Signal
from tiercache.errors.prefetch import JobAbsent
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.wire.prefetch import ENDED, JobState, Report, Wanted


@define
class ScriptedJobs:
    """`wanted` keeps what was asked for, with who asked.  `becomes` is how a new job is at once."""

    states: dict[str, JobState] = field(factory=dict)
    requesters: dict[str, Principal] = field(factory=dict)
    wanted: list[tuple[Wanted, Principal, Hops]] = field(factory=list)
    becomes: JobState = field(factory=lambda: JobState(id="", phase="waiting", created_at=1000.0))
    report: Report | None = None
    raising: Exception | None = None
    given_up: int = 0
    _signals: dict[str, Signal] = field(factory=dict)
    _asked: Signal = field(factory=Signal)

    def put(self, job: str, requester: Principal | None = None, **state: object) -> JobState:
        """A job as it is from now on; who watches it is told."""
        old = self.states.get(job, evolve(self.becomes, id=job))
        self.states[job] = evolve(old, **state)  # type: ignore[arg-type]  # fields of JobState, as the test gives them
        if requester is not None or job not in self.requesters:
            self.requesters[job] = requester or Principal(is_operator=True)
        self._signals.setdefault(job, Signal()).fire()
        return self.states[job]

    def forget(self, job: str) -> None:
        """It was over for so long that nobody remembers it."""
        del self.states[job]
        self._signals[job].fire()

    def answer(self, report: Report) -> None:
        """What is asked of `ready`, now and from now on."""
        self.report = report
        self._asked.fire()

    async def submit(self, wanted: Wanted, for_whom: Principal, hops: Hops = NONE_YET) -> JobState:
        if self.raising is not None:
            raise self.raising
        self.wanted.append((wanted, for_whom, hops))
        return self.put(f"job-{len(self.wanted)}", for_whom)

    async def ready(self, wanted: Wanted, for_whom: Principal) -> Report:
        if self.raising is not None:
            raise self.raising
        self.wanted.append((wanted, for_whom, NONE_YET))
        while self.report is None:
            await self._waited(self._asked)
        return self.report

    def state(self, job: str) -> JobState:
        if job not in self.states:
            raise JobAbsent(job=job)
        return self.states[job]

    def all(self) -> tuple[JobState, ...]:
        return tuple(reversed(self.states.values()))

    def requester(self, job: str) -> Principal:
        self.state(job)
        return self.requesters[job]

    async def cancel(self, job: str) -> JobState:
        if self.state(job).phase in ENDED:
            return self.state(job)
        return self.put(job, self.requesters[job], phase="cancelled")

    def changed(self, job: str) -> Signal:
        self.state(job)
        return self._signals[job]

    async def ended(self, job: str) -> JobState:
        while self.state(job).phase not in ENDED:
            await self._waited(self._signals[job])
        return self.state(job)

    async def _waited(self, signal: Signal) -> None:
        try:
            await signal.wait()
        except CancelledError:
            self.given_up += 1
            raise
