"""uv as the resolver: a child process, which reads this node's own pages as whoever asks may read them."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from uv import find_uv_bin
from zope.interface import implementer

from tiercache.access.warrants import Warrants
from tiercache.errors.prefetch import ResolverFailed, Unresolvable
from tiercache.interfaces import Pool
from tiercache.interfaces.resolver import IResolver, Question
from tiercache.resolving.call import call_for
from tiercache.resolving.child import Children, Ended
from tiercache.resolving.meant_sdists import with_meant_sdists
from tiercache.resolving.own_index import OwnIndex
from tiercache.resolving.words import is_no_way, scrubbed

log = Logger()

AT_ONCE = 2
"""So many processes; further questions wait for their turn."""

DEADLINE_S = 120.0
MOST_BYTES = 32 * 1024 * 1024
"""Of an answer: a thousand releases with thirty files each, and that three times."""


def installed_uv(path: str | None = None) -> str | None:
    """The program, beside the running Python or on `path` (as PATH is); None where there is none."""
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return shutil.which("uv", path=path)


@implementer(IResolver)
@define(kw_only=True)
class UvResolver:
    """`program` gives where uv is, None where it is not; in `folder` each run has one of its own, for its time."""

    _program: Callable[[], str | None]
    _children: Children
    _index: OwnIndex
    _warrants: Warrants
    _folder: str | None
    _pool: Pool
    _python: str = sys.executable
    _turns: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(AT_ONCE), init=False)
    _is_stopped: bool = field(default=False, init=False)

    async def resolve(self, question: Question) -> str:
        """See `IResolver`."""
        await self._turns.acquire()
        try:
            return await self._resolved(question)
        finally:
            self._turns.release()

    async def stop(self) -> None:
        """Answer nobody any more, and end what runs."""
        self._is_stopped = True
        await self._children.stop()

    async def _resolved(self, question: Question) -> str:
        self._go_on()
        program = await self._pool(self._program)
        if program is None:
            raise ResolverFailed(reason="uv is not installed beside this node")
        # Named before it is made: who leaves while it is being made leaves nothing behind.
        folder = str(Path(self._folder or tempfile.gettempdir(), f"resolving-{secrets.token_hex(8)}"))
        try:
            await self._make(folder)
            return await self._run(program, question, folder)
        finally:
            await self._pool(_removed, folder)

    def _go_on(self) -> None:
        """Raises ResolverFailed once the node stops, so that no program is begun that nobody would end."""
        if self._is_stopped:
            raise ResolverFailed(reason="the node stops")

    async def _run(self, program: str, question: Question, folder: str) -> str:
        password = self._warrants.issue(question.for_whom)
        try:
            async with self._index.reading() as base_url:
                words = partial(call_for, base_url=base_url, password=password, folder=folder, python=self._python)
                call = await self._pool(words, question)
                await self._pool(_write, folder, call.files)
                self._go_on()
                ended = await self._children.run(program, call.arguments, call.environment, folder)
            scrub = partial(scrubbed, base_url=base_url, password=password, folder=folder)
            said = await self._pool(scrub, ended.err.decode(errors="replace"))
        except (OSError, CannotListenError) as error:
            raise ResolverFailed(reason=f"it could not be started: {error}") from error
        finally:
            self._warrants.revoke(password)
        answer = _answer(ended, said)
        return await self._pool(with_meant_sdists, answer) if question.sdists else answer

    async def _make(self, folder: str) -> None:
        try:
            await self._pool(_made, folder)
        except OSError as error:
            raise ResolverFailed(reason=f"it has no folder to run in: {error}") from error


def resolver_on(
    reactor: Any, site: IProtocolFactory, *, warrants: Warrants, folder: str | None, pool: Pool, path: str | None
) -> UvResolver:
    """The resolver of a node.  `site`: where it reads; `folder` None: that of the machine; `path` as PATH is."""
    return UvResolver(
        program=partial(installed_uv, path),
        children=Children(reactor=reactor, clock=reactor, most_bytes=MOST_BYTES, deadline_s=DEADLINE_S),
        index=OwnIndex(listen=lambda: reactor.listenTCP(0, site, interface="127.0.0.1")),
        warrants=warrants,
        folder=folder,
        pool=pool,
    )


def _answer(ended: Ended, said: str) -> str:
    """What came of it.  Raises Unresolvable, ResolverFailed."""
    match ended.cut:
        case "deadline":
            raise ResolverFailed(reason="it did not end in time")
        case "flood":
            raise ResolverFailed(reason="it says more than is read")
        case "stop":
            raise ResolverFailed(reason="the node stops")
    if ended.status is None:
        raise ResolverFailed(reason=f"it was killed by signal {ended.signal}")
    if ended.status == 0:
        try:
            answer = ended.out.decode()
        except UnicodeDecodeError:
            raise ResolverFailed(reason="its answer is no text") from None
        return answer
    if is_no_way(said):
        raise Unresolvable(words=said)
    log.warn("the resolver failed with status {status}: {said}", status=ended.status, said=said)
    raise ResolverFailed(reason=said or f"it ended with status {ended.status}")


def _made(folder: str) -> None:
    """Make a folder, which nobody else may look into."""
    path = Path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700)


def _write(folder: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = Path(folder) / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def _removed(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
