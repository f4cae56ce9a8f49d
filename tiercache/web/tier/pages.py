"""`/api/v1/pages`: many project pages in one exchange, a line for each as it is ready.

Behind those that were asked for come some that were not, and that they need: `prefetch/neighbourhood`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.web.server import Request

from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages, ShownPage
from tiercache.errors import InvalidName, NoTierAnswered, NotStored, ProjectAbsent, TiercacheError
from tiercache.interfaces import Pool
from tiercache.policy.cache_status import Outcome, append, render
from tiercache.policy.entry import Ask
from tiercache.policy.hints import Hints
from tiercache.policy.news import Position
from tiercache.prefetch.neighbourhood import Neighbourhood
from tiercache.prefetch.next_sidecar import NextSidecars
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import normalise
from tiercache.simple.negotiate import choose_encoding
from tiercache.web.answer import NO_STORE, Answer, problem
from tiercache.web.errors import outcome_of
from tiercache.web.request import ask_of, field_of
from tiercache.web.route import Lines, Operation, Reply, Route
from tiercache.web.simple import SimplePages, is_storable
from tiercache.web.tier.line_stream import Gzip, Identity, LineStream
from tiercache.wire import NDJSON, NOT_SENT, PAGES, ROOT, PageLine, PagesWanted

log = Logger()

MOST_BODY_BYTES = 512 * 1024
"""Of a request: `MOST_PROJECTS` of the longest names and entity tags take less."""

WENT_WRONG = "error"
"""The reason in a line whose project met with what was not foreseen: the log says more."""

_PAGES = Operation(
    name="askForPages",
    about="Many project pages at once: a line for each, in the order in which they are ready.",
    body=PagesWanted,
    replies={200: Reply(about="Lines of JSON, each a `PageLine`.", bodies={NDJSON: Lines(PageLine)})},
    problems={413: "There is more in the request than its bounds allow.", 415: "The request's body is no plain JSON."},
)
_ENCODER = msgspec.json.Encoder()


@frozen(kw_only=True)
class _Wanted:
    name: ProjectName
    etag: str | None
    ask: Ask
    is_readable: bool
    is_asked_for: bool = True


@frozen(kw_only=True)
class _Settled:
    """What became of one: the page, or the line where there is none.  `next`: whose sidecar is read next."""

    wanted: _Wanted
    at: Position
    shown: ShownPage | None = None
    next: File | None = None
    line: PageLine | None = None


@define(kw_only=True, eq=False)
class _Answer:
    """What the lines of one answer have in common."""

    releases: int
    neighbourhood: Neighbourhood
    lines: LineStream[_Wanted, _Settled] = field(init=False)


@define(kw_only=True)
class PageRoutes:
    """The pages, as the nodes below ask for them.

    `told`: how far those who listen to the journal have been told.  `may_read`: whether a caller may read a project.
    """

    _node_name: str
    _pages: Pages
    _simple: SimplePages
    _sidecars: NewestSidecars
    _next: NextSidecars
    _told: Callable[[], Position]
    _may_read: Callable[[Request, ProjectName], bool]
    _pool: Pool

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (Route(verb="POST", path=f"/{ROOT}{PAGES}", act=self.pages, permission="read", operation=_PAGES),)

    async def pages(self, request: Request) -> Answer:
        """The lines; what the request's Cache-Control allows counts for each."""
        body = request.content.read(MOST_BODY_BYTES + 1) if request.content is not None else b""
        if len(body) > MOST_BODY_BYTES:
            return problem(413, f"The body may have {MOST_BODY_BYTES} bytes.")
        if not _is_plain_json(request):
            return problem(415, "The body is to be application/json, without a coding.")
        try:
            asked = _decoded(body)
            wanted = self._wanted(request, asked)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return problem(400, f"The body is not what it should be: {error}.")
        except InvalidName as error:
            return problem(400, str(error))
        answer = _Answer(
            releases=asked.metadata,
            neighbourhood=Neighbourhood(
                pages=self._pages,
                may_read=partial(self._may_read, request),
                left=asked.neighbours if asked.metadata else 0,
                met={one.name for one in wanted},
                is_at_ease=self._next.is_at_ease,
            ),
        )
        is_zipped = choose_encoding(field_of(request, "accept-encoding")) == "gzip"
        answer.lines = LineStream(
            wanted=wanted,
            settle=partial(self._settled, answer),
            write=partial(self._line, answer),
            coding=Gzip() if is_zipped else Identity(),
            pool=self._pool,
        )
        fields = {
            "Content-Type": NDJSON,
            "Cache-Control": NO_STORE,
            "Vary": "Accept-Encoding",
            "X-Accel-Buffering": "no",  # a line is to be had when it is ready
            **({"Content-Encoding": "gzip"} if is_zipped else {}),
        }
        return Answer(headers=fields, body=answer.lines)

    def _wanted(self, request: Request, asked: PagesWanted) -> list[_Wanted]:
        """Each project once: of a name that comes twice the first counts.  Raises InvalidName."""
        plain, hints = ask_of(request, local=False), _hints_of(asked)
        first: dict[ProjectName, _Wanted] = {}
        for project in asked.projects:
            name = normalise(project.name)  # as it is already, but for a newline that the schema's pattern lets pass
            if name not in first:
                told = evolve(hints, specifier=project.specifier, extras=project.extras)
                ask = evolve(plain, hints=told)
                is_readable = self._may_read(request, name)
                first[name] = _Wanted(name=name, etag=project.etag, ask=ask, is_readable=is_readable)
        return list(first.values())

    async def _settled(self, answer: _Answer, wanted: _Wanted) -> _Settled:
        # Taken before anything is asked: what is journalled meanwhile may not be in the page, and counts as news of it.
        at = self._told()
        if not wanted.is_readable:
            return _Settled(wanted=wanted, at=at, line=PageLine(name=wanted.name, status="forbidden"))
        try:
            shown = await self._pages.shown(wanted.name, wanted.ask)
            goes_along = answer.releases and wanted.etag is None  # who has the page has what it read of it
            following = await self._next.brought(shown, wanted.ask) if goes_along else None
        except TiercacheError as error:
            return _Settled(wanted=wanted, at=at, line=self._without_page(wanted, error))
        except CancelledError:  # the client has left
            raise
        except Exception:  # noqa: BLE001  # one project that breaks must not take the others' lines with it
            return _Settled(wanted=wanted, at=at, line=_broken(wanted))
        return _Settled(wanted=wanted, at=at, shown=shown, next=following)

    def _without_page(self, wanted: _Wanted, error: TiercacheError) -> PageLine:
        """The line of a project that has no page.  Not to be stored is not to be absent: another node may have it."""
        line = PageLine(name=wanted.name, status="unavailable", cache_status=self._cache_status(outcome_of(error)))
        match error:
            case ProjectAbsent():
                return evolve(line, status="absent")
            case NoTierAnswered(reason=reason, retry_after_s=retry_after_s):
                return evolve(line, reason=reason, retry_after_s=retry_after_s)
            case NotStored():
                return evolve(line, reason="not-stored")
            case _:
                return evolve(line, reason=str(error))

    async def _line(self, answer: _Answer, settled: _Settled) -> bytes:
        line = settled.line
        if line is None:
            assert settled.shown is not None  # noqa: S101  # one of the two is there
            line = await self._written(answer, settled, settled.shown)
        told = evolve(line, epoch=settled.at.epoch, at=settled.at.serial)
        encoded = _ENCODER.encode(told) + b"\n"
        if settled.wanted.is_asked_for or answer.neighbourhood.has_room_for(len(encoded)):
            return encoded
        return _ENCODER.encode(_not_sent(told)) + b"\n"

    async def _written(self, answer: _Answer, settled: _Settled, shown: ShownPage) -> PageLine:
        wanted = settled.wanted
        try:
            line = await self._with_page(wanted, shown, answer.releases, settled.next)
            return line if line.status != "page" else await self._with_neighbours(line, answer, settled)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  # as above
            return _broken(wanted)

    async def _with_neighbours(self, line: PageLine, answer: _Answer, settled: _Settled) -> PageLine:
        """The line, and what follows of which it tells."""
        metadata = None if settled.next is None else self._next.of(settled.next)
        beyond = await answer.neighbourhood.beyond(metadata, settled.wanted.ask)
        answer.lines.add(
            _Wanted(name=project, etag=None, ask=ask, is_readable=True, is_asked_for=False) for project, ask in beyond
        )
        return evolve(line, follows=tuple(project for project, _ in beyond)) if beyond else line

    async def _with_page(self, wanted: _Wanted, shown: ShownPage, releases: int, first: File | None) -> PageLine:
        rendering = await self._simple.as_json(shown)
        ttl_s = shown.outcome.ttl_s
        line = PageLine(
            name=wanted.name,
            status="not-modified",
            etag=rendering.etag,
            age_s=shown.age_s,
            lifetime_s=None if ttl_s is None else max(0.0, shown.age_s + ttl_s),
            storable=is_storable(shown),
            serial=shown.serial,
            home=shown.home,
            reserved=shown.is_reserved,
            cache_status=self._cache_status(shown.outcome),
        )
        if wanted.etag == rendering.etag:
            return line
        sidecars: Mapping[str, str] = self._sidecars.of(shown.page, releases, first)
        return evolve(line, status="page", page=msgspec.Raw(rendering.body), sidecars=sidecars)

    def _cache_status(self, outcome: Outcome | None) -> str | None:
        return None if outcome is None else append(outcome.above, render(self._node_name, outcome))


def _hints_of(asked: PagesWanted) -> Hints:
    told = asked.environment
    where = Hints() if told is None else Hints(python=told.python, platform=told.platform)
    return evolve(where, universal=asked.universal, neighbours=asked.neighbours)


def _not_sent(line: PageLine) -> PageLine:
    """What comes in the stead of a line that there is no room for; what was to follow it is told all the same."""
    return PageLine(name=line.name, status="unavailable", reason=NOT_SENT, follows=line.follows)


def _decoded(body: bytes) -> PagesWanted:
    """Raises MsgspecError, UnicodeDecodeError, RecursionError."""
    stated = msgspec.json.decode(body)
    if isinstance(stated, dict):
        for key in ("metadata", "neighbours"):
            number = stated.get(key)
            if isinstance(number, float) and number.is_integer():  # which JSON Schema takes for an integer
                stated[key] = int(number)
    return msgspec.convert(stated, PagesWanted)


def _broken(wanted: _Wanted) -> PageLine:
    """The line for what was not foreseen, which is being handled: the log is told of it."""
    log.failure("the page of {project} for a node below: not foreseen", project=wanted.name)
    return PageLine(name=wanted.name, status="unavailable", reason=WENT_WRONG)


def _is_plain_json(request: Request) -> bool:
    stated = (field_of(request, "content-type") or "application/json").partition(";")[0].strip().lower()
    return stated == "application/json" and (field_of(request, "content-encoding") or "identity") == "identity"
