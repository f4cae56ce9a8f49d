"""`/api/v1/prefetch`, `/api/v1/ready`: have what documents need brought in before anybody asks, and watch it come.

A job is its requester's own: whoever asks for another's is told that there is none, as they are where there is none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import define, evolve
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.access.principals import Principal
from tiercache.cache.signal import Signal
from tiercache.errors.prefetch import JobAbsent
from tiercache.interfaces import Pool
from tiercache.policy.hops import Hops
from tiercache.web.answer import JSON, NO_STORE, Answer, json, problem
from tiercache.web.documents import FORM_PARTS, wanted_of
from tiercache.web.prefetch_events import Event, JobEvents
from tiercache.web.prefetch_report import REPORT_BODIES, report_answer
from tiercache.web.request import field_of, hops_of
from tiercache.web.route import Operation, Parameter, Permission, Reply, Route
from tiercache.web.unfinished import unless_stopping
from tiercache.web.visitor import principal_of, scope_of
from tiercache.wire import EVENT_STREAM, ROOT
from tiercache.wire.prefetch import ENDED, PREFETCH, READY, Jobs, JobState, Report, Wanted

MAY: Permission = "prefetch"
PATH = f"/{ROOT}{PREFETCH}"
ONE = f"{PATH}/<job>"

_JOB = Parameter(name="job", place="path", type=str, about="The job's id.")
_LAST = Parameter(name="Last-Event-ID", place="header", type=str, about="The id of the last event that was read.")
_TOO_MUCH = {
    400: "The body is not what it is to be.",
    408: "The body comes too slowly.",
    413: "There is more in the body than its bounds allow.",
}
_UNKNOWN = {404: "There is no such job for who asks."}
_STOPPING = "This node is stopping."


class IJobs(Protocol):
    """What these routes need of the jobs; see `tiercache.prefetch.jobs`."""

    async def submit(self, wanted: Wanted, for_whom: Principal, hops: Hops = ...) -> JobState:
        """Take a job."""
        ...

    async def ready(self, wanted: Wanted, for_whom: Principal) -> Report:
        """What it would end in if it fetched nothing."""
        ...

    def state(self, job: str) -> JobState:
        """How a job is."""
        ...

    def all(self) -> tuple[JobState, ...]:
        """Every job, the newest first."""
        ...

    def requester(self, job: str) -> Principal:
        """Whose job it is."""
        ...

    async def cancel(self, job: str) -> JobState:
        """End a job."""
        ...

    def changed(self, job: str) -> Signal:
        """What fires when it is not as it was."""
        ...

    def ended(self, job: str) -> Awaitable[JobState]:
        """A job once it is over."""
        ...


@define(kw_only=True)
class PrefetchRoutes:
    """Takes jobs, and shows them."""

    _jobs: IJobs
    _clock: IReactorTime
    _pool: Pool
    _write_timeout_s: float

    def routes(self) -> tuple[Route, ...]:
        """All of them, for who may prefetch anything."""

        def route(verb: str, path: str, act: Callable[..., Awaitable[Answer]], operation: Operation) -> Route:
            return Route(verb=verb, path=path, act=act, permission=MAY, operation=operation)

        return (
            route("POST", PATH, self.submit, _SUBMIT),
            route("GET", PATH, self.listed, _LIST),
            route("GET", ONE, self.shown, _SHOW),
            route("DELETE", ONE, self.cancel, _CANCEL),
            route("GET", f"{ONE}/events", self.events, _EVENTS),
            route("GET", f"{ONE}/report", self.report, _REPORT),
            route("POST", f"/{ROOT}{READY}", self.ready, _READY),
        )

    async def submit(self, request: Request) -> Answer:
        """Take a job."""
        wanted = await wanted_of(request, self._pool)
        state = await self._jobs.submit(wanted, principal_of(request), hops_of(request))
        return json(state, {"Location": f"{PATH}/{state.id}"}, 202)

    async def listed(self, request: Request) -> Answer:
        """Those that who asks may see."""
        may_see = self._sight_of(request)
        brief = (evolve(state, files=(), report=None) for state in self._jobs.all() if may_see(state.id))
        return json(Jobs(jobs=tuple(brief)))

    async def shown(self, request: Request, job: str) -> Answer:
        """One, with its files and its report."""
        return json(self._seen(request, job))

    async def cancel(self, request: Request, job: str) -> Answer:
        """End one."""
        self._seen(request, job)
        return json(await self._jobs.cancel(job))

    async def events(self, request: Request, job: str) -> Answer:
        """How one is, again and again until it is over."""
        state = self._seen(request, job)
        last_id = field_of(request, "last-event-id")
        if state.phase in ENDED and Event.of(state).id == last_id:
            return Answer(status=204)  # which tells a browser's EventSource not to come again
        stream = JobEvents(
            state=lambda: self._jobs.state(job),
            changed=self._jobs.changed(job),
            clock=self._clock,
            write_timeout_s=self._write_timeout_s,
            last_id=last_id,
        )
        fields = {"Content-Type": EVENT_STREAM, "Cache-Control": NO_STORE, "X-Accel-Buffering": "no"}
        return Answer(headers=fields, stream=stream)

    async def report(self, request: Request, job: str) -> Answer:
        """What one ended in, as JSON, text or HTML."""
        state = self._seen(request, job)
        if state.report is None:
            because = f" ({state.reason})" if state.reason else ""
            return problem(409, f"The job has no report: it is {state.phase}{because}.")
        return report_answer(request, state.report)

    async def ready(self, request: Request) -> Answer:
        """What a job would end in that fetches nothing."""
        wanted = await wanted_of(request, self._pool)
        found = await unless_stopping(request, self._jobs.ready(wanted, principal_of(request)))
        if found is None:
            return problem(503, _STOPPING)
        return report_answer(request, found)

    # -- whose ------------------------------------------------------------------------------------------------

    def _seen(self, request: Request, job: str) -> JobState:
        """A job as it is, for who may see it.  Raises JobAbsent."""
        state = self._jobs.state(job)
        if not self._sight_of(request)(job):
            raise JobAbsent(job=job)
        return state

    def _sight_of(self, request: Request) -> Callable[[str], bool]:
        asks, sees_all = principal_of(request), scope_of(request, "administer").is_all
        return lambda job: sees_all or is_theirs(asks, self._jobs.requester(job))


def is_theirs(asks: Principal, requester: Principal) -> bool:
    """Whether a job is of who asks: their own, or one of their tokens'; a token has its own alone.

    Who has not said who they are is known by where they ask from, and the node's own machine is one place.
    """
    if asks.is_operator:
        return True
    if asks.token is not None:
        return requester.token is not None and requester.token.id == asks.token.id
    if asks.user is not None:
        return requester.user == asks.user
    if requester.is_known:
        return False
    return (asks.is_local and requester.is_local) or (asks.address is not None and asks.address == requester.address)


def _operation(name: str, about: str, replies: dict[int, Reply], **more: Any) -> Operation:
    return Operation(name=name, about=about, replies=replies, **more)


_STATE = {JSON: JobState}
_SUBMIT = _operation(
    "prefetch",
    "Have everything that documents need brought in: answered at once, and carried out behind.  An equal job that is "
    "not over is given in place of a new one.",
    {202: Reply(about="The job.", bodies=_STATE, headers={"Location": "Where it is shown."})},
    body=Wanted,
    form=FORM_PARTS,
    problems=_TOO_MUCH | {507: "The store is full."},
)
_LIST = _operation(
    "getJobs",
    "The jobs of who asks, the newest first, without their files and reports; for who may administer, everybody's.",
    {200: Reply(about="The jobs.", bodies={JSON: Jobs})},
)
_SHOW = _operation(
    "getJob",
    "A job as it is now, with what became of each file.",
    {200: Reply(about="The job.", bodies=_STATE)},
    parameters=(_JOB,),
    problems=_UNKNOWN,
)
_CANCEL = _operation(
    "cancelJob",
    "End a job where it is; what it has brought in stays.  One that is over is not changed.",
    {200: Reply(about="The job as it is then.", bodies=_STATE)},
    parameters=(_JOB,),
    problems=_UNKNOWN,
)
_EVENTS = _operation(
    "followJob",
    "How a job is, told anew whenever that has changed: server-sent events named `state`, each a `JobState` without "
    "files and report, and `ended` the last of them.",
    {
        200: Reply(about="The events.", bodies={EVENT_STREAM: bytes}),
        204: Reply(about="The job is over, and who asks has read so."),
    },
    parameters=(_JOB, _LAST),
    problems=_UNKNOWN,
)
_REPORT = _operation(
    "getReport",
    "What a job ended in: whether each environment can be installed offline, or what is missing; by Accept as JSON, "
    "as text or as a page.",
    {200: Reply(about="The report.", bodies=REPORT_BODIES)},
    parameters=(_JOB,),
    problems=_UNKNOWN | {409: "The job has none: it is not done."},
)
_READY = _operation(
    "isReady",
    "Whether everything that documents need is stored here; nothing is fetched for it but pages and metadata.",
    {200: Reply(about="The report.", bodies=REPORT_BODIES)},
    body=Wanted,
    form=FORM_PARTS,
    problems=_TOO_MUCH
    | {422: "The requirements cannot be met together.", 503: "The resolver gives no answer, or this node stops."},
)
