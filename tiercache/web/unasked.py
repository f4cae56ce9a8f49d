"""What is at hand although nobody has asked for it yet: the answers of routes, without the way through the routes.

It has come before somebody wanted it: by read-ahead, along with a page of a node above, or before the node was started.
Only what anybody may read, by the plainest of paths; whatever is None here the application is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from attrs import define, frozen

from tiercache.access.permissions import Scope
from tiercache.errors import TiercacheError
from tiercache.policy.entry import Ask
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.prefetch.walk import Client
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects, checked_filename, is_normal, parse_identity
from tiercache.web.answer import IStanding, Variant
from tiercache.web.asker import Asker
from tiercache.web.files import FileRoutes
from tiercache.web.simple import SimplePages

METADATA = ".metadata"

_PAGE = re.compile(rb"/(simple|local)/([a-z0-9-]+)/")
_FILE = re.compile(rb"/(local/)?files/([a-z0-9_-]+)/((?:[A-Za-z0-9._+!~-]|%2[Bb]|%21)+)")


@frozen(kw_only=True)
class FirstAnswer:
    """What the one is given who asks first; `told` is to be called once it was, with who that is."""

    standing: IStanding
    told: Callable[[Asker], None]


@define(kw_only=True)
class Unasked:
    """Finds it.  `simple`, `local`, `files` and `local_files`: whose answers these are.

    `anyone`: the projects that anybody reads.  `read_ahead`: what guesses at what is asked for next, if anything does.
    """

    _simple: SimplePages
    _local: SimplePages
    _files: FileRoutes
    _local_files: FileRoutes
    _anyone: Scope
    _read_ahead: ReadAhead | None

    def find(self, target: bytes, variant: Variant) -> FirstAnswer | None:
        """What the application would answer now to a plain request for this, if it is at hand."""
        try:
            page = _PAGE.fullmatch(target)
            if page is not None:
                return self._page(page[2].decode(), variant, is_local=page[1] == b"local")
            file = _FILE.fullmatch(target)
            if file is not None:
                filename = checked_filename(unquote(file[3].decode()))
                return self._file(parse_identity(file[2].decode()), filename, is_local=file[1] is not None)
        except TiercacheError:  # the application has the words for it
            pass
        return None

    def _page(self, name: str, variant: Variant, *, is_local: bool) -> FirstAnswer | None:
        project = ProjectName(name)
        if variant is None or not is_normal(name) or project not in self._anyone:
            return None
        standing = (self._local if is_local else self._simple).at_once(project, variant)
        if standing is None:
            return None

        def told(asker: Asker) -> None:
            if self._read_ahead is not None and not is_local:
                self._read_ahead.page_given(self._client(asker), project, _ask(asker))

        return FirstAnswer(standing=standing, told=told)

    def _file(self, identity: FileIdentity, filename: str, *, is_local: bool) -> FirstAnswer | None:
        routes = self._local_files if is_local else self._files
        whose = filename.removesuffix(METADATA)
        is_sidecar = whose != filename
        if not self._may_be_anyones(whose):
            return None
        standing = routes.sidecar_at_once(identity, whose) if is_sidecar else routes.file_at_once(identity, filename)
        if standing is None or standing.answer.project is None or standing.answer.project not in self._anyone:
            return None

        def told(asker: Asker) -> None:
            if self._read_ahead is None or is_local:
                return
            if is_sidecar:
                self._read_ahead.sidecar_given(self._client(asker), identity, whose, _ask(asker))
            elif asker.is_for_all:
                self._read_ahead.file_given(self._client(asker), identity, filename, _ask(asker))

        return FirstAnswer(standing=standing, told=told)

    def _may_be_anyones(self, filename: str) -> bool:
        """Whether nobody has to say who they are before it is looked whose file that is (`guard`)."""
        projects = candidate_projects(filename)
        return self._anyone.is_all or (bool(projects) and all(project in self._anyone for project in projects))

    def _client(self, asker: Asker) -> Client:
        return Client(address=asker.address, user_agent=asker.user_agent, may_read=self._anyone.__contains__)


def _ask(asker: Asker) -> Ask:
    return Ask(hops=asker.hops)
