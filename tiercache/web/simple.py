"""The Simple API: `/simple/` and `/local/`, their project lists and project pages.

Which page is shown is the cache's affair, and how it reads `tiercache.simple`'s; here the two meet HTTP: negotiation,
validators, encodings, and the renderings that are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import partial
from urllib.parse import quote

from attrs import define, evolve
from isal import igzip
from twisted.web.server import Request

from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.pages import Pages, ShownPage
from tiercache.cache.switch import OfflineSwitch
from tiercache.interfaces import Pool
from tiercache.policy.cache_status import Outcome
from tiercache.policy.conclude import PARTIAL
from tiercache.policy.freshness import stated_age, stated_lifetime
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import identity_of, normalise
from tiercache.simple.negotiate import Syntax, choose_encoding, negotiate
from tiercache.simple.render import render_html, render_json, render_project_list_html, render_project_list_json
from tiercache.web.ahead import Ahead
from tiercache.web.answer import NO_STORE, Answer, Current, moved, text
from tiercache.web.conditional import etag_matches
from tiercache.web.renderings import Rendering, Renderings
from tiercache.web.request import ask_of, field_of, parameter_of, with_query
from tiercache.web.standing import IAtHand, PageStanding
from tiercache.web.visitor import readable

LARGE_LIST_NAMES = 5000  # the same of a project list
JSON_SYNTAX = "application/vnd.pypi.simple.v1+json"
VARY = "Accept, Accept-Encoding"
SYNTAXES = {syntax.content_type: syntax for syntax in Syntax}


@define(kw_only=True)
class SimplePages:
    """`/simple/`, or with `_local` `/local/`: the same pages, from the store alone.

    `at_hand`: what tells whether a page is the same still, None where no page is kept ready.  `ahead` reads ahead, if
    anything does.
    """

    _pages: Pages
    _switch: OfflineSwitch
    _pool: Pool
    _renderings: Renderings
    _local: bool
    _client_max_age_s: float
    _at_hand: IAtHand | None = None
    _ahead: Ahead | None = None

    async def project_list(self, request: Request) -> Answer:
        """Every project that this node knows; the tiers' own lists are never asked for."""
        syntax = _syntax(request)
        if syntax is None:
            return _not_acceptable()
        encoding = choose_encoding(field_of(request, "accept-encoding"))
        readers = readable(request)
        names = self._pages.known_projects(self._local)
        if not readers.is_all:
            names = [name for name in names if name in readers]
        render = render_project_list_json if syntax.is_json else render_project_list_html
        made = await self._made(lambda: render(names, None), encoding, is_large=len(names) > LARGE_LIST_NAMES)
        return self._answer(request, made, syntax, encoding, Outcome(hit=True))

    async def project_page(self, request: Request, project: str) -> Answer:
        """A project's page.  A name that is not normalised is redirected (PEP 503)."""
        name = normalise(project)
        if name != project:
            return moved(with_query(f"../{name}/", request))
        syntax = _syntax(request)
        if syntax is None:
            return _not_acceptable()
        encoding = choose_encoding(field_of(request, "accept-encoding"))
        shown = await self._shown(request, name)
        made = await self._rendering(shown, syntax, encoding)
        answer = self._answer(request, made, syntax, encoding, shown.outcome, self._fields(shown))
        return evolve(answer, standing=self._standing(shown, made, syntax, encoding))

    def _fields(self, shown: ShownPage) -> dict[str, str]:
        fields = {
            "Age": str(stated_age(shown.age_s)),
            "Cache-Control": stated_lifetime(self._client_max_age_s, shown.age_s, shown.outcome.ttl_s),
        }
        if not is_storable(shown):
            fields["Cache-Control"] = NO_STORE
        if shown.serial is not None:
            fields["X-PyPI-Last-Serial"] = str(shown.serial)
        return fields

    def _standing(self, shown: ShownPage, made: Rendering, syntax: Syntax, encoding: str) -> PageStanding | None:
        if self._at_hand is None or not is_storable(shown):
            return None

        def answered(now: ShownPage) -> Current:
            fields, outcome = self._fields(now), now.outcome
            return Current(
                answer=self._whole(made, syntax, encoding, outcome, fields),
                not_modified=self._not_modified(made, outcome, fields),
            )

        return PageStanding(
            variant=(syntax.content_type, encoding),
            size_bytes=len(made.body),
            at_hand=self._at_hand,
            local=self._local,
            project=shown.project,
            version=shown.version,
            serial=shown.serial,
            answered=answered,
        )

    def at_once(self, project: ProjectName, variant: tuple[str, str]) -> PageStanding | None:
        """What the page stands on in a variant, if the page is at hand and rendered, or rendered in no time.

        It is what `project_page` would answer now to who asks for nothing but that.
        """
        shown = None if self._at_hand is None else self._at_hand.page(project, local=self._local)
        if shown is None:
            return None
        syntax, encoding = SYNTAXES[variant[0]], variant[1]
        key = self._key(shown, syntax, encoding)
        made = self._renderings.ready(key)
        if made is None and not shown.is_large:
            made = _make(partial(self._body, shown, shown.page, syntax), encoding)
            self._renderings.keep(key, made)
        return None if made is None else self._standing(shown, made, syntax, encoding)

    async def _shown(self, request: Request, project: ProjectName) -> ShownPage:
        ask = ask_of(request, local=self._local)
        if self._ahead is None:
            return await self._pages.shown(project, ask)
        return await self._ahead.page(request, project, ask)

    async def missing_slash(self, request: Request, project: str) -> Answer:
        """The page without its slash: redirected to the normalised name at once."""
        return moved(with_query(f"{normalise(project)}/", request))

    async def missing_slash_of_list(self, request: Request) -> Answer:
        """The list without its slash."""
        return moved(with_query("local/" if self._local else "simple/", request))

    async def as_json(self, shown: ShownPage) -> Rendering:
        """A page as the JSON of the Simple API, its URLs relative to itself; kept as all renderings are."""
        syntax = negotiate(JSON_SYNTAX, None)
        assert syntax is not None  # noqa: S101  # there is this one
        return await self._rendering(shown, syntax, "identity")

    def file_url(self, file: File) -> str:
        """Where a file is to be had, relative to its project's page."""
        up = "../" if self._local else "../../"
        return f"{up}files/{identity_of(file).segment}/{quote(file.filename, safe='')}"

    # -- rendering --------------------------------------------------------------------------------------------

    async def _rendering(self, shown: ShownPage, syntax: Syntax, encoding: str) -> Rendering:
        key = self._key(shown, syntax, encoding)
        return await self._renderings.rendering(key, lambda: self._rendered(shown, syntax, encoding))

    def _key(self, shown: ShownPage, syntax: Syntax, encoding: str) -> Hashable:
        shown_locally = self._local or self._switch.is_offline
        return (shown.project, self._local, shown_locally, shown.version, shown.serial, syntax.content_type, encoding)

    async def _rendered(self, shown: ShownPage, syntax: Syntax, encoding: str) -> Rendering:
        page = await shown.together(self._pool)
        is_large = len(page.files) > LARGE_PAGE_FILES
        return await self._made(partial(self._body, shown, page, syntax), encoding, is_large=is_large)

    def _body(self, shown: ShownPage, page: Page, syntax: Syntax) -> bytes:
        render = render_json if syntax.is_json else render_html
        return render(page, file_url=self.file_url, serial=shown.serial)

    def _made(self, render: Callable[[], bytes], encoding: str, *, is_large: bool) -> Awaitable[Rendering]:
        if is_large:
            return self._pool(_make, render, encoding)
        return _at_once(render, encoding)

    def _answer(
        self,
        request: Request,
        made: Rendering,
        syntax: Syntax,
        encoding: str,
        outcome: Outcome,
        fields: dict[str, str] | None = None,
    ) -> Answer:
        if etag_matches(field_of(request, "if-none-match"), made.etag):
            return self._not_modified(made, outcome, fields)
        return self._whole(made, syntax, encoding, outcome, fields)

    def _whole(
        self, made: Rendering, syntax: Syntax, encoding: str, outcome: Outcome, fields: Mapping[str, str] | None
    ) -> Answer:
        headers = {**self._validators(made), **(fields or {}), "Content-Type": syntax.content_type}
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        return Answer(headers=headers, body=made.body, outcome=outcome)

    def _not_modified(self, made: Rendering, outcome: Outcome, fields: Mapping[str, str] | None) -> Answer:
        headers = {**self._validators(made), **(fields or {})}
        return Answer(status=304, headers=headers, outcome=outcome)  # RFC 9110 section 15.4.5

    def _validators(self, made: Rendering) -> dict[str, str]:
        lifetime = stated_lifetime(self._client_max_age_s, 0.0, None)
        return {"ETag": made.etag, "Cache-Control": lifetime, "Vary": VARY}


def is_storable(shown: ShownPage) -> bool:
    """Whether a node below may keep a page: not one whose tier forbids that, or which this node had no room for, nor
    one that lacks what a tier has which does not answer."""
    return shown.outcome.detail != PARTIAL and (shown.outcome.fwd_status is None or shown.outcome.stored)


async def _at_once(render: Callable[[], bytes], encoding: str) -> Rendering:
    return _make(render, encoding)


def _make(render: Callable[[], bytes], encoding: str) -> Rendering:
    body = render()
    if encoding == "gzip":
        body = igzip.compress(body, mtime=0)  # no time in it: equal pages have equal tags
    return Rendering(body=body, etag=f'"{hashlib.sha256(body).hexdigest()}"')


def _syntax(request: Request) -> Syntax | None:
    return negotiate(field_of(request, "accept"), parameter_of(request, "format"))


def _not_acceptable() -> Answer:
    return text(
        406,
        "This page is to be had as application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html "
        "and text/html.",
        {"Vary": VARY},
    )
